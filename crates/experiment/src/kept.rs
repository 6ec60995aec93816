//! Games that have been made, kept in memory until their runs are done.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::game::GamePlan;

/// Bytes of games that are kept between their check and their runs, 1 GiB; others are made again.
const KEPT: u64 = 1 << 30;
/// Why a lock is never found broken.
pub(crate) const UNPOISONED: &str = "no thread panics while it holds this";

/// Games that have been made and checked, as far as memory is set aside for them.
#[derive(Default)]
pub(crate) struct Kept {
    games: Mutex<BTreeMap<usize, Arc<GamePlan>>>,
    bytes: AtomicU64,
}

impl Kept {
    pub(crate) fn offer(&self, g: usize, made: &Arc<GamePlan>) {
        let bytes = made.game.bytes() + 32 * made.game.shape().len() as u64;
        if self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes <= KEPT {
            self.games.lock().expect(UNPOISONED).insert(g, Arc::clone(made));
        } else {
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
    }

    pub(crate) fn get(&self, g: usize) -> Option<Arc<GamePlan>> {
        self.games.lock().expect(UNPOISONED).get(&g).cloned()
    }

    pub(crate) fn drop_game(&self, g: usize) {
        if let Some(made) = self.games.lock().expect(UNPOISONED).remove(&g) {
            let bytes = made.game.bytes() + 32 * made.game.shape().len() as u64;
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
    }
}
