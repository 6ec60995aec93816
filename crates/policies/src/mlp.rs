//! A multilayer perceptron that scores a response by its features: `s(x, y) = net(phi(x, y))`, tanh between the layers.
//!
//! It takes any number of responses, and prompts that it was not trained on. The bias of its output moves no policy and
//! gets no gradient.

use std::sync::Arc;

use equipoise_core::class_entry::{Contexts, PolicyConfig, PolicyEntry};
use equipoise_core::registry::ensure;
use equipoise_core::{BuildError, PolicyClass, Shape, seed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::features::{Features, Rows};
use crate::net::{Activation, Net};
use crate::softmax::{self, Part, Scores};

/// Widest layer.
pub(crate) const WIDEST: usize = 256;

/// Options of `mlp`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The features of the responses: `random: {dimension, seed}`, `actions`, `values: [[..]]` or `path: file`.
    pub features: Features,
    /// Widths of the hidden layers, at least one, each from 1 to 256.
    pub hidden: Vec<usize>,
    /// Seed of the first weights.
    pub seed: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { features: Features::default(), hidden: vec![32], seed: 0 }
    }
}

/// Checks the widths of hidden layers.
pub(crate) fn check_widths(hidden: &[usize]) -> Result<(), BuildError> {
    ensure(!hidden.is_empty(), "hidden", "[]", "must name at least one layer")?;
    let odd = hidden.iter().find(|w| !(1..=WIDEST).contains(*w));
    odd.map_or(Ok(()), |w| Err(BuildError::range("hidden", w, "a layer has from 1 to 256 units")))
}

impl PolicyConfig for Config {
    fn bind(self, contexts: &Contexts) -> Result<Arc<dyn PolicyClass>, BuildError> {
        check_widths(&self.hidden)?;
        let rows = self.features.rows(contexts)?;
        let widths = [&[rows.dimension], &self.hidden[..], &[1]].concat();
        let net = Net { widths, activation: Activation::Tanh };
        let initial = net.draw(&mut seed::stream(self.seed, "mlp", &[]));
        softmax::class(Scorer { net, rows }, initial, &contexts.reference)
    }
}

#[derive(Debug)]
struct Scorer {
    net: Net,
    rows: Rows,
}

impl Scores for Scorer {
    const LINEAR: bool = false;
    const CARRIES_OVER: bool = true;

    fn add_scores(&self, _shape: &Shape, theta: &[f64], out: &mut [f64]) {
        let (net, mut layers) = (self.net.at(theta), self.net.layers());
        for (k, s) in out.iter_mut().enumerate() {
            net.forward(self.rows.of(k), &mut layers);
            *s += layers.output()[0];
        }
    }

    fn push(&self, _shape: &Shape, theta: &[f64], v: &[f64], out: &mut [f64]) {
        let (net, mut layers) = (self.net.at(theta), self.net.layers());
        let still = vec![0.0; self.rows.dimension];
        for (k, s) in out.iter_mut().enumerate() {
            net.forward(self.rows.of(k), &mut layers);
            *s = self.net.tangent(theta, &layers, v, &still)[0];
        }
    }

    fn pull(&self, part: Part<'_>, theta: &[f64], cotangent: &[f64], out: &mut [f64]) {
        let (net, mut layers) = (self.net.at(theta), self.net.layers());
        let mut gradient = net.gradient(out);
        for (k, c) in part.entries().zip(cotangent).filter(|(_, c)| **c != 0.0) {
            net.forward(self.rows.of(k), &mut layers);
            gradient.add(&layers, &[*c]);
        }
        gradient.write(out);
    }
}

/// Registry row.
pub const ENTRY: PolicyEntry = PolicyEntry::of::<Config>(
    "mlp",
    "softmax of a perceptron's score of each response's features",
    "multilayer perceptron, tanh",
    "finite differences, transposes, a net of one unit by hand",
);
