//! Coverage of intervals and ranks, by simulation. A small version runs with the tests; the whole table of `docs/leaderboards.md`:
//!
//! ```text
//! cargo test --release -p equipoise-models --test coverage -- --ignored --nocapture
//! ```

#![allow(clippy::print_stdout, reason = "the counts are what the test reports")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use equipoise_core::logistic::logistic;
use equipoise_core::sample::{index, normal, uniform};
use equipoise_core::{Rng, seed::stream};
use equipoise_data::{Comparisons, Observations, Selection, Unit, parse_observations};
use equipoise_models::intervals::Intervals;
use equipoise_models::{BRADLEY_TERRY, DAVIDSON, PairOptions, fit, fit_observed};
use ndarray::Array2;
use rayon::prelude::*;

/// How data of one kind are drawn.
#[derive(Clone, Copy)]
struct Design {
    name: &'static str,
    items: usize,
    /// Standard deviation of the strengths.
    spread: f64,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    /// So many battles; whether some items are met far more often than others; log nu of Davidson's ties.
    Battles { battles: usize, skewed: bool, ties: Option<f64> },
    /// So many rankings of all items, Plackett-Luce.
    Rankings { rankings: usize },
    /// So many prompts of so many votes; every prompt moves the strengths by normal effects of this standard deviation.
    Prompts { prompts: usize, votes: usize, effect: f64 },
}

const fn battles(name: &'static str, items: usize, spread: f64, battles: usize) -> Design {
    Design { name, items, spread, kind: Kind::Battles { battles, skewed: false, ties: None } }
}

const fn skewed(name: &'static str, items: usize, spread: f64, battles: usize) -> Design {
    Design { name, items, spread, kind: Kind::Battles { battles, skewed: true, ties: None } }
}

const DESIGNS: &[Design] = &[
    battles("2 items, 40 battles", 2, 0.5, 40),
    battles("2 items, 12 battles, wide", 2, 2.0, 12),
    battles("5 items, 500 battles", 5, 0.7, 500),
    battles("5 items, 30 battles", 5, 1.0, 30),
    battles("20 items, 20,000 battles", 20, 0.7, 20_000),
    Design {
        name: "20 items, 20,000 battles, 38 percent ties",
        items: 20,
        spread: 0.7,
        kind: Kind::Battles { battles: 20_000, skewed: false, ties: Some(0.34) },
    },
    skewed("30 items, 1,500 battles, skewed", 30, 0.7, 1_500),
    skewed("30 items, 1,200 battles, skewed, wide", 30, 1.2, 1_200),
    Design { name: "5 items, 200 rankings", items: 5, spread: 0.7, kind: Kind::Rankings { rankings: 200 } },
    Design { name: "24 items, 150 rankings", items: 24, spread: 0.7, kind: Kind::Rankings { rankings: 150 } },
    Design {
        name: "5 items, 200 prompts of 10 votes, effects",
        items: 5,
        spread: 0.7,
        kind: Kind::Prompts { prompts: 200, votes: 10, effect: 0.8 },
    },
];

impl Design {
    fn strengths(&self) -> Vec<f64> {
        let mut rng = stream(1, "strengths", &[self.name]);
        let drawn: Vec<f64> = (0..self.items).map(|_| self.spread * normal(&mut rng)).collect();
        let mean = drawn.iter().sum::<f64>() / self.items as f64;
        drawn.iter().map(|r| r - mean).collect()
    }

    /// How often a pair is drawn, relative to others.
    fn popularity(&self, i: usize, j: usize) -> f64 {
        let of = |i: usize| (1.0 + i as f64).powf(-1.7);
        if matches!(self.kind, Kind::Battles { skewed: true, .. }) { of(i) * of(j) } else { 1.0 }
    }

    /// Win rate of i over j with ties half, over all that is drawn.
    fn win_rate(&self, r: &[f64], i: usize, j: usize) -> f64 {
        match self.kind {
            Kind::Battles { ties: Some(nu), .. } => {
                let p = DAVIDSON.probs(r[i], r[j], 0.0, nu);
                p[0] + 0.5 * p[2]
            }
            Kind::Prompts { effect, .. } => {
                // over effects of both items, normal of standard deviation sqrt 2 times theirs: midpoints of the law
                let points = 2000;
                let at = |k: usize| {
                    equipoise_models::distributions::normal_quantile((k as f64 + 0.5) / f64::from(points))
                };
                let rates =
                    (0..points as usize).map(|k| logistic(r[i] - r[j] + 2f64.sqrt() * effect * at(k)));
                rates.sum::<f64>() / f64::from(points)
            }
            _ => logistic(r[i] - r[j]),
        }
    }

    /// What is estimated: the Bradley-Terry fit to endless data.
    fn truth(&self) -> Vec<f64> {
        let r = self.strengths();
        let n = self.items;
        let wins = Array2::from_shape_fn((n, n), |(i, j)| match i == j {
            true => 0.0,
            false => 1e6 * self.popularity(i, j) * self.win_rate(&r, i, j),
        });
        let endless = Comparisons::from_tables(&wins, &Array2::zeros((n, n)));
        fit(&endless, &BRADLEY_TERRY, PairOptions::default()).unwrap().log_strength.to_vec()
    }

    fn draw(&self, rng: &mut Rng) -> Observations {
        let (r, n) = (self.strengths(), self.items);
        let read = |text: String, unit: Unit| {
            parse_observations(Path::new("d.csv"), text.as_bytes(), &Selection::default(), unit).unwrap()
        };
        match self.kind {
            Kind::Battles { battles, ties, .. } => {
                let pairs: Vec<(usize, usize)> =
                    (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).collect();
                let mut sums = Vec::new();
                let mut sum = 0.0;
                pairs.iter().for_each(|&(i, j)| {
                    sum += self.popularity(i, j);
                    sums.push(sum);
                });
                let (mut wins, mut tied) = (Array2::zeros((n, n)), Array2::zeros((n, n)));
                for _ in 0..battles {
                    let u = uniform(rng) * sum;
                    let (i, j) = pairs[sums.partition_point(|s| *s <= u).min(pairs.len() - 1)];
                    let p = match ties {
                        Some(nu) => DAVIDSON.probs(r[i], r[j], 0.0, nu),
                        None => [logistic(r[i] - r[j]), logistic(r[j] - r[i]), 0.0, 0.0],
                    };
                    match uniform(rng) {
                        u if u < p[0] => wins[[i, j]] += 1.0,
                        u if u < p[0] + p[1] => wins[[j, i]] += 1.0,
                        _ => tied[[i, j]] += 1.0,
                    }
                }
                Comparisons::from_tables(&wins, &tied).into()
            }
            Kind::Rankings { rankings } => {
                let mut text = String::from("ranking\n");
                for _ in 0..rankings {
                    // the largest of strength plus Gumbel noise first: Plackett-Luce
                    let mut scored: Vec<(f64, usize)> =
                        (0..n).map(|i| (r[i] - (-uniform(rng).ln()).ln(), i)).collect();
                    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
                    let names: Vec<String> = scored.iter().map(|(_, i)| i.to_string()).collect();
                    text += &(names.join(" > ") + "\n");
                }
                read(text, Unit::Row)
            }
            Kind::Prompts { prompts, votes, effect } => {
                let mut text = String::from("item_a,item_b,outcome,context\n");
                for prompt in 0..prompts {
                    let moved: Vec<f64> = r.iter().map(|r| r + effect * normal(rng)).collect();
                    for _ in 0..votes {
                        let i = index(rng, n);
                        let j = (i + 1 + index(rng, n - 1)) % n;
                        let outcome = if uniform(rng) < logistic(moved[i] - moved[j]) { 'a' } else { 'b' };
                        text += &format!("{i},{j},{outcome},{prompt}\n");
                    }
                }
                read(text, Unit::Context)
            }
        }
    }
}

/// Shares of sets, or of items, whose truth lies inside; with their standard errors over sets.
#[derive(Clone, Copy, Debug)]
struct Coverage {
    sets: usize,
    /// Sets with a finite maximum.
    exists: f64,
    strengths: f64,
    ranks: f64,
    /// Item by item, by the errors that intervals rest on, and by the plain sandwich.
    alone: f64,
    sandwich: f64,
}

fn coverage(design: &Design, sets: usize) -> Coverage {
    let truth = design.truth();
    let one = |k: usize| {
        let mut rng = stream(2, "coverage", &[design.name, &k.to_string()]);
        let data = design.draw(&mut rng);
        let found = fit_observed(&data, &BRADLEY_TERRY, PairOptions::default()).unwrap();
        let labels = &data.comparisons.labels;
        let at: Vec<usize> = labels.iter().map(|l| l.parse().unwrap()).collect();
        // an item that met nobody has no label, and no interval
        let seen = |i: usize| truth[at[i]];
        let order: Vec<usize> = (0..labels.len()).collect();
        let intervals = Intervals::new(&found, 0.95, &order, &mut rng).unwrap();
        let inside = |i: usize| {
            intervals.low[i].is_none_or(|low| low <= seen(i))
                && intervals.high[i].is_none_or(|high| seen(i) <= high)
        };
        let rank = |i: usize| 1 + (0..labels.len()).filter(|&j| seen(j) > seen(i)).count();
        let ranked = |i: usize| (intervals.ranks[i].0..=intervals.ranks[i].1).contains(&rank(i));
        let within = |i: usize, variance: f64| {
            let (off, error) = (seen(i) - found.log_strength[i], 1.959_964 * variance.max(0.0).sqrt());
            (off >= -error || found.open[i].0) && (off <= error || found.open[i].1)
        };
        let share = |holds: &dyn Fn(usize) -> bool| {
            (0..labels.len()).filter(|&i| holds(i)).count() as f64 / labels.len() as f64
        };
        let all = |holds: &dyn Fn(usize) -> bool| f64::from(u8::from((0..labels.len()).all(holds)));
        [
            f64::from(u8::from(found.exists)),
            all(&inside),
            all(&ranked),
            share(&|i| within(i, found.spread[[i, i]])),
            share(&|i| within(i, found.sandwich[[i, i]])),
        ]
    };
    let drawn: Vec<[f64; 5]> = (0..sets).into_par_iter().map(one).collect();
    let mean = |k: usize| drawn.iter().map(|d| d[k]).sum::<f64>() / sets as f64;
    Coverage { sets, exists: mean(0), strengths: mean(1), ranks: mean(2), alone: mean(3), sandwich: mean(4) }
}

#[test]
#[ignore = "minutes; the table of docs/leaderboards.md"]
fn table_of_coverage() {
    println!("| design | sets | maximum exists | strengths | ranks | one by one | sandwich, one by one |");
    println!("|---|---|---|---|---|---|---|");
    for design in DESIGNS {
        let sets = if design.items >= 20 { 500 } else { 1000 };
        let c = coverage(design, sets);
        println!(
            "| {} | {} | {:.2} | {:.3} | {:.3} | {:.3} | {:.3} |",
            design.name, c.sets, c.exists, c.strengths, c.ranks, c.alone, c.sandwich
        );
        // three standard errors below the level
        let least = 0.95 - 3.0 * (0.95 * 0.05 / sets as f64).sqrt();
        assert!(c.strengths >= least && c.ranks >= least, "{}: {c:?}", design.name);
    }
}

#[test]
fn small_designs_are_covered() {
    for design in [&DESIGNS[0], &DESIGNS[1], &DESIGNS[3], &DESIGNS[8]] {
        let c = coverage(design, 200);
        // three standard errors of 200 sets at 0.95: 0.046
        assert!(c.strengths >= 0.904 && c.ranks >= 0.904 && c.alone >= 0.904, "{}: {c:?}", design.name);
    }
}
