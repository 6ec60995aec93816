//! Sums and products with their rounding errors carried along: what certificates are computed with.
//!
//! `two_sum` (Knuth) and `two_product` (Dekker's split; no fused multiply-add, so that bits do not depend on the
//! processor) are exact: value + error equals the result in real numbers. A dot product that carries the errors is as
//! accurate as one computed in 106 bits and rounded (Ogita, Rump and Oishi 2005, SIAM J. Sci. Comput. 26).
//! Valid while nothing overflows or underflows: margins and probabilities are far from both.

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

#[cfg(test)]
mod tests {
    use super::*;

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
