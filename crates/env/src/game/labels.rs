//! Names of the actions.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use equipoise_core::Shape;

use super::error::GameError;

/// What the actions of every context are called.
#[derive(Clone, Debug)]
pub(super) enum Labels {
    /// By their number, from 0.
    Numbered,
    /// By the same labels in every context.
    Shared(Arc<[String]>),
    /// By labels of each context.
    Each(Vec<Arc<[String]>>),
}

impl Labels {
    /// One list for all contexts, or one for each.
    pub(super) fn new(shape: &Shape, mut labels: Vec<Vec<String>>) -> Result<Self, GameError> {
        let shared = labels.len() == 1;
        for context in 0..shape.contexts() {
            let list = labels.get(if shared { 0 } else { context }).map_or(&[][..], Vec::as_slice);
            let actions = shape.actions(context);
            if list.len() != actions {
                return Err(GameError::LabelCount { context, actions, got: list.len() });
            }
            if !shared || context == 0 {
                check_distinct(context, list)?;
            }
        }
        Ok(if shared {
            Self::Shared(labels.swap_remove(0).into())
        } else {
            Self::Each(labels.into_iter().map(Into::into).collect())
        })
    }

    /// Those of some contexts.
    pub(super) fn part(&self, contexts: Range<usize>) -> Self {
        match self {
            Self::Numbered => Self::Numbered,
            Self::Shared(list) => Self::Shared(list.clone()),
            Self::Each(lists) => Self::Each(lists[contexts].to_vec()),
        }
    }

    /// Label of action `a` in context `x`.
    pub(super) fn get(&self, x: usize, a: usize) -> Cow<'_, str> {
        match self {
            Self::Numbered => Cow::Owned(a.to_string()),
            Self::Shared(list) => Cow::Borrowed(&list[a]),
            Self::Each(lists) => Cow::Borrowed(&lists[x][a]),
        }
    }
}

/// No label is empty, none stands for two actions.
fn check_distinct(context: usize, list: &[String]) -> Result<(), GameError> {
    let mut sorted: Vec<&String> = list.iter().collect();
    sorted.sort_unstable();
    let twice = sorted.windows(2).find(|w| w[0] == w[1]).map(|w| w[0]);
    match twice.or_else(|| list.iter().find(|l| l.trim().is_empty())) {
        Some(label) => Err(GameError::Label { context, label: label.clone() }),
        None => Ok(()),
    }
}
