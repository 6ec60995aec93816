//! A training run on labelled pairs: its steps, its data, its limit, and what it refuses.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashSet;
use std::sync::Arc;

use equipoise_core::class_entry::Contexts;
use equipoise_core::logistic::{logistic, logistic_margin};
use equipoise_core::{
    Built, Cost, Oracle, Policy, PolicyClass, Progress, Rng, Shape, SolverEntry, Task, seed,
};
use equipoise_env::{Feedback, Game, GameOracle, PreferenceMatrix, Sampled};
use equipoise_solver_regression::SOLVERS;
use serde_json::{Value, json};

fn entry(name: &str) -> &'static SolverEntry {
    SOLVERS.iter().find(|e| e.name == name).unwrap()
}

fn scores(n: usize) -> Vec<f64> {
    (0..n).map(|k| (1.3 * k as f64).sin()).collect()
}

fn game(n: usize) -> Arc<Game> {
    let r = scores(n);
    Arc::new(Game::single(PreferenceMatrix::from_margins(n, |i, j| logistic_margin(r[i] - r[j])).unwrap()))
}

fn reference(n: usize) -> Policy {
    let logits: Vec<f64> = (0..n).map(|k| 0.5 * (0.7 * k as f64 + 1.0).cos()).collect();
    Policy::from_logits(&Shape::single(n).unwrap(), logits.into()).unwrap()
}

fn tree(options: &Value, n: usize) -> Arc<dyn PolicyClass> {
    let contexts = Contexts { reference: reference(n), name: "t".into() };
    equipoise_policies::policy("token-tree").unwrap().bind(options, &contexts).unwrap()
}

fn rng() -> Rng {
    seed::stream(4, "offline", &[])
}

/// The policy after so many steps on exact labels.
fn after(steps: usize, parameters: &Value, task: &Task) -> Policy {
    let Built { mut solver, .. } = entry("offline").build(parameters, task).unwrap();
    let mut oracle = GameOracle::exact(game(task.shape().actions(0)));
    for _ in 0..steps {
        solver.step(&mut oracle, &mut rng()).unwrap();
    }
    solver.policy().clone()
}

fn apart(a: &Policy, b: &Policy) -> f64 {
    let both = a.log_probs().iter().zip(b.log_probs());
    both.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn a_step_of_two_responses_is_the_gradient_of_their_label() {
    let (r, task) = (scores(2), Task::new(reference(2)));
    let p = logistic(r[0] - r[1]);
    // at the reference the slope of the margin is beta (1/2 - p); it acts on one logit and against the other
    let found = after(1, &json!({"objective": {"dpo": {"beta": 0.3}}, "learning_rate": 2.0}), &task);
    let margin = |policy: &Policy| policy.log_probs()[0] - policy.log_probs()[1];
    let moved = margin(&found) - margin(&task.reference);
    assert!((moved - 2.0 * 2.0 * 0.3 * (p - 0.5)).abs() < 1e-14, "{moved}");
    // of given length: each of the two logits goes by that over sqrt 2
    let found = after(1, &json!({"learning_rate": 0.1, "normalised": true}), &task);
    let moved = margin(&found) - margin(&task.reference);
    assert!((moved.abs() - 0.1 * 2f64.sqrt()).abs() < 1e-14 && moved * (p - 0.5) > 0.0, "{moved}");
}

/// One loss in two forms, on responses and on the logits of their tokens, takes the same steps.
#[test]
fn losses_of_tokens_go_back_through_the_tree() {
    let strings = json!({"vocabulary": 3});
    let ended = json!({"vocabulary": 3, "end_token": true});
    for (n, options, of_responses, of_tokens) in [
        (9, &strings, json!({"dpo": {"beta": 0.4}}), json!({"tdpo": {"beta": 0.4, "alpha": 0.0}})),
        // a tree without its last leaves
        (8, &strings, json!({"dpo": {"beta": 0.4}}), json!({"tdpo": {"beta": 0.4, "alpha": 0.0}})),
        (7, &ended, json!({"dpo": {"beta": 0.4}}), json!({"tdpo": {"beta": 0.4, "alpha": 0.0}})),
        // at one token the first of the two is dpo
        (3, &strings, json!({"dpo": {"beta": 0.4}}), json!({"tdpo": {"beta": 0.4, "tdpo2": false}})),
        (7, &ended, json!("simpo"), json!("simpo-token-level")),
        // one turn, and turns that count as much as there are of them: T / T, (T - 1) / T, .. is not dpo from the second on
        (3, &strings, json!({"dpo": {"beta": 0.4}}), json!({"dmpo": {"beta": 0.4, "gamma": 0.5}})),
    ] {
        let task = Task::new(reference(n)).class(tree(options, n));
        let [a, b] = [&of_responses, &of_tokens]
            .map(|objective| after(12, &json!({"objective": objective, "learning_rate": 1.0}), &task));
        assert!(apart(&a, &b) < 1e-12, "{n} {of_tokens}: {}", apart(&a, &b));
        assert!(apart(&a, &task.reference) > 0.01, "{n} {of_responses}");
    }
    // the second of the two is another descent
    let task = Task::new(reference(9)).class(tree(&strings, 9));
    let of = |objective: Value| after(12, &json!({"objective": objective, "learning_rate": 1.0}), &task);
    let (dpo, tdpo) = (of(json!({"dpo": {"beta": 0.4}})), of(json!({"tdpo": {"beta": 0.4}})));
    assert!(apart(&dpo, &tdpo) > 1e-4, "{}", apart(&dpo, &tdpo));
    let turns = of(json!({"dmpo": {"beta": 0.4, "gamma": 1.0}}));
    assert!(apart(&dpo, &turns) > 1e-4, "{}", apart(&dpo, &turns));
}

/// With turns at discount 1 the first of two counts whole and the second half: by central differences of the loss itself.
#[test]
fn the_step_of_turns_is_the_gradient_of_their_loss() {
    let strings = json!({"vocabulary": 2});
    let class = tree(&strings, 4);
    let task = Task::new(reference(4)).class(class.clone());
    let rate = 1e-3;
    let parameters = json!({"objective": {"dmpo": {"beta": 0.4, "gamma": 1.0}}, "learning_rate": rate});
    let mut solver = entry("offline").build(&parameters, &task).unwrap().solver;
    solver.step(&mut GameOracle::exact(game(4)), &mut rng()).unwrap();
    let step: Vec<f64> =
        solver.parameters().unwrap().iter().zip(class.initial()).map(|(t, s)| t - s).collect();
    let r = scores(4);
    let loss = |theta: &[f64]| {
        let mut policy = task.reference.clone();
        class.evaluate(theta, &mut policy).unwrap();
        // log-probability of the first token, and of both
        let weighed = |l: &[f64], y: usize| {
            let first = (l[y & 2].exp() + l[(y & 2) + 1].exp()).ln();
            first + 0.5 * (l[y] - first)
        };
        let (l, mu) = (policy.log_probs_slice(), task.reference.log_probs_slice());
        let score = |y: usize| 0.4 * (weighed(l, y) - weighed(mu, y));
        let pairs = (0..4).flat_map(|i| (0..4).filter(move |j| *j != i).map(move |j| (i, j)));
        let sum: f64 = pairs.map(|(i, j)| -logistic(r[i] - r[j]) * logistic(score(i) - score(j)).ln()).sum();
        sum / 6.0
    };
    for (k, step) in step.iter().enumerate() {
        let moved = |h: f64| {
            let mut theta = class.initial().to_vec();
            theta[k] += h;
            loss(&theta)
        };
        let slope = (moved(1e-5) - moved(-1e-5)) / 2e-5;
        assert!((step + rate * slope).abs() < 1e-12, "{k}: {step} {slope}");
    }
}

#[test]
fn it_ends_where_the_minimiser_of_the_loss_is() {
    for (name, options) in
        [("dpo", json!({"beta": 1.0})), ("ipo-loss", json!({})), ("cpo", json!({"beta": 1.0, "nll": 0.5}))]
    {
        let task = Task::new(reference(4));
        let mut fitted = entry(name).build(&options, &task).unwrap().solver;
        fitted.step(&mut GameOracle::exact(game(4)), &mut rng()).unwrap();
        let found = after(4000, &json!({"objective": {name: options}, "learning_rate": 0.7}), &task);
        assert!(apart(&found, fitted.policy()) < 1e-7, "{name}: {}", apart(&found, fitted.policy()));
    }
}

#[test]
fn labels_are_bought_once_and_no_response_is_in_two_of_few_pairs() {
    let parameters = json!({"pairs": 4, "learning_rate": 0.05, "normalised": true, "margin": 1.0});
    let task = Task::new(reference(10));
    let mut solver = entry("offline").build(&parameters, &task).unwrap().solver;
    let feedback = Feedback::Sampled(Sampled::default());
    let mut oracle = GameOracle::new(game(10), feedback, seed::stream(2, "oracle", &[]));
    assert_eq!(solver.step_cost(), Cost { queries: 0, duels: 4 });
    assert!(solver.labelled_pairs().is_empty());
    let mut steps = 0;
    loop {
        let progress = solver.step(&mut oracle, &mut rng()).unwrap();
        steps += 1;
        assert_eq!((oracle.cost().duels, solver.step_cost().duels), (4, 0));
        let ratio = |k: usize| solver.policy().log_probs()[k] - task.reference.log_probs()[k];
        let pairs = solver.labelled_pairs();
        let margin = pairs.iter().map(|p| ratio(p.chosen) - ratio(p.rejected)).sum::<f64>() / 4.0;
        assert_eq!(progress == Progress::Finished, margin >= 1.0, "{steps}: {margin}");
        if progress == Progress::Finished {
            break;
        }
    }
    assert!(steps > 3, "{steps}");
    let pairs = solver.labelled_pairs();
    let met: HashSet<usize> = pairs.iter().flat_map(|p| [p.chosen, p.rejected]).collect();
    assert_eq!((pairs.len(), met.len()), (4, 8));
    assert!(pairs.iter().all(|p| p.weight == 1.0 && p.context == 0));
}

#[test]
fn what_it_cannot_do_is_refused_by_name() {
    let task = Task::new(reference(6));
    for (parameters, message) in [
        (json!({"objective": "dpoo"}), "did you mean `dpo`?"),
        (json!({"objective": ["dpo"]}), "expected a name"),
        (json!({"objective": "pro"}), "which labelled pairs do not give"),
        (json!({"objective": "sppo"}), "takes `win_rate_chosen`, which labelled pairs do not give"),
        (json!({"objective": "tdpo"}), "they need `policy: token-tree`"),
        (json!({"objective": {"dpo": {"beta": -1.0}}}), "`objective.dpo.beta` = -1"),
        (json!({"objective": {"dpo": {"bta": 1.0}}}), "objective.dpo.bta"),
        (json!({"pairs": 4}), "must lie in [1, 3]"),
        (json!({"pairs": 0}), "must lie in [1, 3]"),
        (json!({"learning_rate": 0.0}), "`learning_rate` = 0"),
        (json!({"margin": -1.0}), "`margin` = -1"),
    ] {
        let error = entry("offline").build(&parameters, &task).err().unwrap().to_string();
        assert!(error.contains(message), "{parameters}: {error}");
    }
}
