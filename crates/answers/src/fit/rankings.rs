//! Plackett-Luce on rankings, in full or split into pairs.

use std::fmt;

use equipoise::data::Rankings;
use equipoise::models::{plackett_luce, plackett_luce_split};
use serde::Serialize;

use super::FitOptions;
use super::text::{PRIOR_ADDED, ordered, steps};
use crate::error::AnswerError;
use crate::table::width;

/// A model of rankings.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RankingsAnswer {
    /// Its name.
    pub model: String,
    /// The items, `[n]`.
    pub labels: Vec<String>,
    /// Log strengths in nats, `[n]`, of mean 0.
    pub log_strength: Vec<f64>,
    /// Standard errors by the Hessian, `[n]`; too small where rankings were split.
    pub standard_error: Vec<f64>,
    /// Standard errors by the sandwich over whole rankings, `[n]`.
    pub sandwich_error: Vec<f64>,
    /// In nats, at most 0.
    pub log_likelihood: f64,
    /// `None`: not computed.
    pub deviance: Option<f64>,
    /// Whether the likelihood has a finite maximum.
    pub exists: bool,
    /// Whether Newton's method converged.
    pub converged: bool,
    /// Newton steps made.
    pub iterations: u32,
    /// Whether the logistic prior was added.
    pub prior: bool,
    /// Weight of all rankings.
    pub rankings: f64,
}

pub(super) fn fit_rankings(
    data: &Rankings,
    split: bool,
    options: &FitOptions,
) -> Result<RankingsAnswer, AnswerError> {
    let found = if split { plackett_luce_split(data)? } else { plackett_luce(data)? };
    Ok(RankingsAnswer {
        model: options.model.clone(),
        labels: data.labels.clone(),
        log_strength: found.log_strength.to_vec(),
        standard_error: found.covariance.diag().mapv(f64::sqrt).to_vec(),
        sandwich_error: found.sandwich.diag().mapv(f64::sqrt).to_vec(),
        log_likelihood: found.log_likelihood,
        deviance: None,
        exists: found.exists,
        converged: found.converged,
        iterations: found.iterations,
        prior: found.prior,
        rankings: data.rankings.iter().map(|r| r.weight).sum(),
    })
}

impl fmt::Display for RankingsAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errors = Some(&self.sandwich_error[..]);
        f.write_str(&ordered(width(f), &self.labels, &self.log_strength, errors, "log strength"))?;
        write!(f, "\nlog-likelihood {:.4}; errors by the sandwich over whole rankings", self.log_likelihood)?;
        f.write_str(&steps(self.converged, self.iterations))?;
        f.write_str(if self.exists { "" } else { PRIOR_ADDED })
    }
}
