//! A judge with a temperature, a bias towards the answer that it reads first, and a ceiling.
//!
//! ```text
//! Pr(first) = clip(sigma(d / temperature + position_bias), 1 - ceiling, ceiling)        d = log(p / (1 - p))
//! ```
//!
//! Judging a pair in both orders cancels the bias to first order (`two-orders`). Of answers with ties the decided ones are
//! changed.

use equipoise_core::Duel;
use equipoise_core::logistic::logistic;
use equipoise_core::registry::{BuildError, ensure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Before, Channel, ChannelEntry, ChannelOptions, Stage};
use crate::label::Law;

pub(super) const ENTRY: ChannelEntry = ChannelEntry::of::<Judge>(
    "judge",
    Stage::Answers,
    "a judge with a temperature, a bias towards the action listed first, and a ceiling of sureness",
    "position bias of judges, Zheng et al. 2023, arXiv:2306.05685",
);

/// A judge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Judge {
    /// By what log-odds are divided, above 0: above 1 preferences are blurred, below 1 sharpened.
    pub temperature: f64,
    /// Nats that are added for the action listed first; finite.
    pub position_bias: f64,
    /// Largest probability with which one side is preferred, in [0.5, 1].
    pub ceiling: f64,
}

impl Default for Judge {
    fn default() -> Self {
        Self { temperature: 1.0, position_bias: 0.0, ceiling: 1.0 }
    }
}

impl ChannelOptions for Judge {
    fn build(self, _seed: u64) -> Result<Box<dyn Channel>, BuildError> {
        let Self { temperature, position_bias, ceiling } = self;
        ensure(
            temperature > 0.0 && temperature.is_finite(),
            "temperature",
            temperature,
            "must be finite and above 0",
        )?;
        ensure(position_bias.is_finite(), "position_bias", position_bias, "must be finite")?;
        ensure((0.5..=1.0).contains(&ceiling), "ceiling", ceiling, "must be in [0.5, 1]")?;
        Ok(Box::new(self))
    }
}

impl Channel for Judge {
    fn law(&self, pair: Duel, before: &Before<'_>) -> Law {
        let law = before.law(pair);
        let d = law.log_odds() / self.temperature + self.position_bias;
        let clip = |p: f64| p.clamp(1.0 - self.ceiling, self.ceiling);
        law.decided_by(&Law::decided(clip(logistic(d)), clip(logistic(-d))))
    }
}
