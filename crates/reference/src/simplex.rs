//! The simplex method for a symmetric zero-sum game, on a dense condensed tableau.
//!
//! With `A = K / scale + 2` (entries in `[1, 3]`, value 2) the linear program
//!
//! ```text
//! maximise 1'y   subject to   A y <= 1,  y >= 0          policy = y / 1'y
//! ```
//!
//! starts feasible at `y = 0`, so there is no first phase. Entering column: most negative reduced cost, lowest index
//! first. Leaving row: lexicographic ratio test, so tournaments of zeros and ones, whose ratios tie everywhere, end
//! after finitely many pivots.
//!
//! Written for its number type: margins of 1e-9 that decide beside margins of 1/2 make bases of condition 1e9 and more,
//! which `f64` cannot tell feasible from infeasible; in double-double arithmetic the same code can. (A general package
//! with tolerances of 1e-10 left gaps of that size on such games, or failed; it serves as the second way in the tests.)
//!
//! Cost: `O(n^2)` a pivot, usually fewer than `2 n` pivots; about ten times that in double-double.

use std::ops::{Div, Mul, Sub};

use faer::fx128;

use crate::margins::Margins;

/// What the tableau is made of.
pub(crate) trait Number:
    Copy + PartialOrd + From<f64> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self>
{
    /// A reduced cost above `-COST` is zero. The gap lost by that is of the same size, relative to the scale.
    const COST: f64;
    /// A pivot below this is rounding, and ratios that differ by less, relatively, are tied.
    const TIE: f64;

    /// Rounded.
    fn to_f64(self) -> f64;
}

impl Number for f64 {
    const COST: f64 = 1e-13;
    const TIE: f64 = 1e-12;

    fn to_f64(self) -> f64 {
        self
    }
}

/// Double-double: 31 digits.
impl Number for fx128 {
    const COST: f64 = 1e-22;
    const TIE: f64 = 1e-24;

    fn to_f64(self) -> f64 {
        self.0
    }
}

/// What the value of the game is shifted by, so that all payoffs are positive.
const SHIFT: f64 = 2.0;

/// An optimal basis: the actions that may be played, and the equally many opponents' actions that hold them level.
pub(crate) struct Basis {
    /// Columns: actions whose probability is a basic variable (it may be 0 in a degenerate game).
    pub(crate) columns: Vec<usize>,
    /// Rows: actions whose constraint `(K pi)_i <= 0` holds with equality.
    pub(crate) rows: Vec<usize>,
    /// Probabilities of the columns as the tableau has them, up to rounding of either sign.
    pub(crate) probs: Vec<f64>,
}

/// Runs the method on scaled margins. The last basis is returned even if the pivot limit ended it: the caller
/// certifies the policy.
pub(crate) fn optimal_basis<T: Number>(k: &Margins) -> Basis {
    let mut tableau = Tableau::<T>::new(k);
    let limit = 50 * (k.n() + 10);
    for _ in 0..limit {
        let Some(column) = tableau.entering() else { break };
        let Some(row) = tableau.leaving(column) else { break };
        tableau.pivot(row, column);
    }
    tableau.basis()
}

struct Tableau<T> {
    n: usize,
    /// `(n + 1) x (n + 1)`, row-major. Last column: values of the basic variables; last row: reduced costs.
    cells: Vec<T>,
    /// Variable of each row; `j < n` is `y_j`, `n + i` is the slack of row `i`.
    basic: Vec<usize>,
    /// Variable of each column.
    nonbasic: Vec<usize>,
    /// Where each slack stands: row `r` as `r`, column `c` as `n + c`.
    slack_at: Vec<usize>,
    /// Copy of the pivot row.
    scratch: Vec<T>,
}

impl<T: Number> Tableau<T> {
    fn new(k: &Margins) -> Self {
        let (n, width) = (k.n(), k.n() + 1);
        let mut cells = vec![T::from(1.0); width * width];
        for i in 0..n {
            for (cell, &margin) in cells[i * width..i * width + n].iter_mut().zip(k.row(i)) {
                *cell = T::from(margin) - T::from(-SHIFT);
            }
        }
        cells[n * width..n * width + n].fill(T::from(-1.0));
        cells[n * width + n] = T::from(0.0);
        Self {
            n,
            cells,
            basic: (n..2 * n).collect(),
            nonbasic: (0..n).collect(),
            slack_at: (0..n).collect(),
            scratch: vec![T::from(0.0); width],
        }
    }

    fn at(&self, row: usize, column: usize) -> T {
        self.cells[row * (self.n + 1) + column]
    }

    fn entering(&self) -> Option<usize> {
        let costs = &self.cells[self.n * (self.n + 1)..][..self.n];
        let (mut best, mut least) = (None, T::from(-T::COST));
        for (column, &cost) in costs.iter().enumerate() {
            if cost < least {
                (best, least) = (Some(column), cost);
            }
        }
        best
    }

    fn leaving(&self, column: usize) -> Option<usize> {
        let mut best: Option<(usize, T)> = None;
        for row in 0..self.n {
            let pivot = self.at(row, column);
            if pivot <= T::from(T::TIE) {
                continue;
            }
            let value = self.at(row, self.n);
            // a basic variable is never negative but by rounding
            let ratio = if value > T::from(0.0) { value / pivot } else { T::from(0.0) };
            let better = match best {
                None => true,
                Some((other, least)) => match difference(ratio, least) {
                    Some(less) => less,
                    None => self.lexicographically_less(row, other, column),
                },
            };
            if better {
                best = Some((row, ratio));
            }
        }
        best.map(|(row, _)| row)
    }

    /// Compares two rows of the inverse basis, each divided by its entry in `column`, slack by slack.
    fn lexicographically_less(&self, a: usize, b: usize, column: usize) -> bool {
        let (pa, pb) = (self.at(a, column), self.at(b, column));
        let inverse = |row: usize, place: usize| match place.checked_sub(self.n) {
            Some(column) => self.at(row, column),
            None => T::from(f64::from(u8::from(place == row))),
        };
        let mut differences = self
            .slack_at
            .iter()
            .filter_map(|&place| difference(inverse(a, place) / pa, inverse(b, place) / pb));
        differences.next().unwrap_or(false)
    }

    fn pivot(&mut self, row: usize, column: usize) {
        let width = self.n + 1;
        let inverse = T::from(1.0) / self.at(row, column);
        let pivot_row = &mut self.cells[row * width..(row + 1) * width];
        pivot_row[column] = T::from(1.0);
        pivot_row.iter_mut().for_each(|v| *v = *v * inverse);
        self.scratch.copy_from_slice(pivot_row);
        for (r, cells) in self.cells.chunks_exact_mut(width).enumerate() {
            if r == row {
                continue;
            }
            let factor = std::mem::replace(&mut cells[column], T::from(0.0));
            if factor != T::from(0.0) {
                for (cell, &p) in cells.iter_mut().zip(&self.scratch) {
                    *cell = *cell - factor * p;
                }
            }
        }
        std::mem::swap(&mut self.basic[row], &mut self.nonbasic[column]);
        for (variable, place) in [(self.basic[row], row), (self.nonbasic[column], self.n + column)] {
            if let Some(slack) = variable.checked_sub(self.n) {
                self.slack_at[slack] = place;
            }
        }
    }

    fn basis(&self) -> Basis {
        let sum = self.at(self.n, self.n);
        let played = |&(_, &v): &(usize, &usize)| v < self.n;
        let columns = self.basic.iter().enumerate().filter(played);
        Basis {
            rows: self.nonbasic.iter().filter_map(|v| v.checked_sub(self.n)).collect(),
            probs: columns.clone().map(|(row, _)| (self.at(row, self.n) / sum).to_f64()).collect(),
            columns: columns.map(|(_, &v)| v).collect(),
        }
    }
}

/// Whether `a < b`; `None` if they are equal up to rounding.
fn difference<T: Number>(a: T, b: T) -> Option<bool> {
    let size = 1.0 + a.to_f64().abs().max(b.to_f64().abs());
    ((a - b).to_f64().abs() > T::TIE * size).then_some(a < b)
}
