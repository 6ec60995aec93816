//! Data under one rating an item, given how often each item won.
//!
//! Under Bradley-Terry's model the wins of the items are sufficient, and so are wins and ties under Davidson's: given who won how often,
//! who tied with whom and who met whom, all outcomes with these wins are equally likely, whatever the ratings. A step takes a directed
//! cycle of wins and turns it round, which keeps the wins of all. The cycle is that of a walk from an item to one of those it beat, and
//! so on, until it comes back to where it was. An item has as many wins before as after, so that the walk back is as likely as the
//! walk: all outcomes are reached equally often, and every outcome by such steps (two of equal wins differ by directed cycles).
//!
//! Between strong components of "won against" nothing turns. From the data a walk leads to a centre, from which as many steps lead
//! to every data set drawn: the data and those drawn are then exchangeable under the null, however far the steps lead (Besag, Clifford
//! 1989), and the p-value is exact but for one thing: the number of steps is set by the lengths of the first cycles.
//!
//! **Side by side.** Whom an item beat lies anywhere in memory, so that a walk waits at every item. Data sets have streams of their
//! own: some ([`LANES`]) walk side by side on a thread, and wait together. They share the wins of the centre; each keeps those that
//! it turned apart ([`Turned`]), or has all of them if it turns many.

use std::ops::Range;

use equipoise_core::Rng;
use equipoise_core::cpu::{alloc_huge_pages, prefetch};
use equipoise_core::graph::Arcs;
use equipoise_core::sample::index;
use equipoise_core::seed::stream;
use equipoise_data::{Comparisons, PairCount};
use rayon::prelude::*;

/// Wins turned round from one data set to the next, for each that can be, about; fewer where there are many, as [`MOST`] says. The
/// test is exact for any number, but with fewer data sets stay more like the data, and the test has less power.
const TURNS: f64 = 2.0;
/// Turns below which the test is weak: what it does not reject is then not shown.
const WEAK: f64 = 1.0;
/// Wins turned round in all data sets together, about, which bounds the time.
const MOST: f64 = 1e8;
/// Cycles of a component whose lengths are measured.
const FIRST: usize = 200;
/// Data sets that one thread draws side by side.
pub(super) const LANES: usize = 8;
/// Turns below which those of a data set are kept apart.
const APART: f64 = 0.25;

/// A win: who lost, and twice the number of the pair, with 1 more if the winner is its second item.
type Win = (u32, u32);

/// A strong component.
struct Part {
    items: Vec<u32>,
    /// Wins among them.
    held: usize,
    /// Steps from one data set to the next.
    steps: usize,
}

/// Data sets of equal wins.
pub(super) struct GivenWins {
    parts: Vec<Part>,
    /// The wins of item i against its component are `starts[i] .. starts[i + 1]`.
    starts: Vec<u32>,
    /// The centre.
    wins: Vec<Win>,
    /// What was turned from the data to the centre.
    to_centre: Vec<u32>,
    /// Wins turned from one data set to the next, for each.
    turns: f64,
    /// Whether wins are turned too seldom to say anything by not rejecting.
    pub(super) is_weak: bool,
    seed: u64,
}

impl GivenWins {
    /// Of whole counts, whose decisive comparisons are numbered by 32 bits, and pairs by 31; for so many data sets.
    pub(super) fn new(data: &Comparisons, replicates: usize, seed: u64) -> Self {
        let n = data.n();
        let arcs = |p: &PairCount| {
            let (wins, losses, _) = p.outcomes();
            let first = (wins > 0.0).then_some((p.i, p.j));
            first.into_iter().chain((losses > 0.0).then_some((p.j, p.i)))
        };
        let components = Arcs::new(n, data.pairs.iter().flat_map(arcs)).strong_components();
        let mut part = vec![0u32; n];
        components.iter().enumerate().for_each(|(k, items)| items.iter().for_each(|&i| part[i] = k as u32));
        let mut starts = vec![0u32; n + 1];
        for p in data.pairs.iter().filter(|p| part[p.i] == part[p.j]) {
            let (wins, losses, _) = p.outcomes();
            starts[p.i + 1] += wins as u32;
            starts[p.j + 1] += losses as u32;
        }
        (0..n).for_each(|i| starts[i + 1] += starts[i]);
        let (mut next, mut wins) = (starts.clone(), alloc_huge_pages::<Win>(starts[n] as usize));
        for (at, p) in data.pairs.iter().enumerate().filter(|(_, p)| part[p.i] == part[p.j]) {
            let (won, lost, _) = p.outcomes();
            for (from, to, times, second) in [(p.i, p.j, won, 0), (p.j, p.i, lost, 1)] {
                let end = next[from] + times as u32;
                wins[next[from] as usize..end as usize].fill((to as u32, 2 * at as u32 + second));
                next[from] = end;
            }
        }
        let of_part = |items: Vec<usize>| {
            let held: usize = items.iter().map(|&i| (starts[i + 1] - starts[i]) as usize).sum();
            Part { items: items.into_iter().map(|i| i as u32).collect(), held, steps: held.min(FIRST) }
        };
        let parts = components.into_iter().filter(|items| items.len() > 1).map(of_part).collect();
        let turns = TURNS.min(MOST / (wins.len() * (replicates + 1)).max(1) as f64);
        let is_weak = turns < WEAK;
        let mut given = Self { parts, starts, wins: Vec::new(), to_centre: Vec::new(), turns, is_weak, seed };
        // apart: the data are as far from the centre as the data sets drawn
        let mut turned = vec![0usize; given.parts.len()];
        let first = Turned::of(&wins, 0);
        given.walk(&mut [given.lane(first, &["first"])], |_, part, _| turned[part] += 1);
        for (part, turned) in given.parts.iter_mut().zip(turned) {
            part.steps = (turns * (part.held * part.steps) as f64 / turned as f64).ceil() as usize;
        }
        let mut lanes = [given.lane(wins, &["centre"])];
        let mut to_centre = Vec::new();
        given.walk(&mut lanes, |_, _, side| to_centre.push(side));
        let [centre] = lanes;
        (given.wins, given.to_centre) = (centre.wins, to_centre);
        given
    }

    /// Calls the pairs by other numbers, below 2^31 - 1; those without one are left out by [`GivenWins::draw`].
    pub(super) fn number(&mut self, number: impl Fn(usize) -> Option<u32> + Sync) {
        let of = |side: u32| number(side as usize / 2).map_or(UNNUMBERED, |number| 2 * number) + side % 2;
        self.wins.par_iter_mut().for_each(|win| win.1 = of(win.1));
        self.to_centre.iter_mut().for_each(|side| *side = of(*side));
        self.to_centre.retain(|side| *side < UNNUMBERED);
    }

    /// What turned on the way from the data to each of these data sets: of each win twice the number of its pair, with 1 more if it
    /// was one of the pair's second item; in the order of the steps.
    pub(super) fn draw(&self, sets: Range<usize>) -> Vec<Vec<u32>> {
        if self.turns < APART {
            let expected = (self.turns * self.wins.len() as f64) as usize;
            self.draw_on(sets, || Turned::of(&self.wins, expected))
        } else {
            self.draw_on(sets, || self.wins.clone())
        }
    }

    fn draw_on<W: Wins>(&self, sets: Range<usize>, wins: impl Fn() -> W) -> Vec<Vec<u32>> {
        let mut turned = vec![self.to_centre.clone(); sets.len()];
        let mut lanes: Vec<Lane<W>> = sets.map(|k| self.lane(wins(), &[&k.to_string()])).collect();
        self.walk(&mut lanes, |lane, _, side| {
            turned[lane].extend(Some(side).filter(|side| *side < UNNUMBERED))
        });
        turned
    }

    fn lane<W: Wins>(&self, wins: W, name: &[&str]) -> Lane<W> {
        Lane {
            wins,
            rng: stream(self.seed, "given wins", name),
            on_path: vec![0; (self.starts.len() - 1).div_ceil(64)],
            path: Vec::new(),
            item: 0,
            at: 0,
            part: 0,
            taken: 0,
            is_done: false,
        }
    }

    /// Takes the steps of every component on each lane; `turned` hears of the lane, the component, and each win that turns.
    fn walk<W: Wins>(&self, lanes: &mut [Lane<W>], mut turned: impl FnMut(usize, usize, u32)) {
        lanes.iter_mut().for_each(|lane| lane.begin(self));
        while lanes.iter().any(|lane| !lane.is_done) {
            // what one loop asks for has come when the next needs it
            for lane in lanes.iter_mut().filter(|lane| !lane.is_done) {
                lane.choose(self);
            }
            for lane in lanes.iter().filter(|lane| !lane.is_done) {
                lane.wins.prefetch_own(lane.at as usize);
            }
            for (k, lane) in lanes.iter_mut().enumerate().filter(|(_, lane)| !lane.is_done) {
                lane.follow(self, |part, side| turned(k, part, side));
            }
        }
    }
}

/// Twice what stands for the number of a pair that has none.
const UNNUMBERED: u32 = u32::MAX - 1;

/// An item of a path: the place of the win that it goes on by, and that win.
struct Step {
    item: u32,
    at: u32,
    win: Win,
}

/// A data set on its way.
struct Lane<W> {
    wins: W,
    rng: Rng,
    /// A bit for each item.
    on_path: Vec<u64>,
    path: Vec<Step>,
    /// Where the walk is, and the place of the win that it goes on by.
    item: u32,
    at: u32,
    /// The component, and the steps in it that are taken.
    part: usize,
    taken: usize,
    is_done: bool,
}

impl<W: Wins> Lane<W> {
    /// Starts the next walk, if there is one.
    fn begin(&mut self, given: &GivenWins) {
        while given.parts.get(self.part).is_some_and(|part| part.steps == self.taken) {
            (self.part, self.taken) = (self.part + 1, 0);
        }
        let Some(part) = given.parts.get(self.part) else {
            self.is_done = true;
            return;
        };
        self.taken += 1;
        self.item = part.items[index(&mut self.rng, part.items.len())];
        prefetch(&given.starts, self.item as usize);
    }

    /// Chooses a win of the item.
    #[inline]
    fn choose(&mut self, given: &GivenWins) {
        let item = self.item as usize;
        self.on_path[item / 64] |= 1 << (item % 64);
        let (from, to) = (given.starts[item], given.starts[item + 1]);
        self.at = from + index(&mut self.rng, (to - from) as usize) as u32;
        self.wins.prefetch(self.at as usize);
    }

    /// Goes to who lost; where that closes a cycle, turns it.
    #[inline]
    fn follow(&mut self, given: &GivenWins, turned: impl FnMut(usize, u32)) {
        let win = self.wins.get(self.at as usize);
        self.path.push(Step { item: self.item, at: self.at, win });
        self.item = win.0;
        if self.on_path[win.0 as usize / 64] >> (win.0 % 64) & 1 == 0 {
            prefetch(&given.starts, win.0 as usize);
        } else {
            self.turn(turned);
            self.begin(given);
        }
    }

    fn turn(&mut self, mut turned: impl FnMut(usize, u32)) {
        /// Wins ahead of which the places of others are asked for.
        const AHEAD: usize = 8;
        let start =
            self.path.iter().position(|step| step.item == self.item).expect("the item is on the path");
        let cycle = &self.path[start..];
        // the loser of each win takes it over, in the place of its own
        let last = &cycle[cycle.len() - 1];
        let mut taken = (last.item, last.win.1 ^ 1);
        for (k, step) in cycle.iter().enumerate() {
            if let Some(next) = cycle.get(k + AHEAD) {
                self.wins.prefetch_set(next.at as usize);
            }
            self.wins.set(step.at as usize, taken);
            taken = (step.item, step.win.1 ^ 1);
            turned(self.part, step.win.1);
        }
        for step in self.path.drain(..) {
            self.on_path[step.item as usize / 64] &= !(1 << (step.item % 64));
        }
    }
}

/// Wins by their place.
trait Wins {
    /// Asks for what [`Wins::get`] needs.
    fn prefetch(&self, at: usize);
    /// Asks for what it needs of that only where the win turned; once that has come.
    fn prefetch_own(&self, at: usize);
    /// Asks for what [`Wins::set`] needs.
    fn prefetch_set(&self, at: usize);
    fn get(&self, at: usize) -> Win;
    fn set(&mut self, at: usize, win: Win);
}

impl Wins for Vec<Win> {
    #[inline]
    fn prefetch(&self, at: usize) {
        prefetch(self, at);
    }

    fn prefetch_own(&self, _: usize) {}

    fn prefetch_set(&self, _: usize) {}

    #[inline]
    fn get(&self, at: usize) -> Win {
        self[at]
    }

    fn set(&mut self, at: usize, win: Win) {
        self[at] = win;
    }
}

/// Wins of which few are others than those of the centre.
struct Turned<'a> {
    centre: &'a [Win],
    /// A bit for each place: whether its win is another.
    others: Vec<u64>,
    /// Those wins with their places, hashed; as many slots as a power of two.
    slots: Vec<(u32, Win)>,
    held: usize,
}

impl<'a> Turned<'a> {
    /// A slot without a win.
    const FREE: (u32, Win) = (u32::MAX, (0, 0));

    /// None yet; about so many.
    fn of(centre: &'a [Win], expected: usize) -> Self {
        let slots = (2 * expected).next_power_of_two().max(64);
        let others = alloc_huge_pages(centre.len().div_ceil(64));
        Self { centre, others, slots: Self::free(slots), held: 0 }
    }

    fn free(slots: usize) -> Vec<(u32, Win)> {
        let mut free = alloc_huge_pages(slots);
        free.fill(Self::FREE);
        free
    }

    #[inline]
    fn is_other(&self, at: usize) -> bool {
        self.others[at / 64] >> (at % 64) & 1 == 1
    }

    /// Where the slot of a place is looked for first, by Fibonacci hashing.
    #[inline]
    fn first_slot(&self, at: u32) -> usize {
        (u64::from(at).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & (self.slots.len() - 1)
    }

    /// The slot of a place, or the one it would take.
    #[inline]
    fn slot(&self, at: u32) -> usize {
        let (mask, mut slot) = (self.slots.len() - 1, self.first_slot(at));
        while self.slots[slot].0 != at && self.slots[slot].0 != Self::FREE.0 {
            slot = (slot + 1) & mask;
        }
        slot
    }
}

impl Wins for Turned<'_> {
    #[inline]
    fn prefetch(&self, at: usize) {
        prefetch(self.centre, at);
        prefetch(&self.others, at / 64);
    }

    #[inline]
    fn prefetch_own(&self, at: usize) {
        if self.is_other(at) {
            prefetch(&self.slots, self.first_slot(at as u32));
        }
    }

    #[inline]
    fn prefetch_set(&self, at: usize) {
        prefetch(&self.slots, self.first_slot(at as u32));
    }

    #[inline]
    fn get(&self, at: usize) -> Win {
        if self.is_other(at) { self.slots[self.slot(at as u32)].1 } else { self.centre[at] }
    }

    fn set(&mut self, at: usize, win: Win) {
        let bit = 1 << (at % 64);
        if self.others[at / 64] & bit == 0 {
            self.others[at / 64] |= bit;
            self.held += 1;
            if 2 * self.held > self.slots.len() {
                let more = Self::free(2 * self.slots.len());
                let all = std::mem::replace(&mut self.slots, more);
                for (at, win) in all.into_iter().filter(|slot| slot.0 != Self::FREE.0) {
                    let slot = self.slot(at);
                    self.slots[slot] = (at, win);
                }
            }
        }
        let slot = self.slot(at as u32);
        self.slots[slot] = (at as u32, win);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use ndarray::{Array2, arr2};

    /// Wins of the first item of each pair, in each of these data sets.
    fn drawn(given: &GivenWins, data: &Comparisons, sets: Range<usize>) -> Vec<Vec<u32>> {
        let of = |turned: Vec<u32>| {
            let mut first: Vec<u32> = data.pairs.iter().map(|p| p.outcomes().0 as u32).collect();
            for side in turned {
                let won = &mut first[side as usize / 2];
                *won = if side % 2 == 0 { *won - 1 } else { *won + 1 };
            }
            first
        };
        given.draw(sets).into_iter().map(of).collect()
    }

    /// All outcomes of a small design with equal wins are equally likely, those of several comparisons a pair by how many
    /// ways lead to them.
    #[test]
    fn all_outcomes_of_equal_wins_are_equally_likely() {
        // 0, 1, 2, 3 met twice a pair; 4 beat 0, and is in no cycle
        let wins = arr2(&[
            [0.0, 2.0, 1.0, 0.0, 0.0],
            [0.0, 0.0, 1.0, 2.0, 0.0],
            [1.0, 1.0, 0.0, 1.0, 0.0],
            [2.0, 0.0, 1.0, 0.0, 0.0],
            [3.0, 0.0, 0.0, 0.0, 0.0],
        ]);
        let data = Comparisons::from_tables(&wins, &ndarray::Array2::zeros((5, 5)));
        let scores = |first: &[u32]| {
            let mut won = [0; 5];
            for (p, w) in data.pairs.iter().zip(first) {
                won[p.i] += *w;
                won[p.j] += p.met() as u32 - *w;
            }
            won
        };
        let held: Vec<u32> = data.pairs.iter().map(|p| p.outcomes().0 as u32).collect();
        // every outcome with these wins, with its number of ways
        let mut ways = BTreeMap::new();
        let choose = |n: u32, k: u32| if k == 1 && n == 2 { 2.0 } else { 1.0 };
        for code in 0..3u32.pow(6) {
            let free = (0..6).map(|k| code / 3u32.pow(k) % 3);
            let mut free = free.collect::<Vec<_>>().into_iter();
            let first: Vec<u32> = data
                .pairs
                .iter()
                .zip(&held)
                .map(|(p, h)| if p.j == 4 { *h } else { free.next().unwrap_or(0) })
                .collect();
            if scores(&first) == scores(&held) {
                let weight: f64 =
                    data.pairs.iter().zip(&first).map(|(p, w)| choose(p.met() as u32, *w)).product();
                ways.insert(first, weight);
            }
        }
        let all: f64 = ways.values().sum();
        assert!(ways.len() > 10, "{}", ways.len());
        const DRAWS: usize = 4000;
        // one data set after another from ever new centres
        let mut seen: BTreeMap<Vec<u32>, f64> = BTreeMap::new();
        for seed in 0..40 {
            let given = GivenWins::new(&data, DRAWS / 40, seed);
            assert!(!given.is_weak);
            for drawn in drawn(&given, &data, 0..DRAWS / 40) {
                assert_eq!(scores(&drawn), scores(&held));
                *seen.entry(drawn).or_default() += 1.0;
            }
        }
        let chi: f64 = ways
            .iter()
            .map(|(first, weight)| {
                let expected = DRAWS as f64 * weight / all;
                (seen.get(first).copied().unwrap_or(0.0) - expected).powi(2) / expected
            })
            .sum();
        assert_eq!(seen.keys().filter(|k| !ways.contains_key(*k)).count(), 0);
        // draws from one centre are not independent: some more than the degrees of freedom
        let degrees = (ways.len() - 1) as f64;
        assert!(chi < 3.0 * degrees + 30.0, "{chi} of {degrees}");
        // ever the same bits
        let again = || GivenWins::new(&data, 6, 3).draw(5..6);
        assert_eq!(again(), again());
    }

    /// Data sets that walk side by side, on wins of their own or on those of the centre, are those that walk alone; the wins of all items
    /// stay, and pairs without a number are left out.
    #[test]
    fn data_sets_side_by_side_are_those_drawn_alone() {
        const N: usize = 60;
        let mut rng = stream(8, "side by side", &[]);
        // two groups, of which the one beats the other: two components, and wins that never turn
        let mut wins = Array2::zeros((N, N));
        for _ in 0..900 {
            let (i, j) = (index(&mut rng, N), index(&mut rng, N));
            if i != j && (i < N / 2 || j >= N / 2) {
                wins[[i, j]] += 1.0;
            }
        }
        let data = Comparisons::from_tables(&wins, &Array2::zeros((N, N)));
        let won = |first: &[u32]| {
            let mut won = [0; N];
            for (p, w) in data.pairs.iter().zip(first) {
                won[p.i] += *w;
                won[p.j] += p.met() as u32 - *w;
            }
            won
        };
        let held: Vec<u32> = data.pairs.iter().map(|p| p.outcomes().0 as u32).collect();
        // many turns each, and few
        for replicates in [9, 1_000_000] {
            let mut given = GivenWins::new(&data, replicates, 4);
            assert!(given.parts.len() == 2 && (given.turns < APART) == (replicates > 9));
            let together = given.draw(3..14);
            let alone: Vec<Vec<u32>> = (3..14).flat_map(|k| given.draw(k..k + 1)).collect();
            assert_eq!(together, alone);
            // from no slots, which grow, from many, and on a copy
            for expected in [0, 5000] {
                assert_eq!(together, given.draw_on(3..14, || Turned::of(&given.wins, expected)));
            }
            assert_eq!(together, given.draw_on(3..14, || given.wins.clone()));
            let sets = drawn(&given, &data, 3..14);
            assert!(sets.iter().all(|set| won(set) == won(&held)) && sets[0] != sets[1]);
            given.number(|pair| pair.is_multiple_of(3).then_some(pair as u32 / 3));
            let of_three = |side: &u32| (side / 2).is_multiple_of(3).then_some(side / 6 * 2 + side % 2);
            let numbered: Vec<Vec<u32>> =
                together.iter().map(|all| all.iter().filter_map(of_three).collect()).collect();
            assert_eq!(given.draw(3..14), numbered);
        }
    }

    /// However few wins are turned: the data are as likely as any of those drawn to have the largest value of a statistic.
    #[test]
    fn few_turns_are_exact_too() {
        use equipoise_core::logistic::logistic;
        use equipoise_core::sample::uniform;
        const SETS: u64 = 2000;
        let mut largest = 0;
        for seed in 0..SETS {
            let mut rng = stream(seed, "few turns", &[]);
            let mut wins = ndarray::Array2::zeros((7, 7));
            for i in 0..7 {
                for j in i + 1..7 {
                    for _ in 0..2 {
                        // one rating: 0 is the strongest
                        let first = uniform(&mut rng) < logistic(0.3 * (j - i) as f64);
                        wins[if first { [i, j] } else { [j, i] }] += 1.0;
                    }
                }
            }
            let data = Comparisons::from_tables(&wins, &ndarray::Array2::zeros((7, 7)));
            let value = |first: &[u32]| {
                first.iter().zip(&data.pairs).map(|(w, p)| *w * ((5 * p.i + 3 * p.j) % 7) as u32).sum::<u32>()
            };
            let held: Vec<u32> = data.pairs.iter().map(|p| p.outcomes().0 as u32).collect();
            // so many data sets that one step of each is left
            let given = GivenWins::new(&data, 1 << 40, seed);
            assert!(given.is_weak && given.parts.iter().all(|part| part.steps == 1));
            let drawn = drawn(&given, &data, 0..4);
            let equal = drawn.iter().filter(|drawn| value(drawn) == value(&held)).count();
            // of equal values one is the largest by chance
            if drawn.iter().all(|drawn| value(drawn) <= value(&held)) && index(&mut rng, equal + 1) == 0 {
                largest += 1;
            }
        }
        // one in five; four standard deviations of that count
        let (expected, deviation) = (SETS as f64 / 5.0, (SETS as f64 * 0.16).sqrt());
        assert!((f64::from(largest) - expected).abs() < 4.0 * deviation, "{largest} of {SETS}");
    }
}
