//! Ideal points fitted to the votes of annotators: items and users are points, a user prefers the nearer item.
//!
//! ```text
//! Pr_u(i beats j) = sigma(|x_j - a_u|^2 - |x_i - a_u|^2),   a_u = sum_k w_uk p_k,  w_u = softmax(logits_u)
//! Pr(i beats j) = mean over the users of Pr_u(i beats j),   a tie counts half to each side
//! ```
//!
//! Chen et al. 2024, arXiv:2406.08469 (PAL), with free items in place of features. `prototypes: null` gives every user a point of its own (multidimensional
//! unfolding, Coombs 1950; Schoenemann, Wang 1972). Every user is a Bradley-Terry model with strengths `2 a_u . x_i - |x_i|^2`; with one
//! prototype all are the same one. In one dimension the majority of users without noise has no cycles (Black 1948); from two on it can have.
//!
//! Fitted by the posterior mode under a normal prior on all coordinates and logits, by Newton's method ([`newton`]); above
//! [`MOST_SHARED`] coordinates of items and prototypes by L-BFGS. The objective is not concave: the start has the
//! popularity of the items along the first axis, the leading singular vectors of what users deviate from it along the others, and
//! prototypes around the mean user; what is found from there is a stationary point. Coordinates are free up to rotations. Cost: O(d) a vote
//! and step.
//!
//! A user's weights are null where its own votes leave them open: where, items and prototypes as fitted, a weight ranges over more than
//! [`OPEN`] among the mixtures whose likelihood is within 1.92 of the best (the 95 percent likelihood region of one number), of
//! [`CANDIDATES`] mixtures drawn evenly from all. Likewise a point of its own, where a coordinate ranges over more than two standard deviations
//! of the prior among points drawn from it.

use equipoise_core::lbfgs::{Minimum, minimise};
use equipoise_core::logistic::{PairLikelihood, log_sigmoid, logistic};
use equipoise_core::registry::{BuildError, ensure};
use equipoise_core::{sample, seed::stream};
use equipoise_data::{Battles, Observations};
use faer::{Mat, Side};
use ndarray::{Array1, Array2, ArrayView1, Axis};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::canonical::Canonical;
use crate::descent::Fall;
use crate::error::FitError;
use crate::fitted::{Column, Convergence, Existence, Fitted, Iteration, ModelResult};
use crate::ideal_points::{by_logits, mixture};
use crate::registry::{ModelEntry, PreferenceModel, Watch};
use crate::unfolding::newton;
use crate::unfolding::votes::{Cell, Shape, Votes, objective};

pub(super) const ENTRY: ModelEntry = ModelEntry::of::<Entry>(
    "ideal-points",
    "users and items are points, a user prefers the nearer item; users are mixtures of prototypes",
    "Chen et al. 2024, arXiv:2406.08469 (PAL)",
)
.sought_as(&["pal", "pal-a", "ideal-point", "unfolding"])
.fitted("posterior mode by Newton's method; no errors");

/// Largest range of a mixture weight that is still an answer: a weight lies between 0 and 1.
pub(super) const OPEN: f64 = 0.25;
/// Mixtures (or points) that a user's votes are held against.
pub(super) const CANDIDATES: usize = 200;
/// How far below the best the log-likelihood may be: half the 95 percent quantile of the chi-squared law of one degree.
const REGION: f64 = 1.920_729_410_347_062;
/// Steps at most.
const MOST_STEPS: u32 = 20_000;
/// Variables of items and prototypes above which the Hessian is not formed.
const MOST_SHARED: usize = 1_000;
/// Largest entry of the gradient at the end in units of standard errors, for an average item's one vote.
const TOLERANCE: f64 = 1e-9;
/// Length of what is added to the start, so that it is no saddle point.
const NUDGE: f64 = 0.05;

/// Options of ideal points.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct IdealPointsOptions {
    /// Coordinates of an item, at least 1.
    pub dimension: usize,
    /// Prototypes that users are mixtures of, at least 1 (one: all users alike); null: every user has a point of its own.
    pub prototypes: Option<usize>,
    /// Variance of the normal prior of every coordinate and logit, above 0.
    pub prior_variance: f64,
}

impl Default for IdealPointsOptions {
    fn default() -> Self {
        Self { dimension: 2, prototypes: Some(2), prior_variance: 1.0 }
    }
}

struct Entry;

impl PreferenceModel for Entry {
    type Options = IdealPointsOptions;
    type Data = Battles;

    fn check(options: &IdealPointsOptions) -> Result<(), BuildError> {
        ensure(options.dimension >= 1, "dimension", options.dimension, "must be at least 1")?;
        if let Some(k) = options.prototypes {
            ensure(k >= 1, "prototypes", k, "must be at least 1, or null for a point of every user")?;
        }
        let v = options.prior_variance;
        ensure(v > 0.0 && v.is_finite(), "prior_variance", v, "must be finite and above 0")
    }

    fn fit(data: &Battles, options: IdealPointsOptions, watch: Watch<'_>) -> Result<Fitted, FitError> {
        let votes = Votes::of(data);
        if votes.cells.is_empty() {
            return Err(FitError::Nothing);
        }
        let start = start(&votes, data, options);
        let shape = shape(&start);
        let mut theta: Vec<f64> =
            start.items.iter().chain(&start.points).chain(&start.logits).copied().collect();
        let tolerance = TOLERANCE * (votes.total / votes.items as f64).max(1.0).sqrt();
        let precision = 1.0 / options.prior_variance;
        // every variable in units of about its standard error, so that items of many votes and users of few are of one size
        let units: Vec<f64> =
            votes.seen(shape).iter().map(|votes| (precision + votes).sqrt().recip()).collect();
        let (by, found) = match shape.shared() <= MOST_SHARED {
            true => {
                let until = (Fall::to(tolerance, watch), tolerance, MOST_STEPS);
                (Iteration::Newton, newton::minimise(&votes, shape, precision, &units, &mut theta, until))
            }
            false => (
                Iteration::Passes("L-BFGS"),
                by_gradients(&votes, shape, precision, &units, &mut theta, (tolerance, watch)),
            ),
        };
        let [items, points, logits] = shape.split(&theta).map(|part| part.to_vec());
        let array = |rows: usize, columns: usize, all| {
            Array2::from_shape_vec((rows, columns), all).expect("as many as in the start")
        };
        let mut result = IdealPoints {
            items: array(shape.items, shape.dimension, items),
            points: array(shape.points, shape.dimension, points),
            logits: array(shape.users, shape.weights(), logits),
            users: Vec::new(),
            seen: Array2::zeros((0, 0)),
            prior_variance: options.prior_variance,
        };
        let seen = (0..shape.users).flat_map(|u| result.strengths(&result.point(u))).collect();
        result.seen = array(shape.users, shape.items, seen);
        let candidates = result.candidates();
        let user = |u: usize| result.user(&votes, &candidates, u, &data.annotators[votes.users[u]]);
        result.users = (0..shape.users).into_par_iter().map(user).collect();
        let log_likelihood = votes.cells.iter().map(|c| result.likelihood(c).value()).sum();
        let both_ways = votes.cells.iter().all(|c| c.won > 0.0 && c.lost > 0.0);
        // all users alike: one strength an item
        let alike = (options.prototypes == Some(1) || shape.users == 1).then(|| {
            let r = Array1::from(result.strengths(&result.point(0)));
            let mean = r.mean().unwrap_or(0.0);
            r - mean
        });
        Ok(Fitted {
            log_strength: alike,
            log_likelihood: Some(log_likelihood),
            existence: if both_ways { Existence::Finite } else { Existence::NotFound },
            prior: true,
            convergence: Convergence { by, converged: found.converged, iterations: found.steps },
            ..Fitted::new(data.labels.clone(), result)
        })
    }
}

/// L-BFGS, in variables of about unit errors.
fn by_gradients(
    votes: &Votes,
    shape: Shape,
    precision: f64,
    units: &[f64],
    theta: &mut [f64],
    (tolerance, watch): (f64, Watch<'_>),
) -> Minimum {
    theta.iter_mut().zip(units).for_each(|(x, unit)| *x /= unit);
    let mut at = vec![0.0; theta.len()];
    let told = Fall::to(tolerance, watch).of(|x, g| {
        at.iter_mut().zip(x.iter().zip(units)).for_each(|(at, (x, unit))| *at = x * unit);
        let value = objective(votes, shape, precision, &at, g);
        g.iter_mut().zip(units).for_each(|(g, unit)| *g *= unit);
        value
    });
    let found = minimise(theta, tolerance, MOST_STEPS, told);
    theta.iter_mut().zip(units).for_each(|(x, unit)| *x *= unit);
    found
}

/// Where the iteration starts.
fn start(votes: &Votes, data: &Battles, options: IdealPointsOptions) -> IdealPoints {
    let (n, d, users) = (votes.items, options.dimension, votes.users.len());
    // how far each item is ahead, for each user and for all, shrunk towards 0
    let (mut own, mut met) = (Array2::<f64>::zeros((users, n)), Array2::<f64>::from_elem((users, n), 2.0));
    for c in &votes.cells {
        for (item, lead) in [(c.i, c.won - c.lost), (c.j, c.lost - c.won)] {
            own[[c.user, item]] += lead;
            met[[c.user, item]] += c.won + c.lost;
        }
    }
    let popular = 2.0 * &own.sum_axis(Axis(0)) / (&met.sum_axis(Axis(0)) - 2.0 * (users as f64 - 1.0));
    own /= &met;
    own -= &own.mean_axis(Axis(0)).expect("there are users");
    // the axes after the first: leading eigenvectors of the items' covariance over users
    let covariance = own.t().dot(&own);
    let eigen = Mat::from_fn(n, n, |i, j| covariance[[i, j]])
        .self_adjoint_eigen(Side::Lower)
        .expect("a finite symmetric matrix has eigenvalues");
    let canonical = Canonical::of(&Observations::from(data.counts()));
    let mut rng = stream(0, "ideal-points", &[]);
    let nudges = Array2::from_shape_fn((n, d), |_| NUDGE * sample::normal(&mut rng));
    let mut items = Array2::from_shape_fn((n, d), |(i, l)| {
        let first_of_colour =
            canonical.order.iter().position(|&k| canonical.colour[k] == canonical.colour[i]);
        nudges[[first_of_colour.expect("it has its own colour"), l]]
    });
    let mut along = Array2::<f64>::zeros((users, d));
    items.column_mut(0).scaled_add(0.5, &popular);
    for l in 1..d.min(n) {
        let axis = Array1::from_shape_fn(n, |i| eigen.U()[(i, n - l)]);
        // the sign that makes the same data the same start
        let skew = axis.mapv(|x| x.powi(3)).sum();
        let axis = if skew < 0.0 { -axis } else { axis };
        let length = eigen.S()[n - l].max(0.0).sqrt() / (users as f64).sqrt();
        items.column_mut(l).scaled_add(length.sqrt(), &axis);
        along.column_mut(l).assign(&own.dot(&axis));
    }
    // the mean user stands at 1 on the first axis
    let round = |k: usize, of: usize| 2.0 * std::f64::consts::PI * k as f64 / of as f64;
    let (points, logits) = match options.prototypes {
        None => {
            let mut points = along;
            points.column_mut(0).fill(1.0);
            (points, Array2::zeros((users, 0)))
        }
        Some(count) => {
            let points = Array2::from_shape_fn((count, d), |(k, l)| match (l, d) {
                (0, 1) => 1.0 + 0.5 * round(k, count).cos(),
                (0, _) => 1.0,
                (1, _) => round(k, count).cos(),
                (2, _) => round(k, count).sin(),
                _ => 0.0,
            });
            let logits = Array2::from_shape_fn((users, count), |(u, k)| {
                along.row(u).dot(&points.row(k)) - along[[u, 0]]
            });
            (points, logits)
        }
    };
    IdealPoints {
        items,
        points,
        logits,
        users: Vec::new(),
        seen: Array2::zeros((0, 0)),
        prior_variance: options.prior_variance,
    }
}

/// How many of everything there are.
fn shape(start: &IdealPoints) -> Shape {
    let (items, dimension) = start.items.dim();
    let mixed = start.logits.ncols() > 0;
    Shape { items, users: start.logits.nrows(), points: start.points.nrows(), dimension, mixed }
}

/// A user that voted.
#[derive(Clone, Debug, PartialEq)]
struct User {
    annotator: String,
    votes: f64,
    /// Why its own votes leave its point open.
    open: Option<String>,
}

/// Fitted points of items and users.
#[derive(Clone, Debug, PartialEq)]
pub struct IdealPoints {
    /// Points of the items, `[n][d]`.
    pub items: Array2<f64>,
    /// Prototypes, `[k][d]`; without them a point of every user, `[users][d]`.
    pub points: Array2<f64>,
    /// Logits of the users' mixtures, `[users][k]`; without prototypes `[users][0]`.
    pub logits: Array2<f64>,
    users: Vec<User>,
    /// [`IdealPoints::strengths`] of every user, `[users][n]`.
    seen: Array2<f64>,
    prior_variance: f64,
}

impl IdealPoints {
    /// Mixture of a user, in the order in which annotators first voted; `None` without prototypes.
    ///
    /// # Panics
    /// If there is no such user.
    #[must_use]
    pub fn weights(&self, user: usize) -> Option<Vec<f64>> {
        (self.logits.ncols() > 0).then(|| mixture(&self.logits.row(user).to_vec(), 1.0))
    }

    /// The ideal point of a user, `[d]`.
    ///
    /// # Panics
    /// If there is no such user.
    #[must_use]
    pub fn point(&self, user: usize) -> Vec<f64> {
        match self.weights(user) {
            Some(weights) => Array1::from(weights).dot(&self.points).to_vec(),
            None => self.points.row(user).to_vec(),
        }
    }

    /// Log strengths of the items for whom is at `point`, up to a constant: `2 a . x - |x|^2`.
    #[must_use]
    pub fn strengths(&self, point: &[f64]) -> Vec<f64> {
        let strength = |x: ArrayView1<'_, f64>| x.iter().zip(point).map(|(x, a)| x * (2.0 * a - x)).sum();
        self.items.outer_iter().map(strength).collect()
    }

    /// `Pr(i beats j)` for a user.
    ///
    /// # Panics
    /// If there is no such user or item.
    #[must_use]
    pub fn prob_of(&self, user: usize, i: usize, j: usize) -> f64 {
        logistic(self.score(&self.point(user), i, j))
    }

    /// The mixture of a new user by its votes `(i, j, wins of i, wins of j)`, items and prototypes as they are: the posterior mode
    /// under the fit's prior. Empty without prototypes.
    ///
    /// # Panics
    /// If there is no such item.
    #[must_use]
    pub fn few_shot(&self, votes: &[(usize, usize, f64, f64)]) -> Vec<f64> {
        let mut logits = vec![0.0; self.logits.ncols()];
        let tolerance = TOLERANCE * votes.iter().map(|v| v.2 + v.3).sum::<f64>().max(1.0);
        minimise(&mut logits, tolerance, MOST_STEPS, |logits, g| {
            let weights = mixture(logits, 1.0);
            let point = Array1::from(weights.clone()).dot(&self.points).to_vec();
            let mut by_weight = vec![0.0; weights.len()];
            let mut value = logits.iter().map(|z| z * z / (2.0 * self.prior_variance)).sum::<f64>();
            for &(i, j, won, lost) in votes {
                let likelihood = PairLikelihood::at(self.score(&point, i, j), won, lost);
                value -= likelihood.value();
                let turn = 2.0 * (&self.items.row(i) - &self.items.row(j));
                by_weight
                    .iter_mut()
                    .zip(self.points.outer_iter())
                    .for_each(|(s, p)| *s -= likelihood.slope() * turn.dot(&p));
            }
            let by_logit = by_logits(&weights, &by_weight, 1.0);
            g.iter_mut()
                .zip(by_logit.iter().zip(logits))
                .for_each(|(g, (s, z))| *g = s + z / self.prior_variance);
            value
        });
        mixture(&logits, 1.0)
    }

    fn score(&self, point: &[f64], i: usize, j: usize) -> f64 {
        let (x, y) = (self.items.row(i), self.items.row(j));
        (0..point.len()).map(|l| (x[l] - y[l]) * (2.0 * point[l] - x[l] - y[l])).sum()
    }

    fn likelihood(&self, c: &Cell) -> PairLikelihood {
        PairLikelihood::at(self.score(&self.point(c.user), c.i, c.j), c.won, c.lost)
    }

    /// Mixtures drawn evenly, the prototypes themselves among them, or points drawn from the prior: with the strengths that the items
    /// have there.
    fn candidates(&self) -> Vec<(Vec<f64>, Vec<f64>)> {
        let mut rng = stream(0, "ideal-points", &["candidates"]);
        let (k, d) = (self.logits.ncols(), self.points.ncols());
        let mut candidate = |index: usize| {
            if k == 0 {
                let point: Vec<f64> =
                    (0..d).map(|_| self.prior_variance.sqrt() * sample::normal(&mut rng)).collect();
                let strengths = self.strengths(&point);
                return (point, strengths);
            }
            // gaps of exponential length are an even draw from the simplex
            let gaps: Vec<f64> = (0..k).map(|_| -(1.0 - sample::uniform(&mut rng)).ln()).collect();
            let total: f64 = gaps.iter().sum();
            let weights: Vec<f64> = match index < k {
                true => (0..k).map(|l| f64::from(u8::from(l == index))).collect(),
                false => gaps.iter().map(|gap| gap / total).collect(),
            };
            let strengths = self.strengths(&Array1::from(weights.clone()).dot(&self.points).to_vec());
            (weights, strengths)
        };
        (0..CANDIDATES + k).map(&mut candidate).collect()
    }

    /// A user, and whether its votes say where it is.
    fn user(&self, votes: &Votes, candidates: &[(Vec<f64>, Vec<f64>)], user: usize, annotator: &str) -> User {
        let from = votes.cells.partition_point(|c| c.user < user);
        let to = votes.cells.partition_point(|c| c.user <= user);
        let cells = &votes.cells[from..to];
        let value = |r: &[f64]| -> f64 {
            let of_cell = |c: &Cell| {
                let t = r[c.i] - r[c.j];
                // log sigma(-t) = log sigma(t) - t
                (c.won + c.lost) * log_sigmoid(t) - c.lost * t
            };
            cells.iter().map(of_cell).sum()
        };
        let values: Vec<f64> = candidates.iter().map(|(_, r)| value(r)).collect();
        let best = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let likely =
            || candidates.iter().zip(&values).filter(|(_, v)| **v >= best - REGION).map(|(c, _)| &c.0);
        let range = |l: usize| {
            let (low, high) =
                likely().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), c| (a.min(c[l]), b.max(c[l])));
            high - low
        };
        let widest = (0..candidates[0].0.len()).map(range).fold(0.0, f64::max);
        let (what, bound) = match self.logits.ncols() {
            0 => ("coordinate", 2.0 * self.prior_variance.sqrt()),
            _ => ("weight", OPEN),
        };
        let total: f64 = cells.iter().map(|c| c.won + c.lost).sum();
        let open = (widest > bound)
            .then(|| format!("its votes ({total}) leave a {what} open: {widest:.2} wide, above {bound:.2}"));
        User { annotator: annotator.to_owned(), votes: total, open }
    }
}

impl ModelResult for IdealPoints {
    fn prob(&self, i: usize, j: usize) -> f64 {
        let (left, right) = (self.seen.column(i), self.seen.column(j));
        left.iter().zip(right).map(|(a, b)| logistic(a - b)).sum::<f64>() / self.seen.nrows() as f64
    }

    fn prior(&self) -> &'static str {
        "a normal prior on all coordinates and logits"
    }

    fn own(&self) -> Map<String, Value> {
        let rows = |a: &Array2<f64>| -> Value { a.outer_iter().map(|row| json!(row.to_vec())).collect() };
        let users = self.users.iter().enumerate().map(|(u, user)| {
            let (said, point) = (user.open.is_none(), self.point(u));
            let mut one = json!({
                "annotator": user.annotator,
                "votes": user.votes,
                "weights": self.weights(u).filter(|_| said),
                "log_strength": said.then(|| centred(self.strengths(&point))),
                "point": said.then_some(point),
            });
            if let Some(reason) = &user.open {
                one["reason"] = json!(reason);
            }
            one
        });
        let mut own = Map::from_iter([
            ("dimension".to_owned(), json!(self.items.ncols())),
            ("items".to_owned(), rows(&self.items)),
            ("users".to_owned(), users.collect()),
        ]);
        if self.logits.ncols() > 0 {
            let strengths = self.points.outer_iter().map(|p| json!(centred(self.strengths(&p.to_vec()))));
            own.insert("prototypes".to_owned(), rows(&self.points));
            own.insert("prototype_log_strength".to_owned(), strengths.collect());
        }
        own
    }

    fn columns(&self) -> Vec<Column> {
        let users = self.logits.nrows();
        let mut mean = Array1::<f64>::zeros(self.items.nrows());
        (0..users).for_each(|u| mean += &Array1::from(centred(self.strengths(&self.point(u)))));
        let values = mean / users as f64;
        vec![Column { name: "mean log strength over users".to_owned(), values, errors: None }]
    }

    fn notes(&self) -> Vec<String> {
        let (users, open) = (self.users.len(), self.users.iter().filter(|u| u.open.is_some()).count());
        let mut notes = vec![format!("probabilities are means over {users} annotators, each the same")];
        if open > 0 {
            notes.push(format!("of {open} annotators the votes leave open where they are (--json: users)"));
        }
        notes
    }
}

fn centred(mut r: Vec<f64>) -> Vec<f64> {
    let mean = r.iter().sum::<f64>() / r.len() as f64;
    r.iter_mut().for_each(|r| *r -= mean);
    r
}
