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
//! Small games lie in squares instead (see `Squares`): up to some thirty actions the sum over a row costs more than
//! reading the other half of the matrix.

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

/// Whole matrices of small contexts, rows padded with zeros to full chunks: `(K p)_i = - sum_j K_ji p_j` runs over
/// contiguous rows, without a sum across a vector.
#[derive(Clone, Debug)]
pub(crate) struct Squares {
    values: Vec<f64>,
}

impl Squares {
    /// Largest context kept as a square.
    const ACTIONS: usize = 32;
    /// Most numbers kept in squares, 4 MiB: beyond, games are read from memory, and the triangle is the shorter.
    const NUMBERS: usize = 1 << 19;

    /// Squares of all contexts, if the game is small; `margin(x, i, j)` is `K_ij` of context x.
    pub(crate) fn new(sizes: &[usize], margin: impl Fn(usize, usize, usize) -> f64) -> Option<Self> {
        let numbers: usize = sizes.iter().map(|&n| n * stride(n)).sum();
        if numbers > Self::NUMBERS || sizes.iter().any(|&n| n > Self::ACTIONS) {
            return None;
        }
        let mut values = vec![0.0; numbers];
        let mut rows = &mut values[..];
        for (x, &n) in sizes.iter().enumerate() {
            for i in 0..n {
                let (row, rest) = rows.split_at_mut(stride(n));
                rows = rest;
                row[..n].iter_mut().enumerate().for_each(|(j, v)| *v = margin(x, i, j));
            }
        }
        Some(Self { values })
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.values[..])
    }

    /// `K p` in every context, flat; context x has actions `offsets[x]..offsets[x + 1]`.
    pub(crate) fn products(&self, offsets: &[usize], p: &[f64], out: &mut [f64]) {
        dispatch(
            #[inline(always)]
            || {
                let mut rest = &self.values[..];
                for w in offsets.windows(2) {
                    let n = w[1] - w[0];
                    let (square, tail) = rest.split_at(n * stride(n));
                    rest = tail;
                    square_product(square, &p[w[0]..w[1]], &mut out[w[0]..w[1]]);
                }
            },
        );
    }
}

/// Numbers from one row of a square to the next.
fn stride(n: usize) -> usize {
    n.next_multiple_of(LANES)
}

#[inline(always)]
fn square_product(square: &[f64], p: &[f64], out: &mut [f64]) {
    let stride = stride(p.len());
    for (c, out) in out.chunks_mut(LANES).enumerate() {
        let mut sums = [0.0; LANES];
        for (row, q) in square.chunks_exact(stride).zip(p) {
            let k =
                <&[f64; LANES]>::try_from(&row[c * LANES..(c + 1) * LANES]).expect("rows are whole chunks");
            for l in 0..LANES {
                sums[l] -= k[l] * q;
            }
        }
        match <&mut [f64; LANES]>::try_from(&mut *out) {
            Ok(whole) => *whole = sums,
            Err(_) => out.copy_from_slice(&sums[..out.len()]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value(seed: u64, k: u64) -> f64 {
        ((seed ^ k).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 11) as f64 / 2f64.powi(53) - 0.5
    }

    /// The definition, summed the plain way.
    fn double_loop(packed: &[f64], p: &[f64]) -> Vec<f64> {
        let n = p.len();
        let margin = |i: usize, j: usize| match i.cmp(&j) {
            std::cmp::Ordering::Less => packed[pair(n, i, j)],
            std::cmp::Ordering::Equal => 0.0,
            std::cmp::Ordering::Greater => -packed[pair(n, j, i)],
        };
        (0..n).map(|i| (0..n).map(|j| margin(i, j) * p[j]).sum()).collect()
    }

    fn case(n: usize, seed: u64) -> (Vec<f64>, Vec<f64>) {
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

        #[test]
        fn squares_equal_triangles(sizes in prop::collection::vec(1usize..33, 1..6), seed in any::<u64>()) {
            let cases: Vec<_> = sizes.iter().enumerate().map(|(x, &n)| case(n, seed ^ x as u64)).collect();
            let squares = Squares::new(&sizes, |x, i, j| {
                let at = |i, j| cases[x].0[pair(sizes[x], i, j)];
                if i < j { at(i, j) } else if i > j { -at(j, i) } else { 0.0 }
            }).expect("small");
            let offsets: Vec<usize> = std::iter::once(0)
                .chain(sizes.iter().scan(0, |end, n| { *end += n; Some(*end) }))
                .collect();
            let p: Vec<f64> = cases.iter().flat_map(|c| c.1.clone()).collect();
            let mut out = vec![f64::NAN; p.len()];
            squares.products(&offsets, &p, &mut out);
            let expect: Vec<f64> = cases.iter().flat_map(|(k, p)| double_loop(k, p)).collect();
            for (a, b) in out.iter().zip(expect) {
                prop_assert!((a - b).abs() < 1e-13, "{} {}", a, b);
            }
        }
    }
}
