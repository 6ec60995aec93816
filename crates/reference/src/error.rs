//! Why there is no exact answer.

/// Why a reference could not be computed. An answer is never returned without its certificate.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ReferenceError {
    /// The temperature is not usable.
    #[error("tau = {}: the regularisation must be finite and above 0", short(*tau))]
    Tau {
        /// The temperature given.
        tau: f64,
    },
    /// The reference policy has another shape than the game.
    #[error(
        "the reference has {got} actions in all where the game has {expected}, or divides them otherwise"
    )]
    Shape {
        /// Actions of the game.
        expected: usize,
        /// Actions of the reference.
        got: usize,
    },
    /// The reference leaves an action out.
    #[error(
        "action {action}: the reference gives it probability 0, so no regularised equilibrium can play it; remove \
         the action or give it a positive probability"
    )]
    Support {
        /// The action, from 0.
        action: usize,
    },
    /// No policy of small enough gap was found.
    #[error(
        "no equilibrium to 1e-12 for {n} actions: the smallest duality gap reached is {}; please report this \
         game",
        short(*duality_gap)
    )]
    Inexact {
        /// Number of actions.
        n: usize,
        /// Duality gap of the policy reached.
        duality_gap: f64,
    },
    /// Margins over the temperature are too large for floating point.
    #[error(
        "tau = {}: margins over so small a tau leave the range of 64-bit floating point, so that the equilibrium cannot be certified; take a \
         larger tau (or 0 for the maximal lottery)", short(*tau)
    )]
    Range {
        /// The temperature asked for.
        tau: f64,
    },
    /// Newton's method stopped short of rounding.
    #[error(
        "tau = {}: the regularised gap is still {}, above {}, after {newton_steps} Newton \
         steps (reached tau = {}); take a larger tau",
        short(*tau), short(*duality_gap_tau), short(*tolerance), short(*reached)
    )]
    Newton {
        /// The temperature asked for.
        tau: f64,
        /// The smallest temperature solved on the way.
        reached: f64,
        /// Regularised gap of the policy reached.
        duality_gap_tau: f64,
        /// What rounding should allow.
        tolerance: f64,
        /// Newton steps made.
        newton_steps: usize,
    },
    /// One context of a game has no answer.
    #[error("context {context}: {source}")]
    Context {
        /// Context, from 0.
        context: usize,
        /// What happened there.
        source: Box<ReferenceError>,
    },
}

/// A number as it is, with an exponent where it would be a row of zeros.
fn short(x: f64) -> String {
    let text = format!("{x:?}");
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}
