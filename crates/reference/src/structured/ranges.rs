//! Ends of the level set `{q >= 0 : U'q = 0, 1'q = 1}` of a factored block, by linear programmes in as many rows as the rank.
//!
//! ```text
//! max c'q  subject to  a_j = (u_j, 1),  sum_j q_j a_j = (0, 1),  q >= 0
//! c'q <= y_1 + max_j (c_j - y'a_j)      for all y:  prices, which bound what a vertex attains
//! ```
//!
//! The simplex method, each programme begun where the last one ended; all have the same vertices. An end is told if a vertex and its prices meet
//! within [`MET`].
//!
//! Cost: `O(m r)` a pivot, a few pivots a programme, `m` programmes of `m` actions.

use rayon::prelude::*;

use super::cross::Factor;
use crate::dense::Lu;

/// Programmes that follow on one another: bits do not depend on the threads.
const CHUNK: usize = 64;
/// Pivots a programme, times its rows, before it is given up.
const PIVOTS: usize = 40;
/// Below this a reduced cost or a pivot is rounding: columns have entries up to 1.
const ROUNDING: f64 = 1e-12;
/// What a vertex, the equations and its prices may be apart.
const MET: f64 = 1e-10;
/// Actions squared times rows up to which ends are looked for.
const MOST: f64 = 2e9;

/// A basis of the programmes, with its vertex.
#[derive(Clone)]
struct Vertex<'a> {
    factor: &'a Factor,
    /// Columns, as many as rows.
    basis: Vec<usize>,
    /// Their probabilities.
    q: Vec<f64>,
}

impl<'a> Vertex<'a> {
    /// The vertex with this support, which is one, completed to a basis; `None` if its columns are dependent.
    fn new(factor: &'a Factor, support: &[usize]) -> Option<Self> {
        let rows = factor.rank + 1;
        let mut spanned: Vec<Vec<f64>> = Vec::new();
        let mut basis = Vec::new();
        // what the columns so far leave of a column
        let left = |spanned: &[Vec<f64>], j: usize| {
            let mut column: Vec<f64> = (0..rows).map(|i| entry(factor, i, j)).collect();
            for _ in 0..2 {
                for unit in spanned {
                    let along: f64 = unit.iter().zip(&column).map(|(u, c)| u * c).sum();
                    column.iter_mut().zip(unit).for_each(|(c, u)| *c -= along * u);
                }
            }
            let size = column.iter().map(|c| c * c).sum::<f64>().sqrt();
            (column, size)
        };
        let mut next = support.iter().copied();
        while basis.len() < rows {
            let j = next.next().or_else(|| {
                let sizes: Vec<f64> =
                    (0..factor.actions()).into_par_iter().map(|j| left(&spanned, j).1).collect();
                (0..sizes.len()).max_by(|&a, &b| sizes[a].total_cmp(&sizes[b]).then(b.cmp(&a)))
            })?;
            let (column, size) = left(&spanned, j);
            if size < 1e-9 {
                return None;
            }
            spanned.push(column.iter().map(|c| c / size).collect());
            basis.push(j);
        }
        let mut vertex = Self { factor, basis, q: Vec::new() };
        vertex.solve_basis();
        vertex.holds().then_some(vertex)
    }

    fn solve_basis(&mut self) {
        let rows = self.basis.len();
        let lu = Lu::new(rows, |i, b| entry(self.factor, i, self.basis[b]));
        self.q = vec![0.0; rows];
        self.q[rows - 1] = 1.0;
        lu.solve(&mut self.q);
    }

    /// Whether the equations hold, with probabilities that are not negative.
    fn holds(&self) -> bool {
        let rows = self.basis.len();
        let off = |i: usize| {
            let sum: f64 = self.basis.iter().zip(&self.q).map(|(&j, q)| entry(self.factor, i, j) * q).sum();
            (sum - f64::from(u8::from(i == rows - 1))).abs()
        };
        self.q.iter().all(|q| *q >= -MET) && (0..rows).all(|i| off(i) <= MET)
    }

    /// Moves to a vertex of largest `c'q`: its value, and the bound of its prices; `None` if the method did not end.
    fn ascend(&mut self, c: impl Fn(usize) -> f64 + Sync) -> Option<(f64, f64)> {
        let rows = self.basis.len();
        let mut in_basis = vec![false; self.factor.actions()];
        self.basis.iter().for_each(|&j| in_basis[j] = true);
        for _ in 0..PIVOTS * rows {
            let turned = Lu::new(rows, |b, i| entry(self.factor, i, self.basis[b]));
            let mut prices: Vec<f64> = self.basis.iter().map(|&j| c(j)).collect();
            turned.solve(&mut prices);
            let last = prices[rows - 1];
            let (mut best, mut entering) = (0.0f64, None);
            for (j, u) in self.factor.rows.chunks_exact(rows - 1).enumerate() {
                let reduced = c(j) - last - u.iter().zip(&prices).map(|(u, y)| u * y).sum::<f64>();
                if reduced > best {
                    best = reduced;
                    entering = (!in_basis[j]).then_some(j).or(entering);
                }
            }
            let value = self.basis.iter().zip(&self.q).map(|(&j, q)| c(j) * q).sum();
            let Some(entering) = entering.filter(|_| best > ROUNDING) else {
                return Some((value, last + best));
            };
            let lu = Lu::new(rows, |i, b| entry(self.factor, i, self.basis[b]));
            let mut along: Vec<f64> = (0..rows).map(|i| entry(self.factor, i, entering)).collect();
            lu.solve(&mut along);
            let ratio = |b: usize| self.q[b].max(0.0) / along[b];
            let leaving = (0..rows)
                .filter(|&b| along[b] > ROUNDING)
                // of level ones the largest pivot
                .min_by(|&a, &b| ratio(a).total_cmp(&ratio(b)).then(along[b].total_cmp(&along[a])))?;
            in_basis[self.basis[leaving]] = false;
            in_basis[entering] = true;
            self.basis[leaving] = entering;
            self.solve_basis();
        }
        None
    }

    /// The largest `c'q`; `None` if it is not told.
    fn largest(&mut self, c: impl Fn(usize) -> f64 + Sync) -> Option<f64> {
        let (value, bound) = self.ascend(c)?;
        ((bound - value).abs() <= MET && self.holds()).then_some(value)
    }

    fn probability(&self, action: usize) -> f64 {
        self.basis.iter().position(|&j| j == action).map_or(0.0, |b| self.q[b])
    }
}

/// Entry `i` of column `j`.
fn entry(factor: &Factor, i: usize, j: usize) -> f64 {
    if i < factor.rank { factor.rows[j * factor.rank + i] } else { 1.0 }
}

/// Least and largest probability of each action of the block, `[m]`, given the support of a vertex; `None` where they are not told, or the
/// programmes are too many.
pub(super) fn ends(factor: &Factor, support: &[usize]) -> Option<Vec<(f64, f64)>> {
    let m = factor.actions();
    if (m as f64).powi(2) * (factor.rank + 1) as f64 > MOST {
        return None;
    }
    let start = Vertex::new(factor, support)?;
    let chunk = |first: usize| -> Option<Vec<(f64, f64)>> {
        let mut vertex = start.clone();
        let range = |i: usize| {
            let least = match vertex.probability(i) {
                q if q <= 0.0 => 0.0,
                _ => -vertex.largest(|j| if j == i { -1.0 } else { 0.0 })?,
            };
            let largest = vertex.largest(|j| f64::from(u8::from(j == i)))?;
            Some((least.clamp(0.0, 1.0), largest.clamp(0.0, 1.0)))
        };
        (first..m.min(first + CHUNK)).map(range).collect()
    };
    let chunks: Vec<usize> = (0..m).step_by(CHUNK).collect();
    let found: Option<Vec<Vec<(f64, f64)>>> = chunks.into_par_iter().map(chunk).collect();
    found.map(|parts| parts.concat())
}

/// Whether the level set loses to none of so many `rivals` outside it, whose margins with its actions are `k(rival, j)`.
pub(super) fn beats_all(
    factor: &Factor,
    support: &[usize],
    rivals: &[usize],
    k: impl Fn(usize, usize) -> f64 + Sync,
) -> bool {
    let Some(start) = Vertex::new(factor, support) else { return rivals.is_empty() };
    rivals.par_chunks(CHUNK).all(|part| {
        let mut vertex = start.clone();
        part.iter().all(|&rival| {
            let margins: Vec<f64> = (0..factor.actions()).map(|j| k(rival, j)).collect();
            // a bound, so that it holds at all of the set
            vertex.ascend(|j| margins[j]).is_some_and(|(_, bound)| bound <= 0.0 && vertex.holds())
        })
    })
}
