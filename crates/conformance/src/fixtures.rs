//! Games, tasks and policies that the checks run on.

use std::sync::Arc;

use equipoise_core::{Policy, Rng, Task, sample, seed};
use equipoise_env::{Feedback, Game, PreferenceMatrix, Sampled};

/// Regularisations that the checks run at.
pub(crate) const TAUS: [f64; 2] = [0.0, 0.2];

pub(crate) fn matrix(n: usize, margin: impl Fn(usize, usize) -> f64) -> PreferenceMatrix {
    PreferenceMatrix::from_margins(n, margin).expect("margins within 1/2")
}

/// An unequal cycle of three actions: its equilibrium plays all of them.
pub(crate) fn triangle() -> PreferenceMatrix {
    matrix(3, |i, j| [[0.0, 0.3, -0.1], [0.0, 0.0, 0.2]][i][j])
}

pub(crate) fn random(n: usize, rng: &mut Rng) -> PreferenceMatrix {
    let margins: Vec<f64> = (0..n * n).map(|_| sample::uniform(rng) - 0.5).collect();
    matrix(n, |i, j| margins[n * i + j])
}

fn tournament(n: usize, rng: &mut Rng) -> PreferenceMatrix {
    let signs: Vec<f64> = (0..n * n).map(|_| 0.5f64.copysign(sample::uniform(rng) - 0.5)).collect();
    matrix(n, |i, j| signs[n * i + j])
}

/// One action; ties only; an unequal cycle; a 0/1 tournament; seven random actions; contexts of 3, 7 and 1 actions.
pub(crate) fn games() -> Vec<(&'static str, Arc<Game>)> {
    let mut rng = seed::stream(1, "conformance", &[]);
    let contexts = [triangle(), random(7, &mut rng), matrix(1, |_, _| 0.0)];
    vec![
        ("one action", Game::single(matrix(1, |_, _| 0.0))),
        ("ties", Game::single(matrix(2, |_, _| 0.0))),
        ("triangle", Game::single(triangle())),
        ("tournament", Game::single(tournament(5, &mut rng))),
        ("random", Game::single(random(7, &mut rng))),
        ("contexts", Game::new(contexts).expect("three contexts")),
    ]
    .into_iter()
    .map(|(name, game)| (name, Arc::new(game)))
    .collect()
}

/// Two contexts whose equilibria play every action, so that every method with a fixed point can be started there.
pub(crate) fn interior_game() -> Arc<Game> {
    let cycle_of_five = matrix(5, |i, j| if j - i <= 2 { 0.2 } else { -0.2 });
    Arc::new(Game::new([triangle(), cycle_of_five]).expect("two contexts"))
}

pub(crate) fn random_policy(game: &Game, spread: f64, rng: &mut Rng) -> Policy {
    let logits = (0..game.shape().len()).map(|_| spread * (2.0 * sample::uniform(rng) - 1.0)).collect();
    Policy::from_logits(game.shape(), logits).expect("finite logits")
}

/// A random reference and another random start.
pub(crate) fn task(game: &Game, tau: f64) -> Task {
    let mut rng = seed::stream(2, "conformance", &[]);
    let (reference, start) = (random_policy(game, 1.0, &mut rng), random_policy(game, 1.0, &mut rng));
    Task::new(reference).start(start).tau(tau).horizon(1000)
}

/// A game of one context with its actions in another order, and that order: new action `i` is old action `order[i]`.
pub(crate) fn relabelled(original: &PreferenceMatrix, rng: &mut Rng) -> (Arc<Game>, Vec<usize>) {
    let n = original.n();
    let mut order: Vec<usize> = (0..n).collect();
    for i in 0..n {
        order.swap(i, i + sample::index(rng, n - i));
    }
    let permuted = matrix(n, |i, j| original.margin(order[i], order[j]));
    (Arc::new(Game::single(permuted)), order)
}

/// A policy of one context with its actions in that order.
pub(crate) fn reordered(policy: &Policy, order: &[usize]) -> Policy {
    let logits = order.iter().map(|&i| policy.log_probs()[i]).collect();
    Policy::from_logits(policy.shape(), logits).expect("a policy")
}

pub(crate) fn sampled() -> Feedback {
    Feedback::Sampled(Sampled { duels_per_query: 40, ..Sampled::default() })
}

pub(crate) fn bits(policy: &Policy) -> Vec<u64> {
    policy.log_probs().iter().chain(policy.probs()).map(|v| v.to_bits()).collect()
}
