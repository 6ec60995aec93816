//! How the items listed first fared, as it is published.

use std::fmt;

use equipoise::models::position::Position;
use serde::Serialize;

/// How the items listed first fared.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PositionFacts {
    /// Wins of the item listed first.
    pub first_wins: f64,
    /// Comparisons that either won.
    pub decided: f64,
    /// Bonus of the item listed first, in nats; `None` where no pair was listed both ways.
    pub home: Option<f64>,
    /// Its standard error.
    pub home_standard_error: Option<f64>,
    /// Two-sided, of no bonus; `None` where place and strength cannot be told apart.
    pub p_value: Option<f64>,
    /// Two-sided sign test of the decided comparisons.
    #[serde(skip)]
    pub even: Option<f64>,
}

impl From<Position> for PositionFacts {
    fn from(found: Position) -> Self {
        Self {
            first_wins: found.first,
            decided: found.decided,
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
            (Some(p), _) => {
                write!(f, "Position: the first listed item won {first_wins} of {decided} (p = {}).", Small(p))
            }
            (None, Some(p)) if p < 0.05 && 2.0 * first_wins > *decided => write!(
                f,
                "Position: the first listed item won {first_wins} of {decided}, and no pair was listed both ways: position and \
                 strength cannot be told apart."
            ),
            _ => Ok(()),
        }
    }
}

/// A p-value: three decimals, or a power of ten where they would be 0.
struct Small(f64);

impl fmt::Display for Small {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1e-3 { write!(f, "{:.1e}", self.0) } else { write!(f, "{:.3}", self.0) }
    }
}
