//! What is recorded of a run, from what the instrument saw.

use std::collections::BTreeMap;

use equipoise::claims::proved;
use equipoise::core::Policy;
use equipoise::eval::{Kept, Point};
use equipoise::{Problem, RunResult};
use equipoise_records::schema::{FORMAT, KeptFrom, PolicyPoint, Rate, Reached, RunRecord, TracePoint};
use serde_json::{Value, json};

use crate::build::{Plan, RunPlan};

/// Largest policy that is copied into `run.json`, in entries.
const POLICY_ENTRIES: usize = 1_000_000;

pub(crate) fn trace_point(p: &Point) -> TracePoint {
    TracePoint {
        step: p.step,
        queries: p.cost.queries,
        duels: p.cost.duels,
        seconds: p.elapsed.as_secs_f64(),
        iterate: p.iterate,
        metric: p.metric.into(),
        value: p.value,
    }
}

pub(crate) fn policy_points(kept: &Kept) -> Vec<PolicyPoint> {
    let policy = &kept.policy;
    let shape = policy.shape();
    (0..shape.contexts())
        .flat_map(|context| {
            let (probs, logs) = (policy.probs_at(context), policy.log_probs_at(context));
            (0..shape.actions(context))
                .map(|action| PolicyPoint {
                    step: kept.step,
                    iterate: kept.iterate,
                    context,
                    action,
                    prob: probs[action],
                    log_prob: logs[action],
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

pub(crate) fn run_record(plan: &Plan, run: &RunPlan, problem: &Problem, result: &RunResult) -> RunRecord {
    let outcome = &result.outcome;
    let noisy = !plan.spec.oracles[run.key.oracle].is_exact();
    let entry = plan.method(run.key);
    let last_step = outcome.trace.last().map_or(0, |p| p.step);
    let mut final_metrics: BTreeMap<_, _> = BTreeMap::new();
    for p in outcome.trace.iter().filter(|p| p.step == last_step) {
        let value = p.value.is_finite().then_some(p.value);
        final_metrics.entry(p.iterate).or_insert_with(BTreeMap::new).insert(p.metric.to_owned(), value);
    }
    let reached = outcome.reached.iter().map(|r| Reached {
        metric: r.metric.into(),
        iterate: r.iterate,
        target: r.target,
        step: r.at.map(|(step, _)| step),
        queries: r.at.map(|(_, cost)| cost.queries),
        duels: r.at.map(|(_, cost)| cost.duels),
        kept: Some(KeptFrom {
            step: r.kept.map(|(step, _)| step),
            queries: r.kept.map(|(_, cost)| cost.queries),
            duels: r.kept.map(|(_, cost)| cost.duels),
        }),
    });
    let rate = (result.fitted.is_some() || result.modulus.is_some()).then(|| Rate {
        metric: result.judged_by.into(),
        fitted: result.fitted.map(|f| f.factor),
        window: result.fitted.map(|f| f.window),
        predicted: result.predicted,
        modulus: result.modulus,
    });
    RunRecord {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").into(),
        id: run.id.clone(),
        experiment: plan.spec.name.clone(),
        game: plan.game_name(run.key.game).into_owned(),
        solver: entry.name.into(),
        label: run.label.clone(),
        parameters: result.parameters.clone(),
        aim: entry.aim,
        guarantee: entry.guarantee,
        proved: Some(proved(entry, &result.parameters, problem, plan.spec.limits.steps, noisy)),
        tau: plan.spec.taus[run.key.tau],
        repetition: run.key.repetition,
        spec: plan.run_spec(run.key),
        stop_reason: outcome.stop.kind(),
        stop_detail: outcome.stop.to_string(),
        behaviour: outcome.behaviour,
        judgement: Some(outcome.judgement.clone()),
        steps: outcome.steps,
        queries: outcome.cost.queries,
        duels: outcome.cost.duels,
        seconds: outcome.elapsed.as_secs_f64(),
        final_metrics,
        reached: reached.collect(),
        rate,
        notes: result.notes.clone(),
        final_policy: final_policy(&outcome.policy),
    }
}

fn final_policy(policy: &Policy) -> Value {
    let shape = policy.shape();
    if shape.len() > POLICY_ENTRIES {
        Value::Null
    } else if shape.contexts() == 1 {
        json!(policy.probs_slice())
    } else {
        (0..shape.contexts()).map(|x| json!(policy.probs_at(x).to_vec())).collect()
    }
}
