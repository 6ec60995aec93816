//! An oracle whose answers the instrument can hold against the true game.

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

    /// Whether equal questions may get unequal answers: then standing still cannot be told from cycling.
    fn is_noisy(&self) -> bool;
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

    fn is_noisy(&self) -> bool {
        *self.feedback() != Feedback::Exact
    }
}
