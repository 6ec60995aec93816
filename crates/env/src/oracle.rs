//! Oracles: exact or sampled answers about a game, with the ledger.

use std::sync::Arc;

use equipoise_core::flat::Flat as _;
use equipoise_core::policy::Stamp;
use equipoise_core::{Cost, Duel, Oracle, Policy, Rng, Sampler, Shape, blocks, vector};
use ndarray::Array1;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::draws::{self, Opponent, Query};
use crate::game::Game;
use crate::lockstep::Seat;

/// What an oracle's answers are made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Feedback {
    /// Win rates to rounding; a duel answers with its probability.
    Exact,
    /// Win rates estimated from duels.
    Sampled(Sampled),
}

/// How win rates are estimated from duels.
///
/// A query spends exactly `duels_per_query` duels in each context, dealt over the actions as evenly as possible (the
/// remainder to a random subset), so that `q_i = 1/2 + (n / m) sum (z - 1/2)` over the duels `z` of action `i` is
/// unbiased for every `m >= 1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sampled {
    /// Duels that one win-rate query spends in each context, at least 1.
    pub duels_per_query: u32,
    /// What a duel answers with: `bernoulli` (0 or 1) or `probability` (the published "empirical" mode).
    pub labels: LabelKind,
    /// Against whom an action duels in a query: `sampled` from the opponent policy, or `exact` (its win rate).
    pub opponent: OpponentKind,
}

impl Default for Sampled {
    fn default() -> Self {
        Self { duels_per_query: 64, labels: LabelKind::Bernoulli, opponent: OpponentKind::Sampled }
    }
}

/// What a duel answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LabelKind {
    /// One draw: 1 if the left action wins, else 0.
    Bernoulli,
    /// The probability itself.
    Probability,
}

/// Whom an action meets in a sampled query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OpponentKind {
    /// An action drawn from the opponent policy, anew for each duel.
    Sampled,
    /// The opponent policy itself: the label's probability is the exact win rate.
    Exact,
}

/// A game's oracle.
///
/// It remembers its last product, and the instrument measures through [`GameOracle::margins`]: a gap measured at the
/// policy that the solver asks about next (or has just asked about) costs no second product, and is never charged.
pub struct GameOracle {
    game: Arc<Game>,
    /// Where products are asked for, if not of the game itself.
    seat: Option<Seat>,
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
        let (seat, known, sampler, starts) = (None, None, None, Vec::new());
        Self { game, seat, feedback, rng, cost: Cost::default(), known, margins, sampler, starts }
    }

    /// The same oracle in lock-step with others: its products are those of `seat`'s table. Equal answers, equal bits.
    #[must_use]
    pub fn seated(seat: Seat, feedback: Feedback, rng: Rng) -> Self {
        let game = Arc::clone(seat.game());
        Self { seat: Some(seat), ..Self::new(game, feedback, rng) }
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
            product(&self.game, self.seat.as_ref(), policy, &mut self.margins);
            self.known = Some(policy.stamp());
        }
        &self.margins
    }

    /// For the instrument: the true `K pi` into `out`, past the memory; never charged.
    pub fn product(&self, policy: &Policy, out: &mut Array1<f64>) {
        product(&self.game, self.seat.as_ref(), policy, out);
    }

    /// For the instrument: the product computed last, by whomever.
    #[inline]
    #[must_use]
    pub fn last_margins(&self) -> &Array1<f64> {
        &self.margins
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
            draws::toss(&self.game, &mut self.rng, pairs, out);
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

fn product(game: &Game, seat: Option<&Seat>, policy: &Policy, out: &mut Array1<f64>) {
    match seat {
        Some(seat) => seat.margins(policy, out),
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
