//! Multi-turn trees: the policy and nature move in turns, the policy first and last.
//!
//! Nature's law is that of the reference, so a policy of the class differs from it in its own moves only. The responses are
//! the courses of a conversation; not every table over them can be played, and the gap over those that can is by backward
//! induction (`PolicyClass::best_value`).

use std::sync::Arc;

use equipoise_core::class_entry::{Contexts, PolicyConfig, PolicyEntry};
use equipoise_core::registry::ensure;
use equipoise_core::{BuildError, PolicyClass};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::tree::{Plan, Trees};

/// Options of `multi-turn`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Moves of the policy at each of its turns, from 2 to 64. The number of turns is the least that gives each context its number
    /// of responses; where the full tree has more leaves, the last are left out.
    pub actions: usize,
    /// Moves of nature after each turn but the last, from 1 to 64.
    pub observations: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { actions: 2, observations: 2 }
    }
}

impl PolicyConfig for Config {
    fn bind(self, contexts: &Contexts) -> Result<Arc<dyn PolicyClass>, BuildError> {
        let (actions, observations) = (self.actions, self.observations);
        ensure((2..=64).contains(&actions), "actions", actions, "must lie in [2, 64]")?;
        ensure((1..=64).contains(&observations), "observations", observations, "must lie in [1, 64]")?;
        let nature = |level: usize| level % 2 == 1;
        let plan = Plan {
            width: &|level| if nature(level) { observations } else { actions },
            chance: &nature,
            ends: false,
            may_end: &|level| !nature(level),
            row: None,
        };
        Ok(Arc::new(Trees::new(&plan, 0, &contexts.reference)?))
    }
}

/// Registry row.
pub const ENTRY: PolicyEntry = PolicyEntry::of::<Config>(
    "multi-turn",
    "conversations: the policy's moves and nature's in turns, nature's law that of the reference",
    "multi-turn preference optimisation; Shani et al. 2024, arXiv:2405.14655; Shi et al. 2024, arXiv:2406.14868",
    "finite differences, transposes, best responses by enumeration of the deterministic policies",
);
