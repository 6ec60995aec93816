//! What a concept is asked with, and what it chooses.

use equipoise_core::Policy;

use super::electorate::Electorate;

/// Most rankings that are listed.
pub const LARGEST_ORDERS: usize = 1000;

/// How concepts that have a temperature or a reference are asked.
#[derive(Clone, Debug, Default)]
pub struct ConceptOptions {
    /// Temperature of concepts that have one, above 0; `None`: 0.1.
    pub tau: Option<f64>,
    /// The reference, above 0; `None`: uniform.
    pub reference: Option<Policy>,
    /// `beta` of population-proportional alignment, at least 0; `None`: 0.
    pub beta: Option<f64>,
    /// Level of the conditional value at risk over judges, in `(0, 1]`; `None`: 1/2.
    pub level: Option<f64>,
    /// Samples that a k-sample winner is to beat, at least 1; `None`: 2.
    pub samples: Option<usize>,
    /// Population of alpha-rank, at least 2; `None`: 50.
    pub population: Option<usize>,
    /// Selection of alpha-rank, above 0; `None`: `1 / (10 tau)`.
    pub selection: Option<f64>,
}

impl ConceptOptions {
    pub(super) fn tau(&self) -> f64 {
        self.tau.unwrap_or(0.1)
    }

    pub(super) fn beta(&self) -> f64 {
        self.beta.unwrap_or(0.0)
    }

    pub(super) fn level(&self) -> f64 {
        self.level.unwrap_or(0.5)
    }

    pub(super) fn samples(&self) -> usize {
        self.samples.unwrap_or(2)
    }

    pub(super) fn population(&self) -> usize {
        self.population.unwrap_or(50)
    }

    pub(super) fn selection(&self) -> f64 {
        self.selection.unwrap_or(0.1 / self.tau())
    }

    pub(super) fn log_reference(&self, n: usize) -> Vec<f64> {
        match &self.reference {
            Some(mu) => mu.log_probs().to_vec(),
            None => vec![-(n as f64).ln(); n],
        }
    }
}

/// What a concept chooses.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Choice {
    /// Items, ascending: more than one is a tie.
    Winners {
        /// The items.
        winners: Vec<usize>,
        /// A score of every item, where the rule has one; larger is better.
        scores: Option<Vec<f64>>,
    },
    /// Rankings, all that are best, and the items on top of them.
    Rankings {
        /// Items on top, ascending.
        winners: Vec<usize>,
        /// Rankings, best first, in lexicographic order; at most [`LARGEST_ORDERS`] of them.
        rankings: Vec<Vec<usize>>,
        /// What the rankings are best in.
        value: f64,
    },
    /// A policy.
    Lottery {
        /// Probabilities, `[n]`.
        policy: Vec<f64>,
        /// Whether the concept has no other; `None`: not told.
        unique: Option<bool>,
    },
    /// Nothing: what it needs is not there, or it would take too long.
    Open {
        /// Why, and the way out.
        reason: String,
    },
}

impl Choice {
    pub(super) fn of_scores(electorate: &Electorate, scores: Vec<f64>) -> Self {
        Self::Winners { winners: electorate.best(&scores), scores: Some(scores) }
    }

    pub(super) fn set(winners: Vec<usize>) -> Self {
        Self::Winners { winners, scores: None }
    }

    pub(super) fn open(reason: impl Into<String>) -> Self {
        Self::Open { reason: reason.into() }
    }

    /// What is played: the policy, or a winner drawn uniformly.
    #[must_use]
    pub fn policy(&self, n: usize) -> Option<Vec<f64>> {
        match self {
            Self::Winners { winners, .. } | Self::Rankings { winners, .. } if !winners.is_empty() => {
                let mut policy = vec![0.0; n];
                winners.iter().for_each(|&i| policy[i] = 1.0 / winners.len() as f64);
                Some(policy)
            }
            Self::Lottery { policy, .. } => Some(policy.clone()),
            _ => None,
        }
    }
}
