//! What these data could have shown: votes needed to detect what they hint at.
//!
//! Two-sided numbers are approximate (normal and noncentral chi-squared laws): they plan, they do not decide.

use equipoise_data::Comparisons;

use crate::distributions::{chi_squared_tail, normal_quantile};
use crate::pair_fit::PairFit;

/// Probability with which a planned study finds what is there.
const POWER: f64 = 0.8;
/// Level of its tests.
const LEVEL: f64 = 0.05;

/// What could be detected.
#[derive(Clone, Debug)]
pub struct Power {
    /// The strongest cyclic triad, each beating the next, and the votes *a pair* after which all three of its pairs would
    /// be significant with probability 0.8, if its win rates are as seen.
    pub triad: Option<([usize; 3], f64)>,
    /// Smallest win rate of every pair of a triad that the median number of votes a pair detects as a cycle with
    /// probability 0.8; `None` if not even certain wins would do.
    pub detectable_win_rate: Option<f64>,
    /// Factor on all votes after which the deviance test would reject Bradley-Terry with probability 0.8, if the misfit
    /// is as seen less the part expected of noise; `None` if nothing is left.
    pub misfit_factor: Option<f64>,
}

pub(crate) fn power(data: &Comparisons, fit: &PairFit, triad: Option<[usize; 3]>) -> Power {
    let rate = |i: usize, j: usize| {
        let pair =
            data.pairs.iter().find(|p| (p.i, p.j) == (i.min(j), i.max(j))).expect("a triad's pairs met");
        0.5 + pair.margin(0.0) * if i < j { 1.0 } else { -1.0 }
    };
    let triad = triad.map(|t| {
        let worst = [rate(t[0], t[1]), rate(t[1], t[2]), rate(t[2], t[0])].into_iter().fold(1.0, f64::min);
        (t, votes_for(worst))
    });
    let mut met: Vec<f64> = data.pairs.iter().map(equipoise_data::PairCount::met).collect();
    met.sort_by(f64::total_cmp);
    let median = met[met.len() / 2];
    let detectable_win_rate = (votes_for(1.0) <= median).then(|| {
        let (mut low, mut high) = (0.5, 1.0);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if votes_for(middle) <= median { high = middle } else { low = middle }
        }
        high
    });
    let (degrees, excess) = (fit.degrees_of_freedom, fit.deviance - fit.degrees_of_freedom);
    let misfit_factor = (degrees >= 1.0 && excess > 0.0).then(|| noncentrality(degrees) / excess);
    Power { triad, detectable_win_rate, misfit_factor }
}

/// Votes after which one-sided sign tests of three pairs of this win rate all reject with probability 0.8.
fn votes_for(rate: f64) -> f64 {
    let z = normal_quantile(1.0 - LEVEL);
    let each = normal_quantile(POWER.cbrt());
    let spread = (rate * (1.0 - rate)).max(0.0).sqrt();
    ((0.5 * z + each * spread) / (rate - 0.5)).powi(2).ceil().max((0.05f64.ln() / 0.5f64.ln()).ceil())
}

/// The noncentrality at which a chi-squared test of that many degrees has the wanted power: the law is a Poisson mixture
/// of central ones.
fn noncentrality(degrees: f64) -> f64 {
    let bisect = |mut low: f64, mut high: f64, falls: &dyn Fn(f64) -> bool| {
        for _ in 0..80 {
            let middle = 0.5 * (low + high);
            if falls(middle) { low = middle } else { high = middle }
        }
        0.5 * (low + high)
    };
    let critical = bisect(0.0, 10.0 * degrees + 100.0, &|x| chi_squared_tail(x, degrees) > LEVEL);
    let power_at = |lambda: f64| {
        let half = 0.5 * lambda;
        let reach = 12.0 * half.sqrt() + 30.0;
        let (from, to) = ((half - reach).max(0.0) as u64, (half + reach) as u64);
        (from..=to)
            .map(|k| {
                let k = k as f64;
                let log = if half > 0.0 { k * half.ln() - half - libm::lgamma(k + 1.0) } else { -1e300 * k };
                log.exp() * chi_squared_tail(critical, degrees + 2.0 * k)
            })
            .sum::<f64>()
    };
    bisect(0.0, 20.0 * degrees + 200.0, &|lambda| power_at(lambda) < POWER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noncentralities_of_tables() {
        // Cohen 1988, table 9.3: 80 percent power at 5 percent
        for (degrees, lambda) in [(1.0, 7.849), (2.0, 9.635), (6.0, 13.624), (10.0, 16.241)] {
            assert!((noncentrality(degrees) - lambda).abs() < 2e-3, "{degrees} {}", noncentrality(degrees));
        }
    }

    #[test]
    fn votes_fall_with_the_margin() {
        assert!(votes_for(0.51) > 5000.0 && votes_for(0.7) < 80.0 && votes_for(1.0) >= 5.0);
    }
}
