//! Bradley-Terry by Newman's or Zermelo's iteration: any number of items, without errors.

use std::fmt;

use equipoise::data::Comparisons;
use equipoise::models::first_order::{newman, newman_prior, zermelo};
use equipoise::models::graph::win_blocks;
use serde::Serialize;

use super::text::{PRIOR_ADDED, ordered};
use super::{Algorithm, FitOptions};
use crate::error::AnswerError;
use crate::table::width;

/// Passes at most, and the move in log strength below which the last one ends.
const MOST_PASSES: u32 = 100_000;
const TOLERANCE: f64 = 1e-12;

/// Bradley-Terry strengths by passes over the pairs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct IterativeAnswer {
    /// `bradley-terry`.
    pub model: &'static str,
    /// `newman` or `zermelo`.
    pub algorithm: &'static str,
    /// The items, `[n]`.
    pub labels: Vec<String>,
    /// Log strengths in nats, `[n]`, of mean 0.
    pub log_strength: Vec<f64>,
    /// `None`: passes give no errors.
    pub standard_error: Option<Vec<f64>>,
    /// Whether the likelihood has a finite maximum.
    pub exists: bool,
    /// Whether the last pass moved nothing by more than 1e-12 nats.
    pub converged: bool,
    /// Passes made.
    pub passes: u32,
    /// Whether the logistic prior was added: asked for, or needed.
    pub prior: bool,
    /// Weight of all comparisons.
    pub comparisons: f64,
    /// Weight of all ties seen, counted or not.
    pub ties: f64,
}

pub(super) fn fit_iterative(
    data: &Comparisons,
    options: &FitOptions,
) -> Result<IterativeAnswer, AnswerError> {
    let exists = win_blocks(data).len() == 1;
    let prior = options.prior || !exists;
    let (algorithm, found) = match (options.algorithm, prior) {
        (Algorithm::Zermelo, false) => ("zermelo", zermelo(data, TOLERANCE, MOST_PASSES)),
        (Algorithm::Zermelo, true) => {
            return Err(AnswerError::input(
                "no finite maximum of the likelihood exists (Ford's condition), and Zermelo's iteration has no prior; use \
                 algorithm newman or newton",
            ));
        }
        (_, false) => ("newman", newman(data, TOLERANCE, MOST_PASSES)),
        (_, true) => ("newman", newman_prior(data, TOLERANCE, MOST_PASSES)),
    };
    Ok(IterativeAnswer {
        model: "bradley-terry",
        algorithm,
        labels: data.labels.clone(),
        log_strength: found.log_strength.to_vec(),
        standard_error: None,
        exists,
        converged: found.converged,
        passes: found.passes,
        prior,
        comparisons: data.total,
        ties: data.total_ties,
    })
}

impl fmt::Display for IterativeAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&ordered(width(f), &self.labels, &self.log_strength, None, "log strength"))?;
        match self.converged {
            true => write!(f, "\n{}: converged in {} passes", self.algorithm, self.passes)?,
            false => write!(f, "\nNOT CONVERGED after {} passes: do not use these numbers", self.passes)?,
        }
        f.write_str(if self.exists { "" } else { PRIOR_ADDED })
    }
}
