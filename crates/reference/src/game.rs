//! The equilibrium of a whole game, context by context.

use std::ops::Range;

use equipoise_core::Policy;
use equipoise_env::{Game, PreferenceMatrix};
use ndarray::Array1;

use crate::error::ReferenceError;
use crate::lottery::probabilities;
use crate::regularised::solve;

/// Contexts that one task solves one after another.
const TASK: usize = 512;

/// The equilibrium of every context: regularised towards `reference` with temperature `tau`, or, for `tau = 0`, a
/// maximal lottery (of several the one of maximum entropy; log-probability `-inf` where it does not play; `reference` is
/// then not used).
///
/// Contexts do not interact, so the context weights do not matter; they are shared out over the threads of rayon's pool,
/// and the answer does not depend on their number. A context equal to the one before it is not solved again. Beside the
/// policy returned, memory is what one context takes a thread.
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
    let mut flat = vec![0.0; shape.len()];
    let batch = Batch { game, log_mu: reference.log_probs_slice(), tau };
    batch.solve(0..shape.contexts(), &mut flat)?;
    let flat = Array1::from(flat);
    let policy =
        if tau == 0.0 { Policy::from_probs(shape, flat).ok() } else { Policy::from_logits(shape, flat).ok() };
    Ok(policy.expect("every row was solved"))
}

struct Batch<'a> {
    game: &'a Game,
    log_mu: &'a [f64],
    tau: f64,
}

impl Batch<'_> {
    /// Solves a range of contexts into their part of the flat policy, halved over threads.
    fn solve(&self, contexts: Range<usize>, out: &mut [f64]) -> Result<(), ReferenceError> {
        if contexts.len() <= TASK {
            return self.solve_in_turn(contexts, out);
        }
        let shape = self.game.shape();
        let middle = contexts.start + contexts.len() / 2;
        let (left, right) = out.split_at_mut(shape.range(middle).start - shape.range(contexts.start).start);
        let (first, second) = rayon::join(
            || self.solve(contexts.start..middle, left),
            || self.solve(middle..contexts.end, right),
        );
        first.and(second)
    }

    fn solve_in_turn(&self, contexts: Range<usize>, out: &mut [f64]) -> Result<(), ReferenceError> {
        let shape = self.game.shape();
        let start = shape.range(contexts.start).start;
        let mut last: Option<(PreferenceMatrix, Range<usize>)> = None;
        for context in contexts {
            let matrix = self.game.matrix(context);
            let range = shape.range(context);
            let place = range.start - start..range.end - start;
            let same = last.as_ref().filter(|(same, at)| {
                *same == matrix && (self.tau == 0.0 || self.log_mu[at.clone()] == self.log_mu[range.clone()])
            });
            if let Some((_, at)) = same {
                out.copy_within(at.start - start..at.end - start, place.start);
                continue;
            }
            let row = match self.tau {
                0.0 => probabilities(&matrix),
                tau => solve(&matrix, &self.log_mu[range.clone()], tau).map(|solved| solved.logits),
            };
            let row = row.map_err(|source| ReferenceError::Context { context, source: Box::new(source) })?;
            out[place].copy_from_slice(&row);
            last = Some((matrix, range));
        }
        Ok(())
    }
}
