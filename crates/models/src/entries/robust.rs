//! Robust low rank: log odds of low rank, with pairs set aside that stand apart from them ([`robust`](crate::robust)).
//!
//! ```text
//! M_ij = log((won + 1/2) / (lost + 1/2)),   M = L + C,   Pr(i beats j) = sigma(L_ij)
//! C_ij = 0 where |M_ij - L_ij| is within some standard errors that M_ij would have if L_ij were the truth
//! ```
//!
//! After CURATRON (Nguyen, Gao, Kuncak 2024, arXiv:2403.02745). Islands, items that met directly or through others, are separated each by itself. Pairs that
//! never met are null unless those that did, and were not set aside, determine them
//! ([`completion`](crate::completion)).
//!
//! Whether a pair is corrupted or the truth is not of that rank cannot be told from the matrix. Rank 2 has no cycle beside ratings: it takes
//! a cycle that many comparisons support for corruption, and what is then played can lose most of the games. Cycles of three
//! that the counts show beyond chance and the fit does not have are counted ([`RobustFit::cycles`]) and warned of.

use std::collections::BTreeSet;

use equipoise_core::logistic::{PairLikelihood, logistic};
use equipoise_core::registry::{BuildError, ensure};
use ndarray::Array2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::completion::{Determined, determined};
use crate::error::{FitError, MAX_ITEMS};
use crate::fitted::{Column, Convergence, Existence, Fitted, Iteration, ModelResult};
use crate::input::Counts;
use crate::registry::{ModelEntry, PreferenceModel, Watch};
use crate::robust::{HOLD, separate_watched};

pub(super) const ENTRY: ModelEntry = ModelEntry::of::<Robust>(
    "robust",
    "log odds of low rank, with pairs set aside that stand apart: corrupted labels, or cycles of higher rank",
    "Nguyen, Gao, Kuncak 2024, arXiv:2403.02745 (CURATRON)",
)
.sought_as(&["curatron", "roratron", "robust-low-rank", "low-rank"])
.fitted("alternating projections on the smoothed log odds; no errors");

/// Options of robust low rank.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RobustOptions {
    /// Rank of the log odds: even, at least 2. One rating is 2; a rating and one cycle are 4.
    pub rank: usize,
    /// Standard errors that the log odds of a pair may be off before it is set aside, above 0.
    pub deviations: f64,
}

impl Default for RobustOptions {
    fn default() -> Self {
        Self { rank: 2, deviations: 4.0 }
    }
}

struct Robust;

impl PreferenceModel for Robust {
    type Options = RobustOptions;
    type Data = Counts;

    fn check(options: &RobustOptions) -> Result<(), BuildError> {
        let RobustOptions { rank, deviations } = *options;
        ensure(rank >= 2 && rank.is_multiple_of(2), "rank", rank, "must be even and at least 2")?;
        ensure(
            deviations > 0.0 && deviations.is_finite(),
            "deviations",
            deviations,
            "must be finite and above 0",
        )
    }

    fn fit(data: &Counts, options: RobustOptions, watch: Watch<'_>) -> Result<Fitted, FitError> {
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
        let mut observed = Array2::<f64>::zeros((n, n));
        let (mut error, mut met) = (observed.clone(), observed.clone());
        let mut both_ways = true;
        for pair in &data.pairs {
            let (won, lost) = pair.scores();
            both_ways &= won > 0.0 && lost > 0.0;
            let (won, lost) = (won + 0.5, lost + 0.5);
            let (logit, off) = ((won / lost).ln(), (won.recip() + lost.recip()).sqrt());
            (observed[[pair.i, pair.j]], observed[[pair.j, pair.i]]) = (logit, -logit);
            (error[[pair.i, pair.j]], error[[pair.j, pair.i]]) = (off, off);
            (met[[pair.i, pair.j]], met[[pair.j, pair.i]]) = (pair.met(), pair.met());
        }
        let mut scores = Array2::<f64>::zeros((n, n));
        let (mut apart, mut steps, mut converged, mut held) = (Vec::new(), 0, true, false);
        let mut done = 0.0;
        for island in data.components() {
            let part = |all: &Array2<f64>| {
                Array2::from_shape_fn((island.len(), island.len()), |(a, b)| all[[island[a], island[b]]])
            };
            let (before, size) = (done, island.len() as f64 / n as f64);
            let share = |share: f64| watch(before + size * share);
            done += size;
            let RobustOptions { deviations, rank } = options;
            let found = separate_watched(&part(&observed), &part(&met), deviations, rank, &share);
            for ((a, b), score) in found.low_rank.indexed_iter() {
                scores[[island[a], island[b]]] = *score;
            }
            apart.extend(found.apart.iter().map(|&(a, b)| (island[a], island[b])));
            steps = steps.max(found.steps);
            converged &= found.converged;
            held |= found.held;
        }
        apart.sort_unstable();
        let pairs: Vec<(usize, usize)> =
            data.pairs.iter().map(|p| (p.i, p.j)).filter(|pair| apart.binary_search(pair).is_err()).collect();
        let log_likelihood = data.pairs.iter().map(|pair| {
            let (won, lost) = pair.scores();
            PairLikelihood::at(scores[[pair.i, pair.j]], won, lost).value()
        });
        let log_likelihood = log_likelihood.sum();
        let result = RobustFit {
            labels: data.labels.clone(),
            rank: options.rank,
            cycles: cycles(&observed, &error, &scores, &apart, options.deviations),
            determined: determined(n, &pairs, options.rank),
            pairs: data.pairs.len(),
            observed,
            scores,
            apart,
            held,
        };
        Ok(Fitted {
            log_likelihood: Some(log_likelihood),
            existence: if both_ways { Existence::Finite } else { Existence::NotFound },
            prior: true,
            convergence: Convergence {
                by: Iteration::Passes("alternating projections"),
                converged,
                iterations: steps,
            },
            ..Fitted::new(data.labels.clone(), result)
        })
    }
}

/// Cycles of three majorities, each beyond `deviations` standard errors, with a pair set aside among them, that the scores do not have.
fn cycles(
    observed: &Array2<f64>,
    error: &Array2<f64>,
    scores: &Array2<f64>,
    apart: &[(usize, usize)],
    deviations: f64,
) -> Vec<[usize; 3]> {
    let beats = |i: usize, j: usize| observed[[i, j]] > deviations * error[[i, j]];
    let mut found = BTreeSet::new();
    for &(i, j) in apart {
        let (i, j) = if observed[[i, j]] > 0.0 { (i, j) } else { (j, i) };
        if !beats(i, j) {
            continue;
        }
        for k in (0..observed.nrows()).filter(|&k| k != i && k != j && beats(j, k) && beats(k, i)) {
            let kept = scores[[i, j]] > 0.0 && scores[[j, k]] > 0.0 && scores[[k, i]] > 0.0;
            if !kept {
                // from the lowest number on, in the direction of the cycle
                let cycle = [[i, j, k], [j, k, i], [k, i, j]].into_iter().min().expect("three turns");
                found.insert(cycle);
            }
        }
    }
    found.into_iter().collect()
}

/// A robust fit of low rank.
#[derive(Clone, Debug)]
pub struct RobustFit {
    labels: Vec<String>,
    rank: usize,
    /// Log odds of low rank, `[n][n]`; 0 between islands.
    pub scores: Array2<f64>,
    /// Pairs set aside, the lower number first.
    pub apart: Vec<(usize, usize)>,
    /// Cycles of majorities that are beyond chance in the counts and lost in the fit: each beats the next, the last the first.
    pub cycles: Vec<[usize; 3]>,
    observed: Array2<f64>,
    determined: Determined,
    /// Pairs that met.
    pairs: usize,
    /// Whether pairs that never met or were set aside were held even.
    pub held: bool,
}

impl ModelResult for RobustFit {
    fn prob(&self, i: usize, j: usize) -> f64 {
        logistic(self.scores[[i, j]])
    }

    fn says(&self, i: usize, j: usize, _: bool) -> bool {
        self.determined.holds(i, j)
    }

    fn prior(&self) -> &'static str {
        "half a win to each side of every pair"
    }

    fn own(&self) -> Map<String, Value> {
        let apart = self.apart.iter().map(|&(i, j)| {
            json!({
                "first": self.labels[i],
                "second": self.labels[j],
                "observed": logistic(self.observed[[i, j]]),
                "fitted": logistic(self.scores[[i, j]]),
            })
        });
        let cycles = self.cycles.iter().map(|c| json!(c.map(|i| &self.labels[i])));
        Map::from_iter([
            ("rank".to_owned(), json!(self.rank)),
            ("set_aside".to_owned(), apart.collect()),
            ("held_even".to_owned(), json!(self.held)),
            ("cycles_lost".to_owned(), cycles.collect()),
        ])
    }

    fn columns(&self) -> Vec<Column> {
        let values = self.scores.mean_axis(ndarray::Axis(1)).expect("there are items");
        vec![Column { name: "mean log odds".to_owned(), values, errors: None }]
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = vec![format!("{} of {} pairs set aside", self.apart.len(), self.pairs)];
        if self.held {
            notes.push(format!(
                "the squares of the pairs that met have no minimum at rank {}: the others count as even, at a weight of {HOLD}",
                self.rank
            ));
        }
        if let Some(cycle) = self.cycles.first() {
            let [a, b, c] = cycle.map(|i| self.labels[i].as_str());
            notes.push(format!(
                "WARNING: cycles of majorities beyond chance were taken for corruption ({}; {a} > {b} > {c} > {a}): rank {} has no room for \
                 them. If the labels are sound, use rank {} or gpm",
                self.cycles.len(),
                self.rank,
                self.rank + 2
            ));
        }
        notes.extend(self.determined.note());
        notes
    }
}
