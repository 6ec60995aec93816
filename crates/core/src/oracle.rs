//! The only window a solver has on a game.

use ndarray::Array1;

use crate::policy::Policy;
use crate::shape::Shape;

/// One comparison: in context `context`, does action `left` beat action `right`?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duel {
    /// Context, from 0.
    pub context: usize,
    /// Action asked about, from 0.
    pub left: usize,
    /// Its opponent, from 0. A self-duel is allowed and has probability one half.
    pub right: usize,
}

/// A recorded comparison, as a method that learns from given data has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LabelledPair {
    /// Context, from 0.
    pub context: usize,
    /// The preferred action, from 0.
    pub chosen: usize,
    /// The other one.
    pub rejected: usize,
    /// How often it was recorded, or the probability of that outcome; above 0.
    pub weight: f64,
}

/// What has been asked so far. Two numbers, never one: a win-rate query and a duel are different things.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Cost {
    /// Requests for the whole win-rate vector of one opponent (all contexts at once).
    pub queries: u64,
    /// Single comparisons, those drawn inside a sampled win-rate query included.
    pub duels: u64,
}

/// A preference oracle: answers, and keeps the ledger.
///
/// Exactness, noise, bias and batching are its properties, so each method is written once. Nested loops of a solver
/// are charged in full because the oracle cannot tell them from outer ones.
pub trait Oracle {
    /// Contexts and actions of the game.
    fn shape(&self) -> &Shape;

    /// Writes `out[y]`, an estimate of the win rate `q_y = Pr(y beats y'), y' ~ opponent`, flat over the shape, in
    /// units of probability. One query. Exact oracles are right to rounding; sampled ones are unbiased but may leave
    /// `[0, 1]`.
    fn win_rates(&mut self, opponent: &Policy, out: &mut Array1<f64>);

    /// Writes `out[k]` in `[0, 1]` for `pairs[k]`: the probability that `left` beats `right`, or one draw with it.
    /// Costs `pairs.len()` duels. `out` has the length of `pairs`.
    fn duels(&mut self, pairs: &[Duel], out: &mut [f64]);

    /// The ledger so far.
    fn cost(&self) -> Cost;
}
