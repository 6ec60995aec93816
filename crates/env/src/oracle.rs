//! Oracles: exact or sampled answers about a game, with the ledger.

use std::sync::Arc;

use equipoise_core::flat::Flat as _;
use equipoise_core::policy::Stamp;
use equipoise_core::{Cost, Duel, Oracle, Policy, Rng, Sampler, Shape, blocks, vector};
use ndarray::Array1;

use crate::batcher::BatchHandle;
use crate::draws::{self, Opponent, Query};
use crate::feedback::{Feedback, LabelKind, OpponentKind, Sampled};
use crate::game::Game;

/// A game's oracle.
///
/// It remembers its last product, and the instrument measures through [`GameOracle::margins`]: a gap measured at the
/// policy that the solver asks about next (or has just asked about) costs no second product, and is never charged.
pub struct GameOracle {
    game: Arc<Game>,
    /// Where products are asked for, if not of the game itself.
    batch: Option<BatchHandle>,
    feedback: Feedback,
    rng: Rng,
    cost: Cost,
    /// The policy of the last exact product.
    known: Option<Stamp>,
    /// That product, flat over the shape.
    margins: Array1<f64>,
    /// Tables of the last sampled opponent.
    sampler: Option<Sampler>,
    /// As [`draws::word_starts`] gives them, from the first sampled query on.
    starts: Vec<u64>,
}

impl GameOracle {
    /// An oracle for `game`; `rng` is its own stream (unused when exact).
    #[must_use]
    pub fn new(game: Arc<Game>, feedback: Feedback, rng: Rng) -> Self {
        let margins = Array1::zeros(game.shape().len());
        let (batch, known, sampler, starts) = (None, None, None, Vec::new());
        Self { game, batch, feedback, rng, cost: Cost::default(), known, margins, sampler, starts }
    }

    /// The same oracle with its products requested through `batch`, together with those of other runs. Equal answers, equal
    /// bits.
    #[must_use]
    pub fn batched(batch: BatchHandle, feedback: Feedback, rng: Rng) -> Self {
        let game = Arc::clone(batch.game());
        Self { batch: Some(batch), ..Self::new(game, feedback, rng) }
    }

    /// An exact oracle.
    #[must_use]
    pub fn exact(game: Arc<Game>) -> Self {
        Self::new(game, Feedback::Exact, equipoise_core::seed::stream(0, "exact oracle", &[]))
    }

    /// The game.
    #[inline]
    #[must_use]
    pub fn game(&self) -> &Arc<Game> {
        &self.game
    }

    /// What its answers are made of.
    #[must_use]
    pub fn feedback(&self) -> &Feedback {
        &self.feedback
    }

    /// For the instrument: the true `K pi`, flat over the shape; never charged, and free if it was the last product.
    #[inline]
    pub fn margins(&mut self, policy: &Policy) -> &Array1<f64> {
        if self.known != Some(policy.stamp()) {
            product(&self.game, self.batch.as_ref(), policy, &mut self.margins);
            self.known = Some(policy.stamp());
        }
        &self.margins
    }

    /// For the instrument: the true `K pi` into `out`, leaving the last product remembered; never charged.
    pub fn product(&self, policy: &Policy, out: &mut Array1<f64>) {
        product(&self.game, self.batch.as_ref(), policy, out);
    }

    /// For the instrument: the product computed last, by whomever.
    #[inline]
    #[must_use]
    pub fn last_margins(&self) -> &Array1<f64> {
        &self.margins
    }

    /// The game, where answers are exact and asked for of the game itself.
    pub(crate) fn asked_exactly(&self) -> Option<Arc<Game>> {
        (self.batch.is_none() && self.feedback == Feedback::Exact).then(|| Arc::clone(&self.game))
    }

    fn exact_win_rates(&mut self, opponent: &Policy, out: &mut Array1<f64>) {
        let margins = self.margins(opponent).flat();
        blocks::for_each(opponent.shape().offsets(), out.flat_mut(), |block, out| {
            vector::plus(&margins[block.entries()], 0.5, out);
        });
    }

    fn sampled_win_rates(&mut self, spec: &Sampled, opponent: &Policy, out: &mut Array1<f64>) {
        if self.starts.is_empty() {
            self.starts = draws::word_starts(self.game.shape().offsets(), spec);
        }
        if spec.opponent == OpponentKind::Exact {
            self.margins(opponent);
        } else {
            self.sampler.get_or_insert_with(|| Sampler::new(opponent)).refresh(opponent);
        }
        let Self { game, rng, margins, sampler, starts, .. } = self;
        let opponent = match (spec.opponent, sampler) {
            (OpponentKind::Sampled, Some(sampler)) => Opponent::Sampled(sampler),
            _ => Opponent::Exact(margins.flat()),
        };
        Query { game, spec, opponent, starts }.answer(rng, out.flat_mut());
    }
}

impl Oracle for GameOracle {
    fn shape(&self) -> &Shape {
        self.game.shape()
    }

    fn win_rates(&mut self, opponent: &Policy, out: &mut Array1<f64>) {
        self.cost.queries += 1;
        let Feedback::Sampled(spec) = &self.feedback else {
            self.exact_win_rates(opponent, out);
            return;
        };
        let spec = spec.clone();
        self.cost.duels += u64::from(spec.duels_per_query) * self.game.contexts() as u64;
        self.sampled_win_rates(&spec, opponent, out);
    }

    fn duels(&mut self, pairs: &[Duel], out: &mut [f64]) {
        assert_eq!(pairs.len(), out.len(), "one answer a duel");
        self.cost.duels += pairs.len() as u64;
        if let Feedback::Sampled(Sampled { labels: LabelKind::Bernoulli, .. }) = self.feedback {
            draws::draw_outcomes(&self.game, &mut self.rng, pairs, out);
            return;
        }
        for (duel, z) in pairs.iter().zip(out) {
            *z = self.game.prob(duel.context, duel.left, duel.right);
        }
    }

    fn cost(&self) -> Cost {
        self.cost
    }
}

fn product(game: &Game, batch: Option<&BatchHandle>, policy: &Policy, out: &mut Array1<f64>) {
    match batch {
        Some(batch) => batch.margins(policy, out),
        None => game.margins(policy, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PreferenceMatrix;
    use equipoise_core::seed::stream;
    use ndarray::arr1;

    fn game() -> Arc<Game> {
        Arc::new(Game::single(
            PreferenceMatrix::from_margins(3, |i, j| [[0.0, 0.1, -0.4], [0.0, 0.0, 0.2]][i][j]).unwrap(),
        ))
    }

    fn policy(game: &Game) -> Policy {
        Policy::from_probs(game.shape(), arr1(&[0.5, 0.3, 0.2])).unwrap()
    }

    #[test]
    fn the_ledger_counts_the_solver_and_not_the_instrument() {
        let game = game();
        let mut oracle = GameOracle::exact(game.clone());
        let mut q = Array1::zeros(3);
        oracle.margins(&policy(&game));
        oracle.win_rates(&policy(&game), &mut q);
        oracle.duels(&[Duel { context: 0, left: 2, right: 0 }], &mut [0.0]);
        assert_eq!(oracle.cost(), Cost { queries: 1, duels: 1 });
        let expect = [0.5 + 0.03 - 0.08, 0.5 - 0.05 + 0.04, 0.5 + 0.2 - 0.06];
        assert!(q.iter().zip(expect).all(|(a, b)| (a - b).abs() < 1e-15), "{q}");
    }

    #[test]
    fn sampled_queries_are_unbiased_and_cost_what_they_say() {
        let game = game();
        let policy = policy(&game);
        let mut exact = Array1::zeros(3);
        GameOracle::exact(game.clone()).win_rates(&policy, &mut exact);
        for duels_per_query in [1, 2, 7, 64] {
            for opponent in [OpponentKind::Sampled, OpponentKind::Exact] {
                for labels in [LabelKind::Bernoulli, LabelKind::Probability] {
                    let spec = Sampled { duels_per_query, labels, opponent };
                    let mut oracle =
                        GameOracle::new(game.clone(), Feedback::Sampled(spec), stream(1, "test", &[]));
                    let (mut mean, mut q, rounds) = (Array1::<f64>::zeros(3), Array1::zeros(3), 20_000);
                    for _ in 0..rounds {
                        oracle.win_rates(&policy, &mut q);
                        mean += &q;
                    }
                    mean /= f64::from(rounds);
                    assert_eq!(oracle.cost().duels, u64::from(duels_per_query) * 20_000);
                    // standard error of one action's mean is at most n / (2 sqrt(m n rounds)) < 0.0062 at m = 1
                    let tolerance = 5.0 * 3.0 / (2.0 * (3.0 * f64::from(duels_per_query * rounds)).sqrt());
                    assert!((&mean - &exact).iter().all(|d| d.abs() < tolerance), "{mean} {exact}");
                }
            }
        }
    }
}
