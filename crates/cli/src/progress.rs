//! The progress bar of a running experiment, and the sign of life of a long computation.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use equipoise_experiment::{Monitor, Plan};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Draws a monitor until it is dropped. Steps are counted, so that the remaining time is honest for runs of unequal
/// length; a run that ends early gives its remaining steps at once.
pub(crate) struct Progress {
    done: Arc<AtomicBool>,
    drawer: Option<JoinHandle<()>>,
}

impl Progress {
    /// Starts drawing to standard error, if that is a terminal; else one line when it begins.
    pub(crate) fn start(plan: &Plan, monitor: &Arc<Monitor>) -> Self {
        let runs = plan.runs.len() as u64;
        let done = Arc::new(AtomicBool::new(false));
        if !std::io::stderr().is_terminal() {
            crate::output::say(&format!("{}: {runs} runs on {} games", plan.name, plan.games.len()));
            return Self { done, drawer: None };
        }
        let bar = ProgressBar::with_draw_target(
            Some(runs.saturating_mul(plan.limits.steps)),
            ProgressDrawTarget::stderr(),
        );
        let style = ProgressStyle::with_template("{prefix} {bar:30} {msg}  {elapsed} gone, {eta} to go")
            .expect("a valid template");
        bar.set_style(style.progress_chars("=> "));
        bar.set_prefix(plan.name.clone());
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

/// How long a computation may take before it gives a sign of life.
const PATIENCE: Duration = Duration::from_secs(1);
/// Digits of a gap down to rounding.
const DIGITS: u64 = 16;

/// Shows that something is being computed and for how long, once it takes more than a second, until it is dropped.
pub(crate) struct Waiting {
    done: Arc<AtomicBool>,
    /// Bits of the last bound on the duality gap that was told; 1 before.
    gap: Arc<AtomicU64>,
    drawer: Option<JoinHandle<()>>,
}

impl Waiting {
    /// Starts waiting; draws only to a terminal.
    pub(crate) fn start(what: &'static str) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let gap = Arc::new(AtomicU64::new(1f64.to_bits()));
        if !std::io::stderr().is_terminal() {
            return Self { done, gap, drawer: None };
        }
        let (flag, told) = (Arc::clone(&done), Arc::clone(&gap));
        let drawer = std::thread::spawn(move || {
            std::thread::park_timeout(PATIENCE);
            if flag.load(Ordering::Relaxed) {
                return;
            }
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.set_style(
                ProgressStyle::with_template("{spinner} {msg}  {elapsed} gone").expect("a valid template"),
            );
            bar.set_message(what);
            let measured = ProgressStyle::with_template("{msg} {bar:30} gap {prefix}  {elapsed} gone")
                .expect("a valid template");
            while !flag.load(Ordering::Relaxed) {
                let gap = f64::from_bits(told.load(Ordering::Relaxed));
                if gap < 1.0 {
                    bar.set_style(measured.clone().progress_chars("=> "));
                    bar.set_length(DIGITS);
                    bar.set_position(((-gap.log10()) as u64).min(DIGITS));
                    bar.set_prefix(format!("{gap:.0e}"));
                }
                bar.tick();
                std::thread::park_timeout(Duration::from_millis(100));
            }
            bar.finish_and_clear();
        });
        Self { done, gap, drawer: Some(drawer) }
    }

    /// Takes a bound on the duality gap, for a bar of the digits that are right.
    pub(crate) fn tell(&self, gap: f64) {
        self.gap.store(gap.to_bits(), Ordering::Relaxed);
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        if let Some(drawer) = self.drawer.take() {
            drawer.thread().unpark();
            let _ = drawer.join();
        }
    }
}
