//! Exact answers, each solved once: kept while a game is at hand, and remembered beside the results under a hash of all
//! that decides it.
//!
//! `exact/<hash>.json` holds one equilibrium: of the game as it is (`tau = 0`; the maximal lottery, which facts about the
//! game quote too), or regularised towards the reference. It is believed only if its digest fits, and, where the game is
//! at hand, only if its duality gap, computed again, is the recorded one to the bit. Anything else is solved again, and
//! said.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use equipoise::Problem;
use equipoise::core::Policy;
use equipoise::env::Game;
use equipoise::eval::metrics::{Truth, measure};
use equipoise::reference::{self, Equilibrium, LARGEST_PROOF, RationalMargins, ReferenceError, Selection};
use equipoise_records::schema::{Arithmetic, EquilibriumRecord};
use equipoise_records::{DUALITY_GAP, DUALITY_GAP_TAU, ResultsDir};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::game::{GameIdentity, GamePlan};
use crate::identity;

/// Most entries of a policy that is remembered in a file.
const MOST_ENTRIES: usize = 1_000_000;
/// Rotation frequencies that `games.json` shows at most.
const FREQUENCIES: usize = 16;

/// A game on which the exact solver failed.
#[derive(Debug, thiserror::Error)]
#[error("game `{game}` with tau {tau}: {source}")]
pub struct Unsolved {
    /// The game.
    pub game: String,
    /// The regularisation.
    pub tau: f64,
    /// Why.
    pub source: ReferenceError,
}

/// An equilibrium.
#[derive(Clone, Debug)]
pub struct ExactAnswer {
    /// The equilibrium.
    pub policy: Policy,
    /// What was proved about a maximal lottery of one context.
    pub lottery: Option<Lottery>,
    /// The local dynamics there, where they were asked for.
    spectrum: Option<Spectrum>,
    /// Its gap in the original game.
    duality_gap: f64,
    /// Its regularised gap, for `tau > 0`.
    duality_gap_tau: Option<f64>,
}

/// What the exact solver proved about a maximal lottery.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lottery {
    /// Its probabilities, as the solver found them.
    pub policy: Vec<f64>,
    /// Its duality gap, as the solver proved it.
    pub duality_gap: f64,
    /// Actions that it plays.
    pub support: Vec<usize>,
    /// Whether it is the only one; `None` if not decided.
    pub unique: Option<bool>,
    /// What decided that.
    #[serde(default)]
    pub unique_by: Option<Arithmetic>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Spectrum {
    frequencies: Vec<f64>,
    operator_norm: f64,
}

/// `exact/<hash>.json`.
#[derive(Debug, Serialize, Deserialize)]
struct Remembered {
    semantics: u32,
    content: String,
    tau: f64,
    reference: Option<String>,
    probs: Vec<f64>,
    /// `null` stands for minus infinity.
    log_probs: Vec<Option<f64>>,
    duality_gap: f64,
    duality_gap_tau: Option<f64>,
    lottery: Option<Lottery>,
    spectrum: Option<Spectrum>,
}

/// A file with its digest: the hash of the canonical JSON of the rest.
#[derive(Debug, Serialize, Deserialize)]
struct Sealed {
    digest: String,
    answer: Remembered,
}

/// The exact answers at hand, and those beside the results.
#[derive(Debug, Default)]
pub struct ExactAnswers {
    dir: OnceLock<ResultsDir>,
    known: Mutex<BTreeMap<String, Known>>,
}

#[derive(Clone, Debug)]
struct Known {
    answer: Arc<ExactAnswer>,
    /// Whether a file holds it.
    written: bool,
}

impl ExactAnswers {
    /// Answers remembered in `dir`, where it is there already.
    #[must_use]
    pub fn beside(dir: Option<ResultsDir>) -> Self {
        let answers = Self::default();
        if let Some(dir) = dir {
            answers.open(dir);
        }
        answers
    }

    /// From now on answers are remembered in `dir`, unless they are in another.
    pub fn open(&self, dir: ResultsDir) {
        let _ = self.dir.set(dir);
    }

    /// Fills in the equilibrium of the problem's game, and what follows from it.
    ///
    /// # Errors
    /// [`ReferenceError`] if the exact solver fails.
    pub fn solve(&self, made: &GamePlan, problem: &mut Problem) -> Result<(), ReferenceError> {
        let answer = self.answer(made, problem.task.tau, true)?;
        let spectrum = answer.spectrum.as_ref().expect("it was asked for");
        problem.equilibrium = Some(answer.policy.clone());
        problem.frequencies.clone_from(&spectrum.frequencies);
        problem.task.spectral_radius = Some(spectrum.frequencies.first().copied().unwrap_or(0.0));
        problem.task.operator_norm = Some(spectrum.operator_norm);
        Ok(())
    }

    /// The equilibrium of the original game; of one context, its maximal lottery.
    ///
    /// # Errors
    /// [`ReferenceError`] if the exact solver fails.
    pub fn original(&self, made: &GamePlan) -> Result<Arc<ExactAnswer>, ReferenceError> {
        self.answer(made, 0.0, false)
    }

    /// What `games.json` says of the equilibrium for `tau`, if it is known: at hand or remembered.
    #[must_use]
    pub fn record(&self, game: &GameIdentity, tau: f64, first: usize) -> Option<EquilibriumRecord> {
        let key = key(game, tau);
        let at_hand = self.lock().get(&key).cloned();
        let (probs, gap, gap_tau, spectrum) = match at_hand {
            Some(Known { answer: a, .. }) => {
                let probs = a.policy.probs_slice()[..first].to_vec();
                (probs, a.duality_gap, a.duality_gap_tau, a.spectrum.clone()?)
            }
            None => {
                let a = self.remembered(&key)?;
                (a.probs.get(..first)?.to_vec(), a.duality_gap, a.duality_gap_tau, a.spectrum?)
            }
        };
        Some(EquilibriumRecord {
            tau,
            policy: probs,
            duality_gap: gap,
            duality_gap_tau: gap_tau,
            frequencies: spectrum.frequencies.into_iter().take(FREQUENCIES).collect(),
        })
    }

    /// Writes down what is at hand for `taus` of a game and is in no file; a folder that cannot be written to costs the next
    /// process a solution, no more.
    pub fn remember(&self, game: &GameIdentity, taus: impl IntoIterator<Item = f64>) {
        let Some(dir) = self.dir.get() else { return };
        for tau in taus {
            let key = key(game, tau);
            let Some(Known { answer, written: false }) = self.lock().get(&key).cloned() else { continue };
            if answer.policy.shape().len() > MOST_ENTRIES {
                continue;
            }
            let finite = |l: &f64| l.is_finite().then_some(*l);
            let answer = Remembered {
                semantics: identity::SEMANTICS,
                content: game.content.clone(),
                tau,
                reference: (tau > 0.0).then(|| game.policies[0].clone()),
                probs: answer.policy.probs_slice().to_vec(),
                log_probs: answer.policy.log_probs_slice().iter().map(finite).collect(),
                duality_gap: answer.duality_gap,
                duality_gap_tau: answer.duality_gap_tau,
                lottery: answer.lottery.clone(),
                spectrum: answer.spectrum.clone(),
            };
            match dir.write_exact(&key, &Sealed { digest: digest(&answer), answer }) {
                Ok(()) => {
                    if let Some(known) = self.lock().get_mut(&key) {
                        known.written = true;
                    }
                }
                Err(error) => tracing::warn!(%error, "an exact answer could not be remembered"),
            }
        }
    }

    /// Forgets what is at hand for a game; what was written down stays.
    pub fn forget(&self, game: &GameIdentity, taus: impl IntoIterator<Item = f64>) {
        let mut known = self.lock();
        for tau in taus {
            known.remove(&key(game, tau));
        }
    }

    fn answer(
        &self,
        made: &GamePlan,
        tau: f64,
        with_spectrum: bool,
    ) -> Result<Arc<ExactAnswer>, ReferenceError> {
        let key = key(&made.identity, tau);
        let at_hand = self.lock().get(&key).cloned();
        let in_file = || {
            let answer = self.verified(&key, made, tau)?;
            Some(Known { answer: Arc::new(answer), written: true })
        };
        let known = match at_hand.or_else(in_file) {
            Some(known) if known.answer.spectrum.is_some() || !with_spectrum => known,
            Some(Known { answer, .. }) => {
                let answer = ExactAnswer::clone(&answer).with_spectrum(&made.game);
                Known { answer: Arc::new(answer), written: false }
            }
            None => {
                let answer = solved(made, tau)?;
                let answer = if with_spectrum { answer.with_spectrum(&made.game) } else { answer };
                Known { answer: Arc::new(answer), written: false }
            }
        };
        let mut at_hand = self.lock();
        match at_hand.get(&key) {
            // another thread was there in the meantime, and knows more
            Some(there) if there.answer.spectrum.is_some() && known.answer.spectrum.is_none() => {
                Ok(Arc::clone(&there.answer))
            }
            _ => {
                at_hand.insert(key, known.clone());
                Ok(known.answer)
            }
        }
    }

    /// The answer in a file, if there is one and it is what it says it is.
    fn verified(&self, key: &str, made: &GamePlan, tau: f64) -> Option<ExactAnswer> {
        let found = self.remembered(key)?;
        let log_probs = found.log_probs.iter().map(|l| l.unwrap_or(f64::NEG_INFINITY)).collect();
        let policy = Policy::from_forms(made.game.shape(), log_probs, found.probs.into()).ok();
        let verified = policy.and_then(|policy| {
            let answer = measured(made, tau, policy, found.lottery, found.spectrum);
            let same = answer.duality_gap.to_bits() == found.duality_gap.to_bits()
                && answer.duality_gap_tau.map(f64::to_bits) == found.duality_gap_tau.map(f64::to_bits);
            same.then_some(answer)
        });
        if verified.is_none() {
            tracing::warn!(
                game = made.name,
                tau,
                "the exact answer in exact/{key}.json is not an answer to this game; it is solved again"
            );
        }
        verified
    }

    fn remembered(&self, key: &str) -> Option<Remembered> {
        let value = match self.dir.get()?.read_exact(key) {
            Ok(found) => found?,
            Err(error) => {
                tracing::warn!(%error, "a remembered exact answer is damaged; it is solved again");
                return None;
            }
        };
        let sealed = serde_json::from_value::<Sealed>(value).ok().filter(|s| s.digest == digest(&s.answer));
        if sealed.is_none() {
            tracing::warn!("the exact answer in exact/{key}.json is damaged; it is solved again");
        }
        sealed.map(|s| s.answer).filter(|a| a.semantics == identity::SEMANTICS)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Known>> {
        self.known.lock().expect("no thread panics while it holds the answers")
    }
}

impl ExactAnswer {
    fn with_spectrum(self, game: &Game) -> Self {
        let frequencies = reference::game_frequencies(game, &self.policy);
        let operator_norm = reference::operator_norm(game);
        Self { spectrum: Some(Spectrum { frequencies, operator_norm }), ..self }
    }
}

/// Solves the game: for `tau = 0` and one context with what is proved about its lottery.
fn solved(made: &GamePlan, tau: f64) -> Result<ExactAnswer, ReferenceError> {
    let (policy, lottery) = if tau == 0.0 && made.game.contexts() == 1 {
        let (found, unique_by) = lottery(&made.game)
            .map_err(|source| ReferenceError::Context { context: 0, source: Box::new(source) })?;
        let lottery = Lottery {
            policy: found.policy.to_vec(),
            duality_gap: found.duality_gap,
            support: found.support,
            unique: found.unique,
            unique_by,
        };
        let policy = Policy::from_probs(made.game.shape(), found.policy).expect("a lottery is a policy");
        (policy, Some(lottery))
    } else {
        (reference::game_equilibrium(&made.game, &made.reference, tau)?, None)
    };
    Ok(measured(made, tau, policy, lottery, None))
}

/// The maximal lottery, and what decided whether it is the only one.
///
/// Win rates that are decimal numbers have the exact answer of these, where floating point has another one. Of other
/// doubles nobody knows whether they are the game or its rounding: where the doubles as they are have another answer than
/// the game up to rounding, that is undecided.
fn lottery(game: &Game) -> Result<(Equilibrium, Option<Arithmetic>), ReferenceError> {
    let found = reference::context_lottery(game, 0, Selection::MaximumEntropy, &|_| ())?;
    if game.shape().actions(0) > LARGEST_PROOF {
        let by = found.unique.map(|_| Arithmetic::FloatingPoint);
        return Ok((found, by));
    }
    let matrix = &game.matrix(0);
    if let Some(decimals) = RationalMargins::from_short_decimals(matrix)
        && let Some((proved, _)) = reference::select_exact(&decimals, Selection::MaximumEntropy, false)?
    {
        let found = if proved.unique == found.unique { found } else { proved };
        return Ok((found, Some(Arithmetic::Rational)));
    }
    let exact = RationalMargins::from_doubles(matrix).and_then(|m| reference::exact_equilibria(&m, false));
    let Some(exact) = exact else {
        let by = found.unique.map(|_| Arithmetic::FloatingPoint);
        return Ok((found, by));
    };
    let agreed = found.unique.is_none_or(|unique| unique == exact.unique);
    let unique = agreed.then_some(exact.unique);
    Ok((Equilibrium { unique, ..found }, unique.map(|_| Arithmetic::Rational)))
}

/// An answer with its gaps, measured on the game.
fn measured(
    made: &GamePlan,
    tau: f64,
    policy: Policy,
    lottery: Option<Lottery>,
    spectrum: Option<Spectrum>,
) -> ExactAnswer {
    let truth = Truth { game: &made.game, reference: &made.reference, tau, equilibrium: None };
    ExactAnswer {
        duality_gap: measure(DUALITY_GAP, &truth, &policy),
        duality_gap_tau: (tau > 0.0).then(|| measure(DUALITY_GAP_TAU, &truth, &policy)),
        policy,
        lottery,
        spectrum,
    }
}

/// The hash of all that decides an answer. The reference matters to a regularised game only.
fn key(game: &GameIdentity, tau: f64) -> String {
    let reference = (tau > 0.0).then_some(&game.policies[0]);
    identity::id(&json!({
        "semantics": identity::SEMANTICS, "content": game.content, "tau": tau, "reference": reference,
    }))
}

fn digest(answer: &Remembered) -> String {
    identity::digest(&serde_json::to_value(answer).expect("an answer serialises to JSON"))
}

#[cfg(test)]
mod tests {
    use equipoise::env::PreferenceMatrix;

    use super::*;

    fn matrix(n: usize, p: &[f64]) -> PreferenceMatrix {
        let margin = |i: usize, j: usize| 0.5 * ((p[i * n + j] - 0.5) - (p[j * n + i] - 0.5));
        PreferenceMatrix::from_margins(n, margin).expect("margins of probabilities")
    }

    fn told(matrix: &PreferenceMatrix) -> (Equilibrium, Option<Arithmetic>) {
        lottery(&Game::single(matrix.clone())).expect("a small game has an equilibrium")
    }

    #[test]
    fn decimals_decide_and_doubles_that_may_be_rounded_do_not_contradict_them() {
        // margins near 1e-9 that tie exactly: dimension 1, where floating point sees a single equilibrium
        let near = [
            [0.5, 0.499999999, 0.500000001, 0.499999997, 0.499999998],
            [0.500000001, 0.5, 0.499999998, 0.499999998, 0.499999999],
            [0.499999999, 0.500000002, 0.5, 0.500000003, 0.500000001],
            [0.500000003, 0.500000002, 0.499999997, 0.5, 0.500000003],
            [0.500000002, 0.500000001, 0.499999999, 0.499999997, 0.5],
        ];
        let near = matrix(5, near.as_flattened());
        let (found, by) = told(&near);
        assert_eq!((found.unique, by), (Some(false), Some(Arithmetic::Rational)));
        let decimals = RationalMargins::from_decimals(&near);
        assert!(decimals.duality_gap(&found.policy.to_vec()) < 1e-24);
        // four actions with K01 K23 - K02 K13 + K03 K12 = 0: .1 .3 - .2 .3 + .3 .1 = 0, a segment of equilibria
        let k =
            [[0.0, 0.1, -0.2, 0.3], [-0.1, 0.0, 0.1, -0.3], [0.2, -0.1, 0.0, 0.3], [-0.3, 0.3, -0.3, 0.0]];
        let win_rate =
            |i: usize, j: usize| -> f64 { format!("{:.1}", 0.5 + k[i][j]).parse().expect("a number") };
        let rates: Vec<f64> = (0..16).map(|c| win_rate(c / 4, c % 4)).collect();
        let (found, by) = told(&matrix(4, &rates));
        let exact = reference::exact_equilibria(&RationalMargins::from_decimals(&matrix(4, &rates)), false);
        assert_eq!((found.unique, by), (exact.map(|e| e.unique), Some(Arithmetic::Rational)));
        // an ulp off the same game: what stands there has one answer, what it may stand for another
        let third = 1.0 / 3.0;
        let off = [[0.0, third, -third], [-third, 0.0, third + 6e-17], [third, -third - 6e-17, 0.0]];
        let (found, by) = told(&PreferenceMatrix::from_margins(3, |i, j| off[i][j]).expect("margins"));
        assert_eq!((found.unique, by), (Some(true), Some(Arithmetic::Rational)));
        let clones = |i: usize, j: usize| {
            let shift = if (i, j) == (0, 3) { 6e-17 } else { 0.0 };
            [[0.0, third, -third], [-third, 0.0, third], [third, -third, 0.0]][i % 3][j % 3] + shift
        };
        let (found, by) = told(&PreferenceMatrix::from_margins(4, clones).expect("margins"));
        assert_eq!((found.unique, by), (None, None));
        // above the size of proofs floating point tells, and is named
        let (found, by) = told(&PreferenceMatrix::from_margins(61, |_, _| 0.0).expect("margins"));
        assert_eq!((found.unique, by), (Some(false), Some(Arithmetic::FloatingPoint)));
    }
}
