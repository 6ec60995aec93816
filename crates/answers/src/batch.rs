//! Any number of games from a file, solved and written a batch at a time.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use equipoise::core::{Policy, Shape};
use equipoise::data::{AnswerWriter, DataError, Extent, games_extent, holds_many_games, stream_games};
use equipoise::env::{Game, PreferenceMatrix};
use equipoise::reference::{ReferenceError, Selection, regularised_equilibria, select_lotteries};
use serde::Serialize;

use crate::error::AnswerError;
use crate::progress::{Progress, Stage};
use crate::solve::{Select, SolveOptions};
use crate::source::read_reference_for;

/// How many games have one equilibrium.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct UniqueCounts {
    /// One.
    pub yes: u64,
    /// Several.
    pub no: u64,
    /// Rounding hides it.
    pub undecided: u64,
}

/// What is said about all games together; the answers themselves are in the file.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BatchAnswer {
    /// Where the answers are.
    #[serde(skip)]
    pub out: PathBuf,
    /// Games solved.
    pub contexts: usize,
    /// Seconds it took, reading and writing included.
    pub seconds: f64,
    /// The largest duality gap in the original game, in win rate.
    pub largest_duality_gap: f64,
    /// The temperature, at least 0.
    pub tau: f64,
    /// The largest gap in the regularised game; with `tau` above 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub largest_duality_gap_tau: Option<f64>,
    /// How many games have one equilibrium; with `tau` 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unique: Option<UniqueCounts>,
}

impl fmt::Display for BatchAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (games, seconds, out) = (self.contexts, self.seconds, self.out.display());
        writeln!(f, "{games} games in {seconds:.1} s: {out}")?;
        write!(f, "largest duality gap {:.2e} (original game)", self.largest_duality_gap)?;
        if let Some(gap) = self.largest_duality_gap_tau {
            write!(f, "\nlargest regularised gap {gap:.2e} (tau = {})", self.tau)?;
        }
        if let Some(UniqueCounts { yes, no, undecided }) = self.unique {
            write!(f, "\none equilibrium in {yes} games, several in {no}, not decided in {undecided}")?;
        }
        Ok(())
    }
}

/// The reference for the games of a file: one for games of one size.
///
/// # Errors
/// [`AnswerError`] if the games may differ in size, or for what [`read_reference_for`] refuses.
pub fn read_reference_for_batch(games: &Path, path: &Path) -> Result<Policy, AnswerError> {
    let Extent { actions, .. } = games_extent(games)?;
    let actions = actions.ok_or_else(|| {
        let rule = "is for games of one size, and those of a .parquet file may differ in size; take .npy or .npz, or the uniform \
                    reference";
        AnswerError::option("reference", "", rule)
    })?;
    let shape = Shape::single(actions).ok_or_else(|| AnswerError::input("the games have no action"))?;
    let ties = PreferenceMatrix::from_margins(shape.len(), |_, _| 0.0).expect("ties are margins");
    // a game of that size, for its labels
    read_reference_for(&Game::single(ties), path)
}

/// Whether the games of a file are solved by [`solve_batch`] into such an answer file: all but `.json` ones are written a
/// batch at a time.
#[must_use]
pub fn is_batch_output(out: &Path) -> bool {
    !out.extension().is_some_and(|e| e.eq_ignore_ascii_case("json"))
}

/// Solves the games of the file `games` (`.npy`, `.npz`: contexts x n x n; `.parquet`: a column `win_rates`) and writes the
/// answers to `out` (`.npz`, `.parquet`), a row a game: `policy`, with `tau` above 0 `log_policy`, `duality_gap`, and
/// `duality_gap_tau` or `unique` (1, 0, NaN: not decided).
///
/// # Errors
/// [`AnswerError`] for options of single games, files that cannot be read or written, and games without an answer, by
/// number.
pub fn solve_batch(
    games: &Path,
    out: &Path,
    options: &SolveOptions,
    progress: &dyn Progress,
) -> Result<BatchAnswer, AnswerError> {
    options.check()?;
    for (option, given) in [("path", options.path), ("ranges", options.ranges)] {
        if given {
            let rule = "belongs to one game; write to a .json file, or leave it out";
            return Err(AnswerError::option(option, "", rule));
        }
    }
    if !holds_many_games(games) {
        let rule = "is one game by its ending; answers go to .npz or .parquet for .npy, .npz or .parquet files of games, and to \
                    .json for the others";
        return Err(AnswerError::input(rule).in_file(games));
    }
    let extent = games_extent(games)?;
    let (reference, tau) = (options.reference.as_ref(), options.tau);
    let selection = match options.select.unwrap_or_default() {
        Select::MaximumEntropy => Selection::MaximumEntropy,
        Select::Vertex => Selection::Vertex,
        // towards the uniform policy that limit is the point of maximum entropy
        Select::RegularisedLimit => reference.map_or(Selection::MaximumEntropy, Selection::RegularisedLimit),
    };
    let (lists, numbers): (&[&str], &[&str]) = if tau > 0.0 {
        (&["policy", "log_policy"], &["duality_gap", "duality_gap_tau"])
    } else {
        (&["policy"], &["duality_gap", "unique"])
    };
    let mut writer = AnswerWriter::create(out, extent.actions, lists, numbers)?;
    let stage = Stage::begin(progress, "solving games", Some(extent.contexts));
    let (start, mut done) = (Instant::now(), 0);
    let mut summary =
        Summary { largest: f64::NEG_INFINITY, largest_tau: 0.0, unique: UniqueCounts::default() };
    stream_games(games, |batch| -> Result<(), AnswerError> {
        let lengths: Vec<usize> = batch.iter().map(PreferenceMatrix::n).collect();
        let solved = if tau > 0.0 {
            regularised(&batch, reference, tau, &mut summary)
        } else {
            lotteries(&batch, selection, &mut summary)
        };
        let columns = solved.map_err(|e| in_file(games, done, e))?;
        let (lists, numbers) = columns.split_at(lists.len());
        writer.write(&lengths, &slices(lists), &slices(numbers))?;
        done += batch.len();
        progress.advance(batch.len() as u64);
        Ok(())
    })?;
    writer.finish()?;
    drop(stage);
    Ok(BatchAnswer {
        out: out.to_owned(),
        contexts: done,
        seconds: start.elapsed().as_secs_f64(),
        largest_duality_gap: summary.largest,
        tau,
        largest_duality_gap_tau: (tau > 0.0).then_some(summary.largest_tau),
        unique: (tau == 0.0).then_some(summary.unique),
    })
}

fn slices(columns: &[Vec<f64>]) -> Vec<&[f64]> {
    columns.iter().map(Vec::as_slice).collect()
}

/// What is said about all games in the end.
struct Summary {
    largest: f64,
    largest_tau: f64,
    unique: UniqueCounts,
}

/// Columns `policy`, `duality_gap`, `unique` (1, 0, or NaN where it is not decided).
fn lotteries(
    batch: &[PreferenceMatrix],
    selection: Selection<'_>,
    summary: &mut Summary,
) -> Result<Vec<Vec<f64>>, ReferenceError> {
    let mut columns = vec![Vec::new(); 3];
    for found in select_lotteries(batch, selection)? {
        columns[0].extend(&found.policy);
        columns[1].push(found.duality_gap);
        columns[2].push(found.unique.map_or(f64::NAN, |u| f64::from(u8::from(u))));
        summary.largest = summary.largest.max(found.duality_gap);
        *match found.unique {
            Some(true) => &mut summary.unique.yes,
            Some(false) => &mut summary.unique.no,
            None => &mut summary.unique.undecided,
        } += 1;
    }
    Ok(columns)
}

/// Columns `policy`, `log_policy`, `duality_gap`, `duality_gap_tau`.
fn regularised(
    batch: &[PreferenceMatrix],
    reference: Option<&Policy>,
    tau: f64,
    summary: &mut Summary,
) -> Result<Vec<Vec<f64>>, ReferenceError> {
    let mut columns = vec![Vec::new(); 4];
    let mut margins = Vec::new();
    for (matrix, found) in batch.iter().zip(regularised_equilibria(batch, reference, tau)?) {
        margins.resize(matrix.n(), 0.0);
        matrix.product(found.policy.probs_slice(), &mut margins);
        let gap = 2.0 * margins.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        columns[0].extend(found.policy.probs_slice());
        columns[1].extend(found.policy.log_probs_slice());
        columns[2].push(gap);
        columns[3].push(found.duality_gap_tau);
        summary.largest = summary.largest.max(gap);
        summary.largest_tau = summary.largest_tau.max(found.duality_gap_tau);
    }
    Ok(columns)
}

/// An error of a batch, with the context's number in the file.
fn in_file(games: &Path, before: usize, error: ReferenceError) -> AnswerError {
    match error {
        ReferenceError::Context { context, source } => {
            AnswerError::from(ReferenceError::Context { context: before + context, source }).in_file(games)
        }
        other => DataError::new(games, other.to_string()).into(),
    }
}
