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
    /// Payoffs of two players.
    Payoffs,
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
            Self::Payoffs => "payoffs of two players are",
        }
    }
}

/// How the bytes of a file are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    Json,
    Parquet,
    PrefLib,
    Npy,
    Npz,
    Panels,
    Nfg,
    /// Records in a file of rows of any kind, told by their columns.
    Records,
    /// A square table of numbers, told by what they are.
    Table,
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

/// Endings of files of rows.
const ROW_FILES: &[&str] = &["csv", "tsv", "jsonl", "ndjson", "json", "parquet"];
/// Endings of tables.
const TABLES: &[&str] = &["csv", "tsv"];
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
    "wins_a, wins_b, ties",
    "score_a, score_b",
    "winner, loser (winner_name, loser_name); item, opponent, wins",
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
        summary: "n lines of n numbers, Pr(row beats column), or payoffs A = -A'; labels in a first row or column are optional",
        reads: Reads::Matrix,
        endings: TABLES,
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
        endings: TABLES,
        columns: PAIRS,
        source: "RFC 4180, separated by commas, tabs, semicolons or bars; names of published arena files are understood",
        format: Format::Csv,
    },
    ReaderEntry {
        name: "comparisons-jsonl",
        summary: "an object a line, or a list of objects, with the same keys",
        reads: Reads::Comparisons,
        endings: &["jsonl", "ndjson", "json"],
        columns: PAIRS,
        source: "jsonlines.org; RFC 8259",
        format: Format::Json,
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
        summary: "orders, complete or not, with ties or without: count: 1,2,{3,4}; categories (.cat), the best first",
        reads: Reads::Comparisons,
        endings: &["soc", "soi", "toc", "toi", "cat"],
        columns: &["ALTERNATIVE NAME"],
        source: "Mattei, Walsh 2013; preflib.org",
        format: Format::PrefLib,
    },
    ReaderEntry {
        name: "win-counts",
        summary: "a square table of whole numbers: how often the row beat the column; the diagonal says nothing",
        reads: Reads::Comparisons,
        endings: TABLES,
        columns: &[],
        source: "tables of wins, as in BradleyTerry2 and league tables",
        format: Format::Table,
    },
    ReaderEntry {
        name: "rank-table",
        summary: "a ranking a row, a column an item: its rank, 1 the best; blank where it was not ranked",
        reads: Reads::Comparisons,
        endings: TABLES,
        columns: &["context", "annotator", "weight"],
        source: "tables of ranks, as in PLMIX and rankdata of scipy.stats",
        format: Format::Records,
    },
    ReaderEntry {
        name: "score-table",
        summary: "a context a row, a column an item: its score, the highest first; by its name alone",
        reads: Reads::Comparisons,
        endings: TABLES,
        columns: &["context", "annotator", "weight"],
        source: "tables of benchmark results",
        format: Format::Records,
    },
    ReaderEntry {
        name: "ratings",
        summary: "a score a row; the items of a context and annotator are ranked by it, the highest first",
        reads: Reads::Comparisons,
        endings: ROW_FILES,
        columns: &["item (model)", "score (rating)", "context", "annotator"],
        source: "tables of ratings",
        format: Format::Records,
    },
    ReaderEntry {
        name: "mt-bench-pairs",
        summary: "two games a record, the second in the other order; errors of the judge are left out",
        reads: Reads::Comparisons,
        endings: ROW_FILES,
        columns: &["model_1", "model_2", "g1_winner", "g2_winner", "question_id", "judge", "tstamp"],
        source: "FastChat, llm_judge, *_pair.jsonl; Zheng et al. 2023, arXiv:2306.05685",
        format: Format::Records,
    },
    ReaderEntry {
        name: "arena-hard",
        summary: "the games of a model against a baseline, in both orders; games without a verdict are left out",
        reads: Reads::Comparisons,
        endings: ROW_FILES,
        columns: &["model", "games", "baseline", "question_id (uid)", "judge"],
        source: "arena-hard-auto, model_judgment; Li et al. 2024, arXiv:2406.11939",
        format: Format::Records,
    },
    ReaderEntry {
        name: "alpaca-eval",
        summary: "a preference in [1, 2] as a vote divided by its probability; null is left out",
        reads: Reads::Comparisons,
        endings: ROW_FILES,
        columns: &["generator_1 (generator)", "generator_2", "preference", "annotator", "instruction"],
        source: "alpaca_eval, annotations.json; Dubois et al. 2024, arXiv:2404.04475",
        format: Format::Records,
    },
    ReaderEntry {
        name: "ultrafeedback",
        summary: "rated completions of a prompt, ranked by the mean of their fine-grained ratings",
        reads: Reads::Comparisons,
        endings: ROW_FILES,
        columns: &["instruction", "completions"],
        source: "openbmb/UltraFeedback; Cui et al. 2023, arXiv:2310.01377",
        format: Format::Records,
    },
    ReaderEntry {
        name: "preferences",
        summary: "a chosen and a rejected answer to a prompt, text or messages; items are hashes of the answers",
        reads: Reads::Comparisons,
        endings: ROW_FILES,
        columns: &["prompt", "chosen", "rejected", "score_chosen", "score_rejected"],
        source: "TRL, preference data sets; Bai et al. 2022, arXiv:2204.05862",
        format: Format::Records,
    },
    ReaderEntry {
        name: "payoffs-nfg",
        summary: "a zero-sum game of two players in normal form, by payoffs or outcomes",
        reads: Reads::Payoffs,
        endings: &["nfg"],
        columns: &[],
        source: "Gambit, the .nfg format",
        format: Format::Nfg,
    },
    ReaderEntry {
        name: "payoffs-csv",
        summary: "payoffs of the row player of a zero-sum game; by its name alone",
        reads: Reads::Payoffs,
        endings: TABLES,
        columns: &[],
        source: "RFC 4180",
        format: Format::Csv,
    },
    ReaderEntry {
        name: "payoffs-json",
        summary: "an object with the payoffs of the row player of a zero-sum game, and labels if need be",
        reads: Reads::Payoffs,
        endings: &["json"],
        columns: &["payoffs", "rows", "columns"],
        source: "RFC 8259",
        format: Format::Json,
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
    let row = READERS.iter().find(|r| {
        let by_columns = matches!(r.format, Format::Records | Format::Table);
        r.reads == reads && !by_columns && r.endings.contains(&ending.as_str())
    });
    row.map(|r| r.format)
}

/// [`by_ending`], or a refusal that lists the endings there are.
pub(crate) fn format_of(path: &Path, reads: Reads) -> Result<Format, DataError> {
    by_ending(path, reads).ok_or_else(|| {
        let rows = READERS.iter().filter(|r| r.reads == reads);
        let mut known: Vec<String> = Vec::new();
        for ending in rows.flat_map(|r| r.endings).map(|e| format!(".{e}")) {
            if !known.contains(&ending) {
                known.push(ending);
            }
        }
        let last = known.pop().unwrap_or_default();
        let list = if known.is_empty() { last } else { format!("{} or {last}", known.join(", ")) };
        let why = match ending(path).as_str() {
            "wmd" => "; PrefLib's .wmd are weights of a matching market, not comparisons",
            "pwg" | "wmg" | "tog" | "mjg" => {
                "; graphs of PrefLib's old format are comparisons as item,opponent,wins in a .csv"
            }
            _ => "",
        };
        let message = format!("has the ending `{}`; {} {list}{why}", ending(path), reads.words());
        DataError::new(path, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::COLUMNS;

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
                let by_columns = |r: &ReaderEntry| matches!(r.format, Format::Records | Format::Table);
                let shared = row.endings.iter().any(|e| other.endings.contains(e))
                    && !by_columns(row)
                    && !by_columns(other);
                assert!(row.reads != other.reads || !shared, "{} {}", row.name, other.name);
            }
        }
    }

    /// Every name that a column of comparisons goes by is listed.
    #[test]
    fn columns_of_comparisons_are_those_that_are_read() {
        let all = PAIRS.join(" ");
        for entry in COLUMNS.iter().filter(|entry| !["winning", "losing"].contains(&entry.role)) {
            assert!(entry.names.iter().all(|name| all.contains(name)), "{}", entry.role);
        }
    }

    #[test]
    fn an_ending_that_is_not_known_is_told_what_there_is() {
        let told = format_of(Path::new("g.txt"), Reads::Policy).unwrap_err().to_string();
        assert_eq!(told, "g.txt: has the ending `txt`; a policy is .csv or .json");
    }
}
