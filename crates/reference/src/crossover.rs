//! From a point near the central path to an equilibrium to rounding.
//!
//! A guess `B` of the support, odd in number, is completed to a policy by the null vector of its skew block,
//!
//! ```text
//! K_BB p + v e = 0,  1'p = 1      (v = 0 if B is odd and the equilibrium is unique)
//! ```
//!
//! which is the equilibrium if `p > 0` and the other actions lose. If not, the actions that violate this change sides
//! (block principal pivoting, Kostreva 1978, Judice and Pires 1994), a few times: early on the path almost all
//! actions already stand on their side, and a block costs an eighth of a step. There is no guarantee in that, so the caller
//! follows the path on if it fails.
//!
//! Cost: `2/3 |B|^3` a try, and the refinement of the null vector in doubled precision, `O(|B|^2)`.

use crate::dense::Lu;
use crate::doubled::accumulate;
use crate::margins::Margins;

/// Sides exchanged before the path is followed on.
const TRIES: usize = 8;
/// Actions on the wrong side down to which the null vector is refined before it is believed.
const NEARLY_ALL: usize = 4;

/// Solves for the equilibrium with support near `{i: x_i > s_i}`. Probabilities `[n]`, or `None`.
pub(crate) fn crossover(k: &Margins, x: &[f64], s: &[f64]) -> Option<Vec<f64>> {
    let mut inside: Vec<bool> = x.iter().zip(s).map(|(x, s)| x > s).collect();
    let certainty = |i: usize| (x[i] / s[i]).ln().abs();
    let n = k.n();
    let mut fewest = usize::MAX;
    for _ in 0..TRIES {
        if inside.iter().filter(|b| **b).count().is_multiple_of(2) {
            let least = (0..n).min_by(|&a, &b| certainty(a).total_cmp(&certainty(b)))?;
            inside[least] = !inside[least];
        }
        let support: Vec<usize> = (0..n).filter(|&i| inside[i]).collect();
        let mut null = NullVector::new(k, &support, &support);
        let mut refined = false;
        let (policy, wrong) = loop {
            let mut policy = vec![0.0; n];
            support.iter().zip(null.probs()?).for_each(|(&i, &p)| policy[i] = p);
            let margins = k.product(&policy);
            let out_of_place = |&i: &usize| if inside[i] { policy[i] <= 0.0 } else { margins[i] > 0.0 };
            let wrong: Vec<usize> = (0..n).filter(out_of_place).collect();
            // digits matter once almost all actions stand on their side
            if refined || wrong.len() > NEARLY_ALL {
                break (policy, wrong);
            }
            null.refine();
            refined = true;
        };
        if wrong.is_empty() {
            return Some(policy);
        }
        if wrong.len() >= fewest || 4 * wrong.len() > n {
            return None;
        }
        fewest = wrong.len();
        wrong.iter().for_each(|&i| inside[i] = !inside[i]);
    }
    None
}

/// The solution of `K_TS p + v e = 0`, `1'p = 1` for equally many rows `T` and columns `S`.
struct NullVector<'a> {
    k: &'a Margins,
    rows: &'a [usize],
    columns: &'a [usize],
    lu: Lu<f64>,
    /// `p`, then `v`.
    solution: Vec<f64>,
}

impl<'a> NullVector<'a> {
    fn new(k: &'a Margins, rows: &'a [usize], columns: &'a [usize]) -> Self {
        let m = columns.len();
        let lu = bordered(k, rows, columns);
        let solution = solve(&lu, |i| f64::from(u8::from(i == m)), m + 1);
        Self { k, rows, columns, lu, solution }
    }

    /// `p`; `None` if there is no such vector to be found by LU.
    fn probs(&self) -> Option<&[f64]> {
        self.solution.iter().all(|p| p.is_finite()).then(|| &self.solution[..self.columns.len()])
    }

    /// Two corrections with residuals of doubled precision.
    fn refine(&mut self) {
        let m = self.columns.len();
        for _ in 0..2 {
            let p = &self.solution;
            let mut residual = vec![0.0; m + 1];
            for (r, &i) in residual.iter_mut().zip(self.rows) {
                let row = self.k.row(i);
                let (mut high, mut low) = (-p[m], 0.0);
                self.columns.iter().zip(p).for_each(|(&j, &p)| accumulate(&mut high, &mut low, -row[j], p));
                *r = high + low;
            }
            let (mut high, mut low) = (1.0, 0.0);
            p[..m].iter().for_each(|&p| accumulate(&mut high, &mut low, -1.0, p));
            residual[m] = high + low;
            let correction = solve(&self.lu, |i| residual[i], m + 1);
            self.solution.iter_mut().zip(&correction).for_each(|(p, c)| *p += c);
        }
    }
}

/// Solves `K_TS p + v e = 0`, `1'p = 1` for equally many rows `T` and columns `S`, refined. Not finite if the system is
/// singular.
pub(crate) fn solve_bordered(k: &Margins, rows: &[usize], columns: &[usize]) -> Vec<f64> {
    if columns.len() == 1 {
        return vec![1.0];
    }
    let mut found = NullVector::new(k, rows, columns);
    found.refine();
    found.solution.pop();
    found.solution
}

fn bordered(k: &Margins, rows: &[usize], columns: &[usize]) -> Lu<f64> {
    let m = columns.len();
    // K_ij as -K_ji: a column of the copy is then a row of K in memory
    Lu::new(m + 1, |i, j| match (i < m, j < m) {
        (true, true) => -k.at(columns[j], rows[i]),
        (false, false) => 0.0,
        _ => 1.0,
    })
}

fn solve(lu: &Lu<f64>, rhs: impl Fn(usize) -> f64, n: usize) -> Vec<f64> {
    let mut x: Vec<f64> = (0..n).map(rhs).collect();
    lu.solve(&mut x);
    x
}

/// The skew block of a support, bordered by `1'p`, and how near to singular it is.
///
/// The border removes the one kernel vector that an equilibrium is: the bordered matrix is singular exactly if the kernel
/// of `K_SS` has a second dimension.
pub(crate) struct Block<'a> {
    k: &'a Margins,
    support: &'a [usize],
    lu: Lu<f64>,
}

/// Power iterations for a singular value: a factor of two is enough.
const POWER: usize = 8;

impl<'a> Block<'a> {
    pub(crate) fn new(k: &'a Margins, support: &'a [usize]) -> Self {
        Self { k, support, lu: bordered(k, support, support) }
    }

    /// Largest singular value of `K_SS` (bounded by its Frobenius norm), at least 1.
    pub(crate) fn largest(&self) -> f64 {
        let squares = self.support.iter().flat_map(|&i| {
            let row = self.k.row(i);
            self.support.iter().map(move |&j| row[j] * row[j])
        });
        (0.5 * squares.sum::<f64>()).sqrt().max(1.0)
    }

    /// Smallest singular value of the bordered matrix, by inverse iteration; 0 if it is singular.
    ///
    /// With the sign of the border's row turned the matrix `S` is skew, so `S^-1' = -S^-1` and `|S^-1 S^-1 v| / |v|`
    /// tends to `1 / sigma_min^2`.
    pub(crate) fn smallest(&self) -> f64 {
        let m = self.support.len();
        // no symmetry to be orthogonal to the vector that is sought
        let mut v: Vec<f64> = (0..=m).map(|i| 1.0 + 0.5 * (1.7 * i as f64 + 0.3).sin()).collect();
        let mut inverse = 0.0;
        for step in 0..2 * POWER {
            let norm = v.iter().map(|v| v * v).sum::<f64>().sqrt();
            v.iter_mut().for_each(|v| *v /= norm);
            v[m] = -v[m];
            v = solve(&self.lu, |i| v[i], m + 1);
            let grown = v.iter().map(|v| v * v).sum::<f64>().sqrt();
            if !grown.is_finite() {
                return 0.0;
            }
            let steady = step >= 3 && grown <= 1.05 * inverse;
            inverse = grown;
            if steady {
                break;
            }
        }
        1.0 / inverse
    }
}
