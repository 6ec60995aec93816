//! Which games a plan has: entries of the file, in their order, each with one game, a game for every draw, or a game for every
//! group of a file.
//!
//! The draws of a generator are not listed: the `k`-th of the entry `name` is called `name-k`, so that a plan of a million games
//! takes no more memory than one of ten.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// The games of a plan, by number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listing {
    stretches: Vec<Stretch>,
    count: usize,
    names: Names,
}

/// Games of one entry that follow each other.
#[derive(Clone, Debug)]
struct Stretch {
    /// Number of its first game.
    first: usize,
    /// Index into [`crate::Spec::games`].
    spec: usize,
    of: Games,
}

#[derive(Clone, Debug)]
enum Games {
    /// One game of its own name: draw (from 1) or group (from 0) `part` of its entry.
    One { part: usize, name: Box<str> },
    /// All draws of an entry, called `name-1` to `name-draws`.
    Draws { name: Box<str>, draws: usize },
}

/// One game of a plan.
#[derive(Clone, Debug)]
pub(crate) struct Slot<'a> {
    /// Index into [`crate::Spec::games`].
    pub(crate) spec: usize,
    /// Draw of a generator, from 1, or group of a file, from 0.
    pub(crate) part: usize,
    /// Unique name.
    pub(crate) name: Cow<'a, str>,
}

/// The names that are taken.
#[derive(Clone, Debug, Default)]
struct Names {
    /// Those of single games.
    single: HashSet<Box<str>>,
    /// What stands before the number in those of them that look like draws.
    like_draws: HashSet<Box<str>>,
    /// Names of entries, with how many draws of them are taken.
    draws: HashMap<Box<str>, usize>,
}

impl Names {
    fn is_taken(&self, name: &str) -> bool {
        self.single.contains(name)
            || numbered(name).is_some_and(|(entry, k)| self.draws.get(entry).is_some_and(|draws| k <= *draws))
    }

    fn take(&mut self, name: &str) {
        self.single.insert(name.into());
        if let Some((entry, _)) = numbered(name) {
            self.like_draws.insert(entry.into());
        }
    }
}

/// `name-k` as the entry and the number of its draw, from 1.
fn numbered(name: &str) -> Option<(&str, usize)> {
    let (entry, number) = name.rsplit_once('-')?;
    let canonical = number.bytes().all(|b| b.is_ascii_digit()) && !number.starts_with('0');
    Some((entry, number.parse().ok().filter(|_| canonical)?))
}

impl Listing {
    /// Number of games.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Appends one game; its name, or the first free one that begins with it, is taken. `false`: the name is taken, and `named`
    /// says that there is no other.
    pub(crate) fn push(&mut self, spec: usize, part: usize, name: String, named: bool) -> bool {
        let mut name = name;
        if self.names.is_taken(&name) {
            if named {
                return false;
            }
            let free = (2..).map(|k| format!("{name}-{k}")).find(|n| !self.names.is_taken(n));
            name = free.expect("some number is free");
        }
        self.names.take(&name);
        self.stretches.push(Stretch { first: self.count, spec, of: Games::One { part, name: name.into() } });
        self.count += 1;
        true
    }

    /// Appends all draws of an entry at once; `false` if one of their names may be taken already.
    pub(crate) fn push_draws(&mut self, spec: usize, name: &str, draws: usize) -> bool {
        if self.names.like_draws.contains(name) || self.names.draws.contains_key(name) {
            return false;
        }
        self.names.draws.insert(name.into(), draws);
        self.stretches.push(Stretch {
            first: self.count,
            spec,
            of: Games::Draws { name: name.into(), draws },
        });
        self.count += draws;
        true
    }

    fn stretch(&self, g: usize) -> &Stretch {
        assert!(g < self.count, "a game of the plan");
        &self.stretches[self.stretches.partition_point(|stretch| stretch.first <= g) - 1]
    }

    /// Game `g`.
    ///
    /// # Panics
    /// If there are not so many.
    pub(crate) fn slot(&self, g: usize) -> Slot<'_> {
        let stretch = self.stretch(g);
        match &stretch.of {
            Games::One { part, name } => Slot { spec: stretch.spec, part: *part, name: Cow::Borrowed(name) },
            Games::Draws { name, .. } => {
                let part = g - stretch.first + 1;
                Slot { spec: stretch.spec, part, name: format!("{name}-{part}").into() }
            }
        }
    }

    /// The entry of game `g`.
    ///
    /// # Panics
    /// If there are not so many.
    pub(crate) fn spec(&self, g: usize) -> usize {
        self.stretch(g).spec
    }

    /// Name and number of the draws of an entry that are listed together, if game `g` is the first of them.
    pub(crate) fn draws_from(&self, g: usize) -> Option<(&str, usize)> {
        let stretch = self.stretch(g);
        match &stretch.of {
            Games::Draws { name, draws } if stretch.first == g => Some((name, *draws)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_named_as_if_they_were_listed() {
        let mut games = Listing::default();
        assert!(games.push(0, 1, "a-2".into(), true));
        assert!(!games.push_draws(1, "a", 3), "a-2 is taken");
        for k in 1..=3 {
            assert!(games.push(1, k, format!("a-{k}"), false));
        }
        assert!(games.push_draws(2, "b", 1_000_000));
        assert!(!games.push_draws(3, "b", 2), "the entry is taken");
        assert!(!games.push(3, 1, "b-1000000".into(), true));
        assert!(games.push(3, 1, "b-1000000".into(), false));
        assert!(games.push(4, 1, "b-1000001".into(), true));
        assert!(games.push(5, 1, "b-01".into(), true), "no draw is called so");
        let name = |g: usize| games.slot(g).name.into_owned();
        assert_eq!([0, 1, 2, 3].map(name), ["a-2", "a-1", "a-2-2", "a-3"]);
        assert_eq!([4, 1_000_003, 1_000_004].map(name), ["b-1", "b-1000000", "b-1000000-2"]);
        assert_eq!(
            (games.count(), games.spec(1_000_003), games.slot(1_000_003).part),
            (1_000_007, 2, 1_000_000)
        );
        assert_eq!((games.draws_from(4), games.draws_from(5)), (Some(("b", 1_000_000)), None));
    }
}
