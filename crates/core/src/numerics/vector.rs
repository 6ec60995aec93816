//! Elementary functions over slices, vectorised: the same bits on every machine and at every vector width.
//!
//! ```text
//! exp x     = 2^k e^r,   k = round(x / ln 2),  r = x - k ln 2 in two parts,  |r| <= 0.3466: Taylor to r^13
//! ln x      = e ln 2 + ln(1 + f),   ln(1 + f) = f - f^2/2 + s (f^2/2 + z (2/3 + 2/5 z + ...)),  s = f/(2 + f), z = s^2
//! phi d     = exp(-d) - 1 + d = d^2/2 - d^3/6 + ...   for |d| < 0.4,  where the direct form cancels
//! ```
//!
//! Only `+ - * /`, fused multiply and add, comparisons and bit operations, each rounded once and all in one order, so a
//! machine with wide vectors computes what one without them does. Error bounds, against references in twice the
//! precision: `exp` and `ln` [`ULP`] units in the last place, `phi` 4. Sums run over eight lanes that are folded in one
//! order. (A machine without fused arithmetic computes the same, slowly.)
//!
//! The instruction set is chosen at run time.

use std::sync::LazyLock;

use pulp::{Arch, Simd, WithSimd};

use crate::numerics::lanes::{self, F64x8, LANES, Real, fold, larger, largest};

/// Error bound of [`exp`] and [`ln`], in units of the last place of the result; the tests find 0.97 and 0.81.
pub const ULP: f64 = 1.0;

static ARCH: LazyLock<Arch> = LazyLock::new(Arch::new);

/// Runs `work`, which must be inlined all through, compiled for the best instruction set of this machine.
#[inline]
pub fn dispatch<R>(work: impl FnOnce() -> R) -> R {
    ARCH.dispatch(work)
}

/// [`dispatch`] with vectors of 256 bits at most: of code that stays scalar for the most part, the compiler makes gathers and
/// masked loads where it has wider ones, and these wait for each cache line.
#[inline]
pub fn dispatch_narrow<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    if let Arch::V4(simd) = *ARCH {
        let narrow: pulp::x86::V3 = *simd;
        return narrow.vectorize(work);
    }
    dispatch(work)
}

/// Runs a kernel that names its vectors, compiled for the best instruction set of this machine.
#[inline]
pub fn run<K: WithSimd>(kernel: K) -> K::Output {
    ARCH.dispatch(kernel)
}

const LN2_HI: f64 = 0.693_147_180_369_123_8; // the upper 33 bits: k LN2_HI is exact for every exponent k
const LN2_LO: f64 = 1.908_214_929_270_587_7e-10; // ln 2 - LN2_HI

/// `sum_n x^n / (n + 2)!`, n = 0..11, in pairs of pairs: short chains keep the pipeline full.
#[inline(always)]
fn exponential_tail<R: Real>(x: R) -> R {
    let pair = [
        (1.0 / 2.0, 1.0 / 6.0),
        (1.0 / 24.0, 1.0 / 120.0),
        (1.0 / 720.0, 1.0 / 5_040.0),
        (1.0 / 40_320.0, 1.0 / 362_880.0),
        (1.0 / 3_628_800.0, 1.0 / 39_916_800.0),
        (1.0 / 479_001_600.0, 1.0 / 6_227_020_800.0),
    ];
    let mut q = [x; 6];
    for k in 0..6 {
        q[k] = x.mul_add(x.splat(pair[k].1), x.splat(pair[k].0));
    }
    let (x2, x4) = (x * x, (x * x) * (x * x));
    let (low, middle, high) = (x2.mul_add(q[1], q[0]), x2.mul_add(q[3], q[2]), x2.mul_add(q[5], q[4]));
    x4.mul_add(x4.mul_add(high, middle), low)
}

/// `e^x`. 0 below -708, where the result would be subnormal; NaN for NaN. For x <= 709.
#[inline(always)]
#[must_use]
pub(crate) fn exp_of<R: Real>(x: R) -> R {
    const TO_INTEGER: f64 = 6_755_399_441_055_744.0; // 1.5 * 2^52: adding it rounds to the nearest integer
    const LOWEST: f64 = -708.0;
    let shifted = x.mul_add(x.splat(std::f64::consts::LOG2_E), x.splat(TO_INTEGER));
    let k = shifted - x.splat(TO_INTEGER);
    let r = k.mul_add(x.splat(-LN2_LO), k.mul_add(x.splat(-LN2_HI), x));
    let y = x.splat(1.0) + (r * r).mul_add(exponential_tail(r), r);
    x.select_lt(x.splat(LOWEST), x.splat(0.0), y * shifted.power_of_two())
}

/// `ln(x 2^scale)` for normal `x > 0` and an integer `scale`.
#[inline(always)]
fn ln_scaled<R: Real>(x: R, scale: R) -> R {
    let (exponent, significand) = x.exponent_and_significand();
    let (e, f) = (exponent + scale, significand - x.splat(1.0));
    let s = f / (x.splat(2.0) + f);
    let z = s * s;
    // 2/3 z + 2/5 z^2 + ... + 2/21 z^10, |z| <= 0.0295, in pairs of pairs as above
    let pair = [
        (2.0 / 3.0, 2.0 / 5.0),
        (2.0 / 7.0, 2.0 / 9.0),
        (2.0 / 11.0, 2.0 / 13.0),
        (2.0 / 15.0, 2.0 / 17.0),
        (2.0 / 19.0, 2.0 / 21.0),
    ];
    let mut t = [z; 5];
    for k in 0..5 {
        t[k] = z.mul_add(x.splat(pair[k].1), x.splat(pair[k].0));
    }
    let (z2, z4) = (z * z, (z * z) * (z * z));
    let tail = z * z4.mul_add(z4.mul_add(t[4], z2.mul_add(t[3], t[2])), z2.mul_add(t[1], t[0]));
    let half = x.splat(0.5) * f * f;
    e.mul_add(x.splat(LN2_HI), f - (half - s.mul_add(half + tail, e * x.splat(LN2_LO))))
}

/// `ln x` for normal `x > 0`.
#[inline(always)]
#[must_use]
pub(crate) fn ln_of<R: Real>(x: R) -> R {
    ln_scaled(x, x.splat(0.0))
}

/// `phi d = exp(-d) - 1 + d = d^2 sum_n (-d)^n / (n + 2)!` for `|d| <= 0.4`: never negative, exact to rounding down to the
/// smallest d.
#[inline(always)]
fn phi<R: Real>(d: R) -> R {
    (d * d) * exponential_tail(d.splat(0.0) - d)
}

/// [`kl_term`] for one number or several.
#[inline(always)]
#[must_use]
pub(crate) fn kl_term_of<R: Real>(p: R, log_p: R, r: R, log_r: R) -> R {
    const LEAST: f64 = 5e-324; // the smallest positive number: what is below it is 0
    let d = log_p - log_r;
    let by_series = p * phi(d);
    let direct = p.mul_add(d - d.splat(1.0), r); // at |d| = 0.4 this loses four bits, further off none
    let term = d.abs().select_lt(d.splat(0.4), by_series, direct);
    p.select_lt(d.splat(LEAST), r, term)
}

/// `e^x`. 0 below -708, where the result would be subnormal; NaN for NaN. For x <= 709.
#[inline(always)]
#[must_use]
pub fn exp(x: f64) -> f64 {
    exp_of(x)
}

/// `ln x` for normal `x > 0`.
#[inline(always)]
#[must_use]
pub fn ln(x: f64) -> f64 {
    ln_of(x)
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

/// One term of `KL(p || r) = sum_i p_i d_i + r_i - p_i`, with `d = log p - log r`: never negative, exact near zero.
#[inline(always)]
#[must_use]
pub fn kl_term(p: f64, log_p: f64, r: f64, log_r: f64) -> f64 {
    kl_term_of(p, log_p, r, log_r)
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

/// `sum_i a_i b_i` over eight lanes; slices of one length. To be called in [`dispatch`].
#[inline(always)]
#[must_use]
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; LANES];
    let (left, right) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f64 = left.remainder().iter().zip(right.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in left.zip(right) {
        for l in 0..LANES {
            lanes[l] += a[l] * b[l];
        }
    }
    if a.len() < LANES { rest } else { fold(lanes) + rest }
}

/// Largest value; `-inf` of nothing. A NaN is skipped.
#[inline(always)]
#[must_use]
pub fn max(values: &[f64]) -> f64 {
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

/// `out_i = exp(x_i)`, with the best instruction set of this machine; slices of one length.
pub fn exp_all(x: &[f64], out: &mut [f64]) {
    run(Exp { x, out });
}

/// `out_i = x_i + by`; slices of one length. Written as the kernels of short rows read: a vector that is read back in one
/// piece waits for one that was written in several.
pub fn plus(x: &[f64], by: f64, out: &mut [f64]) {
    run(Plus { x, by, out });
}

struct Plus<'a> {
    x: &'a [f64],
    by: f64,
    out: &'a mut [f64],
}

impl WithSimd for Plus<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let by = F64x8::splat(simd, self.by);
        for (x, out) in self.x.chunks(LANES).zip(self.out.chunks_mut(LANES)) {
            (F64x8::load_part(simd, x, 0.0) + by).store_part(out);
        }
    }
}

struct Exp<'a> {
    x: &'a [f64],
    out: &'a mut [f64],
}

impl WithSimd for Exp<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for (x, out) in self.x.chunks(LANES).zip(self.out.chunks_mut(LANES)) {
            exp_of(F64x8::load_part(simd, x, 0.0)).store_part(out);
        }
    }
}

/// F64x8 rows of as many numbers, one behind the other, side by side: lane k of `columns[a]` is entry a of row k.
///
/// # Panics
/// If there are not eight numbers for each column.
pub fn transpose(rows: &[f64], columns: &mut [[f64; LANES]]) {
    assert_eq!(rows.len(), LANES * columns.len(), "eight numbers a column");
    run(Transpose { rows, columns });
}

struct Transpose<'a> {
    rows: &'a [f64],
    columns: &'a mut [[f64; LANES]],
}

impl WithSimd for Transpose<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let n = self.columns.len();
        let (blocks, rest) = self.columns.as_chunks_mut::<LANES>();
        let whole = blocks.len() * LANES;
        for (b, block) in blocks.iter_mut().enumerate() {
            let mut rows = [[0.0; LANES]; LANES];
            for k in 0..LANES {
                let from = self.rows[k * n + b * LANES..].first_chunk().expect("a block lies within its row");
                rows[k] = *from;
            }
            *block = lanes::transpose(simd, rows);
        }
        for (a, column) in rest.iter_mut().enumerate() {
            for k in 0..LANES {
                column[k] = self.rows[k * n + whole + a];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ulps(a: f64, b: f64) -> f64 {
        (a - b).abs() / (b.abs() * f64::EPSILON)
    }

    #[test]
    fn eight_rows_become_columns() {
        for n in [0, 1, 7, 8, 9, 16, 29] {
            let rows: Vec<f64> = (0..8 * n).map(|i| i as f64).collect();
            let mut columns = vec![[f64::NAN; LANES]; n];
            transpose(&rows, &mut columns);
            assert!((0..n).all(|a| (0..LANES).all(|k| columns[a][k] == rows[k * n + a])));
        }
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
        pulp::Scalar.vectorize(Exp { x: &x, out: &mut narrow });
        exp_all(&x, &mut wide);
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
        fn exp_and_ln_are_right_to_an_ulp(x in -707.0..700.0f64, y in 1e-300..1e300f64, y_by_1 in 0.5..2.0f64) {
            // against the system's, itself right to within half an ulp or so
            prop_assert!(ulps(exp(x), x.exp()) <= 1.5);
            prop_assert!(ulps(ln(y), y.ln()) <= 1.5);
            prop_assert!(ulps(ln(y_by_1), y_by_1.ln()) <= 1.5);
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
