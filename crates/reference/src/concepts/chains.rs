//! Stationary laws of Markov chains over the items.

use equipoise_env::PreferenceMatrix;
use ndarray::Array2;

use super::choice::{Choice, ConceptOptions};
use super::electorate::Electorate;
use crate::error::ReferenceError;
use crate::programme::Programme;

type Chosen = Result<Choice, ReferenceError>;

/// `log (exp a + exp b)`.
fn log_add(a: f64, b: f64) -> f64 {
    let (small, large) = if a < b { (a, b) } else { (b, a) };
    if small == f64::NEG_INFINITY { large } else { large + (small - large).exp().ln_1p() }
}

/// The law that a chain leaves as it is, by elimination of states (Grassmann, Taksar and Heyman 1985): no subtraction, and on
/// logarithms, so that small probabilities keep their digits. `moves(i, j)` is the logarithm of the rate from `i` to `j`; the
/// diagonal is not read. `None` for a chain that falls apart.
fn stationary(n: usize, moves: impl Fn(usize, usize) -> f64) -> Option<Vec<f64>> {
    let mut a: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| moves(i, j)).collect()).collect();
    for k in (1..n).rev() {
        let out = (0..k).map(|j| a[k][j]).fold(f64::NEG_INFINITY, log_add);
        if !out.is_finite() {
            return None;
        }
        for i in 0..k {
            let share = a[i][k] - out;
            a[i][k] = share;
            for j in (0..k).filter(|&j| j != i) {
                a[i][j] = log_add(a[i][j], share + a[k][j]);
            }
        }
    }
    let mut law = vec![0.0];
    for k in 1..n {
        law.push((0..k).map(|i| law[i] + a[i][k]).fold(f64::NEG_INFINITY, log_add));
    }
    let sum = law.iter().copied().fold(f64::NEG_INFINITY, log_add);
    Some(law.iter().map(|p| (p - sum).exp()).collect())
}

fn law(found: Option<Vec<f64>>) -> Chosen {
    Ok(match found {
        Some(policy) => Choice::Lottery { policy, unique: Some(true) },
        None => Choice::open("the chain falls apart: some items cannot be reached from others"),
    })
}

/// From `x` to `y` with probability `mu_y exp(U_xy)` over its sum, `U_xy` how much `y` is preferred to `x`.
fn moves_by(
    electorate: &Electorate,
    options: &ConceptOptions,
    preferred: impl Fn(usize, usize) -> f64,
) -> Chosen {
    let n = electorate.n();
    let mu = options.log_reference(n);
    let row = |x: usize| {
        let logits: Vec<f64> = (0..n).map(|y| mu[y] + preferred(x, y)).collect();
        // what is preferred with certainty takes all, by its share of the reference
        if logits.contains(&f64::INFINITY) {
            let certain = |y: usize| if logits[y] == f64::INFINITY { mu[y] } else { f64::NEG_INFINITY };
            return (0..n).map(certain).collect();
        }
        let sum = logits.iter().copied().fold(f64::NEG_INFINITY, log_add);
        logits.iter().map(|l| l - sum).collect::<Vec<f64>>()
    };
    let rows: Vec<Vec<f64>> = (0..n).map(row).collect();
    law(stationary(n, |x, y| rows[x][y]))
}

pub(super) fn mchf(electorate: &Electorate, options: &ConceptOptions) -> Chosen {
    let tau = options.tau();
    moves_by(electorate, options, |x, y| electorate.matrix().margin(y, x) / tau)
}

pub(super) fn mchf_logit(electorate: &Electorate, options: &ConceptOptions) -> Chosen {
    // logit(1/2 + k) = 2 atanh(2 k)
    moves_by(electorate, options, |x, y| 2.0 * (2.0 * electorate.matrix().margin(y, x)).atanh())
}

/// `P(mutants of s take over residents r) = (1 - exp(-x)) / (1 - exp(-m x))`, `x = a (P_sr - P_rs)`, `m` the population; uniform
/// mutations.
///
/// The stationary law at selection `a > 0` and a population of at least 2, `[n]`; `None` where probabilities that are 0 in
/// floating point make the chain fall apart.
#[must_use]
pub fn alpha_rank_law(matrix: &PreferenceMatrix, population: usize, selection: f64) -> Option<Vec<f64>> {
    let m = population as f64;
    // log(1 - exp(-x)), x > 0
    let rest = |x: f64| (-(-x).exp_m1()).ln();
    let fixation = |x: f64| match x {
        0.0 => -m.ln(),
        x if x > 0.0 => rest(x) - rest(m * x),
        // both signs turned: exp(x) and exp(m x) taken out
        x => (m - 1.0) * x + rest(-x) - rest(-m * x),
    };
    stationary(matrix.n(), |r, s| fixation(2.0 * selection * matrix.margin(s, r)))
}

/// Selection `a = 1 / (10 tau)` unless it is given.
pub(super) fn alpha_rank(electorate: &Electorate, options: &ConceptOptions) -> Chosen {
    let (population, selection) = (options.population(), options.selection());
    if population < 2 || !(selection > 0.0 && selection.is_finite()) {
        return Ok(Choice::open(format!(
            "population {population} must be at least 2, and selection {selection} finite and above 0"
        )));
    }
    law(alpha_rank_law(electorate.matrix(), population, selection))
}

/// A Markov chain over the items: from `x` to `y` with probability `mu_y exp(U_xy)` over its sum, `U_xy` how much `y` is preferred
/// to `x` (2026, arXiv:2606.22652), and how fast it forgets where it started.
///
/// ```text
/// |second eigenvalue| <= Dobrushin <= tanh(Delta / 4) <= tanh |U|_+,     |U|_+ = min_{g, f} max_xy |U_xy - g_x - f_y|
/// ```
///
/// (Birkhoff and Hopf; Seneta 1981). The seminorm is 0 for Bradley-Terry log-odds, where one step ends it.
#[derive(Clone, Debug, PartialEq)]
pub struct PreferenceChain {
    /// The law that it leaves as it is, `[n]`.
    pub law: Vec<f64>,
    /// Probabilities of the moves, a row an item, `[n x n]`.
    pub kernel: Array2<f64>,
    /// Modulus of the second eigenvalue of the kernel: the rate at which it forgets.
    pub eigenvalue: f64,
    /// Largest total variation between two rows.
    pub dobrushin: f64,
    /// `Delta = max |U_xy + U_zw - U_xw - U_zy|`.
    pub spread: f64,
    /// `|U|_+` of a skew `U`; `None` if its linear programme was not solved.
    pub seminorm: Option<f64>,
}

/// The chain of a skew `U`, finite; `log_mu` `[n]`. `None` if `U` is not finite.
#[must_use]
pub fn preference_chain(u: &Array2<f64>, log_mu: &[f64]) -> Option<PreferenceChain> {
    let n = log_mu.len();
    if u.dim() != (n, n) || n == 0 || u.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let total: Vec<f64> =
        (0..n).map(|x| (0..n).map(|y| log_mu[y] + u[[x, y]]).fold(f64::NEG_INFINITY, log_add)).collect();
    let log_move = |x: usize, y: usize| log_mu[y] + u[[x, y]] - total[x];
    let law = stationary(n, log_move)?;
    let kernel = Array2::from_shape_fn((n, n), |(x, y)| log_move(x, y).exp());
    let rows = || (0..n).flat_map(move |x| (0..x).map(move |z| (x, z)));
    let apart =
        |(x, z): (usize, usize)| 0.5 * (0..n).map(|y| (kernel[[x, y]] - kernel[[z, y]]).abs()).sum::<f64>();
    let dobrushin = rows().map(apart).fold(0.0, f64::max);
    let spread = rows()
        .map(|(x, z)| {
            let (least, most) = (0..n)
                .map(|y| u[[x, y]] - u[[z, y]])
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
            most - least
        })
        .fold(0.0, f64::max);
    let eigenvalue = radius(Array2::from_shape_fn((n, n), |(x, y)| kernel[[x, y]] - law[y]));
    Some(PreferenceChain { eigenvalue, dobrushin, spread, seminorm: seminorm(u), law, kernel })
}

/// Spectral radius, from `|A^(2^k)|^(1 / 2^k)`: an error of a squaring counts half as much as that of the one before.
fn radius(mut a: Array2<f64>) -> f64 {
    let mut log = 0.0;
    let mut weight = 1.0;
    for _ in 0..60 {
        let size = a.iter().map(|v| v * v).sum::<f64>().sqrt();
        if size == 0.0 {
            return 0.0;
        }
        a /= size;
        log += weight * size.ln();
        weight *= 0.5;
        a = a.dot(&a);
    }
    log.exp()
}

/// `min_f max_xy |U_xy - f_y + f_x|`: for a skew `U` the best `g` is `-f`.
fn seminorm(u: &Array2<f64>) -> Option<f64> {
    let n = u.nrows();
    if n == 1 {
        return Some(0.0);
    }
    // variables f >= 0, as adding a constant changes nothing, and t
    let mut cost = vec![0.0; n + 1];
    cost[n] = -1.0;
    let mut programme = Programme::maximise(cost);
    for ((x, y), v) in u.indexed_iter().filter(|((x, y), _)| x != y) {
        let mut row = vec![0.0; n + 1];
        (row[y], row[x], row[n]) = (-1.0, 1.0, -1.0);
        programme.at_most(row, -v);
    }
    programme.solve().optimum().map(|found| found.point[n])
}
