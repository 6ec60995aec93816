//! `equipoise fit`, `equipoise inspect` and `equipoise rank`: questions about one file of comparisons.

use std::error::Error;
use std::path::{Path, PathBuf};

use equipoise::data::read_features;
use equipoise_answers::{
    AnswerError, FitSource, InspectData, InspectOptions, PageOptions, RankData, RankOptions, Source,
    StandingsOptions, VotesOptions, changes, compare_models, fit as fitted, inspect_groups, inspect_split,
    rank as ranked, rank_groups, rank_with_page, read_votes, standings as board, standings_adjusted,
    votes as sound,
};
use equipoise_records::{guard, leaderboard, write_file};
use equipoise_report::leaderboard::{FILES, write_leaderboard};

use super::Outcome;
use crate::args::{Compare, Export, Fit, FitTies, Inspect, Rank, Reweight, Standings, Ties, Votes};
use crate::progress::{Terminal, during};
use crate::{Answer, output, signals};

pub(super) fn fit(args: Fit) -> Outcome {
    let (progress, options) = (Terminal::default(), args.options()?);
    if args.compare {
        if args.ties == Some(FitTies::Model) {
            return Err(
                "--ties model with --compare: models without ties are compared too; take half or drop".into(),
            );
        }
        let ties = if args.ties.is_some_and(|t| t == FitTies::Drop) { Ties::Drop } else { Ties::Half };
        let source = Source { path: args.data, selection: args.filters.selection(ties, &args.more) };
        let data = source.battles(&progress)?;
        let features = match &args.context_features {
            Some(_) if data.contexts.iter().all(String::is_empty) => {
                return Err("--context-features with --compare: the data have no column `context`; add one, or leave the features out".into());
            }
            Some(file) => Some(read_features(file, "context", &data.contexts)?),
            None => None,
        };
        let answer = during("fitting all models", || compare_models(&data, features.as_ref(), args.seed));
        output::show(&answer.map_err(|e| e.in_file(&source.path))?, args.json);
        return Ok(Answer::Yes);
    }
    // what a tie counts is among the options
    let mut selection = args.filters.selection(Ties::Half, &args.more);
    selection.reading.covariates = args.adjusted.covariates;
    let source = FitSource {
        source: Source { path: args.data, selection },
        features: args.features,
        context_features: args.context_features,
        unit: args.observed.unit(),
    };
    let data = source.read(&options, &progress)?;
    let answer = fitted(&data, &options, &progress);
    let answer = answer.map_err(|e| e.in_file(&source.source.path))?;
    export(&args.export, &source.source, |path| answer.file(path))?;
    output::show(&answer, args.json);
    Ok(Answer::Yes)
}

pub(super) fn inspect(args: Inspect) -> Outcome {
    let (progress, source) = (Terminal::default(), args.file.source());
    let options = InspectOptions { replicates: args.replicates, seed: args.seed };
    match args.each {
        None => {
            let data = InspectData::read(&source, args.observed.unit(), &progress)?;
            let answer = inspect_split(&data, &options, &progress).map_err(|e| e.in_file(&source.path))?;
            output::show(&answer, args.json);
        }
        Some(each) => {
            let data = source.grouped(each.into(), args.observed.unit(), &progress)?;
            let answer = inspect_groups(&data, &options, &progress).map_err(|e| e.in_file(&source.path))?;
            output::show(&answer, args.json);
        }
    }
    Ok(Answer::Yes)
}

pub(super) fn standings(args: &Standings) -> Outcome {
    let progress = Terminal::default();
    let mut selection = args.points.filters.selection(args.points.ties, &[]);
    selection.reading.covariates = args.adjusted.covariates.clone();
    let source = Source { selection, path: args.data.clone() };
    let options = StandingsOptions {
        anchor: args.anchor.clone(),
        min_battles: args.min_battles,
        reweight: args.adjusted.reweight.into(),
        ..args.points.options()
    };
    let unit = args.points.observed.unit();
    let found = match args.adjusted.covariates.is_empty() {
        true => board(&source.observations(unit, &progress)?, &options),
        false => standings_adjusted(&source.covaried(unit, &progress)?, &options),
    };
    let board = found.map_err(|e| e.in_file(&source.path))?;
    export(&args.export, &source, |path| board.file(path))?;
    match (args.csv, args.latex) {
        (true, _) => output::print_file(&board.csv()),
        (_, true) => output::print_file(&board.latex()),
        _ => output::show(&board, args.json),
    }
    Ok(Answer::Yes)
}

pub(super) fn votes(args: Votes) -> Outcome {
    let progress = Terminal::default();
    let source = Source { selection: args.filters.selection(args.ties, &[]), path: args.data };
    let data = read_votes(&source, &progress)?;
    let options = VotesOptions {
        share: args.share,
        neighbours: args.neighbours,
        deals: args.replicates,
        seed: args.seed,
    };
    let answer = sound(&data, &options, &progress).map_err(|e| e.in_file(&source.path))?;
    output::show(&answer, args.json);
    Ok(Answer::Yes)
}

pub(super) fn compare(args: Compare) -> Outcome {
    let progress = Terminal::default();
    let selection = args.points.filters.selection(args.points.ties, &[]);
    let unit = args.points.observed.unit();
    let read = |path: PathBuf| Source { path, selection: selection.clone() }.observations(unit, &progress);
    if args.old == Path::new("-") && args.new == Path::new("-") {
        return Err("standard input is read once; give OLD or NEW as a file".into());
    }
    let path = args.new.clone();
    let (old, new) = (read(args.old)?, read(args.new)?);
    let answer = changes(&old, &new, args.nested, &args.points.options()).map_err(|e| e.in_file(&path))?;
    output::show(&answer, args.json);
    Ok(Answer::Yes)
}

pub(super) fn rank(args: Rank) -> Outcome {
    let progress = Terminal::default();
    let adjusted = !args.adjusted.covariates.is_empty() || args.adjusted.reweight != Reweight::Comparisons;
    let points = (adjusted || args.scaled.given()).then(|| StandingsOptions {
        reweight: args.adjusted.reweight.into(),
        ..args.scaled.options(args.seed)
    });
    let options =
        RankOptions { replicates: args.replicates, seed: args.seed, unmet: args.unmet.into(), points };
    let mut selection = args.filters.selection(args.ties, &args.more);
    selection.reading.covariates = args.adjusted.covariates;
    let source = Source { selection, path: args.data };
    if let Some(each) = args.each {
        let data = source.grouped(each.into(), args.observed.unit(), &progress)?;
        let answer = rank_groups(&data, &options, &progress).map_err(|e| e.in_file(&source.path))?;
        export(&args.export, &source, |path| answer.file(path))?;
        output::show(&answer, args.json);
        return Ok(Answer::Yes);
    }
    if let Some(dir) = &args.out {
        signals::writes_into(dir);
        check_board(dir, &source, args.export.force)?;
    }
    let data = RankData::read(&source, args.observed.unit(), args.out.is_some(), &progress)?;
    let answer = match &args.out {
        None => ranked(&data, &options, &progress).map_err(|e| e.in_file(&source.path))?,
        Some(dir) => {
            let title = source.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let page = PageOptions { title, selection: source.selection.clone() };
            let (answer, record) =
                rank_with_page(&data, &options, &page, &progress).map_err(|e| e.in_file(&source.path))?;
            write_leaderboard(dir, &record)?;
            output::note(&format!("report: {}", dir.join("leaderboard.html").display()));
            answer
        }
    };
    export(&args.export, &source, |path| answer.file(path))?;
    output::show(&answer, args.json);
    Ok(Answer::Yes)
}

/// Writes a leaderboard to the file that is asked for, if one is.
fn export(
    asked: &Export,
    source: &Source,
    bytes: impl FnOnce(&Path) -> Result<Vec<u8>, AnswerError>,
) -> Result<(), Box<dyn Error>> {
    let Some(path) = &asked.export else { return Ok(()) };
    let bytes = bytes(path)?;
    signals::writes(path);
    let inputs = super::inputs(&source.path, &source.selection, &[])?;
    let inputs: Vec<&Path> = inputs.iter().map(PathBuf::as_path).collect();
    guard::refuse_input(path, &inputs)?;
    if !asked.force {
        guard::refuse_foreign(path, |_| false)?;
    }
    write_file(path, &bytes)?;
    output::note(&format!("wrote {}", path.display()));
    Ok(())
}

/// Refuses to write over what the command reads, and over files that are no board.
fn check_board(dir: &Path, source: &Source, force: bool) -> Result<(), Box<dyn Error>> {
    let is_board = leaderboard::read(dir).is_ok();
    let inputs = super::inputs(&source.path, &source.selection, &[])?;
    let inputs: Vec<&Path> = inputs.iter().map(PathBuf::as_path).collect();
    // the next reading of a folder of data would find the board in it
    let folders: Vec<&Path> = std::iter::once(&source.path)
        .chain(&source.selection.reading.more)
        .map(PathBuf::as_path)
        .filter(|path| path.is_dir())
        .collect();
    guard::refuse_input(dir, &folders)?;
    for file in FILES.map(|name| dir.join(name)) {
        guard::refuse_input(&file, &inputs)?;
        if !force {
            guard::refuse_foreign(&file, |_| is_board)?;
        }
    }
    Ok(())
}
