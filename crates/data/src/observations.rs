//! What is one observation: the comparisons that were made together, and are drawn together.
//!
//! Errors, intervals, bootstraps and null models all rest on which comparisons are independent of each other. That is
//! said here, once: a row (a tie is one row), a whole ranking (its pairs are not independent), or all comparisons of a
//! context or an annotator, as the user says ([`Unit`]).

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::columns::Outcome;
use crate::comparisons::{Comparisons, Count, Counter, PairCount, sum};
use crate::rankings::{Ranking, Rankings};

/// What is drawn independently of all else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// A row of the file: a comparison, or a whole ranking. A row of weight w stands for w of them.
    #[default]
    Row,
    /// All comparisons of one context; rows without one stand for themselves.
    Context,
    /// All comparisons of one annotator; rows without one stand for themselves.
    Annotator,
}

/// Comparisons of one observation: of one pair, in one order of listing, with one outcome.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// Index into [`Comparisons::pairs`].
    pub pair: u32,
    /// Whether the item of the lower number is listed first.
    pub forward: bool,
    /// Who won.
    pub outcome: Outcome,
    /// How many, above 0.
    pub weight: f64,
}

/// One observation of several comparisons, or several equal ones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation<'a> {
    /// Its comparisons.
    pub cells: &'a [Cell],
    /// How many equal observations this stands for, above 0.
    pub times: f64,
}

/// Comparisons, and which of them are one observation.
#[derive(Clone, Debug, PartialEq)]
pub struct Observations {
    /// All comparisons, counted by pair.
    pub comparisons: Comparisons,
    /// What was asked for as one observation.
    pub unit: Unit,
    /// The observations; `None`: every comparison is one.
    clusters: Option<Clusters>,
}

/// Cells of all observations, one after another.
#[derive(Clone, Debug, Default, PartialEq)]
struct Clusters {
    cells: Vec<Cell>,
    /// Where the cells of each observation end.
    ends: Vec<usize>,
    times: Vec<f64>,
    /// Whether some observation is a ranking.
    rankings: bool,
}

impl From<Comparisons> for Observations {
    /// Every comparison is an observation.
    fn from(comparisons: Comparisons) -> Self {
        Self { comparisons, unit: Unit::Row, clusters: None }
    }
}

impl Observations {
    /// Every group, over the same items, is one observation, as a context ([`Grouped::groups`](crate::Grouped::groups)).
    ///
    /// # Panics
    /// If there are none.
    #[must_use]
    pub fn of_groups(groups: &[Comparisons], unit: Unit) -> Self {
        let comparisons = Comparisons::sum(groups.iter().map(|g| (g, 1.0)));
        let mut clusters = Clusters::default();
        for group in groups {
            let cells = group.pairs.iter().flat_map(|pair| {
                let at = comparisons.pairs.binary_search_by_key(&(pair.i, pair.j), |p| (p.i, p.j));
                let place = at.expect("the sum has the pairs of its parts") as u32;
                [(true, &pair.forward), (false, &pair.backward)].into_iter().flat_map(
                    move |(forward, count)| {
                        let cell = move |(outcome, weight)| Cell { pair: place, forward, outcome, weight };
                        count.outcomes().into_iter().filter(|(_, weight)| *weight > 0.0).map(cell)
                    },
                )
            });
            clusters.push(cells, 1.0);
        }
        Self { comparisons, unit, clusters: Some(clusters) }
    }

    /// The observations of several comparisons each; `None` if every comparison is one, and [`Observations::comparisons`]
    /// says all.
    #[must_use]
    pub fn clusters(&self) -> Option<impl ExactSizeIterator<Item = Observation<'_>> + Clone> {
        let clusters = self.clusters.as_ref()?;
        Some((0..clusters.times.len()).map(|k| {
            let start = if k == 0 { 0 } else { clusters.ends[k - 1] };
            Observation { cells: &clusters.cells[start..clusters.ends[k]], times: clusters.times[k] }
        }))
    }

    /// Number of observations.
    #[must_use]
    pub fn count(&self) -> f64 {
        self.clusters.as_ref().map_or(self.comparisons.total, |c| sum(c.times.iter().copied()))
    }

    /// Why nothing is known of the noise, if nothing is: observations that are no whole number of times there cannot be
    /// counted, and one of several comparisons has none to differ from.
    #[must_use]
    pub fn no_noise(&self) -> Option<&'static str> {
        let whole = |w: f64| w.fract() == 0.0;
        let (counted, several) = match &self.clusters {
            Some(clusters) => (clusters.times.iter().all(|w| whole(*w)), self.count() >= 2.0),
            None => {
                let cells = |c: &Count| c.outcomes().iter().all(|o| whole(o.1));
                let whole = self.comparisons.pairs.iter().all(|p| cells(&p.forward) && cells(&p.backward));
                // win rates of a matrix are none, even of 0 and 1
                (self.comparisons.counted && whole, true)
            }
        };
        match (counted, several) {
            (true, true) => None,
            (false, _) => Some("weights in fractions are not counts: nothing is known of their noise"),
            (true, false) => Some("there is one observation: nothing is known of how another would differ"),
        }
    }

    /// What one observation is, in words, in the plural.
    #[must_use]
    pub fn words(&self) -> &'static str {
        match (self.unit, &self.clusters) {
            (Unit::Context, _) => "contexts",
            (Unit::Annotator, _) => "annotators",
            (Unit::Row, Some(clusters)) if clusters.rankings => "rankings",
            (Unit::Row, _) => "comparisons",
        }
    }

    /// The rankings that the observations are, with the items of [`Observations::comparisons`]; `None` if they are none. Ties that
    /// were dropped are ties here: neither of the two is above the other.
    #[must_use]
    pub fn rankings(&self) -> Option<Rankings> {
        if !self.clusters.as_ref()?.rankings {
            return None;
        }
        let ranking = |Observation { cells, times }: Observation<'_>| {
            let mut above: BTreeMap<usize, usize> = BTreeMap::new();
            for cell in cells {
                let pair = &self.comparisons.pairs[cell.pair as usize];
                let (a, b) = if cell.forward { (pair.i, pair.j) } else { (pair.j, pair.i) };
                *above.entry(a).or_default() += usize::from(cell.outcome == Outcome::Second);
                *above.entry(b).or_default() += usize::from(cell.outcome == Outcome::First);
            }
            // tied items have as many above them
            let mut groups: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
            above.into_iter().for_each(|(i, above)| groups.entry(above).or_default().push(i as u32));
            let groups = groups.into_values().collect();
            Ranking { groups, weight: times, context: 0, annotator: 0, time: None }
        };
        let nowhere = || vec![String::new()];
        Some(Rankings {
            labels: self.comparisons.labels.clone(),
            contexts: nowhere(),
            annotators: nowhere(),
            rankings: self.clusters()?.map(ranking).collect(),
            checks: self.comparisons.checks.clone(),
        })
    }

    /// The observations with these items alone, in their order; what is left without a comparison is left out.
    ///
    /// # Panics
    /// If an item is named twice, or there is none of that number.
    #[must_use]
    pub fn among(&self, items: &[usize]) -> Self {
        let comparisons = self.comparisons.among(items);
        let mut place = vec![None; self.comparisons.n()];
        items.iter().enumerate().for_each(|(k, &i)| place[i] = Some(k));
        // where each pair is now, and whether its items changed sides
        let moved = |p: &PairCount| {
            let (i, j) = (place[p.i]?, place[p.j]?);
            let at = comparisons.pairs.binary_search_by_key(&(i.min(j), i.max(j)), |p| (p.i, p.j));
            Some((at.ok()? as u32, i > j))
        };
        let moved: Vec<Option<(u32, bool)>> = self.comparisons.pairs.iter().map(moved).collect();
        let clusters = self.clusters().map(|all| {
            let rankings = self.clusters.as_ref().is_some_and(|c| c.rankings);
            let mut kept = Clusters { rankings, ..Clusters::default() };
            for Observation { cells, times } in all {
                let cell = |c: &Cell| {
                    let (pair, turned) = moved[c.pair as usize]?;
                    Some(Cell { pair, forward: c.forward != turned, ..*c })
                };
                kept.push(cells.iter().filter_map(cell), times);
            }
            kept
        });
        Self { comparisons, unit: self.unit, clusters }
    }

    /// The same observations with the items in another order, the lower number listed first, and equal ones taken together:
    /// what is drawn from them depends on that order alone, not on that of the rows.
    ///
    /// # Panics
    /// If `order` does not hold every item once.
    #[must_use]
    pub fn reordered(&self, order: &[usize]) -> Self {
        let comparisons = self.comparisons.among(order).listed_in_order();
        let mut place = vec![0; order.len()];
        order.iter().enumerate().for_each(|(k, &i)| place[i] = k);
        let Some(clusters) = self.clusters() else {
            return Self { comparisons, unit: self.unit, clusters: None };
        };
        let moved = |cell: &Cell| {
            let pair = &self.comparisons.pairs[cell.pair as usize];
            let (a, b) = if cell.forward { (pair.i, pair.j) } else { (pair.j, pair.i) };
            let (a, b) = (place[a], place[b]);
            let at = comparisons.pairs.binary_search_by_key(&(a.min(b), a.max(b)), |p| (p.i, p.j));
            let outcome = match cell.outcome {
                Outcome::First if a > b => Outcome::Second,
                Outcome::Second if a > b => Outcome::First,
                other => other,
            };
            (at.expect("the same pairs met") as u32, outcome as u8, outcome, cell.weight)
        };
        let mut all: Vec<(Vec<_>, f64)> = clusters
            .map(|o| {
                let mut cells: Vec<_> = o.cells.iter().map(moved).collect();
                cells.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(a.3.total_cmp(&b.3)));
                cells.dedup_by(|next, kept| {
                    let same = (next.0, next.1) == (kept.0, kept.1);
                    kept.3 += if same { next.3 } else { 0.0 };
                    same
                });
                (cells, o.times)
            })
            .collect();
        let key = |cells: &[(u32, u8, Outcome, f64)]| -> Vec<(u32, u8, u64)> {
            cells.iter().map(|c| (c.0, c.1, c.3.to_bits())).collect()
        };
        all.sort_by_cached_key(|(cells, times)| (key(cells), times.to_bits()));
        all.dedup_by(|next, kept| {
            let same = key(&next.0) == key(&kept.0);
            kept.1 += if same { next.1 } else { 0.0 };
            same
        });
        let rankings = self.clusters.as_ref().is_some_and(|c| c.rankings);
        let mut clusters = Clusters { rankings, ..Clusters::default() };
        for (cells, times) in all {
            let cell = |(pair, _, outcome, weight)| Cell { pair, forward: true, outcome, weight };
            clusters.push(cells.into_iter().map(cell), times);
        }
        Self { comparisons, unit: self.unit, clusters: Some(clusters) }
    }

    /// The comparisons with every observation taken so many times: `times[k]` for each of [`Observations::clusters`].
    ///
    /// # Panics
    /// If every comparison is an observation by itself, or the lengths differ.
    #[must_use]
    pub fn weighted(&self, times: &[f64]) -> Comparisons {
        let clusters = self.clusters().expect("observations of several comparisons");
        assert_eq!(clusters.len(), times.len(), "a number for every observation");
        let mut pairs: Vec<PairCount> = self
            .comparisons
            .pairs
            .iter()
            .map(|p| PairCount { i: p.i, j: p.j, ..PairCount::default() })
            .collect();
        for (observation, &times) in clusters.zip(times).filter(|(_, times)| **times > 0.0) {
            for cell in observation.cells {
                let pair = &mut pairs[cell.pair as usize];
                let count = if cell.forward { &mut pair.forward } else { &mut pair.backward };
                *count.slot(cell.outcome) += times * cell.weight;
            }
        }
        pairs.retain(|p| p.met() > 0.0);
        self.comparisons.with_pairs(pairs)
    }
}

/// Takes rows in while they stream by, and tells which of them are one observation.
#[derive(Clone, Debug, Default)]
pub(crate) struct ObservationCounter {
    unit: Unit,
    /// Comparisons that are observations by themselves.
    single: Counter,
    /// Whole rankings of three items and more, equal ones once: their groups, each followed by [`END`].
    rankings: Vec<(Vec<u32>, f64)>,
    places: FxHashMap<Vec<u32>, usize>,
    /// Comparisons of each context or annotator that occurs, with its number.
    groups: Vec<(u32, Counter)>,
    /// Where each is. Looked up, never walked.
    numbered: FxHashMap<u32, usize>,
}

/// Ends a group of tied items; no item has that number.
const END: u32 = u32::MAX;

impl ObservationCounter {
    pub(crate) fn new(unit: Unit) -> Self {
        Self { unit, ..Self::default() }
    }

    /// Takes in one comparison, of a row or of a ranking in a group.
    #[inline]
    pub(crate) fn battle(&mut self, (first, second, outcome): (u32, u32, Outcome), weight: f64, group: u32) {
        if self.unit == Unit::Row {
            return self.single.add(first, second, outcome, weight);
        }
        self.group(group).add(first, second, outcome, weight);
    }

    pub(crate) fn ranking(&mut self, ranking: &Ranking, group: u32) {
        let items: usize = ranking.groups.iter().map(Vec::len).sum();
        if self.unit != Unit::Row || items < 3 {
            return ranking.pairs(|a, b, outcome| self.battle((a, b, outcome), ranking.weight, group));
        }
        let mut key = Vec::with_capacity(items + ranking.groups.len());
        for group in &ranking.groups {
            let start = key.len();
            key.extend(group);
            key[start..].sort_unstable();
            key.push(END);
        }
        self.whole(key, ranking.weight);
    }

    /// Takes in what another counted, behind its own: comparisons of one group stay together.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.single.merge(&other.single);
        for (key, weight) in &other.rankings {
            self.whole(key.clone(), *weight);
        }
        for (group, counter) in &other.groups {
            self.group(*group).merge(counter);
        }
    }

    fn whole(&mut self, key: Vec<u32>, weight: f64) {
        let next = self.rankings.len();
        let place = *self.places.entry(key.clone()).or_insert(next);
        if place == next {
            self.rankings.push((key, 0.0));
        }
        self.rankings[place].1 += weight;
    }

    fn group(&mut self, group: u32) -> &mut Counter {
        let next = self.groups.len();
        let at = *self.numbered.entry(group).or_insert(next);
        if at == next {
            self.groups.push((group, Counter::default()));
        }
        &mut self.groups[at].1
    }

    /// The observations of `comparisons`, which counted the same rows; `names`: of the groups.
    pub(crate) fn finish(self, comparisons: Comparisons, names: &[String]) -> Observations {
        let unit = self.unit;
        if unit == Unit::Row && self.rankings.is_empty() {
            return Observations { comparisons, unit, clusters: None };
        }
        let mut clusters = Clusters { rankings: !self.rankings.is_empty(), ..Clusters::default() };
        let place = |a: u32, b: u32| {
            let pair = (a.min(b) as usize, a.max(b) as usize);
            comparisons.pairs.binary_search_by_key(&pair, |p| (p.i, p.j)).ok().map(|k| k as u32)
        };
        let cell = |a: u32, b: u32, outcome: Outcome, weight: f64| match place(a, b) {
            Some(pair) if weight > 0.0 && comparisons.ties.count(outcome) => {
                Some(Cell { pair, forward: a < b, outcome, weight })
            }
            _ => None,
        };
        let cells = |counter: Counter| -> Vec<Cell> {
            let of = |(a, b, count): (u32, u32, Count)| {
                count.outcomes().into_iter().filter_map(move |(outcome, weight)| cell(a, b, outcome, weight))
            };
            counter.into_counts().into_iter().flat_map(of).collect()
        };
        let alone = |clusters: &mut Clusters, counter: Counter| {
            cells(counter).into_iter().for_each(|c| clusters.push([Cell { weight: 1.0, ..c }], c.weight));
        };
        alone(&mut clusters, self.single);
        for (key, weight) in self.rankings.into_iter().filter(|r| r.1 > 0.0) {
            let groups = key.split(|k| *k == END).filter(|g| !g.is_empty()).map(<[u32]>::to_vec).collect();
            let mut all = Vec::new();
            let whole = Ranking { groups, weight: 1.0, context: 0, annotator: 0, time: None };
            whole.pairs(|a, b, outcome| all.extend(cell(a, b, outcome, 1.0)));
            clusters.push(all, weight);
        }
        for (number, counter) in self.groups {
            // rows without a name have nothing in common
            if names.get(number as usize).is_none_or(String::is_empty) {
                alone(&mut clusters, counter);
            } else {
                clusters.push(cells(counter), 1.0);
            }
        }
        Observations { comparisons, unit, clusters: Some(clusters) }
    }
}

impl Clusters {
    fn push(&mut self, cells: impl IntoIterator<Item = Cell>, times: f64) {
        let start = self.cells.len();
        self.cells.extend(cells);
        if self.cells.len() > start {
            self.ends.push(self.cells.len());
            self.times.push(times);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Grouping, Selection, parse_observations};
    use std::path::Path;

    fn read(text: &str, unit: Unit) -> Observations {
        parse_observations(Path::new("d.csv"), text.as_bytes(), &Selection::default(), unit).unwrap()
    }

    /// The pairs of an observation: who won over whom (the lower number in ties), by name, and how many times all.
    fn seen(data: &Observations) -> Vec<(Vec<String>, f64)> {
        let labels = &data.comparisons.labels;
        let cell = |c: &Cell| {
            let pair = &data.comparisons.pairs[c.pair as usize];
            let (a, b) = if c.forward { (pair.i, pair.j) } else { (pair.j, pair.i) };
            let (a, b) = (&labels[a], &labels[b]);
            match c.outcome {
                Outcome::First => format!("{}{a}>{b}", c.weight),
                Outcome::Second => format!("{}{b}>{a}", c.weight),
                Outcome::Tie | Outcome::BothBad => format!("{}{a}={b}", c.weight),
            }
        };
        data.clusters().unwrap().map(|o| (o.cells.iter().map(cell).collect(), o.times)).collect()
    }

    #[test]
    fn a_row_is_an_observation_and_so_is_a_whole_ranking() {
        let rows = read("item_a,item_b,outcome,weight\nx,y,a,3\ny,x,tie,2\n", Unit::Row);
        assert!(rows.clusters().is_none() && rows.count() == 5.0 && rows.no_noise().is_none());
        let text = "ranking,weight\na > b = c,2\na > b = c,1\na > c = b,1\nb > a,4\n";
        let rankings = read(text, Unit::Row);
        let expected = [(vec!["1b>a"], 4.0), (vec!["1a>b", "1a>c", "1b=c"], 4.0)];
        let expected: Vec<(Vec<String>, f64)> =
            expected.map(|(cells, times)| (cells.iter().map(ToString::to_string).collect(), times)).to_vec();
        assert_eq!(seen(&rankings), expected);
        assert_eq!((rankings.words(), rankings.count()), ("rankings", 8.0));
        // taken once each as often as they are there, they are the counts
        let outcomes = |c: &Comparisons| c.pairs.iter().map(|p| (p.i, p.j, p.outcomes())).collect::<Vec<_>>();
        assert_eq!(outcomes(&rankings.weighted(&[4.0, 4.0])), outcomes(&rankings.comparisons));
        let fractions = read("item_a,item_b,outcome,weight\nx,y,a,2.5\n", Unit::Row);
        assert!(fractions.no_noise().unwrap().contains("fractions"));
    }

    #[test]
    fn a_context_is_an_observation_and_rows_without_one_stand_for_themselves() {
        let text = "item_a,item_b,outcome,weight,context,annotator\nx,y,a,1.5,p,1\ny,z,a,1,p,2\nx,y,b,2,,1\nx,z,a,1,q,2\n";
        let contexts = read(text, Unit::Context);
        let cells = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        let expected = [(cells(&["1.5x>y", "1y>z"]), 1.0), (cells(&["1y>x"]), 2.0), (cells(&["1x>z"]), 1.0)];
        assert_eq!(seen(&contexts), expected);
        // weights within an observation need not be whole
        assert!(contexts.no_noise().is_none() && contexts.count() == 4.0);
        assert_eq!(contexts.weighted(&[1.0, 2.0, 1.0]), contexts.comparisons);
        let annotators = read(text, Unit::Annotator);
        assert_eq!((annotators.words(), annotators.count()), ("annotators", 2.0));
        let missing = parse_observations(
            Path::new("d.csv"),
            b"item_a,item_b,outcome\nx,y,a\n",
            &Selection::default(),
            Unit::Annotator,
        );
        assert!(missing.unwrap_err().to_string().contains("`annotator`"));
        // as counted by context elsewhere
        let groups = crate::parse_grouped(
            Path::new("d.csv"),
            text.as_bytes(),
            &Selection::default(),
            Grouping::Annotator,
        );
        let same = Observations::of_groups(&groups.unwrap().groups, Unit::Annotator);
        let sorted = |data: &Observations| {
            let mut all = seen(data);
            all.iter_mut().for_each(|o| o.0.sort());
            all
        };
        assert_eq!(sorted(&same), sorted(&annotators));
    }

    #[test]
    fn groups_have_observations_of_their_own() {
        let of = |text: &str, by, unit| {
            let all = Selection::default();
            crate::parse_grouped_observations(Path::new("d.csv"), text.as_bytes(), &all, by, unit).unwrap()
        };
        // contexts within annotators
        let text = "item_a,item_b,outcome,context,annotator\nz,y,a,p,u\nx,y,a,q,u\ny,z,a,p,u\nx,y,a,p,v\nx,y,b,q,v\n";
        let found = of(text, Grouping::Annotator, Unit::Context);
        let cells = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        let first = found.observations(0);
        assert_eq!((first.words(), first.comparisons.labels.join("")), ("contexts", "zyx".to_owned()));
        assert_eq!(first.comparisons, found.alone(0));
        let mut all = seen(&first);
        all.iter_mut().for_each(|o| o.0.sort());
        assert_eq!(all, [(cells(&["1y>z", "1z>y"]), 1.0), (cells(&["1x>y"]), 1.0)]);
        assert_eq!(seen(&found.observations(1)), [(cells(&["1x>y"]), 1.0), (cells(&["1y>x"]), 1.0)]);
        // whole rankings, of the items of the group
        let text = "ranking,weight,context\na > b > c,2,p\nd > b > c,1,q\nc > b > d,1,q\n";
        let found = of(text, Grouping::Context, Unit::Row);
        let (p, q) = (found.observations(0), found.observations(1));
        assert_eq!((p.words(), p.count(), q.count()), ("rankings", 2.0, 2.0));
        assert_eq!(seen(&q)[1].0, cells(&["1c>b", "1c>d", "1b>d"]));
        assert!(q.comparisons.checks.rankings == 3 && q.rankings().unwrap().rankings.len() == 2);
        // a unit without its column
        let missing = crate::parse_grouped_observations(
            Path::new("d.csv"),
            b"item_a,item_b,outcome,context\nx,y,a,p\n",
            &Selection::default(),
            Grouping::Context,
            Unit::Annotator,
        );
        assert!(missing.unwrap_err().to_string().contains("`annotator`"));
    }
}
