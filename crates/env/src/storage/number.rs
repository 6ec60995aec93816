//! The numbers that dense margins are kept in.

/// How margins are kept: `f64`, or `f32` for half the bytes.
pub trait Number: Copy + Default + PartialEq + std::fmt::Debug + Send + Sync + 'static {
    /// One word for it.
    const NAME: &'static str;
    /// The number as f64, exact.
    fn wide(self) -> f64;
    /// The nearest number of this kind.
    fn nearest(x: f64) -> Self;
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
}
