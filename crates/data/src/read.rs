//! Files -> [`Comparisons`], [`Battles`], [`Rankings`]: the readers by ending.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use ndarray::Array2;
use rustc_hash::FxHashMap;

use crate::battles::{Battle, Battles, Covaried};
use crate::chunks::{Stream, Windows as _};
use crate::collector::{Entry, RowCollector};
use crate::columns::{COLUMNS, ITEM_A, ITEM_B, RANKING, Row, WINS};
use crate::comparisons::{Comparisons, Counter};
use crate::error::DataError;
use crate::formats::score_table::is_ranking;
use crate::grouped::{Grouped, Grouping, Tags};
use crate::input::Opened;
use crate::layout::{self, Layout};
use crate::matrix::Square;
use crate::names::Names;
use crate::observations::{ObservationCounter, Observations, Unit};
use crate::rankings::{Ranking, Rankings};
use crate::reading::{CovariateColumns, Reading};
use crate::records::meaning;
use crate::registry::{Format, READERS, Reads, by_ending, format_of};
use crate::selection::Selection;
use crate::shared_file::SharedFile;
use crate::table::number;
use crate::{columns, csv_rows, formats, input, json_rows, parquet_rows, preflib};

/// Bytes at the beginning that tell what a file holds.
const SNIFFED: usize = 1 << 16;

/// Reads comparisons and counts them by pair, in memory for the pairs alone.
///
/// `.csv` (or `.tsv`), `.jsonl` (`.ndjson`, `.json`) and `.parquet`, compressed (`.gz`, `.zst`) or not, with `item_a, item_b, outcome` (`a`, `b`, `tie`) and optional `context`,
/// `annotator`, `timestamp`, `weight`, `magnitude`; `model_a, model_b, winner` (`model_a`, `model_b`, `tie`, `tie (bothbad)` or
/// `both_bad`), `question_id`, `judge` and `tstamp` are understood, and `winner_model_a, winner_model_b, winner_tie`, one of
/// which is 1, for the outcome. Or with `ranking` (`x > y = z > w`), or PrefLib
/// orders (`.soc`, `.soi`, `.toc`, `.toi`): each ranking counts for all the pairs it orders. Other columns are passed
/// over, and listed.
///
/// # Errors
/// [`DataError`] naming file, line, value and rule.
pub fn read_comparisons(path: &Path, selection: &Selection) -> Result<Comparisons, DataError> {
    counted(path, Source::Files, selection)
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
    kept(path, Source::Files, selection)
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
    grouped(path, Source::Files, selection, by, None)
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
    grouped(path, Source::Bytes(bytes), selection, by, None)
}

/// [`read_grouped`] that keeps what is one observation in each group ([`Grouped::observations`]).
///
/// # Errors
/// As [`read_grouped`]; also if the unit needs a column that is missing.
pub fn read_grouped_observations(
    path: &Path,
    selection: &Selection,
    by: Grouping,
    unit: Unit,
) -> Result<Grouped, DataError> {
    grouped(path, Source::Files, selection, by, Some(unit))
}

/// [`read_grouped_observations`] from bytes.
///
/// # Errors
/// As [`read_grouped_observations`].
pub fn parse_grouped_observations(
    path: &Path,
    bytes: &[u8],
    selection: &Selection,
    by: Grouping,
    unit: Unit,
) -> Result<Grouped, DataError> {
    grouped(path, Source::Bytes(bytes), selection, by, Some(unit))
}

/// Reads comparisons and counts them by pair, and keeps which of them are one observation; else as [`read_comparisons`].
///
/// # Errors
/// As [`read_comparisons`]; also if the unit needs a column that is missing.
pub fn read_observations(path: &Path, selection: &Selection, unit: Unit) -> Result<Observations, DataError> {
    observed(path, Source::Files, selection, unit)
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

/// Reads comparisons row by row with the covariates that [`Reading::covariates`] names; else as [`read_observations`].
///
/// # Errors
/// As [`read_observations`]; also if a column of a covariate is missing or holds what is no number, and of rankings and scores.
pub fn read_covariates(path: &Path, selection: &Selection, unit: Unit) -> Result<Covaried, DataError> {
    covaried(path, Source::Files, selection, unit)
}

/// [`read_covariates`] from bytes.
///
/// # Errors
/// As [`read_covariates`].
pub fn parse_covariates(
    path: &Path,
    bytes: &[u8],
    selection: &Selection,
    unit: Unit,
) -> Result<Covaried, DataError> {
    covaried(path, Source::Bytes(bytes), selection, unit)
}

/// Reads rankings: `.csv`, `.jsonl` or `.parquet` with a column `ranking`, or PrefLib orders.
///
/// # Errors
/// As [`read_comparisons`]; also if the rows are comparisons of two.
pub fn read_rankings(path: &Path, selection: &Selection) -> Result<Rankings, DataError> {
    rank(path, Source::Files, selection)
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
    /// Counts for each context, if the file has them.
    pub contexts: bool,
    /// Counts for each annotator, likewise.
    pub annotators: bool,
    /// Rankings, if that is what the rows are.
    pub rankings: bool,
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
    /// Counted for each context, if that was asked for and the column holds something.
    pub contexts: Option<Grouped>,
    /// Counted for each annotator, likewise.
    pub annotators: Option<Grouped>,
    /// The rankings, if that was asked for and there is no row of another kind.
    pub rankings: Option<Rankings>,
    /// Row by row with their covariates, if [`Reading::covariates`] names any, and rows were asked for.
    pub covaried: Option<Covaried>,
}

/// Reads comparisons once and gives them in all the forms that are asked for: as [`read_comparisons`], [`read_battles`],
/// [`read_grouped`] and [`read_rankings`] would.
///
/// # Errors
/// As [`read_comparisons`].
pub fn collect_comparisons(path: &Path, selection: &Selection, keep: Keep) -> Result<Collected, DataError> {
    let wanted = Wanted {
        observed: Some(keep.unit),
        rows: keep.rows,
        groups: [keep.contexts, keep.annotators],
        rankings: keep.rankings,
        ..Wanted::default()
    };
    let gathered = gather(path, Source::Files, selection, wanted)?;
    let Gathered {
        observations, battles, groups: [contexts, annotators], rankings, covariates: values, ..
    } = gathered;
    let observations = observations.expect("observations were wanted");
    let names: Vec<String> = selection.reading.covariates.iter().map(CovariateColumns::name).collect();
    let covaried = match &battles {
        Some(battles) if !names.is_empty() => {
            let values = covariates(path, battles.rows.len(), selection, values)?;
            Some(Covaried { observations: observations.clone(), battles: battles.clone(), names, values })
        }
        _ => None,
    };
    // a column that is empty throughout groups nothing
    let held = |by: Grouping| observations.comparisons.checks.columns.contains(&COLUMNS[by.column()].role);
    let contexts = contexts.filter(|_| held(Grouping::Context));
    let annotators = annotators.filter(|_| held(Grouping::Annotator));
    Ok(Collected { observations, battles, contexts, annotators, rankings, covaried })
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// Comparisons of two items, rankings of several, or counts of wins.
    Comparisons,
    /// A matrix of win rates, or payoffs of a symmetric game.
    Matrix,
    /// Payoffs of two players with actions of their own.
    Payoffs,
}

/// What a file holds, by the format that was named, by its ending, and by its beginning where several kinds have the ending.
/// A file that cannot be read is taken for a matrix, whose reader says why.
#[must_use]
pub fn contents(path: &Path, reading: &Reading) -> Contents {
    let kind = |reads: Reads| match reads {
        Reads::Comparisons => Contents::Comparisons,
        Reads::Payoffs => Contents::Payoffs,
        _ => Contents::Matrix,
    };
    if let Some(row) = reading.format.as_ref().and_then(|name| READERS.iter().find(|r| r.name == name)) {
        return kind(row.reads);
    }
    let Some(first) = input::files(path, reading, Reads::Comparisons).ok().and_then(|f| f.into_iter().next())
    else {
        return if reading.more.is_empty() && !path.is_dir() {
            Contents::Matrix
        } else {
            Contents::Comparisons
        };
    };
    let named = input::unpacked(&first);
    let known =
        [Reads::Comparisons, Reads::Matrix, Reads::Payoffs].map(|reads| by_ending(&named, reads).is_some());
    match known {
        [true, false, false] => return Contents::Comparisons,
        [false, true, false] => return Contents::Matrix,
        [false, false, true] => return Contents::Payoffs,
        [false, false, false] if !input::is_standard_input(&first) => return Contents::Matrix,
        _ => {}
    }
    let shown = input::shown(&first).to_owned();
    sniff(&shown, &first, reading).unwrap_or(Contents::Matrix)
}

/// Tells by its beginning what is in a file that may be of any kind.
fn sniff(shown: &Path, path: &Path, reading: &Reading) -> Result<Contents, DataError> {
    let mut source = Stream::new(input::open(path)?.stream());
    let failed = |e: std::io::Error| DataError::new(shown, format!("cannot be read: {e}"));
    let format = match input::is_standard_input(path) {
        true => input::sniffed(source.window(SNIFFED).map_err(failed)?.0, Reads::Comparisons),
        false => by_ending(&input::unpacked(path), Reads::Comparisons).unwrap_or(Format::Csv),
    };
    match format {
        Format::Json => {
            let (start, _) = source.window(SNIFFED).map_err(failed)?;
            Ok(json_contents(start))
        }
        Format::Csv => {
            let head = csv_rows::head(shown, &mut source, reading)?;
            let cells: Vec<&str> = head.cells.iter().map(String::as_str).collect();
            if Layout::of(&cells, reading, false).is_ok()
                || layout::names_winners(&cells)
                || formats::recognised(&cells).is_some()
            {
                return Ok(Contents::Comparisons);
            }
            // no probability is above 1: a table that holds such numbers is looked at as a whole
            let (start, ended) = source.window(SNIFFED).map_err(failed)?;
            let above = |cell: &[u8]| {
                std::str::from_utf8(cell)
                    .ok()
                    .and_then(|c| c.trim().parse::<f64>().ok())
                    .is_some_and(|x| x > 1.0)
            };
            let separators = |b: &u8| matches!(b, b',' | b'\t' | b';' | b'|' | b'\n' | b'\r');
            if !start.split(separators).any(above) && (ended || !start.is_empty()) {
                return Ok(has_role_names(&cells));
            }
            let bytes = input::open(path)?.whole(shown)?;
            let text = crate::text(shown, &bytes)?;
            let table = table_kind(shown, text, &cells).is_some();
            Ok(if table { Contents::Comparisons } else { has_role_names(&cells) })
        }
        Format::Npy | Format::Npz => Ok(Contents::Matrix),
        Format::Nfg => Ok(Contents::Payoffs),
        _ => Ok(Contents::Comparisons),
    }
}

/// A header that names an item or a ranking is of comparisons, whatever else it lacks.
fn has_role_names(cells: &[&str]) -> Contents {
    let names = [ITEM_A, ITEM_B, RANKING].map(|m| COLUMNS[m].names);
    let named = cells.iter().any(|c| names.iter().any(|n| n.contains(&columns::folded(c).as_str())));
    if named { Contents::Comparisons } else { Contents::Matrix }
}

/// What JSON holds, by its beginning: `[[` and an object with a key `matrix` are a matrix, one with `payoffs` payoffs.
fn json_contents(start: &[u8]) -> Contents {
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    let mut signs = text.iter().filter(|b| !b.is_ascii_whitespace());
    match (signs.next(), signs.next()) {
        (Some(b'['), Some(b'{')) => return Contents::Comparisons,
        (Some(b'{'), _) => {}
        _ => return Contents::Matrix,
    }
    let end = text.iter().position(|b| *b == b'\n').unwrap_or(text.len());
    let object = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&text[..end])
        .or_else(|_| serde_json::from_slice(text));
    let holds = |word: &str| match &object {
        Ok(object) => object.contains_key(word),
        Err(_) => text.windows(word.len() + 2).any(|w| w == format!("\"{word}\"").as_bytes()),
    };
    match () {
        () if holds("payoffs") => Contents::Payoffs,
        () if holds("matrix") || holds("labels") => Contents::Matrix,
        () => match object {
            // one object that is no matrix: the reader of matrices says what is wrong with it, unless it names items
            Ok(object)
                if object.keys().all(|k| !k.contains("item") && !k.contains("model")) && object.len() < 3 =>
            {
                Contents::Matrix
            }
            _ => Contents::Comparisons,
        },
    }
}

/// A table that is comparisons without naming them.
enum TableKind {
    Wins(Square, Vec<Vec<f64>>),
    Ranks,
}

/// Which kind of table of comparisons a text is, if it is one.
fn table_kind(path: &Path, text: &str, header: &[&str]) -> Option<TableKind> {
    let items = header.iter().filter(|name| meaning(name).is_none()).count();
    let words = header.iter().all(|name| !name.is_empty() && name.parse::<f64>().is_err());
    if words && items >= 2 {
        let lines = crate::table::lines(path, text).ok()?;
        let places: Vec<usize> = (0..header.len()).filter(|&k| meaning(header[k]).is_none()).collect();
        let row = |cells: &Vec<String>| -> Option<Vec<f64>> {
            let cells = places.iter().map(|&k| &cells[k]).filter(|c| !c.is_empty());
            cells.map(|c| number(c)).collect()
        };
        let body: Option<Vec<Vec<f64>>> = lines.iter().skip(1).map(|(_, cells)| row(cells)).collect();
        let ranked = |body: &Vec<Vec<f64>>| {
            // one row of two numbers may be anything
            body.len() > 1 && body.iter().all(|r| is_ranking(r)) && body.iter().flatten().any(|r| *r > 1.0)
        };
        if body.filter(|b| !b.is_empty()).as_ref().is_some_and(ranked) {
            return Some(TableKind::Ranks);
        }
    }
    let square = Square::read(path, text).ok()?;
    let wins = square.wins()?;
    Some(TableKind::Wins(square, wins))
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
    /// Groups by each of [`GROUPINGS`].
    groups: [bool; 2],
    /// What is one observation in each group of one of them.
    observed_groups: Option<(Grouping, Unit)>,
    /// Whether their column must exist.
    column: bool,
    rankings: bool,
}

const GROUPINGS: [Grouping; 2] = [Grouping::Context, Grouping::Annotator];

struct Gathered {
    counts: Option<Comparisons>,
    observations: Option<Observations>,
    battles: Option<Battles>,
    groups: [Option<Grouped>; 2],
    rankings: Option<Rankings>,
    covariates: Vec<f64>,
}

/// Takes the rows in, in every form that is wanted.
#[derive(Default)]
struct Sinks {
    counter: Option<Counter>,
    observed: Option<(Unit, ObservationCounter)>,
    rows: Option<Vec<Battle>>,
    rankings: Vec<Range<usize>>,
    most: usize,
    groups: [Option<Vec<Counter>>; 2],
    /// Rankings as a whole, until a row is none.
    whole: Option<Vec<Ranking>>,
    observed_groups: Option<(Grouping, Unit, Vec<ObservationCounter>)>,
    rated: Rated,
    /// Covariates of the rows, one after another.
    covariates: Vec<f64>,
}

/// Numbers of a context and of an annotator.
type ContextAnnotator = (u32, u32);

/// Scores that wait for the others of their context and annotator.
#[derive(Default)]
struct Rated {
    /// Where the scores of a context and annotator are. Looked up, never walked.
    places: FxHashMap<ContextAnnotator, usize>,
    lists: Vec<(ContextAnnotator, Vec<(u32, f64)>)>,
}

impl Rated {
    fn add(&mut self, item: u32, score: f64, context: u32, annotator: u32) {
        let next = self.lists.len();
        let place = *self.places.entry((context, annotator)).or_insert(next);
        if place == next {
            self.lists.push(((context, annotator), Vec::new()));
        }
        self.lists[place].1.push((item, score));
    }

    /// A remark if an item has several scores in one context.
    fn remark(&self) -> Option<String> {
        let scores: usize = self.lists.iter().map(|(_, list)| list.len()).sum();
        let items = |list: &[(u32, f64)]| list.iter().map(|s| s.0).collect::<BTreeSet<u32>>().len();
        let means = scores - self.lists.iter().map(|(_, list)| items(list)).sum::<usize>();
        (means > 0).then(|| {
            format!(
                "{means} of {scores} scores repeat an item in one context of one annotator: the mean of several scores \
                 counts"
            )
        })
    }

    /// A ranking of each context and annotator, the highest score first; of several scores of one item the mean counts.
    fn rankings(self) -> Vec<Ranking> {
        let ranking = |((context, annotator), mut list): ((u32, u32), Vec<(u32, f64)>)| {
            list.sort_by_key(|(item, _)| *item);
            let of_item = list.chunk_by(|a, b| a.0 == b.0);
            let mut means: Vec<(u32, f64)> = of_item
                .map(|same| (same[0].0, same.iter().map(|s| s.1).sum::<f64>() / same.len() as f64))
                .collect();
            means.sort_by(|a, b| b.1.total_cmp(&a.1));
            let groups = means.chunk_by(|a, b| a.1 == b.1).map(|g| g.iter().map(|(i, _)| *i).collect());
            Ranking { groups: groups.collect(), weight: 1.0, context, annotator, time: None }
        };
        self.lists.into_iter().map(ranking).collect()
    }
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
            groups: wanted.groups.map(|wanted| wanted.then(Vec::new)),
            whole: wanted.rankings.then(Vec::new),
            observed_groups: wanted.observed_groups.map(|(by, unit)| (by, unit, Vec::new())),
            rated: Rated::default(),
            covariates: Vec::new(),
        }
    }

    fn take(&mut self, entry: Entry) {
        let group = |unit: Unit, context: u32, annotator: u32| match unit {
            Unit::Row => 0,
            Unit::Context => context,
            Unit::Annotator => annotator,
        };
        match entry {
            Entry::Covaried(b, covariates) => {
                self.covariates.extend(covariates);
                self.take(Entry::Battle(b));
            }
            Entry::Battle(b) => {
                self.whole = None;
                if let Some((unit, observed)) = &mut self.observed {
                    let group = group(*unit, b.context, b.annotator);
                    observed.battle((b.first, b.second, b.outcome), b.weight, group);
                }
                if let Some((unit, observed)) = self.observed_group(b.context, b.annotator) {
                    observed.battle(
                        (b.first, b.second, b.outcome),
                        b.weight,
                        group(unit, b.context, b.annotator),
                    );
                }
                self.battle(b);
            }
            Entry::Ranking(r) => {
                if let Some((unit, observed)) = &mut self.observed {
                    observed.ranking(&r, group(*unit, r.context, r.annotator));
                }
                if let Some((unit, observed)) = self.observed_group(r.context, r.annotator) {
                    observed.ranking(&r, group(unit, r.context, r.annotator));
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
                if let Some(whole) = &mut self.whole {
                    whole.push(r);
                }
            }
            Entry::Rated { item, score, context, annotator } => {
                self.rated.add(item, score, context, annotator);
            }
        }
    }

    /// What the observations of a group are, and what takes them in.
    fn observed_group(&mut self, context: u32, annotator: u32) -> Option<(Unit, &mut ObservationCounter)> {
        let (by, unit, counters) = self.observed_groups.as_mut()?;
        let at = if *by == Grouping::Context { context } else { annotator } as usize;
        let unit = *unit;
        if at >= counters.len() {
            counters.resize_with(at + 1, || ObservationCounter::new(unit));
        }
        Some((unit, &mut counters[at]))
    }

    #[inline]
    fn battle(&mut self, b: Battle) {
        if let Some(counter) = &mut self.counter {
            counter.add(b.first, b.second, b.outcome, b.weight);
        }
        for (counters, at) in self.groups.iter_mut().zip([b.context, b.annotator]) {
            let (Some(counters), at) = (counters, at as usize) else { continue };
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
    let by_context = Some(Unit::Context);
    if selection.reading.tags.is_some()
        && (wanted.observed == by_context || wanted.observed_groups.map(|(_, unit)| unit) == by_context)
    {
        let rule = "has contexts that are lists of tags, which overlap and are no observations; leave --by-context out";
        return Err(DataError::new(path, rule));
    }
    let mut sinks = Sinks::new(wanted);
    let observed_by = wanted.observed.and_then(Grouping::of_unit);
    let grouped_by = GROUPINGS.into_iter().zip(wanted.groups).find_map(|(by, wanted)| wanted.then_some(by));
    let details = wanted.rows.is_some() || grouped_by.is_some() || observed_by.is_some() || wanted.rankings;
    let files = source.files(path, &selection.reading)?;
    let mut collector = RowCollector::new(input::shown(path), selection, details, |entry| sinks.take(entry))?;
    match (observed_by, grouped_by) {
        (Some(by), _) => collector.group_by(by.column()),
        (None, Some(by)) if wanted.column => collector.group_by(by.column()),
        (None, Some(_)) => {}
        (None, None) => collector.keep_details_of(wanted.rows.unwrap_or_default() as u64),
    }
    if let Some(by) = wanted.observed_groups.and_then(|(_, unit)| Grouping::of_unit(unit)) {
        collector.group_by(by.column());
    }
    rows(&files, source, &mut collector)?;
    let (items, contexts, annotators, mut checks) = collector.finish()?;
    checks.readings.extend(sinks.rated.remark());
    std::mem::take(&mut sinks.rated).rankings().into_iter().for_each(|r| sinks.take(Entry::Ranking(r)));
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
    let [by_context, by_annotator] = sinks.groups;
    let groups =
        [(Grouping::Context, by_context, &contexts), (Grouping::Annotator, by_annotator, &annotators)];
    let groups = groups.map(|(by, counters, names)| {
        let counters = counters?;
        // a group of rankings of one item compares nothing
        let tags = selection.reading.tags.filter(|_| by == Grouping::Context);
        let tags = tags.map(|separator| Tags::of(names, separator));
        let names = names[..counters.len().min(names.len())].to_vec();
        let (labels, ties, checks) = (labels.clone(), selection.ties, checks.clone());
        let grouped = match &tags {
            Some(tags) => Grouped::of_tags(labels, tags, &counters, ties, checks),
            None => Grouped::new(labels, names, counters, ties, checks),
        };
        Some(match sinks.observed_groups.take() {
            Some((_, unit, counters)) => {
                let counters = match &tags {
                    Some(tags) => {
                        let empty = || ObservationCounter::new(unit);
                        tags.gather(&counters, empty, ObservationCounter::merge)
                    }
                    None => counters,
                };
                grouped.observed(counters, if unit == Unit::Annotator { &annotators } else { &contexts })
            }
            None => grouped,
        })
    });
    for groups in groups.iter().flatten() {
        finite(path, groups.groups.iter().map(|g| g.total).sum())?;
    }
    let whole = sinks.whole.filter(|whole| !whole.is_empty());
    let rankings_kept = whole.map(|rankings| Rankings {
        labels: labels.clone(),
        contexts: contexts.clone(),
        annotators: annotators.clone(),
        rankings,
        checks: checks.clone(),
    });
    let ties = selection.ties;
    let rankings = sinks.rankings;
    let battles =
        sinks.rows.map(|rows| Battles { labels, contexts, annotators, rows, rankings, checks, ties });
    if let Some(battles) = &battles {
        finite(path, battles.rows.iter().map(|b| b.weight).sum())?;
    }
    let covariates = sinks.covariates;
    Ok(Gathered { counts, observations, battles, groups, rankings: rankings_kept, covariates })
}

fn counted(path: &Path, source: Source<'_>, selection: &Selection) -> Result<Comparisons, DataError> {
    let wanted = Wanted { counts: true, ..Wanted::default() };
    Ok(gather(path, source, selection, wanted)?.counts.expect("counts were wanted"))
}

fn covaried(
    path: &Path,
    source: Source<'_>,
    selection: &Selection,
    unit: Unit,
) -> Result<Covaried, DataError> {
    let wanted = Wanted { observed: Some(unit), rows: Some(usize::MAX), ..Wanted::default() };
    let gathered = gather(path, source, selection, wanted)?;
    let (observations, battles) = (
        gathered.observations.expect("observations were wanted"),
        gathered.battles.expect("rows were wanted"),
    );
    let names = selection.reading.covariates.iter().map(CovariateColumns::name).collect();
    let values = covariates(path, battles.rows.len(), selection, gathered.covariates)?;
    Ok(Covaried { observations, battles, names, values })
}

/// Covariates of all rows, `[rows x covariates]`.
fn covariates(
    path: &Path,
    rows: usize,
    selection: &Selection,
    values: Vec<f64>,
) -> Result<Array2<f64>, DataError> {
    Array2::from_shape_vec((rows, selection.reading.covariates.len()), values).map_err(|_| {
        let message = "has rows without covariates: rankings, scores and records of published formats have none; give a table \
                       with a row a comparison";
        DataError::new(path, message)
    })
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
    unit: Option<Unit>,
) -> Result<Grouped, DataError> {
    let wanted = Wanted {
        groups: GROUPINGS.map(|g| g == by),
        observed_groups: unit.map(|unit| (by, unit)),
        column: true,
        ..Wanted::default()
    };
    let groups = gather(path, source, selection, wanted)?.groups;
    Ok(groups.into_iter().flatten().next().expect("groups were wanted"))
}

fn rank(path: &Path, source: Source<'_>, selection: &Selection) -> Result<Rankings, DataError> {
    let (mut kept, mut pairs, mut rated): (Vec<Ranking>, u64, _) = (Vec::new(), 0, Rated::default());
    let files = source.files(path, &selection.reading)?;
    let mut collector = RowCollector::new(input::shown(path), selection, true, |entry| match entry {
        Entry::Battle(_) | Entry::Covaried(..) => pairs += 1,
        Entry::Ranking(r) => kept.push(r),
        Entry::Rated { item, score, context, annotator } => rated.add(item, score, context, annotator),
    })?;
    rows(&files, source, &mut collector)?;
    let mut names = collector.finish()?;
    names.3.readings.extend(rated.remark());
    kept.extend(rated.rankings());
    if pairs > 0 {
        return Err(DataError::new(path, "has comparisons of two items; rankings need a column `ranking`"));
    }
    Ok(Rankings::new(names, kept))
}

enum Source<'a> {
    /// What the path and those that follow it stand for.
    Files,
    Bytes(&'a [u8]),
}

impl Source<'_> {
    fn files(&self, path: &Path, reading: &Reading) -> Result<Vec<PathBuf>, DataError> {
        match self {
            Self::Files => input::files(path, reading, Reads::Comparisons),
            Self::Bytes(_) => Ok(vec![path.to_owned()]),
        }
    }
}

/// Reads all rows of all files.
fn rows<'a, S: FnMut(Entry) + Send>(
    files: &'a [PathBuf],
    source: Source<'_>,
    collector: &mut RowCollector<'a, S>,
) -> Result<(), DataError> {
    for path in files {
        collector.begin_file(input::shown(path));
        let opened = match source {
            Source::Files => input::open(path)?,
            Source::Bytes(bytes) => input::of_bytes(path, bytes)?,
        };
        rows_of(path, opened, collector)?;
    }
    Ok(())
}

fn rows_of<S: FnMut(Entry) + Send>(
    path: &Path,
    opened: Opened,
    collector: &mut RowCollector<'_, S>,
) -> Result<(), DataError> {
    let (shown, reading) = (input::shown(path), collector.rules().reading());
    let failed = |e: std::io::Error| DataError::new(shown, format!("cannot be read: {e}"));
    let asked = reading.format.as_deref().and_then(|name| READERS.iter().find(|r| r.name == name));
    if let Some(row) = asked.filter(|row| row.reads != Reads::Comparisons) {
        let message = format!("is asked for as {}, which is no format of comparisons", row.name);
        return Err(DataError::new(shown, message));
    }
    let by_name = asked.map(|row| row.format).filter(|f| !matches!(f, Format::Records | Format::Table));
    let named = input::unpacked(path);
    let opened_as = match by_name {
        Some(format) => format,
        None if input::is_standard_input(path)
            || asked.is_some() && by_ending(&named, Reads::Comparisons).is_none() =>
        {
            let bytes = opened.whole(shown)?;
            let format = input::sniffed(&bytes, Reads::Comparisons);
            return rows_as(shown, format, input::in_memory(bytes), collector);
        }
        None => format_of(&named, Reads::Comparisons)?,
    };
    match (opened_as, opened) {
        (Format::Parquet, Opened::File(f)) => {
            parquet_rows::read(shown, SharedFile::new(f).map_err(failed)?, collector)
        }
        (format, opened) => rows_as(shown, format, opened, collector),
    }
}

fn rows_as<S: FnMut(Entry) + Send>(
    path: &Path,
    format: Format,
    opened: Opened,
    collector: &mut RowCollector<'_, S>,
) -> Result<(), DataError> {
    match format {
        Format::Csv => delimited(path, opened, collector),
        Format::Json => json_rows::read(path, Stream::new(opened.stream()), collector),
        Format::Parquet => parquet_rows::read(path, Bytes::from(opened.whole(path)?), collector),
        Format::PrefLib => preflib::read(path, &opened.whole(path)?, collector),
        _ => Err(DataError::new(path, "is a matrix or a game; comparisons are needed")),
    }
}

/// Reads delimited text: rows by their header, records of a published format, or a table of counts or ranks.
fn delimited<S: FnMut(Entry) + Send>(
    path: &Path,
    opened: Opened,
    collector: &mut RowCollector<'_, S>,
) -> Result<(), DataError> {
    let reading = collector.rules().reading();
    let mut source = Stream::new(opened.stream());
    let asked = reading.format.as_deref();
    let head = match asked {
        Some("win-counts") => None,
        _ => Some(csv_rows::head(path, &mut source, reading)?),
    };
    if let Some(head) = &head {
        let cells: Vec<&str> = head.cells.iter().map(String::as_str).collect();
        let plain = asked == Some("comparisons-csv") || Layout::of(&cells, reading, false).is_ok();
        let format =
            asked.and_then(formats::named).or_else(|| formats::recognised(&cells).filter(|_| !plain));
        match format {
            Some(format) => return csv_rows::read_records(path, format, head, source, collector),
            None if plain => return csv_rows::read(path, head, source, collector),
            None => {}
        }
    }
    // what is left may be a table of numbers; the header is part of it
    let mut text = head.as_ref().map_or_else(String::new, csv_rows::Head::line);
    let body = source.rest().map_err(|e| DataError::new(path, format!("cannot be read on: {e}")))?;
    let body = crate::text_of(path, &body)?;
    text.push_str(body);
    let cells: Vec<&str> = head.iter().flat_map(|h| &h.cells).map(String::as_str).collect();
    match table_kind(path, &text, &cells) {
        Some(TableKind::Wins(square, wins)) => take_wins(square, &wins, collector),
        Some(TableKind::Ranks) => {
            let format = formats::named("rank-table").expect("a row of the registry");
            let head = head.expect("a table of ranks has a header");
            csv_rows::read_records(path, format, &head, body.as_bytes(), collector)
        }
        None if head.is_none() => {
            let rule =
                "is not a square table of whole numbers, with labels in a first row or column or without";
            Err(DataError::new(path, rule))
        }
        None => csv_rows::read(path, &head.expect("there is a header"), &b""[..], collector),
    }
}

/// Takes a square table of wins.
fn take_wins<S: FnMut(Entry) + Send>(
    square: Square,
    wins: &[Vec<f64>],
    collector: &mut RowCollector<'_, S>,
) -> Result<(), DataError> {
    let n = wins.len();
    let labels = square.labels.unwrap_or_else(|| (0..n).map(|k| k.to_string()).collect());
    collector.check_filters(|_| false)?;
    collector.note_reading("read as win-counts: how often the row beat the column".to_owned());
    let on_diagonal: f64 = (0..n).map(|i| wins[i][i]).sum();
    if on_diagonal != 0.0 {
        collector.note_reading(format!(
            "the diagonal, {on_diagonal} in all, compares items with themselves and is left out"
        ));
    }
    let pairs = || (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j)));
    if n > 1 && pairs().all(|(i, j)| wins[i][j] + wins[j][i] == 100.0) {
        collector.note_reading(
            "every pair sums to 100: if these are percentages, the number of comparisons is not known"
                .to_owned(),
        );
    }
    for (i, j) in pairs() {
        let text = [wins[i][j], wins[j][i]].map(|w| w.to_string());
        let mut row: Row<'_> = Row::default();
        row[ITEM_A] = Some(labels[i].trim().as_bytes()).filter(|l| !l.is_empty());
        row[ITEM_B] = Some(labels[j].trim().as_bytes()).filter(|l| !l.is_empty());
        row[WINS[0]] = Some(text[0].as_bytes());
        row[WINS[1]] = Some(text[1].as_bytes());
        collector.add(square.rows[i].0, &row)?;
    }
    Ok(())
}
