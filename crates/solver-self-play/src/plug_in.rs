//! Learning by duels: play the regularised equilibrium of the game as counted so far, and choose which pair is compared next.
//!
//! ```text
//! round t:   one duel (i, j) by the design, counted in K_hat (mean label - 1/2, with half a win each way)
//! updates:   pi = BR_tau(pi; K_hat) ~ mu exp(K_hat pi / tau)                   the plug-in policy, which is deployed
//! rank r:    K_hat = sigma(A) - 1/2, A of rank r the most likely log-odds      in place of counted win rates
//! pessimism: pi = argmax_pi min_nu pi'(K_hat - c b) nu - tau KL(pi || mu) + tau KL(nu || mu),  b_ij = sqrt(ln T / (2 (N_ij + 1)))
//!
//! uniform               a pair of different actions, all alike
//! greedy                i ~ pi, j ~ mu                                         2025, arXiv:2510.24700
//! self-play             i ~ pi, j ~ pi                                         iterative Nash learning
//! bonus                 i ~ pi, j the action that i has met least
//! optimistic            i ~ BR_tau(pi; K_hat + b), j ~ pi, b_ij as above       after 2025, arXiv:2510.13060
//! optimal               pairs in proportion to sqrt(pi_i pi_j (pi_i + pi_j) P_ij P_ji) as estimated: least c of the law
//! offline               i ~ mu, j ~ mu, whatever was learned: logged data      after 2026, arXiv:2604.06738
//! explore-then-commit   uniform for the first `explore` rounds, and then no update
//! ```
//!
//! Sources: greedy sampling 2510.24700; optimistic Nash learning 2510.13060 and offline data without pessimism 2604.06738, whose abstracts
//! alone were read: the bonus is ours. Low rank as in 2602.23116, without features: they are learned with the rest (the module `low_rank`). `T` is
//! the horizon, or where it is not known the rounds so far.
//! With `E = K_hat - K` any of them has `gap_tau(pi) <= osc(E pi)^2 / (4 tau)` (Hoeffding's lemma), so that with fixed shares of the duels the
//! expected gap falls as `c / (tau t)` and the regret, the sum of half the gap of what was deployed, grows as `(c / 2 tau) ln t`.
//! Cost: one duel a round in each context with two actions or more. An update after every round up to `64 n`, `n` the largest context, and
//! from there on when there are a 64th more rounds: some dense Newton steps, O(n^3) each. Range: `tau > 0`. With an exact oracle a duel
//! returns the win rate itself, which half a win each way biases by `1 / (N + 1)`.

use equipoise_core::newton::{self, Damped, NewtonError};
use equipoise_core::registry::ensure;
use equipoise_core::simplex::log_softmax;
use equipoise_core::{
    Aim, BuildError, Built, Cost, Duel, Guarantee, Oracle, Policy, Progress, Rng, Sampler, Solver,
    SolverConfig, SolverEntry, StepError, Task, sample,
};
use ndarray::{Array1, Array2};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::counted::CountedGame;
use crate::low_rank::LowRankFit;

/// The temperature falls by this factor from stage to stage where Newton's method needs a path.
const PATH: f64 = 0.5;
/// Newton steps at a stage at most.
const MAX_STEPS: usize = 100;
/// A Newton step of this size in every logit is the last: the square of it is below rounding.
const TOLERANCE: f64 = 1e-9;
/// Below this a step that makes no progress is rounding.
const ROUNDING: f64 = 1e-6;

/// Which pair is compared next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Design {
    /// A pair of different actions, all alike.
    Uniform,
    /// A draw of the policy against a draw of the reference.
    Greedy,
    /// Two draws of the policy.
    SelfPlay,
    /// A draw of the policy against the action that it has met least.
    Bonus,
    /// A draw of the best response to the policy under optimistic win rates against a draw of the policy.
    Optimistic,
    /// Uniform pairs for the first `explore` rounds, then the policy fitted to them, which stays.
    ExploreThenCommit,
    /// Pairs in proportion to what they add to the error of the policy, as estimated.
    Optimal,
    /// Two draws of the reference, whatever was learned: after t rounds the policy is that of t logged duels.
    Offline,
}

/// Parameters of `plug-in`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Which pair is compared next.
    pub design: Design,
    /// Rounds of `explore-then-commit` before it commits, at least 1; no other design has them.
    pub explore: Option<u64>,
    /// Rank of the log-odds, even, at least 2: win rates are then fitted with that rank in place of counted pair by pair. None: every pair for
    /// itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rank: Option<usize>,
    /// Factor on the half-width `sqrt(ln T / (2 (N + 1)))` that is taken off every counted win rate before the policy is solved for, finite and
    /// above 0. None: win rates as counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pessimism: Option<f64>,
}

impl Default for Config {
    fn default() -> Self {
        Self { design: Design::Greedy, explore: None, rank: None, pessimism: None }
    }
}

impl SolverConfig for Config {
    fn build(self, task: &Task) -> Result<Built, BuildError> {
        ensure(
            task.tau > 0.0,
            "tau",
            task.tau,
            "must be above 0: the plug-in policy is that of the regularised game",
        )?;
        let committed = match (self.design, self.explore) {
            (Design::ExploreThenCommit, Some(rounds)) => {
                ensure(rounds > 0, "explore", rounds, "must be at least 1")?;
                rounds
            }
            (Design::ExploreThenCommit, None) => {
                return Err(BuildError::range(
                    "explore",
                    "nothing",
                    "must say after how many rounds it commits",
                ));
            }
            (_, Some(rounds)) => {
                return Err(BuildError::range(
                    "explore",
                    rounds,
                    "is for the design explore-then-commit; leave it out",
                ));
            }
            (_, None) => u64::MAX,
        };
        if let Some(rank) = self.rank {
            ensure(rank >= 2 && rank.is_multiple_of(2), "rank", rank, "must be even and at least 2")?;
        }
        if let Some(factor) = self.pessimism {
            ensure(factor > 0.0 && factor.is_finite(), "pessimism", factor, "must be finite and above 0")?;
            if self.rank.is_some() {
                let rule = "is by the counts of a pair, which a fit of low rank does not rest on; leave one of the two out";
                return Err(BuildError::range("pessimism", factor, rule));
            }
        }
        let shape = task.shape();
        let fits = self.rank.map(|rank| shape.ranges().map(|r| LowRankFit::new(r.len(), rank)).collect());
        let largest = shape.ranges().map(|r| r.len()).max().unwrap_or(1);
        Ok(Built::new(
            &self,
            PlugIn {
                policy: task.start.clone(),
                played: task.start.clone(),
                deployed: Sampler::new(&task.start),
                reference: task.reference.clone(),
                of_reference: Sampler::new(&task.reference),
                counted: CountedGame::new(shape),
                tau: task.tau,
                horizon: task.horizon,
                design: self.design,
                fits,
                pessimism: self.pessimism,
                committed,
                rounds: 0,
                next_update: 1,
                often: 64 * largest as u64,
            },
        ))
    }
}

/// Registry row.
pub const ENTRY: SolverEntry = SolverEntry::of::<Config>(
    "plug-in",
    "learning by duels: the regularised equilibrium of the game as counted so far, and a design of which pair is compared next",
    "greedy sampling 2025, arXiv:2510.24700; optimistic after 2025, arXiv:2510.13060",
)
.aims(Aim::Regularised, Guarantee::None)
.biased_fixed_point()
.costs("1 duel")
.verified(
    "equilibria in closed form and of a known cycle; mean of T gap_tau over seeds against c / tau of the plug-in law, uniform pairs",
);

struct PlugIn {
    policy: Policy,
    played: Policy,
    deployed: Sampler,
    reference: Policy,
    of_reference: Sampler,
    counted: CountedGame,
    tau: f64,
    horizon: Option<u64>,
    design: Design,
    /// The fits of low rank, one a context, where a rank was given.
    fits: Option<Vec<LowRankFit>>,
    pessimism: Option<f64>,
    /// Round after which nothing is updated.
    committed: u64,
    rounds: u64,
    next_update: u64,
    /// Rounds up to which there is an update after each.
    often: u64,
}

impl Solver for PlugIn {
    fn step(&mut self, oracle: &mut dyn Oracle, rng: &mut Rng) -> Result<Progress, StepError> {
        self.played.copy_from(&self.policy);
        let shape = self.policy.shape().clone();
        for (context, range) in shape.ranges().enumerate().filter(|(_, r)| r.len() > 1) {
            let (left, right) = self.pair(context, range, rng)?;
            let mut label = [0.0];
            oracle.duels(&[Duel { context, left, right }], &mut label);
            self.counted.add(context, left, right, label[0]);
        }
        self.rounds += 1;
        if self.rounds <= self.committed && (self.rounds >= self.next_update || self.rounds == self.committed)
        {
            let ahead = if self.rounds < self.often { 1 } else { (self.rounds / 64).max(1) };
            self.next_update = self.rounds + ahead;
            self.update()?;
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

impl PlugIn {
    fn update(&mut self) -> Result<(), StepError> {
        let shape = self.policy.shape().clone();
        let mut solved = self.policy.log_probs().to_owned();
        let log_mu = self.reference.log_probs();
        for (context, range) in shape.ranges().enumerate() {
            if let Some(fits) = &mut self.fits {
                fits[context].follow(&self.counted, context);
            }
            let margins = self.margins(context);
            let log_mu = log_mu.slice(ndarray::s![range.clone()]).to_owned();
            let mut theta = solved.slice(ndarray::s![range.clone()]).to_owned();
            match self.pessimism {
                None => quantal_response(&margins, &log_mu, self.tau, &mut theta)?,
                Some(factor) => {
                    let n = range.len();
                    let low = |i: usize, j: usize| margins[[i, j]] - factor * self.half_width(context, i, j);
                    // (pi, nu) is the equilibrium of the skew game [0 A; -A' 0], each on its own simplex
                    let both = Array2::from_shape_fn((2 * n, 2 * n), |(i, j)| match (i < n, j < n) {
                        (true, false) => low(i, j - n),
                        (false, true) => -low(j, i - n),
                        _ => 0.0,
                    });
                    let log_mu = ndarray::concatenate![ndarray::Axis(0), log_mu, log_mu];
                    let mut pair = ndarray::concatenate![ndarray::Axis(0), theta, theta];
                    equilibrium(&both, &log_mu, n, self.tau, &mut pair)?;
                    theta.assign(&pair.slice(ndarray::s![..n]));
                }
            }
            solved.slice_mut(ndarray::s![range]).assign(&theta);
        }
        self.policy.set_logits(|logits| logits.copy_from_slice(solved.as_slice().expect("contiguous")))?;
        self.deployed.refresh(&self.policy);
        Ok(())
    }

    /// `K_hat` of a context.
    fn margins(&self, context: usize) -> Array2<f64> {
        match &self.fits {
            Some(fits) => fits[context].margins(),
            None => self.counted.margins(context),
        }
    }

    /// `sqrt(ln T / (2 (N_ij + 1)))`, 0 of an action against itself.
    fn half_width(&self, context: usize, i: usize, j: usize) -> f64 {
        let log_t = (self.horizon.unwrap_or(self.rounds + 1).max(2) as f64).ln();
        if i == j { 0.0 } else { (log_t / (2.0 * (self.counted.counts(context)[[i, j]] + 1.0))).sqrt() }
    }

    fn pair(
        &self,
        context: usize,
        range: std::ops::Range<usize>,
        rng: &mut Rng,
    ) -> Result<(usize, usize), StepError> {
        let n = range.len();
        let uniform = |rng: &mut Rng| {
            let (i, j) = (sample::index(rng, n), sample::index(rng, n - 1));
            (i, j + usize::from(j >= i))
        };
        let deployed = |rng: &mut Rng| self.deployed.draw(range.clone(), rng);
        Ok(match self.design {
            Design::Uniform => uniform(rng),
            Design::ExploreThenCommit if self.rounds < self.committed => uniform(rng),
            Design::Greedy => (deployed(rng), self.of_reference.draw(range.clone(), rng)),
            Design::SelfPlay | Design::ExploreThenCommit => (deployed(rng), deployed(rng)),
            Design::Bonus => {
                let i = deployed(rng);
                let met = |j: &usize| self.counted.counts(context)[[i, *j]];
                let least = (0..n).filter(|j| *j != i).min_by(|a, b| met(a).total_cmp(&met(b)));
                (i, least.unwrap_or(i))
            }
            Design::Optimistic => {
                let bold = self.optimistic(context, range.clone())?;
                let (mut left, mut i) = (sample::uniform(rng), 0);
                // what rounding leaves goes to the last action
                while i + 1 < n && left >= bold[i] {
                    left -= bold[i];
                    i += 1;
                }
                (i, deployed(rng))
            }
            Design::Optimal => {
                let (pi, margins) = (&self.policy.probs_slice()[range.clone()], self.margins(context));
                let weight = |i: usize, j: usize| {
                    let variance = (0.25 - margins[[i, j]] * margins[[i, j]]).max(0.0);
                    (pi[i] * pi[j] * (pi[i] + pi[j]) * variance).sqrt()
                };
                let pairs = || (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j)));
                let total: f64 = pairs().map(|(i, j)| weight(i, j)).sum();
                if total.partial_cmp(&0.0) != Some(std::cmp::Ordering::Greater) {
                    // one action alone is played, to the last digit: no pair adds anything
                    return Ok(uniform(rng));
                }
                let (mut left, mut chosen) = (sample::uniform(rng) * total, (0, 1));
                for (i, j) in pairs() {
                    chosen = (i, j);
                    left -= weight(i, j);
                    if left < 0.0 {
                        break;
                    }
                }
                chosen
            }
            Design::Offline => {
                (self.of_reference.draw(range.clone(), rng), self.of_reference.draw(range.clone(), rng))
            }
        })
    }

    /// The best response to the policy under win rates with a bonus, `[n]`.
    fn optimistic(&self, context: usize, range: std::ops::Range<usize>) -> Result<Vec<f64>, StepError> {
        let n = range.len();
        let margins = self.margins(context);
        let (pi, log_mu) =
            (&self.policy.probs_slice()[range.clone()], &self.reference.log_probs_slice()[range]);
        let bold = |i: usize, j: usize| margins[[i, j]] + self.half_width(context, i, j);
        let logit = |i: usize| log_mu[i] + (0..n).map(|j| pi[j] * bold(i, j)).sum::<f64>() / self.tau;
        let (mut logits, mut probs): (Vec<f64>, Vec<f64>) = ((0..n).map(logit).collect(), vec![0.0; n]);
        log_softmax(&mut logits, &mut probs).map_err(|e| StepError::Inner(e.to_string()))?;
        Ok(probs)
    }
}

/// Moves `theta` to the logits of the regularised equilibrium, `theta = log mu + K softmax(theta) / tau` up to a constant: by Newton's
/// method from where it is, or else along a path of falling temperatures from the reference.
///
/// # Errors
/// [`StepError::Inner`] if neither arrives.
fn quantal_response(
    margins: &Array2<f64>,
    log_mu: &Array1<f64>,
    tau: f64,
    theta: &mut Array1<f64>,
) -> Result<(), StepError> {
    equilibrium(margins, log_mu, theta.len(), tau, theta)
}

/// As [`quantal_response`], for players of `n` actions each, on one simplex each, in a skew game of all their actions.
fn equilibrium(
    margins: &Array2<f64>,
    log_mu: &Array1<f64>,
    n: usize,
    tau: f64,
    theta: &mut Array1<f64>,
) -> Result<(), StepError> {
    let at = |tau: f64, theta: &mut Array1<f64>| -> Result<usize, NewtonError> {
        newton::solve(&mut Equilibrium { margins, log_mu, n, tau }, theta, MAX_STEPS)
    };
    let mut direct = theta.clone();
    if at(tau, &mut direct).is_ok() {
        *theta = direct;
        return Ok(());
    }
    let (mut stage, mut found) = (tau.max(1.0), log_mu.clone());
    loop {
        at(stage, &mut found).map_err(|failure| {
            StepError::Inner(format!(
                "plug-in equilibrium of {} actions at tau {stage:e}: {failure}; take a larger tau",
                log_mu.len()
            ))
        })?;
        if stage <= tau {
            *theta = found;
            return Ok(());
        }
        stage = (stage * PATH).max(tau);
    }
}

/// `F(theta) = theta - log mu - K p / tau`, `p` the softmax of every `n` entries of `theta`. Its Jacobian `I - K (diag p - p p') / tau` (`p p'` of
/// one player's entries) is never singular: the product of a skew and a semidefinite matrix has imaginary eigenvalues.
struct Equilibrium<'a> {
    margins: &'a Array2<f64>,
    log_mu: &'a Array1<f64>,
    /// Actions of a player.
    n: usize,
    tau: f64,
}

impl Equilibrium<'_> {
    /// `F` and `p`; `None` where the logits have no finite normaliser.
    fn residual(&self, theta: &Array1<f64>) -> Option<(Array1<f64>, Array1<f64>)> {
        let (mut logs, mut probs) = (theta.to_vec(), vec![0.0; theta.len()]);
        for (logs, probs) in logs.chunks_mut(self.n).zip(probs.chunks_mut(self.n)) {
            log_softmax(logs, probs).ok()?;
        }
        let p = Array1::from(probs);
        let residual = theta - self.log_mu - self.margins.dot(&p) / self.tau;
        Some((residual, p))
    }
}

impl newton::Problem for Equilibrium<'_> {
    fn direction(&mut self, theta: &Array1<f64>) -> Option<Array1<f64>> {
        let (residual, p) = self.residual(theta)?;
        let (all, n) = (theta.len(), self.n);
        // K p of each player's entries alone
        let products: Vec<Array1<f64>> = (0..all / n)
            .map(|k| {
                let own = ndarray::s![k * n..(k + 1) * n];
                self.margins.slice(ndarray::s![.., k * n..(k + 1) * n]).dot(&p.slice(own))
            })
            .collect();
        // (K (diag p - p p'))_ij = (K_ij - (K p)_i) p_j
        let jacobian = Array2::from_shape_fn((all, all), |(i, j)| {
            f64::from(u8::from(i == j)) - (self.margins[[i, j]] - products[j / n][i]) * p[j] / self.tau
        });
        newton::solve_dense(jacobian, -residual)
    }

    /// Halves the step until the residual is shorter.
    fn damp(&mut self, theta: &Array1<f64>, direction: &Array1<f64>) -> Option<Damped> {
        let size = direction.iter().fold(0.0, |m: f64, d| m.max(d.abs()));
        if size <= TOLERANCE {
            return Some(Damped { length: 1.0, last: true });
        }
        let norm = |theta: &Array1<f64>| self.residual(theta).map(|(r, _)| r.dot(&r));
        let before = norm(theta)?;
        let mut length = 1.0;
        while length > 1e-12 {
            if norm(&(theta + &(direction * length))).is_some_and(|after| after < before) {
                return Some(Damped { length, last: false });
            }
            length *= 0.5;
        }
        // what is left is rounding
        (size <= ROUNDING).then_some(Damped { length: 1.0, last: true })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use equipoise_core::{Shape, seed};
    use equipoise_env::{Feedback, Game, GameOracle, PreferenceMatrix, Sampled};
    use ndarray::{arr1, arr2};

    use super::*;

    /// Of two actions the log-odds are `log mu_1 / mu_2 + m / tau`; those of the standing game of three are known.
    #[test]
    fn equilibria_of_known_games() {
        let k = arr2(&[[0.0, 0.1, -0.4], [-0.1, 0.0, 0.2], [0.4, -0.2, 0.0]]);
        let uniform = Array1::from_elem(3, -(3f64.ln()));
        let mut theta = uniform.clone();
        // G1 of the standing games: 0.6, 0.7, 0.9
        quantal_response(&k, &uniform, 0.1, &mut theta).expect("solved");
        let (mut logs, mut p) = (theta.to_vec(), vec![0.0; 3]);
        log_softmax(&mut logs, &mut p).expect("finite");
        for (found, known) in p.iter().zip([0.197_669, 0.521_018, 0.281_313]) {
            assert!((found - known).abs() < 6e-7, "{p:?}");
        }
        for (m, tau) in [(0.3, 0.1), (-0.45, 0.01), (0.5, 1e-4)] {
            let log_mu = arr1(&[0.2f64.ln(), 0.8f64.ln()]);
            let mut theta = log_mu.clone();
            quantal_response(&arr2(&[[0.0, m], [-m, 0.0]]), &log_mu, tau, &mut theta).expect("solved");
            // (K p)_1 - (K p)_2 = m (p_2 + p_1) = m
            let odds = theta[0] - theta[1];
            assert!(
                (odds - (0.25f64.ln() + m / tau)).abs() < 1e-9 * (1.0 + (m / tau).abs()),
                "{m} {tau}: {odds}"
            );
        }
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        let task = |tau: f64| Task::new(Policy::uniform(&Shape::single(3).expect("not empty"))).tau(tau);
        let key = |config: Config, tau: f64| config.build(&task(tau)).err().map(|e| e.key().to_owned());
        assert_eq!(key(Config::default(), 0.0).as_deref(), Some("tau"));
        assert_eq!(
            key(Config { design: Design::ExploreThenCommit, explore: None, ..Config::default() }, 0.1)
                .as_deref(),
            Some("explore")
        );
        assert_eq!(
            key(Config { design: Design::ExploreThenCommit, explore: Some(0), ..Config::default() }, 0.1)
                .as_deref(),
            Some("explore")
        );
        assert_eq!(key(Config { explore: Some(9), ..Config::default() }, 0.1).as_deref(), Some("explore"));
        for rank in [0, 1, 3] {
            assert_eq!(key(Config { rank: Some(rank), ..Config::default() }, 0.1).as_deref(), Some("rank"));
        }
        for factor in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let config = Config { pessimism: Some(factor), ..Config::default() };
            assert_eq!(key(config, 0.1).as_deref(), Some("pessimism"));
        }
        let both = Config { rank: Some(2), pessimism: Some(1.0), ..Config::default() };
        assert_eq!(key(both, 0.1).as_deref(), Some("pessimism"));
        assert_eq!(
            key(Config { design: Design::ExploreThenCommit, explore: Some(9), ..Config::default() }, 0.1),
            None
        );
    }

    /// The mean of `T gap_tau` over seeds is `c / tau` of the plug-in law, here on the standing game at tau 0.5: .2472 of uniform pairs, .2324
    /// of the optimal design. Logged pairs of the uniform reference are of different actions in two thirds of the duels, so that their
    /// constant is 3/2 of that of uniform pairs.
    #[test]
    fn the_plug_in_law_holds() {
        let (k, tau) = (arr2(&[[0.0, 0.1, -0.4], [-0.1, 0.0, 0.2], [0.4, -0.2, 0.0]]), 0.5);
        let game =
            Arc::new(Game::single(PreferenceMatrix::from_margins(3, |i, j| k[[i, j]]).expect("margins")));
        let task = Task::new(Policy::uniform(&Shape::single(3).expect("not empty"))).tau(tau);
        let (rounds, seeds) = (3000, 150);
        for (design, constant) in
            [(Design::Uniform, 0.2472), (Design::Offline, 1.5 * 0.2472), (Design::Optimal, 0.2324)]
        {
            let mut sum = 0.0;
            for seed in 0..seeds {
                let config = Config { design, ..Config::default() };
                let mut solver = config.build(&task).expect("in range").solver;
                let feedback = Feedback::Sampled(Sampled::default());
                let mut oracle = GameOracle::new(game.clone(), feedback, seed::stream(seed, "oracle", &[]));
                let mut rng = seed::stream(seed, "plug-in", &[]);
                for _ in 0..rounds {
                    solver.step(&mut oracle, &mut rng).expect("solved");
                }
                let mut margins = Array1::zeros(3);
                game.margins(solver.policy(), &mut margins);
                let kl = equipoise_core::simplex::kl_to_best_response(
                    solver.policy().probs_slice(),
                    solver.policy().log_probs_slice(),
                    margins.as_slice().expect("contiguous"),
                    task.reference.log_probs_slice(),
                    tau,
                );
                sum += rounds as f64 * 2.0 * tau * kl;
                assert_eq!(oracle.cost(), Cost { queries: 0, duels: rounds });
            }
            let mean = sum / seeds as f64;
            // an exponential-like law: its standard error is a twelfth of the mean
            assert!((mean - constant).abs() < 4.0 * constant / (seeds as f64).sqrt(), "{design:?} {mean}");
        }
    }

    /// With win rates less a half-width the policy is the best response to the opponent who makes the most of it, and he to it: both
    /// conditions of the saddle point, at counts that were drawn.
    #[test]
    fn pessimism_is_a_saddle_point() {
        let k = arr2(&[[0.0, 0.1, -0.4], [-0.1, 0.0, 0.2], [0.4, -0.2, 0.0]]);
        let (tau, n) = (0.1, 3);
        let low = Array2::from_shape_fn((n, n), |(i, j)| {
            k[[i, j]] - if i == j { 0.0 } else { 0.05 * (1.0 + (i + j) as f64) }
        });
        let log_mu = arr1(&[0.2f64.ln(), 0.5f64.ln(), 0.3f64.ln()]);
        let both = Array2::from_shape_fn((2 * n, 2 * n), |(i, j)| match (i < n, j < n) {
            (true, false) => low[[i, j - n]],
            (false, true) => -low[[j, i - n]],
            _ => 0.0,
        });
        let mut theta = ndarray::concatenate![ndarray::Axis(0), log_mu, log_mu];
        let prior = theta.clone();
        equilibrium(&both, &prior, n, tau, &mut theta).expect("solved");
        let (mut logs, mut probs) = (theta.to_vec(), vec![0.0; 2 * n]);
        for (logs, probs) in logs.chunks_mut(n).zip(probs.chunks_mut(n)) {
            log_softmax(logs, probs).expect("finite");
        }
        let (pi, nu) = probs.split_at(n);
        let payoff = |i: usize| (0..n).map(|j| low[[i, j]] * nu[j]).sum::<f64>();
        let cost = |j: usize| (0..n).map(|i| low[[i, j]] * pi[i]).sum::<f64>();
        for i in 1..n {
            let odds = |p: &[f64]| (p[i] / p[0]).ln() - (log_mu[i] - log_mu[0]);
            assert!((tau * odds(pi) - (payoff(i) - payoff(0))).abs() < 1e-9, "{probs:?}");
            assert!((tau * odds(nu) + (cost(i) - cost(0))).abs() < 1e-9, "{probs:?}");
        }
        // without a half-width both are the one equilibrium
        let plain = Array2::from_shape_fn((2 * n, 2 * n), |(i, j)| match (i < n, j < n) {
            (true, false) => k[[i, j - n]],
            (false, true) => -k[[j, i - n]],
            _ => 0.0,
        });
        let (mut theta, mut one) = (prior.clone(), log_mu.clone());
        equilibrium(&plain, &prior, n, tau, &mut theta).expect("solved");
        quantal_response(&k, &log_mu, tau, &mut one).expect("solved");
        for i in 0..n {
            assert!((theta[i] - theta[0] - (one[i] - one[0])).abs() < 1e-8);
            assert!((theta[n + i] - theta[n] - (one[i] - one[0])).abs() < 1e-8);
        }
    }

    #[test]
    fn a_committed_policy_stays() {
        let game = Arc::new(Game::single(PreferenceMatrix::from_margins(3, |_, _| 0.2).expect("margins")));
        let task = Task::new(Policy::uniform(&Shape::single(3).expect("not empty"))).tau(0.1);
        let config = Config { design: Design::ExploreThenCommit, explore: Some(70), ..Config::default() };
        let mut solver = config.build(&task).expect("in range").solver;
        let mut oracle =
            GameOracle::new(game, Feedback::Sampled(Sampled::default()), seed::stream(1, "oracle", &[]));
        let mut rng = seed::stream(1, "plug-in", &[]);
        let mut at_70 = None;
        for t in 1..=200 {
            let before = solver.policy().probs().to_owned();
            solver.step(&mut oracle, &mut rng).expect("solved");
            assert!(t > 70 || before != solver.policy().probs() || t == 1, "{t}");
            if t == 70 {
                at_70 = Some(solver.policy().probs().to_owned());
            }
        }
        assert_eq!(at_70.as_ref(), Some(&solver.policy().probs().to_owned()));
    }
}
