//! Rows -> checked entries: filters, names, rules, and the count of what was odd.

mod cells;
mod parts;
mod rankings;
mod repetitions;

use std::collections::BTreeSet;
use std::path::Path;

use equipoise_core::registry::nearest;

use crate::battles::Battle;
use crate::checks::Checks;
use crate::columns::{
    ANNOTATOR, COLUMNS, CONTEXT, COVARIATES, ITEM_A, ITEM_B, MAGNITUDE, OUTCOME, Outcome, RANKING, Row,
    SCORES, TIMESTAMP, WEIGHT, WINNERS, WINS,
};
use crate::duplicates::{DuplicateDetector, Told};
use crate::error::{DataError, excerpt};
use crate::grouped::tags;
use crate::names::{self, Names};
use crate::rankings::Ranking;
use crate::reading::{Invalid, Reading, Repetitions};
use crate::selection::Selection;
use crate::timestamp::{self, Unit};

/// How many contexts or annotators a message chooses from.
const SHOWN: usize = 1000;
/// Bytes of a chunk: its names and entries are as large again, and should stay in the processor's caches.
const CHUNK: usize = 1 << 18;

/// Longest name of an item, in bytes.
const LONGEST_NAME: usize = 4096;
/// How many reasons for leaving rows out are told apart.
const REASONS: usize = 50;
/// How many ignored columns are kept.
const IGNORED: usize = 10_000;
/// Weights that are read: what lies beyond is no number of comparisons, and no arithmetic on counts holds there.
const WEIGHTS: std::ops::RangeInclusive<f64> = 1e-9..=1e9;

/// A number of comparisons, or why it is none: the reason by which it is counted, and the rule.
fn in_range(number: f64) -> Result<f64, (&'static str, &'static str)> {
    match number {
        x if !(x >= 0.0 && x.is_finite()) => {
            Err(("is negative or not finite", "must be a finite number of at least 0"))
        }
        x if x > 0.0 && !WEIGHTS.contains(&x) => {
            Err(("is out of range", "must be 0 or between 1e-9 and 1e9; divide all of them by one number"))
        }
        x => Ok(x),
    }
}

/// What one row becomes.
#[derive(Debug)]
pub(crate) enum Entry {
    Battle(Battle),
    /// One with the covariates that were asked for: first less second.
    Covaried(Battle, Box<[f64]>),
    Ranking(Ranking),
    /// A score, to be ranked with those of its context and annotator.
    Rated {
        item: u32,
        score: f64,
        context: u32,
        annotator: u32,
    },
}

/// What is asked of rows.
#[derive(Clone, Copy)]
pub(crate) struct Rules<'a> {
    pub(crate) path: &'a Path,
    selection: &'a Selection,
    since: Option<f64>,
    /// Whether contexts, annotators and times are kept row by row.
    details: bool,
    /// How many skipped words of a kind are kept.
    shown: usize,
    /// Whether numbers are outcomes: the score of the item listed first.
    scored: bool,
    /// Whether words are outcomes by the side they name alone: no item is named, and none is added to.
    sides: bool,
    /// Bytes of a chunk that is read on its own; results do not depend on it.
    pub(crate) chunk: usize,
}

impl<'a> Rules<'a> {
    /// How the file is read.
    pub(crate) fn reading(&self) -> &'a Reading {
        &self.selection.reading
    }
}

/// What was read of a part of a file: names and lines count from its beginning.
pub(crate) struct Part {
    pub(crate) entries: Vec<Entry>,
    pub(crate) diagnostics: Diagnostics,
}

/// What is noted of rows beside their entries.
#[derive(Default)]
pub(crate) struct Diagnostics {
    items: Names,
    contexts: Names,
    annotators: Names,
    checks: Checks,
    /// Contexts, annotators and items of skipped rows, for finding the nearest to a slip.
    seen: [Names; 3],
    /// Which columns held something.
    held: [bool; COLUMNS.len()],
    /// The first line with a number of each unit of time.
    units: [Option<usize>; Unit::ALL.len()],
    /// Whether an outcome was told by a number.
    scored: bool,
    /// Whether a word for a side was the name of the other item.
    named_sides: bool,
    ignored: BTreeSet<String>,
    duplicates: DuplicateDetector,
}

impl Diagnostics {
    fn note_times(&mut self, first: f64, last: f64) {
        let (from, to) = self.checks.times.unwrap_or((first, last));
        self.checks.times = Some((from.min(first), to.max(last)));
    }
}

/// Checks rows and hands them on.
pub(crate) struct RowCollector<'a, S> {
    rules: Rules<'a>,
    diagnostics: Diagnostics,
    /// The column that rows are grouped by.
    grouping: Vec<usize>,
    /// Rows of which details are kept at most.
    details_of: u64,
    /// Entries handed on.
    handed: usize,
    sink: S,
}

impl<'a, S: FnMut(Entry)> RowCollector<'a, S> {
    pub(crate) fn new(
        path: &'a Path,
        selection: &'a Selection,
        details: bool,
        sink: S,
    ) -> Result<Self, DataError> {
        let since = match &selection.since {
            None => None,
            Some(text) => Some(timestamp::since(text.trim()).ok_or_else(|| {
                let message =
                    format!("since `{text}` is neither YYYY-MM-DD[THH:MM:SS] nor seconds; write YYYY-MM-DD");
                DataError::new(path, message)
            })?),
        };
        selection.reading.check().map_err(|message| DataError::new(path, message))?;
        let rules =
            Rules { path, selection, since, details, shown: SHOWN, scored: true, sides: false, chunk: CHUNK };
        let items = Names::new(selection.reading.normalise_names);
        let checks = Checks { repetitions_are: selection.reading.repetitions, ..Checks::default() };
        let diagnostics = Diagnostics { items, checks, ..Diagnostics::default() };
        Ok(Self { rules, diagnostics, grouping: Vec::new(), details_of: u64::MAX, handed: 0, sink })
    }

    /// Goes on with another file.
    pub(crate) fn begin_file(&mut self, path: &'a Path) {
        self.rules = Rules { path, scored: true, sides: false, ..self.rules };
        self.diagnostics.checks.files += 1;
    }

    /// Says whether a number is an outcome: in a column that is called `winner` it may as well be a place.
    pub(crate) fn numbers_are_scores(&mut self, are: bool) {
        self.rules.scored = are;
    }

    /// Says that words of outcomes name sides alone, as those that a format has or a reader makes.
    pub(crate) fn words_are_sides(&mut self) {
        self.rules.sides = true;
    }

    /// Keeps a sentence on how the file was read.
    pub(crate) fn note_reading(&mut self, sentence: String) {
        if !self.diagnostics.checks.readings.contains(&sentence) {
            self.diagnostics.checks.readings.push(sentence);
        }
    }

    /// Counts a row, or a judgement of one, that is left out.
    pub(crate) fn leave_out(&mut self, line: usize, reason: &str) {
        let left_out = &mut self.diagnostics.checks.left_out;
        let reason = if left_out.contains_key(reason) || left_out.len() < REASONS { reason } else { "other" };
        left_out.entry(reason.to_owned()).or_default().note(line);
    }

    /// What becomes of a row that breaks a rule: it ends the reading, or is left out and counted.
    pub(crate) fn decide(&mut self, result: Result<(), DataError>) -> Result<(), DataError> {
        match result {
            Err(DataError { reason: Some(reason), line, .. })
                if self.rules.reading().invalid == Invalid::Skip =>
            {
                self.leave_out(line.unwrap_or_default(), &reason);
                Ok(())
            }
            // without the reason it is decided once, whoever sees it next
            Err(e) if e.reason.is_some() => Err(DataError {
                rule: format!("{}; --invalid skip leaves such rows out and counts them", e.rule),
                reason: None,
                ..e
            }),
            other => other,
        }
    }

    /// What is asked of the rows of a part, too.
    pub(crate) fn rules(&self) -> Rules<'a> {
        self.rules
    }

    /// Cuts the file into chunks of so many bytes.
    #[cfg(test)]
    pub(crate) fn in_chunks_of(mut self, bytes: usize) -> Self {
        self.rules.chunk = bytes;
        self
    }

    /// Hands an entry on.
    #[inline]
    fn hand(&mut self, entry: Entry) {
        self.handed += 1;
        (self.sink)(entry);
    }

    /// What was noted of the part beside the entries, which the sink was given.
    pub(crate) fn into_diagnostics(self) -> Diagnostics {
        self.diagnostics
    }

    /// Keeps details of so many rows at most: of a longer file they are dropped, all of them.
    pub(crate) fn keep_details_of(&mut self, rows: u64) {
        self.details_of = rows;
    }

    /// Keeps all details, however long the file: rows belong together by them.
    pub(crate) fn keep_all_details(&mut self) {
        (self.rules.details, self.details_of) = (true, u64::MAX);
    }

    /// Groups rows by a column, which must exist then.
    pub(crate) fn group_by(&mut self, column: usize) {
        self.grouping.push(column);
    }

    pub(crate) fn ignore(&mut self, column: &str) {
        if self.diagnostics.ignored.len() < IGNORED && !self.diagnostics.ignored.contains(column) {
            self.diagnostics.ignored.insert(column.to_owned());
        }
    }

    /// Refuses a filter on a column that does not exist.
    pub(crate) fn check_filters(&self, has: impl Fn(usize) -> bool) -> Result<(), DataError> {
        let s = self.rules.selection;
        if s.reading.repetitions == Repetitions::Drop
            && let Some(&m) = [CONTEXT, ANNOTATOR].iter().find(|&&m| !has(m))
        {
            let message = format!(
                "has no column `{0}`, so a judgement cannot be known again; name one by --columns {0}=NAME, or drop rows that are \
                 equal in all columns: --repetitions drop-equal",
                COLUMNS[m].role
            );
            return Err(DataError::new(self.rules.path, message).at(1));
        }
        if let Some(&m) = self.grouping.iter().find(|&&m| !has(m)) {
            let message = format!(
                "has no column `{0}`, so nothing can be grouped by {0}; name one by --columns {0}=NAME",
                COLUMNS[m].role
            );
            return Err(DataError::new(self.rules.path, message).at(1));
        }
        for (m, wanted) in [(CONTEXT, &s.context), (ANNOTATOR, &s.annotator), (TIMESTAMP, &s.since)] {
            if let (false, Some(value)) = (has(m), wanted) {
                let message = format!(
                    "has no column `{0}`, so `{value}` cannot be selected; name one by --columns {0}=NAME",
                    COLUMNS[m].role
                );
                return Err(DataError::new(self.rules.path, message).at(1));
            }
        }
        Ok(())
    }

    /// Whether an item is among the selected ones.
    #[inline]
    pub(crate) fn wants(&self, item: &[u8]) -> bool {
        self.rules
            .selection
            .items
            .as_ref()
            .is_none_or(|items| items.iter().any(|i| self.same(i.as_bytes(), item)))
    }

    /// Whether two names are one item.
    #[inline]
    fn same(&self, a: &[u8], b: &[u8]) -> bool {
        // names of equal length often differ in their last letter alone
        if a.last() == b.last() && a == b {
            return true;
        }
        self.rules.reading().normalise_names
            && match (std::str::from_utf8(a), std::str::from_utf8(b)) {
                (Ok(a), Ok(b)) => names::print_key(a) == names::print_key(b),
                _ => false,
            }
    }

    /// The error of a row, with the reason by which it is counted if it is left out.
    fn refuse(&self, line: usize, reason: &str, message: String) -> DataError {
        DataError::new(self.rules.path, message).at(line).because(reason)
    }

    /// Takes a row, or refuses it.
    #[inline]
    pub(crate) fn add(&mut self, line: usize, row: &Row<'_>) -> Result<(), DataError> {
        match self.add_row(line, row) {
            Ok(()) => Ok(()),
            refused => self.decide(refused),
        }
    }

    fn add_row(&mut self, line: usize, row: &Row<'_>) -> Result<(), DataError> {
        self.limit_details();
        let cell = |m: usize| row[m];
        self.diagnostics.held.iter_mut().zip(row).for_each(|(held, cell)| *held |= cell.is_some());
        let time = self.time(line, cell(TIMESTAMP))?;
        if !self.selects(row, time) {
            self.diagnostics.checks.skipped += 1;
            return Ok(());
        }
        let weight = self.amount(line, "weight", cell(WEIGHT))?;
        if let Some(text) = cell(RANKING) {
            return self.ranking(line, text, weight, [cell(CONTEXT), cell(ANNOTATOR)], time);
        }
        let mut magnitude = self.amount(line, "magnitude", cell(MAGNITUDE))?;
        let (Some(a), Some(b)) = (cell(ITEM_A), cell(ITEM_B)) else {
            let message = "an item has no name; item_a and item_b must not be empty";
            return Err(self.refuse(line, "no name of an item", message.into()));
        };
        // one result, or wins of either side and ties
        let mut results = [(Outcome::Tie, 0.0); 3];
        match cell(OUTCOME) {
            None if WINNERS.iter().any(|&m| row[m].is_some()) => {
                results[0] = (self.winner(line, row)?, weight);
            }
            None if WINS.iter().any(|&m| row[m].is_some()) => {
                for (k, outcome) in [Outcome::First, Outcome::Second, Outcome::Tie].into_iter().enumerate() {
                    let column = COLUMNS[WINS[k]].role;
                    let wins = match cell(WINS[k]) {
                        None => 0.0,
                        some => self.amount(line, column, some)?,
                    };
                    results[k] = (outcome, self.product(line, "weight", column, weight * wins)?);
                }
            }
            None if SCORES.iter().any(|&m| row[m].is_some()) => {
                let (outcome, difference) = self.scores(line, row)?;
                results[0] = (outcome, weight);
                if cell(MAGNITUDE).is_none() && difference > 0.0 {
                    magnitude = difference;
                }
            }
            word => match self.outcome(line, word.unwrap_or_default(), a, b)? {
                Some((outcome, votes)) => {
                    results[0] = (outcome, self.product(line, "weight", "votes", weight * votes)?);
                }
                None => return Ok(()),
            },
        }
        if self.same(a, b) {
            self.diagnostics.checks.self_comparisons.note(line);
            return Ok(());
        }
        if !(self.wants(a) && self.wants(b)) {
            self.diagnostics.checks.skipped += 1;
            [a, b].into_iter().for_each(|item| self.note_skipped(2, item));
            return Ok(());
        }
        let covariates = self.covariates(line, row)?;
        let (first, second) = self.pair(line, a, b)?;
        let (context, annotator) =
            if self.rules.details { self.details_of(line, cell(CONTEXT), cell(ANNOTATOR))? } else { (0, 0) };
        // a row whose weight is 0 is a row still
        let counts = |(k, (_, weight)): &(usize, (Outcome, f64))| *k == 0 || *weight > 0.0;
        let results = results.into_iter().enumerate().filter(counts).map(|(_, result)| result);
        if let Some(hash) = DuplicateDetector::hash(row, self.rules.reading().repetitions) {
            let entries = self.handed..self.handed + results.clone().count();
            if self.is_dropped(Told { line, hash, entries }) {
                return Ok(());
            }
        }
        self.diagnostics.checks.rows += 1;
        for (outcome, weight) in results {
            let battle = Battle { first, second, outcome, weight, context, annotator, time, magnitude };
            self.hand(match &covariates {
                None => Entry::Battle(battle),
                Some(x) => Entry::Covaried(battle, x.clone()),
            });
        }
        Ok(())
    }

    /// The numbers of two items.
    #[inline]
    fn pair(&mut self, line: usize, a: &[u8], b: &[u8]) -> Result<(u32, u32), DataError> {
        // both are checked before one is numbered: a row that is left out names nothing
        for name in [a, b] {
            self.check_name(line, name)?;
        }
        Ok((self.item(line, a)?, self.item(line, b)?))
    }

    #[inline]
    fn check_name(&self, line: usize, name: &[u8]) -> Result<(), DataError> {
        if name.len() > LONGEST_NAME {
            let shown = excerpt(&String::from_utf8_lossy(&name[..400])).clone();
            let message = format!(
                "`{shown}` is a name of {} bytes; at most {LONGEST_NAME} are read: give items short names",
                name.len()
            );
            return Err(self.refuse(line, "name is too long", message));
        }
        match std::str::from_utf8(name) {
            Ok(_) => Ok(()),
            Err(_) => Err(self.not_utf8(line, name)),
        }
    }

    /// Keeps a word of a skipped row.
    fn note_skipped(&mut self, kind: usize, word: &[u8]) {
        let seen = &mut self.diagnostics.seen[kind];
        if seen.len() < self.rules.shown {
            seen.number(word); // what is not UTF-8 is not suggested
        }
    }

    fn selects(&mut self, row: &Row<'_>, time: Option<f64>) -> bool {
        let s = self.rules.selection;
        if self.rules.since.is_some_and(|since| time.is_some_and(|t| t < since)) {
            return false;
        }
        let wants = [(CONTEXT, &s.context), (ANNOTATOR, &s.annotator)];
        let fits = |(m, wanted): (usize, &Option<String>)| {
            let Some(wanted) = wanted else { return true };
            match s.reading.tags.filter(|_| m == CONTEXT) {
                None => row[m] == Some(wanted.as_bytes()),
                Some(separator) => row[m]
                    .and_then(|cell| std::str::from_utf8(cell).ok())
                    .is_some_and(|list| tags(list, separator).any(|tag| tag == wanted)),
            }
        };
        if wants.into_iter().all(fits) {
            return true;
        }
        for (kind, (m, _)) in wants.into_iter().enumerate() {
            if let Some(word) = row[m] {
                self.note_skipped(kind, word);
            }
        }
        false
    }

    /// Numbers a new item; none if it has one.
    pub(crate) fn new_item(&mut self, name: &str) -> Option<u32> {
        let (before, k) = (self.diagnostics.items.len(), self.diagnostics.items.number(name.as_bytes())?);
        (k as usize == before).then_some(k)
    }

    #[inline]
    fn item(&mut self, line: usize, name: &[u8]) -> Result<u32, DataError> {
        match self.diagnostics.items.number(name) {
            Some(k) => Ok(k),
            None => Err(self.not_utf8(line, name)),
        }
    }

    fn details_of(
        &mut self,
        line: usize,
        context: Option<&[u8]>,
        annotator: Option<&[u8]>,
    ) -> Result<(u32, u32), DataError> {
        let (context, annotator) = (context.unwrap_or_default(), annotator.unwrap_or_default());
        match (self.diagnostics.contexts.number(context), self.diagnostics.annotators.number(annotator)) {
            (Some(c), Some(a)) => Ok((c, a)),
            (None, _) => Err(self.not_utf8(line, context)),
            (_, None) => Err(self.not_utf8(line, annotator)),
        }
    }

    fn not_utf8(&self, line: usize, name: &[u8]) -> DataError {
        let shown = String::from_utf8_lossy(name);
        let message = format!("`{}` is not UTF-8; save the file as UTF-8", excerpt(&shown));
        self.refuse(line, "not UTF-8", message)
    }

    /// Ends the reading: nothing selected is an error that says what there is.
    pub(crate) fn finish(mut self) -> Result<(Names, Names, Names, Checks), DataError> {
        self.diagnostics.checks.ignored_columns =
            std::mem::take(&mut self.diagnostics.ignored).into_iter().collect();
        let held = COLUMNS[..COVARIATES].iter().zip(self.diagnostics.held).filter(|(_, held)| *held);
        self.diagnostics.checks.columns = held.map(|(entry, _)| entry.role).collect();
        let units = Unit::ALL.into_iter().zip(self.diagnostics.units);
        let units: Vec<(Unit, usize)> = units.filter_map(|(unit, line)| Some((unit, line?))).collect();
        if let [(one, first), (other, second), ..] = units[..] {
            let message = format!(
                "has time stamps in {} (line {first}) and in {} (line {second}); write them in one unit",
                one.words(),
                other.words()
            );
            return Err(DataError::new(self.rules.path, message));
        }
        if self.diagnostics.named_sides {
            self.note_reading(
                "words as `a` and `b` in `outcome` are the sides of the row, though an item has such a name: if items are meant, say \
                 so by --outcomes"
                    .to_owned(),
            );
        }
        if self.diagnostics.scored {
            self.note_reading(
                "numbers in `outcome` are read as the score of item_a: 1 it won, 0 it lost, 0.5 a tie"
                    .to_owned(),
            );
        }
        if self.rules.details {
            self.diagnostics.checks.contexts = self.diagnostics.contexts.len();
        }
        self.diagnostics.checks.alike = names::alike(self.diagnostics.items.list());
        let s = self.rules.selection;
        let hint = |wanted: &Option<String>, seen: &Names| {
            let mut seen: Vec<&str> = seen.list().iter().map(String::as_str).collect();
            seen.sort_unstable();
            let wanted = wanted.as_deref()?;
            nearest(wanted, seen).filter(|n| *n != wanted).map(|n| format!("; did you mean `{n}`?"))
        };
        for item in s.items.iter().flatten() {
            if self.diagnostics.items.len() > 0 && !self.diagnostics.items.holds(item.as_bytes()) {
                let suggestion = hint(&Some(item.clone()), &self.diagnostics.seen[2]).unwrap_or_default();
                let message = format!("has no selected comparison of item `{item}` with another{suggestion}");
                return Err(DataError::new(self.rules.path, message));
            }
        }
        if self.diagnostics.items.len() == 0 {
            let left_out = self.diagnostics.checks.left_out.iter();
            let left_out: Vec<String> = left_out.map(|(why, l)| format!("{why}: {}", l.count)).collect();
            let message = match self.diagnostics.checks.skipped {
                0 if !left_out.is_empty() => {
                    format!("has no comparisons; all rows were left out ({})", left_out.join("; "))
                }
                0 => "has no comparisons".to_owned(),
                k => format!(
                    "has {k} comparisons, none of them selected{}",
                    hint(&s.context, &self.diagnostics.seen[0])
                        .or_else(|| hint(&s.annotator, &self.diagnostics.seen[1]))
                        .or_else(|| {
                            let items = s
                                .items
                                .iter()
                                .flatten()
                                .filter(|i| !self.diagnostics.seen[2].holds(i.as_bytes()));
                            items.map(|i| hint(&Some(i.clone()), &self.diagnostics.seen[2])).next().flatten()
                        })
                        .unwrap_or_default()
                ),
            };
            return Err(DataError::new(self.rules.path, message));
        }
        let Diagnostics { items, contexts, annotators, checks, .. } = self.diagnostics;
        Ok((items, contexts, annotators, checks))
    }
}
