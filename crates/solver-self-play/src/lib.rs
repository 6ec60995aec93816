//! Solvers of the self-play family: one query a step, at the policy being played (or its mixture with the reference).
//!
//! | name | game | step | citation |
//! |---|---|---|---|
//! | `mwu` | original | multiplicative weights | Freund, Schapire 1999 |
//! | `sppo` | original | squared regression, constant log-partition | arXiv:2405.00675 |
//! | `spo` | original | = `mwu` | arXiv:2401.04056 |
//! | `dno` | original | = `mwu` with `eta = 1 / dno_eta` | arXiv:2404.03715 |
//! | `nash-md` | regularised | mirror descent against the mixture | arXiv:2312.00886 |
//! | `nash-md-pg` | regularised | policy gradient against the mixture | arXiv:2312.00886 |
//! | `fictitious-play` | original | best response to the average | Brown 1951 |

pub mod dno;
pub mod fictitious_play;
mod hedge;
pub mod mwu;
pub mod nash_md;
pub mod nash_md_pg;
pub mod spo;
pub mod sppo;

use equipoise_core::SolverEntry;

/// The registry rows of this room.
pub const SOLVERS: &[SolverEntry] = &[
    mwu::ENTRY,
    sppo::ENTRY,
    spo::ENTRY,
    dno::ENTRY,
    nash_md::ENTRY,
    nash_md_pg::ENTRY,
    fictitious_play::ENTRY,
];
