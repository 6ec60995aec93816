//! Rao and Kupper's model of ties: within a threshold.
//!
//! ```text
//! d = r_i - r_j + h        Pr(i) = sigma(d - log theta),  Pr(j) = sigma(-d - log theta),  Pr(tie) = the rest, theta >= 1
//! ```
//!
//! Rao, Kupper 1967. The log-likelihood is concave in (r, h, log theta).

use std::f64::consts::LN_2;

use crate::error::FitError;
use crate::fitted::Fitted;
use crate::input::Counts;
use crate::jet::Jet;
use crate::pair_fit::{PairOptions, fit_counts};
use crate::pair_model::{LogProbs, Outcomes, PairModel, TieParameter};
use crate::registry::{ModelEntry, PreferenceModel, Watch};

pub(super) const ENTRY: ModelEntry = ModelEntry::of::<RaoKupper>(
    "rao-kupper",
    "Pr(i) = s_i / (s_i + theta s_j), Pr(tie) = the rest, s = exp(r), theta >= 1",
    "Rao, Kupper 1967",
)
.has_ties("an outcome of its own")
.fitted("Newton; Hessian, sandwich, bootstrap, simultaneous");

/// The model of one comparison.
pub static RAO_KUPPER: PairModel = PairModel {
    name: "rao-kupper",
    outcomes: Outcomes::WinsAndTie,
    shift_invariant: true,
    logistic: false,
    tie: Some(TieParameter { name: "theta", value: Jet::exp, least: 0.0, start: LN_2 }),
    log_probs,
};

fn log_probs([a, b, h, x]: [Jet; 4]) -> LogProbs {
    let d = a - b + h;
    let (first, second) = ((d - x).log_sigmoid(), (-d - x).log_sigmoid());
    // log(theta^2 - 1)
    let e = (-2.0 * x.value).exp();
    let one_less = -(-2.0 * x.value).exp_m1();
    let factor = x.compose(2.0 * x.value + one_less.ln(), 2.0 / one_less, -4.0 * e / (one_less * one_less));
    [Some(first), Some(second), Some(factor + first + second), None]
}

struct RaoKupper;

impl PreferenceModel for RaoKupper {
    type Options = PairOptions;
    type Data = Counts;

    fn fit(data: &Counts, options: PairOptions, watch: Watch<'_>) -> Result<Fitted, FitError> {
        fit_counts(data, &RAO_KUPPER, options, watch)
    }
}
