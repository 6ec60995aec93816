//! What a long computation says while it runs.

use std::cell::Cell;

/// Hears of the stages of a computation and of what is odd about its input. Every method does nothing unless it is
/// written; calls may come from several threads.
///
/// ```
/// use std::sync::Mutex;
/// use equipoise_answers::{Progress, Source, inspect};
///
/// #[derive(Default)]
/// struct Notes(Mutex<Vec<String>>);
/// impl Progress for Notes {
///     fn note(&self, text: &str) {
///         self.0.lock().expect("no thread panics with the lock").push(text.to_owned());
///     }
/// }
/// ```
pub trait Progress: Sync {
    /// A stage begins: what is done, and in how many units if that is known.
    fn begin(&self, what: &str, units: Option<u64>) {
        let _ = (what, units);
    }

    /// So many more units of the stage are done.
    fn advance(&self, units: u64) {
        let _ = units;
    }

    /// The duality gap of the best policy found so far, above 0.
    fn gap(&self, gap: f64) {
        let _ = gap;
    }

    /// The stage ended, or was given up.
    fn end(&self) {}

    /// A remark beside the answer: how ties were counted, which pairs never met, which rows were left out.
    fn note(&self, text: &str) {
        let _ = text;
    }
}

/// Hears nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {}

/// A stage of a hundred units that begins once its share is told; see [`Share::to`].
pub(crate) struct Share<'a> {
    progress: &'a dyn Progress,
    what: &'a str,
    told: Cell<Option<u64>>,
}

impl<'a> Share<'a> {
    pub(crate) fn of(progress: &'a dyn Progress, what: &'a str) -> Self {
        Self { progress, what, told: Cell::new(None) }
    }

    /// So much is done, in `[0, 1]`.
    pub(crate) fn to(&self, share: f64) {
        if self.told.get().is_none() {
            self.progress.begin(self.what, Some(100));
        }
        let (before, now) = (self.told.get().unwrap_or(0), (100.0 * share) as u64);
        self.progress.advance(now.saturating_sub(before));
        self.told.set(Some(now.max(before)));
    }
}

/// A stage that ends when it goes out of scope, by an error too.
pub(crate) struct Stage<'a>(&'a dyn Progress);

impl<'a> Stage<'a> {
    pub(crate) fn begin(progress: &'a dyn Progress, what: &str, units: Option<usize>) -> Self {
        progress.begin(what, units.map(|n| n as u64));
        Self(progress)
    }
}

impl Drop for Stage<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}
