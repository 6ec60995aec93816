//! What the machine can do, measured on the spot: the limit of whatever reads a large game.

use std::hint::black_box;
use std::time::Instant;

use equipoise_core::cpu::alloc_huge_pages;
use equipoise_core::vector::dispatch;
use rayon::prelude::*;

/// Numbers of the buffer of [`read_bandwidth`]: 256 MiB, more than the caches hold.
const BUFFER: usize = 1 << 25;
/// Passes over the buffer, of which the best counts: the first one meets pages that are not mapped.
const PASSES: usize = 4;

/// Bytes a second that rayon's threads read from memory: the best of a few sums of a buffer larger than the caches.
#[must_use]
pub fn read_bandwidth() -> f64 {
    let mut buffer = alloc_huge_pages::<f64>(BUFFER); // as a matrix is kept
    buffer.fill(1.0);
    let best = (0..PASSES).map(|_| read_seconds(&buffer)).fold(f64::INFINITY, f64::min);
    (8 * BUFFER) as f64 / best
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
