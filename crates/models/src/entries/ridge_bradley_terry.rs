//! Bradley-Terry with a penalty: strengths are drawn to each other.
//!
//! ```text
//! maximise  sum over pairs  w_ij log sigma(r_i - r_j) + w_ji log sigma(r_j - r_i)  -  alpha sum_i r_i^2        ties half
//! ```
//!
//! The posterior mode under a normal prior of variance 1 / (2 alpha), or under a gamma prior of `s = e^r`
//! ([`Penalty`]). There is always one maximum; every island has its scale from the penalty
//! alone, and is given mean 0. Errors: the posterior's, by the Hessian. Cost: O(pairs + n^3) a step.

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
use crate::newton::{Told, newton};
use crate::penalty::Penalty;
use crate::registry::{ModelEntry, PreferenceModel, Watch};
use crate::scores::plain;

pub(super) const ENTRY: ModelEntry = ModelEntry::of::<RidgeBradleyTerry>(
    "ridge-bradley-terry",
    "Bradley-Terry less alpha sum r_i^2, or plus alpha sum (r_i - exp r_i) (penalty gamma); alpha = 0.1",
    "Hoerl, Kennard 1970; Caron, Doucet 2012; as in choix 0.4",
)
.fitted("Newton; Hessian of the posterior");

/// Options of the penalty.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RidgeOptions {
    /// Weight of the penalty, above 0.
    pub alpha: f64,
    /// What strengths are drawn to, and how.
    pub penalty: Penalty,
}

impl Default for RidgeOptions {
    fn default() -> Self {
        Self { alpha: 0.1, penalty: Penalty::Squares }
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

    fn fit(data: &Counts, options: RidgeOptions, watch: Watch<'_>) -> Result<Fitted, FitError> {
        let data = plain(data, ENTRY.name)?;
        let n = data.n();
        let RidgeOptions { alpha, penalty } = options;
        let value = |r: &Array1<f64>| log_likelihood(data, r) + penalty.value(alpha, r);
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
            value += penalty.value(alpha, r);
            penalty.add_derivatives(alpha, r, &mut g, &mut h);
            (value, g, h)
        };
        let found = newton(Array1::zeros(n), &[], value, Told::to(watch).of(objective))?;
        let (blocks, islands) = (win_blocks(data), data.components());
        let (mut strengths, mut errors) = (found.point, found.inverse.diag().mapv(f64::sqrt));
        for island in islands.iter().filter(|_| penalty == Penalty::Gamma) {
            // the scale at which the prior has mean 1 is another one, and what is shown is the distance to the mean
            let mean =
                |of: &dyn Fn(usize) -> f64| island.iter().map(|&i| of(i)).sum::<f64>() / island.len() as f64;
            let (place, covariance) = (mean(&|i| strengths[i]), &found.inverse);
            let with_mean = |i: usize| mean(&|j| covariance[[i, j]]);
            let of_mean = mean(&with_mean);
            for &i in island {
                errors[i] = (covariance[[i, i]] - 2.0 * with_mean(i) + of_mean).sqrt();
                strengths[i] -= place;
            }
        }
        let exists = held_together(n, &islands, &blocks).iter().all(|held| *held);
        Ok(Fitted {
            log_strength: Some(strengths.clone()),
            standard_error: Some(errors),
            log_likelihood: Some(log_likelihood(data, &strengths)),
            existence: if exists { Existence::Finite } else { Existence::Separated { blocks } },
            prior: true,
            free_parameters: Some(n.saturating_sub(1)),
            convergence: Convergence {
                by: Iteration::Newton,
                converged: found.converged,
                iterations: found.iterations,
            },
            ..Fitted::new(data.labels.clone(), Strengths { log_strength: strengths, penalty })
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
struct Strengths {
    log_strength: Array1<f64>,
    penalty: Penalty,
}

impl ModelResult for Strengths {
    fn prob(&self, i: usize, j: usize) -> f64 {
        logistic(self.log_strength[i] - self.log_strength[j])
    }

    fn prior(&self) -> &'static str {
        self.penalty.prior()
    }

    fn notes(&self) -> Vec<String> {
        vec!["the penalty is always on; errors are those of the posterior".to_owned()]
    }
}
