//! `K pi` against the machine: bytes read a second, as a share of the read bandwidth measured just before, and against
//! the full matrix-vector products of ndarray and faer on the same threads. Then f32, sixteen products in one pass, and
//! the storages that need no matrix, at sizes that double.
//!
//! Everything of one size is measured in turns within the same rounds, each time as the faster of two; medians of times,
//! medians of ratios within a round.
//! `cargo bench --bench product` takes about a minute and 1.2 GB; `-- --huge` adds 50,000 actions in f32 (5 GB);
//! `-- --test` runs every part once, small.

#![expect(clippy::print_stdout, reason = "a program whose result is its output")]

use std::hint::black_box;
use std::time::Instant;

use equipoise::core::cpu::alloc_huge_pages;
use equipoise::core::{Policy, sample, seed};
use equipoise::env::storage::{Ballots, LowRank, Number, Pairs, Panels, Storage};
use equipoise::env::{Game, PreferenceMatrix};
use equipoise::machine::read_seconds;
use equipoise::ndarray::{Array1, Array2, s};
use equipoise_benches::{fused_a_second, fused_in_tiles_a_second};
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

/// Right-hand sides of one pass.
const MANY: usize = 16;

/// The faster of two, as the read bandwidth is.
fn seconds(mut work: impl FnMut()) -> f64 {
    let mut once = || {
        let clock = Instant::now();
        work();
        clock.elapsed().as_secs_f64()
    };
    once().min(once())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn panels<T: Number>(n: usize) -> Panels<T> {
    let mut rng = seed::stream(1, "bench", &[]);
    let mut panels = Panels::zeros(n);
    for i in 0..n {
        for j in i + 1..n {
            panels.set(i, j, sample::uniform(&mut rng) - 0.5);
        }
    }
    panels
}

fn policies(game: &Game) -> Vec<Policy> {
    let mut rng = seed::stream(2, "bench", &[]);
    let mut logits = || (0..game.shape().len()).map(|_| 2.0 * sample::uniform(&mut rng)).collect();
    (0..MANY).map(|_| Policy::from_logits(game.shape(), logits()).expect("finite logits")).collect()
}

/// `A x` by faer, the rows shared out over the threads.
fn faer_product(a: &[f64], x: &[f64], out: &mut [f64]) {
    let n = x.len();
    let rows = n.div_ceil(rayon::current_num_threads());
    out.par_chunks_mut(rows).zip(a.par_chunks(rows * n)).for_each(|(out, a)| {
        let m = out.len();
        let (a, x) = (MatRef::from_row_major_slice(a, m, n), MatRef::from_column_major_slice(x, n, 1));
        matmul(MatMut::from_column_major_slice_mut(out, m, 1), Accum::Replace, a, x, 1.0, Par::Seq);
    });
}

/// `A x` by ndarray, the rows shared out over the threads.
fn ndarray_product(a: &Array2<f64>, x: &Array1<f64>, out: &mut [f64]) {
    let rows = a.nrows().div_ceil(rayon::current_num_threads());
    out.par_chunks_mut(rows).enumerate().for_each(|(k, out)| {
        let part = a.slice(s![k * rows..k * rows + out.len(), ..]).dot(x);
        out.copy_from_slice(part.as_slice().expect("a product is contiguous"));
    });
}

fn dense(n: usize, rounds: usize, (peak, tiles): (f64, f64)) {
    let wide = Game::single(panels::<f64>(n));
    let narrow = Game::single(panels::<f32>(n));
    let full = Array2::from_shape_fn((n, n), |(i, j)| wide.prob(0, i, j));
    let policies = policies(&wide);
    let (policy, all) = (&policies[0], policies.iter().collect::<Vec<_>>());
    let (bytes, half) = (4 * n * (n - 1), 2 * n * (n - 1));
    let mut buffer = alloc_huge_pages::<f64>(bytes / 8);
    buffer.iter_mut().enumerate().for_each(|(i, v)| *v = (i % 7) as f64);
    let mut out = Array1::zeros(n);
    let mut outs = vec![Array1::zeros(n); MANY];
    let mut plain = vec![0.0; n];
    // columns: sum f64, sum f32's bytes, product f64, f32, 16 products, 16 in f32, ndarray, faer
    let mut times: [Vec<f64>; 8] = Default::default();
    for round in 0..=rounds {
        let mut many =
            |game: &Game| seconds(|| game.margins_many(&all, &mut outs.iter_mut().collect::<Vec<_>>()));
        let row = [
            read_seconds(&buffer),
            read_seconds(&buffer[..half / 8]),
            seconds(|| wide.margins(policy, &mut out)),
            seconds(|| narrow.margins(policy, &mut out)),
            many(&wide),
            many(&narrow),
            seconds(|| ndarray_product(&full, policy.probs(), &mut plain)),
            seconds(|| faer_product(full.as_slice().expect("contiguous"), policy.probs_slice(), &mut plain)),
        ];
        // the first round warms up
        if round > 0 {
            times.iter_mut().zip(row).for_each(|(list, t)| list.push(t));
        }
    }
    black_box((&out, &outs, &plain));
    let ratio = |a: usize, b: usize| median(times[a].iter().zip(&times[b]).map(|(a, b)| a / b).collect());
    let line = |what: &str, k: usize, bytes: usize, note: String| {
        let t = median(times[k].clone());
        println!("{n:>6}  {what:<24} {:>9.3} ms {:>7.1} GB/s  {note}", 1e3 * t, bytes as f64 / t / 1e9);
    };
    line("read bandwidth", 0, bytes, format!("the limit: a sum over {} MB", bytes >> 20));
    line("K pi, f64", 2, bytes, format!("{:.2} of the bandwidth", ratio(0, 2)));
    line("read bandwidth", 1, half, format!("the limit: a sum over {} MB", half >> 20));
    let note = format!("{:.2} of the bandwidth; {:.2} times as fast as f64", ratio(1, 3), ratio(2, 3));
    line("K pi, f32", 3, half, note);
    let note = |many: usize, one: usize| {
        // f64 is read in the time of column 0, f32 in that of column 1
        let (fused, read) = ((MANY * n * (n - 1)) as f64, median(times[many - 4].clone()));
        format!(
            "{:.3} of {MANY} single products; {:.2} of one; {:.2} of the fused peak: at most {tiles:.2}, {:.2} where the matrix is read \
             before it is multiplied",
            ratio(many, one) / MANY as f64,
            ratio(many, one),
            fused / median(times[many].clone()) / peak,
            fused / (fused / tiles + peak * read)
        )
    };
    line("16 products, f64", 4, bytes, note(4, 2));
    line("16 products, f32", 5, half, note(5, 3));
    line("P pi, ndarray", 6, 8 * n * n, format!("K pi in f64 is {:.2} times as fast", ratio(6, 2)));
    line("P pi, faer", 7, 8 * n * n, format!("K pi in f64 is {:.2} times as fast", ratio(7, 2)));
}

/// One product over contexts of `n` actions each, too small for a storage of their own, against reading their triangles once.
fn middle(contexts: usize, n: usize, rounds: usize) {
    let margin = |x: usize, i: usize, j: usize| 0.5 * ((x + 7 * i + 13 * j) as f64).sin();
    let matrix = |x| PreferenceMatrix::from_margins(n, |i, j| margin(x, i, j)).expect("margins");
    let game = Game::new((0..contexts).map(matrix)).expect("a context");
    let policy = &policies(&game)[0];
    let bytes = 4 * contexts * n * (n - 1);
    let mut buffer = alloc_huge_pages::<f64>(bytes / 8);
    buffer.fill(1.0);
    let mut out = Array1::zeros(game.shape().len());
    let times: Vec<[f64; 2]> = (0..=rounds)
        .map(|_| [read_seconds(&buffer), seconds(|| game.margins(policy, &mut out))])
        .skip(1)
        .collect();
    black_box(&out);
    let time = median(times.iter().map(|t| t[1]).collect());
    println!(
        "{contexts:>4} x {n:>4}  {:<24} {:>9.3} ms {:>7.1} GB/s  {:.2} of the bandwidth",
        format!("K pi, {} MB", bytes >> 20),
        1e3 * time,
        bytes as f64 / time / 1e9,
        median(times.iter().map(|[limit, time]| limit / time).collect()),
    );
}

/// Times one product and one pass of many, with what the storage says of its cost.
fn stored(what: &str, storage: impl Storage + 'static, rounds: usize) {
    let n = storage.n();
    let game = Game::single(storage);
    let (bytes, cost) = (game.bytes(), game.product_cost());
    let policies = policies(&game);
    let all: Vec<&Policy> = policies.iter().collect();
    let mut out = Array1::zeros(n);
    let mut outs = vec![Array1::zeros(n); MANY];
    let one = median((0..rounds).map(|_| seconds(|| game.margins(all[0], &mut out))).collect());
    let many = seconds(|| game.margins_many(&all, &mut outs.iter_mut().collect::<Vec<_>>()));
    black_box((&out, &outs));
    println!(
        "{n:>7}  {what:<24} {:>9.2} ms {:>7.1} GB/s {:>7.2} Gop/s  holds {} MB; 16 in one pass: {:.2} of one",
        1e3 * one,
        cost.bytes as f64 / one / 1e9,
        cost.operations as f64 / one / 1e9,
        bytes >> 20,
        many / one,
    );
}

fn low_rank(n: usize, rank: usize) -> LowRank {
    let mut rng = seed::stream(3, "bench", &[]);
    let bound = (0.5 / rank as f64).sqrt();
    let mut u = Array2::zeros((n, rank));
    u.map_inplace(|v| *v = bound * (2.0 * sample::uniform(&mut rng) - 1.0));
    LowRank::new(u.view()).expect("short vectors")
}

fn ballots(n: usize, voters: usize) -> Ballots {
    let mut rng = seed::stream(4, "bench", &[]);
    let mut ballot = |_| {
        let mut ranks: Vec<usize> = (0..n).collect();
        (1..n).rev().for_each(|i| ranks.swap(i, sample::index(&mut rng, i + 1)));
        ranks.into_iter().map(Some).collect()
    };
    Ballots::new(n, (0..voters).map(&mut ballot).collect::<Vec<_>>(), vec![1.0; voters]).expect("ballots")
}

fn pairs(n: usize, met: usize) -> Pairs {
    let mut rng = seed::stream(5, "bench", &[]);
    let mut pairs: Vec<(usize, usize, f64)> = (0..met)
        .map(|_| (sample::index(&mut rng, n), sample::index(&mut rng, n), sample::uniform(&mut rng) - 0.5))
        .filter(|(i, j, _)| i < j)
        .collect();
    pairs.sort_unstable_by_key(|&(i, j, _)| (i, j));
    pairs.dedup_by_key(|&mut (i, j, _)| (i, j));
    Pairs::new(n, &pairs).expect("pairs")
}

fn main() {
    let given = |flag: &str| std::env::args().any(|a| a == flag);
    let test = given("--test");
    println!("{} threads; medians; GB/s of the bytes of K (or P) alone", rayon::current_num_threads());
    let threads = rayon::current_num_threads();
    let peak = fused_a_second() * threads as f64;
    let tiles = fused_in_tiles_a_second() * threads as f64;
    println!(
        "fused peak {:.1} G a second; with tiles and vectors in the caches {:.2} of it",
        peak / 1e9,
        tiles / peak
    );
    for (n, rounds) in if test { vec![(1030, 1)] } else { vec![(1024, 51), (4096, 21), (8192, 11)] } {
        dense(n, rounds, (peak, tiles / peak));
    }
    let middles = [
        (1, 330),
        (1, 512),
        (1, 1023),
        (16, 100),
        (100, 100),
        (1000, 100),
        (16, 330),
        (100, 330),
        (4, 512),
        (16, 512),
        (64, 512),
        (2, 1023),
        (16, 1023),
    ];
    for (contexts, n) in if test { &middles[..1] } else { &middles } {
        middle(*contexts, *n, if test { 1 } else { 31 });
    }
    let scale = if test { 1000 } else { 1 };
    for n in [250_000, 500_000, 1_000_000] {
        stored("low rank, 64", low_rank(n / scale, 64), 7);
    }
    for voters in [8, 16, 32] {
        stored(&format!("ballots, {voters} voters"), ballots(200_000 / scale, voters), 7);
    }
    for met in [2_500_000, 5_000_000, 10_000_000] {
        stored("observed pairs", pairs(1_000_000 / scale, met / scale), 7);
    }
    if given("--huge") {
        for n in [25_000, 50_000] {
            stored("K pi, f32", panels::<f32>(n), 3);
        }
    }
}
