//! Batches of regularised games against two independent ways: extragradient in plain arithmetic, and Newton's method on
//! probabilities with Gaussian elimination.

#![allow(clippy::unwrap_used)] // a test may

mod common;

use common::*;
use equipoise_core::sample::{index, normal, uniform};
use equipoise_core::{Policy, Shape};
use equipoise_env::{Game, PreferenceMatrix};
use equipoise_reference::{game_equilibrium, regularised_equilibria};

fn margins(matrix: &PreferenceMatrix) -> Vec<Vec<f64>> {
    let n = matrix.n();
    (0..n).map(|i| (0..n).map(|j| matrix.margin(i, j)).collect()).collect()
}

fn softmax(logits: &[f64]) -> Vec<f64> {
    let top = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = logits.iter().map(|l| (l - top).exp()).collect();
    let total: f64 = weights.iter().sum();
    weights.iter().map(|w| w / total).collect()
}

fn times(k: &[Vec<f64>], p: &[f64]) -> Vec<f64> {
    k.iter().map(|row| row.iter().zip(p).map(|(a, b)| a * b).sum()).collect()
}

/// Extragradient on logits, which contracts by `1 - eta tau` a step for `eta <= min(1 / (2 tau + 1), 1/2)`: until it stands still.
fn by_extragradient(k: &[Vec<f64>], log_mu: &[f64], tau: f64) -> Vec<f64> {
    let eta = (1.0 / (2.0 * tau + 1.0)).min(0.5);
    let mut theta = log_mu.to_vec();
    for _ in 0..((80.0 / (eta * tau)) as usize) {
        let step = |at: &[f64]| -> Vec<f64> {
            let gain = times(k, &softmax(at));
            let mut next: Vec<f64> = (0..theta.len())
                .map(|i| (1.0 - eta * tau) * theta[i] + eta * tau * log_mu[i] + eta * gain[i])
                .collect();
            // shifts mean nothing, but large ones cost digits
            let top = next.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            next.iter_mut().for_each(|l| *l -= top);
            next
        };
        theta = step(&step(&theta));
    }
    softmax(&theta)
}

/// Newton's method on `tau log(p_i / mu_i) - (K p)_i - nu = 0, sum p = 1`, unknowns `log p_i` and nu, by Gaussian elimination.
/// Continued from a large temperature, where mu is nearly the answer.
fn by_newton(k: &[Vec<f64>], log_mu: &[f64], tau: f64) -> Vec<f64> {
    let n = log_mu.len();
    let mut x = log_mu.to_vec();
    let mut nu = 0.0;
    let mut stage = tau.max(4.0);
    loop {
        for _ in 0..60 {
            let p: Vec<f64> = x.iter().map(|l| l.exp()).collect();
            let kp = times(k, &p);
            let mut rows: Vec<Vec<f64>> = (0..n)
                .map(|i| {
                    let mut row: Vec<f64> = (0..n).map(|j| -k[i][j] * p[j]).collect();
                    row[i] += stage;
                    row.push(-1.0);
                    row.push(-(stage * (x[i] - log_mu[i]) - kp[i] - nu));
                    row
                })
                .collect();
            let mut last = p.clone();
            last.extend([0.0, 1.0 - p.iter().sum::<f64>()]);
            rows.push(last);
            let step = eliminate(rows);
            let longest = step[..n].iter().fold(0.0, |m: f64, s| m.max(s.abs()));
            let length = if longest > 1.0 { 1.0 / longest } else { 1.0 };
            (0..n).for_each(|i| x[i] += length * step[i]);
            nu += length * step[n];
            if longest < 1e-14 {
                break;
            }
        }
        if stage <= tau {
            return softmax(&x);
        }
        stage = (0.7 * stage).max(tau);
    }
}

/// Gaussian elimination with pivoting; the last column is the right-hand side.
fn eliminate(mut rows: Vec<Vec<f64>>) -> Vec<f64> {
    let n = rows.len();
    for c in 0..n {
        let pivot = (c..n).max_by(|&a, &b| rows[a][c].abs().total_cmp(&rows[b][c].abs())).unwrap();
        rows.swap(c, pivot);
        for r in c + 1..n {
            let share = rows[r][c] / rows[c][c];
            for j in c..=n {
                let above = rows[c][j];
                rows[r][j] -= share * above;
            }
        }
    }
    let mut x = vec![0.0; n];
    for r in (0..n).rev() {
        let known: f64 = (r + 1..n).map(|j| rows[r][j] * x[j]).sum();
        x[r] = (rows[r][n] - known) / rows[r][r];
    }
    x
}

fn apart(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).fold(0.0, |m: f64, (a, b)| m.max((a - b).abs()))
}

#[test]
fn a_batch_of_games_has_the_equilibria_of_two_other_ways() {
    let mut rng = rng("regularised twins");
    for tau in [2.0, 0.3, 0.05] {
        for n in [1, 2, 3, 5, 9] {
            let log_mu: Vec<f64> = (0..n).map(|_| normal(&mut rng)).collect();
            let mu = Policy::from_logits(&Shape::single(n).unwrap(), log_mu.clone().into()).unwrap();
            let matrices: Vec<PreferenceMatrix> =
                (0..2 * KINDS).map(|kind| random_game(kind % KINDS, n, &mut rng)).collect();
            let matrices: Vec<PreferenceMatrix> = matrices.into_iter().filter(|m| m.n() == n).collect();
            let batch = regularised_equilibria(&matrices, Some(&mu), tau).unwrap();
            let uniform = regularised_equilibria(&matrices, None, tau).unwrap();
            for (game, matrix) in matrices.iter().enumerate() {
                let k = margins(matrix);
                for (found, log_mu) in [(&batch[game], log_mu.clone()), (&uniform[game], vec![0.0; n])] {
                    let found = found.policy.probs_slice();
                    let (one, two) =
                        (by_extragradient(&k, &log_mu, tau), by_newton(&k, &softmax_log(&log_mu), tau));
                    assert!(apart(&one, &two) < 1e-11, "{tau} {n} {game}: {:e}", apart(&one, &two));
                    assert!(apart(found, &one) < 1e-11, "{tau} {n} {game}: {:e}", apart(found, &one));
                    assert!(apart(found, &two) < 1e-12, "{tau} {n} {game}: {:e}", apart(found, &two));
                }
            }
        }
    }
}

fn softmax_log(logits: &[f64]) -> Vec<f64> {
    softmax(logits).iter().map(|p| p.ln()).collect()
}

#[test]
fn contexts_of_different_sizes_are_solved_each_by_itself() {
    let mut rng = rng("regularised contexts");
    let matrices: Vec<PreferenceMatrix> = (0..40)
        .map(|k| {
            let n = 1 + index(&mut rng, 7);
            random_game(k % KINDS, n, &mut rng)
        })
        .collect();
    let game = Game::new(matrices.clone()).unwrap();
    let logits: Vec<f64> = (0..game.shape().len()).map(|_| 2.0 * uniform(&mut rng)).collect();
    let mu = Policy::from_logits(game.shape(), logits.into()).unwrap();
    for tau in [0.5, 0.1] {
        let found = game_equilibrium(&game, &mu, tau).unwrap();
        for (range, matrix) in game.shape().ranges().zip(&matrices) {
            let log_mu = &mu.log_probs_slice()[range.clone()];
            let twin = by_newton(&margins(matrix), log_mu, tau);
            assert!(apart(&found.probs_slice()[range], &twin) < 1e-12, "{tau}: {twin:?}");
        }
    }
}
