//! Every policy class against finite differences, transposes, and a second way to its policy.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use equipoise_core::class_entry::{Contexts, PolicyEntry};
use equipoise_core::{Policy, PolicyClass, Rng, Shape, lbfgs, sample, seed, simplex};
use equipoise_policies::{POLICIES, policy};
use serde_json::{Value, json};

fn normals(n: usize, rng: &mut Rng) -> Vec<f64> {
    (0..n).map(|_| sample::normal(rng)).collect()
}

fn contexts(reference: Policy) -> Contexts {
    Contexts { reference, name: "train".into() }
}

/// Ragged contexts with a random reference.
fn ragged(actions: &[usize], rng: &mut Rng) -> Contexts {
    let shape = Shape::ragged(actions.iter().copied()).unwrap();
    let logits = normals(shape.len(), rng).into();
    contexts(Policy::from_logits(&shape, logits).unwrap())
}

fn bind(entry: &PolicyEntry, options: &Value, contexts: &Contexts) -> Arc<dyn PolicyClass> {
    entry.bind(options, contexts).unwrap_or_else(|e| panic!("{}: {e}", entry.name))
}

fn log_probs(class: &dyn PolicyClass, theta: &[f64]) -> Policy {
    let mut policy = Policy::uniform(class.shape());
    class.evaluate(theta, &mut policy).unwrap();
    policy
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Every class with its defaults, and the options that change how it computes.
fn cases() -> Vec<(&'static PolicyEntry, Value)> {
    let more = [
        ("log-linear", json!({"features": "actions"})),
        ("mlp", json!({"features": {"random": {"dimension": 3}}, "hidden": [5, 4]})),
        ("token-tree", json!({"end_token": true})),
        ("token-tree", json!({"vocabulary": 2, "order": 1})),
        ("token-tree", json!({"end_token": true, "order": 0})),
        ("multi-turn", json!({"observations": 3})),
    ];
    let defaults = POLICIES.iter().map(|entry| (entry, Value::Null));
    defaults.chain(more.map(|(name, options)| (policy(name).unwrap(), options))).collect()
}

#[test]
fn a1_pull_is_the_transpose_of_push_and_push_the_difference_quotient() {
    for (entry, options) in cases() {
        let mut rng = seed::stream(1, "classes", &[entry.name]);
        let class = bind(entry, &options, &ragged(&[5, 1, 8, 2], &mut rng));
        let (n, parameters) = (class.shape().len(), class.initial().len());
        let mut theta = class.initial().to_vec();
        theta.iter_mut().for_each(|t| *t += 0.7 * sample::normal(&mut rng));
        let at = log_probs(&*class, &theta);
        let (v, g) = (normals(parameters, &mut rng), normals(n, &mut rng));
        let (mut pushed, mut pulled) = (vec![f64::NAN; n], vec![0.0; parameters]);
        class.push(&theta, &at, &v, &mut pushed);
        class.pull(&theta, &at, &g, &mut pulled);
        let (forward, backward) = (dot(&g, &pushed), dot(&pulled, &v));
        assert!((forward - backward).abs() < 1e-12 * (1.0 + forward.abs()), "{} {options}", entry.name);
        let moved = |by: f64| {
            let there: Vec<f64> = theta.iter().zip(&v).map(|(t, v)| t + by * v).collect();
            log_probs(&*class, &there)
        };
        let step = 1e-6;
        let (up, down) = (moved(step), moved(-step));
        for k in 0..n {
            let measured = (up.log_probs()[k] - down.log_probs()[k]) / (2.0 * step);
            let error = (measured - pushed[k]).abs() / (1.0 + measured.abs());
            assert!(error < 1e-8, "{} {options}: {k}: {measured} {}", entry.name, pushed[k]);
        }
        // probabilities stay on the simplex: sum p dl = 0
        for row in class.shape().ranges() {
            let flow: f64 = row.map(|k| at.probs()[k] * pushed[k]).sum();
            assert!(flow.abs() < 1e-13, "{}", entry.name);
        }
    }
}

#[test]
fn gradients_of_many_contexts_are_the_transpose_of_push_too() {
    // more entries than are taken back at once, a context that is longer than that, and units that fill no vector
    let actions: Vec<usize> = (0..900).map(|x| if x == 400 { 5_000 } else { 1 + x % 13 }).collect();
    let more = [
        ("log-linear", json!({"features": {"random": {"dimension": 11}}})),
        ("mlp", json!({"features": {"random": {"dimension": 9}}, "hidden": [11, 3]})),
        ("mlp-encoder", json!({"input": 3, "hidden": [11, 9]})),
        ("table", Value::Null),
    ];
    for (name, options) in more {
        let mut rng = seed::stream(4, "classes", &[name]);
        let class = bind(policy(name).unwrap(), &options, &ragged(&actions, &mut rng));
        let mut theta = class.initial().to_vec();
        theta.iter_mut().for_each(|t| *t += 0.3 * sample::normal(&mut rng));
        let at = log_probs(&*class, &theta);
        let (v, g) = (normals(theta.len(), &mut rng), normals(at.shape().len(), &mut rng));
        let (mut pushed, mut pulled) = (vec![f64::NAN; g.len()], vec![0.0; theta.len()]);
        class.push(&theta, &at, &v, &mut pushed);
        class.pull(&theta, &at, &g, &mut pulled);
        let scale: f64 = g.iter().zip(&pushed).map(|(a, b)| (a * b).abs()).sum();
        assert!((dot(&g, &pushed) - dot(&pulled, &v)).abs() < 1e-12 * scale, "{name}");
    }
}

#[test]
fn every_class_starts_at_the_reference_and_adds_to_what_it_is_given() {
    for (entry, options) in cases() {
        let mut rng = seed::stream(2, "classes", &[entry.name]);
        let contexts = ragged(&[4, 9, 1], &mut rng);
        let class = bind(entry, &options, &contexts);
        let start = log_probs(&*class, class.initial());
        for (a, b) in start.log_probs().iter().zip(contexts.reference.log_probs()) {
            assert!((a - b).abs() < 1e-13, "{} {options}", entry.name);
        }
        let g = normals(class.shape().len(), &mut rng);
        let mut once = vec![0.0; class.initial().len()];
        class.pull(class.initial(), &start, &g, &mut once);
        let mut twice = once.clone();
        class.pull(class.initial(), &start, &g, &mut twice);
        assert!(once.iter().zip(&twice).all(|(a, b)| (2.0 * a - b).abs() < 1e-14), "{}", entry.name);
    }
}

#[test]
fn a_linear_class_says_so_rightly() {
    for (entry, options) in cases() {
        let mut rng = seed::stream(3, "classes", &[entry.name]);
        let class = bind(entry, &options, &ragged(&[6, 3], &mut rng));
        let (a, b) = (normals(class.initial().len(), &mut rng), normals(class.initial().len(), &mut rng));
        let sum: Vec<f64> = a.iter().zip(&b).zip(class.initial()).map(|((a, b), i)| a + b - i).collect();
        let logs = [&a[..], &b, &sum, class.initial()].map(|theta| log_probs(&*class, theta));
        // s(a) + s(b) - s(a + b) - s(0), up to a constant a context
        let odd: Vec<f64> = (0..class.shape().len())
            .map(|k| {
                let [a, b, sum, start] = [0, 1, 2, 3].map(|j| logs[j].log_probs()[k]);
                a + b - sum - start
            })
            .collect();
        let spread = class.shape().ranges().fold(0.0, |m: f64, row| {
            let first = odd[row.start];
            odd[row].iter().fold(m, |m, o| m.max((o - first).abs()))
        });
        assert_eq!(class.is_linear(), spread < 1e-12, "{} {options}: {spread}", entry.name);
    }
}

#[test]
fn a_table_is_log_linear_with_one_feature_an_action() {
    let mut rng = seed::stream(4, "classes", &[]);
    let contexts = ragged(&[4, 2], &mut rng);
    let identity: Vec<Vec<f64>> =
        (0..6).map(|k| (0..6).map(|j| f64::from(u8::from(j == k))).collect()).collect();
    let table = bind(policy("table").unwrap(), &Value::Null, &contexts);
    let options = json!({"features": {"values": identity}});
    let linear = bind(policy("log-linear").unwrap(), &options, &contexts);
    let theta = normals(6, &mut rng);
    assert_eq!(log_probs(&*table, &theta), log_probs(&*linear, &theta));
    let (at, weights) = (log_probs(&*table, &theta), normals(6, &mut rng));
    let (mut a, mut b) = ([[0.0; 6]; 2], [[0.0; 6]; 2]);
    for (class, found) in [(&table, &mut a), (&linear, &mut b)] {
        class.pull(&theta, &at, &weights, &mut found[0]);
        class.diagonal(&theta, &weights, &mut found[1]);
    }
    assert_eq!(a, b);
}

#[test]
fn a_net_of_one_unit_is_what_it_is_by_hand() {
    let contexts = contexts(Policy::uniform(&Shape::single(3).unwrap()));
    let options = json!({"features": {"values": [[0.5], [-1.0], [2.0]]}, "hidden": [1]});
    let class = bind(policy("mlp").unwrap(), &options, &contexts);
    let scores = |theta: &[f64]| {
        [0.5, -1.0, 2.0].map(|phi: f64| theta[2] * (theta[0] * phi + theta[1]).tanh() + theta[3])
    };
    let theta = [0.8, -0.3, 1.7, 0.4];
    let (first, now) = (scores(class.initial()), scores(&theta));
    let logits = (0..3).map(|k| now[k] - first[k]).collect();
    let expect = Policy::from_logits(contexts.reference.shape(), logits).unwrap();
    for (a, b) in log_probs(&*class, &theta).log_probs().iter().zip(expect.log_probs()) {
        assert!((a - b).abs() < 1e-14);
    }
}

/// Leaves of trees with three tokens and three levels, in breadth-first order: tokens of each path.
fn strings() -> Vec<Vec<usize>> {
    let mut strings: Vec<Vec<usize>> = vec![vec![0], vec![1, 0], vec![2, 0]];
    strings.extend(
        [1, 2].iter().flat_map(|&a| [1, 2].into_iter().flat_map(move |b| (0..3).map(move |c| vec![a, b, c]))),
    );
    strings
}

#[test]
fn a7_the_fixture_without_random_numbers() {
    // approximations of the specification: leaves, KL and expected length of a tree with an end token
    let probs = strings().iter().map(|s| 3f64.powi(-(s.len() as i32))).collect();
    let shape = Shape::single(15).unwrap();
    let contexts = contexts(Policy::from_probs(&shape, probs).unwrap());
    let class = bind(policy("token-tree").unwrap(), &json!({"end_token": true}), &contexts);
    assert_eq!(class.initial().len(), 21);
    let at = |f: fn(f64) -> f64| log_probs(&*class, &(0..21).map(|k| f(f64::from(k))).collect::<Vec<_>>());
    let (pi, mu) = (at(|k| (1.0 + k).sin()), at(|k| (1.0 + 2.0 * k).cos()));
    assert!((pi.log_probs()[0] - -0.942_578_4).abs() < 1e-7);
    assert!((pi.log_probs()[1] - -2.106_977_63).abs() < 1e-8);
    let kl = |p: &Policy, r: &Policy| {
        simplex::kl(p.probs_slice(), p.log_probs_slice(), r.probs_slice(), r.log_probs_slice())
    };
    assert!((kl(&pi, &mu) - 0.613_687_973_756_717_5).abs() < 1e-14);
    assert!((kl(&mu, &pi) - 0.448_411_044_785_810_9).abs() < 1e-14);
    let length: f64 = strings().iter().zip(pi.probs()).map(|(s, p)| s.len() as f64 * p).sum();
    assert!((length - 2.038_273_672_000_25).abs() < 1e-14);
}

#[test]
fn a_tree_is_the_product_of_its_softmaxes() {
    // tied by the last token: rows for the empty string, then for the last token 0, 1, 2
    let contexts = contexts(Policy::uniform(&Shape::ragged([27, 9]).unwrap()));
    let class = bind(policy("token-tree").unwrap(), &json!({"order": 1}), &contexts);
    let mut rng = seed::stream(5, "classes", &[]);
    let theta = normals(12, &mut rng);
    assert_eq!(class.initial().len(), 12);
    let policy = log_probs(&*class, &theta);
    let token = |row: usize, v: usize| {
        let row = &theta[3 * row..3 * row + 3];
        row[v].exp() / row.iter().map(|t| t.exp()).sum::<f64>()
    };
    for (x, depth) in [(0, 3), (1, 2)] {
        for (y, p) in policy.probs_at(x).iter().enumerate() {
            let digits: Vec<usize> = (0..depth).rev().map(|k| y / 3usize.pow(k) % 3).collect();
            let product: f64 = (0..depth as usize)
                .map(|k| token(if k == 0 { 0 } else { 1 + digits[k - 1] }, digits[k]))
                .product();
            assert!((p - product).abs() < 1e-15, "{x} {y}");
        }
    }
    for (order, parameters) in [(0, 3), (1, 12), (2, 39), (3, 120)] {
        let eighty_one = self::contexts(Policy::uniform(&Shape::single(81).unwrap()));
        let class = bind(self::policy("token-tree").unwrap(), &json!({"order": order}), &eighty_one);
        assert_eq!(class.initial().len(), parameters);
    }
}

/// Log-probabilities of policy and nature on two moves, two observations, three turns, by the definition.
fn conversation(moves: &dyn Fn(&[usize], usize) -> f64, nature: &dyn Fn(&[usize], usize) -> f64) -> Vec<f64> {
    (0..32)
        .map(|y| {
            let path: Vec<usize> = (0..5).rev().map(|k| (y >> k) & 1).collect();
            (0..5).map(|k| if k % 2 == 0 { moves } else { nature }(&path[..k], path[k])).product()
        })
        .collect()
}

#[test]
fn a6_best_responses_on_trees_with_nature() {
    let mut rng = seed::stream(6, "classes", &[]);
    // some law of nature and some reference, by the string before
    let table = normals(64, &mut rng);
    let law = move |path: &[usize], v: usize, of: usize| {
        let z = table[(path.iter().fold(1, |k, v| 2 * k + v) + of) % 64];
        let p = 1.0 / (1.0 + (-z).exp());
        if v == 0 { p } else { 1.0 - p }
    };
    let nature = |path: &[usize], v: usize| law(path, v, 32);
    let mu = conversation(&|path, v| law(path, v, 0), &nature);
    let contexts = contexts(Policy::from_probs(&Shape::single(32).unwrap(), mu.into()).unwrap());
    let class = bind(policy("multi-turn").unwrap(), &Value::Null, &contexts);
    let gain = normals(32, &mut rng);
    // tau = 0: the best of all deterministic policies; 21 nodes of which 1 + 4 + 16 are the policy's
    let best = class.best_value(&gain, 0.0).unwrap()[0];
    let value = |probs: &[f64]| dot(probs, &gain);
    let random = (0..20_000).map(|k| {
        let mut rng = seed::stream(k, "deterministic", &[]);
        let choice: Vec<usize> = (0..64).map(|_| sample::index(&mut rng, 2)).collect();
        let of = |path: &[usize]| choice[path.iter().fold(1, |k, v| 2 * k + v)];
        value(&conversation(&|path, v| f64::from(u8::from(of(path) == v)), &nature))
    });
    assert!(random.fold(f64::NEG_INFINITY, f64::max) <= best + 1e-12);
    // (I1): V = <pi, r> - tau KL(pi || mu) + tau KL(pi || BR); at the best response itself the KL vanishes,
    // which a policy moved to it by gradient ascent shows
    let tau = 0.3;
    let soft = class.best_value(&gain, tau).unwrap()[0];
    let mut theta = class.initial().to_vec();
    let ratio = |pi: &Policy| -> Vec<f64> {
        pi.log_probs().iter().zip(contexts.reference.log_probs()).map(|(l, m)| l - m).collect()
    };
    let reached = -lbfgs::minimise(&mut theta, 1e-11, 2000, |theta, down| {
        let pi = log_probs(&*class, theta);
        let ratio = ratio(&pi);
        let reached = value(pi.probs_slice()) - tau * dot(pi.probs_slice(), &ratio);
        assert!(reached <= soft + 1e-13);
        let g: Vec<f64> = (0..32).map(|k| pi.probs()[k] * (tau * ratio[k] - gain[k])).collect();
        down.fill(0.0);
        class.pull(theta, &pi, &g, down);
        -reached
    })
    .value;
    assert!((reached - soft).abs() < 1e-13, "{reached} {soft}");
    // and nature's law has not moved
    let pi = log_probs(&*class, &theta);
    let of = |prefix: usize, bits: usize| -> f64 {
        (0..32).filter(|y| y >> (5 - bits) == prefix).map(|y| pi.probs()[y]).sum()
    };
    for first in 0..2 {
        let ours = of(2 * first, 2) / of(first, 1);
        assert!((ours - nature(&[first], 0)).abs() < 1e-13);
    }
}

#[test]
fn a6_without_nature_the_best_response_is_the_softmax_of_the_leaves() {
    // with one observation nature has no choice, and the value is that of all tables
    let mut rng = seed::stream(7, "classes", &[]);
    let contexts = ragged(&[8], &mut rng);
    let class = bind(policy("multi-turn").unwrap(), &json!({"observations": 1}), &contexts);
    let gain = normals(8, &mut rng);
    let soft = class.best_value(&gain, 0.2).unwrap()[0];
    let logits = gain.iter().zip(contexts.reference.log_probs()).map(|(g, l)| l + g / 0.2);
    assert!((soft - 0.2 * simplex::log_sum_exp(logits)).abs() < 1e-14);
    let hard = class.best_value(&gain, 0.0).unwrap()[0];
    assert_eq!(hard, gain.iter().copied().fold(f64::NEG_INFINITY, f64::max));
    // trees without nature leave it to the table
    let tree = bind(policy("token-tree").unwrap(), &Value::Null, &contexts);
    assert_eq!(tree.best_value(&gain, 0.2), None);
}

#[test]
fn a15_options_out_of_range_are_refused_by_name() {
    let contexts = contexts(Policy::uniform(&Shape::ragged([3, 4]).unwrap()));
    let cases = [
        ("log-linear", json!({"features": {"random": {"dimension": 0}}}), "features.random.dimension"),
        ("log-linear", json!({"features": {"random": {"dimension": 20_000_000}}}), "features"),
        ("log-linear", json!({"features": {"values": [[1.0]]}}), "features.values"),
        ("log-linear", json!({"features": {"path": "f.csv"}}), "features.path"),
        ("mlp", json!({"hidden": []}), "hidden"),
        ("mlp", json!({"hidden": [32, 257]}), "hidden"),
        ("mlp-encoder", json!({"input": 0}), "input"),
        ("token-tree", json!({"vocabulary": 2, "end_token": true}), "vocabulary"),
        ("token-tree", json!({"vocabulary": 64, "order": 9}), "order"),
        ("multi-turn", json!({"actions": 1}), "actions"),
        ("multi-turn", json!({"observations": 0}), "observations"),
        ("table", json!({"dimension": 1}), "dimension"),
    ];
    for (name, options, key) in cases {
        let error = policy(name).unwrap().bind(&options, &contexts).unwrap_err();
        assert_eq!(error.key(), key, "{error}");
    }
    assert!(policy("log-liner").err().unwrap().to_string().contains("did you mean `log-linear`?"));
}

#[test]
fn the_same_parameters_stand_for_policies_on_other_contexts() {
    let mut rng = seed::stream(8, "classes", &[]);
    let (train, test) = (ragged(&[3, 4], &mut rng), ragged(&[4, 4, 2], &mut rng));
    let test = Contexts { name: "test".into(), ..test };
    for name in ["log-linear", "mlp"] {
        let entry = policy(name).unwrap();
        let [a, b] = [&train, &test].map(|c| bind(entry, &Value::Null, c));
        assert_eq!(a.initial(), b.initial());
        let mut theta = a.initial().to_vec();
        theta[0] += 1.0;
        assert_eq!(log_probs(&*b, &theta).shape(), test.reference.shape());
        assert_ne!(log_probs(&*b, &theta), test.reference);
    }
}
