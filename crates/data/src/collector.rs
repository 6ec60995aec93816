//! Rows -> checked entries: filters, names, rules, and the count of what was odd.

use std::collections::BTreeSet;
use std::path::Path;

use equipoise_core::registry::nearest;

use crate::battles::Battle;
use crate::checks::{Checks, Lines};
use crate::columns::{
    ANNOTATOR, COLUMNS, CONTEXT, ITEM_A, ITEM_B, MAGNITUDE, OUTCOME, Outcome, RANKING, Row, TIMESTAMP,
    WEIGHT, WINNERS,
};
use crate::duplicates::DuplicateDetector;
use crate::error::{Column, DataError, excerpt};
use crate::names::Names;
use crate::rankings::{Ranking, groups};
use crate::selection::Selection;
use crate::timestamp;

/// How many contexts or annotators a message chooses from.
const SHOWN: usize = 1000;
/// Bytes of a chunk: its names and entries are as large again, and should stay in the processor's caches.
const CHUNK: usize = 1 << 18;

/// What one row becomes.
#[derive(Debug)]
pub(crate) enum Entry {
    Battle(Battle),
    Ranking(Ranking),
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
    /// Bytes of a chunk that is read on its own; results do not depend on it.
    pub(crate) chunk: usize,
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
    ignored: BTreeSet<String>,
    duplicates: DuplicateDetector,
}

/// Checks rows and hands them on.
pub(crate) struct RowCollector<'a, S> {
    rules: Rules<'a>,
    diagnostics: Diagnostics,
    /// The column that rows are grouped by.
    grouping: Option<usize>,
    /// Rows of which details are kept at most.
    details_of: u64,
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
            Some(text) => Some(timestamp::seconds(text.trim()).ok_or_else(|| {
                let message = format!("since `{text}` is neither YYYY-MM-DD[THH:MM:SS] nor seconds");
                DataError::new(path, message)
            })?),
        };
        let rules = Rules { path, selection, since, details, shown: SHOWN, chunk: CHUNK };
        Ok(Self { rules, diagnostics: Diagnostics::default(), grouping: None, details_of: u64::MAX, sink })
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

    /// The collector of a part of the file.
    pub(crate) fn of_part(rules: Rules<'a>, sink: S) -> Self {
        // which words are the first of the file is known when the part is taken in
        let rules = Rules { shown: usize::MAX, ..rules };
        let diagnostics = Diagnostics { duplicates: DuplicateDetector::for_part(), ..Diagnostics::default() };
        Self { rules, diagnostics, grouping: None, details_of: u64::MAX, sink }
    }

    /// What was noted of the part beside the entries, which the sink was given.
    pub(crate) fn into_diagnostics(self) -> Diagnostics {
        self.diagnostics
    }

    /// Keeps details of so many rows at most: of a longer file they are dropped, all of them.
    pub(crate) fn keep_details_of(&mut self, rows: u64) {
        self.details_of = rows;
    }

    /// Drops the details of a file that is too long for them.
    fn limit_details(&mut self) {
        if self.rules.details && self.diagnostics.checks.rows > self.details_of {
            self.rules.details = false;
            (self.diagnostics.contexts, self.diagnostics.annotators) = Default::default();
            self.diagnostics.checks.unread_times = Lines::default();
        }
    }

    /// Merges the next part, which begins behind so many lines: as if its rows had been added one by one. Gives the
    /// list of its entries back, empty.
    pub(crate) fn merge(&mut self, part: Part, lines: usize) -> Vec<Entry> {
        let Part { mut entries, diagnostics: part } = part;
        let diagnostics = &mut self.diagnostics;
        let items = diagnostics.items.adopt(&part.items);
        let details = self.rules.details;
        let adopt = |all: &mut Names, names| if details { all.adopt(names) } else { Vec::new() };
        let contexts = adopt(&mut diagnostics.contexts, &part.contexts);
        let annotators = adopt(&mut diagnostics.annotators, &part.annotators);
        diagnostics.checks.rows += part.checks.rows;
        diagnostics.checks.skipped += part.checks.skipped;
        for (all, new) in [
            (&mut diagnostics.checks.self_comparisons, &part.checks.self_comparisons),
            (&mut diagnostics.checks.short_rankings, &part.checks.short_rankings),
        ] {
            all.extend(new, lines);
        }
        if details || self.rules.since.is_some() {
            diagnostics.checks.unread_times.extend(&part.checks.unread_times, lines);
        }
        diagnostics.held.iter_mut().zip(part.held).for_each(|(all, new)| *all |= new);
        diagnostics.ignored.extend(part.ignored);
        for (kind, words) in part.seen.iter().enumerate() {
            words.list().iter().for_each(|word| self.note_skipped(kind, word.as_bytes()));
        }
        part.duplicates.of_part().for_each(|(line, hash)| self.note_judgement(line + lines, hash));
        let item = |k: u32| items[k as usize];
        // without details there are no names, and all numbers are 0
        let detail = |names: &[u32], k: u32| names.get(k as usize).copied().unwrap_or(0);
        for entry in entries.drain(..) {
            let (context, annotator) = match &entry {
                Entry::Battle(b) => (b.context, b.annotator),
                Entry::Ranking(r) => (r.context, r.annotator),
            };
            let (context, annotator) = (detail(&contexts, context), detail(&annotators, annotator));
            (self.sink)(match entry {
                Entry::Battle(b) => {
                    let (first, second) = (item(b.first), item(b.second));
                    Entry::Battle(Battle { first, second, context, annotator, ..b })
                }
                Entry::Ranking(mut r) => {
                    r.groups.iter_mut().flatten().for_each(|k| *k = item(*k));
                    Entry::Ranking(Ranking { context, annotator, ..r })
                }
            });
        }
        self.limit_details();
        entries
    }

    /// Groups rows by a column, which must exist then.
    pub(crate) fn group_by(&mut self, column: usize) {
        self.grouping = Some(column);
    }

    pub(crate) fn ignore(&mut self, column: &str) {
        if !self.diagnostics.ignored.contains(column) {
            self.diagnostics.ignored.insert(column.to_owned());
        }
    }

    /// Refuses a filter on a column that does not exist.
    pub(crate) fn check_filters(&self, has: impl Fn(usize) -> bool) -> Result<(), DataError> {
        let s = self.rules.selection;
        if let Some(m) = self.grouping.filter(|&m| !has(m)) {
            let message = format!("has no column `{0}`, so nothing can be grouped by {0}", COLUMNS[m].0);
            return Err(DataError::new(self.rules.path, message).at(1));
        }
        for (m, wanted) in [(CONTEXT, &s.context), (ANNOTATOR, &s.annotator), (TIMESTAMP, &s.since)] {
            if let (false, Some(value)) = (has(m), wanted) {
                let message = format!("has no column `{}`, so `{value}` cannot be selected", COLUMNS[m].0);
                return Err(DataError::new(self.rules.path, message).at(1));
            }
        }
        Ok(())
    }

    /// Whether an item is among the selected ones.
    #[inline]
    pub(crate) fn wants(&self, item: &[u8]) -> bool {
        self.rules.selection.items.as_ref().is_none_or(|items| items.iter().any(|i| i.as_bytes() == item))
    }

    fn refuse(&self, line: usize, message: String) -> DataError {
        DataError::new(self.rules.path, message).at(line)
    }

    pub(crate) fn add(&mut self, line: usize, row: &Row<'_>) -> Result<(), DataError> {
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
        let magnitude = self.amount(line, "magnitude", cell(MAGNITUDE))?;
        let (Some(a), Some(b)) = (cell(ITEM_A), cell(ITEM_B)) else {
            let message = "an item has no name; item_a and item_b must not be empty";
            return Err(self.refuse(line, message.into()));
        };
        let outcome = match cell(OUTCOME) {
            None if WINNERS.iter().any(|&m| row[m].is_some()) => self.winner(line, row)?,
            word => {
                let word = word.unwrap_or_default();
                Outcome::read(word).ok_or_else(|| self.unknown_outcome(line, word, a, b))?
            }
        };
        // names of equal length often differ in their last letter alone
        if a.last() == b.last() && a == b {
            self.diagnostics.checks.self_comparisons.note(line);
            return Ok(());
        }
        if !(self.wants(a) && self.wants(b)) {
            self.diagnostics.checks.skipped += 1;
            [a, b].into_iter().for_each(|item| self.note_skipped(2, item));
            return Ok(());
        }
        if let Some(hash) = DuplicateDetector::hash(row) {
            self.note_judgement(line, hash);
        }
        let (first, second) = (self.item(line, a)?, self.item(line, b)?);
        let (context, annotator) =
            if self.rules.details { self.details_of(line, cell(CONTEXT), cell(ANNOTATOR))? } else { (0, 0) };
        self.diagnostics.checks.rows += 1;
        (self.sink)(Entry::Battle(Battle {
            first,
            second,
            outcome,
            weight,
            context,
            annotator,
            time,
            magnitude,
        }));
        Ok(())
    }

    /// A number of at least 0; 1 where there is none.
    #[inline]
    fn amount(&self, line: usize, what: &str, cell: Option<&[u8]>) -> Result<f64, DataError> {
        let Some(word) = cell else { return Ok(1.0) };
        let shown = String::from_utf8_lossy(word);
        let refuse = |rule: &str| self.refuse(line, rule.into()).of(Column::Name(what.into()), &shown);
        let number = shown.parse::<f64>().map_err(|_| refuse("is not a number; decimals take a point"))?;
        match number >= 0.0 && number.is_finite() {
            true => Ok(number),
            false => Err(refuse("must be a finite number of at least 0")),
        }
    }

    /// Keeps a word of a skipped row.
    fn note_skipped(&mut self, kind: usize, word: &[u8]) {
        let seen = &mut self.diagnostics.seen[kind];
        if seen.len() < self.rules.shown {
            seen.number(word); // what is not UTF-8 is not suggested
        }
    }

    /// Seconds, if they are wanted and can be read.
    fn time(&mut self, line: usize, cell: Option<&[u8]>) -> Result<Option<f64>, DataError> {
        if !self.rules.details && self.rules.since.is_none() {
            return Ok(None);
        }
        let read = |word: &[u8]| std::str::from_utf8(word).ok().and_then(timestamp::seconds);
        match (cell.map(|word| (word, read(word))), self.rules.since) {
            (Some((_, Some(seconds))), _) => Ok(Some(seconds)),
            (None, None) => Ok(None),
            (Some((_, None)), None) => {
                self.diagnostics.checks.unread_times.note(line);
                Ok(None)
            }
            (other, Some(_)) => {
                let word = String::from_utf8_lossy(other.map_or(&b""[..], |(word, _)| word)).into_owned();
                let rule = "is neither YYYY-MM-DD[THH:MM:SS] nor seconds, and `since` asks for it";
                Err(self.refuse(line, rule.into()).of(Column::Name(COLUMNS[TIMESTAMP].0.into()), &word))
            }
        }
    }

    fn selects(&mut self, row: &Row<'_>, time: Option<f64>) -> bool {
        let s = self.rules.selection;
        if self.rules.since.is_some_and(|since| time.is_some_and(|t| t < since)) {
            return false;
        }
        let wants = [(CONTEXT, &s.context), (ANNOTATOR, &s.annotator)];
        let fits = |(m, wanted): (usize, &Option<String>)| {
            wanted.as_ref().is_none_or(|w| row[m] == Some(w.as_bytes()))
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

    fn unknown_outcome(&self, line: usize, word: &[u8], a: &[u8], b: &[u8]) -> DataError {
        let shown = String::from_utf8_lossy(word);
        let hint = match word {
            word if word == a => ", it names item_a, did you mean `a`?".to_owned(),
            word if word == b => ", it names item_b, did you mean `b`?".to_owned(),
            _ => nearest(&shown.to_lowercase(), Outcome::KNOWN)
                .map_or(String::new(), |n| format!(", did you mean `{n}`?")),
        };
        let known = Outcome::KNOWN.join(", ");
        let rule = format!("is not known{hint}; known: {known}");
        self.refuse(line, rule).of(Column::Name(COLUMNS[OUTCOME].0.into()), &shown)
    }

    /// The outcome that is told by a 1 in one of three columns.
    fn winner(&self, line: usize, row: &Row<'_>) -> Result<Outcome, DataError> {
        let words = WINNERS.map(|m| row[m].unwrap_or_default());
        let flags = words.map(|word| match word {
            b"1" | b"1.0" | b"true" | b"True" => Some(true),
            b"0" | b"0.0" | b"false" | b"False" => Some(false),
            _ => None,
        });
        match flags {
            [Some(true), Some(false), Some(false)] => Ok(Outcome::First),
            [Some(false), Some(true), Some(false)] => Ok(Outcome::Second),
            [Some(false), Some(false), Some(true)] => Ok(Outcome::Tie),
            _ => {
                let names = WINNERS.map(|m| COLUMNS[m].0).join(", ");
                let shown =
                    words.map(|word| format!("`{}`", excerpt(&String::from_utf8_lossy(word)))).join(", ");
                let rule = "exactly one must be 1, the others 0";
                Err(self.refuse(line, format!("{names} are {shown}; {rule}")))
            }
        }
    }

    /// Notes a judgement, which is a repetition if it was made before.
    fn note_judgement(&mut self, line: usize, hash: u64) {
        if self.diagnostics.duplicates.is_repeated(line, hash) {
            self.diagnostics.checks.repetitions.note(line);
        }
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
        self.refuse(line, format!("`{}` is not UTF-8; save the file as UTF-8", excerpt(&shown)))
    }

    fn ranking(
        &mut self,
        line: usize,
        text: &[u8],
        weight: f64,
        details: [Option<&[u8]>; 2],
        time: Option<f64>,
    ) -> Result<(), DataError> {
        let Ok(text) = std::str::from_utf8(text) else { return Err(self.not_utf8(line, text)) };
        let mut names = groups(text).map_err(|message| self.refuse(line, message))?;
        for name in
            names.iter().flatten().filter(|name| !self.wants(name.as_bytes())).copied().collect::<Vec<_>>()
        {
            self.note_skipped(2, name.as_bytes());
        }
        names.iter_mut().for_each(|group| group.retain(|name| self.wants(name.as_bytes())));
        names.retain(|group| !group.is_empty());
        let mut groups = Vec::with_capacity(names.len());
        for group in names {
            let numbers = group.iter().map(|name| self.item(line, name.as_bytes()));
            groups.push(numbers.collect::<Result<Vec<u32>, _>>()?);
        }
        self.push_ranking(line, groups, weight, details, time)
    }

    /// Takes a ranking whose items have numbers.
    pub(crate) fn push_ranking(
        &mut self,
        line: usize,
        groups: Vec<Vec<u32>>,
        weight: f64,
        [context, annotator]: [Option<&[u8]>; 2],
        time: Option<f64>,
    ) -> Result<(), DataError> {
        let mut ranked: Vec<u32> = groups.iter().flatten().copied().collect();
        ranked.sort_unstable();
        if let Some(twice) = ranked.windows(2).find(|w| w[0] == w[1]) {
            let message = format!("ranks `{}` twice", self.diagnostics.items.get(twice[0]));
            return Err(self.refuse(line, message));
        }
        if ranked.len() < 2 {
            self.diagnostics.checks.short_rankings.note(line);
        }
        let (context, annotator) =
            if self.rules.details { self.details_of(line, context, annotator)? } else { (0, 0) };
        self.diagnostics.checks.rows += 1;
        (self.sink)(Entry::Ranking(Ranking { groups, weight, context, annotator, time }));
        Ok(())
    }

    /// Ends the reading: nothing selected is an error that says what there is.
    pub(crate) fn finish(mut self) -> Result<(Names, Names, Names, Checks), DataError> {
        self.diagnostics.checks.ignored_columns =
            std::mem::take(&mut self.diagnostics.ignored).into_iter().collect();
        let held = COLUMNS.iter().zip(self.diagnostics.held).filter(|(_, held)| *held);
        self.diagnostics.checks.columns = held.map(|((name, _), _)| *name).collect();
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
            let message = match self.diagnostics.checks.skipped {
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
