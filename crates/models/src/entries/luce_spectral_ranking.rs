//! Luce spectral ranking: the stationary distribution of moving to who won, by wins.
//!
//! ```text
//! from i to j at rate  alpha + (w_ji + t_ij / 2) / 2        Pr(i) = x_i / (x_i + x_j)
//! ```
//!
//! Maystre, Grossglauser 2015: the first step of an iteration whose limit is the Bradley-Terry fit, and consistent by itself. `alpha`
//! adds as many comparisons, won both ways, to every pair within an island. Cost: O(n^3), by elimination.

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

pub(super) const ENTRY: ModelEntry = ModelEntry::of::<LuceSpectralRanking>(
    "luce-spectral-ranking",
    "stationary distribution of moving to who won, at the rate of half the wins and alpha; Pr(i) = x_i / (x_i + x_j)",
    "Maystre, Grossglauser 2015",
)
.fitted("elimination; no errors");

/// Options of Luce spectral ranking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct LuceSpectralRankingOptions {
    /// Rate added between all items, at least 0.
    pub alpha: f64,
}

struct LuceSpectralRanking;

impl PreferenceModel for LuceSpectralRanking {
    type Options = LuceSpectralRankingOptions;
    type Data = Counts;

    fn check(options: &LuceSpectralRankingOptions) -> Result<(), BuildError> {
        let alpha = options.alpha;
        ensure(alpha >= 0.0 && alpha.is_finite(), "alpha", alpha, "must be a finite number of at least 0")
    }

    fn fit(data: &Counts, options: LuceSpectralRankingOptions, watch: Watch<'_>) -> Result<Fitted, FitError> {
        let data = plain(data, ENTRY.name)?;
        let rule = |wins: &Array2<f64>, watch: Watch<'_>| {
            let rate = |(i, j)| options.alpha + 0.5 * wins[[j, i]];
            stationary(&Array2::from_shape_fn(wins.dim(), rate), watch)
        };
        let values = by_island(data, rule, watch)?;
        let linked = values.clone();
        let link = Link::Luce;
        Ok(Scores { name: "stationary", values, linked, link, own: Map::new() }.fitted(&data.labels))
    }
}
