//! A population of rankings, kept as its ballots: no pair is ever written down.
//!
//! ```text
//! K_ij    = 1/2 sum_v w_v sign(j below i on v)                 w_v >= 0, summing to 1; ties and gaps are 0
//! (K p)_i = 1/2 sum_v w_v (mass of p below i on v - mass above i on v)
//! ```
//!
//! The masses above are running sums along a ballot, so a product takes one walk over every ballot: `n v` numbers where
//! the dense product reads `n^2 / 2`.

use rayon::prelude::*;

use super::{ProductCost, Storage, StorageError};

/// Set in the last action of a group of equals.
const LAST: u32 = 1 << 31;
/// Rank of an action that a ballot leaves out.
const LEFT_OUT: u32 = u32::MAX;
/// From so many entries on, parts of the ballots are walked in parallel.
const PARALLEL: usize = 1 << 16;
/// Parts of the ballots, each with a vector of its own.
const PARTS: usize = 8;

/// Weighted ballots over the actions of one context.
#[derive(Clone, Debug, PartialEq)]
pub struct Ballots {
    n: usize,
    /// Actions of every ballot behind each other, best first, those left out missing.
    orders: Vec<u32>,
    /// `ends[v]` is where ballot v ends in `orders`.
    ends: Vec<usize>,
    /// Rank of every action on every ballot, equals sharing one.
    ranks: Vec<u32>,
    weights: Vec<f64>,
    total: f64,
}

impl Ballots {
    /// Ballots over `n` actions: on each the rank of every action, 0 the best, equals sharing one, `None` if left out.
    /// `weights` (one a ballot) are divided by their sum.
    ///
    /// # Errors
    /// [`StorageError`] without an action or a ballot, if a ballot has not n ranks, or if the weights are not as many as
    /// the ballots, finite, not negative and not all 0.
    ///
    /// # Panics
    /// Beyond 2^31 actions.
    pub fn new(
        n: usize,
        ballots: impl IntoIterator<Item = Vec<Option<usize>>>,
        weights: Vec<f64>,
    ) -> Result<Self, StorageError> {
        assert!(n < LAST as usize, "an action's number has 31 bits");
        if n == 0 {
            return Err(StorageError::Empty);
        }
        let (mut orders, mut ends, mut ranks) = (Vec::new(), Vec::new(), Vec::new());
        for (ballot, given) in ballots.into_iter().enumerate() {
            if given.len() != n {
                return Err(StorageError::BallotLength { ballot, got: given.len(), n });
            }
            let mut order: Vec<u32> = (0..n as u32).filter(|&a| given[a as usize].is_some()).collect();
            order.sort_by_key(|&a| given[a as usize]);
            let first = ranks.len();
            ranks.resize(first + n, LEFT_OUT);
            let mut rank = 0;
            for k in 0..order.len() {
                ranks[first + order[k] as usize] = rank;
                if order.get(k + 1).is_none_or(|&b| given[b as usize] != given[order[k] as usize]) {
                    order[k] |= LAST;
                    rank += 1;
                }
            }
            orders.extend(order);
            ends.push(orders.len());
        }
        let total: f64 = weights.iter().sum();
        let fine = weights.iter().all(|w| *w >= 0.0) && total > 0.0 && total.is_finite();
        if ends.is_empty() || weights.len() != ends.len() || !fine {
            return Err(StorageError::BallotWeights { ballots: ends.len(), weights: weights.len() });
        }
        Ok(Self { n, orders, ends, ranks, weights, total })
    }

    /// Number of ballots, at least 1.
    #[must_use]
    pub fn ballots(&self) -> usize {
        self.ends.len()
    }

    /// Adds ballot `v`; `everything` is the mass of all of `p`.
    fn walk(&self, v: usize, p: &[f64], everything: f64, out: &mut [f64]) {
        let order = &self.orders[if v == 0 { 0 } else { self.ends[v - 1] }..self.ends[v]];
        let mass = |a: &u32| p[(a & !LAST) as usize];
        let total = if order.len() == self.n { everything } else { order.iter().map(mass).sum() };
        let weight = 0.5 * (self.weights[v] / self.total);
        let mut above = 0.0;
        for group in order.split_inclusive(|a| a & LAST != 0) {
            let own: f64 = group.iter().map(mass).sum();
            let value = weight * ((total - above - own) - above);
            group.iter().for_each(|a| out[(a & !LAST) as usize] += value);
            above += own;
        }
    }
}

impl Storage for Ballots {
    fn name(&self) -> &'static str {
        "ballots"
    }

    fn n(&self) -> usize {
        self.n
    }

    fn margin(&self, i: usize, j: usize) -> f64 {
        let support = |above: usize, below: usize| -> f64 {
            let agree = |ranks: &[u32]| ranks[below] != LEFT_OUT && ranks[above] < ranks[below];
            let ballots = self.ranks.chunks_exact(self.n).zip(&self.weights);
            ballots.filter(|(ranks, _)| agree(ranks)).map(|(_, w)| w).sum()
        };
        0.5 * ((support(i, j) - support(j, i)) / self.total)
    }

    fn product(&self, p: &[f64], out: &mut [f64]) {
        let everything = p.iter().sum();
        out.fill(0.0);
        if self.orders.len() < PARALLEL {
            (0..self.ballots()).for_each(|v| self.walk(v, p, everything, out));
            return;
        }
        let size = self.ballots().div_ceil(PARTS);
        let parts: Vec<Vec<f64>> = (0..self.ballots().div_ceil(size))
            .into_par_iter()
            .with_max_len(1)
            .map(|part| {
                let mut own = vec![0.0; self.n];
                let ballots = part * size..self.ballots().min((part + 1) * size);
                ballots.for_each(|v| self.walk(v, p, everything, &mut own));
                own
            })
            .collect();
        parts.iter().for_each(|part| out.iter_mut().zip(part).for_each(|(o, v)| *o += v));
    }

    fn bytes(&self) -> u64 {
        let numbers = size_of_val(&self.orders[..]) + size_of_val(&self.ranks[..]);
        (numbers + size_of_val(&self.ends[..]) + size_of_val(&self.weights[..])) as u64
    }

    fn cost(&self) -> ProductCost {
        let entries = self.orders.len() as u64;
        ProductCost { bytes: 4 * entries, operations: 4 * entries }
    }

    fn content(&self, sink: &mut dyn FnMut(&[u8])) {
        sink(b"ballots");
        for (ranks, weight) in self.ranks.chunks_exact(self.n).zip(&self.weights) {
            sink(&(weight / self.total + 0.0).to_bits().to_le_bytes());
            sink(&ranks.iter().flat_map(|r| r.to_le_bytes()).collect::<Vec<u8>>());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_contract, number};
    use super::*;
    use proptest::prelude::*;

    /// Ballots with ties and gaps.
    fn random(n: usize, ballots: usize, seed: u64) -> Ballots {
        let rank = |v: usize, a: usize| {
            let draw = ((number(seed, (v * n + a) as u64) + 0.5) * (n + 2) as f64) as usize;
            (draw > 1).then_some(draw)
        };
        let weights = (0..ballots as u64).map(|v| number(seed, v + (1 << 30)) + 0.6).collect();
        Ballots::new(n, (0..ballots).map(|v| (0..n).map(|a| rank(v, a)).collect()), weights).unwrap()
    }

    proptest! {
        #[test]
        fn products_equal_the_double_loop(n in 1usize..40, ballots in 1usize..12, seed in any::<u64>()) {
            assert_contract(&random(n, ballots, seed), seed, 1e-13);
        }
    }

    #[test]
    fn parts_are_added_in_one_order() {
        let storage = random(700, 97, 4);
        assert!(storage.orders.len() >= PARALLEL);
        assert_contract(&storage, 4, 1e-11);
        let p: Vec<f64> = (0..700).map(|k| number(5, k) + 0.5).collect();
        let with = |threads: usize| {
            let mut out = vec![f64::NAN; 700];
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| storage.product(&p, &mut out));
            out.iter().map(|v| v.to_bits()).collect::<Vec<_>>()
        };
        assert!(with(1) == with(2) && with(1) == with(16));
    }

    #[test]
    fn ties_and_gaps_count_half() {
        // a > b = c; d > a; c alone
        let ranks = [
            vec![Some(0), Some(1), Some(1), None],
            vec![Some(5), None, None, Some(2)],
            vec![None, None, Some(0), None],
        ];
        let storage = Ballots::new(4, ranks, vec![2.0; 3]).unwrap();
        let thirds = |i, j| (6.0 * storage.margin(i, j)).round() as i32;
        assert_eq!([thirds(1, 2), thirds(0, 1), thirds(3, 0), thirds(3, 2)], [0, 1, 1, 0]);
    }

    #[test]
    fn what_is_not_a_population_is_refused() {
        let one = || [vec![Some(0), Some(1)]];
        let message = |r: Result<Ballots, StorageError>| r.unwrap_err().to_string();
        assert!(message(Ballots::new(3, one(), vec![1.0])).contains("ballot 0 ranks 2 of 3 actions"));
        assert!(message(Ballots::new(2, one(), vec![0.0])).contains("1 weights for 1 ballots"));
        assert!(message(Ballots::new(2, [], vec![])).contains("0 ballots"));
        assert!(message(Ballots::new(0, [], vec![])).contains("at least one action"));
    }
}
