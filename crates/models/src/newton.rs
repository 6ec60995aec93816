//! Newton's method on an objective to be maximised, for the models of this crate: the loop is [`equipoise_core::newton`]'s,
//! the linear systems are faer's, the damping is a line search.

use std::cell::Cell;

use equipoise_core::logistic::{log_sigmoid, logistic};
use equipoise_core::newton::{Damped, NewtonError, Problem, solve};
use faer::linalg::solvers::{DenseSolveCore as _, Solve as _};
use faer::{Mat, Side};
use ndarray::{Array1, Array2, Axis};

use crate::error::FitError;
use crate::registry::Watch;

/// Newton steps at most.
pub(crate) const MAX_STEPS: usize = 200;
/// A step below this (in nats) is followed by none: its square is below rounding.
const LAST_STEP: f64 = 1e-9;

/// How far to go along `direction`, at which the objective `here` has the given `slope`: the step is halved until `value`
/// at its end is large enough (Armijo 1966). Also that value; `here` of a last step, which is not checked.
pub(crate) fn line_search(
    x: &Array1<f64>,
    direction: &Array1<f64>,
    (here, slope): (f64, f64),
    value: impl Fn(&Array1<f64>) -> f64,
) -> Option<(Damped, f64)> {
    let size = direction.iter().fold(0.0f64, |m, s| m.max(s.abs()));
    if size <= LAST_STEP {
        return Some((Damped { length: 1.0, last: true }, here));
    }
    // more than ten nats are never needed in one step
    let mut length = (10.0 / size).min(1.0);
    loop {
        let next = x + &(direction * length);
        // near the maximum the gain is below rounding of the objective: there the full step is right
        let reached = value(&next);
        if reached >= here + 1e-4 * length * slope - 1e-13 * here.abs() {
            return Some((Damped { length, last: false }, reached));
        }
        length *= 0.5;
        if length < 1e-12 {
            return None;
        }
    }
}

/// Tells of Newton's steps, of which nobody knows how many there will be: each is taken to do three tenths of what is left.
pub(crate) struct Told<'a> {
    watch: Watch<'a>,
    steps: Cell<i32>,
}

impl<'a> Told<'a> {
    pub(crate) fn to(watch: Watch<'a>) -> Self {
        Self { watch, steps: Cell::new(0) }
    }

    /// `derivatives`, which are asked for once a step.
    pub(crate) fn of<R>(self, derivatives: impl Fn(&Array1<f64>) -> R) -> impl Fn(&Array1<f64>) -> R {
        move |point| {
            self.step();
            derivatives(point)
        }
    }

    /// One more step.
    pub(crate) fn step(&self) {
        self.steps.set(self.steps.get() + 1);
        (self.watch)(1.0 - 0.7f64.powi(self.steps.get()));
    }
}

/// Where Newton's method ended.
pub(crate) struct Optimum {
    pub(crate) point: Array1<f64>,
    /// Inverse of the negative Hessian there, on the complement of the flat directions.
    pub(crate) inverse: Array2<f64>,
    pub(crate) iterations: u32,
    pub(crate) converged: bool,
}

/// Maximises from `start`. `derivatives` gives value, gradient and negative Hessian; nothing changes along the `flat`
/// directions, which are orthogonal to each other: a term of rank one for each makes the Hessian definite without moving
/// the step, and is taken out of the inverse again.
pub(crate) fn newton(
    start: Array1<f64>,
    flat: &[Array1<f64>],
    value: impl Fn(&Array1<f64>) -> f64,
    derivatives: impl Fn(&Array1<f64>) -> (f64, Array1<f64>, Array2<f64>),
) -> Result<Optimum, FitError> {
    let n = start.len();
    let flat: Vec<Array1<f64>> = flat.iter().map(|u| u / u.dot(u).sqrt()).collect();
    let mut problem = Maximum { flat, value, derivatives, here: 0.0, slope: 0.0 };
    let mut point = start;
    let (iterations, converged) = match solve(&mut problem, &mut point, MAX_STEPS) {
        Ok(steps) => (steps, true),
        Err(NewtonError::Limit { steps }) => (steps, false),
        Err(_) => return Err(FitError::Singular),
    };
    let (_, _, h) = (problem.derivatives)(&point);
    let (matrix, scale) = lifted(&h, &problem.flat);
    let inverse = matrix.llt(Side::Lower).map_err(|_| FitError::Singular)?.inverse();
    let along = |i: usize, j: usize| problem.flat.iter().map(|u| u[i] * u[j] / scale).sum::<f64>();
    let inverse = Array2::from_shape_fn((n, n), |(i, j)| inverse[(i, j)] - along(i, j));
    Ok(Optimum { point, inverse, iterations: iterations as u32, converged })
}

/// A Hessian with its flat directions lifted, and by how much.
pub(crate) fn lifted(h: &Array2<f64>, flat: &[Array1<f64>]) -> (Mat<f64>, f64) {
    let n = h.nrows();
    let scale = h.diag().sum() / n as f64;
    let lift = |i: usize, j: usize| flat.iter().map(|u| scale * u[i] * u[j]).sum::<f64>();
    (Mat::from_fn(n, n, |i, j| h[[i, j]] + lift(i, j)), scale)
}

struct Maximum<V, D> {
    flat: Vec<Array1<f64>>,
    value: V,
    derivatives: D,
    /// The objective and its slope along the direction, where that was last asked for.
    here: f64,
    slope: f64,
}

impl<V, D> Problem for Maximum<V, D>
where
    V: Fn(&Array1<f64>) -> f64,
    D: Fn(&Array1<f64>) -> (f64, Array1<f64>, Array2<f64>),
{
    fn direction(&mut self, x: &Array1<f64>) -> Option<Array1<f64>> {
        let (here, g, h) = (self.derivatives)(x);
        let llt = lifted(&h, &self.flat).0.llt(Side::Lower).ok()?;
        let solution = llt.solve(&Mat::from_fn(g.len(), 1, |i, _| g[i]));
        let direction = Array1::from_shape_fn(g.len(), |i| solution[(i, 0)]);
        (self.here, self.slope) = (here, g.dot(&direction));
        Some(direction)
    }

    fn damp(&mut self, x: &Array1<f64>, direction: &Array1<f64>) -> Option<Damped> {
        line_search(x, direction, (self.here, self.slope), &self.value).map(|(step, _)| step)
    }
}

/// Adds `log sigma(x) + log sigma(-x)` of every entry to slope and negative curvature; its value.
pub(crate) fn add_logistic_prior(x: &Array1<f64>, g: &mut Array1<f64>, h: &mut Array2<f64>) -> f64 {
    let mut value = 0.0;
    for (i, &x) in x.iter().enumerate() {
        let p = logistic(x);
        value += log_sigmoid(x) + log_sigmoid(-x);
        g[i] += 1.0 - 2.0 * p;
        h[[i, i]] += 2.0 * p * (1.0 - p);
    }
    value
}

/// `a b`, on all threads for large matrices.
pub(crate) fn product(a: &Array2<f64>, b: &Array2<f64>) -> Array2<f64> {
    let of = |m: &Array2<f64>| Mat::from_fn(m.nrows(), m.ncols(), |i, j| m[[i, j]]);
    let product = of(a) * of(b);
    Array2::from_shape_fn((a.nrows(), b.ncols()), |(i, j)| product[(i, j)])
}

/// The covariance of the deviations from the mean.
pub(crate) fn centred(covariance: &Array2<f64>) -> Array2<f64> {
    let rows = covariance.mean_axis(Axis(1)).expect("there are items");
    let all = rows.mean().expect("there are items");
    Array2::from_shape_fn(covariance.dim(), |(i, j)| covariance[[i, j]] - rows[i] - rows[j] + all)
}
