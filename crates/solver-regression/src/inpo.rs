//! INPO: iterative Nash policy optimisation.
//!
//! ```text
//! pi_{t+1} = argmin_pi  E_{y, y' ~ pi_t} E_{(w, l)} ( h_t(pi, y_w, y_l) - 1 / (2 eta_I) )^2
//! ```
//!
//! with the score h_t and the loss on pairs of [`crate::pair_loss`].
//!
//! The population minimiser is unique and equals the mirror step
//!
//! ```text
//! log pi_{t+1} = (1 - tau / eta_I) log pi_t + (tau / eta_I) log mu + (1 / eta_I) P pi_t + const
//! ```
//!
//! since with `u = log pi - anchor` the loss gradient is `4 pi_t,k [u_k - E u - (q_k - 1/2) / eta_I]`, zero exactly at
//! `u = (q - 1/2) / eta_I` up to a shift.
//!
//! Paper: Zhang et al. 2024, arXiv:2407.00617, algorithm 1 and proposition 6. Symbols: eta_I = `inpo_eta` DIVIDES the
//! win rate; ours is `step_size = 1 / inpo_eta`. tau = the task's `tau`, pi_ref = `mu`.
//!
//! `regression: population` takes that closed form; one win-rate query a step. `regression: sampled` draws pairs from
//! pi_t, asks one duel each, and minimises the empirical loss exactly over all policies (see [`crate::least_squares`] for
//! the choice among minimisers when the comparison graph is not connected: untouched actions keep the anchor). Its
//! gradient is unbiased; its minimiser is unbiased up to O(1 / duels).
//!
//! Guarantee: the paper proves O(1/T) in KL for `eta_I,t = tau (t + 2) / 2` (`falling: true`). For a constant step the mirror-descent
//! bound is sharper: `KL_t <= (1 - eta tau)^t KL_0` for `eta <= tau / (tau^2 + 1/4)` (`theorem`; population). Locally
//! stable iff `eta < 2 tau / (tau^2 + w^2)`. At `tau = 0`, `theorem` is the paper's `sqrt(D / T)` for the average iterate,
//! `D = max_i -log pi_0(i)`.
//! Range: `eta tau <= 1`. Deviations: a constant step unless `falling` is set; the inner problem is solved, not descended.

use equipoise_core::Sampler;
use equipoise_core::flat::Flat as _;
use equipoise_core::kernel::Iterates;
use equipoise_core::registry::ensure;
use equipoise_core::step_size::{StepRange, StepTheory};
use equipoise_core::{
    Aim, BuildError, Built, Cost, Duel, Guarantee, Oracle, Policy, Progress, Rng, Solver, SolverConfig,
    SolverEntry, StepError, StepSize, Task, local,
};
use ndarray::Array1;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::least_squares;
use crate::pair_loss::Comparison;
use crate::selection::{best_worst, tournament_duels};

/// How the regression is posed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Regression {
    /// On the distribution: its minimiser in closed form, from one win-rate query.
    #[default]
    Population,
    /// On duels between drawn pairs.
    Sampled,
}

/// Which pairs a sampled regression sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Selection {
    /// Pairs drawn from the policy, one duel each: the paper's theory.
    #[default]
    AllPairs,
    /// Best against worst of `candidates` drawn answers, by a tournament: the paper's practice, biased.
    BestWorst,
}

/// Parameters of `inpo`. Give `step_size` or `inpo_eta`, not both; neither means a step size of 0.1.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// eta = 1 / eta_I, the factor of the win rates: a number with eta tau <= 1, `theorem` (tau / (tau^2 + 1/4)) or
    /// `stability`.
    pub step_size: Option<StepSize>,
    /// eta_I of the paper, which divides the win rates; above 0.
    pub inpo_eta: Option<f64>,
    /// Whether the step falls as in the paper's theorem 4, eta_I = tau (t + 2) / 2 at step t from 0; `step_size` and
    /// `inpo_eta` are then not used.
    pub falling: bool,
    /// `population` (closed form, one win-rate query a step) or `sampled` (duels).
    pub regression: Regression,
    /// Sampled only: duels a step may spend in each context, at least 1; with `best-worst`, as many whole tournaments as
    /// fit.
    pub duels_per_step: u32,
    /// Sampled only: `all-pairs` or `best-worst`.
    pub selection: Selection,
    /// `best-worst` only: answers drawn for each tournament, an even number from 2; costs 3 K / 2 - 1 duels.
    pub candidates: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            step_size: None,
            inpo_eta: None,
            falling: false,
            regression: Regression::Population,
            duels_per_step: 64,
            selection: Selection::AllPairs,
            candidates: 8,
        }
    }
}

impl SolverConfig for Config {
    fn build(self, task: &Task) -> Result<Built, BuildError> {
        let step_size = match (self.step_size, self.inpo_eta) {
            _ if self.falling => {
                ensure(task.tau > 0.0, "falling", true, "needs tau above 0")?;
                // the first of its steps
                StepSize::Value(1.0 / task.tau)
            }
            (Some(_), Some(eta_i)) => {
                return Err(BuildError::range("inpo_eta", eta_i, "give this or `step_size`, not both"));
            }
            (None, Some(eta_i)) => {
                let holds = eta_i > 0.0 && eta_i.is_finite() && eta_i.recip().is_finite();
                ensure(holds, "inpo_eta", eta_i, "must be a finite number above 0")?;
                eta_i.recip().into()
            }
            (given, None) => given.unwrap_or(StepSize::Value(0.1)),
        };
        let modulus = |eta, omega| local::mirror_descent(eta, task.tau, omega);
        let eta = step_size.resolve(
            task,
            &StepTheory {
                range: StepRange::UpToInverseTau,
                theorem: &|| theorem(task),
                modulus: Some(&modulus),
            },
        )?;
        ensure(self.duels_per_step >= 1, "duels_per_step", self.duels_per_step, "must be at least 1")?;
        let even = self.candidates >= 2 && self.candidates.is_multiple_of(2);
        ensure(even, "candidates", self.candidates, "must be an even number from 2")?;
        if self.selection == Selection::BestWorst {
            let sampled = self.regression == Regression::Sampled;
            ensure(sampled, "selection", "best-worst", "needs `regression: sampled`")?;
            let duels = tournament_duels(self.candidates);
            let rule =
                format!("must pay for one tournament of {} candidates: {duels} duels", self.candidates);
            ensure(self.duels_per_step >= duels, "duels_per_step", self.duels_per_step, &rule)?;
        }
        let config = Self { step_size: Some(eta.into()), inpo_eta: None, ..self };
        let sampled = (config.regression == Regression::Sampled).then(|| Sampled::new(&config, task));
        let falling = config.falling.then_some(0.0);
        Ok(Built::new(&config, Inpo { state: Iterates::new(task), eta, tau: task.tau, falling, sampled }))
    }
}

fn theorem(task: &Task) -> Result<f64, String> {
    if task.tau > 0.0 {
        return Ok(task.tau / (task.tau * task.tau + 0.25));
    }
    let horizon =
        task.horizon.ok_or("the proved step needs the number of steps; set limits.steps or give a number")?;
    let radius = task.start.log_probs().iter().fold(f64::MIN_POSITIVE, |d, l| d.max(-l));
    Ok((radius / horizon as f64).sqrt())
}

/// The method: a mirror step along the regression's gain.
struct Inpo {
    state: Iterates,
    eta: f64,
    tau: f64,
    /// Steps done, where the step falls with them.
    falling: Option<f64>,
    /// The sampled regression; none in population.
    sampled: Option<Sampled>,
}

impl Solver for Inpo {
    fn step(&mut self, oracle: &mut dyn Oracle, rng: &mut Rng) -> Result<Progress, StepError> {
        self.state.play();
        let Iterates { played, gain, .. } = &mut self.state;
        match &mut self.sampled {
            None => oracle.win_rates(played, gain),
            Some(sampled) => sampled.regress(played, gain, oracle, rng)?,
        }
        if let Some(t) = &mut self.falling {
            self.eta = 2.0 / (self.tau * (*t + 2.0));
            *t += 1.0;
        }
        self.state.mirror_step(self.eta, self.tau)?;
        Ok(Progress::Continue)
    }

    fn policy(&self) -> &Policy {
        &self.state.policy
    }

    fn played(&self) -> &Policy {
        &self.state.played
    }

    fn step_cost(&self) -> Cost {
        match &self.sampled {
            None => Cost { queries: 1, duels: 0 },
            Some(sampled) => Cost { queries: 0, duels: sampled.duels(self.state.policy.shape()) },
        }
    }

    fn local_modulus(&self, omega: f64) -> Option<f64> {
        // a sampled regression has no fixed point, a falling step no constant multiplier
        (self.sampled.is_none() && self.falling.is_none())
            .then(|| local::mirror_descent(self.eta, self.tau, omega))
    }

    fn notes(&self) -> Vec<String> {
        let selected = self.sampled.as_ref().is_some_and(|s| s.selection == Selection::BestWorst);
        let note = "best-worst selection keeps pairs by their labels, so the regression's minimiser is not the mirror \
                    step: about the right direction, too long, and the more so the more candidates";
        selected.then(|| note.to_owned()).into_iter().collect()
    }
}

/// Draws pairs, asks for labels, fits.
struct Sampled {
    selection: Selection,
    candidates: u32,
    /// Regressed pairs (all-pairs) or tournaments (best-worst) of one context and step.
    draws: u32,
    sampler: Sampler,
    comparisons: Vec<Comparison>,
}

impl Sampled {
    fn new(config: &Config, task: &Task) -> Self {
        let draws = match config.selection {
            Selection::AllPairs => config.duels_per_step,
            Selection::BestWorst => config.duels_per_step / tournament_duels(config.candidates),
        };
        Self {
            selection: config.selection,
            candidates: config.candidates,
            draws,
            sampler: Sampler::new(&task.start),
            comparisons: Vec::new(),
        }
    }

    /// Duels of a step in all contexts; one with a single action has nothing to ask.
    fn duels(&self, shape: &equipoise_core::Shape) -> u64 {
        let each = match self.selection {
            Selection::AllPairs => 1,
            Selection::BestWorst => tournament_duels(self.candidates),
        };
        let contexts = shape.ranges().filter(|r| r.len() > 1).count() as u64;
        contexts * u64::from(each) * u64::from(self.draws)
    }

    /// Writes the fitted potential of every context into `gain`.
    fn regress(
        &mut self,
        played: &Policy,
        gain: &mut Array1<f64>,
        oracle: &mut dyn Oracle,
        rng: &mut Rng,
    ) -> Result<(), StepError> {
        self.sampler.refresh(played);
        let gain = gain.flat_mut();
        for (context, range) in played.shape().ranges().enumerate().filter(|(_, r)| r.len() > 1) {
            self.comparisons.clear();
            match self.selection {
                Selection::AllPairs => {
                    let mut draw = || self.sampler.draw(range.clone(), rng);
                    let pairs: Vec<_> =
                        (0..self.draws).map(|_| Duel { context, left: draw(), right: draw() }).collect();
                    let mut labels = vec![0.0; pairs.len()];
                    oracle.duels(&pairs, &mut labels);
                    let labelled = pairs.iter().zip(labels);
                    self.comparisons.extend(labelled.map(|(duel, label)| Comparison {
                        left: duel.left,
                        right: duel.right,
                        margin: label - 0.5,
                    }));
                }
                Selection::BestWorst => {
                    for _ in 0..self.draws {
                        let answers: Vec<_> =
                            (0..self.candidates).map(|_| self.sampler.draw(range.clone(), rng)).collect();
                        self.comparisons.extend(best_worst(oracle, context, &answers, rng));
                    }
                }
            }
            least_squares::fit(&self.comparisons, &mut gain[range])?;
        }
        Ok(())
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "inpo",
    "mirror descent on the regularised game by regression on duels of the policy with itself",
    "Zhang et al. 2024, arXiv:2407.00617",
)
.aims(Aim::Regularised, Guarantee::Both)
.costs("1 query, or the duels asked for")
.verified("minimiser of the population loss, identity with mirror descent, finite differences, sampled stationarity");
