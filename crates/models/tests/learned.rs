//! The learned oracle: labels bought from a true game, fitted, and answering in its place.

#![allow(clippy::unwrap_used, reason = "a test should stop where it fails")]

use std::sync::Arc;

use equipoise_core::logistic::logistic;
use equipoise_core::{Duel, Oracle, Policy, seed::stream};
use equipoise_env::channels::CHANNELS;
use equipoise_env::{Game, GameOracle, MeasuredOracle, PreferenceMatrix};
use equipoise_models::MODELS;
use equipoise_models::learned::{LearnError, Learned, LearnedOracle};
use ndarray::Array1;
use serde_json::{Value, json};

/// A cycle of three on top of strengths, and an item behind them.
fn game() -> Arc<Game> {
    let p = [[0.5, 0.8, 0.35, 0.7], [0.2, 0.5, 0.75, 0.8], [0.65, 0.25, 0.5, 0.6], [0.3, 0.2, 0.4, 0.5]];
    let matrix = |t: f64| PreferenceMatrix::from_margins(4, |i, j| t * (p[i][j] - 0.5)).unwrap();
    let weights = vec![0.25, 0.75];
    Arc::new(Game::new([matrix(1.0), matrix(0.5)]).unwrap().with_weights(weights).unwrap())
}

fn learned(block: Value, game: &Arc<Game>, seed: u64) -> Result<LearnedOracle, LearnError> {
    let uniform = Policy::uniform(game.shape());
    let spec = Learned::of_json(&block).unwrap();
    LearnedOracle::new(
        spec,
        GameOracle::exact(Arc::clone(game)),
        &uniform,
        &uniform,
        stream(seed, "oracle", &[]),
    )
}

#[test]
fn counts_of_many_labels_are_the_game_and_cost_what_they_cost() {
    let game = game();
    let block = json!({"pairs": {"design": "all", "per_context": 60_000}});
    let mut oracle = learned(block, &game, 1).unwrap();
    assert_eq!((oracle.cost().queries, oracle.cost().duels), (0, 120_000));
    let (pi, mut q) = (Policy::uniform(game.shape()), Array1::zeros(8));
    oracle.win_rates(&pi, &mut q);
    let mut z = [0.0; 2];
    let duel = |left, right| Duel { context: 1, left, right };
    oracle.duels(&[duel(0, 1), duel(1, 0)], &mut z);
    // five standard errors of a win rate of 10000 labels
    for x in 0..2 {
        for i in 0..4 {
            for j in 0..4 {
                let off = oracle.fitted_game().prob(x, i, j) - game.prob(x, i, j);
                assert!(off.abs() < 5.0 * 0.5 / 100.0, "{x} {i} {j}: {off}");
            }
            let mean = (0..4).map(|j| oracle.fitted_game().prob(x, i, j)).sum::<f64>() / 4.0;
            assert!((q[4 * x + i] - mean).abs() < 1e-15);
        }
    }
    assert_eq!(z, [oracle.fitted_game().prob(1, 0, 1), oracle.fitted_game().prob(1, 1, 0)]);
    let fitted = oracle.fitted().unwrap();
    assert_eq!((fitted.model_queries, fitted.game.weights()), (3, game.weights()));
    assert_eq!((oracle.cost().queries, oracle.cost().duels), (0, 120_000));
    // what it is measured on stays the true game
    let mut truth = Array1::zeros(8);
    game.margins(&pi, &mut truth);
    assert_eq!(oracle.margins(&pi), &truth);
}

#[test]
fn bradley_terry_of_soft_labels_of_a_bradley_terry_game_is_the_game() {
    let scores = [0.9, 0.2, -0.3, -0.8];
    let margin = |i: usize, j: usize| logistic(scores[i] - scores[j]) - 0.5;
    let game = Arc::new(Game::single(PreferenceMatrix::from_margins(4, margin).unwrap()));
    let block =
        json!({"model": "bradley-terry", "pairs": {"design": "all", "per_context": 6}, "labels": ["soft"]});
    let oracle = learned(block, &game, 1).unwrap();
    for i in 0..4 {
        for j in 0..4 {
            let (a, b) = (oracle.fitted_game().prob(0, i, j), game.prob(0, i, j));
            assert!((a - b).abs() < 1e-10, "{i} {j}: {a} {b}");
        }
    }
}

#[test]
fn pairs_that_nothing_is_known_of_are_refused_or_said() {
    let game = game();
    let block = |undetermined: &str| json!({"pairs": {"design": "uniform", "per_context": 2}, "undetermined": undetermined});
    let error = learned(block("refuse"), &game, 3).err().unwrap();
    assert!(matches!(error, LearnError::Undetermined { all: 12, labels: 4, .. }), "{error}");
    assert!(error.to_string().contains("undetermined: even"), "{error}");
    let oracle = learned(block("even"), &game, 3).unwrap();
    let said = oracle.notes().join("\n");
    assert!(said.contains("of 12 pairs are not determined by the labels and count as even"), "{said}");
    // a model that compares items through others knows more; without a link it says nothing either
    let few = json!({"model": "bradley-terry", "pairs": {"per_context": 1}});
    let error = learned(few, &game, 3).err().unwrap();
    assert!(matches!(error, LearnError::Undetermined { model: "bradley-terry", .. }), "{error}");
    let lost = json!({"model": "bradley-terry", "labels": [{"missing": {"rate": 1.0}}]});
    let error = learned(lost.clone(), &game, 3).err().unwrap();
    assert!(error.to_string().contains("there are no comparisons"), "{error}");
    let mut even = lost;
    even["undetermined"] = json!("even");
    let oracle = learned(even, &game, 3).unwrap();
    assert!(oracle.notes().join("\n").contains("12 of 12 pairs"), "{:?}", oracle.notes());
    // an option that does not fit the game
    let item = json!({"labels": [{"adversarial": {"item": 9}}]});
    let error = learned(item, &game, 3).err().unwrap().to_string();
    assert!(error.contains("labels[0].adversarial.item"), "{error}");
}

#[test]
fn refreshes_buy_from_the_policy_being_played_and_keep_what_was_bought() {
    let game = game();
    let block = json!({"model": "bradley-terry",
        "pairs": {"design": "on-policy", "per_context": 100, "refresh": 3}, "undetermined": "even"});
    let mut oracle = learned(block, &game, 5).unwrap();
    let weights = [0.49, 0.49, 0.01, 0.01];
    let two = Array1::from_iter(weights.into_iter().chain(weights));
    let two = Policy::from_probs(game.shape(), two).unwrap();
    let mut bought = Vec::new();
    for step in 0..7 {
        oracle.begin_step(step, &two);
        bought.push(oracle.cost().duels);
    }
    assert_eq!(bought, [200, 200, 200, 400, 400, 400, 600]);
    let later = &oracle.labels().pairs[200..];
    let of_two = later.iter().filter(|l| l.first < 2 && l.second < 2).count();
    assert!(of_two > 350, "{of_two}");
    assert!(oracle.notes()[0].contains("bought 3 times"), "{:?}", oracle.notes());
}

/// Why a model is refused on labels of a channel, behind ties or not: what it needs, or cannot read. `None`: it must run.
fn refusal(model: &str, channel: &str, ties: bool) -> Option<&'static str> {
    let writes_magnitudes = ["magnitude", "margin"].contains(&channel);
    match model {
        "whr" => Some("rows have no time"),
        "scaled-bradley-terry" | "margin-bradley-terry" | "magnitude-regression" if !writes_magnitudes => {
            Some("has no column `magnitude`")
        }
        // pairs that are close to even were lost, and these models say nothing of pairs that never met
        "counts" | "gpm" | "robust" if channel == "threshold" => Some("says nothing of"),
        "plackett-luce"
            if (ties || channel == "ties")
                && !["at-random", "drop", "half", "rankings"].contains(&channel) =>
        {
            Some("has tied items")
        }
        "elo" | "trueskill" if channel == "soft" || (ties && channel == "half") => {
            Some("has a row of weight")
        }
        _ => None,
    }
}

/// Fits that may stop short of their tolerance on drawn labels, which is said.
fn may_not_converge(model: &str, channel: &str, ties: bool) -> bool {
    let slow = [("davidson-luce", "soft"), ("davidson-luce", "rankings")];
    (ties && slow.contains(&(model, channel))) || (model, channel) == ("pagerank", "threshold")
}

/// Every model with every channel: it runs, or is refused for the one reason that it has.
#[test]
fn every_model_meets_every_channel() {
    let game = game();
    let mut ran = 0;
    for model in MODELS {
        for channel in CHANNELS {
            for ties in [false, true] {
                let labels = match ties {
                    false => json!([channel.name]),
                    true => json!([{"ties": {"theta": 0.4}}, channel.name]),
                };
                let block = json!({"model": model.name, "labels": labels,
                    "pairs": {"design": "all", "per_context": 120}});
                let expected = refusal(model.name, channel.name, ties);
                match learned(block.clone(), &game, 7) {
                    Ok(oracle) => {
                        ran += 1;
                        assert_eq!(expected, None, "{} {labels} ran", model.name);
                        let again = learned(block, &game, 7).unwrap();
                        assert_eq!(oracle.labels(), again.labels());
                        for x in 0..2 {
                            for i in 0..4 {
                                for j in 0..4 {
                                    let fitted = oracle.fitted_game();
                                    let p = fitted.prob(x, i, j);
                                    assert!((0.0..=1.0).contains(&p), "{} {labels} {p}", model.name);
                                    assert_eq!(p.to_bits(), again.fitted_game().prob(x, i, j).to_bits());
                                }
                            }
                        }
                    }
                    Err(error) => {
                        let said = error.to_string();
                        let slow = may_not_converge(model.name, channel.name, ties);
                        let reason = expected.or(slow.then_some("has NOT CONVERGED"));
                        let is_it = |reason: &str| said.contains(reason) && said.contains(model.name);
                        assert!(
                            reason.is_some_and(is_it),
                            "{} {labels}: {said}, expected {reason:?}",
                            model.name
                        );
                    }
                }
            }
        }
    }
    let all = 2 * MODELS.len() * CHANNELS.len();
    assert!(3 * ran > 2 * all, "{ran} of {all} ran");
}
