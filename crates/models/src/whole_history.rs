//! Whole-history rating: strengths that change in time, the posterior mode of all of them together.
//!
//! ```text
//! Pr(i beats j at t) = sigma(r_i(t) - r_j(t))
//! r_i(t') - r_i(t) ~ N(0, drift_i (t' - t))                     between two dates of an item (Wiener process)
//! log prior of its first date:  -(r - mean)^2 / (2 variance)  +  half_virtual (log sigma(r - mean) + log sigma(mean - r))
//! ```
//!
//! Coulom 2008 (CG 2008, LNCS 5131); Scarff 2020 (climbers against routes) has the same with one side that does not change. An
//! item has one rating for every time at which it was compared; one without drift has one rating altogether.
//!
//! The log posterior is concave. Newton's method on all ratings at once: its Hessian is a tridiagonal block an item, and an entry for each
//! two ratings that met; a system is solved by conjugate gradients, preconditioned by the blocks. That is O(ratings + games) an iteration,
//! and the digits are those of Newton's method; the published programs go through the items one by one, for ever. Their variances are
//! those of an item's block, as if all others were known ([`Rating::variance`]); [`WholeHistory::joint_variances`] are of all together.
//!
//! Sums are over fixed chunks, so that the bits do not depend on the number of threads.

use equipoise_core::logistic::{PairLikelihood, log_sigmoid, logistic};
use equipoise_core::newton::{Damped, NewtonError, Problem, solve};
use equipoise_core::registry::BuildError;
use faer::linalg::solvers::DenseSolveCore as _;
use faer::{Mat, Side};
use ndarray::Array1;
use rayon::prelude::*;

use crate::descent::Fall;
use crate::error::FitError;
use crate::fitted::{Convergence, Iteration};
use crate::newton::{MAX_STEPS, line_search};
use crate::registry::Watch;

/// Most ratings whose joint variances are computed: the matrix is dense.
pub const MOST_JOINT: usize = 1000;
/// Entries summed at a time.
const CHUNK: usize = 1 << 13;
/// What conjugate gradients leave of a residual.
const RESIDUAL: f64 = 1e-7;
/// Iterations of conjugate gradients at most, for one Newton step.
const MOST_ITERATIONS: usize = 2_000;

/// What is believed of an item before it was compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ItemPrior {
    /// Mean of its first rating.
    pub mean: f64,
    /// Variance of its first rating; `None`: no normal prior.
    pub variance: Option<f64>,
    /// Wins, and as many losses, of its first rating against an item of strength `mean`; at least 0.
    pub half_virtual: f64,
    /// Variance that its strength gains in one unit of time; 0: it does not change.
    pub drift: f64,
}

impl ItemPrior {
    fn proper(&self) -> bool {
        let variance = self.variance.is_none_or(|v| v > 0.0 && v.is_finite());
        let held = self.variance.is_some() || self.half_virtual > 0.0;
        variance && held && self.mean.is_finite() && self.half_virtual >= 0.0 && self.drift >= 0.0
    }
}

/// Comparisons of two items at a time. Without a win of either it only makes a date of both: their ratings then are asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TimedGame {
    /// One item.
    pub first: usize,
    /// The other.
    pub second: usize,
    /// When, in units of time.
    pub time: f64,
    /// Wins of the first; a tie is half of one.
    pub won: f64,
    /// Wins of the second.
    pub lost: f64,
}

/// The strength of an item at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rating {
    /// The item.
    pub item: usize,
    /// When; of an item that does not change, when it was first compared.
    pub time: f64,
    /// In nats.
    pub log_strength: f64,
    /// Its variance, as if the strengths of all other items were known.
    pub variance: f64,
    /// Its covariance with the next rating of the item, likewise; `None` at the last.
    pub covariance: Option<f64>,
}

/// Most precise step between two dates, in nats^-2: of the precision of games, of order 1, a sum with it keeps four digits.
const MOST_PRECISE: f64 = 1e12;
/// Largest entry of the gradient of a million games that is told of as the end: what is left is rounding.
const LAST_GRADIENT: f64 = 1e-9;

/// Strengths of all items over time.
#[derive(Clone, Debug)]
pub struct WholeHistory {
    /// All ratings, by item, then by time.
    pub ratings: Vec<Rating>,
    /// Where the ratings of each item begin, and where the last ones end, `[n + 1]`.
    pub starts: Vec<usize>,
    /// Log-likelihood of the games, in nats.
    pub log_likelihood: f64,
    /// Log prior density at the ratings, without its constants.
    pub log_prior: f64,
    /// How Newton's method ended.
    pub convergence: Convergence,
    posterior: Posterior,
}

impl WholeHistory {
    /// The mode and its variances.
    ///
    /// # Errors
    /// [`FitError::Nothing`] without a win; [`FitError::Options`] for a drift of variance below 1e-12 between two dates that is not 0;
    /// [`FitError::Singular`] where rounding leaves no definite Hessian.
    ///
    /// # Panics
    /// If a game has an item without a prior, a prior is not proper (no normal prior and no virtual games, a negative variance), or a time
    /// or a count is not finite or negative.
    pub fn fit(priors: &[ItemPrior], games: &[TimedGame]) -> Result<Self, FitError> {
        Self::fit_watched(priors, games, &|_| ())
    }

    /// [`WholeHistory::fit`]; `watch` hears of the share that is done.
    ///
    /// # Errors
    /// As [`WholeHistory::fit`].
    ///
    /// # Panics
    /// As [`WholeHistory::fit`].
    pub fn fit_watched(
        priors: &[ItemPrior],
        games: &[TimedGame],
        watch: Watch<'_>,
    ) -> Result<Self, FitError> {
        assert!(priors.iter().all(ItemPrior::proper), "every first rating has a prior");
        let counted = |g: &TimedGame| {
            g.time.is_finite() && [g.won, g.lost].iter().all(|k| (0.0..f64::INFINITY).contains(k))
        };
        assert!(games.iter().all(counted), "games have times and counts");
        let posterior = Posterior::new(priors, games);
        if posterior.meetings.is_empty() {
            return Err(FitError::Nothing);
        }
        if let Some(step) = posterior.steps.iter().copied().find(|&step| step > MOST_PRECISE) {
            let rule =
                "is so small that rounding hides the games between two dates; 0 keeps strengths constant";
            return Err(BuildError::range("wiener_variance of a step", 1.0 / step, rule).into());
        }
        let mut point = Array1::from_iter(
            posterior.items().flat_map(|(i, ratings)| ratings.map(move |_| priors[i].mean)),
        );
        let mut newton =
            Newton { posterior: &posterior, here: 0.0, slope: 0.0, fall: Fall::to(LAST_GRADIENT, watch) };
        let (iterations, converged) = match solve(&mut newton, &mut point, MAX_STEPS) {
            Ok(steps) => (steps, true),
            Err(NewtonError::Limit { steps } | NewtonError::NoProgress { step: steps }) => (steps, false),
            Err(NewtonError::Singular { .. }) => return Err(FitError::Singular),
            Err(_) => (MAX_STEPS, false),
        };
        let x = point.as_slice().expect("a vector");
        let (variances, covariances) = posterior.blocks(x).inverses(&posterior);
        let mut ratings = Vec::with_capacity(x.len());
        for (item, of_item) in posterior.items() {
            let last = of_item.end - 1;
            ratings.extend(of_item.map(|k| Rating {
                item,
                time: posterior.times[k],
                log_strength: x[k],
                variance: variances[k],
                covariance: (k < last).then(|| covariances[k]),
            }));
        }
        let log_likelihood = posterior.log_likelihood(x);
        let log_prior = posterior.log_prior(x);
        let convergence = Convergence { by: Iteration::Newton, converged, iterations: iterations as u32 };
        Ok(Self {
            ratings,
            starts: posterior.starts.clone(),
            log_likelihood,
            log_prior,
            convergence,
            posterior,
        })
    }

    /// The last rating of an item.
    ///
    /// # Panics
    /// If there is no such item, or it has no rating.
    #[must_use]
    pub fn last(&self, item: usize) -> &Rating {
        assert!(self.starts[item] < self.starts[item + 1], "item {item} was compared");
        &self.ratings[self.starts[item + 1] - 1]
    }

    /// Variances of all ratings together, by the inverse of the whole Hessian; `None` for more than [`MOST_JOINT`] ratings, and where
    /// rounding leaves it not positive definite.
    #[must_use]
    pub fn joint_variances(&self) -> Option<Vec<f64>> {
        let n = self.ratings.len();
        if n > MOST_JOINT {
            return None;
        }
        let x: Vec<f64> = self.ratings.iter().map(|r| r.log_strength).collect();
        let hessian = self.posterior.dense_hessian(&x);
        let inverse = hessian.llt(Side::Lower).ok()?.inverse();
        Some((0..n).map(|k| inverse[(k, k)]).collect())
    }
}

/// Two ratings that met.
#[derive(Clone, Copy, Debug)]
struct Meeting {
    one: u32,
    two: u32,
    won: f64,
    lost: f64,
}

/// The log posterior as a function of all ratings.
#[derive(Clone, Debug)]
struct Posterior {
    priors: Vec<ItemPrior>,
    starts: Vec<usize>,
    times: Vec<f64>,
    /// Precision of the step from each rating to the next of its item; 0 at the last.
    steps: Vec<f64>,
    meetings: Vec<Meeting>,
    /// The meetings of each rating, one after another, and where they begin: its index, and the other rating's.
    met: Vec<(u32, u32)>,
    met_from: Vec<usize>,
}

impl Posterior {
    fn new(priors: &[ItemPrior], games: &[TimedGame]) -> Self {
        let n = priors.len();
        let games: Vec<&TimedGame> = games.iter().filter(|g| g.first != g.second).collect();
        let mut dates: Vec<Vec<f64>> = vec![Vec::new(); n];
        for g in &games {
            dates[g.first].push(g.time);
            dates[g.second].push(g.time);
        }
        let (mut starts, mut times, mut steps) = (vec![0], Vec::new(), Vec::new());
        for (dates, prior) in dates.iter_mut().zip(priors) {
            dates.sort_unstable_by(f64::total_cmp);
            dates.dedup();
            if prior.drift == 0.0 {
                dates.truncate(1);
            }
            times.extend_from_slice(dates);
            steps.extend(dates.windows(2).map(|t| 1.0 / (prior.drift * (t[1] - t[0]))));
            steps.extend(dates.last().map(|_| 0.0));
            starts.push(times.len());
        }
        let rating = |item: usize, time: f64| {
            let of_item = &times[starts[item]..starts[item + 1]];
            let at = if priors[item].drift == 0.0 { 0 } else { of_item.partition_point(|&t| t < time) };
            (starts[item] + at) as u32
        };
        let mut meetings: Vec<Meeting> = games
            .par_iter()
            .filter(|g| g.won + g.lost > 0.0)
            .map(|g| {
                let (one, two) = (rating(g.first, g.time), rating(g.second, g.time));
                let turned = one > two;
                let (won, lost) = if turned { (g.lost, g.won) } else { (g.won, g.lost) };
                Meeting { one: one.min(two), two: one.max(two), won, lost }
            })
            .collect();
        // equal rows may come in any order: their sum is that of the sorted ones
        let key = |m: &Meeting| (m.one, m.two);
        meetings.par_sort_unstable_by(|a, b| {
            key(a).cmp(&key(b)).then(a.won.total_cmp(&b.won)).then(a.lost.total_cmp(&b.lost))
        });
        meetings.dedup_by(|next, kept| {
            let same = key(next) == key(kept);
            if same {
                kept.won += next.won;
                kept.lost += next.lost;
            }
            same
        });
        let mut met_from = vec![0; times.len() + 1];
        for m in &meetings {
            met_from[m.one as usize + 1] += 1;
            met_from[m.two as usize + 1] += 1;
        }
        (0..times.len()).for_each(|k| met_from[k + 1] += met_from[k]);
        let (mut next, mut met) = (met_from.clone(), vec![(0, 0); 2 * meetings.len()]);
        for (k, m) in meetings.iter().enumerate() {
            for (mine, other) in [(m.one, m.two), (m.two, m.one)] {
                met[next[mine as usize]] = (k as u32, other);
                next[mine as usize] += 1;
            }
        }
        Self { priors: priors.to_vec(), starts, times, steps, meetings, met, met_from }
    }

    /// The items with the places of their ratings.
    fn items(&self) -> impl Iterator<Item = (usize, std::ops::Range<usize>)> + '_ {
        self.starts.windows(2).map(|s| s[0]..s[1]).enumerate().filter(|(_, ratings)| !ratings.is_empty())
    }

    fn at(&self, x: &[f64], m: &Meeting) -> PairLikelihood {
        PairLikelihood::at(x[m.one as usize] - x[m.two as usize], m.won, m.lost)
    }

    fn log_likelihood(&self, x: &[f64]) -> f64 {
        let chunks = self.meetings.par_chunks(CHUNK);
        let sums: Vec<f64> = chunks.map(|all| all.iter().map(|m| self.at(x, m).value()).sum()).collect();
        sums.iter().sum()
    }

    fn log_prior(&self, x: &[f64]) -> f64 {
        let mut value = 0.0;
        for (item, ratings) in self.items() {
            let (prior, off) = (&self.priors[item], x[ratings.start] - self.priors[item].mean);
            value -= prior.variance.map_or(0.0, |v| 0.5 * off * off / v);
            value += prior.half_virtual * (log_sigmoid(off) + log_sigmoid(-off));
            value -= ratings
                .clone()
                .skip(1)
                .map(|k| 0.5 * self.steps[k - 1] * (x[k] - x[k - 1]).powi(2))
                .sum::<f64>();
        }
        value
    }

    fn value(&self, x: &[f64]) -> f64 {
        self.log_likelihood(x) + self.log_prior(x)
    }

    /// Slope and negative curvature of the prior of every item's first rating.
    fn first(&self, item: usize, x: f64) -> (f64, f64) {
        let (prior, off) = (&self.priors[item], x - self.priors[item].mean);
        let p = logistic(off);
        let precision = prior.variance.map_or(0.0, f64::recip);
        let slope = prior.half_virtual * (1.0 - 2.0 * p) - precision * off;
        (slope, prior.half_virtual * 2.0 * p * (1.0 - p) + precision)
    }

    fn gradient(&self, x: &[f64]) -> Vec<f64> {
        let slopes: Vec<f64> = self.meetings.par_iter().map(|m| self.at(x, m).slope()).collect();
        let mut g: Vec<f64> = (0..x.len())
            .into_par_iter()
            .map(|k| {
                let met = &self.met[self.met_from[k]..self.met_from[k + 1]];
                // a meeting is seen from the rating of the lower number
                met.iter()
                    .map(
                        |&(m, other)| {
                            if (k as u32) < other { slopes[m as usize] } else { -slopes[m as usize] }
                        },
                    )
                    .sum()
            })
            .collect();
        for (item, ratings) in self.items() {
            g[ratings.start] += self.first(item, x[ratings.start]).0;
            for k in ratings.skip(1) {
                let pull = self.steps[k - 1] * (x[k] - x[k - 1]);
                g[k - 1] += pull;
                g[k] -= pull;
            }
        }
        g
    }

    fn curvatures(&self, x: &[f64]) -> Vec<f64> {
        self.meetings.par_iter().map(|m| self.at(x, m).curvature()).collect()
    }

    /// What every rating adds to the diagonal of minus the Hessian but for the steps: curvatures of its meetings and of the first prior.
    fn own(&self, x: &[f64], curvatures: &[f64]) -> Vec<f64> {
        let mut own: Vec<f64> = (0..x.len())
            .into_par_iter()
            .map(|k| {
                let met = &self.met[self.met_from[k]..self.met_from[k + 1]];
                met.iter().map(|&(m, _)| curvatures[m as usize]).sum()
            })
            .collect();
        for (item, ratings) in self.items() {
            own[ratings.start] += self.first(item, x[ratings.start]).1;
        }
        own
    }

    fn blocks(&self, x: &[f64]) -> Blocks {
        Blocks::new(self, self.own(x, &self.curvatures(x)))
    }

    /// Minus the Hessian times a vector, from differences where these are what counts.
    fn apply(&self, first: &[f64], curvatures: &[f64], v: &[f64], out: &mut [f64]) {
        out.par_iter_mut().enumerate().for_each(|(k, out)| {
            let met = &self.met[self.met_from[k]..self.met_from[k + 1]];
            let mut sum = first[k] * v[k];
            for &(m, other) in met {
                sum += curvatures[m as usize] * (v[k] - v[other as usize]);
            }
            // steps are 0 at the last rating of an item
            if self.steps[k] > 0.0 {
                sum += self.steps[k] * (v[k] - v[k + 1]);
            }
            if k > 0 && self.steps[k - 1] > 0.0 {
                sum += self.steps[k - 1] * (v[k] - v[k - 1]);
            }
            *out = sum;
        });
    }

    fn dense_hessian(&self, x: &[f64]) -> Mat<f64> {
        let curvatures = self.curvatures(x);
        let mut h = Mat::zeros(x.len(), x.len());
        self.own(x, &curvatures).iter().enumerate().for_each(|(k, d)| h[(k, k)] = *d);
        for (_, ratings) in self.items() {
            for k in ratings.skip(1) {
                h[(k, k)] += self.steps[k - 1];
                h[(k - 1, k - 1)] += self.steps[k - 1];
                h[(k, k - 1)] -= self.steps[k - 1];
                h[(k - 1, k)] -= self.steps[k - 1];
            }
        }
        for (m, c) in self.meetings.iter().zip(curvatures) {
            h[(m.one as usize, m.two as usize)] -= c;
            h[(m.two as usize, m.one as usize)] -= c;
        }
        h
    }

    /// The solution of `H d = g` by preconditioned conjugate gradients.
    fn direction(&self, x: &[f64], g: &[f64]) -> Vec<f64> {
        let curvatures = self.curvatures(x);
        let blocks = Blocks::new(self, self.own(x, &curvatures));
        let mut first = vec![0.0; x.len()];
        self.items().for_each(|(item, ratings)| first[ratings.start] = self.first(item, x[ratings.start]).1);
        let mut d = vec![0.0; x.len()];
        let mut residual = g.to_vec();
        let mut z = blocks.solve(self, &residual);
        let (mut p, mut product) = (z.clone(), vec![0.0; x.len()]);
        let mut size = dot(&residual, &z);
        let target = RESIDUAL * RESIDUAL * size;
        for _ in 0..MOST_ITERATIONS {
            if size <= target {
                break;
            }
            self.apply(&first, &curvatures, &p, &mut product);
            let length = size / dot(&p, &product);
            if !length.is_finite() {
                break;
            }
            add(&mut d, length, &p);
            add(&mut residual, -length, &product);
            z = blocks.solve(self, &residual);
            let next = dot(&residual, &z);
            let along = next / size;
            p.par_iter_mut().zip(&z).for_each(|(p, z)| *p = z + along * *p);
            size = next;
        }
        d
    }
}

/// The tridiagonal blocks of all items, `own` on the diagonal with `steps` between neighbours, factored as `L D L^T`:
///
/// ```text
/// f_k = own_k + s f_{k-1} / (f_{k-1} + s),  s = steps_{k-1};      D_k = f_k + steps_k,  L_{k+1,k} = - steps_k / D_k
/// ```
///
/// Nothing is subtracted, so that small drifts (large steps) cost no digits.
struct Blocks {
    own: Vec<f64>,
    /// f: the precision of a rating by what comes before it, itself included.
    before: Vec<f64>,
    /// D.
    pivots: Vec<f64>,
    /// Below the diagonal of L: the factor between a rating and the next of its item.
    factors: Vec<f64>,
}

/// What a neighbour of precision `f` adds to the precision of a rating across a step.
fn across(f: f64, step: f64) -> f64 {
    step * f / (f + step)
}

impl Blocks {
    fn new(posterior: &Posterior, own: Vec<f64>) -> Self {
        let mut before = own.clone();
        for (_, ratings) in posterior.items() {
            for k in ratings.skip(1) {
                before[k] += across(before[k - 1], posterior.steps[k - 1]);
            }
        }
        let pivots: Vec<f64> = before.iter().zip(&posterior.steps).map(|(f, step)| f + step).collect();
        let factors = posterior.steps.iter().zip(&pivots).map(|(step, pivot)| -step / pivot).collect();
        Self { own, before, pivots, factors }
    }

    fn solve(&self, posterior: &Posterior, b: &[f64]) -> Vec<f64> {
        let mut x = b.to_vec();
        let mut parts = Vec::new();
        let mut rest = &mut x[..];
        for s in posterior.starts.windows(2) {
            let (part, others) = rest.split_at_mut(s[1] - s[0]);
            parts.push((s[0], part));
            rest = others;
        }
        parts.par_iter_mut().with_min_len(64).for_each(|(start, x)| {
            let (pivots, factors) = (&self.pivots[*start..], &self.factors[*start..]);
            for k in 1..x.len() {
                x[k] -= factors[k - 1] * x[k - 1];
            }
            for k in (0..x.len()).rev() {
                let after = if k + 1 < x.len() { factors[k] * x[k + 1] } else { 0.0 };
                x[k] = x[k] / pivots[k] - after;
            }
        });
        x
    }

    /// Diagonal of the inverse of every block, and what stands beside it: the precision of a rating is its own, and what
    /// comes across from both sides.
    fn inverses(&self, posterior: &Posterior) -> (Vec<f64>, Vec<f64>) {
        let n = self.pivots.len();
        let (mut variances, mut covariances) = (vec![0.0; n], vec![0.0; n]);
        for (_, ratings) in posterior.items() {
            // precision of a rating by what comes after it, itself included
            let mut after = 0.0;
            for k in ratings.clone().rev() {
                let step = posterior.steps[k];
                let from_after = if step > 0.0 { across(after, step) } else { 0.0 };
                variances[k] = 1.0 / (self.before[k] + from_after);
                after = self.own[k] + from_after;
            }
            for k in ratings.start..ratings.end - 1 {
                covariances[k] = -self.factors[k] * variances[k + 1];
            }
        }
        (variances, covariances)
    }
}

struct Newton<'a> {
    posterior: &'a Posterior,
    /// The objective and its slope along the direction, where that was last asked for.
    here: f64,
    slope: f64,
    fall: Fall<'a>,
}

impl Problem for Newton<'_> {
    fn direction(&mut self, x: &Array1<f64>) -> Option<Array1<f64>> {
        let x = x.as_slice().expect("a vector");
        let g = self.posterior.gradient(x);
        self.fall.at(g.iter().fold(0.0f64, |most, g| most.max(g.abs())));
        let d = self.posterior.direction(x, &g);
        (self.here, self.slope) = (self.posterior.value(x), dot(&g, &d));
        Some(Array1::from(d))
    }

    fn damp(&mut self, x: &Array1<f64>, direction: &Array1<f64>) -> Option<Damped> {
        let value = |x: &Array1<f64>| self.posterior.value(x.as_slice().expect("a vector"));
        line_search(x, direction, (self.here, self.slope), value).map(|(step, _)| step)
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    let chunks = a.par_chunks(CHUNK).zip(b.par_chunks(CHUNK));
    let sums: Vec<f64> = chunks.map(|(a, b)| a.iter().zip(b).map(|(a, b)| a * b).sum()).collect();
    sums.iter().sum()
}

fn add(to: &mut [f64], factor: f64, x: &[f64]) {
    to.par_iter_mut().zip(x).for_each(|(to, x)| *to += factor * x);
}

#[cfg(test)]
mod tests {
    use super::*;
    use equipoise_core::{sample, seed::stream};

    #[test]
    fn gradient_and_hessian_are_the_slopes() {
        let mut rng = stream(5, "history", &[]);
        let priors = [
            ItemPrior { mean: 0.3, variance: Some(2.0), half_virtual: 0.0, drift: 0.1 },
            ItemPrior { mean: 0.0, variance: None, half_virtual: 1.0, drift: 0.02 },
            ItemPrior { mean: -0.5, variance: Some(1.0), half_virtual: 0.5, drift: 0.0 },
        ];
        let games: Vec<TimedGame> = (0..40)
            .map(|_| {
                let (first, time) = (sample::index(&mut rng, 3), sample::index(&mut rng, 9) as f64);
                let won = f64::from(u8::from(sample::uniform(&mut rng) < 0.6));
                TimedGame {
                    first,
                    second: (first + 1 + sample::index(&mut rng, 2)) % 3,
                    time,
                    won,
                    lost: 1.0 - won,
                }
            })
            .collect();
        let posterior = Posterior::new(&priors, &games);
        let x: Vec<f64> = posterior.times.iter().map(|_| sample::normal(&mut rng)).collect();
        let (g, h) = (posterior.gradient(&x), posterior.dense_hessian(&x));
        let moved = |k: usize, by: f64| {
            let mut x = x.clone();
            x[k] += by;
            x
        };
        for k in 0..x.len() {
            let step = 1e-5;
            let slope = (posterior.value(&moved(k, step)) - posterior.value(&moved(k, -step))) / (2.0 * step);
            assert!((slope - g[k]).abs() < 1e-8, "{k}: {slope} {}", g[k]);
            let (up, down) = (posterior.gradient(&moved(k, step)), posterior.gradient(&moved(k, -step)));
            for l in 0..x.len() {
                let curvature = -(up[l] - down[l]) / (2.0 * step);
                assert!((curvature - h[(l, k)]).abs() < 1e-8, "{k} {l}: {curvature} {}", h[(l, k)]);
            }
        }
        // conjugate gradients against elimination
        let d = posterior.direction(&x, &g);
        for (k, g) in g.iter().enumerate() {
            let product: f64 = (0..x.len()).map(|l| h[(k, l)] * d[l]).sum();
            assert!((product - g).abs() < 1e-5 * (1.0 + g.abs()), "{k}: {product} {g}");
        }
    }
}
