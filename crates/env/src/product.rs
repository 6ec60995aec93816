//! The one product everything costs: `K pi` from the packed strict upper triangle, each unordered pair read once.

/// Number of unordered pairs of `n` actions: the length of a packed triangle.
#[must_use]
pub fn pairs(n: usize) -> usize {
    n * n.saturating_sub(1) / 2
}

/// Where pair `(i, j)`, `i < j < n`, lies in the packed triangle (row-major, strict upper).
#[must_use]
pub fn pair(n: usize, i: usize, j: usize) -> usize {
    debug_assert!(i < j && j < n);
    i * (2 * n - i - 1) / 2 + (j - i - 1)
}

/// `out_i = sum_j K_ij p_j` for the skew matrix with packed strict upper triangle `packed`, `[n (n - 1) / 2]`;
/// `p` and `out` are `[n]`. Flops: `2 n (n - 1)`; bytes read from the matrix: `4 n (n - 1)`.
///
/// The order of the sums depends on `n` only, so the bits do not depend on threads.
pub fn skew_product(packed: &[f64], p: &[f64], out: &mut [f64]) {
    const LANES: usize = 8;
    let n = p.len();
    debug_assert_eq!((packed.len(), out.len()), (pairs(n), n));
    out.fill(0.0);
    let mut rest = packed;
    for i in 0..n.saturating_sub(1) {
        let (row, tail) = rest.split_at(n - 1 - i);
        rest = tail;
        let (pi, later) = (p[i], &p[i + 1..]);
        let (head, out_later) = out.split_at_mut(i + 1);
        // one pass over the row serves both halves: the dot product for i, the update of all j > i
        let mut lanes = [0.0; LANES];
        let mut rows = row.chunks_exact(LANES);
        let mut ps = later.chunks_exact(LANES);
        let mut outs = out_later.chunks_exact_mut(LANES);
        for ((k, q), o) in (&mut rows).zip(&mut ps).zip(&mut outs) {
            for l in 0..LANES {
                lanes[l] += k[l] * q[l];
                o[l] -= k[l] * pi;
            }
        }
        let mut sum = 0.0;
        for ((k, q), o) in rows.remainder().iter().zip(ps.remainder()).zip(outs.into_remainder()) {
            sum += k * q;
            *o -= k * pi;
        }
        head[i] += sum
            + ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5]))
            + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn equals_the_double_loop(n in 1usize..40, seed in any::<u64>()) {
            let value = |k: u64| ((seed ^ k).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 11) as f64 / 2f64.powi(53) - 0.5;
            let packed: Vec<f64> = (0..pairs(n) as u64).map(value).collect();
            let p: Vec<f64> = (0..n as u64).map(|k| value(k + 1_000_000) + 0.5).collect();
            let mut out = vec![f64::NAN; n];
            skew_product(&packed, &p, &mut out);
            for i in 0..n {
                let margin = |j: usize| match i.cmp(&j) {
                    std::cmp::Ordering::Less => packed[pair(n, i, j)],
                    std::cmp::Ordering::Equal => 0.0,
                    std::cmp::Ordering::Greater => -packed[pair(n, j, i)],
                };
                let expect: f64 = (0..n).map(|j| margin(j) * p[j]).sum();
                prop_assert!((out[i] - expect).abs() < 1e-13, "{} {}", out[i], expect);
            }
        }
    }
}
