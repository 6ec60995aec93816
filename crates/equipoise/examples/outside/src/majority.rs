//! An oracle of one's own: every comparison is voted on by several noisy judges.

use std::sync::Arc;

use equipoise::core::sample::uniform;
use equipoise::ndarray::Array1;
use equipoise::prelude::*;

/// A duel is answered by the majority of an odd number of draws; a win-rate query asks one such duel of every action against
/// an action drawn from the opponent.
pub struct Majority {
    rng: Rng,
    judges: u32,
    cost: Cost,
    /// The true game, for the instrument.
    truth: GameOracle,
}

impl Majority {
    pub fn new(game: Arc<Game>, rng: Rng, judges: u32) -> Self {
        Self { rng, judges, cost: Cost::default(), truth: GameOracle::exact(game) }
    }

    fn vote(&mut self, context: usize, left: usize, right: usize) -> f64 {
        let p = self.truth.game().prob(context, left, right);
        let ayes = (0..self.judges).filter(|_| uniform(&mut self.rng) < p).count();
        if 2 * ayes > self.judges as usize { 1.0 } else { 0.0 }
    }
}

impl Oracle for Majority {
    fn shape(&self) -> &Shape {
        self.truth.shape()
    }

    fn win_rates(&mut self, opponent: &Policy, out: &mut Array1<f64>) {
        self.cost.queries += 1;
        for context in 0..opponent.shape().contexts() {
            let range = opponent.shape().range(context);
            for left in 0..range.len() {
                let mut rest = uniform(&mut self.rng);
                let probs = opponent.probs_at(context);
                let right = probs.iter().position(|p| {
                    rest -= p;
                    rest < 0.0
                });
                self.cost.duels += 1;
                out[range.start + left] = self.vote(context, left, right.unwrap_or(range.len() - 1));
            }
        }
    }

    fn duels(&mut self, pairs: &[Duel], out: &mut [f64]) {
        self.cost.duels += pairs.len() as u64;
        for (duel, z) in pairs.iter().zip(out) {
            *z = self.vote(duel.context, duel.left, duel.right);
        }
    }

    fn cost(&self) -> Cost {
        self.cost
    }
}

impl MeasuredOracle for Majority {
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

    fn is_noisy(&self) -> bool {
        true
    }
}
