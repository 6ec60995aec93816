//! Packed storage: the product of many small contexts from their triangles, of games too large for `padded.rs`.
//!
//! The triangles of all contexts lie behind each other and are read once, in blocks of contexts that run in parallel; a
//! context's bits depend on nothing but itself. Up to [`UNROLLED`] actions the double loop over the pairs is unrolled,
//! so that the policy and the result stay in registers:
//!
//! ```text
//! for i < j:   (K p)_i += K_ij p_j,   (K p)_j -= K_ij p_i
//! ```
//!
//! Cost: `4 n (n - 1)` bytes of margins a context, which is what a large batch is bound by.

use equipoise_core::blocks::{self, BLOCK, Block};
use equipoise_core::vector::dispatch_narrow;

use crate::product::{pairs, stream_product};

/// Contexts up to this many actions have an unrolled kernel of their own.
const UNROLLED: usize = 12;
/// Margins of a block of contexts, at most, unless a single context has more: 512 KiB, so that a few contexts of hundreds of
/// actions are shared out as many of a few are.
const MARGINS: usize = 1 << 16;

/// `K p` in every context, flat; `offsets` are the shape's, `starts[x]` is where the triangle of context x begins in
/// `packed`.
pub(crate) fn products(offsets: &[usize], starts: &[usize], packed: &[f64], p: &[f64], out: &mut [f64]) {
    let large = |block: &Block<'_>| {
        let end = starts.get(block.first + block.contexts()).copied().unwrap_or(packed.len());
        block.entries().len() > BLOCK || end - starts[block.first] > MARGINS
    };
    let work = |block: Block<'_>, out: &mut [f64]| {
        let (packed, p) = (&packed[starts[block.first]..], &p[block.entries()]);
        dispatch_narrow(
            #[inline(always)]
            || block_products(block, packed, p, out),
        );
    };
    blocks::par_blocks_while(offsets, out, large, work, |(), ()| ());
}

#[inline(always)]
fn block_products(block: Block<'_>, packed: &[f64], p: &[f64], out: &mut [f64]) {
    let mut rest = packed;
    for row in block.rows() {
        let stream = rest;
        let (packed, tail) = stream.split_at(pairs(row.len()));
        rest = tail;
        let (p, out) = (&p[row.clone()], &mut out[row]);
        match p.len() {
            1 => out[0] = 0.0,
            2 => unrolled::<2>(packed, p, out),
            3 => unrolled::<3>(packed, p, out),
            4 => unrolled::<4>(packed, p, out),
            5 => unrolled::<5>(packed, p, out),
            6 => unrolled::<6>(packed, p, out),
            7 => unrolled::<7>(packed, p, out),
            8 => unrolled::<8>(packed, p, out),
            9 => unrolled::<9>(packed, p, out),
            10 => unrolled::<10>(packed, p, out),
            11 => unrolled::<11>(packed, p, out),
            UNROLLED => unrolled::<UNROLLED>(packed, p, out),
            _ => stream_product(stream, p, out),
        }
    }
}

#[inline(always)]
fn unrolled<const N: usize>(triangle: &[f64], p: &[f64], out: &mut [f64]) {
    let p = <&[f64; N]>::try_from(p).expect("N actions");
    let triangle = &triangle[..N * (N - 1) / 2];
    let (mut sums, mut k) = ([0.0; N], 0);
    for i in 0..N {
        for j in i + 1..N {
            sums[i] += triangle[k] * p[j];
            sums[j] -= triangle[k] * p[i];
            k += 1;
        }
    }
    out.copy_from_slice(&sums);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::tests::{case, double_loop};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn triangles_equal_the_double_loop(sizes in prop::collection::vec(1usize..40, 1..30), seed in any::<u64>()) {
            let cases: Vec<_> = sizes.iter().enumerate().map(|(x, &n)| case(n, seed ^ x as u64)).collect();
            let running = |lengths: Vec<usize>| -> Vec<usize> {
                std::iter::once(0).chain(lengths.iter().scan(0, |end, n| { *end += n; Some(*end) })).collect()
            };
            let offsets = running(sizes.clone());
            let starts = running(sizes.iter().map(|&n| pairs(n)).collect());
            let packed: Vec<f64> = cases.iter().flat_map(|c| c.0.clone()).collect();
            let p: Vec<f64> = cases.iter().flat_map(|c| c.1.clone()).collect();
            let mut out = vec![f64::NAN; p.len()];
            products(&offsets, &starts, &packed, &p, &mut out);
            let expect: Vec<f64> = cases.iter().flat_map(|(k, p)| double_loop(k, p)).collect();
            for (a, b) in out.iter().zip(expect) {
                prop_assert!((a - b).abs() < 1e-13, "{} {}", a, b);
            }
        }
    }

    #[test]
    fn threads_do_not_change_a_bit() {
        let sizes: Vec<usize> = (0..12_000).map(|x| 1 + x % 14).collect();
        let mut offsets = vec![0];
        let mut starts = vec![0];
        for n in &sizes {
            offsets.push(offsets[offsets.len() - 1] + n);
            starts.push(starts[starts.len() - 1] + pairs(*n));
        }
        let packed: Vec<f64> = (0..starts[sizes.len()]).map(|k| (k as f64).sin() / 2.0).collect();
        let p: Vec<f64> = (0..offsets[sizes.len()]).map(|k| (k as f64).cos().abs()).collect();
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut out = vec![f64::NAN; p.len()];
            pool.install(|| products(&offsets, &starts, &packed, &p, &mut out));
            out
        };
        let one = with(1);
        assert!([2, 5].iter().all(|&t| with(t).iter().zip(&one).all(|(a, b)| a.to_bits() == b.to_bits())));
    }
}
