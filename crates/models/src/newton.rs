//! Newton's method on a concave objective given as functions, for models beside [`crate::fit()`].

use equipoise_core::logistic::{log_sigmoid, logistic};
use faer::linalg::solvers::{DenseSolveCore as _, Solve as _};
use faer::{Mat, Side};
use ndarray::{Array1, Array2, Axis};

use crate::fit::FitError;

/// Newton steps at most.
const MAX_STEPS: u32 = 200;
/// A step below this (in nats) is followed by none: its square is below rounding.
const LAST_STEP: f64 = 1e-9;

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
    let lifted = |h: &Array2<f64>| {
        let scale = h.diag().sum() / n as f64;
        let lift = |i: usize, j: usize| flat.iter().map(|u| scale * u[i] * u[j]).sum::<f64>();
        (Mat::from_fn(n, n, |i, j| h[[i, j]] + lift(i, j)), scale)
    };
    let (mut point, mut iterations, mut converged) = (start, 0, false);
    while !converged && iterations < MAX_STEPS {
        iterations += 1;
        let (here, g, h) = derivatives(&point);
        let llt = lifted(&h).0.llt(Side::Lower).map_err(|_| FitError::Singular)?;
        let solution = llt.solve(&Mat::from_fn(n, 1, |i, _| g[i]));
        let step = Array1::from_shape_fn(n, |i| solution[(i, 0)]);
        let size = step.iter().fold(0.0f64, |m, s| m.max(s.abs()));
        if !size.is_finite() {
            return Err(FitError::Singular);
        }
        converged = size <= LAST_STEP;
        // more than ten nats are never needed in one step
        let (mut length, slope) = ((10.0 / size).min(1.0), g.dot(&step));
        loop {
            let next = &point + &(&step * length);
            // near the maximum the gain is below rounding of the objective: there the full step is right
            if converged || value(&next) >= here + 1e-4 * length * slope - 1e-13 * here.abs() {
                point = next;
                break;
            }
            length *= 0.5;
            if length < 1e-12 {
                return Err(FitError::Singular);
            }
        }
    }
    let (_, _, h) = derivatives(&point);
    let (matrix, scale) = lifted(&h);
    let inverse = matrix.llt(Side::Lower).map_err(|_| FitError::Singular)?.inverse();
    let along = |i: usize, j: usize| flat.iter().map(|u| u[i] * u[j] / scale).sum::<f64>();
    let inverse = Array2::from_shape_fn((n, n), |(i, j)| inverse[(i, j)] - along(i, j));
    Ok(Optimum { point, inverse, iterations, converged })
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

/// The covariance of the deviations from the mean.
pub(crate) fn centred(covariance: &Array2<f64>) -> Array2<f64> {
    let rows = covariance.mean_axis(Axis(1)).expect("there are items");
    let all = rows.mean().expect("there are items");
    Array2::from_shape_fn(covariance.dim(), |(i, j)| covariance[[i, j]] - rows[i] - rows[j] + all)
}
