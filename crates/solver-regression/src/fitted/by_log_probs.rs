//! The loss of the labels of a context by the log-probabilities of its actions.

use ndarray::Array2;

use crate::objectives::pairs::{Pair, PairLoss};

/// `sum_{i != j} M_ij loss(i chosen, j rejected) / (n (n - 1))`, with its gradient by the log-probabilities, `[actions]`; `lengths`
/// in tokens.
pub(super) fn by_log_probs<L: PairLoss>(
    loss: &L,
    labels: &Array2<f64>,
    reference: &[f64],
    lengths: &[f64],
    log_probs: &[f64],
) -> (f64, Vec<f64>) {
    let n = log_probs.len();
    let (mut value, mut gradient) = (0.0, vec![0.0; n]);
    let weight = 1.0 / (n * (n - 1)) as f64;
    for i in 0..n {
        for j in (0..n).filter(|&j| j != i) {
            let share = weight * labels[[i, j]];
            if share == 0.0 {
                continue;
            }
            let found = loss.row(&Pair {
                policy: [log_probs[i], log_probs[j]],
                reference: [reference[i], reference[j]],
                length: [lengths[i], lengths[j]],
                data: &[],
            });
            value += share * found.loss;
            gradient[i] += share * found.policy[0];
            gradient[j] += share * found.policy[1];
        }
    }
    (value, gradient)
}
