//! Rao and Kupper's model against a level of "bad" that both items may miss.
//!
//! ```text
//! Pr(i) = s_i / (s_i + T s_j + 1),  Pr(both bad) = 1 / (1 + s_i + s_j),  Pr(tie) = the rest,  s = e^r, T >= 1
//! ```
//!
//! As in Prompt-to-Leaderboard, arXiv:2502.14855. Strengths have an origin of their own, the level of "bad"; there is no
//! bonus for the item listed first, and the log-likelihood is not concave.

use crate::error::FitError;
use crate::fitted::Fitted;
use crate::input::Counts;
use crate::jet::Jet;
use crate::pair_fit::{PairOptions, fit_counts};
use crate::pair_model::{LogProbs, Outcomes, PairModel, TieParameter};
use crate::registry::{ModelEntry, PreferenceModel, PriorOption, Watch};

pub(super) const ENTRY: ModelEntry = ModelEntry::of::<GroundedRaoKupper>(
    "grounded-rao-kupper",
    "Pr(i) = s_i / (s_i + T s_j + 1), Pr(both bad) = 1 / (1 + s_i + s_j), Pr(tie) = the rest, s = exp(r), T >= 1",
    "arXiv:2502.14855",
)
.has_ties("two outcomes: tie, both bad")
.fitted("Newton; Hessian, sandwich, bootstrap, simultaneous");

/// The model of one comparison.
pub static GROUNDED_RAO_KUPPER: PairModel = PairModel {
    name: "grounded-rao-kupper",
    outcomes: Outcomes::WinsTieAndBothBad,
    shift_invariant: false,
    logistic: false,
    tie: Some(TieParameter { name: "T", value: threshold, least: f64::NEG_INFINITY, start: 0.0 }),
    log_probs,
};

fn threshold(x: Jet) -> Jet {
    Jet::constant(1.0) + x.exp()
}

fn log_probs([a, b, _, x]: [Jet; 4]) -> LogProbs {
    let zero = Jet::constant(0.0);
    let threshold = Jet::log_sum_exp([zero, x]);
    let first = a - Jet::log_sum_exp([a, threshold + b, zero]);
    let second = b - Jet::log_sum_exp([b, threshold + a, zero]);
    let bad = -Jet::log_sum_exp([a, b, zero]);
    // at T = 1 there are no ties; what rounding leaves of the difference is none
    let tie = match x.value == f64::NEG_INFINITY {
        true => Jet::constant(f64::NEG_INFINITY),
        false => (Jet::constant(1.0) - first.exp() - second.exp() - bad.exp()).ln(),
    };
    [Some(first), Some(second), Some(tie), Some(bad)]
}

struct GroundedRaoKupper;

impl PreferenceModel for GroundedRaoKupper {
    type Options = PriorOption;
    type Data = Counts;

    fn fit(data: &Counts, PriorOption { prior }: PriorOption, watch: Watch<'_>) -> Result<Fitted, FitError> {
        fit_counts(data, &GROUNDED_RAO_KUPPER, PairOptions { prior, ..PairOptions::default() }, watch)
    }
}
