//! Ties, by the three models that are fitted to them.
//!
//! ```text
//! d = log(p / (1 - p)),  s = e^(d/2), t = e^(-d/2)
//! rao-kupper   Pr(first) = s / (s + e^theta t),  Pr(second) = t / (t + e^theta s),  Pr(tie) = the rest,        theta >= 0
//! davidson     Pr(first) = s / (s + t + nu),  Pr(second) = t / (s + t + nu),  Pr(tie) = nu / (s + t + nu)
//! grounded     s, t times e^level:  Pr(first) = s / (s + e^theta t + 1), Pr(both bad) = 1 / (1 + s + t), Pr(tie) = the rest
//! ```
//!
//! Rao, Kupper 1967 (`theta` is the logarithm of the parameter that the model `rao-kupper` calls theta; TODO's alpha,
//! arXiv:2411.02442); Davidson 1970 with strengths `s`, `t`, of which `sqrt(s t) = 1`; Prompt-to-Leaderboard, arXiv:2502.14855. As only the difference
//! of two strengths is known of a game, both lie evenly around `level`. Ties that are there stay.

use equipoise_core::Duel;
use equipoise_core::registry::{BuildError, ensure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Before, Channel, ChannelEntry, ChannelOptions, Stage};
use crate::label::Law;

pub(super) const ENTRY: ChannelEntry = ChannelEntry::of::<Ties>(
    "ties",
    Stage::Answers,
    "close comparisons end in a tie: by Rao and Kupper, by Davidson, or grounded (with \"both bad\")",
    "Rao, Kupper 1967; Davidson 1970; arXiv:2502.14855",
);

/// Beyond that difference of strengths, in nats, probabilities do not change in f64.
const MOST_NATS: f64 = 1400.0;

/// Ties.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Ties {
    /// The model: `rao-kupper`, `davidson` or `grounded`.
    pub model: TieRule,
    /// Threshold in nats of `rao-kupper` and `grounded`, in [0, 100]: 0 leaves no ties (of `grounded`: but those of two bad).
    pub theta: f64,
    /// Weight of a tie of `davidson`, in [0, 1e6].
    pub nu: f64,
    /// Mean log strength of the two actions over the level of "bad" of `grounded`, in [-100, 100].
    pub level: f64,
}

/// A model of ties.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TieRule {
    /// Rao and Kupper.
    #[default]
    RaoKupper,
    /// Davidson.
    Davidson,
    /// Rao and Kupper against a level of "bad".
    Grounded,
}

impl Default for Ties {
    fn default() -> Self {
        Self { model: TieRule::RaoKupper, theta: 0.3, nu: 0.5, level: 0.0 }
    }
}

impl ChannelOptions for Ties {
    fn build(self, _seed: u64) -> Result<Box<dyn Channel>, BuildError> {
        ensure((0.0..=100.0).contains(&self.theta), "theta", self.theta, "must be in [0, 100] nats")?;
        ensure((0.0..=1e6).contains(&self.nu), "nu", self.nu, "must be in [0, 1e6]")?;
        ensure((-100.0..=100.0).contains(&self.level), "level", self.level, "must be in [-100, 100] nats")?;
        Ok(Box::new(self))
    }
}

impl Ties {
    /// The law of an answer at a difference of strengths of `d` nats. No difference of like numbers is taken.
    #[must_use]
    pub fn at(&self, d: f64) -> Law {
        let d = d.clamp(-MOST_NATS, MOST_NATS);
        // all homogeneous in (a, b, c), of which the largest is 1
        let (la, lb, lc) = match self.model {
            TieRule::RaoKupper => (0.5 * d, -0.5 * d, f64::NEG_INFINITY),
            TieRule::Davidson => (0.5 * d, -0.5 * d, self.nu.ln()),
            TieRule::Grounded => (0.5 * d + self.level, -0.5 * d + self.level, 0.0),
        };
        let most = la.max(lb).max(lc);
        let [a, b, c] = [la, lb, lc].map(|l| (l - most).exp());
        let sum = a + b + c;
        match self.model {
            TieRule::Davidson => Law { first: a / sum, second: b / sum, tie: c / sum, both_bad: 0.0 },
            TieRule::RaoKupper | TieRule::Grounded => {
                let t = self.theta.exp();
                let (of_first, of_second) = (a + t * b + c, b + t * a + c);
                let tie = self.theta.exp_m1() * (a * b / sum) * (1.0 / of_first + 1.0 / of_second);
                Law { first: a / of_first, second: b / of_second, tie, both_bad: c / sum }
            }
        }
    }
}

impl Channel for Ties {
    fn law(&self, pair: Duel, before: &Before<'_>) -> Law {
        let law = before.law(pair);
        law.decided_by(&self.at(law.log_odds()))
    }
}
