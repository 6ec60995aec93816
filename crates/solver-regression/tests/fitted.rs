//! The DPO family on games that are not Bradley-Terry: closed-form optima, and gaps computed independently.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use equipoise_core::{Oracle as _, Policy, Progress, SolverEntry, StepError, Task, seed};
use equipoise_env::{Feedback, Game, GameOracle, PreferenceMatrix, Sampled};
use equipoise_solver_regression::SOLVERS;
use ndarray::{Array1, Array2, arr1, arr2};
use serde_json::{Value, json};

fn entry(name: &str) -> &'static SolverEntry {
    SOLVERS.iter().find(|e| e.name == name).unwrap_or_else(|| panic!("{name}"))
}

fn single(p: &Array2<f64>) -> Arc<Game> {
    Arc::new(Game::single(PreferenceMatrix::new(p.view()).unwrap()))
}

fn policy(game: &Game, probs: &[f64]) -> Policy {
    Policy::from_probs(game.shape(), probs.iter().copied().collect()).unwrap()
}

/// The policy after one step against an exact oracle.
fn fitted(name: &str, options: &Value, game: &Arc<Game>, reference: &Policy) -> Result<Policy, StepError> {
    let built =
        entry(name).build(options, &Task::new(reference.clone())).unwrap_or_else(|e| panic!("{name}: {e}"));
    let mut solver = built.solver;
    let mut oracle = GameOracle::exact(game.clone());
    let progress = solver.step(&mut oracle, &mut seed::stream(0, "test", &[]))?;
    assert_eq!(progress, Progress::Finished);
    assert_eq!(oracle.cost(), solver.step_cost());
    Ok(solver.policy().clone())
}

fn gap(game: &Game, policy: &Policy) -> f64 {
    let mut margins = Array1::zeros(game.shape().len());
    game.margins(policy, &mut margins);
    2.0 * margins.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

/// An unequal cycle; a Condorcet winner that Borda does not see; the cycle with a clone; a balanced cycle under an unequal
/// reference; a Bradley-Terry game. All but the fourth with the uniform reference.
fn games() -> [(Arc<Game>, Policy); 5] {
    let cycle = arr2(&[[0.5, 0.6, 0.1], [0.4, 0.5, 0.7], [0.9, 0.3, 0.5]]);
    let borda = arr2(&[[0.5, 0.6, 0.55], [0.4, 0.5, 0.95], [0.45, 0.05, 0.5]]);
    let clone =
        arr2(&[[0.5, 0.6, 0.1, 0.1], [0.4, 0.5, 0.7, 0.7], [0.9, 0.3, 0.5, 0.5], [0.9, 0.3, 0.5, 0.5]]);
    let balanced = arr2(&[[0.5, 0.8, 0.2], [0.2, 0.5, 0.8], [0.8, 0.2, 0.5]]);
    let r = [1.0, 0.3, -0.2, -1.0];
    let scores = Array2::from_shape_fn((4, 4), |(i, j)| 1.0 / (1.0 + f64::exp(r[j] - r[i])));
    [cycle, borda, clone, balanced, scores].map(|p| {
        let game = single(&p);
        let probs =
            if p[[0, 1]] == 0.8 { vec![0.6, 0.3, 0.1] } else { vec![1.0 / p.nrows() as f64; p.nrows()] };
        let reference = policy(&game, &probs);
        (game, reference)
    })
}

/// Gaps of the optima at weight 0.1 of the KL, four decimals, computed independently of this code.
#[test]
fn a3_gaps_of_the_optima_are_those_computed_independently() {
    let table: &[(&str, Value, [f64; 5])] = &[
        ("dpo", json!({}), [0.3189, 0.1898, 0.1637, 0.1800, 0.0003]),
        ("cdpo", json!({}), [0.2976, 0.1811, 0.1863, 0.1800, 0.0019]),
        ("rdpo", json!({}), [0.3408, 0.1959, 0.1347, 0.1800, 0.0]),
        ("ipo-loss", json!({}), [0.1901, 0.1309, 0.2298, 0.1800, 0.1001]),
        ("preference", json!({"link": "squared-hinge"}), [0.2536, 0.1581, 0.2180, 0.1800, 0.0209]),
        ("preference", json!({"link": "exponential"}), [0.2704, 0.1728, 0.2498, 0.1800, 0.0112]),
        ("preference", json!({"link": "probit"}), [0.2829, 0.1759, 0.2219, 0.1800, 0.0052]),
        ("f-dpo", json!({"divergence": "forward_kl"}), [0.2990, 0.1773, 0.1330, 0.1800, 0.0319]),
        ("f-dpo", json!({"divergence": "jensen_shannon"}), [0.3695, 0.1972, 0.0723, 0.1800, 0.0001]),
        ("f-dpo", json!({"divergence": "alpha", "alpha": 0.5}), [0.3134, 0.1837, 0.1464, 0.1800, 0.0101]),
        ("chi-po", json!({}), [0.2527, 0.1557, 0.2252, 0.1800, 0.0122]),
        ("exo", json!({"epsilon": 0.01}), [0.1995, 0.0034, 0.2000, 0.1800, 0.0]),
        ("cpo", json!({}), [0.1176, 0.1073, 0.2045, 0.0, 0.2851]),
        ("rpo", json!({}), [0.1176, 0.1073, 0.2045, 0.0016, 0.2851]),
        ("orpo", json!({}), [0.1126, 0.1067, 0.2001, 0.0, 0.2933]),
        ("asft", json!({"ce_coef": 0.0, "lambda": 1.0}), [0.1214, 0.1089, 0.2046, 0.0, 0.2747]),
        ("asft", json!({"ce_coef": 1.0, "lambda": 0.5}), [0.1164, 0.1076, 0.2017, 0.0, 0.2880]),
        ("nca", json!({}), [0.2407, 0.1303, 0.2410, 0.1800, 0.1116]),
        ("bco", json!({}), [0.2543, 0.1351, 0.2354, 0.1800, 0.0896]),
        ("sppo-hard", json!({}), [0.2044, 0.1252, 0.2363, 0.1800, 0.1506]),
        ("simpo", json!({"beta": 0.1, "gamma_beta_ratio": 5.0}), [0.3313, 0.1931, 0.0956, 0.0, 0.0001]),
    ];
    let games = games();
    let mut wrong = Vec::new();
    for (name, options, expected) in table {
        for (k, (game, reference)) in games.iter().enumerate() {
            let found = match fitted(name, options, game, reference) {
                Ok(policy) => gap(game, &policy),
                Err(error) => panic!("{name} {options} on game {}: {error}", k + 1),
            };
            if (found - expected[k]).abs() > 6e-5 {
                wrong.push(format!(
                    "{name} {options} on game {}: {found:.5}, expected {}",
                    k + 1,
                    expected[k]
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn random(n: usize, seed_of: u64) -> Arc<Game> {
    let mut rng = seed::stream(seed_of, "fitted", &[]);
    let margins: Vec<f64> =
        (0..n * n).map(|_| 0.9 * (equipoise_core::sample::uniform(&mut rng) - 0.5)).collect();
    Arc::new(Game::single(PreferenceMatrix::from_margins(n, |i, j| margins[n * i + j]).unwrap()))
}

fn far(a: &Policy, b: &Policy) -> f64 {
    a.probs().iter().zip(b.probs()).fold(0.0, |m: f64, (a, b)| m.max((a - b).abs()))
}

/// IPO over uniform pairs: `sum_j (h_i - h_j) = sum_j (2 P_ij - 1) / (2 tau)`, so `h_i = sum_j (P_ij - 1/2) / (n tau)`.
#[test]
fn ipo_is_the_best_response_to_uniform_play() {
    for n in [2, 5, 9] {
        let game = random(n, 1);
        let reference =
            policy(&game, &(1..=n).map(|k| 2.0 * k as f64 / (n * (n + 1)) as f64).collect::<Vec<_>>());
        let found = fitted("ipo-loss", &json!({"tau": 0.2}), &game, &reference).unwrap();
        let uniform = Policy::uniform(game.shape());
        let mut margins = Array1::zeros(n);
        game.margins(&uniform, &mut margins);
        let closed = Policy::from_logits(game.shape(), reference.log_probs() + &(margins / 0.2)).unwrap();
        assert!(far(&found, &closed) < 1e-12, "{} {}", found.probs(), closed.probs());
    }
}

/// With logistic link the optimum is `mu g^-1(r / beta)` for the maximum-likelihood strengths r of Bradley-Terry, whatever
/// beta, and the strengths depend on the labels alone.
#[test]
fn the_logistic_family_shares_its_strengths() {
    let game = random(6, 2);
    let reference = policy(&game, &[0.3, 0.05, 0.15, 0.2, 0.1, 0.2]);
    let strengths = |beta: f64| {
        let found = fitted("dpo", &json!({ "beta": beta }), &game, &reference).unwrap();
        let h = (found.log_probs() - reference.log_probs()) * beta;
        let mean = h.mean().unwrap();
        h - mean
    };
    let r = strengths(1.0);
    for beta in [0.1, 0.5, 3.0] {
        let other = strengths(beta);
        assert!(r.iter().zip(&other).all(|(a, b)| (a - b).abs() < 1e-12), "{r} {other}");
    }
    // the normal equations: expected wins are wins
    for i in 0..6 {
        let off: f64 =
            (0..6).filter(|&j| j != i).map(|j| game.prob(0, i, j) - 1.0 / (1.0 + (r[j] - r[i]).exp())).sum();
        assert!(off.abs() < 1e-13, "{off}");
    }
    // chi-PO: exp(h) + h = (r - lambda) / beta for one lambda
    let beta = 0.5;
    let found = fitted("chi-po", &json!({ "beta": beta }), &game, &reference).unwrap();
    let h = found.log_probs() - reference.log_probs();
    let lambda = h.mapv(|h| beta * (h.exp() + h)) - &r;
    assert!(lambda.iter().all(|l| (l - lambda[0]).abs() < 1e-12), "{lambda}");
    // flips undo debiasing: the debiased loss on labels flipped at its rate is the clean loss
    let e = 0.2;
    let flipped =
        PreferenceMatrix::from_margins(6, |i, j| (1.0 - 2.0 * e) * (game.prob(0, i, j) - 0.5)).unwrap();
    let flipped = Arc::new(Game::single(flipped));
    let clean = fitted("dpo", &json!({}), &game, &reference).unwrap();
    let debiased = fitted("rdpo", &json!({ "epsilon": e }), &flipped, &reference).unwrap();
    assert!(far(&clean, &debiased) < 1e-12);
    // smoothing for flips is the clean loss on flipped labels
    let smooth = fitted("cdpo", &json!({ "epsilon": e }), &game, &reference).unwrap();
    let plain = fitted("dpo", &json!({}), &flipped, &reference).unwrap();
    assert!(far(&smooth, &plain) < 1e-12);
}

/// Two squares with targets +-1/(2 beta): one SPPO step from the reference, whose win rate against uniform opponents among the
/// others is the share of comparisons won.
#[test]
fn hard_sppo_is_one_step_of_sppo_without_its_normaliser() {
    let game = random(4, 3);
    let reference = Policy::uniform(game.shape());
    let found = fitted("sppo-hard", &json!({"beta": 2.0}), &game, &reference).unwrap();
    // stationarity under the constraint sum p = 1, by theta: D = G - p sum G = 0
    let h = found.log_probs() - reference.log_probs();
    let g: Vec<f64> = (0..4)
        .map(|i| {
            (0..4)
                .filter(|&j| j != i)
                .map(|j| {
                    let p = game.prob(0, i, j);
                    2.0 * p * (h[i] - 0.25) + 2.0 * (1.0 - p) * (h[i] + 0.25)
                })
                .sum()
        })
        .collect();
    let total: f64 = g.iter().sum();
    for (g, p) in g.iter().zip(found.probs()) {
        assert!((g - p * total).abs() < 1e-12, "{g} {}", p * total);
    }
}

#[test]
fn what_has_no_minimiser_is_said() {
    // an action that always wins
    let p = arr2(&[[0.5, 1.0, 1.0], [0.0, 0.5, 0.6], [0.0, 0.4, 0.5]]);
    let game = single(&p);
    let uniform = Policy::uniform(game.shape());
    for name in ["dpo", "f-dpo", "simpo"] {
        let error = fitted(name, &Value::Null, &game, &uniform).unwrap_err().to_string();
        assert!(error.contains("no finite minimiser"), "{name}: {error}");
    }
    // labels surer than the assumed rate of flips allows: the debiased loss falls for ever
    let sure = single(&arr2(&[[0.5, 0.95], [0.05, 0.5]]));
    let uniform = Policy::uniform(sure.shape());
    assert!(fitted("rdpo", &json!({"epsilon": 0.2}), &sure, &uniform).is_err());
    // one drawn label of a pair is no probability of 1: the next may be another
    let two = single(&arr2(&[[0.5, 0.6], [0.4, 0.5]]));
    let mut all = 0;
    for name in ["dpo", "simpo", "rpo"] {
        let reference = Policy::uniform(two.shape());
        let optimum = fitted(name, &Value::Null, &two, &reference).unwrap();
        let feedback = Feedback::Sampled(Sampled::default());
        let mut oracle = GameOracle::new(two.clone(), feedback, seed::stream(9, "oracle", &[]));
        let mut solver = entry(name).build(&Value::Null, &Task::new(reference.clone())).unwrap().solver;
        let mut rng = seed::stream(9, "solver", &[]);
        let mut both = false;
        for step in 1..=2000 {
            assert_eq!(solver.step(&mut oracle, &mut rng).unwrap(), Progress::Continue, "{name}");
            let kept = far(solver.policy(), &reference) == 0.0;
            assert!(step > 1 || kept, "{name}: {}", solver.policy().probs());
            if !both && kept {
                all = step;
                let note = format!("no finite minimiser for the first {step} labels a pair");
                assert!(solver.notes()[0].starts_with(&note), "{name}: {:?}", solver.notes());
            }
            both |= !kept;
        }
        assert!(all < 20, "{name}: {:?}", solver.notes());
        let note = format!("no finite minimiser for the first {all} labels a pair");
        assert!(solver.notes().len() == 1 && solver.notes()[0].starts_with(&note), "{:?}", solver.notes());
        // of 2000 labels a share that is 0.6 but for chance
        let (found, optimum) = (gap(&two, solver.policy()), gap(&two, &optimum));
        assert!((found - optimum).abs() < 0.02, "{name}: {found} {optimum}");
    }
    // those that are bounded are fitted there too
    for name in ["ipo-loss", "cdpo", "nca", "sppo-hard"] {
        let uniform = Policy::uniform(game.shape());
        assert!(fitted(name, &Value::Null, &game, &uniform).is_ok(), "{name}");
    }
}

#[test]
fn more_labels_of_every_pair_approach_the_population_optimum() {
    let game = random(4, 5);
    let reference = Policy::uniform(game.shape());
    let options = json!({"beta": 1.0});
    let optimum = fitted("cdpo", &options, &game, &reference).unwrap();
    let feedback = Feedback::Sampled(Sampled::default());
    let mut oracle = GameOracle::new(game.clone(), feedback, seed::stream(9, "oracle", &[]));
    let mut solver = entry("cdpo").build(&options, &Task::new(reference)).unwrap().solver;
    let mut rng = seed::stream(9, "solver", &[]);
    let mut at = Vec::new();
    for step in 1..=4000 {
        solver.step(&mut oracle, &mut rng).unwrap();
        if [40, 4000].contains(&step) {
            at.push(far(solver.policy(), &optimum));
        }
    }
    assert_eq!(oracle.cost().duels, 4000 * 6);
    // errors fall with the root of the labels: by ten here; a third of that for chance
    assert!(at[1] < 0.3 * at[0] && at[1] < 0.02, "{at:?}");
}

#[test]
fn a_context_of_one_action_is_left_alone() {
    let game = single(&arr2(&[[0.5]]));
    let found = fitted("dpo", &Value::Null, &game, &Policy::uniform(game.shape())).unwrap();
    assert_eq!(found.probs(), &arr1(&[1.0]));
}
