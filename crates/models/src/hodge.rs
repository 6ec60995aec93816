//! The part of the margins that no rating explains, weighted by counts, for many data sets of one design.
//!
//! ```text
//! min_s sum_e w_e (m_e - (s_i - s_j))^2,      w_e: comparisons of pair e = (i, j),  m_e = P_ij - 1/2
//! ```
//!
//! The Laplacian depends on the counts alone, so it is factored once; one rank-one term a component makes it definite.

use equipoise_data::Comparisons;
use faer::linalg::solvers::{Llt, Solve as _};
use faer::{Mat, Side};

/// The design, factored.
pub(crate) struct Hodge {
    n: usize,
    pairs: Vec<(usize, usize, f64)>,
    laplacian: Llt<f64>,
}

impl Hodge {
    pub(crate) fn new(data: &Comparisons) -> Self {
        let n = data.n();
        let pairs: Vec<(usize, usize, f64)> = data.pairs.iter().map(|p| (p.i, p.j, p.met())).collect();
        let mut l = Mat::<f64>::zeros(n, n);
        for &(i, j, w) in &pairs {
            l[(i, i)] += w;
            l[(j, j)] += w;
            l[(i, j)] -= w;
            l[(j, i)] -= w;
        }
        let scale = (0..n).map(|i| l[(i, i)]).sum::<f64>() / n as f64;
        for component in data.components() {
            for &i in &component {
                for &j in &component {
                    l[(i, j)] += scale / component.len() as f64;
                }
            }
        }
        let laplacian = l.llt(Side::Lower).expect("a grounded Laplacian is positive definite");
        Self { n, pairs, laplacian }
    }

    /// Margins of the pairs by a function of them.
    pub(crate) fn margins_of(&self, margin: impl Fn(usize, usize) -> f64) -> Vec<f64> {
        self.pairs.iter().map(|&(i, j, _)| margin(i, j)).collect()
    }

    /// Energy that no rating explains, and all of it.
    pub(crate) fn energies(&self, margins: &[f64]) -> (f64, f64) {
        let mut divergence = Mat::<f64>::zeros(self.n, 1);
        for (&(i, j, w), m) in self.pairs.iter().zip(margins) {
            divergence[(i, 0)] += w * m;
            divergence[(j, 0)] -= w * m;
        }
        let s = self.laplacian.solve(&divergence);
        let each = self.pairs.iter().zip(margins);
        each.fold((0.0, 0.0), |(left, all), (&(i, j, w), m)| {
            (left + w * (m - (s[(i, 0)] - s[(j, 0)])).powi(2), all + w * m * m)
        })
    }
}
