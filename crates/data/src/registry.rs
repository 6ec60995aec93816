//! What can be read, as a list of rows: formats are told apart by their endings, which stand here and nowhere else.

use std::path::Path;

use crate::ending;
use crate::error::DataError;

/// What a file is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// A game as a matrix of win rates.
    Matrix,
    /// Comparisons of two items, or rankings of several.
    Comparisons,
    /// A policy for a game of one context.
    Policy,
    /// Features of items or contexts.
    Features,
    /// Many games, a batch at a time.
    Games,
}

impl Reads {
    /// What such a file is, for a message.
    fn words(self) -> &'static str {
        match self {
            Self::Matrix => "a preference matrix is",
            Self::Comparisons => "comparisons and rankings are",
            Self::Policy => "a policy is",
            Self::Features => "features are",
            Self::Games => "many games are",
        }
    }
}

/// How the bytes of a file are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    Json,
    JsonLines,
    Parquet,
    PrefLib,
    Npy,
    Npz,
    Panels,
}

/// A format that can be read.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ReaderEntry {
    /// Its name.
    pub name: &'static str,
    /// What stands in such a file, in a line.
    pub summary: &'static str,
    /// What it is read as.
    pub reads: Reads,
    /// Endings by which it is told, in lower case.
    pub endings: &'static [&'static str],
    /// Columns, keys or arrays that mean something; other columns are ignored and listed.
    pub columns: &'static [&'static str],
    /// Where the format comes from.
    pub source: &'static str,
    pub(crate) format: Format,
}

/// Columns of comparisons.
const PAIRS: &[&str] = &[
    "item_a (model_a)",
    "item_b (model_b)",
    "outcome (winner; winner_model_a, winner_model_b, winner_tie)",
    "context (question_id)",
    "annotator (judge)",
    "timestamp (tstamp)",
    "weight",
    "magnitude",
    "ranking",
];
/// What rows of comparisons are.
const ROWS: &str =
    "a comparison a row: item_a, item_b, outcome (a, b, tie, both_bad); or a ranking: x > y = z";
/// How a matrix of several games is written by NumPy.
const NUMPY: &str = "numpy.org, NEP 1";

/// All formats.
pub const READERS: &[ReaderEntry] = &[
    ReaderEntry {
        name: "matrix-csv",
        summary: "n lines of n numbers, Pr(row beats column); labels in a first row or column are optional",
        reads: Reads::Matrix,
        endings: &["csv"],
        columns: &[],
        source: "RFC 4180",
        format: Format::Csv,
    },
    ReaderEntry {
        name: "matrix-json",
        summary: "rows of numbers, with labels if need be; null is a blank",
        reads: Reads::Matrix,
        endings: &["json"],
        columns: &["labels", "matrix"],
        source: "RFC 8259",
        format: Format::Json,
    },
    ReaderEntry {
        name: "matrix-npy",
        summary: "an array n x n or contexts x n x n of float64 or float32",
        reads: Reads::Matrix,
        endings: &["npy"],
        columns: &[],
        source: NUMPY,
        format: Format::Npy,
    },
    ReaderEntry {
        name: "matrix-npz",
        summary: "an archive with one such array, or one named matrix",
        reads: Reads::Matrix,
        endings: &["npz"],
        columns: &["matrix"],
        source: NUMPY,
        format: Format::Npz,
    },
    ReaderEntry {
        name: "matrix-panels",
        summary: "margins in panels of four rows, fetched for every product and never held: games larger than memory",
        reads: Reads::Matrix,
        endings: &["panels"],
        columns: &[],
        source: "written by write_panels of this library, format EQPANEL1",
        format: Format::Panels,
    },
    ReaderEntry {
        name: "comparisons-csv",
        summary: ROWS,
        reads: Reads::Comparisons,
        endings: &["csv"],
        columns: PAIRS,
        source: "RFC 4180; names of published arena files are understood",
        format: Format::Csv,
    },
    ReaderEntry {
        name: "comparisons-jsonl",
        summary: "an object a line, with the same keys",
        reads: Reads::Comparisons,
        endings: &["jsonl", "ndjson"],
        columns: PAIRS,
        source: "jsonlines.org",
        format: Format::JsonLines,
    },
    ReaderEntry {
        name: "comparisons-parquet",
        summary: "the same columns; nested ones are refused where they mean something",
        reads: Reads::Comparisons,
        endings: &["parquet"],
        columns: PAIRS,
        source: "parquet.apache.org",
        format: Format::Parquet,
    },
    ReaderEntry {
        name: "rankings-preflib",
        summary: "orders, complete or not, with ties or without: count: 1,2,{3,4}",
        reads: Reads::Comparisons,
        endings: &["soc", "soi", "toc", "toi"],
        columns: &["ALTERNATIVE NAME"],
        source: "Mattei, Walsh 2013; preflib.org",
        format: Format::PrefLib,
    },
    ReaderEntry {
        name: "policy-csv",
        summary: "an action a line, in any order",
        reads: Reads::Policy,
        endings: &["csv"],
        columns: &["label", "prob"],
        source: "RFC 4180",
        format: Format::Csv,
    },
    ReaderEntry {
        name: "policy-json",
        summary: "a list of probabilities in the order of the labels",
        reads: Reads::Policy,
        endings: &["json"],
        columns: &[],
        source: "RFC 8259",
        format: Format::Json,
    },
    ReaderEntry {
        name: "features-csv",
        summary: "an item or a context a line, a feature a column",
        reads: Reads::Features,
        endings: &["csv"],
        columns: &["item", "context"],
        source: "RFC 4180",
        format: Format::Csv,
    },
    ReaderEntry {
        name: "games-npy",
        summary: "an array contexts x n x n in C order",
        reads: Reads::Games,
        endings: &["npy"],
        columns: &[],
        source: NUMPY,
        format: Format::Npy,
    },
    ReaderEntry {
        name: "games-npz",
        summary: "an archive with one such array, or one named matrix",
        reads: Reads::Games,
        endings: &["npz"],
        columns: &["matrix"],
        source: NUMPY,
        format: Format::Npz,
    },
    ReaderEntry {
        name: "games-parquet",
        summary: "a game a row: a list of n^2 win rates row by row, n of each row its own",
        reads: Reads::Games,
        endings: &["parquet"],
        columns: &["win_rates"],
        source: "parquet.apache.org",
        format: Format::Parquet,
    },
];

/// The formats that are read as `reads` and have the ending of `path`.
pub(crate) fn by_ending(path: &Path, reads: Reads) -> Option<Format> {
    let ending = ending(path);
    let row = READERS.iter().find(|r| r.reads == reads && r.endings.contains(&ending.as_str()));
    row.map(|r| r.format)
}

/// [`by_ending`], or a refusal that lists the endings there are.
pub(crate) fn format_of(path: &Path, reads: Reads) -> Result<Format, DataError> {
    by_ending(path, reads).ok_or_else(|| {
        let rows = READERS.iter().filter(|r| r.reads == reads);
        let mut known: Vec<String> = rows.flat_map(|r| r.endings).map(|e| format!(".{e}")).collect();
        let last = known.pop().unwrap_or_default();
        let list = if known.is_empty() { last } else { format!("{} or {last}", known.join(", ")) };
        let message = format!("has the ending `{}`; {} {list}", ending(path), reads.words());
        DataError::new(path, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::{COLUMNS, ITEM_A, MAGNITUDE, OUTCOME, RANKING, WEIGHT, WINNERS};

    #[test]
    fn names_are_distinct_and_an_ending_means_one_format_of_a_kind() {
        for (k, row) in READERS.iter().enumerate() {
            assert!(
                !row.summary.is_empty() && !row.source.is_empty() && !row.endings.is_empty(),
                "{}",
                row.name
            );
            for other in &READERS[..k] {
                assert_ne!(row.name, other.name);
                let shared = row.endings.iter().any(|e| other.endings.contains(e));
                assert!(row.reads != other.reads || !shared, "{} {}", row.name, other.name);
            }
        }
    }

    /// Every name that a column of comparisons goes by is listed.
    #[test]
    fn columns_of_comparisons_are_those_that_are_read() {
        let all = PAIRS.join(" ");
        for names in COLUMNS.iter().map(|(_, names)| names) {
            assert!(names.iter().all(|name| all.contains(name)), "{names:?}");
        }
        let own = [ITEM_A, OUTCOME, WEIGHT, MAGNITUDE, RANKING, WINNERS[0]];
        assert!(own.iter().all(|&m| all.contains(COLUMNS[m].0)));
    }

    #[test]
    fn an_ending_that_is_not_known_is_told_what_there_is() {
        let told = format_of(Path::new("g.txt"), Reads::Policy).unwrap_err().to_string();
        assert_eq!(told, "g.txt: has the ending `txt`; a policy is .csv or .json");
    }
}
