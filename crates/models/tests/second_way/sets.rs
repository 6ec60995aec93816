//! Data sets, the count of those that were compared, and an optimiser that sees values of an objective alone.

use std::collections::BTreeSet;
use std::path::Path;

use equipoise_core::logistic::logistic;
use equipoise_core::{Rng, sample};
use equipoise_data::{Selection, parse_battles, parse_comparisons};
use equipoise_models::{Fitted, ModelData, model};
use serde_json::Value;

/// The data sets on which one model agreed with its second way.
pub(crate) struct Sets {
    model: &'static str,
    fitted: BTreeSet<String>,
    agreed: BTreeSet<String>,
    last: Option<String>,
}

impl Sets {
    pub(crate) fn of(model: &'static str) -> Self {
        Self { model, fitted: BTreeSet::new(), agreed: BTreeSet::new(), last: None }
    }

    /// Fits the model to a data set, which is to be compared next.
    pub(crate) fn fit(&mut self, data: &ModelData, options: &Value) -> Fitted {
        let found = model(self.model).unwrap().fit(data, options).unwrap();
        assert!(found.convergence.converged, "{} {options}", self.model);
        let data = format!("{data:?}");
        self.fitted.insert(data.clone());
        self.last = Some(data);
        found
    }

    /// Numbers of the last fit, and those of its second way.
    pub(crate) fn same(&mut self, what: &str, found: &[f64], second: &[f64], tolerance: f64) {
        assert!(!found.is_empty() && found.len() == second.len(), "{} {what}", self.model);
        for (a, b) in found.iter().zip(second) {
            // written so that no number that is not one agrees
            let near = (a - b).abs() <= tolerance * b.abs().max(1.0);
            assert!(near, "{} {what}: {found:?} {second:?}", self.model);
        }
        self.agreed.insert(self.last.clone().expect("compared before it was fitted"));
    }

    /// How many different data sets were compared; a fit that was compared with nothing is refused.
    pub(crate) fn compared(self) -> usize {
        assert_eq!(self.fitted.len(), self.agreed.len(), "{}: a fit was compared with nothing", self.model);
        self.agreed.len()
    }
}

pub(crate) const ITEMS: usize = 4;
pub(crate) const ANNOTATORS: usize = 3;

/// A judgement: two items, the score of the first (1, 0 or 1/2), whether both are bad, its magnitude, who made it, in which context, when.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub(crate) i: usize,
    pub(crate) j: usize,
    pub(crate) score: f64,
    pub(crate) bad: bool,
    pub(crate) magnitude: f64,
    pub(crate) annotator: usize,
    pub(crate) context: usize,
    pub(crate) day: usize,
}

/// Every pair is met by every annotator, and won by either side.
pub(crate) fn judgements(ties: bool, rng: &mut Rng) -> Vec<Row> {
    let r = [0.9, 0.2, -0.3, -0.8];
    let mut rows = Vec::new();
    for (i, j) in (0..ITEMS).flat_map(|i| (0..ITEMS).filter(move |&j| j != i).map(move |j| (i, j))) {
        for k in 0..4 * ANNOTATORS {
            let annotator = k % ANNOTATORS;
            let turned = annotator == 2 && sample::uniform(rng) < 0.3;
            let won = (sample::uniform(rng) < logistic(r[i] - r[j])) != turned;
            let tied = ties && sample::uniform(rng) < 0.2;
            let score = if tied { 0.5 } else { f64::from(u8::from(won)) };
            let magnitude = 1.0 + sample::index(rng, 3) as f64;
            rows.push(Row { i, j, score, bad: false, magnitude, annotator, context: 0, day: rows.len() });
        }
        // either side once
        let (score, magnitude, annotator) = (1.0, 1.0, 0);
        rows.push(Row { i, j, score, bad: false, magnitude, annotator, context: 0, day: rows.len() });
    }
    rows
}

pub(crate) fn text(rows: &[Row]) -> String {
    let mut text = String::from("item_a,item_b,outcome,magnitude,annotator,context,timestamp\n");
    for Row { i, j, score, bad, magnitude, annotator, context, day } in rows {
        let outcome = match *score {
            0.5 if *bad => "both_bad",
            0.5 => "tie",
            1.0 => "a",
            _ => "b",
        };
        text += &format!("i{i},i{j},{outcome},{magnitude},u{annotator},p{context},{}\n", day * 86_400);
    }
    text
}

pub(crate) fn counted(rows: &[Row]) -> ModelData {
    parse_comparisons(Path::new("d.csv"), text(rows).as_bytes(), &Selection::default()).unwrap().into()
}

pub(crate) fn one_by_one(rows: &[Row]) -> ModelData {
    parse_battles(Path::new("d.csv"), text(rows).as_bytes(), &Selection::default()).unwrap().into()
}

/// Wins of one item over the other, `[i][j]`, a tie half of one.
pub(crate) fn wins(rows: &[Row]) -> [[f64; ITEMS]; ITEMS] {
    let mut wins = [[0.0; ITEMS]; ITEMS];
    for row in rows {
        wins[row.i][row.j] += row.score;
        wins[row.j][row.i] += 1.0 - row.score;
    }
    wins
}

/// Newton steps along one coordinate after the other, by differences of values, until none moves.
pub(crate) fn generic_maximum(value: impl Fn(&[f64]) -> f64, mut x: Vec<f64>) -> Vec<f64> {
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

/// Place of i0, i1, .. in a fit.
pub(crate) fn place(found: &Fitted, i: usize) -> usize {
    found.labels.iter().position(|l| *l == format!("i{i}")).unwrap()
}

/// Strengths of i0, i1, .. around their mean.
pub(crate) fn strengths(found: &Fitted) -> Vec<f64> {
    let r = found.log_strength.as_ref().unwrap();
    centred((0..ITEMS).map(|i| r[place(found, i)]).collect())
}

/// Numbers of an item that only this model has, of i0, i1, ..
pub(crate) fn own(found: &Fitted, key: &str) -> Vec<f64> {
    let own = found.own();
    let values = own.get(key).unwrap_or_else(|| panic!("{key} is not among {:?}", own.keys())).clone();
    (0..ITEMS).map(|i| values[place(found, i)].as_f64().unwrap()).collect()
}

/// Probabilities of i0 against i1, i0 against i2, .. of all ordered pairs.
pub(crate) fn probabilities(found: &Fitted) -> Vec<f64> {
    pairs(ITEMS).map(|(i, j)| found.prob(place(found, i), place(found, j))).collect()
}

/// Ordered pairs of different items.
pub(crate) fn pairs(n: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..n).flat_map(move |i| (0..n).filter(move |&j| j != i).map(move |j| (i, j)))
}

pub(crate) fn centred(r: Vec<f64>) -> Vec<f64> {
    let mean = r.iter().sum::<f64>() / r.len() as f64;
    r.into_iter().map(|x| x - mean).collect()
}

/// A score of a win or a loss, a tie by halves.
pub(crate) fn halves(score: f64, d: f64, log: impl Fn(f64) -> f64) -> f64 {
    score * log(d) + (1.0 - score) * log(-d)
}
