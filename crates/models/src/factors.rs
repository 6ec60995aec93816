//! Which factors win: Bradley-Terry over the factors of items in place of the items.
//!
//! ```text
//! C_kl = sum over judgements (i over j)  1(k in F_i \ F_j) 1(l in F_j \ F_i)        F_i: factors of item i; a tie is half of both
//! ```
//!
//! Hu et al. 2023 (DecipherPref): each judgement is a win of every factor that only the winner has over every factor that only the loser
//! has; the strengths are a fit of C. Bradley-Terry linear in the same factors (`bradley-terry` with features) asks for what a factor adds given
//! the others: a factor that only goes with a good one is strong in the first and nothing in the second.

use equipoise_data::Comparisons;
use ndarray::{Array2, ArrayView2};

use crate::error::FitError;

/// The wins of factors over factors, C, as comparisons of factors: `has` is `[items x factors]`, above 0 where the item has it.
///
/// # Errors
/// [`FitError::Features`] if `has` has not one row an item, [`FitError::FeatureNames`] if it has not one name a column.
pub fn factor_wins(
    data: &Comparisons,
    names: &[String],
    has: ArrayView2<'_, f64>,
) -> Result<Comparisons, FitError> {
    if has.nrows() != data.n() {
        return Err(FitError::Features { rows: has.nrows(), items: data.n() });
    }
    if has.ncols() != names.len() {
        return Err(FitError::FeatureNames { columns: has.ncols(), names: names.len() });
    }
    let k = names.len();
    let mut wins = Array2::<f64>::zeros((k, k));
    for pair in &data.pairs {
        let (won, lost) = pair.scores();
        let only = |i: usize, j: usize| (0..k).filter(move |&f| has[[i, f]] > 0.0 && has[[j, f]] <= 0.0);
        for f in only(pair.i, pair.j) {
            for g in only(pair.j, pair.i) {
                wins[[f, g]] += won;
                wins[[g, f]] += lost;
            }
        }
    }
    let counted = Comparisons::from_tables(&wins, &Array2::zeros((k, k)));
    Ok(Comparisons { labels: names.to_vec(), ..counted })
}
