//! Ten thousand games of all kinds: none fails, none has a gap above 1e-12.
//!
//! Mostly small ones; with sizes spread evenly from 1 to 300, and up to 5,000: the program `many_games`.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test may

mod common;

use common::*;
use equipoise_core::sample::uniform;
use equipoise_reference::{LARGEST_GAP, Method, maximal_lottery};

fn solve_many(purpose: &str, size: impl Fn(f64) -> usize) -> [usize; 6] {
    let mut rng = rng(purpose);
    let mut ways = [0; 6];
    for round in 0..10_000 {
        let n = size(uniform(&mut rng));
        let kind = round % KINDS;
        let matrix = random_game(kind, n, &mut rng);
        let found = maximal_lottery(&matrix).unwrap_or_else(|e| panic!("kind {kind}, n {n}: {e}"));
        let p = found.policy.to_vec();
        assert!((p.iter().sum::<f64>() - 1.0).abs() <= 1e-14 && p.iter().all(|&v| v >= 0.0));
        let measured = gap(&matrix, &p);
        assert!(found.duality_gap <= LARGEST_GAP && measured <= LARGEST_GAP, "kind {kind}, n {n}: {found:?}");
        assert!(found.support.iter().all(|i| found.best_responses.contains(i)));
        let way = match found.method {
            Method::Inspection => 0,
            Method::Simplex => 1,
            Method::DoubledSimplex => 2,
            Method::InteriorPoint => 3,
            Method::CentralPath => 4,
            Method::CentralPoint => 5,
            Method::DoubleOracle | Method::LowRank => unreachable!("of large games"),
            Method::Rational => unreachable!("needs fractions"),
        };
        ways[way] += 1;
    }
    println!("{ways:?} by inspection, simplex, doubled simplex, interior point, central path, central point");
    ways
}

#[test]
fn ten_thousand_games_mostly_small() {
    let ways = solve_many("many", |u| 1 + (160.0 * u.powi(4)) as usize);
    assert!(ways[..5].iter().all(|&count| count > 5), "every way is taken: {ways:?}");
}
