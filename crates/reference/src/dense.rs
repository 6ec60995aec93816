//! Dense decompositions, and the only place that knows whose they are: faer's, or with the feature `openblas` LAPACK's
//! (ndarray-linalg on the system's OpenBLAS).
//!
//! faer is built without its thread pool, so that bits do not depend on threads (a large LU is shared out here, in tiles that do not
//! depend on them either); OpenBLAS makes no such promise. Run it
//! with `OPENBLAS_NUM_THREADS=1`: what its threaded LU keeps on the stack is more than the 2 MB that Rust gives a thread (or
//! raise them by `RUST_MIN_STACK`). The tests of this crate run with either library, and with the feature also hold one
//! against the other.

#[cfg(feature = "openblas")]
mod lapack;
#[cfg(any(test, not(feature = "openblas")))]
mod pure;

#[cfg(feature = "openblas")]
pub(crate) use lapack::{Lu, kernel, least_squares, singular_values, symmetric_eigen};
#[cfg(not(feature = "openblas"))]
pub(crate) use pure::{Lu, kernel, least_squares, singular_values, symmetric_eigen};

/// Number of singular values (or of pivots) that are not rounding, largest first; even, as the rank of a skew matrix is.
fn skew_rank(sizes: &[f64]) -> usize {
    let largest = sizes.first().copied().unwrap_or(0.0);
    let zero = 8.0 * sizes.len() as f64 * f64::EPSILON * largest.max(f64::MIN_POSITIVE);
    sizes.iter().take_while(|s| **s > zero).count() & !1
}

#[cfg(all(test, feature = "openblas"))]
mod tests {
    //! The two libraries against each other.

    use equipoise_core::{sample::uniform, seed::stream};
    use faer::Mat;

    use super::{lapack, pure};

    /// Random `[n x n]`, entries in [-1/2, 1/2], and its skew part.
    fn matrices(n: usize) -> (Mat<f64>, Mat<f64>) {
        let mut rng = stream(2026, "dense", &[&n.to_string()]);
        let draws: Vec<f64> = (0..n * n).map(|_| uniform(&mut rng) - 0.5).collect();
        let a = Mat::from_fn(n, n, |i, j| draws[i * n + j]);
        let skew = Mat::from_fn(n, n, |i, j| draws[i * n + j] - draws[j * n + i]);
        (a, skew)
    }

    fn close(a: &[f64], b: &[f64], tolerance: f64) {
        assert_eq!(a.len(), b.len());
        for (a, b) in a.iter().zip(b) {
            assert!((a - b).abs() <= tolerance, "{a} {b}");
        }
    }

    #[test]
    fn solutions_agree_in_both_widths() {
        for n in [1, 2, 7, 64, 301] {
            let (_, skew) = matrices(n);
            // identity plus skew: singular values of at least 1, so that solutions agree to rounding
            let entry = |i: usize, j: usize| f64::from(u8::from(i == j)) + skew[(i, j)];
            let rhs: Vec<f64> = (0..n).map(|i| (i as f64).sin()).collect();
            let (mut x, mut y) = (rhs.clone(), rhs.clone());
            lapack::Lu::<f64>::new(n, entry).solve(&mut x);
            pure::Lu::<f64>::new(n, entry).solve(&mut y);
            close(&x, &y, 1e-12 * (n as f64).sqrt());
            let single = |i: usize, j: usize| entry(i, j) as f32;
            let narrow: Vec<f32> = rhs.iter().map(|v| *v as f32).collect();
            let (mut x, mut y) = (narrow.clone(), narrow);
            lapack::Lu::<f32>::new(n, single).solve(&mut x);
            pure::Lu::<f32>::new(n, single).solve(&mut y);
            let wide = |v: &[f32]| -> Vec<f64> { v.iter().map(|v| f64::from(*v)).collect() };
            close(&wide(&x), &wide(&y), 1e-3 * (n as f64).sqrt());
        }
    }

    #[test]
    fn a_singular_matrix_gives_no_finite_solution() {
        let (mut x, mut y) = (vec![1.0, 2.0], vec![1.0, 2.0]);
        lapack::Lu::<f64>::new(2, |_, _| 1.0).solve(&mut x);
        pure::Lu::<f64>::new(2, |_, _| 1.0).solve(&mut y);
        assert!([x, y].iter().all(|v| v.iter().any(|v| !v.is_finite())));
    }

    #[test]
    fn spectra_agree() {
        for n in [2, 7, 64, 201] {
            let (a, skew) = matrices(n);
            for a in [&a, &skew] {
                let (x, y) = (lapack::singular_values(a).unwrap(), pure::singular_values(a).unwrap());
                close(&x, &y, 1e-12 * y[0]);
            }
            let symmetric = Mat::from_fn(n, n, |i, j| a[(i, j)] + a[(j, i)]);
            let ((x, u), (y, v)) = (lapack::symmetric_eigen(&symmetric), pure::symmetric_eigen(&symmetric));
            close(&x, &y, 1e-12 * y[n - 1].max(-y[0]));
            // vectors up to sign: both rebuild the matrix
            for (values, vectors) in [(&x, &u), (&y, &v)] {
                let scaled = Mat::from_fn(n, n, |i, j| vectors[(i, j)] * values[j]);
                let rebuilt = &scaled * vectors.transpose();
                assert!((&rebuilt - &symmetric).norm_max() <= 1e-12 * n as f64);
            }
        }
    }

    /// `B - B'` times a skew core has the rank of the core; both find the same kernel, as a projector.
    #[test]
    fn kernels_and_least_squares_agree() {
        for (n, rank) in [(3, 2), (9, 4), (40, 30), (101, 100)] {
            let (a, _) = matrices(n);
            let (_, core) = matrices(rank);
            let tall = a.get(.., ..rank);
            let block = tall * &core * tall.transpose();
            let skew = Mat::from_fn(n, n, |i, j| 0.5 * (block[(i, j)] - block[(j, i)]));
            let (x, y) = (lapack::kernel(&skew).unwrap(), pure::kernel(&skew).unwrap());
            assert_eq!((x.ncols(), y.ncols()), (n - rank, n - rank));
            let apart = &x * x.transpose() - &y * y.transpose();
            assert!(apart.norm_max() <= 1e-9, "{n}: {}", apart.norm_max());
            let rhs: Vec<f64> = (0..n).map(|i| (i as f64).cos()).collect();
            let tall = tall.to_owned();
            close(&lapack::least_squares(&tall, &rhs), &pure::least_squares(&tall, &rhs), 1e-8);
        }
        let (_, full) = matrices(6);
        assert!(lapack::kernel(&full).is_none() && pure::kernel(&full).is_none());
    }
}
