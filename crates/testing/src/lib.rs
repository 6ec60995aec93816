//! Fixtures that the tests of several crates share: games, policies, tasks, and runs of a method on them.
//!
//! A dev-dependency only. Everything here takes its randomness from the caller and draws in a fixed order: seeded
//! expectations rest on it.

use std::sync::Arc;

use equipoise_core::{Policy, Rng, Shape, Solver, SolverEntry, Task, sample, seed, simplex};
use equipoise_env::{Feedback, Game, GameOracle, LabelKind, PreferenceMatrix, Sampled};
use ndarray::Array1;
use serde_json::Value;

// ---- games ----------------------------------------------------------------------------------------------------------

/// A game of one context with the given margins `K_ij = Pr(i beats j) - 1/2`, asked for `i < j`.
///
/// # Panics
/// If a margin lies outside `[-1/2, 1/2]`.
#[must_use]
pub fn game(n: usize, margin: impl Fn(usize, usize) -> f64) -> Arc<Game> {
    Arc::new(Game::single(PreferenceMatrix::from_margins(n, margin).expect("valid margins")))
}

/// Perturbed rock-paper-scissors (OpenSpiel, arXiv:2206.05825), the game of the golden numbers.
#[must_use]
pub fn perturbed_rps() -> Arc<Game> {
    game(3, |i, j| [[0.0, -1.0, 3.0], [1.0, 0.0, -3.0], [-3.0, 3.0, 0.0]][i][j] / 6.0)
}

/// 0 beats 1 by `x`, 1 beats 2 by `y`, 2 beats 0 by `z`; equilibrium `(y, z, x) / (x + y + z)`.
#[must_use]
pub fn cycle(x: f64, y: f64, z: f64) -> Arc<Game> {
    game(3, |i, j| [[0.0, x, -z], [0.0, 0.0, y]][i][j])
}

/// Action i beats the next `(n - 1) / 2` by `m`.
#[must_use]
pub fn regular_tournament(n: usize, m: f64) -> Arc<Game> {
    game(n, |i, j| if j - i <= (n - 1) / 2 { m } else { -m })
}

/// Action 0 beats all others by `m`, which tie.
#[must_use]
pub fn one_winner(n: usize, m: f64) -> Arc<Game> {
    game(n, |i, _| if i == 0 { m } else { 0.0 })
}

/// Margins uniform in `[-1/2, 1/2)`; `n^2` draws.
#[must_use]
pub fn random_game(n: usize, rng: &mut Rng) -> Arc<Game> {
    let margins: Vec<f64> = (0..n * n).map(|_| sample::uniform(rng) - 0.5).collect();
    game(n, |i, j| margins[n * i + j])
}

/// As [`random_game`], but a tournament of certain wins three times in ten; one draw more.
#[must_use]
pub fn random_game_or_tournament(n: usize, rng: &mut Rng) -> Arc<Game> {
    let tournament = sample::uniform(rng) < 0.3;
    let margins: Vec<f64> = (0..n * n)
        .map(|_| sample::uniform(rng) - 0.5)
        .map(|m| if tournament { 0.5f64.copysign(m) } else { m })
        .collect();
    game(n, |i, j| margins[n * i + j])
}

// ---- policies -------------------------------------------------------------------------------------------------------

/// The policy of one context with these probabilities.
///
/// # Panics
/// If they are no distribution.
#[must_use]
pub fn policy(probs: &[f64]) -> Policy {
    Policy::from_probs(&Shape::single(probs.len()).expect("not empty"), probs.to_vec().into())
        .expect("a policy")
}

/// One context of `n` actions with logits uniform in `[-spread, spread)`.
///
/// # Panics
/// If `n` is 0.
#[must_use]
pub fn random_policy(n: usize, spread: f64, rng: &mut Rng) -> Policy {
    let logits = (0..n).map(|_| spread * (2.0 * sample::uniform(rng) - 1.0)).collect();
    Policy::from_logits(&Shape::single(n).expect("not empty"), logits).expect("finite logits")
}

/// Logits normal with mean 0 and standard deviation `spread`, over the contexts and actions of `shape`.
#[must_use]
pub fn normal_policy(shape: &Shape, spread: f64, rng: &mut Rng) -> Policy {
    let logits = (0..shape.len()).map(|_| spread * sample::normal(rng)).collect();
    Policy::from_logits(shape, logits).expect("finite logits")
}

// ---- tasks and runs -------------------------------------------------------------------------------------------------

/// A task of which nothing else is known.
#[must_use]
pub fn task(reference: Policy, start: Policy, tau: f64) -> Task {
    Task::new(reference).start(start).tau(tau)
}

/// The task of the golden numbers: reference `(.2, .3, .5)`, start `(.5, .3, .2)`.
#[must_use]
pub fn golden_task(tau: f64) -> Task {
    task(policy(&[0.2, 0.3, 0.5]), policy(&[0.5, 0.3, 0.2]), tau)
}

/// The method `name` of `entries` on `task`.
///
/// # Panics
/// If there is no such method, or it refuses its parameters.
#[must_use]
pub fn build(entries: &[SolverEntry], name: &str, parameters: &Value, task: &Task) -> Box<dyn Solver> {
    let entry = entries.iter().find(|e| e.name == name).expect("registered");
    entry.build(parameters, task).unwrap_or_else(|e| panic!("{name}: {e}")).solver
}

/// Takes `steps` steps on exact feedback; `see` gets the solver after each.
///
/// # Panics
/// If a step fails.
pub fn run(
    mut solver: Box<dyn Solver>,
    game: &Arc<Game>,
    steps: usize,
    mut see: impl FnMut(&dyn Solver),
) -> Box<dyn Solver> {
    let (mut oracle, mut rng) = (GameOracle::exact(game.clone()), seed::stream(0, "test", &[]));
    for _ in 0..steps {
        solver.step(&mut oracle, &mut rng).unwrap_or_else(|e| panic!("{e}"));
        see(solver.as_ref());
    }
    solver
}

/// The policy of `solver` after `steps` steps on exact feedback.
///
/// # Panics
/// If a step fails.
#[must_use]
pub fn last_iterate(solver: Box<dyn Solver>, game: &Arc<Game>, steps: usize) -> Policy {
    run(solver, game, steps, |_| ()).policy().clone()
}

/// An oracle that answers each duel with a win or a loss, drawn from `rng`.
#[must_use]
pub fn bernoulli_oracle(game: &Arc<Game>, rng: Rng) -> GameOracle {
    let labels = Sampled { labels: LabelKind::Bernoulli, ..Sampled::default() };
    GameOracle::new(game.clone(), Feedback::Sampled(labels), rng)
}

// ---- measures, by their definitions ---------------------------------------------------------------------------------

/// `K pi`, flat over the shape.
#[must_use]
pub fn margins(game: &Game, pi: &Policy) -> Array1<f64> {
    let mut q = Array1::zeros(pi.shape().len());
    game.margins(pi, &mut q);
    q
}

/// The duality gap in a game of one context: `2 max_i (K pi)_i`.
#[must_use]
pub fn gap(game: &Game, pi: &Policy) -> f64 {
    2.0 * margins(game, pi).iter().fold(f64::NEG_INFINITY, |m, &q| m.max(q))
}

/// The gap of the regularised game of one context: `2 tau KL(pi || BR_tau(pi))`.
#[must_use]
pub fn gap_tau(game: &Game, pi: &Policy, task: &Task) -> f64 {
    let (q, mu) = (margins(game, pi).to_vec(), task.reference.log_probs_slice());
    2.0 * task.tau * simplex::kl_to_best_response(pi.probs_slice(), pi.log_probs_slice(), &q, mu, task.tau)
}

/// `KL(p || r)` in nats, summed over contexts.
#[must_use]
pub fn kl(p: &Policy, r: &Policy) -> f64 {
    simplex::kl(p.probs_slice(), p.log_probs_slice(), r.probs_slice(), r.log_probs_slice())
}

/// Asserts that no entry differs by more than `tolerance`.
///
/// # Panics
/// If one does, or the lengths differ.
pub fn assert_close(got: &[f64], expect: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expect.len());
    assert!(got.iter().zip(expect).all(|(a, b)| (a - b).abs() <= tolerance), "{got:?}\n{expect:?}");
}
