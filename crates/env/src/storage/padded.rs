//! The padded layout of small games: a second copy of the margins, made for the product, that stays in a core's own caches.
//!
//! ```text
//! (K p)_i = - sum_j K_ji p_j                                   a square, row j padded with zeros to whole lines: a sum of
//!                                                              rows, and none across a vector
//! (K p)_i = sum_{j > i} K_ij p_j - sum_{j < i} K_ji p_j        slabs of eight rows of the triangle, cut into blocks of
//!                                                              eight columns: half the numbers, each used twice
//! ```
//!
//! Squares up to the size at which they fill the first-level cache, slabs above. Both are a second copy of the margins with
//! padding, so only of games that are small altogether; beyond, see `packed.rs`.

use equipoise_core::lanes::{self, CacheLine, F64x8, LANES, Real};
use equipoise_core::vector;
use pulp::{Simd, WithSimd};

/// Margins of every context as a square or as slabs, one behind the other.
#[derive(Clone, Debug)]
pub(crate) struct PaddedLayout {
    lines: Vec<CacheLine>,
}

/// Largest context kept as a square: 32 KiB.
const SQUARE: usize = 64;
/// Lines of actions of the largest context kept here: up to 1023 actions. Larger ones have a storage of their own.
const WIDTH: usize = 128;
/// Most lines kept here, those of one context of that size, 4 MiB: beyond, games are read from memory, and the triangle is
/// the shorter.
const LINES: usize = LANES * WIDTH * (WIDTH + 1) / 2;

impl PaddedLayout {
    /// All contexts, if the game is small; `margin(x, i, j)` is `K_ij` of context x.
    pub(crate) fn new(sizes: &[usize], margin: impl Fn(usize, usize, usize) -> f64) -> Option<Self> {
        let count: usize = sizes.iter().map(|&n| lines(n)).sum();
        if count > LINES || sizes.iter().any(|&n| n >= WIDTH * LANES) {
            return None;
        }
        let mut kept = Vec::with_capacity(count);
        for (x, &n) in sizes.iter().enumerate() {
            let line = |i: usize, block: usize, above: bool| {
                CacheLine(std::array::from_fn(|l| {
                    let j = block * LANES + l;
                    if i < n && j < n && (i < j || !above) { margin(x, i, j) } else { 0.0 }
                }))
            };
            let width = n.div_ceil(LANES);
            if n <= SQUARE {
                kept.extend(
                    (0..n)
                        .flat_map(|i| (0..width).map(move |block| (i, block)))
                        .map(|(i, b)| line(i, b, false)),
                );
            } else {
                for slab in 0..width {
                    for block in slab..width {
                        kept.extend((0..LANES).map(|r| line(slab * LANES + r, block, true)));
                    }
                }
            }
        }
        Some(Self { lines: kept })
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.lines[..])
    }

    /// `K p` in every context, flat; context x has actions `offsets[x]..offsets[x + 1]`.
    pub(crate) fn products(&self, offsets: &[usize], p: &[f64], out: &mut [f64]) {
        let out = &mut out[..offsets[offsets.len() - 1]]; // and nothing behind them, see `square_product`
        vector::run(Products { lines: &self.lines, offsets, p, out });
    }
}

/// Lines of a context of `n` actions.
fn lines(n: usize) -> usize {
    let width = n.div_ceil(LANES);
    if n <= SQUARE { n * width } else { LANES * width * (width + 1) / 2 }
}

struct Products<'a> {
    lines: &'a [CacheLine],
    offsets: &'a [usize],
    p: &'a [f64],
    out: &'a mut [f64],
}

impl WithSimd for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let mut rest = self.lines;
        for w in self.offsets.windows(2) {
            let n = w[1] - w[0];
            let (here, tail) = rest.split_at(lines(n));
            rest = tail;
            let (p, out) = (&self.p[w[0]..w[1]], &mut self.out[w[0]..]);
            if n <= SQUARE {
                square_product(simd, here, p, out);
                continue;
            }
            let out = &mut out[..n];
            // the stack buffers are filled with zeros first, so they are no larger than needed
            if n <= 128 {
                simd.vectorize(Slabs::<16> { lines: here, p, out });
            } else if n <= 256 {
                simd.vectorize(Slabs::<32> { lines: here, p, out });
            } else {
                simd.vectorize(Slabs::<WIDTH> { lines: here, p, out });
            }
        }
    }
}

/// The product of one context in slabs, of at most `W` lines of actions.
struct Slabs<'a, const W: usize> {
    lines: &'a [CacheLine],
    p: &'a [f64],
    out: &'a mut [f64],
}

impl<const W: usize> WithSimd for Slabs<'_, W> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let width = self.p.len().div_ceil(LANES);
        let [mut p, mut out] = [[CacheLine::default(); W]; 2];
        let (whole, rest) = self.p.as_chunks();
        for (to, from) in p.iter_mut().zip(whole) {
            F64x8::load(simd, from).store(&mut to.0);
        }
        if !rest.is_empty() {
            F64x8::load_part(simd, rest, 0.0).store(&mut p[whole.len()].0);
        }
        let (p, out) = (&p[..width], &mut out[..width]);
        let mut rest = self.lines;
        for first in 0..width {
            let (slab, tail) = rest.split_at(LANES * (width - first));
            rest = tail;
            let mut rows = [F64x8::splat(simd, 0.0); LANES];
            let mut sums = rows;
            for r in 0..LANES {
                rows[r] = F64x8::splat(simd, -p[first].0[r]);
            }
            for ((block, p), out) in
                slab.as_chunks::<LANES>().0.iter().zip(&p[first..]).zip(&mut out[first..])
            {
                let (p, mut below) = (F64x8::load(simd, &p.0), F64x8::load(simd, &out.0));
                for r in 0..LANES {
                    let k = F64x8::load(simd, &block[r].0);
                    sums[r] = k.mul_add(p, sums[r]);
                    below = k.mul_add(rows[r], below);
                }
                below.store(&mut out.0);
            }
            (F64x8::load(simd, &out[first].0) + lanes::sums(simd, sums)).store(&mut out[first].0);
        }
        for (to, from) in self.out.chunks_mut(LANES).zip(&*out) {
            F64x8::load(simd, &from.0).store_part(to);
        }
    }
}

/// The product of one square into the first of `out`; the padding may be written behind it, where later contexts have
/// theirs.
#[inline(always)]
fn square_product<S: Simd>(simd: S, square: &[CacheLine], p: &[f64], out: &mut [f64]) {
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
    rows: impl Iterator<Item = &'a [CacheLine]>,
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
    mut rows: impl Iterator<Item = &'a [CacheLine; C]>,
    p: &[f64],
    out: &mut [f64],
    first: usize,
) {
    let [mut even, mut odd] = [[F64x8::splat(simd, 0.0); C]; 2];
    let (pairs, last) = p.as_chunks::<2>();
    for q in pairs {
        let (Some(first), Some(second)) = (rows.next(), rows.next()) else { break };
        let [p, q] = q.map(
            #[inline(always)]
            |q| F64x8::splat(simd, q),
        );
        for c in 0..C {
            even[c] = F64x8::load(simd, &first[c].0).mul_add(p, even[c]);
            odd[c] = F64x8::load(simd, &second[c].0).mul_add(q, odd[c]);
        }
    }
    if let ([q], Some(row)) = (last, rows.next()) {
        for c in 0..C {
            even[c] = F64x8::load(simd, &row[c].0).mul_add(F64x8::splat(simd, *q), even[c]);
        }
    }
    for c in 0..C {
        let product = F64x8::splat(simd, 0.0) - (even[c] + odd[c]);
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

    #[test]
    fn the_largest_contexts_have_the_padded_layout() {
        for n in [511, 1016, 1017, 1023] {
            let (margins, p) = case(n, n as u64);
            let padded =
                PaddedLayout::new(&[n], |_, i, j| if i < j { margins[pair(n, i, j)] } else { f64::NAN })
                    .expect("small");
            let mut out = vec![f64::NAN; n];
            padded.products(&[0, n], &p, &mut out);
            assert!(out.iter().zip(double_loop(&margins, &p)).all(|(a, b)| (a - b).abs() < 1e-12), "n {n}");
            assert!(padded.lines.len() <= LINES);
        }
        let fits = |sizes: &[usize]| PaddedLayout::new(sizes, |_, _, _| 0.0).is_some();
        assert!(!fits(&[1024]) && !fits(&[1023, 8]) && fits(&[64; 100]) && !fits(&[64; 130]));
    }

    proptest! {
        #[test]
        fn products_equal_the_double_loop(sizes in prop::collection::vec(prop_oneof![4 => 1usize..129, 1 => 129usize..330], 1..6), seed in any::<u64>()) {
            let cases: Vec<_> = sizes.iter().enumerate().map(|(x, &n)| case(n, seed ^ x as u64)).collect();
            let padded = PaddedLayout::new(&sizes, |x, i, j| {
                let at = |i, j| cases[x].0[pair(sizes[x], i, j)];
                if i < j { at(i, j) } else if i > j { -at(j, i) } else { 0.0 }
            }).expect("small");
            let offsets: Vec<usize> = std::iter::once(0)
                .chain(sizes.iter().scan(0, |end, n| { *end += n; Some(*end) }))
                .collect();
            let p: Vec<f64> = cases.iter().flat_map(|c| c.1.clone()).collect();
            let mut out = vec![f64::NAN; p.len()];
            padded.products(&offsets, &p, &mut out);
            let expect: Vec<f64> = cases.iter().flat_map(|(k, p)| double_loop(k, p)).collect();
            for (a, b) in out.iter().zip(expect) {
                prop_assert!((a - b).abs() < 1e-13, "{} {}", a, b);
            }
        }
    }
}
