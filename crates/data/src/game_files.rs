//! Kinds of game files, as a registry beside that of the generators: each row has typed options with defaults,
//! documentation and a schema, and reads the games that its options stand for.
//!
//! Options are read without touching a file ([`GameFileEntry::options`]); [`GameFile::extent`] reads a header at most;
//! [`GameFile::open`] reads the file.

use std::fmt;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use equipoise_env::Game;
use equipoise_env::storage::Precision;
use schemars::{JsonSchema, Schema, schema_for};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::comparisons::Comparisons;
use crate::ending;
use crate::error::DataError;
use crate::grouped::{Grouped, Grouping};
use crate::matrix::{matrix_from_rows, read_matrix_as};
use crate::read::{read_comparisons, read_grouped};
use crate::reading::{Invalid, Reading, Repetitions};
use crate::selection::{Selection, Ties};
use crate::stream::{Extent, games_extent, holds_many_games};

/// Most pairs that never met of one game that are listed one by one.
const MOST_UNMET: usize = 1_000_000;
/// Bytes of the first line of a table that are read to count its cells.
const FIRST_LINE: u64 = 1 << 20;

/// A registry row.
pub struct GameFileEntry {
    /// YAML key: one spelling.
    pub name: &'static str,
    /// One line: the file.
    pub summary: &'static str,
    /// What its numbers mean.
    pub known: &'static str,
    /// Its options with their defaults: a JSON object.
    pub defaults: fn() -> Value,
    /// JSON schema of its options, with their documentation.
    pub schema: fn() -> Schema,
    read: fn(&Value) -> Result<Box<dyn GameFile>, OptionError>,
}

impl GameFileEntry {
    const fn of<O: GameFile + Serialize + DeserializeOwned + Default + JsonSchema + 'static>(
        name: &'static str,
        summary: &'static str,
        known: &'static str,
    ) -> Self {
        Self {
            name,
            summary,
            known,
            defaults: || serde_json::to_value(O::default()).expect("options serialise to JSON"),
            schema: || schema_for!(O),
            read: |block| {
                let options: O = typed(block)?;
                options.check()?;
                Ok(Box::new(options))
            },
        }
    }

    /// Reads an option block (an object without unknown keys); no file is touched.
    ///
    /// # Errors
    /// [`OptionError`] naming the key, the value and the rule.
    pub fn options(&self, block: &Value) -> Result<Box<dyn GameFile>, OptionError> {
        (self.read)(block)
    }

    /// Levels of lists in one value of the option `key`: 0 for a scalar, 1 for a list, 2 for a list of rows.
    #[must_use]
    pub fn list_levels(&self, key: &str) -> usize {
        fn levels(schema: &Value) -> usize {
            let is_list = match &schema["type"] {
                Value::String(name) => name == "array",
                Value::Array(names) => names.iter().any(|name| name == "array"),
                _ => false,
            };
            if is_list { 1 + levels(&schema["items"]) } else { 0 }
        }
        levels(&(self.schema)().to_value()["properties"][key])
    }
}

/// Every kind of game file.
pub const GAME_FILES: &[GameFileEntry] = &[
    GameFileEntry::of::<MatrixFile>(
        "matrix",
        "a preference matrix, from a file or inline; entries are Pr(row beats column)",
        "exactly one of path and values",
    ),
    GameFileEntry::of::<ComparisonsFile>(
        "comparisons",
        "a file of pairwise comparisons: one game, or one for each context or annotator",
        "pairs that never met tie",
    ),
];

/// The options of a game file: what to read, and how.
pub trait GameFile: fmt::Debug + Send + Sync {
    /// Checks what can be checked without a file.
    ///
    /// # Errors
    /// [`OptionError`].
    fn check(&self) -> Result<(), OptionError>;

    /// The file, as it was typed.
    fn path(&self) -> Option<&str>;

    /// The column whose values each stand for a game of their own; `None` if the file is one game.
    fn each(&self) -> Option<&'static str> {
        None
    }

    /// Size, as far as a header, or the length of the file, tells it without its body; paths start at `folder`.
    fn extent(&self, folder: &Path) -> Option<Extent>;

    /// Reads the file; paths start at `folder`.
    ///
    /// # Errors
    /// [`OptionError`] naming the option to blame, with what is wrong in the file.
    fn open(&self, folder: &Path) -> Result<Box<dyn FileGames>, OptionError>;
}

/// A game file that has been read.
pub trait FileGames: fmt::Debug + Send + Sync {
    /// The groups that are games of their own, in the order of their first appearance; none if the file is one game.
    fn groups(&self) -> Vec<FileGroup> {
        Vec::new()
    }

    /// The only game, or that of group `k` of [`FileGames::groups`].
    ///
    /// # Panics
    /// If there is no such group.
    fn game(&self, k: usize) -> FileGame;
}

/// One group of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileGroup {
    /// Value of the column.
    pub name: String,
    /// Its items. Selecting the group and these items in the file gives the same game.
    pub items: Vec<String>,
}

/// A game from a file.
#[derive(Clone, Debug)]
pub struct FileGame {
    /// The game.
    pub game: Game,
    /// Where it comes from, in words.
    pub source: String,
    /// Pairs that never met, by label; empty if there are more than a million.
    pub unmet_pairs: Vec<(String, String)>,
    /// The comparisons that its win rates are estimated from, if it comes from some.
    pub counts: Option<Comparisons>,
}

/// An option that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionError {
    /// The option; empty if it is about the block as a whole.
    pub key: String,
    /// Value and rule.
    pub message: String,
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for OptionError {}

fn refuse(key: &str, message: impl Into<String>) -> OptionError {
    OptionError { key: key.into(), message: message.into() }
}

fn in_file(error: &DataError) -> OptionError {
    refuse("path", error.to_string())
}

/// Options from a block; a value of the wrong type is refused with the words or the type that its schema allows.
fn typed<O: DeserializeOwned + JsonSchema>(block: &Value) -> Result<O, OptionError> {
    // nothing stands for the default
    let given = block.as_object().into_iter().flatten().filter(|(_, v)| !v.is_null());
    let given: Value = given.map(|(k, v)| (k.clone(), v.clone())).collect::<Map<_, _>>().into();
    serde_path_to_error::deserialize(given).map_err(|e| {
        let path = e.path().to_string();
        let key = path.split(['.', '[']).next().unwrap_or_default().to_owned();
        let schema = schema_for!(O).to_value();
        let property = &schema["properties"][&key];
        let words = words(property, &schema);
        let at = path.strip_prefix(key.as_str()).unwrap_or_default();
        let message = if !words.is_empty() {
            let given = &block[&key];
            let nearest = given
                .as_str()
                .and_then(|word| equipoise_core::registry::nearest(word, words.iter().map(String::as_str)));
            let hint = nearest.map_or(String::new(), |n| format!("; did you mean `{n}`?"));
            format!("`{key}` is {given}, must be one of {}{hint}", words.join(", "))
        } else if property["items"]["type"] == "string" {
            format!("`{key}` must be a list of text")
        } else if property["items"].is_object() {
            format!("`{key}{at}` must be a number in a list of rows: {}", e.inner())
        } else {
            format!("`{key}{at}` is {}: {}", block[&key], e.inner())
        };
        OptionError { key, message }
    })
}

/// The words that a property may be, through references and alternatives of its schema; none if it is not of words.
fn words(property: &Value, root: &Value) -> Vec<String> {
    if let Some(target) = property["$ref"].as_str().and_then(|r| r.strip_prefix('#')) {
        return root.pointer(target).map_or_else(Vec::new, |p| words(p, root));
    }
    let text = |v: &Value| v.as_str().map(str::to_owned);
    let listed = property["enum"].as_array().into_iter().flatten().filter_map(text);
    let single = text(&property["const"]);
    let inner = ["anyOf", "oneOf"].into_iter().filter_map(|k| property[k].as_array()).flatten();
    listed.chain(single).chain(inner.flat_map(|p| words(p, root)).collect::<Vec<_>>()).collect()
}

fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |f| f.to_string_lossy().into_owned())
}

/// A preference matrix.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct MatrixFile {
    /// The file: .csv, .json, .npy, .npz or .panels.
    path: Option<String>,
    /// The matrix itself, row by row, in place of a file.
    values: Option<Vec<Vec<f64>>>,
    /// Names of the actions, in place of those of the file.
    labels: Option<Vec<String>>,
    /// What each action is worth to those who prefer, in the order of the rows and of the contexts: for the metric `welfare`.
    utilities: Option<Vec<f64>>,
    /// What the margins are kept in.
    storage: Precision,
    /// Of a file: whether margins are (P - P')/2, for a table that was rounded cell by cell.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    symmetrise: bool,
}

impl GameFile for MatrixFile {
    fn check(&self) -> Result<(), OptionError> {
        match (&self.path, &self.values) {
            (Some(_), None) | (None, Some(_)) => Ok(()),
            _ => Err(refuse("", "`matrix` needs exactly one of `path` and `values`")),
        }
    }

    fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    fn extent(&self, folder: &Path) -> Option<Extent> {
        if let Some(rows) = &self.values {
            return Some(Extent { contexts: 1, actions: Some(rows.len()) });
        }
        let path = folder.join(self.path.as_ref()?);
        let metadata = std::fs::metadata(&path).ok().filter(std::fs::Metadata::is_file)?;
        if holds_many_games(&path) {
            return games_extent(&path).ok();
        }
        let actions = match ending(&path).as_str() {
            "csv" => {
                let mut line = Vec::new();
                BufReader::new(File::open(&path).ok()?.take(FIRST_LINE)).read_until(b'\n', &mut line).ok()?;
                1 + line.iter().filter(|b| **b == b',').count()
            }
            // margins above the diagonal, packed
            "panels" => (metadata.len() as f64 / 4.0).sqrt() as usize,
            // some ten characters an entry
            _ => (metadata.len() as f64 / 10.0).sqrt() as usize,
        };
        Some(Extent { contexts: 1, actions: Some(actions.max(1)) })
    }

    fn open(&self, folder: &Path) -> Result<Box<dyn FileGames>, OptionError> {
        let (game, source) = match (&self.path, &self.values) {
            (Some(path), _) => {
                let path = folder.join(path);
                let reading = Reading { symmetrise: self.symmetrise, ..Reading::default() };
                let read = read_matrix_as(&path, &reading).map_err(|e| in_file(&e))?;
                let remarks: String = read.remarks.iter().map(|r| format!("; {r}")).collect();
                (read.game, format!("matrix from {}{remarks}", name_of(&path)))
            }
            (None, values) => {
                let rows = values.as_deref().unwrap_or_default();
                if self.symmetrise {
                    return Err(refuse("symmetrise", "`symmetrise` is for a file; write skew values"));
                }
                let matrix = matrix_from_rows(rows).map_err(|e| refuse("values", e))?;
                (Game::single(matrix), "matrix in the experiment file".to_owned())
            }
        };
        let (game, source) = match self.storage {
            Precision::F32 => (game.in_f32(), format!("{source}, in f32")),
            Precision::F64 => (game, source),
        };
        let game = match &self.labels {
            None => game,
            Some(labels) => {
                game.with_labels(vec![labels.clone()]).map_err(|e| refuse("labels", e.to_string()))?
            }
        };
        let game = match &self.utilities {
            None => game,
            Some(worth) => {
                game.with_utilities(worth.clone()).map_err(|e| refuse("utilities", e.to_string()))?
            }
        };
        Ok(Box::new(OneGame(FileGame { game, source, unmet_pairs: Vec::new(), counts: None })))
    }
}

#[derive(Debug)]
struct OneGame(FileGame);

impl FileGames for OneGame {
    fn game(&self, _: usize) -> FileGame {
        self.0.clone()
    }
}

/// What the counts of comparisons are kept in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Counts {
    /// A matrix of 64-bit numbers.
    #[default]
    F64,
    /// A matrix of 32-bit numbers.
    F32,
    /// Only the pairs that met.
    Pairs,
}

/// Words of [`Ties`] in a configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum TiesWord {
    /// Half a win to each side.
    #[default]
    Half,
    /// Nothing.
    Drop,
}

/// Words of [`Grouping`] in a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Each {
    /// A game for each context.
    Context,
    /// A game for each annotator.
    Annotator,
}

/// A file of pairwise comparisons.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct ComparisonsFile {
    /// The file: .csv, .jsonl, .parquet, or PrefLib orders.
    path: Option<String>,
    /// Only comparisons of this context.
    context: Option<String>,
    /// Only comparisons of this annotator.
    annotator: Option<String>,
    /// Only comparisons of two of these items.
    items: Option<Vec<String>>,
    /// Only comparisons of this date or later, `YYYY-MM-DD`.
    since: Option<String>,
    /// What a tie counts.
    ties: TiesWord,
    /// Wins added to each side of every pair.
    #[schemars(range(min = 0.0))]
    smoothing: f64,
    /// A game for each context or annotator.
    each: Option<Each>,
    /// What the counts are kept in.
    storage: Counts,
    /// Name of a row of `equipoise list readers`, where the ending and the columns do not tell it.
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<String>,
    /// What columns hold, as `item_a=left`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    columns: Vec<String>,
    /// What words of the outcome stand for, as `left=a`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    outcomes: Vec<String>,
    /// What becomes of a row that breaks a rule.
    #[serde(skip_serializing_if = "InvalidWord::is_default")]
    invalid: InvalidWord,
    /// What becomes of a row that repeats an earlier one.
    #[serde(skip_serializing_if = "Repetitions::is_default")]
    repetitions: Repetitions,
    /// Whether items whose names print alike are one.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    normalise_names: bool,
}

/// Words of [`Invalid`] in a configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum InvalidWord {
    /// It ends the reading.
    #[default]
    Refuse,
    /// It is left out and counted.
    Skip,
}

impl InvalidWord {
    fn is_default(&self) -> bool {
        *self == Self::Refuse
    }
}

impl ComparisonsFile {
    fn reading(&self) -> Result<Reading, OptionError> {
        let reading = Reading {
            format: self.format.clone(),
            columns: parsed("columns", &self.columns)?,
            outcomes: parsed("outcomes", &self.outcomes)?,
            invalid: match self.invalid {
                InvalidWord::Refuse => Invalid::Refuse,
                InvalidWord::Skip => Invalid::Skip,
            },
            repetitions: self.repetitions,
            normalise_names: self.normalise_names,
            ..Reading::default()
        };
        reading.check().map_err(|e| refuse("format", e))?;
        Ok(reading)
    }
}

fn parsed<T: std::str::FromStr<Err = String>>(key: &str, words: &[String]) -> Result<Vec<T>, OptionError> {
    words.iter().map(|w| w.parse().map_err(|e| refuse(key, format!("`{key}`: {e}")))).collect()
}

impl ComparisonsFile {
    fn selection(&self) -> Selection {
        Selection {
            context: self.context.clone(),
            annotator: self.annotator.clone(),
            items: self.items.clone(),
            since: self.since.clone(),
            ties: match self.ties {
                TiesWord::Half => Ties::Half,
                TiesWord::Drop => Ties::Drop,
            },
            // checked before anything is read
            reading: self.reading().unwrap_or_default(),
        }
    }
}

impl GameFile for ComparisonsFile {
    fn check(&self) -> Result<(), OptionError> {
        if self.path.is_none() {
            return Err(refuse("", "`comparisons` needs a `path`"));
        }
        self.reading()?;
        if !(self.smoothing >= 0.0 && self.smoothing.is_finite()) {
            let message = format!("`smoothing` is {}, must be a finite number of at least 0", self.smoothing);
            return Err(refuse("smoothing", message));
        }
        Ok(())
    }

    fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    fn each(&self) -> Option<&'static str> {
        self.each.map(|each| match each {
            Each::Context => "context",
            Each::Annotator => "annotator",
        })
    }

    fn extent(&self, _: &Path) -> Option<Extent> {
        self.items.as_ref().map(|items| Extent { contexts: 1, actions: Some(items.len()) })
    }

    fn open(&self, folder: &Path) -> Result<Box<dyn FileGames>, OptionError> {
        let path = folder.join(self.path.as_deref().unwrap_or_default());
        let (selection, options) = (self.selection(), self.clone());
        let Some(each) = self.each else {
            let counts = read_comparisons(&path, &selection).map_err(|e| in_file(&e))?;
            return Ok(Box::new(CountedGames { options, path, counts: CountedBy::Whole(counts) }));
        };
        let (grouping, column) = match each {
            Each::Context => (Grouping::Context, "context"),
            Each::Annotator => (Grouping::Annotator, "annotator"),
        };
        let grouped = read_grouped(&path, &selection, grouping).map_err(|e| in_file(&e))?;
        let mut kept = Vec::new();
        for (k, group) in grouped.names.iter().enumerate() {
            if group.is_empty() {
                let total = grouped.groups[k].total;
                let message = format!("`each` is `{column}`, but {total} comparisons have none");
                return Err(refuse("each", message));
            }
            if !grouped.groups[k].pairs.is_empty() {
                kept.push(k);
            }
        }
        let counts = CountedBy::Group { column, grouped, kept };
        Ok(Box::new(CountedGames { options, path, counts }))
    }
}

/// Counted comparisons, with the options that say which game they are.
#[derive(Debug)]
struct CountedGames {
    options: ComparisonsFile,
    path: PathBuf,
    counts: CountedBy,
}

#[derive(Debug)]
enum CountedBy {
    Whole(Comparisons),
    Group {
        column: &'static str,
        grouped: Grouped,
        /// Groups that compare anything.
        kept: Vec<usize>,
    },
}

impl FileGames for CountedGames {
    fn groups(&self) -> Vec<FileGroup> {
        match &self.counts {
            CountedBy::Whole(_) => Vec::new(),
            CountedBy::Group { grouped, kept, .. } => kept
                .iter()
                .map(|&k| FileGroup { name: grouped.names[k].clone(), items: grouped.alone(k).labels })
                .collect(),
        }
    }

    fn game(&self, k: usize) -> FileGame {
        let (alone, part);
        let counts = match &self.counts {
            CountedBy::Whole(counts) => {
                let chosen = [("context", &self.options.context), ("annotator", &self.options.annotator)];
                let of = |(column, value): (&str, &Option<String>)| {
                    value.as_ref().map(|value| format!(" of {column} `{value}`"))
                };
                part = chosen.into_iter().filter_map(of).collect();
                counts
            }
            CountedBy::Group { column, grouped, kept } => {
                part = format!(" of {column} `{}`", grouped.names[kept[k]]);
                alone = grouped.alone(kept[k]);
                &alone
            }
        };
        let rule = match self.options.ties {
            TiesWord::Half => "counted half to each side",
            TiesWord::Drop => "dropped",
        };
        let smoothing = self.options.smoothing;
        let smoothed = match smoothing {
            0.0 => String::new(),
            s => format!(", {s} wins added to each side of every pair"),
        };
        let source = format!(
            "{} comparisons{part}, {} ties {rule}{smoothed}, from {}",
            counts.total,
            counts.total_ties,
            name_of(&self.path)
        );
        let (game, source) = match self.options.storage {
            Counts::Pairs => {
                let unmet = counts.unmet();
                (counts.game_of_pairs(smoothing), format!("{source}; {unmet} pairs never met"))
            }
            Counts::F32 => (counts.game(smoothing).in_f32(), format!("{source}, in f32")),
            Counts::F64 => (counts.game(smoothing), source),
        };
        let mut unmet_pairs = Vec::new();
        if counts.unmet() <= MOST_UNMET {
            let label = |i: usize| counts.labels[i].clone();
            unmet_pairs = counts.unmet_pairs().into_iter().map(|(i, j)| (label(i), label(j))).collect();
        }
        FileGame { game, source, unmet_pairs, counts: Some(counts.clone()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(name: &str) -> &'static GameFileEntry {
        GAME_FILES.iter().find(|row| row.name == name).unwrap()
    }

    #[test]
    fn lists_are_told_by_the_schema() {
        let levels =
            |name: &str, keys: &[&str]| keys.iter().map(|k| row(name).list_levels(k)).collect::<Vec<_>>();
        assert_eq!(levels("matrix", &["path", "values", "labels", "storage"]), [0, 2, 1, 0]);
        assert_eq!(levels("comparisons", &["path", "items", "ties", "each", "smoothing"]), [0, 1, 0, 0, 0]);
        for entry in GAME_FILES {
            let schema = (entry.schema)().to_value();
            for key in (entry.defaults)().as_object().unwrap().keys() {
                assert!(schema["properties"][key]["description"].is_string(), "{}: {key}", entry.name);
            }
        }
    }

    #[test]
    fn options_are_refused_by_key_and_rule() {
        for (name, block, key, fragment) in [
            ("matrix", json!({}), "", "exactly one of `path` and `values`"),
            (
                "matrix",
                json!({"values": [[0.5]], "storage": "f16"}),
                "storage",
                "\"f16\", must be one of f64, f32",
            ),
            (
                "matrix",
                json!({"values": [[0.5, "a"]]}),
                "values",
                "`values[0][1]` must be a number in a list of rows",
            ),
            ("matrix", json!({"path": "a", "labels": 3}), "labels", "must be a list of text"),
            ("comparisons", json!({}), "", "needs a `path`"),
            ("comparisons", json!({"path": "a", "ties": "drpo"}), "ties", "half, drop; did you mean `drop`?"),
            ("comparisons", json!({"path": "a", "each": "x"}), "each", "one of context, annotator"),
            ("comparisons", json!({"path": "a", "smoothing": -1}), "smoothing", "at least 0"),
            ("comparisons", json!({"path": 3}), "path", "`path` is 3: invalid type"),
        ] {
            let error = row(name).options(&block).err().unwrap();
            assert_eq!(error.key, key, "{error}");
            assert!(error.message.contains(fragment), "{error}");
        }
    }

    #[test]
    fn a_header_tells_the_size_without_the_body() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("cut.csv"), "a,b,c\n0.5,").unwrap();
        let file = row("matrix").options(&json!({"path": "cut.csv"})).unwrap();
        assert_eq!(file.extent(folder.path()), Some(Extent { contexts: 1, actions: Some(3) }));
        assert!(file.open(folder.path()).is_err());
        let gone = row("matrix").options(&json!({"path": "gone.csv"})).unwrap();
        assert_eq!(gone.extent(folder.path()), None);
    }
}
