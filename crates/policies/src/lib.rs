//! Policy classes, from parameters to log-probabilities and back, and the optimisers that move the parameters.
//!
//! A class is a file and a row of [`POLICIES`], an optimiser a file and a row of [`OPTIMISERS`]. Backward passes are written
//! by hand. All sums run in one order on one thread, so equal parameters give equal bits.

pub mod features;
pub mod gaps;
pub mod log_linear;
pub mod mlp;
pub mod mlp_encoder;
pub mod multi_turn;
mod net;
pub mod optimisers;
mod softmax;
pub mod table;
pub mod token_tree;
mod tree;

use equipoise_core::BuildError;
use equipoise_core::class_entry::PolicyEntry;
use equipoise_core::optimiser::OptimiserEntry;
use equipoise_core::registry::nearest;

/// Every policy class.
pub const POLICIES: &[PolicyEntry] =
    &[table::ENTRY, log_linear::ENTRY, mlp::ENTRY, mlp_encoder::ENTRY, token_tree::ENTRY, multi_turn::ENTRY];

/// Every optimiser.
pub const OPTIMISERS: &[OptimiserEntry] = &[
    optimisers::sgd::ENTRY,
    optimisers::momentum::ENTRY,
    optimisers::adam::ADAM,
    optimisers::adam::ADAMW,
    optimisers::lbfgs::ENTRY,
    optimisers::newton::ENTRY,
    optimisers::natural::ENTRY,
];

/// The policy class of that name.
///
/// # Errors
/// [`BuildError::UnknownKey`], with the nearest name.
pub fn policy(name: &str) -> Result<&'static PolicyEntry, BuildError> {
    POLICIES.iter().find(|e| e.name == name).ok_or_else(|| unknown(name, POLICIES.iter().map(|e| e.name)))
}

/// The optimiser of that name.
///
/// # Errors
/// [`BuildError::UnknownKey`], with the nearest name.
pub fn optimiser(name: &str) -> Result<&'static OptimiserEntry, BuildError> {
    OPTIMISERS.iter().find(|e| e.name == name).ok_or_else(|| unknown(name, OPTIMISERS.iter().map(|e| e.name)))
}

fn unknown(name: &str, known: impl Iterator<Item = &'static str> + Clone) -> BuildError {
    BuildError::UnknownKey {
        key: name.to_owned(),
        nearest: nearest(name, known.clone()).map(str::to_owned),
        known: known.map(str::to_owned).collect(),
    }
}
