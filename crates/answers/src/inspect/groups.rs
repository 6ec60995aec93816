//! Every context or annotator as a game of its own.

use std::fmt;

use equipoise::models::intransitivity::{InspectVerdict, LEVEL};
use serde::{Serialize, Serializer};

use super::answer::InspectAnswer;
use crate::p_value::cell;
use crate::table::{table, width};

/// What every group shows by itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct InspectGroupsAnswer {
    /// The groups with comparisons, in the order of their first appearance.
    pub groups: Vec<InspectAnswer>,
    /// How many are cyclic; serialises as its sentence.
    pub summary: GroupSummary,
}

/// How many groups are cyclic beyond noise, with the false discoveries among them controlled: Benjamini and Hochberg (1995)
/// at the level of the verdict over the p-values of the cycles, one a group.
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
}

impl GroupSummary {
    pub(super) fn of(groups: &[InspectAnswer]) -> Self {
        let count = |is: fn(&InspectVerdict) -> bool| groups.iter().filter(|g| is(&g.verdict)).count();
        Self {
            cyclic: count(|v| matches!(v, InspectVerdict::CyclicBeyondNoise { .. })),
            known: count(|v| !matches!(v, InspectVerdict::Unknown { .. })),
            discovered: adjusted(groups).into_iter().filter(|p| p.is_some_and(|p| p < LEVEL)).count(),
            adequate: count(|v| matches!(v, InspectVerdict::Adequate { .. })),
        }
    }
}

impl fmt::Display for GroupSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cyclic, discovered, known, adequate } = self;
        write!(
            f,
            "{discovered} of {known} groups cyclic beyond noise at a false discovery rate of {LEVEL}; {cyclic} each by itself at \
             level {LEVEL}, where chance alone gives up to {:.1}; Bradley-Terry is enough in {adequate}.",
            LEVEL * *known as f64
        )
    }
}

/// The p-values of the cycles of all groups, adjusted: the smallest false discovery rate at which a group is a discovery,
/// `min over k >= rank of  m p_(k) / k`.
fn adjusted(groups: &[InspectAnswer]) -> Vec<Option<f64>> {
    let mut known: Vec<(f64, usize)> =
        groups.iter().enumerate().filter_map(|(g, a)| Some((a.strongest_cycle.p_value?, g))).collect();
    known.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (m, mut least, mut out) = (known.len() as f64, 1.0f64, vec![None; groups.len()]);
    for (k, &(p, g)) in known.iter().enumerate().rev() {
        least = least.min(m * p / (k + 1) as f64);
        out[g] = Some(least);
    }
    out
}

impl Serialize for GroupSummary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for InspectGroupsAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let adjusted = adjusted(&self.groups);
        let rows = self.groups.iter().zip(adjusted).map(|(g, adjusted)| {
            vec![
                g.group.clone().unwrap_or_default(),
                g.n.to_string(),
                g.comparisons.to_string(),
                g.verdict.word().to_owned(),
                cell(g.strongest_cycle.p_value),
                cell(adjusted),
                g.condorcet_winner.clone().unwrap_or_else(|| "none".to_owned()),
                format!("{}/{}", g.cyclic_triads.cyclic, g.cyclic_triads.total),
                g.nash.support.len().to_string(),
                g.bradley_terry.favourite.clone(),
                format!("{:.3}", g.bradley_terry.exploitability),
                g.unmet_pairs.len().to_string(),
            ]
        });
        let header = [
            "group",
            "items",
            "comparisons",
            "verdict",
            "p (cycle)",
            "adjusted",
            "beats all",
            "cyclic triads",
            "Nash plays",
            "BT favourite",
            "its loss",
            "unmet pairs",
        ];
        write!(f, "{}\n\n{}", self.summary, table(width(f), &header, rows))
    }
}
