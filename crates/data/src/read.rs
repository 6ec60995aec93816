//! Files -> [`Comparisons`], [`Battles`], [`Rankings`]: the readers by ending.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;

use bytes::Bytes;

use crate::battles::{Battle, Battles};
use crate::columns::{ITEM_A, RANKING, meaning};
use crate::comparisons::{Comparisons, Counter};
use crate::error::DataError;
use crate::grouped::{Grouped, Grouping};
use crate::pieces::Stream;
use crate::rankings::{Ranking, Rankings};
use crate::shared_file::SharedFile;
use crate::tally::{Checks, Entry, Selection, Tally};
use crate::{csv_rows, ending, json_rows, parquet_rows, preflib};

/// Reads comparisons and counts them by pair, in memory for the pairs alone.
///
/// `.csv`, `.jsonl` (or `.ndjson`) and `.parquet` with `item_a, item_b, outcome` (`a`, `b`, `tie`) and optional `context`,
/// `annotator`, `timestamp`, `weight`, `magnitude`; `model_a, model_b, winner` (`model_a`, `model_b`, `tie`, `tie (bothbad)` or
/// `both_bad`), `question_id`, `judge` and `tstamp` are understood, and `winner_model_a, winner_model_b, winner_tie`, one of
/// which is 1, for the outcome. Or with `ranking` (`x > y = z > w`), or PrefLib
/// orders (`.soc`, `.soi`, `.toc`, `.toi`): each ranking counts for all the pairs it orders. Other columns are passed
/// over, and listed.
///
/// # Errors
/// [`DataError`] naming file, line, value and rule.
pub fn read_comparisons(path: &Path, selection: &Selection) -> Result<Comparisons, DataError> {
    count(path, Source::File(open(path)?), selection)
}

/// [`read_comparisons`] from bytes.
///
/// # Errors
/// As [`read_comparisons`].
pub fn parse_comparisons(path: &Path, bytes: &[u8], selection: &Selection) -> Result<Comparisons, DataError> {
    count(path, Source::Bytes(bytes), selection)
}

/// Reads comparisons and keeps them row by row; else as [`read_comparisons`].
///
/// # Errors
/// As [`read_comparisons`].
pub fn read_battles(path: &Path, selection: &Selection) -> Result<Battles, DataError> {
    keep(path, Source::File(open(path)?), selection)
}

/// [`read_battles`] from bytes.
///
/// # Errors
/// As [`read_comparisons`].
pub fn parse_battles(path: &Path, bytes: &[u8], selection: &Selection) -> Result<Battles, DataError> {
    keep(path, Source::Bytes(bytes), selection)
}

/// Reads comparisons and counts them by pair for each context or annotator, in memory for their pairs; else as
/// [`read_comparisons`].
///
/// # Errors
/// As [`read_comparisons`]; also if the column is missing.
pub fn read_grouped(path: &Path, selection: &Selection, by: Grouping) -> Result<Grouped, DataError> {
    group(path, Source::File(open(path)?), selection, by)
}

/// [`read_grouped`] from bytes.
///
/// # Errors
/// As [`read_grouped`].
pub fn parse_grouped(
    path: &Path,
    bytes: &[u8],
    selection: &Selection,
    by: Grouping,
) -> Result<Grouped, DataError> {
    group(path, Source::Bytes(bytes), selection, by)
}

/// Reads rankings: `.csv`, `.jsonl` or `.parquet` with a column `ranking`, or PrefLib orders.
///
/// # Errors
/// As [`read_comparisons`]; also if the rows are comparisons of two.
pub fn read_rankings(path: &Path, selection: &Selection) -> Result<Rankings, DataError> {
    rank(path, Source::File(open(path)?), selection)
}

/// [`read_rankings`] from bytes.
///
/// # Errors
/// As [`read_rankings`].
pub fn parse_rankings(path: &Path, bytes: &[u8], selection: &Selection) -> Result<Rankings, DataError> {
    rank(path, Source::Bytes(bytes), selection)
}

/// Whether a file holds comparisons or rankings rather than a matrix, by its ending, and by its header if it is CSV.
#[must_use]
pub fn holds_comparisons(path: &Path) -> bool {
    match ending(path).as_str() {
        "jsonl" | "ndjson" | "parquet" | "soc" | "soi" | "toc" | "toi" => true,
        "csv" => {
            let mut header = Vec::new();
            let read =
                File::open(path).and_then(|f| BufReader::new(f.take(1 << 16)).read_until(b'\n', &mut header));
            let header = String::from_utf8_lossy(&header);
            read.is_ok()
                && header.trim_start_matches('\u{feff}').split(',').any(|name| {
                    let name = name.trim().trim_matches('"');
                    meaning(name).is_some_and(|m| m == ITEM_A || m == RANKING)
                })
        }
        _ => false,
    }
}

enum Source<'a> {
    File(File),
    Bytes(&'a [u8]),
}

fn open(path: &Path) -> Result<File, DataError> {
    let refuse = |e| DataError::new(path, format!("cannot be read: {e}"));
    let file = File::open(path).map_err(refuse)?;
    match file.metadata().map_err(refuse)?.is_dir() {
        true => Err(DataError::new(path, "is a folder; a file is needed")),
        false => Ok(file),
    }
}

fn count(path: &Path, source: Source<'_>, selection: &Selection) -> Result<Comparisons, DataError> {
    let mut counter = Counter::default();
    let mut tally = Tally::new(path, selection, false, |entry| match entry {
        Entry::Battle(b) => counter.add(b.first, b.second, b.outcome, b.weight),
        Entry::Ranking(r) => r.pairs(|a, b, outcome| counter.add(a, b, outcome, r.weight)),
    })?;
    rows(path, source, &mut tally)?;
    let (items, _, _, checks) = tally.finish()?;
    let counted = counter.finish(items.into_list(), selection.ties, checks);
    finite(path, counted.total)?;
    Ok(counted)
}

fn keep(path: &Path, source: Source<'_>, selection: &Selection) -> Result<Battles, DataError> {
    let mut kept = Vec::new();
    let mut tally = Tally::new(path, selection, true, |entry| match entry {
        Entry::Battle(b) => kept.push(b),
        Entry::Ranking(r) => r.pairs(|first, second, outcome| {
            let (weight, context, annotator, time) = (r.weight, r.context, r.annotator, r.time);
            kept.push(Battle { first, second, outcome, weight, context, annotator, time, magnitude: 1.0 });
        }),
    })?;
    rows(path, source, &mut tally)?;
    let names = tally.finish()?;
    finite(path, kept.iter().map(|b| b.weight).sum())?;
    Ok(Battles::new(names, kept, selection.ties))
}

fn finite(path: &Path, total: f64) -> Result<(), DataError> {
    match total.is_finite() {
        true => Ok(()),
        false => Err(DataError::new(path, "the weights sum to infinity")),
    }
}

fn group(path: &Path, source: Source<'_>, selection: &Selection, by: Grouping) -> Result<Grouped, DataError> {
    let mut counters: Vec<Counter> = Vec::new();
    let mut add = |[context, annotator]: [u32; 2], first, second, outcome, weight| {
        let at = if by == Grouping::Context { context } else { annotator } as usize;
        // names are numbered in turn: a new one is the next
        if at >= counters.len() {
            counters.resize_with(at + 1, Counter::default);
        }
        counters[at].add(first, second, outcome, weight);
    };
    let mut tally = Tally::new(path, selection, true, |entry| match entry {
        Entry::Battle(b) => add([b.context, b.annotator], b.first, b.second, b.outcome, b.weight),
        Entry::Ranking(r) => {
            r.pairs(|a, b, outcome| add([r.context, r.annotator], a, b, outcome, r.weight));
        }
    })?;
    tally.group_by(by.column());
    rows(path, source, &mut tally)?;
    let (items, contexts, annotators, checks) = tally.finish()?;
    let labels = items.into_list();
    let mut names = if by == Grouping::Context { contexts } else { annotators }.into_list();
    // a group of rankings of one item compares nothing
    names.truncate(counters.len());
    let orders = counters.iter().map(|c| c.order(labels.len(), selection.ties)).collect();
    let groups = counters.into_iter().map(|c| c.finish(labels.clone(), selection.ties, Checks::default()));
    let groups: Vec<Comparisons> = groups.collect();
    finite(path, groups.iter().map(|g| g.total).sum())?;
    Ok(Grouped { labels, names, groups, checks, orders })
}

fn rank(path: &Path, source: Source<'_>, selection: &Selection) -> Result<Rankings, DataError> {
    let (mut kept, mut pairs): (Vec<Ranking>, u64) = (Vec::new(), 0);
    let mut tally = Tally::new(path, selection, true, |entry| match entry {
        Entry::Battle(_) => pairs += 1,
        Entry::Ranking(r) => kept.push(r),
    })?;
    rows(path, source, &mut tally)?;
    let names = tally.finish()?;
    if pairs > 0 {
        return Err(DataError::new(path, "has comparisons of two items; rankings need a column `ranking`"));
    }
    Ok(Rankings::new(names, kept))
}

fn rows<S: FnMut(Entry) + Send>(
    path: &Path,
    source: Source<'_>,
    tally: &mut Tally<'_, S>,
) -> Result<(), DataError> {
    match (ending(path).as_str(), source) {
        ("csv", Source::File(f)) => csv_rows::read(path, Stream::new(f), tally),
        ("csv", Source::Bytes(b)) => csv_rows::read(path, b, tally),
        ("jsonl" | "ndjson", Source::File(f)) => json_rows::read(path, Stream::new(f), tally),
        ("jsonl" | "ndjson", Source::Bytes(b)) => json_rows::read(path, b, tally),
        ("parquet", Source::File(f)) => {
            let f = SharedFile::new(f).map_err(|e| DataError::new(path, format!("cannot be read: {e}")))?;
            parquet_rows::read(path, f, tally)
        }
        ("parquet", Source::Bytes(b)) => parquet_rows::read(path, Bytes::copy_from_slice(b), tally),
        ("soc" | "soi" | "toc" | "toi", Source::File(mut f)) => {
            let mut bytes = Vec::new();
            f.read_to_end(&mut bytes).map_err(|e| DataError::new(path, format!("cannot be read: {e}")))?;
            preflib::read(path, &bytes, tally)
        }
        ("soc" | "soi" | "toc" | "toi", Source::Bytes(b)) => preflib::read(path, b, tally),
        (other, _) => {
            let message = format!(
                "has the ending `{other}`; comparisons are a .csv, .jsonl or .parquet file, or PrefLib orders"
            );
            Err(DataError::new(path, message))
        }
    }
}
