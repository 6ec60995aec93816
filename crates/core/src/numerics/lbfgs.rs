//! Limited-memory BFGS: smooth minimisation of many variables by gradients alone.
//!
//! ```text
//! d_t = -H_t g_t        H_t: the two-loop recursion over the last m pairs (s, y) = (x_{t+1} - x_t, g_{t+1} - g_t)
//! x_{t+1} = x_t + a d_t
//! ```
//!
//! The length `a` keeps Wolfe's conditions, found by bisection (Lewis, Overton 2013): `f` falls by `1e-4 a d.g` at least, and the
//! slope along d rises to 9/10 of what it was. Where `f` changes by less than its rounding, the first is asked of the slope
//! instead (Hager, Zhang 2005, their approximate Wolfe conditions): so the gradient, which is what the tolerance is about,
//! can be brought to rounding although `f` stopped showing progress half of the digits before.
//! Nocedal 1980; m = 12. Cost: one or a few evaluations, and 4 m products of vectors, a step.

use std::collections::VecDeque;

/// Pairs kept.
const MEMORY: usize = 12;
/// Lengths tried in a step.
const TRIALS: usize = 60;
/// Share of the slope by which the objective must fall.
const FALL: f64 = 1e-4;
/// Share of the slope at which the step may end.
const SLOPE: f64 = 0.9;

/// Where the minimisation ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Minimum {
    /// The objective there.
    pub value: f64,
    /// The largest entry of its gradient, absolute; infinite where objective or gradient are not finite.
    pub gradient: f64,
    /// Steps done.
    pub steps: u32,
    /// Whether the gradient met the tolerance; else the point is no minimum.
    pub converged: bool,
}

/// Moves `x` to a stationary point of an objective that `evaluate(x, gradient)` gives with its gradient, until no entry of
/// the gradient exceeds `tolerance`, for `most` steps. A start at which the objective is not finite is left as it is.
pub fn minimise(
    x: &mut [f64],
    tolerance: f64,
    most: u32,
    mut evaluate: impl FnMut(&[f64], &mut [f64]) -> f64,
) -> Minimum {
    let n = x.len();
    let mut g = vec![0.0; n];
    let mut value = evaluate(x, &mut g);
    let (mut pairs, mut steps) = (VecDeque::with_capacity(MEMORY), 0);
    let (mut next, mut next_g) = (vec![0.0; n], vec![0.0; n]);
    loop {
        let finite = value.is_finite() && g.iter().all(|g| g.is_finite());
        let gradient = if finite { g.iter().fold(0.0f64, |m, g| m.max(g.abs())) } else { f64::INFINITY };
        let converged = gradient <= tolerance;
        if converged || steps == most || !finite {
            return Minimum { value, gradient, steps, converged };
        }
        let mut d = direction(&pairs, &g);
        let mut slope = dot(&d, &g);
        if slope.is_nan() || slope >= 0.0 {
            pairs.clear();
            d = g.iter().map(|g| -g).collect();
            slope = dot(&d, &g);
        }
        let start = if pairs.is_empty() { (1.0 / gradient).min(1.0) } else { 1.0 };
        let found = search(start, value, slope, |length| {
            next.iter_mut().zip(x.iter().zip(&d)).for_each(|(next, (x, d))| *next = x + length * d);
            let value = evaluate(&next, &mut next_g);
            (value, dot(&d, &next_g))
        });
        let Some(reached) = found else {
            if pairs.is_empty() {
                return Minimum { value, gradient, steps, converged };
            }
            // what is remembered of the curvature misleads: go on along the gradient
            pairs.clear();
            continue;
        };
        let s: Vec<f64> = next.iter().zip(x.iter()).map(|(a, b)| a - b).collect();
        let y: Vec<f64> = next_g.iter().zip(&g).map(|(a, b)| a - b).collect();
        let curvature = dot(&s, &y);
        if curvature > f64::EPSILON * dot(&y, &y) {
            if pairs.len() == MEMORY {
                pairs.pop_front();
            }
            pairs.push_back(Pair { s, y, inverse: 1.0 / curvature });
        }
        x.copy_from_slice(&next);
        g.copy_from_slice(&next_g);
        value = reached;
        steps += 1;
    }
}

struct Pair {
    s: Vec<f64>,
    y: Vec<f64>,
    inverse: f64,
}

/// `-H g` by the two-loop recursion.
fn direction(pairs: &VecDeque<Pair>, g: &[f64]) -> Vec<f64> {
    let mut d: Vec<f64> = g.iter().map(|g| -g).collect();
    let mut alphas = Vec::with_capacity(pairs.len());
    for Pair { s, y, inverse } in pairs.iter().rev() {
        let alpha = inverse * dot(s, &d);
        add(&mut d, -alpha, y);
        alphas.push(alpha);
    }
    if let Some(Pair { y, inverse, .. }) = pairs.back() {
        let scale = 1.0 / (inverse * dot(y, y));
        d.iter_mut().for_each(|d| *d *= scale);
    }
    for (Pair { s, y, inverse }, alpha) in pairs.iter().zip(alphas.into_iter().rev()) {
        let beta = inverse * dot(y, &d);
        add(&mut d, alpha - beta, s);
    }
    d
}

/// A length that keeps the conditions: the objective there. The last length tried is the one accepted.
fn search(start: f64, value: f64, slope: f64, mut at: impl FnMut(f64) -> (f64, f64)) -> Option<f64> {
    let (mut low, mut high, mut length) = (0.0, f64::INFINITY, start);
    let rounding = 4.0 * f64::EPSILON * value.abs();
    for _ in 0..TRIALS {
        let (reached, slope_there) = at(length);
        let falls = reached <= value + FALL * length * slope;
        let flat = reached <= value + rounding && slope_there <= (2.0 * FALL - 1.0) * slope;
        if !reached.is_finite() || !(falls || flat) {
            high = length;
        } else if slope_there < SLOPE * slope {
            low = length;
        } else {
            return Some(reached);
        }
        length = if high.is_finite() { 0.5 * (low + high) } else { 2.0 * length };
    }
    None
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(to: &mut [f64], factor: f64, x: &[f64]) {
    to.iter_mut().zip(x).for_each(|(to, x)| *to += factor * x);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quadratic_of_condition_1e4_is_solved_to_rounding() {
        let n = 40;
        let curvature = |k: usize| 10f64.powf(4.0 * k as f64 / (n - 1) as f64);
        // within [0, 1], where a double next to another moves the steepest slope by 1e-12
        let target = |k: usize| k as f64 / n as f64;
        let mut x = vec![1.0; n];
        let found = minimise(&mut x, 1e-10, 5000, |x, g| {
            (0..n).for_each(|k| g[k] = curvature(k) * (x[k] - target(k)));
            (0..n).map(|k| 0.5 * curvature(k) * (x[k] - target(k)).powi(2)).sum()
        });
        assert!(found.converged && found.gradient <= 1e-10, "{found:?}");
        assert!(x.iter().enumerate().all(|(k, x)| (x - target(k)).abs() < 1e-10), "{x:?}");
    }

    #[test]
    fn rosenbrock_s_valley_is_followed_to_its_end_and_a_limit_is_told() {
        let valley = |x: &[f64], g: &mut [f64]| {
            let off = x[1] - x[0] * x[0];
            g[0] = -400.0 * off * x[0] - 2.0 * (1.0 - x[0]);
            g[1] = 200.0 * off;
            100.0 * off * off + (1.0 - x[0]).powi(2)
        };
        let mut x = [-1.2, 1.0];
        let found = minimise(&mut x, 1e-12, 500, valley);
        assert!(found.converged && (x[0] - 1.0).abs() < 1e-12 && (x[1] - 1.0).abs() < 1e-12, "{found:?}");
        let mut short = [-1.2, 1.0];
        let found = minimise(&mut short, 1e-12, 3, valley);
        assert!(!found.converged && found.steps == 3);
    }

    #[test]
    fn what_is_unbounded_below_or_not_finite_does_not_converge() {
        let mut x = [0.0];
        let linear = minimise(&mut x, 1e-9, 50, |x, g| {
            g[0] = -1.0;
            -x[0]
        });
        assert!(!linear.converged);
        let mut x = [2.0];
        let nan = minimise(&mut x, 1e-9, 50, |_, g| {
            g[0] = f64::NAN;
            f64::NAN
        });
        assert!(!nan.converged && x == [2.0]);
    }
}
