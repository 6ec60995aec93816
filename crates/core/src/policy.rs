//! Policies: one distribution over actions per context.

use ndarray::{Array1, ArrayView1, s};

use crate::shape::Shape;
use crate::simplex;
use crate::solver::StepError;

/// One distribution over the actions of each context.
///
/// The state is the log-probabilities; the probabilities are kept beside them. Each row is on the simplex by
/// construction: nothing re-checks it, nothing floors it, nothing renormalises it later. A log-probability may be
/// `-inf` (a pure policy); a probability may underflow to 0 while its log-probability stays finite.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    shape: Shape,
    log_probs: Array1<f64>,
    probs: Array1<f64>,
}

/// Why numbers are not a policy.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PolicyError {
    /// The vector has another length than the shape.
    #[error("{got} numbers given where the game has {expected} actions in all")]
    Length {
        /// Length of the shape.
        expected: usize,
        /// Length of the vector.
        got: usize,
    },
    /// A probability is negative or not finite.
    #[error("context {context}, action {action}: probability {value} is not in [0, 1]")]
    Probability {
        /// Context of the entry, from 0.
        context: usize,
        /// Action of the entry, from 0.
        action: usize,
        /// The value found.
        value: f64,
    },
    /// A row does not sum to 1 within 1e-6.
    #[error("context {context}: the probabilities sum to {sum}, not to 1")]
    Sum {
        /// Context of the row, from 0.
        context: usize,
        /// Its sum.
        sum: f64,
    },
    /// A row of logits has no finite normaliser.
    #[error("context {context}: the logits hold a NaN, a +inf, or only -inf")]
    Logits {
        /// Context of the row, from 0.
        context: usize,
    },
}

impl Policy {
    /// The uniform distribution in every context.
    #[must_use]
    pub fn uniform(shape: &Shape) -> Self {
        let mut probs = Array1::zeros(shape.len());
        let mut log_probs = Array1::zeros(shape.len());
        for (x, range) in shape.ranges().enumerate() {
            let n = shape.actions(x) as f64;
            probs.slice_mut(s![range.clone()]).fill(1.0 / n);
            log_probs.slice_mut(s![range]).fill(-n.ln());
        }
        Self { shape: shape.clone(), log_probs, probs }
    }

    /// `softmax(logits)` row by row; `logits` is flat over the shape, any shift per row.
    ///
    /// # Errors
    /// [`PolicyError::Length`] or [`PolicyError::Logits`].
    pub fn from_logits(shape: &Shape, logits: Array1<f64>) -> Result<Self, PolicyError> {
        check_length(shape, logits.len())?;
        let mut policy = Self { shape: shape.clone(), probs: Array1::zeros(logits.len()), log_probs: logits };
        match policy.normalise() {
            None => Ok(policy),
            Some(context) => Err(PolicyError::Logits { context }),
        }
    }

    /// Probabilities, flat over the shape. Each row must sum to 1 within 1e-6 and is divided by its sum.
    ///
    /// # Errors
    /// [`PolicyError::Length`], [`PolicyError::Probability`] or [`PolicyError::Sum`].
    pub fn from_probs(shape: &Shape, mut probs: Array1<f64>) -> Result<Self, PolicyError> {
        check_length(shape, probs.len())?;
        for (context, range) in shape.ranges().enumerate() {
            let mut row = probs.slice_mut(s![range]);
            if let Some((action, &value)) = row.indexed_iter().find(|(_, p)| !(**p >= 0.0 && p.is_finite())) {
                return Err(PolicyError::Probability { context, action, value });
            }
            let sum = row.sum();
            if (sum - 1.0).abs() > 1e-6 {
                return Err(PolicyError::Sum { context, sum });
            }
            row /= sum;
        }
        Ok(Self { shape: shape.clone(), log_probs: probs.mapv(f64::ln), probs })
    }

    /// How many actions each context has.
    #[inline]
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Probabilities, flat over the shape.
    #[inline]
    #[must_use]
    pub fn probs(&self) -> &Array1<f64> {
        &self.probs
    }

    /// Log-probabilities in nats, flat over the shape.
    #[inline]
    #[must_use]
    pub fn log_probs(&self) -> &Array1<f64> {
        &self.log_probs
    }

    /// Probabilities of context `x`, `[actions]`.
    #[must_use]
    pub fn probs_at(&self, x: usize) -> ArrayView1<'_, f64> {
        self.probs.slice(s![self.shape.range(x)])
    }

    /// Log-probabilities of context `x`, `[actions]`.
    #[must_use]
    pub fn log_probs_at(&self, x: usize) -> ArrayView1<'_, f64> {
        self.log_probs.slice(s![self.shape.range(x)])
    }

    /// Probabilities as a slice, flat over the shape: what kernels read.
    #[inline]
    #[must_use]
    pub fn probs_slice(&self) -> &[f64] {
        self.probs.as_slice().expect("an owned one-dimensional array is contiguous")
    }

    /// Log-probabilities as a slice, flat over the shape: what kernels read.
    #[inline]
    #[must_use]
    pub fn log_probs_slice(&self) -> &[f64] {
        self.log_probs.as_slice().expect("an owned one-dimensional array is contiguous")
    }

    /// Overwrites the policy: `write` fills logits (flat over the shape, any shift per row; they hold the present
    /// log-probabilities on entry), which are then normalised. No allocation.
    ///
    /// # Errors
    /// [`StepError::NonFinite`] if a row has no finite normaliser; the policy is then unusable.
    #[inline]
    pub fn set_logits(&mut self, write: impl FnOnce(&mut [f64])) -> Result<(), StepError> {
        write(self.log_probs.as_slice_mut().expect("an owned one-dimensional array is contiguous"));
        match self.normalise() {
            None => Ok(()),
            Some(context) => Err(StepError::NonFinite { context }),
        }
    }

    /// Overwrites the policy: `write` fills probabilities (flat over the shape; they hold the present ones on entry)
    /// that are on the simplex up to rounding, as a projection leaves them.
    ///
    /// # Errors
    /// [`StepError::NonFinite`] if an entry is not finite; the policy is then unusable.
    pub fn set_probs(&mut self, write: impl FnOnce(&mut [f64])) -> Result<(), StepError> {
        write(self.probs.as_slice_mut().expect("an owned one-dimensional array is contiguous"));
        for (context, range) in self.shape.ranges().enumerate() {
            if !self.probs.slice(s![range]).sum().is_finite() {
                return Err(StepError::NonFinite { context });
            }
        }
        self.log_probs.zip_mut_with(&self.probs, |l, p| *l = p.ln());
        Ok(())
    }

    /// Overwrites this policy with another of the same shape. No allocation.
    #[inline]
    pub fn copy_from(&mut self, other: &Self) {
        self.log_probs.assign(&other.log_probs);
        self.probs.assign(&other.probs);
    }

    /// Log-softmax of every row; the first context without a finite normaliser, if any.
    #[inline]
    fn normalise(&mut self) -> Option<usize> {
        let logits = self.log_probs.as_slice_mut().expect("an owned one-dimensional array is contiguous");
        let probs = self.probs.as_slice_mut().expect("an owned one-dimensional array is contiguous");
        simplex::log_softmax_all(self.shape.offsets(), logits, probs)
    }
}

fn check_length(shape: &Shape, got: usize) -> Result<(), PolicyError> {
    if got == shape.len() { Ok(()) } else { Err(PolicyError::Length { expected: shape.len(), got }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr1;

    #[test]
    fn rows_are_normalised_one_by_one() {
        let shape = Shape::ragged([2, 3]).unwrap();
        let policy = Policy::from_logits(&shape, arr1(&[0.0, 0.0, 7.0, 7.0, 7.0])).unwrap();
        for (a, b) in policy.log_probs().iter().zip(Policy::uniform(&shape).log_probs()) {
            approx::assert_relative_eq!(a, b, max_relative = 1e-15);
        }
        assert_eq!(policy.probs_at(1).len(), 3);
    }

    #[test]
    fn bad_numbers_are_named() {
        let shape = Shape::ragged([1, 2]).unwrap();
        let bad = |p: [f64; 3]| Policy::from_probs(&shape, arr1(&p)).unwrap_err();
        assert_eq!(bad([1.0, 1.5, -0.5]), PolicyError::Probability { context: 1, action: 1, value: -0.5 });
        assert_eq!(bad([1.0, 0.5, 0.25]), PolicyError::Sum { context: 1, sum: 0.75 });
        assert_eq!(
            Policy::from_logits(&shape, arr1(&[0.0, f64::NAN, 0.0])).unwrap_err(),
            PolicyError::Logits { context: 1 }
        );
    }

    #[test]
    fn a_pure_policy_has_infinite_logs() {
        let shape = Shape::single(2).unwrap();
        let policy = Policy::from_probs(&shape, arr1(&[1.0, 0.0])).unwrap();
        assert_eq!(policy.log_probs().to_vec(), [0.0, f64::NEG_INFINITY]);
    }
}
