//! By faer.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::lu::partial_pivoting::factor::{lu_in_place, lu_in_place_scratch};
use faer::linalg::matmul::matmul;
use faer::linalg::solvers::SolveLstsq;
use faer::linalg::triangular_solve::{solve_unit_lower_triangular_in_place, solve_upper_triangular_in_place};
use faer::traits::{ComplexField, math_utils::from_f64};
use faer::{Accum, Mat, MatMut, Par, Side};
use rayon::prelude::*;

use super::skew_rank;

/// Rows up to which a matrix is one panel: a smaller one is factored in less than a millisecond.
const ONE_PANEL: usize = 512;
/// Columns of a panel, which one thread factors while the others wait: few, but enough that the products of the update, as
/// long as a panel is wide, run at full speed.
const PANEL: usize = 128;
/// Columns that a task updates; they do not depend on the threads, and so the bits do not.
const TILE: usize = 256;

/// LU factors with row exchanges, `P A = L U`.
pub(crate) struct Lu<T> {
    /// `U`, and below its diagonal `L`, whose diagonal is 1.
    factors: Mat<T>,
    /// Row `i` of `P A` is row `rows[i]` of `A`.
    rows: Vec<usize>,
}

impl<T: ComplexField + Copy> Lu<T> {
    /// Factors the `n x n` matrix of these entries, which are read column by column.
    ///
    /// Panel by panel: the columns of a panel are factored with the rows below, and the columns to its right are brought up to
    /// date, tile by tile on all threads.
    pub(crate) fn new(n: usize, entry: impl Fn(usize, usize) -> T + Sync) -> Self {
        let mut factors = Mat::<T>::zeros(n, n);
        in_tiles(factors.as_mut(), TILE, |first, mut tile| {
            for j in 0..tile.ncols() {
                for i in 0..n {
                    tile[(i, j)] = entry(i, first + j);
                }
            }
        });
        let width = if n <= ONE_PANEL { n.max(1) } else { PANEL };
        let mut exchanges = Vec::new();
        for start in (0..n).step_by(width) {
            let end = n.min(start + width);
            let (done, right) = factors.as_mut().split_at_col_mut(end);
            let mut panel = done.submatrix_mut(start, start, n - start, end - start);
            let exchanged = factor_panel(panel.as_mut());
            let (diagonal, below) = panel.as_ref().split_at_row(end - start);
            in_tiles(right, TILE, |_, tile| {
                let mut tile = tile.subrows_mut(start, n - start);
                exchanged.apply(tile.as_mut());
                let (mut top, bottom) = tile.split_at_row_mut(end - start);
                solve_unit_lower_triangular_in_place(diagonal, top.as_mut(), Par::Seq);
                matmul(bottom, Accum::Add, below, top.as_ref(), from_f64(-1.0), Par::Seq);
            });
            exchanges.push(exchanged);
        }
        let mut rows: Vec<usize> = (0..n).collect();
        for (panel, exchanged) in exchanges.iter().enumerate() {
            exchanged.reorder(&mut rows[panel * width..]);
        }
        // the exchanges of later panels, in the columns that were done
        in_tiles(factors.as_mut(), width, |first, tile| {
            let mut tile = tile;
            for (panel, exchanged) in exchanges.iter().enumerate().skip(first / width + 1) {
                exchanged.apply(tile.as_mut().subrows_mut(panel * width, n - panel * width));
            }
        });
        Self { factors, rows }
    }

    /// Solves in place. Not finite if the matrix is singular.
    pub(crate) fn solve(&self, rhs: &mut [T]) {
        let exchanged: Vec<T> = self.rows.iter().map(|&row| rhs[row]).collect();
        rhs.copy_from_slice(&exchanged);
        let mut x = MatMut::from_column_major_slice_mut(rhs, exchanged.len(), 1);
        solve_unit_lower_triangular_in_place(self.factors.as_ref(), x.as_mut(), Par::Seq);
        solve_upper_triangular_in_place(self.factors.as_ref(), x, Par::Seq);
    }
}

/// Rows that change their places: row `.0` is where row `.1` was.
struct Exchanges(Vec<(usize, usize)>);

impl Exchanges {
    fn apply<T: Copy>(&self, mut columns: MatMut<'_, T>) {
        let mut moved = Vec::with_capacity(self.0.len());
        for j in 0..columns.ncols() {
            moved.clear();
            moved.extend(self.0.iter().map(|&(_, from)| columns[(from, j)]));
            self.0.iter().zip(&moved).for_each(|(&(to, _), value)| columns[(to, j)] = *value);
        }
    }

    fn reorder(&self, rows: &mut [usize]) {
        let moved: Vec<usize> = self.0.iter().map(|&(_, from)| rows[from]).collect();
        self.0.iter().zip(moved).for_each(|(&(to, _), row)| rows[to] = row);
    }
}

/// Factors a panel of at least as many rows as columns.
fn factor_panel<T: ComplexField>(panel: MatMut<'_, T>) -> Exchanges {
    let (m, n) = (panel.nrows(), panel.ncols());
    let (mut order, mut place) = (vec![0_usize; m], vec![0_usize; m]);
    let mut scratch = MemBuffer::new(lu_in_place_scratch::<usize, T>(m, n, Par::Seq, Default::default()));
    lu_in_place(panel, &mut order, &mut place, Par::Seq, MemStack::new(&mut scratch), Default::default());
    Exchanges(order.into_iter().enumerate().filter(|(to, from)| to != from).collect())
}

/// Calls `task` with the first column and the columns of each tile, on all threads if there are several.
fn in_tiles<T: Send>(matrix: MatMut<'_, T>, width: usize, task: impl Fn(usize, MatMut<'_, T>) + Sync) {
    let mut rest = matrix;
    let mut tiles = Vec::new();
    let mut first = 0;
    while rest.ncols() > 0 {
        let columns = width.min(rest.ncols());
        let (tile, right) = rest.split_at_col_mut(columns);
        tiles.push((first, tile));
        (rest, first) = (right, first + columns);
    }
    // a single one is not worth waking another thread for
    match tiles.len() {
        0 | 1 => tiles.into_iter().for_each(|(first, tile)| task(first, tile)),
        _ => tiles.into_par_iter().for_each(|(first, tile)| task(first, tile)),
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

#[cfg(test)]
mod tests {
    use equipoise_core::{sample::uniform, seed::stream};
    use rayon::ThreadPoolBuilder;

    use super::*;

    /// One panel, several, and a last one that is narrower: `A x` is the right-hand side, and the bits are those of one thread.
    #[test]
    fn panels_solve_and_threads_do_not_change_a_bit() {
        for n in [1, 2, ONE_PANEL, ONE_PANEL + 1, 5 * PANEL + 37] {
            let mut rng = stream(2026, "panels", &[&n.to_string()]);
            let draws: Vec<f64> = (0..n * n).map(|_| uniform(&mut rng) - 0.5).collect();
            let solve = |threads: usize| {
                let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let mut x: Vec<f64> = (0..n).map(|i| (i as f64 + 0.5).sin()).collect();
                pool.install(|| Lu::new(n, |i, j| draws[i * n + j]).solve(&mut x));
                x
            };
            let x = solve(1);
            for i in 0..n {
                let sum: f64 = (0..n).map(|j| draws[i * n + j] * x[j]).sum();
                let size: f64 = (0..n).map(|j| (draws[i * n + j] * x[j]).abs()).sum();
                assert!((sum - (i as f64 + 0.5).sin()).abs() <= 1e-12 * size, "{n}, row {i}");
            }
            assert_eq!(x, solve(3), "{n}");
        }
    }

    #[test]
    fn a_singular_matrix_of_several_panels_gives_no_finite_solution() {
        let n = ONE_PANEL + 10;
        let mut x = vec![1.0_f64; n];
        x[1] = 2.0;
        Lu::new(n, |_, _| 1.0).solve(&mut x);
        assert!(x.iter().any(|x| !x.is_finite()));
    }
}
