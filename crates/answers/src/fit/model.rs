//! A fitted model as its registry row gives it: for models that nothing more is known of here.

use std::fmt;

use equipoise::models::{Column, Existence, Fitted, ModelData};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::falling;
use crate::table::{table, width};

/// A fitted model.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ModelAnswer {
    /// Its name.
    pub model: &'static str,
    /// The items, `[n]`.
    pub labels: Vec<String>,
    /// Log strengths, `[n]`, of mean 0; `None` if the model gives an item no one number.
    pub log_strength: Option<Vec<f64>>,
    /// Their standard errors, `[n]`; `None` if the model gives none.
    pub standard_error: Option<Vec<f64>>,
    /// Their standard errors by the sandwich, `[n]`, where the others are by the Hessian.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandwich_error: Option<Vec<f64>>,
    /// In nats, at most 0; `None`: there is none.
    pub log_likelihood: Option<f64>,
    /// Twice the log-likelihood that is missing to the saturated model; `None`: not computed.
    pub deviance: Option<f64>,
    /// Parameters, or free frequencies less parameters where there is a deviance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub degrees_of_freedom: Option<f64>,
    /// Whether what is maximised has a finite maximum; `true` where nothing is.
    pub exists: bool,
    /// Whether the iteration met its tolerance.
    pub converged: bool,
    /// Its steps.
    pub iterations: u32,
    /// Whether a prior was added (the logistic one, or the model's own): asked for, or needed.
    pub prior: bool,
    /// `Pr(row beats column)` by the model, `[n x n]`, ties as half wins; of a model of contexts the mean over the contexts of the
    /// data. `None` where it says nothing, and of more items than are printed.
    pub probability: Option<Vec<Vec<Option<f64>>>>,
    /// Why some of it is missing, if some is.
    pub no_probability: Option<String>,
    /// What only this model has, under its usual names, and what the data are: `comparisons` and `ties`, or `rankings`.
    #[serde(flatten)]
    pub own: Map<String, Value>,
    /// Columns of the table.
    #[serde(skip)]
    pub columns: Vec<Column>,
    /// What is said below it, a line each.
    #[serde(skip)]
    pub notes: Vec<String>,
}

impl ModelAnswer {
    pub(super) fn new(data: &ModelData, fitted: &Fitted) -> Self {
        let mut own = fitted.own();
        match data {
            ModelData::Counts(counts) => {
                own.insert("comparisons".to_owned(), json!(counts.observations.comparisons.total));
                own.insert("ties".to_owned(), json!(counts.observations.comparisons.total_ties));
            }
            ModelData::Rankings(all) => {
                let total = all.rankings.iter().fold(0.0, |sum, r| sum + r.weight);
                own.insert("rankings".to_owned(), json!(total));
            }
            ModelData::Battles(_) | ModelData::Contexts(_) => {}
        }
        let mut notes = fitted.notes();
        notes.extend(Some(fitted.convergence.to_string()).filter(|line| !line.is_empty()));
        let why = match fitted.existence {
            Existence::Finite => None,
            Existence::NotFound => {
                Some("no finite maximum of the likelihood, or more than one, or none is known to exist")
            }
            _ => Some("no finite maximum of the likelihood"),
        };
        notes.extend(
            why.map(|why| format!("{why}; shown is the posterior mode under {}", fitted.prior_words())),
        );
        let (probability, no_probability) = super::probability::of(fitted);
        let list = |values: &Option<equipoise::ndarray::Array1<f64>>| values.as_ref().map(|v| v.to_vec());
        Self {
            model: fitted.model,
            labels: fitted.labels.clone(),
            log_strength: list(&fitted.log_strength),
            standard_error: list(&fitted.standard_error),
            sandwich_error: list(&fitted.sandwich_error),
            log_likelihood: fitted.log_likelihood,
            deviance: fitted.deviance,
            degrees_of_freedom: fitted.degrees_of_freedom,
            exists: fitted.existence.holds(),
            converged: fitted.convergence.converged,
            iterations: fitted.convergence.iterations,
            prior: fitted.prior,
            probability,
            no_probability,
            own,
            columns: fitted.columns(),
            notes,
        }
    }
}

impl fmt::Display for ModelAnswer {
    /// Items by falling value of the first column: value and error of one column side by side, of several in one cell each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut header = vec!["", "item"];
        let order = match &self.columns[..] {
            [] => (0..self.labels.len()).collect(),
            [first, ..] => falling(&first.values.to_vec()),
        };
        header.extend(self.columns.iter().map(|c| c.name.as_str()));
        if self.columns.len() == 1 {
            header.push("error");
        }
        let cells = |i: usize| -> Vec<String> {
            match &self.columns[..] {
                [only] => {
                    let error = only.errors.as_ref().map_or("-".to_owned(), |e| format!("{:.4}", e[i]));
                    vec![format!("{:.4}", only.values[i]), error]
                }
                all => {
                    let error =
                        |c: &Column| c.errors.as_ref().map_or(String::new(), |e| format!(" +- {:.4}", e[i]));
                    all.iter().map(|c| format!("{:+.4}{}", c.values[i], error(c))).collect()
                }
            }
        };
        let rows = order.into_iter().enumerate().map(|(k, i)| {
            [(k + 1).to_string(), self.labels[i].clone()].into_iter().chain(cells(i)).collect()
        });
        f.write_str(&table(width(f), &header, rows))?;
        self.notes.iter().try_for_each(|note| write!(f, "\n{note}"))
    }
}
