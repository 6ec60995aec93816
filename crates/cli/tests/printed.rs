//! Names that act on a terminal: as they are in JSON and tables for other programs, as escapes for people.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

/// Ordinary names (joiners of letters and of pictures, a direction mark) and hostile ones.
const NAMES: [&str; 5] =
    ["a\u{200d}b", "\u{1f469}\u{200d}\u{1f52c}", "\u{202e}gpj", "x\u{1b}]0;own\u{7}", "tab\u{9b}31m<b>"];

fn equipoise(dir: &Path, args: &[&str]) -> (String, String) {
    let out = Command::cargo_bin("equipoise").unwrap().current_dir(dir).args(args).output().unwrap();
    let text = |b: Vec<u8>| String::from_utf8(b).unwrap();
    assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    (text(out.stdout), text(out.stderr))
}

fn raw(text: &str) -> Option<char> {
    text.chars().find(|c| equipoise_records::text::is_unprintable(*c))
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(all) => all.iter().flat_map(texts).collect(),
        Value::Object(all) => {
            all.iter().flat_map(|(key, value)| std::iter::once(key.as_str()).chain(texts(value))).collect()
        }
        _ => Vec::new(),
    }
}

fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut data = "item_a,item_b,outcome,context\n".to_owned();
    for (k, first) in NAMES.iter().enumerate() {
        for second in &NAMES[k + 1..] {
            for outcome in ["a", "b", "tie"] {
                data.push_str(&format!("{first},{second},{outcome},c{first}\n"));
            }
        }
    }
    std::fs::write(dir.path().join("d.csv"), data).unwrap();
    std::fs::write(
        dir.path().join("d.yaml"),
        "name: d\ngames:\n  - comparisons: { path: d.csv }\nsolvers: [egpo, bradley-terry]\nlimits: { steps: 20 }\n",
    )
    .unwrap();
    dir
}

#[test]
fn json_holds_names_as_they_are_and_is_json() {
    let dir = folder();
    for args in [
        &["solve", "d.csv", "--json"][..],
        &["rank", "d.csv", "--replicates", "9", "--json"],
        &["fit", "d.csv", "--model", "bradley-terry", "--json"],
        &["inspect", "d.csv", "--replicates", "9", "--json"],
        &["inspect", "d.csv", "--each", "context", "--replicates", "9", "--json"],
    ] {
        let (out, err) = equipoise(dir.path(), args);
        let value: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{args:?}: {e}"));
        assert_eq!((raw(&out), raw(&err)), (None, None), "{args:?}");
        let all = texts(&value);
        assert!(NAMES.iter().all(|name| all.contains(name)) || args.contains(&"inspect"), "{args:?}");
        assert!(all.iter().all(|text| !text.contains("\\u{")), "{args:?}");
    }
    // a file, for a program
    let (csv, _) = equipoise(dir.path(), &["standings", "d.csv", "--csv"]);
    assert!(NAMES.iter().all(|name| csv.contains(name)), "{csv}");
}

#[test]
fn what_acts_on_a_terminal_is_an_escape_on_every_page() {
    let dir = folder();
    let (out, err) = equipoise(dir.path(), &["rank", "d.csv", "--replicates", "9", "--out", "board"]);
    assert_eq!((raw(&out), raw(&err)), (None, None));
    let (out, err) = equipoise(dir.path(), &["run", "d.yaml", "--out", "out"]);
    assert_eq!((raw(&out), raw(&err)), (None, None));
    for name in ["board/leaderboard.html", "board/leaderboard.md", "out/report.html", "out/report.md"] {
        let page = std::fs::read_to_string(dir.path().join(name)).unwrap();
        assert_eq!(raw(&page), None, "{name}");
        assert!(!page.contains("31m<b>"), "{name}: a name is markup");
        assert!(page.contains("u{200d}") && page.contains("u{202e}"), "{name} names the items");
    }
    for name in ["board/leaderboard.json", "out/games.json"] {
        let text = std::fs::read_to_string(dir.path().join(name)).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert!(texts(&value).iter().any(|t| t.contains(NAMES[1])), "{name}");
    }
}
