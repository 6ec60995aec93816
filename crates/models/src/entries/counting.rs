//! Counting: a win is a point, a tie half of one.
//!
//! ```text
//! score_i = sum_j (w_ij + t_ij / 2)        Pr(i) = 1/2 + (score_i / n_i - score_j / n_j) / 2,  n_i: comparisons of i
//! ```
//!
//! Rewards who plays often, and does not ask against whom; the probability is of its share of points, linear. Cost: O(pairs).

use serde_json::Map;

use crate::error::FitError;
use crate::fitted::Fitted;
use crate::input::Counts;
use crate::registry::{ModelEntry, NoOptions, PreferenceModel, Watch};
use crate::scores::{Link, Scores, plain, wins};

pub(super) const ENTRY: ModelEntry = ModelEntry::of::<Counting>(
    "counting",
    "score = wins + ties / 2; Pr(i) = 1/2 + half the difference of the shares of points",
    "as in evalica 0.4; Ustalov 2024, arXiv:2412.11314",
)
.fitted("counting; no errors");

struct Counting;

impl PreferenceModel for Counting {
    type Options = NoOptions;
    type Data = Counts;

    fn fit(data: &Counts, _: NoOptions, _: Watch<'_>) -> Result<Fitted, FitError> {
        let data = plain(data, ENTRY.name)?;
        let wins = wins(data);
        let (values, lost) = (wins.sum_axis(ndarray::Axis(1)), wins.sum_axis(ndarray::Axis(0)));
        let linked =
            values.iter().zip(&lost).map(|(w, l)| if w + l > 0.0 { w / (w + l) } else { 0.5 }).collect();
        Ok(Scores { name: "score", values, linked, link: Link::Linear, own: Map::new() }.fitted(&data.labels))
    }
}
