//! Steps of EGPO in the policy class of its published simulation, with both gaps at each step: `egpo_panel STEPS` prints seconds and the
//! last regularised gap, for the peer script. Ten games of 100 actions as ten contexts of one, a perceptron with two hidden layers of ten
//! units and a trainable vector of ten numbers a game, one step of gradient descent for each of the two answers of a step.

use std::time::Instant;

use equipoise::core::Task;
use equipoise::core::class_entry::Contexts;
use equipoise::eval::{Iterate, Limits, Metric, Schedule};
use equipoise::policies::policy;
use equipoise::registry::solver;
use equipoise::{Problem, RunOptions};
use serde_json::json;

#[expect(clippy::print_stdout, reason = "a program whose result is its output")]
fn main() {
    let steps = std::env::args().nth(1).and_then(|a| a.parse().ok()).expect("usage: egpo_panel STEPS");
    let Problem { game, task, .. } = equipoise_benches::problems(10, 100, 0.01);
    let contexts = Contexts { reference: task.reference.clone(), name: "train".into() };
    let class = policy("mlp-encoder").expect("registered").bind(&json!({}), &contexts).expect("in range");
    let problem = Problem::new(game, Task { class: Some(class), ..task });
    let parameters = json!({
        "target": "egpo", "loss": "uniform-pairs", "step_size": 0.1,
        "optimiser": { "sgd": { "learning_rate": 0.003 } }, "inner_steps": 1,
    });
    let (limits, schedule) = (Limits::steps(steps), Schedule::At(Vec::new()));
    let metrics = [Metric::named("duality_gap_tau").expect("a metric of the registry")];
    let options = RunOptions::new(&limits, &schedule, &metrics);
    let clock = Instant::now();
    let mut oracle = problem.exact_oracle();
    let entry = solver("projected").expect("registered");
    let result = problem.run(entry, &parameters, &mut oracle, &options, &mut |_| true).expect("valid");
    let seconds = clock.elapsed().as_secs_f64();
    let last = result.outcome.end(Iterate::Last, "duality_gap_tau").expect("the end is recorded");
    println!("{seconds} {last}");
}
