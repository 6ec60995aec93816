//! Small games as whole matrices, so that the product is a sum of rows: no sum across a vector.
//!
//! ```text
//! (K p)_i = - sum_j K_ji p_j        row j of the square, padded with zeros to whole vectors
//! ```
//!
//! Twice the margins and the padding, so only where all of it stays in cache; beyond, see [`crate::triangles`].

use equipoise_core::lanes::{Eight, LANES, Line, Real};
use equipoise_core::vector;
use pulp::{Simd, WithSimd};

/// Whole matrices of small contexts, rows padded with zeros to full chunks: `(K p)_i = - sum_j K_ji p_j` runs over
/// contiguous rows, without a sum across a vector.
#[derive(Clone, Debug)]
pub(crate) struct Squares {
    values: Vec<Line>,
}

impl Squares {
    /// Largest context kept as a square.
    const ACTIONS: usize = 128;
    /// Most numbers kept in squares, 4 MiB: beyond, games are read from memory, and the triangle is the shorter.
    const NUMBERS: usize = 1 << 19;

    /// Squares of all contexts, if the game is small; `margin(x, i, j)` is `K_ij` of context x.
    pub(crate) fn new(sizes: &[usize], margin: impl Fn(usize, usize, usize) -> f64) -> Option<Self> {
        let lines: usize = sizes.iter().map(|&n| n * n.div_ceil(LANES)).sum();
        if lines * LANES > Self::NUMBERS || sizes.iter().any(|&n| n > Self::ACTIONS) {
            return None;
        }
        let mut values = vec![Line::default(); lines];
        let mut rows = &mut values[..];
        for (x, &n) in sizes.iter().enumerate() {
            for i in 0..n {
                let (row, rest) = rows.split_at_mut(n.div_ceil(LANES));
                rows = rest;
                (0..n).for_each(|j| row[j / LANES].0[j % LANES] = margin(x, i, j));
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
    squares: &'a [Line],
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
            let (square, tail) = rest.split_at(n * n.div_ceil(LANES));
            rest = tail;
            square_product(simd, square, &self.p[w[0]..w[1]], &mut self.out[w[0]..]);
        }
    }
}

/// The product of one square into the first of `out`; the padding may be written behind it, where later contexts have
/// theirs.
#[inline(always)]
fn square_product<S: Simd>(simd: S, square: &[Line], p: &[f64], out: &mut [f64]) {
    let width = p.len().div_ceil(LANES);
    match width {
        1 => columns(simd, square.as_chunks::<1>().0.iter(), p, out, 0),
        2 => columns(simd, square.as_chunks::<2>().0.iter(), p, out, 0),
        _ => {
            let mut first = 0;
            // many columns at a time keep the adders busy
            while first < width {
                let rows = square.chunks_exact(width);
                first += match width - first {
                    1 => some_columns::<S, 1>(simd, rows, p, out, first),
                    2 | 3 => some_columns::<S, 2>(simd, rows, p, out, first),
                    _ => some_columns::<S, 4>(simd, rows, p, out, first),
                };
            }
        }
    }
}

/// [`columns`] of wider rows, from the `first` eight on. `C`.
#[inline(always)]
fn some_columns<'a, S: Simd, const C: usize>(
    simd: S,
    rows: impl Iterator<Item = &'a [Line]>,
    p: &[f64],
    out: &mut [f64],
    first: usize,
) -> usize {
    let rows = rows.map(
        #[inline(always)]
        |row| row[first..].first_chunk().expect("a row has the columns asked for"),
    );
    columns::<S, C>(simd, rows, p, out, first);
    C
}

/// The product of rows of `C` eights of columns; they are the `first` and following of the result.
///
/// Even and odd rows have sums of their own: one addition after the other is what a small product takes.
#[inline(always)]
fn columns<'a, S: Simd, const C: usize>(
    simd: S,
    mut rows: impl Iterator<Item = &'a [Line; C]>,
    p: &[f64],
    out: &mut [f64],
    first: usize,
) {
    let [mut even, mut odd] = [[Eight::splat(simd, 0.0); C]; 2];
    let (pairs, last) = p.as_chunks::<2>();
    for q in pairs {
        let (Some(first), Some(second)) = (rows.next(), rows.next()) else { break };
        let [p, q] = q.map(
            #[inline(always)]
            |q| Eight::splat(simd, q),
        );
        for c in 0..C {
            even[c] = Eight::load(simd, &first[c].0).times_plus(p, even[c]);
            odd[c] = Eight::load(simd, &second[c].0).times_plus(q, odd[c]);
        }
    }
    if let ([q], Some(row)) = (last, rows.next()) {
        for c in 0..C {
            even[c] = Eight::load(simd, &row[c].0).times_plus(Eight::splat(simd, *q), even[c]);
        }
    }
    for c in 0..C {
        let product = Eight::splat(simd, 0.0) - (even[c] + odd[c]);
        let at = (first + c) * LANES;
        match out[at..].first_chunk_mut() {
            Some(whole) => product.store(whole),
            None => product.store_part(&mut out[at..p.len()]),
        }
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
