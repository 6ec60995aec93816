//! Elo and TrueSkill: ratings that follow matches one by one.

use std::fmt;

use equipoise::data::{Battles, Outcome, Ties};
use equipoise::models::sequential::{Elo, TrueSkill};
use serde::Serialize;

use super::FitOptions;
use super::text::ordered;
use crate::error::AnswerError;
use crate::table::width;

/// Most matches that are rated one by one.
const MOST_MATCHES: f64 = 1e9;

/// Ratings match by match.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SequentialAnswer {
    /// `elo` or `trueskill`.
    pub model: String,
    /// The items, `[n]`.
    pub labels: Vec<String>,
    /// Ratings, `[n]`: Elo points, or the mean of TrueSkill's belief.
    pub rating: Vec<f64>,
    /// Ratings less their mean, `[n]`: Elo in nats of log strength (`ln 10 / 400` a point), TrueSkill in its own unit.
    pub log_strength: Vec<f64>,
    /// TrueSkill's `sigma`, `[n]`; `None` for Elo.
    pub standard_error: Option<Vec<f64>>,
    /// `None`: there is none.
    pub log_likelihood: Option<f64>,
    /// `None`: there is none.
    pub deviance: Option<f64>,
    /// `true`: one pass over the matches ends.
    pub exists: bool,
    /// `true`.
    pub converged: bool,
    /// Passes made: 1.
    pub iterations: u32,
    /// What the order of the matches is: `time` or `the file`.
    pub order: &'static str,
}

pub(super) fn fit_sequential(
    battles: &Battles,
    elo: bool,
    options: &FitOptions,
) -> Result<SequentialAnswer, AnswerError> {
    let (mut rows, timed) = battles.in_time();
    if battles.ties == Ties::Drop {
        rows.retain(|b| !matches!(b.outcome, Outcome::Tie | Outcome::BothBad));
    }
    let matches: f64 = rows.iter().map(|b| b.weight).sum();
    if matches > MOST_MATCHES {
        let rule = format!("has {matches:.2e} matches; at most {MOST_MATCHES:.0e} are rated one by one");
        return Err(AnswerError::input(rule));
    }
    let n = battles.labels.len();
    let (rating, standard_error, scale): (Vec<f64>, _, _) = if elo {
        (Elo::default().rate(n, &rows), None, 10f64.ln() / 400.0)
    } else {
        let skills = TrueSkill::default().rate(n, &rows);
        let sigma = skills.iter().map(|s| s.sigma).collect();
        (skills.iter().map(|s| s.mu).collect(), Some(sigma), 1.0)
    };
    let mean =
        equipoise::ndarray::aview1(&rating).mean().ok_or_else(|| AnswerError::input("has no items"))?;
    Ok(SequentialAnswer {
        model: options.model.clone(),
        labels: battles.labels.clone(),
        log_strength: rating.iter().map(|r| scale * (r - mean)).collect(),
        rating,
        standard_error,
        log_likelihood: None,
        deviance: None,
        exists: true,
        converged: true,
        iterations: 1,
        order: if timed { "time" } else { "the file" },
    })
}

impl fmt::Display for SequentialAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errors = self.standard_error.as_deref();
        f.write_str(&ordered(width(f), &self.labels, &self.rating, errors, "rating"))?;
        write!(f, "\nin the order of {}: another order gives other ratings (see equipoise rank)", self.order)
    }
}
