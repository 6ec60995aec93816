//! Level and power of the test of a cycle, by simulation; prints what `cycle_test.txt` beside it records.
//!
//! `cargo run --release -p equipoise-models --example cycle_test [-- SETS [NAME ...]]`
//!
//! Each line is a game: how often the verdict is "cyclic beyond noise" (p < 0.05), with its standard error. The games of the first
//! part are transitive, so that this is the rate of false alarms; those of the second have a planted cycle of three.
//!
//! The sparse arena: 30 items that arrive (and some leave) over time and are drawn by a popularity of heavy tail, 20,000
//! comparisons, so that about 110 of 435 pairs never meet and 150 meet fewer than ten times.

#![allow(clippy::print_stdout, clippy::expect_used, reason = "a program that prints a record")]

use equipoise_core::logistic::logistic;
use equipoise_core::{Rng, sample::uniform, seed::stream};
use equipoise_data::Comparisons;
use equipoise_models::DAVIDSON;
use equipoise_models::distributions::normal_quantile;
use equipoise_models::intransitivity::{LEVEL, Measure, inspect};
use equipoise_models::resample::multinomial;
use equipoise_models::transitive::cycle_test;
use ndarray::Array2;
use rayon::prelude::*;

const REPLICATES: usize = 199;
const ARENA: usize = 30;
const BATTLES: u64 = 20_000;

type Draw = fn(&mut Rng) -> Comparisons;

/// Transitive games.
const TRANSITIVE: &[(&str, Draw)] = &[
    ("bradley-terry-8", |rng| {
        let r = spread(rng, 8, 1.0);
        dense(8, 40, |i, j| win(logistic(r[i] - r[j])), rng)
    }),
    ("bradley-terry-arena", |rng| {
        let r = normals(rng, ARENA, 0.5);
        let met = arena(rng);
        counted(&met, |i, j| win(logistic(r[i] - r[j])), rng)
    }),
    ("davidson-arena", |rng| {
        let r = normals(rng, ARENA, 0.5);
        let met = arena(rng);
        counted(&met, |i, j| DAVIDSON.probs(r[i], r[j], 0.0, 0.85f64.ln()), rng)
    }),
    ("even-arena", |rng| {
        let met = arena(rng);
        counted(&met, |_, _| win(0.5), rng)
    }),
    ("cauchy-12", |rng| {
        let r = normals(rng, 12, 2.0);
        dense(12, 100, |i, j| win(0.5 + (r[i] - r[j]).atan() / std::f64::consts::PI), rng)
    }),
    ("two-kinds-of-voters-sd-0.5", |rng| voters(rng, 0.5)),
    ("two-kinds-of-voters-sd-1", |rng| voters(rng, 1.0)),
    ("neighbours-.60-others-.502", |rng| neighbours(5, 900, 0.6, 0.502, rng)),
    ("neighbours-.60-others-.52", |rng| neighbours(5, 900, 0.6, 0.52, rng)),
    ("neighbours-.60-others-.50", |rng| neighbours(5, 900, 0.6, 0.5, rng)),
    ("neighbours-.65-others-.50-of-8", |rng| neighbours(8, 400, 0.65, 0.5, rng)),
    ("neighbours-.75-others-.51-of-10", |rng| neighbours(10, 60, 0.75, 0.51, rng)),
    ("neighbours-.80-others-.50-few-votes", |rng| neighbours(5, 30, 0.8, 0.5, rng)),
    ("one-cycle-but-for-an-even-link", |rng| blocks(1, 200, 0.65, rng)),
    ("three-cycles-but-for-even-links", |rng| blocks(3, 200, 0.65, rng)),
    ("three-cycles-weak-links-.58", |rng| blocks(3, 200, 0.58, rng)),
];

/// Win rate of each link, and which items it has.
const PLANTED: &[(&str, f64, Items)] = &[
    ("planted-.60", 0.60, Items::MostMet(3)),
    ("planted-.60-of-6", 0.60, Items::MostMet(6)),
    ("planted-.60-any-of-5", 0.60, Items::Any(5)),
    ("planted-.60-any-of-8", 0.60, Items::Any(8)),
    ("planted-.65", 0.65, Items::MostMet(3)),
    ("planted-.65-of-6", 0.65, Items::MostMet(6)),
    ("planted-.65-any-of-5", 0.65, Items::Any(5)),
    ("planted-.65-any-of-8", 0.65, Items::Any(8)),
];

/// The items of a planted cycle, of so many of the most played ones.
#[derive(Clone, Copy)]
enum Items {
    /// The three that met most.
    MostMet(usize),
    /// Any three that met.
    Any(usize),
}

fn win(p: f64) -> [f64; 4] {
    [p, 1.0 - p, 0.0, 0.0]
}

fn spread(rng: &mut Rng, n: usize, by: f64) -> Vec<f64> {
    (0..n).map(|_| by * (2.0 * uniform(rng) - 1.0)).collect()
}

fn normals(rng: &mut Rng, n: usize, deviation: f64) -> Vec<f64> {
    (0..n).map(|_| deviation * normal_quantile(uniform(rng).max(1e-12))).collect()
}

/// Comparisons drawn for the pairs that met, `met[[i, j]]` for i < j.
fn counted(met: &Array2<u64>, probs: impl Fn(usize, usize) -> [f64; 4], rng: &mut Rng) -> Comparisons {
    let n = met.nrows();
    let (mut wins, mut ties) = (Array2::zeros((n, n)), Array2::zeros((n, n)));
    for i in 0..n {
        for j in i + 1..n {
            let drawn = multinomial(met[[i, j]], probs(i, j), rng);
            (wins[[i, j]], wins[[j, i]], ties[[i, j]]) = (drawn[0] as f64, drawn[1] as f64, drawn[2] as f64);
        }
    }
    Comparisons::from_tables(&wins, &ties)
}

fn dense(n: usize, met: u64, probs: impl Fn(usize, usize) -> [f64; 4], rng: &mut Rng) -> Comparisons {
    counted(&Array2::from_elem((n, n), met), probs, rng)
}

/// Neighbours in the order at one win rate, all others at another.
fn neighbours(n: usize, met: u64, near: f64, far: f64, rng: &mut Rng) -> Comparisons {
    dense(n, met, |i, j| win(if j == i + 1 { near } else { far }), rng)
}

/// Blocks of three: two links at `rate`, the third even; blocks apart by .8.
fn blocks(blocks: usize, met: u64, rate: f64, rng: &mut Rng) -> Comparisons {
    let prob = |i: usize, j: usize| match (i / 3 == j / 3, j == i + 1) {
        (false, _) => 0.8,
        (true, true) => rate,
        (true, false) => 0.5,
    };
    dense(3 * blocks, met, |i, j| win(prob(i, j)), rng)
}

/// Half of the voters have one rating, half another; drawn again until the majority is transitive.
fn voters(rng: &mut Rng, deviation: f64) -> Comparisons {
    loop {
        let (a, b) = (normals(rng, 10, deviation), normals(rng, 10, deviation));
        let prob = |i: usize, j: usize| 0.5 * (logistic(a[i] - a[j]) + logistic(b[i] - b[j]));
        // without a cycle the items beat 9, 8, ..., 0 others
        let mut beaten: Vec<usize> =
            (0..10).map(|i| (0..10).filter(|&j| i != j && prob(i, j) > 0.5).count()).collect();
        beaten.sort_unstable();
        if beaten.iter().enumerate().all(|(k, &b)| k == b) {
            return dense(10, 150, |i, j| win(prob(i, j)), rng);
        }
    }
}

/// How often the pairs of the sparse arena meet.
fn arena(rng: &mut Rng) -> Array2<u64> {
    let popularity: Vec<f64> = normals(rng, ARENA, 1.3).into_iter().map(f64::exp).collect();
    let arrives: Vec<f64> = (0..ARENA).map(|_| (1.25 * uniform(rng) - 0.3).max(0.0)).collect();
    let leaves: Vec<f64> = arrives
        .iter()
        .map(|&a| if uniform(rng) < 0.35 { a + (1.0 - a) * (0.2 + 0.8 * uniform(rng)) } else { 1.0 })
        .collect();
    let mut met = Array2::zeros((ARENA, ARENA));
    for battle in 0..BATTLES {
        let now = battle as f64 / BATTLES as f64;
        let there = |i: usize| if arrives[i] <= now && now <= leaves[i] { popularity[i] } else { 0.0 };
        let weights: Vec<f64> = (0..ARENA).map(there).collect();
        if weights.iter().filter(|w| **w > 0.0).count() < 2 {
            continue;
        }
        let total: f64 = weights.iter().sum();
        let mut pick = |not: Option<usize>| loop {
            let mut left = uniform(rng) * total;
            let found = weights.iter().position(|w| {
                left -= w;
                left < 0.0
            });
            if let Some(i) = found.filter(|i| Some(*i) != not) {
                return i;
            }
        };
        let first = pick(None);
        let second = pick(Some(first));
        met[[first.min(second), first.max(second)]] += 1;
    }
    met
}

/// Bradley-Terry on the sparse arena, but for a cycle of three items.
fn planted(rng: &mut Rng, rate: f64, which: Items) -> Comparisons {
    let met = arena(rng);
    let r = normals(rng, ARENA, 0.5);
    let times = |i: usize, j: usize| met[[i.min(j), i.max(j)]];
    let mut items: Vec<usize> = (0..ARENA).collect();
    items.sort_by_key(|&i| std::cmp::Reverse((0..ARENA).map(|j| times(i, j)).sum::<u64>()));
    let (Items::MostMet(among) | Items::Any(among)) = which;
    let mut all: Vec<([usize; 3], u64)> = Vec::new();
    for a in 0..among {
        for b in a + 1..among {
            for c in b + 1..among {
                let t = [items[a], items[b], items[c]];
                all.push((t, times(t[0], t[1]).min(times(t[1], t[2])).min(times(t[0], t[2]))));
            }
        }
    }
    let cycle = match which {
        Items::MostMet(_) => all.into_iter().max_by_key(|t| t.1).expect("some three").0,
        Items::Any(_) => {
            all.retain(|t| t.1 > 0);
            // none of them met: no cycle
            if all.is_empty() {
                return counted(&met, |i, j| win(logistic(r[i] - r[j])), rng);
            }
            all[(uniform(rng) * all.len() as f64) as usize].0
        }
    };
    let link = |i: usize, j: usize| (0..3).any(|k| (cycle[k], cycle[(k + 1) % 3]) == (i, j));
    let prob = |i: usize, j: usize| match (link(i, j), link(j, i)) {
        (true, _) => rate,
        (_, true) => 1.0 - rate,
        _ => logistic(r[i] - r[j]),
    };
    counted(&met, |i, j| win(prob(i, j)), rng)
}

/// The share of data sets that pass, with its standard error.
fn share(passed: usize, sets: usize) -> String {
    let rate = passed as f64 / sets as f64;
    format!("{rate:.3} +- {:.3}", (rate * (1.0 - rate) / sets as f64).sqrt())
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let sets: usize =
        arguments.next().map_or(1000, |a| a.parse().expect("usage: cycle_test [SETS [NAME ...]]"));
    let names: Vec<String> = arguments.collect();
    let wanted = |name: &str| names.is_empty() || names.iter().any(|n| n == name);
    println!("\"cyclic beyond noise\" on transitive games, {sets} data sets each, {REPLICATES} replicates");
    for (name, draw) in TRANSITIVE.iter().filter(|(name, _)| wanted(name)) {
        let cyclic = |k: usize| {
            let data = draw(&mut stream(1, "cycle test", &[name, &k.to_string()]));
            cycle_test(&data, REPLICATES, k as u64).p_value.is_some_and(|p| p < LEVEL)
        };
        let passed = (0..sets).into_par_iter().filter(|&k| cyclic(k)).count();
        println!("  {name:<36} {}", share(passed, sets));
    }
    println!(
        "\"cyclic beyond noise\" on planted cycles in the sparse arena; beside it the strongest cycle under one rating alone, and \
         that with the sign test of the weakest link"
    );
    for &(name, rate, which) in PLANTED.iter().filter(|(name, ..)| wanted(name)) {
        let sets = sets.div_ceil(5);
        let found: Vec<(bool, bool, bool)> = (0..sets)
            .into_par_iter()
            .map(|k| {
                let data = planted(&mut stream(2, "cycle test", &[name, &k.to_string()]), rate, which);
                let test = cycle_test(&data, REPLICATES, k as u64);
                let below = |p: Option<f64>| p.is_some_and(|p| p < LEVEL);
                let old = inspect(&data, 99, k as u64, &|| ())
                    .expect("a board")
                    .statistic(Measure::StrongestCycle)
                    .p_value;
                (below(test.p_value), below(old), below(old) && below(test.weakest_p_value))
            })
            .collect();
        let count = |of: fn(&(bool, bool, bool)) -> bool| share(found.iter().filter(|f| of(f)).count(), sets);
        println!("  {name:<36} {}   {}   {}", count(|f| f.0), count(|f| f.1), count(|f| f.2));
    }
}
