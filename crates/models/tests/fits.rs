//! Fits against independent ways to the same numbers.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use equipoise_core::logistic::logistic;
use equipoise_core::{Rng, sample, seed::stream};
use equipoise_data::{Comparisons, Selection, parse_comparisons};
use equipoise_models::pair_model::Outcomes;
use equipoise_models::resample::multinomial;
use equipoise_models::{
    BRADLEY_TERRY, DAVIDSON, FitError, GROUNDED_RAO_KUPPER, PairFit, PairModel, PairOptions, RAO_KUPPER,
    THURSTONE, first_order, fit, fit_linear,
};
use ndarray::{Array1, Array2, arr2};

fn tables(n: usize, rng: &mut Rng, ties: bool) -> Comparisons {
    let mut draw = |most: f64| (sample::uniform(rng) * most).floor();
    let mut wins = Array2::from_shape_fn((n, n), |_| 1.0 + draw(20.0));
    wins.diag_mut().fill(0.0);
    let tied = Array2::from_shape_fn((n, n), |_| if ties { draw(8.0) } else { 0.0 });
    Comparisons::from_tables(&wins, &tied)
}

/// Both orders of listing, with both-bad ties: every column a model can use.
fn listed(n: usize, rng: &mut Rng) -> Comparisons {
    let mut text = String::from("item_a,item_b,outcome,weight\n");
    for i in 0..n {
        for j in (0..n).filter(|&j| j != i) {
            for outcome in ["a", "b", "tie", "both_bad"] {
                let weight = 1 + sample::index(rng, 12);
                text += &format!("m{i},m{j},{outcome},{weight}\n");
            }
        }
    }
    parse_comparisons(Path::new("d.csv"), text.as_bytes(), &Selection::default()).unwrap()
}

/// Log-likelihood at the fit with strengths and parameters moved, through the public probabilities of the model.
fn log_likelihood(data: &Comparisons, model: &PairModel, r: &[f64], home: f64, tie: f64) -> f64 {
    let mut sum = 0.0;
    for pair in &data.pairs {
        for (a, b, c) in [(pair.i, pair.j, &pair.forward), (pair.j, pair.i, &pair.backward)] {
            let p = model.probs(r[a], r[b], home, tie);
            let weights = match model.outcomes {
                Outcomes::Wins => [c.first + 0.5 * c.ties(), c.second + 0.5 * c.ties(), 0.0, 0.0],
                Outcomes::WinsTieAndBothBad => [c.first, c.second, c.tie, c.both_bad],
                Outcomes::WinsAndTie => [c.first, c.second, c.ties(), 0.0],
            };
            sum += weights.iter().zip(p).map(|(w, p)| if *w > 0.0 { w * p.ln() } else { 0.0 }).sum::<f64>();
        }
    }
    sum
}

/// A generic optimiser that knows nothing of slopes: Nelder and Mead's would not reach 1e-7, so coordinate-wise Newton
/// steps with numerical second differences, shrinking, from zero.
fn generic_maximum(value: impl Fn(&[f64]) -> f64, n: usize) -> Vec<f64> {
    let mut x = vec![0.0; n];
    x[n - 1] = 0.5; // a tie parameter has to start inside its range
    for sweep in 0..4000 {
        let step = if sweep < 3990 { 1e-3 } else { 2e-4 };
        let mut moved = 0.0f64;
        for k in 0..n {
            let at = |d: f64| {
                let mut y = x.clone();
                y[k] += d;
                value(&y)
            };
            let (up, here, down) = (at(step), at(0.0), at(-step));
            // fourth-order slope, so that its error is far below 1e-7
            let slope = (8.0 * (up - down) - (at(2.0 * step) - at(-2.0 * step))) / (12.0 * step);
            let curvature = (up - 2.0 * here + down) / (step * step);
            let move_by = (-slope / curvature).clamp(-0.3, 0.3);
            x[k] += move_by;
            moved = moved.max(move_by.abs());
        }
        if moved < 1e-11 {
            break;
        }
    }
    x
}

fn parameter(fit: &PairFit, name: &str) -> f64 {
    fit.parameters.iter().find(|p| p.name == name).unwrap().value
}

#[test]
fn models_agree_with_a_generic_optimiser() {
    let mut rng = stream(11, "fits", &[]);
    for model in [&BRADLEY_TERRY, &THURSTONE, &DAVIDSON, &RAO_KUPPER, &GROUNDED_RAO_KUPPER] {
        for home in [false, true] {
            if home && !model.shift_invariant {
                continue;
            }
            let data = listed(4, &mut rng);
            let found = fit(&data, model, PairOptions { home, ..PairOptions::default() }).unwrap();
            assert!(found.exists && found.converged && !found.prior, "{model:?}");
            // variables: r_1..r_3 (r_0 = 0 if relative, else r_0 too), home, tie
            let relative = model.shift_invariant;
            let unpack = |x: &[f64]| {
                let r: Vec<f64> = if relative { [&[0.0], &x[..3]].concat() } else { x[..4].to_vec() };
                let at = if relative { 3 } else { 4 };
                let h = if home { x[at] } else { 0.0 };
                (r, h, x[x.len() - 1])
            };
            let size = if relative { 3 } else { 4 } + usize::from(home) + 1;
            // a model without ties ignores its last variable: give it a bowl
            let bowl = |t: f64| if model.has_ties() { 0.0 } else { -t * t };
            let best = generic_maximum(
                |x| {
                    let (r, h, t) = unpack(x);
                    log_likelihood(&data, model, &r, h, t) + bowl(t)
                },
                size,
            );
            let (r, h, t) = unpack(&best);
            let mean = r.iter().sum::<f64>() / 4.0;
            for i in 0..4 {
                assert!((found.log_strength[i] - (r[i] - mean)).abs() < 1e-7, "{model:?} {home} {i}");
            }
            if home {
                assert!((parameter(&found, "home") - h).abs() < 1e-7, "{model:?}");
            }
            match model.name {
                "davidson" => assert!((parameter(&found, "nu") - t.exp()).abs() < 1e-7),
                "rao-kupper" => assert!((parameter(&found, "theta") - t.exp()).abs() < 1e-7),
                "grounded-rao-kupper" => assert!((parameter(&found, "T") - 1.0 - t.exp()).abs() < 1e-6),
                _ => {}
            }
            let value = log_likelihood(&data, model, &r, h, t);
            assert!((found.log_likelihood - value).abs() < 1e-9 * value.abs(), "{model:?}");
        }
    }
}

#[test]
fn davidson_satisfies_its_own_fixed_point() {
    // Newman's iteration with ties, derived from the stationarity conditions, is another way to the same numbers
    let data = tables(6, &mut stream(12, "fits", &[]), true);
    let found = fit(&data, &DAVIDSON, PairOptions::default()).unwrap();
    let s = found.log_strength.mapv(f64::exp);
    let nu = parameter(&found, "nu");
    let (mut ties, mut expected) = (0.0, 0.0);
    let (mut up, mut down) = (Array1::<f64>::zeros(6), Array1::<f64>::zeros(6));
    for p in &data.pairs {
        let (w, l, t) = p.outcomes();
        let (i, j) = (p.i, p.j);
        let root = (s[i] * s[j]).sqrt();
        let d = s[i] + s[j] + nu * root;
        ties += t;
        expected += p.met() * nu * root / d;
        for (a, b, won, lost) in [(i, j, w + 0.5 * t, l + 0.5 * t), (j, i, l + 0.5 * t, w + 0.5 * t)] {
            up[a] += won * (s[b] + 0.5 * nu * root) / d;
            down[a] += lost * (1.0 + 0.5 * nu * (s[b] / s[a]).sqrt()) / d;
        }
    }
    assert!((ties - expected).abs() < 1e-9);
    for i in 0..6 {
        assert!((up[i] / down[i] - s[i]).abs() < 1e-11 * s[i], "{i}");
    }
}

#[test]
fn three_ways_to_the_bradley_terry_maximum() {
    for n in [3, 8, 25] {
        let data = tables(n, &mut stream(13, "fits", &[&n.to_string()]), n > 3);
        let newton = fit(&data, &BRADLEY_TERRY, PairOptions::default()).unwrap();
        let newman = first_order::newman(&data, 1e-14, 5000);
        let mut wins = Array2::zeros((n, n));
        for p in &data.pairs {
            let (w, l, t) = p.outcomes();
            (wins[[p.i, p.j]], wins[[p.j, p.i]]) = (w + 0.5 * t, l + 0.5 * t);
        }
        // the baseline's fit: another Newton method, with scaled rows and its own elimination
        let baseline = equipoise_baseline_bt::fit(wins.view()).unwrap();
        for i in 0..n {
            assert!((newton.log_strength[i] - newman.log_strength[i]).abs() < 1e-12);
            assert!((newton.log_strength[i] - baseline.log_strength[i]).abs() < 1e-12);
        }
        assert!(
            (newton.log_likelihood - baseline.log_likelihood).abs() < 1e-10 * baseline.log_likelihood.abs()
        );
        // a three-cycle's maximum has equal flow on its pairs
        if n == 3 {
            let flow = |i: usize, j: usize| {
                let met = wins[[i, j]] + wins[[j, i]];
                wins[[i, j]] - met * logistic(newton.log_strength[i] - newton.log_strength[j])
            };
            assert!((flow(0, 1) - flow(1, 2)).abs() < 1e-10 && (flow(1, 2) - flow(2, 0)).abs() < 1e-10);
        }
    }
}

#[test]
fn the_prior_is_a_win_and_a_loss_against_strength_zero() {
    let data = tables(5, &mut stream(14, "fits", &[]), false);
    let with = fit(&data, &BRADLEY_TERRY, PairOptions { prior: true, ..PairOptions::default() }).unwrap();
    assert!(with.exists && with.prior);
    // the same with a sixth item, held at zero afterwards
    let mut wins = Array2::zeros((6, 6));
    for p in &data.pairs {
        (wins[[p.i, p.j]], wins[[p.j, p.i]]) = (p.outcomes().0, p.outcomes().1);
    }
    for i in 0..5 {
        (wins[[i, 5]], wins[[5, i]]) = (1.0, 1.0);
    }
    let six = Comparisons::from_tables(&wins, &Array2::zeros((6, 6)));
    let six = fit(&six, &BRADLEY_TERRY, PairOptions::default()).unwrap();
    let mean = (0..5).map(|i| six.log_strength[i]).sum::<f64>() / 5.0;
    for i in 0..5 {
        assert!((with.log_strength[i] - (six.log_strength[i] - mean)).abs() < 1e-11);
    }
}

#[test]
fn without_a_maximum_the_prior_is_added_and_said() {
    let wins = arr2(&[[0.0, 3.0, 2.0], [0.0, 0.0, 4.0], [0.0, 1.0, 0.0]]);
    let found =
        fit(&Comparisons::from_tables(&wins, &Array2::zeros((3, 3))), &BRADLEY_TERRY, PairOptions::default());
    let found = found.unwrap();
    assert!(!found.exists && found.prior && found.converged);
    assert_eq!(found.blocks, [vec![0], vec![1, 2]]);
    assert!(found.log_strength.iter().all(|r| r.is_finite()));
    let none = Comparisons::from_tables(&Array2::zeros((2, 2)), &Array2::zeros((2, 2)));
    assert_eq!(fit(&none, &BRADLEY_TERRY, PairOptions::default()).unwrap_err(), FitError::Nothing);
    let tied = Comparisons::from_tables(&Array2::zeros((2, 2)), &arr2(&[[0.0, 5.0], [5.0, 0.0]]));
    assert_eq!(fit(&tied, &DAVIDSON, PairOptions::default()).unwrap_err(), FitError::OnlyTies);
    assert!(fit(&tied, &BRADLEY_TERRY, PairOptions::default()).unwrap().exists);
    // ties hold the items together for bradley-terry, but not for models that may put the loser further and further away
    let wins = arr2(&[[0.0, 5.0, 0.0], [0.0, 0.0, 4.0], [0.0, 0.0, 0.0]]);
    let ties = arr2(&[[0.0, 3.0, 0.0], [3.0, 0.0, 2.0], [0.0, 2.0, 0.0]]);
    let data = Comparisons::from_tables(&wins, &ties);
    assert!(fit(&data, &BRADLEY_TERRY, PairOptions::default()).unwrap().exists);
    for model in [&DAVIDSON, &RAO_KUPPER] {
        let found = fit(&data, model, PairOptions::default()).unwrap();
        assert!(!found.exists && found.prior && found.converged && found.blocks.len() == 1, "{model:?}");
        assert!(found.log_strength.iter().all(|r| r.abs() < 10.0), "{model:?}");
    }
    // without ties, models of ties are bradley-terry at the end of their range
    let data = tables(4, &mut stream(15, "fits", &[]), false);
    let bt = fit(&data, &BRADLEY_TERRY, PairOptions::default()).unwrap();
    for (model, name, end) in [(&DAVIDSON, "nu", 0.0), (&RAO_KUPPER, "theta", 1.0)] {
        let found = fit(&data, model, PairOptions::default()).unwrap();
        assert!(
            (parameter(&found, name) - end).abs() < 1e-15 && found.parameters[0].standard_error.is_none()
        );
        assert!((&found.log_strength - &bt.log_strength).iter().all(|d| d.abs() < 1e-10), "{model:?}");
        assert!((found.deviance - bt.deviance).abs() < 1e-9);
    }
}

#[test]
fn features_of_full_rank_are_the_free_model_and_constant_ones_are_refused() {
    let data = tables(5, &mut stream(16, "fits", &[]), true);
    let free = fit(&data, &DAVIDSON, PairOptions::default()).unwrap();
    // four independent directions across the mean
    let basis =
        Array2::from_shape_fn((5, 4), |(i, k)| f64::from(u8::from(i == k)) - f64::from(u8::from(i == 4)));
    let linear = fit_linear(&data.clone().into(), &DAVIDSON, basis.view(), PairOptions::default()).unwrap();
    assert!((&free.log_strength - &linear.log_strength).iter().all(|d| d.abs() < 1e-10));
    assert!((&free.covariance - &linear.covariance).iter().all(|d| d.abs() < 1e-10));
    assert!((&free.sandwich - &linear.sandwich).iter().all(|d| d.abs() < 1e-10));
    assert!((linear.coefficients[2].0 - linear.log_strength[2]).abs() < 1e-12);
    assert_eq!(linear.degrees_of_freedom, free.degrees_of_freedom);
    let constant = Array2::ones((5, 1));
    let refused = fit_linear(&data.into(), &BRADLEY_TERRY, constant.view(), PairOptions::default());
    assert_eq!(refused.unwrap_err(), FitError::Singular);
}

#[test]
fn errors_are_the_spread_of_fits_to_drawn_data() {
    // 400 data sets from a Davidson model: the spread of the estimates is the standard error, and intervals cover
    let truth = [0.9, 0.3, -0.4, -0.8];
    let tie = 0.7f64.ln();
    let mut rng = stream(17, "coverage", &[]);
    const SETS: usize = 400;
    let (mut squares, mut hessian, mut sandwich) = ([0.0; 4], [0.0; 4], [0.0; 4]);
    let mut covered = 0;
    for _ in 0..SETS {
        let (mut wins, mut ties) = (Array2::zeros((4, 4)), Array2::zeros((4, 4)));
        for i in 0..4 {
            for j in i + 1..4 {
                let drawn = multinomial(120, DAVIDSON.probs(truth[i], truth[j], 0.0, tie), &mut rng);
                wins[[i, j]] = drawn[0] as f64;
                wins[[j, i]] = drawn[1] as f64;
                ties[[i, j]] = drawn[2] as f64;
            }
        }
        let found = fit(&Comparisons::from_tables(&wins, &ties), &DAVIDSON, PairOptions::default()).unwrap();
        let (errors, robust) = (found.standard_error(), found.sandwich_error());
        for i in 0..4 {
            let off = found.log_strength[i] - truth[i];
            squares[i] += off * off;
            hessian[i] += errors[i];
            sandwich[i] += robust[i];
            covered += usize::from(off.abs() < 1.959_964 * errors[i]);
        }
    }
    for i in 0..4 {
        let spread = (squares[i] / SETS as f64).sqrt();
        // the standard error of a standard deviation of 400: 3.5 percent; four of them
        for mean in [hessian[i] / SETS as f64, sandwich[i] / SETS as f64] {
            assert!((spread / mean - 1.0).abs() < 0.14, "{i}: {spread} {mean}");
        }
    }
    let rate = covered as f64 / (4 * SETS) as f64;
    // 1600 dependent trials at 0.95: 0.011 is the error of 400 independent ones
    assert!((rate - 0.95).abs() < 3.0 * 0.011, "{rate}");
}
