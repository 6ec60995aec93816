//! Rows written by an adversary.
//!
//! ```text
//! Pr(first) = (1 - e) p + e [the adversary prefers the first]
//! ```
//!
//! It prefers `item` wherever that is listed, and the less likely side of every other pair; of an even pair it leaves the
//! answer as it is. Of the more likely side it takes `e p`, where `flip` takes `e (2 p - 1)`: as much at `p = 1`, and more the
//! closer the pair. It is not symmetric: with an `item` it lifts that one.

use equipoise_core::registry::{BuildError, ensure};
use equipoise_core::{Duel, Shape};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Before, Channel, ChannelEntry, ChannelOptions, Stage, check_rate};
use crate::label::Law;

pub(super) const ENTRY: ChannelEntry = ChannelEntry::of::<Adversarial>(
    "adversarial",
    Stage::Answers,
    "a share of the answers is an adversary's: for one action, or for the less likely side",
    "adversarial corruptions of CURATRON, arXiv:2403.02745; poisoned preference data; Baumgaertner et al. 2024, arXiv:2404.05530",
);

/// Adversarial rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Adversarial {
    /// Share of the adversary's answers, in [0, 1].
    pub rate: f64,
    /// The action that it prefers to all others, from 0; none: it prefers the less likely side.
    pub item: Option<usize>,
}

impl Default for Adversarial {
    fn default() -> Self {
        Self { rate: 0.1, item: None }
    }
}

impl ChannelOptions for Adversarial {
    fn build(self, _seed: u64) -> Result<Box<dyn Channel>, BuildError> {
        check_rate(self.rate)?;
        Ok(Box::new(self))
    }
}

impl Channel for Adversarial {
    fn law(&self, pair: Duel, before: &Before<'_>) -> Law {
        let law = before.law(pair);
        let prefers_first = match self.item {
            Some(item) if item == pair.left => true,
            Some(item) if item == pair.right => false,
            _ if law.first == law.second => return law,
            _ => law.first < law.second,
        };
        let own = if prefers_first { Law::decided(1.0, 0.0) } else { Law::decided(0.0, 1.0) };
        law.mixed(self.rate, &own)
    }

    fn fits(&self, shape: &Shape) -> Result<(), BuildError> {
        let Some(item) = self.item else { return Ok(()) };
        let most = (0..shape.contexts()).map(|x| shape.actions(x)).max().unwrap_or(0);
        let rule = format!("must be an action: contexts have at most {most}, counted from 0");
        ensure(item < most, "item", item, &rule)
    }
}
