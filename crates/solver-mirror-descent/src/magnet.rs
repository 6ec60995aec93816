//! Regularised steps towards a magnet that moves, written once for the methods that differ in when and where to.
//!
//! ```text
//! inner:  theta <- (1 - eta tau) theta + eta tau log sigma_k + eta P pi         (or the two half steps of extragradient)
//! outer:  sigma_{k+1} = the policy, or ((k + 1) pi + sigma_1) / (k + 2)      at the end of period k = 1, 2, ..
//! ```
//!
//! One solver step is one inner step, so that nested loops cost what they cost. The magnet moves after a fixed number of
//! inner steps, or once the gap of the inner game (with sigma_k as reference) has fallen to a share of what it was at
//! the first query after the last move; that gap comes with the query, `KL(pi || BR(pi))`. Each context moves its own magnet.

use equipoise_core::flat::Flat as _;
use equipoise_core::kernel::{Iterates, logit_step};
use equipoise_core::simplex::{NonFinite, kl_to_best_response};
use equipoise_core::{Cost, Oracle, Policy, Progress, Rng, Solver, StepError, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What one inner step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Inner {
    /// Mirror descent: one query.
    Omd,
    /// Extragradient: two queries.
    Egpo,
}

/// When the magnet moves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Period {
    /// After so many inner steps.
    Steps(u32),
    /// Once the inner gap is at most this share of its first value.
    Solved(f64),
}

/// Where the magnet moves to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Move {
    /// To the policy.
    Replace,
    /// To `((k + 1) pi + sigma_1) / (k + 2)` at move k, from 1: ever closer to the policy, with a rest of the first magnet.
    Anchored,
}

/// Mirror steps with a moving magnet.
pub(crate) struct Magnet {
    /// `reference` is sigma_k.
    state: Iterates,
    next: Policy,
    /// sigma_1.
    first: Policy,
    /// Moves so far, and inner steps since the last one, of each context.
    moves: Vec<f64>,
    since: Vec<u32>,
    /// Inner gap of each context at the first query after its last move.
    initial_gap: Vec<f64>,
    eta: f64,
    tau: f64,
    inner: Inner,
    period: Period,
    target: Move,
}

impl Magnet {
    /// At the start of `task`, with the start as first magnet; requires `eta * tau <= 1`.
    pub(crate) fn new(task: &Task, eta: f64, tau: f64, inner: Inner, period: Period, target: Move) -> Self {
        let (mut state, contexts) = (Iterates::new(task), task.shape().contexts());
        state.reference.copy_from(&task.start);
        Self {
            state,
            next: task.start.clone(),
            first: task.start.clone(),
            moves: vec![0.0; contexts],
            since: vec![0; contexts],
            initial_gap: vec![0.0; contexts],
            eta,
            tau,
            inner,
            period,
            target,
        }
    }

    /// Moves the magnet of the chosen contexts towards `policy`.
    fn shift(&mut self, chosen: &[bool]) -> Result<(), NonFinite> {
        let Self { state: Iterates { policy, reference, .. }, first, moves, since, target, .. } = self;
        for x in (0..chosen.len()).filter(|&x| chosen[x]) {
            moves[x] += 1.0;
            since[x] = 0;
        }
        let (p, log_p, s) = (policy.probs_slice(), policy.log_probs_slice(), first.probs_slice());
        reference.set_logits(|sigma| {
            for (x, range) in policy.shape().ranges().enumerate().filter(|(x, _)| chosen[*x]) {
                // the period that begins: the anchor of period k is (k sigma^k + sigma^1) / (k + 1), sigma^k the policy
                // at its beginning, and k = 1 is the start itself
                let k = moves[x] + 1.0;
                for i in range {
                    sigma[i] = match target {
                        Move::Replace => log_p[i],
                        Move::Anchored => ((k * p[i] + s[i]) / (k + 1.0)).ln(),
                    };
                }
            }
        })
    }

    /// `KL(pi || BR(pi))` of the inner game of context `x` at `policy`, whose win rates are at hand.
    fn inner_gap(&self, x: usize) -> f64 {
        let Iterates { policy, reference, gain, .. } = &self.state;
        let gain = gain.flat();
        let r = policy.shape().range(x);
        let (p, l) = (&policy.probs_slice()[r.clone()], &policy.log_probs_slice()[r.clone()]);
        kl_to_best_response(p, l, &gain[r.clone()], &reference.log_probs_slice()[r], self.tau)
    }

    /// Moves the magnet where the inner game is solved at `policy`, whose win rates have just been asked.
    fn shift_if_solved(&mut self) -> Result<(), NonFinite> {
        let Period::Solved(share) = self.period else { return Ok(()) };
        let contexts = self.since.len();
        let solved: Vec<bool> = (0..contexts)
            .map(|x| self.since[x] > 0 && self.inner_gap(x) <= share * self.initial_gap[x])
            .collect();
        if solved.contains(&true) {
            self.shift(&solved)?;
        }
        for x in 0..contexts {
            // after a move the same query is the first one
            if self.since[x] == 0 {
                self.initial_gap[x] = self.inner_gap(x);
            }
            self.since[x] += 1;
        }
        Ok(())
    }
}

impl Solver for Magnet {
    fn step(&mut self, oracle: &mut dyn Oracle, _rng: &mut Rng) -> Result<Progress, StepError> {
        oracle.win_rates(&self.state.policy, &mut self.state.gain);
        self.shift_if_solved()?;
        let pull = self.eta * self.tau;
        {
            let Self { state: Iterates { policy, played, reference, gain }, next, eta, inner, .. } = self;
            let anchors = [(1.0 - pull, &*policy), (pull, &*reference)];
            match inner {
                Inner::Omd => {
                    played.copy_from(policy);
                    logit_step(next, &anchors, *eta, gain)?;
                }
                Inner::Egpo => {
                    logit_step(played, &anchors, *eta, gain)?;
                    oracle.win_rates(played, gain);
                    logit_step(next, &anchors, *eta, gain)?;
                }
            }
            std::mem::swap(policy, next);
        }
        if let Period::Steps(steps) = self.period {
            // all contexts keep the same time
            self.since.iter_mut().for_each(|s| *s += 1);
            if self.since[0] >= steps {
                self.shift(&vec![true; self.since.len()])?;
            }
        }
        Ok(Progress::Continue)
    }

    fn policy(&self) -> &Policy {
        &self.state.policy
    }

    fn played(&self) -> &Policy {
        &self.state.played
    }

    fn step_cost(&self) -> Cost {
        let queries = match self.inner {
            Inner::Omd => 1,
            Inner::Egpo => 2,
        };
        Cost { queries, duels: 0 }
    }

    fn period(&self) -> u64 {
        match self.period {
            Period::Steps(steps) => u64::from(steps),
            Period::Solved(_) => 1,
        }
    }
}

/// The step for which an inner method is proved to contract: that of `omd`, or that of `egpo`.
pub(crate) fn proved_step(inner: Inner, tau: f64) -> f64 {
    match inner {
        Inner::Omd => tau / (tau * tau + 0.25),
        Inner::Egpo => (1.0 / (2.0 * tau + 1.0)).min(0.5),
    }
}
