//! Pairs of responses of the reference policy.

use super::{DesignEntry, product};

pub(super) const ENTRY: DesignEntry = DesignEntry {
    name: "reference",
    summary: "two different actions, both drawn from the reference policy",
    source: "offline preference data, as of DPO, arXiv:2305.18290",
    on_policy: false,
    draw: |candidates, count, rng, out| product(candidates.reference, count, rng, out),
};
