//! A judge that votes several times, best-of-n, and confidence: laws of answers drawn repeatedly.
//!
//! ```text
//! majority of n votes     P_n = sum_{m > n/2} C(n, m) p^m (1 - p)^(n - m), and half of the term m = n/2        arXiv:2410.12832 (Maj@n)
//! best of n               Pr(y) = F(y)^n - F(y-)^n,  F: share of draws with a score of at most y's
//! selective AUC           mean over k of the accuracy of the k most confident answers, expected over the order of ties
//! ```

/// The probability that a majority of `votes` independent votes is for the first, each with probability `p`; a drawn vote counts half.
///
/// The smaller side is summed, so that the rarer verdict keeps its digits. Cost: O(votes).
///
/// # Panics
/// If `p` is not in [0, 1] or there is no vote.
#[must_use]
pub fn majority(p: f64, votes: u32) -> f64 {
    assert!((0.0..=1.0).contains(&p) && votes > 0, "a probability and a vote");
    if p > 0.5 {
        return 1.0 - minority(1.0 - p, votes);
    }
    minority(p, votes)
}

/// Of `p` of at most 1/2.
fn minority(p: f64, votes: u32) -> f64 {
    if p == 0.0 {
        return 0.0;
    }
    if p == 0.5 {
        return 0.5;
    }
    let n = f64::from(votes);
    let (log_p, log_q) = (p.ln(), (-p).ln_1p());
    let least = votes / 2 + 1;
    let log_choose = |m: f64| libm::lgamma(n + 1.0) - libm::lgamma(m + 1.0) - libm::lgamma(n - m + 1.0);
    let term = |m: f64| (log_choose(m) + m * log_p + (n - m) * log_q).exp();
    // each term is the one before it times (n - m) p / ((m + 1) q): falling above n/2
    let mut one = term(f64::from(least));
    let mut sum = if votes.is_multiple_of(2) { 0.5 * term(0.5 * n) } else { 0.0 };
    for m in least..=votes {
        sum += one;
        one *= (n - f64::from(m)) / (f64::from(m) + 1.0) * p / (1.0 - p);
    }
    sum
}

/// The law of the best of `n` draws from `policy` by `scores`, `[actions]`: of items of equal score, in proportion to the policy.
///
/// # Panics
/// If the lengths differ or a score is not a number.
#[must_use]
pub fn best_of(policy: &[f64], scores: &[f64], n: u32) -> Vec<f64> {
    assert!(policy.len() == scores.len() && scores.iter().all(|s| !s.is_nan()), "a score an action");
    let mut order: Vec<usize> = (0..policy.len()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let mut law = vec![0.0; policy.len()];
    let mut below = 0.0;
    for group in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        let mass: f64 = group.iter().map(|&i| policy[i]).sum();
        // (below + mass)^n - below^n without cancellation: mass times a sum of products
        let up = below + mass;
        let gain = (0..n).map(|k| up.powi(k as i32) * below.powi((n - 1 - k) as i32)).sum::<f64>();
        group.iter().for_each(|&i| law[i] = policy[i] * gain);
        below = up;
    }
    law
}

/// Mean over coverages 1/N, 2/N, .., 1 of the accuracy among the most confident answers, in expectation over the order of answers of
/// equal confidence; `None` without an answer.
///
/// # Panics
/// If the lengths differ or a confidence is not a number.
#[must_use]
pub fn selective_auc(confidence: &[f64], correct: &[bool]) -> Option<f64> {
    assert!(
        confidence.len() == correct.len() && confidence.iter().all(|c| !c.is_nan()),
        "a confidence an answer"
    );
    let mut order: Vec<usize> = (0..correct.len()).collect();
    order.sort_by(|&a, &b| confidence[b].total_cmp(&confidence[a]));
    let (mut right, mut seen, mut sum) = (0.0, 0.0, 0.0);
    for group in order.chunk_by(|&a, &b| confidence[a] == confidence[b]) {
        let share = group.iter().filter(|&&i| correct[i]).count() as f64 / group.len() as f64;
        for _ in group {
            right += share;
            seen += 1.0;
            sum += right / seen;
        }
    }
    (seen > 0.0).then(|| sum / seen)
}

/// The probability that a pair kept by the thresholds of ACECODER is the wrong way round: the answer with the higher pass rate on `tests`
/// tests is the one with the lower probability `lesser` of passing one, given that the pair is kept. Kept if the higher rate is at least
/// `high`, the rates are at least `apart` apart, and the lower one is above 0 (arXiv:2502.01718: 0.8, 0.4). `None` if no pair is kept.
///
/// # Panics
/// If a probability is not in [0, 1].
#[must_use]
pub fn wrong_pairs(better: f64, lesser: f64, tests: u32, high: f64, apart: f64) -> Option<f64> {
    let law = |p: f64| -> Vec<f64> {
        assert!((0.0..=1.0).contains(&p), "a probability");
        let n = f64::from(tests);
        let log = |k: u32| {
            let k = f64::from(k);
            let choose = libm::lgamma(n + 1.0) - libm::lgamma(k + 1.0) - libm::lgamma(n - k + 1.0);
            let times = |k: f64, log: f64| if k == 0.0 { 0.0 } else { k * log };
            choose + times(k, p.ln()) + times(n - k, (-p).ln_1p())
        };
        (0..=tests).map(|k| log(k).exp()).collect()
    };
    let (a, b) = (law(better), law(lesser));
    let rate = |k: usize| k as f64 / f64::from(tests);
    // rates are fractions of whole numbers: within rounding of a threshold they are at it
    let kept = |up: usize, down: usize| {
        rate(up) >= high - 1e-12 && rate(up) - rate(down) >= apart - 1e-12 && down > 0
    };
    let (mut right, mut wrong) = (0.0, 0.0);
    for (k, p) in a.iter().enumerate() {
        for (l, q) in b.iter().enumerate() {
            right += if kept(k, l) { p * q } else { 0.0 };
            wrong += if kept(l, k) { p * q } else { 0.0 };
        }
    }
    (right + wrong > 0.0).then(|| wrong / (right + wrong))
}
