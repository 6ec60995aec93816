//! Runs in lock-step: several oracles of one large game pay for one pass over its matrix together.
//!
//! A large product costs what the matrix costs to read, so sixteen runs that ask at the same time should read it once.
//! Each run keeps its own thread, solver, oracle and ledger; its oracle holds a [`Seat`] at a common table. A product is
//! asked for by laying the policy down and waiting; when every seat still taken has asked, the one who finds it so does
//! the pass for all ([`Game::margins_many`], whose columns have the bits of [`Game::margins`]). So no run's numbers
//! depend on who sits beside it, solvers know nothing of it, and runs of unequal length or cost may share a table: who
//! has finished leaves.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use equipoise_core::Policy;
use ndarray::Array1;
use rayon::ThreadPool;

use crate::game::Game;

/// A pass over so many bytes takes some ten times what waking sixteen threads takes.
const BYTES: u64 = 1 << 22;

/// A place at the table of one game. Dropping it leaves the table.
#[derive(Debug)]
pub struct Seat {
    table: Arc<Table>,
    index: usize,
}

#[derive(Debug)]
struct Table {
    game: Arc<Game>,
    /// Who does the products.
    pool: Arc<ThreadPool>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    /// What was laid down, and the answer to it; away while a pass is being done.
    places: Vec<Place>,
    /// Seats that have asked and not been answered.
    asking: Vec<usize>,
    taken: usize,
    /// Counts passes: who asked before one is answered after it.
    passes: u64,
}

#[derive(Debug)]
struct Place {
    policy: Policy,
    margins: Array1<f64>,
}

/// `count` seats at one table for `game`; its passes run in `pool`. Every seat must be used from a thread of its own that
/// is not one of the pool's, and be dropped when its run ends: the others wait for it.
#[must_use]
pub fn seats(game: &Arc<Game>, count: usize, pool: &Arc<ThreadPool>) -> Vec<Seat> {
    let place =
        || Place { policy: Policy::uniform(game.shape()), margins: Array1::zeros(game.shape().len()) };
    let state = State {
        places: (0..count).map(|_| place()).collect(),
        asking: Vec::with_capacity(count),
        taken: count,
        passes: 0,
    };
    let table = Arc::new(Table {
        game: Arc::clone(game),
        pool: Arc::clone(pool),
        state: Mutex::new(state),
        changed: Condvar::new(),
    });
    (0..count).map(|index| Seat { table: Arc::clone(&table), index }).collect()
}

/// Whether a product of one context reads so much more than waiting for others costs that the runs of `game` should share
/// a table: some thousand actions. Many small contexts lie in cache one by one, and gain nothing.
#[must_use]
pub fn pays(game: &Game) -> bool {
    game.product_cost().bytes / game.contexts() as u64 >= BYTES
}

impl Seat {
    /// The game.
    #[must_use]
    pub fn game(&self) -> &Arc<Game> {
        &self.table.game
    }

    /// `K pi` into `out`, flat over the shape, as [`Game::margins`] to the bit. Waits for the others at the table.
    ///
    /// # Panics
    /// If a pass of another seat panicked.
    pub(crate) fn margins(&self, policy: &Policy, out: &mut Array1<f64>) {
        let table = &*self.table;
        let mut state = table.lock();
        state.places[self.index].policy.copy_from(policy);
        state.asking.push(self.index);
        let asked_before = state.passes;
        while state.passes == asked_before {
            state = if state.asking.len() == state.taken {
                table.pass(state)
            } else {
                table.changed.wait(state).expect(UNPOISONED)
            };
        }
        out.assign(&state.places[self.index].margins);
    }
}

const UNPOISONED: &str = "no pass panicked";

impl Table {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect(UNPOISONED)
    }

    /// One pass for all who ask. The lock is kept: everybody else at the table is waiting for just this.
    fn pass<'a>(&self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let State { places, asking, passes, .. } = &mut *state;
        let (mut policies, mut outs) = (Vec::new(), Vec::new());
        for (index, place) in places.iter_mut().enumerate() {
            if asking.contains(&index) {
                policies.push(&place.policy);
                outs.push(&mut place.margins);
            }
        }
        self.pool.install(|| self.game.margins_many(&policies, &mut outs));
        asking.clear();
        *passes += 1;
        self.changed.notify_all();
        state
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // a poisoned table has nobody left to tell
        if let Ok(mut state) = self.table.state.lock() {
            state.taken -= 1;
            self.table.changed.notify_all();
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
    fn every_run_has_the_bits_it_has_alone_whoever_sits_beside_it() {
        let game = game(60);
        let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("threads"));
        let rng = || seed::stream(0, "test", &[]);
        let steps = |k: usize| 3 + 5 * k;
        let alone: Vec<_> = (0..5).map(|k| walk(&mut GameOracle::exact(game.clone()), k, steps(k))).collect();
        let together: Vec<_> = std::thread::scope(|scope| {
            let runs: Vec<_> = seats(&game, 5, &pool)
                .into_iter()
                .enumerate()
                .map(|(k, seat)| {
                    scope.spawn(move || {
                        walk(&mut GameOracle::seated(seat, Feedback::Exact, rng()), k, steps(k))
                    })
                })
                .collect();
            runs.into_iter().map(|r| r.join().expect("no panic")).collect()
        });
        assert_eq!(alone, together);
    }

    #[test]
    fn who_panics_leaves_the_table_to_the_others() {
        let game = game(20);
        let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("threads"));
        let mut seats = seats(&game, 2, &pool);
        let (stays, goes) = (seats.remove(0), seats.remove(0));
        std::thread::scope(|scope| {
            let bad = scope.spawn(move || {
                let _seat = goes;
                std::panic::resume_unwind(Box::new("a run that panics"));
            });
            let mut oracle = GameOracle::seated(stays, Feedback::Exact, seed::stream(0, "test", &[]));
            assert_eq!(walk(&mut oracle, 1, 9), walk(&mut GameOracle::exact(game.clone()), 1, 9));
            assert!(bad.join().is_err());
        });
    }
}
