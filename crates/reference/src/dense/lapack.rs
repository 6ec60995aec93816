//! By LAPACK, through ndarray-linalg.

use faer::Mat;
use ndarray::{Array1, Array2, ArrayViewMut1, OwnedRepr, ShapeBuilder};
use ndarray_linalg::{Eigh, FactorizeInto, LUFactorized, Lapack, LeastSquaresSvd, SVD, Scalar, Solve, UPLO};

use super::skew_rank;

/// LU factors with row exchanges (`getrf`); none of a singular matrix.
pub(crate) struct Lu<T: Scalar + Lapack>(Option<LUFactorized<OwnedRepr<T>>>);

impl<T: Scalar + Lapack> Lu<T> {
    /// Factors the `n x n` matrix of these entries.
    pub(crate) fn new(n: usize, entry: impl Fn(usize, usize) -> T) -> Self {
        // filled column by column: entries of its matrices are cheap that way
        let flat: Vec<T> = (0..n * n).map(|k| entry(k % n, k / n)).collect();
        let columns = Array2::from_shape_vec((n, n).f(), flat).expect("n^2 entries");
        Self(columns.factorize_into().ok())
    }

    /// Solves in place. Not finite if the matrix is singular.
    pub(crate) fn solve(&self, rhs: &mut [T]) {
        let solved = self
            .0
            .as_ref()
            .and_then(|lu| lu.solve_inplace(&mut ArrayViewMut1::from(&mut *rhs)).ok().map(drop));
        if solved.is_none() {
            rhs.fill(T::from_f64(f64::NAN).expect("a float may be no number"));
        }
    }
}

fn array(a: &Mat<f64>) -> Array2<f64> {
    Array2::from_shape_fn((a.nrows(), a.ncols()).f(), |(i, j)| a[(i, j)])
}

/// Singular values, largest first (`gesvd`); `None` if the iteration gives up.
pub(crate) fn singular_values(a: &Mat<f64>) -> Option<Vec<f64>> {
    array(a).svd(false, false).ok().map(|(_, values, _)| values.to_vec())
}

/// Eigenvalues, smallest first, and orthonormal eigenvectors, of which the lower triangle tells (`syev`).
pub(crate) fn symmetric_eigen(a: &Mat<f64>) -> (Vec<f64>, Mat<f64>) {
    let (values, vectors) = array(a).eigh(UPLO::Lower).expect("a finite symmetric matrix has eigenvalues");
    (values.to_vec(), Mat::from_fn(a.nrows(), a.ncols(), |i, j| vectors[[i, j]]))
}

/// `x` with the least `|a x - rhs|`, for `a` of full column rank (`gelsd`).
pub(crate) fn least_squares(a: &Mat<f64>, rhs: &[f64]) -> Vec<f64> {
    let rhs = Array1::from(rhs.to_vec());
    array(a).least_squares(&rhs).map_or_else(|_| vec![f64::NAN; a.ncols()], |found| found.solution.to_vec())
}

/// Orthonormal basis of the kernel of a skew matrix, up to rounding; `None` if it is empty. By singular vectors.
pub(crate) fn kernel(block: &Mat<f64>) -> Option<Mat<f64>> {
    let m = block.nrows();
    let (_, values, right) = array(block).svd(false, true).ok()?;
    let (rank, right) = (skew_rank(values.as_slice()?), right?);
    (rank < m).then(|| Mat::from_fn(m, m - rank, |i, j| right[[rank + j, i]]))
}
