//! The `equipoise` command: arguments, progress, exit codes, and nothing else. A binary, and a library for those who put the
//! command into a program of their own: [`main_with`] is the whole command, [`answer`] one question asked in memory.
//!
//! Exit codes: 0 done, 1 the question was answered "no" (a claim failed, a run broke down), 2 bad input or
//! configuration, or an answer that could not be written, 130 interrupted.

mod args;
mod commands;
mod output;
mod progress;
mod signals;
mod threads;

use std::error::Error;
use std::ffi::OsString;

pub use output::Said;

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

/// The whole command: the first argument is its own name. Prints, listens to signals, and gives the exit code.
pub fn main_with(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let args = match args::parse(arguments) {
        Ok(args) => args,
        Err(said) => {
            // help and version are answers, the rest is an error
            let shown = said.print().or_else(output::unless_closed);
            return if said.exit_code() == 0 && shown.is_ok() { 0 } else { 2 };
        }
    };
    output::start_log(args.verbose);
    signals::listen();
    threads::bound();
    let answered = commands::run(args.command).and_then(|answer| Ok(output::finish().map(|()| answer)?));
    match answered {
        Ok(Answer::Yes) => 0,
        Ok(Answer::No) => 1,
        Ok(Answer::Interrupted) => 130,
        Err(error) => {
            output::error(error.as_ref());
            2
        }
    }
}

/// Options that do not parse: unknown, missing, or not to be given together.
#[derive(Debug)]
pub struct UsageError {
    /// What is wrong, and the way out, as the command prints it.
    pub message: String,
    /// The argument that is wrong, if it is one.
    pub argument: Option<String>,
}

impl std::fmt::Display for UsageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for UsageError {}

/// Asks one command in memory: nothing is printed, no signal is listened to, no progress is drawn. `arguments` go without the
/// name of the program. The answer is yes (`true`), or the "no" of a claim or a proof that fails (`false`).
///
/// # Errors
/// [`UsageError`], or the error that the command would print, as a value: an
/// [`AnswerError`](equipoise_answers::AnswerError), a [`ConfigError`](equipoise_experiment::ConfigError) and others.
pub fn answer(arguments: impl IntoIterator<Item = OsString>) -> Result<(bool, Said), Box<dyn Error>> {
    let name = [OsString::from("equipoise")];
    let args = args::parse(name.into_iter().chain(arguments)).map_err(|said| {
        use clap::error::{ContextKind, ContextValue};
        let argument = match said.get(ContextKind::InvalidArg) {
            Some(ContextValue::String(argument)) => Some(argument.clone()),
            _ => None,
        };
        UsageError { message: said.render().to_string(), argument }
    })?;
    let (ended, said) = output::heard(|| commands::run(args.command));
    Ok((ended? == Answer::Yes, said))
}
