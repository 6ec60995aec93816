//! Bradley-Terry strengths of many items, most of whose pairs never met: Newton's method without a dense matrix.
//!
//! The objective, the conditions of existence and the logistic prior are those of the dense fit ([`crate::pair_fit`]). A step solves
//! `H d = g` by conjugate gradients; H has an entry for each pair that met.
//!
//! **Errors.** With `e` normal, one number a pair, the solutions of
//!
//! ```text
//! H z = B' W^(1/2) e (+ prior^(1/2) e'),   H y = sum over observations of (slope e)
//! ```
//!
//! have the covariances `H^-1` and `H^-1 J H^-1` of the dense fit; variances are means of squares over draws. Given its opponents,
//! `z_i` has the mean `m_i = sum_j w_ij z_j / H_ii` and the variance `1 / H_ii`, so that
//!
//! ```text
//! (H^-1)_ii = 1 / H_ii + E[m_i^2]
//! ```
//!
//! leaves to the draws only what opponents add, mostly the smaller part (Rao, Blackwell); of an island without a prior `H^-1` is the
//! pseudo-inverse, and `1 / H_ii` is taken `1 - 2 / size` times. The sandwich's variance is that times the ratio of the squares of y and z,
//! which share their draws. Both come with their Monte-Carlo error.
//!
//! **Intervals** of item i are `r_i +- c s_i`, `s_i^2 = max(phi H^-1, c S)_ii`, with c from Sidak's inequality, which holds for normal
//! errors of any correlation: 95 percent or more for all items at once, but for how far off `s_i` is. Item i is surely above j if
//! its interval is: two errors added where the dense fit has the error of the difference, so that rank intervals are wider here.
//!
//! Cost: some 50 products with H a Newton step, and as many for eight draws.

use equipoise_core::newton::{self as core_newton, Damped, solve};
use equipoise_core::sample::normal;
use equipoise_core::seed::stream;
use equipoise_data::{Comparisons, Observations, Outcome};
use ndarray::Array1;
use serde_json::{Map, Value, json};

use super::PairOptions;
use super::edges::Edges;
use super::likelihood::{Likelihood, PairLikelihood, Point};
use crate::distributions::student_quantile;
use crate::error::FitError;
use crate::fitted::{Convergence, Existence, Fitted, Iteration, ModelResult};
use crate::graph::{open_ends, open_reasons};
use crate::newton::{MAX_STEPS, line_search};
use crate::pair_model::PairModel;

/// Draws side by side: half of each kind.
const LANES: usize = 8;
/// Draws of each kind at most, and at least.
const DRAWS: (usize, usize) = (256, 32);
/// Draws times pairs: what is spent on errors.
const EFFORT: usize = 64_000_000;
/// Residual of a draw, relative.
const DRAWN: f64 = 1e-4;
/// Confidence of the intervals.
const LEVEL: f64 = 0.95;

/// A fit of many items.
#[derive(Clone, Debug)]
pub struct SparseFit {
    /// The model.
    model: &'static PairModel,
    /// Log strengths, `[n]`, around the mean of each island.
    pub log_strength: Array1<f64>,
    /// Standard errors (Hessian), `[n]`, estimated from draws.
    pub standard_error: Array1<f64>,
    /// Standard errors (sandwich), `[n]`, likewise.
    pub sandwich_error: Array1<f64>,
    /// Monte-Carlo standard error of the two, relative: the median over items.
    pub relative_error: [f64; 2],
    /// Draws of each kind.
    pub draws: usize,
    /// Why nothing is known of the noise of the data, so that there are no intervals, if nothing is.
    pub no_noise: Option<&'static str>,
    /// Lower ends of simultaneous 95 percent intervals, `[n]`; `None` where nothing bounds the strength from below.
    pub low: Vec<Option<f64>>,
    /// Upper ends, `[n]`, likewise.
    pub high: Vec<Option<f64>>,
    /// Why an end is open, `[n]`.
    pub open: Vec<Option<&'static str>>,
    /// Best and worst rank of every item, from 1, at once with 95 percent confidence or more.
    pub ranks: Vec<(usize, usize)>,
    /// Items that met, directly or through others.
    pub islands: Vec<Vec<usize>>,
}

impl ModelResult for SparseFit {
    fn prob(&self, i: usize, j: usize) -> f64 {
        self.model.probs(self.log_strength[i], self.log_strength[j], 0.0, 0.0)[0]
    }

    fn own(&self) -> Map<String, Value> {
        let known = self.no_noise.is_none();
        let list = |ends: &[Option<f64>]| if known { json!(ends) } else { Value::Null };
        Map::from_iter([
            ("low".to_owned(), list(&self.low)),
            ("high".to_owned(), list(&self.high)),
            ("open".to_owned(), json!(self.open)),
            ("ranks".to_owned(), if known { json!(self.ranks) } else { Value::Null }),
            ("no_intervals".to_owned(), json!(self.no_noise)),
            ("islands".to_owned(), json!(self.islands.len())),
            ("standard_error_draws".to_owned(), json!(self.draws)),
            ("standard_error_relative_error".to_owned(), json!(self.relative_error[0])),
            ("sandwich_error_relative_error".to_owned(), json!(self.relative_error[1])),
        ])
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = vec![format!(
            "standard errors are estimated from {} draws: {:.1} percent off (sandwich {:.1}) in the median; intervals and ranks hold \
             together with 95 percent confidence or more if the errors are right",
            self.draws,
            100.0 * self.relative_error[0],
            100.0 * self.relative_error[1]
        )];
        notes.extend(self.no_noise.map(|reason| format!("no intervals and ranks: {reason}")));
        if self.islands.len() > 1 {
            notes.push(format!(
                "the items fall into {} groups that never met each other: each has strengths around its own mean",
                self.islands.len()
            ));
        }
        let open = self.open.iter().flatten().count();
        if open > 0 {
            notes.push(format!("{open} items have an open interval: too few wins or losses bound them"));
        }
        notes
    }
}

/// Fits `model`, whose outcomes are wins of a logistic law, to any number of items.
///
/// # Errors
/// [`FitError::Nothing`] without comparisons; [`FitError::Singular`] where a linear system is not solved.
pub(crate) fn fit_many(
    observations: &Observations,
    model: &'static PairModel,
    prior: bool,
) -> Result<Fitted, FitError> {
    let data = &observations.comparisons;
    let likelihood = Likelihood::new(data, model, PairOptions { prior, ..PairOptions::default() }, true)?;
    let mut point = likelihood.start();
    let mut steps = Steps {
        edges: Edges::new(&likelihood),
        value: likelihood.objective(&point),
        slope: 0.0,
        likelihood: &likelihood,
    };
    let (iterations, converged) = match solve(&mut steps, &mut point, MAX_STEPS) {
        Ok(k) => (k as u32, true),
        Err(core_newton::NewtonError::Singular { .. }) => return Err(FitError::Singular),
        Err(e) => (e.steps() as u32, false),
    };
    let errors = errors(&likelihood, &mut steps.edges, &point, observations).ok_or(FitError::Singular)?;
    let log_likelihood = likelihood.log_likelihood(&point);
    let deviance = 2.0 * (likelihood.saturated() - log_likelihood);
    let free_parameters = data.n() - likelihood.islands.len();
    let existence = match likelihood.exists {
        true => Existence::Finite,
        false => Existence::Separated { blocks: likelihood.blocks.clone() },
    };
    let no_chi_squared = likelihood.no_chi_squared(&point, Some(observations));
    let asked = prior && likelihood.exists;
    let found = described(&likelihood, &point, errors, observations, asked);
    Ok(Fitted {
        log_strength: Some(found.log_strength.clone()),
        standard_error: Some(found.standard_error.clone()),
        sandwich_error: Some(found.sandwich_error.clone()),
        log_likelihood: Some(log_likelihood),
        deviance: Some(deviance),
        degrees_of_freedom: Some(
            likelihood.outcomes() * likelihood.cells.len() as f64 - free_parameters as f64,
        ),
        existence,
        prior: likelihood.prior.contains(&true),
        convergence: Convergence { by: Iteration::Newton, converged, iterations },
        free_parameters: Some(free_parameters),
        no_chi_squared,
        ..Fitted::new(data.labels.clone(), found)
    })
}

/// Newton steps.
struct Steps<'a> {
    likelihood: &'a Likelihood,
    edges: Edges,
    value: f64,
    slope: f64,
}

impl Steps<'_> {
    /// Sets the matrix at a point; the slope there.
    fn at(&mut self, point: &Point) -> Vec<f64> {
        let likelihood = self.likelihood;
        let (curvatures, diagonal, slope) = derivatives(likelihood, point);
        self.edges.set(&curvatures, &diagonal);
        slope
    }
}

/// Curvature of every cell, of the prior of every item, and the slope at every item.
fn derivatives(likelihood: &Likelihood, point: &Point) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let n = likelihood.n;
    let (mut slope, mut diagonal) = (vec![0.0; n], vec![0.0; n]);
    let mut curvatures = Vec::with_capacity(likelihood.cells.len());
    for cell in &likelihood.cells {
        let pair =
            PairLikelihood::at(point[cell.first] - point[cell.second], cell.weights[0], cell.weights[1]);
        slope[cell.first] += pair.slope();
        slope[cell.second] -= pair.slope();
        curvatures.push(pair.curvature());
    }
    for i in (0..n).filter(|&i| likelihood.prior[i]) {
        let p = equipoise_core::logistic::logistic(point[i]);
        slope[i] += 1.0 - 2.0 * p;
        diagonal[i] = 2.0 * p * (1.0 - p);
    }
    (curvatures, diagonal, slope)
}

impl core_newton::Problem for Steps<'_> {
    fn direction(&mut self, point: &Point) -> Option<Point> {
        let mut slope = self.at(point);
        centre(self.likelihood, &mut slope, false);
        let largest = slope.iter().fold(0.0f64, |m, s| m.max(s.abs()));
        // steps that shrink quadratically need a residual that does
        let tolerance = (1e-2 * largest).clamp(1e-12, 1e-3);
        let solved = self.edges.solve(slope.iter().map(|s| [*s]).collect(), tolerance)?;
        let mut direction: Vec<f64> = solved.into_iter().map(|[d]| d).collect();
        centre(self.likelihood, &mut direction, false);
        self.slope = slope.iter().zip(&direction).map(|(s, d)| s * d).sum();
        // home and tie do not move
        direction.extend([0.0, 0.0]);
        Some(Array1::from(direction))
    }

    fn damp(&mut self, point: &Point, moved: &Point) -> Option<Damped> {
        let value = |next: &Point| self.likelihood.objective(next);
        let (step, reached) = line_search(point, moved, (self.value, self.slope), value)?;
        self.value = reached;
        Some(step)
    }
}

/// Takes the mean of each island out: of islands without a prior, or of all.
fn centre(likelihood: &Likelihood, values: &mut [f64], all: bool) {
    for island in likelihood.islands.iter().filter(|island| all || !likelihood.prior[island[0]]) {
        let mean = island.iter().map(|&i| values[i]).sum::<f64>() / island.len() as f64;
        island.iter().for_each(|&i| values[i] -= mean);
    }
}

/// Variances with their Monte-Carlo errors.
struct Errors {
    hessian: Vec<f64>,
    sandwich: Vec<f64>,
    relative: [f64; 2],
    draws: usize,
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

fn errors(
    likelihood: &Likelihood,
    edges: &mut Edges,
    point: &Point,
    observations: &Observations,
) -> Option<Errors> {
    let (n, pairs) = (likelihood.n, likelihood.cells.len());
    let (curvatures, prior, _) = derivatives(likelihood, point);
    edges.set(&curvatures, &prior);
    let draws = (EFFORT / pairs.max(1)).clamp(DRAWS.1, DRAWS.0);
    let meat = Meat::new(likelihood, point, observations);
    let mut size = vec![1usize; n];
    for island in &likelihood.islands {
        island.iter().for_each(|&i| size[i] = island.len());
    }
    let mut sums = vec![Sums::default(); n];
    const HALF: usize = LANES / 2;
    for block in 0..draws / HALF {
        let mut right = vec![[0.0; LANES]; n];
        for lane in 0..HALF {
            let name = (block * HALF + lane).to_string();
            let mut rng = stream(0, "errors of strengths", &[&name]);
            for (k, cell) in likelihood.cells.iter().enumerate() {
                let noise = normal(&mut rng);
                let z = curvatures[k].sqrt() * noise;
                right[cell.first][lane] += z;
                right[cell.second][lane] -= z;
                if let Meat::Cells(meat) = &meat {
                    right[cell.first][HALF + lane] += meat[k] * noise;
                    right[cell.second][HALF + lane] -= meat[k] * noise;
                }
            }
            if let Meat::Observed(all) = &meat {
                for slopes in all {
                    let noise = normal(&mut rng);
                    slopes.iter().for_each(|&(i, s)| right[i as usize][HALF + lane] += s * noise);
                }
            }
            for (i, p) in prior.iter().enumerate().filter(|(_, p)| **p > 0.0) {
                right[i][lane] += p.sqrt() * normal(&mut rng);
            }
        }
        let mut drawn = edges.solve(right, DRAWN)?;
        let mut means = vec![[0.0; LANES]; n];
        for island in &likelihood.islands {
            let mut mean = [0.0; LANES];
            island
                .iter()
                .for_each(|&i| (0..LANES).for_each(|b| mean[b] += drawn[i][b] / island.len() as f64));
            let floats = !likelihood.prior[island[0]];
            for &i in island {
                means[i] = if floats { [0.0; LANES] } else { mean };
                // along equal strengths of an island without a prior the solution is any
                if floats {
                    (0..LANES).for_each(|b| drawn[i][b] -= mean[b]);
                }
            }
        }
        for (i, sums) in sums.iter_mut().enumerate().filter(|(i, _)| edges.diagonal[*i] > 0.0) {
            let others = edges.neighbours(i, &drawn);
            for b in 0..HALF {
                let m = (others[b] / edges.diagonal[i]).powi(2);
                let (zero, z) = (means[i][b], drawn[i][b] - means[i][b]);
                let y = drawn[i][HALF + b] - means[i][HALF + b];
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
        }
    }
    let draws = draws / HALF * HALF;
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

/// A root of the sum over observations of the outer product of their slopes.
enum Meat {
    /// Comparisons: of each cell, along the difference of its items.
    Cells(Vec<f64>),
    /// Observations of several comparisons: the slope of each, at its items.
    Observed(Vec<Vec<(u32, f64)>>),
}

impl Meat {
    fn new(likelihood: &Likelihood, point: &Point, observations: &Observations) -> Self {
        let slope = |k: usize| {
            let cell = &likelihood.cells[k];
            let d = point[cell.first] - point[cell.second];
            let p = equipoise_core::logistic::logistic(d);
            // a win, a loss, a tie: half of each
            [1.0 - p, -p, 0.5 - p]
        };
        let Some(clusters) = observations.clusters() else {
            let of = |(k, cell): (usize, &super::likelihood::Cell)| {
                let [win, loss, tie] = slope(k);
                let c = &cell.count;
                (c.first * win * win + c.second * loss * loss + c.ties() * tie * tie).sqrt()
            };
            return Self::Cells(likelihood.cells.iter().enumerate().map(of).collect());
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

fn described(
    likelihood: &Likelihood,
    point: &Point,
    errors: Errors,
    observations: &Observations,
    asked: bool,
) -> SparseFit {
    let n = likelihood.n;
    let data: &Comparisons = &observations.comparisons;
    let mut strengths: Vec<f64> = point.iter().take(n).copied().collect();
    centre(likelihood, &mut strengths, true);
    let open = if asked { vec![(false, false); n] } else { open_ends(data, &likelihood.blocks) };
    let several = observations.clusters().is_some().then(|| observations.count());
    let parameters = (n - likelihood.islands.len()) as f64;
    let small = several.filter(|m| *m > 1.0).map_or(1.0, |m| m / (m - parameters.clamp(1.0, 0.5 * m)));
    let dispersion = likelihood.tie_dispersion(point);
    let degrees = several.map(|m| m - 1.0);
    let critical = student_quantile(0.5 + 0.5 * LEVEL.powf(1.0 / n as f64), degrees);
    let width: Vec<f64> = errors
        .hessian
        .iter()
        .zip(&errors.sandwich)
        .map(|(h, s)| critical * (dispersion * h).max(small * s).sqrt())
        .collect();
    let end = |i: usize, open: bool, sign: f64| {
        (!open && width[i].is_finite()).then(|| strengths[i] + sign * width[i])
    };
    let low: Vec<Option<f64>> = (0..n).map(|i| end(i, open[i].0, -1.0)).collect();
    let high: Vec<Option<f64>> = (0..n).map(|i| end(i, open[i].1, 1.0)).collect();
    SparseFit {
        model: likelihood.model,
        ranks: ranks(&likelihood.islands, &low, &high),
        log_strength: Array1::from(strengths),
        standard_error: errors.hessian.iter().map(|v| v.sqrt()).collect(),
        sandwich_error: errors.sandwich.iter().map(|v| v.sqrt()).collect(),
        relative_error: errors.relative,
        draws: errors.draws,
        no_noise: observations.no_noise(),
        open: open_reasons(data, &open),
        low,
        high,
        islands: likelihood.islands.clone(),
    }
}

/// Ranks over all islands: within its island an item is surely below those whose lower end is above its upper end.
fn ranks(islands: &[Vec<usize>], low: &[Option<f64>], high: &[Option<f64>]) -> Vec<(usize, usize)> {
    let n = low.len();
    let mut ranks = vec![(1, n); n];
    for island in islands {
        let sorted = |ends: &[Option<f64>]| {
            let mut all: Vec<f64> = island.iter().filter_map(|&i| ends[i]).collect();
            all.sort_by(f64::total_cmp);
            all
        };
        let (lows, highs) = (sorted(low), sorted(high));
        for &i in island {
            let above = high[i].map_or(0, |h| lows.len() - lows.partition_point(|l| *l <= h));
            let below = low[i].map_or(0, |l| highs.partition_point(|h| *h < l));
            ranks[i] = (1 + above, n - below);
        }
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intervals::Intervals;
    use crate::{BRADLEY_TERRY, PairOptions, fit_observed};
    use equipoise_core::sample::uniform;
    use equipoise_data::Unit;
    use ndarray::Array2;

    /// Comparisons of n items, each with a few others; ties among them.
    fn sparse(n: usize, meetings: usize, seed: u64) -> Comparisons {
        let mut rng = stream(seed, "sparse", &[]);
        let (mut wins, mut ties) = (Array2::zeros((n, n)), Array2::zeros((n, n)));
        let strength: Vec<f64> = (0..n).map(|_| normal(&mut rng)).collect();
        for _ in 0..meetings {
            let mut item = || (uniform(&mut rng) * n as f64) as usize;
            let (i, j) = (item(), item());
            if i == j {
                continue;
            }
            let p = equipoise_core::logistic::logistic(strength[i] - strength[j]);
            match uniform(&mut rng) {
                u if u < 0.1 => ties[[i.min(j), i.max(j)]] += 1.0,
                u if u < 0.1 + 0.9 * p => wins[[i, j]] += 1.0,
                _ => wins[[j, i]] += 1.0,
            }
        }
        let ties = &ties + &ties.t();
        Comparisons::from_tables(&wins, &ties)
    }

    fn agrees(observations: &Observations, prior: bool) {
        let dense =
            fit_observed(observations, &BRADLEY_TERRY, PairOptions { prior, ..PairOptions::default() })
                .unwrap();
        let fitted = fit_many(observations, &BRADLEY_TERRY, prior).unwrap();
        let found: &SparseFit = fitted.result().unwrap();
        assert_eq!((fitted.prior, fitted.existence.holds()), (dense.prior, dense.exists));
        assert!(fitted.convergence.converged);
        let off = (&found.log_strength - &dense.log_strength).mapv(f64::abs);
        // the last step is below 1e-9 and squares
        assert!(off.iter().all(|d| *d < 1e-9), "{off}");
        assert!((fitted.log_likelihood.unwrap() - dense.log_likelihood).abs() < 1e-9);
        assert!((fitted.deviance.unwrap() - dense.deviance).abs() < 1e-8);
        assert_eq!(fitted.degrees_of_freedom, Some(dense.degrees_of_freedom));
        let (hessian, sandwich) = (dense.standard_error(), dense.sandwich_error());
        let asked = prior && dense.exists;
        for i in 0..hessian.len() {
            // five Monte-Carlo errors, which differ between items
            let ratio = found.standard_error[i] / hessian[i];
            assert!(
                (ratio - 1.0).abs() < 0.01 + 8.0 * found.relative_error[0],
                "{i}: {ratio} {:?}",
                found.relative_error
            );
            if dense.exists || asked {
                let ratio = found.sandwich_error[i] / sandwich[i];
                assert!((ratio - 1.0).abs() < 0.01 + 10.0 * found.relative_error[1], "{i}: {ratio}");
            }
        }
        // what is sure here is sure there: ends are open alike, ranks are wider
        let order: Vec<usize> = (0..hessian.len()).collect();
        if let Some(all) = Intervals::new(&dense, LEVEL, &order, &mut stream(1, "critical values", &[])) {
            for i in 0..hessian.len() {
                assert_eq!(found.low[i].is_none(), all.low[i].is_none(), "{i}");
                assert_eq!(found.high[i].is_none(), all.high[i].is_none(), "{i}");
                assert!(found.ranks[i].0 <= all.ranks[i].0 && found.ranks[i].1 >= all.ranks[i].1, "{i}");
            }
        }
    }

    #[test]
    fn many_items_are_fitted_as_few_are() {
        // held together; some items that only lose; two groups; a prior that is asked for
        let held = sparse(40, 900, 3);
        let loose = sparse(60, 150, 5);
        assert!(fit_many(&held.clone().into(), &BRADLEY_TERRY, false).unwrap().existence.holds());
        assert!(!fit_many(&loose.clone().into(), &BRADLEY_TERRY, false).unwrap().existence.holds());
        for (data, prior) in [(&held, false), (&held, true), (&loose, false), (&loose, true)] {
            agrees(&data.clone().into(), prior);
        }
        let one = sparse(20, 300, 7);
        let n = 2 * one.n();
        let (mut wins, mut ties) = (Array2::zeros((n, n)), Array2::zeros((n, n)));
        for pair in &one.pairs {
            let (won, lost, tied) = pair.outcomes();
            for at in [0, one.n()] {
                wins[[at + pair.i, at + pair.j]] = won;
                wins[[at + pair.j, at + pair.i]] = lost;
                (ties[[at + pair.i, at + pair.j]], ties[[at + pair.j, at + pair.i]]) = (tied, tied);
            }
        }
        agrees(&Comparisons::from_tables(&wins, &ties).into(), false);
        // observations of several comparisons
        let groups: Vec<Comparisons> = (0..30).map(|k| sparse(12, 25, 100 + k)).collect();
        let observed = Observations::of_groups(&groups, Unit::Context);
        assert!(observed.clusters().is_some());
        agrees(&observed, false);
    }
}
