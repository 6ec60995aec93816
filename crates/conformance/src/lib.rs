//! The lists of solvers, games, oracles and metrics, and what every row of a list must do, whatever it computes.
//!
//! A check is a public function over a row, so it answers for rows of your own too, registered or not:
//!
//! ```
//! use equipoise_conformance::{check_solver, registry};
//!
//! check_solver(registry::solver("egpo").expect("registered"))?;
//! # Ok::<(), equipoise_conformance::Failure>(())
//! ```
//!
//! The test of this crate has one case for each check and row; a filter by name picks out one row:
//!
//! ```sh
//! cargo test --release -p equipoise-conformance --test conformance -- solver::egpo
//! cargo test --release -p equipoise-conformance --test conformance -- game::cyclic
//! cargo test --release -p equipoise-conformance --test conformance -- metric::
//! ```
//!
//! This crate reads no files and compiles no file format, so a new solver is tested without them. Preference models have
//! their own suite in `equipoise-models`.

mod failure;
mod fixtures;
mod games;
mod metrics;
mod oracles;
pub mod registry;
mod schema;
mod solvers;

/// Policy classes and optimisers, and their registries.
pub use equipoise_policies as policies;
/// Losses on labelled responses as published, and their registry.
pub use equipoise_solver_regression::objectives;
pub use failure::{Check, Failure, run_checks};
pub use games::{GAME_CHECKS, check_game};
pub use metrics::{METRIC_CHECKS, check_metric};
pub use oracles::{BuildOracle, ORACLE_CHECKS, OracleCase, check_oracle, check_oracle_entry};
pub use solvers::{SOLVER_CHECKS, check_solver};
