//! The set of all equilibria of a game that has more than one, and its points that have a name.
//!
//! Let `x` be an equilibrium whose support `B` is the union of all supports (the central path ends at one). Then
//!
//! ```text
//! {equilibria} = { x_B + Z y :  x_B + Z y >= 0,  K_NB (x_B + Z y) <= 0 }     N = the other actions
//! ```
//!
//! where the columns of `Z` span `{z : K_BB z = 0, 1'z = 0}`: each action of `B` is played by some equilibrium, so no
//! equilibrium lets it lose, and each row of `N` loses strictly at `x`. The dimension of the set is the number of columns.
//!
//! - *Projection.* The equilibrium nearest to `mu` in `KL(. || mu)`: the limit of the regularised equilibria as `tau -> 0`
//!   (their path minimises `KL(p || mu)` over equilibria `p`); for uniform `mu` the one of maximum entropy.
//! - *Vertex.* From `x` along one column after another, each time until a probability or a slack is 0.
//! - *Ranges.* The least and the largest probability of each action over the set.
//!
//! The projection is a convex program in `y`, solved by a primal-dual interior-point method; ranges are linear programs on the
//! same set, solved by pivoting.
//! Cost: one pivoted QR of `K_BB`, then `O(d^3 + d^2 n)` a step, for `d` columns.

use faer::Mat;

use crate::dense::{self, Lu};
use crate::margins::Margins;
use crate::polytope;

/// Steps of a convex program: three times what any has been seen to need.
const STEPS: usize = 200;
/// Gap and relative dual residual at which the walls that hold are known.
const PROGRAM: f64 = 1e-9;
/// Newton steps on them.
const POLISH: usize = 6;

/// All equilibria.
pub(crate) struct Face {
    n: usize,
    /// Union of all supports, ascending.
    pub(crate) actions: Vec<usize>,
    /// A point where all of them are positive.
    pub(crate) inside: Vec<f64>,
    /// `Z`, orthonormal.
    directions: Mat<f64>,
    /// Slacks of the other actions at `inside`, and how they move with `y`.
    walls: Walls,
}

/// `t(y) = at + along y >= 0`.
struct Walls {
    at: Vec<f64>,
    along: Mat<f64>,
}

impl Face {
    /// The set from the end of the central path; `None` if rounding does not let it be told.
    pub(crate) fn new(k: &Margins, x: &[f64], s: &[f64], zero: f64) -> Option<Self> {
        let n = k.n();
        let (actions, others): (Vec<usize>, Vec<usize>) = (0..n).partition(|&i| x[i] > s[i]);
        let kernel = kernel(k, &actions)?;
        // the point of the kernel nearest to x in relative terms
        let m = actions.len();
        let relative = Mat::from_fn(m, kernel.ncols(), |i, j| kernel[(i, j)] / x[actions[i]]);
        let inside = times(&kernel, &dense::least_squares(&relative, &vec![1.0; m]));
        let sum: f64 = inside.iter().sum();
        let inside: Vec<f64> = inside.iter().map(|v| v / sum).collect();
        let directions = level(&kernel);
        let product = |rows: &[usize]| -> Vec<f64> {
            let dot = |&i: &usize| actions.iter().zip(&inside).map(|(&j, p)| k.at(i, j) * p).sum::<f64>();
            rows.iter().map(dot).collect()
        };
        let at: Vec<f64> = product(&others).iter().map(|m| -m).collect();
        if inside.iter().any(|p| p.is_nan() || *p <= 0.0)
            || product(&actions).iter().any(|m| m.abs() > zero)
            || at.iter().any(|t| *t <= 0.0)
        {
            return None;
        }
        let block = Mat::from_fn(others.len(), m, |i, j| -k.at(others[i], actions[j]));
        let along = &block * &directions;
        Some(Self { n, actions, inside, directions, walls: Walls { at, along } })
    }

    /// The set from a point `inside` that plays `actions` and no other, the kernel of their block (columns, each in the
    /// order of the actions) and how far below 1/2 the other actions are held, over the scale of `k`.
    pub(crate) fn proved(
        k: &Margins,
        actions: Vec<usize>,
        inside: Vec<f64>,
        kernel: &[Vec<f64>],
        slacks: Vec<f64>,
    ) -> Self {
        let (n, m) = (k.n(), actions.len());
        let others: Vec<usize> = (0..n).filter(|i| !actions.contains(i)).collect();
        let directions = level(&orthonormal(m, kernel));
        let block = Mat::from_fn(others.len(), m, |i, j| -k.at(others[i], actions[j]));
        let along = &block * &directions;
        Self { n, actions, inside, directions, walls: Walls { at: slacks, along } }
    }

    /// Dimension of the set.
    pub(crate) fn dimension(&self) -> usize {
        self.directions.ncols()
    }

    /// Puts the probabilities of the actions of the face in their places.
    pub(crate) fn lift(&self, p: &[f64]) -> Vec<f64> {
        let mut policy = vec![0.0; self.n];
        self.actions.iter().zip(p).for_each(|(&i, &p)| policy[i] = p);
        policy
    }

    fn point(&self, y: &[f64]) -> Vec<f64> {
        let moved = times(&self.directions, y);
        self.inside.iter().zip(&moved).map(|(x, m)| x + m).collect()
    }

    /// The equilibrium that minimises `KL(p || mu)`, `[n]`; `log_mu` is `[n]`, any shift, finite on the face.
    pub(crate) fn projection(&self, log_mu: &[f64]) -> Option<Vec<f64>> {
        let (z, d) = (&self.directions, self.dimension());
        let y = minimise(d, &self.walls, |y| {
            let x = self.point(y);
            if x.iter().any(|v| v.is_nan() || *v <= 0.0) {
                return None;
            }
            let slope: Vec<f64> = x.iter().zip(&self.actions).map(|(x, &i)| x.ln() - log_mu[i]).collect();
            let bent = Mat::from_fn(x.len(), d, |i, j| z[(i, j)] / x[i]);
            Some((transposed_times(z, &slope), z.transpose() * &bent))
        })?;
        Some(self.lift(&self.point(&y)))
    }

    /// A vertex of the set, `[n]`.
    pub(crate) fn vertex(&self) -> Vec<f64> {
        let (m, walls) = (self.actions.len(), self.walls.at.len());
        // probabilities and slacks together, and how they move
        let mut value: Vec<f64> = self.inside.iter().chain(&self.walls.at).copied().collect();
        let mut along = Mat::from_fn(m + walls, self.dimension(), |i, j| {
            if i < m { self.directions[(i, j)] } else { self.walls.along[(i - m, j)] }
        });
        while along.ncols() > 0 {
            let step = |i: usize| (i, -value[i] / along[(i, 0)]);
            // the set is bounded: some probability falls
            let Some((hit, length)) =
                (0..m + walls).filter(|&i| along[(i, 0)] < 0.0).map(step).min_by(|a, b| a.1.total_cmp(&b.1))
            else {
                break;
            };
            for i in 0..m + walls {
                value[i] = (value[i] + length * along[(i, 0)]).max(0.0);
            }
            value[hit] = 0.0;
            let row: Vec<f64> = (0..along.ncols()).map(|j| along[(hit, j)]).collect();
            along = &along * &complement(&row);
            (0..along.ncols()).for_each(|j| along[(hit, j)] = 0.0);
        }
        self.lift(&value[..m])
    }

    /// Least and largest probability of every action over the set, `[n]`; `None` if a program did not end.
    pub(crate) fn ranges(&self) -> Option<Vec<(f64, f64)>> {
        let (m, d) = (self.actions.len(), self.dimension());
        let walls = Walls {
            at: self.inside.iter().chain(&self.walls.at).copied().collect(),
            along: Mat::from_fn(m + self.walls.at.len(), d, |i, j| {
                if i < m { self.directions[(i, j)] } else { self.walls.along[(i - m, j)] }
            }),
        };
        let found = polytope::ranges(&walls.at, &walls.along, m)?;
        let mut ranges = vec![(0.0, 0.0); self.n];
        self.actions.iter().zip(found).for_each(|(&action, range)| ranges[action] = range);
        Some(ranges)
    }
}

/// The point of largest entropy of `{ x : equal (x - inside) = 0, walls (x - inside) + slacks >= 0, x >= 0 }`, `[n]`, where `inside` has
/// `n` positive entries and `slacks` are positive. `None` if the equalities leave no direction, or the programme did not end.
pub(crate) fn largest_entropy(
    inside: &[f64],
    equal: &[Vec<f64>],
    walls: &[Vec<f64>],
    slacks: &[f64],
) -> Option<Vec<f64>> {
    let n = inside.len();
    let mut free = Mat::<f64>::identity(n, n);
    equal.iter().for_each(|row| free = within(&free, row));
    if free.ncols() == 0 {
        return None;
    }
    let rows = Mat::from_fn(walls.len(), n, |i, j| walls[i][j]);
    let walls = Walls { at: slacks.to_vec(), along: &rows * &free };
    let point = |y: &[f64]| -> Vec<f64> { inside.iter().zip(times(&free, y)).map(|(x, m)| x + m).collect() };
    let y = minimise(free.ncols(), &walls, |y| {
        let x = point(y);
        if x.iter().any(|v| v.is_nan() || *v <= 0.0) {
            return None;
        }
        let slope: Vec<f64> = x.iter().map(|x| x.ln()).collect();
        let bent = Mat::from_fn(n, free.ncols(), |i, j| free[(i, j)] / x[i]);
        Some((transposed_times(&free, &slope), free.transpose() * &bent))
    })?;
    Some(point(&y))
}

/// The part of the span of orthonormal columns that is orthogonal to `row`: all of it, if what the span sees of it is rounding.
fn within(free: &Mat<f64>, row: &[f64]) -> Mat<f64> {
    let left = transposed_times(free, row);
    let norm = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>().sqrt();
    if free.ncols() > 0 && norm(&left) > 1e-8 * norm(row) { free * &complement(&left) } else { free.clone() }
}

/// Minimises a convex function of `y` over walls, from `y = 0`, where all slacks are positive. `model` gives gradient
/// and curvature, or `None` outside the domain.
///
/// The interior-point method tells which walls hold; Newton's method on them then goes to rounding. `None` if the first
/// did not end.
fn minimise(
    d: usize,
    walls: &Walls,
    model: impl Fn(&[f64]) -> Option<(Vec<f64>, Mat<f64>)>,
) -> Option<Vec<f64>> {
    let count = walls.at.len();
    let mut y = vec![0.0; d];
    let mut slack = walls.at.clone();
    let mut price: Vec<f64> = slack.iter().map(|t| (1e-2 / t).clamp(1e-4, 1e4)).collect();
    let (mut slope, mut curvature) = model(&y)?;
    let largest = |v: &[f64]| v.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    for _ in 0..STEPS {
        let priced = transposed_times(&walls.along, &price);
        let dual: Vec<f64> = slope.iter().zip(&priced).map(|(g, p)| g - p).collect();
        let gap: f64 = slack.iter().zip(&price).map(|(t, z)| t * z).sum();
        let merit = largest(&dual) / (1.0 + largest(&slope)) + gap;
        if merit <= PROGRAM {
            return on_walls(y, walls, &slack, &price, model);
        }
        let target = if count > 0 { 0.1 * (gap / count as f64).max(PROGRAM / count as f64) } else { 0.0 };
        let weight: Vec<f64> = price.iter().zip(&slack).map(|(z, t)| z / t).collect();
        let weighted = Mat::from_fn(count, d, |i, j| weight[i] * walls.along[(i, j)]);
        let matrix = &curvature + walls.along.transpose() * &weighted;
        let push = transposed_times(&walls.along, &slack.iter().map(|t| target / t).collect::<Vec<_>>());
        let mut dy: Vec<f64> = (0..d).map(|i| push[i] - slope[i]).collect();
        factored(&matrix).solve(&mut dy);
        let dslack = times(&walls.along, &dy);
        let dprice: Vec<f64> =
            (0..count).map(|i| (target - price[i] * dslack[i]) / slack[i] - price[i]).collect();
        let longest = |v: &[f64], dv: &[f64]| {
            v.iter().zip(dv).filter(|(_, d)| **d < 0.0).map(|(v, d)| -0.99 * v / d).fold(1.0, f64::min)
        };
        let mut length = longest(&slack, &dslack).min(longest(&price, &dprice));
        let next = loop {
            let trial: Vec<f64> = y.iter().zip(&dy).map(|(y, d)| y + length * d).collect();
            if let Some(found) = model(&trial) {
                break Some((trial, found));
            }
            length *= 0.6;
            if length.is_nan() || length < 1e-12 {
                break None;
            }
        };
        (y, (slope, curvature)) = next?;
        (0..count).for_each(|i| {
            slack[i] += length * dslack[i];
            price[i] += length * dprice[i];
        });
    }
    None
}

/// Newton's method on the walls that hold, as many as are independent.
fn on_walls(
    mut y: Vec<f64>,
    walls: &Walls,
    slack: &[f64],
    price: &[f64],
    model: impl Fn(&[f64]) -> Option<(Vec<f64>, Mat<f64>)>,
) -> Option<Vec<f64>> {
    let d = y.len();
    let mut held: Vec<usize> = (0..slack.len()).filter(|&i| slack[i] < price[i]).collect();
    held.sort_by(|&a, &b| (slack[a] / price[a]).total_cmp(&(slack[b] / price[b])));
    let row = |i: usize| -> Vec<f64> { (0..d).map(|j| walls.along[(i, j)]).collect() };
    let mut free = Mat::<f64>::identity(d, d);
    held.retain(|&i| {
        let (before, after) = (free.ncols(), within(&free, &row(i)));
        free = after;
        free.ncols() < before
    });
    let normals = Mat::from_fn(d, held.len(), |j, i| walls.along[(held[i], j)]);
    let gram = factored(&(normals.transpose() * &normals));
    for _ in 0..POLISH {
        let reached = transposed_times(&normals, &y);
        let mut pull: Vec<f64> = held.iter().zip(&reached).map(|(&i, r)| -(walls.at[i] + r)).collect();
        gram.solve(&mut pull);
        y.iter_mut().zip(times(&normals, &pull)).for_each(|(y, onto)| *y += onto);
        let (slope, curvature) = model(&y)?;
        if free.ncols() == 0 || curvature.norm_max() == 0.0 {
            continue;
        }
        let reduced = free.transpose() * &curvature * &free;
        let slope = transposed_times(&free, &slope);
        let mut step: Vec<f64> = slope.iter().map(|g| -g).collect();
        factored(&reduced).solve(&mut step);
        y.iter_mut().zip(times(&free, &step)).for_each(|(y, along)| *y += along);
    }
    y.iter().all(|v| v.is_finite()).then_some(y)
}

/// Orthonormal basis of the kernel of `K_BB`, up to rounding; `None` if it is empty.
fn kernel(k: &Margins, actions: &[usize]) -> Option<Mat<f64>> {
    let m = actions.len();
    if m == 0 {
        return None;
    }
    dense::kernel(&Mat::from_fn(m, m, |i, j| k.at(actions[i], actions[j])))
}

fn factored(a: &Mat<f64>) -> Lu<f64> {
    Lu::new(a.nrows(), |i, j| a[(i, j)])
}

/// Orthonormal basis of the span of independent columns of `m` entries: Gram and Schmidt's, twice (which is enough: Giraud,
/// Langou and Rozloznik 2005).
fn orthonormal(m: usize, columns: &[Vec<f64>]) -> Mat<f64> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(columns.len());
    for column in columns {
        let mut next = column.clone();
        for _ in 0..2 {
            for other in &basis {
                let along = dot(other, &next);
                next.iter_mut().zip(other).for_each(|(v, o)| *v -= along * o);
            }
        }
        let norm = dot(&next, &next).sqrt();
        next.iter_mut().for_each(|v| *v /= norm);
        basis.push(next);
    }
    Mat::from_fn(m, basis.len(), |i, j| basis[j][i])
}

/// Orthonormal basis of the part of the span whose entries sum to 0.
fn level(kernel: &Mat<f64>) -> Mat<f64> {
    let sums: Vec<f64> = (0..kernel.ncols()).map(|j| kernel.col(j).iter().sum()).collect();
    kernel * &complement(&sums)
}

/// Orthonormal basis, `[d x (d - 1)]`, of what is orthogonal to `v`: columns of a Householder reflection.
fn complement(v: &[f64]) -> Mat<f64> {
    let d = v.len();
    let norm = v.iter().map(|v| v * v).sum::<f64>().sqrt();
    if norm == 0.0 {
        return Mat::from_fn(d, d - 1, |i, j| f64::from(u8::from(i == j + 1)));
    }
    let mut w = v.to_vec();
    w[0] += norm.copysign(v[0]);
    let half = 0.5 * w.iter().map(|w| w * w).sum::<f64>();
    Mat::from_fn(d, d - 1, |i, j| f64::from(u8::from(i == j + 1)) - w[i] * w[j + 1] / half)
}

fn times(a: &Mat<f64>, y: &[f64]) -> Vec<f64> {
    (0..a.nrows()).map(|i| y.iter().enumerate().map(|(j, y)| a[(i, j)] * y).sum()).collect()
}

fn transposed_times(a: &Mat<f64>, v: &[f64]) -> Vec<f64> {
    (0..a.ncols()).map(|j| a.col(j).iter().zip(v).map(|(a, v)| a * v).sum()).collect()
}
