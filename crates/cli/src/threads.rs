//! Threads that are shared by all of a command.

/// Most threads that `RAYON_NUM_THREADS` is followed to: more of them take longer to start than they do work.
const MOST: usize = 512;

/// Bounds the threads that the environment asks for.
pub(crate) fn bound() {
    let asked = std::env::var("RAYON_NUM_THREADS").ok().and_then(|text| text.trim().parse::<usize>().ok());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    if let Some(asked) = asked.filter(|asked| *asked > MOST.max(cores)) {
        let used = MOST.max(cores);
        crate::output::note(&format!("RAYON_NUM_THREADS is {asked}; {used} threads are started"));
        // nothing has used the threads yet, so there are none that this would come too late for
        let _ = rayon::ThreadPoolBuilder::new().num_threads(used).build_global();
    }
}
