//! Actions drawn from a policy, with values that are ours to keep stable.

use std::ops::Range;

use crate::numerics::blocks;
use crate::numerics::sample::uniform;
use crate::policy::{Policy, Stamp};
use crate::seed::Rng;

/// Draws actions from a policy: tables of running sums, rebuilt only when the policy is another.
///
/// A draw costs `O(1)` on average: up to [`Sampler::SHORT`] actions all sums are compared, above, a second table says
/// where in the row the search begins.
#[derive(Clone, Debug)]
pub struct Sampler {
    /// Running sums of the probabilities within each row, flat over the shape.
    cumulative: Vec<f64>,
    /// `guide[b]`: the first action whose running sum exceeds `b / n` of the row's; empty where all rows are short.
    guide: Vec<u32>,
    drawn_from: Stamp,
}

impl Sampler {
    /// Rows up to this many actions are not searched but counted through.
    pub const SHORT: usize = 32;

    /// Tables for `policy`; O(actions).
    #[must_use]
    pub fn new(policy: &Policy) -> Self {
        let mut sampler = Self { cumulative: Vec::new(), guide: Vec::new(), drawn_from: policy.stamp() };
        sampler.rebuild(policy);
        sampler
    }

    /// Rebuilds the tables if `policy` is not the one they were built for; no allocation where the shape is the same.
    pub fn refresh(&mut self, policy: &Policy) {
        if self.drawn_from != policy.stamp() {
            self.rebuild(policy);
        }
    }

    fn rebuild(&mut self, policy: &Policy) {
        self.drawn_from = policy.stamp();
        let (shape, probs) = (policy.shape(), policy.probs_slice());
        self.cumulative.resize(shape.len(), 0.0);
        let running_sums = |p: &[f64], sums: &mut [f64]| {
            let mut sum = 0.0;
            for (c, p) in sums.iter_mut().zip(p) {
                sum += p;
                *c = sum;
            }
        };
        if shape.ranges().all(|r| r.len() <= Self::SHORT) {
            self.guide.clear();
            blocks::for_each(shape.offsets(), &mut self.cumulative[..], |block, sums| {
                let p = &probs[block.entries()];
                block.rows().for_each(|row| running_sums(&p[row.clone()], &mut sums[row]));
            });
        } else {
            self.guide.resize(shape.len(), 0);
            let tables = (&mut self.cumulative[..], &mut self.guide[..]);
            blocks::for_each(shape.offsets(), tables, |block, (sums, guide)| {
                let p = &probs[block.entries()];
                for row in block.rows() {
                    running_sums(&p[row.clone()], &mut sums[row.clone()]);
                    point_into(&sums[row.clone()], &mut guide[row]);
                }
            });
        }
    }

    /// Running sums of the row at `range`.
    #[inline]
    #[must_use]
    pub fn running_sums(&self, range: Range<usize>) -> &[f64] {
        &self.cumulative[range]
    }

    /// The action of the row at `range` that `u` in `[0, 1)` stands for: the first one whose running sum exceeds
    /// `u` times the row's. An action without mass is never it.
    #[inline]
    #[must_use]
    pub fn pick(&self, range: Range<usize>, u: f64) -> usize {
        let start = range.start;
        let row = &self.cumulative[range];
        let last = row.len() - 1;
        let level = u * row[last];
        if row.len() <= Self::SHORT {
            return row.iter().map(|&c| usize::from(c <= level)).sum::<usize>().min(last);
        }
        let mut k = self.guide[start + ((u * row.len() as f64) as usize).min(last)] as usize;
        while k > 0 && row[k - 1] > level {
            k -= 1; // where rounding put u into the next cell
        }
        while k < last && row[k] <= level {
            k += 1;
        }
        k
    }

    /// An action of the context whose row is at `range` (as [`crate::Shape::range`] gives it), from 0.
    #[inline]
    #[must_use]
    pub fn draw(&self, range: Range<usize>, rng: &mut Rng) -> usize {
        self.pick(range, uniform(rng))
    }
}

fn point_into(sums: &[f64], guide: &mut [u32]) {
    let (n, last) = (sums.len(), sums.len() - 1);
    let mut k = 0;
    for (b, g) in guide.iter_mut().enumerate() {
        let level = b as f64 / n as f64 * sums[last];
        while k < last && sums[k] <= level {
            k += 1;
        }
        *g = k as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::sample::uniform;
    use crate::{seed::stream, shape::Shape};
    use ndarray::{Array1, arr1};
    use proptest::prelude::*;

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

    #[test]
    fn draws_from_a_long_row_pass_a_chi_squared_test() {
        let (n, draws) = (50, 200_000);
        let shape = Shape::single(n).unwrap();
        let policy = Policy::from_logits(&shape, (0..n).map(|i| (i as f64).sin()).collect()).unwrap();
        let (sampler, mut rng) = (Sampler::new(&policy), stream(2, "test", &[]));
        let mut counts = vec![0.0; n];
        for _ in 0..draws {
            counts[sampler.draw(0..n, &mut rng)] += 1.0;
        }
        let chi: f64 = counts
            .iter()
            .zip(policy.probs())
            .map(|(c, p)| (c - p * f64::from(draws)).powi(2) / (p * f64::from(draws)))
            .sum();
        // 49 degrees of freedom: 99.9 percent lie between 21.8 and 85.4
        assert!((21.8..85.4).contains(&chi), "{chi}");
    }

    #[test]
    fn tables_follow_the_policy() {
        let shape = Shape::single(2).unwrap();
        let mut policy = Policy::from_probs(&shape, arr1(&[1.0, 0.0])).unwrap();
        let mut sampler = Sampler::new(&policy);
        policy.set_probs(|p| p.copy_from_slice(&[0.0, 1.0])).unwrap();
        sampler.refresh(&policy);
        assert_eq!(sampler.pick(0..2, 0.3), 1);
    }

    proptest! {
        #[test]
        fn picks_are_those_of_a_binary_search(
            weights in prop::collection::vec(prop_oneof![1 => Just(0.0), 3 => 0.0..1.0f64], 1..200), seed in any::<u64>(),
        ) {
            let total: f64 = weights.iter().sum();
            prop_assume!(total > 0.0);
            let n = weights.len();
            let shape = Shape::ragged([3, n, 40]).unwrap();
            let rest = [vec![1.0, 0.0, 0.0], weights.iter().map(|w| w / total).collect(), vec![0.025; 40]];
            let policy = Policy::from_probs(&shape, Array1::from(rest.concat())).unwrap();
            let (sampler, mut rng) = (Sampler::new(&policy), stream(seed, "test", &[]));
            let mut sum = 0.0;
            let sums: Vec<f64> = policy.probs_at(1).iter().map(|p| { sum += p; sum }).collect();
            let edges = (0..n).flat_map(|b| [b as f64 / n as f64, (b as f64 / n as f64).next_down().max(0.0)]);
            for u in (0..200).map(|_| uniform(&mut rng)).chain(edges).collect::<Vec<_>>() {
                let expect = sums.partition_point(|&c| c <= u * sums[n - 1]).min(n - 1);
                prop_assert_eq!(sampler.pick(shape.range(1), u), expect);
            }
        }
    }
}
