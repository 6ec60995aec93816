//! The general preference model: a skew-symmetric form in an embedding of the items, which can express cycles.
//!
//! ```text
//! s(i > j) = sum_l v_i[2l] v_j[2l+1] - v_i[2l+1] v_j[2l]        l = 0 .. d/2 - 1,  v_i in R^d
//! Pr(i) = sigma(s(i > j)),  a tie counts half to each side
//! ```
//!
//! Zhang et al., arXiv:2410.02197 (GPM). The sign is that of the published code: `s = + logit P`; the paper's `v_i^T R v_j`
//! has the opposite one. Bradley-Terry is d = 2 with `v_i = (r_i, 1)`. Every matrix of win rates is reached at d = n (n even): its
//! logits are skew, and a skew matrix is a sum of planes ([`skew_embedding`], its real Schur form).
//!
//! Fitted by maximum likelihood over the `v`. The objective is not concave: the start is the best d-dimensional form of the
//! logits of the smoothed counts, and what is found from there is a stationary point. The `v` are free up to maps that keep the
//! form (`Sp(d)`), which leaves `d/2 (2n - d - 1)` parameters; reported is the representative whose planes are orthogonal.
//! A maximum exists if every pair that met was won both ways (a tie is half of both); where one was not, or on request, a
//! standard normal prior on every coordinate is added: half of the nuclear norm of the logits. Cost: one eigendecomposition of an
//! n x n matrix, then O(d pairs) an L-BFGS step.

use equipoise_core::lbfgs::{Minimum, minimise};
use equipoise_core::logistic::{PairLikelihood, logistic};
use equipoise_core::registry::{BuildError, ensure};
use equipoise_data::Comparisons;
use faer::{Mat, Side, c64};
use ndarray::Array2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::error::{FitError, MAX_ITEMS};
use crate::fitted::{Column, Convergence, Existence, Fitted, Iteration, ModelResult};
use crate::input::Counts;
use crate::registry::{ModelEntry, PreferenceModel};

pub(super) const ENTRY: ModelEntry = ModelEntry::of::<GeneralPreference>(
    "general-preference",
    "Pr(i) = sigma(skew form of two embeddings): cycles can be expressed",
    "Zhang et al., arXiv:2410.02197 (GPM)",
)
.fitted("L-BFGS from the best skew form of the counts' logits; no errors");

/// Options of the general preference model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct GeneralPreferenceOptions {
    /// Numbers an item is embedded in: even, at least 2; more than there are items changes nothing. One rating is 2; a rating
    /// and one cycle are 4.
    pub dimension: usize,
    /// Adds a standard normal prior on every coordinate whether a maximum is known to exist without it or not.
    pub prior: bool,
}

impl Default for GeneralPreferenceOptions {
    fn default() -> Self {
        Self { dimension: 4, prior: false }
    }
}

struct GeneralPreference;

/// L-BFGS steps at most.
const MOST_STEPS: u32 = 5_000;
/// Largest entry of the gradient at the end, for an average item's one comparison.
const TOLERANCE: f64 = 1e-10;

impl PreferenceModel for GeneralPreference {
    type Options = GeneralPreferenceOptions;
    type Data = Counts;

    fn check(options: &GeneralPreferenceOptions) -> Result<(), BuildError> {
        let d = options.dimension;
        ensure(d >= 2 && d.is_multiple_of(2), "dimension", d, "must be even and at least 2")
    }

    fn fit(data: &Counts, options: GeneralPreferenceOptions) -> Result<Fitted, FitError> {
        let (data, features) = (&data.observations.comparisons, &data.features);
        let n = data.n();
        if features.is_some() {
            return Err(FitError::NoFeatures { model: ENTRY.name });
        }
        if n > MAX_ITEMS {
            return Err(FitError::TooMany { items: n });
        }
        if data.pairs.is_empty() {
            return Err(FitError::Nothing);
        }
        let both_ways = data.pairs.iter().map(wins).all(|(won, lost)| won > 0.0 && lost > 0.0);
        let prior = options.prior || !both_ways;
        let planes = (options.dimension / 2).min(n / 2);
        let mut vectors = start(data, planes);
        let tolerance = TOLERANCE * (data.total / n as f64).max(1.0);
        let found = {
            let v = vectors.as_slice_mut().expect("rows in order");
            minimise(v, tolerance, MOST_STEPS, |v, g| objective(data, planes, prior, v, g))
        };
        let embedding = SkewEmbedding { vectors }.orthogonal();
        Ok(fitted(data, embedding, prior, both_ways, found))
    }
}

fn fitted(
    data: &Comparisons,
    embedding: SkewEmbedding,
    prior: bool,
    both_ways: bool,
    found: Minimum,
) -> Fitted {
    let (mut log_likelihood, mut saturated) = (0.0, 0.0);
    for pair in &data.pairs {
        let (won, lost) = wins(pair);
        log_likelihood += PairLikelihood::at(embedding.score(pair.i, pair.j), won, lost).value();
        let term = |k: f64| if k > 0.0 { k * (k / (won + lost)).ln() } else { 0.0 };
        saturated += term(won) + term(lost);
    }
    let (n, d) = (data.n(), embedding.dimension());
    let parameters = d / 2 * (2 * n).saturating_sub(d + 1);
    let exists = both_ways && (found.converged || prior);
    Fitted {
        log_likelihood: Some(log_likelihood),
        deviance: Some(2.0 * (saturated - log_likelihood)),
        degrees_of_freedom: Some(data.pairs.len().saturating_sub(parameters) as f64),
        existence: if exists { Existence::Finite } else { Existence::NotFound },
        prior,
        convergence: Convergence {
            by: Iteration::Passes("L-BFGS"),
            converged: found.converged,
            iterations: found.steps,
        },
        ..Fitted::new(data.labels.clone(), embedding)
    }
}

fn wins(pair: &equipoise_data::PairCount) -> (f64, f64) {
    let (won, lost, ties) = pair.outcomes();
    (won + 0.5 * ties, lost + 0.5 * ties)
}

/// The best form of `planes` planes of the logits of the counts with half a win added to each side; pairs that never met at 0.
fn start(data: &Comparisons, planes: usize) -> Array2<f64> {
    let mut logits = Array2::zeros((data.n(), data.n()));
    for pair in &data.pairs {
        let (won, lost) = wins(pair);
        let logit = ((won + 0.5) / (lost + 0.5)).ln();
        logits[[pair.i, pair.j]] = logit;
        logits[[pair.j, pair.i]] = -logit;
    }
    skew_embedding(&logits, planes).vectors
}

/// Minus the log-likelihood (and the prior's) of `v`, `[n][2 planes]`, and its gradient.
fn objective(data: &Comparisons, planes: usize, prior: bool, v: &[f64], g: &mut [f64]) -> f64 {
    let d = 2 * planes;
    g.fill(0.0);
    let mut value = 0.0;
    for pair in &data.pairs {
        let (won, lost) = wins(pair);
        let (at, bt) = (pair.i * d, pair.j * d);
        let (a, b) = (&v[at..at + d], &v[bt..bt + d]);
        let likelihood = PairLikelihood::at(form(a, b), won, lost);
        value -= likelihood.value();
        let slope = -likelihood.slope();
        for l in (0..d).step_by(2) {
            g[at + l] += slope * b[l + 1];
            g[at + l + 1] -= slope * b[l];
            g[bt + l + 1] += slope * a[l];
            g[bt + l] -= slope * a[l + 1];
        }
    }
    if prior {
        value += 0.5 * v.iter().map(|x| x * x).sum::<f64>();
        g.iter_mut().zip(v).for_each(|(g, x)| *g += x);
    }
    value
}

/// The skew form of two vectors of even length.
fn form(a: &[f64], b: &[f64]) -> f64 {
    a.chunks_exact(2).zip(b.chunks_exact(2)).map(|(a, b)| a[0] * b[1] - a[1] * b[0]).sum()
}

/// Items as vectors whose skew form is the log odds of a win.
#[derive(Clone, Debug, PartialEq)]
pub struct SkewEmbedding {
    /// A vector an item, `[n][d]`, d even.
    pub vectors: Array2<f64>,
}

impl SkewEmbedding {
    /// Length of a vector.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.vectors.ncols()
    }

    /// Log odds of "i beats j".
    ///
    /// # Panics
    /// If there is no such item.
    #[must_use]
    pub fn score(&self, i: usize, j: usize) -> f64 {
        let (a, b) = (self.vectors.row(i), self.vectors.row(j));
        (0..self.dimension()).step_by(2).map(|l| a[l] * b[l + 1] - a[l + 1] * b[l]).sum()
    }

    /// The same scores from vectors whose planes are orthogonal, the strongest plane first.
    fn orthogonal(&self) -> Self {
        let n = self.vectors.nrows();
        skew_embedding(&Array2::from_shape_fn((n, n), |(i, j)| self.score(i, j)), self.dimension() / 2)
    }

    /// Strength of every plane: the product of the lengths of its two columns, a singular value of the scores.
    fn planes(&self) -> Vec<f64> {
        let length = |l: usize| self.vectors.column(l).dot(&self.vectors.column(l)).sqrt();
        (0..self.dimension()).step_by(2).map(|l| length(l) * length(l + 1)).collect()
    }

    /// Mean log odds of every item against all, itself included.
    fn mean_score(&self) -> Vec<f64> {
        let n = self.vectors.nrows();
        (0..n).map(|i| (0..n).map(|j| self.score(i, j)).sum::<f64>() / n as f64).collect()
    }

    /// Share of the squared scores that one rating an item (the mean score) explains; `None` if all scores are 0.
    fn share_of_ratings(&self) -> Option<f64> {
        let (n, g) = (self.vectors.nrows(), self.mean_score());
        let (mut explained, mut all) = (0.0, 0.0);
        for i in 0..n {
            for j in 0..n {
                explained += (g[i] - g[j]).powi(2);
                all += self.score(i, j).powi(2);
            }
        }
        (all > 0.0).then(|| explained / all)
    }
}

impl ModelResult for SkewEmbedding {
    fn prob(&self, i: usize, j: usize) -> f64 {
        logistic(self.score(i, j))
    }

    fn own(&self) -> Map<String, Value> {
        let rows: Vec<Vec<f64>> = self.vectors.outer_iter().map(|v| v.to_vec()).collect();
        Map::from_iter([
            ("dimension".to_owned(), json!(self.dimension())),
            ("embedding".to_owned(), json!(rows)),
            ("planes".to_owned(), json!(self.planes())),
            ("share_of_ratings".to_owned(), json!(self.share_of_ratings())),
        ])
    }

    fn columns(&self) -> Vec<Column> {
        vec![Column { name: "mean log odds".to_owned(), values: self.mean_score().into(), errors: None }]
    }

    fn notes(&self) -> Vec<String> {
        let planes: Vec<String> = self.planes().iter().map(|t| format!("{t:.3}")).collect();
        let mut notes = vec![format!("planes of the scores (singular values, nats): {}", planes.join(", "))];
        if let Some(share) = self.share_of_ratings() {
            notes.push(format!(
                "one rating an item explains {:.1} percent of the squared log odds",
                100.0 * share
            ));
        }
        notes
    }
}

/// The embedding in `2 planes` dimensions whose scores are nearest to a skew matrix of log odds, `[n][n]`, in the sum of
/// squares; exact from `planes = n / 2` on. Only the lower triangle is read.
///
/// ```text
/// S (x + i y) i = t (x + i y)   =>   S x = t y,  S y = - t x,  S = sum 2 t (y x^T - x y^T)        |x| = |y| = 1 / sqrt 2
/// ```
///
/// so that the two columns of a plane are `sqrt(2 t) y` and `sqrt(2 t) x`.
///
/// # Panics
/// If the matrix is not square or not finite.
#[must_use]
pub fn skew_embedding(log_odds: &Array2<f64>, planes: usize) -> SkewEmbedding {
    let n = log_odds.nrows();
    assert_eq!(n, log_odds.ncols(), "log odds of every pair");
    let entry = |i: usize, j: usize| match i.cmp(&j) {
        std::cmp::Ordering::Greater => log_odds[[i, j]],
        std::cmp::Ordering::Equal => 0.0,
        std::cmp::Ordering::Less => -log_odds[[j, i]],
    };
    let hermitian = Mat::from_fn(n, n, |i, j| c64::new(0.0, entry(i, j)));
    let eigen = hermitian.self_adjoint_eigen(Side::Lower).expect("a finite Hermitian matrix has eigenvalues");
    let (values, columns) = (eigen.S(), eigen.U());
    // ascending: the positive half stands at the end
    let planes = planes.min(n / 2);
    let vectors = Array2::from_shape_fn((n, 2 * planes), |(i, k)| {
        let at = n - 1 - k / 2;
        let scale = (2.0 * values[at].re.max(0.0)).sqrt();
        let z = columns[(i, at)];
        scale * if k % 2 == 0 { z.im } else { z.re }
    });
    SkewEmbedding { vectors }
}
