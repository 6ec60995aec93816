//! One function a command.

mod audit;
mod batch;
mod certificate;
mod exact;
mod experiment;
mod fit;
mod input;
mod inspect;
mod leaderboard;
mod list;
mod others;
mod rank;

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
        Command::Audit(args) => audit::audit(&args),
        Command::Solve(args) => exact::solve(args),
        Command::Gap(args) => exact::gap(args),
        Command::Fit(args) => fit::fit(args),
        Command::Rank(args) => rank::rank(args),
        Command::Inspect(args) => inspect::inspect(args),
        Command::List(args) => Ok(list::list(args)),
        Command::Schema => experiment::schema(),
    }
}
