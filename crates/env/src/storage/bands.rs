//! A triangle of panels shared out: bands of about equal area that run in parallel, each into a vector of its own.
//!
//! A panel is four rows from the block of columns that holds the diagonal on; see `panels.rs` for what is in one. Where the
//! cuts fall depends on `n` only, and the bands' vectors are added in the order of the bands, so no bit depends on the
//! threads.

use std::cell::RefCell;
use std::ops::Range;

use rayon::prelude::*;

use equipoise_core::lanes::{CacheLine, LANES};

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

/// A vector as blocks, the last one filled up with zeros.
pub(super) struct Padded<'a> {
    pub(super) whole: &'a [CacheLine],
    pub(super) tail: CacheLine,
}

impl Padded<'_> {
    /// The entries of the rows of `panel`.
    #[inline(always)]
    pub(super) fn rows(&self, panel: usize) -> [f64; ROWS] {
        let block = self.whole.get(panel / 2).unwrap_or(&self.tail).0;
        if panel.is_multiple_of(2) {
            [block[0], block[1], block[2], block[3]]
        } else {
            [block[4], block[5], block[6], block[7]]
        }
    }
}

/// What a band adds to its own actions and all later ones.
pub(super) struct Part<'a> {
    /// The block of columns with which it begins.
    pub(super) first: usize,
    /// The whole blocks, and the one that is filled up.
    lines: &'a mut [CacheLine],
}

impl Part<'_> {
    /// The whole blocks, and the one that is filled up.
    #[inline(always)]
    pub(super) fn split(&mut self) -> (&mut [CacheLine], &mut CacheLine) {
        let (tail, whole) = self.lines.split_last_mut().expect("a part has a last block");
        (whole, tail)
    }
}

thread_local! {
    /// The vectors and parts of the last product begun on this thread: pages that are new for every product cost a
    /// twentieth of it.
    static SCRATCH: RefCell<Vec<CacheLine>> = const { RefCell::new(Vec::new()) };
}

/// `outs` = the sums of what `work` leaves in the parts of all bands, a part an out. Bands run in parallel; parts are zero
/// at first, and are added in the order of the bands.
pub(super) fn in_parts(
    n: usize,
    ps: &[&[f64]],
    outs: &mut [&mut [f64]],
    work: impl Fn(Range<usize>, &[Padded<'_>], &mut [Part<'_>]) + Sync,
) {
    let bands = bands(n);
    let length = |panels: &Range<usize>| n / LANES - panels.start / 2 + 1;
    let whole = n / LANES;
    // taken, not borrowed: while this thread waits it may begin another product
    let mut scratch = SCRATCH.take();
    let total = ps.len() * whole + outs.len() * bands.iter().map(length).sum::<usize>();
    scratch.resize(scratch.len().max(total), CacheLine([0.0; LANES]));
    let mut rest = &mut scratch[..];
    let mut take = |count| {
        let (lines, after) = std::mem::take(&mut rest).split_at_mut(count);
        rest = after;
        lines
    };
    let padded = |p: &&[f64]| {
        let (blocks, last) = p.as_chunks();
        let lines = take(whole);
        lines.iter_mut().zip(blocks).for_each(|(line, block)| line.0 = *block);
        let mut tail = CacheLine([0.0; LANES]);
        tail.0[..last.len()].copy_from_slice(last);
        Padded { whole: lines, tail }
    };
    let ps: Vec<Padded<'_>> = ps.iter().map(padded).collect();
    let mut parts: Vec<(Range<usize>, Vec<Part<'_>>)> = Vec::with_capacity(bands.len());
    for panels in bands {
        let part = |_| Part { first: panels.start / 2, lines: take(length(&panels)) };
        let own = (0..outs.len()).map(part).collect();
        parts.push((panels, own));
    }
    parts.par_iter_mut().with_max_len(1).for_each(|(panels, parts)| {
        parts.iter_mut().for_each(|part| part.lines.fill(CacheLine([0.0; LANES])));
        work(panels.clone(), &ps, parts);
    });
    outs.par_iter_mut().enumerate().for_each(|(k, out)| {
        let parts: Vec<&Part<'_>> = parts.iter().map(|(_, parts)| &parts[k]).collect();
        add_parts(&parts, out);
    });
    SCRATCH.set(scratch);
}

/// `out` = the sum of `parts`, in their order for every entry.
fn add_parts(parts: &[&Part<'_>], out: &mut [f64]) {
    const CHUNK: usize = 256;
    out.par_chunks_mut(CHUNK * LANES).enumerate().for_each(|(c, out)| {
        let (whole, rest) = out.as_chunks_mut::<LANES>();
        whole.fill([0.0; LANES]);
        rest.fill(0.0);
        for part in parts {
            let (tail, lines) = part.lines.split_last().expect("a part has a last block");
            let from = part.first.max(CHUNK * c) - CHUNK * c;
            let there = lines.get((CHUNK * c + from) - part.first..).unwrap_or(&[]);
            for (out, v) in whole.iter_mut().skip(from).zip(there) {
                out.iter_mut().zip(v.0).for_each(|(o, v)| *o += v);
            }
            // only the last chunk has a rest
            rest.iter_mut().zip(tail.0).for_each(|(o, v)| *o += v);
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
