//! The environment: preference matrices, games of one or many contexts, generators, and the oracles that answer for
//! them. No file is read here: that is what `equipoise-data` is for.
//!
//! Notation: `P_ij = Pr(i beats j)`, margins `K = P - 1/2` (skew), win rates `q = P pi = 1/2 + K pi`.

mod annotators;
mod arrays;
pub mod batcher;
pub mod channels;
pub mod designs;
mod draws;
pub mod feedback;
pub mod game;
pub mod generators;
mod judge;
mod label;
mod labelling;
pub mod matrix;
mod measured;
pub mod oracle;
pub mod product;
pub mod registry;
pub mod storage;

pub use annotators::NoAnnotators;
pub use feedback::{Feedback, LabelKind, OpponentKind, Sampled};
pub use game::{Context, Game, GameError, Voters};
pub use judge::Judge;
pub use label::{Label, Law, Outcome, Ranked};
pub use labelling::{ChannelCount, ChannelSpec, Labelling, Labels};
pub use matrix::{MatrixError, PreferenceMatrix, Violation};
pub use measured::{FittedView, MeasuredOracle, OracleParts};
pub use oracle::GameOracle;
pub use registry::{ORACLES, OracleEntry};
pub use storage::{ProductCost, Storage};
