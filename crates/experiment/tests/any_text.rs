//! Whatever the bytes: a configuration is refused with a place, or it is a plan that says the same when read again.
//! `EQUIPOISE_FUZZ_SECONDS=600 cargo test --release -p equipoise-experiment --test any_text` searches for longer.

#![allow(clippy::print_stdout, reason = "a long search says how much it tried")]

use std::path::Path;
use std::time::{Duration, Instant};

use equipoise_experiment::exact::ExactAnswers;
use equipoise_experiment::{ConfigError, Plan, file, resolve};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// Every key, without numbers of which one more digit would fill the memory.
const SEEDS: [&str; 3] = [
    "format: 1
name: every-key
description: \"one of each\"
games:
  - matrix: { values: [[0.5, 0.7, 0.4], [0.3, 0.5, 0.6], [0.6, 0.4, 0.5]], labels: [a, b, c], name: abc }
  - cyclic: { margins: [0.1, 0.2, 0.4] }
reference: { logits: [0.0, 0.5, 0.2] }
start: uniform
tau: [0.05, 0.1]
oracle: [exact, sampled: { duels_per_query: 8, labels: probability, opponent: exact }]
solvers: [mwu: { step_size: [0.1, 0.5] }, egpo, omd: { step_size: stability }, bradley-terry]
seed: 3
limits: { steps: 10, target: { duality_gap: 1.0e-3 }, queries: 7, duels: 9 }
record: { at: [0, 1, 5] }
metrics: [duality_gap, entropy]
save_policies: recorded
",
    "games: &g\n- one-winner\n- {disc: {angles: [0.1, 2, 4.0], strength: .5}}\nsolvers:\n- *g\n- 'omwu'\n",
    "games:\n  - comparisons:\n      path: c.csv\n      ties: drop\n      items: [a, b, c]\nsolvers: [onpo]\n",
];

const COMPARISONS: &str = "item_a,item_b,outcome\na,b,a\nb,c,a\nc,a,tie\n";

/// Words and signs that YAML and its users trip over.
const BITS: [&str; 26] = [
    ":", "\n", "  ", "- ", "{", "}", "[", "]", ",", "\"", "'", "#", "&a ", "*a", "!!str ", "|", ">", "? ",
    "---\n", "\t", "~", ".nan", "-1", "1e9", "\u{feff}", "\0",
];

#[derive(Clone, Debug)]
enum Edit {
    Byte(usize, u8),
    Insert(usize, usize),
    Cut(usize, usize),
    Swap(usize, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = any::<usize>;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(i, b)| Edit::Byte(i, b)),
        (at(), 0..BITS.len()).prop_map(|(i, k)| Edit::Insert(i, k)),
        (at(), 1usize..12).prop_map(|(i, n)| Edit::Cut(i, n)),
        (at(), at()).prop_map(|(i, j)| Edit::Swap(i, j)),
    ]
}

fn apply(text: &str, edits: &[Edit]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for edit in edits {
        let len = bytes.len().max(1);
        match *edit {
            Edit::Byte(i, b) if !bytes.is_empty() => bytes[i % len] = b,
            Edit::Insert(i, k) => {
                let at = i % (bytes.len() + 1);
                bytes.splice(at..at, BITS[k].bytes());
            }
            Edit::Cut(i, n) => {
                let from = i % len;
                bytes.drain(from.min(bytes.len())..(from + n).min(bytes.len()));
            }
            Edit::Swap(i, j) => {
                // whole lines, as an editor would
                let mut lines: Vec<Vec<u8>> = bytes.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
                let n = lines.len();
                lines.swap(i % n, j % n);
                bytes = lines.join(&b'\n');
            }
            Edit::Byte(..) => {}
        }
    }
    bytes
}

/// The plan, and the ids of its runs.
fn read(folder: &Path, bytes: &[u8]) -> Result<(Plan, Vec<String>), ConfigError> {
    let plan = Plan::new(resolve(&file::parse("c.yaml", folder, bytes, &[])?)?)?;
    plan.check_size(plan.runs())?;
    let mut ids = Vec::new();
    for g in 0..plan.games() {
        let made = plan.make(g)?;
        plan.check_methods(&made, &ExactAnswers::default())?;
        ids.extend(plan.keys(g).map(|key| plan.run(&made.identity, key).id));
    }
    Ok((plan, ids))
}

/// Refused with a place inside the text, or a plan whose document is a plan with the same runs.
fn check(folder: &Path, bytes: &[u8]) -> Result<(), TestCaseError> {
    match read(folder, bytes) {
        Err(error) => {
            // to YAML a carriage return alone ends a line too
            let lines = bytes.split(|b| matches!(b, b'\n' | b'\r')).count();
            prop_assert!(error.line <= lines + 1, "line {} of {lines}: {error}", error.line);
            prop_assert!(error.to_string().contains("c.yaml"), "{error}");
        }
        Ok((plan, ids)) => {
            let again = read(folder, plan.to_yaml().as_bytes());
            let (_, again) =
                again.map_err(|e| TestCaseError::fail(format!("{e}\n---\n{}", plan.to_yaml())))?;
            prop_assert_eq!(ids, again, "{}", plan.to_yaml());
        }
    }
    Ok(())
}

fn fuzz(strategy: impl Strategy<Value = Vec<u8>>) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("c.csv"), COMPARISONS).expect("written");
    let seconds = std::env::var("EQUIPOISE_FUZZ_SECONDS").ok().and_then(|s| s.parse().ok());
    let (cases, begun) = (if seconds.is_some() { 2_000 } else { 1_000 }, Instant::now());
    let mut tried = 0u64;
    loop {
        // a runner stops for good after its cases: each round gets one of its own, with fresh seeds
        let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
        runner.run(&strategy, |bytes| check(folder.path(), &bytes)).unwrap_or_else(|e| panic!("{e}"));
        tried += u64::from(cases);
        if begun.elapsed() >= Duration::from_secs(seconds.unwrap_or(0)) {
            println!("{tried} texts in {:.0} s", begun.elapsed().as_secs_f64());
            return;
        }
    }
}

#[test]
fn the_seeds_are_plans_but_for_the_one_that_is_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("c.csv"), COMPARISONS).expect("written");
    let resolved = SEEDS.map(|s| read(folder.path(), s.as_bytes()).map(|(_, ids)| ids.len()));
    assert!(matches!(resolved, [Ok(40), Err(_), Ok(1)]), "{resolved:?}");
}

#[test]
fn edited_configurations_are_refused_with_a_place_or_read_the_same_twice() {
    let edits = proptest::collection::vec(edit(), 1..6);
    fuzz((0..SEEDS.len(), edits).prop_map(|(seed, edits)| apply(SEEDS[seed], &edits)));
}

#[test]
fn bytes_of_any_kind_are_refused_with_a_place() {
    let words = proptest::collection::vec(0..BITS.len(), 0..40)
        .prop_map(|w| w.into_iter().flat_map(|k| BITS[k].bytes()).collect());
    fuzz(prop_oneof![proptest::collection::vec(any::<u8>(), 0..200), words]);
}
