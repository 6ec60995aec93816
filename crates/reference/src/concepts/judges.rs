//! Several judges, attributes or objectives at once: what holds against the worst of them.
//!
//! ```text
//! level a:    v_a = max_pi min_j min { sum_h q_h (P^h' pi)_j : q a distribution, q <= rho / a }
//!                 = max v   s.t.  v <= t_j - (1/a) sum_h rho_h s_hj,   s_hj >= t_j - (P^h' pi)_j,   s >= 0
//! ```
//!
//! `a = 1` is the maximal lottery of the mean game (`v = 1/2`), `a <= min rho` the Blackwell winner (Bhatia et al. 2020; 2026,
//! arXiv:2602.19041): the conditional value at risk over judges interpolates. For every weighting `w` of the judges the
//! Blackwell winner's duality gap in the mean game is at most `1 - 2 v`.
//!
//! With entropy `b` the opponent pays `b KL(pi' || mu)`: `max_pi min_h V_h(pi)`, `V_h(pi) = -b log sum_j mu_j exp(-(P^h' pi)_j / b)`,
//! concave; the value may exceed 1/2. Solved by cutting planes (Kelley 1960): every opponent met gives a linear bound from
//! above, and the best of their programme is the certificate.
//!
//! `V_h` is affine along `d`, `1'd = 0`, only where `K^h d` is constant, and constant only where `K^h d = 0`: a logarithm of a sum of exponentials
//! is strictly convex up to constants. Two best policies differ by such a `d` of the judge who binds half way between them. So if no judge has
//! one, which the least singular value of `[K^h; 1']` proves, the best policy is the only one.

use equipoise_core::simplex::log_sum_exp;
use faer::Mat;
use ndarray::Array2;

use super::choice::{Choice, ConceptOptions};
use super::electorate::{Electorate, Judge};
use super::zero_sum::best_rows;
use crate::dense;
use crate::error::ReferenceError;
use crate::programme::Programme;

type Chosen = Result<Choice, ReferenceError>;

/// Most items times judges of the linear programmes.
const LARGEST_JUDGED: usize = 200;
/// Most of them with entropy, where there are hundreds of programmes.
const LARGEST_ENTROPIC: usize = 60;
/// Most cutting planes.
const MOST_CUTS: usize = 600;
/// A least singular value beyond this share of the largest is no rounding.
const FULL_RANK: f64 = 1e-10;
/// Within which two win rates are level.
const LEVEL: f64 = 1e-13;
/// A certificate below this is an answer.
const CERTIFIED: f64 = 1e-9;

/// What holds against judges at some level, with its certificate.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgedLottery {
    /// The policy, `[n]`.
    pub policy: Vec<f64>,
    /// `v`: the win rate that it guarantees (with entropy: the value).
    pub value: f64,
    /// What some policy could gain on it at most, at least 0.
    pub certificate: f64,
    /// Whether no other policy has that value; `None`: not told.
    pub unique: Option<bool>,
}

/// `(P^h' pi)_j` of every judge and item, `[judges][n]`: the win rate of the policy against item `j` in the eyes of judge `h`.
#[must_use]
pub fn judged_win_rates(judges: &[Judge], policy: &[f64]) -> Vec<Vec<f64>> {
    let rates = |judge: &Judge| {
        let mut product = vec![0.0; policy.len()];
        judge.matrix.product(policy, &mut product);
        // P' pi = 1/2 - K pi on the simplex
        product.iter().map(|v| 0.5 - v).collect()
    };
    judges.iter().map(rates).collect()
}

/// The level-`a` lottery: `level` in `(0, 1]`; of several that of largest entropy. `None` for a level outside, without judges, or if
/// the pivots do not end.
///
/// A matrix game in which the opponent picks an item and the weights of the judges. Of the vertices of `{q <= rho / a}` those are
/// columns that were met: the mean's, then whatever holds an optimal lottery of the columns so far below its value, until none does.
#[must_use]
pub fn level_lottery(judges: &[Judge], level: f64) -> Option<JudgedLottery> {
    let n = judges.first()?.matrix.n();
    if !(level > 0.0 && level <= 1.0) {
        return None;
    }
    let total: f64 = judges.iter().map(|j| j.weight).sum();
    let mean: Vec<f64> = judges.iter().map(|j| j.weight / total).collect();
    let column = |j: usize, q: &[f64]| -> Vec<f64> {
        let against = |i: usize| judges.iter().zip(q).map(|(judge, q)| q * judge.matrix.prob(i, j)).sum();
        (0..n).map(against).collect()
    };
    let mut columns: Vec<Vec<f64>> = (0..n).map(|j| column(j, &mean)).collect();
    for _ in 0..MOST_CUTS {
        let found = best_rows(&Array2::from_shape_fn((n, columns.len()), |(i, c)| columns[c][i]))?;
        // what holds a policy below the value of the columns met so far, and is none of them
        let below = |policy: &[f64], columns: &[Vec<f64>]| -> Vec<Vec<f64>> {
            let rates = judged_win_rates(judges, policy);
            let worst = (0..n).map(|j| (j, worst_weights(&mean, level, &rates, j)));
            let held = worst.filter(|(_, (value, _))| *value < found.value - LEVEL);
            held.map(|(j, (_, q))| column(j, &q)).filter(|new| !columns.contains(new)).collect()
        };
        let mut new = below(&found.policy, &columns);
        if new.is_empty() {
            // the best of more policies than there are, and one of these: so it is the best, and of largest entropy
            let others: Vec<_> = found.ends.iter().filter(|end| apart(end, &found.policy)).collect();
            let held: Vec<Vec<Vec<f64>>> = others.iter().map(|end| below(end, &columns)).collect();
            if others.is_empty() || held.iter().any(Vec::is_empty) {
                let value = level_value(judges, &found.policy, level);
                let certificate = (found.value - value).abs();
                return Some(JudgedLottery {
                    policy: found.policy,
                    value,
                    certificate,
                    unique: found.unique,
                });
            }
            new = held.concat();
        }
        for column in new {
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
    }
    None
}

fn apart(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).any(|(a, b)| (a - b).abs() > 1e-10)
}

/// `min { sum_h q_h rates_hj : q a distribution, q <= rho / a }` and its `q`.
fn worst_weights(shares: &[f64], level: f64, rates: &[Vec<f64>], j: usize) -> (f64, Vec<f64>) {
    let mut order: Vec<usize> = (0..shares.len()).collect();
    order.sort_by(|&a, &b| rates[a][j].total_cmp(&rates[b][j]));
    let (mut left, mut value, mut q) = (1.0, 0.0, vec![0.0; shares.len()]);
    for h in order {
        q[h] = (shares[h] / level).min(left);
        value += q[h] * rates[h][j];
        left -= q[h];
    }
    (value, q)
}

/// `min_j min { sum_h q_h (P^h' pi)_j : q <= rho / a }` of any policy.
#[must_use]
pub fn level_value(judges: &[Judge], policy: &[f64], level: f64) -> f64 {
    let total: f64 = judges.iter().map(|j| j.weight).sum();
    let rates = judged_win_rates(judges, policy);
    let shares: Vec<f64> = judges.iter().map(|j| j.weight / total).collect();
    let worst = |j: usize| worst_weights(&shares, level, &rates, j).0;
    (0..policy.len()).map(worst).fold(f64::INFINITY, f64::min)
}

/// The Blackwell winner: the best worst win rate over judges and items.
#[must_use]
pub fn blackwell_winner(judges: &[Judge]) -> Option<JudgedLottery> {
    let total: f64 = judges.iter().map(|j| j.weight).sum();
    let least = judges.iter().map(|j| j.weight).fold(f64::INFINITY, f64::min);
    level_lottery(judges, (least / total).min(1.0))
}

/// The maximum-entropy Blackwell winner: `entropy` `b > 0`, `log_mu` `[n]` of the reference. The certificate is how far its
/// value may be from the best one. `None` for an entropy that is not above 0, or without judges.
#[must_use]
pub fn entropic_blackwell_winner(judges: &[Judge], log_mu: &[f64], entropy: f64) -> Option<JudgedLottery> {
    let n = judges.first()?.matrix.n();
    if !(entropy > 0.0 && entropy.is_finite()) || log_mu.len() != n {
        return None;
    }
    // the row of a cut: maximise v + 1 >= 0 subject to v <= g'pi + c; with sum pi = 1 the constant goes into g
    let mut cuts: Vec<Vec<f64>> = Vec::new();
    let mut policy = vec![1.0 / n as f64; n];
    let mut best = JudgedLottery {
        policy: policy.clone(),
        value: f64::NEG_INFINITY,
        certificate: f64::INFINITY,
        unique: None,
    };
    for _ in 0..MOST_CUTS {
        let (value, new) = opponents(judges, &policy, log_mu, entropy);
        if value > best.value {
            best = JudgedLottery { policy: policy.clone(), value, ..best };
        }
        cuts.extend(new);
        let mut cost = vec![0.0; n + 1];
        cost[n] = 1.0;
        let mut programme = Programme::maximise(cost);
        let mut sum = vec![1.0; n + 1];
        sum[n] = 0.0;
        programme.equal(sum, 1.0);
        for cut in &cuts {
            let mut row: Vec<f64> = cut.iter().map(|g| -g).collect();
            row.push(1.0);
            programme.at_most(row, 0.0);
        }
        let found = programme.solve().optimum()?;
        best.certificate = (found.value - best.value).max(0.0);
        if best.certificate <= CERTIFIED {
            break;
        }
        // half way to the vertex: Kelley's steps alone go to and fro
        let vertex = normalised(&found.point[..n]);
        policy = best.policy.iter().zip(&vertex).map(|(a, b)| 0.5 * (a + b)).collect();
        if best.policy.iter().zip(&policy).all(|(a, b)| (a - b).abs() < 1e-15) {
            policy = vertex;
        }
    }
    best.unique = only_best(judges, &best.policy);
    Some(best)
}

/// Whether the best policy with entropy, of which `policy` is one but for its certificate, is the only one; `None`: not told.
fn only_best(judges: &[Judge], policy: &[f64]) -> Option<bool> {
    let n = policy.len();
    let strict = |judge: &Judge| {
        let rows = Mat::from_fn(n + 1, n, |i, j| if i == n { 1.0 } else { judge.matrix.margin(i, j) });
        let values = dense::singular_values(&rows)?;
        let ends = values.iter().fold((f64::INFINITY, 0.0f64), |(l, m), v| (l.min(*v), m.max(*v)));
        Some(ends.0 > FULL_RANK * ends.1)
    };
    if judges.iter().all(|judge| strict(judge) == Some(true)) {
        return Some(true);
    }
    // mass moves between two items that are one to every judge
    let one = |i: usize, j: usize| {
        judges.iter().all(|judge| (0..n).all(|k| judge.matrix.margin(i, k) == judge.matrix.margin(j, k)))
    };
    let played = |i: usize| policy[i] > 1e-6;
    (0..n).any(|i| (i + 1..n).any(|j| (played(i) || played(j)) && one(i, j))).then_some(false)
}

/// `min_h V_h`, and the linear bound of every judge's best opponent.
fn opponents(judges: &[Judge], policy: &[f64], log_mu: &[f64], b: f64) -> (f64, Vec<Vec<f64>>) {
    let n = policy.len();
    let rates = judged_win_rates(judges, policy);
    let mut least = f64::INFINITY;
    let cut = |(judge, rates): (&Judge, &Vec<f64>)| {
        let logits: Vec<f64> = (0..n).map(|j| log_mu[j] - rates[j] / b).collect();
        let total = log_sum_exp(logits.iter().copied());
        least = least.min(-b * total);
        let answer: Vec<f64> = logits.iter().map(|l| (l - total).exp()).collect();
        // b KL(br || mu) = sum br (-rate) - b total
        let cost: f64 = (0..n).map(|j| -answer[j] * rates[j]).sum::<f64>() - b * total;
        let against = |i: usize| (0..n).map(|j| answer[j] * judge.matrix.prob(i, j)).sum::<f64>();
        (0..n).map(|i| against(i) + cost).collect::<Vec<f64>>()
    };
    let cuts = judges.iter().zip(&rates).map(cut).collect();
    (least, cuts)
}

fn normalised(weights: &[f64]) -> Vec<f64> {
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|w| w / sum).collect()
}

/// Why the programmes of so many items and judges are not solved, if they are not.
fn too_large(electorate: &Electorate, most: usize) -> Option<Choice> {
    let judges = electorate.judges().unwrap_or_default().len();
    let size = electorate.n() * judges;
    (size > most).then(|| {
        Choice::open(format!(
            "it solves linear programmes of {size} items times judges; up to {most}: cut the list with --items"
        ))
    })
}

fn answer(found: Option<JudgedLottery>) -> Chosen {
    Ok(match found {
        Some(found) if found.certificate <= 1e-8 => {
            Choice::Lottery { policy: found.policy, unique: found.unique }
        }
        Some(found) => Choice::open(format!(
            "its value is known to {:.1e} only, after {MOST_CUTS} cutting planes; take a larger tau",
            found.certificate
        )),
        None => Choice::open("its linear programme was not solved"),
    })
}

pub(super) fn blackwell(electorate: &Electorate, _: &ConceptOptions) -> Chosen {
    if let Some(open) = too_large(electorate, LARGEST_JUDGED) {
        return Ok(open);
    }
    answer(blackwell_winner(electorate.judges().unwrap_or_default()))
}

pub(super) fn entropic(electorate: &Electorate, options: &ConceptOptions) -> Chosen {
    if let Some(open) = too_large(electorate, LARGEST_ENTROPIC) {
        return Ok(open);
    }
    let judges = electorate.judges().unwrap_or_default();
    answer(entropic_blackwell_winner(judges, &options.log_reference(electorate.n()), options.tau()))
}

pub(super) fn at_level(electorate: &Electorate, options: &ConceptOptions) -> Chosen {
    if let Some(open) = too_large(electorate, LARGEST_JUDGED) {
        return Ok(open);
    }
    let level = options.level();
    if !(level > 0.0 && level <= 1.0) {
        return Ok(Choice::open(format!("level {level} must be above 0 and at most 1")));
    }
    answer(level_lottery(electorate.judges().unwrap_or_default(), level))
}

/// What a policy holds against the worst judges by the measure of a concept of several judges: the win rate that the Blackwell winner or
/// the level's lottery has most of, or the value with entropy. `None` for other concepts, or without judges.
#[must_use]
pub fn guaranteed_value(
    concept: &str,
    electorate: &Electorate,
    options: &ConceptOptions,
    policy: &[f64],
) -> Option<f64> {
    let judges = electorate.judges()?;
    match concept {
        "blackwell" => {
            Some(judged_win_rates(judges, policy).concat().into_iter().fold(f64::INFINITY, f64::min))
        }
        "judges-at-risk" => Some(level_value(judges, policy, options.level())),
        "blackwell-entropy" => {
            Some(opponents(judges, policy, &options.log_reference(electorate.n()), options.tau()).0)
        }
        _ => None,
    }
}
