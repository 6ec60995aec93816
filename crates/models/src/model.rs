//! Models of one comparison: the probabilities of its outcomes, from two strengths and at most two parameters more.
//!
//! ```text
//! d = r_i - r_j + h             r: log strengths, h: bonus of the item listed first, 0 unless asked for
//! bradley-terry        Pr(i) = sigma(d)                                 a tie counts half to each side
//! thurstone            Pr(i) = Phi(d)                                   likewise; strengths in probits
//! davidson             Pr(i) = e^{d/2} / D,  Pr(tie) = nu / D           D = e^{d/2} + e^{-d/2} + nu
//! rao-kupper           Pr(i) = sigma(d - log theta),  Pr(j) = sigma(-d - log theta),  Pr(tie) = the rest, theta >= 1
//! grounded-rao-kupper  Pr(i) = s_i / (s_i + T s_j + 1),  Pr(both bad) = 1 / (1 + s_i + s_j),  Pr(tie) = the rest, T >= 1,
//!                      s = e^r, without h: strengths have an origin of their own, the level of "bad"
//! ```
//!
//! Bradley, Terry 1952; Thurstone 1927 (case V, in units of the standard deviation of a difference); Davidson 1970, with
//! his `nu`: some authors write `2 nu`; Rao, Kupper 1967; the grounded form as in Prompt-to-Leaderboard,
//! arXiv:2502.14855. The log-likelihood is concave in (r, h) and in `log nu` or `log theta`; the grounded one is not.

use equipoise_data::Count;
use serde::Serialize;

use crate::distributions::{log_normal_cdf, mills};
use crate::jet::Jet;

/// A model of comparisons of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Model {
    /// Logistic in the difference of strengths.
    BradleyTerry,
    /// Normal in the difference of strengths.
    Thurstone,
    /// Bradley-Terry with ties likeliest between equals, by a geometric mean.
    Davidson,
    /// Bradley-Terry with ties within a threshold.
    RaoKupper,
    /// Rao-Kupper against a level of "bad" that both items may miss.
    GroundedRaoKupper,
}

/// Log-probabilities of first, second, tie, both bad; `None` for an outcome that the model does not have.
pub(crate) type LogProbs<T> = [Option<T>; 4];

impl Model {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::BradleyTerry, Self::Thurstone, Self::Davidson, Self::RaoKupper, Self::GroundedRaoKupper];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BradleyTerry => "bradley-terry",
            Self::Thurstone => "thurstone",
            Self::Davidson => "davidson",
            Self::RaoKupper => "rao-kupper",
            Self::GroundedRaoKupper => "grounded-rao-kupper",
        }
    }

    /// Its definition, in a line.
    #[must_use]
    pub fn definition(self) -> &'static str {
        let row = crate::MODELS.iter().find(|row| row.name == self.name());
        row.map_or("", |row| row.definition)
    }

    /// Whether ties are outcomes of their own.
    #[must_use]
    pub fn has_ties(self) -> bool {
        !matches!(self, Self::BradleyTerry | Self::Thurstone)
    }

    /// Whether adding a constant to all strengths changes nothing.
    pub(crate) fn is_relative(self) -> bool {
        self != Self::GroundedRaoKupper
    }

    /// Whether it can have a bonus for the item listed first.
    #[must_use]
    pub fn takes_home(self) -> bool {
        self.is_relative()
    }

    /// The letter of its tie parameter, and the value at the working parameter `x` with the slope there.
    pub(crate) fn tie_parameter(self, x: f64) -> Option<(&'static str, f64, f64)> {
        match self {
            Self::BradleyTerry | Self::Thurstone => None,
            Self::Davidson => Some(("nu", x.exp(), x.exp())),
            Self::RaoKupper => Some(("theta", x.exp(), x.exp())),
            Self::GroundedRaoKupper => Some(("T", 1.0 + x.exp(), x.exp())),
        }
    }

    /// The working parameter at which a share of about a third is tied.
    pub(crate) fn tie_start(self) -> f64 {
        if self == Self::RaoKupper { 2.0f64.ln() } else { 0.0 }
    }

    /// Whether the working parameter is allowed.
    pub(crate) fn tie_allowed(self, x: f64) -> bool {
        self != Self::RaoKupper || x > 0.0
    }

    /// Weights of the outcomes that the model has: ties are shared out where it has none, and both-bad ones are ties
    /// where it knows no other.
    pub(crate) fn weights(self, c: &Count) -> [f64; 4] {
        match self {
            Self::BradleyTerry | Self::Thurstone => {
                [c.first + 0.5 * c.ties(), c.second + 0.5 * c.ties(), 0.0, 0.0]
            }
            Self::Davidson | Self::RaoKupper => [c.first, c.second, c.ties(), 0.0],
            Self::GroundedRaoKupper => [c.first, c.second, c.tie, c.both_bad],
        }
    }

    /// Log-probabilities at `(r_first, r_second, h, x)`.
    pub(crate) fn log_probs(self, [a, b, h, x]: [Jet; 4]) -> LogProbs<Jet> {
        let d = a - b + h;
        match self {
            Self::BradleyTerry => [Some(d.log_sigmoid()), Some((-d).log_sigmoid()), None, None],
            Self::Thurstone => {
                let log_phi = |z: Jet| {
                    let slope = mills(z.value);
                    z.compose(log_normal_cdf(z.value), slope, -slope * (slope + z.value))
                };
                [Some(log_phi(d)), Some(log_phi(-d)), None, None]
            }
            Self::Davidson => {
                let (up, down) = (d * 0.5, d * -0.5);
                let sum = Jet::log_sum_exp([up, down, x]);
                [Some(up - sum), Some(down - sum), Some(x - sum), None]
            }
            Self::RaoKupper => {
                let (first, second) = ((d - x).log_sigmoid(), (-d - x).log_sigmoid());
                // log(theta^2 - 1)
                let e = (-2.0 * x.value).exp();
                let one_less = -(-2.0 * x.value).exp_m1();
                let factor = x.compose(
                    2.0 * x.value + one_less.ln(),
                    2.0 / one_less,
                    -4.0 * e / (one_less * one_less),
                );
                [Some(first), Some(second), Some(factor + first + second), None]
            }
            Self::GroundedRaoKupper => {
                let zero = Jet::constant(0.0);
                let threshold = Jet::log_sum_exp([zero, x]);
                let first = a - Jet::log_sum_exp([a, threshold + b, zero]);
                let second = b - Jet::log_sum_exp([b, threshold + a, zero]);
                let bad = -Jet::log_sum_exp([a, b, zero]);
                let tie = (Jet::constant(1.0) - first.exp() - second.exp() - bad.exp()).ln();
                [Some(first), Some(second), Some(tie), Some(bad)]
            }
        }
    }

    /// Probabilities of first, second, tie, both bad, in the same variables.
    #[must_use]
    pub fn probs(self, first: f64, second: f64, home: f64, tie: f64) -> [f64; 4] {
        let logs = self.log_probs([first, second, home, tie].map(Jet::constant));
        logs.map(|l| l.map_or(0.0, |jet| jet.value.exp()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jet::N;

    const POINTS: [[f64; 4]; 4] =
        [[0.3, -0.4, 0.2, 0.5], [1.7, 1.6, -0.1, 0.4], [-3.0, 2.0, 0.4, 1.2], [0.0, 0.0, 0.0, 0.7]];

    fn at(model: Model, point: [f64; 4]) -> LogProbs<Jet> {
        let mut k = 0;
        model.log_probs(point.map(|v| {
            k += 1;
            Jet::variable(k - 1, v)
        }))
    }

    #[test]
    fn probabilities_sum_to_one_and_swap_with_the_items() {
        for model in Model::ALL {
            for [a, b, h, x] in POINTS {
                let p = model.probs(a, b, h, x);
                assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-14, "{model:?} {p:?}");
                let swapped = model.probs(b, a, -h, x);
                let pairs = [(p[0], swapped[1]), (p[1], swapped[0]), (p[2], swapped[2]), (p[3], swapped[3])];
                // the grounded model has no bonus, so that h must not matter there
                let fair = h == 0.0 || model != Model::GroundedRaoKupper;
                assert!(!fair || pairs.iter().all(|(u, v)| (u - v).abs() < 1e-15), "{model:?}");
            }
        }
        // rao-kupper at equal strengths ties with tanh(log theta / 2)
        let tie = Model::RaoKupper.probs(0.0, 0.0, 0.0, 0.5)[2];
        assert!((tie - 0.25f64.tanh()).abs() < 1e-15);
        // the grounded model without the ground is rao-kupper: push both strengths up
        let (x, t) = (0.3f64, (0.3f64.exp() + 1.0).ln());
        let (grounded, plain) =
            (Model::GroundedRaoKupper.probs(40.0, 39.0, 0.0, x), Model::RaoKupper.probs(1.0, 0.0, 0.0, t));
        assert!(grounded.iter().zip(plain).all(|(g, p)| (g - p).abs() < 1e-13));
    }

    #[test]
    fn derivatives_are_those_of_finite_differences() {
        for model in Model::ALL {
            for point in POINTS {
                for (outcome, jet) in at(model, point).into_iter().enumerate() {
                    let Some(jet) = jet else { continue };
                    for k in 0..N {
                        let step = 1e-5;
                        let moved = |s: f64| {
                            let mut moved = point;
                            moved[k] += s;
                            at(model, moved)[outcome].unwrap()
                        };
                        let (up, down) = (moved(step), moved(-step));
                        let slope = (up.value - down.value) / (2.0 * step);
                        // central differences of step 1e-5: 1e-10 of third derivatives, 1e-11 of rounding
                        assert!((slope - jet.gradient[k]).abs() < 1e-8, "{model:?} {outcome} {k}");
                        for l in 0..N {
                            let curvature = (up.gradient[l] - down.gradient[l]) / (2.0 * step);
                            assert!(
                                (curvature - jet.hessian[k][l]).abs() < 1e-6,
                                "{model:?} {outcome} {k} {l}"
                            );
                        }
                    }
                }
            }
        }
    }
}
