//! Bradley-Terry with a ridge: strengths are drawn to 0 by their squares.
//!
//! ```text
//! maximise  sum over pairs  w_ij log sigma(r_i - r_j) + w_ji log sigma(r_j - r_i)  -  alpha sum_i r_i^2        ties half
//! ```
//!
//! The posterior mode under a normal prior of variance 1 / (2 alpha); alpha as in choix (`opt_pairwise`), without a factor 1/2. There is
//! always one maximum, and every island has mean 0 by itself. Errors: the posterior's, by the Hessian. Cost: O(pairs + n^3) a step.

use equipoise_core::logistic::{PairLikelihood, logistic};
use equipoise_core::registry::{BuildError, ensure};
use equipoise_data::Comparisons;
use ndarray::{Array1, Array2};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::FitError;
use crate::fitted::{Convergence, Existence, Fitted, Iteration, ModelResult};
use crate::graph::{held_together, win_blocks};
use crate::input::Counts;
use crate::newton::newton;
use crate::registry::{ModelEntry, PreferenceModel};
use crate::scores::plain;

pub(super) const ENTRY: ModelEntry = ModelEntry::of::<RidgeBradleyTerry>(
    "ridge-bradley-terry",
    "Bradley-Terry less alpha sum r_i^2; alpha = 0.1",
    "Hoerl, Kennard 1970; as in choix 0.4",
)
.fitted("Newton; Hessian of the posterior");

/// Options of the ridge.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RidgeOptions {
    /// Weight of the squares, above 0.
    pub alpha: f64,
}

impl Default for RidgeOptions {
    fn default() -> Self {
        Self { alpha: 0.1 }
    }
}

struct RidgeBradleyTerry;

impl PreferenceModel for RidgeBradleyTerry {
    type Options = RidgeOptions;
    type Data = Counts;

    fn check(options: &RidgeOptions) -> Result<(), BuildError> {
        let alpha = options.alpha;
        ensure(alpha > 0.0 && alpha.is_finite(), "alpha", alpha, "must be a finite number above 0")
    }

    fn fit(data: &Counts, options: RidgeOptions) -> Result<Fitted, FitError> {
        let data = plain(data, ENTRY.name)?;
        let n = data.n();
        let objective = |r: &Array1<f64>| {
            let (mut value, mut g) = (log_likelihood(data, r), Array1::zeros(n));
            let mut h = Array2::zeros((n, n));
            for (i, j, at) in terms(data, r) {
                g[i] += at.slope();
                g[j] -= at.slope();
                let c = at.curvature();
                h[[i, i]] += c;
                h[[j, j]] += c;
                h[[i, j]] -= c;
                h[[j, i]] -= c;
            }
            for i in 0..n {
                value -= options.alpha * r[i] * r[i];
                g[i] -= 2.0 * options.alpha * r[i];
                h[[i, i]] += 2.0 * options.alpha;
            }
            (value, g, h)
        };
        let found = newton(Array1::zeros(n), &[], |r| objective(r).0, objective)?;
        let (blocks, islands) = (win_blocks(data), data.components());
        let exists = held_together(n, &islands, &blocks).iter().all(|held| *held);
        Ok(Fitted {
            log_strength: Some(found.point.clone()),
            standard_error: Some(found.inverse.diag().mapv(f64::sqrt)),
            log_likelihood: Some(log_likelihood(data, &found.point)),
            existence: if exists { Existence::Finite } else { Existence::Separated { blocks } },
            prior: true,
            free_parameters: Some(n.saturating_sub(1)),
            convergence: Convergence {
                by: Iteration::Newton,
                converged: found.converged,
                iterations: found.iterations,
            },
            ..Fitted::new(data.labels.clone(), Strengths(found.point))
        })
    }
}

fn terms<'a>(
    data: &'a Comparisons,
    r: &'a Array1<f64>,
) -> impl Iterator<Item = (usize, usize, PairLikelihood)> + 'a {
    data.pairs.iter().map(|pair| {
        let (won, lost) = pair.scores();
        let at = PairLikelihood::at(r[pair.i] - r[pair.j], won, lost);
        (pair.i, pair.j, at)
    })
}

fn log_likelihood(data: &Comparisons, r: &Array1<f64>) -> f64 {
    terms(data, r).map(|(_, _, at)| at.value()).sum()
}

#[derive(Debug)]
struct Strengths(Array1<f64>);

impl ModelResult for Strengths {
    fn prob(&self, i: usize, j: usize) -> f64 {
        logistic(self.0[i] - self.0[j])
    }

    fn prior(&self) -> &'static str {
        "a normal prior of variance 1 / (2 alpha) on strengths"
    }

    fn notes(&self) -> Vec<String> {
        vec!["the penalty is always on; errors are those of the posterior".to_owned()]
    }
}
