//! Request coalescing: several runs of one large game share each pass over its matrix.
//!
//! A large product costs what the matrix costs to read, so sixteen runs that ask at the same time should read it once.
//! Each run keeps its own thread, solver, oracle and ledger; its oracle holds a [`BatchHandle`] on a common batcher. A
//! request hands in a policy and blocks; the last of the live handles to make one runs the batch for all
//! ([`Game::margins_many`], whose columns have the bits of [`Game::margins`]). So no run's numbers depend on which others
//! share its batches, solvers know nothing of it, and runs of unequal length or cost may share a batcher: a handle that is
//! dropped is waited for no longer.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use equipoise_core::Policy;
use ndarray::Array1;
use rayon::ThreadPool;

use crate::game::Game;

/// Bytes of one product from which on batching is worth its waiting: reading so many takes some ten times what waking
/// sixteen threads takes.
const WORTH_BYTES: u64 = 1 << 22;

/// One run's access to the batched products of a game. Dropping it releases the others from waiting for it.
#[derive(Debug)]
pub struct BatchHandle {
    batcher: Arc<ProductBatcher>,
    index: usize,
}

/// The products that the handles of one game request, computed together.
#[derive(Debug)]
struct ProductBatcher {
    game: Arc<Game>,
    /// Computes the products.
    pool: Arc<ThreadPool>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    /// The last request of each handle, and its answer.
    requests: Vec<Request>,
    /// Handles that wait for an answer.
    pending: Vec<usize>,
    /// Handles not yet dropped.
    live: usize,
    /// Batches done: a request made before one is answered after it.
    batches: u64,
}

#[derive(Debug)]
struct Request {
    policy: Policy,
    margins: Array1<f64>,
}

/// `count` handles on one batcher for `game`; its products run in `pool`. Every handle must be used from a thread of its own
/// that is not one of the pool's, and be dropped when its run ends: the others wait for it.
#[must_use]
pub fn handles(game: &Arc<Game>, count: usize, pool: &Arc<ThreadPool>) -> Vec<BatchHandle> {
    let request =
        || Request { policy: Policy::uniform(game.shape()), margins: Array1::zeros(game.shape().len()) };
    let state = State {
        requests: (0..count).map(|_| request()).collect(),
        pending: Vec::with_capacity(count),
        live: count,
        batches: 0,
    };
    let batcher = Arc::new(ProductBatcher {
        game: Arc::clone(game),
        pool: Arc::clone(pool),
        state: Mutex::new(state),
        changed: Condvar::new(),
    });
    (0..count).map(|index| BatchHandle { batcher: Arc::clone(&batcher), index }).collect()
}

/// Whether a product of one context reads so much more than waiting for others costs that the runs of `game` should share
/// a batcher: some thousand actions. Many small contexts are in cache one by one, and gain nothing.
#[must_use]
pub fn worth_batching(game: &Game) -> bool {
    game.product_cost().bytes / game.contexts() as u64 >= WORTH_BYTES
}

impl BatchHandle {
    /// The game.
    #[must_use]
    pub fn game(&self) -> &Arc<Game> {
        &self.batcher.game
    }

    /// `K pi` into `out`, flat over the shape, as [`Game::margins`] to the bit. Waits until every live handle has made a
    /// request.
    ///
    /// # Panics
    /// If a batch run by another handle panicked.
    pub(crate) fn margins(&self, policy: &Policy, out: &mut Array1<f64>) {
        let batcher = &*self.batcher;
        let mut state = batcher.lock();
        state.requests[self.index].policy.copy_from(policy);
        state.pending.push(self.index);
        let requested_at = state.batches;
        while state.batches == requested_at {
            state = if state.pending.len() == state.live {
                batcher.run(state)
            } else {
                batcher.changed.wait(state).expect(UNPOISONED)
            };
        }
        out.assign(&state.requests[self.index].margins);
    }
}

const UNPOISONED: &str = "no batch panicked";

impl ProductBatcher {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect(UNPOISONED)
    }

    /// One batch for all pending requests. The lock is kept: every other live handle waits for just this.
    fn run<'a>(&self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let State { requests, pending, batches, .. } = &mut *state;
        let (mut policies, mut outs) = (Vec::new(), Vec::new());
        for (index, request) in requests.iter_mut().enumerate() {
            if pending.contains(&index) {
                policies.push(&request.policy);
                outs.push(&mut request.margins);
            }
        }
        self.pool.install(|| self.game.margins_many(&policies, &mut outs));
        pending.clear();
        *batches += 1;
        self.changed.notify_all();
        state
    }
}

impl Drop for BatchHandle {
    fn drop(&mut self) {
        // after a panic within a batch every other handle panics by itself
        if let Ok(mut state) = self.batcher.state.lock() {
            state.live -= 1;
            self.batcher.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use equipoise_core::{Oracle as _, sample, seed};

    use super::*;
    use crate::{Feedback, GameOracle, PreferenceMatrix};

    fn game(n: usize) -> Arc<Game> {
        let mut rng = seed::stream(5, "lockstep", &[]);
        let margins: Vec<f64> = (0..n * n).map(|_| sample::uniform(&mut rng) - 0.5).collect();
        let matrix = PreferenceMatrix::from_margins(n, |i, j| margins[n * i + j]).expect("valid margins");
        Arc::new(Game::single(matrix))
    }

    /// A run with a rhythm of its own: `steps` steps of one or two queries, each towards the answer.
    fn walk(oracle: &mut GameOracle, k: usize, steps: usize) -> Vec<u64> {
        let shape = oracle.game().shape().clone();
        let logits = (0..shape.len()).map(|a| ((a * (k + 3)) % 7) as f64 / 7.0).collect();
        let mut policy = Policy::from_logits(&shape, logits).expect("finite");
        let mut q = Array1::zeros(shape.len());
        for step in 0..steps {
            for _ in 0..=(step + k) % 2 {
                oracle.win_rates(&policy, &mut q);
                policy.set_logits(|l| l.iter_mut().zip(&q).for_each(|(l, q)| *l += q)).expect("finite");
            }
        }
        policy.log_probs().iter().map(|l| l.to_bits()).collect()
    }

    #[test]
    fn every_run_has_the_bits_it_has_alone_whichever_others_share_its_batches() {
        let game = game(60);
        let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("threads"));
        let rng = || seed::stream(0, "test", &[]);
        let steps = |k: usize| 3 + 5 * k;
        let alone: Vec<_> = (0..5).map(|k| walk(&mut GameOracle::exact(game.clone()), k, steps(k))).collect();
        let together: Vec<_> = std::thread::scope(|scope| {
            let runs: Vec<_> = handles(&game, 5, &pool)
                .into_iter()
                .enumerate()
                .map(|(k, handle)| {
                    scope.spawn(move || {
                        walk(&mut GameOracle::batched(handle, Feedback::Exact, rng()), k, steps(k))
                    })
                })
                .collect();
            runs.into_iter().map(|r| r.join().expect("no panic")).collect()
        });
        assert_eq!(alone, together);
    }

    #[test]
    fn a_run_that_panics_releases_the_others() {
        let game = game(20);
        let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("threads"));
        let mut handles = handles(&game, 2, &pool);
        let (stays, goes) = (handles.remove(0), handles.remove(0));
        std::thread::scope(|scope| {
            let bad = scope.spawn(move || {
                let _dropped = goes;
                std::panic::resume_unwind(Box::new("a run that panics"));
            });
            let mut oracle = GameOracle::batched(stays, Feedback::Exact, seed::stream(0, "test", &[]));
            assert_eq!(walk(&mut oracle, 1, 9), walk(&mut GameOracle::exact(game.clone()), 1, 9));
            assert!(bad.join().is_err());
        });
    }
}
