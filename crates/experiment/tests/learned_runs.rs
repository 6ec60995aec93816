//! `oracle: learned`, from YAML to results: resolved, recorded, shared, interrupted and resumed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::Ordering;

use equipoise::data::{Selection, labels_as_file, parse_battles, parse_comparisons};
use equipoise_experiment::{Monitor, Options, Plan, execute, file, generate, resolve, schema};
use serde_json::Value;

const GAME: &str =
    "games:\n  - matrix: { values: [[0.5, 0.8, 0.35], [0.2, 0.5, 0.75], [0.65, 0.25, 0.5]] }\n";

fn plan(text: &str) -> Result<Plan, String> {
    let parsed = file::parse("c.yaml", Path::new("."), text.as_bytes(), &[]);
    parsed.and_then(|f| Plan::new(resolve(&f)?)).map_err(|e| e.to_string())
}

fn with(oracle: &str, rest: &str) -> Result<Plan, String> {
    plan(&format!("{GAME}oracle: {oracle}\n{rest}"))
}

const SOLVERS: &str = "solvers:\n  - omwu\n";

#[test]
fn the_frozen_example_is_resolved_and_recorded_in_full() {
    let oracle = "\n  learned:\n    model: { gpm: { rank: 4 } }\n    pairs: { design: reference, per_context: 200, refresh: 0 }\n    \
                  labels: [ { flip: { rate: 0.1 } }, { ties: { theta: 0.3 } } ]";
    let plan = with(oracle, SOLVERS).unwrap();
    let yaml = plan.to_yaml();
    for part in
        ["refresh: 0", "rate: 0.1", "theta: 0.3", "model: rao-kupper", "undetermined: refuse", "learned_gap"]
    {
        assert!(yaml.contains(part), "{part} in {yaml}");
    }
    // the plan is a configuration with the same runs
    let again = self::plan(&yaml).unwrap();
    let id = |plan: &Plan| plan.run(&plan.make(0).unwrap().identity, plan.key(0, 0, 0)).id;
    assert_eq!(id(&again), id(&plan));
    assert_eq!(again.to_yaml(), yaml);
}

#[test]
fn lists_are_grids_and_each_has_its_own_legend() {
    let oracle = "{ learned: { model: [counts, bradley-terry], pairs: { per_context: [30, 90] }, labels: [ { flip: { rate: [0, 0.2] } } ] } }";
    let plan = with(oracle, SOLVERS).unwrap();
    assert_eq!(plan.spec.oracles.len(), 8);
    let made = plan.make(0).unwrap();
    let labels: std::collections::BTreeSet<String> =
        (0..8).map(|k| plan.run(&made.identity, plan.key(0, 0, k)).label).collect();
    assert_eq!(labels.len(), 8, "{labels:?}");
    assert!(labels.iter().any(|l| l.contains("counts of 90 uniform pairs, flip(rate=0.2)")), "{labels:?}");
}

/// Line 4 begins the oracle; every slip is found where it was typed, inside its block.
#[test]
fn slips_inside_blocks_have_their_own_place_and_full_path() {
    for (block, column, message) in [
        ("labels: [{ flip: { rate: 2 } }]", 32, "`labels[0].flip.rate` is 2"),
        (
            "labels: [half, { flip: { rat: 2 } }]",
            32,
            "unknown key `labels[1].flip.rat`, did you mean `rate`?",
        ),
        ("labels: [{ flp: { rate: 0.2 } }]", 18, "`labels[0].flp`, did you mean `flip`?"),
        ("labels: [half, flip]", 22, "`labels[1]` is flip, changes the answers"),
        ("labels: [{ flip: { rate: [] } }]", 32, "`labels[0].flip.rate` is [], is an empty grid"),
        ("pairs: { per_context: 0 }", 29, "`pairs.per_context` is 0"),
        ("pairs: { per_contxt: 5 }", 16, "`pairs.per_contxt`, did you mean `per_context`?"),
        (
            "pairs: { per_context: [] }",
            29,
            "`pairs.per_context` is [], is an empty grid; it needs at least one value",
        ),
        ("model: { gpm: { rank: 3 } }", 29, "`model.gpm.rank` is 3"),
        ("model: { gpm: { rank: [] } }", 29, "`model.gpm.rank` is []"),
        ("model: []", 14, "the grid of `model` is empty"),
    ] {
        let said = with(&format!("\n  learned:\n      {block}"), SOLVERS).unwrap_err();
        assert!(
            said.starts_with(&format!("c.yaml:5:{column}: ")) && said.contains(message),
            "{block}\n{said}"
        );
    }
}

/// A limit that can never end a run is refused, and so is a budget of a claim that every step is within.
#[test]
fn queries_limit_no_learned_oracle() {
    let limited = "limits: { queries: 5, steps: 9 }\n";
    let said = with("learned", &format!("{SOLVERS}{limited}")).unwrap_err();
    assert!(said.contains("`limits.queries` is 5") && said.contains("`model_queries`"), "{said}");
    assert!(with("exact", &format!("{SOLVERS}{limited}")).is_ok());
    let plan = with("learned", SOLVERS).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("expected.yaml");
    std::fs::write(&path, "- { metric: duality_gap, within: { queries: 5 }, at_most: 1 }\n").unwrap();
    let said = equipoise_experiment::check::read_expected(&path, &plan).unwrap_err().to_string();
    assert!(said.contains("1:36") && said.contains("a learned oracle charges no queries"), "{said}");
}

#[test]
fn slips_are_answered_with_their_place_and_the_nearest_name() {
    for (oracle, message) in [
        ("lerned", "did you mean `learned`?"),
        ("{ learned: { modle: counts } }", "did you mean `model`?"),
        ("{ learned: { model: bradly-terry } }", "did you mean `bradley-terry`?"),
        ("{ learned: { pairs: { design: refrence } } }", "did you mean `reference`?"),
        ("{ learned: { pairs: { per_context: 0 } } }", "must be in [1, 10000000]"),
        ("{ learned: { labels: [ { filp: { rate: 0.1 } } ] } }", "did you mean `flip`?"),
        ("{ learned: { labels: [ { flip: { rat: 0.1 } } ] } }", "did you mean `rate`?"),
        ("{ learned: { labels: [ { flip: { rate: 2 } } ] } }", "must be in [0, 1]"),
        ("{ learned: { labels: [ soft, flip ] } }", "stands behind `soft`"),
    ] {
        let error = with(oracle, SOLVERS).unwrap_err();
        assert!(error.contains("c.yaml:3:") && error.contains(message), "{error}");
    }
    let error = with("exact", "metrics: [duality_gap, learned_gap]\nsolvers:\n  - omwu\n").unwrap_err();
    assert!(error.contains("`learned_gap` needs `oracle: learned`"), "{error}");
    let learned = &schema::schema()["properties"]["oracle"];
    let text = learned.to_string();
    for name in ["two-orders", "on-policy", "bradley-terry", "per_context"] {
        assert!(text.contains(name), "{name}");
    }
}

/// All files of runs, without what tells the time.
fn results(out: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for run in std::fs::read_dir(out.join("runs")).into_iter().flatten() {
        let run = run.unwrap().path();
        let Ok(text) = std::fs::read_to_string(run.join("run.json")) else { continue };
        let mut record: Value = serde_json::from_str(&text).unwrap();
        if record["stop_reason"] == "interrupted" {
            continue;
        }
        let id = record["id"].as_str().unwrap().to_owned();
        // the digests of the files leave times out, so they are compared
        assert!(record["digests"]["trace.csv"].is_string(), "{record}");
        record.as_object_mut().unwrap().remove("seconds");
        let trace = std::fs::read_to_string(run.join("trace.csv")).unwrap();
        let without_time: Vec<String> = trace
            .lines()
            .map(|line| {
                let cells = line.split(',').enumerate().filter(|(k, _)| *k != 3);
                cells.map(|(_, cell)| cell).collect::<Vec<_>>().join(",")
            })
            .collect();
        files.insert(id, format!("{record}\n{}", without_time.join("\n")));
    }
    files
}

/// What a model is made of and when its labels come: with each, a run that began again must buy, fit and play as one undisturbed.
const KINDS: [(&str, &str, &str); 8] = [
    (
        "closed, bought once",
        GAME,
        "{ model: [counts, { gpm: { fit: schur } }], pairs: { design: all, per_context: 60 }, labels: [ { flip: { rate: 0.1 } } ] }",
    ),
    (
        "iterating, bought once",
        GAME,
        "{ model: [bradley-terry, { gpm: { prior: true } }], pairs: { design: all, per_context: 60 }, labels: [ { ties: {} } ] }",
    ),
    (
        "labels of the policy being played, again and again",
        GAME,
        "{ model: [counts, bradley-terry], pairs: { design: on-policy, per_context: 40, refresh: 500 }, undetermined: even }",
    ),
    (
        "an iterating model of labels of the policy being played",
        GAME,
        "{ model: [{ gpm: { prior: true } }, ideal-points], pairs: { design: on-policy, per_context: 40, refresh: 900 } }",
    ),
    (
        "in the order of the labels, and over shuffles of it",
        GAME,
        "{ model: [elo, trueskill], pairs: { per_context: 40, refresh: 700 }, labels: [ { missing: { rate: 0.1 } } ] }",
    ),
    (
        "corrupted pairs set aside",
        GAME,
        "{ model: robust, pairs: { design: all, per_context: 200, refresh: 900 }, labels: [ { corruption: {} } ], undetermined: even }",
    ),
    (
        "rankings",
        GAME,
        "{ model: [plackett-luce, plackett-luce-split], pairs: { per_context: 60, refresh: 900 }, labels: [ { rankings: { size: 3 } } ] }",
    ),
    (
        "all contexts in one fit",
        "games:\n  - contextual-features: { contexts: 3, actions: 4 }\n",
        "{ model: [p2l, contextual-bradley-terry], pairs: { design: all, per_context: 120, refresh: 900 } }",
    ),
];

/// Methods that ask of the policy they play, of two policies a step, and of a set of pairs; 4,000 steps, stopped five times on the way.
#[test]
fn threads_and_interruptions_leave_no_trace_in_the_bits() {
    const STEPS: u64 = 4000;
    const ENDS: &str = "tau: 0.1\nrepetitions: 2\nrecord: { every: 400 }\nsave_policies: recorded\n";
    for (kind, game, oracle) in KINDS {
        let solvers = "solvers:\n  - omwu\n  - egpo\n  - dpo\n";
        let text =
            format!("{game}oracle: {{ learned: {oracle} }}\n{solvers}{ENDS}limits: {{ steps: {STEPS} }}\n");
        let plan = plan(&text).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let run = |name: &str, jobs: usize, monitor: &Monitor| {
            let options = Options {
                out: dir.path().join(name),
                jobs,
                fresh: false,
                shard: None,
                steal: None,
                force: false,
            };
            execute(&plan, &options, monitor).unwrap_or_else(|e| panic!("{kind}: {e}"))
        };
        let runs = run("one", 1, &Monitor::default()).runs;
        run("two", 2, &Monitor::default());
        // stopped in the middle of runs, later and later, and gone on with, on one thread and on two
        let (mut stopped, mut part_ways) = (0, 0);
        for k in 1..=5_u64 {
            let monitor = Monitor::default();
            let before = results(&dir.path().join("cut")).len() as u64 * STEPS;
            let cut = std::thread::scope(|scope| {
                scope.spawn(|| {
                    let until = before + k * STEPS / 4;
                    while monitor.steps.load(Ordering::Relaxed) < until {
                        std::thread::yield_now();
                    }
                    monitor.stop.store(true, Ordering::Relaxed);
                });
                run("cut", 1 + k as usize % 2, &monitor)
            });
            stopped += u32::from(cut.interrupted);
            part_ways += interrupted(&dir.path().join("cut"));
        }
        assert!(
            stopped >= 3 && part_ways > 0,
            "{kind}: {stopped} of 5 times, {part_ways} runs part of the way"
        );
        run("cut", 2, &Monitor::default());
        let all = ["one", "two", "cut"].map(|name| results(&dir.path().join(name)));
        assert_eq!(all[0].len() as u64, runs, "{kind}");
        assert_eq!(all[0], all[1], "{kind}: one thread and two");
        assert_eq!(all[0], all[2], "{kind}: undisturbed and stopped {stopped} times");
        let text = all[0].values().next().unwrap();
        assert!(text.contains("bought") && text.contains("model queries") && text.contains("learned_gap"));
    }
}

/// How many runs of a folder have a beginning alone.
fn interrupted(out: &Path) -> usize {
    let Ok(runs) = std::fs::read_dir(out.join("runs")) else { return 0 };
    let record = |run: std::fs::DirEntry| std::fs::read_to_string(run.path().join("run.json")).ok();
    runs.flatten().filter_map(record).filter(|text| text.contains("\"stop_reason\": \"interrupted\"")).count()
}

#[test]
fn a_run_whose_labels_do_not_determine_the_model_is_refused_by_name() {
    let plan = with("{ learned: { pairs: { per_context: 1 } } }", SOLVERS).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let options =
        Options { out: dir.path().to_owned(), jobs: 1, fresh: false, shard: None, steal: None, force: false };
    let error = execute(&plan, &options, &Monitor::default()).unwrap_err().to_string();
    assert!(error.contains("`counts` says nothing of 2 of 3 pairs") && error.contains("omwu"), "{error}");
}

#[test]
fn annotators_and_times_of_a_truth_are_columns_of_its_labels() {
    for (game, annotators, dates) in [("mixture: {}", 3, 1), ("drifting: { times: 4 }", 1, 4)] {
        let text = format!(
            "games:\n  - {game}\noracle: {{ learned: {{ pairs: {{ per_context: 90 }}, labels: [ {{ flip: {{ rate: 0.1 }} }} ] }} }}\n{SOLVERS}"
        );
        let found = generate(&plan(&text).unwrap(), 0).unwrap();
        assert_eq!(found.unknown.is_some(), annotators == 1, "{game}");
        for name in ["d.csv", "d.jsonl", "d.parquet"] {
            let bytes = labels_as_file(Path::new(name), &found.game, &found.labels).unwrap();
            let read = parse_battles(Path::new(name), &bytes, &Selection::default()).unwrap();
            assert_eq!(read.annotators.len(), annotators, "{name}");
            let days: std::collections::BTreeSet<u64> =
                read.rows.iter().filter_map(|r| r.time).map(|t| t as u64 / 86_400).collect();
            assert_eq!(days.len(), if dates == 1 { 0 } else { dates }, "{name}");
            for (row, label) in read.rows.iter().zip(&found.labels.pairs) {
                assert!(row.time.is_none_or(|t| t == 86_400.0 * f64::from(label.context)));
            }
        }
    }
}

#[test]
fn the_labels_of_a_run_are_written_and_read_back() {
    let oracle = "{ learned: { pairs: { per_context: 500 }, labels: [ { ties: { theta: 0.5 } }, { missing: { rate: 0.2 } } ] } }";
    let plan = with(oracle, SOLVERS).unwrap();
    let found = generate(&plan, 0).unwrap();
    assert_eq!(found.labels.duels, 500);
    let again = generate(&plan, 0).unwrap();
    assert_eq!(found.labels, again.labels);
    for name in ["d.csv", "d.jsonl", "d.parquet"] {
        let bytes = labels_as_file(Path::new(name), &found.game, &found.labels).unwrap();
        let read = parse_comparisons(Path::new(name), &bytes, &Selection::default()).unwrap();
        assert_eq!(read.total, found.labels.pairs.len() as f64, "{name}");
        assert_eq!(read.total_ties, found.labels.weight_of(equipoise::env::Outcome::Tie), "{name}");
    }
    assert!(found.labels.annotators.is_empty() && found.unknown.is_some());
    for (oracle, rest, message) in [
        ("exact", SOLVERS, "buys none"),
        ("{ learned: { pairs: { per_context: [5, 9] } } }", SOLVERS, "`oracle` has 2"),
        ("{ learned: {} }", "noise: independent\nsolvers:\n  - omwu\n", "labels of its own"),
    ] {
        let error = generate(&with(oracle, rest).unwrap(), 0).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    let error = generate(&plan, 3).unwrap_err().to_string();
    assert!(error.contains("no repetition 3"), "{error}");
}
