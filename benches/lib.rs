//! Shared fixtures of the benches: constant seeds, data built outside the timed part.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use equipoise::Setting;
use equipoise::core::vector::dispatch;
use equipoise::core::{Policy, sample, seed};
use equipoise::env::{Game, PreferenceMatrix};
use rayon::prelude::*;

/// A game of `n` actions with independent uniform win rates, and a random reference to start from.
#[must_use]
pub fn setting(n: usize, tau: f64) -> Setting {
    let mut rng = seed::stream(1, "bench", &[]);
    let draws: Vec<f64> = (0..n * n).map(|_| sample::uniform(&mut rng) - 0.5).collect();
    let matrix = PreferenceMatrix::from_margins(n, |i, j| draws[i * n + j]).expect("margins in range");
    let game = Arc::new(Game::single(matrix));
    let logits = (0..n).map(|_| 2.0 * sample::uniform(&mut rng)).collect();
    let reference = Policy::from_logits(game.shape(), logits).expect("finite logits");
    Setting::new(game, reference.clone(), reference, tau)
}

/// Seconds to read `buffer` once on rayon's threads: the faster of two ways to sum it up. The limit of whatever reads as
/// many bytes.
#[must_use]
pub fn read_seconds(buffer: &[f64]) -> f64 {
    let seconds = |streams| {
        let clock = Instant::now();
        black_box(sum(buffer, streams));
        clock.elapsed().as_secs_f64()
    };
    seconds(1).min(seconds(4))
}

/// Sum of a buffer: what reading costs. Streams at once: 1 or 4.
fn sum(buffer: &[f64], streams: usize) -> f64 {
    const CHUNK: usize = 1 << 17;
    let chunk = |part: &[f64]| {
        dispatch(
            #[inline(always)]
            || {
                let mut lanes = [[0.0; 8]; 8];
                let quarter = part.len() / streams / 64 * 64;
                let parts: Vec<&[[[f64; 8]; 8]]> = (0..streams)
                    .map(|k| part[k * quarter..(k + 1) * quarter].as_chunks::<8>().0.as_chunks::<8>().0)
                    .collect();
                for i in 0..quarter / 64 {
                    for part in &parts {
                        for (lanes, block) in lanes.iter_mut().zip(&part[i]) {
                            for l in 0..8 {
                                lanes[l] += block[l];
                            }
                        }
                    }
                }
                lanes.iter().flatten().sum::<f64>()
            },
        )
    };
    buffer.par_chunks(CHUNK).with_max_len(1).map(chunk).sum()
}
