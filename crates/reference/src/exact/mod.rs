//! Equilibria in rational arithmetic: proofs, where the margins are known as fractions.
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
//! each decided on integers, so nothing the `f64` solver did needs to be believed. Where it does not prove the only
//! equilibrium, the simplex method in whole numbers (`dictionary`) finds a point `x` of their set with
//!
//! ```text
//! x > 0 on B,   (K x)_i < 0 off B                      so B is the union of all supports,
//! {equilibria} = {p >= 0 : p = 0 off B, K_BB p = 0, 1'p = 1, K p <= 0},  of dimension dim ker K_BB - 1
//! ```
//!
//! (such a point exists: Goldman and Tucker 1956), and the least and the largest probability of each action over the set.
//!
//! Cost: `O(|S|^3)` products of numbers of up to `|S|` times the digits of the margins for the only equilibrium, about
//! `2 n^3` for several, `O(n^2)` more a pivot for each end of a range. Meant for up to [`LARGEST_PROOF`] actions.

mod dictionary;
mod margins;
mod vertices;

use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{One, Signed, ToPrimitive, Zero};

use crate::error::ReferenceError;
use crate::face::Face;
use crate::lottery::{Equilibrium, Method, Selected, Selection, describe, normalised, rounding};
use crate::margins::Margins;
use crate::select::select_lottery;
use dictionary::{Dictionary, End};
pub use margins::RationalMargins;
pub use vertices::equilibrium_vertices;

/// Largest number of actions for which a proof is attempted.
pub const LARGEST_PROOF: usize = 60;

/// A policy in fractions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RationalPolicy {
    /// Coprime, not negative, `[n]`.
    weights: Vec<BigInt>,
    total: BigInt,
}

impl RationalPolicy {
    /// From weights with a common denominator; not negative, not all 0.
    fn new(mut weights: Vec<BigInt>) -> Self {
        let common = weights.iter().fold(BigInt::zero(), |g, v| g.gcd(v));
        weights.iter_mut().for_each(|w| *w /= &common);
        let total = weights.iter().sum();
        Self { weights, total }
    }

    /// The mean of some policies, at least one.
    fn mean(of: &[Self]) -> Self {
        let common = of.iter().fold(BigInt::one(), |l, p| l.lcm(&p.total));
        let sum = |i: usize| of.iter().map(|p| &p.weights[i] * (&common / &p.total)).sum();
        Self::new((0..of[0].weights.len()).map(sum).collect())
    }

    /// Probability of action `i` as a reduced fraction, `a/b`.
    #[must_use]
    pub fn fraction(&self, i: usize) -> String {
        fraction(&self.weights[i], &self.total)
    }

    /// Probability of action `i`, rounded once.
    #[must_use]
    pub fn prob(&self, i: usize) -> f64 {
        rounded(&self.weights[i], &self.total)
    }

    /// Probabilities, each rounded once, `[n]`.
    #[must_use]
    pub fn to_f64(&self) -> Vec<f64> {
        (0..self.weights.len()).map(|i| self.prob(i)).collect()
    }

    /// Actions of positive probability, ascending.
    pub(crate) fn support(&self) -> Vec<usize> {
        (0..self.weights.len()).filter(|&i| self.weights[i].is_positive()).collect()
    }
}

/// `a / b` as a reduced fraction; `b > 0`.
fn fraction(a: &BigInt, b: &BigInt) -> String {
    let common = a.gcd(b);
    format!("{}/{}", a / &common, b / &common)
}

/// `a / b`, rounded to the nearest double, ties to even; `b > 0`. Below 1e-290 to two ulp.
fn rounded(a: &BigInt, b: &BigInt) -> f64 {
    // at least 80 bits of the quotient; an inexact one gets an odd last bit, so that no tie is made up
    let lead = (b.bits() as i64 - a.bits() as i64).max(0) as u64 + 80;
    let (quotient, rest) = (a.magnitude() << lead).div_rem(b.magnitude());
    let quotient = if rest.is_zero() { quotient } else { (quotient << 1u32) | num_bigint::BigUint::one() };
    let lead = if rest.is_zero() { lead } else { lead + 1 };
    // in two halves: the exponent may be below what one power of two can hold
    let half = (lead / 2) as i32;
    let size = quotient.to_f64().unwrap_or(0.0) * 2f64.powi(-half) * 2f64.powi(half - lead as i32);
    if a.is_negative() { -size } else { size }
}

impl RationalMargins {
    /// `2 max_i (K p)_i` of floating-point weights `p`, `[n]`, not negative, divided by their sum: exact but for one rounding.
    ///
    /// # Panics
    /// If the sum is not positive.
    #[must_use]
    pub fn duality_gap(&self, p: &[f64]) -> f64 {
        let weights: Vec<BigInt> = p.iter().map(|p| whole_double(*p)).collect();
        let total: BigInt = weights.iter().sum();
        assert!(total.is_positive(), "weights of a policy");
        let gain = |i: usize| {
            let (scale, row) = self.whole_row(i);
            2.0 * rounded(&advantage(&row, &weights), &(scale * &total))
        };
        (0..self.n()).map(gain).fold(f64::NEG_INFINITY, f64::max)
    }
}

/// `2^1074 v`, a whole number; `v` is finite and at least 0.
fn whole_double(v: f64) -> BigInt {
    let bits = v.to_bits();
    match bits >> 52 {
        0 => BigInt::from(bits),
        e => BigInt::from((bits & ((1 << 52) - 1)) | (1 << 52)) << (e - 1),
    }
}

/// All equilibria of a game, proved.
#[derive(Clone, Debug)]
pub struct ExactEquilibria {
    /// One of them: the only one, or a vertex of their set.
    pub vertex: RationalPolicy,
    /// Whether it is the only one.
    pub unique: bool,
    /// Dimension of their set, 0 if it is the only one.
    pub dimension: usize,
    /// One that plays every action that any equilibrium plays, and holds every other below 1/2.
    pub inside: RationalPolicy,
    /// The range of each action's probability, `[n]`; `None` where ranges were not asked for.
    pub ranges: Option<Vec<ExactRange>>,
    /// Integer vectors that span the kernel of `K_BB`, in the order of the actions that `inside` plays.
    kernel: Vec<Vec<BigInt>>,
}

/// The least and the largest probability of an action over all equilibria, proved.
#[derive(Clone, Debug, PartialEq)]
pub struct ExactRange {
    /// Its least probability.
    pub least: ExactEnd,
    /// Its largest.
    pub largest: ExactEnd,
}

/// One end of a range: `p_i` is this value at `at`, and, with the multipliers `y >= 0`, beyond it at no equilibrium, as
/// `[i = j] - (K y)_j` is at least the least value, and `[i = j] + (K y)_j` at most the largest one, for every `j`.
#[derive(Clone, Debug, PartialEq)]
pub struct ExactEnd {
    /// The value, rounded once.
    pub value: f64,
    /// The value as a reduced fraction.
    pub fraction: String,
    /// An equilibrium that attains it.
    pub at: RationalPolicy,
    /// `y` as reduced fractions, `[n]`.
    pub multipliers: Vec<String>,
}

impl ExactEnd {
    fn new(i: usize, end: End) -> Self {
        let (numerators, denominator) = end.multipliers;
        Self {
            value: end.at.prob(i),
            fraction: end.at.fraction(i),
            multipliers: numerators.iter().map(|y| fraction(y, &denominator)).collect(),
            at: end.at,
        }
    }
}

/// All equilibria of a game with their proof, of their ranges too where `ranges` says so; `None` above [`LARGEST_PROOF`]
/// actions.
#[must_use]
pub fn exact_equilibria(game: &RationalMargins, ranges: bool) -> Option<ExactEquilibria> {
    if game.n() > LARGEST_PROOF {
        return None;
    }
    let n = game.n();
    let rows: Vec<Vec<BigInt>> = (0..n).map(|i| game.whole_row(i).1).collect();
    // a floating-point answer that is none is no obstacle
    let guess = select_lottery(&game.to_matrix(), Selection::Vertex).ok().and_then(|rounded| {
        prove(&rows, &rounded.support, &rounded.support)
            .or_else(|| prove(&rows, &rounded.best_responses, &rounded.support))
    });
    if let Some((vertex, true)) = guess {
        let end = |i: usize| ExactEnd {
            value: vertex.prob(i),
            fraction: vertex.fraction(i),
            at: vertex.clone(),
            multipliers: Vec::new(),
        };
        let ranges = ranges.then(|| (0..n).map(|i| ExactRange { least: end(i), largest: end(i) }).collect());
        let inside = vertex.clone();
        return Some(ExactEquilibria {
            vertex,
            unique: true,
            dimension: 0,
            inside,
            ranges,
            kernel: Vec::new(),
        });
    }
    let mut dictionary = Dictionary::solved(game);
    let vertex = guess.map_or_else(|| dictionary.point(), |(vertex, _)| vertex);
    let mut points = vec![dictionary.point()];
    let mut decided = decided_by(&rows, &points[0]);
    while let Some(open) = (0..n).find(|&i| !decided[i]) {
        dictionary.make_positive(open);
        let point = dictionary.point();
        decided.iter_mut().zip(decided_by(&rows, &point)).for_each(|(all, here)| *all |= here);
        assert!(decided[open], "some equilibrium plays an action or holds it below 1/2");
        points.push(point);
    }
    let inside = RationalPolicy::mean(&points);
    let actions = inside.support();
    let block = actions.iter().map(|&i| actions.iter().map(|&j| rows[i][j].clone()).collect()).collect();
    let kernel = kernel(block, actions.len());
    let dimension = kernel.len() - 1;
    let ranges = ranges.then(|| {
        let range = |i: usize| {
            let least = ExactEnd::new(i, dictionary.least(i));
            ExactRange { least, largest: ExactEnd::new(i, dictionary.largest(i)) }
        };
        (0..n).map(range).collect()
    });
    Some(ExactEquilibria { vertex, unique: dimension == 0, dimension, inside, ranges, kernel })
}

/// The equilibrium asked for, with the proof of all; policy, uniqueness and dimension are those of the proof. `None` above
/// [`LARGEST_PROOF`] actions. [`Selected::Undecided`] if there are several and rounding hides the one asked for.
///
/// # Errors
/// [`ReferenceError::Shape`] or [`ReferenceError::Support`] for a reference that does not fit.
pub fn select_exact(
    game: &RationalMargins,
    selection: Selection<'_>,
    ranges: bool,
) -> Result<Option<(Equilibrium, ExactEquilibria)>, ReferenceError> {
    selection.check(game.n())?;
    let Some(exact) = exact_equilibria(game, ranges) else { return Ok(None) };
    let matrix = game.to_matrix();
    let (policy, selected) = match selection {
        _ if exact.unique => (exact.vertex.to_f64(), Selected::Unique),
        Selection::Vertex => (exact.vertex.to_f64(), Selected::Vertex),
        _ => match exact.projection(game, selection) {
            Some(policy) => (policy, selection.selected()),
            None => (exact.inside.to_f64(), Selected::Undecided),
        },
    };
    let described = describe(&matrix, policy);
    let equilibrium = Equilibrium {
        unique: Some(exact.unique),
        dimension: Some(exact.dimension),
        selected,
        method: Method::Rational,
        ..described
    };
    Ok(Some((equilibrium, exact)))
}

impl ExactEquilibria {
    /// The equilibrium nearest to the reference in KL, to rounding, `[n]`; `None` if rounding hides it.
    fn projection(&self, game: &RationalMargins, selection: Selection<'_>) -> Option<Vec<f64>> {
        let n = game.n();
        let log_mu = match selection {
            Selection::RegularisedLimit(mu) => mu.log_probs().to_vec(),
            _ => vec![0.0; n],
        };
        if self.dimension + 1 == n {
            // all tie
            return Some(match selection {
                Selection::RegularisedLimit(mu) => mu.probs().to_vec(),
                _ => vec![1.0 / n as f64; n],
            });
        }
        let matrix = game.to_matrix();
        let k = Margins::scaled(&matrix);
        let actions = self.inside.support();
        let inside = actions.iter().map(|&i| self.inside.prob(i)).collect();
        let kernel: Vec<Vec<f64>> = self
            .kernel
            .iter()
            .map(|vector| {
                let largest = vector.iter().map(Signed::abs).max().unwrap_or_default();
                vector.iter().map(|v| rounded(v, &largest)).collect()
            })
            .collect();
        let slack = |i: usize| {
            let (scale, row) = game.whole_row(i);
            -rounded(&advantage(&row, &self.inside.weights), &(scale * &self.inside.total)) / k.scale()
        };
        let slacks = (0..n).filter(|i| !actions.contains(i)).map(slack).collect();
        let policy = Face::proved(&k, actions, inside, &kernel, slacks).projection(&log_mu)?;
        let policy = normalised(policy);
        let gap = describe(&matrix, policy.clone()).duality_gap;
        (gap <= rounding(n) * k.scale()).then_some(policy)
    }
}

/// Which actions an equilibrium plays, or holds below 1/2.
fn decided_by(rows: &[Vec<BigInt>], point: &RationalPolicy) -> Vec<bool> {
    let below = |row: &Vec<BigInt>| advantage(row, &point.weights).is_negative();
    rows.iter().zip(&point.weights).map(|(row, w)| w.is_positive() || below(row)).collect()
}

fn advantage(row: &[BigInt], weights: &[BigInt]) -> BigInt {
    row.iter().zip(weights).filter(|(_, w)| !w.is_zero()).map(|(k, w)| k * w).sum()
}

/// The equilibrium that plays `support` and holds `level` level, if it is one and the only one to do so.
/// With whether it is the only equilibrium.
fn prove(rows: &[Vec<BigInt>], level: &[usize], support: &[usize]) -> Option<(RationalPolicy, bool)> {
    let block = |rows_of: &[usize]| -> Vec<Vec<BigInt>> {
        rows_of.iter().map(|&i| support.iter().map(|&j| rows[i][j].clone()).collect()).collect()
    };
    let only = |mut basis: Vec<Vec<BigInt>>| (basis.len() == 1).then(|| basis.remove(0));
    let mut kernel = only(kernel(block(level), support.len()))?;
    if kernel.iter().any(Signed::is_negative) {
        kernel.iter_mut().for_each(|v| *v = -&*v);
    }
    if kernel.iter().any(|v| !v.is_positive()) {
        return None;
    }
    let mut weights = vec![BigInt::zero(); rows.len()];
    support.iter().zip(kernel).for_each(|(&i, v)| weights[i] = v);
    let policy = RationalPolicy::new(weights);
    let mut strict = true;
    for (i, row) in rows.iter().enumerate() {
        let margin = advantage(row, &policy.weights);
        if margin.is_positive() {
            return None;
        }
        strict &= support.contains(&i) || margin.is_negative();
    }
    let unique = strict && (level == support || only(self::kernel(block(support), support.len())).is_some());
    Some((policy, unique))
}

/// Integer vectors that span the kernel of an integer matrix with `columns` columns.
fn kernel(mut a: Vec<Vec<BigInt>>, columns: usize) -> Vec<Vec<BigInt>> {
    // elimination with the free columns moved to the end
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
    let vector = |free: usize| {
        // Cramer: with the last pivot for the free variable all others are whole
        let mut x = vec![BigInt::zero(); columns];
        x[free].clone_from(&last);
        for k in (0..rank).rev() {
            let sum: BigInt = (k + 1..columns).map(|j| &a[k][j] * &x[j]).sum();
            x[k] = -sum / &a[k][k];
        }
        let mut kernel = vec![BigInt::zero(); columns];
        order.iter().zip(x).for_each(|(&place, v)| kernel[place] = v);
        kernel
    };
    (rank..columns).map(vector).collect()
}
