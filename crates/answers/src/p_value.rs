//! p-values in tables; in sentences they are [`PValue`](equipoise::models::intransitivity::PValue)s.

/// A p-value as the cell of a table: `0.012`, `< 0.001`, `-`.
pub(crate) fn cell(p: Option<f64>) -> String {
    match p {
        Some(p) if p < 0.000_999_5 => "< 0.001".to_owned(),
        Some(p) => format!("{p:.3}"),
        None => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_p_value_is_never_printed_as_zero() {
        assert_eq!(
            (cell(Some(1e-300)), cell(Some(1.0)), cell(None)),
            ("< 0.001".into(), "1.000".into(), "-".into())
        );
    }
}
