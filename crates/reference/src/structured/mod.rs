//! Maximal lotteries of large games that play few actions, or whose margins have low rank, from entries and products alone: no
//! matrix is written down, so that storages of low rank, ballots, observed pairs and files serve as they are.
//!
//! - *One equilibrium* ([`double_oracle`]): a small game among some actions is solved exactly, those that beat its
//!   equilibrium come in, until none does. An equilibrium of a game of rank `r` need not play more than `r + 1` actions.
//! - *Is it the only one?* The criterion of [`crate::lottery`] reads `K p` and the block of the support.
//! - *The set of all*: every equilibrium plays only best responses `T` to the one that was found. If `T` is small the set is
//!   that of the game among `T` and whoever beats the point that was asked for. If `T` is large and its block has low rank
//!   ([`cross`]), `K_TT = U J U'`, the policies with `U'q = 0` are equilibria; where one of them plays all of `T` and every
//!   other action loses to it, they are all of them ([`level`]), and their set has dimension `|T| - rank - 1`. Anything else is
//!   left open.
//!
//! Why the last holds: let `x` be such a policy and `q` any equilibrium. `q` plays within `T`, and `(K q)_i = 0` where `x_i > 0`
//! (`x'Kq = 0`, `K q <= 0`), that is on all of `T`: `U J U'q = 0`, so `U'q = 0` as `U` has independent columns. And near `x` all
//! policies on `T` with `U'q = 0` let the others lose.
//!
//! Every answer is measured by its own gap, from entries with compensated sums where it plays few actions.

mod cross;
mod double_oracle;
mod level;
mod ranges;

use equipoise_env::{Game, PreferenceMatrix};
use rayon::prelude::*;

use crate::crossover::Block;
use crate::doubled::accumulate;
use crate::lottery::{
    Equilibrium, Method, Search, Selected, Selection, described, ignore, normalised, rounding, uniqueness,
};
use crate::margins::Margins;

/// Actions above which this way is tried first: below, the central path takes a fraction of a second.
pub(crate) const LARGE: usize = 500;
/// Best responses down to which their set is that of a small dense game.
const SMALL: usize = 300;
/// Times that actions come into such a small game.
const ROUNDS: usize = 20;
/// Actions played up to which the gap is computed from entries with compensated sums.
const FEW: usize = 20_000;

/// A context, seen through its entries and products.
pub(crate) trait Entries: Sync {
    fn n(&self) -> usize;
    /// `K_ij`.
    fn margin(&self, i: usize, j: usize) -> f64;
    /// `K p`, `[n]`.
    fn product(&self, p: &[f64]) -> Vec<f64>;
}

impl Entries for PreferenceMatrix {
    fn n(&self) -> usize {
        Self::n(self)
    }

    fn margin(&self, i: usize, j: usize) -> f64 {
        Self::margin(self, i, j)
    }

    fn product(&self, p: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; p.len()];
        Self::product(self, p, &mut out);
        out
    }
}

/// Context `.1` of a game.
pub(crate) struct Stored<'a>(pub(crate) &'a Game, pub(crate) usize);

impl Entries for Stored<'_> {
    fn n(&self) -> usize {
        self.0.shape().actions(self.1)
    }

    fn margin(&self, i: usize, j: usize) -> f64 {
        self.0.margin(self.1, i, j)
    }

    fn product(&self, p: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; p.len()];
        self.0.product(self.1, p, &mut out);
        out
    }
}

/// An equilibrium with its margins.
struct Point {
    policy: Vec<f64>,
    /// `K p`, `[n]`.
    margins: Vec<f64>,
}

impl Point {
    fn new(k: &dyn Entries, policy: Vec<f64>) -> Self {
        let support: Vec<usize> = (0..policy.len()).filter(|&i| policy[i] > 0.0).collect();
        if support.len() > FEW {
            let margins = k.product(&policy);
            return Self { policy, margins };
        }
        let margin = |i: usize| {
            let (mut high, mut low) = (0.0, 0.0);
            support.iter().for_each(|&j| accumulate(&mut high, &mut low, k.margin(i, j), policy[j]));
            high + low
        };
        let margins = (0..policy.len()).into_par_iter().map(margin).collect();
        Self { policy, margins }
    }

    fn gap(&self) -> f64 {
        2.0 * self.margins.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }
}

/// The equilibrium asked for; `None` where this way does not lead to a certified one.
pub(crate) fn lottery(k: &dyn Entries, selection: Selection<'_>) -> Option<Equilibrium> {
    let found = Found::new(k)?;
    if found.unique == Some(true) {
        return Some(found.described(Method::DoubleOracle, Some(0), Selected::Unique));
    }
    if matches!(selection, Selection::Vertex) {
        let selected = if found.unique.is_some() { Selected::Vertex } else { Selected::Undecided };
        return Some(found.described(Method::DoubleOracle, None, selected));
    }
    if let Some(chosen) = found.chosen_of_few(selection) {
        return Some(chosen);
    }
    let log_mu = |actions: &[usize]| -> Vec<f64> {
        match selection {
            Selection::RegularisedLimit(mu) => actions.iter().map(|&i| mu.log_probs_slice()[i]).collect(),
            _ => vec![0.0; actions.len()],
        }
    };
    let set = found.set()?;
    let policy = set.lift(&level::projection(&set.factor, &log_mu(&set.actions))?);
    let chosen = found.accepted(&set, policy)?;
    Some(chosen.described(Method::LowRank, Some(set.dimension()), selection.selected()))
}

/// What is known of the ends of the set of all equilibria.
pub(crate) enum Ends {
    /// Least and largest probability of every action, `[n]`; of a set that is larger than a small game's, or a point.
    Told(Vec<(f64, f64)>),
    /// The set is large, and they are not told.
    Open,
    /// A dense game tells.
    Dense,
}

/// Least and largest probability of every action over all equilibria.
pub(crate) fn ranges(k: &dyn Entries) -> Ends {
    let Some(found) = Found::new(k) else { return Ends::Dense };
    if found.unique == Some(true) {
        return Ends::Told(found.point.policy.iter().map(|&p| (p, p)).collect());
    }
    if found.best_responses().len() <= SMALL {
        return Ends::Dense;
    }
    found.level_ranges().map_or(Ends::Open, Ends::Told)
}

/// Union of the supports of all equilibria, ascending; `None` where this way does not tell.
pub(crate) fn essential_actions(k: &dyn Entries) -> Option<Vec<usize>> {
    let found = Found::new(k)?;
    if found.unique == Some(true) {
        return Some((0..k.n()).filter(|&i| found.point.policy[i] > 0.0).collect());
    }
    let set = found.set()?;
    let inside = set.lift(&level::projection(&set.factor, &vec![0.0; set.actions.len()])?);
    found.accepted(&set, inside)?;
    Some(set.actions)
}

/// Some equilibrium, and whether it is the only one.
struct Found<'a> {
    k: &'a dyn Entries,
    point: Point,
    /// Size of the margins, a power of two.
    scale: f64,
    unique: Option<bool>,
}

/// Best responses to an equilibrium, and their block's factor.
struct Level {
    n: usize,
    actions: Vec<usize>,
    factor: cross::Factor,
}

impl Level {
    fn lift(&self, q: &[f64]) -> Vec<f64> {
        let mut policy = vec![0.0; self.n];
        self.actions.iter().zip(q).for_each(|(&i, &q)| policy[i] = q);
        policy
    }

    fn dimension(&self) -> usize {
        self.actions.len() - self.factor.rank - 1
    }
}

impl<'a> Found<'a> {
    fn new(k: &'a dyn Entries) -> Option<Self> {
        let double_oracle::Vertex { point, scale } = double_oracle::vertex(k)?;
        let block = |support: &[usize]| {
            let small =
                PreferenceMatrix::from_margins(support.len(), |a, b| k.margin(support[a], support[b]))
                    .expect("entries of a game");
            let small = Margins::with_scale(&small, scale);
            let all: Vec<usize> = (0..support.len()).collect();
            let block = Block::new(&small, &all);
            (block.largest(), block.smallest())
        };
        let unique = uniqueness(scale, &point.policy, &point.margins, block);
        Some(Self { k, point, scale, unique })
    }

    fn zero(&self) -> f64 {
        rounding(self.k.n()) * self.scale
    }

    fn described(self, method: Method, dimension: Option<usize>, selected: Selected) -> Equilibrium {
        let (gap, zero) = (self.point.gap(), self.zero());
        let Point { policy, margins } = self.point;
        Equilibrium {
            unique: self.unique,
            dimension,
            selected,
            method,
            ..described(policy, &margins, gap, zero)
        }
    }

    /// Best responses, ascending.
    fn best_responses(&self) -> Vec<usize> {
        let zero = self.zero();
        let Point { policy, margins } = &self.point;
        (0..policy.len()).filter(|&i| policy[i] > 0.0 || margins[i] >= -zero).collect()
    }

    /// The point asked for on the set of equilibria of the game among few best responses and those that beat it there.
    fn chosen_of_few(&self, selection: Selection<'_>) -> Option<Equilibrium> {
        let mut actions = self.best_responses();
        for _ in 0..ROUNDS {
            if actions.len() > SMALL {
                return None;
            }
            let small =
                PreferenceMatrix::from_margins(actions.len(), |a, b| self.k.margin(actions[a], actions[b]))
                    .expect("entries of a game");
            let found = Search::new(&small, &Margins::scaled(&small), &ignore).among(selection, &actions)?;
            let mut policy = vec![0.0; self.k.n()];
            actions.iter().zip(&found.policy).for_each(|(&i, &p)| policy[i] = p);
            let point = Point::new(self.k, policy);
            let zero = self.zero();
            let outside = |i: &usize| actions.binary_search(i).is_err();
            if point.gap() <= zero
                && (0..point.margins.len()).filter(outside).all(|i| point.margins[i] < -zero)
            {
                let unique = found.unique;
                if found.selected == Selected::Undecided || self.unique.is_some_and(|u| Some(u) != unique) {
                    return None;
                }
                let chosen = Found { k: self.k, point, scale: self.scale, unique };
                return Some(chosen.described(Method::DoubleOracle, found.dimension, found.selected));
            }
            let mut beating: Vec<usize> =
                (0..point.margins.len()).filter(outside).filter(|&i| point.margins[i] >= -zero).collect();
            if beating.is_empty() {
                return None;
            }
            beating.sort_by(|&a, &b| point.margins[b].total_cmp(&point.margins[a]).then(a.cmp(&b)));
            actions.extend(beating.into_iter().take(SMALL / 4));
            actions.sort_unstable();
        }
        None
    }

    /// All best responses, with the factor of their block; `None` if its rank is high, or not told.
    fn set(&self) -> Option<Level> {
        let actions = self.best_responses();
        let factor = cross::factor(self.k, &actions, self.scale)?;
        (factor.rank + 1 < actions.len()).then_some(Level { n: self.k.n(), actions, factor })
    }

    /// The ends of the set, if it is a level set that loses to nobody outside of it.
    fn level_ranges(&self) -> Option<Vec<(f64, f64)>> {
        let set = self.set()?;
        let support: Vec<usize> =
            (0..set.actions.len()).filter(|&a| self.point.policy[set.actions[a]] > 0.0).collect();
        let rivals: Vec<usize> = (0..self.k.n()).filter(|i| set.actions.binary_search(i).is_err()).collect();
        // every action of it may be played, or it is not the set of all
        let inside = set.lift(&level::projection(&set.factor, &vec![0.0; set.actions.len()])?);
        self.accepted(&set, inside)?;
        let ends = ranges::ends(&set.factor, &support)?;
        let margin = |i: usize, a: usize| self.k.margin(i, set.actions[a]);
        let held = ranges::beats_all(&set.factor, &support, &rivals, margin);
        let mut all = vec![(0.0, 0.0); self.k.n()];
        set.actions.iter().zip(ends).for_each(|(&i, ends)| all[i] = ends);
        held.then_some(all)
    }

    /// The same with a policy that plays all actions of a level set, if that is an equilibrium to which all others lose.
    fn accepted(&self, set: &Level, policy: Vec<f64>) -> Option<Found<'a>> {
        let point = Point::new(self.k, normalised(policy));
        let zero = self.zero();
        let mut inside = vec![false; point.policy.len()];
        set.actions.iter().for_each(|&i| inside[i] = true);
        let held = |i: usize| if inside[i] { point.policy[i] > 0.0 } else { point.margins[i] < -zero };
        let holds = point.gap() <= zero && (0..inside.len()).all(held);
        holds.then_some(Found { k: self.k, point, scale: self.scale, unique: Some(false) })
    }
}
