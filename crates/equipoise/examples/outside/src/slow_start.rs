//! Slow start: multiplicative weights whose first step is short.
//!
//! ```text
//! pi_{t+1} proportional to pi_t exp(eta_t q(pi_t)),   eta_0 = eta / 10, eta_t = eta after
//! ```
//!
//! One query a step. `eta` is `step_size`.

use equipoise::prelude::*;

/// Parameters.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(crate = "equipoise::serde", default, deny_unknown_fields)]
#[schemars(crate = "equipoise::schemars")]
pub struct Config {
    /// Step size eta > 0 on the win rates, at most 100.
    pub step_size: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self { step_size: 0.5 }
    }
}

impl SolverConfig for Config {
    fn build(self, task: &Task) -> Result<Built, BuildError> {
        let eta = self.step_size;
        ensure(eta > 0.0 && eta <= 100.0, "step_size", eta, "must be above 0 and at most 100")?;
        let (policy, q) = (task.start.clone(), Array1::zeros(task.shape().len()));
        Ok(Built::new(&self, SlowStart { played: policy.clone(), policy, q, eta, next: eta / 10.0 }))
    }
}

/// The row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "slow-start",
    "multiplicative weights with a short first step",
    "example; multiplicative weights are doi:10.1006/game.1999.0738",
)
.aims(Aim::Original, Guarantee::Average)
.costs("1 query")
.verified("conformance");

struct SlowStart {
    policy: Policy,
    played: Policy,
    q: Array1<f64>,
    eta: f64,
    next: f64,
}

impl Solver for SlowStart {
    fn step(&mut self, oracle: &mut dyn Oracle, _: &mut Rng) -> Result<Progress, StepError> {
        oracle.win_rates(&self.policy, &mut self.q);
        self.played.copy_from(&self.policy);
        let eta = self.next;
        self.policy.set_logits(|l| l.iter_mut().zip(&self.q).for_each(|(l, q)| *l += eta * q))?;
        self.next = self.eta;
        Ok(Progress::Continue)
    }

    fn policy(&self) -> &Policy {
        &self.policy
    }

    fn played(&self) -> &Policy {
        &self.played
    }

    fn step_cost(&self) -> Cost {
        Cost { queries: 1, duels: 0 }
    }
}
