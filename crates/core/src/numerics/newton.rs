//! Newton's method on small dense problems: it arrives, or it says why not.
//!
//! ```text
//! x <- x + length d,      J(x) d = -f(x)
//! ```
//!
//! `f` is the gradient of a concave or convex objective, or any residual whose Jacobian J is not singular. Problems differ in how
//! they solve the linear system (dense elimination, a library's Cholesky factor, a rank-one term against a flat direction)
//! and in how they keep a step from going too far (a line search, the damping of self-concordant functions, a fraction of
//! the way to a boundary). [`Problem`] leaves these two to them; the loop, the limit and the failures are here, so that no
//! caller can go on from a point that was not reached.

use ndarray::{Array1, Array2, s};

/// A system of equations with its Newton direction and its damping.
pub trait Problem {
    /// The Newton direction at `x`, as long as `x`; `None` if the linear system is singular.
    fn direction(&mut self, x: &Array1<f64>) -> Option<Array1<f64>>;

    /// How far to go from `x` along `direction`, which is finite; `None` if no length makes progress.
    fn damp(&mut self, x: &Array1<f64>, direction: &Array1<f64>) -> Option<Damped>;
}

/// A step along a Newton direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Damped {
    /// What the direction is multiplied by, in `(0, 1]`.
    pub length: f64,
    /// Whether the point is accepted as the answer after this step.
    pub last: bool,
}

/// Why Newton's method did not arrive. `x` is then the last point it reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NewtonError {
    /// The linear system had no finite solution.
    #[error("the linear system of newton step {step} is singular")]
    Singular {
        /// The step, from 1.
        step: usize,
    },
    /// No length of the step makes progress.
    #[error("newton step {step} makes no progress however short")]
    NoProgress {
        /// The step, from 1.
        step: usize,
    },
    /// The tolerance was not met.
    #[error("newton's method did not converge in {steps} steps")]
    Limit {
        /// Steps done.
        steps: usize,
    },
}

impl NewtonError {
    /// Steps begun until the failure.
    #[must_use]
    pub fn steps(&self) -> usize {
        match *self {
            Self::Singular { step } | Self::NoProgress { step } => step,
            Self::Limit { steps } => steps,
        }
    }
}

/// Moves `x` to a solution of `problem` in at most `max_steps` steps, and returns how many it took.
///
/// # Errors
/// [`NewtonError`]; `x` is then the last point reached, and no solution.
pub fn solve(
    problem: &mut impl Problem,
    x: &mut Array1<f64>,
    max_steps: usize,
) -> Result<usize, NewtonError> {
    for step in 1..=max_steps {
        let direction = problem.direction(x).filter(|d| d.iter().all(|d| d.is_finite()));
        let direction = direction.ok_or(NewtonError::Singular { step })?;
        let Damped { length, last } = problem.damp(x, &direction).ok_or(NewtonError::NoProgress { step })?;
        x.scaled_add(length, &direction);
        if last {
            return Ok(step);
        }
    }
    Err(NewtonError::Limit { steps: max_steps })
}

/// Solves `a x = b` by Gaussian elimination with partial pivoting, O(n^3); `None` if the solution is not finite.
///
/// # Panics
/// If `a` is not square and as long as `b`.
#[must_use]
pub fn solve_dense(mut a: Array2<f64>, mut b: Array1<f64>) -> Option<Array1<f64>> {
    let n = b.len();
    assert_eq!(a.dim(), (n, n), "a square system");
    for k in 0..n {
        let pivot =
            (k..n).max_by(|&i, &j| a[[i, k]].abs().total_cmp(&a[[j, k]].abs())).expect("k is below n");
        if pivot != k {
            (0..n).for_each(|j| a.swap([k, j], [pivot, j]));
            b.swap(k, pivot);
        }
        for i in k + 1..n {
            let factor = a[[i, k]] / a[[k, k]];
            if factor != 0.0 {
                let (above, mut below) = a.multi_slice_mut((s![k, k..], s![i, k..]));
                below.scaled_add(-factor, &above);
                b[i] -= factor * b[k];
            }
        }
    }
    for k in (0..n).rev() {
        let known: f64 = (k + 1..n).map(|j| a[[k, j]] * b[j]).sum();
        b[k] = (b[k] - known) / a[[k, k]];
    }
    b.iter().all(|x| x.is_finite()).then_some(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{sample, seed};
    use ndarray::{arr1, arr2};

    /// `x^2 = target` with full steps, accepted where a step is below `tolerance`.
    struct SquareRoot {
        target: f64,
        tolerance: f64,
    }

    impl Problem for SquareRoot {
        fn direction(&mut self, x: &Array1<f64>) -> Option<Array1<f64>> {
            (x[0] != 0.0).then(|| arr1(&[(self.target / x[0] - x[0]) / 2.0]))
        }

        fn damp(&mut self, _: &Array1<f64>, direction: &Array1<f64>) -> Option<Damped> {
            Some(Damped { length: 1.0, last: direction[0].abs() < self.tolerance })
        }
    }

    #[test]
    fn a_root_is_found_or_the_failure_is_named() {
        let mut x = arr1(&[1.0]);
        let steps = solve(&mut SquareRoot { target: 2.0, tolerance: 1e-9 }, &mut x, 20).unwrap();
        assert!((x[0] - std::f64::consts::SQRT_2).abs() < 1e-15 && steps == 5, "{x} {steps}");
        // no root: steps wander for ever
        let mut x = arr1(&[1.5]);
        let failure = solve(&mut SquareRoot { target: -2.0, tolerance: 1e-9 }, &mut x, 20).unwrap_err();
        assert_eq!((failure, failure.steps()), (NewtonError::Limit { steps: 20 }, 20));
        let mut x = arr1(&[0.0]);
        let failure = solve(&mut SquareRoot { target: 2.0, tolerance: 1e-9 }, &mut x, 20).unwrap_err();
        assert_eq!(failure, NewtonError::Singular { step: 1 });
        let mut x = arr1(&[1.0]);
        let failure = solve(&mut SquareRoot { target: f64::NAN, tolerance: 1e-9 }, &mut x, 20).unwrap_err();
        assert_eq!(failure, NewtonError::Singular { step: 1 });
        assert_eq!(failure.to_string(), "the linear system of newton step 1 is singular");
    }

    #[test]
    fn a_dense_system_is_solved_with_pivoting() {
        // the first pivot is 0
        let x = solve_dense(arr2(&[[0.0, 2.0], [4.0, 0.0]]), arr1(&[6.0, 4.0])).unwrap();
        assert_eq!(x, arr1(&[1.0, 3.0]));
        assert_eq!(solve_dense(arr2(&[[1.0, 2.0], [2.0, 4.0]]), arr1(&[1.0, 1.0])), None);
        let mut rng = seed::stream(1, "test", &[]);
        for n in 1..12 {
            let a = Array2::from_shape_fn((n, n), |_| sample::uniform(&mut rng) - 0.5);
            let x = Array1::from_shape_fn(n, |_| sample::uniform(&mut rng));
            let off = solve_dense(a.clone(), a.dot(&x)).unwrap() - &x;
            assert!(off.iter().all(|d| d.abs() < 1e-10), "{n}: {off}");
        }
    }
}
