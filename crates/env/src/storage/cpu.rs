//! The one thing a product needs that safe Rust cannot say: asking for memory ahead of its use. The only `unsafe` of the
//! workspace, one expression.
//!
//! Why it is needed: a packed product reads its matrix as one stream, and computes enough on each cache line that a core
//! does not look far enough ahead by itself; asked 8 KiB ahead it streams at the bandwidth of a plain sum, not at half of
//! it. It changes no value: asking reads nothing.
#![allow(unsafe_code)]

/// Asks for the cache lines of `values[at]`, if there is such an entry; does nothing else, and nothing at all on other
/// instruction sets.
#[inline(always)]
pub(super) fn ask_for<T>(values: &[T], at: usize) {
    const LINE: usize = 64;
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    if let Some(value) = values.get(at) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let start = std::ptr::from_ref(value).cast::<i8>();
        for line in 0..size_of::<T>().div_ceil(LINE) {
            // SAFETY: a prefetch neither reads nor faults, at any address; these lie within `value` (wrapping_add asks
            // for no more). It needs SSE, which every x86-64 has.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(LINE * line)) };
        }
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = (values, at, LINE);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asking_changes_nothing_and_may_ask_beyond_the_end() {
        let values: Vec<[f64; 20]> = (0..9).map(|i| [f64::from(i); 20]).collect();
        let before = values.clone();
        (0..20).for_each(|at| ask_for(&values, at));
        ask_for(&values, usize::MAX);
        ask_for::<u8>(&[], 0);
        ask_for(&[(); 3], 1);
        assert_eq!(values, before);
    }
}
