//! How much better the winner was, in so many levels.
//!
//! An answer is the sign of a latent difference `Y = d + L` with `L` logistic, which gives back `Pr(first) = sigma(d)`; its
//! magnitude is recorded in levels of `unit` nats, the last of which is open:
//!
//! ```text
//! Pr(first, level >= k) = sigma(d - (k - 1) unit),   Pr(second, level >= k) = sigma(-d - (k - 1) unit),   k = 1 .. levels
//! ```
//!
//! The ordered logit model of a scale as that of HelpSteer2-Preference (arXiv:2410.01257), -3 .. 3. A tie has magnitude 0.

use equipoise_core::logistic::logistic;
use equipoise_core::registry::{BuildError, ensure};
use equipoise_core::{Rng, sample};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Channel, ChannelEntry, ChannelOptions, Stage};
use crate::label::{Label, Law, Outcome};

pub(super) const ENTRY: ChannelEntry = ChannelEntry::of::<Magnitude>(
    "magnitude",
    Stage::Written,
    "how much better the winner was is recorded in levels, from the latent difference that decides the answer",
    "HelpSteer2-Preference, arXiv:2410.01257",
);

/// Quantised magnitudes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Magnitude {
    /// Number of levels, at least 1.
    pub levels: u32,
    /// Width of a level in nats, above 0.
    pub unit: f64,
}

impl Default for Magnitude {
    fn default() -> Self {
        Self { levels: 3, unit: 1.0 }
    }
}

impl ChannelOptions for Magnitude {
    fn build(self, _seed: u64) -> Result<Box<dyn Channel>, BuildError> {
        ensure(self.levels >= 1, "levels", self.levels, "must be at least 1")?;
        let rule = "must be finite and above 0";
        ensure(self.unit > 0.0 && self.unit.is_finite(), "unit", self.unit, rule)?;
        Ok(Box::new(self))
    }
}

impl Channel for Magnitude {
    fn write(&self, label: Label, law: &Law, rng: &mut Rng, out: &mut Vec<Label>) {
        let magnitude = match label.outcome {
            Outcome::Tie | Outcome::BothBad => 0.0,
            decided => {
                let d = if decided == Outcome::First { law.log_odds() } else { -law.log_odds() };
                // |Y| given its sign: its survival function sigma(d - y) / sigma(d) at a uniform place in (0, 1]
                let survival = (1.0 - sample::uniform(rng)) * logistic(d);
                let y = d - survival.ln() + (-survival).ln_1p();
                // at d = inf the difference is infinite, and so at the last level
                let level = if y.is_nan() { f64::INFINITY } else { (y / self.unit).ceil() };
                level.clamp(1.0, f64::from(self.levels))
            }
        };
        out.push(Label { magnitude: Some(magnitude), ..label });
    }
}
