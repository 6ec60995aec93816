//! Strengths that change in time against routes of known grade: the posterior of what one grade is worth.
//!
//! ```text
//! Pr(a climber succeeds at t on a route of grade g) = sigma(m (C(t) - g))          C: in grades, m: in nats a grade
//! m ~ LogNormal(mu, s),   C(first) ~ N(mean grade, first^2),   C(t') - C(t) ~ N(0, drift (t' - t))
//! ```
//!
//! Drummond, Popinga (2021, climbing grades as a dynamic Bradley-Terry model): a grade multiplies the odds by `e^m`. Given m climbers are
//! independent, each a Gaussian chain seen through logistic answers. Their likelihood `p(y | m)`, C integrated out, is estimated without
//! bias from draws of a multivariate t of fifty degrees of freedom around the mode (tridiagonal Newton): its tails are heavier than those of the
//! chain, so that weights are bounded. Metropolis on log m with these estimates has the exact posterior for any number of draws
//! (Andrieu, Roberts 2009). Cost: O(ascents + dates) a draw and step.

use std::f64::consts::PI;

use equipoise_core::logistic::PairLikelihood;
use equipoise_core::{Rng, sample, seed::stream};
use rayon::prelude::*;

use crate::error::FitError;

/// Degrees of freedom of the draws around the mode.
const FREEDOM: u32 = 50;
/// Newton steps at most; the objective is strictly concave.
const MOST_STEPS: usize = 100;
/// Scaled to the posterior's deviation: the usual step of a random walk in one dimension.
const STEP: f64 = 2.4;

/// Attempts of a climber on routes of one grade at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ascent {
    /// The climber, from 0.
    pub climber: usize,
    /// When, in units of time.
    pub time: f64,
    /// Grade of the route.
    pub grade: f64,
    /// Attempts that succeeded.
    pub won: f64,
    /// Attempts that failed.
    pub lost: f64,
}

/// What is believed before the ascents are seen; the defaults are those of the paper, in months.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SlopePrior {
    /// Mean and standard deviation of log m.
    pub log_slope: (f64, f64),
    /// Standard deviation of a climber's first strength around the mean grade of all ascents, above 0, in grades.
    pub first: f64,
    /// Variance that a strength gains in one unit of time, above 0, in square grades.
    pub drift: f64,
}

impl Default for SlopePrior {
    fn default() -> Self {
        Self { log_slope: (-0.5, 0.6), first: 5.0, drift: 0.25 }
    }
}

/// The posterior of the slope.
#[derive(Clone, Debug)]
pub struct SlopePosterior {
    /// Draws of m, in the order of the chain, its first fifth left out.
    pub draws: Vec<f64>,
    /// Share of proposals that were accepted.
    pub acceptance: f64,
    /// Effective number of independent draws of log m.
    pub effective: f64,
}

impl SlopePosterior {
    /// Quantile of m, by interpolation between draws; `q` in [0, 1].
    ///
    /// # Panics
    /// If `q` is not in [0, 1].
    #[must_use]
    pub fn quantile(&self, q: f64) -> f64 {
        assert!((0.0..=1.0).contains(&q), "a probability");
        let mut sorted = self.draws.clone();
        sorted.sort_by(f64::total_cmp);
        let at = q * (sorted.len() - 1) as f64;
        let below = at.floor() as usize;
        let above = (below + 1).min(sorted.len() - 1);
        sorted[below] + (at - below as f64) * (sorted[above] - sorted[below])
    }

    /// Mean of m.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.draws.iter().sum::<f64>() / self.draws.len() as f64
    }
}

/// Draws the slope's posterior: `draws` steps of the chain, `particles` draws of every climber's strengths at each, from the stream
/// `whr slope` of the seed.
///
/// # Errors
/// [`FitError::Nothing`] without an attempt.
///
/// # Panics
/// If a time, a grade or a count is not finite, a count is negative, a scale of the prior is not above 0, or there are fewer than 100 draws or
/// no particle.
pub fn slope_posterior(
    ascents: &[Ascent],
    prior: &SlopePrior,
    draws: usize,
    particles: usize,
    seed: u64,
) -> Result<SlopePosterior, FitError> {
    assert!(draws >= 100 && particles >= 1, "a chain and particles");
    let climbers = Climber::all(ascents, prior)?;
    let laplace = |x: f64| log_prior(prior, x) + climbers.iter().map(|c| c.laplace(x.exp())).sum::<f64>();
    let (mode, deviation) = peak(laplace, prior.log_slope);
    let estimate = |x: f64, step: u64| -> f64 {
        let of = |(k, c): (usize, &Climber)| {
            let ids = [step.to_string(), k.to_string()];
            c.estimate(x.exp(), particles, &mut stream(seed, "whr slope", &[&ids[0], &ids[1]]))
        };
        log_prior(prior, x)
            + climbers.par_iter().enumerate().map(of).collect::<Vec<f64>>().iter().sum::<f64>()
    };
    let (mut here, mut value) = (mode, estimate(mode, 0));
    let (mut logs, mut accepted) = (Vec::with_capacity(draws), 0);
    for step in 1..=draws as u64 {
        let mut rng = stream(seed, "whr slope", &[&step.to_string()]);
        let next = here + STEP * deviation * sample::normal(&mut rng);
        let proposed = estimate(next, step);
        if sample::uniform(&mut rng).ln() < proposed - value {
            (here, value) = (next, proposed);
            accepted += 1;
        }
        logs.push(here);
    }
    let kept = &logs[draws / 5..];
    Ok(SlopePosterior {
        draws: kept.iter().map(|x| x.exp()).collect(),
        acceptance: f64::from(accepted) / draws as f64,
        effective: effective(kept),
    })
}

/// Of log m, up to a constant.
fn log_prior(prior: &SlopePrior, x: f64) -> f64 {
    -0.5 * ((x - prior.log_slope.0) / prior.log_slope.1).powi(2)
}

/// Where a function with one peak is largest, by golden sections within eight deviations of the prior, and the deviation of the normal
/// law of the same curvature there.
fn peak(f: impl Fn(f64) -> f64, (mean, deviation): (f64, f64)) -> (f64, f64) {
    let ratio = 0.5 * (5f64.sqrt() - 1.0);
    let (mut low, mut high) = (mean - 8.0 * deviation, mean + 8.0 * deviation);
    let (mut a, mut b) = (high - ratio * (high - low), low + ratio * (high - low));
    let (mut at_a, mut at_b) = (f(a), f(b));
    for _ in 0..60 {
        if at_a > at_b {
            (high, b, at_b) = (b, a, at_a);
            a = high - ratio * (high - low);
            at_a = f(a);
        } else {
            (low, a, at_a) = (a, b, at_b);
            b = low + ratio * (high - low);
            at_b = f(b);
        }
    }
    let (x, h) = (0.5 * (low + high), 1e-3);
    let curvature = -(f(x + h) - 2.0 * f(x) + f(x - h)) / (h * h);
    // a peak that is none has the prior's deviation
    (x, if curvature > 0.0 { curvature.recip().sqrt().min(deviation) } else { deviation })
}

/// Draws over the integrated autocorrelation time, by sums of neighbours as long as they are above 0 (Geyer 1992).
fn effective(x: &[f64]) -> f64 {
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    let lag = |k: usize| x.iter().zip(&x[k..]).map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>() / n;
    let variance = lag(0);
    if variance == 0.0 {
        return 1.0;
    }
    let mut time = -1.0;
    for k in (0..x.len() - 1).step_by(2) {
        let pair = (lag(k) + lag(k + 1)) / variance;
        if pair <= 0.0 {
            break;
        }
        time += 2.0 * pair;
    }
    n / time.max(1.0)
}

/// The dates of a climber.
struct Climber {
    /// Attempts at each date: grade, won, lost.
    dates: Vec<Vec<(f64, f64, f64)>>,
    /// Precision of the step to the next date.
    steps: Vec<f64>,
    mean: f64,
    /// Precision of the first.
    first: f64,
}

/// The mode of a chain, its log joint density, and the factors of minus its Hessian: diagonal, and below it.
struct Mode {
    at: Vec<f64>,
    value: f64,
    pivots: Vec<f64>,
    below: Vec<f64>,
}

impl Climber {
    fn all(ascents: &[Ascent], prior: &SlopePrior) -> Result<Vec<Self>, FitError> {
        let sound = |a: &Ascent| {
            a.time.is_finite()
                && a.grade.is_finite()
                && [a.won, a.lost].iter().all(|k| (0.0..f64::INFINITY).contains(k))
        };
        assert!(ascents.iter().all(sound), "ascents have times, grades and counts");
        let SlopePrior { log_slope: (mu, s), first, drift } = *prior;
        assert!(mu.is_finite() && s > 0.0 && first > 0.0 && drift > 0.0, "scales are above 0");
        let mut counted: Vec<&Ascent> = ascents.iter().filter(|a| a.won + a.lost > 0.0).collect();
        let attempts: f64 = counted.iter().map(|a| a.won + a.lost).sum();
        if counted.is_empty() {
            return Err(FitError::Nothing);
        }
        counted.sort_by(|a, b| {
            (a.climber.cmp(&b.climber)).then(a.time.total_cmp(&b.time)).then(a.grade.total_cmp(&b.grade))
        });
        let mean = counted.iter().map(|a| a.grade * (a.won + a.lost)).sum::<f64>() / attempts;
        let of_climber = |all: &[&Ascent]| {
            let of_date = |date: &[&Ascent]| date.iter().map(|a| (a.grade, a.won, a.lost)).collect();
            let dates: Vec<&[&Ascent]> = all.chunk_by(|a, b| a.time == b.time).collect();
            let steps = dates.windows(2).map(|d| 1.0 / (drift * (d[1][0].time - d[0][0].time))).collect();
            Self { dates: dates.into_iter().map(of_date).collect(), steps, mean, first: first.powi(-2) }
        };
        Ok(counted.chunk_by(|a, b| a.climber == b.climber).map(of_climber).collect())
    }

    /// Log density of the strengths and the attempts at slope `m`.
    fn log_joint(&self, m: f64, c: &[f64]) -> f64 {
        let two_pi = (2.0 * PI).ln();
        let mut value = 0.5 * (self.first.ln() - two_pi) - 0.5 * self.first * (c[0] - self.mean).powi(2);
        for (k, step) in self.steps.iter().enumerate() {
            value += 0.5 * (step.ln() - two_pi) - 0.5 * step * (c[k + 1] - c[k]).powi(2);
        }
        for (date, c) in self.dates.iter().zip(c) {
            value += date
                .iter()
                .map(|&(g, won, lost)| PairLikelihood::at(m * (c - g), won, lost).value())
                .sum::<f64>();
        }
        value
    }

    /// Gradient of the log joint density, and the factors of minus its Hessian.
    fn curve(&self, m: f64, c: &[f64]) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
        let n = c.len();
        let (mut slope, mut diagonal) = (vec![0.0; n], vec![0.0; n]);
        slope[0] = -self.first * (c[0] - self.mean);
        diagonal[0] = self.first;
        for (k, step) in self.steps.iter().enumerate() {
            let pull = step * (c[k + 1] - c[k]);
            slope[k] += pull;
            slope[k + 1] -= pull;
            diagonal[k] += step;
            diagonal[k + 1] += step;
        }
        for (k, date) in self.dates.iter().enumerate() {
            for &(g, won, lost) in date {
                let pair = PairLikelihood::at(m * (c[k] - g), won, lost);
                slope[k] += m * pair.slope();
                diagonal[k] += m * m * pair.curvature();
            }
        }
        // L D L': below is what L has under its diagonal of ones
        let mut below = vec![0.0; n - 1];
        for k in 0..n - 1 {
            below[k] = -self.steps[k] / diagonal[k];
            diagonal[k + 1] += below[k] * self.steps[k];
        }
        (slope, diagonal, below)
    }

    fn mode(&self, m: f64) -> Mode {
        let mut at = vec![self.mean; self.dates.len()];
        let mut value = self.log_joint(m, &at);
        for _ in 0..MOST_STEPS {
            let (mut d, pivots, below) = self.curve(m, &at);
            for k in 0..below.len() {
                d[k + 1] -= below[k] * d[k];
            }
            d.iter_mut().zip(&pivots).for_each(|(d, p)| *d /= p);
            for k in (0..below.len()).rev() {
                d[k] -= below[k] * d[k + 1];
            }
            let (mut length, size) = (1.0, d.iter().fold(0.0f64, |s, d| s.max(d.abs())));
            if size < 1e-10 {
                break;
            }
            loop {
                let next: Vec<f64> = at.iter().zip(&d).map(|(c, d)| c + length * d).collect();
                let reached = self.log_joint(m, &next);
                if reached >= value || length < 1e-9 {
                    (at, value) = (next, reached);
                    break;
                }
                length *= 0.5;
            }
        }
        let (_, pivots, below) = self.curve(m, &at);
        Mode { at, value, pivots, below }
    }

    /// Laplace's approximation of the log-likelihood of the slope.
    fn laplace(&self, m: f64) -> f64 {
        let mode = self.mode(m);
        mode.value + 0.5 * mode.pivots.iter().map(|p| (2.0 * PI / p).ln()).sum::<f64>()
    }

    /// Logarithm of an unbiased estimate of the likelihood of the slope.
    fn estimate(&self, m: f64, particles: usize, rng: &mut Rng) -> f64 {
        let mode = self.mode(m);
        let (n, freedom) = (mode.at.len() as f64, f64::from(FREEDOM));
        let log_determinant: f64 = mode.pivots.iter().map(|p| p.ln()).sum();
        let constant =
            libm::lgamma(0.5 * (freedom + n)) - libm::lgamma(0.5 * freedom) - 0.5 * n * (freedom * PI).ln()
                + 0.5 * log_determinant;
        let weights: Vec<f64> = (0..particles)
            .map(|_| {
                // (L D L')^-1 has the root L'^-1 D^-1/2
                let mut z: Vec<f64> = mode.at.iter().map(|_| sample::normal(rng)).collect();
                let chi: f64 = (0..FREEDOM).map(|_| sample::normal(rng).powi(2)).sum();
                let scale = (freedom / chi).sqrt();
                let square = scale * scale * z.iter().map(|z| z * z).sum::<f64>();
                z.iter_mut().zip(&mode.pivots).for_each(|(z, p)| *z *= scale / p.sqrt());
                for k in (0..mode.below.len()).rev() {
                    z[k] -= mode.below[k] * z[k + 1];
                }
                z.iter_mut().zip(&mode.at).for_each(|(z, c)| *z += c);
                let log_q = constant - 0.5 * (freedom + n) * (square / freedom).ln_1p();
                self.log_joint(m, &z) - log_q
            })
            .collect();
        let most = weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        most + (weights.iter().map(|w| (w - most).exp()).sum::<f64>() / particles as f64).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two climbers, with two dates and one.
    fn few() -> Vec<Ascent> {
        let at = |climber, time, grade, won, lost| Ascent { climber, time, grade, won, lost };
        vec![
            at(0, 0.0, 2.0, 3.0, 1.0),
            at(0, 0.0, 4.0, 1.0, 3.0),
            at(0, 2.0, 4.0, 2.0, 2.0),
            at(1, 1.0, 1.0, 4.0, 0.0),
            at(1, 1.0, 3.0, 1.0, 2.0),
        ]
    }

    /// `p(y | m)` of a climber of one or two dates by a grid over its strengths.
    fn integrated(c: &Climber, m: f64) -> f64 {
        let (step, half) = (0.125, 200);
        let at = |k: i32| c.mean + step * f64::from(k);
        let mut sum = 0.0;
        for a in -half..=half {
            if c.dates.len() == 1 {
                sum += c.log_joint(m, &[at(a)]).exp() * step;
                continue;
            }
            for b in -half..=half {
                sum += c.log_joint(m, &[at(a), at(b)]).exp() * step * step;
            }
        }
        sum
    }

    #[test]
    fn estimates_are_unbiased_and_laplace_is_near() {
        let climbers = Climber::all(&few(), &SlopePrior::default()).unwrap();
        for (c, m) in climbers.iter().flat_map(|c| [0.3, 1.0, 2.5].map(|m| (c, m))) {
            let exact = integrated(c, m);
            let mut rng = stream(1, "graded", &[]);
            let mean = (0..400).map(|_| c.estimate(m, 10, &mut rng).exp()).sum::<f64>() / 400.0;
            assert!((mean / exact - 1.0).abs() < 0.05, "{m}: {mean} {exact}");
            assert!((c.laplace(m) - exact.ln()).abs() < 0.3, "{m}: {} {}", c.laplace(m), exact.ln());
        }
    }

    #[test]
    fn the_chain_has_the_posterior_of_a_grid() {
        let (data, prior) = (few(), SlopePrior::default());
        let climbers = Climber::all(&data, &prior).unwrap();
        // over log m, where the prior is normal
        let grid: Vec<(f64, f64)> = (-40..=40)
            .map(|k| {
                let x = prior.log_slope.0 + 0.08 * f64::from(k);
                (
                    x,
                    log_prior(&prior, x).exp()
                        * climbers.iter().map(|c| integrated(c, x.exp())).product::<f64>(),
                )
            })
            .collect();
        let total: f64 = grid.iter().map(|g| g.1).sum();
        let moment = |f: &dyn Fn(f64) -> f64| grid.iter().map(|&(x, p)| f(x) * p / total).sum::<f64>();
        let mean = moment(&|x| x);
        let deviation = moment(&|x| (x - mean).powi(2)).sqrt();
        let found = slope_posterior(&data, &prior, 6000, 4, 7).unwrap();
        let logs: Vec<f64> = found.draws.iter().map(|m| m.ln()).collect();
        let own = logs.iter().sum::<f64>() / logs.len() as f64;
        let spread = (logs.iter().map(|x| (x - own).powi(2)).sum::<f64>() / logs.len() as f64).sqrt();
        let error = deviation / found.effective.sqrt();
        assert!(found.effective > 300.0 && (0.2..0.8).contains(&found.acceptance), "{found:?}");
        assert!((own - mean).abs() < 4.0 * error, "{own} {mean} {error}");
        assert!((spread / deviation - 1.0).abs() < 0.1, "{spread} {deviation}");
        // the prior alone is wider: the data were seen
        assert!(deviation < 0.95 * prior.log_slope.1, "{deviation}");
        // the same seed, the same chain, for any number of threads
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let again = pool.install(|| slope_posterior(&data, &prior, 6000, 4, 7).unwrap());
        assert_eq!(again.draws, found.draws);
        assert_ne!(slope_posterior(&data, &prior, 6000, 4, 8).unwrap().draws, found.draws);
    }

    #[test]
    fn without_an_attempt_there_is_nothing() {
        let none = Ascent { climber: 0, time: 0.0, grade: 1.0, won: 0.0, lost: 0.0 };
        assert_eq!(
            slope_posterior(&[none], &SlopePrior::default(), 100, 1, 1).unwrap_err(),
            FitError::Nothing
        );
    }
}
