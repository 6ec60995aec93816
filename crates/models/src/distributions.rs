//! The few distribution functions that fits and tests need, to rounding in their tails.
//!
//! Incomplete gamma and beta functions by series and continued fractions (Lentz's method; DLMF 8.7, 8.9, 8.17); the
//! normal distribution by `erfc`.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// Smallest number that a continued fraction divides by.
const TINY: f64 = 1e-300;
/// Terms at most: more than any argument here needs.
const TERMS: u32 = 100_000;

/// `Phi(x)`.
#[must_use]
pub fn normal_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
}

/// `log Phi(x)`, also far in the lower tail.
#[must_use]
pub fn log_normal_cdf(x: f64) -> f64 {
    if x > -37.0 {
        return normal_cdf(x).ln();
    }
    // 1 - 1 / x^2 + 3 / x^4 - 15 / x^6 + 105 / x^8: the next term is below 3e-13
    let y = 1.0 / (x * x);
    -0.5 * x * x - (-x * (2.0 * PI).sqrt()).ln() + (-y * (1.0 - y * (3.0 - y * (15.0 - 105.0 * y)))).ln_1p()
}

/// `phi(x)`.
#[must_use]
pub fn normal_pdf(x: f64) -> f64 {
    (-0.5 * x * x).exp() / (2.0 * PI).sqrt()
}

/// `phi(x) / Phi(x)`, the slope of `log Phi`, also far in the lower tail.
#[must_use]
pub fn mills(x: f64) -> f64 {
    if x > -37.0 {
        return normal_pdf(x) / normal_cdf(x);
    }
    (-0.5 * x * x - 0.5 * (2.0 * PI).ln() - log_normal_cdf(x)).exp()
}

/// `Phi^-1(p)` for `p` in (0, 1), by Newton's method on the logarithm of the smaller tail.
#[must_use]
pub fn normal_quantile(p: f64) -> f64 {
    if p > 0.5 {
        return -normal_quantile(1.0 - p);
    }
    if p <= 0.0 {
        return f64::NEG_INFINITY;
    }
    // log Phi is concave: from the left of the root Newton's method rises to it; log Phi(x) < -x^2/2 for x < 0
    let mut x = -(-2.0 * p.ln()).sqrt();
    for _ in 0..100 {
        let step = (p.ln() - log_normal_cdf(x)) / mills(x);
        x += step;
        if step.abs() <= 1e-15 * x.abs().max(1e-8) {
            break;
        }
    }
    x
}

/// The quantile at `p` in (0, 1) of Student's law of so many `degrees > 0` of freedom, by bisection of
/// `2 Pr(T > t) = I_{d / (d + t^2)}(d / 2, 1 / 2)`; of the normal law for `None`.
#[must_use]
pub fn student_quantile(p: f64, degrees: Option<f64>) -> f64 {
    let Some(degrees) = degrees else { return normal_quantile(p) };
    if p < 0.5 {
        return -student_quantile(1.0 - p, Some(degrees));
    }
    let above = |t: f64| {
        let square = t * t;
        // for small t by the complement, which does not round to 1
        let both = match square < degrees {
            true => 1.0 - beta_regularised(square / (degrees + square), 0.5, 0.5 * degrees),
            false => beta_regularised(degrees / (degrees + square), 0.5 * degrees, 0.5),
        };
        0.5 * both > 1.0 - p
    };
    let (mut low, mut high) = (0.0, 1.0);
    while above(high) {
        (low, high) = (high, 2.0 * high);
    }
    // as far as doubles go
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if above(middle) { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// `Pr(X >= x)` of a chi-squared variable with `degrees > 0` degrees of freedom.
#[must_use]
pub fn chi_squared_tail(x: f64, degrees: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    let (a, z) = (0.5 * degrees, 0.5 * x);
    let front = (a * z.ln() - z - libm::lgamma(a)).exp();
    if z < a + 1.0 {
        let (mut term, mut sum) = (1.0 / a, 1.0 / a);
        for k in 1..TERMS {
            term *= z / (a + f64::from(k));
            sum += term;
            if term < sum * f64::EPSILON {
                break;
            }
        }
        return 1.0 - front * sum;
    }
    front
        * continued_fraction(z + 1.0 - a, |k| {
            let k = f64::from(k);
            (-k * (k - a), z + 2.0 * k + 1.0 - a)
        })
}

/// `1 / (b0 + a1 / (b1 + a2 / (b2 + ...)))`, `terms(k) = (a_k, b_k)`.
fn continued_fraction(b0: f64, terms: impl Fn(u32) -> (f64, f64)) -> f64 {
    let nonzero = |x: f64| if x.abs() < TINY { TINY } else { x };
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / nonzero(b0);
    let mut h = d;
    for k in 1..TERMS {
        let (a, b) = terms(k);
        d = 1.0 / nonzero(a * d + b);
        c = nonzero(b + a / c);
        h *= d * c;
        if (d * c - 1.0).abs() <= f64::EPSILON {
            break;
        }
    }
    h
}

/// The regularised incomplete beta function `I_x(a, b)`, `a, b > 0`, `x` in [0, 1].
#[must_use]
pub fn beta_regularised(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - beta_regularised(1.0 - x, b, a);
    }
    let front =
        (libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b) + a * x.ln() + b * (-x).ln_1p()).exp() / a;
    front
        * continued_fraction(1.0, |k| {
            let m = f64::from(k / 2);
            let numerator = if k % 2 == 0 {
                m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
            } else {
                -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
            };
            (numerator, 1.0)
        })
}

/// One-sided sign test: `Pr(X >= wins)` for X of the binomial law of `wins + losses` trials with chance 1/2; extended to fractions by the beta function.
#[must_use]
pub fn sign_test(wins: f64, losses: f64) -> f64 {
    if wins <= 0.0 { 1.0 } else { beta_regularised(0.5, wins, losses + 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn normal_values_and_their_inverse() {
        // Abramowitz and Stegun, table 26.1, and the 97.5 percent point
        assert_relative_eq!(normal_cdf(1.0), 0.841_344_746_068_542_9, max_relative = 1e-14);
        assert_relative_eq!(normal_quantile(0.975), 1.959_963_984_540_054, max_relative = 1e-13);
        for p in [1e-300, 1e-20, 1e-3, 0.1, 0.4999, 0.5, 0.77, 0.999_999] {
            assert_relative_eq!(normal_cdf(normal_quantile(p)), p, max_relative = 1e-11);
        }
        // both forms of log Phi where they meet: the series errs by 15 / x^6
        assert_relative_eq!(
            log_normal_cdf(-29.999_999_9),
            log_normal_cdf(-30.000_000_1),
            max_relative = 1e-7
        );
    }

    #[test]
    fn student_quantiles_are_those_of_tables() {
        // tables of the 97.5 and 80 percent points; Cauchy's law in closed form
        for (p, degrees, t) in [(0.975, 5.0, 2.570_582), (0.975, 30.0, 2.042_272), (0.8, 5.0, 0.919_544)] {
            assert_relative_eq!(student_quantile(p, Some(degrees)), t, max_relative = 1e-6);
            assert_relative_eq!(student_quantile(1.0 - p, Some(degrees)), -t, max_relative = 1e-6);
        }
        for p in [0.5001f64, 0.75, 0.9995] {
            let cauchy = (PI * (p - 0.5)).tan();
            assert_relative_eq!(student_quantile(p, Some(1.0)), cauchy, max_relative = 1e-9);
        }
        assert_eq!(student_quantile(0.975, None), normal_quantile(0.975));
        assert_relative_eq!(student_quantile(0.975, Some(1e7)), normal_quantile(0.975), max_relative = 1e-6);
    }

    #[test]
    fn chi_squared_with_two_degrees_is_exponential_and_sums_of_poisson_else() {
        for x in [0.1, 1.0, 5.0, 80.0] {
            assert_relative_eq!(chi_squared_tail(x, 2.0), (-0.5 * x).exp(), max_relative = 1e-13);
            // Pr(chi2_2m > x) = Pr(Poisson(x / 2) < m)
            let poisson = |m: i32| -> f64 {
                (0..m)
                    .map(|k| {
                        (-0.5 * x + f64::from(k) * (0.5 * x).ln() - libm::lgamma(f64::from(k) + 1.0)).exp()
                    })
                    .sum()
            };
            assert_relative_eq!(chi_squared_tail(x, 20.0), poisson(10), max_relative = 1e-12);
        }
        // one degree: two normal tails
        assert_relative_eq!(
            chi_squared_tail(3.0, 1.0),
            2.0 * normal_cdf(-(3.0f64.sqrt())),
            max_relative = 1e-13
        );
    }

    #[test]
    fn sign_tests_are_binomial_sums() {
        for (wins, losses) in [(3, 1), (10, 10), (32, 13), (40, 5), (1, 0), (0, 4)] {
            let n = wins + losses;
            let choose = |k: i32| {
                let lg = |x: i32| libm::lgamma(f64::from(x) + 1.0);
                (lg(n) - lg(k) - lg(n - k) - f64::from(n) * 2.0f64.ln()).exp()
            };
            let sum: f64 = (wins..=n).map(choose).sum();
            assert_relative_eq!(sign_test(f64::from(wins), f64::from(losses)), sum, max_relative = 1e-12);
        }
    }
}
