//! The softmax of many rows, in log and in linear form.

use pulp::{Simd, WithSimd};

use super::batched::{SHORT, ShortRows, short_rows};
use super::logits::{Logits, chunk, exponentials};
use crate::numerics::lanes::{F64x8, LANES};
use crate::numerics::vector::{exp_of, ln_of};

/// [`log_softmax`] of every row; the first row without a finite normaliser, if any.
///
/// Row k lies at `offsets[k]..offsets[k + 1]` of the logits' flat vectors, and of what is written (which begins at
/// `offsets[0]`) at `offsets[k] - offsets[0]..offsets[k + 1] - offsets[0]`.
pub(crate) struct LogSoftmax<'a, L> {
    pub(crate) offsets: &'a [usize],
    pub(crate) logits: &'a L,
    pub(crate) log_probs: &'a mut [f64],
    pub(crate) probs: &'a mut [f64],
}

impl<L: Logits> WithSimd for LogSoftmax<'_, L> {
    type Output = Option<usize>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Option<usize> {
        let (mut bad, mut first) = (None, 0);
        let base = self.offsets[0];
        while first + 1 < self.offsets.len() {
            let count = short_rows(&self.offsets[first..]);
            let (start, end) = (self.offsets[first], self.offsets[first + count.max(1)]);
            let here = start - base..end - base;
            let (log_probs, probs) = (&mut self.log_probs[here.clone()], &mut self.probs[here]);
            if count > 1 {
                // out of line: a single row is slower for every kernel beside its own
                let offsets = &self.offsets[first..=first + count];
                let sums = simd.vectorize(ShortRows { offsets, logits: self.logits, log_probs, probs });
                bad = bad.or(sums.as_flattened()[..count]
                    .iter()
                    .position(|sum| !sum.is_finite())
                    .map(|k| first + k));
            } else {
                let sum = match end - start {
                    0..=8 => short_row::<S, L, 1>(simd, self.logits, start, log_probs, probs),
                    9..=SHORT => short_row::<S, L, 2>(simd, self.logits, start, log_probs, probs),
                    _ => long_row(simd, self.logits, start, log_probs, probs),
                };
                // a NaN or an infinite logit reaches the sum; the maximum alone would skip a NaN
                if !sum.is_finite() {
                    bad = bad.or(Some(first));
                }
            }
            first += count.max(1);
        }
        bad
    }
}

/// A row of `C` eights, in registers. Shifted by the largest entry and then by the logarithm of the sum, in two steps:
/// max + log_sum would round at the size of max. The sum.
#[inline(always)]
fn short_row<S: Simd, L: Logits, const C: usize>(
    simd: S,
    logits: &L,
    start: usize,
    log_probs: &mut [f64],
    probs: &mut [f64],
) -> f64 {
    let n = log_probs.len();
    let mut v = [F64x8::splat(simd, 0.0); C];
    for k in 0..C {
        let at = chunk(k, n);
        v[k] = logits.part(simd, start + at.start..start + at.end, &log_probs[at]);
    }
    let (v, e, sum) = exponentials(simd, v);
    let (log_sum, scale) = (F64x8::splat(simd, ln_of(sum)), F64x8::splat(simd, 1.0 / sum));
    for k in 0..C {
        let at = chunk(k, n);
        (v[k] - log_sum).store_part(&mut log_probs[at.clone()]);
        (e[k] * scale).store_part(&mut probs[at]);
    }
    sum
}

/// The same for a row of any length, in three passes.
#[inline(always)]
fn long_row<S: Simd, L: Logits>(
    simd: S,
    logits: &L,
    start: usize,
    log_probs: &mut [f64],
    probs: &mut [f64],
) -> f64 {
    let mut top = F64x8::splat(simd, f64::NEG_INFINITY);
    for (k, present) in log_probs.chunks_mut(LANES).enumerate() {
        let at = start + k * LANES;
        let v = logits.part(simd, at..at + present.len(), present);
        top = top.max(v);
        v.store_part(present);
    }
    let top = F64x8::splat(simd, top.largest());
    let mut sums = F64x8::splat(simd, 0.0);
    for (v, e) in log_probs.chunks_mut(LANES).zip(probs.chunks_mut(LANES)) {
        let shifted = F64x8::load_part(simd, v, f64::NEG_INFINITY) - top;
        let exponential = exp_of(shifted);
        sums = sums + exponential;
        shifted.store_part(v);
        exponential.store_part(e);
    }
    let sum = sums.sum();
    let (log_sum, scale) = (F64x8::splat(simd, ln_of(sum)), F64x8::splat(simd, 1.0 / sum));
    for (v, e) in log_probs.chunks_mut(LANES).zip(probs.chunks_mut(LANES)) {
        (F64x8::load_part(simd, v, 0.0) - log_sum).store_part(v);
        (F64x8::load_part(simd, e, 0.0) * scale).store_part(e);
    }
    sum
}
