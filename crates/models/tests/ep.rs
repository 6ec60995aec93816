//! Expectation propagation against choix, closed forms, integrals on a grid, and the posterior mode.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "the deviations are what the tests report")]

mod golden;

use equipoise_core::logistic::logistic;
use equipoise_core::{sample, seed::stream};
use equipoise_data::{Comparisons, Selection, parse_comparisons};
use equipoise_models::distributions::{mills, normal_cdf};
use equipoise_models::{Existence, Fitted, NormalPosterior, model};
use golden::{cases, close, numbers, table};
use ndarray::{Array1, Array2};
use serde_json::{Value, json};

/// Rows `winner, loser, outcome` of items i0, i1, ..
fn comparisons(rows: &[(usize, usize, &str)]) -> Comparisons {
    let mut text = String::from("item_a,item_b,outcome\n");
    for (i, j, outcome) in rows {
        text += &format!("i{i},i{j},{outcome}\n");
    }
    parse_comparisons("d.csv".as_ref(), text.as_bytes(), &Selection::default()).unwrap()
}

fn fitted(data: &Comparisons, options: &Value) -> Fitted {
    let found = model("ep").unwrap().fit(&data.clone().into(), options).unwrap();
    assert!(found.convergence.converged, "{options}: {}", found.convergence);
    found
}

fn place(fitted: &Fitted, i: usize) -> usize {
    fitted.labels.iter().position(|l| *l == format!("i{i}")).unwrap()
}

/// Mean `[n]` and covariance `[n x n]` in the order of i0, i1, ..
fn posterior(fitted: &Fitted) -> (Array1<f64>, Array2<f64>, f64) {
    let found = fitted.result::<NormalPosterior>().unwrap();
    let at: Vec<usize> = (0..fitted.n()).map(|i| place(fitted, i)).collect();
    let mean = at.iter().map(|&i| found.mean[i]).collect();
    let covariance = Array2::from_shape_fn((at.len(), at.len()), |(i, j)| found.covariance[[at[i], at[j]]]);
    (mean, covariance, found.log_evidence)
}

/// choix ends when no number of a comparison's term moves by more than 1e-4 in a pass: some 3e-6 in mean and covariance, found by
/// repeating it with other orders of the comparisons.
#[test]
fn posterior_as_in_choix() {
    for case in cases("ratings/choix.json") {
        let rows = table(&case["inputs"]["pairs_winner_loser"]);
        let rows: Vec<_> = rows.iter().map(|p| (p[0] as usize, p[1] as usize, "a")).collect();
        let data = comparisons(&rows);
        let published = &case["outputs"]["ep_pairwise logit alpha=1"];
        let off = |link: &str| {
            let (mean, covariance, _) = posterior(&fitted(&data, &json!({ "link": link })));
            let means = numbers(&published["mean"]);
            let means = means.iter().zip(&mean).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            let rows = table(&published["covariance"]);
            let entries = rows.iter().flatten().zip(&covariance).map(|(a, b)| (a - b).abs());
            (means, entries.fold(0.0, f64::max))
        };
        let (mixture, exact) = (off("logit-mixture"), off("logit"));
        println!(
            "off the published mean and covariance: mixture {:.1e} {:.1e}, integrals {:.1e} {:.1e}",
            mixture.0, mixture.1, exact.0, exact.1
        );
        assert!(mixture.0 < 3e-6 && mixture.1 < 3e-6, "{mixture:?}");
        // what their mixture of five normal laws is off the logistic law
        assert!(exact.0 < 6e-4 && exact.1 < 2e-4 && exact.0 > 1e-4, "{exact:?}");
    }
}

/// The same of other alphas and of probit.
#[test]
fn posterior_as_in_choix_for_other_priors_and_links() {
    for (case, more) in cases("ratings/choix.json").iter().zip(cases("ratings/choix_more.json")) {
        let rows = table(&case["inputs"]["pairs_winner_loser"]);
        let rows: Vec<_> = rows.iter().map(|p| (p[0] as usize, p[1] as usize, "a")).collect();
        let data = comparisons(&rows);
        let mut seen = 0;
        for (what, published) in more["outputs"].as_object().unwrap() {
            let Some(of) = what.strip_prefix("ep_pairwise ") else { continue };
            let (link, alpha) = of.split_once(" alpha=").unwrap();
            let link = if link == "logit" { "logit-mixture" } else { link };
            let options = json!({ "link": link, "alpha": alpha.parse::<f64>().unwrap() });
            let (mean, covariance, _) = posterior(&fitted(&data, &options));
            let means = numbers(&published["mean"]);
            let off = means.iter().zip(&mean).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            let rows = table(&published["covariance"]);
            let entries = rows.iter().flatten().zip(&covariance).map(|(a, b)| (a - b).abs());
            let spread = entries.fold(0.0, f64::max);
            println!("{what}: mean {off:.1e}, covariance {spread:.1e}");
            assert!(off < 1e-5 && spread < 1e-5, "{what}: {off} {spread}");
            seen += 1;
        }
        assert_eq!(seen, 3);
    }
}

/// With one comparison the posterior has the moments of the truth: of a probit win they are known.
#[test]
fn one_comparison_is_exact() {
    for alpha in [1e-3, 0.7, 40.0f64] {
        let (mean, covariance, evidence) =
            posterior(&fitted(&comparisons(&[(0, 1, "a")]), &json!({ "alpha": alpha, "link": "probit" })));
        let v = 2.0 / alpha;
        let slope = mills(0.0) / (1.0 + v).sqrt();
        close(mean[0] - mean[1], v * slope, 1e-10, "mean");
        let variance = covariance[[0, 0]] + covariance[[1, 1]] - 2.0 * covariance[[0, 1]];
        close(variance, v - v * v * slope * slope, 1e-10, "variance");
        close(evidence, 0.5f64.ln(), 1e-10, "evidence");
        close(covariance.sum(), v, 1e-10, "the level is that of the prior");
    }
}

/// Moments and evidence of the posterior of two or three items by sums over a grid of differences.
fn on_a_grid(n: usize, wins: &Array2<f64>, alpha: f64, f: impl Fn(f64) -> f64) -> (Vec<f64>, Vec<f64>, f64) {
    // x = (r_0 - r_1), y = (r_1 - r_2): the prior of the differences
    let (steps, reach) = (700, 12.0 / alpha.sqrt());
    let at = |k: usize| reach * (2.0 * k as f64 / steps as f64 - 1.0);
    let (mut total, mut first, mut second) = (0.0, vec![0.0; 2], vec![0.0; 2]);
    for a in 0..=steps {
        for b in 0..=(if n == 3 { steps } else { 0 }) {
            let (x, y) = (at(a), if n == 3 { at(b) } else { 0.0 });
            let strengths = [x + y, y, 0.0];
            let m = strengths[..n].iter().sum::<f64>() / n as f64;
            let square: f64 = strengths[..n].iter().map(|r| (r - m).powi(2)).sum();
            let mut log = -0.5 * alpha * square;
            for i in 0..n {
                for j in (0..n).filter(|&j| wins[[i, j]] > 0.0) {
                    log += wins[[i, j]] * f(strengths[i] - strengths[j]).ln();
                }
            }
            let weight = log.exp();
            total += weight;
            for (k, d) in [x, y].into_iter().enumerate() {
                first[k] += weight * d;
                second[k] += weight * d * d;
            }
        }
    }
    let mean: Vec<f64> = first.iter().map(|s| s / total).collect();
    let variance = second.iter().zip(&mean).map(|(s, m)| s / total - m * m).collect();
    // the density of n - 1 differences in the grid's unit
    let cell = (2.0 * reach / steps as f64).powi(n as i32 - 1);
    let density = (alpha / std::f64::consts::TAU).powf(0.5 * (n as f64 - 1.0)) / (n as f64).sqrt();
    (mean, variance, (total * cell * density).ln())
}

#[test]
fn posterior_and_evidence_are_near_the_integrals() {
    let mut worst = [0.0f64; 3];
    for (link, f) in [("logit", logistic as fn(f64) -> f64), ("probit", normal_cdf)] {
        for (n, table) in [
            (2, vec![(0, 1, 7.0), (1, 0, 2.0)]),
            (2, vec![(0, 1, 5.0)]),
            (3, vec![(0, 1, 3.0), (1, 2, 4.0), (2, 0, 2.0), (0, 2, 1.0)]),
            (3, vec![(0, 1, 2.0), (1, 2, 2.0)]),
        ] {
            for alpha in [0.3, 1.0, 4.0] {
                let mut wins = Array2::zeros((n, n));
                let mut rows = Vec::new();
                for &(i, j, times) in &table {
                    wins[[i, j]] = times;
                    rows.extend(std::iter::repeat_n((i, j, "a"), times as usize));
                }
                let (mean, covariance, evidence) =
                    posterior(&fitted(&comparisons(&rows), &json!({ "alpha": alpha, "link": link })));
                let (true_mean, true_variance, true_evidence) = on_a_grid(n, &wins, alpha, f);
                for k in 0..n - 1 {
                    let sd = true_variance[k].sqrt();
                    let variance =
                        covariance[[k, k]] + covariance[[k + 1, k + 1]] - 2.0 * covariance[[k, k + 1]];
                    worst[0] = worst[0].max((mean[k] - mean[k + 1] - true_mean[k]).abs() / sd);
                    worst[1] = worst[1].max((variance.sqrt() / sd - 1.0).abs());
                }
                worst[2] = worst[2].max((evidence - true_evidence).abs());
            }
        }
    }
    println!(
        "off the integrals at most: mean {:.1e} sd, sd {:.1e} of itself, log evidence {:.1e}",
        worst[0], worst[1], worst[2]
    );
    // the worst case is five wins of one side under a wide prior
    assert!(worst[0] < 0.013 && worst[1] < 0.13 && worst[2] < 0.065, "{worst:?}");
}

/// Term after term, each with one comparison, and the published update of mean and covariance after each: the same fixed point.
#[test]
fn one_term_after_the_other_ends_at_the_same_point() {
    let mut rng = stream(3, "ep", &[]);
    for (n, count, alpha) in [(4, 30, 1.0), (6, 80, 0.2), (5, 12, 3.0)] {
        let rows: Vec<(usize, usize, &str)> = (0..count)
            .map(|k| {
                let i = if k < n { k } else { sample::index(&mut rng, n) };
                (
                    i,
                    (i + 1 + sample::index(&mut rng, n - 1)) % n,
                    ["a", "b", "tie"][sample::index(&mut rng, 3)],
                )
            })
            .collect();
        let (mean, covariance, _) = posterior(&fitted(&comparisons(&rows), &json!({ "alpha": alpha })));
        let mut s = Array2::<f64>::eye(n) / alpha;
        let (mut tau, mut nu) = (vec![0.0; count], vec![0.0; count]);
        let mut shift = Array1::<f64>::zeros(n);
        for _ in 0..60 {
            for (k, &(i, j, outcome)) in rows.iter().enumerate() {
                let m = s.dot(&shift);
                let v = s[[i, i]] + s[[j, j]] - 2.0 * s[[i, j]];
                let without = 1.0 / (1.0 / v - tau[k]);
                let centre = without * ((m[i] - m[j]) / v - nu[k]);
                let (tilted_mean, tilted_variance) = tilted(outcome, centre, without);
                let (next_tau, next_nu) =
                    (1.0 / tilted_variance - 1.0 / without, tilted_mean / tilted_variance - centre / without);
                let (d_tau, d_nu) = (next_tau - tau[k], next_nu - nu[k]);
                let u = &s.column(i) - &s.column(j);
                let scale = d_tau / (1.0 + d_tau * v);
                s = Array2::from_shape_fn((n, n), |(a, b)| s[[a, b]] - scale * u[a] * u[b]);
                shift[i] += d_nu;
                shift[j] -= d_nu;
                (tau[k], nu[k]) = (next_tau, next_nu);
            }
        }
        let m = s.dot(&shift);
        (0..n).for_each(|i| close(mean[i], m[i], 1e-9, "mean"));
        s.iter().zip(&covariance).for_each(|(a, b)| close(*b, *a, 1e-9, "covariance"));
    }
}

/// Mean and variance of a normal law times a logistic factor, by a sum over a fine grid.
fn tilted(outcome: &str, m: f64, v: f64) -> (f64, f64) {
    let (nodes, sd) = (4000, v.sqrt());
    let d = |k: i32| m + 14.0 * sd * (f64::from(k) / f64::from(nodes));
    let factor = |d: f64| match outcome {
        "a" => logistic(d),
        "b" => logistic(-d),
        _ => (logistic(d) * logistic(-d)).sqrt(),
    };
    let weight = |k: i32| (-0.5 * (d(k) - m).powi(2) / v).exp() * factor(d(k));
    let total: f64 = (-nodes..=nodes).map(weight).sum();
    let mean = (-nodes..=nodes).map(|k| weight(k) * d(k)).sum::<f64>() / total;
    (mean, (-nodes..=nodes).map(|k| weight(k) * (d(k) - mean).powi(2)).sum::<f64>() / total)
}

/// With many comparisons the posterior is the mode with the inverse Hessian (Laplace): the ridge of weight alpha / 2.
#[test]
fn of_many_comparisons_it_is_the_posterior_mode() {
    let ridge = model("ridge-bradley-terry").unwrap();
    let mut last = f64::INFINITY;
    for times in [100.0, 10_000.0, 1_000_000.0] {
        let share =
            [[0.0, 0.7, 0.4, 0.8], [0.3, 0.0, 0.75, 0.6], [0.6, 0.25, 0.0, 0.5], [0.2, 0.4, 0.5, 0.0]];
        let wins = Array2::from_shape_fn((4, 4), |(i, j)| times * share[i][j]);
        let data = Comparisons::from_tables(&wins, &Array2::zeros((4, 4)));
        let ep = fitted(&data, &json!({ "alpha": 0.5 }));
        let mode = ridge.fit(&data.into(), &json!({ "alpha": 0.25 })).unwrap();
        let (a, b) = (ep.log_strength.as_ref().unwrap(), mode.log_strength.as_ref().unwrap());
        let off = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(off < 0.3 / times && off < last, "{times}: {off}");
        let (a, b) = (ep.standard_error.as_ref().unwrap(), mode.standard_error.as_ref().unwrap());
        a.iter().zip(b).for_each(|(a, b)| close(*a, *b, 1.0 / times, "deviation"));
        last = off;
    }
}

/// The prior makes the posterior proper: data without a maximum have one, and it is said that the prior alone bounds it.
#[test]
fn data_without_a_maximum_have_a_posterior() {
    for (alpha, times) in [(1.0, 1), (1e-4, 1), (1.0, 100_000), (1e4, 100_000)] {
        for link in ["logit", "probit"] {
            let wins = Array2::from_shape_fn((3, 3), |(i, j)| if i < j { f64::from(times) } else { 0.0 });
            let found = fitted(
                &Comparisons::from_tables(&wins, &Array2::zeros((3, 3))),
                &json!({ "alpha": alpha, "link": link }),
            );
            assert!(matches!(found.existence, Existence::Separated { .. }) && found.prior);
            let r = found.log_strength.as_ref().unwrap();
            assert!(
                r[0] > r[1] && r[1] > r[2] && r.sum().abs() < 1e-9 * r[0].max(1.0),
                "{alpha} {times} {link}: {r}"
            );
            let p = found.probability()[[0, 2]].unwrap();
            assert!(p > 0.5 && p <= 1.0, "{alpha} {times} {link}: {p}");
        }
    }
    // items that never met: each island by itself, and nothing is said across
    let found = fitted(&comparisons(&[(0, 1, "a"), (2, 3, "b"), (2, 3, "b")]), &Value::Null);
    let one = fitted(&comparisons(&[(0, 1, "a")]), &Value::Null);
    let (mean, covariance, evidence) = posterior(&found);
    let (alone, of_two, evidence_alone) = posterior(&one);
    close(mean[0], alone[0], 1e-12, "an island is as if alone");
    close(covariance[[0, 1]], of_two[[0, 1]], 1e-12, "an island is as if alone");
    assert!(covariance[[0, 2]] == 0.0 && evidence < evidence_alone);
    assert_eq!(found.probability()[[place(&found, 0), place(&found, 2)]], None);
    assert!(found.probability()[[place(&found, 3), place(&found, 2)]].unwrap() > 0.5);
}

/// Ties, copies and weights: what is the same gives the same.
#[test]
fn a_weight_is_that_many_comparisons() {
    let mut rows = vec![(0, 1, "a"), (0, 1, "tie"), (1, 2, "b")];
    let once = fitted(&comparisons(&rows), &Value::Null);
    rows.extend(rows.clone());
    let twice = fitted(&comparisons(&rows), &Value::Null);
    let text = "item_a,item_b,outcome,weight\ni0,i1,a,2\ni0,i1,tie,2\ni1,i2,b,2\n";
    let weighted = parse_comparisons("d.csv".as_ref(), text.as_bytes(), &Selection::default()).unwrap();
    let weighted = fitted(&weighted, &Value::Null);
    assert_eq!(posterior(&twice).0, posterior(&weighted).0);
    assert!(posterior(&once).0[0] < posterior(&twice).0[0]);
    // half a win is half of its logarithm: between none and one
    let text = "item_a,item_b,outcome,weight\ni0,i1,a,0.5\n";
    let half = parse_comparisons("d.csv".as_ref(), text.as_bytes(), &Selection::default()).unwrap();
    let half = posterior(&fitted(&half, &Value::Null)).0[0];
    let whole = posterior(&fitted(&comparisons(&[(0, 1, "a")]), &Value::Null)).0[0];
    assert!(half > 0.4 * whole && half < 0.6 * whole, "{half} {whole}");
}

#[test]
fn options_are_checked_and_features_refused() {
    let data = comparisons(&[(0, 1, "a")]);
    for (options, said) in [
        (json!({ "alpha": 0.0 }), "alpha"),
        (json!({ "alpha": "x" }), "alpha"),
        (json!({ "link": "cloglog" }), "link"),
        (json!({ "beta": 1 }), "beta"),
    ] {
        let error = model("ep").unwrap().fit(&data.clone().into(), &options).unwrap_err().to_string();
        assert!(error.contains(said), "{options}: {error}");
    }
}
