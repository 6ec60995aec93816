//! Ratings that follow matches one by one: what Elo and TrueSkill share. They depend on the order of the matches.

use equipoise_core::logistic::logistic;
use equipoise_data::{Battle, Battles, Outcome, Ties};
use ndarray::Array1;
use serde_json::{Map, Value, json};

use crate::distributions::normal_cdf;
use crate::error::FitError;
use crate::fitted::{Column, Fitted, ModelResult};

/// Most matches that are rated one by one: a row of weight w is w of them.
const MOST_MATCHES: f64 = 1e9;

/// The matches in the order in which they are rated.
#[derive(Clone, Debug)]
pub struct Matches {
    /// The matches; ties are left out if they are dropped.
    pub rows: Vec<Battle>,
    /// Whether the order is that of their times; else it is that of the file.
    pub timed: bool,
}

impl Matches {
    /// By time, where every row has one.
    ///
    /// # Errors
    /// [`FitError::TooManyMatches`].
    pub fn of(data: &Battles) -> Result<Self, FitError> {
        let (mut rows, timed) = data.in_time();
        if data.ties == Ties::Drop {
            rows.retain(|b| !matches!(b.outcome, Outcome::Tie | Outcome::BothBad));
        }
        let matches: f64 = rows.iter().map(|b| b.weight).sum();
        match matches > MOST_MATCHES {
            true => Err(FitError::TooManyMatches { matches, most: MOST_MATCHES }),
            false => Ok(Self { rows, timed }),
        }
    }

    /// What their order is: `time` or `the file`.
    #[must_use]
    pub fn order(&self) -> &'static str {
        if self.timed { "time" } else { "the file" }
    }
}

/// How a difference of ratings becomes a probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Link {
    /// `sigma(nats d)`.
    Logistic {
        /// Nats a unit of the rating.
        nats: f64,
    },
    /// `Phi(d / sqrt(2 beta^2 + s_i^2 + s_j^2))`, s: the standard deviations of the ratings.
    Normal {
        /// Standard deviation of a performance.
        beta: f64,
    },
}

/// Ratings after the last match.
#[derive(Clone, Debug)]
pub struct Ratings {
    /// The ratings in their own unit, `[n]`.
    pub rating: Array1<f64>,
    /// Their standard deviations in that unit, `[n]`, where the model has them.
    pub sigma: Option<Array1<f64>>,
    /// The order of the matches: `time` or `the file`.
    pub order: &'static str,
    /// How they become probabilities.
    pub link: Link,
}

impl Ratings {
    /// What a registry row gives of them: strengths in nats where the link is logistic, else in the unit of the rating.
    pub(crate) fn fitted(self, labels: &[String]) -> Fitted {
        let mean = self.rating.mean().expect("there are items");
        let scale = if let Link::Logistic { nats } = self.link { nats } else { 1.0 };
        Fitted {
            log_strength: Some(self.rating.mapv(|r| scale * (r - mean))),
            standard_error: self.sigma.clone(),
            ..Fitted::new(labels.to_vec(), self)
        }
    }
}

impl ModelResult for Ratings {
    fn prob(&self, i: usize, j: usize) -> f64 {
        let d = self.rating[i] - self.rating[j];
        match self.link {
            Link::Logistic { nats } => logistic(nats * d),
            Link::Normal { beta } => {
                let variance = |i: usize| self.sigma.as_ref().map_or(0.0, |s| s[i] * s[i]);
                normal_cdf(d / (2.0 * beta * beta + variance(i) + variance(j)).sqrt())
            }
        }
    }

    fn own(&self) -> Map<String, Value> {
        Map::from_iter([
            ("rating".to_owned(), json!(self.rating.to_vec())),
            ("order".to_owned(), json!(self.order)),
        ])
    }

    fn columns(&self) -> Vec<Column> {
        vec![Column { name: "rating".to_owned(), values: self.rating.clone(), errors: self.sigma.clone() }]
    }

    fn notes(&self) -> Vec<String> {
        vec![format!(
            "in the order of {}: another order gives other ratings (see equipoise rank)",
            self.order
        )]
    }
}
