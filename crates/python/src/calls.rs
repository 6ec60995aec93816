//! How a call leaves Python and comes back: without the interpreter's lock, on the threads of this process, and without a panic.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use pyo3::prelude::*;

use crate::failure::Failure;
use crate::pool;

/// How often a long call looks for a signal and tells its progress.
const EVERY: Duration = Duration::from_millis(40);

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without words".into())
}

fn caught<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(Failure::internal(said(&*panic))))
}

/// A call of microseconds, on the thread that asks. What it does must not be large enough to be shared among threads.
pub(crate) fn short<T>(py: Python<'_>, work: impl FnOnce() -> Result<T, Failure>) -> PyResult<T> {
    caught(work).map_err(|failure| failure.into_pyerr(py))
}

/// A call that may last: on the threads of this process, without the interpreter's lock. An interrupt sets `stop`, for work
/// that looks at it, and is raised when the work has ended; `tick` is called now and then from the thread that asks, and may
/// raise.
pub(crate) fn long<T: Send>(
    py: Python<'_>,
    stop: &AtomicBool,
    mut tick: impl FnMut(Python<'_>) -> PyResult<()> + Send,
    work: impl FnOnce() -> Result<T, Failure> + Send,
) -> PyResult<T> {
    let (ended, raised) = py.detach(|| {
        std::thread::scope(|scope| {
            let (send, receive) = mpsc::channel();
            let work = move || {
                let ended = pool::install(move || caught(work)).unwrap_or_else(|e| Err(Failure::internal(e)));
                // the other end waits for it
                let _ = send.send(ended);
            };
            if let Err(e) = std::thread::Builder::new().spawn_scoped(scope, work) {
                return (Err(Failure::internal(format!("cannot start a thread: {e}"))), None);
            }
            let mut raised = None;
            loop {
                match receive.recv_timeout(EVERY) {
                    Ok(ended) => return (ended, raised),
                    Err(mpsc::RecvTimeoutError::Disconnected) => {
                        return (Err(Failure::internal("the work ended without a word".into())), raised);
                    }
                    Err(mpsc::RecvTimeoutError::Timeout) if raised.is_none() => {
                        let looked = Python::attach(|py| py.check_signals().and_then(|()| tick(py)));
                        if let Err(error) = looked {
                            stop.store(true, Ordering::Relaxed);
                            raised = Some(error);
                        }
                    }
                    Err(mpsc::RecvTimeoutError::Timeout) => {}
                }
            }
        })
    });
    match raised {
        Some(error) => Err(error),
        None => ended.map_err(|failure| failure.into_pyerr(py)),
    }
}

/// [`long`] without progress and without a way to stop it early.
pub(crate) fn plain<T: Send>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<T, Failure> + Send,
) -> PyResult<T> {
    long(py, &AtomicBool::new(false), |_| Ok(()), work)
}
