//! One-dimensional arrays as slices: what kernels read and write.

use ndarray::Array1;

/// The numbers of a vector, one behind the other.
///
/// A vector over a shape is made by `zeros`, `from` or `collect` and is contiguous. Only one that was sliced with a step or
/// inverted in place has strides; [`contiguous`] copies it.
pub trait Flat {
    /// The numbers, in order.
    ///
    /// # Panics
    /// If the array has strides.
    fn flat(&self) -> &[f64];

    /// The numbers, in order, to be written.
    ///
    /// # Panics
    /// If the array has strides.
    fn flat_mut(&mut self) -> &mut [f64];
}

const CONTIGUOUS: &str = "a vector over a shape is contiguous";

impl Flat for Array1<f64> {
    #[inline]
    fn flat(&self) -> &[f64] {
        self.as_slice().expect(CONTIGUOUS)
    }

    #[inline]
    fn flat_mut(&mut self) -> &mut [f64] {
        self.as_slice_mut().expect(CONTIGUOUS)
    }
}

/// The same numbers without strides; copied only if there are any.
#[must_use]
pub fn contiguous(values: Array1<f64>) -> Array1<f64> {
    if values.is_standard_layout() { values } else { values.iter().copied().collect() }
}
