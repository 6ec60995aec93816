//! Rules over rankings and chains.

use super::choice::{Choice, ConceptOptions, LARGEST_ORDERS};
use super::electorate::Electorate;
use crate::choice::LARGEST_KEMENY;
use crate::error::ReferenceError;

type Chosen = Result<Choice, ReferenceError>;

/// Most chains that are looked at.
const MOST_CHAINS: usize = 2_000_000;

/// All rankings of largest `sum of m_ij over i above j`, by a dynamic programme over the sets of items that stand below: `2^n n`
/// sums.
fn best_rankings(electorate: &Electorate, margin: impl Fn(usize, usize) -> f64) -> Choice {
    let n = electorate.n();
    if n > LARGEST_KEMENY {
        return Choice::open(format!(
            "it looks at every set of items; up to {LARGEST_KEMENY} items: cut the list with --items"
        ));
    }
    let full = (1usize << n) - 1;
    let margins: Vec<f64> = (0..n * n).map(|k| margin(k / n, k % n)).collect();
    let members = |set: usize| (0..n).filter(move |i| set >> i & 1 == 1);
    // best[set]: the largest agreement within a set; who is on top of it gains over the rest
    let mut best = vec![0.0; full + 1];
    let gain = |i: usize, rest: usize| -> f64 { members(rest).map(|j| margins[i * n + j]).sum() };
    for set in 1..=full {
        best[set] = members(set)
            .map(|i| best[set & !(1 << i)] + gain(i, set & !(1 << i)))
            .fold(f64::NEG_INFINITY, f64::max);
    }
    let tops = |set: usize| {
        let level = best[set] - electorate.tolerance;
        members(set)
            .filter(|&i| best[set & !(1 << i)] + gain(i, set & !(1 << i)) >= level)
            .collect::<Vec<_>>()
    };
    let mut rankings: Vec<Vec<usize>> = Vec::new();
    let mut open = vec![(full, Vec::with_capacity(n))];
    while let Some((set, order)) = open.pop() {
        if set == 0 {
            rankings.push(order);
            if rankings.len() >= LARGEST_ORDERS {
                break;
            }
            continue;
        }
        // the last pushed is taken first: lexicographic order
        for i in tops(set).into_iter().rev() {
            let mut longer = order.clone();
            longer.push(i);
            open.push((set & !(1 << i), longer));
        }
    }
    Choice::Rankings { winners: tops(full), rankings, value: best[full] }
}

pub(super) fn kemeny(electorate: &Electorate, _: &ConceptOptions) -> Chosen {
    Ok(best_rankings(electorate, |i, j| electorate.margin(i, j)))
}

pub(super) fn slater(electorate: &Electorate, _: &ConceptOptions) -> Chosen {
    let sign = |m: f64| if m == 0.0 { 0.0 } else { m.signum() };
    Ok(best_rankings(electorate, |i, j| sign(electorate.margin(i, j))))
}

/// An item is on top of a chain that nothing extends if it is on top of one whose members no item beats all: an extension below
/// leaves it on top.
pub(super) fn banks(electorate: &Electorate, _: &ConceptOptions) -> Chosen {
    let n = electorate.n();
    let mut looked = 0;
    let mut winners = Vec::new();
    for top in 0..n {
        let below: Vec<usize> = (0..n).filter(|&j| electorate.beats(top, j)).collect();
        let threats: Vec<usize> = (0..n).filter(|&j| electorate.beats(j, top)).collect();
        match chain(electorate, &below, &threats, &mut looked) {
            Some(true) => winners.push(top),
            Some(false) => {}
            None => {
                return Ok(Choice::open(format!(
                    "more than {MOST_CHAINS} chains of majorities are to be looked at: cut the list with --items"
                )));
            }
        }
    }
    Ok(Choice::set(winners))
}

/// Whether a chain goes on through `below`, each member beaten by all above it, until no threat beats all of it. `None`: too long.
fn chain(electorate: &Electorate, below: &[usize], threats: &[usize], looked: &mut usize) -> Option<bool> {
    if threats.is_empty() {
        return Some(true);
    }
    *looked += 1;
    if *looked > MOST_CHAINS {
        return None;
    }
    for &next in below {
        let still: Vec<usize> = threats.iter().copied().filter(|&t| electorate.beats(t, next)).collect();
        // who does not remove a threat may be left out of the chain
        if still.len() == threats.len() {
            continue;
        }
        let lower: Vec<usize> = below.iter().copied().filter(|&j| electorate.beats(next, j)).collect();
        if chain(electorate, &lower, &still, looked)? {
            return Some(true);
        }
    }
    Some(false)
}
