//! Everything that can go wrong between a run and its report.

use std::path::PathBuf;

/// Why results could not be written, read or rendered.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The file system said no; the message names the path.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The folder holds no results.
    #[error("{}: no games.json here; give the folder that `equipoise run` wrote", .0.display())]
    NotResults(PathBuf),
    /// A file does not hold what its name promises.
    #[error("{}: {problem}", file.display())]
    Malformed {
        /// The file.
        file: PathBuf,
        /// What is wrong, with the line where there is one.
        problem: String,
    },
    /// Records of another version.
    #[error(
        "{}: written in format {found}, this program reads format {known}; run the experiment again with it",
        file.display()
    )]
    Format {
        /// The file.
        file: PathBuf,
        /// The version found.
        found: u64,
        /// The version understood.
        known: u32,
    },
    /// A run id that cannot name a folder.
    #[error("run id `{0}`: expected letters, digits, `-`, `_` and `.`, not starting with `.`")]
    RunId(String),
    /// A record that JSON or CSV cannot hold.
    #[error("{}: cannot be written: {problem}", file.display())]
    Unwritable {
        /// The file.
        file: PathBuf,
        /// What the writer said.
        problem: String,
    },
    /// A drawing failed.
    #[error("drawing {what}: {problem}")]
    Drawing {
        /// Which drawing.
        what: String,
        /// What the drawing library said.
        problem: String,
    },
    /// A template failed: a bug of this crate.
    #[error("template: {0}")]
    Template(#[from] minijinja::Error),
}
