//! Why records could not be written or read.

use std::path::{Path, PathBuf};

use crate::vocabulary::UnknownWord;

/// Why records could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordsError {
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
    /// A record that says something this program has no word for.
    #[error("{}: {}{word}", file.display(), line.map_or(String::new(), |l| format!("line {l}: ")))]
    UnknownWord {
        /// The file.
        file: PathBuf,
        /// The line, from 1, where it is known.
        line: Option<u64>,
        /// The word and its vocabulary.
        word: UnknownWord,
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
}

impl RecordsError {
    pub(crate) fn malformed(file: &Path, problem: &dyn std::error::Error) -> Self {
        Self::Malformed { file: file.to_owned(), problem: problem.to_string() }
    }
}
