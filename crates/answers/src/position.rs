//! How the items listed first fared, as it is published.

use std::fmt;

use equipoise::models::intransitivity::PValue;
use equipoise::models::position::Position;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::json;

/// How the items listed first fared.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PositionFacts {
    /// Wins of the item listed first.
    pub first_wins: f64,
    /// Comparisons that either won.
    pub decided: f64,
    /// Whether some pair was listed both ways.
    pub both_ways: bool,
    /// Bonus of the item listed first, in nats; `None` where no pair was listed both ways, or nothing bounds it.
    pub home: Option<f64>,
    /// Its standard error.
    pub home_standard_error: Option<f64>,
    /// Two-sided, of no bonus; `None` where place and strength cannot be told apart.
    pub p_value: Option<f64>,
    /// Two-sided sign test of the decided comparisons.
    #[serde(skip)]
    pub even: Option<f64>,
}

/// The facts under the key `position`, and the bonus alone under `position_bias`.
pub(crate) fn with_bias<S: Serializer>(
    facts: &Option<PositionFacts>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let bias = facts.and_then(|found| {
        let (home, error, p_value) = (found.home?, found.home_standard_error?, found.p_value?);
        Some(json!({ "home": home, "standard_error": error, "p_value": p_value }))
    });
    let mut map = serializer.serialize_map(Some(2))?;
    map.serialize_entry("position_bias", &bias)?;
    map.serialize_entry("position", facts)?;
    map.end()
}

impl From<Position> for PositionFacts {
    fn from(found: Position) -> Self {
        Self {
            first_wins: found.first,
            decided: found.decided,
            both_ways: found.both_ways,
            home: found.home.map(|h| h.0),
            home_standard_error: found.home.map(|h| h.1),
            p_value: found.p_value,
            even: found.even,
        }
    }
}

impl fmt::Display for PositionFacts {
    /// A sentence; empty where there is nothing to say.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first_wins, decided, .. } = self;
        match (self.p_value, self.even) {
            (p @ Some(_), _) => {
                write!(f, "Position: the first listed item won {first_wins} of {decided} ({})", PValue(p))?;
                if let Some((home, error)) = self.home.zip(self.home_standard_error) {
                    write!(f, "; its bonus is {home:+.3} +- {error:.3} nats")?;
                }
                f.write_str(".")
            }
            (None, Some(p)) if p < 0.05 && !self.both_ways => write!(
                f,
                "Position: the first listed item won {first_wins} of {decided}, and no pair was listed both ways: position and \
                 strength cannot be told apart."
            ),
            _ => Ok(()),
        }
    }
}
