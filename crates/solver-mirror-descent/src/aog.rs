//! AOG: accelerated optimistic gradient, optimistic gradient pulled back to its start ever more weakly.
//!
//! ```text
//! x_t = Proj(z_{t-1} + eta g_{t-1} + (z_0 - z_{t-1}) / (t + 1))
//! z_t = Proj(z_{t-1} + eta g_t     + (z_0 - z_{t-1}) / (t + 1))        g_t = K x_t,  x_0 = z_0 = the start
//! ```
//!
//! Paper: Cai, Zheng 2023, arXiv:2301.13120. Symbols: eta = `step_size`. The policy is x, where the next query is made;
//! the first step only predicts, z moves from the second on.
//! Guarantee: last iterate, `O(1 / T)` with no constant of the instance, for small enough eta; `theorem` is OGDA's
//! `1 / (2 |K|_2)`, at which the rate is audited (the paper's own constant was not read).
//! Cost: one query a step and two projections, O(n log n). Range: `eta > 0`. Policies leave the interior. The task's
//! `tau` is not used. Deviations: none known.

use equipoise_core::kernel::Iterates;
use equipoise_core::simplex::project;
use equipoise_core::step_size::{StepRange, StepRule, StepTheory};
use equipoise_core::{
    Aim, BuildError, Built, Cost, Guarantee, Oracle, Policy, Progress, Rng, Solver, SolverConfig,
    SolverEntry, StepError, StepSize, Task,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of `aog`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// eta, the factor of the win rates: a number above 0 or `theorem` (1 / (2 |K|_2)).
    pub step_size: StepSize,
}

impl Default for Config {
    fn default() -> Self {
        Self { step_size: StepSize::Rule(StepRule::Theorem) }
    }
}

impl SolverConfig for Config {
    fn build(self, task: &Task) -> Result<Built, BuildError> {
        let theorem = || Ok(0.5 / task.operator_norm_bound());
        let eta = self
            .step_size
            .resolve(task, &StepTheory { range: StepRange::Positive, theorem: &theorem, modulus: None })?;
        let config = Self { step_size: eta.into() };
        let base = task.start.probs().to_vec();
        Ok(Built::new(
            &config,
            Aog {
                state: Iterates::new(task),
                first: base.clone(),
                base,
                rounds: 0.0,
                eta,
                scratch: Vec::new(),
            },
        ))
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "aog",
    "optimistic gradient pulled back to its start ever more weakly",
    "Cai, Zheng 2023, arXiv:2301.13120",
)
.aims(Aim::Original, Guarantee::Last)
.reaches_boundary()
.contexts_apart()
.costs("1 query")
.verified("1 / T last iterate on random games and on games with many equilibria");

struct Aog {
    /// `policy` is x_{t+1}, `played` x_t.
    state: Iterates,
    /// z_0 and z_t, flat over the shape.
    first: Vec<f64>,
    base: Vec<f64>,
    /// Queries answered.
    rounds: f64,
    eta: f64,
    scratch: Vec<f64>,
}

impl Solver for Aog {
    fn step(&mut self, oracle: &mut dyn Oracle, _rng: &mut Rng) -> Result<Progress, StepError> {
        self.state.play();
        let Self { state: Iterates { policy, played, gain, .. }, first, base, rounds, eta, scratch } = self;
        oracle.win_rates(played, gain);
        let mut ascend = |z: &mut [f64], t: f64| {
            for ((z, q), start) in z.iter_mut().zip(&*gain).zip(&*first) {
                *z += *eta * (q - 0.5) + (start - *z) / (t + 1.0);
            }
            for range in played.shape().ranges() {
                project(&mut z[range], scratch);
            }
        };
        if *rounds > 0.0 {
            ascend(base, *rounds);
        }
        *rounds += 1.0;
        policy.set_probs(|x| {
            x.copy_from_slice(base);
            ascend(x, *rounds);
        })?;
        Ok(Progress::Continue)
    }

    fn policy(&self) -> &Policy {
        &self.state.policy
    }

    fn played(&self) -> &Policy {
        &self.state.played
    }

    fn step_cost(&self) -> Cost {
        Cost { queries: 1, duels: 0 }
    }
}
