//! Regression on magnitudes: differences of strengths by least squares.
//!
//! ```text
//! minimise  sum w (r_winner - r_loser - m)^2,   a tie has m = 0        Pr(i) = sigma(r_i - r_j)
//! ```
//!
//! The regression reward model of HelpSteer2-Preference (arXiv:2410.01257) with one strength an item; the gradient flow of Jiang, Lim, Yao, Ye
//! 2011. A magnitude is then a number of nats: strengths are in the unit of the magnitudes, and the probability is calibrated only
//! if that is the log odds. A minimum always exists; every island has mean 0. Regression followed by scaled Bradley-Terry, which the paper
//! finds best, ends at scaled Bradley-Terry here: that objective is convex, so that its start does not matter. Cost: O(rows + n^3).

use equipoise_core::logistic::logistic;
use equipoise_data::{Battles, Outcome};
use ndarray::{Array1, Array2};
use serde_json::{Map, Value, json};

use crate::error::{FitError, MAX_ITEMS};
use crate::fitted::{Convergence, Fitted, Iteration, ModelResult};
use crate::magnitude::are_recorded;
use crate::newton::{Told, newton};
use crate::registry::{ModelEntry, NoOptions, PreferenceModel, Watch};

pub(super) const ENTRY: ModelEntry = ModelEntry::of::<MagnitudeRegression>(
    "magnitude-regression",
    "minimise sum w (r_winner - r_loser - m)^2; Pr(i) = sigma(r_i - r_j)",
    "arXiv:2410.01257; Jiang, Lim, Yao, Ye 2011",
)
.ties("a difference of 0")
.fitted("least squares; residual errors");

/// Share of the squared magnitudes below which squared residuals are rounding: 1e-12 of a magnitude.
const ROUNDING: f64 = 1e-24;

struct MagnitudeRegression;

impl PreferenceModel for MagnitudeRegression {
    type Options = NoOptions;
    type Data = Battles;

    fn fit(data: &Battles, _: NoOptions, watch: Watch<'_>) -> Result<Fitted, FitError> {
        if !are_recorded(data) {
            return Err(FitError::NoMagnitudes { model: ENTRY.name });
        }
        let n = data.labels.len();
        if n > MAX_ITEMS {
            return Err(FitError::TooMany { items: n });
        }
        // in units of the largest, so that their size does not matter to the solver
        let unit = data.rows.iter().map(|b| b.magnitude).fold(0.0, f64::max);
        let unit = if unit > 0.0 { unit } else { 1.0 };
        let rows: Vec<(usize, usize, f64, f64)> = data
            .rows
            .iter()
            .filter(|b| b.weight > 0.0 && b.first != b.second)
            .filter(|b| data.ties.count(b.outcome))
            .map(|b| {
                let m = match b.outcome {
                    Outcome::First => b.magnitude,
                    Outcome::Second => -b.magnitude,
                    Outcome::Tie | Outcome::BothBad => 0.0,
                };
                (b.first as usize, b.second as usize, b.weight, m / unit)
            })
            .collect();
        if rows.is_empty() {
            return Err(FitError::Nothing);
        }
        let objective = |r: &Array1<f64>| {
            let (mut value, mut g, mut h) = (0.0, Array1::zeros(n), Array2::zeros((n, n)));
            for &(i, j, w, m) in &rows {
                let off = r[i] - r[j] - m;
                value -= 0.5 * w * off * off;
                g[i] -= w * off;
                g[j] += w * off;
                h[[i, i]] += w;
                h[[j, j]] += w;
                h[[i, j]] -= w;
                h[[j, i]] -= w;
            }
            (value, g, h)
        };
        let islands = data.counts().components();
        let flat: Vec<Array1<f64>> = islands
            .iter()
            .map(|island| Array1::from_shape_fn(n, |i| f64::from(u8::from(island.contains(&i)))))
            .collect();
        let found = newton(Array1::zeros(n), &flat, |r| objective(r).0, Told::to(watch).of(&objective))?;
        let mut strengths = found.point;
        for island in &islands {
            let mean = island.iter().map(|&i| strengths[i]).sum::<f64>() / island.len() as f64;
            island.iter().for_each(|&i| strengths[i] -= mean);
        }
        // residuals that are rounding of the magnitudes are none
        let size = rows.iter().map(|r| r.2 * r.3 * r.3).sum::<f64>();
        let squares = -2.0 * objective(&strengths).0;
        let exact = squares <= ROUNDING * size;
        let squares = if exact { 0.0 } else { squares * unit * unit };
        strengths *= unit;
        let total: f64 = rows.iter().map(|r| r.2).sum();
        let (free, counted) = (n - islands.len(), rows.iter().all(|r| r.2.fract() == 0.0));
        let degrees = total - free as f64;
        // without residuals, or of weights in fractions, nothing is known of the noise
        let errors = (counted && degrees > 0.0 && !exact)
            .then(|| found.inverse.diag().mapv(|v| (v.max(0.0) * squares / degrees).sqrt()));
        Ok(Fitted {
            log_strength: Some(strengths.clone()),
            standard_error: errors,
            free_parameters: Some(free),
            convergence: Convergence {
                by: Iteration::FixedPoint("Newton"),
                converged: found.converged,
                iterations: found.iterations,
            },
            ..Fitted::new(data.labels.clone(), Regressed { strengths, squares, total })
        })
    }
}

#[derive(Debug)]
struct Regressed {
    strengths: Array1<f64>,
    squares: f64,
    total: f64,
}

impl ModelResult for Regressed {
    fn prob(&self, i: usize, j: usize) -> f64 {
        logistic(self.strengths[i] - self.strengths[j])
    }

    fn own(&self) -> Map<String, Value> {
        Map::from_iter([("mean_squared_error".to_owned(), json!(self.squares / self.total))])
    }

    fn notes(&self) -> Vec<String> {
        let root = (self.squares / self.total).sqrt();
        let mut notes =
            vec![format!("root of the mean squared residual {root:.4}, in the unit of the magnitudes")];
        if self.squares == 0.0 {
            notes
                .push("no errors: all residuals are 0, so that the data say nothing of the noise".to_owned());
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use equipoise_data::{Selection, parse_battles};

    fn fitted(text: &str) -> Fitted {
        let data = parse_battles("d.csv".as_ref(), text.as_bytes(), &Selection::default()).unwrap();
        ENTRY.fit(&data.into(), &Value::Null).unwrap()
    }

    #[test]
    fn without_residuals_there_are_no_errors() {
        let exact = fitted("item_a,item_b,outcome,magnitude\nx,y,a,0.1\nx,y,a,0.1\nx,y,a,0.1\ny,z,a,0.7\n");
        assert!(exact.standard_error.is_none());
        assert!(exact.notes().iter().any(|note| note.starts_with("no errors")), "{:?}", exact.notes());
        assert!(exact.own()["mean_squared_error"].as_f64().unwrap().is_sign_positive());
    }

    #[test]
    fn closed_forms_of_a_pair_a_chain_and_a_triangle() {
        let head = "item_a,item_b,outcome,magnitude\n";
        // the mean of 3, 1, -2
        let two = fitted(&format!("{head}x,y,a,3\nx,y,a,1\nx,y,b,2\n"));
        let r = two.log_strength.as_ref().unwrap();
        assert!((r[0] - r[1] - 2.0 / 3.0).abs() < 1e-14);
        // the error of a mean, of strengths half as far: s / sqrt 3 / 2
        let spread = ([3.0, 1.0, -2.0].iter().map(|x| (x - 2.0 / 3.0f64).powi(2)).sum::<f64>() / 2.0).sqrt();
        assert!((two.standard_error.as_ref().unwrap()[0] - spread / 3f64.sqrt() / 2.0).abs() < 1e-13);
        let chain = fitted(&format!("{head}x,y,a,2\ny,z,a,1\n"));
        let r = chain.log_strength.as_ref().unwrap();
        assert!((r[0] - r[2] - 3.0).abs() < 1e-13 && chain.standard_error.is_none());
        // around a triangle the excess is shared out: 1 + 1 + 1 over three sides
        let cycle = fitted(&format!("{head}x,y,a,1\ny,z,a,1\nz,x,a,1\n"));
        assert!(cycle.log_strength.as_ref().unwrap().iter().all(|r| r.abs() < 1e-14));
        assert!((cycle.own()["mean_squared_error"].as_f64().unwrap() - 1.0).abs() < 1e-13);
        // two islands: each around its own mean, and nothing is said across
        let apart = fitted(&format!("{head}x,y,a,2\nu,v,tie,1\n"));
        assert_eq!(apart.log_strength.as_ref().unwrap().len(), 4);
        assert!(apart.probability()[[0, 2]].is_none() && apart.probability()[[2, 3]] == Some(0.5));
    }
}
