//! Sixteen step sizes on one large game: separate runs against one lock-step group, which reads the matrix once for all.
//!
//! ```sh
//! cargo run --release -p equipoise-benches --example lockstep [ACTIONS] [STEPS]
//! ```

#![allow(clippy::print_stdout, reason = "this program's output is its purpose")]

use std::sync::Arc;
use std::time::Instant;

use equipoise::core::seed;
use equipoise::env::{Feedback, GameOracle, batcher};
use equipoise::eval::{Limits, Metric, Schedule};
use equipoise::registry::solver;
use equipoise::{RunOptions, RunResult};
use serde_json::{Value, json};

const RUNS: usize = 16;

fn main() {
    let mut arguments = std::env::args().skip(1).map(|a| a.parse::<usize>().expect("a whole number"));
    let (n, steps) = (arguments.next().unwrap_or(8192), arguments.next().unwrap_or(10));
    let problem = equipoise_benches::problem(n, 0.1);
    let entry = solver("egpo").expect("registered");
    let metrics: Vec<&'static Metric> =
        ["duality_gap", "duality_gap_tau"].into_iter().filter_map(Metric::named).collect();
    let (limits, schedule) = (Limits::steps(steps as u64), Schedule::Every(1));
    let options = RunOptions::new(&limits, &schedule, &metrics);
    let parameters: Vec<Value> =
        (0..RUNS).map(|k| json!({ "step_size": 0.05 * 1.25f64.powi(k as i32) })).collect();

    let clock = Instant::now();
    let run = |mut oracle: GameOracle, parameters: &Value| {
        problem.run(entry, parameters, &mut oracle, &options, &mut |_| true).expect("valid")
    };
    let separate: Vec<RunResult> = parameters.iter().map(|p| run(problem.exact_oracle(), p)).collect();
    let apart = clock.elapsed().as_secs_f64();

    let clock = Instant::now();
    let pool = Arc::new(rayon::ThreadPoolBuilder::new().build().expect("threads"));
    let together: Vec<RunResult> = std::thread::scope(|scope| {
        let runs: Vec<_> = batcher::handles(&problem.game, RUNS, &pool)
            .into_iter()
            .zip(&parameters)
            .map(|(handle, p)| {
                let run = &run;
                let rng = seed::stream(0, "oracle", &[]);
                scope.spawn(move || run(GameOracle::batched(handle, Feedback::Exact, rng), p))
            })
            .collect();
        runs.into_iter().map(|run| run.join().expect("a run does not panic")).collect()
    });
    let joint = clock.elapsed().as_secs_f64();

    let bits = |result: &RunResult| -> Vec<u64> {
        let trace = result.outcome.trace.iter().map(|p| p.value);
        trace.chain(result.outcome.policy.log_probs().iter().copied()).map(f64::to_bits).collect()
    };
    let equal = separate.iter().zip(&together).all(|(a, b)| bits(a) == bits(b));
    println!(
        "{RUNS} step sizes of egpo, {steps} steps, {n} actions ({} threads)",
        pool.current_num_threads()
    );
    println!("separate runs   {apart:8.3} s");
    println!("in lock-step    {joint:8.3} s   {:.3} of the separate runs", joint / apart);
    println!("traces and policies bit-equal: {equal}");
    assert!(equal, "lock-step changed a run");
}
