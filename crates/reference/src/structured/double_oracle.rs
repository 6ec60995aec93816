//! Double oracle (McMahan, Gordon and Blum 2003): the game among some actions is solved, whoever beats its equilibrium comes in.
//!
//! In a symmetric game both players have the same actions, so one list serves. It ends with an equilibrium of the whole
//! game, or gives up where too many actions come in, as in dense games without structure, of whose actions half are played.
//! The first actions are spread over the whole list, each time as many come in as there are (at least [`FIRST`]), and those
//! that are not played go out where the list is full.
//!
//! Cost: a product and a small game of at most [`MOST`] actions by pivoting a round.

use equipoise_env::PreferenceMatrix;

use super::{Entries, Point};
use crate::lottery::{Search, ignore, rounding};
use crate::margins::Margins;

/// Actions of the first game.
const FIRST: usize = 32;
/// Most actions of a small game, and, of a large game of `n` actions, at most a quarter of `n`.
const MOST: usize = 512;
/// Rounds: actions that leave and come back make many.
const ROUNDS: usize = 100;

/// An equilibrium that is a vertex of the small game's set.
pub(super) struct Vertex {
    pub(super) point: Point,
    /// Size of the margins seen, a power of two.
    pub(super) scale: f64,
}

/// An equilibrium, certified but for rounding.
pub(super) fn vertex(k: &dyn Entries) -> Option<Vertex> {
    let n = k.n();
    let most = MOST.min(n / 4);
    let first = FIRST.min(n);
    let mut actions: Vec<usize> = (0..first).map(|a| a * n / first).collect();
    for _ in 0..ROUNDS {
        let small = PreferenceMatrix::from_margins(actions.len(), |a, b| k.margin(actions[a], actions[b]))
            .expect("entries of a game");
        let scaled = Margins::scaled(&small);
        let (scale, zero) = (scaled.scale(), rounding(n) * scaled.scale());
        let q = Search::new(&small, &scaled, &ignore).vertex()?;
        let mut policy = vec![0.0; n];
        actions.iter().zip(&q).for_each(|(&i, &q)| policy[i] = q);
        let outside = |i: &usize| actions.binary_search(i).is_err();
        let mut margins = k.product(&policy);
        let mut beating: Vec<usize> = (0..n).filter(outside).filter(|&i| margins[i] > 0.5 * zero).collect();
        if beating.is_empty() {
            let point = Point::new(k, policy);
            if point.gap() <= zero {
                return Some(Vertex { point, scale });
            }
            margins = point.margins;
            beating = (0..n).filter(outside).filter(|&i| margins[i] > 0.5 * zero).collect();
            if beating.is_empty() {
                return None;
            }
        }
        let played = q.iter().filter(|q| **q > 0.0).count();
        if actions.len() >= most && 4 * played > most {
            return None;
        }
        if actions.len() >= most {
            let kept: Vec<usize> =
                actions.iter().zip(&q).filter(|(_, q)| **q > 0.0).map(|(&i, _)| i).collect();
            actions = kept;
        }
        beating.sort_by(|&a, &b| margins[b].total_cmp(&margins[a]).then(a.cmp(&b)));
        let space = most.saturating_sub(actions.len()).min(actions.len().max(FIRST));
        actions.extend(beating.into_iter().take(space));
        actions.sort_unstable();
    }
    None
}
