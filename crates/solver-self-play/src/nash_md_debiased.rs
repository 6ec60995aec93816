//! Nash-MD without its bias: run at a smaller temperature, read the mixture.
//!
//! ```text
//! tau_run   = tau / (1 + eta tau),    m = eta tau_run
//! theta_t+1 = log rho_t + eta P rho_t,    rho_t+1 propto pi_t+1^(1 - m) mu^m          answer: rho
//! ```
//!
//! Method: Munos et al. 2023, arXiv:2312.00886, with one correction that is ours. In Nash-MD with step eta and
//! temperature tau_run the mixture rho_t is mirror descent with `eta' = eta (1 - m)` at the temperature
//! `tau' = tau_run / (1 - m)`, exactly; the choice above makes `tau' = tau`. So rho goes to the equilibrium of tau, while
//! `nash-md` at tau goes beside it. In closed form the step is that of `mmd` with `mmd_eta = eta`.
//! Symbols: eta = `step_size`, tau and mu = the task's. rho_1 = the start.
//! Guarantee: that of `mmd`: `KL(pi* || rho_t) <= (1 + eta tau)^-t KL(pi* || rho_1)` for `eta <= 4 tau` (`theorem`).
//! Cost: one query a step, at rho. Range: any `eta > 0`; `tau = 0` is `mwu`. Deviations: the two named.

use equipoise_core::kernel::{Iterates, logit_step};
use equipoise_core::step_size::{StepRange, StepTheory};
use equipoise_core::{
    Aim, BuildError, Built, Cost, Guarantee, Oracle, Policy, Progress, Rng, Solver, SolverConfig,
    SolverEntry, StepError, StepSize, Task, local,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of `nash-md-debiased`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// eta, the factor of the win rates: a number above 0, `theorem` (4 tau) or `stability`.
    pub step_size: StepSize,
}

impl Default for Config {
    fn default() -> Self {
        Self { step_size: StepSize::Value(0.1) }
    }
}

impl SolverConfig for Config {
    fn build(self, task: &Task) -> Result<Built, BuildError> {
        let tau = task.tau;
        let theorem = || match tau {
            0.0 => Err("the proved step is 4 tau, and tau is 0; give a number".into()),
            _ => Ok(4.0 * tau),
        };
        let modulus = |eta, omega| modulus(eta, tau, omega);
        let eta = self.step_size.resolve(
            task,
            &StepTheory { range: StepRange::Positive, theorem: &theorem, modulus: Some(&modulus) },
        )?;
        let config = Self { step_size: eta.into() };
        let state = Iterates::new(task);
        let unmixed = state.policy.clone();
        let pull = eta * task.tau;
        let mixture = pull / (1.0 + pull);
        // 1 - mixture has lost its digits where the mixture is near 1
        let own = if pull <= 1.0 { 1.0 - mixture } else { 1.0 / (1.0 + pull) };
        Ok(Built::new(&config, Debiased { state, unmixed, eta, tau: task.tau, mixture, own }))
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "nash-md-debiased",
    "nash-md at temperature tau / (1 + eta tau), answering with its mixture; = mmd",
    "Munos et al. 2023, arXiv:2312.00886, corrected",
)
.aims(Aim::Regularised, Guarantee::Last)
.contexts_apart()
.costs("1 query")
.verified("identity with mmd, fixed point at the regularised equilibrium");

fn modulus(eta: f64, tau: f64, omega: f64) -> f64 {
    local::mirror_descent(eta / (1.0 + eta * tau), tau, omega)
}

struct Debiased {
    /// `policy` and `played` are mixtures.
    state: Iterates,
    /// pi_{t+1}.
    unmixed: Policy,
    eta: f64,
    tau: f64,
    mixture: f64,
    /// `1 - mixture`.
    own: f64,
}

impl Solver for Debiased {
    fn step(&mut self, oracle: &mut dyn Oracle, _rng: &mut Rng) -> Result<Progress, StepError> {
        self.state.play();
        let Iterates { policy, played, reference, gain } = &mut self.state;
        oracle.win_rates(played, gain);
        logit_step(&mut self.unmixed, &[(1.0, played)], self.eta, gain)?;
        let (own, mixture) = (self.own, self.mixture);
        policy.set_logits(|logits| {
            let (pi, mu) = (self.unmixed.log_probs_slice(), reference.log_probs_slice());
            for ((t, l), r) in logits.iter_mut().zip(pi).zip(mu) {
                *t = own * l + mixture * r;
            }
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

    fn local_modulus(&self, omega: f64) -> Option<f64> {
        Some(modulus(self.eta, self.tau, omega))
    }
}
