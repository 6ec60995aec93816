//! Ratings of items by games: Nash averaging, deviation ratings, soft Condorcet optimisation.

use equipoise_core::logistic::logistic;
use equipoise_env::PreferenceMatrix;
use ndarray::Array2;

use super::choice::{Choice, ConceptOptions};
use super::electorate::Electorate;
use super::lotteries::maximal;
use crate::error::ReferenceError;
use crate::programme::Programme;

type Chosen = Result<Choice, ReferenceError>;

/// Within which two ratings are level.
const LEVEL: f64 = 1e-12;
/// Most items of deviation ratings: a linear programme an item.
const LARGEST_DEVIATION: usize = 30;
/// Most items of soft Condorcet optimisation: thousands of steps over all pairs.
const LARGEST_SOFT: usize = 200;

fn ranked(scores: Vec<f64>) -> Choice {
    let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let winners = (0..scores.len()).filter(|&i| scores[i] >= most - LEVEL).collect();
    Choice::Winners { winners, scores: Some(scores) }
}

/// `2 K x` of the maximal lottery `x` of largest entropy (Balduzzi et al. 2018): 0 on what it plays.
pub(super) fn nash_averaging(electorate: &Electorate, options: &ConceptOptions) -> Chosen {
    let found = maximal(electorate, options)?;
    let Some(policy) = found.policy(electorate.n()) else { return Ok(found) };
    let mut product = vec![0.0; policy.len()];
    electorate.matrix().product(&policy, &mut product);
    Ok(ranked(product.iter().map(|v| 2.0 * v).collect()))
}

/// Deviation ratings of a symmetric zero-sum game (2025, arXiv:2502.11645): of all lotteries the one whose sorted vector `K pi`
/// is lexicographically smallest; that vector, each entry at most 0, is the rating, unique though the lottery is not. `None` if a
/// linear programme was not solved.
///
/// An item is rated when no lottery that keeps what is rated so far can press it below the level: a constraint that happens to be
/// tight at one vertex proves nothing.
#[must_use]
pub fn deviation_ratings(matrix: &PreferenceMatrix) -> Option<Vec<f64>> {
    let n = matrix.n();
    let mut rating: Vec<Option<f64>> = vec![None; n];
    // K pi <= eps  <=>  P pi <= eps + 1/2 = v in [0, 1]
    while rating.iter().any(Option::is_none) {
        let level = lowest(matrix, &rating, None)?;
        let mut fixed = Vec::new();
        for i in (0..n).filter(|&i| rating[i].is_none()) {
            let mut held = rating.clone();
            held.iter_mut().for_each(|r| *r = Some(r.unwrap_or(level)));
            if lowest(matrix, &held, Some(i))? >= level - LEVEL {
                fixed.push(i);
            }
        }
        if fixed.is_empty() {
            return None;
        }
        fixed.into_iter().for_each(|i| rating[i] = Some(level));
    }
    Some(rating.into_iter().flatten().map(|v| if v.abs() < LEVEL { 0.0 } else { v }).collect())
}

/// The least `max (K pi)_i` over the items without a rating, or the least `(K pi)_item`, given ratings that are kept.
fn lowest(matrix: &PreferenceMatrix, rating: &[Option<f64>], item: Option<usize>) -> Option<f64> {
    let n = matrix.n();
    let mut cost = vec![0.0; n + 1];
    cost[n] = -1.0;
    let mut programme = Programme::maximise(cost);
    let mut sum = vec![1.0; n + 1];
    sum[n] = 0.0;
    programme.equal(sum, 1.0);
    for i in 0..n {
        let row = |last: f64| {
            let mut row: Vec<f64> = (0..n).map(|j| matrix.margin(i, j) + 0.5).collect();
            row.push(last);
            row
        };
        match rating[i] {
            // what is kept is kept to rounding
            Some(level) => programme.at_most(row(0.0), level + 0.5 + 1e-15),
            None => programme.at_most(row(-1.0), 0.0),
        }
        if item == Some(i) {
            programme.at_most(row(-1.0), 0.0);
        }
    }
    let found = programme.solve().optimum()?;
    Some(found.point[n] - 0.5)
}

pub(super) fn deviation(electorate: &Electorate, _: &ConceptOptions) -> Chosen {
    if electorate.n() > LARGEST_DEVIATION {
        return Ok(Choice::open(format!(
            "it solves a linear programme an item; up to {LARGEST_DEVIATION} items: cut the list with --items"
        )));
    }
    Ok(match deviation_ratings(electorate.matrix()) {
        Some(ratings) => ranked(ratings),
        None => Choice::open("a linear programme of it was not solved"),
    })
}

/// How soft Condorcet optimisation descends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SoftCondorcet {
    /// Temperature of the sigmoid, above 0; towards 0 the loss is the Kemeny distance.
    pub temperature: f64,
    /// Smallest rating.
    pub lower: f64,
    /// Largest rating; the start is the middle.
    pub upper: f64,
    /// Step of the gradient.
    pub learning_rate: f64,
    /// Number of steps.
    pub steps: usize,
}

impl Default for SoftCondorcet {
    /// Ratings in `[0, 100]`.
    fn default() -> Self {
        Self { temperature: 1.0, lower: 0.0, upper: 100.0, learning_rate: 1.0, steps: 3000 }
    }
}

impl SoftCondorcet {
    /// `sum_ab wins_ab sigmoid((r_b - r_a) / T) / voters`.
    #[must_use]
    pub fn loss(&self, wins: &Array2<f64>, voters: f64, ratings: &[f64]) -> f64 {
        let one =
            |((a, b), w): ((usize, usize), &f64)| w * logistic((ratings[b] - ratings[a]) / self.temperature);
        wins.indexed_iter().map(one).sum::<f64>() / voters
    }

    /// Ratings that projected gradient descent from the middle ends at (2024, arXiv:2411.00119), `[n]`. The loss is not convex:
    /// another start may end elsewhere, and lower.
    #[must_use]
    pub fn descend(&self, wins: &Array2<f64>, voters: f64) -> Vec<f64> {
        let n = wins.nrows();
        let mut ratings = vec![0.5 * (self.lower + self.upper); n];
        let mut gradient = vec![0.0; n];
        for _ in 0..self.steps {
            gradient.fill(0.0);
            for ((a, b), w) in wins.indexed_iter().filter(|((a, b), _)| a != b) {
                let s = logistic((ratings[b] - ratings[a]) / self.temperature);
                let slope = w * s * (1.0 - s) / self.temperature / voters;
                gradient[b] += slope;
                gradient[a] -= slope;
            }
            for (r, g) in ratings.iter_mut().zip(&gradient) {
                *r = (*r - self.learning_rate * g).clamp(self.lower, self.upper);
            }
        }
        ratings
    }
}

pub(super) fn soft_condorcet(electorate: &Electorate, _: &ConceptOptions) -> Chosen {
    if electorate.n() > LARGEST_SOFT {
        return Ok(Choice::open(format!(
            "it makes thousands of steps over all pairs; up to {LARGEST_SOFT} items: cut the list with --items"
        )));
    }
    let ratings = SoftCondorcet::default().descend(&electorate.matrix().to_array(), 1.0);
    let most = ratings.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let winners = (0..ratings.len()).filter(|&i| ratings[i] >= most - 1e-9).collect();
    Ok(Choice::Winners { winners, scores: Some(ratings) })
}
