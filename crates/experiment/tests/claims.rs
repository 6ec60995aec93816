//! `expected.yaml` speaks of what its experiment has: anything else is refused by place, before a run is spent on it.

use std::path::{Path, PathBuf};

use equipoise_experiment::check::{judge, read_expected};
use equipoise_experiment::{ConfigError, Monitor, Options, Plan, execute, file, parse_file, resolve};
use equipoise_records::Iterate;

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

#[test]
fn a_budget_may_be_of_what_learning_costs_the_method_itself() {
    let text = "games: [cyclic]\npolicy: log-linear\nsolvers: [projected: { optimiser: sgd, inner_steps: 2 }]\ntau: 0.1\n\
        limits: { steps: 8 }\nrecord: { every: 1 }\nmetrics: [duality_gap_tau, evaluations]\n";
    let file = file::parse("experiment.yaml", Path::new("."), text.as_bytes(), &[]).expect("a file");
    let plan = Plan::new(resolve(&file).expect("a spec")).expect("a plan");
    let folder = tempfile::tempdir().expect("a folder");
    let options =
        Options { out: folder.path().join("out"), jobs: 1, fresh: false, shard: None, force: false };
    execute(&plan, &options, &Monitor::default()).expect("run");
    let results = equipoise_records::read(&options.out).expect("read");
    let of = |metric: &str, step: u64| {
        let mut points = results.runs[0].trace.iter().flatten();
        let found = points.find(|p| p.metric == metric && p.step == step && p.iterate == Iterate::Last);
        found.expect("recorded").value
    };
    let path = folder.path().join("expected.yaml");
    let holds = |claim: &str| {
        std::fs::write(&path, claim).expect("written");
        judge(&read_expected(&path, &plan).unwrap_or_else(|e| panic!("{e}")), &results)[0].holds
    };
    // the value is that of the last record within the budget
    assert!(of("evaluations", 3) < of("evaluations", 4) && of("evaluations", 8) > 0.0);
    for (budget, step) in [(of("evaluations", 4) - 1.0, 3), (of("evaluations", 4), 4), (1e9, 8), (0.0, 0)] {
        let gap = of("duality_gap_tau", step);
        let claim = |bound: f64, key: &str| {
            format!(
                "- {{ metric: duality_gap_tau, within: {{ evaluations: {budget} }}, {key}: {bound:e} }}\n"
            )
        };
        assert!(holds(&claim(gap, "at_most")) && holds(&claim(gap, "at_least")), "{budget} {step}");
    }
    let unrecorded = "- { metric: duality_gap_tau, within: { pulls: 9 }, at_most: 1 }\n";
    std::fs::write(&path, unrecorded).expect("written");
    let error = read_expected(&path, &plan).expect_err(unrecorded).to_string();
    assert!(
        error.contains("1:40") && error.contains("does not record") && error.contains("add `pulls`"),
        "{error}"
    );
}
