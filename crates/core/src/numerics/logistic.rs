//! The logistic function and what is built from it, stable at both ends.
//!
//! ```text
//! sigma(x) = 1 / (1 + e^-x)       log sigma(x) = min(x, 0) - log(1 + e^-|x|)       sigma(x) - 1/2 = tanh(x / 2) / 2
//! ```
//!
//! The complement `1 - sigma(x)` is `sigma(-x)`: written so, it keeps its digits where sigma rounds to 1.
//!
//! [`PairLikelihood`] is the Bradley-Terry log-likelihood of one pair with its derivatives. Every fit of the workspace that
//! has this likelihood sums these terms; the fits differ in what they add (designs, ties, contexts, priors), in which
//! parameters they have and in how they solve the Newton system, and keep that in their own crates.

/// `sigma(x) = 1 / (1 + e^-x)`, in `[0, 1]`.
#[inline]
#[must_use]
pub fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// `log sigma(x)`, at most 0; finite for every finite `x`.
#[inline]
#[must_use]
pub fn log_sigmoid(x: f64) -> f64 {
    x.min(0.0) - (-x.abs()).exp().ln_1p()
}

/// `sigma(x) - 1/2`, in `[-1/2, 1/2]`: the preference margin of a difference in score; small differences keep their digits.
#[inline]
#[must_use]
pub fn logistic_margin(x: f64) -> f64 {
    0.5 * (0.5 * x).tanh()
}

/// The Bradley-Terry log-likelihood of one pair at a difference `d` of the two log strengths:
/// `won log sigma(d) + lost log sigma(-d)`, in nats, with its derivatives.
///
/// Bradley, Terry 1952, Biometrika 39.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairLikelihood {
    d: f64,
    won: f64,
    lost: f64,
    /// `(sigma(d), sigma(-d))`.
    probs: (f64, f64),
}

impl PairLikelihood {
    /// The pair at difference `d`; `won` and `lost` are its (weighted) wins and losses, not negative.
    #[inline]
    #[must_use]
    pub fn at(d: f64, won: f64, lost: f64) -> Self {
        Self { d, won, lost, probs: (logistic(d), logistic(-d)) }
    }

    /// The log-likelihood.
    #[inline]
    #[must_use]
    pub fn value(&self) -> f64 {
        // [`log_sigmoid`] at both signs: the logarithm is the same
        let log = (-self.d.abs()).exp().ln_1p();
        self.won * (self.d.min(0.0) - log) + self.lost * ((-self.d).min(0.0) - log)
    }

    /// Its derivative in `d`; near-certain outcomes do not cancel.
    #[inline]
    #[must_use]
    pub fn slope(&self) -> f64 {
        self.won * self.probs.1 - self.lost * self.probs.0
    }

    /// Minus its second derivative in `d`, not negative.
    #[inline]
    #[must_use]
    pub fn curvature(&self) -> f64 {
        (self.won + self.lost) * self.probs.0 * self.probs.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn both_ends_keep_their_digits() {
        assert_eq!((logistic(0.0), logistic(f64::INFINITY), logistic(f64::NEG_INFINITY)), (0.5, 1.0, 0.0));
        assert_relative_eq!(logistic(-700.0), (-700f64).exp(), max_relative = 1e-14);
        assert_eq!((logistic(1e4), logistic(-1e4)), (1.0, 0.0));
        // log sigma(x) = x - log(1 + e^x): the left end is x, the right end -e^-x
        assert_eq!(log_sigmoid(-1e300), -1e300);
        assert_relative_eq!(log_sigmoid(40.0), -(-40f64).exp(), max_relative = 1e-15);
        assert_eq!(log_sigmoid(0.0), -std::f64::consts::LN_2);
        assert!((logistic_margin(1e-20) - 0.25e-20).abs() < 1e-36);
        assert_eq!(logistic_margin(1e6), 0.5);
        for k in -60..=60 {
            let x = f64::from(k) / 4.0;
            assert_relative_eq!(logistic(x) + logistic(-x), 1.0, max_relative = 1e-15);
            assert_relative_eq!(log_sigmoid(x), logistic(x).ln(), max_relative = 1e-9);
            assert!((logistic_margin(x) - (logistic(x) - 0.5)).abs() < 1e-15);
        }
    }

    #[test]
    fn the_derivatives_of_a_pair_are_those_of_its_likelihood() {
        let (won, lost, step) = (3.0, 1.25, 1e-4);
        for d in [-6.0, -0.7, 0.0, 0.3, 4.0] {
            let value = |d: f64| PairLikelihood::at(d, won, lost).value();
            let pair = PairLikelihood::at(d, won, lost);
            let slope = (value(d + step) - value(d - step)) / (2.0 * step);
            let curvature = -(value(d + step) - 2.0 * value(d) + value(d - step)) / (step * step);
            assert_relative_eq!(pair.slope(), slope, max_relative = 1e-6);
            assert_relative_eq!(pair.curvature(), curvature, max_relative = 1e-4, epsilon = 1e-6);
        }
        // a certain outcome: the slope that is left is e^-d, not rounding
        let certain = PairLikelihood::at(50.0, 1.0, 0.0);
        assert_relative_eq!(certain.slope(), (-50f64).exp(), max_relative = 1e-14);
        // log odds of the shares: the maximum
        assert!(PairLikelihood::at(3f64.ln(), 3.0, 1.0).slope().abs() < 1e-15);
    }
}
