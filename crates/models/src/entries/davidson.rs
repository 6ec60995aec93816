//! Davidson's model of ties: likeliest between equals, by a geometric mean.
//!
//! ```text
//! d = r_i - r_j + h        Pr(i) = e^{d/2} / D,  Pr(tie) = nu / D,  D = e^{d/2} + e^{-d/2} + nu
//! ```
//!
//! Davidson 1970, with his `nu`: some authors write `2 nu`. The log-likelihood is concave in (r, h, log nu).

use crate::error::FitError;
use crate::fitted::Fitted;
use crate::input::Counts;
use crate::jet::Jet;
use crate::pair_fit::{PairOptions, fit_counts};
use crate::pair_model::{LogProbs, Outcomes, PairModel, TieParameter};
use crate::registry::{ModelEntry, PreferenceModel, Watch};

pub(super) const ENTRY: ModelEntry = ModelEntry::of::<Davidson>(
    "davidson",
    "Pr(i) = s_i / D, Pr(tie) = nu sqrt(s_i s_j) / D, D = s_i + s_j + nu sqrt(s_i s_j), s = exp(r)",
    "Davidson 1970",
)
.has_ties("an outcome of its own")
.fitted("Newton; Hessian, sandwich, bootstrap, simultaneous");

/// The model of one comparison.
pub static DAVIDSON: PairModel = PairModel {
    name: "davidson",
    outcomes: Outcomes::WinsAndTie,
    shift_invariant: true,
    logistic: false,
    tie: Some(TieParameter { name: "nu", value: Jet::exp, least: f64::NEG_INFINITY, start: 0.0 }),
    log_probs,
};

fn log_probs([a, b, h, x]: [Jet; 4]) -> LogProbs {
    let d = a - b + h;
    let (up, down) = (d * 0.5, d * -0.5);
    let sum = Jet::log_sum_exp([up, down, x]);
    [Some(up - sum), Some(down - sum), Some(x - sum), None]
}

struct Davidson;

impl PreferenceModel for Davidson {
    type Options = PairOptions;
    type Data = Counts;

    fn fit(data: &Counts, options: PairOptions, watch: Watch<'_>) -> Result<Fitted, FitError> {
        fit_counts(data, &DAVIDSON, options, watch)
    }
}
