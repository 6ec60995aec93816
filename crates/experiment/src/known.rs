//! What is known about a game before any method runs, kept beside the results so that no other process finds it out
//! again: `games/<hash>.json`.

use std::collections::BTreeMap;

use equipoise::Problem;
use equipoise::core::Aim;
use equipoise::reference::ReferenceError;
use equipoise_records::schema::{EquilibriumRecord, GameRecord};
use equipoise_records::{RecordsError, ResultsDir};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::build::Plan;
use crate::estimate;
use crate::exact::{ExactAnswers, Unsolved};
use crate::facts;
use crate::game::{GameIdentity, GamePlan};
use crate::identity;

/// Exact answers are computed where the cubes of the actions, summed over contexts, stay below this: one context of
/// about 600 actions, or a million of 6.
const SOLVABLE: f64 = 2.5e8;
/// Facts about the contexts of a game of several are counted where none has more actions.
const COUNTED: usize = 2048;
/// Largest matrix that is copied into `games.json`.
const SHOWN: usize = 60;

/// A game as it is known after it has been made once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct KnownGame {
    /// [`identity::SEMANTICS`] of the program that made it.
    pub(crate) semantics: u32,
    /// Version of that program.
    pub(crate) version: String,
    /// What identifies it in run ids.
    pub(crate) identity: GameIdentity,
    /// Whether its equilibria are solved for.
    pub(crate) solved: bool,
    /// Its record; equilibria are remembered apart, one for each tau.
    record: GameRecord,
}

/// A file with its digest: the hash of the canonical JSON of the rest.
#[derive(Debug, Serialize, Deserialize)]
struct Sealed {
    digest: String,
    game: KnownGame,
}

impl KnownGame {
    /// Finds out what is to be known about a game, its equilibria apart; what is solved for is remembered.
    ///
    /// # Errors
    /// [`Unsolved`] if the exact solver fails.
    pub(crate) fn of(plan: &Plan, made: &GamePlan, answers: &ExactAnswers) -> Result<Self, Unsolved> {
        let game = &made.game;
        let shape = game.shape();
        let (single, n) = (shape.contexts() == 1, shape.actions(0));
        let largest = (0..shape.contexts()).map(|x| shape.actions(x)).max().unwrap_or(0);
        let mut facts = None;
        if single && solvable(made) {
            let answer = answers.original(made).map_err(unsolved(made, 0.0))?;
            answers.remember(&made.identity, [0.0]);
            let lottery = answer.lottery.as_ref().expect("a game of one context has its lottery");
            facts = Some(facts::game_facts(game, &made.unmet_pairs, lottery));
        }
        let estimate = made
            .counts
            .as_deref()
            .filter(|_| single)
            .map(|counts| estimate::estimate(counts, facts.as_ref(), plan.spec.seed, &made.name));
        let matrix = (single && n <= SHOWN)
            .then(|| (0..n).map(|i| (0..n).map(|j| game.prob(0, i, j)).collect()).collect());
        Ok(Self {
            semantics: identity::SEMANTICS,
            version: env!("CARGO_PKG_VERSION").into(),
            identity: made.identity.clone(),
            solved: solvable(made) || plan.needs_solving(),
            record: GameRecord {
                name: made.name.clone(),
                source: made.source.clone(),
                contexts: shape.contexts(),
                n,
                labels: game.labels(0),
                matrix,
                unmet_pairs: made.unmet_pairs.clone(),
                reference: made.reference.probs_at(0).to_vec(),
                facts,
                context_facts: (!single && largest <= COUNTED).then(|| facts::context_facts(game)),
                equilibria: Vec::new(),
                estimate,
            },
        })
    }

    /// What is known about game `g` of the plan in `dir`.
    ///
    /// # Errors
    /// [`RecordsError`] for a file that cannot be read.
    pub(crate) fn read(plan: &Plan, g: usize, dir: &ResultsDir) -> Result<Option<Self>, RecordsError> {
        let key = key(plan, g);
        let Some(value) = dir.read_game(&key)? else { return Ok(None) };
        let sealed = serde_json::from_value::<Sealed>(value).ok().filter(|s| s.digest == digest(&s.game));
        if sealed.is_none() {
            let game = plan.game_name(g);
            tracing::warn!(
                "what games/{key}.json says of the game `{game}` is damaged; it is found out again"
            );
        }
        Ok(sealed.map(|sealed| sealed.game))
    }

    /// Writes it down.
    ///
    /// # Errors
    /// [`RecordsError`] for a file that cannot be written.
    pub(crate) fn write(&self, plan: &Plan, g: usize, dir: &ResultsDir) -> Result<(), RecordsError> {
        dir.write_game(&key(plan, g), &Sealed { digest: digest(self), game: self.clone() })
    }

    /// Whether this program wrote it about just this game. Labels and sources are compared too: they are no part of a
    /// run's id.
    pub(crate) fn describes(&self, made: &GamePlan) -> bool {
        self.identity == made.identity
            && self.semantics == identity::SEMANTICS
            && self.version == env!("CARGO_PKG_VERSION")
            && self.record.source == made.source
            && self.record.labels == made.game.labels(0)
            && self.record.unmet_pairs == made.unmet_pairs
    }

    /// The record with the equilibria for all taus of the plan; `None` if one of them is not known.
    pub(crate) fn full_record(&self, plan: &Plan, answers: &ExactAnswers) -> Option<GameRecord> {
        let mut record = self.record.clone();
        if self.solved {
            let of = |&tau: &f64| answers.record(&self.identity, tau, record.n);
            let equilibria: Option<Vec<EquilibriumRecord>> = plan.spec.taus.iter().map(of).collect();
            record.equilibria = equilibria?;
        }
        Some(record)
    }
}

/// A game with its task and, where it is worth computing, its exact answer, for each of `taus` by number; what is solved for is
/// remembered.
///
/// # Errors
/// [`Unsolved`] if the exact solver fails.
pub(crate) fn problems(
    plan: &Plan,
    made: &GamePlan,
    answers: &ExactAnswers,
    taus: &[usize],
) -> Result<BTreeMap<usize, Problem>, Unsolved> {
    let solved = solvable(made) || plan.needs_solving();
    if !solved {
        tracing::warn!(game = made.name, "too large for an exact answer; metrics that need it are NaN");
    }
    // what methods of the original game do is told by its equilibrium, which is solved for once, before the others
    let is_asked = plan.spec.methods.iter().any(|m| m.entry.aim != Aim::Regularised)
        && taus.iter().any(|&t| plan.spec.taus[t] > 0.0);
    let original = match solved && is_asked {
        true => Some(answers.original(made).map_err(unsolved(made, 0.0))?),
        false => None,
    };
    let one = |&t: &usize| {
        let tau = plan.spec.taus[t];
        let mut problem = made.problem(tau);
        if solved {
            answers.solve(made, &mut problem).map_err(unsolved(made, tau))?;
            if let Some(original) = original.as_ref().filter(|_| tau > 0.0) {
                problem = problem.with_original(original.policy.clone());
            }
            answers.remember(&made.identity, [tau, 0.0]);
        }
        Ok((t, problem))
    };
    taus.par_iter().map(one).collect()
}

fn unsolved(made: &GamePlan, tau: f64) -> impl FnOnce(ReferenceError) -> Unsolved {
    let game = made.name.clone();
    move |source| Unsolved { game, tau, source }
}

/// Whether the exact solver is asked for a game.
pub(crate) fn solvable(made: &GamePlan) -> bool {
    let shape = made.game.shape();
    (0..shape.contexts()).map(|x| (shape.actions(x) as f64).powi(3)).sum::<f64>() <= SOLVABLE
}

fn digest(game: &KnownGame) -> String {
    identity::digest(&serde_json::to_value(game).expect("what is known serialises to JSON"))
}

/// The hash of all that makes a game and its policies.
fn key(plan: &Plan, g: usize) -> String {
    let of = |key: &str| plan.document().find(|(k, _)| *k == key).map(|(_, value)| value);
    identity::id(&json!({
        "game": plan.entry(g), "seed": plan.spec.seed, "reference": of("reference"), "start": of("start"),
    }))
}
