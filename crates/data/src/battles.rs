//! Comparisons kept row by row: for ratings that depend on their order, and for groups of contexts or annotators.

use std::ops::Range;

use crate::checks::Checks;
use crate::columns::Outcome;
use crate::comparisons::{Comparisons, Counter};
use crate::selection::Ties;

/// One comparison, or `weight` equal ones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Battle {
    /// The item listed first, an index into the labels.
    pub first: u32,
    /// The item listed second.
    pub second: u32,
    /// Who won.
    pub outcome: Outcome,
    /// How many equal comparisons this stands for, at least 0.
    pub weight: f64,
    /// Index into [`Battles::contexts`].
    pub context: u32,
    /// Index into [`Battles::annotators`].
    pub annotator: u32,
    /// Seconds since 1970-01-01 UTC, where the file has them.
    pub time: Option<f64>,
    /// How much better the winner was, at least 0; 1 where the file does not say.
    pub magnitude: f64,
}

/// All selected comparisons of a file.
#[derive(Clone, Debug)]
pub struct Battles {
    /// Items, in the order of their first appearance.
    pub labels: Vec<String>,
    /// Contexts, in the order of their first appearance; the empty name where a row has none.
    pub contexts: Vec<String>,
    /// Annotators, likewise.
    pub annotators: Vec<String>,
    /// The comparisons, in the order of the file. A ranking is split into the pairs it orders.
    pub rows: Vec<Battle>,
    /// The rows that one ranking of three items or more was split into, in the order of the file.
    pub rankings: Vec<Range<usize>>,
    /// What was odd.
    pub checks: Checks,
    /// The tie rule in force for counts.
    pub ties: Ties,
}

impl Battles {
    /// All of them, counted by pair.
    #[must_use]
    pub fn counts(&self) -> Comparisons {
        let mut counter = Counter::default();
        self.rows.iter().for_each(|b| counter.add(b.first, b.second, b.outcome, b.weight));
        counter.finish(self.labels.clone(), self.ties, self.checks.clone())
    }
}
