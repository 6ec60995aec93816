//! The two units in which a method is charged, and what learning costs it.

use equipoise_records::Iterate;
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

/// What learning in a policy class costs the method itself, in single responses: a metric of the run, no charge of its oracle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EffortUnit {
    /// Responses drawn.
    Draws,
    /// Log-probabilities evaluated.
    Evaluations,
    /// Log-probabilities through which a gradient was taken back.
    Pulls,
}

impl EffortUnit {
    pub(crate) const ALL: [Self; 3] = [Self::Draws, Self::Evaluations, Self::Pulls];

    /// The metric that counts it.
    pub(crate) fn metric(self) -> &'static str {
        match self {
            Self::Draws => "draws",
            Self::Evaluations => "evaluations",
            Self::Pulls => "pulls",
        }
    }

    /// On axes and in sentences.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Draws => "responses drawn",
            Self::Evaluations => "log-probabilities evaluated",
            Self::Pulls => "log-probabilities with a gradient",
        }
    }

    /// Whether it was measured of some repetition of `method`, and not nothing.
    pub(crate) fn measured(self, method: &Method<'_>) -> bool {
        method.runs.iter().any(|run| run.curve(Iterate::Last, self.metric()).iter().any(|p| p.value > 0.0))
    }
}
