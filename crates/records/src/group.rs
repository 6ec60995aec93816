//! Short runs are made durable in groups: one call for all that was written in the last two seconds, not several for each.
//!
//! A run that is killed in between loses nothing, because what was written is with the operating system. Where the machine itself
//! fails, the last two seconds may be lost; what is half there does not fit its digests, and is done again. A run that comes alone is
//! made durable by itself, before it has its name.

use std::path::Path;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::error::RecordsError;

/// How long what was written waits at most for others.
pub(crate) const EVERY: Duration = Duration::from_secs(2);

/// What is not yet durable of a folder, as far as this process wrote it.
#[derive(Debug)]
pub(crate) struct Group(Mutex<State>);

#[derive(Debug)]
struct State {
    /// When all was durable.
    last: Instant,
    /// Whether something was written since.
    open: bool,
}

impl Group {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(State { last: Instant::now(), open: false }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no thread panics while it holds this")
    }

    /// Whether what is about to be written must be made durable by its writer.
    pub(crate) fn is_alone(&self) -> bool {
        self.is_first(!cfg!(target_os = "linux"))
    }

    fn is_first(&self, always: bool) -> bool {
        let mut state = self.state();
        let alone = always || (!state.open && state.last.elapsed() >= EVERY);
        if alone {
            state.last = Instant::now();
        } else {
            state.open = true;
        }
        alone
    }

    /// What was just appended to a file is made durable by `sync`, at once if it comes alone, else with what comes after it.
    ///
    /// # Errors
    /// Those of `sync`.
    pub(crate) fn append(&self, sync: impl FnOnce() -> Result<(), RecordsError>) -> Result<(), RecordsError> {
        if self.is_first(false) { sync() } else { self.make_durable(false, sync) }
    }

    /// Makes all durable that was written, by `sync`, if it is time, or at once (`now`).
    ///
    /// # Errors
    /// Those of `sync`.
    pub(crate) fn make_durable(
        &self,
        now: bool,
        sync: impl FnOnce() -> Result<(), RecordsError>,
    ) -> Result<(), RecordsError> {
        let mut state = self.state();
        if !state.open || !(now || state.last.elapsed() >= EVERY) {
            return Ok(());
        }
        *state = State { last: Instant::now(), open: false };
        drop(state); // others go on writing
        sync()
    }
}

/// Makes all durable that was written into the file system of `folder`.
#[cfg(target_os = "linux")]
pub(crate) fn sync_all(folder: &Path) -> Result<(), RecordsError> {
    let folder = fs_err::File::open(folder)?;
    crate::files::count_sync();
    rustix::fs::syncfs(&folder).map_err(|e| crate::files::in_file(folder.path(), e.into()).into())
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn sync_all(_: &Path) -> Result<(), RecordsError> {
    Ok(()) // every writer has seen to it
}
