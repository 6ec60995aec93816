//! What a plan will take, said before anything runs: bytes held, and the least time a step can need.
//!
//! A step reads the game once for each product, so `bytes / bandwidth` bounds its time from below; the bandwidth is
//! measured on the spot, over a buffer larger than the caches of one core. What vectors cost is not in it: at a hundred actions and
//! fewer they cost more than the products.

use std::fmt;
use std::hint::black_box;
use std::time::Instant;

use equipoise::Problem;
use equipoise::core::Task;
use equipoise::env::storage::alloc_huge_pages;
use rayon::prelude::*;

use crate::plan::Plan;

/// Numbers of the buffer: 256 MiB.
const BUFFER: usize = 1 << 25;
/// Numbers that one thread sums at a time.
const CHUNK: usize = 1 << 17;
/// Passes over the buffer, of which the best counts: the first one meets unmapped pages.
const PASSES: usize = 4;
/// Vectors of f64 over all actions that a run in flight holds, about: policies in both forms, gains, sums.
const VECTORS: u64 = 16;

/// What a plan will take.
#[derive(Clone, Debug)]
pub struct Forecast {
    /// Bytes a second that all threads together read.
    pub bandwidth: f64,
    /// One for each game of the plan.
    pub games: Vec<GameForecast>,
}

/// What one game will take.
#[derive(Clone, Debug)]
pub struct GameForecast {
    /// Its name.
    pub name: String,
    /// Number of contexts.
    pub contexts: usize,
    /// Actions of all contexts.
    pub actions: usize,
    /// What its margins are kept in.
    pub storage: Vec<&'static str>,
    /// Bytes of its margins.
    pub bytes: u64,
    /// Bytes of the vectors of one run in flight, about.
    pub run_bytes: u64,
    /// Least seconds for one product.
    pub product_seconds: f64,
    /// Most win-rate queries that a step of one of its runs asks: as many products, and one more where the last iterate
    /// is not among what is asked about.
    pub queries: u64,
}

/// Measures the bandwidth and looks at every game of `plan`.
#[must_use]
pub fn forecast(plan: &Plan) -> Forecast {
    let bandwidth = read_bandwidth();
    let games = plan.games.iter().enumerate().map(|(g, game)| {
        let len = game.game.shape().len();
        let tau = plan.taus.iter().copied().fold(0.0, f64::max);
        let task = Task::new(game.reference.clone()).start(game.start.clone()).tau(tau);
        let problem = Problem::new(game.game.clone(), task);
        let mut methods: Vec<_> = plan.runs.iter().filter(|r| r.game == g).collect();
        methods.dedup_by_key(|r| r.solver);
        let costs = methods.iter().filter_map(|run| run.entry().build(&run.parameters, &problem.task).ok());
        GameForecast {
            name: game.name.clone(),
            contexts: game.game.contexts(),
            actions: len,
            storage: game.game.storage_names(),
            bytes: game.game.bytes(),
            run_bytes: VECTORS * 8 * len as u64,
            product_seconds: game.game.product_cost().bytes as f64 / bandwidth,
            queries: costs.map(|built| built.solver.step_cost().queries).max().unwrap_or(0),
        }
    });
    Forecast { bandwidth, games: games.collect() }
}

/// Bytes a second of a parallel sum over a buffer larger than a cache: the best of a few passes.
fn read_bandwidth() -> f64 {
    let mut buffer = alloc_huge_pages::<u64>(BUFFER); // as a matrix is kept
    (0..).zip(&mut buffer).for_each(|(i, v)| *v = i);
    let pass = || -> u64 {
        let sum = |chunk: &[u64]| chunk.iter().fold(0u64, |sum, v| sum.wrapping_add(*v));
        buffer.par_chunks(CHUNK).map(sum).reduce(|| 0, u64::wrapping_add)
    };
    let best = (0..PASSES).map(|_| {
        let clock = Instant::now();
        black_box(pass());
        clock.elapsed().as_secs_f64()
    });
    (8 * BUFFER) as f64 / best.fold(f64::INFINITY, f64::min)
}

impl fmt::Display for Forecast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "memory is read at {}/s (measured just now)", bytes(self.bandwidth))?;
        for game in &self.games {
            let size = match game.contexts {
                1 => format!("{} actions", game.actions),
                n => format!("{n} contexts, {} actions in all", game.actions),
            };
            writeln!(
                f,
                "{}: {size}, {} as {}; a run in flight holds about {} more; a product takes at least {}, a step at most \
                 {} of them",
                game.name,
                bytes(game.bytes as f64),
                game.storage.join(" and "),
                bytes(game.run_bytes as f64),
                seconds(game.product_seconds),
                game.queries + 1,
            )?;
        }
        Ok(())
    }
}

fn bytes(count: f64) -> String {
    scaled(count, &[(1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B")])
}

fn seconds(count: f64) -> String {
    scaled(count, &[(1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns")])
}

/// Three digits in the largest unit that the number reaches.
fn scaled(value: f64, units: &[(f64, &str)]) -> String {
    let (unit, name) = units.iter().find(|(u, _)| value >= *u).or(units.last()).expect("units are given");
    let scaled = value / unit;
    let digits = if scaled >= 100.0 || value == 0.0 {
        0
    } else if scaled >= 10.0 {
        1
    } else {
        2
    };
    format!("{scaled:.digits$} {name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(bytes(0.0), "0 B");
        assert_eq!(bytes(268_402_688.0), "268 MB");
        assert_eq!(bytes(5.0e9), "5.00 GB");
        assert_eq!(seconds(0.0204), "20.4 ms");
        assert_eq!(seconds(3.2e-12), "0.00 ns");
    }

    #[test]
    fn a_plan_is_told_its_bytes_and_products() {
        let text = b"games: [cyclic, random-uniform: { actions: 40 }]\nsolvers: [mwu, egpo]\n";
        let file = crate::file::parse("c.yaml", std::path::Path::new("."), text, &[]).expect("a config");
        let told = forecast(&crate::resolve(&file).expect("a plan"));
        assert!(told.bandwidth > 1e6 && told.games.len() == 2);
        let game = &told.games[1];
        assert_eq!((game.actions, game.contexts, game.queries), (40, 1, 2));
        assert!(game.bytes >= 8 * 40 * 39 / 2);
        assert!(told.to_string().contains("random-uniform: 40 actions"), "{told}");
    }
}
