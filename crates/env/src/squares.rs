//! Small games as whole matrices, so that the product is a sum of rows: no sum across a vector.
//!
//! ```text
//! (K p)_i = - sum_j K_ji p_j        row j of the square, padded with zeros to whole vectors
//! ```
//!
//! Twice the margins and the padding, so only where all of it stays in cache; beyond, see [`crate::triangles`].

use equipoise_core::lanes::{Eight, LANES, Real};
use equipoise_core::vector;
use pulp::{Simd, WithSimd};

/// Whole matrices of small contexts, rows padded with zeros to full chunks: `(K p)_i = - sum_j K_ji p_j` runs over
/// contiguous rows, without a sum across a vector.
#[derive(Clone, Debug)]
pub(crate) struct Squares {
    values: Vec<f64>,
}

impl Squares {
    /// Largest context kept as a square.
    const ACTIONS: usize = 128;
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
        vector::run(Products { squares: &self.values, offsets, p, out });
    }
}

struct Products<'a> {
    squares: &'a [f64],
    offsets: &'a [usize],
    p: &'a [f64],
    out: &'a mut [f64],
}

impl WithSimd for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let mut rest = self.squares;
        for w in self.offsets.windows(2) {
            let n = w[1] - w[0];
            let (square, tail) = rest.split_at(n * stride(n));
            rest = tail;
            square_product(simd, square, &self.p[w[0]..w[1]], &mut self.out[w[0]..w[1]]);
        }
    }
}

/// Numbers from one row of a square to the next.
fn stride(n: usize) -> usize {
    n.next_multiple_of(LANES)
}

#[inline(always)]
fn square_product<S: Simd>(simd: S, square: &[f64], p: &[f64], out: &mut [f64]) {
    let (n, stride) = (p.len(), stride(p.len()));
    let mut column = 0;
    // many columns at a time keep the adders busy
    while column < n {
        let (square, out) = (&square[column..], &mut out[column..]);
        column += LANES
            * match (n - column).div_ceil(LANES) {
                1 => columns::<S, 1>(simd, square, stride, p, out),
                2 | 3 => columns::<S, 2>(simd, square, stride, p, out),
                _ => columns::<S, 4>(simd, square, stride, p, out),
            };
    }
}

/// The first `C` eights of columns of the product; `out` may be short of the padding. `C`.
///
/// Even and odd rows have sums of their own: one addition after the other is what a small product takes.
#[inline(always)]
fn columns<S: Simd, const C: usize>(
    simd: S,
    square: &[f64],
    stride: usize,
    p: &[f64],
    out: &mut [f64],
) -> usize {
    let mut sums = [[Eight::splat(simd, 0.0); C]; 2];
    for (rows, q) in square.chunks(2 * stride).zip(p.chunks(2)) {
        for r in 0..2 {
            if let Some(q) = q.get(r) {
                let minus = Eight::splat(simd, -q);
                for c in 0..C {
                    let k = rows[r * stride + c * LANES..].first_chunk().expect("rows are whole eights");
                    sums[r][c] = Eight::load(simd, k).times_plus(minus, sums[r][c]);
                }
            }
        }
    }
    for (c, out) in out.chunks_mut(LANES).take(C).enumerate() {
        (sums[0][c] + sums[1][c]).store_part(out);
    }
    C
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::pair;
    use crate::product::tests::{case, double_loop};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn squares_equal_the_double_loop(sizes in prop::collection::vec(1usize..129, 1..6), seed in any::<u64>()) {
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
