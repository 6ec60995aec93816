//! What is written under `results/`, and the vocabulary in which every crate speaks about a run. Depends on no other
//! crate of the workspace.
//!
//! [`vocabulary`] holds the words as enums: iterate, guarantee, behaviour, stop reason, aim. [`metric`] describes a metric to
//! whoever shows its values. [`schema`] is the layout of the files; [`ResultsDir`] writes a folder, [`read`] reads it back.
//! [`leaderboard`] does the same for a leaderboard of ratings. [`latex`] writes tables for papers. [`guard`] keeps inputs and the files of others from being
//! written over.

mod columns;
mod digest;
mod error;
mod files;
mod group;
pub mod guard;
mod hold;
mod keys;
pub mod latex;
pub mod leaderboard;
pub mod metric;
mod own;
mod packs;
mod read;
mod run;
pub mod schema;
pub mod text;
pub mod vocabulary;
mod write;

pub use error::RecordsError;
pub use files::{discard_partial, syncs, write_file};
pub use hold::{Access, Hold};
pub use metric::{CONVERGED, DUALITY_GAP, DUALITY_GAP_TAU, Direction, MetricInfo, Scale};
pub use packs::PACKED_FROM;
pub use read::{Results, Run, Unfinished, read};
pub use run::{Existing, RunState, RunWriter};
pub use vocabulary::{Aim, Behaviour, Guarantee, Iterate, StopKind, UnknownWord};
pub use write::{GameRows, REPORT_HTML, REPORT_MARKDOWN, REPORT_PAGES, ResultsDir, write_pages};
