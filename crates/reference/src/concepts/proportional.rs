//! Population-proportional alignment (2025, arXiv:2506.05619): `pi_i ~ u_i exp(beta u_i)`, `u_i = min_{j != i} P_ij`.
//!
//! `u_i` bounds the share `t_i` of the voters whose first choice is `i`, so `pi_i / t_i >= 1 / sum u >= 2 / n` at `beta = 0`. As
//! `beta` grows the policy goes to the minimax winner.

use equipoise_core::simplex::log_sum_exp;
use equipoise_env::PreferenceMatrix;

use super::choice::{Choice, ConceptOptions};
use super::electorate::Electorate;
use super::lotteries::random_dictatorship;
use crate::error::ReferenceError;

type Chosen = Result<Choice, ReferenceError>;

/// `u_i = min_{j != i} P_ij`, `[n]`; 1 for an only item.
#[must_use]
pub fn worst_win_rates(matrix: &PreferenceMatrix) -> Vec<f64> {
    let n = matrix.n();
    let worst = |i: usize| (0..n).filter(|&j| j != i).map(|j| matrix.prob(i, j)).fold(1.0, f64::min);
    (0..n).map(worst).collect()
}

/// `pi_i ~ u_i exp(beta u_i)`. `None` where every item loses to some other with certainty, so that all `u_i` are 0.
#[must_use]
pub fn proportional_lottery(matrix: &PreferenceMatrix, beta: f64) -> Option<Vec<f64>> {
    let worst = worst_win_rates(matrix);
    if beta == 0.0 {
        let sum: f64 = worst.iter().sum();
        return (sum > 0.0).then(|| worst.iter().map(|u| u / sum).collect());
    }
    let logits: Vec<f64> = worst.iter().map(|u| u.ln() + beta * u).collect();
    let total = log_sum_exp(logits.iter().copied());
    total.is_finite().then(|| logits.iter().map(|l| (l - total).exp()).collect())
}

/// Shares of first choices, `[n]`; several on top of a ballot share it. `None` without ballots.
#[must_use]
pub fn first_choices(electorate: &Electorate) -> Option<Vec<f64>> {
    electorate.ballots()?;
    random_dictatorship(electorate, &ConceptOptions::default()).ok()?.policy(electorate.n())
}

/// `min { pi_k / t_k : t_k > 0 }`: how much of its share each group of first choices gets at least.
#[must_use]
pub fn proportionality(policy: &[f64], first_choices: &[f64]) -> f64 {
    let shares = policy.iter().zip(first_choices).filter(|(_, t)| **t > 0.0);
    shares.map(|(p, t)| p / t).fold(f64::INFINITY, f64::min)
}

pub(super) fn choose(electorate: &Electorate, options: &ConceptOptions) -> Chosen {
    let beta = options.beta();
    if !beta.is_finite() || beta < 0.0 {
        return Ok(Choice::open(format!("beta {beta} must be a finite number of at least 0")));
    }
    Ok(match proportional_lottery(electorate.matrix(), beta) {
        Some(policy) => Choice::Lottery { policy, unique: Some(true) },
        None => Choice::open("every item loses to some other with certainty"),
    })
}
