//! Small games as whole matrices, so that the product is a sum of rows: no sum across a vector.
//!
//! ```text
//! (K p)_i = - sum_j K_ji p_j        row j of the square, padded with zeros to whole vectors
//! ```
//!
//! Twice the margins and the padding, so only where all of it stays in cache; beyond, see [`crate::triangles`].

use equipoise_core::vector::dispatch;

/// Actions handled together, whatever the width of the machine's vectors.
const LANES: usize = 8;

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
    const WIDE: usize = 4 * LANES;
    let (n, stride) = (p.len(), stride(p.len()));
    let mut column = 0;
    // many columns at a time keep the adders busy, and what is left goes one vector at a time
    while n - column >= WIDE {
        columns::<WIDE>(&square[column..], stride, p, &mut out[column..column + WIDE]);
        column += WIDE;
    }
    while column < n {
        columns::<LANES>(&square[column..], stride, p, &mut out[column..n.min(column + LANES)]);
        column += LANES;
    }
}

/// `C` columns of the product, those that `square` begins with; `out` may be short of the padding.
#[inline(always)]
fn columns<const C: usize>(square: &[f64], stride: usize, p: &[f64], out: &mut [f64]) {
    let mut sums = [0.0; C];
    for (row, q) in square.chunks(stride).zip(p) {
        let k = <&[f64; C]>::try_from(&row[..C]).expect("rows are whole vectors");
        for l in 0..C {
            sums[l] -= k[l] * q;
        }
    }
    match <&mut [f64; C]>::try_from(&mut *out) {
        Ok(whole) => *whole = sums,
        // one by one: a copy of unknown length is a call
        Err(_) => (0..C).for_each(|l| {
            if let Some(o) = out.get_mut(l) {
                *o = sums[l];
            }
        }),
    }
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
