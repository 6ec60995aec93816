//! What every game generator must do. Nothing here names a game.

use equipoise_core::{Rng, seed};
use equipoise_env::Game;
use equipoise_env::generators::GeneratorEntry;
use serde_json::Value;

use crate::failure::{Check, Failure, checks, require, run_checks};
use crate::schema;

/// All checks of generators.
pub const GAME_CHECKS: &[Check<GeneratorEntry>] = checks![
    rows_say_what_is_known,
    unknown_keys_are_refused_by_name,
    defaults_build_and_round_trip,
    win_rates_are_complementary,
    equal_streams_give_equal_games,
    weights_and_labels_fit_the_shape,
];

/// Holds a generator against [`GAME_CHECKS`].
///
/// # Errors
/// The first [`Failure`], with its remedy.
pub fn check_game(entry: &GeneratorEntry) -> Result<(), Failure> {
    run_checks(GAME_CHECKS, entry)
}

fn stream() -> Rng {
    seed::stream(5, "conformance game", &[])
}

fn build(entry: &GeneratorEntry, block: &Value, rng: &mut Rng) -> Result<Game, Failure> {
    entry.build(block, rng).map_err(|error| {
        Failure::new(
            entry.name,
            format!("{block} is refused: {error}"),
            "the defaults must be in range, and stay so when they are written down and read back",
        )
    })
}

/// Bits of all win rates, context by context.
fn bits(game: &Game) -> Vec<u64> {
    let mut all = Vec::new();
    for x in 0..game.contexts() {
        let n = game.shape().actions(x);
        all.extend((0..n * n).map(|k| game.prob(x, k / n, k % n).to_bits()));
    }
    all
}

fn rows_say_what_is_known(entry: &GeneratorEntry) -> Result<(), Failure> {
    for (what, text) in [("summary", entry.summary), ("known", entry.known)] {
        require!(
            !text.trim().is_empty(),
            entry.name,
            "say in the row what the game is, and what is known of it in closed form (\"nothing in closed form\" is an \
             answer)",
            "the row has no {what}"
        );
    }
    Ok(())
}

fn unknown_keys_are_refused_by_name(entry: &GeneratorEntry) -> Result<(), Failure> {
    let build = |block: &Value| entry.build(block, &mut stream()).map(drop);
    schema::parameter_block(entry.name, &(entry.defaults)(), &(entry.schema)(), &build)
}

fn defaults_build_and_round_trip(entry: &GeneratorEntry) -> Result<(), Failure> {
    let defaults = (entry.defaults)();
    let text = serde_json::to_string(&defaults).expect("a JSON value is text");
    let read: Value = serde_json::from_str(&text).expect("it was JSON");
    require!(
        read == defaults,
        entry.name,
        "defaults must be finite numbers, words, lists and blocks",
        "the defaults {defaults} are read back as {read}"
    );
    let (first, second) =
        (build(entry, &Value::Null, &mut stream())?, build(entry, &defaults, &mut stream())?);
    require!(
        bits(&first) == bits(&second),
        entry.name,
        "`Default` and the serde attributes of the block must agree: derive Deserialize with #[serde(default)]",
        "the game of no block is not the game of {defaults}"
    );
    Ok(())
}

fn win_rates_are_complementary(entry: &GeneratorEntry) -> Result<(), Failure> {
    const REMEDY: &str = "make the game from margins K = P - 1/2 of the pairs i < j \
                          (`PreferenceMatrix::from_margins`), each in [-1/2, 1/2]";
    let game = build(entry, &Value::Null, &mut stream())?;
    for x in 0..game.contexts() {
        let n = game.shape().actions(x);
        for (i, j) in (0..n).flat_map(|i| (0..=i).map(move |j| (i, j))) {
            // each is 1/2 plus a margin, rounded once
            let (p, q) = (game.prob(x, i, j), game.prob(x, j, i));
            require!(
                (p + q - 1.0).abs() <= f64::EPSILON && (0.0..=1.0).contains(&p),
                entry.name,
                REMEDY,
                "context {x}: P[{i}, {j}] = {p} and P[{j}, {i}] = {q}"
            );
        }
    }
    Ok(())
}

fn equal_streams_give_equal_games(entry: &GeneratorEntry) -> Result<(), Failure> {
    let (mut first, mut second) = (stream(), stream());
    let games = (build(entry, &Value::Null, &mut first)?, build(entry, &Value::Null, &mut second)?);
    require!(
        bits(&games.0) == bits(&games.1) && first.get_word_pos() == second.get_word_pos(),
        entry.name,
        "draw from the stream that `generate` is given and from nothing else",
        "two equal streams give two games"
    );
    Ok(())
}

fn weights_and_labels_fit_the_shape(entry: &GeneratorEntry) -> Result<(), Failure> {
    let game = build(entry, &Value::Null, &mut stream())?;
    let weights = game.weights();
    let sum: f64 = weights.iter().sum();
    require!(
        weights.len() == game.contexts() && (sum - 1.0).abs() < 1e-9 && weights.iter().all(|w| *w >= 0.0),
        entry.name,
        "set weights with `Game::with_weights`, which checks and divides them",
        "{} contexts with weights that sum to {sum}",
        game.contexts()
    );
    for x in 0..game.contexts() {
        let (mut labels, n) = (game.labels(x), game.shape().actions(x));
        labels.sort_unstable();
        labels.dedup();
        require!(
            labels.len() == n,
            entry.name,
            "set labels with `Game::with_labels`, which checks that they differ",
            "context {x} has {n} actions and {} labels",
            labels.len()
        );
    }
    Ok(())
}
