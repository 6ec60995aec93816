//! What local theory says about a solver on a problem: one rule for runs and for the audit.

use equipoise_core::{Aim, Policy, Solver};
use equipoise_records::DUALITY_GAP;

/// What rounding leaves of the duality gap: `2 max_i (K pi)_i` is a difference of numbers near 1/2.
pub(crate) const GAP_FLOOR: f64 = 1e-13;

/// An equilibrium with an action below this probability is not interior.
pub(crate) const INTERIOR: f64 = 1e-9;

/// The equilibrium of a task's game and its rotation frequencies.
#[derive(Clone, Copy)]
pub(crate) struct Spectrum<'a> {
    pub(crate) tau: f64,
    /// `None` if it was not solved.
    pub(crate) equilibrium: Option<&'a Policy>,
    pub(crate) frequencies: &'a [f64],
}

/// The slowest local multiplier at the equilibrium: the slowest mode decides.
///
/// Without regularisation the theory holds for an interior equilibrium only. The spectrum is that of the task's game: with
/// `tau > 0` it says nothing about a method that aims at the original one.
pub(crate) fn modulus(spectrum: Spectrum<'_>, aim: Aim, solver: &dyn Solver) -> Option<f64> {
    let Spectrum { tau, equilibrium, frequencies } = spectrum;
    if aim == Aim::Original && tau > 0.0 {
        return None;
    }
    let equilibrium = equilibrium?;
    if tau == 0.0 && equilibrium.probs().iter().any(|&p| p < INTERIOR) {
        return None;
    }
    let moduli: Option<Vec<f64>> = frequencies.iter().map(|&w| solver.local_modulus(w)).collect();
    moduli?.into_iter().reduce(f64::max)
}

/// The factor per step of a metric where the distance to the fixed point falls by `modulus`: the duality gap is linear in the
/// distance, the regularised gap and the divergences are quadratic.
pub(crate) fn factor(metric: &str, modulus: f64) -> f64 {
    if metric == DUALITY_GAP { modulus } else { modulus * modulus }
}
