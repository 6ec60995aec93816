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
    /// A folder where a file is to be written.
    #[error("{}: is a folder where a file is to be written; move it away", .0.display())]
    Folder(PathBuf),
    /// An output that is one of the inputs.
    #[error("{}: is read by this command ({}) and is not written over; give another name", output.display(), input.display())]
    Input {
        /// What was to be written.
        output: PathBuf,
        /// The same file, as it was given to be read.
        input: PathBuf,
    },
    /// A file that this program did not write.
    #[error(
        "{}: is there already and was not written by this command; give another name, or --force to write over it",
        .0.display()
    )]
    Foreign(PathBuf),
    /// Another process writes into the folder.
    #[error("{}: {holder} is writing here; wait until it is done, or give another folder", folder.display())]
    Busy {
        /// The folder.
        folder: PathBuf,
        /// Who.
        holder: String,
    },
    /// A folder on a file system without locks, in which another process is said to write.
    #[error(
        "{}: {holder} is or was writing here, and this file system has no locks to tell which; if it has ended remove {}, else wait \
         until it is done or give another folder",
        folder.display(), lock.display()
    )]
    Unlocked {
        /// The folder.
        folder: PathBuf,
        /// Who.
        holder: String,
        /// The file that says so.
        lock: PathBuf,
    },
    /// Another process that shares the folder does another plan.
    #[error(
        "{}: a process that is running here does another plan ({}); give another folder, or wait until it is done",
        folder.display(), file.display()
    )]
    OtherPlan {
        /// The folder.
        folder: PathBuf,
        /// That plan.
        file: PathBuf,
    },
    /// Records of another version of the program.
    #[error(
        "{}: {count} of the runs in it were written by version {found} ({}), and this is {known}; runs of different programs \
         are not mixed: give another folder, or --fresh to do all of them again",
        folder.display(), file.display()
    )]
    Version {
        /// The folder.
        folder: PathBuf,
        /// One of them.
        file: PathBuf,
        /// How many.
        count: usize,
        /// Who wrote it.
        found: String,
        /// This program.
        known: String,
    },
    /// Two processes did one run and got different results.
    #[error(
        "run {id}: two processes did it with different results ({differs}); what the other one wrote is in {}. Equal runs are \
         equal to the bit, so programs or machines differ: find out which, then do it again with --fresh",
        aside.display()
    )]
    Unequal {
        /// The run.
        id: String,
        /// Which of its files differ.
        differs: String,
        /// The second result.
        aside: PathBuf,
    },
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
