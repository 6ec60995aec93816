//! Solvers of the extragradient family: they ask once where they are, look ahead, ask again there, and step from where
//! they were.
//!
//! | name | game | paper's step | citation |
//! |---|---|---|---|
//! | `egpo` | regularised | `eta` | arXiv:2503.08942 |
//! | `mirror-prox` | original | `eta` | Nemirovski 2004 |
//! | `nash-mp` | regularised | `eta_M`, with `eta = eta_M / (1 + eta_M tau)` | arXiv:2505.19731 |
//! | `eg-restart` | original | projected, restarted from its average | arXiv:2105.12715 |
//! | `halpern-eg` | original | projected, pulled back to an anchor, restarted | arXiv:2102.07922 |
//!
//! The first three are one map (`look_ahead.rs`); what differs is the step size each paper proves, and its symbol for it.

pub mod eg_restart;
pub mod egpo;
mod euclid;
pub mod halpern_eg;
mod look_ahead;
pub mod mirror_prox;
pub mod nash_mp;

use equipoise_core::SolverEntry;

/// The registry rows of this crate.
pub const SOLVERS: &[SolverEntry] =
    &[egpo::ENTRY, mirror_prox::ENTRY, nash_mp::ENTRY, eg_restart::ENTRY, halpern_eg::ENTRY];
