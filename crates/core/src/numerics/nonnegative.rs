//! Least squares in non-negative numbers (Lawson, Hanson, Solving Least Squares Problems, 1974, chapter 23).
//!
//! ```text
//! min |b - sum_j u_j a_j|   subject to   u >= 0
//! ```
//!
//! Columns whose number is positive form the passive set; the free fit by them decides how far to go. The set changes finitely
//! often, so that the answer is exact to rounding. Columns of one length make the test for rounding one for all.

/// Numbers below this, and columns that are as close to the span of others, are rounding.
const ROUNDING: f64 = 1e-13;
/// Passes for each column, after which rounding goes in circles.
const PASSES: usize = 20;

/// `b - sum_j u_j a_j` at the `u >= 0` that makes it shortest: `columns` are the `a_j`, of length 1 or 0, and `target` is `b`. A column
/// whose product with the remainder is at most `gain` is not taken in.
///
/// # Panics
/// If a column is shorter than the target.
#[must_use]
pub fn nonnegative_remainder(columns: &[Vec<f64>], target: &[f64], gain: f64) -> Vec<f64> {
    let mut u = vec![0.0; columns.len()];
    let mut passive: Vec<usize> = Vec::new();
    let remainder = |u: &[f64], passive: &[usize]| {
        let mut r = target.to_vec();
        for &j in passive {
            r.iter_mut().zip(&columns[j]).for_each(|(r, c)| *r -= u[j] * c);
        }
        r
    };
    // columns that depend on the passive ones, which they cannot help
    let mut dependent = vec![false; columns.len()];
    // each pass shortens the remainder, so no set of columns comes twice but by rounding
    for _ in 0..PASSES * columns.len() {
        let r = remainder(&u, &passive);
        let entering = (0..columns.len())
            .filter(|j| !passive.contains(j) && !dependent[*j])
            .map(|j| (j, dot(&columns[j], &r)))
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .filter(|(_, product)| *product > gain);
        let Some((entering, _)) = entering else { break };
        passive.push(entering);
        loop {
            let Some(free) = free_fit(columns, &passive, target) else {
                passive.retain(|&j| j != entering);
                dependent[entering] = true;
                break;
            };
            dependent.fill(false);
            let blocked = passive
                .iter()
                .zip(&free)
                .filter(|(_, v)| **v <= 0.0)
                .map(|(&j, v)| u[j] / (u[j] - v))
                .fold(f64::INFINITY, f64::min);
            if blocked == f64::INFINITY {
                passive.iter().zip(&free).for_each(|(&j, v)| u[j] = *v);
                break;
            }
            // as far towards the free fit as numbers stay non-negative
            let blocked = if blocked.is_nan() { 0.0 } else { blocked };
            for (&j, v) in passive.iter().zip(&free) {
                u[j] += blocked * (v - u[j]);
            }
            let left: Vec<usize> = passive.iter().copied().filter(|&j| u[j] > ROUNDING).collect();
            for &j in passive.iter().filter(|j| !left.contains(j)) {
                u[j] = 0.0;
            }
            if left.len() == passive.len() || left.is_empty() {
                passive = left;
                break;
            }
            passive = left;
        }
    }
    remainder(&u, &passive)
}

/// The numbers on some columns that fit the target best (Gram and Schmidt, twice); `None` where the columns depend on each other.
fn free_fit(columns: &[Vec<f64>], passive: &[usize], target: &[f64]) -> Option<Vec<f64>> {
    let p = passive.len();
    let mut q: Vec<Vec<f64>> = Vec::with_capacity(p);
    // row k: the products of column k with the directions of those before, and its own length
    let mut triangle: Vec<Vec<f64>> = Vec::with_capacity(p);
    for &j in passive {
        let mut v = columns[j].clone();
        let mut row = vec![0.0; q.len()];
        for _ in 0..2 {
            for (unit, sum) in q.iter().zip(&mut row) {
                let along = dot(unit, &v);
                *sum += along;
                v.iter_mut().zip(unit).for_each(|(v, a)| *v -= along * a);
            }
        }
        let length = dot(&v, &v).sqrt();
        if length < ROUNDING {
            return None;
        }
        row.push(length);
        triangle.push(row);
        v.iter_mut().for_each(|v| *v /= length);
        q.push(v);
    }
    let mut solution: Vec<f64> = q.iter().map(|unit| dot(unit, target)).collect();
    for k in (0..p).rev() {
        for i in k + 1..p {
            solution[k] -= triangle[i][k] * solution[i];
        }
        solution[k] /= triangle[k][k];
    }
    Some(solution)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed;

    #[test]
    fn a_corner_is_fitted_by_its_sides() {
        let sides = [vec![1.0, 0.0, 0.0], vec![0.0, 1.0, 0.0]];
        assert_eq!(nonnegative_remainder(&sides, &[2.0, 3.0, 4.0], 0.0), [0.0, 0.0, 4.0]);
        assert_eq!(nonnegative_remainder(&sides, &[2.0, -3.0, 0.0], 0.0), [0.0, -3.0, 0.0]);
        assert_eq!(nonnegative_remainder(&sides, &[-2.0, -3.0, 0.0], 0.0), [-2.0, -3.0, 0.0]);
        assert_eq!(nonnegative_remainder(&[], &[1.0], 0.0), [1.0]);
    }

    /// The conditions of Kuhn and Tucker decide: no column helps, and the remainder is orthogonal to what is fitted.
    #[test]
    fn nothing_helps_any_more() {
        for round in 0..200 {
            let mut rng = seed::stream(round, "columns", &[]);
            let (rows, count) = (1 + round as usize % 7, 1 + round as usize % 11);
            let mut columns: Vec<Vec<f64>> = (0..count)
                .map(|_| {
                    let column: Vec<f64> = (0..rows).map(|_| crate::sample::normal(&mut rng)).collect();
                    let length = dot(&column, &column).sqrt();
                    column.iter().map(|c| c / length).collect()
                })
                .collect();
            // twins, and a column that is none
            columns.push(columns[0].clone());
            columns.push(vec![0.0; rows]);
            let target: Vec<f64> = (0..rows).map(|_| crate::sample::normal(&mut rng)).collect();
            let r = nonnegative_remainder(&columns, &target, 1e-13);
            assert!(columns.iter().all(|c| dot(c, &r) < 1e-12), "round {round}");
            let fitted: Vec<f64> = target.iter().zip(&r).map(|(b, r)| b - r).collect();
            assert!(dot(&fitted, &r).abs() < 1e-11, "round {round}");
        }
    }
}
