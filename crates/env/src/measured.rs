//! An oracle whose answers the instrument can hold against the true game.

use std::ops::Range;
use std::sync::Arc;

use equipoise_core::{Oracle, Policy};
use ndarray::Array1;

use crate::feedback::Feedback;
use crate::game::Game;
use crate::oracle::GameOracle;

/// An [`Oracle`] that also answers the measuring instrument: exact margins of the true game, never charged. Whatever the
/// solver is told (draws, a biased judge, a fitted model), a run is measured against [`MeasuredOracle::game`].
///
/// Margins are `K pi`, `K = P - 1/2`, flat over the shape, in [-1/2, 1/2]. None of these methods may move the ledger, nor
/// any stream from which answers are drawn.
pub trait MeasuredOracle: Oracle {
    /// The true game.
    fn game(&self) -> &Game;

    /// The true `K pi` of `policy`; free if it was the last product (see [`Policy::stamp`]).
    fn margins(&mut self, policy: &Policy) -> &Array1<f64>;

    /// The product that [`MeasuredOracle::margins`], or an answer to the solver, computed last.
    fn last_margins(&self) -> &Array1<f64>;

    /// The true `K pi` of `policy` into `out`, leaving the last product in place.
    fn product(&self, policy: &Policy, out: &mut Array1<f64>);

    /// What makes oracles of some of its contexts alone, with their weights and answers that have the bits of its own; `None` where
    /// the answer in one context depends on what is asked in another.
    fn by_parts(&self) -> Option<OracleParts> {
        None
    }

    /// Tells it that `steps` steps are done and `policy` is played next, before every step: for an oracle that changes in the
    /// course of a run. What it pays then is in its ledger.
    fn begin_step(&mut self, _steps: u64, _policy: &Policy) {}

    /// What it answers from, if that is a fitted model.
    fn fitted(&self) -> Option<FittedView<'_>> {
        None
    }

    /// What a reader of a run should know of it, a line each.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether equal questions may get unequal answers: then standing still cannot be told from cycling.
    fn is_noisy(&self) -> bool;
}

/// Makes an oracle, with an empty ledger, of some contexts of another; `None` where they cannot be taken apart from the others.
pub type OracleParts = Box<dyn Fn(Range<usize>) -> Option<Box<dyn MeasuredOracle>> + Send + Sync>;

/// What an oracle of a fitted model answers from.
#[derive(Clone, Copy, Debug)]
pub struct FittedView<'a> {
    /// The game of the fitted probabilities, over the contexts and actions of the true one.
    pub game: &'a Game,
    /// Questions that were answered from it: win rates of one opponent, or single pairs. No comparison was made for them.
    pub model_queries: u64,
}

impl MeasuredOracle for GameOracle {
    #[inline]
    fn game(&self) -> &Game {
        self.game()
    }

    #[inline]
    fn margins(&mut self, policy: &Policy) -> &Array1<f64> {
        self.margins(policy)
    }

    #[inline]
    fn last_margins(&self) -> &Array1<f64> {
        self.last_margins()
    }

    fn product(&self, policy: &Policy, out: &mut Array1<f64>) {
        self.product(policy, out);
    }

    fn by_parts(&self) -> Option<OracleParts> {
        let game = self.asked_exactly()?;
        Some(Box::new(move |contexts| Some(Box::new(GameOracle::exact(Arc::new(game.block(contexts)?))))))
    }

    fn is_noisy(&self) -> bool {
        *self.feedback() != Feedback::Exact
    }
}
