//! Rankings of `K` actions in place of comparisons.
//!
//! The pair is filled up with actions drawn without replacement, and the set is ranked from the top: the next place goes to an
//! action with the probability of the stationary law of the chain that leaves `i` for `j` with rate `Pr(j beats i)` among
//! those left:
//!
//! ```text
//! sum over j of q_i Pr(j beats i) = sum over j of q_j Pr(i beats j)
//! ```
//!
//! Where the preferences are Bradley-Terry's this is `q_i = s_i / sum s`, and the ranking Plackett-Luce's, exactly; of two
//! actions it is the comparison itself, whatever the preferences. Ties count half. The chain is that of Rank Centrality
//! (Negahban, Oh, Shah 2017, arXiv:1209.1688); K-wise data as in Zhu, Jordan, Jiao 2023, arXiv:2301.11270.

use equipoise_core::registry::{BuildError, ensure};
use equipoise_core::{Duel, Rng, sample};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Before, Channel, ChannelEntry, ChannelOptions, Stage};
use crate::label::Ranked;

pub(super) const ENTRY: ChannelEntry = ChannelEntry::of::<Rankings>(
    "rankings",
    Stage::Ranked,
    "rankings of K actions are recorded in place of comparisons; of Bradley-Terry preferences by Plackett-Luce",
    "K-wise comparisons, arXiv:2301.11270",
);

/// Rankings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rankings {
    /// Actions of a ranking, in [2, 16]; contexts with fewer are ranked whole. Charged as the comparisons that it orders.
    pub size: usize,
}

impl Default for Rankings {
    fn default() -> Self {
        Self { size: 4 }
    }
}

impl ChannelOptions for Rankings {
    fn build(self, _seed: u64) -> Result<Box<dyn Channel>, BuildError> {
        ensure((2..=16).contains(&self.size), "size", self.size, "must be in [2, 16]")?;
        Ok(Box::new(self))
    }
}

/// The stationary law of the chain with these rates, `rates[i][j]` from `i` to `j`, `[n][n]`; of any two states one is left
/// for the other. By elimination of states, without a subtraction (Grassmann, Taksar, Heyman 1985).
pub(crate) fn stationary(mut rates: Vec<Vec<f64>>) -> Vec<f64> {
    let n = rates.len();
    let mut left: Vec<usize> = (0..n).collect();
    // what is eliminated, with the inflow from those left and the outflow to them
    type Eliminated = (usize, Vec<(usize, f64)>, f64);
    let mut eliminated: Vec<Eliminated> = Vec::new();
    while left.len() > 1 {
        let outflow = |k: usize| left.iter().filter(|&&j| j != k).map(|&j| rates[k][j]).sum::<f64>();
        // one of them is left for another, so that the largest outflow is not 0
        let at =
            (0..left.len()).max_by(|&a, &b| outflow(left[a]).total_cmp(&outflow(left[b])).then(a.cmp(&b)));
        let k = left[at.unwrap_or(0)];
        let out = outflow(k);
        left.retain(|&j| j != k);
        for &i in &left {
            let into = rates[i][k];
            for &j in left.iter().filter(|&&j| j != i) {
                rates[i][j] += into * rates[k][j] / out;
            }
        }
        eliminated.push((k, left.iter().map(|&i| (i, rates[i][k])).collect(), out));
    }
    let mut law = vec![0.0; n];
    law[left[0]] = 1.0;
    for (k, inflow, out) in eliminated.into_iter().rev() {
        law[k] = inflow.iter().map(|&(i, rate)| law[i] * rate).sum::<f64>() / out;
    }
    let sum: f64 = law.iter().sum();
    law.into_iter().map(|q| q / sum).collect()
}

impl Channel for Rankings {
    fn ranked(&self, pair: Duel, before: &Before<'_>, rng: &mut Rng) -> Option<Ranked> {
        let (context, n) = (pair.context, before.actions(pair.context));
        let mut set = vec![pair.left, pair.right];
        while set.len() < self.size.min(n) {
            // the k-th of those not in the set
            let mut k = sample::index(rng, n - set.len());
            let mut taken = set.clone();
            taken.sort_unstable();
            taken.iter().for_each(|&t| k += usize::from(t <= k));
            set.push(k);
        }
        let beats = |i: usize, j: usize| {
            let law = before.law(Duel { context, left: i, right: j });
            law.first + 0.5 * law.ties()
        };
        // asked in both orders, each as likely as the other
        let rate = |i: usize, j: usize| 0.5 * (beats(i, j) + 1.0 - beats(j, i));
        let rates: Vec<Vec<f64>> = set
            .iter()
            .map(|&i| set.iter().map(|&j| if i == j { 0.0 } else { rate(j, i) }).collect())
            .collect();
        let mut left: Vec<usize> = (0..set.len()).collect();
        let mut order = Vec::with_capacity(set.len());
        while left.len() > 1 {
            let law = stationary(left.iter().map(|&i| left.iter().map(|&j| rates[i][j]).collect()).collect());
            let u = sample::uniform(rng);
            let mut sum = 0.0;
            let place = law.iter().position(|q| {
                sum += q;
                u < sum
            });
            let last = law.iter().rposition(|q| *q > 0.0).unwrap_or(0);
            order.push(set[left.remove(place.unwrap_or(last))] as u32);
        }
        order.push(set[left[0]] as u32);
        Some(Ranked { context: context as u32, order })
    }

    fn price(&self, actions: usize) -> u64 {
        let k = self.size.min(actions);
        (k * k.saturating_sub(1) / 2) as u64
    }
}
