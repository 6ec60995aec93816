//! `fit_battles FILE`: seconds to read battles from memory and to fit a Bradley-Terry board with errors, through the
//! public library. Prints `read_seconds fit_seconds battles items spread`; `spread` is the largest less the smallest log
//! strength. The file is read into memory before the clock starts. The peer scripts compare against it.

use std::path::Path;
use std::time::Instant;

use equipoise::data::{Selection, parse_comparisons};
use equipoise::models::{BRADLEY_TERRY, PairOptions, fit};

#[expect(clippy::print_stdout, reason = "a program whose result is its output")]
fn main() {
    let path = std::env::args().nth(1).expect("usage: fit_battles FILE");
    let bytes = std::fs::read(&path).expect("a readable file");
    let clock = Instant::now();
    let data = parse_comparisons(Path::new(&path), &bytes, &Selection::default()).expect("valid battles");
    let read = clock.elapsed().as_secs_f64();
    let clock = Instant::now();
    let board = fit(&data, &BRADLEY_TERRY, PairOptions::default()).expect("a fit");
    let (errors, order) = (board.sandwich_error(), board.order());
    let fitted = clock.elapsed().as_secs_f64();
    assert!(board.exists && board.converged && errors.iter().all(|e| e.is_finite()));
    let spread = board.log_strength[order[0]] - board.log_strength[order[order.len() - 1]];
    println!("{read} {fitted} {} {} {spread}", data.total, data.labels.len());
}
