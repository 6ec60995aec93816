//! Equipoise: which alignment method converges to which policy, how fast, at what cost in preference queries, and how
//! far the Bradley-Terry answer is from the Nash answer, under general and possibly intransitive preferences.
//!
//! ```
#![doc = include_str!("../tests/readme/library.rs")]
//! ```
//!
//! The rooms, from the ground up: [`core`](mod@core) (contracts), [`env`](mod@env) (games, oracles),
//! [`reference`](mod@reference) (exact answers), [`eval`] (the instrument), [`data`] (files), and the solver families behind
//! [`registry`].

pub use equipoise_baseline_bt as bt;
pub use equipoise_core as core;
pub use equipoise_data as data;
pub use equipoise_env as env;
pub use equipoise_eval as eval;
pub use equipoise_models as models;
pub use equipoise_reference as reference;
/// The array crate that public signatures speak.
pub use ndarray;

pub mod audit;
pub mod claims;
mod compare;
pub mod registry;
mod setting;

pub use compare::{Comparison, ComparisonError, Row, Table, compare};
pub use setting::{Conduct, Setting, Settled};

/// What research code needs most.
pub mod prelude {
    pub use crate::compare::{Comparison, Row, Table, compare};
    pub use crate::registry::{solver, solvers};
    pub use equipoise_core::{Cost, Duel, Oracle, Policy, Progress, Rng, Shape, Solver, StepError, Task};
    pub use equipoise_env::{Feedback, Game, GameOracle, PreferenceMatrix, Sampled};
    pub use equipoise_eval::metrics::{Truth, measure};
    pub use equipoise_reference::{maximal_lottery, regularised_equilibrium};
    pub use ndarray::{Array1, Array2, array};
}
