//! Sums and products with their rounding errors carried along: what certificates are computed with.
//!
//! `two_sum` (Knuth) and `two_product` (Dekker's split; no fused multiply-add, so that bits do not depend on the
//! processor) are exact: value + error equals the result in real numbers. A dot product that carries the errors is as
//! accurate as one computed in 106 bits and rounded (Ogita, Rump and Oishi 2005, SIAM J. Sci. Comput. 26).
//! Valid while nothing overflows or underflows: margins and probabilities are far from both.
//!
//! [`Double`] is a number in two parts of its own, with the exponential function
//!
//! ```text
//! exp x = 2^k (1 + s)^256 in the form of doublings s -> 2 s + s^2,   s = expm1 r,  r = (x - k ln 2) / 256,  |r| <= 0.00136
//! expm1 r = r + r^2/2 + .. + r^9/9!,  terms from r^6/720 on in one part: they are below 1e-20
//! ```
//!
//! and the logarithm by one step of second order from that of the first part. Errors are of 1e-30 of the result.

use std::ops::{Add, Mul, Neg, Sub};

use equipoise_core::vector;
use equipoise_env::PreferenceMatrix;

/// `a + b` and its rounding error.
#[inline]
pub(crate) fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let other = sum - a;
    (sum, (a - (sum - other)) + (b - other))
}

#[inline]
fn split(a: f64) -> (f64, f64) {
    let scaled = 134_217_729.0 * a; // 2^27 + 1
    let high = scaled - (scaled - a);
    (high, a - high)
}

/// `a b` and its rounding error.
#[inline]
pub(crate) fn two_product(a: f64, b: f64) -> (f64, f64) {
    let product = a * b;
    let ((ah, al), (bh, bl)) = (split(a), split(b));
    (product, al * bl - (((product - ah * bh) - al * bh) - ah * bl))
}

/// Adds `a b` to the sum held in two parts.
#[inline]
pub(crate) fn accumulate(high: &mut f64, low: &mut f64, a: f64, b: f64) {
    let (product, lost) = two_product(a, b);
    let (sum, error) = two_sum(*high, product);
    *high = sum;
    *low += error + lost;
}

/// `K p` in two parts: `margins[i] + low[i]` is good to 1e-31 of the size of the terms.
pub(crate) fn margins_in_parts(matrix: &PreferenceMatrix, p: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let n = p.len();
    let (mut high, mut low) = (vec![0.0; n], vec![0.0; n]);
    let mut margins = matrix.pair_margins();
    for i in 0..n {
        let (mut own, mut own_low) = (high[i], low[i]);
        for (j, margin) in (i + 1..n).zip(&mut margins) {
            accumulate(&mut own, &mut own_low, margin, p[j]);
            accumulate(&mut high[j], &mut low[j], -margin, p[i]);
        }
        (high[i], low[i]) = (own, own_low);
    }
    (high, low)
}

/// `K p`, each entry rounded once.
pub(crate) fn exact_margins(matrix: &PreferenceMatrix, p: &[f64]) -> Vec<f64> {
    let (high, low) = margins_in_parts(matrix, p);
    high.iter().zip(&low).map(|(h, l)| h + l).collect()
}

/// A number in two parts, the second at most half a unit in the last place of the first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Double {
    pub(crate) high: f64,
    pub(crate) low: f64,
}

/// `a + b` and its error where `|a| >= |b|`.
#[inline(always)]
fn quick_sum(a: f64, b: f64) -> Double {
    let high = a + b;
    Double { high, low: b - (high - a) }
}

impl From<f64> for Double {
    #[inline(always)]
    fn from(high: f64) -> Self {
        Self { high, low: 0.0 }
    }
}

impl Add for Double {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        let (high, error) = two_sum(self.high, other.high);
        let (low, lost) = two_sum(self.low, other.low);
        let sum = quick_sum(high, error + low);
        quick_sum(sum.high, sum.low + lost)
    }
}

impl Neg for Double {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        Self { high: -self.high, low: -self.low }
    }
}

impl Sub for Double {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for Double {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        let product = self.high * other.high;
        let error = self.high.mul_add(other.high, -product);
        quick_sum(product, error + (self.high * other.low + self.low * other.high))
    }
}

impl Double {
    pub(crate) const ZERO: Self = Self { high: 0.0, low: 0.0 };
    const ONE: Self = Self { high: 1.0, low: 0.0 };

    /// Both parts times a power of two.
    #[inline(always)]
    fn scaled(self, by: f64) -> Self {
        Self { high: self.high * by, low: self.low * by }
    }

    /// `1 / self`.
    #[inline(always)]
    pub(crate) fn recip(self) -> Self {
        let near = Self::from(1.0 / self.high);
        near + near * (Self::ONE - self * near)
    }

    /// `e^self`; 0 below -708. For arguments up to 709.
    #[inline(always)]
    pub(crate) fn exp(self) -> Self {
        const LN_2: [f64; 3] =
            [std::f64::consts::LN_2, 2.319_046_813_846_299_6e-17, 5.707_708_438_416_212e-34];
        /// `1/2!` to `1/5!`.
        const TERMS: [Double; 4] = [
            Double { high: 0.5, low: 0.0 },
            Double { high: 0.166_666_666_666_666_66, low: 9.251_858_538_542_97e-18 },
            Double { high: 0.041_666_666_666_666_664, low: 2.312_964_634_635_742_7e-18 },
            Double { high: 0.008_333_333_333_333_333, low: 1.156_482_317_317_871_4e-19 },
        ];
        const DOUBLINGS: u32 = 8;
        if self.high < -708.0 {
            return Self::ZERO;
        }
        let k = (self.high / LN_2[0]).round_ties_even();
        let [near, small, rest] = LN_2.map(|part| {
            let product = -k * part;
            Self { high: product, low: (-k).mul_add(part, -product) }
        });
        let r = (self + near + small + rest).scaled(1.0 / f64::from(1 << DOUBLINGS));
        let tail =
            1.0 / 720.0 + r.high * (1.0 / 5_040.0 + r.high * (1.0 / 40_320.0 + r.high * (1.0 / 362_880.0)));
        let mut sum = TERMS[3] + Self::from(r.high * tail);
        for term in [TERMS[2], TERMS[1], TERMS[0], Self::ONE] {
            sum = term + r * sum;
        }
        let mut s = r * sum;
        for _ in 0..DOUBLINGS {
            s = s.scaled(2.0) + s * s;
        }
        // in two factors, each a normal number
        let half = (k / 2.0).floor();
        (Self::ONE + s).scaled(power_of_two(half)).scaled(power_of_two(k - half))
    }

    /// `ln self`, for normal positive numbers.
    #[inline(always)]
    pub(crate) fn ln(self) -> Self {
        let near = Self::from(vector::ln(self.high));
        let d = self * (-near).exp() - Self::ONE;
        near + (d - Self::from(0.5 * d.high * d.high))
    }
}

/// `2^k`, `|k| <= 1022`.
#[inline(always)]
fn power_of_two(k: f64) -> f64 {
    f64::from_bits(((k as i64 + 1023) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use faer::fx128;

    use super::*;

    #[test]
    fn exponentials_and_logarithms_are_those_of_another_library() {
        let mut worst = 0.0_f64;
        for k in -3_000..3_000 {
            let x = Double { high: f64::from(k) * 0.217_3, low: 1e-18 * f64::from(k % 7) };
            let x = quick_sum(x.high, x.low);
            let (own, other) = (x.exp(), (fx128::from(x.high) + fx128::from(x.low)).exp());
            if !(1e-290..1e290).contains(&own.high) {
                continue;
            }
            let difference = own - Double { high: other.0, low: other.1 };
            // the other one's argument is reduced with ln 2 in two parts: its error grows with it
            worst = worst.max(difference.high.abs() / own.high / (1.0 + x.high.abs()));
            let back = own.ln() - x;
            assert!(back.high.abs() <= 4e-31 * (1.0 + x.high.abs()), "{x:?}: {back:?}");
        }
        assert!(worst < 1e-29, "{worst:e}");
        let third = Double::from(3.0).recip();
        assert!((third * Double::from(3.0) - Double::ONE).high.abs() < 1e-31);
        assert_eq!(Double::from(-800.0).exp(), Double::ZERO);
        assert_eq!(Double::ZERO.exp(), Double::ONE);
    }

    #[test]
    fn the_exponential_of_one_has_its_digits() {
        // e to 32 digits, as 2.718281828459045 and what is left
        let e = Double::ONE.exp();
        assert_eq!(e.high, std::f64::consts::E);
        assert!((e.low - 1.445_646_891_729_250_2e-16).abs() < 1e-31, "{e:?}");
    }

    #[test]
    fn cancellation_costs_nothing() {
        let (mut high, mut low) = (0.0, 0.0);
        for (a, b) in [(1e8 + 1.0, 1e8 + 1.0), (-1e16, 1.0), (-2e8, 1.0)] {
            accumulate(&mut high, &mut low, a, b);
        }
        assert_eq!(high + low, 1.0);
    }

    #[test]
    fn products_are_those_of_the_matrix() {
        let matrix = PreferenceMatrix::from_margins(5, |i, j| 0.1 * (i as f64 - 0.7 * j as f64)).unwrap();
        let p = [0.1, 0.2, 0.3, 0.15, 0.25];
        let mut plain = [0.0; 5];
        matrix.product(&p, &mut plain);
        for (a, b) in exact_margins(&matrix, &p).iter().zip(plain) {
            assert!((a - b).abs() <= 2e-17, "{a} {b}");
        }
    }
}
