//! Vectors whose skew form is a matrix of log odds, and the nearest such matrix of low rank.
//!
//! ```text
//! s(i > j) = sum_l v_i[2l] v_j[2l+1] - v_i[2l+1] v_j[2l]        l = 0 .. d/2 - 1,  v_i in R^d
//! ```
//!
//! Zhang et al., arXiv:2410.02197, with the sign of the published code.

use faer::{Mat, Side, c64};
use ndarray::Array2;

/// The skew form of two vectors of even length.
pub(crate) fn form(a: &[f64], b: &[f64]) -> f64 {
    a.chunks_exact(2).zip(b.chunks_exact(2)).map(|(a, b)| a[0] * b[1] - a[1] * b[0]).sum()
}

/// Items as vectors whose skew form is the log odds of a win.
#[derive(Clone, Debug, PartialEq)]
pub struct SkewEmbedding {
    /// A vector an item, `[n][d]`, d even.
    pub vectors: Array2<f64>,
}

impl SkewEmbedding {
    /// Length of a vector.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.vectors.ncols()
    }

    /// Log odds of "i beats j".
    ///
    /// # Panics
    /// If there is no such item.
    #[must_use]
    pub fn score(&self, i: usize, j: usize) -> f64 {
        let (a, b) = (self.vectors.row(i), self.vectors.row(j));
        (0..self.dimension()).step_by(2).map(|l| a[l] * b[l + 1] - a[l + 1] * b[l]).sum()
    }

    /// The same scores from vectors whose planes are orthogonal, the strongest plane first.
    pub(crate) fn orthogonal(&self) -> Self {
        // V = Q R: the scores are Q (R J R^T) Q^T, whose planes are those of the small matrix
        let (n, d) = self.vectors.dim();
        let qr = Mat::from_fn(n, d, |i, k| self.vectors[[i, k]]).qr();
        let (q, r) = (qr.compute_thin_Q(), qr.thin_R());
        let rows = Self { vectors: Array2::from_shape_fn((d, d), |(i, k)| r[(i, k)]) };
        let scores = Array2::from_shape_fn((d, d), |(i, j)| rows.score(i, j));
        let turned = skew_embedding(&scores, d / 2).vectors;
        Self {
            vectors: Array2::from_shape_fn((n, d), |(i, k)| (0..d).map(|l| q[(i, l)] * turned[[l, k]]).sum()),
        }
    }

    /// Strength of every plane: the product of the lengths of its two columns, a singular value of the scores.
    pub(crate) fn planes(&self) -> Vec<f64> {
        let length = |l: usize| self.vectors.column(l).dot(&self.vectors.column(l)).sqrt();
        (0..self.dimension()).step_by(2).map(|l| length(l) * length(l + 1)).collect()
    }

    /// Mean log odds of every item against all, itself included.
    pub(crate) fn mean_score(&self) -> Vec<f64> {
        let n = self.vectors.nrows();
        (0..n).map(|i| (0..n).map(|j| self.score(i, j)).sum::<f64>() / n as f64).collect()
    }

    /// Share of the squared scores that one rating an item (the mean score) explains; `None` if all scores are 0.
    pub(crate) fn share_of_ratings(&self) -> Option<f64> {
        let (n, g) = (self.vectors.nrows(), self.mean_score());
        let (mut explained, mut all) = (0.0, 0.0);
        for i in 0..n {
            for j in 0..n {
                explained += (g[i] - g[j]).powi(2);
                all += self.score(i, j).powi(2);
            }
        }
        (all > 0.0).then(|| explained / all)
    }
}

/// The prompt's factor of every plane: `k softmax(W h / sqrt(dim h))`, W of k rows; 1 on average.
///
/// The gate of the published code (arXiv:2410.02197, section 4), with `dim h` the length of the prompt's hidden vector `h`.
///
/// # Panics
/// If a row of `weight` is not as long as `hidden`.
#[must_use]
pub fn prompt_gate(weight: &Array2<f64>, hidden: &[f64]) -> Vec<f64> {
    assert_eq!(weight.ncols(), hidden.len(), "a weight for every entry of the hidden vector");
    let scale = (hidden.len() as f64).sqrt();
    let logits: Vec<f64> =
        weight.outer_iter().map(|w| w.iter().zip(hidden).map(|(w, h)| w * h).sum::<f64>() / scale).collect();
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = logits.iter().map(|z| (z - largest).exp()).collect();
    let total: f64 = powers.iter().sum();
    powers.iter().map(|p| powers.len() as f64 * p / total).collect()
}

/// The embedding in `2 planes` dimensions whose scores are nearest to a skew matrix of log odds, `[n][n]`, in the sum of
/// squares; exact from `planes = n / 2` on. Only the lower triangle is read.
///
/// ```text
/// S (x + i y) i = t (x + i y)   =>   S x = t y,  S y = - t x,  S = sum 2 t (y x^T - x y^T)        |x| = |y| = 1 / sqrt 2
/// ```
///
/// so that the two columns of a plane are `sqrt(2 t) y` and `sqrt(2 t) x`.
///
/// # Panics
/// If the matrix is not square or not finite.
#[must_use]
pub fn skew_embedding(log_odds: &Array2<f64>, planes: usize) -> SkewEmbedding {
    let n = log_odds.nrows();
    assert_eq!(n, log_odds.ncols(), "log odds of every pair");
    let entry = |i: usize, j: usize| match i.cmp(&j) {
        std::cmp::Ordering::Greater => log_odds[[i, j]],
        std::cmp::Ordering::Equal => 0.0,
        std::cmp::Ordering::Less => -log_odds[[j, i]],
    };
    let hermitian = Mat::from_fn(n, n, |i, j| c64::new(0.0, entry(i, j)));
    let eigen = hermitian.self_adjoint_eigen(Side::Lower).expect("a finite Hermitian matrix has eigenvalues");
    let (values, columns) = (eigen.S(), eigen.U());
    // ascending: the positive half stands at the end
    let planes = planes.min(n / 2);
    let vectors = Array2::from_shape_fn((n, 2 * planes), |(i, k)| {
        let at = n - 1 - k / 2;
        let scale = (2.0 * values[at].re.max(0.0)).sqrt();
        let z = columns[(i, at)];
        scale * if k % 2 == 0 { z.im } else { z.re }
    });
    SkewEmbedding { vectors }
}
