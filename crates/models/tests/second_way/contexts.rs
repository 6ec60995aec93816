//! Models of contexts: strengths linear in a feature, against the generic optimiser.

use std::path::Path;

use equipoise_core::logistic::{log_sigmoid, logistic};
use equipoise_core::{sample, seed::stream};
use equipoise_data::{Features, Grouped, Grouping, Selection, parse_battles};
use equipoise_models::{Contexts, ModelData};
use ndarray::Array2;
use serde_json::{Value, json};

use crate::sets::*;

/// The feature of each context.
const Z: [f64; 5] = [-1.0, -0.4, 0.1, 0.5, 1.2];

/// Judgements in five contexts; what is good in the first is less so in the last.
fn drawn(set: u64) -> Vec<Row> {
    let mut rng = stream(set, "second way contexts", &[]);
    let mut rows = Vec::new();
    for (context, z) in Z.iter().enumerate() {
        let mut here = judgements(true, &mut rng);
        for (k, row) in here.iter_mut().enumerate() {
            row.context = context;
            row.bad = row.score == 0.5 && k % 2 == 0;
            if sample::uniform(&mut rng) < 0.2 {
                row.score = f64::from(u8::from((row.i < row.j) == (*z < 0.0)));
                row.bad = false;
            }
        }
        rows.extend(here);
    }
    rows
}

fn data(rows: &[Row]) -> ModelData {
    let battles = parse_battles(Path::new("d.csv"), text(rows).as_bytes(), &Selection::default()).unwrap();
    assert_eq!(battles.contexts, ["p0", "p1", "p2", "p3", "p4"]);
    let grouped = Grouped::of_battles(&battles, Grouping::Context);
    let values = Array2::from_shape_vec((Z.len(), 1), Z.to_vec()).unwrap();
    ModelData::Contexts(Contexts { grouped, features: Features { names: vec!["z".to_owned()], values } })
}

/// Parameters: base and slope of every strength, then of the tie parameter. Of a head without an origin those of the first strength are 0.
fn maximised(
    sets: &mut Sets,
    options: &Value,
    free: bool,
    log_prob: impl Fn(f64, f64, f64, &Row) -> f64,
    win_rate: impl Fn(f64, f64, f64) -> f64,
    ties: bool,
) {
    let own = if free { ITEMS } else { ITEMS - 1 };
    for set in 0..3 {
        let rows = drawn(set);
        let found = sets.fit(&data(&rows), options);
        assert!(found.existence.holds() && !found.prior, "{options}");
        let strength = |x: &[f64], i: usize, z: f64| match i + own {
            k if k < ITEMS => 0.0,
            k => x[2 * (k - ITEMS)] + z * x[2 * (k - ITEMS) + 1],
        };
        let tie = |x: &[f64], z: f64| if ties { x[2 * own] + z * x[2 * own + 1] } else { 0.0 };
        let value = |x: &[f64]| -> f64 {
            let of = |row: &Row| {
                let z = Z[row.context];
                log_prob(strength(x, row.i, z), strength(x, row.j, z), tie(x, z), row)
            };
            rows.iter().map(of).sum()
        };
        let best = generic_maximum(value, vec![0.0; 2 * own + 2 * usize::from(ties)]);
        for (context, &z) in Z.iter().enumerate() {
            let (mut one, mut other) = (Vec::new(), Vec::new());
            for (i, j) in pairs(ITEMS).filter(|(i, j)| i < j) {
                one.push(found.answer_in(context, place(&found, i), place(&found, j)).unwrap());
                other.push(win_rate(strength(&best, i, z), strength(&best, j, z), tie(&best, z)));
            }
            sets.same("win rates in a context", &one, &other, 1e-6);
        }
        sets.same("log-likelihood", &[found.log_likelihood.unwrap()], &[value(&best)], 1e-9);
    }
}

pub(crate) fn contextual_bradley_terry(sets: &mut Sets) {
    let log_prob = |a: f64, b: f64, _: f64, row: &Row| halves(row.score, a - b, log_sigmoid);
    maximised(sets, &Value::Null, false, log_prob, |a, b, _| logistic(a - b), false);
}

pub(crate) fn p2l(sets: &mut Sets) {
    contextual_bradley_terry(sets);
    // ties left out
    let log_prob = |a: f64, b: f64, _: f64, row: &Row| match row.score {
        0.5 => 0.0,
        score => halves(score, a - b, log_sigmoid),
    };
    maximised(sets, &json!({ "head": "bt" }), false, log_prob, |a, b, _| logistic(a - b), false);
    // grounded: T = 1.000001 + e^x, as released
    let won = |a: f64, b: f64, x: f64| a.exp() / (a.exp() + (1.000_001 + x.exp()) * b.exp() + 1.0);
    let log_prob = |a: f64, b: f64, x: f64, row: &Row| {
        let bad = 1.0 / (1.0 + a.exp() + b.exp());
        let tie = 1.0 - won(a, b, x) - won(b, a, x) - bad;
        [won(b, a, x), if row.bad { bad } else { tie }, won(a, b, x)][(2.0 * row.score) as usize].ln()
    };
    // a tie and both bad count half to each side
    let win_rate = |a: f64, b: f64, x: f64| 0.5 + 0.5 * (won(a, b, x) - won(b, a, x));
    maximised(sets, &json!({ "head": "grk" }), true, log_prob, win_rate, true);
}
