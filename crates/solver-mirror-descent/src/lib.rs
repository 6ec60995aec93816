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
//! | `regularized-omwu` | regularised | optimistic mirror descent, one query | arXiv:2105.15186 |
//! | `a2l` | original | `omwu` playing its average | arXiv:2506.03464 |
//! | `ogda` | original | optimistic gradient, Euclidean | arXiv:2006.09517 |
//! | `aog` | original | the same, pulled back to its start ever more weakly | arXiv:2301.13120 |
//! | `mpo` | original | `mmd` with a renewed magnet | arXiv:2410.16714 |
//! | `comal` | original | regularised games one after the other | arXiv:2410.23223 |
//! | `moving-magnet` | original | other schedules of the magnet | arXiv:2410.02388 |

pub mod a2l;
pub mod aog;
pub mod comal;
pub mod magnet;
mod mirror;
pub mod mmd;
pub mod moving_magnet;
pub mod mpo;
pub mod ogda;
pub mod omd;
pub mod omwu;
pub mod online_ipo_1;
pub mod online_ipo_2;
pub mod onpo;
pub mod regularized_omwu;

use equipoise_core::SolverEntry;

/// The registry rows of this crate.
pub const SOLVERS: &[SolverEntry] = &[
    omd::ENTRY,
    mmd::ENTRY,
    online_ipo_1::ENTRY,
    online_ipo_2::ENTRY,
    omwu::ENTRY,
    onpo::ENTRY,
    regularized_omwu::ENTRY,
    a2l::ENTRY,
    ogda::ENTRY,
    aog::ENTRY,
    mpo::ENTRY,
    comal::ENTRY,
    moving_magnet::ENTRY,
];
