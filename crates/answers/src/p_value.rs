//! p-values in tables; in sentences they are [`PValue`](equipoise::models::intransitivity::PValue)s.

/// A p-value as the cell of a table: `0.012`, `< 0.001`, `-`.
pub(crate) fn cell(p: Option<f64>) -> String {
    match p {
        Some(p) if p < 0.000_999_5 => "< 0.001".to_owned(),
        Some(p) => format!("{p:.3}"),
        None => "-".to_owned(),
    }
}

/// P-values adjusted for their number (Benjamini and Hochberg 1995): the smallest false discovery rate at which each is a
/// discovery, `min over k >= rank of  m p_(k) / k` over the m that are known. Where they rest on the same data in part (`shared`), they
/// may depend on each other in any way: m is then multiplied by `1 + 1/2 + .. + 1/m` (Benjamini and Yekutieli 2001, theorem 1.3).
pub(crate) fn adjusted(p_values: impl Iterator<Item = Option<f64>>, shared: bool) -> Vec<Option<f64>> {
    let mut out: Vec<Option<f64>> = p_values.collect();
    let mut known: Vec<(f64, usize)> = out.iter().enumerate().filter_map(|(g, p)| Some(((*p)?, g))).collect();
    known.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (m, mut least) = (known.len() as f64, 1.0f64);
    let dependence = if shared { (1..=known.len()).map(|k| 1.0 / k as f64).sum() } else { 1.0 };
    for (k, &(p, g)) in known.iter().enumerate().rev() {
        least = least.min(dependence * m * p / (k + 1) as f64);
        out[g] = Some(least);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_values_of_many_are_adjusted() {
        // .01 * 4 / 1, then .03 * 4 / 2 and .04 * 4 / 3, of which the smaller, and .5 * 4 / 4
        let given = [Some(0.03), None, Some(0.01), Some(0.04), Some(0.5)];
        let found: Vec<Option<f64>> = adjusted(given.into_iter(), false);
        let expected = [Some(0.04 * 4.0 / 3.0), None, Some(0.04), Some(0.04 * 4.0 / 3.0), Some(0.5)];
        for (found, expected) in found.into_iter().zip(expected) {
            assert_eq!(found.is_some(), expected.is_some());
            assert!((found.unwrap_or(0.0) - expected.unwrap_or(0.0)).abs() < 1e-15);
        }
        // 1 + 1/2 + 1/3 + 1/4 times as large, and at most 1
        let shared = adjusted(given.into_iter(), true);
        let expected = [0.04 * 25.0 / 9.0, 0.04 * 25.0 / 12.0, 0.04 * 25.0 / 9.0, 1.0];
        for (found, expected) in shared.into_iter().flatten().zip(expected) {
            assert!((found - expected).abs() < 1e-15, "{found} {expected}");
        }
    }

    #[test]
    fn a_p_value_is_never_printed_as_zero() {
        assert_eq!(
            (cell(Some(1e-300)), cell(Some(1.0)), cell(None)),
            ("< 0.001".into(), "1.000".into(), "-".into())
        );
    }
}
