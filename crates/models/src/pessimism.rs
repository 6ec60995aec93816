//! Pessimism over a linear reward: the likelihood in a ball, and the policy that is best for the least favourable reward.
//!
//! ```text
//! theta_hat = argmax sum_k w_k log sig(theta . x_k)    subject to |theta| <= B         x_k = phi(winner) - phi(loser)
//! E         = { theta : |theta - theta_hat|_A <= R }                                   A = Sigma + lambda I
//! pi        = argmax_pi min_{theta in E} theta . u     = argmax_pi theta_hat . u - R |u|_{A^-1}         u = E_pi phi - v
//! R^2       = (d + log(1 / delta)) / (gamma^2 n) + lambda B^2                          gamma = 1 / (2 + e^{-LB} + e^{LB})
//! ```
//!
//! Zhu, Jiao and Jordan 2023 (arXiv:2301.11270). The objective is concave in the policy and its maximiser may be mixed; it is a cone
//! programme (`clarabel`). Nothing is taken on trust from the solver: by minimax the value is also `min_{theta in E} max_y theta . (phi(y)
//! - v)`, so that any reward in E bounds it from above, and the dual solution is such a reward.

use clarabel::algebra::CscMatrix;
use clarabel::solver::{
    DefaultSettingsBuilder, DefaultSolver, IPSolver as _, NonnegativeConeT, SecondOrderConeT, ZeroConeT,
};
use equipoise_core::logistic::{log_sigmoid, logistic};
use faer::{Mat, Side};
use ndarray::{Array1, Array2, ArrayView2};

use crate::error::FitError;
use crate::newton::newton;

/// What a likelihood in a ball is bisected to, relative to the radius.
const BOUNDARY: f64 = 1e-10;

/// Maximises `sum_k weights_k log sig(theta . x_k)` over `|theta| <= bound`, rows of `differences` `[comparisons x d]` the features of the
/// winner less those of the loser. On the sphere the multiplier of the constraint is found by bisection; inside, the shortest maximiser is
/// returned (where several are), up to a ridge of 1e-12 a comparison. It always exists, also on separable data.
///
/// # Errors
/// [`FitError::Nothing`] without comparisons; [`FitError::Singular`] where a linear system is not solved.
pub fn likelihood_in_ball(
    differences: ArrayView2<'_, f64>,
    weights: &[f64],
    bound: f64,
) -> Result<Array1<f64>, FitError> {
    let (d, total) = (differences.ncols(), weights.iter().sum::<f64>());
    if total.partial_cmp(&0.0) != Some(std::cmp::Ordering::Greater) || weights.len() != differences.nrows() {
        return Err(FitError::Nothing);
    }
    let value = |theta: &Array1<f64>, mu: f64| {
        let z = differences.dot(theta);
        z.iter().zip(weights).map(|(z, w)| w * log_sigmoid(*z)).sum::<f64>() - 0.5 * mu * theta.dot(theta)
    };
    let at = |mu: f64| {
        let found = newton(
            Array1::zeros(d),
            &[],
            |theta| value(theta, mu),
            |theta| {
                let mut gradient = -mu * theta;
                let mut curvature = Array2::eye(d) * mu;
                for ((x, w), z) in differences.rows().into_iter().zip(weights).zip(differences.dot(theta)) {
                    let p = logistic(-z);
                    gradient.scaled_add(w * p, &x);
                    for i in 0..d {
                        curvature.row_mut(i).scaled_add(w * p * (1.0 - p) * x[i], &x);
                    }
                }
                (value(theta, mu), gradient, curvature)
            },
        )?;
        Ok::<_, FitError>(found.point)
    };
    let length = |theta: &Array1<f64>| theta.dot(theta).sqrt();
    let (mut low, mut high) = (1e-12 * total, total);
    let inside = at(low)?;
    if length(&inside) <= bound {
        return Ok(inside);
    }
    while length(&at(high)?) > bound {
        high *= 16.0;
    }
    loop {
        let middle = (low * high).sqrt();
        let theta = at(middle)?;
        let off = length(&theta) / bound - 1.0;
        if off.abs() <= BOUNDARY || high / low - 1.0 <= 1e-14 {
            return Ok(theta);
        }
        if off > 0.0 { low = middle } else { high = middle }
    }
}

/// The radius of the confidence set with probability `1 - delta` after `n` comparisons in `d` dimensions, up to the constant of the proof:
/// `sqrt((d + log(1 / delta)) / (gamma^2 n) + lambda B^2)`, where rewards are at most `reward = L B`.
#[must_use]
pub fn confidence_radius(d: usize, n: f64, delta: f64, reward: f64, (lambda, bound): (f64, f64)) -> f64 {
    let gamma = 1.0 / (2.0 + (-reward).exp() + reward.exp());
    ((d as f64 - delta.ln()) / (gamma * gamma * n) + lambda * bound * bound).sqrt()
}

/// A policy that is best for the least favourable reward of an ellipsoid.
#[derive(Clone, Debug)]
pub struct Pessimistic {
    /// Probabilities of the answers, `[n]`.
    pub policy: Array1<f64>,
    /// `theta_hat . u - R |u|_{A^-1}` at the policy.
    pub value: f64,
    /// What no policy exceeds, `max_y worst . (phi(y) - v)`: a proof of how good the policy is.
    pub at_most: f64,
    /// The reward of the ellipsoid that proves it, `[d]`.
    pub worst: Array1<f64>,
}

/// The pessimistic policy over answers with `features` `[n x d]`, for rewards within `radius` of `theta` `[d]` in the norm of `design` =
/// `Sigma + lambda I` `[d x d]`, against the features `origin` `[d]` of what it is compared with.
///
/// # Errors
/// [`FitError::Features`] for shapes that do not fit; [`FitError::Singular`] if `design` is not positive definite, or the cone programme
/// was not solved.
pub fn pessimistic_policy(
    features: ArrayView2<'_, f64>,
    theta: &Array1<f64>,
    origin: &Array1<f64>,
    design: ArrayView2<'_, f64>,
    radius: f64,
) -> Result<Pessimistic, FitError> {
    let (n, d) = features.dim();
    if theta.len() != d || origin.len() != d || design.dim() != (d, d) || n == 0 {
        return Err(FitError::Features { rows: n, items: d });
    }
    let llt = Mat::from_fn(d, d, |i, j| design[[i, j]]).llt(Side::Lower).map_err(|_| FitError::Singular)?;
    let lower = llt.L();
    // M = (Phi - 1 v') L^-T, so that M' pi = L^-1 u has the length |u|_{A^-1}
    let apart = &features - origin;
    let mut whitened = Array2::<f64>::zeros((n, d));
    for y in 0..n {
        for k in 0..d {
            let known: f64 = (0..k).map(|l| lower[(k, l)] * whitened[[y, l]]).sum();
            whitened[[y, k]] = (apart[[y, k]] - known) / lower[(k, k)];
        }
    }
    let rewards = apart.dot(theta);
    let found = cone_programme(&rewards, &whitened, radius).ok_or(FitError::Singular)?;
    let sum: f64 = found.0.iter().map(|p| p.max(0.0)).sum();
    let policy: Array1<f64> = found.0.iter().map(|p| p.max(0.0) / sum).collect();
    let along = found.1;
    let short = along.dot(&along).sqrt().max(1.0);
    // L' (theta_hat - worst) = R along, |along| <= 1
    let mut shift = Array1::<f64>::zeros(d);
    for k in (0..d).rev() {
        let known: f64 = (k + 1..d).map(|l| lower[(l, k)] * shift[l]).sum();
        shift[k] = (radius * along[k] / short - known) / lower[(k, k)];
    }
    let worst = theta - &shift;
    let length = whitened.t().dot(&policy);
    let value = rewards.dot(&policy) - radius * length.dot(&length).sqrt();
    let at_most = apart.dot(&worst).iter().fold(f64::NEG_INFINITY, |m, x| m.max(*x));
    Ok(Pessimistic { policy, value, at_most, worst })
}

/// `max r . pi - R t` subject to `|M' pi| <= t` over policies: the policy, and the direction of the dual, of length 1 at most.
fn cone_programme(
    rewards: &Array1<f64>,
    whitened: &Array2<f64>,
    radius: f64,
) -> Option<(Vec<f64>, Array1<f64>)> {
    let (n, d) = whitened.dim();
    // variables (pi, t); rows: sum, signs, the cone (t, M' pi); the slack of a row is b - A x
    let mut rows = vec![vec![0.0; n + 1]; n + d + 2];
    rows[0][..n].fill(1.0);
    for y in 0..n {
        rows[1 + y][y] = -1.0;
        (0..d).for_each(|k| rows[n + 2 + k][y] = -whitened[[y, k]]);
    }
    rows[n + 1][n] = -1.0;
    let mut right = vec![0.0; n + d + 2];
    right[0] = 1.0;
    let cost: Vec<f64> = rewards.iter().map(|r| -r).chain([radius]).collect();
    let cones = [ZeroConeT(1), NonnegativeConeT(n), SecondOrderConeT(d + 1)];
    let settings = DefaultSettingsBuilder::default()
        .verbose(false)
        .tol_gap_abs(1e-12)
        .tol_gap_rel(1e-12)
        .tol_feas(1e-12)
        .build()
        .ok()?;
    let nothing = CscMatrix::zeros((n + 1, n + 1));
    let mut solver =
        DefaultSolver::new(&nothing, &cost, &CscMatrix::from(rows.iter()), &right, &cones, settings).ok()?;
    solver.solve();
    let (x, dual) = (&solver.solution.x, &solver.solution.z[n + 1..]);
    // the bound that the dual gives is checked by the caller, whatever the solver says of itself
    let sane = x.iter().chain(dual).all(|v| v.is_finite()) && x[..n].iter().any(|p| *p > 0.0);
    let along = dual[1..].iter().map(|z| if dual[0] > 0.0 { -z / dual[0] } else { 0.0 }).collect();
    sane.then(|| (x[..n].to_vec(), along))
}
