//! Soft Condorcet optimisation: ratings that disagree with as few votes as possible, counted smoothly.
//!
//! ```text
//! L(r) = (1 / V) sum_ij w_ij sigma((r_j - r_i) / T)        w_ij: wins of i over j, ties half; V: comparisons of the pair that met most
//! r <- clip(r - eta grad L, low, high), from the middle
//! Pr(i) = sigma((r_i - r_j) / T)
//! ```
//!
//! Lanctot et al. 2024, arXiv:2411.00119, its sigmoid loss, all votes in a step. As T -> 0 the loss tends to the distance of Kemeny's rule. It is
//! not convex, and flat where items are far apart: what is given is the rating after `steps` steps, with the loss and the largest entry
//! of the gradient that is not stopped by a bound. Cost: O(pairs) a step.

use equipoise_core::logistic::logistic;
use equipoise_core::registry::{BuildError, ensure};
use equipoise_data::Comparisons;
use ndarray::Array1;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

use crate::error::FitError;
use crate::fitted::Fitted;
use crate::input::Counts;
use crate::registry::{ModelEntry, PreferenceModel, Watch};
use crate::scores::{Link, Scores, plain};

pub(super) const ENTRY: ModelEntry = ModelEntry::of::<SoftCondorcet>(
    "soft-condorcet",
    "ratings after gradient steps on sum w_ij sigma((r_j - r_i) / T); Pr(i) = sigma((r_i - r_j) / T); T = 5",
    "Lanctot et al. 2024, arXiv:2411.00119",
)
.fitted("projected gradient, a fixed number of steps; no errors");

/// Options of soft Condorcet optimisation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SoftCondorcet {
    /// T: differences of ratings are measured in it.
    pub temperature: f64,
    /// Least rating.
    pub low: f64,
    /// Largest rating.
    pub high: f64,
    /// Length of a step.
    pub learning_rate: f64,
    /// Steps.
    pub steps: u32,
}

impl Default for SoftCondorcet {
    fn default() -> Self {
        Self { temperature: 5.0, low: 0.0, high: 100.0, learning_rate: 20.0, steps: 3000 }
    }
}

impl SoftCondorcet {
    /// Loss and gradient at ratings `[n]`.
    #[must_use]
    pub fn loss(&self, data: &Comparisons, ratings: &Array1<f64>) -> (f64, Array1<f64>) {
        let voters = data.pairs.iter().map(equipoise_data::PairCount::met).fold(0.0, f64::max);
        let (mut loss, mut gradient) = (0.0, Array1::zeros(ratings.len()));
        for pair in &data.pairs {
            let (won, lost) = pair.scores();
            let d = (ratings[pair.i] - ratings[pair.j]) / self.temperature;
            let (up, down) = (logistic(d), logistic(-d));
            loss += (won * down + lost * up) / voters;
            let slope = (lost - won) * up * down / (voters * self.temperature);
            gradient[pair.i] += slope;
            gradient[pair.j] -= slope;
        }
        (loss, gradient)
    }

    /// Ratings after the steps, `[n]`.
    #[must_use]
    pub fn rate(&self, data: &Comparisons) -> Array1<f64> {
        self.rate_watched(data, &|_| ())
    }

    fn rate_watched(&self, data: &Comparisons, watch: Watch<'_>) -> Array1<f64> {
        let mut ratings = Array1::from_elem(data.n(), 0.5 * (self.low + self.high));
        for step in 0..self.steps {
            watch(f64::from(step) / f64::from(self.steps));
            let (_, gradient) = self.loss(data, &ratings);
            ratings.zip_mut_with(&gradient, |r, g| {
                *r = (*r - self.learning_rate * g).clamp(self.low, self.high)
            });
        }
        ratings
    }
}

impl PreferenceModel for SoftCondorcet {
    type Options = Self;
    type Data = Counts;

    fn check(options: &Self) -> Result<(), BuildError> {
        let Self { temperature, low, high, learning_rate, .. } = *options;
        for (key, value) in [("temperature", temperature), ("learning_rate", learning_rate)] {
            ensure(value > 0.0 && value.is_finite(), key, value, "must be a finite number above 0")?;
        }
        let bounded = low.is_finite() && high.is_finite() && low < high;
        ensure(bounded, "high", high, "must be a finite number above low")
    }

    fn fit(data: &Counts, options: Self, watch: Watch<'_>) -> Result<Fitted, FitError> {
        let data = plain(data, ENTRY.name)?;
        let values = options.rate_watched(data, watch);
        let (loss, gradient) = options.loss(data, &values);
        let stopped = |r: f64, g: f64| (r == options.low && g > 0.0) || (r == options.high && g < 0.0);
        let left = values.iter().zip(&gradient).filter(|(r, g)| !stopped(**r, **g));
        let left = left.map(|(_, g)| g.abs()).fold(0.0, f64::max);
        let own = [("loss", json!(loss)), ("gradient", json!(left)), ("steps", json!(options.steps))];
        let own = Map::from_iter(own.map(|(key, value)| (key.to_owned(), value)));
        let linked = values.clone();
        let link = Link::Logistic { temperature: options.temperature };
        Ok(Scores { name: "rating", values, linked, link, own }.fitted(&data.labels))
    }
}
