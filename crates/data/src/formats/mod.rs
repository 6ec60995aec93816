//! Published formats whose records are not a comparison a row, one file each: told by their keys, or by `--format`.

mod alpaca_eval;
mod arena_hard;
mod mt_bench_pairs;
mod preferences;
pub(crate) mod score_table;
mod ultrafeedback;

use crate::records::RecordFormat;

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
