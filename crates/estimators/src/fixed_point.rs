//! Where the expected ascent direction of an estimator vanishes in self-play.
//!
//! ```text
//! F(theta) = grad P(pi > opponent) - tau grad KL(pi || mu)      the estimated part by its expectation, the other exact
//! theta <- theta + eta F / (reach p)                            node by node: the natural gradient of a table
//! ```
//!
//! The start is the reference. The direction has at a node of small reach a small gradient; divided by `reach p` it is in units of
//! an advantage everywhere. Newton steps with differences for the Jacobian take over wherever they lower it. A root need not be
//! stable, and another start may lead to another one.

use equipoise_core::newton::solve_dense;
use ndarray::{Array1, Array2};

use crate::audit::{AuditError, moments};
use crate::design::{Design, Opponent, Target};
use crate::estimator::Rule;
use crate::setting::{Setting, State};

/// Largest advantage that is rounding.
const AT_REST: f64 = 1e-11;
/// Rounds, each of plain steps and then of Newton steps.
const ROUNDS: usize = 12;
/// Plain steps of a round.
const STEPS: usize = 25;
/// Newton steps of a round.
const NEWTON: usize = 12;
/// Halvings of a Newton step.
const HALVINGS: usize = 4;
/// Of the central differences.
const DIFFERENCE: f64 = 1e-5;
/// Largest logit beside the reference's: beyond it the policy runs to a corner.
const LARGEST_LOGIT: f64 = 200.0;

/// Where the iteration ended.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum FixedPoint {
    /// At a root of the expected direction.
    Found {
        /// The regularised gap of the policy there, over all policies.
        gap: f64,
        /// Probabilities of the responses there.
        policy: Vec<f64>,
        /// Its logits.
        theta: Vec<f64>,
    },
    /// Nowhere: no root was met from the reference.
    NotFound {
        /// What happened.
        reason: &'static str,
    },
}

impl FixedPoint {
    /// The gap at the root.
    #[must_use]
    pub fn gap(&self) -> Option<f64> {
        match self {
            Self::Found { gap, .. } => Some(*gap),
            Self::NotFound { .. } => None,
        }
    }
}

/// The root for an estimator.
///
/// # Errors
/// As for [`audit`](crate::audit()).
pub fn fixed_point(
    setting: &Setting,
    target: Target,
    design: &Design,
    rule: &Rule,
) -> Result<FixedPoint, AuditError> {
    // refused before the search, and once
    moments(&setting.at_reference(), design, rule, false)?;
    Ok(search(setting, target, |state| {
        moments(state, design, rule, false).ok().map(|moments| state.pull(&moments.mean))
    }))
}

/// The root for the target itself: 0 for a policy that plays against itself, and above it where the opponent is a mixture.
#[must_use]
pub fn exact_fixed_point(setting: &Setting, target: Target) -> FixedPoint {
    search(setting, target, |state| Some(state.target(target)))
}

fn search(
    setting: &Setting,
    target: Target,
    estimated: impl Fn(&State<'_>) -> Option<Vec<f64>>,
) -> FixedPoint {
    let tau = setting.tau();
    let direction = |state: &State<'_>| -> Option<Vec<f64>> {
        let own = estimated(state)?;
        let kl = Target::SequenceKl;
        let win_rate = Target::WinRate { against: Opponent::Policy };
        let (gain, price) = match target {
            Target::SequenceKl => (state.target(win_rate), own),
            Target::WinRate { .. } => (own, state.target(kl)),
        };
        let mass = state.edge_probs();
        Some(gain.iter().zip(&price).zip(&mass).map(|((g, p), m)| (g - tau * p) / m).collect())
    };
    let residual = |theta: &[f64]| {
        let found = direction(&setting.at(theta))?;
        found.iter().all(|a| a.is_finite()).then_some(found)
    };
    let largest = |r: &[f64]| r.iter().fold(0.0, |m: f64, a| m.max(a.abs()));
    let far =
        |theta: &[f64]| theta.iter().zip(setting.reference()).any(|(t, r)| (t - r).abs() > LARGEST_LOGIT);
    let mut theta = setting.reference().to_vec();
    // rotation of a game with margins of at most 1/2
    let eta = tau / (tau * tau + 0.25);
    for _ in 0..ROUNDS {
        for _ in 0..STEPS {
            let Some(step) = residual(&theta) else {
                return FixedPoint::NotFound { reason: "the expected direction is not finite on the way" };
            };
            theta.iter_mut().zip(&step).for_each(|(t, s)| *t += eta * s);
            if far(&theta) {
                return FixedPoint::NotFound { reason: "the policy runs to a corner: no root was met" };
            }
        }
        for _ in 0..NEWTON {
            let Some(at) = residual(&theta) else { break };
            if largest(&at) < AT_REST {
                let state = setting.at(&theta);
                return FixedPoint::Found { gap: state.gap_tau(), policy: state.live.probs.clone(), theta };
            }
            let Some(step) = newton_step(setting, &theta, &at, &residual) else { break };
            let lower = (0..HALVINGS).find_map(|k| {
                let scale = 0.5f64.powi(k as i32);
                let next: Vec<f64> = theta.iter().zip(&step).map(|(t, s)| t + scale * s).collect();
                let lower = !far(&next) && residual(&next).is_some_and(|r| largest(&r) < largest(&at));
                lower.then_some(next)
            });
            let Some(next) = lower else { break };
            theta = next;
        }
    }
    FixedPoint::NotFound { reason: "the iteration did not come to rest" }
}

/// The Newton step of least change at each node, whose logits have one value too many.
fn newton_step(
    setting: &Setting,
    theta: &[f64],
    at: &[f64],
    residual: &dyn Fn(&[f64]) -> Option<Vec<f64>>,
) -> Option<Vec<f64>> {
    let (n, v) = (theta.len(), setting.tree().vocabulary());
    let mut jacobian = Array2::zeros((n, n));
    let mut moved = theta.to_vec();
    for k in 0..n {
        moved[k] = theta[k] + DIFFERENCE;
        let up = residual(&moved)?;
        moved[k] = theta[k] - DIFFERENCE;
        let down = residual(&moved)?;
        moved[k] = theta[k];
        for (row, (u, d)) in up.iter().zip(&down).enumerate() {
            jacobian[[row, k]] = (u - d) / (2.0 * DIFFERENCE);
        }
    }
    // a shift of a node's logits changes nothing: it is taken out by a term that pins it to 0
    for node in 0..n / v {
        for i in node * v..(node + 1) * v {
            for k in node * v..(node + 1) * v {
                jacobian[[i, k]] -= 1.0;
            }
        }
    }
    let step = solve_dense(jacobian, Array1::from_iter(at.iter().map(|a| -a)))?;
    Some(step.to_vec())
}
