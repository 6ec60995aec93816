//! Does a loss lower the chosen response? The first step says it; `experiments/displacement` has what follows.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use equipoise_core::class_entry::Contexts;
use equipoise_core::{Policy, PolicyClass, Shape, sample, seed};
use equipoise_solver_regression::objectives::{Array, Inputs, objective};
use serde_json::{Value, json};

/// Items of a context.
const ITEMS: usize = 20;

/// Hard pairs of one data set: four among the first six items, the first three of them chosen and the others rejected.
fn pairs(rng: &mut equipoise_core::Rng) -> Vec<(usize, usize)> {
    (0..4).map(|_| (sample::index(rng, 3), 3 + sample::index(rng, 3))).collect()
}

/// The loss of the pairs at a policy, and its gradient by the log-probabilities.
fn gradient(name: &str, options: &Value, pairs: &[(usize, usize)], policy: &Policy, mu: &Policy) -> Vec<f64> {
    let column = |of: &Policy, chosen: bool| {
        let at = |&(w, l): &(usize, usize)| of.log_probs()[if chosen { w } else { l }];
        Array::column(&pairs.iter().map(at).collect::<Vec<_>>())
    };
    let inputs = Inputs::new()
        .with("policy_chosen", column(policy, true))
        .with("policy_rejected", column(policy, false))
        .with("reference_chosen", column(mu, true))
        .with("reference_rejected", column(mu, false));
    let found = objective(name).unwrap().evaluate(options, &inputs).unwrap_or_else(|e| panic!("{name}: {e}"));
    let [w, l] = ["policy_chosen", "policy_rejected"].map(|k| found.evaluation.gradient[k].numbers());
    let mut g = vec![0.0; ITEMS];
    for (k, &(chosen, rejected)) in pairs.iter().enumerate() {
        g[chosen] += w[k];
        g[rejected] += l[k];
    }
    g
}

fn class(name: &str, options: &Value, mu: &Policy, of: &str) -> Arc<dyn PolicyClass> {
    let contexts = Contexts { reference: mu.clone(), name: of.into() };
    equipoise_policies::policy(name).unwrap().bind(options, &contexts).unwrap()
}

/// At the reference the chosen responses fall, to first order, iff `<sum S_w, sum (S_w - S_l)> < 0`.
#[test]
fn the_first_step_says_whether_the_chosen_response_falls() {
    let mut seen = [0; 2];
    for set in 0..40 {
        let mut rng = seed::stream(set, "displacement", &[]);
        let logits = (0..ITEMS).map(|_| 0.5 * sample::normal(&mut rng)).collect();
        let mu = Policy::from_logits(&Shape::single(ITEMS).unwrap(), logits).unwrap();
        let pairs = pairs(&mut rng);
        let options = json!({ "features": { "random": { "dimension": 6, "seed": set } } });
        let class = class("log-linear", &options, &mu, "t");
        let theta = class.initial().to_vec();
        let sum = |sign: f64| {
            let mut cotangent = vec![0.0; ITEMS];
            for &(w, l) in &pairs {
                cotangent[w] += 1.0;
                cotangent[l] -= sign;
            }
            let mut g = vec![0.0; theta.len()];
            class.pull(&theta, &mu, &cotangent, &mut g);
            g
        };
        let (chosen, difference) = (sum(0.0), sum(1.0));
        let predicted: f64 = chosen.iter().zip(&difference).map(|(a, b)| a * b).sum();
        let mut g = vec![0.0; theta.len()];
        class.pull(&theta, &mu, &gradient("dpo", &json!({ "beta": 0.1 }), &pairs, &mu, &mu), &mut g);
        let step: Vec<f64> = theta.iter().zip(&g).map(|(t, g)| t - 1e-4 * g).collect();
        let mut policy = mu.clone();
        class.evaluate(&step, &mut policy).unwrap();
        let change: f64 = pairs.iter().map(|p| policy.log_probs()[p.0] - mu.log_probs()[p.0]).sum();
        assert_eq!(change < 0.0, predicted < 0.0, "{set}: {change} {predicted}");
        seen[usize::from(predicted < 0.0)] += 1;
    }
    assert!(seen[0] > 0 && seen[1] > 0, "{seen:?}");
}
