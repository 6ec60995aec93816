//! What local theory says about a solver on a problem: one rule for runs and for the audit.

use equipoise_core::{Aim, Policy, Solver};
use equipoise_env::Game;
use equipoise_eval::behaviour::LocalTheory;
use equipoise_records::{DUALITY_GAP, DUALITY_GAP_TAU};
use equipoise_reference as reference;

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
/// Without regularisation the theory holds for an interior equilibrium only, and not where a frequency is 0: along that direction
/// there are other equilibria, with other spectra, and nothing says at which a run ends. The spectrum is that of the task's game: with
/// `tau > 0` it says nothing about a method that aims at the original one, and a method whose own fixed point is elsewhere has no
/// [`Solver::local_modulus`].
pub(crate) fn modulus(spectrum: Spectrum<'_>, aim: Aim, solver: &dyn Solver) -> Option<f64> {
    let Spectrum { tau, equilibrium, frequencies } = spectrum;
    if aim == Aim::Original && tau > 0.0 {
        return None;
    }
    let equilibrium = equilibrium?;
    if tau == 0.0 && (equilibrium.probs().iter().any(|&p| p < INTERIOR) || frequencies.contains(&0.0)) {
        return None;
    }
    moduli(spectrum, solver)?.into_iter().reduce(f64::max)
}

/// The local multiplier of every mode.
fn moduli(spectrum: Spectrum<'_>, solver: &dyn Solver) -> Option<Vec<f64>> {
    spectrum.frequencies.iter().map(|&w| solver.local_modulus(w)).collect()
}

/// Values of a metric beside which a prediction stands.
#[derive(Clone, Copy)]
pub(crate) struct Seen {
    /// The largest of them.
    pub(crate) largest: f64,
    /// The step from which on a factor was fitted to them; `None`: they are the end of a run, and nothing was.
    pub(crate) from: Option<u64>,
    /// What rounding leaves of the metric.
    pub(crate) floor: f64,
    /// The smallest probability of an equilibrium's action, times its context's weight in the metric.
    pub(crate) rarest: f64,
}

/// [`Seen::rarest`] of an equilibrium.
pub(crate) fn rarest(game: &Game, equilibrium: Option<&Policy>) -> f64 {
    let Some(equilibrium) = equilibrium else { return 0.0 };
    let contexts = game.shape().ranges().zip(game.weights());
    let of_context = |(range, weight): (std::ops::Range<usize>, &f64)| {
        weight * equilibrium.probs_slice()[range].iter().copied().fold(1.0, f64::min)
    };
    contexts.map(of_context).fold(1.0, f64::min)
}

/// A divergence at most this share of the smallest probability bounds every logit's distance, and is quadratic in it to a few
/// percent of the slope of its logarithm.
const QUADRATIC: f64 = 0.1;
/// Rates this close are one.
const SAME_RATE: f64 = 1.05;
/// Nats by which the faster modes must have fallen behind the slowest.
const BEHIND: f64 = 3.0;

/// The factor per step of `metric`, where local theory has one for the values that were seen.
///
/// The duality gap is linear in the distance to the fixed point. Divergences are quadratic near it, and so is the regularised gap,
/// `2 tau KL(pi || BR(pi))`: where it is large beside tau it is linear, as the gap of the original game, and where it is large
/// beside the smallest probability that action's logit may be anywhere. The slowest mode decides once the faster ones are gone.
/// Where the method leaves its fixed point the factor is at least 1, whatever was seen.
pub(crate) fn predicted(
    spectrum: Spectrum<'_>,
    aim: Aim,
    solver: &dyn Solver,
    metric: &str,
    seen: Seen,
) -> Option<f64> {
    let slowest = modulus(spectrum, aim, solver)?;
    let order = if metric == DUALITY_GAP { 1.0 } else { 2.0 };
    if metric == DUALITY_GAP && spectrum.tau > 0.0 {
        // at the equilibrium of the regularised game the gap of the original one is not 0
        return None;
    }
    let factor = slowest.powf(order);
    if slowest >= 1.0 {
        return Some(factor);
    }
    if order == 2.0 {
        let unit = if metric == DUALITY_GAP_TAU { 2.0 * spectrum.tau } else { 1.0 };
        let local = QUADRATIC * seen.rarest * unit;
        // beside a fit its values must be local; alone, those to come must be so before rounding
        let far = seen.from.is_some() && seen.largest > local;
        if far || local <= seen.floor {
            return None;
        }
    }
    let gone = |from: u64| {
        let behind = |rate: f64| order * from as f64 * (slowest.ln() - rate.ln()) >= BEHIND;
        let faster = |rate: &f64| rate.ln() < SAME_RATE * slowest.ln();
        moduli(spectrum, solver).is_some_and(|all| all.into_iter().filter(faster).all(behind))
    };
    seen.from.is_none_or(gone).then_some(factor)
}

/// Most multiplications that spectra of single contexts may take.
const MOST_WORK: usize = 1 << 30;

/// What is to be known of each context near an equilibrium, whatever the method: found once for all runs on a problem.
#[derive(Clone, Debug, Default)]
pub(crate) struct Surroundings {
    contexts: Vec<Surrounding>,
    /// The frequencies that decide, a context after the other.
    frequencies: Vec<f64>,
}

#[derive(Clone, Debug)]
struct Surrounding {
    /// End of its frequencies.
    end: usize,
    /// Whether theory holds there.
    holds: bool,
    unique: bool,
    strict: bool,
}

impl Surroundings {
    /// Of each context its largest frequency, and whether its equilibrium is known to be the only one.
    pub(crate) fn each(&self) -> impl Iterator<Item = (f64, bool)> {
        let firsts = std::iter::once(0).chain(self.contexts.iter().map(|context| context.end));
        firsts.zip(&self.contexts).map(|(first, context)| {
            let fastest = self.frequencies[first..context.end].iter().copied().fold(0.0, f64::max);
            (fastest, context.unique)
        })
    }

    /// What theory says of a method at each context, for telling what a run does there; empty where nothing is known.
    pub(crate) fn theory(&self, solver: &dyn Solver) -> Vec<LocalTheory> {
        let mut first = 0;
        let one = |&Surrounding { end, holds, unique, strict }: &Surrounding| {
            let own = &self.frequencies[first..end];
            first = end;
            let moduli = || own.iter().map(|w| solver.local_modulus(*w)).collect::<Option<Vec<f64>>>();
            let modulus = if holds { moduli().and_then(|m| m.into_iter().reduce(f64::max)) } else { None };
            LocalTheory { modulus, unique, strict }
        };
        self.contexts.iter().map(one).collect()
    }
}

/// The surroundings of the equilibrium of the game at `tau`; none where that takes too long. The frequencies of a single context
/// are those of the spectrum, where they are known already.
///
/// Without regularisation an equilibrium is known to be the only one if every action outside its support does strictly worse
/// and the spectrum on the support, of `s` actions, has its `(s - 1) / 2` rotations. Near such a point the actions outside
/// vanish by themselves, and the rotations decide, whether it is interior or not.
pub(crate) fn surroundings(
    game: &Game,
    equilibrium: &Policy,
    tau: f64,
    known: Option<&[f64]>,
) -> Surroundings {
    let contexts = game.contexts();
    let work: usize = game.shape().ranges().map(|r| r.len().saturating_pow(3)).fold(0, usize::saturating_add);
    let mut found = Surroundings::default();
    if contexts > 1 && work > MOST_WORK {
        return found;
    }
    let mut margins = ndarray::Array1::zeros(game.shape().len());
    game.margins(equilibrium, &mut margins);
    for (x, range) in game.shape().ranges().enumerate() {
        let p = &equilibrium.probs_slice()[range.clone()];
        let mut own = match known {
            Some(known) if contexts == 1 => known.to_vec(),
            _ => reference::rotation_frequencies(&game.matrix(x), p),
        };
        let (mut holds, mut unique, mut strict) = (true, true, false);
        if tau == 0.0 {
            holds = range.zip(p).all(|(i, &p)| p >= INTERIOR || margins[i] < -INTERIOR);
            let support = p.iter().filter(|p| **p >= INTERIOR).count();
            // directions that do not turn lie within the set of equilibria
            own.retain(|w| *w > INTERIOR);
            unique = holds && support % 2 == 1 && own.len() == (support - 1) / 2;
            strict = unique && support == 1;
        }
        found.frequencies.extend(own);
        found.contexts.push(Surrounding { end: found.frequencies.len(), holds, unique, strict });
    }
    found
}
