//! The audit: every claim of [`crate::claims`] run on a suite of games, or on games searched to break it.

use std::collections::BTreeMap;
use std::sync::Arc;

use equipoise_core::{Aim, BuildError, Policy, Rng, StepError, Task, sample, seed, simplex};
use equipoise_env::generators::generator;
use equipoise_env::{Feedback, Game, GameOracle, PreferenceMatrix, Sampled};
use equipoise_eval::audit::{Facts, Form, Judged, Verdict, judge};
use equipoise_eval::metrics::{Metric, Truth, measure};
use equipoise_records::{DUALITY_GAP, DUALITY_GAP_TAU, Iterate};
use ndarray::Array1;
use serde::Serialize;
use serde_json::{Value, json};

use crate::claims::{Claim, Quantity, Unit};
use crate::local_theory;
use crate::problem::Problem;
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

/// A claim held against one instance.
#[derive(Clone, Debug, Serialize)]
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
    pub judged: Judged,
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
pub struct Searched {
    /// Games looked at.
    pub games: u32,
    /// How many ended with each verdict, by its name.
    pub verdicts: BTreeMap<&'static str, u32>,
    /// The finding that is worst for the claim.
    pub worst: Finding,
    /// Its instance.
    pub instance: Instance,
}

/// A finding as files: an experiment that replays it, and what that must show.
#[derive(Clone, Debug)]
pub struct Replay {
    /// `experiment.yaml`.
    pub experiment: String,
    /// `expected.yaml`.
    pub expected: String,
}

/// Why a claim could not be run.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
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

/// Runs `claim` on `instance` and judges it. Metrics are exact; win rates are too, and duels where the claim is not about
/// noise.
///
/// # Errors
/// [`AuditError`].
pub fn hold(claim: &'static Claim, instance: &Instance) -> Result<Finding, AuditError> {
    let entry = registry::solver(claim.solver).expect("a claim names a registered method");
    let Instance { game, start: reference, tau, .. } = instance;
    let problem = Problem::new(game.clone(), Task::new(reference.clone()).tau(*tau)).solve()?;
    let equilibrium = problem.equilibrium.as_ref().expect("solved above");
    let start = match claim.near {
        None => reference.clone(),
        Some(off) => {
            let mut rng = seed::stream(0, "audit nudge", &[claim.id]);
            let nudged = equilibrium.log_probs().mapv(|l| l + off * sample::normal(&mut rng));
            Policy::from_logits(game.shape(), nudged).expect("a regularised equilibrium plays every action")
        }
    };
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
    let task = problem.task.clone().start(start.clone()).horizon(claim.steps);
    let built = entry.build(&(claim.parameters)(&facts), &task).map_err(|error| AuditError::Parameter {
        claim: claim.id,
        instance: instance.name.clone(),
        error,
    })?;
    let (mut solver, parameters) = (built.solver, built.parameters);
    facts.eta = parameters["step_size"].as_f64().unwrap_or(f64::NAN);
    let truth = Truth { game, reference, tau: *tau, equilibrium: Some(equilibrium) };
    let feedback = if claim.noisy { Feedback::Sampled(Sampled::default()) } else { Feedback::Exact };
    let mut oracle = GameOracle::new(game.clone(), feedback, seed::stream(0, "audit oracle", &[claim.id]));
    let mut rng = seed::stream(0, "audit", &[claim.id]);
    let mut gauge = Gauge {
        quantity: claim.quantity,
        truth,
        eta: facts.eta,
        margins: Array1::zeros(start.shape().len()),
    };
    let mut series = vec![gauge.value(&start, &start)];
    let mut played = Array1::<f64>::zeros(game.shape().len());
    let mut before = start.clone();
    for t in 0..claim.steps {
        solver.step(&mut oracle, &mut rng).map_err(|error| AuditError::Step {
            claim: claim.id,
            instance: instance.name.clone(),
            error,
        })?;
        match claim.iterate {
            Iterate::Average => {
                played += solver.played().probs();
                let mean = Policy::from_probs(game.shape(), &played / (t + 1) as f64)
                    .expect("a mean of policies is one");
                series.push(gauge.value(&mean, &mean));
            }
            Iterate::Last => {
                series.push(gauge.value(solver.policy(), &before));
                before.copy_from(solver.policy());
            }
            Iterate::Best => {
                let best = series.last().copied().unwrap_or(f64::INFINITY);
                series.push(best.min(gauge.value(solver.policy(), &before)));
                before.copy_from(solver.policy());
            }
        }
    }
    facts.initial = series[0];
    let cost = solver.step_cost();
    let unit = match claim.unit {
        Unit::Step => 1.0,
        Unit::Query => cost.queries as f64,
        Unit::Duel => cost.duels as f64,
    };
    let judged = judge(claim.form, claim.hypotheses, &facts, &series, floor(claim.quantity, *tau), unit);
    let local = local_theory::modulus(&problem, entry.aim, solver.as_ref())
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

/// What rounding leaves: gaps are differences of numbers near 1/2; KL to a solved equilibrium is off by its error over tau,
/// squared; the ratios are cut off where their parts are small.
fn floor(quantity: Quantity, tau: f64) -> f64 {
    match quantity {
        Quantity::Metric(DUALITY_GAP) => local_theory::GAP_FLOOR,
        Quantity::Metric(_) if tau > 0.0 => 1e-14 / (tau * tau),
        Quantity::Metric(_) => 1e-14,
        Quantity::Improvement | Quantity::Bias => 1e-9,
    }
}

/// Measures one quantity.
struct Gauge<'a> {
    quantity: Quantity,
    truth: Truth<'a>,
    eta: f64,
    margins: Array1<f64>,
}

impl Gauge<'_> {
    /// At `policy`, whose predecessor was `before`.
    fn value(&mut self, policy: &Policy, before: &Policy) -> f64 {
        let game = self.truth.game;
        match self.quantity {
            Quantity::Metric(name) => {
                game.margins(policy, &mut self.margins);
                Metric::named(name).expect("a claim names a metric of the registry").mean(
                    &self.truth,
                    policy,
                    &self.margins,
                )
            }
            Quantity::Improvement => {
                game.margins(before, &mut self.margins);
                let gain = policy.probs().dot(&self.margins);
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
        let finding = hold(claim, &candidate)?;
        *verdicts.entry(finding.judged.verdict.name()).or_insert(0) += 1;
        let worse = |(w, _): &(Finding, Instance)| finding.judged.severity() > w.judged.severity();
        if worst.as_ref().is_none_or(worse) {
            worst = Some((finding, candidate));
        }
    }
    let (worst, instance) = worst.expect("at least one try");
    Ok(Searched { games: tries + climbs, verdicts, worst, instance })
}

/// Two to eight actions, margins uniform or fair coins, a start up to several nats away.
fn random_instance(game: Aim, number: u32, rng: &mut Rng) -> Instance {
    let n = 2 + sample::index(rng, 7);
    let coins = sample::uniform(rng) < 0.3;
    let margins: Vec<f64> = (0..n * n)
        .map(|_| sample::uniform(rng) - 0.5)
        .map(|m| if coins { 0.5f64.copysign(m) } else { m })
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

/// The experiment that replays a finding at the step that decided it. `None` where nothing was decided, where duels were
/// drawn (an experiment draws others), and for the quantities that are no metric of an experiment.
#[must_use]
pub fn replay(claim: &Claim, finding: &Finding, instance: &Instance) -> Option<Replay> {
    let witness = finding.judged.witness?;
    let Quantity::Metric(metric) = claim.quantity else { return None };
    if claim.noisy {
        return None;
    }
    let step = witness.step;
    let n = instance.game.shape().actions(0);
    let row = |i: usize| (0..n).map(|j| instance.game.prob(0, i, j)).collect::<Vec<_>>();
    let values: Vec<Vec<f64>> = (0..n).map(row).collect();
    let logits = |policy: &Policy| json!({ "logits": policy.log_probs().to_vec() });
    let start = claim.near.map_or(String::new(), |_| format!("start: {}\n", logits(&finding.start)));
    let experiment = format!(
        "format: 1\nname: {}\ndescription: {}\ngames:\n  - matrix: {{ name: instance, values: {} }}\nreference: \
         {}\n{start}tau: {}\nsolvers:\n  - {}: {}\nseed: 0\nlimits: {{ steps: {step} }}\nrecord: {{ at: [{}, {step}] \
         }}\nmetrics: [{metric}]\n",
        claim.id,
        json!(format!("{} ({}) on {}", claim.statement, claim.source, instance.name)),
        json!(values),
        logits(&instance.start),
        instance.tau,
        claim.solver,
        finding.parameters,
        step.saturating_sub(1),
    );
    let bounds = match finding.judged.verdict {
        // a thousandth of the excess for another order of summation; monotone quantities are shown by the two records
        Verdict::Fail { measured, allowed, .. } if matches!(claim.form, Form::NeverFalls | Form::Leaves) => {
            format!("at_most: {:e}", measured + 1e-3 * (allowed - measured))
        }
        Verdict::Fail { measured, allowed, .. } => {
            format!("at_least: {:e}", measured - 1e-3 * (measured - allowed))
        }
        _ => {
            let (m, floor) = (witness.measured, floor(claim.quantity, instance.tau));
            format!("at_least: {:e}, at_most: {:e}", 0.99 * m - floor, 1.01 * m + floor)
        }
    };
    let allowed = witness.allowed.map_or(String::new(), |a| format!(", where the claim allows {a:e}"));
    let expected = format!(
        "# {}: {:e} measured at step {step}{allowed}\n- {{ solver: {}, metric: {metric}, iterate: {}, {bounds} }}\n",
        finding.judged.verdict.name(),
        witness.measured,
        claim.solver,
        claim.iterate,
    );
    Some(Replay { experiment, expected })
}
