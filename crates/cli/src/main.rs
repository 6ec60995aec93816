//! The `equipoise` command: arguments, progress, exit codes, and nothing else.
//!
//! Exit codes: 0 done, 1 the question was answered "no" (a claim failed, a run broke down), 2 bad input or
//! configuration, 130 interrupted.

mod args;
mod commands;
mod output;
mod progress;

use std::process::ExitCode;

use clap::Parser as _;

/// How a command ended, when nothing was wrong with its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// Done, or yes.
    Yes,
    /// A claim failed, or a run broke down.
    No,
    /// Interrupted by the user; what was finished is kept.
    Interrupted,
}

fn main() -> ExitCode {
    let args = args::Args::parse();
    output::start_log(args.verbose);
    match commands::run(args.command) {
        Ok(Answer::Yes) => ExitCode::SUCCESS,
        Ok(Answer::No) => ExitCode::from(1),
        Ok(Answer::Interrupted) => ExitCode::from(130),
        Err(error) => {
            output::error(error.as_ref());
            ExitCode::from(2)
        }
    }
}
