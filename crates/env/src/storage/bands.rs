//! A triangle of panels shared out: bands of about equal area that run in parallel, each into a vector of its own.
//!
//! A panel is four rows from the block of columns that holds the diagonal on; see `panels.rs` for what is in one. Where the
//! cuts fall depends on `n` only, and the bands' vectors are added in the order of the bands, so no bit depends on the
//! threads.

use std::cell::RefCell;
use std::ops::Range;

use rayon::prelude::*;

use equipoise_core::cpu::alloc_huge_pages;
use equipoise_core::lanes::{CacheLine, LANES, fold};

/// Rows of a panel, whose blocks have [`LANES`] columns.
pub(super) const ROWS: usize = 4;
/// Bands of a triangle.
const BANDS: usize = 16;
/// Panels of about equal area each, for `n` actions.
pub(super) fn bands(n: usize) -> Vec<Range<usize>> {
    let panels = n.div_ceil(ROWS);
    let area = start(n, panels).div_ceil(BANDS);
    let (mut bands, mut first) = (Vec::new(), 0);
    for panel in 0..panels {
        if start(n, panel + 1) - start(n, first) >= area || panel + 1 == panels {
            bands.push(first..panel + 1);
            first = panel + 1;
        }
    }
    bands
}

/// The block at which a panel begins: panels 2 c and 2 c + 1 begin with block c of the columns.
pub(super) fn start(n: usize, panel: usize) -> usize {
    panel * n.div_ceil(LANES) - (panel / 2) * (panel.saturating_sub(1) / 2)
}

/// The partial sums of a dot product.
pub(super) type Lanes = [f64; LANES];

/// Blocks of a vector that lie behind each other, before those of the next vector.
pub(super) const TILE: usize = 32;

/// [`TILE`] blocks of a vector.
pub(super) type Tile = [CacheLine; TILE];

/// Vectors as blocks, the last one filled up with zeros: tile after tile, and in every tile vector after vector. What a pass
/// over a tile of the matrix takes is one stream then; a vector alone is one as well.
pub(super) struct Vectors<'a> {
    pub(super) many: usize,
    tiles: &'a [Tile],
}

impl Vectors<'_> {
    /// A tile of every vector.
    #[inline(always)]
    pub(super) fn tile(&self, tile: usize) -> &[Tile] {
        &self.tiles[tile * self.many..][..self.many]
    }

    /// The only vector, from a block of columns on.
    #[inline(always)]
    pub(super) fn only(&self, column: usize) -> &[CacheLine] {
        &self.tiles.as_flattened()[column..]
    }

    /// The entries of the `k`-th vector for the rows of `panel`.
    #[inline(always)]
    pub(super) fn rows(&self, k: usize, panel: usize) -> [f64; ROWS] {
        let column = panel / 2;
        let block = self.tiles[column / TILE * self.many + k][column % TILE].0;
        if panel.is_multiple_of(2) {
            [block[0], block[1], block[2], block[3]]
        } else {
            [block[4], block[5], block[6], block[7]]
        }
    }
}

/// What a band adds to its own actions and all later ones, for every vector; laid out as they are.
pub(super) struct Parts<'a> {
    /// The tile with which it begins.
    first: usize,
    many: usize,
    tiles: &'a mut [Tile],
}

impl Parts<'_> {
    /// A tile for every vector.
    #[inline(always)]
    pub(super) fn tile(&mut self, tile: usize) -> &mut [Tile] {
        &mut self.tiles[(tile - self.first) * self.many..][..self.many]
    }

    /// For the only vector, from a block of columns on.
    #[inline(always)]
    pub(super) fn only(&mut self, column: usize) -> &mut [CacheLine] {
        &mut self.tiles.as_flattened_mut()[column - self.first * TILE..]
    }
}

thread_local! {
    /// The vectors and parts of the last product begun on this thread: pages that are new for every product cost a
    /// twentieth of it.
    static SCRATCH: RefCell<Vec<Tile>> = const { RefCell::new(Vec::new()) };
}

/// Adds the dot products of a panel to its rows, which lie in `block`.
#[inline(always)]
pub(super) fn add_sums(panel: usize, sums: [Lanes; ROWS], block: &mut CacheLine) {
    let half = panel % 2 * ROWS;
    for (out, l) in block.0[half..half + ROWS].iter_mut().zip(sums) {
        *out += fold(l);
    }
}

/// `outs` = the sums of what `work` leaves in the parts of all bands. Bands run in parallel; parts are zero at first, and
/// are added in the order of the bands.
pub(super) fn in_parts(
    n: usize,
    ps: &[&[f64]],
    outs: &mut [&mut [f64]],
    work: impl Fn(Range<usize>, &Vectors<'_>, &mut Parts<'_>) + Sync,
) {
    if ps.is_empty() {
        return;
    }
    let (many, bands) = (ps.len(), bands(n));
    let tiles_from = |first: usize| (n.div_ceil(LANES * TILE) - first) * many;
    let first_tile = |panels: &Range<usize>| panels.start / 2 / TILE;
    // taken, not borrowed: while this thread waits it may begin another product
    let mut scratch = SCRATCH.take();
    let total = tiles_from(0) + bands.iter().map(|panels| tiles_from(first_tile(panels))).sum::<usize>();
    if scratch.len() < total {
        scratch = alloc_huge_pages(total);
    }
    let (tiles, mut rest) = scratch.split_at_mut(tiles_from(0));
    for (at, tile) in tiles.iter_mut().enumerate() {
        let (blocks, last) = ps[at % many][at / many * TILE * LANES..].as_chunks();
        tile.iter_mut().zip(blocks).for_each(|(line, block)| line.0 = *block);
        if let Some(line) = tile.get_mut(blocks.len()) {
            line.0 = [0.0; LANES];
            line.0[..last.len()].copy_from_slice(last);
        }
    }
    let ps = Vectors { many, tiles };
    let mut parts: Vec<(Range<usize>, Parts<'_>)> = Vec::with_capacity(bands.len());
    for panels in bands {
        let first = first_tile(&panels);
        let (tiles, after) = std::mem::take(&mut rest).split_at_mut(tiles_from(first));
        rest = after;
        parts.push((panels, Parts { first, many, tiles }));
    }
    parts.par_iter_mut().with_max_len(1).for_each(|(panels, parts)| {
        // no more than there are blocks: it is written and read for every band
        for (at, tile) in parts.tiles.iter_mut().enumerate() {
            let left = n.div_ceil(LANES) - (parts.first + at / many) * TILE;
            tile[..left.min(TILE)].fill(CacheLine([0.0; LANES]));
        }
        work(panels.clone(), &ps, parts);
    });
    outs.par_iter_mut().enumerate().for_each(|(k, out)| add_parts(&parts, k, out));
    SCRATCH.set(scratch);
}

/// `out` = the sum of the `k`-th of `parts`, in their order for every entry.
fn add_parts(parts: &[(Range<usize>, Parts<'_>)], k: usize, out: &mut [f64]) {
    /// Tiles that are worth a thread.
    const CHUNK: usize = 8;
    out.par_chunks_mut(CHUNK * TILE * LANES).enumerate().for_each(|(c, out)| {
        for (tile, out) in out.chunks_mut(TILE * LANES).enumerate() {
            let tile = c * CHUNK + tile;
            let mut sums = [CacheLine([0.0; LANES]); TILE];
            let sums = &mut sums[..out.len().div_ceil(LANES)];
            for (_, part) in parts.iter().take_while(|(_, part)| part.first <= tile) {
                for (sum, line) in sums.iter_mut().zip(&part.tiles[(tile - part.first) * part.many + k]) {
                    for l in 0..LANES {
                        sum.0[l] += line.0[l];
                    }
                }
            }
            for (out, sum) in out.chunks_mut(LANES).zip(sums) {
                out.copy_from_slice(&sum.0[..out.len()]);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_cover_every_panel_once() {
        for n in [1, 2, 33, 1024, 5000] {
            let bands = bands(n);
            assert_eq!((bands[0].start, bands[bands.len() - 1].end), (0, n.div_ceil(ROWS)));
            assert!(bands.windows(2).all(|w| w[0].end == w[1].start) && bands.len() <= BANDS);
            assert_eq!(
                bands.iter().map(|b| start(n, b.end) - start(n, b.start)).sum::<usize>(),
                start(n, n.div_ceil(ROWS))
            );
        }
    }
}
