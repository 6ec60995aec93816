//! Conjugate gradients for positive semidefinite systems, scaled by a diagonal.
//!
//! Started at 0, the iterates stay in the range of the scaled system, so directions that it says nothing of keep 0: of all
//! solutions that of least norm, in the norm of the diagonal.

/// Relative size of the residual, in the scaled norm, at which the system is solved.
const TOLERANCE: f64 = 1e-15;

/// Curvature along a direction, of what the diagonal alone would give, below which the system says nothing of it.
const FLAT: f64 = 1e-13;

/// Solves `A x = b`; as far as rounding lets it.
pub(super) fn solve(mut apply: impl FnMut(&[f64], &mut [f64]), diagonal: &[f64], b: &[f64]) -> Vec<f64> {
    let n = b.len();
    let scaled = |r: &[f64]| -> Vec<f64> {
        r.iter().zip(diagonal).map(|(r, d)| if *d > 0.0 { r / d } else { 0.0 }).collect()
    };
    let mut x = vec![0.0; n];
    let mut residual = b.to_vec();
    let mut z = scaled(&residual);
    let mut direction = z.clone();
    let mut size = dot(&residual, &z);
    let target = TOLERANCE * TOLERANCE * size;
    let mut image = vec![0.0; n];
    // n iterations in exact arithmetic; rounding may delay badly conditioned systems
    for _ in 0..4 * n + 50 {
        apply(&direction, &mut image);
        let curvature = dot(&direction, &image);
        // what is left of the right-hand side, a rounding, lies where the system says nothing; NaN ends it too
        let scale: f64 = direction.iter().zip(diagonal).map(|(p, d)| d * p * p).sum();
        if size <= target || curvature.is_nan() || curvature <= FLAT * scale {
            break;
        }
        let length = size / curvature;
        for k in 0..n {
            x[k] += length * direction[k];
            residual[k] -= length * image[k];
        }
        z = scaled(&residual);
        let next = dot(&residual, &z);
        for k in 0..n {
            direction[k] = z[k] + next / size * direction[k];
        }
        size = next;
    }
    x
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
