//! Ordered pairs drawn uniformly.

use super::{DesignEntry, product};

pub(super) const ENTRY: DesignEntry = DesignEntry {
    name: "uniform",
    summary: "two different actions, each equally likely",
    source: "the usual assumption of theorems; objectives under uniform sampling",
    on_policy: false,
    draw: |candidates, count, rng, out| {
        product(&vec![1.0 / candidates.actions as f64; candidates.actions], count, rng, out);
    },
};
