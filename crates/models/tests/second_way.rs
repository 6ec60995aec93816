//! Models that maximise an objective, each on three data sets, against an optimiser that sees values of the objective alone, written here
//! once more from its definition. Where the others have theirs: [`SECOND_WAYS`].

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use equipoise_core::logistic::{log_sigmoid, logistic};
use equipoise_core::{Rng, sample, seed::stream};
use equipoise_data::{Selection, parse_battles, parse_comparisons, parse_rankings};
use equipoise_models::distributions::log_normal_cdf;
use equipoise_models::{Fitted, MODELS, ModelData, model};
use serde_json::{Value, json};

const ITEMS: usize = 4;
const ANNOTATORS: usize = 3;

/// A judgement: two items, the score of the first (1, 0 or 1/2), its magnitude, who made it.
#[derive(Clone, Copy)]
struct Row {
    i: usize,
    j: usize,
    score: f64,
    magnitude: f64,
    annotator: usize,
}

/// Every pair is met by every annotator, and won by either side.
fn judgements(ties: bool, rng: &mut Rng) -> Vec<Row> {
    let r = [0.9, 0.2, -0.3, -0.8];
    let mut rows = Vec::new();
    for (i, j) in (0..ITEMS).flat_map(|i| (0..ITEMS).filter(move |&j| j != i).map(move |j| (i, j))) {
        for k in 0..4 * ANNOTATORS {
            let annotator = k % ANNOTATORS;
            let turned = annotator == 2 && sample::uniform(rng) < 0.3;
            let won = (sample::uniform(rng) < logistic(r[i] - r[j])) != turned;
            let tied = ties && sample::uniform(rng) < 0.2;
            let score = if tied { 0.5 } else { f64::from(u8::from(won)) };
            rows.push(Row { i, j, score, magnitude: 1.0 + sample::index(rng, 3) as f64, annotator });
        }
        // either side once
        rows.push(Row { i, j, score: 1.0, magnitude: 1.0, annotator: 0 });
    }
    rows
}

fn text(rows: &[Row]) -> String {
    let mut text = String::from("item_a,item_b,outcome,magnitude,annotator\n");
    for Row { i, j, score, magnitude, annotator } in rows {
        let outcome = if *score == 0.5 {
            "tie"
        } else if *score == 1.0 {
            "a"
        } else {
            "b"
        };
        text += &format!("i{i},i{j},{outcome},{magnitude},u{annotator}\n");
    }
    text
}

fn counted(rows: &[Row]) -> ModelData {
    parse_comparisons(Path::new("d.csv"), text(rows).as_bytes(), &Selection::default()).unwrap().into()
}

fn one_by_one(rows: &[Row]) -> ModelData {
    parse_battles(Path::new("d.csv"), text(rows).as_bytes(), &Selection::default()).unwrap().into()
}

/// Rankings of three or four items as groups of tied ones, at most two in each.
fn rankings(ties: bool, rng: &mut Rng) -> Vec<Vec<Vec<usize>>> {
    let mut all = Vec::new();
    for first in 0..ITEMS {
        for _ in 0..12 {
            let mut items: Vec<usize> = (0..ITEMS).collect();
            (0..ITEMS).for_each(|k| items.swap(k, k + sample::index(rng, ITEMS - k)));
            items.truncate(3 + sample::index(rng, 2));
            if sample::uniform(rng) < 0.3 {
                items.retain(|&i| i != first);
                items.insert(0, first);
            }
            let mut groups: Vec<Vec<usize>> = items.iter().map(|&i| vec![i]).collect();
            if ties && sample::uniform(rng) < 0.4 {
                let at = sample::index(rng, groups.len() - 1);
                let other = groups.remove(at + 1);
                groups[at].extend(other);
            }
            all.push(groups);
        }
    }
    all
}

fn ranked(all: &[Vec<Vec<usize>>]) -> ModelData {
    let mut text = String::from("ranking\n");
    for groups in all {
        let group = |g: &Vec<usize>| g.iter().map(|i| format!("i{i}")).collect::<Vec<_>>().join(" = ");
        text += &format!("{}\n", groups.iter().map(group).collect::<Vec<_>>().join(" > "));
    }
    parse_rankings(Path::new("r.csv"), text.as_bytes(), &Selection::default()).unwrap().into()
}

/// Newton steps along one coordinate after the other, by differences of values, until none moves.
fn generic_maximum(value: impl Fn(&[f64]) -> f64, mut x: Vec<f64>) -> Vec<f64> {
    for sweep in 0..6000 {
        let step = if sweep < 20 { 1e-2 } else { 1e-3 };
        let mut moved = 0.0f64;
        for k in 0..x.len() {
            let at = |d: f64| {
                let mut y = x.clone();
                y[k] += d;
                value(&y)
            };
            let (up, here, down) = (at(step), at(0.0), at(-step));
            let slope = (8.0 * (up - down) - (at(2.0 * step) - at(-2.0 * step))) / (12.0 * step);
            let curvature = (up - 2.0 * here + down) / (step * step);
            let move_by = if curvature < 0.0 { -slope / curvature } else { slope.signum() * 0.1 };
            x[k] += move_by.clamp(-0.3, 0.3);
            moved = moved.max(move_by.abs());
        }
        if moved < 1e-10 {
            break;
        }
    }
    x
}

fn fitted(name: &str, data: &ModelData, options: &Value) -> Fitted {
    let found = model(name).unwrap().fit(data, options).unwrap();
    assert!(found.convergence.converged, "{name}");
    found
}

/// Strengths of i0, i1, .. around their mean.
fn strengths(found: &Fitted) -> Vec<f64> {
    let r = found.log_strength.as_ref().unwrap();
    let place = |i: usize| found.labels.iter().position(|l| *l == format!("i{i}")).unwrap();
    centred((0..ITEMS).map(|i| r[place(i)]).collect())
}

fn centred(r: Vec<f64>) -> Vec<f64> {
    let mean = r.iter().sum::<f64>() / r.len() as f64;
    r.into_iter().map(|x| x - mean).collect()
}

fn same(name: &str, set: usize, a: &[f64], b: &[f64]) {
    let off = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(a.len() == b.len() && off < 1e-6, "{name}, data set {set}: {a:?} {b:?}");
}

/// A score of a win or a loss, a tie by halves.
fn halves(score: f64, d: f64, log: impl Fn(f64) -> f64) -> f64 {
    score * log(d) + (1.0 - score) * log(-d)
}

#[test]
fn models_of_comparisons() {
    for set in 0..3 {
        let mut rng = stream(set, "second way", &[]);
        let rows = judgements(set > 0, &mut rng);
        let sum = |of: &dyn Fn(&Row, f64) -> f64, r: &[f64]| -> f64 {
            rows.iter().map(|row| of(row, r[row.i] - r[row.j])).sum()
        };
        let likelihood = |row: &Row, d: f64| halves(row.score, d, log_sigmoid);
        let normal = |row: &Row, d: f64| halves(row.score, d, log_normal_cdf);
        let scaled = |row: &Row, d: f64| row.magnitude * halves(row.score, d, log_sigmoid);
        let margin = |row: &Row, d: f64| match row.score {
            0.5 => halves(0.5, d, log_sigmoid),
            score => halves(score, d + (1.0 - 2.0 * score) * row.magnitude, log_sigmoid),
        };
        type Term<'a> = &'a dyn Fn(&Row, f64) -> f64;
        let models: [(&str, Term<'_>, ModelData); 4] = [
            ("bradley-terry", &likelihood, counted(&rows)),
            ("thurstone", &normal, counted(&rows)),
            ("scaled-bradley-terry", &scaled, one_by_one(&rows)),
            ("margin-bradley-terry", &margin, one_by_one(&rows)),
        ];
        let set = set as usize;
        for (name, term, data) in models {
            let found = fitted(name, &data, &Value::Null);
            assert!(found.existence.holds() && !found.prior, "{name}");
            // the first strength is held at 0
            let free = generic_maximum(|x| sum(term, &[&[0.0], x].concat()), vec![0.0; ITEMS - 1]);
            same(name, set, &strengths(&found), &centred([&[0.0], &free[..]].concat()));
        }
        let ridge = |r: &[f64]| sum(&likelihood, r) - 0.3 * r.iter().map(|x| x * x).sum::<f64>();
        let found = fitted("ridge-bradley-terry", &counted(&rows), &json!({ "alpha": 0.3 }));
        same("ridge", set, &strengths(&found), &generic_maximum(ridge, vec![0.0; ITEMS]));
        let gamma = |r: &[f64]| sum(&likelihood, r) + 0.7 * r.iter().map(|x| x - x.exp()).sum::<f64>();
        let options = json!({ "alpha": 0.7, "penalty": "gamma" });
        let found = fitted("ridge-bradley-terry", &counted(&rows), &options);
        same("gamma", set, &strengths(&found), &centred(generic_maximum(gamma, vec![0.0; ITEMS])));
        // ties of their own: p = e^a / (e^a + e^b + nu e^((a + b) / 2)), with nu = e^x
        if set > 0 {
            let davidson = |x: &[f64]| {
                let term = |row: &Row, d: f64| {
                    let (up, tie) = ((0.5 * d).exp(), x[ITEMS - 1].exp());
                    let all = up + 1.0 / up + tie;
                    (if row.score == 0.5 {
                        tie
                    } else if row.score == 1.0 {
                        up
                    } else {
                        1.0 / up
                    } / all)
                        .ln()
                };
                sum(&term, &[&[0.0], &x[..ITEMS - 1]].concat())
            };
            let found = fitted("davidson", &counted(&rows), &Value::Null);
            let best = generic_maximum(davidson, vec![0.0; ITEMS]);
            same("davidson", set, &strengths(&found), &centred([&[0.0], &best[..ITEMS - 1]].concat()));
            same("nu", set, &[found.parameters[0].value], &[best[ITEMS - 1].exp()]);
        }
    }
}

#[test]
fn counts_and_least_squares() {
    for set in 0..3 {
        let mut rng = stream(set, "second way counts", &[]);
        let rows = judgements(set > 0, &mut rng);
        let found = fitted("counts", &counted(&rows), &Value::Null);
        let place = |i: usize| found.labels.iter().position(|l| *l == format!("i{i}")).unwrap();
        for (i, j) in (0..ITEMS).flat_map(|i| (0..ITEMS).filter(move |&j| j != i).map(move |j| (i, j))) {
            let scores = rows.iter().filter_map(|row| match (row.i, row.j) {
                pair if pair == (i, j) => Some(row.score),
                pair if pair == (j, i) => Some(1.0 - row.score),
                _ => None,
            });
            let scores: Vec<f64> = scores.collect();
            let mean = scores.iter().sum::<f64>() / scores.len() as f64;
            assert!((found.prob(place(i), place(j)) - mean).abs() < 1e-14, "{set} {i} {j}");
        }
        let squares = |r: &[f64]| -> f64 {
            let off = |row: &Row| r[row.i] - r[row.j] - (2.0 * row.score - 1.0) * row.magnitude;
            -rows.iter().map(|row| off(row).powi(2)).sum::<f64>()
        };
        let found = fitted("magnitude-regression", &one_by_one(&rows), &Value::Null);
        let free = generic_maximum(|x| squares(&[&[0.0], x].concat()), vec![0.0; ITEMS - 1]);
        let name = "magnitude-regression";
        same(name, set as usize, &strengths(&found), &centred([&[0.0], &free[..]].concat()));
    }
}

/// Where every model is held against a second way on three data sets or more: a file of this folder, its test, and what the second way is.
const SECOND_WAYS: &[(&str, &str, &str, &str)] = &[
    ("average-win-rate", "ratings", "matches_as_in_evalica", "published code"),
    ("bradley-terry", "second_way", "models_of_comparisons", "a generic optimiser"),
    ("contextual-bradley-terry", "p2l", FEATURES, "one linear fit of items times contexts"),
    ("counting", "ratings", "matches_as_in_evalica", "published code"),
    ("counts", "second_way", "counts_and_least_squares", "means of the rows"),
    ("crowd-bradley-terry", "second_way", "annotators_of_unknown_reliability", "a generic optimiser"),
    ("davidson", "ratings", "matches_as_in_evalica", "published code, and a generic optimiser beside it"),
    ("davidson-luce", "second_way", "models_of_rankings", "a generic optimiser over enumerated subsets"),
    ("eigen", "ratings", "a_second_way_to_every_score", "its equation, and published code"),
    ("elo", "ratings", "matches_as_in_evalica", "published code"),
    ("ep", "ep", "one_term_after_the_other_ends_at_the_same_point", "the published updates, term by term"),
    ("gpm", "gpm", "counts_of_ratings_are_fitted_by_rank_two_as_by_bradley_terry", "another model's fit"),
    ("grounded-rao-kupper", "p2l", WITHOUT_FEATURES, "the head of the same equations, by L-BFGS"),
    (
        "ideal-points",
        "ideal_points",
        "the_fit_is_stationary_along_every_coordinate",
        "differences of the objective",
    ),
    ("luce-spectral-ranking", "ratings", "a_second_way_to_every_score", "its balance, and published code"),
    ("magnitude-regression", "second_way", "counts_and_least_squares", "a generic optimiser"),
    ("margin-bradley-terry", "second_way", "models_of_comparisons", "a generic optimiser"),
    ("p2l", "p2l", WITHOUT_FEATURES, "the fits of pairs"),
    ("pagerank", "ratings", "a_second_way_to_every_score", "its equation, and published code"),
    ("plackett-luce", "second_way", "models_of_rankings", "a generic optimiser"),
    ("plackett-luce-split", "second_way", "models_of_rankings", "a generic optimiser"),
    ("rank-centrality", "ratings", "a_second_way_to_every_score", "its balance, and published code"),
    ("rao-kupper", "p2l", WITHOUT_FEATURES, "the head of the same equations, by L-BFGS"),
    ("ridge-bradley-terry", "second_way", "models_of_comparisons", "a generic optimiser"),
    (
        "robust",
        "robust",
        "corrupted_pairs_are_found_and_the_ratings_recovered_to_rounding",
        "the truth, to rounding",
    ),
    ("scaled-bradley-terry", "second_way", "models_of_comparisons", "a generic optimiser"),
    ("soft-condorcet", "ratings", "soft_condorcet_as_in_open_spiel", "published code"),
    ("thurstone", "second_way", "models_of_comparisons", "a generic optimiser"),
    ("trueskill", "ratings", "beliefs_as_in_trueskill", "published code"),
    ("whr", "whr", "a_generic_optimiser_finds_the_same_mode", "L-BFGS on the objective, written once more"),
];
const FEATURES: &str = "features_of_items_times_contexts_in_one_linear_fit_are_the_second_way";
const WITHOUT_FEATURES: &str = "without_features_every_head_is_the_model_of_pairs_it_is_made_of";

#[test]
fn every_model_of_the_registry_has_a_second_way() {
    let listed: Vec<&str> = SECOND_WAYS.iter().map(|row| row.0).collect();
    let mut known: Vec<&str> = MODELS.iter().map(|entry| entry.name).collect();
    known.sort_unstable();
    assert_eq!(listed, known, "a model without a second way, or a row without its model");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    for (name, file, test, _) in SECOND_WAYS {
        let text = std::fs::read_to_string(folder.join(format!("{file}.rs"))).unwrap();
        let body = text.split(&format!("#[test]\nfn {test}() {{")).nth(1);
        let body = body.unwrap_or_else(|| panic!("{name}: there is no test {test} in {file}.rs"));
        // up to the brace that ends it
        let body = body.split("\n}\n").next().unwrap();
        assert!(
            body.contains("assert") || body.contains("close(") || body.contains("same("),
            "{name}: {test}"
        );
        // three data sets: a loop over them
        assert!(body.contains("for "), "{name}: {test} goes over no data sets");
    }
}

#[test]
fn annotators_of_unknown_reliability() {
    for set in 0..3 {
        let mut rng = stream(set, "second way crowd", &[]);
        let rows = judgements(set > 0, &mut rng);
        let centre = 9f64.ln();
        let value = |x: &[f64]| {
            let of = |row: &Row| {
                let (d, eta) = (x[row.i] - x[row.j], logistic(x[ITEMS + row.annotator]));
                halves(row.score, d, |d| (eta * logistic(d) + (1.0 - eta) * logistic(-d)).ln())
            };
            let even = |x: f64| log_sigmoid(x) + log_sigmoid(-x);
            let right = |x: f64| 0.9 * log_sigmoid(x) + 0.1 * log_sigmoid(-x);
            rows.iter().map(of).sum::<f64>()
                + x[..ITEMS].iter().map(|x| even(*x)).sum::<f64>()
                + x[ITEMS..].iter().map(|x| right(*x)).sum::<f64>()
        };
        let found = fitted("crowd-bradley-terry", &one_by_one(&rows), &Value::Null);
        let best = generic_maximum(value, [vec![0.0; ITEMS], vec![centre; ANNOTATORS]].concat());
        same("crowd", set as usize, &strengths(&found), &centred(best[..ITEMS].to_vec()));
        let own = found.own();
        let all = own["annotators"].as_array().unwrap();
        for (k, x) in best[ITEMS..].iter().enumerate() {
            let of = all.iter().find(|a| a["annotator"] == format!("u{k}")).unwrap();
            same("reliability", set as usize, &[of["reliability"].as_f64().unwrap()], &[logistic(*x)]);
        }
    }
}

#[test]
fn models_of_rankings() {
    for set in 0..3 {
        let mut rng = stream(set, "second way rankings", &[]);
        let (plain, tied) = (rankings(false, &mut rng), rankings(true, &mut rng));
        let set = set as usize;
        let whole = |r: &[f64]| -> f64 {
            let one = |groups: &Vec<Vec<usize>>| -> f64 {
                let order: Vec<usize> = groups.concat();
                let stage = |k: usize| r[order[k]] - order[k..].iter().map(|&i| r[i].exp()).sum::<f64>().ln();
                (0..order.len()).map(stage).sum()
            };
            plain.iter().map(one).sum()
        };
        let pairs = |r: &[f64]| -> f64 {
            let one = |groups: &Vec<Vec<usize>>| -> f64 {
                let order: Vec<usize> = groups.concat();
                let later =
                    |k: usize| order[k + 1..].iter().map(|&j| log_sigmoid(r[order[k]] - r[j])).sum::<f64>();
                (0..order.len()).map(later).sum()
            };
            plain.iter().map(one).sum()
        };
        // choices of one or of two tied ones, of what is left; all subsets by enumeration; d_2 = e^x
        let choices = |x: &[f64]| -> f64 {
            let r = [&[0.0], &x[..ITEMS - 1]].concat();
            let d = x[ITEMS - 1].exp();
            let mut value = 0.0;
            for groups in &tied {
                for k in 0..groups.len() {
                    let left = groups[k..].concat();
                    let mut all: f64 = left.iter().map(|&i| r[i].exp()).sum();
                    for (p, &i) in left.iter().enumerate() {
                        all += left[p + 1..].iter().map(|&j| d * (0.5 * (r[i] + r[j])).exp()).sum::<f64>();
                    }
                    let chosen = match groups[k][..] {
                        [i] => r[i],
                        [i, j] => d.ln() + 0.5 * (r[i] + r[j]),
                        _ => unreachable!("groups of one or two"),
                    };
                    value += chosen - all.ln();
                }
            }
            value
        };
        type Objective<'a> = &'a dyn Fn(&[f64]) -> f64;
        let models: [(&str, Objective<'_>); 2] = [("plackett-luce", &whole), ("plackett-luce-split", &pairs)];
        for (name, value) in models {
            let found = fitted(name, &ranked(&plain), &Value::Null);
            assert!(found.existence.holds() && !found.prior, "{name}");
            let free = generic_maximum(|x| value(&[&[0.0], x].concat()), vec![0.0; ITEMS - 1]);
            same(name, set, &strengths(&found), &centred([&[0.0], &free[..]].concat()));
        }
        // the first of all that were ranked, with a gamma prior
        let first = |r: &[f64]| -> f64 {
            let one = |groups: &Vec<Vec<usize>>| -> f64 {
                let order: Vec<usize> = groups.concat();
                r[order[0]] - order.iter().map(|&i| r[i].exp()).sum::<f64>().ln()
            };
            plain.iter().map(one).sum::<f64>() + 0.7 * r.iter().map(|x| x - x.exp()).sum::<f64>()
        };
        let options = json!({ "top": 1, "alpha": 0.7, "penalty": "gamma" });
        let found = fitted("plackett-luce", &ranked(&plain), &options);
        same("top", set, &strengths(&found), &centred(generic_maximum(first, vec![0.0; ITEMS])));
        let found = fitted("davidson-luce", &ranked(&tied), &Value::Null);
        let best = generic_maximum(choices, vec![0.0; ITEMS]);
        same("davidson-luce", set, &strengths(&found), &centred([&[0.0], &best[..ITEMS - 1]].concat()));
        let own = found.own();
        let d = own["tie_parameters"].as_array().unwrap().iter().find(|t| t["size"] == 2).unwrap()["d"]
            .as_f64()
            .unwrap();
        same("d", set, &[d], &[best[ITEMS - 1].exp()]);
    }
}
