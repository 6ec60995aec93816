//! The simulation published with EGPO (arXiv:2503.08942), policy by policy; `golden/README.md` says where it is from.

use std::sync::Arc;

use equipoise_core::{Policy, Shape, SolverEntry, Task, seed};
use equipoise_env::{Game, GameOracle, PreferenceMatrix};
use ndarray::Array2;
use serde_json::{Value, json};

/// Two programs that add in another order; measured: below 1e-13 in every entry.
const TOLERANCE: f64 = 1e-12;

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|v| v.as_f64().expect("a number")).collect()
}

/// The largest deviation from the recorded policies of `published`, over all runs and recorded updates.
fn deviation(
    file: &str,
    published: &str,
    entry: &SolverEntry,
    parameters: impl Fn(f64, f64, f64) -> Value,
) -> f64 {
    let data: Value = serde_json::from_str(file).expect("valid JSON");
    let number = |key: &str| data[key].as_f64().expect("a number");
    let (n, tau) = (number("n"), number("beta"));
    let shape = Shape::single(n as usize).expect("not empty");
    let mut worst = 0f64;
    for run in data["runs"].as_array().expect("a list") {
        let rows: Vec<f64> = run["preference"].as_array().expect("rows").iter().flat_map(numbers).collect();
        let matrix = Array2::from_shape_vec((n as usize, n as usize), rows).expect("square");
        let game = Arc::new(Game::single(PreferenceMatrix::new(matrix.view()).expect("a preference matrix")));
        let reference =
            Policy::from_logits(&shape, numbers(&run["reference_logits"]).into()).expect("finite logits");
        let task = Task::new(reference).tau(tau);
        let mut solver = entry.build(&parameters(number("sgd_lr"), n, tau), &task).expect("valid").solver;
        let (mut oracle, mut rng) = (GameOracle::exact(game), seed::stream(0, "test", &[]));
        let (mut updates, policies) =
            (0, run["algorithms"][published]["policy"].as_array().expect("policies"));
        let record_at = data["record_at"].as_array().expect("a list");
        assert_eq!(policies.len(), record_at.len());
        for (at, policy) in record_at.iter().zip(policies) {
            while updates < at.as_u64().expect("a count") {
                solver.step(&mut oracle, &mut rng).expect("finite");
                updates += 1;
            }
            for (a, b) in solver.policy().probs().iter().zip(numbers(policy)) {
                worst = worst.max((a - b).abs());
            }
        }
        assert!(updates >= 1000);
    }
    worst
}

const FILES: [&str; 2] =
    [include_str!("golden/egpo_n10_beta0.1.json"), include_str!("golden/egpo_n10_beta0.01.json")];

fn entry(name: &str) -> &'static SolverEntry {
    equipoise::registry::solver(name).expect("registered")
}

#[test]
fn online_ipo_follows_the_published_simulation() {
    for file in FILES {
        for (published, name) in [("online_ipo_1", "online-ipo-1"), ("online_ipo_2", "online-ipo-2")] {
            let entry = entry(name);
            let worst = deviation(file, published, entry, |lr, _, _| json!({"learning_rate": lr}));
            assert!(worst < TOLERANCE, "{name}: {worst:e}");
        }
        // OMD with the mapped step is the same run
        let omd = entry("omd");
        let worst =
            deviation(file, "online_ipo_1", omd, |lr, n, tau| json!({"step_size": 4.0 * lr / (n * tau)}));
        assert!(worst < TOLERANCE, "omd: {worst:e}");
    }
}

#[test]
fn nash_md_follows_the_published_simulation_with_half_the_papers_mixture() {
    let nash_md = entry("nash-md");
    let gradient = entry("nash-md-pg");
    for file in FILES {
        let published =
            |lr: f64, n: f64, tau: f64| json!({"step_size": 4.0 * lr / (n * tau), "mixture": 2.0 * lr / n});
        let worst = deviation(file, "nash_md", nash_md, published);
        assert!(worst < TOLERANCE, "nash-md: {worst:e}");
        let worst = deviation(
            file,
            "nash_md_pg",
            gradient,
            |lr, n, _| json!({"learning_rate": lr, "mixture": 2.0 * lr / n}),
        );
        assert!(worst < TOLERANCE, "nash-md-pg: {worst:e}");
        // the mixture matters: the paper's own choice is another run
        let paper =
            deviation(file, "nash_md", nash_md, |lr, n, tau| json!({"step_size": 4.0 * lr / (n * tau)}));
        assert!(paper > 1e-3, "nash-md as in its paper: {paper:e}");
    }
}

#[test]
fn egpo_follows_the_published_simulation() {
    let egpo = entry("egpo");
    for file in FILES {
        let worst = deviation(file, "egpo", egpo, |lr, n, tau| json!({"step_size": 4.0 * lr / (n * tau)}));
        assert!(worst < TOLERANCE, "egpo: {worst:e}");
        // one update of EGPO is two of the products that the published axis counts as one
        let mirror_descent =
            deviation(file, "online_ipo_1", egpo, |lr, n, tau| json!({"step_size": 4.0 * lr / (n * tau)}));
        assert!(mirror_descent > 1e-3, "egpo is not online-ipo-1: {mirror_descent:e}");
    }
}
