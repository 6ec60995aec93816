//! Models of several numbers an item. Their objectives are not concave: the generic optimiser starts from several places, and none may end
//! higher than the fit.

use equipoise_core::logistic::{log_sigmoid, logistic};
use equipoise_core::{Rng, sample, seed::stream};
use equipoise_data::Comparisons;
use equipoise_models::{Fitted, IdealPoints, ModelData};
use ndarray::Array2;
use serde_json::{Value, json};

use crate::sets::*;

/// The highest of some places that the generic optimiser ends at, from normal starts.
fn highest(value: impl Fn(&[f64]) -> f64, length: usize, starts: usize, rng: &mut Rng) -> (f64, Vec<f64>) {
    let end = |_| {
        let start: Vec<f64> = (0..length).map(|_| 0.7 * sample::normal(rng)).collect();
        let x = generic_maximum(&value, start);
        (value(&x), x)
    };
    (0..starts).map(end).max_by(|a, b| a.0.total_cmp(&b.0)).unwrap()
}

/// The skew form of rank 2 of items of two numbers each.
fn plane(x: &[f64], i: usize, j: usize) -> f64 {
    x[2 * i] * x[2 * j + 1] - x[2 * i + 1] * x[2 * j]
}

pub(crate) fn gpm(sets: &mut Sets) {
    for set in 0..3 {
        let mut rng = stream(set, "second way gpm", &[]);
        let rows = judgements(set > 0, &mut rng);
        let wins = wins(&rows);
        let data = counted(&rows);
        // four items at rank 4: any win rates at all, and so those of the rows
        let rate = |(i, j): (usize, usize)| wins[i][j] / (wins[i][j] + wins[j][i]);
        let rates: Vec<f64> = pairs(ITEMS).map(rate).collect();
        for options in [json!({ "rank": 4 }), json!({ "rank": 4, "fit": "schur" })] {
            let found = sets.fit(&data, &options);
            sets.same("win rates", &probabilities(&found), &rates, 1e-8);
        }
        // rank 2, with a standard normal prior on every coordinate and without
        for prior in [true, false] {
            let value = |x: &[f64]| {
                let terms = pairs(ITEMS).map(|(i, j)| wins[i][j] * log_sigmoid(plane(x, i, j))).sum::<f64>();
                terms - if prior { 0.5 * x.iter().map(|x| x * x).sum::<f64>() } else { 0.0 }
            };
            let found = sets.fit(&data, &json!({ "rank": 2, "prior": prior }));
            let (_, best) = highest(value, 2 * ITEMS, 3, &mut rng);
            let rates: Vec<f64> = pairs(ITEMS).map(|(i, j)| logistic(plane(&best, i, j))).collect();
            sets.same("win rates at rank 2", &probabilities(&found), &rates, 1e-5);
        }
    }
}

/// Log odds of strengths of eight items, of which one pair came out the other way: that pair is set aside, and what is left is the nearest form of rank 2
/// to the other pairs.
pub(crate) fn robust(sets: &mut Sets) {
    const N: usize = 8;
    for set in 0..3 {
        let mut rng = stream(set, "second way robust", &[]);
        let r: Vec<f64> = (0..N).map(|i| 1.0 - 0.3 * i as f64 + 0.1 * sample::normal(&mut rng)).collect();
        let wrong = (set as usize, 3 + set as usize);
        let mut won = Array2::zeros((N, N));
        for (i, j) in pairs(N).filter(|(i, j)| i < j) {
            let share = logistic(r[i] - r[j]);
            let share = if (i, j) == wrong { 0.05 } else { share };
            won[[i, j]] = (200.0 * share + 3.0 * sample::normal(&mut rng)).round();
            won[[j, i]] = 200.0 - won[[i, j]];
        }
        let data = Comparisons::from_tables(&won, &Array2::zeros((N, N)));
        let found = sets.fit(&ModelData::from(data), &Value::Null);
        let odds = |i: usize, j: usize| ((won[[i, j]] + 0.5) / (won[[j, i]] + 0.5)).ln();
        let fitted = |i: usize, j: usize| {
            let p = found.prob(i, j);
            (p / (1.0 - p)).ln()
        };
        let own = found.own();
        let place =
            |pair: &Value, key: &str| found.labels.iter().position(|l| pair[key] == *l.as_str()).unwrap();
        let apart: Vec<(usize, usize)> = own["set_aside"]
            .as_array()
            .unwrap()
            .iter()
            .map(|p| (place(p, "first"), place(p, "second")))
            .collect();
        assert_eq!(apart, [wrong]);
        // four standard errors that the log odds had if the fit were the truth
        for (i, j) in pairs(N).filter(|(i, j)| i < j) {
            let p = logistic(fitted(i, j));
            let noise = 4.0 * (1.0 / (200.0 * p + 0.5) + 1.0 / (200.0 * (1.0 - p) + 0.5)).sqrt();
            assert_eq!((odds(i, j) - fitted(i, j)).abs() > noise, (i, j) == wrong, "{set} {i} {j}");
        }
        let squares = |x: &[f64]| -> f64 {
            let kept = pairs(N).filter(|&(i, j)| i < j && (i, j) != wrong);
            -kept.map(|(i, j)| (odds(i, j) - plane(x, i, j)).powi(2)).sum::<f64>()
        };
        let (_, best) = highest(squares, 2 * N, 3, &mut rng);
        let (mut one, mut other) = (Vec::new(), Vec::new());
        for (i, j) in pairs(N) {
            one.push(fitted(i, j));
            other.push(plane(&best, i, j));
        }
        sets.same("log odds", &one, &other, 1e-5);
    }
}

/// Users are mixtures of two prototypes in one dimension, or of two in two; a normal prior on all coordinates and logits.
pub(crate) fn ideal_points(sets: &mut Sets) {
    const K: usize = 2;
    for (set, d, variance) in [(0, 1, 1.0), (1, 1, 0.5), (2, 2, 1.0)] {
        let mut rng = stream(set, "second way ideal points", &[]);
        let rows = judgements(set > 0, &mut rng);
        let data = one_by_one(&rows);
        let found: Fitted =
            sets.fit(&data, &json!({ "prototypes": K, "dimension": d, "prior_variance": variance }));
        // users are numbered in the order in which they first voted: u0, u1, u2; x: items, prototypes, logits
        let score = |x: &[f64], u: usize, i: usize, j: usize| {
            let (items, rest) = x.split_at(ITEMS * d);
            let (prototypes, logits) = rest.split_at(K * d);
            let powers: [f64; K] = std::array::from_fn(|k| logits[u * K + k].exp());
            let at = |c: usize| {
                (powers[0] * prototypes[c] + powers[1] * prototypes[d + c]) / (powers[0] + powers[1])
            };
            let distance = |i: usize| (0..d).map(|c| (items[i * d + c] - at(c)).powi(2)).sum::<f64>();
            distance(j) - distance(i)
        };
        // how often a user has one item before another
        let mut said = [[[0.0; ITEMS]; ITEMS]; ANNOTATORS];
        for row in &rows {
            said[row.annotator][row.i][row.j] += row.score;
            said[row.annotator][row.j][row.i] += 1.0 - row.score;
        }
        let value = |x: &[f64]| -> f64 {
            let of_user = |u: usize| -> f64 {
                pairs(ITEMS).map(|(i, j)| said[u][i][j] * log_sigmoid(score(x, u, i, j))).sum()
            };
            (0..ANNOTATORS).map(of_user).sum::<f64>()
                - x.iter().map(|x| x * x).sum::<f64>() / (2.0 * variance)
        };
        let points = found.result::<IdealPoints>().unwrap();
        let mut own: Vec<f64> = Vec::new();
        for i in 0..ITEMS {
            own.extend(points.items.row(place(&found, i)).iter());
        }
        own.extend(points.points.iter().chain(points.logits.iter()));
        let length = (ITEMS + K) * d + K * ANNOTATORS;
        assert_eq!(own.len(), length);
        let (best, _) = highest(value, length, 3, &mut rng);
        sets.same("objective", &[value(&own)], &[best], 1e-8);
        let mean = |(i, j): (usize, usize)| {
            (0..ANNOTATORS).map(|u| logistic(score(&own, u, i, j))).sum::<f64>() / ANNOTATORS as f64
        };
        let means: Vec<f64> = pairs(ITEMS).map(mean).collect();
        sets.same("win rates", &probabilities(&found), &means, 1e-12);
    }
}
