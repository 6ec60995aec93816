//! What a page needs to know about a metric to show its values.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::vocabulary::{UnknownWord, vocabulary};

/// The gap of the original game.
pub const DUALITY_GAP: &str = "duality_gap";
/// The gap of the regularised game.
pub const DUALITY_GAP_TAU: &str = "duality_gap_tau";

/// At or below this gap a policy counts as being at the equilibrium: one threshold for one word. In win-rate units, far above
/// rounding and far below any question.
pub const CONVERGED: f64 = 1e-10;

vocabulary! {
    /// The axis on which values of a metric are told apart.
    Scale, "scale" {
        /// Ratios matter: values fall over orders of magnitude.
        Log = "log",
        /// Differences matter.
        Linear = "linear",
    }
}

vocabulary! {
    /// Which values of a metric are better.
    Direction, "direction" {
        /// Lower is better.
        Lower = "lower",
        /// Higher is better.
        Higher = "higher",
        /// Neither: the value describes a policy and does not judge it.
        Neither = "neither",
    }
}

/// A metric as its values are shown: one entry of `metrics.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricInfo {
    /// Registry name: YAML key and CSV value.
    pub name: String,
    /// Definition, with its range.
    pub definition: String,
    /// Unit of its values: `win rate`, `nats`, `actions`; empty if not known.
    pub unit: String,
    /// The axis it is drawn on.
    pub scale: Scale,
    /// Which values are better.
    pub direction: Direction,
    /// Whether 0 is the optimum that methods aim at.
    pub vanishes: bool,
}

impl MetricInfo {
    /// What can be said of a metric of which only the name was recorded: the two gaps are known, all others are shown on a
    /// linear axis and not judged.
    #[must_use]
    pub fn undescribed(name: &str) -> Self {
        let gap = name == DUALITY_GAP || name == DUALITY_GAP_TAU;
        Self {
            name: name.to_owned(),
            definition: String::new(),
            unit: if gap { "win rate".to_owned() } else { String::new() },
            scale: if gap { Scale::Log } else { Scale::Linear },
            direction: if gap { Direction::Lower } else { Direction::Neither },
            vanishes: gap,
        }
    }
}
