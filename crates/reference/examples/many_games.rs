//! `many_games GAMES SMALLEST LARGEST [FIRST]`: solves so many random games of all kinds in turn, with sizes spread evenly over
//! that range, and prints a line a kind: games, largest duality gap (as returned, and recomputed by plain sums), how they
//! were found, how many are unique, seconds in all and at most. Game number k is the same whatever the range of numbers,
//! so that 10,000 games may be solved in several calls. Exit code 1 if a game fails or leaves a gap above 1e-12.
//!
//! `cargo run --release -p equipoise-reference --example many_games -- 10000 1 300`
//! `cargo run --release -p equipoise-reference --example many_games -- 15 5000 5000`

#![allow(clippy::unwrap_used, clippy::print_stdout)] // a program that prints its findings

#[path = "../tests/common/mod.rs"]
mod common;

use std::process::ExitCode;
use std::time::Instant;

use common::{KINDS, gap, random_game};
use equipoise_core::sample::uniform;
use equipoise_core::seed::stream;
use equipoise_reference::{LARGEST_GAP, maximal_lottery};
use rayon::prelude::*;

const NAMES: [&str; KINDS] = [
    "uniform",
    "tournament 0/1",
    "0, 1/2, 1",
    "ten votes",
    "Bradley-Terry",
    "additive",
    "disc",
    "cyclic",
    "clones",
    "clones 1e-9 apart",
    "near-ties 1e-9",
    "nine decades",
    "sparse",
    "all ties",
    "rank six",
];

/// What is kept of one game.
struct Found {
    kind: usize,
    gap: f64,
    method: &'static str,
    unique: Option<bool>,
    seconds: f64,
}

fn solve(number: usize, smallest: usize, largest: usize) -> Result<Found, String> {
    let kind = number % KINDS;
    let mut rng = stream(2026, "many games", &[&number.to_string()]);
    let n = smallest + ((largest + 1 - smallest) as f64 * uniform(&mut rng)) as usize;
    let matrix = random_game(kind, n, &mut rng);
    let start = Instant::now();
    let found =
        maximal_lottery(&matrix).map_err(|e| format!("game {number} ({}, n = {n}): {e}", NAMES[kind]))?;
    let seconds = start.elapsed().as_secs_f64();
    let p = found.policy.to_vec();
    let worst = found.duality_gap.max(gap(&matrix, &p));
    let on_simplex =
        (p.iter().sum::<f64>() - 1.0).abs() <= n.max(50) as f64 * f64::EPSILON && p.iter().all(|v| *v >= 0.0);
    if worst > LARGEST_GAP || !on_simplex {
        return Err(format!(
            "game {number} ({}, n = {n}): gap {worst:e}, on the simplex: {on_simplex}",
            NAMES[kind]
        ));
    }
    Ok(Found { kind, gap: worst, method: found.method.name(), unique: found.unique, seconds })
}

fn main() -> ExitCode {
    let usage = "usage: many_games GAMES SMALLEST LARGEST [FIRST]";
    let numbers: Vec<usize> = std::env::args().skip(1).map(|a| a.parse().expect(usage)).collect();
    let (games, smallest, largest, first) = match numbers[..] {
        [games, smallest, largest] => (games, smallest, largest, 0),
        [games, smallest, largest, first] => (games, smallest, largest, first),
        _ => panic!("{usage}"),
    };
    let clock = Instant::now();
    let all: Vec<_> =
        (first..first + games).into_par_iter().map(|number| solve(number, smallest, largest)).collect();
    let solved: Vec<&Found> = all.iter().flatten().collect();
    println!(
        "{:<18} {:>6} {:>9} {:>7} {:>7} {:>9} {:>9}  by",
        "kind", "games", "gap", "unique", "several", "seconds", "longest"
    );
    for (kind, name) in NAMES.iter().enumerate() {
        let these: Vec<_> = solved.iter().filter(|f| f.kind == kind).collect();
        let largest =
            |value: &dyn Fn(&Found) -> f64| these.iter().map(|f| value(f)).fold(f64::NEG_INFINITY, f64::max);
        let count = |unique| these.iter().filter(|f| f.unique == Some(unique)).count();
        let mut methods: Vec<&str> = these.iter().map(|f| f.method).collect();
        methods.sort_unstable();
        let tallied = methods.chunk_by(|a, b| a == b).map(|same| format!("{} {}", same.len(), same[0]));
        println!(
            "{name:<18} {:>6} {:>9.1e} {:>7} {:>7} {:>9.2} {:>9.3}  {}",
            these.len(),
            largest(&|f| f.gap),
            count(true),
            count(false),
            these.iter().map(|f| f.seconds).sum::<f64>(),
            largest(&|f| f.seconds),
            tallied.collect::<Vec<_>>().join(", "),
        );
    }
    let failures: Vec<&String> = all.iter().filter_map(|r| r.as_ref().err()).collect();
    failures.iter().for_each(|f| println!("FAILED {f}"));
    let worst = solved.iter().map(|f| f.gap).fold(f64::NEG_INFINITY, f64::max);
    println!(
        "{} games of {smallest} to {largest} actions in {:.1} s: {} failures, largest gap {worst:.1e}, undecided {}",
        all.len(),
        clock.elapsed().as_secs_f64(),
        failures.len(),
        solved.iter().filter(|f| f.unique.is_none()).count(),
    );
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
