//! How far apart the two are: the absolute log-odds of the answer, recorded with it.
//!
//! ```text
//! magnitude = min(|log(p / (1 - p))|, most)
//! ```
//!
//! What margin Bradley-Terry assumes to be given (Llama 2, arXiv:2307.09288, section 3.2). A tie has magnitude 0.

use equipoise_core::Rng;
use equipoise_core::registry::{BuildError, ensure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Channel, ChannelEntry, ChannelOptions, Stage};
use crate::label::{Label, Law, Outcome};

pub(super) const ENTRY: ChannelEntry = ChannelEntry::of::<Margin>(
    "margin",
    Stage::Written,
    "the true difference of strengths of the pair, in nats, is recorded with the answer",
    "margin loss of Llama 2; Touvron et al. 2023, arXiv:2307.09288",
);

/// True margins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Margin {
    /// Largest margin recorded, in nats, finite and above 0.
    pub most: f64,
}

impl Default for Margin {
    fn default() -> Self {
        Self { most: 6.0 }
    }
}

impl ChannelOptions for Margin {
    fn build(self, _seed: u64) -> Result<Box<dyn Channel>, BuildError> {
        let rule = "must be finite and above 0";
        ensure(self.most > 0.0 && self.most.is_finite(), "most", self.most, rule)?;
        Ok(Box::new(self))
    }
}

impl Channel for Margin {
    fn write(&self, label: Label, law: &Law, _rng: &mut Rng, out: &mut Vec<Label>) {
        let magnitude = match label.outcome {
            Outcome::Tie | Outcome::BothBad => 0.0,
            Outcome::First | Outcome::Second => law.log_odds().abs().min(self.most),
        };
        out.push(Label { magnitude: Some(magnitude), ..label });
    }
}
