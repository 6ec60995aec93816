//! The factors of a loss on pairs, `weight (a f(z - shift) + c f(-(z - shift)))` with `z = beta (s_w - s_l)`: the score
//! `s` of a response, the label's weights `(a, c)` and the link `f`.

use equipoise_core::logistic::{log_sigmoid, logistic};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `log(1 + exp(x)) = -log sigmoid(-x)`.
pub(super) fn softplus(x: f64) -> f64 {
    -log_sigmoid(-x)
}

/// One response: `l = log pi(y | x)`, `l_ref = log mu(y | x)`, both summed over tokens, and its number of tokens.
#[derive(Clone, Copy, Debug)]
pub struct Response {
    /// `l`.
    pub policy: f64,
    /// `l_ref`; 0 where the score does not use it.
    pub reference: f64,
    /// Tokens; 1 where the score does not use them.
    pub length: f64,
}

/// A value with its derivatives by `l` and `l_ref`.
#[derive(Clone, Copy, Debug)]
pub struct Scored {
    /// The score.
    pub value: f64,
    /// `ds/dl`.
    pub policy: f64,
    /// `ds/dl_ref`.
    pub reference: f64,
}

/// What a response is worth to a loss; `h = l - l_ref`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Score {
    /// `h` (reverse KL).
    #[default]
    Ratio,
    /// `-exp(-h)` (forward KL).
    ForwardKl,
    /// `log sigmoid(h)` (Jensen-Shannon).
    JensenShannon,
    /// `(1 - exp(-a h)) / a` (alpha divergence); `a` above 0.
    Alpha(f64),
    /// `exp(h) + h` (KL and chi-squared together).
    Chi,
    /// `l / length`.
    Mean,
    /// `h / length`.
    MeanRatio,
    /// `l`.
    Sum,
    /// `log(p / (1 - p))` of the geometric mean `p = exp(l / length)` of the token probabilities.
    Odds,
}

impl Score {
    /// Whether `l_ref` enters.
    #[must_use]
    pub fn uses_reference(self) -> bool {
        !matches!(self, Self::Mean | Self::Sum | Self::Odds)
    }

    /// Whether the number of tokens enters.
    #[must_use]
    pub fn uses_length(self) -> bool {
        matches!(self, Self::Mean | Self::MeanRatio | Self::Odds)
    }

    /// The score of a response with its derivatives.
    #[must_use]
    pub fn of(self, response: &Response) -> Scored {
        let Response { policy: l, reference, length } = *response;
        let h = l - reference;
        let ratio = |value: f64, slope: f64| Scored { value, policy: slope, reference: -slope };
        let alone = |value: f64, slope: f64| Scored { value, policy: slope, reference: 0.0 };
        match self {
            Self::Ratio => ratio(h, 1.0),
            Self::ForwardKl => ratio(-(-h).exp(), (-h).exp()),
            Self::JensenShannon => ratio(log_sigmoid(h), logistic(-h)),
            Self::Alpha(a) => ratio(-(-a * h).exp_m1() / a, (-a * h).exp()),
            Self::Chi => ratio(h.exp() + h, h.exp() + 1.0),
            Self::Mean => alone(l / length, 1.0 / length),
            Self::MeanRatio => ratio(h / length, 1.0 / length),
            Self::Sum => alone(l, 1.0),
            Self::Odds => {
                // 1 - p without cancellation
                let (mean, rest) = (l / length, -(l / length).exp_m1());
                alone(mean - rest.ln(), 1.0 / (length * rest))
            }
        }
    }
}

/// How sure the label is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Label {
    /// `(1, 0)`: the chosen response was preferred.
    #[default]
    Hard,
    /// `(1 - e, e)`: labels are flipped with rate `e`, the loss is smoothed.
    Smooth(f64),
    /// `((1 - e) / (1 - 2 e), -e / (1 - 2 e))`: its mean over flips of rate `e` is the loss of clean labels.
    Debiased(f64),
    /// `(p, 1 - p)`: the chosen response was preferred with probability `p`.
    Soft(f64),
}

impl Label {
    /// `(a, c)`.
    #[must_use]
    pub fn weights(self) -> (f64, f64) {
        match self {
            Self::Hard => (1.0, 0.0),
            Self::Smooth(e) => (1.0 - e, e),
            Self::Debiased(e) => ((1.0 - e) / (1.0 - 2.0 * e), -e / (1.0 - 2.0 * e)),
            Self::Soft(p) => (p, 1.0 - p),
        }
    }
}

/// The scalar loss `f`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Link {
    /// `-log sigmoid(z)`.
    #[default]
    Logistic,
    /// `(z - c)^2` with target `c`.
    Squared(f64),
    /// `max(0, c - z)` with margin `c`.
    Hinge(f64),
    /// `max(0, 1 - z)^2`.
    SquaredHinge,
    /// `exp(-z)`.
    Exponential,
    /// `-log Phi(z)`.
    Probit,
    /// `KL(sigmoid(z) || 1 - e)` between Bernoulli laws, `e` in (0, 1).
    Exo(f64),
    /// `(1 - m) softplus(-z) + m exp(-z)`, `m = sigmoid(z / t)` with temperature `t`.
    Discopop(f64),
}

impl Link {
    /// `f(z)` and `f'(z)`.
    #[must_use]
    pub fn of(self, z: f64) -> (f64, f64) {
        match self {
            Self::Logistic => (softplus(-z), -logistic(-z)),
            Self::Squared(target) => ((z - target).powi(2), 2.0 * (z - target)),
            Self::Hinge(margin) if z < margin => (margin - z, -1.0),
            Self::SquaredHinge if z < 1.0 => ((1.0 - z).powi(2), -2.0 * (1.0 - z)),
            Self::Hinge(_) | Self::SquaredHinge => (0.0, 0.0),
            Self::Exponential => ((-z).exp(), -(-z).exp()),
            Self::Probit => {
                let log_phi = log_normal_cdf(z);
                (-log_phi, -(-0.5 * z * z - HALF_LOG_TWO_PI - log_phi).exp())
            }
            Self::Exo(e) => {
                let (q, rest) = (logistic(z), logistic(-z));
                let value = q * (log_sigmoid(z) - (-e).ln_1p()) + rest * (log_sigmoid(-z) - e.ln());
                (value, q * rest * (z - (-e).ln_1p() + e.ln()))
            }
            Self::Discopop(t) => {
                let (m, rest) = (logistic(z / t), logistic(-z / t));
                let (logistic_loss, exponential) = (softplus(-z), (-z).exp());
                let slope =
                    -logistic(-z) * rest - m * exponential + (exponential - logistic_loss) * m * rest / t;
                (rest * logistic_loss + m * exponential, slope)
            }
        }
    }
}

const HALF_LOG_TWO_PI: f64 = 0.918_938_533_204_672_7;

/// `log Phi(z)`; below -35, where `Phi` leaves the doubles' range of full precision, by its asymptotic series, whose first
/// term left out is below 4e-13 there.
fn log_normal_cdf(z: f64) -> f64 {
    if z > -35.0 {
        return (0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2)).ln();
    }
    let u = 1.0 / (z * z);
    -0.5 * z * z - HALF_LOG_TWO_PI - (-z).ln() + (u * (-1.0 + u * (3.0 + u * (-15.0 + 105.0 * u)))).ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fourth-order central difference.
    fn slope(f: impl Fn(f64) -> f64, x: f64) -> f64 {
        let h = 1e-3 * x.abs().max(1.0);
        (8.0 * (f(x + h) - f(x - h)) - (f(x + 2.0 * h) - f(x - 2.0 * h))) / (12.0 * h)
    }

    #[test]
    fn links_have_the_slopes_they_say() {
        let links = [
            Link::Logistic,
            Link::Squared(5.0),
            Link::Hinge(1.0),
            Link::SquaredHinge,
            Link::Exponential,
            Link::Probit,
            Link::Exo(1e-3),
            Link::Discopop(0.05),
        ];
        for link in links {
            for z in [-3.0, -0.4, 0.02, 0.3, 0.9, 2.0, 8.0] {
                // the mixing weight of DiscoPOP turns within a twentieth
                let tolerance = if matches!(link, Link::Discopop(_)) { 1e-5 } else { 1e-9 };
                let (_, exact) = link.of(z);
                let numeric = slope(|z| link.of(z).0, z);
                let scale = exact.abs().max(1.0);
                assert!((exact - numeric).abs() < tolerance * scale, "{link:?} at {z}: {exact} {numeric}");
            }
        }
    }

    #[test]
    fn both_branches_of_the_normal_distribution_meet() {
        let step = 1e-9;
        let (above, below) = (log_normal_cdf(-35.0 + step), log_normal_cdf(-35.0 - step));
        // slope there is about 35: what remains of the difference is the seam
        assert!((above - below - 2.0 * step * 35.03).abs() < 1e-10, "{above} {below}");
    }

    #[test]
    fn scores_have_the_slopes_they_say() {
        use Score::*;
        for score in [Ratio, ForwardKl, JensenShannon, Alpha(0.5), Chi, Mean, MeanRatio, Sum, Odds] {
            for (l, reference) in [(-3.0, -2.5), (-9.0, -11.0), (-0.7, -0.1)] {
                let at = |policy: f64, reference: f64| score.of(&Response { policy, reference, length: 4.0 });
                let found = at(l, reference);
                let by_policy = slope(|x| at(x, reference).value, l);
                let by_reference = slope(|x| at(l, x).value, reference);
                assert!((found.policy - by_policy).abs() < 1e-7 * found.policy.abs().max(1.0), "{score:?}");
                assert!(
                    (found.reference - by_reference).abs() < 1e-7 * found.reference.abs().max(1.0),
                    "{score:?}"
                );
            }
        }
    }

    #[test]
    fn a_debiased_label_undoes_flips_on_average() {
        let e = 0.3;
        let (a, c) = Label::Debiased(e).weights();
        // clean label 1 arrives flipped with rate e: the mean weights are (1, 0)
        approx::assert_abs_diff_eq!((1.0 - e) * a + e * c, 1.0, epsilon = 1e-15);
        approx::assert_abs_diff_eq!((1.0 - e) * c + e * a, 0.0, epsilon = 1e-15);
    }
}
