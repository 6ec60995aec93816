//! Mathematics on one row of the simplex, written so that nothing cancels.
//!
//! Everything is in nats, in `f64`, and works with log-probabilities far below the smallest positive `f64`
//! probability: `log p = -1000` is an ordinary number.
//!
//! A row is computed eight entries at a time, the last vector padded with entries of probability 0. A single row of up to
//! 16 entries stays in registers: for a game of ten actions loads and stores cost as much as the arithmetic. Several such
//! rows are computed in batches (`batched.rs`). All code paths give the same bits.

mod batched;
mod best_response;
mod logits;
mod softmax;

use pulp::{Simd, WithSimd};

pub use best_response::{EightRows, best_responses_of_eight, kl_to_best_response, kl_to_best_response_rows};
pub(crate) use logits::{Combination, InPlace, Logits};
pub(crate) use softmax::LogSoftmax;

pub use crate::numerics::vector::kl_term;

use crate::numerics::lanes::{F64x8, LANES};
use crate::numerics::vector::{self, kl_term_of};

/// `log sum_i exp(v_i)`, shifted by the largest entry. `-inf` entries count nothing.
#[must_use]
pub fn log_sum_exp(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let max = values.clone().fold(f64::NEG_INFINITY, f64::max);
    if max == f64::NEG_INFINITY {
        return max;
    }
    max + values.map(|v| (v - max).exp()).sum::<f64>().ln()
}

/// A row of logits has no finite normaliser: it holds a NaN, a `+inf`, or only `-inf`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("row {row} of the logits has no finite normaliser")]
pub struct NonFinite {
    /// The first such row, from 0.
    pub row: usize,
}

/// Turns `logits` into log-probabilities in place and writes the probabilities beside them. A probability below 1e-307 is 0;
/// its logarithm is kept.
///
/// # Errors
/// [`NonFinite`] if the row has no finite normaliser; both slices are then meaningless.
pub fn log_softmax(logits: &mut [f64], probs: &mut [f64]) -> Result<(), NonFinite> {
    let offsets = [0, logits.len()];
    vector::run(LogSoftmax { offsets: &offsets, logits: &InPlace, log_probs: logits, probs })
        .map_or(Ok(()), |row| Err(NonFinite { row }))
}

/// `KL(p || r)` in nats; `inf` if `p` has mass where `r` has none.
///
/// Every term is at least zero and free of cancellation, so values down to 1e-30 and far below are resolved.
#[must_use]
pub fn kl(p: &[f64], log_p: &[f64], r: &[f64], log_r: &[f64]) -> f64 {
    vector::run(Kl { p, log_p, r, log_r })
}

struct Kl<'a> {
    p: &'a [f64],
    log_p: &'a [f64],
    r: &'a [f64],
    log_r: &'a [f64],
}

impl WithSimd for Kl<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let mut sums = F64x8::splat(simd, 0.0);
        let (p, r) = (self.p.chunks(LANES).zip(self.log_p.chunks(LANES)), self.r.chunks(LANES));
        for ((p, log_p), (r, log_r)) in p.zip(r.zip(self.log_r.chunks(LANES))) {
            let [p, log_p, r, log_r] = [p, log_p, r, log_r].map(
                #[inline(always)]
                |v| F64x8::load_part(simd, v, 0.0),
            );
            sums = sums + kl_term_of(p, log_p, r, log_r);
        }
        sums.sum()
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
    use std::collections::BTreeSet;

    use super::*;
    use proptest::prelude::*;

    fn softmax(logits: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (mut l, mut p) = (logits.to_vec(), vec![0.0; logits.len()]);
        log_softmax(&mut l, &mut p).unwrap();
        (p, l)
    }

    #[test]
    fn log_softmax_survives_a_million_nats() {
        let (p, l) = softmax(&[1e6, 0.0, -1e6]);
        assert_eq!(p, [1.0, 0.0, 0.0]);
        assert_eq!(l, [0.0, -1e6, -2e6]);
        for bad in [&[f64::NAN, 0.0][..], &[f64::INFINITY, 0.0], &[f64::NEG_INFINITY; 2]] {
            assert_eq!(log_softmax(&mut bad.to_vec(), &mut [0.0; 2]), Err(NonFinite { row: 0 }));
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
            sizes in prop::collection::vec(prop_oneof![8 => 1usize..21, 1 => 60usize..300], 1..90),
            bad in (any::<prop::sample::Index>(), prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY)]),
            equal in 1usize..20,
            tau in 1e-2..2.0,
        ) {
            let sizes = [sizes, vec![equal; 21]].concat();
            let offsets: Vec<usize> = std::iter::once(5)
                .chain(sizes.iter().scan(5, |end, n| { *end += n; Some(*end) }))
                .collect();
            let n = offsets[sizes.len()] - 5;
            let wave = |f: f64| (0..n).map(|i| (i as f64 * f).sin() * 3.0).collect::<Vec<_>>();
            let (mut l, mut p, gain, log_mu) = (wave(0.7), vec![0.0; n], wave(1.3), wave(0.2));
            let logits = l.clone();
            let rows = LogSoftmax { offsets: &offsets, logits: &InPlace, log_probs: &mut l, probs: &mut p };
            prop_assert!(vector::run(rows).is_none());
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

            // a combination has the bits of its row alone, and one bad row is found and spoils no other
            let weighted = Combination([(0.7, &gain[..]), (-0.4, &log_mu[..])]);
            let spoilt = bad.0.index(sizes.len());
            let wrong: Vec<f64> = (0..n)
                .map(|i| if offsets[spoilt] - 5 <= i && i < offsets[spoilt + 1] - 5 { bad.1 } else { gain[i] })
                .collect();
            let with_wrong = Combination([(0.7, &wrong[..]), (-0.4, &log_mu[..])]);
            let zeroed: Vec<usize> = offsets.iter().map(|o| o - 5).collect();
            let of = |logits: &Combination<'_, 2>| {
                let (mut l, mut p) = (vec![0.0; n], vec![0.0; n]);
                let rows = LogSoftmax { offsets: &zeroed, logits, log_probs: &mut l, probs: &mut p };
                (vector::run(rows), l, p)
            };
            let ((good, l, p), (found, wrong_l, wrong_p)) = (of(&weighted), of(&with_wrong));
            prop_assert_eq!((good, found), (None, Some(spoilt)));
            for (k, w) in zeroed.windows(2).enumerate() {
                let row = w[0]..w[1];
                let (mut alone_l, mut alone_p) = (vec![0.0; row.len()], vec![0.0; row.len()]);
                let logits = Combination([(0.7, &gain[row.clone()]), (-0.4, &log_mu[row.clone()])]);
                let rows = LogSoftmax { offsets: &[0, row.len()], logits: &logits, log_probs: &mut alone_l, probs: &mut alone_p };
                prop_assert!(vector::run(rows).is_none());
                let same = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits());
                prop_assert!(same(&alone_l, &l[row.clone()]) && same(&alone_p, &p[row.clone()]));
                prop_assert!(k == spoilt || same(&alone_l, &wrong_l[row.clone()]) && same(&alone_p, &wrong_p[row]));
            }
        }

        #[test]
        fn eight_policies_at_once_give_the_bits_of_each(
            n in 1usize..150,
            cuts in prop::collection::vec(any::<usize>(), 0..20),
            tau in prop_oneof![Just(0.0), 1e-2..2.0],
        ) {
            let wave = |f: f64| (0..n).map(|i| (i as f64 * f).sin() * 3.0).collect::<Vec<_>>();
            let rows: Vec<_> = (0..LANES).map(|k| (softmax(&wave(0.7 + k as f64)), wave(1.3 + k as f64))).collect();
            let log_mu = softmax(&wave(0.2)).1;
            let columns = |value: &dyn Fn(usize, usize) -> f64| -> Vec<[f64; LANES]> {
                (0..n).map(|a| std::array::from_fn(|k| value(k, a))).collect()
            };
            let (probs, log_probs) = (columns(&|k, a| rows[k].0.0[a]), columns(&|k, a| rows[k].0.1[a]));
            let (mut gain, mut scratch) = (columns(&|k, a| rows[k].1[a]), vec![[f64::NAN; LANES]; n]);
            let eight = EightRows { probs: &probs, log_probs: &log_probs, gain: &mut gain, scratch: &mut scratch };
            let offsets: Vec<usize> = cuts.iter().map(|c| c % n).chain([0, n]).collect::<BTreeSet<_>>().into_iter().collect();
            let mut found = Vec::new();
            best_responses_of_eight(eight, &offsets, &log_mu, tau, |largest, kl| found.push((largest, kl)));
            prop_assert_eq!(found.len(), offsets.len() - 1);
            for (w, (largest, kl)) in offsets.windows(2).zip(found) {
                let at = w[0]..w[1];
                for (k, ((p, l), q)) in rows.iter().enumerate() {
                    let (p, l, q) = (&p[at.clone()], &l[at.clone()], &q[at.clone()]);
                    prop_assert_eq!(largest[k].to_bits(), vector::max(q).to_bits());
                    let alone = if tau == 0.0 { 0.0 } else { kl_to_best_response(p, l, q, &log_mu[at.clone()], tau) };
                    prop_assert_eq!(kl[k].to_bits(), alone.to_bits());
                }
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
