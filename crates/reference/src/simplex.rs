//! The simplex method for a symmetric zero-sum game, on a dense condensed tableau.
//!
//! With `A = K / max|K| + 2` (all entries in `[1, 3]`, value 2) the linear program
//!
//! ```text
//! maximise 1'y   subject to   A y <= 1,  y >= 0          policy = y / 1'y
//! ```
//!
//! starts feasible at `y = 0`, so there is no first phase. Entering column: most negative reduced cost, lowest index
//! first. Leaving row: lexicographic ratio test, so tournaments of zeros and ones, whose ratios tie everywhere, end
//! after finitely many pivots. Dense rather than sparse and by a general package, because margins of 1e-9 beside
//! margins of 1/2 must count: the tolerances here sit at rounding, general packages stop at 1e-7 to 1e-10.
//!
//! Cost: `O(n^2)` a pivot, usually fewer than `2 n` pivots.

use crate::margins::Margins;

/// A reduced cost above `-COST` is zero. The gap lost by that is of the same size, relative to `max|K|`.
const COST: f64 = 1e-13;
/// A pivot below this is rounding.
const PIVOT: f64 = 1e-12;
/// Ratios that differ by less, relatively, are tied.
const TIE: f64 = 1e-12;
/// What the value of the game is shifted by, so that all payoffs are positive.
const SHIFT: f64 = 2.0;

/// An optimal basis: the actions that may be played, and the equally many opponents' actions that hold them level.
pub(crate) struct Basis {
    /// Columns: actions whose probability is a basic variable (it may be 0 in a degenerate game).
    pub(crate) columns: Vec<usize>,
    /// Rows: actions whose constraint `(K pi)_i <= 0` holds with equality.
    pub(crate) rows: Vec<usize>,
    /// Pivots made.
    pub(crate) pivots: usize,
}

/// Runs the method on `k`, scaled to largest entry 1. The last basis is returned even if the pivot limit ended it:
/// the caller certifies the policy.
pub(crate) fn optimal_basis(k: &Margins) -> Basis {
    let mut tableau = Tableau::new(k);
    let limit = 50 * (k.n() + 10);
    let mut pivots = 0;
    while pivots < limit {
        let Some(column) = tableau.entering() else { break };
        let Some(row) = tableau.leaving(column) else { break };
        tableau.pivot(row, column);
        pivots += 1;
    }
    tableau.basis(pivots)
}

struct Tableau {
    n: usize,
    /// `(n + 1) x (n + 1)`, row-major. Last column: values of the basic variables; last row: reduced costs.
    cells: Vec<f64>,
    /// Variable of each row; `j < n` is `y_j`, `n + i` is the slack of row `i`.
    basic: Vec<usize>,
    /// Variable of each column.
    nonbasic: Vec<usize>,
    /// Where each slack stands: row `r` as `r`, column `c` as `n + c`.
    slack_at: Vec<usize>,
    /// Copy of the pivot row.
    scratch: Vec<f64>,
}

impl Tableau {
    fn new(k: &Margins) -> Self {
        let (n, width) = (k.n(), k.n() + 1);
        let mut cells = vec![1.0; width * width];
        for i in 0..n {
            for (cell, margin) in cells[i * width..i * width + n].iter_mut().zip(k.row(i)) {
                *cell = margin + SHIFT;
            }
        }
        cells[n * width..n * width + n].fill(-1.0);
        cells[n * width + n] = 0.0;
        Self {
            n,
            cells,
            basic: (n..2 * n).collect(),
            nonbasic: (0..n).collect(),
            slack_at: (0..n).collect(),
            scratch: vec![0.0; width],
        }
    }

    fn at(&self, row: usize, column: usize) -> f64 {
        self.cells[row * (self.n + 1) + column]
    }

    fn entering(&self) -> Option<usize> {
        let costs = &self.cells[self.n * (self.n + 1)..][..self.n];
        let (mut best, mut least) = (None, -COST);
        for (column, &cost) in costs.iter().enumerate() {
            if cost < least {
                (best, least) = (Some(column), cost);
            }
        }
        best
    }

    fn leaving(&self, column: usize) -> Option<usize> {
        let mut best: Option<(usize, f64)> = None;
        for row in 0..self.n {
            let pivot = self.at(row, column);
            if pivot <= PIVOT {
                continue;
            }
            // a basic variable is never negative but by rounding
            let ratio = self.at(row, self.n).max(0.0) / pivot;
            let better = match best {
                None => true,
                Some((other, least)) if (ratio - least).abs() <= TIE * (1.0 + least) => {
                    self.lexicographically_less(row, other, column)
                }
                Some((_, least)) => ratio < least,
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
        let inverse = |row: usize, place: usize| {
            if place >= self.n { self.at(row, place - self.n) } else { f64::from(u8::from(place == row)) }
        };
        for &place in &self.slack_at {
            let (va, vb) = (inverse(a, place) / pa, inverse(b, place) / pb);
            if (va - vb).abs() > TIE * (1.0 + va.abs().max(vb.abs())) {
                return va < vb;
            }
        }
        false
    }

    fn pivot(&mut self, row: usize, column: usize) {
        let width = self.n + 1;
        let inverse = 1.0 / self.at(row, column);
        let pivot_row = &mut self.cells[row * width..(row + 1) * width];
        pivot_row[column] = 1.0;
        pivot_row.iter_mut().for_each(|v| *v *= inverse);
        self.scratch.copy_from_slice(pivot_row);
        for (r, cells) in self.cells.chunks_exact_mut(width).enumerate() {
            if r == row {
                continue;
            }
            let factor = std::mem::replace(&mut cells[column], 0.0);
            if factor != 0.0 {
                for (cell, p) in cells.iter_mut().zip(&self.scratch) {
                    *cell -= factor * p;
                }
            }
        }
        std::mem::swap(&mut self.basic[row], &mut self.nonbasic[column]);
        for (variable, place) in [(self.basic[row], row), (self.nonbasic[column], self.n + column)] {
            if variable >= self.n {
                self.slack_at[variable - self.n] = place;
            }
        }
    }

    fn basis(&self, pivots: usize) -> Basis {
        let mut columns: Vec<usize> = self.basic.iter().copied().filter(|&v| v < self.n).collect();
        let mut rows: Vec<usize> = self.nonbasic.iter().filter(|&&v| v >= self.n).map(|v| v - self.n).collect();
        columns.sort_unstable();
        rows.sort_unstable();
        Basis { columns, rows, pivots }
    }
}
