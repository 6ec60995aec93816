//! Sets of items that remain when those are removed that a rule counts as beaten.

use super::choice::{Choice, ConceptOptions};
use super::electorate::Electorate;
use crate::choice;
use crate::error::ReferenceError;

type Chosen = Result<Choice, ReferenceError>;

pub(super) fn condorcet(electorate: &Electorate, _: &ConceptOptions) -> Chosen {
    Ok(match choice::condorcet_winner(electorate.matrix()) {
        Some(winner) => Choice::set(vec![winner]),
        None => Choice::open("no item beats every other"),
    })
}

pub(super) fn weak_condorcet(electorate: &Electorate, _: &ConceptOptions) -> Chosen {
    let winners = choice::weak_condorcet_winners(electorate.matrix());
    Ok(if winners.is_empty() {
        Choice::open("every item is beaten by another")
    } else {
        Choice::set(winners)
    })
}

pub(super) fn smith(electorate: &Electorate, _: &ConceptOptions) -> Chosen {
    Ok(Choice::set(choice::smith_set(electorate.matrix())))
}

pub(super) fn schwartz(electorate: &Electorate, _: &ConceptOptions) -> Chosen {
    Ok(Choice::set(choice::schwartz_set(electorate.matrix())))
}

/// Items that none covers. `left(x, y)`: whatever beats `x` beats `y`; `right(x, y)`: whatever `y` beats `x` beats.
fn uncovered(
    electorate: &Electorate,
    covers: impl Fn(&dyn Fn(usize, usize) -> bool, &dyn Fn(usize, usize) -> bool, usize, usize) -> bool,
) -> Chosen {
    let n = electorate.n();
    let beats = |i: usize, j: usize| electorate.beats(i, j);
    let left = |x: usize, y: usize| (0..n).all(|z| !beats(z, x) || beats(z, y));
    let right = |x: usize, y: usize| (0..n).all(|z| !beats(y, z) || beats(x, z));
    let covered = |y: usize| (0..n).any(|x| x != y && covers(&left, &right, x, y));
    Ok(Choice::set((0..n).filter(|&y| !covered(y)).collect()))
}

pub(super) fn gillies(electorate: &Electorate, _: &ConceptOptions) -> Chosen {
    uncovered(electorate, |left, _, x, y| electorate.beats(x, y) && left(x, y))
}

pub(super) fn fishburn(electorate: &Electorate, _: &ConceptOptions) -> Chosen {
    uncovered(electorate, |left, _, x, y| left(x, y) && !left(y, x))
}

pub(super) fn bordes(electorate: &Electorate, _: &ConceptOptions) -> Chosen {
    uncovered(electorate, |_, right, x, y| electorate.beats(x, y) && right(x, y))
}

pub(super) fn mckelvey(electorate: &Electorate, _: &ConceptOptions) -> Chosen {
    uncovered(electorate, |left, right, x, y| electorate.beats(x, y) && left(x, y) && right(x, y))
}
