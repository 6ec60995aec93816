//! Where the margins of all contexts are kept, and the products over them.
//!
//! | contexts | kept in | a product |
//! |---|---|---|
//! | small | packed triangles behind each other, 8 bytes a pair | [`packed::products`] |
//! | small, few | the same, and the padded copy | [`PaddedLayout::products`] |
//! | large, or low-rank, .. | a [`Storage`] of its own | [`Storage::products`] |

use std::ops::Range;
use std::sync::Arc;

use equipoise_core::Shape;
use equipoise_core::cpu::prefetch;

use crate::matrix::{Margins, PreferenceMatrix};
use crate::product::{pair, pairs, skew_margin, skew_product};
use crate::storage::packed;
use crate::storage::padded::PaddedLayout;
use crate::storage::{ProductCost, Storage};

/// What becomes a context: a [`PreferenceMatrix`], or any [`Storage`].
#[derive(Clone, Debug)]
pub struct Context(Kept);

#[derive(Clone, Debug)]
enum Kept {
    Triangle(usize, Vec<f64>),
    Stored(Arc<dyn Storage>),
}

impl From<PreferenceMatrix> for Context {
    fn from(matrix: PreferenceMatrix) -> Self {
        let n = matrix.n();
        match matrix.margins {
            Margins::Triangle(packed) => Self(Kept::Triangle(n, packed)),
            Margins::Panels(panels) => panels.into(),
        }
    }
}

impl<S: Storage + 'static> From<S> for Context {
    fn from(storage: S) -> Self {
        Self(Kept::Stored(Arc::new(storage)))
    }
}

/// The margins of all contexts.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    /// Actions of every context, for the triangles.
    shape: Shape,
    /// The packed triangles of all small contexts behind each other.
    packed: Vec<f64>,
    /// `starts[x]` is where the triangle of context `x` begins.
    starts: Vec<usize>,
    /// The contexts that have a storage of their own, ascending.
    stored: Vec<(usize, Arc<dyn Storage>)>,
    /// A copy of the triangles made for the product, where the game is small.
    padded: Option<PaddedLayout>,
}

impl Layout {
    /// `None` without a context.
    pub(super) fn new(contexts: impl IntoIterator<Item = impl Into<Context>>) -> Option<Self> {
        let (mut packed, mut starts, mut sizes, mut stored) = (vec![], vec![], vec![], vec![]);
        for (x, context) in contexts.into_iter().enumerate() {
            starts.push(packed.len());
            match context.into().0 {
                Kept::Triangle(n, margins) if packed.is_empty() => {
                    sizes.push(n);
                    packed = margins;
                }
                Kept::Triangle(n, margins) => {
                    sizes.push(n);
                    packed.extend_from_slice(&margins);
                }
                Kept::Stored(storage) => {
                    sizes.push(storage.n());
                    stored.push((x, storage));
                }
            }
        }
        let shape = Shape::ragged(sizes.iter().copied())?;
        let padded = if stored.is_empty() {
            PaddedLayout::new(&sizes, |x, i, j| skew_margin(&packed[starts[x]..], sizes[x], i, j))
        } else {
            None
        };
        Some(Self { shape, packed, starts, stored, padded })
    }

    pub(super) fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Context `x`, as a game is made of it.
    pub(super) fn context(&self, x: usize) -> Context {
        Context(match self.place(x) {
            Some(at) => Kept::Stored(Arc::clone(&self.stored[at].1)),
            None => Kept::Triangle(self.shape.actions(x), self.triangle(x).to_vec()),
        })
    }

    /// The packed triangles of some contexts, read by the kernel of the whole; `None` where a context has a storage of its own or the
    /// whole has a padded copy.
    pub(super) fn block(&self, contexts: Range<usize>) -> Option<Self> {
        if !self.stored.is_empty() || self.padded.is_some() {
            return None;
        }
        let first = self.starts[contexts.start];
        let end = self.starts.get(contexts.end).copied().unwrap_or(self.packed.len());
        Some(Self {
            shape: self.shape.part(contexts.clone())?,
            packed: self.packed[first..end].to_vec(),
            starts: self.starts[contexts].iter().map(|start| start - first).collect(),
            stored: Vec::new(),
            padded: None,
        })
    }

    /// The storage of context `x`, if it has one of its own.
    pub(super) fn stored(&self, x: usize) -> Option<&dyn Storage> {
        Some(&*self.stored[self.place(x)?].1)
    }

    /// Where the storage of context `x` is, if it has one of its own.
    fn place(&self, x: usize) -> Option<usize> {
        self.stored.binary_search_by_key(&x, |(context, _)| *context).ok()
    }

    /// The triangle of context `x`, which has no storage of its own.
    fn triangle(&self, x: usize) -> &[f64] {
        &self.packed[self.starts[x]..self.starts[x] + pairs(self.shape.actions(x))]
    }

    /// `K_ij` of context `x`.
    pub(super) fn margin(&self, x: usize, i: usize, j: usize) -> f64 {
        match self.stored(x) {
            Some(storage) => storage.margin(i, j),
            None => skew_margin(self.triangle(x), self.shape.actions(x), i, j),
        }
    }

    /// Prefetches `K_ij` of context `x`.
    #[inline]
    pub(super) fn prefetch(&self, x: usize, i: usize, j: usize) {
        match self.stored(x) {
            Some(storage) => storage.prefetch(i, j),
            None if i != j => prefetch(self.triangle(x), pair(self.shape.actions(x), i.min(j), i.max(j))),
            None => (),
        }
    }

    /// `K p` in every context, flat over the shape.
    #[inline]
    pub(super) fn product(&self, p: &[f64], out: &mut [f64]) {
        if !self.stored.is_empty() {
            self.stored_products(&[p], &mut [out]);
        } else if let Some(padded) = &self.padded {
            padded.products(self.shape.offsets(), p, out);
        } else {
            packed::products(self.shape.offsets(), &self.starts, &self.packed, p, out);
        }
    }

    /// `K p` of context `x` alone.
    pub(super) fn context_product(&self, x: usize, p: &[f64], out: &mut [f64]) {
        match self.stored(x) {
            Some(storage) => storage.product(p, out),
            None => skew_product(self.triangle(x), p, out),
        }
    }

    /// `K p` for each of `ps`, to the bit what [`Layout::product`] gives one by one.
    pub(super) fn products(&self, ps: &[&[f64]], outs: &mut [&mut [f64]]) {
        if self.stored.is_empty() {
            ps.iter().zip(outs).for_each(|(p, out)| self.product(p, out));
        } else {
            self.stored_products(ps, outs);
        }
    }

    /// The products of a game of which a context has a storage of its own.
    fn stored_products(&self, ps: &[&[f64]], outs: &mut [&mut [f64]]) {
        for (x, range) in self.shape.ranges().enumerate() {
            let ps: Vec<&[f64]> = ps.iter().map(|p| &p[range.clone()]).collect();
            let mut outs: Vec<&mut [f64]> = outs.iter_mut().map(|out| &mut out[range.clone()]).collect();
            match self.stored(x) {
                Some(storage) => storage.products(&ps, &mut outs),
                None => ps.iter().zip(outs).for_each(|(p, out)| skew_product(self.triangle(x), p, out)),
            }
        }
    }

    /// Bytes held in memory, in whatever form.
    pub(super) fn bytes(&self) -> u64 {
        let small = size_of_val(&self.packed[..]) + self.padded.as_ref().map_or(0, PaddedLayout::bytes);
        small as u64 + self.stored.iter().map(|(_, s)| s.bytes()).sum::<u64>()
    }

    /// What one product over all contexts reads and computes.
    pub(super) fn cost(&self) -> ProductCost {
        let pairs = self.packed.len() as u64;
        let small = ProductCost { bytes: 8 * pairs, operations: 4 * pairs };
        self.stored.iter().fold(small, |sum, (_, s)| sum + s.cost())
    }

    /// What the contexts are kept in, one word each kind.
    pub(super) fn names(&self) -> Vec<&'static str> {
        let small = (self.stored.len() < self.shape.contexts()).then_some("packed f64");
        let mut names: Vec<_> = small.into_iter().chain(self.stored.iter().map(|(_, s)| s.name())).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The margins of context `x` in the one order of [`Storage::content`].
    pub(super) fn content(&self, x: usize, sink: &mut dyn FnMut(&[u8])) {
        match self.stored(x) {
            Some(storage) => storage.content(sink),
            // + 0.0: the two zeros are one number
            None => {
                let bytes = |number: &f64| (number + 0.0).to_bits().to_le_bytes();
                sink(&self.triangle(x).iter().flat_map(bytes).collect::<Vec<u8>>());
            }
        }
    }
}
