//! `equipoise concepts` as its users type it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use assert_cmd::Command;
use serde_json::Value;

fn asked(arguments: &[&str], files: &[(&str, &str)]) -> (bool, String, String) {
    let folder = tempfile::tempdir().unwrap();
    files.iter().for_each(|(name, text)| fs::write(folder.path().join(name), text).unwrap());
    let run = Command::cargo_bin("equipoise").unwrap().current_dir(&folder).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (run.status.success(), text(run.stdout), text(run.stderr))
}

const CYCLE: &str = "0.5,0.6,0.1\n0.4,0.5,0.7\n0.9,0.3,0.5\n";

#[test]
fn the_answer_comes_first() {
    let (done, text, _) = asked(&["concepts", "game.csv"], &[("game.csv", CYCLE)]);
    assert!(done && text.starts_with("No item beats every other"), "{text}");
    assert!(text.contains("its gap is 0.2000 at least"), "{text}");
    let transitive = "0.5,0.6,0.7\n0.4,0.5,0.6\n0.3,0.4,0.5\n";
    let (_, text, _) = asked(&["concepts", "game.csv"], &[("game.csv", transitive)]);
    assert!(text.starts_with("0 beats every other of 3 items"), "{text}");
}

#[test]
fn ballots_are_asked_where_they_are_known() {
    let ballots = "ranking,weight\na > b > c,4\nb > c > a,3\nc > a > b,2\na,1\n";
    let (done, json, notes) = asked(&["concepts", "votes.csv", "--json"], &[("votes.csv", ballots)]);
    assert!(done, "{notes}");
    let answer: Value = serde_json::from_str(&json).unwrap();
    let row = |name: &str| {
        let rows = answer["rows"].as_array().unwrap();
        rows.iter().find(|row| row["concept"] == name).unwrap().clone()
    };
    // first places: a 5, b 3, c 2; the ballot of a alone has b and c below it, level
    assert_eq!(answer["voters"], 10.0);
    assert_eq!(row("plurality")["scores"].as_array().unwrap().len(), 3);
    assert_eq!(row("plurality")["winners"], serde_json::json!(["a"]));
    assert_eq!(row("random-dictatorship")["policy"], serde_json::json!([0.5, 0.3, 0.2]));
    assert!(notes.contains("1 of 4 rankings leave items out"), "{notes}");
    let counted = "item_a,item_b,outcome\nx,y,a\ny,z,a\nz,x,a\n";
    let (_, json, notes) = asked(&["concepts", "rows.csv", "--json"], &[("rows.csv", counted)]);
    let answer: Value = serde_json::from_str(&json).unwrap();
    let open = answer["rows"].as_array().unwrap().iter().find(|row| row["concept"] == "plurality").unwrap();
    assert!(open["policy"].is_null() && open["open"].as_str().unwrap().contains("ballots"));
    assert!(notes.contains("beyond noise"), "{notes}");
}

#[test]
fn slips_have_their_rule_and_the_way_out() {
    for (arguments, fragment) in [
        (vec!["concepts", "game.csv", "--only", "schulz"], "did you mean `schulze`?"),
        (vec!["concepts", "game.csv", "--tau", "0"], "--tau 0 must be a finite number above 0"),
        (vec!["concepts", "game.csv", "--tau", "nan"], "--tau NaN must be"),
        (vec!["concepts", "game.csv", "--reference", "mu.json"], "mu.json"),
        (vec!["concepts", "none.csv"], "none.csv"),
        (vec!["concepts", "game.csv", "--beta", "-1"], "--beta -1 must be a finite number of at least 0"),
        (vec!["concepts", "game.csv", "--level", "0"], "--level 0 must be above 0 and at most 1"),
        (vec!["concepts", "game.csv", "--samples", "0"], "--samples 0 must be at least 1"),
        (vec!["concepts", "game.csv", "--judge", "mu.json"], "mu.json"),
        (vec!["concepts", "game.csv", "--html", "game.csv"], "game.csv"),
        (vec!["concepts", "game.csv", "--html", "mu.json"], "mu.json"),
    ] {
        let files = [("game.csv", CYCLE), ("mu.json", "[0.5, 0.5, 0.0]")];
        let (done, _, error) = asked(&arguments, &files);
        assert!(!done && error.contains(fragment), "{arguments:?}: {error}");
    }
}

#[test]
fn axioms_and_other_ballots_are_told_where_they_are_asked_for() {
    let ballots = "ranking,weight\na > c > b,1\na > b > c,3\nc > a > b,1\nb > c > a,4\n";
    let (done, json, notes) =
        asked(&["concepts", "votes.csv", "--axioms", "--json"], &[("votes.csv", ballots)]);
    assert!(done, "{notes}");
    let answer: Value = serde_json::from_str(&json).unwrap();
    let row = |name: &str| {
        answer["rows"].as_array().unwrap().iter().find(|row| row["concept"] == name).unwrap().clone()
    };
    let nash = row("maximal-lottery");
    let verdict = |axiom: &str| {
        let all = nash["axioms"].as_array().unwrap();
        all.iter().find(|a| a["axiom"] == axiom).unwrap()["verdict"].clone()
    };
    assert_eq!((verdict("clones"), verdict("monotonicity")), ("satisfied".into(), "refuted".into()));
    assert_eq!(nash["one_ballot"]["gains"], true);
    assert_eq!(row("random-dictatorship")["one_ballot"]["gains"], false);
    let (_, text, _) =
        asked(&["concepts", "votes.csv", "--axioms", "--only", "borda"], &[("votes.csv", ballots)]);
    assert!(text.contains("satisfies") && text.contains("condorcet-winner"), "{text}");
    let (_, json, _) = asked(&["list", "axioms", "--json"], &[]);
    let rows: Value = serde_json::from_str(&json).unwrap();
    let row = rows.as_array().unwrap().iter().find(|row| row["name"] == "participation").unwrap().clone();
    assert!(row["source"].as_str().unwrap().contains("Moulin 1988"), "{row}");
    assert!(row["refuted"].as_array().unwrap().iter().any(|e| e["rule"] == "copeland"), "{row}");
}

#[test]
fn features_make_linear_rules() {
    let ballots = "ranking,weight\na > b > c,3\nc > b > a,2\n";
    let features = "item,x\na,2\nb,1\nc,0\n";
    let arguments = ["concepts", "votes.csv", "--features", "x.csv", "--only", "lcpo", "--json"];
    let (done, json, notes) = asked(&arguments, &[("votes.csv", ballots), ("x.csv", features)]);
    assert!(done, "{notes}");
    let answer: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(answer["rows"][0]["rankings"], serde_json::json!([["a", "b", "c"]]));
    let (done, _, error) = asked(&arguments, &[("votes.csv", ballots), ("x.csv", "item,x\na,2\n")]);
    assert!(!done && error.contains("`b` has no features"), "{error}");
}

#[test]
fn several_judges_and_the_page() {
    let other = "0.5,0.4,0.8\n0.6,0.5,0.3\n0.2,0.7,0.5\n";
    let files = [("game.csv", CYCLE), ("other.csv", other)];
    let (done, json, notes) = asked(
        &["concepts", "game.csv", "--judge", "other.csv", "--only", "blackwell", "--only", "rlhf", "--json"],
        &files,
    );
    assert!(done, "{notes}");
    let answer: Value = serde_json::from_str(&json).unwrap();
    assert!(answer["rows"][1]["policy"].is_array(), "{json}");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("game.csv"), CYCLE).unwrap();
    let run = || {
        Command::cargo_bin("equipoise")
            .unwrap()
            .current_dir(&folder)
            .args(["concepts", "game.csv", "--html", "page.html"])
            .output()
            .unwrap()
    };
    assert!(run().status.success() && run().status.success());
    let page = fs::read_to_string(folder.path().join("page.html")).unwrap();
    let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}"));
    assert!(at("No item beats every other") < at("<svg") && at("<polygon") < at("<table>"));
}
