//! Newton's method for the posterior mode of ideal points: users meet in nothing but the items and prototypes.
//!
//! ```text
//!     [ S    C_1 .. C_m ]        S: items and prototypes;  M_u: what a user has of its own (logits, or its point)
//! H = [ C_1' M_1        ]        H of minus the log posterior, exact
//!     [ :        ..     ]        D: votes that say something of a variable, and the prior
//!     [ C_m'        M_m ]
//!
//! (H + lambda D) step = -g,      S + lambda D - sum_u C_u (M_u + lambda D)^-1 C_u'  left of it for items and prototypes
//! ```
//!
//! Of a vote with score `t = 2 a.(x - y) - |x|^2 + |y|^2` and slope g, curvature c of minus its log-likelihood the Hessian is
//! `c t' t'^T + g t''`. It is not definite everywhere: lambda is raised until it is, and until the objective falls by what its
//! quadratic promises (Levenberg 1944, Marquardt 1963; More 1978), and lowered where it does. Rotations change nothing, and what is left of
//! lambda keeps them out of the step. Cost of a step: a pass over the votes, O(users x (dimension x items)^2) and a factor of the items' size.

use std::ops::Range;

use equipoise_core::lbfgs::Minimum;
use equipoise_core::logistic::PairLikelihood;
use faer::linalg::solvers::Solve as _;
use faer::{Mat, Side};
use rayon::prelude::*;

use crate::descent::{Fall, Sum, part_length};
use crate::ideal_points::mixture;
use crate::unfolding::votes::{Cell, Shape, Votes};

/// Where lambda starts, and its least.
const LAMBDA: (f64, f64) = (1.0, 1e-12);
/// Lambda above which no step is looked for.
const MOST_LAMBDA: f64 = 1e12;
/// Share of the fall promised below which a step is not taken, above which it is a good one.
const SHARE: (f64, f64) = (1e-4, 0.75);

/// Moves `theta` to a stationary point of minus the log posterior, until no entry of the gradient times its unit exceeds `tolerance`, for
/// `most` steps; `fall` hears of every one.
pub(crate) fn minimise(
    votes: &Votes,
    shape: Shape,
    precision: f64,
    units: &[f64],
    theta: &mut [f64],
    (mut fall, tolerance, most): (Fall<'_>, f64, u32),
) -> Minimum {
    let parts = votes.parts(part_length(votes.cells.len()));
    let at = |theta: &[f64]| Expansion::at(votes, &parts, shape, precision, theta);
    let damping: Vec<f64> = units.iter().map(|unit| unit.powi(-2)).collect();
    let steepest = |here: &Expansion| {
        here.gradient.iter().zip(units).map(|(g, unit)| (g * unit).abs()).fold(0.0f64, f64::max)
    };
    let mut here = at(theta);
    let (mut lambda, mut steps, mut next) = (LAMBDA.0, 0, theta.to_vec());
    loop {
        let gradient = steepest(&here);
        fall.at(gradient);
        let converged = gradient <= tolerance;
        if converged || steps == most || !gradient.is_finite() || lambda > MOST_LAMBDA {
            return Minimum { value: here.value, gradient, steps, converged };
        }
        let Some(step) = here.step(shape, &damping, lambda) else {
            lambda *= 8.0;
            continue;
        };
        next.iter_mut().zip(theta.iter().zip(&step)).for_each(|(next, (x, step))| *next = x + step);
        let there = at(&next);
        // (H + lambda D) step = -g: half of the slope, and half of the damping
        let slope: f64 = step.iter().zip(&here.gradient).map(|(step, g)| step * g).sum();
        let damped: f64 = step.iter().zip(&damping).map(|(step, d)| step * step * d).sum();
        let promised = 0.5 * (lambda * damped - slope);
        let rounding = 4.0 * f64::EPSILON * here.value.abs();
        let share = match promised > rounding {
            true => (here.value - there.value) / promised,
            // the fall is below rounding of the objective: there the gradient tells
            false if steepest(&there) < gradient => 1.0,
            false => 0.0,
        };
        // of what is not finite nothing is at least a share
        if share >= SHARE.0 && there.value.is_finite() {
            theta.copy_from_slice(&next);
            here = there;
            steps += 1;
            match share {
                share if share > SHARE.1 => lambda = (lambda / 10.0).max(LAMBDA.1),
                share if share < 1.0 - SHARE.1 => lambda *= 4.0,
                _ => {}
            }
        } else {
            lambda *= 8.0;
        }
    }
}

/// Minus the log posterior to second order.
struct Expansion {
    value: f64,
    gradient: Vec<f64>,
    /// Lower half of S, by rows.
    shared: Vec<f64>,
    users: Vec<Own>,
}

/// What a user adds that is not shared.
struct Own {
    /// M, by rows.
    block: Vec<f64>,
    /// Shared variables that it has to do with, ascending.
    with: Vec<usize>,
    /// C by rows, a row for each of those.
    cross: Vec<f64>,
}

/// A sum over users.
struct Part {
    value: Sum,
    gradient: Vec<f64>,
    shared: Vec<f64>,
    users: Vec<Own>,
}

impl Expansion {
    fn at(votes: &Votes, parts: &[Range<usize>], shape: Shape, precision: f64, theta: &[f64]) -> Self {
        let (all, own) = (shape.shared(), shape.own());
        let of_part = |cells: &Range<usize>| {
            let mut part = Part {
                value: Sum::default(),
                gradient: vec![0.0; theta.len()],
                shared: vec![0.0; all * all],
                users: Vec::new(),
            };
            for of_user in votes.cells[cells.clone()].chunk_by(|a, b| a.user == b.user) {
                part.add(of_user, shape, theta);
            }
            part
        };
        let parts: Vec<Part> = parts.par_iter().map(of_part).collect();
        let mut value = Sum::default();
        let mut sum = Self {
            value: 0.0,
            gradient: theta.iter().map(|x| precision * x).collect(),
            shared: vec![0.0; all * all],
            users: Vec::with_capacity(shape.users),
        };
        for part in parts {
            value.add(part.value.total());
            sum.gradient.iter_mut().zip(&part.gradient).for_each(|(sum, part)| *sum += part);
            sum.shared.iter_mut().zip(&part.shared).for_each(|(sum, part)| *sum += part);
            sum.users.extend(part.users);
        }
        value.add(0.5 * precision * theta.iter().map(|x| x * x).sum::<f64>());
        sum.value = value.total();
        (0..all).for_each(|k| sum.shared[k * all + k] += precision);
        for user in &mut sum.users {
            (0..own).for_each(|k| user.block[k * own + k] += precision);
        }
        sum
    }

    /// The solution of `(H + lambda D) step = -g`; `None` where the matrix is not positive definite.
    fn step(&self, shape: Shape, damping: &[f64], lambda: f64) -> Option<Vec<f64>> {
        let (all, own) = (shape.shared(), shape.own());
        let (shared_g, own_g) = self.gradient.split_at(all);
        let (of_shared, of_own) = damping.split_at(all);
        // R_u of M_u + lambda D = R_u R_u', and its solutions of C_u' and of the gradient
        let eliminate = |k: usize| -> Option<(Vec<f64>, Vec<f64>, Vec<f64>)> {
            let user = &self.users[k];
            let mut root = user.block.clone();
            (0..own).for_each(|l| root[l * own + l] += lambda * of_own[k * own + l]);
            cholesky(&mut root, own)?;
            let mut cross = user.cross.clone();
            cross.chunks_exact_mut(own).for_each(|row| forward(&root, row));
            let mut g = own_g[k * own..(k + 1) * own].to_vec();
            forward(&root, &mut g);
            Some((root, cross, g))
        };
        // parts of the users, cut by their number alone
        let users: Vec<usize> = (0..shape.users).collect();
        let of_part = |users: &[usize]| {
            let (mut matrix, mut right) = (vec![0.0; all * all], vec![0.0; all]);
            let mut eliminated = Vec::with_capacity(users.len());
            for &k in users {
                let (root, cross, g) = eliminate(k)?;
                let with = &self.users[k].with;
                for (row, &i) in cross.chunks_exact(own).zip(with) {
                    right[i] += dot(row, &g);
                    for (other, &j) in cross.chunks_exact(own).zip(with).take_while(|(_, j)| **j <= i) {
                        matrix[i * all + j] += dot(row, other);
                    }
                }
                eliminated.push((root, cross, g));
            }
            Some((matrix, right, eliminated))
        };
        let parts: Option<Vec<_>> =
            users.par_chunks(shape.users.div_ceil(PARTS).max(SHORTEST)).map(of_part).collect();
        let (mut matrix, mut right) = (self.shared.clone(), shared_g.to_vec());
        (0..all).for_each(|k| matrix[k * all + k] += lambda * of_shared[k]);
        let mut eliminated = Vec::with_capacity(shape.users);
        for (less, less_right, of_users) in parts? {
            matrix.iter_mut().zip(&less).for_each(|(m, less)| *m -= less);
            right.iter_mut().zip(&less_right).for_each(|(r, less)| *r -= less);
            eliminated.extend(of_users);
        }
        let factor =
            Mat::from_fn(all, all, |i, j| matrix[i.max(j) * all + i.min(j)]).llt(Side::Lower).ok()?;
        let solution = factor.solve(&Mat::from_fn(all, 1, |i, _| -right[i]));
        let mut step: Vec<f64> = (0..all).map(|i| solution[(i, 0)]).collect();
        for (user, (root, cross, mut g)) in self.users.iter().zip(eliminated) {
            for (row, &i) in cross.chunks_exact(own).zip(&user.with) {
                g.iter_mut().zip(row).for_each(|(g, c)| *g += c * step[i]);
            }
            backward(&root, &mut g);
            step.extend(g.iter().map(|g| -g));
        }
        step.iter().all(|x| x.is_finite()).then_some(step)
    }
}

/// Parts into which the users are cut when they are eliminated.
const PARTS: usize = 16;
/// Users of the shortest part.
const SHORTEST: usize = 32;

impl Part {
    /// The votes of a user.
    fn add(&mut self, cells: &[Cell], shape: Shape, theta: &[f64]) {
        let (d, all, own) = (shape.dimension, shape.shared(), shape.own());
        let user = cells[0].user;
        let [items, points, logits] = shape.split(theta);
        let k = shape.weights();
        let weights = mixture(&logits[user * k..(user + 1) * k], 1.0);
        let point: Vec<f64> = match shape.mixed {
            true => {
                (0..d).map(|l| weights.iter().enumerate().map(|(k, w)| w * points[k * d + l]).sum()).collect()
            }
            false => points[user * d..(user + 1) * d].to_vec(),
        };
        // by the user's point: gradient, Hessian, and what the items have to do with it
        let (mut g_point, mut h_point) = (vec![0.0; d], vec![0.0; d * d]);
        let mut h_items = vec![0.0; items.len() * d];
        let mut met = vec![false; shape.items];
        let (mut by_x, mut by_y, mut by_a) = (vec![0.0; d], vec![0.0; d], vec![0.0; d]);
        for cell in cells {
            let (i, j) = (cell.i * d, cell.j * d);
            let mut t = 0.0;
            for l in 0..d {
                let (a, x, y) = (point[l], items[i + l], items[j + l]);
                (by_x[l], by_y[l], by_a[l]) = (2.0 * (a - x), -2.0 * (a - y), 2.0 * (x - y));
                t += (x - y) * (2.0 * a - x - y);
            }
            let likelihood = PairLikelihood::at(t, cell.won, cell.lost);
            self.value.add(-likelihood.value());
            let (g, c) = (-likelihood.slope(), likelihood.curvature());
            (met[cell.i], met[cell.j]) = (true, true);
            for l in 0..d {
                self.gradient[i + l] += g * by_x[l];
                self.gradient[j + l] += g * by_y[l];
                g_point[l] += g * by_a[l];
                for m in 0..d {
                    self.shared[(i + l) * all + i + m] += c * by_x[l] * by_x[m];
                    self.shared[(j + l) * all + j + m] += c * by_y[l] * by_y[m];
                    // i is below j
                    self.shared[(j + l) * all + i + m] += c * by_y[l] * by_x[m];
                    h_items[(i + l) * d + m] += c * by_x[l] * by_a[m];
                    h_items[(j + l) * d + m] += c * by_y[l] * by_a[m];
                    h_point[l * d + m] += c * by_a[l] * by_a[m];
                }
                self.shared[(i + l) * all + i + l] -= 2.0 * g;
                self.shared[(j + l) * all + j + l] += 2.0 * g;
                h_items[(i + l) * d + l] += 2.0 * g;
                h_items[(j + l) * d + l] -= 2.0 * g;
            }
        }
        let mut with: Vec<usize> =
            (0..shape.items).filter(|&i| met[i]).flat_map(|i| i * d..(i + 1) * d).collect();
        if !shape.mixed {
            let at = all + user * d;
            self.gradient[at..at + d].iter_mut().zip(&g_point).for_each(|(g, s)| *g += s);
            let cross = with.iter().flat_map(|&i| h_items[i * d..(i + 1) * d].to_vec()).collect();
            self.users.push(Own { block: h_point, with, cross });
            return;
        }
        // the point is `sum_k w_k p_k`: its slope by p_k is w_k, and by a logit
        let turn: Vec<f64> = (0..k)
            .flat_map(|m| (0..d).map(move |l| (m, l)))
            .map(|(m, l)| weights[m] * (points[m * d + l] - point[l]))
            .collect();
        let turn_of = |m: usize| &turn[m * d..(m + 1) * d];
        let by = |row: &[f64], m: usize| dot(row, turn_of(m));
        let bent: Vec<f64> = (0..k)
            .flat_map(|m| h_point.chunks_exact(d).map(move |row| (m, row)))
            .map(|(m, row)| by(row, m))
            .collect();
        let mut cross: Vec<f64> = with
            .iter()
            .flat_map(|&i| (0..k).map(move |m| (i, m)))
            .map(|(i, m)| by(&h_items[i * d..(i + 1) * d], m))
            .collect();
        let first = items.len();
        for p in 0..k {
            for l in 0..d {
                let at = first + p * d + l;
                self.gradient[at] += weights[p] * g_point[l];
                for &i in &with {
                    self.shared[at * all + i] += weights[p] * h_items[i * d + l];
                }
                for q in 0..k {
                    for m in 0..d {
                        self.shared[at * all + first + q * d + m] +=
                            weights[p] * weights[q] * h_point[l * d + m];
                    }
                    // q: a logit
                    let same = f64::from(u8::from(p == q));
                    cross.push(weights[p] * (bent[q * d + l] + g_point[l] * (same - weights[q])));
                }
            }
        }
        with.extend(first..all);
        let mut block = vec![0.0; k * k];
        let at = all + user * own;
        for m in 0..k {
            let slope = dot(&g_point, turn_of(m));
            self.gradient[at + m] += slope;
            for q in 0..k {
                // the second derivative of the point: w_m (1[m = q] - w_q) (p_m - a) - w_m w_q (p_q - a)
                let same = f64::from(u8::from(m == q));
                let second = (same - weights[q]) * slope - weights[m] * dot(&g_point, turn_of(q));
                block[m * k + q] = dot(turn_of(m), &bent[q * d..(q + 1) * d]) + second;
            }
        }
        self.users.push(Own { block, with, cross });
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Cholesky's factor of a small symmetric matrix, by rows, in its lower half; `None` if it is not positive definite.
fn cholesky(a: &mut [f64], n: usize) -> Option<()> {
    for i in 0..n {
        for j in 0..=i {
            let rest = a[i * n + j] - (0..j).map(|k| a[i * n + k] * a[j * n + k]).sum::<f64>();
            match i == j {
                true if rest > 0.0 => a[i * n + i] = rest.sqrt(),
                true => return None,
                false => a[i * n + j] = rest / a[j * n + j],
            }
        }
    }
    Some(())
}

/// `x <- R^-1 x`.
fn forward(root: &[f64], x: &mut [f64]) {
    let n = x.len();
    for i in 0..n {
        let known: f64 = (0..i).map(|k| root[i * n + k] * x[k]).sum();
        x[i] = (x[i] - known) / root[i * n + i];
    }
}

/// `x <- R'^-1 x`.
fn backward(root: &[f64], x: &mut [f64]) {
    let n = x.len();
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|k| root[k * n + i] * x[k]).sum();
        x[i] = (x[i] - known) / root[i * n + i];
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::unfolding::votes::objective;
    use equipoise_core::lbfgs;
    use equipoise_core::{sample, seed::stream};

    /// Votes of some users on some pairs, and a point.
    fn drawn(shape: Shape, seed: u64) -> (Votes, Vec<f64>) {
        let mut rng = stream(seed, "newton of ideal points", &[]);
        let mut cells = Vec::new();
        for user in 0..shape.users {
            for i in 0..shape.items {
                for j in i + 1..shape.items {
                    if sample::uniform(&mut rng) < 0.7 {
                        let (won, lost) =
                            (sample::index(&mut rng, 4) as f64, 0.5 + sample::uniform(&mut rng));
                        cells.push(Cell { user, i, j, won, lost });
                    }
                }
            }
        }
        let total = cells.iter().map(|c| c.won + c.lost).sum();
        let theta =
            (0..shape.shared() + shape.users * shape.own()).map(|_| sample::normal(&mut rng)).collect();
        (Votes { items: shape.items, users: (0..shape.users).collect(), cells, total }, theta)
    }

    const SHAPES: [Shape; 4] = [
        Shape { items: 4, users: 5, points: 3, dimension: 2, mixed: true },
        Shape { items: 5, users: 3, points: 2, dimension: 1, mixed: true },
        Shape { items: 4, users: 3, points: 1, dimension: 3, mixed: true },
        Shape { items: 5, users: 4, points: 4, dimension: 2, mixed: false },
    ];

    #[test]
    fn the_expansion_is_that_of_the_objective() {
        let step = 1e-5;
        for (seed, shape) in SHAPES.into_iter().enumerate() {
            let (votes, theta) = drawn(shape, seed as u64);
            let parts = votes.parts(7);
            assert!(parts.len() > 1 && parts.last().unwrap().end == votes.cells.len());
            let here = Expansion::at(&votes, &parts, shape, 0.7, &theta);
            let gradient = |theta: &[f64]| {
                let mut g = vec![0.0; theta.len()];
                (objective(&votes, shape, 0.7, theta, &mut g), g)
            };
            let (value, g) = gradient(&theta);
            assert!((here.value - value).abs() < 1e-12 * value.abs());
            assert!(here.gradient.iter().zip(&g).all(|(a, b)| (a - b).abs() < 1e-11 * (1.0 + b.abs())));
            let (all, own) = (shape.shared(), shape.own());
            for k in 0..theta.len() {
                let moved = |by: f64| {
                    let mut theta = theta.clone();
                    theta[k] += by;
                    gradient(&theta).1
                };
                let (up, down) = (moved(step), moved(-step));
                for i in 0..theta.len() {
                    let entry = match (i < all, k < all) {
                        (true, true) => here.shared[i.max(k) * all + i.min(k)],
                        (false, false) if (i - all) / own == (k - all) / own => {
                            here.users[(i - all) / own].block[(i - all) % own * own + (k - all) % own]
                        }
                        (false, false) => 0.0,
                        _ => {
                            let (s, o) = (i.min(k), i.max(k) - all);
                            let user = &here.users[o / own];
                            user.with.binary_search(&s).map_or(0.0, |row| user.cross[row * own + o % own])
                        }
                    };
                    let slope = (up[i] - down[i]) / (2.0 * step);
                    assert!(
                        (entry - slope).abs() < 1e-6 * (1.0 + slope.abs()),
                        "{seed}: {i} {k} {entry} {slope}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_is_found_is_a_minimum_and_lbfgs_goes_no_further() {
        for (seed, shape) in SHAPES.into_iter().enumerate() {
            let (votes, mut theta) = drawn(shape, 10 + seed as u64);
            let units: Vec<f64> = votes.seen(shape).iter().map(|seen| (0.7 + seen).sqrt().recip()).collect();
            let found =
                minimise(&votes, shape, 0.7, &units, &mut theta, (Fall::to(1e-10, &|_| ()), 1e-10, 300));
            assert!(found.converged && found.steps < 60, "{seed}: {found:?}");
            let mut again = theta.clone();
            let lbfgs = lbfgs::minimise(&mut again, 1e-9, 1_000, |x, g| objective(&votes, shape, 0.7, x, g));
            assert!(lbfgs.converged && lbfgs.steps == 0, "{seed}: {lbfgs:?}");
            // a little away it comes back to the same value: no saddle point
            let mut rng = stream(seed as u64, "away", &[]);
            again.iter_mut().for_each(|x| *x += 1e-2 * sample::normal(&mut rng));
            let lbfgs = lbfgs::minimise(&mut again, 1e-8, 10_000, |x, g| objective(&votes, shape, 0.7, x, g));
            assert!(
                (lbfgs.value - found.value).abs() < 1e-9 * found.value.abs(),
                "{seed}: {lbfgs:?} {found:?}"
            );
        }
    }
}
