//! `sparse_ratings [ITEMS COMPARISONS]`: ratings of many items with a few comparisons each, through the public library: reading a CSV file
//! that is in memory, `fit` of Bradley-Terry with errors and intervals, the board of `rank`, and the tests of `inspect` (of few items up to 100,000 comparisons). Without
//! arguments 70 items with 20,000 comparisons, 30,000 with 90,000, 2,000 with 20,000 and with 4,000,000, and a million with ten million.
//!
//! Beside each wall clock stand the processor time and the peak of the memory so far; beside the fit, as what it cannot go
//! below, two passes over its pairs in memory: a sum of everything that is kept of each.

#![allow(clippy::print_stdout, reason = "an example prints its result")]

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use equipoise::core::sample::{index, normal, uniform};
use equipoise::core::seed::stream;
use equipoise::data::{Observations, Selection, parse_comparisons};
use equipoise::models::intransitivity::{REPLICATES, inspect_observed};
use equipoise::models::leaderboard::{BoardOptions, Unmet, leaderboard};
use equipoise::models::{Counts, MAX_ITEMS, ModelData, model};
use serde_json::Value;

fn file(items: usize, comparisons: usize) -> Vec<u8> {
    let mut rng = stream(2026, "sparse ratings", &[&items.to_string(), &comparisons.to_string()]);
    let strength: Vec<f64> = (0..items).map(|_| normal(&mut rng)).collect();
    let mut text = String::from("item_a,item_b,outcome\n");
    for _ in 0..comparisons {
        let a = index(&mut rng, items);
        let b = (a + 1 + index(&mut rng, items - 1)) % items;
        let p = 1.0 / (1.0 + (strength[b] - strength[a]).exp());
        let outcome = match uniform(&mut rng) {
            u if u < 0.1 => "tie",
            u if u < 0.1 + 0.9 * p => "a",
            _ => "b",
        };
        writeln!(text, "{a},{b},{outcome}").expect("a string takes text");
    }
    text.into_bytes()
}

/// Seconds of this process and its threads.
fn processor() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<f64> = text.split(' ').skip(13).take(2).filter_map(|f| f.parse().ok()).collect();
    fields.iter().sum::<f64>() / 100.0
}

fn peak() -> String {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("unknown");
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse().unwrap_or(f64::NAN);
    format!("{:.0} MB", kilobytes / 1024.0)
}

fn timed<T>(what: &str, act: impl FnOnce() -> T) -> T {
    let (clock, used) = (Instant::now(), processor());
    let found = act();
    println!(
        "  {what:32} {:8.2} s   processor {:8.2} s   peak {}",
        clock.elapsed().as_secs_f64(),
        processor() - used,
        peak()
    );
    found
}

fn rated(items: usize, comparisons: usize) -> Result<(), Box<dyn std::error::Error>> {
    println!("{items} items, {comparisons} comparisons");
    let bytes = file(items, comparisons);
    let read = || parse_comparisons(Path::new("battles.csv"), &bytes, &Selection::default());
    let data: Observations = timed("read", read)?.into();
    drop(bytes);
    let pass = || data.comparisons.pairs.iter().map(|p| p.met() + p.margin(0.0)).sum::<f64>();
    let passes = timed("two passes over the pairs", || pass() + pass());
    assert!(passes.is_finite());
    let counts = ModelData::Counts(Counts { observations: data, features: None });
    let fitted = timed("fit, with errors", || {
        model("bradley-terry")?.fit(&counts, &Value::Null).map_err(Box::<dyn std::error::Error>::from)
    })?;
    assert!(fitted.convergence.converged);
    drop(fitted);
    let ModelData::Counts(Counts { observations, .. }) = &counts else { return Err("counts".into()) };
    let options = BoardOptions { replicates: 0, seed: 0, unmet: Unmet::Open };
    timed("board", || leaderboard(observations, options, &|| ()))?;
    if items > MAX_ITEMS || comparisons <= 100_000 {
        let found = timed("inspection", || inspect_observed(observations, REPLICATES, 0, &|| ()))?;
        println!(
            "  {} null data sets, {} of {} triads cyclic, {:?}",
            found.replicates, found.cycles.cyclic, found.cycles.total, found.verdict
        );
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    if let [items, comparisons] = numbers[..] {
        return rated(items, comparisons);
    }
    for (items, comparisons) in [(30_000, 90_000), (2000, 20_000), (2000, 4_000_000), (1_000_000, 10_000_000)]
    {
        rated(items, comparisons)?;
    }
    Ok(())
}
