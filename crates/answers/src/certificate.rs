//! The check of an exact proof of equilibrium, on its own.
//!
//! A proof is win rates and policy as fractions `"a/b"`, as [`solve`](crate::solve()) gives it. Nothing here calls the solver or
//! shares code with it; the arithmetic is whole numbers. Checked, in the order of the argument:
//!
//! ```text
//! 0 <= P_ij,  P_ij + P_ji = 1,  P_ii = 1/2                 it is a preference game, of value 1/2
//! p_i >= 0,  sum p = 1                                     p is a policy
//! (P p)_i <= 1/2 for every i                               no action beats it: p is an equilibrium
//! (P p)_i < 1/2 off the support, rank K_SS = |S| - 1       it is the only one
//! ```
//!
//! The rank is computed modulo a prime, which can only make it smaller: reaching `|S| - 1` proves it. If there is a
//! floating-point policy beside the proof, its duality gap is computed exactly too.

use std::fmt;
use std::path::Path;

use equipoise::env::Game;
use num_bigint::BigInt;
use num_traits::{One as _, Signed as _, ToPrimitive as _, Zero as _};
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::error::AnswerError;

/// A Mersenne prime, 2^61 - 1, and a smaller one for bad luck with it.
const PRIMES: [u64; 2] = [(1 << 61) - 1, (1 << 31) - 1];

/// How far a game file may be from the fractions of its proof: rounding of a win rate and its fifteen decimals.
const AS_WRITTEN: f64 = 1e-15;

/// A proof to be checked: everything is a fraction `"a/b"` or a whole number `"a"`, `b > 0`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Proof {
    /// Version of the layout; 1.
    pub format: u32,
    /// The actions, `[n]`; nothing rests on them.
    pub labels: Vec<String>,
    /// `Pr(row beats column)`, `[n x n]`.
    pub win_rates: Vec<Vec<String>>,
    /// The equilibrium, `[n]`.
    pub policy: Vec<String>,
    /// Whether it is claimed to be the only one; `None`: nothing is claimed.
    pub unique: Option<bool>,
}

impl Proof {
    /// The proof in an answer of `equipoise solve --json`, or such a proof by itself, and the floating-point policy of the
    /// answer, if there is one of as many actions.
    ///
    /// # Errors
    /// [`AnswerError::Input`] if there is no proof, or a number that is no fraction.
    pub fn of_answer(answer: &Value) -> Result<(Self, Option<Vec<f64>>), AnswerError> {
        let exact = answer.pointer("/certificate/exact").unwrap_or(answer);
        let list = |key: &str| {
            exact.get(key).and_then(Value::as_array).ok_or_else(|| {
                AnswerError::input(format!(
                    "no list `{key}`: the file must be an answer of `solve --json` with an exact certificate (text \
                     input of up to 60 actions has one)"
                ))
            })
        };
        let text = |v: &Value| v.as_str().map(str::to_owned).ok_or_else(|| no_fraction(v));
        let row = |v: &Value| v.as_array().into_iter().flatten().map(text).collect::<Result<Vec<_>, _>>();
        let win_rates = list("win_rates")?.iter().map(row).collect::<Result<Vec<_>, _>>()?;
        let policy = list("policy")?.iter().map(text).collect::<Result<Vec<_>, _>>()?;
        let labels = exact.get("labels").and_then(Value::as_array).into_iter().flatten();
        let labels = labels.filter_map(|l| l.as_str().map(str::to_owned)).collect();
        let unique = exact.get("unique").and_then(Value::as_bool);
        let beside = answer.get("policy").and_then(floats).filter(|p| p.len() == policy.len());
        Ok((Self { format: 1, labels, win_rates, policy, unique }, beside))
    }

    /// [`Proof::of_answer`] of a file.
    ///
    /// # Errors
    /// [`AnswerError`], naming the file.
    pub fn read(path: &Path) -> Result<(Self, Option<Vec<f64>>), AnswerError> {
        let wrong = |e: &dyn fmt::Display| AnswerError::input(e.to_string()).in_file(path);
        let text = std::fs::read_to_string(path).map_err(|e| wrong(&e))?;
        let answer: Value = serde_json::from_str(&text).map_err(|e| wrong(&e))?;
        Self::of_answer(&answer).map_err(|e| e.in_file(path))
    }
}

/// Something that a proof gets wrong; it displays as the sentence that is published.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Problem {
    /// Win rates of a pair are negative, or do not sum to 1.
    NotComplementary {
        /// The pair, `i <= j`.
        actions: (usize, usize),
        /// `P_ij` and `P_ji` as they were written, reduced or not.
        win_rates: (String, String),
    },
    /// The policy gives an action a negative probability.
    NegativeProbability {
        /// The action.
        action: usize,
    },
    /// The policy does not sum to 1.
    NotNormalised,
    /// An action wins more than half against the policy.
    NoEquilibrium {
        /// The action.
        action: usize,
        /// By how much its win rate exceeds 1/2.
        gain: f64,
    },
    /// Uniqueness is claimed and not proved.
    UniquenessNotProved,
    /// The game has another number of contexts or actions than the proof.
    AnotherShape {
        /// Actions of the proof.
        actions: usize,
    },
    /// The game has another win rate than the proof.
    AnotherWinRate {
        /// The pair.
        actions: (usize, usize),
        /// The proof's win rate.
        proof: String,
        /// The game's.
        game: f64,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotComplementary { actions: (i, j), win_rates: (p, q) } => {
                write!(f, "win rates {p} and {q} of actions {i} and {j} are not complementary probabilities")
            }
            Self::NegativeProbability { action } => {
                write!(f, "the policy gives action {action} a negative probability")
            }
            Self::NotNormalised => f.write_str("the policy does not sum to 1"),
            Self::NoEquilibrium { action, gain } => {
                write!(f, "action {action} beats the policy by {gain:e}: it is no equilibrium")
            }
            Self::UniquenessNotProved => {
                f.write_str("it is said to be the only equilibrium, which does not follow")
            }
            Self::AnotherShape { actions } => {
                write!(f, "the proof is for one context of {actions} actions, the game is another")
            }
            Self::AnotherWinRate { actions: (i, j), proof, game } => {
                write!(f, "actions {i} and {j}: the proof has {proof}, the game {game}")
            }
        }
    }
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What a check came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CertificateAnswer {
    /// Whether the proof holds: there is no problem.
    pub valid: bool,
    /// Number of actions.
    pub n: usize,
    /// What it gets wrong, in the order of the argument.
    pub problems: Vec<Problem>,
    /// Whether the policy is proved to be the only equilibrium, or proved not to be; `None`: neither, or the proof fails.
    pub unique: Option<bool>,
    /// Duality gap of the floating-point policy beside the proof, divided by its sum, exact but for the last rounding; at least 0.
    pub policy_duality_gap: Option<f64>,
}

impl fmt::Display for CertificateAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines: Vec<String> = self.problems.iter().map(|p| format!("wrong: {p}")).collect();
        if self.valid {
            let unique = match self.unique {
                Some(true) => "the only equilibrium",
                Some(false) => "one of several equilibria",
                None => "an equilibrium; whether the only one is not proved",
            };
            lines.push(format!("proved: {unique} of a game of {} actions", self.n));
        }
        if let Some(gap) = self.policy_duality_gap {
            lines.push(format!("duality gap of the floating-point policy, computed exactly: {gap:.6e}"));
        }
        f.write_str(&lines.join("\n"))
    }
}

/// Checks `proof`; with a game, also that it is the game of the proof; with a floating-point policy (`[n]`, not negative, with
/// a positive sum), also its duality gap.
///
/// ```
/// use equipoise_answers::{Problem, Proof, check_certificate};
///
/// let text = |row: [&str; 2]| row.map(str::to_owned).to_vec();
/// let mut proof = Proof {
///     format: 1,
///     labels: text(["a", "b"]),
///     win_rates: vec![text(["1/2", "2/3"]), text(["1/3", "1/2"])],
///     policy: text(["1", "0"]),
///     unique: Some(true),
/// };
/// assert!(check_certificate(&proof, None, None)?.valid);
/// proof.policy = text(["1/2", "1/2"]);
/// let found = check_certificate(&proof, None, None)?;
/// assert!(matches!(found.problems[..], [Problem::NoEquilibrium { action: 0, .. }]));
/// # Ok::<(), equipoise_answers::AnswerError>(())
/// ```
///
/// # Errors
/// [`AnswerError::Input`] if a number is no fraction, or the win rates are not square. A proof that fails is an answer, not
/// an error.
pub fn check_certificate(
    proof: &Proof,
    policy: Option<&[f64]>,
    game: Option<&Game>,
) -> Result<CertificateAnswer, AnswerError> {
    let whole = Fractions::read(proof)?;
    let (mut problems, unique) = whole.check();
    if let Some(game) = game {
        problems.extend(whole.difference(game));
    }
    if let Some(p) = policy.filter(|p| p.len() != whole.policy.len()) {
        let rule = format!("the policy has {} entries, the proof {}", p.len(), whole.policy.len());
        return Err(AnswerError::input(rule));
    }
    let policy_duality_gap = policy.map(|p| whole.gap_of(p));
    Ok(CertificateAnswer {
        valid: problems.is_empty(),
        n: whole.policy.len(),
        problems,
        unique,
        policy_duality_gap,
    })
}

fn no_fraction(value: &Value) -> AnswerError {
    AnswerError::input(format!("{value} is not a fraction \"a/b\" with b > 0"))
}

/// `a / b`, `b > 0`.
#[derive(Clone, Debug)]
struct Fraction(BigInt, BigInt);

impl Fraction {
    fn read(text: &str) -> Result<Self, AnswerError> {
        let (a, b) = text.split_once('/').unwrap_or((text, "1"));
        let (a, b) = (a.parse::<BigInt>(), b.parse::<BigInt>());
        match (a, b) {
            (Ok(a), Ok(b)) if b.is_positive() => Ok(Self(a, b)),
            _ => Err(no_fraction(&Value::from(text))),
        }
    }

    fn text(&self) -> String {
        format!("{}/{}", self.0, self.1)
    }

    fn modulo(&self, prime: u64) -> Option<u64> {
        let rest = |v: &BigInt| ((v % prime) + prime) % prime;
        let (a, b) = (rest(&self.0).to_u64()?, rest(&self.1).to_u64()?);
        (b != 0).then(|| times(a, power(b, prime - 2, prime), prime))
    }
}

/// A proof in whole numbers.
struct Fractions {
    win_rates: Vec<Vec<Fraction>>,
    policy: Vec<Fraction>,
    unique: Option<bool>,
}

impl Fractions {
    fn read(proof: &Proof) -> Result<Self, AnswerError> {
        let row = |row: &Vec<String>| row.iter().map(|t| Fraction::read(t)).collect::<Result<Vec<_>, _>>();
        let win_rates = proof.win_rates.iter().map(row).collect::<Result<Vec<_>, _>>()?;
        let policy = proof.policy.iter().map(|t| Fraction::read(t)).collect::<Result<Vec<_>, _>>()?;
        let n = policy.len();
        if n == 0 || win_rates.len() != n || win_rates.iter().any(|row| row.len() != n) {
            let rule = format!("the win rates must be {n} x {n}, as the policy has {n} entries");
            return Err(AnswerError::input(rule));
        }
        Ok(Self { win_rates, policy, unique: proof.unique })
    }

    /// What is wrong, and whether the policy is the only equilibrium.
    fn check(&self) -> (Vec<Problem>, Option<bool>) {
        let n = self.policy.len();
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
        // the policy over a common denominator
        let common = self.policy.iter().fold(BigInt::one(), |c, p| &c * &p.1);
        let weights: Vec<BigInt> = self.policy.iter().map(|p| &p.0 * (&common / &p.1)).collect();
        if let Some(i) = weights.iter().position(BigInt::is_negative) {
            problems.push(Problem::NegativeProbability { action: i });
        }
        if weights.iter().sum::<BigInt>() != common {
            problems.push(Problem::NotNormalised);
        }
        let mut level = Vec::new();
        for i in 0..n {
            let (a, b) = self.advantage(i, &weights, &common);
            if a.is_positive() {
                problems.push(Problem::NoEquilibrium { action: i, gain: ratio(&a, &b) });
            } else if a.is_zero() {
                level.push(i);
            }
        }
        let support: Vec<usize> = (0..n).filter(|&i| weights[i].is_positive()).collect();
        let unique = if !problems.is_empty() {
            None
        } else if level != support {
            Some(false)
        } else {
            PRIMES.iter().any(|&prime| self.rank(&support, prime) == Some(support.len() - 1)).then_some(true)
        };
        if self.unique == Some(true) && unique != Some(true) && problems.is_empty() {
            problems.push(Problem::UniquenessNotProved);
        }
        (problems, unique)
    }

    /// `(P w)_i - common / 2` as a fraction with positive denominator.
    fn advantage(&self, i: usize, weights: &[BigInt], common: &BigInt) -> (BigInt, BigInt) {
        let row = &self.win_rates[i];
        let b = row.iter().fold(BigInt::one(), |b, p| if (&b % &p.1).is_zero() { b } else { b * &p.1 });
        let sum: BigInt = row.iter().zip(weights).map(|(p, w)| &p.0 * (&b / &p.1) * w).sum();
        (2 * sum - common * &b, 2 * b * common)
    }

    /// Duality gap of numbers given in floating point, divided by their sum, exact but for the last rounding.
    fn gap_of(&self, p: &[f64]) -> f64 {
        // every f64 is a whole number times 2^-1074
        let weights: Vec<BigInt> = p
            .iter()
            .map(|v| {
                let bits = v.to_bits();
                let (exponent, fraction) = ((bits >> 52) & 0x7FF, bits & ((1 << 52) - 1));
                match exponent {
                    0 => BigInt::from(fraction),
                    e => BigInt::from(fraction | (1 << 52)) << (e - 1),
                }
            })
            .collect();
        let common: BigInt = weights.iter().sum();
        let gains = (0..p.len()).map(|i| {
            let (a, b) = self.advantage(i, &weights, &common);
            2.0 * ratio(&a, &b)
        });
        gains.fold(f64::NEG_INFINITY, f64::max)
    }

    /// Rank of `K_SS` modulo a prime; `None` if a denominator is a multiple of it.
    fn rank(&self, support: &[usize], prime: u64) -> Option<usize> {
        let half = power(2, prime - 2, prime);
        let entry = |i: usize, j: usize| Some((self.win_rates[i][j].modulo(prime)? + prime - half) % prime);
        let row = |&i: &usize| support.iter().map(|&j| entry(i, j)).collect::<Option<Vec<u64>>>();
        let mut a = support.iter().map(row).collect::<Option<Vec<_>>>()?;
        let mut rank = 0;
        for column in 0..support.len() {
            let Some(pivot) = (rank..a.len()).find(|&i| a[i][column] != 0) else { continue };
            a.swap(rank, pivot);
            let inverse = power(a[rank][column], prime - 2, prime);
            for i in rank + 1..a.len() {
                let factor = times(a[i][column], inverse, prime);
                for j in column..support.len() {
                    a[i][j] = (a[i][j] + prime - times(factor, a[rank][j], prime)) % prime;
                }
            }
            rank += 1;
        }
        Some(rank)
    }

    /// What distinguishes a game file from the proof.
    fn difference(&self, game: &Game) -> Option<Problem> {
        let n = self.policy.len();
        if game.contexts() != 1 || game.shape().actions(0) != n {
            return Some(Problem::AnotherShape { actions: n });
        }
        let far = |i: usize, j: usize| {
            let p = &self.win_rates[i][j];
            (ratio(&p.0, &p.1) - game.prob(0, i, j)).abs() > AS_WRITTEN
        };
        let (i, j) = (0..n).flat_map(|i| (0..n).map(move |j| (i, j))).find(|&(i, j)| far(i, j))?;
        let (proof, game) = (self.win_rates[i][j].text(), game.prob(0, i, j));
        Some(Problem::AnotherWinRate { actions: (i, j), proof, game })
    }
}

fn floats(value: &Value) -> Option<Vec<f64>> {
    let list = value.as_array()?.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>()?;
    (list.iter().all(|p| *p >= 0.0) && list.iter().sum::<f64>() > 0.0).then_some(list)
}

/// `a / b` to 60 bits; `b > 0`.
fn ratio(a: &BigInt, b: &BigInt) -> f64 {
    let shift = b.bits() as i64 - a.bits() as i64 + 60;
    let quotient: BigInt = if shift > 0 { (a << shift as u64) / b } else { a / (b << (-shift) as u64) };
    let half = (shift / 2) as i32;
    quotient.to_f64().unwrap_or(0.0) * 2f64.powi(-half) * 2f64.powi(half - shift as i32)
}

fn times(a: u64, b: u64, prime: u64) -> u64 {
    (u128::from(a) * u128::from(b) % u128::from(prime)) as u64
}

fn power(base: u64, mut exponent: u64, prime: u64) -> u64 {
    let (mut base, mut result) = (base % prime, 1);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = times(result, base, prime);
        }
        base = times(base, base, prime);
        exponent >>= 1;
    }
    result
}
