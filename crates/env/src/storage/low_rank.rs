//! Margins of low rank: every action is a vector, and a margin is an oriented area.
//!
//! ```text
//! K_ij = <u_i, J u_j> = sum_m u_{i,2m} u_{j,2m+1} - u_{i,2m+1} u_{j,2m}        u_i in R^k, k even
//! K p  = U J (U' p)
//! ```
//!
//! Every skew matrix of rank k has this form. Two passes over U, `2 n k` numbers read where the dense product reads
//! `n^2 / 2`. Since J turns vectors and keeps their lengths, `|K_ij| <= |u_i| |u_j|`: vectors of squared length at most 1/2
//! are always a game.
//!
//! This is not the general preference model of GPO (arXiv:2410.02197), whose SCORES are `<u_i, J u_j>` and whose
//! preferences are their logistic: that matrix has full rank (see [`super`]). It is the game that GPO itself plays, whose
//! payoffs are the scores, up to their scale.

use ndarray::ArrayView2;
use rayon::prelude::*;

use super::{ProductCost, Storage, StorageError};
use equipoise_core::vector::dispatch;

/// Rows summed one after another: a part of U' p each.
const CHUNK: usize = 1 << 12;
/// Partial sums of a dot product.
const LANES: usize = 8;
/// Rounding of a squared length, relative: 1/2 itself must pass.
const ROUNDING: f64 = 1e-14;

/// One vector an action.
#[derive(Clone, Debug, PartialEq)]
pub struct LowRank {
    /// Rows of U behind each other.
    vectors: Vec<f64>,
    rank: usize,
}

impl LowRank {
    /// The game of the rows of `vectors`, `[n, k]`.
    ///
    /// # Errors
    /// [`StorageError`] if there is no row, k is odd or 0, a number is not finite, or a row has a squared length above
    /// 1/2.
    pub fn new(vectors: ArrayView2<'_, f64>) -> Result<Self, StorageError> {
        let (n, rank) = vectors.dim();
        if n == 0 {
            return Err(StorageError::Empty);
        }
        if rank == 0 || rank % 2 == 1 {
            return Err(StorageError::OddRank { rank });
        }
        for (action, row) in vectors.outer_iter().enumerate() {
            let square: f64 = row.iter().map(|u| u * u).sum();
            // a NaN fails too
            if !matches!(square.partial_cmp(&(0.5 * (1.0 + ROUNDING))), Some(std::cmp::Ordering::Less)) {
                return Err(StorageError::LongVector { action, square });
            }
        }
        Ok(Self { vectors: vectors.iter().copied().collect(), rank })
    }

    /// The numbers of one vector, even.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// U' p for each p, over the rows of one chunk.
    #[inline(always)]
    fn project(&self, rows: &[f64], first: usize, ps: &[&[f64]]) -> Vec<f64> {
        let mut sums = vec![0.0; ps.len() * self.rank];
        for (j, row) in rows.chunks_exact(self.rank).enumerate() {
            for (p, sums) in ps.iter().zip(sums.chunks_exact_mut(self.rank)) {
                let p = p[first + j];
                sums.iter_mut().zip(row).for_each(|(s, u)| *s += u * p);
            }
        }
        sums
    }
}

#[inline(always)]
fn dot(u: &[f64], t: &[f64]) -> f64 {
    let (u, u_rest) = u.as_chunks::<LANES>();
    let (t, t_rest) = t.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for (u, t) in u.iter().zip(t) {
        for l in 0..LANES {
            lanes[l] += u[l] * t[l];
        }
    }
    let rest: f64 = u_rest.iter().zip(t_rest).map(|(u, t)| u * t).sum();
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + e) + (b + f)) + ((c + g) + (d + h)) + rest
}

impl Storage for LowRank {
    fn name(&self) -> &'static str {
        "low rank"
    }

    fn n(&self) -> usize {
        self.vectors.len() / self.rank
    }

    fn margin(&self, i: usize, j: usize) -> f64 {
        let row = |i: usize| self.vectors[i * self.rank..(i + 1) * self.rank].as_chunks::<2>().0;
        // each term and so the sum changes its sign, and nothing else, with i and j changed; the bound holds but for
        // rounding
        let area: f64 = row(i).iter().zip(row(j)).map(|(u, v)| u[0] * v[1] - u[1] * v[0]).sum();
        area.clamp(-0.5, 0.5)
    }

    fn product(&self, p: &[f64], out: &mut [f64]) {
        self.products(&[p], &mut [out]);
    }

    fn products(&self, ps: &[&[f64]], outs: &mut [&mut [f64]]) {
        let rank = self.rank;
        let chunks = || self.vectors.par_chunks(CHUNK * rank).enumerate();
        let parts: Vec<Vec<f64>> = chunks()
            .map(|(c, rows)| {
                dispatch(
                    #[inline(always)]
                    || self.project(rows, c * CHUNK, ps),
                )
            })
            .collect();
        let mut sums = vec![0.0; ps.len() * rank];
        parts.iter().for_each(|part| sums.iter_mut().zip(part).for_each(|(s, v)| *s += v));
        // J s
        sums.as_chunks_mut::<2>().0.iter_mut().for_each(|[a, b]| (*a, *b) = (*b, -*a));
        let mut pieces: Vec<Vec<&mut [f64]>> = Vec::new();
        for out in outs.iter_mut() {
            for (c, piece) in out.chunks_mut(CHUNK).enumerate() {
                match pieces.get_mut(c) {
                    Some(list) => list.push(piece),
                    None => pieces.push(vec![piece]),
                }
            }
        }
        chunks().zip(pieces).for_each(|((_, rows), mut outs)| {
            dispatch(
                #[inline(always)]
                || {
                    for (i, row) in rows.chunks_exact(rank).enumerate() {
                        for (out, t) in outs.iter_mut().zip(sums.chunks_exact(rank)) {
                            out[i] = dot(row, t);
                        }
                    }
                },
            );
        });
    }

    fn bytes(&self) -> u64 {
        size_of_val(&self.vectors[..]) as u64
    }

    fn cost(&self) -> ProductCost {
        ProductCost { bytes: 2 * self.bytes(), operations: 4 * self.vectors.len() as u64 }
    }

    fn content(&self, sink: &mut dyn FnMut(&[u8])) {
        sink(b"low rank");
        sink(&(self.rank as u64).to_le_bytes());
        for row in self.vectors.chunks_exact(self.rank) {
            let bytes: Vec<u8> = row.iter().flat_map(|u| (u + 0.0).to_bits().to_le_bytes()).collect();
            sink(&bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_contract, number};
    use super::*;
    use ndarray::{Array2, arr2};
    use proptest::prelude::*;

    pub(super) fn random(n: usize, rank: usize, seed: u64) -> LowRank {
        let bound = (0.5 / rank as f64).sqrt();
        let u = Array2::from_shape_fn((n, rank), |(i, a)| 2.0 * bound * number(seed, (i * rank + a) as u64));
        LowRank::new(u.view()).unwrap()
    }

    proptest! {
        #[test]
        fn products_equal_the_double_loop(n in 1usize..90, half in 1usize..8, seed in any::<u64>()) {
            assert_contract(&random(n, 2 * half, seed), seed, 1e-13);
        }
    }

    #[test]
    fn chunks_are_added_in_one_order() {
        for n in [CHUNK - 1, CHUNK, 2 * CHUNK + 5] {
            let storage = random(n, 6, 3);
            let p: Vec<f64> = (0..n as u64).map(|k| number(8, k) + 0.5).collect();
            let with = |threads: usize| {
                let mut out = vec![f64::NAN; n];
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| storage.product(&p, &mut out));
                out.iter().map(|v| v.to_bits()).collect::<Vec<_>>()
            };
            assert!(with(1) == with(2) && with(1) == with(16));
            let mut out = vec![0.0; n];
            storage.product(&p, &mut out);
            for i in [0, 1, n / 2, n - 1] {
                let plain: f64 = (0..n).map(|j| storage.margin(i, j) * p[j]).sum();
                assert!((out[i] - plain).abs() < 1e-11, "{} {plain}", out[i]);
            }
        }
    }

    #[test]
    fn rank_two_is_the_disc_game() {
        let angles = [0.0, 1.8, 4.0f64];
        let u = Array2::from_shape_fn((3, 2), |(i, a)| {
            0.5f64.sqrt() * if a == 0 { angles[i].cos() } else { angles[i].sin() }
        });
        let game = LowRank::new(u.view()).unwrap();
        for i in 0..3 {
            for j in 0..3 {
                assert!((game.margin(i, j) - 0.5 * (angles[j] - angles[i]).sin()).abs() < 1e-15);
            }
        }
        let corner = 0.5f64.sqrt();
        let extreme = LowRank::new(arr2(&[[corner, 0.0], [0.0, corner]]).view()).unwrap();
        assert_eq!((extreme.margin(0, 1), extreme.margin(1, 0)), (0.5, -0.5));
    }

    #[test]
    fn what_is_not_a_game_is_refused() {
        let message = |u: Array2<f64>| LowRank::new(u.view()).unwrap_err().to_string();
        assert!(message(Array2::zeros((0, 2))).contains("at least one action"));
        assert!(message(Array2::zeros((2, 3))).contains("rank 3"));
        assert!(message(arr2(&[[0.1, 0.2], [0.8, 0.1]])).contains("action 1 has squared length 0.65"));
        assert!(message(arr2(&[[f64::NAN, 0.2]])).contains("action 0"));
    }
}
