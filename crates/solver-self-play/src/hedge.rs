//! The multiplicative-weights step, written once for the methods that are equal to it in the tabular case.
//!
//! ```text
//! theta_{t+1} = theta_t + eta q(pi_t)
//! ```

use equipoise_core::kernel::Iterates;
use equipoise_core::step_size::{StepRange, StepTheory};
use equipoise_core::{
    BuildError, Cost, Oracle, Policy, Progress, Rng, Solver, StepError, StepSize, Task, local,
};

/// Self-play with a fixed step.
pub(crate) struct Hedge {
    state: Iterates,
    eta: f64,
}

impl Hedge {
    /// At the start of `task`.
    pub(crate) fn new(task: &Task, eta: f64) -> Self {
        Self { state: Iterates::new(task), eta }
    }
}

impl Solver for Hedge {
    fn step(&mut self, oracle: &mut dyn Oracle, _rng: &mut Rng) -> Result<Progress, StepError> {
        self.state.play();
        oracle.win_rates(&self.state.played, &mut self.state.gain);
        self.state.mirror_step(self.eta, 0.0)?;
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
        Some(local::mirror_descent(self.eta, 0.0, omega))
    }

    fn notes(&self) -> Vec<String> {
        notes()
    }
}

/// `D = max_i -log pi_1(i)` over all contexts: at least the KL from any policy to the start, `log n` if that is uniform.
pub(crate) fn radius(task: &Task) -> f64 {
    task.start.log_probs().iter().fold(0.0, |d: f64, l| d.max(-l))
}

/// The planned number of steps, which the proved step sizes of this crate need.
pub(crate) fn horizon(task: &Task) -> Result<f64, String> {
    match task.horizon {
        Some(steps) if steps > 0 => Ok(steps as f64),
        _ => Err("the proved step depends on the number of steps; set limits.steps, or give a number".into()),
    }
}

/// Resolves a canonical step: `proved(D, T)` for `theorem`, and the reason why there is none for `stability`.
pub(crate) fn resolve(
    step: StepSize,
    task: &Task,
    proved: impl Fn(f64, f64) -> f64,
) -> Result<f64, BuildError> {
    let theorem = || {
        let (radius, horizon) = (radius(task), horizon(task)?);
        if radius == 0.0 {
            return Err("every context has one action, so no step moves anything; give a number".into());
        }
        Ok(proved(radius, horizon))
    };
    let modulus = |eta, omega| local::mirror_descent(eta, 0.0, omega);
    step.resolve(task, &StepTheory { range: StepRange::Positive, theorem: &theorem, modulus: Some(&modulus) })
}

/// Hedge's own rule: `sqrt(8 D / T)` minimises `2 (D / (eta T) + eta / 8)`.
pub(crate) fn hedge_step(radius: f64, horizon: f64) -> f64 {
    (8.0 * radius / horizon).sqrt()
}

/// What a user of multiplicative weights must know.
pub(crate) fn notes() -> Vec<String> {
    let note = "only the average iterate converges: around an interior equilibrium the last one moves outward at every \
                step size";
    vec![note.to_owned()]
}
