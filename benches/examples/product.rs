//! `product N REPEATS`: median seconds of `K pi` over N actions in f64, in f32, of 16 products in one pass in f64, and of
//! reading the bytes of the first once, on rayon's threads, through the public library. The peer scripts compare against it.

use std::time::{Duration, Instant};

use equipoise::core::cpu::alloc_huge_pages;
use equipoise::core::{Policy, sample, seed};
use equipoise::env::Game;
use equipoise::env::storage::Panels;
use equipoise::ndarray::Array1;

/// How long the machine is kept busy before it is timed: a core that slept takes some ten milliseconds to its full pace.
const WARM_UP: Duration = Duration::from_millis(100);

fn median(mut work: impl FnMut(), repeats: usize) -> f64 {
    let clock = Instant::now();
    while clock.elapsed() < WARM_UP {
        work();
    }
    let mut times: Vec<f64> = (0..repeats)
        .map(|_| {
            let clock = Instant::now();
            work();
            clock.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[repeats / 2]
}

#[expect(clippy::print_stdout, reason = "a program whose result is its output")]
fn main() {
    let mut args = std::env::args().skip(1).map(|a| a.parse::<usize>().expect("usage: product N REPEATS"));
    let (n, repeats) = (args.next().expect("N"), args.next().expect("REPEATS"));
    let mut rng = seed::stream(1, "bench", &[]);
    let mut panels = Panels::<f64>::zeros(n);
    (0..n).for_each(|i| (i + 1..n).for_each(|j| panels.set(i, j, sample::uniform(&mut rng) - 0.5)));
    let (narrow, wide) = (Game::single(panels.converted::<f32>()), Game::single(panels));
    let policy = Policy::uniform(wide.shape());
    let policies = [&policy; 16];
    let mut outs = vec![Array1::zeros(n); 16];
    let one = |game: &Game, out: &mut Array1<f64>| median(|| game.margins(&policy, out), repeats);
    let (f64s, f32s) = (one(&wide, &mut outs[0]), one(&narrow, &mut outs[0]));
    let many = median(
        || wide.margins_many(&policies, &mut outs.iter_mut().collect::<Vec<_>>()),
        repeats.div_ceil(4),
    );
    let mut buffer = alloc_huge_pages(n * (n - 1) / 2);
    buffer.fill(1.0);
    let mut limit: Vec<f64> = (0..repeats).map(|_| equipoise::machine::read_seconds(&buffer)).collect();
    limit.sort_by(f64::total_cmp);
    println!("{f64s} {f32s} {many} {}", limit[repeats / 2]);
}
