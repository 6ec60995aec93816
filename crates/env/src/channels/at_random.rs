//! Ties given to either side by a fair draw, as annotation guidelines that allow no tie have it.
//!
//! ```text
//! Pr(first) = first + (tie + both bad) / 2
//! ```

use equipoise_core::Duel;
use equipoise_core::registry::BuildError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Before, Channel, ChannelEntry, ChannelOptions, Stage};
use crate::label::Law;

pub(super) const ENTRY: ChannelEntry = ChannelEntry::of::<AtRandom>(
    "at-random",
    Stage::Answers,
    "a tie is given to either side with probability one half",
    "forced choice; how DPO is given ties in TODO, arXiv:2411.02442",
);

/// No ties are left: each is decided by a fair draw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AtRandom {}

impl ChannelOptions for AtRandom {
    fn build(self, _seed: u64) -> Result<Box<dyn Channel>, BuildError> {
        Ok(Box::new(self))
    }
}

impl Channel for AtRandom {
    fn law(&self, pair: Duel, before: &Before<'_>) -> Law {
        let law = before.law(pair);
        let half = 0.5 * law.ties();
        Law::decided(law.first + half, law.second + half)
    }
}
