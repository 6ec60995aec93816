//! Exact answers: one maximal lottery by size, a batch of small games, one regularised equilibrium by temperature.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use equipoise::core::{Policy, sample, seed};
use equipoise::env::{Game, PreferenceMatrix};
use equipoise::reference::{game_equilibrium, maximal_lottery, regularised_equilibrium};

fn lottery(c: &mut Criterion) {
    let mut group = c.benchmark_group("maximal_lottery");
    group.sample_size(10);
    for n in [3usize, 5, 10, 30, 100, 300, 1000] {
        let matrix = equipoise_benches::problem(n, 0.0).game.matrix(0);
        group
            .bench_with_input(BenchmarkId::from_parameter(n), &n, |b, _| b.iter(|| maximal_lottery(&matrix)));
    }
    group.finish();
}

/// Random games, margins of continuous draws or of ten votes (which tie).
fn batch(c: &mut Criterion) {
    let mut group = c.benchmark_group("batch_of_games");
    group.sample_size(10);
    for (name, votes) in [("continuous", 0.0), ("ten_votes", 10.0)] {
        for n in [5usize, 16] {
            let contexts = 20_000;
            let mut rng = seed::stream(1, "bench batch", &[]);
            let games = (0..contexts).map(|_| {
                let draws: Vec<f64> = (0..n * n).map(|_| sample::uniform(&mut rng) - 0.5).collect();
                let margin = |i: usize, j: usize| match votes {
                    0.0 => draws[i * n + j],
                    votes => (draws[i * n + j] * votes).round() / votes,
                };
                PreferenceMatrix::from_margins(n, margin).expect("margins in range")
            });
            let game = Game::new(games).expect("contexts");
            let reference = Policy::uniform(game.shape());
            group.throughput(Throughput::Elements(contexts));
            for tau in [0.0, 0.1] {
                let id = BenchmarkId::new(format!("{name}_tau_{tau}"), n);
                group.bench_with_input(id, &n, |b, _| b.iter(|| game_equilibrium(&game, &reference, tau)));
            }
        }
    }
    group.finish();
}

fn regularised(c: &mut Criterion) {
    let mut group = c.benchmark_group("regularised_equilibrium");
    group.sample_size(10);
    for n in [10usize, 100, 300] {
        for tau in [1.0, 1e-2, 1e-4] {
            let problem = equipoise_benches::problem(n, tau);
            let matrix = problem.game.matrix(0);
            let id = BenchmarkId::new(format!("tau_{tau}"), n);
            group.bench_with_input(id, &n, |b, _| {
                b.iter(|| regularised_equilibrium(&matrix, &problem.task.reference, tau));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, lottery, batch, regularised);
criterion_main!(benches);
