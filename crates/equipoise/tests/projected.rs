//! The mirror step as a regression in a policy class, against the methods it projects.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use equipoise::policies::gaps::Setting;
use equipoise::policies::{POLICIES, policy};
use equipoise::registry::{games, solver, solvers};
use equipoise_core::class_entry::Contexts;
use equipoise_core::{Oracle, Policy, PolicyClass, Shape, Solver, Task, sample, seed, simplex};
use equipoise_env::{Game, GameOracle, PreferenceMatrix};
use equipoise_testing::{bernoulli_oracle, normal_policy, random_game};
use serde_json::{Value, json};

/// Ragged contexts with uniform random margins.
fn ragged(actions: &[usize], name: &str) -> Arc<Game> {
    let mut rng = seed::stream(1, "projected", &[name]);
    let mut matrix = |n: usize| {
        let margins: Vec<f64> = (0..n * n).map(|_| sample::uniform(&mut rng) - 0.5).collect();
        PreferenceMatrix::from_margins(n, |i, j| margins[n * i + j]).unwrap()
    };
    Arc::new(Game::new(actions.iter().map(|&n| matrix(n)).collect::<Vec<_>>()).unwrap())
}

fn built(name: &str, parameters: &Value, task: &Task) -> Box<dyn Solver> {
    let entry = solver(name).expect("registered");
    entry.build(parameters, task).unwrap_or_else(|e| panic!("{name} {parameters}: {e}")).solver
}

fn bound(name: &str, options: &Value, reference: &Policy) -> Arc<dyn PolicyClass> {
    let contexts = Contexts { reference: reference.clone(), name: "train".into() };
    policy(name).unwrap().bind(options, &contexts).unwrap()
}

/// Largest difference of log-probabilities of last and played iterates over so many steps.
fn apart(a: &mut dyn Solver, b: &mut dyn Solver, oracle: impl Fn() -> GameOracle, steps: u32) -> f64 {
    let (mut of_a, mut of_b) = (oracle(), oracle());
    let (mut rng_a, mut rng_b) = (seed::stream(2, "test", &[]), seed::stream(2, "test", &[]));
    (0..steps).fold(0.0, |worst: f64, _| {
        a.step(&mut of_a, &mut rng_a).unwrap();
        b.step(&mut of_b, &mut rng_b).unwrap();
        let pairs = [(a.policy(), b.policy()), (a.played(), b.played())];
        let far = |(a, b): &(&Policy, &Policy)| {
            let d = a.log_probs().iter().zip(b.log_probs()).map(|(a, b)| (a - b).abs());
            d.fold(0.0, f64::max)
        };
        pairs.iter().map(far).fold(worst, f64::max)
    })
}

#[test]
fn a4_over_all_policies_every_loss_is_the_targets_own_solver() {
    let game = ragged(&[4, 1, 7, 2], "a4");
    let mut rng = seed::stream(3, "projected", &[]);
    for tau in [0.0, 0.2] {
        let reference = normal_policy(game.shape(), 0.7, &mut rng);
        let start = normal_policy(game.shape(), 0.7, &mut rng);
        let task = Task::new(reference).start(start).tau(tau);
        let mut compared = 0;
        for target in ["mwu", "omd", "nash-md", "mirror-prox", "egpo", "omwu", "regularized-omwu", "comal"] {
            let own = match target {
                "comal" => json!({"step_size": 0.3, "comal_tau": 0.5, "inner_steps": 7}),
                _ => json!({"step_size": 0.3}),
            };
            for loss in ["pairs", "uniform-pairs", "pointwise", "cross-entropy", "policy-gradient"] {
                let parameters = json!({
                    "target": target, "step_size": 0.3, "loss": loss, "comal_tau": 0.5, "period": 7,
                });
                let (mut a, mut b) = (built("projected", &parameters, &task), built(target, &own, &task));
                let far = apart(a.as_mut(), b.as_mut(), || GameOracle::exact(game.clone()), 30);
                assert!(far < 1e-12, "{target}, {loss}, tau {tau}: {far:e}");
                assert_eq!(a.step_cost(), b.step_cost(), "{target}, {loss}");
                compared += 1;
            }
        }
        assert_eq!(compared, 40);
    }
}

#[test]
fn a4_sampled_pairs_in_the_table_are_inpo() {
    let game = ragged(&[4, 1, 6], "inpo");
    let mut rng = seed::stream(4, "projected", &[]);
    let reference = normal_policy(game.shape(), 0.7, &mut rng);
    let task = Task::new(reference.clone()).start(normal_policy(game.shape(), 0.5, &mut rng)).tau(0.3);
    let shared = json!({"step_size": 0.4, "regression": "sampled", "duels_per_step": 40});
    let mut inpo = built("inpo", &shared, &task);
    let mut projected = built("projected", &shared, &task);
    let oracle = || bernoulli_oracle(&game, seed::stream(5, "oracle", &[]));
    assert_eq!(inpo.step_cost(), projected.step_cost());
    let far = apart(inpo.as_mut(), projected.as_mut(), oracle, 30);
    assert!(far < 1e-12, "{far:e}");
}

#[test]
fn a4_other_exact_optimisers_arrive_at_the_same_step() {
    let game = ragged(&[4, 3], "exact");
    let task = Task::new(Policy::uniform(game.shape())).tau(0.2);
    for loss in ["pairs", "uniform-pairs", "pointwise", "cross-entropy", "policy-gradient"] {
        let with = |optimiser: &str| {
            built("projected", &json!({"loss": loss, "target": "egpo", "optimiser": optimiser}), &task)
        };
        let (mut a, mut b) = (with("newton"), with("l-bfgs"));
        let far = apart(a.as_mut(), b.as_mut(), || GameOracle::exact(game.clone()), 5);
        assert!(far < 1e-8, "{loss}: {far:e}");
    }
}

/// `J(theta) - tau KL(pi_theta || mu)`, averaged over contexts, against a frozen opponent.
fn value(class: &dyn PolicyClass, theta: &[f64], game: &Arc<Game>, opponent: &Policy, task: &Task) -> f64 {
    let mut pi = Policy::uniform(class.shape());
    class.evaluate(theta, &mut pi).unwrap();
    let mut q = ndarray::Array1::zeros(pi.shape().len());
    GameOracle::exact(game.clone()).win_rates(opponent, &mut q);
    let (p, l, m) = (pi.probs_slice(), pi.log_probs_slice(), task.reference.log_probs_slice());
    let sum: f64 = (0..p.len()).map(|k| p[k] * (q[k] - task.tau * (l[k] - m[k]))).sum();
    sum / game.contexts() as f64
}

#[test]
fn a5_one_gradient_step_is_online_ipo_2_and_the_exact_fit_the_natural_policy_gradient() {
    let game = ragged(&[5, 3, 6], "a5");
    let mut rng = seed::stream(6, "projected", &[]);
    let (eta, tau) = (0.4, 0.3);
    let reference = normal_policy(game.shape(), 0.7, &mut rng);
    let class = bound("log-linear", &json!({"features": {"random": {"dimension": 4}}}), &reference);
    let task = Task::new(reference).tau(tau).class(class.clone());
    let base = json!({"target": "omd", "step_size": eta});
    let with = |more: Value| {
        let mut parameters = base.clone();
        parameters.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        built("projected", &parameters, &task)
    };
    // exact: theta' = (1 - eta tau) theta + eta F^+ grad J, step by step
    let mut exact = with(json!({}));
    let natural = json!({"loss": "policy-gradient", "optimiser": "natural-gradient", "inner_steps": 1});
    let mut natural = with(natural);
    let far = apart(exact.as_mut(), natural.as_mut(), || GameOracle::exact(game.clone()), 25);
    assert!(far < 1e-12, "{far:e}");
    // one step of gradient descent: -lr grad Q = 4 eta lr grad(J - tau KL), by central differences
    let lr = 0.05;
    let mut one = with(json!({"optimiser": {"sgd": {"learning_rate": lr}}, "inner_steps": 1}));
    let mut oracle = GameOracle::exact(game.clone());
    for _ in 0..3 {
        let (before, opponent) = (one.parameters().unwrap().to_vec(), one.policy().clone());
        one.step(&mut oracle, &mut rng).unwrap();
        for (k, after) in one.parameters().unwrap().iter().enumerate() {
            let at = |by: f64| {
                let mut theta = before.clone();
                theta[k] += by;
                value(&*class, &theta, &game, &opponent, &task)
            };
            let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
            assert!((after - before[k] - 4.0 * eta * lr * slope).abs() < 1e-10, "{k}");
        }
    }
}

#[test]
fn a10_the_noise_of_a_sampled_step_follows_its_law() {
    // E KL(population || sampled) m = eta^2 v d / 4, v = the variance of a label around the fit
    let (eta, m, repeats) = (0.5, 512, 1500);
    let mut rng = seed::stream(7, "projected", &[]);
    let game = random_game(8, &mut rng);
    let reference = normal_policy(game.shape(), 0.5, &mut rng);
    for (class, d) in [(None, 7.0), (Some(json!({"features": {"random": {"dimension": 3}}})), 3.0)] {
        let mut task = Task::new(reference.clone()).tau(0.1);
        if let Some(options) = &class {
            task = task.class(bound("log-linear", options, &reference));
        }
        let step = |more: Value, oracle: &mut GameOracle| {
            let mut parameters = json!({"target": "omd", "step_size": eta, "duels_per_step": m});
            parameters.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let mut solver = built("projected", &parameters, &task);
            let mut rng = seed::stream(8, "draws", &[&oracle.cost().duels.to_string(), &more.to_string()]);
            solver.step(oracle, &mut rng).unwrap();
            solver.policy().clone()
        };
        let exact = step(json!({}), &mut GameOracle::exact(game.clone()));
        // at pi = mu the anchor is mu, and the fit's gain is log pi' / mu over eta
        let g: Vec<f64> =
            exact.log_probs().iter().zip(reference.log_probs()).map(|(l, m)| (l - m) / eta).collect();
        let p = reference.probs();
        let mut v = 0.0;
        for i in 0..8 {
            for j in 0..8 {
                let win = game.prob(0, i, j);
                v += p[i] * p[j] * (win * (1.0 - win) + (win - 0.5 - (g[i] - g[j])).powi(2));
            }
        }
        let mut oracle = bernoulli_oracle(&game, seed::stream(9, "oracle", &[]));
        let mean: f64 = (0..repeats)
            .map(|_| {
                let drawn = step(json!({"regression": "sampled"}), &mut oracle);
                simplex::kl(
                    exact.probs_slice(),
                    exact.log_probs_slice(),
                    drawn.probs_slice(),
                    drawn.log_probs_slice(),
                )
            })
            .sum::<f64>()
            / f64::from(repeats);
        let ratio = mean * f64::from(m) / (eta * eta * v * d / 4.0);
        assert!((ratio - 1.0).abs() < 0.1, "{d}: {ratio}");
    }
}

#[test]
fn a15_what_cannot_be_done_is_refused_by_name() {
    let shape = Shape::single(4).unwrap();
    let reference = Policy::uniform(&shape);
    let class = bound("log-linear", &Value::Null, &reference);
    let task = Task::new(reference.clone()).tau(0.5);
    let in_class = task.clone().class(class);
    let refused = |name: &str, parameters: Value, task: &Task| {
        let error = solver(name).unwrap().build(&parameters, task).err().expect("refused");
        (error.key().to_owned(), error.to_string())
    };
    for (parameters, key) in [
        (json!({"step_size": 2.1}), "step_size"),
        (json!({"step_size": 0.0}), "step_size"),
        (json!({"inner_steps": 0}), "inner_steps"),
        (json!({"optimiser": "adam"}), "inner_steps"),
        (json!({"optimiser": "adan"}), "optimiser"),
        (
            json!({"optimiser": {"adam": {"learning_rat": 1.0}}, "inner_steps": 1}),
            "optimiser.adam.learning_rat",
        ),
        (json!({"optimiser": {"adam": {"beta1": 2.0}}, "inner_steps": 1}), "optimiser.adam.beta1"),
        (json!({"loss": "policy-gradient", "regression": "sampled"}), "optimiser"),
        (json!({"target": "comal", "period": 0}), "period"),
        (json!({"target": "comal", "comal_tau": 0.0}), "comal_tau"),
        (json!({"duels_per_step": 0}), "duels_per_step"),
    ] {
        for task in [&task, &in_class] {
            let (found, message) = refused("projected", parameters.clone(), task);
            assert_eq!(found, key, "{message}");
        }
    }
    // a class starts at its reference
    let moved = in_class.clone().start(Policy::from_logits(&shape, vec![0.0, 1.0, 0.0, 0.0].into()).unwrap());
    assert_eq!(refused("projected", json!({}), &moved).0, "policy");
    // a method that moves a table names what can stay in a class
    let mut without = 0;
    for entry in solvers().filter(|e| !e.parametrised) {
        let (key, message) = refused(entry.name, Value::Null, &in_class);
        assert!(
            key == "policy" && message.contains("projected") && message.contains(entry.name),
            "{message}"
        );
        without += 1;
    }
    assert!(without > 30);
}

#[test]
fn every_loss_learns_from_duels_by_every_kind_of_optimiser() {
    let game = ragged(&[4, 6], "sampled");
    let reference = Policy::uniform(game.shape());
    let classes = [
        ("log-linear", json!({"features": {"random": {"dimension": 5}}})),
        ("mlp", Value::Null),
        ("token-tree", Value::Null),
    ];
    for (name, options) in &classes {
        let task = Task::new(reference.clone()).tau(0.1).class(bound(name, options, &reference));
        for loss in ["pairs", "uniform-pairs", "pointwise", "cross-entropy", "policy-gradient"] {
            for target in ["egpo", "omwu", "regularized-omwu", "comal", "nash-md"] {
                let parameters = json!({
                    "target": target, "loss": loss, "regression": "sampled", "duels_per_step": 8,
                    "optimiser": {"adam": {"learning_rate": 0.02}}, "inner_steps": 3,
                });
                let mut solver = built("projected", &parameters, &task);
                let mut oracle = bernoulli_oracle(&game, seed::stream(10, "oracle", &[]));
                let mut rng = seed::stream(11, "draws", &[]);
                for _ in 0..3 {
                    let (before, declared, effort) = (oracle.cost(), solver.step_cost(), solver.effort());
                    solver.step(&mut oracle, &mut rng).unwrap();
                    let now = oracle.cost();
                    assert_eq!(now.duels - before.duels, declared.duels, "{name} {loss} {target}");
                    assert_eq!(now.queries, 0);
                    let after = solver.effort();
                    assert!(
                        after.draws > effort.draws && after.pulls > effort.pulls,
                        "{name} {loss} {target}"
                    );
                    assert!(after.evaluations - effort.evaluations > after.pulls - effort.pulls);
                }
                assert!(solver.notes()[0].contains("decides the limit"));
            }
        }
    }
}

/// Contexts whose margins depend on features of the actions, some of it cyclic; the features, of `width` numbers.
fn of_features(contexts: usize, n: usize) -> (Arc<Game>, Vec<Vec<f64>>) {
    let mut rng = seed::stream(12, "projected", &[]);
    let mut features = Vec::new();
    let matrices: Vec<_> = (0..contexts)
        .map(|_| {
            let rows: Vec<Vec<f64>> =
                (0..n).map(|_| (0..6).map(|_| sample::normal(&mut rng)).collect()).collect();
            features.extend(rows.clone());
            PreferenceMatrix::from_margins(n, |i, j| {
                let (a, b) = (&rows[i], &rows[j]);
                let skew = a[1] * b[2] - a[2] * b[1] + a[3] * b[4] - a[4] * b[3];
                0.5 * (0.5 * (1.5 * (a[0] - b[0]) + 1.5 * skew)).tanh()
            })
            .unwrap()
        })
        .collect();
    (Arc::new(Game::new(matrices).unwrap()), features)
}

#[test]
fn a12_the_fitting_measure_decides_the_limit_and_full_features_reach_the_equilibrium() {
    let (game, own) = of_features(6, 5);
    let reference = Policy::uniform(game.shape());
    let weights = vec![1.0 / 6.0; 6];
    let margins = |pi: &Policy, out: &mut ndarray::Array1<f64>| game.margins(pi, out);
    let setting = Setting { margins: &margins, reference: &reference, tau: 0.1, weights: &weights };
    let mut rng = seed::stream(13, "features", &[]);
    let mut gaps = Vec::new();
    for d in [8usize, 16, 30] {
        // random functions of the features that the game has
        let drawn: Vec<(Vec<f64>, f64)> = (0..d)
            .map(|_| {
                ((0..6).map(|_| 0.5 * sample::normal(&mut rng)).collect(), 3.0 * sample::uniform(&mut rng))
            })
            .collect();
        let values: Vec<Vec<f64>> = own
            .iter()
            .map(|x| {
                drawn
                    .iter()
                    .map(|(w, b)| (x.iter().zip(w).map(|(x, w)| x * w).sum::<f64>() + b).cos())
                    .collect()
            })
            .collect();
        let class = bound("log-linear", &json!({"features": {"values": values}}), &reference);
        let task = Task::new(reference.clone()).tau(0.1).class(class.clone());
        let limit = |loss: &str| {
            let parameters = json!({"target": "egpo", "step_size": 0.5, "loss": loss});
            let mut solver = built("projected", &parameters, &task);
            let mut oracle = GameOracle::exact(game.clone());
            for _ in 0..600 {
                solver.step(&mut oracle, &mut rng.clone()).unwrap();
            }
            (setting.gap(solver.policy()), solver.parameters().unwrap().to_vec())
        };
        let ((pairs, theta), (uniform, _)) = (limit("pairs"), limit("uniform-pairs"));
        let (least, _) = setting.realisability(&*class, &theta, 2);
        let inside = setting.class_gap(&*class, &theta, 2);
        assert!((inside.most - pairs).abs() < 1e-13 && inside.least <= inside.most, "{inside:?}");
        gaps.push((least.most, pairs, uniform, inside.least, setting.gap(&reference)));
    }
    for (least, pairs, uniform, inside, _) in &gaps[..2] {
        assert!(least < pairs && least < uniform && inside < pairs, "{gaps:?}");
    }
    // with too few features self-play ends above the reference, which it left; with enough the pairs of the policy itself come nearest
    let ((_, few, _, _, start), (_, pairs, uniform, ..)) = (gaps[0], gaps[1]);
    assert!(few > start && pairs < uniform && uniform < start, "{gaps:?}");
    let (least, pairs, uniform, ..) = gaps[2];
    assert!(least < 1e-8 && pairs < 1e-8 && uniform < 1e-8, "{gaps:?}");
}

#[test]
fn over_all_policies_the_bracket_of_the_class_closes() {
    let game = ragged(&[4, 3], "bracket");
    let mut rng = seed::stream(14, "projected", &[]);
    let reference = normal_policy(game.shape(), 0.5, &mut rng);
    let table = bound("table", &Value::Null, &reference);
    let margins = |pi: &Policy, out: &mut ndarray::Array1<f64>| game.margins(pi, out);
    let setting = Setting { margins: &margins, reference: &reference, tau: 0.2, weights: &[0.3, 0.7] };
    let theta: Vec<f64> = (0..7).map(|_| sample::normal(&mut rng)).collect();
    let found = setting.class_gap(&*table, &theta, 1);
    assert!(found.most > 0.01 && found.most - found.least < 1e-12, "{found:?}");
    // its own gradient: the least gap over all policies is that of the equilibrium, 0
    let (least, at) = setting.realisability(&*table, &theta, 1);
    assert!(least.most < 1e-15 && setting.class_gap(&*table, &at, 1).most < 1e-15, "{least:?}");
}

#[test]
fn losses_in_a_class_of_all_policies_have_the_optimum_of_the_table() {
    let game = ragged(&[4, 3], "fitted");
    let mut rng = seed::stream(15, "projected", &[]);
    let reference = normal_policy(game.shape(), 0.5, &mut rng);
    let identity: Vec<Vec<f64>> =
        (0..7).map(|k| (0..7).map(|j| f64::from(u8::from(j == k))).collect()).collect();
    let class = bound("log-linear", &json!({"features": {"values": identity}}), &reference);
    let task = Task::new(reference);
    let mut compared = 0;
    for entry in solvers().filter(|e| e.parametrised && e.name != "projected") {
        let fit = |task: &Task| {
            let mut solver = entry.build(&Value::Null, task).unwrap().solver;
            let ended = solver.step(&mut GameOracle::exact(game.clone()), &mut rng.clone());
            ended.map(|_| (solver.policy().clone(), solver.effort()))
        };
        let (Ok((table, none)), Ok((found, effort))) = (fit(&task), fit(&task.clone().class(class.clone())))
        else {
            panic!("{}", entry.name)
        };
        let far = table.probs().iter().zip(found.probs()).fold(0.0, |m: f64, (a, b)| m.max((a - b).abs()));
        assert!(far < 1e-6, "{}: {far:e}", entry.name);
        assert!(none.pulls == 0 && effort.pulls > 0 && effort.evaluations > effort.pulls);
        compared += 1;
    }
    assert!(compared >= 16, "{compared}");
}

#[test]
fn any_method_in_any_class_on_any_game_runs_or_is_refused_by_name() {
    let (mut ran, mut refused) = (0, 0);
    for generator in games() {
        let Ok(game) = generator.build(&Value::Null, &mut seed::stream(16, "game", &[generator.name])) else {
            continue;
        };
        if game.shape().len() > 64 {
            continue;
        }
        let game = Arc::new(game);
        let reference = Policy::uniform(game.shape());
        for class in POLICIES {
            let task =
                Task::new(reference.clone()).tau(0.1).class(bound(class.name, &Value::Null, &reference));
            for entry in solvers() {
                let mut parameters = vec![Value::Null];
                if entry.name == "projected" {
                    // the exact fit is one of linear classes
                    parameters = ["pairs", "uniform-pairs", "pointwise", "cross-entropy", "policy-gradient"]
                        .map(|loss| json!({"loss": loss, "optimiser": "momentum", "inner_steps": 2}))
                        .to_vec();
                }
                for parameters in parameters {
                    let mut solver = match entry.build(&parameters, &task) {
                        Ok(built) => built.solver,
                        Err(error) => {
                            assert_eq!(error.key(), "policy", "{error}");
                            assert!(error.to_string().contains(entry.name) && !entry.parametrised, "{error}");
                            refused += 1;
                            continue;
                        }
                    };
                    let mut oracle = GameOracle::exact(game.clone());
                    match solver.step(&mut oracle, &mut seed::stream(17, "draws", &[])) {
                        Ok(_) => {
                            let probs = solver.policy().probs();
                            let on_simplex = game
                                .shape()
                                .ranges()
                                .all(|row| (row.map(|k| probs[k]).sum::<f64>() - 1.0).abs() < 1e-12);
                            assert!(on_simplex, "{} {} {}", generator.name, class.name, entry.name);
                            ran += 1;
                        }
                        Err(error) => {
                            let said = error.to_string();
                            assert!(
                                said.contains("finite minimiser"),
                                "{} {}: {said}",
                                class.name,
                                entry.name
                            );
                            refused += 1;
                        }
                    }
                }
            }
        }
    }
    assert!(ran > 300 && refused > 300, "{ran} {refused}");
}

/// A class that counts what is asked of it, in responses: log-probabilities with their derivatives forwards, and taken back.
#[derive(Debug)]
struct Counting {
    class: Arc<dyn PolicyClass>,
    forwards: AtomicU64,
    back: AtomicU64,
}

impl Counting {
    fn count(&self, of: &AtomicU64) {
        of.fetch_add(self.class.shape().len() as u64, Ordering::Relaxed);
    }
}

impl PolicyClass for Counting {
    fn shape(&self) -> &Shape {
        self.class.shape()
    }

    fn initial(&self) -> &[f64] {
        self.class.initial()
    }

    fn is_linear(&self) -> bool {
        self.class.is_linear()
    }

    fn carries_over(&self) -> bool {
        self.class.carries_over()
    }

    fn evaluate(&self, theta: &[f64], policy: &mut Policy) -> Result<(), simplex::NonFinite> {
        self.count(&self.forwards);
        self.class.evaluate(theta, policy)
    }

    fn push(&self, theta: &[f64], policy: &Policy, v: &[f64], out: &mut [f64]) {
        self.count(&self.forwards);
        self.class.push(theta, policy, v, out);
    }

    fn pull(&self, theta: &[f64], policy: &Policy, cotangent: &[f64], out: &mut [f64]) {
        self.count(&self.back);
        self.class.pull(theta, policy, cotangent, out);
    }

    fn diagonal(&self, theta: &[f64], weights: &[f64], out: &mut [f64]) {
        self.class.diagonal(theta, weights, out);
    }
}

/// What a method says that learning cost it is what its class was asked for: of every target, loss and preset, on whole populations.
#[test]
fn a13_effort_is_what_was_asked_of_the_class() {
    let game = ragged(&[4, 3], "effort");
    let reference = Policy::uniform(game.shape());
    let responses = game.shape().len() as u64;
    let mut compared = 0;
    let mut check = |name: &str, parameters: &Value, class: &str, tau: f64, frozen: u64| {
        let counting = Arc::new(Counting {
            class: bound(class, &Value::Null, &reference),
            forwards: AtomicU64::new(0),
            back: AtomicU64::new(0),
        });
        let task = Task::new(reference.clone()).tau(tau).class(counting.clone());
        let mut solver = built(name, parameters, &task);
        let mut oracle = GameOracle::exact(game.clone());
        for _ in 0..3 {
            if solver.step(&mut oracle, &mut seed::stream(18, "draws", &[])).is_err() {
                return;
            }
        }
        let (effort, [forwards, back]) =
            (solver.effort(), [&counting.forwards, &counting.back].map(|n| n.load(Ordering::Relaxed)));
        // the policy that a regression ends with is written once and not counted; that of its anchor is known and counted, and so is the
        // one that it begins with where that is written already
        let what = format!("{name} {parameters} {class}");
        assert_eq!((effort.draws, effort.pulls), (0, back), "{what}");
        assert_eq!(effort.evaluations, forwards + frozen * responses, "{what}");
        compared += 1;
    };
    let optimisers = [("sgd", json!(3)), ("newton", json!("exact")), ("natural-gradient", json!(2))];
    // regressions of three steps, and those among them that begin at the start
    for (target, regressions, first) in
        [("mwu", 3, 1), ("omd", 3, 1), ("nash-md", 3, 1), ("comal", 3, 1), ("egpo", 6, 2), ("omwu", 6, 1)]
    {
        for loss in ["pairs", "uniform-pairs", "pointwise", "cross-entropy"] {
            for (optimiser, steps) in &optimisers {
                let parameters =
                    json!({"target": target, "loss": loss, "optimiser": optimiser, "inner_steps": steps});
                // the magnet is a second anchor where it pulls; an exact fit then begins between the two, and else at the last policy,
                // which is written but for those of the first step
                let pulls = !["mwu", "omwu"].contains(&target);
                let begins = if pulls && *optimiser == "newton" { 0 } else { regressions - first };
                let anchors = if pulls { regressions } else { 0 };
                check("projected", &parameters, "log-linear", 0.1, anchors + begins);
            }
        }
    }
    for entry in solvers().filter(|e| e.parametrised && e.name != "projected") {
        for class in ["log-linear", "mlp"] {
            // a training run knows the reference, whose log-probabilities it counts
            check(entry.name, &Value::Null, class, 0.1, u64::from(entry.is_offline));
        }
    }
    assert!(compared > 90, "{compared}");
}
