//! Penalties on log strengths, of weight alpha, under which there is always one maximum.
//!
//! ```text
//! squares   - alpha sum_i r_i^2                  normal prior of variance 1 / (2 alpha)
//! gamma     + alpha sum_i (r_i - e^{r_i})        s = e^r has a gamma prior of shape and rate alpha: mean 1
//! ```
//!
//! The scale is free in the likelihood, so that the penalty alone decides it: at the maximum the `r_i` of squares have mean 0, the `s_i` of
//! gamma mean 1. Gamma is the prior of Caron and Doucet (2012), and what minorisation with alpha added above and below the quotient ends
//! at. A chain of Luce spectral rankings with the rate alpha added between all of n items, in turn with the rates of its own
//! stationary distribution, ends at gamma's maximum for n alpha: `dL/dr_i = n alpha (s_i - 1)` is its balance.

use ndarray::{Array1, Array2};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What strengths are drawn to, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Penalty {
    /// Log strengths to 0, by their squares: choix's `opt_*` functions of this alpha.
    #[default]
    Squares,
    /// Strengths to 1, by a gamma prior of shape and rate alpha: choix's `mm_*` functions and `choicerank` of this alpha, and its
    /// `ilsr_*` functions of alpha over the number of items.
    Gamma,
}

impl Penalty {
    /// Its value at log strengths `[n]`.
    pub(crate) fn value(self, alpha: f64, r: &Array1<f64>) -> f64 {
        match self {
            Self::Squares => -alpha * r.iter().map(|x| x * x).sum::<f64>(),
            Self::Gamma => alpha * r.iter().map(|x| x - x.exp()).sum::<f64>(),
        }
    }

    /// Adds its slope `[n]` and negative curvature `[n x n]`.
    pub(crate) fn add_derivatives(
        self,
        alpha: f64,
        r: &Array1<f64>,
        g: &mut Array1<f64>,
        h: &mut Array2<f64>,
    ) {
        for (i, &x) in r.iter().enumerate() {
            let (slope, curvature) = match self {
                Self::Squares => (-2.0 * x, 2.0),
                Self::Gamma => (1.0 - x.exp(), x.exp()),
            };
            g[i] += alpha * slope;
            h[[i, i]] += alpha * curvature;
        }
    }

    /// The prior that it is, in words.
    pub(crate) fn prior(self) -> &'static str {
        match self {
            Self::Squares => "a normal prior of variance 1 / (2 alpha) on strengths",
            Self::Gamma => "a gamma prior of shape and rate alpha on strengths",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivatives_are_those_of_finite_differences() {
        let r = Array1::from(vec![0.3, -1.2, 2.0]);
        for penalty in [Penalty::Squares, Penalty::Gamma] {
            let at = |r: &Array1<f64>| {
                let (mut g, mut h) = (Array1::zeros(3), Array2::zeros((3, 3)));
                penalty.add_derivatives(0.7, r, &mut g, &mut h);
                (penalty.value(0.7, r), g, h)
            };
            let (_, g, h) = at(&r);
            for k in 0..3 {
                let moved = |s: f64| {
                    let mut x = r.clone();
                    x[k] += s;
                    at(&x)
                };
                let (up, down) = (moved(1e-5), moved(-1e-5));
                assert!(((up.0 - down.0) / 2e-5 - g[k]).abs() < 1e-8, "{penalty:?}");
                for l in 0..3 {
                    assert!(((up.1[l] - down.1[l]) / 2e-5 + h[[k, l]]).abs() < 1e-8, "{penalty:?}");
                }
            }
        }
    }
}
