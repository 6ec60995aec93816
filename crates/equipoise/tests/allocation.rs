//! The step loop allocates nothing: a run of many steps allocates as often as one of few, counted in this thread.

use std::sync::Arc;

use equipoise::core::{Policy, Task, sample, seed};
use equipoise::env::{Game, PreferenceMatrix};
use equipoise::eval::{Limits, METRICS, Metric, Schedule};
use equipoise::{Problem, RunOptions, registry};
use serde_json::Value;

fn problem(sizes: &[usize], tau: f64) -> Problem {
    let mut rng = seed::stream(1, "allocation", &[]);
    let game = Arc::new(
        Game::new(sizes.iter().map(|&n| {
            let margins: Vec<f64> = (0..n * n).map(|_| sample::uniform(&mut rng) - 0.5).collect();
            PreferenceMatrix::from_margins(n, |i, j| margins[n * i + j]).expect("in range")
        }))
        .expect("contexts"),
    );
    let logits = (0..game.shape().len()).map(|i| (i as f64).sin()).collect();
    let reference = Policy::from_logits(game.shape(), logits).expect("finite");
    Problem::new(game, Task::new(reference).tau(tau))
}

/// Allocations of a whole run of `steps` steps that records its start and its end.
fn allocations(problem: &Problem, solver: &str, steps: u64) -> u64 {
    let metrics: Vec<&'static Metric> = METRICS.iter().collect();
    let (limits, schedule) = (Limits::steps(steps), Schedule::At(Vec::new()));
    let options = RunOptions::new(&limits, &schedule, &metrics);
    let entry = registry::solver(solver).expect("registered");
    let mut done = 0;
    let counted = allocation_counter::measure(|| {
        let mut oracle = problem.exact_oracle();
        let result =
            problem.run(entry, &Value::Null, &mut oracle, &options, &mut |_| true).expect("defaults");
        done = result.outcome.steps;
    });
    assert_eq!(done, steps, "{solver}");
    counted.count_total
}

#[test]
fn the_step_loop_allocates_nothing() {
    // one small, one beyond every buffer on the stack, ragged contexts, and so many that they are cut into blocks
    let blocks: Vec<usize> = (0..12_000).map(|x| 1 + x % 9).collect();
    let check = || {
        for (sizes, steps) in [(&[10][..], 200), (&[300], 200), (&[3, 7, 1, 40], 200), (&blocks, 20)] {
            for tau in [0.0, 0.1] {
                let problem = problem(sizes, tau);
                for solver in ["mwu", "omd", "omwu", "egpo", "ogda", "nash-md"] {
                    let few = allocations(&problem, solver, 5);
                    assert!(few > 0);
                    let many = allocations(&problem, solver, steps);
                    assert_eq!(few, many, "{solver} on {} contexts, tau {tau}", sizes.len());
                }
            }
        }
    };
    // in a pool, as runs are: who calls it from outside pays for the call
    rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread").install(check);
}
