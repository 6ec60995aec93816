//! Rank centrality: the stationary distribution of moving to who won, by win rates.
//!
//! ```text
//! from i to j at rate  (w_ji + t_ij / 2) / n_ij        Pr(i) = x_i / (x_i + x_j)
//! ```
//!
//! Negahban, Oh, Shah, arXiv:1209.1688. If the win rates are Bradley-Terry's, x is their strengths: the chain is then reversible. An item
//! that a group dominates without a loss has 0. Cost: O(n^3), by elimination.

use ndarray::Array2;
use serde_json::Map;

use crate::error::FitError;
use crate::fitted::Fitted;
use crate::input::Counts;
use crate::registry::{ModelEntry, NoOptions, PreferenceModel};
use crate::scores::{Link, Scores, by_island, plain, stationary};

pub(super) const ENTRY: ModelEntry = ModelEntry::of::<RankCentrality>(
    "rank-centrality",
    "stationary distribution of moving to who won, at the rate of the win rate; Pr(i) = x_i / (x_i + x_j)",
    "Negahban, Oh, Shah, arXiv:1209.1688",
)
.fitted("elimination; no errors");

struct RankCentrality;

impl PreferenceModel for RankCentrality {
    type Options = NoOptions;
    type Data = Counts;

    fn fit(data: &Counts, _: NoOptions) -> Result<Fitted, FitError> {
        let data = plain(data, ENTRY.name)?;
        let values = by_island(data, |wins| {
            let rate = |i: usize, j: usize| match wins[[i, j]] + wins[[j, i]] {
                0.0 => 0.0,
                met => wins[[j, i]] / met,
            };
            stationary(&Array2::from_shape_fn(wins.dim(), |(i, j)| rate(i, j)))
        })?;
        let linked = values.clone();
        let link = Link::Luce;
        Ok(Scores { name: "stationary", values, linked, link, own: Map::new() }.fitted(&data.labels))
    }
}
