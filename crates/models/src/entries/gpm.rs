//! The general preference model: a skew-symmetric form in an embedding of the items, which can express cycles.
//!
//! ```text
//! s(i > j) = sum_l v_i[2l] v_j[2l+1] - v_i[2l+1] v_j[2l]        l = 0 .. d/2 - 1,  v_i in R^d
//! Pr(i) = sigma(s(i > j)),  a tie counts half to each side
//! ```
//!
//! Zhang et al., arXiv:2410.02197 (GPM). The sign is that of the published code: `s = + logit P`; the paper's `v_i^T R v_j`
//! has the opposite one. The matrix of the log odds has rank d. Bradley-Terry is d = 2 with `v_i = (r_i, 1)`. Every matrix of
//! win rates is reached at d = n (n even): its logits are skew, and a skew matrix is a sum of planes ([`skew_embedding`], its
//! real Schur form).
//!
//! - `likelihood`: maximum likelihood over the `v`. The objective is not concave: the start is the best form of rank d of the
//!   logits of the smoothed counts, and what is found from there is a stationary point. The `v` are free up to maps that keep
//!   the form (`Sp(d)`), which leaves `d/2 (2n - d - 1)` parameters; reported is the representative whose planes are orthogonal.
//!   A maximum exists if every pair that met was won both ways (a tie is half of both); where one was not, or on request, a
//!   standard normal prior on every coordinate is added: half of the nuclear norm of the logits. Cost: one eigendecomposition
//!   of an n x n matrix, then O(d pairs) an L-BFGS step.
//! - `schur`: the matrix of rank d that is nearest to the logits of the win rates in the sum of squares, from one
//!   eigendecomposition; every pair must have met. Where a pair was won one way only, or on request, half a win is added to
//!   each side of every pair.
//!
//! The rank may be chosen by the mean loss of comparisons held out, over five folds of whole observations. Which pairs that never met the
//! others determine is [`determined`].

use equipoise_core::lbfgs::Minimum;
use equipoise_core::logistic::{PairLikelihood, logistic};
use equipoise_core::registry::{BuildError, ensure};
use equipoise_data::{Comparisons, Observations, PairCount};
use ndarray::Array2;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::completion::{Determined, determined};
use crate::descent::{Fall, Sum, minimum, part_length, tolerance};
use crate::error::{FitError, MAX_ITEMS};
use crate::fitted::{Column, Convergence, Existence, Fitted, Iteration, ModelResult};
use crate::input::Counts;
use crate::registry::{ModelEntry, PreferenceModel, Watch};
use crate::skew_embedding::{SkewEmbedding, form, skew_embedding};
use crate::validation::folds;

pub(super) const ENTRY: ModelEntry = ModelEntry::of::<Gpm>(
    "gpm",
    "Pr(i) = sigma(skew form of two embeddings): cycles can be expressed",
    "Zhang et al., arXiv:2410.02197 (GPM)",
)
.sought_as(&["general-preference", "general-preference-model", "skew-embedding"])
.fitted("L-BFGS from the best skew form of the counts' logits, or that form; no errors");

/// How the embedding is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum GpmFit {
    /// Maximum likelihood.
    #[default]
    Likelihood,
    /// The nearest matrix of that rank to the log odds of the win rates; every pair must have met.
    Schur,
}

/// Rank of the log odds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Rank {
    /// That rank.
    Of(usize),
    /// Chosen from the data.
    By(RankBy),
}

/// What the rank is chosen by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RankBy {
    /// The mean loss of comparisons held out.
    HeldOut,
}

/// Options of the general preference model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct GpmOptions {
    /// Rank of the log odds, which is how many numbers an item is embedded in: even, at least 2 (more than there are items changes
    /// nothing), or `held-out`: of 2, 4, 6, 8 that with the lowest loss on comparisons held out. One rating is 2; a rating and
    /// one cycle are 4.
    pub rank: Rank,
    /// `likelihood`: maximum likelihood; `schur`: the nearest matrix of that rank to the log odds of the win rates, where every
    /// pair met.
    pub fit: GpmFit,
    /// Adds a standard normal prior on every coordinate whether a maximum is known to exist without it or not; with `schur` half a win
    /// to each side of every pair.
    pub prior: bool,
}

impl Default for GpmOptions {
    fn default() -> Self {
        Self { rank: Rank::Of(4), fit: GpmFit::Likelihood, prior: false }
    }
}

struct Gpm;

/// L-BFGS steps at most.
const MOST_STEPS: u32 = 5_000;
/// Largest entry of the gradient at the end, for an average item's one comparison.
const TOLERANCE: f64 = 1e-10;
/// Ranks that are tried.
const RANKS: [usize; 4] = [2, 4, 6, 8];
/// Share of the fits that choose a rank in all that is done.
const CHOOSING: f64 = 0.95;
/// Folds by which a rank is chosen.
const FOLDS: u32 = 5;

impl PreferenceModel for Gpm {
    type Options = GpmOptions;
    type Data = Counts;

    fn check(options: &GpmOptions) -> Result<(), BuildError> {
        match options.rank {
            Rank::Of(d) => ensure(d >= 2 && d.is_multiple_of(2), "rank", d, "must be even and at least 2"),
            Rank::By(RankBy::HeldOut) => Ok(()),
        }
    }

    fn fit(data: &Counts, options: GpmOptions, watch: Watch<'_>) -> Result<Fitted, FitError> {
        let (observations, features) = (&data.observations, &data.features);
        let data = &observations.comparisons;
        if features.is_some() {
            return Err(FitError::NoFeatures { model: ENTRY.name });
        }
        if data.n() > MAX_ITEMS {
            return Err(FitError::TooMany { items: data.n() });
        }
        if data.pairs.is_empty() {
            return Err(FitError::Nothing);
        }
        // of all fits the last is of all data
        let (rank, tried, before) = match options.rank {
            Rank::Of(rank) => (rank, Vec::new(), 0.0),
            Rank::By(RankBy::HeldOut) => {
                let (rank, tried) = chosen(observations, options, watch)?;
                (rank, tried, CHOOSING)
            }
        };
        let found = embedded(data, rank, options, &|share| watch(before + (1.0 - before) * share))?;
        Ok(fitted(data, found, tried))
    }
}

/// An embedding of counts, and what is to be known of it.
struct Embedded {
    embedding: SkewEmbedding,
    prior: bool,
    both_ways: bool,
    /// Where L-BFGS ended, if it was used.
    minimum: Option<Minimum>,
}

fn embedded(
    data: &Comparisons,
    rank: usize,
    options: GpmOptions,
    watch: Watch<'_>,
) -> Result<Embedded, FitError> {
    let n = data.n();
    let planes = (rank / 2).min(n / 2);
    let both_ways = data.pairs.iter().map(PairCount::scores).all(|(won, lost)| won > 0.0 && lost > 0.0);
    let prior = options.prior || !both_ways;
    if options.fit == GpmFit::Schur {
        let unmet = n * (n - 1) / 2 - data.pairs.len();
        if unmet > 0 {
            return Err(FitError::Unmet { model: ENTRY.name, option: "fit: schur", unmet });
        }
        let embedding = start(data, planes, if prior { 0.5 } else { 0.0 });
        return Ok(Embedded { embedding, prior, both_ways, minimum: None });
    }
    let mut vectors = start(data, planes, 0.5).vectors;
    let tolerance = tolerance(TOLERANCE, data.total, n, prior);
    let v = vectors.as_slice_mut().expect("rows in order");
    let told = Fall::to(tolerance, watch).of(|v, g| objective(data, planes, prior, v, g));
    let minimum = minimum(v, tolerance, MOST_STEPS, told);
    let embedding = SkewEmbedding { vectors }.orthogonal();
    Ok(Embedded { embedding, prior, both_ways, minimum: Some(minimum) })
}

/// The rank with the lowest mean loss of a comparison held out, and the losses of all ranks tried.
fn chosen(
    observations: &Observations,
    options: GpmOptions,
    watch: Watch<'_>,
) -> Result<(usize, Vec<(usize, f64)>), FitError> {
    let n = observations.comparisons.n();
    let folds = folds(observations, FOLDS, 0).ok_or(FitError::Uncounted { option: "rank: held-out" })?;
    let (mut tried, mut done) = (Vec::new(), 0.0);
    for rank in RANKS.into_iter().filter(|&rank| rank == 2 || rank <= n) {
        let (mut loss, mut count) = (0.0, 0.0);
        for fold in &folds {
            let likelihood = GpmOptions { fit: GpmFit::Likelihood, ..options };
            let embedding = embedded(&fold.others, rank, likelihood, &|_| ())?.embedding;
            done += 1.0;
            watch(CHOOSING * done / (folds.len() * RANKS.len()) as f64);
            for pair in &fold.held.pairs {
                let (won, lost) = pair.scores();
                loss -= PairLikelihood::at(embedding.score(pair.i, pair.j), won, lost).value();
                count += won + lost;
            }
        }
        tried.push((rank, loss / count));
    }
    let best = tried.iter().min_by(|a, b| a.1.total_cmp(&b.1)).expect("rank 2 is tried");
    Ok((best.0, tried))
}

fn fitted(data: &Comparisons, found: Embedded, tried: Vec<(usize, f64)>) -> Fitted {
    let Embedded { embedding, prior, both_ways, minimum } = found;
    let (mut log_likelihood, mut saturated) = (0.0, 0.0);
    for pair in &data.pairs {
        let (won, lost) = pair.scores();
        log_likelihood += PairLikelihood::at(embedding.score(pair.i, pair.j), won, lost).value();
        let term = |k: f64| if k > 0.0 { k * (k / (won + lost)).ln() } else { 0.0 };
        saturated += term(won) + term(lost);
    }
    let (n, d) = (data.n(), embedding.dimension());
    let parameters = d / 2 * (2 * n).saturating_sub(d + 1);
    let converged = minimum.is_none_or(|m| m.converged);
    let exists = both_ways && (converged || prior);
    let convergence =
        minimum.map_or(Convergence { by: Iteration::Once, converged: true, iterations: 1 }, |m| {
            Convergence { by: Iteration::Passes("L-BFGS"), converged: m.converged, iterations: m.steps }
        });
    let pairs: Vec<(usize, usize)> = data.pairs.iter().map(|p| (p.i, p.j)).collect();
    let determined = determined(n, &pairs, d);
    Fitted {
        log_likelihood: Some(log_likelihood),
        deviance: Some(2.0 * (saturated - log_likelihood)),
        degrees_of_freedom: Some(data.pairs.len().saturating_sub(parameters) as f64),
        free_parameters: Some(parameters),
        existence: if exists { Existence::Finite } else { Existence::NotFound },
        prior,
        convergence,
        ..Fitted::new(data.labels.clone(), GeneralPreference { embedding, determined, tried })
    }
}

/// The best form of `planes` planes of the logits of the counts with `added` wins on each side; pairs that never met at 0.
fn start(data: &Comparisons, planes: usize, added: f64) -> SkewEmbedding {
    let mut logits = Array2::zeros((data.n(), data.n()));
    for pair in &data.pairs {
        let (won, lost) = pair.scores();
        let logit = ((won + added) / (lost + added)).ln();
        logits[[pair.i, pair.j]] = logit;
        logits[[pair.j, pair.i]] = -logit;
    }
    skew_embedding(&logits, planes)
}

/// Minus the log-likelihood (and the prior's) of `v`, `[n][2 planes]`, and its gradient: sums over parts of the pairs, whose cut depends
/// on their number alone.
fn objective(data: &Comparisons, planes: usize, prior: bool, v: &[f64], g: &mut [f64]) -> f64 {
    let of_pairs = |pairs: &[PairCount]| {
        let mut g = vec![0.0; v.len()];
        (add_pairs(pairs, 2 * planes, v, &mut g), g)
    };
    let parts: Vec<(f64, Vec<f64>)> =
        data.pairs.par_chunks(part_length(data.pairs.len())).map(of_pairs).collect();
    g.fill(0.0);
    let mut sum = Sum::default();
    for (value, part) in parts {
        sum.add(value);
        g.iter_mut().zip(part).for_each(|(g, part)| *g += part);
    }
    let mut value = sum.total();
    if prior {
        value += 0.5 * v.iter().map(|x| x * x).sum::<f64>();
        g.iter_mut().zip(v).for_each(|(g, x)| *g += x);
    }
    value
}

fn add_pairs(pairs: &[PairCount], d: usize, v: &[f64], g: &mut [f64]) -> f64 {
    let mut value = Sum::default();
    for pair in pairs {
        let (won, lost) = pair.scores();
        let (at, bt) = (pair.i * d, pair.j * d);
        let (a, b) = (&v[at..at + d], &v[bt..bt + d]);
        let likelihood = PairLikelihood::at(form(a, b), won, lost);
        value.add(-likelihood.value());
        let slope = -likelihood.slope();
        for l in (0..d).step_by(2) {
            g[at + l] += slope * b[l + 1];
            g[at + l + 1] -= slope * b[l];
            g[bt + l + 1] += slope * a[l];
            g[bt + l] -= slope * a[l + 1];
        }
    }
    value.total()
}

/// What the fit says: an embedding, and how far the comparisons determine it.
#[derive(Clone, Debug)]
struct GeneralPreference {
    embedding: SkewEmbedding,
    determined: Determined,
    /// Ranks tried, with the mean loss of a comparison held out.
    tried: Vec<(usize, f64)>,
}

impl ModelResult for GeneralPreference {
    fn prob(&self, i: usize, j: usize) -> f64 {
        logistic(self.embedding.score(i, j))
    }

    fn says(&self, i: usize, j: usize, _: bool) -> bool {
        self.determined.holds(i, j)
    }

    fn prior(&self) -> &'static str {
        "a standard normal prior on every coordinate (of `fit: schur`: half a win to each side of every pair)"
    }

    fn own(&self) -> Map<String, Value> {
        let rows: Vec<Vec<f64>> = self.embedding.vectors.outer_iter().map(|v| v.to_vec()).collect();
        let mut own = Map::from_iter([
            ("rank".to_owned(), json!(self.embedding.dimension())),
            ("embedding".to_owned(), json!(rows)),
            ("planes".to_owned(), json!(self.embedding.planes())),
            ("share_of_ratings".to_owned(), json!(self.embedding.share_of_ratings())),
        ]);
        if !self.tried.is_empty() {
            let tried = self.tried.iter().map(|(rank, loss)| json!({ "rank": rank, "loss": loss }));
            own.insert("held_out".to_owned(), tried.collect());
        }
        own
    }

    fn columns(&self) -> Vec<Column> {
        let values = self.embedding.mean_score().into();
        vec![Column { name: "mean log odds".to_owned(), values, errors: None }]
    }

    fn notes(&self) -> Vec<String> {
        let planes: Vec<String> = self.embedding.planes().iter().map(|t| format!("{t:.3}")).collect();
        let mut notes = vec![format!("planes of the scores (singular values, nats): {}", planes.join(", "))];
        if let Some(share) = self.embedding.share_of_ratings() {
            notes.push(format!(
                "one rating an item explains {:.1} percent of the squared log odds",
                100.0 * share
            ));
        }
        if !self.tried.is_empty() {
            let tried: Vec<String> = self.tried.iter().map(|(d, loss)| format!("{d}: {loss:.5}")).collect();
            notes.push(format!("loss of a comparison held out, by rank: {}", tried.join(", ")));
        }
        notes.extend(self.determined.note());
        notes
    }
}
