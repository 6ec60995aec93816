//! The dense storage of large contexts: the upper triangle of K in panels of four rows, read once a product.
//!
//! ```text
//! (K p)_i = sum_{j > i} K_ij p_j  -  sum_{j < i} K_ji p_j
//! ```
//!
//! A panel is four rows, cut into blocks of eight columns that lie behind each other: block after block, panel after
//! panel, the matrix is one stream. A block serves both halves at once, the dot products of its rows and the update of
//! its columns. Places on and below the diagonal, and beyond the last action, hold zeros: some `4.5 n` numbers more than
//! the triangle has.
//!
//! Bands of panels run in parallel (`bands.rs`). Panels, lanes and bands depend on `n` only, so the bits depend neither on
//! the threads nor on the width of the machine's vectors, and not on how many products are taken in one pass: each adds up
//! its own numbers in the one order.
//!
//! Multiplications and additions are fused: once there is bandwidth enough, arithmetic is what limits, and sixteen products
//! in one pass are nothing else. A fused operation is rounded once, on every machine alike; where there is no instruction
//! for it, it is slow, and has the same bits.
//!
//! f32 halves the bytes. The game then IS the one of the rounded margins: products are summed in f64 and every metric is
//! exact for it.

use std::ops::Range;

use equipoise_core::cpu::{alloc_huge_pages, prefetch};
use equipoise_core::lanes::{CacheLine, LANES};
use equipoise_core::vector::{dispatch, run};
use rayon::prelude::*;

use super::bands::{Lanes, Parts, ROWS, Vectors, add_sums, in_parts, start};
use super::many::Many;
use super::number::{Block, Number, wide};
use super::{ProductCost, Storage};

/// How far ahead of its use the matrix is asked for, in bytes.
const AHEAD: usize = 8 << 10;
/// Rows and columns of a tile, where a square is read or written: rows of an array of 2^k columns share the sets of a cache, and lie
/// on pages of their own.
const STRIP: usize = 64;

/// The margins of one context, each unordered pair once.
#[derive(Clone, Debug, PartialEq)]
pub struct Panels<T> {
    n: usize,
    blocks: Vec<Block<T>>,
}

/// The blocks of some rows, from `first` on.
struct Strip<'a, T> {
    first: usize,
    blocks: &'a mut [Block<T>],
}

impl<T: Number> Strip<'_, T> {
    /// Fills it with `margin(i, j)`, `i < j < n`, tile by tile; whether all are within `[-1/2, 1/2]`.
    fn fill(&mut self, n: usize, margin: &impl Fn(usize, usize) -> f64) -> bool {
        let (first, base) = (self.first, start(n, self.first / ROWS));
        let panels = first / ROWS..n.min(first + STRIP).div_ceil(ROWS);
        let mut valid = true;
        for left in (first..n).step_by(STRIP) {
            // two panels take the eight columns of their mirror, a cache line of an array
            for pair in panels.clone().step_by(2) {
                for block in (left / LANES).max(pair / 2)..n.min(left + STRIP).div_ceil(LANES) {
                    for panel in pair..panels.end.min(pair + 2) {
                        let kept = &mut self.blocks[start(n, panel) - base + block - panel / 2].0;
                        for (r, row) in kept.iter_mut().enumerate() {
                            for (l, k) in row.iter_mut().enumerate() {
                                let (i, j) = (panel * ROWS + r, block * LANES + l);
                                if i < j && j < n {
                                    let margin = margin(i, j);
                                    valid &= margin.abs() <= 0.5; // false for a NaN
                                    *k = T::nearest(margin);
                                }
                            }
                        }
                    }
                }
            }
        }
        valid
    }
}

impl<T: Number> Panels<T> {
    /// `n` actions (at least 1), every margin 0.
    ///
    /// # Panics
    /// If `n` is 0.
    #[must_use]
    pub fn zeros(n: usize) -> Self {
        assert!(n > 0, "a context has an action");
        Self { n, blocks: alloc_huge_pages(start(n, n.div_ceil(ROWS))) }
    }

    /// Sets `K_ij` (and `K_ji`, its negative), `i < j`, to the nearest number of the kind.
    ///
    /// # Panics
    /// If not `i < j < n` and `|margin| <= 1/2`.
    pub fn set(&mut self, i: usize, j: usize, margin: f64) {
        assert!(i < j && j < self.n && margin.abs() <= 0.5, "K[{i}, {j}] = {margin} of {} actions", self.n);
        let at = self.block_of(i, j);
        self.blocks[at].0[i % ROWS][j % LANES] = T::nearest(margin);
    }

    /// The margins `K_ij = margin(i, j)`, `i < j`, each the nearest number of the kind; `None` if one is not within `[-1/2, 1/2]`.
    pub(crate) fn from_fn(n: usize, margin: impl Fn(usize, usize) -> f64) -> Option<Self> {
        let mut made = Self::zeros(n);
        let valid = made.strips().iter_mut().all(|strip| strip.fill(n, &margin));
        valid.then_some(made)
    }

    /// [`Panels::from_fn`] on all threads.
    pub(crate) fn par_from_fn(n: usize, margin: impl Fn(usize, usize) -> f64 + Sync) -> Option<Self> {
        let mut made = Self::zeros(n);
        let valid =
            made.strips().par_iter_mut().map(|strip| strip.fill(n, &margin)).reduce(|| true, |a, b| a && b);
        valid.then_some(made)
    }

    /// The blocks of every [`STRIP`] rows.
    fn strips(&mut self) -> Vec<Strip<'_, T>> {
        let (n, mut rest) = (self.n, &mut self.blocks[..]);
        let mut strips = Vec::with_capacity(n.div_ceil(STRIP));
        for first in (0..n).step_by(STRIP) {
            let end = n.min(first + STRIP).div_ceil(ROWS);
            let (own, later) = rest.split_at_mut(start(n, end) - start(n, first / ROWS));
            rest = later;
            strips.push(Strip { first, blocks: own });
        }
        strips
    }

    /// `K_ij + shift` into the rows `first..` of an array of `n` columns, [`STRIP`] rows at most.
    fn fill_rows(&self, first: usize, shift: f64, out: &mut [f64]) {
        let n = self.n;
        let end = first + out.len() / n;
        for left in (0..n).step_by(STRIP) {
            let right = n.min(left + STRIP);
            if left == first {
                for i in first..end {
                    (left..right).for_each(|j| out[(i - first) * n + j] = shift + self.margin(i, j));
                }
                continue;
            }
            let (top, bottom) = (first.min(left), end.min(right));
            let (from, to) = (first.max(left), end.max(right));
            // above the diagonal a row of a block is one of eight columns, below a column of four rows
            for pair in (top / ROWS..bottom.div_ceil(ROWS)).step_by(2) {
                for block in from / LANES..to.div_ceil(LANES) {
                    for panel in pair..bottom.div_ceil(ROWS).min(pair + 2) {
                        let kept = &self.blocks[start(n, panel) + block - panel / 2].0;
                        let columns = LANES.min(n - block * LANES);
                        for (r, row) in kept.iter().enumerate().take(ROWS.min(n - panel * ROWS)) {
                            let (i, j) = (panel * ROWS + r, block * LANES);
                            if first < left {
                                let at = (i - first) * n + j;
                                let out = &mut out[at..at + columns];
                                out.iter_mut().zip(row).for_each(|(out, k)| *out = shift + k.wide());
                            } else {
                                let at = (j - first) * n + i;
                                let out = out[at..].iter_mut().step_by(n).take(columns);
                                out.zip(row).for_each(|(out, k)| *out = shift - k.wide());
                            }
                        }
                    }
                }
            }
        }
    }

    /// The same margins as another kind of number, each the nearest there is.
    #[must_use]
    pub fn converted<U: Number>(&self) -> Panels<U> {
        let mut converted = Panels::zeros(self.n);
        for (to, from) in converted.blocks.iter_mut().zip(&self.blocks) {
            *to = Block(from.0.map(|row| row.map(|k| U::nearest(k.wide()))));
        }
        converted
    }

    /// The margins `K_ij` for all `j > i`.
    pub(crate) fn upper_row(&self, i: usize) -> Vec<f64> {
        let panel = i / ROWS;
        let blocks = &self.blocks[start(self.n, panel)..start(self.n, panel + 1)];
        let from = (panel / 2) * LANES; // where the first block begins
        let row = blocks.iter().flat_map(|block| block.0[i % ROWS]).map(T::wide);
        row.skip(i + 1 - from).take(self.n - 1 - i).collect()
    }

    #[cfg(test)]
    pub(super) fn blocks(&self) -> &[Block<T>] {
        &self.blocks
    }

    /// The block that holds `K_ij`, `i < j`.
    fn block_of(&self, i: usize, j: usize) -> usize {
        let panel = i / ROWS;
        start(self.n, panel) + j / LANES - panel / 2
    }
}

impl<T: Number> Storage for Panels<T> {
    fn name(&self) -> &'static str {
        T::NAME
    }

    fn n(&self) -> usize {
        self.n
    }

    fn margin(&self, i: usize, j: usize) -> f64 {
        // chosen, not branched to: which comes first is a matter of chance where duels ask. The diagonal is kept, as 0
        let (first, second, sign) = if i <= j { (i, j, 1.0) } else { (j, i, -1.0) };
        sign * self.blocks[self.block_of(first, second)].0[first % ROWS][second % LANES].wide()
    }

    fn prefetch(&self, i: usize, j: usize) {
        let (first, second) = (i.min(j), i.max(j));
        prefetch(&self.blocks[self.block_of(first, second)].0, first % ROWS);
    }

    fn product(&self, p: &[f64], out: &mut [f64]) {
        self.products(&[p], &mut [out]);
    }

    fn products(&self, ps: &[&[f64]], outs: &mut [&mut [f64]]) {
        in_parts(self.n, ps, outs, |panels, ps, parts| {
            add_panels((self.n, &self.blocks, 0), panels, ps, parts);
        });
    }

    fn square(&self, shift: f64, out: &mut [f64]) {
        let rows = STRIP * self.n;
        out.par_chunks_mut(rows).enumerate().for_each(|(k, out)| self.fill_rows(k * STRIP, shift, out));
    }

    fn bytes(&self) -> u64 {
        size_of_val(&self.blocks[..]) as u64
    }

    fn cost(&self) -> ProductCost {
        let n = self.n as u64;
        ProductCost { bytes: self.bytes(), operations: 2 * n * (n - 1) }
    }
}

/// Adds what `panels` of a game of `n` actions contribute. `blocks` are blocks of the matrix from number `base` on, these
/// panels among them.
pub(super) fn add_panels<T: Number>(
    matrix: (usize, &[Block<T>], usize),
    panels: Range<usize>,
    ps: &Vectors<'_>,
    parts: &mut Parts<'_>,
) {
    if ps.many == 1 {
        dispatch(
            #[inline(always)]
            || band(matrix, panels, ps, parts),
        );
    } else {
        run(Many { matrix, panels, ps, parts });
    }
}

/// [`add_panels`] for one vector.
#[inline(always)]
fn band<T: Number>(
    (n, blocks, base): (usize, &[Block<T>], usize),
    panels: Range<usize>,
    p: &Vectors<'_>,
    part: &mut Parts<'_>,
) {
    for panel in panels {
        let (begin, end) = (start(n, panel) - base, start(n, panel + 1) - base);
        let mut sums = [[0.0; LANES]; ROWS];
        let (x, out) = (p.only(panel / 2), part.only(panel / 2));
        sweep(&blocks[begin..end], x, p.rows(0, panel), out, &mut sums, |k| {
            prefetch(blocks, begin + k + AHEAD / size_of::<Block<T>>());
        });
        add_sums(panel, sums, &mut out[0]);
    }
}

/// `sums_r += block_r * x` lane by lane, and `out -= sum_r rows_r block_r`, over equally many blocks of each.
#[inline(always)]
fn sweep<T: Number>(
    blocks: &[Block<T>],
    x: &[CacheLine],
    rows: [f64; ROWS],
    out: &mut [CacheLine],
    sums: &mut [Lanes; ROWS],
    ahead: impl Fn(usize),
) {
    let [mut a, mut b, mut c, mut d] = *sums;
    for (k, ((block, x), out)) in blocks.iter().zip(x).zip(out).enumerate() {
        ahead(k);
        let [ka, kb, kc, kd] = [wide(&block.0[0]), wide(&block.0[1]), wide(&block.0[2]), wide(&block.0[3])];
        // copies: inlined, nothing says that `out` is not `x`
        let (x, mut new) = (x.0, out.0);
        for l in 0..LANES {
            a[l] = ka[l].mul_add(x[l], a[l]);
            b[l] = kb[l].mul_add(x[l], b[l]);
            c[l] = kc[l].mul_add(x[l], c[l]);
            d[l] = kd[l].mul_add(x[l], d[l]);
            new[l] = less([ka[l], kb[l], kc[l], kd[l]], rows, new[l]);
        }
        out.0 = new;
    }
    // black_box stops LLVM from vectorising the horizontal sums that follow, for which it would transpose the lanes here
    *sums = std::hint::black_box([a, b, c, d]);
}

/// `old - sum_r k_r rows_r`, fused, row after row.
#[inline(always)]
fn less(k: [f64; ROWS], rows: [f64; ROWS], old: f64) -> f64 {
    (-rows[3])
        .mul_add(k[3], (-rows[2]).mul_add(k[2], (-rows[1]).mul_add(k[1], (-rows[0]).mul_add(k[0], old))))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{double_loop, number};
    use super::*;
    use proptest::prelude::*;

    fn random<T: Number>(n: usize, seed: u64) -> (Panels<T>, Vec<f64>) {
        let mut panels = Panels::zeros(n);
        let mut k = 0;
        for i in 0..n {
            for j in i + 1..n {
                panels.set(i, j, number(seed, k));
                k += 1;
            }
        }
        (panels, (0..n as u64).map(|k| number(seed, k + (1 << 40)) + 0.5).collect())
    }

    fn check<T: Number>(n: usize, seed: u64, tolerance: f64) {
        let (panels, p) = random::<T>(n, seed);
        let mut out = vec![f64::NAN; n];
        panels.product(&p, &mut out);
        for (a, b) in out.iter().zip(double_loop(&panels, &p)) {
            assert!((a - b).abs() < tolerance, "n {n}: {a} {b}");
        }
    }

    fn bits(x: &[f64]) -> Vec<u64> {
        x.iter().map(|x| x.to_bits()).collect()
    }

    #[test]
    fn plain_code_has_the_bits_of_every_instruction_set() {
        for n in [5usize, 67, 300] {
            let (panels, p) = random::<f64>(n, 3);
            let (mut there, mut plain) = (vec![f64::NAN; n], vec![f64::NAN; n]);
            panels.product(&p, &mut there);
            in_parts(n, &[&p], &mut [&mut plain], |rows, ps, parts| {
                band((n, &panels.blocks, 0), rows, ps, parts);
            });
            assert_eq!(bits(&there), bits(&plain));
        }
    }

    proptest! {
        #[test]
        fn products_equal_the_double_loop(n in 1usize..140, seed in any::<u64>()) {
            check::<f64>(n, seed, 1e-13);
            check::<f32>(n, seed, 1e-13);
        }

        #[test]
        fn every_pair_has_a_place_of_its_own(n in 1usize..60) {
            let mut panels = Panels::<f64>::zeros(n);
            let mut k = 0.0;
            for i in 0..n {
                for j in i + 1..n {
                    k += 1e-6;
                    panels.set(i, j, k);
                }
            }
            let mut k = 0.0;
            for i in 0..n {
                for j in i + 1..n {
                    k += 1e-6;
                    prop_assert_eq!((panels.margin(i, j), panels.margin(j, i)), (k, -k));
                }
            }
            let stored = panels.blocks.iter().flat_map(|b| b.0.into_iter().flatten());
            prop_assert_eq!(stored.filter(|k| *k != 0.0).count(), n * (n - 1) / 2);
        }
    }

    #[test]
    fn large_triangles_equal_the_double_loop_and_have_the_same_bits_on_any_number_of_threads() {
        for n in [1024, 1027, 1029, 1710] {
            check::<f64>(n, n as u64, 1e-11);
            let (panels, p) = random::<f32>(n, 5);
            let with = |threads: usize| {
                let mut out = vec![f64::NAN; n];
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| panels.product(&p, &mut out));
                bits(&out)
            };
            let one = with(1);
            assert!([2, 5, 16].iter().all(|&threads| with(threads) == one));
        }
    }

    #[test]
    fn many_products_are_to_the_bit_the_single_ones() {
        for (n, seed) in [(1, 1), (2, 2), (97, 3), (1024, 4), (1025, 5), (1500, 6), (2051, 7)] {
            let (wide, _) = random::<f64>(n, seed);
            let (narrow, _) = random::<f32>(n, seed);
            for storage in [&wide as &dyn Storage, &narrow] {
                for columns in [1usize, 2, 5, 17] {
                    let ps: Vec<Vec<f64>> = (0..columns as u64)
                        .map(|c| (0..n as u64).map(|k| number(seed ^ c << 20, k)).collect())
                        .collect();
                    let mut outs = vec![vec![f64::NAN; n]; columns];
                    let p: Vec<&[f64]> = ps.iter().map(Vec::as_slice).collect();
                    let mut o: Vec<&mut [f64]> = outs.iter_mut().map(Vec::as_mut_slice).collect();
                    storage.products(&p, &mut o);
                    let mut alone = vec![f64::NAN; n];
                    for (p, out) in ps.iter().zip(&outs) {
                        storage.product(p, &mut alone);
                        assert!(bits(out) == bits(&alone), "n {n}, {columns} columns, {}", storage.name());
                    }
                }
            }
        }
    }

    #[test]
    fn squares_are_written_and_read_entry_by_entry() {
        for n in [1, 5, 63, 64, 65, 72, 130, 200, 1029] {
            let (panels, _) = random::<f64>(n, n as u64);
            let mut out = vec![f64::NAN; n * n];
            panels.square(0.5, &mut out);
            for i in 0..n {
                (0..n).for_each(|j| assert!(out[i * n + j] == 0.5 + panels.margin(i, j), "n {n}, {i} {j}"));
            }
            let margin = |i: usize, j: usize| panels.margin(i, j);
            assert_eq!(Panels::from_fn(n, margin).as_ref(), Some(&panels), "n {n}");
            assert_eq!(Panels::par_from_fn(n, margin).as_ref(), Some(&panels), "n {n}");
            for wrong in [0.5 + 1e-15, f64::NAN, f64::NEG_INFINITY] {
                let broken = |i: usize, j: usize| if (i, j) == (n / 3, n - 1) { wrong } else { margin(i, j) };
                assert_eq!(Panels::<f64>::from_fn(n, broken).is_none(), n > 1, "n {n}");
                assert_eq!(Panels::<f64>::par_from_fn(n, broken).is_none(), n > 1, "n {n}");
            }
        }
    }

    #[test]
    fn f32_is_the_game_of_the_rounded_margins() {
        let (wide, p) = random::<f64>(1100, 9);
        let (narrow, _) = random::<f32>(1100, 9);
        assert_eq!(wide.converted::<f32>(), narrow);
        // the rounded margins kept in f64 give the same bits
        let rounded = narrow.converted::<f64>();
        let (mut a, mut b) = (vec![0.0; 1100], vec![0.0; 1100]);
        narrow.product(&p, &mut a);
        rounded.product(&p, &mut b);
        assert_eq!(bits(&a), bits(&b));
        let content = |s: &dyn Storage| {
            let mut bytes = Vec::new();
            s.content(&mut |b| bytes.extend_from_slice(b));
            bytes
        };
        assert!(content(&narrow) == content(&rounded) && content(&wide) != content(&narrow));
        assert_eq!(narrow.margin(3, 900), f64::from(wide.margin(3, 900) as f32));
        assert!(wide.bytes() == 2 * narrow.bytes());
    }

    #[test]
    #[should_panic(expected = "K[1, 0]")]
    fn only_the_upper_triangle_is_set() {
        Panels::<f64>::zeros(3).set(1, 0, 0.1);
    }
}
