//! A game: one preference matrix per context, of unequal sizes, with weights and labels.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use equipoise_core::flat::Flat as _;
use equipoise_core::{Policy, Shape, blocks};
use ndarray::{Array1, Array2};

use crate::matrix::{LARGE, Margins, MatrixError, PreferenceMatrix};
use crate::near::Near;
use crate::product::{pair, pairs, skew_product};
use crate::storage::cpu::ask_for;
use crate::storage::{Panels, ProductCost, Storage};
use crate::triangles;

/// One or many contexts, each with its preference matrix. Margins of small contexts lie in one allocation, each unordered
/// pair once, so a million small games cost what their pairs cost. A large context has a [`Storage`] of its own.
#[derive(Clone, Debug)]
pub struct Game {
    shape: Shape,
    /// The packed triangles of all small contexts behind each other.
    margins: Vec<f64>,
    /// `starts[x]` is where the triangle of context `x` begins.
    starts: Vec<usize>,
    /// The contexts that lie elsewhere, ascending.
    stored: Vec<(usize, Arc<dyn Storage>)>,
    /// The same as squares and slabs, where the game is small.
    near: Option<Near>,
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

/// What becomes a context: a [`PreferenceMatrix`], or any [`Storage`].
#[derive(Clone, Debug)]
pub struct Context(Place);

#[derive(Clone, Debug)]
enum Place {
    Triangle(usize, Vec<f64>),
    Stored(Arc<dyn Storage>),
}

impl From<PreferenceMatrix> for Context {
    fn from(matrix: PreferenceMatrix) -> Self {
        let n = matrix.n();
        match matrix.margins {
            Margins::Triangle(packed) => Self(Place::Triangle(n, packed)),
            Margins::Panels(panels) => panels.into(),
        }
    }
}

impl<S: Storage + 'static> From<S> for Context {
    fn from(storage: S) -> Self {
        Self(Place::Stored(Arc::new(storage)))
    }
}

/// Why a game could not be put together.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GameError {
    /// No context.
    #[error("a game needs at least one context")]
    Empty,
    /// An array that is neither `[n x n]` nor `[contexts x n x n]`.
    #[error("an array of shape {shape:?} is no game: it must be [n, n] or [contexts, n, n]")]
    Array {
        /// Its lengths.
        shape: Vec<usize>,
    },
    /// The matrix of a context is no preference matrix.
    #[error("context {context}: {error}")]
    Matrix {
        /// Context, from 0.
        context: usize,
        /// Why.
        error: MatrixError,
    },
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
    pub fn single(context: impl Into<Context>) -> Self {
        Self::new([context]).expect("one matrix is one context")
    }

    /// A game with the given contexts, equally weighted, actions labelled by their number from 0.
    ///
    /// # Errors
    /// [`GameError::Empty`] without a context.
    pub fn new(contexts: impl IntoIterator<Item = impl Into<Context>>) -> Result<Self, GameError> {
        let (mut margins, mut starts, mut sizes, mut stored) = (vec![], vec![], vec![], vec![]);
        for (x, context) in contexts.into_iter().enumerate() {
            starts.push(margins.len());
            match context.into().0 {
                Place::Triangle(n, packed) if margins.is_empty() => {
                    sizes.push(n);
                    margins = packed;
                }
                Place::Triangle(n, packed) => {
                    sizes.push(n);
                    margins.extend_from_slice(&packed);
                }
                Place::Stored(storage) => {
                    sizes.push(storage.n());
                    stored.push((x, storage));
                }
            }
        }
        let shape = Shape::ragged(sizes.iter().copied()).ok_or(GameError::Empty)?;
        let weights = vec![1.0 / shape.contexts() as f64; shape.contexts()];
        let near = if stored.is_empty() {
            Near::new(&sizes, |x, i, j| {
                let at = |i, j| margins[starts[x] + pair(sizes[x], i, j)];
                match i.cmp(&j) {
                    Ordering::Less => at(i, j),
                    Ordering::Equal => 0.0,
                    Ordering::Greater => -at(j, i),
                }
            })
        } else {
            None
        };
        Ok(Self { shape, margins, starts, stored, near, weights, labels: Labels::Numbered })
    }

    /// The game whose margins are these rounded to f32: half the bytes a product reads, where a context has 1024 actions
    /// or more. All that is measured is exact for the rounded game; a margin moves by 2^-26 at most.
    #[must_use]
    pub fn in_f32(&self) -> Self {
        let contexts = (0..self.contexts()).map(|x| -> Context {
            match (self.shape.actions(x), self.stored(x)) {
                (n, Some(storage)) if n >= LARGE => {
                    let mut panels = Panels::<f32>::ties(n);
                    (0..n).for_each(|i| (i + 1..n).for_each(|j| panels.set(i, j, storage.margin(i, j))));
                    panels.into()
                }
                (n, _) => {
                    let rounded = |i, j| f64::from(self.margin(x, i, j) as f32);
                    PreferenceMatrix::from_margins(n, rounded).expect("1/2 is an f32").into()
                }
            }
        });
        let game = Self::new(contexts).expect("as many contexts as before");
        Self { weights: self.weights.clone(), labels: self.labels.clone(), ..game }
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
        0.5 + self.margin(x, i, j)
    }

    /// Asks for the memory of a win rate that will be wanted soon: of a large game each lies on a cache line of its own, and
    /// many may be on their way at once.
    #[inline]
    pub(crate) fn ask_for(&self, x: usize, i: usize, j: usize) {
        match self.stored(x) {
            Some(storage) => storage.ask_for(i, j),
            None if i != j => ask_for(self.packed(x), pair(self.shape.actions(x), i.min(j), i.max(j))),
            None => (),
        }
    }

    fn margin(&self, x: usize, i: usize, j: usize) -> f64 {
        if let Some(storage) = self.stored(x) {
            return storage.margin(i, j);
        }
        let (n, packed) = (self.shape.actions(x), self.packed(x));
        match i.cmp(&j) {
            Ordering::Less => packed[pair(n, i, j)],
            Ordering::Equal => 0.0,
            Ordering::Greater => -packed[pair(n, j, i)],
        }
    }

    /// The matrix of context `x`, copied: `4 n^2` bytes, whatever the context is kept in.
    #[must_use]
    pub fn matrix(&self, x: usize) -> PreferenceMatrix {
        PreferenceMatrix::from_margins(self.shape.actions(x), |i, j| self.margin(x, i, j))
            .expect("a game holds valid margins")
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
        let out = out.flat_mut();
        if !self.stored.is_empty() {
            self.stored_margins(&[probs], &mut [out]);
            return;
        }
        if let Some(near) = &self.near {
            near.products(self.shape.offsets(), probs, out);
        } else {
            triangles::products(self.shape.offsets(), &self.starts, &self.margins, probs, out);
        }
    }

    /// `K pi` for several policies in one pass over the game: `outs[k]`, flat over the shape, is to the bit what
    /// [`Game::margins`] gives for `policies[k]` alone. Large contexts are read from memory once, whatever the number of
    /// policies; small ones lie in cache anyway.
    ///
    /// # Panics
    /// If there are not as many `outs` as `policies`.
    pub fn margins_many(&self, policies: &[&Policy], outs: &mut [&mut Array1<f64>]) {
        assert_eq!(policies.len(), outs.len(), "one result a policy");
        if self.stored.is_empty() {
            policies.iter().zip(outs).for_each(|(policy, out)| self.margins(policy, out));
            return;
        }
        let probs: Vec<&[f64]> = policies.iter().map(|p| p.probs_slice()).collect();
        let slices = outs.iter_mut().map(|out| out.flat_mut());
        self.stored_margins(&probs, &mut slices.collect::<Vec<_>>());
    }

    /// The products of a game of which a context has a storage of its own.
    fn stored_margins(&self, probs: &[&[f64]], outs: &mut [&mut [f64]]) {
        for (x, range) in self.shape.ranges().enumerate() {
            let ps: Vec<&[f64]> = probs.iter().map(|p| &p[range.clone()]).collect();
            let mut outs: Vec<&mut [f64]> = outs.iter_mut().map(|out| &mut out[range.clone()]).collect();
            match self.stored(x) {
                Some(storage) => storage.products(&ps, &mut outs),
                None => ps.iter().zip(outs).for_each(|(p, out)| skew_product(self.packed(x), p, out)),
            }
        }
    }

    /// Bytes of the margins held in memory, in whatever form; vectors over the actions not counted.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let small = size_of_val(&self.margins[..]) + self.near.as_ref().map_or(0, Near::bytes);
        small as u64 + self.stored.iter().map(|(_, s)| s.bytes()).sum::<u64>()
    }

    /// What one product over all contexts reads and computes.
    #[must_use]
    pub fn product_cost(&self) -> ProductCost {
        let pairs = self.margins.len() as u64;
        let small = ProductCost { bytes: 8 * pairs, operations: 4 * pairs };
        self.stored.iter().fold(small, |sum, (_, s)| sum + s.cost())
    }

    /// What its contexts are kept in, one word each kind.
    #[must_use]
    pub fn storage_names(&self) -> Vec<&'static str> {
        let small = (self.stored.len() < self.contexts()).then_some("packed f64");
        let mut names: Vec<_> = small.into_iter().chain(self.stored.iter().map(|(_, s)| s.name())).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Hands the numbers that decide the game to `sink`, in one order: for each context the number of actions, its weight
    /// and its margins ([`Storage::content`]). Labels decide nothing.
    pub fn content(&self, sink: &mut dyn FnMut(&[u8])) {
        // + 0.0: the two zeros are one number
        let bytes = |number: &f64| (number + 0.0).to_bits().to_le_bytes();
        for x in 0..self.contexts() {
            sink(&(self.shape.actions(x) as u64).to_le_bytes());
            sink(&bytes(&self.weights[x]));
            match self.stored(x) {
                Some(storage) => storage.content(sink),
                None => sink(&self.packed(x).iter().flat_map(bytes).collect::<Vec<u8>>()),
            }
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

    /// The storage of context `x`, if it has one of its own.
    fn stored(&self, x: usize) -> Option<&dyn Storage> {
        let at = self.stored.binary_search_by_key(&x, |(context, _)| *context).ok()?;
        Some(&*self.stored[at].1)
    }

    /// The triangle of context `x`, which has no storage of its own.
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
