//! Halpern extragradient, restarted: each step is pulled back to the anchor, ever more weakly.
//!
//! ```text
//! T(z) = Proj(z + eta K Proj(z + eta K z)),    z_{k+1} = (k + 1) / (k + 2) T(z_k) + 1 / (k + 2) z_0
//! restart: z_0 <- T(z_k), k <- 0  once  |z_k - T(z_k)| <= 0.4 |z_0 - T(z_0)|
//! ```
//!
//! Papers: Halpern 1967; for extragradient Yoon, Ryu 2021, arXiv:2102.07922; restarts Applegate et al. 2021, arXiv:2105.12715.
//! Symbols: eta = `step_size`, 0.4 = `restart`. Guarantee: without restarts the residual falls as 1 / k; with them the last
//! iterate is linear on every matrix game. Steps up to `1 / |K|_2`; `theorem` is 0.9 of it.
//! Cost: two queries a step and two projections. Range: `eta > 0`, restart in [0, 1); 0 never restarts. Policies leave the
//! interior. The task's `tau` is not used. Deviations: the anchored half step of Yoon and Ryu is replaced by Halpern's
//! iteration of the whole extragradient map; each context restarts by itself.

use equipoise_core::flat::Flat as _;
use equipoise_core::kernel::Iterates;
use equipoise_core::registry::ensure;
use equipoise_core::step_size::StepRule;
use equipoise_core::{
    Aim, BuildError, Built, Cost, Guarantee, Oracle, Policy, Progress, Rng, Solver, SolverConfig,
    SolverEntry, StepError, StepSize, Task,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::euclid::{self, ascend};

/// Parameters of `halpern-eg`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// eta, the factor of the win rates: a number above 0 or `theorem` (0.9 / |K|_2).
    pub step_size: StepSize,
    /// The share to which the residual must fall before a restart, in [0, 1); 0 never restarts.
    pub restart: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self { step_size: StepSize::Rule(StepRule::Theorem), restart: 0.4 }
    }
}

impl SolverConfig for Config {
    fn build(self, task: &Task) -> Result<Built, BuildError> {
        ensure((0.0..1.0).contains(&self.restart), "restart", self.restart, "must be in [0, 1)")?;
        let eta = euclid::resolve(self.step_size, task)?;
        let config = Self { step_size: eta.into(), ..self };
        let anchor = task.start.probs().to_vec();
        let contexts = task.shape().contexts();
        Ok(Built::new(
            &config,
            HalpernEg {
                state: Iterates::new(task),
                half: task.start.clone(),
                mapped: anchor.clone(),
                anchor,
                rounds: vec![0.0; contexts],
                residuals: vec![f64::NAN; contexts],
                eta,
                restart: config.restart,
                scratch: Vec::new(),
            },
        ))
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "halpern-eg",
    "projected extragradient pulled back to an anchor that restarts",
    "Yoon, Ryu 2021, arXiv:2102.07922; Applegate et al. 2021, arXiv:2105.12715",
)
.aims(Aim::Original, Guarantee::Last)
.reaches_boundary()
.contexts_apart()
.costs("2 queries")
.verified("linear convergence on random games and on games with many equilibria");

struct HalpernEg {
    /// `policy` is z_k, `played` the last half point.
    state: Iterates,
    half: Policy,
    /// z_0 and T(z_k), flat over the shape.
    anchor: Vec<f64>,
    mapped: Vec<f64>,
    /// k and |z_0 - T(z_0)| of each context; NaN right after a restart.
    rounds: Vec<f64>,
    residuals: Vec<f64>,
    eta: f64,
    restart: f64,
    scratch: Vec<f64>,
}

impl Solver for HalpernEg {
    fn step(&mut self, oracle: &mut dyn Oracle, _rng: &mut Rng) -> Result<Progress, StepError> {
        let Self { state: Iterates { policy, played, gain, .. }, half, anchor, mapped, eta, scratch, .. } =
            self;
        let shape = policy.shape().clone();
        oracle.win_rates(policy, gain);
        let z = policy.probs_slice();
        half.set_probs(|h| {
            let gain = gain.flat();
            for range in shape.ranges() {
                ascend(&mut h[range.clone()], &z[range.clone()], &gain[range], *eta, scratch);
            }
        })?;
        std::mem::swap(played, half);
        oracle.win_rates(played, gain);
        let gain = gain.flat();
        for range in shape.ranges() {
            ascend(&mut mapped[range.clone()], &z[range.clone()], &gain[range], *eta, scratch);
        }
        let (rounds, residuals, restart) = (&mut self.rounds, &mut self.residuals, self.restart);
        policy.set_probs(|z| {
            for (x, range) in shape.ranges().enumerate() {
                let residual = range.clone().map(|k| (z[k] - mapped[k]).powi(2)).sum::<f64>().sqrt();
                if residuals[x].is_nan() {
                    residuals[x] = residual;
                }
                if rounds[x] > 0.0 && residual <= restart * residuals[x] {
                    // the mapped point is the new anchor, and the next iterate
                    (rounds[x], residuals[x]) = (0.0, f64::NAN);
                    for k in range {
                        (anchor[k], z[k]) = (mapped[k], mapped[k]);
                    }
                    continue;
                }
                let pull = 1.0 / (rounds[x] + 2.0);
                for k in range {
                    z[k] = (1.0 - pull) * mapped[k] + pull * anchor[k];
                }
                rounds[x] += 1.0;
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
        Cost { queries: 2, duels: 0 }
    }
}
