//! Files -> [`Comparisons`], [`Battles`], [`Rankings`]: the readers by ending.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read};
use std::ops::Range;
use std::path::Path;

use bytes::Bytes;

use crate::battles::{Battle, Battles};
use crate::chunks::Stream;
use crate::collector::{Entry, RowCollector};
use crate::columns::{COLUMNS, ITEM_A, RANKING, meaning};
use crate::comparisons::{Comparisons, Counter};
use crate::error::DataError;
use crate::grouped::{Grouped, Grouping};
use crate::names::Names;
use crate::observations::{ObservationCounter, Observations, Unit};
use crate::rankings::{Ranking, Rankings};
use crate::registry::{Format, Reads, by_ending, format_of};
use crate::selection::Selection;
use crate::shared_file::SharedFile;
use crate::{csv_rows, json_rows, parquet_rows, preflib};

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
    counted(path, Source::File(open(path)?), selection)
}

/// [`read_comparisons`] from bytes.
///
/// # Errors
/// As [`read_comparisons`].
pub fn parse_comparisons(path: &Path, bytes: &[u8], selection: &Selection) -> Result<Comparisons, DataError> {
    counted(path, Source::Bytes(bytes), selection)
}

/// Reads comparisons and keeps them row by row; else as [`read_comparisons`].
///
/// # Errors
/// As [`read_comparisons`].
pub fn read_battles(path: &Path, selection: &Selection) -> Result<Battles, DataError> {
    kept(path, Source::File(open(path)?), selection)
}

/// [`read_battles`] from bytes.
///
/// # Errors
/// As [`read_comparisons`].
pub fn parse_battles(path: &Path, bytes: &[u8], selection: &Selection) -> Result<Battles, DataError> {
    kept(path, Source::Bytes(bytes), selection)
}

/// Reads comparisons and counts them by pair for each context or annotator, in memory for their pairs; else as
/// [`read_comparisons`].
///
/// # Errors
/// As [`read_comparisons`]; also if the column is missing.
pub fn read_grouped(path: &Path, selection: &Selection, by: Grouping) -> Result<Grouped, DataError> {
    grouped(path, Source::File(open(path)?), selection, by)
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
    grouped(path, Source::Bytes(bytes), selection, by)
}

/// Reads comparisons and counts them by pair, and keeps which of them are one observation; else as [`read_comparisons`].
///
/// # Errors
/// As [`read_comparisons`]; also if the unit needs a column that is missing.
pub fn read_observations(path: &Path, selection: &Selection, unit: Unit) -> Result<Observations, DataError> {
    observed(path, Source::File(open(path)?), selection, unit)
}

/// [`read_observations`] from bytes.
///
/// # Errors
/// As [`read_observations`].
pub fn parse_observations(
    path: &Path,
    bytes: &[u8],
    selection: &Selection,
    unit: Unit,
) -> Result<Observations, DataError> {
    observed(path, Source::Bytes(bytes), selection, unit)
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

/// What is kept beside the counts of a file of comparisons that is read once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// The rows themselves, if there are at most so many; of a longer file memory is taken for the pairs alone.
    pub rows: Option<usize>,
    /// Counts for each context or annotator, if the file has that column.
    pub groups: Option<Grouping>,
    /// What is one observation; a context or an annotator needs its column.
    pub unit: Unit,
}

/// Comparisons in several forms, from one reading of their file.
#[derive(Clone, Debug)]
pub struct Collected {
    /// Counted by pair, with what of them is one observation.
    pub observations: Observations,
    /// Row by row, if that was asked for and there are not too many.
    pub battles: Option<Battles>,
    /// Counted for each group, if that was asked for and the column holds something.
    pub groups: Option<Grouped>,
}

/// Reads comparisons once and gives them in all the forms that are asked for: as [`read_comparisons`], [`read_battles`]
/// and [`read_grouped`] would.
///
/// # Errors
/// As [`read_comparisons`].
pub fn collect_comparisons(path: &Path, selection: &Selection, keep: Keep) -> Result<Collected, DataError> {
    let wanted =
        Wanted { observed: Some(keep.unit), rows: keep.rows, groups: keep.groups, ..Wanted::default() };
    let Gathered { observations, battles, groups, .. } =
        gather(path, Source::File(open(path)?), selection, wanted)?;
    let observations = observations.expect("observations were wanted");
    // a column that is empty throughout groups nothing
    let held = |by: Grouping| observations.comparisons.checks.columns.contains(&COLUMNS[by.column()].0);
    let groups = groups.filter(|_| keep.groups.is_some_and(held));
    Ok(Collected { observations, battles, groups })
}

/// Whether a file holds comparisons or rankings rather than a matrix, by its ending, and by its header if it is CSV.
#[must_use]
pub fn holds_comparisons(path: &Path) -> bool {
    match (by_ending(path, Reads::Comparisons), by_ending(path, Reads::Matrix)) {
        (None, _) => false,
        (Some(_), None) => true,
        // both have the ending: the header decides
        (Some(_), Some(_)) => {
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

fn finite(path: &Path, total: f64) -> Result<(), DataError> {
    match total.is_finite() {
        true => Ok(()),
        false => Err(DataError::new(path, "the weights sum to infinity")),
    }
}

/// What is made of the rows.
#[derive(Clone, Copy, Default)]
struct Wanted {
    counts: bool,
    observed: Option<Unit>,
    /// At most so many rows.
    rows: Option<usize>,
    groups: Option<Grouping>,
    /// Whether the column of the groups must exist.
    column: bool,
}

struct Gathered {
    counts: Option<Comparisons>,
    observations: Option<Observations>,
    battles: Option<Battles>,
    groups: Option<Grouped>,
}

/// Takes the rows in, in every form that is wanted.
#[derive(Default)]
struct Sinks {
    counter: Option<Counter>,
    observed: Option<(Unit, ObservationCounter)>,
    rows: Option<Vec<Battle>>,
    rankings: Vec<Range<usize>>,
    most: usize,
    groups: Option<(Grouping, Vec<Counter>)>,
}

impl Sinks {
    fn new(wanted: Wanted) -> Self {
        Self {
            counter: (wanted.counts || wanted.observed.is_some()).then(Counter::default),
            // rows that are observations by themselves are told by their counts
            observed: wanted.observed.map(|unit| (unit, ObservationCounter::new(unit))),
            rows: wanted.rows.map(|_| Vec::new()),
            rankings: Vec::new(),
            most: wanted.rows.unwrap_or_default(),
            groups: wanted.groups.map(|by| (by, Vec::new())),
        }
    }

    fn take(&mut self, entry: Entry) {
        let group = |unit: Unit, context: u32, annotator: u32| match unit {
            Unit::Row => 0,
            Unit::Context => context,
            Unit::Annotator => annotator,
        };
        match entry {
            Entry::Battle(b) => {
                if let Some((unit, observed)) = &mut self.observed {
                    let group = group(*unit, b.context, b.annotator);
                    observed.battle((b.first, b.second, b.outcome), b.weight, group);
                }
                self.battle(b);
            }
            Entry::Ranking(r) => {
                if let Some((unit, observed)) = &mut self.observed {
                    observed.ranking(&r, group(*unit, r.context, r.annotator));
                }
                let start = self.rows.as_ref().map_or(0, Vec::len);
                r.pairs(|first, second, outcome| {
                    let (weight, context, annotator, time) = (r.weight, r.context, r.annotator, r.time);
                    let magnitude = 1.0;
                    self.battle(Battle {
                        first,
                        second,
                        outcome,
                        weight,
                        context,
                        annotator,
                        time,
                        magnitude,
                    });
                });
                let end = self.rows.as_ref().map_or(0, Vec::len);
                if end > start + 1 {
                    self.rankings.push(start..end);
                }
            }
        }
    }

    #[inline]
    fn battle(&mut self, b: Battle) {
        if let Some(counter) = &mut self.counter {
            counter.add(b.first, b.second, b.outcome, b.weight);
        }
        if let Some((by, counters)) = &mut self.groups {
            let at = if *by == Grouping::Context { b.context } else { b.annotator } as usize;
            // names are numbered in turn: a new one is the next
            if at >= counters.len() {
                counters.resize_with(at + 1, Counter::default);
            }
            counters[at].add(b.first, b.second, b.outcome, b.weight);
        }
        if let Some(rows) = &mut self.rows {
            rows.push(b);
            if rows.len() > self.most {
                self.rows = None;
            }
        }
    }
}

fn gather(
    path: &Path,
    source: Source<'_>,
    selection: &Selection,
    wanted: Wanted,
) -> Result<Gathered, DataError> {
    let mut sinks = Sinks::new(wanted);
    let observed_by = wanted.observed.and_then(Unit::grouping);
    let details = wanted.rows.is_some() || wanted.groups.is_some() || observed_by.is_some();
    let mut collector = RowCollector::new(path, selection, details, |entry| sinks.take(entry))?;
    match (observed_by, wanted.groups) {
        (Some(by), _) => collector.group_by(by.column()),
        (None, Some(by)) if wanted.column => collector.group_by(by.column()),
        (None, Some(_)) => {}
        (None, None) => collector.keep_details_of(wanted.rows.unwrap_or_default() as u64),
    }
    rows(path, source, &mut collector)?;
    let (items, contexts, annotators, checks) = collector.finish()?;
    let labels = items.into_list();
    let [contexts, annotators] = [contexts, annotators].map(Names::into_list);
    let mut counts = sinks.counter.map(|c| c.finish(labels.clone(), selection.ties, checks.clone()));
    if let Some(counts) = &counts {
        finite(path, counts.total)?;
    }
    let observations = sinks.observed.zip(if wanted.observed.is_some() { counts.take() } else { None });
    let observations = observations.map(|((unit, observed), counts)| {
        let names = if unit == Unit::Annotator { &annotators } else { &contexts };
        observed.finish(counts, names)
    });
    let groups = sinks.groups.map(|(by, counters)| {
        let mut names = if by == Grouping::Context { contexts.clone() } else { annotators.clone() };
        // a group of rankings of one item compares nothing
        names.truncate(counters.len());
        Grouped::new(labels.clone(), names, counters, selection.ties, checks.clone())
    });
    if let Some(groups) = &groups {
        finite(path, groups.groups.iter().map(|g| g.total).sum())?;
    }
    let ties = selection.ties;
    let rankings = sinks.rankings;
    let battles =
        sinks.rows.map(|rows| Battles { labels, contexts, annotators, rows, rankings, checks, ties });
    if let Some(battles) = &battles {
        finite(path, battles.rows.iter().map(|b| b.weight).sum())?;
    }
    Ok(Gathered { counts, observations, battles, groups })
}

fn counted(path: &Path, source: Source<'_>, selection: &Selection) -> Result<Comparisons, DataError> {
    let wanted = Wanted { counts: true, ..Wanted::default() };
    Ok(gather(path, source, selection, wanted)?.counts.expect("counts were wanted"))
}

fn observed(
    path: &Path,
    source: Source<'_>,
    selection: &Selection,
    unit: Unit,
) -> Result<Observations, DataError> {
    let wanted = Wanted { observed: Some(unit), ..Wanted::default() };
    Ok(gather(path, source, selection, wanted)?.observations.expect("observations were wanted"))
}

fn kept(path: &Path, source: Source<'_>, selection: &Selection) -> Result<Battles, DataError> {
    let wanted = Wanted { rows: Some(usize::MAX), ..Wanted::default() };
    Ok(gather(path, source, selection, wanted)?.battles.expect("all rows were wanted"))
}

fn grouped(
    path: &Path,
    source: Source<'_>,
    selection: &Selection,
    by: Grouping,
) -> Result<Grouped, DataError> {
    let wanted = Wanted { groups: Some(by), column: true, ..Wanted::default() };
    Ok(gather(path, source, selection, wanted)?.groups.expect("groups were wanted"))
}

fn rank(path: &Path, source: Source<'_>, selection: &Selection) -> Result<Rankings, DataError> {
    let (mut kept, mut pairs): (Vec<Ranking>, u64) = (Vec::new(), 0);
    let mut collector = RowCollector::new(path, selection, true, |entry| match entry {
        Entry::Battle(_) => pairs += 1,
        Entry::Ranking(r) => kept.push(r),
    })?;
    rows(path, source, &mut collector)?;
    let names = collector.finish()?;
    if pairs > 0 {
        return Err(DataError::new(path, "has comparisons of two items; rankings need a column `ranking`"));
    }
    Ok(Rankings::new(names, kept))
}

fn rows<S: FnMut(Entry) + Send>(
    path: &Path,
    source: Source<'_>,
    collector: &mut RowCollector<'_, S>,
) -> Result<(), DataError> {
    let failed = |e: std::io::Error| DataError::new(path, format!("cannot be read: {e}"));
    match (format_of(path, Reads::Comparisons)?, source) {
        (Format::Csv, Source::File(f)) => csv_rows::read(path, Stream::new(f), collector),
        (Format::Csv, Source::Bytes(b)) => csv_rows::read(path, b, collector),
        (Format::JsonLines, Source::File(f)) => json_rows::read(path, Stream::new(f), collector),
        (Format::JsonLines, Source::Bytes(b)) => json_rows::read(path, b, collector),
        (Format::Parquet, Source::File(f)) => {
            parquet_rows::read(path, SharedFile::new(f).map_err(failed)?, collector)
        }
        (Format::Parquet, Source::Bytes(b)) => parquet_rows::read(path, Bytes::copy_from_slice(b), collector),
        (Format::PrefLib, Source::File(mut f)) => {
            let mut bytes = Vec::new();
            f.read_to_end(&mut bytes).map_err(failed)?;
            preflib::read(path, &bytes, collector)
        }
        (Format::PrefLib, Source::Bytes(b)) => preflib::read(path, b, collector),
        (Format::Json | Format::Npy | Format::Npz | Format::Panels, _) => {
            unreachable!("no row of the registry reads comparisons from these")
        }
    }
}
