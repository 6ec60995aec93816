//! When to stop.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Limits of a run; whichever comes first ends it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Steps, at least 1.
    pub steps: u64,
    /// Stop when the last iterate meets every value here, by metric: at or below it, or at or above it where larger is better.
    pub target: BTreeMap<String, f64>,
    /// Seconds in the solver's steps, measuring excluded.
    pub seconds: Option<f64>,
    /// Win-rate queries: no step is begun from here on.
    pub queries: Option<u64>,
    /// Duels: no step is begun from here on.
    pub duels: Option<u64>,
}

impl Limits {
    /// Only a number of steps.
    #[must_use]
    pub fn steps(steps: u64) -> Self {
        Self { steps, target: BTreeMap::new(), seconds: None, queries: None, duels: None }
    }
}
