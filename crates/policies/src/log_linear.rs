//! Log-linear policies: `s(x, y) = <theta, phi(x, y)>`, one vector of parameters for all contexts.
//!
//! Losses on differences of log-probabilities are free of the normaliser, so with a convex link they are convex in theta.

use std::sync::Arc;

use equipoise_core::class_entry::{Contexts, PolicyConfig, PolicyEntry};
use equipoise_core::{BuildError, PolicyClass, Shape, vector};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::features::{Features, Rows};
use crate::softmax::{self, Part, Scores};

/// Options of `log-linear`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The features of the responses: `random: {dimension, seed}`, `actions`, `values: [[..]]`, `path: file` or `game`.
    pub features: Features,
}

impl PolicyConfig for Config {
    fn bind(self, contexts: &Contexts) -> Result<Arc<dyn PolicyClass>, BuildError> {
        let rows = self.features.rows(contexts)?;
        let initial = vec![0.0; rows.dimension];
        softmax::class(LogLinear(rows), initial, &contexts.reference)
    }
}

#[derive(Debug)]
struct LogLinear(Rows);

impl Scores for LogLinear {
    const LINEAR: bool = true;
    const CARRIES_OVER: bool = true;

    fn add_scores(&self, _shape: &Shape, theta: &[f64], out: &mut [f64]) {
        vector::dispatch(
            #[inline(always)]
            || {
                for (k, s) in out.iter_mut().enumerate() {
                    *s += vector::dot(self.0.of(k), theta);
                }
            },
        );
    }

    fn push(&self, _shape: &Shape, _theta: &[f64], v: &[f64], out: &mut [f64]) {
        vector::dispatch(
            #[inline(always)]
            || {
                for (k, s) in out.iter_mut().enumerate() {
                    *s = vector::dot(self.0.of(k), v);
                }
            },
        );
    }

    fn pull(&self, part: Part<'_>, _theta: &[f64], cotangent: &[f64], out: &mut [f64]) {
        let start = part.entries().start;
        vector::dispatch(
            #[inline(always)]
            || {
                for (k, &c) in cotangent.iter().enumerate() {
                    for (g, phi) in out.iter_mut().zip(self.0.of(start + k)) {
                        *g += c * phi;
                    }
                }
            },
        );
    }

    fn diagonal(&self, _shape: &Shape, weights: &[f64], out: &mut [f64]) {
        for (k, &w) in weights.iter().enumerate() {
            out.iter_mut().zip(self.0.of(k)).for_each(|(d, phi)| *d += w * phi * phi);
        }
    }
}

/// Registry row.
pub const ENTRY: PolicyEntry = PolicyEntry::of::<Config>(
    "log-linear",
    "softmax of features times one vector of parameters",
    "log-linear policies; Song et al. 2024, arXiv:2406.01462; Chowdhury et al. 2024, arXiv:2403.00409",
    "finite differences, transposes, the table as the case of one feature an action",
);
