//! Where each loss leads on games that are not Bradley-Terry, by the equation of its optimum; and losses that coincide.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use equipoise_core::{Policy, Shape, Task, sample, seed};
use equipoise_env::{Game, GameOracle, PreferenceMatrix};
use equipoise_solver_regression::SOLVERS;
use equipoise_solver_regression::objectives::{Array, Evaluation, Inputs, objective};
use serde_json::{Value, json};

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

/// Win rates in (0.1, 0.9), no pair related to another, and a reference that is not uniform.
fn random(n: usize, seed_of: u64) -> (Vec<Vec<f64>>, Policy) {
    let mut rng = seed::stream(seed_of, "limits", &[]);
    let mut p = vec![vec![0.5; n]; n];
    for i in 0..n {
        for j in i + 1..n {
            p[i][j] = 0.1 + 0.8 * sample::uniform(&mut rng);
            p[j][i] = 1.0 - p[i][j];
        }
    }
    let logits = (0..n).map(|_| 0.7 * sample::normal(&mut rng)).collect();
    (p, Policy::from_logits(&Shape::single(n).unwrap(), logits).unwrap())
}

/// The optimum of a loss on uniform pairs of different actions.
fn optimum(name: &str, options: &Value, p: &[Vec<f64>], reference: &Policy) -> Policy {
    let matrix = PreferenceMatrix::from_margins(p.len(), |i, j| p[i][j] - 0.5).unwrap();
    let game = Arc::new(Game::single(matrix));
    let entry = SOLVERS.iter().find(|e| e.name == name).unwrap_or_else(|| panic!("{name}"));
    let mut solver = entry.build(options, &Task::new(reference.clone())).unwrap().solver;
    solver.step(&mut GameOracle::exact(game), &mut seed::stream(0, "limits", &[])).unwrap();
    solver.policy().clone()
}

/// `|sum_j f(i, j)|` over the opponents of an action, the largest: 0 where the equations of an optimum hold.
fn residual(n: usize, f: impl Fn(usize, usize) -> f64) -> f64 {
    let row = |i: usize| (0..n).filter(|&j| j != i).map(|j| f(i, j)).sum::<f64>().abs();
    (0..n).map(row).fold(0.0, f64::max)
}

#[test]
fn a2_limits_of_the_table_on_games_that_are_not_bradley_terry() {
    let n = 6;
    for seed_of in 0..4 {
        let (p, mu) = random(n, seed_of);
        let beta = 0.5;
        let log_ratios = |pi: &Policy| -> Vec<f64> { (pi.log_probs() - mu.log_probs()).to_vec() };
        // mu exp(r / beta), r the Bradley-Terry fit of the win rates: sum_j P_ij - sigmoid(r_i - r_j) = 0
        let bradley_terry = |r: &[f64], p: &[Vec<f64>]| residual(n, |i, j| p[i][j] - sigmoid(r[i] - r[j]));
        let scaled = |pi: &Policy, score: &dyn Fn(f64) -> f64| -> Vec<f64> {
            log_ratios(pi).iter().map(|h| beta * score(*h)).collect()
        };
        let dpo = optimum("dpo", &json!({ "beta": beta }), &p, &mu);
        assert!(bradley_terry(&scaled(&dpo, &|h| h), &p) < 1e-12, "dpo");
        // smoothed labels are flipped labels, and debiased ones of flipped labels are the clean ones
        let e = 0.1;
        let flipped: Vec<Vec<f64>> =
            p.iter().map(|row| row.iter().map(|p| (1.0 - 2.0 * e) * p + e).collect()).collect();
        let cdpo = optimum("cdpo", &json!({ "beta": beta, "epsilon": e }), &p, &mu);
        assert!(bradley_terry(&scaled(&cdpo, &|h| h), &flipped) < 1e-12, "cdpo");
        let rdpo = optimum("rdpo", &json!({ "beta": beta, "epsilon": e }), &flipped, &mu);
        for (a, b) in rdpo.log_probs().iter().zip(dpo.log_probs()) {
            assert!((a - b).abs() < 1e-11, "rdpo {a} {b}");
        }
        // other divergences: f'(u) in the place of log u, u = pi / mu
        for (divergence, score) in [
            ("forward_kl", (|h: f64| -(-h).exp()) as fn(f64) -> f64),
            ("jensen_shannon", |h| -((-h).exp().ln_1p())),
            ("alpha", |h| -(-0.5 * h).exp_m1() / 0.5),
        ] {
            let options = json!({ "beta": beta, "divergence": divergence, "alpha": 0.5 });
            let pi = optimum("f-dpo", &options, &p, &mu);
            assert!(bradley_terry(&scaled(&pi, &score), &p) < 1e-11, "{divergence}");
        }
        let chi = optimum("chi-po", &json!({ "beta": beta }), &p, &mu);
        assert!(bradley_terry(&scaled(&chi, &|h| h + h.exp()), &p) < 1e-11, "chi-po");
        // mu exp(P(. > rho) / tau) over uniform pairs: squares have the closed form
        let ipo = optimum("ipo-loss", &json!({ "tau": beta }), &p, &mu);
        let h = log_ratios(&ipo);
        assert!(residual(n, |i, j| (h[i] - h[j]) - (2.0 * p[i][j] - 1.0) / (2.0 * beta)) < 1e-12, "ipo");
        // a margin g: sum_j P_ij sigmoid(g - z) - P_ji sigmoid(g + z) = 0, no reference
        let simpo = optimum("simpo", &json!({ "beta": 1.0, "gamma_beta_ratio": 0.5 }), &p, &mu);
        let l = simpo.log_probs();
        let margin = |i: usize, j: usize| {
            let z = l[i] - l[j];
            p[i][j] * sigmoid(0.5 - z) - p[j][i] * sigmoid(0.5 + z)
        };
        assert!(residual(n, margin) < 1e-12, "simpo");
        // b_i / p_i - c_i / (1 - p_i) is the same for every action, b and c shares of wins and losses
        let asft = optimum("asft", &json!({ "ce_coef": 0.0, "lambda": 1.0 }), &p, &mu);
        let of = |i: usize| {
            let wins: f64 = (0..n).filter(|&j| j != i).map(|j| p[i][j]).sum();
            wins / asft.probs()[i] - ((n - 1) as f64 - wins) / (1.0 - asft.probs()[i])
        };
        // relative to the size of the terms
        assert!((1..n).all(|i| (of(i) - of(0)).abs() < 1e-10 * (n * n) as f64), "asft");
        // ((b_i + c_i) sigmoid(beta h_i) - b_i) / p_i is the same for every action
        let bco = optimum("bco", &json!({ "beta": beta }), &p, &mu);
        let h = log_ratios(&bco);
        let of = |i: usize| {
            let wins: f64 = (0..n).filter(|&j| j != i).map(|j| p[i][j]).sum();
            ((n - 1) as f64 * sigmoid(beta * h[i]) - wins) / bco.probs()[i]
        };
        assert!((1..n).all(|i| (of(i) - of(0)).abs() < 1e-10 * (n * n) as f64), "bco");
    }
    // two actions: the margin z = beta (h_0 - h_1) in closed form
    for p in [0.55, 0.7, 0.95] {
        let (_, mu) = random(2, 9);
        let pair = vec![vec![0.5, p], vec![1.0 - p, 0.5]];
        let z = |name: &str, options: Value| {
            let pi = optimum(name, &options, &pair, &mu);
            let h = pi.log_probs() - mu.log_probs();
            0.5 * (h[0] - h[1])
        };
        let logit = (p / (1.0 - p)).ln();
        let link = |link: &str| z("preference", json!({ "link": link, "beta": 0.5 }));
        assert!((link("squared-hinge") - (2.0 * p - 1.0)).abs() < 1e-12);
        assert!((link("exponential") - 0.5 * logit).abs() < 1e-12);
        let probit = link("probit");
        assert!((0.5 * libm::erfc(-probit / 2f64.sqrt()) - p).abs() < 1e-12);
        let e: f64 = 0.01;
        let exo = z("exo", json!({ "beta": 0.5, "epsilon": e }));
        assert!((exo - (2.0 * p - 1.0) * ((1.0 - e) / e).ln()).abs() < 1e-11, "{exo}");
    }
}

fn evaluate(name: &str, options: &Value, inputs: &Inputs) -> Evaluation {
    objective(name).unwrap().evaluate(options, inputs).unwrap_or_else(|e| panic!("{name}: {e}")).evaluation
}

fn pair(log_probs: [f64; 4]) -> Inputs {
    let names = ["policy_chosen", "policy_rejected", "reference_chosen", "reference_rejected"];
    names
        .iter()
        .zip(log_probs)
        .fold(Inputs::new(), |inputs, (name, l)| inputs.with(name, Array::column(&[l])))
}

#[test]
fn pro_of_two_responses_is_a_logistic_loss_without_reference() {
    let tokens = Array::rows(&[vec![-0.7, -0.4], vec![-1.3, -0.9]]);
    for difference in [0.5, 1.0, 2.0] {
        let inputs = Inputs::new()
            .with("token_log_probs", tokens.clone())
            .with("rewards", Array::column(&[difference, 0.0]));
        let pro = evaluate("pro", &json!({ "sft_weight": 0.0 }), &inputs).loss[0];
        // the temperature of the better one is the difference of the rewards, scores are means over tokens
        let inputs = pair([-1.1, -2.2, 0.0, 0.0])
            .with("length_chosen", Array::column(&[2.0]))
            .with("length_rejected", Array::column(&[2.0]));
        let simpo =
            evaluate("simpo", &json!({ "beta": difference, "gamma_beta_ratio": 0.0 }), &inputs).loss[0];
        assert!((pro - simpo).abs() < 1e-9, "{difference}: {pro} {simpo}");
    }
}

#[test]
fn tdpo_of_one_token_is_dpo_in_value_and_its_second_form_not_in_gradient() {
    let (policy, reference) = (vec![0.3, -0.8, 1.1], vec![0.0, 0.4, -0.2]);
    let rows = |logits: &[f64]| Array::cubes(&[vec![logits.to_vec(), vec![0.0; 3]]]);
    let label = |token: f64| Array::rows(&[vec![-100.0, token]]);
    let inputs = Inputs::new()
        .with("policy_logits_chosen", rows(&policy))
        .with("policy_logits_rejected", rows(&policy))
        .with("reference_logits_chosen", rows(&reference))
        .with("reference_logits_rejected", rows(&reference))
        .with("labels_chosen", label(2.0))
        .with("labels_rejected", label(1.0));
    let log_softmax = |l: &[f64]| -> Vec<f64> {
        let norm = l.iter().map(|l| l.exp()).sum::<f64>().ln();
        l.iter().map(|l| l - norm).collect()
    };
    let (p, r) = (log_softmax(&policy), log_softmax(&reference));
    let dpo = evaluate("dpo", &json!({ "beta": 0.1 }), &pair([p[2], p[1], r[2], r[1]]));
    let first = evaluate("tdpo", &json!({ "tdpo2": false }), &inputs);
    let second = evaluate("tdpo", &json!({ "tdpo2": true }), &inputs);
    assert!((first.loss[0] - dpo.loss[0]).abs() < 1e-14 && (second.loss[0] - dpo.loss[0]).abs() < 1e-14);
    let total = |found: &Evaluation| -> Vec<f64> {
        let [a, b] = ["policy_logits_chosen", "policy_logits_rejected"].map(|k| found.gradient[k].numbers());
        a.iter().zip(&b).map(|(a, b)| a + b).collect()
    };
    let (first, second) = (total(&first), total(&second));
    // by the logits: -beta sigmoid(-z) (e_chosen - e_rejected)
    let slope = dpo.gradient["policy_chosen"].numbers()[0];
    for (k, expected) in [0.0, -slope, slope].into_iter().enumerate() {
        assert!((first[k] - expected).abs() < 1e-14, "{first:?}");
    }
    assert!((0..3).any(|k| (first[k] - second[k]).abs() > 1e-3), "{first:?} {second:?}");
}

#[test]
fn dmpo_of_one_turn_is_dpo() {
    let turn = |tokens: &[f64]| Array::rows(&[tokens.to_vec()]);
    let inputs = Inputs::new()
        .with("policy_chosen_turns", turn(&[-1.0, -0.5]))
        .with("reference_chosen_turns", turn(&[-1.2, -0.4]))
        .with("policy_rejected_turns", turn(&[-0.3, -2.0]))
        .with("reference_rejected_turns", turn(&[-0.6, -1.1]));
    for gamma in [0.1, 0.7, 0.99] {
        let dmpo = evaluate("dmpo", &json!({ "beta": 0.1, "gamma": gamma }), &inputs).loss[0];
        let dpo = evaluate("dpo", &json!({ "beta": 0.1 }), &pair([-1.5, -2.3, -1.6, -1.7])).loss[0];
        assert!((dmpo - dpo).abs() < 1e-14, "{gamma}: {dmpo} {dpo}");
    }
}

#[test]
fn todo_finds_the_difference_that_half_wins_shrink() {
    // Rao-Kupper: win sigmoid(u - a), loss sigmoid(-u - a), tie the rest
    let alpha = 0.5;
    for u in [0.4, 1.0, 2.5] {
        let (win, lose) = (sigmoid(u - alpha), sigmoid(-u - alpha));
        let odds = [win, lose, 1.0 - win - lose];
        let slope = |at: f64| {
            let rows = [[at, 0.0], [0.0, at], [at, 0.0]];
            let column = |k: usize| Array::column(&rows.map(|row| row[k]));
            let inputs = Inputs::new()
                .with("policy_chosen", column(0))
                .with("policy_rejected", column(1))
                .with("reference_chosen", Array::column(&[0.0; 3]))
                .with("reference_rejected", Array::column(&[0.0; 3]))
                .with("tie", Array::column(&[0.0, 0.0, 1.0]));
            let found = evaluate("todo", &json!({ "alpha": alpha, "beta": 1.0 }), &inputs);
            let [up, down] = ["policy_chosen", "policy_rejected"].map(|k| found.gradient[k].numbers());
            // by the log-probability of the first response; in the second row it is the other one
            odds[0] * up[0] + odds[1] * down[1] + odds[2] * up[2]
        };
        assert!(slope(u).abs() < 1e-14, "{u}: {}", slope(u));
        assert!(slope(u - 0.01) < 0.0 && slope(u + 0.01) > 0.0);
        // DPO with a tie for half a win each: a smaller difference
        let half = win + 0.5 * odds[2];
        assert!((half / (1.0 - half)).ln() < u - 0.02, "{u}");
    }
}

#[test]
fn brain_of_two_draws_is_a_soft_label() {
    let (policy, prior, reward) = ([-1.0, -2.2], [-1.4, -1.1], [0.9, 0.2]);
    let tau = 0.5;
    let inputs = Inputs::new()
        .with("log_policy", Array::column(&policy))
        .with("log_proposal", Array::column(&prior))
        .with("log_prior", Array::column(&prior))
        .with("reward", Array::column(&reward));
    let brain = evaluate("brain", &json!({ "tau": tau }), &inputs);
    let inputs = pair([policy[0], policy[1], prior[0], prior[1]])
        .with("score_chosen", Array::column(&reward[..1]))
        .with("score_rejected", Array::column(&reward[1..]));
    let soft = evaluate("mmpo", &json!({ "beta": 1.0, "bt_beta": 1.0 / tau }), &inputs);
    let a = sigmoid((reward[0] - reward[1]) / tau);
    let entropy = -a * a.ln() - (1.0 - a) * (1.0 - a).ln();
    assert!((brain.loss.iter().sum::<f64>() - (soft.loss[0] - entropy)).abs() < 1e-14);
    let own = brain.gradient["log_policy"].numbers();
    assert!((own[0] - soft.gradient["policy_chosen"].numbers()[0]).abs() < 1e-14, "{own:?}");
    assert!((own[1] - soft.gradient["policy_rejected"].numbers()[0]).abs() < 1e-14, "{own:?}");
}

#[test]
fn mmpo_with_the_margins_of_the_reward_has_its_optimum_at_the_tilted_reference() {
    // one row a pair, no draw: p = sigmoid(g m) with g m = r_i - r_j has slope 0 at beta h = r
    let (beta, bt_beta) = (0.3, 2.2);
    let (r, l0) = ([0.8, -0.1], [-0.9, -0.5]);
    let inputs = pair([l0[0] + r[0] / beta, l0[1] + r[1] / beta, l0[0], l0[1]])
        .with("score_chosen", Array::column(&[r[0] / bt_beta]))
        .with("score_rejected", Array::column(&[r[1] / bt_beta]));
    let found = evaluate("mmpo", &json!({ "beta": beta, "bt_beta": bt_beta }), &inputs);
    assert!(found.gradient["policy_chosen"].numbers()[0].abs() < 1e-15);
    // a hard label never rests
    let hard = evaluate("dpo", &json!({ "beta": beta }), &inputs_without_scores(&inputs));
    assert!(hard.gradient["policy_chosen"].numbers()[0] < -0.05);
}

fn inputs_without_scores(inputs: &Inputs) -> Inputs {
    let names = ["policy_chosen", "policy_rejected", "reference_chosen", "reference_rejected"];
    names.iter().fold(Inputs::new(), |out, name| out.with(name, inputs.array(name).unwrap().clone()))
}
