//! Mathematics on one row of the simplex, written so that nothing cancels.
//!
//! Everything is in nats, in `f64`, and works with log-probabilities far below the smallest positive `f64`
//! probability: `log p = -1000` is an ordinary number.

use crate::vector::{self, LANES};

/// `log sum_i exp(v_i)`, shifted by the largest entry. `-inf` entries count nothing.
#[must_use]
pub fn log_sum_exp(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let max = values.clone().fold(f64::NEG_INFINITY, f64::max);
    if max == f64::NEG_INFINITY {
        return max;
    }
    max + values.map(|v| (v - max).exp()).sum::<f64>().ln()
}

/// Turns `logits` into log-probabilities in place and writes the probabilities beside them.
///
/// Returns false, leaving garbage behind, if the row has no finite normaliser (a NaN, a `+inf`, or only `-inf`). A
/// probability below 1e-307 is 0; its logarithm is kept.
#[must_use]
pub fn log_softmax(logits: &mut [f64], probs: &mut [f64]) -> bool {
    let rows = [0, logits.len()];
    vector::dispatch(
        #[inline(always)]
        || log_softmax_rows(&rows, logits, probs),
    )
    .is_none()
}

/// Rows are taken together up to this many entries, so that short rows fill whole vectors and all stays in cache.
const TOGETHER: usize = 256;
/// And up to so many rows.
const ROWS: usize = 64;

/// The first of the rows `offsets[first]..` that are not taken together with row `first`.
#[inline(always)]
fn together(offsets: &[usize], first: usize) -> usize {
    let mut last = first + 1;
    while last + 1 < offsets.len() && offsets[last + 1] - offsets[first] <= TOGETHER && last < first + ROWS {
        last += 1;
    }
    last
}

/// [`log_softmax`] of every row; the first row without a finite normaliser, if any. Row k lies at
/// `offsets[k] - offsets[0]..offsets[k + 1] - offsets[0]`. To be inlined into [`vector::dispatch`].
#[inline(always)]
#[must_use]
pub(crate) fn log_softmax_rows(offsets: &[usize], logits: &mut [f64], probs: &mut [f64]) -> Option<usize> {
    let mut bad = None;
    let (base, mut first) = (offsets[0], 0);
    while first + 1 < offsets.len() {
        let last = together(offsets, first);
        let group = offsets[first] - base..offsets[last] - base;
        for row in offsets[first..=last].windows(2) {
            let v = &mut logits[row[0] - base..row[1] - base];
            vector::shift(v, vector::max(v));
        }
        vector::exp_into(&logits[group.clone()], &mut probs[group]);
        if last == first + 1 {
            let range = offsets[first] - base..offsets[last] - base;
            let (v, p) = (&mut logits[range.clone()], &mut probs[range]);
            let sum = vector::sum(p);
            // a NaN or an infinite logit reaches the sum; the maximum alone would skip a NaN
            if !sum.is_finite() {
                bad = bad.or(Some(first));
            }
            scale(v, p, vector::ln(sum), 1.0 / sum);
        } else {
            // the logarithms of all sums in whole vectors: a scalar one costs as much as eight
            let (mut sums, mut logs, mut scales) = ([1.0; ROWS], [0.0; ROWS], [0.0; ROWS]);
            for (sum, row) in sums.iter_mut().zip(offsets[first..=last].windows(2)) {
                *sum = vector::sum(&probs[row[0] - base..row[1] - base]);
            }
            let filled = (last - first).next_multiple_of(LANES);
            for ((log, scale), sum) in
                logs[..filled].iter_mut().zip(&mut scales[..filled]).zip(&sums[..filled])
            {
                (*log, *scale) = (vector::ln(*sum), 1.0 / sum);
            }
            for (k, row) in offsets[first..=last].windows(2).enumerate() {
                if !sums[k].is_finite() {
                    bad = bad.or(Some(first + k));
                }
                let range = row[0] - base..row[1] - base;
                scale(&mut logits[range.clone()], &mut probs[range], logs[k], scales[k]);
            }
        }
        first = last;
    }
    bad
}

/// Shifted by the largest entry and then by the logarithm of the sum, in two steps: max + log_sum would round at the
/// size of max.
#[inline(always)]
fn scale(logits: &mut [f64], probs: &mut [f64], log_sum: f64, scale: f64) {
    vector::shift(logits, log_sum);
    vector::scale(probs, scale);
}

pub use crate::vector::kl_term;

/// `KL(p || r)` in nats; `inf` if `p` has mass where `r` has none.
///
/// Every term is at least zero and free of cancellation, so values down to 1e-30 and far below are resolved.
#[must_use]
pub fn kl(p: &[f64], log_p: &[f64], r: &[f64], log_r: &[f64]) -> f64 {
    vector::dispatch(
        #[inline(always)]
        || kl_row(p, log_p, r, log_r),
    )
}

#[inline(always)]
fn kl_row(p: &[f64], log_p: &[f64], r: &[f64], log_r: &[f64]) -> f64 {
    let n = p.len();
    let (log_p, r, log_r) = (&log_p[..n], &r[..n], &log_r[..n]);
    let mut terms = [0.0; TERMS];
    let whole = n - n % LANES;
    let mut total = 0.0;
    for start in (0..whole).step_by(TERMS) {
        let end = whole.min(start + TERMS);
        let terms = &mut terms[..end - start];
        kl_terms(terms, &p[start..end], &log_p[start..end], &r[start..end], &log_r[start..end]);
        total += vector::sum(terms);
    }
    let rest = n - whole;
    if rest > 0 && n >= LANES {
        // as one more full chunk, the last eight once more: a scalar term costs as much as a vector of them
        let (start, m) = (n - LANES, vector::full());
        let end = start + m;
        let rows = (&p[start..end], &log_p[start..end], &r[start..end], &log_r[start..end]);
        kl_terms(&mut terms[..m], rows.0, rows.1, rows.2, rows.3);
        total += terms[LANES - rest..LANES].iter().sum::<f64>();
    } else if rest > 0 {
        kl_terms(&mut terms[..n], p, log_p, r, log_r);
        total += terms[..n].iter().sum::<f64>();
    }
    total
}

#[inline(always)]
fn kl_terms(terms: &mut [f64], p: &[f64], log_p: &[f64], r: &[f64], log_r: &[f64]) {
    let m = terms.len();
    let (p, log_p, r, log_r) = (&p[..m], &log_p[..m], &r[..m], &log_r[..m]);
    for i in 0..m {
        terms[i] = kl_term(p[i], log_p[i], r[i], log_r[i]);
    }
}

/// Terms of a sum that lie in a buffer at a time.
const TERMS: usize = 64;

/// `KL(pi || BR_tau(pi))` for `BR_tau(pi) = softmax(log mu + q / tau)`.
///
/// `gain` is `q` or any shift of it, `tau > 0`. The regularised duality gap is `2 tau` times this. No allocation.
#[must_use]
pub fn kl_to_best_response(probs: &[f64], log_probs: &[f64], gain: &[f64], log_mu: &[f64], tau: f64) -> f64 {
    let row = ResponseRow { probs, log_probs, gain, log_mu };
    vector::dispatch(
        #[inline(always)]
        || match probs.len() {
            0..=16 => row.kl(tau, &mut [0.0; 32]),
            17..=SHORT => row.kl(tau, &mut [0.0; 2 * SHORT]),
            _ => row.long_kl(tau),
        },
    )
}

/// [`kl_to_best_response`] of every row, told to `each` in order. Row k lies at
/// `offsets[k] - offsets[0]..offsets[k + 1] - offsets[0]` of the slices. The same bits, in less time for many short rows.
pub fn kl_to_best_response_rows(
    offsets: &[usize],
    (probs, log_probs): (&[f64], &[f64]),
    gain: &[f64],
    log_mu: &[f64],
    tau: f64,
    mut each: impl FnMut(f64),
) {
    if offsets.len() == 2 {
        each(kl_to_best_response(probs, log_probs, gain, log_mu, tau));
        return;
    }
    vector::dispatch(
        #[inline(always)]
        || {
            let (mut log_r, mut r, mut terms) = ([0.0; TOGETHER], [0.0; TOGETHER], [0.0; TOGETHER]);
            let (base, mut first) = (offsets[0], 0);
            while first + 1 < offsets.len() {
                let last = together(offsets, first);
                let rows = &offsets[first..=last];
                let group = rows[0] - base..rows[rows.len() - 1] - base;
                let (p, log_p) = (&probs[group.clone()], &log_probs[group.clone()]);
                let (g, m) = (&gain[group.clone()], &log_mu[group]);
                let n = p.len();
                if rows.windows(2).all(|w| w[1] - w[0] <= TERMS) {
                    let (log_r, r, terms) = (&mut log_r[..n], &mut r[..n], &mut terms[..n]);
                    response(log_r, m, g, tau);
                    // a row without a finite normaliser is NaN all through, and so is its sum
                    let _ = log_softmax_rows(rows, log_r, r);
                    kl_terms(terms, p, log_p, r, log_r);
                    rows.windows(2).for_each(|w| each(vector::sum(&terms[w[0] - rows[0]..w[1] - rows[0]])));
                } else {
                    for w in rows.windows(2) {
                        let row = w[0] - rows[0]..w[1] - rows[0];
                        each(kl_to_best_response(
                            &p[row.clone()],
                            &log_p[row.clone()],
                            &g[row.clone()],
                            &m[row],
                            tau,
                        ));
                    }
                }
                first = last;
            }
        },
    );
}

/// Rows up to this length have their best response in a buffer on the stack; it is computed twice for longer ones.
const SHORT: usize = 128;

/// `z = log mu + q / tau`, the logits of the best response.
#[inline(always)]
fn response(z: &mut [f64], log_mu: &[f64], gain: &[f64], tau: f64) {
    let tau = { tau }; // a copy that no slice can alias, or the loop would read it anew each time
    for ((z, m), g) in z.iter_mut().zip(log_mu).zip(gain) {
        *z = m + g / tau;
    }
}

/// One row: a policy, what its actions gain against it, and the reference.
struct ResponseRow<'a> {
    probs: &'a [f64],
    log_probs: &'a [f64],
    gain: &'a [f64],
    log_mu: &'a [f64],
}

impl ResponseRow<'_> {
    /// `KL(pi || BR)` with the best response in `buffer`, twice as long as the row or longer.
    #[inline(always)]
    fn kl(&self, tau: f64, buffer: &mut [f64]) -> f64 {
        let n = self.probs.len();
        let (log_r, r) = buffer.split_at_mut(n);
        let r = &mut r[..n];
        response(log_r, self.log_mu, self.gain, tau);
        let bad = log_softmax_rows(&[0, n], log_r, r);
        if bad.is_some() { f64::NAN } else { kl_row(self.probs, self.log_probs, r, log_r) }
    }

    /// The same for a row of any length: largest logit, normaliser and terms in three passes.
    #[inline(always)]
    fn long_kl(&self, tau: f64) -> f64 {
        let (mut log_r, mut r, mut terms) = ([0.0; TERMS], [0.0; TERMS], [0.0; TERMS]);
        let n = self.probs.len();
        let mut top = f64::NEG_INFINITY;
        for start in (0..n).step_by(TERMS) {
            let part = start..n.min(start + TERMS);
            let z = &mut log_r[..part.len()];
            response(z, &self.log_mu[part.clone()], &self.gain[part], tau);
            top = top.max(vector::max(z));
        }
        let mut sum = 0.0;
        for start in (0..n).step_by(TERMS) {
            let part = start..n.min(start + TERMS);
            let (z, e) = (&mut log_r[..part.len()], &mut r[..part.len()]);
            response(z, &self.log_mu[part.clone()], &self.gain[part], tau);
            z.iter_mut().for_each(|z| *z -= top);
            vector::exp_into(z, e);
            sum += vector::sum(e);
        }
        if !sum.is_finite() {
            return f64::NAN;
        }
        let (log_sum, factor) = (vector::ln(sum), 1.0 / sum);
        let mut total = 0.0;
        for start in (0..n).step_by(TERMS) {
            let part = start..n.min(start + TERMS);
            let (z, e) = (&mut log_r[..part.len()], &mut r[..part.len()]);
            response(z, &self.log_mu[part.clone()], &self.gain[part.clone()], tau);
            z.iter_mut().for_each(|z| *z -= top);
            vector::exp_into(z, e);
            scale(z, e, log_sum, factor);
            let terms = &mut terms[..z.len()];
            kl_terms(terms, &self.probs[part.clone()], &self.log_probs[part], e, z);
            total += vector::sum(terms);
        }
        total
    }
}

/// Euclidean projection of `v` onto the simplex, in place: `max(v - threshold, 0)` with the one threshold for which
/// the entries sum to 1. `scratch` is overwritten; O(n log n).
pub fn project(v: &mut [f64], scratch: &mut Vec<f64>) {
    scratch.clear();
    scratch.extend_from_slice(v);
    scratch.sort_unstable_by(|a, b| b.total_cmp(a));
    let (mut sum, mut threshold) = (0.0, 0.0);
    for (k, &u) in scratch.iter().enumerate() {
        sum += u;
        let t = (sum - 1.0) / (k + 1) as f64;
        if u <= t {
            break;
        }
        threshold = t;
    }
    for x in v {
        *x = (*x - threshold).max(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn softmax(logits: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (mut l, mut p) = (logits.to_vec(), vec![0.0; logits.len()]);
        assert!(log_softmax(&mut l, &mut p));
        (p, l)
    }

    #[test]
    fn log_softmax_survives_a_million_nats() {
        let (p, l) = softmax(&[1e6, 0.0, -1e6]);
        assert_eq!(p, [1.0, 0.0, 0.0]);
        assert_eq!(l, [0.0, -1e6, -2e6]);
        for bad in [&[f64::NAN, 0.0][..], &[f64::INFINITY, 0.0], &[f64::NEG_INFINITY; 2]] {
            assert!(!log_softmax(&mut bad.to_vec(), &mut [0.0; 2]));
        }
    }

    #[test]
    fn kl_resolves_1e_minus_26() {
        // KL(p || p + h) = sum h_i^2 / (2 p_i) + O(h^3), with h = 1e-13 (1, -1)
        let (p, l) = softmax(&[0.0, 0.0]);
        let (r, lr) = softmax(&[2e-13, -2e-13]);
        approx::assert_relative_eq!(kl(&p, &l, &r, &lr), 2e-26, max_relative = 1e-2);
        assert_eq!(kl(&p, &l, &p, &l), 0.0);
    }

    #[test]
    fn kl_is_finite_where_the_ratio_overflows() {
        // exp(800) is no f64, p log(p / r) is
        let (p, l) = softmax(&[0.0, -740.0]);
        let (r, lr) = softmax(&[-740.0, 0.0]);
        approx::assert_relative_eq!(kl(&p, &l, &r, &lr), 740.0, max_relative = 1e-12);
        let (p, l) = softmax(&[0.0, -710.0]);
        let half = softmax(&[0.0, 0.0]);
        approx::assert_relative_eq!(kl(&p, &l, &half.0, &half.1), 2f64.ln(), max_relative = 1e-12);
    }

    #[test]
    fn kl_of_point_masses() {
        let ln = |p: &[f64]| p.iter().map(|x| x.ln()).collect::<Vec<_>>();
        let (point, half) = ([1.0, 0.0], [0.5, 0.5]);
        approx::assert_relative_eq!(kl(&point, &ln(&point), &half, &ln(&half)), 2f64.ln());
        assert_eq!(kl(&half, &ln(&half), &point, &ln(&point)), f64::INFINITY);
    }

    proptest! {
        #[test]
        fn kl_to_best_response_equals_the_stored_form(
            theta in prop::collection::vec(-5.0..5.0, 4), gain in prop::collection::vec(0.0..1.0, 4),
            mu in prop::collection::vec(-3.0..3.0, 4), tau in 1e-3..2.0,
        ) {
            let ((p, l), (_, lmu)) = (softmax(&theta), softmax(&mu));
            let (r, lr) = softmax(&(0..4).map(|i| lmu[i] + gain[i] / tau).collect::<Vec<_>>());
            let (a, b) = (kl_to_best_response(&p, &l, &gain, &lmu, tau), kl(&p, &l, &r, &lr));
            prop_assert!((a - b).abs() <= 1e-12 * (1.0 + b), "{a} {b}");
        }

        #[test]
        fn many_rows_give_the_bits_of_one(
            sizes in prop::collection::vec(prop_oneof![4 => 1usize..12, 1 => 60usize..300], 1..90), tau in 1e-2..2.0,
        ) {
            let offsets: Vec<usize> = std::iter::once(5)
                .chain(sizes.iter().scan(5, |end, n| { *end += n; Some(*end) }))
                .collect();
            let n = offsets[sizes.len()] - 5;
            let wave = |f: f64| (0..n).map(|i| (i as f64 * f).sin() * 3.0).collect::<Vec<_>>();
            let (mut l, mut p, gain, log_mu) = (wave(0.7), vec![0.0; n], wave(1.3), wave(0.2));
            let logits = l.clone();
            prop_assert!(log_softmax_rows(&offsets, &mut l, &mut p).is_none());
            let mut all = Vec::new();
            kl_to_best_response_rows(&offsets, (&p, &l), &gain, &log_mu, tau, |kl| all.push(kl));
            for (w, together) in offsets.windows(2).zip(all) {
                let row = w[0] - 5..w[1] - 5;
                let (q, k) = softmax(&logits[row.clone()]);
                prop_assert!(q.iter().zip(&p[row.clone()]).all(|(a, b)| a.to_bits() == b.to_bits()));
                prop_assert!(k.iter().zip(&l[row.clone()]).all(|(a, b)| a.to_bits() == b.to_bits()));
                let alone = kl_to_best_response(&q, &k, &gain[row.clone()], &log_mu[row], tau);
                prop_assert_eq!(alone.to_bits(), together.to_bits());
            }
        }

        #[test]
        fn long_rows_equal_the_stored_form(n in 129usize..700, tau in 1e-2..2.0) {
            let wave = |f: f64| (0..n).map(|i| (i as f64 * f).sin() * 3.0).collect::<Vec<_>>();
            let ((p, l), (_, log_mu), gain) = (softmax(&wave(0.7)), softmax(&wave(0.2)), wave(1.3));
            let (r, log_r) = softmax(&(0..n).map(|i| log_mu[i] + gain[i] / tau).collect::<Vec<_>>());
            let (a, b) = (kl_to_best_response(&p, &l, &gain, &log_mu, tau), kl(&p, &l, &r, &log_r));
            prop_assert!((a - b).abs() <= 1e-13 * (1.0 + b), "{a} {b}");
        }

        #[test]
        fn projection_is_the_nearest_point(v in prop::collection::vec(-2.0..2.0, 1..6)) {
            let mut x = v.clone();
            project(&mut x, &mut Vec::new());
            prop_assert!((x.iter().sum::<f64>() - 1.0).abs() < 1e-12 && x.iter().all(|&p| p >= 0.0));
            // optimality: moving mass from any positive entry to any other does not come closer
            for i in 0..v.len() {
                for j in 0..v.len() {
                    prop_assert!(x[i] == 0.0 || (v[i] - x[i]) - (v[j] - x[j]) >= -1e-12);
                }
            }
        }
    }
}
