//! The general preference model against published numbers, closed forms, and what it contains.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use equipoise_core::{sample, seed::stream};
use equipoise_data::Comparisons;
use equipoise_models::{Existence, FitError, ModelData, SkewEmbedding, model, prompt_gate, skew_embedding};
use ndarray::{Array1, Array2};
use serde_json::{Value, json};

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn rows(value: &Value) -> Array2<f64> {
    let rows: Vec<Vec<f64>> = value.as_array().unwrap().iter().map(numbers).collect();
    Array2::from_shape_vec((rows.len(), rows[0].len()), rows.concat()).unwrap()
}

fn random_skew(n: usize, label: &str) -> Array2<f64> {
    let mut rng = stream(7, label, &[&n.to_string()]);
    let upper = Array2::from_shape_fn((n, n), |_| sample::normal(&mut rng));
    &upper - &upper.t()
}

/// `times` comparisons a pair, won in proportion to the win rates of the log odds.
fn counts(log_odds: &Array2<f64>, times: f64) -> Comparisons {
    let mut wins = log_odds.mapv(|s| times / (1.0 + (-s).exp()));
    wins.diag_mut().fill(0.0);
    let ties = Array2::zeros(wins.raw_dim());
    Comparisons::from_tables(&wins, &ties)
}

fn largest(a: &Array2<f64>, b: impl Fn(usize, usize) -> f64) -> f64 {
    a.indexed_iter().map(|((i, j), x)| (x - b(i, j)).abs()).fold(0.0, f64::max)
}

#[test]
fn scores_and_gates_are_those_of_the_published_code() {
    let golden: Value = serde_json::from_str(include_str!("golden/gpm.json")).unwrap();
    for one in golden["cases"].as_array().unwrap() {
        let (inputs, out) = (&one["inputs"], &one["outputs"]);
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-14 * b.abs().max(1.0), "{a} {b}");
        if let Some(hidden) = inputs.get("prompt_hidden") {
            let (weight, hidden) = (rows(&inputs["prompt_head_weight"]), rows(hidden));
            let (chosen, rejected) = (rows(&inputs["chosen"]), rows(&inputs["rejected"]));
            for (row, expected) in rows(&out["gate"]).outer_iter().enumerate() {
                let gate = prompt_gate(&weight, hidden.row(row).as_slice().unwrap());
                gate.iter().zip(expected).for_each(|(&g, &e)| close(g, e));
                // a gate is a factor of every plane
                let gated = chosen.row(row).iter().enumerate().map(|(k, x)| x * gate[k / 2]).collect();
                let both: [Vec<f64>; 2] = [gated, rejected.row(row).to_vec()];
                let vectors = Array2::from_shape_vec((2, both[0].len()), both.concat()).unwrap();
                let score = SkewEmbedding { vectors }.score(0, 1);
                close(score, out["score"][row].as_f64().unwrap());
                let (p, tau) =
                    (out["probability"][row].as_f64().unwrap(), one["hyper"]["tau"].as_f64().unwrap());
                close(1.0 / (1.0 + (-score / tau).exp()), p);
            }
            continue;
        }
        let embedding = SkewEmbedding { vectors: rows(&inputs["embedding"]) };
        for ((i, j), &expected) in rows(&out["score_matrix"]).indexed_iter() {
            close(embedding.score(i, j), expected);
        }
    }
}

#[test]
fn the_exact_embedding_has_the_scores_and_a_shorter_one_misses_the_smallest_planes() {
    for n in [2, 3, 5, 8, 13] {
        let s = random_skew(n, "skew");
        let whole = skew_embedding(&s, n / 2);
        assert!(largest(&s, |i, j| whole.score(i, j)) < 1e-12, "{n}");
        // the squared distance of the best form is twice the sum of the squared singular values left out
        let strength = |l: usize| {
            let length = |k: usize| whole.vectors.column(k).mapv(|x| x * x).sum();
            length(2 * l) * length(2 * l + 1)
        };
        for planes in 0..n / 2 {
            let short = skew_embedding(&s, planes);
            let missed: f64 = s.indexed_iter().map(|((i, j), x)| (x - short.score(i, j)).powi(2)).sum();
            let expected: f64 = (planes..n / 2).map(|l| 2.0 * strength(l)).sum();
            assert!(
                (missed - expected).abs() < 1e-10 * (1.0 + expected),
                "{n} {planes}: {missed} {expected}"
            );
        }
    }
}

#[test]
fn ratings_are_one_plane_of_strength_n_times_their_deviation() {
    // arXiv:2410.02197: s = r_i - r_j is v_i = (r_i, 1); both singular values are n sd(r)
    let r = Array1::from(vec![1.3, 0.2, -0.4, 2.0, -1.1]);
    let n = r.len();
    let s = Array2::from_shape_fn((n, n), |(i, j)| r[i] - r[j]);
    let one = skew_embedding(&s, 1);
    assert!(largest(&s, |i, j| one.score(i, j)) < 1e-13);
    let bt =
        SkewEmbedding { vectors: Array2::from_shape_fn((n, 2), |(i, k)| if k == 0 { r[i] } else { 1.0 }) };
    assert!(largest(&s, |i, j| bt.score(i, j)) < 1e-15);
    let fitted = model("gpm").unwrap();
    let fitted = fitted.fit(&ModelData::from(counts(&s, 40.0)), &json!({"rank": 2})).unwrap();
    let plane = fitted.own()["planes"][0].as_f64().unwrap();
    assert!((plane - n as f64 * r.std(0.0)).abs() < 1e-6, "{plane}");
    assert!((fitted.own()["share_of_ratings"].as_f64().unwrap() - 1.0).abs() < 1e-12);
}

#[test]
fn where_there_are_enough_dimensions_the_fit_is_the_counts() {
    for (n, dimension) in [(3, 2), (4, 4), (5, 4), (7, 6)] {
        let s = random_skew(n, "saturated");
        // n odd: a skew matrix is singular, so n - 1 dimensions reach every one of them
        let data = ModelData::from(counts(&s, 100.0));
        let fitted = model("gpm").unwrap().fit(&data, &json!({"rank": dimension})).unwrap();
        assert!(fitted.convergence.converged && fitted.existence == Existence::Finite && !fitted.prior);
        let p = s.mapv(|s| 1.0 / (1.0 + (-s).exp()));
        assert!(largest(&p, |i, j| fitted.prob(i, j)) < 1e-9, "{n}");
        assert!(fitted.deviance.unwrap().abs() < 1e-9 && fitted.degrees_of_freedom == Some(0.0), "{n}");
    }
}

#[test]
fn a_plane_that_the_dimension_leaves_out_is_lost_and_likelihoods_are_nested() {
    // a rating and a weaker cycle of three: dimension 2 keeps the rating and has no cycle, dimension 4 has both
    let r = [2.0, 1.2, 0.4, -1.2, -2.4];
    let mut s = Array2::from_shape_fn((5, 5), |(i, j)| 0.1 * (r[i] - r[j]));
    for (i, j) in [(0, 1), (1, 2), (2, 0)] {
        s[[i, j]] += 0.3;
        s[[j, i]] -= 0.3;
    }
    let data = ModelData::from(counts(&s, 200.0));
    let fit = |name: &str, options: Value| model(name).unwrap().fit(&data, &options).unwrap();
    let bt = fit("bradley-terry", Value::Null);
    let [two, four] = [2, 4].map(|d| fit("gpm", json!({ "rank": d })));
    assert!(two.convergence.converged && four.convergence.converged);
    let [bt, two, four] = [bt, two, four].map(|f| f.log_likelihood.unwrap());
    assert!(bt < two && two < four, "{bt} {two} {four}");
    let cycle = |d: usize| {
        let fitted = fit("gpm", json!({ "rank": d }));
        [(0, 1), (1, 2), (2, 0)].iter().all(|&(i, j)| fitted.prob(i, j) > 0.5)
    };
    assert!(cycle(4));
}

#[test]
fn the_fit_is_stationary_along_every_coordinate() {
    // the likelihood written out here, by central differences at the fit, with and without the prior
    let s = random_skew(6, "stationary");
    let data = counts(&s, 30.0);
    for prior in [false, true] {
        let options = json!({"rank": 2, "prior": prior});
        let fitted = model("gpm").unwrap().fit(&ModelData::from(data.clone()), &options).unwrap();
        assert!(fitted.convergence.converged && fitted.prior == prior);
        let at = rows(&fitted.own()["embedding"]);
        let value = |vectors: &Array2<f64>| {
            let e = SkewEmbedding { vectors: vectors.clone() };
            let mut value = if prior { -0.5 * vectors.mapv(|x| x * x).sum() } else { 0.0 };
            for pair in &data.pairs {
                let (won, lost, _) = pair.outcomes();
                let p = 1.0 / (1.0 + (-e.score(pair.i, pair.j)).exp());
                value += won * p.ln() + lost * (1.0 - p).ln();
            }
            value
        };
        for k in 0..at.len() {
            let moved = |by: f64| {
                let mut vectors = at.clone();
                vectors.as_slice_mut().unwrap()[k] += by;
                value(&vectors)
            };
            let slope = (moved(1e-4) - moved(-1e-4)) / 2e-4;
            assert!(slope.abs() < 1e-5, "prior {prior}, coordinate {k}: {slope}");
        }
    }
}

#[test]
fn a_pair_won_one_way_brings_the_prior_and_says_so() {
    let mut wins = Array2::from_elem((3, 3), 4.0);
    wins.diag_mut().fill(0.0);
    wins[[1, 0]] = 0.0;
    let data = Comparisons::from_tables(&wins, &Array2::zeros((3, 3)));
    let fitted = model("gpm").unwrap().fit(&ModelData::from(data), &Value::Null).unwrap();
    assert!(fitted.prior && fitted.existence == Existence::NotFound && fitted.convergence.converged);
    assert!(fitted.prob(0, 1) > 0.5 && fitted.prob(0, 1) < 1.0);
}

#[test]
fn counts_of_ratings_are_fitted_by_rank_two_as_by_bradley_terry() {
    for n in [3, 5, 8] {
        let mut rng = stream(11, "ratings", &[&n.to_string()]);
        let r: Vec<f64> = (0..n).map(|_| sample::normal(&mut rng)).collect();
        let s = Array2::from_shape_fn((n, n), |(i, j)| r[i] - r[j]);
        let data = ModelData::from(counts(&s, 50.0));
        let bt = model("bradley-terry").unwrap().fit(&data, &Value::Null).unwrap();
        for options in [json!({"rank": 2}), json!({"rank": 4}), json!({"rank": 2, "fit": "schur"})] {
            let found = model("gpm").unwrap().fit(&data, &options).unwrap();
            for i in 0..n {
                for j in 0..n {
                    assert!((found.prob(i, j) - bt.prob(i, j)).abs() < 1e-8, "{n} {options} {i} {j}");
                }
            }
        }
    }
}

#[test]
fn the_schur_fit_is_the_win_rates_at_full_rank_and_the_likelihood_is_never_below_it() {
    for n in [4, 5, 7] {
        let s = random_skew(n, "schur");
        let data = ModelData::from(counts(&s, 30.0));
        let fit = |rank: usize, how: &str| {
            model("gpm").unwrap().fit(&data, &json!({"rank": rank, "fit": how})).unwrap()
        };
        let full = fit(2 * (n / 2), "schur");
        assert!(largest(&s, |i, j| logit(full.prob(i, j))) < 1e-9 && full.existence == Existence::Finite);
        let [schur, likelihood] = ["schur", "likelihood"].map(|how| fit(2, how).log_likelihood.unwrap());
        assert!(likelihood >= schur - 1e-9, "{n}: {likelihood} {schur}");
    }
}

fn logit(p: f64) -> f64 {
    (p / (1.0 - p)).ln()
}

#[test]
fn the_rank_held_out_comparisons_choose_is_that_of_the_truth() {
    let r = [1.5, 0.9, 0.2, -0.3, -0.9, -1.4];
    let ratings = Array2::from_shape_fn((6, 6), |(i, j)| r[i] - r[j]);
    let mut cyclic = ratings.clone();
    for (i, j) in [(0, 2), (2, 4), (4, 0), (1, 3), (3, 5), (5, 1)] {
        cyclic[[i, j]] += 1.2;
        cyclic[[j, i]] -= 1.2;
    }
    for (truth, low, high) in [(ratings, 2, 2), (cyclic, 4, 6)] {
        let mut wins = truth.mapv(|s: f64| (400.0 / (1.0 + (-s).exp())).round());
        wins.diag_mut().fill(0.0);
        let data = Comparisons::from_tables(&wins, &Array2::zeros((6, 6)));
        let found = model("gpm").unwrap().fit(&data.into(), &json!({"rank": "held-out"})).unwrap();
        let own = found.own();
        let rank = own["rank"].as_u64().unwrap();
        assert!((low..=high).contains(&rank), "{own:?}");
        let losses: Vec<f64> =
            own["held_out"].as_array().unwrap().iter().map(|t| t["loss"].as_f64().unwrap()).collect();
        let least = losses.iter().copied().fold(f64::INFINITY, f64::min);
        assert!(losses.len() == 3 && losses[(rank / 2 - 1) as usize] == least);
    }
}

#[test]
fn what_the_comparisons_leave_open_is_null() {
    // two islands, and an item that met one other: nothing is said across
    let pair = |i: usize, j: usize, wins: &mut Array2<f64>| (wins[[i, j]], wins[[j, i]]) = (3.0, 2.0);
    let mut wins = Array2::zeros((6, 6));
    for (i, j) in [(0, 1), (1, 2), (0, 2), (3, 4), (2, 5)] {
        pair(i, j, &mut wins);
    }
    let data = Comparisons::from_tables(&wins, &Array2::zeros((6, 6)));
    let found = model("gpm").unwrap().fit(&data.clone().into(), &json!({"rank": 2})).unwrap();
    let p = found.probability();
    for i in 0..6 {
        for j in 0..6 {
            let met = wins[[i, j]] + wins[[j, i]] > 0.0;
            assert_eq!(p[[i, j]].is_some(), met || i == j, "{i} {j}");
        }
    }
    assert!(found.notes().iter().any(|n| n.starts_with("10 pairs that never met")));
    let refused = model("gpm").unwrap().fit(&data.into(), &json!({"fit": "schur"})).unwrap_err();
    assert_eq!(refused, FitError::Unmet { model: "gpm", option: "fit: schur", unmet: 10 });
}

#[test]
fn all_ties_and_duplicated_rows_are_what_they_say() {
    let ties = Array2::from_shape_fn((4, 4), |(i, j)| f64::from(u8::from(i != j)) * 2.0);
    let data = Comparisons::from_tables(&Array2::zeros((4, 4)), &ties);
    let found = model("gpm").unwrap().fit(&data.into(), &Value::Null).unwrap();
    assert!((0..4).all(|i| (0..4).all(|j| (found.prob(i, j) - 0.5).abs() < 1e-12)));
    assert!(found.own()["share_of_ratings"].is_null() && found.existence == Existence::Finite);
    let s = random_skew(5, "twice");
    let [once, twice] =
        [30.0, 60.0].map(|times| model("gpm").unwrap().fit(&counts(&s, times).into(), &Value::Null).unwrap());
    assert!((0..5).all(|i| (0..5).all(|j| (once.prob(i, j) - twice.prob(i, j)).abs() < 1e-9)));
    assert!((2.0 * once.log_likelihood.unwrap() - twice.log_likelihood.unwrap()).abs() < 1e-9);
}

#[test]
fn refused_by_name() {
    let entry = model("gpm").unwrap();
    for bad in [0, 1, 3] {
        let error = entry.check(&json!({ "rank": bad })).unwrap_err().to_string();
        assert!(error.contains("rank") && error.contains("even"), "{error}");
    }
    for old in ["general-preference", "General-Preference"] {
        let error = model(old).err().unwrap();
        assert_eq!(error.nearest, Some("gpm"));
        assert!(error.to_string().contains("did you mean `gpm`?"));
    }
}
