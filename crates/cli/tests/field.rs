//! Files as people brought them (docs/inputs.md, "Field cases"), and the right values.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

struct Case {
    folder: tempfile::TempDir,
}

fn case(files: &[(&str, &str)]) -> Case {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    Case { folder }
}

impl Case {
    fn dir(&self) -> &Path {
        self.folder.path()
    }

    fn said(&self, args: &[&str]) -> (Option<i32>, String, String) {
        let out =
            Command::cargo_bin("equipoise").unwrap().current_dir(self.dir()).args(args).output().unwrap();
        let text = |b: Vec<u8>| String::from_utf8(b).unwrap();
        (out.status.code(), text(out.stdout), text(out.stderr))
    }

    fn done(&self, args: &[&str]) -> (String, String) {
        let (code, out, err) = self.said(args);
        assert_eq!(code, Some(0), "{args:?}: {err}");
        (out, err)
    }

    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.done(&[args, &["--json"]].concat()).0).unwrap()
    }

    /// The row of an item on the board.
    fn row(&self, file: &str, item: &str) -> Value {
        let board = self.json(&["rank", file, "--replicates", "0"]);
        let rows = board["rows"].as_array().unwrap();
        rows.iter().find(|row| row["label"] == item).unwrap_or_else(|| panic!("{item}: {board}")).clone()
    }
}

/// Probabilities by name, against fractions.
fn assert_policy(answer: &Value, expected: &[(&str, f64)]) {
    let labels = answer["labels"].as_array().unwrap();
    assert_eq!(labels.len(), expected.len(), "{answer}");
    for (label, probability) in expected {
        let k = labels.iter().position(|l| l == label).unwrap();
        let found = answer["policy"][k].as_f64().unwrap();
        assert!((found - probability).abs() < 1e-9, "{label}: {found}, not {probability}");
    }
}

#[test]
fn tables_as_they_are_pasted() {
    let case = case(&[
        ("rounded.csv", "m,x,y,z\nx,0.5,0.563,0.313\ny,0.438,0.5,0.688\nz,0.688,0.313,0.5\n"),
        ("payoffs.csv", "m,x,y,z\nx,0,3,-1\ny,-3,0,2\nz,1,-2,0\n"),
        ("tabs.csv", "m\tx\ty\tz\nx\t0.5\t0.7\t0.4\ny\t0.3\t0.5\t0.8\nz\t0.6\t0.2\t0.5\n"),
        ("german.csv", "m;x;y;z\nx;0,5;0,7;0,4\ny;0,3;0,5;0,8\nz;0,6;0,2;0,5\n"),
        (
            "game.nfg",
            "NFG 1 R \"small\" { \"P0\" \"P1\" }\n\n{ { \"1\" \"2\" }\n{ \"1\" \"2\" }\n}\n\"\"\n\n{\n{ \"\" 4, -4 }\n{ \"\" 1, -1 }\n{ \"\" 1, -1 }\n{ \"\" 2, -2 }\n}\n1 2 3 4\n",
        ),
        ("wins.csv", ",A,B,C\nA,0,180,66\nB,140,0,200\nC,254,120,24\n"),
    ]);
    // 01
    let (code, _, err) = case.said(&["solve", "rounded.csv"]);
    assert!(code == Some(2) && err.contains("--symmetrise"), "{err}");
    let rounded = case.json(&["solve", "rounded.csv", "--symmetrise"]);
    assert_policy(&rounded, &[("x", 3.0 / 7.0), ("y", 3.0 / 7.0), ("z", 1.0 / 7.0)]);
    // 04
    let payoffs = case.json(&["solve", "payoffs.csv"]);
    assert_policy(&payoffs, &[("x", 1.0 / 3.0), ("y", 1.0 / 6.0), ("z", 0.5)]);
    for file in ["tabs.csv", "german.csv"] {
        assert_policy(&case.json(&["solve", file]), &[("x", 0.5), ("y", 1.0 / 6.0), ("z", 1.0 / 3.0)]);
    }
    // 05
    let game = case.json(&["solve", "game.nfg"]);
    for (key, expected) in [("rows", [0.25, 0.75]), ("columns", [0.25, 0.75])] {
        for (k, probability) in expected.iter().enumerate() {
            assert!((game[key][k].as_f64().unwrap() - probability).abs() < 1e-9, "{game}");
        }
    }
    assert!((game["value"].as_f64().unwrap() - 1.75).abs() < 1e-9, "{game}");
    // 36
    let (_, remarks) = case.done(&["solve", "wins.csv"]);
    assert!(remarks.contains("24"), "{remarks}");
    let wins = case.json(&["solve", "wins.csv"]);
    assert_policy(&wins, &[("A", 20.0 / 77.0), ("B", 47.0 / 77.0), ("C", 10.0 / 77.0)]);
    assert_eq!(case.json(&["rank", "wins.csv", "--replicates", "0"])["observations"], 960.0);
}

/// 07: a slow method is not one that cycles.
#[test]
fn no_verdict_from_a_finite_horizon() {
    let config = "format: 1\nname: slow\ngames:\n  - a-delta: { delta: 0.01, name: slow }\nsolvers:\n  - omwu: { step_size: 0.2 }\nseed: 1\nlimits: { steps: 20000 }\nmetrics: [duality_gap]\n";
    let case = case(&[("game.yaml", config)]);
    let (out, _) = case.done(&["run", "game.yaml", "--out", "out"]);
    assert!(!out.contains("cycl") || out.contains("undecided") || out.contains("falling"), "{out}");
    let summary = std::fs::read_to_string(case.dir().join("out/summary.json")).unwrap();
    let summary: Value = serde_json::from_str(&summary).unwrap();
    let behaviour = summary["runs"][0]["behaviour"].as_str().unwrap();
    assert!(!behaviour.contains("cycling"), "{behaviour}");
    assert!(!out.contains("Only its average converges"), "{out}");
}

#[test]
fn certainty_that_the_data_do_not_bear() {
    let case = case(&[
        ("teams.csv", "item_a,item_b,outcome,weight\nModel1,Model2,a,7\nModel1,Model2,b,3\n"),
        ("winless.csv", "item_a,item_b,outcome,weight\nA,B,a,4\nA,B,b,6\nA,C,a,9\nB,C,a,8\n"),
        ("islands.csv", "item_a,item_b,outcome,weight\nA,B,a,6\nA,B,b,4\nC,D,a,9\nC,D,b,1\n"),
        ("one.csv", "item_a,item_b,outcome\nA,B,a\n"),
        (
            "position.csv",
            "model_a,model_b,winner,weight\nA,B,model_a,70\nA,B,model_b,30\nB,A,model_a,60\nB,A,model_b,40\n",
        ),
        ("ab.csv", "item_a,item_b,outcome\nA,B,a\nA,B,b\n"),
        ("ba.csv", "item_a,item_b,outcome\nB,A,a\nB,A,b\n"),
        ("tied.csv", "ranking\np1 > p2 = p3 = p4 > p5\n"),
    ]);
    // 08
    let teams = case.json(&["rank", "teams.csv", "--replicates", "0"]);
    for board in ["bradley-terry", "borda", "copeland", "elo", "nash", "trueskill"] {
        assert_eq!(teams["leaders"][board], serde_json::json!(["Model1"]), "{board}");
    }
    let fit = case.json(&["fit", "teams.csv", "--model", "bradley-terry"]);
    let strength = |fit: &Value, k: usize| fit["log_strength"][k].as_f64().unwrap();
    assert!((strength(&fit, 0) - strength(&fit, 1) - (7f64 / 3.0).ln()).abs() < 1e-6, "{fit}");
    // 10: an item that never won has no lower end, and a place behind the others
    let (winless, other) = (case.row("winless.csv", "C"), case.row("winless.csv", "A"));
    assert!(winless["low"].is_null() && other["low"].is_number(), "{winless}");
    assert!((winless["bradley_terry"].as_f64().unwrap() + 2.0229).abs() < 1e-3, "{winless}");
    assert_eq!((&winless["rank_low"], &other["rank_high"]), (&3.into(), &2.into()));
    // 12
    let islands = case.json(&["fit", "islands.csv", "--model", "bradley-terry"]);
    assert!((strength(&islands, 0) - strength(&islands, 1) - 1.5f64.ln()).abs() < 1e-6);
    assert!((strength(&islands, 2) - strength(&islands, 3) - 9f64.ln()).abs() < 1e-6);
    assert_eq!(islands["degrees_of_freedom"], 0.0);
    for item in ["A", "B", "C", "D"] {
        assert_eq!(case.row("islands.csv", item)["rank_high"], 4, "{item}");
    }
    let (verdict, _) = case.done(&["inspect", "islands.csv", "--replicates", "99"]);
    assert!(verdict.starts_with("not enough data to tell"), "{verdict}");
    // 13
    let one = case.json(&["fit", "one.csv", "--model", "bradley-terry"]);
    assert!((strength(&one, 0) - 0.528).abs() < 1e-3 && one["held_out_loss"].is_null(), "{one}");
    assert!(one["no_held_out_loss"].is_string());
    // 16
    for args in [
        &["rank", "position.csv", "--replicates", "0"][..],
        &["inspect", "position.csv", "--replicates", "99"],
    ] {
        let (out, _) = case.done(args);
        assert!(
            out.contains("130 of 200") && (out.contains("2.7e-5") || out.contains("p < 0.001")),
            "{args:?}: {out}"
        );
    }
    let home = case.json(&["fit", "position.csv", "--model", "bradley-terry", "--home"]);
    assert!((home["home"].as_f64().unwrap() - 0.626_381_484_5).abs() < 1e-6, "{home}");
    // 19
    let both = ["ab.csv", "ba.csv"].map(|file| case.done(&["rank", file, "--replicates", "0"]).0);
    assert_eq!(both[0], both[1]);
    assert!(both[0].contains("top by bradley-terry: A and B (a tie)") && !both[0].contains("nobody who met"));
    // 20
    for model in ["elo", "trueskill"] {
        let fit = case.json(&["fit", "tied.csv", "--model", model]);
        let (labels, rating) = (fit["labels"].as_array().unwrap(), &fit["rating"]);
        let of = |name: &str| rating[labels.iter().position(|l| l == name).unwrap()].as_f64().unwrap();
        assert_eq!((of("p2"), of("p3")), (of("p3"), of("p4")), "{model}");
        assert!(of("p1") > of("p2") && of("p4") > of("p5"), "{model}");
    }
}

#[test]
fn rows_in_the_forms_of_others() {
    let case = case(&[
        (
            "unspaced.csv",
            "ranking,weight\nAnna>Bert>Carl,5\nBert>Carl>Anna,4\nCarl>Anna>Bert,3\nAnna > Bert > Carl,1\n",
        ),
        (
            "ms.jsonl",
            "{\"model_a\":\"A\",\"model_b\":\"B\",\"winner\":\"model_a\",\"tstamp\":1704449472250}\n{\"model_a\":\"A\",\"model_b\":\"B\",\"winner\":\"model_a\",\"tstamp\":1704535872250}\n{\"model_a\":\"A\",\"model_b\":\"B\",\"winner\":\"model_b\",\"tstamp\":1717200000000}\n{\"model_a\":\"A\",\"model_b\":\"B\",\"winner\":\"model_b\",\"tstamp\":1719800000000}\n",
        ),
        (
            "alike.csv",
            "item_a,item_b,outcome\nJuli\u{e1}n,Ben,a\nJulia\u{301}n,Ben,b\nAda,Ben,a\nAda\u{a0},Ben,a\nBen\u{200b},Ada,a\nada,Ben,b\n",
        ),
        (
            "arena.json",
            "[{\"question_id\":\"q1\",\"model_a\":\"m1\",\"model_b\":\"m2\",\"winner\":\"model_b\",\"judge\":\"u1\",\"turn\":1,\"anony\":true,\"language\":\"English\",\"tstamp\":1682351591.1},\n {\"question_id\":\"q2\",\"model_a\":\"m1\",\"model_b\":\"m2\",\"winner\":\"tie\",\"judge\":\"u1\",\"turn\":1,\"anony\":true,\"language\":\"English\",\"tstamp\":1682351654.7}]",
        ),
        (
            "hard.jsonl",
            "{\"question_id\":\"q1\",\"model\":\"mine\",\"judge\":\"judge-x\",\"games\":[{\"score\":\"A>B\"},{\"score\":\"A>>B\"}]}\n{\"question_id\":\"q2\",\"model\":\"mine\",\"judge\":\"judge-x\",\"games\":[{\"score\":\"A=B\"},{\"score\":null}]}\n",
        ),
        (
            "alpaca.json",
            "[{\"instruction\":\"Q1\",\"generator_1\":\"ref\",\"generator_2\":\"mine\",\"annotator\":\"w\",\"preference\":1.0000034},\n {\"instruction\":\"Q2\",\"generator_1\":\"ref\",\"generator_2\":\"mine\",\"annotator\":\"w\",\"preference\":1.6931},\n {\"instruction\":\"Q3\",\"generator_1\":\"ref\",\"generator_2\":\"mine\",\"annotator\":\"w\",\"preference\":null}]",
        ),
        (
            "bench.jsonl",
            "{\"chosen_model\":\"m1\",\"rejected_model\":\"m2\",\"subset\":\"easy\",\"id\":0}\n{\"chosen_model\":\"m2\",\"rejected_model\":\"m1\",\"subset\":\"hard\",\"id\":1}\n",
        ),
        ("name.csv", "item_a,item_b,outcome\nAda,Ben,Ada\nBen,Cy,Cy\nCy,Ada,draw\n"),
        ("num.csv", "item_a,item_b,outcome\nAda,Ben,1\nBen,Cy,0\nCy,Ada,0.5\n"),
        ("case.csv", "Model_A,Model_B,Winner\nAda,Ben,A\nBen,Cy,B\nCy,Ada,Tie\n"),
        (
            "tennis.csv",
            "tourney_id,surface,tourney_date,winner_id,winner_name,loser_id,loser_name,score\n2023-01,Hard,20230102,1,Ana Ro,2,Bea Li,6-4 6-4\n2023-01,Hard,20230103,2,Bea Li,3,Cat Mo,7-5 6-3\n",
        ),
        ("empty.csv", "item_a,item_b,outcome\nA,B,a\nA,B,\nB,A,error\nB,A,a\n"),
        (
            "empty.jsonl",
            "{\"model_a\":\"A\",\"model_b\":\"B\",\"winner\":\"model_a\"}\n{\"model_a\":\"A\",\"model_b\":\"B\",\"winner\":null}\n{\"model_a\":\"A\",\"model_b\":\"B\"}\n",
        ),
    ]);
    // 23
    let unspaced = case.json(&["solve", "unspaced.csv"]);
    assert_policy(&unspaced, &[("Anna", 7.0 / 13.0), ("Bert", 1.0 / 13.0), ("Carl", 5.0 / 13.0)]);
    // 25
    let ms = case.json(&["fit", "ms.jsonl", "--model", "bradley-terry", "--since", "2024-03-01"]);
    assert_eq!(ms["comparisons"], 2.0);
    assert!(ms["log_strength"][0].as_f64().unwrap() < 0.0, "B won both");
    // 27
    let (_, alike) = case.done(&["rank", "alike.csv", "--replicates", "0"]);
    assert!(alike.contains("--normalise-names") && alike.contains("`Ben\\u{200b}`"), "{alike}");
    let one = case.json(&["rank", "alike.csv", "--normalise-names", "--replicates", "0"]);
    assert_eq!(one["n"], 3);
    // 28, 30, 31, 32
    for (file, observations, item, borda) in [
        ("arena.json", 2.0, "m2", 0.75),
        ("hard.jsonl", 3.0, "mine", 0.5),
        ("alpaca.json", 2.0, "mine", 0.346_551_7),
        ("bench.jsonl", 2.0, "m1", 0.5),
    ] {
        let board = case.json(&["rank", file, "--replicates", "0"]);
        let total: f64 = case.row(file, item)["comparisons"].as_f64().unwrap();
        assert!((total - observations).abs() < 1e-9, "{file}: {board}");
        assert!((case.row(file, item)["borda"].as_f64().unwrap() - borda).abs() < 1e-6, "{file}: {board}");
    }
    // 34
    for file in ["name.csv", "num.csv", "case.csv"] {
        let share = |item: &str| case.row(file, item)["borda"].as_f64().unwrap();
        assert_eq!([share("Ada"), share("Ben"), share("Cy")], [0.75, 0.0, 0.75], "{file}");
    }
    // 35
    let top = case.row("tennis.csv", "Ana Ro");
    assert_eq!((&top["comparisons"], &top["borda"]), (&1.0.into(), &1.0.into()));
    // 37
    for (file, left) in [("empty.csv", 2.0), ("empty.jsonl", 1.0)] {
        let (code, _, err) = case.said(&["rank", file, "--replicates", "0"]);
        assert!(code == Some(2) && err.contains("--invalid skip"), "{err}");
        let (_, err) = case.done(&["rank", file, "--invalid", "skip", "--replicates", "0"]);
        assert!(
            err.contains("no outcome") && err.contains(&format!("{left:.0} comparison")),
            "{file}: {err}"
        );
    }
}

/// 40: thousands of players have ranks and errors; what stops below says what does not.
#[test]
fn many_players_have_a_way_out() {
    let mut text = "item_a,item_b,outcome\n".to_owned();
    let (players, mut state) = (4000_u64, 7_u64);
    for _ in 0..3 * players {
        let mut next = |n: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % n
        };
        let (i, shift, won) = (next(players), 1 + next(players - 1), next(2));
        let outcome = ["a", "b"][usize::try_from(won).unwrap()];
        text.push_str(&format!("p{i},p{},{outcome}\n", (i + shift) % players));
    }
    let case = case(&[("d.csv", &text)]);
    let ranked = case.json(&["rank", "d.csv", "--replicates", "0"]);
    let items = ranked["rows"].as_array().unwrap();
    assert!(items.len() > 3900 && items.iter().all(|item| item["standard_error"].is_number()));
    let fit = case.json(&["fit", "d.csv", "--model", "bradley-terry"]);
    let errors = fit["standard_error"].as_array().unwrap();
    assert!(errors.len() > 3900 && errors.iter().all(|e| e.as_f64().is_some_and(|e| e > 0.0)));
    assert!(fit["standard_error_relative_error"].as_f64().unwrap() < 0.05);
    let newman = case.json(&["fit", "d.csv", "--model", "bradley-terry", "--algorithm", "newman"]);
    assert!(newman["standard_error"].is_null());
    let (code, _, err) = case.said(&["fit", "d.csv", "--model", "davidson"]);
    assert!(code == Some(2) && err.contains("equipoise fit --model bradley-terry"), "{err}");
}
