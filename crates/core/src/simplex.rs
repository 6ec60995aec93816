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

/// [`log_softmax`] of every row `offsets[x]..offsets[x + 1]`; the first row without a finite normaliser, if any.
#[must_use]
pub fn log_softmax_all(offsets: &[usize], logits: &mut [f64], probs: &mut [f64]) -> Option<usize> {
    vector::dispatch(
        #[inline(always)]
        || log_softmax_rows(offsets, logits, probs),
    )
}

/// Rows are taken together up to this many entries, so that short rows fill whole vectors and all stays in cache.
const TOGETHER: usize = 256;

#[inline(always)]
fn log_softmax_rows(offsets: &[usize], logits: &mut [f64], probs: &mut [f64]) -> Option<usize> {
    let mut bad = None;
    let mut first = 0;
    while first + 1 < offsets.len() {
        let start = offsets[first];
        let mut last = first + 1;
        while last + 1 < offsets.len() && offsets[last + 1] - start <= TOGETHER {
            last += 1;
        }
        for row in first..last {
            let v = &mut logits[offsets[row]..offsets[row + 1]];
            let top = vector::max(v);
            v.iter_mut().for_each(|v| *v -= top);
        }
        vector::exp_into(&logits[start..offsets[last]], &mut probs[start..offsets[last]]);
        for row in first..last {
            let range = offsets[row]..offsets[row + 1];
            let (v, p) = (&mut logits[range.clone()], &mut probs[range]);
            let sum = vector::sum(p);
            // a NaN or an infinite logit reaches the sum; the maximum alone would skip a NaN
            if !sum.is_finite() {
                bad = bad.or(Some(row));
            }
            // shifted in two steps: max + log_sum would round at the size of max
            let (log_sum, scale) = (vector::ln(sum), 1.0 / sum);
            v.iter_mut().for_each(|v| *v -= log_sum);
            p.iter_mut().for_each(|p| *p *= scale);
        }
        first = last;
    }
    bad
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
    let mut terms = [0.0; BLOCK];
    let whole = n - n % LANES;
    let mut total = 0.0;
    for start in (0..whole).step_by(BLOCK) {
        let end = whole.min(start + BLOCK);
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
const BLOCK: usize = 64;

/// `KL(pi || BR_tau(pi))` for `BR_tau(pi) = softmax(log mu + q / tau)`.
///
/// `gain` is `q` or any shift of it, `tau > 0`. The regularised duality gap is `2 tau` times this. Allocates only above
/// 128 actions, where the product that made `gain` costs far more.
#[must_use]
pub fn kl_to_best_response(probs: &[f64], log_probs: &[f64], gain: &[f64], log_mu: &[f64], tau: f64) -> f64 {
    let n = probs.len();
    let with = |response: &mut [f64]| {
        let (log_r, r) = response.split_at_mut(n);
        vector::dispatch(
            #[inline(always)]
            || {
                for ((z, m), g) in log_r.iter_mut().zip(log_mu).zip(gain) {
                    *z = m + g / tau;
                }
                let bad = log_softmax_rows(&[0, n], log_r, r);
                if bad.is_some() { f64::NAN } else { kl_row(probs, log_probs, r, log_r) }
            },
        )
    };
    match n {
        0..=16 => with(&mut [0.0; 32][..2 * n]),
        17..=128 => with(&mut [0.0; 256][..2 * n]),
        _ => with(&mut vec![0.0; 2 * n]),
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
