//! Elementary functions over slices, vectorised: the same bits on every machine and at every vector width.
//!
//! ```text
//! exp x     = 2^k e^r,   k = round(x / ln 2),  r = x - k ln 2 in two parts,  |r| <= 0.3466: Taylor to r^13
//! ln x      = e ln 2 + ln(1 + f),   ln(1 + f) = f - f^2/2 + s (f^2/2 + z (2/3 + 2/5 z + ...)),  s = f/(2 + f), z = s^2
//! phi d     = exp(-d) - 1 + d = d^2/2 - d^3/6 + ...   for |d| <= 0.4, where the direct form cancels
//! ```
//!
//! Only `+ - * /`, comparisons and bit operations, in one order and never fused, so a machine with wide vectors computes
//! what one without them does, and no system library has a say. Error bounds, against references in twice the
//! precision: `exp` and `ln` [`ULP`] units in the last place, `phi` 4. Sums run over eight lanes that are folded in one
//! order.
//!
//! The instruction set is chosen at run time.

use std::sync::LazyLock;

use pulp::Arch;

/// Error bound of [`exp`] and [`ln`], in units of the last place of the result; the tests find 0.97 and 0.81.
pub const ULP: f64 = 1.0;

/// Elements handled together: sums have so many partial sums, whatever the width of the machine's vectors.
pub(crate) const LANES: usize = 8;

static ARCH: LazyLock<Arch> = LazyLock::new(Arch::new);

/// Runs `work`, which must be inlined all through, compiled for the best instruction set of this machine.
#[inline]
pub fn dispatch<R>(work: impl FnOnce() -> R) -> R {
    ARCH.dispatch(work)
}

const LN2_HI: f64 = 0.693_147_180_369_123_8; // the upper 33 bits: k LN2_HI is exact for every exponent k
const LN2_LO: f64 = 1.908_214_929_270_587_7e-10; // ln 2 - LN2_HI

/// `e^x`. 0 below -708, where the result would be subnormal; NaN for NaN. For x <= 709.
#[inline(always)]
#[must_use]
pub fn exp(x: f64) -> f64 {
    const TO_INTEGER: f64 = 6_755_399_441_055_744.0; // 1.5 * 2^52: adding it rounds to the nearest integer
    const LOWEST: f64 = -708.0;
    let shifted = x * std::f64::consts::LOG2_E + TO_INTEGER;
    let k = shifted - TO_INTEGER;
    let r = (x - k * LN2_HI) - k * LN2_LO;
    // sum_n r^n / n!, n = 2..13, in pairs of pairs: short chains keep the pipeline full
    let (r2, r4, r8) = (r * r, (r * r) * (r * r), ((r * r) * (r * r)) * ((r * r) * (r * r)));
    let q01 = 1.0 / 2.0 + r * (1.0 / 6.0);
    let q23 = 1.0 / 24.0 + r * (1.0 / 120.0);
    let q45 = 1.0 / 720.0 + r * (1.0 / 5_040.0);
    let q67 = 1.0 / 40_320.0 + r * (1.0 / 362_880.0);
    let q89 = 1.0 / 3_628_800.0 + r * (1.0 / 39_916_800.0);
    let qab = 1.0 / 479_001_600.0 + r * (1.0 / 6_227_020_800.0);
    let q = (q01 + r2 * q23) + (r4 * (q45 + r2 * q67) + r8 * (q89 + r2 * qab));
    let y = 1.0 + (r + r2 * q);
    let power = f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52);
    if x < LOWEST { 0.0 } else { y * power }
}

/// `ln x` for normal `x > 0`.
#[inline(always)]
#[must_use]
pub fn ln(x: f64) -> f64 {
    ln_scaled(x, 0.0)
}

/// `ln p` for finite `p >= 0`: `-inf` at 0, and right for subnormal numbers.
#[inline(always)]
#[must_use]
pub fn ln_probability(p: f64) -> f64 {
    const UP: f64 = 18_014_398_509_481_984.0; // 2^54
    let tiny = p < f64::MIN_POSITIVE;
    let log = ln_scaled(if tiny { p * UP } else { p }, if tiny { -54.0 } else { 0.0 });
    if p == 0.0 { f64::NEG_INFINITY } else { log }
}

/// `ln(x 2^scale)` for normal `x > 0` and an integer `scale`.
#[inline(always)]
fn ln_scaled(x: f64, scale: f64) -> f64 {
    const ROOT_HALF: u64 = 0x3FE6_A09E_667F_3BCD; // bits of sqrt(1/2)
    let bits = x.to_bits();
    let exponent = (bits.wrapping_sub(ROOT_HALF) as i64) >> 52;
    let f = f64::from_bits(bits.wrapping_sub((exponent as u64) << 52)) - 1.0;
    let e = exponent as f64 + scale;
    let s = f / (2.0 + f);
    let z = s * s;
    // 2/3 z + 2/5 z^2 + ... + 2/21 z^10, |z| <= 0.0295, in pairs of pairs as in `exp`
    let (z2, z4, z8) = (z * z, (z * z) * (z * z), ((z * z) * (z * z)) * ((z * z) * (z * z)));
    let t01 = 2.0 / 3.0 + z * (2.0 / 5.0);
    let t23 = 2.0 / 7.0 + z * (2.0 / 9.0);
    let t45 = 2.0 / 11.0 + z * (2.0 / 13.0);
    let t67 = 2.0 / 15.0 + z * (2.0 / 17.0);
    let t89 = 2.0 / 19.0 + z * (2.0 / 21.0);
    let tail = z * ((t01 + z2 * t23) + (z4 * (t45 + z2 * t67) + z8 * t89));
    let half = 0.5 * f * f;
    e * LN2_HI + (f - (half - (s * (half + tail) + e * LN2_LO)))
}

/// `phi d = exp(-d) - 1 + d` for `|d| <= 0.4`: never negative, exact to rounding down to the smallest d.
#[inline(always)]
fn phi(d: f64) -> f64 {
    // d^2 sum_n (-d)^n / (n + 2)!, n = 0..12
    let x = -d;
    let (x2, x4, x8) = (x * x, (x * x) * (x * x), ((x * x) * (x * x)) * ((x * x) * (x * x)));
    let q01 = 1.0 / 2.0 + x * (1.0 / 6.0);
    let q23 = 1.0 / 24.0 + x * (1.0 / 120.0);
    let q45 = 1.0 / 720.0 + x * (1.0 / 5_040.0);
    let q67 = 1.0 / 40_320.0 + x * (1.0 / 362_880.0);
    let q89 = 1.0 / 3_628_800.0 + x * (1.0 / 39_916_800.0);
    let qab = 1.0 / 479_001_600.0 + x * (1.0 / 6_227_020_800.0);
    x2 * ((q01 + x2 * q23) + (x4 * (q45 + x2 * q67) + x8 * (q89 + x2 * qab)))
}

/// One term of `KL(p || r) = sum_i p_i d_i + r_i - p_i`, with `d = log p - log r`: never negative, exact near zero.
#[inline(always)]
#[must_use]
pub fn kl_term(p: f64, log_p: f64, r: f64, log_r: f64) -> f64 {
    let d = log_p - log_r;
    let near = p * phi(d);
    let far = p * (d - 1.0) + r; // at |d| = 0.4 this loses four bits, further off none
    let term = if d.abs() <= 0.4 { near } else { far };
    if p == 0.0 { r } else { term }
}

/// Folds eight partial sums in the one order.
#[inline(always)]
pub(crate) fn fold(lanes: [f64; LANES]) -> f64 {
    ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]))
}

/// Sum over eight lanes.
#[inline(always)]
#[must_use]
pub(crate) fn sum(values: &[f64]) -> f64 {
    if let Ok(one) = <&[f64; LANES]>::try_from(values) {
        return fold(*one); // eight is a common number of responses: no loop at all
    }
    let mut lanes = [0.0; LANES];
    let mut chunks = values.chunks_exact(LANES);
    for chunk in &mut chunks {
        for l in 0..LANES {
            lanes[l] += chunk[l];
        }
    }
    let rest: f64 = chunks.remainder().iter().sum();
    if values.len() < LANES { rest } else { fold(lanes) + rest }
}

/// `v_i -= by`.
#[inline(always)]
pub(crate) fn shift(values: &mut [f64], by: f64) {
    match <&mut [f64; LANES]>::try_from(&mut *values) {
        Ok(one) => one.iter_mut().for_each(|v| *v -= by),
        Err(_) => values.iter_mut().for_each(|v| *v -= by),
    }
}

/// `v_i *= by`.
#[inline(always)]
pub(crate) fn scale(values: &mut [f64], by: f64) {
    match <&mut [f64; LANES]>::try_from(&mut *values) {
        Ok(one) => one.iter_mut().for_each(|v| *v *= by),
        Err(_) => values.iter_mut().for_each(|v| *v *= by),
    }
}

/// `sum_i |a_i - b_i|` over eight lanes; slices of one length.
#[inline(always)]
#[must_use]
pub fn distance(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; LANES];
    let (left, right) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f64 = left.remainder().iter().zip(right.remainder()).map(|(a, b)| (a - b).abs()).sum();
    for (a, b) in left.zip(right) {
        for l in 0..LANES {
            lanes[l] += (a[l] - b[l]).abs();
        }
    }
    if a.len() < LANES { rest } else { fold(lanes) + rest }
}

/// Largest value; `-inf` of nothing. A NaN is skipped.
#[inline(always)]
#[must_use]
pub fn max(values: &[f64]) -> f64 {
    let larger = |a: f64, b: f64| if b > a { b } else { a };
    // halves against halves: the compiler turns a chain of eight into branches
    let largest = |lanes: [f64; LANES]| {
        let four: [f64; 4] = std::array::from_fn(|l| larger(lanes[l], lanes[l + 4]));
        let two: [f64; 2] = std::array::from_fn(|l| larger(four[l], four[l + 2]));
        larger(two[0], two[1])
    };
    let from = |lanes: [f64; LANES], chunk: &[f64]| -> [f64; LANES] {
        std::array::from_fn(|l| larger(lanes[l], chunk[l]))
    };
    const NOTHING: [f64; LANES] = [f64::NEG_INFINITY; LANES];
    if values.len() < LANES {
        return values.iter().copied().fold(f64::NEG_INFINITY, larger);
    }
    let lanes = values.chunks_exact(LANES).fold(NOTHING, from);
    if values.len().is_multiple_of(LANES) {
        return largest(lanes);
    }
    largest(from(lanes, &values[values.len() - LANES..])) // the rest, as the last eight once more
}

/// `out_i = exp(x_i)`, all of `out`; slices of one length.
#[inline(always)]
pub(crate) fn exp_into(x: &[f64], out: &mut [f64]) {
    let n = x.len();
    let whole = n - n % LANES;
    let run = |x: &[f64], out: &mut [f64]| out.iter_mut().zip(x).for_each(|(o, x)| *o = exp(*x));
    run(&x[..whole], &mut out[..whole]);
    if whole == n {
        return;
    }
    // the rest as one more full chunk, for a scalar exp costs as much as a vector of them: the last eight once more,
    // or what there is
    if n >= LANES {
        let (start, m) = (n - LANES, full());
        run(&x[start..start + m], &mut out[start..start + m]);
    } else {
        let (mut padded, mut result) = ([0.0; LANES], [0.0; LANES]);
        padded[..n].copy_from_slice(x);
        let m = full();
        run(&padded[..m], &mut result[..m]);
        out.copy_from_slice(&result[..n]);
    }
}

/// `out_i = exp(x_i)`, with the best instruction set of this machine; slices of one length.
pub fn exp_all(x: &[f64], out: &mut [f64]) {
    dispatch(
        #[inline(always)]
        || exp_into(x, out),
    );
}

/// [`LANES`], hidden from the compiler: loops of known length are unrolled before they are vectorised, and then are not.
#[inline(always)]
pub(crate) fn full() -> usize {
    std::hint::black_box(LANES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ulps(a: f64, b: f64) -> f64 {
        (a - b).abs() / (b.abs() * f64::EPSILON)
    }

    #[test]
    fn the_ends_of_exp() {
        assert_eq!(exp(0.0), 1.0);
        assert_eq!([exp(-708.5), exp(f64::NEG_INFINITY)], [0.0, 0.0]);
        assert!(exp(f64::NAN).is_nan());
        assert!(ulps(exp(-708.0), (-708f64).exp()) < 1.5);
        assert_eq!(ln(1.0), 0.0);
    }

    #[test]
    fn phi_has_its_series() {
        for d in [1e-150, 1e-8, -1e-3] {
            assert!(
                ulps(phi(d), d * d / 2.0 * (1.0 - d / 3.0 + d * d / 12.0)) < 1e15 * d.abs().powi(3) + 4.0,
                "{d}"
            );
        }
        assert_eq!(phi(0.0), 0.0);
    }

    #[test]
    fn wide_and_narrow_vectors_and_single_numbers_give_equal_bits() {
        let x: Vec<f64> = (0..1003).map(|i| f64::from(i) * -0.71).collect();
        let (mut narrow, mut wide) = (vec![0.0; 1003], vec![0.0; 1003]);
        let same = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits());
        exp_into(&x, &mut narrow);
        dispatch(
            #[inline(always)]
            || exp_into(&x, &mut wide),
        );
        assert!(same(&narrow, &wide));
        // one at a time, out of the compiler's sight: the scalar code
        let alone: Vec<f64> = x.iter().map(|x| exp(std::hint::black_box(*x))).collect();
        assert!(same(&narrow, &alone));
        let p = alone;
        logarithms(&p, &mut narrow);
        dispatch(
            #[inline(always)]
            || logarithms(&p, &mut wide),
        );
        assert!(same(&narrow, &wide));
        let alone: Vec<f64> = p.iter().map(|p| ln_probability(std::hint::black_box(*p))).collect();
        assert!(same(&narrow, &alone));
        assert_eq!(sum(&x).to_bits(), dispatch(|| sum(&x)).to_bits());
        assert_eq!(max(&x).to_bits(), dispatch(|| max(&x)).to_bits());
        assert_eq!(distance(&x, &p).to_bits(), dispatch(|| distance(&x, &p)).to_bits());
        let plain: f64 = x.iter().zip(&p).map(|(a, b)| (a - b).abs()).sum();
        approx::assert_relative_eq!(distance(&x, &p), plain, max_relative = 1e-13);
    }

    #[inline(always)]
    fn logarithms(p: &[f64], out: &mut [f64]) {
        out.iter_mut().zip(p).for_each(|(o, p)| *o = ln_probability(*p));
    }

    #[test]
    fn logarithms_of_probabilities_reach_down_to_the_smallest_number() {
        assert_eq!(ln_probability(0.0), f64::NEG_INFINITY);
        for p in [5e-324, 1e-310, f64::MIN_POSITIVE, 0.3, 1.0 - f64::EPSILON / 2.0, 1.0] {
            approx::assert_relative_eq!(ln_probability(p), p.ln(), max_relative = 2e-16);
        }
    }

    proptest! {
        #[test]
        fn exp_and_ln_are_right_to_an_ulp(x in -707.0..700.0f64, y in 1e-300..1e300f64, near in 0.5..2.0f64) {
            // against the system's, itself right to within half an ulp or so
            prop_assert!(ulps(exp(x), x.exp()) <= 1.5);
            prop_assert!(ulps(ln(y), y.ln()) <= 1.5);
            prop_assert!(ulps(ln(near), near.ln()) <= 1.5);
        }

        #[test]
        fn phi_is_exp_where_exp_does_not_cancel(d in 0.1..0.4f64) {
            for d in [d, -d] {
                let direct = (-d).exp_m1() + d;
                prop_assert!((phi(d) - direct).abs() <= 2e-16, "{d}");
            }
        }
    }
}
