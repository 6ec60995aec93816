//! Average win rate: the mean over the opponents that an item met, each counted once.
//!
//! ```text
//! a_i = mean over j met  (w_ij + t_ij / 2) / n_ij        Pr(i) = 1/2 + (a_i - a_j) / 2
//! ```
//!
//! If all met, its order is Borda's. The probability is linear in it. Cost: O(pairs).

use ndarray::Array1;
use serde_json::Map;

use crate::error::FitError;
use crate::fitted::Fitted;
use crate::input::Counts;
use crate::registry::{ModelEntry, NoOptions, PreferenceModel, Watch};
use crate::scores::{Link, Scores, plain};

pub(super) const ENTRY: ModelEntry = ModelEntry::of::<AverageWinRate>(
    "average-win-rate",
    "mean win rate over the opponents met; Pr(i) = 1/2 + half the difference",
    "as in evalica 0.4; Ustalov 2024, arXiv:2412.11314; Borda 1781 where all met",
)
.fitted("counting; no errors");

struct AverageWinRate;

impl PreferenceModel for AverageWinRate {
    type Options = NoOptions;
    type Data = Counts;

    fn fit(data: &Counts, _: NoOptions, _: Watch<'_>) -> Result<Fitted, FitError> {
        let data = plain(data, ENTRY.name)?;
        let (mut rates, mut met) = (Array1::<f64>::zeros(data.n()), vec![0.0; data.n()]);
        for pair in &data.pairs {
            let margin = pair.margin(0.0);
            for (i, rate) in [(pair.i, 0.5 + margin), (pair.j, 0.5 - margin)] {
                rates[i] += rate;
                met[i] += 1.0;
            }
        }
        let values: Array1<f64> =
            rates.iter().zip(met).map(|(sum, met)| if met > 0.0 { sum / met } else { 0.5 }).collect();
        let linked = values.clone();
        let link = Link::Linear;
        Ok(Scores { name: "average_win_rate", values, linked, link, own: Map::new() }.fitted(&data.labels))
    }
}
