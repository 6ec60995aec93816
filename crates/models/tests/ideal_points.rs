//! Ideal points: the published learners, and the fit on files.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use equipoise_core::{sample, seed::stream};
use equipoise_data::{Battles, Selection, parse_battles};
use equipoise_models::ideal_points::{
    COSINE_SCALE, MarginLoss, Measure, Projector, by_logits, cross_entropy, mixed, mixture, partition,
};
use equipoise_models::{Existence, Fitted, IdealPoints, model};
use ndarray::Array2;
use serde_json::{Value, json};

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    list(value).iter().map(|x| x.as_f64().unwrap()).collect()
}

fn projector(value: &Value) -> Projector {
    let layer = |l: &Value| {
        let rows: Vec<Vec<f64>> = list(&l["weight"]).iter().map(numbers).collect();
        let weight = Array2::from_shape_vec((rows.len(), rows[0].len()), rows.concat()).unwrap();
        (weight, numbers(&l["bias"]))
    };
    Projector { layers: list(value).iter().map(layer).collect() }
}

fn close(what: &str, found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-12 * expected.abs().max(1.0), "{what}: {found} {expected}");
}

/// The point of user `row` (at a token, where prototypes depend on the prompt), and its slopes by the weights.
fn user(case: &Value, row: usize, token: usize) -> (Vec<f64>, Vec<Vec<f64>>, Vec<f64>) {
    let (hyper, inputs) = (&case["hyper"], &case["inputs"]);
    let logits = numbers(&inputs["user_logits"][row]);
    let weights = match hyper["partition"].as_bool() {
        Some(true) => partition(&logits),
        _ => mixture(&logits, hyper["temperature"].as_f64().unwrap()),
    };
    let points: Vec<Vec<f64>> = match inputs.get("projectors_g") {
        Some(g) => {
            let prompt = numbers(&inputs["hidden_prompt"][row][token]);
            list(g).iter().map(|g| projector(g).apply(&prompt)).collect()
        }
        None => list(&inputs["prototypes"]).iter().map(numbers).collect(),
    };
    match hyper["user"].as_str() {
        Some("f(Pw)") => {
            let (mut point, mut slopes) =
                projector(&inputs["projector"]).along(&mixed(&weights, &points), points);
            if hyper["type"] == "dist_normalization" {
                // the user's point is divided by its length
                let length = point.iter().map(|x| x * x).sum::<f64>().sqrt();
                point.iter_mut().for_each(|x| *x /= length);
                for slope in &mut slopes {
                    let along: f64 = slope.iter().zip(&point).map(|(s, x)| s * x).sum();
                    slope.iter_mut().zip(&point).for_each(|(s, x)| *s = (*s - along * x) / length);
                }
            }
            (point, slopes, weights)
        }
        Some("f(P)w") => {
            let f = projector(&inputs["projector"]);
            let points: Vec<Vec<f64>> = points.iter().map(|p| f.apply(p)).collect();
            (mixed(&weights, &points), points, weights)
        }
        _ => (mixed(&weights, &points), points, weights),
    }
}

/// The items of a row at every token, before and after the projector.
fn items(case: &Value, side: &str, row: usize) -> Vec<Vec<f64>> {
    let inputs = &case["inputs"];
    let f = projector(inputs.get("projector").unwrap_or(&inputs["projector_f"]));
    let mut items: Vec<Vec<f64>> = list(&inputs[side][row]).iter().map(|h| f.apply(&numbers(h))).collect();
    if case["hyper"]["type"] == "dist_normalization" {
        // as published: by the length over the tokens, not over the coordinates
        for k in 0..items[0].len() {
            let length = items.iter().map(|x| x[k] * x[k]).sum::<f64>().sqrt();
            items.iter_mut().for_each(|x| x[k] /= length);
        }
    }
    items
}

#[test]
fn both_learners_have_the_published_scores_and_losses() {
    let (mut scores, mut gradients) = (0, 0);
    for text in [include_str!("golden/pal_a.json"), include_str!("golden/pal_b.json")] {
        let golden: Value = serde_json::from_str(text).unwrap();
        for case in list(&golden["cases"]) {
            let (out, kind) = (&case["outputs"], case["hyper"]["type"].as_str().unwrap());
            let measure = if kind.starts_with("angle") { Measure::Cosine } else { Measure::Distance };
            for row in 0..list(&out["label"]).len() {
                let (left, right) = (items(case, "hidden_left", row), items(case, "hidden_right", row));
                let tokens = left.len();
                let mut by_weights = vec![0.0; numbers(&case["inputs"]["user_logits"][row]).len()];
                for token in 0..tokens {
                    let (point, slopes, _) = user(case, row, token);
                    if kind == "angle" || kind == "dist_logistic" {
                        // two logits a token, and cross-entropy at the last
                        let sign = if kind == "angle" { -1.0 } else { COSINE_SCALE };
                        let logits = [&left, &right].map(|x| sign * measure.far(&x[token], &point));
                        for (k, z) in logits.iter().enumerate() {
                            let at = &out["score"][row][token][k];
                            close(kind, *z, at.as_f64().unwrap());
                            scores += 1;
                        }
                        if token + 1 == tokens {
                            let target = out["label"][row].as_u64().unwrap() as usize;
                            let published = out["cross_entropy_last_token"][row].as_f64().unwrap();
                            close("cross-entropy", cross_entropy(&logits, target), published);
                        }
                        continue;
                    }
                    let score = measure.score(&left[token], &right[token], &point);
                    close(kind, score, out["score"][row][token].as_f64().unwrap());
                    scores += 1;
                    let margin = out["label"][row].as_f64().unwrap() * score;
                    for (key, loss) in [
                        ("hinge", MarginLoss::Hinge),
                        ("logistic", MarginLoss::Logistic),
                        ("smooth_hinge_margin1_gamma5", MarginLoss::SmoothHinge { gamma: 5.0 }),
                    ] {
                        close(key, loss.value(margin), out[key][row][token].as_f64().unwrap());
                        if (margin - 1.0).abs() > 1e-5 {
                            let step = 1e-6;
                            let slope =
                                (loss.value(margin + step) - loss.value(margin - step)) / (2.0 * step);
                            assert!((slope - loss.slope(margin)).abs() < 1e-8, "{key} {margin}");
                        }
                    }
                    let (l, r) = (measure.slope(&left[token], &point), measure.slope(&right[token], &point));
                    for (sum, slope) in by_weights.iter_mut().zip(&slopes) {
                        *sum +=
                            slope.iter().zip(l.iter().zip(&r)).map(|(p, (l, r))| p * (l - r)).sum::<f64>();
                    }
                }
                if let Some(published) = out.get("gradient_user_logits_of_sum").filter(|g| g.is_array()) {
                    let weights = user(case, row, 0).2;
                    let found =
                        by_logits(&weights, &by_weights, case["hyper"]["temperature"].as_f64().unwrap());
                    for (found, published) in found.iter().zip(numbers(&published[row])) {
                        close("gradient of the sum of scores", *found, published);
                        gradients += 1;
                    }
                }
            }
        }
    }
    assert!(scores >= 60 && gradients >= 20, "{scores} {gradients}");
}

#[test]
fn slopes_by_the_users_point_are_central_differences() {
    let mut rng = stream(1, "points", &[]);
    for measure in [Measure::Distance, Measure::Squared, Measure::Cosine] {
        for d in 1..5 {
            let mut draw = || -> Vec<f64> { (0..d).map(|_| sample::normal(&mut rng)).collect() };
            let (item, other, user) = (draw(), draw(), draw());
            let slope = measure.slope(&item, &user);
            for k in 0..d {
                let moved = |by: f64| {
                    let mut user = user.clone();
                    user[k] += by;
                    measure.far(&item, &user)
                };
                let step = 1e-6;
                assert!(
                    ((moved(step) - moved(-step)) / (2.0 * step) - slope[k]).abs() < 1e-7,
                    "{measure:?} {d}"
                );
            }
            let difference = measure.far(&item, &user) - measure.far(&other, &user);
            assert!((measure.score(&item, &other, &user) - difference).abs() < 1e-12);
        }
    }
}

fn battles(text: &str) -> Battles {
    parse_battles(Path::new("votes.csv"), text.as_bytes(), &Selection::default()).unwrap()
}

fn fit(data: &Battles, options: &Value) -> Fitted {
    model("ideal-points").unwrap().fit(&data.clone().into(), options).unwrap()
}

/// Votes of users at `points` on items at `places`, on one line: `times` a user and pair.
fn votes(places: &[f64], points: &[f64], times: usize, label: &str) -> String {
    let mut rng = stream(2, label, &[]);
    let mut text = "item_a,item_b,outcome,annotator\n".to_owned();
    for (u, a) in points.iter().enumerate() {
        for (i, x) in places.iter().enumerate() {
            for (j, y) in places.iter().enumerate().take(i) {
                for _ in 0..times {
                    let p = 1.0 / (1.0 + ((x - a).powi(2) - (y - a).powi(2)).exp());
                    let outcome = if sample::uniform(&mut rng) < p { "a" } else { "b" };
                    text += &format!("i{i},i{j},{outcome},u{u}\n");
                }
            }
        }
    }
    text
}

#[test]
fn one_prototype_is_bradley_terry_for_every_dimension() {
    for (places, dimension) in
        [(&[0.0, 0.5, 1.0][..], 1), (&[-1.0, 0.3, 0.9, 1.4][..], 2), (&[0.0, 0.4, 0.8, 1.2, 1.5][..], 3)]
    {
        let data = battles(&votes(places, &[0.2, 0.6], 30, "one"));
        // a prior so wide that it is none
        let options = json!({"prototypes": 1, "dimension": dimension, "prior_variance": 1e9});
        let found = fit(&data, &options);
        let bt = model("bradley-terry").unwrap().fit(&data.counts().into(), &Value::Null).unwrap();
        assert!(found.convergence.converged);
        assert!((found.log_likelihood.unwrap() - bt.log_likelihood.unwrap()).abs() < 1e-5, "{dimension}");
        for i in 0..places.len() {
            for j in 0..places.len() {
                assert!((found.prob(i, j) - bt.prob(i, j)).abs() < 1e-5, "{dimension} {i} {j}");
            }
            let r = found.log_strength.as_ref().unwrap()[i] - bt.log_strength.as_ref().unwrap()[i];
            assert!(r.abs() < 1e-4, "{r}");
        }
    }
}

#[test]
fn the_fit_is_stationary_along_every_coordinate() {
    for (label, options) in [
        ("a", json!({"prototypes": 2, "dimension": 1})),
        ("b", json!({"prototypes": 3, "dimension": 2, "prior_variance": 0.5})),
        ("c", json!({"prototypes": null, "dimension": 2})),
    ] {
        let data = battles(&votes(&[-1.0, -0.2, 0.4, 1.1], &[-1.0, -0.8, 0.9, 1.2, 0.1], 6, label));
        let found = fit(&data, &options);
        assert!(found.convergence.converged, "{label}");
        let points = found.result::<IdealPoints>().unwrap();
        let variance = options["prior_variance"].as_f64().unwrap_or(1.0);
        let value = |p: &IdealPoints| {
            let mut value = 0.0;
            for row in &data.rows {
                let (i, j, u) = (row.first as usize, row.second as usize, row.annotator as usize);
                let p = p.prob_of(u, i, j);
                value += if row.outcome == equipoise_data::Outcome::First { p.ln() } else { (1.0 - p).ln() };
            }
            let all = [&p.items, &p.points, &p.logits];
            value - all.iter().map(|a| a.mapv(|x| x * x).sum()).sum::<f64>() / (2.0 * variance)
        };
        let parts: [fn(&mut IdealPoints) -> &mut Array2<f64>; 3] =
            [|p| &mut p.items, |p| &mut p.points, |p| &mut p.logits];
        for part in parts {
            for k in 0..part(&mut points.clone()).len() {
                let moved = |by: f64| {
                    let mut points = points.clone();
                    part(&mut points).as_slice_mut().unwrap()[k] += by;
                    value(&points)
                };
                let slope = (moved(1e-4) - moved(-1e-4)) / 2e-4;
                assert!(slope.abs() < 1e-5, "{label} {k}: {slope}");
            }
        }
    }
}

#[test]
fn opposed_users_are_told_apart_and_the_population_is_their_mean() {
    let data = battles(&votes(&[-1.5, -0.5, 0.5, 1.5], &[-1.2, -1.2, -1.2, 1.2, 1.2, 1.2], 12, "opposed"));
    let found = fit(&data, &json!({"dimension": 1}));
    let points = found.result::<IdealPoints>().unwrap();
    // each side prefers its own end, and within a side users agree
    let sides: Vec<bool> = (0..6).map(|u| points.prob_of(u, 0, 3) > 0.5).collect();
    let at = |label: &str| data.annotators.iter().position(|a| a == label).unwrap();
    let side = |label: &str| sides[at(label)];
    let first = data.labels.iter().position(|l| l == "i0").unwrap();
    assert!(
        side("u0") != side("u5") && side("u0") == side("u1") && side("u4") == side("u5"),
        "{first} {sides:?}"
    );
    for i in 0..4 {
        for j in 0..4 {
            let mean: f64 = (0..6).map(|u| points.prob_of(u, i, j)).sum::<f64>() / 6.0;
            assert!((found.prob(i, j) - mean).abs() < 1e-14);
        }
    }
    // one strength an item loses most of it
    let bt = model("bradley-terry").unwrap().fit(&data.counts().into(), &Value::Null).unwrap();
    assert!(found.log_likelihood.unwrap() > bt.log_likelihood.unwrap() + 50.0);
    // a new user by few votes, items and prototypes as they are
    let (near, far) = if points.prob_of(at("u0"), 0, 3) > 0.5 { (0, 3) } else { (3, 0) };
    let weights = points.few_shot(&[(near, far, 8.0, 0.0)]);
    let like = |w: &[f64], u: usize| (w[0] - points.weights(u).unwrap()[0]).abs();
    assert!(like(&weights, at("u0")) < like(&weights, at("u5")), "{weights:?}");
}

#[test]
fn what_votes_do_not_say_is_null_with_the_reason() {
    let text = votes(&[-1.5, -0.5, 0.5, 1.5], &[-1.2, -1.2, 1.2, 1.2], 12, "few") + "i0,i1,a,newcomer\n";
    let found = fit(&battles(&text), &json!({"dimension": 1}));
    let own = found.own();
    for one in list(&own["users"]) {
        let new = one["annotator"] == "newcomer";
        assert_eq!(one["weights"].is_null() && one["log_strength"].is_null(), new, "{one}");
        assert_eq!(one["reason"].is_string(), new, "{one}");
    }
    // islands say nothing of each other
    let islands =
        fit(&battles("item_a,item_b,outcome,annotator\na,b,a,u\nb,a,a,v\nc,d,a,u\nd,c,a,v\n"), &Value::Null);
    let p = islands.probability();
    assert!(p[[0, 1]].is_some() && p[[0, 2]].is_none() && p[[3, 1]].is_none());
    // all ties: everybody is indifferent
    let ties = fit(&battles("item_a,item_b,outcome,annotator\na,b,tie,u\nb,c,tie,v\n"), &Value::Null);
    assert!(
        (ties.prob(0, 1) - 0.5).abs() < 1e-6
            && (ties.prob(0, 2) - 0.5).abs() < 1e-6
            && ties.existence == Existence::Finite
    );
    // one side won all: finite by the prior
    let won = fit(&battles("item_a,item_b,outcome,annotator\na,b,a,u\na,b,a,u\n"), &Value::Null);
    assert!(
        won.prior && won.existence == Existence::NotFound && won.prob(0, 1) > 0.5 && won.prob(0, 1) < 1.0
    );
    for (options, key) in [
        (json!({"dimension": 0}), "dimension"),
        (json!({"prototypes": 0}), "prototypes"),
        (json!({"prior_variance": 0.0}), "prior_variance"),
    ] {
        assert!(model("ideal-points").unwrap().check(&options).unwrap_err().to_string().contains(key));
    }
}
