//! The baselines against their losses, published gaps, and the limits of what they can do.

use std::sync::Arc;

use equipoise_baseline_bt::{SOLVERS, fit};
use equipoise_core::logistic::logistic;
use equipoise_core::{Cost, Oracle, Policy, Progress, Shape, Solver, Task, sample, seed};
use equipoise_env::{Game, GameOracle, PreferenceMatrix};
use equipoise_testing as testing;
use equipoise_testing::{bernoulli_oracle, cycle, game, gap, policy, random_game, random_policy};
use ndarray::{Array2, arr2};
use serde_json::{Value, json};

/// A beats B by .1 and C by .05, B beats C by .45.
fn condorcet_not_borda() -> Arc<Game> {
    game(3, |i, j| [[0.0, 0.1, 0.05], [0.0, 0.0, 0.45], [0.0; 3]][i][j])
}

fn bradley_terry_game(r: &[f64]) -> Arc<Game> {
    game(r.len(), |i, j| logistic(r[i] - r[j]) - 0.5)
}

fn uniform_task(game: &Game) -> Task {
    Task::new(Policy::uniform(game.shape()))
}

fn build(name: &str, parameters: Value, task: &Task) -> Box<dyn Solver> {
    testing::build(SOLVERS, name, &parameters, task)
}

fn run(name: &str, parameters: Value, task: &Task, game: &Arc<Game>, steps: usize) -> Box<dyn Solver> {
    testing::run(build(name, parameters, task), game, steps, |_| ())
}

fn one_step(name: &str, parameters: Value, task: &Task, game: &Arc<Game>) -> Policy {
    run(name, parameters, task, game, 1).policy().clone()
}

/// Largest component of the gradient of `f` at `x`, by central differences.
fn steepest(f: impl Fn(&[f64]) -> f64, x: &[f64]) -> f64 {
    let step = 1e-5;
    (0..x.len()).fold(0.0, |worst: f64, k| {
        let mut y = x.to_vec();
        y[k] = x[k] + step;
        let up = f(&y);
        y[k] = x[k] - step;
        worst.max(((up - f(&y)) / (2.0 * step)).abs())
    })
}

fn distance<'a>(a: impl IntoIterator<Item = &'a f64>, b: impl IntoIterator<Item = &'a f64>) -> f64 {
    a.into_iter().zip(b).fold(0.0, |m, (x, y)| m.max((x - y).abs()))
}

// ---- the losses they minimise ---------------------------------------------------------------------------------------

/// The population DPO loss at logits `theta`, pairs from `pairs(i, j)`.
fn dpo_loss(theta: &[f64], game: &Game, mu: &Policy, beta: f64, pairs: impl Fn(usize, usize) -> f64) -> f64 {
    let n = theta.len();
    let h: Vec<f64> = (0..n).map(|i| theta[i] - mu.log_probs()[i]).collect();
    let mut loss = 0.0;
    for i in 0..n {
        for j in (0..n).filter(|&j| j != i) {
            loss -= pairs(i, j) * game.prob(0, i, j) * logistic(beta * (h[i] - h[j])).ln();
        }
    }
    loss
}

#[test]
fn bradley_terry_is_the_optimum_of_dpo_for_each_design() {
    let mut rng = seed::stream(1, "test", &[]);
    for n in 2..7 {
        let (game, beta) = (random_game(n, &mut rng), 0.3);
        let mut task = Task::new(random_policy(n, 1.5, &mut rng));
        task.start = random_policy(n, 1.5, &mut rng);
        let (mu, start) = (task.reference.probs().clone(), task.start.probs().clone());
        for pairs in ["uniform", "reference", "on-policy"] {
            let weight = |i: usize, j: usize| match pairs {
                "uniform" => 1.0 / (n * (n - 1)) as f64,
                "reference" => mu[i] * mu[j],
                _ => start[i] * start[j],
            };
            let pi = one_step("bradley-terry", json!({"beta": beta, "pairs": pairs}), &task, &game);
            // the loss is convex in logits: stationary is minimal (rounding 1e-11, truncation 1e-11)
            let slope = steepest(|t| dpo_loss(t, &game, &task.reference, beta, weight), pi.log_probs_slice());
            assert!(slope < 1e-9, "{pairs}: {slope:e}");
        }
        // one step of online DPO takes the previous policy as reference and as design
        let pi = one_step("online-dpo", json!({"beta": beta}), &task, &game);
        let slope = steepest(
            |t| dpo_loss(t, &game, &task.start, beta, |i, j| start[i] * start[j]),
            pi.log_probs_slice(),
        );
        assert!(slope < 1e-9, "online: {slope:e}");
    }
}

#[test]
fn ipo_minimises_its_loss_without_a_model() {
    let mut rng = seed::stream(2, "test", &[]);
    for n in 2..7 {
        let (game, tau, task) = (random_game(n, &mut rng), 0.4, Task::new(random_policy(n, 1.5, &mut rng)));
        let pi = one_step("ipo", json!({"ipo_tau": tau}), &task, &game);
        let mu = &task.reference;
        let loss = |theta: &[f64]| -> f64 {
            let mut loss = 0.0;
            for i in 0..n {
                for j in 0..n {
                    // a third answer each, from mu
                    let target: f64 =
                        (0..n).map(|k| mu.probs()[k] * (game.prob(0, i, k) - game.prob(0, j, k))).sum();
                    let h = |i: usize| theta[i] - mu.log_probs()[i];
                    loss += mu.probs()[i] * mu.probs()[j] * (h(i) - h(j) - target / tau).powi(2);
                }
            }
            loss
        };
        let slope = steepest(loss, pi.log_probs_slice());
        assert!(slope < 1e-9, "{slope:e}");
    }
}

#[test]
fn on_its_own_model_the_answer_is_exact() {
    let r = [1.0, 0.3, -0.2, -1.1];
    let game = bradley_terry_game(&r);
    let mu = policy(&[0.1, 0.2, 0.3, 0.4]);
    for pairs in ["uniform", "reference", "on-policy"] {
        let pi =
            one_step("bradley-terry", json!({"beta": 0.5, "pairs": pairs}), &Task::new(mu.clone()), &game);
        let logits = (0..4).map(|i| mu.log_probs()[i] + r[i] / 0.5).collect();
        let expect = Policy::from_logits(mu.shape(), logits).unwrap();
        assert!(distance(pi.log_probs(), expect.log_probs()) < 1e-10);
    }
}

// ---- published and printed gaps -------------------------------------------------------------------------------------

#[test]
fn gaps_of_the_canonical_games() {
    // printed to four decimals, at beta = tau = .1 with a uniform reference
    let cases = [
        // DPO, IPO, and the limit beta -> 0
        (cycle(0.1, 0.2, 0.4), 0.3189, 0.1901, 0.4),
        (condorcet_not_borda(), 0.1898, 0.1309, 0.2),
        (bradley_terry_game(&[1.0, 0.3, -0.2, -1.0]), 0.0003, 0.1001, 0.0),
    ];
    for (game, dpo, ipo, limit) in cases {
        let task = uniform_task(&game);
        let gap_of = |name, parameters| gap(&game, &one_step(name, parameters, &task, &game));
        approx::assert_abs_diff_eq!(gap_of("bradley-terry", json!({})), dpo, epsilon = 5e-5);
        approx::assert_abs_diff_eq!(gap_of("ipo", json!({})), ipo, epsilon = 5e-5);
        approx::assert_abs_diff_eq!(
            gap_of("bradley-terry", json!({"policy": "argmax"})),
            limit,
            epsilon = 1e-14
        );
    }
}

#[test]
fn log_sigmoid_centred_rewards_give_the_posterior_of_being_better_than_the_quantile() {
    let (r, mu) = ([1.0f64, 0.3, -0.2, -1.1], policy(&[0.1, 0.2, 0.3, 0.4]));
    let game = bradley_terry_game(&r);
    let solve = |parameters| one_step("bradley-terry", parameters, &Task::new(mu.clone()), &game);
    // the masses from below are .4, .7, .9, 1: the quantile .85 is the second best
    let shaped = solve(json!({"beta": 1.0, "log_sigmoid": 0.85}));
    let good: Vec<f64> = (0..4).map(|i| mu.probs()[i] / (1.0 + (0.3 - r[i]).exp())).collect();
    let total: f64 = good.iter().sum();
    assert!((0..4).all(|i| (shaped.probs()[i] - good[i] / total).abs() < 1e-10), "{:?}", shaped.probs());
    // far above all rewards it is the reward itself; a small beta has the same favourite
    let first = |policy: &Policy| policy.probs()[0];
    assert!(first(&solve(json!({"beta": 1e-3, "log_sigmoid": 0.5}))) > 1.0 - 1e-9);
    assert!(first(&shaped) < first(&solve(json!({"beta": 1.0}))));
    let entry = SOLVERS.iter().find(|s| s.name == "bradley-terry").unwrap();
    let error = entry.build(&json!({"log_sigmoid": 1.5}), &Task::new(mu)).err().unwrap();
    assert!(error.to_string().contains("log_sigmoid"), "{error}");
}

#[test]
fn on_a_balanced_cycle_a_uniform_fit_returns_the_reference() {
    let (game, task) = (cycle(0.3, 0.3, 0.3), Task::new(policy(&[0.6, 0.3, 0.1])));
    let pi = one_step("bradley-terry", json!({"pairs": "uniform"}), &task, &game);
    assert!(distance(pi.probs(), task.reference.probs()) < 1e-14);
    approx::assert_abs_diff_eq!(gap(&game, &pi), 0.18, epsilon = 1e-14);
    // against the reference as opponent win rates do differ: K mu = (.06, -.15, .09)
    let logits = [0.6f64.ln() + 0.6, 0.3f64.ln() - 1.5, 0.1f64.ln() + 0.9];
    let expect = Policy::from_logits(task.shape(), logits.to_vec().into()).unwrap();
    assert!(distance(one_step("ipo", json!({}), &task, &game).probs(), expect.probs()) < 1e-14);
}

#[test]
fn optimising_harder_makes_the_gap_worse() {
    let game = cycle(0.1, 0.25, 0.4);
    let task = uniform_task(&game);
    let dpo = [0.1061, 0.1545, 0.2231, 0.2495, 0.2500];
    let ipo = [0.1015, 0.1146, 0.1453, 0.2048, 0.2500];
    for (k, beta) in [10.0, 1.0, 0.3, 0.1, 0.01].into_iter().enumerate() {
        let got = gap(&game, &one_step("bradley-terry", json!({"beta": beta}), &task, &game));
        approx::assert_abs_diff_eq!(got, dpo[k], epsilon = 5e-5);
        let got = gap(&game, &one_step("ipo", json!({"ipo_tau": beta}), &task, &game));
        approx::assert_abs_diff_eq!(got, ipo[k], epsilon = 5e-5);
    }
}

#[test]
fn a_condorcet_winner_is_missed_at_every_temperature() {
    // margins .05, .05, .45: the first action beats all, the fit prefers the second
    let game = game(3, |i, j| [[0.0, 0.05, 0.05], [0.0, 0.0, 0.45], [0.0; 3]][i][j]);
    let task = uniform_task(&game);
    let greedy = one_step("bradley-terry", json!({"policy": "argmax"}), &task, &game);
    assert_eq!(greedy.probs().to_vec(), [0.0, 1.0, 0.0]);
    approx::assert_abs_diff_eq!(gap(&game, &greedy), 0.1, epsilon = 1e-14);
    for beta in [1.0, 0.3, 0.1, 0.01] {
        let got = gap(&game, &one_step("bradley-terry", json!({"beta": beta}), &task, &game));
        assert!(got > 0.08, "{beta}: {got}");
    }
}

#[test]
fn a_clone_changes_the_favourite() {
    // cycle(.1, .2, .4), then with its third action doubled
    let origin = [0, 1, 2, 2];
    let (plain, task3) = (cycle(0.1, 0.2, 0.4), Policy::uniform(&Shape::single(3).unwrap()));
    let doubled = game(4, |i, j| plain.prob(0, origin[i], origin[j]) - 0.5);
    let greedy =
        |game: &Arc<Game>, task: &Task| one_step("bradley-terry", json!({"policy": "argmax"}), task, game);
    assert_eq!(greedy(&plain, &Task::new(task3)).probs().to_vec(), [0.0, 0.0, 1.0]);
    assert_eq!(greedy(&doubled, &uniform_task(&doubled)).probs().to_vec(), [0.0, 1.0, 0.0, 0.0]);
}

#[test]
fn ties_share_evenly() {
    // equal row sums: every strength is 0 up to rounding
    for n in [3, 5, 9] {
        let game = game(n, |i, j| if (j - i) <= (n - 1) / 2 { 0.3 } else { -0.3 });
        let pi = one_step("bradley-terry", json!({"policy": "argmax"}), &uniform_task(&game), &game);
        assert!(pi.probs().iter().all(|&p| p == 1.0 / n as f64), "{}", pi.probs());
    }
}

// ---- online DPO -----------------------------------------------------------------------------------------------------

#[test]
fn online_dpo_spirals_outward_on_the_comal_game() {
    // P[b > a] = P[c > b] = .9, P[a > c] = .8 (arXiv:2410.23223); equilibrium (4, 3, 4) / 11
    let game = game(3, |i, j| [[0.0, -0.4, 0.3], [0.0, 0.0, -0.4], [0.0; 3]][i][j]);
    let task = Task::new(policy(&[0.2, 0.5, 0.3]));
    let at = |steps: usize| {
        gap(&game, run("online-dpo", json!({"beta": 1.0 / 0.3}), &task, &game, steps).policy())
    };
    approx::assert_abs_diff_eq!(at(100), 0.73, epsilon = 5e-3); // printed to two decimals
    // it turns while it leaves: the gap is far above the start's .28 from step 50 on
    assert!([50, 200, 400, 700].into_iter().all(|t| at(t) > 0.55));
}

#[test]
fn online_dpo_follows_a_bradley_terry_game_to_its_winner() {
    // on an exact model r_t = r at every step, whatever the policy has become: theta_T = theta_0 + T r / beta
    let r = [1.0, 0.3, -0.2, -1.1];
    let game = bradley_terry_game(&r);
    let task = uniform_task(&game);
    let solver = run("online-dpo", json!({"beta": 0.1}), &task, &game, 200);
    let logits = (0..4).map(|i| 2000.0 * r[i]).collect();
    let expect = Policy::from_logits(task.shape(), logits).unwrap();
    // relative to logits of 4200 nats, with P rounded at 1e-16 / sigma'
    assert!(
        distance(solver.policy().log_probs(), expect.log_probs()) < 1e-8,
        "{}",
        solver.policy().log_probs()
    );
    assert!(solver.notes().iter().any(|n| n.contains("underflow")), "{:?}", solver.notes());
}

// ---- duels ----------------------------------------------------------------------------------------------------------

#[test]
fn the_curve_in_duels_ends_at_the_population_fit() {
    let game = cycle(0.1, 0.2, 0.4);
    let mut task = Task::new(policy(&[0.5, 0.3, 0.2]));
    task.start = policy(&[0.2, 0.2, 0.6]);
    for pairs in ["uniform", "reference", "on-policy"] {
        let expect = one_step("bradley-terry", json!({"pairs": pairs, "beta": 1.0}), &task, &game);
        let parameters = json!({"pairs": pairs, "beta": 1.0, "duels_per_step": 1000});
        let mut solver = build("bradley-terry", parameters, &task);
        let (mut oracle, mut rng) = (
            bernoulli_oracle(&game, seed::stream(0, "oracle", &[pairs])),
            seed::stream(3, "solver", &[pairs]),
        );
        for _ in 0..300 {
            assert_eq!(solver.step(&mut oracle, &mut rng).unwrap(), Progress::Continue);
        }
        // three strengths from 3e5 labels, on-policy 12 % of them on the rarest pair: standard error about 0.01
        assert!(distance(solver.policy().log_probs(), expect.log_probs()) < 0.04, "{pairs}");
        assert_eq!(oracle.cost(), Cost { queries: 0, duels: 300_000 });
        let design = match pairs {
            "uniform" => Policy::uniform(task.shape()),
            "reference" => task.reference.clone(),
            _ => task.start.clone(),
        };
        assert_eq!(solver.played(), &design);
    }
}

#[test]
fn declared_cost_is_measured_cost() {
    let mut rng = seed::stream(4, "test", &[]);
    let one = PreferenceMatrix::from_margins(1, |_, _| 0.0).unwrap();
    let game = Arc::new(
        Game::new([random_game(4, &mut rng).matrix(0), one, cycle(0.1, 0.2, 0.3).matrix(0)]).unwrap(),
    );
    let task = uniform_task(&game);
    for (name, parameters, expect, progress) in [
        ("bradley-terry", json!({}), Cost { queries: 0, duels: 9 }, Progress::Finished),
        ("bradley-terry", json!({"duels_per_pair": 5}), Cost { queries: 0, duels: 45 }, Progress::Finished),
        ("bradley-terry", json!({"duels_per_step": 7}), Cost { queries: 0, duels: 14 }, Progress::Continue),
        (
            "bradley-terry",
            json!({"duels_per_step": 7, "pairs": "reference"}),
            Cost { queries: 0, duels: 14 },
            Progress::Continue,
        ),
        ("online-dpo", json!({}), Cost { queries: 0, duels: 9 }, Progress::Continue),
        ("online-dpo", json!({"duels_per_pair": 3}), Cost { queries: 0, duels: 27 }, Progress::Continue),
        ("ipo", json!({}), Cost { queries: 1, duels: 0 }, Progress::Finished),
    ] {
        let (mut solver, mut oracle) = (build(name, parameters, &task), GameOracle::exact(game.clone()));
        assert_eq!(solver.played(), &task.start);
        assert_eq!(solver.step(&mut oracle, &mut rng).unwrap(), progress, "{name}");
        assert_eq!((solver.step_cost(), oracle.cost()), (expect, expect), "{name}");
        assert_eq!(solver.policy().probs_at(1)[0], 1.0);
    }
}

#[test]
fn contexts_are_fitted_alone() {
    let parts = [cycle(0.1, 0.2, 0.4), bradley_terry_game(&[0.5, 0.0])];
    let both = Arc::new(Game::new(parts.iter().map(|g| g.matrix(0))).unwrap());
    for (name, steps) in [("bradley-terry", 1), ("ipo", 1), ("online-dpo", 5)] {
        let joint = run(name, json!({}), &uniform_task(&both), &both, steps);
        for (x, part) in parts.iter().enumerate() {
            let alone = run(name, json!({}), &uniform_task(part), part, steps);
            assert!(distance(joint.policy().log_probs_at(x), alone.policy().log_probs()) < 1e-13);
        }
    }
}

// ---- what they report -----------------------------------------------------------------------------------------------

#[test]
fn a_fit_that_does_not_exist_is_told() {
    let certain = game(3, |_, _| 0.5);
    let solver = run("bradley-terry", json!({}), &uniform_task(&certain), &certain, 1);
    assert!(solver.notes().iter().any(|n| n.contains("does not exist")), "{:?}", solver.notes());
    assert!(solver.policy().log_probs().iter().all(|l| l.is_finite()));
    let cycle = cycle(0.5, 0.5, 0.5);
    assert!(run("bradley-terry", json!({}), &uniform_task(&cycle), &cycle, 1).notes().is_empty());
    assert!(fit(arr2(&[[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]).view()).unwrap().exists);
}

#[test]
fn parameters_are_checked_and_resolved() {
    let game = cycle(0.1, 0.2, 0.3);
    let resolve = |name: &str, block: Value, tau: f64| {
        let entry = SOLVERS.iter().find(|e| e.name == name).unwrap();
        let task = Task::new(Policy::uniform(game.shape())).tau(tau);
        entry.build(&block, &task).map(|b| b.parameters).map_err(|e| e.to_string())
    };
    for (tau, expect) in [(0.0, 0.1), (0.7, 0.7)] {
        assert_eq!(resolve("bradley-terry", json!({}), tau).unwrap()["beta"], json!(expect));
        assert_eq!(resolve("ipo", json!({}), tau).unwrap(), json!({"ipo_tau": expect}));
    }
    for (name, block, words) in [
        ("bradley-terry", json!({"beta": 0.0}), "above 0"),
        ("bradley-terry", json!({"duels_per_pair": 0}), "at least 1"),
        ("bradley-terry", json!({"pair": "uniform"}), "did you mean `pairs`"),
        ("ipo", json!({"ipo_tau": -1.0}), "above 0"),
        ("online-dpo", json!({"beta": 0.0}), "above 0"),
        ("online-dpo", json!({"duels_per_pair": 0}), "at least 1"),
    ] {
        let error = resolve(name, block, 0.0).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn the_uniform_fit_orders_actions_by_borda() {
    let mut rng = seed::stream(5, "test", &[]);
    for _ in 0..500 {
        let n = 3 + sample::index(&mut rng, 6);
        let p: Array2<f64> = random_game(n, &mut rng).to_array(0);
        let (strength, borda) = (fit(p.view()).unwrap().log_strength, p.sum_axis(ndarray::Axis(1)));
        for i in 0..n {
            for j in 0..n {
                assert_eq!(strength[i] > strength[j], borda[i] > borda[j], "{strength} {borda}");
            }
        }
    }
}
