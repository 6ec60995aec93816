//! What these data could have shown: votes needed to detect what they hint at.
//!
//! Two-sided numbers are approximate (normal and noncentral chi-squared laws): they plan, they do not decide.

use equipoise_core::cpu::prefetch;
use equipoise_core::graph::Arcs;
use equipoise_data::Comparisons;

use crate::cycles::CycleFacts;
use crate::distributions::{chi_squared_tail, normal_quantile};
use crate::transitive::CycleTest;

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
    /// The largest number of votes such that half of the items lie on some cycle of pairs that met so often, whoever won:
    /// what a cycle could be seen with. `None` if the pairs that met have no cycle.
    pub cycle_votes: Option<f64>,
    /// Smallest win rate of every pair of a cycle of three that so many votes a pair detect with probability 0.8, against
    /// the critical value of the [`CycleTest`]; `None` if not even certain wins would do.
    pub cycle_win_rate: Option<f64>,
    /// Factor on all votes after which the deviance test would reject Bradley-Terry with probability 0.8, if the misfit
    /// is as seen less the part that null data have; `None` if nothing is left, or it is found already.
    pub misfit_factor: Option<f64>,
}

/// `fit`: deviance and degrees of freedom. `deviance`: its mean under the null, and its p-value, where data could be drawn; `None`: it
/// is not tested. `cycle_votes`: as of [`cycle_votes`]. `design`: so many comparisons say as much as one independent one, at least 1.
pub(crate) fn power(
    data: &Comparisons,
    fit: (f64, f64),
    cycles: &CycleFacts,
    (test, cycle_votes): (&CycleTest, Option<f64>),
    deviance: Option<(Option<f64>, Option<f64>)>,
    design: f64,
) -> Power {
    let design = design.max(1.0);
    let single = normal_quantile(1.0 - LEVEL);
    let rate = |i: usize, j: usize| {
        let pair =
            data.pairs.iter().find(|p| (p.i, p.j) == (i.min(j), i.max(j))).expect("a triad's pairs met");
        0.5 + pair.margin(0.0) * if i < j { 1.0 } else { -1.0 }
    };
    let triad = cycles.strongest_triad.map(|t| {
        let worst = [rate(t[0], t[1]), rate(t[1], t[2]), rate(t[2], t[0])].into_iter().fold(1.0, f64::min);
        (t, design * votes_for(worst, single))
    });
    let mut met: Vec<f64> = data.pairs.iter().map(equipoise_data::PairCount::met).collect();
    let middle = met.len() / 2;
    let median = *met.select_nth_unstable_by(middle, f64::total_cmp).1;
    let detectable_win_rate = detectable(median / design, single);
    let critical = test.critical.unwrap_or(single);
    let (fitted, degrees) = fit;
    // null data have another mean than the chi-squared law where there are ties or few votes
    let expected = deviance.and_then(|d| d.0).unwrap_or(degrees);
    let excess = degrees * (fitted / expected - 1.0);
    let found = deviance.is_none_or(|d| d.1.is_some_and(|p| p < LEVEL));
    let misfit_factor = (degrees >= 1.0 && excess > 0.0 && !found).then(|| noncentrality(degrees) / excess);
    Power {
        triad,
        detectable_win_rate,
        cycle_votes,
        // half a vote at either end is lost to continuity
        cycle_win_rate: cycle_votes.and_then(|votes| {
            let votes = votes / design;
            detectable(votes, critical + 1.0 / votes.sqrt())
        }),
        misfit_factor,
    }
}

/// The smallest win rate that `votes_for` asks at most so many votes for.
fn detectable(votes: f64, z: f64) -> Option<f64> {
    (votes_for(1.0, z) <= votes).then(|| {
        let (mut low, mut high) = (0.5, 1.0);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if votes_for(middle, z) <= votes { high = middle } else { low = middle }
        }
        high
    })
}

/// Votes after which three pairs of this win rate all lead by `z` standard errors with probability 0.8.
fn votes_for(rate: f64, z: f64) -> f64 {
    let each = normal_quantile(POWER.cbrt());
    let spread = (rate * (1.0 - rate)).max(0.0).sqrt();
    ((0.5 * z + each * spread) / (rate - 0.5)).powi(2).ceil().max((0.05f64.ln() / 0.5f64.ln()).ceil())
}

/// As [`Power::cycle_votes`]: the largest number of votes such that half of the items lie on a cycle of pairs that met so often.
pub(crate) fn cycle_votes(data: &Comparisons) -> Option<f64> {
    let mut levels: Vec<f64> = data.pairs.iter().map(equipoise_data::PairCount::met).collect();
    levels.sort_unstable_by(f64::total_cmp);
    levels.dedup();
    let enough = |level: &f64| {
        let pairs = data.pairs.iter().filter(|p| p.met() >= *level).map(|p| (p.i, p.j));
        2 * on_cycles(data.n(), pairs) >= data.n()
    };
    // cycles vanish as the level rises
    levels.partition_point(enough).checked_sub(1).map(|k| levels[k])
}

/// How many items have a pair that is no bridge; each pair is listed once.
fn on_cycles(n: usize, pairs: impl Iterator<Item = (usize, usize)> + Clone) -> usize {
    let met = Arcs::new(n, pairs.flat_map(|(i, j)| [(i, j), (j, i)]));
    let (mut entered, mut low, mut time) = (vec![0u32; n], vec![0u32; n], 0);
    let mut on_cycle = vec![false; n];
    for start in 0..n {
        if entered[start] > 0 {
            continue;
        }
        time += 1;
        (entered[start], low[start]) = (time, time);
        // item, whom it was reached from, by a pair that is no way back, those it met that are not done
        let mut path = vec![(start, usize::MAX, met.of(start))];
        while let Some(&mut (i, by, ref mut left)) = path.last_mut() {
            if let Some((&j, rest)) = left.split_first() {
                let j = j as usize;
                *left = rest;
                if j == by {
                    continue;
                }
                if entered[j] == 0 {
                    time += 1;
                    (entered[j], low[j]) = (time, time);
                    met.of(j).iter().for_each(|&k| prefetch(&entered, k as usize));
                    path.push((j, i, met.of(j)));
                } else {
                    low[i] = low[i].min(entered[j]);
                    (on_cycle[i], on_cycle[j]) = (true, true);
                }
                continue;
            }
            path.pop();
            if let Some(&mut (parent, ..)) = path.last_mut() {
                low[parent] = low[parent].min(low[i]);
                if low[i] <= entered[parent] {
                    (on_cycle[i], on_cycle[parent]) = (true, true);
                }
            }
        }
    }
    on_cycle.iter().filter(|&&c| c).count()
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
        let votes = |rate: f64| votes_for(rate, normal_quantile(1.0 - LEVEL));
        assert!(votes(0.51) > 5000.0 && votes(0.7) < 80.0 && votes(1.0) >= 5.0);
    }

    #[test]
    fn items_on_cycles_of_pairs_that_met() {
        // two triangles on a bridge, and a leaf
        let pairs = [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (4, 5), (3, 5), (5, 6)];
        assert_eq!(on_cycles(7, pairs.into_iter()), 6);
        // a tree; two items; a round of four
        assert_eq!(on_cycles(4, [(0, 1), (1, 2), (1, 3)].into_iter()), 0);
        assert_eq!(on_cycles(2, [(0, 1)].into_iter()), 0);
        assert_eq!(on_cycles(4, [(0, 1), (1, 2), (2, 3), (0, 3)].into_iter()), 4);
    }
}
