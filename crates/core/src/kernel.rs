//! The one kernel of (almost) every method, and the state most solvers share.
//!
//! ```text
//! theta' = sum_s lambda_s log pi_s + eta * q        pi' = softmax(theta')
//! ```
//!
//! with anchors `pi_s` (the reference mu among them) and any gain vector `q` over the shape. The update is invariant to
//! shifts of `q` in each row, so win rates and margins may be used alike.

use ndarray::Array1;

use crate::numerics::flat::Flat as _;
use crate::numerics::simplex::NonFinite;
use crate::policy::Policy;
use crate::solver::Task;

/// Writes `next = softmax(sum_s lambda_s log pi_s + eta gain)` row by row. No allocation.
///
/// Anchors with weight exactly 0 are skipped, so a pure policy may stand there.
///
/// # Errors
/// [`NonFinite`] if a row has no finite normaliser.
pub fn logit_step(
    next: &mut Policy,
    anchors: &[(f64, &Policy)],
    eta: f64,
    gain: &Array1<f64>,
) -> Result<(), NonFinite> {
    let gain = gain.flat();
    match anchors {
        // the two forms that nearly every method uses, in one pass
        [(a, p)] if *a != 0.0 => next.set_combination([(*a, p.log_probs_slice()), (eta, gain)]),
        [(a, p), (b, r)] if *a != 0.0 && *b != 0.0 => {
            next.set_combination([(*a, p.log_probs_slice()), (*b, r.log_probs_slice()), (eta, gain)])
        }
        _ => next.set_logits(|logits| {
            for (t, &g) in logits.iter_mut().zip(gain) {
                *t = eta * g;
            }
            for (weight, policy) in anchors.iter().filter(|(weight, _)| *weight != 0.0) {
                for (t, &l) in logits.iter_mut().zip(policy.log_probs_slice()) {
                    *t += weight * l;
                }
            }
        }),
    }
}

/// Writes the geometric mixture `rho propto pi^(1 - m) mu^m` row by row, `m` in `[0, 1]`. No allocation.
///
/// # Errors
/// [`NonFinite`] if a row has no finite normaliser: a policy that is pure there, or mixtures of such.
pub fn geometric_mixture(rho: &mut Policy, pi: &Policy, mu: &Policy, m: f64) -> Result<(), NonFinite> {
    rho.set_logits(|logits| {
        for ((t, &l), &r) in logits.iter_mut().zip(pi.log_probs_slice()).zip(mu.log_probs_slice()) {
            *t = (1.0 - m) * l + m * r;
        }
    })
}

/// The state that most solvers share: the last iterate, where feedback was taken, the reference, and one gain vector.
#[derive(Clone, Debug)]
pub struct Iterates {
    /// Last iterate.
    pub policy: Policy,
    /// Where the last feedback was taken.
    pub played: Policy,
    /// The reference policy mu.
    pub reference: Policy,
    /// The last gain, flat over the shape.
    pub gain: Array1<f64>,
}

impl Iterates {
    /// Everything at the start of `task`.
    #[must_use]
    pub fn new(task: &Task) -> Self {
        Self {
            policy: task.start.clone(),
            played: task.start.clone(),
            reference: task.reference.clone(),
            gain: Array1::zeros(task.shape().len()),
        }
    }

    /// Makes the last iterate the played one. The two exchange their buffers: `policy` holds an older iterate until it is
    /// overwritten, so a method whose update reads the last iterate reads it from `played`, and one that may fail halfway
    /// or needs both keeps a third buffer of its own.
    #[inline]
    pub fn play(&mut self) {
        std::mem::swap(&mut self.policy, &mut self.played);
    }

    /// `policy = softmax((1 - eta tau) log played + eta tau log mu + eta gain)`: the regularised mirror step from the
    /// played policy.
    ///
    /// # Errors
    /// [`NonFinite`] if a row has no finite normaliser.
    #[inline]
    pub fn mirror_step(&mut self, eta: f64, tau: f64) -> Result<(), NonFinite> {
        let pull = eta * tau;
        let anchors = [(1.0 - pull, &self.played), (pull, &self.reference)];
        let anchors = if pull == 0.0 { &anchors[..1] } else { &anchors };
        logit_step(&mut self.policy, anchors, eta, &self.gain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::Shape;
    use ndarray::arr1;

    #[test]
    fn every_arm_computes_the_same_sum() {
        let shape = Shape::single(3).unwrap();
        let at = |l: [f64; 3]| Policy::from_logits(&shape, arr1(&l)).unwrap();
        let (p, r, s) = (at([0.1, 0.5, -0.3]), at([1.0, 0.0, 2.0]), at([0.0, -4.0, 1.0]));
        let gain = arr1(&[0.2, 0.9, 0.4]);
        let expect = |weights: [f64; 3]| {
            let logits = p.log_probs() * weights[0] + r.log_probs() * weights[1] + s.log_probs() * weights[2];
            Policy::from_logits(&shape, logits + &gain * 0.7).unwrap()
        };
        let mut next = Policy::uniform(&shape);
        for (anchors, weights) in [
            (&[(1.0, &p)][..], [1.0, 0.0, 0.0]),
            (&[(0.8, &p), (0.2, &r)], [0.8, 0.2, 0.0]),
            (&[(0.5, &p), (0.2, &r), (0.3, &s)], [0.5, 0.2, 0.3]),
            (&[(0.0, &p), (1.0, &r)], [0.0, 1.0, 0.0]),
        ] {
            logit_step(&mut next, anchors, 0.7, &gain).unwrap();
            for (a, b) in next.log_probs().iter().zip(expect(weights).log_probs()) {
                approx::assert_relative_eq!(a, b, max_relative = 1e-14);
            }
        }
    }
}
