//! One duel a round: play the log-barrier equilibrium of the game as estimated so far, and ask its own pairs.
//!
//! ```text
//! round t:   I, J ~ x independently, one duel between them, counted in K_hat (mean label - 1/2, with half a win each way)
//! updates:   x = the solution of (K_hat x)_i + lambda / x_i = n lambda for every i,     lambda = c / sqrt(n t)
//! ```
//!
//! Paper: Hait, Li, Luo, Zhang 2026, arXiv:2605.09363 (rare updates by an estimated log-barrier game; one noisy duel a
//! round with both actions seen is exactly preference learning). Symbols: c = `constant`. The barrier equation is the
//! central path of the skew linear program `K x <= 0`: multiplied by x and summed it gives `sum x = 1`, and its solution has
//! `gap <= 2 n lambda` in the estimated game.
//! Why this lambda (our derivation, up to logarithms): a pair is seen `t x_i x_j` times, so `(K_hat x)_i` is off by
//! `sqrt(1 / (t x_i))`, and the true margin is at most `n lambda - lambda / x_i + sqrt(1 / (t x_i)) <= n lambda + 1 / (4
//! lambda t)`: rare actions pay for their own noise. At `lambda = c / sqrt(n t)` that is `(c + 1 / (4 c)) sqrt(n / t)`, the
//! minimax order for one duel a round, for the LAST iterate, at every t; c = 1/2 is best. The paper's constants are
//! larger by orders of magnitude and useless below 1e7 duels, hence a constant to tune.
//! Cost: one duel a round in each context with two actions or more; an update every time t has grown by a tenth, some
//! tens of n x n eliminations. Range: `c > 0`. The task's `tau` is not used; the start is played until the first update,
//! after n rounds. Deviations: as derived; one estimate for both sides of a duel.

use equipoise_core::Sampler;
use equipoise_core::newton::{self, Damped};
use equipoise_core::registry::ensure;
use equipoise_core::{
    Aim, BuildError, Built, Cost, Duel, Guarantee, Oracle, Policy, Progress, Rng, Solver, SolverConfig,
    SolverEntry, StepError, Task,
};
use ndarray::{Array1, ArrayView2};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::counted::CountedGame;

/// t grows by this factor from update to update.
const GROWTH: f64 = 1.1;
/// The barrier falls by this factor from stage to stage of the path.
const PATH: f64 = 0.5;
/// Newton steps at a stage at most; the path keeps them few.
const MAX_STEPS: usize = 50;
/// Relative change of the policy, in its largest entry, at which a stage is solved.
const TOLERANCE: f64 = 1e-12;
/// Below this a step that is no shorter than the one before is rounding, not progress: the squares of such steps are exact.
const ROUNDING: f64 = 1e-7;

/// Parameters of `one-duel`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// c, the weight of the barrier, above 0: more explores more.
    pub constant: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self { constant: 0.5 }
    }
}

impl SolverConfig for Config {
    fn build(self, task: &Task) -> Result<Built, BuildError> {
        let c = self.constant;
        ensure(c > 0.0 && c.is_finite(), "constant", c, "must be a finite number above 0")?;
        let shape = task.shape();
        let largest = shape.ranges().map(|r| r.len()).max().unwrap_or(1);
        Ok(Built::new(
            &self,
            OneDuel {
                policy: task.start.clone(),
                played: task.start.clone(),
                sampler: Sampler::new(&task.start),
                counted: CountedGame::new(shape),
                rounds: 0,
                next_update: largest as u64,
                constant: self.constant,
            },
        ))
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "one-duel",
    "one duel a round, played at the log-barrier equilibrium of the game estimated so far",
    "Hait, Li, Luo, Zhang 2026, arXiv:2605.09363",
)
.aims(Aim::Original, Guarantee::Last)
.biased_fixed_point()
.costs("1 duel")
.verified("barrier equations, sqrt(n / t) envelope of the last iterate from Bernoulli duels");

struct OneDuel {
    policy: Policy,
    played: Policy,
    sampler: Sampler,
    counted: CountedGame,
    rounds: u64,
    next_update: u64,
    constant: f64,
}

impl Solver for OneDuel {
    fn step(&mut self, oracle: &mut dyn Oracle, rng: &mut Rng) -> Result<Progress, StepError> {
        self.played.copy_from(&self.policy);
        let shape = self.policy.shape().clone();
        for (context, range) in shape.ranges().enumerate().filter(|(_, r)| r.len() > 1) {
            let (left, right) =
                (self.sampler.draw(range.clone(), rng), self.sampler.draw(range.clone(), rng));
            let mut label = [0.0];
            oracle.duels(&[Duel { context, left, right }], &mut label);
            self.counted.add(context, left, right, label[0]);
        }
        self.rounds += 1;
        if self.rounds >= self.next_update {
            self.next_update = ((self.rounds as f64 * GROWTH).ceil() as u64).max(self.rounds + 1);
            let Self { policy, counted, rounds, constant, .. } = self;
            let solved: Vec<Array1<f64>> = (0..shape.contexts())
                .map(|context| {
                    let margins = counted.margins(context);
                    let lambda = *constant / (margins.nrows() as f64 * *rounds as f64).sqrt();
                    central_path(margins.view(), lambda)
                })
                .collect::<Result<_, _>>()?;
            policy.set_logits(|logits| {
                logits.iter_mut().zip(solved.iter().flatten()).for_each(|(l, p)| *l = p.ln());
            })?;
            self.sampler.refresh(&self.policy);
        }
        Ok(Progress::Continue)
    }

    fn policy(&self) -> &Policy {
        &self.policy
    }

    fn played(&self) -> &Policy {
        &self.played
    }

    fn step_cost(&self) -> Cost {
        Cost { queries: 0, duels: self.policy.shape().ranges().filter(|r| r.len() > 1).count() as u64 }
    }
}

/// The x > 0 with `(K x)_i + lambda / x_i = n lambda`, by Newton's method along a falling barrier from the uniform policy.
///
/// # Errors
/// [`StepError::Inner`] if Newton's method does not converge at some barrier.
fn central_path(margins: ArrayView2<'_, f64>, lambda: f64) -> Result<Array1<f64>, StepError> {
    let n = margins.nrows();
    let mut x = Array1::from_elem(n, 1.0 / n as f64);
    let mut barrier = lambda.max(1.0);
    loop {
        let mut equations = Barrier { margins, barrier, last_moved: f64::INFINITY };
        newton::solve(&mut equations, &mut x, MAX_STEPS).map_err(|failure| {
            StepError::Inner(format!(
                "log-barrier equilibrium of {n} actions at barrier {barrier:e}: {failure}"
            ))
        })?;
        if barrier <= lambda {
            return Ok(x);
        }
        barrier = (barrier * PATH).max(lambda);
    }
}

/// The barrier equations `(K x)_i + barrier / x_i - n barrier = 0` at one barrier.
struct Barrier<'a> {
    margins: ArrayView2<'a, f64>,
    barrier: f64,
    /// Relative change of the policy in the step before.
    last_moved: f64,
}

impl newton::Problem for Barrier<'_> {
    /// The Jacobian `K - barrier diag(1 / x^2)` is never singular, for K is skew.
    fn direction(&mut self, x: &Array1<f64>) -> Option<Array1<f64>> {
        let (k, n) = (self.margins, x.len());
        let product = |i: usize| (0..n).map(|j| k[[i, j]] * x[j]).sum::<f64>();
        let descent =
            Array1::from_shape_fn(n, |i| -(product(i) + self.barrier / x[i] - n as f64 * self.barrier));
        let mut jacobian = k.to_owned();
        (0..n).for_each(|i| jacobian[[i, i]] = -self.barrier / (x[i] * x[i]));
        newton::solve_dense(jacobian, descent)
    }

    /// Stays inside: no entry loses more than nine tenths.
    fn damp(&mut self, x: &Array1<f64>, direction: &Array1<f64>) -> Option<Damped> {
        let shrink = (0..x.len()).fold(0.0, |m: f64, i| m.max(-direction[i] / x[i]));
        let length = if shrink > 0.9 { 0.9 / shrink } else { 1.0 };
        let moved = (0..x.len()).fold(0.0, |m: f64, i| m.max((length * direction[i] / x[i]).abs()));
        // in the quadratic region steps shrink until only rounding is left
        let stalled = moved < ROUNDING && moved >= self.last_moved;
        self.last_moved = moved;
        Some(Damped { length, last: moved < TOLERANCE || stalled })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use equipoise_core::{Shape, sample, seed};
    use equipoise_env::{Feedback, Game, GameOracle, PreferenceMatrix, Sampled};

    use super::*;
    use ndarray::Array2;

    fn margins(n: usize, rng: &mut Rng) -> Array2<f64> {
        let mut k = Array2::zeros((n, n));
        for i in 0..n {
            for j in i + 1..n {
                k[[i, j]] = sample::uniform(rng) - 0.5;
                k[[j, i]] = -k[[i, j]];
            }
        }
        k
    }

    #[test]
    fn the_barrier_equations_are_solved() {
        let mut rng = seed::stream(1, "one-duel", &[]);
        for n in [1, 2, 5, 12] {
            let k = margins(n, &mut rng);
            for lambda in [1.0, 1e-2, 1e-4] {
                let x = central_path(k.view(), lambda).expect("converged");
                assert!((x.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{n} {lambda}: {x:?}");
                let product = k.dot(&x);
                for i in 0..n {
                    let off = product[i] + lambda / x[i] - n as f64 * lambda;
                    assert!(x[i] > 0.0 && off.abs() < 1e-9 * (1.0 + lambda / x[i]), "{n} {lambda}: {off}");
                    assert!(product[i] <= n as f64 * lambda);
                }
            }
        }
    }

    /// The second way: forward, backward, forward (Tseng 2000) on `0 = n lambda - K x - lambda / x`, whose skew part is stepped
    /// explicitly and whose barrier in closed form: `x` is the positive root of `x^2 - z x - eta lambda = 0`.
    fn by_splitting(k: &Array2<f64>, lambda: f64) -> Array1<f64> {
        let n = k.nrows();
        let largest = k.rows().into_iter().map(|row| row.iter().map(|v| v.abs()).sum()).fold(0.0, f64::max);
        let eta = 0.9 / f64::max(largest, 0.1);
        let mut x = Array1::from_elem(n, 1.0 / n as f64);
        for _ in 0..1000 + (60.0 / (eta * lambda)) as usize {
            let forward = k.dot(&x);
            let root = |z: f64| 0.5 * (z + (z * z + 4.0 * eta * lambda).sqrt());
            let back = Array1::from_shape_fn(n, |i| root(x[i] + eta * (forward[i] - n as f64 * lambda)));
            x = &back + &((k.dot(&back) - &forward) * eta);
        }
        x
    }

    #[test]
    fn two_actions_and_regular_tournaments_have_closed_forms() {
        for (m, l) in [(0.5, 1.0), (0.3, 1e-2), (-0.2, 1e-3), (1e-9, 0.1), (-0.5, 1e-6)] {
            // m x (1 - x) + lambda - 2 lambda x = 0: the root in (0, 1), without cancellation
            let (b, root) = (m - 2.0 * l, f64::hypot(m, 2.0 * l));
            let expect = if b > 0.0 { (b + root) / (2.0 * m) } else { 2.0 * l / (root - b) };
            let x = central_path(ndarray::arr2(&[[0.0, m], [-m, 0.0]]).view(), l).expect("converged");
            assert!((x[0] - expect).abs() < 1e-14, "{m} {l}: {x} {expect}");
        }
        let tournament = Array2::from_shape_fn((5, 5), |(i, j)| match (j + 5 - i) % 5 {
            0 => 0.0,
            1 | 2 => 0.3,
            _ => -0.3,
        });
        for lambda in [1.0, 1e-3, 1e-7] {
            let x = central_path(tournament.view(), lambda).expect("converged");
            assert!(x.iter().all(|p| (p - 0.2).abs() < 1e-14), "{lambda}: {x}");
        }
    }

    #[test]
    fn newton_and_a_splitting_method_solve_the_same_barrier_equations() {
        let mut rng = seed::stream(6, "one-duel", &[]);
        for n in [2, 3, 7, 31, 45] {
            let drawn = margins(n, &mut rng);
            // as estimated from few duels too: many ties, few values
            let coarse = drawn.mapv(|v| (3.0 * v).round() / 6.0);
            for k in [drawn, coarse] {
                for lambda in [1.0, 0.1, 0.01] {
                    let (newton, split) =
                        (central_path(k.view(), lambda).expect("converged"), by_splitting(&k, lambda));
                    let apart = (&newton - &split).iter().fold(0.0, |m: f64, v| m.max(v.abs()));
                    assert!(apart < 1e-11, "n {n}, lambda {lambda}: {apart}");
                }
            }
        }
    }

    #[test]
    fn the_path_ends_where_rounding_does_and_a_failure_is_named() {
        let mut rng = seed::stream(4, "one-duel", &[]);
        for n in [5, 12, 40] {
            let x = central_path(margins(n, &mut rng).view(), 1e-8).expect("converged");
            assert!((x.sum() - 1.0).abs() < 1e-6, "{n}: {x}");
        }
        let broken = Array2::from_elem((2, 2), f64::NAN);
        let expect = "log-barrier equilibrium of 2 actions at barrier 1e0: the linear system of newton step 1 is singular";
        assert_eq!(central_path(broken.view(), 1.0), Err(StepError::Inner(expect.to_owned())));
    }

    #[test]
    fn the_last_iterate_stays_below_the_envelope() {
        // gap <= 2 (c + 1 / (4 c)) sqrt(n / t) = 2 sqrt(n / t) at c = 1/2, up to logarithms, at every t
        let mut rng = seed::stream(2, "one-duel", &[]);
        for n in [3, 6] {
            let k = margins(n, &mut rng);
            let matrix = PreferenceMatrix::from_margins(n, |i, j| k[[i, j]]).expect("valid margins");
            let game = Arc::new(Game::single(matrix));
            let uniform = Policy::uniform(&Shape::single(n).expect("not empty"));
            let task = Task::new(uniform);
            let mut solver = Config::default().build(&task).expect("the defaults are in range").solver;
            let mut oracle = GameOracle::new(
                game.clone(),
                Feedback::Sampled(Sampled::default()),
                seed::stream(3, "oracle", &[]),
            );
            let mut q = Array1::zeros(n);
            for t in 1..=200_000u32 {
                solver.step(&mut oracle, &mut rng).expect("finite");
                if t >= 1000 && t.is_power_of_two() || t == 200_000 {
                    game.margins(solver.policy(), &mut q);
                    let gap = 2.0 * q.iter().fold(f64::NEG_INFINITY, |m: f64, v| m.max(*v));
                    let scaled = gap * (f64::from(t) / n as f64).sqrt();
                    assert!(scaled < 4.0, "n {n}, t {t}: gap {gap}, scaled {scaled}");
                }
            }
            assert_eq!(oracle.cost(), Cost { queries: 0, duels: 200_000 });
        }
    }
}
