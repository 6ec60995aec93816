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
    assert!(
        done && text.starts_with("No item beats every other, and no part of the 3 beats the rest.\n"),
        "{text}"
    );
    assert!(text.contains("its gap is 0.2000 at least"), "{text}");
    // groups of rules, the largest first, each with what it chooses
    let line = |start: &str| {
        text.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{start}: {text}"))
    };
    assert!(line("0, 1, 2 (a tie): ").contains("copeland") && line("1: ").contains("minimax"), "{text}");
    assert_eq!(line("2: "), "2: borda");
    let nash = line(" maximal-lottery");
    assert!(nash.contains("1 0.571, 0 0.286, 2 0.143") && nash.contains("0.0000"), "{nash}");
    let transitive = "0.5,0.6,0.7\n0.4,0.5,0.6\n0.3,0.4,0.5\n";
    let (_, text, _) = asked(&["concepts", "game.csv"], &[("game.csv", transitive)]);
    assert!(text.starts_with("0 beats every other of 3 items.\n0: "), "{text}");
    assert!(!text.contains("Any single item loses"), "{text}");
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
        (vec!["concepts", "game.csv", "--tau", "inf"], "--tau inf must be a finite number above 0"),
        (vec!["concepts", "game.csv", "--reference", "mu.json"], "mu.json"),
        (vec!["concepts", "none.csv"], "none.csv: "),
        (vec!["concepts", "game.csv", "--beta", "-1"], "--beta -1 must be a finite number of at least 0"),
        (vec!["concepts", "game.csv", "--level", "0"], "--level 0 must be above 0 and at most 1"),
        (vec!["concepts", "game.csv", "--samples", "0"], "--samples 0 must be at least 1"),
        (vec!["concepts", "game.csv", "--level", "1.5"], "--level 1.5 must be above 0 and at most 1"),
        (vec!["concepts", "game.csv", "--judge", "mu.json"], "mu.json"),
        // the judge's file is named, and not the game's
        (
            vec!["concepts", "game.csv", "--judge", "two.csv"],
            "two.csv: has no item `2`: all judges need the same items",
        ),
        (
            vec!["concepts", "two.csv", "--judge", "game.csv"],
            "game.csv: has items more: all judges need the same items",
        ),
        (vec!["concepts", "game.csv", "--html", "game.csv"], "game.csv"),
        (vec!["concepts", "game.csv", "--html", "mu.json"], "mu.json"),
    ] {
        let files = [("game.csv", CYCLE), ("mu.json", "[0.5, 0.5, 0.0]"), ("two.csv", "0.5,0.6\n0.4,0.5\n")];
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
    let row = |answer: &Value, name: &str| {
        answer["rows"].as_array().unwrap().iter().find(|row| row["concept"] == name).unwrap().clone()
    };
    let blackwell = row(&answer, "blackwell");
    let value = blackwell["guaranteed"].as_f64().unwrap();
    assert!(value > 0.4 && value < 0.5, "{json}");
    assert!(row(&answer, "rlhf")["guaranteed"].is_null() && row(&answer, "rlhf")["parameters"] == "tau 0.1");
    let (_, text, _) =
        asked(&["concepts", "game.csv", "--judge", "other.csv", "--only", "blackwell"], &files);
    assert!(text.contains(&format!("guarantees {value:.4}")), "{text}");
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
    // who stands where is text of the page, whole
    assert!(page.contains("</b>quantal-response: 0 0.198, 1 0.521, 2 0.281</li>"), "{page}");
}

/// Each judge's ballots count as one judge: the game is the mean of the two, and rules on ballots are asked of all of them.
#[test]
fn judges_with_ballots_keep_them() {
    let files = [
        ("first.csv", "ranking,weight\na > b > c,3\nc > a > b,1\n"),
        ("second.csv", "ranking,weight\nc > b > a,2\n"),
        ("rates.csv", ",a,b,c\na,0.5,0.6,0.7\nb,0.4,0.5,0.6\nc,0.3,0.4,0.5\n"),
    ];
    let rows = |arguments: &[&str]| {
        let (done, json, notes) = asked(arguments, &files);
        assert!(done, "{notes}");
        (serde_json::from_str::<Value>(&json).unwrap(), notes)
    };
    let (answer, _) = rows(&[
        "concepts",
        "first.csv",
        "--judge",
        "second.csv",
        "--only",
        "plurality",
        "--only",
        "random-dictatorship",
        "--only",
        "blackwell",
        "--json",
    ]);
    assert_eq!(answer["voters"], 6.0);
    // first places: a 3/4 of one judge, c 1/4 of it and all of the other
    let row =
        |name: &str| answer["rows"].as_array().unwrap().iter().find(|row| row["concept"] == name).unwrap();
    assert_eq!(row("random-dictatorship")["policy"], serde_json::json!([0.375, 0.0, 0.625]));
    assert_eq!(row("plurality")["winners"], serde_json::json!(["c"]));
    assert!(row("blackwell")["guaranteed"].is_number());
    let (answer, notes) =
        rows(&["concepts", "first.csv", "--judge", "rates.csv", "--only", "plurality", "--json"]);
    let open = answer["rows"][0]["open"].as_str().unwrap();
    assert!(
        open.contains("ballots of every judge") && notes.contains("some judges have win rates alone"),
        "{open} {notes}"
    );
    assert!(answer["voters"].is_null());
}

/// Why a rule does not play the item that beats every other is said of each: its scores, or the part that its lottery leaves it.
#[test]
fn exceptions_have_their_reason() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("votes.csv"), "ranking,weight\na > b > c,3\nb > c > a,2\n").unwrap();
    let run = Command::cargo_bin("equipoise")
        .unwrap()
        .current_dir(&folder)
        .args(["concepts", "votes.csv", "--html", "page.html", "--tau", "0.2"])
        .output()
        .unwrap();
    assert!(run.status.success());
    let page = fs::read_to_string(folder.path().join("page.html")).unwrap();
    assert!(page.contains("borda plays b: score "), "{page}");
    assert!(page.contains("random-dictatorship plays a with probability 0.6000"), "{page}");
    assert!(
        page.contains("quantal-response plays a with probability 0.") && page.contains("; tau 0.2)"),
        "{page}"
    );
    assert!(!page.contains("minimax plays"), "{page}");
}

/// Bad profiles: what is wrong, where, and the way out; never a heuristic in silence.
#[test]
fn profiles_that_cannot_be() {
    let ranking = |rows: &str| format!("ranking,weight\n{rows}");
    for (text, more, fragments) in [
        (
            "a > b > c,0\nb > c > a,0\n",
            &[][..],
            &["votes.csv", "no ranking with a weight above 0", "give some ranking a weight"][..],
        ),
        (
            "a > b > c,-1\nb > c > a,2\n",
            &[],
            &["votes.csv:2", "weight `-1` must be a finite number of at least 0", "--invalid skip"],
        ),
        ("a > b > c,nan\n", &[], &["votes.csv:2", "weight `nan`", "finite"]),
        ("a > b > c,inf\n", &[], &["votes.csv:2", "weight `inf`", "finite"]),
        ("a > b > a,1\n", &[], &["votes.csv:2", "ranks `a` twice", "--invalid skip"]),
        ("", &[], &["votes.csv", "has no comparisons"]),
        ("a > b > c,1\n", &["--items", "a,zz"], &["votes.csv", "`zz`"]),
        ("a > b > c,1\n", &["--reference", "mu.csv"], &["mu.csv:3", "no action `z`"]),
        (
            "a > b > c,1\n",
            &["--features", "x.csv", "--only", "lcpo"],
            &["x.csv:3", "`inf` is not a finite number"],
        ),
    ] {
        let arguments = [&["concepts", "votes.csv"], more].concat();
        let text = ranking(text);
        let files = [
            ("votes.csv", &text[..]),
            ("mu.csv", "label,prob\na,0.5\nz,0.5\n"),
            ("x.csv", "item,x\na,1\nb,inf\nc,2\n"),
        ];
        let (done, _, error) = asked(&arguments, &files);
        assert!(!done, "{text}");
        fragments.iter().for_each(|fragment| assert!(error.contains(fragment), "{fragment}: {error}"));
    }
    // a voter of weight 0 is nobody, and it is said
    let with_zero = ranking("a > b,2\nb > a,0\n");
    let (done, json, notes) =
        asked(&["concepts", "votes.csv", "--only", "plurality", "--json"], &[("votes.csv", &with_zero)]);
    assert!(done && notes.contains("1 rankings have a weight of 0 and are left out"), "{notes}");
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["voters"], 2.0);
    // one item: every rule that answers plays it
    let (done, json, notes) =
        asked(&["concepts", "votes.csv", "--json"], &[("votes.csv", "ranking,weight\na,3\n")]);
    assert!(done, "{notes}");
    let answer: Value = serde_json::from_str(&json).unwrap();
    for row in answer["rows"].as_array().unwrap() {
        let open =
            row["open"].as_str().map(|reason| reason.contains("judges") || reason.contains("features"));
        assert!(open.unwrap_or(row["policy"] == serde_json::json!([1.0])), "{row}");
    }
}

/// Rules that are exact up to a size say so above it, with the way out, and the others answer.
#[test]
fn sizes_of_exact_rules() {
    let names: Vec<String> = (0..70).map(|i| format!("i{i:02}")).collect();
    let (mut turned, mut text) = (names.clone(), String::from("ranking,weight\n"));
    for _ in 0..5 {
        text.push_str(&format!("{},1\n", turned.join(" > ")));
        turned.rotate_left(14);
    }
    let (done, json, notes) =
        asked(&["concepts", "votes.csv", "--axioms", "--json"], &[("votes.csv", &text)]);
    assert!(done, "{notes}");
    let answer: Value = serde_json::from_str(&json).unwrap();
    let row = |name: &str| {
        answer["rows"].as_array().unwrap().iter().find(|r| r["concept"] == name).unwrap().clone()
    };
    for rule in ["kemeny", "slater", "stable-voting", "deviation-ratings"] {
        let row = row(rule);
        let open = row["open"].as_str().unwrap_or_else(|| panic!("{rule}: {row}"));
        assert!(open.contains("up to ") && open.contains("--items"), "{rule}: {open}");
        assert!(row["policy"].is_null());
    }
    for rule in ["essential", "schulze", "copeland", "maximal-lottery"] {
        assert!(row(rule)["policy"].is_array(), "{rule}: {}", row(rule));
    }
    let ballot = row("borda")["one_ballot"]["open"].as_str().unwrap().to_owned();
    assert!(ballot.contains("70! ballots") && ballot.contains("--items"), "{ballot}");
}

/// Ballots that leave items out: what counts below is said, and a rule that compares whole ballots says that it did not look.
#[test]
fn rankings_that_leave_items_out() {
    let text = "ranking,weight\na > b > c,2\nc,1\nb = c > a,1\n";
    let (done, json, notes) = asked(&["concepts", "votes.csv", "--axioms", "--json"], &[("votes.csv", text)]);
    assert!(
        done && notes.contains("1 of 3 rankings leave items out, which count below all that they list"),
        "{notes}"
    );
    let answer: Value = serde_json::from_str(&json).unwrap();
    let row =
        answer["rows"].as_array().unwrap().iter().find(|r| r["concept"] == "random-dictatorship").unwrap();
    let open = row["one_ballot"]["open"].as_str().unwrap();
    assert!(open.contains("2 ballots have ties, which are not looked at"), "{open}");
}
