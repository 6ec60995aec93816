//! Stationary laws of Markov chains over the items.

use super::choice::{Choice, ConceptOptions};
use super::electorate::Electorate;
use crate::error::ReferenceError;

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

/// Mutants of `s` take over a population of 50 residents `r` with probability `(1 - exp(-x)) / (1 - exp(-50 x))`, `x = a (P_sr -
/// P_rs)`; uniform mutations. Selection `a = 1 / (10 tau)`.
pub(super) fn alpha_rank(electorate: &Electorate, options: &ConceptOptions) -> Chosen {
    const POPULATION: f64 = 50.0;
    let (n, a) = (electorate.n(), 0.1 / options.tau());
    // log(1 - exp(-x)), x > 0
    let rest = |x: f64| (-(-x).exp_m1()).ln();
    let fixation = |x: f64| match x {
        0.0 => -POPULATION.ln(),
        x if x > 0.0 => rest(x) - rest(POPULATION * x),
        // both signs turned: exp(x) and exp(50 x) taken out
        x => (POPULATION - 1.0) * x + rest(-x) - rest(-POPULATION * x),
    };
    law(stationary(n, |r, s| fixation(2.0 * a * electorate.matrix().margin(s, r))))
}
