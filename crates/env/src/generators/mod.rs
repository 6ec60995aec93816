//! Games by name: every family of test games, as a registry like that of the solvers.
//!
//! A generator reads a block of parameters and draws, if it is random, from the stream it is given; equal blocks and
//! equal streams give equal bits. Margins are `K = P - 1/2` everywhere; actions count from 0. "Gap" is the duality gap
//! of the original game, `2 max_i (K pi)_i`; `w` is the frequency of the local theory ([`equipoise_core::local`]).
//!
//! DANGER: in `rock-paper-scissors`, `dice` (by default) and `regular-tournament` the uniform policy is the
//! equilibrium, for every method and every `tau`. Started there, everything is solved at step 0 and nothing is
//! measured: start at a random reference or near a vertex. For the same reason Bradley-Terry appears perfect on a
//! balanced cycle whose reference is uniform, because it returns the reference; use unequal margins to compare it.
//!
//! The classical small examples of the alignment literature are all here:
//! a cycle with Nash policy `(b, c, a) / (a + b + c)` is `cyclic: {margins: [a, b, c]}`; a Condorcet winner that is not
//! the Borda winner is `condorcet-not-borda`; an exact clone is `clones: {game: {cyclic: ..}, item: 2}`; the balanced
//! cycle on which a Bradley-Terry fit returns its reference is `rock-paper-scissors: {margin: 0.3}`; the control in
//! which the Bradley-Terry assumption holds is `bradley-terry: {scores: [1, 0.3, -0.2, -1]}`.

mod attributes;
mod clones;
mod cycles;
mod dice;
mod embedding;
mod low_rank;
mod parametric;
mod populations;
mod random;
mod rewards;
mod spatial;
mod strings;
mod transformed;
mod transitive;

pub use attributes::{AttributeVoters, Attributes, ContextualFeatures, Drifting, PassRates};
pub use clones::Clones;
pub use cycles::{Comal, Cyclic, NashMdPopulation, PerturbedRps, RegularTournament, RockPaperScissors};
pub use dice::{Dice, Efron};
pub use embedding::{ADelta, RmPlusCounterexample, TwoPlayer};
pub use low_rank::{LowRank, NormalVectors, Vectors};
pub use parametric::{BradleyTerryCycle, Disc};
pub use populations::{ImpartialCulture, JudgeScores, Kept, Mixture, NormalScores, Orders, Rankings};
pub use random::{FullSupport, LogNormalScaling, RandomTournament, RandomUniform, Scaling};
pub use rewards::{Aggregate, AggregatedRewards, Rule};
pub use spatial::{IdealPoints, Rotation};
pub use strings::TokenStrings;
pub use transformed::{Psi, Transformed};
pub use transitive::{Additive, BradleyTerry, CondorcetNotBorda, OneWinner, TwoActions};

use equipoise_core::Rng;
use equipoise_core::registry::{BuildError, ensure, nearest, parse};
use schemars::{JsonSchema, Schema, schema_for};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::game::{Context, Game};
use crate::matrix::{LARGE, PreferenceMatrix};
use crate::product::pairs;
use crate::storage::{Number, Panels, Precision};

/// What a generator's YAML block becomes.
///
/// Every field has a default and a doc comment (it is the help text). Implementors derive
/// `Serialize, Deserialize, JsonSchema` with `#[serde(default, deny_unknown_fields)]`.
pub trait Generator: Serialize + DeserializeOwned + Default + JsonSchema {
    /// Checks every range and makes the game. All contexts of one game have equally many actions.
    ///
    /// # Errors
    /// [`BuildError::Range`] naming key, value and rule.
    fn generate(self, rng: &mut Rng) -> Result<Game, BuildError>;
}

/// A registry row.
pub struct GeneratorEntry {
    /// YAML key, CSV value, legend: one spelling.
    pub name: &'static str,
    /// One line: the game.
    pub summary: &'static str,
    /// What is known about it in closed form.
    pub known: &'static str,
    /// Its parameters with their defaults: a JSON object.
    pub defaults: fn() -> Value,
    /// JSON schema of its parameters, with their documentation.
    pub schema: fn() -> Schema,
    build: fn(&Value, &mut Rng) -> Result<Game, BuildError>,
}

impl GeneratorEntry {
    /// A row for the generator whose block is `G`.
    #[must_use]
    pub const fn of<G: Generator>(name: &'static str, summary: &'static str, known: &'static str) -> Self {
        Self {
            name,
            summary,
            known,
            defaults: || serde_json::to_value(G::default()).expect("a parameter block serialises to JSON"),
            schema: || schema_for!(G),
            build: |block, rng| parse::<G>(block)?.generate(rng),
        }
    }

    /// Makes the game from a parameter block (`null` for all defaults). Games without randomness leave `rng` alone.
    ///
    /// # Errors
    /// [`BuildError`] naming the key, the value and the rule.
    pub fn build(&self, block: &Value, rng: &mut Rng) -> Result<Game, BuildError> {
        (self.build)(block, rng)
    }
}

/// Every generator.
pub const GENERATORS: &[GeneratorEntry] = &[
    transitive::TWO_ACTIONS,
    cycles::ROCK_PAPER_SCISSORS,
    cycles::CYCLIC,
    cycles::PERTURBED_RPS,
    cycles::COMAL,
    cycles::NASH_MD_POPULATION,
    dice::DICE,
    dice::EFRON,
    cycles::REGULAR_TOURNAMENT,
    transitive::ADDITIVE,
    transitive::BRADLEY_TERRY,
    transitive::ONE_WINNER,
    transitive::CONDORCET_NOT_BORDA,
    strings::TOKEN_STRINGS,
    parametric::BRADLEY_TERRY_CYCLE,
    parametric::DISC,
    low_rank::LOW_RANK,
    embedding::TWO_PLAYER,
    embedding::A_DELTA,
    embedding::RM_PLUS_COUNTEREXAMPLE,
    random::RANDOM_UNIFORM,
    random::RANDOM_TOURNAMENT,
    random::FULL_SUPPORT,
    clones::CLONES,
    transformed::TRANSFORMED,
    populations::MIXTURE,
    populations::RANKINGS,
    spatial::IDEAL_POINTS,
    spatial::ROTATION,
    attributes::ATTRIBUTE_VOTERS,
    attributes::ATTRIBUTES,
    attributes::CONTEXTUAL_FEATURES,
    attributes::DRIFTING,
    attributes::PASS_RATES,
    rewards::AGGREGATED_REWARDS,
];

/// The generator called `name`.
///
/// # Errors
/// [`BuildError::UnknownKey`], with the nearest name.
pub fn generator(name: &str) -> Result<&'static GeneratorEntry, BuildError> {
    GENERATORS.iter().find(|entry| entry.name == name).ok_or_else(|| BuildError::UnknownKey {
        key: name.to_owned(),
        nearest: nearest(name, GENERATORS.iter().map(|entry| entry.name)).map(str::to_owned),
        known: GENERATORS.iter().map(|entry| entry.name.to_owned()).collect(),
    })
}

/// Most pairs a generated game may hold, over all contexts: 16 GiB of margins.
const MOST_PAIRS: usize = 1 << 31;

/// A game with one context; the caller has checked that all margins are in `[-1/2, 1/2]` and that `n > 0`.
fn single(n: usize, margin: impl Fn(usize, usize) -> f64) -> Game {
    Game::single(matrix(n, margin))
}

/// As [`single`].
fn matrix(n: usize, margin: impl Fn(usize, usize) -> f64) -> PreferenceMatrix {
    PreferenceMatrix::from_margins(n, margin).expect("a generator checks its margins")
}

/// The margins of `n` actions, drawn below the diagonal by `margin_below` in the order `(1, 0), (2, 0), (2, 1), (3, 0), ..`,
/// straight to where they are kept. The order is part of the meaning of a seed.
fn drawn(n: usize, storage: Precision, margin_below: impl FnMut() -> f64) -> Context {
    match storage {
        Precision::F64 => drawn_as::<f64>(n, margin_below),
        Precision::F32 => drawn_as::<f32>(n, margin_below),
    }
}

fn drawn_as<T: Number>(n: usize, mut margin_below: impl FnMut() -> f64) -> Context {
    if n >= LARGE {
        let mut panels = Panels::<T>::zeros(n);
        (1..n).for_each(|i| (0..i).for_each(|j| panels.set(j, i, -margin_below())));
        return panels.into();
    }
    let below: Vec<f64> = (0..pairs(n)).map(|_| T::nearest(margin_below()).wide()).collect();
    matrix(n, |i, j| -below[j * (j - 1) / 2 + i]).into()
}

/// `contexts` independent matrices of `actions` actions.
fn many<C: Into<Context>>(contexts: usize, one: impl FnMut(usize) -> C) -> Game {
    Game::new((0..contexts).map(one)).expect("a generator checks that there is a context")
}

fn labelled(game: Game, labels: &[&str]) -> Game {
    let labels = labels.iter().map(ToString::to_string).collect();
    game.with_labels(vec![labels]).expect("a generator's labels fit and differ")
}

/// The game with what its actions are worth to its judges; without, where scores overflow though their differences do not.
fn valued(game: Game, utilities: Vec<f64>) -> Game {
    if utilities.iter().all(|u| u.is_finite()) { game.valued_at(utilities) } else { game }
}

fn check_size(actions: usize, contexts: usize) -> Result<(), BuildError> {
    ensure(actions >= 1, "actions", actions, "must be at least 1")?;
    ensure(contexts >= 1, "contexts", contexts, "must be at least 1")?;
    let all = actions.checked_mul(actions - 1).and_then(|n| (n / 2).max(1).checked_mul(contexts));
    let rule = format!("too large: contexts * actions * (actions - 1) / 2 must be at most {MOST_PAIRS}");
    ensure(all.is_some_and(|n| n <= MOST_PAIRS), "actions", actions, &rule)
}

fn check_margin(key: &str, value: f64) -> Result<(), BuildError> {
    ensure((-0.5..=0.5).contains(&value), key, value, "a margin (P - 1/2) must be in [-0.5, 0.5]")
}

fn check_positive_margin(key: &str, value: f64) -> Result<(), BuildError> {
    ensure(value > 0.0 && value <= 0.5, key, value, "must be a margin (P - 1/2) in (0, 0.5]")
}

/// Non-empty, and every number finite.
fn check_numbers(key: &str, values: &[f64]) -> Result<(), BuildError> {
    ensure(!values.is_empty(), key, "[]", "needs at least one number")?;
    match values.iter().position(|v| !v.is_finite()) {
        Some(i) => Err(BuildError::range(&format!("{key}[{i}]"), values[i], "must be finite")),
        None => Ok(()),
    }
}

/// Non-empty, and every number within 1e100, so that sums of products with them stay finite.
fn check_magnitudes(key: &str, values: &[f64]) -> Result<(), BuildError> {
    check_numbers(key, values)?;
    match values.iter().position(|v| v.abs() > 1e100) {
        Some(i) => Err(BuildError::range(&format!("{key}[{i}]"), values[i], "must be within 1e100")),
        None => Ok(()),
    }
}

/// Most numbers that are drawn for one context.
const MOST: usize = 100_000_000;

fn check_count(key: &str, value: usize, rows: usize) -> Result<(), BuildError> {
    let fits = value >= 1 && value.checked_mul(rows).is_some_and(|all| all <= MOST);
    ensure(fits, key, value, "must be at least 1, and small enough that 1e8 numbers hold all")
}

/// Weights for `count` things (all equal if not given): finite, not negative, not all zero, with a finite sum.
fn check_weights(weights: Option<Vec<f64>>, count: usize) -> Result<Vec<f64>, BuildError> {
    let Some(weights) = weights else { return Ok(vec![1.0; count]) };
    let rule = format!("needs one weight for each of the {count}");
    ensure(weights.len() == count, "weights", format!("{weights:?}"), &rule)?;
    if let Some(i) = weights.iter().position(|w| !(*w >= 0.0 && w.is_finite())) {
        return Err(BuildError::range(
            &format!("weights[{i}]"),
            weights[i],
            "must be finite and not negative",
        ));
    }
    let sum: f64 = weights.iter().sum();
    ensure(
        sum > 0.0 && sum.is_finite(),
        "weights",
        format!("{weights:?}"),
        "must have a finite sum above 0",
    )?;
    Ok(weights)
}

#[cfg(test)]
mod tests {
    use super::*;
    use equipoise_core::Policy;
    use equipoise_core::logistic::logistic;
    use equipoise_core::seed::stream;
    use ndarray::Array1;
    use serde_json::json;

    /// The game of a registry row, from the stream of the tests.
    pub(super) fn game(name: &str, block: Value) -> Game {
        generator(name).unwrap().build(&block, &mut stream(7, "test", &[])).unwrap()
    }

    pub(super) fn refusal(name: &str, block: Value) -> BuildError {
        generator(name).unwrap().build(&block, &mut stream(7, "test", &[])).unwrap_err()
    }

    /// `2 max_i (K pi)_i` in context `x`, by the double loop.
    pub(super) fn gap_in(game: &Game, x: usize, pi: &[f64]) -> f64 {
        let n = game.shape().actions(x);
        let margin = |i: usize| (0..n).map(|j| (game.prob(x, i, j) - 0.5) * pi[j]).sum::<f64>();
        2.0 * (0..n).map(margin).fold(f64::NEG_INFINITY, f64::max)
    }

    pub(super) fn gap(game: &Game, pi: &[f64]) -> f64 {
        assert_eq!(game.contexts(), 1);
        gap_in(game, 0, pi)
    }

    pub(super) fn assert_equilibrium(game: &Game, weights: &[f64]) {
        let sum: f64 = weights.iter().sum();
        let pi: Vec<f64> = weights.iter().map(|w| w / sum).collect();
        // rounding of n products of numbers below 1/2
        let gap = gap(game, &pi);
        assert!(gap.abs() <= 1e-15, "gap {gap} at {pi:?}");
    }

    /// Row sums of K: the Borda scores, whose order is that of the uniform Bradley-Terry fit.
    pub(super) fn borda(game: &Game) -> Vec<f64> {
        let n = game.shape().actions(0);
        (0..n).map(|i| (0..n).map(|j| game.prob(0, i, j) - 0.5).sum()).collect()
    }

    #[test]
    fn every_row_builds_from_its_defaults_and_refuses_slips() {
        for entry in GENERATORS {
            let defaults = (entry.defaults)();
            let (mut first, mut second) = (stream(1, "game", &[]), stream(1, "game", &[]));
            let game =
                entry.build(&Value::Null, &mut first).unwrap_or_else(|e| panic!("{}: {e}", entry.name));
            let again = entry.build(&defaults, &mut second).unwrap_or_else(|e| panic!("{}: {e}", entry.name));
            assert_eq!(game.shape(), again.shape(), "{}", entry.name);
            for x in 0..game.contexts() {
                assert_eq!(game.matrix(x), again.matrix(x), "{}", entry.name);
                assert_eq!(game.labels(x), again.labels(x), "{}", entry.name);
            }
            let error = entry.build(&json!({"no_such_key": 1}), &mut first).unwrap_err();
            assert!(matches!(error, BuildError::UnknownKey { .. }), "{}: {error}", entry.name);
            assert!(!entry.summary.is_empty() && !entry.known.is_empty(), "{}", entry.name);
            let schema = (entry.schema)();
            for key in defaults.as_object().unwrap().keys() {
                let property = &schema.as_value()["properties"][key];
                assert!(property["description"].is_string(), "{}: `{key}` is not documented", entry.name);
            }
        }
    }

    #[test]
    fn names_are_distinct_and_a_slip_finds_the_nearest() {
        let mut names: Vec<_> = GENERATORS.iter().map(|e| e.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), GENERATORS.len());
        let error = generator("cylic").err().unwrap().to_string();
        assert!(error.contains("did you mean `cyclic`?"), "{error}");
    }

    #[test]
    fn games_that_the_uniform_policy_solves_at_once() {
        // the DANGER list of the module head
        for name in ["rock-paper-scissors", "dice", "regular-tournament"] {
            let game = game(name, Value::Null);
            let mut margins = Array1::zeros(game.shape().len());
            game.margins(&Policy::uniform(game.shape()), &mut margins);
            assert!(margins.iter().all(|m| m.abs() < 1e-15), "{name}: {margins}");
        }
        assert!(gap(&game("cyclic", Value::Null), &[1.0 / 3.0; 3]) > 0.1);
    }

    #[test]
    fn the_canonical_games_of_the_alignment_literature() {
        let cycle = game("cyclic", json!({"margins": [0.1, 0.2, 0.4]}));
        assert_eq!((cycle.prob(0, 0, 1), cycle.prob(0, 1, 2), cycle.prob(0, 2, 0)), (0.6, 0.7, 0.9));
        assert_equilibrium(&cycle, &[2.0, 4.0, 1.0]);
        let clone = game("clones", json!({"game": {"cyclic": {"margins": [0.1, 0.2, 0.4]}}, "item": 2}));
        for split in [0.0, 0.3, 1.0] {
            assert_equilibrium(&clone, &[2.0, 4.0, split, 1.0 - split]);
        }
        // the item that a Bradley-Terry fit puts first flips from the third to the second
        let first = |g: &Game| (0..3).max_by(|&i, &j| borda(g)[i].total_cmp(&borda(g)[j])).unwrap();
        assert_eq!((first(&cycle), first(&clone)), (2, 1));
        let block = json!({"first_over_second": 0.1, "first_over_third": 0.05, "second_over_third": 0.45});
        let condorcet = game("condorcet-not-borda", block);
        assert_eq!(
            (condorcet.prob(0, 0, 1), condorcet.prob(0, 0, 2), condorcet.prob(0, 1, 2)),
            (0.6, 0.55, 0.95)
        );
        // the reference (.6, .3, .1), which a Bradley-Terry fit returns unchanged, has gap .18
        let rps = game("rock-paper-scissors", json!({"margin": 0.3}));
        assert!((gap(&rps, &[0.6, 0.3, 0.1]) - 0.18).abs() < 1e-15);
        let bt = game("bradley-terry", json!({"scores": [1.0, 0.3, -0.2, -1.0]}));
        assert!((bt.prob(0, 0, 3) - logistic(2.0)).abs() < 1e-15);
    }

    #[test]
    fn sizes_are_bounded_before_anything_is_allocated() {
        for block in [
            json!({"actions": 0}),
            json!({"contexts": 0}),
            json!({"actions": u64::MAX}),
            json!({"contexts": u64::MAX}),
        ] {
            let error = refusal("random-uniform", block);
            assert!(matches!(error, BuildError::Range { .. }), "{error}");
        }
    }
}
