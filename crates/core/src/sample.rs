//! Draws whose values are ours to keep stable: uniform numbers and actions of a policy.

use rand::Rng as _;

use crate::policy::Policy;
use crate::seed::Rng;

/// A uniform number in `[0, 1)`: the top 53 bits of one `u64`.
#[inline]
#[must_use]
pub fn uniform(rng: &mut Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

/// A uniform index below `n > 0`.
#[inline]
#[must_use]
pub fn index(rng: &mut Rng, n: usize) -> usize {
    // multiply-shift: the bias is below n / 2^64
    ((u128::from(rng.next_u64()) * n as u128) >> 64) as usize
}

/// A standard normal number: Box-Muller on two uniform ones, the second of the pair discarded.
#[must_use]
pub fn normal(rng: &mut Rng) -> f64 {
    let radius = (-2.0 * (1.0 - uniform(rng)).ln()).sqrt(); // 1 - u is in (0, 1]
    radius * (std::f64::consts::TAU * uniform(rng)).cos()
}

/// Draws actions from a fixed policy: cumulative tables, one binary search a draw.
#[derive(Clone, Debug)]
pub struct Sampler {
    /// Running sums of the probabilities within each row, flat over the shape.
    cumulative: Vec<f64>,
}

impl Sampler {
    /// Tables for `policy`; O(actions).
    #[must_use]
    pub fn new(policy: &Policy) -> Self {
        let mut sampler = Self { cumulative: Vec::with_capacity(policy.shape().len()) };
        sampler.refresh(policy);
        sampler
    }

    /// Rebuilds the tables for another policy, without allocating when the shape is the same.
    pub fn refresh(&mut self, policy: &Policy) {
        self.cumulative.clear();
        for range in policy.shape().ranges() {
            let mut sum = 0.0;
            self.cumulative.extend(policy.probs_slice()[range].iter().map(|p| {
                sum += p;
                sum
            }));
        }
    }

    /// An action of context `x` (with its row at `range`, as [`crate::Shape::range`] gives it), from 0.
    #[must_use]
    pub fn draw(&self, range: std::ops::Range<usize>, rng: &mut Rng) -> usize {
        let row = &self.cumulative[range];
        let total = row[row.len() - 1];
        let u = uniform(rng) * total;
        // the first action whose running sum exceeds u; an action without mass is never it
        row.partition_point(|&c| c <= u).min(row.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{seed::stream, shape::Shape};
    use ndarray::arr1;

    #[test]
    fn draws_follow_the_policy_and_avoid_empty_actions() {
        let shape = Shape::ragged([1, 3]).unwrap();
        let policy = Policy::from_probs(&shape, arr1(&[1.0, 0.25, 0.0, 0.75])).unwrap();
        let (sampler, mut rng) = (Sampler::new(&policy), stream(1, "test", &[]));
        let mut counts = [0; 3];
        for _ in 0..40_000 {
            counts[sampler.draw(shape.range(1), &mut rng)] += 1;
        }
        assert_eq!(counts[1], 0);
        assert!((f64::from(counts[0]) / 40_000.0 - 0.25).abs() < 0.01, "{counts:?}");
        assert_eq!(sampler.draw(shape.range(0), &mut rng), 0);
    }
}
