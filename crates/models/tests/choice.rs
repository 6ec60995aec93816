//! Models side by side: what each predicts of comparisons that it has not seen.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use equipoise_core::{sample, seed::stream};
use equipoise_data::{Battles, Features, Selection, parse_battles};
use equipoise_models::choice::{Choice, Contender, choose};
use equipoise_models::{FitError, MODELS};
use ndarray::Array2;

fn battles(text: &str) -> Battles {
    parse_battles("d.csv".as_ref(), text.as_bytes(), &Selection::default()).unwrap()
}

/// `each` comparisons of every pair, drawn from win rates.
fn drawn(p: &Array2<f64>, each: usize, seed: u64) -> Battles {
    let mut rng = stream(seed, "choice", &[]);
    let mut text = String::from("item_a,item_b,outcome\n");
    for i in 0..p.nrows() {
        for j in i + 1..p.nrows() {
            for _ in 0..each {
                let outcome = if sample::uniform(&mut rng) < p[[i, j]] { "a" } else { "b" };
                text += &format!("i{i},i{j},{outcome}\n");
            }
        }
    }
    battles(&text)
}

fn compared(data: &Battles) -> Choice {
    let models: Vec<_> = MODELS.iter().map(|m| (*m, (m.predicting)())).collect();
    choose(data, &models, None, 5, 1).unwrap()
}

fn of<'a>(choice: &'a Choice, name: &str) -> &'a Contender {
    choice.contenders.iter().find(|c| c.name == name).unwrap()
}

#[test]
fn one_rating_is_enough_where_the_truth_has_one_and_not_on_a_cycle() {
    let r = [0.8, 0.3, 0.0, -0.4, -0.7f64];
    let transitive = Array2::from_shape_fn((5, 5), |(i, j)| 1.0 / (1.0 + (r[j] - r[i]).exp()));
    let found = compared(&drawn(&transitive, 120, 1));
    assert_eq!(of(&found, "bradley-terry").beaten, Some(false));
    assert_eq!(of(&found, "bradley-terry").cyclic_triads, Some(0));
    let smallest = &found.contenders[found.smallest.unwrap()];
    assert_eq!(smallest.size, Some(4), "{}", smallest.name);

    // everybody beats the next two of five
    let cyclic = Array2::from_shape_fn((5, 5), |(i, j)| match (5 + j - i) % 5 {
        0 => 0.5,
        1 | 2 => 0.75,
        _ => 0.25,
    });
    let found = compared(&drawn(&cyclic, 120, 2));
    assert_eq!(of(&found, "bradley-terry").beaten, Some(true));
    assert_eq!(of(&found, "counts").beaten, Some(false));
    assert!(
        of(&found, "counts").cyclic_triads.unwrap() == 5 && of(&found, "counts").condorcet_winner.is_none()
    );
    assert!(of(&found, "counts").nash.as_ref().unwrap().iter().all(|p| *p > 0.05));
    assert!(!["bradley-terry", "elo", "thurstone"].contains(&found.contenders[found.smallest.unwrap()].name));
    // the truth's own entropy is what no model can beat by more than noise
    let entropy = 0.75 * 0.75f64.ln() + 0.25 * 0.25f64.ln();
    let best = found.contenders[0].held_out.unwrap();
    assert!((best - entropy).abs() < 0.03, "{best} {entropy}");
}

#[test]
fn the_held_out_log_likelihood_is_that_of_the_probabilities() {
    // two items: every model of one strength predicts the win rate of the other folds
    let data = battles("item_a,item_b,outcome,weight\nx,y,a,60\nx,y,b,40\n");
    let found = compared(&data);
    let two = of(&found, "bradley-terry").held_out.unwrap();
    assert!((two - (0.6 * 0.6f64.ln() + 0.4 * 0.4f64.ln())).abs() < 0.02, "{two}");
    for name in ["thurstone", "rank-centrality"] {
        assert!((of(&found, name).held_out.unwrap() - two).abs() < 1e-12, "{name}");
        // what differs by rounding is not beaten
        assert_eq!(of(&found, name).beaten, of(&found, "bradley-terry").beaten, "{name}");
    }
    let (difference, low, high) = of(&found, "bradley-terry").difference.unwrap();
    assert!(low <= difference && difference <= high && found.comparisons == 100.0);
    // pagerank of two is 1/2, whatever the counts: a bit
    assert!((of(&found, "pagerank").held_out.unwrap() + 2f64.ln()).abs() < 1e-12);
    // the same seed, the same folds
    assert_eq!(of(&compared(&data), "bradley-terry").held_out, Some(two));
}

#[test]
fn what_cannot_be_compared_is_said() {
    let found = compared(&battles("item_a,item_b,outcome\nx,y,a\ny,z,b\n"));
    assert!(found.smallest.is_none() && found.undecided.unwrap().starts_with("not enough data"));
    let reason = of(&found, "plackett-luce").reason.as_ref().unwrap();
    assert!(reason.contains("rankings"), "{reason}");
    assert!(of(&found, "scaled-bradley-terry").reason.as_ref().unwrap().contains("magnitude"));
    let parts = battles("item_a,item_b,outcome,weight\nx,y,a,0.5\n");
    let models: Vec<_> = MODELS.iter().map(|m| (*m, (m.predicting)())).collect();
    assert_eq!(choose(&parts, &models, None, 5, 1).unwrap_err(), FitError::PartsOfMatches { weight: 0.5 });
}

/// No reason contradicts the data: not on rankings, not with contexts, magnitudes as scores, times, or items that never met.
#[test]
fn reasons_hold_of_the_data_they_are_given_for() {
    let mut rankings = "ranking\n".to_owned();
    let mut full = "item_a,item_b,score_a,score_b,context,annotator,timestamp\n".to_owned();
    let mut apart = "item_a,item_b,outcome\n".to_owned();
    for k in 0..30 {
        rankings += ["x > y > z\n", "y > z > x\n", "x > z > y\n"][k % 3];
        let (a, b) = ([("x", "y"), ("y", "z"), ("z", "x"), ("x", "z")])[k % 4];
        full += &format!("{a},{b},{},{},p{},u{},2026-01-{:02}\n", k % 5, 3 * k % 4, k % 6, k % 3, k % 28 + 1);
        apart += ["x,y,a\n", "y,x,a\n", "u,v,a\n", "v,u,a\n", "x,y,a\n"][k % 5];
    }
    let seen = |text: &str| {
        let data = battles(text);
        let found = compared(&data);
        let held = |role: &str| data.checks.columns.contains(&role);
        for c in &found.contenders {
            let Some(reason) = &c.reason else {
                assert!(c.held_out.is_some() && c.nash.is_some() && c.cyclic_triads.is_some(), "{}", c.name);
                continue;
            };
            let claims = [
                ("no column `magnitude`", !held("magnitude") && !held("score_a")),
                ("have no time", !held("timestamp")),
                ("is fitted to rankings", false),
                ("with a column `context`", false),
                ("of one context", !held("context")),
                ("says nothing of some pairs", c.nash.is_none() && data.counts().unmet() > 0),
            ];
            for (claim, holds) in claims {
                assert!(holds || !reason.contains(claim), "{}: {reason}", c.name);
            }
        }
        found
    };
    let found = seen(&rankings);
    assert!(of(&found, "plackett-luce").reason.as_ref().unwrap().contains("single comparisons"));
    let few: String = rankings.lines().take(16).map(|l| format!("{l}\n")).collect();
    let few = seen(&few);
    // 45 comparisons, of 15 rankings
    assert!(few.comparisons == 45.0 && few.undecided.unwrap().contains("fewer than 20 rankings"));
    let found = seen(&full);
    assert!(of(&found, "scaled-bradley-terry").held_out.is_some());
    assert!(of(&found, "contextual-bradley-terry").held_out.is_some());
    let found = seen(&apart);
    let bt = of(&found, "bradley-terry");
    assert!(bt.held_out.is_some() && bt.nash.is_none() && bt.condorcet_winner.is_none(), "{bt:?}");
}

#[test]
fn where_everything_came_out_one_way_no_width_is_zero() {
    let names = ["bradley-terry", "counts", "thurstone", "pagerank"];
    let models: Vec<_> =
        MODELS.iter().filter(|m| names.contains(&m.name)).map(|m| (*m, (m.predicting)())).collect();
    let found = choose(&battles("item_a,item_b,outcome,weight\nx,y,a,30\n"), &models, None, 5, 1).unwrap();
    let mut near = 0;
    for contender in found.contenders.iter().filter(|c| c.held_out.is_some()) {
        let (difference, low, high) = contender.difference.unwrap();
        let (name, rate) = (contender.name, contender.held_out.unwrap().exp());
        if difference < -1e-9 {
            // every comparison says the same of both, which is no reason to be sure of it
            assert!(high - low > 1e-3 * difference.abs(), "{name}: {low} {high}");
        }
        // a win rate of 0.9 is not beaten by 0.97 on thirty wins
        if rate > 0.9 {
            assert_eq!(contender.beaten, Some(false), "{name}: {difference} in [{low}, {high}]");
            near += usize::from(difference < -1e-3);
        }
        assert!(rate < 1.0, "{name}");
    }
    assert!(near > 0, "{near}");
    // pagerank of two is 1/2 whatever the counts: thirty wins are enough against that
    assert_eq!(of(&found, "pagerank").beaten, Some(true));
    // counts without smoothing say 1, which no number of wins shows
    let counts = MODELS.iter().find(|m| m.name == "counts").unwrap();
    let sure = choose(
        &battles("item_a,item_b,outcome,weight\nx,y,a,30\n"),
        &[(*counts, serde_json::json!({ "smoothing": 0.0 }))],
        None,
        5,
        1,
    );
    let sure = sure.unwrap();
    assert!(sure.smallest.is_none() && sure.contenders[0].held_out.is_none());
    assert!(sure.contenders[0].reason.as_ref().unwrap().contains("probability of 0 or 1"));
}

/// `each` comparisons of every pair in every context, drawn from the strengths of the context.
fn in_contexts(strengths: &[Vec<f64>], each: usize, seed: u64) -> Battles {
    let mut rng = stream(seed, "contexts of choice", &[]);
    let mut text = String::from("item_a,item_b,outcome,context\n");
    for (x, r) in strengths.iter().enumerate() {
        for (i, j) in (0..r.len()).flat_map(|i| (i + 1..r.len()).map(move |j| (i, j))) {
            for _ in 0..each {
                let p = 1.0 / (1.0 + (r[j] - r[i]).exp());
                let outcome = if sample::uniform(&mut rng) < p { "a" } else { "b" };
                text += &format!("i{i},i{j},{outcome},p{x}\n");
            }
        }
    }
    battles(&text)
}

#[test]
fn a_model_of_contexts_is_judged_in_the_context_of_each_comparison() {
    // what is best in one context is worst in the other: nothing that leaves contexts out predicts better than chance
    let r = vec![1.2, 0.4, -0.4, -1.2];
    let turned: Vec<f64> = r.iter().map(|r| -r).collect();
    let found = compared(&in_contexts(&[r.clone(), turned], 60, 1));
    let best = &found.contenders[found.smallest.unwrap()];
    assert_eq!(best.name, "contextual-bradley-terry");
    // three strengths a context
    assert_eq!(best.size, Some(6));
    for name in ["bradley-terry", "counts", "gpm", "ideal-points"] {
        assert_eq!(of(&found, name).beaten, Some(true), "{name}");
    }
    // its held-out comparisons cost what the truth's own entropy is, others' a bit
    let entropy: f64 = (0..4)
        .flat_map(|i| (i + 1..4).map(move |j| (i, j)))
        .map(|(i, j)| {
            let p = 1.0 / (1.0 + (r[j] - r[i]).exp());
            (p * p.ln() + (1.0 - p) * (1.0 - p).ln()) / 6.0
        })
        .sum();
    assert!((best.held_out.unwrap() - entropy).abs() < 0.03, "{best:?} {entropy}");
    assert!((of(&found, "bradley-terry").held_out.unwrap() + 2f64.ln()).abs() < 0.01);
    assert!(best.nash.is_some(), "of the mean over both contexts: {best:?}");

    // where contexts do not matter, strengths that do not know them are enough
    let found = compared(&in_contexts(&[r.clone(), r.clone(), r], 60, 2));
    let (contextual, bt) = (of(&found, "contextual-bradley-terry"), of(&found, "bradley-terry"));
    assert_eq!((contextual.size, bt.size), (Some(9), Some(3)));
    assert!(contextual.held_out.unwrap() < bt.held_out.unwrap() && bt.beaten == Some(false));
    assert_eq!(found.contenders[found.smallest.unwrap()].size, Some(3));
}

#[test]
fn features_of_contexts_say_what_contexts_have_in_common() {
    // 60 contexts of few comparisons, strengths linear in one feature
    let z: Vec<f64> = (0..60).map(|x| f64::from(x) / 29.5 - 1.0).collect();
    let strengths: Vec<Vec<f64>> = z.iter().map(|z| vec![1.5 * z, 0.2, -1.5 * z]).collect();
    let data = in_contexts(&strengths, 4, 3);
    assert_eq!(data.contexts.len(), 60);
    let models: Vec<_> = MODELS.iter().map(|m| (*m, (m.predicting)())).collect();
    let without = choose(&data, &models, None, 5, 1).unwrap();
    let reason = of(&without, "contextual-bradley-terry").reason.clone().unwrap();
    assert!(reason.contains("60 contexts without features: more than 50"), "{reason}");
    let values = Array2::from_shape_vec((60, 1), z).unwrap();
    let features = Features { names: vec!["z".to_owned()], values };
    let found = choose(&data, &models, Some(&features), 5, 1).unwrap();
    let best = &found.contenders[found.smallest.unwrap()];
    assert_eq!((best.name, best.size), ("contextual-bradley-terry", Some(4)));
    assert_eq!(of(&found, "bradley-terry").beaten, Some(true));
}
