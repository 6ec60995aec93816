//! The likelihood of a [`PairModel`] on counted comparisons, with its slopes and curvatures.

use equipoise_core::logistic::{PairLikelihood, log_sigmoid, logistic};
use equipoise_data::{Comparisons, Count};
use ndarray::{Array1, Array2};

use crate::error::FitError;
use crate::graph::{tie_parameter_runs_away, win_blocks};
use crate::jet::{Jet, N};
use crate::pair_model::{Outcomes, PairModel};

/// Rows of one ordered pair: first, second, weights of the outcomes.
pub(super) struct Cell {
    first: usize,
    second: usize,
    weights: [f64; 4],
}

/// Strengths, then home, then tie: `[n + 2]`, fixed ones included.
pub(super) type Point = Array1<f64>;

pub(super) struct Likelihood {
    pub(super) n: usize,
    pub(super) model: &'static PairModel,
    /// Whether there is a bonus for the item listed first.
    pub(super) home: bool,
    /// Whether the tie parameter is fitted: the model has one, and there are ties.
    pub(super) tie_free: bool,
    /// Whether the logistic prior is part of the objective.
    pub(super) prior: bool,
    /// Whether a finite maximum exists without it.
    pub(super) exists: bool,
    /// Ford's blocks.
    pub(super) blocks: Vec<Vec<usize>>,
    pub(super) cells: Vec<Cell>,
}

impl Likelihood {
    /// Likelihood with the logistic prior, if it is asked for, or if `prior_if_needed` and no finite maximum exists.
    pub(super) fn new(
        data: &Comparisons,
        model: &'static PairModel,
        home: bool,
        prior: bool,
        prior_if_needed: bool,
    ) -> Result<Self, FitError> {
        let mut cells = Vec::new();
        for pair in &data.pairs {
            let back = Count { first: pair.backward.second, second: pair.backward.first, ..pair.backward };
            if home {
                cells.push((pair.i, pair.j, pair.forward));
                cells.push((pair.j, pair.i, pair.backward));
            } else {
                let f = &pair.forward;
                let pooled = Count {
                    first: f.first + back.first,
                    second: f.second + back.second,
                    tie: f.tie + back.tie,
                    both_bad: f.both_bad + back.both_bad,
                };
                cells.push((pair.i, pair.j, pooled));
            }
        }
        let cells: Vec<Cell> = cells
            .into_iter()
            .filter(|(_, _, count)| count.total() > 0.0)
            .map(|(first, second, count)| Cell { first, second, weights: model.weights(&count) })
            .collect();
        if cells.is_empty() {
            return Err(FitError::Nothing);
        }
        let ties: f64 = cells.iter().map(|c| c.weights[2]).sum();
        if model.has_ties() && cells.iter().all(|c| c.weights[0] + c.weights[1] == 0.0) {
            return Err(FitError::OnlyTies);
        }
        let blocks = win_blocks(data);
        let no_ground =
            model.outcomes == Outcomes::WinsTieAndBothBad && cells.iter().all(|c| c.weights[3] == 0.0);
        let with_ties = model.outcomes == Outcomes::WinsAndTie && ties > 0.0;
        let exists = blocks.len() == 1 && !no_ground && !(with_ties && tie_parameter_runs_away(data));
        Ok(Self {
            n: data.n(),
            model,
            home,
            tie_free: model.has_ties() && ties > 0.0,
            prior: prior || (prior_if_needed && !exists),
            exists,
            blocks,
            cells,
        })
    }

    /// The jets' local variables among the entries of a point.
    fn places(&self, cell: &Cell) -> [usize; N] {
        [cell.first, cell.second, self.n, self.n + 1]
    }

    fn jets(&self, cell: &Cell, point: &Point) -> [Option<Jet>; 4] {
        let places = self.places(cell);
        (self.model.log_probs)(std::array::from_fn(|k| Jet::variable(k, point[places[k]])))
    }

    /// Whether the closed forms of Bradley-Terry serve.
    fn is_plain(&self) -> bool {
        self.model.logistic && !self.home
    }

    /// Log-likelihood without the prior.
    pub(super) fn log_likelihood(&self, point: &Point) -> f64 {
        let places = |cell: &Cell| self.places(cell).map(|p| Jet::constant(point[p]));
        if self.is_plain() {
            let row = |c: &Cell| {
                let d = point[c.first] - point[c.second];
                PairLikelihood::at(d, c.weights[0], c.weights[1]).value()
            };
            return self.cells.iter().map(row).sum();
        }
        let row = |cell: &Cell| -> f64 {
            let logs = (self.model.log_probs)(places(cell));
            logs.iter()
                .zip(cell.weights)
                .map(|(l, w)| if w > 0.0 { w * l.map_or(0.0, |l| l.value) } else { 0.0 })
                .sum()
        };
        self.cells.iter().map(row).sum()
    }

    pub(super) fn objective(&self, point: &Point) -> f64 {
        let prior = if self.prior {
            (0..self.n).map(|i| log_sigmoid(point[i]) + log_sigmoid(-point[i])).sum()
        } else {
            0.0
        };
        self.log_likelihood(point) + prior
    }

    /// Gradient and negative Hessian of the objective, `[n + 2]` and `[n + 2, n + 2]`, and the outer products of the
    /// slopes of single rows if `outer`.
    pub(super) fn derivatives(&self, point: &Point, outer: bool) -> (Array1<f64>, Array2<f64>, Array2<f64>) {
        let m = self.n + 2;
        let (mut g, mut h) = (Array1::zeros(m), Array2::zeros((m, m)));
        let mut meat = if outer { Array2::zeros((m, m)) } else { Array2::zeros((0, 0)) };
        let closed_form = self.is_plain() && !outer;
        for cell in &self.cells {
            if closed_form {
                // the closed form of the commonest case
                let (i, j, d) = (cell.first, cell.second, point[cell.first] - point[cell.second]);
                let pair = PairLikelihood::at(d, cell.weights[0], cell.weights[1]);
                let (slope, curvature) = (pair.slope(), pair.curvature());
                g[i] += slope;
                g[j] -= slope;
                h[[i, i]] += curvature;
                h[[j, j]] += curvature;
                h[[i, j]] -= curvature;
                h[[j, i]] -= curvature;
                continue;
            }
            let places = self.places(cell);
            for (jet, w) in self.jets(cell, point).into_iter().zip(cell.weights) {
                let (Some(jet), true) = (jet, w > 0.0) else { continue };
                for a in 0..N {
                    g[places[a]] += w * jet.gradient[a];
                    for b in 0..N {
                        h[[places[a], places[b]]] -= w * jet.hessian[a][b];
                        if outer {
                            meat[[places[a], places[b]]] += w * jet.gradient[a] * jet.gradient[b];
                        }
                    }
                }
            }
        }
        if self.prior {
            for i in 0..self.n {
                let p = logistic(point[i]);
                g[i] += 1.0 - 2.0 * p;
                h[[i, i]] += 2.0 * p * (1.0 - p);
            }
        }
        (g, h, meat)
    }

    /// Where Newton's method starts: equal strengths, about a third of all comparisons tied (none where none were seen).
    pub(super) fn start(&self) -> Point {
        let mut point = Array1::zeros(self.n + 2);
        point[self.n + 1] = match (&self.model.tie, self.tie_free) {
            (Some(tie), true) => tie.start,
            (Some(tie), false) => tie.least,
            (None, _) => f64::NEG_INFINITY,
        };
        point
    }

    /// Whether the tie parameter of a point is inside its range.
    pub(super) fn allows(&self, point: &Point) -> bool {
        !self.tie_free || self.model.tie.as_ref().is_none_or(|tie| point[self.n + 1] > tie.least)
    }

    /// Free outcome probabilities of a pair.
    pub(super) fn outcomes(&self) -> f64 {
        let ties = if self.tie_free { 1.0 } else { 0.0 };
        match self.model.outcomes {
            Outcomes::Wins => 1.0,
            Outcomes::WinsAndTie => 1.0 + ties,
            Outcomes::WinsTieAndBothBad => 2.0 + ties,
        }
    }

    /// The log-likelihood of free outcome probabilities.
    pub(super) fn saturated(&self) -> f64 {
        let cell = |c: &Cell| -> f64 {
            let total: f64 = c.weights.iter().sum();
            c.weights.iter().map(|&w| if w > 0.0 { w * (w / total).ln() } else { 0.0 }).sum()
        };
        self.cells.iter().map(cell).sum()
    }
}
