//! Thurstone's case V: normal in the difference of strengths.
//!
//! ```text
//! d = r_i - r_j + h        Pr(i) = Phi(d),  a tie counts half to each side
//! ```
//!
//! Thurstone 1927, in units of the standard deviation of a difference: strengths are in probits.

use crate::distributions::{log_normal_cdf, mills};
use crate::error::FitError;
use crate::fitted::Fitted;
use crate::input::Counts;
use crate::jet::Jet;
use crate::pair_fit::{PairOptions, fit_counts};
use crate::pair_model::{LogProbs, Outcomes, PairModel};
use crate::registry::{ModelEntry, PreferenceModel, Watch};

pub(super) const ENTRY: ModelEntry =
    ModelEntry::of::<Thurstone>("thurstone", "Pr(i) = Phi(r_i - r_j)", "Thurstone 1927, case V")
        .fitted("Newton; Hessian, sandwich, bootstrap, simultaneous");

/// The model of one comparison.
pub static THURSTONE: PairModel = PairModel {
    name: "thurstone",
    outcomes: Outcomes::Wins,
    shift_invariant: true,
    logistic: false,
    tie: None,
    log_probs,
};

fn log_probs([a, b, h, _]: [Jet; 4]) -> LogProbs {
    let d = a - b + h;
    let log_phi = |z: Jet| {
        let slope = mills(z.value);
        z.compose(log_normal_cdf(z.value), slope, -slope * (slope + z.value))
    };
    [Some(log_phi(d)), Some(log_phi(-d)), None, None]
}

struct Thurstone;

impl PreferenceModel for Thurstone {
    type Options = PairOptions;
    type Data = Counts;

    fn fit(data: &Counts, options: PairOptions, watch: Watch<'_>) -> Result<Fitted, FitError> {
        fit_counts(data, &THURSTONE, options, watch)
    }
}
