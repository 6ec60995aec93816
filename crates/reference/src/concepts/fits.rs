//! What a reward fitted to comparisons leads to: the limits of RLHF and DPO with as many comparisons as one likes.
//!
//! ```text
//! r = argmax sum_ij w_ij P_ij log sigmoid(r_i - r_j),      pi ~ mu exp(r / tau)
//! ```
//!
//! The tabular minimiser of DPO's loss is this policy for the same pairs (Rafailov et al. 2023, arXiv:2305.18290): the two differ
//! in which pairs are compared. RLHF is asked with all pairs equally often, where the order of `r` is Borda's; DPO with pairs of two draws from the
//! reference, `w_ij = mu_i mu_j`.

use equipoise_core::logistic::{log_sigmoid, logistic};
use equipoise_env::PreferenceMatrix;
use faer::Mat;

use super::choice::{Choice, ConceptOptions};
use super::electorate::Electorate;
use super::lotteries::softmax;
use crate::dense::Lu;
use crate::error::ReferenceError;

type Chosen = Result<Choice, ReferenceError>;

const MOST_STEPS: usize = 200;
/// Most items whose ratings are fitted by Newton's method.
const LARGEST_FIT: usize = 400;

/// Ratings of largest likelihood, of mean 0, `[n]`. `weight(i, j) = weight(j, i) >= 0` is how often a pair is compared. `None`
/// where they are infinite: some items beat all others with certainty; or where pairs leave the items unconnected.
#[must_use]
pub fn fitted_ratings(matrix: &PreferenceMatrix, weight: impl Fn(usize, usize) -> f64) -> Option<Vec<f64>> {
    let n = matrix.n();
    if n == 1 {
        // nothing to fit, and no curvature to divide by
        return Some(vec![0.0]);
    }
    let wins = |i: usize, j: usize| weight(i, j) * matrix.prob(i, j);
    if !connected(n, |i, j| i != j && wins(i, j) > 0.0) {
        return None;
    }
    let mut ratings = vec![0.0; n];
    let loss = |r: &[f64]| -> f64 {
        let pair = |i: usize, j: usize| -wins(i, j) * log_sigmoid(r[i] - r[j]);
        (0..n).map(|i| (0..n).filter(|&j| j != i).map(|j| pair(i, j)).sum::<f64>()).sum()
    };
    let mut least = loss(&ratings);
    for _ in 0..MOST_STEPS {
        let mut gradient = vec![0.0; n];
        let mut curved = Mat::<f64>::zeros(n, n);
        for i in 0..n {
            for j in (0..n).filter(|&j| j != i) {
                let s = logistic(ratings[i] - ratings[j]);
                // of the pair, met once from either side
                gradient[i] += weight(i, j) * (matrix.prob(i, j) - s);
                let c = weight(i, j) * s * (1.0 - s);
                curved[(i, i)] += c;
                curved[(i, j)] -= c;
            }
        }
        // the direction of constants is made definite
        let scale = (0..n).map(|i| curved[(i, i)]).fold(0.0, f64::max) / n as f64;
        let mut step = gradient.clone();
        Lu::<f64>::new(n, |i, j| curved[(i, j)] + scale).solve(&mut step);
        if step.iter().any(|s| !s.is_finite()) {
            return None;
        }
        let size = step.iter().fold(0.0, |l: f64, s| l.max(s.abs()));
        if size < 1e-4 {
            // near the solution the loss is level to rounding, and the full step is right; the square of the last is below rounding
            ratings.iter_mut().zip(&step).for_each(|(r, s)| *r += s);
            least = loss(&ratings);
            if size < 1e-9 {
                break;
            }
            continue;
        }
        let mut length = 1.0;
        let mut moved = false;
        for _ in 0..60 {
            let trial: Vec<f64> = ratings.iter().zip(&step).map(|(r, s)| r + length * s).collect();
            let value = loss(&trial);
            if value <= least {
                moved = true;
                (ratings, least) = (trial, value);
                break;
            }
            length *= 0.5;
        }
        if !moved {
            break;
        }
    }
    let mean = ratings.iter().sum::<f64>() / n as f64;
    ratings.iter_mut().for_each(|r| *r -= mean);
    Some(ratings)
}

/// Whether every item is reached from every other.
fn connected(n: usize, edge: impl Fn(usize, usize) -> bool) -> bool {
    let reaches_all = |edge: &dyn Fn(usize, usize) -> bool| {
        let (mut seen, mut open) = (vec![false; n], vec![0]);
        seen[0] = true;
        while let Some(i) = open.pop() {
            for j in 0..n {
                if !seen[j] && edge(i, j) {
                    seen[j] = true;
                    open.push(j);
                }
            }
        }
        seen.iter().all(|s| *s)
    };
    reaches_all(&|i, j| edge(i, j)) && reaches_all(&|i, j| edge(j, i))
}

fn policy(electorate: &Electorate, options: &ConceptOptions, weight: impl Fn(usize, usize) -> f64) -> Chosen {
    let (n, tau) = (electorate.n(), options.tau());
    if n > LARGEST_FIT {
        return Ok(Choice::open(format!(
            "it fits a reward an item by Newton's method; up to {LARGEST_FIT} items: cut the list with --items"
        )));
    }
    if n == 1 {
        return Ok(Choice::Lottery { policy: vec![1.0], unique: Some(true) });
    }
    let mu = options.log_reference(n);
    Ok(match fitted_ratings(electorate.matrix(), weight) {
        Some(r) => {
            let logits: Vec<f64> = r.iter().zip(&mu).map(|(r, m)| m + r / tau).collect();
            if !logits.iter().all(|l| l.is_finite()) {
                return Ok(Choice::open("rewards over so small a tau leave the range of floating point"));
            }
            Choice::Lottery { policy: softmax(&logits), unique: Some(true) }
        }
        None => Choice::open(
            "its rewards are infinite: some items beat all others with certainty; smooth the counts",
        ),
    })
}

pub(super) fn rlhf(electorate: &Electorate, options: &ConceptOptions) -> Chosen {
    policy(electorate, options, |_, _| 1.0)
}

pub(super) fn dpo(electorate: &Electorate, options: &ConceptOptions) -> Chosen {
    let n = electorate.n() as f64;
    let mu: Vec<f64> = options.log_reference(electorate.n()).iter().map(|m| m.exp() * n).collect();
    policy(electorate, options, |i, j| mu[i] * mu[j])
}
