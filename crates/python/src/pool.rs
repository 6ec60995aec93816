//! One pool of threads for each process: a pool does not survive `fork()`, and the first work given to that of the parent
//! would wait for ever. Whatever the library does in parallel is done inside [`install`].

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rayon::{ThreadPool, ThreadPoolBuilder};

/// A pool and the process that started it.
struct Owned {
    process: u32,
    threads: usize,
    pool: ThreadPool,
}

/// The newest pool. One that is replaced is leaked: in a child its threads are not there to be joined.
static NEWEST: Mutex<Option<&'static Owned>> = Mutex::new(None);
/// Milliseconds that the newest pool is waited for.
const PATIENCE: u32 = 500;
/// Threads asked for; 0: one a core, or `EQUIPOISE_THREADS`.
static THREADS: AtomicUsize = AtomicUsize::new(0);

/// Sets the number of threads from the next call on; 0: one a core.
pub(crate) fn set_threads(threads: usize) {
    THREADS.store(threads, Ordering::Relaxed);
}

/// Threads that a call may use.
pub(crate) fn threads() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let asked = match THREADS.load(Ordering::Relaxed) {
        0 => std::env::var("EQUIPOISE_THREADS").ok().and_then(|text| text.trim().parse().ok()),
        threads => Some(threads),
    };
    asked.filter(|threads| *threads > 0).unwrap_or(cores).min(512.max(cores))
}

/// Does `work` on the threads of this process.
///
/// # Errors
/// What the system says where it starts no thread.
pub(crate) fn install<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, String> {
    Ok(newest()?.install(work))
}

fn newest() -> Result<&'static ThreadPool, String> {
    let (process, threads) = (std::process::id(), threads());
    // held for no longer than a pool takes to start; but at the moment of a fork it may be held by a thread that the child
    // lacks, so that nobody waits for ever: then the pool is one for this call
    let mut held = None;
    for _ in 0..PATIENCE {
        held = NEWEST.try_lock().ok();
        if held.is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    if let Some(owned) = held.as_deref().copied().flatten()
        && (owned.process, owned.threads) == (process, threads)
    {
        return Ok(&owned.pool);
    }
    let pool = ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|e| format!("cannot start {threads} threads: {e}"))?;
    let owned: &'static Owned = Box::leak(Box::new(Owned { process, threads, pool }));
    if let Some(held) = &mut held {
        **held = Some(owned);
    }
    Ok(&owned.pool)
}
