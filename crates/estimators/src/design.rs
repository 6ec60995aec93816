//! What is estimated, and from which responses and labels.

use serde::Serialize;

/// What an estimator is to estimate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// The gradient of `KL(pi || mu)` of whole responses.
    SequenceKl,
    /// The gradient of the win rate of the policy against an opponent that stays as it is.
    WinRate {
        /// The opponent.
        against: Opponent,
    },
}

impl Target {
    /// In symbols.
    #[must_use]
    pub fn says(self) -> String {
        match self {
            Self::SequenceKl => "grad KL(pi || mu)".into(),
            Self::WinRate { against } => format!("grad P(pi > {})", against.says()),
        }
    }
}

/// Against whom a response is compared. It is held fixed when gradients are taken.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Opponent {
    /// The policy itself.
    Policy,
    /// `pi^(1-share) mu^share` of whole responses, normalised.
    SequenceMixture {
        /// Weight of the reference, in `[0, 1]`.
        share: f64,
    },
    /// The same mixture formed and normalised token by token.
    TokenMixture {
        /// Weight of the reference, in `[0, 1]`.
        share: f64,
    },
}

impl Opponent {
    fn says(self) -> String {
        match self {
            Self::Policy => "pi".into(),
            Self::SequenceMixture { share } => format!("mixture {share} of responses"),
            Self::TokenMixture { share } => format!("mixture {share} of tokens"),
        }
    }
}

/// From which law responses are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sampling {
    /// The policy.
    Policy,
    /// The older policy.
    Old,
    /// The policy with its logits divided by `temperature`, of which only the `top` likeliest tokens of a node are kept.
    Tempered {
        /// Above 0.
        temperature: f64,
        /// At least 1; none: all.
        top: Option<usize>,
    },
}

/// What is known of the comparisons of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Labels {
    /// Nothing.
    None,
    /// Of every response its exact win rate against the opponent.
    WinRates,
    /// Of every response the outcome, 0 or 1, of a duel against an opponent of its own.
    Duels,
    /// The outcome of a duel between every two of the group.
    Mutual,
}

/// How a group is made.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Design {
    /// Responses.
    pub group: usize,
    /// Their law.
    pub sampling: Sampling,
    /// What is known of their comparisons.
    pub labels: Labels,
    /// Against whom they are compared.
    pub opponent: Opponent,
    /// Whether the gradient has the same law for every order of a group, so that each is listed once.
    pub exchangeable: bool,
}

impl Design {
    /// So many responses of the policy without a comparison, listed in every order.
    #[must_use]
    pub const fn responses(group: usize) -> Self {
        Self {
            group,
            sampling: Sampling::Policy,
            labels: Labels::None,
            opponent: Opponent::Policy,
            exchangeable: false,
        }
    }

    /// The same with every group listed once, whatever its order.
    #[must_use]
    pub const fn exchangeable(self) -> Self {
        Self { exchangeable: true, ..self }
    }

    /// So many responses of the policy with these labels, against the policy itself.
    #[must_use]
    pub const fn labelled(group: usize, labels: Labels) -> Self {
        Self { labels, ..Self::responses(group) }
    }

    /// Duels that a group costs.
    #[must_use]
    pub const fn duels(&self) -> usize {
        match self.labels {
            Labels::None | Labels::WinRates => 0,
            Labels::Duels => self.group,
            Labels::Mutual => self.group * self.group.saturating_sub(1) / 2,
        }
    }
}

/// A token of a response.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Token {
    /// Its edge in the tree, `vocabulary * node + token`.
    pub edge: usize,
    /// Its log-probability under the policy.
    pub live: f64,
    /// Under the reference.
    pub reference: f64,
    /// Under the older policy.
    pub old: f64,
}

impl Token {
    /// `log pi - log mu`.
    #[must_use]
    pub fn log_ratio(&self) -> f64 {
        self.live - self.reference
    }

    /// `pi / pi_old`.
    #[must_use]
    pub fn importance(&self) -> f64 {
        (self.live - self.old).exp()
    }
}
