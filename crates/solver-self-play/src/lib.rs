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
//! | `nash-md-debiased` | regularised | the same, run cooler and read at the mixture; = `mmd` | arXiv:2312.00886 |
//! | `nash-ema` | regularised | mirror descent against its geometric moving average | arXiv:2312.00886 |
//! | `mnpo` | original | several players; equal starts: `mwu` | arXiv:2509.23102 |
//! | `td-mnpo` | regularised | anchored to a weighted history; one weight: `omd` | arXiv:2509.23102 |
//! | `rspo` | regularised | other divergences to the reference; reverse KL: `mmd` | arXiv:2503.00030 |
//! | `gpo` | score game | multiplicative weights on logit P | arXiv:2410.02197 |
//! | `fictitious-play` | original | best response to the average | Brown 1951 |
//! | `rm-plus` | original | regret matching plus | arXiv:1407.5042 |
//! | `prm-plus` | original | predictive regret matching plus | arXiv:2007.14358 |
//! | `smooth-prm-plus` | original | the same, regrets kept away from 0, restarts | arXiv:2305.14709 |
//! | `one-duel` | original | one duel a round at the estimated log-barrier equilibrium | arXiv:2605.09363 |
//! | `plug-in` | regularised | one duel a round by a design, at the equilibrium of the game as counted | arXiv:2510.24700 |

mod counted;
pub mod dno;
pub mod fictitious_play;
pub mod gpo;
mod hedge;
mod low_rank;
pub mod mnpo;
pub mod mwu;
pub mod nash_ema;
pub mod nash_md;
pub mod nash_md_debiased;
pub mod nash_md_pg;
pub mod one_duel;
pub mod plug_in;
pub mod prm_plus;
pub mod regret;
pub mod rm_plus;
pub mod rspo;
pub mod smooth_prm_plus;
pub mod spo;
pub mod sppo;
pub mod td_mnpo;

use equipoise_core::SolverEntry;

/// The registry rows of this crate.
pub const SOLVERS: &[SolverEntry] = &[
    mwu::ENTRY,
    sppo::ENTRY,
    spo::ENTRY,
    dno::ENTRY,
    nash_md::ENTRY,
    nash_md_pg::ENTRY,
    nash_md_debiased::ENTRY,
    nash_ema::ENTRY,
    mnpo::ENTRY,
    td_mnpo::ENTRY,
    rspo::ENTRY,
    gpo::ENTRY,
    fictitious_play::ENTRY,
    rm_plus::ENTRY,
    prm_plus::ENTRY,
    smooth_prm_plus::ENTRY,
    one_duel::ENTRY,
    plug_in::ENTRY,
];
