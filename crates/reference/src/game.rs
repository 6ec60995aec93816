//! The equilibrium of a whole game, context by context.

use equipoise_core::Policy;
use equipoise_env::{Game, PreferenceMatrix};
use ndarray::Array1;

use crate::error::ReferenceError;
use crate::lottery::probabilities;
use crate::regularised::solve;

/// The equilibrium of every context: regularised towards `reference` with temperature `tau`, or, for `tau = 0`, a
/// maximal lottery (of several the one of maximum entropy; log-probability `-inf` where it does not play; `reference` is then not used).
///
/// Contexts do not interact, so the context weights do not matter. A context equal to the one before it is not solved
/// again.
///
/// # Errors
/// [`ReferenceError::Tau`] or [`ReferenceError::Shape`] for bad input, [`ReferenceError::Context`] naming the first
/// context without an answer.
pub fn game_equilibrium(game: &Game, reference: &Policy, tau: f64) -> Result<Policy, ReferenceError> {
    let shape = game.shape();
    if !(tau >= 0.0 && tau.is_finite()) {
        return Err(ReferenceError::Tau { tau });
    }
    if reference.shape() != shape {
        return Err(ReferenceError::Shape { expected: shape.len(), got: reference.shape().len() });
    }
    let log_mu = reference.log_probs_slice();
    let mut flat = Vec::with_capacity(shape.len());
    let mut last: Option<(PreferenceMatrix, usize)> = None;
    for (context, range) in shape.ranges().enumerate() {
        let matrix = game.matrix(context);
        match &last {
            Some((same, start))
                if *same == matrix
                    && (tau == 0.0 || log_mu[*start..*start + range.len()] == log_mu[range.clone()]) =>
            {
                flat.extend_from_within(*start..*start + range.len());
            }
            _ => {
                let row = context_equilibrium(&matrix, &log_mu[range.clone()], tau);
                flat.extend(
                    row.map_err(|source| ReferenceError::Context { context, source: Box::new(source) })?,
                );
                last = Some((matrix, range.start));
            }
        }
    }
    let flat = Array1::from(flat);
    let policy =
        if tau == 0.0 { Policy::from_probs(shape, flat).ok() } else { Policy::from_logits(shape, flat).ok() };
    Ok(policy.expect("every row was solved"))
}

/// Probabilities if `tau = 0`, log-probabilities otherwise.
fn context_equilibrium(
    matrix: &PreferenceMatrix,
    log_mu: &[f64],
    tau: f64,
) -> Result<Vec<f64>, ReferenceError> {
    if tau > 0.0 {
        return solve(matrix, log_mu, tau).map(|solved| solved.logits);
    }
    probabilities(matrix)
}
