//! What is predicted is the factor of the metric that stands beside it: every method of the registry, on games of every kind.

#![allow(clippy::print_stdout, reason = "the counts are what the test reports")]

use std::sync::Arc;

use equipoise::prelude::*;
use equipoise_core::{Policy, Task, seed};
use equipoise_env::generators::generator;
use equipoise_env::{Feedback, Game, GameOracle, Sampled};
use equipoise_testing::random_policy;
use serde_json::{Value, json};

fn named(name: &str, block: &Value) -> Arc<Game> {
    let mut rng = seed::stream(9, "predictions", &[name]);
    Arc::new(generator(name).expect("a generator").build(block, &mut rng).expect("valid"))
}

fn games() -> Vec<(&'static str, Arc<Game>)> {
    vec![
        ("perturbed-rps", named("perturbed-rps", &Value::Null)),
        ("comal", named("comal", &Value::Null)),
        ("efron", named("efron", &Value::Null)),
        ("cyclic", named("cyclic", &json!({"margins": [0.1, 0.2, 0.4]}))),
        ("regular-tournament", named("regular-tournament", &json!({"actions": 5, "margin": 0.3}))),
        ("two-actions", named("two-actions", &json!({"margin": 0.3}))),
        ("one-winner", named("one-winner", &json!({"actions": 4, "margin": 0.5}))),
        ("random-uniform", named("random-uniform", &json!({"actions": 6}))),
        ("full-support", named("full-support", &Value::Null)),
    ]
}

/// A run, where the method takes the task.
fn run(name: &str, block: &Value, problem: &Problem, steps: u64) -> Option<RunResult> {
    let entry = solver(name).expect("registered");
    let (limits, schedule) = (Limits::steps(steps), Schedule::Every((steps / 400).max(1)));
    let gap = if problem.task.tau > 0.0 { DUALITY_GAP_TAU } else { DUALITY_GAP };
    let metrics = [DUALITY_GAP, gap].map(|name| Metric::named(name).expect("registered"));
    let options = RunOptions::new(&limits, &schedule, &metrics);
    problem.run(entry, block, &mut problem.exact_oracle(), &options, &mut |_| true).ok()
}

#[test]
fn predictions_are_of_the_metric_beside_them() {
    let (mut compared, mut off) = (0, Vec::new());
    let mut methods = std::collections::BTreeSet::new();
    let mut rng = seed::stream(9, "predictions", &["starts"]);
    for (game_name, game) in games() {
        let n = game.shape().actions(0);
        let (mu, start) = (random_policy(n, 0.7, &mut rng), random_policy(n, 1.0, &mut rng));
        for tau in [0.0, 1e-3, 0.02, 0.1, 0.6] {
            let task = Task::new(mu.clone()).start(start.clone()).tau(tau);
            let problem = Problem::new(game.clone(), task).solve().expect("solved");
            for entry in equipoise::registry::solvers() {
                for block in [Value::Null, json!({"step_size": 0.3}), json!({"step_size": 1.2})] {
                    // what has no theory predicts nothing, however long it runs
                    let theory = run(entry.name, &block, &problem, 1).and_then(|result| result.modulus);
                    for steps in [400, 8000].into_iter().filter(|_| theory.is_some()) {
                        let result = run(entry.name, &block, &problem, steps).expect("ran above");
                        let (Some(fitted), Some(predicted)) = (result.fitted, result.predicted) else {
                            continue;
                        };
                        compared += 1;
                        methods.insert(entry.name);
                        let ratio = fitted.factor.ln() / predicted.ln();
                        if !(0.9..=1.1).contains(&ratio) {
                            off.push(format!(
                                "{} {block} on {game_name}, tau {tau}, {steps} steps: {fitted:?}, predicted {predicted}, ratio {ratio}",
                                entry.name
                            ));
                        }
                    }
                }
            }
        }
    }
    println!("{compared} compared, {} off:\n{}\n{methods:?}", off.len(), off.join("\n"));
    assert!(off.is_empty() && compared > 200 && methods.len() >= 10, "{compared} {methods:?}");
}

#[test]
fn what_goes_beside_the_equilibrium_predicts_nothing() {
    let game = named("perturbed-rps", &Value::Null);
    let mu = random_policy(3, 0.7, &mut seed::stream(9, "predictions", &["beside"]));
    for tau in [0.05, 0.3] {
        let problem = Problem::new(game.clone(), Task::new(mu.clone()).tau(tau)).solve().expect("solved");
        let nash_md = run("nash-md", &json!({"step_size": 0.5}), &problem, 3000).expect("valid");
        let last =
            nash_md.outcome.trace.iter().rfind(|p| p.metric == DUALITY_GAP_TAU).expect("measured").value;
        // it stands at a gap that is not 0: no factor is its factor
        assert!(last > 1e-7 && nash_md.predicted.is_none(), "{tau}: {last:e} {:?}", nash_md.predicted);
        // without the mixture it is omd
        let plain =
            run("nash-md", &json!({"step_size": 0.5, "mixture": 0.0}), &problem, 3000).expect("valid");
        let omd = run("omd", &json!({"step_size": 0.5}), &problem, 3000).expect("valid");
        assert_eq!(plain.predicted, omd.predicted);
        assert!(omd.predicted.is_some());
    }
}

#[test]
fn drawn_answers_have_no_factor() {
    let game = named("perturbed-rps", &Value::Null);
    let problem = Problem::new(game.clone(), Task::new(Policy::uniform(game.shape())).tau(0.2))
        .solve()
        .expect("solved");
    let gap = [Metric::named(DUALITY_GAP_TAU).expect("registered")];
    let (limits, schedule) = (Limits::steps(200), Schedule::Log);
    let options = RunOptions::new(&limits, &schedule, &gap);
    let feedback = Feedback::Sampled(Sampled::default());
    let mut oracle = GameOracle::new(game.clone(), feedback, seed::stream(9, "predictions", &["oracle"]));
    let result = problem
        .run(solver("egpo").expect("registered"), &Value::Null, &mut oracle, &options, &mut |_| true)
        .expect("valid");
    assert!(result.predicted.is_none() && result.modulus.is_some_and(|m| m < 1.0), "{result:?}");
}
