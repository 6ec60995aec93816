//! Sparse corruption: a few pairs are answered by other strengths, always the same pairs.
//!
//! ```text
//! log-odds of a pair:  d + s U,   s = +-1 and U uniform in [low, high], for a share of the pairs; d for the others
//! ```
//!
//! The perturbations of CURATRON (arXiv:2403.02745), O(n) a row at a fixed share. Which pairs, and by how much, is drawn from a
//! stream of the run's seed by context and pair, so that no later purchase meets others.

use equipoise_core::Duel;
use equipoise_core::registry::{BuildError, ensure};
use equipoise_core::{sample, seed::stream};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Before, Channel, ChannelEntry, ChannelOptions, Stage, check_rate};
use crate::label::Law;

pub(super) const ENTRY: ChannelEntry = ChannelEntry::of::<Corruption>(
    "corruption",
    Stage::Answers,
    "a share of the pairs is answered by strengths that are shifted, always the same pairs",
    "CURATRON, arXiv:2403.02745",
);

/// Sparse corruption.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Corruption {
    /// Probability that a pair is corrupted, in [0, 1].
    pub rate: f64,
    /// Least shift of its log-odds in nats, at least 0.
    pub low: f64,
    /// Largest shift in nats, finite and at least `low`.
    pub high: f64,
}

impl Default for Corruption {
    fn default() -> Self {
        Self { rate: 0.1, low: 2.0, high: 6.0 }
    }
}

impl ChannelOptions for Corruption {
    fn build(self, seed: u64) -> Result<Box<dyn Channel>, BuildError> {
        check_rate(self.rate)?;
        ensure(self.low >= 0.0, "low", self.low, "must be at least 0")?;
        ensure(
            self.high >= self.low && self.high.is_finite(),
            "high",
            self.high,
            "must be finite and not below `low`",
        )?;
        Ok(Box::new(Corrupted { options: self, seed }))
    }
}

#[derive(Debug)]
struct Corrupted {
    options: Corruption,
    seed: u64,
}

impl Corrupted {
    /// What is added to the log-odds of the lower number against the higher.
    fn shift(&self, context: usize, low: usize, high: usize) -> f64 {
        let ids = [context, low, high].map(|k| k.to_string());
        let mut rng = stream(self.seed, "corruption", &ids.each_ref().map(String::as_str));
        let Corruption { rate, low, high } = self.options;
        if sample::uniform(&mut rng) >= rate {
            return 0.0;
        }
        let size = low + (high - low) * sample::uniform(&mut rng);
        if sample::uniform(&mut rng) < 0.5 { -size } else { size }
    }
}

impl Channel for Corrupted {
    fn law(&self, pair: Duel, before: &Before<'_>) -> Law {
        let (law, Duel { context, left, right }) = (before.law(pair), pair);
        let shift = self.shift(context, left.min(right), left.max(right));
        if shift == 0.0 {
            return law;
        }
        law.at_log_odds(law.log_odds() + if left < right { shift } else { -shift })
    }
}
