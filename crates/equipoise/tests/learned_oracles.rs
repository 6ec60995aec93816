//! Every preference model under every label channel, asked by a method of every family: no code knows both.

use std::sync::Arc;

use equipoise::core::seed;
use equipoise::env::channels::CHANNELS;
use equipoise::eval::{Iterate, LEARNED_GAP, MODEL_QUERIES, Metric};
use equipoise::models::MODELS;
use equipoise::oracles::{OracleSpec, oracle};
use equipoise::prelude::*;
use equipoise::registry::FAMILIES;

/// A cycle of three on top of strengths.
fn problem() -> Problem {
    let values = array![[0.5, 0.8, 0.35], [0.2, 0.5, 0.75], [0.65, 0.25, 0.5]];
    let game = Arc::new(Game::from_array(&values).expect("a game"));
    let task = Task::new(Policy::uniform(game.shape())).tau(0.1);
    Problem::new(game, task)
}

fn spec(model: &str, labels: Value, per_context: usize) -> OracleSpec {
    let block = json!({"model": model, "labels": labels,
        "pairs": {"design": "all", "per_context": per_context, "refresh": 2}});
    oracle("learned").expect("a row").build(&block).expect("a block")
}

fn metrics() -> Vec<&'static Metric> {
    ["duality_gap", LEARNED_GAP, MODEL_QUERIES].iter().filter_map(|name| Metric::named(name)).collect()
}

#[test]
fn every_model_meets_every_channel_and_a_method_of_every_family() {
    let (problem, metrics) = (problem(), metrics());
    let (limits, schedule) = (Limits::steps(3), Schedule::Every(1));
    let policies = (&problem.task.reference, &problem.task.start);
    let (mut ran, mut refused) = (0, 0);
    for model in MODELS {
        for channel in CHANNELS {
            let spec = spec(model.name, json!([channel.name]), 60);
            for family in FAMILIES {
                let rng = seed::stream(3, "oracle", &[]);
                let mut oracle = match spec.build(&problem.game, None, policies, rng) {
                    Ok(oracle) => oracle,
                    Err(error) => {
                        let said = error.to_string();
                        assert!(said.contains(model.name), "{} {}: {said}", model.name, channel.name);
                        refused += 1;
                        break; // whatever the method
                    }
                };
                let bought = oracle.cost().duels;
                let options = RunOptions::new(&limits, &schedule, &metrics);
                let entry = &family.solvers[0];
                let result = problem
                    .run(entry, &Value::Null, oracle.as_mut(), &options, &mut |_| true)
                    .expect("defaults");
                let outcome = &result.outcome;
                let what = format!("{} {} {}", model.name, channel.name, entry.name);
                let end = |metric| outcome.end(Iterate::Last, metric).expect("measured");
                assert!((0.0..=1.0).contains(&end("duality_gap")), "{what}");
                assert!((0.0..=1.0).contains(&end(LEARNED_GAP)), "{what}");
                // labels are duels, what is asked of the fit is neither a duel nor a query
                assert_eq!(outcome.cost.queries, 0, "{what}");
                let purchases = 1 + u64::from(outcome.steps > 2);
                assert_eq!(outcome.cost.duels, bought * purchases, "{what}");
                assert!(end(MODEL_QUERIES) >= 1.0, "{what}");
                assert!(result.notes.iter().any(|n| n.contains("learned from")), "{what}");
                ran += 1;
            }
        }
    }
    assert!(ran > 600 && ran > 3 * refused, "{ran} ran, {refused} were refused");
}

#[test]
fn a_method_that_solves_the_fitted_game_has_no_gap_there_and_one_in_truth() {
    let (problem, metrics) = (problem(), metrics());
    let (limits, schedule) = (Limits::steps(2000), Schedule::Log);
    let solver = solver("mirror-prox").expect("a method");
    let gaps = |model: &str, per_context: usize| {
        let spec = spec(model, json!(["soft"]), per_context);
        let policies = (&problem.task.reference, &problem.task.start);
        let mut oracle =
            spec.build(&problem.game, None, policies, seed::stream(3, "oracle", &[])).expect("a fit");
        let options = RunOptions::new(&limits, &schedule, &metrics);
        let result =
            problem.run(solver, &Value::Null, oracle.as_mut(), &options, &mut |_| true).expect("a run");
        [LEARNED_GAP, "duality_gap"].map(|m| result.outcome.end(Iterate::Average, m).expect("measured"))
    };
    // counts of soft labels are the game: both gaps are one
    let [learned, truth] = gaps("counts", 3);
    assert!((learned - truth).abs() < 1e-12, "{learned} {truth}");
    // Bradley-Terry sees no cycle: solved in its game, its favourite loses to the action that beats it
    let [learned, truth] = gaps("bradley-terry", 3);
    assert!(learned < 1e-3 && truth > 0.2, "{learned} {truth}");
}
