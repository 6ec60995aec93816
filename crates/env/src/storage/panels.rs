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
//! The triangle is cut into bands of panels of equal area that run in parallel, each into a vector of its own. Panels,
//! lanes and bands depend on `n` only, so the bits depend neither on the threads nor on the width of the machine's vectors,
//! and not on how many products are taken in one pass: each adds up its own numbers in the one order.
//!
//! f32 halves the bytes. The game then IS the one of the rounded margins: products are summed in f64 and every metric is
//! exact for it.

use std::ops::Range;

use rayon::prelude::*;

use super::cpu::{ask_for, dispatch};
use super::{ProductCost, Storage};

/// Columns of a block, and partial sums of a dot product, whatever the width of the machine's vectors.
const LANES: usize = 8;
/// Rows of a panel.
const ROWS: usize = 4;
/// Bands of a triangle.
const BANDS: usize = 32;
/// How far ahead of its use the matrix is asked for, in bytes.
const AHEAD: usize = 8 << 10;
/// Many products at once: blocks of one panel, and panels, that are taken before the next columns.
const TILE: (usize, usize) = (16, 16);

type Lanes = [f64; LANES];

/// How margins are kept: `f64`, or `f32` for half the bytes.
pub trait Number: Copy + Default + PartialEq + std::fmt::Debug + Send + Sync + 'static {
    /// One word for it.
    const NAME: &'static str;
    /// The number as f64, exact.
    fn wide(self) -> f64;
    /// The nearest number of this kind.
    fn nearest(x: f64) -> Self;
}

impl Number for f64 {
    const NAME: &'static str = "dense f64";

    #[inline(always)]
    fn wide(self) -> f64 {
        self
    }

    #[inline(always)]
    fn nearest(x: f64) -> Self {
        x
    }
}

impl Number for f32 {
    const NAME: &'static str = "dense f32";

    #[inline(always)]
    fn wide(self) -> f64 {
        f64::from(self)
    }

    #[inline(always)]
    fn nearest(x: f64) -> Self {
        x as Self
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C, align(64))]
struct Block<T>([[T; LANES]; ROWS]);

/// The margins of one context, each unordered pair once.
#[derive(Clone, Debug, PartialEq)]
pub struct Panels<T> {
    n: usize,
    blocks: Vec<Block<T>>,
}

impl<T: Number> Panels<T> {
    /// `n` actions (at least 1) that all tie.
    ///
    /// # Panics
    /// If `n` is 0.
    #[must_use]
    pub fn ties(n: usize) -> Self {
        assert!(n > 0, "a context has an action");
        let blocks = vec![Block::default(); start(n, n.div_ceil(ROWS))];
        Self { n, blocks }
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

    /// The same margins as another kind of number, each the nearest there is.
    #[must_use]
    pub fn converted<U: Number>(&self) -> Panels<U> {
        let convert = |b: &Block<T>| Block(b.0.map(|row| row.map(|k| U::nearest(k.wide()))));
        Panels { n: self.n, blocks: self.blocks.iter().map(convert).collect() }
    }

    /// The block that holds `K_ij`, `i < j`.
    fn block_of(&self, i: usize, j: usize) -> usize {
        let panel = i / ROWS;
        start(self.n, panel) + j / LANES - panel / 2
    }

    /// Adds what `panels` contribute; `out` begins with block `first` of the columns.
    #[inline(always)]
    fn band(&self, panels: Range<usize>, p: &Padded<'_>, first: usize, out: &mut [Lanes], tail: &mut Lanes) {
        let whole = p.whole.len();
        for panel in panels {
            let column = panel / 2;
            let (begin, end) = (start(self.n, panel), start(self.n, panel + 1));
            let middle = begin + whole - column.min(whole);
            let rows = p.rows(panel);
            let mut sums = [[0.0; LANES]; ROWS];
            let from = column.min(whole);
            sweep(
                &self.blocks[begin..middle],
                &p.whole[from..],
                rows,
                &mut out[from - first..],
                &mut sums,
                |k| {
                    ask_for(&self.blocks, begin + k + AHEAD / size_of::<Block<T>>());
                },
            );
            let last = &self.blocks[middle..end];
            sweep(last, &[p.tail], rows, std::slice::from_mut(tail), &mut sums, |_| ());
            add_sums(panel, sums, if column < whole { &mut out[column - first] } else { &mut *tail });
        }
    }

    /// [`Panels::band`] for many vectors: tile by tile, each read from memory once. What one vector meets, in what
    /// order, is the same.
    #[inline(always)]
    fn band_of_many(&self, panels: Range<usize>, ps: &[Padded<'_>], parts: &mut [Part]) {
        let whole = ps[0].whole.len();
        let first = parts[0].first;
        let mut all_sums = vec![[[0.0; LANES]; ROWS]; TILE.1 * ps.len()];
        for group in panels.clone().step_by(TILE.1).map(|g| g..panels.end.min(g + TILE.1)) {
            all_sums.fill([[0.0; LANES]; ROWS]);
            let mut left = group.start / 2;
            while left < whole {
                let right = whole.min(left + TILE.0);
                let blocks = |panel: usize| {
                    let from = left.max(panel / 2).min(right);
                    let begin = start(self.n, panel) + from - panel / 2;
                    (from, begin..begin + right - from)
                };
                for (panel, sums) in group.clone().zip(all_sums.chunks_exact_mut(ps.len())) {
                    let (from, here) = blocks(panel);
                    let next = if panel + 1 < group.end { blocks(panel + 1).1 } else { here.end..here.end };
                    next.for_each(|at| ask_for(&self.blocks, at));
                    for ((p, part), sums) in ps.iter().zip(&mut *parts).zip(sums) {
                        let out = &mut part.whole[from - first..right - first];
                        let here = &self.blocks[here.clone()];
                        sweep(here, &p.whole[from..right], p.rows(panel), out, sums, |_| ());
                    }
                }
                left = right;
            }
            for (panel, sums) in group.zip(all_sums.chunks_exact_mut(ps.len())) {
                let column = panel / 2;
                let (begin, end) = (start(self.n, panel), start(self.n, panel + 1));
                let last = &self.blocks[begin + whole - column.min(whole)..end];
                for ((p, part), sums) in ps.iter().zip(&mut *parts).zip(sums) {
                    sweep(last, &[p.tail], p.rows(panel), std::slice::from_mut(&mut part.tail), sums, |_| ());
                    let row = if column < whole { &mut part.whole[column - first] } else { &mut part.tail };
                    add_sums(panel, *sums, row);
                }
            }
        }
    }

    /// Panels of about equal area each.
    fn bands(&self) -> Vec<Range<usize>> {
        let panels = self.n.div_ceil(ROWS);
        let area = self.blocks.len().div_ceil(BANDS);
        let (mut bands, mut first) = (Vec::new(), 0);
        for panel in 0..panels {
            if start(self.n, panel + 1) - start(self.n, first) >= area || panel + 1 == panels {
                bands.push(first..panel + 1);
                first = panel + 1;
            }
        }
        bands
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
        match i.cmp(&j) {
            std::cmp::Ordering::Less => self.blocks[self.block_of(i, j)].0[i % ROWS][j % LANES].wide(),
            std::cmp::Ordering::Equal => 0.0,
            std::cmp::Ordering::Greater => -self.margin(j, i),
        }
    }

    fn product(&self, p: &[f64], out: &mut [f64]) {
        let p = Padded::new(p);
        let parts: Vec<Part> = self
            .bands()
            .into_par_iter()
            .with_max_len(1)
            .map(|panels| {
                let mut part = Part::new(panels.start / 2, &p);
                dispatch(
                    #[inline(always)]
                    || self.band(panels, &p, part.first, &mut part.whole, &mut part.tail),
                );
                part
            })
            .collect();
        add_parts(parts.iter(), out);
    }

    fn products(&self, ps: &[&[f64]], outs: &mut [&mut [f64]]) {
        if ps.len() < 2 {
            ps.iter().zip(outs).for_each(|(p, out)| self.product(p, out));
            return;
        }
        let ps: Vec<Padded<'_>> = ps.iter().map(|p| Padded::new(p)).collect();
        let parts: Vec<Vec<Part>> = self
            .bands()
            .into_par_iter()
            .with_max_len(1)
            .map(|panels| {
                let mut parts: Vec<Part> = ps.iter().map(|p| Part::new(panels.start / 2, p)).collect();
                dispatch(
                    #[inline(always)]
                    || self.band_of_many(panels, &ps, &mut parts),
                );
                parts
            })
            .collect();
        for (k, out) in outs.iter_mut().enumerate() {
            add_parts(parts.iter().map(|band| &band[k]), out);
        }
    }

    fn bytes(&self) -> u64 {
        size_of_val(&self.blocks[..]) as u64
    }

    fn cost(&self) -> ProductCost {
        let n = self.n as u64;
        ProductCost { bytes: self.bytes(), operations: 2 * n * (n - 1) }
    }
}

/// The block at which a panel begins: panels 2 c and 2 c + 1 begin with block c of the columns.
fn start(n: usize, panel: usize) -> usize {
    panel * n.div_ceil(LANES) - (panel / 2) * (panel.saturating_sub(1) / 2)
}

/// A vector as blocks, the last one filled up with zeros.
struct Padded<'a> {
    whole: &'a [Lanes],
    tail: Lanes,
}

impl<'a> Padded<'a> {
    fn new(p: &'a [f64]) -> Self {
        let (whole, rest) = p.as_chunks();
        let mut tail = [0.0; LANES];
        tail[..rest.len()].copy_from_slice(rest);
        Self { whole, tail }
    }

    /// The entries of the rows of `panel`.
    #[inline(always)]
    fn rows(&self, panel: usize) -> [f64; ROWS] {
        let block = self.whole.get(panel / 2).unwrap_or(&self.tail);
        if panel.is_multiple_of(2) {
            [block[0], block[1], block[2], block[3]]
        } else {
            [block[4], block[5], block[6], block[7]]
        }
    }
}

/// What a band adds to its own actions and all later ones.
struct Part {
    /// The block of columns with which it begins.
    first: usize,
    whole: Vec<Lanes>,
    tail: Lanes,
}

impl Part {
    fn new(first: usize, p: &Padded<'_>) -> Self {
        let whole = p.whole.len().saturating_sub(first);
        Self { first, whole: vec![[0.0; LANES]; whole], tail: [0.0; LANES] }
    }
}

/// `out` = the sum of `parts`, in their order for every entry.
fn add_parts<'a>(parts: impl Iterator<Item = &'a Part>, out: &mut [f64]) {
    const CHUNK: usize = 256;
    let parts: Vec<&Part> = parts.collect();
    out.par_chunks_mut(CHUNK * LANES).enumerate().for_each(|(c, out)| {
        let (whole, rest) = out.as_chunks_mut::<LANES>();
        whole.fill([0.0; LANES]);
        rest.fill(0.0);
        for part in &parts {
            let from = part.first.max(CHUNK * c) - CHUNK * c;
            let there = part.whole.get((CHUNK * c + from).saturating_sub(part.first)..).unwrap_or(&[]);
            for (out, v) in whole.iter_mut().skip(from).zip(there) {
                out.iter_mut().zip(v).for_each(|(o, v)| *o += v);
            }
            // only the last chunk has a rest
            rest.iter_mut().zip(part.tail).for_each(|(o, v)| *o += v);
        }
    });
}

/// `sums_r += block_r * x` lane by lane, and `out -= sum_r rows_r block_r`, over equally many blocks of each.
#[inline(always)]
fn sweep<T: Number>(
    blocks: &[Block<T>],
    x: &[Lanes],
    rows: [f64; ROWS],
    out: &mut [Lanes],
    sums: &mut [Lanes; ROWS],
    ahead: impl Fn(usize),
) {
    let [mut a, mut b, mut c, mut d] = *sums;
    for (k, ((block, x), out)) in blocks.iter().zip(x).zip(out).enumerate() {
        ahead(k);
        let [ka, kb, kc, kd] = block.0.map(|row| row.map(T::wide));
        for l in 0..LANES {
            a[l] += ka[l] * x[l];
            b[l] += kb[l] * x[l];
            c[l] += kc[l] * x[l];
            d[l] += kd[l] * x[l];
            out[l] -= (ka[l] * rows[0] + kb[l] * rows[1]) + (kc[l] * rows[2] + kd[l] * rows[3]);
        }
    }
    *sums = [a, b, c, d];
}

/// Adds the dot products of a panel to its rows, which lie in `block`.
#[inline(always)]
fn add_sums(panel: usize, sums: [Lanes; ROWS], block: &mut Lanes) {
    let half = panel % 2 * ROWS;
    for (out, l) in block[half..half + ROWS].iter_mut().zip(sums) {
        *out += ((l[0] + l[4]) + (l[1] + l[5])) + ((l[2] + l[6]) + (l[3] + l[7]));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{double_loop, number};
    use super::*;
    use proptest::prelude::*;

    fn random<T: Number>(n: usize, seed: u64) -> (Panels<T>, Vec<f64>) {
        let mut panels = Panels::ties(n);
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

    proptest! {
        #[test]
        fn products_equal_the_double_loop(n in 1usize..140, seed in any::<u64>()) {
            check::<f64>(n, seed, 1e-13);
            check::<f32>(n, seed, 1e-13);
        }

        #[test]
        fn every_pair_has_a_place_of_its_own(n in 1usize..60) {
            let mut panels = Panels::<f64>::ties(n);
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
    fn bands_cover_every_panel_once() {
        for n in [1, 2, 33, 1024, 5000] {
            let panels = Panels::<f32>::ties(n);
            let bands = panels.bands();
            assert_eq!((bands[0].start, bands[bands.len() - 1].end), (0, n.div_ceil(ROWS)));
            assert!(bands.windows(2).all(|w| w[0].end == w[1].start) && bands.len() <= BANDS);
            assert_eq!(start(n, n.div_ceil(ROWS)), panels.blocks.len());
        }
    }

    #[test]
    #[should_panic(expected = "K[1, 0]")]
    fn only_the_upper_triangle_is_set() {
        Panels::<f64>::ties(3).set(1, 0, 0.1);
    }
}
