//! The one product everything costs: `K pi`, each unordered pair read once from the packed strict upper triangle.
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
//! Games of small contexts have their own ways (`squares.rs`, `triangles.rs`): there the
//! sum over a row costs more than reading the other half of the matrix.

use equipoise_core::vector::dispatch;

/// Partial sums of a dot product, whatever the width of the machine's vectors.
const LANES: usize = 8;
/// Rows taken together.
const ROWS: usize = 4;

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

/// `out_i = sum_j K_ij p_j` for the skew matrix with packed strict upper triangle `packed`, `[n (n - 1) / 2]`;
/// `p` and `out` are `[n]`.
pub fn skew_product(packed: &[f64], p: &[f64], out: &mut [f64]) {
    debug_assert_eq!((packed.len(), out.len()), (pairs(p.len()), p.len()));
    out.fill(0.0);
    dispatch(
        #[inline(always)]
        || triangle(packed, p, out),
    );
}

/// Adds what the rows of a triangle contribute.
#[inline(always)]
fn triangle(packed: &[f64], p: &[f64], out: &mut [f64]) {
    let n = p.len();
    let mut rest = packed;
    let mut i = 0;
    while i + ROWS < n {
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
        four_rows(four, [p[i], p[i + 1], p[i + 2], p[i + 3]], &p[i + ROWS..], &mut head[i..], later);
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

/// `head_r += rows_r . q` and `out -= sum_r pr_r rows_r`, all rows of the length of `q` and `out`.
#[inline(always)]
fn four_rows(rows: [&[f64]; ROWS], pr: [f64; ROWS], q: &[f64], head: &mut [f64], out: &mut [f64]) {
    const HALF: usize = LANES / 2;
    let m = q.len();
    let [a, b, c, d] = rows.map(|row| &row[..m]);
    let out = &mut out[..m];
    let mut lanes = [[0.0; HALF]; ROWS];
    let whole = m - m % HALF;
    for start in (0..whole).step_by(HALF) {
        let [ka, kb, kc, kd] =
            [a, b, c, d].map(|k| <[f64; HALF]>::try_from(&k[start..start + HALF]).expect("a chunk"));
        let x = <[f64; HALF]>::try_from(&q[start..start + HALF]).expect("a chunk");
        let o = &mut out[start..start + HALF];
        for l in 0..HALF {
            lanes[0][l] += ka[l] * x[l];
            lanes[1][l] += kb[l] * x[l];
            lanes[2][l] += kc[l] * x[l];
            lanes[3][l] += kd[l] * x[l];
            o[l] -= (ka[l] * pr[0] + kb[l] * pr[1]) + (kc[l] * pr[2] + kd[l] * pr[3]);
        }
    }
    let mut sums = lanes.map(|l| (l[0] + l[2]) + (l[1] + l[3]));
    for j in whole..m {
        for (sum, row) in sums.iter_mut().zip([a, b, c, d]) {
            *sum += row[j] * q[j];
        }
        out[j] -= (a[j] * pr[0] + b[j] * pr[1]) + (c[j] * pr[2] + d[j] * pr[3]);
    }
    head.iter_mut().zip(sums).for_each(|(h, s)| *h += s);
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
        let margin = |i: usize, j: usize| match i.cmp(&j) {
            std::cmp::Ordering::Less => packed[pair(n, i, j)],
            std::cmp::Ordering::Equal => 0.0,
            std::cmp::Ordering::Greater => -packed[pair(n, j, i)],
        };
        (0..n).map(|i| (0..n).map(|j| margin(i, j) * p[j]).sum()).collect()
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
