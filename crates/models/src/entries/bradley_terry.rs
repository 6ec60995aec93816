//! Bradley-Terry: logistic in the difference of strengths.
//!
//! ```text
//! d = r_i - r_j + h        Pr(i) = sigma(d),  a tie counts half to each side
//! ```
//!
//! Zermelo 1929; Bradley, Terry 1952. `home` is h, the bonus of the item listed first. `algorithm` chooses how the strengths
//! are found: by Newton's method, with errors ([`fit`](crate::fit()), of more than [`MAX_ITEMS`] items [`SparseFit`](crate::SparseFit)),
//! or by Newman's or Zermelo's iteration, without errors ([`first_order`](crate::first_order)).

use equipoise_core::registry::{BuildError, ensure};
use equipoise_data::Comparisons;
use ndarray::Array1;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::error::{FitError, MAX_ITEMS};
use crate::first_order::{Passes, Rule, passes};
use crate::fitted::{Convergence, Existence, Fitted, Iteration, ModelResult};
use crate::graph::{held_together, win_blocks};
use crate::input::Counts;
use crate::jet::Jet;
use crate::pair_fit::{PairOptions, Reweight, fit_counts, fit_many};
use crate::pair_model::{LogProbs, Outcomes, PairModel};
use crate::registry::{ModelEntry, PreferenceModel, Watch};

pub(super) const ENTRY: ModelEntry = ModelEntry::of::<BradleyTerry>(
    "bradley-terry",
    "Pr(i) = 1 / (1 + exp(r_j - r_i))",
    "Zermelo 1929; Bradley, Terry 1952; Newman, arXiv:2207.00076",
)
.fitted("Newton, or Newman's or Zermelo's iteration; Hessian, sandwich, bootstrap, simultaneous");

/// The model of one comparison.
pub static BRADLEY_TERRY: PairModel = PairModel {
    name: "bradley-terry",
    outcomes: Outcomes::Wins,
    shift_invariant: true,
    logistic: true,
    tie: None,
    log_probs,
};

fn log_probs([a, b, h, _]: [Jet; 4]) -> LogProbs {
    let d = a - b + h;
    [Some(d.log_sigmoid()), Some((-d).log_sigmoid()), None, None]
}

/// How the strengths are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// Newton's method, with errors; of more than 3000 items they are estimated from draws.
    #[default]
    Newton,
    /// Newman's iteration, without errors; any number of items.
    Newman,
    /// Zermelo's iteration, without errors and without a prior; any number of items.
    Zermelo,
}

/// Options of Bradley-Terry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BradleyTerryOptions {
    /// How the strengths are found.
    pub algorithm: Algorithm,
    /// Fits a bonus for the item listed first; by Newton's method alone.
    pub home: bool,
    /// Adds the logistic prior whether a maximum exists without it or not: one win and one loss of every item against an
    /// item of strength 0. Zermelo's iteration has none.
    pub prior: bool,
    /// What counts alike in the estimate: every comparison, or every pair of items that met; pairs by Newton's method alone.
    pub reweight: Reweight,
}

struct BradleyTerry;

impl PreferenceModel for BradleyTerry {
    type Options = BradleyTerryOptions;
    type Data = Counts;

    fn check(options: &BradleyTerryOptions) -> Result<(), BuildError> {
        let BradleyTerryOptions { algorithm, home, prior, reweight } = *options;
        let rule = "a bonus for the item listed first is fitted by algorithm newton alone";
        ensure(!home || algorithm == Algorithm::Newton, "home", home, rule)?;
        let rule = "pairs count alike by algorithm newton alone";
        let plain = reweight == Reweight::Comparisons || algorithm == Algorithm::Newton;
        ensure(plain, "reweight", "pairs", rule)?;
        let rule = "Zermelo's iteration has no prior; use algorithm newman or newton";
        ensure(!prior || algorithm != Algorithm::Zermelo, "prior", prior, rule)
    }

    fn fit(data: &Counts, options: BradleyTerryOptions, watch: Watch<'_>) -> Result<Fitted, FitError> {
        let BradleyTerryOptions { algorithm, home, prior, reweight } = options;
        if algorithm == Algorithm::Newton {
            let plain = data.features.is_none() && !home && reweight == Reweight::Comparisons;
            if data.observations.comparisons.n() > MAX_ITEMS && plain {
                return fit_many(&data.observations, &BRADLEY_TERRY, prior, watch);
            }
            return fit_counts(data, &BRADLEY_TERRY, PairOptions { home, prior, reweight }, watch);
        }
        if data.features.is_some() {
            let rule = "strengths linear in features are fitted by algorithm newton alone";
            return Err(BuildError::range("algorithm", "newman or zermelo", rule).into());
        }
        iterate(&data.observations.comparisons, algorithm, prior, watch)
    }
}

/// Passes at most, and the move in log strength below which the last one ends.
const MOST_PASSES: u32 = 100_000;
const TOLERANCE: f64 = 1e-12;

/// Newman's or Zermelo's iteration.
fn iterate(
    data: &Comparisons,
    algorithm: Algorithm,
    prior: bool,
    watch: Watch<'_>,
) -> Result<Fitted, FitError> {
    let (blocks, islands) = (win_blocks(data), data.components());
    let exists = held_together(data.n(), &islands, &blocks).iter().all(|held| *held);
    let prior = prior || !exists;
    let (name, rule) = match (algorithm, prior) {
        (Algorithm::Zermelo, true) => return Err(FitError::NoMaximum),
        (Algorithm::Zermelo, false) => ("zermelo", Rule::Zermelo),
        (_, false) => ("newman", Rule::Newman),
        (_, true) => ("newman", Rule::NewmanPrior),
    };
    let found = passes(data, rule, (TOLERANCE, MOST_PASSES), watch);
    let Passes { mut log_strength, passes, converged } = found;
    for island in islands.iter().filter(|_| islands.len() > 1) {
        let mean = island.iter().map(|&i| log_strength[i]).sum::<f64>() / island.len() as f64;
        island.iter().for_each(|&i| log_strength[i] -= mean);
    }
    let result = Iterated { log_strength: log_strength.clone(), name, passes };
    Ok(Fitted {
        log_strength: Some(log_strength),
        existence: if exists { Existence::Finite } else { Existence::Separated { blocks } },
        prior,
        convergence: Convergence { by: Iteration::Passes(name), converged, iterations: passes },
        ..Fitted::new(data.labels.clone(), result)
    })
}

/// Strengths found by passes.
#[derive(Debug)]
struct Iterated {
    log_strength: Array1<f64>,
    name: &'static str,
    passes: u32,
}

impl ModelResult for Iterated {
    fn prob(&self, i: usize, j: usize) -> f64 {
        BRADLEY_TERRY.probs(self.log_strength[i], self.log_strength[j], 0.0, 0.0)[0]
    }

    fn own(&self) -> Map<String, Value> {
        Map::from_iter([
            ("algorithm".to_owned(), json!(self.name)),
            ("passes".to_owned(), json!(self.passes)),
        ])
    }
}
