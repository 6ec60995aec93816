//! Solvers of the mirror-descent family: (optimistic) mirror descent, one query a step.
//!
//! | name | game | step | citation |
//! |---|---|---|---|
//! | `omd` | regularised | mirror descent | arXiv:2407.00617 |
//! | `mmd` | regularised | = `omd`, implicit step | arXiv:2206.05825 |
//! | `online-ipo-1` | regularised | = `omd` with `eta tau = 4 lr / n` | arXiv:2403.08635 |
//! | `online-ipo-2` | regularised | policy-weighted gradient | arXiv:2403.08635 |
//! | `omwu` | original | optimistic multiplicative weights | arXiv:1807.04252 |
//! | `onpo` | original | = `omwu`, two sequences | arXiv:2502.16852 |
//! | `ogda` | original | optimistic gradient, Euclidean | arXiv:2006.09517 |

mod mirror;
pub mod mmd;
pub mod ogda;
pub mod omd;
pub mod omwu;
pub mod online_ipo_1;
pub mod online_ipo_2;
pub mod onpo;

use equipoise_core::SolverEntry;

/// The registry rows of this room.
pub const SOLVERS: &[SolverEntry] = &[
    omd::ENTRY,
    mmd::ENTRY,
    online_ipo_1::ENTRY,
    online_ipo_2::ENTRY,
    omwu::ENTRY,
    onpo::ENTRY,
    ogda::ENTRY,
];
