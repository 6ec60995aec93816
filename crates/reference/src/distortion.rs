//! Distortion: how much welfare a rule may lose that sees only who prefers what.
//!
//! Users `h` of weight `rho_h` have utilities `U_hi` in `[0, 1]` and compare by `P_ij = sum_h rho_h sigmoid(beta (U_hi - U_hj))`; the
//! welfare of an item is `W_i = sum_h rho_h U_hi`. The distortion of a policy is the largest welfare of any policy with no more KL
//! from the reference, over its own ("Distortion of AI Alignment", 2025, arXiv:2505.23749). There:
//!
//! ```text
//! beta (c W_i - W_j / 4) <= K_ij <= beta (W_i / 4 - c W_j),    c = (sigmoid(beta) - 1/2) / beta          (Lemma 1)
//! maximal lotteries, with or without KL:   distortion <= D*(beta) = 1 / (4 c) = (beta / 2) coth(beta / 2)
//! Borda, Bradley-Terry, RLHF without KL:   up to sup_g D* (1 - g + (sigmoid(beta g) - 1/2) / (sigmoid(beta) - 1/2)),  at most D*^2
//! RLHF and DPO with KL:                    exponential in beta
//! ```
//!
//! Worst cases are found exactly by a linear programme over users whose utilities lie on a grid, and by the closed families of the
//! proofs.

use equipoise_core::logistic::logistic_margin;
use equipoise_env::PreferenceMatrix;
use ndarray::Array2;

use crate::concepts::{fitted_ratings, normalised_logits};
use crate::programme::Programme;

/// Largest number of types of a worst case's programme.
pub const MOST_TYPES: usize = 200_000;

/// Users with utilities.
#[derive(Clone, Debug, PartialEq)]
pub struct Population {
    utilities: Array2<f64>,
    weights: Vec<f64>,
    beta: f64,
}

/// Why a population cannot be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PopulationError {
    /// A utility outside `[0, 1]`, or not finite.
    #[error(
        "user {user} has utility {value} for item {item}: utilities are numbers from 0 to 1; scale them, and give the scale to beta"
    )]
    Utility {
        /// The user, from 0.
        user: usize,
        /// The item, from 0.
        item: usize,
        /// The utility.
        value: f64,
    },
    /// A weight that is not above 0.
    #[error("user {user} has weight {value}: weights are finite and above 0; leave users of weight 0 out")]
    Weight {
        /// The user, from 0.
        user: usize,
        /// The weight.
        value: f64,
    },
    /// A number of weights that is not that of users, or nobody, or nothing to choose from.
    #[error(
        "{users} users, {items} items and {weights} weights: there must be a weight a user, and one of each at least"
    )]
    Shape {
        /// Rows of the utilities.
        users: usize,
        /// Their columns.
        items: usize,
        /// Weights.
        weights: usize,
    },
    /// An inverse temperature that is not above 0.
    #[error("beta = {beta} must be finite and above 0")]
    Beta {
        /// The value.
        beta: f64,
    },
}

impl Population {
    /// Users by row, `[users x items]`; weights are divided by their sum.
    ///
    /// # Errors
    /// [`PopulationError`], naming user and item.
    pub fn new(utilities: Array2<f64>, weights: Vec<f64>, beta: f64) -> Result<Self, PopulationError> {
        let (users, items) = utilities.dim();
        if users == 0 || items == 0 || weights.len() != users {
            return Err(PopulationError::Shape { users, items, weights: weights.len() });
        }
        if !(beta > 0.0 && beta.is_finite()) {
            return Err(PopulationError::Beta { beta });
        }
        if let Some(((user, item), value)) = utilities.indexed_iter().find(|(_, v)| !(0.0..=1.0).contains(*v))
        {
            return Err(PopulationError::Utility { user, item, value: *value });
        }
        if let Some((user, value)) = weights.iter().enumerate().find(|(_, w)| !(**w > 0.0 && w.is_finite())) {
            return Err(PopulationError::Weight { user, value: *value });
        }
        let sum: f64 = weights.iter().sum();
        Ok(Self { utilities, weights: weights.into_iter().map(|w| w / sum).collect(), beta })
    }

    /// Number of items.
    #[must_use]
    pub fn items(&self) -> usize {
        self.utilities.ncols()
    }

    /// The inverse temperature of comparisons.
    #[must_use]
    pub fn beta(&self) -> f64 {
        self.beta
    }

    /// Win rates.
    ///
    /// # Panics
    /// Never: means of sigmoids are win rates.
    #[must_use]
    pub fn matrix(&self) -> PreferenceMatrix {
        let margin = |i: usize, j: usize| {
            let one =
                |(u, w): (ndarray::ArrayView1<'_, f64>, &f64)| w * logistic_margin(self.beta * (u[i] - u[j]));
            self.utilities.rows().into_iter().zip(&self.weights).map(one).sum::<f64>().clamp(-0.5, 0.5)
        };
        PreferenceMatrix::from_margins(self.items(), margin).expect("means of sigmoids are win rates")
    }

    /// `W_i`, `[n]`.
    #[must_use]
    pub fn welfare(&self) -> Vec<f64> {
        let of = |i: usize| self.utilities.column(i).iter().zip(&self.weights).map(|(u, w)| u * w).sum();
        (0..self.items()).map(of).collect()
    }

    /// Share of the users whose largest utility an item is, several sharing, `[n]`: random dictatorship.
    #[must_use]
    pub fn favourites(&self) -> Vec<f64> {
        let mut shares = vec![0.0; self.items()];
        for (u, w) in self.utilities.rows().into_iter().zip(&self.weights) {
            let most = u.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let best: Vec<usize> = (0..u.len()).filter(|&i| u[i] == most).collect();
            best.iter().for_each(|&i| shares[i] += w / best.len() as f64);
        }
        shares
    }

    /// The largest welfare of all over that of a policy, at least 1; 1 where no item has any. `None` where the policy has none and
    /// another has: the ratio has no bound.
    #[must_use]
    pub fn distortion(&self, policy: &[f64]) -> Option<f64> {
        let welfare = self.welfare();
        lost(welfare.iter().copied().fold(0.0, f64::max), dot(&welfare, policy))
    }

    /// The largest welfare of a policy with `KL(pi || mu) <= budget` over that of `policy`; `log_mu` `[n]`. `None` as
    /// [`distortion`](Self::distortion), and for a budget that [`best_within`] does not take.
    #[must_use]
    pub fn distortion_within(&self, policy: &[f64], log_mu: &[f64], budget: f64) -> Option<f64> {
        let welfare = self.welfare();
        lost(dot(&welfare, &best_within(&welfare, log_mu, budget)?), dot(&welfare, policy))
    }
}

/// `best / kept`, both at least 0; nothing is lost where there is nothing.
fn lost(best: f64, kept: f64) -> Option<f64> {
    match (best > 0.0, kept > 0.0) {
        (_, true) => Some(best / kept),
        (false, false) => Some(1.0),
        (true, false) => None,
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// `KL(pi || mu)` in nats, with `0 log 0 = 0`.
#[must_use]
pub fn kl_to(policy: &[f64], log_mu: &[f64]) -> f64 {
    let term = |(p, m): (&f64, &f64)| if *p > 0.0 { p * (p.ln() - m) } else { 0.0 };
    policy.iter().zip(log_mu).map(term).sum::<f64>().max(0.0)
}

/// The policy of largest mean reward among those with `KL(pi || mu) <= budget`: `mu exp(reward / t)` with `t` where the budget is
/// spent, or the best item of the reference if that costs less. `log_mu` may be as low as -1e6. `None` for a budget below 0, for numbers
/// that are not finite, and for lists of unequal length or of none.
#[must_use]
pub fn best_within(reward: &[f64], log_mu: &[f64], budget: f64) -> Option<Vec<f64>> {
    let finite = reward.iter().chain(log_mu).all(|v| v.is_finite());
    if reward.is_empty() || reward.len() != log_mu.len() || !finite || budget.is_nan() || budget < 0.0 {
        return None;
    }
    let most = reward.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let at = |log_t: f64| {
        let logits: Vec<f64> = reward.iter().zip(log_mu).map(|(r, m)| m + (r - most) / log_t.exp()).collect();
        normalised_logits(&logits)
    };
    // the largest KL: all on the best items, by their shares of the reference
    let best: Vec<f64> =
        reward.iter().zip(log_mu).map(|(r, m)| if *r == most { *m } else { f64::NEG_INFINITY }).collect();
    let concentrated = normalised_logits(&best);
    if kl_to(&concentrated, log_mu) <= budget {
        return Some(concentrated);
    }
    let (mut cold, mut hot) = (-60.0, 60.0);
    for _ in 0..200 {
        let middle = 0.5 * (cold + hot);
        if kl_to(&at(middle), log_mu) > budget { cold = middle } else { hot = middle }
    }
    Some(at(hot))
}

/// `D*(beta) = (beta / 2) coth(beta / 2)`: the bound of maximal lotteries, which no rule beats; 1 at 0, and as large as `beta` where
/// that is.
#[must_use]
pub fn nash_bound(beta: f64) -> f64 {
    if beta == 0.0 { 1.0 } else { 0.25 * beta / logistic_margin(beta) }
}

/// `max_g D* (1 - g + (sigmoid(beta g) - 1/2) / (sigmoid(beta) - 1/2))` and the `g` in `[0, 1]` of it: what Borda loses at least in the
/// worst case. Towards `beta` 0 nothing, for any `g`: `(1, 0)` there. `None` for a `beta` that is not finite and at least 0.
#[must_use]
pub fn borda_bound(beta: f64) -> Option<(f64, f64)> {
    if !(beta >= 0.0 && beta.is_finite()) {
        return None;
    }
    if beta == 0.0 {
        return Some((1.0, 0.0));
    }
    let ratio = |g: f64| nash_bound(beta) * (1.0 - g + logistic_margin(beta * g) / logistic_margin(beta));
    // concave: the derivative is 0 where sigmoid'(beta g) beta = sigmoid(beta) - 1/2
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..200 {
        let g = 0.5 * (low + high);
        let slope = 0.25 * beta / (0.5 * beta * g).cosh().powi(2) / logistic_margin(beta) - 1.0;
        if slope > 0.0 { low = g } else { high = g }
    }
    Some((ratio(low), low))
}

/// Two types and two items (Theorem 3): level win rates, and a ratio of welfare that goes to `D*` as `small -> 0`. The winner of the tie
/// is the second item.
///
/// # Errors
/// [`PopulationError`] for `small` outside `(0, 1]` or a `beta` that cannot be.
pub fn two_types(beta: f64, small: f64) -> Result<Population, PopulationError> {
    let (e, b) = (logistic_margin(beta * small), logistic_margin(beta));
    Population::new(ndarray::arr2(&[[1.0, 0.0], [0.0, small]]), vec![e, b], beta)
}

/// Three types, three items and a reference on which Borda's count picks the third (Theorem 12): the population, and the shares of
/// the comparisons that it needs.
///
/// # Errors
/// [`PopulationError`] for `small` or `g` outside `(0, 1)` or a `beta` that cannot be.
pub fn borda_trap(beta: f64, small: f64, g: f64) -> Result<(Population, Vec<f64>), PopulationError> {
    let (e, b) = (logistic_margin(beta * small), logistic_margin(beta));
    let first = e / (e + b);
    let second = first * logistic_margin(beta * g) / b;
    let utilities =
        ndarray::arr2(&[[1.0 - g, 1.0, 0.0], [1.0, 0.0, small], [0.0, 0.0, small + small * small]]);
    let population = Population::new(utilities, vec![first, second, 1.0 - first - second], beta)?;
    let d = population.matrix().margin(2, 1).abs();
    Ok((population, vec![d / 4.0, 1.0 - d / 2.0, d / 4.0]))
}

/// What RLHF with a KL budget of 1 makes of two items and many copies of a third that the reference all but leaves out (Theorem 6).
#[derive(Clone, Debug, PartialEq)]
pub struct MismatchedReference {
    /// Number of copies.
    pub copies: f64,
    /// Welfare of the best policy within the budget over that of RLHF's.
    pub rlhf: f64,
    /// Rewards of the two items and of a copy.
    pub rewards: [f64; 3],
}

/// The family of Theorem 6: users of mass `10 / (10 + exp(beta))` want the second item, the others the third, and the first a little;
/// the reference has `log_small` on all copies of the third together. `None` where rewards are infinite.
#[must_use]
pub fn mismatched_reference(beta: f64, log_small: f64) -> Option<MismatchedReference> {
    let d = 10.0 / (10.0 + beta.exp());
    let copies = (2.0 / (d * (1.0 / 3.0 - std::f64::consts::E / 10.0))).ceil();
    let utilities = ndarray::arr2(&[[0.0, 1.0, 0.0], [1.0 / beta, 0.0, 1.0]]);
    let population = Population::new(utilities, vec![d, 1.0 - d], beta).ok()?;
    // all copies are compared alike, so that one class of `copies` times the pairs stands for them
    let size = [1.0, 1.0, copies];
    let matrix = population.matrix();
    let rewards = fitted_ratings(&matrix, |i, j| size[i] * size[j])?;
    let half = (-log_small.exp()).ln_1p() - 2f64.ln();
    let log_mu = [half, half, log_small];
    let chosen = best_within(&rewards, &log_mu, 1.0)?;
    Some(MismatchedReference {
        copies,
        rlhf: population.distortion_within(&chosen, &log_mu, 1.0)?,
        rewards: [rewards[0], rewards[1], rewards[2]],
    })
}

/// A path of answers each of which beats the one before it and is worse for all but a few (Theorem 9): three users of equal weight,
/// utilities `[answers x 3]`. Compared along the path alone, Bradley-Terry rates the last best. `None` for a `beta` that is not finite and
/// above 0, or so large that `exp(beta)` is not finite.
#[must_use]
pub fn worsening_path(beta: f64, answers: usize) -> Option<Array2<f64>> {
    if !(beta > 0.0 && beta.exp().is_finite()) {
        return None;
    }
    let mut utilities = Array2::zeros((answers, 3));
    let mut now = [1.0 / 3.0f64; 3];
    for row in 0..answers {
        (0..3).for_each(|u| utilities[[row, u]] = now[u]);
        let most = (0..3).fold(0, |b, u| if now[u] > now[b] { u } else { b });
        let v = now[most];
        // what the two others must gain for the new answer to win a majority of comparisons
        let x = (beta * v / 2.0).exp();
        let gain = ((x + 1.0).powi(3) / (2.0 * ((beta * v).exp() + 3.0))).ln() / beta;
        (0..3).for_each(|u| now[u] = if u == most { 0.0 } else { now[u] + gain });
    }
    utilities.iter().all(|u| u.is_finite()).then_some(utilities)
}

/// A rule whose choice of one item is a linear condition on the population.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum LinearRule {
    /// The item beats or ties every other: the maximal lottery may play it alone.
    Nash,
    /// Its mean win rate against these shares is largest, `[n]`.
    Borda(Vec<f64>),
}

/// The worst population of a rule among those with utilities on a grid.
#[derive(Clone, Debug, PartialEq)]
pub struct WorstCase {
    /// Welfare of item 1 over that of item 0, which the rule may choose.
    pub distortion: f64,
    /// The users: few types.
    pub population: Population,
    /// How far the programme's constraints and prices are apart.
    pub error: f64,
}

/// The largest distortion of a rule that chooses item 0 where item 1 is best, over all populations with utilities in
/// `{0, 1/(levels-1), ..., 1}`. `None` for fewer than two items or levels, more than [`MOST_TYPES`] types, shares that are not finite or
/// not one an item, or an unbounded ratio.
#[must_use]
pub fn worst_case(items: usize, levels: usize, beta: f64, rule: &LinearRule) -> Option<WorstCase> {
    let types = u32::try_from(items).ok().and_then(|n| levels.checked_pow(n)).filter(|t| *t <= MOST_TYPES)?;
    if items < 2 || levels < 2 || !(beta > 0.0 && beta.is_finite()) {
        return None;
    }
    if let LinearRule::Borda(shares) = rule
        && (shares.len() != items || shares.iter().any(|s| !s.is_finite()))
    {
        return None;
    }
    let utility = |kind: usize, i: usize| (kind / levels.pow(i as u32) % levels) as f64 / (levels - 1) as f64;
    let mut programme = Programme::maximise((0..types).map(|t| utility(t, 1)).collect());
    programme.at_most((0..types).map(|t| utility(t, 0)).collect(), 1.0);
    for j in 1..items {
        let wins = |t: usize, i: usize, k: usize| logistic_margin(beta * (utility(t, i) - utility(t, k)));
        let condition = |t: usize| match rule {
            LinearRule::Nash => wins(t, 0, j),
            LinearRule::Borda(shares) => {
                (0..items).map(|k| shares[k] * (wins(t, 0, k) - wins(t, j, k))).sum::<f64>()
            }
        };
        programme.at_least((0..types).map(condition).collect(), 0.0);
    }
    let found = programme.solve().optimum()?;
    let used: Vec<usize> = (0..types).filter(|&t| found.point[t] > 0.0).collect();
    let utilities = Array2::from_shape_fn((used.len(), items), |(k, i)| utility(used[k], i));
    let weights = used.iter().map(|&t| found.point[t]).collect();
    Some(WorstCase {
        distortion: found.value,
        population: Population::new(utilities, weights, beta).ok()?,
        error: found.error,
    })
}
