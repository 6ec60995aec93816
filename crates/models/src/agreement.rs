//! Does one board fit every context (or annotator)? Win rates of each group against those of all groups together.
//!
//! The null: within a pair of items the outcome does not depend on the group. No model of strengths is part of it. Given how
//! often each group compared a pair, and the pair's wins, losses and ties, all ways to deal the outcomes to the comparisons are
//! equally likely, so that the p-value is exact whatever the counts, if comparisons are independent of each other. Those of a
//! ranking are not: its pairs cannot be dealt apart, and nothing is to be drawn for it (`deals` 0).
//!
//! ```text
//! Q = sum over groups c and items i  S_ci^2 / V_ci,     S_ci = sum_j (score of i against j in c  -  n_cij P_ij)
//! V_ci = sum_j n_cij (N_ij - n_cij) / (N_ij - 1) Var_ij         p = (1 + #{Q* >= Q}) / (1 + deals)
//! ```
//!
//! `P` and `Var` (mean and variance of a score, ties 1/2) are those of the pair over all groups, `N` its comparisons, `V` the variance
//! of `S` but for correlations. It is sensitive to an item that does better in one group than in another. Pairs that one group
//! alone compared say nothing. A comparison that stands in several groups (overlapping tags) is no deal of its own: then
//! groups look more alike than they are, and p is too large.
//!
//! Items and groups are taken in an order of their content, whatever that of the rows. Cost: deals x comparisons.

use equipoise_core::Rng;
use equipoise_core::sample::uniform;
use equipoise_core::seed::stream;
use equipoise_data::{Comparisons, Grouped, Observations, PairCount, Unit};
use rayon::prelude::*;

use crate::canonical::Canonical;
use crate::resample::is_whole;

/// Most comparisons that are dealt.
pub const LARGEST: f64 = 2e7;

/// Whether groups agree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreement {
    /// Groups with comparisons.
    pub groups: usize,
    /// Comparisons of pairs that several groups compared.
    pub shared: f64,
    /// `Q`.
    pub statistic: f64,
    /// Share of deals with as much; `None` if counts are not whole, are more than [`LARGEST`], or no pair was compared in
    /// several groups.
    pub p_value: Option<f64>,
    /// Why that is so.
    pub untested: Option<&'static str>,
}

/// One pair in the groups that compared it.
struct Pair {
    i: usize,
    j: usize,
    /// Twice the score of i in each comparison: 2, 1 or 0; group after group.
    scores: Vec<u8>,
    /// Groups, with the end of their part of the scores.
    parts: Vec<(usize, usize)>,
    /// Twice the mean score.
    mean: f64,
}

/// Tests whether the groups agree, by `deals` deals on streams of `seed`.
#[must_use]
pub fn agreement(data: &Grouped, deals: usize, seed: u64) -> Agreement {
    let groups = data.groups.iter().filter(|g| !g.pairs.is_empty()).count();
    let whole = data.groups.iter().all(is_whole);
    let few = data.groups.iter().map(|g| g.total).sum::<f64>() <= LARGEST;
    let pairs = if whole && few { pairs(data) } else { Vec::new() };
    let (n, shared) = (data.labels.len(), pairs.iter().map(|p| p.scores.len()).sum::<usize>() as f64);
    let mut variance = vec![0.0; n * data.groups.len()];
    for p in &pairs {
        let total = p.scores.len() as f64;
        let spread = p.scores.iter().map(|&s| (f64::from(s) - p.mean).powi(2)).sum::<f64>() / total;
        let mut from = 0;
        for &(group, to) in &p.parts {
            let met = (to - from) as f64;
            let v = met * (total - met) / (total - 1.0) * spread;
            variance[group * n + p.i] += v;
            variance[group * n + p.j] += v;
            from = to;
        }
    }
    let statistic = |dealt: &mut dyn FnMut(&Pair) -> Vec<u8>| {
        let mut off = vec![0.0; variance.len()];
        for p in &pairs {
            let scores = dealt(p);
            let mut from = 0;
            for &(group, to) in &p.parts {
                let sum: f64 = scores[from..to].iter().map(|&s| f64::from(s)).sum();
                let s = sum - (to - from) as f64 * p.mean;
                off[group * n + p.i] += s;
                off[group * n + p.j] -= s;
                from = to;
            }
        }
        off.iter().zip(&variance).map(|(s, v)| if *v > 0.0 { s * s / v } else { 0.0 }).sum::<f64>()
    };
    let seen = statistic(&mut |p| p.scores.clone());
    let testable = variance.iter().any(|v| *v > 0.0) && deals > 0;
    let p_value = testable.then(|| {
        let as_much = (0..deals)
            .into_par_iter()
            .filter(|k| {
                let mut rng = stream(seed, "deal", &[&k.to_string()]);
                statistic(&mut |p| deal(&p.scores, &mut rng)) >= seen * (1.0 - 1e-12)
            })
            .count();
        (1 + as_much) as f64 / (1 + deals) as f64
    });
    let untested = match p_value {
        Some(_) => None,
        None if !whole => Some("weights in fractions are not counts"),
        None if !few => Some("there are more than 2e7 comparisons"),
        None if shared == 0.0 => Some("no pair was compared by several groups"),
        None if deals == 0 => Some("nothing is drawn"),
        None => Some("every pair that several groups compared has one outcome alone"),
    };
    Agreement { groups, shared, statistic: seen, p_value, untested }
}

/// The scores in an order drawn at random (Fisher and Yates).
fn deal(scores: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut dealt = scores.to_vec();
    for k in (1..dealt.len()).rev() {
        dealt.swap(k, ((k + 1) as f64 * uniform(rng)) as usize);
    }
    dealt
}

/// The pairs that several groups compared: items and groups under numbers that follow from their content.
fn pairs(data: &Grouped) -> Vec<Pair> {
    if data.groups.is_empty() {
        return Vec::new();
    }
    let place = Canonical::of(&Observations::of_groups(&data.groups, Unit::Context)).place;
    let cells = |counts: &Comparisons| -> Vec<(usize, usize, [u64; 3])> {
        let cell = |p: &PairCount| {
            // whole numbers
            let (wins, losses, ties) = p.outcomes();
            let (i, j, [wins, losses]) = match (place[p.i], place[p.j]) {
                (i, j) if i < j => (i, j, [wins, losses]),
                (i, j) => (j, i, [losses, wins]),
            };
            (i, j, [wins, ties, losses].map(|count| count.round() as u64))
        };
        let mut cells: Vec<_> = counts.pairs.iter().map(cell).collect();
        cells.sort_unstable();
        cells
    };
    let mut groups: Vec<Vec<(usize, usize, [u64; 3])>> = data.groups.iter().map(cells).collect();
    groups.sort_unstable();
    let mut all: Vec<(usize, usize, usize, [u64; 3])> = Vec::new();
    for (group, cells) in groups.into_iter().enumerate() {
        all.extend(cells.into_iter().map(|(i, j, counts)| (i, j, group, counts)));
    }
    all.sort_unstable();
    let same = all.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)).filter(|of_pair| of_pair.len() > 1);
    same.map(|of_pair| {
        let (mut scores, mut parts) = (Vec::new(), Vec::new());
        for &(_, _, group, counts) in of_pair {
            for (score, count) in [2u8, 1, 0].into_iter().zip(counts) {
                scores.extend(std::iter::repeat_n(score, count as usize));
            }
            parts.push((group, scores.len()));
        }
        let mean = scores.iter().map(|&s| f64::from(s)).sum::<f64>() / (scores.len() as f64).max(1.0);
        Pair { i: of_pair[0].0, j: of_pair[0].1, scores, parts, mean }
    })
    .filter(|p| p.scores.len() > 1)
    .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use equipoise_data::{Grouping, Selection, parse_grouped};

    use super::*;
    use crate::distributions::chi_squared_tail;

    fn grouped(rows: &[(&str, &str, &str, &str, u32)]) -> Grouped {
        let mut csv = String::from("item_a,item_b,outcome,context,weight\n");
        for (a, b, outcome, context, weight) in rows {
            csv.push_str(&format!("{a},{b},{outcome},{context},{weight}\n"));
        }
        parse_grouped(Path::new("d.csv"), csv.as_bytes(), &Selection::default(), Grouping::Context).unwrap()
    }

    #[test]
    fn one_pair_in_two_groups_is_the_test_of_a_table_of_four() {
        let data = grouped(&[
            ("x", "y", "a", "p", 30),
            ("x", "y", "b", "p", 20),
            ("x", "y", "a", "q", 20),
            ("x", "y", "b", "q", 30),
        ]);
        let found = agreement(&data, 1999, 3);
        assert_eq!((found.groups, found.shared), (2, 100.0));
        // four equal terms: S = 5 (doubled: 10), V = 50 50 / 99 / 4 (doubled: 25.25)
        assert!((found.statistic - 4.0 * 100.0 / (2500.0 / 99.0)).abs() < 1e-9, "{found:?}");
        // the hypergeometric law: Fisher's two-sided p of 30 20 / 20 30 is .0713
        assert!((found.p_value.unwrap() - 0.0713).abs() < 0.02, "{found:?}");
        // a quarter of it is nearly chi-squared
        assert!((chi_squared_tail(found.statistic / 4.0, 1.0) - 0.0465).abs() < 1e-3);
    }

    #[test]
    fn groups_that_differ_are_told_from_groups_that_do_not() {
        let alike = |k: u32| {
            let rows = ["p", "q", "r"].map(|c| {
                [
                    ("x", "y", "a", c, 20),
                    ("x", "y", "b", c, 10),
                    ("y", "z", "a", c, 15),
                    ("y", "z", "tie", c, k),
                ]
            });
            grouped(rows.concat().as_slice())
        };
        assert!(agreement(&alike(5), 199, 1).p_value.unwrap() > 0.9);
        // ten contexts of twelve comparisons: z beats everybody in one half, and loses in the other
        let names: Vec<String> = (0..10).map(|c| format!("c{c}")).collect();
        let rows: Vec<_> = names
            .iter()
            .enumerate()
            .flat_map(|(c, name)| {
                let z = if c % 2 == 0 { "a" } else { "b" };
                [
                    ("z", "x", z, name.as_str(), 3),
                    ("z", "y", z, name, 3),
                    ("x", "y", "a", name, 3),
                    ("x", "y", "b", name, 3),
                ]
            })
            .collect();
        assert_eq!(agreement(&grouped(&rows), 999, 1).p_value, Some(0.001));
        // nothing shared: nothing tested
        let apart = grouped(&[("x", "y", "a", "p", 3), ("y", "z", "a", "q", 3)]);
        let found = agreement(&apart, 99, 1);
        assert_eq!((found.p_value, found.untested), (None, Some("no pair was compared by several groups")));
    }

    #[test]
    fn neither_rows_nor_names_decide() {
        let mut rows = Vec::new();
        let counts = [[4, 1], [2, 3], [1, 5], [3, 3], [2, 1], [5, 2]];
        let cells = ["p", "q"].into_iter().flat_map(|c| [("x", "y", c), ("y", "z", c), ("x", "z", c)]);
        for ((a, b, context), [won, lost]) in cells.zip(counts) {
            rows.extend([(a, b, "a", context, won), (a, b, "b", context, lost)]);
        }
        let found = agreement(&grouped(&rows), 199, 1);
        assert!(found.p_value.unwrap() > 0.01 && found.untested.is_none());
        let mut moved = rows.clone();
        moved.reverse();
        assert_eq!(agreement(&grouped(&moved), 199, 1), found);
        let name = |item| match item {
            "x" => "zeta",
            "y" => "alpha",
            _ => "mu",
        };
        // other names, the other side listed first, and another order
        let renamed: Vec<_> = (0..rows.len())
            .map(|k| {
                let (a, b, won, context, weight) = rows[(5 * k + 2) % rows.len()];
                let won = if won == "a" { "b" } else { "a" };
                (name(b), name(a), won, if context == "p" { "two" } else { "one" }, weight)
            })
            .collect();
        assert_eq!(agreement(&grouped(&renamed), 199, 1), found);
    }
}
