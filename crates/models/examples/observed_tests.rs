//! Level and power of the tests where comparisons are not independent, by simulation; prints what `observed_tests.txt` beside it
//! records.
//!
//! `cargo run --release -p equipoise-models --example observed_tests [-- SETS]`
//!
//! Each line is a game whose contexts (prompts, say) shift the log odds of every pair by noise of their own, so that the votes of
//! one context are alike: how often one rating an item is rejected, and how often a cycle is found (p < 0.05), with contexts as
//! observations and, to compare, with rows. All games but the last are transitive and, over all contexts, of one rating.

#![allow(clippy::print_stdout, clippy::expect_used, reason = "a program that prints a record")]

use std::fmt::Write as _;
use std::path::Path;

use equipoise_core::logistic::logistic;
use equipoise_core::{sample::normal, sample::uniform, seed::stream};
use equipoise_data::{Observations, Selection, Unit, parse_observations};
use equipoise_models::intransitivity::{LEVEL, inspect_observed};
use rayon::prelude::*;

const REPLICATES: usize = 199;

/// What is drawn.
struct Design {
    name: &'static str,
    /// Items, and the distance in log odds between neighbours of the order.
    items: usize,
    apart: f64,
    contexts: usize,
    /// Share of the pairs that a context compares, and its votes on each.
    share: f64,
    votes: usize,
    /// Standard deviation of what a context adds to the log odds of a pair.
    effect: f64,
    /// Whether the first beats the second, the second the third, and the third the first, at log odds of .6.
    cycle: bool,
}

const DESIGNS: &[Design] = &[
    Design {
        name: "even",
        items: 5,
        apart: 0.0,
        contexts: 60,
        share: 1.0,
        votes: 5,
        effect: 1.0,
        cycle: false,
    },
    Design {
        name: "rating",
        items: 5,
        apart: 0.4,
        contexts: 60,
        share: 1.0,
        votes: 5,
        effect: 1.0,
        cycle: false,
    },
    Design {
        name: "sparse",
        items: 8,
        apart: 0.3,
        contexts: 200,
        share: 0.1,
        votes: 4,
        effect: 1.0,
        cycle: false,
    },
    Design {
        name: "few",
        items: 4,
        apart: 0.3,
        contexts: 12,
        share: 1.0,
        votes: 20,
        effect: 0.7,
        cycle: false,
    },
    Design {
        name: "single",
        items: 5,
        apart: 0.3,
        contexts: 1500,
        share: 0.1,
        votes: 1,
        effect: 1.0,
        cycle: false,
    },
    Design {
        name: "cycle",
        items: 5,
        apart: 0.3,
        contexts: 120,
        share: 1.0,
        votes: 5,
        effect: 1.0,
        cycle: true,
    },
];

fn draw(design: &Design, set: usize) -> [Observations; 2] {
    let mut rng = stream(1, "observed tests", &[design.name, &set.to_string()]);
    let mut text = "item_a,item_b,outcome,context\n".to_owned();
    for context in 0..design.contexts {
        for i in 0..design.items {
            for j in i + 1..design.items {
                if uniform(&mut rng) >= design.share {
                    continue;
                }
                let odds = match (design.cycle, i, j) {
                    (true, 0, 1) | (true, 1, 2) => 0.6,
                    (true, 0, 2) => -0.6,
                    _ => design.apart * (j - i) as f64,
                };
                let p = logistic(odds + design.effect * normal(&mut rng));
                for _ in 0..design.votes {
                    let won = if uniform(&mut rng) < p { "a" } else { "b" };
                    writeln!(text, "i{i},i{j},{won},c{context}").expect("a string takes all");
                }
            }
        }
    }
    let read =
        |unit| parse_observations(Path::new("drawn.csv"), text.as_bytes(), &Selection::default(), unit);
    [Unit::Context, Unit::Row].map(|unit| read(unit).expect("comparisons"))
}

/// The share of data sets that pass, with its standard error.
fn share(passed: usize, sets: usize) -> String {
    let rate = passed as f64 / sets as f64;
    format!("{rate:.3} +- {:.3}", (rate * (1.0 - rate) / sets as f64).sqrt())
}

fn main() {
    let sets: usize =
        std::env::args().nth(1).map_or(500, |a| a.parse().expect("usage: observed_tests [SETS]"));
    println!(
        "p < .05 in {sets} data sets, {REPLICATES} replicates: one rating, cycle; with contexts as observations, with rows"
    );
    for design in DESIGNS {
        let found: Vec<[bool; 4]> = (0..sets)
            .into_par_iter()
            .map(|k| {
                let tested = draw(design, k).map(|data| {
                    let found = inspect_observed(&data, REPLICATES, k as u64, &|| ()).expect("a board");
                    [found.one_rating_p_value, found.cycle_test.p_value].map(|p| p.is_some_and(|p| p < LEVEL))
                });
                [tested[0][0], tested[0][1], tested[1][0], tested[1][1]]
            })
            .collect();
        let rates = [0, 1, 2, 3].map(|at| share(found.iter().filter(|f| f[at]).count(), sets));
        println!("  {:<8} {}   {}   {}   {}", design.name, rates[0], rates[1], rates[2], rates[3]);
    }
}
