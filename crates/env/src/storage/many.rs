//! Panels times many vectors in one pass: see `panels.rs` for what is in a panel, and in what order a product adds up.
//!
//! ```text
//! for 16 panels                        64 KiB of dot products for 16 vectors, in the second-level cache
//!   for every tile of 32 blocks        64 KiB of vectors and of what is added to them, in the second-level cache
//!     for every two panels             16 KiB of the matrix in f64, half a first-level cache of 32 KiB
//!       for every vector               4 KiB, and 512 fused operations of eight lanes
//! ```
//!
//! Fused operations are what limits, two for eight numbers of the matrix; so everything else has to go on beside them. The
//! vectors of a tile lie one behind the other: they are read as one stream. The next tile of the matrix is asked for into
//! the second-level cache, as the first has no space for another. f32 is made f64 once for all vectors.

use std::array;
use std::ops::Range;

use equipoise_core::cpu::prefetch_second;
use equipoise_core::lanes::{CacheLine, LANES};
use pulp::{Simd, WithSimd};

use super::bands::{Lanes, Parts, ROWS, TILE, Vectors, add_sums, start};
use super::number::{Block, Number};

/// Pairs of panels for which a tile of the vectors is kept at hand.
const GROUP: usize = 8;
/// Blocks between two branches: a processor foretells the end of a loop of eight, not of 32.
const UNROLLED: usize = 4;

/// Two panels of the same columns for one vector: minus its entries of their rows, and the dot products of these.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Pair {
    minus: [[f64; ROWS]; 2],
    sums: [[Lanes; ROWS]; 2],
}

/// Adds what `panels` of a game of `n` actions contribute for more than one vector. Of the matrix, there are blocks from a
/// number on, these panels among them.
pub(super) struct Many<'a, 'b, T> {
    pub(super) matrix: (usize, &'a [Block<T>], usize),
    pub(super) panels: Range<usize>,
    pub(super) ps: &'a Vectors<'a>,
    pub(super) parts: &'a mut Parts<'b>,
}

impl<T: Number> WithSimd for Many<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { matrix: (n, blocks, base), panels, ps, parts } = self;
        let (width, many) = (n.div_ceil(LANES), ps.many);
        let share = TILE.div_ceil(many);
        let end_of = |tile: usize| width.min((tile + 1) * TILE);
        // the two panels that begin with a column, in a tile: none of a panel that is not among these
        let in_tile = |column: usize, tile: usize| {
            [2 * column, 2 * column + 1].map(
                #[inline(always)]
                |panel| {
                    if !panels.contains(&panel) || tile * TILE >= width {
                        return &[][..];
                    }
                    let begin = start(n, panel) - base - column;
                    &blocks[begin + column.max(tile * TILE)..begin + end_of(tile)]
                },
            )
        };
        let mut space = [[Block([[0.0; LANES]; ROWS]); TILE]; 2];
        let mut pairs = Vec::with_capacity(GROUP * many);
        let columns = panels.start / 2..panels.end.div_ceil(2);
        for first in columns.clone().step_by(GROUP) {
            let end = columns.end.min(first + GROUP);
            pairs.clear();
            for column in first..end {
                for k in 0..many {
                    let mut pair = Pair { minus: [[0.0; ROWS]; 2], sums: [[[0.0; LANES]; ROWS]; 2] };
                    for q in 0..2 {
                        let rows = ps.rows(k, 2 * column + q);
                        for r in 0..ROWS {
                            pair.minus[q][r] = -rows[r];
                        }
                    }
                    pairs.push(pair);
                }
            }
            for tile in first / TILE..width.div_ceil(TILE) {
                let last = end.min(end_of(tile));
                for column in first..last {
                    let ahead =
                        if column + 1 < last { in_tile(column + 1, tile) } else { in_tile(first, tile + 1) };
                    let pair = in_tile(column, tile);
                    let [upper, lower] = &mut space;
                    let pair = [T::widened(pair[0], upper), T::widened(pair[1], lower)];
                    let there = column.max(tile * TILE) % TILE..end_of(tile) - tile * TILE;
                    let of_pair = &mut pairs[(column - first) * many..][..many];
                    let vectors = ps.tile(tile).iter().zip(parts.tile(tile)).zip(of_pair);
                    for (k, ((x, out), Pair { minus, sums })) in vectors.enumerate() {
                        // its share of what comes next
                        for at in k * share..(k + 1) * share {
                            ahead.iter().for_each(|blocks| prefetch_second(blocks, at));
                        }
                        let (x, out) = (&x[there.clone()], &mut out[there.clone()]);
                        if S::F64_LANES == LANES && pair[0].len() == pair[1].len() {
                            sweep(simd, pair, x, minus, out, sums);
                            continue;
                        }
                        for q in 0..2 {
                            if !pair[q].is_empty() {
                                let (minus, sums) =
                                    (array::from_ref(&minus[q]), array::from_mut(&mut sums[q]));
                                sweep(simd, [pair[q]], x, minus, out, sums);
                            }
                        }
                    }
                }
            }
            for (column, pairs) in (first..end).zip(pairs.chunks_exact(many)) {
                for (out, pair) in parts.tile(column / TILE).iter_mut().zip(pairs) {
                    let out = &mut out[column % TILE];
                    for (q, sums) in pair.sums.iter().enumerate() {
                        if panels.contains(&(2 * column + q)) {
                            add_sums(2 * column + q, *sums, out);
                        }
                    }
                }
            }
        }
    }
}

/// `sums_r += block_r * x` lane by lane, and `out += sum_r minus_r block_r`, row after row, over equally many blocks of each.
///
/// The sums of all P panels stay in registers: of one they are eight of four lanes, of 16 that there are; of two, eight of
/// eight lanes, of 32.
#[expect(clippy::manual_memcpy, reason = "a copied slice of vectors goes through memory, a vector does not")]
#[inline(always)]
fn sweep<S: Simd, const P: usize>(
    simd: S,
    panels: [&[Block<f64>]; P],
    x: &[CacheLine],
    minus: &[[f64; ROWS]; P],
    out: &mut [CacheLine],
    sums: &mut [[Lanes; ROWS]; P],
) {
    let zero = simd.splat_f64s(0.0);
    let mut state = [State { minus: [zero; ROWS], sums: [[zero; LANES]; ROWS] }; P];
    for q in 0..P {
        for r in 0..ROWS {
            state[q].minus[r] = simd.splat_f64s(minus[q][r]);
            let (kept, _) = S::as_simd_f64s(&sums[q][r]);
            for v in 0..LANES / S::F64_LANES {
                state[q].sums[r][v] = kept[v];
            }
        }
    }
    let count = out.len();
    let (mut many, mut few) = ([&[][..]; P], [&[][..]; P]);
    for q in 0..P {
        (many[q], few[q]) = panels[q][..count].as_chunks::<UNROLLED>();
    }
    let (xs, x) = x[..count].as_chunks::<UNROLLED>();
    let (outs, out) = out.as_chunks_mut::<UNROLLED>();
    for k in 0..outs.len() {
        for u in 0..UNROLLED {
            let mut blocks = [&many[0][k][u]; P];
            for q in 0..P {
                blocks[q] = &many[q][k][u];
            }
            add_block(simd, blocks, &xs[k][u], &mut outs[k][u], &mut state);
        }
    }
    for k in 0..out.len() {
        let mut blocks = [&few[0][k]; P];
        for q in 0..P {
            blocks[q] = &few[q][k];
        }
        add_block(simd, blocks, &x[k], &mut out[k], &mut state);
    }
    for q in 0..P {
        for r in 0..ROWS {
            let (kept, _) = S::as_mut_simd_f64s(&mut sums[q][r]);
            for v in 0..LANES / S::F64_LANES {
                kept[v] = state[q].sums[r][v];
            }
        }
    }
}

/// What of a panel and a vector is in registers.
#[derive(Clone, Copy)]
struct State<S: Simd> {
    minus: [S::f64s; ROWS],
    sums: [[S::f64s; LANES]; ROWS],
}

/// Eight columns of [`sweep`], vector by vector.
#[inline(always)]
fn add_block<S: Simd, const P: usize>(
    simd: S,
    blocks: [&Block<f64>; P],
    x: &CacheLine,
    out: &mut CacheLine,
    state: &mut [State<S>; P],
) {
    let (x, _) = S::as_simd_f64s(&x.0);
    let (out, _) = S::as_mut_simd_f64s(&mut out.0);
    for v in 0..LANES / S::F64_LANES {
        let (x, mut new) = (x[v], out[v]);
        for q in 0..P {
            for r in 0..ROWS {
                let k = S::as_simd_f64s(&blocks[q].0[r]).0[v];
                state[q].sums[r][v] = simd.mul_add_f64s(k, x, state[q].sums[r][v]);
                new = simd.mul_add_f64s(k, state[q].minus[r], new);
            }
        }
        out[v] = new;
    }
}

#[cfg(test)]
mod tests {
    use super::super::bands::in_parts;
    use super::super::{Panels, Storage, tests::number};
    use super::*;
    use equipoise_core::vector::run;
    use pulp::Scalar;

    #[test]
    fn vectors_of_every_width_give_the_same_bits() {
        let n = 301;
        let mut game = Panels::<f32>::zeros(n);
        (0..n).for_each(|i| (i + 1..n).for_each(|j| game.set(i, j, number(1, (i * n + j) as u64))));
        let ps: Vec<Vec<f64>> = (0..3).map(|c| (0..n as u64).map(|k| number(2 + c, k)).collect()).collect();
        let ps: Vec<&[f64]> = ps.iter().map(Vec::as_slice).collect();
        let product = |pass: &(dyn Fn(Many<'_, '_, f32>) + Sync)| -> Vec<u64> {
            let mut outs = vec![vec![f64::NAN; n]; ps.len()];
            in_parts(
                n,
                &ps,
                &mut outs.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>(),
                |panels, ps, parts| {
                    pass(Many { matrix: (n, game.blocks(), 0), panels, ps, parts });
                },
            );
            outs.into_iter().flatten().map(f64::to_bits).collect()
        };
        let mut alone = vec![vec![f64::NAN; n]; ps.len()];
        ps.iter().zip(&mut alone).for_each(|(p, out)| game.product(p, out));
        let alone: Vec<u64> = alone.into_iter().flatten().map(f64::to_bits).collect();
        assert_eq!(product(&|pass| run(pass)), alone);
        assert_eq!(product(&|pass| Scalar.vectorize(pass)), alone);
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = pulp::x86::V3::try_new() {
            assert_eq!(product(&|pass| Simd::vectorize(simd, pass)), alone);
        }
    }
}
