//! Judgements that come again.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use rustc_hash::FxHashSet;

use crate::columns::{ANNOTATOR, CONTEXT, ITEM_A, ITEM_B, OUTCOME, Row, TIMESTAMP, WINNERS};

/// Rows in which repetitions are looked for: 8 bytes are kept for each.
const REPETITIONS_IN: usize = 1 << 22;

/// Judgements by their hashes.
pub(crate) enum DuplicateDetector {
    /// Of the whole file, for finding those that come again.
    Whole(FxHashSet<u64>),
    /// Of a part, with their lines, to be looked for when it is merged.
    Part(Vec<(usize, u64)>),
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

    /// What makes a judgement the same as another: annotator, context, items, outcome and time. None without the first two.
    pub(crate) fn hash(row: &Row<'_>) -> Option<u64> {
        if row[CONTEXT].is_none() || row[ANNOTATOR].is_none() {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        for m in [ITEM_A, ITEM_B, OUTCOME, CONTEXT, ANNOTATOR, TIMESTAMP] {
            row[m].hash(&mut hasher);
        }
        if row[OUTCOME].is_none() {
            WINNERS.iter().for_each(|&m| row[m].hash(&mut hasher));
        }
        Some(hasher.finish())
    }

    /// Takes a judgement; whether it was made before, which of a part is not known yet.
    pub(crate) fn is_repeated(&mut self, line: usize, hash: u64) -> bool {
        match self {
            Self::Part(hashes) => {
                hashes.push((line, hash));
                false
            }
            Self::Whole(known) => known.len() < REPETITIONS_IN && !known.insert(hash),
        }
    }

    /// The judgements of a part, with their lines.
    pub(crate) fn of_part(self) -> impl Iterator<Item = (usize, u64)> {
        match self {
            Self::Part(hashes) => hashes.into_iter(),
            Self::Whole(_) => Vec::new().into_iter(),
        }
    }
}
