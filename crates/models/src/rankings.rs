//! Strengths from rankings, for any likelihood of one ranking that is concave in them.
//!
//! Newton's method; a maximum exists iff "was ranked above (or tied)" is strongly connected (Hunter 2004); else the logistic
//! prior is added, and said. The sandwich is taken over whole rankings, so that it holds also where the likelihood treats
//! the pairs of a ranking as independent; rankings in fractions are not counts, and have no errors. Cost: O(sum k^2 + n^3) a step.

use equipoise_core::graph::strong_components;
use equipoise_core::logistic::{log_sigmoid, logistic};
use equipoise_data::Rankings;
use ndarray::{Array1, Array2};
use serde_json::{Map, Value, json};

use crate::error::{FitError, MAX_ITEMS};
use crate::fitted::{Convergence, Existence, Fitted, Iteration, ModelResult};
use crate::newton::{Told, add_logistic_prior, centred, newton};
use crate::penalty::Penalty;
use crate::registry::Watch;

/// Strengths fitted to rankings.
#[derive(Clone, Debug)]
pub struct RankingFit {
    /// Log strengths, mean 0, `[n]`.
    pub log_strength: Array1<f64>,
    /// Their covariance by the Hessian, `[n x n]`; too small if pairs are taken as independent.
    pub covariance: Array2<f64>,
    /// Their covariance by the sandwich over whole rankings, `[n x n]`: right for either.
    pub sandwich: Array2<f64>,
    /// Log-likelihood, in nats, without the prior.
    pub log_likelihood: f64,
    /// Why nothing is known of the noise of the data, so that there are no errors, if nothing is.
    pub no_noise: Option<&'static str>,
    /// Whether a finite maximum exists.
    pub existence: Existence,
    /// Whether a prior was used: the logistic one, or a penalty.
    pub prior: bool,
    /// The penalty that was asked for.
    pub penalty: Option<Penalty>,
    /// Whether Newton's method met its tolerance.
    pub converged: bool,
    /// Newton steps done.
    pub iterations: u32,
}

/// Groups of tied items, best first.
pub(crate) type Order = Vec<Vec<usize>>;
/// Log-likelihood of one ranking; adds weight times its slope and negative curvature.
pub(crate) type Likelihood = fn(&Order, &Array1<f64>, f64, &mut Array1<f64>, &mut Array2<f64>) -> f64;

/// What strengths are drawn to beside the data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Shrink {
    /// Nothing.
    Nothing,
    /// The logistic prior.
    Logistic,
    /// A penalty of that weight.
    Penalty(Penalty, f64),
}

impl Shrink {
    fn value(self, r: &Array1<f64>) -> f64 {
        match self {
            Self::Nothing => 0.0,
            Self::Logistic => r.iter().map(|&x| log_sigmoid(x) + log_sigmoid(-x)).sum(),
            Self::Penalty(penalty, alpha) => penalty.value(alpha, r),
        }
    }
}

/// What a fit to rankings is asked for.
#[derive(Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) likelihood: Likelihood,
    /// Whether items of a group are tied; else nothing is known of their order.
    pub(crate) tied: bool,
    /// A penalty that is on whether a maximum exists without it or not.
    pub(crate) penalty: Option<(Penalty, f64)>,
}

/// The rankings of two items or more that weigh something.
///
/// # Errors
/// [`FitError::TooMany`], [`FitError::Nothing`].
pub(crate) fn orders(data: &Rankings) -> Result<Vec<(Order, f64)>, FitError> {
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
    if orders.is_empty() { Err(FitError::Nothing) } else { Ok(orders) }
}

fn fit_rankings(
    n: usize,
    orders: &[(Order, f64)],
    asked: Asked,
    watch: Watch<'_>,
) -> Result<RankingFit, FitError> {
    let Asked { likelihood, tied, penalty } = asked;
    let mut below = vec![Vec::new(); n];
    for (order, _) in orders {
        // neighbours are enough: the rest follows along the order
        for (&a, &b) in
            order.windows(2).flat_map(|w| w[0].iter().flat_map(|a| w[1].iter().map(move |b| (a, b))))
        {
            below[b].push(a);
        }
        for group in order.iter().filter(|_| tied) {
            group.windows(2).for_each(|w| {
                below[w[0]].push(w[1]);
                below[w[1]].push(w[0]);
            });
        }
    }
    let blocks = strong_components(&below);
    let existence = if blocks.len() == 1 { Existence::Finite } else { Existence::Separated { blocks } };
    let shrink = match penalty {
        Some((penalty, alpha)) => Shrink::Penalty(penalty, alpha),
        None if existence.holds() => Shrink::Nothing,
        None => Shrink::Logistic,
    };
    let prior = shrink != Shrink::Nothing;
    let objective = |r: &Array1<f64>| evaluate(orders, r, shrink, likelihood);
    let flat = if prior { Vec::new() } else { vec![Array1::ones(n)] };
    let optimum = newton(Array1::zeros(n), &flat, |r| objective(r).0, Told::to(watch).of(objective))?;
    let r = optimum.point;
    let mut meat = Array2::<f64>::zeros((n, n));
    for (order, weight) in orders {
        let (mut slope, mut unused) = (Array1::zeros(n), Array2::zeros((n, n)));
        likelihood(order, &r, 1.0, &mut slope, &mut unused);
        let items: Vec<usize> = order.iter().flatten().copied().collect();
        for &a in &items {
            items.iter().for_each(|&b| meat[[a, b]] += weight * slope[a] * slope[b]);
        }
    }
    let mean = r.mean().expect("there are items");
    let log_likelihood = objective(&r).0 - shrink.value(&r);
    Ok(RankingFit {
        log_strength: &r - mean,
        sandwich: centred(&optimum.inverse.dot(&meat).dot(&optimum.inverse)),
        covariance: centred(&optimum.inverse),
        log_likelihood,
        no_noise: fractions(orders.iter().map(|(_, weight)| *weight)),
        existence,
        prior,
        penalty: penalty.map(|(penalty, _)| penalty),
        converged: optimum.converged,
        iterations: optimum.iterations,
    })
}

/// Objective, gradient and negative Hessian.
fn evaluate(
    orders: &[(Order, f64)],
    r: &Array1<f64>,
    shrink: Shrink,
    likelihood: Likelihood,
) -> (f64, Array1<f64>, Array2<f64>) {
    let n = r.len();
    let (mut value, mut g, mut h) = (0.0, Array1::zeros(n), Array2::zeros((n, n)));
    for (order, weight) in orders {
        value += weight * likelihood(order, r, *weight, &mut g, &mut h);
    }
    match shrink {
        Shrink::Nothing => (),
        Shrink::Logistic => value += add_logistic_prior(r, &mut g, &mut h),
        Shrink::Penalty(penalty, alpha) => {
            value += penalty.value(alpha, r);
            penalty.add_derivatives(alpha, r, &mut g, &mut h);
        }
    }
    (value, g, h)
}

/// Why weights say nothing of their noise, if some of them is no whole number.
pub(crate) fn fractions(mut weights: impl Iterator<Item = f64>) -> Option<&'static str> {
    let parts = weights.any(|w| w.fract() != 0.0);
    parts.then_some("weights in fractions are not counts: nothing is known of their noise")
}

/// What a registry row gives of the fit.
///
/// # Errors
/// Those of Newton's method.
pub(crate) fn fitted(
    data: &Rankings,
    orders: &[(Order, f64)],
    asked: Asked,
    watch: Watch<'_>,
) -> Result<Fitted, FitError> {
    let found = fit_rankings(data.labels.len(), orders, asked, watch)?;
    let (converged, iterations) = (found.converged, found.iterations);
    let errors = |of: &Array2<f64>| found.no_noise.is_none().then(|| of.diag().mapv(f64::sqrt));
    Ok(Fitted {
        log_strength: Some(found.log_strength.clone()),
        standard_error: errors(&found.covariance),
        sandwich_error: errors(&found.sandwich),
        log_likelihood: Some(found.log_likelihood),
        existence: found.existence.clone(),
        prior: found.prior,
        convergence: Convergence { by: Iteration::Newton, converged, iterations },
        ..Fitted::new(data.labels.clone(), found)
    })
}

impl ModelResult for RankingFit {
    /// `Pr(i before j)`, whatever else is ranked: independence of irrelevant alternatives.
    fn prob(&self, i: usize, j: usize) -> f64 {
        logistic(self.log_strength[i] - self.log_strength[j])
    }

    fn prior(&self) -> &'static str {
        self.penalty.map_or("the logistic prior on all coefficients", Penalty::prior)
    }

    fn own(&self) -> Map<String, Value> {
        self.no_noise.map(|reason| ("no_errors".to_owned(), json!(reason))).into_iter().collect()
    }

    fn notes(&self) -> Vec<String> {
        let errors = match self.no_noise {
            Some(reason) => format!("no errors: {reason}"),
            None => "errors by the sandwich over whole rankings".to_owned(),
        };
        vec![format!("log-likelihood {:.4}; {errors}", self.log_likelihood)]
    }
}

/// Slopes and curvatures of a likelihood against finite differences, with and without the prior.
#[cfg(test)]
pub(crate) fn check_derivatives(data: &Rankings, likelihood: Likelihood) {
    let orders: Vec<(Order, f64)> = data
        .rankings
        .iter()
        .map(|r| (r.groups.iter().map(|g| g.iter().map(|&i| i as usize).collect()).collect(), r.weight))
        .collect();
    let r = Array1::from_shape_fn(data.labels.len(), |i| ((i * i + 1) as f64).sin());
    for shrink in [Shrink::Nothing, Shrink::Logistic, Shrink::Penalty(Penalty::Gamma, 0.3)] {
        let (_, g, h) = evaluate(&orders, &r, shrink, likelihood);
        for k in 0..r.len() {
            let moved = |s: f64| {
                let mut x = r.clone();
                x[k] += s;
                evaluate(&orders, &x, shrink, likelihood)
            };
            let (up, down) = (moved(1e-5), moved(-1e-5));
            assert!(((up.0 - down.0) / 2e-5 - g[k]).abs() < 1e-8);
            for l in 0..r.len() {
                assert!(((up.1[l] - down.1[l]) / 2e-5 + h[[k, l]]).abs() < 1e-8);
            }
        }
    }
}
