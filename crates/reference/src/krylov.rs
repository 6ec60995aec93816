//! Newton's linear system without a matrix of its own.
//!
//! With `D = diag p`, `u = sqrt p`, `Q = I - u u'` and the skew `S = Q D^1/2 K D^1/2 Q / tau`, the Jacobian of the regularised
//! equilibrium is, through `y = Q D^1/2 v`,
//!
//! ```text
//! (I - K C / tau) v = r    <=>    (I - S) y = Q D^1/2 r,    v = r + K D^1/2 y / tau        C = D^1/2 Q D^1/2
//! ```
//!
//! Identity minus skew: Lanczos' vectors obey a recurrence of three terms, and the smallest residual over their span follows
//! from one rotation a step (Jiang 2007, "Algorithm for solving shifted skew-symmetric linear system"; the
//! skew relative of MINRES, Paige and Saunders 1975). One product with `K` a step and vectors only; the
//! residual shrinks by about `1 - tau / w` in two steps, where `w` is the largest rotation frequency.

use equipoise_env::PreferenceMatrix;

/// Relative residual at which a solution is good enough for a Newton step, which then is one in all but name.
const RESIDUAL: f64 = 1e-9;

/// `(I - K C(p) / tau)^-1 r` with `r` of any mean; `None` if `most` products with `K` do not suffice.
pub(crate) fn solve(
    matrix: &PreferenceMatrix,
    probs: &[f64],
    tau: f64,
    rhs: &[f64],
    most: usize,
) -> Option<Vec<f64>> {
    let n = probs.len();
    let root: Vec<f64> = probs.iter().map(|p| p.sqrt()).collect();
    let project = |v: &mut [f64]| {
        let along = dot(&root, v);
        v.iter_mut().zip(&root).for_each(|(v, u)| *v -= along * u);
    };
    let (mut scaled, mut product) = (vec![0.0; n], vec![0.0; n]);
    let mut skew = |v: &[f64]| -> Vec<f64> {
        scaled.iter_mut().zip(v.iter().zip(&root)).for_each(|(s, (v, u))| *s = v * u);
        matrix.product(&scaled, &mut product);
        let mut out: Vec<f64> = product.iter().zip(&root).map(|(m, u)| m * u / tau).collect();
        project(&mut out);
        out
    };
    let mut start: Vec<f64> = rhs.iter().zip(&root).map(|(r, u)| r * u).collect();
    project(&mut start);
    let y = minimal_residual(&mut skew, start, RESIDUAL, most)?;
    let weighted: Vec<f64> = y.iter().zip(&root).map(|(y, u)| y * u).collect();
    matrix.product(&weighted, &mut product);
    Some(rhs.iter().zip(&product).map(|(r, m)| r + m / tau).collect())
}

/// Solves `(I - S) y = b` for a skew `S` to a relative residual; `None` if `most` products with `S` do not suffice.
pub(crate) fn minimal_residual(
    skew: &mut impl FnMut(&[f64]) -> Vec<f64>,
    b: Vec<f64>,
    residual: f64,
    most: usize,
) -> Option<Vec<f64>> {
    let n = b.len();
    let size = dot(&b, &b).sqrt();
    let mut y = vec![0.0; n];
    if size == 0.0 {
        return Some(y);
    }
    let (mut before, mut v) = (vec![0.0; n], b);
    v.iter_mut().for_each(|v| *v /= size);
    let (mut w_before, mut w) = (vec![0.0; n], vec![0.0; n]);
    // the last two rotations, the last subdiagonal entry of (I - S) in Lanczos' basis, what is left of the residual
    let ((mut c_before, mut s_before), (mut c, mut s)) = ((1.0, 0.0), (1.0, 0.0));
    let (mut beta, mut left) = (0.0, size);
    for _ in 0..most {
        // -S v_j = beta_j v_j+1 - beta_j-1 v_j-1
        let mut next = skew(&v);
        next.iter_mut().zip(&before).for_each(|(x, p)| *x = beta * p - *x);
        let below = dot(&next, &next).sqrt();
        // column j is (-beta_j-1, 1, beta_j): turned by the last two rotations, then by its own
        let (above, entry) = (s_before * -beta, c_before * -beta);
        let (middle, diagonal) = (c * entry + s, c - s * entry);
        let length = diagonal.hypot(below);
        ((c_before, s_before), (c, s)) = ((c, s), (diagonal / length, below / length));
        let direction: Vec<f64> =
            (0..n).map(|i| (v[i] - middle * w[i] - above * w_before[i]) / length).collect();
        y.iter_mut().zip(&direction).for_each(|(y, d)| *y += c * left * d);
        left *= -s;
        (w_before, w) = (w, direction);
        if left.abs() <= residual * size {
            return Some(y);
        }
        next.iter_mut().for_each(|x| *x /= below);
        (before, v, beta) = (v, next, below);
    }
    None
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dense::Lu;

    /// Against LU of the same Jacobian, at temperatures above and below the rotation.
    #[test]
    fn both_ways_solve_the_same_system() {
        for (n, tau) in [(3, 1.0), (20, 0.3), (60, 0.02), (120, 0.005)] {
            let margin = |i: usize, j: usize| 0.5 * ((7 * i + 13 * j * j + 3 * i * j) as f64).sin();
            let matrix = PreferenceMatrix::from_margins(n, margin).unwrap();
            let weights: Vec<f64> = (0..n).map(|i| (2.0 * (i as f64).cos()).exp()).collect();
            let sum: f64 = weights.iter().sum();
            let probs: Vec<f64> = weights.iter().map(|w| w / sum).collect();
            let mut margins = vec![0.0; n];
            matrix.product(&probs, &mut margins);
            let rhs: Vec<f64> = (0..n).map(|i| (i as f64 + 0.5).sin()).collect();
            let entry = |i: usize, j: usize| {
                f64::from(u8::from(i == j)) - (matrix.margin(i, j) - margins[i]) * probs[j] / tau
            };
            let mut direct = rhs.clone();
            Lu::<f64>::new(n, entry).solve(&mut direct);
            let found = solve(&matrix, &probs, tau, &rhs, 10 * n).expect("it converges");
            let size = direct.iter().fold(1.0, |m: f64, v| m.max(v.abs()));
            for (a, b) in found.iter().zip(&direct) {
                assert!((a - b).abs() <= 1e-6 * size, "n {n}, tau {tau}: {a} {b}");
            }
            assert!(n < 20 || solve(&matrix, &probs, tau, &rhs, 2).is_none(), "two products do not suffice");
        }
    }
}
