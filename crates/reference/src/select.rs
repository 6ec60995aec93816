//! The maximal lottery asked for: of large games of structure from entries and products, of all others densely.

use equipoise_env::{Game, PreferenceMatrix};

use crate::error::ReferenceError;
use crate::lottery::{Equilibrium, Search, Selection, ignore};
use crate::margins::Margins;
use crate::structured;

/// The maximal lottery of `matrix`, of several the one of maximum entropy, with its gap, its support, its best responses
/// and whether it is unique.
///
/// Deterministic. Scale-free: margins of 1e-9 are as good as margins of 1/2, also side by side.
///
/// # Errors
/// [`ReferenceError::Inexact`] if no policy of gap [`LARGEST_GAP`](crate::LARGEST_GAP) was found, which no game has been seen to cause.
pub fn maximal_lottery(matrix: &PreferenceMatrix) -> Result<Equilibrium, ReferenceError> {
    select_lottery(matrix, Selection::MaximumEntropy)
}

/// The maximal lottery of `matrix`, of several the one asked for.
///
/// # Errors
/// [`ReferenceError::Inexact`] as [`maximal_lottery`]; [`ReferenceError::Shape`] or [`ReferenceError::Support`] for a
/// reference that does not fit.
pub fn select_lottery(
    matrix: &PreferenceMatrix,
    selection: Selection<'_>,
) -> Result<Equilibrium, ReferenceError> {
    select_lottery_watched(matrix, selection, &ignore)
}

/// [`select_lottery`] that tells, while it follows the central path (above a hundred actions), a bound on the duality gap
/// after each step: what a progress bar shows. The bounds fall from about 1 to rounding, or stop short of it where crossover
/// ends the path, and may begin again.
///
/// # Errors
/// As [`select_lottery`].
pub fn select_lottery_watched(
    matrix: &PreferenceMatrix,
    selection: Selection<'_>,
    watch: &dyn Fn(f64),
) -> Result<Equilibrium, ReferenceError> {
    selection.check(matrix.n())?;
    let k = Margins::scaled(matrix);
    let mut search = Search::new(matrix, &k, watch);
    if k.n() > structured::LARGE
        && search.inspected().is_none()
        && let Some(found) = structured::lottery(matrix, selection)
    {
        return Ok(found);
    }
    let found = search.find()?;
    Ok(search.select(found, selection))
}

/// [`select_lottery_watched`] of context `x` of a game. Above five hundred actions what plays few actions, or has low rank, is
/// solved from entries and products, in whatever the context is kept; anything else is written down as a matrix.
///
/// # Errors
/// As [`select_lottery`].
pub fn context_lottery(
    game: &Game,
    x: usize,
    selection: Selection<'_>,
    watch: &dyn Fn(f64),
) -> Result<Equilibrium, ReferenceError> {
    let n = game.shape().actions(x);
    selection.check(n)?;
    if n > structured::LARGE
        && game.is_stored(x)
        && let Some(found) = structured::lottery(&structured::Stored(game, x), selection)
    {
        return Ok(found);
    }
    select_lottery_watched(&game.matrix(x), selection, watch)
}
