//! Numbers that the elementary functions compute on: one, or eight at once, operation by operation the same.
//!
//! Every operation is correctly rounded (`mul_add` with one rounding), so a function written over [`Real`] has the same
//! bits for a number alone and in any lane of [`F64x8`], on any machine. F64x8 lanes are one vector, two, four or eight
//! of them, whatever the instruction set has.

#[cfg(target_arch = "x86_64")]
use std::any::Any;
use std::ops::{Add, Div, Mul, Sub};

use pulp::{Simd, bytemuck};

/// Lanes of [`F64x8`]: sums have so many partial sums, whatever the width of the machine's vectors.
pub const LANES: usize = 8;

/// F64x8 numbers on one cache line, where loading them as one vector costs one access, not two.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C, align(64))]
pub struct CacheLine(pub [f64; LANES]);

/// One `f64`, or several.
pub trait Real:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self>
{
    /// `value` in every lane.
    fn splat(self, value: f64) -> Self;
    /// `self factor + addend`, rounded once.
    #[must_use]
    fn mul_add(self, factor: Self, addend: Self) -> Self;
    /// `|self|`.
    fn abs(self) -> Self;
    /// `yes` where `self < bound`, else `no`, also where either is NaN.
    fn select_lt(self, bound: Self, yes: Self, no: Self) -> Self;
    /// `2^k` from `1.5 2^52 + k`, for `-1022 <= k <= 1023`.
    fn power_of_two(self) -> Self;
    /// `(e, m)` with `self = 2^e m` and `m` in `[sqrt 1/2, sqrt 2)`, for normal positive numbers.
    fn exponent_and_significand(self) -> (Self, Self);
}

#[inline(always)]
fn power_bits(bits: u64) -> u64 {
    bits.wrapping_add(1023) << 52
}

#[inline(always)]
fn split_bits(bits: u64) -> (f64, u64) {
    const ROOT_HALF: u64 = 0x3FE6_A09E_667F_3BCD; // bits of sqrt(1/2)
    let exponent = (bits.wrapping_sub(ROOT_HALF) as i64) >> 52;
    (exponent as f64, bits.wrapping_sub((exponent as u64) << 52))
}

impl Real for f64 {
    #[inline(always)]
    fn splat(self, value: f64) -> Self {
        value
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        self.mul_add(factor, addend)
    }

    #[inline(always)]
    fn abs(self) -> Self {
        self.abs()
    }

    #[inline(always)]
    fn select_lt(self, bound: Self, yes: Self, no: Self) -> Self {
        if self < bound { yes } else { no }
    }

    #[inline(always)]
    fn power_of_two(self) -> Self {
        Self::from_bits(power_bits(self.to_bits()))
    }

    #[inline(always)]
    fn exponent_and_significand(self) -> (Self, Self) {
        let (exponent, significand) = split_bits(self.to_bits());
        (exponent, Self::from_bits(significand))
    }
}

/// F64x8 numbers in the first vectors of `parts`; the others, if vectors are wider than one number, are idle.
#[derive(Clone, Copy)]
pub struct F64x8<S: Simd> {
    simd: S,
    parts: [S::f64s; LANES],
}

#[expect(clippy::manual_memcpy, reason = "a copied slice of vectors goes through memory, a vector does not")]
impl<S: Simd> F64x8<S> {
    /// Vectors in use.
    const PARTS: usize = LANES / S::F64_LANES;

    /// `value` in every lane.
    #[inline(always)]
    #[must_use]
    pub fn splat(simd: S, value: f64) -> Self {
        Self { simd, parts: [simd.splat_f64s(value); LANES] }
    }

    /// Those eight.
    #[inline(always)]
    #[must_use]
    pub fn load(simd: S, values: &[f64; LANES]) -> Self {
        let mut loaded = Self::splat(simd, 0.0);
        let (parts, _) = S::as_simd_f64s(values);
        for k in 0..Self::PARTS {
            loaded.parts[k] = parts[k];
        }
        loaded
    }

    /// Writes all eight.
    #[inline(always)]
    pub fn store(self, values: &mut [f64; LANES]) {
        let (parts, _) = S::as_mut_simd_f64s(values);
        for k in 0..Self::PARTS {
            parts[k] = self.parts[k];
        }
    }

    /// The first eight of `values`, or all of them and then `padding`.
    #[inline(always)]
    #[must_use]
    pub fn load_part(simd: S, values: &[f64], padding: f64) -> Self {
        if let Some(whole) = values.first_chunk() {
            return Self::load(simd, whole);
        }
        let mut padded = [padding; LANES];
        // copies of known length: one of unknown length is a call, and what it wrote is slow to read again as a vector
        match values.len() {
            1 => padded[..1].copy_from_slice(values),
            2 => padded[..2].copy_from_slice(values),
            3 => padded[..3].copy_from_slice(values),
            4 => padded[..4].copy_from_slice(values),
            5 => padded[..5].copy_from_slice(values),
            6 => padded[..6].copy_from_slice(values),
            7 => padded[..7].copy_from_slice(values),
            _ => (),
        }
        Self::load(simd, &padded)
    }

    /// The counterpart of [`F64x8::load_part`].
    #[inline(always)]
    pub fn store_part(self, values: &mut [f64]) {
        if let Some(whole) = values.first_chunk_mut() {
            self.store(whole);
            return;
        }
        let all = self.lanes();
        match values.len() {
            1 => values.copy_from_slice(&all[..1]),
            2 => values.copy_from_slice(&all[..2]),
            3 => values.copy_from_slice(&all[..3]),
            4 => values.copy_from_slice(&all[..4]),
            5 => values.copy_from_slice(&all[..5]),
            6 => values.copy_from_slice(&all[..6]),
            7 => values.copy_from_slice(&all[..7]),
            _ => (),
        }
    }

    /// The first `count` of `values`, and zeros: [`F64x8::load_part`] without a copy where `values` goes on.
    #[inline(always)]
    #[must_use]
    pub(crate) fn load_first(simd: S, values: &[f64], count: usize) -> Self {
        let Some(whole) = values.first_chunk() else {
            return Self::load_part(simd, &values[..count], 0.0);
        };
        let (lane, whole) =
            (Self::load(simd, &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]), Self::load(simd, whole));
        lane.select_lt(whole.splat(count as f64), whole, whole.splat(0.0))
    }

    /// All eight.
    #[inline(always)]
    #[must_use]
    pub fn lanes(self) -> [f64; LANES] {
        let numbers: &[f64] = bytemuck::cast_slice(&self.parts);
        *numbers.first_chunk().expect("eight parts are eight numbers or more")
    }

    /// The larger one, lane by lane; `self` where either is NaN.
    #[inline(always)]
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        self.select_lt(other, other, self)
    }

    /// Sum of the lanes, in the one order.
    #[inline(always)]
    #[must_use]
    pub fn sum(self) -> f64 {
        fold(self.lanes())
    }

    /// The largest lane; any, or NaN, if one is NaN.
    #[inline(always)]
    #[must_use]
    pub fn largest(self) -> f64 {
        largest(self.lanes())
    }
}

/// Lane k is the sum of the lanes of the k-th, as [`F64x8::sum`] gives it.
#[inline(always)]
#[must_use]
pub fn sums<S: Simd>(simd: S, rows: [F64x8<S>; LANES]) -> F64x8<S> {
    let mut lanes = [[0.0; LANES]; LANES];
    for k in 0..LANES {
        rows[k].store(&mut lanes[k]);
    }
    fold_columns(simd, &transpose(simd, lanes))
}

/// [`fold`] of eight partial sums in every lane.
#[inline(always)]
#[must_use]
pub(crate) fn fold_columns<S: Simd>(simd: S, parts: &[[f64; LANES]; LANES]) -> F64x8<S> {
    let mut loaded = [F64x8::splat(simd, 0.0); LANES];
    for l in 0..LANES {
        loaded[l] = F64x8::load(simd, &parts[l]);
    }
    fold(loaded)
}

/// `to[l][k] = from[k][l]`.
#[inline(always)]
pub(crate) fn transpose<S: Simd>(simd: S, from: [[f64; LANES]; LANES]) -> [[f64; LANES]; LANES] {
    // left to itself the compiler moves number by number
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = (&simd as &dyn Any).downcast_ref() {
        return transpose_in_registers(*simd, from);
    }
    let _ = simd;
    let mut to = from;
    for l in 0..LANES {
        for k in 0..LANES {
            to[l][k] = from[k][l];
        }
    }
    to
}

/// Neighbouring rows number by number, then a 4 x 4 of pairs by halves and by quarters.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn transpose_in_registers(simd: pulp::x86::V4, rows: [[f64; LANES]; LANES]) -> [[f64; LANES]; LANES] {
    use std::arch::x86_64::__m512d;
    let simd = simd.avx512f;
    let rows: [__m512d; LANES] = bytemuck::cast(rows);
    let mut columns = rows;
    for odd in 0..2 {
        let mut pairs = [rows[0]; 4];
        for k in 0..4 {
            let (a, b) = (rows[2 * k], rows[2 * k + 1]);
            pairs[k] = if odd == 0 { simd._mm512_unpacklo_pd(a, b) } else { simd._mm512_unpackhi_pd(a, b) };
        }
        let low = [0, 2].map(
            #[inline(always)]
            |k| simd._mm512_shuffle_f64x2::<0b01_00_01_00>(pairs[k], pairs[k + 1]),
        );
        let high = [0, 2].map(
            #[inline(always)]
            |k| simd._mm512_shuffle_f64x2::<0b11_10_11_10>(pairs[k], pairs[k + 1]),
        );
        for (first, [a, b]) in [(odd, low), (4 + odd, high)] {
            columns[first] = simd._mm512_shuffle_f64x2::<0b10_00_10_00>(a, b);
            columns[first + 2] = simd._mm512_shuffle_f64x2::<0b11_01_11_01>(a, b);
        }
    }
    bytemuck::cast(columns)
}

/// The larger one; `a` where either is NaN.
#[inline(always)]
pub(crate) fn larger(a: f64, b: f64) -> f64 {
    if b > a { b } else { a }
}

/// The largest of eight, halves against halves: the compiler turns a chain of eight into branches.
#[inline(always)]
pub(crate) fn largest(lanes: [f64; LANES]) -> f64 {
    let mut four = [0.0; 4];
    for l in 0..4 {
        four[l] = larger(lanes[l], lanes[l + 4]);
    }
    larger(larger(four[0], four[2]), larger(four[1], four[3]))
}

/// Folds eight partial sums in the one order.
#[inline(always)]
#[must_use]
pub fn fold<T: Copy + Add<Output = T>>(lanes: [T; LANES]) -> T {
    ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]))
}

/// Arithmetic of [`F64x8`], vector by vector. (Loops, not closures: a closure is compiled without the instruction set.)
macro_rules! arithmetic {
    ($($operator:ident $name:ident $of_vectors:ident),*) => {$(
        impl<S: Simd> $operator for F64x8<S> {
            type Output = Self;

            #[inline(always)]
            fn $name(mut self, other: Self) -> Self {
                for k in 0..Self::PARTS {
                    self.parts[k] = self.simd.$of_vectors(self.parts[k], other.parts[k]);
                }
                self
            }
        }
    )*};
}
arithmetic!(Add add add_f64s, Sub sub sub_f64s, Mul mul mul_f64s, Div div div_f64s);

impl<S: Simd> Real for F64x8<S> {
    #[inline(always)]
    fn splat(self, value: f64) -> Self {
        Self::splat(self.simd, value)
    }

    #[inline(always)]
    fn mul_add(mut self, factor: Self, addend: Self) -> Self {
        for k in 0..Self::PARTS {
            self.parts[k] = self.simd.mul_add_f64s(self.parts[k], factor.parts[k], addend.parts[k]);
        }
        self
    }

    #[inline(always)]
    fn abs(mut self) -> Self {
        for k in 0..Self::PARTS {
            self.parts[k] = self.simd.abs_f64s(self.parts[k]);
        }
        self
    }

    #[inline(always)]
    fn select_lt(mut self, bound: Self, yes: Self, no: Self) -> Self {
        for k in 0..Self::PARTS {
            let less = self.simd.less_than_f64s(self.parts[k], bound.parts[k]);
            self.parts[k] = self.simd.select_f64s(less, yes.parts[k], no.parts[k]);
        }
        self
    }

    #[inline(always)]
    fn power_of_two(mut self) -> Self {
        for k in 0..Self::PARTS {
            let numbers: &mut [u64] = bytemuck::cast_slice_mut(std::slice::from_mut(&mut self.parts[k]));
            for l in 0..S::F64_LANES {
                numbers[l] = power_bits(numbers[l]);
            }
        }
        self
    }

    #[inline(always)]
    fn exponent_and_significand(mut self) -> (Self, Self) {
        let mut exponents = self;
        for k in 0..Self::PARTS {
            let numbers: &mut [u64] = bytemuck::cast_slice_mut(std::slice::from_mut(&mut self.parts[k]));
            let e: &mut [f64] = bytemuck::cast_slice_mut(std::slice::from_mut(&mut exponents.parts[k]));
            for l in 0..S::F64_LANES {
                (e[l], numbers[l]) = split_bits(numbers[l]);
            }
        }
        (exponents, self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use pulp::{Scalar, WithSimd};

    /// Every operation on eight numbers against the same on each.
    struct Operations([f64; LANES], [f64; LANES], [f64; LANES]);

    impl WithSimd for Operations {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let Self(a, b, c) = self;
            let wide = [a, b, c].map(|v| F64x8::load(simd, &v));
            let same = |wide: F64x8<S>, one: &dyn Fn(usize) -> f64| {
                for (l, w) in wide.lanes().into_iter().enumerate() {
                    assert!(
                        w.to_bits() == one(l).to_bits() || w.is_nan() && one(l).is_nan(),
                        "{w} {}",
                        one(l)
                    );
                }
            };
            same(wide[0] + wide[1], &|l| a[l] + b[l]);
            same(wide[0] - wide[1], &|l| a[l] - b[l]);
            same(wide[0] * wide[1], &|l| a[l] * b[l]);
            same(wide[0] / wide[1], &|l| a[l] / b[l]);
            same(wide[0].mul_add(wide[1], wide[2]), &|l| a[l].mul_add(b[l], c[l]));
            same(wide[0].abs(), &|l| a[l].abs());
            same(wide[0].select_lt(wide[1], wide[2], wide[0]), &|l| a[l].select_lt(b[l], c[l], a[l]));
            same(wide[0].max(wide[1]), &|l| larger(a[l], b[l]));
            let (exponents, significands) = wide[0].abs().exponent_and_significand();
            same(exponents, &|l| a[l].abs().exponent_and_significand().0);
            same(significands, &|l| a[l].abs().exponent_and_significand().1);
            assert_eq!(wide[0].sum().to_bits(), fold(a).to_bits());
            assert_eq!(wide[0].largest(), a.into_iter().fold(f64::NEG_INFINITY, f64::max));
            let rows = [a, b, c, a, c, b, b, a];
            let of_rows = rows.map(|row| F64x8::load(simd, &row));
            same(sums(simd, of_rows), &|l| fold(rows[l]));
            let columns = transpose(simd, rows);
            assert!((0..64).all(|k| columns[k / 8][k % 8].to_bits() == rows[k % 8][k / 8].to_bits()));
            for n in 0..=LANES {
                for values in [&a[..], &a[..n]] {
                    same(F64x8::load_first(simd, values, n), &|l| if l < n { a[l] } else { 0.0 });
                }
                let part = F64x8::load_part(simd, &a[..n], 7.0);
                same(part, &|l| if l < n { a[l] } else { 7.0 });
                let mut stored = [3.0; LANES];
                part.store_part(&mut stored[..n]);
                assert!((0..LANES).all(|l| stored[l] == if l < n { a[l] } else { 3.0 }));
            }
            let shifted: [f64; LANES] = std::array::from_fn(|l| 1.5 * 2f64.powi(52) + (100.0 * a[l]).round());
            same(F64x8::load(simd, &shifted).power_of_two(), &|l| 2f64.powi((100.0 * a[l]).round() as i32));
        }
    }

    proptest! {
        #[test]
        fn eight_numbers_compute_as_each_alone(
            a in prop::array::uniform8(-10.0..10.0f64),
            b in prop::array::uniform8(-1e3..1e3f64),
            c in prop::array::uniform8(-1e-3..1e3f64),
        ) {
            pulp::Arch::new().dispatch(Operations(a, b, c));
            Scalar.vectorize(Operations(a, b, c));
        }
    }
}
