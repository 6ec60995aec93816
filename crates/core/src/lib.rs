//! Vocabulary and contracts of Equipoise: what a policy is, what a solver may ask, and how a method enters the
//! registry.
//!
//! Read in this order: [`oracle`], [`solver`], [`kernel`]. The kernels in the folder `numerics` ([`lanes`], [`vector`],
//! [`simplex`], [`blocks`], [`sample`], [`flat`]) know none of them. Nothing here does I/O, reads a clock, prints, or knows a
//! game. All mathematics is `f64`; the state of a policy is its log-probabilities.
//!
//! A vector "over the shape" is flat: the rows of all contexts behind each other, `[sum of actions over contexts]`.

pub mod class;
pub mod class_entry;
pub mod kernel;
pub mod local;
mod numerics;
pub mod optimiser;
pub mod oracle;
pub mod policy;
pub mod registry;
pub mod sampler;
pub mod seed;
pub mod shape;
pub mod solver;
pub mod step_size;
pub mod weighting;

pub use class::{Effort, PolicyClass, Tokens};
pub use equipoise_records::{Aim, Guarantee};
pub use numerics::{
    blocks, cpu, flat, graph, lanes, lbfgs, logistic, newton, nonnegative, sample, shaping, simplex, vector,
};
pub use oracle::{Cost, Duel, LabelledPair, Oracle};
pub use policy::{Policy, PolicyError};
pub use registry::{BuildError, Built, FixedPoint, SolverConfig, SolverEntry};
pub use sampler::Sampler;
pub use seed::Rng;
pub use shape::Shape;
pub use solver::{Progress, Solver, StepError, Task};
pub use step_size::StepSize;
pub use weighting::Weighting;
