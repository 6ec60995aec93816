//! Rewards of strings of tokens, some of which like long strings.

use equipoise_core::logistic::logistic_margin;
use equipoise_core::registry::{BuildError, ensure};
use equipoise_core::{Rng, sample};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Generator, GeneratorEntry, check_size, single};
use crate::game::Game;

/// Most actions of a game.
const MOST: usize = 4096;

pub(super) const TOKEN_STRINGS: GeneratorEntry = GeneratorEntry::of::<TokenStrings>(
    "token-strings",
    "Bradley-Terry rewards of strings of tokens: normal, plus so much a token; the strings are those of the policy class token-tree",
    "equilibrium: the string of the largest reward; a reward that likes long strings is what length bias is tested with",
);

/// `P_ij = sigma(r_i - r_j)` of all strings, `r = scale z + per_token length`, z standard normal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TokenStrings {
    /// Tokens, from 2 (3 with an end token) to 64.
    pub vocabulary: usize,
    /// Tokens of the longest string, its end token counted; from 1, with at most 4096 strings in all.
    pub depth: usize,
    /// Whether token 0 ends a string, so that strings differ in length: shorter ones have lower action numbers.
    pub end_token: bool,
    /// Standard deviation of the rewards; finite and at least 0.
    pub scale: f64,
    /// What a token adds to the reward; finite.
    pub per_token: f64,
}

impl Default for TokenStrings {
    fn default() -> Self {
        Self { vocabulary: 3, depth: 3, end_token: true, scale: 1.0, per_token: 0.0 }
    }
}

impl TokenStrings {
    /// Tokens of every string, in the order of the leaves of a breadth-first walk.
    fn lengths(&self) -> Result<Vec<usize>, BuildError> {
        let Self { vocabulary: v, depth, end_token, .. } = *self;
        let least = 2 + usize::from(end_token);
        let rule = format!("must lie in [{least}, 64]");
        ensure((least..=64).contains(&v), "vocabulary", v, &rule)?;
        let rule = format!("must be at least 1, with at most {MOST} strings in all");
        ensure(depth >= 1, "depth", depth, &rule)?;
        let (mut open, mut lengths) = (1usize, Vec::new());
        for level in 1..=depth {
            let last = level == depth;
            let ended = if last { open.saturating_mul(v) } else { open * usize::from(end_token) };
            ensure(lengths.len().saturating_add(ended) <= MOST, "depth", depth, &rule)?;
            lengths.extend(std::iter::repeat_n(level, ended));
            open = open.saturating_mul(v - usize::from(end_token));
            ensure(last || open <= MOST, "depth", depth, &rule)?;
        }
        Ok(lengths)
    }
}

impl Generator for TokenStrings {
    fn generate(self, rng: &mut Rng) -> Result<Game, BuildError> {
        let lengths = self.lengths()?;
        let (scale, per_token) = (self.scale, self.per_token);
        ensure(scale >= 0.0 && scale.is_finite(), "scale", scale, "must be finite and at least 0")?;
        ensure(per_token.is_finite(), "per_token", per_token, "must be finite")?;
        check_size(lengths.len(), 1)?;
        let rewards: Vec<f64> =
            lengths.iter().map(|&length| scale * sample::normal(rng) + per_token * length as f64).collect();
        let largest = rewards.iter().fold(0.0, |m: f64, r| m.max(r.abs()));
        ensure(largest.is_finite(), "scale", scale, "must leave the rewards finite")?;
        Ok(single(rewards.len(), |i, j| logistic_margin(rewards[i] - rewards[j])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use equipoise_core::seed;

    #[test]
    fn strings_are_counted_level_by_level() {
        let of = |vocabulary, depth, end_token| {
            TokenStrings { vocabulary, depth, end_token, ..TokenStrings::default() }.lengths()
        };
        assert_eq!(of(3, 3, true).unwrap(), [vec![1], vec![2; 2], vec![3; 12]].concat());
        assert_eq!(of(2, 3, false).unwrap(), [3; 8]);
        assert_eq!(of(5, 1, true).unwrap(), [1; 5]);
        for (vocabulary, depth, end_token) in
            [(2, 3, true), (1, 3, false), (65, 1, false), (3, 0, true), (2, 13, false), (3, 500, true)]
        {
            assert!(of(vocabulary, depth, end_token).is_err(), "{vocabulary} {depth}");
        }
    }

    #[test]
    fn what_a_token_adds_is_the_log_odds_of_a_longer_string() {
        let block = TokenStrings { scale: 0.0, per_token: 0.3, ..TokenStrings::default() };
        let game = block.generate(&mut seed::stream(1, "strings", &[])).unwrap();
        let p = game.prob(0, 14, 0);
        assert!(((p / (1.0 - p)).ln() - 0.6).abs() < 1e-12 && (game.prob(0, 2, 1) - 0.5).abs() < 1e-15);
    }
}
