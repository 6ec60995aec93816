//! Every pair equally often.

use equipoise_core::sample;

use super::DesignEntry;

pub(super) const ENTRY: DesignEntry = DesignEntry {
    name: "all",
    summary: "every pair equally often, the remainder at random, listed in a random order",
    source: "round robin; balanced designs of paired comparisons, David 1963",
    on_policy: false,
    draw: |candidates, count, rng, out| {
        let n = candidates.actions;
        let mut pairs: Vec<(usize, usize)> = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).collect();
        let (each, rest) = (count / pairs.len(), count % pairs.len());
        // the remainder to a random subset, which comes first
        for k in 0..rest {
            let other = k + sample::index(rng, pairs.len() - k);
            pairs.swap(k, other);
        }
        for (k, &(i, j)) in pairs.iter().enumerate() {
            for _ in 0..each + usize::from(k < rest) {
                out.push(if sample::uniform(rng) < 0.5 { (i, j) } else { (j, i) });
            }
        }
    },
};
