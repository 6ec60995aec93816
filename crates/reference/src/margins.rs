//! Margins unpacked and scaled, as the dense algorithms read them.

use equipoise_core::vector::dispatch;
use equipoise_env::PreferenceMatrix;
use rayon::prelude::*;

/// Actions from which a product is shared out: below, it takes a tenth of a millisecond.
const LARGE: usize = 1024;
/// Rows that a task multiplies.
const ROWS: usize = 64;
/// Side of the tiles in which a matrix is mirrored.
const TILE: usize = 32;

/// `K / scale`, row-major. The scale is a power of two, so that nothing is rounded.
pub(crate) struct Margins {
    n: usize,
    scale: f64,
    cells: Vec<f64>,
}

impl Margins {
    /// Unpacks `matrix`, scaled so that its largest margin lies in `[1/2, 1)`; `scale = 1` if all actions tie.
    pub(crate) fn scaled(matrix: &PreferenceMatrix) -> Self {
        const EXPONENT: u64 = 0x7FF0_0000_0000_0000;
        let power = f64::from_bits(largest_margin(matrix).to_bits() & EXPONENT);
        Self::unpack(matrix, if power > 0.0 { 2.0 * power } else { 1.0 })
    }

    /// Unpacks `matrix` with a scale, a power of two.
    pub(crate) fn with_scale(matrix: &PreferenceMatrix, scale: f64) -> Self {
        Self::unpack(matrix, scale)
    }

    /// Unpacks `matrix` as it is.
    pub(crate) fn plain(matrix: &PreferenceMatrix) -> Self {
        Self::unpack(matrix, 1.0)
    }

    fn unpack(matrix: &PreferenceMatrix, scale: f64) -> Self {
        let n = matrix.n();
        let mut cells = vec![0.0; n * n];
        let per_scale = 1.0 / scale;
        for i in 0..n {
            let above = &mut cells[i * n + i + 1..(i + 1) * n];
            above.iter_mut().zip(matrix.upper_row(i)).for_each(|(cell, margin)| *cell = margin * per_scale);
        }
        // the lower half tile by tile: a whole column of a large matrix passes through no cache
        for top in (0..n).step_by(TILE) {
            for left in (0..=top).step_by(TILE) {
                for i in top..n.min(top + TILE) {
                    for j in left..i.min(left + TILE) {
                        cells[i * n + j] = -cells[j * n + i];
                    }
                }
            }
        }
        Self { n, scale, cells }
    }

    /// The game between some of the actions, with the same scale.
    pub(crate) fn restricted(&self, actions: &[usize]) -> Self {
        let cells = actions.iter().flat_map(|&i| {
            let row = self.row(i);
            actions.iter().map(move |&j| row[j])
        });
        Self { n: actions.len(), scale: self.scale, cells: cells.collect() }
    }

    /// Number of actions.
    pub(crate) fn n(&self) -> usize {
        self.n
    }

    /// What the margins were divided by.
    pub(crate) fn scale(&self) -> f64 {
        self.scale
    }

    /// Largest margin after scaling.
    pub(crate) fn largest(&self) -> f64 {
        self.cells.iter().fold(0.0, |m: f64, k| m.max(k.abs()))
    }

    /// Row `i`, `[n]`.
    pub(crate) fn row(&self, i: usize) -> &[f64] {
        &self.cells[i * self.n..(i + 1) * self.n]
    }

    /// `K x / scale`, `[n]`; of a large game on all threads.
    pub(crate) fn product(&self, x: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; self.n];
        let part = |out: &mut [f64], cells: &[f64]| {
            dispatch(
                #[inline(always)]
                || {
                    for (out, row) in out.iter_mut().zip(cells.chunks_exact(self.n)) {
                        *out = dot(row, x);
                    }
                },
            );
        };
        if self.n < LARGE {
            part(&mut out, &self.cells);
        } else {
            out.par_chunks_mut(ROWS)
                .zip(self.cells.par_chunks(ROWS * self.n))
                .for_each(|(out, cells)| part(out, cells));
        }
        out
    }

    /// Entry `(i, j)`.
    pub(crate) fn at(&self, i: usize, j: usize) -> f64 {
        self.cells[i * self.n + j]
    }
}

/// Partial sums of a dot product: independent additions, in an order that no instruction set changes.
const LANES: usize = 32;

#[inline(always)]
fn dot(row: &[f64], x: &[f64]) -> f64 {
    let mut sums = [0.0; LANES];
    let (blocks, x_blocks) = (row.chunks_exact(LANES), x.chunks_exact(LANES));
    let rest: f64 = blocks.remainder().iter().zip(x_blocks.remainder()).map(|(k, x)| k * x).sum();
    for (k, x) in blocks.zip(x_blocks) {
        for l in 0..LANES {
            sums[l] = k[l].mul_add(x[l], sums[l]);
        }
    }
    sums.iter().sum::<f64>() + rest
}

/// `max |K_ij|`, 0 if all actions tie.
pub(crate) fn largest_margin(matrix: &PreferenceMatrix) -> f64 {
    matrix.pair_margins().fold(0.0, |m: f64, k| m.max(k.abs()))
}
