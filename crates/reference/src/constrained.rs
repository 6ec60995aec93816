//! Side constraints: the game among the lotteries with `C pi <= b`.
//!
//! It is symmetric, so its value is 0; an equilibrium has least `max { x' K pi : x in the set }`, and the prices of the caps come with it:
//!
//! ```text
//! minimise  w + b'l   subject to   (K pi)_i <= w + (C'l)_i  for every i,   C pi <= b,   pi on the simplex,   l >= 0
//! ```
//!
//! Beside it, the iteration by which it is learned: multiplicative weights on the policy and projected ascent on the prices, plain or
//! optimistic. Optimism is needed on both: with the policy's alone the prices go round in circles, at any temperature.

use equipoise_env::PreferenceMatrix;
use ndarray::Array2;

use crate::concepts::normalised_logits;
use crate::programme::{Programme, Solved};

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConstraintError {
    /// Costs and caps that do not fit the game.
    #[error(
        "{rows} rows of {columns} costs and {caps} caps for {items} items: give a row of costs a cap, and a cost an item, all finite"
    )]
    Shape {
        /// Rows of costs.
        rows: usize,
        /// Their columns.
        columns: usize,
        /// Caps.
        caps: usize,
        /// Items of the game.
        items: usize,
    },
    /// No lottery keeps all caps.
    #[error("no lottery keeps all caps: raise one")]
    Infeasible,
    /// The linear programme was not solved.
    #[error("the linear programme was not solved; please report this game")]
    Unsolved,
}

/// A lottery that no other which keeps the caps beats.
#[derive(Clone, Debug, PartialEq)]
pub struct ConstrainedLottery {
    /// The policy, `[n]`; one of possibly several.
    pub policy: Vec<f64>,
    /// The price of each cap, at least 0.
    pub prices: Vec<f64>,
    /// `2 max { x' K pi }` over the lotteries `x` that keep the caps: 0 but for rounding.
    pub constrained_gap: f64,
    /// `2 max_i (K pi)_i`: how far it is from a maximal lottery without caps.
    pub gap: f64,
}

fn checked(matrix: &PreferenceMatrix, costs: &Array2<f64>, caps: &[f64]) -> Result<(), ConstraintError> {
    let (rows, columns) = costs.dim();
    let finite = costs.iter().chain(caps).all(|v| v.is_finite());
    match rows == caps.len() && columns == matrix.n() && finite {
        true => Ok(()),
        false => Err(ConstraintError::Shape { rows, columns, caps: caps.len(), items: matrix.n() }),
    }
}

/// The equilibrium among the lotteries with `costs pi <= caps`; `costs` is `[caps x items]`.
///
/// # Errors
/// [`ConstraintError`] for costs that do not fit, or caps that no lottery keeps.
pub fn constrained_lottery(
    matrix: &PreferenceMatrix,
    costs: &Array2<f64>,
    caps: &[f64],
) -> Result<ConstrainedLottery, ConstraintError> {
    checked(matrix, costs, caps)?;
    let (n, m) = (matrix.n(), caps.len());
    // pi [n], l [m], w = w+ - w-
    let variables = n + m + 2;
    let mut cost = vec![0.0; variables];
    caps.iter().enumerate().for_each(|(k, b)| cost[n + k] = -b);
    (cost[n + m], cost[n + m + 1]) = (-1.0, 1.0);
    let mut programme = Programme::maximise(cost);
    for i in 0..n {
        let mut row = vec![0.0; variables];
        (0..n).for_each(|j| row[j] = matrix.margin(i, j));
        (0..m).for_each(|k| row[n + k] = -costs[[k, i]]);
        (row[n + m], row[n + m + 1]) = (-1.0, 1.0);
        programme.at_most(row, 0.0);
    }
    for (k, cap) in caps.iter().enumerate() {
        let mut row = vec![0.0; variables];
        (0..n).for_each(|i| row[i] = costs[[k, i]]);
        programme.at_most(row, *cap);
    }
    let mut sum = vec![0.0; variables];
    sum[..n].fill(1.0);
    programme.equal(sum, 1.0);
    let found = match programme.solve() {
        Solved::Optimum(found) => found,
        Solved::Infeasible => return Err(ConstraintError::Infeasible),
        Solved::Unbounded | Solved::Stopped => return Err(ConstraintError::Unsolved),
    };
    let policy = found.point[..n].to_vec();
    let mut product = vec![0.0; n];
    matrix.product(&policy, &mut product);
    Ok(ConstrainedLottery {
        prices: found.point[n..n + m].to_vec(),
        constrained_gap: -2.0 * found.value,
        gap: 2.0 * product.iter().copied().fold(0.0, f64::max),
        policy,
    })
}

/// How the constrained game is iterated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PrimalDual {
    /// Step of the policy, above 0.
    pub step: f64,
    /// Step of the prices, above 0.
    pub price_step: f64,
    /// Temperature towards the uniform policy; 0: none.
    pub tau: f64,
    /// Whether policy and prices step with twice the last direction less the one before.
    pub optimistic: bool,
}

/// Policy and prices after `steps` from the uniform policy and prices of 0.
///
/// # Errors
/// [`ConstraintError::Shape`] for costs that do not fit.
pub fn primal_dual(
    matrix: &PreferenceMatrix,
    costs: &Array2<f64>,
    caps: &[f64],
    options: PrimalDual,
    steps: usize,
) -> Result<(Vec<f64>, Vec<f64>), ConstraintError> {
    checked(matrix, costs, caps)?;
    let (n, m) = (matrix.n(), caps.len());
    let mut theta = vec![0.0; n];
    let mut prices = vec![0.0; m];
    let (mut last, mut last_excess): (Option<Vec<f64>>, Option<Vec<f64>>) = (None, None);
    for _ in 0..steps {
        let policy = normalised_logits(&theta);
        let mut direction = vec![0.0; n];
        matrix.product(&policy, &mut direction);
        for (i, d) in direction.iter_mut().enumerate() {
            *d -= (0..m).map(|k| costs[[k, i]] * prices[k]).sum::<f64>();
            *d -= options.tau * (policy[i].max(f64::MIN_POSITIVE).ln() + (n as f64).ln());
        }
        let excess: Vec<f64> =
            (0..m).map(|k| (0..n).map(|i| costs[[k, i]] * policy[i]).sum::<f64>() - caps[k]).collect();
        let step = |now: &[f64], before: &Option<Vec<f64>>| -> Vec<f64> {
            match before {
                Some(before) if options.optimistic => {
                    now.iter().zip(before).map(|(a, b)| 2.0 * a - b).collect()
                }
                _ => now.to_vec(),
            }
        };
        theta.iter_mut().zip(step(&direction, &last)).for_each(|(t, d)| *t += options.step * d);
        let most = theta.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        theta.iter_mut().for_each(|t| *t -= most);
        prices
            .iter_mut()
            .zip(step(&excess, &last_excess))
            .for_each(|(l, e)| *l = (*l + options.price_step * e).max(0.0));
        (last, last_excess) = (Some(direction), Some(excess));
    }
    Ok((normalised_logits(&theta), prices))
}
