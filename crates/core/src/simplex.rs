//! Mathematics on one row of the simplex, written so that nothing cancels.
//!
//! Everything is in nats, in `f64`, and works with log-probabilities far below the smallest positive `f64`
//! probability: `log p = -1000` is an ordinary number.

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
/// Returns false, leaving garbage behind, if the row has no finite normaliser (a NaN, a `+inf`, or only `-inf`).
#[must_use]
pub fn log_softmax(logits: &mut [f64], probs: &mut [f64]) -> bool {
    let max = logits.iter().fold(f64::NEG_INFINITY, |m, &v| m.max(v));
    let mut sum = 0.0;
    for (p, &v) in probs.iter_mut().zip(logits.iter()) {
        *p = (v - max).exp();
        sum += *p;
    }
    let (log_sum, scale) = (sum.ln(), sum.recip());
    for (v, p) in logits.iter_mut().zip(probs) {
        *v = (*v - max) - log_sum; // two steps: max + log_sum would round at the size of max
        *p *= scale;
    }
    sum.is_finite() // a NaN or an infinite logit reaches the sum; f64::max alone would skip a NaN
}

/// One term of `KL(p || r) = sum_i p_i d_i + r_i - p_i`, with `d = log p - log r`: never negative, exact near zero.
#[inline]
#[must_use]
pub fn kl_term(p: f64, log_p: f64, r: f64, log_r: f64) -> f64 {
    if p == 0.0 {
        return r;
    }
    let d = log_p - log_r;
    if d == f64::INFINITY {
        d
    } else if d < -1.0 {
        // far apart nothing cancels, and r / p may overflow
        p * (d - 1.0) + r
    } else {
        p * (d + (-d).exp_m1())
    }
}

/// `KL(p || r)` in nats; `inf` if `p` has mass where `r` has none.
///
/// `sum_i p_i (d_i + expm1(-d_i))`: every term is at least zero, so values down to 1e-30 are resolved.
#[must_use]
pub fn kl(p: &[f64], log_p: &[f64], r: &[f64], log_r: &[f64]) -> f64 {
    (0..p.len()).map(|i| kl_term(p[i], log_p[i], r[i], log_r[i])).sum()
}

/// `KL(pi || BR_tau(pi))` for `BR_tau(pi) = softmax(log mu + q / tau)`, without storing the best response.
///
/// `gain` is `q` or any shift of it, `tau > 0`. The regularised duality gap is `2 tau` times this.
#[must_use]
pub fn kl_to_best_response(probs: &[f64], log_probs: &[f64], gain: &[f64], log_mu: &[f64], tau: f64) -> f64 {
    let n = probs.len();
    let logit = |i: usize| log_mu[i] + gain[i] / tau;
    let max = (0..n).map(logit).fold(f64::NEG_INFINITY, f64::max);
    let log_sum = (0..n).map(|i| (logit(i) - max).exp()).sum::<f64>().ln();
    (0..n)
        .map(|i| {
            let log_r = (logit(i) - max) - log_sum;
            kl_term(probs[i], log_probs[i], log_r.exp(), log_r)
        })
        .sum()
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
