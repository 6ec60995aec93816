//! YAML in, runs out: parse, resolve, build, execute, merge, hand over to the report.
//!
//! ```text
//! bytes -> file::ExperimentFile -> spec::Spec -> build::Plan -> execute -> results/<experiment>/ -> merge -> report
//! ```
//!
//! One direction: no stage reaches back. Parsing refuses what is misspelt, resolving what cannot run, making a game what
//! only the game can tell, each with file, line and column. Resolving is pure: it makes no game and solves nothing. A
//! [`Plan`] counts runs without listing them, so that one process may do a few of very many.

pub mod build;
pub mod check;
pub mod error;
mod estimate;
pub mod exact;
pub mod execute;
mod facts;
pub mod file;
mod forecast;
pub mod game;
mod generate;
mod grid;
pub mod identity;
mod inputs;
mod kept;
mod known;
mod listing;
pub mod merge;
mod record;
mod replay;
pub mod schema;
pub mod shard;
pub mod spec;
mod targets;
pub mod yaml;

pub use build::Plan;
pub use error::ConfigError;
pub use execute::{ExecuteError, Executed, Monitor, Options, Steal, execute};
pub use file::parse_file;
pub use forecast::{Forecast, GameForecast, check_space, forecast};
pub use generate::{Generated, generate};
pub use merge::{MergeError, Merged, merge};
pub use replay::{Replay, replay};
pub use shard::{Shard, ShardError, UnitRow};
pub use spec::{Spec, resolve};
pub use targets::BeyondEquilibrium;
