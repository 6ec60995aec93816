//! Data at the edge of what models say anything of: refused by name, or said to be undecided.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use equipoise_data::{Battles, Selection, parse_battles};
use equipoise_models::{Existence, FitError, Fitted, model};
use serde_json::{Value, json};

fn battles(rows: &str) -> Battles {
    parse_battles("d.csv".as_ref(), rows.as_bytes(), &Selection::default()).unwrap()
}

/// Of `item_a,item_b,outcome,weight` rows.
fn weighted(rows: &str) -> Battles {
    battles(&format!("item_a,item_b,outcome,weight\n{rows}"))
}

fn fit(name: &str, data: &Battles, options: &Value) -> Result<Fitted, FitError> {
    let entry = model(name).unwrap();
    let takes_counts = ["gpm", "eigen", "bradley-terry"].contains(&name);
    if takes_counts {
        entry.fit(&data.counts().into(), options)
    } else {
        entry.fit(&data.clone().into(), options)
    }
}

fn prob(fitted: &Fitted, one: &str, other: &str) -> f64 {
    let at = |label: &str| fitted.labels.iter().position(|l| l == label).unwrap();
    fitted.prob(at(one), at(other))
}

#[test]
fn ties_without_a_probability_are_refused_and_a_rating_that_is_no_number_too() {
    let data = weighted("a,b,tie,3\na,c,a,1\n");
    for draw in [0.0, 1e-300] {
        let error = fit("trueskill", &data, &json!({ "draw": draw })).unwrap_err();
        assert!(matches!(error, FitError::NoDraws { ties: 3.0, .. }), "{error}");
        assert!(error.to_string().contains("--ties drop"));
    }
    let wins = weighted("a,b,a,3\na,c,a,1\n");
    assert!(prob(&fit("trueskill", &wins, &json!({ "draw": 0.0 })).unwrap(), "a", "b") > 0.5);
    assert!(prob(&fit("trueskill", &data, &json!({ "draw": 0.01 })).unwrap(), "a", "c") > 0.5);
    // the variances overflow
    let error = fit("trueskill", &wins, &json!({ "sigma": 1e200 })).unwrap_err();
    assert!(matches!(error, FitError::NotFinite { .. }), "{error}");
}

#[test]
fn sequential_ratings_of_no_match_are_none() {
    let data = weighted("a,b,a,0\nb,c,a,0\n");
    for name in ["elo", "trueskill"] {
        assert_eq!(fit(name, &data, &Value::Null).unwrap_err(), FitError::Nothing, "{name}");
    }
}

#[test]
fn whole_history_options_that_overflow_are_refused() {
    let data = battles("item_a,item_b,outcome,timestamp\na,b,a,100000\na,b,b,200000\nb,a,a,300000\n");
    for (options, key) in [
        (json!({ "wiener_variance": 1e-320 }), "wiener_variance"),
        (json!({ "wiener_variance": 1e-14 }), "wiener_variance"),
        (json!({ "time_unit": 1e-305 }), "time_unit"),
    ] {
        let error = fit("whr", &data, &options).unwrap_err();
        assert!(
            matches!(error, FitError::Options(_)) && error.to_string().contains(key),
            "{options}: {error}"
        );
    }
    // the smallest that is taken is as none
    let (none, least) = (json!({ "wiener_variance": 0.0 }), json!({ "wiener_variance": 2e-12 }));
    let (none, least) = (fit("whr", &data, &none).unwrap(), fit("whr", &data, &least).unwrap());
    assert!((prob(&none, "a", "b") - prob(&least, "a", "b")).abs() < 1e-4);
}

#[test]
fn islands_of_ties_and_histories_have_a_finite_maximum_each() {
    let timed =
        battles("item_a,item_b,outcome,timestamp\na,b,a,100000\na,b,b,200000\nc,d,a,300000\nc,d,b,300000\n");
    assert_eq!(fit("whr", &timed, &Value::Null).unwrap().existence, Existence::Finite);
}

#[test]
fn more_blocks_than_planes_are_no_saddle_of_the_general_preference_model() {
    let saddle = weighted("p,q,a,90\np,q,b,10\nr,s,a,60\nr,s,b,40\np,r,a,50\np,r,b,50\nq,s,a,50\nq,s,b,50\n");
    let found = fit("gpm", &saddle, &json!({ "rank": 2 })).unwrap();
    assert!(found.convergence.converged);
    assert!((prob(&found, "r", "s") - 0.6).abs() < 1e-6 && (prob(&found, "p", "q") - 0.9).abs() < 1e-6);
    assert!(found.deviance.unwrap().abs() < 1e-8);
    let islands = weighted("a,b,a,9\na,b,b,1\nc,d,a,8\nc,d,b,2\n");
    // so with weights of any size
    let tiny = weighted("a,b,a,9e-9\na,b,b,1e-9\nc,d,a,8e-9\nc,d,b,2e-9\n");
    for data in [islands, tiny] {
        let found = fit("gpm", &data, &json!({ "rank": 2 })).unwrap();
        assert!(found.convergence.converged);
        assert!((prob(&found, "a", "b") - 0.9).abs() < 1e-6 && (prob(&found, "c", "d") - 0.8).abs() < 1e-6);
    }
}

#[test]
fn two_classes_of_one_eigenvalue_have_no_eigenvector_of_their_own() {
    let cycle = |a: &str, b: &str, c: &str, w: u32| format!("{a},{b},a,{w}\n{b},{c},a,{w}\n{c},{a},a,{w}\n");
    let link = "a,x,a,1\n";
    let even = weighted(&format!("{}{}{link}", cycle("a", "b", "c", 2), cycle("x", "y", "z", 2)));
    assert!(matches!(fit("eigen", &even, &Value::Null).unwrap_err(), FitError::Undetermined { .. }));
    // the winners' class is the larger: the others cannot reach it, and have exactly 0
    let upper = weighted(&format!("{}{}{link}", cycle("a", "b", "c", 3), cycle("x", "y", "z", 2)));
    let found = fit("eigen", &upper, &Value::Null).unwrap();
    let x: Vec<f64> =
        found.own()["eigenvector"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
    for (label, x) in found.labels.iter().zip(&x) {
        let expected = if "abc".contains(label.as_str()) { 3f64.sqrt().recip() } else { 0.0 };
        assert!((x - expected).abs() < 1e-12 && (expected > 0.0 || *x == 0.0), "{label} {x}");
    }
    // the losers' class is the larger: W x = 3 x, with x_a, x_b, x_c by what a takes of x
    let lower = weighted(&format!("{}{}{link}", cycle("a", "b", "c", 2), cycle("x", "y", "z", 3)));
    let found = fit("eigen", &lower, &Value::Null).unwrap();
    let x = |label: &str| {
        let at = found.labels.iter().position(|l| l == label).unwrap();
        found.own()["eigenvector"][at].as_f64().unwrap()
    };
    assert!(
        (2.0 * x("b") + x("x") - 3.0 * x("a")).abs() < 1e-12 && (3.0 * x("y") - 3.0 * x("x")).abs() < 1e-12
    );
    assert!((2.0 * x("c") - 3.0 * x("b")).abs() < 1e-12 && x("c") > 0.0);
}

#[test]
fn annotators_of_opposite_opinion_leave_two_modes() {
    let opposite = battles("item_a,item_b,outcome,annotator,weight\nx,y,a,u,50\nx,y,b,v,50\n");
    let found = fit("crowd-bradley-terry", &opposite, &Value::Null).unwrap();
    // not the saddle of equal strengths, nor sure of its side
    assert!((prob(&found, "x", "y") - 0.5).abs() > 0.2 && found.convergence.converged);
    assert_eq!(found.existence, Existence::NotFound);
    assert!(found.notes().iter().any(|note| note.contains("as likely")));
    assert!(found.own()["mirror_image_less_likely_nats"].as_f64().unwrap() < 1e-6);
    // nine of ten agree: one mode
    let rows: String = (0..9).map(|k| format!("x,y,a,u{k},20\nx,y,b,u{k},5\n")).collect();
    let agreed = battles(&format!("item_a,item_b,outcome,annotator,weight\n{rows}x,y,b,w,1\n"));
    let found = fit("crowd-bradley-terry", &agreed, &Value::Null).unwrap();
    assert!(prob(&found, "x", "y") > 0.7 && found.existence == Existence::Finite);
    let said = found.own()["annotators"].clone();
    let error = |k: usize| said[k]["log_odds_error"].as_f64().unwrap();
    assert!(error(9) > error(0), "{said}");
    // the curvature of the log posterior in the log odds of w, who said y, by differences
    let (eta, y) = (said[9]["reliability"].as_f64().unwrap(), prob(&found, "y", "x"));
    let sigma = |x: f64| 1.0 / (1.0 + (-x).exp());
    let log_posterior =
        |x: f64| (sigma(x) * y + sigma(-x) * (1.0 - y)).ln() + 0.9 * sigma(x).ln() + 0.1 * sigma(-x).ln();
    let (x, h) = ((eta / (1.0 - eta)).ln(), 1e-4);
    let curvature = (2.0 * log_posterior(x) - log_posterior(x + h) - log_posterior(x - h)) / (h * h);
    assert!((error(9) - curvature.powf(-0.5)).abs() < 1e-5, "{said}");
}
