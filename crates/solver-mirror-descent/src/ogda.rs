//! OGDA: optimistic gradient in Popov's form, projected onto the simplex, on the original game.
//!
//! ```text
//! x_t = Proj(z_{t-1} + eta g_{t-1}),   g_t = K x_t,   z_t = Proj(z_{t-1} + eta g_t),   g_0 = K z_0
//! ```
//!
//! Paper: Popov 1980; Wei et al. 2021, arXiv:2006.09517; Cai, Oikonomou, Zheng 2022, arXiv:2204.09228. Symbols: eta =
//! `step_size`. Guarantee: last iterate, linear on ANY matrix game without uniqueness, `O(1/sqrt T)` universally, for
//! `eta <= 1/(2 ||K||_2)`. The norm is not known to a solver that only asks an oracle; `theorem` uses
//! `||K||_2 <= n/2`, which is safe and small: a number near `1/(2 ||K||_2)` is far faster.
//! Cost: one query a step (one more in the first, for g_0) and a projection, O(n log n). The task's `tau` is not used.
//! Deviations: none. Policies leave the interior, so log-probabilities may be -inf.

use equipoise_core::kernel::Iterates;
use equipoise_core::simplex::project;
use equipoise_core::step_size::StepRule;
use equipoise_core::{
    Aim, BuildError, Cost, Iterate, Oracle, Policy, Progress, Rng, Solver, SolverConfig, SolverEntry, StepError,
    StepSize, Task,
};
use ndarray::Array1;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of `ogda`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// eta, the factor of the win rates: a number above 0 or `theorem` (1/n, from ||K||_2 <= n/2).
    pub step_size: StepSize,
}

impl Default for Config {
    fn default() -> Self {
        Self { step_size: StepSize::Rule(StepRule::Theorem) }
    }
}

impl SolverConfig for Config {
    fn resolve(self, task: &Task) -> Result<Self, BuildError> {
        let theorem = || {
            let shape = task.shape();
            let n = (0..shape.contexts()).map(|x| shape.actions(x)).max().unwrap_or(1);
            Ok(1.0 / n as f64)
        };
        Ok(Self { step_size: self.step_size.resolve("step_size", task, false, theorem, None)? })
    }

    fn build(self, task: &Task) -> Box<dyn Solver> {
        let state = Iterates::new(task);
        let eta = self.step_size.value().expect("a resolved step size is a number");
        let base = task.start.probs().clone();
        Box::new(Ogda { state, base, started: false, eta, scratch: Vec::new() })
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "ogda",
    "optimistic gradient with Euclidean projection (Popov)",
    "Wei et al. 2021, arXiv:2006.09517",
)
.aims(Aim::Original, Iterate::Last)
.costs("1 query")
.verified("golden numbers, pure equilibria reached exactly");

struct Ogda {
    /// `policy` is x_t, `gain` the win rates there.
    state: Iterates,
    /// z_t, flat over the shape.
    base: Array1<f64>,
    started: bool,
    eta: f64,
    scratch: Vec<f64>,
}

impl Ogda {
    /// `target = Proj(z + eta gain)`, row by row. The projection is invariant to shifts, so win rates serve as margins.
    fn ascend(z: &Array1<f64>, eta: f64, gain: &Array1<f64>, target: &mut [f64], policy: &Policy, scratch: &mut Vec<f64>) {
        for ((t, z), g) in target.iter_mut().zip(z).zip(gain) {
            *t = z + eta * (g - 0.5);
        }
        for range in policy.shape().ranges() {
            project(&mut target[range], scratch);
        }
    }
}

impl Solver for Ogda {
    fn step(&mut self, oracle: &mut dyn Oracle, _rng: &mut Rng) -> Result<Progress, StepError> {
        let Self { state: Iterates { policy, played, gain, .. }, base, started, eta, scratch } = self;
        if !*started {
            *started = true;
            oracle.win_rates(policy, gain); // g_0 = K z_0
        }
        let (z, g) = (&*base, &*gain);
        played.set_probs(|x| Self::ascend(z, *eta, g, x, policy, scratch))?;
        oracle.win_rates(played, gain);
        let mut next = base.clone();
        Self::ascend(base, *eta, gain, next.as_slice_mut().expect("contiguous"), policy, scratch);
        *base = next;
        policy.copy_from(played);
        Ok(Progress::Continue)
    }

    fn policy(&self) -> &Policy {
        &self.state.policy
    }

    fn played(&self) -> &Policy {
        &self.state.played
    }

    fn step_cost(&self) -> Cost {
        // the first step asks once more, for g_0
        Cost { queries: 1 + u64::from(!self.started), duels: 0 }
    }
}
