//! The matrix of probabilities of a fitted model, and why some of it is missing.

use equipoise::models::{Fitted, MAX_ITEMS};

/// `Pr(row beats column)`, `None` where the model says nothing.
pub(super) type Table = Vec<Vec<Option<f64>>>;

/// The matrix, and the reason.
pub(super) fn of(fitted: &Fitted) -> (Option<Table>, Option<String>) {
    if fitted.n() > MAX_ITEMS {
        let reason = format!("of {} items; a matrix is printed of at most {MAX_ITEMS}", fitted.n());
        return (None, Some(reason));
    }
    let table = fitted.probability();
    let missing = table.iter().filter(|p| p.is_none()).count() / 2;
    let reason = (missing > 0).then(|| match fitted.convergence.converged {
        true => format!("{missing} pairs of items never met, directly or through others, and the model says nothing of them"),
        false => format!("{missing} pairs have none: the fit has not converged, or they never met"),
    });
    (Some(table.rows().into_iter().map(|row| row.to_vec()).collect()), reason)
}
