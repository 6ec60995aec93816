//! Median and range over repetitions.

/// Median and range over repetitions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// Of `values`; what is not finite ranks above all that is. `None` for no values.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        Self::between(values, 0.0)
    }

    /// As [`Spread::of`], with the quantiles `outside` and `1 - outside` in place of the smallest and the largest: the order
    /// statistics just outside of them, so that nothing is interpolated.
    pub(crate) fn between(values: impl IntoIterator<Item = f64>, outside: f64) -> Option<Self> {
        let mut values: Vec<f64> =
            values.into_iter().map(|v| if v.is_nan() { f64::INFINITY } else { v }).collect();
        let n = values.len();
        let first = *values.first()?;
        if values.iter().all(|v| v.total_cmp(&first).is_eq()) {
            return Some(Self { median: first, min: first, max: first });
        }
        // the order statistics alone: to sort thousands of repetitions at each step takes longer
        let mut at = |k: usize| *values.select_nth_unstable_by(k, f64::total_cmp).1;
        let (low, high) = (at((n - 1) / 2), at(n / 2));
        // The sum would lose the infinite case's sign and round the equal one.
        let median = if low.total_cmp(&high).is_eq() { low } else { low / 2.0 + high / 2.0 };
        // a product that is whole but for rounding is whole
        let cut = ((n - 1) as f64 * outside + 1e-9).floor() as usize;
        Some(Self { median, min: at(cut), max: at(n - 1 - cut) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_survive_what_is_not_finite() {
        let spread = |v: &[f64]| Spread::of(v.iter().copied()).unwrap();
        assert_eq!(spread(&[3.0, 1.0, 2.0]), Spread { median: 2.0, min: 1.0, max: 3.0 });
        assert_eq!(spread(&[1.0, 2.0]).median, 1.5);
        assert_eq!(spread(&[f64::NAN, 1.0, 2.0]), Spread { median: 2.0, min: 1.0, max: f64::INFINITY });
        assert_eq!(spread(&[f64::INFINITY, f64::INFINITY]).median, f64::INFINITY);
        assert!(Spread::of([]).is_none());
    }

    #[test]
    fn quantiles_are_order_statistics() {
        let values = || (0..=20).map(f64::from);
        for (outside, min, max) in [(0.0, 0.0, 20.0), (0.1, 2.0, 18.0), (0.12, 2.0, 18.0), (0.25, 5.0, 15.0)]
        {
            let spread = Spread::between(values(), outside).unwrap();
            assert_eq!((spread.median, spread.min, spread.max), (10.0, min, max), "{outside}");
        }
        let three = Spread::between([1.0, 2.0, f64::NAN], 0.25).unwrap();
        assert_eq!((three.min, three.max), (1.0, f64::INFINITY), "three values have no inner quartiles");
    }
}
