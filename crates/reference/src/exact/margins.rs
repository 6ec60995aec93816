//! Margins as fractions.

use equipoise_env::PreferenceMatrix;
use ndarray::ArrayView2;
use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::One;

/// Decimals of a probability that are read as its exact value.
const DECIMALS: usize = 15;
/// Decimals of a probability that somebody wrote down.
const SHORT_DECIMALS: u32 = 12;
/// Binary places of a margin: twice the denominator of a win rate is still an `i128`.
const MOST_PLACES: i32 = 124;
/// Decimals of a count.
const COUNT_PLACES: usize = 9;

/// Margins as fractions.
#[derive(Clone, Debug, PartialEq)]
pub struct RationalMargins {
    n: usize,
    /// Numerator and positive denominator of `K_ij`, `i < j`, row-major.
    packed: Vec<(i128, i128)>,
}

impl RationalMargins {
    /// The margins `K_ij = margin(i, j)` for `i < j`, numerator and denominator. `None` without an action, where `margin` is
    /// `None`, a denominator is not positive, or a margin is not in `[-1/2, 1/2]`.
    #[must_use]
    pub fn new(n: usize, margin: impl Fn(usize, usize) -> Option<(i128, i128)>) -> Option<Self> {
        let read = |(i, j): (usize, usize)| {
            let (a, b) = margin(i, j)?;
            (b > 0 && a.unsigned_abs() <= b.unsigned_abs() / 2).then(|| reduced(a, b))
        };
        let packed = pairs(n).map(read).collect::<Option<_>>()?;
        (n > 0).then_some(Self { n, packed })
    }

    /// Reads each win rate as the decimal number of up to fifteen places that it was written as. A matrix computed in
    /// floating point is thereby rounded to fifteen places, and a proof is one for the rounded matrix.
    ///
    /// # Panics
    /// Never: a probability has at most sixteen digits.
    #[must_use]
    pub fn from_decimals(matrix: &PreferenceMatrix) -> Self {
        let n = matrix.n();
        let unit = 10i128.pow(DECIMALS as u32);
        let read = |i: usize, j: usize| {
            // the larger of P_ij and P_ji is what 1/2 plus a margin gives without rounding
            let (sign, p) = match matrix.margin(i, j) {
                m if m < 0.0 => (-1, matrix.prob(j, i)),
                _ => (1, matrix.prob(i, j)),
            };
            let digits: String = format!("{p:.DECIMALS$}").chars().filter(|c| *c != '.').collect();
            let p: i128 = digits.parse().expect("a decimal number is digits and a point");
            reduced(sign * (2 * p - unit), 2 * unit)
        };
        Self { n, packed: pairs(n).map(|(i, j)| read(i, j)).collect() }
    }

    /// The win rates as decimal numbers of up to twelve places, if each is the double nearest to one, or next to it: numbers that
    /// were not written as such are so by chance with probability 1e-4 a pair.
    #[must_use]
    pub fn from_short_decimals(matrix: &PreferenceMatrix) -> Option<Self> {
        let unit = 10i128.pow(SHORT_DECIMALS);
        let read = |margin: f64| {
            let twice = (2.0 * margin * unit as f64).round();
            let near = (twice / (2.0 * unit as f64) - margin).abs() <= 0.5 * f64::EPSILON;
            near.then(|| reduced(twice as i128, 2 * unit))
        };
        let packed = matrix.pair_margins().map(read).collect::<Option<_>>()?;
        Some(Self { n: matrix.n(), packed })
    }

    /// The margins as the numbers that the doubles are: a whole number over a power of two each. `None` if one of them needs a
    /// denominator beyond 2^124, as margins below 2^-72 may.
    #[must_use]
    pub fn from_doubles(matrix: &PreferenceMatrix) -> Option<Self> {
        let packed = matrix.pair_margins().map(dyadic).collect::<Option<_>>()?;
        Some(Self { n: matrix.n(), packed })
    }

    /// From counted comparisons: `K_ij = (wins_ij - wins_ji) / (2 (wins_ij + wins_ji + ties_ij))`, 0 for a pair that
    /// never met. Both `[n x n]`. Weights that are no whole numbers are read as the decimals of up to nine places that they
    /// were written as. `None` if a count has more, or is too large (2^50, decimals left out), or an array is not square.
    #[must_use]
    pub fn from_counts(wins: ArrayView2<'_, f64>, ties: ArrayView2<'_, f64>) -> Option<Self> {
        let n = wins.nrows();
        let places = wins.iter().chain(ties).map(|&v| places(v)).max().unwrap_or(0);
        let unit = 10f64.powi(i32::try_from(places).ok()?);
        let whole = |v: f64| {
            let v = (v * unit).round();
            (v >= 0.0 && v < (1u64 << 50) as f64).then_some(v as i128)
        };
        if places > COUNT_PLACES || n == 0 || wins.dim() != (n, n) || ties.dim() != (n, n) {
            return None;
        }
        let read = |(i, j): (usize, usize)| {
            let (a, b, t) = (whole(wins[[i, j]])?, whole(wins[[j, i]])?, whole(ties[[i, j]])?);
            Some(if a + b + t == 0 { (0, 1) } else { reduced(a - b, 2 * (a + b + t)) })
        };
        pairs(n).map(read).collect::<Option<_>>().map(|packed| Self { n, packed })
    }

    /// Number of actions.
    #[must_use]
    pub fn n(&self) -> usize {
        self.n
    }

    /// `K_ij` as numerator and positive denominator.
    #[must_use]
    pub fn margin(&self, i: usize, j: usize) -> (i128, i128) {
        let at = |i: usize, j: usize| self.packed[i * (2 * self.n - i - 1) / 2 + j - i - 1];
        match i.cmp(&j) {
            std::cmp::Ordering::Less => at(i, j),
            std::cmp::Ordering::Equal => (0, 1),
            std::cmp::Ordering::Greater => (-at(j, i).0, at(j, i).1),
        }
    }

    /// The nearest floating-point matrix.
    ///
    /// # Panics
    /// Never: the margins are those of probabilities.
    #[must_use]
    pub fn to_matrix(&self) -> PreferenceMatrix {
        let value = |i: usize, j: usize| {
            let (a, b) = self.margin(i, j);
            a as f64 / b as f64
        };
        PreferenceMatrix::from_margins(self.n, value).expect("margins of probabilities")
    }

    /// The least common multiple `L` of the denominators of row `i`, and `L K_ij`.
    pub(super) fn whole_row(&self, i: usize) -> (BigInt, Vec<BigInt>) {
        let common = (0..self.n).fold(BigInt::one(), |l, j| l.lcm(&BigInt::from(self.margin(i, j).1)));
        let whole = |j: usize| {
            let (a, b) = self.margin(i, j);
            BigInt::from(a) * (&common / BigInt::from(b))
        };
        let row = (0..self.n).map(whole).collect();
        (common, row)
    }
}

/// `v` as a reduced fraction, `|v| <= 1`; `None` below what 124 binary places hold.
fn dyadic(v: f64) -> Option<(i128, i128)> {
    if v == 0.0 {
        return Some((0, 1));
    }
    let bits = v.to_bits();
    let (exponent, fraction) = ((bits >> 52 & 0x7FF) as i32, bits & ((1 << 52) - 1));
    // v = whole 2^-places
    let (whole, places) =
        if exponent == 0 { (fraction, 1074) } else { (fraction | 1 << 52, 1075 - exponent) };
    let even = whole.trailing_zeros() as i32;
    let (whole, places) = (i128::from(whole >> even), places - even);
    let signed = if v < 0.0 { -whole } else { whole };
    match places {
        ..=0 => Some((signed << -places, 1)),
        1..=MOST_PLACES => Some((signed, 1 << places)),
        _ => None,
    }
}

/// Decimals of the shortest number that reads as `v`.
fn places(v: f64) -> usize {
    let text = v.to_string();
    text.split_once('.').map_or(0, |(_, decimals)| decimals.len())
}

fn pairs(n: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..n).flat_map(move |i| (i + 1..n).map(move |j| (i, j)))
}

fn reduced(a: i128, b: i128) -> (i128, i128) {
    let common = a.gcd(&b).max(1);
    (a / common, b / common)
}
