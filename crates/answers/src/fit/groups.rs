//! A model of comparisons of two for every context or annotator by itself, and whether one for all would do.

use std::fmt;

use equipoise::data::{Grouped, Observations, Unit};
use equipoise::models::distributions::chi_squared_tail;
use equipoise::models::{FitError, Fitted, ModelEntry};
use equipoise::ndarray::Array1;
use serde::Serialize;
use serde_json::Value;

use super::falling;
use crate::error::AnswerError;
use crate::p_value::{adjusted, cell};
use crate::progress::Progress;
use crate::source::{group_name, overlap};
use crate::table::{table, width};

/// A model fitted to every group.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FitGroupsAnswer {
    /// Its name.
    pub model: &'static str,
    /// The groups, in the order of their first appearance.
    pub groups: Vec<GroupFit>,
    /// Groups that could not be fitted, and why.
    pub left_out: Vec<String>,
    /// Weight of all comparisons, each once.
    pub comparisons: f64,
    /// Weight of those that are in several groups, and count in each.
    pub in_several_groups: f64,
    /// Log-likelihood of one fit for all groups, in nats.
    pub pooled_log_likelihood: f64,
    /// Twice what the groups' log-likelihoods gain over it; `None` where some of them is no maximum.
    pub likelihood_ratio: Option<f64>,
    /// The same, also where it is not to be tested.
    #[serde(skip)]
    pub gain: f64,
    /// Parameters of the groups less those of one fit.
    pub degrees_of_freedom: f64,
    /// Of one fit for all, if no comparison is in two groups, by the chi-squared law.
    pub p_value: Option<f64>,
    /// Why it is not tested, if it is not.
    pub untested: Option<&'static str>,
}

/// The fit of one group.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct GroupFit {
    /// The context or annotator.
    pub group: String,
    /// Its items, `[n]`.
    pub labels: Vec<String>,
    /// Weight of its comparisons.
    pub comparisons: f64,
    /// Log strengths in nats, `[n]`, of mean 0.
    pub log_strength: Vec<f64>,
    /// Their standard errors by the Hessian, `[n]`, right if the model is and comparisons are independent.
    pub standard_error: Vec<f64>,
    /// Their standard errors by the sandwich over observations, `[n]`; empty where nothing is known of the noise.
    pub sandwich_error: Vec<f64>,
    /// What one observation is: `comparisons`, `rankings`, `contexts` or `annotators`.
    pub observed: &'static str,
    /// How many there are.
    pub observations: f64,
    /// In nats, at most 0.
    pub log_likelihood: f64,
    /// Twice the log-likelihood that is missing to the saturated model, at least 0.
    pub deviance: f64,
    /// Free frequencies less parameters.
    pub degrees_of_freedom: f64,
    /// Of the deviance, by the chi-squared law.
    #[serde(skip)]
    pub deviance_p_value: Option<f64>,
    /// The same, adjusted for the number of groups (Benjamini and Hochberg 1995; Benjamini and Yekutieli 2001 where groups overlap).
    #[serde(skip)]
    pub adjusted_p_value: Option<f64>,
    /// Whether the likelihood has a finite maximum.
    pub exists: bool,
    /// Whether Newton's method converged.
    pub converged: bool,
    /// Whether the logistic prior was added.
    pub prior: bool,
}

/// Nats of a fit; a model of counts without a likelihood cannot be compared.
fn log_likelihood(fitted: &Fitted) -> Result<f64, AnswerError> {
    let none =
        || AnswerError::input(format!("{} has no likelihood, so groups cannot be compared", fitted.model));
    fitted.log_likelihood.ok_or_else(none)
}

pub(super) fn fit_groups(
    grouped: &Grouped,
    entry: &ModelEntry,
    options: &Value,
    progress: &dyn Progress,
) -> Result<FitGroupsAnswer, AnswerError> {
    let fit = |data: Observations| -> Result<Fitted, FitError> { entry.fit(&data.into(), options) };
    let list = |values: Option<Array1<f64>>| values.map_or_else(Vec::new, |v| v.to_vec());
    let (mut groups, mut left_out) = (Vec::new(), Vec::new());
    let (mut free, mut dependent) = (0, None);
    if grouped.shared > 0.0 {
        dependent = Some("comparisons are in several groups, whose likelihoods do not add up to one");
    }
    let parameters = |found: &Fitted| {
        found.free_parameters.unwrap_or_else(|| found.labels.len() - 1 + found.parameters.len())
    };
    for (k, name) in grouped.names.iter().enumerate() {
        let (name, data) = (group_name(name).to_owned(), grouped.observations(k));
        let (comparisons, observed, observations) = (data.comparisons.total, data.words(), data.count());
        dependent = dependent.or(match (data.unit, data.comparisons.checks.rankings > 0) {
            (Unit::Row, false) => None,
            _ => Some("comparisons are not independent of each other, as the chi-squared law asks"),
        });
        match fit(data) {
            Ok(found) => {
                free += parameters(&found);
                groups.push(GroupFit {
                    group: name,
                    comparisons,
                    log_likelihood: log_likelihood(&found)?,
                    deviance: found.deviance.unwrap_or(f64::NAN),
                    degrees_of_freedom: found.degrees_of_freedom.unwrap_or(f64::NAN),
                    deviance_p_value: found.deviance_p_value(),
                    adjusted_p_value: None,
                    exists: found.existence.holds(),
                    converged: found.convergence.converged,
                    prior: found.prior,
                    log_strength: list(found.log_strength),
                    standard_error: list(found.standard_error),
                    sandwich_error: list(found.sandwich_error),
                    observed,
                    observations,
                    labels: found.labels,
                });
            }
            Err(e) => left_out.push(format!("{name}: {e}")),
        }
    }
    left_out.iter().for_each(|l| progress.note(&format!("left out: {l}")));
    let adjusted = adjusted(groups.iter().map(|g| g.deviance_p_value), grouped.shared > 0.0);
    groups.iter_mut().zip(adjusted).for_each(|(g, p)| g.adjusted_p_value = p);
    let pooled = grouped.pooled();
    let comparisons = pooled.total;
    let all = fit(pooled.into())?;
    let pooled_log_likelihood = log_likelihood(&all)?;
    // the gain of a fit for each group over one for all, where both are maxima
    let maxima = grouped.shared == 0.0
        && left_out.is_empty()
        && all.existence.holds()
        && groups.iter().all(|f| f.exists && !f.prior);
    let gain = 2.0 * (groups.iter().map(|f| f.log_likelihood).sum::<f64>() - pooled_log_likelihood);
    let degrees_of_freedom = free as f64 - parameters(&all) as f64;
    let untested = match (maxima, degrees_of_freedom >= 1.0) {
        _ if grouped.shared > 0.0 => dependent,
        (false, _) => Some("some groups have no finite maximum of the likelihood"),
        (true, false) => Some("the groups have no more parameters than one fit"),
        (true, true) => dependent,
    };
    Ok(FitGroupsAnswer {
        model: entry.name,
        groups,
        left_out,
        comparisons,
        in_several_groups: grouped.shared,
        pooled_log_likelihood,
        likelihood_ratio: maxima.then_some(gain),
        gain,
        degrees_of_freedom,
        p_value: untested.is_none().then(|| chi_squared_tail(gain.max(0.0), degrees_of_freedom)),
        untested,
    })
}

impl fmt::Display for FitGroupsAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let test =
            format!("likelihood ratio {:.1} on {} degrees of freedom", self.gain, self.degrees_of_freedom);
        let shared = "if no comparison is in two groups";
        match self.p_value {
            Some(p) if p < 0.05 => {
                write!(f, "One board does not fit all groups ({test}, p = {p:.3e}, {shared}).\n\n")?;
            }
            Some(p) => write!(f, "One board fits all groups ({test}, p = {p:.3}, {shared}).\n\n")?,
            None => write!(
                f,
                "Whether one board fits all groups is not tested: {}.\n\n",
                self.untested.unwrap_or("nothing is known of the noise")
            )?,
        }
        let rows = self.groups.iter().map(|g| {
            let order = falling(&g.log_strength);
            let label = |k: usize| order.get(k).map_or("-".to_owned(), |&i| g.labels[i].clone());
            let lead = match order[..] {
                [first, second, ..] => g.log_strength[first] - g.log_strength[second],
                _ => 0.0,
            };
            vec![
                g.group.clone(),
                g.comparisons.to_string(),
                g.labels.len().to_string(),
                label(0),
                label(1),
                format!("{lead:.3}"),
                cell(g.deviance_p_value),
                cell(g.adjusted_p_value),
                if g.exists { "yes" } else { "no, prior" }.to_owned(),
            ]
        });
        let header = [
            "group",
            "comparisons",
            "items",
            "strongest",
            "second",
            "lead (nats)",
            "deviance p",
            "adjusted",
            "maximum",
        ];
        f.write_str(&table(width(f), &header, rows))?;
        if let Some(said) = overlap(self.in_several_groups, self.comparisons) {
            write!(
                f,
                "\n{said}; p-values are adjusted for any dependence of groups (Benjamini, Yekutieli 2001)"
            )?;
        }
        Ok(())
    }
}
