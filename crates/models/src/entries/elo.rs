//! Elo: a rating that moves with every match.
//!
//! ```text
//! R_a += K (S - E),  E = 1 / (1 + 10^((R_b - R_a) / 400)),  S = 1, 1/2, 0;  R_b likewise
//! ```
//!
//! Elo 1978. A match is a gradient step of length `K ln 10 / 400` on the Bradley-Terry log-likelihood. Cost: O(1) a match.

use equipoise_core::registry::{BuildError, ensure};
use equipoise_core::{Rng, sample};
use equipoise_data::{Battle, Battles, Outcome};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::FitError;
use crate::fitted::Fitted;
use crate::registry::{ModelEntry, PreferenceModel};
use crate::sequential::{Link, Matches, Ratings};

pub(super) const ENTRY: ModelEntry = ModelEntry::of::<Elo>(
    "elo",
    "R_a += K (S - E), E = 1 / (1 + 10^((R_b - R_a) / 400)), match by match; K = 4",
    "Elo 1978",
)
.fitted("one pass; spread over shuffles in `rank`")
.ordered();

/// Elo's constants.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Elo {
    /// Points that a match moves at most.
    pub k: f64,
    /// Rating of a newcomer.
    pub start: f64,
}

impl Default for Elo {
    fn default() -> Self {
        Self { k: 4.0, start: 1000.0 }
    }
}

impl Elo {
    /// Ratings after the matches, `[n]`; a row of weight w is w matches (rounded).
    #[must_use]
    pub fn rate(&self, n: usize, matches: &[Battle]) -> Vec<f64> {
        let mut ratings = vec![self.start; n];
        for m in matches {
            let (a, b) = (m.first as usize, m.second as usize);
            let score = score(m.outcome);
            for _ in 0..m.weight.round() as u64 {
                let moved = self.k * (score - 1.0 / (1.0 + 10f64.powf((ratings[b] - ratings[a]) / 400.0)));
                ratings[a] += moved;
                ratings[b] -= moved;
            }
        }
        ratings
    }

    /// Mean and standard deviation of the ratings over shuffled orders, `[n]` each.
    #[must_use]
    pub fn rate_shuffled(
        &self,
        n: usize,
        matches: &[Battle],
        shuffles: u32,
        rng: &mut Rng,
    ) -> (Vec<f64>, Vec<f64>) {
        let mut single: Vec<Battle> = matches
            .iter()
            .flat_map(|m| std::iter::repeat_n(Battle { weight: 1.0, ..*m }, m.weight.round() as usize))
            .collect();
        let (mut sum, mut squares) = (vec![0.0; n], vec![0.0; n]);
        for _ in 0..shuffles {
            for k in (1..single.len()).rev() {
                single.swap(k, sample::index(rng, k + 1));
            }
            for (i, r) in self.rate(n, &single).into_iter().enumerate() {
                sum[i] += r - self.start;
                squares[i] += (r - self.start).powi(2);
            }
        }
        let count = f64::from(shuffles.max(1));
        let deviation =
            (0..n).map(|i| (squares[i] / count - (sum[i] / count).powi(2)).max(0.0).sqrt()).collect();
        (sum.iter().map(|s| self.start + s / count).collect(), deviation)
    }
}

impl PreferenceModel for Elo {
    type Options = Self;
    type Data = Battles;

    fn check(elo: &Self) -> Result<(), BuildError> {
        ensure(elo.k > 0.0 && elo.k.is_finite(), "k", elo.k, "must be a finite number above 0")?;
        ensure(elo.start.is_finite(), "start", elo.start, "must be a finite number")
    }

    fn fit(data: &Battles, elo: Self) -> Result<Fitted, FitError> {
        let matches = Matches::of(data)?;
        let ratings = elo.rate(data.labels.len(), &matches.rows);
        let link = Link::Logistic { nats: 10f64.ln() / 400.0 };
        Ok(Ratings { rating: ratings.into(), sigma: None, order: matches.order(), link }.fitted(&data.labels))
    }
}

fn score(outcome: Outcome) -> f64 {
    match outcome {
        Outcome::First => 1.0,
        Outcome::Second => 0.0,
        Outcome::Tie | Outcome::BothBad => 0.5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use equipoise_core::logistic::logistic;

    fn game(first: u32, second: u32, outcome: Outcome) -> Battle {
        Battle { first, second, outcome, weight: 1.0, context: 0, annotator: 0, time: None, magnitude: 1.0 }
    }

    #[test]
    fn elo_is_gradient_ascent_on_bradley_terry() {
        let games: Vec<Battle> = (0..200u32)
            .map(|k| {
                game(
                    k % 4,
                    (k + 1 + k % 3) % 4,
                    [Outcome::First, Outcome::Second, Outcome::Tie][(k * k % 3) as usize],
                )
            })
            .filter(|g| g.first != g.second)
            .collect();
        let elo = Elo { k: 24.0, start: 0.0 };
        let rated = elo.rate(4, &games);
        let (scale, mut r) = (10f64.ln() / 400.0, [0.0f64; 4]);
        for g in &games {
            let (a, b) = (g.first as usize, g.second as usize);
            let slope = score(g.outcome) - logistic(r[a] - r[b]);
            r[a] += elo.k * scale * slope;
            r[b] -= elo.k * scale * slope;
        }
        for i in 0..4 {
            assert_relative_eq!(rated[i] * scale, r[i], epsilon = 1e-12);
        }
        // order matters
        let reversed: Vec<Battle> = games.iter().rev().copied().collect();
        assert!((elo.rate(4, &reversed)[0] - rated[0]).abs() > 1e-3);
    }
}
