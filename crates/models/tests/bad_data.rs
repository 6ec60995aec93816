//! Data that leave something open, to every model of the registry: a typed answer, in which what is not determined is null.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use equipoise_data::{
    DataError, Features, Grouping, Selection, Ties, Unit, parse_battles, parse_comparisons, parse_grouped,
    parse_rankings,
};
use equipoise_models::{
    Contexts, Existence, FitError, Fitted, Iteration, MODELS, ModelData, ModelEntry, ModelInput, ReadError,
};
use ndarray::Array2;
use serde_json::Value;

/// A comparison: items, outcome, context, annotator.
type Row = (&'static str, &'static str, &'static str, &'static str, &'static str);

/// The rows in the form that a model takes, each `times` times; a feature of a context is its number.
fn data(entry: &ModelEntry, rows: &[Row], times: usize, features: usize) -> ModelData {
    let (path, selection) = (Path::new("d.csv"), Selection::default());
    let mut text = String::from("item_a,item_b,outcome,context,annotator,magnitude,timestamp\n");
    let mut rankings = String::from("ranking\n");
    for (k, (a, b, outcome, context, annotator)) in rows.iter().enumerate() {
        for _ in 0..times {
            // the same time for copies, so that they are one date
            text += &format!("{a},{b},{outcome},{context},{annotator},1,{}\n", 86_400 * (k + 1));
            rankings += &match *outcome {
                "a" => format!("{a} > {b}\n"),
                "b" => format!("{b} > {a}\n"),
                _ => format!("{a} = {b}\n"),
            };
        }
    }
    let bytes = text.as_bytes();
    match entry.input {
        ModelInput::Counts => parse_comparisons(path, bytes, &selection).unwrap().into(),
        ModelInput::Battles => parse_battles(path, bytes, &selection).unwrap().into(),
        ModelInput::Contexts => {
            let grouped = parse_grouped(path, bytes, &selection, Grouping::Context).unwrap();
            let values = Array2::from_shape_fn((grouped.names.len(), features), |(x, f)| {
                let z = grouped.names[x][1..].parse::<f64>().unwrap();
                if f == 0 { z } else { 3.0 }
            });
            let names = ["z", "constant"][..features].iter().map(|name| (*name).to_owned()).collect();
            Contexts { grouped, features: Features { names, values } }.into()
        }
        ModelInput::Rankings => parse_rankings(path, rankings.as_bytes(), &selection).unwrap().into(),
    }
}

/// Everything that is said is a number, a probability, or nothing; what is not determined has a reason.
fn typed(what: &str, fitted: &Fitted) {
    for vector in [&fitted.log_strength, &fitted.standard_error].into_iter().flatten() {
        assert!(vector.len() == fitted.n() && vector.iter().all(|x| x.is_finite()), "{what}: {vector}");
    }
    for number in [fitted.log_likelihood, fitted.deviance, fitted.degrees_of_freedom].into_iter().flatten() {
        assert!(number.is_finite(), "{what}: {number}");
    }
    let table = fitted.probability();
    for ((i, j), p) in table.indexed_iter() {
        assert_eq!(p.is_some(), table[[j, i]].is_some(), "{what}: {i} {j}");
        let sum = p.unwrap_or(0.5) + table[[j, i]].unwrap_or(0.5);
        assert!(p.is_none_or(|p| (0.0..=1.0).contains(&p)) && (sum - 1.0).abs() < 1e-12, "{what}: {i} {j}");
    }
    if !fitted.convergence.converged {
        assert!(fitted.convergence.to_string().contains("NOT CONVERGED"), "{what}");
    }
    // a list of numbers has no holes: who has none of its own is an object with the reason
    for (key, value) in fitted.own() {
        let lists = value.as_array().into_iter().flatten().filter_map(Value::as_object);
        for entry in lists {
            let known = entry.values().all(|v| !v.is_null()) || entry.contains_key("reason");
            assert!(known || !["users", "annotators"].contains(&key.as_str()), "{what}: {key} {entry:?}");
        }
    }
}

fn every(rows: &[Row], check: impl Fn(&ModelEntry, Result<Fitted, FitError>)) {
    for entry in MODELS {
        let result = entry.fit(&data(entry, rows, 1, 1), &Value::Null);
        match &result {
            Ok(fitted) => typed(entry.name, fitted),
            Err(error) => assert!(error.to_string().len() > 30, "{}: {error}", entry.name),
        }
        check(entry, result);
    }
}

fn at(fitted: &Fitted, label: &str) -> usize {
    fitted.labels.iter().position(|l| l == label).unwrap()
}

/// Everybody beat everybody.
const SOUND: [Row; 12] = [
    ("x", "y", "a", "c1", "u"),
    ("x", "y", "b", "c2", "v"),
    ("y", "z", "a", "c1", "u"),
    ("y", "z", "b", "c2", "v"),
    ("z", "x", "a", "c1", "v"),
    ("z", "x", "b", "c2", "u"),
    ("x", "y", "a", "c3", "u"),
    ("y", "z", "a", "c3", "v"),
    ("z", "x", "b", "c3", "u"),
    ("x", "y", "b", "c3", "v"),
    ("y", "z", "b", "c4", "u"),
    ("z", "x", "a", "c4", "v"),
];

#[test]
fn a_user_with_one_vote_and_a_context_with_one_comparison() {
    let mut rows = SOUND.to_vec();
    rows.push(("x", "z", "a", "c9", "once"));
    every(&rows, |entry, result| {
        let fitted = result.unwrap_or_else(|e| panic!("{}: {e}", entry.name));
        let own = fitted.own();
        // who has a number of its own is null, with the reason
        for list in ["users", "annotators"] {
            let Some(users) = own.get(list).and_then(Value::as_array) else { continue };
            let once = users.iter().find(|u| u.to_string().contains("once"));
            let once = once.unwrap_or_else(|| panic!("{}: {list}", entry.name));
            let open = once.to_string().contains("null") && once["reason"].is_string();
            // or with an error that leaves everything open, in nats
            let wide = once["log_odds_error"].as_f64().is_some_and(|error| error > 2.0);
            assert!(open || wide, "{}: {once}", entry.name);
        }
    });
    let with_users = MODELS.iter().filter(|m| ["ideal-points", "crowd-bradley-terry"].contains(&m.name));
    assert_eq!(with_users.count(), 2);
}

#[test]
fn separable_data_have_no_finite_maximum() {
    let rows: Vec<Row> = (0..4)
        .flat_map(|k| {
            let c = ["c1", "c2", "c3", "c4"][k];
            [("x", "y", "a", c, "u"), ("y", "z", "a", c, "v"), ("x", "z", "a", c, "u")]
        })
        .collect();
    every(&rows, |entry, result| {
        let Ok(fitted) = result else { return };
        let name = entry.name;
        let table = fitted.probability();
        for (a, b) in [("x", "y"), ("y", "z"), ("x", "z")] {
            let p = table[[at(&fitted, a), at(&fitted, b)]];
            assert!(p.is_none_or(|p| p >= 0.5), "{name}: {a} {b} {p:?}");
        }
        let maximises = !matches!(fitted.convergence.by, Iteration::Once | Iteration::FixedPoint(_));
        if maximises {
            assert!(
                !fitted.existence.holds() && fitted.prior,
                "{name}: it does not say that there is no maximum"
            );
        }
    });
}

#[test]
fn islands_are_not_compared() {
    let mut rows = SOUND.to_vec();
    rows.extend([("p", "q", "a", "c1", "u"), ("p", "q", "b", "c2", "v"), ("q", "p", "a", "c3", "u")]);
    let mut null = 0;
    every(&rows, |entry, result| {
        let Ok(fitted) = result else { return };
        let table = fitted.probability();
        let across = table[[at(&fitted, "x"), at(&fitted, "p")]];
        // who says something has an origin for strengths beyond the comparisons: a prior, a first rating, a share
        let origin = fitted.prior
            || ["elo", "trueskill", "pagerank", "rao-kupper", "grounded-rao-kupper", "p2l"]
                .contains(&entry.name)
            || matches!(fitted.convergence.by, Iteration::Once | Iteration::FixedPoint(_));
        assert!(across.is_none() || origin, "{}: {across:?}", entry.name);
        assert!(table[[at(&fitted, "p"), at(&fitted, "q")]].is_some(), "{}", entry.name);
    });
    for entry in MODELS {
        let Ok(fitted) = entry.fit(&data(entry, &rows, 1, 1), &Value::Null) else { continue };
        null += usize::from(fitted.probability()[[at(&fitted, "x"), at(&fitted, "p")]].is_none());
    }
    assert!(2 * null > MODELS.len(), "{null} of {} say nothing across islands", MODELS.len());
}

#[test]
fn copies_are_more_comparisons_and_no_other_answer() {
    for entry in MODELS {
        let fit = |times| entry.fit(&data(entry, &SOUND, times, 1), &Value::Null).unwrap();
        let (one, ten) = (fit(1), fit(10));
        typed(entry.name, &ten);
        // without a prior and an order, what maximises a likelihood maximises ten times it
        if one.prior || ten.prior || entry.ordered || entry.name == "counts" {
            continue;
        }
        let own =
            ["elo", "trueskill", "soft-condorcet", "ridge-bradley-terry", "robust"].contains(&entry.name);
        for (label, other) in [("x", "y"), ("y", "z"), ("z", "x")].into_iter().filter(|_| !own) {
            let p = |f: &Fitted| f.probability()[[at(f, label), at(f, other)]].unwrap();
            assert!((p(&one) - p(&ten)).abs() < 1e-6, "{}: {} {}", entry.name, p(&one), p(&ten));
        }
    }
}

#[test]
fn of_ties_alone_everybody_is_even_or_nothing_is_said() {
    let rows: Vec<Row> = SOUND.iter().map(|r| (r.0, r.1, "tie", r.3, r.4)).collect();
    every(&rows, |entry, result| match result {
        Err(error) => assert!(
            matches!(error, FitError::OnlyTies | FitError::Nothing | FitError::TiedRanking { .. }),
            "{}: {error}",
            entry.name
        ),
        Ok(fitted) => {
            let all = fitted.probability();
            assert!(all.iter().all(|p| p.is_none_or(|p| (p - 0.5).abs() < 1e-6)), "{}: {all:?}", entry.name);
        }
    });
}

#[test]
fn without_a_comparison_that_counts_nothing_is_fitted() {
    // ties alone, which are dropped
    let selection = Selection { ties: Ties::Drop, ..Selection::default() };
    let (path, text) =
        (Path::new("d.csv"), "item_a,item_b,outcome,context,magnitude,timestamp\nx,y,tie,c,1,86400\n");
    for entry in MODELS {
        let data: ModelData = match entry.input {
            ModelInput::Counts => parse_comparisons(path, text.as_bytes(), &selection).unwrap().into(),
            ModelInput::Battles => parse_battles(path, text.as_bytes(), &selection).unwrap().into(),
            ModelInput::Contexts => {
                let grouped = parse_grouped(path, text.as_bytes(), &selection, Grouping::Context).unwrap();
                let features = Features { names: vec!["z".into()], values: Array2::ones((1, 1)) };
                Contexts { grouped, features }.into()
            }
            ModelInput::Rankings => continue,
        };
        assert_eq!(entry.fit(&data, &Value::Null).err(), Some(FitError::Nothing), "{}", entry.name);
    }
    // a file without a comparison is refused where it is read
    let error = parse_comparisons(path, b"item_a,item_b,outcome\nx,x,a\n", &selection).unwrap_err();
    assert!(error.to_string().contains("has no comparisons"), "{error}");
}

#[test]
fn features_that_say_nothing_or_are_missing() {
    for entry in MODELS.iter().filter(|m| m.input == ModelInput::Contexts) {
        let fitted = entry.fit(&data(entry, &SOUND, 3, 2), &Value::Null).unwrap();
        let own = fitted.own();
        assert_eq!(own["left_out"][0]["feature"], "constant", "{}", entry.name);
        assert!(own["left_out"][0]["reason"].as_str().unwrap().contains("the same in all contexts"));
        assert!(own["coefficients"][2].is_null() && own["coefficient_errors"][2].is_null());
        assert!(own["coefficients"][1][0].is_f64(), "{}", entry.name);
        assert!(matches!(fitted.existence, Existence::Finite) && !fitted.prior, "{}", entry.name);
        assert!(fitted.notes().iter().any(|n| n.contains("`constant`")));
    }
    // a file of features without one of the contexts, or with a hole, is refused with its place
    let folder = tempfile_folder();
    let rows = folder.join("d.csv");
    std::fs::write(&rows, "item_a,item_b,outcome,context\nx,y,a,c1\nx,y,b,c2\n").unwrap();
    for (text, said) in
        [("context,z\nc1,1\n", "c2"), ("context,z\nc1,1\nc2,\n", "z"), ("context,z\nc1,1\nc2,NaN\n", "NaN")]
    {
        let features = folder.join("f.csv");
        std::fs::write(&features, text).unwrap();
        for entry in MODELS.iter().filter(|m| m.input == ModelInput::Contexts) {
            let read = entry.read(&rows, &Selection::default(), Unit::default(), Some(&features));
            let error = read.err().unwrap_or_else(|| panic!("{}: {text}", entry.name));
            assert!(matches!(error, ReadError::Data(DataError { .. })), "{error}");
            assert!(error.to_string().contains(said), "{error}");
        }
    }
    std::fs::remove_dir_all(folder).unwrap();
}

fn tempfile_folder() -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("equipoise-bad-data-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
