//! Coverage of bootstrap intervals, over comparisons and over contexts; prints what `bootstrap.txt`
//! beside it records.
//!
//! `cargo run --release -p equipoise-ratings --example bootstrap`
//!
//! Where strengths move with the context single comparisons hang together: drawing them one by one must fall short of the
//! nominal rate, and drawing whole contexts must not.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program that prints a record")]

use equipoise_core::{Rng, sample::normal, seed::stream};
use equipoise_data::Comparisons;
use equipoise_ratings::boards::{Boards, Standing, boards, bootstrap_contexts};
use equipoise_ratings::draw::multinomial;
use equipoise_ratings::{Model, Options, fit};
use ndarray::Array2;

const CONTEXTS: usize = 60;
const VOTES: u64 = 6;
const DATA_SETS: usize = 400;

/// A context: strengths around their means, six votes for each pair of four items.
fn context(rng: &mut Rng, votes: u64, spread: f64) -> (Array2<f64>, Comparisons) {
    let r: Vec<f64> = [0.9, 0.3, -0.4, -0.8].iter().map(|m| m + spread * normal(rng)).collect();
    let (mut expected, mut wins) = (Array2::zeros((4, 4)), Array2::zeros((4, 4)));
    for i in 0..4 {
        for j in i + 1..4 {
            let probs = Model::BradleyTerry.probs(r[i], r[j], 0.0, 0.0);
            (expected[[i, j]], expected[[j, i]]) = (probs[0], probs[1]);
            let drawn = multinomial(votes, probs, rng);
            (wins[[i, j]], wins[[j, i]]) = (drawn[0] as f64, drawn[1] as f64);
        }
    }
    (expected, Comparisons::from_tables(&wins, &Array2::zeros((4, 4))))
}

fn main() {
    println!(
        "coverage of 95 percent bootstrap intervals, one by one: 4 items, {CONTEXTS} contexts of {VOTES} votes a pair, \
         {DATA_SETS} data sets"
    );
    for spread in [0.0, 0.8] {
        // what is estimated: the Bradley-Terry fit to the win rates of infinitely many contexts
        let mut rng = stream(4, "truth", &[&spread.to_string()]);
        let mut mean = Array2::<f64>::zeros((4, 4));
        (0..200_000).for_each(|_| mean += &context(&mut rng, 0, spread).0);
        let none = Array2::zeros((4, 4));
        let truth =
            fit(&Comparisons::from_tables(&mean, &none), Model::BradleyTerry, Options::default()).unwrap();
        let (mut single, mut whole) = (0, 0);
        for k in 0..DATA_SETS {
            let mut rng = stream(5, "contexts", &[&spread.to_string(), &k.to_string()]);
            let parts: Vec<Comparisons> = (0..CONTEXTS).map(|_| context(&mut rng, VOTES, spread).1).collect();
            let all = Comparisons::sum(parts.iter().map(|p| (p, 1.0)));
            let mut found = boards(&all, 400, k as u64, &|| ()).unwrap();
            let covered = |found: &Boards| {
                let inside = |s: &&Standing| {
                    let (low, high) = s.bootstrap.unwrap();
                    (low..=high).contains(&truth.log_strength[s.item])
                };
                found.standings.iter().filter(inside).count()
            };
            single += covered(&found);
            found.take_samples(&bootstrap_contexts(&parts, 400, k as u64, &|| ()).unwrap());
            whole += covered(&found);
        }
        let share = |hits: usize| hits as f64 / (4 * DATA_SETS) as f64;
        println!(
            "  strengths move by {spread} nats with the context: over comparisons {:.4}, over contexts {:.4}",
            share(single),
            share(whole)
        );
    }
}
