//! Scores with noise on each pair: `P_ij = 1 / (1 + exp(-(s_i - s_j) - e_ij))`, `s` and `e` normal.

use equipoise::core::sample::normal;
use equipoise::prelude::*;

/// Parameters.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(crate = "equipoise::serde", default, deny_unknown_fields)]
#[schemars(crate = "equipoise::schemars")]
pub struct NoisyScores {
    /// Number of actions, 1 to 1000.
    pub actions: usize,
    /// Standard deviation of the noise of a pair, in nats; 0 is Bradley-Terry.
    pub noise: f64,
}

impl Default for NoisyScores {
    fn default() -> Self {
        Self { actions: 5, noise: 1.0 }
    }
}

impl Generator for NoisyScores {
    fn generate(self, rng: &mut Rng) -> Result<Game, BuildError> {
        let n = self.actions;
        ensure((1..=1000).contains(&n), "actions", n, "must be 1 to 1000")?;
        ensure(
            self.noise >= 0.0 && self.noise.is_finite(),
            "noise",
            self.noise,
            "must be finite, at least 0",
        )?;
        let scores: Vec<f64> = (0..n).map(|_| normal(rng)).collect();
        let noise: Vec<f64> = (0..n * n).map(|_| self.noise * normal(rng)).collect();
        // the margin of the logistic function: tanh(x / 2) / 2
        let margin = |i: usize, j: usize| 0.5 * (0.5 * (scores[i] - scores[j] + noise[n * i + j])).tanh();
        Ok(Game::single(PreferenceMatrix::from_margins(n, margin).expect("a hyperbolic tangent is below 1")))
    }
}

/// The row.
pub const ENTRY: GeneratorEntry = GeneratorEntry::of::<NoisyScores>(
    "noisy-scores",
    "Bradley-Terry scores with normal noise on the log-odds of each pair",
    "without noise the best score is the Nash policy; with it nothing in closed form",
);
