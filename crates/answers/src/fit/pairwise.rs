//! A model of comparisons of two, with errors and how well it predicts.

use std::fmt;
use std::path::Path;

use equipoise::core::seed::stream;
use equipoise::data::Values;
use equipoise::models::canonical::Canonical;
use equipoise::models::graph::open_reasons;
use equipoise::models::intervals::Intervals;
use equipoise::models::validation::{calibration, calibration_error, held_out_loss};
use equipoise::models::{
    Convergence, Counts, Fitted, Iteration, ModelEntry, PairFit, PairOptions, Parameter, Reweight,
};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::{FitOptions, falling};
use crate::error::AnswerError;
use crate::export::{Columns, as_file, counts, latex};
use crate::standings::{StandingsAnswer, StandingsOptions, standings_of};
use crate::table::{some, table, width};

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
    /// Lower ends of simultaneous 95 percent intervals, `[n]`; `None` where nothing bounds the strength from below.
    pub low: Vec<Option<f64>>,
    /// Upper ends, `[n]`, likewise.
    pub high: Vec<Option<f64>>,
    /// Why an end is open, `[n]`.
    pub open: Vec<Option<&'static str>>,
    /// Best and worst rank, from 1, that every item may have with simultaneous confidence of 95 percent, `[n]`.
    pub ranks: Vec<Option<(usize, usize)>>,
    /// What one observation is: `comparisons`, `rankings`, `contexts` or `annotators`.
    pub observed: &'static str,
    /// Why there are no intervals and ranks, if there are none.
    pub no_intervals: Option<&'static str>,
    /// Number of islands: groups of items that never met each other, so that no rating compares them.
    pub islands: usize,
    /// In nats, at most 0.
    pub log_likelihood: f64,
    /// Twice the log-likelihood that is missing to the saturated model, at least 0.
    pub deviance: f64,
    /// Free frequencies less parameters.
    pub degrees_of_freedom: f64,
    /// Of the deviance, by the chi-squared law; `None` where the law does not hold.
    pub deviance_p_value: Option<f64>,
    /// Why it does not.
    pub no_chi_squared: Option<&'static str>,
    /// Whether the likelihood has a finite maximum.
    pub exists: bool,
    /// Where it has none: whether the features tell winners from losers.
    #[serde(skip)]
    pub separable: bool,
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
    /// Why there is none.
    pub no_held_out_loss: Option<String>,
    /// Mean distance of observed from predicted win rates over ten bins; `None` with covariates.
    pub calibration_error: Option<f64>,
    /// Why there is neither calibration nor a residual, if there is none.
    pub no_calibration: Option<&'static str>,
    /// The bins: predicted win rate, observed one, comparisons.
    pub calibration: Vec<(f64, f64, f64)>,
    /// Observed less predicted win rate of row over column, `[n x n]`; `None` where a pair never met.
    pub residuals: Vec<Vec<Option<f64>>>,
    /// Comparisons of every pair, `[n x n]`.
    pub met: Vec<Vec<f64>>,
    /// What was odd about the input, a sentence each.
    pub checks: Vec<String>,
    /// `Pr(row beats column)` by the model, `[n x n]`, ties as half wins; `None` where it says nothing.
    pub probability: Option<Vec<Vec<Option<f64>>>>,
    /// Why some of it is missing, if some is.
    pub no_probability: Option<String>,
    /// The model's own parameters; serialise as two keys each, its letter (`nu`, `theta`, `home`) and that with
    /// `_standard_error`.
    #[serde(flatten, serialize_with = "by_letter")]
    pub parameters: Vec<Parameter>,
    /// What counts alike in the estimate.
    pub reweight: Reweight,
    /// The items in points, if that was asked for, with what covariates are worth.
    pub standings: Option<StandingsAnswer>,
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

/// Why a strength that is linear in features is open, given which ends nothing bounds.
fn feature_reason(open: (bool, bool)) -> Option<&'static str> {
    match open {
        (false, false) => None,
        (true, false) => Some("has features that only losers have: nothing bounds the strength from below"),
        (false, true) => Some("has features that only winners have: nothing bounds the strength from above"),
        (true, true) => Some("has features that no comparison tells apart: nothing bounds the strength"),
    }
}

pub(super) fn answer(
    counts: &Counts,
    entry: &ModelEntry,
    fit: (&Fitted, &PairFit),
    options: &FitOptions,
) -> Result<PairwiseAnswer, AnswerError> {
    with_covariates(counts, entry, fit, (options, None))
}

/// [`answer`] of a fit that is adjusted for covariates, of which there are coefficients.
pub(super) fn with_covariates(
    counts: &Counts,
    entry: &ModelEntry,
    (fitted, found): (&Fitted, &PairFit),
    (options, covariates): (&FitOptions, Option<Vec<equipoise::models::Coefficient>>),
) -> Result<PairwiseAnswer, AnswerError> {
    let adjusted = covariates.is_some();
    let points = options.points.clone().or(adjusted.then(StandingsOptions::default));
    let points = points.map(|points| StandingsOptions { reweight: options.reweight(), ..points });
    let standings = points
        .map(|points| standings_of(&counts.observations, found, covariates.unwrap_or_default(), &points));
    let standings = standings.transpose()?;
    let data = &counts.observations.comparisons;
    let chosen = |key: &str| options.options.get(key) == Some(&Value::Bool(true));
    // what cannot be held out leaves the fit as it is
    let (held_out_loss, no_held_out_loss) = match counts.features {
        None if adjusted => (None, Some("comparisons differ in covariates".to_owned())),
        None => {
            let settings =
                PairOptions { home: chosen("home"), prior: chosen("prior"), reweight: options.reweight() };
            match held_out_loss(&counts.observations, found.model, settings, FOLDS, options.seed) {
                Ok(Some(loss)) => (Some(loss), None),
                Ok(None) => (None, found.no_noise.map(str::to_owned)),
                Err(e) => (None, Some(format!("a fold cannot be fitted: {e}"))),
            }
        }
        Some(_) => (None, Some("strengths are linear in features".to_owned())),
    };
    let mut rng = stream(options.seed, "critical values", &[]);
    let order = Canonical::of(&counts.observations).order;
    let intervals = Intervals::new(found, 0.95, &order, &mut rng);
    let n = data.n();
    let (low, high, ranks) = match &intervals {
        Some(all) => (all.low.clone(), all.high.clone(), all.ranks.iter().map(|r| Some(*r)).collect()),
        None => (vec![None; n], vec![None; n], vec![None; n]),
    };
    let (mut residuals, mut met) = (vec![vec![None; n]; n], vec![vec![0.0; n]; n]);
    for pair in &data.pairs {
        (met[pair.i][pair.j], met[pair.j][pair.i]) = (pair.met(), pair.met());
        if adjusted {
            continue;
        }
        let off = 0.5 + pair.margin(0.0) - found.prob(pair.i, pair.j);
        (residuals[pair.i][pair.j], residuals[pair.j][pair.i]) = (Some(off), Some(-off));
    }
    let (probability, no_probability) = super::probability::of(fitted);
    let (log_strength, sandwich) = (&found.log_strength, found.sandwich_error());
    let bins = if adjusted { Vec::new() } else { calibration(data, found) };
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
        low,
        high,
        ranks,
        open: match counts.features {
            None => open_reasons(data, &found.open),
            Some(_) => found.open.iter().map(|open| feature_reason(*open)).collect(),
        },
        observed: counts.observations.words(),
        no_intervals: intervals.is_none().then(|| found.no_noise.unwrap_or("the fit has no covariance")),
        islands: found.islands.len(),
        sandwich_error: sandwich.to_vec(),
        log_likelihood: found.log_likelihood,
        deviance: found.deviance,
        degrees_of_freedom: found.degrees_of_freedom,
        deviance_p_value: found.deviance_p_value(),
        no_chi_squared: found.no_chi_squared,
        exists: found.exists,
        separable: found.separable,
        blocks: found.blocks.iter().map(block).collect(),
        converged: found.converged,
        iterations: found.iterations,
        prior: found.prior,
        comparisons: data.total,
        ties: data.total_ties,
        held_out_loss,
        no_held_out_loss,
        calibration_error: (!adjusted).then(|| calibration_error(&bins)),
        no_calibration: adjusted.then_some(
            "win rates are those of comparisons that do not differ in the covariates, and these do",
        ),
        calibration: bins.iter().map(|b| (b.predicted, b.observed, b.comparisons)).collect(),
        residuals,
        met,
        checks: data.checks.remarks(),
        probability,
        no_probability,
        reweight: options.reweight(),
        standings,
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
                self.interval(i),
                self.ranks[i].map_or("-".to_owned(), |(best, worst)| format!("{best}-{worst}")),
            ]
            .into_iter()
            .chain(self.standings.as_ref().map(|points| points.cell(&self.labels[i])))
            .collect()
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
        let header: Vec<&str> = header.into_iter().chain(self.standings.as_ref().map(|_| "points")).collect();
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
            "\nlog-likelihood {:.4}, deviance {:.3} on {} degrees of freedom ({})",
            self.log_likelihood,
            self.deviance,
            self.degrees_of_freedom,
            match (self.deviance_p_value, self.no_chi_squared) {
                (Some(p), _) => format!("chi-squared p = {p:.3e}"),
                (None, reason) => format!("no chi-squared p: {}", reason.unwrap_or("there is no deviance")),
            }
        )?;
        if let Some(error) = self.calibration_error {
            write!(f, "\ncalibration error {error:.4} (ten bins of predicted win rates)")?;
        }
        if let Some(reason) = self.no_calibration {
            write!(f, "\ncalibration - ({reason})")?;
        }
        if let Some(loss) = self.held_out_loss {
            write!(f, "\nheld-out loss {loss:.4} nats a comparison ({FOLDS} folds)")?;
        }
        if let Some(reason) = &self.no_held_out_loss {
            write!(f, "\nheld-out loss - ({reason})")?;
        }
        if let Some(reason) = self.no_intervals {
            write!(f, "\nno intervals and ranks: {reason}")?;
        }
        if self.observed != "comparisons" {
            write!(f, "\nobservations: {}", self.observed)?;
        }
        if self.islands > 1 {
            write!(
                f,
                "\nthe items fall into {} groups that never met each other: each has strengths around its own mean, and rank \
                 intervals span them all",
                self.islands
            )?;
        }
        let mut reasons: Vec<&str> = self.open.iter().copied().flatten().collect();
        reasons.sort_unstable();
        reasons.dedup();
        for reason in reasons {
            let of = self.labels.iter().zip(&self.open).filter(|(_, said)| **said == Some(reason));
            let names: Vec<String> = of.map(|(label, _)| label.clone()).collect();
            write!(f, "\nopen: {} {reason}", some(&names))?;
        }
        match &self.standings {
            Some(points) => {
                write!(f, "\npoints: {}", points.words())?;
                points.write_covariates(f)?;
            }
            None if self.reweight == Reweight::Pairs => {
                f.write_str("\nreweighted: every pair of items that met counts alike; the log-likelihood is weighted likewise")?;
            }
            None => {}
        }
        f.write_str(&self.existence())?;
        let (converged, iterations) = (self.converged, self.iterations);
        write!(f, "\n{}", Convergence { by: Iteration::Newton, converged, iterations })
    }
}

impl PairwiseAnswer {
    /// The strengths, strongest first, as the bytes of a file: `.csv`, `.jsonl`, `.parquet` or `.tex`, told by the ending.
    ///
    /// # Errors
    /// [`AnswerError::Option`] for another ending.
    pub fn file(&self, path: &Path) -> Result<Vec<u8>, AnswerError> {
        let order = falling(&self.log_strength);
        let known = self.no_intervals.is_none();
        let numbers = |of: &dyn Fn(usize) -> f64| Values::Numbers(order.iter().map(|&i| of(i)).collect());
        let maybe =
            |of: &dyn Fn(usize) -> Option<f64>| Values::MaybeNumbers(order.iter().map(|&i| of(i)).collect());
        let mut columns: Columns = vec![
            ("item", Values::Text(order.iter().map(|&i| self.labels[i].clone()).collect())),
            ("log_strength", numbers(&|i| self.log_strength[i])),
            ("standard_error", maybe(&|i| known.then(|| self.standard_error[i]))),
            ("sandwich_error", maybe(&|i| known.then(|| self.sandwich_error[i]))),
            ("low", maybe(&|i| self.low[i])),
            ("high", maybe(&|i| self.high[i])),
            ("rank_low", counts(order.iter().map(|&i| self.ranks[i].map(|r| r.0)))),
            ("rank_high", counts(order.iter().map(|&i| self.ranks[i].map(|r| r.1)))),
        ];
        if let Some(found) = &self.standings {
            columns.extend(found.columns(order.iter().map(|&i| self.labels[i].as_str())));
        }
        as_file(path, &columns, || {
            let mut head: Vec<String> =
                ["item", "log strength", "error", "simultaneous 95%", "rank"].map(str::to_owned).to_vec();
            head.extend(self.standings.as_ref().map(|_| "points".to_owned()));
            let row = |&i: &usize| {
                let ranks = self.ranks[i].map_or("-".to_owned(), |(best, worst)| format!("{best}-{worst}"));
                let error = if known { format!("{:.3}", self.sandwich_error[i]) } else { "-".to_owned() };
                let mut cells = vec![
                    self.labels[i].clone(),
                    format!("{:+.3}", self.log_strength[i]),
                    error,
                    self.interval(i),
                    ranks,
                ];
                cells.extend(self.standings.as_ref().map(|points| points.cell(&self.labels[i])));
                cells
            };
            let rows: Vec<Vec<String>> = std::iter::once(head).chain(order.iter().map(row)).collect();
            latex(&rows, |k| k > 0)
        })
    }

    /// The simultaneous interval of an item's strength.
    fn interval(&self, i: usize) -> String {
        if self.no_intervals.is_some() {
            return "-".to_owned();
        }
        let end = |x: Option<f64>| x.map_or("open".to_owned(), |x| format!("{x:+.3}"));
        format!("{} .. {}", end(self.low[i]), end(self.high[i]))
    }

    fn existence(&self) -> String {
        if self.exists {
            return String::new();
        }
        let block = |b: &[String]| {
            let more = if b.len() > NAMED { ", ..." } else { "" };
            format!("{}{more}", b[..b.len().min(NAMED)].join(", "))
        };
        let mut text = match self.blocks.len() {
            _ if self.separable => "\nno finite maximum of the likelihood: some combination of the features is at least as \
                                    large for the winner of every comparison, and larger in some"
                .to_owned(),
            1 => "\nno finite maximum of the likelihood: no pair was won both ways (or none was ever both bad), so that \
                  strengths and the tie parameter can grow together"
                .to_owned(),
            _ => "\nno finite maximum of the likelihood (Ford's condition)".to_owned(),
        };
        if let ([first, .., last], false) = (&self.blocks[..], self.separable) {
            let (first, last) = (block(first), block(last));
            text += &format!(": [{first}] and [{last}] are not held together by wins both ways");
        }
        if self.prior {
            text += "; shown is the posterior mode under the logistic prior";
        }
        text
    }
}
