//! Maximum likelihood (or posterior mode) of a [`PairModel`], by Newton's method, with standard errors.
//!
//! ```text
//! maximise  l(r, h, x) = sum over rows  w log Pr(outcome | r_first, r_second, h, x)  [ + sum_i log sigma(r_i) sigma(-r_i) ]
//! ```
//!
//! The bracket is the logistic prior: one win and one loss of every item against an item of strength 0. A maximum without
//! it exists iff "won against or tied with" is strongly connected (Ford 1957) and, in the models of ties, the tie parameter
//! cannot run away ([`tie_parameter_runs_away`](crate::graph::tie_parameter_runs_away)). Where none exists, the prior is
//! added, and the fit says so.
//!
//! Errors: `Cov = H^-1` (Hessian), and `H^-1 J H^-1` with `J = sum w s s'` over rows (sandwich; s: slope of one row), which
//! holds when the model is wrong. Both are for comparisons drawn independently.
//!
//! Cost: O(pairs + n^3) a step, usually 4 to 10 steps. Range: up to [`MAX_ITEMS`](crate::MAX_ITEMS) items; beyond,
//! [`first_order::newman`](crate::first_order::newman) fits strengths without errors.

mod likelihood;
mod problem;

use equipoise_data::Comparisons;
use faer::linalg::solvers::{DenseSolveCore as _, Solve as _};
use faer::{Mat, Side};
use ndarray::{Array1, Array2, ArrayView2, s};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use self::likelihood::{Likelihood, Point};
use self::problem::Problem;
use crate::distributions::chi_squared_tail;
use crate::error::{FitError, MAX_ITEMS};
use crate::fitted::{Convergence, Existence, Fitted, Iteration, ModelResult, Parameter};
use crate::input::Counts;
use crate::newton::centred;
use crate::pair_model::PairModel;

/// What is fitted beside the strengths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PairOptions {
    /// Fits a bonus for the item listed first.
    pub home: bool,
    /// Adds the logistic prior whether a maximum exists without it or not: one win and one loss of every item against an
    /// item of strength 0.
    pub prior: bool,
}

/// A fitted model of pairs.
#[derive(Clone, Debug)]
pub struct PairFit {
    /// The model.
    pub model: &'static PairModel,
    /// Log strengths, `[n]`: mean 0, but for features (as they are).
    pub log_strength: Array1<f64>,
    /// Covariance of the log strengths by the Hessian, `[n x n]`.
    pub covariance: Array2<f64>,
    /// Covariance of the log strengths by the sandwich, `[n x n]`.
    pub sandwich: Array2<f64>,
    /// `home`, `nu`, `theta`, `T`, `ground`: what the model has.
    pub parameters: Vec<Parameter>,
    /// Names of the features, if there are any.
    pub features: Vec<String>,
    /// Coefficients of the features with their standard errors.
    pub coefficients: Vec<(f64, f64)>,
    /// Log-likelihood at the fit, in nats, without the prior.
    pub log_likelihood: f64,
    /// Twice the log-likelihood that a free probability for every outcome of every pair would add.
    pub deviance: f64,
    /// Free outcome probabilities minus parameters.
    pub degrees_of_freedom: f64,
    /// Whether a finite maximum of the likelihood exists.
    pub exists: bool,
    /// Blocks of items that nothing holds together, the winning ones first; one block if the maximum exists.
    pub blocks: Vec<Vec<usize>>,
    /// Whether the logistic prior was used.
    pub prior: bool,
    /// Whether Newton's method met its tolerance.
    pub converged: bool,
    /// Newton steps done.
    pub iterations: u32,
    /// Working parameters: home and tie.
    working: [f64; 2],
    /// What was taken from the strengths to centre them.
    shift: f64,
}

impl PairFit {
    /// Standard errors of the log strengths (Hessian), `[n]`.
    #[must_use]
    pub fn standard_error(&self) -> Array1<f64> {
        self.covariance.diag().mapv(f64::sqrt)
    }

    /// Standard errors of the log strengths (sandwich), `[n]`.
    #[must_use]
    pub fn sandwich_error(&self) -> Array1<f64> {
        self.sandwich.diag().mapv(f64::sqrt)
    }

    /// Probabilities of i listed first: i wins, j wins, tie, both bad.
    #[must_use]
    pub fn probs(&self, i: usize, j: usize) -> [f64; 4] {
        let r = |i: usize| self.log_strength[i] + self.shift;
        self.model.probs(r(i), r(j), self.working[0], self.working[1])
    }

    /// `Pr(i beats j)` without regard to the order of listing, ties as half wins.
    #[must_use]
    pub fn prob(&self, i: usize, j: usize) -> f64 {
        let r = |i: usize| self.log_strength[i] + self.shift;
        let p = self.model.probs(r(i), r(j), 0.0, self.working[1]);
        p[0] + 0.5 * (p[2] + p[3])
    }

    /// `Pr(X >= deviance)` of the chi-squared law; too small where pairs met few times.
    #[must_use]
    pub fn deviance_p_value(&self) -> f64 {
        if self.degrees_of_freedom < 0.5 {
            return 1.0;
        }
        chi_squared_tail(self.deviance, self.degrees_of_freedom)
    }

    /// The items, strongest first.
    #[must_use]
    pub fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.log_strength.len()).collect();
        order.sort_by(|&a, &b| self.log_strength[b].total_cmp(&self.log_strength[a]));
        order
    }
}

impl ModelResult for PairFit {
    fn prob(&self, i: usize, j: usize) -> f64 {
        Self::prob(self, i, j)
    }

    fn own(&self) -> Map<String, Value> {
        let mut own = Map::new();
        own.insert("deviance_p_value".to_owned(), json!(self.deviance_p_value()));
        for p in &self.parameters {
            own.insert(p.name.to_owned(), json!(p.value));
            own.insert(format!("{}_standard_error", p.name), json!(p.standard_error));
        }
        if !self.features.is_empty() {
            let each = self.features.iter().zip(&self.coefficients);
            let list =
                each.map(|(f, (b, se))| json!({ "feature": f, "coefficient": b, "standard_error": se }));
            own.insert("coefficients".to_owned(), list.collect());
        }
        own
    }
}

/// Fits `model` with one strength an item.
///
/// # Errors
/// [`FitError`].
pub fn fit(data: &Comparisons, model: &'static PairModel, options: PairOptions) -> Result<PairFit, FitError> {
    problem(data, model, options, None)?.solve()
}

/// Fits `model` with strengths linear in item features, `r = X b`, `features = X`, `[n x k]`.
///
/// # Errors
/// [`FitError`]; [`FitError::Singular`] if a feature is constant or a combination of others.
pub fn fit_linear(
    data: &Comparisons,
    model: &'static PairModel,
    features: ArrayView2<'_, f64>,
    options: PairOptions,
) -> Result<PairFit, FitError> {
    if features.nrows() != data.n() {
        return Err(FitError::Features { rows: features.nrows(), items: data.n() });
    }
    problem(data, model, options, Some(features.to_owned()))?.solve()
}

/// Fits `model` to what a registry row is given.
///
/// # Errors
/// As [`fit`] and [`fit_linear`].
pub fn fit_counts(
    data: &Counts,
    model: &'static PairModel,
    options: PairOptions,
) -> Result<Fitted, FitError> {
    let found = match &data.features {
        None => fit(&data.comparisons, model, options)?,
        Some(features) => {
            let found = fit_linear(&data.comparisons, model, features.values.view(), options)?;
            PairFit { features: features.names.clone(), ..found }
        }
    };
    let existence = match (found.exists, found.blocks.len()) {
        (true, _) => Existence::Finite,
        (false, 1) => Existence::TiesUnbounded,
        (false, _) => Existence::Separated { blocks: found.blocks.clone() },
    };
    let convergence =
        Convergence { by: Iteration::Newton, converged: found.converged, iterations: found.iterations };
    Ok(Fitted {
        log_strength: Some(found.log_strength.clone()),
        standard_error: Some(found.standard_error()),
        sandwich_error: Some(found.sandwich_error()),
        parameters: found.parameters.clone(),
        log_likelihood: Some(found.log_likelihood),
        deviance: Some(found.deviance),
        degrees_of_freedom: Some(found.degrees_of_freedom),
        existence,
        prior: found.prior,
        convergence,
        ..Fitted::new(data.comparisons.labels.clone(), found)
    })
}

/// Strengths with the deviance, iterated `from` strengths close to them, without the errors: for simulated data.
pub(crate) fn strengths(
    data: &Comparisons,
    model: &'static PairModel,
    from: &Array1<f64>,
) -> Result<(Array1<f64>, f64), FitError> {
    let problem = problem(data, model, PairOptions::default(), None)?;
    let (n, likelihood) = (data.n(), &problem.likelihood);
    let mut start = likelihood.start();
    start.slice_mut(s![..n]).assign(from);
    let (point, ..) = problem.newton(start)?;
    let deviance = 2.0 * (likelihood.saturated() - likelihood.log_likelihood(&point));
    Ok((point.slice(s![..n]).to_owned(), deviance))
}

fn problem(
    data: &Comparisons,
    model: &'static PairModel,
    options: PairOptions,
    features: Option<Array2<f64>>,
) -> Result<Problem, FitError> {
    let items = features.as_ref().map_or(0, Array2::ncols).max(data.n());
    if items > MAX_ITEMS {
        return Err(FitError::TooMany { items });
    }
    if options.home && !model.shift_invariant {
        return Err(FitError::Home { model: model.name });
    }
    let likelihood = Likelihood::new(data, model, options.home, options.prior, features.is_none())?;
    Ok(Problem { likelihood, features })
}

impl Problem {
    fn solve(self) -> Result<PairFit, FitError> {
        let (point, iterations, converged) = self.newton(self.likelihood.start())?;
        let errors = Errors::new(&self, &point);
        let likelihood = &self.likelihood;
        let n = self.n();
        let shift = match self.features {
            Some(_) => 0.0,
            None => point.slice(s![..n]).mean().expect("there are items"),
        };
        let log_strength = point.slice(s![..n]).mapv(|r| r - shift);
        let log_likelihood = likelihood.log_likelihood(&point);
        let floating = usize::from(self.features.is_none() && likelihood.model.shift_invariant);
        let free = errors.bread.nrows() - floating;
        Ok(PairFit {
            model: likelihood.model,
            covariance: self.of_strengths(&errors.basis, &errors.bread),
            sandwich: self.of_strengths(&errors.basis, &errors.sandwich),
            parameters: self.parameters(&point, &errors.bread, shift),
            features: Vec::new(),
            coefficients: self.coefficients(&log_strength, &errors.bread),
            log_strength,
            log_likelihood,
            deviance: 2.0 * (likelihood.saturated() - log_likelihood),
            degrees_of_freedom: likelihood.outcomes() * likelihood.cells.len() as f64 - free as f64,
            exists: likelihood.exists,
            blocks: likelihood.blocks.clone(),
            prior: likelihood.prior,
            converged,
            iterations,
            working: [point[n], point[n + 1]],
            shift,
        })
    }

    /// The covariance of the strengths, from that of the free directions. Strengths are reported around their mean, but for
    /// features: it is projected likewise.
    fn of_strengths(&self, basis: &Array2<f64>, covariance: &Array2<f64>) -> Array2<f64> {
        let n = self.n();
        let full = basis.dot(covariance).dot(&basis.t());
        let strengths = full.slice(s![..n, ..n]).to_owned();
        if self.features.is_none() && !self.is_shift_invariant() { centred(&strengths) } else { strengths }
    }

    /// Home, tie parameter, and the level of "bad" of a model with an origin.
    fn parameters(&self, point: &Point, bread: &Array2<f64>, shift: f64) -> Vec<Parameter> {
        let (n, k, likelihood) = (self.n(), bread.nrows(), &self.likelihood);
        let error = |at: usize| bread[[at, at]].sqrt();
        let mut parameters = Vec::new();
        if likelihood.home {
            let at = k - 1 - usize::from(likelihood.tie_free);
            parameters.push(Parameter { name: "home", value: point[n], standard_error: Some(error(at)) });
        }
        if let Some(tie) = &likelihood.model.tie {
            let value = (tie.value)(crate::jet::Jet::variable(0, point[n + 1]));
            let standard_error = likelihood.tie_free.then(|| error(k - 1) * value.gradient[0]);
            parameters.push(Parameter { name: tie.name, value: value.value, standard_error });
        }
        if !likelihood.model.shift_invariant {
            parameters.push(Parameter { name: "ground", value: -shift, standard_error: None });
        }
        parameters
    }

    /// Coefficients of the features with their standard errors: features are of full rank here, so that strengths
    /// determine them.
    fn coefficients(&self, log_strength: &Array1<f64>, bread: &Array2<f64>) -> Vec<(f64, f64)> {
        let Some(x) = &self.features else { return Vec::new() };
        let cross = x.t().dot(x);
        let gram = Mat::from_fn(x.ncols(), x.ncols(), |i, j| cross[[i, j]]);
        let right = x.t().dot(log_strength);
        let b = gram.partial_piv_lu().solve(&Mat::from_fn(x.ncols(), 1, |i, _| right[i]));
        (0..x.ncols()).map(|c| (b[(c, 0)], bread[[c, c]].sqrt())).collect()
    }
}

/// Covariances in free directions.
struct Errors {
    /// The free directions, as columns.
    basis: Array2<f64>,
    /// `H^-1`.
    bread: Array2<f64>,
    /// `H^-1 J H^-1`.
    sandwich: Array2<f64>,
}

impl Errors {
    fn new(problem: &Problem, point: &Point) -> Self {
        let (n, basis) = (problem.n(), problem.free_basis());
        let (_, h, meat) = problem.likelihood.derivatives(point, true);
        let (matrix, lift) = problem.regularised_hessian(&h, &basis);
        let k = matrix.nrows();
        let inverse = matrix.llt(Side::Lower).map(|llt| llt.inverse());
        let ones = if lift > 0.0 { 1.0 / (lift * n as f64) } else { 0.0 };
        let bread = Array2::from_shape_fn((k, k), |(a, b)| match &inverse {
            Ok(inverse) => inverse[(a, b)] - if a < n && b < n { ones } else { 0.0 },
            Err(_) => f64::NAN,
        });
        let sandwich = bread.dot(&basis.t().dot(&meat).dot(&basis)).dot(&bread);
        Self { basis, bread, sandwich }
    }
}
