//! The contract: what an estimator is given, and what it writes.

use serde::Serialize;

use crate::setting::State;

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
    /// So many responses of the policy without a comparison, in any order.
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

/// Responses that were drawn together, with their labels.
pub struct Group<'a> {
    pub(crate) state: &'a State<'a>,
    pub(crate) responses: &'a [usize],
    pub(crate) win_rates: &'a [f64],
    /// Outcomes of duels: one a response, or one a pair in the order (0,1), (0,2), .., (1,2), ..
    pub(crate) outcomes: &'a [f64],
    pub(crate) labels: Labels,
    pub(crate) kl: f64,
}

impl Group<'_> {
    /// Responses.
    #[must_use]
    pub fn size(&self) -> usize {
        self.responses.len()
    }

    /// The tokens of a response.
    #[must_use]
    pub fn tokens(&self, i: usize) -> &[Token] {
        &self.state.tokens[self.responses[i]]
    }

    /// The label of a response: the outcome of its duel, or its exact win rate, as the design says; 1/2 if it says neither.
    #[must_use]
    pub fn label(&self, i: usize) -> f64 {
        match self.labels {
            Labels::Duels => self.outcomes[i],
            Labels::WinRates => self.win_rates[self.responses[i]],
            Labels::None | Labels::Mutual => 0.5,
        }
    }

    /// The outcome of the duel between two of the group, 1 if the first won, 1/2 of a response with itself and where the design
    /// has no mutual duels.
    #[must_use]
    pub fn duel(&self, i: usize, j: usize) -> f64 {
        if i == j || self.labels != Labels::Mutual {
            return 0.5;
        }
        let (low, high) = (i.min(j), i.max(j));
        let before = low * self.size() - low * (low + 1) / 2;
        let z = self.outcomes[before + high - low - 1];
        if i < j { z } else { 1.0 - z }
    }

    /// The true probability that the first of two responses of the group beats the second.
    #[must_use]
    pub fn prob(&self, i: usize, j: usize) -> f64 {
        self.state.setting.game().prob(self.responses[i], self.responses[j])
    }

    /// `log pi - log mu` of a whole response.
    #[must_use]
    pub fn log_ratio(&self, i: usize) -> f64 {
        self.tokens(i).iter().map(Token::log_ratio).sum()
    }

    /// `pi / pi_old` of a whole response.
    #[must_use]
    pub fn importance(&self, i: usize) -> f64 {
        self.tokens(i).iter().map(|t| t.live - t.old).sum::<f64>().exp()
    }

    /// `KL(pi || mu)` of whole responses.
    #[must_use]
    pub fn kl(&self) -> f64 {
        self.kl
    }

    /// `KL(pi || mu)` of the tokens that could have been drawn in the place of this one.
    #[must_use]
    pub fn node_kl(&self, token: &Token) -> f64 {
        let tree = self.state.setting.tree();
        self.state.live.node_kl(&self.state.reference, tree, token.edge / tree.vocabulary())
    }

    /// All tokens that could have been drawn in the place of this one.
    pub fn alternatives(&self, token: &Token) -> impl Iterator<Item = Token> {
        let v = self.state.setting.tree().vocabulary();
        let first = token.edge / v * v;
        (first..first + v).map(|edge| Token {
            edge,
            live: self.state.live.edges[edge],
            reference: self.state.reference.edges[edge],
            old: self.state.old.edges[edge],
        })
    }
}

/// What an estimator writes: coefficients of the scores `grad log pi(token | node)`.
pub struct Coefficients<'a> {
    pub(crate) edges: &'a mut [f64],
}

impl Coefficients<'_> {
    /// Adds a coefficient to the score of the token at an edge.
    pub fn add(&mut self, edge: usize, coefficient: f64) {
        self.edges[edge] += coefficient;
    }

    /// Adds a coefficient to the scores of all tokens of a response.
    pub fn add_response(&mut self, tokens: &[Token], coefficient: f64) {
        tokens.iter().for_each(|token| self.add(token.edge, coefficient));
    }
}

/// An estimator: from a group to coefficients.
pub type Rule = dyn Fn(&Group<'_>, &mut Coefficients<'_>);

/// A registry row.
#[derive(Clone, Copy)]
pub struct EstimatorEntry {
    /// Its name: one spelling.
    pub name: &'static str,
    /// The row of the table that it belongs to, from 1.
    pub row: u8,
    /// The coefficients, in a line.
    pub summary: &'static str,
    /// What it is to estimate.
    pub target: Target,
    /// How its groups are made.
    pub design: Design,
    /// What it is unbiased for, in words.
    pub unbiased_for: &'static str,
    /// Who uses it.
    pub source: &'static str,
    /// Against what the row was verified.
    pub verified: &'static str,
    /// The coefficients.
    pub rule: fn(&Group<'_>, &mut Coefficients<'_>),
}
