//! One board for many prompts: the nearest one in cross-entropy.
//!
//! ```text
//! minimise  1 / (Z pairs)  sum_z sum_{i < j} sum_o  - Pr_z(o | i, j) log (Pr(o | i, j) + 1e-9)      o: outcomes of a comparison
//! ```
//!
//! arXiv:2502.14855; 1e-9 as in the released code. All pairs of all prompts weigh the same. Of `bt` the minimiser is the Bradley-Terry fit
//! of the mean win rates: it ranks by mean win rate over all opponents (Borda), and a cycle of the mean is lost.

use equipoise_core::logistic::logistic;
use equipoise_data::Comparisons;
use ndarray::{Array1, Array2, ArrayView2};

use super::Head;
use crate::first_order::newman;
use crate::jet::Jet;

/// What the released code adds inside of logarithms.
const INSIDE: f64 = 1e-9;

/// The loss of a board, with its gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// Mean cross-entropy over prompts and pairs, in nats.
    pub loss: f64,
    /// Its derivatives in the strengths of the board, `[n]`.
    pub gradient: Array1<f64>,
    /// Its derivative in the tie parameter of the board; 0 for the heads that have none.
    pub gradient_eta: f64,
}

/// The released loss of a board of strengths `[n]` and tie parameter for prompts with strengths `[Z x n]` and tie parameters `[Z]` (each
/// as [`Head::probs`] takes it; ignored by the heads that have none).
///
/// # Panics
/// If the lengths differ, or there is no pair or no prompt.
#[must_use]
pub fn aggregate_loss(
    head: Head,
    prompts: ArrayView2<'_, f64>,
    etas: &[f64],
    board: (&[f64], f64),
) -> Aggregate {
    let (board, eta) = board;
    let (count, n) = prompts.dim();
    assert!(count > 0 && n > 1 && board.len() == n && etas.len() == count, "a number a prompt and model");
    let mut found = Aggregate { loss: 0.0, gradient: Array1::zeros(n), gradient_eta: 0.0 };
    let scale = 2.0 / (count * n * (n - 1)) as f64;
    for i in 0..n {
        for j in i + 1..n {
            let at = [Jet::variable(0, board[i]), Jet::variable(1, board[j]), Jet::variable(3, eta)];
            let logs = head.log_probs(at);
            let mut share = [0.0; 4];
            for (z, prompt) in prompts.rows().into_iter().enumerate() {
                let probs = head.probs(prompt[i], prompt[j], etas[z]);
                share.iter_mut().zip(probs).for_each(|(s, p)| *s += p);
            }
            for (log, share) in logs.into_iter().zip(share) {
                let Some(log) = log else { continue };
                let p = log.value.exp();
                found.loss -= scale * share * (p + INSIDE).ln();
                let slope = -scale * share * p / (p + INSIDE);
                found.gradient[i] += slope * log.gradient[0];
                found.gradient[j] += slope * log.gradient[1];
                found.gradient_eta += slope * log.gradient[3];
            }
        }
    }
    found
}

/// The Bradley-Terry board nearest to the win rates of many prompts, `[n]`, of mean 0: the fit of their mean. `None` if the iteration
/// does not end, for strengths hundreds of nats apart.
#[must_use]
pub fn aggregate(prompts: ArrayView2<'_, f64>) -> Option<Array1<f64>> {
    let n = prompts.ncols();
    let mean = |i: usize, j: usize| match i == j {
        true => 0.0,
        false => {
            prompts.rows().into_iter().map(|r| logistic(r[i] - r[j])).sum::<f64>() / prompts.nrows() as f64
        }
    };
    nearest_board(&Array2::from_shape_fn((n, n), |(i, j)| mean(i, j)))
}

/// Passes at most, and the move in log strength below which the last one ends.
const MOST_PASSES: u32 = 100_000;
const TOLERANCE: f64 = 1e-13;

/// The Bradley-Terry board nearest to a matrix of win rates, its diagonal 0.
pub(crate) fn nearest_board(win_rates: &Array2<f64>) -> Option<Array1<f64>> {
    let table = Comparisons::from_tables(win_rates, &Array2::zeros(win_rates.dim()));
    let found = newman(&table, TOLERANCE, MOST_PASSES);
    found.converged.then_some(found.log_strength)
}
