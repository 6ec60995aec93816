//! A matrix that is never in memory: its panels are fetched band by band, as often as a product is asked for.
//!
//! Nothing here reads a file: whoever keeps the bytes hands in a way to fetch them ([`Fetch`]). They are laid out as those
//! of [`Panels`](super::Panels), and every product has the bits that `Panels` gives. Threads take bands of their own, so
//! that one computes while another waits; each holds one buffer of a panel or a MiB, whichever is more.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

use super::bands::{ROWS, in_parts, start};
use super::number::{Block, Number};
use super::panels::add_panels;
use super::{ProductCost, Storage, StorageError};
use equipoise_core::lanes::LANES;

/// Bytes fetched at once, at least.
const BUFFER: usize = 1 << 20;

/// Fills the buffer with the bytes of the matrix from the given place on.
pub type Fetch = dyn Fn(u64, &mut [u8]) + Send + Sync;

/// Margins of `n` actions kept elsewhere, as numbers of kind `T`.
#[derive(Clone)]
pub struct Streamed<T> {
    n: usize,
    fetch: Arc<Fetch>,
    kind: PhantomData<T>,
}

impl<T> fmt::Debug for Streamed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streamed").field("n", &self.n).finish_non_exhaustive()
    }
}

impl<T: Number> Streamed<T> {
    /// Bytes of the matrix of `n` actions.
    #[must_use]
    pub fn length(n: usize) -> u64 {
        (start(n, n.div_ceil(ROWS)) * size_of::<Block<T>>()) as u64
    }

    /// The matrix of `n` actions whose [`Streamed::length`] bytes `fetch` hands over; they are read through once and
    /// checked. `fetch` must give the same bytes for ever, and panic where it cannot: a product has no other way to fail.
    ///
    /// # Errors
    /// [`StorageError::Empty`], or [`StorageError::Pair`] for the first margin that is not in `[-1/2, 1/2]` or lies where
    /// none belongs.
    pub fn new(n: usize, fetch: Arc<Fetch>) -> Result<Self, StorageError> {
        if n == 0 {
            return Err(StorageError::Empty);
        }
        let storage = Self { n, fetch, kind: PhantomData };
        storage.panels_in_turn(0..n.div_ceil(ROWS), |panel, blocks| {
            for (b, block) in blocks.iter().enumerate() {
                for (r, row) in block.0.iter().enumerate() {
                    for (l, k) in row.iter().enumerate() {
                        let (i, j) = (ROWS * panel + r, LANES * (panel / 2 + b) + l);
                        let margin = k.wide();
                        let fits = if i < j && j < n { margin.abs() <= 0.5 } else { margin == 0.0 };
                        if !fits {
                            return Err(StorageError::Pair { i, j, margin, n });
                        }
                    }
                }
            }
            Ok(())
        })?;
        Ok(storage)
    }

    /// The bytes of a matrix, panel by panel, for whoever keeps them: `margin(i, j)` is asked for `i < j`.
    ///
    /// # Panics
    /// If a margin is not in `[-1/2, 1/2]`.
    pub fn lay_out<E>(
        n: usize,
        margin: impl Fn(usize, usize) -> f64,
        mut sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut bytes = Vec::new();
        for panel in 0..n.div_ceil(ROWS) {
            bytes.clear();
            for block in panel / 2..n.div_ceil(LANES) {
                for i in ROWS * panel..ROWS * (panel + 1) {
                    for j in LANES * block..LANES * (block + 1) {
                        let k = if i < j && j < n { margin(i, j) } else { 0.0 };
                        assert!(k.abs() <= 0.5, "K[{i}, {j}] = {k}");
                        T::nearest(k).write(&mut bytes);
                    }
                }
            }
            sink(&bytes)?;
        }
        Ok(())
    }

    /// Hands the blocks of each panel to `work`, in order; stops at the first error.
    fn panels_in_turn<E>(
        &self,
        panels: Range<usize>,
        mut work: impl FnMut(usize, &[Block<T>]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut buffers = (Vec::new(), Vec::new());
        for group in self.groups(panels) {
            let base = start(self.n, group.start);
            let blocks = self.load(group.clone(), &mut buffers);
            for panel in group {
                work(panel, &blocks[start(self.n, panel) - base..start(self.n, panel + 1) - base])?;
            }
        }
        Ok(())
    }

    /// Panels that are fetched together.
    fn groups(&self, panels: Range<usize>) -> impl Iterator<Item = Range<usize>> + '_ {
        let mut next = panels.start;
        std::iter::from_fn(move || {
            let first = next;
            let bytes = |end| (start(self.n, end) - start(self.n, first)) * size_of::<Block<T>>();
            while next < panels.end && (next == first || bytes(next + 1) <= BUFFER) {
                next += 1;
            }
            (first < next).then_some(first..next)
        })
    }

    /// The blocks of `panels`, through two buffers: bytes, and blocks.
    fn load<'b>(&self, panels: Range<usize>, buffers: &'b mut (Vec<u8>, Vec<Block<T>>)) -> &'b [Block<T>] {
        let (bytes, blocks) = buffers;
        let (first, end) = (start(self.n, panels.start), start(self.n, panels.end));
        let size = size_of::<Block<T>>();
        bytes.resize((end - first) * size, 0);
        (self.fetch)((first * size) as u64, bytes);
        blocks.resize(end - first, Block::default());
        for (block, bytes) in blocks.iter_mut().zip(bytes.chunks_exact(size)) {
            let numbers = block.0.as_flattened_mut().iter_mut();
            numbers.zip(bytes.chunks_exact(size_of::<T>())).for_each(|(k, b)| *k = T::from_bytes(b));
        }
        blocks
    }
}

impl<T: Number> Storage for Streamed<T> {
    fn name(&self) -> &'static str {
        "streamed"
    }

    fn n(&self) -> usize {
        self.n
    }

    /// One number fetched.
    fn margin(&self, i: usize, j: usize) -> f64 {
        match i.cmp(&j) {
            std::cmp::Ordering::Less => {
                let block = start(self.n, i / ROWS) + j / LANES - i / ROWS / 2;
                let number = block * ROWS * LANES + i % ROWS * LANES + j % LANES;
                let mut bytes = [0; 8];
                let bytes = &mut bytes[..size_of::<T>()];
                (self.fetch)((number * size_of::<T>()) as u64, bytes);
                T::from_bytes(bytes).wide()
            }
            std::cmp::Ordering::Equal => 0.0,
            std::cmp::Ordering::Greater => -self.margin(j, i),
        }
    }

    fn product(&self, p: &[f64], out: &mut [f64]) {
        self.products(&[p], &mut [out]);
    }

    /// One pass, whatever the number of vectors.
    fn products(&self, ps: &[&[f64]], outs: &mut [&mut [f64]]) {
        in_parts(self.n, ps, outs, |panels, ps, parts| {
            let mut buffers = (Vec::new(), Vec::new());
            for group in self.groups(panels) {
                let base = start(self.n, group.start);
                let blocks = self.load(group.clone(), &mut buffers);
                add_panels((self.n, blocks, base), group, ps, parts);
            }
        });
    }

    /// None but the buffers of a product.
    fn bytes(&self) -> u64 {
        0
    }

    /// Its bytes are fetched, not read from memory.
    fn cost(&self) -> ProductCost {
        let n = self.n as u64;
        ProductCost { bytes: Self::length(self.n), operations: 2 * n * (n - 1) }
    }

    fn content(&self, sink: &mut dyn FnMut(&[u8])) {
        let n = self.n;
        let done = self.panels_in_turn::<()>(0..n.div_ceil(ROWS), |panel, blocks| {
            for r in 0..ROWS {
                let i = ROWS * panel + r;
                let row = blocks.iter().flat_map(|b| b.0[r]).skip((i + 1).saturating_sub(panel / 2 * LANES));
                let bytes =
                    row.take(n.saturating_sub(i + 1)).flat_map(|k| (k.wide() + 0.0).to_bits().to_le_bytes());
                sink(&bytes.collect::<Vec<u8>>());
            }
            Ok(())
        });
        done.expect("nothing failed");
    }
}

#[cfg(test)]
mod tests {
    use super::super::Panels;
    use super::super::tests::{assert_contract, number};
    use super::*;

    fn kept<T: Number>(bytes: Vec<u8>) -> Arc<Fetch> {
        assert!(bytes.len().is_multiple_of(size_of::<T>()));
        Arc::new(move |at, out: &mut [u8]| out.copy_from_slice(&bytes[at as usize..at as usize + out.len()]))
    }

    fn pair<T: Number>(n: usize) -> (Panels<T>, Streamed<T>) {
        let margin = |i: usize, j: usize| number(3, (i * n + j) as u64);
        let mut panels = Panels::zeros(n);
        (0..n).for_each(|i| (i + 1..n).for_each(|j| panels.set(i, j, margin(i, j))));
        let mut bytes = Vec::new();
        let sink = |b: &[u8]| {
            bytes.extend_from_slice(b);
            Ok::<(), ()>(())
        };
        Streamed::<T>::lay_out(n, margin, sink).unwrap();
        assert_eq!(bytes.len() as u64, Streamed::<T>::length(n));
        (panels, Streamed::new(n, kept::<T>(bytes)).unwrap())
    }

    fn same<T: Number>(n: usize) {
        let (panels, streamed) = pair::<T>(n);
        let p: Vec<f64> = (0..n as u64).map(|k| number(4, k) + 0.5).collect();
        let (mut a, mut b) = (vec![f64::NAN; n], vec![f64::NAN; n]);
        panels.product(&p, &mut a);
        streamed.product(&p, &mut b);
        assert!(a.iter().zip(&b).all(|(a, b)| a.to_bits() == b.to_bits()), "n {n}");
        // many in one pass, and none
        let (mut outs, zeros) = (vec![vec![f64::NAN; n]; 3], vec![0.0; n]);
        streamed.products(&[&zeros, &p, &p], &mut outs.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>());
        assert!(outs[1..].iter().flatten().zip(a.iter().cycle()).all(|(b, a)| a.to_bits() == b.to_bits()));
        assert!(outs[0].iter().all(|out| *out == 0.0), "n {n}");
        streamed.products(&[], &mut []);
        let content = |s: &dyn Storage| {
            let mut bytes = Vec::new();
            s.content(&mut |b| bytes.extend_from_slice(b));
            bytes
        };
        assert!(content(&panels) == content(&streamed), "n {n}");
    }

    #[test]
    fn the_bits_are_those_of_the_matrix_in_memory() {
        for n in [1, 2, 3, 4, 5, 8, 9, 31, 33, 100, 1027, 1500] {
            same::<f64>(n);
            same::<f32>(n);
        }
        assert_contract(&pair::<f32>(61).1, 1, 1e-13);
    }

    #[test]
    fn bytes_that_are_no_margins_are_refused() {
        let mut bytes = Vec::new();
        let sink = |b: &[u8]| {
            bytes.extend_from_slice(b);
            Ok::<(), ()>(())
        };
        Streamed::<f64>::lay_out(9, |_, _| 0.25, sink).unwrap();
        for (number, i, j) in [(1, 0, 1), (8, 1, 0), (33, 0, 9)] {
            let mut wrong = bytes.clone();
            wrong[8 * number..8 * number + 8].copy_from_slice(&0.75f64.to_le_bytes());
            let error = Streamed::<f64>::new(9, kept::<f64>(wrong)).unwrap_err();
            assert_eq!(error, StorageError::Pair { i, j, margin: 0.75, n: 9 });
        }
    }
}
