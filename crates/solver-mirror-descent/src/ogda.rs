//! OGDA: optimistic gradient in Popov's form, projected onto the simplex, on the original game.
//!
//! ```text
//! z_t = Proj(z_{t-1} + eta g_t),   x_{t+1} = Proj(z_t + eta g_t),   g_t = K x_t
//! z_0 = x_0 = the start (no step in z from g_0, so x_1 = Proj(x_0 + eta g_0))
//! ```
//!
//! Paper: Popov 1980; Wei et al. 2021, arXiv:2006.09517; Cai, Oikonomou, Zheng 2022, arXiv:2204.09228. Symbols: eta =
//! `step_size`. Guarantee: last iterate, linear on every matrix game, unique equilibrium or not, and `O(1 / sqrt T)` with
//! no constant of the instance, for `eta <= 1 / (2 |K|_2)`.
//!
//! `theorem` is that step where the task knows `|K|_2`. A solver sees no matrix, so without it the rule takes the largest
//! norm that n actions allow: `|K|_2 <= cot(pi / 2n) / 2`, hence `eta = tan(pi / 2n)`. Proof: `|K|_2 = max 2 sum_{i<j} K_ij Im(conj(z_i) z_j)` over complex unit vectors; with
//! `|K_ij| <= 1/2`, and after turning each `z_i` by its sign into the upper half plane and sorting by argument, this is
//! at most its value for the transitive tournament, whose spectrum is `+-(i/2) cot(pi (2k - 1) / 2n)` (Pick 1922;
//! Gregory, Kirkland, Shader 1993 for tournaments). Most games allow far longer steps.
//! Cost: one query a step and two projections, O(n log n). The task's `tau` is not used. Policies leave the interior:
//! log-probabilities may be -inf. Deviations: none.

use equipoise_core::flat::Flat as _;
use equipoise_core::kernel::Iterates;
use equipoise_core::simplex::project;
use equipoise_core::step_size::{StepRange, StepRule, StepTheory};
use equipoise_core::{
    Aim, BuildError, Built, Cost, Guarantee, Oracle, Policy, Progress, Rng, Solver, SolverConfig,
    SolverEntry, StepError, StepSize, Task,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of `ogda`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// eta, the factor of the win rates: a number above 0 or `theorem` (1 / (2 |K|_2); where the norm is not known,
    /// tan(pi / 2n), safe for every game with n actions).
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
            Ogda { state: Iterates::new(task), base, started: false, eta, scratch: Vec::new() },
        ))
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "ogda",
    "optimistic gradient with Euclidean projection (Popov)",
    "Popov 1980; Wei et al. 2021, arXiv:2006.09517",
)
.aims(Aim::Original, Guarantee::Last)
.reaches_boundary()
.contexts_apart()
.costs("1 query")
.verified("golden numbers, linear last iterate on games with a segment of equilibria, its norm bound");

struct Ogda {
    /// `played` is x_t, `policy` x_{t+1}.
    state: Iterates,
    /// z_t, flat over the shape.
    base: Vec<f64>,
    started: bool,
    eta: f64,
    scratch: Vec<f64>,
}

impl Solver for Ogda {
    fn step(&mut self, oracle: &mut dyn Oracle, _rng: &mut Rng) -> Result<Progress, StepError> {
        self.state.play();
        let Self { state: Iterates { policy, played, gain, .. }, base, started, eta, scratch } = self;
        oracle.win_rates(played, gain);
        let gain = gain.flat();
        let mut ascend = |z: &mut [f64]| {
            // the projection takes out what all actions share, so win rates serve as margins
            z.iter_mut().zip(gain).for_each(|(z, q)| *z += *eta * (q - 0.5));
            for range in played.shape().ranges() {
                project(&mut z[range], scratch);
            }
        };
        if *started {
            ascend(base);
        }
        *started = true;
        policy.set_probs(|x| {
            x.copy_from_slice(base);
            ascend(x);
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
