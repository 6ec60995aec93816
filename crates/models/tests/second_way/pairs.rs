//! Models of pairs with one strength an item, against the generic optimiser of an objective that is written here once more.

use equipoise_core::logistic::{log_sigmoid, logistic};
use equipoise_core::seed::stream;
use equipoise_models::ModelData;
use equipoise_models::distributions::log_normal_cdf;
use serde_json::{Value, json};

use crate::sets::*;

/// Three data sets, one without ties; the objective of strengths is a sum over the rows and a penalty, of which the first strength is held at 0
/// where there is none.
fn maximised(
    sets: &mut Sets,
    form: fn(&[Row]) -> ModelData,
    options: &Value,
    term: impl Fn(&Row, f64) -> f64,
    penalty: Option<fn(f64) -> f64>,
) {
    for set in 0..3 {
        let rows = judgements(set > 0, &mut stream(set, "second way", &[]));
        let found = sets.fit(&form(&rows), options);
        assert!(found.existence.holds() && found.prior == penalty.is_some(), "{options}");
        let value = |r: &[f64]| -> f64 {
            let terms = rows.iter().map(|row| term(row, r[row.i] - r[row.j])).sum::<f64>();
            terms + penalty.map_or(0.0, |of| r.iter().map(|x| of(*x)).sum())
        };
        let best = match penalty {
            None => {
                [vec![0.0], generic_maximum(|x| value(&[&[0.0], x].concat()), vec![0.0; ITEMS - 1])].concat()
            }
            Some(_) => generic_maximum(value, vec![0.0; ITEMS]),
        };
        sets.same("strengths", &strengths(&found), &centred(best), 1e-6);
    }
}

pub(crate) fn bradley_terry(sets: &mut Sets) {
    maximised(sets, counted, &Value::Null, |row, d| halves(row.score, d, log_sigmoid), None);
}

pub(crate) fn thurstone(sets: &mut Sets) {
    maximised(sets, counted, &Value::Null, |row, d| halves(row.score, d, log_normal_cdf), None);
}

pub(crate) fn scaled(sets: &mut Sets) {
    let term = |row: &Row, d: f64| row.magnitude * halves(row.score, d, log_sigmoid);
    maximised(sets, one_by_one, &Value::Null, term, None);
}

pub(crate) fn margin(sets: &mut Sets) {
    let term = |row: &Row, d: f64| match row.score {
        0.5 => halves(0.5, d, log_sigmoid),
        score => halves(score, d + (1.0 - 2.0 * score) * row.magnitude, log_sigmoid),
    };
    maximised(sets, one_by_one, &Value::Null, term, None);
}

pub(crate) fn ridge(sets: &mut Sets) {
    let term = |row: &Row, d: f64| halves(row.score, d, log_sigmoid);
    maximised(sets, counted, &json!({ "alpha": 0.3 }), term, Some(|x| -0.3 * x * x));
    let gamma = json!({ "alpha": 0.7, "penalty": "gamma" });
    maximised(sets, counted, &gamma, term, Some(|x| 0.7 * (x - x.exp())));
}

/// Three data sets with ties, and with "both bad" where it is asked for; `value` of strengths from 0 and a tie parameter, `tie` what is told
/// of it, `free` whether the first strength is held at 0.
fn with_ties(
    sets: &mut Sets,
    bad: bool,
    free: bool,
    log_prob: impl Fn(f64, f64, f64, &Row) -> f64,
    tie: fn(f64) -> f64,
) {
    for set in 1..4 {
        let mut rows = judgements(true, &mut stream(set, "second way ties", &[]));
        if bad {
            rows.iter_mut().filter(|row| row.score == 0.5).step_by(2).for_each(|row| row.bad = true);
        }
        let found = sets.fit(&counted(&rows), &Value::Null);
        assert!(found.existence.holds() && !found.prior);
        let value = |x: &[f64]| -> f64 {
            let r = |i: usize| match free {
                true => x[i],
                false => {
                    if i == 0 {
                        0.0
                    } else {
                        x[i - 1]
                    }
                }
            };
            rows.iter().map(|row| log_prob(r(row.i), r(row.j), x[x.len() - 1], row)).sum()
        };
        let best = generic_maximum(value, vec![-0.2; ITEMS + usize::from(free)]);
        let r = if free { best[..ITEMS].to_vec() } else { [&[0.0], &best[..ITEMS - 1]].concat() };
        sets.same("strengths", &strengths(&found), &centred(r), 1e-6);
        sets.same("tie parameter", &[found.parameters[0].value], &[tie(best[best.len() - 1])], 1e-6);
        sets.same("log-likelihood", &[found.log_likelihood.unwrap()], &[value(&best)], 1e-9);
    }
}

/// `p = e^a / (e^a + e^b + nu e^((a + b) / 2))`, with nu = e^x.
pub(crate) fn davidson(sets: &mut Sets) {
    let log_prob = |a: f64, b: f64, x: f64, row: &Row| {
        let tie = x.exp() * (0.5 * (a + b)).exp();
        let part = [b.exp(), tie, a.exp()][(2.0 * row.score) as usize];
        (part / (a.exp() + b.exp() + tie)).ln()
    };
    with_ties(sets, false, false, log_prob, f64::exp);
}

/// `p = e^a / (e^a + theta e^b)`, a tie the rest, with theta = exp(e^x).
pub(crate) fn rao_kupper(sets: &mut Sets) {
    let log_prob = |a: f64, b: f64, x: f64, row: &Row| {
        let theta = x.exp().exp();
        let won = |a: f64, b: f64| a.exp() / (a.exp() + theta * b.exp());
        [won(b, a), 1.0 - won(a, b) - won(b, a), won(a, b)][(2.0 * row.score) as usize].ln()
    };
    with_ties(sets, false, false, log_prob, |x| x.exp().exp());
}

/// `p = e^a / (e^a + T e^b + 1)`, both bad `1 / (1 + e^a + e^b)`, a tie the rest, with T = 1 + e^x.
pub(crate) fn grounded_rao_kupper(sets: &mut Sets) {
    let log_prob = |a: f64, b: f64, x: f64, row: &Row| {
        let won = |a: f64, b: f64| a.exp() / (a.exp() + (1.0 + x.exp()) * b.exp() + 1.0);
        let bad = 1.0 / (1.0 + a.exp() + b.exp());
        let tie = 1.0 - won(a, b) - won(b, a) - bad;
        [won(b, a), if row.bad { bad } else { tie }, won(a, b)][(2.0 * row.score) as usize].ln()
    };
    with_ties(sets, true, true, log_prob, |x| 1.0 + x.exp());
}

/// Means of the rows of a pair.
pub(crate) fn counts(sets: &mut Sets) {
    for set in 0..3 {
        let rows = judgements(set > 0, &mut stream(set, "second way counts", &[]));
        let found = sets.fit(&counted(&rows), &Value::Null);
        let mean = |(i, j): (usize, usize)| {
            let scores = rows.iter().filter_map(|row| match (row.i, row.j) {
                pair if pair == (i, j) => Some(row.score),
                pair if pair == (j, i) => Some(1.0 - row.score),
                _ => None,
            });
            let scores: Vec<f64> = scores.collect();
            scores.iter().sum::<f64>() / scores.len() as f64
        };
        let means: Vec<f64> = pairs(ITEMS).map(mean).collect();
        sets.same("win rates", &probabilities(&found), &means, 1e-14);
    }
}

pub(crate) fn magnitudes(sets: &mut Sets) {
    for set in 0..3 {
        let rows = judgements(set > 0, &mut stream(set, "second way counts", &[]));
        let found = sets.fit(&one_by_one(&rows), &Value::Null);
        let squares = |r: &[f64]| -> f64 {
            let off = |row: &Row| r[row.i] - r[row.j] - (2.0 * row.score - 1.0) * row.magnitude;
            -rows.iter().map(|row| off(row).powi(2)).sum::<f64>()
        };
        let free = generic_maximum(|x| squares(&[&[0.0], x].concat()), vec![0.0; ITEMS - 1]);
        sets.same("strengths", &strengths(&found), &centred([&[0.0], &free[..]].concat()), 1e-6);
    }
}

pub(crate) fn annotators(sets: &mut Sets) {
    for set in 0..3 {
        let rows = judgements(set > 0, &mut stream(set, "second way crowd", &[]));
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
        let found = sets.fit(&one_by_one(&rows), &Value::Null);
        let best = generic_maximum(value, [vec![0.0; ITEMS], vec![9f64.ln(); ANNOTATORS]].concat());
        sets.same("strengths", &strengths(&found), &centred(best[..ITEMS].to_vec()), 1e-6);
        let own = found.own();
        let reliability = |k: usize| {
            let all = own["annotators"].as_array().unwrap();
            let of = all.iter().find(|a| a["annotator"] == format!("u{k}")).unwrap();
            of["reliability"].as_f64().unwrap()
        };
        let reliabilities: Vec<f64> = (0..ANNOTATORS).map(reliability).collect();
        let expected: Vec<f64> = best[ITEMS..].iter().map(|x| logistic(*x)).collect();
        sets.same("reliabilities", &reliabilities, &expected, 1e-6);
    }
}
