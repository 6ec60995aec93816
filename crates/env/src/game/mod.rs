//! A game: one preference matrix per context, of unequal sizes, with weights and labels.

mod error;
mod labels;
mod layout;
mod voters;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use equipoise_core::flat::Flat as _;
use equipoise_core::{Policy, Shape, blocks};
use ndarray::{Array1, Array2};

pub use error::GameError;
pub use layout::Context;
pub use voters::Voters;

use crate::matrix::{LARGE, PreferenceMatrix, square};
use crate::storage::{Panels, ProductCost};
use labels::Labels;
use layout::Layout;
pub(crate) use voters::Judgement;

/// One or many contexts, each with its preference matrix. Margins of small contexts lie in one allocation, each unordered
/// pair once, so a million small games cost what their pairs cost. A large context has a
/// [`Storage`](crate::storage::Storage) of its own.
#[derive(Clone, Debug)]
pub struct Game {
    layout: Layout,
    /// Context weights, non-negative, summing to 1.
    weights: Vec<f64>,
    labels: Labels,
    /// What its generator describes each action of each context by, flat over the shape.
    features: Option<Arc<[Vec<f64>]>>,
    /// The mean utility of each action to the population that prefers, flat over the shape.
    utilities: Option<Arc<[f64]>>,
    /// The annotators whose mean its generator made it.
    voters: Option<Voters>,
    /// Whether its contexts are times, one unit apart.
    dated: bool,
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
        let layout = Layout::new(contexts).ok_or(GameError::Empty)?;
        let contexts = layout.shape().contexts();
        Ok(Self {
            layout,
            weights: vec![1.0 / contexts as f64; contexts],
            labels: Labels::Numbered,
            features: None,
            utilities: None,
            voters: None,
            dated: false,
        })
    }

    /// The game whose margins are these rounded to f32: half the bytes a product reads, where a context has 1024 actions
    /// or more. All that is measured is exact for the rounded game; a margin moves by 2^-26 at most.
    #[must_use]
    pub fn in_f32(&self) -> Self {
        let contexts = (0..self.contexts()).map(|x| -> Context {
            match (self.shape().actions(x), self.layout.stored(x)) {
                (n, Some(storage)) if n >= LARGE => {
                    let mut panels = Panels::<f32>::zeros(n);
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
        Self {
            weights: self.weights.clone(),
            labels: self.labels.clone(),
            features: self.features.clone(),
            utilities: self.utilities.clone(),
            ..game
        }
    }

    /// The game of some of its contexts, their weights divided by their sum.
    ///
    /// # Errors
    /// [`GameError::Empty`] without a context, [`GameError::WeightSum`] if none of them has a weight.
    ///
    /// # Panics
    /// If a context is out of range.
    pub fn part(&self, contexts: Range<usize>) -> Result<Self, GameError> {
        let game = Self::new(contexts.clone().map(|x| self.layout.context(x)))?;
        let labels = self.labels.part(contexts.clone());
        let (first, last) = (self.shape().offsets()[contexts.start], self.shape().offsets()[contexts.end]);
        let features = self.features.as_ref().map(|all| all[first..last].into());
        let utilities = self.utilities.as_ref().map(|all| all[first..last].into());
        Self { labels, features, utilities, ..game }.with_weights(self.weights[contexts].to_vec())
    }

    /// The game of some of its contexts with the weights and the layout that they have in this one, so that products and weighted terms
    /// have its bits; its weights do not sum to 1. `None` where a context has a storage of its own, or all are laid out together.
    #[must_use]
    pub(crate) fn block(&self, contexts: Range<usize>) -> Option<Self> {
        let layout = self.layout.block(contexts.clone())?;
        let entries = self.shape().offsets()[contexts.start]..self.shape().offsets()[contexts.end];
        Some(Self {
            layout,
            labels: self.labels.part(contexts.clone()),
            weights: self.weights[contexts].to_vec(),
            features: None,
            utilities: self.utilities.as_ref().map(|all| all[entries].into()),
            voters: None,
            dated: false,
        })
    }

    /// Says what describes each action of each context, flat over the shape: what a policy class may see of the responses.
    #[must_use]
    pub(crate) fn described_by(self, features: Vec<Vec<f64>>) -> Self {
        debug_assert_eq!(features.len(), self.shape().len(), "a list for each action of each context");
        Self { features: Some(features.into()), ..self }
    }

    /// Says what each action of each context is worth to the population that prefers, flat over the shape.
    #[must_use]
    pub(crate) fn valued_at(self, utilities: Vec<f64>) -> Self {
        debug_assert_eq!(utilities.len(), self.shape().len(), "a number for each action of each context");
        Self { utilities: Some(utilities.into()), ..self }
    }

    /// Says whose weighted mean it is.
    #[must_use]
    pub(crate) fn judged_by(self, voters: Option<Voters>) -> Self {
        Self { voters, ..self }
    }

    /// Says that its contexts are times.
    #[must_use]
    pub(crate) fn in_time(self) -> Self {
        Self { dated: true, ..self }
    }

    /// The annotators whose weighted mean it is; `None` where there are win rates alone. No method sees them.
    #[must_use]
    pub fn voters(&self) -> Option<&Voters> {
        self.voters.as_ref()
    }

    /// The game of one annotator alone; `None` where it has no annotators.
    ///
    /// # Panics
    /// If there is no such annotator.
    #[must_use]
    pub fn of_voter(&self, voter: usize) -> Option<Self> {
        let voters = self.voters.as_ref()?;
        let contexts = (0..self.contexts()).map(|x| voters.matrix(voter, self.shape().range(x)));
        Some(Self::new(contexts).expect("as many contexts as before"))
    }

    /// Whether its contexts are times, one unit apart.
    #[must_use]
    pub fn is_dated(&self) -> bool {
        self.dated
    }

    /// The game with what each action of each context is worth, flat over the shape: what the metric of welfare is of.
    ///
    /// # Errors
    /// [`GameError::UtilityCount`] or [`GameError::Utility`].
    pub fn with_utilities(self, utilities: Vec<f64>) -> Result<Self, GameError> {
        let actions = self.shape().len();
        if utilities.len() != actions {
            return Err(GameError::UtilityCount { actions, got: utilities.len() });
        }
        match utilities.iter().position(|u| !u.is_finite()) {
            Some(action) => Err(GameError::Utility { action, value: utilities[action] }),
            None => Ok(self.valued_at(utilities)),
        }
    }

    /// The mean utility of each action to the population that its generator made it from, or as given with its matrix, flat over the shape;
    /// `None` where there are win rates alone. No method sees it.
    #[must_use]
    pub fn utilities(&self) -> Option<&[f64]> {
        self.utilities.as_deref()
    }

    /// What its generator describes each action of each context by, flat over the shape; `None` where it describes none.
    #[must_use]
    pub fn features(&self) -> Option<&[Vec<f64>]> {
        self.features.as_deref()
    }

    /// Replaces the context weights; they are divided by their sum.
    ///
    /// # Errors
    /// [`GameError::WeightCount`], [`GameError::Weight`] or [`GameError::WeightSum`].
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
            return Err(GameError::WeightSum { contexts, sum });
        }
        weights.iter_mut().for_each(|w| *w /= sum);
        self.weights = weights;
        Ok(self)
    }

    /// Labels the actions: one list for all contexts, or one for each.
    ///
    /// # Errors
    /// [`GameError::LabelCount`] or [`GameError::Label`].
    pub fn with_labels(self, labels: Vec<Vec<String>>) -> Result<Self, GameError> {
        let labels = Labels::new(self.shape(), labels)?;
        Ok(Self { labels, ..self })
    }

    /// Contexts and actions.
    #[inline]
    #[must_use]
    pub fn shape(&self) -> &Shape {
        self.layout.shape()
    }

    /// Number of contexts, at least 1.
    #[inline]
    #[must_use]
    pub fn contexts(&self) -> usize {
        self.shape().contexts()
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
        self.labels.get(x, a)
    }

    /// Labels of context `x`.
    #[must_use]
    pub fn labels(&self, x: usize) -> Vec<String> {
        (0..self.shape().actions(x)).map(|a| self.label(x, a).into_owned()).collect()
    }

    /// `Pr(i beats j)` in context `x`.
    #[must_use]
    pub fn prob(&self, x: usize, i: usize, j: usize) -> f64 {
        0.5 + self.margin(x, i, j)
    }

    /// Prefetches a win rate that will be read soon: of a large game each lies on a cache line of its own, and many may be
    /// on their way at once.
    #[inline]
    pub(crate) fn prefetch(&self, x: usize, i: usize, j: usize) {
        self.layout.prefetch(x, i, j);
    }

    /// `K_ij` in context `x`, `Pr(i beats j)` less one half, to the last bit.
    #[must_use]
    pub fn margin(&self, x: usize, i: usize, j: usize) -> f64 {
        self.layout.margin(x, i, j)
    }

    /// `K p` of context `x` alone into `out`; both `[actions]`. `p` need not be a distribution, but must be finite.
    pub fn product(&self, x: usize, p: &[f64], out: &mut [f64]) {
        self.layout.context_product(x, p, out);
    }

    /// Whether context `x` has a [`Storage`](crate::storage::Storage) of its own: a large one, or one that is no matrix.
    #[must_use]
    pub fn is_stored(&self, x: usize) -> bool {
        self.layout.stored(x).is_some()
    }

    /// The matrix of context `x`, copied: `4 n^2` bytes, whatever the context is kept in.
    #[must_use]
    pub fn matrix(&self, x: usize) -> PreferenceMatrix {
        PreferenceMatrix::from_margins(self.shape().actions(x), |i, j| self.margin(x, i, j))
            .expect("a game holds valid margins")
    }

    /// `P` of context `x` as an array, `[actions x actions]`.
    #[must_use]
    pub fn to_array(&self, x: usize) -> Array2<f64> {
        self.square(x, 0.5)
    }

    /// `K = P - 1/2` of context `x` as an array, `[actions x actions]`.
    #[must_use]
    pub fn margins_array(&self, x: usize) -> Array2<f64> {
        self.square(x, 0.0)
    }

    /// `K + shift` of context `x`.
    fn square(&self, x: usize, shift: f64) -> Array2<f64> {
        let n = self.shape().actions(x);
        match self.layout.stored(x) {
            Some(storage) => square(storage, shift),
            None => Array2::from_shape_fn((n, n), |(i, j)| shift + self.margin(x, i, j)),
        }
    }

    /// `K pi` in every context, flat over the shape: the margins of each action against `policy`, in `[-1/2, 1/2]`.
    /// Win rates are these plus one half.
    #[inline]
    pub fn margins(&self, policy: &Policy, out: &mut Array1<f64>) {
        self.layout.product(policy.probs_slice(), out.flat_mut());
    }

    /// `K pi` for several policies in one pass over the game: `outs[k]`, flat over the shape, is to the bit what
    /// [`Game::margins`] gives for `policies[k]` alone. Large contexts are read from memory once, whatever the number of
    /// policies; small ones lie in cache anyway.
    ///
    /// # Panics
    /// If there are not as many `outs` as `policies`.
    pub fn margins_many(&self, policies: &[&Policy], outs: &mut [&mut Array1<f64>]) {
        assert_eq!(policies.len(), outs.len(), "one result a policy");
        let probs: Vec<&[f64]> = policies.iter().map(|p| p.probs_slice()).collect();
        let mut outs: Vec<&mut [f64]> = outs.iter_mut().map(|out| out.flat_mut()).collect();
        self.layout.products(&probs, &mut outs);
    }

    /// Bytes of the margins held in memory, in whatever form; vectors over the actions not counted.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.layout.bytes()
    }

    /// What one product over all contexts reads and computes.
    #[must_use]
    pub fn product_cost(&self) -> ProductCost {
        self.layout.cost()
    }

    /// What its contexts are kept in, one word each kind.
    #[must_use]
    pub fn storage_names(&self) -> Vec<&'static str> {
        self.layout.names()
    }

    /// Hands the numbers that decide the game to `sink`, in one order: for each context the number of actions, its weight
    /// and its margins ([`content`](crate::storage::Storage::content)). Labels decide nothing.
    pub fn content(&self, sink: &mut dyn FnMut(&[u8])) {
        for x in 0..self.contexts() {
            sink(&(self.shape().actions(x) as u64).to_le_bytes());
            // + 0.0: the two zeros are one number
            sink(&(self.weights[x] + 0.0).to_bits().to_le_bytes());
            self.layout.content(x, sink);
        }
    }

    /// The context-weighted mean of `per_context(x)`, summed in the order of the contexts, in blocks where they are many.
    #[must_use]
    pub fn weighted_mean(&self, per_context: impl Fn(usize) -> f64 + Sync) -> f64 {
        blocks::sum(self.shape().offsets(), (), |block, ()| {
            let contexts = block.first..block.first + block.contexts();
            contexts.map(|x| self.weights[x] * per_context(x)).sum()
        })
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
        let pair = PreferenceMatrix::from_margins(2, |_, _| 0.25).unwrap();
        let game = Game::new([cycle(0.1), pair]).unwrap().with_weights(vec![1.0, 3.0]).unwrap();
        let mut out = Array1::zeros(5);
        game.margins(&Policy::uniform(game.shape()), &mut out);
        assert!(out.iter().zip([0.0, 0.0, 0.0, 0.125, -0.125]).all(|(a, b)| (a - b).abs() < 1e-16));
        assert_eq!((game.prob(0, 2, 0), game.prob(1, 1, 0)), (0.6, 0.25));
        assert_eq!(game.matrix(0), cycle(0.1));
        assert_eq!(game.weights(), [0.25, 0.75]);
        assert_eq!(game.label(1, 1), "1");
    }

    #[test]
    fn weights_are_blamed_one_by_one_and_as_a_sum() {
        let weighted = |w: [f64; 2]| {
            Game::new([cycle(0.1), cycle(0.2)]).unwrap().with_weights(w.to_vec()).map(|_| ()).unwrap_err()
        };
        assert_eq!(weighted([1.0, -2.0]), GameError::Weight { context: 1, value: -2.0 });
        assert_eq!(weighted([0.0, 0.0]), GameError::WeightSum { contexts: 2, sum: 0.0 });
        assert_eq!(weighted([f64::MAX; 2]), GameError::WeightSum { contexts: 2, sum: f64::INFINITY });
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
