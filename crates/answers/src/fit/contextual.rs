//! Bradley-Terry with strengths linear in features of the context.

use std::fmt;

use equipoise::data::Grouped;
use equipoise::models::fit_contextual;
use equipoise::ndarray::Array2;
use serde::Serialize;

use super::text::{falling, steps};
use super::{Features, FitOptions};
use crate::error::AnswerError;
use crate::table::{table, width};

/// Strengths linear in features of the context: `r_i(z) = b_i0 + sum_f z_f b_if`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ContextualAnswer {
    /// `contextual-bradley-terry`.
    pub model: String,
    /// The items, `[n]`.
    pub labels: Vec<String>,
    /// The features, `[f]`.
    pub features: Vec<String>,
    /// Log strengths in nats where all features are 0, `[n]`.
    pub log_strength: Vec<f64>,
    /// Their standard errors, `[n]`.
    pub standard_error: Vec<f64>,
    /// The same, and what a unit of each feature adds to them: `[(1 + f) x n]`.
    pub coefficients: Vec<Vec<f64>>,
    /// Their standard errors, `[(1 + f) x n]`.
    pub coefficient_errors: Vec<Vec<f64>>,
    /// In nats, at most 0.
    pub log_likelihood: f64,
    /// That of strengths without features.
    pub marginal_log_likelihood: f64,
    /// Parameters that the features add.
    pub degrees_of_freedom: f64,
    /// Of features that do not matter; `None` where some fit is no maximum.
    pub p_value: Option<f64>,
    /// `None`: not computed.
    pub deviance: Option<f64>,
    /// Whether the likelihood has one finite maximum.
    pub exists: bool,
    /// Whether Newton's method converged.
    pub converged: bool,
    /// Newton steps made.
    pub iterations: u32,
    /// Whether the logistic prior on all coefficients was added: asked for, or needed.
    pub prior: bool,
    /// Number of contexts.
    pub contexts: usize,
}

pub(super) fn fit_with_contexts(
    grouped: &Grouped,
    features: &Features,
    options: &FitOptions,
) -> Result<ContextualAnswer, AnswerError> {
    let found = fit_contextual(&grouped.groups, features.values.view(), options.prior)?;
    let rows = |table: &Array2<f64>| table.rows().into_iter().map(|r| r.to_vec()).collect();
    Ok(ContextualAnswer {
        model: options.model.clone(),
        labels: grouped.labels.clone(),
        features: features.names.clone(),
        log_strength: found.coefficients.row(0).to_vec(),
        standard_error: found.standard_error.row(0).to_vec(),
        coefficients: rows(&found.coefficients),
        coefficient_errors: rows(&found.standard_error),
        log_likelihood: found.log_likelihood,
        marginal_log_likelihood: found.marginal_log_likelihood,
        degrees_of_freedom: found.degrees_of_freedom,
        p_value: found.p_value(),
        deviance: None,
        exists: found.exists,
        converged: found.converged,
        iterations: found.iterations,
        prior: found.prior,
        contexts: grouped.names.len(),
    })
}

impl fmt::Display for ContextualAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = falling(&self.log_strength).into_iter().enumerate().map(|(k, i)| {
            let cells = self.coefficients.iter().zip(&self.coefficient_errors);
            let cells = cells.map(|(value, error)| format!("{:+.4} +- {:.4}", value[i], error[i]));
            [(k + 1).to_string(), self.labels[i].clone()].into_iter().chain(cells).collect()
        });
        let header: Vec<&str> =
            ["", "item", "base"].into_iter().chain(self.features.iter().map(String::as_str)).collect();
        f.write_str(&table(width(f), &header, rows))?;
        write!(
            f,
            "\nlog-likelihood {:.4}; one board for all {} contexts: {:.4}",
            self.log_likelihood, self.contexts, self.marginal_log_likelihood
        )?;
        if let Some(p) = self.p_value {
            let degrees = self.degrees_of_freedom;
            write!(f, "\nthe features matter with p = {p:.3e} ({degrees} degrees of freedom)")?;
        }
        f.write_str(&steps(self.converged, self.iterations))?;
        if !self.exists {
            f.write_str(
                "\nno finite maximum, or more than one; shown is the posterior mode under the logistic prior on all \
                 coefficients",
            )?;
        }
        Ok(())
    }
}
