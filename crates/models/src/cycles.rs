//! Cycles of majorities: how many triads, how strong, who is on one.

use equipoise_core::graph::strong_components;
use equipoise_data::Comparisons;
use ndarray::Array2;

use crate::clusters::Clusters;
use crate::distributions::sign_test;

/// A triad or cycle counts as significant if each of its pairs is, one-sided, at this level.
pub const PAIR_LEVEL: f64 = 0.05;

/// Facts about the cycles of one set of comparisons.
#[derive(Clone, Debug)]
pub struct CycleFacts {
    /// Triples in a cycle.
    pub cyclic: u64,
    /// Triples all of whose pairs met.
    pub total: u64,
    /// Cyclic triples, each weighted by the least of its three counts, as a share of all.
    pub weighted_share: f64,
    /// Cyclic triples all three pairs of which are significant.
    pub significant: u64,
    /// Triples all three pairs of which are significant.
    pub significant_total: u64,
    /// Largest `|K_ij + K_jk + K_ki|`.
    pub largest_curl: f64,
    /// Share of items on a cycle.
    pub items_on_cycles: f64,
    /// Largest z such that a cycle has every pair won at z standard errors or more; 0 without a cycle.
    pub strongest_cycle: f64,
    /// A cycle of that strength, each item beating the next and the last the first.
    pub cycle: Vec<usize>,
    /// The cyclic triple whose weakest pair is the strongest, each beating the next.
    pub strongest_triad: Option<[usize; 3]>,
}

/// Counts the cycles. Cost: O(n^3) for the triads.
#[must_use]
pub fn cycle_facts(data: &Comparisons) -> CycleFacts {
    let sure = |_: usize, _: f64, (more, fewer): (f64, f64)| sign_test(more, fewer) < PAIR_LEVEL;
    cycle_facts_with(data, |_, votes: f64| votes.sqrt(), sure)
}

/// [`cycle_facts`] where an observation may be several comparisons.
pub(crate) fn observed_cycle_facts(data: &Comparisons, observed: Option<&Clusters>) -> CycleFacts {
    let Some(observed) = observed else { return cycle_facts(data) };
    let sure = |pair: usize, _: f64, _: (f64, f64)| observed.p_value(pair) < PAIR_LEVEL;
    cycle_facts_with(data, |pair, _| observed.error(data, pair), sure)
}

/// The facts by the error of each pair's lead, of its index and decisive comparisons, and by whether its majority is
/// significant: of its index, lead in errors, and wins and losses.
pub(crate) fn cycle_facts_with(
    data: &Comparisons,
    error: impl Fn(usize, f64) -> f64,
    is_sure: impl Fn(usize, f64, (f64, f64)) -> bool,
) -> CycleFacts {
    let n = data.n();
    let (mut margin, mut met) = (Array2::<f64>::zeros((n, n)), Array2::<f64>::zeros((n, n)));
    let (mut z, mut sure) = (Array2::<f64>::zeros((n, n)), Array2::from_elem((n, n), false));
    for (at, pair) in data.pairs.iter().enumerate() {
        let (i, j, (wins, losses, _)) = (pair.i, pair.j, pair.outcomes());
        (met[[i, j]], met[[j, i]]) = (pair.met(), pair.met());
        (margin[[i, j]], margin[[j, i]]) = (pair.margin(0.0), -pair.margin(0.0));
        if wins != losses {
            let strength = (wins - losses) / error(at, wins + losses);
            (z[[i, j]], z[[j, i]]) = (strength, -strength);
            let significant = is_sure(at, strength.abs(), (wins.max(losses), wins.min(losses)));
            (sure[[i, j]], sure[[j, i]]) = (significant, significant);
        }
    }
    let (mut cyclic, mut total, mut significant, mut significant_total) = (0, 0, 0, 0);
    let (mut cyclic_weight, mut weight, mut largest_curl) = (0.0, 0.0, 0.0f64);
    let mut strongest: Option<([usize; 3], f64)> = None;
    for i in 0..n {
        for j in i + 1..n {
            if met[[i, j]] == 0.0 {
                continue;
            }
            for k in j + 1..n {
                if met[[j, k]] == 0.0 || met[[i, k]] == 0.0 {
                    continue;
                }
                let (a, b, c) = (z[[i, j]], z[[j, k]], z[[k, i]]);
                let least = met[[i, j]].min(met[[j, k]]).min(met[[i, k]]);
                let all_sure = sure[[i, j]] && sure[[j, k]] && sure[[i, k]];
                total += 1;
                weight += least;
                significant_total += u64::from(all_sure);
                largest_curl = largest_curl.max((margin[[i, j]] + margin[[j, k]] + margin[[k, i]]).abs());
                let forward = a > 0.0 && b > 0.0 && c > 0.0;
                if forward || (a < 0.0 && b < 0.0 && c < 0.0) {
                    cyclic += 1;
                    cyclic_weight += least;
                    significant += u64::from(all_sure);
                    let weakest = a.abs().min(b.abs()).min(c.abs());
                    if strongest.is_none_or(|(_, s)| weakest > s) {
                        strongest = Some((if forward { [i, j, k] } else { [k, j, i] }, weakest));
                    }
                }
            }
        }
    }
    let (strongest_cycle, cycle) = strongest_cycle(&z);
    let on_cycles: usize = blocks_at(&z, f64::MIN_POSITIVE).iter().map(Vec::len).filter(|&k| k > 1).sum();
    CycleFacts {
        cyclic,
        total,
        weighted_share: if weight > 0.0 { cyclic_weight / weight } else { 0.0 },
        significant,
        significant_total,
        largest_curl,
        items_on_cycles: on_cycles as f64 / n as f64,
        strongest_cycle,
        cycle,
        strongest_triad: strongest.map(|(t, _)| t),
    }
}

/// Strong blocks of "won at `z` standard errors or more".
fn blocks_at(z: &Array2<f64>, least: f64) -> Vec<Vec<usize>> {
    let n = z.nrows();
    let edges: Vec<Vec<usize>> = (0..n).map(|i| (0..n).filter(|&j| z[[i, j]] >= least).collect()).collect();
    strong_components(&edges)
}

/// The bottleneck of the strongest cycle, by bisection over the strengths that occur, and such a cycle.
fn strongest_cycle(z: &Array2<f64>) -> (f64, Vec<usize>) {
    let mut levels: Vec<f64> = z.iter().copied().filter(|&x| x > 0.0).collect();
    levels.sort_by(f64::total_cmp);
    levels.dedup();
    let has_cycle = |level: f64| blocks_at(z, level).iter().any(|b| b.len() > 1);
    // cycles vanish as the level rises
    let above = levels.partition_point(|&level| has_cycle(level));
    if above == 0 {
        return (0.0, Vec::new());
    }
    let level = levels[above - 1];
    let block = blocks_at(z, level).into_iter().find(|b| b.len() > 1).expect("this level has a cycle");
    (level, shortest_cycle(z, level, &block))
}

/// A shortest cycle within a strong block, from its first item, by breadth-first search.
fn shortest_cycle(z: &Array2<f64>, level: f64, block: &[usize]) -> Vec<usize> {
    let mut best: Vec<usize> = Vec::new();
    for &start in block {
        let mut from = vec![usize::MAX; z.nrows()];
        let mut queue = std::collections::VecDeque::from([start]);
        'search: while let Some(i) = queue.pop_front() {
            for &j in block {
                if z[[i, j]] < level {
                    continue;
                }
                if j == start {
                    let mut path = vec![i];
                    while let Some(&last) = path.last().filter(|&&l| l != start) {
                        path.push(from[last]);
                    }
                    path.reverse();
                    if best.is_empty() || path.len() < best.len() {
                        best = path;
                    }
                    break 'search;
                }
                if from[j] == usize::MAX {
                    from[j] = i;
                    queue.push_back(j);
                }
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_cycle_is_found_whatever_its_length() {
        // a five-cycle of 40 : 5, all other pairs 30 : 15 along the order
        let mut wins = Array2::from_shape_fn((5, 5), |(i, j)| if i < j { 30.0 } else { 15.0 });
        wins.diag_mut().fill(0.0);
        for i in 0..5 {
            let j = (i + 1) % 5;
            (wins[[i, j]], wins[[j, i]]) = (40.0, 5.0);
        }
        let data = Comparisons::from_tables(&wins, &Array2::zeros((5, 5)));
        let facts = cycle_facts(&data);
        assert_eq!(facts.cycle, [0, 1, 2, 3, 4]);
        assert!((facts.strongest_cycle - 35.0 / 45f64.sqrt()).abs() < 1e-12);
        // 4 beats 0, 0 beats 1..3, each of which beats 4
        assert_eq!((facts.cyclic, facts.total, facts.significant, facts.items_on_cycles), (3, 10, 3, 1.0));
        assert!(facts.strongest_triad.is_some_and(|t| t.contains(&0) && t.contains(&4)));
        // without the way back there is none
        (wins[[4, 0]], wins[[0, 4]]) = (22.0, 23.0);
        let facts = cycle_facts(&Comparisons::from_tables(&wins, &Array2::zeros((5, 5))));
        assert_eq!((facts.cyclic, facts.strongest_cycle, facts.cycle.len()), (0, 0.0, 0));
    }
}
