//! Social-choice facts against brute force.

#![allow(clippy::unwrap_used)] // a test may

mod common;

use common::*;
use equipoise_core::sample::{index, uniform};
use equipoise_env::PreferenceMatrix;
use equipoise_reference::choice::{
    CyclicTriads, borda_scores, condorcet_winner, copeland_scores, cyclic_energy, cyclic_triads, smith_set,
    weak_condorcet_winners,
};
use ndarray::Array2;

#[test]
fn winners_and_scores_by_hand() {
    // 0 beats 1 and 2, ties with 3; 1 beats 2; 3 loses to 1 and 2
    let k = margins([
        [0.0, 0.1, 0.2, 0.0],
        [-0.1, 0.0, 0.3, 0.4],
        [-0.2, -0.3, 0.0, 0.1],
        [0.0, -0.4, -0.1, 0.0],
    ]);
    assert_eq!((condorcet_winner(&k), weak_condorcet_winners(&k)), (None, vec![0]));
    assert_eq!(copeland_scores(&k), [2.5, 2.0, 1.0, 0.5]);
    assert_close(&borda_scores(&k), &[0.6, 0.7, 0.5 - 0.4 / 3.0, 0.5 - 0.5 / 3.0], 1e-15);
    assert_eq!(smith_set(&k), [0, 1, 2, 3]);
    let one = margins([[0.0]]);
    assert_eq!((condorcet_winner(&one), smith_set(&one), borda_scores(&one)), (Some(0), vec![0], vec![0.5]));
    let cycle = three_cycle(0.1, 0.2, 0.3);
    assert_eq!((condorcet_winner(&cycle), weak_condorcet_winners(&cycle)), (None, vec![]));
    let ties = PreferenceMatrix::from_margins(4, |_, _| 0.0).unwrap();
    assert_eq!(
        (condorcet_winner(&ties), weak_condorcet_winners(&ties).len(), smith_set(&ties).len()),
        (None, 4, 4)
    );
}

#[test]
fn smith_sets_by_brute_force() {
    let mut rng = rng("smith");
    let mut sizes = [0; 9];
    for round in 0..400 {
        let n = 1 + index(&mut rng, 8);
        let strength: Vec<f64> = (0..n).map(|_| 2.0 * uniform(&mut rng)).collect();
        let matrix = match round % 3 {
            0 => random_game(2, n, &mut rng), // ties
            1 => random_game(1, n, &mut rng),
            _ => {
                // mostly ordered, so that the set is often a proper one
                let noise = random_game(0, n, &mut rng);
                PreferenceMatrix::from_margins(n, |i, j| {
                    (0.4 * (strength[i] - strength[j]) + 0.5 * noise.margin(i, j)).clamp(-0.5, 0.5)
                })
                .unwrap()
            }
        };
        let beats_outside = |set: u32| {
            (0..n)
                .filter(|i| set >> i & 1 == 1)
                .all(|i| (0..n).filter(|j| set >> j & 1 == 0).all(|j| matrix.margin(i, j) > 0.0))
        };
        let smallest =
            (1..1u32 << n).filter(|&set| beats_outside(set)).min_by_key(|s| s.count_ones()).unwrap();
        let expected: Vec<usize> = (0..n).filter(|i| smallest >> i & 1 == 1).collect();
        assert_eq!(smith_set(&matrix), expected);
        assert_eq!(condorcet_winner(&matrix), (expected.len() == 1).then(|| expected[0]));
        sizes[expected.len()] += 1;
    }
    assert!(sizes[1] > 20 && sizes[3..].iter().sum::<i32>() > 100, "{sizes:?}");
}

#[test]
fn triads_by_brute_force() {
    let mut rng = rng("triads");
    for round in 0..60 {
        let n = if round < 50 { 1 + index(&mut rng, 12) } else { 63 + index(&mut rng, 70) };
        let matrix = random_game(1 + round % 2, n, &mut rng);
        let unmet = Array2::from_shape_fn((n, n), |_| uniform(&mut rng) < 0.2);
        let met = |i: usize, j: usize| !unmet[[i.min(j), i.max(j)]];
        let (mut all, mut masked) =
            (CyclicTriads { cyclic: 0, total: 0 }, CyclicTriads { cyclic: 0, total: 0 });
        for (i, j, k) in (0..n).flat_map(|i| (i + 1..n).flat_map(move |j| (j + 1..n).map(move |k| (i, j, k))))
        {
            let (a, b, c) = (matrix.margin(i, j), matrix.margin(j, k), matrix.margin(k, i));
            let cyclic = u64::from((a > 0.0 && b > 0.0 && c > 0.0) || (a < 0.0 && b < 0.0 && c < 0.0));
            all.cyclic += cyclic;
            all.total += 1;
            if met(i, j) && met(j, k) && met(i, k) {
                masked.cyclic += cyclic;
                masked.total += 1;
            }
        }
        assert_eq!(cyclic_triads(&matrix, None), all);
        assert_eq!(cyclic_triads(&matrix, Some(unmet.view())), masked);
    }
    // a regular tournament has the most that are possible: n (n^2 - 1) / 24
    assert_eq!(cyclic_triads(&regular_tournament(9, 0.5), None), CyclicTriads { cyclic: 30, total: 84 });
}

#[test]
fn cyclic_energy_is_the_residual_of_least_squares() {
    let mut rng = rng("energy");
    assert_eq!(cyclic_energy(&PreferenceMatrix::from_margins(4, |_, _| 0.0).unwrap(), None), 0.0);
    assert!((cyclic_energy(&regular_tournament(7, 0.2), None) - 1.0).abs() <= 1e-15);
    assert!(cyclic_energy(&random_game(5, 9, &mut rng), None) <= 1e-30, "additive");
    for round in 0..40 {
        let n = 2 + index(&mut rng, 9);
        let matrix = random_game(round, n, &mut rng);
        let ones = Array2::ones((n, n));
        let (plain, weighted) = (cyclic_energy(&matrix, None), cyclic_energy(&matrix, Some(ones.view())));
        assert!((plain - weighted).abs() <= 1e-13, "{plain} {weighted}");
        // sparse weights, often in several pieces, against exact line searches along one rating at a time
        let weights =
            Array2::from_shape_fn((n, n), |_| if uniform(&mut rng) < 0.5 { 0.0 } else { uniform(&mut rng) });
        let w = |i: usize, j: usize| if i == j { 0.0 } else { weights[[i.min(j), i.max(j)]] };
        let mut s = vec![0.0; n];
        for _ in 0..20_000 {
            for i in 0..n {
                let mass: f64 = (0..n).map(|j| w(i, j)).sum();
                let pull: f64 = (0..n).map(|j| w(i, j) * (matrix.margin(i, j) + s[j])).sum();
                s[i] = if mass > 0.0 { pull / mass } else { 0.0 };
            }
        }
        let sum = |f: &dyn Fn(usize, usize) -> f64| -> f64 {
            (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| w(i, j) * f(i, j).powi(2)).sum()
        };
        let total = sum(&|i, j| matrix.margin(i, j));
        let expected = if total > 0.0 { sum(&|i, j| matrix.margin(i, j) - s[i] + s[j]) / total } else { 0.0 };
        assert!((cyclic_energy(&matrix, Some(weights.view())) - expected).abs() <= 1e-9);
    }
}
