//! Which comparisons are counted, and how.

use equipoise_env::Outcome;

use crate::reading::Reading;

/// What a tie counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ties {
    /// Half a win to each side; models with ties of their own see them as ties.
    #[default]
    Half,
    /// Nothing: the comparison is left out.
    Drop,
}

impl Ties {
    /// Whether a comparison with that outcome counts.
    #[must_use]
    pub fn count(self, outcome: Outcome) -> bool {
        self == Self::Half || !outcome.is_tie()
    }

    /// [`Outcome::score`]; `None` for a tie that does not count.
    #[must_use]
    pub fn score(self, outcome: Outcome) -> Option<f64> {
        self.count(outcome).then(|| outcome.score())
    }
}

/// Which comparisons are counted, and how.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// Only this context.
    pub context: Option<String>,
    /// Only this annotator.
    pub annotator: Option<String>,
    /// Only comparisons of two of these items; rankings are cut down to them.
    pub items: Option<Vec<String>>,
    /// Only rows of this time or later: `YYYY-MM-DD`, with a time of day if need be, or seconds since 1970.
    pub since: Option<String>,
    /// What a tie counts.
    pub ties: Ties,
    /// How the file is read.
    pub reading: Reading,
}
