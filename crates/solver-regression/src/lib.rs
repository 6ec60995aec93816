//! INPO: mirror descent by regression on duels between the policy's own answers.
//!
//! [`inpo`] is the method, [`regression`] its inner problem, [`selection`] how practice picks the pairs.

pub mod inpo;
pub mod regression;
pub mod selection;

use equipoise_core::SolverEntry;

/// The registry rows of this crate.
pub const SOLVERS: &[SolverEntry] = &[inpo::ENTRY];
