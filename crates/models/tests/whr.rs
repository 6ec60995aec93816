//! Whole-history rating against published programs, dense algebra, and its limits.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::Path;

use equipoise_core::{sample, seed::stream};
use equipoise_data::{Battles, Selection, parse_battles};
use equipoise_models::whole_history::{ItemPrior, TimedGame, WholeHistory};
use equipoise_models::{Existence, FitError, Fitted, model};
use ndarray::{Array1, Array2};
use serde_json::{Value, json};

const ELO: f64 = std::f64::consts::LN_10 / 400.0;

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn places(value: &Value) -> Vec<usize> {
    value.as_array().unwrap().iter().map(|x| x.as_u64().unwrap() as usize).collect()
}

fn close(what: &str, found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance * expected.abs().max(1.0), "{what}: {found} {expected}");
}

/// Climbers change, routes do not: their ratings, in the order of the file's pages, then routes.
fn climbing(golden: &Value) -> (WholeHistory, Vec<usize>) {
    let (hyper, inputs) = (&golden["hyper"], &golden["inputs"]);
    let number = |key: &str| hyper[key].as_f64().unwrap();
    let (climber, time) = (places(&inputs["page_climber"]), numbers(&inputs["page_timestamp"]));
    let means = numbers(&inputs["route_prior_mean"]);
    let climbers = climber.iter().max().unwrap() + 1;
    let mut priors = vec![
        ItemPrior {
            mean: number("climber_prior_mean"),
            variance: Some(number("climber_prior_variance")),
            half_virtual: 0.0,
            drift: number("climber_wiener_variance"),
        };
        climbers
    ];
    let route = |&mean| ItemPrior {
        mean,
        variance: Some(number("route_prior_variance")),
        half_virtual: 0.0,
        drift: 0.0,
    };
    priors.extend(means.iter().map(route));
    let (page, to) = (places(&inputs["ascent_page"]), places(&inputs["ascent_route"]));
    let clean = numbers(&inputs["ascent_clean"]);
    let mut games: Vec<TimedGame> = page
        .iter()
        .zip(&to)
        .zip(&clean)
        .map(|((&page, &route), &won)| TimedGame {
            first: climber[page],
            second: climbers + route,
            time: time[page],
            won,
            lost: 1.0 - won,
        })
        .collect();
    // a page without an ascent has a rating too
    games.extend((0..climber.len()).map(|page| TimedGame {
        first: climber[page],
        second: climbers,
        time: time[page],
        won: 0.0,
        lost: 0.0,
    }));
    (WholeHistory::fit(&priors, &games).unwrap(), climber)
}

#[test]
fn climbers_and_routes_are_those_of_the_published_code_with_its_prior_repaired() {
    for (text, tolerance) in [
        (include_str!("golden/climbing_fixture_simple.json"), 1e-12),
        (include_str!("golden/climbing_synthetic_a.json"), 1e-12),
        (include_str!("golden/climbing_synthetic_b.json"), 1e-12),
        (include_str!("golden/climbing_static.json"), 1e-8),
    ] {
        let golden: Value = serde_json::from_str(text).unwrap();
        let (found, climber) = climbing(&golden);
        assert!(found.convergence.converged);
        // pages are listed by climber and time, as ratings are
        let pages = climber.len();
        let fixed = &golden["with_fixed_route_prior_mean"];
        let joint = &golden["joint_posterior_own_newton"];
        let joint_variances = found.joint_variances().unwrap();
        for (from, ratings, variances, all) in [
            (0, "page_rating", "page_var", "joint_laplace_variance_pages"),
            (pages, "route_rating", "route_var", "joint_laplace_variance_routes"),
        ] {
            for (k, expected) in numbers(&fixed[ratings]).into_iter().enumerate() {
                close(ratings, found.ratings[from + k].log_strength, expected, tolerance);
                close(
                    ratings,
                    found.ratings[from + k].log_strength,
                    joint[ratings][k].as_f64().unwrap(),
                    tolerance,
                );
                close(
                    variances,
                    found.ratings[from + k].variance,
                    fixed[variances][k].as_f64().unwrap(),
                    tolerance,
                );
                close(all, joint_variances[from + k], joint[all][k].as_f64().unwrap(), tolerance);
            }
        }
        for (k, expected) in numbers(&fixed["page_cov"]).into_iter().enumerate() {
            close("page_cov", found.ratings[k].covariance.unwrap_or(0.0), expected, tolerance);
        }
        close("log_likelihood", found.log_likelihood, joint["log_likelihood"].as_f64().unwrap(), tolerance);
        close(
            "log_prior",
            found.log_prior,
            joint["log_prior_without_constants"].as_f64().unwrap(),
            tolerance,
        );
    }
}

fn battles(text: &str) -> Battles {
    parse_battles(Path::new("games.csv"), text.as_bytes(), &Selection::default()).unwrap()
}

/// Games as a file, days after 1970-01-01.
fn file(games: &Value) -> Battles {
    let mut text = "item_a,item_b,outcome,timestamp\n".to_owned();
    for game in games.as_array().unwrap() {
        let outcome = match game[2].as_str().unwrap() {
            "B" => "a",
            "W" => "b",
            _ => "tie",
        };
        let day = game[3].as_f64().unwrap();
        text += &format!(
            "{},{},{outcome},{}\n",
            game[0].as_str().unwrap(),
            game[1].as_str().unwrap(),
            day * 86_400.0
        );
    }
    battles(&text)
}

fn fit(data: &Battles, options: &Value) -> Fitted {
    model("whr").unwrap().fit(&data.clone().into(), options).unwrap()
}

/// Variances of an item's ratings given all others, by the inverse of its block written out, with `damping` on the diagonal.
fn damped(ratings: &[&Value], data: &Battles, all: &[Value], options: (f64, f64), damping: f64) -> Vec<f64> {
    let (drift, half_virtual) = options;
    let n = ratings.len();
    let (time, r) =
        (|k: usize| ratings[k]["time"].as_f64().unwrap(), |v: &Value| v["log_strength"].as_f64().unwrap());
    let weight = |x: f64| {
        let p = 1.0 / (1.0 + (-x).exp());
        p * (1.0 - p)
    };
    let mut h = Array2::<f64>::zeros((n, n));
    for k in 0..n {
        h[[k, k]] += damping;
        if k > 0 {
            let step = 86_400.0 / (drift * (time(k) - time(k - 1)));
            h[[k, k]] += step;
            h[[k - 1, k - 1]] += step;
            h[[k, k - 1]] -= step;
            h[[k - 1, k]] -= step;
        }
    }
    h[[0, 0]] += 2.0 * half_virtual * weight(r(ratings[0]));
    let label = ratings[0]["label"].as_str().unwrap();
    for row in &data.rows {
        let names = [row.first, row.second].map(|i| data.labels[i as usize].as_str());
        let Some(other) = names.iter().position(|&l| l == label).map(|k| names[1 - k]) else { continue };
        let at = ratings.iter().position(|v| v["time"].as_f64() == row.time).unwrap();
        let other = all.iter().find(|v| v["label"] == other && v["time"].as_f64() == row.time).unwrap();
        h[[at, at]] += weight(r(ratings[at]) - r(other));
    }
    (0..n)
        .map(|k| {
            let unit = Array1::from_shape_fn(n, |l| f64::from(u8::from(l == k)));
            equipoise_core::newton::solve_dense(h.clone(), unit).unwrap()[k]
        })
        .collect()
}

#[test]
fn both_packages_have_the_same_ratings_under_their_priors() {
    let golden: Value = serde_json::from_str(include_str!("golden/pypi_packages.json")).unwrap();
    for one in golden["cases"].as_array().unwrap() {
        let w2 = one["hyper"]["w2"].as_f64().unwrap();
        let data = file(&one["games"]);
        for (package, virtual_games, damping) in [
            ("whr_2_2_0", one["hyper"]["virtual_games"].as_f64().unwrap(), 0.001),
            ("whole_history_rating_3_7_1", 1.0, 1.0),
        ] {
            let Some(published) = one.get(package).filter(|p| p.is_object()) else { continue };
            let found =
                fit(&data, &json!({"wiener_variance": w2 * ELO * ELO, "virtual_games": virtual_games}));
            assert!(found.convergence.converged && found.prior);
            let own = found.own();
            let all = own["ratings"].as_array().unwrap();
            for (player, days) in published.as_object().unwrap() {
                let mine: Vec<&Value> = all.iter().filter(|r| r["label"] == player.as_str()).collect();
                let days: Vec<Vec<f64>> = days.as_array().unwrap().iter().map(numbers).collect();
                assert_eq!(mine.len(), days.len());
                let options = (w2 * ELO * ELO, 0.5 * virtual_games);
                let (plain, blurred) =
                    (damped(&mine, &data, all, options, 0.0), damped(&mine, &data, all, options, damping));
                for (k, (rating, day)) in mine.iter().zip(&days).enumerate() {
                    assert_eq!(rating["time"].as_f64().unwrap(), day[0] * 86_400.0);
                    close(package, rating["log_strength"].as_f64().unwrap() / ELO, day[1], 2e-12);
                    close("deviation", blurred[k].sqrt() / ELO, day[2], 1e-12);
                    close("variance", rating["variance"].as_f64().unwrap(), plain[k], 1e-12);
                    // others are not known: the joint variance is larger
                    assert!(rating["joint_variance"].as_f64().unwrap() > plain[k]);
                }
            }
        }
    }
}

/// Random games of `n` items over `days` days, `each` a day, of strengths that rise and fall.
fn random(n: usize, days: usize, each: usize, label: &str) -> String {
    let mut rng = stream(3, label, &[]);
    let mut text = "item_a,item_b,outcome,timestamp\n".to_owned();
    for day in 1..=days {
        for _ in 0..each {
            let first = sample::index(&mut rng, n);
            let second = (first + 1 + sample::index(&mut rng, n - 1)) % n;
            let strength = |i: usize| (i as f64 - 0.1 * day as f64).sin();
            let p = 1.0 / (1.0 + (strength(second) - strength(first)).exp());
            let outcome = match sample::uniform(&mut rng) {
                u if u < 0.1 => "tie",
                u if u < 0.1 + 0.9 * p => "a",
                _ => "b",
            };
            text += &format!("i{first},i{second},{outcome},{}\n", day * 86_400);
        }
    }
    text
}

#[test]
fn without_drift_it_is_bradley_terry_with_the_logistic_prior_and_with_much_the_dates_are_apart() {
    for (n, days, each) in [(3, 4, 6), (5, 6, 9), (8, 5, 30)] {
        let data = battles(&random(n, days, each, "limits"));
        let still = fit(&data, &json!({"wiener_variance": 0.0}));
        let bt = model("bradley-terry").unwrap().fit(&data.counts().into(), &json!({"prior": true})).unwrap();
        for i in 0..n {
            for j in 0..n {
                assert!((still.prob(i, j) - bt.prob(i, j)).abs() < 1e-10, "{n} {i} {j}");
            }
        }
        assert!((still.log_likelihood.unwrap() - bt.log_likelihood.unwrap()).abs() < 1e-9);
        // a drift of nearly nothing is none
        let nearly = fit(&data, &json!({"wiener_variance": 1e-10}));
        assert!((0..n).all(|i| (nearly.prob(i, 0) - still.prob(i, 0)).abs() < 1e-7));
        // drifting far between dates, the last date is by itself, but for a prior too wide to matter
        let free = fit(&data, &json!({"wiener_variance": 1e6, "virtual_games": 0.0, "prior_variance": 1.0}));
        assert!(free.convergence.converged);
    }
}

#[test]
fn a_generic_optimiser_finds_the_same_mode() {
    for (n, days, each) in [(3, 5, 5), (4, 8, 6), (6, 4, 20)] {
        let data = battles(&random(n, days, each, "generic"));
        let (drift, half) = (0.02, 1.5);
        let found = fit(&data, &json!({"wiener_variance": drift, "virtual_games": 2.0 * half}));
        let own = found.own();
        let ratings = own["ratings"].as_array().unwrap();
        let at: BTreeMap<(String, u64), usize> = ratings
            .iter()
            .enumerate()
            .map(|(k, r)| ((r["label"].as_str().unwrap().to_owned(), r["time"].as_f64().unwrap() as u64), k))
            .collect();
        let log_sigmoid = |x: f64| if x > 0.0 { -(-x).exp().ln_1p() } else { x - x.exp().ln_1p() };
        let logistic = |x: f64| 1.0 / (1.0 + (-x).exp());
        let objective = |x: &[f64], g: &mut [f64]| {
            g.fill(0.0);
            let mut value = 0.0;
            for row in &data.rows {
                let place = |i: u32| at[&(data.labels[i as usize].clone(), row.time.unwrap() as u64)];
                let (a, b) = (place(row.first), place(row.second));
                let won = match row.outcome {
                    equipoise_data::Outcome::First => 1.0,
                    equipoise_data::Outcome::Second => 0.0,
                    _ => 0.5,
                };
                let d = x[a] - x[b];
                value -= won * log_sigmoid(d) + (1.0 - won) * log_sigmoid(-d);
                let slope = logistic(d) - won;
                g[a] += slope;
                g[b] -= slope;
            }
            for k in 0..x.len() {
                if k == 0 || ratings[k]["label"] != ratings[k - 1]["label"] {
                    value -= half * (log_sigmoid(x[k]) + log_sigmoid(-x[k]));
                    g[k] += half * (2.0 * logistic(x[k]) - 1.0);
                } else {
                    let days = (ratings[k]["time"].as_f64().unwrap()
                        - ratings[k - 1]["time"].as_f64().unwrap())
                        / 86_400.0;
                    let step = (x[k] - x[k - 1]) / (drift * days);
                    value += 0.5 * step * (x[k] - x[k - 1]);
                    g[k] += step;
                    g[k - 1] -= step;
                }
            }
            value
        };
        let mut x = vec![0.0; ratings.len()];
        let minimum = equipoise_core::lbfgs::minimise(&mut x, 1e-9, 20_000, objective);
        assert!(minimum.converged, "{minimum:?}");
        for (x, rating) in x.iter().zip(ratings) {
            assert!((x - rating["log_strength"].as_f64().unwrap()).abs() < 1e-7);
        }
    }
}

#[test]
fn bits_do_not_depend_on_threads_or_on_the_order_of_rows() {
    let text = random(12, 30, 40, "threads");
    let whole = fit(&battles(&text), &Value::Null).own();
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(pool.install(|| fit(&battles(&text), &Value::Null).own()), whole);
    }
    let lines: Vec<&str> = text.lines().collect();
    let turned: Vec<&str> = lines[..1].iter().chain(lines[1..].iter().rev()).copied().collect();
    let again = fit(&battles(&turned.join("\n")), &Value::Null);
    let first = fit(&battles(&text), &Value::Null);
    for label in &first.labels {
        let of =
            |f: &Fitted| f.log_strength.as_ref().unwrap()[f.labels.iter().position(|l| l == label).unwrap()];
        assert!((of(&first) - of(&again)).abs() < 1e-12);
    }
}

#[test]
fn a_weight_is_as_many_rows_and_ties_are_half_wins() {
    let twice = battles("item_a,item_b,outcome,timestamp,weight\nx,y,a,86400,2\nx,y,tie,172800,1\n");
    let rows = battles(
        "item_a,item_b,outcome,timestamp,weight\nx,y,a,86400,1\nx,y,a,86400,1\nx,y,a,172800,0.5\ny,x,a,172800,0.5\n",
    );
    let [a, b] = [&twice, &rows].map(|data| fit(data, &Value::Null).log_strength.unwrap());
    assert!((&a - &b).iter().all(|d| d.abs() < 1e-13), "{a} {b}");
    // all ties: nothing moves
    let ties = fit(&battles("item_a,item_b,outcome,timestamp\nx,y,tie,86400\ny,z,tie,90000\n"), &Value::Null);
    assert!(ties.log_strength.unwrap().iter().all(|r| r.abs() < 1e-15));
}

#[test]
fn what_cannot_be_said_is_refused_or_null() {
    let untimed = battles("item_a,item_b,outcome\nx,y,a\ny,x,a\n");
    let refused = model("whr").unwrap().fit(&untimed.into(), &Value::Null).unwrap_err();
    assert_eq!(refused, FitError::NoTimes { model: "whr", rows: 2, of: 2 });
    assert!(refused.to_string().contains("`timestamp`"));
    let partly = battles("item_a,item_b,outcome,timestamp\nx,y,a,86400\ny,x,a,\n");
    let refused = model("whr").unwrap().fit(&partly.into(), &Value::Null).unwrap_err();
    assert_eq!(refused, FitError::NoTimes { model: "whr", rows: 1, of: 2 });
    // one item won everything: the mode is finite by its prior, and says that the likelihood has none
    let won = fit(&battles("item_a,item_b,outcome,timestamp\nx,y,a,86400\nx,y,a,172800\n"), &Value::Null);
    assert!(won.prior && won.existence == Existence::Separated { blocks: vec![vec![0], vec![1]] });
    assert!(won.prob(0, 1) > 0.5 && won.prob(0, 1) < 1.0);
    // islands say nothing of each other
    let islands = fit(
        &battles("item_a,item_b,outcome,timestamp\na,b,a,86400\nb,a,a,1e6\nc,d,tie,86400\n"),
        &Value::Null,
    );
    let p = islands.probability();
    assert!(p[[0, 1]].is_some() && p[[2, 3]] == Some(0.5) && p[[0, 2]].is_none() && p[[3, 1]].is_none());
    let entry = model("whr").unwrap();
    for (options, key) in [
        (json!({"wiener_variance": -1.0}), "wiener_variance"),
        (json!({"time_unit": 0.0}), "time_unit"),
        (json!({"virtual_games": 0.0}), "virtual_games"),
        (json!({"prior_variance": 0.0}), "prior_variance"),
    ] {
        assert!(entry.check(&options).unwrap_err().to_string().contains(key), "{options}");
    }
    let known = battles("item_a,item_b,outcome,timestamp\nroute,climber,a,86400\nclimber,route,a,172800\n");
    let error = entry.fit(&known.clone().into(), &json!({"constant": ["rout"]})).unwrap_err().to_string();
    assert!(error.contains("constant") && error.contains("did you mean `route`?"), "{error}");
    let found = fit(&known, &json!({"constant": ["route"]})).own();
    let labels: Vec<&str> =
        found["ratings"].as_array().unwrap().iter().map(|r| r["label"].as_str().unwrap()).collect();
    assert_eq!(labels, ["route", "climber", "climber"]);
}

#[test]
fn what_a_grade_is_worth_is_drawn_beside_the_ratings() {
    let (slope, month) = (0.8, 365.25 / 12.0 * 86_400.0);
    let mut rng = stream(9, "grades", &[]);
    let mut text = "item_a,item_b,outcome,timestamp\n".to_owned();
    for climber in 0..10 {
        let strength = 18.0 + 3.0 * sample::normal(&mut rng);
        for date in 0..4 {
            for _ in 0..15 {
                let grade = 12 + sample::index(&mut rng, 13);
                let p = 1.0 / (1.0 + (slope * (grade as f64 - strength)).exp());
                let outcome = if sample::uniform(&mut rng) < p { "a" } else { "b" };
                text += &format!("c{climber},r{grade},{outcome},{}\n", month * f64::from(date));
            }
        }
    }
    let data = parse_battles(Path::new("logbook.csv"), text.as_bytes(), &Selection::default()).unwrap();
    let grades: BTreeMap<String, f64> = (12..25).map(|g| (format!("r{g}"), f64::from(g))).collect();
    let fit = |options: Value| model("whr").unwrap().fit(&data.clone().into(), &options);
    let found = fit(json!({ "grades": grades })).unwrap();
    let own = found.own();
    let [low, high] = [0, 1].map(|k| own["slope"]["interval"][k].as_f64().unwrap());
    assert!(low < slope && slope < high && high - low < 0.4, "{low} {high}");
    assert_eq!(own["slope"]["comparisons"], 600);
    assert!(found.notes().iter().any(|note| note.contains("a grade is worth")));
    // the ratings are those with routes that do not change
    let routes: Vec<&String> = grades.keys().collect();
    let constant = fit(json!({ "constant": routes })).unwrap();
    assert_eq!(found.log_strength, constant.log_strength);
    assert!(constant.own().get("slope").is_none());
    let refused = |options: Value| fit(options).unwrap_err().to_string();
    assert!(refused(json!({"grades": {"r12x": 1.0}})).contains("r12x"));
    let all: BTreeMap<String, f64> = data.labels.iter().map(|l| (l.clone(), 1.0)).collect();
    assert!(refused(json!({ "grades": all })).contains("no comparison"));
}
