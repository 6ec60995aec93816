//! Scaled and margin Bradley-Terry: judgements with a magnitude.

use std::fmt;

use equipoise::data::Battles;
use equipoise::models::{Magnitude, fit_magnitudes};
use serde::Serialize;

use super::FitOptions;
use super::text::{PRIOR_ADDED, ordered, steps};
use crate::error::AnswerError;
use crate::table::width;

/// A model of judgements with a magnitude.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MagnitudeAnswer {
    /// Its name.
    pub model: String,
    /// The items, `[n]`.
    pub labels: Vec<String>,
    /// Log strengths in nats, `[n]`, of mean 0.
    pub log_strength: Vec<f64>,
    /// Standard errors by the sandwich, `[n]`.
    pub standard_error: Vec<f64>,
    /// What was maximised, at most 0; it is no likelihood.
    pub objective: f64,
    /// `None`: there is none.
    pub log_likelihood: Option<f64>,
    /// `None`: there is none.
    pub deviance: Option<f64>,
    /// Whether the objective has a finite maximum.
    pub exists: bool,
    /// Whether Newton's method converged.
    pub converged: bool,
    /// Newton steps made.
    pub iterations: u32,
    /// Whether the logistic prior was added: asked for, or needed.
    pub prior: bool,
}

pub(super) fn fit_magnitude(
    data: &Battles,
    rule: Magnitude,
    options: &FitOptions,
) -> Result<MagnitudeAnswer, AnswerError> {
    if !data.checks.columns.contains(&"magnitude") {
        let rule = format!("has no column `magnitude`, which {} needs; use bradley-terry", options.model);
        return Err(AnswerError::input(rule));
    }
    let found = fit_magnitudes(data, rule, options.prior)?;
    Ok(MagnitudeAnswer {
        model: options.model.clone(),
        labels: data.labels.clone(),
        log_strength: found.log_strength.to_vec(),
        standard_error: found.sandwich.diag().mapv(f64::sqrt).to_vec(),
        objective: found.objective,
        log_likelihood: None,
        deviance: None,
        exists: found.exists,
        converged: found.converged,
        iterations: found.iterations,
        prior: found.prior,
    })
}

impl fmt::Display for MagnitudeAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errors = Some(&self.standard_error[..]);
        f.write_str(&ordered(width(f), &self.labels, &self.log_strength, errors, "log strength"))?;
        write!(f, "\nobjective {:.4} (no likelihood: errors by the sandwich)", self.objective)?;
        f.write_str(&steps(self.converged, self.iterations))?;
        f.write_str(if self.exists { "" } else { PRIOR_ADDED })
    }
}
