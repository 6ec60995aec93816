//! The table: every policy. `s = theta`, a parameter an action and context.

use std::sync::Arc;

use equipoise_core::class_entry::{Contexts, PolicyConfig, PolicyEntry};
use equipoise_core::{BuildError, PolicyClass, Shape};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::softmax::{self, Part, Scores};

/// It has no options.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {}

impl PolicyConfig for Config {
    fn bind(self, contexts: &Contexts) -> Result<Arc<dyn PolicyClass>, BuildError> {
        let initial = vec![0.0; contexts.reference.shape().len()];
        softmax::class(Table, initial, &contexts.reference)
    }
}

#[derive(Debug)]
struct Table;

impl Scores for Table {
    const LINEAR: bool = true;
    const CARRIES_OVER: bool = false;

    fn add_scores(&self, _shape: &Shape, theta: &[f64], out: &mut [f64]) {
        out.iter_mut().zip(theta).for_each(|(s, t)| *s += t);
    }

    fn push(&self, _shape: &Shape, _theta: &[f64], v: &[f64], out: &mut [f64]) {
        out.copy_from_slice(v);
    }

    fn pull(&self, part: Part<'_>, _theta: &[f64], cotangent: &[f64], out: &mut [f64]) {
        out[part.entries()].iter_mut().zip(cotangent).for_each(|(g, c)| *g += c);
    }

    fn diagonal(&self, _shape: &Shape, weights: &[f64], out: &mut [f64]) {
        out.iter_mut().zip(weights).for_each(|(d, w)| *d += w);
    }
}

/// Registry row.
pub const ENTRY: PolicyEntry = PolicyEntry::of::<Config>(
    "table",
    "every policy: a parameter an action and context",
    "softmax over a table of logits",
    "finite differences, transposes, the closed form of the softmax",
);
