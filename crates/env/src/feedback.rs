//! What an oracle's answers are made of: exact numbers, or duels drawn from them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an oracle's answers are made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Feedback {
    /// Win rates to rounding; a duel answers with its probability.
    Exact,
    /// Win rates estimated from duels.
    Sampled(Sampled),
}

/// How win rates are estimated from duels.
///
/// A query spends exactly `duels_per_query` duels in each context, shared out over the actions as evenly as possible (the
/// remainder to a random subset), so that `q_i = 1/2 + (n / m) sum (z - 1/2)` over the duels `z` of action `i` is
/// unbiased for every `m >= 1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sampled {
    /// Duels that one win-rate query spends in each context, at least 1.
    pub duels_per_query: u32,
    /// What a duel answers with: `bernoulli` (0 or 1) or `probability` (the published "empirical" mode).
    pub labels: LabelKind,
    /// Against whom an action duels in a query: `sampled` from the opponent policy, or `exact` (its win rate).
    pub opponent: OpponentKind,
}

impl Default for Sampled {
    fn default() -> Self {
        Self { duels_per_query: 64, labels: LabelKind::Bernoulli, opponent: OpponentKind::Sampled }
    }
}

/// What a duel answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LabelKind {
    /// One draw: 1 if the left action wins, else 0.
    Bernoulli,
    /// The probability itself.
    Probability,
}

/// Against whom an action duels in a sampled query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OpponentKind {
    /// An action drawn from the opponent policy, anew for each duel.
    Sampled,
    /// The opponent policy itself: the label's probability is the exact win rate.
    Exact,
}
