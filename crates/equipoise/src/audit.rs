//! The audit: every claim of [`crate::claims`] run on a suite of games, or on games searched to break it.

use std::collections::BTreeMap;
use std::sync::Arc;

use equipoise_core::{Aim, Policy, Rng, SolverEntry, Task, sample, seed, simplex};
use equipoise_env::generators::generator;
use equipoise_env::{Feedback, Game, GameOracle, PreferenceMatrix, Sampled};
use equipoise_eval::audit::{Assessment, BoundVerdict, Facts, judge};
use equipoise_eval::metrics::{Metric, Truth, measure};
use equipoise_eval::{AfterStep, Limits, Schedule, StopReason};
use equipoise_records::{DUALITY_GAP, DUALITY_GAP_TAU, Iterate};
use ndarray::Array1;
use serde::Serialize;
use serde_json::{Map, Value, json};

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
    /// What is run otherwise than the claim says.
    pub changes: Changes,
}

/// A method audited at a step of one's own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// Parameters of the method in place of the claim's. Those that the statement is about ([`Claim::fixed`]) are not to be
    /// among them.
    pub parameters: Map<String, Value>,
    /// Steps to run in place of the claim's.
    pub steps: Option<u64>,
}

/// Names under which methods take their step: one of them stands in place of the others.
const STEP_KEYS: [&str; 6] = ["step_size", "mmd_eta", "mpo_eta", "nash_mp_eta", "learning_rate", "falling"];

impl Changes {
    /// The claim's parameters on an instance, with these in their place.
    fn apply(&self, claim: &Claim, facts: &Facts) -> Value {
        let mut block = (claim.parameters)(facts);
        if self.parameters.is_empty() {
            return block;
        }
        let is_step = |key: &str| STEP_KEYS.contains(&key);
        let own_step = self.parameters.keys().any(|key| is_step(key));
        let mut merged = Map::new();
        if let Some(of_claim) = block.as_object_mut() {
            merged.append(of_claim);
            merged.retain(|key, _| claim.fixed.contains(&key.as_str()) || !(own_step && is_step(key)));
        }
        merged.extend(self.parameters.clone());
        merged.into()
    }
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
    /// The first finding whose run could not be made, with its instance.
    pub error: Option<(Finding, Instance)>,
}

/// Why a claim could not be audited. What goes wrong on one instance is a finding of that instance.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The claim is about no registered method.
    #[error("no solver `{0}` in the registry; give its row to `check_claim_about`")]
    UnknownSolver(&'static str),
}

/// The fixed suite for claims about `aim`: small games of known kind from their uniform and from random references, those of
/// the regularised game at 0.05 and at 0.5, or at `tau`.
#[must_use]
pub fn suite(aim: Aim, tau: Option<f64>, seed: u64) -> Vec<Instance> {
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
    let mut instances = Vec::new();
    for (name, block) in kinds {
        let mut rng = seed::stream(seed, "audit game", &[name]);
        let entry = generator(name).expect("a generator of the registry");
        let built = Arc::new(entry.build(&block, &mut rng).expect("valid parameters"));
        instances.extend(from_both_starts(name, &built, &taus(aim, tau), seed));
    }
    instances
}

/// The temperatures at which claims about `aim` are audited.
fn taus(aim: Aim, own: Option<f64>) -> Vec<f64> {
    match (aim, own) {
        (Aim::Regularised, Some(tau)) => vec![tau],
        (Aim::Regularised, None) => vec![0.05, 0.5],
        _ => vec![0.0],
    }
}

/// Instances of a game of one's own, as those of the suite: each context from its uniform and from a random reference, at `tau`
/// if the claim is about the regularised game (`None`: at the temperatures of the suite).
#[must_use]
pub fn instances(name: &str, game: &Game, aim: Aim, tau: Option<f64>, seed: u64) -> Vec<Instance> {
    let contexts = game.contexts();
    (0..contexts)
        .flat_map(|x| {
            let name = if contexts == 1 { name.to_owned() } else { format!("{name}, context {x}") };
            from_both_starts(&name, &Arc::new(Game::single(game.matrix(x))), &taus(aim, tau), seed)
        })
        .collect()
}

fn from_both_starts(name: &str, game: &Arc<Game>, taus: &[f64], seed: u64) -> Vec<Instance> {
    let uniform = Policy::uniform(game.shape());
    let random = random_policy(game, 1.0, &mut seed::stream(seed, "audit start", &[name]));
    let mut instances = Vec::new();
    for (from, start) in [("uniform", uniform), ("random", random)] {
        for &tau in taus {
            let (name, start) = (format!("{name}, {from} start"), start.clone());
            instances.push(Instance { name, game: game.clone(), start, tau, changes: Changes::default() });
        }
    }
    instances
}

fn random_policy(game: &Game, scale: f64, rng: &mut Rng) -> Policy {
    let logits = (0..game.shape().len()).map(|_| scale * sample::normal(rng)).collect();
    Policy::from_logits(game.shape(), logits).expect("finite logits")
}

/// Runs a claim of the list on `instance` and tests it. Metrics are exact; win rates are too, and duels where the claim is
/// not about noise. A run that cannot be made is a finding with the verdict [`BoundVerdict::Error`].
///
/// # Errors
/// [`AuditError::UnknownSolver`].
pub fn check_claim(claim: &Claim, instance: &Instance) -> Result<Finding, AuditError> {
    let entry = registry::solver(claim.solver).ok_or(AuditError::UnknownSolver(claim.solver))?;
    Ok(check_claim_about(entry, claim, instance))
}

/// As [`check_claim`], for a claim about the method of any row, registered or not.
#[must_use]
pub fn check_claim_about(entry: &SolverEntry, claim: &Claim, instance: &Instance) -> Finding {
    let mut finding = Finding {
        claim: claim.id,
        solver: claim.solver,
        instance: instance.name.clone(),
        tau: instance.tau,
        judged: Assessment::unmeasured(BoundVerdict::HypothesisNotMet { hypothesis: "tau > 0" }),
        predicted_factor: None,
        facts: unknown(claim, instance),
        parameters: Value::Null,
        start: instance.start.clone(),
    };
    if claim.game == Aim::Regularised && instance.tau == 0.0 {
        return finding;
    }
    if let Err(reason) = measure_claim(entry, claim, instance, &mut finding) {
        finding.judged = Assessment::unmeasured(BoundVerdict::Error { reason });
    }
    finding
}

/// What is known of an instance before anything was solved.
fn unknown(claim: &Claim, instance: &Instance) -> Facts {
    Facts {
        actions: instance.game.shape().ranges().map(|r| r.len()).max().unwrap_or(1),
        tau: instance.tau,
        eta: f64::NAN,
        radius: f64::NAN,
        steps: instance.changes.steps.unwrap_or(claim.steps),
        omega: f64::NAN,
        operator_norm: f64::NAN,
        magnet: f64::NAN,
        full_support: false,
        unique: false,
        initial: f64::NAN,
    }
}

/// Runs the claim and fills in what was found; the error says why it could not.
fn measure_claim(
    entry: &SolverEntry,
    claim: &Claim,
    instance: &Instance,
    finding: &mut Finding,
) -> Result<(), String> {
    let Instance { game, start: reference, tau, changes, .. } = instance;
    let said = |error: &dyn std::fmt::Display| error.to_string();
    let mut problem =
        Problem::new(game.clone(), Task::new(reference.clone()).tau(*tau)).solve().map_err(|e| said(&e))?;
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
    finding.start = start.clone();
    let lottery = || equipoise_reference::maximal_lottery(&game.matrix(0)).map_err(|e| said(&e));
    let unique = *tau > 0.0 || lottery()?.unique == Some(true);
    let facts = &mut finding.facts;
    facts.radius = start.log_probs().iter().fold(0.0, |d: f64, l| d.max(-l));
    facts.omega = problem.frequencies.first().copied().unwrap_or(0.0);
    facts.operator_norm = problem.task.operator_norm.unwrap_or(f64::NAN);
    facts.full_support = equilibrium.probs().iter().all(|&p| p > local_theory::INTERIOR);
    facts.unique = unique;
    let (limits, schedule) = (Limits::steps(facts.steps), Schedule::At(Vec::new()));
    let options =
        RunOptions { rng: seed::stream(0, "audit", &[claim.id]), ..RunOptions::new(&limits, &schedule, &[]) };
    let built =
        entry.build(&changes.apply(claim, facts), &problem.planned(&options)).map_err(|e| said(&e))?;
    let (mut solver, parameters) = (built.solver, built.parameters);
    facts.eta = (claim.step)(facts, &parameters);
    let strength = ["comal_tau", "magnet_tau", "alpha"].iter().find_map(|key| parameters[*key].as_f64());
    facts.magnet = strength.unwrap_or(f64::NAN);
    finding.parameters = parameters;
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
    facts.initial = series[0];
    if let Some(unmet) = claim.hypotheses.iter().find(|h| !(h.holds)(facts)) {
        finding.judged = Assessment::unmeasured(BoundVerdict::HypothesisNotMet { hypothesis: unmet.says });
        return Ok(());
    }
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
    if let StopReason::Diverged { step, cause } = run.outcome.stop {
        return Err(format!("step {step}: {cause}"));
    }
    let cost = solver.step_cost();
    let unit = match claim.unit {
        Unit::Step => 1.0,
        Unit::Query => cost.queries as f64,
        Unit::Duel => cost.duels as f64,
    };
    let floor = rounding_floor(claim.quantity, *tau);
    finding.judged = judge(claim.form, claim.hypotheses, facts, &series, floor, unit);
    // the ratios have no rate
    if let (Quantity::Metric(metric), Iterate::Last) = (claim.quantity, claim.iterate) {
        let rarest = local_theory::rarest(game, Some(&equilibrium));
        let from = finding.judged.slope.map(|s| s.window.0);
        let largest = series[from.unwrap_or(0) as usize..].iter().fold(0.0, |m: f64, v| m.max(*v));
        let seen = local_theory::Seen { largest, from, floor, rarest };
        finding.predicted_factor =
            local_theory::predicted(problem.spectrum(), entry.aim, solver.as_ref(), metric, seen);
    }
    Ok(())
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
/// from the worst of them. Claims about the regularised game are searched at temperatures from 0.01 to 1, or at `tau`. A game on which no run can be made is counted as an error, and the search goes on.
///
/// # Errors
/// [`AuditError::UnknownSolver`].
pub fn search(
    claim: &'static Claim,
    tries: u32,
    tau: Option<f64>,
    changes: &Changes,
    seed: u64,
) -> Result<Searched, AuditError> {
    let mut rng = seed::stream(seed, "audit search", &[claim.id]);
    let mut worst: Option<(Finding, Instance)> = None;
    let (mut verdicts, mut error) = (BTreeMap::new(), None);
    let (tries, climbs) = (tries.max(1), tries / 4);
    for k in 0..tries + climbs {
        let candidate = match &worst {
            Some((_, from)) if k >= tries => perturbed(from, k, &mut rng),
            _ => random_instance(claim.game, k, &mut rng),
        };
        let tau = tau.filter(|_| claim.game == Aim::Regularised).unwrap_or(candidate.tau);
        let candidate = Instance { tau, changes: changes.clone(), ..candidate };
        let finding = check_claim(claim, &candidate)?;
        *verdicts.entry(finding.judged.verdict.name()).or_insert(0) += 1;
        if error.is_none() && matches!(finding.judged.verdict, BoundVerdict::Error { .. }) {
            error = Some((finding.clone(), candidate.clone()));
        }
        let worse = |(w, _): &(Finding, Instance)| finding.judged.severity() > w.judged.severity();
        if worst.as_ref().is_none_or(worse) {
            worst = Some((finding, candidate));
        }
    }
    let (worst, instance) = worst.expect("at least one try");
    Ok(Searched { games: tries + climbs, verdicts, worst, instance, error })
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
    let name = format!("random game {number}");
    Instance { name, game: Arc::new(game_of), start, tau, changes: Changes::default() }
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
    let name = format!("searched game {number}");
    Instance { name, game: Arc::new(game), start, tau, changes: from.changes.clone() }
}
