//! What every oracle must do. Nothing here names an oracle.

use std::sync::Arc;

use equipoise_core::{Cost, Duel, Policy, Rng, seed};
use equipoise_env::{Game, GameOracle, MeasuredOracle, OracleEntry};
use ndarray::Array1;
use serde_json::Value;

use crate::failure::{Check, Failure, checks, require, run_checks};
use crate::fixtures::{games, random_policy};
use crate::schema;

/// Makes an oracle for a game, with an empty ledger; the stream is the oracle's own.
pub type BuildOracle = Box<dyn Fn(&Arc<Game>, Rng) -> Box<dyn MeasuredOracle> + Send + Sync>;

/// An oracle to be checked: how it is made for a game, and what is said of it. One of your own needs no row.
pub struct OracleCase {
    /// Its name.
    pub name: String,
    /// Makes it.
    pub build: BuildOracle,
    /// Whether its answers are right on average: a judge or a fitted model need not be.
    pub unbiased: bool,
}

impl OracleCase {
    /// The oracle of a row with a block of parameters (`null` for all defaults), under the name of both.
    ///
    /// # Errors
    /// [`Failure`] if the block is refused.
    pub fn of(entry: &OracleEntry, parameters: &Value) -> Result<Self, Failure> {
        let name = match parameters {
            Value::Null => entry.name.to_owned(),
            block => format!("{} {block}", entry.name),
        };
        let feedback = entry.build(parameters).map_err(|error| {
            Failure::new(name.clone(), format!("refused: {error}"), "the defaults must be in range")
        })?;
        Ok(Self {
            name,
            build: Box::new(move |game, rng| Box::new(GameOracle::new(game.clone(), feedback.clone(), rng))),
            unbiased: true,
        })
    }
}

impl std::fmt::Debug for OracleCase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OracleCase").field("name", &self.name).finish_non_exhaustive()
    }
}

/// All checks of oracles.
pub const ORACLE_CHECKS: &[Check<OracleCase>] = checks![
    the_ledger_counts_every_question,
    the_instrument_is_exact_and_uncharged,
    equal_seeds_give_equal_answers,
    answers_are_right_on_average,
];

/// Holds an oracle against [`ORACLE_CHECKS`].
///
/// # Errors
/// The first [`Failure`], with its remedy.
pub fn check_oracle(oracle: &OracleCase) -> Result<(), Failure> {
    run_checks(ORACLE_CHECKS, oracle)
}

/// Holds a row against the rules of rows (summary, source, documented parameters, unknown keys refused by name, defaults that
/// are read back) and its oracle, with the defaults, against [`ORACLE_CHECKS`].
///
/// # Errors
/// The first [`Failure`], with its remedy.
pub fn check_oracle_entry(entry: &OracleEntry) -> Result<(), Failure> {
    for (what, text) in [("summary", entry.summary), ("source", entry.source)] {
        require!(!text.is_empty(), entry.name, "fill in the row", "the row has no {what}");
    }
    let defaults = (entry.defaults)();
    schema::parameter_block(entry.name, &defaults, &(entry.schema)(), &|block| entry.build(block).map(drop))?;
    require!(
        entry.build(&defaults) == entry.build(&Value::Null),
        entry.name,
        "`Default` and the serde attributes of the block must agree: derive Deserialize with #[serde(default)]",
        "the oracle of no block is not the oracle of {defaults}"
    );
    check_oracle(&OracleCase::of(entry, &Value::Null)?)
}

/// Win-rate queries and duels averaged for the check of bias.
const ROUNDS: u32 = 4000;
/// Standard errors that a mean of them may be off. Some 60 means are looked at; a normal deviate is beyond six with
/// probability 2e-9, and the stream is fixed.
const DEVIATIONS: f64 = 6.0;

fn stream(name: &str) -> Rng {
    seed::stream(9, "conformance oracle", &[name])
}

/// Every oracle on every game, with a policy of full support.
fn everywhere(
    case: &OracleCase,
    mut check: impl FnMut(&str, &Arc<Game>, &Policy) -> Result<(), Failure>,
) -> Result<(), Failure> {
    for (name, game) in games() {
        let policy = random_policy(&game, 1.0, &mut stream("policy"));
        check(&format!("{} on {name}", case.name), &game, &policy)?;
    }
    Ok(())
}

/// Every pair of actions of every context, with their order, self-duels among them.
fn all_pairs(game: &Game) -> Vec<Duel> {
    (0..game.contexts())
        .flat_map(|context| {
            let n = game.shape().actions(context);
            (0..n * n).map(move |k| Duel { context, left: k / n, right: k % n })
        })
        .collect()
}

fn spent(before: Cost, after: Cost) -> Cost {
    Cost { queries: after.queries - before.queries, duels: after.duels - before.duels }
}

fn the_ledger_counts_every_question(case: &OracleCase) -> Result<(), Failure> {
    const REMEDY: &str = "count in the oracle: one query for each call of `win_rates` with the duels drawn inside it, equally \
                          many each time; `pairs.len()` duels and no query for each call of `duels`";
    everywhere(case, |row, game, policy| {
        let mut oracle = (case.build)(game, stream("ledger"));
        require!(oracle.shape() == game.shape(), row, "`shape` is that of the game", "the shapes differ");
        require!(
            oracle.cost() == Cost::default(),
            row,
            REMEDY,
            "a new oracle's ledger is {:?}",
            oracle.cost()
        );
        let (pairs, mut q) = (all_pairs(game), Array1::zeros(game.shape().len()));
        let mut answers = vec![0.0; pairs.len()];
        let mut inside = None;
        for _ in 0..3 {
            let before = oracle.cost();
            oracle.win_rates(policy, &mut q);
            let query = spent(before, oracle.cost());
            require!(query.queries == 1, row, REMEDY, "a win-rate query moved the ledger by {query:?}");
            let first = *inside.get_or_insert(query.duels);
            require!(query.duels == first, row, REMEDY, "a query cost {first} duels, then {}", query.duels);
            for count in [0, 1, pairs.len()] {
                let before = oracle.cost();
                oracle.duels(&pairs[..count], &mut answers[..count]);
                let duels = spent(before, oracle.cost());
                let expect = Cost { queries: 0, duels: count as u64 };
                require!(duels == expect, row, REMEDY, "{count} duels moved the ledger by {duels:?}");
            }
        }
        let bad = answers.iter().find(|z| !(0.0..=1.0).contains(*z));
        require!(bad.is_none(), row, "a duel is answered in [0, 1]", "a duel was answered with {bad:?}");
        Ok(())
    })
}

fn the_instrument_is_exact_and_uncharged(case: &OracleCase) -> Result<(), Failure> {
    const REMEDY: &str = "`margins`, `product` and `last_margins` must give `Game::margins` of the true game, move no ledger and \
                          draw from no stream";
    everywhere(case, |row, game, policy| {
        let bits = |values: &Array1<f64>| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        let mut exact = Array1::zeros(game.shape().len());
        game.margins(policy, &mut exact);
        let answers = |measured: bool| -> Result<Vec<u64>, Failure> {
            let mut oracle = (case.build)(game, stream("instrument"));
            let (mut seen, mut q, mut out) = (Vec::new(), exact.clone(), exact.clone());
            for _ in 0..4 {
                if measured {
                    let before = oracle.cost();
                    let margins = bits(oracle.margins(policy));
                    oracle.product(policy, &mut out);
                    let same =
                        [margins, bits(oracle.last_margins()), bits(&out)].iter().all(|m| *m == bits(&exact));
                    require!(same, row, REMEDY, "the margins are {out}, those of the game {exact}");
                    require!(oracle.cost() == before, row, REMEDY, "measuring moved the ledger");
                }
                oracle.win_rates(policy, &mut q);
                seen.extend(bits(&q));
            }
            Ok(seen)
        };
        require!(answers(true)? == answers(false)?, row, REMEDY, "measuring changed the next answer");
        Ok(())
    })
}

fn equal_seeds_give_equal_answers(case: &OracleCase) -> Result<(), Failure> {
    everywhere(case, |row, game, policy| {
        let pairs = all_pairs(game);
        let answers = || {
            let mut oracle = (case.build)(game, stream("seed"));
            let (mut q, mut z) = (Array1::zeros(game.shape().len()), vec![0.0; pairs.len()]);
            let mut seen: Vec<Vec<u64>> = Vec::new();
            for _ in 0..3 {
                oracle.win_rates(policy, &mut q);
                oracle.duels(&pairs, &mut z);
                seen.push(q.iter().chain(&z).map(|v| v.to_bits()).collect());
            }
            (seen, oracle.is_noisy())
        };
        let ((first, noisy), (second, _)) = (answers(), answers());
        require!(
            first == second,
            row,
            "draw from the stream that the oracle was given and from nothing else",
            "two oracles with equal streams answer differently"
        );
        require!(
            noisy || first.iter().all(|answer| *answer == first[0]),
            row,
            "`is_noisy` must say true where equal questions may get unequal answers",
            "it says that it is not noisy, and answers differently when asked again"
        );
        Ok(())
    })
}

fn answers_are_right_on_average(case: &OracleCase) -> Result<(), Failure> {
    if !case.unbiased {
        return Ok(());
    }
    for (name, game) in games().into_iter().filter(|(name, _)| ["triangle", "contexts"].contains(name)) {
        let row = format!("{} on {name}", case.name);
        let policy = random_policy(&game, 1.0, &mut stream("policy"));
        let mut oracle = (case.build)(&game, stream("average"));
        let pairs = all_pairs(&game);
        let mut truth = Array1::zeros(game.shape().len());
        game.margins(&policy, &mut truth);
        let truth: Vec<f64> = truth
            .iter()
            .map(|k| 0.5 + k)
            .chain(pairs.iter().map(|d| game.prob(d.context, d.left, d.right)))
            .collect();
        let (mut q, mut z) = (Array1::zeros(game.shape().len()), vec![0.0; pairs.len()]);
        let (mut sums, mut squares) = (vec![0.0; truth.len()], vec![0.0; truth.len()]);
        for _ in 0..ROUNDS {
            oracle.win_rates(&policy, &mut q);
            oracle.duels(&pairs, &mut z);
            for (k, answer) in q.iter().chain(&z).enumerate() {
                let off = answer - truth[k];
                sums[k] += off;
                squares[k] += off * off;
            }
        }
        for k in 0..truth.len() {
            let mean = sums[k] / f64::from(ROUNDS);
            let error = (squares[k] / f64::from(ROUNDS) / f64::from(ROUNDS)).sqrt();
            require!(
                mean.abs() <= DEVIATIONS * error + 1e-12,
                row,
                "answers must be unbiased: weight each draw by one over its probability; an oracle that is biased on purpose \
                 says so in its row",
                "{} {k} is off by {mean:.2e} on average of {ROUNDS}, standard error {error:.1e}",
                if k < q.len() { "the win rate of entry" } else { "duel" }
            );
        }
    }
    Ok(())
}
