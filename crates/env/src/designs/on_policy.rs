//! Pairs of responses of the policy being played.

use super::{DesignEntry, product};

pub(super) const ENTRY: DesignEntry = DesignEntry {
    name: "on-policy",
    summary: "two different actions, both drawn from the policy being played when the labels are bought",
    source: "online preference data, as of online DPO; Guo et al. 2024, arXiv:2402.04792",
    on_policy: true,
    draw: |candidates, count, rng, out| product(candidates.played, count, rng, out),
};
