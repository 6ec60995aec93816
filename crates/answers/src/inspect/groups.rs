//! Every context or annotator as a game of its own.

use std::fmt;

use equipoise::models::intransitivity::{InspectVerdict, LEVEL};
use serde::{Serialize, Serializer};

use super::answer::InspectAnswer;
use crate::p_value::{adjusted, cell};
use crate::source::overlap;
use crate::table::{table, width};

/// What every group shows by itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct InspectGroupsAnswer {
    /// The groups with comparisons, in the order of their first appearance.
    pub groups: Vec<InspectAnswer>,
    /// How many are cyclic; serialises as its sentence.
    pub summary: GroupSummary,
    /// Weight of all comparisons, each once.
    pub comparisons: f64,
    /// Weight of those that are in several groups, and count in each.
    pub in_several_groups: f64,
}

/// How many groups are cyclic beyond noise, with the false discoveries among them controlled: Benjamini and Hochberg (1995)
/// at the level of the verdict over the p-values of the cycles, one a group; Benjamini and Yekutieli (2001) where comparisons are in
/// several groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupSummary {
    /// Groups that are cyclic beyond noise, each by itself.
    pub cyclic: usize,
    /// Those that remain when a share of at most 5 percent of them may be false in the mean.
    pub discovered: usize,
    /// Groups with counts, so that there is a verdict.
    pub known: usize,
    /// Groups for which Bradley-Terry is enough.
    pub adequate: usize,
    /// Groups in which one rating an item is rejected, with the false discoveries controlled likewise.
    pub misfits: usize,
}

impl InspectGroupsAnswer {
    pub(super) fn new(mut groups: Vec<InspectAnswer>, comparisons: f64, in_several_groups: f64) -> Self {
        let shared = in_several_groups > 0.0;
        let cycles = adjusted(groups.iter().map(|g| g.strongest_cycle.p_value), shared);
        let ratings = adjusted(groups.iter().map(|g| g.one_rating.p_value), shared);
        for (group, (cycle, rating)) in groups.iter_mut().zip(cycles.into_iter().zip(ratings)) {
            group.strongest_cycle.adjusted_p_value = cycle;
            group.one_rating.adjusted_p_value = rating;
        }
        Self { summary: GroupSummary::of(&groups), groups, comparisons, in_several_groups }
    }
}

impl GroupSummary {
    fn of(groups: &[InspectAnswer]) -> Self {
        let below =
            |p: &mut dyn Iterator<Item = Option<f64>>| p.filter(|p| p.is_some_and(|p| p < LEVEL)).count();
        let count = |is: fn(&InspectVerdict) -> bool| groups.iter().filter(|g| is(&g.verdict)).count();
        Self {
            cyclic: count(|v| matches!(v, InspectVerdict::CyclicBeyondNoise { .. })),
            known: count(|v| !matches!(v, InspectVerdict::Unknown { .. })),
            discovered: below(&mut groups.iter().map(|g| g.strongest_cycle.adjusted_p_value)),
            misfits: below(&mut groups.iter().map(|g| g.one_rating.adjusted_p_value)),
            adequate: count(|v| matches!(v, InspectVerdict::Adequate { .. })),
        }
    }
}

impl fmt::Display for GroupSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cyclic, discovered, known, adequate, misfits } = self;
        write!(
            f,
            "{discovered} of {known} groups cyclic beyond noise at a false discovery rate of {LEVEL}; {cyclic} each by itself at \
             level {LEVEL}, where chance alone gives up to {:.1}; one rating an item rejected in {misfits} at that rate; \
             Bradley-Terry is enough in {adequate}.",
            LEVEL * *known as f64
        )
    }
}

impl Serialize for GroupSummary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for InspectGroupsAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.groups.iter().map(|g| {
            vec![
                g.group.clone().unwrap_or_default(),
                g.n.to_string(),
                g.comparisons.to_string(),
                g.verdict.word().to_owned(),
                cell(g.strongest_cycle.p_value),
                cell(g.strongest_cycle.adjusted_p_value),
                cell(g.one_rating.adjusted_p_value),
                g.condorcet_winner.clone().unwrap_or_else(|| "none".to_owned()),
                format!("{}/{}", g.cyclic_triads.cyclic, g.cyclic_triads.total),
                g.nash.as_ref().map_or("-".to_owned(), |nash| nash.support.len().to_string()),
                g.bradley_terry.favourite.clone(),
                format!("{:.3}", g.bradley_terry.exploitability),
                g.unmet_count().to_string(),
            ]
        });
        let header = [
            "group",
            "items",
            "comparisons",
            "verdict",
            "p (cycle)",
            "adjusted",
            "p (one rating), adjusted",
            "beats all",
            "cyclic triads",
            "Nash plays",
            "BT favourite",
            "its loss",
            "unmet pairs",
        ];
        write!(f, "{}\n\n{}", self.summary, table(width(f), &header, rows))?;
        match overlap(self.in_several_groups, self.comparisons) {
            Some(said) => {
                write!(
                    f,
                    "\n{said}; false discoveries are controlled under any dependence of groups (Benjamini, Yekutieli 2001)."
                )
            }
            None => Ok(()),
        }
    }
}
