//! Bradley-Terry on judgements that say how much better the winner was.
//!
//! ```text
//! scaled   maximise  sum w m log sigma(r_winner - r_loser)         m: magnitude of the judgement, at least 0
//! margin   maximise  sum w   log sigma(r_winner - r_loser - m)
//! ```
//!
//! The two losses of reward models in HelpSteer2-Preference (arXiv:2410.01257), with one strength an item. Scaled: the
//! Bradley-Terry fit of `W_ij = sum m 1(i beats j)`, so another game than that of the plain counts, and not a likelihood;
//! margin: strengths further apart by construction, no longer calibrated. A tie counts half to each side, scaled by its
//! magnitude or without a margin. Errors are the sandwich's, as the objective is no likelihood of the data; weights in
//! fractions are not counts, and have none. A maximum
//! exists iff "won against or tied with" (at a weight above 0) is strongly connected; else the logistic prior is added,
//! and said. Cost: O(distinct judgements + n^3) a Newton step.

use std::collections::BTreeMap;

use equipoise_core::graph::strong_components;
use equipoise_core::logistic::{PairLikelihood, log_sigmoid, logistic};
use equipoise_data::{Battle, Battles, Outcome, Ties};
use ndarray::{Array1, Array2};
use serde_json::{Map, Value, json};

use crate::error::{FitError, MAX_ITEMS};
use crate::fitted::{Convergence, Existence, Fitted, Iteration, ModelResult};
use crate::newton::{Told, add_logistic_prior, centred, newton};
use crate::rankings::fractions;
use crate::registry::Watch;

/// What a magnitude does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Magnitude {
    /// It weighs the judgement.
    Scaled,
    /// It is the distance, in nats, that the winner must be ahead.
    Margin,
}

/// Strengths from judgements with magnitudes.
#[derive(Clone, Debug)]
pub struct MagnitudeFit {
    /// Log strengths, mean 0, `[n]`.
    pub log_strength: Array1<f64>,
    /// Their covariance by the sandwich, `[n x n]`.
    pub sandwich: Array2<f64>,
    /// The objective at the fit, without the prior.
    pub objective: f64,
    /// Why nothing is known of the noise of the data, so that there are no errors, if nothing is.
    pub no_noise: Option<&'static str>,
    /// Whether a finite maximum exists.
    pub existence: Existence,
    /// Whether the logistic prior was used.
    pub prior: bool,
    /// Whether Newton's method met its tolerance.
    pub converged: bool,
    /// Newton steps done.
    pub iterations: u32,
}

/// Equal judgements: winner, loser, weight in the objective, margin, whether they are halves of ties; and how many.
struct Cell {
    winner: usize,
    loser: usize,
    scale: f64,
    margin: f64,
    tied: bool,
    count: f64,
}

/// Fits strengths; `prior` adds the logistic prior also where a maximum exists without it.
///
/// # Errors
/// [`FitError::TooMany`], [`FitError::Nothing`].
pub fn fit_magnitudes(data: &Battles, rule: Magnitude, prior: bool) -> Result<MagnitudeFit, FitError> {
    maximise(data, rule, prior, &|_| ())
}

fn maximise(
    data: &Battles,
    rule: Magnitude,
    prior: bool,
    watch: Watch<'_>,
) -> Result<MagnitudeFit, FitError> {
    let n = data.labels.len();
    if n > MAX_ITEMS {
        return Err(FitError::TooMany { items: n });
    }
    let cells = cells(data, rule);
    if cells.is_empty() {
        return Err(FitError::Nothing);
    }
    let mut lost_to = vec![Vec::new(); n];
    cells.iter().for_each(|c| lost_to[c.loser].push(c.winner));
    let blocks = strong_components(&lost_to);
    let existence = if blocks.len() == 1 { Existence::Finite } else { Existence::Separated { blocks } };
    let prior = prior || !existence.holds();
    let derivatives = |r: &Array1<f64>| {
        let (mut value, mut g, mut h) = (0.0, Array1::zeros(n), Array2::zeros((n, n)));
        for c in &cells {
            let d = r[c.winner] - r[c.loser] - c.margin;
            let pair = PairLikelihood::at(d, c.count * c.scale, 0.0);
            value += pair.value();
            g[c.winner] += pair.slope();
            g[c.loser] -= pair.slope();
            add_pair(&mut h, c, pair.curvature());
        }
        if prior {
            value += add_logistic_prior(r, &mut g, &mut h);
        }
        (value, g, h)
    };
    let flat = if prior { Vec::new() } else { vec![Array1::ones(n)] };
    let optimum = newton(Array1::zeros(n), &flat, |r| derivatives(r).0, Told::to(watch).of(&derivatives))?;
    let r = optimum.point;
    let (mut meat, mut objective) = (Array2::zeros((n, n)), 0.0);
    for c in &cells {
        let d = r[c.winner] - r[c.loser] - c.margin;
        objective += c.count * c.scale * log_sigmoid(d);
        // a tie is one row, of which the cell here is one half: its score is 1/2 - p
        let score = if c.tied { 0.5 - logistic(d) } else { logistic(-d) };
        add_pair(&mut meat, c, c.count * (c.scale * score).powi(2));
    }
    let mean = r.mean().expect("there are items");
    Ok(MagnitudeFit {
        log_strength: &r - mean,
        sandwich: centred(&optimum.inverse.dot(&meat).dot(&optimum.inverse)),
        objective,
        no_noise: fractions(data.rows.iter().map(|b| b.weight)),
        existence,
        prior,
        converged: optimum.converged,
        iterations: optimum.iterations,
    })
}

/// Whether rows have magnitudes: a column of them, or two scores, which are as far apart.
pub(crate) fn are_recorded(data: &Battles) -> bool {
    ["magnitude", "score_a", "score_b"].iter().any(|role| data.checks.columns.contains(role))
}

/// What a registry row gives of the fit.
///
/// # Errors
/// [`FitError::NoMagnitudes`], else as [`fit_magnitudes`].
pub(crate) fn fitted(
    data: &Battles,
    rule: Magnitude,
    model: &'static str,
    prior: bool,
    watch: Watch<'_>,
) -> Result<Fitted, FitError> {
    if !are_recorded(data) {
        return Err(FitError::NoMagnitudes { model });
    }
    let found = maximise(data, rule, prior, watch)?;
    let (converged, iterations) = (found.converged, found.iterations);
    Ok(Fitted {
        log_strength: Some(found.log_strength.clone()),
        standard_error: found.no_noise.is_none().then(|| found.sandwich.diag().mapv(f64::sqrt)),
        free_parameters: Some(data.labels.len().saturating_sub(1)),
        existence: found.existence.clone(),
        prior: found.prior,
        convergence: Convergence { by: Iteration::Newton, converged, iterations },
        ..Fitted::new(data.labels.clone(), found)
    })
}

impl ModelResult for MagnitudeFit {
    /// Scaled: the fit's. Margin: without a margin, so that it is no calibrated probability.
    fn prob(&self, i: usize, j: usize) -> f64 {
        logistic(self.log_strength[i] - self.log_strength[j])
    }

    fn own(&self) -> Map<String, Value> {
        let objective = ("objective".to_owned(), json!(self.objective));
        let no_errors = self.no_noise.map(|reason| ("no_errors".to_owned(), json!(reason)));
        std::iter::once(objective).chain(no_errors).collect()
    }

    fn notes(&self) -> Vec<String> {
        let errors = match self.no_noise {
            Some(reason) => format!("no errors: {reason}"),
            None => "errors by the sandwich".to_owned(),
        };
        vec![format!("objective {:.4} (no likelihood); {errors}", self.objective)]
    }
}

fn add_pair(matrix: &mut Array2<f64>, c: &Cell, x: f64) {
    let (i, j) = (c.winner, c.loser);
    matrix[[i, i]] += x;
    matrix[[j, j]] += x;
    matrix[[i, j]] -= x;
    matrix[[j, i]] -= x;
}

fn cells(data: &Battles, rule: Magnitude) -> Vec<Cell> {
    // magnitudes are finite and not negative, so that their bits order them
    let mut counts: BTreeMap<(u32, u32, u64, bool), f64> = BTreeMap::new();
    let mut add = |winner: u32, loser: u32, b: &Battle, tied: bool, count: f64| {
        *counts.entry((winner, loser, b.magnitude.to_bits(), tied)).or_default() += count;
    };
    for b in &data.rows {
        match b.outcome {
            Outcome::First => add(b.first, b.second, b, false, b.weight),
            Outcome::Second => add(b.second, b.first, b, false, b.weight),
            _ if data.ties == Ties::Drop => {}
            _ => {
                add(b.first, b.second, b, true, 0.5 * b.weight);
                add(b.second, b.first, b, true, 0.5 * b.weight);
            }
        }
    }
    let cell = |((winner, loser, bits, tied), count): ((u32, u32, u64, bool), f64)| {
        let magnitude = f64::from_bits(bits);
        let (scale, margin) = match rule {
            Magnitude::Scaled => (magnitude, 0.0),
            Magnitude::Margin => (1.0, if tied { 0.0 } else { magnitude }),
        };
        Cell { winner: winner as usize, loser: loser as usize, scale, margin, tied, count }
    };
    counts.into_iter().map(cell).filter(|c| c.scale * c.count > 0.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BRADLEY_TERRY, PairOptions, fit};
    use equipoise_core::{sample, seed::stream};
    use equipoise_data::{Selection, parse_battles, parse_comparisons};
    use std::path::Path;

    fn battles(text: &str) -> Battles {
        parse_battles(Path::new("d.csv"), text.as_bytes(), &Selection::default()).unwrap()
    }

    #[test]
    fn scaled_by_whole_numbers_is_every_judgement_repeated() {
        let mut rng = stream(21, "magnitudes", &[]);
        let (mut text, mut repeated) = (
            String::from("item_a,item_b,outcome,magnitude\n"),
            String::from("item_a,item_b,outcome,weight\n"),
        );
        for i in 0..5 {
            for j in (0..5).filter(|&j| j != i) {
                for outcome in ["a", "b", "tie"] {
                    let m = 1 + sample::index(&mut rng, 3);
                    text += &format!("{i},{j},{outcome},{m}\n");
                    repeated += &format!("{i},{j},{outcome},{m}\n");
                }
            }
        }
        let judged = fit_magnitudes(&battles(&text), Magnitude::Scaled, false).unwrap();
        let counts =
            parse_comparisons(Path::new("d.csv"), repeated.as_bytes(), &Selection::default()).unwrap();
        let plain = fit(&counts, &BRADLEY_TERRY, PairOptions::default()).unwrap();
        assert!(judged.existence.holds() && judged.converged && !judged.prior);
        assert!((&judged.log_strength - &plain.log_strength).iter().all(|d| d.abs() < 1e-11));
        assert!((judged.objective - plain.log_likelihood).abs() < 1e-10);
        // magnitudes of 1 and no margin are the plain model, sandwich and all
        let ones = battles(&repeated);
        for rule in [Magnitude::Scaled, Magnitude::Margin] {
            let mut same = ones.clone();
            if rule == Magnitude::Margin {
                same.rows.iter_mut().for_each(|b| b.magnitude = 0.0);
            }
            let judged = fit_magnitudes(&same, rule, false).unwrap();
            assert!((&judged.log_strength - &plain.log_strength).iter().all(|d| d.abs() < 1e-11));
            assert!((&judged.sandwich - &plain.sandwich).iter().all(|d| d.abs() < 1e-11));
        }
    }

    #[test]
    fn two_items_with_a_margin_have_a_closed_form() {
        // a = e^m: e^D = [a (2P - 1) + sqrt(a^2 (2P - 1)^2 + 4 P (1 - P))] / (2 (1 - P))
        for (p, m) in [(0.6f64, 0.5f64), (0.8, 1.6), (0.7, 0.0)] {
            let wins = 100.0 * p;
            let text = format!(
                "item_a,item_b,outcome,weight,magnitude\nx,y,a,{wins},{m}\nx,y,b,{},{m}\n",
                100.0 - wins
            );
            let judged = fit_magnitudes(&battles(&text), Magnitude::Margin, false).unwrap();
            let (a, c) = (m.exp(), 2.0 * p - 1.0);
            let closed = ((a * c + (a * a * c * c + 4.0 * p * (1.0 - p)).sqrt()) / (2.0 * (1.0 - p))).ln();
            let found = judged.log_strength[0] - judged.log_strength[1];
            assert!((found - closed).abs() < 1e-11, "{found} {closed}");
        }
        let judged = battles("item_a,item_b,outcome,magnitude\nx,y,a,2\nx,y,a,1\n");
        let judged = fit_magnitudes(&judged, Magnitude::Margin, false).unwrap();
        assert!(!judged.existence.holds() && judged.prior && judged.log_strength[0].is_finite());
        let none = battles("item_a,item_b,outcome,magnitude\nx,y,tie,0\n");
        assert_eq!(fit_magnitudes(&none, Magnitude::Scaled, false).unwrap_err(), FitError::Nothing);
    }
}
