//! The key `policy`: the class that methods stay in, from YAML to the records of a run.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use equipoise::RunOptions;
use equipoise::core::seed;
use equipoise::eval::{Iterate, Metric};
use equipoise_experiment::{Monitor, Options, Plan, execute, file, resolve};
use equipoise_records::{StopKind, read};

fn plan(folder: &Path, text: &str) -> Result<Plan, String> {
    let parsed = file::parse("c.yaml", folder, text.as_bytes(), &[]);
    parsed.and_then(|f| Plan::new(resolve(&f)?)).map_err(|e| e.to_string())
}

const GAME: &str =
    "games:\n  - matrix: { values: [[0.5, 0.7, 0.25], [0.3, 0.5, 0.9], [0.75, 0.1, 0.5]] }\ntau: 0.1\n";
const PROJECTED: &str = "solvers:\n  - projected: { target: egpo, loss: pairs, regression: sampled, optimiser: { adam: { learning_rate: 0.01 } }, inner_steps: 20 }\n";

fn with(folder: &Path, policy: &str, solvers: &str) -> Result<Plan, String> {
    plan(folder, &format!("{GAME}policy: {policy}\n{solvers}"))
}

#[test]
fn a_class_is_resolved_recorded_and_run() {
    let here = Path::new(".");
    let plan = with(here, "{ log-linear: { features: { random: { dimension: 16 } } } }", PROJECTED).unwrap();
    let made = plan.make(0).unwrap();
    let run = plan.run(&made.identity, plan.key(0, 0, 0));
    // the plan is a configuration with the same runs
    let again = self::plan(here, &plan.to_yaml()).unwrap();
    assert_eq!(again.run(&again.make(0).unwrap().identity, again.key(0, 0, 0)).id, run.id);
    assert_eq!(again.to_yaml(), plan.to_yaml());
    // another class is another run; the table is no class at all
    let id = |policy: &str| {
        let plan = with(here, policy, PROJECTED).unwrap();
        plan.run(&plan.make(0).unwrap().identity, plan.key(0, 0, 0)).id
    };
    assert_ne!(id("{ log-linear: { features: { random: { dimension: 4 } } } }"), run.id);
    let without = self::plan(here, &format!("{GAME}{PROJECTED}")).unwrap();
    let without_id = without.run(&without.make(0).unwrap().identity, without.key(0, 0, 0)).id;
    assert_eq!(id("table"), without_id);
    // run it: the effort stands in the trace
    let problem = made.problem(0.1);
    let (limits, schedule) = (equipoise::eval::Limits::steps(5), equipoise::eval::Schedule::Every(1));
    let metrics = &plan.spec.metrics;
    let options = RunOptions {
        rng: seed::stream(1, "test", &[]),
        metrics,
        schedule: &schedule,
        limits: &limits,
        keep_policies: false,
        sink: None,
        in_groups: None,
    };
    let method = &plan.spec.methods[0];
    let mut oracle = problem.exact_oracle();
    let result = problem.run(method.entry, &method.parameters, &mut oracle, &options, &mut |_| true).unwrap();
    let end = |metric| result.outcome.end(Iterate::Last, metric).unwrap();
    // 5 steps of two regressions of 64 pairs, 20 inner steps each
    assert_eq!(end("draws"), 5.0 * 2.0 * 128.0);
    assert_eq!(end("pulls"), 5.0 * 2.0 * 20.0 * 128.0);
    assert_eq!(end("evaluations"), 5.0 * 2.0 * (20.0 + 2.0) * 128.0);
    assert_eq!(result.outcome.cost.duels, 5 * 2 * 64);
}

#[test]
fn features_are_read_from_a_file_once() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("f.csv"), "1,0\n0,1\n0.5,-2\n").unwrap();
    let solvers = "solvers:\n  - projected\n";
    let plan = with(dir.path(), "{ log-linear: { features: { path: f.csv } } }", solvers).unwrap();
    let class = plan.make(0).unwrap().class.unwrap();
    assert_eq!(class.initial().len(), 2);
    let yaml = plan.to_yaml();
    assert!(yaml.contains("-2") && !yaml.contains("f.csv"), "{yaml}");
    std::fs::write(dir.path().join("f.csv"), "1,x\n").unwrap();
    let refused = with(dir.path(), "{ log-linear: { features: { path: f.csv } } }", solvers).unwrap_err();
    assert!(refused.contains("f.csv:1") && refused.contains("`x`"), "{refused}");
}

#[test]
fn what_cannot_stay_in_a_class_is_refused_with_its_place() {
    let here = Path::new(".");
    for (policy, solvers, start, message) in [
        ("log-liner", PROJECTED, "4:9", "did you mean `log-linear`?"),
        ("{ log-linear: { feature: 1 } }", PROJECTED, "4:25", "did you mean `features`?"),
        ("{ mlp: { seed: [1, 2] } }", PROJECTED, "4:11", "one policy class"),
        ("log-linear", "solvers:\n  - egpo\n", "6:5", "`egpo` moves a table"),
        ("log-linear", "start: uniform\nsolvers:\n  - projected\n", "5:8", "lies around the reference"),
    ] {
        let error = with(here, policy, solvers).unwrap_err();
        assert!(error.contains(&format!("c.yaml:{start}")) && error.contains(message), "{error}");
    }
    let plan = with(here, "{ log-linear: { features: { values: [[1]] } } }", PROJECTED).unwrap();
    let error = plan.make(0).unwrap_err().to_string();
    assert!(error.contains("c.yaml:4:") && error.contains("3 actions"), "{error}");
}

/// Runs the text with so many threads: step, costs, iterate, metric and the bits of the value of every traced point, the final
/// policies, and the page.
fn ran(text: &str, jobs: usize) -> (Vec<String>, String) {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(Path::new("."), text).unwrap();
    let options = Options {
        out: folder.path().join("out"),
        jobs,
        fresh: false,
        shard: None,
        steal: None,
        force: false,
    };
    execute(&plan, &options, &Monitor::default()).unwrap_or_else(|e| panic!("{e}"));
    let results = read(&options.out).unwrap();
    let mut lines = Vec::new();
    for run in &results.runs {
        for p in run.trace.as_ref().unwrap() {
            let bits = p.value.to_bits();
            lines.push(format!(
                "{} {} {} {} {:?} {} {bits}",
                run.record.id, p.step, p.queries, p.duels, p.iterate, p.metric
            ));
        }
        lines.push(serde_json::to_string(&run.record.final_policy).unwrap());
    }
    (lines, std::fs::read_to_string(options.out.join("report.html")).unwrap())
}

const TWO_METHODS: &str = "games:\n  - random-uniform: { actions: 5, contexts: 3, count: 2, name: g }\ntau: 0.1\n\
    policy: { log-linear: { features: { random: { dimension: 6 } } } }\n\
    solvers:\n  - projected: { target: omd, loss: [pairs, uniform-pairs], regression: sampled, duels_per_step: 32 }\n\
    repetitions: 2\nlimits: { steps: 30 }\nmetrics: [duality_gap_tau, draws, evaluations, pulls]\n";

#[test]
fn a14_equal_bits_for_any_number_of_threads_in_a_class() {
    let (one, _) = ran(TWO_METHODS, 1);
    assert!(one.len() > 100, "{}", one.len());
    for jobs in [2, 5] {
        assert_eq!(ran(TWO_METHODS, jobs).0, one, "{jobs} threads");
    }
}

/// Runs that share a large game answer their queries together, a batch at a time.
#[test]
fn a14_equal_bits_of_batches_on_a_large_game_in_a_class() {
    let text = "games:\n  - low-rank: { vectors: { random-normal: { actions: 1040, rank: 2 } } }\ntau: 0.1\n\
        policy: { log-linear: { features: { random: { dimension: 3 } } } }\n\
        solvers:\n  - projected: { target: omd, loss: [pairs, pointwise] }\n\
        oracle: { sampled: { duels_per_query: 4 } }\n\
        repetitions: 2\nlimits: { steps: 4 }\nmetrics: [duality_gap_tau, evaluations]\n";
    let (one, _) = ran(text, 1);
    assert!(one.len() > 40, "{}", one.len());
    assert_eq!(ran(text, 4).0, one);
}

#[test]
fn what_learning_costs_is_an_axis_of_the_curves() {
    let (_, page) = ran(TWO_METHODS, 2);
    for axis in
        ["duels", "responses drawn", "log-probabilities evaluated", "log-probabilities with a gradient"]
    {
        assert!(page.contains(&format!("Regularised gap of the last iterate against {axis}")), "{axis}");
    }
    // a table has none
    let table: String =
        TWO_METHODS.lines().filter(|l| !l.starts_with("policy:")).map(|l| format!("{l}\n")).collect();
    let table = table.replace(", draws, evaluations, pulls", "");
    let (_, page) = ran(&table, 2);
    assert!(page.contains("iterate against duels") && !page.contains("against responses drawn"));
}

/// Voters who weigh four attributes, the same voters on every prompt; features are the attributes.
const PROMPTS: &str = "games:\n  - attribute-voters: { actions: 6, attributes: 4, voters: 3, contexts: 40, name: g }\ntau: 0.1\n\
    test_contexts: 10\npolicy: { log-linear: { features: game } }\n\
    solvers:\n  - projected: { target: omd, loss: pairs, step_size: 0.5 }\nlimits: { steps: 60 }\n\
    metrics: [duality_gap_tau, duality_gap_test]\n";

#[test]
fn parameters_are_measured_on_contexts_that_no_method_sees() {
    let plan = plan(Path::new("."), PROMPTS).unwrap();
    let made = plan.make(0).unwrap();
    let gap = Metric::named("duality_gap_test").unwrap();
    let whole = self::plan(
        Path::new("."),
        &PROMPTS.replace("test_contexts: 10\n", "").replace(", duality_gap_test", ""),
    );
    let whole = whole.unwrap().make(0).unwrap().game;
    let test = made.test.as_ref().unwrap();
    // the last ten contexts, bit by bit, and none of them is left to learn from
    assert_eq!((made.game.contexts(), test.game.contexts(), whole.contexts()), (30, 10, 40));
    for x in 0..40 {
        let (part, at) = if x < 30 { (&made.game, x) } else { (&test.game, x - 30) };
        for (i, j) in [(0, 1), (5, 2), (3, 4)] {
            assert_eq!(part.margin(at, i, j).to_bits(), whole.margin(x, i, j).to_bits(), "{x} {i} {j}");
        }
    }
    // features go with their contexts: the policy of parameters v is the softmax of their products, at the test contexts too
    let v = [0.3, -1.0, 0.5, 2.0];
    let mut policy = test.reference.clone();
    test.class.evaluate(&v, &mut policy).unwrap();
    let of = |k: usize| whole.features().unwrap()[30 * 6 + k].iter().zip(v).map(|(f, v)| f * v).sum::<f64>();
    for k in [1, 7, 59] {
        let row = k / 6 * 6;
        let difference = policy.log_probs()[k] - policy.log_probs()[row];
        assert!((difference - (of(k) - of(row))).abs() < 1e-12, "{k}: {difference}");
    }
    // the metric: at the start that of the reference, at the end lower, of the last iterate alone
    let (lines, _) = ran(PROMPTS, 2);
    let value = |step: &str, metric: &str| -> f64 {
        let found = |line: &&String| {
            let words: Vec<&str> = line.split(' ').collect();
            words.get(1) == Some(&step) && words.get(4) == Some(&"Last") && words.get(5) == Some(&metric)
        };
        let line = lines.iter().find(found).unwrap_or_else(|| panic!("{step} {metric}: {lines:?}"));
        f64::from_bits(line.rsplit(' ').next().unwrap().parse().unwrap())
    };
    assert_eq!(
        value("0", "duality_gap_test").to_bits(),
        test.measure(gap, test.class.initial(), 0.1).to_bits()
    );
    assert!(value("60", "duality_gap_test") < 0.5 * value("0", "duality_gap_test"));
    assert!(value("60", "duality_gap_tau") < value("60", "duality_gap_test"));
    assert!(!lines.iter().any(|line| line.contains("duality_gap_test") && !line.contains(" Last ")));
    // with nothing kept the id is that of 0.1; with another number it is another run
    let id = |text: &str| {
        let plan = self::plan(Path::new("."), text).unwrap();
        plan.run(&plan.make(0).unwrap().identity, plan.key(0, 0, 0)).id
    };
    assert_ne!(id(PROMPTS), id(&PROMPTS.replace("test_contexts: 10", "test_contexts: 11")));
    assert_eq!(id(PROMPTS), id(&plan.to_yaml()));
}

#[test]
fn contexts_for_testing_are_refused_where_nothing_can_be_said_of_them() {
    let with = |from: &str, to: &str| PROMPTS.replace(from, to);
    for (text, place, message) in [
        (
            with("policy: { log-linear: { features: game } }\n", ""),
            "4:16",
            "needs a `policy` with parameters",
        ),
        (with("{ log-linear: { features: game } }", "table"), "4:16", "needs a `policy` with parameters"),
        (with("test_contexts: 10\n", ""), "8:28", "`duality_gap_test` needs `test_contexts`"),
        (with("test_contexts: 10", "test_contexts: 0"), "4:16", "must be at least 1"),
    ] {
        let error = plan(Path::new("."), &text).unwrap_err();
        assert!(error.contains(&format!("c.yaml:{place}")) && error.contains(message), "{error}");
    }
    for (text, message) in [
        (with("test_contexts: 10", "test_contexts: 40"), "has 40 contexts, of which one must be left"),
        (with("{ log-linear: { features: game } }", "mlp-encoder"), "parameters that belong to a context"),
        (
            with("{ log-linear: { features: game } }", "{ token-tree: {} }"),
            "parameters that belong to a context",
        ),
        (
            with(
                "attribute-voters: { actions: 6, attributes: 4, voters: 3,",
                "random-uniform: { actions: 6,",
            ),
            "describes its responses",
        ),
        (
            with("{ features: game }", "{ features: { values: [[1], [2], [3], [4], [5], [6]] } }"),
            "240 actions of all contexts, those for testing among them",
        ),
    ] {
        let error = plan(Path::new("."), &text).unwrap().make(0).unwrap_err().to_string();
        assert!(error.contains("c.yaml:") && error.contains(message), "{error}");
    }
    // shared nodes of a tree belong to no context
    let tied = with("{ log-linear: { features: game } }", "{ token-tree: { order: 1 } }");
    assert!(plan(Path::new("."), &tied).unwrap().make(0).is_ok());
}

/// Labels of one of two rewards, validated by the harmonic mean of both.
const STOPPED: &str = "games:\n  - aggregated-rewards: { contexts: 40, conflict: 0.45, sharpness: 8.0, name: g, \
    preferred: { by: arithmetic, weights: [0.0, 1.0] }, worth: { by: harmonic } }\n\
    policy: { log-linear: { features: game } }\ntest_contexts: 20\n\
    solvers:\n  - offline: { objective: { dpo: { beta: 1.0 } }, learning_rate: 0.3 }\n\
    record: { every: 1 }\nlimits: { steps: 80, keep_best: welfare_test }\n\
    metrics: [welfare, welfare_test, entropy]\n";

#[test]
fn the_iterate_of_the_best_validation_reward_is_kept() {
    let (lines, _) = ran(STOPPED, 2);
    let of = |iterate: &str, metric: &str| -> Vec<f64> {
        let words = lines.iter().map(|line| line.split(' ').collect::<Vec<_>>());
        let found = words.filter(|w| w.get(4) == Some(&iterate) && w.get(5) == Some(&metric));
        found.map(|w| f64::from_bits(w.last().unwrap().parse().unwrap())).collect()
    };
    let (last, best) = (of("Last", "welfare_test"), of("Best", "welfare_test"));
    assert_eq!((last.len(), best.len()), (81, 81));
    // the largest so far, the first of equals, and every other metric is of the same step
    let mut at = 0;
    for step in 0..=80 {
        at = if last[step] > last[at] { step } else { at };
        assert_eq!(best[step].to_bits(), last[at].to_bits(), "{step}");
        for metric in ["welfare", "entropy"] {
            assert_eq!(
                of("Best", metric)[step].to_bits(),
                of("Last", metric)[at].to_bits(),
                "{step} {metric}"
            );
        }
    }
    // it stops between the start, which knows nothing, and the end, which has given the other reward away
    assert!(at > 0 && at < 40 && best[80] > last[0] + 1e-3 && best[80] > last[80] + 1e-3, "{at}: {last:?}");
    // the metric is the mean worth on the contexts kept back
    let made = plan(Path::new("."), STOPPED).unwrap().make(0).unwrap();
    let test = made.test.as_ref().unwrap();
    let worth = test.game.utilities().unwrap().iter().sum::<f64>() / 160.0;
    assert!((last[0] - worth).abs() < 1e-12, "{} {worth}", last[0]);
    // without it nothing is kept, and it is another run
    let plain = STOPPED.replace(", keep_best: welfare_test", "");
    assert!(!ran(&plain, 1).0.iter().any(|line| line.contains(" Best ")));
    let id = |text: &str| {
        let plan = self::plan(Path::new("."), text).unwrap();
        plan.run(&plan.make(0).unwrap().identity, plan.key(0, 0, 0)).id
    };
    assert_ne!(id(STOPPED), id(&plain));
    assert_eq!(id(STOPPED), id(&plan(Path::new("."), STOPPED).unwrap().to_yaml()));
    for (metric, message) in [
        ("entropy", "no values are better"),
        ("regret", "no values are better"),
        ("duality_gap", "is not measured"),
        ("welfare_tests", "did you mean `welfare_test`"),
    ] {
        let text = STOPPED.replace("keep_best: welfare_test", &format!("keep_best: {metric}"));
        let error = plan(Path::new("."), &text).unwrap_err();
        assert!(error.contains("c.yaml:8:") && error.contains(message), "{error}");
    }
}

#[test]
fn a_run_without_improvement_ends_after_its_patience() {
    let patient = |steps: u64| STOPPED.replace("keep_best", &format!("patience: {steps}, keep_best"));
    // what was recorded, without the run's id and its last policy
    let recorded = |text: &str| -> Vec<String> {
        let lines = ran(text, 1).0;
        lines
            .iter()
            .filter_map(|line| line.split_once(' ').filter(|_| line.contains("welf")))
            .map(|l| l.1.to_owned())
            .collect()
    };
    let (whole, stopped) = (recorded(STOPPED), recorded(&patient(7)));
    // the same steps, as far as it went
    assert!(stopped.len() < whole.len() && stopped[..] == whole[..stopped.len()], "{stopped:?}");
    let best = |lines: &[String]| {
        let tests = lines.iter().filter(|l| l.contains(" Last welfare_test "));
        let values = tests.map(|l| f64::from_bits(l.rsplit(' ').next().unwrap().parse().unwrap()));
        let values: Vec<f64> = values.collect();
        let at = (0..values.len()).fold(0, |at, k| if values[k] > values[at] { k } else { at });
        (at, values.len() - 1)
    };
    let (at, last) = best(&stopped);
    assert_eq!((at, last), (best(&whole).0, best(&whole).0 + 7));
    // the reason is its own, and is in the record
    let folder = tempfile::tempdir().unwrap();
    let plan = self::plan(Path::new("."), &patient(7)).unwrap();
    let out = folder.path().join("out");
    let options = Options { out, jobs: 1, fresh: false, shard: None, steal: None, force: false };
    execute(&plan, &options, &Monitor::default()).unwrap();
    let record = read(&options.out).unwrap().runs.remove(0).record;
    assert_eq!((record.stop_reason, record.steps), (StopKind::NoImprovement, at as u64 + 7));
    assert_eq!(record.stop_detail, format!("welfare_test was best at step {at}, and patience is over"));
    // more patience than there is left is none
    assert_eq!(recorded(&patient(80)), whole);
    for (limits, message) in [
        ("patience: 0, keep_best: welfare_test", "`patience` is 0"),
        ("patience: 3", "no metric by which a run is to become better"),
    ] {
        let text = STOPPED.replace("keep_best: welfare_test", limits);
        let error = self::plan(Path::new("."), &text).unwrap_err();
        assert!(error.contains("c.yaml:8:") && error.contains(message), "{error}");
    }
}
