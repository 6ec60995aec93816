//! Maximal lotteries: equilibria of the symmetric zero-sum game with margins `K = P - 1/2`.
//!
//! ```text
//! pi >= 0,  1'pi = 1,  K pi <= 0          gap0(pi) = max_i q_i - min_j (pi'P)_j = 2 max_i (K pi)_i
//! ```
//!
//! Known as von Neumann winner, minimax winner (arXiv:2401.04056) or Nash equilibrium of the preference game
//! (arXiv:2312.00886). The value is 1/2 whatever the game, so the gap certifies the policy without a dual. The simplex
//! method finds an optimal basis in `f64`; the policy is then solved afresh from the margins of that basis by LU. If the
//! gap shows that `f64` chose a wrong basis (it happens when margins differ by nine orders of magnitude), the method runs
//! again in double-double arithmetic.
//!
//! Uniqueness. Let `S` be the support of an equilibrium and `T = {i: (K pi)_i = 0}` its best responses, `S` within `T`.
//! *The equilibrium is unique if and only if `T = S` and `K_SS` has a kernel of dimension one.* Proof: another
//! equilibrium `r` must play within `T` and hold every action of `S` level; if `T = S`, both lie in the kernel of
//! `K_SS`; and a kernel of dimension two lets `pi` move along it, since actions off `S` lose strictly. If `T` is larger
//! than `S`, then `(pi, pi)` is not strictly complementary, yet some optimal pair is (Goldman and Tucker 1956), and in
//! a symmetric game each of its halves is an equilibrium: not both are `pi`.
//!
//! Cost: `O(n^2)` a pivot, fewer than `2 n` pivots as a rule, and one SVD of the support block. Meant for up to about
//! a thousand actions.

use equipoise_env::PreferenceMatrix;
use faer::linalg::solvers::Solve;
use faer::{Mat, fx128};
use ndarray::Array1;

use crate::error::ReferenceError;
use crate::margins::Margins;
use crate::simplex::{Basis, optimal_basis};

/// A maximal lottery with its certificate.
#[derive(Clone, Debug, PartialEq)]
pub struct Equilibrium {
    /// The lottery, `[n]`, on the simplex. If there are several, a vertex of their set.
    pub policy: Array1<f64>,
    /// `2 max_i (K pi)_i`, recomputed from the margins and not clamped: rounding may leave it just below 0.
    pub duality_gap: f64,
    /// Actions with positive probability, ascending.
    pub support: Vec<usize>,
    /// Actions that do best against the lottery, ties to rounding included, ascending; a superset of the support.
    pub best_responses: Vec<usize>,
    /// Whether it is the only one (criterion in the module head). Equalities are read up to rounding,
    /// `7e-15 sqrt n` relative to the largest margin (within a factor two). `None`: an inequality holds, but by less than the rounding error of the lottery.
    pub unique: Option<bool>,
    /// How it was found.
    pub method: &'static str,
}

/// A maximal lottery of `matrix`, with its gap, its support, its best responses and whether it is unique.
///
/// Deterministic. Scale-free: margins of 1e-9 are as good as margins of 1/2, also side by side.
///
/// # Errors
/// [`ReferenceError::Pivoting`] if the gap is not at rounding.
pub fn maximal_lottery(matrix: &PreferenceMatrix) -> Result<Equilibrium, ReferenceError> {
    let k = Margins::scaled(matrix);
    let (policy, duality_gap) = lottery(matrix, &k)?;
    let mut margins = vec![0.0; k.n()];
    matrix.product(policy.as_slice().expect("an owned one-dimensional array is contiguous"), &mut margins);
    let support: Vec<usize> = (0..k.n()).filter(|&i| policy[i] > 0.0).collect();
    let best = 0.5 * duality_gap - rounding(k.n()) * k.scale();
    let best_responses = (0..k.n()).filter(|&i| margins[i] >= best || policy[i] > 0.0).collect();
    let unique = is_unique(&k, &policy, &margins, &support);
    Ok(Equilibrium { policy, duality_gap, support, best_responses, unique, method: "simplex" })
}

/// The lottery and its gap alone.
pub(crate) fn lottery(matrix: &PreferenceMatrix, k: &Margins) -> Result<(Array1<f64>, f64), ReferenceError> {
    let certified = |gap: f64| gap <= rounding(k.n()) * k.scale();
    let basis = optimal_basis::<f64>(k);
    let (policy, gap) = certify(matrix, on_simplex(k, &basis, solve_basis(k, &basis)));
    if certified(gap) {
        return Ok((policy, gap));
    }
    let basis = optimal_basis::<fx128>(k);
    let (policy, gap) = certify(matrix, on_simplex(k, &basis, basis.probs.iter().copied()));
    if certified(gap) {
        Ok((policy, gap))
    } else {
        Err(ReferenceError::Pivoting { n: k.n(), pivots: basis.pivots, duality_gap: gap })
    }
}

fn certify(matrix: &PreferenceMatrix, policy: Vec<f64>) -> (Array1<f64>, f64) {
    let mut margins = vec![0.0; policy.len()];
    matrix.product(&policy, &mut margins);
    (Array1::from(policy), 2.0 * margins.iter().copied().fold(f64::NEG_INFINITY, f64::max))
}

/// Rounding of a sum of `n` margins of size at most 1, with room for the decomposition behind it.
fn rounding(n: usize) -> f64 {
    32.0 * (n as f64).sqrt() * f64::EPSILON
}

/// Solves `K_TS pi_S + v = 0`, `1'pi_S = 1` for the rows `T` and columns `S` of the basis.
fn solve_basis(k: &Margins, basis: &Basis) -> impl Iterator<Item = f64> {
    let (rows, columns) = (&basis.rows, &basis.columns);
    let m = columns.len();
    let bordered = Mat::from_fn(m + 1, m + 1, |i, j| match (i < m, j < m) {
        (true, true) => k.at(rows[i], columns[j]),
        (false, false) => 0.0,
        _ => 1.0,
    });
    let mut solution = Mat::from_fn(m + 1, 1, |i, _| f64::from(u8::from(i == m)));
    bordered.partial_piv_lu().solve_in_place(&mut solution);
    (0..m).map(move |j| solution[(j, 0)])
}

/// Puts the probabilities of the basis in their places. A basic variable of a degenerate game is 0, and comes out as
/// rounding of either sign: it is 0 again here.
fn on_simplex(k: &Margins, basis: &Basis, probs: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut policy = vec![0.0; k.n()];
    for (&action, p) in basis.columns.iter().zip(probs) {
        policy[action] = if p > rounding(k.n()) { p } else { 0.0 };
    }
    let sum: f64 = policy.iter().sum();
    policy.iter_mut().for_each(|p| *p /= sum);
    policy
}

fn is_unique(k: &Margins, policy: &Array1<f64>, margins: &[f64], support: &[usize]) -> Option<bool> {
    let (zero, size) = (rounding(k.n()), support.len());
    let off = (0..k.n()).filter(|&i| policy[i] == 0.0).map(|i| margins[i] / k.scale());
    let nearest = off.fold(f64::NEG_INFINITY, f64::max);
    if nearest >= -zero {
        return Some(false);
    }
    // singular values of a skew matrix come in pairs, and an odd one out is 0
    let block = Mat::from_fn(size, size, |i, j| k.at(support[i], support[j]));
    let values = block.singular_values().ok()?;
    let (largest, second) = if size == 1 { (1.0, 1.0) } else { (values[0].max(1.0), values[size - 2]) };
    if second <= zero * largest {
        return Some(false);
    }
    // the error of the lottery is what it leaves of K_SS pi = 0, or rounding, over the second-smallest singular value
    let left = support.iter().map(|&i| margins[i].abs() / k.scale()).fold(zero, f64::max);
    let error = left * largest / second * (size as f64).sqrt();
    let smallest = support.iter().map(|&i| policy[i]).fold(f64::INFINITY, f64::min);
    (nearest < -error && smallest > error).then_some(true)
}
