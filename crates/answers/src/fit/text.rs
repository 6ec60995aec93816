//! What the texts of several models share.

use crate::table::table;

pub(super) const PRIOR_ADDED: &str =
    "\nno finite maximum of the likelihood; shown is the posterior mode under the logistic prior";

/// How Newton's method ended.
pub(super) fn steps(converged: bool, iterations: u32) -> String {
    match converged {
        true => format!("\nconverged in {iterations} Newton steps"),
        false => format!("\nNOT CONVERGED after {iterations} Newton steps: do not use these numbers"),
    }
}

/// Items by falling value.
pub(super) fn falling(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    order
}

/// A table of items by falling value, called `what`.
pub(super) fn ordered(
    width: u16,
    labels: &[String],
    values: &[f64],
    errors: Option<&[f64]>,
    what: &str,
) -> String {
    let rows = falling(values).into_iter().enumerate().map(|(k, i)| {
        let error = errors.map_or("-".to_owned(), |e| format!("{:.4}", e[i]));
        vec![(k + 1).to_string(), labels[i].clone(), format!("{:.4}", values[i]), error]
    });
    table(width, &["", "item", what, "error"], rows)
}
