//! What reaching a target costs, where some repetitions end before they reach it.
//!
//! A repetition that ended without it is censored: it would have cost more than it spent. The median counts it as beyond every other,
//! and is known only if more than half reached the target; its interval is that of the sign test, which order statistics bound
//! whatever the distribution. The expected cost is that of who starts again until the target is reached: all that was spent, over the
//! repetitions that reached it (ERT: Hansen, Auger, Ros, Mersmann, Tusar, Brockhoff, Optimization Methods and Software 36, 2021).

use super::paired::rank;
use super::spread::Spread;

/// Costs of reaching a target over repetitions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct TimeToTarget {
    pub(crate) runs: usize,
    pub(crate) reached: usize,
    /// Infinite where at most half reached it.
    pub(crate) median: f64,
    /// Below the median, whatever the censored repetitions would have cost.
    pub(crate) at_least: f64,
    /// 95% interval of the median; its upper end may be infinite. `None` for fewer than six repetitions.
    pub(crate) interval: Option<(f64, f64)>,
    /// Expected cost with restarts; `None` if none reached it.
    pub(crate) expected: Option<f64>,
}

impl TimeToTarget {
    /// Of pairs: the cost of reaching the target, `None` if it was not, and all that was spent. `None` without repetitions.
    pub(crate) fn of(runs: &[(Option<f64>, f64)]) -> Option<Self> {
        let beyond = |&(cost, _): &(Option<f64>, f64)| cost.unwrap_or(f64::INFINITY);
        let median = Spread::of(runs.iter().map(beyond))?.median;
        let spent = |&(cost, spent): &(Option<f64>, f64)| cost.unwrap_or(spent);
        let at_least = Spread::of(runs.iter().map(spent))?.median;
        let mut sorted: Vec<f64> = runs.iter().map(beyond).collect();
        sorted.sort_by(f64::total_cmp);
        let reached = runs.iter().filter(|(cost, _)| cost.is_some()).count();
        let all: f64 = runs.iter().map(spent).sum();
        Some(Self {
            runs: runs.len(),
            reached,
            median,
            at_least,
            interval: rank(runs.len()).map(|r| (sorted[r - 1], sorted[runs.len() - r])),
            expected: (reached > 0).then(|| all / reached as f64),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_did_not_arrive_counts() {
        let of = |runs: &[(Option<f64>, f64)]| TimeToTarget::of(runs).unwrap();
        // of five, three arrived: the median is the third, not that of the three
        let most =
            of(&[(Some(10.0), 90.0), (None, 90.0), (Some(30.0), 90.0), (Some(20.0), 90.0), (None, 90.0)]);
        assert_eq!((most.reached, most.median, most.interval), (3, 30.0, None));
        assert_eq!(most.expected, Some((10.0 + 20.0 + 30.0 + 2.0 * 90.0) / 3.0));
        // half of them: the median lies beyond, and at least at the mean of the two in the middle
        let half = of(&[(Some(10.0), 90.0), (None, 90.0), (None, 70.0), (Some(20.0), 90.0)]);
        assert_eq!((half.median, half.at_least), (f64::INFINITY, 45.0));
        let none = of(&[(None, 5.0), (None, 7.0), (None, 6.0)]);
        assert_eq!((none.reached, none.expected, none.at_least), (0, None, 6.0));
        // six: the smallest and the largest bound the median
        let six: Vec<_> = (1..=6).map(|k| ((k < 6).then_some(f64::from(k)), 9.0)).collect();
        assert_eq!(of(&six).interval, Some((1.0, f64::INFINITY)));
        assert!(TimeToTarget::of(&[]).is_none());
    }
}
