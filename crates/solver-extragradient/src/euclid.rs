//! Projected extragradient steps, written once for the restarted methods.
//!
//! ```text
//! h = Proj(z + eta K z),    T(z) = Proj(z + eta K h)
//! ```

use equipoise_core::simplex::project;
use equipoise_core::step_size::{StepRange, StepTheory};
use equipoise_core::{BuildError, StepSize, Task};

/// `Proj(z + eta g)` of one row, into `out`. `gain` may be win rates or margins: the projection takes out what all
/// actions share.
pub(crate) fn ascend(out: &mut [f64], z: &[f64], gain: &[f64], eta: f64, scratch: &mut Vec<f64>) {
    for ((out, z), g) in out.iter_mut().zip(z).zip(gain) {
        *out = z + eta * (g - 0.5);
    }
    project(out, scratch);
}

/// Resolves the step of a projected extragradient method: `theorem` is `0.9 / |K|_2`, inside the limit `1 / |K|_2`.
pub(crate) fn resolve(step: StepSize, task: &Task) -> Result<f64, BuildError> {
    step.resolve(
        task,
        &StepTheory {
            range: StepRange::Positive,
            theorem: &|| Ok(0.9 / task.operator_norm_bound()),
            modulus: None,
        },
    )
}
