//! Why a comparison could not be run.

use equipoise_core::BuildError;
use equipoise_reference::ReferenceError;

/// Why a comparison could not be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ComparisonError {
    /// No method of that name.
    #[error("unknown solver `{name}`{}", did_you_mean(*nearest))]
    UnknownSolver {
        /// The name given.
        name: String,
        /// The closest registered one.
        nearest: Option<&'static str>,
    },
    /// No metric of that name.
    #[error("unknown metric `{name}`{}", did_you_mean(*nearest))]
    UnknownMetric {
        /// The name given.
        name: String,
        /// The closest registered one.
        nearest: Option<&'static str>,
    },
    /// A parameter was refused.
    #[error("solver `{solver}`: {error}")]
    Parameter {
        /// The method.
        solver: String,
        /// Why.
        error: BuildError,
    },
    /// A solver that was built once cannot run again.
    #[error(
        "solver `{solver}` was given as one built solver, which runs once; give a function of the task to repeat it"
    )]
    BuiltOnce {
        /// The method.
        solver: String,
    },
    /// A solver of one's own whose policy does not fit the game.
    #[error(
        "the policy of solver `{solver}` has another shape than the game; build it from the task's start"
    )]
    Shape {
        /// The method.
        solver: String,
    },
    /// The regularisation is negative or not finite.
    #[error("tau = {0}: must be a finite number, at least 0")]
    Tau(f64),
    /// A number of repetitions or steps is 0.
    #[error("{0} = 0: must be at least 1")]
    Zero(&'static str),
    /// A policy does not fit the game, or has no full support.
    #[error("the {0} policy must have the shape of the game and full support")]
    Policy(&'static str),
    /// The exact solver failed.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or(String::new(), |n| format!(", did you mean `{n}`?"))
}
