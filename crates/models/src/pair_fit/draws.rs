//! Standard errors of many strengths, from solutions of linear systems with random right-hand sides.
//!
//! With `e` independent signs, one a pair (`e'`: one an item), the solutions of
//!
//! ```text
//! H z = B' W^(1/2) e (+ prior^(1/2) e'),   H y = sum over observations of (slope e)
//! ```
//!
//! have the covariances `H^-1` and `H^-1 J H^-1` of the dense fit; variances are means of squares over draws (Hutchinson 1990;
//! signs scatter least among all laws of variance 1). With `m_i = sum_j w_ij z_j / H_ii`, what the opponents of i have of it,
//!
//! ```text
//! (H^-1)_ii = 1 / H_ii + E[m_i^2]                 H = D - A,  H^-1 = D^-1 + D^-1 A D^-1 + D^-1 A H^-1 A D^-1,  A_ii = 0
//! ```
//!
//! leaves to the draws only what opponents add, mostly the smaller part; of an island without a prior `H^-1` is the
//! pseudo-inverse, and `1 / H_ii` is taken `1 - 2 / size` times. The sandwich's variance is that times the ratio of the squares of y and z,
//! which share their draws. Both come with their Monte-Carlo error.
//!
//! Sixty-four draws take one random word a pair, and right-hand sides are summed item by item: a draw costs a pass over the pairs
//! and the products of its solution.

use equipoise_core::Rng;
use equipoise_core::sample::{Words, ahead};
use equipoise_core::seed::stream;
use equipoise_data::{Observations, Outcome};
use rayon::prelude::*;

use super::edges::{Edges, Lanes, derivatives};
use super::likelihood::{Cell, Likelihood, Point};
use crate::registry::Watch;

/// Draws side by side: half of each kind.
const LANES: usize = 8;
const HALF: usize = LANES / 2;
/// Draws of each kind at most, and at least.
const DRAWS: (usize, usize) = (256, 32);
/// Draws times pairs: what is spent on errors.
const EFFORT: usize = 64_000_000;
/// Residual of a draw, relative.
const DRAWN: f64 = 1e-4;
/// Draws that one word has signs for.
const SIGNS: usize = 64;
/// Words taken from a stream at a time.
const CHUNK: usize = 1 << 14;

/// Variances with their Monte-Carlo errors.
pub(super) struct Errors {
    pub(super) hessian: Vec<f64>,
    pub(super) sandwich: Vec<f64>,
    /// Monte-Carlo standard error of the two standard errors, relative: the median over items.
    pub(super) relative: [f64; 2],
    pub(super) draws: usize,
}

/// Sums over draws at one item.
#[derive(Clone, Copy, Default)]
struct Sums {
    /// `m^2`, its square, and what centring takes from the square of z.
    mean: f64,
    mean_square: f64,
    centring: f64,
    /// `y^2`, `z^2`, their squares and product.
    y: f64,
    z: f64,
    yy: f64,
    zz: f64,
    yz: f64,
}

/// `watch` hears of the share that is done.
pub(super) fn errors(
    likelihood: &Likelihood,
    edges: &mut Edges,
    point: &Point,
    observations: &Observations,
    watch: Watch<'_>,
) -> Option<Errors> {
    let (n, pairs) = (likelihood.n, likelihood.cells.len());
    let (curvatures, prior, _) = derivatives(likelihood, edges, point);
    edges.set(&curvatures, &prior);
    drop(curvatures);
    let draws = (EFFORT / pairs.max(1)).clamp(DRAWS.1, DRAWS.0) / HALF * HALF;
    let meat = Meat::new(likelihood, point, observations);
    let (mut size, mut island) = (vec![1usize; n], vec![0; n]);
    for (k, all) in likelihood.islands.iter().enumerate() {
        all.iter().for_each(|&i| (size[i], island[i]) = (all.len(), k));
    }
    let mut sums = vec![Sums::default(); n];
    let mut signs = Signs::default();
    for block in 0..draws / HALF {
        let at = HALF * block % SIGNS;
        if at == 0 {
            signs = Signs::draw(
                HALF * block / SIGNS,
                pairs,
                meat.observed(),
                prior.iter().any(|p| *p > 0.0).then_some(n),
            );
        }
        let mut right: Vec<Lanes<LANES>> = vec![[0.0; LANES]; n];
        right.par_iter_mut().enumerate().for_each(|(i, right)| {
            for (k, second, w) in edges.row(i) {
                let (root, own) = (w.sqrt(), meat.of_cell(k));
                let word = if second { !signs.pairs[k] } else { signs.pairs[k] };
                for lane in 0..HALF {
                    let sign = sign(word, at + lane);
                    right[lane] += sign * root;
                    right[HALF + lane] += sign * own;
                }
            }
            if prior[i] > 0.0 {
                let root = prior[i].sqrt();
                (0..HALF).for_each(|lane| right[lane] += sign(signs.items[i], at + lane) * root);
            }
        });
        if let Meat::Observed(all) = &meat {
            for (slopes, word) in all.iter().zip(&signs.observations) {
                for &(i, s) in slopes {
                    let right = &mut right[i as usize];
                    (0..HALF).for_each(|lane| right[HALF + lane] += sign(*word, at + lane) * s);
                }
            }
        }
        let mut drawn = edges.solve(right, DRAWN)?;
        let mean = |all: &Vec<usize>| {
            let mut mean = [0.0; LANES];
            all.iter().for_each(|&i| (0..LANES).for_each(|b| mean[b] += drawn[i][b] / all.len() as f64));
            mean
        };
        let means: Vec<Lanes<LANES>> = likelihood.islands.iter().map(mean).collect();
        // along equal strengths of an island without a prior the solution is any
        drawn.par_iter_mut().enumerate().filter(|(i, _)| !likelihood.prior[*i]).for_each(|(i, drawn)| {
            (0..LANES).for_each(|b| drawn[b] -= means[island[i]][b]);
        });
        sums.par_iter_mut().enumerate().filter(|(i, _)| edges.diagonal[*i] > 0.0).for_each(|(i, sums)| {
            let others = edges.neighbours(i, &drawn);
            let mean = if likelihood.prior[i] { means[island[i]] } else { [0.0; LANES] };
            for b in 0..HALF {
                let m = (others[b] / edges.diagonal[i]).powi(2);
                let (zero, z) = (mean[b], drawn[i][b] - mean[b]);
                let y = drawn[i][HALF + b] - mean[HALF + b];
                sums.mean += m;
                sums.mean_square += m * m;
                sums.centring += zero * (zero - 2.0 * drawn[i][b]);
                let (y, z) = (y * y, z * z);
                sums.y += y;
                sums.z += z;
                sums.yy += y * y;
                sums.zz += z * z;
                sums.yz += y * z;
            }
        });
        watch((HALF * (block + 1)) as f64 / draws as f64);
    }
    let count = draws as f64;
    let mut found =
        Errors { hessian: vec![f64::NAN; n], sandwich: vec![f64::NAN; n], relative: [0.0; 2], draws };
    let mut relative = [Vec::with_capacity(n), Vec::with_capacity(n)];
    for (i, s) in sums.iter().enumerate().filter(|(i, _)| edges.diagonal[*i] > 0.0) {
        let own = if likelihood.prior[i] { 1.0 } else { 1.0 - 2.0 / size[i] as f64 };
        let mean = s.mean / count;
        let variance = (own / edges.diagonal[i] + mean + s.centring / count).max(0.0);
        let ratio = if s.z > 0.0 { s.y / s.z } else { 0.0 };
        (found.hessian[i], found.sandwich[i]) = (variance, variance * ratio);
        // of a root: half of the relative error
        let off = ((s.mean_square / count - mean * mean).max(0.0) / count).sqrt() / variance;
        relative[0].push(0.5 * off);
        let of_ratio = s.yy / (s.y * s.y) + s.zz / (s.z * s.z) - 2.0 * s.yz / (s.y * s.z);
        relative[1].push(0.5 * (off * off + of_ratio.max(0.0)).sqrt());
    }
    for (to, mut all) in found.relative.iter_mut().zip(relative) {
        all.retain(|x| x.is_finite());
        all.sort_by(f64::total_cmp);
        *to = all.get(all.len() / 2).copied().unwrap_or(f64::NAN);
    }
    Some(found)
}

/// Of so many draws, a sign in each bit.
#[derive(Default)]
struct Signs {
    pairs: Vec<u64>,
    observations: Vec<u64>,
    items: Vec<u64>,
}

impl Signs {
    /// The words of the draws `64 group ..`: of pairs, of observations of several comparisons, of items with a prior.
    fn draw(group: usize, pairs: usize, observations: Option<usize>, items: Option<usize>) -> Self {
        let words = |what: &str, count: usize| {
            let rng: Rng = stream(0, "errors of strengths", &[what, &group.to_string()]);
            let mut words = vec![0; count];
            words.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, part)| {
                let mut rng = ahead(&rng, (chunk * CHUNK) as u64);
                let mut from = Words::new(&mut rng, part.len() as u64);
                part.iter_mut().for_each(|word| *word = from.take_one());
            });
            words
        };
        Self {
            pairs: words("pairs", pairs),
            observations: words("observations", observations.unwrap_or(0)),
            items: words("items", items.unwrap_or(0)),
        }
    }
}

/// 1 or -1.
fn sign(word: u64, bit: usize) -> f64 {
    1.0 - 2.0 * (word >> bit & 1) as f64
}

/// A root of the sum over observations of the outer product of their slopes.
enum Meat {
    /// Comparisons: of each cell, along the difference of its items.
    Cells(Vec<f64>),
    /// Observations of several comparisons: the slope of each, at its items.
    Observed(Vec<Vec<(u32, f64)>>),
}

impl Meat {
    /// Of a cell by itself.
    fn of_cell(&self, k: usize) -> f64 {
        match self {
            Self::Cells(all) => all[k],
            Self::Observed(_) => 0.0,
        }
    }

    /// Observations of several comparisons.
    fn observed(&self) -> Option<usize> {
        match self {
            Self::Cells(_) => None,
            Self::Observed(all) => Some(all.len()),
        }
    }

    fn new(likelihood: &Likelihood, point: &Point, observations: &Observations) -> Self {
        let slope = |k: usize| {
            let cell = &likelihood.cells[k];
            let d = point[cell.first] - point[cell.second];
            let p = equipoise_core::logistic::logistic(d);
            // a win, a loss, a tie: half of each
            [1.0 - p, -p, 0.5 - p]
        };
        let Some(clusters) = observations.clusters() else {
            let of = |(k, cell): (usize, &Cell)| {
                let [win, loss, tie] = slope(k);
                let c = &cell.count;
                (c.first * win * win + c.second * loss * loss + c.ties() * tie * tie).sqrt()
            };
            return Self::Cells(likelihood.cells.par_iter().enumerate().map(of).collect());
        };
        let each = clusters.map(|observation| {
            let mut at: Vec<(u32, f64)> = Vec::new();
            for met in observation.cells {
                let k = likelihood.place(met.pair as usize);
                let cell = &likelihood.cells[k];
                let [win, loss, tie] = slope(k);
                let s = met.weight
                    * match (met.outcome, met.forward) {
                        (Outcome::First, true) | (Outcome::Second, false) => win,
                        (Outcome::Second, true) | (Outcome::First, false) => loss,
                        (Outcome::Tie | Outcome::BothBad, _) => tie,
                    };
                at.extend([(cell.first as u32, s), (cell.second as u32, -s)]);
            }
            let times = observation.times.sqrt();
            at.iter_mut().for_each(|(_, s)| *s *= times);
            at
        });
        Self::Observed(each.collect())
    }
}
