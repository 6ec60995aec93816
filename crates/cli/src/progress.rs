//! Progress: of a running experiment, and of the stages of a long computation. Drawn where standard error is a terminal; else
//! a line every ten seconds.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use equipoise_answers::Progress as _;
use equipoise_experiment::{Monitor, Plan, Shard};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

/// How often a line is written without a terminal.
const EVERY: Duration = Duration::from_secs(10);
/// How often a bar is drawn.
const DRAWN: Duration = Duration::from_millis(60);

/// Calls back until it is dropped.
struct Ticker {
    end: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    fn start(every: Duration, mut tick: impl FnMut() + Send + 'static) -> Self {
        let (end, ended) = mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            while ended.recv_timeout(every) == Err(mpsc::RecvTimeoutError::Timeout) {
                tick();
            }
        });
        Self { end: Some(end), thread: Some(thread) }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What is being done, how long it has taken, and how long it will still take, from the share that is done.
fn line(what: &str, counted: &str, share: Option<f64>, elapsed: Duration) -> String {
    let mut line = what.to_owned();
    if !counted.is_empty() {
        let _ = write!(line, ": {counted}");
    }
    let _ = write!(line, ", {} elapsed, {}", clock(elapsed.as_secs_f64()), remaining(share, elapsed));
    line
}

fn remaining(share: Option<f64>, elapsed: Duration) -> String {
    match share {
        Some(share) if share > 0.0 => {
            let seconds = elapsed.as_secs_f64() * ((1.0 - share.min(1.0)) / share);
            format!("about {} remaining", clock(seconds))
        }
        _ => "remaining time unknown".into(),
    }
}

/// Seconds as `45 s`, `12 min 05 s` or `3 h 07 min`.
fn clock(seconds: f64) -> String {
    match seconds.round() as u64 {
        s @ 0..=59 => format!("{s} s"),
        s @ 60..=3599 => format!("{} min {:02} s", s / 60, s % 60),
        s => format!("{} h {:02} min", s / 3600, s / 60 % 60),
    }
}

/// A bar's remaining time: nothing before anything is done.
fn left(state: &ProgressState, out: &mut dyn std::fmt::Write) {
    let share = state.len().filter(|len| *len > 0).map(|len| state.pos() as f64 / len as f64);
    let _ = out.write_str(&remaining(share, state.elapsed()));
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).expect("a valid template");
    style.with_key("left", left).progress_chars("=> ")
}

/// Follows a monitor until it is dropped. Steps are counted, so that the remaining time is honest for runs of unequal
/// length; a run that ends early gives its remaining steps at once.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    _ticker: Ticker,
}

impl Progress {
    /// Starts drawing to standard error, if that is a terminal; else a line when it begins and every ten seconds.
    pub(crate) fn start(plan: &Plan, shard: Option<Shard>, monitor: &Arc<Monitor>) -> Self {
        let runs = equipoise_experiment::shard::runs(plan, shard);
        let steps = runs.saturating_mul(plan.spec.limits.steps);
        let (monitor, name, begun) = (Arc::clone(monitor), plan.spec.name.clone(), Instant::now());
        if !std::io::stderr().is_terminal() {
            crate::output::note(&format!("{name}: {runs} runs on {} games", plan.games()));
            let tick = move || {
                let done = monitor.steps.load(Ordering::Relaxed);
                let share = (steps > 0).then(|| done as f64 / steps as f64);
                let counted = match monitor.stage() {
                    "" => String::new(),
                    stage => format!("{stage}, {} of {runs} runs", monitor.runs.load(Ordering::Relaxed)),
                };
                crate::output::note(&line(&name, &counted, share, begun.elapsed()));
            };
            return Self { bar: None, _ticker: Ticker::start(EVERY, tick) };
        }
        let bar = ProgressBar::with_draw_target(Some(steps), ProgressDrawTarget::stderr());
        bar.set_style(style("{prefix} {wide_bar} {msg}  {elapsed} elapsed, {left}"));
        bar.set_prefix(name);
        let drawn = bar.clone();
        let tick = move || {
            drawn.set_position(monitor.steps.load(Ordering::Relaxed));
            let done = monitor.runs.load(Ordering::Relaxed);
            drawn.set_message(format!("{} {done}/{runs} runs", monitor.stage()));
        };
        Self { bar: Some(bar), _ticker: Ticker::start(DRAWN, tick) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Does something of unknown length, and says that it lasts.
pub(crate) fn during<T>(what: &str, act: impl FnOnce() -> T) -> T {
    let terminal = Terminal::default();
    terminal.begin(what, None);
    let done = act();
    terminal.end();
    done
}

/// How long a stage may take before it is drawn.
const PATIENCE: Duration = Duration::from_secs(1);
/// Digits of a gap down to rounding.
const DIGITS: u64 = 16;

/// Draws the stages of a computation to standard error, if that is a terminal and they take more than a second; else writes a
/// line every ten seconds. Remarks go there in any case.
#[derive(Default)]
pub(crate) struct Terminal(Mutex<Option<Stage>>);

/// What is drawn: a bar of units; a spinner where their number is unknown, or a bar of right digits once a gap is known.
struct Stage {
    bar: ProgressBar,
    counted: bool,
    /// Dropped to end the wait for [`PATIENCE`].
    _waiting: Option<mpsc::Sender<()>>,
    _ticker: Option<Ticker>,
}

impl Terminal {
    fn stage(&self) -> MutexGuard<'_, Option<Stage>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl equipoise_answers::Progress for Terminal {
    fn begin(&self, what: &str, units: Option<u64>) {
        self.end();
        if crate::output::is_heard() {
            return;
        }
        let bar = ProgressBar::with_draw_target(units, ProgressDrawTarget::hidden());
        bar.set_message(what.to_owned());
        let counted = units.is_some();
        if !std::io::stderr().is_terminal() {
            let (told, what, begun) = (bar.clone(), what.to_owned(), Instant::now());
            let tick = move || {
                let (done, all) = (told.position(), told.length().filter(|all| *all > 0));
                let count = match all {
                    Some(all) if counted => format!("{done} of {all}"),
                    _ => told.prefix(),
                };
                let share = all.filter(|_| counted).map(|all| done as f64 / all as f64);
                crate::output::note(&line(&what, &count, share, begun.elapsed()));
            };
            let ticker = Some(Ticker::start(EVERY, tick));
            *self.stage() = Some(Stage { bar, counted, _waiting: None, _ticker: ticker });
            return;
        }
        bar.set_style(style(match units {
            Some(_) => "{msg} {bar:30} {pos}/{len}  {elapsed} elapsed, {left}",
            None => "{spinner} {msg}  {elapsed} elapsed",
        }));
        let (waiting, ended) = mpsc::channel::<()>();
        let drawn = bar.clone();
        std::thread::spawn(move || {
            if ended.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
                drawn.set_draw_target(ProgressDrawTarget::stderr());
                drawn.enable_steady_tick(Duration::from_millis(100));
            }
        });
        *self.stage() = Some(Stage { bar, counted, _waiting: Some(waiting), _ticker: None });
    }

    fn advance(&self, units: u64) {
        if let Some(stage) = self.stage().as_ref() {
            stage.bar.inc(units);
        }
    }

    fn gap(&self, gap: f64) {
        if let Some(stage) = self.stage().as_ref().filter(|stage| !stage.counted && gap < 1.0) {
            stage.bar.set_style(style("{msg} {bar:30} {prefix}  {elapsed} elapsed"));
            stage.bar.set_length(DIGITS);
            stage.bar.set_position(((-gap.log10()) as u64).min(DIGITS));
            stage.bar.set_prefix(format!("gap {gap:.0e}"));
        }
    }

    fn end(&self) {
        // a line that is being written asks for the stage no more
        let stage = self.stage().take();
        if let Some(stage) = stage {
            stage.bar.finish_and_clear();
        }
    }

    fn note(&self, text: &str) {
        crate::output::note(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_is_done_and_how_long_it_takes() {
        let second = Duration::from_secs(1);
        assert_eq!(
            line("solving games", "250 of 1000", Some(0.25), 30 * second),
            "solving games: 250 of 1000, 30 s elapsed, about 1 min 30 s remaining"
        );
        assert_eq!(line("reading", "", None, 5 * second), "reading, 5 s elapsed, remaining time unknown");
        assert_eq!(remaining(Some(0.0), second), "remaining time unknown");
        assert_eq!(remaining(Some(1.5), second), "about 0 s remaining");
        assert_eq!(clock(11_220.0), "3 h 07 min");
    }

    #[test]
    fn a_ticker_calls_back_until_it_is_dropped() {
        let (told, heard) = mpsc::channel();
        let ticker = Ticker::start(Duration::from_millis(1), move || {
            let _ = told.send(());
        });
        assert!((0..3).all(|_| heard.recv().is_ok()));
        drop(ticker);
        assert!(heard.iter().count() < usize::MAX, "it has ended, and with it its channel");
    }
}
