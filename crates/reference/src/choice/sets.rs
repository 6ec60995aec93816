//! Choice sets: who remains when those are removed that a rule counts as beaten.
//!
//! They are nested: essential set (of the majority game) within the uncovered set within the Smith set; the Schwartz set
//! lies within the Smith set, and equals it in a tournament.

use equipoise_env::PreferenceMatrix;

use super::relation;
use crate::error::ReferenceError;
use crate::select::essential_actions;

/// The union of the smallest sets that nobody outside beats, ascending (Schwartz 1972): the actions that are above or
/// level with each other along chains of "beats". A subset of the Smith set; smaller where pairs tie.
///
/// Cost: `O(n^3 / 64)`.
#[must_use]
pub fn schwartz_set(matrix: &PreferenceMatrix) -> Vec<usize> {
    let n = matrix.n();
    let mut reaches = relation(n, |i, j| matrix.margin(i, j) > 0.0);
    for via in 0..n {
        let onward = reaches[via].clone();
        for row in &mut reaches {
            if holds(row, via) {
                row.iter_mut().zip(&onward).for_each(|(a, b)| *a |= b);
            }
        }
    }
    (0..n).filter(|&i| (0..n).all(|j| !holds(&reaches[j], i) || holds(&reaches[i], j))).collect()
}

/// The actions that no other covers, ascending. `x` covers `y` if `x` beats `y`, beats all that `y` beats, and is beaten
/// only by what beats `y` (McKelvey 1986; in a tournament each of the last two implies the other, Fishburn 1977, Miller
/// 1980).
///
/// Cost: `O(n^3 / 64)`.
#[must_use]
pub fn uncovered_set(matrix: &PreferenceMatrix) -> Vec<usize> {
    let n = matrix.n();
    let above = relation(n, |i, j| matrix.margin(i, j) > 0.0);
    let below = relation(n, |i, j| matrix.margin(i, j) < 0.0);
    let within = |a: &[u64], b: &[u64]| a.iter().zip(b).all(|(a, b)| a & !b == 0);
    let covers = |x: usize, y: usize| {
        holds(&above[x], y) && within(&above[y], &above[x]) && within(&below[x], &below[y])
    };
    (0..n).filter(|&y| !(0..n).any(|x| covers(x, y))).collect()
}

/// The game of majorities: the margins reduced to 1/2, 0 and -1/2.
///
/// # Panics
/// Never: these are margins.
#[must_use]
pub fn majority_game(matrix: &PreferenceMatrix) -> PreferenceMatrix {
    let sign = |i: usize, j: usize| match matrix.margin(i, j) {
        m if m > 0.0 => 0.5,
        m if m < 0.0 => -0.5,
        _ => 0.0,
    };
    PreferenceMatrix::from_margins(matrix.n(), sign).expect("signs are margins")
}

/// The actions that some maximal lottery plays, ascending (Dutta and Laslier 1999); of the [`majority_game`] of a
/// tournament, its bipartisan set (Laffond, Laslier and Le Breton 1993). `None` if rounding does not let it be told.
///
/// # Errors
/// [`ReferenceError::Inexact`] if there is no lottery to rounding.
pub fn essential_set(matrix: &PreferenceMatrix) -> Result<Option<Vec<usize>>, ReferenceError> {
    essential_actions(matrix)
}

fn holds(row: &[u64], j: usize) -> bool {
    row[j / 64] >> (j % 64) & 1 == 1
}
