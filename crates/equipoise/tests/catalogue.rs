//! The wider catalogue against golden numbers, identities between methods, and the rates they are known for.

use std::sync::Arc;

use equipoise::registry::solver;
use equipoise_core::{Policy, Solver, Task, local, seed};
use equipoise_env::generators::generator;
use equipoise_env::{Game, GameOracle};
use equipoise_reference::{game_equilibrium, game_frequencies, operator_norm};
use equipoise_testing::{gap, kl, perturbed_rps, policy, random_policy};
use ndarray::Array1;
use serde_json::{Value, json};

// ---- games and runs -------------------------------------------------------------------------------------------------

fn named(name: &str, block: &Value) -> Arc<Game> {
    let mut rng = seed::stream(5, "catalogue", &[]);
    Arc::new(generator(name).expect("a generator").build(block, &mut rng).expect("valid"))
}

/// A task that knows the norm of its game, as the facade's does.
fn task(game: &Game, reference: &Policy, start: &Policy, tau: f64) -> Task {
    let task = Task::new(reference.clone()).start(start.clone()).tau(tau);
    task.horizon(1000).operator_norm(operator_norm(game))
}

fn golden(tau: f64) -> Task {
    task(&perturbed_rps(), &policy(&[0.2, 0.3, 0.5]), &policy(&[0.5, 0.3, 0.2]), tau)
}

/// The method after `steps` steps; `see` gets it after each.
fn run(
    name: &str,
    block: Value,
    task: &Task,
    game: &Arc<Game>,
    steps: usize,
    see: impl FnMut(&dyn Solver),
) -> Policy {
    let method =
        solver(name).expect("registered").build(&block, task).unwrap_or_else(|e| panic!("{name}: {e}"));
    equipoise_testing::run(method.solver, game, steps, see).policy().clone()
}

fn last(name: &str, block: Value, task: &Task, game: &Arc<Game>, steps: usize) -> Policy {
    run(name, block, task, game, steps, |_| ())
}

fn close(got: &Policy, expect: &[f64], tolerance: f64) {
    let far = got.probs().iter().zip(expect).any(|(a, b)| (a - b).abs() > tolerance);
    assert!(!far, "{}\n{expect:?}", got.probs());
}

/// `first` and `second` walk the same way on random games, within `tolerance` in probability.
fn same_way(
    first: (&str, &dyn Fn(f64) -> Value),
    second: (&str, &dyn Fn(f64) -> Value),
    taus: &[f64],
    tolerance: f64,
) {
    let mut rng = seed::stream(6, "catalogue", &[]);
    for n in [2, 3, 6] {
        let game = named("random-uniform", &json!({ "actions": n }));
        for &tau in taus {
            let (mu, start) = (random_policy(n, 1.0, &mut rng), random_policy(n, 1.0, &mut rng));
            let task = task(&game, &mu, &start, tau);
            let a = last(first.0, first.1(tau), &task, &game, 40);
            let b = last(second.0, second.1(tau), &task, &game, 40);
            close(&a, b.probs_slice(), tolerance);
        }
    }
}

// ---- golden numbers -------------------------------------------------------------------------------------------------

#[test]
fn golden_numbers() {
    // twelve printed digits
    let half = 6e-13;
    let (game, original) = (perturbed_rps(), golden(0.0));
    let rm = last("rm-plus", json!({"answer": "last"}), &original, &game, 10);
    close(&rm, &[0.548773329921, 0.451226670079, 0.0], half);
    let prm = last("prm-plus", json!({"answer": "last"}), &original, &game, 10);
    close(&prm, &[0.267231461635, 0.403951855772, 0.328816682593], half);
    // three exact outer steps of COMAL: the fourth reference, seen when it is first asked about
    let block = json!({"comal_tau": 0.1, "step_size": 0.5, "inner": "egpo", "inner_steps": 4000});
    let comal = last("comal", block, &original, &game, 12_000);
    close(&comal, &[0.418423938381, 0.443536189437, 0.138039872182], half);
    assert!((gap(&game, &comal) - 0.0251122511).abs() < 6e-11);
    // regularised OMWU prints theta; the policy is the prediction bar_{t+1} = a theta_t + b log mu + eta q(bar_t)
    let task = golden(0.1);
    let entry = solver("regularized-omwu").expect("registered");
    let mut omwu = entry.build(&json!({"step_size": 0.5}), &task).expect("valid").solver;
    let (mut oracle, mut rng) = (GameOracle::exact(game.clone()), seed::stream(0, "test", &[]));
    for _ in 0..11 {
        omwu.step(&mut oracle, &mut rng).expect("finite");
    }
    let mut q = Array1::zeros(3);
    game.margins(omwu.played(), &mut q);
    let theta = (omwu.policy().log_probs() - task.reference.log_probs() * 0.05 - q * 0.5) / 0.95;
    let theta = Policy::from_logits(game.shape(), theta).expect("finite");
    close(&theta, &[0.479387347104, 0.299405664593, 0.221206988303], 2e-12);
}

/// The anchored magnet of GABP, written out in plain arithmetic: `(k sigma^k + sigma^1) / (k + 1)` in period k, sigma^k the
/// policy at its beginning (arXiv:2410.02388, Algorithm 1).
fn anchored(
    logits: [f64; 3],
    eta: f64,
    tau: f64,
    period: usize,
    extragradient: bool,
    steps: usize,
) -> [f64; 3] {
    const K: [[f64; 3]; 3] = [[0.0, -1.0 / 6.0, 0.5], [1.0 / 6.0, 0.0, -0.5], [-0.5, 0.5, 0.0]];
    let softmax = |l: [f64; 3]| {
        let e = l.map(f64::exp);
        e.map(|v| v / e.iter().sum::<f64>())
    };
    let first = softmax(logits);
    let (mut pi, mut anchor, mut k) = (first, first, 1.0);
    for t in 1..=steps {
        let step = |at: [f64; 3]| {
            softmax(std::array::from_fn(|i| {
                let gain: f64 = (0..3).map(|j| K[i][j] * at[j]).sum();
                (1.0 - eta * tau) * pi[i].ln() + eta * tau * anchor[i].ln() + eta * gain
            }))
        };
        pi = if extragradient { step(step(pi)) } else { step(pi) };
        if t % period == 0 {
            k += 1.0;
            anchor = std::array::from_fn(|i| (k * pi[i] + first[i]) / (k + 1.0));
        }
    }
    pi
}

#[test]
fn the_anchored_magnet_has_the_index_of_the_paper() {
    let game = perturbed_rps();
    let start = Policy::from_logits(game.shape(), Array1::from(vec![1.0, 0.0, -1.0])).expect("finite");
    let task = task(&game, &start, &start, 0.0);
    let block = |inner: &str, step: f64, period: usize| json!({"inner": inner, "magnet_tau": 0.1, "step_size": step, "period": period, "target": "anchored"});
    let second = last("moving-magnet", block("omd", 0.5, 1), &task, &game, 2);
    close(&second, &[0.665309669680, 0.261555287226, 0.073135043094], 6e-13);
    for (period, eta, steps) in [(1, 0.5, 1), (1, 0.5, 3), (1, 2.0, 40), (3, 0.5, 10), (7, 0.2, 50)] {
        for inner in ["omd", "egpo"] {
            let got = last("moving-magnet", block(inner, eta, period), &task, &game, steps);
            close(&got, &anchored([1.0, 0.0, -1.0], eta, 0.1, period, inner == "egpo", steps), 1e-13);
        }
    }
}

// ---- ranges ---------------------------------------------------------------------------------------------------------

#[test]
fn an_implicit_step_may_be_of_any_length() {
    // a proximal step of size eta is the mirror step with eta / (1 + eta tau): every eta > 0 has one
    for (eta, tau) in [(0.5, 5.0), (3.0, 0.6), (1e3, 0.3), (1e9, 2.0)] {
        let implicit = json!({"mmd_eta": eta});
        for name in ["rspo", "nash-md-debiased"] {
            same_way((name, &|_| json!({"step_size": eta})), ("mmd", &|_| implicit.clone()), &[tau], 1e-12);
        }
        same_way(
            ("nash-mp", &|_| json!({"nash_mp_eta": eta})),
            ("egpo", &|tau| json!({"step_size": 1.0 / (1.0 / eta + tau)})),
            &[tau],
            1e-12,
        );
    }
    let game = named("random-uniform", &json!({"actions": 4}));
    let uniform = Policy::uniform(game.shape());
    for divergence in ["reverse-kl", "forward-kl", "chi-squared", "euclidean"] {
        for eta in [1e-3, 40.0, 1e6] {
            let block = json!({"divergence": divergence, "step_size": eta});
            let pi = last("rspo", block, &task(&game, &uniform, &uniform, 3.0), &game, 20);
            assert!((pi.probs().sum() - 1.0).abs() < 1e-12, "{divergence} {eta}: {}", pi.probs());
        }
    }
}

#[test]
fn no_method_refuses_the_step_of_its_own_theorem() {
    let game = named("random-uniform", &json!({"actions": 5}));
    let uniform = Policy::uniform(game.shape());
    let mut resolved = 0;
    for entry in equipoise::registry::solvers() {
        for tau in [0.0, 1e-6, 0.1, 0.5, 0.6, 1.0, 30.0, 1e4] {
            match entry.build(&json!({"step_size": "theorem"}), &task(&game, &uniform, &uniform, tau)) {
                Ok(built) => resolved += usize::from(built.parameters["step_size"].is_number()),
                // a rule that has no value here says so; a number that it stands for is never out of range
                Err(error) => {
                    let text = error.to_string();
                    // no rule at all where the step is a number, or is none of the keys
                    let number = text.contains("expected f64");
                    let unknown = number || text.contains("unknown key") || error.key() == "tau";
                    assert!(
                        unknown || text.contains("`step_size` = theorem"),
                        "{}, tau {tau}: {text}",
                        entry.name
                    );
                }
            }
        }
    }
    assert!(resolved > 100, "{resolved}");
    // where tau is 0 each is refused by its own rule
    for (name, rule) in [
        ("omd", "the proved step is tau / (tau^2 + 1/4), and tau is 0"),
        ("mmd", "the proved step is eta_M = 4 tau"),
        ("rspo", "the proved step is 4 tau, and tau is 0"),
        ("nash-md-debiased", "the proved step is 4 tau, and tau is 0"),
    ] {
        let built = solver(name).expect("registered").build(&json!({"step_size": "theorem"}), &golden(0.0));
        let text = built.err().map(|e| e.to_string()).unwrap_or_default();
        assert!(text.contains(rule) && (name == "omd") == text.contains("1/4"), "{name}: {text}");
    }
}

#[test]
fn comal_records_the_tolerance_that_ran() {
    let recorded = |block: Value| {
        let built = solver("comal")
            .expect("registered")
            .build(&block, &golden(0.0))
            .unwrap_or_else(|e| panic!("{e}"));
        (built.parameters["inner_tolerance"].clone(), built.parameters["inner_steps"].clone())
    };
    assert_eq!(recorded(Value::Null), (json!(1e-6), Value::Null));
    assert_eq!(recorded(json!({"inner_tolerance": 1e-3})), (json!(1e-3), Value::Null));
    assert_eq!(recorded(json!({"inner_steps": 12})), (Value::Null, json!(12)));
}

// ---- identities -----------------------------------------------------------------------------------------------------

#[test]
fn presets_are_what_they_are_said_to_be() {
    let eta = |_: f64| json!({"step_size": 0.5});
    let both = &[0.0, 0.3][..];
    same_way(("nash-ema", &|_| json!({"step_size": 0.5, "decay": 0.0})), ("omd", &eta), both, 1e-13);
    same_way(("nash-md-debiased", &eta), ("mmd", &|_| json!({"mmd_eta": 0.5})), both, 1e-13);
    same_way(("rspo", &eta), ("mmd", &|_| json!({"mmd_eta": 0.5})), both, 1e-13);
    for players in [2, 3, 7] {
        let block = move |_: f64| json!({"step_size": 0.5, "players": players});
        same_way(("mnpo", &block), ("mwu", &eta), both, 1e-13);
    }
    for opponents in ["weighted", "current"] {
        let block = move |_: f64| json!({"step_size": 0.5, "history_weights": [2.0], "opponents": opponents});
        same_way(("td-mnpo", &block), ("omd", &eta), both, 1e-13);
        same_way(("td-mnpo", &block), ("inpo", &eta), both, 1e-13);
    }
    // a magnet that moves at every step holds nothing: eta = eta_M / (1 + eta_M alpha)
    let fast = |_: f64| json!({"mpo_eta": 0.5, "alpha": 0.2, "period": 1});
    same_way(("mpo", &fast), ("mwu", &|_| json!({"step_size": 0.5 / 1.1})), both, 1e-13);
    let slow = |_: f64| json!({"mpo_eta": 0.5, "alpha": 0.2, "period": 7});
    let general =
        json!({"step_size": 0.5 / 1.1, "magnet_tau": 0.2, "period": 7, "inner": "omd", "target": "replace"});
    same_way(("mpo", &slow), ("moving-magnet", &|_| general.clone()), both, 1e-13);
    let comal = json!({"step_size": 0.5 / 1.1, "comal_tau": 0.2, "inner_steps": 7});
    same_way(("comal", &|_| comal.clone()), ("moving-magnet", &|_| general.clone()), both, 1e-13);
    // a magnet that never moves: COMAL's inner game is the regularised game of its start
    let still = json!({"step_size": 0.5, "comal_tau": 0.3, "inner_steps": 1000, "inner": "egpo"});
    let game = named("random-uniform", &json!({"actions": 5}));
    let start = random_policy(5, 1.0, &mut seed::stream(7, "catalogue", &[]));
    let comal = last("comal", still, &task(&game, &start, &start, 0.0), &game, 40);
    let egpo = last("egpo", json!({"step_size": 0.5}), &task(&game, &start, &start, 0.3), &game, 40);
    close(&comal, egpo.probs_slice(), 1e-13);
}

#[test]
fn the_last_iterate_of_a2l_is_the_average_of_omwu() {
    let game = named("random-uniform", &json!({"actions": 6}));
    let start = random_policy(6, 1.0, &mut seed::stream(8, "catalogue", &[]));
    let task = task(&game, &start, &start, 0.0);
    for (weights, power) in [("uniform", 0), ("linear", 1), ("quadratic", 2)] {
        let (mut sum, mut total, mut averages) = (Array1::<f64>::zeros(6), 0.0, Vec::new());
        let mut t = 0.0;
        run("omwu", json!({"step_size": 0.7}), &task, &game, 2000, |s| {
            t += 1.0;
            let w = f64::powi(t, power);
            sum.scaled_add(w, s.played().probs());
            total += w;
            averages.push(&sum / total);
        });
        let mut step = 0;
        run("a2l", json!({"step_size": 0.7, "weights": weights}), &task, &game, 1999, |s| {
            step += 1;
            // W_t P y_t - W_{t-1} P y_{t-1} cancels: rounding grows with t
            close(s.policy(), averages[step].as_slice().expect("contiguous"), 1e-10);
        });
        assert_eq!(step, 1999);
    }
}

#[test]
fn gpo_is_multiplicative_weights_on_the_game_of_its_scores() {
    // S = logit P of the printed cycle, whose score equilibrium is (.2019, .0966, .7015) and not (.2667, .1333, .6)
    let margins = [0.45f64, 0.2, 0.1];
    let cycle = named("cyclic", &json!({"margins": margins}));
    let bound: f64 = 3.0;
    let scores = margins.map(|m| ((0.5 + m) / (0.5 - m)).ln() / (2.0 * bound));
    let score_game = named("cyclic", &json!({"margins": scores}));
    let start = policy(&[0.2, 0.3, 0.5]);
    let block = json!({"gpo_beta": 8.0, "score_bound": bound});
    let gpo = last("gpo", block, &task(&cycle, &start, &start, 0.0), &cycle, 60);
    let task = task(&score_game, &start, &start, 0.0);
    let mwu = last("mwu", json!({"step_size": 2.0 * bound / 8.0}), &task, &score_game, 60);
    close(&gpo, mwu.probs_slice(), 1e-12);
    close(&game_equilibrium(&score_game, &start, 0.0).expect("solved"), &[0.2019, 0.0966, 0.7015], 5e-5);
    close(&game_equilibrium(&cycle, &start, 0.0).expect("solved"), &[0.2667, 0.1333, 0.6], 5e-5);
}

#[test]
fn players_of_mnpo_collapse_onto_each_other() {
    // with three players differences halve at every step: after 60 nothing is left, and each is one mwu trajectory
    let (game, task) = (perturbed_rps(), golden(0.0));
    let block = json!({"step_size": 0.5, "players": 3, "spread": 1.0});
    let at = last("mnpo", block.clone(), &task, &game, 60);
    let direct = last("mnpo", block, &task, &game, 61);
    let alone = last("mwu", json!({"step_size": 0.5}), &Task { start: at, ..task }, &game, 1);
    close(&direct, alone.probs_slice(), 1e-14);
}

// ---- rates ----------------------------------------------------------------------------------------------------------

#[test]
fn local_slopes_of_the_regularised_methods_are_met() {
    // T24, within 2 percent, on the perturbed cycle
    let (game, task) = (perturbed_rps(), golden(0.1));
    let goal = game_equilibrium(&game, &task.reference, 0.1).expect("solved");
    let omega = game_frequencies(&game, &goal)[0];
    let eta = 0.5;
    for (name, block, expect) in [
        ("regularized-omwu", json!({"step_size": eta}), local::optimistic(eta, 0.1, omega)),
        ("nash-ema", json!({"step_size": eta, "decay": 0.5}), local::averaged_opponent(eta, 0.1, 0.5, omega)),
        ("nash-md-debiased", json!({"step_size": eta}), local::mirror_descent(eta / 1.05, 0.1, omega)),
    ] {
        let mut kls = Vec::new();
        run(name, block, &task, &game, 400, |s| kls.push(kl(s.policy(), &goal)));
        // over many turns of the spiral; KL falls by the square of the multiplier
        let measured = (kls[299] / kls[99]).powf(1.0 / 400.0);
        let (slope, predicted) = (measured.ln(), expect.ln());
        assert!((slope / predicted - 1.0).abs() < 0.02, "{name}: {measured} {expect}");
    }
}

#[test]
fn outer_steps_of_comal_contract_as_the_proximal_point() {
    // T18 on the COMAL game: KL to the equilibrium never rises, and the local factor is 1 / sqrt(1 + w^2 / tau^2)
    let game = named("comal", &Value::Null);
    let start = policy(&[0.2, 0.5, 0.3]);
    let task = task(&game, &start, &start, 0.0);
    let goal = game_equilibrium(&game, &start, 0.0).expect("solved");
    let omega = game_frequencies(&game, &goal)[0];
    let (tau, inner) = (0.1, 1500);
    let mut outer = vec![kl(&goal, &start)];
    let mut step = 0;
    run(
        "comal",
        json!({"comal_tau": tau, "inner": "egpo", "inner_steps": inner}),
        &task,
        &game,
        20 * inner,
        |s| {
            step += 1;
            if step % inner == 0 {
                outer.push(kl(&goal, s.policy()));
            }
        },
    );
    assert!(outer.windows(2).all(|w| w[1] <= w[0] + 1e-15), "{outer:?}");
    // KL falls by the square
    let measured = (outer[12] / outer[4]).powf(1.0 / 16.0);
    let predicted = local::proximal_point(tau, omega);
    assert!((measured / predicted - 1.0).abs() < 0.02, "{measured} {predicted}");
    assert!((predicted - 0.4318).abs() < 5e-5, "{predicted}");
}

#[test]
fn methods_of_the_original_game_reach_it() {
    // cyclic games with an interior equilibrium, a random one, and Efron's dice with a segment of equilibria
    let games = [
        perturbed_rps(),
        named("comal", &Value::Null),
        named("random-uniform", &json!({"actions": 7})),
        named("efron", &Value::Null),
    ];
    let mut rng = seed::stream(9, "catalogue", &[]);
    for (index, game) in games.iter().enumerate() {
        let n = game.shape().len();
        let start = random_policy(n, 1.0, &mut rng);
        let task = task(game, &start, &start, 0.0);
        // projected methods end at rounding, entropic ones slow down where the equilibrium drops actions
        for (name, block, steps, target) in [
            ("eg-restart", json!({}), 6000, 1e-10),
            ("eg-restart", json!({"base": "optimistic"}), 12_000, 1e-10),
            ("halpern-eg", json!({}), 6000, 1e-10),
            ("aog", json!({}), 20_000, 1e-3),
            ("a2l", json!({}), 20_000, 1e-3),
            ("rm-plus", json!({}), 20_000, 5e-3),
            ("prm-plus", json!({}), 20_000, 1e-4),
            ("smooth-prm-plus", json!({"restart": true}), 20_000, 1e-6),
            ("comal", json!({"inner": "egpo", "comal_tau": 0.1, "inner_tolerance": 1e-4}), 20_000, 1e-3),
            ("mpo", json!({"period": 100}), 40_000, 1e-4),
            ("moving-magnet", json!({"target": "replace"}), 20_000, 1e-3),
            ("moving-magnet", json!({"target": "anchored"}), 20_000, 1e-3),
        ] {
            let reached = gap(game, &last(name, block.clone(), &task, game, steps));
            assert!(reached <= target, "{name} {block} on game {index}: {reached:e}");
        }
    }
}

#[test]
fn aog_falls_as_one_over_t() {
    // 1 / T with a constant of the instance's size only: T gap stays bounded over two decades
    let game = named("random-uniform", &json!({"actions": 10}));
    let start = random_policy(10, 1.0, &mut seed::stream(10, "catalogue", &[]));
    let task = task(&game, &start, &start, 0.0);
    let (mut step, mut scaled) = (0.0, Vec::new());
    run("aog", json!({}), &task, &game, 20_000, |s| {
        step += 1.0;
        scaled.push(step * gap(&game, s.policy()));
    });
    let largest = |range: std::ops::Range<usize>| scaled[range].iter().fold(0.0, |m: f64, v| m.max(*v));
    assert!(
        largest(2000..20_000) <= 1.5 * largest(0..2000),
        "{} {}",
        largest(0..2000),
        largest(2000..20_000)
    );
}

#[test]
fn last_plays_of_regret_matching_cycle_until_they_are_restarted() {
    let game = named("rm-plus-counterexample", &Value::Null);
    let n = game.shape().len();
    let start = Policy::uniform(game.shape());
    let task = task(&game, &start, &start, 0.0);
    assert_eq!(n, 9);
    let tail = |name: &str, block: Value, steps: usize| {
        let (mut t, mut worst) = (0, 0.0f64);
        run(name, block, &task, &game, steps, |s| {
            t += 1;
            if t > steps - steps / 10 {
                worst = worst.max(gap(&game, s.policy()));
            }
        });
        worst
    };
    let cycles = tail("rm-plus", json!({"answer": "last"}), 20_000);
    let averages = tail("rm-plus", json!({}), 20_000);
    let restarted = tail("smooth-prm-plus", json!({"restart": true}), 20_000);
    assert!(cycles > 1e-2 && averages < 1e-3 && restarted < 1e-6, "{cycles:e} {averages:e} {restarted:e}");
}

// ---- the experiment -------------------------------------------------------------------------------------------------

#[test]
fn the_catalogue_experiments_hold_every_game() {
    let read = |name: &str| {
        let path = format!("{}/../../experiments/{name}/experiment.yaml", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).expect("an experiment of the repository")
    };
    let (original, regularised) = (read("catalogue"), read("catalogue-regularised"));
    let lists = |text: &str, name: &str| text.lines().any(|l| l.trim() == format!("- {name}"));
    // every registered method is listed; what needs tau is in the regularised one only
    for entry in equipoise::registry::solvers() {
        // in the table it is the method that it projects, to rounding (conformance), and classes are no part of these
        if entry.name == "projected" {
            continue;
        }
        assert!(lists(&regularised, entry.name), "{}", entry.name);
        let needs_tau = ["online-ipo-1", "online-ipo-2", "plug-in"].contains(&entry.name);
        assert_eq!(lists(&original, entry.name), !needs_tau, "{}", entry.name);
    }
    // every game from three references
    let lists =
        |text: &str, name: &str| lists(text, &format!("{name}: {{ name: [{name}-a, {name}-b, {name}-c] }}"));
    for game in equipoise_env::generators::GENERATORS {
        let composed = game.name == "two-player"; // an embedding of a matrix of one's own; the games it stands for are there
        assert_eq!(lists(&original, game.name), !composed, "catalogue and {}", game.name);
        assert_eq!(lists(&regularised, game.name), !composed, "catalogue-regularised and {}", game.name);
    }
}
