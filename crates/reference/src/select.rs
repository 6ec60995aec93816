//! The maximal lottery asked for: of large games of structure from entries and products, of all others densely.

use equipoise_env::{Game, PreferenceMatrix};

use crate::error::ReferenceError;
use crate::lottery::{Equilibrium, Search, Selection, ignore};
use crate::margins::Margins;
use crate::structured::{self, Ends};

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

/// Least and largest probability of every action over all equilibria, `[n]`, each to about 1e-10.
///
/// `None` if rounding does not let the set of equilibria be told, or if it is large (more than three hundred best responses) and no level
/// set of a block of low rank with at most some 15,000 actions. Two linear programmes an action of the set.
///
/// # Errors
/// [`ReferenceError::Inexact`] as [`maximal_lottery`].
pub fn equilibrium_ranges(matrix: &PreferenceMatrix) -> Result<Option<Vec<(f64, f64)>>, ReferenceError> {
    let k = Margins::scaled(matrix);
    let mut search = Search::new(matrix, &k, &ignore);
    if k.n() > structured::LARGE && search.inspected().is_none() {
        match structured::ranges(matrix) {
            Ends::Told(ranges) => return Ok(Some(ranges)),
            Ends::Open => return Ok(None),
            Ends::Dense => {}
        }
    }
    search.ranges()
}

/// [`equilibrium_ranges`] of context `x` of a game, from entries and products where these tell.
///
/// # Errors
/// As [`equilibrium_ranges`].
pub fn context_ranges(game: &Game, x: usize) -> Result<Option<Vec<(f64, f64)>>, ReferenceError> {
    if game.shape().actions(x) > structured::LARGE && game.is_stored(x) {
        match structured::ranges(&structured::Stored(game, x)) {
            Ends::Told(ranges) => return Ok(Some(ranges)),
            Ends::Open => return Ok(None),
            Ends::Dense => {}
        }
    }
    equilibrium_ranges(&game.matrix(x))
}

/// Union of the supports of all equilibria, ascending; `None` if rounding does not let it be told.
pub(crate) fn essential_actions(matrix: &PreferenceMatrix) -> Result<Option<Vec<usize>>, ReferenceError> {
    let k = Margins::scaled(matrix);
    let mut search = Search::new(matrix, &k, &ignore);
    if k.n() > structured::LARGE
        && search.inspected().is_none()
        && let Some(actions) = structured::essential_actions(matrix)
    {
        return Ok(Some(actions));
    }
    search.essential_actions()
}
