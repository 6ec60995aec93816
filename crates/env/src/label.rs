//! What a comparison may come out as, with which probability, and what is written down of it.

use equipoise_core::logistic::logistic;

/// How a comparison came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The item listed first won.
    First,
    /// The item listed second won.
    Second,
    /// Neither, both good enough or not said.
    Tie,
    /// Neither, both bad. A tie to every model but the grounded one.
    BothBad,
}

impl Outcome {
    /// All of them, in the order of [`Law::probabilities`].
    pub const ALL: [Self; 4] = [Self::First, Self::Second, Self::Tie, Self::BothBad];

    /// What the item listed first scores: 1, 0, or 1/2 of a tie of either kind.
    #[must_use]
    pub fn score(self) -> f64 {
        match self {
            Self::First => 1.0,
            Self::Second => 0.0,
            Self::Tie | Self::BothBad => 0.5,
        }
    }

    /// Whether neither won.
    #[must_use]
    pub fn is_tie(self) -> bool {
        matches!(self, Self::Tie | Self::BothBad)
    }
}

/// The law of one answer to a question "first or second?": probabilities of the four outcomes, of sum 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Law {
    /// Probability that the item listed first wins.
    pub first: f64,
    /// Probability that the item listed second wins.
    pub second: f64,
    /// Probability of a tie, ties of two bad items aside.
    pub tie: f64,
    /// Probability of a tie of two bad items.
    pub both_bad: f64,
}

impl Law {
    /// No ties: the first wins with probability `first`, the second with `second`.
    #[must_use]
    pub fn decided(first: f64, second: f64) -> Self {
        Self { first, second, tie: 0.0, both_bad: 0.0 }
    }

    /// The probabilities, in the order of [`Outcome::ALL`].
    #[must_use]
    pub fn probabilities(&self) -> [f64; 4] {
        [self.first, self.second, self.tie, self.both_bad]
    }

    /// The probability that either side wins.
    #[must_use]
    pub fn decisive(&self) -> f64 {
        self.first + self.second
    }

    /// The probability of a tie of either kind.
    #[must_use]
    pub fn ties(&self) -> f64 {
        self.tie + self.both_bad
    }

    /// `log(first / second)` in nats: the difference of strengths, `+-inf` where one side never wins; 0 if none ever does.
    #[must_use]
    pub fn log_odds(&self) -> f64 {
        if self.first == self.second { 0.0 } else { self.first.ln() - self.second.ln() }
    }

    /// The same law with the sides exchanged.
    #[must_use]
    pub fn turned(&self) -> Self {
        Self { first: self.second, second: self.first, ..*self }
    }

    /// `(1 - share) self + share other`.
    #[must_use]
    pub fn mixed(&self, share: f64, other: &Self) -> Self {
        let mix = |a: f64, b: f64| (1.0 - share) * a + share * b;
        Self {
            first: mix(self.first, other.first),
            second: mix(self.second, other.second),
            tie: mix(self.tie, other.tie),
            both_bad: mix(self.both_bad, other.both_bad),
        }
    }

    /// The same ties, and what is decisive by another law.
    #[must_use]
    pub fn decided_by(&self, law: &Self) -> Self {
        let m = self.decisive();
        Self {
            first: m * law.first,
            second: m * law.second,
            tie: self.tie + m * law.tie,
            both_bad: self.both_bad + m * law.both_bad,
        }
    }

    /// The same ties, and what is decisive at a difference of strengths of `d` nats: the first with `sigma(d)`.
    #[must_use]
    pub fn at_log_odds(&self, d: f64) -> Self {
        self.decided_by(&Self::decided(logistic(d), logistic(-d)))
    }

    /// The outcome at the place `u` in `[0, 1)` of the running sums of the probabilities.
    #[must_use]
    pub fn outcome(&self, u: f64) -> Outcome {
        let mut sum = 0.0;
        let below = |p: f64| {
            sum += p;
            u < sum
        };
        let place = self.probabilities().into_iter().position(below);
        // rounding may leave the sum a little below 1
        let last = self.probabilities().iter().rposition(|p| *p > 0.0);
        Outcome::ALL[place.or(last).unwrap_or(0)]
    }
}

/// One line of a data set of comparisons.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Label {
    /// Context, from 0.
    pub context: u32,
    /// The action listed first, from 0.
    pub first: u32,
    /// The action listed second, from 0.
    pub second: u32,
    /// Who won.
    pub outcome: Outcome,
    /// How many equal comparisons it stands for, above 0 and at most 1.
    pub weight: f64,
    /// How much better the winner was, at least 0, where that was asked.
    pub magnitude: Option<f64>,
}

/// One line of a data set of rankings: actions of a context, best first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranked {
    /// Context, from 0.
    pub context: u32,
    /// Actions, from 0, the best first.
    pub order: Vec<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn laws_sum_to_one_and_keep_their_ties() {
        let law = Law { first: 0.5, second: 0.2, tie: 0.2, both_bad: 0.1 };
        for other in [law.turned(), law.at_log_odds(-1.3), law.mixed(0.3, &law.turned())] {
            assert!((other.probabilities().iter().sum::<f64>() - 1.0).abs() < 1e-15);
            assert!((other.ties() - 0.3).abs() < 1e-15);
        }
        assert!((law.log_odds() - 2.5f64.ln()).abs() < 1e-15);
        assert!((law.at_log_odds(law.log_odds()).first - 0.5).abs() < 1e-15);
        let outcomes = [0.0, 0.49, 0.5, 0.69, 0.71, 0.89, 0.91, 0.999].map(|u| law.outcome(u));
        let expected = Outcome::ALL.map(|o| [o; 2]).concat();
        assert_eq!(outcomes.to_vec(), expected);
        assert_eq!(Law::decided(1.0, 0.0).log_odds(), f64::INFINITY);
        assert_eq!(Law { first: 0.0, second: 0.0, tie: 1.0, both_bad: 0.0 }.log_odds(), 0.0);
    }
}
