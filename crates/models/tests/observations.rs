//! What is one observation: the cases of `docs/leaderboards.md`, each with the value that another way gives.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use equipoise_core::seed::stream;
use equipoise_data::{
    Battles, Features, Observations, Selection, Ties, Unit, parse_battles, parse_comparisons, parse_grouped,
    parse_observations,
};
use equipoise_models::intervals::Intervals;
use equipoise_models::leaderboard::{BoardOptions, Leaderboard, Row, Unmet, leaderboard};
use equipoise_models::{
    BRADLEY_TERRY, Contexts, Counts, DAVIDSON, Existence, FitError, ModelData, PairFit, PairOptions, fit,
    fit_observed, model,
};
use ndarray::arr2;
use serde_json::{Value, json};

fn read_by(text: &str, unit: Unit) -> Observations {
    parse_observations(Path::new("d.csv"), text.as_bytes(), &Selection::default(), unit).unwrap()
}

fn read(text: &str) -> Observations {
    read_by(&format!("item_a,item_b,outcome,weight\n{text}"), Unit::Row)
}

fn battles(text: &str, ties: Ties) -> Battles {
    parse_battles(Path::new("d.csv"), text.as_bytes(), &Selection { ties, ..Selection::default() }).unwrap()
}

fn fitted(text: &str) -> PairFit {
    fit_observed(&read(text), &BRADLEY_TERRY, PairOptions::default()).unwrap()
}

fn intervals(found: &PairFit) -> Intervals {
    let order: Vec<usize> = (0..found.log_strength.len()).collect();
    Intervals::new(found, 0.95, &order, &mut stream(1, "test", &[])).unwrap()
}

fn board(data: &Observations) -> Leaderboard {
    let options = BoardOptions { replicates: 100, seed: 3, unmet: Unmet::Fitted };
    leaderboard(data, options, &|| ()).unwrap()
}

fn row<'a>(board: &'a Leaderboard, data: &Observations, name: &str) -> &'a Row {
    board.rows.iter().find(|r| data.comparisons.labels[r.item] == name).unwrap()
}

/// D1. A tie is one row of score 1/2 - p: J = 30 (.4)^2 + 10 (.6)^2 + 60 (.1)^2 = 9, H = 24, sqrt(9) / 24 / 2 = .0625.
#[test]
fn a_tie_is_one_row() {
    let found = fitted("x,y,a,30\nx,y,b,10\nx,y,tie,60\n");
    assert!((found.sandwich_error()[0] - 0.0625).abs() < 1e-12, "{}", found.sandwich_error());
    // the dispersion of ties makes the Hessian's as large, so that neither widens the other: rows + 2 in place of rows
    assert!((found.spread[[0, 0]].sqrt() - 0.0625).abs() < 2e-3);
    // ties alone: not a strength known for certain
    let tied = fitted("x,y,tie,4\n");
    assert!(tied.spread[[0, 0]] > 0.01 && tied.sandwich_error()[0] < 1e-9);
}

/// D2. The pairs of a ranking are not independent: the errors are those of the fit of rankings.
#[test]
fn a_ranking_is_one_observation() {
    let text = "ranking,weight\na > b > c > d,3\nb > a > d,2\nd > c > a > b,1\nc > d,2\nb > c,1\nd > a,1\na > c > b = d,2\n";
    let data = read_by(text, Unit::Row);
    let found = fit_observed(&data, &BRADLEY_TERRY, PairOptions::default()).unwrap();
    let rankings =
        equipoise_data::parse_rankings(Path::new("d.csv"), text.as_bytes(), &Selection::default()).unwrap();
    let whole = model("plackett-luce-split").unwrap().fit(&rankings.into(), &Value::Null).unwrap();
    let errors = whole.sandwich_error.unwrap();
    for (i, error) in errors.iter().enumerate() {
        assert!((found.sandwich_error()[i] - error).abs() < 1e-10, "{i}");
    }
    let rows = fit(&data.comparisons, &BRADLEY_TERRY, PairOptions::default()).unwrap();
    assert!((rows.sandwich_error()[0] / errors[0] - 1.0).abs() > 0.05, "rows are another thing");
    assert_eq!(board(&data).fit.few().unwrap().noise_degrees, Some(11.0));
}

/// D3, and sweeps: where a side won all the error is that of the posterior, the interval is open on that side, and two equal
/// items are told apart by no sweep shorter than the level demands (2^-5 is above .025).
#[test]
fn sweeps_are_not_certain() {
    let found = fitted("x,y,a,3\ny,z,a,2\ny,z,b,1\n");
    assert!((found.sandwich_error()[0] - found.standard_error()[0]).abs() < 1e-9);
    assert!((found.sandwich_error()[0] - 0.83).abs() < 0.005, "{}", found.sandwich_error()[0]);
    let all = intervals(&found);
    assert!(all.high[0].is_none() && all.low[0].is_some());
    assert!(all.low[1].is_some() && all.high[1].is_some() && all.low[2].is_some());
    for sweep in 1..=5 {
        let two = intervals(&fitted(&format!("x,y,a,{sweep}\n")));
        assert_eq!(two.ranks, [(1, 2), (1, 2)], "{sweep}");
        assert!(two.high[0].is_none() && two.low[1].is_none());
    }
    assert_eq!(intervals(&fitted("x,y,a,20\n")).ranks, [(1, 1), (2, 2)]);
    // the last never won: its interval is no narrower than the others', and open below
    let data = read("A,B,a,4\nA,B,b,6\nA,C,a,9\nB,C,a,8\n");
    let found = board(&data);
    let c = row(&found, &data, "C");
    assert_eq!((c.interval.0, c.rank, c.bootstrap), (None, Some((3, 3)), None));
    assert_eq!((row(&found, &data, "A").rank, row(&found, &data, "B").rank), (Some((1, 2)), Some((1, 2))));
    for (name, strength) in [("B", 1.1814), ("A", 0.8414), ("C", -2.0229)] {
        assert!((row(&found, &data, name).strength - strength).abs() < 1e-4);
    }
    // the lottery of a sweep of two is not certain either
    let data = read("x,y,a,2\n");
    let share = row(&board(&data), &data, "x").nash_support.unwrap();
    assert!((0.8..1.0).contains(&share), "{share}");
}

/// Islands: strengths without a prior (ln 1.5, ln 9), degrees = pairs - (items - islands), ranks over all of them.
#[test]
fn islands_are_rated_by_themselves() {
    let data = read("A,B,a,6\nA,B,b,4\nC,D,a,9\nC,D,b,1\n");
    let found = board(&data);
    let r = |name: &str| row(&found, &data, name).strength;
    assert!((r("A") - r("B") - 1.5f64.ln()).abs() < 1e-12 && (r("C") - r("D") - 9f64.ln()).abs() < 1e-12);
    assert!(found.fit.exists() && !found.fit.few().unwrap().prior && found.islands() == 2);
    assert_eq!(found.fit.few().unwrap().degrees_of_freedom, 0.0);
    for name in ["A", "B", "C", "D"] {
        let (best, worst) = row(&found, &data, name).rank.unwrap();
        assert!(best <= 2 && worst >= 3, "{name}");
    }
    assert!(found.no_lottery.unwrap().contains("never met"));
    // errors of each island are its own
    let alone = fitted("A,B,a,6\nA,B,b,4\n");
    let together = found.fit.few().unwrap().spread[[0, 0]];
    assert!((alone.spread[[0, 0]] - together).abs() < 1e-9 * together);
    // one island that has no maximum leaves the other as it is
    let half = fitted("A,B,a,6\nA,B,b,4\nC,D,a,5\n");
    assert!(!half.exists && half.prior);
    assert!((half.log_strength[0] - half.log_strength[1] - 1.5f64.ln()).abs() < 1e-12);
    assert_eq!(half.open, [(false, false), (false, false), (false, true), (true, false)]);
}

/// D5, D15. Elo and TrueSkill of rows without times do not know their order; ties that are dropped are dropped.
#[test]
fn ratings_in_turn_follow_time_or_no_order() {
    let header = "item_a,item_b,outcome,weight";
    let rate = |rows: &str, name: &str| {
        let text = format!("{header}\n{rows}");
        let fitted = model(name).unwrap().fit(&battles(&text, Ties::Half).into(), &Value::Null).unwrap();
        let rating: Vec<f64> =
            fitted.own()["rating"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
        let at = |name: &str| rating[fitted.labels.iter().position(|l| l == name).unwrap()];
        (at("x"), at("y"))
    };
    for name in ["elo", "trueskill"] {
        let one = rate("x,y,a,60\nx,y,b,40\n", name);
        let other = rate("x,y,b,40\nx,y,a,60\n", name);
        let split = rate("y,x,a,40\nx,y,a,30\nx,y,a,30\n", name);
        assert!(one.0 > one.1, "{name}: 60 of 100 is ahead: {one:?}");
        assert!((one.0 - other.0).abs() < 1e-9 && (one.0 - split.0).abs() < 1e-9, "{name}");
    }
    // the mean over orders: 1024 points, within the spread of 20 orders
    assert!((rate("x,y,a,60\nx,y,b,40\n", "elo").0 - 1024.0).abs() < 3.0);
    // with times there is an order, whatever that of the file
    let timed = |rows: &str| {
        let text = format!("item_a,item_b,outcome,timestamp\n{rows}");
        let data = battles(&text, Ties::Half);
        model("elo").unwrap().fit(&data.into(), &Value::Null).unwrap().own()["rating"].clone()
    };
    let late = timed("x,y,a,3\nx,y,b,2\nx,y,a,1\n");
    assert_eq!(late, timed("x,y,a,1\nx,y,b,2\nx,y,a,3\n"));
    assert_ne!(late, timed("x,y,a,1\nx,y,b,3\nx,y,a,2\n"));
    // dropped ties are no matches: in `rank` as in `fit`
    let text = format!("{header}\nx,y,a,5\nx,y,b,1\nx,y,tie,90\n");
    let without = format!("{header}\nx,y,a,5\nx,y,b,1\n");
    let elo = |text: &str, ties: Ties| {
        let selection = Selection { ties, ..Selection::default() };
        let data: Observations =
            parse_comparisons(Path::new("d.csv"), text.as_bytes(), &selection).unwrap().into();
        let mut found = board(&data);
        found.follow_matches(&battles(text, ties), 3).unwrap();
        row(&found, &data, "x").matches.unwrap().elo
    };
    assert!((elo(&text, Ties::Drop) - elo(&without, Ties::Half)).abs() < 1e-9);
    assert!((elo(&text, Ties::Half) - elo(&without, Ties::Half)).abs() > 0.5);
}

/// A ranking is one match: tied places stay tied, and the first and last are symmetric.
#[test]
fn a_ranking_is_one_match() {
    for name in ["elo", "trueskill"] {
        let data = battles("ranking\np1 > p2 = p3 = p4 > p5\n", Ties::Half);
        let fitted = model(name).unwrap().fit(&data.into(), &Value::Null).unwrap();
        let r = fitted.log_strength.unwrap();
        assert!((r[1] - r[2]).abs() < 1e-12 && (r[2] - r[3]).abs() < 1e-12, "{name}: {r}");
        assert!(r[0] > r[1] && r[3] > r[4] && (r[0] + r[4] - 2.0 * r[1]).abs() < 1e-9, "{name}: {r}");
    }
}

/// D6. A pair that never met has the win rate of the fit in the lottery, or is left open.
#[test]
fn unmet_pairs_are_not_even() {
    // z beat the weak y alone, and never met x, who beats everybody: at 1/2 it would share the lottery
    let data = read("x,y,a,90\nx,y,b,10\nx,w,a,80\nx,w,b,20\ny,w,a,45\ny,w,b,55\nz,y,a,6\nz,y,b,4\n");
    let found = board(&data);
    assert_eq!((row(&found, &data, "x").nash, row(&found, &data, "z").nash), (Some(1.0), Some(0.0)));
    assert_eq!(found.nash_unique, Some(true));
    let open = BoardOptions { replicates: 10, seed: 1, unmet: Unmet::Open };
    let found = leaderboard(&data, open, &|| ()).unwrap();
    assert!(found.rows.iter().all(|r| r.nash.is_none()) && found.no_lottery.is_some());
}

/// D7. Contexts reach every error: one vote repeated ten times in each context is one vote.
#[test]
fn contexts_reach_every_interval_and_rank() {
    let mut text = String::from("item_a,item_b,outcome,weight,context,annotator\n");
    for k in 0..40 {
        let outcome = if k % 8 < 5 { 'a' } else { 'b' };
        text += &format!("x,y,{outcome},10,c{k},j{}\n", k % 8);
    }
    let (rows, contexts) = (read_by(&text, Unit::Row), read_by(&text, Unit::Context));
    let (rows, contexts) = (board(&rows), board(&contexts));
    let ratio = contexts.rows[0].standard_error.unwrap() / rows.rows[0].standard_error.unwrap();
    assert!((ratio - 10f64.sqrt()).abs() < 1e-9, "{ratio}");
    assert_eq!(rows.rows[0].rank, Some((1, 1)));
    assert_eq!(contexts.rows[0].rank, Some((1, 2)));
    let width = |r: &Row| r.bootstrap.map(|b| b.1 - b.0).unwrap();
    assert!((width(&contexts.rows[0]) / width(&rows.rows[0]) / ratio - 1.0).abs() < 0.35);
    // an annotator that always says the same is one observation: eight of them, five for x
    let annotators = fit_observed(&read_by(&text, Unit::Annotator), &BRADLEY_TERRY, PairOptions::default());
    let annotators = annotators.unwrap();
    let eight = (5.0 * 0.375f64.powi(2) + 3.0 * 0.625f64.powi(2)).sqrt() / (8.0 * 0.625 * 0.375) / 2.0;
    assert!((annotators.sandwich_error()[0] - eight).abs() < 1e-9);
    assert!(annotators.no_chi_squared.is_some() && annotators.deviance_p_value().is_none());
}

/// D8. A prior that is asked for does not make a maximum disappear.
#[test]
fn existence_of_contextual_models_is_of_the_data() {
    let mut text = String::from("item_a,item_b,outcome,context,weight\n");
    for (context, wins) in [("p", 6), ("q", 4), ("r", 7)] {
        text += &format!("x,y,a,{context},{wins}\nx,y,b,{context},{}\n", 10 - wins);
    }
    let grouped = parse_grouped(
        Path::new("d.csv"),
        text.as_bytes(),
        &Selection::default(),
        equipoise_data::Grouping::Context,
    );
    let features = Features { names: vec!["f".into()], values: arr2(&[[0.0], [1.0], [0.4]]) };
    let data = Contexts { grouped: grouped.unwrap(), features };
    let entry = model("contextual-bradley-terry").unwrap();
    let free = entry.fit(&data.clone().into(), &Value::Null).unwrap();
    let with = entry.fit(&data.into(), &json!({ "prior": true })).unwrap();
    assert_eq!((free.existence, free.prior), (Existence::Finite, false));
    assert_eq!((with.existence, with.prior), (Existence::Finite, true));
}

/// D9, D12. The chi-squared law where it holds; a tie parameter at its end is none.
#[test]
fn chi_squared_and_free_parameters() {
    let tied = fitted("x,y,a,30\nx,y,b,10\nx,y,tie,60\ny,z,a,30\ny,z,b,20\nx,z,a,30\nx,z,b,9\n");
    assert!(tied.deviance_p_value().is_none() && tied.no_chi_squared.unwrap().contains("ties"));
    let sparse = fitted("x,y,a,2\nx,y,b,1\ny,z,a,1\ny,z,b,1\nx,z,a,1\nx,z,b,1\n");
    assert!(sparse.deviance_p_value().is_none());
    let rows = "x,y,a,30\nx,y,b,10\ny,z,a,30\ny,z,b,20\nx,z,a,30\nx,z,b,9\n";
    assert!(fitted(rows).deviance_p_value().is_some());
    // without ties nu is at 0, and three items have two parameters
    let davidson = fit_observed(&read(rows), &DAVIDSON, PairOptions::default()).unwrap();
    assert_eq!((davidson.free_parameters, davidson.degrees_of_freedom), (2, 1.0));
    let with = format!("{rows}x,y,tie,5\n");
    let davidson = fit_observed(&read(&with), &DAVIDSON, PairOptions::default()).unwrap();
    assert_eq!(davidson.free_parameters, 3);
}

/// D13. With features existence is of the design.
#[test]
fn existence_with_features_is_of_the_design() {
    let linear = |rows: &str, values: &[[f64; 1]]| {
        let features = Some(Features { names: vec!["f".into()], values: arr2(values) });
        let data = Counts { features, ..Counts::from(read(rows)) };
        model("bradley-terry").unwrap().fit(&ModelData::Counts(data), &Value::Null).unwrap()
    };
    // x swept y, but they have the same feature: ln 2 from y and z
    let found = linear("x,y,a,3\ny,z,a,2\ny,z,b,1\n", &[[1.0], [1.0], [0.0]]);
    assert_eq!((found.existence.clone(), found.prior), (Existence::Finite, false));
    let b = found.own()["coefficients"][0]["coefficient"].as_f64().unwrap();
    assert!((b - 2f64.ln()).abs() < 1e-10, "{b}");
    // 3, 2, 0 and x > y > z: separable, and said
    let found = linear("x,y,a,3\ny,z,a,2\n", &[[3.0], [2.0], [0.0]]);
    assert_eq!((found.existence.clone(), found.prior), (Existence::SeparatedByFeatures, true));
    assert!(found.convergence.converged);
    let error = found.own()["coefficients"][0]["standard_error"].as_f64().unwrap();
    assert!(error < 5.0, "{error}");
    // the likelihood climbs for ever as the feature gains: whoever has some of it is bounded from below alone
    assert_eq!(found.result::<PairFit>().unwrap().open, [(false, true), (false, true), (false, false)]);
}

/// D14. The prior costs Newman's iteration no passes: a common factor is found in each.
#[test]
fn newman_with_a_prior_converges_as_without() {
    let mut text = String::new();
    for i in 0..12 {
        for j in i + 1..12 {
            text += &format!("m{i},m{j},a,{}\nm{i},m{j},b,{}\n", 1000 + 90 * (j - i), 1000 - 40 * (j - i));
        }
    }
    let entry = model("bradley-terry").unwrap();
    let passes = |options: Value| {
        let fitted = entry.fit(&read(&text).into(), &options).unwrap();
        assert!(fitted.convergence.converged);
        (fitted.convergence.iterations, fitted.log_strength.unwrap())
    };
    let (plain, _) = passes(json!({ "algorithm": "newman" }));
    let (prior, strengths) = passes(json!({ "algorithm": "newman", "prior": true }));
    assert!(prior <= plain + 10, "{prior} {plain}");
    let (_, newton) = passes(json!({ "prior": true }));
    assert!((&strengths - &newton).iter().all(|d| d.abs() < 1e-10));
}

/// D16. Fractions have no noise that is known of, and so no intervals.
#[test]
fn fractions_have_no_intervals() {
    let data = read("x,y,a,0.7\nx,y,b,0.3\ny,z,a,0.6\ny,z,b,0.4\n");
    let found = board(&data);
    assert!(found.no_intervals.unwrap().contains("fractions") && found.replicates == 0);
    for row in &found.rows {
        assert_eq!((row.standard_error, row.interval, row.rank), (None, (None, None), None));
    }
}

/// Permuting rows or names permutes the answer, and changes nothing else; equal items are equal on every board.
#[test]
fn names_and_rows_have_no_say() {
    let rows =
        ["x,y,a,7", "x,y,b,3", "y,z,a,5", "y,z,b,2", "z,x,a,4", "z,x,b,4", "w,x,a,1", "x,w,a,3", "w,z,tie,2"];
    let data = read(&rows.join("\n"));
    let renamed: Vec<String> =
        rows.iter().rev().map(|row| row.replace('x', "q").replace('w', "x").replace('q', "w")).collect();
    let other = read(&renamed.join("\n"));
    let (one, two) = (board(&data), board(&other));
    for (name, new) in [("x", "w"), ("w", "x"), ("y", "y"), ("z", "z")] {
        let (a, b) = (row(&one, &data, name), row(&two, &other, new));
        assert!((a.strength - b.strength).abs() < 1e-12);
        assert_eq!((a.rank, a.nash_support, a.place), (b.rank, b.nash_support, b.place));
        let (a, b) = (a.bootstrap.unwrap(), b.bootstrap.unwrap());
        assert!((a.0 - b.0).abs() < 1e-9 && (a.1 - b.1).abs() < 1e-9, "{name}");
    }
    for text in ["A,B,a,1\nA,B,b,1\n", "B,A,a,1\nB,A,b,1\n"] {
        let data = read(text);
        let mut found = board(&data);
        let text = format!("item_a,item_b,outcome,weight\n{text}");
        found.follow_matches(&battles(&text, Ties::Half), 1).unwrap();
        for (rating, tops) in found.tops() {
            assert_eq!(tops, [[0, 1]], "{rating}");
        }
        assert_eq!(found.rows[0].place, found.rows[1].place);
        assert_eq!(found.rows[0].nash_support, found.rows[1].nash_support);
        assert_eq!(found.rows[0].nash_range, Some((0.0, 1.0)));
    }
}

/// Elo and TrueSkill follow whole matches: of fractions there is none on the board, and `fit` says which weight.
#[test]
fn parts_of_matches_are_not_followed() {
    let text = "item_a,item_b,outcome,weight\nx,y,a,2\nx,y,b,1.5\n";
    let rows = battles(text, Ties::Half);
    for name in ["elo", "trueskill"] {
        let refused = model(name).unwrap().fit(&rows.clone().into(), &Value::Null).unwrap_err();
        assert_eq!(refused, FitError::PartsOfMatches { weight: 1.5 }, "{name}");
    }
    let mut found = board(&read("x,y,a,2\nx,y,b,1.5\n"));
    found.follow_matches(&rows, 1).unwrap();
    assert!(found.no_matches.unwrap().contains("fractions") && found.timed.is_none());
    assert!(found.rows.iter().all(|row| row.matches.is_none()));
    assert!(found.tops().iter().all(|(name, _)| !["elo", "trueskill"].contains(name)));
}

/// Times that are all the same order nothing.
#[test]
fn equal_times_are_no_order() {
    let dated = |days: [u32; 2]| {
        let [a, b] = days;
        let text = format!("item_a,item_b,outcome,timestamp\nx,y,a,2024-01-0{a}\ny,x,a,2024-01-0{b}\n");
        let rows = battles(&text, Ties::Half);
        let mut found = board(&rows.counts().into());
        found.follow_matches(&rows, 1).unwrap();
        (found.timed, model("elo").unwrap().fit(&rows.into(), &Value::Null).unwrap().own()["order"].clone())
    };
    assert_eq!(dated([1, 1]), (Some(false), "shuffles".into()));
    assert_eq!(dated([1, 2]), (Some(true), "time".into()));
}

/// Weights in fractions are no counts, whatever is fitted to them.
#[test]
fn fractions_have_no_standard_errors() {
    let rankings = |text: &str| -> ModelData {
        let all = Selection::default();
        equipoise_data::parse_rankings(Path::new("d.csv"), text.as_bytes(), &all).unwrap().into()
    };
    let judged = |text: &str| -> ModelData { battles(text, Ties::Half).into() };
    for (weight, known) in [("2", true), ("2.5", false)] {
        let orders = rankings(&format!("ranking,weight\nx > y > z,{weight}\nz > y > x,1\ny > x,1\n"));
        let rows = judged(&format!("item_a,item_b,outcome,weight,magnitude\nx,y,a,{weight},1\nx,y,b,1,2\n"));
        let all = [
            ("plackett-luce", &orders),
            ("plackett-luce-split", &orders),
            ("scaled-bradley-terry", &rows),
            ("margin-bradley-terry", &rows),
        ];
        for (name, data) in all {
            let found = model(name).unwrap().fit(data, &Value::Null).unwrap();
            assert_eq!(found.standard_error.is_some(), known, "{name} {weight}");
            assert!(known || found.sandwich_error.is_none());
            assert_eq!(found.own().contains_key("no_errors"), !known, "{name} {weight}");
            assert_eq!(found.notes()[0].contains("fractions"), !known, "{name} {weight}");
        }
    }
}

/// Of nothing there are 0, not -0.
#[test]
fn no_comparisons_are_zero() {
    let data = read("x,y,a,0\n");
    assert!(data.count().is_sign_positive() && data.comparisons.total.is_sign_positive());
    assert!(data.comparisons.total_ties.is_sign_positive());
}

/// Strengths and sandwich errors of arena-rank 0.1.1 (`BradleyTerry`, ties half, `ftol` 1e-15), from the counts of wins, losses and
/// ties of two published data sets: MT-bench's human votes (CC BY 4.0, arXiv:2306.05685) and the third set of gambles of Regenwetter
/// and Davis-Stober (2012). It adds 1e-5 a comparison to its Hessian: errors are equal within that.
#[test]
fn the_errors_are_those_of_arena_rank() {
    let mtbench = "a,c,9,126,28 a,g,27,222,69 a,4,17,132,26 a,l,76,27,47 a,v,48,104,60 c,g,79,85,84 c,4,54,91,55 c,l,185,13,34 \
                   c,v,86,33,34 g,4,60,131,88 g,l,231,10,31 g,v,167,69,125 4,l,176,12,24 4,v,113,21,29 l,v,14,157,46";
    let gambles = "a,b,523,267,110 a,c,543,298,59 a,d,602,256,42 a,e,628,241,31 b,c,548,235,117 b,d,546,270,84 b,e,625,232,43 \
                   c,d,462,290,148 c,e,567,243,90 d,e,510,250,140";
    type Published<'a> = (&'a str, &'a [(&'a str, f64, f64)]);
    let expected: [Published<'_>; 2] = [
        (
            mtbench,
            &[
                ("a", -0.7616465, 0.0513755),
                ("c", 0.6428510, 0.0502629),
                ("g", 0.5996078, 0.0396861),
                ("4", 1.0211443, 0.0540780),
                ("l", -1.4450899, 0.0596671),
                ("v", -0.0568667, 0.0457316),
            ],
        ),
        (
            gambles,
            &[
                ("a", 0.5894047, 0.0282706),
                ("b", 0.3415201, 0.0260317),
                ("c", -0.0280536, 0.0253626),
                ("d", -0.2489122, 0.0257282),
                ("e", -0.6539590, 0.0281479),
            ],
        ),
    ];
    for (counts, items) in expected {
        let rows = |pair: &str| {
            let cells: Vec<&str> = pair.split(',').collect();
            let row = |outcome: &str, weight: &str| format!("{},{},{outcome},{weight}\n", cells[0], cells[1]);
            row("a", cells[2]) + &row("b", cells[3]) + &row("tie", cells[4])
        };
        let data = read(&counts.split_whitespace().map(rows).collect::<String>());
        let found = fit_observed(&data, &BRADLEY_TERRY, PairOptions::default()).unwrap();
        for (label, strength, error) in items {
            let i = data.comparisons.labels.iter().position(|l| l == label).unwrap();
            assert!((found.log_strength[i] - strength).abs() < 1e-6, "{label} {}", found.log_strength[i]);
            assert!(
                (found.sandwich_error()[i] / error - 1.0).abs() < 1e-3,
                "{label} {}",
                found.sandwich_error()[i]
            );
        }
    }
}
