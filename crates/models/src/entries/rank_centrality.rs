//! Rank centrality: the stationary distribution of moving to who won, by win rates.
//!
//! ```text
//! from i to j at rate  (alpha + w_ji + t_ij / 2) / (2 alpha + n_ij)        Pr(i) = x_i / (x_i + x_j)
//! ```
//!
//! Negahban, Oh, Shah 2012, arXiv:1209.1688. If the win rates are Bradley-Terry's, x is their strengths: the chain is then reversible. An item
//! that a group dominates without a loss has 0. `alpha` adds as many wins to either side of every pair within an island, so that pairs that did
//! not meet are even. Cost: O(n^3), by elimination.

use equipoise_core::registry::{BuildError, ensure};
use ndarray::Array2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Map;

use crate::error::FitError;
use crate::fitted::Fitted;
use crate::input::Counts;
use crate::registry::{ModelEntry, PreferenceModel, Watch};
use crate::scores::{Link, Scores, by_island, plain, stationary};

pub(super) const ENTRY: ModelEntry = ModelEntry::of::<RankCentrality>(
    "rank-centrality",
    "stationary distribution of moving to who won, at the rate of the win rate with alpha more wins each; Pr(i) = x_i / (x_i + x_j)",
    "Negahban, Oh, Shah 2012, arXiv:1209.1688; alpha as in choix 0.4",
)
.fitted("elimination; no errors");

/// Options of rank centrality.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RankCentralityOptions {
    /// Wins added to either side of every pair, at least 0.
    pub alpha: f64,
}

struct RankCentrality;

impl PreferenceModel for RankCentrality {
    type Options = RankCentralityOptions;
    type Data = Counts;

    fn check(options: &RankCentralityOptions) -> Result<(), BuildError> {
        let alpha = options.alpha;
        ensure(alpha >= 0.0 && alpha.is_finite(), "alpha", alpha, "must be a finite number of at least 0")
    }

    fn fit(
        data: &Counts,
        RankCentralityOptions { alpha }: RankCentralityOptions,
        watch: Watch<'_>,
    ) -> Result<Fitted, FitError> {
        let data = plain(data, ENTRY.name)?;
        let rule = |wins: &Array2<f64>, watch: Watch<'_>| {
            let rate = |i: usize, j: usize| match wins[[i, j]] + wins[[j, i]] + 2.0 * alpha {
                0.0 => 0.0,
                met => (alpha + wins[[j, i]]) / met,
            };
            stationary(&Array2::from_shape_fn(wins.dim(), |(i, j)| rate(i, j)), watch)
        };
        let values = by_island(data, rule, watch)?;
        let linked = values.clone();
        let link = Link::Luce;
        Ok(Scores { name: "stationary", values, linked, link, own: Map::new() }.fitted(&data.labels))
    }
}
