//! Solvers of the extragradient family: they ask once where they are, look ahead, ask again there, and step from where
//! they were.
//!
//! | name | game | paper's step | citation |
//! |---|---|---|---|
//! | `egpo` | regularised | `eta` | arXiv:2503.08942 |
//! | `mirror-prox` | original | `eta` | Nemirovski 2004 |
//! | `nash-mp` | regularised | `eta_M`, with `eta = eta_M / (1 + eta_M tau)` | arXiv:2505.19731 |
//!
//! All three are one map (`look_ahead.rs`); what differs is the step size each paper proves, and its symbol for it.

pub mod egpo;
mod look_ahead;
pub mod mirror_prox;
pub mod nash_mp;

use equipoise_core::SolverEntry;

/// The registry rows of this room.
pub const SOLVERS: &[SolverEntry] = &[egpo::ENTRY, mirror_prox::ENTRY, nash_mp::ENTRY];
