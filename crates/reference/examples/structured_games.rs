//! Lotteries of large games of structure: how long, how exact, and which set.
//!
//! ```sh
//! cargo run --release -p equipoise-reference --example structured_games [-- ACTIONS RANK]
//! ```
//!
//! Without arguments: vectors around the origin (a disc, rank six), as vectors and as a matrix, and on one side of it, clones, at
//! 5,000 actions; then a million actions of rank 64 (2 GB of memory). Beside each time stands that of one product.

#![allow(clippy::print_stdout, reason = "an example speaks")]

use std::time::Instant;

use equipoise_core::sample::uniform;
use equipoise_core::seed::stream;
use equipoise_env::storage::LowRank;
use equipoise_env::{Game, PreferenceMatrix};
use equipoise_reference::{ReferenceError, Selection, context_lottery, context_ranges};
use ndarray::Array2;

/// Vectors of entries in `[shift - 1/2, shift + 1/2]`, scaled.
fn vectors(n: usize, rank: usize, shift: f64) -> LowRank {
    let mut rng = stream(2026, "structured", &[&n.to_string(), &rank.to_string()]);
    let scale = (0.5 / rank as f64).sqrt() / (0.5 + shift);
    let u = Array2::from_shape_fn((n, rank), |_| (uniform(&mut rng) - 0.5 + shift) * scale);
    LowRank::new(u.view()).expect("scaled vectors are a game")
}

fn clones(base: usize, copies: usize) -> PreferenceMatrix {
    let mut rng = stream(2026, "clones", &[]);
    let draws: Vec<f64> = (0..base * base).map(|_| uniform(&mut rng) - 0.5).collect();
    let margin = |i: usize, j: usize| {
        let (a, b) = (i / copies, j / copies);
        if a == b { 0.0 } else { draws[a * base + b] }
    };
    PreferenceMatrix::from_margins(base * copies, margin).expect("margins")
}

fn report(name: &str, game: &Game) -> Result<(), ReferenceError> {
    let n = game.shape().actions(0);
    let mut out = vec![0.0; n];
    let start = Instant::now();
    game.product(0, &vec![1.0 / n as f64; n], &mut out);
    let product = start.elapsed().as_secs_f64();
    for (which, selection) in [("maximum entropy", Selection::MaximumEntropy), ("vertex", Selection::Vertex)]
    {
        let start = Instant::now();
        let found = context_lottery(game, 0, selection, &|_| ())?;
        println!(
            "{name:34} {which:15} {:8.3} s (a product: {product:.4} s)  gap {:8.1e}  plays {:7}  {}  unique {:?}  dimension {:?}",
            start.elapsed().as_secs_f64(),
            found.duality_gap,
            found.support.len(),
            found.method.name(),
            found.unique,
            found.dimension
        );
    }
    let start = Instant::now();
    let ranges = context_ranges(game, 0)?;
    let seconds = start.elapsed().as_secs_f64();
    match ranges.and_then(|all| all.into_iter().max_by(|a, b| a.1.total_cmp(&b.1))) {
        Some((least, largest)) => {
            println!("{name:34} ranges          {seconds:8.3} s  the widest: {least:.6} to {largest:.6}")
        }
        None => println!("{name:34} ranges          {seconds:8.3} s  open"),
    }
    Ok(())
}

fn main() -> Result<(), ReferenceError> {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    if let [n, rank] = numbers[..] {
        return report(&format!("rank {rank}, n = {n}"), &Game::single(vectors(n, rank, 0.0)));
    }
    let n = 5000;
    report("disc", &Game::single(vectors(n, 2, 0.0)))?;
    report("disc, as a matrix", &Game::single(Game::single(vectors(n, 2, 0.0)).matrix(0)))?;
    report("rank 6", &Game::single(vectors(n, 6, 0.0)))?;
    report("rank 6, as a matrix", &Game::single(Game::single(vectors(n, 6, 0.0)).matrix(0)))?;
    report("rank 6, on one side", &Game::single(vectors(n, 6, 0.6)))?;
    report("25 actions, 200 clones each", &Game::single(clones(25, 200)))?;
    report("rank 64, n = 1,000,000", &Game::single(vectors(1_000_000, 64, 0.0)))
}
