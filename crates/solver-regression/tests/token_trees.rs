//! Losses of tokens on a tree: what TDPO pays in KL for its reward, and how long the responses become that losses prefer.

#![allow(clippy::print_stdout, reason = "the figures are what the tests report")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use equipoise_core::logistic::logistic;
use equipoise_core::simplex::log_sum_exp;
use equipoise_core::{Rng, lbfgs, sample, seed};
use equipoise_solver_regression::objectives::{Array, Inputs, objective};
use serde_json::{Value, json};

/// Of the way from the reference's reward to the largest; TDPO2 comes to rest on the way.
const SHARE: f64 = 0.4;

fn log_softmax(logits: &[f64]) -> Vec<f64> {
    let norm = log_sum_exp(logits.iter().copied());
    logits.iter().map(|l| l - norm).collect()
}

/// Token by token: a row of logits for every prefix, responses of `depth` tokens.
struct Tokens {
    vocabulary: usize,
    depth: usize,
    /// `log mu` at every node, and the reward of every leaf.
    reference: Vec<Vec<f64>>,
    reward: Vec<f64>,
}

impl Tokens {
    fn new(vocabulary: usize, depth: usize, number: u64) -> Self {
        let mut rng = seed::stream(number, "tdpo", &[]);
        let nodes = (0..depth).map(|d| vocabulary.pow(d as u32)).sum();
        let mut row = |n: usize, scale: f64| (0..n).map(|_| scale * sample::normal(&mut rng)).collect();
        let reference: Vec<Vec<f64>> = (0..nodes).map(|_| row(vocabulary, 0.5)).collect();
        let reward = row(vocabulary.pow(depth as u32), 1.0);
        Self { vocabulary, depth, reference, reward }
    }

    /// Nodes and tokens on the way to a leaf.
    fn path(&self, leaf: usize) -> Vec<(usize, usize)> {
        let (mut first, mut prefix, mut path) = (0, 0, Vec::new());
        for d in 0..self.depth {
            let token = leaf / self.vocabulary.pow((self.depth - 1 - d) as u32) % self.vocabulary;
            path.push((first + prefix, token));
            first += self.vocabulary.pow(d as u32);
            prefix = prefix * self.vocabulary + token;
        }
        path
    }

    /// Expected reward, and `KL(pi || mu)` of whole responses, in nats.
    fn told(&self, logits: &[Vec<f64>]) -> (f64, f64) {
        let [pi, mu] =
            [logits, &self.reference].map(|l| l.iter().map(|l| log_softmax(l)).collect::<Vec<_>>());
        (0..self.reward.len()).fold((0.0, 0.0), |(reward, kl), leaf| {
            let sum =
                |of: &[Vec<f64>]| self.path(leaf).iter().map(|&(node, token)| of[node][token]).sum::<f64>();
            let (p, m): (f64, f64) = (sum(&pi), sum(&mu));
            (reward + p.exp() * self.reward[leaf], kl + p.exp() * (p - m))
        })
    }

    /// The KL that gradient descent on the population loss of all pairs has paid when it first has `share` of the way from the
    /// reference's reward to the largest.
    fn paid(&self, options: &Value, share: f64) -> f64 {
        let leaves = self.reward.len();
        let pairs: Vec<(usize, usize)> =
            (0..leaves).flat_map(|w| (0..leaves).filter(move |l| *l != w).map(move |l| (w, l))).collect();
        let paths: Vec<_> = (0..leaves).map(|leaf| self.path(leaf)).collect();
        // the token at t is scored by the logits at t - 1
        let cube = |logits: &[Vec<f64>], chosen: bool| {
            let row = |&(w, l): &(usize, usize)| {
                let path = &paths[if chosen { w } else { l }];
                let mut rows: Vec<Vec<f64>> = path.iter().map(|(node, _)| logits[*node].clone()).collect();
                rows.push(vec![0.0; self.vocabulary]);
                rows
            };
            Array::cubes(&pairs.iter().map(row).collect::<Vec<_>>())
        };
        let labels = |chosen: bool| {
            let row = |&(w, l): &(usize, usize)| {
                let path = &paths[if chosen { w } else { l }];
                std::iter::once(-100.0).chain(path.iter().map(|(_, token)| *token as f64)).collect::<Vec<_>>()
            };
            Array::rows(&pairs.iter().map(row).collect::<Vec<_>>())
        };
        let (start, _) = self.told(&self.reference);
        let most = self.reward.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut logits = self.reference.clone();
        for _ in 0..20_000 {
            let (reward, kl) = self.told(&logits);
            if reward - start >= share * (most - start) {
                return kl;
            }
            let inputs = Inputs::new()
                .with("policy_logits_chosen", cube(&logits, true))
                .with("policy_logits_rejected", cube(&logits, false))
                .with("reference_logits_chosen", cube(&self.reference, true))
                .with("reference_logits_rejected", cube(&self.reference, false))
                .with("labels_chosen", labels(true))
                .with("labels_rejected", labels(false));
            let found = objective("tdpo").unwrap().evaluate(options, &inputs).unwrap().evaluation;
            let mut g: Vec<Vec<f64>> = self.reference.iter().map(|row| vec![0.0; row.len()]).collect();
            for (name, chosen) in [("policy_logits_chosen", true), ("policy_logits_rejected", false)] {
                let numbers = found.gradient[name].numbers();
                let width = (self.depth + 1) * self.vocabulary;
                for (row, &(w, l)) in numbers.chunks(width).zip(&pairs) {
                    let weight = logistic(self.reward[w] - self.reward[l]) / pairs.len() as f64;
                    for (t, (node, _)) in paths[if chosen { w } else { l }].iter().enumerate() {
                        let of = &row[t * self.vocabulary..(t + 1) * self.vocabulary];
                        g[*node].iter_mut().zip(of).for_each(|(g, x)| *g += weight * x);
                    }
                }
            }
            let steps = logits.iter_mut().flatten().zip(g.iter().flatten());
            steps.for_each(|(l, g)| *l -= 4.0 * g);
        }
        f64::INFINITY
    }
}

/// KL at the share, for DPO, TDPO1 and TDPO2; TDPO2 with weight 0 is DPO.
fn frontier(vocabulary: usize, depth: usize, seeds: u64) -> Vec<[f64; 3]> {
    let of = |number: u64| {
        let tokens = Tokens::new(vocabulary, depth, number);
        let kinds = [
            json!({ "beta": 0.1, "alpha": 0.0, "tdpo2": true }),
            json!({ "beta": 0.1, "tdpo2": false }),
            json!({ "beta": 0.1, "alpha": 0.5, "tdpo2": true }),
        ];
        kinds.map(|options| tokens.paid(&options, SHARE))
    };
    let found: Vec<_> = (0..seeds).map(of).collect();
    println!("KL at {SHARE} of the way, dpo, tdpo1, tdpo2: {found:.3?}");
    found
}

#[test]
fn tdpo_frontier_of_trees_of_two_tokens() {
    for [dpo, tdpo1, tdpo2] in frontier(3, 2, 4) {
        assert!(tdpo2 < dpo && (tdpo1 / dpo - 1.0).abs() < 0.1, "{dpo} {tdpo1} {tdpo2}");
    }
}

/// `cargo test --release -p equipoise-solver-regression --test token_trees -- --ignored --nocapture frontier`
#[test]
#[ignore = "the size of the study: four minutes without optimisation"]
fn tdpo_frontier_of_trees_of_three_tokens() {
    let found = frontier(3, 3, 8);
    // where TDPO2 comes that far at all
    let arrived: Vec<_> = found.iter().filter(|f| f[2].is_finite()).collect();
    assert!(arrived.len() >= 6, "{found:?}");
    for [dpo, tdpo1, tdpo2] in arrived {
        assert!(tdpo2 < dpo && (tdpo1 / dpo - 1.0).abs() < 0.1, "{dpo} {tdpo1} {tdpo2}");
    }
}

/// Responses that end with a token of their own or after `depth` tokens: length and `log mu` of each, where every node ends with
/// about a third.
fn responses(depth: usize, rng: &mut Rng) -> (Vec<f64>, Vec<f64>) {
    let (mut open, mut lengths, mut logs) = (vec![0.0], Vec::new(), Vec::new());
    for level in 1..=depth {
        let mut next = Vec::new();
        for before in open {
            let row = log_softmax(&[0.0; 3].map(|_| 0.3 * sample::normal(rng)));
            for (token, l) in row.iter().enumerate() {
                if token == 0 || level == depth {
                    lengths.push(level as f64);
                    logs.push(before + l);
                } else {
                    next.push(before + l);
                }
            }
        }
        open = next;
    }
    (lengths, logs)
}

/// Mean length and mean reward of the policy over the responses that minimises a loss on all pairs, Bradley-Terry labels.
fn fitted(name: &str, options: &Value, (lengths, mu): (&[f64], &[f64]), reward: &[f64]) -> (f64, f64) {
    let n = mu.len();
    let pairs: Vec<(usize, usize)> =
        (0..n).flat_map(|w| (0..n).filter(move |l| *l != w).map(move |l| (w, l))).collect();
    let sides = |of: &[f64]| {
        let column = |side: fn(&(usize, usize)) -> usize| {
            Array::column(&pairs.iter().map(|p| of[side(p)]).collect::<Vec<_>>())
        };
        [column(|p| p.0), column(|p| p.1)]
    };
    let takes = |input: &str| (objective(name).unwrap().inputs)().iter().any(|i| i.name == input);
    let (with_reference, with_length) = (takes("reference_chosen"), takes("length_chosen"));
    let mut theta = mu.to_vec();
    let found = lbfgs::minimise(&mut theta, 1e-9, 5_000, |theta, out| {
        let l = log_softmax(theta);
        let [chosen, rejected] = sides(&l);
        let mut inputs = Inputs::new().with("policy_chosen", chosen).with("policy_rejected", rejected);
        if with_reference {
            let [chosen, rejected] = sides(mu);
            inputs = inputs.with("reference_chosen", chosen).with("reference_rejected", rejected);
        }
        if with_length {
            let [chosen, rejected] = sides(lengths);
            inputs = inputs.with("length_chosen", chosen).with("length_rejected", rejected);
        }
        let found = objective(name).unwrap().evaluate(options, &inputs).unwrap().evaluation;
        let weight = |&(w, l): &(usize, usize)| logistic(reward[w] - reward[l]) / pairs.len() as f64;
        let mut g = vec![0.0; n];
        let [of_chosen, of_rejected] =
            ["policy_chosen", "policy_rejected"].map(|k| found.gradient[k].numbers());
        for (k, pair) in pairs.iter().enumerate() {
            g[pair.0] += weight(pair) * of_chosen[k];
            g[pair.1] += weight(pair) * of_rejected[k];
        }
        let total: f64 = g.iter().sum();
        out.iter_mut().zip(&g).zip(&l).for_each(|((o, g), l)| *o = g - l.exp() * total);
        found.loss.iter().zip(&pairs).map(|(loss, pair)| weight(pair) * loss).sum()
    });
    assert!(found.gradient < 1e-7, "{name}: {}", found.gradient);
    let l = log_softmax(&theta);
    let mean = |of: &[f64]| l.iter().zip(of).map(|(l, x)| l.exp() * x).sum();
    (mean(lengths), mean(reward))
}

/// Mean lengths: the reference; sums without a reference at a reward that knows no length; DPO at the same reward; then with 0.3 a
/// token DPO and SimPO with target margins of 0, 0.5 and 1.5.
fn lengths(depth: usize, seeds: u64) -> Vec<[f64; 7]> {
    let of = |number: u64| {
        let mut rng = seed::stream(number, "length", &[]);
        let (lengths, mu) = responses(depth, &mut rng);
        let plain: Vec<f64> = mu.iter().map(|_| 0.5 * sample::normal(&mut rng)).collect();
        let long: Vec<f64> = plain.iter().zip(&lengths).map(|(r, len)| r + 0.3 * len).collect();
        let start = mu.iter().zip(&lengths).map(|(l, len)| l.exp() * len).sum();
        let of =
            |name: &str, options: Value, reward: &[f64]| fitted(name, &options, (&lengths, &mu), reward).0;
        let simpo = |g: f64| of("simpo", json!({ "beta": 2.0, "gamma_beta_ratio": 0.5 * g }), &long);
        [
            start,
            of("cpo", json!({ "beta": 1.0, "nll": 0.0 }), &plain),
            of("dpo", json!({ "beta": 1.0 }), &plain),
            of("dpo", json!({ "beta": 1.0 }), &long),
            simpo(0.0),
            simpo(0.5),
            simpo(1.5),
        ]
    };
    let found: Vec<_> = (0..seeds).map(of).collect();
    println!("mean lengths, mu, sum, dpo; with 0.3 a token dpo, simpo 0, 0.5, 1.5: {found:.2?}");
    found
}

#[test]
fn sums_without_a_reference_are_long_and_a_margin_lengthens() {
    for [mu, sum, dpo, _, simpo, _, margin] in lengths(4, 3) {
        assert!(
            sum > mu + 0.8 && (dpo - mu).abs() < sum - mu && margin > simpo,
            "{mu} {sum} {dpo} {simpo} {margin}"
        );
    }
}

/// `cargo test --release -p equipoise-solver-regression --test token_trees -- --ignored --nocapture length`
#[test]
#[ignore = "the size of the study"]
fn lengths_of_trees_of_five_tokens() {
    for [mu, sum, dpo, _, simpo, _, margin] in lengths(5, 8) {
        assert!(
            sum > mu + 1.0 && (dpo - mu).abs() < sum - mu && margin > simpo,
            "{mu} {sum} {dpo} {simpo} {margin}"
        );
    }
}
