//! Bayesian Bradley-Terry or Thurstone: a normal posterior of the strengths by expectation propagation.
//!
//! ```text
//! p(r | data) ~ N(r; 0, I / alpha) prod over comparisons F(r_i - r_j)        F: sigma or Phi; a tie is sqrt(F(d) F(-d))
//! q(r) = N(r; mu, S),   S^-1 = alpha I + sum_s tau_s u_s u_s',   mu = S sum_s nu_s u_s       u_s = e_i - e_j
//! of each comparison s: (tau_s, nu_s) such that q, and q without s times F, have the same mean and variance of u_s' r
//! log Z = sum_s log Z_s - log G_s  +  (n log alpha + log det S + mu' S^-1 mu) / 2       G_s: q without s times exp(nu_s f - tau_s f^2 / 2)
//! Pr(i) = integral F(d) N(d; mu_i - mu_j, S_ii + S_jj - 2 S_ij) dd
//! ```
//!
//! Minka 2001; Chu, Ghahramani 2005; `ep_pairwise` of choix, alpha as there. Equal comparisons of a pair have equal terms, so that a pass costs
//! O(pairs + n^3) whatever their number; all terms are renewed in a pass, by shorter steps where passes go to and fro. A weight that is no
//! whole number is that of as many equal comparisons, each of a share of one. The prior makes the posterior proper whatever the data; the
//! level that all items of an island have in common is known from the prior alone. Against the integrals of two and three items errors of
//! differences are too small, by 5 % at alpha = 1 and an eighth at alpha = 0.3 where one side won all five. Of 1e5 comparisons that
//! one side won, at alpha = 1e-4, passes do not converge, which is said.

use equipoise_core::registry::{BuildError, ensure};
use equipoise_data::Comparisons;
use faer::linalg::solvers::{DenseSolveCore as _, Solve as _};
use faer::{Mat, Side};
use ndarray::{Array1, Array2};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::error::FitError;
use crate::fitted::{Convergence, Existence, Fitted, Iteration, ModelResult};
use crate::graph::{held_together, win_blocks};
use crate::input::Counts;
use crate::registry::{ModelEntry, PreferenceModel, Watch};
use crate::scores::plain;
use crate::tilted::Law;

pub(super) const ENTRY: ModelEntry = ModelEntry::of::<ExpectationPropagation>(
    "ep",
    "normal posterior of strengths under the prior N(0, 1 / alpha); Pr(i) is its mean of sigma(r_i - r_j); alpha = 1",
    "Minka 2001; Chu, Ghahramani 2005; as in choix 0.4",
)
.sought_as(&["expectation-propagation", "ep-pairwise", "ep_pairwise"])
.fitted("expectation propagation; covariance of the posterior");

/// How a difference of strengths becomes a probability.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Link {
    /// Bradley-Terry: sigma, integrated to rounding.
    #[default]
    Logit,
    /// Thurstone: Phi.
    Probit,
    /// Bradley-Terry with sigma as a mixture of five Phi, to compare with choix; off by some 1e-3.
    LogitMixture,
}

/// Options of expectation propagation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct EpOptions {
    /// Precision of the prior of each strength, above 0.
    pub alpha: f64,
    /// How a difference of strengths becomes a probability: `logit`, `probit`, or `logit-mixture` as in choix.
    pub link: Link,
}

impl Default for EpOptions {
    fn default() -> Self {
        Self { alpha: 1.0, link: Link::Logit }
    }
}

/// Passes at most.
const MOST_PASSES: u32 = 500;
/// The shortest step.
const SHORTEST: f64 = 1.0 / 1024.0;
/// Change of a mean in its standard deviation, and of a variance in itself, that ends the passes.
const TOLERANCE: f64 = 1e-10;

struct ExpectationPropagation;

impl PreferenceModel for ExpectationPropagation {
    type Options = EpOptions;
    type Data = Counts;

    fn check(options: &EpOptions) -> Result<(), BuildError> {
        let alpha = options.alpha;
        ensure(alpha > 0.0 && alpha.is_finite(), "alpha", alpha, "must be a finite number above 0")
    }

    fn fit(data: &Counts, options: EpOptions, watch: Watch<'_>) -> Result<Fitted, FitError> {
        let data = plain(data, ENTRY.name)?;
        let (law, of_probability) = match options.link {
            Link::Logit => (Law::Logistic, Law::Logistic),
            Link::Probit => (Law::Normal, Law::Normal),
            Link::LogitMixture => (Law::Mixture, Law::Logistic),
        };
        let islands = data.components();
        let mut terms = Terms::new(data, options.alpha, law);
        let mut posterior = terms.posterior(&islands)?;
        let (mut step, mut passes) = (1.0, 0);
        let (mut before, mut moved) = (terms.totals(&posterior), Vec::new());
        let converged = loop {
            terms.renew(&posterior, step);
            let next = terms.posterior(&islands)?;
            let change = posterior.change(&next);
            posterior = next;
            passes += 1;
            let share = (change.ln() / TOLERANCE.ln()).clamp(0.0, 1.0);
            watch(share.max(f64::from(passes) / f64::from(MOST_PASSES)));
            if change <= TOLERANCE * step || passes == MOST_PASSES {
                break change <= TOLERANCE * step;
            }
            // where passes go to and fro they take shorter steps, and longer ones where they go on
            let totals = terms.totals(&posterior);
            let move_by: Vec<f64> = totals.iter().zip(&before).map(|(a, b)| a - b).collect();
            match cosine(&move_by, &moved) {
                c if c < -0.2 => step = (0.5 * step).max(SHORTEST),
                c if c > 0.5 => step = (1.5 * step).min(1.0),
                _ => {}
            }
            (before, moved) = (totals, move_by);
        };
        let log_evidence = terms.log_evidence(&posterior);
        let log_likelihood = terms.log_likelihood(&posterior.mean);
        let blocks = win_blocks(data);
        let exists = held_together(data.n(), &islands, &blocks).iter().all(|held| *held);
        let n = data.n();
        Ok(Fitted {
            log_strength: Some(posterior.mean.clone()),
            standard_error: Some(posterior.covariance.diag().mapv(f64::sqrt)),
            log_likelihood: Some(log_likelihood),
            existence: if exists { Existence::Finite } else { Existence::Separated { blocks } },
            prior: true,
            free_parameters: Some(n - islands.len()),
            convergence: Convergence {
                by: Iteration::FixedPoint("expectation propagation"),
                converged,
                iterations: passes,
            },
            ..Fitted::new(
                data.labels.clone(),
                NormalPosterior {
                    mean: posterior.mean,
                    covariance: posterior.covariance,
                    of_differences: posterior.of_differences,
                    log_evidence,
                    law: of_probability,
                },
            )
        })
    }
}

/// Equal comparisons of a pair, and the term that stands for each of them.
#[derive(Debug)]
struct Term {
    i: usize,
    j: usize,
    /// How many.
    copies: f64,
    /// What each is: the powers of `F(d)` and `F(-d)`.
    powers: (f64, f64),
    tau: f64,
    nu: f64,
}

#[derive(Debug)]
struct Terms {
    n: usize,
    alpha: f64,
    law: Law,
    terms: Vec<Term>,
}

/// The normal law that the terms and the prior make.
struct Posterior {
    mean: Array1<f64>,
    covariance: Array2<f64>,
    /// The same without what the prior leaves open of each island's level: of differences, which keep their digits.
    of_differences: Array2<f64>,
    /// Variance of the difference of each term.
    variance: Vec<f64>,
    log_determinant: f64,
}

impl Terms {
    fn new(data: &Comparisons, alpha: f64, law: Law) -> Self {
        let mut terms = Vec::new();
        for pair in &data.pairs {
            let (wins, losses, ties) = pair.outcomes();
            for (weight, (a, b)) in [(wins, (1.0, 0.0)), (losses, (0.0, 1.0)), (ties, (0.5, 0.5))] {
                if weight > 0.0 {
                    let copies = weight.ceil();
                    let share = weight / copies;
                    let powers = (share * a, share * b);
                    terms.push(Term { i: pair.i, j: pair.j, copies, powers, tau: 0.0, nu: 0.0 });
                }
            }
        }
        Self { n: data.n(), alpha, law, terms }
    }

    /// Every island moves together as the prior says; its direction is given an average precision, so that differences keep their digits.
    fn posterior(&self, islands: &[Vec<usize>]) -> Result<Posterior, FitError> {
        let mut precision = Mat::<f64>::zeros(self.n, self.n);
        let mut shift = vec![0.0; self.n];
        for t in &self.terms {
            let (tau, nu) = (t.copies * t.tau, t.copies * t.nu);
            precision[(t.i, t.i)] += tau;
            precision[(t.j, t.j)] += tau;
            precision[(t.i, t.j)] -= tau;
            precision[(t.j, t.i)] -= tau;
            shift[t.i] += nu;
            shift[t.j] -= nu;
        }
        let lifts: Vec<f64> = islands
            .iter()
            .map(|island| island.iter().map(|&i| precision[(i, i)]).sum::<f64>() / island.len() as f64)
            .collect();
        (0..self.n).for_each(|i| precision[(i, i)] += self.alpha);
        for (island, lift) in islands.iter().zip(&lifts) {
            let each = lift / island.len() as f64;
            for &i in island {
                island.iter().for_each(|&j| precision[(i, j)] += each);
            }
        }
        let llt = precision.llt(Side::Lower).map_err(|_| FitError::Singular)?;
        let inverse = llt.inverse();
        let solved = llt.solve(&Mat::from_fn(self.n, 1, |i, _| shift[i]));
        let mut mean = Array1::from_shape_fn(self.n, |i| solved[(i, 0)]);
        let variance = |t: &Term| inverse[(t.i, t.i)] + inverse[(t.j, t.j)] - 2.0 * inverse[(t.i, t.j)];
        let variance = self.terms.iter().map(variance).collect();
        let of_differences = Array2::from_shape_fn((self.n, self.n), |(i, j)| inverse[(i, j)]);
        let mut covariance = of_differences.clone();
        let lower = llt.L();
        let mut log_determinant = -2.0 * (0..self.n).map(|i| lower[(i, i)].ln()).sum::<f64>();
        for (island, lift) in islands.iter().zip(&lifts) {
            let centre = island.iter().map(|&i| mean[i]).sum::<f64>() / island.len() as f64;
            let wider = (1.0 / self.alpha - 1.0 / (self.alpha + lift)) / island.len() as f64;
            for &i in island {
                mean[i] -= centre;
                island.iter().for_each(|&j| covariance[[i, j]] += wider);
            }
            log_determinant += ((self.alpha + lift) / self.alpha).ln();
        }
        Ok(Posterior { mean, covariance, of_differences, variance, log_determinant })
    }

    /// What all copies of each term add to the precision, and to the shift in units of the largest mean.
    fn totals(&self, posterior: &Posterior) -> Vec<f64> {
        let unit = 1.0 + posterior.mean.iter().fold(0.0f64, |most, m| most.max(m.abs()));
        self.terms.iter().flat_map(|t| [t.copies * t.tau, t.copies * t.nu / unit]).collect()
    }

    /// Mean and variance of each term's difference without one copy of it.
    fn cavity(t: &Term, posterior: &Posterior, variance: f64) -> (f64, f64) {
        let mean = posterior.mean[t.i] - posterior.mean[t.j];
        let without = (1.0 / variance - t.tau).recip();
        (without * (mean / variance - t.nu), without)
    }

    /// Moves every term by `step` of the way to what matches the moments.
    fn renew(&mut self, posterior: &Posterior, step: f64) {
        let law = self.law;
        for (t, &variance) in self.terms.iter_mut().zip(&posterior.variance) {
            let (m, v) = Self::cavity(t, posterior, variance);
            let tilted = law.tilted(t.powers, m, v);
            let left = 1.0 + tilted.curvature * v;
            t.tau += step * (-tilted.curvature / left - t.tau);
            t.nu += step * ((tilted.slope - m * tilted.curvature) / left - t.nu);
        }
    }

    fn log_evidence(&self, posterior: &Posterior) -> f64 {
        let (mut value, mut shift) = (0.0, Array1::<f64>::zeros(self.n));
        for (t, &variance) in self.terms.iter().zip(&posterior.variance) {
            let (m, v) = Self::cavity(t, posterior, variance);
            let wider = 1.0 + t.tau * v;
            let of_term =
                -0.5 * wider.ln() + 0.5 * (t.nu * t.nu * v + 2.0 * t.nu * m - t.tau * m * m) / wider;
            value += t.copies * (self.law.tilted(t.powers, m, v).log_z - of_term);
            shift[t.i] += t.copies * t.nu;
            shift[t.j] -= t.copies * t.nu;
        }
        let prior = self.n as f64 * self.alpha.ln();
        value + 0.5 * (prior + posterior.log_determinant + shift.dot(&posterior.mean))
    }

    fn log_likelihood(&self, r: &Array1<f64>) -> f64 {
        let exact = if self.law == Law::Mixture { Law::Logistic } else { self.law };
        self.terms.iter().map(|t| t.copies * exact.log_factor(t.powers, r[t.i] - r[t.j])[0]).sum()
    }
}

/// The cosine of the angle between two moves; 0 before there are two.
fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
    let lengths = (dot(a, a) * dot(b, b)).sqrt();
    if lengths > 0.0 { dot(a, b) / lengths } else { 0.0 }
}

impl Posterior {
    /// The largest move of a mean in its standard deviation, and of a variance in itself, between differences' own sizes.
    fn change(&self, next: &Self) -> f64 {
        let means = self.mean.iter().zip(&next.mean).map(|(a, b)| (a - b).abs());
        let deviations = next.covariance.diag().mapv(f64::sqrt);
        let means = means.zip(&deviations).map(|(d, sd)| d / sd).fold(0.0, f64::max);
        let variances = self.variance.iter().zip(&next.variance).map(|(a, b)| (a / b - 1.0).abs());
        variances.fold(means, f64::max)
    }
}

/// The posterior.
#[derive(Debug)]
pub struct NormalPosterior {
    /// Means of the strengths, `[n]`, of mean 0 in every island.
    pub mean: Array1<f64>,
    /// Their covariance, `[n x n]`.
    pub covariance: Array2<f64>,
    /// Logarithm of the probability of the data under the prior, as expectation propagation has it.
    pub log_evidence: f64,
    of_differences: Array2<f64>,
    law: Law,
}

impl ModelResult for NormalPosterior {
    fn prob(&self, i: usize, j: usize) -> f64 {
        if i == j {
            return 0.5;
        }
        // both from the smaller of the two, so that they sum to one
        let (mean, s) = (self.mean[i] - self.mean[j], &self.of_differences);
        let variance = s[[i, i]] + s[[j, j]] - 2.0 * s[[i, j]];
        let smaller = self.law.tilted((1.0, 0.0), -mean.abs(), variance).log_z.exp().min(0.5);
        if mean > 0.0 { 1.0 - smaller } else { smaller }
    }

    fn prior(&self) -> &'static str {
        "a normal prior of variance 1 / alpha on strengths"
    }

    fn own(&self) -> Map<String, Value> {
        Map::from_iter([("log_evidence".to_owned(), json!(self.log_evidence))])
    }

    fn notes(&self) -> Vec<String> {
        vec![
            "errors are standard deviations of the posterior, with what the prior leaves open of the level of all strengths; probabilities \
             are means over it"
                .to_owned(),
            format!("log evidence of the data under the prior: {:.6}", self.log_evidence),
        ]
    }
}
