//! Features centred and scaled, and those that say nothing beside the others.

use ndarray::{Array1, Array2, ArrayView2};

/// Share of a feature's length below which what the others leave of it is rounding.
const NOTHING: f64 = 1e-9;

/// A feature whose coefficients the data do not determine, so that it is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Which.
    pub feature: usize,
    /// The features that it is a combination of, with the constant; none: it is constant. Their coefficients hold with it left out.
    pub combination_of: Vec<usize>,
}

impl LeftOut {
    /// Why, with the names of the features.
    ///
    /// # Panics
    /// If there are fewer names than features.
    #[must_use]
    pub fn reason(&self, names: &[String]) -> String {
        let name = &names[self.feature];
        if self.combination_of.is_empty() {
            return format!(
                "`{name}` is the same in all contexts that have comparisons: left out, its coefficients are null"
            );
        }
        let others: Vec<String> = self.combination_of.iter().map(|f| format!("`{}`", names[*f])).collect();
        format!(
            "`{name}` is a combination of {} in all contexts that have comparisons: left out, its coefficients are null, and those of the \
             others hold without it",
            others.join(", ")
        )
    }
}

/// Features `(z - mean) / deviation`, by the comparisons of the contexts; those left out are not among them.
pub(super) struct Scaled {
    /// `[contexts x kept]`.
    pub(super) values: Array2<f64>,
    pub(super) left_out: Vec<LeftOut>,
    kept: Vec<usize>,
    mean: Vec<f64>,
    deviation: Vec<f64>,
    features: usize,
}

impl Scaled {
    /// `weights`: comparisons of each context, not all 0.
    pub(super) fn of(features: ArrayView2<'_, f64>, weights: &[f64]) -> Self {
        let total: f64 = weights.iter().sum();
        let roots = Array1::from_iter(weights.iter().map(|w| (w / total).sqrt()));
        let (mut kept, mut left_out) = (Vec::new(), Vec::new());
        let (mut mean, mut deviation, mut columns) = (Vec::new(), Vec::new(), Vec::new());
        // orthonormal columns, and the triangle that makes the kept features of them
        let (mut basis, mut triangle): (Vec<Array1<f64>>, Vec<Vec<f64>>) = (Vec::new(), Vec::new());
        for (f, column) in features.columns().into_iter().enumerate() {
            let counted = || column.iter().zip(weights).filter(|(_, w)| **w > 0.0);
            let largest = counted().fold(0.0f64, |m, (z, _)| m.max(z.abs()));
            // in units of the largest, so that nothing overflows
            let unit = if largest > 0.0 { largest } else { 1.0 };
            let center = counted().map(|(z, w)| z / unit * (w / total)).sum::<f64>();
            let spread =
                counted().map(|(z, w)| (z / unit - center).powi(2) * (w / total)).sum::<f64>().sqrt();
            if spread <= NOTHING {
                left_out.push(LeftOut { feature: f, combination_of: Vec::new() });
                continue;
            }
            let scaled = column.mapv(|z| (z / unit - center) / spread);
            let mut rest = &scaled * &roots;
            let mut along = vec![0.0; basis.len()];
            // twice is enough (Kahan)
            for _ in 0..2 {
                for (q, along) in basis.iter().zip(&mut along) {
                    let part = q.dot(&rest);
                    rest.scaled_add(-part, q);
                    *along += part;
                }
            }
            let length = rest.dot(&rest).sqrt();
            if length <= NOTHING {
                let shares = solved(&triangle, along);
                let combination_of = kept
                    .iter()
                    .zip(shares)
                    .filter(|(_, share)| share.abs() > 1e-6)
                    .map(|(k, _)| *k)
                    .collect();
                left_out.push(LeftOut { feature: f, combination_of });
                continue;
            }
            basis.push(rest / length);
            along.push(length);
            triangle.push(along);
            kept.push(f);
            mean.push(center * unit);
            deviation.push(spread * unit);
            columns.push(scaled);
        }
        let values = Array2::from_shape_fn((features.nrows(), kept.len()), |(k, f)| columns[f][k]);
        Self { values, left_out, kept, mean, deviation, features: features.ncols() }
    }

    /// Coefficients and standard errors of the features as they were given, `[1 + features x size]`, from those of the scaled
    /// ones with the constant, and covariances of two rows of them. 0 for features left out.
    pub(super) fn back(
        &self,
        point: Array2<f64>,
        covariance: impl Fn(usize, usize) -> Array2<f64>,
    ) -> (Array2<f64>, Array2<f64>) {
        let (rows, size) = point.dim();
        let (mut values, mut errors) =
            (Array2::zeros((1 + self.features, size)), Array2::zeros((1 + self.features, size)));
        // the constant takes what was subtracted
        let share = |f: usize| if f == 0 { 1.0 } else { -self.mean[f - 1] / self.deviation[f - 1] };
        let (mut base, mut variance) = (Array1::zeros(size), Array1::<f64>::zeros(size));
        for e in 0..rows {
            base.scaled_add(share(e), &point.row(e));
            for f in 0..rows {
                variance.scaled_add(share(e) * share(f), &covariance(e, f).diag());
            }
        }
        values.row_mut(0).assign(&base);
        errors.row_mut(0).assign(&variance.mapv(|v| v.max(0.0).sqrt()));
        for (k, &f) in self.kept.iter().enumerate() {
            let of_one = covariance(k + 1, k + 1);
            values.row_mut(f + 1).assign(&(&point.row(k + 1) / self.deviation[k]));
            errors.row_mut(f + 1).assign(&of_one.diag().mapv(|v| v.max(0.0).sqrt() / self.deviation[k]));
        }
        (values, errors)
    }
}

/// Solves `sum_k x_k column_k = y` for columns of a triangle, `column_k` of length `k + 1`.
fn solved(triangle: &[Vec<f64>], mut y: Vec<f64>) -> Vec<f64> {
    for k in (0..triangle.len()).rev() {
        y[k] /= triangle[k][k];
        for row in 0..k {
            y[row] -= triangle[k][row] * y[k];
        }
    }
    y
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_and_combinations_are_found_in_any_units() {
        // constant; free; 3 times it less 7; free; a sum of both; constant where there are comparisons
        let rows = [0.3, -1.2, 2.2, 0.7, -0.4].iter().zip([1.0, 0.0, -1.0, 2.0, 5.0]).enumerate();
        let rows = rows.map(|(k, (a, b))| {
            let last = if k == 4 { 9.0 } else { 2.0 };
            vec![4e8, 1e-7 * a, 3e-7 * a - 7e-7, 1e9 * b, 1e6 * a + 1e6 * b, last]
        });
        let z = Array2::from_shape_vec((5, 6), rows.collect::<Vec<_>>().concat()).unwrap();
        let found = Scaled::of(z.view(), &[1.0, 2.0, 1.0, 1.0, 0.0]);
        let expected: [(usize, &[usize]); 4] = [(0, &[]), (2, &[1]), (4, &[1, 3]), (5, &[])];
        assert_eq!(found.left_out.len(), 4);
        for (left, (feature, of)) in found.left_out.iter().zip(expected) {
            assert_eq!((left.feature, left.combination_of.as_slice()), (feature, of));
        }
        let names: Vec<String> = "abcdef".chars().map(String::from).collect();
        assert!(found.left_out[2].reason(&names).starts_with("`e` is a combination of `b`, `d` in"));
        assert!(found.left_out[0].reason(&names).starts_with("`a` is the same in all contexts"));
        assert_eq!(found.values.dim(), (5, 2));
    }
}
