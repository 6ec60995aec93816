//! `passes FILE...`: passes that Newman's and Zermelo's iterations need on files of comparisons, from equal strengths to
//! 1e-12 in log strength, and how far Newton's method ends from them. Files without a finite maximum are named.
//!
//! `cargo run --release -p equipoise-ratings --example passes -- configs/data/*.csv`

#![allow(clippy::print_stdout, reason = "a program that prints a table")]

use std::error::Error;
use std::path::Path;

use equipoise_data::{Selection, read_comparisons};
use equipoise_ratings::{Model, Options, first_order, fit};

const TOLERANCE: f64 = 1e-12;
const MOST: u32 = 200_000;

fn main() -> Result<(), Box<dyn Error>> {
    println!(
        "{:<28} {:>6} {:>8} {:>8} {:>6} {:>7} {:>10}",
        "file", "items", "Newman", "Zermelo", "ratio", "Newton", "distance"
    );
    for file in std::env::args().skip(1) {
        let data = read_comparisons(Path::new(&file), &Selection::default())?;
        let name = Path::new(&file).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let newton = fit(&data, Model::BradleyTerry, Options::default())?;
        if !newton.exists {
            println!("{name:<28} {:>6} no finite maximum: {} blocks", data.n(), newton.blocks.len());
            continue;
        }
        let found = [first_order::newman, first_order::zermelo].map(|run| run(&data, TOLERANCE, MOST));
        let off = (&found[0].log_strength - &newton.log_strength).iter().fold(0.0f64, |m, d| m.max(d.abs()));
        let ratio = f64::from(found[1].passes) / f64::from(found[0].passes);
        println!(
            "{name:<28} {:>6} {:>8} {:>8} {ratio:>6.1} {:>7} {off:>10.1e}",
            data.n(),
            found[0].passes,
            found[1].passes,
            newton.iterations
        );
    }
    Ok(())
}
