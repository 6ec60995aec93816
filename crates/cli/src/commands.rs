//! One function a command.

mod certificate;
mod exact;
mod experiment;
mod list;

use std::error::Error;

use crate::Answer;
use crate::args::Command;

type Outcome = Result<Answer, Box<dyn Error>>;

/// Does what was asked.
pub(crate) fn run(command: Command) -> Outcome {
    match command {
        Command::Run(args) => experiment::run(args),
        Command::Plan(args) => experiment::plan(args),
        Command::Check(args) => experiment::check(args),
        Command::Report(args) => experiment::report(args),
        Command::Solve(args) => exact::solve(args),
        Command::Gap(args) => exact::gap(args),
        Command::List(args) => Ok(list::list(args)),
        Command::Schema => experiment::schema(),
    }
}
