//! A game from comparisons is an estimate, and `run` says so: the verdict is that of `inspect`, and headline numbers have intervals.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

fn equipoise(dir: &Path, args: &[&str]) -> String {
    let out = Command::cargo_bin("equipoise").unwrap().current_dir(dir).args(args).output().unwrap();
    assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

/// Prompts with two votes for each of the pairs of four responses, drawn from a linear congruence: half of the games that they
/// give have a cycle.
fn votes(prompts: usize) -> String {
    let mut text = "item_a,item_b,outcome,context\n".to_owned();
    let mut state = 12_345_u64;
    for prompt in 0..prompts {
        for (a, b) in [("w", "x"), ("w", "y"), ("w", "z"), ("x", "y"), ("x", "z"), ("y", "z")] {
            for _ in 0..2 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let outcome = if state >> 40 & 1 == 0 { "a" } else { "b" };
                text.push_str(&format!("{a},{b},{outcome},p{prompt:02}\n"));
            }
        }
    }
    text
}

#[test]
fn run_and_inspect_say_the_same_of_the_same_data() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    std::fs::write(dir.join("votes.csv"), votes(14)).unwrap();
    let config = "name: estimates\ngames:\n  - comparisons: { path: votes.csv, each: context }\nsolvers: [egpo, \
                  bradley-terry]\ntau: 0.1\nlimits: { steps: 20 }\n";
    std::fs::write(dir.join("estimates.yaml"), config).unwrap();
    let plan = Command::cargo_bin("equipoise")
        .unwrap()
        .current_dir(dir)
        .args(["plan", "estimates.yaml"])
        .output()
        .unwrap();
    let plan = String::from_utf8(plan.stderr).unwrap();
    let words = "(999 data sets and 400 draws a game)";
    assert!(plan.contains("what comparisons leave open takes about ") && plan.contains(words), "{plan}");
    let said = equipoise(dir, &["run", "estimates.yaml", "--out", "out"]);
    let inspected: Value =
        serde_json::from_str(&equipoise(dir, &["inspect", "votes.csv", "--each", "context", "--json"]))
            .unwrap();
    let games: Value = serde_json::from_slice(&std::fs::read(dir.join("out/games.json")).unwrap()).unwrap();
    let games = games["games"].as_array().unwrap();
    let groups = inspected["groups"].as_array().unwrap();
    assert_eq!((games.len(), groups.len()), (14, 14));
    for (game, group) in games.iter().zip(groups) {
        let estimate = &game["estimate"];
        assert_eq!(estimate["verdict"], group["verdict"], "{}", game["name"]);
        assert_eq!(estimate["explanation"], group["explanation"]);
        assert_eq!(estimate["comparisons"], 12.0);
        assert_eq!(estimate["votes"], serde_json::json!([2.0, 2.0]));
        // two votes a pair leave the gap of any pick wide open
        let gap: (f64, f64) = serde_json::from_value(estimate["bt_gap"].clone()).unwrap();
        assert!(gap.0 < 0.5 && gap.1 > 0.5, "{gap:?}");
        let nash: Vec<(f64, f64)> = serde_json::from_value(estimate["nash"].clone()).unwrap();
        assert!(nash.len() == 4 && nash.iter().all(|(low, high)| 0.0 <= *low && low < high && *high <= 1.0));
    }
    // the summary comes first, the games behind it
    for page in [said, std::fs::read_to_string(dir.join("out/report.md")).unwrap()] {
        let unwrapped = page.split_whitespace().collect::<Vec<_>>().join(" ");
        let at = |words: &str| unwrapped.find(words).unwrap_or_else(|| panic!("{words}: {page}"));
        let first = at("P is an estimate in 14 games");
        let cyclic = groups.iter().filter(|group| group["verdict"] == "cyclic beyond noise").count();
        assert!(cyclic <= 2, "at two votes a pair no more than chance gives");
        assert!(at(&format!("Cyclic beyond noise: {cyclic} of")) > first, "{page}");
        assert!(at("Games whose Bradley-Terry pick loses to somebody") > first);
        assert!(at("Where it loses most") > first);
        if let Some(game) = unwrapped.find("votes(p00)").filter(|at| *at < first) {
            panic!("a game at {game} comes before the summary");
        }
    }
    let report = std::fs::read_to_string(dir.join("out/report.md")).unwrap();
    assert!(
        report.contains(
            "**P is an estimate:** from 12 comparisons (0 ties) of 6 of 6 pairs, 2 of each that met."
        )
    );
    assert!(
        std::fs::read_to_string(dir.join("out/report.html")).unwrap().contains("What the comparisons say")
    );
    // equal for any number of threads, and the same when it is remembered
    let estimates = |out: &str| {
        let text = std::fs::read_to_string(dir.join(out).join("games.json")).unwrap();
        serde_json::from_str::<Value>(&text).unwrap()
    };
    equipoise(dir, &["run", "estimates.yaml", "--out", "one", "--jobs", "1"]);
    assert_eq!(estimates("out"), estimates("one"));
    equipoise(dir, &["run", "estimates.yaml", "--out", "one"]);
    assert_eq!(estimates("out"), estimates("one"));
}

#[test]
fn a_matrix_is_no_estimate() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("m.yaml"), "games: [cyclic]\nsolvers: [egpo]\nlimits: { steps: 5 }\n")
        .unwrap();
    let said = equipoise(dir.path(), &["run", "m.yaml", "--out", "out"]);
    assert!(!said.contains("estimate"), "{said}");
    let games = std::fs::read_to_string(dir.path().join("out/games.json")).unwrap();
    assert!(!games.contains("estimate"));
}
