//! Maximum likelihood (or posterior mode) of a [`Model`], by Newton's method, with standard errors.
//!
//! ```text
//! maximise  l(r, h, x) = sum over rows  w log Pr(outcome | r_first, r_second, h, x)  [ + sum_i log sigma(r_i) sigma(-r_i) ]
//! ```
//!
//! The bracket is the logistic prior: one win and one loss of every item against an item of strength 0. A maximum without
//! it exists iff "won against or tied with" is strongly connected (Ford 1957) and, in the models of ties, the tie parameter
//! cannot run away ([`tie_parameter_runs_away`](crate::graph::tie_parameter_runs_away)). Where none exists, the prior is added, and the fit says so. For relative models the Hessian is singular along equal strengths; a rank-one term there makes it
//! definite without moving the step, and is taken out of the covariance again.
//!
//! Errors: `Cov = H^-1` (Hessian), and `H^-1 J H^-1` with `J = sum w s s'` over rows (sandwich; s: slope of one row), which
//! holds when the model is wrong. Both are for comparisons drawn independently.
//!
//! Newton steps are halved until the objective climbs; for concave models that reaches the maximum from everywhere. Cost:
//! O(pairs + n^3) a step, usually 4 to 10 steps. Range: up to [`MAX_ITEMS`] items; beyond,
//! [`first_order::newman`](crate::first_order::newman) fits strengths without errors.

use equipoise_core::logistic::{PairLikelihood, log_sigmoid, logistic};
use equipoise_data::{Comparisons, Count};
use faer::linalg::solvers::{DenseSolveCore as _, Solve as _};
use faer::{Mat, Side};
use ndarray::{Array1, Array2, ArrayView2};

use crate::distributions::chi_squared_tail;
use crate::graph::{tie_parameter_runs_away, win_blocks};
use crate::jet::{Jet, N};
use crate::model::Model;

/// Most items (or features): the Hessian is dense.
pub const MAX_ITEMS: usize = 3000;
/// Newton steps at most.
const MAX_STEPS: u32 = 200;
/// A step below this (in nats) is followed by none: its square is below rounding.
const LAST_STEP: f64 = 1e-9;

/// What is fitted beside the strengths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// A bonus for the item listed first.
    pub home: bool,
    /// The logistic prior, wanted whether a maximum exists without it or not.
    pub prior: bool,
}

/// A number that was fitted beside the strengths.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its usual letter or name.
    pub name: &'static str,
    /// Its value.
    pub value: f64,
    /// Its standard error (Hessian); `None` at the end of its range.
    pub standard_error: Option<f64>,
}

/// A fitted model.
#[derive(Clone, Debug)]
pub struct Fit {
    /// The model.
    pub model: Model,
    /// Log strengths, `[n]`: mean 0, but for features (as they are).
    pub log_strength: Array1<f64>,
    /// Covariance of the log strengths by the Hessian, `[n x n]`.
    pub covariance: Array2<f64>,
    /// Covariance of the log strengths by the sandwich, `[n x n]`.
    pub sandwich: Array2<f64>,
    /// `home`, `nu`, `theta`, `T`, `ground`: what the model has.
    pub parameters: Vec<Parameter>,
    /// Coefficients of the features with their standard errors, if there are any.
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

/// Why nothing was fitted.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FitError {
    /// The Hessian would not fit.
    #[error("{items} items; at most {MAX_ITEMS} are fitted by Newton's method; select fewer, or use newman")]
    TooMany {
        /// Items or features.
        items: usize,
    },
    /// No pair met.
    #[error("there are no comparisons of different items left")]
    Nothing,
    /// Every comparison is a tie.
    #[error("all comparisons are ties: a model of ties has no maximum; use one that counts them half")]
    OnlyTies,
    /// The model has no bonus.
    #[error("{} has no bonus for the item listed first; use another model or leave it out", .model.name())]
    Home {
        /// The model.
        model: Model,
    },
    /// Features do not fit the items.
    #[error("features have {rows} rows; the data have {items} items")]
    Features {
        /// Rows given.
        rows: usize,
        /// Items.
        items: usize,
    },
    /// The Hessian is singular.
    #[error(
        "the parameters are not determined by the data: features that are constant or combinations of others, or a \
         bonus that no pair shows in both orders"
    )]
    Singular,
    /// Rankings with ties or of one item.
    #[error(
        "ranking {ranking} has tied items; Plackett-Luce needs strict orders (bradley-terry counts ties half)"
    )]
    TiedRanking {
        /// Its number, from 1.
        ranking: usize,
    },
}

impl Fit {
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

/// Fits `model` with one strength an item.
///
/// # Errors
/// [`FitError`].
pub fn fit(data: &Comparisons, model: Model, options: Options) -> Result<Fit, FitError> {
    Problem::new(data, model, options, None)?.solve()
}

/// Fits `model` with strengths linear in item features, `r = X b`, `features = X`, `[n x k]`.
///
/// # Errors
/// [`FitError`]; [`FitError::Singular`] if a feature is constant or a combination of others.
pub fn fit_linear(
    data: &Comparisons,
    model: Model,
    features: ArrayView2<'_, f64>,
    options: Options,
) -> Result<Fit, FitError> {
    if features.nrows() != data.n() {
        return Err(FitError::Features { rows: features.nrows(), items: data.n() });
    }
    Problem::new(data, model, options, Some(features.to_owned()))?.solve()
}

/// Bradley-Terry strengths with the deviance, iterated `from` strengths close to them, without the errors: for simulated
/// data.
pub(crate) fn strengths(data: &Comparisons, from: &Array1<f64>) -> Result<(Array1<f64>, f64), FitError> {
    let problem = Problem::new(data, Model::BradleyTerry, Options::default(), None)?;
    let mut start = problem.start();
    start.slice_mut(ndarray::s![..problem.n()]).assign(from);
    let (point, ..) = problem.newton(start)?;
    let deviance = 2.0 * (problem.saturated() - problem.log_likelihood(&point));
    Ok((point.slice(ndarray::s![..problem.n()]).to_owned(), deviance))
}

/// Rows of one ordered pair: first, second, weights of the outcomes.
struct Cell {
    first: usize,
    second: usize,
    weights: [f64; 4],
}

struct Problem<'a> {
    data: &'a Comparisons,
    model: Model,
    home: bool,
    tie_free: bool,
    prior: bool,
    exists: bool,
    cells: Vec<Cell>,
    features: Option<Array2<f64>>,
    blocks: Vec<Vec<usize>>,
}

/// Strengths, then home, then tie: `[n + 2]`, fixed ones included.
type Point = Array1<f64>;

impl<'a> Problem<'a> {
    fn new(
        data: &'a Comparisons,
        model: Model,
        options: Options,
        features: Option<Array2<f64>>,
    ) -> Result<Self, FitError> {
        let n = data.n();
        let free = features.as_ref().map_or(n, Array2::ncols);
        if n > MAX_ITEMS || free > MAX_ITEMS {
            return Err(FitError::TooMany { items: n.max(free) });
        }
        if options.home && !model.takes_home() {
            return Err(FitError::Home { model });
        }
        let mut cells = Vec::new();
        for pair in &data.pairs {
            let back = Count { first: pair.backward.second, second: pair.backward.first, ..pair.backward };
            if options.home {
                cells.push((pair.i, pair.j, pair.forward));
                cells.push((pair.j, pair.i, pair.backward));
            } else {
                let f = &pair.forward;
                let pooled = Count {
                    first: f.first + back.first,
                    second: f.second + back.second,
                    tie: f.tie + back.tie,
                    both_bad: f.both_bad + back.both_bad,
                };
                cells.push((pair.i, pair.j, pooled));
            }
        }
        let cells: Vec<Cell> = cells
            .into_iter()
            .filter(|(_, _, count)| count.total() > 0.0)
            .map(|(first, second, count)| Cell { first, second, weights: model.weights(&count) })
            .collect();
        if cells.is_empty() {
            return Err(FitError::Nothing);
        }
        let ties: f64 = cells.iter().map(|c| c.weights[2]).sum();
        if model.has_ties() && cells.iter().all(|c| c.weights[0] + c.weights[1] == 0.0) {
            return Err(FitError::OnlyTies);
        }
        let blocks = win_blocks(data);
        let grounded = model == Model::GroundedRaoKupper;
        let no_ground = grounded && cells.iter().all(|c| c.weights[3] == 0.0);
        let with_ties = matches!(model, Model::Davidson | Model::RaoKupper) && ties > 0.0;
        let exists = blocks.len() == 1 && !no_ground && !(with_ties && tie_parameter_runs_away(data));
        Ok(Self {
            data,
            model,
            home: options.home,
            tie_free: model.has_ties() && ties > 0.0,
            prior: options.prior || !(exists || features.is_some()),
            exists,
            cells,
            features,
            blocks,
        })
    }

    fn n(&self) -> usize {
        self.data.n()
    }

    /// The jets' local variables among the entries of a point.
    fn places(&self, cell: &Cell) -> [usize; N] {
        [cell.first, cell.second, self.n(), self.n() + 1]
    }

    fn jets(&self, cell: &Cell, point: &Point) -> [Option<Jet>; 4] {
        let places = self.places(cell);
        self.model.log_probs(std::array::from_fn(|k| Jet::variable(k, point[places[k]])))
    }

    /// Whether the closed forms of Bradley-Terry serve.
    fn is_plain(&self) -> bool {
        self.model == Model::BradleyTerry && !self.home
    }

    /// Log-likelihood without the prior.
    fn log_likelihood(&self, point: &Point) -> f64 {
        let places = |cell: &Cell| self.places(cell).map(|p| Jet::constant(point[p]));
        if self.is_plain() {
            let row = |c: &Cell| {
                let d = point[c.first] - point[c.second];
                PairLikelihood::at(d, c.weights[0], c.weights[1]).value()
            };
            return self.cells.iter().map(row).sum();
        }
        let row = |cell: &Cell| -> f64 {
            let logs = self.model.log_probs(places(cell));
            logs.iter()
                .zip(cell.weights)
                .map(|(l, w)| if w > 0.0 { w * l.map_or(0.0, |l| l.value) } else { 0.0 })
                .sum()
        };
        self.cells.iter().map(row).sum()
    }

    fn objective(&self, point: &Point) -> f64 {
        let prior = if self.prior {
            (0..self.n()).map(|i| log_sigmoid(point[i]) + log_sigmoid(-point[i])).sum()
        } else {
            0.0
        };
        self.log_likelihood(point) + prior
    }

    /// Gradient and negative Hessian of the objective, `[n + 2]` and `[n + 2, n + 2]`, and the outer products of the
    /// slopes of single rows if `outer`.
    fn derivatives(&self, point: &Point, outer: bool) -> (Array1<f64>, Array2<f64>, Array2<f64>) {
        let m = self.n() + 2;
        let (mut g, mut h) = (Array1::zeros(m), Array2::zeros((m, m)));
        let mut meat = if outer { Array2::zeros((m, m)) } else { Array2::zeros((0, 0)) };
        let closed_form = self.is_plain() && !outer;
        for cell in &self.cells {
            if closed_form {
                // the closed form of the commonest case
                let (i, j, d) = (cell.first, cell.second, point[cell.first] - point[cell.second]);
                let pair = PairLikelihood::at(d, cell.weights[0], cell.weights[1]);
                let (slope, curvature) = (pair.slope(), pair.curvature());
                g[i] += slope;
                g[j] -= slope;
                h[[i, i]] += curvature;
                h[[j, j]] += curvature;
                h[[i, j]] -= curvature;
                h[[j, i]] -= curvature;
                continue;
            }
            let places = self.places(cell);
            for (jet, w) in self.jets(cell, point).into_iter().zip(cell.weights) {
                let (Some(jet), true) = (jet, w > 0.0) else { continue };
                for a in 0..N {
                    g[places[a]] += w * jet.gradient[a];
                    for b in 0..N {
                        h[[places[a], places[b]]] -= w * jet.hessian[a][b];
                        if outer {
                            meat[[places[a], places[b]]] += w * jet.gradient[a] * jet.gradient[b];
                        }
                    }
                }
            }
        }
        if self.prior {
            for i in 0..self.n() {
                let p = logistic(point[i]);
                g[i] += 1.0 - 2.0 * p;
                h[[i, i]] += 2.0 * p * (1.0 - p);
            }
        }
        (g, h, meat)
    }

    /// Columns: the free directions in the space of points. Strengths (or features), home, tie.
    fn free_basis(&self) -> Array2<f64> {
        let n = self.n();
        let strengths = self.features.clone().unwrap_or_else(|| Array2::eye(n));
        let extra: Vec<usize> =
            [(self.home, n), (self.tie_free, n + 1)].iter().filter(|(f, _)| *f).map(|(_, k)| *k).collect();
        let mut free = Array2::zeros((n + 2, strengths.ncols() + extra.len()));
        free.slice_mut(ndarray::s![..n, ..strengths.ncols()]).assign(&strengths);
        extra.iter().enumerate().for_each(|(k, &at)| free[[at, strengths.ncols() + k]] = 1.0);
        free
    }

    /// Whether equal shifts of all strengths leave the objective as it is.
    fn is_shift_invariant(&self) -> bool {
        self.model.is_relative() && !self.prior && self.features.is_none()
    }

    /// The negative Hessian in free directions, made definite, and the weight of the term that does so.
    fn regularised_hessian(&self, h: &Array2<f64>, free: &Array2<f64>) -> (Mat<f64>, f64) {
        let reduced = match self.features {
            Some(_) => free.t().dot(h).dot(free),
            // free directions are coordinates: no products
            None => {
                let at: Vec<usize> = free.columns().into_iter().map(|c| unit_index(c)).collect();
                Array2::from_shape_fn((at.len(), at.len()), |(a, b)| h[[at[a], at[b]]])
            }
        };
        let n = self.n();
        let weight = if self.is_shift_invariant() {
            (0..n).map(|i| reduced[[i, i]]).sum::<f64>() / n as f64
        } else {
            0.0
        };
        let k = reduced.nrows();
        let lift = |i: usize, j: usize| if i < n && j < n { weight / n as f64 } else { 0.0 };
        (Mat::from_fn(k, k, |i, j| reduced[[i, j]] + if weight > 0.0 { lift(i, j) } else { 0.0 }), weight)
    }

    fn start(&self) -> Point {
        let mut point = Array1::zeros(self.n() + 2);
        point[self.n() + 1] = match (self.tie_free, self.model) {
            (true, model) => model.tie_start(),
            (false, Model::RaoKupper) => 0.0,
            (false, _) => f64::NEG_INFINITY,
        };
        point
    }

    fn solve(self) -> Result<Fit, FitError> {
        let (point, iterations, converged) = self.newton(self.start())?;
        let free = self.free_basis();
        Ok(self.finish(point, &free, iterations, converged))
    }

    /// Newton's method from `point`: where it ended, its steps, and whether it met the tolerance.
    fn newton(&self, mut point: Point) -> Result<(Point, u32, bool), FitError> {
        let free = self.free_basis();
        let mut value = self.objective(&point);
        for iteration in 1..=MAX_STEPS {
            let (g, h, _) = self.derivatives(&point, false);
            let g = self.reduce(&free, &g);
            let (mut matrix, _) = self.regularised_hessian(&h, &free);
            let direction = loop {
                if let Ok(llt) = matrix.llt(Side::Lower) {
                    let solution = llt.solve(&Mat::from_fn(g.len(), 1, |i, _| g[i]));
                    break Array1::from_shape_fn(g.len(), |i| solution[(i, 0)]);
                }
                if self.model != Model::GroundedRaoKupper {
                    return Err(FitError::Singular);
                }
                // not concave here: lean towards the gradient
                let most = (0..g.len()).map(|i| matrix[(i, i)].abs()).fold(1e-6, f64::max);
                (0..g.len()).for_each(|i| matrix[(i, i)] += most);
            };
            let moved = self.expand(&free, &direction);
            let size = moved.iter().fold(0.0f64, |m, d| m.max(d.abs()));
            if !size.is_finite() {
                return Err(FitError::Singular);
            }
            if size <= LAST_STEP {
                return Ok((point + moved, iteration, true));
            }
            // more than ten nats are never needed in one step
            let mut length = (10.0 / size).min(1.0);
            let slope = g.dot(&direction);
            loop {
                let next = &point + &(&moved * length);
                let allowed = !self.tie_free || self.model.tie_allowed(next[self.n() + 1]);
                let reached = if allowed { self.objective(&next) } else { f64::NEG_INFINITY };
                // near the maximum the gain is below rounding of the objective: there the full step is right
                if reached >= value + 1e-4 * length * slope - 1e-13 * value.abs() {
                    (point, value) = (next, reached);
                    break;
                }
                length *= 0.5;
                if length < 1e-12 {
                    return Ok((point, iteration, false));
                }
            }
        }
        Ok((point, MAX_STEPS, false))
    }

    /// A slope in free directions.
    fn reduce(&self, free: &Array2<f64>, slope: &Array1<f64>) -> Array1<f64> {
        match self.features {
            Some(_) => free.t().dot(slope),
            None => free.columns().into_iter().map(|c| slope[unit_index(c)]).collect(),
        }
    }

    /// A move of the free directions, as one of the point. Fixed entries do not move, also where they are infinite.
    fn expand(&self, free: &Array2<f64>, direction: &Array1<f64>) -> Point {
        match self.features {
            Some(_) => free.dot(direction),
            None => {
                let mut moved = Array1::zeros(self.n() + 2);
                free.columns().into_iter().zip(direction).for_each(|(c, d)| moved[unit_index(c)] = *d);
                moved
            }
        }
    }

    fn finish(self, point: Point, free: &Array2<f64>, iterations: u32, converged: bool) -> Fit {
        let n = self.n();
        let (_, h, meat) = self.derivatives(&point, true);
        let (matrix, lift) = self.regularised_hessian(&h, free);
        let k = matrix.nrows();
        let inverse = matrix.llt(Side::Lower).map(|llt| llt.inverse());
        let ones = if lift > 0.0 { 1.0 / (lift * n as f64) } else { 0.0 };
        let bread = Array2::from_shape_fn((k, k), |(a, b)| match &inverse {
            Ok(inverse) => inverse[(a, b)] - if a < n && b < n { ones } else { 0.0 },
            Err(_) => f64::NAN,
        });
        let reduced_meat = free.t().dot(&meat).dot(free);
        let sandwich = bread.dot(&reduced_meat).dot(&bread);
        // strengths are reported around their mean: project the covariances likewise, but for features
        let centred = |cov: &Array2<f64>| {
            let full = free.dot(cov).dot(&free.t());
            let mut strengths = full.slice(ndarray::s![..n, ..n]).to_owned();
            if self.features.is_none() && !self.is_shift_invariant() {
                let rows = strengths.mean_axis(ndarray::Axis(1)).expect("there are items");
                let all = rows.mean().expect("there are items");
                strengths =
                    Array2::from_shape_fn((n, n), |(i, j)| strengths[[i, j]] - rows[i] - rows[j] + all);
            }
            strengths
        };
        let (covariance, sandwich_strengths) = (centred(&bread), centred(&sandwich));
        let shift = match self.features {
            Some(_) => 0.0,
            None => point.slice(ndarray::s![..n]).mean().expect("there are items"),
        };
        let log_strength = point.slice(ndarray::s![..n]).mapv(|r| r - shift);
        let strengths = k - usize::from(self.home) - usize::from(self.tie_free);
        let error = |at: usize| Some(bread[[at, at]].sqrt());
        let mut parameters = Vec::new();
        if self.home {
            parameters.push(Parameter { name: "home", value: point[n], standard_error: error(strengths) });
        }
        if let Some((name, value, slope)) = self.model.tie_parameter(point[n + 1]) {
            let standard_error = if self.tie_free { error(k - 1).map(|e| e * slope) } else { None };
            parameters.push(Parameter { name, value, standard_error });
        }
        if !self.model.is_relative() {
            parameters.push(Parameter { name: "ground", value: -shift, standard_error: None });
        }
        let coefficients = match &self.features {
            None => Vec::new(),
            Some(x) => {
                // features are of full rank here, so that strengths determine coefficients
                let cross = x.t().dot(x);
                let gram = Mat::from_fn(x.ncols(), x.ncols(), |i, j| cross[[i, j]]);
                let right = x.t().dot(&log_strength);
                let rhs = Mat::from_fn(x.ncols(), 1, |i, _| right[i]);
                let b = gram.partial_piv_lu().solve(&rhs);
                (0..x.ncols()).map(|c| (b[(c, 0)], bread[[c, c]].sqrt())).collect()
            }
        };
        let log_likelihood = self.log_likelihood(&point);
        let floating = usize::from(self.features.is_none() && self.model.is_relative());
        let outcomes = match self.model {
            Model::BradleyTerry | Model::Thurstone => 1.0,
            Model::Davidson | Model::RaoKupper => {
                if self.tie_free {
                    2.0
                } else {
                    1.0
                }
            }
            Model::GroundedRaoKupper => {
                if self.tie_free {
                    3.0
                } else {
                    2.0
                }
            }
        };
        Fit {
            model: self.model,
            log_strength,
            covariance,
            sandwich: sandwich_strengths,
            parameters,
            coefficients,
            log_likelihood,
            deviance: 2.0 * (self.saturated() - log_likelihood),
            degrees_of_freedom: outcomes * self.cells.len() as f64 - (k - floating) as f64,
            exists: self.exists,
            blocks: self.blocks.clone(),
            prior: self.prior,
            converged,
            iterations,
            working: [point[n], point[n + 1]],
            shift,
        }
    }

    /// The log-likelihood of free outcome probabilities.
    fn saturated(&self) -> f64 {
        let cell = |c: &Cell| -> f64 {
            let total: f64 = c.weights.iter().sum();
            c.weights.iter().map(|&w| if w > 0.0 { w * (w / total).ln() } else { 0.0 }).sum()
        };
        self.cells.iter().map(cell).sum()
    }
}

/// The coordinate of a unit vector.
fn unit_index(column: ndarray::ArrayView1<'_, f64>) -> usize {
    column.iter().position(|&x| x != 0.0).expect("a unit vector has a one")
}
