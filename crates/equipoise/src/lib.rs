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
pub use equipoise_records as records;
pub use equipoise_reference as reference;
/// The array crate that public signatures speak.
pub use ndarray;

pub mod audit;
pub mod claims;
mod compare;
mod local_theory;
mod problem;
pub mod registry;

pub use compare::{Comparison, ComparisonError, Row, Table, compare};
pub use problem::{Problem, RunOptions, RunResult};

/// What research code needs most.
pub mod prelude {
    pub use crate::compare::{Comparison, Row, Table, compare};
    pub use crate::problem::{Problem, RunOptions, RunResult};
    pub use crate::registry::{solver, solvers};
    pub use equipoise_core::{Cost, Duel, Oracle, Policy, Progress, Rng, Shape, Solver, StepError, Task};
    pub use equipoise_env::{Feedback, Game, GameOracle, MeasuredOracle, PreferenceMatrix, Sampled};
    pub use equipoise_eval::metrics::{Truth, measure};
    pub use equipoise_eval::{AfterStep, Iterate, Limits, Metric, Schedule, drive};
    pub use equipoise_reference::{maximal_lottery, regularised_equilibrium};
    pub use ndarray::{Array1, Array2, array};
    pub use serde_json::json;
}
