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

use equipoise_core::Rng;
use equipoise_core::graph::strong_components;
use equipoise_core::sample::index;
use equipoise_core::seed::stream;
use equipoise_data::Comparisons;

/// Wins turned round from one data set to the next, for each that can be, about; fewer where there are many, as [`MOST`] says. The
/// test is exact for any number, but with fewer data sets stay more like the data, and the test has less power.
const TURNS: f64 = 2.0;
/// Turns below which the test is weak: what it does not reject is then not shown.
const WEAK: f64 = 1.0;
/// Wins turned round in all data sets together, about, which bounds the time.
const MOST: f64 = 1e8;
/// Cycles of a component whose lengths are measured.
const FIRST: usize = 200;

/// A win: who lost, and twice the index of the pair, with 1 more if the winner is its second item.
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
    starts: Vec<usize>,
    /// The centre.
    wins: Vec<Win>,
    /// Wins of the first item of each pair that never turn.
    fixed: Vec<u32>,
    /// Whether wins are turned too seldom to say anything by not rejecting.
    pub(super) is_weak: bool,
    seed: u64,
}

impl GivenWins {
    /// Of whole counts, whose decisive comparisons are numbered by 32 bits; for so many data sets.
    pub(super) fn new(data: &Comparisons, replicates: usize, seed: u64) -> Self {
        let n = data.n();
        let mut beaten = vec![Vec::new(); n];
        for p in &data.pairs {
            let (wins, losses, _) = p.outcomes();
            if wins > 0.0 {
                beaten[p.i].push(p.j);
            }
            if losses > 0.0 {
                beaten[p.j].push(p.i);
            }
        }
        let components = strong_components(&beaten);
        drop(beaten);
        let mut part = vec![0; n];
        components.iter().enumerate().for_each(|(k, items)| items.iter().for_each(|&i| part[i] = k));
        let mut starts = vec![0; n + 1];
        let mut fixed = vec![0; data.pairs.len()];
        for (at, p) in data.pairs.iter().enumerate() {
            let (wins, losses, _) = p.outcomes();
            if part[p.i] == part[p.j] {
                starts[p.i + 1] += wins as usize;
                starts[p.j + 1] += losses as usize;
            } else {
                fixed[at] = wins as u32;
            }
        }
        (0..n).for_each(|i| starts[i + 1] += starts[i]);
        let (mut next, mut wins) = (starts.clone(), vec![(0, 0); starts[n]]);
        for (at, p) in data.pairs.iter().enumerate().filter(|(_, p)| part[p.i] == part[p.j]) {
            let (won, lost, _) = p.outcomes();
            for (from, to, times, second) in [(p.i, p.j, won, 0), (p.j, p.i, lost, 1)] {
                let end = next[from] + times as usize;
                wins[next[from]..end].fill((to as u32, (2 * at + second) as u32));
                next[from] = end;
            }
        }
        let of_part = |items: Vec<usize>| {
            let held: usize = items.iter().map(|&i| starts[i + 1] - starts[i]).sum();
            Part { items: items.into_iter().map(|i| i as u32).collect(), held, steps: held.min(FIRST) }
        };
        let parts = components.into_iter().filter(|items| items.len() > 1).map(of_part).collect();
        let turns = TURNS.min(MOST / (wins.len() * (replicates + 1)).max(1) as f64);
        let mut given = Self { parts, starts, wins: Vec::new(), fixed, is_weak: turns < WEAK, seed };
        // on a copy: the data are as far from the centre as the data sets drawn
        let turned = given.walk(&mut wins.clone(), &mut stream(seed, "given wins", &["first"]));
        for (part, turned) in given.parts.iter_mut().zip(turned) {
            part.steps = (turns * (part.held * part.steps) as f64 / turned as f64).ceil() as usize;
        }
        given.walk(&mut wins, &mut stream(seed, "given wins", &["centre"]));
        given.wins = wins;
        given
    }

    /// Wins of the first item of each pair in data set `k`.
    pub(super) fn draw(&self, k: usize) -> Vec<u32> {
        let mut wins = self.wins.clone();
        self.walk(&mut wins, &mut stream(self.seed, "given wins", &[&k.to_string()]));
        let mut first = self.fixed.clone();
        wins.iter()
            .filter(|(_, side)| side.is_multiple_of(2))
            .for_each(|(_, side)| first[*side as usize / 2] += 1);
        first
    }

    /// Takes the steps of every component; how many wins they turned in each.
    fn walk(&self, wins: &mut [Win], rng: &mut Rng) -> Vec<usize> {
        const NEW: u32 = u32::MAX;
        let mut place = vec![NEW; self.starts.len() - 1];
        let mut path: Vec<(u32, usize)> = Vec::new();
        let mut turned = vec![0; self.parts.len()];
        for (part, turned) in self.parts.iter().zip(&mut turned) {
            for _ in 0..part.steps {
                path.clear();
                let mut item = part.items[index(rng, part.items.len())];
                while place[item as usize] == NEW {
                    place[item as usize] = path.len() as u32;
                    let (from, to) = (self.starts[item as usize], self.starts[item as usize + 1]);
                    let win = from + index(rng, to - from);
                    path.push((item, win));
                    item = wins[win].0;
                }
                let cycle = &path[place[item as usize] as usize..];
                // the loser of each win takes it over, in the place of its own
                let (last, win) = cycle[cycle.len() - 1];
                let mut taken = (last, wins[win].1 ^ 1);
                *turned += cycle.len();
                for &(item, win) in cycle {
                    taken = std::mem::replace(&mut wins[win], taken);
                    taken = (item, taken.1 ^ 1);
                }
                path.iter().for_each(|&(item, _)| place[item as usize] = NEW);
            }
        }
        turned
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use ndarray::arr2;

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
            for k in 0..DRAWS / 40 {
                let drawn = given.draw(k);
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
        let again = || GivenWins::new(&data, 6, 3).draw(5);
        assert_eq!(again(), again());
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
            let drawn: Vec<Vec<u32>> = (0..4).map(|k| given.draw(k)).collect();
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
