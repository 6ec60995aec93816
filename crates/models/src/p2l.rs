//! Prompt-to-Leaderboard: heads, their losses, the fit with features of the prompt, aggregation over prompts, routing.
//!
//! ```text
//! bt, bt-tie    Pr(i) = sigma(a - b)                                    a, b: strengths of winner and loser at the prompt
//! rk            Pr(i) = sigma(a - b - eta),  Pr(tie) = the rest         eta >= 0
//! rk-reparam    Pr(i) = e^a / (e^a + T e^b + 1),  Pr(tie) = the rest    T >= 1
//! grk, ba       the same, and  Pr(both bad) = 1 / (1 + e^a + e^b)
//! ```
//!
//! Frick et al., arXiv:2502.14855, and its released code. What is there a neural network's output at a prompt is here linear in
//! given features of it ([`fit_p2l`]). The remainders are never taken by subtraction:
//!
//! ```text
//! Pr(tie) = e^(a + b) (T - 1) / (1 + e^a + e^b) [ 1 / (e^a + T e^b + 1) + 1 / (e^b + T e^a + 1) ]          grk, ba
//! Pr(tie) = (e^(2 eta) - 1) sigma(a - b - eta) sigma(b - a - eta)                                          rk
//! ```
//!
//! The released losses clamp small probabilities ([`Head::least`]), where their gradient is 0; [`Head::loss`] does, the fit does
//! not: its objective is the likelihood itself.

mod aggregate;
mod linear;
mod router;
mod scaling;

pub(crate) use aggregate::nearest_board;
pub use aggregate::{Aggregate, aggregate, aggregate_loss};
pub use linear::{MOST_COEFFICIENTS, P2l, fit_p2l, fit_p2l_watched};
pub use router::{Route, RouteError, route, win_rates_against};
pub use scaling::LeftOut;

use equipoise_core::logistic::{log_sigmoid, logistic};
use equipoise_data::{Count, Outcome};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::jet::Jet;
use crate::pair_model::LogProbs;

/// What a head makes of strengths and tie parameter at a prompt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Head {
    /// Bradley-Terry on decided comparisons; ties are left out of a fit.
    Bt,
    /// Bradley-Terry, a tie half a win to each side.
    #[default]
    BtTie,
    /// Rao and Kupper's ties; "both bad" is a tie.
    Rk,
    /// The ties of `grk` and "both bad" as one outcome.
    RkReparam,
    /// Grounded Rao-Kupper: ties, and "both bad".
    Grk,
    /// An older `grk`, with T >= 1.02. Its level of "bad" is an output of its own, gamma: strengths here are those less gamma, which a
    /// fit cannot tell apart.
    Ba,
}

/// The loss of one comparison, with its derivatives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeadLoss {
    /// In nats.
    pub value: f64,
    /// Derivative in the strength of the item listed first.
    pub first: f64,
    /// Derivative in the strength of the item listed second.
    pub second: f64,
    /// Derivative in the tie parameter; 0 for the heads that have none.
    pub eta: f64,
}

/// What is told apart by the losses that only ask how good the two answers are together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A tie (or both bad) against a decision.
    Tie,
    /// Both bad against the rest.
    BothBad,
}

impl Head {
    /// Whether it has a tie parameter.
    #[must_use]
    pub fn has_ties(self) -> bool {
        !matches!(self, Self::Bt | Self::BtTie)
    }

    /// Whether adding a constant to all strengths changes nothing; the others have an origin, the level of "bad".
    #[must_use]
    pub fn shift_invariant(self) -> bool {
        matches!(self, Self::Bt | Self::BtTie | Self::Rk)
    }

    /// The probability below which the released loss is clamped.
    #[must_use]
    pub fn least(self) -> f64 {
        match self {
            Self::Bt | Self::BtTie => 0.0,
            Self::Rk => 1e-3,
            Self::RkReparam | Self::Grk => 1e-6,
            Self::Ba => 1e-2,
        }
    }

    /// What the released code adds to `e^eta` to make T.
    fn offset(self) -> f64 {
        if self == Self::Ba { 1.02 } else { 1.000_001 }
    }

    /// Weights of first, second, tie, both bad as the head sees them.
    pub(crate) fn weights(self, c: &Count) -> [f64; 4] {
        match self {
            Self::Bt => [c.first, c.second, 0.0, 0.0],
            Self::BtTie => [c.first + 0.5 * c.ties(), c.second + 0.5 * c.ties(), 0.0, 0.0],
            Self::Rk | Self::RkReparam => [c.first, c.second, c.ties(), 0.0],
            Self::Grk | Self::Ba => [c.first, c.second, c.tie, c.both_bad],
        }
    }

    /// `eta` of the head `rk` as the released code makes it of its network's output: a soft positive part of slope 1/10 around 22.5,
    /// at least 0.02.
    #[must_use]
    pub fn released_eta(output: f64) -> f64 {
        (-log_sigmoid(-0.1 * (output - 22.5)) / 0.1).max(0.02)
    }

    /// Probabilities of first, second, tie, both bad at strengths `a`, `b` and the tie parameter: of `rk` that is `eta` itself, at
    /// least 0, of the others the exponent of `T = e^eta + 1.000001` (of `ba` 1.02).
    #[must_use]
    pub fn probs(self, a: f64, b: f64, eta: f64) -> [f64; 4] {
        self.log_probs([a, b, eta].map(Jet::constant)).map(|l| l.map_or(0.0, |jet| jet.value.exp()))
    }

    /// Log-probabilities with derivatives in what `a`, `b` and `eta` depend on.
    pub(crate) fn log_probs(self, [a, b, eta]: [Jet; 3]) -> LogProbs {
        let d = a - b;
        if !self.has_ties() {
            return [Some(d.log_sigmoid()), Some((-d).log_sigmoid()), None, None];
        }
        if self == Self::Rk {
            let (first, second) = ((d - eta).log_sigmoid(), (-d - eta).log_sigmoid());
            // log(e^(2 eta) - 1)
            let e = (-2.0 * eta.value).exp();
            let rest = -(-2.0 * eta.value).exp_m1();
            let factor = eta.compose(2.0 * eta.value + rest.ln(), 2.0 / rest, -4.0 * e / (rest * rest));
            return [Some(first), Some(second), Some(factor + first + second), None];
        }
        let constant = |x: f64| Jet::constant(x.ln());
        let zero = Jet::constant(0.0);
        let threshold = Jet::log_sum_exp([eta, constant(self.offset())]);
        let above_one = Jet::log_sum_exp([eta, constant(self.offset() - 1.0)]);
        let (one, two) =
            (-Jet::log_sum_exp([a, threshold + b, zero]), -Jet::log_sum_exp([b, threshold + a, zero]));
        let bad = -Jet::log_sum_exp([a, b, zero]);
        let tie = a + b + above_one + bad + Jet::log_sum_exp([one, two]);
        match self {
            Self::RkReparam => [Some(a + one), Some(b + two), Some(Jet::log_sum_exp([tie, bad])), None],
            _ => [Some(a + one), Some(b + two), Some(tie), Some(bad)],
        }
    }

    /// The released loss of one comparison of items with strengths `a` (listed first) and `b`; `eta` is the network's output, which
    /// `rk` passes through [`Head::released_eta`]. `bt` takes a tie for a win of the first.
    #[must_use]
    pub fn loss(self, a: f64, b: f64, outcome: Outcome, eta: f64) -> HeadLoss {
        let raw = Jet::variable(3, eta);
        let eta = match self {
            Self::Rk => {
                let p = logistic(0.1 * (eta - 22.5));
                let value = Self::released_eta(eta);
                let slope = if value > 0.02 { p } else { 0.0 };
                raw.compose(value, slope, 0.0)
            }
            _ => raw,
        };
        // the winner first
        let (a, b) = (Jet::variable(0, a), Jet::variable(1, b));
        let (a, b) = if outcome == Outcome::Second { (b, a) } else { (a, b) };
        let [win, lose, tie, bad] = self.log_probs([a, b, eta]);
        let tied = matches!(outcome, Outcome::Tie | Outcome::BothBad);
        let log = match (tied, self) {
            (false, _) | (true, Self::Bt) => win,
            (true, Self::BtTie) => win.zip(lose).map(|(w, l)| (w + l) * 0.5),
            (true, _) if outcome == Outcome::BothBad => bad.or(tie),
            (true, _) => tie,
        };
        loss_of(log.expect("every head has its outcomes"), self.least())
    }

    /// The released losses of `grk` on whether a comparison was tied (or both bad), and on whether both were bad.
    #[must_use]
    pub fn event_loss(which: Event, a: f64, b: f64, outcome: Outcome, eta: f64) -> HeadLoss {
        let (a, b, eta) = (Jet::variable(0, a), Jet::variable(1, b), Jet::variable(3, eta));
        let (a, b) = if outcome == Outcome::Second { (b, a) } else { (a, b) };
        let [win, lose, tie, bad] = Self::Grk.log_probs([a, b, eta]);
        let (Some(win), Some(lose), Some(tie), Some(bad)) = (win, lose, tie, bad) else {
            unreachable!("grk has four outcomes")
        };
        let log = match (which, outcome) {
            (Event::Tie, Outcome::Tie | Outcome::BothBad) => Jet::log_sum_exp([tie, bad]),
            (Event::Tie, _) => Jet::log_sum_exp([win, lose]),
            (Event::BothBad, Outcome::BothBad) => bad,
            // 1 - 1 / (1 + e^a + e^b)
            (Event::BothBad, _) => Jet::log_sum_exp([a, b]) + bad,
        };
        loss_of(log, 0.0)
    }
}

/// Minus a log-probability; without derivatives where the probability is clamped.
fn loss_of(log: Jet, least: f64) -> HeadLoss {
    if log.value < least.ln() {
        return HeadLoss { value: -least.ln(), first: 0.0, second: 0.0, eta: 0.0 };
    }
    let [first, second, _, eta] = log.gradient.map(|g| -g);
    HeadLoss { value: -log.value, first, second, eta }
}
