//! The two units in which a method is charged.

use equipoise_records::schema::{Reached, RunRecord, TracePoint};

use super::group::Method;

/// A unit of cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CostUnit {
    /// Win rates of all actions against one policy.
    Queries,
    /// Comparisons of one pair of actions.
    Duels,
}

impl CostUnit {
    pub(crate) const ALL: [Self; 2] = [Self::Queries, Self::Duels];

    /// On axes and in sentences.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Queries => "win-rate queries",
            Self::Duels => "duels",
        }
    }

    /// Where there is little space.
    pub(crate) fn short_name(self) -> &'static str {
        match self {
            Self::Queries => "queries",
            Self::Duels => "duels",
        }
    }

    /// All that a run was charged in this unit.
    pub(crate) fn of_run(self, run: &RunRecord) -> u64 {
        match self {
            Self::Queries => run.queries,
            Self::Duels => run.duels,
        }
    }

    /// What had been charged at a recorded step.
    pub(crate) fn of_point(self, point: &TracePoint) -> u64 {
        match self {
            Self::Queries => point.queries,
            Self::Duels => point.duels,
        }
    }

    /// What had been charged when a target was reached to stay: from then on the run was at or below it to its end. `None` if
    /// it ended above. Records of 0.1 know the first touch only.
    pub(crate) fn of_reached(self, reached: &Reached) -> Option<u64> {
        match (self, &reached.kept) {
            (Self::Queries, Some(kept)) => kept.queries,
            (Self::Duels, Some(kept)) => kept.duels,
            (_, None) => self.of_touch(reached),
        }
    }

    /// What had been charged when a target was first touched, whatever came after.
    pub(crate) fn of_touch(self, reached: &Reached) -> Option<u64> {
        match self {
            Self::Queries => reached.queries,
            Self::Duels => reached.duels,
        }
    }

    /// Whether some repetition of `method` was charged in this unit.
    pub(crate) fn charges(self, method: &Method<'_>) -> bool {
        method.runs.iter().any(|run| self.of_run(&run.record) > 0)
    }
}
