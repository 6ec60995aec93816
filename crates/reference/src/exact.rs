//! Maximal lotteries in rational arithmetic: a proof, where the margins are known as fractions.
//!
//! The `f64` answer only says which actions to look at: its support `S` and its best responses `T`. The policy is then
//! the kernel of the integer matrix `K_TS` (rows scaled by their common denominators), by fraction-free elimination
//! (Bareiss 1968, Math. Comp. 22), and
//!
//! ```text
//! p > 0 on S,   (K p)_i <= 0 for every action i        prove p an equilibrium,
//! (K p)_i < 0 off S and dim ker K_SS = 1               prove it the only one (see the module of the lottery)
//! ```
//!
//! each decided on integers, so nothing the `f64` solver did needs to be believed.
//!
//! Cost: `O(|S|^3)` products of numbers of up to `|S|` times the digits of the margins. Meant for up to
//! [`LARGEST_PROOF`] actions.

use equipoise_env::PreferenceMatrix;
use ndarray::ArrayView2;
use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{One, Signed, ToPrimitive, Zero};

use crate::error::ReferenceError;
use crate::lottery::{Selection, select_lottery};

/// Largest number of actions for which a proof is attempted.
pub const LARGEST_PROOF: usize = 60;

/// Decimals of a probability that are read as its exact value.
const DECIMALS: usize = 15;
/// Decimals of a count.
const COUNT_PLACES: usize = 9;

/// Margins as fractions.
#[derive(Clone, Debug, PartialEq)]
pub struct RationalMargins {
    n: usize,
    /// Numerator and positive denominator of `K_ij`, `i < j`, row-major.
    packed: Vec<(i64, i64)>,
}

impl RationalMargins {
    /// Reads each win rate as the decimal number of up to fifteen places that it was written as. A matrix computed in
    /// floating point is thereby rounded to fifteen places, and a proof is one for the rounded matrix.
    ///
    /// # Panics
    /// Never: a probability has at most sixteen digits.
    #[must_use]
    pub fn from_decimals(matrix: &PreferenceMatrix) -> Self {
        let n = matrix.n();
        let unit = 10i64.pow(DECIMALS as u32);
        let read = |i: usize, j: usize| {
            // the larger of P_ij and P_ji is what 1/2 plus a margin gives without rounding
            let (sign, p) = match matrix.margin(i, j) {
                m if m < 0.0 => (-1, matrix.prob(j, i)),
                _ => (1, matrix.prob(i, j)),
            };
            let digits: String = format!("{p:.DECIMALS$}").chars().filter(|c| *c != '.').collect();
            let p: i64 = digits.parse().expect("a decimal number is digits and a point");
            reduced(sign * (2 * p - unit), 2 * unit)
        };
        Self { n, packed: pairs(n).map(|(i, j)| read(i, j)).collect() }
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
            (v >= 0.0 && v < (1u64 << 50) as f64).then_some(v as i64)
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
    pub fn margin(&self, i: usize, j: usize) -> (i64, i64) {
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

    /// Row `i` times the least common multiple of its denominators.
    fn whole_row(&self, i: usize) -> Vec<BigInt> {
        let common = (0..self.n).fold(BigInt::one(), |l, j| l.lcm(&BigInt::from(self.margin(i, j).1)));
        (0..self.n)
            .map(|j| {
                let (a, b) = self.margin(i, j);
                BigInt::from(a) * (&common / BigInt::from(b))
            })
            .collect()
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

fn reduced(a: i64, b: i64) -> (i64, i64) {
    let common = a.gcd(&b).max(1);
    (a / common, b / common)
}

/// An equilibrium proved in rational arithmetic.
#[derive(Clone, Debug, PartialEq)]
pub struct ExactLottery {
    /// Coprime, not negative.
    weights: Vec<BigInt>,
    total: BigInt,
    /// Whether it is proved to be the only one, or proved not to be.
    pub unique: bool,
}

impl ExactLottery {
    /// Probability of action `i` as a reduced fraction, `a/b`.
    #[must_use]
    pub fn fraction(&self, i: usize) -> String {
        let common = self.weights[i].gcd(&self.total);
        format!("{}/{}", &self.weights[i] / &common, &self.total / &common)
    }

    /// Probabilities, each rounded once, `[n]`.
    #[must_use]
    pub fn to_f64(&self) -> Vec<f64> {
        // 80 bits of each quotient, then one rounding
        let shift = 80;
        self.weights
            .iter()
            .map(|w| {
                let lead = (self.total.bits() as i64 - w.bits() as i64).max(0) as u64 + shift;
                let quotient: BigInt = (w << lead) / &self.total;
                // in two halves: the exponent may be below what one power of two can hold
                let half = (lead / 2) as i32;
                quotient.to_f64().unwrap_or(0.0) * 2f64.powi(-half) * 2f64.powi(half - lead as i32)
            })
            .collect()
    }
}

/// An equilibrium (a vertex, if there are several) with its proof; `None` if the game has more than [`LARGEST_PROOF`]
/// actions, or rounding hides from the floating-point answer which actions a vertex plays.
///
/// # Errors
/// [`ReferenceError::Inexact`] if there is no floating-point answer.
pub fn exact_lottery(game: &RationalMargins) -> Result<Option<ExactLottery>, ReferenceError> {
    if game.n > LARGEST_PROOF {
        return Ok(None);
    }
    let rounded = select_lottery(&game.to_matrix(), Selection::Vertex)?;
    let rows: Vec<Vec<BigInt>> = (0..game.n).map(|i| game.whole_row(i)).collect();
    let proved = prove(&rows, &rounded.support, &rounded.support)
        .or_else(|| prove(&rows, &rounded.best_responses, &rounded.support));
    Ok(proved)
}

/// The equilibrium that plays `support` and holds `level` level, if it is one and the only one to do so.
fn prove(rows: &[Vec<BigInt>], level: &[usize], support: &[usize]) -> Option<ExactLottery> {
    let block = |rows_of: &[usize]| -> Vec<Vec<BigInt>> {
        rows_of.iter().map(|&i| support.iter().map(|&j| rows[i][j].clone()).collect()).collect()
    };
    let mut kernel = kernel_vector(block(level), support.len())?;
    if kernel.iter().any(Signed::is_negative) {
        kernel.iter_mut().for_each(|v| *v = -&*v);
    }
    if kernel.iter().any(|v| !v.is_positive()) {
        return None;
    }
    let common = kernel.iter().fold(BigInt::zero(), |g, v| g.gcd(v));
    let mut weights = vec![BigInt::zero(); rows.len()];
    support.iter().zip(kernel).for_each(|(&i, v)| weights[i] = v / &common);
    let mut strict = true;
    for (i, row) in rows.iter().enumerate() {
        let margin: BigInt = support.iter().map(|&j| &row[j] * &weights[j]).sum();
        if margin.is_positive() {
            return None;
        }
        strict &= support.contains(&i) || margin.is_negative();
    }
    let unique = strict && (level == support || kernel_vector(block(support), support.len()).is_some());
    let total = weights.iter().sum();
    Some(ExactLottery { weights, total, unique })
}

/// The kernel vector of an integer matrix with `columns` columns; `None` if the kernel has not dimension one.
fn kernel_vector(mut a: Vec<Vec<BigInt>>, columns: usize) -> Option<Vec<BigInt>> {
    // elimination with the free column moved to the end
    let mut order: Vec<usize> = (0..columns).collect();
    let mut last = BigInt::one();
    let mut rank = 0;
    let mut end = columns;
    while rank < end {
        let pivot = (rank..a.len()).filter(|&i| !a[i][rank].is_zero()).min_by_key(|&i| a[i][rank].bits());
        let Some(pivot) = pivot else {
            end -= 1;
            order.swap(rank, end);
            a.iter_mut().for_each(|row| row.swap(rank, end));
            if columns - end > 1 {
                return None;
            }
            continue;
        };
        a.swap(rank, pivot);
        let (above, below) = a.split_at_mut(rank + 1);
        let head = &above[rank];
        for row in below {
            let factor = row[rank].clone();
            for j in rank + 1..columns {
                let value = &head[rank] * &row[j] - &factor * &head[j];
                row[j] = value / &last; // exact: an entry is a minor
            }
            row[rank] = BigInt::zero();
        }
        last = a[rank][rank].clone();
        rank += 1;
    }
    if rank + 1 != columns {
        return None;
    }
    // Cramer: with the last pivot for the free variable all others are whole
    let mut x = vec![BigInt::zero(); columns];
    x[rank] = last;
    for k in (0..rank).rev() {
        let sum: BigInt = (k + 1..columns).map(|j| &a[k][j] * &x[j]).sum();
        x[k] = -sum / &a[k][k];
    }
    let mut kernel = vec![BigInt::zero(); columns];
    order.iter().zip(x).for_each(|(&place, v)| kernel[place] = v);
    Some(kernel)
}
