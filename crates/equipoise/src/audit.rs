//! The audit: every claim of [`crate::claims`] run on a suite of games, or on games searched to break it.

use std::collections::BTreeMap;
use std::sync::Arc;

use equipoise_core::{Aim, BuildError, Policy, Rng, SolverEntry, StepError, Task, sample, seed, simplex};
use equipoise_env::generators::generator;
use equipoise_env::{Feedback, Game, GameOracle, PreferenceMatrix, Sampled};
use equipoise_eval::audit::{Assessment, Facts, judge};
use equipoise_eval::metrics::{Metric, Truth, measure};
use equipoise_eval::{AfterStep, Limits, Schedule, StopReason};
use equipoise_records::{DUALITY_GAP, DUALITY_GAP_TAU, Iterate};
use ndarray::Array1;
use serde::Serialize;
use serde_json::{Value, json};

use crate::claims::{Claim, Quantity, Unit};
use crate::local_theory;
use crate::problem::{Problem, RunOptions};
use crate::registry;

/// A game with a reference, which is also the start, and a temperature.
#[derive(Clone, Debug)]
pub struct Instance {
    /// What it is.
    pub name: String,
    /// The game; one context.
    pub game: Arc<Game>,
    /// Reference and start.
    pub start: Policy,
    /// Regularisation; 0 for claims about the original game.
    pub tau: f64,
}

/// A claim tested on one instance.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The claim.
    pub claim: &'static str,
    /// The method.
    pub solver: &'static str,
    /// The instance.
    pub instance: String,
    /// Its regularisation.
    pub tau: f64,
    /// The verdict, the slack and the slope.
    #[serde(flatten)]
    pub judged: Assessment,
    /// What local theory predicts for the factor of the metric per step, where there is a theory.
    pub predicted_factor: Option<f64>,
    /// The facts that the claim's expressions used.
    pub facts: Facts,
    /// The parameters it ran with.
    pub parameters: Value,
    /// Where it started.
    #[serde(skip)]
    pub start: Policy,
}

/// What a search came to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Searched {
    /// Games tried.
    pub games: u32,
    /// How many ended with each verdict, by its name.
    pub verdicts: BTreeMap<&'static str, u32>,
    /// The finding that is worst for the claim.
    pub worst: Finding,
    /// Its instance.
    pub instance: Instance,
}

/// Why a claim could not be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The claim is about no registered method.
    #[error("no solver `{0}` in the registry; give its row to `check_claim_about`")]
    UnknownSolver(&'static str),
    /// A parameter of the claim was refused.
    #[error("claim `{claim}` on {instance}: {error}")]
    Parameter {
        /// The claim.
        claim: &'static str,
        /// The instance.
        instance: String,
        /// Why.
        error: BuildError,
    },
    /// A step failed.
    #[error("claim `{claim}` on {instance}: {error}")]
    Step {
        /// The claim.
        claim: &'static str,
        /// The instance.
        instance: String,
        /// Why.
        error: StepError,
    },
    /// The exact solver failed.
    #[error(transparent)]
    Reference(#[from] equipoise_reference::ReferenceError),
}

/// The fixed suite for claims about `game`: small games of known kind from their uniform and from random references.
#[must_use]
pub fn suite(game: Aim, seed: u64) -> Vec<Instance> {
    let kinds: [(&str, Value); 10] = [
        ("perturbed-rps", Value::Null),
        ("comal", Value::Null),
        ("cyclic", json!({"margins": [0.1, 0.2, 0.4]})),
        ("two-actions", json!({"margin": 0.3})),
        ("one-winner", json!({"actions": 10, "margin": 0.5})),
        ("efron", Value::Null),
        ("regular-tournament", json!({"actions": 5, "margin": 0.3})),
        ("condorcet-not-borda", Value::Null),
        ("random-uniform", json!({"actions": 10})),
        ("full-support", Value::Null),
    ];
    let taus: &[f64] = if game == Aim::Regularised { &[0.05, 0.5] } else { &[0.0] };
    let mut instances = Vec::new();
    for (name, block) in kinds {
        let mut rng = seed::stream(seed, "audit game", &[name]);
        let entry = generator(name).expect("a generator of the registry");
        let game = Arc::new(entry.build(&block, &mut rng).expect("valid parameters"));
        let uniform = Policy::uniform(game.shape());
        let random = random_policy(&game, 1.0, &mut seed::stream(seed, "audit start", &[name]));
        for (from, start) in [("uniform", uniform), ("random", random)] {
            for &tau in taus {
                let name = format!("{name}, {from} start");
                instances.push(Instance { name, game: game.clone(), start: start.clone(), tau });
            }
        }
    }
    instances
}

fn random_policy(game: &Game, scale: f64, rng: &mut Rng) -> Policy {
    let logits = (0..game.shape().len()).map(|_| scale * sample::normal(rng)).collect();
    Policy::from_logits(game.shape(), logits).expect("finite logits")
}

/// Runs a claim of the list on `instance` and tests it. Metrics are exact; win rates are too, and duels where the claim is
/// not about noise.
///
/// # Errors
/// [`AuditError`].
pub fn check_claim(claim: &Claim, instance: &Instance) -> Result<Finding, AuditError> {
    let entry = registry::solver(claim.solver).ok_or(AuditError::UnknownSolver(claim.solver))?;
    check_claim_about(entry, claim, instance)
}

/// As [`check_claim`], for a claim about the method of any row, registered or not.
///
/// # Errors
/// [`AuditError`].
pub fn check_claim_about(
    entry: &SolverEntry,
    claim: &Claim,
    instance: &Instance,
) -> Result<Finding, AuditError> {
    let Instance { game, start: reference, tau, .. } = instance;
    let mut problem = Problem::new(game.clone(), Task::new(reference.clone()).tau(*tau)).solve()?;
    let equilibrium = problem.equilibrium.clone().expect("solved above");
    let start = match claim.start_perturbation {
        None => reference.clone(),
        Some(off) => {
            let mut rng = seed::stream(0, "audit nudge", &[claim.id]);
            let moved = equilibrium.log_probs().mapv(|l| l + off * sample::normal(&mut rng));
            Policy::from_logits(game.shape(), moved).expect("a regularised equilibrium plays every action")
        }
    };
    problem.task.start = start.clone();
    let unique = *tau > 0.0 || equipoise_reference::maximal_lottery(&game.matrix(0))?.unique == Some(true);
    let mut facts = Facts {
        actions: game.shape().ranges().map(|r| r.len()).max().unwrap_or(1),
        tau: *tau,
        eta: f64::NAN,
        radius: start.log_probs().iter().fold(0.0, |d: f64, l| d.max(-l)),
        steps: claim.steps,
        omega: problem.frequencies.first().copied().unwrap_or(0.0),
        full_support: equilibrium.probs().iter().all(|&p| p > local_theory::INTERIOR),
        unique,
        initial: f64::NAN,
    };
    let (limits, schedule) = (Limits::steps(claim.steps), Schedule::At(Vec::new()));
    let options =
        RunOptions { rng: seed::stream(0, "audit", &[claim.id]), ..RunOptions::new(&limits, &schedule, &[]) };
    let built = entry
        .build(&(claim.parameters)(&facts), &problem.planned(&options))
        .map_err(|error| AuditError::Parameter { claim: claim.id, instance: instance.name.clone(), error })?;
    let (mut solver, parameters) = (built.solver, built.parameters);
    facts.eta = parameters["step_size"].as_f64().unwrap_or(f64::NAN);
    let feedback = if claim.noisy { Feedback::Sampled(Sampled::default()) } else { Feedback::Exact };
    let mut oracle = GameOracle::new(game.clone(), feedback, seed::stream(0, "audit oracle", &[claim.id]));
    let probe = Probe {
        quantity: claim.quantity,
        truth: Truth { game, reference, tau: *tau, equilibrium: Some(&equilibrium) },
        eta: facts.eta,
    };
    let mut margins = Array1::zeros(start.shape().len());
    game.margins(&start, &mut margins);
    let mut series = vec![probe.value(&start, &margins, &start)];
    let (mut before, mut average) = (start.clone(), start.clone());
    let mut after_step = |now: AfterStep<'_>| {
        let last = now.solver.policy();
        let value = match claim.iterate {
            Iterate::Average => {
                average.set_mean(now.played, now.step as f64);
                now.oracle.product(&average, &mut margins);
                probe.value(&average, &margins, &average)
            }
            Iterate::Last => probe.value(last, now.oracle.last_margins(), &before),
            Iterate::Best => {
                let best = series.last().copied().unwrap_or(f64::INFINITY);
                best.min(probe.value(last, now.oracle.last_margins(), &before))
            }
        };
        before.copy_from(last);
        series.push(value);
        true
    };
    let run = problem.run_solver(solver.as_mut(), entry.aim, &mut oracle, &options, &mut after_step);
    if let StopReason::Diverged { cause, .. } = run.outcome.stop {
        let instance = instance.name.clone();
        return Err(AuditError::Step { claim: claim.id, instance, error: cause });
    }
    facts.initial = series[0];
    let cost = solver.step_cost();
    let unit = match claim.unit {
        Unit::Step => 1.0,
        Unit::Query => cost.queries as f64,
        Unit::Duel => cost.duels as f64,
    };
    let floor = rounding_floor(claim.quantity, *tau);
    let judged = judge(claim.form, claim.hypotheses, &facts, &series, floor, unit);
    let local = local_theory::modulus(problem.spectrum(), entry.aim, solver.as_ref())
        .filter(|_| claim.iterate == Iterate::Last);
    // the ratios have no rate
    let predicted_factor = local.and_then(|m| match claim.quantity {
        Quantity::Metric(metric) => Some(local_theory::factor(metric, m)),
        Quantity::Improvement | Quantity::Bias => None,
    });
    Ok(Finding {
        claim: claim.id,
        solver: claim.solver,
        instance: instance.name.clone(),
        tau: *tau,
        judged,
        predicted_factor,
        facts,
        parameters,
        start,
    })
}

/// What rounding leaves of a quantity: gaps are differences of numbers near 1/2; KL to a solved equilibrium is off by its
/// error over tau, squared; the ratios are cut off where their parts are small.
#[must_use]
pub fn rounding_floor(quantity: Quantity, tau: f64) -> f64 {
    match quantity {
        Quantity::Metric(DUALITY_GAP) => local_theory::GAP_FLOOR,
        Quantity::Metric(_) if tau > 0.0 => 1e-14 / (tau * tau),
        Quantity::Metric(_) => 1e-14,
        Quantity::Improvement | Quantity::Bias => 1e-9,
    }
}

/// Measures one quantity.
struct Probe<'a> {
    quantity: Quantity,
    truth: Truth<'a>,
    eta: f64,
}

impl Probe<'_> {
    /// At `policy` with its true margins, whose predecessor was `before`.
    fn value(&self, policy: &Policy, margins: &Array1<f64>, before: &Policy) -> f64 {
        match self.quantity {
            Quantity::Metric(name) => Metric::named(name)
                .expect("a claim names a metric of the registry")
                .mean(&self.truth, policy, margins),
            Quantity::Improvement => {
                let mut margins = Array1::zeros(policy.shape().len());
                self.truth.game.margins(before, &mut margins);
                let gain = policy.probs().dot(&margins);
                if gain < 1e-9 {
                    return 0.0;
                }
                let kl = simplex::kl(
                    policy.probs_slice(),
                    policy.log_probs_slice(),
                    before.probs_slice(),
                    before.log_probs_slice(),
                );
                kl / (self.eta * gain)
            }
            Quantity::Bias => {
                let at = |name| measure(name, &self.truth, policy);
                let rarest = self.truth.reference.log_probs().iter().fold(0.0, |d: f64, l| d.max(-l));
                let bound = at(DUALITY_GAP_TAU) + 2.0 * self.truth.tau * (rarest - at("kl_to_reference"));
                if bound > 1e-12 { at(DUALITY_GAP) / bound } else { 0.0 }
            }
        }
    }
}

/// Searches small games for one that breaks `claim`: `tries` random ones, then a quarter as many gradient-free steps
/// from the worst of them.
///
/// # Errors
/// [`AuditError`].
pub fn search(claim: &'static Claim, tries: u32, seed: u64) -> Result<Searched, AuditError> {
    let mut rng = seed::stream(seed, "audit search", &[claim.id]);
    let mut worst: Option<(Finding, Instance)> = None;
    let mut verdicts = BTreeMap::new();
    let (tries, climbs) = (tries.max(1), tries / 4);
    for k in 0..tries + climbs {
        let candidate = match &worst {
            Some((_, from)) if k >= tries => perturbed(from, k, &mut rng),
            _ => random_instance(claim.game, k, &mut rng),
        };
        let finding = check_claim(claim, &candidate)?;
        *verdicts.entry(finding.judged.verdict.name()).or_insert(0) += 1;
        let worse = |(w, _): &(Finding, Instance)| finding.judged.severity() > w.judged.severity();
        if worst.as_ref().is_none_or(worse) {
            worst = Some((finding, candidate));
        }
    }
    let (worst, instance) = worst.expect("at least one try");
    Ok(Searched { games: tries + climbs, verdicts, worst, instance })
}

/// Two to eight actions, margins uniform or all of size 1/2, a start up to several nats away.
fn random_instance(game: Aim, number: u32, rng: &mut Rng) -> Instance {
    let n = 2 + sample::index(rng, 7);
    let extreme = sample::uniform(rng) < 0.3;
    let margins: Vec<f64> = (0..n * n)
        .map(|_| sample::uniform(rng) - 0.5)
        .map(|m| if extreme { 0.5f64.copysign(m) } else { m })
        .collect();
    let matrix = PreferenceMatrix::from_margins(n, |i, j| margins[n * i + j]).expect("margins within 1/2");
    let game_of = Game::single(matrix);
    let scale = 3.0 * sample::uniform(rng);
    let start = random_policy(&game_of, scale, rng);
    let tau = if game == Aim::Regularised { 10f64.powf(-2.0 + 2.0 * sample::uniform(rng)) } else { 0.0 };
    Instance { name: format!("random game {number}"), game: Arc::new(game_of), start, tau }
}

/// A neighbour: margins moved by a tenth, logits by 0.3 nats, the logarithm of tau by a third (within [0.01, 1]).
fn perturbed(from: &Instance, number: u32, rng: &mut Rng) -> Instance {
    let old = from.game.matrix(0);
    let n = old.n();
    let moves: Vec<f64> = (0..n * n).map(|_| 0.1 * sample::normal(rng)).collect();
    let margin = |i: usize, j: usize| (old.margin(i, j) + moves[n * i + j]).clamp(-0.5, 0.5);
    let game = Game::single(PreferenceMatrix::from_margins(n, margin).expect("clamped margins"));
    let logits = from.start.log_probs().mapv(|l| l + 0.3 * sample::normal(rng));
    let start = Policy::from_logits(game.shape(), logits).expect("finite logits");
    let tau =
        if from.tau > 0.0 { (from.tau * (0.33 * sample::normal(rng)).exp()).clamp(0.01, 1.0) } else { 0.0 };
    Instance { name: format!("searched game {number}"), game: Arc::new(game), start, tau }
}
