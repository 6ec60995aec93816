//! Token trees: a response is a string of tokens, and a node of the tree a distribution over the next one.
//!
//! A table of the nodes reaches every policy; tied nodes share parameters, those with the same last tokens, in all contexts.

use std::sync::Arc;

use equipoise_core::class_entry::{Contexts, PolicyConfig, PolicyEntry};
use equipoise_core::registry::ensure;
use equipoise_core::{BuildError, PolicyClass};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::tree::{Plan, Trees};

/// Most parameters of tied nodes.
const MOST: usize = 1_000_000;

/// Options of `token-tree`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Tokens, from 2 (3 with an end token) to 64. The depth is the least that gives each context its number of responses; where the
    /// full tree has more leaves, the last are left out.
    pub vocabulary: usize,
    /// Whether token 0 ends a response, so that responses differ in length.
    pub end_token: bool,
    /// How many of the last tokens decide the parameters of a node, in all contexts; unset: every node of every context has
    /// its own.
    pub order: Option<usize>,
}

impl Default for Config {
    fn default() -> Self {
        Self { vocabulary: 3, end_token: false, order: None }
    }
}

impl PolicyConfig for Config {
    fn bind(self, contexts: &Contexts) -> Result<Arc<dyn PolicyClass>, BuildError> {
        let v = self.vocabulary;
        let least = 2 + usize::from(self.end_token);
        let rule = format!("must lie in [{least}, 64]");
        ensure((least..=64).contains(&v), "vocabulary", v, &rule)?;
        // rows of shorter strings, of the first tokens, lie before those of longer ones
        let power = |k: usize| u32::try_from(k).ok().and_then(|k| v.checked_pow(k)).unwrap_or(usize::MAX);
        let before = |length: usize| (0..length).fold(0usize, |sum, k| sum.saturating_add(power(k)));
        let rows = self.order.map_or(0, |k| before(k + 1));
        if let Some(order) = self.order {
            let rule = "the tied nodes have at most 1e6 parameters: vocabulary^(order + 1) and fewer";
            ensure(order < 20 && rows.saturating_mul(v) <= MOST, "order", order, rule)?;
        }
        let suffix = |path: &[usize]| {
            let last = &path[path.len() - path.len().min(self.order.unwrap_or(0))..];
            v * (before(last.len()) + last.iter().fold(0, |index, token| index * v + token))
        };
        let plan = Plan {
            width: &|_| v,
            chance: &|_| false,
            ends: self.end_token,
            may_end: &|_| true,
            row: self.order.is_some().then_some(&suffix),
        };
        Ok(Arc::new(Trees::new(&plan, rows * v, &contexts.reference)?))
    }
}

/// Registry row.
pub const ENTRY: PolicyEntry = PolicyEntry::of::<Config>(
    "token-tree",
    "responses are strings of tokens; a softmax over the next token at every node, or one for all with the same last tokens",
    "autoregressive policies over a finite vocabulary",
    "finite differences, transposes, the product of softmaxes by brute force, parameters of tied trees counted",
);
