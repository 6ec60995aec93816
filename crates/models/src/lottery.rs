//! The maximal lottery of counted comparisons: counts are whole numbers, so that it can be proved.

use equipoise_data::Comparisons;
use equipoise_env::PreferenceMatrix;
use equipoise_reference::{
    Equilibrium, RationalMargins, ReferenceError, Selection, equilibrium_ranges, maximal_lottery,
    select_exact,
};
use ndarray::Array2;

/// The margins of counted comparisons as fractions, 0 for pairs that never met; `None` where
/// [`RationalMargins::from_counts`] has none.
#[must_use]
pub fn counted_margins(data: &Comparisons) -> Option<RationalMargins> {
    let mut wins = Array2::zeros((data.n(), data.n()));
    let mut ties = wins.clone();
    for pair in &data.pairs {
        let (first, second, tied) = pair.outcomes();
        (wins[[pair.i, pair.j]], wins[[pair.j, pair.i]]) = (first, second);
        (ties[[pair.i, pair.j]], ties[[pair.j, pair.i]]) = (tied, tied);
    }
    RationalMargins::from_counts(wins.view(), ties.view())
}

/// Least and largest probability of every item over all equilibria, `[n]`.
type Ranges = Vec<(f64, f64)>;

/// The lottery of maximum entropy, by proof where there are fractions and not too many items, else of `matrix` in floating
/// point ([`Equilibrium::method`] tells which); and, where it is not the only one and they are wanted, the ranges.
///
/// # Errors
/// As [`maximal_lottery`].
pub(crate) fn lottery(
    fractions: Option<&RationalMargins>,
    matrix: &PreferenceMatrix,
    ranges: bool,
) -> Result<(Equilibrium, Option<Ranges>), ReferenceError> {
    let proved = match fractions {
        Some(fractions) => select_exact(fractions, Selection::MaximumEntropy, ranges)?,
        None => None,
    };
    if let Some((found, exact)) = proved {
        let ends = exact.ranges.filter(|_| !exact.unique);
        let ranges = ends.map(|ends| ends.iter().map(|r| (r.least.value, r.largest.value)).collect());
        return Ok((found, ranges));
    }
    let found = maximal_lottery(matrix)?;
    let several = ranges && found.unique != Some(true);
    let ranges = if several { equilibrium_ranges(matrix)? } else { None };
    Ok((found, ranges))
}
