//! Contextual Bradley-Terry: strengths that move with features of the prompt.
//!
//! ```text
//! r_i(z) = sum_f z_f b_{f i},     Pr(i beats j | z) = sigma(r_i(z) - r_j(z))        z_0 = 1: the base strengths
//! ```
//!
//! The heads of Prompt-to-Leaderboard (arXiv:2502.14855), linear in given features instead of a language model's. Ties count
//! half to each side. With no feature but the constant it is Bradley-Terry; a mixture of its contexts is in general not,
//! and may be cyclic although every context is transitive. Whether a maximum exists is not decided by Ford's condition
//! alone; where Newton's method finds none, or more than one, the logistic prior on all coefficients is added, and said.
//! Cost: O(pairs of all contexts x f^2 + (n f)^3) a step.

use equipoise_core::logistic::{PairLikelihood, logistic};
use equipoise_data::Comparisons;
use ndarray::{Array1, Array2, ArrayView2};
use serde_json::{Map, Value, json};

use super::bradley_terry::BRADLEY_TERRY;
use crate::distributions::chi_squared_tail;
use crate::error::{FitError, MAX_ITEMS};
use crate::fitted::{Column, Convergence, Existence, Fitted, Iteration, ModelResult};
use crate::input::Contexts;
use crate::newton::{add_logistic_prior, newton};
use crate::pair_fit::{PairOptions, fit};
use crate::registry::{ModelEntry, PreferenceModel, PriorOption};

pub(super) const ENTRY: ModelEntry = ModelEntry::of::<ContextualBradleyTerry>(
    "contextual-bradley-terry",
    "Bradley-Terry with r_i(z) = b_i0 + sum_f z_f b_if in features z of the context",
    "arXiv:2502.14855",
)
.fitted("Newton; Hessian");

struct ContextualBradleyTerry;

impl PreferenceModel for ContextualBradleyTerry {
    type Options = PriorOption;
    type Data = Contexts;

    fn fit(data: &Contexts, PriorOption { prior }: PriorOption) -> Result<Fitted, FitError> {
        let features = &data.features;
        let found = fit_contextual(&data.grouped.groups, features.values.view(), prior)?;
        let contexts = features.values.rows().into_iter().map(|z| found.strengths(&z.to_vec())).collect();
        let result = InContexts { found, features: features.names.clone(), contexts };
        let found = &result.found;
        Ok(Fitted {
            log_strength: Some(found.coefficients.row(0).to_owned()),
            standard_error: Some(found.standard_error.row(0).to_owned()),
            log_likelihood: Some(found.log_likelihood),
            degrees_of_freedom: Some(found.degrees_of_freedom),
            existence: if found.exists { Existence::Finite } else { Existence::NotFound },
            prior: found.prior,
            convergence: Convergence {
                by: Iteration::Newton,
                converged: found.converged,
                iterations: found.iterations,
            },
            ..Fitted::new(data.grouped.labels.clone(), result)
        })
    }
}

/// A fit with the strengths in the contexts of its data.
#[derive(Debug)]
struct InContexts {
    found: Contextual,
    features: Vec<String>,
    /// Log strengths in each context.
    contexts: Vec<Array1<f64>>,
}

fn rows(table: &Array2<f64>) -> Vec<Vec<f64>> {
    table.rows().into_iter().map(|r| r.to_vec()).collect()
}

impl ModelResult for InContexts {
    fn prob(&self, i: usize, j: usize) -> f64 {
        let all = (0..self.contexts.len()).map(|x| self.prob_in(x, i, j)).sum::<f64>();
        all / self.contexts.len() as f64
    }

    fn contexts(&self) -> usize {
        self.contexts.len()
    }

    fn prob_in(&self, context: usize, i: usize, j: usize) -> f64 {
        let r = &self.contexts[context];
        logistic(r[i] - r[j])
    }

    fn own(&self) -> Map<String, Value> {
        let found = &self.found;
        Map::from_iter(
            [
                ("features", json!(self.features)),
                ("coefficients", json!(rows(&found.coefficients))),
                ("coefficient_errors", json!(rows(&found.standard_error))),
                ("marginal_log_likelihood", json!(found.marginal_log_likelihood)),
                ("p_value", json!(found.p_value())),
                ("contexts", json!(self.contexts.len())),
            ]
            .map(|(key, value)| (key.to_owned(), value)),
        )
    }

    fn columns(&self) -> Vec<Column> {
        let names = std::iter::once("base").chain(self.features.iter().map(String::as_str));
        let column = |(f, name): (usize, &str)| Column {
            name: name.to_owned(),
            values: self.found.coefficients.row(f).to_owned(),
            errors: Some(self.found.standard_error.row(f).to_owned()),
        };
        names.enumerate().map(column).collect()
    }

    fn notes(&self) -> Vec<String> {
        let found = &self.found;
        let mut notes = vec![format!(
            "log-likelihood {:.4}; one board for all {} contexts: {:.4}",
            found.log_likelihood,
            self.contexts.len(),
            found.marginal_log_likelihood
        )];
        notes.extend(found.p_value().map(|p| {
            let degrees = found.degrees_of_freedom;
            format!("the features matter with p = {p:.3e} ({degrees} degrees of freedom)")
        }));
        notes
    }
}

/// A fitted contextual model.
#[derive(Clone, Debug)]
pub struct Contextual {
    /// Coefficients, `[1 + features x n]`: base strengths first; each row has mean 0 over items.
    pub coefficients: Array2<f64>,
    /// Their standard errors (Hessian), likewise.
    pub standard_error: Array2<f64>,
    /// Log-likelihood, in nats, without the prior.
    pub log_likelihood: f64,
    /// What one strength an item for all contexts (Bradley-Terry on the sum of the counts) reaches.
    pub marginal_log_likelihood: f64,
    /// Coefficients that the features add.
    pub degrees_of_freedom: f64,
    /// Whether a finite maximum was found without the prior.
    pub exists: bool,
    /// Whether the logistic prior was used.
    pub prior: bool,
    /// Whether Newton's method met its tolerance.
    pub converged: bool,
    /// Newton steps done.
    pub iterations: u32,
}

impl Contextual {
    /// Strengths at features `z` (without the constant), `[n]`, mean 0.
    ///
    /// # Panics
    /// If there are not as many as were fitted.
    #[must_use]
    pub fn strengths(&self, z: &[f64]) -> Array1<f64> {
        assert_eq!(z.len() + 1, self.coefficients.nrows(), "one number a feature");
        let mut r = self.coefficients.row(0).to_owned();
        z.iter().enumerate().for_each(|(f, z)| r.scaled_add(*z, &self.coefficients.row(f + 1)));
        r
    }

    /// `Pr(X >= 2 (gain in log-likelihood))` of the chi-squared law: whether the features matter at all. `None` with the
    /// prior, where the law does not hold.
    #[must_use]
    pub fn p_value(&self) -> Option<f64> {
        let gain = 2.0 * (self.log_likelihood - self.marginal_log_likelihood);
        (!self.prior).then(|| chi_squared_tail(gain.max(0.0), self.degrees_of_freedom))
    }
}

/// Fits strengths linear in features of the context: `groups[k]` are the counts of context `k` (all over the same items),
/// `features` is `[contexts x features]`, without the constant.
///
/// # Errors
/// [`FitError::Features`], [`FitError::TooMany`], [`FitError::Nothing`], and [`FitError::Singular`] never but by overflow.
pub fn fit_contextual(
    groups: &[Comparisons],
    features: ArrayView2<'_, f64>,
    prior: bool,
) -> Result<Contextual, FitError> {
    let n = groups.first().map_or(0, Comparisons::n);
    let rows = features.ncols() + 1;
    if features.nrows() != groups.len() {
        return Err(FitError::Features { rows: features.nrows(), items: groups.len() });
    }
    if n * rows > MAX_ITEMS {
        return Err(FitError::TooMany { items: n * rows });
    }
    if groups.iter().all(|g| g.pairs.is_empty()) {
        return Err(FitError::Nothing);
    }
    let pooled = Comparisons::sum(groups.iter().map(|g| (g, 1.0)));
    let marginal = fit(&pooled, &BRADLEY_TERRY, PairOptions::default())?;
    let problem = Problem { groups, features, n, rows };
    let run = |prior: bool| {
        let flat: Vec<Array1<f64>> = match prior {
            true => Vec::new(),
            false => (0..rows)
                .map(|f| Array1::from_shape_fn(n * rows, |k| f64::from(u8::from(k / n == f))))
                .collect(),
        };
        let start = Array1::zeros(n * rows);
        newton(start, &flat, |b| problem.evaluate(b, prior).0, |b| problem.evaluate(b, prior))
    };
    // on separable data steps go on for ever, or the curvature vanishes
    let free = run(false).ok().filter(|c| c.converged);
    let exists = free.is_some();
    let (optimum, used_prior) = match (prior, free) {
        (false, Some(optimum)) => (optimum, false),
        _ => (run(true)?, true),
    };
    let mut coefficients = Array2::from_shape_fn((rows, n), |(f, i)| optimum.point[f * n + i]);
    for mut row in coefficients.rows_mut() {
        let mean = row.mean().expect("there are items");
        row -= mean;
    }
    // the deviation from the mean of its row
    let variance = |f: usize, i: usize| {
        let cov = |a: usize, b: usize| optimum.inverse[[f * n + a, f * n + b]];
        let cross: f64 = (0..n).map(|j| cov(i, j)).sum::<f64>() / n as f64;
        let all: f64 = (0..n).map(|a| (0..n).map(|b| cov(a, b)).sum::<f64>()).sum::<f64>() / (n * n) as f64;
        cov(i, i) - 2.0 * cross + all
    };
    Ok(Contextual {
        standard_error: Array2::from_shape_fn((rows, n), |(f, i)| variance(f, i).max(0.0).sqrt()),
        log_likelihood: problem.evaluate(&optimum.point, false).0,
        marginal_log_likelihood: marginal.log_likelihood,
        degrees_of_freedom: ((rows - 1) * (n - 1)) as f64,
        coefficients,
        exists,
        prior: used_prior,
        converged: optimum.converged,
        iterations: optimum.iterations,
    })
}

struct Problem<'a> {
    groups: &'a [Comparisons],
    features: ArrayView2<'a, f64>,
    n: usize,
    rows: usize,
}

impl Problem<'_> {
    /// Objective, gradient and negative Hessian.
    fn evaluate(&self, b: &Array1<f64>, prior: bool) -> (f64, Array1<f64>, Array2<f64>) {
        let (n, m) = (self.n, self.n * self.rows);
        let (mut value, mut g, mut h) = (0.0, Array1::zeros(m), Array2::zeros((m, m)));
        for (k, group) in self.groups.iter().enumerate() {
            let z = |f: usize| if f == 0 { 1.0 } else { self.features[[k, f - 1]] };
            let strength = |i: usize| (0..self.rows).map(|f| z(f) * b[f * n + i]).sum::<f64>();
            for pair in &group.pairs {
                let (i, j, (wins, losses, ties)) = (pair.i, pair.j, pair.outcomes());
                let (wins, losses) = (wins + 0.5 * ties, losses + 0.5 * ties);
                let pair = PairLikelihood::at(strength(i) - strength(j), wins, losses);
                let (slope, curvature) = (pair.slope(), pair.curvature());
                value += pair.value();
                for f in 0..self.rows {
                    g[f * n + i] += z(f) * slope;
                    g[f * n + j] -= z(f) * slope;
                    for e in 0..self.rows {
                        let x = z(f) * z(e) * curvature;
                        h[[f * n + i, e * n + i]] += x;
                        h[[f * n + j, e * n + j]] += x;
                        h[[f * n + i, e * n + j]] -= x;
                        h[[f * n + j, e * n + i]] -= x;
                    }
                }
            }
        }
        if prior {
            value += add_logistic_prior(b, &mut g, &mut h);
        }
        (value, g, h)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resample::multinomial;
    use equipoise_core::{sample, seed::stream};

    /// Counts of 40 contexts of four items from a known contextual model.
    fn drawn(coefficients: &Array2<f64>, met: u64, seed: u64) -> (Vec<Comparisons>, Array2<f64>) {
        let mut rng = stream(seed, "contexts", &[]);
        let (n, k) = (coefficients.ncols(), coefficients.nrows() - 1);
        let z = Array2::from_shape_fn((40, k), |_| 2.0 * sample::uniform(&mut rng) - 1.0);
        let groups = z.rows().into_iter().map(|z| {
            let r = |i: usize| {
                coefficients[[0, i]] + (0..k).map(|f| z[f] * coefficients[[f + 1, i]]).sum::<f64>()
            };
            let mut wins = Array2::zeros((n, n));
            for i in 0..n {
                for j in i + 1..n {
                    let d = multinomial(met, BRADLEY_TERRY.probs(r(i), r(j), 0.0, 0.0), &mut rng);
                    (wins[[i, j]], wins[[j, i]]) = (d[0] as f64, d[1] as f64);
                }
            }
            Comparisons::from_tables(&wins, &Array2::zeros((n, n)))
        });
        (groups.collect(), z)
    }

    #[test]
    fn without_features_it_is_bradley_terry() {
        let truth = ndarray::arr2(&[[0.6, 0.1, -0.2, -0.5]]);
        let (groups, _) = drawn(&truth, 5, 1);
        let none = fit_contextual(&groups, Array2::zeros((40, 0)).view(), false).unwrap();
        let pooled = Comparisons::sum(groups.iter().map(|g| (g, 1.0)));
        let bt = fit(&pooled, &BRADLEY_TERRY, PairOptions::default()).unwrap();
        for i in 0..4 {
            assert!((none.coefficients[[0, i]] - bt.log_strength[i]).abs() < 1e-11);
            assert!((none.standard_error[[0, i]] - bt.standard_error()[i]).abs() < 1e-11);
        }
        assert!((none.log_likelihood - none.marginal_log_likelihood).abs() < 1e-9);
        // a constant feature says the same as the base: no single maximum, so the prior decides
        let constant = fit_contextual(&groups, Array2::ones((40, 1)).view(), false).unwrap();
        assert!(!constant.exists && constant.prior && constant.p_value().is_none());
    }

    #[test]
    fn known_coefficients_come_back_and_two_contexts_are_two_leaderboards() {
        let truth = ndarray::arr2(&[[0.6, 0.1, -0.2, -0.5], [-0.8, 0.5, 0.6, -0.3]]);
        let (groups, z) = drawn(&truth, 60, 2);
        let found = fit_contextual(&groups, z.view(), false).unwrap();
        assert!(found.exists && found.converged && found.p_value().unwrap() < 1e-10);
        for (f, i) in (0..2).flat_map(|f| (0..4).map(move |i| (f, i))) {
            let off = (found.coefficients[[f, i]] - truth[[f, i]]) / found.standard_error[[f, i]];
            assert!(off.abs() < 4.0, "{f} {i}: {off} standard errors");
        }
        // an indicator splits the data: the leaderboards are those of the parts
        let mark = Array2::from_shape_fn((40, 1), |(k, _)| f64::from(u8::from(k < 15)));
        let split = fit_contextual(&groups, mark.view(), false).unwrap();
        for (range, z) in [(0..15, [1.0]), (15..40, [0.0])] {
            let part = Comparisons::sum(groups[range].iter().map(|g| (g, 1.0)));
            let bt = fit(&part, &BRADLEY_TERRY, PairOptions::default()).unwrap();
            let r = split.strengths(&z);
            assert!((&r - &bt.log_strength).iter().all(|d| d.abs() < 1e-10));
        }
        let wrong = fit_contextual(&groups, mark.slice(ndarray::s![..3, ..]), false).unwrap_err();
        assert_eq!(wrong, FitError::Features { rows: 3, items: 40 });
    }

    #[test]
    fn a_feature_that_tells_winners_apart_is_held_back_by_the_prior() {
        let table =
            |wins: [[f64; 2]; 2]| Comparisons::from_tables(&ndarray::arr2(&wins), &Array2::zeros((2, 2)));
        let groups = [table([[0.0, 5.0], [0.0, 0.0]]), table([[0.0, 0.0], [5.0, 0.0]])];
        let found = fit_contextual(&groups, ndarray::arr2(&[[1.0], [-1.0]]).view(), false).unwrap();
        assert!(!found.exists && found.prior && found.converged);
        assert!(found.strengths(&[1.0])[0] > 0.5 && found.strengths(&[-1.0])[0] < -0.5);
    }
}
