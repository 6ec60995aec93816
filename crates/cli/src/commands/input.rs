//! What commands read: games, comparisons; and what is said about them on the way.

use std::error::Error;
use std::io::IsTerminal as _;
use std::path::Path;

use equipoise::data::{
    Comparisons, Grouping, Selection, Ties, holds_comparisons, read_comparisons, read_matrix,
};
use equipoise::env::Game;
use equipoise::ndarray::Array2;
use equipoise::reference::{LARGEST_PROOF, RationalMargins};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::args::{self, Filters, GameFile};
use crate::output;

/// How many unmet pairs are named one by one.
const NAMED: usize = 12;

pub(super) fn selection(filters: &Filters, ties: Ties) -> Selection {
    Selection {
        context: filters.context.clone(),
        annotator: filters.annotator.clone(),
        items: filters.items.clone(),
        since: filters.since.clone(),
        ties,
    }
}

pub(super) fn grouping(each: args::Each) -> Grouping {
    match each {
        args::Each::Context => Grouping::Context,
        args::Each::Annotator => Grouping::Annotator,
    }
}

/// The name of a group, as it is printed.
pub(super) fn group_name(name: &str) -> &str {
    if name.is_empty() { "(none)" } else { name }
}

pub(super) fn ties(ties: args::Ties) -> Ties {
    match ties {
        args::Ties::Half => Ties::Half,
        args::Ties::Drop => Ties::Drop,
    }
}

/// A matrix file, or comparisons where the header says so; and its margins as fractions if it is a text or counts, of
/// one context that is small enough for a proof.
pub(super) fn game_and_fractions(
    path: &Path,
    filters: &Filters,
    rule: args::Ties,
) -> Result<(Game, Option<RationalMargins>), Box<dyn Error>> {
    if !holds_comparisons(path) {
        let game = read_matrix(path)?;
        let text =
            path.extension().is_some_and(|e| !["npy", "npz"].iter().any(|b| e.eq_ignore_ascii_case(b)));
        let single =
            (text && game.contexts() == 1).then(|| game.matrix(0)).filter(|m| m.n() <= LARGEST_PROOF);
        return Ok((game, single.map(|m| RationalMargins::from_decimals(&m))));
    }
    let data = read_comparisons(path, &selection(filters, ties(rule)))?;
    say(&data, "counted as 1/2");
    let fractions = (data.n() <= LARGEST_PROOF).then(|| fractions(&data)).flatten();
    Ok((data.game(0.0), fractions))
}

fn fractions(data: &Comparisons) -> Option<RationalMargins> {
    let mut wins = Array2::zeros((data.n(), data.n()));
    let mut ties = wins.clone();
    for pair in &data.pairs {
        let (first, second, tied) = pair.outcomes();
        (wins[[pair.i, pair.j]], wins[[pair.j, pair.i]]) = (first, second);
        (ties[[pair.i, pair.j]], ties[[pair.j, pair.i]]) = (tied, tied);
    }
    RationalMargins::from_counts(wins.view(), ties.view())
}

/// Comparisons; those of a matrix are one a pair, in fractions.
pub(super) fn comparisons(file: &GameFile) -> Result<Comparisons, Box<dyn Error>> {
    if holds_comparisons(&file.game) {
        return Ok(read_comparisons(&file.game, &selection(&file.filters, ties(file.ties)))?);
    }
    let game = read_matrix(&file.game)?;
    if game.contexts() > 1 {
        let contexts = game.contexts();
        return Err(format!("{}: has {contexts} contexts; inspect one at a time", file.game.display()).into());
    }
    let mut wins = game.to_array(0);
    wins.diag_mut().fill(0.0);
    let ties = Array2::zeros(wins.dim());
    Ok(Comparisons { labels: game.labels(0), ..Comparisons::from_tables(&wins, &ties) })
}

/// Says what was counted and how, and what was odd.
pub(super) fn say(data: &Comparisons, unmet_are: &str) {
    let rule = match data.ties {
        Ties::Half => "half a win to each side",
        Ties::Drop => "dropped",
    };
    output::say(&format!("{} comparisons; {} ties, counted as: {rule}", data.total, data.total_ties));
    data.checks.remarks().iter().for_each(|remark| output::say(remark));
    let unmet = data.unmet();
    if unmet > NAMED {
        output::say(&format!("{unmet} of {} pairs never met, {unmet_are}", unmet + data.pairs.len()));
    } else if unmet > 0 {
        for (i, j) in data.unmet_pairs() {
            output::say(&format!("never met, {unmet_are}: {} and {}", data.labels[i], data.labels[j]));
        }
    }
    let parts = data.components();
    if parts.len() > 1 {
        let rest: Vec<&str> =
            parts[1..].iter().flatten().map(|&i| data.labels[i].as_str()).take(NAMED).collect();
        output::say(&format!(
            "the items fall into {} groups that never met each other; no rating compares them: {} and others",
            parts.len(),
            rest.join(", ")
        ));
    }
}

/// A bar that counts replicates, on a terminal.
pub(super) fn bar(total: usize, what: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style =
        ProgressStyle::with_template("{msg} {bar:30} {pos}/{len}  {eta} to go").expect("a valid template");
    let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
    bar.set_style(style.progress_chars("=> "));
    bar.set_message(what.to_owned());
    bar
}
