//! Progress bars: of a running experiment, and of the stages of a long computation.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use equipoise_experiment::{Monitor, Plan, Shard};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Draws a monitor until it is dropped. Steps are counted, so that the remaining time is honest for runs of unequal
/// length; a run that ends early gives its remaining steps at once.
pub(crate) struct Progress {
    done: Arc<AtomicBool>,
    drawer: Option<JoinHandle<()>>,
}

impl Progress {
    /// Starts drawing to standard error, if that is a terminal; else one line when it begins.
    pub(crate) fn start(plan: &Plan, shard: Option<Shard>, monitor: &Arc<Monitor>) -> Self {
        let runs = equipoise_experiment::shard::runs(plan, shard);
        let done = Arc::new(AtomicBool::new(false));
        if !std::io::stderr().is_terminal() {
            crate::output::note(&format!("{}: {runs} runs on {} games", plan.spec.name, plan.games()));
            return Self { done, drawer: None };
        }
        let bar = ProgressBar::with_draw_target(
            Some(runs.saturating_mul(plan.spec.limits.steps)),
            ProgressDrawTarget::stderr(),
        );
        let style = ProgressStyle::with_template("{prefix} {bar:30} {msg}  {elapsed} gone, {eta} to go")
            .expect("a valid template");
        bar.set_style(style.progress_chars("=> "));
        bar.set_prefix(plan.spec.name.clone());
        let (monitor, flag) = (Arc::clone(monitor), Arc::clone(&done));
        let drawer = std::thread::spawn(move || {
            while !flag.load(Ordering::Relaxed) {
                bar.set_position(monitor.steps.load(Ordering::Relaxed));
                bar.set_message(format!("{}/{runs} runs", monitor.runs.load(Ordering::Relaxed)));
                std::thread::sleep(Duration::from_millis(60));
            }
            bar.finish_and_clear();
        });
        Self { done, drawer: Some(drawer) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        if let Some(drawer) = self.drawer.take() {
            let _ = drawer.join();
        }
    }
}

/// How long a stage may take before it is drawn.
const PATIENCE: Duration = Duration::from_secs(1);
/// Digits of a gap down to rounding.
const DIGITS: u64 = 16;

/// Draws the stages of a computation to standard error, if that is a terminal and they take more than a second; remarks go
/// there in any case.
#[derive(Default)]
pub(crate) struct Terminal(Mutex<Option<Stage>>);

/// What is drawn: a bar of units; a spinner where their number is unknown, or a bar of right digits once a gap is known.
struct Stage {
    bar: ProgressBar,
    counted: bool,
    /// Dropped to end the wait for [`PATIENCE`].
    _waiting: mpsc::Sender<()>,
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("a valid template").progress_chars("=> ")
}

impl Terminal {
    fn stage(&self) -> MutexGuard<'_, Option<Stage>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl equipoise_answers::Progress for Terminal {
    fn begin(&self, what: &str, units: Option<u64>) {
        self.end();
        if !std::io::stderr().is_terminal() {
            return;
        }
        let bar = ProgressBar::with_draw_target(units, ProgressDrawTarget::hidden());
        bar.set_message(what.to_owned());
        bar.set_style(style(match units {
            Some(_) => "{msg} {bar:30} {pos}/{len}  {elapsed} gone, {eta} to go",
            None => "{spinner} {msg}  {elapsed} gone",
        }));
        let (waiting, ended) = mpsc::channel::<()>();
        let drawn = bar.clone();
        std::thread::spawn(move || {
            if ended.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
                drawn.set_draw_target(ProgressDrawTarget::stderr());
                drawn.enable_steady_tick(Duration::from_millis(100));
            }
        });
        *self.stage() = Some(Stage { bar, counted: units.is_some(), _waiting: waiting });
    }

    fn advance(&self, units: u64) {
        if let Some(stage) = self.stage().as_ref() {
            stage.bar.inc(units);
        }
    }

    fn gap(&self, gap: f64) {
        if let Some(stage) = self.stage().as_ref().filter(|stage| !stage.counted && gap < 1.0) {
            stage.bar.set_style(style("{msg} {bar:30} gap {prefix}  {elapsed} gone"));
            stage.bar.set_length(DIGITS);
            stage.bar.set_position(((-gap.log10()) as u64).min(DIGITS));
            stage.bar.set_prefix(format!("{gap:.0e}"));
        }
    }

    fn end(&self) {
        if let Some(stage) = self.stage().take() {
            stage.bar.finish_and_clear();
        }
    }

    fn note(&self, text: &str) {
        crate::output::note(text);
    }
}
