//! Shared fixtures of the benches: constant seeds, data built outside the timed part.

use std::sync::Arc;

use equipoise::Setting;
use equipoise::core::{Policy, sample, seed};
use equipoise::env::{Game, PreferenceMatrix};

/// A game of `n` actions with independent uniform win rates, and a random reference to start from.
#[must_use]
pub fn setting(n: usize, tau: f64) -> Setting {
    settings(1, n, tau)
}

/// The same with `contexts` such games at once.
#[must_use]
pub fn settings(contexts: usize, n: usize, tau: f64) -> Setting {
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
    Setting::new(game, reference.clone(), reference, tau)
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
