//! Rules that add up: places, win rates, majorities.

use super::choice::{Choice, ConceptOptions};
use super::electorate::{Electorate, best_within};
use crate::error::ReferenceError;

type Chosen = Result<Choice, ReferenceError>;

/// First places of the items that are left, `[n]`, and within what two of them are level; a voter with several on top shares the
/// vote, in thirds for instance, so that equal sums differ by rounding.
fn first_places(electorate: &Electorate, left: &[bool]) -> (Vec<f64>, f64) {
    let n = electorate.n();
    let mut votes = vec![0.0; n];
    let (mut total, mut shared) = (0.0, false);
    let ballots = electorate.ballots().unwrap_or_default();
    for ballot in ballots {
        let places = ballot.places(n);
        let best = (0..n).filter(|&i| left[i]).map(|i| places[i]).min();
        let top: Vec<usize> = (0..n).filter(|&i| left[i] && Some(places[i]) == best).collect();
        top.iter().for_each(|&i| votes[i] += ballot.weight / top.len() as f64);
        total += ballot.weight;
        shared |= top.len() > 1;
    }
    let rounding = if shared { f64::EPSILON * total * (ballots.len() + 1) as f64 } else { 0.0 };
    (votes, electorate.tolerance.max(rounding))
}

pub(super) fn plurality(electorate: &Electorate, _: &ConceptOptions) -> Chosen {
    let (votes, level) = first_places(electorate, &vec![true; electorate.n()]);
    Ok(Choice::Winners { winners: best_within(&votes, level), scores: Some(votes) })
}

pub(super) fn instant_runoff(electorate: &Electorate, _: &ConceptOptions) -> Chosen {
    let n = electorate.n();
    let mut left = vec![true; n];
    loop {
        let (votes, level) = first_places(electorate, &left);
        let standing: Vec<usize> = (0..n).filter(|&i| left[i]).collect();
        let least = standing.iter().map(|&i| votes[i]).fold(f64::INFINITY, f64::min);
        let leave: Vec<usize> = standing.iter().copied().filter(|&i| votes[i] <= least + level).collect();
        if leave.len() == standing.len() {
            return Ok(Choice::set(standing));
        }
        leave.iter().for_each(|&i| left[i] = false);
    }
}

/// `sum_j m_ij` over the items that are left, in margins: half the Borda count and a constant.
fn margin_sums(electorate: &Electorate, left: &[usize]) -> Vec<f64> {
    left.iter().map(|&i| left.iter().map(|&j| electorate.margin(i, j)).sum()).collect()
}

pub(super) fn borda(electorate: &Electorate, _: &ConceptOptions) -> Chosen {
    let n = electorate.n();
    let all: Vec<usize> = (0..n).collect();
    let winners = electorate.best(&margin_sums(electorate, &all));
    Ok(Choice::Winners { winners, scores: Some(crate::choice::borda_scores(electorate.matrix())) })
}

/// Leaves those whose Borda score is below the average, or at it too, round by round; the average margin sum is 0.
fn nanson(electorate: &Electorate, average_leaves: bool) -> Choice {
    let mut left: Vec<usize> = (0..electorate.n()).collect();
    loop {
        let sums = margin_sums(electorate, &left);
        let low = |s: f64| s < -electorate.tolerance || (average_leaves && s <= electorate.tolerance);
        let stay: Vec<usize> = left.iter().zip(&sums).filter(|(_, s)| !low(**s)).map(|(&i, _)| i).collect();
        // all level with the average: nobody leaves
        if stay.is_empty() || stay.len() == left.len() {
            return Choice::set(left);
        }
        left = stay;
    }
}

pub(super) fn weak_nanson(electorate: &Electorate, _: &ConceptOptions) -> Chosen {
    Ok(nanson(electorate, true))
}

pub(super) fn strict_nanson(electorate: &Electorate, _: &ConceptOptions) -> Chosen {
    Ok(nanson(electorate, false))
}

fn count(electorate: &Electorate, one: impl Fn(f64) -> f64) -> Vec<f64> {
    let n = electorate.n();
    let score = |i: usize| (0..n).filter(|&j| j != i).map(|j| one(electorate.margin(i, j))).sum();
    (0..n).map(score).collect()
}

pub(super) fn copeland(electorate: &Electorate, _: &ConceptOptions) -> Chosen {
    let sign = |m: f64| if m == 0.0 { 0.0 } else { m.signum() };
    Ok(Choice::of_scores(electorate, count(electorate, sign)))
}

pub(super) fn llull(electorate: &Electorate, _: &ConceptOptions) -> Chosen {
    Ok(Choice::of_scores(electorate, count(electorate, |m| f64::from(u8::from(m >= 0.0)))))
}
