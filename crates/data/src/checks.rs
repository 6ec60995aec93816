//! What was odd about the rows of a file, counted while they are read.

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
    /// Rows that were not selected.
    pub skipped: u64,
    /// Comparisons of an item with itself: left out, they say nothing about another.
    pub self_comparisons: Lines,
    /// Rows in which the same annotator judged the same items in the same context with the same outcome (and time)
    /// again. They are counted. Looked for where both columns exist, in the first four million rows.
    pub repetitions: Lines,
    /// Time stamps that could not be read.
    pub unread_times: Lines,
    /// Rankings of fewer than two items: they compare nothing.
    pub short_rankings: Lines,
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
            let list = lines.first.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let more = if lines.count > lines.first.len() as u64 { ", ..." } else { "" };
            format!("line{} {list}{more}", if lines.count == 1 { "" } else { "s" })
        };
        let kinds = [
            (&self.self_comparisons, "compare an item with itself and are left out"),
            (
                &self.repetitions,
                "repeat a judgement (same annotator, context, items, outcome) and are counted",
            ),
            (&self.unread_times, "have a time stamp that is neither YYYY-MM-DD[THH:MM:SS] nor seconds"),
            (&self.short_rankings, "rank fewer than two items and compare nothing"),
        ];
        let found = kinds.iter().filter(|(lines, _)| lines.count > 0);
        let mut remarks: Vec<String> =
            found.map(|(lines, what)| format!("{} rows {what} ({})", lines.count, place(lines))).collect();
        if !self.ignored_columns.is_empty() {
            remarks.push(format!("columns ignored: {}", self.ignored_columns.join(", ")));
        }
        remarks
    }
}
