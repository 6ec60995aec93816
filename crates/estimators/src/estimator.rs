//! The contract: what an estimator is given, and what it writes.

use crate::design::{Design, Labels, Target, Token};
use crate::setting::State;

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
