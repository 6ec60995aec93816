//! Bradley-Terry: the reward model of RLHF and the optimum of DPO, in their tabular class.
//!
//! ```text
//! r  = argmax sum_ij W_ij P_ij log sigma(r_i - r_j)
//! pi = softmax(log mu + r / beta)        KL-optimal policy: the optimum of RLHF and of DPO
//! pi = argmax r                           its limit for beta -> 0
//! pi = softmax(log mu + log sigma(r - r_ref) / beta)      `log_sigmoid`: log-sigmoid-centred rewards, arXiv:2402.00742
//! ```
//!
//! Bradley, Terry 1952; Rafailov et al. 2023, arXiv:2305.18290, eqs. (3)-(5). Symbols: W = `pairs`, beta = `beta`. Under a
//! product design the order of r is the order of `sum_j W_j P_ij` (Borda), so for small beta the policy is the Borda
//! winner, beaten wherever that is not a Condorcet winner.
//! Cost: with `duels_per_step: 0`, every pair asked `duels_per_pair` times, once (`n (n - 1) / 2` duels a context), and
//! the method is finished; else `duels_per_step` new duels a context and step, refitted to all duels so far.
//! Range: `beta > 0`. Deviations: none; where no maximum exists (Ford's condition) a ridge is added and told.

use equipoise_core::registry::ensure;
use equipoise_core::shaping::{log_sigmoid_centred, quantile};
use equipoise_core::simplex::NonFinite;
use equipoise_core::{
    Aim, BuildError, Built, Cost, Guarantee, Oracle, Policy, Progress, Rng, Solver, SolverConfig,
    SolverEntry, StepError, Task,
};
use ndarray::{Array1, Array2};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::design::{self, Pairs};
use crate::fit::{BtError, BtFit, RIDGE, fit, fit_product};

/// Rewards closer than this, in nats, are tied: fits are right to about 1e-12.
const TIE: f64 = 1e-9;

/// Parameters of `bradley-terry`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Which pairs the fit sees: `uniform`, `reference` (mu x mu) or `on-policy` (the start x the start).
    pub pairs: Pairs,
    /// KL coefficient of the policy, above 0; unset: the task's tau, or 0.1 if that is 0.
    pub beta: Option<f64>,
    /// `kl-optimal` (the optimum of RLHF and DPO) or `argmax`.
    pub policy: Implied,
    /// 0: ask for every pair once and finish; else new duels in each context and step.
    pub duels_per_step: u32,
    /// How often every pair is asked for where duels_per_step is 0, at least 1.
    pub duels_per_pair: u32,
    /// If given, in [0, 1]: a reward r counts as log sigma(r - r_ref), r_ref being this quantile of the rewards under the reference
    /// in its context; unset: as r.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_sigmoid: Option<f64>,
}

/// The policy that a reward implies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Implied {
    /// softmax(log mu + r / beta).
    KlOptimal,
    /// The action of largest reward; those within 1e-9 nats of it share evenly.
    Argmax,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            pairs: Pairs::Uniform,
            beta: None,
            policy: Implied::KlOptimal,
            duels_per_step: 0,
            duels_per_pair: 1,
            log_sigmoid: None,
        }
    }
}

impl SolverConfig for Config {
    fn build(self, task: &Task) -> Result<Built, BuildError> {
        let beta = self.beta.unwrap_or(if task.tau > 0.0 { task.tau } else { 0.1 });
        ensure(beta > 0.0 && beta.is_finite(), "beta", beta, "must be a finite number above 0")?;
        ensure(self.duels_per_pair >= 1, "duels_per_pair", self.duels_per_pair, "must be at least 1")?;
        if let Some(share) = self.log_sigmoid {
            ensure((0.0..=1.0).contains(&share), "log_sigmoid", share, "must be in [0, 1]")?;
        }
        let config = Self { beta: Some(beta), ..self };
        let shape = task.shape();
        let tables =
            (0..shape.contexts()).map(|x| Array2::zeros((shape.actions(x), shape.actions(x)))).collect();
        Ok(Built::new(
            &config,
            BradleyTerry {
                policy: task.start.clone(),
                played: task.start.clone(),
                design: match config.pairs {
                    Pairs::Uniform => Policy::uniform(shape),
                    Pairs::Reference => task.reference.clone(),
                    Pairs::OnPolicy => task.start.clone(),
                },
                reference: task.reference.clone(),
                beta,
                config: config.clone(),
                wins: tables,
                notes: Vec::new(),
            },
        ))
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "bradley-terry",
    "one rating an action by maximum likelihood, and the policy it implies (RLHF, DPO)",
    "Bradley, Terry 1952; Rafailov et al. 2023, arXiv:2305.18290",
)
.aims(Aim::Other, Guarantee::None)
.costs("n (n - 1) / 2 duels, once")
.verified("Zermelo's iteration, exact models, golden gaps");

struct BradleyTerry {
    policy: Policy,
    /// The start before the first step, then the design.
    played: Policy,
    /// Whence both sides of a pair are drawn (under `uniform` without self-duels).
    design: Policy,
    reference: Policy,
    beta: f64,
    config: Config,
    /// Wins of each context, `[actions x actions]`.
    wins: Vec<Array2<f64>>,
    notes: Vec<String>,
}

impl Solver for BradleyTerry {
    fn step(&mut self, oracle: &mut dyn Oracle, rng: &mut Rng) -> Result<Progress, StepError> {
        let Config { pairs, duels_per_step, duels_per_pair, policy: implied, log_sigmoid, .. } = self.config;
        self.played.copy_from(&self.design);
        let (mut rewards, notes) = if duels_per_step == 0 {
            let tables = design::ask_all(oracle, duels_per_pair);
            let rows = (0..tables.len()).map(|x| self.design.log_probs_at(x));
            rewards(tables.iter().zip(rows).map(|(p, row)| fit_product(p.view(), row)))?
        } else {
            design::draw(oracle, rng, &self.design, pairs, duels_per_step, &mut self.wins);
            rewards(self.wins.iter().map(|wins| fit(wins.view())))?
        };
        self.notes = notes;
        if let Some(share) = log_sigmoid {
            shape_rewards(&mut rewards, &self.reference, share);
        }
        imply(&mut self.policy, &self.reference, &rewards, self.beta, implied)?;
        Ok(if duels_per_step == 0 { Progress::Finished } else { Progress::Continue })
    }

    fn policy(&self) -> &Policy {
        &self.policy
    }

    fn played(&self) -> &Policy {
        &self.played
    }

    fn step_cost(&self) -> Cost {
        Cost {
            queries: 0,
            duels: duels(&self.policy, self.config.duels_per_step, self.config.duels_per_pair),
        }
    }

    fn notes(&self) -> Vec<String> {
        self.notes.iter().cloned().chain(saturation(&self.policy)).collect()
    }
}

/// Duels of one step over all contexts.
pub(crate) fn duels(policy: &Policy, per_step: u32, per_pair: u32) -> u64 {
    let shape = policy.shape();
    (0..shape.contexts())
        .map(|x| shape.actions(x) as u64)
        .map(|n| match per_step {
            0 => n * (n - 1) / 2 * u64::from(per_pair),
            k => {
                if n < 2 {
                    0
                } else {
                    u64::from(k)
                }
            }
        })
        .sum()
}

/// Gathers the fits of all contexts: rewards flat over the shape, and what is worth telling.
///
/// # Errors
/// [`StepError::Inner`] if a fit is refused or does not converge.
pub(crate) fn rewards(
    fits: impl Iterator<Item = Result<BtFit, BtError>>,
) -> Result<(Array1<f64>, Vec<String>), StepError> {
    let mut rewards = Vec::new();
    let (mut missing, mut contexts) = (0, 0);
    for (x, found) in fits.enumerate() {
        let found = found.map_err(|e| StepError::Inner(format!("context {x}: {e}")))?;
        if !found.converged {
            let steps = found.iterations;
            let problem =
                format!("context {x}: the bradley-terry fit did not converge in {steps} newton steps");
            return Err(StepError::Inner(problem));
        }
        contexts += 1;
        missing += usize::from(!found.exists);
        rewards.extend(found.log_strength);
    }
    let note = || {
        let place =
            if contexts == 1 { String::new() } else { format!(" in {missing} of {contexts} contexts") };
        format!(
            "the maximum-likelihood fit does not exist{place}: the win graph is not strongly connected (Ford); a ridge \
             of {RIDGE:e} makes it finite"
        )
    };
    Ok((rewards.into(), (missing > 0).then(note).into_iter().collect()))
}

/// A note where probabilities fall below the smallest normal number, while their logarithms are kept.
pub(crate) fn saturation(policy: &Policy) -> Option<String> {
    let tiny = f64::MIN_POSITIVE.ln();
    let lost = policy.log_probs().iter().filter(|l| l.is_finite() && **l < tiny).count();
    let note = || format!("saturated: {lost} probabilities underflow (their logarithms are kept)");
    (lost > 0).then(note)
}

/// Rewards as log-probabilities of being better than that quantile of them under the reference, context by context.
fn shape_rewards(rewards: &mut Array1<f64>, reference: &Policy, share: f64) {
    let shape = reference.shape().clone();
    for x in 0..shape.contexts() {
        let range = shape.range(x);
        let of_context: Vec<f64> = range.clone().map(|i| rewards[i]).collect();
        let mass: Vec<f64> = reference.log_probs_at(x).iter().map(|l| l.exp()).collect();
        let centre = quantile(&of_context, &mass, share);
        range.for_each(|i| rewards[i] = log_sigmoid_centred(rewards[i], centre));
    }
}

/// Writes the policy that `rewards` imply.
fn imply(
    policy: &mut Policy,
    reference: &Policy,
    rewards: &Array1<f64>,
    beta: f64,
    implied: Implied,
) -> Result<(), NonFinite> {
    match implied {
        Implied::KlOptimal => {
            equipoise_core::kernel::logit_step(policy, &[(1.0, reference)], beta.recip(), rewards)
        }
        Implied::Argmax => {
            let shape = policy.shape().clone();
            policy.set_probs(|probs| {
                for range in shape.ranges() {
                    let best = range.clone().map(|i| rewards[i]).fold(f64::NEG_INFINITY, f64::max);
                    let tied = |i: usize| best - rewards[i] <= TIE;
                    let ties = range.clone().filter(|&i| tied(i)).count() as f64;
                    for i in range {
                        probs[i] = if tied(i) { 1.0 / ties } else { 0.0 };
                    }
                }
            })
        }
    }
}
