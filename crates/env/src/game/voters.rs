//! Annotators whose weighted mean a game is: what each of them prefers.

use std::ops::Range;
use std::sync::Arc;

use equipoise_core::logistic::logistic_margin;

use crate::matrix::PreferenceMatrix;

/// Most strengths of all annotators that are kept.
const MOST_STRENGTHS: usize = 10_000_000;

/// What an annotator does with its strengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// It prefers by a Bradley-Terry draw.
    Logistic,
    /// It prefers the larger one always, and neither of equal ones; nor one that is not a number.
    Sharp,
}

/// Annotators, their weights and their strengths.
#[derive(Clone, Debug)]
pub struct Voters {
    judgement: Judgement,
    /// Not negative, summing to 1.
    weights: Vec<f64>,
    /// Of each annotator, flat over the shape.
    strengths: Arc<[Vec<f64>]>,
}

impl Voters {
    /// `strengths`: of each annotator, flat over the shape of the game. `None` where there are more than are kept.
    pub(crate) fn new(judgement: Judgement, weights: &[f64], strengths: Vec<Vec<f64>>) -> Option<Self> {
        debug_assert_eq!(weights.len(), strengths.len(), "a weight an annotator");
        let all = strengths.iter().map(Vec::len).sum::<usize>();
        let total: f64 = weights.iter().sum();
        (all <= MOST_STRENGTHS).then(|| Self {
            judgement,
            weights: weights.iter().map(|w| w / total).collect(),
            strengths: strengths.into(),
        })
    }

    /// Share of each annotator, summing to 1.
    #[must_use]
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The matrix of one annotator in the context that is this part of the shape.
    pub(super) fn matrix(&self, voter: usize, context: Range<usize>) -> PreferenceMatrix {
        let r = &self.strengths[voter][context];
        let margin = |a: f64, b: f64| match self.judgement {
            Judgement::Logistic => logistic_margin(a - b),
            Judgement::Sharp => a.partial_cmp(&b).map_or(0.0, |order| 0.5 * f64::from(order as i8)),
        };
        PreferenceMatrix::from_margins(r.len(), |i, j| margin(r[i], r[j]))
            .expect("margins of strengths are in [-1/2, 1/2]")
    }
}
