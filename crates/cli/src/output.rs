//! What is printed, and where: results to standard output, everything else to standard error.

use std::cell::RefCell;
use std::error::Error;
use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Mutex, PoisonError};

use equipoise_answers::AnswerError;
use equipoise_records::text::{printable, printable_json};
use serde::Serialize;
use serde_json::Value;
use terminal_size::Width;
use tracing_subscriber::EnvFilter;

/// Starts logging to standard error; `RUST_LOG` overrides the level.
pub(crate) fn start_log(verbose: u8) {
    let level = ["warn", "info", "debug"][usize::from(verbose.min(2))];
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .without_time()
        // a standard error that takes nothing is no reason to end
        .log_internal_errors(false)
        .init();
}

/// What a command says, where it is asked in memory.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Said {
    /// The answer, as `--json` prints it; empty for a command that has no such form.
    pub json: String,
    /// The answer as text.
    pub text: String,
    /// Remarks beside it: how ties were counted, which rows were left out.
    pub notes: Vec<String>,
}

thread_local! {
    /// Where a command that is asked in memory speaks to.
    static HEARD: RefCell<Option<Said>> = const { RefCell::new(None) };
}

/// Keeps what `act` says on this thread.
pub(crate) fn heard<T>(act: impl FnOnce() -> T) -> (T, Said) {
    // a thread that waits for others may answer a second question before it goes on with the first
    let before = HEARD.replace(Some(Said::default()));
    let ended = act();
    (ended, HEARD.replace(before).unwrap_or_default())
}

/// Whether what is said on this thread is kept.
pub(crate) fn is_heard() -> bool {
    HEARD.with_borrow(Option::is_some)
}

/// Says it in memory, where the command is asked there.
fn in_memory(say: impl FnOnce(&mut Said)) -> bool {
    HEARD.with_borrow_mut(|said| said.as_mut().map(say).is_some())
}

/// The first failure to write to standard output; of a full device, as a rule.
static FAILED: Mutex<Option<io::Error>> = Mutex::new(None);

/// A closed pipe (`| head`) is the reader's choice, not an error.
pub(crate) fn unless_closed(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) }
}

/// Keeps a failure for the end of the command.
fn keep(written: io::Result<()>) {
    if let Err(error) = written.or_else(unless_closed) {
        FAILED.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }
}

/// Whether all that was printed arrived.
///
/// # Errors
/// The first failure.
pub(crate) fn finish() -> io::Result<()> {
    keep(io::stdout().lock().flush());
    match FAILED.lock().unwrap_or_else(PoisonError::into_inner).take() {
        Some(error) => Err(io::Error::new(
            error.kind(),
            format!("the answer could not be written to standard output: {error}"),
        )),
        None => Ok(()),
    }
}

/// Prints to standard output.
pub(crate) fn print(text: &str) {
    if !in_memory(|said| said.text.push_str(text)) {
        write(&printable(text));
    }
}

/// Prints a file for another program, which takes names as they are; a terminal is given none that act on it.
pub(crate) fn print_file(text: &str) {
    match io::stdout().is_terminal() {
        true => print(text),
        false if in_memory(|said| said.text.push_str(text)) => {}
        false => write(text),
    }
}

fn write(text: &str) {
    let mut out = io::stdout().lock();
    let end: &[u8] = if text.ends_with('\n') { b"" } else { b"\n" };
    keep(out.write_all(text.as_bytes()).and_then(|()| out.write_all(end)).and_then(|()| out.flush()));
}

/// Prints an answer, as JSON or as text that fits the terminal.
pub(crate) fn show(answer: &(impl Serialize + Display), json: bool) {
    if in_memory(|said| {
        said.json = equipoise_answers::to_json(answer);
        said.text.push_str(&answer.to_string());
    }) {
        return;
    }
    if json {
        return write(&printable_json(&equipoise_answers::to_json(answer)));
    }
    // without a terminal the text has a width of its own
    match terminal_size::terminal_size_of(io::stdout()) {
        Some((Width(columns), _)) => print(&format!("{answer:0$}", usize::from(columns))),
        None => print(&answer.to_string()),
    }
}

/// Prints to standard output what `write` writes, as it comes; the first failure ends it.
pub(crate) fn print_with(write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) {
    if is_heard() {
        let mut text = Vec::new();
        keep(write(&mut text));
        return print(&String::from_utf8_lossy(&text));
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    keep(write(&mut out).and_then(|()| out.flush()));
}

/// Prints a JSON result.
pub(crate) fn json(value: &Value) {
    let text = serde_json::to_string_pretty(value).expect("a JSON value serialises");
    if !in_memory(|said| said.json.clone_from(&text)) {
        write(&printable_json(&text));
    }
}

/// Says something beside the result.
pub(crate) fn note(text: &str) {
    if in_memory(|said| said.notes.push(text.to_owned())) {
        return;
    }
    let _ = writeln!(io::stderr().lock(), "{}", printable(text));
}

/// Prints an error with its causes.
pub(crate) fn error(error: &(dyn Error + 'static)) {
    // an option is named as it is typed
    let option = match error.downcast_ref::<AnswerError>() {
        Some(AnswerError::Option { option, .. }) => Some((&**option, option.replace('_', "-"))),
        _ => None,
    };
    let text = error.to_string();
    let mut message = match option.as_ref().and_then(|(field, flag)| Some((flag, text.strip_prefix(field)?)))
    {
        Some((flag, rest)) => format!("error: --{flag}{rest}"),
        None => format!("error: {text}"),
    };
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !message.contains(&cause_text) {
            message.push_str(&format!("\n  because: {cause_text}"));
        }
        source = cause.source();
    }
    note(&message);
}
