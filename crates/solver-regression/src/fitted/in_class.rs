//! A loss on pairs, minimised over the policies of a class.
//!
//! ```text
//! theta = argmin_theta  (1 / X) sum_x sum_{i != j} M_ij loss(i chosen, j rejected) / (n_x (n_x - 1)),     l = log pi_theta
//! ```
//!
//! by L-BFGS from the last fit, first from the reference, on gradients taken back through the class. A minimum that recedes for
//! ever is told by going twice as far from the reference: at a finite one that costs something. In a class whose scores are linear a
//! convex link makes the problem convex; elsewhere the minimum is a local one.

use std::sync::Arc;

use equipoise_core::{Effort, Policy, PolicyClass, lbfgs};
use ndarray::Array2;

use super::by_log_probs::by_log_probs;
use crate::objectives::pairs::PairLoss;

/// Steps of a fit, at most.
const MOST_STEPS: u32 = 5_000;
/// Largest entry of the gradient that is asked for.
const ASKED: f64 = 1e-12;
/// What is accepted where rounding of the loss shows no more progress.
const ACCEPTED: f64 = 1e-9;

/// Parameters with their class.
pub(super) struct InClass {
    class: Arc<dyn PolicyClass>,
    pub(super) theta: Vec<f64>,
    pub(super) effort: Effort,
    /// Tokens of each response, flat over the shape.
    lengths: Vec<f64>,
}

impl InClass {
    pub(super) fn new(class: Arc<dyn PolicyClass>) -> Self {
        let theta = class.initial().to_vec();
        let shape = class.shape();
        let of = |x: usize| match class.tokens(x) {
            // a context of one response has a tree without tokens, and no pairs
            Some(tokens) => tokens.responses.iter().map(|path| path.len().max(1) as f64).collect(),
            None => vec![1.0; shape.actions(x)],
        };
        let lengths = (0..shape.contexts()).flat_map(of).collect();
        Self { class, theta, effort: Effort::default(), lengths }
    }

    /// Moves the parameters to a minimum, and writes their policy.
    pub(super) fn fit<L: PairLoss>(
        &mut self,
        loss: &L,
        labels: &[Array2<f64>],
        reference: &Policy,
        policy: &mut Policy,
    ) -> Result<(), String> {
        let Self { class, theta, effort, lengths } = self;
        let shape = class.shape().clone();
        let share = 1.0 / shape.contexts() as f64;
        effort.evaluations += shape.len() as u64;
        let mut at = |theta: &[f64], out: &mut [f64]| -> f64 {
            effort.evaluations += shape.len() as u64;
            effort.pulls += shape.len() as u64;
            if class.evaluate(theta, policy).is_err() {
                return f64::INFINITY;
            }
            let (mut value, mut cotangent) = (0.0, vec![0.0; shape.len()]);
            for (row, labels) in shape.ranges().zip(labels).filter(|(row, _)| row.len() > 1) {
                let (l, mu) =
                    (&policy.log_probs_slice()[row.clone()], &reference.log_probs_slice()[row.clone()]);
                let (part, slopes) = by_log_probs(loss, labels, mu, &lengths[row.clone()], l);
                value += share * part;
                cotangent[row].iter_mut().zip(slopes).for_each(|(g, s)| *g = share * s);
            }
            out.fill(0.0);
            class.pull(theta, policy, &cotangent, out);
            value
        };
        let mut there = theta.clone();
        let found = lbfgs::minimise(&mut there, ASKED, MOST_STEPS, &mut at);
        if found.gradient.is_nan() || found.gradient > ACCEPTED {
            return Err(format!(
                "the loss has no finite minimiser in this class on these labels, or none was found: a gradient of {:e} is left \
                 after {} steps",
                found.gradient, found.steps
            ));
        }
        let start = class.initial();
        let far = there.iter().zip(start).fold(0.0, |m: f64, (t, s)| m.max((t - s).abs()));
        let twice: Vec<f64> = there.iter().zip(start).map(|(t, s)| 2.0 * t - s).collect();
        let beyond = at(&twice, &mut vec![0.0; there.len()]);
        if far > 1e-6 && beyond - found.value <= 8.0 * f64::EPSILON * found.value.abs() {
            return Err("the loss has no finite minimiser in this class on these labels: it falls for ever along the fitted \
                        parameters, which order every labelled pair rightly"
                .to_owned());
        }
        theta.copy_from_slice(&there);
        class.evaluate(theta, policy).map_err(|e| e.to_string())
    }
}
