//! One function a command.

mod audit;
mod comparisons;
mod config;
mod experiment;
mod games;

use std::error::Error;
use std::path::{Path, PathBuf};

use equipoise::data::{Selection, input_files};
use equipoise_answers::{read_loss_inputs, read_settings};

use crate::args::{Command, List, Loss};
use crate::{Answer, output};

type Outcome = Result<Answer, Box<dyn Error>>;

/// Does what was asked.
pub(crate) fn run(command: Command) -> Outcome {
    match command {
        Command::Run(args) => experiment::run(args),
        Command::Plan(args) => experiment::plan(args),
        Command::Generate(args) => experiment::generate(&args),
        Command::Check(args) => experiment::check(args),
        Command::Merge(args) => experiment::merge(args),
        Command::Report(args) => experiment::report(args),
        Command::Audit(args) => audit::audit(args),
        Command::Solve(args) => games::solve(args),
        Command::Gap(args) => games::gap(args),
        Command::Concepts(args) => games::concepts(&args),
        Command::Fit(args) => comparisons::fit(args),
        Command::Rank(args) => comparisons::rank(args),
        Command::Inspect(args) => comparisons::inspect(args),
        Command::Standings(args) => comparisons::standings(&args),
        Command::Votes(args) => comparisons::votes(args),
        Command::Compare(args) => comparisons::compare(args),
        Command::Loss(args) => loss(&args),
        Command::Estimators(args) => {
            output::show(&equipoise_answers::estimators(), args.json);
            Ok(Answer::Yes)
        }
        Command::List(args) => {
            list(&args);
            Ok(Answer::Yes)
        }
        Command::Init(args) => config::init(&args),
        Command::Help(args) => config::help(&args.what),
        Command::Schema => experiment::schema(),
    }
}

/// All files that a command reads, none of which it may write over: those of a path, and `others`.
fn inputs(path: &Path, selection: &Selection, others: &[&Path]) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = input_files(path, &selection.reading)?;
    files.extend(others.iter().map(|other| other.to_path_buf()));
    Ok(files)
}

fn loss(args: &Loss) -> Outcome {
    let options = read_settings(&args.set)?.into();
    let inputs = read_loss_inputs(&args.input)?;
    output::show(&equipoise_answers::loss(&args.objective, &options, &inputs)?, args.json);
    Ok(Answer::Yes)
}

fn list(args: &List) {
    let answer = equipoise_answers::list(args.what.into());
    if args.markdown {
        output::print(&answer.markdown());
    } else {
        output::show(&answer, args.json);
    }
}
