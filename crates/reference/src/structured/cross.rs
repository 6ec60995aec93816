//! A skew block of low rank, factored from few of its rows.
//!
//! With pivot `d = R_ij != 0` of what is left of the block, `R - (r_i r_j' - r_j r_i') / d` has the rows `i` and `j` zero and
//! a rank less by two (`r_i`: row `i`). So `K = sum_m a_m b_m' - b_m a_m' = U J U'` with the columns `a_m = r_i / sqrt|d|`,
//! `b_m = sign(d) r_j / sqrt|d|`, as many as the rank, independent. Pivots are largest of their row and, tried once, of their
//! column (cross approximation with rook pivoting); that nothing is left is checked on spread rows and on a product with
//! pseudo-random weights.
//!
//! Cost: `O(m r)` entries and `O(m r^2)` operations for `m` actions.

use rayon::prelude::*;

use super::Entries;
use crate::lottery::rounding;

/// Largest rank that is factored.
const MOST: usize = 128;
/// Rows in which something left is looked for, beside those that pivots point to.
const CHECKED: usize = 8;
/// A pivot below this, relative to the scale, that is not rounding: the rank is not told.
const UNCLEAR: f64 = 1e-9;

/// `K = U J U'` over some actions.
pub(super) struct Factor {
    /// Rows of `U` behind each other, `[m x rank]`, each column's largest entry 1.
    pub(super) rows: Vec<f64>,
    /// Even, at least 2.
    pub(super) rank: usize,
}

impl Factor {
    /// Rows.
    pub(super) fn actions(&self) -> usize {
        self.rows.len() / self.rank
    }
}

/// The factor of the block of `actions`; `None` if its rank is 0, above [`MOST`], or not told.
pub(super) fn factor(k: &dyn Entries, actions: &[usize], scale: f64) -> Option<Factor> {
    let m = actions.len();
    let zero = rounding(k.n()) * scale;
    let mut columns: Vec<(Vec<f64>, Vec<f64>)> = Vec::new();
    let mut used = vec![false; m];
    let left = |columns: &[(Vec<f64>, Vec<f64>)], i: usize| -> Vec<f64> {
        let entry = |j: usize| {
            let plain = k.margin(actions[i], actions[j]);
            columns.iter().fold(plain, |r, (a, b)| r - (a[i] * b[j] - b[i] * a[j]))
        };
        (0..m).into_par_iter().map(entry).collect()
    };
    let largest = |row: &[f64]| {
        (0..m).max_by(|&a, &b| row[a].abs().total_cmp(&row[b].abs()).then(b.cmp(&a))).expect("an action")
    };
    let mut next = 0;
    loop {
        // where the last pivot points to, then rows spread over the block
        let spread = (0..CHECKED).map(|c| (c * m + m / 2) / CHECKED);
        let candidates = std::iter::once(next).chain(spread).filter(|&i| !used[i]);
        let mut best: Option<(usize, Vec<f64>, f64)> = None;
        for i in candidates {
            let row = left(&columns, i);
            let size = row[largest(&row)].abs();
            if best.as_ref().is_none_or(|(.., other)| size > *other) {
                best = Some((i, row, size));
            }
            if best.as_ref().is_some_and(|(.., size)| *size > 1e-3 * scale) {
                break;
            }
        }
        let Some((mut i, mut row, size)) = best.filter(|(.., size)| *size > zero) else { break };
        if columns.len() * 2 >= MOST || size < UNCLEAR * scale {
            return None;
        }
        let mut j = largest(&row);
        let mut other = left(&columns, j);
        let rook = largest(&other);
        if other[rook].abs() > 1.5 * row[j].abs() {
            (row, i, j) = (other, j, rook);
            other = left(&columns, j);
        }
        let d = row[j];
        let (size, sign) = (d.abs().sqrt(), d.signum());
        row.iter_mut().for_each(|v| *v /= size);
        other.iter_mut().for_each(|v| *v *= sign / size);
        (used[i], used[j]) = (true, true);
        let weight = |l: usize| if used[l] { 0.0 } else { row[l].abs() + other[l].abs() };
        next = (0..m).max_by(|&a, &b| weight(a).total_cmp(&weight(b)).then(b.cmp(&a)))?;
        columns.push((row, other));
    }
    let rank = 2 * columns.len();
    if rank == 0 || !reproduces(k, actions, &columns, zero) {
        return None;
    }
    let factors: Vec<&Vec<f64>> = columns.iter().flat_map(|(a, b)| [a, b]).collect();
    let sizes: Vec<f64> = factors.iter().map(|c| c.iter().fold(0.0, |s: f64, v| s.max(v.abs()))).collect();
    let rows = (0..m).flat_map(|i| factors.iter().zip(&sizes).map(move |(c, s)| c[i] / s)).collect();
    Some(Factor { rows, rank })
}

/// Whether the block and its factor have the same product with weights that no structure knows.
fn reproduces(k: &dyn Entries, actions: &[usize], columns: &[(Vec<f64>, Vec<f64>)], zero: f64) -> bool {
    let z: Vec<f64> = (0..actions.len()).map(|i| (0.7 + 12.9898 * i as f64).sin().fract()).collect();
    let mut whole = vec![0.0; k.n()];
    actions.iter().zip(&z).for_each(|(&i, z)| whole[i] = *z);
    let product = k.product(&whole);
    let dot = |c: &[f64]| -> f64 { c.iter().zip(&z).map(|(c, z)| c * z).sum() };
    let moments: Vec<(f64, f64)> = columns.iter().map(|(a, b)| (dot(a), dot(b))).collect();
    let size = (actions.len() as f64).sqrt();
    actions.par_iter().enumerate().all(|(i, &action)| {
        let rebuilt: f64 = columns.iter().zip(&moments).map(|((a, b), (sa, sb))| a[i] * sb - b[i] * sa).sum();
        (rebuilt - product[action]).abs() <= 16.0 * size * zero
    })
}
