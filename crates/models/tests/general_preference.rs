//! The general preference model against published numbers, closed forms, and what it contains.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use equipoise_core::{sample, seed::stream};
use equipoise_data::Comparisons;
use equipoise_models::{Existence, ModelData, SkewEmbedding, model, skew_embedding};
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
fn scores_have_the_sign_of_the_published_code() {
    // general-preference/general-preference-model, loss.py, second case of the golden file of the objective `gpm`
    let vectors = ndarray::arr2(&[
        [0.1512, -0.4182, -0.3305, -1.9532],
        [1.4398, 0.9153, -0.2603, 0.619],
        [0.225, -0.4431, 0.7821, -0.2484],
        [-0.2631, -0.6337, 0.364, -0.0794],
    ]);
    let embedding = SkewEmbedding { vectors };
    let published = [
        (0, 1, 0.027520260000000102),
        (0, 2, 1.6367922000000001),
        (0, 3, 0.53136264),
        (1, 2, -1.26337926),
        (1, 3, -0.8762340099999999),
        (2, 3, -0.23084325),
    ];
    for (i, j, score) in published {
        assert!((embedding.score(i, j) - score).abs() < 1e-14);
        assert!((embedding.score(j, i) + score).abs() < 1e-14);
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
    let fitted = model("general-preference").unwrap();
    let fitted = fitted.fit(&ModelData::from(counts(&s, 40.0)), &json!({"dimension": 2})).unwrap();
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
        let fitted =
            model("general-preference").unwrap().fit(&data, &json!({"dimension": dimension})).unwrap();
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
    let [two, four] = [2, 4].map(|d| fit("general-preference", json!({ "dimension": d })));
    assert!(two.convergence.converged && four.convergence.converged);
    let [bt, two, four] = [bt, two, four].map(|f| f.log_likelihood.unwrap());
    assert!(bt < two && two < four, "{bt} {two} {four}");
    let cycle = |d: usize| {
        let fitted = fit("general-preference", json!({ "dimension": d }));
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
        let options = json!({"dimension": 2, "prior": prior});
        let fitted =
            model("general-preference").unwrap().fit(&ModelData::from(data.clone()), &options).unwrap();
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
    let fitted = model("general-preference").unwrap().fit(&ModelData::from(data), &Value::Null).unwrap();
    assert!(fitted.prior && fitted.existence == Existence::NotFound && fitted.convergence.converged);
    assert!(fitted.prob(0, 1) > 0.5 && fitted.prob(0, 1) < 1.0);
}

#[test]
fn refused_by_name() {
    let entry = model("general-preference").unwrap();
    for bad in [0, 1, 3] {
        let error = entry.check(&json!({ "dimension": bad })).unwrap_err().to_string();
        assert!(error.contains("dimension") && error.contains("even"), "{error}");
    }
}
