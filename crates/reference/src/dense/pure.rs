//! By faer.

use faer::linalg::solvers::{PartialPivLu, Solve, SolveLstsq};
use faer::traits::ComplexField;
use faer::{Mat, MatMut, Side};

use super::skew_rank;

/// LU factors with row exchanges.
pub(crate) struct Lu<T: ComplexField>(PartialPivLu<T>);

impl<T: ComplexField> Lu<T> {
    /// Factors the `n x n` matrix of these entries, which are read column by column.
    pub(crate) fn new(n: usize, entry: impl Fn(usize, usize) -> T) -> Self {
        Self(Mat::from_fn(n, n, entry).partial_piv_lu())
    }

    /// Solves in place. Not finite if the matrix is singular.
    pub(crate) fn solve(&self, rhs: &mut [T]) {
        let n = rhs.len();
        self.0.solve_in_place(MatMut::from_column_major_slice_mut(rhs, n, 1));
    }
}

/// Singular values, largest first; `None` if the iteration gives up, as it does on rare matrices.
pub(crate) fn singular_values(a: &Mat<f64>) -> Option<Vec<f64>> {
    a.singular_values().ok()
}

/// Eigenvalues, smallest first, and orthonormal eigenvectors, of which the lower triangle tells.
pub(crate) fn symmetric_eigen(a: &Mat<f64>) -> (Vec<f64>, Mat<f64>) {
    let eigen = a.self_adjoint_eigen(Side::Lower).expect("a finite symmetric matrix has eigenvalues");
    (eigen.S().column_vector().iter().copied().collect(), eigen.U().to_owned())
}

/// `x` with the least `|a x - rhs|`, for `a` of full column rank.
pub(crate) fn least_squares(a: &Mat<f64>, rhs: &[f64]) -> Vec<f64> {
    let x = a.qr().solve_lstsq(Mat::from_fn(rhs.len(), 1, |i, _| rhs[i]));
    x.col(0).iter().copied().collect()
}

/// Orthonormal basis of the kernel of a skew matrix, up to rounding; `None` if it is empty. By QR with column exchanges.
pub(crate) fn kernel(block: &Mat<f64>) -> Option<Mat<f64>> {
    let m = block.nrows();
    let qr = block.col_piv_qr();
    let (r, order) = (qr.R(), qr.P().arrays().0);
    let rank = skew_rank(&(0..m).map(|i| r[(i, i)].abs()).collect::<Vec<_>>());
    if rank == m {
        return None;
    }
    // R [a; b] = 0 with b free
    let mut basis = Mat::from_fn(m, m - rank, |i, j| {
        if i < rank { -r[(i, rank + j)] } else { f64::from(u8::from(i - rank == j)) }
    });
    r.get(..rank, ..rank).solve_upper_triangular_in_place(basis.as_mut().get_mut(..rank, ..));
    let mut placed = Mat::zeros(m, m - rank);
    for i in 0..m {
        for j in 0..m - rank {
            placed[(order[i], j)] = basis[(i, j)];
        }
    }
    Some(placed.qr().compute_thin_Q())
}
