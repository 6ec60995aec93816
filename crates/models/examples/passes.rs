//! `passes FILE...`: passes that Newman's and Zermelo's iterations need on files of comparisons, from equal strengths to
//! 1e-12 in log strength, and how far Newton's method ends from them. Files without a finite maximum are named.
//!
//! `cargo run --release -p equipoise-models --example passes -- configs/data/*.csv`
//!
//! Near the maximum both are sweeps over one Hessian H (a Laplacian with weights `n_ij p_ij p_ji`), and differ in what they
//! divide by: `r_i <- r_i - (H r)_i / D_i` with `D_i = sum_j w_ij` for Zermelo's, all wins, and `sum_j w_ij p_ji` for
//! Newman's, wins by how unlikely they were, which is near `H_ii`. Where contests are even the second is half the first, and
//! no more than a few times fewer passes can come of it; where favourites win it is a small part. The factors by which a
//! sweep shrinks an error at last are printed, and the ratio of passes that their logarithms foretell.

#![allow(clippy::print_stdout, reason = "a program that prints a table")]

use std::error::Error;
use std::path::Path;

use equipoise_core::logistic::logistic;
use equipoise_data::{Comparisons, Selection, read_comparisons};
use equipoise_models::{BRADLEY_TERRY, PairOptions, first_order, fit};

const TOLERANCE: f64 = 1e-12;
const MOST: u32 = 200_000;

fn main() -> Result<(), Box<dyn Error>> {
    println!(
        "{:<28} {:>6} {:>8} {:>8} {:>6}   {:>8} {:>8} {:>8}   {:>6} {:>10}",
        "file", "items", "Newman", "Zermelo", "ratio", "factors", "", "predicted", "Newton", "distance"
    );
    for file in std::env::args().skip(1) {
        let data = read_comparisons(Path::new(&file), &Selection::default())?;
        let name = Path::new(&file).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let newton = fit(&data, &BRADLEY_TERRY, PairOptions::default())?;
        if !newton.exists {
            println!("{name:<28} {:>6} no finite maximum: {} blocks", data.n(), newton.blocks.len());
            continue;
        }
        let found = [first_order::newman, first_order::zermelo].map(|run| run(&data, TOLERANCE, MOST));
        let off = (&found[0].log_strength - &newton.log_strength).iter().fold(0.0f64, |m, d| m.max(d.abs()));
        let factors =
            [0.0, 1.0].map(|alpha| factor(&data, newton.log_strength.as_slice().unwrap_or(&[]), alpha));
        let ratio = f64::from(found[1].passes) / f64::from(found[0].passes);
        println!(
            "{name:<28} {:>6} {:>8} {:>8} {ratio:>6.1}   {:>8.5} {:>8.5} {:>8.1}   {:>6} {off:>10.1e}",
            data.n(),
            found[0].passes,
            found[1].passes,
            factors[0],
            factors[1],
            factors[0].ln() / factors[1].ln(),
            newton.iterations
        );
    }
    Ok(())
}

/// How much a sweep shrinks a small error in its slowest direction, by doing many.
fn factor(data: &Comparisons, r: &[f64], alpha: f64) -> f64 {
    const SWEEPS: usize = 4000;
    let mut weights = vec![Vec::new(); data.n()];
    let mut divisor = vec![0.0; data.n()];
    for pair in &data.pairs {
        let (i, j, (wins, losses, ties)) = (pair.i, pair.j, pair.outcomes());
        let p = logistic(r[i] - r[j]);
        let weight = pair.met() * p * (1.0 - p);
        weights[i].push((j, weight));
        weights[j].push((i, weight));
        divisor[i] += (wins + 0.5 * ties) * (alpha * p + 1.0 - p);
        divisor[j] += (losses + 0.5 * ties) * (alpha * (1.0 - p) + p);
    }
    let mut x: Vec<f64> = (0..data.n()).map(|i| ((i * i) as f64 + 0.3 * i as f64).sin()).collect();
    let mut logs = 0.0;
    for sweep in 0..SWEEPS {
        for i in 0..x.len() {
            let pull: f64 = weights[i].iter().map(|&(j, weight)| weight * (x[i] - x[j])).sum();
            x[i] -= pull / divisor[i];
        }
        // strengths are free up to a constant
        let mean = x.iter().sum::<f64>() / x.len() as f64;
        x.iter_mut().for_each(|v| *v -= mean);
        let size = x.iter().map(|v| v * v).sum::<f64>().sqrt();
        x.iter_mut().for_each(|v| *v /= size);
        logs += if sweep < SWEEPS / 2 { 0.0 } else { size.ln() };
    }
    (logs / (SWEEPS / 2) as f64).exp()
}
