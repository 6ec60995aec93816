//! Stackelberg learning from human feedback (2025, arXiv:2512.16626, Eq. 5): a leader answers, a follower sees the answer and
//! refines it.
//!
//! ```text
//! max_pi min_omega  sum_y pi_y [ sum_z omega(z|y) P_yz + tau_F KL(omega(.|y) || omega_ref) ] - tau_L KL(pi || pi_ref)
//! omega(z|y) ~ omega_ref(z) exp(-P_yz / tau_F),   V_y = -tau_F log sum_z omega_ref(z) exp(-P_yz / tau_F),   pi ~ pi_ref exp(V / tau_L)
//! ```
//!
//! so no iteration is needed, and the answer is the only one. As `tau -> 0` the leader is the minimax winner, a single item. The
//! follower is the kernel of the [`preference_chain`](super::preference_chain) with `U = P' / tau_F`: refining for ever ends in its
//! stationary law.

use equipoise_core::simplex::log_sum_exp;
use equipoise_env::PreferenceMatrix;
use ndarray::Array2;

use super::choice::{Choice, ConceptOptions};
use super::electorate::Electorate;
use super::lotteries::softmax;
use crate::error::ReferenceError;

type Chosen = Result<Choice, ReferenceError>;

/// Leader and follower.
#[derive(Clone, Debug, PartialEq)]
pub struct Stackelberg {
    /// What the leader plays, `[n]`.
    pub leader: Vec<f64>,
    /// What the follower answers to each item, a row each, `[n x n]`.
    pub follower: Array2<f64>,
    /// `V_y`: what each item is worth to the leader, `[n]`.
    pub worth: Vec<f64>,
    /// The value of the game, regularisation included.
    pub value: f64,
}

/// Its equilibrium: `log_mu` `[n]` are the references of both, `tau_leader` and `tau_follower` above 0.
///
/// # Panics
/// If `log_mu` has not an entry an item.
#[must_use]
pub fn stackelberg(
    matrix: &PreferenceMatrix,
    log_mu: &[f64],
    tau_leader: f64,
    tau_follower: f64,
) -> Stackelberg {
    let n = matrix.n();
    assert_eq!(log_mu.len(), n, "a reference probability an item");
    let answer = |y: usize, z: usize| log_mu[z] - matrix.prob(y, z) / tau_follower;
    let total: Vec<f64> = (0..n).map(|y| log_sum_exp((0..n).map(|z| answer(y, z)))).collect();
    let worth: Vec<f64> = total.iter().map(|t| -tau_follower * t).collect();
    let logits: Vec<f64> = (0..n).map(|y| log_mu[y] + worth[y] / tau_leader).collect();
    Stackelberg {
        follower: Array2::from_shape_fn((n, n), |(y, z)| (answer(y, z) - total[y]).exp()),
        value: tau_leader * log_sum_exp(logits.iter().copied()),
        leader: softmax(&logits),
        worth,
    }
}

impl Stackelberg {
    /// Probability that `target` is among the first `samples` answers, where each refines the one before: `1 - pi_{-a}' Q^(N-1) 1`
    /// with `Q` the follower without `a`.
    ///
    /// # Panics
    /// If there is no such item.
    #[must_use]
    pub fn seen_within(&self, target: usize, samples: usize) -> f64 {
        seen_within(&self.leader, &self.follower, target, samples)
    }

    /// What is played after one refinement, `[n]`.
    #[must_use]
    pub fn refined(&self) -> Vec<f64> {
        let n = self.leader.len();
        (0..n).map(|z| (0..n).map(|y| self.leader[y] * self.follower[[y, z]]).sum()).collect()
    }
}

/// Probability that `target` is among the first `samples` states of a chain that starts in `start`.
///
/// # Panics
/// If there is no such item.
#[must_use]
pub fn seen_within(start: &[f64], moves: &Array2<f64>, target: usize, samples: usize) -> f64 {
    let n = start.len();
    assert!(target < n, "item {target} of {n}");
    if samples == 0 {
        return 0.0;
    }
    let mut seen = start[target];
    let mut unseen: Vec<f64> = start.to_vec();
    unseen[target] = 0.0;
    for _ in 1..samples {
        let next: Vec<f64> = (0..n).map(|z| (0..n).map(|y| unseen[y] * moves[[y, z]]).sum()).collect();
        unseen = next;
        seen += std::mem::replace(&mut unseen[target], 0.0);
    }
    seen
}

fn asked(electorate: &Electorate, options: &ConceptOptions) -> Stackelberg {
    let tau = options.tau();
    stackelberg(electorate.matrix(), &options.log_reference(electorate.n()), tau, tau)
}

pub(super) fn leader(electorate: &Electorate, options: &ConceptOptions) -> Chosen {
    Ok(Choice::Lottery { policy: asked(electorate, options).leader, unique: Some(true) })
}

pub(super) fn follower(electorate: &Electorate, options: &ConceptOptions) -> Chosen {
    Ok(Choice::Lottery { policy: asked(electorate, options).refined(), unique: Some(true) })
}
