//! Comparisons counted by pair -> a preference matrix.
//!
//! ```text
//! P_ij = (wins of i over j + ties/2 + s) / (comparisons of the pair + 2 s)        s: smoothing, 0 unless asked for
//! ```
//!
//! A pair that never met has no `P_ij`. Where a game is needed all the same it stands at 1/2 and is listed by
//! [`Comparisons::unmet_pairs`]. Items are numbered in the order of their first appearance among the selected rows, so
//! that a file decides the order of its items; the counts do not depend on the order of the rows (but for rounding of
//! fractional weights).

use equipoise_core::graph::arc_order;
use equipoise_env::storage::Pairs;
use equipoise_env::{Game, PreferenceMatrix};
use ndarray::Array2;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::checks::Checks;
use crate::columns::Outcome;
use crate::selection::Ties;

/// Outcomes of one ordered pair, by weight.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Count {
    /// Wins of the item listed first.
    pub first: f64,
    /// Wins of the item listed second.
    pub second: f64,
    /// Ties, those of two bad items aside.
    pub tie: f64,
    /// Ties of two bad items.
    pub both_bad: f64,
}

impl Count {
    /// All comparisons.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.first + self.second + self.tie + self.both_bad
    }

    /// Ties of either kind.
    #[must_use]
    pub fn ties(&self) -> f64 {
        self.tie + self.both_bad
    }

    /// Every outcome with its weight.
    #[must_use]
    pub fn outcomes(&self) -> [(Outcome, f64); 4] {
        [
            (Outcome::First, self.first),
            (Outcome::Second, self.second),
            (Outcome::Tie, self.tie),
            (Outcome::BothBad, self.both_bad),
        ]
    }

    pub(crate) fn slot(&mut self, outcome: Outcome) -> &mut f64 {
        match outcome {
            Outcome::First => &mut self.first,
            Outcome::Second => &mut self.second,
            Outcome::Tie => &mut self.tie,
            Outcome::BothBad => &mut self.both_bad,
        }
    }
}

/// The comparisons of two items.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PairCount {
    /// The item of the lower number.
    pub i: usize,
    /// The item of the higher number.
    pub j: usize,
    /// Rows that list i first.
    pub forward: Count,
    /// Rows that list j first.
    pub backward: Count,
}

impl PairCount {
    /// Wins of i, of j, and ties.
    #[must_use]
    pub fn outcomes(&self) -> (f64, f64, f64) {
        let (f, b) = (&self.forward, &self.backward);
        (f.first + b.second, f.second + b.first, f.ties() + b.ties())
    }

    /// Wins of i and of j, a tie half a win of each.
    #[must_use]
    pub fn scores(&self) -> (f64, f64) {
        let (i, j, ties) = self.outcomes();
        (i + 0.5 * ties, j + 0.5 * ties)
    }

    /// All comparisons.
    #[must_use]
    pub fn met(&self) -> f64 {
        self.forward.total() + self.backward.total()
    }

    /// `P_ij - 1/2`, with ties as half wins and `smoothing` wins added to each side.
    #[must_use]
    pub fn margin(&self, smoothing: f64) -> f64 {
        let (i, j, _) = self.outcomes();
        (i - j) / (2.0 * (self.met() + 2.0 * smoothing))
    }
}

/// Counted comparisons of one game.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparisons {
    /// Items, in the order of their first appearance.
    pub labels: Vec<String>,
    /// Pairs that met (with a weight above 0), ascending by (i, j). Without ties if those are dropped.
    pub pairs: Vec<PairCount>,
    /// Weight of all comparisons counted.
    pub total: f64,
    /// Weight of all ties seen, counted or not.
    pub total_ties: f64,
    /// The tie rule in force.
    pub ties: Ties,
    /// Whether weights are numbers of comparisons; `false`: they are the win rates of a matrix, and nothing is known of
    /// their noise.
    pub counted: bool,
    /// What was odd.
    pub checks: Checks,
}

impl Comparisons {
    /// Number of items.
    #[must_use]
    pub fn n(&self) -> usize {
        self.labels.len()
    }

    /// The preference matrix; unmet pairs are 1/2. `smoothing` wins (at least 0) are added to each side of every pair.
    ///
    /// # Panics
    /// Never: counted wins give probabilities.
    #[must_use]
    pub fn matrix(&self, smoothing: f64) -> PreferenceMatrix {
        let mut margins = Array2::<f64>::zeros((self.n(), self.n()));
        for pair in &self.pairs {
            margins[[pair.i, pair.j]] = pair.margin(smoothing);
        }
        PreferenceMatrix::from_margins(self.n(), |i, j| margins[[i, j]])
            .expect("counts give margins in [-1/2, 1/2]")
    }

    /// The game, with its labels; see [`Comparisons::matrix`].
    ///
    /// # Panics
    /// Never: labels are distinct and not empty.
    #[must_use]
    pub fn game(&self, smoothing: f64) -> Game {
        Game::single(self.matrix(smoothing))
            .with_labels(vec![self.labels.clone()])
            .expect("labels are distinct")
    }

    /// [`Comparisons::game`] kept as its pairs that met: `24 bytes` each, and a product as fast as they are few, where a
    /// matrix would not fit.
    ///
    /// # Panics
    /// Never: pairs are distinct, and counted wins give margins in `[-1/2, 1/2]`.
    #[must_use]
    pub fn game_of_pairs(&self, smoothing: f64) -> Game {
        let pairs: Vec<_> = self.pairs.iter().map(|p| (p.i, p.j, p.margin(smoothing))).collect();
        Game::single(Pairs::new(self.n(), &pairs).expect("counted pairs are pairs"))
            .with_labels(vec![self.labels.clone()])
            .expect("labels are distinct")
    }

    /// Comparisons of every pair, `[n x n]`, symmetric.
    #[must_use]
    pub fn met(&self) -> Array2<f64> {
        let mut met = Array2::zeros((self.n(), self.n()));
        for pair in &self.pairs {
            met[[pair.i, pair.j]] = pair.met();
            met[[pair.j, pair.i]] = pair.met();
        }
        met
    }

    /// Number of pairs that never met.
    #[must_use]
    pub fn unmet(&self) -> usize {
        self.n() * (self.n() - 1) / 2 - self.pairs.len()
    }

    /// Pairs (by index, `i < j`) that never met and stand at 1/2.
    #[must_use]
    pub fn unmet_pairs(&self) -> Vec<(usize, usize)> {
        let mut met = self.pairs.iter().map(|p| (p.i, p.j)).peekable();
        let n = self.n();
        let all = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j)));
        all.filter(|&pair| met.next_if_eq(&pair).is_none()).collect()
    }

    /// The same comparisons among items of one component each, as lists of items, ascending, the largest first. More
    /// than one: no rating compares items of different components.
    #[must_use]
    pub fn components(&self) -> Vec<Vec<usize>> {
        let mut root: Vec<usize> = (0..self.n()).collect();
        fn find(root: &mut [usize], mut i: usize) -> usize {
            while root[i] != i {
                root[i] = root[root[i]];
                i = root[i];
            }
            i
        }
        for pair in &self.pairs {
            let (a, b) = (find(&mut root, pair.i), find(&mut root, pair.j));
            root[a.max(b)] = a.min(b);
        }
        let mut members = vec![Vec::new(); self.n()];
        (0..self.n()).for_each(|i| members[find(&mut root, i)].push(i));
        members.retain(|m| !m.is_empty());
        members.sort_by_key(|m| std::cmp::Reverse(m.len()));
        members
    }

    /// Only the items of the given numbers, in that order, and the comparisons among them.
    #[must_use]
    pub fn among(&self, items: &[usize]) -> Self {
        const OUT: u32 = u32::MAX;
        let mut place = vec![OUT; self.n()];
        items.iter().zip(0..OUT).for_each(|(&i, k)| place[i] = k);
        // of each pair its places, the lower one first; those of the rest sort behind all others
        let places = |p: &PairCount| match (place[p.i], place[p.j]) {
            (OUT, _) | (_, OUT) => (items.len() as u32, OUT),
            (i, j) => (i.min(j), i.max(j)),
        };
        let all: Vec<(u32, u32)> = self.pairs.par_iter().map(places).collect();
        let mut order = arc_order(items.len() + 1, all.iter().copied());
        order.truncate(order.partition_point(|&at| all[at as usize].1 != OUT));
        let moved = |&at: &u32| {
            let (p, (i, j)) = (&self.pairs[at as usize], all[at as usize]);
            let (i, j) = (i as usize, j as usize);
            match place[p.i] as usize == i {
                true => PairCount { i, j, ..*p },
                false => PairCount { i, j, forward: p.backward, backward: p.forward },
            }
        };
        let pairs: Vec<PairCount> = order.par_iter().map(moved).collect();
        let labels = items.iter().map(|&i| self.labels[i].clone()).collect();
        let total = sum(pairs.iter().map(PairCount::met));
        let total_ties = sum(pairs.iter().map(|p| p.outcomes().2));
        Self { labels, pairs, total, total_ties, checks: self.checks.clone(), ..*self }
    }

    /// The same comparisons as if every row had listed the lower number first.
    #[must_use]
    pub fn listed_in_order(&self) -> Self {
        let turned = |p: &PairCount| {
            let (first, second, _) = p.outcomes();
            let (f, b) = (&p.forward, &p.backward);
            let forward = Count { first, second, tie: f.tie + b.tie, both_bad: f.both_bad + b.both_bad };
            PairCount { forward, backward: Count::default(), ..*p }
        };
        self.with_pairs(self.pairs.iter().map(turned).collect())
    }

    /// The same items with other counts of pairs that met, ascending by (i, j).
    #[must_use]
    pub fn with_pairs(&self, pairs: Vec<PairCount>) -> Self {
        let total = sum(pairs.iter().map(PairCount::met));
        let total_ties = sum(pairs.iter().map(|p| p.outcomes().2));
        Self { pairs, total, total_ties, labels: self.labels.clone(), checks: self.checks.clone(), ..*self }
    }

    /// The sum of several counts over the same items, each taken so many times.
    ///
    /// # Panics
    /// If there are none.
    #[must_use]
    pub fn sum<'a>(parts: impl IntoIterator<Item = (&'a Self, f64)>) -> Self {
        let mut parts = parts.into_iter().peekable();
        let first = parts.peek().expect("at least one part").0;
        let (labels, ties, checks) = (first.labels.clone(), first.ties, first.checks.clone());
        let mut counter = Counter::default();
        for (part, times) in parts.filter(|(_, times)| *times > 0.0) {
            for pair in &part.pairs {
                let (i, j) = (pair.i as u32, pair.j as u32);
                for (a, b, c) in [(i, j, &pair.forward), (j, i, &pair.backward)] {
                    counter.add(a, b, Outcome::First, times * c.first);
                    counter.add(a, b, Outcome::Second, times * c.second);
                    counter.add(a, b, Outcome::Tie, times * c.tie);
                    counter.add(a, b, Outcome::BothBad, times * c.both_bad);
                }
            }
        }
        counter.finish(labels, ties, checks)
    }

    /// Counts from tables, `[n x n]`: `wins[[i, j]]` of i over j and `ties[[i, j]]` (read for `i < j`), all finite and
    /// not negative; every row lists the lower number first. Items are labelled by their numbers.
    #[must_use]
    pub fn from_tables(wins: &Array2<f64>, ties: &Array2<f64>) -> Self {
        let mut counter = Counter::default();
        for i in 0..wins.nrows() as u32 {
            for j in i + 1..wins.nrows() as u32 {
                let (a, b) = (i as usize, j as usize);
                counter.add(i, j, Outcome::First, wins[[a, b]]);
                counter.add(i, j, Outcome::Second, wins[[b, a]]);
                counter.add(i, j, Outcome::Tie, ties[[a, b]]);
            }
        }
        let labels = (0..wins.nrows()).map(|i| i.to_string()).collect();
        counter.finish(labels, Ties::Half, Checks::default())
    }
}

/// The sum of weights; of none it is 0, where that of the iterator is -0.
pub(crate) fn sum(weights: impl Iterator<Item = f64>) -> f64 {
    weights.fold(0.0, |sum, weight| sum + weight)
}

/// Counts rows by ordered pair while they stream by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counter {
    /// Where a pair's counts are. Looked up, never walked.
    places: FxHashMap<u64, u32>,
    counts: Vec<(u32, u32, Count)>,
    last: usize,
}

impl Counter {
    pub(crate) fn add(&mut self, first: u32, second: u32, outcome: Outcome, weight: f64) {
        let is_pair = |c: &(u32, u32, Count)| (c.0, c.1) == (first, second);
        if !self.counts.get(self.last).is_some_and(is_pair) {
            let key = u64::from(first) << 32 | u64::from(second);
            let next = self.counts.len() as u32;
            let place = *self.places.entry(key).or_insert(next);
            if place == next {
                self.counts.push((first, second, Count::default()));
            }
            self.last = place as usize;
        }
        *self.counts[self.last].2.slot(outcome) += weight;
    }

    /// Takes in what another counted, behind its own.
    pub(crate) fn merge(&mut self, other: &Self) {
        for &(first, second, count) in &other.counts {
            for (outcome, weight) in count.outcomes() {
                // also where nothing was counted: the items appeared
                self.add(first, second, outcome, weight);
            }
        }
    }

    /// Counts of ordered pairs, in the order of their first appearance.
    pub(crate) fn into_counts(self) -> Vec<(u32, u32, Count)> {
        self.counts
    }

    /// The items, of `n` numbers, that some other one met, in the order of their first appearance among rows of such items.
    pub(crate) fn order(&self, n: usize, ties: Ties) -> Vec<u32> {
        let (mut met, mut seen) = (vec![false; n], vec![false; n]);
        for (a, b, count) in &self.counts {
            let tied = if ties == Ties::Drop { 0.0 } else { count.ties() };
            if count.first + count.second + tied > 0.0 {
                (met[*a as usize], met[*b as usize]) = (true, true);
            }
        }
        let rows = self.counts.iter().filter(|(a, b, _)| met[*a as usize] && met[*b as usize]);
        let items = rows.flat_map(|(a, b, _)| [*a, *b]);
        items.filter(|&i| !std::mem::replace(&mut seen[i as usize], true)).collect()
    }

    pub(crate) fn finish(self, labels: Vec<String>, ties: Ties, checks: Checks) -> Comparisons {
        let mut counts = self.counts;
        counts.sort_unstable_by_key(|&(a, b, _)| (a.min(b), a.max(b), a));
        let total_ties = sum(counts.iter().map(|(_, _, c)| c.ties()));
        let mut pairs: Vec<PairCount> = Vec::with_capacity(counts.len());
        for (a, b, mut count) in counts {
            if ties == Ties::Drop {
                (count.tie, count.both_bad) = (0.0, 0.0);
            }
            let (i, j) = (a.min(b) as usize, a.max(b) as usize);
            if pairs.last().is_none_or(|p| (p.i, p.j) != (i, j)) {
                pairs.push(PairCount { i, j, ..PairCount::default() });
            }
            let pair = pairs.last_mut().expect("one was pushed");
            *(if a < b { &mut pair.forward } else { &mut pair.backward }) = count;
        }
        pairs.retain(|p| p.met() > 0.0);
        let total = sum(pairs.iter().map(PairCount::met));
        Comparisons { labels, pairs, total, total_ties, ties, counted: true, checks }
    }
}
