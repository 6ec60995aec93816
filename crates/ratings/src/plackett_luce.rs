//! Plackett-Luce: rankings as repeated choices of the best of what is left.
//!
//! ```text
//! log Pr(i_1 > i_2 > ... > i_k) = sum_m  r_{i_m} - log sum_{l >= m} e^{r_{i_l}}
//! ```
//!
//! Luce 1959, Plackett 1975; with rankings of two it is Bradley-Terry. The alternative, [`crate::fit()`] on all pairs of each
//! ranking ("split"), treats them as independent comparisons: consistent, but with errors that are too small. Newton's
//! method; a maximum exists iff "was ranked above" is strongly connected (Hunter 2004); else the logistic prior is added,
//! and said. Cost: O(sum k^2 + n^3) a step.

use equipoise_data::Rankings;
use faer::linalg::solvers::{DenseSolveCore as _, Solve as _};
use faer::{Mat, Side};
use ndarray::{Array1, Array2};

use crate::fit::{FitError, MAX_ITEMS, log_sigmoid};
use crate::graph::strong_blocks;

/// A fitted Plackett-Luce model.
#[derive(Clone, Debug)]
pub struct PlackettLuce {
    /// Log strengths, mean 0, `[n]`.
    pub log_strength: Array1<f64>,
    /// Their covariance by the Hessian, `[n x n]`.
    pub covariance: Array2<f64>,
    /// Log-likelihood, in nats, without the prior.
    pub log_likelihood: f64,
    /// Whether a finite maximum exists.
    pub exists: bool,
    /// Whether the logistic prior was used.
    pub prior: bool,
    /// Whether Newton's method met its tolerance.
    pub converged: bool,
    /// Newton steps done.
    pub iterations: u32,
}

/// Fits all rankings, each in full.
///
/// # Errors
/// [`FitError::TiedRanking`] if items are tied, [`FitError::TooMany`], [`FitError::Nothing`].
pub fn plackett_luce(data: &Rankings) -> Result<PlackettLuce, FitError> {
    let n = data.labels.len();
    if n > MAX_ITEMS {
        return Err(FitError::TooMany { items: n });
    }
    let mut orders: Vec<(Vec<usize>, f64)> = Vec::new();
    for (k, ranking) in data.rankings.iter().enumerate() {
        if ranking.groups.iter().any(|g| g.len() > 1) {
            return Err(FitError::TiedRanking { ranking: k + 1 });
        }
        let order: Vec<usize> = ranking.groups.iter().flatten().map(|&i| i as usize).collect();
        if order.len() > 1 && ranking.weight > 0.0 {
            orders.push((order, ranking.weight));
        }
    }
    if orders.is_empty() {
        return Err(FitError::Nothing);
    }
    let mut below = vec![Vec::new(); n];
    for (order, _) in &orders {
        // neighbours are enough: the rest follows along the order
        order.windows(2).for_each(|w| below[w[1]].push(w[0]));
    }
    let exists = strong_blocks(&below).len() == 1;
    let prior = !exists;
    let mut r = Array1::<f64>::zeros(n);
    let (mut value, _, _) = evaluate(&orders, &r, prior);
    let (mut iterations, mut converged) = (0, false);
    let lift = |h: &Array2<f64>| if prior { 0.0 } else { h.diag().sum() / n as f64 };
    let matrix = |h: &Array2<f64>, lift: f64| Mat::from_fn(n, n, |i, j| h[[i, j]] + lift / n as f64);
    while !converged && iterations < 200 {
        iterations += 1;
        let (_, g, h) = evaluate(&orders, &r, prior);
        let llt = matrix(&h, lift(&h)).llt(Side::Lower).map_err(|_| FitError::Singular)?;
        let rhs = Mat::from_fn(n, 1, |i, _| g[i]);
        let solution = llt.solve(&rhs);
        let step = Array1::from_shape_fn(n, |i| solution[(i, 0)]);
        let size = step.iter().fold(0.0f64, |m, s| m.max(s.abs()));
        converged = size <= 1e-9;
        let (mut length, slope) = ((10.0 / size).min(1.0), g.dot(&step));
        loop {
            let next = &r + &(&step * length);
            let reached = evaluate(&orders, &next, prior).0;
            if converged || reached >= value + 1e-4 * length * slope - 1e-13 * value.abs() {
                (r, value) = (next, reached);
                break;
            }
            length *= 0.5;
        }
    }
    let (with_prior, _, h) = evaluate(&orders, &r, prior);
    let weight = lift(&h);
    let inverse = matrix(&h, weight).llt(Side::Lower).map_err(|_| FitError::Singular)?.inverse();
    let ones = if weight > 0.0 { 1.0 / (weight * n as f64) } else { 0.0 };
    let covariance = Array2::from_shape_fn((n, n), |(i, j)| inverse[(i, j)] - ones);
    let penalty: f64 = if prior { r.iter().map(|&x| log_sigmoid(x) + log_sigmoid(-x)).sum() } else { 0.0 };
    let mean = r.mean().expect("there are items");
    Ok(PlackettLuce {
        log_strength: r - mean,
        covariance,
        log_likelihood: with_prior - penalty,
        exists,
        prior,
        converged,
        iterations,
    })
}

/// Objective, gradient and negative Hessian.
fn evaluate(orders: &[(Vec<usize>, f64)], r: &Array1<f64>, prior: bool) -> (f64, Array1<f64>, Array2<f64>) {
    let n = r.len();
    let (mut value, mut g, mut h) = (0.0, Array1::zeros(n), Array2::zeros((n, n)));
    for (order, weight) in orders {
        let top = order.iter().map(|&i| r[i]).fold(f64::NEG_INFINITY, f64::max);
        let e: Vec<f64> = order.iter().map(|&i| (r[i] - top).exp()).collect();
        // sums over what is left at each stage
        let mut left = e.clone();
        (0..e.len() - 1).rev().for_each(|m| left[m] += left[m + 1]);
        // cumulative 1 / S_m and 1 / S_m^2 over the stages an item takes part in
        let (mut once, mut twice) = (0.0, 0.0);
        for m in 0..order.len() {
            if m + 1 < order.len() {
                value += weight * (r[order[m]] - top - left[m].ln());
                g[order[m]] += weight;
                once += left[m].recip();
                twice += left[m].powi(2).recip();
            }
            g[order[m]] -= weight * e[m] * once;
            h[[order[m], order[m]]] += weight * e[m] * (once - e[m] * twice);
            // later items share exactly the stages of m
            for l in m + 1..order.len() {
                let cross = weight * e[m] * e[l] * twice;
                h[[order[m], order[l]]] -= cross;
                h[[order[l], order[m]]] -= cross;
            }
        }
    }
    if prior {
        for i in 0..n {
            let p = 1.0 / (1.0 + (-r[i]).exp());
            value += log_sigmoid(r[i]) + log_sigmoid(-r[i]);
            g[i] += 1.0 - 2.0 * p;
            h[[i, i]] += 2.0 * p * (1.0 - p);
        }
    }
    (value, g, h)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Model, Options, fit};
    use equipoise_data::{Selection, parse_comparisons, parse_rankings};
    use std::path::Path;

    fn rankings(text: &str) -> Rankings {
        parse_rankings(Path::new("r.csv"), text.as_bytes(), &Selection::default()).unwrap()
    }

    const RACES: &str =
        "ranking,weight\na > b > c > d,3\nb > a > d,2\nd > c > a > b,1\nc > d,2\nb > c,1\nd > a,1\n";

    #[test]
    fn derivatives_are_those_of_finite_differences() {
        let data = rankings(RACES);
        let orders: Vec<(Vec<usize>, f64)> = data
            .rankings
            .iter()
            .map(|r| (r.groups.iter().flatten().map(|&i| i as usize).collect(), r.weight))
            .collect();
        let r = ndarray::arr1(&[0.3, -0.2, 0.8, -0.9]);
        for prior in [false, true] {
            let (_, g, h) = evaluate(&orders, &r, prior);
            for k in 0..4 {
                let moved = |s: f64| {
                    let mut x = r.clone();
                    x[k] += s;
                    evaluate(&orders, &x, prior)
                };
                let (up, down) = (moved(1e-5), moved(-1e-5));
                assert!(((up.0 - down.0) / 2e-5 - g[k]).abs() < 1e-8);
                for l in 0..4 {
                    assert!(((up.1[l] - down.1[l]) / 2e-5 + h[[k, l]]).abs() < 1e-8);
                }
            }
        }
    }

    #[test]
    fn rankings_of_two_are_bradley_terry() {
        let text = "ranking,weight\na > b,5\nb > a,2\nb > c,4\nc > b,1\nc > a,3\na > c,2\n";
        let pl = plackett_luce(&rankings(text)).unwrap();
        let pairs = parse_comparisons(Path::new("r.csv"), text.as_bytes(), &Selection::default()).unwrap();
        let bt = fit(&pairs, Model::BradleyTerry, Options::default()).unwrap();
        assert!(pl.exists && pl.converged);
        assert!((&pl.log_strength - &bt.log_strength).iter().all(|d| d.abs() < 1e-12));
        assert!((&pl.covariance - &bt.covariance).iter().all(|d| d.abs() < 1e-12));
        assert!((pl.log_likelihood - bt.log_likelihood).abs() < 1e-11);
    }

    #[test]
    fn the_maximum_satisfies_hunters_fixed_point() {
        let data = rankings(RACES);
        let pl = plackett_luce(&data).unwrap();
        assert!(pl.exists && pl.converged);
        // MM (Hunter 2004): wins_i / s_i = sum over the stages with i of 1 / sum of what is left
        let s = pl.log_strength.mapv(f64::exp);
        for i in 0..4 {
            let (mut wins, mut stages) = (0.0, 0.0);
            for r in &data.rankings {
                let order: Vec<usize> = r.groups.iter().flatten().map(|&i| i as usize).collect();
                let at = order.iter().position(|&j| j == i);
                for m in 0..order.len() - 1 {
                    wins += if order[m] == i { r.weight } else { 0.0 };
                    let sum: f64 = order[m..].iter().map(|&j| s[j]).sum();
                    stages += if at.is_some_and(|a| a >= m) { r.weight / sum } else { 0.0 };
                }
            }
            assert!((wins / s[i] - stages).abs() < 1e-11, "{i}");
        }
        assert_eq!(
            plackett_luce(&rankings("ranking\na > b\nb = a > c\n")).unwrap_err(),
            FitError::TiedRanking { ranking: 2 }
        );
        let alone = plackett_luce(&rankings("ranking\na > b > c\n")).unwrap();
        assert!(!alone.exists && alone.prior && alone.converged);
    }
}
