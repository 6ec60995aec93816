//! The audit: every claim of [`crate::claims`] run on a suite of games, or on games searched to break it.

use std::sync::Arc;

use equipoise_core::{Aim, BuildError, Policy, Rng, StepError, Task, sample, seed};
use equipoise_env::generators::generator;
use equipoise_env::{Game, GameOracle, PreferenceMatrix};
use equipoise_eval::audit::{Facts, Form, Judged, Verdict, judge};
use equipoise_eval::metrics::{Metric, Truth};
use ndarray::Array1;
use serde::Serialize;
use serde_json::{Value, json};

use crate::claims::Claim;
use crate::registry;
use crate::setting::Setting;

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
    /// The parameters it ran with (at the first step).
    pub parameters: Value,
}

/// A broken claim as files: an experiment that replays it, and what that must show.
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

/// Runs `claim` on `instance` at the exact oracle and judges it.
///
/// # Errors
/// [`AuditError`].
pub fn hold(claim: &'static Claim, instance: &Instance) -> Result<Finding, AuditError> {
    let entry = registry::solver(claim.solver).expect("a claim names a registered method");
    let metric = Metric::named(claim.metric).expect("a claim names a metric of the registry");
    let Instance { game, start, tau, .. } = instance;
    let setting = Setting::new(game.clone(), start.clone(), start.clone(), *tau).solve()?;
    let mut task = Task { horizon: Some(claim.steps), ..setting.task.clone() };
    let build = |task: &Task, t: u64| {
        entry.build(&(claim.parameters)(*tau, t), task).map_err(|error| AuditError::Parameter {
            claim: claim.id,
            instance: instance.name.clone(),
            error,
        })
    };
    let mut built = build(&task, 0)?;
    let parameters = built.parameters.clone();
    let truth = Truth { game, reference: start, tau: *tau, equilibrium: setting.equilibrium.as_ref() };
    let mut margins = Array1::zeros(game.shape().len());
    let mut value = |policy: &Policy| {
        game.margins(policy, &mut margins);
        metric.mean(&truth, policy, &margins)
    };
    let mut oracle = GameOracle::exact(game.clone());
    let mut rng = seed::stream(0, "audit", &[claim.id]);
    let mut series = vec![value(start)];
    let mut played = Array1::<f64>::zeros(game.shape().len());
    for t in 0..claim.steps {
        if claim.falling && t > 0 {
            task.start = built.solver.policy().clone();
            built = build(&task, t)?;
        }
        built.solver.step(&mut oracle, &mut rng).map_err(|error| AuditError::Step {
            claim: claim.id,
            instance: instance.name.clone(),
            error,
        })?;
        if claim.iterate == "average" {
            played += built.solver.played().probs();
            let mean = &played / (t + 1) as f64;
            series.push(value(&Policy::from_probs(game.shape(), mean).expect("a mean of policies is one")));
        } else {
            series.push(value(built.solver.policy()));
        }
    }
    let equilibrium = setting.equilibrium.as_ref().expect("solved above");
    let facts = Facts {
        actions: game.shape().ranges().map(|r| r.len()).max().unwrap_or(1),
        tau: *tau,
        eta: parameters["step_size"].as_f64().unwrap_or(f64::NAN),
        radius: start.log_probs().iter().fold(0.0, |d: f64, l| d.max(-l)),
        steps: claim.steps,
        omega: setting.frequencies.first().copied().unwrap_or(0.0),
        full_support: equilibrium.probs().iter().all(|&p| p > 1e-9),
        initial: series[0],
    };
    // gaps are differences of numbers near 1/2; KL to a solved equilibrium is off by its error over tau, squared
    let floor = match claim.metric {
        "duality_gap" => 1e-13,
        _ if *tau > 0.0 => 1e-14 / (tau * tau),
        _ => 1e-14,
    };
    let judged = judge(claim.form, claim.hypotheses, &facts, &series, floor);
    // the slowest mode decides; without regularisation the theory holds for an interior equilibrium only
    let theory = !claim.falling && claim.iterate == "last" && (*tau > 0.0 || facts.full_support);
    let moduli = setting.frequencies.iter().map(|&w| built.solver.local_modulus(w));
    let local =
        moduli.collect::<Option<Vec<f64>>>().filter(|_| theory).and_then(|m| m.into_iter().reduce(f64::max));
    // KL and the regularised gap are quadratic in the distance, the original gap linear
    let predicted_factor = local.map(|m| if claim.metric == "duality_gap" { m } else { m * m });
    Ok(Finding {
        claim: claim.id,
        solver: claim.solver,
        instance: instance.name.clone(),
        tau: *tau,
        judged,
        predicted_factor,
        facts,
        parameters,
    })
}

/// Searches small games for one that breaks `claim`: `tries` random ones, then a quarter as many gradient-free steps
/// from the worst of them. Returns the worst finding with its instance.
///
/// # Errors
/// [`AuditError`].
pub fn search(claim: &'static Claim, tries: u32, seed: u64) -> Result<(Finding, Instance), AuditError> {
    let mut rng = seed::stream(seed, "audit search", &[claim.id]);
    let mut worst: Option<(f64, Finding, Instance)> = None;
    let climbs = tries / 4;
    for k in 0..tries.max(1) + climbs {
        let candidate = match &worst {
            Some((_, _, from)) if k >= tries => perturbed(from, k, &mut rng),
            _ => random_instance(claim.game, k, &mut rng),
        };
        let finding = hold(claim, &candidate)?;
        let score = score(&finding.judged);
        if worst.as_ref().is_none_or(|(s, ..)| score > *s) {
            worst = Some((score, finding, candidate));
        }
    }
    let (_, finding, instance) = worst.expect("at least one try");
    Ok((finding, instance))
}

/// Larger is worse for the claim.
fn score(judged: &Judged) -> f64 {
    let failed = match judged.verdict {
        Verdict::Fail { measured, allowed, .. } => 1e6 * (1.0 + (measured / allowed).min(1e6)),
        Verdict::HypothesisNotMet { .. } => -1.0,
        Verdict::Pass | Verdict::Inconclusive { .. } => 0.0,
    };
    failed + judged.slack.map_or(0.0, |s| 1.0 / s)
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

/// The experiment that replays a failed finding; `None` if it did not fail, or if its step falls with time (no
/// configuration says that).
#[must_use]
pub fn replay(claim: &Claim, finding: &Finding, instance: &Instance) -> Option<Replay> {
    let Verdict::Fail { step, measured, allowed } = finding.judged.verdict else { return None };
    if claim.falling {
        return None;
    }
    let n = instance.game.shape().actions(0);
    let row = |i: usize| (0..n).map(|j| instance.game.prob(0, i, j)).collect::<Vec<_>>();
    let values: Vec<Vec<f64>> = (0..n).map(row).collect();
    let logits = instance.start.log_probs().to_vec();
    let experiment = format!(
        "format: 1\nname: {}\ndescription: {}\ngames:\n  - matrix: {{ name: counterexample, values: {} }}\nreference: {{ \
         logits: {} }}\ntau: {}\nsolvers:\n  - {}: {}\nseed: 0\nlimits: {{ steps: {step} }}\nrecord: {{ at: [{}, {step}] \
         }}\nmetrics: [{}]\n",
        claim.id,
        json!(format!("{} ({}) on {}", claim.statement, claim.source, instance.name)),
        json!(values),
        json!(logits),
        instance.tau,
        claim.solver,
        finding.parameters,
        step.saturating_sub(1),
        claim.metric,
    );
    // a thousandth of slack for another order of summation; monotone quantities are shown by the two records
    let bound = match claim.form {
        Form::NeverFalls => ("at_most", measured + 1e-3 * (allowed - measured)),
        _ => ("at_least", measured - 1e-3 * (measured - allowed)),
    };
    let expected = format!(
        "# the claim allows {allowed:e} at step {step}\n- {{ solver: {}, metric: {}, iterate: {}, {}: {:e} }}\n",
        claim.solver, claim.metric, claim.iterate, bound.0, bound.1
    );
    Some(Replay { experiment, expected })
}
