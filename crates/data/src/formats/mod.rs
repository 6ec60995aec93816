//! Published formats whose records are not a comparison a row, one file each: told by their keys, or by `--format`.

mod alpaca_eval;
mod arena_hard;
mod mt_bench_pairs;
mod preferences;
pub(crate) mod score_table;
mod ultrafeedback;

use crate::records::{Made, Record};

/// A format of records.
pub(crate) struct RecordFormat {
    /// Name of its row of the registry.
    pub(crate) name: &'static str,
    /// What a record becomes, in a line.
    pub(crate) summary: &'static str,
    /// Keys by which it is told: all of them must be there.
    pub(crate) needed: &'static [&'static str],
    /// Keys that mean something, with those.
    pub(crate) keys: &'static [&'static str],
    /// Meanings of columns that its records hold.
    pub(crate) holds: &'static [usize],
    /// Whether a record is a score, to be ranked with others.
    pub(crate) rated: bool,
    /// Makes comparisons or rankings of a record, or says what is wrong with it.
    pub(crate) convert: fn(&Record) -> Result<Vec<Made>, String>,
}

/// All of them; the first that fits is taken.
pub(crate) const FORMATS: &[RecordFormat] = &[
    mt_bench_pairs::FORMAT,
    arena_hard::FORMAT,
    alpaca_eval::FORMAT,
    ultrafeedback::FORMAT,
    preferences::FORMAT,
    score_table::SCORE_TABLE,
    score_table::RANK_TABLE,
    score_table::RATINGS,
];

/// The format with these keys.
pub(crate) fn recognised(keys: &[&str]) -> Option<&'static RecordFormat> {
    let by_keys =
        FORMATS.iter().find(|f| !f.needed.is_empty() && f.needed.iter().all(|key| keys.contains(key)));
    by_keys.or_else(|| score_table::are_ratings(keys).then(|| named("ratings")).flatten())
}

/// The format of this name.
pub(crate) fn named(name: &str) -> Option<&'static RecordFormat> {
    FORMATS.iter().find(|f| f.name == name)
}
