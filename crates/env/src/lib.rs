//! The environment: preference matrices, games of one or many contexts, generators, and the oracles that answer for
//! them. No file is read here: that is the business of the `data` room.
//!
//! Notation: `P_ij = Pr(i beats j)`, margins `K = P - 1/2` (skew), win rates `q = P pi = 1/2 + K pi`.

mod arrays;
mod draws;
pub mod game;
pub mod generators;
mod judge;
pub mod lockstep;
pub mod matrix;
mod measured;
mod near;
pub mod oracle;
pub mod product;
pub mod storage;
mod triangles;

pub use game::{Context, Game, GameError};
pub use judge::Judge;
pub use matrix::{MatrixError, PreferenceMatrix, Violation};
pub use measured::MeasuredOracle;
pub use oracle::{Feedback, GameOracle, LabelKind, OpponentKind, Sampled};
pub use storage::{ProductCost, Storage};
