//! Each number a second time, by a way that shares nothing with the first: games above thirty actions, storages, and
//! regularised equilibria of many games at once.

#![allow(clippy::unwrap_used)] // a test may

mod common;

use common::*;
use equipoise_core::sample::{index, uniform};
use equipoise_core::{Policy, Rng, Shape};
use equipoise_env::storage::{Ballots, LowRank, Pairs};
use equipoise_env::{Game, PreferenceMatrix};
use equipoise_reference::{
    RationalMargins, equilibrium_ranges, exact_equilibria, game_equilibrium, maximal_lottery,
    regularised_equilibria, regularised_equilibrium,
};
use ndarray::{Array1, Array2};

/// Margins of `places` decimals.
fn decimal_game(n: usize, places: i32, rng: &mut Rng) -> PreferenceMatrix {
    let unit = 10f64.powi(places);
    let draws: Vec<f64> = (0..n * n).map(|_| ((uniform(rng) - 0.5) * unit).round() / unit).collect();
    PreferenceMatrix::from_margins(n, |i, j| draws[i * n + j]).unwrap()
}

/// Above thirty actions: elimination on a guessed support, the simplex method in whole numbers from nothing, and the
/// floating-point lottery.
#[test]
fn games_of_31_to_60_actions_in_fractions() {
    let mut rng = rng("above thirty");
    for (n, places) in [(31, 2), (37, 3), (44, 1), (52, 2), (60, 1)] {
        let matrix = decimal_game(n, places, &mut rng);
        let game = RationalMargins::from_decimals(&matrix);
        let exact = exact_equilibria(&game, false).unwrap();
        let found = maximal_lottery(&matrix).unwrap();
        assert_eq!((found.unique, found.dimension), (Some(exact.unique), Some(exact.dimension)), "n {n}");
        if exact.unique {
            assert_eq!(exact.vertex.to_f64(), rational::equilibrium(&game));
            assert_close(found.policy.as_slice().unwrap(), &exact.vertex.to_f64(), 1e-12);
        }
        assert!(game.duality_gap(found.policy.as_slice().unwrap()) <= 1e-14);
    }
}

/// Above sixty, where no proof is tried: a cycle of games of thirty to forty actions each. Its equilibrium is that of the cycle
/// times those of its parts, which are known in fractions.
#[test]
fn cycles_of_games_with_known_parts() {
    let mut rng = rng("composed");
    for round in 0..3 {
        let parts: Vec<PreferenceMatrix> =
            (0..3).map(|_| decimal_game(30 + index(&mut rng, 11), 2, &mut rng)).collect();
        let exact: Vec<_> = parts
            .iter()
            .map(|p| exact_equilibria(&RationalMargins::from_decimals(p), false).unwrap())
            .collect();
        let (x, y, z) = (0.3, 0.1 + 0.1 * f64::from(round), 0.05);
        let outer = [y, z, x].map(|v| v / (x + y + z));
        let cycle = three_cycle(x, y, z);
        let place: Vec<(usize, usize)> =
            parts.iter().enumerate().flat_map(|(c, p)| (0..p.n()).map(move |i| (c, i))).collect();
        let margin = |s: usize, t: usize| {
            let ((a, i), (b, j)) = (place[s], place[t]);
            if a == b { parts[a].margin(i, j) } else { cycle.margin(a, b) }
        };
        let found = maximal_lottery(&PreferenceMatrix::from_margins(place.len(), margin).unwrap()).unwrap();
        assert!(exact.iter().all(|e| e.unique) && found.unique == Some(true), "{round}");
        let expected: Vec<f64> = place.iter().map(|&(c, i)| outer[c] * exact[c].vertex.prob(i)).collect();
        assert_close(found.policy.as_slice().unwrap(), &expected, 1e-12);
    }
}

/// Large games whose set of equilibria is known: clones of a small game keep its ranges by class, whole and shared.
#[test]
fn large_games_of_clones() {
    let mut rng = rng("large clones");
    for (round, n) in [90, 150, 260].into_iter().enumerate() {
        let small = decimal_game(5 + 2 * round, 2, &mut rng);
        let exact = exact_equilibria(&RationalMargins::from_decimals(&small), true).unwrap();
        assert!(exact.unique);
        let class: Vec<usize> =
            (0..n).map(|i| if i < small.n() { i } else { index(&mut rng, small.n()) }).collect();
        let size = |c: usize| class.iter().filter(|other| **other == c).count();
        let game = PreferenceMatrix::from_margins(n, |i, j| small.margin(class[i], class[j])).unwrap();
        let found = maximal_lottery(&game).unwrap();
        let played = |c: usize| exact.vertex.prob(c) > 0.0;
        let dimension: usize = (0..small.n()).filter(|&c| played(c)).map(|c| size(c) - 1).sum();
        assert_eq!((found.unique, found.dimension), (Some(false), Some(dimension)), "n {n}");
        let even: Vec<f64> = class.iter().map(|&c| exact.vertex.prob(c) / size(c) as f64).collect();
        assert_close(found.policy.as_slice().unwrap(), &even, 1e-9);
        let ranges = equilibrium_ranges(&game).unwrap().expect("told");
        for (i, (least, largest)) in ranges.iter().enumerate() {
            let whole = exact.vertex.prob(class[i]);
            let alone = if size(class[i]) == 1 { whole } else { 0.0 };
            assert!(
                (least - alone).abs() < 1e-10 && (largest - whole).abs() < 1e-10,
                "{i}: {least} {largest} {whole}"
            );
        }
    }
}

/// Evenly spaced actions of the disc game, of rank two: every equilibrium balances on the circle, and an action is played with
/// at most 1/2 where its opposite is there, `1 / (1 + 1 / cos(pi / n))` where it is not.
#[test]
fn large_discs() {
    for n in [6, 61, 120, 201] {
        let disc =
            |i: usize, j: usize| 0.4 * (std::f64::consts::TAU * (i as f64 - j as f64) / n as f64).sin();
        let game = PreferenceMatrix::from_margins(n, disc).unwrap();
        let found = maximal_lottery(&game).unwrap();
        assert_eq!((found.unique, found.dimension), (Some(false), Some(n - 3)), "n {n}");
        assert_close(found.policy.as_slice().unwrap(), &vec![1.0 / n as f64; n], 1e-12);
        let ranges = equilibrium_ranges(&game).unwrap().expect("told");
        // p_0 against the two actions nearest to its opposite, each at the angle pi / n from it
        let share =
            if n % 2 == 0 { 0.5 } else { 1.0 / (1.0 + 1.0 / (std::f64::consts::PI / n as f64).cos()) };
        for (least, largest) in ranges {
            assert!(
                least.abs() < 1e-10 && (largest - share).abs() < 1e-10,
                "n {n}: {least} {largest} {share}"
            );
        }
    }
}

/// Ties, wins and losses: the whole set in fractions, where a tie is a tie, against floating point.
#[test]
fn large_games_of_ties() {
    let mut rng = rng("large ties");
    for n in [25, 45, 60] {
        for share in [0.3, 0.8] {
            let draws: Vec<f64> = (0..n * n).map(|_| uniform(&mut rng)).collect();
            let margin = |i: usize, j: usize| match draws[i * n + j] {
                v if v < share => 0.0,
                v if v < 0.5 * (1.0 + share) => 0.5,
                _ => -0.5,
            };
            let game = PreferenceMatrix::from_margins(n, margin).unwrap();
            let exact = exact_equilibria(&RationalMargins::from_decimals(&game), true).unwrap();
            let found = maximal_lottery(&game).unwrap();
            assert_eq!(
                (found.unique, found.dimension),
                (Some(exact.unique), Some(exact.dimension)),
                "n {n}, {share}"
            );
            let ranges = equilibrium_ranges(&game).unwrap().expect("told");
            for (range, exact) in ranges.iter().zip(exact.ranges.unwrap()) {
                let apart = (range.0 - exact.least.value).abs().max((range.1 - exact.largest.value).abs());
                assert!(
                    apart < 1e-10,
                    "n {n}, {share}: {range:?}, {} to {}",
                    exact.least.value,
                    exact.largest.value
                );
            }
        }
    }
}

/// Products and lotteries of a game in a storage, against the dense game made from the definition.
fn check_storage(stored: &Game, dense: &PreferenceMatrix, tolerance: f64, rng: &mut Rng) {
    let n = dense.n();
    for i in 0..n {
        for j in 0..n {
            assert!((stored.matrix(0).margin(i, j) - dense.margin(i, j)).abs() <= tolerance, "{i} {j}");
        }
    }
    let p = random_policy(n, 2.0, rng);
    let mut product = Array1::zeros(n);
    stored.margins(&p, &mut product);
    for i in 0..n {
        let sum: f64 = (0..n).map(|j| dense.margin(i, j) * p.probs()[j]).sum();
        assert!((product[i] - sum).abs() <= n as f64 * (tolerance + 1e-15), "{i}: {} {sum}", product[i]);
    }
    let lottery = game_equilibrium(stored, &p, 0.0).unwrap();
    assert!(gap(dense, lottery.probs().as_slice().unwrap()) <= 4.0 * tolerance + 1e-13);
    for tau in [0.05, 1.0] {
        let found = game_equilibrium(stored, &p, tau).unwrap();
        let other = by_mirror_descent(dense, &p, tau);
        assert_close(found.probs().as_slice().unwrap(), &other, 1e-10 + 4.0 * tolerance / tau);
    }
}

/// The second way to a regularised equilibrium: `log pi <- (log pi + eta (K pi) + eta tau log mu) / (1 + eta tau)`, normalised,
/// which contracts by `1 / (1 + eta tau)` for `eta <= tau / |K|^2` (Sokota et al. 2023, arXiv:2206.05825).
fn by_mirror_descent(matrix: &PreferenceMatrix, mu: &Policy, tau: f64) -> Vec<f64> {
    let n = matrix.n();
    let rows: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| matrix.margin(i, j)).collect()).collect();
    // |K| from the sum norm to the largest entry
    let norm = rows.iter().flatten().fold(0.0, |m: f64, k| m.max(k.abs()));
    let eta = if norm > 0.0 { tau / (norm * norm) } else { 1.0 };
    let steps = (40.0 / (eta * tau).ln_1p()).ceil() as usize + 10;
    let mut log: Vec<f64> = mu.log_probs().to_vec();
    let mut p = mu.probs().to_vec();
    for _ in 0..steps {
        let next: Vec<f64> = (0..n)
            .map(|i| {
                let product: f64 = rows[i].iter().zip(&p).map(|(k, p)| k * p).sum();
                (log[i] + eta * (product + tau * mu.log_probs()[i])) / (1.0 + eta * tau)
            })
            .collect();
        let largest = next.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = next.iter().map(|l| (l - largest).exp()).sum();
        let shift = largest + sum.ln();
        log = next.iter().map(|l| l - shift).collect();
        p = log.iter().map(|l| l.exp()).collect();
    }
    p
}

#[test]
fn ballots_by_counting_every_pair() {
    let mut rng = rng("ballots");
    for n in [3, 8, 33] {
        let voters = 5 + index(&mut rng, 20);
        let ballots: Vec<Vec<Option<usize>>> = (0..voters)
            .map(|_| (0..n).map(|_| Some(index(&mut rng, n + 2)).filter(|r| *r > 1)).collect())
            .collect();
        let weights: Vec<f64> = (0..voters).map(|_| (1 + index(&mut rng, 5)) as f64).collect();
        // whole wins and ties: who is left out loses to who is ranked nothing, as pairs with one ranked count half each
        let (mut wins, mut ties) = (Array2::zeros((n, n)), Array2::zeros((n, n)));
        for (ballot, weight) in ballots.iter().zip(&weights) {
            for i in 0..n {
                for j in (0..n).filter(|j| *j != i) {
                    match (ballot[i], ballot[j]) {
                        (Some(a), Some(b)) if a < b => wins[[i, j]] += weight,
                        (Some(a), Some(b)) if a > b => {}
                        _ => ties[[i, j]] += weight,
                    }
                }
            }
        }
        let counted = RationalMargins::from_counts(wins.view(), ties.view()).unwrap();
        let game = Game::single(Ballots::new(n, ballots, weights).unwrap());
        check_storage(&game, &counted.to_matrix(), 1e-15, &mut rng);
        let exact = exact_equilibria(&counted, false).unwrap();
        let found = maximal_lottery(&game.matrix(0)).unwrap();
        assert!(counted.duality_gap(found.policy.as_slice().unwrap()) <= 1e-14);
        if exact.unique {
            assert_close(found.policy.as_slice().unwrap(), &exact.vertex.to_f64(), 1e-11);
        }
    }
}

#[test]
fn observed_pairs_by_their_list() {
    let mut rng = rng("pairs");
    for n in [2, 9, 40] {
        let mut wins = Array2::zeros((n, n));
        let mut met = Vec::new();
        for i in 0..n {
            for j in i + 1..n {
                if index(&mut rng, 3) > 0 {
                    let (a, b) = (index(&mut rng, 9), 1 + index(&mut rng, 9));
                    (wins[[i, j]], wins[[j, i]]) = (a as f64, b as f64);
                    let margin = (a as f64 - b as f64) / (2.0 * (a + b) as f64);
                    met.push(if index(&mut rng, 2) == 0 { (i, j, margin) } else { (j, i, -margin) });
                }
            }
        }
        let counted = RationalMargins::from_counts(wins.view(), Array2::zeros((n, n)).view()).unwrap();
        let game = Game::single(Pairs::new(n, &met).unwrap());
        check_storage(&game, &counted.to_matrix(), 1e-16, &mut rng);
        let exact = exact_equilibria(&counted, false).unwrap();
        let found = maximal_lottery(&game.matrix(0)).unwrap();
        assert!(counted.duality_gap(found.policy.as_slice().unwrap()) <= 1e-14);
        if exact.unique {
            assert_close(found.policy.as_slice().unwrap(), &exact.vertex.to_f64(), 1e-11);
        }
    }
}

#[test]
fn low_rank_by_oriented_areas() {
    let mut rng = rng("low rank");
    for (n, rank) in [(4, 2), (12, 4), (50, 6)] {
        let bound = 0.7 / (rank as f64).sqrt();
        let u = Array2::from_shape_fn((n, rank), |_| bound * (2.0 * uniform(&mut rng) - 1.0));
        let area = |i: usize, j: usize| -> f64 {
            (0..rank / 2).map(|m| u[[i, 2 * m]] * u[[j, 2 * m + 1]] - u[[i, 2 * m + 1]] * u[[j, 2 * m]]).sum()
        };
        let dense = PreferenceMatrix::from_margins(n, area).unwrap();
        check_storage(&Game::single(LowRank::new(u.view()).unwrap()), &dense, 1e-15, &mut rng);
    }
}

/// In f32 every margin is the nearest of that width; where margins are short binary fractions nothing changes at all.
#[test]
fn f32_by_rounding_every_margin() {
    let mut rng = rng("f32");
    for n in [3, 17, 48] {
        let draws: Vec<f64> = (0..n * n).map(|_| uniform(&mut rng) - 0.5).collect();
        let wide = PreferenceMatrix::from_margins(n, |i, j| draws[i * n + j]).unwrap();
        let narrow = PreferenceMatrix::from_margins(n, |i, j| f64::from(draws[i * n + j] as f32)).unwrap();
        let game = Game::single(wide.clone()).in_f32();
        check_storage(&game, &narrow, 0.0, &mut rng);
        // half an ulp of f32 at 1/2, twice
        let lottery = maximal_lottery(&game.matrix(0)).unwrap();
        assert!(gap(&wide, lottery.policy.as_slice().unwrap()) <= 2f64.powi(-24));
        let binary =
            PreferenceMatrix::from_margins(n, |i, j| (draws[i * n + j] * 512.0).round() / 1024.0).unwrap();
        assert_eq!(Game::single(binary.clone()).in_f32().matrix(0), binary);
    }
}

/// Many games at once, each as if alone, and by mirror descent.
#[test]
fn regularised_batches() {
    let mut rng = rng("batches");
    let mut matrices: Vec<PreferenceMatrix> = (0..60)
        .map(|kind| {
            let n = 2 + index(&mut rng, 7);
            random_game(kind, n, &mut rng)
        })
        .collect();
    matrices.push(decimal_game(41, 2, &mut rng));
    for tau in [0.1, 0.7] {
        let together = regularised_equilibria(&matrices, None, tau).unwrap();
        for (matrix, found) in matrices.iter().zip(&together) {
            let mu = uniform_policy(matrix.n());
            let alone = regularised_equilibrium(matrix, &mu, tau).unwrap();
            assert_eq!(alone.policy.probs(), found.policy.probs());
            assert_close(
                found.policy.probs().as_slice().unwrap(),
                &by_mirror_descent(matrix, &mu, tau),
                1e-10,
            );
        }
        // the same as contexts of one game, with a reference of their own each
        let shape = Shape::ragged(matrices.iter().map(PreferenceMatrix::n)).unwrap();
        let logits: Array1<f64> = (0..shape.len()).map(|_| 2.0 * uniform(&mut rng) - 1.0).collect();
        let mu = Policy::from_logits(&shape, logits).unwrap();
        let game = Game::new(matrices.iter().cloned()).unwrap();
        let found = game_equilibrium(&game, &mu, tau).unwrap();
        for (x, matrix) in matrices.iter().enumerate() {
            let one = Policy::from_logits(&Shape::single(matrix.n()).unwrap(), mu.log_probs_at(x).to_owned())
                .unwrap();
            assert_close(&found.probs_at(x).to_vec(), &by_mirror_descent(matrix, &one, tau), 1e-10);
        }
    }
}
