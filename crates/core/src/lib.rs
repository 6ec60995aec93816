//! Vocabulary and contracts of Equipoise: what a policy is, what a solver may ask, and how a method enters the
//! registry.
//!
//! Read in this order: [`oracle`], [`solver`], [`kernel`]. Nothing here does I/O, reads a clock, prints, or knows a
//! game. All mathematics is `f64`; the state of a policy is its log-probabilities.
//!
//! A vector "over the shape" is flat: the rows of all contexts behind each other, `[sum of actions over contexts]`.

pub mod blocks;
pub mod graph;
pub mod kernel;
pub mod lanes;
pub mod local;
pub mod logistic;
pub mod newton;
pub mod oracle;
pub mod policy;
pub mod registry;
pub mod sample;
pub mod seed;
pub mod shape;
pub mod simplex;
pub mod solver;
pub mod step_size;
pub mod vector;
pub mod weighting;

pub use equipoise_records::{Aim, Guarantee};
pub use oracle::{Cost, Duel, Oracle};
pub use policy::{Policy, PolicyError};
pub use registry::{BuildError, Built, FixedPoint, SolverConfig, SolverEntry};
pub use seed::Rng;
pub use shape::Shape;
pub use solver::{Progress, Solver, StepError, Task};
pub use step_size::StepSize;
pub use weighting::Weighting;
