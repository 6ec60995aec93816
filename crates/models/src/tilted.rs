//! A normal law times what one comparison says of a difference: its integral and that integral's derivatives in the mean.
//!
//! ```text
//! Z(m, v) = integral f(d) N(d; m, v) dd,   f(d) = F(d)^a F(-d)^b      F = sigma or Phi; a win: a = 1, b = 0; a tie: a = b = 1/2
//! d log Z / dm = E l',   d^2 log Z / dm^2 = E l'' + Var l'            l = log f, moments under f N / Z
//! ```
//!
//! By the trapezoidal rule, which converges exponentially here: f is analytic in a strip of half width near pi, and f N falls at least as fast
//! as N about its mode, since log f is concave. Closed forms where there are any: of one win under Phi, and of the mixture of five
//! normal laws that stands for the logistic one in GPML (Rasmussen, Nickisch, JMLR 11, 2010) and choix.

use equipoise_core::logistic::{log_sigmoid, logistic};

use crate::distributions::{log_normal_cdf, mills};

/// The law of one comparison, given the difference of strengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Law {
    /// `sigma`, by quadrature.
    Logistic,
    /// `Phi`.
    Normal,
    /// `sigma` as a mixture of five `Phi`, with its tails put right, for a whole win; quadrature else.
    Mixture,
}

/// `log Z` and its first two derivatives in the mean.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tilted {
    pub(crate) log_z: f64,
    pub(crate) slope: f64,
    /// Second derivative, in `(-1 / v, 0]`.
    pub(crate) curvature: f64,
}

/// Standard deviations on either side of the mode that are summed over: what is left out has a share below 1e-17.
const REACH: f64 = 8.7;

impl Law {
    /// `Z` of `F^a F^b` under the normal law of mean `m` and variance `v > 0`.
    pub(crate) fn tilted(self, (a, b): (f64, f64), m: f64, v: f64) -> Tilted {
        let flipped = |t: Tilted| Tilted { slope: -t.slope, ..t };
        match (self, a, b) {
            (Self::Normal, 1.0, 0.0) => one_win(m, v),
            (Self::Normal, 0.0, 1.0) => flipped(one_win(-m, v)),
            (Self::Mixture, 1.0, 0.0) => mixture(m, v),
            (Self::Mixture, 0.0, 1.0) => flipped(mixture(-m, v)),
            _ => self.by_quadrature((a, b), m, v),
        }
    }

    /// `log f` with its first two derivatives.
    pub(crate) fn log_factor(self, (a, b): (f64, f64), d: f64) -> [f64; 3] {
        if self == Self::Normal {
            let (up, down) = (mills(d), mills(-d));
            let curvature = |slope: f64, x: f64| if slope > 0.0 { slope * (slope + x) } else { 0.0 };
            let log = |weight: f64, x: f64| if weight > 0.0 { weight * log_normal_cdf(x) } else { 0.0 };
            return [
                log(a, d) + log(b, -d),
                a * up - b * down,
                -a * curvature(up, d) - b * curvature(down, -d),
            ];
        }
        let (up, down) = (logistic(d), logistic(-d));
        [a * log_sigmoid(d) + b * log_sigmoid(-d), a * down - b * up, -(a + b) * up * down]
    }

    fn by_quadrature(self, powers: (f64, f64), m: f64, v: f64) -> Tilted {
        let sd = v.sqrt();
        let step = (0.6 * sd).min(0.4);
        // distances from m, so that those of a narrow law keep their digits
        let mode = self.mode(powers, m, v);
        let log = |off: f64| {
            let [l, slope, curvature] = self.log_factor(powers, m + off);
            (l - 0.5 * off * off / v, slope, curvature)
        };
        let top = log(mode).0;
        let reach = (REACH * sd / step).ceil() as i64;
        let at = |k: i64| {
            let (l, slope, curvature) = log(mode + k as f64 * step);
            ((l - top).exp(), slope, curvature)
        };
        let nodes: Vec<(f64, f64, f64)> = (-reach..=reach).map(at).collect();
        let z: f64 = nodes.iter().map(|n| n.0).sum();
        let slope = nodes.iter().map(|n| n.0 * n.1).sum::<f64>() / z;
        let second = |n: &(f64, f64, f64)| n.0 * (n.2 + (n.1 - slope).powi(2));
        let curvature = nodes.iter().map(second).sum::<f64>() / z;
        let log_z = top + (z * step / sd).ln() - 0.5 * std::f64::consts::TAU.ln();
        Tilted { log_z, slope, curvature }
    }

    /// How far from m `f N` is largest, to a part of its width: Newton's method within ends that are drawn together.
    fn mode(self, (a, b): (f64, f64), m: f64, v: f64) -> f64 {
        // the slope of log f is at most a beyond 0, and at least -b before it
        let (mut low, mut high) = ((-m).min(0.0) - b * v, (-m).max(0.0) + a * v);
        let mut off = 0.0;
        for _ in 0..200 {
            let [_, slope, curvature] = self.log_factor((a, b), m + off);
            let rise = slope - off / v;
            if rise > 0.0 {
                low = off
            } else {
                high = off
            }
            let newton = off + rise / (1.0 / v - curvature);
            let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
            let moved = (next - off).abs();
            off = next;
            if moved <= 1e-3 * v.sqrt() {
                break;
            }
        }
        off
    }
}

/// `Z = Phi(m / sqrt(1 + v))`.
fn one_win(m: f64, v: f64) -> Tilted {
    let z = m / (1.0 + v).sqrt();
    let ratio = mills(z);
    let curvature = if ratio > 0.0 { -ratio * (z + ratio) / (1.0 + v) } else { 0.0 };
    Tilted { log_z: log_normal_cdf(z), slope: ratio / (1.0 + v).sqrt(), curvature }
}

/// Scales over sqrt 2, and weights, of the five normal laws.
const FIVE: [(f64, f64); 5] = [
    (0.44, 1.146_480_988_574_439e2),
    (0.41, -1.508_871_030_070_582e3),
    (0.40, 2.676_085_036_831_241e3),
    (0.39, -1.356_294_962_039_222e3),
    (0.36, 7.543_285_642_111_85e1),
];

/// The logistic law as a mixture of normal ones; beyond `|m| = 4 + 0.98 v`, where its tails are too light, those of the logistic law.
fn mixture(m: f64, v: f64) -> Tilted {
    let (mut z, mut slope, mut second) = (0.0, 0.0, 0.0);
    for (scale, weight) in FIVE {
        let scale = scale * std::f64::consts::SQRT_2;
        let one = one_win(scale * m, scale * scale * v);
        let weight = weight * one.log_z.exp();
        z += weight;
        slope += weight * scale * one.slope;
        second += weight * scale * scale * (one.slope * one.slope + one.curvature);
    }
    let (slope, second) = (slope / z, second / z);
    let tail = logistic(10.0 * (m.abs() - 0.98 * v - 4.0));
    let log_tail = (0.5 * v - m.abs()).min(-0.1);
    let (log_tail, tail_slope) = if m > 0.0 { ((-log_tail.exp()).ln_1p(), 0.0) } else { (log_tail, 1.0) };
    // a share below e^-500 is none, and the mixture may be no number where the tail is all
    let mix = |inner: f64, outer: f64| match tail {
        _ if tail < 1e-217 => inner,
        1.0 => outer,
        _ => (1.0 - tail) * inner + tail * outer,
    };
    Tilted {
        log_z: mix(z.ln(), log_tail),
        slope: mix(slope, tail_slope),
        curvature: mix(second - slope * slope, 0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAWS: [Law; 3] = [Law::Logistic, Law::Normal, Law::Mixture];

    #[test]
    fn quadrature_meets_the_closed_form_of_a_normal_win() {
        for m in [-30.0, -4.0, -0.3, 0.0, 1.7, 9.0] {
            for v in [1e-8, 1e-3, 0.4, 2.0, 60.0, 4e3] {
                let (a, b) = (one_win(m, v), Law::Normal.by_quadrature((1.0, 0.0), m, v));
                assert!((a.log_z - b.log_z).abs() < 1e-12 * (1.0 + a.log_z.abs()), "{m} {v}: {a:?} {b:?}");
                // phi / Phi at d is right to d^2 / 2 roundings
                let off = 1e-13 * a.slope;
                assert!((a.slope - b.slope).abs() < 1e-12 + off, "{m} {v}: {a:?} {b:?}");
                // of slopes s the curvature is a difference of numbers of size s^2
                let rounding = 1e-12 + off * a.slope;
                assert!((a.curvature - b.curvature).abs() < rounding, "{m} {v}: {a:?} {b:?}");
            }
        }
    }

    #[test]
    fn derivatives_are_those_of_the_integral() {
        for law in [Law::Logistic, Law::Normal] {
            for powers in [(1.0, 0.0), (0.0, 1.0), (0.5, 0.5), (0.3, 0.1)] {
                for (m, v) in [(0.4, 0.01), (-2.0, 2.0), (1.0, 50.0)] {
                    let h = 1e-4 * f64::sqrt(v);
                    let [low, here, high] = [m - h, m, m + h].map(|m| law.tilted(powers, m, v));
                    let off = |found: f64, finite: f64| (found - finite).abs() < 1e-6 * (1.0 + found.abs());
                    assert!(
                        off(here.slope, (high.log_z - low.log_z) / (2.0 * h)),
                        "{law:?} {powers:?} {m} {v}"
                    );
                    assert!(
                        off(here.curvature, (high.slope - low.slope) / (2.0 * h)),
                        "{law:?} {powers:?} {m} {v}"
                    );
                    assert!(here.curvature <= 0.0 && 1.0 + here.curvature * v > 0.0);
                }
            }
        }
    }

    #[test]
    fn logistic_integrals_have_their_known_values() {
        for v in [1e-6, 0.7, 30.0] {
            // symmetric about 1/2; a win and a loss are all there is
            assert!((Law::Logistic.tilted((1.0, 0.0), 0.0, v).log_z - 0.5f64.ln()).abs() < 1e-14);
            for m in [-3.0, 0.2, 8.0] {
                let both =
                    [(1.0, 0.0), (0.0, 1.0)].map(|powers| Law::Logistic.tilted(powers, m, v).log_z.exp());
                assert!((both[0] + both[1] - 1.0).abs() < 1e-14, "{m} {v}: {both:?}");
                // sigma(d) = sigma(-d) e^d: the integral of a loss under the law shifted by v
                let shifted = Law::Logistic.tilted((0.0, 1.0), m + v, v).log_z + m + 0.5 * v;
                assert!((both[0].ln() - shifted).abs() < 1e-12 * (1.0 + shifted.abs()), "{m} {v}");
            }
        }
    }

    #[test]
    fn the_mixture_is_the_logistic_law_to_three_digits() {
        for m in [-6.0, -1.0, 0.0, 2.0, 7.0] {
            for v in [0.05, 1.0, 2.0] {
                let [a, _, b] = LAWS.map(|law| law.tilted((1.0, 0.0), m, v));
                assert!((a.log_z.exp() - b.log_z.exp()).abs() < 1e-3, "{m} {v}: {a:?} {b:?}");
                assert!((a.slope - b.slope).abs() < 3e-2, "{m} {v}: {a:?} {b:?}");
            }
        }
    }
}
