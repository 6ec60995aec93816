//! Every pair is asked in both orders.
//!
//! ```text
//! both     two rows, one for each order
//! agreed   one row: first = Pr(first | first, second) Pr(second | second, first) and so on; a tie where the answers differ
//! ```
//!
//! The remedy for the bias of a judge towards what it reads first (Zheng et al. 2023, arXiv:2306.05685): of `both` it cancels in
//! the sum of wins to first order, of `agreed` it turns decisions into ties.

use equipoise_core::Duel;
use equipoise_core::registry::BuildError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Before, Channel, ChannelEntry, ChannelOptions, Stage};
use crate::label::Law;

pub(super) const ENTRY: ChannelEntry = ChannelEntry::of::<TwoOrders>(
    "two-orders",
    Stage::Answers,
    "every pair is asked in both orders: two rows, or one with a tie where the answers differ",
    "Zheng et al. 2023, arXiv:2306.05685",
);

/// Both orders.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TwoOrders {
    /// What is recorded: `both` answers, or where they have `agreed`.
    pub record: TwoOrdersRecord,
}

/// What is recorded of two orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TwoOrdersRecord {
    /// Both answers, a row each.
    #[default]
    Both,
    /// One row: a tie unless the answers agree.
    Agreed,
}

impl ChannelOptions for TwoOrders {
    fn build(self, _seed: u64) -> Result<Box<dyn Channel>, BuildError> {
        Ok(Box::new(self))
    }
}

impl Channel for TwoOrders {
    fn law(&self, pair: Duel, before: &Before<'_>) -> Law {
        let one = before.law(pair);
        if self.record == TwoOrdersRecord::Both {
            return one;
        }
        let other = before.law(Duel { left: pair.right, right: pair.left, ..pair }).turned();
        let (first, second) = (one.first * other.first, one.second * other.second);
        let both_bad = one.both_bad * other.both_bad;
        // every pair of answers that differ, and two ties
        let tie = one.first * (1.0 - other.first)
            + one.second * (1.0 - other.second)
            + one.tie
            + one.both_bad * (1.0 - other.both_bad);
        Law { first, second, tie, both_bad }
    }

    fn doubles(&self) -> bool {
        self.record == TwoOrdersRecord::Both
    }

    fn price(&self, _actions: usize) -> u64 {
        2
    }
}
