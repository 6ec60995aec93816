//! What was odd about the rows of a file, counted while they are read.

use std::collections::BTreeMap;

use crate::error::excerpt;
use crate::names::visible;
use crate::reading::Repetitions;
use crate::timestamp::date;

/// How many groups of names that print alike are named.
const NAMED: usize = 6;
/// How many ignored columns are named.
const NAMED_COLUMNS: usize = 30;
/// Contexts from which on their size is looked at.
const MANY_CONTEXTS: usize = 1000;
/// How many line numbers a check keeps.
const LINES_KEPT: usize = 5;

/// Rows of one kind: how many, and where the first of them are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// How many.
    pub count: u64,
    /// Line numbers (rows in Parquet), from 1, of the first five.
    pub first: Vec<usize>,
}

impl Lines {
    pub(crate) fn note(&mut self, line: usize) {
        self.count += 1;
        if self.first.len() < LINES_KEPT {
            self.first.push(line);
        }
    }

    /// Adds those of a part that begins behind so many lines.
    pub(crate) fn extend(&mut self, part: &Self, lines: usize) {
        let missing = LINES_KEPT - self.first.len();
        self.first.extend(part.first.iter().take(missing).map(|line| line + lines));
        self.count += part.count;
    }
}

/// What was seen on the way, selected or not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checks {
    /// Rows counted.
    pub rows: u64,
    /// Rankings, and scores to be ranked, among them: these have no item that is listed first.
    pub rankings: u64,
    /// Rows that were not selected.
    pub skipped: u64,
    /// Comparisons of an item with itself: left out, they say nothing about another.
    pub self_comparisons: Lines,
    /// Rows in which the same annotator judged the same items in the same context with the same outcome (and time)
    /// again. They are counted. Looked for where both columns exist, in the first four million rows. Where repetitions are
    /// dropped: those that were, of all rows and by what [`Checks::repetitions_are`] says.
    pub repetitions: Lines,
    /// What became of them.
    pub repetitions_are: Repetitions,
    /// Time stamps that could not be read.
    pub unread_times: Lines,
    /// Rankings of fewer than two items: they compare nothing.
    pub short_rankings: Lines,
    /// Rows and judgements left out, by reason, sorted.
    pub left_out: BTreeMap<String, Lines>,
    /// The first and the last time stamp read, in seconds since 1970-01-01 UTC.
    pub times: Option<(f64, f64)>,
    /// Items whose names print alike, and are not one.
    pub alike: Vec<Vec<String>>,
    /// Contexts, where they were kept.
    pub contexts: usize,
    /// Files read.
    pub files: usize,
    /// What else a reader of the result should know about how the file was read, a sentence each.
    pub readings: Vec<String>,
    /// Columns that held something, by our names for them.
    pub columns: Vec<&'static str>,
    /// Columns that mean nothing here, sorted; a misspelt `weight` shows up among them.
    pub ignored_columns: Vec<String>,
}

impl Checks {
    /// What a reader of the result should know, a line each.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        let place = |lines: &Lines| {
            if self.files > 1 {
                return format!("in {} files", self.files);
            }
            let list = lines.first.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let more = if lines.count > lines.first.len() as u64 { ", ..." } else { "" };
            format!("line{} {list}{more}", if lines.count == 1 { "" } else { "s" })
        };
        let kinds = [
            (&self.self_comparisons, "compare an item with itself and are left out"),
            (
                &self.repetitions,
                match self.repetitions_are {
                    Repetitions::Keep => {
                        "repeat a judgement (same annotator, context, items, outcome) and are counted"
                    }
                    Repetitions::Drop => {
                        "repeat a judgement (same annotator, context, items, outcome) and are dropped"
                    }
                    Repetitions::DropEqual => {
                        "are equal to an earlier one in every column that is read and are dropped"
                    }
                },
            ),
            (&self.unread_times, "have a time stamp that is neither YYYY-MM-DD[THH:MM:SS] nor a number"),
            (&self.short_rankings, "rank fewer than two items and compare nothing"),
        ];
        let found = kinds.iter().filter(|(lines, _)| lines.count > 0);
        let mut remarks: Vec<String> =
            found.map(|(lines, what)| format!("{} rows {what} ({})", lines.count, place(lines))).collect();
        let left_out = self.left_out.values().map(|l| l.count).sum::<u64>();
        if left_out > 0 {
            let by_reason = self.left_out.iter().map(|(why, l)| format!("{why}: {} ({})", l.count, place(l)));
            remarks.push(format!("{left_out} left out; {}", by_reason.collect::<Vec<_>>().join("; ")));
        }
        if let Some((first, last)) = self.times {
            remarks.push(format!("time stamps from {} to {}", date(first), date(last)));
        }
        if !self.alike.is_empty() {
            let group = |g: &Vec<String>| {
                g.iter().map(|n| format!("`{}`", visible(n))).collect::<Vec<_>>().join(", ")
            };
            let named: Vec<String> = self.alike.iter().take(NAMED).map(group).collect();
            let more = if self.alike.len() > NAMED { ", ..." } else { "" };
            remarks.push(format!(
                "names that print alike are different items: {}{more}; --normalise-names makes them one",
                named.join("; ")
            ));
        }
        if self.contexts > MANY_CONTEXTS && (self.rows as f64) < 2.0 * self.contexts as f64 {
            let each = self.rows as f64 / self.contexts as f64;
            remarks.push(format!(
                "{} contexts, {each:.1} comparisons each: a context is a prompt or a category, for which items are \
                 compared again; choose its column by --context-column NAME",
                self.contexts
            ));
        }
        remarks.extend(self.readings.iter().cloned());
        if !self.ignored_columns.is_empty() {
            let (named, rest) = self.ignored_columns.split_at(self.ignored_columns.len().min(NAMED_COLUMNS));
            let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
            let named: Vec<String> = named.iter().map(|n| visible(&excerpt(n))).collect();
            remarks.push(format!("columns ignored: {}{more}", named.join(", ")));
        }
        remarks
    }
}
