//! The keys that commands publish with `--json` are those that were recorded in `keys.txt`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use assert_cmd::Command;
use serde_json::Value;

const RECORDED: &str = include_str!("keys.txt");
const FILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys");

/// Every path below `value` with the types seen there; what a JSON schema holds is not looked at.
fn walk(value: &Value, path: &str, seen: &mut BTreeMap<String, BTreeSet<&'static str>>) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    seen.entry(path.to_owned()).or_default().insert(kind);
    match value {
        Value::Object(entries) => {
            for (key, entry) in entries {
                let path = format!("{path}.{key}");
                if key == "schema" {
                    seen.entry(path).or_default().insert("object");
                } else {
                    walk(entry, &path, seen);
                }
            }
        }
        Value::Array(entries) => entries.iter().for_each(|entry| walk(entry, &format!("{path}[]"), seen)),
        _ => {}
    }
}

/// Lines as they are recorded.
fn keys(command: &str) -> BTreeSet<String> {
    let tmp = tempfile::tempdir().unwrap();
    let command = command.replace("{tmp}", tmp.path().to_str().unwrap());
    let run = Command::cargo_bin("equipoise")
        .unwrap()
        .current_dir(FILES)
        .args(command.split_whitespace())
        .output()
        .unwrap();
    let answer = serde_json::from_slice(&run.stdout)
        .unwrap_or_else(|e| panic!("{command}: {e}\n{}", String::from_utf8_lossy(&run.stderr)));
    let mut seen = BTreeMap::new();
    walk(&answer, "", &mut seen);
    let line = |(path, kinds): (String, BTreeSet<&str>)| {
        let path = if path.is_empty() { "." } else { &path };
        format!("{path}: {}", kinds.into_iter().collect::<Vec<_>>().join("|"))
    };
    seen.into_iter().map(line).collect()
}

/// Whether a path of the record is there, with no type that the record does not name. `null|number`: a number where the data
/// bear one, else `null`.
fn held(recorded: &str, found: &BTreeSet<String>) -> bool {
    let (path, kinds) = recorded.rsplit_once(": ").unwrap();
    let same = |line: &&String| line.rsplit_once(": ").is_some_and(|(p, _)| p == path);
    let allowed = |kind: &str| kinds.split('|').any(|k| k == kind);
    found.iter().find(same).is_some_and(|line| line[path.len() + 2..].split('|').all(allowed))
}

#[test]
fn no_published_key_is_lost_renamed_or_of_another_type() {
    let mut commands = 0;
    let mut lost = Vec::new();
    for block in RECORDED.split("\n$ ").skip(1) {
        let (command, recorded) = block.split_once('\n').unwrap();
        let found = keys(command);
        let missing = recorded.lines().filter(|line| !line.is_empty() && !held(line, &found));
        lost.extend(missing.map(|line| format!("{command}: {line}")));
        commands += 1;
    }
    assert_eq!(commands, 51);
    assert!(lost.is_empty(), "published and no longer there:\n{}", lost.join("\n"));
}
