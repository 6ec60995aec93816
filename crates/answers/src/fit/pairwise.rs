//! A model of comparisons of two, with errors and how well it predicts.

use std::fmt;

use equipoise::core::seed::stream;
use equipoise::models::intervals::{critical_values, rank_intervals};
use equipoise::models::validation::{calibration, calibration_error, held_out_loss};
use equipoise::models::{Convergence, Counts, Iteration, ModelEntry, PairFit, PairOptions, Parameter};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::{FitOptions, falling};
use crate::error::AnswerError;
use crate::table::{table, width};

/// Draws for critical values.
const DRAWS: usize = 4000;
/// Folds of the held-out loss.
const FOLDS: u32 = 5;
/// How many items of a block are named.
const NAMED: usize = 6;

/// A fitted model of comparisons of two.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PairwiseAnswer {
    /// Its name.
    pub model: &'static str,
    /// Its definition, in a line.
    #[serde(skip)]
    pub definition: &'static str,
    /// The items, `[n]`.
    pub labels: Vec<String>,
    /// Log strengths in nats, `[n]`, of mean 0 (of an origin of their own in `grounded-rao-kupper`).
    pub log_strength: Vec<f64>,
    /// Standard errors by the Hessian, `[n]`, right if the model is.
    pub standard_error: Vec<f64>,
    /// Standard errors by the sandwich, `[n]`, right also if it is not.
    pub sandwich_error: Vec<f64>,
    /// Lower ends of simultaneous 95 percent intervals, `[n]`.
    pub low: Vec<f64>,
    /// Upper ends, `[n]`.
    pub high: Vec<f64>,
    /// Ranks, from 1, that every item may have with simultaneous confidence of 95 percent, `[n]`.
    #[serde(skip)]
    pub ranks: Vec<(usize, usize)>,
    /// In nats, at most 0.
    pub log_likelihood: f64,
    /// Twice the log-likelihood that is missing to the saturated model, at least 0.
    pub deviance: f64,
    /// Free frequencies less parameters.
    pub degrees_of_freedom: f64,
    /// Of the deviance, by the chi-squared law.
    pub deviance_p_value: f64,
    /// Whether the likelihood has a finite maximum.
    pub exists: bool,
    /// Where it has none: blocks of items that are not held together by wins both ways, strongest first.
    #[serde(skip)]
    pub blocks: Vec<Vec<String>>,
    /// Whether Newton's method converged; if not, the numbers are of no use.
    pub converged: bool,
    /// Newton steps made.
    pub iterations: u32,
    /// Whether the logistic prior was added: asked for, or needed.
    pub prior: bool,
    /// Weight of all comparisons.
    pub comparisons: f64,
    /// Weight of all ties seen, counted or not.
    pub ties: f64,
    /// Nats a comparison on held-out folds; `None` with features, or where a fold cannot be fitted.
    pub held_out_loss: Option<f64>,
    /// Mean distance of observed from predicted win rates over ten bins.
    pub calibration_error: f64,
    /// The bins: predicted win rate, observed one, comparisons.
    pub calibration: Vec<(f64, f64, f64)>,
    /// Observed less predicted win rate of row over column, `[n x n]`; `None` where a pair never met.
    pub residuals: Vec<Vec<Option<f64>>>,
    /// Comparisons of every pair, `[n x n]`.
    pub met: Vec<Vec<f64>>,
    /// What was odd about the input, a sentence each.
    pub checks: Vec<String>,
    /// The model's own parameters; serialise as two keys each, its letter (`nu`, `theta`, `home`) and that with
    /// `_standard_error`.
    #[serde(flatten, serialize_with = "by_letter")]
    pub parameters: Vec<Parameter>,
    /// With features: what a unit of each is worth.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub coefficients: Vec<Coefficient>,
}

/// What a unit of a feature is worth.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Coefficient {
    /// The feature.
    pub feature: String,
    /// Nats of log strength a unit.
    pub coefficient: f64,
    /// By the Hessian.
    pub standard_error: f64,
}

fn by_letter<S: Serializer>(parameters: &[Parameter], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(2 * parameters.len()))?;
    for parameter in parameters {
        map.serialize_entry(parameter.name, &parameter.value)?;
        map.serialize_entry(&format!("{}_standard_error", parameter.name), &parameter.standard_error)?;
    }
    map.end()
}

pub(super) fn answer(
    counts: &Counts,
    entry: &ModelEntry,
    found: &PairFit,
    options: &FitOptions,
) -> Result<PairwiseAnswer, AnswerError> {
    let data = &counts.comparisons;
    let chosen = |key: &str| options.options.get(key) == Some(&Value::Bool(true));
    let held_out_loss = match counts.features {
        None => {
            let settings = PairOptions { home: chosen("home"), prior: chosen("prior") };
            held_out_loss(data, found.model, settings, FOLDS, options.seed)?
        }
        Some(_) => None,
    };
    let mut rng = stream(options.seed, "critical values", &[]);
    let critical = critical_values(&found.sandwich, 0.95, DRAWS, &mut rng);
    let n = data.n();
    let (mut residuals, mut met) = (vec![vec![None; n]; n], vec![vec![0.0; n]; n]);
    for pair in &data.pairs {
        let off = 0.5 + pair.margin(0.0) - found.prob(pair.i, pair.j);
        (residuals[pair.i][pair.j], residuals[pair.j][pair.i]) = (Some(off), Some(-off));
        (met[pair.i][pair.j], met[pair.j][pair.i]) = (pair.met(), pair.met());
    }
    let (log_strength, sandwich) = (&found.log_strength, found.sandwich_error());
    let band = |sign: f64| (log_strength + &(&sandwich * (sign * critical.strengths))).to_vec();
    let bins = calibration(data, found);
    let coefficients =
        found.features.iter().zip(&found.coefficients).map(|(name, &(coefficient, standard_error))| {
            Coefficient { feature: name.clone(), coefficient, standard_error }
        });
    let block = |b: &Vec<usize>| b.iter().map(|&i| data.labels[i].clone()).collect();
    Ok(PairwiseAnswer {
        model: entry.name,
        definition: entry.definition,
        labels: data.labels.clone(),
        log_strength: log_strength.to_vec(),
        standard_error: found.standard_error().to_vec(),
        low: band(-1.0),
        high: band(1.0),
        ranks: rank_intervals(&log_strength.to_vec(), &found.sandwich, critical.differences),
        sandwich_error: sandwich.to_vec(),
        log_likelihood: found.log_likelihood,
        deviance: found.deviance,
        degrees_of_freedom: found.degrees_of_freedom,
        deviance_p_value: found.deviance_p_value(),
        exists: found.exists,
        blocks: found.blocks.iter().map(block).collect(),
        converged: found.converged,
        iterations: found.iterations,
        prior: found.prior,
        comparisons: data.total,
        ties: data.total_ties,
        held_out_loss,
        calibration_error: calibration_error(&bins),
        calibration: bins.iter().map(|b| (b.predicted, b.observed, b.comparisons)).collect(),
        residuals,
        met,
        checks: data.checks.remarks(),
        coefficients: coefficients.collect(),
        parameters: found.parameters.clone(),
    })
}

impl fmt::Display for PairwiseAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = falling(&self.log_strength).into_iter().enumerate().map(|(k, i)| {
            vec![
                (k + 1).to_string(),
                self.labels[i].clone(),
                format!("{:+.4}", self.log_strength[i]),
                format!("{:.4}", self.standard_error[i]),
                format!("{:.4}", self.sandwich_error[i]),
                format!("{:+.3} .. {:+.3}", self.low[i], self.high[i]),
                format!("{}-{}", self.ranks[i].0, self.ranks[i].1),
            ]
        });
        let header = [
            "",
            "item",
            "log strength",
            "error (Hessian)",
            "error (sandwich)",
            "simultaneous 95%",
            "rank, simultaneous 95%",
        ];
        f.write_str(&table(width(f), &header, rows))?;
        write!(f, "\n{}: {}", self.model, self.definition)?;
        for p in &self.parameters {
            let error = p
                .standard_error
                .map_or("at the end of its range or derived".to_owned(), |e| format!("+- {e:.4}"));
            write!(f, "\n{} = {:.6} {error}", p.name, p.value)?;
        }
        for Coefficient { feature, coefficient, standard_error } in &self.coefficients {
            write!(f, "\n{feature}: {coefficient:+.6} +- {standard_error:.6}")?;
        }
        write!(
            f,
            "\nlog-likelihood {:.4}, deviance {:.3} on {} degrees of freedom (chi-squared p = {:.3e})",
            self.log_likelihood, self.deviance, self.degrees_of_freedom, self.deviance_p_value
        )?;
        write!(f, "\ncalibration error {:.4} (ten bins of predicted win rates)", self.calibration_error)?;
        if let Some(loss) = self.held_out_loss {
            write!(f, "\nheld-out loss {loss:.4} nats a comparison ({FOLDS} folds)")?;
        }
        f.write_str(&self.existence())?;
        let (converged, iterations) = (self.converged, self.iterations);
        write!(f, "\n{}", Convergence { by: Iteration::Newton, converged, iterations })
    }
}

impl PairwiseAnswer {
    fn existence(&self) -> String {
        if self.exists {
            return String::new();
        }
        let block = |b: &[String]| {
            let more = if b.len() > NAMED { ", ..." } else { "" };
            format!("{}{more}", b[..b.len().min(NAMED)].join(", "))
        };
        let mut text = match self.blocks.len() {
            1 => "\nno finite maximum of the likelihood: no pair was won both ways (or none was ever both bad), so that \
                  strengths and the tie parameter can grow together"
                .to_owned(),
            _ => "\nno finite maximum of the likelihood (Ford's condition)".to_owned(),
        };
        if let [first, .., last] = &self.blocks[..] {
            let (first, last) = (block(first), block(last));
            text += &format!(": [{first}] and [{last}] are not held together by wins both ways");
        }
        if self.prior {
            text += "; shown is the posterior mode under the logistic prior";
        }
        text
    }
}
