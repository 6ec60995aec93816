//! How runs and methods end, in classes.

use equipoise_records::{Behaviour, CONVERGED, Iterate, StopKind};

use super::group::{Method, RunFacts as _, Traced};

/// The average of a run that cycles is worth telling if it ends this much lower than the last iterate.
const AVERAGE_AHEAD: f64 = 0.1;

/// How a run ended, seen from the equilibrium that its method aims at; best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum OutcomeClass {
    /// Came down to the equilibrium, and stayed there.
    Converged,
    /// At the equilibrium, by a method that answers at once.
    OneShotConverged,
    /// At the equilibrium from the start on: the method had nothing to do.
    StartsThere,
    /// Stopped at its target; what it would have done next is not known.
    TargetReached,
    /// Falling steadily when stopped.
    Approaching,
    /// Too slow to judge.
    Undecided,
    /// The method had nothing more to do.
    Finished,
    /// The last iterate cycles, while the average of the played policies falls.
    CyclingAverageFalls,
    /// At rest elsewhere.
    Stalled,
    /// No longer falling under sampled feedback: noise, or a cycle behind it.
    Noisy,
    /// Moving without getting closer.
    Cycling,
    /// Away from the equilibrium, by a method that answers at once.
    OneShotAway,
    /// The update broke down.
    Diverged,
    /// The gap was not measured.
    Unmeasured,
}

impl OutcomeClass {
    /// All classes, best first.
    pub(crate) const ALL: [Self; 14] = [
        Self::Converged,
        Self::OneShotConverged,
        Self::StartsThere,
        Self::TargetReached,
        Self::Approaching,
        Self::Undecided,
        Self::Finished,
        Self::CyclingAverageFalls,
        Self::Stalled,
        Self::Noisy,
        Self::Cycling,
        Self::OneShotAway,
        Self::Diverged,
        Self::Unmeasured,
    ];

    /// From the record and the trace of one run: the word that the run was given, so that no table says another thing than a
    /// sentence.
    pub(crate) fn of(run: &Traced<'_>) -> Self {
        let metric = run.own_metric();
        if run.diverged() {
            return Self::Diverged;
        }
        let Some(last) = run.final_value(Iterate::Last, metric) else { return Self::Unmeasured };
        if run.one_shot() {
            return if last <= CONVERGED { Self::OneShotConverged } else { Self::OneShotAway };
        }
        // records of 0.1 call a run that stopped at its target converged
        if run.record.stop_reason == StopKind::TargetReached {
            return Self::TargetReached;
        }
        match run.record.behaviour {
            Behaviour::Converged => Self::Converged,
            Behaviour::StartsAtEquilibrium => Self::StartsThere,
            Behaviour::TargetReached => Self::TargetReached,
            Behaviour::Converging => Self::Approaching,
            Behaviour::Undecided => Self::Undecided,
            Behaviour::Finished => Self::Finished,
            Behaviour::Stalled => Self::Stalled,
            Behaviour::Noisy => Self::Noisy,
            Behaviour::Cycling if average_falls(run, metric, last) => Self::CyclingAverageFalls,
            Behaviour::Cycling => Self::Cycling,
            Behaviour::Diverged => Self::Diverged,
        }
    }

    /// Of a method: that of all its repetitions; `None` if they differ, for then no single one is the method's.
    pub(crate) fn of_method(method: &Method<'_>) -> Option<Self> {
        let first = Self::of(method.first());
        method.runs.iter().all(|run| Self::of(run) == first).then_some(first)
    }
}

/// Whether every repetition of a method ended at the equilibrium that it aims at.
pub(crate) fn at_equilibrium(method: &Method<'_>) -> bool {
    method.runs.iter().all(|run| {
        let last = run.final_value(Iterate::Last, run.own_metric());
        match OutcomeClass::of(run) {
            OutcomeClass::Converged | OutcomeClass::OneShotConverged | OutcomeClass::StartsThere => true,
            OutcomeClass::TargetReached | OutcomeClass::Finished => last.is_some_and(|gap| gap <= CONVERGED),
            _ => false,
        }
    })
}

/// Whether the average is far below the last iterate, and still fell clearly in the second half of the steps (known only with
/// a trace).
fn average_falls(run: &Traced<'_>, metric: &str, last: f64) -> bool {
    let at_end = run.final_value(Iterate::Average, metric).unwrap_or(f64::INFINITY);
    let half = run.record.steps / 2;
    let mut first_half = run.curve(Iterate::Average, metric).iter().filter(|p| p.step <= half);
    at_end <= AVERAGE_AHEAD * last && first_half.next_back().is_none_or(|p| at_end < 0.9 * p.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_is_listed_once_and_in_order() {
        assert!(OutcomeClass::ALL.is_sorted_by(|a, b| a < b));
        assert_eq!(OutcomeClass::ALL.last(), Some(&OutcomeClass::Unmeasured));
    }
}
