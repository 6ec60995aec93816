//! A tie is written as half a win to each side: two rows of half the weight.

use equipoise_core::Rng;
use equipoise_core::registry::BuildError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Channel, ChannelEntry, ChannelOptions, Stage};
use crate::label::{Label, Law, Outcome};

pub(super) const ENTRY: ChannelEntry = ChannelEntry::of::<Half>(
    "half",
    Stage::Written,
    "a tie is recorded as half a win to each side: two rows of weight 1/2",
    "Chatbot Arena, Chiang et al. 2024, arXiv:2403.04132",
);

/// Ties are halved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Half {}

impl ChannelOptions for Half {
    fn build(self, _seed: u64) -> Result<Box<dyn Channel>, BuildError> {
        Ok(Box::new(self))
    }
}

impl Channel for Half {
    fn write(&self, label: Label, _law: &Law, _rng: &mut Rng, out: &mut Vec<Label>) {
        match label.outcome {
            Outcome::First | Outcome::Second => out.push(label),
            Outcome::Tie | Outcome::BothBad => {
                let weight = 0.5 * label.weight;
                out.extend([Outcome::First, Outcome::Second].map(|outcome| Label {
                    outcome,
                    weight,
                    ..label
                }));
            }
        }
    }
}
