//! What characterises maximal lotteries among choice rules, as properties of random games, and the choice sets against
//! brute force and each other.

#![allow(clippy::unwrap_used)] // a test may

mod common;

use common::*;
use equipoise_core::sample::{index, uniform};
use equipoise_env::PreferenceMatrix;
use equipoise_reference::choice::*;
use equipoise_reference::{Equilibrium, maximal_lottery};
use ndarray::Array2;

/// What rounding and the conditioning of small random games leave.
const CLOSE: f64 = 1e-9;

fn solve(matrix: &PreferenceMatrix) -> Equilibrium {
    maximal_lottery(matrix).unwrap()
}

/// A random game with one equilibrium.
fn unique_game(n: usize, rng: &mut equipoise_core::Rng) -> (PreferenceMatrix, Vec<f64>) {
    loop {
        let matrix = random_game(index(rng, 2), n, rng);
        let found = solve(&matrix);
        if found.unique == Some(true) {
            return (matrix, found.policy.to_vec());
        }
    }
}

/// Clones (arXiv:1503.00694, composition consistency): replace one action by a game of its own, and the others keep their
/// probabilities, while the new ones share the old one's as in their own game.
/// T27: relabelling permutes every answer, clones share their mass, and a shift of the logits changes nothing.
#[test]
fn composition_consistency() {
    let mut rng = rng("clones");
    for _ in 0..40 {
        let ((outer, p), (inner, q)) = (unique_game(5, &mut rng), unique_game(3, &mut rng));
        // action 4 becomes actions 4, 5, 6
        let class = |i: usize| i.min(4);
        let margin = |i: usize, j: usize| {
            if i >= 4 && j >= 4 { inner.margin(i - 4, j - 4) } else { outer.margin(class(i), class(j)) }
        };
        let found = solve(&PreferenceMatrix::from_margins(7, margin).unwrap());
        let mut expected = p[..4].to_vec();
        expected.extend(q.iter().map(|q| p[4] * q));
        if p[4] > 0.0 {
            assert_close(found.policy.as_slice().unwrap(), &expected, CLOSE);
        } else {
            assert_close(&found.policy.to_vec()[..4], &p[..4], CLOSE);
        }
    }
}

/// Population consistency: a lottery that is maximal for two electorates is maximal for any mixture of them.
#[test]
fn population_consistency() {
    let mut rng = rng("population");
    for _ in 0..40 {
        // two games with the same equilibrium u / d
        let d: Vec<f64> = (0..5).map(|_| 0.2 + 0.8 * uniform(&mut rng)).collect();
        let games = [0, 1].map(|_| {
            let (a, b) = (0.5 * uniform(&mut rng), 0.5 * uniform(&mut rng));
            // circulant, so the uniform lottery is an equilibrium of it
            let k0 = move |i: usize, j: usize| [0.0, a, b, -b, -a][(j + 5 - i) % 5];
            PreferenceMatrix::from_margins(5, |i, j| d[i] * d[j] * k0(i, j)).unwrap()
        });
        let sum: f64 = d.iter().map(|d| 1.0 / d).sum();
        let p: Vec<f64> = d.iter().map(|d| 1.0 / (d * sum)).collect();
        let w = uniform(&mut rng);
        let mixed = |i: usize, j: usize| w * games[0].margin(i, j) + (1.0 - w) * games[1].margin(i, j);
        let mixed = PreferenceMatrix::from_margins(5, mixed).unwrap();
        for game in games.iter().chain([&mixed]) {
            assert!(gap(game, &p) <= 1e-15);
        }
    }
}

/// Actions that are not played may go; a Condorcet winner takes all; what it gives lies in the Smith set, and the
/// essential set in the uncovered set of the majority game.
#[test]
fn consistency_with_choice_sets() {
    let mut rng = rng("choice sets");
    for round in 0..200 {
        let n = 3 + index(&mut rng, 8);
        let matrix = random_game([0, 1, 2, 3, 8][round % 5], n, &mut rng);
        let found = solve(&matrix);
        if let Some(winner) = condorcet_winner(&matrix) {
            assert_eq!((&found.support, found.unique), (&vec![winner], Some(true)));
        }
        let (smith, schwartz) = (smith_set(&matrix), schwartz_set(&matrix));
        assert!(schwartz.iter().all(|i| smith.contains(i)));
        assert!(found.support.iter().all(|i| smith.contains(i)), "{smith:?} {found:?}");
        assert_eq!(schwartz, schwartz_by_closure(&matrix));
        assert_eq!(uncovered_set(&matrix), uncovered_by_definition(&matrix));
        let majority = majority_game(&matrix);
        let (essential, uncovered) = (essential_set(&majority).unwrap().unwrap(), uncovered_set(&matrix));
        assert!(essential.iter().all(|i| uncovered.contains(i)), "{essential:?} {uncovered:?}");
        if round % 5 == 1 {
            assert_eq!(schwartz, smith, "no ties");
            assert_eq!(essential.len() % 2, 1, "bipartisan sets are odd");
        }
        if found.unique == Some(true) {
            assert_eq!(essential_set(&matrix).unwrap(), Some(found.support.clone()));
            let kept = &found.support;
            let smaller =
                PreferenceMatrix::from_margins(kept.len(), |i, j| matrix.margin(kept[i], kept[j])).unwrap();
            let expected: Vec<f64> = kept.iter().map(|&i| found.policy[i]).collect();
            assert_close(solve(&smaller).policy.as_slice().unwrap(), &expected, CLOSE);
        }
    }
}

fn schwartz_by_closure(matrix: &PreferenceMatrix) -> Vec<usize> {
    let n = matrix.n();
    let mut reach = Array2::from_shape_fn((n, n), |(i, j)| matrix.margin(i, j) > 0.0);
    for _ in 0..n {
        reach = Array2::from_shape_fn((n, n), |(i, j)| {
            reach[[i, j]] || (0..n).any(|l| reach[[i, l]] && reach[[l, j]])
        });
    }
    (0..n).filter(|&i| (0..n).all(|j| !reach[[j, i]] || reach[[i, j]])).collect()
}

fn uncovered_by_definition(matrix: &PreferenceMatrix) -> Vec<usize> {
    let n = matrix.n();
    let beats = |i: usize, j: usize| matrix.margin(i, j) > 0.0;
    let covers = |x: usize, y: usize| {
        beats(x, y) && (0..n).all(|z| (!beats(y, z) || beats(x, z)) && (!beats(z, x) || beats(z, y)))
    };
    (0..n).filter(|&y| (0..n).all(|x| !covers(x, y))).collect()
}

#[test]
fn kemeny_by_all_permutations() {
    let mut rng = rng("kemeny");
    for round in 0..60 {
        let n = 1 + index(&mut rng, 7);
        let matrix = random_game([0, 1, 3, 4, 5][round % 5], n, &mut rng);
        let found = kemeny_ranking(&matrix).unwrap();
        let agreement = |order: &[usize]| -> f64 {
            let pairs = (0..n).flat_map(|a| (a + 1..n).map(move |b| (a, b)));
            pairs.map(|(a, b)| matrix.margin(order[a], order[b])).sum()
        };
        let mut order: Vec<usize> = (0..n).collect();
        let mut best = f64::NEG_INFINITY;
        permutations(&mut order, 0, &mut |order| best = best.max(agreement(order)));
        assert!((found.agreement - best).abs() < 1e-12 && (agreement(&found.order) - best).abs() < 1e-12);
        if let Some(winner) = condorcet_winner(&matrix) {
            assert_eq!(found.order[0], winner);
        }
    }
    assert_eq!(kemeny_ranking(&regular_tournament(21, 0.1)), None);
    let ties = kemeny_ranking(&PreferenceMatrix::from_margins(4, |_, _| 0.0).unwrap()).unwrap();
    assert_eq!(ties.order, [3, 2, 1, 0]);
}

fn permutations(order: &mut Vec<usize>, from: usize, see: &mut dyn FnMut(&[usize])) {
    if from == order.len() {
        return see(order);
    }
    for i in from..order.len() {
        order.swap(from, i);
        permutations(order, from + 1, see);
        order.swap(from, i);
    }
}

#[test]
fn cycles_by_enumeration() {
    let mut rng = rng("cycles");
    for round in 0..30 {
        let n = 3 + index(&mut rng, 6);
        let matrix = random_game([0, 1, 2][round % 3], n, &mut rng);
        let beats = |i: usize, j: usize| matrix.margin(i, j) > 0.0;
        let mut counts = [0u64; 3];
        for length in 3..=5usize {
            let mut tuple = vec![0; length];
            for code in 0..n.pow(length as u32) {
                let mut rest = code;
                tuple.iter_mut().for_each(|t| (*t, rest) = (rest % n, rest / n));
                let distinct = (0..length).all(|a| (a + 1..length).all(|b| tuple[a] != tuple[b]));
                if distinct && (0..length).all(|a| beats(tuple[a], tuple[(a + 1) % length])) {
                    counts[length - 3] += 1;
                }
            }
            counts[length - 3] /= length as u64;
        }
        assert_eq!(directed_cycles(&matrix), counts);
        assert_eq!(counts[0], cyclic_triads(&matrix, None).cyclic);
    }
    // a regular tournament of 2 k + 1 actions has n (n^2 - 1) / 24 cyclic triads
    assert_eq!(directed_cycles(&regular_tournament(9, 0.2))[0], 9 * 80 / 24);
}

/// The two parts are orthogonal, and on a transitive game there is only one.
#[test]
fn energies_add_up() {
    let mut rng = rng("hodge");
    for round in 0..40 {
        let n = 2 + index(&mut rng, 12);
        let matrix = random_game(round % KINDS, n, &mut rng);
        let weights = Array2::from_shape_fn((n, n), |_| (4.0 * uniform(&mut rng)).floor());
        for weights in [None, Some(weights.view())] {
            let split = hodge_decomposition(&matrix, weights);
            let sum = split.transitive_energy + split.cyclic_energy;
            assert!((sum - split.total_energy).abs() <= 1e-12 * (1e-300 + split.total_energy), "{split:?}");
            assert!(split.rating.iter().sum::<f64>().abs() < 1e-12);
        }
    }
    let s = [0.2, -0.1, 0.05, -0.15];
    let split = hodge_decomposition(&PreferenceMatrix::from_margins(4, |i, j| s[i] - s[j]).unwrap(), None);
    assert_close(&split.rating, &s, 1e-16);
    assert!(split.cyclic_energy < 1e-30);
    let cycle = hodge_decomposition(&regular_tournament(7, 0.3), None);
    assert!(cycle.transitive_energy < 1e-30 && (cycle.cyclic_energy - 21.0 * 0.09).abs() < 1e-14);
}
