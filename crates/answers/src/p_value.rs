//! p-values in sentences.

use std::fmt;

/// A p-value as part of a sentence: `p = 0.012`, `p < 0.001`, `p unknown`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct P(pub(crate) Option<f64>);

impl fmt::Display for P {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(p) if p < 0.000_999_5 => f.write_str("p < 0.001"),
            Some(p) => write!(f, "p = {p:.3}"),
            None => f.write_str("p unknown"),
        }
    }
}

/// The same as the cell of a table: `0.012`, `< 0.001`, `-`.
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
        assert_eq!(P(Some(2.7e-5)).to_string(), "p < 0.001");
        assert_eq!(P(Some(0.001)).to_string(), "p = 0.001");
        assert_eq!(
            (cell(Some(1e-300)), cell(Some(1.0)), cell(None)),
            ("< 0.001".into(), "1.000".into(), "-".into())
        );
    }
}
