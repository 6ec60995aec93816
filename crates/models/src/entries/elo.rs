//! Elo: a rating that moves with every match.
//!
//! ```text
//! R_a += K (S - E),  E = 1 / (1 + base^((R_b - R_a) / scale)),  S = 1, 1/2, 0;  R_b likewise
//! ```
//!
//! In a match of k, a ranking, every item moves by the mean over its k - 1 opponents, from the ratings before it. Matches are
//! taken in the order of their times, else the ratings are means over shuffled orders ([`sequential`](crate::sequential)).
//!
//! Elo 1978. A match is a gradient step of length `K ln base / scale` on the Bradley-Terry log-likelihood. Cost: O(1) a match.

use equipoise_core::registry::{BuildError, ensure};
use equipoise_data::Battles;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::FitError;
use crate::fitted::Fitted;
use crate::registry::{ModelEntry, PreferenceModel, Watch};
use crate::sequential::{Link, Pair, Ratings, in_any_order};

pub(super) const ENTRY: ModelEntry = ModelEntry::of::<Elo>(
    "elo",
    "R_a += K (S - E), E = 1 / (1 + base^((R_b - R_a) / scale)), match by match; K = 4, base 10, scale 400",
    "Elo 1978",
)
.fitted("one pass by time, else the mean over shuffles; spread over shuffles in `rank`")
.ordered();

/// Elo's constants.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Elo {
    /// Points that a match moves at most.
    pub k: f64,
    /// Rating of a newcomer.
    pub start: f64,
    /// What the odds are multiplied by where ratings are `scale` apart, above 1.
    pub base: f64,
    /// Points in which the odds are multiplied by `base`.
    pub scale: f64,
}

impl Default for Elo {
    fn default() -> Self {
        Self { k: 4.0, start: 1000.0, base: 10.0, scale: 400.0 }
    }
}

impl Elo {
    /// Nats of log odds a point.
    fn nats(&self) -> f64 {
        self.base.ln() / self.scale
    }

    /// Ratings after the matches, `[n]`, each given by its pairs: in a match of k every item moves by the mean over its
    /// opponents, from the ratings before the match.
    #[must_use]
    pub fn rate<'a>(&self, n: usize, matches: impl IntoIterator<Item = &'a [Pair]>) -> Vec<f64> {
        let mut ratings = vec![self.start; n];
        let mut moves: Vec<(u32, f64, f64)> = Vec::new();
        let nats = self.nats();
        let moved = |ratings: &[f64], pair: &Pair| {
            let (a, b) = (ratings[pair.first as usize], ratings[pair.second as usize]);
            self.k * (pair.outcome.score() - 1.0 / (1.0 + (nats * (b - a)).exp()))
        };
        for pairs in matches {
            if let [pair] = pairs {
                let moved = moved(&ratings, pair);
                ratings[pair.first as usize] += moved;
                ratings[pair.second as usize] -= moved;
                continue;
            }
            let both = |pair: &Pair| {
                let moved = moved(&ratings, pair);
                [(pair.first, moved, 1.0), (pair.second, -moved, 1.0)]
            };
            moves.extend(pairs.iter().flat_map(both));
            moves.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
            for of_item in moves.chunk_by(|a, b| a.0 == b.0) {
                let (sum, opponents) = of_item.iter().fold((0.0, 0.0), |s, m| (s.0 + m.1, s.1 + m.2));
                ratings[of_item[0].0 as usize] += sum / opponents;
            }
            moves.clear();
        }
        ratings
    }
}

impl PreferenceModel for Elo {
    type Options = Self;
    type Data = Battles;

    fn check(elo: &Self) -> Result<(), BuildError> {
        ensure(elo.k > 0.0 && elo.k.is_finite(), "k", elo.k, "must be a finite number above 0")?;
        ensure(elo.base > 1.0 && elo.base.is_finite(), "base", elo.base, "must be a finite number above 1")?;
        ensure(
            elo.scale > 0.0 && elo.scale.is_finite(),
            "scale",
            elo.scale,
            "must be a finite number above 0",
        )?;
        ensure(elo.start.is_finite(), "start", elo.start, "must be a finite number")
    }

    fn fit(data: &Battles, elo: Self, watch: Watch<'_>) -> Result<Fitted, FitError> {
        let link = Link::Logistic { nats: elo.nats() };
        let n = data.labels.len();
        let (order, rating, _) = in_any_order(data, |matches| (elo.rate(n, matches), vec![0.0; n]), watch)?;
        Ok(Ratings { rating: rating.into(), sigma: None, order, link }.fitted(&data.labels))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use equipoise_core::logistic::logistic;
    use equipoise_data::Outcome;

    #[test]
    fn elo_is_gradient_ascent_on_bradley_terry() {
        let games: Vec<[Pair; 1]> = (0..200u32)
            .map(|k| Pair {
                first: k % 4,
                second: (k + 1 + k % 3) % 4,
                outcome: [Outcome::First, Outcome::Second, Outcome::Tie][(k * k % 3) as usize],
            })
            .filter(|g| g.first != g.second)
            .map(|g| [g])
            .collect();
        let games: Vec<&[Pair]> = games.iter().map(|g| &g[..]).collect();
        let elo = Elo { k: 24.0, start: 0.0, ..Elo::default() };
        let rated = elo.rate(4, games.iter().copied());
        let (scale, mut r) = (10f64.ln() / 400.0, [0.0f64; 4]);
        for g in games.iter().map(|g| g[0]) {
            let (a, b) = (g.first as usize, g.second as usize);
            let slope = g.outcome.score() - logistic(r[a] - r[b]);
            r[a] += elo.k * scale * slope;
            r[b] -= elo.k * scale * slope;
        }
        for i in 0..4 {
            assert_relative_eq!(rated[i] * scale, r[i], epsilon = 1e-12);
        }
        // order matters
        assert!((elo.rate(4, games.iter().rev().copied())[0] - rated[0]).abs() > 1e-3);
    }
}
