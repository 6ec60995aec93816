//! Nash-MD: mirror descent against a geometric mixture with the reference.
//!
//! ```text
//! rho_t     propto pi_t^(1 - m) mu^m                                   the opponent, m = `mixture`
//! theta_t+1 = (1 - eta tau) theta_t + eta tau log mu + eta P rho_t
//! ```
//!
//! Paper: Munos et al. 2023, arXiv:2312.00886, eqs. (4)-(5), where the anchor IS the mixture: `m = eta tau`, the
//! default. Symbols: eta = `step_size`, tau = the task's. The simulation code published with EGPO takes half of that
//! exponent (`mixture: 2 lr / n` with a step of `4 lr / n`), which is why the exponent is a parameter of its own.
//!
//! Guarantee: last iterate, `KL(pi* || pi_t+1) <= (1 - eta tau) KL(pi* || pi_t) + 2 eta^2`. With a constant step the
//! floor is real: `rho_t` is mirror descent with `eta' = eta (1 - eta tau)` and `tau' = tau / (1 - eta tau)`, so it
//! converges to the equilibrium of tau' and `pi_t` to its best response, not to the equilibrium of tau.
//! `theorem` is the last of the decreasing steps for which the rate is proved, `2 / (tau (T + 2))`.
//! Cost: one query a step, at rho. Range: `eta tau <= 1`, `0 <= mixture <= 1`, `tau > 0` unless `mixture` is given.

use equipoise_core::kernel::{Iterates, logit_step};
use equipoise_core::registry::ensure;
use equipoise_core::{
    Aim, BuildError, Cost, Iterate, Oracle, Policy, Progress, Rng, Solver, SolverConfig, SolverEntry, StepError,
    StepSize, Task, local,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of `nash-md`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// eta, the factor of the win rates: a number with eta tau <= 1, `theorem` (2 / (tau (T + 2))) or `stability`.
    pub step_size: StepSize,
    /// Exponent of the reference in the opponent mixture, in [0, 1]; unset: step_size * tau, as in the paper.
    pub mixture: Option<f64>,
}

impl Default for Config {
    fn default() -> Self {
        Self { step_size: StepSize::Value(0.1), mixture: None }
    }
}

impl SolverConfig for Config {
    fn resolve(self, task: &Task) -> Result<Self, BuildError> {
        let theorem = || match task.horizon {
            _ if task.tau == 0.0 => Err("the proved step is 2 / (tau (T + 2)), and tau is 0; give a number".into()),
            None => Err("the proved step needs the number of steps; set limits.steps or give a number".into()),
            Some(horizon) => Ok(2.0 / (task.tau * (horizon as f64 + 2.0))),
        };
        let modulus = |eta, omega| local::nash_md(eta, task.tau, omega);
        let step_size = self.step_size.resolve("step_size", task, true, theorem, Some(&modulus))?;
        let eta = step_size.value().expect("a resolved step size is a number");
        let mixture = self.mixture.unwrap_or(eta * task.tau);
        ensure((0.0..=1.0).contains(&mixture), "mixture", mixture, "must lie in [0, 1]")?;
        Ok(Self { step_size, mixture: Some(mixture) })
    }

    fn build(self, task: &Task) -> Box<dyn Solver> {
        let eta = self.step_size.value().expect("a resolved step size is a number");
        let mixture = self.mixture.expect("a resolved mixture is a number");
        let state = Iterates::new(task);
        let next = state.policy.clone();
        Box::new(NashMd { state, next, eta, tau: task.tau, mixture })
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "nash-md",
    "mirror descent against a geometric mixture with the reference",
    "Munos et al. 2023, arXiv:2312.00886, eqs. (4)-(5)",
)
.aims(Aim::Regularised, Iterate::Last)
.costs("1 query")
.verified("golden numbers, published EGPO simulation, exact bias identity");

struct NashMd {
    /// `played` is the mixture rho_t.
    state: Iterates,
    next: Policy,
    eta: f64,
    tau: f64,
    mixture: f64,
}

impl Solver for NashMd {
    fn step(&mut self, oracle: &mut dyn Oracle, _rng: &mut Rng) -> Result<Progress, StepError> {
        let Self { state: Iterates { policy, played: rho, reference, gain }, next, eta, tau, mixture } = self;
        rho.set_logits(|logits| mix(logits, policy, reference, *mixture))?;
        oracle.win_rates(rho, gain);
        logit_step(next, &[(1.0 - *eta * *tau, policy), (*eta * *tau, reference)], *eta, gain)?;
        std::mem::swap(policy, next);
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

    fn local_modulus(&self, omega: f64) -> Option<f64> {
        // a + z (1 - m): the opponent moves by (1 - m) of what the policy moves; m = eta tau gives a (1 + z)
        let a = 1.0 - self.eta * self.tau;
        Some(a.hypot(self.eta * omega * (1.0 - self.mixture)))
    }

    fn notes(&self) -> Vec<String> {
        if self.mixture == 0.0 {
            return Vec::new();
        }
        vec![format!(
            "with a constant step Nash-MD converges beside the regularised equilibrium, not to it: its opponent is mixed \
             with the reference (exponent {})",
            self.mixture
        )]
    }
}

/// Writes the logits of `pi^(1 - m) mu^m`.
pub(crate) fn mix(logits: &mut [f64], pi: &Policy, mu: &Policy, m: f64) {
    for ((t, &l), &r) in logits.iter_mut().zip(pi.log_probs_slice()).zip(mu.log_probs_slice()) {
        *t = (1.0 - m) * l + m * r;
    }
}
