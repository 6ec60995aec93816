//! The fit against Zermelo's iteration, exact models, printed strengths, and its own limits.

use equipoise_baseline_bt::{BtError, RIDGE, fit, fit_product};
use equipoise_core::logistic::logistic;
use equipoise_core::{Rng, sample, seed};
use ndarray::{Array1, Array2, arr1, arr2};

/// Zermelo's 1929 iteration (the MM algorithm), in place, mean of logs 0: slow, and as different from Newton as can be.
fn zermelo(wins: &Array2<f64>, passes: usize) -> Array1<f64> {
    let n = wins.nrows();
    let mut s = Array1::<f64>::ones(n);
    for _ in 0..passes {
        for i in 0..n {
            let others = (0..n).filter(|&j| j != i);
            let (won, expected) = others.fold((0.0, 0.0), |(w, e), j| {
                (w + wins[[i, j]], e + (wins[[i, j]] + wins[[j, i]]) / (s[i] + s[j]))
            });
            s[i] = won / expected;
        }
        let scale = s.mapv(f64::ln).mean().expect("not empty").exp();
        s /= scale;
    }
    s.mapv(f64::ln)
}

fn random_probabilities(n: usize, rng: &mut Rng) -> Array2<f64> {
    let mut p = Array2::from_elem((n, n), 0.5);
    for i in 0..n {
        for j in i + 1..n {
            p[[i, j]] = 0.02 + 0.96 * sample::uniform(rng);
            p[[j, i]] = 1.0 - p[[i, j]];
        }
    }
    p
}

fn product_weights(p: &Array2<f64>, design: &Array1<f64>) -> Array2<f64> {
    Array2::from_shape_fn(p.dim(), |(i, j)| p[[i, j]] * design[i] * design[j])
}

fn distance(a: &Array1<f64>, b: &Array1<f64>) -> f64 {
    (a - b).fold(0.0, |m, d| m.max(d.abs()))
}

#[test]
fn newton_agrees_with_zermelo() {
    let mut rng = seed::stream(1, "test", &[]);
    for n in 2..10 {
        let p = random_probabilities(n, &mut rng);
        let design: Array1<f64> = (0..n).map(|_| 0.1 + sample::uniform(&mut rng)).collect();
        let wins = product_weights(&p, &design);
        let expect = zermelo(&wins, 4000);
        let got = fit(wins.view()).unwrap();
        assert!(got.exists && got.converged && got.ridge.is_none());
        assert!(distance(&got.log_strength, &expect) < 1e-11, "{n}: {} {expect}", got.log_strength);
        let product = fit_product(p.view(), design.mapv(f64::ln).view()).unwrap();
        assert!(distance(&product.log_strength, &expect) < 1e-11);
        // the two likelihoods differ by the normalisation of the design
        let scale = design.sum() * design.sum();
        approx::assert_relative_eq!(product.log_likelihood * scale, got.log_likelihood, max_relative = 1e-12);
        // scale of the weights does not matter
        let scaled = fit((&wins * 1e6).view()).unwrap();
        assert!(distance(&scaled.log_strength, &expect) < 1e-11);
    }
}

#[test]
fn the_likelihood_is_largest_at_the_fit() {
    let mut rng = seed::stream(2, "test", &[]);
    let likelihood = |w: &Array2<f64>, r: &Array1<f64>| -> f64 {
        w.indexed_iter().filter(|((i, j), _)| i != j).map(|((i, j), w)| w * logistic(r[i] - r[j]).ln()).sum()
    };
    for n in 2..7 {
        let wins = Array2::from_shape_fn((n, n), |_| 0.05 + 5.0 * sample::uniform(&mut rng));
        let got = fit(wins.view()).unwrap();
        let best = likelihood(&wins, &got.log_strength);
        approx::assert_relative_eq!(got.log_likelihood, best, max_relative = 1e-12);
        for _ in 0..200 {
            let other = got.log_strength.mapv(|r| r + 0.01 * (sample::uniform(&mut rng) - 0.5));
            assert!(likelihood(&wins, &other) <= best + 1e-12 * best.abs());
        }
    }
}

#[test]
fn a_bradley_terry_matrix_is_recovered() {
    let mut rng = seed::stream(3, "test", &[]);
    for n in 1..30 {
        let r: Array1<f64> = (0..n).map(|_| 6.0 * sample::uniform(&mut rng)).collect();
        let r = &r - r.mean().unwrap();
        let p = Array2::from_shape_fn((n, n), |(i, j)| logistic(r[i] - r[j]));
        let design: Array1<f64> = (0..n).map(|_| -20.0 * sample::uniform(&mut rng)).collect();
        let got = fit_product(p.view(), design.view()).unwrap();
        // P carries its own rounding, worth 1e-16 / sigma' in r
        assert!(distance(&got.log_strength, &r) < 1e-10, "{n}");
        assert!(distance(&fit(p.view()).unwrap().log_strength, &r) < 1e-10, "{n}");
    }
}

#[test]
fn two_actions_have_the_log_odds() {
    let got = fit(arr2(&[[9.0, 30.0], [10.0, 9.0]]).view()).unwrap();
    let half = 3f64.ln() / 2.0;
    assert!(distance(&got.log_strength, &arr1(&[half, -half])) < 1e-14);
}

#[test]
fn printed_strengths() {
    // a Condorcet winner that is not the Borda winner: margins .05, .05, .45
    let p = arr2(&[[0.5, 0.55, 0.55], [0.45, 0.5, 0.95], [0.45, 0.05, 0.5]]);
    let got = fit(p.view()).unwrap().log_strength;
    assert!(distance(&got, &arr1(&[0.1491, 0.5915, -0.7406])) < 5e-5, "{got}");
    // the 3-cycle with margins .3, .2, .1, and with its first action doubled
    let cycle = arr2(&[[0.5, 0.8, 0.4], [0.2, 0.5, 0.7], [0.6, 0.3, 0.5]]);
    let got = fit(cycle.view()).unwrap().log_strength;
    assert!(distance(&got, &arr1(&[0.270, -0.135, -0.135])) < 5e-4, "{got}");
    let origin = [0, 0, 1, 2];
    let cloned = Array2::from_shape_fn((4, 4), |(i, j)| cycle[[origin[i], origin[j]]]);
    let got = fit(cloned.view()).unwrap().log_strength;
    assert!(distance(&got, &arr1(&[0.205, 0.205, -0.411, 0.001])) < 6e-4, "{got}");
    // rock-paper-scissors with margins .1, .2, .4
    let rps = arr2(&[[0.5, 0.6, 0.1], [0.4, 0.5, 0.7], [0.9, 0.3, 0.5]]);
    let got = fit(rps.view()).unwrap().log_strength;
    assert!(distance(&got, &arr1(&[-0.4132, 0.1378, 0.2754])) < 5e-5, "{got}");
}

#[test]
fn a_cycle_of_counts_equalises_its_flows() {
    // one-way counts (a, b, c) round a 3-cycle: a (1 - p12) = b (1 - p23) = c (1 - p31) at the fit
    let (a, b, c) = (3.0, 5.0, 11.0);
    let r = fit(arr2(&[[0.0, a, 0.0], [0.0, 0.0, b], [c, 0.0, 0.0]]).view()).unwrap();
    assert!(r.exists);
    let r = r.log_strength;
    let flows = [a * logistic(r[1] - r[0]), b * logistic(r[2] - r[1]), c * logistic(r[0] - r[2])];
    approx::assert_relative_eq!(flows[0], flows[1], max_relative = 1e-12);
    approx::assert_relative_eq!(flows[0], flows[2], max_relative = 1e-12);
}

#[test]
fn the_order_of_a_product_design_is_the_order_of_its_win_rates() {
    let mut rng = seed::stream(4, "test", &[]);
    for round in 0..500 {
        let n = 3 + sample::index(&mut rng, 6);
        let p = random_probabilities(n, &mut rng);
        let design: Array1<f64> =
            (0..n).map(|_| if round % 2 == 0 { 1.0 } else { 0.05 + sample::uniform(&mut rng) }).collect();
        let strength = fit_product(p.view(), design.mapv(f64::ln).view()).unwrap().log_strength;
        let wins = p.dot(&design);
        for i in 0..n {
            for j in 0..n {
                assert!((strength[i] > strength[j]) == (wins[i] > wins[j]), "{strength} {wins}");
            }
        }
    }
}

#[test]
fn non_existence_is_reported_and_only_then_a_ridge_is_used() {
    // a transitive tournament of certain wins: nobody ever beats the first
    let transitive = Array2::from_shape_fn((4, 4), |(i, j)| f64::from(u8::from(i < j)));
    let got = fit(transitive.view()).unwrap();
    assert_eq!((got.exists, got.converged, got.ridge), (false, true, Some(RIDGE)));
    assert!(got.log_strength.windows(2).into_iter().all(|w| w[0] > w[1] + 1.0), "{}", got.log_strength);
    // stationarity of the penalised likelihood, whose weight is each action's number of comparisons
    let r = &got.log_strength;
    for i in 0..4 {
        let slope: f64 =
            (0..4).filter(|&j| j != i).map(|j| transitive[[i, j]] - logistic(r[i] - r[j])).sum::<f64>()
                - RIDGE * 3.0 * r[i];
        assert!(slope.abs() < 1e-12, "{slope}");
    }
    // a regular tournament of certain wins is strongly connected: the fit exists
    let regular = arr2(&[[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]);
    assert!(fit(regular.view()).unwrap().exists);
    // an action never compared stays at the middle of the rest
    let alone = arr2(&[[0.0, 3.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]);
    let got = fit(alone.view()).unwrap();
    assert!(!got.exists && got.log_strength[2].abs() < 1e-12, "{}", got.log_strength);
    approx::assert_abs_diff_eq!(got.log_strength[0] - got.log_strength[1], 3f64.ln(), epsilon = 1e-3);
    // a single action needs nothing
    let one = fit(arr2(&[[0.0]]).view()).unwrap();
    assert_eq!((one.exists, one.converged, one.log_strength.to_vec()), (true, true, vec![0.0]));
}

#[test]
fn nearly_pure_designs_are_fitted_in_their_limit() {
    let mut rng = seed::stream(5, "test", &[]);
    let p = random_probabilities(4, &mut rng);
    // exp(-3000) has no f64; the limit: against the common action the log-odds, and between the rest no pull
    let got = fit_product(p.view(), arr1(&[0.0, -1000.0, -2000.0, -3000.0]).view()).unwrap();
    assert!(got.exists && got.converged);
    let r = &got.log_strength;
    for i in 1..4 {
        approx::assert_relative_eq!(r[i] - r[0], (p[[i, 0]] / p[[0, i]]).ln(), max_relative = 1e-12);
    }
    // a rare action that loses to the common one for sure: its strength hangs on wins of weight exp(-30)
    let rare = arr2(&[[0.5, 1.0, 0.6], [0.0, 0.5, 0.9], [0.4, 0.1, 0.5]]);
    let got = fit_product(rare.view(), arr1(&[0.0, 0.0, -300.0]).view()).unwrap();
    assert!(got.exists && got.converged, "{got:?}");
    let (r, e) = (&got.log_strength, (-300f64).exp());
    let slope = -logistic(r[1] - r[0]) + e * (0.9 - logistic(r[1] - r[2]));
    assert!(slope.abs() < 1e-12 * e, "{slope:e} {r}");
}

#[test]
fn bad_numbers_are_named() {
    let error = fit(arr2(&[[0.0, -1.0], [2.0, 0.0]]).view()).unwrap_err();
    assert_eq!(error.to_string(), "row 1, column 2: -1 wins; they must be finite and not negative");
    assert_eq!(fit(arr2(&[[0.0, 1.0]]).view()).unwrap_err(), BtError::Shape { rows: 1, columns: 2 });
    assert_eq!(fit(arr2::<f64, 0>(&[]).view()).unwrap_err(), BtError::Shape { rows: 0, columns: 0 });
    let p = arr2(&[[0.5, 0.6], [0.4, 0.5]]);
    assert_eq!(
        fit_product(p.view(), arr1(&[0.0]).view()).unwrap_err(),
        BtError::DesignLength { actions: 2, got: 1 }
    );
    let error = fit_product(p.view(), arr1(&[0.0, f64::NEG_INFINITY]).view()).unwrap_err();
    assert_eq!(error.to_string(), "the logarithm of design weight 2 is -inf; it must be finite");
}
