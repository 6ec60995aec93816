//! The record of a leaderboard: everything its pages show, as numbers; written and read.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::RecordsError;
use crate::files::{read_versioned, write_json};

/// The file of a board.
pub const RECORD: &str = "leaderboard.json";

/// Version of the record.
pub const FORMAT: u32 = 1;

/// A board with what it rests on. Items are numbered by strength, the strongest first, everywhere in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leaderboard {
    /// [`FORMAT`].
    pub format: u32,
    /// What it is called.
    pub title: String,
    /// Where the data come from and what of them was counted, in words.
    pub source: String,
    /// What was odd about the data.
    pub remarks: Vec<String>,
    /// The findings in plain words, the answer first: what, and the finding.
    pub verdict: Vec<(String, String)>,
    /// The items.
    pub items: Vec<Item>,
    /// Comparisons, ties included.
    pub comparisons: f64,
    /// Win rates of row over column, ties half; `None` where the two never met.
    pub win_rates: Vec<Vec<Option<f64>>>,
    /// Comparisons of each pair.
    pub met: Vec<Vec<f64>>,
    /// Win rates that the ratings alone give.
    pub expected: Vec<Vec<f64>>,
    /// The smallest set whose members beat everybody outside.
    pub top_set: Vec<usize>,
    /// The strongest cycle, each item beating the next and the last the first; empty without one.
    pub cycle: Vec<usize>,
    /// Standard errors by which each pair of the cycle is won at least.
    pub cycle_strength: f64,
    /// Who each method puts on top: method, item.
    pub tops: Vec<(String, usize)>,
    /// A board for each context, in the order of the file.
    pub contexts: Vec<Context>,
    /// Bootstrap samples.
    pub replicates: usize,
    /// What they were drawn from: `comparisons` or `contexts`.
    pub resampled: String,
    /// What points are: their scale, where they are measured from, and what they are adjusted for; `None`: there are none.
    #[serde(default)]
    pub points: Option<String>,
    /// Order in which matches were rated one by one, if they were.
    pub order: Option<String>,
    /// Seed of all draws.
    pub seed: u64,
    /// Version of the program.
    pub version: String,
}

/// One item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// Its label.
    pub label: String,
    /// Comparisons it took part in.
    pub comparisons: f64,
    /// Bradley-Terry log strength, mean 0 over items.
    pub strength: f64,
    /// Simultaneous 95 percent interval of the strength; an end that nothing bounds is open.
    pub interval: (Option<f64>, Option<f64>),
    /// Percentile interval of 95 percent over bootstrap samples.
    pub bootstrap: Option<(f64, f64)>,
    /// Simultaneous 95 percent interval of the rank, from 1; unknown where no noise is known.
    pub rank: Option<(usize, usize)>,
    /// Elo rating and its standard deviation over shuffled orders.
    pub elo: Option<(f64, f64)>,
    /// TrueSkill, mu - 3 sigma.
    pub trueskill: Option<f64>,
    /// Mean win rate against the others it met.
    pub borda: f64,
    /// Items beaten, ties half.
    pub copeland: f64,
    /// Probability in the maximal lottery.
    pub nash: Option<f64>,
    /// Share of bootstrap samples whose lottery plays it.
    pub nash_support: Option<f64>,
    /// Who wins most often against it, and its own win rate there.
    pub worst_opponent: Option<(usize, f64)>,
    /// How often they met.
    #[serde(default)]
    pub worst_met: Option<f64>,
    /// The item in points, if that was asked for.
    #[serde(default)]
    pub points: Option<Points>,
}

/// Points of an item.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Points {
    /// The rating.
    pub rating: f64,
    /// Its standard error; 0 of the anchor.
    pub error: f64,
    /// Simultaneous interval; an end that nothing bounds is open.
    pub interval: (Option<f64>, Option<f64>),
}

/// The board of one context.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Context {
    /// Its name.
    pub name: String,
    /// Its comparisons.
    pub comparisons: f64,
    /// The strongest item by Bradley-Terry, and whether its likelihood has a finite maximum.
    pub favourite: Option<(usize, bool)>,
    /// Whether all pairs of its items met.
    pub complete: bool,
    /// The item that beats every other one of the context, if all pairs met.
    pub condorcet_winner: Option<usize>,
    /// Who beats the favourite most often, and the favourite's win rate there, if it is below one half.
    pub beaten_by: Option<(usize, f64)>,
    /// Share of its comparisons that each item wins, ties half; `None` where it has none.
    pub win_rates: Vec<Option<f64>>,
}

/// Writes `leaderboard.json` into `dir`, which is made if need be.
///
/// # Errors
/// [`RecordsError::Io`] or [`RecordsError::Unwritable`].
pub fn write(dir: &Path, board: &Leaderboard) -> Result<(), RecordsError> {
    let file = dir.join(RECORD);
    // a number that is not finite is written as null, and would not be read again
    let text = serde_json::to_vec_pretty(board).map_err(|e| RecordsError::malformed(&file, &e))?;
    if let Err(error) = serde_json::from_slice::<Leaderboard>(&text) {
        let problem = format!("a number in it is not finite ({error})");
        return Err(RecordsError::Unwritable { file, problem });
    }
    fs_err::create_dir_all(dir)?;
    write_json(&file, board)
}

/// Reads `leaderboard.json` from `dir`.
///
/// # Errors
/// [`RecordsError`]; a record of another format is refused.
pub fn read(dir: &Path) -> Result<Leaderboard, RecordsError> {
    read_versioned(&dir.join(RECORD), FORMAT)
}
