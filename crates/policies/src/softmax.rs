//! Classes whose log-probabilities are the softmax of scores around the reference.
//!
//! ```text
//! log pi_theta = log_softmax(log mu + s(theta) - s(theta_0))          D = G - p sum(G), row by row
//! push: dl = ds v - <p, ds v>                                         pull: (ds / dtheta)' D
//! ```

use std::ops::Range;
use std::sync::Arc;

use equipoise_core::simplex::NonFinite;
use equipoise_core::{BuildError, Policy, PolicyClass, Shape};

/// Entries whose gradient is taken back at once: while they are in the nearest cache, and without memory for all of them.
const AT_ONCE: usize = 1 << 12;

/// Some contexts in a row.
#[derive(Clone, Copy)]
pub(crate) struct Part<'a> {
    pub(crate) shape: &'a Shape,
    first: usize,
    end: usize,
}

impl<'a> Part<'a> {
    /// Contexts `first..` of at most [`AT_ONCE`] entries, or one of them.
    fn starting(shape: &'a Shape, first: usize) -> Self {
        let offsets = shape.offsets();
        let most = offsets[first] + AT_ONCE;
        let beyond = offsets[first + 1..].partition_point(|&end| end <= most);
        Self { shape, first, end: first + beyond.max(1) }
    }

    pub(crate) fn contexts(self) -> Range<usize> {
        self.first..self.end
    }

    /// Where its entries lie in what is flat over the shape.
    pub(crate) fn entries(self) -> Range<usize> {
        self.shape.offsets()[self.first]..self.shape.offsets()[self.end]
    }

    /// The entries of each context, counted from the first of the part.
    pub(crate) fn rows(self) -> impl Iterator<Item = Range<usize>> + 'a {
        let offsets = &self.shape.offsets()[self.first..=self.end];
        offsets.windows(2).map(|w| w[0] - offsets[0]..w[1] - offsets[0])
    }
}

/// Scores of the actions, flat over the shape.
pub(crate) trait Scores: std::fmt::Debug + Send + Sync + 'static {
    /// Whether they are linear in the parameters.
    const LINEAR: bool;

    /// Whether no parameter belongs to a context.
    const CARRIES_OVER: bool;

    /// Adds the scores to `out`.
    fn add_scores(&self, shape: &Shape, theta: &[f64], out: &mut [f64]);

    /// Writes their derivative along `v`.
    fn push(&self, shape: &Shape, theta: &[f64], v: &[f64], out: &mut [f64]);

    /// Adds the gradient by the parameters of these contexts' part, `cotangent` being that by their scores.
    fn pull(&self, part: Part<'_>, theta: &[f64], cotangent: &[f64], out: &mut [f64]);

    /// See [`PolicyClass::diagonal`].
    fn diagonal(&self, shape: &Shape, weights: &[f64], out: &mut [f64]) {
        let _ = (shape, weights);
        out.iter_mut().for_each(|d| *d += 1.0);
    }
}

/// A class made of scores.
#[derive(Debug)]
struct Softmax<S> {
    scores: S,
    initial: Vec<f64>,
    /// `log mu - s(theta_0)`, flat over the shape.
    offset: Vec<f64>,
    shape: Shape,
}

/// The class of these scores around the reference, which its first parameters `initial` give.
pub(crate) fn class<S: Scores>(
    scores: S,
    initial: Vec<f64>,
    reference: &Policy,
) -> Result<Arc<dyn PolicyClass>, BuildError> {
    let shape = reference.shape().clone();
    let mut first = vec![0.0; shape.len()];
    scores.add_scores(&shape, &initial, &mut first);
    let offset = reference.log_probs_slice().iter().zip(first).map(|(l, s)| l - s).collect();
    Ok(Arc::new(Softmax { scores, initial, offset, shape }))
}

impl<S: Scores> PolicyClass for Softmax<S> {
    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn initial(&self) -> &[f64] {
        &self.initial
    }

    fn is_linear(&self) -> bool {
        S::LINEAR
    }

    fn carries_over(&self) -> bool {
        S::CARRIES_OVER
    }

    fn evaluate(&self, theta: &[f64], policy: &mut Policy) -> Result<(), NonFinite> {
        policy.set_logits(|logits| {
            logits.copy_from_slice(&self.offset);
            self.scores.add_scores(&self.shape, theta, logits);
        })
    }

    fn push(&self, theta: &[f64], policy: &Policy, v: &[f64], out: &mut [f64]) {
        self.scores.push(&self.shape, theta, v, out);
        let probs = policy.probs_slice();
        for row in self.shape.ranges() {
            let mean: f64 = row.clone().map(|k| probs[k] * out[k]).sum();
            out[row].iter_mut().for_each(|d| *d -= mean);
        }
    }

    fn pull(&self, theta: &[f64], policy: &Policy, cotangent: &[f64], out: &mut [f64]) {
        let probs = policy.probs_slice();
        let (mut first, mut centred) = (0, Vec::new());
        while first < self.shape.contexts() {
            let part = Part::starting(&self.shape, first);
            centred.clear();
            centred.extend_from_slice(&cotangent[part.entries()]);
            let probs = &probs[part.entries()];
            for row in part.rows() {
                let total: f64 = centred[row.clone()].iter().sum();
                centred[row.clone()].iter_mut().zip(&probs[row]).for_each(|(d, p)| *d -= p * total);
            }
            self.scores.pull(part, theta, &centred, out);
            first = part.contexts().end;
        }
    }

    fn diagonal(&self, _theta: &[f64], weights: &[f64], out: &mut [f64]) {
        self.scores.diagonal(&self.shape, weights, out);
    }
}
