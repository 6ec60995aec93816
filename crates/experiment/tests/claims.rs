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

/// A folder, and in it the results of an experiment.
fn ran(text: &str) -> (tempfile::TempDir, Plan, equipoise_records::Results) {
    let file = file::parse("experiment.yaml", Path::new("."), text.as_bytes(), &[]).expect("a file");
    let plan = Plan::new(resolve(&file).expect("a spec")).expect("a plan");
    let folder = tempfile::tempdir().expect("a folder");
    let options = options(&folder);
    execute(&plan, &options, &Monitor::default()).expect("run");
    let results = equipoise_records::read(&options.out).expect("read");
    (folder, plan, results)
}

fn options(folder: &tempfile::TempDir) -> Options {
    Options { out: folder.path().join("out"), jobs: 2, fresh: false, shard: None, steal: None, force: false }
}

/// Why an experiment is refused: when it is resolved, or when the game is made that it depends on, before a step.
fn refused(text: &str) -> String {
    let file = file::parse("experiment.yaml", Path::new("."), text.as_bytes(), &[]).expect("a file");
    let plan = match resolve(&file).and_then(Plan::new) {
        Ok(plan) => plan,
        Err(error) => return error.to_string(),
    };
    let folder = tempfile::tempdir().expect("a folder");
    execute(&plan, &options(&folder), &Monitor::default()).expect_err("refused").to_string()
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
        ("{ metric: entropy, label: egp, at_most: 1 }", 29, "did you mean `egpo`? known: egpo, mwu"),
        ("{ metric: entropy, solver: mwu, label: egpo, at_most: 1 }", 42, "unknown label of `mwu`"),
        ("{ metric: entropy, below: mw }", 29, "did you mean `mwu`? known: egpo, mwu"),
        ("{ metric: entropy, tau: 0.1, at_most: 1 }", 27, "its taus: 0"),
        ("{ metric: entropy, over: medan, at_most: 1 }", 28, "did you mean `median`?"),
        ("{ metric: entropy, over: mean, across: game, at_most: 1 }", 42, "did you mean `games`?"),
        ("{ metric: entropy, across: games, at_most: 1 }", 30, "add `over: median` or `over: mean`"),
        ("{ metric: entropy, times: 2, at_most: 1 }", 29, "a factor of `below`"),
        ("{ metric: entropy, below: mwu, times: 0 }", 41, "must be above 0"),
        ("{ metric: entropy, holds_in: 0, at_most: 1 }", 32, "at least 1 case"),
        ("{ metric: entropy, below: mwu, below_iterate: lst }", 49, "did you mean `last`?"),
        ("{ metric: entropy, below_iterate: last, at_most: 1 }", 37, "which the claim does not have"),
        ("{ metric: entropy, belw: mwu }", 22, "did you mean `below`?"),
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
    let (folder, plan, results) = ran(text);
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

/// A slope against the logarithm of a budget, and the interval of the mean over repetitions, by hand.
#[test]
fn slopes_and_intervals() {
    let text = "games: [cyclic]\nsolvers: [plug-in: { design: uniform }]\ntau: 0.2\nrepetitions: 8\n\
        oracle: { sampled: { duels_per_query: 1, labels: bernoulli } }\n\
        limits: { steps: 400 }\nrecord: { at: [100, 200, 400] }\nmetrics: [regret, duality_gap_tau, pure_floor]\n";
    let (folder, plan, results) = ran(text);
    let of = |run: usize, metric: &str, step: u64| {
        let mut points = results.runs[run].trace.iter().flatten();
        let found = points.find(|p| p.metric == metric && p.step == step && p.iterate == Iterate::Last);
        found.expect("recorded").value
    };
    let path = folder.path().join("expected.yaml");
    let judged = |claim: &str| {
        std::fs::write(&path, claim).expect("written");
        judge(&read_expected(&path, &plan).unwrap_or_else(|e| panic!("{e}")), &results).remove(0)
    };
    let slopes: Vec<f64> =
        (0..8).map(|k| (of(k, "regret", 400) - of(k, "regret", 100)) / 4f64.ln()).collect();
    let mean = slopes.iter().sum::<f64>() / 8.0;
    let sd = (slopes.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / 7.0).sqrt();
    // Student's 97.5% quantile at 7 degrees of freedom
    let half = 2.3646 * sd / 8f64.sqrt();
    let claim = |over: &str, low: f64, high: f64| {
        let budget = "since: { duels: 100 }, within: { duels: 400 }";
        judged(&format!(
            "- {{ metric: regret, {budget}, over: {over}, at_least: {low:e}, at_most: {high:e} }}\n"
        ))
    };
    assert!(claim("mean", mean - 1e-9, mean + 1e-9).holds && !claim("mean", mean + 1e-9, 9.0).holds);
    let wide = 1.01 * half;
    assert!(claim("interval", mean - wide, mean + wide).holds, "{mean} {half}");
    for (low, high) in [(mean - 0.98 * half, 9.0), (-9.0, mean + 0.98 * half)] {
        assert!(!claim("interval", low, high).holds, "{mean} {half}");
    }
    // regret is the sum of half the gaps before each step, so it rises by no more than the steps times half the largest gap
    for k in 0..8 {
        assert!(of(k, "regret", 100) > 0.0 && of(k, "regret", 200) > of(k, "regret", 100));
        assert_eq!(of(k, "pure_floor", 400), of(0, "pure_floor", 100));
    }
    // there is no regret of a mean of policies, which was never deployed
    assert!(
        !results.runs[0].trace.iter().flatten().any(|p| p.metric == "regret" && p.iterate != Iterate::Last)
    );
    for (claim, fragment) in [
        (
            "{ metric: regret, since: { duels: 9 }, at_most: 1 }",
            "`since` starts a slope that ends at `within`",
        ),
        (
            "{ metric: regret, since: { duels: 9 }, within: { duels: 9 }, at_most: 1 }",
            "the same unit, at least 1 and fewer",
        ),
        ("{ metric: regret, since: { steps: 9 }, within: { duels: 99 }, at_most: 1 }", "the same unit"),
        ("{ metric: regret, since: { duels: 0 }, within: { duels: 99 }, at_most: 1 }", "at least 1"),
        (
            "{ metric: regret, since: 9, within: { duels: 99 }, at_most: 1 }",
            "`since` is one of steps, queries, duels",
        ),
        ("{ metric: regret, over: interval, below: x, at_most: 1 }", "add `over: median` or `over: mean`"),
    ] {
        std::fs::write(&path, format!("- {claim}\n")).expect("written");
        let error = read_expected(&path, &plan).expect_err(claim).to_string();
        assert!(error.contains(fragment), "{claim}: {error}");
    }
}

/// A sum that only rises is no target, and a temperature of 0 no game of the plug-in policy.
#[test]
fn what_learning_by_duels_refuses() {
    let error =
        refused("games: [cyclic]\nsolvers: [plug-in]\ntau: 0.1\nlimits: { target: { regret: 1.0 } }\n");
    assert!(error.contains("`regret` is a sum over the steps"), "{error}");
    let error = refused("games: [cyclic]\nsolvers: [plug-in]\n");
    assert!(error.contains("tau") && error.contains("must be above 0"), "{error}");
    let error = refused("games: [cyclic]\nsolvers: [plug-in: { design: explore-then-commit }]\ntau: 0.1\n");
    assert!(error.contains("after how many rounds it commits"), "{error}");
}

/// An option that is not written where it is unset is known all the same, and can be a grid.
#[test]
fn options_without_a_default_are_read() {
    let (_folder, _plan, results) = ran(
        "games: [bradley-terry]\nsolvers: [bradley-terry: { log_sigmoid: [0.5, 0.9] }]\nlimits: { steps: 1 }\n",
    );
    assert_eq!(results.runs.len(), 2);
    let text = "games: [cyclic]\nsolvers: [bradley-terry: { log_sigmoida: 0.5 }]\n";
    let file = file::parse("experiment.yaml", Path::new("."), text.as_bytes(), &[]).expect("a file");
    let error = resolve(&file).expect_err("refused").to_string();
    assert!(error.contains("did you mean `log_sigmoid`?"), "{error}");
}

/// What a population is worth is refused of a game without utilities, with the way out, and follows the utilities given with a matrix.
#[test]
fn welfare_needs_utilities() {
    let refused = |games: &str| {
        refused(&format!("games: [{games}]\nsolvers: [mwu]\nlimits: {{ steps: 1 }}\nmetrics: [welfare]\n"))
    };
    let error = refused("mixture, cyclic");
    for fragment in
        ["the metric `welfare` needs utilities, and game `cyclic` has none", "`matrix` its `utilities: [..]`"]
    {
        assert!(error.contains(fragment), "{error}");
    }
    let error = refused("matrix: { values: [[0.5, 0.7], [0.3, 0.5]], utilities: [1.0] }");
    assert!(error.contains("1 utilities given for 2 actions"), "{error}");
    let error = refused("matrix: { values: [[0.5, 0.7], [0.3, 0.5]], utilities: [1.0, .inf] }");
    assert!(error.contains("utilities"), "{error}");
    let text = "games: [{ matrix: { values: [[0.5, 0.7], [0.3, 0.5]], utilities: [1.0, 5.0] } }, ideal-points]\n\
        solvers: [mwu]\nlimits: { steps: 1 }\nrecord: { at: [0, 1] }\nmetrics: [welfare]\n";
    let (_folder, _plan, results) = ran(text);
    let at_start = |run: usize| {
        let mut points = results.runs[run].trace.iter().flatten();
        points
            .find(|p| p.metric == "welfare" && p.step == 0 && p.iterate == Iterate::Last)
            .expect("recorded")
            .value
    };
    // uniform at the start
    assert!((at_start(0) - 3.0).abs() < 1e-12, "{}", at_start(0));
    assert!(at_start(1).is_finite());
}

/// On one game debiasing lowers the gap of dpo, on the other it raises it more: what is pooled decides, so nothing is unless asked for.
#[test]
fn cases_are_compared_game_by_game() {
    let text = "games: [{ bradley-terry: { scores: [1.0, 0.3, -0.2, -1.0], name: scores } }, { cyclic: { margins: [0.1, 0.2, 0.4], \
        name: cycle } }]\nsolvers: [dpo: { beta: [0.1, 0.2] }, rdpo: { beta: 0.1 }]\nrepetitions: 2\nlimits: { steps: 1 }\n\
        metrics: [duality_gap]\n";
    let (folder, plan, results) = ran(text);
    let path = folder.path().join("expected.yaml");
    let judged = |claim: &str| {
        let claim = format!("- {{ metric: duality_gap, {claim} }}\n");
        std::fs::write(&path, &claim).expect("written");
        judge(&read_expected(&path, &plan).unwrap_or_else(|e| panic!("{e}")), &results).remove(0)
    };
    let dpo = "label: \"dpo (beta=0.1)\"";
    for (claim, holds, runs, cases) in [
        // .00031 and .3189 of dpo, .000015 and .3408 of rdpo
        (format!("{dpo}, below: rdpo"), false, 4, 4),
        (format!("{dpo}, below: rdpo, over: median"), false, 4, 2),
        (format!("{dpo}, below: rdpo, over: mean, across: games"), true, 4, 1),
        (format!("{dpo}, below: rdpo, over: mean, holds_in: 1"), true, 4, 2),
        (format!("{dpo}, below: rdpo, over: mean, holds_in: 2"), false, 4, 2),
        (format!("{dpo}, game: cycle, below: rdpo"), true, 2, 2),
        (format!("{dpo}, game: scores, below: rdpo"), false, 2, 2),
        (format!("{dpo}, game: scores, below: rdpo, times: 30"), true, 2, 2),
        ("solver: rdpo, game: scores, below: \"dpo (beta=0.1)\", times: 0.1".into(), true, 2, 2),
        ("solver: rdpo, game: cycle, below: \"dpo (beta=0.1)\", times: 1.1".into(), true, 2, 2),
        // not below itself
        ("label: rdpo, below: rdpo".into(), false, 0, 0),
        ("label: rdpo, below: rdpo, below_iterate: last".into(), false, 0, 0),
        // but below twice its average, which after one step is the same policy, and not below half of it
        ("label: rdpo, game: scores, below: rdpo, below_iterate: average, times: 2".into(), true, 2, 2),
        ("label: rdpo, game: scores, below: rdpo, below_iterate: average, times: 0.5".into(), false, 2, 2),
        // the two labels of a solver are two cases: the mean of their gaps on the scores is below 0.01, that of beta = 0.2 is not
        ("solver: dpo, game: scores, over: mean, at_most: 0.01".into(), false, 4, 2),
        ("solver: dpo, game: scores, over: mean, across: labels, at_most: 0.01".into(), true, 4, 1),
        ("solver: dpo, over: median, at_most: 0.2".into(), false, 8, 4),
        ("solver: dpo, over: median, across: [games, labels], at_most: 0.2".into(), true, 8, 1),
    ] {
        let found = judged(&claim);
        assert_eq!((found.holds, found.runs, found.cases), (holds, runs, cases), "{claim}: {found:?}");
    }
    let short = judged(&format!("{dpo}, below: rdpo, over: mean, holds_in: 2")).worst.expect("a case");
    assert!(
        short.starts_with("holds in 1 of 2 cases; dpo (beta=0.1) on scores with tau 0: mean "),
        "{short}"
    );
}
