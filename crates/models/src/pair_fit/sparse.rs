//! Bradley-Terry strengths of many items, most of whose pairs never met: Newton's method without a dense matrix.
//!
//! The objective, the conditions of existence and the logistic prior are those of the dense fit ([`crate::pair_fit`]). A step solves
//! `H d = g` by conjugate gradients; H has an entry for each pair that met.
//!
//! **Errors**: [`draws`](super::draws).
//!
//! **Intervals** of item i are `r_i +- c s_i`, `s_i^2 = max(phi H^-1, c S)_ii`, with c from Sidak's inequality, which holds for normal
//! errors of any correlation: 95 percent or more for all items at once, but for how far off `s_i` is. Item i is surely above j if
//! its interval is: two errors added where the dense fit has the error of the difference, so that rank intervals are wider here.
//!
//! Cost: some 10 to 50 products with H a Newton step, and as many for every four draws. What is done pair by pair or item by item is
//! done on all threads, in an order that does not depend on them.

use equipoise_core::newton::{self as core_newton, Damped, solve};
use equipoise_data::{Comparisons, Observations};
use ndarray::Array1;
use serde_json::{Map, Value, json};

use super::draws::{Errors, errors};
use super::edges::{Edges, derivatives};
use super::likelihood::{Likelihood, Point};
use super::{PairOptions, PointFit, chi_squared};
use crate::distributions::student_quantile;
use crate::error::FitError;
use crate::fitted::{Convergence, Existence, Fitted, Iteration, ModelResult};
use crate::graph::{open_ends, open_reasons};
use crate::newton::{MAX_STEPS, line_search};
use crate::pair_model::PairModel;
use crate::registry::Watch;

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

/// Residual of the system of an energy, relative: its square is that of the energy.
const ENERGY: f64 = 1e-8;
/// Share of the work that is Newton's method.
const NEWTON: f64 = 0.3;

/// Fits `model`, whose outcomes are wins of a logistic law, to any number of items; `watch` hears of the share that is done.
///
/// # Errors
/// [`FitError::Nothing`] without comparisons; [`FitError::Singular`] where a linear system is not solved.
pub(crate) fn fit_many(
    observations: &Observations,
    model: &'static PairModel,
    prior: bool,
    watch: Watch<'_>,
) -> Result<Fitted, FitError> {
    let data = &observations.comparisons;
    let likelihood = Likelihood::new(data, model, PairOptions { prior, ..PairOptions::default() }, true)?;
    let mut edges = Edges::new(&likelihood);
    let (point, iterations, converged) = newton(&likelihood, &mut edges, likelihood.start(), &|steps| {
        watch(NEWTON * (1.0 - 0.7f64.powi(steps as i32)));
    })?;
    let share = |share: f64| watch(NEWTON + (1.0 - NEWTON) * share);
    let errors = errors(&likelihood, &mut edges, &point, observations, &share).ok_or(FitError::Singular)?;
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

/// The strengths of largest likelihood of any number of items, without errors; and the energy that a rating explains,
///
/// ```text
/// max over s  sum_e w_e (m_e^2 - (m_e - (s_i - s_j))^2),      w_e: comparisons of pair e = (i, j),  m_e: its win rate less 1/2
/// ```
///
/// of `data`, whose dependences are those of `observations`.
///
/// # Errors
/// As [`fit_many`].
pub(crate) fn strengths_of_many(
    data: &Comparisons,
    observations: &Observations,
    model: &'static PairModel,
) -> Result<(PointFit, f64), FitError> {
    let likelihood = Likelihood::new(data, model, PairOptions::default(), true)?;
    let mut edges = Edges::new(&likelihood);
    let (point, _, converged) = newton(&likelihood, &mut edges, likelihood.start(), &|_| ())?;
    let mut strengths: Vec<f64> = point.iter().take(likelihood.n).copied().collect();
    centre(&likelihood, &mut strengths, true);
    let free_parameters = data.n() - likelihood.islands.len();
    let degrees_of_freedom = likelihood.outcomes() * likelihood.cells.len() as f64 - free_parameters as f64;
    let deviance = 2.0 * (likelihood.saturated() - likelihood.log_likelihood(&point));
    let no_chi_squared = likelihood.no_chi_squared(&point, Some(observations));
    let fit = PointFit {
        log_strength: Array1::from(strengths),
        deviance,
        degrees_of_freedom,
        deviance_p_value: chi_squared(deviance, degrees_of_freedom, no_chi_squared),
        exists: likelihood.exists,
        converged,
    };
    let mut divergence = vec![[0.0]; likelihood.n];
    for cell in &likelihood.cells {
        let lead = 0.5 * (cell.weights[0] - cell.weights[1]);
        divergence[cell.first][0] += lead;
        divergence[cell.second][0] -= lead;
    }
    let met: Vec<f64> = likelihood.cells.iter().map(|c| c.weights.iter().sum()).collect();
    edges.set(&met, &vec![0.0; likelihood.n]);
    let flow = edges.solve(divergence.clone(), ENERGY).ok_or(FitError::Singular)?;
    let explained = flow.iter().zip(&divergence).map(|([s], [d])| s * d).sum();
    Ok((fit, explained))
}

/// Newton's method from `point`, for a likelihood of closed form: where it ended, its steps, and whether it met the tolerance; `done`
/// hears of its steps.
///
/// # Errors
/// [`FitError::Singular`] where conjugate gradients did not solve a system.
pub(super) fn newton(
    likelihood: &Likelihood,
    edges: &mut Edges,
    mut point: Point,
    done: &dyn Fn(usize),
) -> Result<(Point, u32, bool), FitError> {
    let value = likelihood.objective(&point);
    let mut steps = Steps { likelihood, edges, value, slope: 0.0, count: 0, done };
    match solve(&mut steps, &mut point, MAX_STEPS) {
        Ok(k) => Ok((point, k as u32, true)),
        Err(core_newton::NewtonError::Singular { .. }) => Err(FitError::Singular),
        Err(e) => Ok((point, e.steps() as u32, false)),
    }
}

/// Newton steps.
struct Steps<'a> {
    likelihood: &'a Likelihood,
    edges: &'a mut Edges,
    value: f64,
    slope: f64,
    count: usize,
    done: &'a dyn Fn(usize),
}

impl Steps<'_> {
    /// Sets the matrix at a point; the slope there.
    fn at(&mut self, point: &Point) -> Vec<f64> {
        let (curvatures, diagonal, slope) = derivatives(self.likelihood, self.edges, point);
        self.edges.set(&curvatures, &diagonal);
        slope
    }
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
        self.count += 1;
        (self.done)(self.count);
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
    use equipoise_core::sample::{normal, uniform};
    use equipoise_core::seed::stream;
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
        let fitted = fit_many(observations, &BRADLEY_TERRY, prior, &|_| ()).unwrap();
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
        assert!(fit_many(&held.clone().into(), &BRADLEY_TERRY, false, &|_| ()).unwrap().existence.holds());
        assert!(!fit_many(&loose.clone().into(), &BRADLEY_TERRY, false, &|_| ()).unwrap().existence.holds());
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
