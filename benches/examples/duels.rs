//! `duels [THREADS]` (default 2): Bernoulli duels a second, asked for as win-rate queries and as lists, beside what the
//! machine allows: random words a second of the oracle's generator, and random reads a second from a large game.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use equipoise::core::sample::{Words, ahead, index};
use equipoise::core::{Duel, Oracle as _, Policy, sample, seed};
use equipoise::env::{Feedback, Game, GameOracle, LabelKind, OpponentKind, PreferenceMatrix, Sampled};
use equipoise::ndarray::Array1;

const ROUNDS: usize = 5;

fn game(contexts: usize, actions: usize) -> Arc<Game> {
    let mut rng = seed::stream(1, "bench duels", &[]);
    Arc::new(
        Game::new((0..contexts).map(|_| {
            let draws: Vec<f64> = (0..actions * actions).map(|_| sample::uniform(&mut rng) - 0.5).collect();
            PreferenceMatrix::from_margins(actions, |i, j| draws[i * actions + j]).expect("in range")
        }))
        .expect("contexts"),
    )
}

/// Median of `amount` over the seconds of `work`.
fn rate(amount: f64, mut work: impl FnMut()) -> f64 {
    let mut rates: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let clock = Instant::now();
            work();
            amount / clock.elapsed().as_secs_f64()
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    rates[ROUNDS / 2]
}

#[expect(clippy::print_stdout, reason = "a program whose result is its output")]
fn main() {
    let threads: usize = std::env::args().nth(1).map_or(2, |a| a.parse().expect("usage: duels [THREADS]"));
    equipoise_benches::pool(threads).install(|| {
        println!("millions a second, {threads} threads, medians of {ROUNDS}");
        let rng = seed::stream(2, "bench duels", &[]);
        let words = 1usize << 24;
        let each = words / threads;
        let generator = rate(words as f64, || {
            equipoise_benches::on_every_thread(threads, |t| {
                let mut rng = ahead(&rng, (t * each) as u64);
                let mut bulk = Words::new(&mut rng, each as u64);
                for _ in 0..each / 512 {
                    black_box(bulk.take(512));
                }
            });
        });
        println!("{:>9.1}  random words (8 bytes each): a duel of a query takes two, a listed duel one", generator / 1e6);
        for (contexts, actions, duels) in
            [(1, 10, 1 << 22), (1, 100, 1 << 22), (1, 4096, 1 << 20), (1000, 8, 64), (100_000, 8, 64)]
        {
            let game = game(contexts, actions);
            let policy = Policy::from_logits(
                game.shape(),
                (0..game.shape().len()).map(|i| (i as f64 * 0.7).sin()).collect(),
            )
            .expect("finite");
            let spec = Sampled {
                duels_per_query: duels,
                labels: LabelKind::Bernoulli,
                opponent: OpponentKind::Sampled,
            };
            let mut oracle = GameOracle::new(game.clone(), Feedback::Sampled(spec), rng.clone());
            let mut out = Array1::zeros(game.shape().len());
            let queries = (4_000_000 / (contexts * duels as usize)).max(1);
            let amount = (queries * contexts * duels as usize) as f64;
            let asked = rate(amount, || (0..queries).for_each(|_| oracle.win_rates(&policy, &mut out)));
            println!("{:>9.1}  duels in queries of {duels} in each of {contexts} contexts of {actions} actions", asked / 1e6);
        }
        for (contexts, actions) in [(1, 10), (1, 4096), (100_000, 8)] {
            let game = game(contexts, actions);
            let mut rng = rng.clone();
            let pairs: Vec<Duel> = (0..1 << 22)
                .map(|_| Duel {
                    context: index(&mut rng, contexts),
                    left: index(&mut rng, actions),
                    right: index(&mut rng, actions),
                })
                .collect();
            let mut out = vec![0.0; pairs.len()];
            let reads = rate(pairs.len() as f64, || {
                for duel in &pairs {
                    black_box(game.prob(duel.context, duel.left, duel.right));
                }
            });
            let mut oracle = GameOracle::new(game.clone(), Feedback::Sampled(Sampled::default()), rng.clone());
            let drawn = rate(pairs.len() as f64, || oracle.duels(&pairs, &mut out));
            println!(
                "{:>9.1}  listed duels, random pairs of {contexts} contexts of {actions} actions; {:.1} reads of such pairs on one thread",
                drawn / 1e6,
                reads / 1e6
            );
        }
    });
}
