//! Linear programmes that concepts, axioms and worst cases come down to.
//!
//! ```text
//! maximise c'x   subject to   A x <= b,  x >= 0
//! ```
//!
//! by the simplex method on a dense tableau in double-double arithmetic: populations of near-tied users make margins of 1e-8
//! decide, where a float solver with tolerances of 1e-9 returns a wrong lottery. Entering column: most negative reduced cost,
//! and after a run of steps that gain nothing the lowest index (Bland 1977), which ends. Right-hand sides below 0 get a first
//! phase with one artificial variable.
//!
//! Optima are checked by their prices, `c'x <= b'y`: [`Optimum::error`] is the largest of what the constraints, the prices and the two
//! values are apart.
//!
//! Cost: `O(m n)` a pivot, usually a few `m` pivots.

use faer::fx128;

/// A reduced cost above `-COST` is zero.
const COST: f64 = 1e-22;
/// A pivot below this is rounding, and ratios that differ by less are level.
const TIE: f64 = 1e-24;
/// How far the first phase may end from 0 in a programme that can be satisfied.
const SATISFIED: f64 = 1e-18;

/// Maximise `cost' x` subject to `rows[i]' x <= bounds[i]` and `x >= 0`.
#[derive(Clone, Debug)]
pub(crate) struct Programme {
    cost: Vec<f64>,
    rows: Vec<Vec<f64>>,
    bounds: Vec<f64>,
}

/// How a programme ends.
#[derive(Clone, Debug)]
pub(crate) enum Solved {
    /// With an optimum.
    Optimum(Optimum),
    /// No `x` satisfies the constraints.
    Infeasible,
    /// The value has no bound.
    Unbounded,
    /// After more pivots than any programme here has been seen to need.
    Stopped,
}

/// An optimum with its prices.
#[derive(Clone, Debug)]
pub(crate) struct Optimum {
    /// `c'x`.
    pub(crate) value: f64,
    /// `x`, one a variable.
    pub(crate) point: Vec<f64>,
    /// Largest violation of `A x <= b`, and with the prices `y >= 0` of the rows of `A'y >= c` and of `c'x = b'y`, in `f64`.
    pub(crate) error: f64,
}

impl Solved {
    /// The optimum, if that is how it ended.
    pub(crate) fn optimum(self) -> Option<Optimum> {
        match self {
            Self::Optimum(optimum) => Some(optimum),
            _ => None,
        }
    }
}

/// All optima of a programme.
#[derive(Clone, Debug)]
pub(crate) struct OptimalSet {
    /// One of them, a vertex.
    pub(crate) vertex: Optimum,
    /// A mean of vertices: a variable is 0 here only if it is 0 at every optimum.
    pub(crate) inside: Vec<f64>,
    /// The slack of each row at `inside`: 0 only if it is 0 at every optimum.
    pub(crate) slacks: Vec<f64>,
    /// Least and largest value of the variables asked for.
    pub(crate) ranges: Vec<(f64, f64)>,
    /// The vertices of these ends, and of the largest values of the others, variables alone; some more than once.
    pub(crate) ends: Vec<Vec<f64>>,
    /// Whether a price is above 0 by no more than `level`, so that rounding of the coefficients may have made it.
    pub(crate) doubtful: bool,
}

impl Programme {
    /// A programme without constraints.
    pub(crate) fn maximise(cost: Vec<f64>) -> Self {
        Self { cost, rows: Vec::new(), bounds: Vec::new() }
    }

    /// Adds `row' x <= bound`.
    pub(crate) fn at_most(&mut self, row: Vec<f64>, bound: f64) {
        debug_assert_eq!(row.len(), self.cost.len(), "a coefficient a variable");
        self.rows.push(row);
        self.bounds.push(bound);
    }

    /// Adds `row' x >= bound`.
    pub(crate) fn at_least(&mut self, row: Vec<f64>, bound: f64) {
        self.at_most(row.into_iter().map(|v| -v).collect(), -bound);
    }

    /// Adds `row' x = bound`.
    pub(crate) fn equal(&mut self, row: Vec<f64>, bound: f64) {
        self.at_most(row.clone(), bound);
        self.at_least(row, bound);
    }

    /// Solves it.
    pub(crate) fn solve(&self) -> Solved {
        self.end().0
    }

    /// All optima, with the ranges of the first `count` variables; reduced costs up to `level` count as 0. `None` without an
    /// optimum, or if the set has no bound.
    ///
    /// What costs something at one optimum is 0 at all; within the rest each variable and slack is made largest (and each of the
    /// first `count` least), from where the last one ended.
    pub(crate) fn optima(&self, count: usize, level: f64) -> Option<OptimalSet> {
        let (solved, mut tableau) = self.end();
        let vertex = solved.optimum()?;
        let (n, m) = (self.cost.len(), self.rows.len());
        let mut doubtful = false;
        for column in 0..tableau.n {
            let cost = tableau.at(m, column).0;
            tableau.barred[tableau.nonbasic[column]] |= cost > level;
            doubtful |= cost > COST && cost <= level && tableau.nonbasic[column] != tableau.artificial;
        }
        let mut sum = vec![0.0; n + m];
        let mut ranges = vec![(0.0, 0.0); count];
        let mut ends = Vec::new();
        for variable in 0..n + m {
            for largest in [true, false] {
                if !largest && variable >= count {
                    continue;
                }
                tableau.aim(variable, largest);
                let Phase::Done = tableau.run(m + 1) else { return None };
                let values = tableau.values();
                if variable < count {
                    let end = if largest { &mut ranges[variable].1 } else { &mut ranges[variable].0 };
                    *end = values[variable];
                }
                sum.iter_mut().zip(&values).for_each(|(s, v)| *s += v);
                ends.push(values[..n].to_vec());
            }
        }
        let mut inside: Vec<f64> = sum.into_iter().map(|s| s / ends.len() as f64).collect();
        let slacks = inside.split_off(n);
        Some(OptimalSet { vertex, inside, slacks, ranges, ends, doubtful })
    }

    fn end(&self) -> (Solved, Tableau) {
        let mut tableau = Tableau::new(self);
        let solved = self.run(&mut tableau);
        (solved, tableau)
    }

    fn run(&self, tableau: &mut Tableau) -> Solved {
        let least = self.bounds.iter().copied().enumerate().min_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((row, _)) = least.filter(|(_, bound)| *bound < 0.0) {
            match tableau.first_phase(row) {
                Phase::Done => {}
                Phase::Unbounded | Phase::Stopped => return Solved::Stopped,
            }
            if tableau.value(tableau.m + 1).0 < -SATISFIED {
                return Solved::Infeasible;
            }
            tableau.drop_artificial();
        }
        match tableau.run(tableau.m) {
            Phase::Done => Solved::Optimum(self.read(tableau)),
            Phase::Unbounded => Solved::Unbounded,
            Phase::Stopped => Solved::Stopped,
        }
    }

    fn read(&self, tableau: &Tableau) -> Optimum {
        let (n, m) = (self.cost.len(), self.rows.len());
        let (point, mut prices) = (tableau.values()[..n].to_vec(), vec![0.0; m]);
        for (column, &variable) in tableau.nonbasic.iter().enumerate() {
            if (n..n + m).contains(&variable) {
                prices[variable - n] = tableau.at(m, column).0.max(0.0);
            }
        }
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let value = dot(&self.cost, &point);
        let mut error = (value - dot(&self.bounds, &prices)).abs();
        for (row, bound) in self.rows.iter().zip(&self.bounds) {
            error = error.max(dot(row, &point) - bound);
        }
        for (j, cost) in self.cost.iter().enumerate() {
            let paid: f64 = self.rows.iter().zip(&prices).map(|(row, price)| row[j] * price).sum();
            error = error.max(cost - paid);
        }
        Optimum { value, point, error }
    }
}

enum Phase {
    Done,
    Unbounded,
    Stopped,
}

/// Rows `0..m` are the constraints, `m` the reduced costs, `m + 1` those of the first phase; the last column holds values.
struct Tableau {
    m: usize,
    /// Columns without the values: the variables, and an artificial one at the end.
    n: usize,
    cells: Vec<fx128>,
    /// Variable of each row: `j < variables`, slacks after them, the artificial one last.
    basic: Vec<usize>,
    nonbasic: Vec<usize>,
    /// The artificial variable.
    artificial: usize,
    /// Variables that may not enter.
    barred: Vec<bool>,
    scratch: Vec<fx128>,
}

fn number(v: f64) -> fx128 {
    fx128::from(v)
}

impl Tableau {
    fn new(programme: &Programme) -> Self {
        let (variables, m) = (programme.cost.len(), programme.rows.len());
        let n = variables + 1;
        let width = n + 1;
        let mut cells = vec![number(0.0); (m + 2) * width];
        for (row, (values, bound)) in programme.rows.iter().zip(&programme.bounds).enumerate() {
            let cells = &mut cells[row * width..(row + 1) * width];
            cells.iter_mut().zip(values).for_each(|(cell, v)| *cell = number(*v));
            cells[variables] = number(-1.0);
            cells[n] = number(*bound);
        }
        for (cell, cost) in cells[m * width..].iter_mut().zip(&programme.cost) {
            *cell = number(-cost);
        }
        // the first phase maximises minus the artificial variable
        cells[(m + 1) * width + variables] = number(1.0);
        let artificial = variables + m;
        let mut barred = vec![false; artificial + 1];
        barred[artificial] = true;
        let mut nonbasic: Vec<usize> = (0..variables).collect();
        nonbasic.push(artificial);
        Self {
            m,
            n,
            cells,
            basic: (variables..variables + m).collect(),
            nonbasic,
            artificial,
            barred,
            scratch: vec![number(0.0); width],
        }
    }

    fn at(&self, row: usize, column: usize) -> fx128 {
        self.cells[row * (self.n + 1) + column]
    }

    fn value(&self, row: usize) -> fx128 {
        self.at(row, self.n)
    }

    /// Values of all variables and slacks.
    fn values(&self) -> Vec<f64> {
        let mut values = vec![0.0; self.artificial];
        for (row, &variable) in self.basic.iter().enumerate() {
            if variable < self.artificial {
                values[variable] = self.value(row).0.max(0.0);
            }
        }
        values
    }

    /// Makes the last row that of the largest, or least, value of a variable.
    fn aim(&mut self, variable: usize, largest: bool) {
        let width = self.n + 1;
        let sign = number(if largest { 1.0 } else { -1.0 });
        let aims: Vec<fx128> = match self.basic.iter().position(|&v| v == variable) {
            // basic: x = value - sum_j cell_j x_j, and the row holds minus what is gained
            Some(row) => (0..width).map(|column| sign * self.at(row, column)).collect(),
            None => {
                let gained = |column: usize| {
                    if self.nonbasic.get(column) == Some(&variable) { sign } else { number(0.0) }
                };
                (0..width).map(|column| number(0.0) - gained(column)).collect()
            }
        };
        let at = (self.m + 1) * width;
        self.cells[at..at + width].copy_from_slice(&aims);
    }

    fn first_phase(&mut self, worst: usize) -> Phase {
        self.pivot(worst, self.n - 1);
        self.barred[self.artificial] = false;
        self.run(self.m + 1)
    }

    /// The artificial variable leaves for good: if it is still basic, at 0, through any pivot of its row.
    fn drop_artificial(&mut self) {
        self.barred[self.artificial] = true;
        let Some(row) = self.basic.iter().position(|&v| v == self.artificial) else { return };
        let largest =
            (0..self.n).max_by(|&a, &b| self.at(row, a).0.abs().total_cmp(&self.at(row, b).0.abs()));
        if let Some(column) = largest.filter(|&column| self.at(row, column).0.abs() > TIE) {
            self.pivot(row, column);
        }
    }

    fn run(&mut self, objective: usize) -> Phase {
        let limit = 200 * (self.m + self.n.min(1000) + 10);
        let patience = 2 * (self.m + 5);
        let mut idle = 0;
        for _ in 0..limit {
            let Some(column) = self.entering(objective, idle > patience) else { return Phase::Done };
            let Some(row) = self.leaving(column) else { return Phase::Unbounded };
            idle = if self.value(row).0 > TIE { 0 } else { idle + 1 };
            self.pivot(row, column);
        }
        Phase::Stopped
    }

    fn entering(&self, objective: usize, lowest: bool) -> Option<usize> {
        let mut best: Option<(usize, f64)> = None;
        for column in 0..self.n {
            let cost = self.at(objective, column).0;
            if cost >= -COST || self.barred[self.nonbasic[column]] {
                continue;
            }
            let better = match best {
                None => true,
                Some((other, _)) if lowest => self.nonbasic[column] < self.nonbasic[other],
                Some((_, least)) => cost < least,
            };
            if better {
                best = Some((column, cost));
            }
        }
        best.map(|(column, _)| column)
    }

    /// The row of the smallest ratio, of level ones the artificial variable's or that of the lowest variable.
    fn leaving(&self, column: usize) -> Option<usize> {
        let mut best: Option<(usize, fx128)> = None;
        for row in 0..self.m {
            let pivot = self.at(row, column);
            if pivot.0 <= TIE {
                continue;
            }
            let value = self.value(row);
            let ratio = if value.0 > 0.0 { value / pivot } else { number(0.0) };
            let rank = |row: usize| match self.basic[row] {
                variable if variable == self.artificial => 0,
                variable => variable + 1,
            };
            let better = match best {
                None => true,
                Some((other, least)) => {
                    let apart = (ratio - least).0;
                    match apart.abs() > TIE * (1.0 + least.0.abs()) {
                        true => apart < 0.0,
                        false => rank(row) < rank(other),
                    }
                }
            };
            if better {
                best = Some((row, ratio));
            }
        }
        best.map(|(row, _)| row)
    }

    fn pivot(&mut self, row: usize, column: usize) {
        let width = self.n + 1;
        let inverse = number(1.0) / self.at(row, column);
        let pivot_row = &mut self.cells[row * width..(row + 1) * width];
        pivot_row[column] = number(1.0);
        pivot_row.iter_mut().for_each(|v| *v *= inverse);
        self.scratch.copy_from_slice(pivot_row);
        for (r, cells) in self.cells.chunks_exact_mut(width).enumerate() {
            if r == row {
                continue;
            }
            let factor = std::mem::replace(&mut cells[column], number(0.0));
            if factor.0 != 0.0 {
                for (cell, p) in cells.iter_mut().zip(&self.scratch) {
                    *cell -= factor * *p;
                }
            }
        }
        std::mem::swap(&mut self.basic[row], &mut self.nonbasic[column]);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn textbook_programmes() {
        // Chvatal 1983: 13 at (2, 0, 1)
        let mut p = Programme::maximise(vec![5.0, 4.0, 3.0]);
        p.at_most(vec![2.0, 3.0, 1.0], 5.0);
        p.at_most(vec![4.0, 1.0, 2.0], 11.0);
        p.at_most(vec![3.0, 4.0, 2.0], 8.0);
        let found = p.solve().optimum().unwrap();
        assert_eq!((found.value, &found.point[..]), (13.0, &[2.0, 0.0, 1.0][..]));
        assert!(found.error < 1e-15, "{found:?}");
        // a first phase: x >= 1, y >= 2, x + y <= 4
        let mut p = Programme::maximise(vec![1.0, -1.0]);
        p.at_least(vec![1.0, 0.0], 1.0);
        p.at_least(vec![0.0, 1.0], 2.0);
        p.at_most(vec![1.0, 1.0], 4.0);
        let found = p.solve().optimum().unwrap();
        assert_eq!(found.point, [2.0, 2.0]);
        assert!(found.error < 1e-15, "{found:?}");
        p.at_most(vec![1.0, 1.0], 2.5);
        assert!(matches!(p.solve(), Solved::Infeasible));
        let mut p = Programme::maximise(vec![1.0, 0.0]);
        p.at_most(vec![1.0, -1.0], 1.0);
        assert!(matches!(p.solve(), Solved::Unbounded));
        // Beale's programme, on which the largest coefficient goes round in a circle
        let mut p = Programme::maximise(vec![0.75, -150.0, 0.02, -6.0]);
        p.at_most(vec![0.25, -60.0, -0.04, 9.0], 0.0);
        p.at_most(vec![0.5, -90.0, -0.02, 3.0], 0.0);
        p.at_most(vec![0.0, 0.0, 1.0, 0.0], 1.0);
        let found = p.solve().optimum().unwrap();
        assert!((found.value - 0.05).abs() < 1e-15 && found.error < 1e-15, "{found:?}");
    }

    #[test]
    fn all_optima() {
        // the largest x + y on the square cut by x + y <= 1.5: an edge from (1, .5) to (.5, 1)
        let mut p = Programme::maximise(vec![1.0, 1.0]);
        p.at_most(vec![1.0, 0.0], 1.0);
        p.at_most(vec![0.0, 1.0], 1.0);
        p.at_most(vec![1.0, 1.0], 1.5);
        let found = p.optima(2, 1e-13).unwrap();
        assert_eq!(found.ranges, [(0.5, 1.0), (0.5, 1.0)]);
        assert!(!found.doubtful && found.slacks[2] == 0.0 && found.slacks[0] > 0.0 && found.slacks[1] > 0.0);
        assert_eq!(found.inside[0] + found.inside[1], 1.5);
        // a slope of rounding: the edge still, in doubt; a slope that is none: the end
        let tilted = |slope: f64| {
            let mut p = Programme::maximise(vec![1.0 + slope, 1.0]);
            p.at_most(vec![1.0, 0.0], 1.0);
            p.at_most(vec![0.0, 1.0], 1.0);
            p.at_most(vec![1.0, 1.0], 1.5);
            p.optima(2, 1e-13).unwrap()
        };
        assert!(tilted(1e-15).doubtful && tilted(1e-15).ranges == [(0.5, 1.0), (0.5, 1.0)]);
        assert!(!tilted(1e-9).doubtful && tilted(1e-9).ranges == [(1.0, 1.0), (0.5, 0.5)]);
        // without a bound there is no range
        let mut p = Programme::maximise(vec![0.0]);
        p.at_least(vec![1.0], 1.0);
        assert!(p.optima(1, 1e-13).is_none());
    }

    #[test]
    fn equalities_and_near_ties() {
        // margins of 1e-9 decide
        let mut p = Programme::maximise(vec![0.5 + 1e-9, 0.5]);
        p.equal(vec![1.0, 1.0], 1.0);
        let found = p.solve().optimum().unwrap();
        assert_eq!(found.point, [1.0, 0.0]);
        assert!(found.error < 1e-15, "{found:?}");
    }
}
