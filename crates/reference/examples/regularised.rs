//! `regularised N TAU[,TAU..]`: the regularised equilibrium of a random game of N actions (uniform win rates, a random
//! reference) down a list of temperatures: gap, bound on the KL to the equilibrium, Newton steps, seconds.
//!
//! `cargo run --release -p equipoise-reference --example regularised -- 2000 1,1e-1,1e-2,1e-3,1e-4,1e-5`

#![allow(clippy::unwrap_used, clippy::print_stdout)] // a program that prints its findings

#[path = "../tests/common/mod.rs"]
mod common;

use std::time::Instant;

use common::{random_game, random_policy, rng};
use equipoise_reference::regularised_equilibrium;

fn main() {
    let usage = "usage: regularised N TAU[,TAU..]";
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [n, taus] = &arguments[..] else { panic!("{usage}") };
    let n: usize = n.parse().expect(usage);
    let mut rng = rng("regularised program");
    let matrix = random_game(0, n, &mut rng);
    let mu = random_policy(n, 2.0, &mut rng);
    println!(
        "{:>6} {:>8} {:>10} {:>10} {:>6} {:>8} {:>8}",
        "n", "tau", "gap_tau", "KL to eq.", "steps", "p>1e-22", "seconds"
    );
    for tau in taus.split(',').map(|t| t.parse::<f64>().expect(usage)) {
        let start = Instant::now();
        match regularised_equilibrium(&matrix, &mu, tau) {
            Ok(found) => {
                let noticeable = found.policy.probs().iter().filter(|p| **p > 1e-22).count();
                let (gap, seconds) = (found.duality_gap_tau, start.elapsed().as_secs_f64());
                println!(
                    "{n:>6} {tau:>8.0e} {gap:>10.1e} {:>10.1e} {:>6} {noticeable:>8} {seconds:>8.2}",
                    found.kl_to_equilibrium, found.newton_steps
                );
            }
            Err(e) => println!("{n:>6} {tau:>8.0e} {e}"),
        }
    }
}
