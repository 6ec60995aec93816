//! Cycles of majorities: how many triads, how strong, who is on one.

use std::cell::RefCell;

use equipoise_core::graph::{Arcs, strong_components};
use equipoise_data::{Comparisons, PairCount};

use crate::clusters::Clusters;
use crate::distributions::sign_test;
use crate::transitive::{Directed, strongest_level};
use crate::triads::{Ranking, Triads};

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

/// Counts the cycles. Cost: for the triads, over pairs that met, whom their later item met.
#[must_use]
pub fn cycle_facts(data: &Comparisons) -> CycleFacts {
    let levels = SignLevels::default();
    let sure = |_: usize, _: f64, (more, fewer): (f64, f64)| levels.is_sure(more, fewer);
    cycle_facts_with(data, |_, votes: f64| votes.sqrt(), sure)
}

/// Of so many votes, in whole numbers, how many have to be for the majority to be significant: pairs share these.
#[derive(Default)]
struct SignLevels(RefCell<Vec<Option<f64>>>);

impl SignLevels {
    /// Votes for which levels are kept.
    const KEPT: f64 = 4096.0;

    /// Whether the sign test of a majority is below [`PAIR_LEVEL`].
    fn is_sure(&self, more: f64, fewer: f64) -> bool {
        let (votes, sure) = (more + fewer, |more: f64, fewer: f64| sign_test(more, fewer) < PAIR_LEVEL);
        if more.fract() != 0.0 || fewer.fract() != 0.0 || votes >= Self::KEPT {
            return sure(more, fewer);
        }
        let mut kept = self.0.borrow_mut();
        let at = votes as usize;
        if kept.len() <= at {
            kept.resize(at + 1, None);
        }
        // the p-value falls with the majority
        let least = *kept[at].get_or_insert_with(|| {
            let (mut not, mut enough) = (0.0, votes + 1.0);
            while enough - not > 1.0 {
                let middle = (0.5 * (not + enough)).floor();
                if sure(middle, votes - middle) { enough = middle } else { not = middle }
            }
            enough
        });
        more >= least
    }
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
    let (z, sure) = leads(data, error, is_sure);
    let triads = Triads::new(data.n(), &data.pairs, Ranking::Number);
    let mut facts = triad_facts(data, &triads, &z, &sure);
    let graph = Majorities::new(data, z);
    (facts.strongest_cycle, facts.cycle) = graph.strongest_cycle();
    let on_cycles: usize = graph.blocks_at(f64::MIN_POSITIVE).iter().map(Vec::len).filter(|&k| k > 1).sum();
    facts.items_on_cycles = on_cycles as f64 / data.n() as f64;
    facts
}

/// [`observed_cycle_facts`] but for the cycle, in time and memory of the pairs that met and the look-ups of their triads.
pub(crate) fn cycle_facts_of_many(
    data: &Comparisons,
    triads: &Triads,
    observed: Option<&Clusters>,
) -> CycleFacts {
    let levels = SignLevels::default();
    let error = |pair, votes: f64| observed.map_or(votes.sqrt(), |o| o.error(data, pair));
    facts_of_triads(data, triads, error, |pair, _, (more, fewer)| match observed {
        Some(observed) => observed.p_value(pair) < PAIR_LEVEL,
        None => levels.is_sure(more, fewer),
    })
}

/// [`cycle_facts_with`] but for the cycle, which is left empty.
pub(crate) fn facts_of_triads(
    data: &Comparisons,
    triads: &Triads,
    error: impl Fn(usize, f64) -> f64,
    is_sure: impl Fn(usize, f64, (f64, f64)) -> bool,
) -> CycleFacts {
    let (z, sure) = leads(data, error, is_sure);
    let mut facts = triad_facts(data, triads, &z, &sure);
    let won = data.pairs.iter().zip(&z).filter(|(_, z)| **z != 0.0);
    let edge = |(p, z): (&PairCount, &f64)| match *z > 0.0 {
        true => Directed::new(p.i, p.j, *z),
        false => Directed::new(p.j, p.i, -z),
    };
    let edges: Vec<Directed> = won.map(edge).collect();
    facts.strongest_cycle = strongest_level(data.n(), &edges).unwrap_or(0.0);
    let beaten = Arcs::new(data.n(), edges.iter().map(|e| (e.from as usize, e.to as usize)));
    let on_cycles: usize = beaten.strong_components().iter().map(Vec::len).filter(|&k| k > 1).sum();
    facts.items_on_cycles = on_cycles as f64 / data.n() as f64;
    facts
}

/// Of each pair, for its first item: lead in errors, and whether its majority is significant.
fn leads(
    data: &Comparisons,
    error: impl Fn(usize, f64) -> f64,
    is_sure: impl Fn(usize, f64, (f64, f64)) -> bool,
) -> (Vec<f64>, Vec<bool>) {
    let (mut z, mut sure) = (vec![0.0; data.pairs.len()], vec![false; data.pairs.len()]);
    for (at, pair) in data.pairs.iter().enumerate() {
        let (wins, losses, _) = pair.outcomes();
        if wins != losses {
            let strength = (wins - losses) / error(at, wins + losses);
            let significant = is_sure(at, strength.abs(), (wins.max(losses), wins.min(losses)));
            (z[at], sure[at]) = (strength, significant);
        }
    }
    (z, sure)
}

/// What is counted triad by triad; the rest is 0 and empty.
fn triad_facts(data: &Comparisons, triads: &Triads, z: &[f64], sure: &[bool]) -> CycleFacts {
    let times: Vec<f64> = data.pairs.iter().map(PairCount::met).collect();
    let margin: Vec<f64> = data.pairs.iter().map(|pair| pair.margin(0.0)).collect();
    let (mut cyclic, mut total, mut significant, mut significant_total) = (0, 0, 0, 0);
    let (mut cyclic_weight, mut weight, mut largest_curl) = (0.0, 0.0, 0.0f64);
    let mut strongest: Option<([usize; 3], f64)> = None;
    triads.each(|[i, j, k], sides| {
        let [ij, jk, ik] = sides;
        let (a, b, c) = (ij.of(z[ij.pair()]), jk.of(z[jk.pair()]), -ik.of(z[ik.pair()]));
        let least = times[ij.pair()].min(times[jk.pair()]).min(times[ik.pair()]);
        let all_sure = sides.iter().all(|side| sure[side.pair()]);
        total += 1;
        weight += least;
        significant_total += u64::from(all_sure);
        let [m_ij, m_jk, m_ik] = sides.map(|side| side.of(margin[side.pair()]));
        largest_curl = largest_curl.max((m_ij + m_jk - m_ik).abs());
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
    });
    CycleFacts {
        cyclic,
        total,
        weighted_share: if weight > 0.0 { cyclic_weight / weight } else { 0.0 },
        significant,
        significant_total,
        largest_curl,
        items_on_cycles: 0.0,
        strongest_cycle: 0.0,
        cycle: Vec::new(),
        strongest_triad: strongest.map(|(t, _)| t),
    }
}

/// The pairs that met, from both sides.
struct Majorities {
    /// Of each item those it met, ascending, with the place of the pair.
    met: Vec<Vec<(u32, u32)>>,
    /// Of each pair, for its first item: lead in errors.
    z: Vec<f64>,
}

impl Majorities {
    fn new(data: &Comparisons, z: Vec<f64>) -> Self {
        let mut met = vec![Vec::new(); data.n()];
        for (at, pair) in data.pairs.iter().enumerate() {
            debug_assert!(pair.i < pair.j, "pairs list the lower number first");
            // a pair of no comparisons did not meet
            if pair.met() > 0.0 {
                met[pair.i].push((pair.j as u32, at as u32));
                met[pair.j].push((pair.i as u32, at as u32));
            }
        }
        met.iter_mut().for_each(|all| all.sort_unstable());
        Self { met, z }
    }

    /// Whom i beats at `least` standard errors or more, ascending.
    fn beaten(&self, i: usize, least: f64) -> impl Iterator<Item = usize> + '_ {
        let z = move |j: usize, pair: u32| if i < j { self.z[pair as usize] } else { -self.z[pair as usize] };
        self.met[i]
            .iter()
            .map(|&(j, pair)| (j as usize, pair))
            .filter(move |&(j, pair)| z(j, pair) >= least)
            .map(|m| m.0)
    }

    /// Strong blocks of "won at `least` standard errors or more".
    fn blocks_at(&self, least: f64) -> Vec<Vec<usize>> {
        let edges: Vec<Vec<usize>> = (0..self.met.len()).map(|i| self.beaten(i, least).collect()).collect();
        strong_components(&edges)
    }

    /// The bottleneck of the strongest cycle, by bisection over the strengths that occur, and such a cycle.
    fn strongest_cycle(&self) -> (f64, Vec<usize>) {
        let mut levels: Vec<f64> = self.z.iter().map(|z| z.abs()).filter(|&z| z > 0.0).collect();
        levels.sort_by(f64::total_cmp);
        levels.dedup();
        let has_cycle = |level: f64| self.blocks_at(level).iter().any(|b| b.len() > 1);
        // cycles vanish as the level rises
        let above = levels.partition_point(|&level| has_cycle(level));
        if above == 0 {
            return (0.0, Vec::new());
        }
        let level = levels[above - 1];
        let block = self.blocks_at(level).into_iter().find(|b| b.len() > 1).expect("this level has a cycle");
        (level, self.shortest_cycle(level, &block))
    }

    /// A shortest cycle within a strong block, from its first item, by breadth-first search.
    fn shortest_cycle(&self, level: f64, block: &[usize]) -> Vec<usize> {
        let mut place = vec![usize::MAX; self.met.len()];
        block.iter().enumerate().for_each(|(k, &i)| place[i] = k);
        // by place in the block: whom each beats there, in its order
        let edges = |&i: &usize| {
            let mut beaten: Vec<usize> =
                self.beaten(i, level).map(|j| place[j]).filter(|&k| k != usize::MAX).collect();
            beaten.sort_unstable();
            beaten
        };
        let edges: Vec<Vec<usize>> = block.iter().map(edges).collect();
        let mut best: Vec<usize> = Vec::new();
        for start in 0..block.len() {
            let mut from = vec![usize::MAX; block.len()];
            let mut queue = std::collections::VecDeque::from([start]);
            'search: while let Some(i) = queue.pop_front() {
                for &j in &edges[i] {
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
        best.into_iter().map(|k| block[k]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn kept_levels_are_those_of_the_sign_test() {
        let levels = SignLevels::default();
        for votes in (0..60).chain([500, 4095, 4100]) {
            for more in 0..=votes {
                let (more, fewer) = (f64::from(more), f64::from(votes - more));
                assert_eq!(
                    levels.is_sure(more, fewer),
                    sign_test(more, fewer) < PAIR_LEVEL,
                    "{more} {fewer}"
                );
            }
        }
        assert_eq!(levels.is_sure(5.5, 0.5), sign_test(5.5, 0.5) < PAIR_LEVEL);
    }

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
