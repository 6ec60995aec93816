//! A game: one preference matrix per context, of unequal sizes, with weights and labels.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use equipoise_core::{Policy, Shape, blocks};
use ndarray::{Array1, Array2};

use crate::matrix::PreferenceMatrix;
use crate::product::{pair, pairs, skew_product};
use crate::squares::Squares;
use crate::triangles;

/// One or many contexts, each with its preference matrix. All margins lie in one allocation, each unordered pair once,
/// so a million small games cost what their pairs cost.
#[derive(Clone, Debug)]
pub struct Game {
    shape: Shape,
    /// The packed triangles of all contexts behind each other.
    margins: Vec<f64>,
    /// `starts[x]` is where the triangle of context `x` begins.
    starts: Vec<usize>,
    /// The same as whole matrices, where the game is small.
    squares: Option<Squares>,
    /// Context weights, non-negative, summing to 1.
    weights: Vec<f64>,
    labels: Labels,
}

#[derive(Clone, Debug)]
enum Labels {
    Numbered,
    /// The same labels in every context.
    Shared(Arc<[String]>),
    Each(Vec<Arc<[String]>>),
}

/// Why a game could not be put together.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GameError {
    /// No context.
    #[error("a game needs at least one context")]
    Empty,
    /// As many weights as contexts are needed.
    #[error("{got} context weights given for {contexts} contexts")]
    WeightCount {
        /// Contexts of the game.
        contexts: usize,
        /// Weights given.
        got: usize,
    },
    /// A weight is negative, not finite, or all are zero.
    #[error(
        "context weight {value} of context {context} must be finite and not negative, and one must be above 0"
    )]
    Weight {
        /// Context, from 0.
        context: usize,
        /// The weight.
        value: f64,
    },
    /// As many labels as actions are needed.
    #[error("{got} labels given for {actions} actions of context {context}")]
    LabelCount {
        /// Context, from 0.
        context: usize,
        /// Its number of actions.
        actions: usize,
        /// Labels given.
        got: usize,
    },
    /// Two actions of one context share a label, or a label is empty.
    #[error("label `{label}` of context {context} is empty or stands for two actions; labels must differ")]
    Label {
        /// Context, from 0.
        context: usize,
        /// The label.
        label: String,
    },
}

impl Game {
    /// A game with one context.
    #[must_use]
    pub fn single(matrix: PreferenceMatrix) -> Self {
        Self::new([matrix]).expect("one matrix is one context")
    }

    /// A game with the given contexts, equally weighted, actions labelled by their number from 0.
    ///
    /// # Errors
    /// [`GameError::Empty`] without a matrix.
    pub fn new(matrices: impl IntoIterator<Item = PreferenceMatrix>) -> Result<Self, GameError> {
        let (mut margins, mut starts, mut sizes) = (Vec::new(), Vec::new(), Vec::new());
        for matrix in matrices {
            starts.push(margins.len());
            sizes.push(matrix.n());
            margins.extend_from_slice(matrix.packed_margins());
        }
        let shape = Shape::ragged(sizes.iter().copied()).ok_or(GameError::Empty)?;
        let weights = vec![1.0 / shape.contexts() as f64; shape.contexts()];
        let squares = Squares::new(&sizes, |x, i, j| {
            let at = |i, j| margins[starts[x] + pair(sizes[x], i, j)];
            match i.cmp(&j) {
                Ordering::Less => at(i, j),
                Ordering::Equal => 0.0,
                Ordering::Greater => -at(j, i),
            }
        });
        Ok(Self { shape, margins, starts, squares, weights, labels: Labels::Numbered })
    }

    /// Replaces the context weights; they are divided by their sum.
    ///
    /// # Errors
    /// [`GameError::WeightCount`] or [`GameError::Weight`].
    pub fn with_weights(mut self, mut weights: Vec<f64>) -> Result<Self, GameError> {
        let contexts = self.contexts();
        if weights.len() != contexts {
            return Err(GameError::WeightCount { contexts, got: weights.len() });
        }
        if let Some(context) = weights.iter().position(|w| !(*w >= 0.0 && w.is_finite())) {
            return Err(GameError::Weight { context, value: weights[context] });
        }
        let sum: f64 = weights.iter().sum();
        if sum <= 0.0 || !sum.is_finite() {
            return Err(GameError::Weight { context: 0, value: weights[0] });
        }
        weights.iter_mut().for_each(|w| *w /= sum);
        self.weights = weights;
        Ok(self)
    }

    /// Labels the actions: one list for all contexts, or one for each.
    ///
    /// # Errors
    /// [`GameError::LabelCount`] or [`GameError::Label`].
    pub fn with_labels(mut self, mut labels: Vec<Vec<String>>) -> Result<Self, GameError> {
        let shared = labels.len() == 1;
        for context in 0..self.contexts() {
            let list = labels.get(if shared { 0 } else { context }).map_or(&[][..], Vec::as_slice);
            let actions = self.shape.actions(context);
            if list.len() != actions {
                return Err(GameError::LabelCount { context, actions, got: list.len() });
            }
            if !shared || context == 0 {
                let mut sorted: Vec<&String> = list.iter().collect();
                sorted.sort_unstable();
                let twice = sorted.windows(2).find(|w| w[0] == w[1]).map(|w| w[0]);
                if let Some(label) = twice.or_else(|| list.iter().find(|l| l.trim().is_empty())) {
                    return Err(GameError::Label { context, label: label.clone() });
                }
            }
        }
        self.labels = if shared {
            Labels::Shared(labels.swap_remove(0).into())
        } else {
            Labels::Each(labels.into_iter().map(Into::into).collect())
        };
        Ok(self)
    }

    /// Contexts and actions.
    #[inline]
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Number of contexts, at least 1.
    #[inline]
    #[must_use]
    pub fn contexts(&self) -> usize {
        self.shape.contexts()
    }

    /// Context weights, summing to 1.
    #[inline]
    #[must_use]
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Label of action `a` in context `x`: the given one, or its number from 0.
    #[must_use]
    pub fn label(&self, x: usize, a: usize) -> Cow<'_, str> {
        match &self.labels {
            Labels::Numbered => Cow::Owned(a.to_string()),
            Labels::Shared(list) => Cow::Borrowed(&list[a]),
            Labels::Each(lists) => Cow::Borrowed(&lists[x][a]),
        }
    }

    /// Labels of context `x`.
    #[must_use]
    pub fn labels(&self, x: usize) -> Vec<String> {
        (0..self.shape.actions(x)).map(|a| self.label(x, a).into_owned()).collect()
    }

    /// `Pr(i beats j)` in context `x`.
    #[must_use]
    pub fn prob(&self, x: usize, i: usize, j: usize) -> f64 {
        let (n, packed) = (self.shape.actions(x), self.packed(x));
        match i.cmp(&j) {
            Ordering::Less => 0.5 + packed[pair(n, i, j)],
            Ordering::Equal => 0.5,
            Ordering::Greater => 0.5 - packed[pair(n, j, i)],
        }
    }

    /// The matrix of context `x`, copied.
    #[must_use]
    pub fn matrix(&self, x: usize) -> PreferenceMatrix {
        let (n, packed) = (self.shape.actions(x), self.packed(x));
        PreferenceMatrix::from_margins(n, |i, j| packed[pair(n, i, j)]).expect("a game holds valid margins")
    }

    /// `P` of context `x` as an array, `[actions x actions]`.
    #[must_use]
    pub fn to_array(&self, x: usize) -> Array2<f64> {
        self.matrix(x).to_array()
    }

    /// `K pi` in every context, flat over the shape: the margins of each action against `policy`, in `[-1/2, 1/2]`.
    /// Win rates are these plus one half.
    #[inline]
    pub fn margins(&self, policy: &Policy, out: &mut Array1<f64>) {
        let probs = policy.probs_slice();
        let out = out.as_slice_mut().expect("an owned one-dimensional array is contiguous");
        if let Some(squares) = &self.squares {
            squares.products(self.shape.offsets(), probs, out);
        } else if self.contexts() == 1 {
            skew_product(&self.margins, probs, out);
        } else {
            triangles::products(self.shape.offsets(), &self.starts, &self.margins, probs, out);
        }
    }

    /// The context-weighted mean of `per_context(x)`, summed in the order of the contexts, in blocks where they are many.
    #[must_use]
    pub fn weighted_mean(&self, per_context: impl Fn(usize) -> f64 + Sync) -> f64 {
        blocks::sum(self.shape.offsets(), (), |block, ()| {
            let contexts = block.first..block.first + block.contexts();
            contexts.map(|x| self.weights[x] * per_context(x)).sum()
        })
    }

    fn packed(&self, x: usize) -> &[f64] {
        &self.margins[self.starts[x]..self.starts[x] + pairs(self.shape.actions(x))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cycle(m: f64) -> PreferenceMatrix {
        PreferenceMatrix::from_margins(3, |i, j| if j == i + 1 { m } else { -m }).unwrap()
    }

    #[test]
    fn contexts_of_unequal_size_share_one_allocation() {
        let coin = PreferenceMatrix::from_margins(2, |_, _| 0.25).unwrap();
        let game = Game::new([cycle(0.1), coin]).unwrap().with_weights(vec![1.0, 3.0]).unwrap();
        let mut out = Array1::zeros(5);
        game.margins(&Policy::uniform(game.shape()), &mut out);
        assert!(out.iter().zip([0.0, 0.0, 0.0, 0.125, -0.125]).all(|(a, b)| (a - b).abs() < 1e-16));
        assert_eq!((game.prob(0, 2, 0), game.prob(1, 1, 0)), (0.6, 0.25));
        assert_eq!(game.matrix(0), cycle(0.1));
        assert_eq!(game.weights(), [0.25, 0.75]);
        assert_eq!(game.label(1, 1), "1");
    }

    #[test]
    fn labels_must_fit_and_differ() {
        let game = Game::single(cycle(0.1));
        let labels = |l: &[&str]| vec![l.iter().map(ToString::to_string).collect()];
        assert!(matches!(
            game.clone().with_labels(labels(&["a"])),
            Err(GameError::LabelCount { got: 1, .. })
        ));
        assert!(matches!(game.clone().with_labels(labels(&["a", "b", "a"])), Err(GameError::Label { .. })));
        assert_eq!(game.with_labels(labels(&["a", "b", "c"])).unwrap().label(0, 2), "c");
    }
}
