//! Expectation propagation, term after term.

use equipoise_core::logistic::logistic;
use equipoise_core::seed::stream;
use equipoise_models::NormalPosterior;
use ndarray::{Array1, Array2};
use serde_json::json;

use crate::sets::*;

/// One term a comparison, and the published update of mean and covariance after each: the same fixed point.
pub(crate) fn ep(sets: &mut Sets) {
    for (set, alpha) in [(0, 1.0), (1, 0.2), (2, 3.0)] {
        let rows = judgements(set > 0, &mut stream(set, "second way ep", &[]));
        let rows: Vec<Row> = rows.into_iter().step_by(5).collect();
        let found = sets.fit(&counted(&rows), &json!({ "alpha": alpha }));
        let n = ITEMS;
        let mut s = Array2::<f64>::eye(n) / alpha;
        let (mut tau, mut nu) = (vec![0.0; rows.len()], vec![0.0; rows.len()]);
        let mut shift = Array1::<f64>::zeros(n);
        for _ in 0..40 {
            for (k, &Row { i, j, score, .. }) in rows.iter().enumerate() {
                let m = s.dot(&shift);
                let v = s[[i, i]] + s[[j, j]] - 2.0 * s[[i, j]];
                let without = 1.0 / (1.0 / v - tau[k]);
                let centre = without * ((m[i] - m[j]) / v - nu[k]);
                let (mean, variance) = tilted(score, centre, without);
                let (next_tau, next_nu) =
                    (1.0 / variance - 1.0 / without, mean / variance - centre / without);
                let (d_tau, d_nu) = (next_tau - tau[k], next_nu - nu[k]);
                let u = &s.column(i) - &s.column(j);
                let scale = d_tau / (1.0 + d_tau * v);
                s = Array2::from_shape_fn((n, n), |(a, b)| s[[a, b]] - scale * u[a] * u[b]);
                shift[i] += d_nu;
                shift[j] -= d_nu;
                (tau[k], nu[k]) = (next_tau, next_nu);
            }
        }
        let posterior = found.result::<NormalPosterior>().unwrap();
        let at: Vec<usize> = (0..n).map(|i| place(&found, i)).collect();
        let mean: Vec<f64> = at.iter().map(|&i| posterior.mean[i]).collect();
        sets.same("mean", &mean, &s.dot(&shift).to_vec(), 1e-8);
        let covariance: Vec<f64> = at
            .iter()
            .flat_map(|&i| at.iter().map(move |&j| (i, j)))
            .map(|at| posterior.covariance[at])
            .collect();
        sets.same("covariance", &covariance, s.as_standard_layout().as_slice().unwrap(), 1e-8);
    }
}

/// Mean and variance of a normal law times a logistic factor, by a sum over a fine grid.
fn tilted(score: f64, m: f64, v: f64) -> (f64, f64) {
    let (nodes, sd) = (600, v.sqrt());
    let d = |k: i32| m + 14.0 * sd * (f64::from(k) / f64::from(nodes));
    let factor = |d: f64| logistic(d).powf(score) * logistic(-d).powf(1.0 - score);
    let (mut total, mut first, mut second) = (0.0, 0.0, 0.0);
    for k in -nodes..=nodes {
        let weight = (-0.5 * (d(k) - m).powi(2) / v).exp() * factor(d(k));
        total += weight;
        first += weight * (d(k) - m);
        second += weight * (d(k) - m).powi(2);
    }
    let off = first / total;
    (m + off, second / total - off * off)
}
