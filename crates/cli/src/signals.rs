//! What ends a command from outside: Ctrl-C, and the signals of a scheduler (SIGTERM, SIGHUP), which are treated alike.
//!
//! An experiment is asked to stop, and keeps what it has; a second signal ends it at once. Any other command ends at once. What
//! was half written is removed in both cases.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use equipoise_experiment::Monitor;
use equipoise_records::discard_partial;

use crate::output;

/// The experiment that is running.
static RUNNING: Mutex<Option<Arc<Monitor>>> = Mutex::new(None);
/// Folders that the command writes into.
static FOLDERS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Listens from now on.
pub(crate) fn listen() {
    let heard = || {
        let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if running.is_some_and(|monitor| !monitor.stop.swap(true, Ordering::Relaxed)) {
            output::note(
                "stopping: each run ends with the step that it is in, and what was recorded is kept; once more to end at once",
            );
            return;
        }
        for folder in FOLDERS.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            discard_partial(folder);
        }
        std::process::exit(130);
    };
    if let Err(error) = ctrlc::set_handler(heard) {
        output::note(&format!("signals are not heard: {error}"));
    }
}

/// A signal asks this experiment to stop.
pub(crate) fn stop(monitor: &Arc<Monitor>) {
    *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(monitor));
}

/// What is half written in `folder` is removed before the end by a signal.
pub(crate) fn writes_into(folder: &Path) {
    FOLDERS.lock().unwrap_or_else(PoisonError::into_inner).push(folder.to_owned());
}

/// As [`writes_into`], for the folder of a file.
pub(crate) fn writes(file: &Path) {
    let parent = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    writes_into(parent.unwrap_or(Path::new(".")));
}
