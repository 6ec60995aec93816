//! The finding of an inspection, in the words that are published.

use std::fmt;

use equipoise_data::{Comparisons, Observations, PairCount};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use super::{Inspection, LEVEL, Measure, STATISTICS, TOLERATED, Verdict};
use crate::transitive::Link;

/// A p-value as part of a sentence: `p = 0.012`, `p < 0.001`, `p unknown`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PValue(pub Option<f64>);

impl fmt::Display for PValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(p) if p < 0.000_999_5 => f.write_str("p < 0.001"),
            Some(p) => write!(f, "p = {p:.3}"),
            None => f.write_str("p unknown"),
        }
    }
}

/// How the Bradley-Terry favourite does against the others; it displays as half a sentence.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Favourite {
    /// It wins more than half against everybody.
    BeatsAll {
        /// The favourite.
        item: String,
    },
    /// Somebody wins more than half against it.
    Beaten {
        /// The favourite; of several equal ones, the one that loses least.
        item: String,
        /// Who beats it by most.
        by: String,
        /// What the favourite wins there, below 1/2.
        win_rate: f64,
        /// How often the two met.
        met: f64,
        /// The share of data sets under one rating an item in which it loses as much.
        p_value: Option<f64>,
    },
    /// Nobody whom it met beats it.
    Unbeaten {
        /// The favourite.
        item: String,
    },
    /// Several items have the largest strength.
    Equal {
        /// They.
        items: Vec<String>,
    },
    /// Items fall into groups that never met: nothing compares them, and there is no favourite.
    Apart {
        /// How many groups.
        groups: usize,
    },
}

impl Favourite {
    fn of(data: &Comparisons, found: &Inspection) -> Self {
        let groups = data.components().len();
        if groups > 1 {
            return Self::Apart { groups };
        }
        let name = |i: usize| data.labels[i].clone();
        let [favourite] = found.favourites[..] else {
            return Self::Equal { items: found.favourites.iter().map(|&i| name(i)).collect() };
        };
        let (item, loss) = (name(favourite), found.statistic(Measure::FavouriteLoss));
        match (found.condorcet_winner, found.worst_opponent) {
            (Some(w), _) if w == favourite => Self::BeatsAll { item },
            (_, Some(w)) if loss.value > 0.0 => {
                let pair = |p: &&PairCount| (p.i, p.j) == (favourite.min(w), favourite.max(w));
                let met = data.pairs.iter().find(pair).map_or(0.0, PairCount::met);
                Self::Beaten { item, by: name(w), win_rate: 0.5 - loss.value, met, p_value: loss.p_value }
            }
            _ => Self::Unbeaten { item },
        }
    }
}

impl fmt::Display for Favourite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BeatsAll { item } => write!(f, "{item} wins more than half against every other item"),
            // a matrix has one comparison a pair, in fractions
            Self::Beaten { item, by, win_rate, p_value: None, .. } => {
                write!(f, "the favourite {item} wins only {win_rate:.3} against {by}")
            }
            Self::Beaten { item, by, win_rate, met, p_value } => write!(
                f,
                "the favourite {item} wins only {win_rate:.2} of {met} against {by} ({} for losing as much under one rating)",
                PValue(*p_value)
            ),
            Self::Unbeaten { item } => write!(f, "nobody it met wins more than half against {item}"),
            Self::Equal { items } if items.len() > NAMED => {
                write!(f, "{} items share the largest strength", items.len())
            }
            Self::Equal { items } => write!(f, "{} share the largest strength", items.join(", ")),
            Self::Apart { groups } => {
                write!(f, "the items fall into {groups} groups that never met, and nothing compares those")
            }
        }
    }
}

/// How many items are named one by one.
const NAMED: usize = 12;

/// A cycle and what speaks for it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Cycle {
    /// Each beats the next, the last the first.
    pub items: Vec<String>,
    /// The link with the smallest lead, as a sentence: `c over a, 451 to 449`.
    pub weakest: String,
    /// Its lead in standard errors.
    pub standard_errors: f64,
    /// Of the cycle, against the nearest transitive game.
    pub p_value: Option<f64>,
}

impl Cycle {
    fn of(labels: &[String], found: &Inspection) -> Option<Self> {
        let test = &found.cycle_test;
        let link = test.weakest?;
        let Link { winner, loser, wins, losses, .. } = link;
        Some(Self {
            items: test.cycle.iter().map(|&i| labels[i].clone()).collect(),
            weakest: format!("{} over {}, {wins} to {losses}", labels[winner], labels[loser]),
            standard_errors: link.standard_errors(),
            p_value: test.p_value,
        })
    }
}

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.items.first().map_or("", String::as_str);
        write!(
            f,
            "{} > {first} ({} against the nearest transitive game; weakest link {}: {:.1} standard errors)",
            self.items.join(" > "),
            PValue(self.p_value),
            self.weakest,
            self.standard_errors
        )
    }
}

/// Whether one rating an item is rejected.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct OneRating {
    /// Of the measures that decide together.
    pub p_value: Option<f64>,
    /// The one that speaks most against it.
    pub measure: &'static str,
    /// The p-value of that one alone.
    pub measure_p_value: Option<f64>,
    /// The share of the variance of win rates beyond noise that ratings leave unexplained; `None`: too few pairs met twice to tell.
    pub unexplained: Option<f64>,
}

impl OneRating {
    fn of(found: &Inspection) -> Self {
        let measure = found.statistic(found.speaks_most);
        Self {
            p_value: found.one_rating_p_value,
            measure: STATISTICS[found.speaks_most as usize].0,
            measure_p_value: measure.p_value,
            unexplained: found.corrected_energy,
        }
    }

    fn rejected(&self) -> bool {
        self.p_value.is_some_and(|p| p < LEVEL)
    }
}

impl fmt::Display for OneRating {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.rejected() {
            return write!(f, "one rating an item is not rejected ({})", PValue(self.p_value));
        }
        write!(
            f,
            "one rating an item is rejected ({}; most by {}: {})",
            PValue(self.p_value),
            self.measure.replace('_', " "),
            PValue(self.measure_p_value)
        )?;
        match self.unexplained {
            Some(share) => write!(
                f,
                " and leaves {:.1} percent of the variance of win rates beyond noise unexplained",
                100.0 * share
            ),
            None => f.write_str("; too few pairs met twice to tell how much it leaves unexplained"),
        }
    }
}

/// What could have been seen.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Detectable {
    /// Items.
    pub items: usize,
    /// Half of the items lie on a cycle of pairs that met so often; `None`: the pairs that met have no cycle.
    pub votes: Option<f64>,
    /// A cycle of three with so many votes a pair is found four times in five from this win rate on; `None`: never.
    pub win_rate: Option<f64>,
}

impl fmt::Display for Detectable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.votes, self.win_rate) {
            _ if self.items == 2 => {
                f.write_str("two items cannot form a cycle, and one rating each fits whatever they show")
            }
            (None, _) => f.write_str(
                "too few pairs met for any cycle (not half of the items lie on one, whoever won), so none could be seen",
            ),
            (Some(votes), None) => write!(
                f,
                "half of the items lie on cycles of pairs that met {votes} times or less: not even a cycle of certain wins \
                 would be found 4 times in 5"
            ),
            (Some(votes), Some(rate)) => write!(
                f,
                "a cycle of win rates {rate:.2} through half of the items (pairs that met {votes} times) would be found 4 \
                 times in 5"
            ),
        }
    }
}

/// The finding, with the numbers it rests on. It displays as its explanation; [`InspectVerdict::word`] is the verdict
/// itself. Serialises as the two keys `verdict` and `explanation`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum InspectVerdict {
    /// Some cycle is stronger than a transitive game explains.
    CyclicBeyondNoise {
        /// The strongest.
        cycle: Cycle,
        /// How the favourite does.
        favourite: Favourite,
        /// What the maximal lottery plays.
        lottery: LotteryWords,
    },
    /// No such cycle, but one rating is rejected, and somebody beats the favourite by more than it explains.
    FavouriteBeaten {
        /// How the favourite does.
        favourite: Favourite,
        /// Of one rating an item.
        one_rating: OneRating,
        /// The strongest cycle, if there is one.
        cycle: Option<Cycle>,
    },
    /// Neither, but the win rates are not those of one rating an item.
    Misfit {
        /// How the favourite does.
        favourite: Favourite,
        /// Of one rating an item.
        one_rating: OneRating,
        /// The strongest cycle, if there is one.
        cycle: Option<Cycle>,
    },
    /// One rating an item says it all, as far as it matters.
    Adequate {
        /// How the favourite does.
        favourite: Favourite,
        /// Of one rating an item: if rejected, tolerated for its size.
        one_rating: OneRating,
        /// Cyclic triads, all, and the p-value of as many under one rating an item.
        triads: (u64, u64, Option<f64>),
        /// The strongest cycle, if there is one.
        cycle: Option<Cycle>,
        /// What could have been seen.
        detectable: Detectable,
        /// Groupings (contexts, annotators) by which win rates differ beyond noise, with the p-value.
        disagreement: Vec<(&'static str, Option<f64>)>,
    },
    /// Nothing was found, and nothing could have been.
    TooFew {
        /// How the favourite does.
        favourite: Favourite,
        /// Of one rating an item.
        one_rating: OneRating,
        /// What could have been seen.
        detectable: Detectable,
    },
    /// There are win rates and no counts, or one observation alone.
    Unknown {
        /// Whether there is one observation.
        one: bool,
        /// How the favourite does.
        favourite: Favourite,
        /// Cyclic triads.
        cyclic: u64,
        /// All triads of which every pair met.
        total: u64,
        /// What the maximal lottery plays.
        lottery: LotteryWords,
    },
}

/// What the maximal lottery plays; it displays as half a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LotteryWords {
    /// Items that it plays, or that some of them play.
    pub support: usize,
    /// Whether there is only one; `None`: rounding hides it.
    pub unique: Option<bool>,
    /// Why there is none, if there is none.
    pub none: Option<&'static str>,
}

impl LotteryWords {
    fn of(found: &Inspection) -> Self {
        let some_play = found.nash_ranges.as_ref().map(|r| r.iter().filter(|(_, high)| *high > 0.0).count());
        let support = found.nash.as_ref().map_or(0, |nash| nash.support.len());
        Self {
            support: some_play.unwrap_or(support),
            unique: found.nash.as_ref().and_then(|nash| nash.unique),
            none: found.no_lottery,
        }
    }
}

impl fmt::Display for LotteryWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(reason) = self.none {
            return write!(f, "there is no maximal lottery: {reason}");
        }
        let items = if self.support == 1 { "1 item".to_owned() } else { format!("{} items", self.support) };
        match self.unique {
            Some(true) => write!(f, "the maximal lottery plays {items}"),
            Some(false) => write!(f, "there are several maximal lotteries, which play up to {items}"),
            None => write!(f, "a maximal lottery (whether the only one is undecided) plays {items}"),
        }
    }
}

impl InspectVerdict {
    /// The finding for these comparisons.
    #[must_use]
    pub fn of(observations: &Observations, found: &Inspection) -> Self {
        let data = &observations.comparisons;
        let (favourite, one_rating) = (Favourite::of(data, found), OneRating::of(found));
        let cycle = Cycle::of(&data.labels, found);
        let (facts, lottery) = (&found.cycles, LotteryWords::of(found));
        let detectable = Detectable {
            items: data.n(),
            votes: found.power.cycle_votes,
            win_rate: found.power.cycle_win_rate,
        };
        match (found.verdict, cycle) {
            (Verdict::CyclicBeyondNoise, Some(cycle)) => {
                Self::CyclicBeyondNoise { cycle, favourite, lottery }
            }
            (Verdict::FavouriteBeaten, cycle) => Self::FavouriteBeaten { favourite, one_rating, cycle },
            (Verdict::Misfit, cycle) => Self::Misfit { favourite, one_rating, cycle },
            (Verdict::Adequate, cycle) => Self::Adequate {
                favourite,
                one_rating,
                triads: (facts.cyclic, facts.total, found.statistic(Measure::CyclicTriads).p_value),
                cycle,
                detectable,
                disagreement: Vec::new(),
            },
            (Verdict::TooFew, _) => Self::TooFew { favourite, one_rating, detectable },
            (Verdict::Unknown | Verdict::CyclicBeyondNoise, _) => {
                let one = observations.clusters().is_some() && observations.count() == 1.0;
                Self::Unknown { one, favourite, cyclic: facts.cyclic, total: facts.total, lottery }
            }
        }
    }

    /// Groups disagree: what was found enough is so for all together.
    pub fn add_disagreement(&mut self, by: &'static str, p_value: Option<f64>) {
        if let Self::Adequate { disagreement, .. } = self {
            disagreement.push((by, p_value));
        }
    }

    /// The verdict as reports spell it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::CyclicBeyondNoise { .. } => "cyclic beyond noise",
            Self::FavouriteBeaten { .. } => {
                "not cyclic beyond noise, but the Bradley-Terry favourite is beaten beyond noise"
            }
            Self::Misfit { .. } => "not cyclic beyond noise, but Bradley-Terry misfits beyond noise",
            Self::Adequate { disagreement, .. } if !disagreement.is_empty() => {
                "Bradley-Terry is enough for all comparisons together, but groups of them disagree beyond noise"
            }
            Self::Adequate { .. } => "Bradley-Terry is enough here",
            Self::TooFew { .. } => "not enough data to tell",
            Self::Unknown { one: true, .. } => "one observation, so noise is unknown",
            Self::Unknown { .. } => "no counts, so noise is unknown",
        }
    }
}

/// What is said of a cycle that is not beyond noise, or of none.
fn within_noise(f: &mut fmt::Formatter<'_>, cycle: Option<&Cycle>) -> fmt::Result {
    match cycle {
        Some(cycle) => write!(f, "no cycle is beyond noise, the strongest is {cycle}"),
        None => f.write_str("the majorities have no cycle"),
    }
}

impl fmt::Display for InspectVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CyclicBeyondNoise { cycle, favourite, lottery } => {
                write!(f, "each beats the next beyond noise: {cycle}; {favourite}; {lottery}")
            }
            Self::FavouriteBeaten { favourite, one_rating, cycle } => {
                write!(f, "{favourite}; {one_rating}; ")?;
                within_noise(f, cycle.as_ref())
            }
            Self::Misfit { favourite, one_rating, cycle } => {
                write!(f, "{favourite}; {one_rating}: the order may stand, the win rates do not; ")?;
                within_noise(f, cycle.as_ref())
            }
            Self::Adequate { favourite, one_rating, triads, cycle, detectable, disagreement } => {
                for (by, p) in disagreement {
                    write!(f, "one board does not fit every {by} ({}); ", PValue(*p))?;
                }
                write!(f, "{favourite}; {one_rating}")?;
                if one_rating.rejected() {
                    write!(f, ", less than the {:.0} percent that would matter", 100.0 * TOLERATED)?;
                }
                let (cyclic, total, p) = *triads;
                if cyclic > 0 {
                    let what = if p.is_some_and(|p| p < LEVEL) { "more than" } else { "what" };
                    write!(
                        f,
                        "; {cyclic} of {total} triads are cyclic, {what} one rating gives ({})",
                        PValue(p)
                    )?;
                }
                f.write_str("; ")?;
                within_noise(f, cycle.as_ref())?;
                write!(f, "; {detectable}")
            }
            Self::TooFew { favourite, one_rating, detectable } => {
                if detectable.win_rate.is_some() && detectable.items > 2 {
                    write!(f, "only strong cycles could have been seen: ")?;
                }
                write!(f, "{detectable}; {favourite}; {one_rating}")
            }
            Self::Unknown { favourite, cyclic, total, lottery, .. } => {
                write!(f, "{favourite}; {cyclic} of {total} triads are cyclic; {lottery}")
            }
        }
    }
}

impl Serialize for InspectVerdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("verdict", self.word())?;
        map.serialize_entry("explanation", &self.to_string())?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_p_value_is_never_printed_as_zero() {
        assert_eq!(PValue(Some(2.7e-5)).to_string(), "p < 0.001");
        assert_eq!(PValue(Some(0.001)).to_string(), "p = 0.001");
        assert_eq!(PValue(None).to_string(), "p unknown");
    }
}
