//! Asking for labels, and what a fit on them had to say: shared by the solvers of this room.

use equipoise_core::{Duel, Oracle, Policy, Shape, StepError};
use ndarray::Array2;

use crate::fit::{BtFit, FitError};

/// Duels of asking every pair of every context `per_pair` times.
pub(crate) fn all_pairs_cost(shape: &Shape, per_pair: u32) -> u64 {
    shape.ranges().map(|r| (r.len() * (r.len() - 1) / 2) as u64 * u64::from(per_pair)).sum()
}

/// Asks every pair of `context` (with `n` actions) `per_pair` times: `[n x n]`, the share of wins of row over column.
pub(crate) fn ask_all_pairs(oracle: &mut dyn Oracle, context: usize, n: usize, per_pair: u32) -> Array2<f64> {
    let duel =
        |left: usize, right: usize| std::iter::repeat_n(Duel { context, left, right }, per_pair as usize);
    let pairs: Vec<Duel> = (0..n).flat_map(|i| (i + 1..n).flat_map(move |j| duel(i, j))).collect();
    let mut labels = vec![0.0; pairs.len()];
    oracle.duels(&pairs, &mut labels);
    let mut p = Array2::from_elem((n, n), 0.5);
    for (same, labels) in pairs.chunks(per_pair as usize).zip(labels.chunks(per_pair as usize)) {
        let wins = labels.iter().sum::<f64>() / f64::from(per_pair);
        p[[same[0].left, same[0].right]] = wins;
        p[[same[0].right, same[0].left]] = 1.0 - wins;
    }
    p
}

/// What the fits of the last step had to say, over all contexts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FitReport {
    fits: usize,
    missing: usize,
}

impl FitReport {
    /// Notes a fit and passes it on.
    pub(crate) fn accept(
        &mut self,
        fit: Result<BtFit, FitError>,
        context: usize,
    ) -> Result<BtFit, StepError> {
        let fit = fit.map_err(|e| StepError::Inner(format!("context {context}: {e}")))?;
        if !fit.converged {
            let steps = fit.iterations;
            let problem =
                format!("context {context}: the bradley-terry fit did not converge in {steps} newton steps");
            return Err(StepError::Inner(problem));
        }
        self.fits += 1;
        self.missing += usize::from(!fit.exists);
        Ok(fit)
    }

    /// The notes of a policy that stands on these fits.
    pub(crate) fn notes(&self, policy: &Policy) -> Vec<String> {
        let mut notes = Vec::new();
        let Self { fits, missing } = self;
        if *missing > 0 {
            let ridge = crate::fit::RIDGE;
            notes.push(format!(
                "the maximum-likelihood fit does not exist in {missing} of {fits} contexts (the graph of wins is not \
                 strongly connected); a ridge of {ridge} was added there, and strengths between unconnected groups are \
                 its doing"
            ));
        }
        // log-probabilities below this one have a probability that is not a normal number
        let tiny = f64::MIN_POSITIVE.ln();
        let row = |x: usize| policy.log_probs_at(x);
        let saturated = (0..policy.shape().contexts())
            .filter(|&x| row(x).iter().any(|&l| l < tiny && l.is_finite()))
            .count();
        if saturated > 0 {
            notes.push(format!(
                "probabilities underflow in {saturated} of {} contexts: the policy is saturated (log-probabilities are \
                 kept)",
                policy.shape().contexts()
            ));
        }
        notes
    }
}
