//! Margin Bradley-Terry: the winner must be ahead by how much better it was.
//!
//! ```text
//! maximise  sum w log sigma(r_winner - r_loser - m)         m: magnitude of the judgement, at least 0
//! ```
//!
//! A loss of reward models in HelpSteer2-Preference (arXiv:2410.01257), with one strength an item; how it is fitted and what
//! it means: [`magnitude`](crate::magnitude).

use equipoise_data::Battles;

use crate::error::FitError;
use crate::fitted::Fitted;
use crate::magnitude::{Magnitude, fitted};
use crate::registry::{ModelEntry, PreferenceModel, PriorOption, Watch};

pub(super) const ENTRY: ModelEntry = ModelEntry::of::<MarginBradleyTerry>(
    "margin-bradley-terry",
    "maximises sum log sigma(r_winner - r_loser - magnitude)",
    "arXiv:2410.01257",
)
.ties("half a win to each side, no margin")
.fitted("Newton; sandwich");

struct MarginBradleyTerry;

impl PreferenceModel for MarginBradleyTerry {
    type Options = PriorOption;
    type Data = Battles;

    fn fit(data: &Battles, PriorOption { prior }: PriorOption, watch: Watch<'_>) -> Result<Fitted, FitError> {
        fitted(data, Magnitude::Margin, ENTRY.name, prior, watch)
    }
}
