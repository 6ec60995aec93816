//! Bradley-Terry and its relatives: the methods that Nash solvers claim to beat, in the same tables.
//!
//! | name | what | citation |
//! |---|---|---|
//! | `bradley-terry` | one rating an action, and the policy it implies | arXiv:2305.18290 |
//! | `ipo` | the best response to the reference | arXiv:2310.12036 |
//! | `online-dpo` | iterated fits on the policy's own pairs | arXiv:2312.16682 |

pub mod bradley_terry;
mod design;
mod fit;
pub mod ipo;
pub mod online_dpo;

pub use design::Pairs;
pub use fit::{BtError, BtFit, RIDGE, fit, fit_product};

use equipoise_core::SolverEntry;

/// The registry rows of this crate.
pub const SOLVERS: &[SolverEntry] = &[bradley_terry::ENTRY, ipo::ENTRY, online_dpo::ENTRY];
