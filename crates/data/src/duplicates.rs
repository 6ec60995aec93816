//! Rows that come again.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::ops::Range;

use rustc_hash::FxHashSet;

use crate::columns::{ANNOTATOR, CONTEXT, ITEM_A, ITEM_B, OUTCOME, Row, SCORES, TIMESTAMP, WINNERS, WINS};
use crate::reading::Repetitions;

/// Rows in which repetitions that are counted are looked for: 8 bytes are kept for each.
const REPETITIONS_IN: usize = 1 << 22;

/// Rows by their hashes of 64 bits: among ten million rows two different ones are taken for equal with a probability of 3e-6.
pub(crate) enum DuplicateDetector {
    /// Of all files, for finding those that come again.
    Whole(FxHashSet<u64>),
    /// Of a part, to be looked for when it is merged.
    Part(Vec<Told>),
}

/// A row of a part that may come again.
pub(crate) struct Told {
    pub(crate) line: usize,
    pub(crate) hash: u64,
    /// What it became among the entries of the part.
    pub(crate) entries: Range<usize>,
}

impl Default for DuplicateDetector {
    fn default() -> Self {
        Self::Whole(FxHashSet::default())
    }
}

impl DuplicateDetector {
    pub(crate) fn for_part() -> Self {
        Self::Part(Vec::new())
    }

    /// What makes a row the same as another: all of its cells, or annotator, context, items, result and time; none without the
    /// first two.
    pub(crate) fn hash(row: &Row<'_>, repetitions: Repetitions) -> Option<u64> {
        let mut hasher = DefaultHasher::new();
        if repetitions == Repetitions::DropEqual {
            row.hash(&mut hasher);
            return Some(hasher.finish());
        }
        if row[CONTEXT].is_none() || row[ANNOTATOR].is_none() {
            return None;
        }
        for m in [ITEM_A, ITEM_B, OUTCOME, CONTEXT, ANNOTATOR, TIMESTAMP] {
            row[m].hash(&mut hasher);
        }
        if row[OUTCOME].is_none() {
            WINNERS.iter().chain(&WINS).chain(&SCORES).for_each(|&m| row[m].hash(&mut hasher));
        }
        Some(hasher.finish())
    }

    /// Takes a row; whether there was one like it before, which of a part is not known yet.
    pub(crate) fn is_repeated(&mut self, told: Told, repetitions: Repetitions) -> bool {
        match self {
            Self::Part(rows) => {
                rows.push(told);
                false
            }
            Self::Whole(known) if repetitions == Repetitions::Keep && known.len() >= REPETITIONS_IN => false,
            Self::Whole(known) => !known.insert(told.hash),
        }
    }

    /// The rows of a part.
    pub(crate) fn of_part(self) -> Vec<Told> {
        match self {
            Self::Part(rows) => rows,
            Self::Whole(_) => Vec::new(),
        }
    }
}
