//! What is measured over the contexts of a run, or of a part of it: sums over them, and the evidence of each.

use equipoise_core::{Policy, blocks, simplex, vector};
use equipoise_records::{DUALITY_GAP, DUALITY_GAP_TAU};
use ndarray::Array1;

use super::Run;
use crate::behaviour::{self, Batches, Circumstances, Evidence, Look, Words};
use crate::metrics::{Metric, Truth, expected_tokens, gaps, log_ratio_of};

/// The two gaps, as positions in what [`gaps`] returns.
pub(super) fn both_gaps() -> [&'static Metric; 2] {
    [DUALITY_GAP, DUALITY_GAP_TAU].map(|name| Metric::named(name).expect("a metric of the registry"))
}

/// Which of the two a method is judged by.
pub(super) fn judged_by(run: &Run<'_>) -> usize {
    usize::from(run.regularised && run.task.tau > 0.0)
}

/// What a run is measured against.
pub(super) fn truth<'a>(run: &'a Run<'_>) -> Truth<'a> {
    Truth {
        game: run.oracle.game(),
        reference: &run.task.reference,
        tau: run.task.tau,
        equilibrium: run.equilibrium,
    }
}

/// What a run is judged by; `slowing` as [`Evidence::is_slowing`] tells of all its contexts.
pub(super) fn circumstances<'a>(run: &'a Run<'_>, batches: &'a Batches, slowing: bool) -> Circumstances<'a> {
    Circumstances {
        theory: run.theory,
        fixed_at_equilibrium: run.fixed_at_equilibrium,
        // a solver may draw duels of its own from an oracle that is exact on win rates
        noisy: run.oracle.is_noisy() || run.oracle.cost().duels > 0,
        period: run.solver.period(),
        metric: both_gaps()[judged_by(run)].name,
        close: behaviour::close(run.largest_margin),
        batches,
        slowing,
    }
}

/// What a record holds of the two iterates.
#[derive(Clone, Debug, Default)]
pub(super) struct Measured {
    /// Of each metric of the run the last iterate and the average; not those that the log knows itself.
    pub(super) values: Vec<[f64; 2]>,
    /// Both gaps of the average.
    pub(super) average: [f64; 2],
}

/// What is measured over the contexts.
pub(super) struct Watch {
    own: &'static Metric,
    evidence: Evidence,
    /// The policy at the last look.
    seen: (Vec<f64>, Vec<f64>),
    /// Probabilities of the last iterate before this step.
    previous: Vec<f64>,
    /// Sum of the played policies.
    played: Vec<f64>,
    /// Their mean at the last record, and its margins.
    average: Policy,
    average_margins: Array1<f64>,
    measured: Measured,
}

impl Watch {
    /// Of the contexts of `run`, which are all of one of so many entries or a part of it.
    pub(super) fn new(run: &Run<'_>, entries: u64) -> Self {
        let (shape, policy) = (run.task.shape(), run.solver.policy());
        Self {
            own: both_gaps()[judged_by(run)],
            evidence: Evidence::new(shape.contexts(), entries, run.limits.steps),
            seen: (policy.probs().to_vec(), policy.log_probs().to_vec()),
            previous: policy.probs().to_vec(),
            played: vec![0.0; shape.len()],
            average: policy.clone(),
            average_margins: Array1::zeros(shape.len()),
            measured: Measured::default(),
        }
    }

    pub(super) fn played(&self) -> &[f64] {
        &self.played
    }

    pub(super) fn previous(&self) -> &[f64] {
        &self.previous
    }

    pub(super) fn into_previous(self) -> Vec<f64> {
        self.previous
    }

    pub(super) fn average(&self) -> &Policy {
        &self.average
    }

    pub(super) fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// Has the margins of the last iterate computed; how far it moved in this step, L1 over all contexts.
    #[inline]
    pub(super) fn follow(&mut self, run: &mut Run<'_>, step: u64) -> f64 {
        run.oracle.margins(run.solver.policy());
        if step > 0 { self.movement(run) } else { 0.0 }
    }

    /// How far the last iterate moved in the last step, L1 over all contexts; adds the played policy to the sum.
    #[inline]
    fn movement(&mut self, run: &Run<'_>) -> f64 {
        let (now, played) = (run.solver.policy().probs_slice(), run.solver.played().probs_slice());
        blocks::sum(
            run.task.shape().offsets(),
            (&mut self.previous[..], &mut self.played[..]),
            |block, (previous, sum)| {
                let (now, played) = (&now[block.entries()], &played[block.entries()]);
                vector::dispatch(
                    #[inline(always)]
                    || {
                        sum.iter_mut().zip(played).for_each(|(s, p)| *s += p);
                        let moved = vector::distance(previous, now);
                        previous.copy_from_slice(now);
                        moved
                    },
                )
            },
        )
    }

    /// Takes in how far a step went, mean over the contexts, and looks at each context when it is time.
    #[inline]
    pub(super) fn look_if_due(&mut self, run: &Run<'_>, step: u64, moved: f64) {
        if self.evidence.add(step, moved) {
            self.look(run);
        }
    }

    /// Looks at the end of the run, unless that was just done.
    pub(super) fn last_look(&mut self, run: &mut Run<'_>) {
        if self.evidence.end() {
            run.oracle.margins(run.solver.policy());
            self.look(run);
        }
    }

    /// Looks at every context of the last iterate, whose margins are at hand.
    fn look(&mut self, run: &Run<'_>) {
        let (truth, policy, margins) = (truth(run), run.solver.policy(), run.oracle.last_margins());
        let (probs, logs) = (policy.probs_slice(), policy.log_probs_slice());
        for (x, range) in run.task.shape().ranges().enumerate() {
            let gap = self.own.at(&truth, policy, margins, x);
            let (p, l) = (&probs[range.clone()], &logs[range.clone()]);
            let (distance, apart) = run.goal.map_or((gap, gap), |e| {
                let (e, log_e) = (&e.probs_slice()[range.clone()], &e.log_probs_slice()[range.clone()]);
                let distance = if run.euclidean {
                    e.iter().zip(p).map(|(e, p)| 0.5 * (e - p) * (e - p)).sum()
                } else {
                    simplex::kl(e, log_e, p, l)
                };
                (distance, vector::distance(e, p))
            });
            let (before, logs_before) = (&mut self.seen.0[range.clone()], &mut self.seen.1[range]);
            let moved = vector::distance(before, p);
            // a probability that stays 0 does not move
            let change = |(a, b): (&f64, &f64)| if a == b { 0.0 } else { (a - b).abs() / (1.0 + b.abs()) };
            let moved_log = logs_before.iter().zip(l).map(change).fold(0.0, f64::max);
            before.copy_from_slice(p);
            logs_before.copy_from_slice(l);
            self.evidence.look(x, Look { gap, distance, apart, moved, moved_log });
        }
    }

    /// Every metric of the last iterate, whose margins are at hand, and of the average.
    pub(super) fn measure(&mut self, run: &Run<'_>, step: u64) -> &Measured {
        if step > 0 {
            self.average.set_mean(&self.played, step as f64);
            run.oracle.product(&self.average, &mut self.average_margins);
        } else {
            // the start, whose product is known
            self.average_margins.assign(run.oracle.last_margins());
        }
        let (truth, policy) = (truth(run), run.solver.policy());
        let both = gaps(&truth, &self.average, &self.average_margins);
        let values = run.metrics.iter().map(|&metric| {
            if metric.is_sum {
                return [0.0; 2];
            }
            let last = match metric.gap {
                Some(_) => 0.0,
                None => of_iterate(run, metric, &truth, policy, run.oracle.last_margins()),
            };
            // a mean of policies has no parameters, and so is nothing on other contexts
            let average = match cached_gap(metric, both) {
                Some(gap) => gap,
                None if metric.of_test => 0.0,
                None => of_iterate(run, metric, &truth, &self.average, &self.average_margins),
            };
            [last, average]
        });
        self.measured.values.clear();
        self.measured.values.extend(values);
        self.measured.average = both;
        &self.measured
    }

    /// What its contexts did.
    pub(super) fn words(&self, around: &Circumstances<'_>) -> Words {
        Words::of(&self.evidence, around)
    }
}

/// A metric of an iterate of the run's method.
pub(super) fn of_iterate(
    run: &Run<'_>,
    metric: &Metric,
    truth: &Truth<'_>,
    policy: &Policy,
    margins: &Array1<f64>,
) -> f64 {
    if metric.of_test {
        let learned = run.test.zip(run.solver.parameters());
        return learned.map_or(f64::NAN, |(test, theta)| test.measure(metric, theta, truth.tau));
    }
    if let Some(of_fit) = metric.of_fit {
        return run.oracle.fitted().map_or(f64::NAN, |fitted| of_fit(&fitted, policy));
    }
    if let Some(side) = metric.of_pairs {
        return log_ratio_of(run.solver.labelled_pairs(), side, policy, &run.task.reference);
    }
    if metric.of_tokens {
        let class = run.task.class.as_deref();
        return class.map_or(f64::NAN, |class| expected_tokens(truth.game, policy, class));
    }
    metric.of_iterate(truth, policy, margins, &run.solver.effort(), run.task.class.as_deref())
}

/// The value of a metric that is one of the two gaps, of which both are at hand.
pub(super) fn cached_gap(metric: &Metric, gaps: [f64; 2]) -> Option<f64> {
    metric.gap.map(|gap| gaps[gap as usize])
}
