//! Smoothed counts: `P_ij = (wins_ij + s) / (wins_ij + wins_ji + 2 s)`, ties as half wins; no strengths, nothing to iterate.

use equipoise::models::{Counts, FitError, Fitted, ModelEntry, ModelResult, PreferenceModel, Watch};
use equipoise::ndarray::Array2;
use equipoise::prelude::*;

/// Options.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(crate = "equipoise::serde", default, deny_unknown_fields)]
#[schemars(crate = "equipoise::schemars")]
pub struct Options {
    /// Wins added to each side of a pair, at least 0.
    pub smoothing: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { smoothing: 1.0 }
    }
}

struct Smoothed;

#[derive(Debug)]
struct Probabilities(Array2<f64>);

impl ModelResult for Probabilities {
    fn prob(&self, i: usize, j: usize) -> f64 {
        self.0[[i, j]]
    }
}

impl PreferenceModel for Smoothed {
    type Options = Options;
    type Data = Counts;

    fn check(options: &Options) -> Result<(), BuildError> {
        let s = options.smoothing;
        ensure(s >= 0.0 && s.is_finite(), "smoothing", s, "must be finite and at least 0")
    }

    fn fit(data: &Counts, options: Options, _: Watch<'_>) -> Result<Fitted, FitError> {
        let matrix = data.observations.comparisons.matrix(options.smoothing);
        let n = matrix.n();
        let p = Array2::from_shape_fn((n, n), |(i, j)| matrix.prob(i, j));
        Ok(Fitted::new(data.observations.comparisons.labels.clone(), Probabilities(p)))
    }
}

/// The row.
pub const ENTRY: ModelEntry = ModelEntry::of::<Smoothed>(
    "smoothed",
    "win rates of the counts, with wins added to each side of a pair",
    "additive smoothing, doi:10.1017/CBO9780511809071",
)
.fitted("closed form, no errors");
