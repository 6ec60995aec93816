//! Losses on pairs of responses: as published ([`objectives`]), minimised on a game's own labels ([`fitted`]), and as the mirror
//! step of INPO.
//!
//! [`projected`] does any mirror step in a class of policies. [`inpo`] is mirror descent by regression on duels between the policy's own answers. [`pair_loss`] states its loss,
//! [`least_squares`] minimises it over all tables, [`selection`] is how practice picks the pairs.

pub mod fitted;
pub mod inpo;
pub mod least_squares;
pub mod objectives;
pub mod offline;
pub mod pair_loss;
pub mod projected;
pub mod selection;

use equipoise_core::SolverEntry;

/// The registry rows of this crate.
pub const SOLVERS: &[SolverEntry] = &[
    inpo::ENTRY,
    projected::ENTRY,
    offline::ENTRY,
    fitted::DPO,
    fitted::CDPO,
    fitted::RDPO,
    fitted::IPO_LOSS,
    fitted::SIMPO,
    fitted::F_DPO,
    fitted::CHI_PO,
    fitted::EXO,
    fitted::CPO,
    fitted::RPO,
    fitted::PREFERENCE,
    fitted::ASFT,
    fitted::ORPO,
    fitted::NCA,
    fitted::BCO,
    fitted::SPPO_HARD,
];
