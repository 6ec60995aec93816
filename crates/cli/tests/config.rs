//! How experiments are written: `init`, `help config`, the schema, and what is said of a slip.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

fn equipoise(dir: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let out = Command::cargo_bin("equipoise").unwrap().current_dir(dir).args(args).output().unwrap();
    let text = |b: Vec<u8>| String::from_utf8(b).unwrap();
    (out.status.code(), text(out.stdout), text(out.stderr))
}

fn done(dir: &Path, args: &[&str]) -> String {
    let (code, out, err) = equipoise(dir, args);
    assert_eq!(code, Some(0), "{args:?}: {err}");
    out
}

fn schema(dir: &Path) -> Value {
    serde_json::from_str(&done(dir, &["schema"])).unwrap()
}

fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("table.csv", "x,a,b,c\na,0.5,0.7,0.41\nb,0.3,0.5,0.6\nc,0.59,0.4,0.5\n"),
        ("votes 2.csv", "item_a,item_b,outcome\nx,y,a\ny,z,a\nz,x,a\n"),
        ("pay.json", "{\"payoffs\": [[1, 2], [3, 4]]}"),
    ] {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

#[test]
fn what_init_writes_runs() {
    let dir = folder();
    let dir = dir.path();
    let top: Vec<String> = schema(dir)["properties"].as_object().unwrap().keys().cloned().collect();
    for (args, file) in [
        (&["init"][..], "cyclic.yaml"),
        (&["init", "rock-paper-scissors"], "rock-paper-scissors.yaml"),
        (&["init", "table.csv"], "table.yaml"),
        (&["init", "votes 2.csv", "--out", "sub.yaml"], "sub.yaml"),
    ] {
        assert!(done(dir, args).contains(&format!("equipoise run {file}")), "{args:?}");
        let text = std::fs::read_to_string(dir.join(file)).unwrap();
        // keys that stand for nothing of most experiments; contexts for testing are those of a policy
        let left_out = ["description", "start", "policy", "test_contexts", "noise"];
        for key in top.iter().filter(|key| !left_out.contains(&key.as_str())) {
            assert!(text.lines().any(|line| line.starts_with(&format!("{key}:"))), "{file} lacks {key}");
        }
        let name = Path::new(file).file_stem().unwrap().to_str().unwrap();
        let out = format!("results/{name}");
        done(dir, &["run", file, "--set", "limits.steps=20", "--out", &out]);
        // no method begins at the equilibrium
        let page = std::fs::read_to_string(dir.join(out).join("report.md")).unwrap();
        assert!(page.contains("mwu"), "{page}");
        // it is a file of the user from now on
        std::fs::write(dir.join(file), text.clone() + "# mine\n").unwrap();
        let (code, _, err) = equipoise(dir, args);
        assert!(code == Some(2) && err.contains("--force"), "{err}");
        assert!(std::fs::read_to_string(dir.join(file)).unwrap().ends_with("# mine\n"));
        done(dir, &[args, &["--force"]].concat());
        assert_eq!(std::fs::read_to_string(dir.join(file)).unwrap(), text);
    }
    // from another folder
    std::fs::create_dir(dir.join("there")).unwrap();
    done(dir, &["init", "table.csv", "--out", "there/x.yaml"]);
    done(dir, &["plan", "there/x.yaml", "--set", "limits.steps=5"]);
    for (args, said) in [
        (&["init", "tabel.csv"][..], "did you mean `table.csv`"),
        (&["init", "cyclc"], "did you mean the game `cyclic`"),
        (&["init", "pay.json"], "payoffs of two players"),
        (&["init", "table.csv", "--out", "table.csv", "--force"], "is read by this command"),
    ] {
        let (code, _, err) = equipoise(dir, args);
        assert!(code == Some(2) && err.contains(said), "{args:?}: {err}");
    }
}

/// Whatever a key of the schema is, it says what it means; `help config` says the same.
#[test]
fn every_key_has_a_description_and_help_has_them_all() {
    fn walk(path: &str, schema: &Value, found: &mut Vec<(String, String)>) {
        for (key, below) in schema["properties"].as_object().into_iter().flatten() {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            // a component stands for the word above it
            let described = below["description"].as_str().unwrap_or_default();
            found.push((path.clone(), described.to_owned()));
            walk(&path, below, found);
            for one in below["items"]["anyOf"].as_array().into_iter().flatten() {
                walk(&path, one, found);
            }
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let (schema, help) = (schema(dir.path()), done(dir.path(), &["help", "config"]));
    let mut keys = Vec::new();
    walk("", &schema, &mut keys);
    assert!(keys.len() > 150, "{}", keys.len());
    let squeezed = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for (path, described) in keys.iter().filter(|(path, _)| !path.ends_with(".use")) {
        assert!(!described.trim().is_empty(), "{path} has no description");
        let line = |line: &str| line.split(' ').next() == Some(path);
        assert!(help.lines().any(line), "help config lacks {path}");
        let words = described.split_whitespace().collect::<Vec<_>>().join(" ");
        // of a component the registry's summary stands there
        assert!(squeezed.contains(&words) || path.matches('.').count() == 1, "{path}: {words}");
    }
    for (key, default) in
        [("repetitions", "1"), ("seed", "0"), ("limits.steps", "10000"), ("tau", "0"), ("record", "log")]
    {
        assert!(help.contains(&format!("{key} [default: {default}]")), "{key}");
    }
    let one = done(dir.path(), &["help", "config", "egpo"]);
    assert!(one.contains("solvers.egpo.step_size [default: ") && !one.contains("solvers.mwu"), "{one}");
    assert!(done(dir.path(), &["help", "run"]).contains("equipoise run"));
    assert!(done(dir.path(), &["help"]).contains("equipoise run configs/quickstart.yaml"));
}

#[test]
fn slips_are_answered_by_the_nearest_name() {
    let dir = folder();
    let dir = dir.path();
    std::fs::write(dir.join("fig2.yaml"), "games: [cyclic]\nsolvers: [MWU]\n").unwrap();
    for (args, said) in [
        (&["run", "fig2.yaml"][..], "did you mean `mwu`?"),
        (&["run", "fig2.yml"], "did you mean `fig2.yaml`?"),
        (&["plan", "fgi2.yaml"], "did you mean `fig2.yaml`?"),
        (&["solve", "tabel.csv"], "did you mean `table.csv`?"),
        (&["audit", "--claim", "egpo"], "did you mean `egpo-"),
        (&["audit", "--claim", "EGPO-contraction"], "did you mean `egpo-contraction`?"),
        (&["audit", "--solver", "EGPO"], "did you mean `egpo`?"),
        (&["help", "reprot"], "did you mean `report`?"),
        (&["help", "config", "repetition"], "did you mean `repetitions`?"),
        (&["check", "."], "equipoise run takes a file"),
        (&["check", "fig2.yaml"], "equipoise run takes a file"),
        (&["solve", "table.csv", "--tau", "-1"], "must be a finite number, at least 0"),
        (&["run", "fig2.yaml", "--jobs", "-1"], "invalid value '-1' for '--jobs <N>'"),
        (&["run", "table.csv"], "equipoise init table.csv"),
    ] {
        let (code, _, err) = equipoise(dir, args);
        assert!(code == Some(2) && err.contains(said), "{args:?}: {err}");
        assert!(!err.contains("'-- "), "{args:?}: {err}");
    }
    let (_, _, err) = equipoise(dir, &["plan", "fig2.yaml", "--jobs", "3"]);
    assert!(err.contains("--jobs") && !err.contains("'-- "), "{err}");
}
