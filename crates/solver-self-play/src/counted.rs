//! A game as counted so far, one duel after another: what `one-duel` and `plug-in` estimate from.

use equipoise_core::Shape;
use ndarray::Array2;

/// Duels of each context and who won them.
pub(crate) struct CountedGame {
    /// Wins of row over column and duels between them, `[n x n]` of each context.
    wins: Vec<Array2<f64>>,
    counts: Vec<Array2<f64>>,
}

impl CountedGame {
    /// Without a duel.
    pub(crate) fn new(shape: &Shape) -> Self {
        let squares = || shape.ranges().map(|r| Array2::zeros((r.len(), r.len()))).collect();
        Self { wins: squares(), counts: squares() }
    }

    /// One duel: `label` is what `left` got of it, in [0, 1]. A duel of an action with itself tells nothing.
    pub(crate) fn add(&mut self, context: usize, left: usize, right: usize, label: f64) {
        if left != right {
            self.wins[context][[left, right]] += label;
            self.wins[context][[right, left]] += 1.0 - label;
            self.counts[context][[left, right]] += 1.0;
            self.counts[context][[right, left]] += 1.0;
        }
    }

    /// Duels between every two actions, `[n x n]`.
    pub(crate) fn counts(&self, context: usize) -> &Array2<f64> {
        &self.counts[context]
    }

    /// Wins of row over column, `[n x n]`.
    pub(crate) fn wins(&self, context: usize) -> &Array2<f64> {
        &self.wins[context]
    }

    /// `K_hat`: the mean label minus 1/2, with half a win each way, so that pairs that never met tie.
    pub(crate) fn margins(&self, context: usize) -> Array2<f64> {
        let (wins, counts) = (&self.wins[context], &self.counts[context]);
        let margin = |(i, j)| if i == j { 0.0 } else { (wins[[i, j]] + 0.5) / (counts[[i, j]] + 1.0) - 0.5 };
        Array2::from_shape_fn(wins.dim(), margin)
    }
}
