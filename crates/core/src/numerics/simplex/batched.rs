//! Short rows in batches, stage by stage: work on the other rows hides the latency of one row's maximum and sum. Of 9 to 16 entries the first eight are taken and the last eight, which overlap, so that nothing is copied; the
//! sums are those of a row alone, to the bit.

use pulp::{Simd, WithSimd};

use super::logits::Logits;
use crate::numerics::lanes::{F64x8, LANES};
use crate::numerics::vector::{exp_of, ln_of};

/// Most entries of a row that is taken in registers or together with others.
pub(super) const SHORT: usize = 2 * LANES;

/// Most rows of a batch; the logarithms and quotients of eight sums are one vector.
pub(super) const BATCH: usize = 2 * LANES;

/// A sum for each of them, eight a vector.
pub(super) type Sums = [[f64; LANES]; BATCH / LANES];

/// Sums of no rows: any that have a logarithm.
pub(super) const NO_SUMS: Sums = [[1.0; LANES]; BATCH / LANES];

/// How many rows from the first on make a batch: those that are short.
#[inline(always)]
pub(super) fn short_rows(offsets: &[usize]) -> usize {
    offsets.windows(2).take(BATCH).take_while(|w| w[1] - w[0] <= SHORT).count()
}

/// [`LogSoftmax`] of up to [`BATCH`] short rows; gives their sums. Until these are known, shifted logits and exponentials
/// stand where the results will.
pub(super) struct ShortRows<'a, L> {
    pub(super) offsets: &'a [usize],
    pub(super) logits: &'a L,
    pub(super) log_probs: &'a mut [f64],
    pub(super) probs: &'a mut [f64],
}

impl<L: Logits> WithSimd for ShortRows<'_, L> {
    type Output = Sums;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Sums {
        let Self { offsets, logits, log_probs, probs } = self;
        let mut tops = [0.0; BATCH];
        for ((start, top), log_probs) in offsets.iter().zip(&mut tops).zip(rows_of(offsets, log_probs)) {
            *top = if log_probs.len() <= LANES {
                store_logits::<S, L, 1>(simd, logits, *start, log_probs)
            } else {
                store_logits::<S, L, 2>(simd, logits, *start, log_probs)
            };
        }
        for ((top, log_probs), probs) in
            tops.iter().zip(rows_of(offsets, log_probs)).zip(rows_of(offsets, probs))
        {
            if probs.len() <= LANES {
                store_exponentials::<S, 1>(simd, *top, log_probs, probs);
            } else {
                store_exponentials::<S, 2>(simd, *top, log_probs, probs);
            }
        }
        let (mut sums, mut rest) = (NO_SUMS, &*probs);
        for (w, sum) in offsets.windows(2).zip(sums.as_flattened_mut()) {
            let n = w[1] - w[0];
            *sum = short_sum(simd, rest, n);
            rest = &rest[n..];
        }
        let (log_sums, scales) = logarithms_and_quotients(simd, &sums);
        let rows = rows_of(offsets, log_probs).zip(rows_of(offsets, probs));
        let factors = log_sums.as_flattened().iter().zip(scales.as_flattened());
        for ((log_sum, scale), (log_probs, probs)) in factors.zip(rows) {
            let (log_sum, scale) = (F64x8::splat(simd, *log_sum), F64x8::splat(simd, *scale));
            if probs.len() <= LANES {
                normalise::<S, 1>(simd, log_probs, probs, log_sum, scale);
            } else {
                normalise::<S, 2>(simd, log_probs, probs, log_sum, scale);
            }
        }
        sums
    }
}

/// The rows of a vector that begins with the first.
#[inline(always)]
fn rows_of<'a>(offsets: &'a [usize], values: &'a mut [f64]) -> impl Iterator<Item = &'a mut [f64]> {
    let mut rest = values;
    offsets.windows(2).map(
        #[inline(always)]
        move |w| {
            let (row, after) = std::mem::take(&mut rest).split_at_mut(w[1] - w[0]);
            rest = after;
            row
        },
    )
}

/// Leaves the logits of a short row; the largest.
#[inline(always)]
pub(super) fn store_logits<S: Simd, L: Logits, const C: usize>(
    simd: S,
    logits: &L,
    start: usize,
    log_probs: &mut [f64],
) -> f64 {
    let n = log_probs.len();
    let mut v = [logits.part(simd, start..start + n.min(LANES), &log_probs[..n.min(LANES)]); C];
    if C == 2 {
        v[1] = logits.part(simd, start + n - LANES..start + n, &log_probs[n - LANES..]);
    }
    store_short(v, log_probs);
    v[0].max(v[C - 1]).largest()
}

/// Shifts logits by the largest and leaves their exponentials beside them.
#[inline(always)]
pub(super) fn store_exponentials<S: Simd, const C: usize>(
    simd: S,
    top: f64,
    log_probs: &mut [f64],
    probs: &mut [f64],
) {
    let top = F64x8::splat(simd, top);
    let mut v: [F64x8<S>; C] = load_short(simd, log_probs, f64::NEG_INFINITY);
    let mut e = v;
    for k in 0..C {
        v[k] = v[k] - top;
        e[k] = exp_of(v[k]);
    }
    store_short(v, log_probs);
    store_short(e, probs);
}

/// The `C` eights of a short row: all of it, padded, or the first eight and the last.
#[inline(always)]
pub(super) fn load_short<S: Simd, const C: usize>(simd: S, row: &[f64], padding: f64) -> [F64x8<S>; C] {
    if C == 1 {
        return [F64x8::load_part(simd, row, padding); C];
    }
    let mut eights = [F64x8::load(simd, row.first_chunk().expect(LONGER)); C];
    eights[C - 1] = F64x8::load(simd, row.last_chunk().expect(LONGER));
    eights
}

/// The counterpart of [`load_short`].
#[inline(always)]
pub(super) fn store_short<S: Simd, const C: usize>(eights: [F64x8<S>; C], row: &mut [f64]) {
    if C == 1 {
        eights[0].store_part(row);
    } else {
        eights[0].store(row.first_chunk_mut().expect(LONGER));
        eights[C - 1].store(row.last_chunk_mut().expect(LONGER));
    }
}

const LONGER: &str = "a row of two eights is longer than one";

/// The sum of the first `n` of `values`, a short row: eight partial sums, folded, as of every row.
#[inline(always)]
pub(super) fn short_sum<S: Simd>(simd: S, values: &[f64], n: usize) -> f64 {
    if n <= LANES {
        return F64x8::load_first(simd, values, n).sum();
    }
    let (first, rest) = values.split_at(LANES);
    (F64x8::load_first(simd, first, LANES) + F64x8::load_first(simd, rest, n - LANES)).sum()
}

/// `v - log_sum` and `e scale` of what [`store_exponentials`] left.
#[inline(always)]
fn normalise<S: Simd, const C: usize>(
    simd: S,
    log_probs: &mut [f64],
    probs: &mut [f64],
    log_sum: F64x8<S>,
    scale: F64x8<S>,
) {
    let (mut v, mut e) = (load_short::<S, C>(simd, log_probs, 0.0), load_short::<S, C>(simd, probs, 0.0));
    for k in 0..C {
        (v[k], e[k]) = (v[k] - log_sum, e[k] * scale);
    }
    store_short(v, log_probs);
    store_short(e, probs);
}

/// `ln s` and `1 / s` of sums.
#[inline(always)]
pub(super) fn logarithms_and_quotients<S: Simd, const K: usize>(
    simd: S,
    sums: &[[f64; LANES]; K],
) -> ([[f64; LANES]; K], [[f64; LANES]; K]) {
    let (mut logarithms, mut quotients) = (*sums, *sums);
    for k in 0..K {
        let sums = F64x8::load(simd, &sums[k]);
        ln_of(sums).store(&mut logarithms[k]);
        (F64x8::splat(simd, 1.0) / sums).store(&mut quotients[k]);
    }
    (logarithms, quotients)
}
