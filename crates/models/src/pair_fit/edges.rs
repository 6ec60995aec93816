//! Symmetric matrices that have entries on the diagonal and at pairs that met, and linear systems of them by conjugate gradients.
//!
//! ```text
//! (H x)_i = d_i x_i - sum over opponents j of w_ij x_j
//! ```
//!
//! Preconditioned by the diagonal. Several right-hand sides go side by side, so that an entry is read once for all of them; they
//! take steps of their own. Sums are over fixed chunks of items: bits do not depend on threads.

use rayon::prelude::*;

use super::likelihood::{Cell, Likelihood, PairLikelihood, Point};

/// Items summed, or multiplied, at a time.
const CHUNK: usize = 2048;
/// Steps of conjugate gradients at most: as many as a chain of items needs.
const MOST: usize = 5000;

/// The matrix; entries are set by [`Edges::set`].
pub(super) struct Edges {
    /// Row i is `starts[i] .. starts[i + 1]`.
    starts: Vec<usize>,
    opponents: Vec<u32>,
    /// Of each entry, twice its cell of the likelihood, and 1 more in the row of the cell's second item.
    sides: Vec<u32>,
    weights: Vec<f64>,
    pub(super) diagonal: Vec<f64>,
}

/// Values of so many vectors at one item.
pub(super) type Lanes<const B: usize> = [f64; B];

impl Edges {
    pub(super) fn new(likelihood: &Likelihood) -> Self {
        let n = likelihood.n;
        let mut starts = vec![0; n + 1];
        for cell in &likelihood.cells {
            starts[cell.first + 1] += 1;
            starts[cell.second + 1] += 1;
        }
        (0..n).for_each(|i| starts[i + 1] += starts[i]);
        let mut next = starts.clone();
        let (mut opponents, mut sides) = (vec![0; starts[n]], vec![0; starts[n]]);
        for (k, cell) in likelihood.cells.iter().enumerate() {
            for (side, i, j) in [(0, cell.first, cell.second), (1, cell.second, cell.first)] {
                opponents[next[i]] = u32::try_from(j).expect("items are numbered by 32 bits");
                sides[next[i]] = u32::try_from(2 * k + side).expect("pairs are numbered by 31 bits");
                next[i] += 1;
            }
        }
        Self { starts, weights: vec![0.0; opponents.len()], opponents, sides, diagonal: vec![0.0; n] }
    }

    /// Sets the entry of every cell, and what else is on the diagonal.
    pub(super) fn set(&mut self, cells: &[f64], diagonal: &[f64]) {
        let (starts, sides) = (&self.starts, &self.sides);
        self.weights.par_chunks_mut(CHUNK).zip(sides.par_chunks(CHUNK)).for_each(|(weights, sides)| {
            weights.iter_mut().zip(sides).for_each(|(w, side)| *w = cells[*side as usize / 2]);
        });
        let weights = &self.weights;
        self.diagonal.par_iter_mut().enumerate().for_each(|(i, d)| {
            *d = diagonal[i] + weights[starts[i]..starts[i + 1]].iter().sum::<f64>();
        });
    }

    /// The cells of item i with their entries, in their order: the cell, whether i is its second item, the entry.
    pub(super) fn row(&self, i: usize) -> impl Iterator<Item = (usize, bool, f64)> + '_ {
        let row = self.starts[i]..self.starts[i + 1];
        let each = self.sides[row.clone()].iter().zip(&self.weights[row]);
        each.map(|(side, w)| (*side as usize / 2, side % 2 == 1, *w))
    }

    /// `sum over opponents j of w_ij x_j`.
    pub(super) fn neighbours<const B: usize>(&self, i: usize, x: &[Lanes<B>]) -> Lanes<B> {
        let mut sum = [0.0; B];
        let row = self.starts[i]..self.starts[i + 1];
        for (j, w) in self.opponents[row.clone()].iter().zip(&self.weights[row]) {
            let x = &x[*j as usize];
            (0..B).for_each(|b| sum[b] += w * x[b]);
        }
        sum
    }

    /// `H x`, and `x'H x`.
    fn multiply<const B: usize>(&self, x: &[Lanes<B>], out: &mut [Lanes<B>]) -> Lanes<B> {
        let each = out.par_chunks_mut(CHUNK).enumerate().map(|(k, out)| {
            let mut inner = [0.0; B];
            for (at, out) in out.iter_mut().enumerate() {
                let i = k * CHUNK + at;
                let others = self.neighbours(i, x);
                for b in 0..B {
                    out[b] = self.diagonal[i] * x[i][b] - others[b];
                    inner[b] += x[i][b] * out[b];
                }
            }
            inner
        });
        total(each.collect())
    }

    /// Solves `H x = right`, to a residual of `tolerance` relative to the right-hand side, both in the norm of the inverse
    /// diagonal. Where H is singular along equal values of an island, `right` sums to 0 there and x is any solution. `None` if
    /// the steps did not suffice.
    pub(super) fn solve<const B: usize>(
        &self,
        right: Vec<Lanes<B>>,
        tolerance: f64,
    ) -> Option<Vec<Lanes<B>>> {
        let n = right.len();
        let inverse: Vec<f64> =
            self.diagonal.iter().map(|d| if *d > 0.0 { d.recip() } else { 0.0 }).collect();
        let (mut x, mut r) = (vec![[0.0; B]; n], right);
        let mut p: Vec<Lanes<B>> = scaled(&r, &inverse);
        let mut hp = vec![[0.0; B]; n];
        let mut size = inner(&r, &inverse);
        let goal = size.map(|s| s * tolerance * tolerance);
        for _ in 0..MOST {
            if (0..B).all(|b| size[b] <= goal[b]) {
                return Some(x);
            }
            let curvature = self.multiply(&p, &mut hp);
            // what has arrived moves no further
            let step: Lanes<B> = std::array::from_fn(|b| {
                if size[b] > goal[b] && curvature[b] > 0.0 { size[b] / curvature[b] } else { 0.0 }
            });
            let each = x.par_chunks_mut(CHUNK).zip(r.par_chunks_mut(CHUNK)).enumerate().map(|(k, (x, r))| {
                let mut sum = [0.0; B];
                for (at, (x, r)) in x.iter_mut().zip(r).enumerate() {
                    let i = k * CHUNK + at;
                    for b in 0..B {
                        x[b] += step[b] * p[i][b];
                        r[b] -= step[b] * hp[i][b];
                        sum[b] += r[b] * r[b] * inverse[i];
                    }
                }
                sum
            });
            let new: Lanes<B> = total(each.collect());
            let turn: Lanes<B> = std::array::from_fn(|b| if size[b] > 0.0 { new[b] / size[b] } else { 0.0 });
            p.par_chunks_mut(CHUNK).zip(r.par_chunks(CHUNK)).enumerate().for_each(|(k, (p, r))| {
                for (at, (p, r)) in p.iter_mut().zip(r).enumerate() {
                    (0..B).for_each(|b| p[b] = r[b] * inverse[k * CHUNK + at] + turn[b] * p[b]);
                }
            });
            size = new;
        }
        None
    }
}

/// Curvature of every cell, of the prior of every item, and the slope at every item.
pub(super) fn derivatives(
    likelihood: &Likelihood,
    edges: &Edges,
    point: &Point,
) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let of_cell = |cell: &Cell| {
        let d = point[cell.first] - point[cell.second];
        let pair = PairLikelihood::at(d, cell.weights[0], cell.weights[1]);
        (pair.curvature(), pair.slope())
    };
    let (curvatures, slopes): (Vec<f64>, Vec<f64>) = likelihood.cells.par_iter().map(of_cell).unzip();
    let of_item = |i: usize| {
        let slope = edges
            .row(i)
            .fold(0.0, |sum, (k, second, _)| if second { sum - slopes[k] } else { sum + slopes[k] });
        if !likelihood.prior[i] {
            return (0.0, slope);
        }
        let p = equipoise_core::logistic::logistic(point[i]);
        (2.0 * p * (1.0 - p), slope + (1.0 - 2.0 * p))
    };
    let (diagonal, slope) = (0..likelihood.n).into_par_iter().map(of_item).unzip();
    (curvatures, diagonal, slope)
}

fn scaled<const B: usize>(r: &[Lanes<B>], by: &[f64]) -> Vec<Lanes<B>> {
    r.iter().zip(by).map(|(r, s)| r.map(|r| r * s)).collect()
}

/// `r' diag(by) r`.
fn inner<const B: usize>(r: &[Lanes<B>], by: &[f64]) -> Lanes<B> {
    let each = r.par_chunks(CHUNK).zip(by.par_chunks(CHUNK)).map(|(r, by)| {
        let mut sum = [0.0; B];
        r.iter().zip(by).for_each(|(r, s)| (0..B).for_each(|b| sum[b] += r[b] * r[b] * s));
        sum
    });
    total(each.collect())
}

fn total<const B: usize>(parts: Vec<Lanes<B>>) -> Lanes<B> {
    let mut sum = [0.0; B];
    parts.iter().for_each(|part| (0..B).for_each(|b| sum[b] += part[b]));
    sum
}
