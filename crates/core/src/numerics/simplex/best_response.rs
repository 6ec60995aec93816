//! How far a policy is from its regularised best response: what the regularised duality gap is made of.
//!
//! ```text
//! BR_tau(pi) = softmax(log mu + q / tau)        gap_tau(pi) = 2 tau KL(pi || BR_tau(pi))
//! ```
//!
//! Written for a row alone, for the rows of many contexts, and for eight policies at once; all with the same bits.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::batched::{
    BATCH, NO_SUMS, SHORT, load_short, logarithms_and_quotients, short_rows, short_sum, store_exponentials,
    store_logits, store_short,
};
use super::logits::{Combination, Logits as _, chunk, exponentials};
use crate::numerics::lanes::{F64x8, LANES, Real as _, fold_columns};
use crate::numerics::vector::{self, exp_of, kl_term_of, ln_of};

/// `KL(pi || BR_tau(pi))` for `BR_tau(pi) = softmax(log mu + q / tau)`.
///
/// `gain` is `q` or any shift of it, `tau > 0`. The regularised duality gap is `2 tau` times this. No allocation.
#[must_use]
pub fn kl_to_best_response(probs: &[f64], log_probs: &[f64], gain: &[f64], log_mu: &[f64], tau: f64) -> f64 {
    let mut kl = f64::NAN;
    let offsets = [0, probs.len()];
    kl_to_best_response_rows(&offsets, (probs, log_probs), gain, log_mu, tau, |row| kl = row);
    kl
}

/// [`kl_to_best_response`] of every row, told to `each` in order. Row k lies at
/// `offsets[k] - offsets[0]..offsets[k + 1] - offsets[0]` of the slices.
pub fn kl_to_best_response_rows(
    offsets: &[usize],
    (probs, log_probs): (&[f64], &[f64]),
    gain: &[f64],
    log_mu: &[f64],
    tau: f64,
    each: impl FnMut(f64),
) {
    let response = response(log_mu, gain, tau);
    vector::run(Responses { offsets, probs, log_probs, response, each });
}

/// `1 / tau`, finite also for the smallest numbers: infinity times a gain of 0 is none.
#[inline(always)]
fn per(tau: f64) -> f64 {
    (1.0 / tau).min(f64::MAX)
}

/// `log mu + q / tau`, the logits of the best response.
#[inline(always)]
fn response<'a>(log_mu: &'a [f64], gain: &'a [f64], tau: f64) -> Combination<'a, 2> {
    Combination([(1.0, log_mu), (per(tau), gain)])
}

struct Responses<'a, F> {
    offsets: &'a [usize],
    probs: &'a [f64],
    log_probs: &'a [f64],
    response: Combination<'a, 2>,
    each: F,
}

impl<F: FnMut(f64)> WithSimd for Responses<'_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let base = self.offsets[0];
        let (mut first, mut stored) = (0, None); // a row alone does without
        while first + 1 < self.offsets.len() {
            let count = short_rows(&self.offsets[first..]);
            if count > 1 {
                #[expect(clippy::unnecessary_lazy_evaluations, reason = "four KiB are zeros only once")]
                let stored = stored.get_or_insert_with(|| [[[0.0; SHORT]; 2]; BATCH]);
                let kls = simd.vectorize(ShortResponses { first, count, of: &self, stored });
                kls[..count].iter().for_each(|kl| (self.each)(*kl));
                first += count;
                continue;
            }
            let row = Row { at: self.offsets[first] - base..self.offsets[first + 1] - base, of: &self };
            let kl = match row.at.len() {
                0..=8 => row.short_kl::<S, 1>(simd),
                9..=SHORT => row.short_kl::<S, 2>(simd),
                17..=STORED => row.kl(simd, &mut [[[0.0; LANES]; 2]; STORED / LANES]),
                _ => row.kl(simd, &mut []),
            };
            (self.each)(kl);
            first += 1;
        }
    }
}

/// `KL(pi || BR)` of up to [`BATCH`] short rows, together, as the softmax of them.
struct ShortResponses<'a, F> {
    first: usize,
    count: usize,
    of: &'a Responses<'a, F>,
    /// Shifted logits, and exponentials. Overwritten.
    stored: &'a mut [[[f64; SHORT]; 2]; BATCH],
}

impl<F> WithSimd for ShortResponses<'_, F> {
    type Output = [f64; BATCH];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> [f64; BATCH] {
        let (of, base) = (self.of, self.of.offsets[0]);
        let offsets = &of.offsets[self.first..=self.first + self.count];
        let (mut sums, mut kls) = (NO_SUMS, [0.0; BATCH]);
        for ((w, [v, e]), sum) in offsets.windows(2).zip(&mut *self.stored).zip(sums.as_flattened_mut()) {
            let n = w[1] - w[0];
            let (v, e) = (&mut v[..n], &mut e[..n]);
            if n <= LANES {
                let top = store_logits::<S, _, 1>(simd, &of.response, w[0] - base, v);
                store_exponentials::<S, 1>(simd, top, v, e);
            } else {
                let top = store_logits::<S, _, 2>(simd, &of.response, w[0] - base, v);
                store_exponentials::<S, 2>(simd, top, v, e);
            }
            *sum = short_sum(simd, e, n);
        }
        let (log_sums, scales) = logarithms_and_quotients(simd, &sums);
        let (log_sums, scales) = (log_sums.as_flattened(), scales.as_flattened());
        for (r, w) in offsets.windows(2).enumerate() {
            let (log_sum, scale) = (F64x8::splat(simd, log_sums[r]), F64x8::splat(simd, scales[r]));
            let (row, n) = (Row { at: w[0] - base..w[1] - base, of }, w[1] - w[0]);
            let [v, e] = &mut self.stored[r];
            if n <= LANES {
                row.store_terms::<S, 1>(simd, (&v[..n], &mut e[..n]), log_sum, scale);
            } else {
                row.store_terms::<S, 2>(simd, (&v[..n], &mut e[..n]), log_sum, scale);
            }
        }
        for ((w, [_, terms]), kl) in offsets.windows(2).zip(&*self.stored).zip(&mut kls) {
            *kl = short_sum(simd, terms, w[1] - w[0]);
        }
        kls
    }
}

/// Rows up to this length have their best response in a buffer on the stack; it is computed twice for longer ones.
const STORED: usize = 128;

/// One row: a policy and its best response.
struct Row<'a, F> {
    at: Range<usize>,
    of: &'a Responses<'a, F>,
}

impl<F> Row<'_, F> {
    /// Where the k-th eight lie in the flat vectors.
    #[inline(always)]
    fn eight(&self, k: usize) -> Range<usize> {
        let at = chunk(k, self.at.len());
        self.at.start + at.start..self.at.start + at.end
    }

    /// The k-th eight logits of the best response.
    #[inline(always)]
    fn response<S: Simd>(&self, simd: S, k: usize) -> F64x8<S> {
        self.of.response.part(simd, self.eight(k), &[])
    }

    /// The terms of eight actions, whose best response has log-probabilities `log_r` and probabilities `r`.
    #[inline(always)]
    fn terms<S: Simd>(&self, simd: S, k: usize, r: F64x8<S>, log_r: F64x8<S>) -> F64x8<S> {
        let (p, log_p) = (&self.of.probs[self.eight(k)], &self.of.log_probs[self.eight(k)]);
        kl_term_of(F64x8::load_part(simd, p, 0.0), F64x8::load_part(simd, log_p, 0.0), r, log_r)
    }

    /// The terms of a short row, from its shifted logits `v` and its exponentials, over which they are written.
    #[inline(always)]
    fn store_terms<S: Simd, const C: usize>(
        &self,
        simd: S,
        (v, e): (&[f64], &mut [f64]),
        log_sum: F64x8<S>,
        scale: F64x8<S>,
    ) {
        let p: [F64x8<S>; C] = load_short(simd, &self.of.probs[self.at.clone()], 0.0);
        let log_p: [F64x8<S>; C] = load_short(simd, &self.of.log_probs[self.at.clone()], 0.0);
        let (v, mut terms): ([F64x8<S>; C], [F64x8<S>; C]) =
            (load_short(simd, v, 0.0), load_short(simd, e, 0.0));
        for k in 0..C {
            terms[k] = kl_term_of(p[k], log_p[k], terms[k] * scale, v[k] - log_sum);
        }
        store_short(terms, e);
    }

    /// A row of `C` eights, in registers.
    #[inline(always)]
    fn short_kl<S: Simd, const C: usize>(&self, simd: S) -> f64 {
        let mut v = [F64x8::splat(simd, 0.0); C];
        for k in 0..C {
            v[k] = self.response(simd, k);
        }
        let (v, e, sum) = exponentials(simd, v);
        let (log_sum, scale) = (F64x8::splat(simd, ln_of(sum)), F64x8::splat(simd, 1.0 / sum));
        let mut sums = self.terms(simd, 0, e[0] * scale, v[0] - log_sum);
        for k in 1..C {
            sums = sums + self.terms(simd, k, e[k] * scale, v[k] - log_sum);
        }
        sums.sum()
    }

    /// A row of any length, in three passes: largest logit, normaliser, terms. What of shifted logits and exponentials
    /// does not fit in `stored` is computed twice.
    #[inline(always)]
    fn kl<S: Simd>(&self, simd: S, stored: &mut [[[f64; LANES]; 2]]) -> f64 {
        let eights = self.at.len().div_ceil(LANES);
        let mut top = F64x8::splat(simd, f64::NEG_INFINITY);
        for k in 0..eights {
            let v = self.response(simd, k);
            top = top.max(v);
            if let Some([shifted, _]) = stored.get_mut(k) {
                v.store(shifted);
            }
        }
        let top = F64x8::splat(simd, top.largest());
        let mut sums = F64x8::splat(simd, 0.0);
        for k in 0..eights {
            let e = if let Some([shifted, e]) = stored.get_mut(k) {
                let v = F64x8::load(simd, shifted) - top;
                v.store(shifted);
                exp_of(v).store(e);
                exp_of(v)
            } else {
                exp_of(self.response(simd, k) - top)
            };
            sums = sums + e;
        }
        let sum = sums.sum();
        let (log_sum, scale) = (F64x8::splat(simd, ln_of(sum)), F64x8::splat(simd, 1.0 / sum));
        let mut sums = F64x8::splat(simd, 0.0);
        for k in 0..eights {
            let (v, e) = if let Some([shifted, e]) = stored.get(k) {
                (F64x8::load(simd, shifted), F64x8::load(simd, e))
            } else {
                let v = self.response(simd, k) - top;
                (v, exp_of(v))
            };
            sums = sums + self.terms(simd, k, e * scale, v - log_sum);
        }
        sums.sum()
    }
}

/// F64x8 policies at once, action by action: `[actions][8]`, flat over contexts, lane k of each being policy k's. What costs
/// most for a row alone, sums across a vector and waiting for them, is gone.
pub struct EightRows<'a> {
    /// Probabilities.
    pub probs: &'a [[f64; LANES]],
    /// Log-probabilities.
    pub log_probs: &'a [[f64; LANES]],
    /// What each action gains against the policy of its lane. Overwritten.
    pub gain: &'a mut [[f64; LANES]],
    /// Overwritten, as long as the others.
    pub scratch: &'a mut [[f64; LANES]],
}

/// For each of the eight policies in every context, told to `each` in order, to the bit: the largest gain, as
/// [`vector::max`] gives it, and [`kl_to_best_response`]; 0 instead of that if `tau` is 0. Context k lies at
/// `offsets[k]..offsets[k + 1]`.
pub fn best_responses_of_eight(
    rows: EightRows<'_>,
    offsets: &[usize],
    log_mu: &[f64],
    tau: f64,
    each: impl FnMut([f64; LANES], [f64; LANES]),
) {
    vector::run(BestResponses { rows, offsets, log_mu, tau, each });
}

struct BestResponses<'a, F> {
    rows: EightRows<'a>,
    offsets: &'a [usize],
    log_mu: &'a [f64],
    tau: f64,
    each: F,
}

impl<F: FnMut([f64; LANES], [f64; LANES])> WithSimd for BestResponses<'_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        /// Contexts taken together: while one waits for its sums, the machine works at others.
        const CONTEXTS: usize = 8;
        let mut rest = self.offsets;
        while rest.len() > 1 {
            if rest.len() == 2 {
                self.together::<S, 1>(simd, rest);
            } else {
                self.together::<S, CONTEXTS>(simd, &rest[..rest.len().min(CONTEXTS + 1)]);
            }
            rest = &rest[(rest.len() - 1).min(CONTEXTS)..];
        }
    }
}

impl<F: FnMut([f64; LANES], [f64; LANES])> BestResponses<'_, F> {
    /// At most `K` contexts.
    #[inline(always)]
    fn together<S: Simd, const K: usize>(&mut self, simd: S, offsets: &[usize]) {
        let per_tau = F64x8::splat(simd, per(self.tau));
        let (mut largest, mut sums) = ([[0.0; LANES]; K], [[1.0; LANES]; K]);
        for ((w, largest), sum) in offsets.windows(2).zip(&mut largest).zip(&mut sums) {
            self.weigh(simd, w[0]..w[1], per_tau, largest, sum);
        }
        let mut kls = [[0.0; LANES]; K];
        if self.tau > 0.0 {
            let (log_sums, scales) = logarithms_and_quotients(simd, &sums);
            for (k, w) in offsets.windows(2).enumerate() {
                let (log_sum, scale) = (F64x8::load(simd, &log_sums[k]), F64x8::load(simd, &scales[k]));
                self.divergence(simd, w[0]..w[1], log_sum, scale).store(&mut kls[k]);
            }
        }
        for (largest, kl) in largest.into_iter().zip(kls).take(offsets.len() - 1) {
            (self.each)(largest, kl);
        }
    }
}

impl<F> BestResponses<'_, F> {
    /// One context: the largest gains; the logits of the best response, shifted by their largest, where the gains were;
    /// their exponentials in the scratch, and the sums of these.
    #[inline(always)]
    fn weigh<S: Simd>(
        &mut self,
        simd: S,
        at: Range<usize>,
        per_tau: F64x8<S>,
        largest: &mut [f64; LANES],
        sum: &mut [f64; LANES],
    ) {
        let (gain, scratch) = (&mut self.rows.gain[at.clone()], &mut self.rows.scratch[at.clone()]);
        let lowest = F64x8::splat(simd, f64::NEG_INFINITY);
        let (mut most, mut top) = (lowest, lowest);
        for (gain, mu) in gain.iter_mut().zip(&self.log_mu[at]) {
            let q = F64x8::load(simd, gain);
            let v = q.mul_add(per_tau, F64x8::splat(simd, *mu));
            (most, top) = (most.max(q), top.max(v));
            v.store(gain);
        }
        most.store(largest);
        if self.tau == 0.0 {
            return;
        }
        // one partial sum for each eighth action, as a row alone has them
        let mut sums = [[0.0; LANES]; LANES];
        for (v, e) in gain.chunks_mut(LANES).zip(scratch.chunks_mut(LANES)) {
            for ((v, e), sum) in v.iter_mut().zip(e).zip(&mut sums) {
                let shifted = F64x8::load(simd, v) - top;
                let exponential = exp_of(shifted);
                shifted.store(v);
                exponential.store(e);
                (F64x8::load(simd, sum) + exponential).store(sum);
            }
        }
        fold_columns(simd, &sums).store(sum);
    }

    /// One context: `KL(pi || BR)` from what [`BestResponses::weigh`] left.
    #[inline(always)]
    fn divergence<S: Simd>(&self, simd: S, at: Range<usize>, log_sum: F64x8<S>, scale: F64x8<S>) -> F64x8<S> {
        let EightRows { probs, log_probs, gain, scratch } = &self.rows;
        let policies = probs[at.clone()].chunks(LANES).zip(log_probs[at.clone()].chunks(LANES));
        let responses = gain[at.clone()].chunks(LANES).zip(scratch[at.clone()].chunks(LANES));
        let mut sums = [[0.0; LANES]; LANES];
        for ((p, log_p), (v, e)) in policies.zip(responses) {
            for (((p, log_p), (v, e)), sum) in p.iter().zip(log_p).zip(v.iter().zip(e)).zip(&mut sums) {
                let [p, log_p, v, e, so_far] = [p, log_p, v, e, &*sum].map(
                    #[inline(always)]
                    |v| F64x8::load(simd, v),
                );
                (so_far + kl_term_of(p, log_p, e * scale, v - log_sum)).store(sum);
            }
        }
        fold_columns(simd, &sums)
    }
}
