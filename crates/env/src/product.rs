//! The product of a packed strict upper triangle: `K pi`, each unordered pair read once.
//!
//! ```text
//! (K p)_i = sum_{j > i} K_ij p_j  -  sum_{j < i} K_ji p_j
//! ```
//!
//! One pass over row i of the triangle serves both halves: the dot product for i, the update of all j > i. Flops
//! `2 n (n - 1)`, bytes read from the matrix `4 n (n - 1)`. Four rows are taken together, so that `p` and the result are
//! read from cache a quarter as often. Rows and lanes depend on `n` only, so the bits do not depend on the width of the
//! machine's vectors. Large contexts are kept otherwise: see [`crate::storage`].
//!
//! Games of small contexts have layouts and kernels of their own (`storage/padded.rs`, `storage/packed.rs`): there latency
//! costs more than what is read.

use std::cmp::Ordering;

use equipoise_core::cpu::prefetch;
use equipoise_core::lanes::{F64x8, LANES, Real};
use equipoise_core::vector;
use pulp::{Simd, WithSimd};

/// Rows taken together.
const ROWS: usize = 4;
/// How far ahead of its use a triangle is asked for, in numbers: 8 KiB.
const AHEAD: usize = 1 << 10;

/// Number of unordered pairs of `n` actions: the length of a packed triangle.
#[must_use]
pub fn pairs(n: usize) -> usize {
    n * n.saturating_sub(1) / 2
}

/// Where pair `(i, j)`, `i < j < n`, lies in the packed triangle (row-major, strict upper).
#[must_use]
pub fn pair(n: usize, i: usize, j: usize) -> usize {
    debug_assert!(i < j && j < n);
    i * (2 * n - i - 1) / 2 + (j - i - 1)
}

/// `K_ij` of the skew matrix of `n` actions with packed strict upper triangle `packed`, for `i, j < n`: exactly skew.
#[inline]
#[must_use]
pub fn skew_margin(packed: &[f64], n: usize, i: usize, j: usize) -> f64 {
    match i.cmp(&j) {
        Ordering::Less => packed[pair(n, i, j)],
        Ordering::Equal => 0.0,
        Ordering::Greater => -packed[pair(n, j, i)],
    }
}

/// `out_i = sum_j K_ij p_j` for the skew matrix with packed strict upper triangle `packed`, `[n (n - 1) / 2]`;
/// `p` and `out` are `[n]`.
pub fn skew_product(packed: &[f64], p: &[f64], out: &mut [f64]) {
    debug_assert_eq!(packed.len(), pairs(p.len()));
    stream_product(packed, p, out);
}

/// [`skew_product`] of the triangle that `stream` begins with; what follows it is asked for in time.
pub(crate) fn stream_product(stream: &[f64], p: &[f64], out: &mut [f64]) {
    debug_assert!(stream.len() >= pairs(p.len()) && out.len() == p.len());
    vector::run(Product { stream, p, out });
}

struct Product<'a> {
    stream: &'a [f64],
    p: &'a [f64],
    out: &'a mut [f64],
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        triangle(simd, self.stream, self.p, self.out);
    }
}

/// The product of the triangle that `stream` begins with.
#[inline(always)]
fn triangle<S: Simd>(simd: S, stream: &[f64], p: &[f64], out: &mut [f64]) {
    out.fill(0.0);
    let n = p.len();
    let mut rest = stream;
    let mut i = 0;
    while i + ROWS < n {
        let ahead = rest.get(AHEAD..).unwrap_or(&[]);
        let mut four = [&rest[..0]; ROWS];
        for (r, row) in four.iter_mut().enumerate() {
            (*row, rest) = rest.split_at(n - 1 - i - r);
        }
        // the corner among the four themselves, then the columns that all four share
        for (r, row) in four.iter_mut().enumerate() {
            let (corner, shared) = row.split_at(ROWS - 1 - r);
            for (c, k) in corner.iter().enumerate() {
                out[i + r] += k * p[i + r + 1 + c];
                out[i + r + 1 + c] -= k * p[i + r];
            }
            *row = shared;
        }
        let (head, later) = out.split_at_mut(i + ROWS);
        let pr = [p[i], p[i + 1], p[i + 2], p[i + 3]];
        four_rows(simd, (four, ahead), pr, &p[i + ROWS..], &mut head[i..], later);
        i += ROWS;
    }
    for i in i..n.saturating_sub(1) {
        let (row, tail) = rest.split_at(n - 1 - i);
        rest = tail;
        let (head, later) = out.split_at_mut(i + 1);
        let mut sum = 0.0;
        for ((k, q), o) in row.iter().zip(&p[i + 1..]).zip(later) {
            sum += k * q;
            *o -= k * p[i];
        }
        head[i] += sum;
    }
}

/// `head_r += rows_r . q` and `out -= sum_r pr_r rows_r`, all rows of the length of `q` and `out`; meanwhile as many numbers of
/// `ahead` are asked for.
#[inline(always)]
fn four_rows<S: Simd>(
    simd: S,
    (rows, ahead): ([&[f64]; ROWS], &[f64]),
    pr: [f64; ROWS],
    q: &[f64],
    head: &mut [f64],
    out: &mut [f64],
) {
    let m = q.len();
    let mut sums = [F64x8::splat(simd, 0.0); ROWS];
    let mut minus = sums;
    for r in 0..ROWS {
        minus[r] = F64x8::splat(simd, -pr[r]);
    }
    let rows = rows.map(|row| row[..m].as_chunks::<LANES>());
    let ((q, last), (out, rest)) = (q.as_chunks::<LANES>(), out.as_chunks_mut::<LANES>());
    for (c, (x, out)) in q.iter().zip(out).enumerate() {
        let (x, mut columns) = (F64x8::load(simd, x), F64x8::load(simd, out));
        for r in 0..ROWS {
            prefetch(ahead, (c * ROWS + r) * LANES);
            let k = F64x8::load(simd, &rows[r].0[c]);
            sums[r] = k.mul_add(x, sums[r]);
            columns = k.mul_add(minus[r], columns);
        }
        columns.store(out);
    }
    if !last.is_empty() {
        let x = F64x8::load_part(simd, last, 0.0);
        let mut columns = F64x8::load_part(simd, rest, 0.0);
        for r in 0..ROWS {
            let k = F64x8::load_part(simd, rows[r].1, 0.0);
            sums[r] = k.mul_add(x, sums[r]);
            columns = k.mul_add(minus[r], columns);
        }
        columns.store_part(rest);
    }
    for r in 0..ROWS {
        head[r] += sums[r].sum();
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value(seed: u64, k: u64) -> f64 {
        ((seed ^ k).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 11) as f64 / 2f64.powi(53) - 0.5
    }

    /// The definition, summed the plain way.
    pub(crate) fn double_loop(packed: &[f64], p: &[f64]) -> Vec<f64> {
        let n = p.len();
        (0..n).map(|i| (0..n).map(|j| skew_margin(packed, n, i, j) * p[j]).sum()).collect()
    }

    pub(crate) fn case(n: usize, seed: u64) -> (Vec<f64>, Vec<f64>) {
        let packed = (0..pairs(n) as u64).map(|k| value(seed, k)).collect();
        (packed, (0..n as u64).map(|k| value(seed, k + (1 << 40)) + 0.5).collect())
    }

    proptest! {
        #[test]
        fn equals_the_double_loop(n in 1usize..140, seed in any::<u64>()) {
            let (packed, p) = case(n, seed);
            let mut out = vec![f64::NAN; n];
            skew_product(&packed, &p, &mut out);
            for (a, b) in out.iter().zip(double_loop(&packed, &p)) {
                prop_assert!((a - b).abs() < 1e-13, "{} {}", a, b);
            }
        }
    }
}
