//! The least and the largest value of each coordinate of a bounded polytope `{t = at + Z y : t >= 0}`, by the simplex method in
//! floating point.
//!
//! Dictionary: each basic coordinate is `value + sum_j entry_j v_j` over the nonbasic ones, which are 0. From `y = 0`, inside,
//! one `y_j` after another moves until a coordinate is 0 and leaves in its place; then every coordinate is made least and
//! largest, from the same vertex, so that rounding does not add up over coordinates. Entering: the steepest; after a step of
//! length 0 the lowest index until a step has length (Bland 1977).
//!
//! Cost: `m - d` rows of `d` entries for `m` coordinates, a few pivots of that size for each end.

use faer::Mat;

/// An entry of so little is rounding, for columns of `Z` of length 1.
const ZERO: f64 = 1e-12;

/// Least and largest value of the first `count` coordinates; `None` if rounding let a program run on.
pub(crate) fn ranges(at: &[f64], along: &Mat<f64>, count: usize) -> Option<Vec<(f64, f64)>> {
    let vertex = Dictionary::vertex(at, along)?;
    (0..count).map(|i| Some((vertex.clone().extreme(i, false)?, vertex.clone().extreme(i, true)?))).collect()
}

#[derive(Clone)]
struct Dictionary {
    /// A row a basic coordinate: its value, then its entries.
    rows: Vec<(f64, Vec<f64>)>,
    basic: Vec<usize>,
    /// Coordinate of each column; `None`: one of `y`.
    nonbasic: Vec<Option<usize>>,
}

impl Dictionary {
    fn vertex(at: &[f64], along: &Mat<f64>) -> Option<Self> {
        let d = along.ncols();
        let row = |i: usize| (at[i], (0..d).map(|j| along[(i, j)]).collect());
        let rows = (0..at.len()).map(row).collect();
        let mut found = Self { rows, basic: (0..at.len()).collect(), nonbasic: vec![None; d] };
        for column in 0..d {
            // bounded: some coordinate falls whichever way it goes
            let row = found.leaving(column, 1.0).or_else(|| found.leaving(column, -1.0))?;
            found.pivot(row, column);
            // what is free is of no interest once it is basic
            found.rows.remove(row);
            found.basic.remove(row);
        }
        Some(found)
    }

    /// The largest or the least value of a coordinate.
    fn extreme(&mut self, coordinate: usize, largest: bool) -> Option<f64> {
        let limit = 50 * (self.rows.len() + self.nonbasic.len() + 10);
        let mut moved = true;
        for _ in 0..limit {
            let Some(row) = self.basic.iter().position(|c| *c == coordinate) else {
                let column = self.nonbasic.iter().position(|c| *c == Some(coordinate))?;
                if !largest {
                    return Some(0.0);
                }
                let Some(row) = self.leaving(column, 1.0) else { return Some(0.0) };
                moved = self.rows[row].0 > 0.0;
                self.pivot(row, column);
                continue;
            };
            let slope = |c: usize| if largest { self.rows[row].1[c] } else { -self.rows[row].1[c] };
            let improving = (0..self.nonbasic.len()).filter(|&c| slope(c) > ZERO);
            let column = if moved {
                improving.max_by(|&a, &b| slope(a).total_cmp(&slope(b)).then(b.cmp(&a)))
            } else {
                improving.min_by_key(|&c| self.nonbasic[c])
            };
            let Some(column) = column else { return Some(self.rows[row].0) };
            let leaving = self.leaving(column, 1.0)?;
            moved = self.rows[leaving].0 > 0.0;
            self.pivot(leaving, column);
        }
        None
    }

    /// The row whose coordinate is 0 first as the variable of a column goes up (`sign` 1) or down; of equal ones that of the
    /// largest entry.
    fn leaving(&self, column: usize, sign: f64) -> Option<usize> {
        let falls = |r: &usize| sign * self.rows[*r].1[column] < -ZERO;
        let length = |r: usize| self.rows[r].0 / (-sign * self.rows[r].1[column]);
        let size = |r: usize| self.rows[r].1[column].abs();
        (0..self.rows.len())
            .filter(falls)
            .min_by(|&a, &b| length(a).total_cmp(&length(b)).then(size(b).total_cmp(&size(a))))
    }

    fn pivot(&mut self, row: usize, column: usize) {
        let (value, mut head) = self.rows[row].clone();
        let pivot = head[column];
        // the variable of the column in terms of the others: (t_row - value - sum_j head_j v_j) / pivot
        let shift = -value / pivot;
        head.iter_mut().for_each(|entry| *entry /= -pivot);
        head[column] = 1.0 / pivot;
        for (r, (value, entries)) in self.rows.iter_mut().enumerate() {
            if r == row || entries[column] == 0.0 {
                continue;
            }
            let factor = std::mem::replace(&mut entries[column], 0.0);
            *value = (*value + factor * shift).max(0.0);
            entries.iter_mut().zip(&head).for_each(|(entry, h)| *entry += factor * h);
        }
        self.rows[row] = (shift.max(0.0), head);
        let entering = self.nonbasic[column].replace(self.basic[row]);
        // of a free variable the row is dropped by the caller
        self.basic[row] = entering.unwrap_or(usize::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The simplex of three probabilities, cut by `x_0 <= x_1 + 1/2`, around its centre.
    #[test]
    fn a_cut_triangle() {
        let half = 0.5f64.sqrt();
        let sixth = (1.0f64 / 6.0).sqrt();
        let z = [[half, sixth], [-half, sixth], [0.0, -2.0 * sixth]];
        let along = Mat::from_fn(4, 2, |i, j| if i < 3 { z[i][j] } else { z[1][j] - z[0][j] });
        let third = 1.0 / 3.0;
        let found = ranges(&[third, third, third, 0.5], &along, 3).unwrap();
        for (found, expected) in found.iter().zip([(0.0, 0.75), (0.0, 1.0), (0.0, 1.0)]) {
            assert!(
                (found.0 - expected.0).abs() < 1e-14 && (found.1 - expected.1).abs() < 1e-14,
                "{found:?}"
            );
        }
    }
}
