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
    /// Weight of the comparisons that are in several groups, as their contexts are lists of tags that overlap: each counts in every
    /// group of its tags, so that the groups sum to more than there are. 0 without such lists.
    pub shared: f64,
    /// Items that each group compares, in the order of their first appearance in it.
    orders: Vec<Vec<u32>>,
    /// What is one observation in each group; empty: every comparison is one.
    observed: Vec<Observations>,
    /// All comparisons, each once, where some are in several groups.
    whole: Option<Box<Comparisons>>,
}

/// The tags of contexts that are lists of tags.
pub(crate) struct Tags {
    /// The tags, in the order of their first appearance; the empty one of contexts without any.
    pub(crate) names: Vec<String>,
    /// The tags of every context, each once.
    of: Vec<Vec<usize>>,
}

/// The tags of a list.
pub(crate) fn tags(list: &str, separator: char) -> impl Iterator<Item = &str> {
    list.split(separator).map(str::trim).filter(|tag| !tag.is_empty())
}

impl Tags {
    pub(crate) fn of(contexts: &[String], separator: char) -> Self {
        let mut all = Self { names: Vec::new(), of: Vec::with_capacity(contexts.len()) };
        let mut places = std::collections::BTreeMap::new();
        for context in contexts {
            let mut here = Vec::new();
            let none = tags(context, separator).next().is_none();
            for tag in tags(context, separator).chain(none.then_some("")) {
                let next = all.names.len();
                let place = *places.entry(tag.to_owned()).or_insert(next);
                if place == next {
                    all.names.push(tag.to_owned());
                }
                if !here.contains(&place) {
                    here.push(place);
                }
            }
            all.of.push(here);
        }
        all
    }

    /// What belongs to each tag, of what belongs to each context.
    pub(crate) fn gather<T>(&self, parts: &[T], empty: impl Fn() -> T, merge: impl Fn(&mut T, &T)) -> Vec<T> {
        let mut sums: Vec<T> = self.names.iter().map(|_| empty()).collect();
        for (part, tags) in parts.iter().zip(&self.of) {
            tags.iter().for_each(|&tag| merge(&mut sums[tag], part));
        }
        sums
    }
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
        Self {
            groups: groups.collect(),
            labels,
            names,
            checks,
            orders,
            shared: 0.0,
            observed: Vec::new(),
            whole: None,
        }
    }

    /// Groups of the tags of contexts that are lists of tags; `contexts`: counters of the contexts.
    pub(crate) fn of_tags(
        labels: Vec<String>,
        tags: &Tags,
        contexts: &[Counter],
        ties: Ties,
        checks: Checks,
    ) -> Self {
        let mut whole = Counter::default();
        contexts.iter().for_each(|c| whole.merge(c));
        let of_context = |(counter, tags): (&Counter, &Vec<usize>)| match tags.len() {
            ..2 => 0.0,
            _ => counter.clone().finish(labels.clone(), ties, Checks::default()).total,
        };
        let shared = contexts.iter().zip(&tags.of).map(of_context).sum();
        let whole = Box::new(whole.finish(labels.clone(), ties, checks.clone()));
        let counters = tags.gather(contexts, Counter::default, Counter::merge);
        Self { shared, whole: Some(whole), ..Self::new(labels, tags.names.clone(), counters, ties, checks) }
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

    /// All groups together, each comparison once.
    ///
    /// # Panics
    /// If there is no group.
    #[must_use]
    pub fn pooled(&self) -> Comparisons {
        if let Some(whole) = &self.whole {
            return Comparisons::clone(whole);
        }
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
