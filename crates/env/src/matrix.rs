//! One validated preference matrix.

use equipoise_core::cpu::alloc_huge_pages;
use ndarray::{Array2, ArrayView2};

use crate::product::{pairs, skew_margin, skew_product};
use crate::storage::{Panels, Storage};

/// How far `P_ij + P_ji` may be from 1, and `P_ii` from 1/2: what rounding to seven decimals leaves. Within it the
/// margins are `(P_ij - P_ji) / 2`, so complementarity is exact afterwards.
pub const COMPLEMENT_TOLERANCE: f64 = 1e-6;

/// Contexts of so many actions or more are kept in [`Panels`], smaller ones in packed triangles.
pub(crate) const LARGE: usize = 1024;

/// How many violations a message spells out.
const SHOWN: usize = 8;

/// Preferences over `n` actions: `P_ij = Pr(i beats j)` in `[0, 1]`, `P + P' = 1`, `P_ii = 1/2`, all by construction.
///
/// Stored as margins `K = P - 1/2`, each unordered pair once.
#[derive(Clone, Debug, PartialEq)]
pub struct PreferenceMatrix {
    n: usize,
    pub(crate) margins: Margins,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Margins {
    /// Packed strict upper triangle of K, row-major.
    Triangle(Vec<f64>),
    Panels(Panels<f64>),
}

/// One broken rule, with its cell. Rows and columns count from 1, as in a file.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// A NaN or an infinity.
    #[error("row {row}, column {column}: {value} is not a finite number")]
    NotFinite {
        /// Row, from 1.
        row: usize,
        /// Column, from 1.
        column: usize,
        /// The entry.
        value: f64,
    },
    /// An entry outside `[0, 1]`.
    #[error("row {row}, column {column}: {value} is not a probability in [0, 1]")]
    OutOfRange {
        /// Row, from 1.
        row: usize,
        /// Column, from 1.
        column: usize,
        /// The entry.
        value: f64,
    },
    /// A diagonal entry that is not one half.
    #[error("row {row}, column {row}: the diagonal is {value}, must be 0.5")]
    Diagonal {
        /// Row, from 1.
        row: usize,
        /// The entry.
        value: f64,
    },
    /// Two entries that do not sum to one.
    #[error("rows {row} and {column}: P({row},{column}) = {value} and P({column},{row}) = {mirror} sum to {}, must be 1", value + mirror)]
    NotComplementary {
        /// Row, from 1.
        row: usize,
        /// Column, from 1, greater than `row`.
        column: usize,
        /// The entry above the diagonal.
        value: f64,
        /// Its mirror below the diagonal.
        mirror: f64,
    },
}

/// Why numbers are not a preference matrix.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MatrixError {
    /// No action at all.
    #[error("the matrix is empty; it needs at least one row")]
    Empty,
    /// Rows and columns differ in number.
    #[error("the matrix has {rows} rows and {columns} columns; it must be square")]
    NotSquare {
        /// Number of rows.
        rows: usize,
        /// Number of columns.
        columns: usize,
    },
    /// Every violation found.
    #[error("{}", show(.0))]
    Violations(Vec<Violation>),
}

fn show(violations: &[Violation]) -> String {
    let mut lines: Vec<String> = violations.iter().take(SHOWN).map(Violation::to_string).collect();
    if violations.len() > SHOWN {
        lines.push(format!("and {} more violations", violations.len() - SHOWN));
    }
    lines.join("\n")
}

impl PreferenceMatrix {
    /// Checks `P`, `[n x n]`, and stores its margins.
    ///
    /// # Errors
    /// [`MatrixError`], naming every violation with its cell and value.
    pub fn new(p: ArrayView2<'_, f64>) -> Result<Self, MatrixError> {
        let (rows, columns) = p.dim();
        if rows == 0 && columns == 0 {
            return Err(MatrixError::Empty);
        }
        if rows != columns {
            return Err(MatrixError::NotSquare { rows, columns });
        }
        // P_ij - 1/2 and 1/2 - P_ji differ by rounding at most; their mean is exact where the file is
        let margin = |i: usize, j: usize| 0.5 * ((p[[i, j]] - 0.5) - (p[[j, i]] - 0.5));
        if rows >= LARGE {
            let is_probability = |value: f64| (0.0..=1.0).contains(&value);
            let is_half = |i: usize| (p[[i, i]] - 0.5).abs() <= COMPLEMENT_TOLERANCE;
            let checked = |i: usize, j: usize| {
                let (value, mirror) = (p[[i, j]], p[[j, i]]);
                let complementary = (value + mirror - 1.0).abs() <= COMPLEMENT_TOLERANCE;
                let valid = is_probability(value) && is_probability(mirror) && complementary;
                if valid { margin(i, j) } else { f64::NAN }
            };
            if (0..rows).all(is_half)
                && let Some(panels) = Panels::par_from_fn(rows, checked)
            {
                return Ok(Self { n: rows, margins: Margins::Panels(panels) });
            }
        }
        let mut violations = Vec::new();
        for ((i, j), &value) in p.indexed_iter() {
            let (row, column) = (i + 1, j + 1);
            if !value.is_finite() {
                violations.push(Violation::NotFinite { row, column, value });
            } else if !(0.0..=1.0).contains(&value) {
                violations.push(Violation::OutOfRange { row, column, value });
            } else if i == j && (value - 0.5).abs() > COMPLEMENT_TOLERANCE {
                violations.push(Violation::Diagonal { row, value });
            } else if i < j && p[[j, i]].is_finite() && (value + p[[j, i]] - 1.0).abs() > COMPLEMENT_TOLERANCE
            {
                violations.push(Violation::NotComplementary { row, column, value, mirror: p[[j, i]] });
            }
        }
        if !violations.is_empty() {
            return Err(MatrixError::Violations(violations));
        }
        Self::from_margins(rows, margin)
    }

    /// The matrix with margins `K_ij = margin(i, j)` for `i < j` (0-based).
    ///
    /// # Errors
    /// [`MatrixError::Empty`], or a violation for each margin outside `[-1/2, 1/2]`.
    pub fn from_margins(n: usize, margin: impl Fn(usize, usize) -> f64) -> Result<Self, MatrixError> {
        if n == 0 {
            return Err(MatrixError::Empty);
        }
        let margins = if n < LARGE {
            let packed: Vec<f64> =
                (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).map(|(i, j)| margin(i, j)).collect();
            packed.iter().all(|m| m.abs() <= 0.5).then_some(Margins::Triangle(packed))
        } else {
            Panels::from_fn(n, &margin).map(Margins::Panels)
        };
        if let Some(margins) = margins {
            return Ok(Self { n, margins });
        }
        let mut violations = Vec::new();
        for (i, j) in (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))) {
            let m = margin(i, j);
            let (row, column, value) = (i + 1, j + 1, m + 0.5);
            if !m.is_finite() {
                violations.push(Violation::NotFinite { row, column, value });
            } else if m.abs() > 0.5 {
                violations.push(Violation::OutOfRange { row, column, value });
            }
        }
        Err(MatrixError::Violations(violations))
    }

    /// Number of actions, at least 1.
    #[must_use]
    pub fn n(&self) -> usize {
        self.n
    }

    /// The margin `K_ij = Pr(i beats j) - 1/2`, in `[-1/2, 1/2]`; exactly skew.
    #[must_use]
    pub fn margin(&self, i: usize, j: usize) -> f64 {
        match &self.margins {
            Margins::Panels(panels) => panels.margin(i, j),
            Margins::Triangle(packed) => skew_margin(packed, self.n, i, j),
        }
    }

    /// `Pr(i beats j)`.
    #[must_use]
    pub fn prob(&self, i: usize, j: usize) -> f64 {
        0.5 + self.margin(i, j)
    }

    /// The margins of all pairs `i < j`, row by row: `n (n - 1) / 2` numbers.
    pub fn pair_margins(&self) -> impl Iterator<Item = f64> + '_ {
        (0..self.n).flat_map(move |i| self.upper_row(i))
    }

    /// The margins `K_ij` of action `i < n` for all `j > i`: `n - 1 - i` numbers.
    #[must_use]
    pub fn upper_row(&self, i: usize) -> Vec<f64> {
        match &self.margins {
            Margins::Panels(panels) => panels.upper_row(i),
            Margins::Triangle(packed) => {
                let start = pairs(self.n) - pairs(self.n - i);
                packed[start..start + self.n - 1 - i].to_vec()
            }
        }
    }

    /// `P` as an array, `[n x n]`.
    #[must_use]
    pub fn to_array(&self) -> Array2<f64> {
        self.square(0.5)
    }

    /// `K` as an array, `[n x n]`.
    #[must_use]
    pub fn margins_array(&self) -> Array2<f64> {
        self.square(0.0)
    }

    /// `K + shift`.
    fn square(&self, shift: f64) -> Array2<f64> {
        match &self.margins {
            Margins::Panels(panels) => square(panels, shift),
            Margins::Triangle(packed) => {
                Array2::from_shape_fn((self.n, self.n), |(i, j)| shift + skew_margin(packed, self.n, i, j))
            }
        }
    }

    /// `K p` into `out`; both `[n]`.
    pub fn product(&self, p: &[f64], out: &mut [f64]) {
        match &self.margins {
            Margins::Triangle(packed) => skew_product(packed, p, out),
            Margins::Panels(panels) => panels.product(p, out),
        }
    }
}

/// `K + shift` of a storage, `[n x n]`.
pub(crate) fn square(storage: &dyn Storage, shift: f64) -> Array2<f64> {
    let n = storage.n();
    let mut numbers = alloc_huge_pages(n * n);
    storage.square(shift, &mut numbers);
    Array2::from_shape_vec((n, n), numbers).expect("n rows of n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr2;

    #[test]
    fn rows_are_the_margins_of_their_pairs() {
        for n in [1, 2, 7, LARGE, LARGE + 5] {
            let matrix =
                PreferenceMatrix::from_margins(n, |i, j| ((3 * i + 7 * j) as f64).sin() / 2.0).unwrap();
            for i in (0..n).step_by(if n < LARGE { 1 } else { 97 }).chain([n - 1]) {
                let row: Vec<f64> = (i + 1..n).map(|j| matrix.margin(i, j)).collect();
                assert_eq!(matrix.upper_row(i), row);
            }
        }
    }

    #[test]
    fn every_violation_is_named_with_its_cell() {
        let p = arr2(&[[0.5, 0.7, f64::NAN], [0.2, 0.4, 1.5], [0.0, -0.5, 0.5]]);
        let MatrixError::Violations(found) = PreferenceMatrix::new(p.view()).unwrap_err() else { panic!() };
        assert_eq!(found.len(), 5, "{found:?}");
        assert_eq!(
            found[0].to_string(),
            "rows 1 and 2: P(1,2) = 0.7 and P(2,1) = 0.2 sum to 0.8999999999999999, must be 1"
        );
        assert_eq!(found[2].to_string(), "row 2, column 2: the diagonal is 0.4, must be 0.5");
    }

    #[test]
    fn shapes_are_checked() {
        assert_eq!(PreferenceMatrix::new(arr2::<f64, 0>(&[]).view()).unwrap_err(), MatrixError::Empty);
        let wide = arr2(&[[0.5, 0.5]]);
        assert_eq!(
            PreferenceMatrix::new(wide.view()).unwrap_err(),
            MatrixError::NotSquare { rows: 1, columns: 2 }
        );
    }

    #[test]
    fn skewness_is_exact() {
        let m = PreferenceMatrix::new(arr2(&[[0.5, 0.7], [0.3, 0.5]]).view()).unwrap();
        assert_eq!(m.margin(0, 1), -m.margin(1, 0));
        approx::assert_relative_eq!(m.margin(0, 1), 0.2, max_relative = 1e-15);
        assert_eq!(m.to_array()[[1, 1]], 0.5);
    }
}
