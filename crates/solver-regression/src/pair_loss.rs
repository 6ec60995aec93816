//! INPO's loss on pairs: score x label x link.
//!
//! ```text
//! score    h(y, y') = D log pi - (tau / eta_I) D log mu - (1 - tau / eta_I) D log pi_t      D f = f(y) - f(y')
//! label    m = z - 1/2      z in [0, 1]: one duel (hard, 0 or 1) or a probability (soft), for "y wins"
//! link     squared: (h - m / eta_I)^2
//! ```
//!
//! The score is the log-ratio of pi over its anchor, the geometric mixture of mu and pi_t. The paper puts the winner first
//! and aims at `1 / (2 eta_I)`: the same for hard labels; for soft ones the expected losses differ by a constant. There are no
//! further terms. [`crate::objectives`] has the loss as rows of log-probabilities, under the name `inpo`.
//!
//! A policy enters through its scores alone, and they are differences of one number an action, the potential
//! `g = eta_I (log pi - log anchor)`. In `g` the loss, times `eta_I^2`, no longer knows step, tau or policy:
//!
//! ```text
//! L(g) = sum_s (g[y_s] - g[y'_s] - m_s)^2
//! ```
//!
//! so it is minimised once ([`crate::least_squares`]) and scaled by the step. Over all policies and in expectation, with
//! `y, y' ~ pi_t`, the minimiser is `g = q - 1/2` up to a shift: a mirror step.
//!
//! Paper: Zhang et al. 2024, arXiv:2407.00617, algorithm 1.

/// One labelled comparison of two actions of the same context.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// The action asked about, from 0.
    pub left: usize,
    /// Its opponent, from 0; may be the same action, which tells nothing.
    pub right: usize,
    /// The label `z - 1/2`, for z in `[0, 1]` of "left wins".
    pub margin: f64,
}

impl Comparison {
    /// What the score of `potential`, `[actions]`, misses of the label.
    #[must_use]
    pub fn residual(&self, potential: &[f64]) -> f64 {
        potential[self.left] - potential[self.right] - self.margin
    }
}

/// The loss of `potential`, `[actions]`: the sum of the squared residuals.
///
/// # Panics
/// If a comparison names an action beyond the potential.
#[must_use]
pub fn loss(comparisons: &[Comparison], potential: &[f64]) -> f64 {
    comparisons.iter().map(|c| c.residual(potential).powi(2)).sum()
}

/// Its gradient in the potential, `[actions]`.
///
/// # Panics
/// As [`loss`].
#[must_use]
pub fn gradient(comparisons: &[Comparison], potential: &[f64]) -> Vec<f64> {
    let mut gradient = vec![0.0; potential.len()];
    for c in comparisons {
        let slope = 2.0 * c.residual(potential);
        gradient[c.left] += slope;
        gradient[c.right] -= slope;
    }
    gradient
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::least_squares::fit;
    use crate::objectives::{Inputs, objective};

    const LABELS: [(usize, usize, f64); 6] =
        [(0, 1, 0.5), (1, 2, 0.5), (2, 0, 0.5), (0, 2, -0.5), (3, 1, 0.25), (3, 3, 0.0)];

    fn comparisons() -> Vec<Comparison> {
        LABELS.iter().map(|&(left, right, margin)| Comparison { left, right, margin }).collect()
    }

    #[test]
    fn the_gradient_is_that_of_the_loss_and_vanishes_at_the_fit() {
        let (list, step) = (comparisons(), 1e-5);
        let at = [0.3, -0.2, 0.7, 0.1];
        for k in 0..4 {
            let value = |d: f64| {
                let mut moved = at;
                moved[k] += d;
                loss(&list, &moved)
            };
            let measured = (value(step) - value(-step)) / (2.0 * step);
            assert!((gradient(&list, &at)[k] - measured).abs() < 1e-9, "{k}");
        }
        let mut fitted = [0.0; 4];
        fit(&list, &mut fitted).unwrap();
        assert!(gradient(&list, &fitted).iter().all(|g| g.abs() < 1e-12));
        assert!(loss(&list, &fitted) < loss(&list, &at));
    }

    #[test]
    fn hard_labels_with_the_winner_first_give_the_objective_inpo() {
        // log pi, log mu, log pi_t; (h - 1 / (2 eta_I))^2 is the objective's loss, and eta_I^2 times it is ours
        let (eta, ratio) = (1.7, 0.3);
        let (policy, reference, iterate) = ([-0.4, -1.3], [-0.2, -2.0], [-0.9, -0.6]);
        let anchor = |k: usize| ratio * reference[k] + (1.0 - ratio) * iterate[k];
        let g = [0, 1].map(|k| eta * (policy[k] - anchor(k)));
        let options = serde_json::json!({"ratio": ratio, "eta": eta});
        for (winner, loser) in [(0, 1), (1, 0)] {
            let inputs = serde_json::json!({
                "policy_chosen": [policy[winner]], "policy_rejected": [policy[loser]],
                "reference_chosen": [reference[winner]], "reference_rejected": [reference[loser]],
                "history_chosen": [[iterate[winner]]], "history_rejected": [[iterate[loser]]],
            });
            let inputs = Inputs::from_json(&inputs).unwrap();
            let published = objective("inpo").unwrap().evaluate(&options, &inputs).unwrap().evaluation;
            let ours = loss(&[Comparison { left: winner, right: loser, margin: 0.5 }], &g);
            assert!((ours - eta * eta * published.loss[0]).abs() < 1e-14);
        }
    }
}
