//! Plackett-Luce: rankings as repeated choices of the best of what is left.
//!
//! ```text
//! log Pr(i_1 > i_2 > ... > i_k) = sum_m  r_{i_m} - log sum_{l >= m} e^{r_{i_l}}
//! ```
//!
//! Luce 1959, Plackett 1975; with rankings of two it is Bradley-Terry. The alternative, "split", fits Bradley-Terry to all
//! pairs of each ranking as if they were independent comparisons: consistent, but less efficient (arXiv:2301.11270), and
//! with Hessian errors that are too small; its sandwich is taken over whole rankings, so that it is not. Newton's method; a
//! maximum exists iff "was ranked above (or tied)" is strongly connected (Hunter 2004); else the logistic prior is added,
//! and said. Cost: O(sum k^2 + n^3) a step.

use equipoise_core::graph::strong_components;
use equipoise_core::logistic::{log_sigmoid, logistic};
use equipoise_data::Rankings;
use ndarray::{Array1, Array2};

use crate::fit::{FitError, MAX_ITEMS};
use crate::newton::{add_logistic_prior, centred, newton};

/// A fitted Plackett-Luce model.
#[derive(Clone, Debug)]
pub struct PlackettLuce {
    /// Log strengths, mean 0, `[n]`.
    pub log_strength: Array1<f64>,
    /// Their covariance by the Hessian, `[n x n]`; of the split fit too small, see the module head.
    pub covariance: Array2<f64>,
    /// Their covariance by the sandwich over whole rankings, `[n x n]`: right for either.
    pub sandwich: Array2<f64>,
    /// Log-likelihood (split: of all pairs as if independent), in nats, without the prior.
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
    for (k, ranking) in data.rankings.iter().enumerate() {
        if ranking.groups.iter().any(|g| g.len() > 1) {
            return Err(FitError::TiedRanking { ranking: k + 1 });
        }
    }
    fit_rankings(data, full)
}

/// Fits all pairs of each ranking as if they were independent comparisons; ties count half to each side.
///
/// # Errors
/// [`FitError::TooMany`], [`FitError::Nothing`].
pub fn plackett_luce_split(data: &Rankings) -> Result<PlackettLuce, FitError> {
    fit_rankings(data, split)
}

/// Groups of tied items, best first.
type Order = Vec<Vec<usize>>;
/// Log-likelihood of one ranking; adds weight times its slope and negative curvature.
type Likelihood = fn(&Order, &Array1<f64>, f64, &mut Array1<f64>, &mut Array2<f64>) -> f64;

fn fit_rankings(data: &Rankings, likelihood: Likelihood) -> Result<PlackettLuce, FitError> {
    let n = data.labels.len();
    if n > MAX_ITEMS {
        return Err(FitError::TooMany { items: n });
    }
    let mut orders: Vec<(Order, f64)> = Vec::new();
    for ranking in data.rankings.iter().filter(|r| r.weight > 0.0) {
        let order: Order = ranking.groups.iter().map(|g| g.iter().map(|&i| i as usize).collect()).collect();
        if order.iter().map(Vec::len).sum::<usize>() > 1 {
            orders.push((order, ranking.weight));
        }
    }
    if orders.is_empty() {
        return Err(FitError::Nothing);
    }
    let mut below = vec![Vec::new(); n];
    for (order, _) in &orders {
        // neighbours are enough: the rest follows along the order
        for (&a, &b) in
            order.windows(2).flat_map(|w| w[0].iter().flat_map(|a| w[1].iter().map(move |b| (a, b))))
        {
            below[b].push(a);
        }
        for group in order {
            group.windows(2).for_each(|w| {
                below[w[0]].push(w[1]);
                below[w[1]].push(w[0]);
            });
        }
    }
    let exists = strong_components(&below).len() == 1;
    let prior = !exists;
    let objective = |r: &Array1<f64>| evaluate(&orders, r, prior, likelihood);
    let flat = if prior { Vec::new() } else { vec![Array1::ones(n)] };
    let optimum = newton(Array1::zeros(n), &flat, |r| objective(r).0, objective)?;
    let r = optimum.point;
    let mut meat = Array2::<f64>::zeros((n, n));
    for (order, weight) in &orders {
        let (mut slope, mut unused) = (Array1::zeros(n), Array2::zeros((n, n)));
        likelihood(order, &r, 1.0, &mut slope, &mut unused);
        let items: Vec<usize> = order.iter().flatten().copied().collect();
        for &a in &items {
            items.iter().for_each(|&b| meat[[a, b]] += weight * slope[a] * slope[b]);
        }
    }
    let penalty: f64 = if prior { r.iter().map(|&x| log_sigmoid(x) + log_sigmoid(-x)).sum() } else { 0.0 };
    let mean = r.mean().expect("there are items");
    let log_likelihood = objective(&r).0 - penalty;
    Ok(PlackettLuce {
        log_strength: &r - mean,
        sandwich: centred(&optimum.inverse.dot(&meat).dot(&optimum.inverse)),
        covariance: centred(&optimum.inverse),
        log_likelihood,
        exists,
        prior,
        converged: optimum.converged,
        iterations: optimum.iterations,
    })
}

/// Objective, gradient and negative Hessian.
fn evaluate(
    orders: &[(Order, f64)],
    r: &Array1<f64>,
    prior: bool,
    likelihood: Likelihood,
) -> (f64, Array1<f64>, Array2<f64>) {
    let n = r.len();
    let (mut value, mut g, mut h) = (0.0, Array1::zeros(n), Array2::zeros((n, n)));
    for (order, weight) in orders {
        value += weight * likelihood(order, r, *weight, &mut g, &mut h);
    }
    if prior {
        value += add_logistic_prior(r, &mut g, &mut h);
    }
    (value, g, h)
}

fn full(order: &Order, r: &Array1<f64>, weight: f64, g: &mut Array1<f64>, h: &mut Array2<f64>) -> f64 {
    let order: Vec<usize> = order.iter().map(|g| g[0]).collect();
    let top = order.iter().map(|&i| r[i]).fold(f64::NEG_INFINITY, f64::max);
    let e: Vec<f64> = order.iter().map(|&i| (r[i] - top).exp()).collect();
    // sums over what is left at each stage
    let mut left = e.clone();
    (0..e.len() - 1).rev().for_each(|m| left[m] += left[m + 1]);
    // cumulative 1 / S_m and 1 / S_m^2 over the stages an item takes part in
    let (mut value, mut once, mut twice) = (0.0, 0.0, 0.0);
    for m in 0..order.len() {
        if m + 1 < order.len() {
            value += r[order[m]] - top - left[m].ln();
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
    value
}

fn split(order: &Order, r: &Array1<f64>, weight: f64, g: &mut Array1<f64>, h: &mut Array2<f64>) -> f64 {
    let mut value = 0.0;
    // wins of a over b: 1, or 1/2 if tied
    let mut pair = |a: usize, b: usize, wins: f64| {
        let d = r[a] - r[b];
        let p = logistic(d);
        value += wins * log_sigmoid(d) + (1.0 - wins) * log_sigmoid(-d);
        let (slope, curvature) = (weight * (wins - p), weight * p * (1.0 - p));
        g[a] += slope;
        g[b] -= slope;
        h[[a, a]] += curvature;
        h[[b, b]] += curvature;
        h[[a, b]] -= curvature;
        h[[b, a]] -= curvature;
    };
    for (k, group) in order.iter().enumerate() {
        for (m, &a) in group.iter().enumerate() {
            group[m + 1..].iter().for_each(|&b| pair(a, b, 0.5));
            order[k + 1..].iter().flatten().for_each(|&b| pair(a, b, 1.0));
        }
    }
    value
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
        let orders: Vec<(Order, f64)> = data
            .rankings
            .iter()
            .map(|r| (r.groups.iter().map(|g| g.iter().map(|&i| i as usize).collect()).collect(), r.weight))
            .collect();
        let r = ndarray::arr1(&[0.3, -0.2, 0.8, -0.9]);
        for (prior, likelihood) in [(false, full as Likelihood), (true, full), (false, split), (true, split)]
        {
            let (_, g, h) = evaluate(&orders, &r, prior, likelihood);
            for k in 0..4 {
                let moved = |s: f64| {
                    let mut x = r.clone();
                    x[k] += s;
                    evaluate(&orders, &x, prior, likelihood)
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
        assert!((&pl.sandwich - &bt.sandwich).iter().all(|d| d.abs() < 1e-12));
        // K = 2: splitting changes nothing
        let split = plackett_luce_split(&rankings(text)).unwrap();
        assert!((&pl.log_strength - &split.log_strength).iter().all(|d| d.abs() < 1e-12));
        assert!((&pl.sandwich - &split.sandwich).iter().all(|d| d.abs() < 1e-12));
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

    #[test]
    fn the_split_fit_is_bradley_terry_on_all_pairs_and_its_sandwich_is_the_spread() {
        let pairs = parse_comparisons(Path::new("r.csv"), RACES.as_bytes(), &Selection::default()).unwrap();
        let bt = fit(&pairs, Model::BradleyTerry, Options::default()).unwrap();
        let split = plackett_luce_split(&rankings(RACES)).unwrap();
        assert!((&split.log_strength - &bt.log_strength).iter().all(|d| d.abs() < 1e-11));
        assert!((&split.covariance - &bt.covariance).iter().all(|d| d.abs() < 1e-11));
        // 300 sets of 150 rankings of five: the errors are the spread of the estimates; the Hessian's are too small
        let truth = [0.8f64, 0.4, 0.0, -0.4, -0.8];
        let mut rng = equipoise_core::seed::stream(9, "rankings", &[]);
        const SETS: usize = 300;
        let (mut spread, mut hessian, mut robust, mut whole) = (0.0, 0.0, 0.0, 0.0);
        for _ in 0..SETS {
            let mut text = String::from("ranking\n");
            for _ in 0..150 {
                // largest of strength plus Gumbel noise first: Plackett-Luce
                let mut scored: Vec<(f64, usize)> = (0..5)
                    .map(|i| (truth[i] - (-equipoise_core::sample::uniform(&mut rng).ln()).ln(), i))
                    .collect();
                scored.sort_by(|a, b| b.0.total_cmp(&a.0));
                let names: Vec<String> = scored.iter().map(|(_, i)| i.to_string()).collect();
                text += &(names.join(" > ") + "\n");
            }
            let data = rankings(&text);
            let (split, full) = (plackett_luce_split(&data).unwrap(), plackett_luce(&data).unwrap());
            let at = |label: &str| data.labels.iter().position(|l| l == label).unwrap();
            let k = at("0");
            spread += (split.log_strength[k] - truth[0]).powi(2) / SETS as f64;
            hessian += split.covariance[[k, k]] / SETS as f64;
            robust += split.sandwich[[k, k]] / SETS as f64;
            whole += full.covariance[[k, k]] / SETS as f64;
        }
        // the variance of 300 draws errs by 8 percent
        assert!((robust / spread - 1.0).abs() < 0.25, "{robust} {spread}");
        assert!(hessian < 0.75 * robust, "{hessian} {robust}");
        assert!(whole < robust, "the full likelihood is the more efficient: {whole} {robust}");
    }
}
