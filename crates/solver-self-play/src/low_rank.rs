//! Win rates whose log-odds have low rank, fitted to counted duels.
//!
//! ```text
//! max_A  sum_{i<j} w_ij log sigma(A_ij) + w_ji log sigma(-A_ij)         A skew, of rank r;  w: wins and half a win each way, m_ij = w_ij + w_ji
//! A <- rank_r( A + (4 / max m) (w - m sigma(A)) )                        curvature at most m / 4: the likelihood never falls
//! rank_r(M) = Q Q' M Q Q',  Q the r leading directions of M' M            nearest skew matrix of that rank
//! ```
//!
//! A bilinear preference model without features (2026, arXiv:2602.23116, has them given; general preference models, arXiv:2410.02197, fit the
//! same). `Q` is followed by subspace iteration from where it was, so that the truncation is that of the limit; the maximum found may be a
//! local one. O(n^2 r) a step.

use equipoise_core::logistic::{logistic, logistic_margin};
use ndarray::{Array1, Array2};

use crate::counted::CountedGame;

/// Steps at an update at most: the next one goes on from there.
const MAX_STEPS: usize = 200;
/// Log-odds that move less are those of the maximum.
const TOLERANCE: f64 = 1e-7;

/// Log-odds of one context.
pub(crate) struct LowRankFit {
    /// `A`, `[n x n]`.
    log_odds: Array2<f64>,
    /// `Q`, `[n x r]`.
    directions: Array2<f64>,
}

impl LowRankFit {
    /// Of `n` actions that all tie; a rank above `n` restricts nothing.
    pub(crate) fn new(n: usize, rank: usize) -> Self {
        Self { log_odds: Array2::zeros((n, n)), directions: Array2::zeros((n, rank.min(n))) }
    }

    /// `K_hat`.
    pub(crate) fn margins(&self) -> Array2<f64> {
        let a = &self.log_odds;
        Array2::from_shape_fn(a.dim(), |(i, j)| logistic_margin(0.5 * (a[[i, j]] - a[[j, i]])))
    }

    /// Climbs the likelihood of what was counted so far.
    pub(crate) fn follow(&mut self, counted: &CountedGame, context: usize) {
        let (wins, counts) = (counted.wins(context), counted.counts(context));
        let n = counts.nrows();
        let most = counts.iter().fold(0.0, |m: f64, c| m.max(*c)) + 1.0;
        for _ in 0..MAX_STEPS {
            let moved = Array2::from_shape_fn((n, n), |(i, j)| {
                if i == j {
                    return 0.0;
                }
                let slope = wins[[i, j]] + 0.5 - (counts[[i, j]] + 1.0) * logistic(self.log_odds[[i, j]]);
                self.log_odds[[i, j]] + 4.0 / most * slope
            });
            self.turn(&moved);
            let inside = self.directions.t().dot(&moved).dot(&self.directions);
            let next = self.directions.dot(&inside).dot(&self.directions.t());
            let change = next.iter().zip(&self.log_odds).fold(0.0, |m: f64, (a, b)| m.max((a - b).abs()));
            self.log_odds = next;
            if change <= TOLERANCE {
                break;
            }
        }
    }

    /// A round of subspace iteration towards the leading directions of `M' M`; where they are fewer, fixed directions in general
    /// position fill up.
    fn turn(&mut self, m: &Array2<f64>) {
        let n = m.nrows();
        let ahead = m.t().dot(&m.dot(&self.directions));
        let filling = |k: usize| {
            // multiples of the golden ratio, less whole numbers, spread evenly
            Array1::from_shape_fn(n, |i| ((i * n + k + 1) as f64 * 0.618_033_988_749_895).fract() - 0.5)
        };
        let candidates = ahead.columns().into_iter().map(|c| c.to_owned()).chain((0..n).map(filling));
        let mut found: Vec<Array1<f64>> = Vec::with_capacity(self.directions.ncols());
        for mut column in candidates {
            if found.len() == self.directions.ncols() {
                break;
            }
            let before = column.dot(&column).sqrt();
            // twice is enough
            for _ in 0..2 {
                for q in &found {
                    let along = q.dot(&column);
                    column.scaled_add(-along, q);
                }
            }
            let after = column.dot(&column).sqrt();
            if after > 1e-8 * before {
                found.push(column / after);
            }
        }
        for (k, q) in found.iter().enumerate() {
            self.directions.column_mut(k).assign(q);
        }
    }
}

#[cfg(test)]
mod tests {
    use equipoise_core::Shape;

    use super::*;

    /// Whole counts in the proportions of log-odds of rank 2 are fitted by them; of another rank they are not, and a rank as large as the
    /// game is no restriction.
    #[test]
    fn log_odds_of_the_rank_are_found() {
        let n = 6;
        let point = |i: usize| [(i as f64 * 1.3).sin(), 0.5 + (i as f64 * 0.7).cos()];
        let log_odds = |i: usize, j: usize| {
            let (a, b) = (point(i), point(j));
            1.5 * (a[0] * b[1] - a[1] * b[0])
        };
        let shape = Shape::single(n).expect("not empty");
        let mut counted = CountedGame::new(&shape);
        let met = 20_000;
        for i in 0..n {
            for j in i + 1..n {
                let share = logistic(log_odds(i, j));
                for _ in 0..met {
                    counted.add(0, i, j, share);
                }
            }
        }
        let apart = |rank: usize| {
            let mut fit = LowRankFit::new(n, rank);
            (0..20).for_each(|_| fit.follow(&counted, 0));
            let margins = fit.margins();
            let error = |i: usize, j: usize| (margins[[i, j]] - (logistic(log_odds(i, j)) - 0.5)).abs();
            (0..n).flat_map(|i| (0..n).map(move |j| (i, j))).fold(0.0, |m: f64, (i, j)| m.max(error(i, j)))
        };
        // half a win each way in 20,000 moves a win rate by 2.5e-5 at most
        assert!(apart(2) < 5e-5, "{}", apart(2));
        assert!(apart(6) < 5e-5, "{}", apart(6));
        let fit = LowRankFit::new(n, 2);
        assert!(fit.margins().iter().all(|m| *m == 0.0));
    }
}
