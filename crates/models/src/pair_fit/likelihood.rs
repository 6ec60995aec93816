//! The likelihood of a [`PairModel`] on counted comparisons, with its slopes and curvatures.

pub(super) use equipoise_core::logistic::PairLikelihood;
use equipoise_core::logistic::{log_sigmoid, logistic};
use equipoise_data::{Comparisons, Count, Observations, Outcome};
use ndarray::{Array1, Array2};
use rayon::prelude::*;

use crate::error::FitError;
use crate::graph::{held_together, tie_parameter_runs_away, win_blocks};
use crate::jet::{Jet, N};
use crate::pair_model::{Outcomes, PairModel};

use super::{PairOptions, Reweight};

/// Rows of one ordered pair: first, second, weights of the outcomes.
pub(super) struct Cell {
    pub(super) first: usize,
    pub(super) second: usize,
    pub(super) count: Count,
    /// Weight of each of its rows in the estimate.
    pub(super) scale: f64,
    /// Weights of the outcomes in the estimate.
    pub(super) weights: [f64; 4],
}

/// Cells summed one after another.
const SUMMED: usize = 1 << 16;

/// Slopes of the log-probability of first, second, tie, both bad in the local variables.
type Slopes = [[f64; N]; 4];

/// Strengths, then home, then tie: `[n + 2]`, fixed ones included.
pub(super) type Point = Array1<f64>;

pub(super) struct Likelihood {
    pub(super) n: usize,
    pub(super) model: &'static PairModel,
    /// Whether there is a bonus for the item listed first.
    pub(super) home: bool,
    /// What counts alike.
    reweight: Reweight,
    /// Whether the tie parameter is fitted: the model has one, and there are ties.
    pub(super) tie_free: bool,
    /// The items whose logistic prior is part of the objective.
    pub(super) prior: Vec<bool>,
    /// Whether a finite maximum exists without it.
    pub(super) exists: bool,
    /// Items that met, directly or through others; of a model with an origin all items.
    pub(super) islands: Vec<Vec<usize>>,
    /// Ford's blocks.
    pub(super) blocks: Vec<Vec<usize>>,
    pub(super) cells: Vec<Cell>,
    /// The cells of a pair's rows that list the lower number first, and of the others.
    places: Vec<[u32; 2]>,
}

impl Likelihood {
    /// Likelihood with the logistic prior on all items, if it is asked for, else if `prior_if_needed` on those of the islands
    /// where no finite maximum exists.
    pub(super) fn new(
        data: &Comparisons,
        model: &'static PairModel,
        options: PairOptions,
        prior_if_needed: bool,
    ) -> Result<Self, FitError> {
        let PairOptions { home, prior, reweight } = options;
        // all at once: growing would hold the list twice
        let most = if home { 2 * data.pairs.len() } else { data.pairs.len() };
        let (mut cells, mut places) = (Vec::with_capacity(most), Vec::with_capacity(data.pairs.len()));
        let mut add = |first: usize, second: usize, count: Count, scale: f64| {
            if count.total() > 0.0 {
                let weights = model.weights(&count).map(|w| scale * w);
                cells.push(Cell { first, second, count, scale, weights });
            }
            (cells.len() as u32).saturating_sub(1)
        };
        for (pair, scale) in data.pairs.iter().zip(reweight.scales(data)) {
            let back = Count { first: pair.backward.second, second: pair.backward.first, ..pair.backward };
            if home {
                places.push([
                    add(pair.i, pair.j, pair.forward, scale),
                    add(pair.j, pair.i, pair.backward, scale),
                ]);
            } else {
                let f = &pair.forward;
                let pooled = Count {
                    first: f.first + back.first,
                    second: f.second + back.second,
                    tie: f.tie + back.tie,
                    both_bad: f.both_bad + back.both_bad,
                };
                places.push([add(pair.i, pair.j, pooled, scale); 2]);
            }
        }
        if cells.is_empty() {
            return Err(FitError::Nothing);
        }
        let ties: f64 = cells.iter().map(|c| c.weights[2]).sum();
        if model.has_ties() && cells.iter().all(|c| c.weights[0] + c.weights[1] == 0.0) {
            return Err(FitError::OnlyTies);
        }
        let n = data.n();
        let blocks = win_blocks(data);
        let no_ground =
            model.outcomes == Outcomes::WinsTieAndBothBad && cells.iter().all(|c| c.weights[3] == 0.0);
        let with_ties = model.outcomes == Outcomes::WinsAndTie && ties > 0.0;
        let runs_away = no_ground || (with_ties && tie_parameter_runs_away(data));
        // strengths of an origin of their own hang together without meetings
        let islands = if model.shift_invariant { data.components() } else { vec![(0..n).collect()] };
        let held = held_together(n, &islands, &blocks);
        let exists = !runs_away && held.iter().all(|h| *h);
        let needed = |i: usize| prior_if_needed && (runs_away || !held[i]);
        Ok(Self {
            n,
            model,
            home,
            reweight,
            tie_free: model.has_ties() && ties > 0.0,
            prior: (0..n).map(|i| prior || needed(i)).collect(),
            exists,
            islands,
            blocks,
            cells,
            places,
        })
    }

    /// The cell of a pair's rows, where they are pooled over the order of listing.
    pub(super) fn place(&self, pair: usize) -> usize {
        self.places[pair][0] as usize
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
    pub(super) fn is_plain(&self) -> bool {
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
            let parts: Vec<f64> =
                self.cells.par_chunks(SUMMED).map(|cells| cells.iter().map(row).sum()).collect();
            return parts.iter().sum();
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
        let with_prior = (0..self.n).filter(|&i| self.prior[i]);
        let prior: f64 = with_prior.map(|i| log_sigmoid(point[i]) + log_sigmoid(-point[i])).sum();
        self.log_likelihood(point) + prior
    }

    /// Gradient and negative Hessian of the objective, `[n + 2]` and `[n + 2, n + 2]`.
    pub(super) fn derivatives(&self, point: &Point) -> (Array1<f64>, Array2<f64>) {
        self.derivatives_with(point, |cell| cell.weights)
    }

    /// Whether rows weigh differently in the estimate.
    pub(super) fn is_reweighted(&self) -> bool {
        self.reweight != Reweight::Comparisons
    }

    /// The variance of the slope if the model is right and rows are independent, `[n + 2, n + 2]`: M of the module head.
    pub(super) fn slope_variance(&self, point: &Point) -> Array2<f64> {
        self.derivatives_with(point, |cell| cell.weights.map(|w| cell.scale * w)).1
    }

    fn derivatives_with(
        &self,
        point: &Point,
        weights: impl Fn(&Cell) -> [f64; 4],
    ) -> (Array1<f64>, Array2<f64>) {
        let m = self.n + 2;
        let (mut g, mut h) = (Array1::zeros(m), Array2::zeros((m, m)));
        let closed_form = self.is_plain();
        for cell in &self.cells {
            let weights = weights(cell);
            if closed_form {
                // the closed form of the commonest case
                let (i, j, d) = (cell.first, cell.second, point[cell.first] - point[cell.second]);
                let pair = PairLikelihood::at(d, weights[0], weights[1]);
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
            for (jet, w) in self.jets(cell, point).into_iter().zip(weights) {
                let (Some(jet), true) = (jet, w > 0.0) else { continue };
                for a in 0..N {
                    g[places[a]] += w * jet.gradient[a];
                    for b in 0..N {
                        h[[places[a], places[b]]] -= w * jet.hessian[a][b];
                    }
                }
            }
        }
        for i in (0..self.n).filter(|&i| self.prior[i]) {
            let p = logistic(point[i]);
            g[i] += 1.0 - 2.0 * p;
            h[[i, i]] += 2.0 * p * (1.0 - p);
        }
        (g, h)
    }

    /// Slopes of one row of a cell, by its outcome. A tie that counts half to each side is one row, whose slope is the mean
    /// of a win's and a loss's: not half a row of each, which would scatter where the tie does not.
    fn slopes(&self, cell: &Cell, point: &Point) -> Slopes {
        let [first, second, tie, bad] = self.jets(cell, point).map(|jet| jet.map(|jet| jet.gradient));
        let none = [0.0; N];
        let (first, second) = (first.unwrap_or(none), second.unwrap_or(none));
        let half = std::array::from_fn(|a| 0.5 * (first[a] + second[a]));
        match self.model.outcomes {
            Outcomes::Wins => [first, second, half, half],
            Outcomes::WinsAndTie => [first, second, tie.unwrap_or(none), tie.unwrap_or(none)],
            Outcomes::WinsTieAndBothBad => [first, second, tie.unwrap_or(none), bad.unwrap_or(none)],
        }
    }

    /// Slopes of rows where every pair counts alike. What a pair adds to the slope of the likelihood is then a mean over its n
    /// rows, times a constant: a ratio, of which one row moves `(slope - mean slope) / n`, whether n is fixed or random.
    fn reweigh(&self, slopes: &mut [Slopes]) {
        let mut start = 0;
        // the two cells of a pair stand side by side
        for pair in self.cells.chunk_by(|a, b| {
            a.first.min(a.second) == b.first.min(b.second) && a.first.max(a.second) == b.first.max(b.second)
        }) {
            let slopes = &mut slopes[start..start + pair.len()];
            start += pair.len();
            let turned = |cell: &Cell, s: [f64; N]| match cell.first == pair[0].first {
                true => s,
                false => [s[1], s[0], s[2], s[3]],
            };
            let total: f64 = pair.iter().map(|cell| cell.count.total()).sum();
            let mut mean = [0.0; N];
            for (cell, slopes) in pair.iter().zip(slopes.iter()) {
                for ((_, w), slope) in cell.count.outcomes().into_iter().zip(slopes) {
                    let slope = turned(cell, *slope);
                    (0..N).for_each(|a| mean[a] += w / total * slope[a]);
                }
            }
            for (cell, slopes) in pair.iter().zip(slopes) {
                let mean = turned(cell, mean);
                slopes
                    .iter_mut()
                    .for_each(|row| (0..N).for_each(|a| row[a] = cell.scale * (row[a] - mean[a])));
            }
        }
    }

    /// Sum over observations of the outer product of their slopes, `[n + 2, n + 2]`: J of the sandwich.
    pub(super) fn outer_products(&self, point: &Point, observations: Option<&Observations>) -> Array2<f64> {
        let m = self.n + 2;
        let mut sum = Array2::zeros((m, m));
        let mut slopes: Vec<Slopes> = self.cells.iter().map(|cell| self.slopes(cell, point)).collect();
        if self.reweight == Reweight::Pairs {
            self.reweigh(&mut slopes);
        }
        let Some(clusters) = observations.and_then(Observations::clusters) else {
            for (cell, slopes) in self.cells.iter().zip(slopes) {
                let places = self.places(cell);
                for ((_, w), slope) in cell.count.outcomes().into_iter().zip(slopes) {
                    for a in 0..N {
                        (0..N).for_each(|b| sum[[places[a], places[b]]] += w * slope[a] * slope[b]);
                    }
                }
            }
            return sum;
        };
        let (mut slope, mut touched) = (vec![0.0; m], Vec::new());
        for observation in clusters {
            for cell in observation.cells {
                let place = self.places[cell.pair as usize][usize::from(!cell.forward)] as usize;
                let outcome = match (cell.outcome, cell.forward || self.home) {
                    (Outcome::First, true) | (Outcome::Second, false) => 0,
                    (Outcome::Second, true) | (Outcome::First, false) => 1,
                    (Outcome::Tie, _) => 2,
                    (Outcome::BothBad, _) => 3,
                };
                for (at, s) in self.places(&self.cells[place]).into_iter().zip(slopes[place][outcome]) {
                    if s != 0.0 {
                        touched.push(at);
                        slope[at] += cell.weight * s;
                    }
                }
            }
            touched.sort_unstable();
            touched.dedup();
            for &a in &touched {
                touched.iter().for_each(|&b| sum[[a, b]] += observation.times * slope[a] * slope[b]);
            }
            touched.drain(..).for_each(|a| slope[a] = 0.0);
        }
        sum
    }

    /// How much less ties scatter than wins and losses of the fitted shares would, where they count half to each side: the
    /// variance of a row's score is `p (1 - p) - t / 4`, t: the share of ties. Not 0 where all rows are ties: of N rows a
    /// share of 2 / (N + 2) may yet be decided. 1 where ties are outcomes of their own.
    pub(super) fn tie_dispersion(&self, point: &Point) -> f64 {
        let rows: f64 = self.cells.iter().map(|c| c.count.total()).sum();
        let ties: f64 = self.cells.iter().map(|c| c.count.ties()).sum();
        if self.model.has_ties() || ties == 0.0 {
            return 1.0;
        }
        let variance = |c: &Cell| {
            let logs = (self.model.log_probs)(self.places(c).map(|p| Jet::constant(point[p])));
            let p = logs[0].map_or(0.0, |l| l.value.exp());
            c.count.total() * p * (1.0 - p)
        };
        let decided: f64 = self.cells.iter().map(variance).sum();
        (1.0 - 0.25 * ties * rows / ((rows + 2.0) * decided)).max(2.0 / (rows + 2.0))
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

    /// Why the deviance does not follow the chi-squared law, if it does not.
    pub(super) fn no_chi_squared(
        &self,
        point: &Point,
        observations: Option<&Observations>,
    ) -> Option<&'static str> {
        let ties = || self.cells.iter().any(|c| c.count.ties() > 0.0);
        if observations.is_some_and(|all| all.clusters().is_some()) {
            return Some("the comparisons of one observation are not independent");
        }
        if self.is_reweighted() {
            return Some("comparisons weigh differently in the estimate");
        }
        if !self.model.has_ties() && ties() {
            return Some("ties that count half scatter less than wins and losses");
        }
        if self.cells.iter().any(|c| c.count.outcomes().iter().any(|o| o.1.fract() != 0.0)) {
            return Some("weights in fractions are not counts");
        }
        // Cochran's rule: no expected count below 1, at most one in five below 5
        let (mut all, mut few, mut least) = (0usize, 0usize, f64::INFINITY);
        for cell in &self.cells {
            let logs = (self.model.log_probs)(self.places(cell).map(|p| Jet::constant(point[p])));
            for log in logs.iter().flatten().filter(|l| l.value > f64::NEG_INFINITY) {
                let expected = cell.count.total() * log.value.exp();
                all += 1;
                few += usize::from(expected < 5.0);
                least = least.min(expected);
            }
        }
        (least < 1.0 || 5 * few > all).then_some("pairs met too few times")
    }

    /// What separation is told from: a row for each outcome of each cell, `[m x free directions]`, of strengths that are linear
    /// in these features.
    pub(super) fn directions(&self, features: &Array2<f64>) -> Array2<f64> {
        let k = features.ncols();
        let (home, tie) = (usize::from(self.home), usize::from(self.tie_free));
        let mut rows: Vec<f64> = Vec::new();
        let mut add = |cell: &Cell, sign: f64, of_tie: f64| {
            let difference = &features.row(cell.first) - &features.row(cell.second);
            rows.extend(difference.iter().map(|d| sign * d));
            rows.extend(std::iter::repeat_n(sign, home));
            rows.extend(std::iter::repeat_n(of_tie, tie));
        };
        for cell in &self.cells {
            let [first, second, tied, _] = cell.weights;
            if first > 0.0 {
                add(cell, 1.0, -1.0);
            }
            if second > 0.0 {
                add(cell, -1.0, -1.0);
            }
            if tied > 0.0 {
                add(cell, 1.0, 1.0);
                add(cell, -1.0, 1.0);
            }
        }
        let width = k + home + tie;
        Array2::from_shape_vec((rows.len() / width, width), rows).expect("rows of one length")
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
