//! Linear social choice ("Axioms for AI Alignment from Human Feedback", 2024, arXiv:2405.14758): items have features, and a
//! ranking is feasible if some `theta` ranks them so by `theta' x`.
//!
//! Leximax Copeland fills the places from the top: each time the item of largest Copeland score that some feasible ranking puts
//! there. With the pairs on which all voters agree as further constraints (LCPO) the ranking is Pareto optimal, agrees with all
//! majorities if a feasible ranking does, and puts a majority's favourite on top; a linear Bradley-Terry fit does none of that.

use ndarray::Array2;

use super::choice::{Choice, ConceptOptions};
use super::electorate::Electorate;
use crate::error::ReferenceError;
use crate::programme::Programme;

type Chosen = Result<Choice, ReferenceError>;

/// `theta` with `theta' (x_a - x_b) >= 1` for all these pairs, `[d]`; `None` if there is none.
#[must_use]
pub fn separating(features: &Array2<f64>, pairs: &[(usize, usize)]) -> Option<Vec<f64>> {
    let d = features.ncols();
    // theta = p - q; of all the one of smallest sum |theta|
    let mut programme = Programme::maximise(vec![-1.0; 2 * d]);
    for &(a, b) in pairs {
        let difference = |c: usize| features[[a, c]] - features[[b, c]];
        let row = (0..d).map(difference).chain((0..d).map(|c| -difference(c))).collect();
        programme.at_least(row, 1.0);
    }
    let found = programme.solve().optimum()?;
    Some((0..d).map(|c| found.point[c] - found.point[d + c]).collect())
}

/// A ranking by leximax Copeland.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearRanking {
    /// Items, best first.
    pub order: Vec<usize>,
    /// A `theta` that ranks them so, `[d]`.
    pub theta: Vec<f64>,
    /// Linear programmes solved.
    pub programmes: usize,
    /// Whether two feasible items of equal score stood for one place: the first was taken, and the other order is as good.
    pub tied: bool,
}

/// Pairs `(a, b)` with `a` above `b` for every voter.
#[must_use]
pub fn unanimous_pairs(electorate: &Electorate) -> Vec<(usize, usize)> {
    let n = electorate.n();
    let places: Vec<Vec<usize>> =
        electorate.ballots().unwrap_or_default().iter().map(|b| b.places(n)).collect();
    let above = |a: usize, b: usize| match places.is_empty() {
        true => electorate.matrix().margin(a, b) >= 0.5,
        false => places.iter().all(|p| p[a] < p[b]),
    };
    (0..n).flat_map(|a| (0..n).map(move |b| (a, b))).filter(|&(a, b)| a != b && above(a, b)).collect()
}

/// The ranking of leximax Copeland; `pareto` also keeps the pairs on which all agree. `None` without features, or if no strict
/// ranking is feasible.
#[must_use]
pub fn leximax_copeland(electorate: &Electorate, pareto: bool) -> Option<LinearRanking> {
    let features = electorate.features()?;
    let n = electorate.n();
    let sign = |m: f64| if m == 0.0 { 0.0 } else { m.signum() };
    let score: Vec<f64> =
        (0..n).map(|i| (0..n).filter(|&j| j != i).map(|j| sign(electorate.margin(i, j))).sum()).collect();
    let dominance = if pareto { unanimous_pairs(electorate) } else { Vec::new() };
    let mut found = LinearRanking { order: Vec::new(), theta: Vec::new(), programmes: 0, tied: false };
    while found.order.len() < n {
        let mut left: Vec<usize> = (0..n).filter(|i| !found.order.contains(i)).collect();
        left.sort_by(|&a, &b| score[b].total_cmp(&score[a]).then(a.cmp(&b)));
        let mut chosen: Option<usize> = None;
        for &candidate in &left {
            if chosen.is_some_and(|first| score[first] > score[candidate]) {
                break;
            }
            let mut above: Vec<usize> = found.order.clone();
            above.push(candidate);
            let mut pairs: Vec<(usize, usize)> = above
                .iter()
                .enumerate()
                .flat_map(|(at, &a)| above[at + 1..].iter().map(move |&b| (a, b)))
                .collect();
            let below = left.iter().filter(|&&j| j != candidate);
            pairs.extend(below.map(|&j| (candidate, j)));
            pairs.extend(&dominance);
            found.programmes += 1;
            if let Some(theta) = separating(features, &pairs) {
                if chosen.is_some() {
                    found.tied = true;
                    break;
                }
                chosen = Some(candidate);
                found.theta = theta;
            }
        }
        found.order.push(chosen?);
    }
    Some(found)
}

/// Most items: a linear programme for every place and candidate.
const LARGEST_LINEAR: usize = 40;

fn choose(electorate: &Electorate, pareto: bool) -> Chosen {
    if electorate.n() > LARGEST_LINEAR {
        return Ok(Choice::open(format!(
            "it solves a linear programme for every place and candidate; up to {LARGEST_LINEAR} items: cut the list with --items"
        )));
    }
    Ok(match leximax_copeland(electorate, pareto) {
        Some(found) if found.tied => {
            Choice::open("two feasible rankings are equally good by it; Copeland scores tie for a place")
        }
        Some(found) => {
            Choice::Rankings { winners: found.order[..1].to_vec(), rankings: vec![found.order], value: 1.0 }
        }
        None => Choice::open(infeasible(electorate)),
    })
}

/// Why no ranking is feasible: strict ones linear in features there are as soon as no two items are alike (all but finitely many
/// directions separate all), and otherwise it is the pairs on which all agree.
fn infeasible(electorate: &Electorate) -> String {
    let n = electorate.n();
    let alike = electorate.features().and_then(|f| {
        (0..n).flat_map(|a| (a + 1..n).map(move |b| (a, b))).find(|&(a, b)| f.row(a) == f.row(b))
    });
    match alike {
        Some((a, b)) => format!(
            "items {a} and {b} (from 0) have the same features, so that no ranking linear in them puts one above the other; give a feature that tells them apart, or leave one out"
        ),
        None => format!(
            "no ranking linear in these features keeps all {} pairs on which all voters agree; give more features, or ask leximax-copeland, which need not keep them",
            unanimous_pairs(electorate).len()
        ),
    }
}

pub(super) fn plain(electorate: &Electorate, _: &ConceptOptions) -> Chosen {
    choose(electorate, false)
}

pub(super) fn pareto(electorate: &Electorate, _: &ConceptOptions) -> Chosen {
    choose(electorate, true)
}
