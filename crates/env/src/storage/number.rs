//! The numbers that dense margins are kept in.

use equipoise_core::lanes::LANES;

use super::bands::{Lanes, ROWS};

/// Four rows of eight columns.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C, align(64))]
pub struct Block<T>(pub(super) [[T; LANES]; ROWS]);

/// How margins are kept: `f64`, or `f32` for half the bytes.
pub trait Number: Copy + Default + PartialEq + std::fmt::Debug + Send + Sync + 'static {
    /// One word for it.
    const NAME: &'static str;
    /// The number as f64, exact.
    fn wide(self) -> f64;
    /// The nearest number of this kind.
    fn nearest(x: f64) -> Self;
    /// These blocks in f64, in the first of `space` if they are not.
    fn widened<'a>(blocks: &'a [Block<Self>], space: &'a mut [Block<f64>]) -> &'a [Block<f64>];
    /// The number of the first `size_of` bytes, little-endian.
    fn from_bytes(bytes: &[u8]) -> Self;
    /// Its bytes, little-endian, behind `bytes`.
    fn write(self, bytes: &mut Vec<u8>);
}

impl Number for f64 {
    const NAME: &'static str = "dense f64";

    #[inline(always)]
    fn from_bytes(bytes: &[u8]) -> Self {
        let (first, _) = bytes.split_first_chunk().expect("the caller has the bytes of a number");
        Self::from_le_bytes(*first)
    }

    fn write(self, bytes: &mut Vec<u8>) {
        bytes.extend(self.to_le_bytes());
    }

    #[inline(always)]
    fn wide(self) -> f64 {
        self
    }

    #[inline(always)]
    fn nearest(x: f64) -> Self {
        x
    }

    #[inline(always)]
    fn widened<'a>(blocks: &'a [Block<Self>], _: &'a mut [Block<f64>]) -> &'a [Block<f64>] {
        blocks
    }
}

impl Number for f32 {
    const NAME: &'static str = "dense f32";

    #[inline(always)]
    fn from_bytes(bytes: &[u8]) -> Self {
        let (first, _) = bytes.split_first_chunk().expect("the caller has the bytes of a number");
        Self::from_le_bytes(*first)
    }

    fn write(self, bytes: &mut Vec<u8>) {
        bytes.extend(self.to_le_bytes());
    }

    #[inline(always)]
    fn wide(self) -> f64 {
        f64::from(self)
    }

    #[inline(always)]
    fn nearest(x: f64) -> Self {
        x as Self
    }

    #[inline(always)]
    fn widened<'a>(blocks: &'a [Block<Self>], space: &'a mut [Block<f64>]) -> &'a [Block<f64>] {
        let space = &mut space[..blocks.len()];
        for (to, from) in space.iter_mut().zip(blocks) {
            for (to, from) in to.0.iter_mut().zip(&from.0) {
                *to = wide(from);
            }
        }
        space
    }
}

/// A row of a block in f64. (`map` of arrays is not vectorised.)
#[inline(always)]
pub(super) fn wide<T: Number>(row: &[T; LANES]) -> Lanes {
    let mut wide = [0.0; LANES];
    for l in 0..LANES {
        wide[l] = row[l].wide();
    }
    wide
}
