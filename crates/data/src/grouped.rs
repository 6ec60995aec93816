//! Comparisons counted by pair for each context or annotator: a game for each.

use crate::battles::Battles;
use crate::checks::Checks;
use crate::columns::{ANNOTATOR, CONTEXT};
use crate::comparisons::{Comparisons, Counter};
use crate::observations::{ObservationCounter, Observations, Unit};
use crate::selection::Ties;

/// What rows are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// A group for each context.
    Context,
    /// A group for each annotator.
    Annotator,
}

impl Grouping {
    /// By what rows are grouped where that is one observation; `None` for a row.
    pub(crate) fn of_unit(unit: Unit) -> Option<Self> {
        match unit {
            Unit::Row => None,
            Unit::Context => Some(Self::Context),
            Unit::Annotator => Some(Self::Annotator),
        }
    }

    pub(crate) fn column(self) -> usize {
        match self {
            Self::Context => CONTEXT,
            Self::Annotator => ANNOTATOR,
        }
    }
}

/// Counts of every group.
#[derive(Clone, Debug)]
pub struct Grouped {
    /// Items of all groups, in the order of their first appearance.
    pub labels: Vec<String>,
    /// The groups, in the order of their first appearance; the empty name where rows have none.
    pub names: Vec<String>,
    /// Their counts: all number the items as [`Grouped::labels`], also those that a group lacks.
    pub groups: Vec<Comparisons>,
    /// What was odd, in all of them.
    pub checks: Checks,
    /// Items that each group compares, in the order of their first appearance in it.
    orders: Vec<Vec<u32>>,
    /// What is one observation in each group; empty: every comparison is one.
    observed: Vec<Observations>,
}

impl Grouped {
    /// Groups counted side by side, over the same items.
    pub(crate) fn new(
        labels: Vec<String>,
        names: Vec<String>,
        counters: Vec<Counter>,
        ties: Ties,
        checks: Checks,
    ) -> Self {
        let orders = counters.iter().map(|c| c.order(labels.len(), ties)).collect();
        let of_group = Checks { rankings: checks.rankings, ..Checks::default() };
        let groups = counters.into_iter().map(|c| c.finish(labels.clone(), ties, of_group.clone()));
        Self { groups: groups.collect(), labels, names, checks, orders, observed: Vec::new() }
    }

    /// With what is one observation in each group; `names`: of what the observations are grouped by.
    pub(crate) fn observed(self, counters: Vec<ObservationCounter>, names: &[String]) -> Self {
        let of_group =
            |(counter, group): (ObservationCounter, &Comparisons)| counter.finish(group.clone(), names);
        Self { observed: counters.into_iter().zip(&self.groups).map(of_group).collect(), ..self }
    }

    /// Rows that are kept one by one, grouped: a group for each of [`Battles::contexts`] or [`Battles::annotators`].
    #[must_use]
    pub fn of_battles(battles: &Battles, by: Grouping) -> Self {
        let names = match by {
            Grouping::Context => &battles.contexts,
            Grouping::Annotator => &battles.annotators,
        };
        let mut counters: Vec<Counter> = names.iter().map(|_| Counter::default()).collect();
        for b in &battles.rows {
            let group = match by {
                Grouping::Context => b.context,
                Grouping::Annotator => b.annotator,
            };
            counters[group as usize].add(b.first, b.second, b.outcome, b.weight);
        }
        Self::new(battles.labels.clone(), names.clone(), counters, battles.ties, battles.checks.clone())
    }

    /// All groups together.
    ///
    /// # Panics
    /// If there is no group.
    #[must_use]
    pub fn pooled(&self) -> Comparisons {
        let all = Comparisons::sum(self.groups.iter().map(|g| (g, 1.0)));
        let total_ties = self.groups.iter().map(|g| g.total_ties).sum();
        Comparisons { checks: self.checks.clone(), total_ties, ..all }
    }

    /// Group `k` with the items that it compares alone, in the order of their first appearance in it: the same as selecting
    /// this group and these items.
    ///
    /// # Panics
    /// If there is no such group.
    #[must_use]
    pub fn alone(&self, k: usize) -> Comparisons {
        self.groups[k].among(&self.items(k))
    }

    /// [`Grouped::alone`], and what of it is one observation.
    ///
    /// # Panics
    /// If there is no such group.
    #[must_use]
    pub fn observations(&self, k: usize) -> Observations {
        match self.observed.get(k) {
            Some(observed) => observed.among(&self.items(k)),
            None => self.alone(k).into(),
        }
    }

    fn items(&self, k: usize) -> Vec<usize> {
        self.orders[k].iter().map(|&i| i as usize).collect()
    }
}
