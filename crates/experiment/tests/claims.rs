//! `expected.yaml` speaks of what its experiment has: anything else is refused by place, before a run is spent on it.

use std::path::{Path, PathBuf};

use equipoise_experiment::{ConfigError, Plan, check::read_expected, file, parse_file, resolve};

fn plan() -> Plan {
    let text = "games: [cyclic, two-actions]\nsolvers: [egpo, mwu]\nmetrics: [duality_gap, entropy]\n";
    let file = file::parse("experiment.yaml", Path::new("."), text.as_bytes(), &[]).expect("a file");
    Plan::new(resolve(&file).expect("a spec")).expect("a plan")
}

fn error(claims: &str) -> ConfigError {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("expected.yaml");
    std::fs::write(&path, claims).expect("written");
    read_expected(&path, &plan()).expect_err(claims)
}

#[test]
fn words_that_the_experiment_does_not_have_are_refused_by_place() {
    for (claim, column, fragment) in [
        ("{ metric: duality_gp, at_most: 1 }", 13, "did you mean `duality_gap`? known: duality_gap, entropy"),
        // a metric of the registry that this experiment does not record
        ("{ metric: span, at_most: 1 }", 13, "unknown metric of this experiment `span`"),
        ("{ metric: entropy, iterate: lst, at_most: 1 }", 31, "did you mean `last`?"),
        ("{ metric: entropy, solver: egp, at_most: 1 }", 30, "did you mean `egpo`? known: egpo, mwu"),
        (
            "{ metric: entropy, game: cyclc, at_most: 1 }",
            28,
            "did you mean `cyclic`? known: cyclic, two-actions",
        ),
    ] {
        let error = error(&format!("- {{ metric: entropy, at_most: 1 }}\n- {claim}\n"));
        assert_eq!((error.line, error.column), (2, column), "{claim}\n{error}");
        assert!(error.to_string().contains(fragment), "{claim}\n{error}");
    }
}

/// Folders below `folder` that hold claims.
fn with_claims(folder: &Path, found: &mut Vec<PathBuf>) {
    if folder.join("expected.yaml").exists() {
        found.push(folder.to_owned());
    }
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            with_claims(&path, found);
        }
    }
}

#[test]
fn the_claims_of_every_experiment_speak_of_its_runs() {
    let mut found = Vec::new();
    with_claims(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments"), &mut found);
    assert!(found.len() > 10, "{found:?}");
    for folder in found {
        let file = parse_file(&folder.join("experiment.yaml"), &[]).unwrap_or_else(|e| panic!("{e}"));
        let plan = resolve(&file).and_then(Plan::new).unwrap_or_else(|e| panic!("{e}"));
        read_expected(&folder.join("expected.yaml"), &plan).unwrap_or_else(|e| panic!("{e}"));
    }
}
