//! Nash-MD: mirror descent against a geometric mixture with the reference.
//!
//! ```text
//! rho_t     propto pi_t^(1 - m) mu^m                                   the opponent, m = `mixture`
//! theta_t+1 = (1 - eta tau) theta_t + eta tau log mu + eta P rho_t
//! ```
//!
//! Paper: Munos et al. 2023, arXiv:2312.00886, where the step starts from the mixture: `m = eta tau`, the default, makes
//! the two anchor terms equal to `log rho_t`. Symbols: eta = `step_size`, tau and mu = the task's. The simulation
//! published with EGPO (arXiv:2503.08942) mixes with half of that, `m = 2 lr / n` at `eta tau = 4 lr / n`, and keeps the
//! anchor: hence an exponent of its own.
//!
//! Guarantee (default mixture): last iterate, `KL(pi* || pi_t+1) <= (1 - eta tau) KL(pi* || pi_t) + 2 eta^2`; with the
//! falling steps `2 / (tau (t + 2))` (`falling: true`) the paper gets `8 / (tau^2 (T + 1))`. The floor of a constant step is
//! real: `rho_t` is mirror descent with `eta' = eta (1 - eta tau)` and `tau' = tau / (1 - eta tau)` exactly, so it goes
//! to the equilibrium of tau', and `pi_t` to the best response to that, not to the equilibrium of tau. To remove the
//! bias run at `tau / (1 + eta tau)` and read the mixture.
//! `theorem`: the constant step for which that inequality, iterated T times, is least:
//! `D exp(-eta tau T) + 2 eta / tau`, `D = max_i -log pi_1(i)`, hence `eta tau = log(D tau^2 T / 2) / T`.
//! `stability`: the spectrum that is known is that at the equilibrium of tau, where a mixed run does not end, and its own fixed point
//! moves with the step. There the multipliers are `1 - eta tau + eta (1 - m) i omega`, i omega an eigenvalue of `K C`, C the covariance
//! of a choice, and `omega <= |K|_2 |C|_2 <= |K|_2 / 2` wherever that is: half a limit for this omega is stable.
//! Cost: one query a step, at rho. Range: `eta tau <= 1`, `0 <= mixture <= 1`; at `tau = 0` the default is `mwu`.
//! Deviations: none.

use equipoise_core::kernel::{Iterates, geometric_mixture, logit_step};
use equipoise_core::registry::ensure;
use equipoise_core::step_size::{StepRange, StepTheory};
use equipoise_core::{
    Aim, BuildError, Built, Cost, Guarantee, Oracle, Policy, Progress, Rng, Solver, SolverConfig,
    SolverEntry, StepError, StepSize, Task,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::hedge;

/// Parameters of `nash-md`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// eta, the factor of the win rates: a number with eta tau <= 1, `theorem` (log(D tau^2 T / 2) / (tau T),
    /// T = limits.steps, D = max -log start) or `stability`.
    pub step_size: StepSize,
    /// Exponent of the reference in the opponent mixture, in [0, 1]; unset: step_size * tau, as in the paper.
    pub mixture: Option<f64>,
    /// Whether the step falls as in the paper's theorem, 2 / (tau (t + 2)) at step t from 0; `step_size` is then not used.
    pub falling: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { step_size: StepSize::Value(0.1), mixture: None, falling: false }
    }
}

impl SolverConfig for Config {
    fn build(self, task: &Task) -> Result<Built, BuildError> {
        if let Some(m) = self.mixture {
            ensure((0.0..=1.0).contains(&m), "mixture", m, "must be in [0, 1]")?;
        }
        let theorem = || proved_step(task.tau, hedge::radius(task), hedge::horizon(task)?);
        let modulus = |eta, omega| {
            let mixture = self.mixture.unwrap_or(eta * task.tau);
            let omega = if mixture == 0.0 { omega } else { 0.5 * task.operator_norm_bound() };
            modulus(eta, task.tau, mixture, omega)
        };
        let (eta, mixture) = if self.falling {
            ensure(task.tau > 0.0, "falling", true, "needs tau above 0")?;
            ensure(self.mixture.is_none(), "mixture", "a number", "falls with the step; leave it out")?;
            // the first of its steps
            (1.0 / task.tau, None)
        } else {
            let eta = self.step_size.resolve(
                task,
                &StepTheory { range: StepRange::UpToInverseTau, theorem: &theorem, modulus: Some(&modulus) },
            )?;
            (eta, Some(self.mixture.unwrap_or(eta * task.tau)))
        };
        let config = Self { step_size: eta.into(), mixture, ..self };
        let mixture = mixture.unwrap_or(eta * task.tau);
        let state = Iterates::new(task);
        let next = state.policy.clone();
        Ok(Built::new(
            &config,
            NashMd { state, next, eta, tau: task.tau, mixture, falling: config.falling.then_some(0.0) },
        ))
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "nash-md",
    "mirror descent against a geometric mixture with the reference",
    "Munos et al. 2023, arXiv:2312.00886",
)
.aims(Aim::Regularised, Guarantee::Last)
.biased_fixed_point()
.contexts_apart()
.costs("1 query")
.verified("golden numbers, the published EGPO simulation to 1e-10, exact bias identity, its per-step bound");

/// The constant step with the least proved bound after `horizon` steps.
fn proved_step(tau: f64, radius: f64, horizon: f64) -> Result<f64, String> {
    if tau == 0.0 {
        return Err("the bound needs tau above 0; give a number".into());
    }
    let ratio = 0.5 * radius * tau * tau * horizon;
    if ratio <= 1.0 {
        let needed = 2.0 / (radius * tau * tau);
        return Err(format!(
            "the bound says nothing within {horizon} steps, it needs more than {needed:.0}; give a number"
        ));
    }
    Ok((ratio.ln() / horizon).min(1.0) / tau)
}

/// Multiplier `a + z (1 - m)`: the opponent moves by `1 - m` of what the policy moves. At `m = eta tau` it is
/// `a (1 + z)`, [`equipoise_core::local::nash_md`].
fn modulus(eta: f64, tau: f64, mixture: f64, omega: f64) -> f64 {
    (1.0 - eta * tau).hypot(eta * omega * (1.0 - mixture))
}

struct NashMd {
    /// `played` is the mixture rho_t.
    state: Iterates,
    next: Policy,
    eta: f64,
    tau: f64,
    mixture: f64,
    /// Steps done, where the step falls with them.
    falling: Option<f64>,
}

impl Solver for NashMd {
    fn step(&mut self, oracle: &mut dyn Oracle, _rng: &mut Rng) -> Result<Progress, StepError> {
        if let Some(t) = &mut self.falling {
            self.eta = 2.0 / (self.tau * (*t + 2.0));
            self.mixture = self.eta * self.tau;
            *t += 1.0;
        }
        let Self {
            state: Iterates { policy, played: rho, reference, gain }, next, eta, tau, mixture, ..
        } = self;
        geometric_mixture(rho, policy, reference, *mixture)?;
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
        // mixed with the reference it goes beside the equilibrium, where the spectrum is another and no gap falls to 0; a
        // falling step has no constant multiplier
        let at_equilibrium = self.mixture == 0.0 && self.falling.is_none();
        at_equilibrium.then(|| modulus(self.eta, self.tau, self.mixture, omega))
    }

    fn notes(&self) -> Vec<String> {
        if self.mixture == 0.0 || self.falling.is_some() {
            return Vec::new();
        }
        vec![format!(
            "converges beside the regularised equilibrium, not to it, because the opponent is mixed with the reference \
             (mixture = {}); the bias falls with the step size",
            self.mixture
        )]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use equipoise_core::local;

    #[test]
    fn the_proved_step_minimises_its_bound() {
        let (tau, radius, horizon) = (0.1, 5.0f64.ln(), 20_000.0);
        let bound = |eta: f64| radius * (-eta * tau * horizon).exp() + 2.0 * eta / tau;
        let eta = proved_step(tau, radius, horizon).unwrap();
        assert!([0.9, 0.99, 1.01, 1.1].iter().all(|f| bound(eta * f) > bound(eta)));
        assert!(proved_step(0.0, radius, horizon).unwrap_err().contains("tau above 0"));
        assert!(proved_step(tau, radius, 100.0).unwrap_err().contains("more than 124"));
    }

    #[test]
    fn the_default_mixture_has_the_multiplier_of_the_paper() {
        let (eta, tau, omega) = (0.5, 0.2, 0.3);
        approx::assert_relative_eq!(modulus(eta, tau, eta * tau, omega), local::nash_md(eta, tau, omega));
    }
}
