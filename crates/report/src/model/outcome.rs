//! How runs and methods end, in classes.

use equipoise_records::{Behaviour, Iterate, Run, StopKind};

use super::group::{AT_EQUILIBRIUM, Method, RunFacts as _};

/// The average counts as converging where the last iterate does not if it ends this much lower.
const AVERAGE_AHEAD: f64 = 0.1;

/// How a run ended, seen from the equilibrium that its method aims at; best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum OutcomeClass {
    /// At the equilibrium.
    Converged,
    /// At the equilibrium, by a method that answers at once.
    OneShotConverged,
    /// Still falling.
    Approaching,
    /// The average of the played policies falls, the last iterate does not.
    AverageConverges,
    /// Too few steps for a verdict.
    Undecided,
    /// The method had nothing more to do.
    Finished,
    /// The iterate no longer moves.
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
    pub(crate) const ALL: [Self; 12] = [
        Self::Converged,
        Self::OneShotConverged,
        Self::Approaching,
        Self::AverageConverges,
        Self::Undecided,
        Self::Finished,
        Self::Stalled,
        Self::Noisy,
        Self::Cycling,
        Self::OneShotAway,
        Self::Diverged,
        Self::Unmeasured,
    ];

    /// From the record and the trace of one run.
    pub(crate) fn of(run: &Run) -> Self {
        let metric = run.own_metric();
        if run.diverged() {
            return Self::Diverged;
        }
        let Some(last) = run.final_value(Iterate::Last, metric) else { return Self::Unmeasured };
        match (run.one_shot(), last <= AT_EQUILIBRIUM) {
            (true, true) => return Self::OneShotConverged,
            (true, false) => return Self::OneShotAway,
            (false, true) => return Self::Converged,
            (false, false) => {}
        }
        let last_iterate = match run.record.behaviour {
            Behaviour::Converging => Self::Approaching,
            Behaviour::Undecided => Self::Undecided,
            // below the program's own threshold, which may be above the report's
            Behaviour::Converged | Behaviour::Finished => Self::Finished,
            Behaviour::Stalled => Self::Stalled,
            Behaviour::Noisy => Self::Noisy,
            Behaviour::Cycling => Self::Cycling,
            Behaviour::Diverged => Self::Diverged,
        };
        if last_iterate == Self::Approaching || run.record.stop_reason == StopKind::TargetReached {
            return Self::Approaching;
        }
        let average = run.final_value(Iterate::Average, metric).unwrap_or(f64::INFINITY);
        if average <= AVERAGE_AHEAD * last && average_falls(run, metric, average) {
            return Self::AverageConverges;
        }
        last_iterate
    }

    /// Of a method: its most common class, the worse one where two are as common; and how many runs are in it.
    pub(crate) fn of_method(method: &Method<'_>) -> (Self, usize) {
        let mut best = (Self::Unmeasured, 0);
        for class in Self::ALL {
            let n = method.runs.iter().filter(|run| Self::of(run) == class).count();
            if n > 0 && n >= best.1 {
                best = (class, n);
            }
        }
        best
    }

    /// Whether the method is at the equilibrium that it aims at.
    pub(crate) fn at_equilibrium(self) -> bool {
        matches!(self, Self::Converged | Self::OneShotConverged)
    }
}

/// Whether the average was still clearly falling in the second half of the steps (known only with a trace).
fn average_falls(run: &Run, metric: &str, at_end: f64) -> bool {
    let half = run.record.steps / 2;
    let first_half = run.curve(Iterate::Average, metric).filter(|p| p.step <= half);
    first_half.last().is_none_or(|p| at_end < 0.9 * p.value)
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
