//! Rules that weigh majorities against chains of majorities.

use std::collections::{BTreeMap, BTreeSet};

use ndarray::Array2;

use super::choice::{Choice, ConceptOptions};
use super::electorate::Electorate;
use crate::error::ReferenceError;

type Chosen = Result<Choice, ReferenceError>;

/// Largest number of items of rules that look at every set of them.
const LARGEST_SETS: usize = 16;
/// Most states of locked majorities that are followed.
const MOST_STATES: usize = 200_000;

pub(super) fn minimax(electorate: &Electorate, _: &ConceptOptions) -> Chosen {
    let n = electorate.n();
    let worst =
        |i: usize| (0..n).filter(|&j| j != i).map(|j| electorate.margin(i, j)).fold(f64::INFINITY, f64::min);
    Ok(Choice::of_scores(electorate, (0..n).map(worst).collect()))
}

/// The weakest link of the strongest path of majorities from `i` to `j`, 0 without one (Floyd and Warshall on min and max).
fn strongest_paths(electorate: &Electorate) -> Array2<f64> {
    let n = electorate.n();
    let mut path = Array2::from_shape_fn((n, n), |(i, j)| electorate.margin(i, j).max(0.0));
    for via in 0..n {
        for i in 0..n {
            for j in (0..n).filter(|&j| j != i) {
                path[[i, j]] = path[[i, j]].max(path[[i, via]].min(path[[via, j]]));
            }
        }
    }
    path
}

pub(super) fn schulze(electorate: &Electorate, _: &ConceptOptions) -> Chosen {
    let (n, path) = (electorate.n(), strongest_paths(electorate));
    let wins = |i: usize| (0..n).all(|j| path[[i, j]] >= path[[j, i]]);
    Ok(Choice::set((0..n).filter(|&i| wins(i)).collect()))
}

/// Items that no majority defeats: one over `j` does if it is larger than the strongest path back.
fn undefeated(electorate: &Electorate, items: &[usize]) -> Vec<usize> {
    let m = |i: usize, j: usize| electorate.margin(items[i], items[j]);
    let n = items.len();
    let mut path = Array2::from_shape_fn((n, n), |(i, j)| m(i, j).max(0.0));
    for via in 0..n {
        for i in 0..n {
            for j in (0..n).filter(|&j| j != i) {
                path[[i, j]] = path[[i, j]].max(path[[i, via]].min(path[[via, j]]));
            }
        }
    }
    let defeats = |i: usize, j: usize| m(i, j) > 0.0 && m(i, j) > path[[j, i]];
    (0..n).filter(|&j| !(0..n).any(|i| defeats(i, j))).map(|j| items[j]).collect()
}

pub(super) fn split_cycle(electorate: &Electorate, _: &ConceptOptions) -> Chosen {
    let all: Vec<usize> = (0..electorate.n()).collect();
    Ok(Choice::set(undefeated(electorate, &all)))
}

pub(super) fn stable_voting(electorate: &Electorate, _: &ConceptOptions) -> Chosen {
    let n = electorate.n();
    if n > LARGEST_SETS {
        return Ok(Choice::open(format!(
            "it looks at every set of items; up to {LARGEST_SETS} items: cut the list with --items"
        )));
    }
    let mut known = BTreeMap::new();
    let all: Vec<usize> = (0..n).collect();
    Ok(Choice::set(stable(electorate, &all, &mut known)))
}

/// Of the pairs `(a, b)` with `a` undefeated, by falling margin: the first level of margins at which some `a` wins without `b`.
fn stable(
    electorate: &Electorate,
    items: &[usize],
    known: &mut BTreeMap<Vec<usize>, Vec<usize>>,
) -> Vec<usize> {
    if items.len() <= 1 {
        return items.to_vec();
    }
    if let Some(winners) = known.get(items) {
        return winners.clone();
    }
    let candidates = undefeated(electorate, items);
    let mut winners = BTreeSet::new();
    if candidates.len() == 1 {
        winners.extend(candidates);
    } else {
        let mut pairs: Vec<(usize, usize)> = candidates
            .iter()
            .flat_map(|&a| items.iter().filter(move |&&b| b != a).map(move |&b| (a, b)))
            .collect();
        pairs.sort_by(|x, y| electorate.margin(y.0, y.1).total_cmp(&electorate.margin(x.0, x.1)));
        for level in pairs.chunk_by(|x, y| electorate.margin(x.0, x.1) == electorate.margin(y.0, y.1)) {
            for &(a, b) in level {
                let rest: Vec<usize> = items.iter().copied().filter(|&i| i != b).collect();
                if stable(electorate, &rest, known).contains(&a) {
                    winners.insert(a);
                }
            }
            if !winners.is_empty() {
                break;
            }
        }
    }
    let winners: Vec<usize> = winners.into_iter().collect();
    known.insert(items.to_vec(), winners.clone());
    winners
}

/// Majorities by falling margin, equal ones in the order of items.
fn majorities(electorate: &Electorate) -> Vec<(usize, usize)> {
    let n = electorate.n();
    let mut pairs: Vec<(usize, usize)> =
        (0..n).flat_map(|i| (0..n).map(move |j| (i, j))).filter(|&(i, j)| electorate.beats(i, j)).collect();
    pairs.sort_by(|x, y| electorate.margin(y.0, y.1).total_cmp(&electorate.margin(x.0, x.1)).then(x.cmp(y)));
    pairs
}

/// What is above what, closed under chains: a set of bits a row.
type Locked = Vec<u64>;

/// Locks `i` above `j`, with what follows.
fn lock(locked: &mut Locked, i: usize, j: usize) {
    let below = locked[j] | 1 << j;
    for (k, row) in locked.iter_mut().enumerate() {
        if k == i || *row >> i & 1 == 1 {
            *row |= below;
        }
    }
}

/// Tops under every order in which equal majorities may be locked. What matters of an order is which majorities are locked
/// when a level ends; those states are followed level by level.
pub(super) fn ranked_pairs(electorate: &Electorate, _: &ConceptOptions) -> Chosen {
    let n = electorate.n();
    if n > 64 {
        return Ok(Choice::open("it is computed for up to 64 items: cut the list with --items"));
    }
    let pairs = majorities(electorate);
    let mut states: BTreeSet<Locked> = BTreeSet::from([vec![0; n]]);
    for level in pairs.chunk_by(|x, y| electorate.margin(x.0, x.1) == electorate.margin(y.0, y.1)) {
        // states on the way: what is locked, and which majorities of the level were not looked at yet
        if level.len() > 64 {
            return Ok(Choice::open(format!(
                "{} majorities are equal; their orders are too many",
                level.len()
            )));
        }
        let full = if level.len() == 64 { u64::MAX } else { (1u64 << level.len()) - 1 };
        let mut seen: BTreeSet<(Locked, u64)> = BTreeSet::new();
        let mut open: Vec<(Locked, u64)> = states.iter().map(|s| (s.clone(), full)).collect();
        let mut ended = BTreeSet::new();
        while let Some((locked, mut left)) = open.pop() {
            // those that are decided already change nothing, in any order
            for (k, &(i, j)) in level.iter().enumerate() {
                if locked[i] >> j & 1 == 1 || locked[j] >> i & 1 == 1 {
                    left &= !(1 << k);
                }
            }
            if left == 0 {
                ended.insert(locked);
                continue;
            }
            if !seen.insert((locked.clone(), left)) {
                continue;
            }
            if seen.len() > MOST_STATES {
                let rule = "equal majorities may be locked in too many orders; see ranked pairs of the items in one order by river";
                return Ok(Choice::open(rule));
            }
            for (k, &(i, j)) in level.iter().enumerate().filter(|(k, _)| left >> k & 1 == 1) {
                let mut next = locked.clone();
                lock(&mut next, i, j);
                open.push((next, left & !(1 << k)));
            }
        }
        states = ended;
    }
    let tops = |locked: &Locked| {
        let below = locked.iter().fold(0, |all, row| all | row);
        (0..n).filter(move |i| below >> i & 1 == 0).collect::<Vec<_>>()
    };
    let winners: BTreeSet<usize> = states.iter().flat_map(tops).collect();
    Ok(Choice::set(winners.into_iter().collect()))
}

pub(super) fn river(electorate: &Electorate, _: &ConceptOptions) -> Chosen {
    let n = electorate.n();
    let mut above: Vec<Option<usize>> = vec![None; n];
    for (i, j) in majorities(electorate) {
        let root = |mut k: usize| {
            while let Some(up) = above[k] {
                k = up;
            }
            k
        };
        if above[j].is_none() && root(i) != j {
            above[j] = Some(i);
        }
    }
    Ok(Choice::set((0..n).filter(|&i| above[i].is_none()).collect()))
}
