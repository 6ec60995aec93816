//! Shared fixtures of the benches: constant seeds, data built outside the timed part.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use equipoise::core::lanes::{CacheLine, F64x8, LANES, Real as _};
use equipoise::core::vector::run;
use equipoise::core::{Policy, Task, sample, seed};
use equipoise::env::{Game, PreferenceMatrix};
use equipoise::eval::{Limits, Metric, Schedule};
use equipoise::registry::solver;
use equipoise::{Problem, RunOptions};
use pulp::{Simd, WithSimd};

/// A game of `n` actions with independent uniform win rates, and a random reference to start from.
#[must_use]
pub fn problem(n: usize, tau: f64) -> Problem {
    problems(1, n, tau)
}

/// The same with `contexts` such games at once.
#[must_use]
pub fn problems(contexts: usize, n: usize, tau: f64) -> Problem {
    let mut rng = seed::stream(1, "bench", &[]);
    let matrices: Vec<PreferenceMatrix> = (0..contexts)
        .map(|_| {
            let draws: Vec<f64> = (0..n * n).map(|_| sample::uniform(&mut rng) - 0.5).collect();
            PreferenceMatrix::from_margins(n, |i, j| draws[i * n + j]).expect("margins in range")
        })
        .collect();
    let game = Arc::new(Game::new(matrices).expect("at least one context"));
    let logits = (0..contexts * n).map(|_| 2.0 * sample::uniform(&mut rng)).collect();
    let reference = Policy::from_logits(game.shape(), logits).expect("finite logits");
    Problem::new(game, Task::new(reference).tau(tau))
}

/// Seconds of `steps` exact steps of a method with step size 0.1 through the driving loop, with both gaps, the average
/// iterate, targets and movement at every step, and the last regularised gap.
///
/// # Panics
/// If the registry has no such method, or it has no `step_size`.
#[must_use]
pub fn driven(problem: &Problem, method: &str, steps: u64) -> (f64, f64) {
    let (limits, schedule) = (Limits::steps(steps), Schedule::At(Vec::new()));
    let metrics = [Metric::named("duality_gap_tau").expect("a metric of the registry")];
    let options = RunOptions::new(&limits, &schedule, &metrics);
    let parameters = serde_json::json!({ "step_size": 0.1 });
    let clock = Instant::now();
    let mut oracle = problem.exact_oracle();
    let result = problem
        .run(solver(method).expect("registered"), &parameters, &mut oracle, &options, &mut |_| true)
        .expect("a valid step size");
    let seconds = clock.elapsed().as_secs_f64();
    let last = result
        .outcome
        .trace
        .iter()
        .rfind(|p| p.iterate == equipoise::eval::Iterate::Last)
        .expect("the end is recorded");
    (seconds, last.value)
}

/// A pool of so many threads, for programs that say how many they use.
///
/// # Panics
/// If the system starts no thread.
#[must_use]
pub fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads start")
}

/// Calls `work` with 0, 1, .. below `threads`, all at the same time.
pub fn on_every_thread(threads: usize, work: impl Fn(usize) + Sync + Send) {
    use rayon::prelude::*;
    (0..threads).into_par_iter().for_each(work);
}

/// Operations of each chain.
const ROUNDS: usize = 1 << 20;

/// Runs `C` chains of fused operations side by side, with this factor; a number that depends on all.
struct Chains<const C: usize>(f64);

impl<const C: usize> WithSimd for Chains<C> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let (factor, term) = (F64x8::splat(simd, self.0), F64x8::splat(simd, 1.0 - self.0));
        let mut chains = [term; C];
        for _ in 0..ROUNDS {
            for k in 0..C {
                chains[k] = chains[k].mul_add(factor, term);
            }
        }
        chains.into_iter().map(F64x8::sum).sum()
    }
}

/// Fused multiplications and additions a second of one thread that does nothing else: the limit of a product that lies in
/// registers. The best of five, of as many chains as leave all in sixteen registers of four lanes, and as keep the longest
/// pipelines of eight busy.
#[must_use]
pub fn fused_a_second() -> f64 {
    fn rate<const C: usize>(_: usize) -> f64 {
        let clock = Instant::now();
        black_box(run(Chains::<C>(black_box(0.999))));
        (LANES * C * ROUNDS) as f64 / clock.elapsed().as_secs_f64()
    }
    (0..5).map(rate::<6>).chain((0..5).map(rate::<16>)).fold(0.0, f64::max)
}

/// Blocks of a panel in a tile, and vectors that meet it.
const TILE: (usize, usize) = (32, 16);

/// Two panels of a tile times sixteen vectors, so many times; a number that depends on all.
struct Tiles(usize);

impl WithSimd for Tiles {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        const ROWS: usize = 4;
        let small = CacheLine([1e-3; LANES]);
        let panels = vec![[[small; ROWS]; TILE.0]; 2];
        let x = vec![[small; TILE.0]; TILE.1];
        let mut outs = x.clone();
        let minus = [simd.splat_f64s(black_box(-1e-3)); ROWS];
        let mut sums = [[simd.splat_f64s(0.0); LANES]; ROWS];
        for _ in 0..self.0 {
            for (x, out) in x.iter().zip(&mut outs) {
                for panel in &panels {
                    let blocks = panel.as_chunks::<4>().0.iter().zip(x.as_chunks::<4>().0);
                    for ((blocks, x), out) in blocks.zip(out.as_chunks_mut::<4>().0) {
                        for u in 0..4 {
                            let (x, _) = S::as_simd_f64s(&x[u].0);
                            let (out, _) = S::as_mut_simd_f64s(&mut out[u].0);
                            for v in 0..LANES / S::F64_LANES {
                                let mut new = out[v];
                                for r in 0..ROWS {
                                    let k = S::as_simd_f64s(&blocks[u][r].0).0[v];
                                    sums[r][v] = simd.mul_add_f64s(k, x[v], sums[r][v]);
                                    new = simd.mul_add_f64s(k, minus[r], new);
                                }
                                out[v] = new;
                            }
                        }
                    }
                }
            }
        }
        let sums: f64 = sums.iter().flatten().map(|&sums| simd.reduce_sum_f64s(sums)).sum();
        sums + outs.iter().flatten().flat_map(|out| out.0).sum::<f64>()
    }
}

/// The same where two panels lie in the first-level cache and sixteen vectors, with what is added to them, in the second,
/// again and again: the limit of a pass that reads matrix and vectors from there, and neither begins nor ends.
#[must_use]
pub fn fused_in_tiles_a_second() -> f64 {
    let rounds = 200;
    let rate = |_| {
        let clock = Instant::now();
        black_box(run(Tiles(black_box(rounds))));
        (rounds * TILE.1 * 2 * TILE.0 * 4 * 2 * LANES) as f64 / clock.elapsed().as_secs_f64()
    };
    (0..5).map(rate).fold(0.0, f64::max)
}
