//! `equipoise solve GAMES --out ANSWERS`: any number of games, a batch at a time.

use std::error::Error;
use std::io::IsTerminal as _;
use std::path::Path;
use std::time::{Duration, Instant};

use equipoise::core::{Policy, Shape};
use equipoise::data::{AnswerWriter, DataError, Extent, games_extent, holds_many_games, stream_games};
use equipoise::env::{Game, PreferenceMatrix};
use equipoise::reference::{ReferenceError, Selection, regularised_equilibria, select_lotteries};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::{Outcome, exact};
use crate::args::{Select, Solve};
use crate::{Answer, output};

/// How long it may take before there is a bar.
const PATIENCE: Duration = Duration::from_secs(1);

pub(super) fn solve(args: &Solve, out: &Path) -> Outcome {
    let games = &args.file.game;
    if args.path || args.ranges {
        let option = if args.path { "--path" } else { "--ranges" };
        return Err(format!("{option}: belongs to one game; write to a .json file, or leave it out").into());
    }
    if !holds_many_games(games) {
        return Err(format!(
            "{}: is one game by its ending; --out writes .npz or .parquet for .npy, .npz or .parquet files of games, and \
             .json for the others",
            games.display()
        )
        .into());
    }
    let extent = games_extent(games)?;
    let reference = match &args.regularisation.reference {
        None => None,
        Some(path) => Some(shared_reference(extent, path)?),
    };
    let tau = args.regularisation.tau;
    let selection = match args.select {
        None | Some(Select::MaximumEntropy) => Selection::MaximumEntropy,
        Some(Select::Vertex) => Selection::Vertex,
        // towards the uniform policy that limit is the point of maximum entropy
        Some(Select::RegularisedLimit) => {
            reference.as_ref().map_or(Selection::MaximumEntropy, Selection::RegularisedLimit)
        }
    };
    let (lists, numbers): (&[&str], &[&str]) = if tau > 0.0 {
        (&["policy", "log_policy"], &["duality_gap", "duality_gap_tau"])
    } else {
        (&["policy"], &["duality_gap", "unique"])
    };
    let mut writer = AnswerWriter::create(out, extent.actions, lists, numbers)?;
    let bar = bar(extent.contexts);
    let (start, mut done) = (Instant::now(), 0);
    let mut summary = Summary { largest: f64::NEG_INFINITY, largest_tau: 0.0, unique: [0; 3] };
    stream_games(games, |batch| -> Result<(), Box<dyn Error>> {
        let lengths: Vec<usize> = batch.iter().map(PreferenceMatrix::n).collect();
        let solved = if tau > 0.0 {
            regularised(&batch, reference.as_ref(), tau, &mut summary)
        } else {
            lotteries(&batch, selection, &mut summary)
        };
        let columns = solved.map_err(|e| in_file(games, done, e))?;
        let (lists, numbers) = columns.split_at(lists.len());
        writer.write(&lengths, &slices(lists), &slices(numbers))?;
        done += batch.len();
        if start.elapsed() > PATIENCE {
            bar.set_position(done as u64);
        }
        Ok(())
    })?;
    writer.finish()?;
    bar.finish_and_clear();
    let seconds = start.elapsed().as_secs_f64();
    let [unique, several, undecided] = summary.unique;
    if args.json {
        let mut answer = json!({ "contexts": done, "seconds": seconds, "largest_duality_gap": summary.largest, "tau": tau });
        if tau > 0.0 {
            answer["largest_duality_gap_tau"] = json!(summary.largest_tau);
        } else {
            answer["unique"] = json!({ "yes": unique, "no": several, "undecided": undecided });
        }
        output::json(&answer);
    } else {
        let rest = if tau > 0.0 {
            format!("largest regularised gap {:.2e} (tau = {tau})", summary.largest_tau)
        } else {
            format!("one equilibrium in {unique} games, several in {several}, not decided in {undecided}")
        };
        output::print(&format!(
            "{done} games in {seconds:.1} s: {}\nlargest duality gap {:.2e} (original game)\n{rest}",
            out.display(),
            summary.largest
        ));
    }
    Ok(Answer::Yes)
}

fn slices(columns: &[Vec<f64>]) -> Vec<&[f64]> {
    columns.iter().map(Vec::as_slice).collect()
}

/// What is said about all games in the end.
struct Summary {
    largest: f64,
    largest_tau: f64,
    /// Games with one equilibrium, with several, and where that was not decided.
    unique: [u64; 3],
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
        summary.unique[found.unique.map_or(2, |u| usize::from(!u))] += 1;
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

/// One reference for games of one size.
fn shared_reference(extent: Extent, path: &Path) -> Result<Policy, Box<dyn Error>> {
    let actions = extent.actions.ok_or(
        "--reference: games of a .parquet file may differ in size, and a reference file is for one size; take .npy \
         or .npz, or the uniform reference",
    )?;
    let shape = Shape::single(actions).ok_or("the games have no action")?;
    let ties = PreferenceMatrix::from_margins(shape.len(), |_, _| 0.0)?;
    // a game of that size, for its labels
    exact::reference(&Game::single(ties), path)
}

/// An error of a batch, with the context's number in the file.
fn in_file(games: &Path, before: usize, error: ReferenceError) -> Box<dyn Error> {
    match error {
        ReferenceError::Context { context, source } => {
            format!("{}: context {}: {source}", games.display(), before + context).into()
        }
        other => DataError { path: games.to_owned(), line: None, message: other.to_string() }.into(),
    }
}

fn bar(contexts: usize) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(contexts as u64), ProgressDrawTarget::stderr());
    let style =
        ProgressStyle::with_template("solving {bar:30} {pos}/{len} games  {elapsed} gone, {eta} to go")
            .expect("a valid template");
    bar.set_style(style.progress_chars("=> "));
    bar
}
