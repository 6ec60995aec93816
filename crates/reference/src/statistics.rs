//! What it costs to learn an equilibrium from duels: the plug-in law, designs, samplers, and a hard family.
//!
//! `Khat = K + E` estimated, `pihat` the regularised equilibrium of `Khat`. As `BR(pi) ~ mu exp(K pi / tau)` is a soft maximum and
//! `pihat = BRhat(pihat)`, for any `E`
//!
//! ```text
//! gap_tau(pihat) = 2 tau KL(pihat || BR(pihat)) <= osc(E pihat)^2 / (4 tau),    and = (1/tau) sum_i pihat_i (E pihat)_i^2 (1 + o(1))
//! ```
//!
//! (Hoeffding's lemma; derived here). With `T` duels of which a share `w_ij` is spent on the unordered pair `ij` the delta method gives
//!
//! ```text
//! T E gap_tau -> c / tau,   c = sum_i pi_i sum_{j != i} pi_j^2 P_ij (1 - P_ij) / w_ij,    w_ij ~ sqrt(pi_i pi_j (pi_i + pi_j) P_ij (1 - P_ij))  best
//! ```
//!
//! at the equilibrium, and regret that grows by `c / (2 tau)` a unit of `ln T` for whoever plays the plug-in policy.

use equipoise_core::logistic::logistic;
use equipoise_core::sample::{index, uniform};
use equipoise_core::{Policy, Rng, Shape};
use equipoise_env::PreferenceMatrix;
use ndarray::Array2;

use crate::concepts::normalised_logits;
use crate::error::ReferenceError;
use crate::regularised::regularised_equilibrium;

/// `2 tau KL(pi || BR(pi))`: the regularised duality gap of a policy above 0; `log_mu` `[n]`. `None` for a temperature that is not finite
/// and above 0, and where logarithms leave the range of floating point.
#[must_use]
pub fn regularised_gap(matrix: &PreferenceMatrix, policy: &[f64], log_mu: &[f64], tau: f64) -> Option<f64> {
    if !(tau > 0.0 && tau.is_finite()) {
        return None;
    }
    let n = policy.len();
    let mut product = vec![0.0; n];
    matrix.product(policy, &mut product);
    // h_i = log pi_i - log mu_i - (K pi)_i / tau;  KL = sum pi h + log sum pi exp(-h), which is stable about its mean
    let h: Vec<f64> = (0..n).map(|i| policy[i].ln() - log_mu[i] - product[i] / tau).collect();
    let mean: f64 = policy.iter().zip(&h).filter(|(p, _)| **p > 0.0).map(|(p, h)| p * h).sum();
    let rest: f64 = policy
        .iter()
        .zip(&h)
        .filter(|(p, _)| **p > 0.0)
        .map(|(p, h)| {
            let x = mean - h;
            // exp(x) - 1 - x without the difference near 0
            let e = if x.abs() < 1e-4 { x * x * (0.5 + x / 6.0 + x * x / 24.0) } else { x.exp_m1() - x };
            p * e
        })
        .sum();
    Some(2.0 * tau * rest.ln_1p()).filter(|gap| gap.is_finite())
}

/// The bound of the plug-in law: `osc(E pi)^2 / (4 tau)` with `E` the estimated less the true margins. `None` for a temperature that is not
/// finite and above 0.
#[must_use]
pub fn plug_in_bound(
    truth: &PreferenceMatrix,
    estimate: &PreferenceMatrix,
    policy: &[f64],
    tau: f64,
) -> Option<f64> {
    if !(tau > 0.0 && tau.is_finite()) {
        return None;
    }
    let n = policy.len();
    let (mut a, mut b) = (vec![0.0; n], vec![0.0; n]);
    truth.product(policy, &mut a);
    estimate.product(policy, &mut b);
    let errors = a.iter().zip(&b).map(|(a, b)| b - a);
    let (least, most) = errors.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, m), e| (l.min(e), m.max(e)));
    Some((most - least).powi(2) / (4.0 * tau))
}

/// Shares of duels a pair, `[n x n]`, symmetric, with a sum over unordered pairs of at most 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Design(Array2<f64>);

impl Design {
    /// In proportion to `weight(i, j)`, symmetric, not negative and not all 0. `None` otherwise.
    #[must_use]
    pub fn new(n: usize, weight: impl Fn(usize, usize) -> f64) -> Option<Self> {
        let shares =
            Array2::from_shape_fn((n, n), |(i, j)| if i == j { 0.0 } else { weight(i.min(j), i.max(j)) });
        let sum = 0.5 * shares.sum();
        (sum > 0.0 && sum.is_finite() && shares.iter().all(|w| *w >= 0.0)).then(|| Self(shares / sum))
    }

    /// All pairs alike.
    #[must_use]
    pub fn uniform(n: usize) -> Option<Self> {
        Self::new(n, |_, _| 1.0)
    }

    /// The design of least `c` at a policy.
    #[must_use]
    pub fn optimal(matrix: &PreferenceMatrix, policy: &[f64]) -> Option<Self> {
        Self::new(policy.len(), |i, j| {
            let (p, q) = (policy[i], policy[j]);
            (p * q * (p + q) * matrix.prob(i, j) * matrix.prob(j, i)).sqrt()
        })
    }

    /// A draw of one policy against a draw of another: what is drawn against itself is a duel that tells nothing, so that the sum may
    /// be below 1.
    #[must_use]
    pub fn of_draws(first: &[f64], second: &[f64]) -> Self {
        let share =
            |(i, j): (usize, usize)| if i == j { 0.0 } else { first[i] * second[j] + first[j] * second[i] };
        Self(Array2::from_shape_fn((first.len(), first.len()), share))
    }

    /// Share of the duels that the pair of `i` and `j` gets.
    #[must_use]
    pub fn share(&self, i: usize, j: usize) -> f64 {
        self.0[[i, j]]
    }
}

/// `c / tau` of the law at the equilibrium `policy`: `T E gap_tau` as `T` grows; 0 for one item. `None` where the design leaves out a pair
/// that counts, so that the gap does not fall to 0, and for a temperature that is not finite and above 0.
#[must_use]
pub fn learning_constant(
    matrix: &PreferenceMatrix,
    policy: &[f64],
    tau: f64,
    design: &Design,
) -> Option<f64> {
    if !(tau > 0.0 && tau.is_finite()) {
        return None;
    }
    let n = policy.len();
    let term = |i: usize, j: usize| {
        let weight = policy[i] * policy[j] * policy[j] * matrix.prob(i, j) * matrix.prob(j, i);
        if weight == 0.0 { 0.0 } else { weight / design.share(i, j) }
    };
    let sum: f64 = (0..n).map(|i| (0..n).filter(|&j| j != i).map(|j| term(i, j)).sum::<f64>()).sum();
    Some(sum / tau).filter(|constant| constant.is_finite())
}

/// Duels that a gap of `gap` is expected to need: `c / (tau gap)`, for gaps small enough that the law holds. `None` for a gap that is not
/// finite and above 0: no number of duels is enough.
#[must_use]
pub fn duels_for(constant: f64, gap: f64) -> Option<f64> {
    (gap > 0.0 && gap.is_finite()).then(|| constant / gap)
}

/// The regularised gap of the plug-in policy after `duels` duels shared out by a design, each pair rounded to whole duels: one draw.
///
/// # Errors
/// [`ReferenceError`] for a reference or a temperature that cannot be.
pub fn plug_in_gap(problem: &Learning<'_>, design: &Design, rng: &mut Rng) -> Result<f64, ReferenceError> {
    let n = problem.matrix.n();
    let mut counts = Counts { wins: Array2::zeros((n, n)), duels: Array2::zeros((n, n)) };
    for i in 0..n {
        for j in i + 1..n {
            let duels = (problem.duels as f64 * design.share(i, j)).round() as usize;
            let won = (0..duels).filter(|_| uniform(rng) < problem.matrix.prob(i, j)).count();
            counts.wins[[i, j]] = won as f64;
            counts.wins[[j, i]] = (duels - won) as f64;
            counts.duels[[i, j]] = duels as f64;
            counts.duels[[j, i]] = duels as f64;
        }
    }
    let policy = regularised_equilibrium(&counts.estimate(), problem.reference, problem.tau)?.policy;
    let log_mu = problem.reference.log_probs_slice();
    problem.gap(policy.probs_slice(), log_mu)
}

/// Which pair is compared next. All play the plug-in policy: the regularised equilibrium of `(wins + 1/2) / (duels + 1)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sampler {
    /// A pair drawn uniformly.
    Uniform,
    /// A draw of the policy against a draw of the reference (2025, arXiv:2510.24700).
    Greedy,
    /// Two draws of the policy: iterative Nash learning.
    SelfPlay,
    /// A draw of the policy against the item it has met least.
    Bonus,
    /// A draw of the best response to the policy under optimistic win rates against a draw of the policy (after 2025,
    /// arXiv:2510.13060, whose abstract alone was read: the bonus `sqrt(log T / (2 (N + 1)))` is ours).
    Optimistic,
    /// Uniform pairs for a tenth of the duels, then two draws of the policy fitted to them, which stays.
    ExploreThenCommit,
}

impl Sampler {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Uniform, Self::Greedy, Self::SelfPlay, Self::Bonus, Self::Optimistic, Self::ExploreThenCommit];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Greedy => "greedy",
            Self::SelfPlay => "self-play",
            Self::Bonus => "bonus",
            Self::Optimistic => "optimistic",
            Self::ExploreThenCommit => "explore-then-commit",
        }
    }
}

/// What is to be learned.
#[derive(Clone, Debug)]
pub struct Learning<'a> {
    /// The true win rates.
    pub matrix: &'a PreferenceMatrix,
    /// The reference, above 0.
    pub reference: &'a Policy,
    /// Temperature, above 0.
    pub tau: f64,
    /// Number of duels.
    pub duels: usize,
}

impl Learning<'_> {
    fn gap(&self, policy: &[f64], log_mu: &[f64]) -> Result<f64, ReferenceError> {
        regularised_gap(self.matrix, policy, log_mu, self.tau).ok_or(ReferenceError::Range { tau: self.tau })
    }
}

/// A point of a learning curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LearningPoint {
    /// Duels so far.
    pub duels: usize,
    /// Regularised gap of the plug-in policy.
    pub gap: f64,
    /// Sum over the duels of half the regularised gap of the policy that was deployed then.
    pub regret: f64,
}

/// The curve of one run: points after 1, 2, 4, ... duels and after the last. The plug-in policy is fitted again after every duel up to
/// `64 n`, then whenever there are a 64th more of them; in between it stays, which is what the regret counts.
///
/// # Errors
/// [`ReferenceError`] for a reference or a temperature that cannot be.
pub fn learn(
    problem: &Learning<'_>,
    sampler: Sampler,
    rng: &mut Rng,
) -> Result<Vec<LearningPoint>, ReferenceError> {
    let (matrix, n, tau) = (problem.matrix, problem.matrix.n(), problem.tau);
    let log_mu = problem.reference.log_probs_slice();
    let mut counts = Counts { wins: Array2::zeros((n, n)), duels: Array2::zeros((n, n)) };
    let mut policy = problem.reference.probs_slice().to_vec();
    regularised_equilibrium(matrix, problem.reference, tau)?;
    let mut gap = problem.gap(&policy, log_mu)?;
    let (mut regret, mut next_fit, mut next_point) = (0.0, 1, 1);
    let mut curve = Vec::new();
    let explored = problem.duels / 10;
    for done in 0..problem.duels {
        regret += 0.5 * gap;
        if n > 1 {
            let (i, j) = counts.pair(sampler, problem, &policy, done < explored, rng);
            // a draw against itself is a duel that tells nothing
            if i != j {
                let won = uniform(rng) < matrix.prob(i, j);
                let winner = if won { (i, j) } else { (j, i) };
                counts.wins[winner] += 1.0;
                counts.duels[[i, j]] += 1.0;
                counts.duels[[j, i]] += 1.0;
            }
        }
        let committed = sampler == Sampler::ExploreThenCommit && done >= explored;
        if (done + 1 >= next_fit || done + 1 == explored) && !committed {
            policy = regularised_equilibrium(&counts.estimate(), problem.reference, tau)?
                .policy
                .probs_slice()
                .to_vec();
            gap = problem.gap(&policy, log_mu)?;
            next_fit = if done < 64 * n { done + 2 } else { done + 1 + (done / 64).max(1) };
        }
        if done + 1 == next_point || done + 1 == problem.duels {
            curve.push(LearningPoint { duels: done + 1, gap, regret });
            next_point *= 2;
        }
    }
    Ok(curve)
}

struct Counts {
    wins: Array2<f64>,
    duels: Array2<f64>,
}

impl Counts {
    fn rate(&self, i: usize, j: usize) -> f64 {
        (self.wins[[i, j]] + 0.5) / (self.duels[[i, j]] + 1.0)
    }

    fn estimate(&self) -> PreferenceMatrix {
        PreferenceMatrix::from_margins(self.duels.nrows(), |i, j| self.rate(i, j) - 0.5)
            .expect("smoothed shares are win rates")
    }

    fn pair(
        &self,
        sampler: Sampler,
        problem: &Learning<'_>,
        policy: &[f64],
        exploring: bool,
        rng: &mut Rng,
    ) -> (usize, usize) {
        let n = policy.len();
        let mu = problem.reference.probs_slice();
        match sampler {
            Sampler::Uniform => pair_of(n, rng),
            Sampler::ExploreThenCommit if exploring => pair_of(n, rng),
            Sampler::Greedy => (draw(policy, rng), draw(mu, rng)),
            Sampler::SelfPlay | Sampler::ExploreThenCommit => (draw(policy, rng), draw(policy, rng)),
            Sampler::Bonus => {
                let i = draw(policy, rng);
                let others = (0..n).filter(|&j| j != i);
                (i, others.min_by(|&a, &b| self.duels[[i, a]].total_cmp(&self.duels[[i, b]])).unwrap_or(i))
            }
            Sampler::Optimistic => {
                let log_t = (problem.duels as f64).ln();
                let optimistic = |i: usize, j: usize| {
                    let bonus = (log_t / (2.0 * (self.duels[[i, j]] + 1.0))).sqrt();
                    if i == j { 0.5 } else { self.rate(i, j) + bonus }
                };
                let log_mu = problem.reference.log_probs_slice();
                let logit = |i: usize| {
                    let rate: f64 = (0..n).map(|j| policy[j] * optimistic(i, j)).sum();
                    log_mu[i] + rate / problem.tau
                };
                let logits: Vec<f64> = (0..n).map(logit).collect();
                (draw(&normalised_logits(&logits), rng), draw(policy, rng))
            }
        }
    }
}

/// An item with these probabilities.
fn draw(weights: &[f64], rng: &mut Rng) -> usize {
    let mut left = uniform(rng);
    for (i, w) in weights.iter().enumerate() {
        left -= w;
        if left < 0.0 {
            return i;
        }
    }
    // rounding: the last that has any
    weights.iter().rposition(|w| *w > 0.0).unwrap_or(0)
}

/// Two different items, each pair alike.
fn pair_of(n: usize, rng: &mut Rng) -> (usize, usize) {
    let i = index(rng, n);
    let j = index(rng, n - 1);
    (i, j + usize::from(j >= i))
}

/// A game and a reference that exploration from the reference learns in time exponential in `1 / tau` only: two items, the second
/// beats the first by `margin`, and the reference gives it `exp(-cost / tau)`. For `cost < margin <= 1/2` the equilibrium plays the
/// second, with log-odds `(margin - cost) / tau`. `None` outside that range.
#[must_use]
pub fn hard_start(tau: f64, cost: f64, margin: f64) -> Option<(PreferenceMatrix, Policy)> {
    if !(tau > 0.0 && cost > 0.0 && cost < margin && margin <= 0.5) {
        return None;
    }
    let matrix = PreferenceMatrix::from_margins(2, |_, _| -margin).ok()?;
    let shape = Shape::single(2)?;
    let reference = Policy::from_logits(&shape, ndarray::arr1(&[0.0, -cost / tau])).ok()?;
    Some((matrix, reference))
}

/// Expected half gap paid before the second item of [`hard_start`] is met for the first time, where both draws come from the reference:
/// `(m - c) (1 - (1 - p)^T) / p`, `p = 2 mu_1 mu_2`, and its limit `(m - c) T` where `p` is 0 in floating point. `None` for a temperature
/// that is not finite and above 0, a cost outside `(0, margin)` or a number of duels that is not finite and at least 0.
#[must_use]
pub fn hard_start_cost(tau: f64, cost: f64, margin: f64, duels: f64) -> Option<f64> {
    hard_start(tau, cost, margin)?;
    if !(tau.is_finite() && duels >= 0.0 && duels.is_finite()) {
        return None;
    }
    let second = logistic(-cost / tau);
    let p = 2.0 * second * (1.0 - second);
    let waited = if p > 0.0 { -(duels * (-p).ln_1p()).exp_m1() / p } else { duels };
    Some((margin - cost) * waited)
}
