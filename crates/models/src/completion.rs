//! Which entries of a skew matrix of low rank some of its entries determine.
//!
//! ```text
//! s_ij = v_i^T J v_j,  v_i in R^d         d s_ij = (J v_j)^T d v_i - (J v_i)^T d v_j
//! ```
//!
//! Local completability (Singer, Cucuringu 2010, SIAM J. Matrix Anal. Appl. 31): at vectors in general position, an entry is
//! determined up to finitely many values iff its differential is a combination of those of the known entries. The answer is the same
//! for almost all vectors, so it is found at random ones, from one eigendecomposition of the Gram matrix of the known
//! differentials, of size n d. Above [`LARGEST`] a necessary condition stands in for it: both items belong to one island of what
//! remains when items that met fewer than d others are taken out, again and again. At d = 2 this is the general preference
//! model's question, not Bradley-Terry's, where every island is determined.

use std::collections::VecDeque;

use equipoise_core::{sample, seed::stream};
use faer::{Mat, Side};
use ndarray::Array2;

/// Largest `n d` for which differentials are compared.
pub const LARGEST: usize = 600;
/// Share of the square of a differential that may lie outside the span of the known ones, for rounding.
const OUTSIDE: f64 = 1e-9;

/// Which entries are determined.
#[derive(Clone, Debug)]
pub struct Determined {
    /// By pair; `None`: all.
    entries: Option<Array2<bool>>,
}

impl Determined {
    /// Whether `s_ij` is.
    ///
    /// # Panics
    /// If there is no such item.
    #[must_use]
    pub fn holds(&self, i: usize, j: usize) -> bool {
        self.entries.as_ref().is_none_or(|e| e[[i, j]])
    }

    /// How many pairs are not.
    #[must_use]
    pub fn open(&self) -> usize {
        self.entries.as_ref().map_or(0, |e| e.iter().filter(|known| !**known).count() / 2)
    }

    /// That some are not, as a line for the reader.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        let open = self.open();
        (open > 0).then(|| {
            format!(
                "{open} pairs that never met are not determined by those that did: their probability is null"
            )
        })
    }
}

/// Which entries of a skew matrix of rank d those of `pairs` determine; the known ones are.
///
/// # Panics
/// If a pair has no such item.
#[must_use]
pub fn determined(n: usize, pairs: &[(usize, usize)], d: usize) -> Determined {
    if pairs.len() == n * (n - 1) / 2 {
        return Determined { entries: None };
    }
    let mut entries = if n * d <= LARGEST { by_differentials(n, pairs, d) } else { by_degrees(n, pairs, d) };
    for &(i, j) in pairs {
        (entries[[i, j]], entries[[j, i]]) = (true, true);
    }
    entries.diag_mut().fill(true);
    Determined { entries: Some(entries) }
}

fn by_differentials(n: usize, pairs: &[(usize, usize)], d: usize) -> Array2<bool> {
    let mut rng = stream(0, "completion", &[]);
    let v = Array2::from_shape_fn((n, d), |_| sample::normal(&mut rng));
    // J v: every plane turned a quarter
    let turned = |i: usize, l: usize| if l.is_multiple_of(2) { v[[i, l + 1]] } else { -v[[i, l - 1]] };
    let mut gram = Mat::<f64>::zeros(n * d, n * d);
    for &(i, j) in pairs {
        let entry =
            |k: usize| if k < d { (i * d + k, turned(j, k)) } else { (j * d + k - d, -turned(i, k - d)) };
        for (at, x) in (0..2 * d).map(entry) {
            for (bt, y) in (0..2 * d).map(entry) {
                gram[(at, bt)] += x * y;
            }
        }
    }
    let eigen = gram.self_adjoint_eigen(Side::Lower).expect("a finite symmetric matrix has eigenvalues");
    let (values, vectors) = (eigen.S(), eigen.U());
    let largest = (0..n * d).map(|k| values[k]).fold(0.0, f64::max);
    let null: Vec<usize> = (0..n * d).filter(|&k| values[k] <= OUTSIDE * largest).collect();
    let mut entries = Array2::from_elem((n, n), false);
    for i in 0..n {
        for j in 0..i {
            let (mut outside, mut all) = (0.0, 0.0);
            for l in 0..d {
                all += turned(j, l).powi(2) + turned(i, l).powi(2);
            }
            for &k in &null {
                let along = |l: usize| {
                    vectors[(i * d + l, k)] * turned(j, l) - vectors[(j * d + l, k)] * turned(i, l)
                };
                outside += (0..d).map(along).sum::<f64>().powi(2);
            }
            let known = outside <= OUTSIDE * all;
            (entries[[i, j]], entries[[j, i]]) = (known, known);
        }
    }
    entries
}

fn by_degrees(n: usize, pairs: &[(usize, usize)], d: usize) -> Array2<bool> {
    let mut met = vec![Vec::new(); n];
    for &(i, j) in pairs {
        met[i].push(j);
        met[j].push(i);
    }
    let mut degree: Vec<usize> = met.iter().map(Vec::len).collect();
    let mut out: VecDeque<usize> = (0..n).filter(|&i| degree[i] < d).collect();
    let mut core = vec![true; n];
    out.iter().for_each(|&i| core[i] = false);
    while let Some(i) = out.pop_front() {
        for &j in &met[i] {
            degree[j] -= 1;
            if core[j] && degree[j] < d {
                core[j] = false;
                out.push_back(j);
            }
        }
    }
    let mut island = vec![usize::MAX; n];
    for start in 0..n {
        let mut next = vec![start];
        while let Some(i) = next.pop().filter(|_| core[start]) {
            if island[i] == usize::MAX {
                island[i] = start;
                next.extend(met[i].iter().filter(|&&j| core[j] && island[j] == usize::MAX));
            }
        }
    }
    Array2::from_shape_fn((n, n), |(i, j)| core[i] && core[j] && island[i] == island[j])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_but(n: usize, out: &[(usize, usize)]) -> Vec<(usize, usize)> {
        (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).filter(|pair| !out.contains(pair)).collect()
    }

    #[test]
    fn an_entry_is_determined_where_a_pfaffian_of_known_entries_has_it() {
        // d = 2: the Pfaffian of any four items is 0, s01 s23 - s02 s13 + s03 s12 = 0, so one of six entries follows from five
        let one = determined(4, &all_but(4, &[(0, 1)]), 2);
        assert_eq!(one.open(), 0);
        // two of a four: one equation for two numbers
        let two = determined(4, &all_but(4, &[(0, 1), (2, 3)]), 2);
        assert!(two.open() == 2 && !two.holds(0, 1) && !two.holds(3, 2) && two.holds(0, 2));
        // d = 4 reaches every matrix of four and five items: nothing follows
        for n in [4, 5] {
            let free = determined(n, &all_but(n, &[(0, 1)]), 4);
            assert!(free.open() == 1 && !free.holds(1, 0));
        }
        assert_eq!(determined(6, &all_but(6, &[(0, 1)]), 4).open(), 0);
        // a path determines nothing else, nor do islands
        assert_eq!(determined(4, &[(0, 1), (1, 2), (2, 3)], 2).open(), 3);
        assert_eq!(determined(4, &[(0, 1), (2, 3)], 2).open(), 4);
    }

    #[test]
    fn what_stands_in_for_large_problems_is_necessary() {
        let mut rng = stream(3, "test", &[]);
        for n in [8, 12, 20] {
            for share in [0.3, 0.5, 0.8] {
                let pairs: Vec<(usize, usize)> =
                    all_but(n, &[]).into_iter().filter(|_| sample::uniform(&mut rng) < share).collect();
                let (exact, fast) = (by_differentials(n, &pairs, 2), by_degrees(n, &pairs, 2));
                for ((i, j), known) in exact.indexed_iter() {
                    let met = i == j || pairs.contains(&(i.min(j), i.max(j)));
                    assert!(met || !known || fast[[i, j]], "{n} {share} {i} {j}");
                }
            }
        }
    }
}
