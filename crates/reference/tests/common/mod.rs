//! Games by hand and at random, shared by the tests.
#![allow(dead_code, unreachable_pub)] // each test binary uses its part

pub mod rational;
pub mod vertices;

use equipoise_core::logistic::logistic;
use equipoise_core::sample::{index, uniform};
use equipoise_core::{Policy, Rng, Shape, seed::stream};
use equipoise_env::PreferenceMatrix;
use ndarray::{Array1, Array2};

pub fn margins<const N: usize>(k: [[f64; N]; N]) -> PreferenceMatrix {
    PreferenceMatrix::from_margins(N, |i, j| k[i][j]).unwrap()
}

pub fn probabilities<const N: usize>(p: [[f64; N]; N]) -> PreferenceMatrix {
    PreferenceMatrix::new(ndarray::arr2(&p).view()).unwrap()
}

/// 1 beats 2 by x, 2 beats 3 by y, 3 beats 1 by z.
pub fn three_cycle(x: f64, y: f64, z: f64) -> PreferenceMatrix {
    margins([[0.0, x, -z], [-x, 0.0, y], [z, -y, 0.0]])
}

/// Perturbed rock-paper-scissors.
pub fn perturbed() -> PreferenceMatrix {
    margins([[0.0, -1.0, 3.0], [1.0, 0.0, -3.0], [-3.0, 3.0, 0.0]].map(|r| r.map(|v| v / 6.0)))
}

/// The game of COMAL (arXiv:2410.23223): b beats a and c beats b with 0.9, a beats c with 0.8.
pub fn comal() -> PreferenceMatrix {
    probabilities([[0.5, 0.1, 0.8], [0.9, 0.5, 0.1], [0.2, 0.9, 0.5]])
}

pub fn efron() -> PreferenceMatrix {
    let p: [[f64; 4]; 4] = [
        [18.0, 24.0, 16.0, 12.0],
        [12.0, 18.0, 24.0, 18.0],
        [20.0, 12.0, 18.0, 24.0],
        [24.0, 18.0, 12.0, 18.0],
    ];
    probabilities(p.map(|r| r.map(|v| v / 36.0)))
}

/// i beats i+1 .. i+(n-1)/2 (mod n) by m, n odd.
pub fn regular_tournament(n: usize, m: f64) -> PreferenceMatrix {
    PreferenceMatrix::from_margins(n, |i, j| if j - i <= (n - 1) / 2 { m } else { -m }).unwrap()
}

/// The symmetric preference game of a two-player zero-sum game `a` in [0, 1], whose row player minimises:
/// actions (i, j), `P_(ij),(kl) = 1/2 + (a_kj - a_il) / 2`.
pub fn embedded(a: &Array2<f64>) -> PreferenceMatrix {
    let (p, q) = a.dim();
    let margin = |s: usize, t: usize| {
        let ((i, j), (k, l)) = ((s / q, s % q), (t / q, t % q));
        (a[[k, j]] - a[[i, l]]) / 2.0
    };
    PreferenceMatrix::from_margins(p * q, margin).unwrap()
}

pub const KINDS: usize = 15;

/// A random game of one of the [`KINDS`], among them the degenerate ones.
pub fn random_game(kind: usize, n: usize, rng: &mut Rng) -> PreferenceMatrix {
    let symmetric = |rng: &mut Rng| uniform(rng) - 0.5;
    let r: Vec<f64> = (0..n).map(|_| 4.0 * uniform(rng) - 2.0).collect();
    let draws: Vec<f64> = (0..n * n).map(|_| symmetric(rng)).collect();
    let classes: Vec<usize> = (0..n).map(|_| index(rng, n.div_ceil(3))).collect();
    let at = |i: usize, j: usize| draws[i * n + j];
    let margin = |i: usize, j: usize| -> f64 {
        match kind % KINDS {
            0 => at(i, j),                                                   // uniform
            1 => 0.5f64.copysign(at(i, j)),                                  // tournament of zeros and ones
            2 => (3.0 * at(i, j)).round() / 2.0,                             // wins, losses, ties
            3 => (10.0 * at(i, j)).round() / 10.0,                           // rounded
            4 => logistic(r[i] - r[j]) - 0.5,                                // Bradley-Terry
            5 => (r[i] - r[j]) / 8.0,                                        // additive
            6 => 0.5 * (3.0 * (r[i] - r[j])).sin(),                          // disc
            7 => at(i, j).abs() * if (j - i) % 2 == 1 { 1.0 } else { -1.0 }, // cyclic with random margins
            8 => match (classes[i], classes[j]) {
                // clones, equal inside
                (a, b) if a == b => 0.0,
                (a, b) if a < b => at(a, b),
                (a, b) => -at(b, a),
            },
            9 => match (classes[i], classes[j]) {
                // near-clones, 1e-9 apart
                (a, b) if a == b => 1e-9 * at(i, j),
                (a, b) if a < b => at(a, b) + 1e-9 * at(i, j) * (0.5 - at(a, b).abs()),
                (a, b) => -at(b, a),
            },
            10 => 1e-9 * at(i, j), // all near-ties
            11 => 0.5 * 10f64.powf(-9.0 * at(j, i).abs() * 2.0).copysign(at(i, j)), // nine orders of magnitude
            12 if at(j, i).abs() < 0.45 => 0.0,                                     // sparse
            12 => at(i, j),
            13 => 0.0, // all ties
            // rank six
            _ => {
                (0..3)
                    .map(|l| {
                        draws[(3 * i + l) % (n * n)] * draws[(3 * j + l + 1) % (n * n)]
                            - draws[(3 * j + l) % (n * n)] * draws[(3 * i + l + 1) % (n * n)]
                    })
                    .sum::<f64>()
                    / 3.0
            }
        }
    };
    PreferenceMatrix::from_margins(n, margin).unwrap()
}

pub fn rng(purpose: &str) -> Rng {
    stream(2026, purpose, &[])
}

pub fn single(probs: &[f64]) -> Policy {
    Policy::from_probs(&Shape::single(probs.len()).unwrap(), Array1::from(probs.to_vec())).unwrap()
}

pub fn uniform_policy(n: usize) -> Policy {
    Policy::uniform(&Shape::single(n).unwrap())
}

/// softmax of independent uniform logits in [-scale, scale].
pub fn random_policy(n: usize, scale: f64, rng: &mut Rng) -> Policy {
    let logits = (0..n).map(|_| scale * (2.0 * uniform(rng) - 1.0)).collect();
    Policy::from_logits(&Shape::single(n).unwrap(), logits).unwrap()
}

/// `2 max_i (K p)_i` by the double loop.
pub fn gap(matrix: &PreferenceMatrix, p: &[f64]) -> f64 {
    let row = |i: usize| (0..p.len()).map(|j| matrix.margin(i, j) * p[j]).sum::<f64>();
    2.0 * (0..p.len()).map(row).fold(f64::NEG_INFINITY, f64::max)
}

pub fn largest(matrix: &PreferenceMatrix) -> f64 {
    matrix.pair_margins().fold(0.0, |m: f64, k| m.max(k.abs()))
}

#[track_caller]
pub fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{found:?} {expected:?}");
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= tolerance, "{found:?}\n{expected:?}");
    }
}
