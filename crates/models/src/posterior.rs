//! What counts leave open about a game: win rates drawn from their posterior, pair by pair.
//!
//! ```text
//! P_ij ~ Beta(w_ij + 1/2, w_ji + 1/2)      w_ij wins of i over j, ties half to each side (Jeffreys' prior)
//! ```
//!
//! Pairs are independent: no rating is assumed, so intervals are those of who believes in no model. A pair that never met is
//! anything from 0 to 1. A bootstrap would draw a pair of two votes for one side as certain; the posterior does not. With few
//! votes for many pairs some opponent is strong in every draw, so a large gap here is no evidence of a cycle: whether there
//! is one is for [`intransitivity`](crate::intransitivity) to say.

use equipoise_core::{Rng, sample};
use equipoise_data::Comparisons;
use equipoise_env::PreferenceMatrix;
use equipoise_reference::{ReferenceError, Selection, select_lotteries};

/// Up to so many items a lottery is solved for each draw.
pub const LOTTERIES: usize = 60;

/// Quantities of a game over draws of its win rates; intervals are central ones of 95 percent.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Posterior {
    /// Number of draws.
    pub draws: usize,
    /// Duality gap of always playing the pick, in [0, 1].
    pub gap: (f64, f64),
    /// Share of draws in which somebody wins more than half against the pick.
    pub loses: f64,
    /// Probability of each item in the maximal lottery, and the share of draws in which it is played; `None` above
    /// [`LOTTERIES`] items.
    pub nash: Option<Vec<ItemPosterior>>,
}

/// One item in the maximal lotteries of the draws.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ItemPosterior {
    /// Its probability.
    pub probability: (f64, f64),
    /// Share of draws whose lottery plays it.
    pub played: f64,
}

/// Draws the game behind `data` `draws` times (at least once) on `rng`; `pick` is the item whose gap is asked for.
///
/// # Errors
/// [`ReferenceError`] if a lottery is not found.
///
/// # Panics
/// If there is no item `pick`.
pub fn posterior(
    data: &Comparisons,
    pick: usize,
    draws: usize,
    rng: &mut Rng,
) -> Result<Posterior, ReferenceError> {
    let n = data.n();
    assert!(pick < n, "an item of the data");
    let draws = draws.max(1);
    let mut wins = vec![(0.0, 0.0); n * n.saturating_sub(1) / 2];
    let at = |i: usize, j: usize| i * (2 * n - i - 1) / 2 + j - i - 1;
    for pair in &data.pairs {
        let (i, j, ties) = pair.outcomes();
        wins[at(pair.i, pair.j)] = (i + ties / 2.0, j + ties / 2.0);
    }
    let games: Vec<PreferenceMatrix> = (0..draws)
        .map(|_| {
            let margins: Vec<f64> = wins.iter().map(|&(i, j)| beta(i + 0.5, j + 0.5, rng) - 0.5).collect();
            let margin = |i: usize, j: usize| if i < j { margins[at(i, j)] } else { -margins[at(j, i)] };
            PreferenceMatrix::from_margins(n, margin).expect("probabilities are margins")
        })
        .collect();
    let worst = |game: &PreferenceMatrix| (0..n).map(|j| game.margin(j, pick)).fold(0.0, f64::max);
    let gaps: Vec<f64> = games.iter().map(|game| 2.0 * worst(game)).collect();
    let loses = gaps.iter().filter(|gap| **gap > 0.0).count() as f64 / draws as f64;
    let nash = if n <= LOTTERIES {
        let lotteries = select_lotteries(&games, Selection::Vertex)?;
        let of = |item: usize| {
            let probabilities: Vec<f64> = lotteries.iter().map(|found| found.policy[item]).collect();
            let played = lotteries.iter().filter(|found| found.support.contains(&item)).count();
            ItemPosterior { probability: interval(probabilities), played: played as f64 / draws as f64 }
        };
        Some((0..n).map(of).collect())
    } else {
        None
    };
    Ok(Posterior { draws, gap: interval(gaps), loses, nash })
}

/// The central interval of 95 percent.
fn interval(mut values: Vec<f64>) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    let at = |p: f64| values[((values.len() - 1) as f64 * p).round() as usize];
    (at(0.025), at(0.975))
}

/// A draw from Beta(a, b), as a ratio of gamma variables; `a` and `b` at least 1/2.
fn beta(a: f64, b: f64, rng: &mut Rng) -> f64 {
    let (x, y) = (gamma(a, rng), gamma(b, rng));
    x / (x + y)
}

/// A draw from Gamma(shape, 1), above 0 (Marsaglia and Tsang, ACM Transactions on Mathematical Software 26, 2000); below 1 by
/// `Gamma(a) = Gamma(a + 1) U^(1/a)`.
fn gamma(shape: f64, rng: &mut Rng) -> f64 {
    if shape < 1.0 {
        let u = sample::uniform(rng).max(f64::MIN_POSITIVE);
        return (gamma(shape + 1.0, rng) * u.powf(1.0 / shape)).max(f64::MIN_POSITIVE);
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = sample::normal(rng);
        let v = (1.0 + c * x).powi(3);
        let u = sample::uniform(rng);
        if v > 0.0 && u.ln() < 0.5 * x * x + d * (1.0 - v + v.ln()) {
            return d * v;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use equipoise_core::seed;
    use ndarray::{Array2, array};

    fn rng() -> Rng {
        seed::stream(0, "test", &[])
    }

    #[test]
    fn beta_draws_have_the_moments_of_the_distribution() {
        let mut rng = rng();
        for (a, b) in [(0.5, 0.5), (2.5, 0.5), (40.0, 7.0), (0.5, 1e6)] {
            let draws: Vec<f64> = (0..40_000).map(|_| beta(a, b, &mut rng)).collect();
            let mean = draws.iter().sum::<f64>() / 4e4;
            let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 4e4;
            let (m, v) = (a / (a + b), a * b / ((a + b).powi(2) * (a + b + 1.0)));
            // five standard errors of a mean; the fourth moment of a Beta is at most that of its range
            assert!((mean - m).abs() < 5.0 * (v / 4e4).sqrt(), "{a} {b}: mean {mean}, {m}");
            assert!((variance / v - 1.0).abs() < 0.1, "{a} {b}: variance {variance}, {v}");
        }
    }

    #[test]
    fn few_votes_leave_the_gap_open_and_many_close_it() {
        let cycle = array![[0.0, 7.0, 3.0], [3.0, 0.0, 7.0], [7.0, 3.0, 0.0]];
        let of = |votes: f64| {
            let data = Comparisons::from_tables(&(&cycle * votes), &Array2::zeros((3, 3)));
            posterior(&data, 0, 400, &mut rng()).unwrap()
        };
        // rock-paper-scissors at 7 to 3: the gap of a pure action is 0.4, and the lottery is uniform
        let (few, many) = (of(0.2), of(1000.0));
        assert!(few.gap.0 < 0.1 && few.gap.1 > 0.7, "{few:?}");
        assert!((many.gap.0 - 0.4).abs() < 0.04 && (many.gap.1 - 0.4).abs() < 0.04, "{many:?}");
        assert!(many.loses == 1.0 && few.loses < 1.0);
        let nash = many.nash.unwrap();
        assert!(
            nash.iter()
                .all(|item| item.played == 1.0 && item.probability.0 > 0.2 && item.probability.1 < 0.5)
        );
    }

    #[test]
    fn a_duel_of_two_votes_is_not_certain() {
        let data = Comparisons::from_tables(&array![[0.0, 2.0], [0.0, 0.0]], &Array2::zeros((2, 2)));
        let found = posterior(&data, 0, 2000, &mut rng()).unwrap();
        // Pr(P < 1/2) for Beta(5/2, 1/2) is 0.0756
        assert!((found.loses - 0.0756).abs() < 0.025, "{found:?}");
        assert!(found.gap.0 == 0.0 && found.gap.1 > 0.1);
    }
}
