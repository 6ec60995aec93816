//! Maximum likelihood (or posterior mode) of a [`PairModel`], by Newton's method, with standard errors.
//!
//! ```text
//! maximise  l(r, h, x) = sum over rows  w log Pr(outcome | r_first, r_second, h, x)  [ + sum_i log sigma(r_i) sigma(-r_i) ]
//! ```
//!
//! The bracket is the logistic prior: one win and one loss of every item against an item of strength 0. A maximum without
//! it exists iff "won against or tied with" is strongly connected (Ford 1957) within every island of items that met, directly
//! or through others, and, in the models of ties, the tie parameter cannot run away
//! ([`tie_parameter_runs_away`](crate::graph::tie_parameter_runs_away)). Where none exists, the prior is added to the items
//! of that island, and the fit says so. With features existence is of the design ([`separation`]). Nothing compares items of two islands: each is centred by itself.
//!
//! Errors: `Cov = H^-1` (Hessian), right if the model is and rows are independent, and `S = H^-1 J H^-1` with
//! `J = sum s s'` over observations (sandwich; s: slope of one observation), which holds when the model is wrong, and for
//! observations of any kind ([`Observations`]). Of few observations the sandwich is too small, and where a side won all it
//! is nothing at all. Intervals and ranks rest on
//!
//! ```text
//! V = L^-T W max(phi, c D) W' L^-1        H = L L',  L^-1 J L^-T = W D W'
//! ```
//!
//! which is in every direction the larger of `phi H^-1` and `c S`; phi: the dispersion of ties that count half (1 without),
//! c = m / (m - p) for m observations of several comparisons and p free parameters (at most m / 2), else 1. Of few such
//! observations intervals follow Student's law of m - 1 degrees.
//!
//! Comparisons may weigh differently in the estimate ([`Reweight`]): w becomes `v w`, v of the pair. The slope of a row is then v
//! times as large, and its variance v^2 times, so that H^-1 is no covariance any more even if the model is right. With
//! M = sum over rows of v^2 times their curvature (and the prior's), which is H where all v are 1, the covariance if the model is
//! right is `H^-1 M H^-1`, and
//!
//! ```text
//! V = H^-1 R W max(phi, c D) W' R' H^-1        M = R R',  R^-1 J R^-T = W D W'
//! ```
//!
//! Cost: O(pairs + n^3) a step, usually 4 to 10 steps. Range: up to [`MAX_ITEMS`](crate::MAX_ITEMS) items; beyond, Bradley-Terry
//! has [`SparseFit`], whose errors are estimated from draws.

pub(crate) mod covariates;
mod draws;
mod edges;
mod likelihood;
mod problem;
mod separation;
mod sparse;

use equipoise_data::{Comparisons, Observations, PairCount};
use faer::linalg::solvers::{DenseSolveCore as _, Llt, Solve as _};
use faer::{Mat, Side};
use ndarray::{Array1, Array2, ArrayView2, s};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use self::likelihood::{Likelihood, Point};
use self::problem::{Free, Problem};
pub use self::sparse::SparseFit;
pub(crate) use self::sparse::{fit_many, strengths_of_many};
use crate::distributions::chi_squared_tail;
use crate::error::{FitError, MAX_ITEMS};
use crate::fitted::{Convergence, Existence, Fitted, Iteration, ModelResult, Parameter};
use crate::graph::{open_ends, win_reach};
use crate::input::Counts;
use crate::newton::{centred, product};
use crate::pair_model::PairModel;
use crate::registry::Watch;

/// What is fitted beside the strengths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PairOptions {
    /// Fits a bonus for the item listed first.
    pub home: bool,
    /// Adds the logistic prior whether a maximum exists without it or not: one win and one loss of every item against an
    /// item of strength 0.
    pub prior: bool,
    /// What counts alike in the estimate: every comparison, or every pair of items that met.
    pub reweight: Reweight,
}

/// What counts alike in an estimate. Errors are for what is one observation either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reweight {
    /// Every comparison.
    #[default]
    Comparisons,
    /// Every pair of items that met, however often: its comparisons weigh `total / (pairs n_pair)` each, so that all weights
    /// sum to the number of comparisons. Where one rating is not enough the strengths then do not depend on who was sampled
    /// against whom how often (but on who met at all); where it is, errors are larger.
    Pairs,
}

impl Reweight {
    /// The weight of a comparison of each pair.
    pub(crate) fn scales(self, data: &Comparisons) -> Vec<f64> {
        let met: Vec<f64> = data.pairs.iter().map(PairCount::met).collect();
        match self {
            Self::Comparisons => vec![1.0; met.len()],
            Self::Pairs => {
                let mean = met.iter().sum::<f64>() / met.iter().filter(|m| **m > 0.0).count() as f64;
                met.iter().map(|m| if *m > 0.0 { mean / m } else { 1.0 }).collect()
            }
        }
    }
}

/// A fitted model of pairs.
#[derive(Clone, Debug)]
pub struct PairFit {
    /// The model.
    pub model: &'static PairModel,
    /// Log strengths, `[n]`: mean 0, but for features (as they are).
    pub log_strength: Array1<f64>,
    /// Covariance of the log strengths if the model is right, `[n x n]`: by the Hessian, of a reweighted fit `H^-1 M H^-1`.
    pub covariance: Array2<f64>,
    /// Covariance of the log strengths by the sandwich, `[n x n]`; [`PairFit::spread`] where there is no finite maximum.
    pub sandwich: Array2<f64>,
    /// Covariance that intervals and ranks rest on, `[n x n]`: V of the module head.
    pub spread: Array2<f64>,
    /// Degrees of freedom of the errors: one less than observations of several comparisons; `None`: as many as matter.
    pub noise_degrees: Option<f64>,
    /// Why nothing is known of the noise of the data, so that there are no intervals, if nothing is.
    pub no_noise: Option<&'static str>,
    /// For each item, whether nothing bounds its strength from below, and from above.
    pub open: Vec<(bool, bool)>,
    /// Items that met, directly or through others, the largest island first; no rating compares items of two.
    pub islands: Vec<Vec<usize>>,
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
    /// Parameters that the data say something about: strengths (or coefficients) less one an island, home, tie.
    pub free_parameters: usize,
    /// Why the chi-squared law does not hold for the deviance, if it does not.
    pub no_chi_squared: Option<&'static str>,
    /// Whether a finite maximum of the likelihood exists.
    pub exists: bool,
    /// Whether that is because the features tell winners from losers: some combination of them is at least as large for the
    /// winner of every comparison, and larger in some.
    pub separable: bool,
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
    /// Who is above whom by a chain of wins ([`win_reach`]); `None` where everybody is, or a prior or features bound everything.
    reach: Option<Vec<Vec<bool>>>,
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

    /// Whether the data bound `r_i - r_j` from below: some chain of wins (or ties) leads from i down to j. An interval of the
    /// difference has that end only where they do, whatever the prior gives in its place.
    #[must_use]
    pub fn bounded(&self, i: usize, j: usize) -> bool {
        self.reach.as_ref().is_none_or(|reach| reach[i][j])
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

    /// `Pr(X >= deviance)` of the chi-squared law, 1 without a degree of freedom; `None` where the law does not hold, see
    /// [`PairFit::no_chi_squared`].
    #[must_use]
    pub fn deviance_p_value(&self) -> Option<f64> {
        chi_squared(self.deviance, self.degrees_of_freedom, self.no_chi_squared)
    }

    /// The fit as every model gives it; `labels`: of the items.
    #[must_use]
    pub fn fitted(self, labels: Vec<String>) -> Fitted {
        let existence = match (self.exists, self.blocks.len()) {
            (true, _) => Existence::Finite,
            _ if self.separable => Existence::SeparatedByFeatures,
            (false, 1) => Existence::TiesUnbounded,
            (false, _) => Existence::Separated { blocks: self.blocks.clone() },
        };
        let convergence =
            Convergence { by: Iteration::Newton, converged: self.converged, iterations: self.iterations };
        Fitted {
            log_strength: Some(self.log_strength.clone()),
            standard_error: Some(self.standard_error()),
            sandwich_error: Some(self.sandwich_error()),
            parameters: self.parameters.clone(),
            log_likelihood: Some(self.log_likelihood),
            deviance: Some(self.deviance),
            degrees_of_freedom: Some(self.degrees_of_freedom),
            existence,
            prior: self.prior,
            convergence,
            free_parameters: Some(self.free_parameters),
            no_chi_squared: self.no_chi_squared,
            ..Fitted::new(labels, self)
        }
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

    /// Features place items that never met on one scale, and so does an origin.
    fn says(&self, _: usize, _: usize, linked: bool) -> bool {
        linked || !self.features.is_empty() || !self.model.shift_invariant
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

/// Share of a fit with its errors that is Newton's method.
const NEWTON: f64 = 0.6;

/// The p-value of a deviance, where nothing speaks against the law.
fn chi_squared(deviance: f64, degrees: f64, unlawful: Option<&'static str>) -> Option<f64> {
    let value = || if degrees < 0.5 { 1.0 } else { chi_squared_tail(deviance, degrees) };
    unlawful.is_none().then(value)
}

/// A fit without its errors.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PointFit {
    /// Log strengths, `[n]`, around the mean of each island.
    pub log_strength: Array1<f64>,
    /// As [`PairFit::deviance`].
    pub deviance: f64,
    /// As [`PairFit::degrees_of_freedom`].
    pub degrees_of_freedom: f64,
    /// As [`PairFit::deviance_p_value`].
    pub deviance_p_value: Option<f64>,
    /// Whether a finite maximum of the likelihood exists; else the logistic prior was added.
    pub exists: bool,
    /// Whether Newton's method met its tolerance.
    pub converged: bool,
}

impl From<PairFit> for PointFit {
    fn from(fit: PairFit) -> Self {
        Self {
            deviance: fit.deviance,
            degrees_of_freedom: fit.degrees_of_freedom,
            deviance_p_value: fit.deviance_p_value(),
            exists: fit.exists,
            converged: fit.converged,
            log_strength: fit.log_strength,
        }
    }
}

/// Fits `model` with one strength an item.
///
/// # Errors
/// [`FitError`].
pub fn fit(data: &Comparisons, model: &'static PairModel, options: PairOptions) -> Result<PairFit, FitError> {
    problem(data, model, options, None)?.solve(data, None, &|_| ())
}

/// [`fit`], with errors for what is one observation.
///
/// # Errors
/// [`FitError`].
pub fn fit_observed(
    data: &Observations,
    model: &'static PairModel,
    options: PairOptions,
) -> Result<PairFit, FitError> {
    problem(&data.comparisons, model, options, None)?.solve(&data.comparisons, Some(data), &|_| ())
}

/// Fits `model` with strengths linear in item features, `r = X b`, `features = X`, `[n x k]`.
///
/// # Errors
/// [`FitError`]; [`FitError::Singular`] if a feature is constant or a combination of others.
pub fn fit_linear(
    data: &Observations,
    model: &'static PairModel,
    features: ArrayView2<'_, f64>,
    options: PairOptions,
) -> Result<PairFit, FitError> {
    linear(data, model, features, options, &|_| ())
}

fn linear(
    data: &Observations,
    model: &'static PairModel,
    features: ArrayView2<'_, f64>,
    options: PairOptions,
    watch: Watch<'_>,
) -> Result<PairFit, FitError> {
    let comparisons = &data.comparisons;
    if features.nrows() != comparisons.n() {
        return Err(FitError::Features { rows: features.nrows(), items: comparisons.n() });
    }
    problem(comparisons, model, options, Some(features.to_owned()))?.solve(comparisons, Some(data), watch)
}

/// Fits `model` to what a registry row is given; `watch` hears of the share that is done.
///
/// # Errors
/// As [`fit_observed`] and [`fit_linear`].
pub fn fit_counts(
    data: &Counts,
    model: &'static PairModel,
    options: PairOptions,
    watch: Watch<'_>,
) -> Result<Fitted, FitError> {
    let observations = &data.observations;
    let found = match &data.features {
        None => {
            let comparisons = &observations.comparisons;
            problem(comparisons, model, options, None)?.solve(comparisons, Some(observations), watch)?
        }
        Some(features) => {
            let found = linear(observations, model, features.values.view(), options, watch)?;
            PairFit { features: features.names.clone(), ..found }
        }
    };
    Ok(found.fitted(observations.comparisons.labels.clone()))
}

/// Where the likelihood of a model is largest: what a fit predicts by, without its errors.
pub(crate) struct Predictor {
    model: &'static PairModel,
    /// With what was taken from them to centre them.
    strengths: Array1<f64>,
    working: [f64; 2],
}

impl Predictor {
    /// [`PairFit::probs`] of [`fit`].
    ///
    /// # Errors
    /// As [`fit`].
    pub(crate) fn new(
        data: &Comparisons,
        model: &'static PairModel,
        options: PairOptions,
    ) -> Result<Self, FitError> {
        let problem = problem(data, model, options, None)?;
        let (point, ..) = problem.newton(problem.likelihood.start(), &|_| ())?;
        let (log_strength, shift) = problem.centred_strengths(&point);
        let n = problem.n();
        Ok(Self { model, strengths: log_strength.mapv(|r| r + shift), working: [point[n], point[n + 1]] })
    }

    pub(crate) fn probs(&self, i: usize, j: usize) -> [f64; 4] {
        self.model.probs(self.strengths[i], self.strengths[j], self.working[0], self.working[1])
    }
}

/// Strengths, iterated `from` strengths close to them, without the errors: for simulated data.
pub(crate) fn strengths(
    data: &Comparisons,
    model: &'static PairModel,
    from: &Array1<f64>,
) -> Result<Array1<f64>, FitError> {
    let (_, point) = iterated(data, model, from)?;
    Ok(point.slice(s![..data.n()]).to_owned())
}

/// [`strengths`], with the deviance.
pub(crate) fn strengths_and_deviance(
    data: &Comparisons,
    model: &'static PairModel,
    from: &Array1<f64>,
) -> Result<(Array1<f64>, f64), FitError> {
    let (problem, point) = iterated(data, model, from)?;
    let likelihood = &problem.likelihood;
    let deviance = 2.0 * (likelihood.saturated() - likelihood.log_likelihood(&point));
    Ok((point.slice(s![..data.n()]).to_owned(), deviance))
}

fn iterated(
    data: &Comparisons,
    model: &'static PairModel,
    from: &Array1<f64>,
) -> Result<(Problem, Point), FitError> {
    let problem = problem(data, model, PairOptions::default(), None)?;
    let mut start = problem.likelihood.start();
    start.slice_mut(s![..data.n()]).assign(from);
    let (point, ..) = problem.newton(start, &|_| ())?;
    Ok((problem, point))
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
    let mut likelihood = Likelihood::new(data, model, options, features.is_none())?;
    if let Some(features) = features.as_ref().filter(|_| model.shift_invariant) {
        // existence is of the design: which strengths the features can make, not which there are
        let separable = separation::separating_direction(&likelihood.directions(features)).is_some();
        likelihood.exists = !separable;
        if separable {
            likelihood.prior.fill(true);
        }
    }
    Ok(Problem { likelihood, features })
}

impl Problem {
    /// Strengths, then their errors, which take as long as a few steps.
    fn solve(
        self,
        data: &Comparisons,
        observations: Option<&Observations>,
        watch: Watch<'_>,
    ) -> Result<PairFit, FitError> {
        let share = |share: f64| watch(NEWTON * share);
        let (point, iterations, converged) = self.newton(self.likelihood.start(), &share)?;
        watch(NEWTON);
        let errors = Errors::new(&self, &point, observations);
        let likelihood = &self.likelihood;
        let n = self.n();
        let (log_strength, shift) = self.centred_strengths(&point);
        let log_likelihood = likelihood.log_likelihood(&point);
        let floating = if self.features.is_none() && likelihood.model.shift_invariant {
            likelihood.islands.len()
        } else {
            0
        };
        let free_parameters = errors.bread.nrows() - floating;
        let asked = likelihood.prior.iter().all(|p| *p) && likelihood.exists;
        let prior = likelihood.prior.contains(&true);
        let spread = self.of_strengths(&errors.free, &errors.larger, false);
        let sandwich = match prior && !asked {
            true => spread.clone(),
            false => self.of_strengths(&errors.free, &errors.sandwich, !prior),
        };
        // the Hessian knows nothing of observations of several comparisons
        let several = observations.is_some_and(|all| all.clusters().is_some());
        let by_observation = if several { &errors.larger } else { &errors.bread };
        let by_data = self.features.is_none() && likelihood.model.shift_invariant && !asked;
        let open = match &self.features {
            _ if !likelihood.model.shift_invariant || asked => vec![(false, false); n],
            None => open_ends(data, &likelihood.blocks),
            Some(_) if likelihood.exists => vec![(false, false); n],
            Some(features) => {
                let rows = likelihood.directions(features);
                let mut strengths = Array2::zeros((n, rows.ncols()));
                strengths.slice_mut(s![.., ..features.ncols()]).assign(features);
                separation::open_ends(&rows, &strengths)
            }
        };
        let reach = (by_data && likelihood.blocks.len() > 1).then(|| win_reach(data, &likelihood.blocks));
        Ok(PairFit {
            model: likelihood.model,
            covariance: self.of_strengths(&errors.free, &errors.bread, !prior),
            sandwich,
            spread,
            noise_degrees: observations.filter(|_| several).map(|all| all.count() - 1.0),
            no_noise: match observations {
                Some(all) => all.no_noise(),
                None => Observations::from(data.clone()).no_noise(),
            },
            open,
            islands: likelihood.islands.clone(),
            parameters: self.parameters(&point, by_observation, shift),
            features: Vec::new(),
            coefficients: self.coefficients(&log_strength, by_observation),
            log_strength,
            log_likelihood,
            deviance: 2.0 * (likelihood.saturated() - log_likelihood),
            degrees_of_freedom: likelihood.outcomes() * likelihood.cells.len() as f64
                - free_parameters as f64,
            free_parameters,
            no_chi_squared: likelihood.no_chi_squared(&point, observations),
            exists: likelihood.exists,
            separable: self.features.is_some() && !likelihood.exists,
            blocks: likelihood.blocks.clone(),
            prior,
            converged,
            iterations,
            working: [point[n], point[n + 1]],
            shift,
            reach,
        })
    }

    /// Strengths around their mean, of every island by itself; and what was taken from them, if it is one number. With
    /// features they stay as they are.
    fn centred_strengths(&self, point: &Point) -> (Array1<f64>, f64) {
        let strengths = point.slice(s![..self.n()]);
        match (&self.features, &self.likelihood.islands[..]) {
            (Some(_), _) => (strengths.to_owned(), 0.0),
            (None, [_]) => {
                let shift = strengths.mean().expect("there are items");
                (strengths.mapv(|r| r - shift), shift)
            }
            (None, islands) => {
                let mut centred = strengths.to_owned();
                for island in islands {
                    let mean = island.iter().map(|&i| strengths[i]).sum::<f64>() / island.len() as f64;
                    island.iter().for_each(|&i| centred[i] -= mean);
                }
                (centred, 0.0)
            }
        }
    }

    /// The covariance of the strengths, from that of the free directions. Strengths are reported around their mean, but for
    /// features: it is projected likewise, within every island.
    fn of_strengths(&self, free: &Free, covariance: &Array2<f64>, centred: bool) -> Array2<f64> {
        let strengths = free.covariance(self.n(), covariance);
        match (&self.features, &self.likelihood.islands[..]) {
            (Some(_), _) => strengths,
            (None, [_]) if centred && self.likelihood.model.shift_invariant => strengths,
            (None, islands) => centred_within(&strengths, islands),
        }
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
    /// Those directions.
    free: Free,
    /// `H^-1`, or `H^-1 M H^-1`.
    bread: Array2<f64>,
    /// `H^-1 J H^-1`.
    sandwich: Array2<f64>,
    /// V of the module head.
    larger: Array2<f64>,
}

impl Errors {
    fn new(problem: &Problem, point: &Point, observations: Option<&Observations>) -> Self {
        let (free, likelihood) = (problem.free(), &problem.likelihood);
        let (_, h) = likelihood.derivatives(point);
        let meat = free.form(&likelihood.outer_products(point, observations));
        let (matrix, lifts) = problem.regularised_hessian(&h, &free);
        let k = matrix.nrows();
        let Ok(llt) = matrix.llt(Side::Lower) else {
            let unknown = Array2::from_elem((k, k), f64::NAN);
            return Self { free, bread: unknown.clone(), sandwich: unknown.clone(), larger: unknown };
        };
        let inverse = llt.inverse();
        let mut bread = Array2::from_shape_fn((k, k), |(a, b)| inverse[(a, b)]);
        for (island, lift) in problem.floating().zip(lifts) {
            let ones = 1.0 / (lift * (island.len() as f64).powi(2));
            for &i in island {
                island.iter().for_each(|&j| bread[[i, j]] -= ones);
            }
        }
        let sandwich = product(&product(&bread, &meat), &bread);
        let several = observations.filter(|all| all.clusters().is_some()).map(Observations::count);
        let parameters = (k - problem.floating().count()) as f64;
        let small = several.filter(|m| *m > 1.0).map_or(1.0, |m| m / (m - parameters.clamp(1.0, 0.5 * m)));
        let dispersion = likelihood.tie_dispersion(point);
        if !likelihood.is_reweighted() {
            let larger = larger(&llt, None, &meat, dispersion, small).unwrap_or_else(|| bread.clone());
            return Self { free, bread, sandwich, larger };
        }
        let variance = likelihood.slope_variance(point);
        let of_model = product(&product(&bread, &free.form(&variance)), &bread);
        let root = problem.regularised_hessian(&variance, &free).0.llt(Side::Lower).ok();
        let larger = root.and_then(|root| larger(&llt, Some(&root), &meat, dispersion, small));
        let larger = larger.unwrap_or_else(|| of_model.clone());
        Self { free, bread: of_model, sandwich, larger }
    }
}

/// V of the module head, given the factors of H and of M, if that is another; the lifted directions, which are not centred yet,
/// included.
fn larger(
    llt: &Llt<f64>,
    variance: Option<&Llt<f64>>,
    meat: &Array2<f64>,
    dispersion: f64,
    small: f64,
) -> Option<Array2<f64>> {
    let (k, lower) = (meat.nrows(), variance.unwrap_or(llt).L());
    let mut scaled = Mat::from_fn(k, k, |i, j| meat[[i, j]]);
    lower.solve_lower_triangular_in_place(scaled.as_mut());
    let mut scaled = scaled.transpose().to_owned();
    lower.solve_lower_triangular_in_place(scaled.as_mut());
    let eigen = scaled.self_adjoint_eigen(Side::Lower).ok()?;
    let (vectors, values) = (eigen.U(), eigen.S());
    let size = |at: usize| (small * values[at]).max(dispersion).sqrt();
    let mut root = Mat::from_fn(k, k, |i, j| vectors[(i, j)] * size(j));
    match variance {
        None => lower.transpose().solve_upper_triangular_in_place(root.as_mut()),
        Some(_) => {
            root = lower * &root;
            llt.solve_in_place(root.as_mut());
        }
    }
    let product = &root * root.transpose();
    Some(Array2::from_shape_fn((k, k), |(i, j)| product[(i, j)]))
}

/// The covariance of the deviations from the mean of each island.
fn centred_within(covariance: &Array2<f64>, islands: &[Vec<usize>]) -> Array2<f64> {
    if islands.len() == 1 {
        return centred(covariance);
    }
    let mut left = covariance.clone();
    for _ in 0..2 {
        for island in islands {
            let size = island.len() as f64;
            for j in 0..left.ncols() {
                let mean = island.iter().map(|&i| left[[i, j]]).sum::<f64>() / size;
                island.iter().for_each(|&i| left[[i, j]] -= mean);
            }
        }
        left.swap_axes(0, 1);
    }
    left
}
