//! Random flips: an answer is exchanged for the opposite one.
//!
//! ```text
//! Pr(first) = (1 - e) p + e (1 - p)
//! ```
//!
//! The noise of rDPO (arXiv:2403.00409) and cDPO; at `e = 1/2` nothing is left of the preference. Ties stay ties.

use equipoise_core::Duel;
use equipoise_core::registry::BuildError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Before, Channel, ChannelEntry, ChannelOptions, Stage, check_rate};
use crate::label::Law;

pub(super) const ENTRY: ChannelEntry = ChannelEntry::of::<Flip>(
    "flip",
    Stage::Answers,
    "every answer is exchanged for the opposite one with a probability",
    "rDPO, arXiv:2403.00409",
);

/// Random flips.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Flip {
    /// Probability of a flip, in [0, 1].
    pub rate: f64,
}

impl Default for Flip {
    fn default() -> Self {
        Self { rate: 0.1 }
    }
}

impl ChannelOptions for Flip {
    fn build(self, _seed: u64) -> Result<Box<dyn Channel>, BuildError> {
        check_rate(self.rate)?;
        Ok(Box::new(self))
    }
}

impl Channel for Flip {
    fn law(&self, pair: Duel, before: &Before<'_>) -> Law {
        let law = before.law(pair);
        law.mixed(self.rate, &law.turned())
    }
}
