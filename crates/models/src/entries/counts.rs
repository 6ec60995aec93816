//! Counts: the win rate of every pair by itself.
//!
//! ```text
//! Pr(i) = (w_ij + t_ij / 2 + s) / (n_ij + 2 s)        w: wins, t: ties, n: comparisons of the pair, s: smoothing
//! ```
//!
//! With `votes`, what a majority of so many independent votes says, each for `i` with this win rate ([`majority`]): the judge of GenRM (arXiv:2410.12832).
//! The majority relation stays, and with it a Condorcet winner; the order by mean win rate and the maximal lottery may change.
//!
//! The saturated model: it keeps every cycle, and every accident. Of a pair that never met it says nothing. Of one vote and without
//! smoothing its likelihood is the largest that win rates have. Cost: O(pairs).

use std::collections::BTreeMap;

use equipoise_core::registry::{BuildError, ensure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::FitError;
use crate::fitted::{Fitted, ModelResult};
use crate::input;
use crate::registry::{ModelEntry, PreferenceModel, Watch};
use crate::repeated::majority;

pub(super) const ENTRY: ModelEntry = ModelEntry::of::<Counts>(
    "counts",
    "Pr(i) = (wins + ties / 2 + s) / (comparisons + 2 s), pair by pair; s = 0",
    "the saturated model; Laplace 1774 for s = 1",
)
.fitted("counting; no errors")
// a side that won none of few comparisons is not sure to lose the next
.predicting(|| json!({ "smoothing": 0.5 }));

/// Options of counts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct CountsOptions {
    /// Wins added to each side of every pair that met: 0 takes the win rate as it is.
    pub smoothing: f64,
    /// Votes of which the majority decides, each with the win rate; a drawn vote is half a win to each side.
    pub votes: u32,
}

impl Default for CountsOptions {
    fn default() -> Self {
        Self { smoothing: 0.0, votes: 1 }
    }
}

struct Counts;

impl PreferenceModel for Counts {
    type Options = CountsOptions;
    type Data = input::Counts;

    fn check(options: &CountsOptions) -> Result<(), BuildError> {
        let s = options.smoothing;
        ensure(s >= 0.0 && s.is_finite(), "smoothing", s, "must be a finite number of at least 0")?;
        let rule = "must be in 1..100001";
        ensure((1..=100_001).contains(&options.votes), "votes", options.votes, rule)
    }

    fn fit(data: &input::Counts, options: CountsOptions, _: Watch<'_>) -> Result<Fitted, FitError> {
        if data.features.is_some() {
            return Err(FitError::NoFeatures { model: ENTRY.name });
        }
        let data = &data.observations.comparisons;
        if data.pairs.is_empty() {
            return Err(FitError::Nothing);
        }
        let (mut rates, mut log_likelihood) = (BTreeMap::new(), 0.0);
        for pair in &data.pairs {
            let (won, lost) = pair.scores();
            let p = (won + options.smoothing) / (won + lost + 2.0 * options.smoothing);
            let p = if options.votes == 1 { p } else { majority(p, options.votes) };
            let term = |k: f64, p: f64| if k > 0.0 { k * p.ln() } else { 0.0 };
            log_likelihood += term(won, p) + term(lost, 1.0 - p);
            rates.insert((pair.i, pair.j), p);
        }
        let pairs = rates.len();
        Ok(Fitted {
            log_likelihood: Some(log_likelihood),
            free_parameters: Some(pairs),
            ..Fitted::new(data.labels.clone(), Rates(rates))
        })
    }
}

/// Win rates of the pairs that met.
#[derive(Debug)]
struct Rates(BTreeMap<(usize, usize), f64>);

impl ModelResult for Rates {
    /// 1/2 of a pair that never met.
    fn prob(&self, i: usize, j: usize) -> f64 {
        match i < j {
            true => self.0.get(&(i, j)).copied().unwrap_or(0.5),
            false => 1.0 - self.0.get(&(j, i)).copied().unwrap_or(0.5),
        }
    }

    fn says(&self, i: usize, j: usize, _: bool) -> bool {
        self.0.contains_key(&(i.min(j), i.max(j)))
    }

    fn notes(&self) -> Vec<String> {
        vec![format!("win rates of {} pairs that met", self.0.len())]
    }
}
