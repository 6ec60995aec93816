//! Contexts driven in groups that stay in cache, against the plain way: to the bit, for every method that says it may be.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use equipoise::core::{Policy, Task, sample, seed};
use equipoise::env::{Game, PreferenceMatrix};
use equipoise::eval::{KeepRunning, Limits, Metric, Outcome, Schedule};
use equipoise::registry::{self, solver};
use equipoise::{Problem, RunOptions};
use equipoise_records::StopKind;
use serde_json::Value;

/// So many small games of unequal sizes and weights; enough of them are driven in groups.
fn problem(contexts: usize, tau: f64) -> Problem {
    let mut rng = seed::stream(5, "groups", &[]);
    let games = (0..contexts).map(|x| {
        let n = 1 + (x * 5) % 14;
        let draws: Vec<f64> = (0..n * n).map(|_| sample::uniform(&mut rng) - 0.5).collect();
        PreferenceMatrix::from_margins(n, |i, j| draws[i * n + j]).expect("margins in range")
    });
    let game = Game::new(games).expect("not empty");
    let weights = (0..contexts).map(|x| 1.0 + (x % 5) as f64).collect();
    let game = Arc::new(game.with_weights(weights).expect("weights"));
    let mut logits = || (0..game.shape().len()).map(|_| 2.0 * sample::uniform(&mut rng)).collect();
    let [reference, start] =
        [logits(), logits()].map(|l| Policy::from_logits(game.shape(), l).expect("finite"));
    Problem::new(game, Task::new(reference).start(start).tau(tau))
}

/// The outcome, the plain way or in groups; and the steps that were told.
fn outcome(problem: &Problem, method: &str, steps: u64, in_groups: bool) -> Option<(Outcome, u64)> {
    let limits = Limits::steps(steps);
    let schedule = Schedule::Every(7);
    let metrics = [
        "duality_gap_tau",
        "duality_gap",
        "exploitability",
        "regret",
        "kl_to_equilibrium",
        "worst_case_win_rate",
    ]
    .map(|name| Metric::named(name).expect("a metric"));
    let told = AtomicU64::new(0);
    let keep_running = |step: u64| {
        told.fetch_max(step, Ordering::Relaxed);
        true
    };
    let mut options = RunOptions::new(&limits, &schedule, &metrics);
    options.in_groups = in_groups.then_some(KeepRunning(&keep_running));
    let entry = solver(method).expect("registered");
    let mut oracle = problem.exact_oracle();
    // some methods refuse tau = 0, or tau > 0
    let result = problem.run(entry, &Value::Null, &mut oracle, &options, &mut |_| true).ok()?;
    Some((result.outcome, told.into_inner()))
}

fn bits(outcome: &Outcome) -> Vec<u64> {
    let policy = outcome.policy.log_probs().iter().chain(outcome.policy.probs());
    outcome.trace.iter().map(|p| &p.value).chain(policy).map(|v| v.to_bits()).collect()
}

fn assert_equal(method: &str, plain: &Outcome, groups: &Outcome) {
    assert_eq!(plain.stop, groups.stop, "{method}");
    assert_eq!(plain.trace.len(), groups.trace.len(), "{method}");
    for (a, b) in plain.trace.iter().zip(&groups.trace) {
        assert_eq!((a.step, a.cost, a.iterate, a.metric), (b.step, b.cost, b.iterate, b.metric), "{method}");
        assert_eq!(a.value.to_bits(), b.value.to_bits(), "{method}: {a:?} {b:?}");
    }
    assert!(bits(plain) == bits(groups), "{method}: another policy");
    assert_eq!(plain.judgement, groups.judgement, "{method}");
    assert_eq!(
        (plain.behaviour, plain.steps, plain.cost),
        (groups.behaviour, groups.steps, groups.cost),
        "{method}"
    );
    assert_eq!((&plain.judged, &plain.reached), (&groups.judged, &groups.reached), "{method}");
}

#[test]
fn groups_have_the_bits_of_the_plain_way() {
    let mut driven = 0;
    for tau in [0.0, 0.2] {
        let problem = problem(40_000, tau);
        for entry in registry::solvers().filter(|entry| entry.contexts_apart) {
            let Some((plain, told)) = outcome(&problem, entry.name, 12, false) else { continue };
            assert_eq!(told, 0);
            let (groups, told) = outcome(&problem, entry.name, 12, true).expect("as before");
            assert_equal(entry.name, &plain, &groups);
            driven += u32::from(told == 12);
        }
    }
    assert!(driven > 20, "{driven} runs in groups");
}

/// The words on the contexts, which theory and the equilibrium tell, and whose steps slow down or not.
#[test]
fn groups_are_judged_as_the_whole() {
    for (tau, methods) in [(0.0, ["omwu", "mwu", "mirror-prox"]), (0.2, ["egpo", "mmd", "nash-md"])] {
        let problem = problem(36_000, tau).solve().expect("solved");
        for method in methods {
            let [(plain, _), (groups, told)] =
                [false, true].map(|in_groups| outcome(&problem, method, 150, in_groups).expect("defaults"));
            assert_equal(method, &plain, &groups);
            assert_eq!(told, 150, "{method}");
            assert!(
                plain.judgement.contexts.values().sum::<u64>() == 36_000,
                "{method}: {:?}",
                plain.judgement
            );
        }
    }
}

/// What is no step ends the groups, and the plain way tells it.
#[test]
fn an_interrupted_run_says_so() {
    let problem = problem(40_000, 0.2);
    let limits = Limits::steps(1000);
    let metrics = [Metric::named("duality_gap").expect("a metric")];
    let asked = AtomicU64::new(0);
    let stop = |_: u64| asked.fetch_add(1, Ordering::Relaxed) < 50;
    let options = RunOptions {
        in_groups: Some(KeepRunning(&stop)),
        ..RunOptions::new(&limits, &Schedule::Log, &metrics)
    };
    let mut oracle = problem.exact_oracle();
    let egpo = solver("egpo").expect("registered");
    let result = problem.run(egpo, &Value::Null, &mut oracle, &options, &mut |_| false).expect("defaults");
    assert_eq!((result.outcome.stop.kind(), result.outcome.steps), (StopKind::Interrupted, 1));
    // the other groups ask once each
    assert!(asked.into_inner() < 100);
}
