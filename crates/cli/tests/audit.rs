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
        // Nash-MD's floor breaks a claim, which is known
        assert_eq!(code, 0, "{out}");
        let page = std::fs::read_to_string(path(&format!("{solver}/audit.md"))).unwrap();
        let named = format!("predict nothing:\n\n- {claim}");
        assert!(page.contains(&named) && page.contains("; off on 30 of 30."), "{page}");
        let folder = path(&format!("{solver}/findings/{claim}"));
        let (code, out, err) = equipoise(&["check", &folder, "--out", &path("replayed")]);
        assert_eq!(code, 0, "{out}{err}");
    }
}

#[test]
fn a_break_that_is_known_ends_with_0_and_its_counter_example_replays() {
    let dir = tempfile::tempdir().unwrap();
    let path = |p: &str| dir.path().join(p).to_str().unwrap().to_owned();
    let (code, out, _) = equipoise(&["audit", "--solver", "onpo", "--out", &path("audit")]);
    assert_eq!(code, 0, "{out}");
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

const CYCLE: &str = "0.5,0.7,0.2\n0.3,0.5,0.9\n0.8,0.1,0.5\n";

#[test]
fn a_game_and_a_step_of_ones_own_are_audited() {
    let dir = tempfile::tempdir().unwrap();
    let game = dir.path().join("game.csv");
    std::fs::write(&game, CYCLE).unwrap();
    let game = game.to_str().unwrap();
    let audit = |args: &[&str]| equipoise(&[&["audit", "--game", game], args].concat());
    let (code, out, err) =
        audit(&["--solver", "egpo", "--set", "step_size=0.3", "--set", "tau=0.1", "--json"]);
    assert_eq!(code, 0, "{out}{err}");
    let audited: serde_json::Value = serde_json::from_str(&out).unwrap();
    for claim in audited.as_array().unwrap() {
        assert_eq!((&claim["as_expected"], claim["findings"].as_array().unwrap().len()), (&true.into(), 2));
        for finding in claim["findings"].as_array().unwrap() {
            assert_eq!(finding["facts"]["eta"], 0.3);
            assert_eq!(finding["tau"], 0.1);
            assert!(finding["instance"].as_str().unwrap().contains("game.csv"), "{finding}");
        }
    }
    // claims without the parameter, and those that fix it, are left out and named
    let (code, _, err) = audit(&["--solver", "omd", "--solver", "online-ipo-1", "--set", "step_size=0.1"]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("omd-below-limit") && err.contains("online-ipo-contraction"), "{err}");
    // a known break need not break on every game
    let (code, out, err) = audit(&["--claim", "onpo-average-printed"]);
    assert_eq!(code, 0, "{out}{err}");
    // a step that a method refuses is told, not hidden
    let (code, out, err) = audit(&["--claim", "egpo-contraction", "--set", "step_size=50"]);
    assert!(code == 1 && out.contains("ERROR"), "{code} {out}{err}");
    for (set, told) in
        [("stepsize=1", "step_size"), ("tau=-1", "at least 0"), ("steps=0", "above 0"), ("tau", "key=value")]
    {
        let (code, out, err) = audit(&["--solver", "egpo", "--set", set]);
        assert!(code == 2 && err.contains(told), "{set}: {code} {out}{err}");
    }
}

#[test]
fn a_new_break_ends_with_1() {
    let dir = tempfile::tempdir().unwrap();
    let game = dir.path().join("game.csv");
    std::fs::write(&game, CYCLE).unwrap();
    // a conjecture at a step of its own: after one period of the magnet the order is not yet that of the claim, and at rest
    // in a magnet that never moves it is broken
    let args = ["--claim", "moving-magnet-last", "--set", "period=1000000", "--set", "steps=20000", "--json"];
    let (code, out, err) = equipoise(&[&["audit", "--game", game.to_str().unwrap()], &args[..]].concat());
    assert_eq!(code, 1, "{out}{err}");
    let audited: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&audited[0]["verdict"], &audited[0]["expected"]), (&"FAIL".into(), &"INCONCLUSIVE".into()));
    assert_eq!((&audited[0]["standing"], &audited[0]["source"]), (&"conjecture".into(), &"abstract".into()));
}
