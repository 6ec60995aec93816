//! Newton's method in the directions that are free: strengths or coefficients of features, home, tie.
//!
//! For shift-invariant models the Hessian is singular along equal strengths of every island; a rank-one term for each makes
//! it definite without moving the step, and is taken out of the covariance again. Steps are halved until the objective climbs; for
//! concave models that reaches the maximum from everywhere.

use equipoise_core::newton::{self, Damped, NewtonError, solve};
use faer::linalg::solvers::Solve as _;
use faer::{Mat, Side};
use ndarray::{Array1, Array2};

use super::edges::Edges;
use super::likelihood::{Likelihood, Point};
use super::sparse;
use crate::error::FitError;
use crate::newton::{MAX_STEPS, Told, line_search};
use crate::registry::Watch;

/// Items from which Newton's systems of a closed form are solved by conjugate gradients, also where all pairs met: some ten products
/// with the pairs cost less than a factor.
const MANY: usize = 500;

pub(super) struct Problem {
    pub(super) likelihood: Likelihood,
    /// Features of the items, `[n x k]`, if strengths are linear in them.
    pub(super) features: Option<Array2<f64>>,
}

impl Problem {
    pub(super) fn n(&self) -> usize {
        self.likelihood.n
    }

    /// Strengths (or coefficients of features), home, tie.
    pub(super) fn free(&self) -> Free {
        let n = self.n();
        let likelihood = &self.likelihood;
        let extra: Vec<usize> = [(likelihood.home, n), (likelihood.tie_free, n + 1)]
            .iter()
            .filter(|(f, _)| *f)
            .map(|(_, k)| *k)
            .collect();
        let Some(features) = &self.features else {
            return Free::Coordinates { at: (0..n).chain(extra).collect(), of: n + 2 };
        };
        let mut columns = Array2::zeros((n + 2, features.ncols() + extra.len()));
        columns.slice_mut(ndarray::s![..n, ..features.ncols()]).assign(features);
        extra.iter().enumerate().for_each(|(k, &at)| columns[[at, features.ncols() + k]] = 1.0);
        Free::Linear(columns)
    }

    /// The islands all of whose strengths can be shifted without changing the objective.
    pub(super) fn floating(&self) -> impl Iterator<Item = &Vec<usize>> {
        let likelihood = &self.likelihood;
        let free = likelihood.model.shift_invariant && self.features.is_none();
        likelihood.islands.iter().filter(move |island| free && !likelihood.prior[island[0]])
    }

    /// The negative Hessian in free directions, made definite by a term of rank one for each floating island; and what that
    /// term is at each pair of its items, in the order of [`Problem::floating`].
    pub(super) fn regularised_hessian(&self, h: &Array2<f64>, free: &Free) -> (Mat<f64>, Vec<f64>) {
        let reduced = free.form(h);
        let k = reduced.nrows();
        let mut matrix = Mat::from_fn(k, k, |i, j| reduced[[i, j]]);
        let lift = |island: &Vec<usize>| {
            let size = island.len() as f64;
            let weight = island.iter().map(|&i| reduced[[i, i]]).sum::<f64>() / size;
            // an item that met nobody has no curvature of its own
            let lift = if weight > 0.0 { weight / size } else { 1.0 };
            for &i in island {
                island.iter().for_each(|&j| matrix[(i, j)] += lift);
            }
            lift
        };
        let lifts = self.floating().map(lift).collect();
        (matrix, lifts)
    }

    /// Newton's method from `point`: where it ended, its steps, and whether it met the tolerance.
    pub(super) fn newton(&self, mut point: Point, watch: Watch<'_>) -> Result<(Point, u32, bool), FitError> {
        let likelihood = &self.likelihood;
        if self.features.is_none() && likelihood.is_plain() && self.n() >= MANY {
            let mut edges = Edges::new(likelihood);
            // a system that is not solved so is left to the factor
            if let Ok(found) = sparse::newton(likelihood, &mut edges, point.clone(), &|steps| {
                watch(1.0 - 0.7f64.powi(steps as i32))
            }) {
                return Ok(found);
            }
        }
        let value = self.likelihood.objective(&point);
        let told = Told::to(watch);
        let mut steps = Steps { problem: self, free: self.free(), value, slope: 0.0, told };
        match solve(&mut steps, &mut point, MAX_STEPS) {
            Ok(k) => Ok((point, k as u32, true)),
            Err(NewtonError::Singular { .. }) => Err(FitError::Singular),
            Err(e) => Ok((point, e.steps() as u32, false)),
        }
    }
}

/// The directions in which a point may move.
pub(super) enum Free {
    /// Entries `at` of a point of so many.
    Coordinates { at: Vec<usize>, of: usize },
    /// Columns.
    Linear(Array2<f64>),
}

impl Free {
    /// A quadratic form on points, in free directions.
    pub(super) fn form(&self, h: &Array2<f64>) -> Array2<f64> {
        match self {
            Self::Coordinates { at, .. } => {
                Array2::from_shape_fn((at.len(), at.len()), |(a, b)| h[[at[a], at[b]]])
            }
            Self::Linear(columns) => columns.t().dot(h).dot(columns),
        }
    }

    /// A covariance of free directions, as that of the first n entries of a point.
    pub(super) fn covariance(&self, n: usize, covariance: &Array2<f64>) -> Array2<f64> {
        match self {
            Self::Coordinates { .. } => covariance.slice(ndarray::s![..n, ..n]).to_owned(),
            Self::Linear(columns) => {
                let columns = columns.slice(ndarray::s![..n, ..]);
                columns.dot(covariance).dot(&columns.t())
            }
        }
    }

    /// A slope in free directions.
    fn slope(&self, slope: &Array1<f64>) -> Array1<f64> {
        match self {
            Self::Coordinates { at, .. } => at.iter().map(|&i| slope[i]).collect(),
            Self::Linear(columns) => columns.t().dot(slope),
        }
    }

    /// A move of the free directions, as one of the point. Fixed entries do not move, also where they are infinite.
    fn moved(&self, direction: &Array1<f64>) -> Point {
        match self {
            Self::Coordinates { at, of } => {
                let mut moved = Array1::zeros(*of);
                at.iter().zip(direction).for_each(|(&i, d)| moved[i] = *d);
                moved
            }
            Self::Linear(columns) => columns.dot(direction),
        }
    }
}

/// Newton steps of a problem.
struct Steps<'a> {
    problem: &'a Problem,
    free: Free,
    /// The objective at the point, and its slope along the last direction.
    value: f64,
    slope: f64,
    told: Told<'a>,
}

impl newton::Problem for Steps<'_> {
    fn direction(&mut self, point: &Point) -> Option<Point> {
        self.told.step();
        let (g, h) = self.problem.likelihood.derivatives(point);
        let g = self.free.slope(&g);
        let (mut matrix, _) = self.problem.regularised_hessian(&h, &self.free);
        let direction = loop {
            if let Ok(llt) = matrix.llt(Side::Lower) {
                let solution = llt.solve(&Mat::from_fn(g.len(), 1, |i, _| g[i]));
                break Array1::from_shape_fn(g.len(), |i| solution[(i, 0)]);
            }
            if self.problem.likelihood.model.shift_invariant {
                return None;
            }
            // not concave here: lean towards the gradient
            let most = (0..g.len()).map(|i| matrix[(i, i)].abs()).fold(1e-6, f64::max);
            (0..g.len()).for_each(|i| matrix[(i, i)] += most);
        };
        self.slope = g.dot(&direction);
        Some(self.free.moved(&direction))
    }

    fn damp(&mut self, point: &Point, moved: &Point) -> Option<Damped> {
        let likelihood = &self.problem.likelihood;
        let value = |next: &Point| {
            if likelihood.allows(next) { likelihood.objective(next) } else { f64::NEG_INFINITY }
        };
        let (step, reached) = line_search(point, moved, (self.value, self.slope), value)?;
        self.value = reached;
        Some(step)
    }
}
