//! Is the majority relation cyclic? A cycle in the data against the nearest game that has none.
//!
//! A pair's majority is that of its decisive comparisons, `q_ij = Pr(i beats j | no tie)` against 1/2; given their number
//! `n`, the wins are binomial, whatever the ties. Its strength is the standardised lead, less half a vote at either end
//! (continuity), so that few votes do not look like many (3 : 0 has 1.15, as the sign test has):
//!
//! ```text
//! s(i over j) = (wins - losses - 1) / sqrt(wins + losses),  wins > losses;      T = max over cycles, min over its links, s
//! ```
//!
//! **The null** is not one rating an item, which a transitive game may well misfit, but *some* order of the items that no
//! majority contradicts: `q_ij >= 1/2` for i before j. A cycle is beyond noise only if every link is (an intersection-union
//! test); for one cycle of two clear links the test is the sign test of the third. Over many cycles the chance that some
//! near-even pair closes one has to be counted, and that depends on which pairs are near even: the null data are drawn from
//! the nearest transitive game.
//!
//! * Its order: the maximum of the likelihood over orders, where a majority against the order is set to 1/2; that costs
//!   `wins ln(2 wins / n) + losses ln(2 losses / n)`, so that it is a minimum feedback arc set. By dynamic programming over
//!   the subsets of a strong component of up to [`EXACT`] items, else by moves of single items until none gains (of more than
//!   [`MAX_ITEMS`](crate::MAX_ITEMS) in at most 20 sweeps).
//! * Its win rates: a pair's own, but where the lead in the order is under [`NEAR`] standard errors it may as well be 1/2.
//!   Such a pair is drawn at both ends of `[1/2, own]` from one source of chance (`Y = X + Bin(n - X, 2 q - 1)`,
//!   `X ~ Bin(n, 1/2)`), and the stronger of its link along the order at the upper end and its link against the order at
//!   the lower end is taken: at least as strong as at any value in between. Without this, pairs near 1/2 whose lead happens
//!   to lie along the order would be taken for decided ones, and the test would reject too often (simulated: 8 percent).
//!
//! **Observations of several comparisons** (contexts, annotators, rankings) are independent of each other, and nothing else is:
//! the error of a lead is then `sqrt(sum_k lead_k^2)` over observations in place of `sqrt(wins + losses)`, the sign test is one
//! of the signs of observations, and null data keep what each observation is off the null, with a sign drawn for all its
//! pairs together (`crates/models/src/clusters.rs`). Where every observation is a comparison these are the same numbers.
//!
//! Level and power by simulation: `examples/cycle_test.rs`, recorded in `examples/cycle_test.txt`.
//!
//! Cost: replicates x (pairs x sqrt(votes) + pairs x log pairs). Replicates run in parallel, each on a stream of its own, and
//! draw the pairs in the order of the null: neither threads nor the order of the file reach the result.

mod order;

use equipoise_core::Rng;
use equipoise_core::graph::{Arcs, arc_order};
use equipoise_core::seed::stream;
use equipoise_data::{Comparisons, Observations};
use rayon::prelude::*;

use crate::clusters::Clusters;
use crate::distributions::sign_test;
use crate::intervals::quantile;
use crate::resample::{binomial, binomial_from, mode};

pub use self::order::EXACT;
use self::order::nearest_order;

/// Lead, in standard errors, below which a pair may be even under the null.
pub const NEAR: f64 = 2.0;

/// A cycle of majorities and how far it stands out of transitive games.
#[derive(Clone, Debug)]
pub struct CycleTest {
    /// The cycle whose weakest link is strongest, each beating the next and the last the first; empty without a cycle.
    pub cycle: Vec<usize>,
    /// Its weakest link, if there is a cycle.
    pub weakest: Option<Link>,
    /// Of that link, one-sided, by the exact sign test, of the signs of observations where these are several comparisons.
    pub weakest_p_value: Option<f64>,
    /// The order of the nearest transitive game, best first.
    pub order: Vec<usize>,
    /// Majorities that contradict it, as (winner, loser): links that noise would have to explain.
    pub against: Vec<(usize, usize)>,
    /// Twice the log-likelihood between the majorities as seen and the nearest transitive game: 0 without a cycle.
    pub distance: f64,
    /// Strength that 5 percent of null data sets reach, at least that of a single link; `None` if none were drawn.
    pub critical: Option<f64>,
    /// Share of null data sets with as strong a cycle, and at least the sign test's p of the weakest link; 1 without a cycle.
    /// `None` if none were drawn.
    pub p_value: Option<f64>,
}

impl CycleTest {
    /// The same with items of other numbers: `number[i]` for i.
    #[must_use]
    pub(crate) fn renumbered(self, number: &[usize]) -> Self {
        let of = |items: Vec<usize>| items.into_iter().map(|i| number[i]).collect::<Vec<_>>();
        let weakest = self.weakest.map(|w| Link { winner: number[w.winner], loser: number[w.loser], ..w });
        let against = self.against.into_iter().map(|(i, j)| (number[i], number[j])).collect();
        let mut cycle = of(self.cycle);
        // from its lowest number, so that a cycle is written in one way
        if let Some(first) = (0..cycle.len()).min_by_key(|&k| cycle[k]) {
            cycle.rotate_left(first);
        }
        Self { cycle, weakest, order: of(self.order), against, ..self }
    }
}

/// One majority.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// Who wins more.
    pub winner: usize,
    /// Against whom.
    pub loser: usize,
    /// Wins.
    pub wins: f64,
    /// Losses.
    pub losses: f64,
    /// The standard error of the lead of an even pair: the root of wins and losses, if they are independent.
    pub error: f64,
    /// The least that an observation changes the lead by, either way.
    step: f64,
    /// Index of the pair.
    pair: usize,
}

impl Link {
    /// Lead in standard errors: `(wins - losses) / sqrt(wins + losses)`, if comparisons are independent.
    #[must_use]
    pub fn standard_errors(&self) -> f64 {
        (self.wins - self.losses) / self.error
    }
}

/// Runs the test with `replicates` null data sets on streams of `seed`; none where counts are not whole.
#[must_use]
pub fn cycle_test(data: &Comparisons, replicates: usize, seed: u64) -> CycleTest {
    tested(data, None, |_| replicates, seed)
}

/// [`cycle_test`], where an observation may be several comparisons; of one observation, or of some in fractions, none are
/// drawn.
#[must_use]
pub fn cycle_test_observed(data: &Observations, replicates: usize, seed: u64) -> CycleTest {
    let replicates = if data.no_noise().is_none() { replicates } else { 0 };
    tested(&data.comparisons, Clusters::of(data).as_ref(), |_| replicates, seed)
}

/// [`cycle_test`] with so many null data sets, by the p-value of the weakest link.
pub(crate) fn tested(
    data: &Comparisons,
    observed: Option<&Clusters>,
    replicates: impl Fn(Option<f64>) -> usize,
    seed: u64,
) -> CycleTest {
    let links = links(data, observed);
    let mut directed: Vec<Directed> = links.clone().map(|link| Directed::of(&link)).collect();
    let found = strongest_cycle(data.n(), &mut directed);
    let cycle = found.as_ref().map_or_else(Vec::new, |(_, cycle)| cycle.clone());
    drop(directed);
    let on_cycle = |l: &Link| {
        cycle.windows(2).any(|w| w == [l.winner, l.loser])
            || cycle.last() == Some(&l.winner) && cycle.first() == Some(&l.loser)
    };
    let weakest = links.clone().filter(on_cycle).min_by(|a, b| strength(a).total_cmp(&strength(b)));
    let order = nearest_order(data.n(), &priced(links.clone()));
    let mut place = vec![0u32; data.n()];
    order.iter().zip(0..).for_each(|(&i, k)| place[i] = k);
    let against = links.filter(|l| place[l.winner] > place[l.loser]);
    let distance = 2.0 * against.clone().map(|l| cost(&l)).sum::<f64>();
    let against = against.map(|l| (l.winner, l.loser)).collect();
    let null = Null::new(data, observed, &place);
    let clustered = observed.map(|observed| ClusteredNull::new(data, observed, &null));
    let weakest_p_value = weakest.map(|link| match observed {
        Some(observed) => observed.p_value(link.pair),
        None => sign_test(link.wins, link.losses),
    });
    let drawn: Vec<f64> = (0..replicates(weakest_p_value))
        .into_par_iter()
        .map_init(Vec::new, |directed, k| {
            let mut rng = stream(seed, "transitive null", &[&k.to_string()]);
            directed.clear();
            match &clustered {
                Some(clustered) => clustered.draw(&null, &mut rng, directed),
                None => null.draw(&mut rng, directed),
            }
            strongest_level(data.n(), directed).unwrap_or(f64::NEG_INFINITY)
        })
        .collect();
    let p_value = (!drawn.is_empty()).then(|| match (&found, weakest_p_value) {
        (Some((seen, _)), Some(weakest)) => {
            let as_strong = drawn.iter().filter(|&&t| t >= seen - 1e-12 * seen.abs()).count();
            ((1 + as_strong) as f64 / (1 + drawn.len()) as f64).max(weakest)
        }
        _ => 1.0,
    });
    let critical = (!drawn.is_empty()).then(|| {
        let mut drawn: Vec<f64> = drawn.iter().map(|t| t.max(0.0)).collect();
        quantile(&mut drawn, 0.95).max(SINGLE_LINK)
    });
    CycleTest { cycle, weakest, weakest_p_value, order, against, distance, critical, p_value }
}

/// The 95 percent point of one link.
const SINGLE_LINK: f64 = 1.644_853_626_951_472_2;

/// Pairs with a majority.
fn links<'a>(
    data: &'a Comparisons,
    observed: Option<&'a Clusters>,
) -> impl Iterator<Item = Link> + Clone + 'a {
    let link = move |(pair, p): (usize, &equipoise_data::PairCount)| {
        let (wins, losses, _) = p.outcomes();
        let (variance, step) = observed.map_or((wins + losses, 1.0), |o| (o.variance(pair), o.step(pair)));
        let link = Link { winner: p.i, loser: p.j, wins, losses, error: variance.sqrt(), step, pair };
        match wins.total_cmp(&losses) {
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Greater => Some(link),
            std::cmp::Ordering::Less => {
                Some(Link { winner: p.j, loser: p.i, wins: losses, losses: wins, ..link })
            }
        }
    };
    data.pairs.iter().enumerate().filter_map(link)
}

/// With the correction for continuity.
fn strength(link: &Link) -> f64 {
    (link.wins - link.losses - link.step) / link.error
}

/// Log-likelihood that a majority loses at 1/2.
fn cost(link: &Link) -> f64 {
    let n = link.wins + link.losses;
    let term = |x: f64| if x > 0.0 { x * (2.0 * x / n).ln() } else { 0.0 };
    term(link.wins) + term(link.losses)
}

/// Winner and loser of each link, with what its reversal costs.
fn priced(links: impl Iterator<Item = Link>) -> Vec<(u32, u32, f64)> {
    links.map(|l| (l.winner as u32, l.loser as u32, cost(&l))).collect()
}

/// An edge from a winner to a loser.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Directed {
    pub(crate) from: u32,
    pub(crate) to: u32,
    pub(crate) strength: f64,
}

impl Directed {
    pub(crate) fn new(from: usize, to: usize, strength: f64) -> Self {
        Self { from: from as u32, to: to as u32, strength }
    }

    fn of(link: &Link) -> Self {
        Self::new(link.winner, link.loser, strength(link))
    }

    fn ends(&self) -> (usize, usize) {
        (self.from as usize, self.to as usize)
    }
}

/// Sorts the edges, strongest first, and finds the first of them that closes a cycle with those before it.
fn bottleneck(n: usize, edges: &mut [Directed]) -> Option<usize> {
    edges.par_sort_unstable_by(|a, b| {
        b.strength.total_cmp(&a.strength).then((a.from, a.to).cmp(&(b.from, b.to)))
    });
    let has_cycle = |edges: &[Directed]| has_cycle(n, edges.iter().map(Directed::ends));
    if !has_cycle(edges) {
        return None;
    }
    let (mut without, mut with) = (0, edges.len());
    while with - without > 1 {
        let middle = usize::midpoint(without, with);
        if has_cycle(&edges[..middle]) { with = middle } else { without = middle }
    }
    Some(with - 1)
}

/// The largest strength that some cycle has on every link.
pub(crate) fn strongest_level(n: usize, edges: &[Directed]) -> Option<f64> {
    let levels = strengths(edges);
    let has_cycle = |level: f64| {
        if levels.last() == Some(&level) {
            return has_cycle(n, edges.iter().map(Directed::ends));
        }
        let strong: Vec<_> = edges.iter().filter(|edge| edge.strength >= level).map(Directed::ends).collect();
        has_cycle(n, strong.into_iter())
    };
    let first = levels.partition_point(|&level| !has_cycle(level));
    levels.get(first).copied()
}

/// The strengths that occur, the largest first.
fn strengths(edges: &[Directed]) -> Vec<f64> {
    /// Of few votes a pair there are few, which are found without a sort.
    const FEW: usize = 64;
    let mut found: Vec<f64> = Vec::new();
    let mut last = f64::NAN;
    for edge in edges {
        if edge.strength != last {
            last = edge.strength;
            if let Err(at) = found.binary_search_by(|s| last.total_cmp(s)) {
                found.insert(at, last);
                if found.len() > FEW {
                    found = edges.iter().map(|edge| edge.strength).collect();
                    found.sort_unstable_by(|a, b| b.total_cmp(a));
                    found.dedup();
                    return found;
                }
            }
        }
    }
    found
}

/// Whether edges, as (from, to), close a cycle.
fn has_cycle(n: usize, edges: impl Iterator<Item = (usize, usize)> + Clone) -> bool {
    closes_one(n, edges.clone()) || leaves_some(n, edges)
}

/// Whether one comes back to an item by going from each to one of those that it beats. Where there are many cycles, there nearly
/// always is one of these.
fn closes_one(n: usize, edges: impl Iterator<Item = (usize, usize)> + Clone) -> bool {
    const NOBODY: u32 = u32::MAX;
    let mut beaten = vec![NOBODY; n];
    edges.clone().for_each(|(from, to)| beaten[from] = to as u32);
    // rather one that beats somebody
    let mut next = beaten.clone();
    edges.filter(|(_, to)| beaten[*to] != NOBODY).for_each(|(from, to)| next[from] = to as u32);
    drop(beaten);
    // by whose walk an item was reached
    let mut reached = vec![NOBODY; n];
    (0..n as u32).any(|start| {
        let mut item = start;
        while item != NOBODY && reached[item as usize] == NOBODY {
            reached[item as usize] = start;
            item = next[item as usize];
        }
        item != NOBODY && reached[item as usize] == start
    })
}

/// Whether items remain after those without a victor are taken away, again and again.
fn leaves_some(n: usize, edges: impl Iterator<Item = (usize, usize)> + Clone) -> bool {
    let mut victors = vec![0u32; n];
    edges.clone().for_each(|(_, to)| victors[to] += 1);
    let beaten = Arcs::new(n, edges);
    let mut free: Vec<usize> = (0..n).filter(|&i| victors[i] == 0).collect();
    let mut taken = 0;
    while let Some(i) = free.pop() {
        taken += 1;
        for &j in beaten.of(i) {
            let j = j as usize;
            victors[j] -= 1;
            if victors[j] == 0 {
                free.push(j);
            }
        }
    }
    taken < n
}

/// The largest strength that some cycle has on every link, and a shortest such cycle through the weakest of them.
fn strongest_cycle(n: usize, edges: &mut [Directed]) -> Option<(f64, Vec<usize>)> {
    let last = bottleneck(n, edges)?;
    let closing = edges[last];
    let beaten = Arcs::new(n, edges[..last].iter().map(Directed::ends));
    let (winner, loser) = closing.ends();
    // a shortest path from the loser of the closing link back to its winner
    let mut from = vec![usize::MAX; n];
    let mut queue = std::collections::VecDeque::from([loser]);
    while let Some(i) = queue.pop_front() {
        for &j in beaten.of(i) {
            let j = j as usize;
            if from[j] == usize::MAX && j != loser {
                from[j] = i;
                queue.push_back(j);
            }
        }
    }
    let mut cycle = vec![winner];
    while let Some(&i) = cycle.last().filter(|&&i| i != loser) {
        cycle.push(from[i]);
    }
    cycle.reverse();
    Some((closing.strength, cycle))
}

/// The nearest transitive game, to be drawn from.
struct Null {
    pairs: Vec<NullPair>,
    /// By number of votes: what an even pair is drawn from ([`mode`]).
    even: Vec<(f64, f64)>,
}

/// A pair along the order.
struct NullPair {
    ahead: u32,
    behind: u32,
    votes: u64,
    /// Of the item ahead, among decisive comparisons, at least 1/2.
    rate: f64,
    /// Index of the pair, and whether its first item is ahead.
    pair: u32,
    first_ahead: bool,
    /// Whether it may as well be 1/2.
    near: bool,
}

impl Null {
    /// Votes of a pair up to which its law is kept.
    const KEPT: u64 = 256;

    fn new(data: &Comparisons, observed: Option<&Clusters>, place: &[u32]) -> Self {
        let pair = |&pair: &u32| {
            let p = &data.pairs[pair as usize];
            let (wins, losses, _) = p.outcomes();
            let first_ahead = place[p.i] < place[p.j];
            let (ahead, behind, wins, losses) = match first_ahead {
                true => (p.i, p.j, wins, losses),
                false => (p.j, p.i, losses, wins),
            };
            let votes = wins + losses;
            let near = wins - losses < NEAR * observed.map_or(votes, |o| o.variance(pair as usize)).sqrt();
            (votes > 0.0).then(|| NullPair {
                ahead: ahead as u32,
                behind: behind as u32,
                votes: votes.round() as u64,
                rate: (wins / votes).max(0.5),
                pair,
                first_ahead,
                near,
            })
        };
        let along = data.pairs.iter().map(|p| {
            let (i, j) = (place[p.i], place[p.j]);
            (i.min(j), i.max(j))
        });
        let pairs = arc_order(data.n(), along).par_iter().filter_map(pair).collect();
        let even = (0..Self::KEPT).map(|votes| if votes > 0 { mode(votes, 0.5) } else { (0.0, 1.0) });
        Self { pairs, even: even.collect() }
    }

    /// Adds the links of a data set.
    fn draw(&self, rng: &mut Rng, edges: &mut Vec<Directed>) {
        edges.reserve(self.pairs.len());
        for p in &self.pairs {
            if p.is_single() {
                // as below, without an arithmetic that is the same each time: most pairs of many items are such
                let ahead = binomial_from(1, 0.5, self.even[1], rng) == 1 || p.rate > 0.5;
                let (from, to) = if ahead { (p.ahead, p.behind) } else { (p.behind, p.ahead) };
                edges.push(Directed { from, to, strength: 0.0 });
                continue;
            }
            let n = p.votes as f64;
            let (low, high) = if p.near {
                let even = match self.even.get(p.votes as usize).filter(|_| p.votes > 0) {
                    Some(&mode) => binomial_from(p.votes, 0.5, mode, rng),
                    None => binomial(p.votes, 0.5, rng),
                };
                (even, even + binomial(p.votes - even, 2.0 * p.rate - 1.0, rng))
            } else {
                let won = binomial(p.votes, p.rate, rng);
                (won, won)
            };
            let lead = |won: u64| 2.0 * won as f64 - n;
            let link = |lead: f64| (lead > 0.0).then(|| (lead - 1.0) / n.sqrt());
            edges.extend(p.stronger(link(lead(high)), link(-lead(low))));
        }
    }
}

impl NullPair {
    /// Whether it has one vote, which was won along the order, or against it.
    fn is_single(&self) -> bool {
        self.votes == 1 && self.near && (self.rate == 1.0 || self.rate == 0.5)
    }

    /// The stronger of a link along the order and one against it.
    fn stronger(&self, along: Option<f64>, back: Option<f64>) -> Option<Directed> {
        match (along, back) {
            (Some(s), b) if b.is_none_or(|b| s >= b) => {
                Some(Directed { from: self.ahead, to: self.behind, strength: s })
            }
            (_, Some(s)) => Some(Directed { from: self.behind, to: self.ahead, strength: s }),
            (..) => None,
        }
    }
}

/// What observations of several comparisons have of the pairs of the null.
struct ClusteredNull<'a> {
    observed: &'a Clusters,
    /// By pair: its place in the null, and the sign of its lead along the order.
    along: Vec<Option<(usize, f64)>>,
    /// By place: the least that an observation changes the lead by.
    step: Vec<f64>,
}

impl<'a> ClusteredNull<'a> {
    fn new(data: &Comparisons, observed: &'a Clusters, null: &Null) -> Self {
        let mut along = vec![None; data.pairs.len()];
        for (at, p) in null.pairs.iter().enumerate() {
            along[p.pair as usize] = Some((at, if p.first_ahead { 1.0 } else { -1.0 }));
        }
        Self { observed, along, step: null.pairs.iter().map(|p| observed.step(p.pair as usize)).collect() }
    }

    /// With `m = 2 rate - 1`, observation k with lead `d_k` of `n_k` decisive comparisons becomes `n_k m + e_k (d_k - n_k m)`, at
    /// the lower end with m = 0.
    fn draw(&self, null: &Null, rng: &mut Rng, edges: &mut Vec<Directed>) {
        // lead and its squared error, at both ends
        let mut ends = vec![[0.0; 4]; null.pairs.len()];
        for (parts, times, sign) in self.observed.signed(rng) {
            let (plus, minus) = (0.5 * (times + sign), 0.5 * (times - sign));
            for &(pair, [wins, losses, _]) in parts {
                let Some((at, along)) = self.along[pair] else { continue };
                let (met, lead) = (wins + losses, along * (wins - losses));
                let mean = met * (2.0 * null.pairs[at].rate - 1.0);
                let [low, low_error, high, high_error] = &mut ends[at];
                *low += sign * lead;
                *low_error += times * lead * lead;
                *high += times * mean + sign * (lead - mean);
                *high_error += plus * lead * lead + minus * (2.0 * mean - lead).powi(2);
            }
        }
        let each = null.pairs.iter().zip(ends).zip(&self.step);
        edges.extend(each.filter_map(|((p, [low, low_error, high, high_error]), step)| {
            let link = |lead: f64, error: f64| {
                (lead > 0.0 && error > 0.0).then(|| (lead - step.min(lead)) / error.sqrt())
            };
            let (low, low_error) = if p.near { (low, low_error) } else { (high, high_error) };
            p.stronger(link(high, high_error), link(-low, low_error))
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::order::{Leads, by_moves, by_sweeps};
    use super::*;
    use equipoise_core::sample::uniform;
    use ndarray::Array2;

    fn game(wins: &Array2<f64>) -> Comparisons {
        Comparisons::from_tables(wins, &Array2::zeros(wins.dim()))
    }

    /// i over j for i < j.
    fn table(n: usize, wins: &[(usize, usize, f64, f64)]) -> Comparisons {
        let mut table = Array2::zeros((n, n));
        for &(i, j, won, lost) in wins {
            (table[[i, j]], table[[j, i]]) = (won, lost);
        }
        game(&table)
    }

    #[test]
    fn a_cycle_is_as_sure_as_its_weakest_link() {
        let of = |won: f64| {
            cycle_test(
                &table(3, &[(0, 1, 540.0, 360.0), (1, 2, 540.0, 360.0), (0, 2, won, 900.0 - won)]),
                999,
                3,
            )
        };
        // a vote beyond an even split
        let even = of(449.0);
        assert_eq!((&even.cycle, &even.against), (&vec![0, 1, 2], &vec![(2, 0)]));
        assert!((even.p_value.unwrap() - 0.5).abs() < 0.06, "{even:?}");
        // on the other side there is no cycle
        assert_eq!((of(451.0).p_value, of(451.0).distance), (Some(1.0), 0.0));
        // one link more or less sure: its sign test (p = .0244, .0013)
        for won in [420.0, 405.0] {
            let found = of(won);
            let (p, sign) = (found.p_value.unwrap(), found.weakest_p_value.unwrap());
            // five standard errors of 999 draws
            assert!(p >= sign && p - sign < 5.0 * (sign / 999.0).sqrt() + 0.002, "{p} {sign}");
        }
        assert!(of(360.0).p_value.unwrap() < 0.0015);
    }

    #[test]
    fn the_nearest_order_is_that_of_an_exhaustive_search() {
        fn permutations(n: usize) -> Vec<Vec<usize>> {
            if n == 0 {
                return vec![Vec::new()];
            }
            let shorter = permutations(n - 1);
            let put = |p: &Vec<usize>, at: usize| [&p[..at], &[n - 1], &p[at..]].concat();
            shorter.iter().flat_map(|p| (0..n).map(move |at| put(p, at))).collect()
        }
        let mut rng = stream(4, "nearest order", &[]);
        for _ in 0..40 {
            let wins = Array2::from_shape_fn((6, 6), |_| (20.0 * uniform(&mut rng)).floor());
            let game = game(&wins);
            let links = links(&game, None);
            let price = |order: &[usize]| -> f64 {
                let place = |i: usize| order.iter().position(|&k| k == i).unwrap();
                links.clone().filter(|l| place(l.winner) > place(l.loser)).map(|l| cost(&l)).sum()
            };
            let least = permutations(6).iter().map(|o| price(o)).fold(f64::INFINITY, f64::min);
            assert!((price(&nearest_order(6, &priced(links.clone()))) - least).abs() < 1e-9);
            // moves end at an order that is no better, and seldom worse
            let leads = Leads::new(6, &priced(links.clone()));
            let mut place = [usize::MAX; 6];
            let moved = by_moves(&leads, (0..6).collect(), &mut place);
            assert!(place == [usize::MAX; 6]);
            for moved in [moved, by_sweeps(&leads, (0..6).collect())] {
                assert!(price(&moved) >= least - 1e-9);
                // no move betters it
                for (from, to) in (0..36).map(|k| (k / 6, k % 6)) {
                    let mut other = moved.clone();
                    let item = other.remove(from);
                    other.insert(to, item);
                    assert!(price(&other) >= price(&moved) - 1e-8);
                }
            }
        }
    }

    #[test]
    fn the_strongest_cycle_is_found_whatever_its_length() {
        // a five-cycle of 40 : 5, all other pairs 30 : 15 along the order
        let mut wins = Array2::from_shape_fn((5, 5), |(i, j)| if i < j { 30.0 } else { 15.0 });
        for i in 0..5 {
            let j = (i + 1) % 5;
            (wins[[i, j]], wins[[j, i]]) = (40.0, 5.0);
        }
        let found = cycle_test(&game(&wins), 99, 1);
        assert_eq!(found.cycle, [0, 1, 2, 3, 4]);
        assert!(found.p_value.unwrap() < 0.02);
        let none = cycle_test(&game(&wins), 0, 1);
        assert_eq!((none.p_value, none.critical, none.cycle.len()), (None, None, 5));
    }

    /// Single votes are drawn as all others are.
    #[test]
    fn single_votes_are_drawn_as_others_are() {
        let mut wins = Array2::zeros((9, 9));
        let mut rng = stream(5, "single votes", &[]);
        for i in 0..9 {
            for j in i + 1..9 {
                wins[if uniform(&mut rng) < 0.7 { [i, j] } else { [j, i] }] = 1.0;
            }
        }
        let data = game(&wins);
        let place: Vec<u32> = (0..9).collect();
        let null = Null::new(&data, None, &place);
        assert!(null.pairs.iter().all(NullPair::is_single));
        let (mut one, mut other) = (stream(6, "single votes", &[]), stream(6, "single votes", &[]));
        for _ in 0..50 {
            let mut edges = Vec::new();
            null.draw(&mut one, &mut edges);
            for (p, edge) in null.pairs.iter().zip(&edges) {
                let even = binomial(1, 0.5, &mut other);
                let high = even + binomial(1 - even, 2.0 * p.rate - 1.0, &mut other);
                let strength = |won: bool| won.then_some(0.0);
                let found = p.stronger(strength(high == 1), strength(even == 0)).unwrap();
                assert_eq!((edge.ends(), edge.strength), (found.ends(), found.strength));
            }
        }
    }

    #[test]
    fn every_kind_of_table_has_an_answer() {
        // nothing decided; one vote; a cycle of single votes, which even pairs give every fourth time
        assert_eq!(cycle_test(&table(3, &[]), 19, 1).p_value, Some(1.0));
        assert_eq!(cycle_test(&table(2, &[(0, 1, 1.0, 0.0)]), 19, 1).p_value, Some(1.0));
        let single = cycle_test(&table(3, &[(0, 1, 1.0, 0.0), (1, 2, 1.0, 0.0), (0, 2, 0.0, 1.0)]), 999, 1);
        assert!(single.p_value.unwrap() >= 0.25, "{single:?}");
    }
}
