//! A matrix of log odds as a skew matrix of low rank and a sparse remainder: robust principal components with gaps.
//!
//! ```text
//! M = L + C        L skew of rank d, C zero but for few pairs;  z = max |M|, then 0.7 times as much, again and again
//! C_ij = M_ij - L_ij  where |M_ij - L_ij| > max(z, noise_ij), else 0
//! L = the nearest skew matrix of rank d to  M - C  on known pairs,  L  on the others
//! noise_ij = k sqrt(1 / (met_ij p + 1/2) + 1 / (met_ij (1 - p) + 1/2)),  p = sigma(L_ij):  k standard errors if L were the truth
//! ```
//!
//! Alternating projections (Netrapalli et al. 2014, arXiv:1410.7660) on the log odds of a preference matrix, as in CURATRON (Nguyen, Gao,
//! Kuncak 2024, arXiv:2403.02745), with the nearest skew matrix ([`skew_embedding`]) in place of the nearest one. Bradley-Terry has d = 2. The last
//! step is repeated at each z until L moves by less than a tenth of it. Deviations that chance explains are never taken out. Where the last
//! step converges too slowly, as with as many known pairs as a matrix of rank d has parameters, its fixed point, a stationary point of the
//! squares on known pairs less C, is sought by L-BFGS. Those squares need not have a minimum: with too few known pairs the others can grow for
//! ever while the known ones are fitted ever better. Then every other pair counts as even, at a weight of [`HOLD`], and it is said.
//!
//! A matrix of rank d without a remainder is a fixed point. What of a matrix is not of rank d goes into the remainder, whether it is
//! corruption or not: d = 2 takes a cycle that rides on ratings for corruption, d = 4 keeps one.
//!
//! Cost: one eigendecomposition of an n x n matrix a step, some hundred steps without noise.

use equipoise_core::lbfgs::{Minimum, minimise};
use equipoise_core::logistic::logistic;
use ndarray::Array2;

use crate::descent::Fall;
use crate::registry::Watch;
use crate::skew_embedding::{form, skew_embedding};

/// Steps at most.
const MOST_STEPS: u32 = 1_000;
/// What the threshold is multiplied by.
const DECAY: f64 = 0.7;
/// Smallest threshold, as a share of the largest entry.
const LEAST: f64 = 1e-15;
/// How far L may still move at the end, as a share of the largest entry.
const STILL: f64 = 1e-13;
/// Largest entry of the gradient of the squares at the end, as a share of the largest entry.
const STATIONARY: f64 = 1e-11;
/// L-BFGS steps at most.
const MOST_DESCENTS: u32 = 20_000;
/// Weight of a pair that is held even, where a known pair has 1.
pub const HOLD: f64 = 0.01;
/// Steps below all noise after which the remainder keeps its place.
const FIXED_AFTER: u32 = 50;
/// Share of the work that is told when the threshold has come down to the noise, and when the steps at the noise are done.
const SHRINKING: f64 = 0.3;
const PROJECTING: f64 = 0.7;
/// Smallest part of the remainder that is told, as a share of the largest entry: less is rounding.
const TOLD: f64 = 1e-6;

/// A skew matrix of low rank, and the pairs that it leaves.
#[derive(Clone, Debug)]
pub struct Separated {
    /// L, `[n][n]`.
    pub low_rank: Array2<f64>,
    /// Known pairs (i below j) that stand apart from it.
    pub apart: Vec<(usize, usize)>,
    /// Steps done.
    pub steps: u32,
    /// Whether L stood still at the end.
    pub converged: bool,
    /// Whether pairs that are unknown or apart were held even, because the others alone have no minimum.
    pub held: bool,
}

/// Separates log odds, `[n][n]`, skew, of `met` comparisons, `[n][n]`, symmetric: infinite where the entry is exact, 0 where it is not
/// known. `deviations`: the k above.
///
/// # Panics
/// If the shapes differ, a known entry is not finite, or `rank` is odd.
#[must_use]
pub fn separate(log_odds: &Array2<f64>, met: &Array2<f64>, deviations: f64, rank: usize) -> Separated {
    separate_watched(log_odds, met, deviations, rank, &|_| ())
}

/// [`separate`]; `watch` hears of the share that is done.
pub(crate) fn separate_watched(
    log_odds: &Array2<f64>,
    met: &Array2<f64>,
    deviations: f64,
    rank: usize,
    watch: Watch<'_>,
) -> Separated {
    let n = log_odds.nrows();
    assert_eq!((log_odds.dim(), met.dim()), ((n, n), (n, n)), "square, of one size");
    assert!(rank.is_multiple_of(2), "the rank of a skew matrix is even");
    let known = |i: usize, j: usize| i != j && met[[i, j]] > 0.0;
    let noise = |i: usize, j: usize, fitted: f64| {
        let side = |p: f64| (met[[i, j]] * p + 0.5).recip();
        if met[[i, j]].is_infinite() {
            0.0
        } else {
            deviations * (side(logistic(fitted)) + side(logistic(-fitted))).sqrt()
        }
    };
    let entries = || (0..n).flat_map(|j| (0..j).map(move |i| (i, j))).filter(|&(i, j)| known(i, j));
    let scale = entries().map(|(i, j)| log_odds[[i, j]].abs()).fold(0.0, f64::max);
    assert!(scale.is_finite(), "known log odds are finite");
    // the least that chance allows: where the fit is even
    let noisy = entries().map(|(i, j)| noise(i, j, 0.0)).fold(f64::INFINITY, f64::min);
    let least = if noisy > 0.0 && noisy.is_finite() { noisy } else { LEAST * scale };
    let (mut low_rank, mut flags) = (Array2::<f64>::zeros((n, n)), Array2::from_elem((n, n), false));
    let (mut z, mut steps, mut below, mut converged) = (scale, 0, 0, scale == 0.0);
    let mut held = false;
    while !converged && steps < MOST_STEPS {
        if below < FIXED_AFTER {
            for (i, j) in entries() {
                let off = (log_odds[[i, j]] - low_rank[[i, j]]).abs();
                flags[[i, j]] = off > z.max(noise(i, j, low_rank[[i, j]]));
            }
        }
        let kept = |i: usize, j: usize| known(i, j) && !flags[[i.min(j), i.max(j)]];
        let target =
            Array2::from_shape_fn(
                (n, n),
                |(i, j)| if kept(i, j) { log_odds[[i, j]] } else { low_rank[[i, j]] },
            );
        let embedding = skew_embedding(&target, rank / 2);
        let next = Array2::from_shape_fn((n, n), |(i, j)| embedding.score(i, j));
        let moved = next.iter().zip(&low_rank).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        low_rank = next;
        steps += 1;
        // the threshold falls to the noise, then steps without noise are counted; what L-BFGS then has to do is not known before
        let fallen = if z > least { (scale / z).ln() / (scale / least).ln() } else { 1.0 };
        let counted = (f64::from(below) / f64::from(FIXED_AFTER)).min(1.0);
        watch(SHRINKING * fallen + (PROJECTING - SHRINKING) * counted);
        if z <= least {
            below += 1;
            converged = moved <= STILL * scale && (noisy == 0.0 || below > 1);
        }
        if moved <= 0.1 * z {
            z *= DECAY;
        }
    }
    if !converged && below >= FIXED_AFTER {
        let kept = |i: usize, j: usize| known(i, j) && !flags[[i, j]];
        let pairs = (0..n).flat_map(|j| (0..j).map(move |i| (i, j)));
        let free: Vec<Target> = pairs
            .clone()
            .filter(|&(i, j)| kept(i, j))
            .map(|(i, j)| Target { i, j, log_odds: log_odds[[i, j]], weight: 1.0 })
            .collect();
        let start = low_rank.clone();
        let rest = |share: f64| watch(PROJECTING + (1.0 - PROJECTING) * share);
        let mut found = least_squares(&free, &mut low_rank, rank, STATIONARY * scale, &rest);
        steps += found.steps;
        if !found.converged {
            let even = pairs.filter(|&(i, j)| !kept(i, j)).map(|(i, j)| Target {
                i,
                j,
                log_odds: 0.0,
                weight: HOLD,
            });
            let all: Vec<Target> = free.into_iter().chain(even).collect();
            low_rank = start;
            found = least_squares(&all, &mut low_rank, rank, STATIONARY * scale, &rest);
            steps += found.steps;
            held = true;
        }
        converged = found.converged;
    }
    let told = |&(i, j): &(usize, usize)| {
        let off = (log_odds[[i, j]] - low_rank[[i, j]]).abs();
        off > noise(i, j, low_rank[[i, j]]).max(TOLD * scale)
    };
    let apart = entries().filter(told).collect();
    Separated { low_rank, apart, steps, converged, held }
}

/// What the log odds of a pair shall be.
struct Target {
    i: usize,
    j: usize,
    log_odds: f64,
    weight: f64,
}

/// Moves a matrix of that rank to a stationary point of `sum weight (log odds - L)^2 / 2`.
fn least_squares(
    targets: &[Target],
    low_rank: &mut Array2<f64>,
    rank: usize,
    tolerance: f64,
    watch: Watch<'_>,
) -> Minimum {
    let (n, mut v) = (low_rank.nrows(), skew_embedding(low_rank, rank / 2).vectors);
    let d = v.ncols();
    let told = Fall::to(tolerance, watch).of(|v: &[f64], g: &mut [f64]| {
        g.fill(0.0);
        let mut value = 0.0;
        for &Target { i, j, log_odds, weight } in targets {
            let (a, b) = (&v[i * d..(i + 1) * d], &v[j * d..(j + 1) * d]);
            let off = form(a, b) - log_odds;
            value += 0.5 * weight * off * off;
            let off = weight * off;
            for l in (0..d).step_by(2) {
                g[i * d + l] += off * b[l + 1];
                g[i * d + l + 1] -= off * b[l];
                g[j * d + l + 1] += off * a[l];
                g[j * d + l] -= off * a[l + 1];
            }
        }
        value
    });
    let found = minimise(v.as_slice_mut().expect("rows in order"), tolerance, MOST_DESCENTS, told);
    let row = |i: usize| v.row(i).to_vec();
    *low_rank = Array2::from_shape_fn((n, n), |(i, j)| form(&row(i), &row(j)));
    found
}
