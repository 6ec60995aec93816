//! A proof in whole numbers, and what follows from it.

use std::collections::BTreeMap;

use num_bigint::BigInt;
use num_integer::Integer as _;
use num_traits::{One as _, Signed as _, ToPrimitive as _, Zero as _};

use super::{EndProof, Problem, Proof};

/// `a / b`, `b > 0`.
#[derive(Clone, Debug)]
pub(super) struct Fraction(BigInt, BigInt);

impl Fraction {
    pub(super) fn read(text: &str) -> Result<Self, Problem> {
        let (a, b) = text.split_once('/').unwrap_or((text, "1"));
        let (a, b) = (a.parse::<BigInt>(), b.parse::<BigInt>());
        match (a, b) {
            (Ok(a), Ok(b)) if b.is_positive() => Ok(Self(a, b)),
            _ => Err(Problem::NoFraction { text: text.to_owned() }),
        }
    }

    pub(super) fn text(&self) -> String {
        format!("{}/{}", self.0, self.1)
    }

    pub(super) fn to_f64(&self) -> f64 {
        rounded(&self.0, &self.1)
    }

    /// Whether it is `1/2 + a/b`.
    pub(super) fn is_half_plus(&self, a: i128, b: i128) -> bool {
        // P - 1/2 = a/b  <=>  (2 p - q) b = 2 q a  for P = p/q
        (BigInt::from(2) * &self.0 - &self.1) * b == BigInt::from(2) * &self.1 * a
    }
}

/// Fractions over one positive denominator.
#[derive(Clone, Debug)]
pub(super) struct Vector {
    pub(super) weights: Vec<BigInt>,
    common: BigInt,
}

impl Vector {
    fn new(entries: &[Fraction]) -> Self {
        let common = entries.iter().fold(BigInt::one(), |c, p| c.lcm(&p.1));
        let weights = entries.iter().map(|p| &p.0 * (&common / &p.1)).collect();
        Self { weights, common }
    }

    fn read(texts: &[String]) -> Result<Self, Problem> {
        let entries = texts.iter().map(|t| Fraction::read(t)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self::new(&entries))
    }

    /// From the entries that are not 0.
    fn sparse(n: usize, texts: &BTreeMap<usize, String>) -> Result<Self, Problem> {
        let mut entries = vec![Fraction(BigInt::zero(), BigInt::one()); n];
        for (&i, text) in texts {
            *entries.get_mut(i).ok_or(Problem::NoAction { action: i })? = Fraction::read(text)?;
        }
        Ok(Self::new(&entries))
    }

    /// Floating-point numbers as what they are: whole numbers times 2^-1074; divided by their sum.
    pub(super) fn of_floats(p: &[f64]) -> Self {
        let whole = |v: &f64| {
            let bits = v.to_bits();
            let (exponent, fraction) = ((bits >> 52) & 0x7FF, bits & ((1 << 52) - 1));
            match exponent {
                0 => BigInt::from(fraction),
                e => BigInt::from(fraction | (1 << 52)) << (e - 1),
            }
        };
        let weights: Vec<BigInt> = p.iter().map(whole).collect();
        let common = weights.iter().sum();
        Self { weights, common }
    }

    pub(super) fn to_f64(&self, i: usize) -> f64 {
        rounded(&self.weights[i], &self.common)
    }

    fn support(&self) -> Vec<usize> {
        (0..self.weights.len()).filter(|&i| self.weights[i].is_positive()).collect()
    }

    fn is(&self, i: usize, value: &Fraction) -> bool {
        &self.weights[i] * &value.1 == &value.0 * &self.common
    }
}

/// A proof in whole numbers.
pub(super) struct Fractions {
    pub(super) win_rates: Vec<Vec<Fraction>>,
    /// A positive multiple `L_i` of the denominators of a row of margins, and `L_i K_ij`.
    rows: Vec<(BigInt, Vec<BigInt>)>,
    pub(super) policy: Vector,
}

/// What was proved.
#[derive(Clone, Debug, Default)]
pub(super) struct Verdict {
    /// `None`: nothing, or nothing about it.
    pub(super) unique: Option<bool>,
    /// Dimension of the set of equilibria; `None` likewise.
    pub(super) dimension: Option<usize>,
    /// Actions that some equilibrium plays; `None` likewise.
    pub(super) played: Option<Vec<usize>>,
}

impl Fractions {
    /// Of a proof of `n` policy entries and `[n x n]` win rates.
    pub(super) fn read(proof: &Proof) -> Result<Self, Problem> {
        let row = |row: &Vec<String>| row.iter().map(|t| Fraction::read(t)).collect::<Result<Vec<_>, _>>();
        let win_rates = proof.win_rates.iter().map(row).collect::<Result<Vec<_>, _>>()?;
        let policy = Vector::read(&proof.policy)?;
        let margins = |row: &Vec<Fraction>| {
            let common = row.iter().fold(BigInt::from(2), |c, p| c.lcm(&p.1));
            let half = &common / BigInt::from(2);
            let margins = row.iter().map(|p| &p.0 * (&common / &p.1) - &half).collect();
            (common, margins)
        };
        let rows = win_rates.iter().map(margins).collect();
        Ok(Self { win_rates, rows, policy })
    }

    pub(super) fn n(&self) -> usize {
        self.rows.len()
    }

    /// What is wrong with the proof, and what follows from it.
    pub(super) fn check(&self, proof: &Proof) -> Result<(Vec<Problem>, Verdict), Problem> {
        let n = self.n();
        let mut problems = Vec::new();
        for i in 0..n {
            for j in i..n {
                let (p, q) = (&self.win_rates[i][j], &self.win_rates[j][i]);
                if &p.0 * &q.1 + &q.0 * &p.1 != &p.1 * &q.1 || p.0.is_negative() || q.0.is_negative() {
                    let win_rates = (p.text(), q.text());
                    problems.push(Problem::NotComplementary { actions: (i, j), win_rates });
                }
            }
        }
        problems.extend(self.not_an_equilibrium(&self.policy));
        if !problems.is_empty() {
            return Ok((problems, Verdict::default()));
        }
        let verdict = self.verdict(proof, &mut problems)?;
        match (proof.unique, verdict.unique) {
            (Some(true), found) if found != Some(true) => problems.push(Problem::UniquenessNotProved),
            (Some(false), Some(true)) => {
                problems.push(Problem::field("certificate.exact.unique", &false, &true));
            }
            _ => (),
        }
        match (proof.dimension, verdict.dimension) {
            (Some(says), Some(holds)) if says != holds => {
                problems.push(Problem::field("certificate.exact.dimension", &says, &holds));
            }
            (Some(_), None) => problems.push(Problem::not_proved("certificate.exact.dimension")),
            _ => (),
        }
        if let Some(ranges) = &proof.ranges {
            if ranges.len() != n {
                problems.push(Problem::field("certificate.exact.ranges", &ranges.len(), &n));
            }
            for (i, range) in ranges.iter().enumerate().take(n) {
                for (end, largest) in [(&range.least, false), (&range.largest, true)] {
                    if !self.end_holds(i, end, largest)? {
                        problems.push(Problem::RangeNotProved { action: i, largest });
                    }
                }
            }
        }
        Ok((problems, verdict))
    }

    /// Uniqueness and dimension: from the policy alone, if it is the only equilibrium or is seen not to be; else from the
    /// equilibrium inside the set of all.
    fn verdict(&self, proof: &Proof, problems: &mut Vec<Problem>) -> Result<Verdict, Problem> {
        let mut inside = proof.inside.as_deref().map(Vector::read).transpose()?;
        let holds = |inside: &Vector| {
            inside.weights.len() == self.n()
                && self.not_an_equilibrium(inside).is_empty()
                && self.level(inside) == inside.support()
        };
        if inside.as_ref().is_some_and(|inside| !holds(inside)) {
            problems.push(Problem::NotInside);
            inside = None;
        }
        let support = self.policy.support();
        let level = self.level(&self.policy);
        if level == support && self.rank(&support) + 1 == support.len() {
            return Ok(Verdict { unique: Some(true), dimension: Some(0), played: Some(support) });
        }
        // not strictly complementary, or a kernel to move along: there are others
        let played = inside.map(|inside| inside.support());
        let dimension = played.as_ref().map(|played| played.len() - self.rank(played) - 1);
        Ok(Verdict { unique: Some(false), dimension, played })
    }

    /// Why a vector of `n` entries is no equilibrium.
    fn not_an_equilibrium(&self, p: &Vector) -> Vec<Problem> {
        let mut problems = Vec::new();
        if let Some(action) = p.weights.iter().position(BigInt::is_negative) {
            problems.push(Problem::NegativeProbability { action });
        }
        if p.weights.iter().sum::<BigInt>() != p.common {
            problems.push(Problem::NotNormalised);
        }
        for action in 0..self.n() {
            let (a, b) = self.advantage(action, p);
            if a.is_positive() {
                problems.push(Problem::NoEquilibrium { action, gain: rounded(&a, &b) });
            }
        }
        problems
    }

    /// `(K p)_i` as a fraction with positive denominator.
    fn advantage(&self, i: usize, p: &Vector) -> (BigInt, BigInt) {
        let (scale, row) = &self.rows[i];
        let played = row.iter().zip(&p.weights).filter(|(_, w)| !w.is_zero());
        (played.map(|(k, w)| k * w).sum(), scale * &p.common)
    }

    /// Actions that win exactly half against `p`.
    fn level(&self, p: &Vector) -> Vec<usize> {
        (0..self.n()).filter(|&i| self.advantage(i, p).0.is_zero()).collect()
    }

    /// `(K p)_i`, each rounded once, `[n]`.
    pub(super) fn advantages(&self, p: &Vector) -> Vec<f64> {
        let value = |i: usize| {
            let (a, b) = self.advantage(i, p);
            rounded(&a, &b)
        };
        (0..self.n()).map(value).collect()
    }

    /// Largest margin.
    pub(super) fn largest_margin(&self) -> f64 {
        let of_row = |(scale, row): &(BigInt, Vec<BigInt>)| {
            row.iter().map(|k| rounded(&k.abs(), scale)).fold(0.0, f64::max)
        };
        self.rows.iter().map(of_row).fold(0.0, f64::max)
    }

    /// Whether an end of the range of action `i` is attained, and bounded by its multipliers:
    /// `p_i = sum_j p_j [i = j] <= sum_j p_j (h - (K y)_j) = h + y'K p <= h`, and likewise from below.
    fn end_holds(&self, i: usize, end: &EndProof, largest: bool) -> Result<bool, Problem> {
        let value = Fraction::read(&end.value)?;
        let at = Vector::sparse(self.n(), &end.at)?;
        let y = Vector::sparse(self.n(), &end.multipliers)?;
        let bounded = |j: usize| {
            // [i = j] -+ value +- (K y)_j, over a positive denominator
            let (a, b) = self.advantage(j, &y);
            let own = BigInt::from(u8::from(i == j)) * &value.1 - &value.0;
            if largest {
                !(own * b + a * &value.1).is_positive()
            } else {
                !(own * b - a * &value.1).is_negative()
            }
        };
        Ok(at.is(i, &value)
            && self.not_an_equilibrium(&at).is_empty()
            && !y.weights.iter().any(BigInt::is_negative)
            && (0..self.n()).all(bounded))
    }

    /// Rank of `K_SS`, by elimination without fractions.
    fn rank(&self, support: &[usize]) -> usize {
        let row = |&i: &usize| support.iter().map(|&j| self.rows[i].1[j].clone()).collect();
        let mut a: Vec<Vec<BigInt>> = support.iter().map(row).collect();
        let mut last = BigInt::one();
        let mut rank = 0;
        for column in 0..support.len() {
            let Some(pivot) = (rank..a.len()).find(|&i| !a[i][column].is_zero()) else { continue };
            a.swap(rank, pivot);
            let (above, below) = a.split_at_mut(rank + 1);
            let head = &above[rank];
            for row in below {
                let factor = row[column].clone();
                for j in column..support.len() {
                    row[j] = (&head[column] * &row[j] - &factor * &head[j]) / &last;
                }
            }
            last.clone_from(&head[column]);
            rank += 1;
        }
        rank
    }
}

/// `a / b` to the nearest double, ties to even; `b > 0`.
fn rounded(a: &BigInt, b: &BigInt) -> f64 {
    // a whole quotient of at least 60 bits, made odd where something is left, so that it is rounded as the fraction would be
    let shift = b.bits() as i64 - a.bits() as i64 + 60;
    let (a, b) = if shift > 0 { (a << shift as u64, b.clone()) } else { (a.clone(), b << (-shift) as u64) };
    let (mut quotient, rest) = a.abs().div_rem(&b);
    if !rest.is_zero() && quotient.is_even() {
        quotient += 1;
    }
    let half = (shift / 2) as i32;
    let size = quotient.to_f64().unwrap_or(0.0) * 2f64.powi(-half) * 2f64.powi(half - shift as i32);
    if a.is_negative() { -size } else { size }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_are_those_of_the_processor() {
        for (a, b) in
            [(1i64, 3i64), (2, 3), (-7, 11), (1, 1 << 40), (123_456_789, 1_000), (9_007_199_254_740_993, 2)]
        {
            assert_eq!(rounded(&BigInt::from(a), &BigInt::from(b)), a as f64 / b as f64, "{a}/{b}");
        }
        // just above half between 1 and the next double, by 2^-200
        let near = (BigInt::one() << 200u32) + (BigInt::one() << 147u32) + 1;
        assert_eq!(rounded(&near, &(BigInt::one() << 200u32)), 1.0 + f64::EPSILON);
        assert_eq!(rounded(&BigInt::zero(), &BigInt::one()), 0.0);
    }
}
