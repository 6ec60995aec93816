//! Coverage of bootstrap intervals, over comparisons and over contexts; prints what `bootstrap.txt`
//! beside it records.
//!
//! `cargo run --release -p equipoise-models --example bootstrap [-- DATA_SETS]`
//!
//! Where strengths move with the context single comparisons hang together: drawing them one by one must fall short of the
//! nominal rate, and drawing whole contexts must not: by more than what 60 contexts cost a percentile interval, which is as
//! wide as if the variance were known and is the sum of squares over 60. Of a mean, with t of 59 degrees of freedom, it
//! covers Pr(|t| < 1.96 sqrt(59/60)) = 0.9433 instead of 0.95.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program that prints a record")]

use equipoise_core::{Rng, sample::normal, seed::stream};
use equipoise_data::{Comparisons, Observations, Unit};
use equipoise_models::leaderboard::{BoardOptions, Leaderboard, Row, Unmet, leaderboard};
use equipoise_models::resample::multinomial;
use equipoise_models::{BRADLEY_TERRY, PairOptions, fit};
use ndarray::Array2;

const CONTEXTS: usize = 60;
const VOTES: u64 = 6;

/// A context: strengths around their means, six votes for each pair of four items.
fn context(rng: &mut Rng, votes: u64, spread: f64) -> (Array2<f64>, Comparisons) {
    let r: Vec<f64> = [0.9, 0.3, -0.4, -0.8].iter().map(|m| m + spread * normal(rng)).collect();
    let (mut expected, mut wins) = (Array2::zeros((4, 4)), Array2::zeros((4, 4)));
    for i in 0..4 {
        for j in i + 1..4 {
            let probs = BRADLEY_TERRY.probs(r[i], r[j], 0.0, 0.0);
            (expected[[i, j]], expected[[j, i]]) = (probs[0], probs[1]);
            let drawn = multinomial(votes, probs, rng);
            (wins[[i, j]], wins[[j, i]]) = (drawn[0] as f64, drawn[1] as f64);
        }
    }
    (expected, Comparisons::from_tables(&wins, &Array2::zeros((4, 4))))
}

fn options(set: usize) -> BoardOptions {
    BoardOptions { replicates: 400, seed: set as u64, unmet: Unmet::default() }
}

fn main() {
    let sets = std::env::args().nth(1).map_or(Ok(400), |a| a.parse()).expect("usage: bootstrap [DATA_SETS]");
    println!(
        "coverage of 95 percent bootstrap intervals, one by one: 4 items, {CONTEXTS} contexts of {VOTES} votes a pair, \
         {sets} data sets"
    );
    for spread in [0.0, 0.8] {
        // what is estimated: the Bradley-Terry fit to the win rates of infinitely many contexts
        let mut rng = stream(4, "truth", &[&spread.to_string()]);
        let mut mean = Array2::<f64>::zeros((4, 4));
        (0..200_000).for_each(|_| mean += &context(&mut rng, 0, spread).0);
        let none = Array2::zeros((4, 4));
        let truth =
            fit(&Comparisons::from_tables(&mean, &none), &BRADLEY_TERRY, PairOptions::default()).unwrap();
        let (mut single, mut whole) = (Vec::new(), Vec::new());
        for k in 0..sets {
            let mut rng = stream(5, "contexts", &[&spread.to_string(), &k.to_string()]);
            let parts: Vec<Comparisons> = (0..CONTEXTS).map(|_| context(&mut rng, VOTES, spread).1).collect();
            let all = Comparisons::sum(parts.iter().map(|p| (p, 1.0)));
            let found = leaderboard(&all.into(), options(k), &|| ()).unwrap();
            let covered = |found: &Leaderboard| {
                let inside = |s: &&Row| {
                    let (low, high) = s.bootstrap.unwrap();
                    (low..=high).contains(&truth.log_strength[s.item])
                };
                found.rows.iter().filter(inside).count()
            };
            single.push(covered(&found));
            let found = Observations::of_groups(&parts, Unit::Context);
            let found = leaderboard(&found, options(k), &|| ()).unwrap();
            whole.push(covered(&found));
        }
        // the standard error is over data sets: intervals of one hang together
        let share = |hits: &[usize]| {
            let (n, shares) = (hits.len() as f64, || hits.iter().map(|&k| k as f64 / 4.0));
            let mean = shares().sum::<f64>() / n;
            let variance = shares().map(|s| (s - mean).powi(2)).sum::<f64>() / (n - 1.0);
            format!("{mean:.4} +- {:.4}", (variance / n).sqrt())
        };
        println!(
            "  strengths move by {spread} nats with the context: over comparisons {}, over contexts {}",
            share(&single),
            share(&whole)
        );
    }
}
