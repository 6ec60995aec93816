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
use equipoise::reference::{self, ReferenceError};
use equipoise_records::schema::EquilibriumRecord;
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
        let found = reference::maximal_lottery(&made.game.matrix(0))
            .map_err(|source| ReferenceError::Context { context: 0, source: Box::new(source) })?;
        let lottery = Lottery {
            policy: found.policy.to_vec(),
            duality_gap: found.duality_gap,
            support: found.support,
            unique: found.unique,
        };
        let policy = Policy::from_probs(made.game.shape(), found.policy).expect("a lottery is a policy");
        (policy, Some(lottery))
    } else {
        (reference::game_equilibrium(&made.game, &made.reference, tau)?, None)
    };
    Ok(measured(made, tau, policy, lottery, None))
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
