//! The `equipoise` command: arguments, progress, exit codes, and nothing else.
//!
//! Exit codes: 0 done, 1 the question was answered "no" (a claim failed, a run broke down), 2 bad input or
//! configuration, or an answer that could not be written, 130 interrupted.

mod args;
mod commands;
mod output;
mod progress;
mod signals;
mod threads;

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
    let args = match args::Args::try_parse() {
        Ok(args) => args,
        Err(said) => {
            // help and version are answers, the rest is an error
            let shown = said.print().or_else(output::unless_closed);
            return ExitCode::from(if said.exit_code() == 0 && shown.is_ok() { 0 } else { 2 });
        }
    };
    output::start_log(args.verbose);
    signals::listen();
    threads::bound();
    let answered = commands::run(args.command).and_then(|answer| Ok(output::finish().map(|()| answer)?));
    match answered {
        Ok(Answer::Yes) => ExitCode::SUCCESS,
        Ok(Answer::No) => ExitCode::from(1),
        Ok(Answer::Interrupted) => ExitCode::from(130),
        Err(error) => {
            output::error(error.as_ref());
            ExitCode::from(2)
        }
    }
}
