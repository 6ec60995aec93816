//! Weights of an average over plays.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much play `t = 1, 2, ..` counts in an average.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Weighting {
    /// All alike.
    #[default]
    Uniform,
    /// `t`.
    Linear,
    /// `t^2`.
    Quadratic,
}

impl Weighting {
    /// The weight of play `t`, from 1.
    #[must_use]
    pub fn of(self, t: f64) -> f64 {
        match self {
            Self::Uniform => 1.0,
            Self::Linear => t,
            Self::Quadratic => t * t,
        }
    }
}
