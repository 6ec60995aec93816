//! Every context or annotator as a game of its own.

use std::fmt;

use equipoise::models::intransitivity::LEVEL;
use serde::{Serialize, Serializer};

use super::answer::InspectAnswer;
use super::verdict::InspectVerdict;
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

/// How many groups are cyclic beyond noise, beside the number that chance alone would give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupSummary {
    /// Groups that are cyclic beyond noise.
    pub cyclic: usize,
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
            adequate: count(|v| matches!(v, InspectVerdict::Adequate { .. })),
        }
    }
}

impl fmt::Display for GroupSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cyclic, known, adequate } = self;
        write!(
            f,
            "{cyclic} of {known} groups cyclic beyond noise at level {LEVEL}, where chance alone gives up to {:.1}; \
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
                g.strongest_cycle.p_value.map_or("-".to_owned(), |p| format!("{p:.3}")),
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
