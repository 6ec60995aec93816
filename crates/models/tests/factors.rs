//! Factors that win, and factors that add.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use equipoise_core::{sample, seed::stream};
use equipoise_data::Comparisons;
use equipoise_models::factors::factor_wins;
use equipoise_models::{BRADLEY_TERRY, PairOptions, fit, fit_linear};
use ndarray::{Array2, arr2};

fn names(k: usize) -> Vec<String> {
    (0..k).map(|f| format!("f{f}")).collect()
}

#[test]
fn one_factor_on_each_side_is_a_comparison_of_them_and_the_table_is_a_product() {
    let wins = arr2(&[[0.0, 7.0, 2.0], [3.0, 0.0, 4.0], [5.0, 1.0, 0.0]]);
    let data = Comparisons::from_tables(&wins, &Array2::zeros((3, 3)));
    let own = Array2::eye(3);
    let found = factor_wins(&data, &names(3), own.view()).unwrap();
    assert_eq!(found.pairs, data.pairs);
    // C = U' V, a row a judgement: U what only the winner has, V what only the loser has
    let has = arr2(&[[1.0, 1.0, 0.0, 0.0], [0.0, 1.0, 1.0, 0.0], [1.0, 0.0, 1.0, 1.0]]);
    let mut product = Array2::<f64>::zeros((4, 4));
    for ((i, j), &count) in wins.indexed_iter() {
        for (f, g) in (0..4).flat_map(|f| (0..4).map(move |g| (f, g))) {
            let (u, v) = (has[[i, f]] * (1.0 - has[[j, f]]), has[[j, g]] * (1.0 - has[[i, g]]));
            product[[f, g]] += count * u * v;
        }
    }
    let found = factor_wins(&data, &names(4), has.view()).unwrap();
    for pair in &found.pairs {
        let (won, lost, _) = pair.outcomes();
        assert_eq!((won, lost), (product[[pair.i, pair.j]], product[[pair.j, pair.i]]));
    }
    assert!(factor_wins(&data, &names(3), has.view()).is_err());
}

#[test]
fn a_factor_that_only_goes_with_a_good_one_wins_and_adds_nothing() {
    let truth = [1.12, 0.52, 0.12, -0.08, 0.0, -1.08];
    let mut rng = stream(11, "factors", &[]);
    let n = 400;
    let mut has = Array2::from_shape_fn((n, 6), |_| f64::from(u8::from(sample::uniform(&mut rng) < 0.4)));
    for i in 0..n {
        if sample::uniform(&mut rng) < 0.8 {
            has[[i, 4]] = has[[i, 0]];
        }
    }
    let r: Vec<f64> = (0..n).map(|i| (0..6).map(|f| truth[f] * has[[i, f]]).sum()).collect();
    let mut wins = Array2::<f64>::zeros((n, n));
    for _ in 0..20_000 {
        let i = sample::index(&mut rng, n);
        let j = (i + 1 + sample::index(&mut rng, n - 1)) % n;
        let first = sample::uniform(&mut rng) < 1.0 / (1.0 + (r[j] - r[i]).exp());
        if first { wins[[i, j]] += 1.0 } else { wins[[j, i]] += 1.0 }
    }
    let data = Comparisons::from_tables(&wins, &Array2::zeros((n, n)));
    let factors = factor_wins(&data, &names(6), has.view()).unwrap();
    let strong = fit(&factors, &BRADLEY_TERRY, PairOptions::default()).unwrap();
    let adds = fit_linear(&data.into(), &BRADLEY_TERRY, has.view(), PairOptions::default()).unwrap();
    let (wins_of_null, worth_of_null) = (strong.log_strength[4], adds.coefficients[4]);
    assert!(wins_of_null > 0.2, "{wins_of_null}");
    assert!(
        worth_of_null.0.abs() < 4.0 * worth_of_null.1 && worth_of_null.0.abs() < 0.15,
        "{worth_of_null:?}"
    );
    // what it goes with is found by both
    assert!(
        strong.order()[0] == 0 && (adds.coefficients[0].0 - truth[0]).abs() < 4.0 * adds.coefficients[0].1
    );
}
