//! Observed pairs only: every pair that never met stands at 1/2 and costs nothing.
//!
//! Each pair lies in the rows of both its actions, so that a row's sum needs no other row: the rows run in parallel, in any
//! order, to the same bits.

use rayon::prelude::*;

use super::{ProductCost, Storage, StorageError};

/// Rows that one task takes.
const CHUNK: usize = 1 << 10;

/// The margins of the pairs that met.
#[derive(Clone, Debug, PartialEq)]
pub struct Pairs {
    /// `ends[i]` is where row i ends.
    ends: Vec<usize>,
    /// The others of every row, ascending.
    others: Vec<u32>,
    margins: Vec<f64>,
}

impl Pairs {
    /// `n` actions and the pairs `(i, j, K_ij)` that met, each once, in any order and orientation.
    ///
    /// # Errors
    /// [`StorageError`] without an action, or for a pair of equal or unknown actions, given twice, or whose margin is not
    /// in `[-1/2, 1/2]`.
    ///
    /// # Panics
    /// Beyond 2^32 actions.
    pub fn new(n: usize, pairs: &[(usize, usize, f64)]) -> Result<Self, StorageError> {
        assert!(u32::try_from(n).is_ok(), "an action's number has 32 bits");
        if n == 0 {
            return Err(StorageError::Empty);
        }
        let mut ends = vec![0; n];
        for &(i, j, margin) in pairs {
            // a NaN is in no range
            if i == j || i.max(j) >= n || !(-0.5..=0.5).contains(&margin) {
                return Err(StorageError::Pair { i, j, margin, n });
            }
            ends[i] += 1;
            ends[j] += 1;
        }
        let mut sum = 0;
        // for now, where each row begins
        ends.iter_mut().for_each(|end| sum += std::mem::replace(end, sum));
        let mut entries = vec![(0, 0.0); sum];
        for &(i, j, margin) in pairs {
            for (row, other, margin) in [(i, j, margin), (j, i, -margin)] {
                entries[ends[row]] = (other as u32, margin);
                ends[row] += 1;
            }
        }
        let mut start = 0;
        for (i, &end) in ends.iter().enumerate() {
            let row = &mut entries[start..end];
            row.sort_unstable_by_key(|(other, _)| *other);
            if let Some(twice) = row.windows(2).find(|w| w[0].0 == w[1].0) {
                return Err(StorageError::PairTwice { i, j: twice[0].0 as usize });
            }
            start = end;
        }
        let (others, margins) = entries.into_iter().unzip();
        Ok(Self { ends, others, margins })
    }

    /// Number of pairs that met.
    #[must_use]
    pub fn met(&self) -> usize {
        self.others.len() / 2
    }

    fn row(&self, i: usize) -> (&[u32], &[f64]) {
        let range = if i == 0 { 0 } else { self.ends[i - 1] }..self.ends[i];
        (&self.others[range.clone()], &self.margins[range])
    }
}

impl Storage for Pairs {
    fn name(&self) -> &'static str {
        "observed pairs"
    }

    fn n(&self) -> usize {
        self.ends.len()
    }

    fn margin(&self, i: usize, j: usize) -> f64 {
        let (others, margins) = self.row(i);
        others.binary_search(&(j as u32)).map_or(0.0, |at| margins[at])
    }

    fn product(&self, p: &[f64], out: &mut [f64]) {
        out.par_chunks_mut(CHUNK).enumerate().for_each(|(c, out)| {
            for (k, out) in out.iter_mut().enumerate() {
                let (others, margins) = self.row(CHUNK * c + k);
                *out = others.iter().zip(margins).map(|(&j, m)| m * p[j as usize]).sum();
            }
        });
    }

    fn bytes(&self) -> u64 {
        (size_of_val(&self.ends[..]) + size_of_val(&self.others[..]) + size_of_val(&self.margins[..])) as u64
    }

    fn cost(&self) -> ProductCost {
        ProductCost { bytes: self.bytes(), operations: 2 * self.others.len() as u64 }
    }

    fn content(&self, sink: &mut dyn FnMut(&[u8])) {
        sink(b"observed pairs");
        for i in 0..self.n() {
            let (others, margins) = self.row(i);
            for (&j, m) in others.iter().zip(margins).filter(|(j, m)| **j as usize > i && **m != 0.0) {
                sink(&(i as u64).to_le_bytes());
                sink(&u64::from(j).to_le_bytes());
                sink(&m.to_bits().to_le_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_contract, number};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn products_equal_the_double_loop(n in 1usize..50, share in -0.5..0.5f64, seed in any::<u64>()) {
            let all = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j)));
            let met: Vec<_> = all
                .filter(|&(i, j)| number(seed, (i * n + j) as u64) < share)
                .map(|(i, j)| (i, j, number(seed ^ 7, (i * n + j) as u64)))
                .map(|(i, j, m)| if m > 0.2 { (j, i, -m) } else { (i, j, m) })
                .collect();
            let storage = Pairs::new(n, &met).unwrap();
            assert_contract(&storage, seed, 1e-13);
            prop_assert_eq!(storage.met(), met.len());
            for (i, j, m) in met {
                prop_assert_eq!((storage.margin(i, j), storage.margin(j, i)), (m, -m));
            }
        }
    }

    #[test]
    fn the_order_of_the_pairs_does_not_matter() {
        let pairs = [(0, 1, 0.1), (2, 1, -0.2), (3, 0, 0.5)];
        let turned = [(0, 3, -0.5), (1, 0, -0.1), (1, 2, 0.2)];
        assert_eq!(Pairs::new(4, &pairs).unwrap(), Pairs::new(4, &turned).unwrap());
    }

    #[test]
    fn what_is_not_a_pair_is_refused() {
        let message = |pairs: &[_]| Pairs::new(3, pairs).unwrap_err().to_string();
        assert!(message(&[(0, 3, 0.1)]).contains("pair (0, 3)"));
        assert!(message(&[(1, 1, 0.0)]).contains("pair (1, 1)"));
        assert!(message(&[(0, 1, f64::NAN)]).contains("NaN"));
        assert!(message(&[(0, 1, 0.6)]).contains("0.6"));
        assert!(message(&[(0, 1, 0.1), (1, 0, 0.1)]).contains("twice"));
        assert!(Pairs::new(0, &[]).unwrap_err().to_string().contains("at least one action"));
    }
}
