//! An oracle that asks a judge: any function that compares two actions.

use std::sync::Arc;

use equipoise_core::{Cost, Duel, Oracle, Policy, Shape};
use ndarray::Array1;

use crate::game::Game;
use crate::measured::MeasuredOracle;
use crate::oracle::GameOracle;

/// Answers of a judge, measured against a true game.
///
/// The judge is a function `(context, left, right) -> z` with `z` in `[0, 1]`: the probability that `left` beats `right`, or an
/// outcome (1 if `left` is preferred, 0 if not). It may be noisy, biased by position, or cyclic. A win-rate query asks it
/// about every ordered pair of different actions of every context, `q_y = pi_y / 2 + sum over y' != y of pi_y' z(y, y')`, and is
/// charged those `sum n (n - 1)` duels.
///
/// ```
/// use std::sync::Arc;
///
/// use equipoise_core::{Oracle, Policy};
/// use equipoise_env::{Game, Judge};
/// use ndarray::{Array1, array};
///
/// let game = Arc::new(Game::from_array(&array![[0.5, 0.8], [0.2, 0.5]])?);
/// // prefers whatever is shown first
/// let mut judge = Judge::new(game, |_context, _left, _right| 0.9);
/// let (policy, mut q) = (Policy::uniform(judge.shape()), Array1::zeros(2));
/// judge.win_rates(&policy, &mut q);
/// assert_eq!(q, array![0.7, 0.7]);
/// assert_eq!((judge.cost().queries, judge.cost().duels), (1, 2));
/// # Ok::<(), equipoise_env::GameError>(())
/// ```
pub struct Judge<F> {
    judge: F,
    cost: Cost,
    /// Measures; never asked by the solver.
    truth: GameOracle,
}

impl<F: FnMut(usize, usize, usize) -> f64> Judge<F> {
    /// A judge about the actions of `game`, against which runs are measured.
    pub fn new(game: Arc<Game>, judge: F) -> Self {
        Self { judge, cost: Cost::default(), truth: GameOracle::exact(game) }
    }
}

impl<F: FnMut(usize, usize, usize) -> f64> Oracle for Judge<F> {
    fn shape(&self) -> &Shape {
        self.truth.shape()
    }

    fn win_rates(&mut self, opponent: &Policy, out: &mut Array1<f64>) {
        self.cost.queries += 1;
        let ranges = self.truth.game().shape().ranges();
        for (context, range) in ranges.enumerate() {
            let (pi, n) = (&opponent.probs_slice()[range.clone()], range.len());
            self.cost.duels += (n * n.saturating_sub(1)) as u64;
            for left in 0..n {
                out[range.start + left] = (0..n)
                    .map(|right| {
                        let z = if left == right { 0.5 } else { (self.judge)(context, left, right) };
                        pi[right] * z
                    })
                    .sum();
            }
        }
    }

    fn duels(&mut self, pairs: &[Duel], out: &mut [f64]) {
        assert_eq!(pairs.len(), out.len(), "one answer a duel");
        self.cost.duels += pairs.len() as u64;
        for (duel, z) in pairs.iter().zip(out) {
            let asked = duel.left != duel.right;
            *z = if asked { (self.judge)(duel.context, duel.left, duel.right) } else { 0.5 };
        }
    }

    fn cost(&self) -> Cost {
        self.cost
    }
}

impl<F: FnMut(usize, usize, usize) -> f64> MeasuredOracle for Judge<F> {
    fn game(&self) -> &Game {
        self.truth.game()
    }

    fn margins(&mut self, policy: &Policy) -> &Array1<f64> {
        self.truth.margins(policy)
    }

    fn last_margins(&self) -> &Array1<f64> {
        self.truth.last_margins()
    }

    fn product(&self, policy: &Policy, out: &mut Array1<f64>) {
        self.truth.product(policy, out);
    }

    /// True: nothing is known of how a judge answers.
    fn is_noisy(&self) -> bool {
        true
    }
}
