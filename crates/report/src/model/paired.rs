//! Methods compared pair by pair: the repetitions of two methods that met the same noise.
//!
//! The level of a run is its noise floor where one was told, else its last gap. The ratio of two levels in one repetition is free
//! of what both had in common. Their median has the interval of the order statistics `r` and `n + 1 - r`, with the largest `r`
//! for which the binomial tail `2 Pr(B(n, 1/2) < r)` is at most 5%: exact for any distribution (sign test), from six pairs on.

use equipoise_records::{Iterate, Run};

use super::group::{Method, RunFacts as _, Setting};

/// One method against the best.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ratio<'a> {
    /// Its number in the report.
    pub(crate) key: usize,
    pub(crate) label: &'a str,
    /// The ratio in every repetition, ascending; not empty.
    pub(crate) all: Vec<f64>,
    /// Median over repetitions of its level over that of the best.
    pub(crate) median: f64,
    /// 95% interval of the median; `None` for fewer than six pairs.
    pub(crate) interval: Option<(f64, f64)>,
}

/// All methods of a setting against the one with the lowest median level.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Paired<'a> {
    /// Whether all methods met the same draws of the oracle.
    pub(crate) shared: bool,
    pub(crate) best: &'a str,
    pub(crate) repetitions: usize,
    pub(crate) others: Vec<Ratio<'a>>,
}

/// The comparison, where at least two methods of several repetitions met sampled feedback.
pub(crate) fn paired<'a>(setting: &Setting<'a>) -> Option<Paired<'a>> {
    let metric = setting.metric();
    let sampled = |m: &&Method<'a>| {
        m.first().own_metric() == metric && m.runs.len() > 1 && m.runs.iter().all(|r| r.record.duels > 0)
    };
    let methods: Vec<&Method<'a>> = setting.methods.iter().filter(sampled).collect();
    let typical = |m: &Method<'_>| {
        let mut levels: Vec<f64> = m.runs.iter().filter_map(|run| level(run)).collect();
        levels.sort_by(f64::total_cmp);
        (!levels.is_empty()).then(|| levels[levels.len() / 2])
    };
    let best = methods
        .iter()
        .filter_map(|m| Some((typical(m)?, *m)))
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, m)| m)?;
    let against = |other: &&&Method<'a>| other.key != best.key;
    let others: Vec<Ratio<'a>> = methods.iter().filter(against).filter_map(|m| ratio(m, best)).collect();
    let shared = best.runs.iter().all(|run| run.record.spec.get("noise").is_none());
    (!others.is_empty()).then_some(Paired { shared, best: best.label, repetitions: best.runs.len(), others })
}

/// The level at which a run ended.
fn level(run: &Run) -> Option<f64> {
    let floor = run.record.judgement.as_ref().and_then(|j| j.floor.as_ref()).map(|f| f.mean);
    floor.or_else(|| run.final_value(Iterate::Last, run.own_metric())).filter(|v| *v > 0.0 && v.is_finite())
}

fn ratio<'a>(method: &Method<'a>, best: &Method<'a>) -> Option<Ratio<'a>> {
    let of = |run: &Run| {
        let other = best.runs.iter().find(|r| r.record.repetition == run.record.repetition)?;
        Some(level(run)? / level(other)?)
    };
    let mut ratios: Vec<f64> = method.runs.iter().filter_map(|run| of(run)).collect();
    ratios.sort_by(f64::total_cmp);
    let n = ratios.len();
    let median = (n > 0).then(|| 0.5 * (ratios[(n - 1) / 2] + ratios[n / 2]))?;
    let interval = rank(n).map(|r| (ratios[r - 1], ratios[n - r]));
    Some(Ratio { key: method.key, label: method.label, all: ratios, median, interval })
}

/// The largest `r >= 1` with `2 Pr(B(n, 1/2) < r) <= 5%`.
pub(crate) fn rank(n: usize) -> Option<usize> {
    // the logarithm of a term: of more than a thousand pairs the first terms are below every number
    let (mut term, mut tail, mut r) = (-(n as f64) * std::f64::consts::LN_2, 0.0, 0);
    while r < n {
        tail += f64::exp(term);
        if 2.0 * tail > 0.05 {
            break;
        }
        term += ((n - r) as f64 / (r + 1) as f64).ln();
        r += 1;
    }
    (r > 0).then_some(r)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of the sign test's ranks (Conover, Practical Nonparametric Statistics).
    #[test]
    fn ranks_are_those_of_the_sign_test() {
        let ranks: Vec<_> = [5, 6, 8, 9, 10, 12, 20, 30].into_iter().map(rank).collect();
        assert_eq!(ranks, [None, Some(1), Some(1), Some(2), Some(2), Some(3), Some(6), Some(10)]);
        // of many pairs half of them less 1.96 halves of the root
        for n in [1_000, 1_074, 1_076, 10_000, 1_000_000] {
            let normal = 0.5 * (n as f64 - 1.959_964 * (n as f64).sqrt());
            assert!(rank(n).is_some_and(|r| (r as f64 - normal).abs() <= 1.0), "{n}");
        }
    }
}
