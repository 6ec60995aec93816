//! What the driving loop adds to its kernels: a whole EGPO step with both exact gaps, against its products and
//! exponentials alone, in one process and on one thread, rounds in turn.
//!
//! `egpo_step [ACTIONS...]` (default 10 100 1000) prints a table; `egpo_step --one ACTIONS STEPS [GAMES]` prints seconds
//! of a run of so many steps and its last gap, for the peer scripts; so many games as contexts of one. `egpo_step --peak`
//! prints what one thread multiplies and adds a second, fused, for their limits.
//!
//! Counted as kernels of a step: two products (the gap's product is the next step's first), the two log-softmaxes of
//! the half steps and that of the best response in the regularised gap. The second column has the bare exponentials
//! instead: the same two products and `exp` of three vectors, without maximum, sum, logarithm and scaling.

use std::hint::black_box;
use std::time::Instant;

use equipoise::Problem;
use equipoise::core::{simplex, vector};
use equipoise_benches::driven;

const ROUNDS: usize = 15;

/// Seconds of the kernels of `steps` steps.
fn kernels(problem: &Problem, steps: u64) -> f64 {
    let policy = problem.task.start.clone();
    let n = policy.probs().len();
    let (mut margins, mut logits, mut probs) = (zeros(n), policy.log_probs().to_vec(), vec![0.0; n]);
    let clock = Instant::now();
    for _ in 0..steps {
        for _ in 0..2 {
            problem.game.margins(black_box(&policy), &mut margins);
            black_box(&margins);
        }
        for _ in 0..3 {
            // starts where the last one ended
            _ = black_box(simplex::log_softmax(black_box(&mut logits), &mut probs));
        }
    }
    clock.elapsed().as_secs_f64()
}

/// Seconds of two products and of three times `exp` of every action, for `steps` steps.
fn bare(problem: &Problem, steps: u64) -> f64 {
    let policy = problem.task.start.clone();
    let n = policy.probs().len();
    let (mut margins, mut out) = (zeros(n), vec![0.0; n]);
    let clock = Instant::now();
    for _ in 0..steps {
        for _ in 0..2 {
            problem.game.margins(black_box(&policy), &mut margins);
            black_box(&margins);
        }
        for _ in 0..3 {
            vector::exp_all(black_box(policy.log_probs_slice()), &mut out);
            black_box(&out);
        }
    }
    clock.elapsed().as_secs_f64()
}

fn zeros(n: usize) -> equipoise::ndarray::Array1<f64> {
    equipoise::ndarray::Array1::zeros(n)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[expect(clippy::print_stdout, reason = "a program whose result is its output")]
fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number =
        |a: &String| a.parse::<usize>().expect("usage: egpo_step [ACTIONS...] | --one ACTIONS STEPS [GAMES]");
    if arguments.first().is_some_and(|a| a == "--peak") {
        println!("{:e}", equipoise_benches::fused_a_second());
        return;
    }
    if arguments.first().is_some_and(|a| a == "--one") {
        let (n, steps) = (number(&arguments[1]), number(&arguments[2]) as u64);
        let games = arguments.get(3).map_or(1, number);
        let (seconds, gap) = driven(&equipoise_benches::problems(games, n, 0.1), "egpo", steps);
        println!("{seconds} {gap:e}");
        return;
    }
    let sizes =
        if arguments.is_empty() { vec![10, 100, 1000] } else { arguments.iter().map(number).collect() };
    println!(
        "EGPO step with both gaps through the driving loop, one thread, medians of {ROUNDS} rounds, ns a step"
    );
    println!(
        "{:>6} {:>11} {:>21} {:>6} {:>23} {:>6}",
        "n", "whole step", "products, log-softmax", "ratio", "products, bare exp only", "ratio"
    );
    for n in sizes {
        let problem = equipoise_benches::problem(n, 0.1);
        let steps = (20_000_000 / (1000 + n * n)).max(100) as u64;
        let (mut whole, mut parts, mut least) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            whole.push(driven(&problem, "egpo", steps).0);
            parts.push(kernels(&problem, steps));
            least.push(bare(&problem, steps));
        }
        let ratio = |below: &[f64]| median(whole.iter().zip(below).map(|(a, b)| a / b).collect());
        let (first, second) = (ratio(&parts), ratio(&least));
        let ns = |values: Vec<f64>| median(values) / steps as f64 * 1e9;
        println!(
            "{n:>6} {:>11.1} {:>21.1} {first:>6.2} {:>23.1} {second:>6.2}",
            ns(whole),
            ns(parts),
            ns(least)
        );
    }
}
