//! Profiles of strict ballots, written as text: `3 abc, 1 bca` is three voters for a above b above c and one for b above c
//! above a.

use std::fmt;
use std::str::FromStr;

use crate::concepts::{Ballot, Electorate};

/// Most items of a profile in letters.
pub const MOST_LETTERS: usize = 26;

/// Strict, complete ballots with whole numbers of voters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Profile {
    n: usize,
    ballots: Vec<(Vec<usize>, u32)>,
}

impl Profile {
    /// Equal ballots are put together, and ballots without voters left out. `None` if a ballot does not rank each of the `n` items
    /// once, or no voter is left.
    #[must_use]
    pub fn new(n: usize, ballots: impl IntoIterator<Item = (Vec<usize>, u32)>) -> Option<Self> {
        let mut all: Vec<(Vec<usize>, u32)> = Vec::new();
        for (order, voters) in ballots {
            let mut sorted = order.clone();
            sorted.sort_unstable();
            if sorted != (0..n).collect::<Vec<_>>() {
                return None;
            }
            match all.iter_mut().find(|(other, _)| *other == order) {
                Some((_, sum)) => *sum = sum.checked_add(voters)?,
                None => all.push((order, voters)),
            }
        }
        all.retain(|(_, voters)| *voters > 0);
        all.sort();
        (!all.is_empty() && n > 0).then_some(Self { n, ballots: all })
    }

    /// Number of items.
    #[must_use]
    pub fn items(&self) -> usize {
        self.n
    }

    /// Number of voters.
    #[must_use]
    pub fn voters(&self) -> u32 {
        self.ballots.iter().map(|(_, voters)| voters).sum()
    }

    /// Orders, best first, with their voters.
    #[must_use]
    pub fn ballots(&self) -> &[(Vec<usize>, u32)] {
        &self.ballots
    }

    /// What rules decide on.
    ///
    /// # Panics
    /// Never: a profile is whole.
    #[must_use]
    pub fn electorate(&self) -> Electorate {
        let ballots = self.ballots.iter().map(|(order, w)| Ballot::strict(order, f64::from(*w)));
        Electorate::of_ballots(self.n, ballots.collect()).expect("a profile is whole")
    }

    /// With `voters` of ballot `index` removed, and as many with `order` added, if one is given. `None` if no voter is left.
    pub(super) fn recast(&self, index: usize, voters: u32, order: Option<Vec<usize>>) -> Option<Self> {
        let mut ballots = self.ballots.clone();
        ballots[index].1 -= voters;
        ballots.extend(order.map(|order| (order, voters)));
        Self::new(self.n, ballots)
    }

    /// All ballots turned round.
    pub(super) fn reversed(&self) -> Self {
        let turned = self.ballots.iter().map(|(order, w)| (order.iter().rev().copied().collect(), *w));
        Self::new(self.n, turned).expect("a profile is whole")
    }

    /// Each voter `times` times.
    pub(super) fn replicated(&self, times: u32) -> Option<Self> {
        let all = self.ballots.iter().map(|(order, w)| Some((order.clone(), w.checked_mul(times)?)));
        Self::new(self.n, all.collect::<Option<Vec<_>>>()?)
    }

    /// Without an item; those behind it move up by one. `None` for the only item.
    pub(super) fn without(&self, item: usize) -> Option<Self> {
        let renamed = |order: &Vec<usize>| {
            order.iter().filter(|&&i| i != item).map(|&i| i - usize::from(i > item)).collect::<Vec<_>>()
        };
        Self::new(self.n - 1, self.ballots.iter().map(|(order, w)| (renamed(order), *w)))
    }

    /// With a copy of an item, numbered last, next to it on every ballot: below it, or above it.
    pub(super) fn with_copy(&self, item: usize, below: bool) -> Self {
        let copied = |order: &Vec<usize>| {
            let mut longer = order.clone();
            let at = order.iter().position(|&i| i == item).expect("a ballot ranks all");
            longer.insert(at + usize::from(below), self.n);
            longer
        };
        Self::new(self.n + 1, self.ballots.iter().map(|(order, w)| (copied(order), *w)))
            .expect("a profile is whole")
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (order, voters)) in self.ballots.iter().enumerate() {
            let separator = if at == 0 { "" } else { ", " };
            write!(f, "{separator}{voters} ")?;
            if self.n <= MOST_LETTERS {
                order.iter().try_for_each(|&i| write!(f, "{}", char::from(b'a' + i as u8)))?;
            } else {
                order
                    .iter()
                    .enumerate()
                    .try_for_each(|(k, i)| write!(f, "{}{i}", if k == 0 { "" } else { ">" }))?;
            }
        }
        Ok(())
    }
}

/// What is wrong with the text of a profile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no profile: write voters and letters, best first, as in `3 abc, 1 bca`, each ballot with all items"
)]
pub struct ProfileError {
    /// The text.
    text: String,
}

impl FromStr for Profile {
    type Err = ProfileError;

    fn from_str(text: &str) -> Result<Self, ProfileError> {
        let wrong = || ProfileError { text: text.to_owned() };
        let mut ballots = Vec::new();
        for part in text.split(',') {
            let (voters, letters) = part.trim().split_once(' ').ok_or_else(wrong)?;
            let order: Option<Vec<usize>> = letters
                .trim()
                .bytes()
                .map(|b| b.is_ascii_lowercase().then(|| usize::from(b - b'a')))
                .collect();
            ballots.push((order.ok_or_else(wrong)?, voters.parse().map_err(|_| wrong())?));
        }
        let n = ballots.first().map_or(0, |(order, _)| order.len());
        Self::new(n, ballots).ok_or_else(wrong)
    }
}
