//! All models that the data allow, side by side.

use std::fmt;

use equipoise::data::{Battles, Features};
use equipoise::models::MODELS;
use equipoise::models::choice::{CONFIDENCE, Choice, Contender, choose};
use serde::Serialize;

use crate::error::AnswerError;
use crate::table::{table, width};

/// Folds of the held-out comparisons.
const FOLDS: u32 = 5;

/// One model of a comparison of models.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ComparedModel {
    /// Its name.
    pub model: &'static str,
    /// Free parameters; `None` if it does not count them, so that it cannot be the smallest.
    pub parameters: Option<usize>,
    /// Mean log-likelihood of a held-out comparison, in nats, at most 0.
    pub held_out_log_likelihood: Option<f64>,
    /// That less the best model's.
    pub difference: Option<f64>,
    /// Lower end of its interval, at a confidence of 95 percent for all models at once.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// Whether the interval lies below 0.
    pub beaten: Option<bool>,
    /// Mean distance of seen from predicted win rates of held-out comparisons (ten bins).
    pub calibration_error: Option<f64>,
    /// Triples of items in a cycle of majorities, as fitted to all data; of a model of contexts in the mean of its contexts, as are the winner
    /// and Nash.
    pub cyclic_triads: Option<u64>,
    /// The item that beats all others in that fit.
    pub condorcet_winner: Option<String>,
    /// What Nash of that fit plays, `[n]`.
    pub nash: Option<Vec<f64>>,
    /// Why something is missing.
    pub reason: Option<String>,
}

/// Models side by side, those that predict best first.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ComparedModelsAnswer {
    /// The items, `[n]`.
    pub labels: Vec<String>,
    /// Comparisons held out, each once.
    pub comparisons: f64,
    /// Folds that they were held out in.
    pub folds: u32,
    /// Confidence of the intervals, for all models at once.
    pub confidence: f64,
    /// The models.
    pub models: Vec<ComparedModel>,
    /// The smallest model that is not beaten beyond noise.
    pub smallest: Option<&'static str>,
    /// Why none is named.
    pub undecided: Option<&'static str>,
}

/// Fits every model that is fitted to comparisons, with its defaults, and compares them on held-out comparisons, each in its own context.
/// Models of contexts see `features`, in the order of the contexts of the data; without them each of up to 50 contexts has strengths of
/// its own.
///
/// # Errors
/// [`AnswerError::Fit`] without comparisons, or with weights in fractions, which cannot be divided into folds.
pub fn compare_models(
    data: &Battles,
    features: Option<&Features>,
    seed: u64,
) -> Result<ComparedModelsAnswer, AnswerError> {
    let models: Vec<_> = MODELS.iter().map(|entry| (*entry, (entry.predicting)())).collect();
    let Choice { contenders, smallest, undecided, comparisons } =
        choose(data, &models, features, FOLDS, seed)?;
    let smallest = smallest.map(|k| contenders[k].name);
    let row = |c: Contender| ComparedModel {
        model: c.name,
        parameters: c.size,
        held_out_log_likelihood: c.held_out,
        difference: c.difference.map(|d| d.0),
        low: c.difference.map(|d| d.1),
        high: c.difference.map(|d| d.2),
        beaten: c.beaten,
        calibration_error: c.calibration_error,
        cyclic_triads: c.cyclic_triads,
        condorcet_winner: c.condorcet_winner.map(|i| data.labels[i].clone()),
        nash: c.nash.map(|p| p.to_vec()),
        reason: c.reason,
    };
    Ok(ComparedModelsAnswer {
        labels: data.labels.clone(),
        comparisons,
        folds: FOLDS,
        confidence: CONFIDENCE,
        models: contenders.into_iter().map(row).collect(),
        smallest,
        undecided,
    })
}

impl ComparedModelsAnswer {
    /// The items that a lottery plays, with their probabilities.
    fn played(&self, nash: &[f64]) -> String {
        let mut order: Vec<usize> = (0..nash.len()).filter(|&i| nash[i] > 5e-4).collect();
        order.sort_by(|&a, &b| nash[b].total_cmp(&nash[a]));
        let more = if order.len() > 3 { ", .." } else { "" };
        let items = order.iter().take(3).map(|&i| match nash[i] > 0.9995 {
            true => self.labels[i].clone(),
            false => format!("{} {:.3}", self.labels[i], nash[i]),
        });
        items.collect::<Vec<_>>().join(", ") + more
    }
}

impl fmt::Display for ComparedModelsAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = [
            "model",
            "parameters",
            "held-out log-likelihood",
            "less the best",
            "calibration error",
            "cyclic triads",
            "Nash plays",
        ];
        let number = |x: Option<f64>| x.map_or("-".to_owned(), |x| format!("{x:.4}"));
        let count = |x: Option<u64>| x.map_or("-".to_owned(), |x| x.to_string());
        let rows = self.models.iter().map(|m| {
            let less = match (m.difference, m.low, m.high) {
                (Some(d), Some(low), Some(high)) => format!("{d:+.4} [{low:+.4}, {high:+.4}]"),
                _ => m.reason.clone().unwrap_or_default(),
            };
            vec![
                m.model.to_owned(),
                count(m.parameters.map(|k| k as u64)),
                number(m.held_out_log_likelihood),
                less,
                number(m.calibration_error),
                count(m.cyclic_triads),
                m.nash.as_ref().map_or("-".to_owned(), |p| self.played(p)),
            ]
        });
        f.write_str(&table(width(f), &header, rows))?;
        write!(
            f,
            "\n{} comparisons, held out once each in {} folds; nats a comparison, ties half; intervals hold for all at once at {} percent",
            self.comparisons,
            self.folds,
            100.0 * self.confidence
        )?;
        match (self.smallest, self.undecided) {
            (Some(name), _) => write!(f, "\nthe smallest model that is not beaten beyond noise: {name}"),
            (None, reason) => write!(f, "\nno model is named: {}", reason.unwrap_or("undecided")),
        }
    }
}
