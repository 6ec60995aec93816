//! Methods by regression: a loss on pairs of answers, minimised over policies.
//!
//! [`inpo`] is mirror descent by regression on duels between the policy's own answers. [`pair_loss`] states its loss,
//! [`least_squares`] minimises it over all tables, [`selection`] is how practice picks the pairs.

pub mod inpo;
pub mod least_squares;
pub mod pair_loss;
pub mod selection;

use equipoise_core::SolverEntry;

/// The registry rows of this crate.
pub const SOLVERS: &[SolverEntry] = &[inpo::ENTRY];
