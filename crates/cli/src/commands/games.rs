//! `equipoise solve`, `gap` and `concepts`: exact answers about one game file.

use std::path::{Path, PathBuf};

use equipoise::data::{Contents, read_payoffs};
use equipoise_answers::{
    AnswerError, ConceptsData, ConceptsOptions, GapOptions, SolveOptions, Source, check_certificate,
    concepts as asked, gap as measured, is_batch_output, read_certificate, read_policy_for,
    read_reference_for, read_reference_for_batch, read_reference_of, solve as solved, solve_batch,
    solve_two_player, to_json,
};

use equipoise_records::{guard, write_file};
use equipoise_report::{Played, choices};

use super::Outcome;
use crate::args::{Concepts, Gap, Solve};
use crate::progress::Terminal;
use crate::{Answer, output, signals};

pub(super) fn solve(args: Solve) -> Outcome {
    let progress = Terminal::default();
    let mut options = SolveOptions {
        tau: args.regularisation.tau,
        reference: None,
        select: args.select.map(Into::into),
        ranges: args.ranges,
        path: args.path,
    };
    let (file, reference) = (&args.file.game, args.regularisation.reference.as_deref());
    let source = args.file.source();
    let contents = source.contents();
    source.check(contents)?;
    if let Some(out) = &args.out {
        signals::writes(out);
        let read = super::inputs(file, &source.selection, reference.as_slice())?;
        guard::refuse_input(out, &read.iter().map(PathBuf::as_path).collect::<Vec<_>>())?;
        if !args.force {
            guard::refuse_foreign(out, is_answer)?;
        }
    }
    if let Some(out) = args.out.as_deref().filter(|out| is_batch_output(out)) {
        options.reference = reference.map(|path| read_reference_for_batch(file, path)).transpose()?;
        output::show(&solve_batch(file, out, &options, &progress)?, args.json);
        return Ok(Answer::Yes);
    }
    if contents == Contents::Payoffs {
        return two_player(&args, &source);
    }
    let given = source.game_in(contents, &progress)?;
    options.reference = reference.map(|path| read_reference_for(&given.game, path)).transpose()?;
    let answer = solved(&given, &options, &progress)?;
    if let Some(out) = &args.out {
        write_file(out, (to_json(&answer) + "\n").as_bytes())?;
    }
    output::show(&answer, args.json);
    Ok(Answer::Yes)
}

/// A game of two players with actions of their own has no reference and no temperature here.
fn two_player(args: &Solve, source: &Source) -> Outcome {
    let misplaced = [
        ("tau", args.regularisation.tau != 0.0),
        ("reference", args.regularisation.reference.is_some()),
        ("select", args.select.is_some()),
        ("ranges", args.ranges),
        ("path", args.path),
    ];
    if let Some((option, _)) = misplaced.iter().find(|(_, given)| *given) {
        return Err(format!(
            "--{option} is for preference matrices; {} holds payoffs",
            source.path.display()
        )
        .into());
    }
    let game = read_payoffs(&source.path, &source.selection.reading).map_err(AnswerError::from)?;
    let answer = solve_two_player(&game).map_err(|e| e.in_file(&source.path))?;
    if let Some(out) = &args.out {
        write_file(out, (to_json(&answer) + "\n").as_bytes())?;
    }
    output::show(&answer, args.json);
    Ok(Answer::Yes)
}

/// Whether a file is an answer that this command wrote: JSON with its keys, or columns of its names, which `.npz` and
/// `.parquet` list at their end.
fn is_answer(file: &Path) -> bool {
    let Ok(bytes) = std::fs::read(file) else { return false };
    if is_batch_output(file) {
        let end = &bytes[bytes.len().saturating_sub(1 << 16)..];
        let names = |name: &str| end.windows(name.len()).any(|part| part == name.as_bytes());
        return names("policy") && names("duality_gap");
    }
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(&bytes) else { return false };
    let of_one = |value: &serde_json::Value| {
        value.get("labels").is_some() && ["certificate", "limit"].iter().any(|key| value.get(key).is_some())
    };
    // several contexts are answered by a list of answers, or by an object that holds one
    let several = value.as_array().or_else(|| value.get("contexts").and_then(serde_json::Value::as_array));
    let two_player = value.get("row_labels").is_some() && value.get("duality_gap").is_some();
    of_one(&value)
        || two_player
        || several.is_some_and(|answers| !answers.is_empty() && answers.iter().all(of_one))
}

pub(super) fn gap(args: Gap) -> Outcome {
    let progress = Terminal::default();
    let source = |path| Source { path, selection: args.filters.selection(args.ties, &[]) };
    let given = args.game.map(|path| source(path).game(&progress)).transpose()?;
    if let Some(path) = &args.certificate {
        let checked = check_certificate(&read_certificate(path)?, given.as_ref());
        let answer = checked.map_err(|e| e.in_file(path))?;
        output::show(&answer, args.json);
        return Ok(if answer.valid { Answer::Yes } else { Answer::No });
    }
    let (given, path) = given.zip(args.policy).expect("clap requires both without --certificate");
    let reference = args.regularisation.reference;
    let options = GapOptions {
        tau: args.regularisation.tau,
        reference: reference.map(|path| read_reference_for(&given.game, &path)).transpose()?,
    };
    let policy = read_policy_for(&given.game, &path)?;
    output::show(&measured(&given.game, &policy, &options)?, args.json);
    Ok(Answer::Yes)
}

pub(super) fn concepts(args: &Concepts) -> Outcome {
    let progress = Terminal::default();
    let source = args.file.source();
    if let Some(out) = &args.html {
        signals::writes(out);
        let others: Vec<&Path> = args
            .judge
            .iter()
            .chain(&args.features)
            .map(PathBuf::as_path)
            .chain(args.reference.as_deref())
            .collect();
        let read = super::inputs(&source.path, &source.selection, &others)?;
        guard::refuse_input(out, &read.iter().map(PathBuf::as_path).collect::<Vec<_>>())?;
        if !args.force {
            guard::refuse_foreign(out, is_concepts_page)?;
        }
    }
    let mut data = ConceptsData::read(&source, &progress)?;
    if !args.judge.is_empty() {
        let one = |path: &PathBuf| {
            ConceptsData::read(&Source { path: path.clone(), selection: source.selection.clone() }, &progress)
        };
        let others = args.judge.iter().map(one).collect::<Result<Vec<_>, _>>()?;
        let others: Vec<(&Path, ConceptsData)> =
            args.judge.iter().map(PathBuf::as_path).zip(others).collect();
        let with_ballots = |data: &ConceptsData| data.electorate.ballots().is_some();
        let some = with_ballots(&data) || others.iter().any(|(_, other)| with_ballots(other));
        data = data.with_judges(&others)?;
        if some && !with_ballots(&data) {
            output::note(
                "some judges have win rates alone, so that rules on ballots are not asked, not of those that have ballots either",
            );
        }
    }
    if let Some(features) = &args.features {
        data = data.with_features(features)?;
    }
    let reference = args.reference.as_deref();
    let reference = reference.map(|path| read_reference_of(&data.labels, path)).transpose()?;
    let options = ConceptsOptions {
        tau: args.tau,
        reference,
        only: args.only.clone(),
        beta: args.beta,
        level: args.level,
        samples: args.samples,
        axioms: args.axioms,
    };
    let answer = asked(&data, &options, &progress).map_err(|e| e.in_file(&source.path))?;
    if let Some(out) = &args.html {
        let played: Vec<Played> = answer
            .rows
            .iter()
            .filter_map(|row| Some(Played { rule: row.concept.to_owned(), policy: row.policy.clone()? }))
            .collect();
        let name = source.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let page =
            choices(&format!("{CONCEPTS_PAGE} - {name}"), &answer.markdown(), &answer.labels, &played)?;
        write_file(out, page.as_bytes())?;
        output::note(&format!("page: {}", out.display()));
    }
    output::show(&answer, args.json);
    Ok(Answer::Yes)
}

/// Title of the pages that `concepts` writes, by which it knows its own.
const CONCEPTS_PAGE: &str = "Who would win under which rule";

fn is_concepts_page(file: &Path) -> bool {
    std::fs::read_to_string(file).is_ok_and(|text| text.contains(&format!("<title>{CONCEPTS_PAGE} - ")))
}
