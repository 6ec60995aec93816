//! Is it cyclic beyond noise? Measures of intransitivity, each against the data that one rating an item would give.
//!
//! The null is the fitted Bradley-Terry model, or Davidson's where there are ties; from it data of the same design (the
//! same pairs, met as often) are drawn, and every statistic is recomputed on each:
//!
//! ```text
//! p = (1 + #{T* >= T}) / (1 + replicates)
//! ```
//!
//! conservative where T is a count, uniform under the null up to the error of the fit where it is continuous: of 8 items
//! met 40 times a pair their distribution function is off by up to 0.04, in its middle; at the level 0.05 nothing was seen
//! beyond 2.3 standard errors of 4,000 data sets (`examples/calibration.txt`). `P` is read
//! off the counts with ties as half wins; pairs that never met are left out (for the lottery they stand at 1/2).
//!
//! The statistic that decides is the *strength of the strongest cycle*: the largest z such that some cycle, of any length,
//! consists of pairs each won at z standard errors, `(wins - losses) / sqrt(wins + losses)`, or more. It is 0 where the
//! majorities are transitive, however badly Bradley-Terry fits: misfit and intransitivity are different findings.
//!
//! Cyclic energy: HodgeRank, weighted by counts (Jiang, Lim, Yao, Ye, arXiv:0811.1067), as
//! [`cyclic_energy`](equipoise_reference::choice::cyclic_energy). Its value is inflated by noise and by the bend of the
//! logistic; the corrected one takes away what the null has of it, from energy and total alike. Its p-value tests the
//! energy itself and not its share: fitted strengths are a little too far apart, so that null data have too large a total,
//! and shares that are too small (measured by `examples/calibration.rs`).
//!
//! Cost: replicates x (one fit, O(n^3), one lottery where `n <= `[`LOTTERIES`]). Replicates run in parallel, each on
//! a stream of its own: results do not depend on the number of threads.

use equipoise_core::seed::stream;
use equipoise_data::{Comparisons, Ties};
use equipoise_env::PreferenceMatrix;
use equipoise_reference::choice::{condorcet_winner, smith_set};
use equipoise_reference::{Equilibrium, ReferenceError, maximal_lottery};
use faer::Mat;
use ndarray::Array1;
use rayon::prelude::*;

use crate::cycles::{CycleFacts, cycle_facts};
use crate::entries::{BRADLEY_TERRY, DAVIDSON};
use crate::error::FitError;
use crate::hodge::Hodge;
use crate::intervals::quantile;
use crate::pair_fit::{PairFit, PairOptions, fit, strengths};
use crate::pair_model::PairModel;
use crate::power::{Power, power};
use crate::resample::{is_whole, simulate};

/// Largest number of items for which lotteries and singular values of replicates are computed.
pub const LOTTERIES: usize = 60;
/// Level of the verdict.
pub const LEVEL: f64 = 0.05;
/// Level at which misfit alone is held against Bradley-Terry.
const MISFIT_LEVEL: f64 = 0.01;
/// Share of the variance of win rates, beyond noise, that ratings may leave unexplained and still be called enough: with
/// many votes the smallest misfit is beyond noise.
pub const TOLERATED: f64 = 0.02;

/// One measure.
#[derive(Clone, Debug)]
pub struct Statistic {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub definition: &'static str,
    /// Its value on the data.
    pub value: f64,
    /// Its mean under the null.
    pub null_mean: Option<f64>,
    /// Its 95 percent point under the null.
    pub null_95: Option<f64>,
    /// Share of null data sets with at least this value; `None` if no data could be drawn.
    pub p_value: Option<f64>,
    /// Null data sets with more than this value, with as much, and all.
    counts: (usize, usize, usize),
}

impl Statistic {
    /// The p-value with ties broken by `u`, uniform on [0, 1): uniform under the null also where values are counts.
    #[must_use]
    pub fn randomised_p_value(&self, u: f64) -> Option<f64> {
        let (more, as_much, all) = self.counts;
        self.p_value.map(|_| (more as f64 + u * (as_much + 1) as f64) / (all + 1) as f64)
    }
}

/// Names and definitions, in the order of [`Inspection::statistics`].
pub const STATISTICS: [(&str, &str); 11] = [
    ("strongest_cycle", "largest z such that a cycle has every pair won at z standard errors or more"),
    ("cyclic_triads", "triples of items in a cycle, of those all of whose pairs met"),
    ("weighted_triads", "share of cyclic triples, each weighted by the least of its three counts"),
    (
        "significant_triads",
        "cyclic triples all three pairs of which are significant (one-sided sign test, 5 percent)",
    ),
    ("items_on_cycles", "share of items that lie on a cycle of majorities"),
    ("cyclic_energy", "share of the count-weighted variance of P - 1/2 that no rating explains"),
    ("largest_curl", "largest |K_ij + K_jk + K_ki| over triples, K = P - 1/2"),
    ("second_rotation", "second largest pair of singular values of K: 0 if K has rank two"),
    ("favourite_loss", "win rate of the best reply to the Bradley-Terry favourite, less 1/2"),
    ("nash_edge", "win rate of the maximal lottery against the Bradley-Terry favourite, less 1/2"),
    ("deviance", "twice the log-likelihood that Bradley-Terry loses against free win rates"),
];

/// A measure, by its place in [`STATISTICS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// `strongest_cycle`.
    StrongestCycle,
    /// `cyclic_triads`.
    CyclicTriads,
    /// `weighted_triads`.
    WeightedTriads,
    /// `significant_triads`.
    SignificantTriads,
    /// `items_on_cycles`.
    ItemsOnCycles,
    /// `cyclic_energy`.
    CyclicEnergy,
    /// `largest_curl`.
    LargestCurl,
    /// `second_rotation`.
    SecondRotation,
    /// `favourite_loss`.
    FavouriteLoss,
    /// `nash_edge`.
    NashEdge,
    /// `deviance`.
    Deviance,
}

const ENERGY: usize = Measure::CyclicEnergy as usize;
const ROTATION: usize = Measure::SecondRotation as usize;
const LOSS: usize = Measure::FavouriteLoss as usize;
const EDGE: usize = Measure::NashEdge as usize;
const DEVIANCE: usize = Measure::Deviance as usize;

/// What the tests say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Some cycle is stronger than one rating an item explains.
    CyclicBeyondNoise,
    /// No cycle beyond noise, but the favourite loses to somebody beyond noise.
    FavouriteBeaten,
    /// No cycle beyond noise, and the favourite is safe, but the win rates are off beyond noise, and by more than
    /// [`TOLERATED`].
    Misfit,
    /// Nothing that matters speaks against one rating an item.
    Adequate,
    /// No data could be drawn: no p-values.
    Unknown,
}

/// Everything that is said about one set of comparisons.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// The preference matrix; unmet pairs at 1/2.
    pub matrix: PreferenceMatrix,
    /// The item that beats every other (all pairs met), if there is one.
    pub condorcet_winner: Option<usize>,
    /// The smallest set whose members all beat everybody outside.
    pub smith_set: Vec<usize>,
    /// Cycles of majorities.
    pub cycles: CycleFacts,
    /// The Bradley-Terry fit, ties half.
    pub bradley_terry: PairFit,
    /// The model that null data are drawn from: Bradley-Terry or Davidson.
    pub null: &'static PairModel,
    /// Its strongest item.
    pub favourite: usize,
    /// The best reply to it, if somebody beats it or ties.
    pub worst_opponent: Option<usize>,
    /// The maximal lottery.
    pub nash: Equilibrium,
    /// The measures, in the order of [`STATISTICS`].
    pub statistics: [Statistic; STATISTICS.len()],
    /// Cyclic energy with the energy of noise taken out, in [0, 1]; `None` if no data could be drawn.
    pub corrected_energy: Option<f64>,
    /// Pairs of singular values of K that stand out of the noise, times two.
    pub skew_rank: Option<usize>,
    /// What could be detected.
    pub power: Power,
    /// Data sets drawn.
    pub replicates: usize,
    /// The finding.
    pub verdict: Verdict,
}

/// Why nothing was found.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// No fit.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// No lottery.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
}

impl Inspection {
    /// One of the measures.
    #[must_use]
    pub fn statistic(&self, measure: Measure) -> &Statistic {
        &self.statistics[measure as usize]
    }
}

/// Runs the tests with `replicates` null data sets on streams of `seed`; `done` is called after each.
///
/// # Errors
/// [`InspectError`].
pub fn inspect(
    data: &Comparisons,
    replicates: usize,
    seed: u64,
    done: &(dyn Fn() + Sync),
) -> Result<Inspection, InspectError> {
    let bradley_terry = fit(data, &BRADLEY_TERRY, PairOptions::default())?;
    let tied = data.total_ties > 0.0 && data.ties == Ties::Half;
    let decided = data.pairs.iter().any(|p| p.outcomes().0 + p.outcomes().1 > 0.0);
    let null: &'static PairModel = if tied && decided { &DAVIDSON } else { &BRADLEY_TERRY };
    let truth =
        if *null == DAVIDSON { fit(data, null, PairOptions::default())? } else { bradley_terry.clone() };
    let design = Design {
        hodge: Hodge::new(data),
        lotteries: data.n() <= LOTTERIES,
        start: bradley_terry.log_strength.clone(),
    };
    let seen = design.measure(data)?;
    let replicates = if is_whole(data) { replicates } else { 0 };
    let drawn = (0..replicates)
        .into_par_iter()
        .map(|k| {
            let mut rng = stream(seed, "null data", &[&k.to_string()]);
            let drawn = simulate(data, |i, j| truth.probs(i, j), &mut rng);
            let measured = design.measure(&drawn);
            done();
            measured
        })
        .collect::<Result<Vec<Measured>, InspectError>>()?;
    let statistic = |k: usize| {
        let (name, definition) = STATISTICS[k];
        let mut values: Vec<f64> = drawn.iter().map(|m| m.values[k]).collect();
        let known = !values.is_empty() && (design.lotteries || !matches!(k, ROTATION | EDGE));
        let value = seen.values[k];
        // of the energy the absolute part is tested, see the module head
        let (tested, against): (f64, Vec<f64>) = match k {
            ENERGY => (seen.cyclic_energy, drawn.iter().map(|m| m.cyclic_energy).collect()),
            _ => (value, values.clone()),
        };
        // ties up to rounding are ties
        let rounding = 1e-12 * tested.abs();
        let more = against.iter().filter(|&&v| v > tested + rounding).count();
        let as_large = against.iter().filter(|&&v| v >= tested - rounding).count();
        Statistic {
            name,
            definition,
            value,
            p_value: known.then(|| (1 + as_large) as f64 / (1 + values.len()) as f64),
            null_mean: known.then(|| values.iter().sum::<f64>() / values.len() as f64),
            null_95: known.then(|| quantile(&mut values, 0.95)),
            counts: (more, as_large - more, drawn.len()),
        }
    };
    let statistics: [Statistic; STATISTICS.len()] = std::array::from_fn(statistic);
    let corrected_energy = (!drawn.is_empty()).then(|| {
        let mean = |of: fn(&Measured) -> f64| drawn.iter().map(of).sum::<f64>() / drawn.len() as f64;
        let exact = design.hodge.energies(&design.hodge.margins_of(|i, j| truth.prob(i, j) - 0.5));
        let noise = mean(|m| m.total_energy) - exact.1;
        let (cyclic, total) = (seen.cyclic_energy - mean(|m| m.cyclic_energy), seen.total_energy - noise);
        if total > 0.0 { (cyclic / total).clamp(0.0, 1.0) } else { 0.0 }
    });
    let matrix = data.matrix(0.0);
    let skew_rank = (design.lotteries && !drawn.is_empty()).then(|| {
        // noise alone: the largest singular value of K* minus its expectation
        let mut noise: Vec<f64> = (0..drawn.len().min(200))
            .map(|k| {
                let mut rng = stream(seed, "null data", &[&k.to_string()]);
                let drawn = simulate(data, |i, j| truth.probs(i, j), &mut rng);
                rotations(&centred(&drawn, &truth)).first().copied().unwrap_or(0.0)
            })
            .collect();
        let level = quantile(&mut noise, 0.95);
        2 * rotations(&skew(&matrix)).iter().filter(|&&s| s > level).count()
    });
    let p = |measure: Measure| statistics[measure as usize].p_value.unwrap_or(1.0);
    let verdict = match drawn.is_empty() {
        true => Verdict::Unknown,
        false if p(Measure::StrongestCycle) < LEVEL => Verdict::CyclicBeyondNoise,
        false if p(Measure::FavouriteLoss) < MISFIT_LEVEL && seen.values[LOSS] > 0.0 => {
            Verdict::FavouriteBeaten
        }
        false if p(Measure::Deviance) < MISFIT_LEVEL && corrected_energy > Some(TOLERATED) => Verdict::Misfit,
        false => Verdict::Adequate,
    };
    let cycles = cycle_facts(data);
    let power = power(data, &bradley_terry, cycles.strongest_triad);
    Ok(Inspection {
        condorcet_winner: condorcet_winner(&matrix),
        smith_set: smith_set(&matrix),
        favourite: seen.favourite,
        worst_opponent: seen.worst,
        nash: maximal_lottery(&matrix)?,
        matrix,
        cycles,
        bradley_terry,
        null,
        statistics,
        corrected_energy,
        skew_rank,
        power,
        replicates: drawn.len(),
        verdict,
    })
}

/// What stays the same over data sets of one design.
struct Design {
    hodge: Hodge,
    lotteries: bool,
    start: Array1<f64>,
}

struct Measured {
    values: [f64; STATISTICS.len()],
    cyclic_energy: f64,
    total_energy: f64,
    favourite: usize,
    worst: Option<usize>,
}

impl Design {
    fn measure(&self, data: &Comparisons) -> Result<Measured, InspectError> {
        let (r, deviance) = strengths(data, &BRADLEY_TERRY, &self.start)?;
        let favourite = (0..r.len()).fold(0, |best, i| if r[i] > r[best] { i } else { best });
        let against = |i: usize, margin: f64| (margin >= 0.0).then_some((i, margin));
        let replies = data.pairs.iter().filter_map(|p| match favourite {
            f if f == p.i => against(p.j, -p.margin(0.0)),
            f if f == p.j => against(p.i, p.margin(0.0)),
            _ => None,
        });
        let worst = replies.fold(None, |best: Option<(usize, f64)>, new| match best {
            Some(best) if best.1 >= new.1 => Some(best),
            _ => Some(new),
        });
        let facts = cycle_facts(data);
        let margins: Vec<f64> = data.pairs.iter().map(|p| p.margin(0.0)).collect();
        let (cyclic_energy, total_energy) = self.hodge.energies(&margins);
        let (rotation, edge) = if self.lotteries {
            let matrix = data.matrix(0.0);
            let nash = maximal_lottery(&matrix)?;
            let edge: f64 = (0..data.n()).map(|i| nash.policy[i] * matrix.margin(i, favourite)).sum();
            // against a favourite that it plays the lottery has no edge, up to rounding
            let edge = if edge.abs() < 1e-12 { 0.0 } else { edge };
            (rotations(&skew(&matrix)).get(1).copied().unwrap_or(0.0), edge)
        } else {
            (f64::NAN, f64::NAN)
        };
        let mut values = [0.0; STATISTICS.len()];
        values[..5].copy_from_slice(&[
            facts.strongest_cycle,
            facts.cyclic as f64,
            facts.weighted_share,
            facts.significant as f64,
            facts.items_on_cycles,
        ]);
        values[ENERGY] = if total_energy > 0.0 { cyclic_energy / total_energy } else { 0.0 };
        values[6] = facts.largest_curl;
        values[ROTATION] = rotation;
        values[LOSS] = worst.map_or(0.0, |(_, margin)| margin);
        values[EDGE] = edge;
        values[DEVIANCE] = deviance;
        Ok(Measured { values, cyclic_energy, total_energy, favourite, worst: worst.map(|(j, _)| j) })
    }
}

/// K as a matrix.
fn skew(matrix: &PreferenceMatrix) -> Mat<f64> {
    Mat::from_fn(matrix.n(), matrix.n(), |i, j| matrix.margin(i, j))
}

/// K of the data minus K of the model, over pairs that met.
fn centred(data: &Comparisons, truth: &PairFit) -> Mat<f64> {
    let mut k = Mat::zeros(data.n(), data.n());
    for pair in &data.pairs {
        let off = pair.margin(0.0) - (truth.prob(pair.i, pair.j) - 0.5);
        k[(pair.i, pair.j)] = off;
        k[(pair.j, pair.i)] = -off;
    }
    k
}

/// Singular values of a skew matrix, one of each pair, descending: square roots of the eigenvalues of `K'K`. Good to
/// 1e-8 of the largest, which is far below noise.
fn rotations(k: &Mat<f64>) -> Vec<f64> {
    let values = jacobi(k.transpose() * k);
    values.chunks_exact(2).map(|pair| pair[0].max(0.0).sqrt()).collect()
}

/// Eigenvalues of a symmetric matrix, descending, by cyclic Jacobi rotations, which converge on every matrix; iterative
/// decompositions gave up on skew matrices of few votes, whose singular values all come in equal pairs.
fn jacobi(mut a: Mat<f64>) -> Vec<f64> {
    let n = a.nrows();
    let norm: f64 = (0..n).map(|i| (0..n).map(|j| a[(i, j)] * a[(i, j)]).sum::<f64>()).sum();
    for _ in 0..60 {
        let off: f64 = (0..n).map(|i| (i + 1..n).map(|j| a[(i, j)] * a[(i, j)]).sum::<f64>()).sum();
        if off <= 1e-28 * norm {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                if a[(p, q)] == 0.0 {
                    continue;
                }
                let theta = (a[(q, q)] - a[(p, p)]) / (2.0 * a[(p, q)]);
                let t = theta.signum() / (theta.abs() + theta.hypot(1.0));
                let c = 1.0 / t.hypot(1.0);
                let s = t * c;
                for k in 0..n {
                    let (x, y) = (a[(k, p)], a[(k, q)]);
                    (a[(k, p)], a[(k, q)]) = (c * x - s * y, s * x + c * y);
                }
                for k in 0..n {
                    let (x, y) = (a[(p, k)], a[(q, k)]);
                    (a[(p, k)], a[(q, k)]) = (c * x - s * y, s * x + c * y);
                }
            }
        }
    }
    let mut values: Vec<f64> = (0..n).map(|i| a[(i, i)]).collect();
    values.sort_by(|x, y| y.total_cmp(x));
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotations_of_known_matrices() {
        // a balanced cycle of n: singular values 2 sin(2 pi m / n) times the margin
        for n in [3usize, 6, 9] {
            let k = Mat::from_fn(n, n, |i, j| match (n + j - i) % n {
                1 => 0.3,
                d if d == n - 1 => -0.3,
                _ => 0.0,
            });
            let mut expected: Vec<f64> =
                (0..n).map(|m| (0.6 * (std::f64::consts::TAU * m as f64 / n as f64).sin()).abs()).collect();
            expected.sort_by(|x, y| y.total_cmp(x));
            for (got, want) in rotations(&k).iter().zip(expected.chunks_exact(2)) {
                assert!((got - want[0]).abs() < 1e-8, "{n}: {got} {want:?}");
            }
        }
        // a rating has rank two: one rotation
        let r = [0.3, -0.1, 0.2, -0.4, 0.05];
        let found = rotations(&Mat::from_fn(5, 5, |i, j| r[i] - r[j]));
        assert!(found[0] > 0.1 && found[1] < 1e-7, "{found:?}");
    }
}
