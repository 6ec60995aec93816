//! What papers say of preference models, where the counterpart is a fit and not a run: the tests that folders of `experiments/papers`
//! rest on. Each is small enough for every run of the tests; what it prints are the figures of the folder:
//!
//! ```text
//! cargo test --release -p equipoise-models --test papers -- curatron --nocapture
//! ```

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "the figures are what the tests report")]

mod embeddings;
mod headlines;
mod judges;
mod prompts;
mod ratings;
mod rewards;
mod shaping;

use equipoise_core::{Rng, sample};
use equipoise_data::Comparisons;
use equipoise_env::PreferenceMatrix;
use equipoise_models::Fitted;
use equipoise_reference::maximal_lottery;
use ndarray::Array2;

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// `each` comparisons of every pair, drawn.
fn drawn(p: &Array2<f64>, each: usize, rng: &mut Rng) -> Comparisons {
    let n = p.nrows();
    let mut wins = Array2::<f64>::zeros((n, n));
    for j in 0..n {
        for i in 0..j {
            for _ in 0..each {
                if sample::uniform(rng) < p[[i, j]] { wins[[i, j]] += 1.0 } else { wins[[j, i]] += 1.0 }
            }
        }
    }
    Comparisons::from_tables(&wins, &Array2::zeros((n, n)))
}

/// Gap in the game `truth` of the maximal lottery of a fit.
fn true_gap(truth: &Array2<f64>, fitted: &Fitted) -> f64 {
    let n = truth.nrows();
    let matrix = PreferenceMatrix::from_margins(n, |i, j| fitted.prob(i, j) - 0.5).unwrap();
    let policy = maximal_lottery(&matrix).unwrap().policy;
    let against = |i: usize| (0..n).map(|j| truth[[i, j]] * policy[j]).sum::<f64>();
    2.0 * (0..n).map(against).fold(0.0, f64::max) - 1.0
}

/// Share of the pairs, unequal in truth, whose better side has the larger fitted probability; equal fitted ones are half.
fn accuracy(truth: &Array2<f64>, prob: impl Fn(usize, usize) -> f64) -> f64 {
    let (mut right, mut all) = (0.0, 0.0);
    for j in 0..truth.nrows() {
        for i in 0..j {
            let (t, p) = (truth[[i, j]] - 0.5, prob(i, j) - 0.5);
            if t.abs() > 1e-9 {
                all += 1.0;
                right += if p.abs() < 1e-9 { 0.5 } else { f64::from(u8::from(p * t > 0.0)) };
            }
        }
    }
    right / all
}

/// Kendall's tau-a of two lists of numbers.
fn kendall(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len();
    let pairs = (0..n).flat_map(|j| (0..j).map(move |i| (i, j)));
    let sum: f64 = pairs
        .map(|(i, j)| {
            let s = (a[i] - a[j]) * (b[i] - b[j]);
            f64::from(i8::from(s > 0.0) - i8::from(s < 0.0))
        })
        .sum();
    2.0 * sum / (n * (n - 1)) as f64
}
