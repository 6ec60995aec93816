//! YAML in, runs out: parse, resolve, execute, hand over to the report room.
//!
//! ```text
//! bytes -> file::ExperimentFile -> plan::Plan -> execute -> results/<experiment>/ -> report
//! ```
//!
//! One direction: no stage reaches back. Parsing refuses what is misspelt, resolving what cannot run, both with file,
//! line and column; nothing is written before both have passed.

pub mod check;
pub mod error;
pub mod execute;
mod facts;
pub mod file;
mod forecast;
mod grid;
pub mod identity;
pub mod plan;
mod replay;
pub mod schema;
pub mod yaml;

pub use error::ConfigError;
pub use execute::{ExecuteError, Executed, Monitor, Options, execute};
pub use file::parse_file;
pub use forecast::{Forecast, GameForecast, forecast};
pub use plan::{Plan, resolve};
pub use replay::{Replay, replay};
