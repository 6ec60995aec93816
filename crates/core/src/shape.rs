//! How many actions each context has.

use std::ops::Range;
use std::sync::Arc;

/// The number of actions of every context (prompt). Ragged is normal; cheap to clone.
///
/// Invariant: at least one context, and at least one action in each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// `offsets[x]..offsets[x + 1]` is the row of context `x` in a flat vector.
    offsets: Arc<[usize]>,
}

impl Shape {
    /// One context with `actions` actions. `None` if `actions` is zero.
    #[must_use]
    pub fn single(actions: usize) -> Option<Self> {
        Self::ragged([actions])
    }

    /// One context for each entry. `None` without contexts, or if a context has no action.
    #[must_use]
    pub fn ragged(actions: impl IntoIterator<Item = usize>) -> Option<Self> {
        let mut offsets = vec![0];
        let mut end = 0;
        for n in actions {
            if n == 0 {
                return None;
            }
            end += n;
            offsets.push(end);
        }
        (offsets.len() > 1).then(|| Self { offsets: offsets.into() })
    }

    /// Number of contexts, at least 1.
    #[inline]
    #[must_use]
    pub fn contexts(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Number of actions of context `x`, at least 1.
    #[inline]
    #[must_use]
    pub fn actions(&self, x: usize) -> usize {
        self.offsets[x + 1] - self.offsets[x]
    }

    /// `offsets[x]..offsets[x + 1]` is the row of context `x` in a flat vector; `contexts + 1` entries.
    #[inline]
    #[must_use]
    pub fn offsets(&self) -> &[usize] {
        &self.offsets
    }

    /// Some of the contexts, in order. `None` without one.
    ///
    /// # Panics
    /// If a context is out of range.
    #[must_use]
    pub fn part(&self, contexts: Range<usize>) -> Option<Self> {
        Self::ragged(contexts.map(|x| self.actions(x)))
    }

    /// Length of a flat vector over this shape: the actions of all contexts.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.offsets[self.contexts()]
    }

    /// Always false: a shape has at least one action.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Where the row of context `x` lies in a flat vector.
    #[inline]
    #[must_use]
    pub fn range(&self, x: usize) -> Range<usize> {
        self.offsets[x]..self.offsets[x + 1]
    }

    /// The ranges of all contexts, in order.
    pub fn ranges(&self) -> impl ExactSizeIterator<Item = Range<usize>> + '_ {
        self.offsets.windows(2).map(|w| w[0]..w[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ragged_rows_lie_behind_each_other() {
        let shape = Shape::ragged([3, 1, 2]).unwrap();
        assert_eq!((shape.contexts(), shape.len()), (3, 6));
        assert_eq!(shape.ranges().collect::<Vec<_>>(), [0..3, 3..4, 4..6]);
        assert_eq!(shape.actions(2), 2);
        assert!(Shape::ragged([2, 0]).is_none() && Shape::ragged([]).is_none());
    }
}
