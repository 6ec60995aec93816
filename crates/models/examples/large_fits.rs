//! `large_fits [NAME ..]`: seconds that fits to a million comparisons take: `whr` (10,000 items, 100 dates each), `gpm` (rank 4, 1,000 items),
//! `contextual` (Bradley-Terry of 100 items in 32 features of 10,000 contexts) and `ideal-points` (1,000 users, 50 items). Without names all of
//! them. Measured figures: `docs/measured.md`.
//!
//! `cargo run --release -p equipoise-models --example large_fits`

#![allow(clippy::print_stdout, reason = "a program that prints a table")]

use std::error::Error;
use std::time::Instant;

use equipoise_core::logistic::logistic;
use equipoise_core::{Rng, sample, seed::stream};
use equipoise_data::{Battle, Battles, Checks, Comparisons, Features, Grouped, Grouping, Outcome, Ties};
use equipoise_models::whole_history::{ItemPrior, TimedGame, WholeHistory};
use equipoise_models::{Contexts, ModelData, model};
use ndarray::Array2;
use serde_json::Value;

const COMPARISONS: usize = 1_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let names: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |name: &str| names.is_empty() || names.iter().any(|n| n == name);
    let mut rng = stream(0, "large-fits", &[]);
    if wanted("whr") {
        whr(&mut rng)?;
    }
    if wanted("gpm") {
        timed("gpm", &gpm(&mut rng).into())?;
    }
    if wanted("contextual") {
        let data = contexts(&mut rng);
        let start = Instant::now();
        let found = model("contextual-bradley-terry")?.fit(&data.into(), &Value::Null)?;
        println!("contextual: {:.1} s; {}", start.elapsed().as_secs_f64(), found.convergence);
    }
    if wanted("ideal-points") {
        timed("ideal-points", &votes(&mut rng).into())?;
    }
    Ok(())
}

fn timed(name: &str, data: &ModelData) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let found = model(name)?.fit(data, &Value::Null)?;
    println!("{name}: {:.1} s; {}", start.elapsed().as_secs_f64(), found.convergence);
    Ok(())
}

fn whr(rng: &mut Rng) -> Result<(), Box<dyn Error>> {
    let (items, dates, drift) = (10_000, 100, 0.01);
    let mut strength: Vec<f64> = (0..items).map(|_| sample::normal(rng)).collect();
    let prior = ItemPrior { mean: 0.0, variance: None, half_virtual: 1.0, drift };
    let mut games = Vec::with_capacity(COMPARISONS);
    for date in 0..dates {
        // everybody plays twice a date: in two random rounds
        for _ in 0..2 {
            let mut order: Vec<usize> = (0..items).collect();
            for k in (1..items).rev() {
                order.swap(k, sample::index(rng, k + 1));
            }
            for pair in order.chunks_exact(2) {
                let won = f64::from(u8::from(
                    sample::uniform(rng) < logistic(strength[pair[0]] - strength[pair[1]]),
                ));
                games.push(TimedGame {
                    first: pair[0],
                    second: pair[1],
                    time: f64::from(date),
                    won,
                    lost: 1.0 - won,
                });
            }
        }
        strength.iter_mut().for_each(|r| *r += drift.sqrt() * sample::normal(rng));
    }
    let start = Instant::now();
    let found = WholeHistory::fit(&vec![prior; items], &games)?;
    let seconds = start.elapsed().as_secs_f64();
    println!("whr: {seconds:.1} s for {} ratings; {}", found.ratings.len(), found.convergence);
    Ok(())
}

fn gpm(rng: &mut Rng) -> Comparisons {
    let n = 1_000;
    let v = Array2::from_shape_fn((n, 4), |_| sample::normal(rng));
    let mut wins = Array2::<f64>::zeros((n, n));
    for _ in 0..COMPARISONS {
        let (i, j) = (sample::index(rng, n), sample::index(rng, n));
        let s = v[[i, 0]] * v[[j, 1]] - v[[i, 1]] * v[[j, 0]] + v[[i, 2]] * v[[j, 3]] - v[[i, 3]] * v[[j, 2]];
        let (winner, loser) = if sample::uniform(rng) < logistic(s) { (i, j) } else { (j, i) };
        wins[[winner, loser]] += 1.0;
    }
    Comparisons::from_tables(&wins, &Array2::zeros((n, n)))
}

fn contexts(rng: &mut Rng) -> Contexts {
    let (contexts, items, features) = (10_000, 100, 32);
    let mut normal = |rows: usize, columns: usize, size: f64| {
        Array2::from_shape_fn((rows, columns), |_| size * sample::normal(rng))
    };
    let (base, slopes, z) =
        (normal(1, items, 1.0), normal(features, items, 0.2), normal(contexts, features, 1.0));
    let strengths = z.dot(&slopes) + base;
    let mut rows = Vec::with_capacity(COMPARISONS);
    for k in 0..COMPARISONS {
        let (x, i) = (k % contexts, sample::index(rng, items));
        let j = (i + 1 + sample::index(rng, items - 1)) % items;
        let first = sample::uniform(rng) < logistic(strengths[[x, i]] - strengths[[x, j]]);
        rows.push(Battle { context: x as u32, ..won(i, j, first) });
    }
    let names = |count: usize| (0..count).map(|k| k.to_string()).collect::<Vec<_>>();
    let battles = Battles { contexts: names(contexts), ..all(items, rows) };
    let features = Features { names: names(features), values: z };
    Contexts { grouped: Grouped::of_battles(&battles, Grouping::Context), features }
}

fn won(first: usize, second: usize, by_first: bool) -> Battle {
    Battle {
        first: first as u32,
        second: second as u32,
        outcome: if by_first { Outcome::First } else { Outcome::Second },
        weight: 1.0,
        context: 0,
        annotator: 0,
        time: None,
        magnitude: 1.0,
    }
}

fn all(items: usize, rows: Vec<Battle>) -> Battles {
    Battles {
        labels: (0..items).map(|k| k.to_string()).collect(),
        contexts: vec![String::new()],
        annotators: vec![String::new()],
        rows,
        rankings: Vec::new(),
        checks: Checks::default(),
        ties: Ties::Half,
    }
}

fn votes(rng: &mut Rng) -> Battles {
    let (users, items) = (1_000, 50);
    let mut points = |count: usize| Array2::from_shape_fn((count, 2), |_| sample::normal(rng));
    let (places, ideal) = (points(items), points(users));
    let far = |i: usize, u: usize| (&places.row(i) - &ideal.row(u)).mapv(|d| d * d).sum();
    let mut rows = Vec::with_capacity(COMPARISONS);
    for k in 0..COMPARISONS {
        let (u, i) = (k % users, sample::index(rng, items));
        let j = (i + 1 + sample::index(rng, items - 1)) % items;
        let first = sample::uniform(rng) < logistic(far(j, u) - far(i, u));
        rows.push(Battle { annotator: u as u32, ..won(i, j, first) });
    }
    Battles { annotators: (0..users).map(|k| k.to_string()).collect(), ..all(items, rows) }
}
