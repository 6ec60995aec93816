//! A multilayer perceptron from a trainable vector a context to the logits of all actions, as in the simulation of EGPO.
//!
//! ```text
//! s(x, .) = W_L relu(.. relu(W_1 z_x + b_1) ..) + b_L        z_x and all W, b are trained
//! ```
//!
//! Its input is the number of the context, so it says nothing of prompts that it was not trained on. Contexts with fewer actions use the first
//! outputs.

use std::sync::Arc;

use equipoise_core::class_entry::{Contexts, PolicyConfig, PolicyEntry};
use equipoise_core::registry::ensure;
use equipoise_core::{BuildError, PolicyClass, Shape, sample, seed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::mlp::{WIDEST, check_widths};
use crate::net::{Activation, Net};
use crate::softmax::{self, Part, Scores};

/// Options of `mlp-encoder`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Length of the vector of a context, from 1 to 256.
    pub input: usize,
    /// Widths of the hidden layers, at least one, each from 1 to 256.
    pub hidden: Vec<usize>,
    /// Seed of the first weights and vectors.
    pub seed: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { input: 10, hidden: vec![10, 10], seed: 0 }
    }
}

impl PolicyConfig for Config {
    fn bind(self, contexts: &Contexts) -> Result<Arc<dyn PolicyClass>, BuildError> {
        check_widths(&self.hidden)?;
        ensure((1..=WIDEST).contains(&self.input), "input", self.input, "must lie in [1, 256]")?;
        let shape = contexts.reference.shape();
        let most = shape.ranges().map(|r| r.len()).max().unwrap_or(1);
        let net =
            Net { widths: [&[self.input], &self.hidden[..], &[most]].concat(), activation: Activation::Relu };
        let mut rng = seed::stream(self.seed, "mlp-encoder", &[]);
        let mut initial = net.draw(&mut rng);
        initial.extend((0..shape.contexts() * self.input).map(|_| sample::normal(&mut rng)));
        softmax::class(Encoder { net }, initial, &contexts.reference)
    }
}

/// Parameters: the net's, then the vectors of the contexts.
#[derive(Debug)]
struct Encoder {
    net: Net,
}

impl Encoder {
    /// Where the vector of context `x` lies.
    fn input(&self, x: usize) -> std::ops::Range<usize> {
        let width = self.net.widths[0];
        let at = self.net.parameters() + x * width;
        at..at + width
    }
}

impl Scores for Encoder {
    const LINEAR: bool = false;
    const CARRIES_OVER: bool = false;

    fn add_scores(&self, shape: &Shape, theta: &[f64], out: &mut [f64]) {
        let (net, mut layers) = (self.net.at(theta), self.net.layers());
        for (x, row) in shape.ranges().enumerate() {
            net.forward(&theta[self.input(x)], &mut layers);
            out[row].iter_mut().zip(layers.output()).for_each(|(s, z)| *s += z);
        }
    }

    fn push(&self, shape: &Shape, theta: &[f64], v: &[f64], out: &mut [f64]) {
        let (net, mut layers) = (self.net.at(theta), self.net.layers());
        for (x, row) in shape.ranges().enumerate() {
            net.forward(&theta[self.input(x)], &mut layers);
            let moved = self.net.tangent(theta, &layers, v, &v[self.input(x)]);
            out[row].iter_mut().zip(moved).for_each(|(s, z)| *s = z);
        }
    }

    fn pull(&self, part: Part<'_>, theta: &[f64], cotangent: &[f64], out: &mut [f64]) {
        let (net, mut layers) = (self.net.at(theta), self.net.layers());
        let mut gradient = net.gradient(out);
        let mut last = vec![0.0; layers.output().len()];
        for (x, row) in part.contexts().zip(part.rows()) {
            net.forward(&theta[self.input(x)], &mut layers);
            let (given, beyond) = last.split_at_mut(row.len());
            given.copy_from_slice(&cotangent[row]);
            beyond.fill(0.0);
            let below = gradient.add(&layers, &last);
            out[self.input(x)].iter_mut().zip(below).for_each(|(g, b)| *g += b);
        }
        gradient.write(out);
    }
}

/// Registry row.
pub const ENTRY: PolicyEntry = PolicyEntry::of::<Config>(
    "mlp-encoder",
    "softmax of a perceptron's output for a trainable vector a context",
    "Zhou et al. 2025, arXiv:2503.08942, simulation",
    "finite differences, transposes, a net of one unit by hand",
);
