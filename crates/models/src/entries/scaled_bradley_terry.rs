//! Scaled Bradley-Terry: each judgement weighted by how much better the winner was.
//!
//! ```text
//! maximise  sum w m log sigma(r_winner - r_loser)         m: magnitude of the judgement, at least 0
//! ```
//!
//! A loss of reward models in HelpSteer2-Preference (arXiv:2410.01257), with one strength an item; how it is fitted and what
//! it means: [`magnitude`](crate::magnitude).

use equipoise_data::Battles;

use crate::error::FitError;
use crate::fitted::Fitted;
use crate::magnitude::{Magnitude, fitted};
use crate::registry::{ModelEntry, PreferenceModel, PriorOption, Watch};

pub(super) const ENTRY: ModelEntry = ModelEntry::of::<ScaledBradleyTerry>(
    "scaled-bradley-terry",
    "Bradley-Terry, each judgement weighted by its magnitude",
    "arXiv:2410.01257",
)
.ties("half a win to each side, times the magnitude")
.fitted("Newton; sandwich");

struct ScaledBradleyTerry;

impl PreferenceModel for ScaledBradleyTerry {
    type Options = PriorOption;
    type Data = Battles;

    fn fit(data: &Battles, PriorOption { prior }: PriorOption, watch: Watch<'_>) -> Result<Fitted, FitError> {
        fitted(data, Magnitude::Scaled, ENTRY.name, prior, watch)
    }
}
