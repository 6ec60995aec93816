//! The audit as a user meets it: the exit code carries the verdict, and a broken claim leaves a configuration that
//! replays it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use assert_cmd::Command;

fn equipoise(args: &[&str]) -> (i32, String, String) {
    let out = Command::cargo_bin("equipoise").unwrap().args(args).output().unwrap();
    let text = |b: Vec<u8>| String::from_utf8(b).unwrap();
    (out.status.code().unwrap(), text(out.stdout), text(out.stderr))
}

#[test]
fn a_claim_that_holds_ends_with_0() {
    let (code, out, err) = equipoise(&["audit", "--claim", "egpo-contraction", "--search", "20", "--json"]);
    assert_eq!(code, 0, "{out}{err}");
    let audited: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(audited[0]["verdict"], "PASS");
    assert!(audited[0]["least_slack"].as_f64().unwrap() >= 1.0);
    // the suite and the worst of the search; all 25 searched games are counted
    assert_eq!(audited[0]["findings"].as_array().unwrap().len(), 41);
    assert_eq!((&audited[0]["searched"], &audited[0]["verdicts"]["PASS"]), (&25.into(), &65.into()));
}

#[test]
fn a_vacuous_bound_is_named_and_its_finding_replays() {
    let dir = tempfile::tempdir().unwrap();
    let path = |p: &str| dir.path().join(p).to_str().unwrap().to_owned();
    for (solver, claim) in [("inpo", "inpo-published"), ("nash-md", "nash-md-published")] {
        let args = ["audit", "--solver", solver, "--out", &path(solver)];
        let (code, out, _) = equipoise(&args);
        // Nash-MD's floor is broken claim enough
        assert_eq!(code, i32::from(solver == "nash-md"), "{out}");
        let page = std::fs::read_to_string(path(&format!("{solver}/audit.md"))).unwrap();
        let named = format!("predict nothing:\n\n- {claim}");
        assert!(page.contains(&named) && page.contains("; off on 30 of 30."), "{page}");
        let folder = path(&format!("{solver}/findings/{claim}"));
        let (code, out, err) = equipoise(&["check", &folder, "--out", &path("replayed")]);
        assert_eq!(code, 0, "{out}{err}");
    }
}

#[test]
fn a_broken_claim_ends_with_1_and_its_counter_example_replays() {
    let dir = tempfile::tempdir().unwrap();
    let path = |p: &str| dir.path().join(p).to_str().unwrap().to_owned();
    let (code, out, _) = equipoise(&["audit", "--solver", "onpo", "--out", &path("audit")]);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("onpo-average-printed") && out.contains("FAIL"), "{out}");
    let page = std::fs::read_to_string(path("audit/audit.md")).unwrap();
    assert!(
        page.contains("## onpo-average-printed: FAIL") && page.contains("## onpo-average: PASS"),
        "{page}"
    );
    let folder = path("audit/counterexamples/onpo-average-printed");
    let (code, out, err) = equipoise(&["check", &folder, "--out", &path("replayed")]);
    assert_eq!(code, 0, "{out}{err}");
}

#[test]
fn an_unknown_claim_ends_with_2() {
    let (code, _, err) = equipoise(&["audit", "--claim", "no-such-claim"]);
    assert!(code == 2 && err.contains("egpo-contraction"), "{code} {err}");
}
