//! The equilibrium of a whole game, context by context; and of many matrices at once.

use std::ops::Range;

use equipoise_core::{Policy, Shape};
use equipoise_env::{Game, PreferenceMatrix};
use ndarray::Array1;
use rayon::prelude::*;

use crate::error::ReferenceError;
use crate::lottery::{Equilibrium, Selection, probabilities};
use crate::regularised::{RegularisedEquilibrium, regularised_equilibrium, solve};
use crate::select::{context_lottery, select_lottery};

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

/// The maximal lotteries of many matrices, shared out over the threads of rayon's pool; in their order, and equal for
/// any number of threads.
///
/// # Errors
/// [`ReferenceError::Context`] naming the first matrix without an answer, from 0.
pub fn select_lotteries(
    matrices: &[PreferenceMatrix],
    selection: Selection<'_>,
) -> Result<Vec<Equilibrium>, ReferenceError> {
    each(matrices, |matrix| select_lottery(matrix, selection))
}

/// The regularised equilibria of many matrices, as [`select_lotteries`]; `reference` is the one of all of them, or `None`
/// for the uniform one of each.
///
/// # Errors
/// [`ReferenceError::Context`] naming the first matrix without an answer, from 0.
pub fn regularised_equilibria(
    matrices: &[PreferenceMatrix],
    reference: Option<&Policy>,
    tau: f64,
) -> Result<Vec<RegularisedEquilibrium>, ReferenceError> {
    each(matrices, |matrix| match reference {
        Some(reference) => regularised_equilibrium(matrix, reference, tau),
        None => {
            let shape = Shape::single(matrix.n()).expect("a matrix has an action");
            regularised_equilibrium(matrix, &Policy::uniform(&shape), tau)
        }
    })
}

fn each<T: Send>(
    matrices: &[PreferenceMatrix],
    solve: impl Fn(&PreferenceMatrix) -> Result<T, ReferenceError> + Sync + Send,
) -> Result<Vec<T>, ReferenceError> {
    // all are solved before the first failure is picked, so that it is the first whatever the threads do
    let solved: Vec<Result<T, ReferenceError>> = matrices.par_iter().map(solve).collect();
    let named = |(context, found): (usize, Result<T, ReferenceError>)| {
        found.map_err(|source| ReferenceError::Context { context, source: Box::new(source) })
    };
    solved.into_iter().enumerate().map(named).collect()
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
            let range = shape.range(context);
            let place = range.start - start..range.end - start;
            let named =
                |source: ReferenceError| ReferenceError::Context { context, source: Box::new(source) };
            if self.tau == 0.0 && self.game.is_stored(context) {
                let found = context_lottery(self.game, context, Selection::MaximumEntropy, &|_| ());
                let policy = found.map_err(named)?.policy;
                out[place].iter_mut().zip(&policy).for_each(|(out, p)| *out = *p);
                continue;
            }
            let matrix = self.game.matrix(context);
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
            let row = row.map_err(named)?;
            out[place].copy_from_slice(&row);
            last = Some((matrix, range));
        }
        Ok(())
    }
}
