//! The two things products, duels and features need that safe Rust cannot say: prefetching, and huge pages. The only `unsafe` of the
//! workspace, two expressions.
//!
//! Why they are needed: a packed product reads its matrix as one stream, and computes enough on each cache line that the
//! hardware prefetcher does not run far enough ahead; with a prefetch 8 KiB ahead it streams at the bandwidth of a plain
//! sum, not at half of it. And in pages of 4 KiB every 64th cache line misses the TLB: huge pages spare that, most of all
//! where many products in one pass jump between panels. Neither changes a value: nothing is read or written.
#![allow(unsafe_code)]

/// Prefetches the cache lines of `values[at]`, if there is such an entry; does nothing else, and nothing at all on other
/// instruction sets.
#[inline(always)]
pub fn prefetch<T>(values: &[T], at: usize) {
    prefetch_to::<true, T>(values, at);
}

/// [`prefetch`] into the second-level cache: of more than fits into the first.
#[inline(always)]
pub fn prefetch_second<T>(values: &[T], at: usize) {
    prefetch_to::<false, T>(values, at);
}

#[inline(always)]
fn prefetch_to<const FIRST: bool, T>(values: &[T], at: usize) {
    const LINE: usize = 64;
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    if let Some(value) = values.get(at) {
        use std::arch::x86_64::{_MM_HINT_T0, _MM_HINT_T1, _mm_prefetch};
        let start = std::ptr::from_ref(value).cast::<i8>();
        for line in 0..size_of::<T>().div_ceil(LINE) {
            let line = start.wrapping_add(LINE * line);
            // SAFETY: a prefetch neither reads nor faults, at any address; these lie within `value` (wrapping_add
            // needs no more). It needs SSE, which every x86-64 has.
            unsafe {
                if FIRST {
                    _mm_prefetch::<_MM_HINT_T0>(line);
                } else {
                    _mm_prefetch::<_MM_HINT_T1>(line);
                }
            }
        }
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = (values, at, LINE);
}

/// `count` defaults, in transparent huge pages where the system has them on request (`madvise`, before they are written).
/// For what is read as one stream, again and again: large matrices and features are kept so.
#[must_use]
pub fn alloc_huge_pages<T: Copy + Default>(count: usize) -> Vec<T> {
    let mut values = Vec::with_capacity(count);
    #[cfg(all(target_os = "linux", not(miri)))]
    {
        const HUGE: usize = 2 << 20;
        let spare = values.spare_capacity_mut().as_mut_ptr_range();
        // whole huge pages within the allocation: none in a small one
        let start = spare.start.cast::<u8>();
        let skipped = start.align_offset(HUGE);
        let length = (spare.end.addr() - start.addr()).saturating_sub(skipped) / HUGE * HUGE;
        if length > 0 {
            // SAFETY: advice on how to back memory changes none of its content; the range is page-aligned and lies within
            // the vector's own allocation. Refused advice is no error: the pages are small then.
            unsafe { libc::madvise(start.wrapping_add(skipped).cast(), length, libc::MADV_HUGEPAGE) };
        }
    }
    values.resize(count, T::default());
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn huge_pages_hold_as_many_defaults_as_wanted() {
        for count in [0, 1, 1000, 1 << 18, (1 << 19) + 3, 1 << 20] {
            let values: Vec<u64> = alloc_huge_pages(count);
            assert!(values.len() == count && values.iter().all(|v| *v == 0));
        }
        // numbers without a size
        assert_eq!(alloc_huge_pages::<()>(5).len(), 5);
    }

    #[test]
    fn a_prefetch_changes_nothing_and_may_lie_beyond_the_end() {
        let values: Vec<[f64; 20]> = (0..9).map(|i| [f64::from(i); 20]).collect();
        let before = values.clone();
        (0..20).for_each(|at| prefetch(&values, at));
        prefetch(&values, usize::MAX);
        prefetch::<u8>(&[], 0);
        prefetch(&[(); 3], 1);
        assert_eq!(values, before);
    }
}
