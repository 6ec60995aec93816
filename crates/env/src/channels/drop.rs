//! Ties are not recorded: what is left are the decided answers.
//!
//! ```text
//! kept with first + second;   Pr(first) = first / (first + second)
//! ```

use equipoise_core::Duel;
use equipoise_core::registry::BuildError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Before, Channel, ChannelEntry, ChannelOptions, Stage};
use crate::label::Law;

pub(super) const ENTRY: ChannelEntry = ChannelEntry::of::<Drop>(
    "drop",
    Stage::Answers,
    "ties are not recorded",
    "how most reward models are trained; MIRAGE-Bench, arXiv:2410.13716",
);

/// Ties are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Drop {}

impl ChannelOptions for Drop {
    fn build(self, _seed: u64) -> Result<Box<dyn Channel>, BuildError> {
        Ok(Box::new(self))
    }
}

impl Channel for Drop {
    fn law(&self, pair: Duel, before: &Before<'_>) -> Law {
        let law = before.law(pair);
        match law.decisive() {
            // nothing is kept, and nothing is ever drawn from this
            0.0 => law,
            decisive => Law::decided(law.first / decisive, law.second / decisive),
        }
    }

    fn kept(&self, pair: Duel, before: &Before<'_>) -> f64 {
        before.law(pair).decisive()
    }
}
