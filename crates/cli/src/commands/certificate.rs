//! `equipoise gap --certificate`: checks an exact proof, on its own.
//!
//! The file is an answer of `equipoise solve --json`, or the `exact` part of one: win rates and policy as fractions
//! `"a/b"`. Nothing here calls the solver or shares code with it; the arithmetic is whole numbers. Checked, in the order
//! of the argument:
//!
//! ```text
//! 0 <= P_ij,  P_ij + P_ji = 1,  P_ii = 1/2                 it is a preference game, of value 1/2
//! p_i >= 0,  sum p = 1                                     p is a policy
//! (P p)_i <= 1/2 for every i                               no action beats it: p is an equilibrium
//! (P p)_i < 1/2 off the support, rank K_SS = |S| - 1       it is the only one
//! ```
//!
//! The rank is computed modulo a prime, which can only make it smaller: reaching `|S| - 1` proves it. If the answer
//! has a floating-point policy, its duality gap is computed exactly too.

use std::error::Error;
use std::path::Path;

use equipoise::env::Game;
use num_bigint::BigInt;
use num_traits::{One as _, Signed as _, ToPrimitive as _, Zero as _};
use serde_json::{Value, json};

use super::Outcome;
use crate::{Answer, output};

/// A Mersenne prime, 2^61 - 1, and a smaller one for bad luck with it.
const PRIMES: [u64; 2] = [(1 << 61) - 1, (1 << 31) - 1];

/// How far a game file may be from the fractions of its proof: rounding of a win rate and its fifteen decimals.
const AS_WRITTEN: f64 = 1e-15;

pub(super) fn check(path: &Path, game: Option<&Game>, json: bool) -> Outcome {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let answer: Value = serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?;
    let exact = answer.pointer("/certificate/exact").unwrap_or(&answer);
    let proof = Proof::read(exact).map_err(|e| format!("{}: {e}", path.display()))?;
    let mut report = proof.check();
    if let Some(game) = game {
        report.problems.extend(proof.difference(game));
    }
    let gap = answer.get("policy").and_then(floats).filter(|p| p.len() == proof.policy.len());
    let gap = gap.map(|p| proof.gap_of(&p));
    let valid = report.problems.is_empty();
    if json {
        output::json(&json!({
            "valid": valid, "n": proof.policy.len(), "problems": report.problems,
            "unique": report.unique, "policy_duality_gap": gap,
        }));
    } else {
        let unique = match report.unique {
            Some(true) => "the only equilibrium",
            Some(false) => "one of several equilibria",
            None => "an equilibrium; whether the only one is not proved",
        };
        for problem in &report.problems {
            output::print(&format!("wrong: {problem}"));
        }
        if valid {
            output::print(&format!("proved: {unique} of a game of {} actions", proof.policy.len()));
        }
        if let Some(gap) = gap {
            output::print(&format!("duality gap of the floating-point policy, computed exactly: {gap:.6e}"));
        }
    }
    Ok(if valid { Answer::Yes } else { Answer::No })
}

/// `a / b`, `b > 0`.
#[derive(Clone, Debug)]
struct Fraction(BigInt, BigInt);

impl Fraction {
    fn read(value: &Value) -> Result<Self, Box<dyn Error>> {
        let wrong = || format!("{value} is not a fraction \"a/b\" with b > 0");
        let text = value.as_str().ok_or_else(wrong)?;
        let (a, b) = text.split_once('/').unwrap_or((text, "1"));
        let (a, b) = (a.parse::<BigInt>(), b.parse::<BigInt>());
        match (a, b) {
            (Ok(a), Ok(b)) if b.is_positive() => Ok(Self(a, b)),
            _ => Err(wrong().into()),
        }
    }

    fn modulo(&self, prime: u64) -> Option<u64> {
        let rest = |v: &BigInt| ((v % prime) + prime) % prime;
        let (a, b) = (rest(&self.0).to_u64()?, rest(&self.1).to_u64()?);
        (b != 0).then(|| times(a, power(b, prime - 2, prime), prime))
    }
}

struct Proof {
    win_rates: Vec<Vec<Fraction>>,
    policy: Vec<Fraction>,
    unique: Option<bool>,
}

struct Report {
    problems: Vec<String>,
    unique: Option<bool>,
}

impl Proof {
    fn read(exact: &Value) -> Result<Self, Box<dyn Error>> {
        let list = |key: &str| {
            exact.get(key).and_then(Value::as_array).ok_or_else(|| {
                format!("no list `{key}`: the file must be an answer of `solve --json` with an exact certificate (text \
                         input of up to 60 actions has one)")
            })
        };
        let row =
            |v: &Value| v.as_array().into_iter().flatten().map(Fraction::read).collect::<Result<Vec<_>, _>>();
        let win_rates = list("win_rates")?.iter().map(row).collect::<Result<Vec<_>, _>>()?;
        let policy = list("policy")?.iter().map(Fraction::read).collect::<Result<Vec<_>, _>>()?;
        let n = policy.len();
        if n == 0 || win_rates.len() != n || win_rates.iter().any(|row| row.len() != n) {
            return Err(format!("the win rates must be {n} x {n}, as the policy has {n} entries").into());
        }
        Ok(Self { win_rates, policy, unique: exact.get("unique").and_then(Value::as_bool) })
    }

    fn check(&self) -> Report {
        let n = self.policy.len();
        let mut problems = Vec::new();
        for i in 0..n {
            for j in i..n {
                let (p, q) = (&self.win_rates[i][j], &self.win_rates[j][i]);
                if &p.0 * &q.1 + &q.0 * &p.1 != &p.1 * &q.1 || p.0.is_negative() || q.0.is_negative() {
                    problems.push(format!(
                        "win rates {}/{} and {}/{} of actions {i} and {j} are not complementary probabilities",
                        p.0, p.1, q.0, q.1
                    ));
                }
            }
        }
        // the policy over a common denominator
        let common = self.policy.iter().fold(BigInt::one(), |c, p| &c * &p.1);
        let weights: Vec<BigInt> = self.policy.iter().map(|p| &p.0 * (&common / &p.1)).collect();
        if let Some(i) = weights.iter().position(BigInt::is_negative) {
            problems.push(format!("the policy gives action {i} a negative probability"));
        }
        if weights.iter().sum::<BigInt>() != common {
            problems.push("the policy does not sum to 1".to_owned());
        }
        let mut level = Vec::new();
        for i in 0..n {
            let (a, b) = self.advantage(i, &weights, &common);
            if a.is_positive() {
                let gain = ratio(&a, &b);
                problems.push(format!("action {i} beats the policy by {gain:e}: it is no equilibrium"));
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
            problems.push("it is said to be the only equilibrium, which does not follow".to_owned());
        }
        Report { problems, unique }
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
    fn difference(&self, game: &Game) -> Option<String> {
        let n = self.policy.len();
        if game.contexts() != 1 || game.shape().actions(0) != n {
            return Some(format!("the proof is for one context of {n} actions, the game is another"));
        }
        let far = |i: usize, j: usize| {
            let p = &self.win_rates[i][j];
            (ratio(&p.0, &p.1) - game.prob(0, i, j)).abs() > AS_WRITTEN
        };
        let (i, j) = (0..n).flat_map(|i| (0..n).map(move |j| (i, j))).find(|&(i, j)| far(i, j))?;
        let p = &self.win_rates[i][j];
        Some(format!("actions {i} and {j}: the proof has {}/{}, the game {}", p.0, p.1, game.prob(0, i, j)))
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
