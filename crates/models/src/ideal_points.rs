//! Ideal points: a user prefers the nearer item. The parts of the published learners, each by itself.
//!
//! ```text
//! a_u = sum_k w_uk p_k,  w_u = softmax(logits_u / temperature)          p_k = P_k, f(P_k) or g_k(prompt); or a_u = f(sum_k w_uk P_k)
//! distance        |x_l - a| - |x_r - a|              below 0: the left item is preferred
//! squared         |x_l - a|^2 - |x_r - a|^2          linear in a: every user is a Bradley-Terry model on the items
//! cosine          c (cos(x_r, a) - cos(x_l, a))      c = 1 / 0.07
//! ```
//!
//! Chen et al. 2024, arXiv:2406.08469 (PAL): PAL-A has free prototypes, PAL-B prototypes that depend on the prompt; `f` and `g_k` are linear
//! layers with rectifiers between them. The score has the sign of the published code, with label -1 where the left item is preferred; the losses
//! take `label x score`. The published `dist_logistic` puts the two distances themselves in place of logits, so that cross-entropy
//! pushes the preferred item away.

use equipoise_core::logistic::{log_sigmoid, logistic};
use ndarray::Array2;

/// The scale of cosines, `1 / 0.07`: where it starts in the published code.
pub const COSINE_SCALE: f64 = 1.0 / 0.07;

/// Linear layers with rectifiers between them.
#[derive(Clone, Debug, PartialEq)]
pub struct Projector {
    /// Weight `[out][in]` and bias `[out]` of every layer.
    pub layers: Vec<(Array2<f64>, Vec<f64>)>,
}

impl Projector {
    /// `f(x)`.
    ///
    /// # Panics
    /// If a layer is not as wide as what comes before it.
    #[must_use]
    pub fn apply(&self, x: &[f64]) -> Vec<f64> {
        self.along(x, Vec::new()).0
    }

    /// `f(x)` and its derivatives along some directions.
    ///
    /// # Panics
    /// As [`Projector::apply`].
    #[must_use]
    pub fn along(&self, x: &[f64], mut directions: Vec<Vec<f64>>) -> (Vec<f64>, Vec<Vec<f64>>) {
        let mut x = x.to_vec();
        for (k, (weight, bias)) in self.layers.iter().enumerate() {
            assert_eq!(weight.ncols(), x.len(), "layer {k} takes what comes before it");
            let linear = |v: &[f64]| -> Vec<f64> {
                weight.outer_iter().map(|w| w.iter().zip(v).map(|(w, v)| w * v).sum()).collect()
            };
            directions = directions.iter().map(|d| linear(d)).collect();
            x = linear(&x).iter().zip(bias).map(|(y, b)| y + b).collect();
            if k + 1 < self.layers.len() {
                for d in &mut directions {
                    d.iter_mut().zip(&x).filter(|(_, x)| **x <= 0.0).for_each(|(d, _)| *d = 0.0);
                }
                x.iter_mut().for_each(|x| *x = x.max(0.0));
            }
        }
        (x, directions)
    }
}

/// `softmax(logits / temperature)`.
#[must_use]
pub fn mixture(logits: &[f64], temperature: f64) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = logits.iter().map(|z| ((z - largest) / temperature).exp()).collect();
    let total: f64 = powers.iter().sum();
    powers.iter().map(|p| p / total).collect()
}

/// The mixture's largest part alone, the first of equal ones: the published code's `partition`.
#[must_use]
pub fn partition(logits: &[f64]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let at = logits.iter().position(|&z| z == largest);
    (0..logits.len()).map(|k| f64::from(u8::from(Some(k) == at))).collect()
}

/// `sum_k w_k p_k`.
#[must_use]
pub fn mixed(weights: &[f64], points: &[Vec<f64>]) -> Vec<f64> {
    let mut point = vec![0.0; points.first().map_or(0, Vec::len)];
    for (w, p) in weights.iter().zip(points) {
        point.iter_mut().zip(p).for_each(|(a, p)| *a += w * p);
    }
    point
}

/// The slope by logits of what has the given slopes by the weights.
#[must_use]
pub fn by_logits(weights: &[f64], slopes: &[f64], temperature: f64) -> Vec<f64> {
    let mean: f64 = weights.iter().zip(slopes).map(|(w, s)| w * s).sum();
    weights.iter().zip(slopes).map(|(w, s)| w * (s - mean) / temperature).collect()
}

/// What is far: how the two items of a comparison are held against a user's point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Measure {
    /// `|x - a|`.
    Distance,
    /// `|x - a|^2`.
    Squared,
    /// `-c cos(x, a)`.
    Cosine,
}

impl Measure {
    /// How far an item is from a user's point.
    #[must_use]
    pub fn far(self, item: &[f64], user: &[f64]) -> f64 {
        match self {
            Self::Distance => squared(item, user).sqrt(),
            Self::Squared => squared(item, user),
            Self::Cosine => -COSINE_SCALE * dot(item, user) / (length(item) * length(user)),
        }
    }

    /// The slope of [`Measure::far`] by the user's point; 0 at distance 0.
    #[must_use]
    pub fn slope(self, item: &[f64], user: &[f64]) -> Vec<f64> {
        let away = user.iter().zip(item).map(|(a, x)| a - x);
        match self {
            Self::Distance => {
                let far = self.far(item, user);
                away.map(|d| if far > 0.0 { d / far } else { 0.0 }).collect()
            }
            Self::Squared => away.map(|d| 2.0 * d).collect(),
            Self::Cosine => {
                let (x, a) = (length(item), length(user));
                let along = dot(item, user) / (a * a);
                item.iter().zip(user).map(|(i, u)| -COSINE_SCALE * (i - along * u) / (x * a)).collect()
            }
        }
    }

    /// How much farther the left item is than the right one: below 0, the left one is preferred.
    #[must_use]
    pub fn score(self, left: &[f64], right: &[f64], user: &[f64]) -> f64 {
        match self {
            // the squares of the user's point cancel
            Self::Squared => {
                left.iter().zip(right).zip(user).map(|((l, r), a)| (l - r) * (l + r - 2.0 * a)).sum()
            }
            _ => self.far(left, user) - self.far(right, user),
        }
    }
}

/// What the published code measures a score by, of `margin = label x score`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum MarginLoss {
    /// `max(0, 1 - margin)`.
    Hinge,
    /// `-log sigma(margin)`.
    Logistic,
    /// The hinge with a parabola of width `gamma` at its foot.
    SmoothHinge {
        /// Width of the parabola, above 0; 5 in the published code.
        gamma: f64,
    },
}

impl MarginLoss {
    /// The loss.
    #[must_use]
    pub fn value(self, margin: f64) -> f64 {
        let short = 1.0 - margin;
        match self {
            Self::Hinge => short.max(0.0),
            Self::Logistic => -log_sigmoid(margin),
            Self::SmoothHinge { gamma } if short < gamma => short.max(0.0).powi(2) / (2.0 * gamma),
            Self::SmoothHinge { gamma } => short - 0.5 * gamma,
        }
    }

    /// Its slope by the margin.
    #[must_use]
    pub fn slope(self, margin: f64) -> f64 {
        let short = 1.0 - margin;
        match self {
            Self::Hinge => -f64::from(u8::from(short > 0.0)),
            Self::Logistic => -logistic(-margin),
            Self::SmoothHinge { gamma } => -(short / gamma).clamp(0.0, 1.0),
        }
    }
}

/// `-log softmax(logits)` at `target`.
///
/// # Panics
/// If there is no such logit.
#[must_use]
pub fn cross_entropy(logits: &[f64], target: usize) -> f64 {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = logits.iter().map(|z| (z - largest).exp()).sum();
    total.ln() + largest - logits[target]
}

fn squared(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn length(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}
