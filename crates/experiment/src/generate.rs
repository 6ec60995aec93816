//! `equipoise generate`: the labels that a run buys, as a data set of known truth.

use equipoise::core::seed;
use equipoise::env::{Game, Labels, NoAnnotators};
use equipoise::models::learned::{Learned, LearnedOracle};
use equipoise::oracles::OracleSpec;

use crate::build::Plan;
use crate::error::ConfigError;
use crate::game::GamePlan;
use crate::identity;

/// Labels with the game that they are about.
#[derive(Debug)]
pub struct Generated {
    /// The true game.
    pub game: std::sync::Arc<Game>,
    /// What its labels were drawn by.
    pub learned: Learned,
    /// The labels.
    pub labels: Labels,
    /// Why they have no annotators, where they have none.
    pub unknown: Option<NoAnnotators>,
}

/// The labels that the runs of the plan's only game and only learned oracle buy first, at repetition `repetition`, from 0. No
/// model is fitted.
///
/// # Errors
/// Several games or oracles, an oracle that buys no labels, noise that is each method's own: there is no one data set.
pub fn generate(plan: &Plan, repetition: u32) -> Result<Generated, ConfigError> {
    let spec = &plan.spec;
    let refuse = |message: String, help: &str| Err(spec.error(spec.whole, message).help(help));
    if plan.games() != 1 {
        let message = format!("a data set is of one game, and the experiment has {}", plan.games());
        return refuse(message, "leave one entry in `games`");
    }
    let [OracleSpec::Learned { learned }] = &spec.oracles[..] else {
        let message =
            format!("a data set has one way of drawing labels, and `oracle` has {}", spec.oracles.len());
        return refuse(
            message.replace("and `oracle` has 1", "and the oracle of this experiment buys none"),
            "write `oracle: { learned: { pairs: { design: uniform, per_context: 200 }, labels: [ .. ] } }`, without lists of values",
        );
    };
    if spec.independent_noise {
        return refuse(
            "with `noise: independent` every method buys labels of its own".to_owned(),
            "leave `noise` out: then all methods of a repetition share them",
        );
    }
    if repetition >= spec.repetitions {
        let message = format!("there is no repetition {repetition}: the experiment has {}", spec.repetitions);
        return refuse(message, "repetitions count from 0");
    }
    let made: GamePlan = plan.make(0)?;
    let ids = identity::oracle_stream(&made.name, u64::from(repetition));
    let rng = seed::stream(spec.seed, "oracle", &ids.each_ref().map(String::as_str));
    let task = &made.problem(spec.taus[0]).task;
    let bought = LearnedOracle::first_labels(learned, &made.game, &task.reference, &task.start, rng);
    let (labels, unknown) = bought.map_err(|error| spec.error(spec.whole, format!("`oracle`: {error}")))?;
    Ok(Generated { game: made.game.clone(), learned: learned.clone(), labels, unknown })
}
