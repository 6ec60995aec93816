//! Local spectra against closed forms and against a direct, nonsymmetric eigenvalue decomposition.

#![allow(clippy::unwrap_used)] // a test may

mod common;

use common::*;
use equipoise_core::Policy;
use equipoise_env::{Game, PreferenceMatrix};
use equipoise_reference::{
    FREQUENCIES_KEPT, game_frequencies, maximal_lottery, rotation_frequencies, spectral_radius,
};
use faer::Mat;
use ndarray::arr2;

fn at_equilibrium(matrix: &PreferenceMatrix) -> Vec<f64> {
    rotation_frequencies(matrix, maximal_lottery(matrix).unwrap().policy.as_slice().unwrap())
}

#[test]
fn closed_forms() {
    for (x, y, z) in [(0.5, 0.5, 0.5), (0.3, 0.2, 0.1), (0.01, 0.4, 0.5), (1e-9, 0.5, 0.5)] {
        let w: f64 = x * y * z / (x + y + z);
        approx::assert_relative_eq!(at_equilibrium(&three_cycle(x, y, z))[0], w.sqrt(), max_relative = 1e-12);
    }
    assert_close(&at_equilibrium(&perturbed()), &[1.0 / 28f64.sqrt()], 1e-15);
    assert_close(&at_equilibrium(&comal()), &[0.20889], 5e-6);
    for (n, m) in [(5, 0.5), (9, 0.3), (15, 0.1), (101, 0.5)] {
        let angle = |k: usize| std::f64::consts::PI * k as f64 / (2 * n) as f64;
        let mut expected: Vec<f64> = (1..=(n - 1) / 2)
            .map(|k| m / n as f64 * if k % 2 == 1 { 1.0 / angle(k).tan() } else { angle(k).tan() })
            .collect();
        expected.sort_unstable_by(|a, b| b.total_cmp(a));
        assert_close(&at_equilibrium(&regular_tournament(n, m)), &expected, 1e-14);
    }
}

/// A two-player 2 x 2 game with interior equilibrium: `w = sqrt(x1 x2 y1 y2) |a - b - c + d| / 2`, and one zero.
#[test]
fn embedded_two_player_games() {
    for (a, b, c, d) in [(0.7, 0.5, 0.0, 1.0), (0.51, 0.5, 0.0, 1.0), (0.9, 0.2, 0.4, 0.6)] {
        let twist: f64 = a - b - c + d;
        let x = [(d - c) / twist, (a - b) / twist]; // makes both columns equal
        let y = [(d - b) / twist, (a - c) / twist];
        let product: Vec<f64> = x.iter().flat_map(|x| y.iter().map(move |y| x * y)).collect();
        let matrix = embedded(&arr2(&[[a, b], [c, d]]));
        assert!(gap(&matrix, &product).abs() <= 1e-15);
        let w = (x[0] * x[1] * y[0] * y[1]).sqrt() * twist.abs() / 2.0;
        assert_close(&rotation_frequencies(&matrix, &product), &[w, 0.0], 1e-15);
    }
    let d: f64 = 0.01;
    let product = [1.0, 1.0 + 2.0 * d, d, d * (1.0 + 2.0 * d)].map(|v| v / ((1.0 + d) * (2.0 + 2.0 * d)));
    let matrix = embedded(&arr2(&[[0.5 + d, 0.5], [0.0, 1.0]]));
    let w = (d * (1.0 + 2.0 * d)).sqrt() / (4.0 * (1.0 + d));
    assert_close(&rotation_frequencies(&matrix, &product), &[w, 0.0], 1e-15);
}

#[test]
fn equals_the_direct_decomposition() {
    let mut rng = rng("spectra");
    for round in 0..120 {
        let (kind, n) = (round % KINDS, 2 + round % 23);
        let matrix = random_game(kind, n, &mut rng);
        let policy = random_policy(n, 2.0, &mut rng);
        let p = policy.probs_slice();
        let mut margins = vec![0.0; n];
        matrix.product(p, &mut margins);
        // K C = K diag(p) - (K p) p'
        let product = Mat::from_fn(n, n, |i, j| (matrix.margin(i, j) - margins[i]) * p[j]);
        let direct = product.eigenvalues().unwrap();
        let scale = largest(&matrix).max(1e-300);
        // nonnormal: eigenvalues of n rounded sums, conditioned by sqrt(p_max / p_min) < e^2; a zero of higher
        // multiplicity moves by the square root of rounding
        let tolerance = 1e-7 * scale;
        assert!(direct.iter().all(|v| v.re.abs() <= tolerance), "kind {kind}, n {n}: purely imaginary");
        let mut moduli: Vec<f64> = direct.iter().map(|v| v.im.abs()).collect();
        moduli.sort_unstable_by(|a, b| b.total_cmp(a));
        let found = rotation_frequencies(&matrix, p);
        let twice: Vec<f64> =
            found.iter().flat_map(|&w| if w > 0.0 { vec![w, w] } else { vec![w] }).chain([0.0]).collect();
        assert_close(&twice, &moduli, tolerance);
    }
}

#[test]
fn lengths_and_zeros() {
    let mut rng = rng("lengths");
    assert!(rotation_frequencies(&margins([[0.0]]), &[1.0]).is_empty());
    assert_eq!(rotation_frequencies(&margins([[0.0, 0.3], [-0.3, 0.0]]), &[0.4, 0.6]), [0.0]);
    // additive games do not turn
    for n in [3, 4, 9] {
        let additive = random_game(5, n, &mut rng);
        let policy = random_policy(n, 1.0, &mut rng);
        let found = rotation_frequencies(&additive, policy.probs_slice());
        assert_eq!(found, vec![0.0; n - 1]);
    }
    assert_eq!(rotation_frequencies(&random_game(0, 9, &mut rng), &[1.0 / 9.0; 9]).len(), 4);
    assert_eq!(rotation_frequencies(&random_game(0, 10, &mut rng), &[0.1; 10]).len(), 5);
    // what is not played does not turn: only the 3-cycle inside
    let k = three_cycle(0.3, 0.2, 0.1);
    let five = PreferenceMatrix::from_margins(5, |i, j| if j < 3 { k.margin(i, j) } else { 0.4 }).unwrap();
    let found = rotation_frequencies(&five, &[1.0 / 3.0, 1.0 / 6.0, 0.5, 0.0, 0.0]);
    assert_close(&found, &[0.1, 0.0, 0.0], 1e-15);
}

#[test]
fn contexts_are_merged_largest_first() {
    let mut rng = rng("merged");
    let game = Game::new((0..3000).map(|x| random_game(x, 1 + x % 6, &mut rng))).unwrap();
    let policy = Policy::uniform(game.shape());
    let found = game_frequencies(&game, &policy);
    let mut all: Vec<f64> = (0..game.contexts())
        .flat_map(|x| rotation_frequencies(&game.matrix(x), policy.probs_at(x).as_slice().unwrap()))
        .collect();
    all.sort_unstable_by(|a, b| b.total_cmp(a));
    let (largest, smallest) = (&all[..FREQUENCIES_KEPT - 1], all.last());
    assert_eq!((&found[..FREQUENCIES_KEPT - 1], found.last()), (largest, smallest));
    assert_eq!(spectral_radius(&game, &policy), all[0]);
    let single = Game::single(margins([[0.0]]));
    assert_eq!(spectral_radius(&single, &Policy::uniform(single.shape())), 0.0);
}
