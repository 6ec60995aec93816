//! Pairs that are too close are left out.
//!
//! ```text
//! kept iff |Pr(first) - Pr(second)| / 2 >= least
//! ```
//!
//! The filter of pairs by their pass rates in ACECODER (arXiv:2502.01718), in terms of the margin `P - 1/2`: what is left is
//! nearly transitive by construction.

use equipoise_core::Duel;
use equipoise_core::registry::{BuildError, ensure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Before, Channel, ChannelEntry, ChannelOptions, Stage};

pub(super) const ENTRY: ChannelEntry = ChannelEntry::of::<Threshold>(
    "threshold",
    Stage::Rows,
    "only pairs are recorded whose preference is far enough from even",
    "pair filter of ACECODER, arXiv:2502.01718",
);

/// A filter of pairs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Threshold {
    /// Least margin `|Pr(first) - Pr(second)| / 2` of a pair, in [0, 0.5].
    pub least: f64,
}

impl Default for Threshold {
    fn default() -> Self {
        Self { least: 0.1 }
    }
}

impl ChannelOptions for Threshold {
    fn build(self, _seed: u64) -> Result<Box<dyn Channel>, BuildError> {
        ensure((0.0..=0.5).contains(&self.least), "least", self.least, "must be a margin in [0, 0.5]")?;
        Ok(Box::new(self))
    }
}

impl Channel for Threshold {
    fn kept(&self, pair: Duel, before: &Before<'_>) -> f64 {
        let law = before.law(pair);
        if 0.5 * (law.first - law.second).abs() >= self.least { 1.0 } else { 0.0 }
    }
}
