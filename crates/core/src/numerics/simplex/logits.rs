//! Logits eight at a time: where those of a row come from, and their exponentials.

use std::ops::Range;

use pulp::Simd;

use crate::numerics::lanes::{F64x8, LANES, Real as _};
use crate::numerics::vector::exp_of;

/// Where the logits of a softmax come from.
pub(crate) trait Logits {
    /// Those of the entries `at` of a flat vector, filled up with `-inf`; `present` is what is written there now.
    fn part<S: Simd>(&self, simd: S, at: Range<usize>, present: &[f64]) -> F64x8<S>;
}

/// Logits that stand where the log-probabilities will.
pub(crate) struct InPlace;

impl Logits for InPlace {
    #[inline(always)]
    fn part<S: Simd>(&self, simd: S, _: Range<usize>, present: &[f64]) -> F64x8<S> {
        F64x8::load_part(simd, present, f64::NEG_INFINITY)
    }
}

/// `sum_k weight_k values_k`, each after the first added with one rounding; the values are flat over the shape.
#[derive(Clone, Copy)]
pub(crate) struct Combination<'a, const K: usize>(pub(crate) [(f64, &'a [f64]); K]);

impl<const K: usize> Logits for Combination<'_, K> {
    #[inline(always)]
    fn part<S: Simd>(&self, simd: S, at: Range<usize>, _: &[f64]) -> F64x8<S> {
        /// What makes -inf of the lanes from the k-th on: a weight may have any sign, so padded values cannot.
        const FILLING: [[f64; LANES]; LANES] = {
            let mut filling = [[0.0; LANES]; LANES];
            let mut k = 0;
            while k < LANES * LANES {
                if k % LANES >= k / LANES {
                    filling[k / LANES][k % LANES] = f64::NEG_INFINITY;
                }
                k += 1;
            }
            filling
        };
        let mut sum = F64x8::splat(simd, 0.0);
        for (k, (weight, values)) in self.0.iter().enumerate() {
            let (weight, values) =
                (F64x8::splat(simd, *weight), F64x8::load_part(simd, &values[at.clone()], 0.0));
            sum = if k == 0 { weight * values } else { values.mul_add(weight, sum) };
        }
        match FILLING.get(at.len()) {
            Some(filling) => sum + F64x8::load(simd, filling),
            None => sum,
        }
    }
}

/// Where the k-th eight of a row of `n` lie in it.
#[inline(always)]
pub(super) fn chunk(k: usize, n: usize) -> Range<usize> {
    k * LANES..n.min((k + 1) * LANES)
}

/// Eights of a row: `v - max v`, `exp` of that, and the sum of all exponentials.
#[inline(always)]
pub(super) fn exponentials<S: Simd, const C: usize>(
    simd: S,
    mut v: [F64x8<S>; C],
) -> ([F64x8<S>; C], [F64x8<S>; C], f64) {
    let mut top = v[0];
    for k in 1..C {
        top = top.max(v[k]);
    }
    let top = F64x8::splat(simd, top.largest());
    let mut e = v;
    for k in 0..C {
        v[k] = v[k] - top;
        e[k] = exp_of(v[k]);
    }
    let mut sums = e[0];
    for k in 1..C {
        sums = sums + e[k];
    }
    (v, e, sums.sum())
}
