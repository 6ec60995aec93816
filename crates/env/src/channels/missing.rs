//! Rows that are lost, whatever stands in them.

use equipoise_core::Duel;
use equipoise_core::registry::BuildError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Before, Channel, ChannelEntry, ChannelOptions, Stage, check_rate};

pub(super) const ENTRY: ChannelEntry = ChannelEntry::of::<Missing>(
    "missing",
    Stage::Rows,
    "a share of the rows is lost at random",
    "partial observations of CURATRON, arXiv:2403.02745",
);

/// Lost rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Missing {
    /// Probability that a row is lost, in [0, 1].
    pub rate: f64,
}

impl Default for Missing {
    fn default() -> Self {
        Self { rate: 0.1 }
    }
}

impl ChannelOptions for Missing {
    fn build(self, _seed: u64) -> Result<Box<dyn Channel>, BuildError> {
        check_rate(self.rate)?;
        Ok(Box::new(self))
    }
}

impl Channel for Missing {
    fn kept(&self, _pair: Duel, _before: &Before<'_>) -> f64 {
        1.0 - self.rate
    }
}
