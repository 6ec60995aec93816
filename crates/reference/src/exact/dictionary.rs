//! The simplex method in whole numbers, and the extremes of a probability over all equilibria.
//!
//! With `A = K + 1` (entries in `[1/2, 3/2]`, value 1) the linear program
//!
//! ```text
//! maximise 1'p   subject to   A p + s = 1,  p >= 0,  s >= 0
//! ```
//!
//! has optimum 1, and its optimal points are the equilibria: `1'p = 1` leaves `s = -K p`. At an optimum
//! `1'p = 1 - sum_j r_j v_j` over the nonbasic variables `v`, `r >= 0`: the equilibria are the feasible points where
//! every variable of positive `r` is 0. So any variable is made largest or smallest over all equilibria by pivoting in
//! columns of `r = 0` alone.
//!
//! The dictionary is kept in whole numbers over one denominator, the last pivot (Edmonds 1967; Bareiss 1968): row `i` is scaled by
//! the common denominator `L_i` of its margins, every entry is then a minor, and every division exact. The entering
//! column is the one of steepest slope, and after a pivot that moves nothing the one of lowest index until something
//! moves again (Bland 1977), so that it ends whatever ties.
//!
//! Multipliers. Where `p_i` ends as `h - sum_j u_j v_j`, `u_j >= 0` wherever `r_j = 0`, add `t (1 - 1'p) = t sum_j r_j v_j`
//! for a large enough `t`: all coefficients are at least 0, and those of the slacks are `y >= 0` with
//!
//! ```text
//! h >= [i = j] + (K y)_j   for every j      hence   p_i <= h - (p'K y) <= h   for every equilibrium p
//! ```
//!
//! since `p'K y = -y'K p >= 0`; a least probability has `l <= [i = j] - (K y)_j` likewise.
//!
//! Cost: `n^2` products of numbers of up to the digits of all rows together, a pivot.

use num_bigint::BigInt;
use num_integer::Integer as _;
use num_traits::{One as _, Signed as _, Zero as _};

use super::RationalPolicy;
use super::margins::RationalMargins;

/// What is sought.
#[derive(Clone, Copy)]
enum Goal {
    /// The largest sum: an equilibrium.
    Total,
    /// The largest value of a variable over all equilibria.
    Most(usize),
    /// The least.
    Least(usize),
}

/// An end of the range of a probability, with its proof.
pub(super) struct End {
    /// The equilibrium that attains it.
    pub(super) at: RationalPolicy,
    /// `y` of the module head as numerators, `[n]`, over a positive denominator.
    pub(super) multipliers: (Vec<BigInt>, BigInt),
}

pub(super) struct Dictionary {
    n: usize,
    /// `[(n + 1) x (n + 1)]`. Row `i < n`: its basic variable is `(last - sum_j entry_j v_j) / denominator`; row `n`: the sum of `p`.
    rows: Vec<Vec<BigInt>>,
    denominator: BigInt,
    /// Variable of each row; `j < n` is `p_j`, `n + i` is `L_i s_i`.
    basic: Vec<usize>,
    /// Variable of each column.
    nonbasic: Vec<usize>,
    /// `L_i`.
    scales: Vec<BigInt>,
}

impl Dictionary {
    /// The dictionary of an equilibrium.
    pub(super) fn solved(game: &RationalMargins) -> Self {
        let n = game.n();
        let whole: Vec<(BigInt, Vec<BigInt>)> = (0..n).map(|i| game.whole_row(i)).collect();
        let mut rows: Vec<Vec<BigInt>> = whole
            .iter()
            .map(|(scale, row)| row.iter().map(|k| k + scale).chain([scale.clone()]).collect())
            .collect();
        rows.push((0..n).map(|_| -BigInt::one()).chain([BigInt::zero()]).collect());
        let scales = whole.into_iter().map(|(scale, _)| scale).collect();
        let (basic, nonbasic) = ((n..2 * n).collect(), (0..n).collect());
        let mut start = Self { n, rows, denominator: BigInt::one(), basic, nonbasic, scales };
        start.pursue(Goal::Total);
        start
    }

    /// The equilibrium that the dictionary stands at: a vertex of their set.
    pub(super) fn point(&self) -> RationalPolicy {
        let mut weights = vec![BigInt::zero(); self.n];
        for (row, &variable) in self.rows.iter().zip(&self.basic).filter(|(_, v)| **v < self.n) {
            weights[variable].clone_from(&row[self.n]);
        }
        RationalPolicy::new(weights)
    }

    /// Goes to an equilibrium where action `i` is played, or, if none plays it, loses.
    pub(super) fn make_positive(&mut self, i: usize) {
        self.pursue(Goal::Most(i));
        if !self.is_positive(i) {
            self.pursue(Goal::Most(self.n + i));
        }
    }

    /// The least probability of action `i` over all equilibria.
    pub(super) fn least(&mut self, i: usize) -> End {
        self.pursue(Goal::Least(i));
        self.end(i, false)
    }

    /// The largest probability of action `i` over all equilibria.
    pub(super) fn largest(&mut self, i: usize) -> End {
        self.pursue(Goal::Most(i));
        self.end(i, true)
    }

    fn row_of(&self, variable: usize) -> Option<usize> {
        self.basic.iter().position(|v| *v == variable)
    }

    fn is_positive(&self, variable: usize) -> bool {
        self.row_of(variable).is_some_and(|r| self.rows[r][self.n].is_positive())
    }

    fn pursue(&mut self, goal: Goal) {
        let mut moved = true;
        while let Some(column) = self.entering(goal, !moved) {
            let row = self.leaving(column);
            moved = !self.rows[row][self.n].is_zero();
            self.pivot(row, column);
        }
    }

    /// A column that improves the goal: the steepest, or the one whose variable comes first.
    fn entering(&self, goal: Goal, first: bool) -> Option<usize> {
        let totals = &self.rows[self.n];
        let open = |c: &usize| matches!(goal, Goal::Total) || totals[*c].is_zero();
        let (row, sign) = match goal {
            Goal::Total => (self.n, false),
            Goal::Most(v) | Goal::Least(v) => match (self.row_of(v), goal) {
                (Some(row), _) => (row, matches!(goal, Goal::Least(_))),
                (None, Goal::Least(_)) => return None,
                (None, _) => return (0..self.n).filter(open).find(|&c| self.nonbasic[c] == v),
            },
        };
        let slopes = &self.rows[row];
        let improving = |c: &usize| if sign { slopes[*c].is_positive() } else { slopes[*c].is_negative() };
        let columns = (0..self.n).filter(open).filter(improving);
        if first {
            return columns.min_by_key(|&c| self.nonbasic[c]);
        }
        columns.max_by(|&a, &b| slopes[a].magnitude().cmp(slopes[b].magnitude()).then(b.cmp(&a)))
    }

    /// The row that limits the variable of a column first; the lowest variable of several.
    fn leaving(&self, column: usize) -> usize {
        let n = self.n;
        let ratio = |a: usize, b: usize| &self.rows[a][n] * &self.rows[b][column];
        (0..n)
            .filter(|&r| self.rows[r][column].is_positive())
            .min_by(|&a, &b| ratio(a, b).cmp(&ratio(b, a)).then(self.basic[a].cmp(&self.basic[b])))
            .expect("probabilities and slacks are bounded")
    }

    fn pivot(&mut self, row: usize, column: usize) {
        let head = std::mem::take(&mut self.rows[row]);
        let pivot = head[column].clone();
        for cells in self.rows.iter_mut().filter(|cells| !cells.is_empty()) {
            let factor = std::mem::take(&mut cells[column]);
            for (j, (cell, above)) in cells.iter_mut().zip(&head).enumerate() {
                if j == column || (cell.is_zero() && (factor.is_zero() || above.is_zero())) {
                    continue;
                }
                let value = if factor.is_zero() || above.is_zero() {
                    &*cell * &pivot
                } else {
                    &*cell * &pivot - &factor * above
                };
                *cell = value / &self.denominator; // exact: an entry is a minor
            }
            cells[column] = -factor;
        }
        self.rows[row] = head;
        self.rows[row][column] = std::mem::replace(&mut self.denominator, pivot);
        std::mem::swap(&mut self.basic[row], &mut self.nonbasic[column]);
    }

    /// The end of a range where the dictionary stands, after the goal was reached.
    fn end(&self, i: usize, largest: bool) -> End {
        let (n, totals) = (self.n, &self.rows[self.n]);
        // p_i = (value - sum_j row_j v_j) / denominator
        let row = match self.row_of(i) {
            Some(r) => self.rows[r].clone(),
            None => (0..=n)
                .map(|c| match self.nonbasic.get(c) {
                    Some(&v) if v == i => -&self.denominator,
                    _ => BigInt::zero(),
                })
                .collect(),
        };
        let slopes: Vec<BigInt> = if largest { row } else { row.iter().map(|v| -v).collect() };
        // t = a / b, the least that leaves no slope below 0; a bound of 0 from below needs none
        let (mut a, mut b) = (BigInt::zero(), BigInt::one());
        let needed = largest || self.row_of(i).is_some();
        for c in (0..n).filter(|&c| needed && totals[c].is_positive() && slopes[c].is_negative()) {
            if -&slopes[c] * &b > &a * &totals[c] {
                (a, b) = (-&slopes[c], totals[c].clone());
            }
        }
        let mut numerators = vec![BigInt::zero(); n];
        for c in (0..n).filter(|_| needed) {
            if let Some(k) = self.nonbasic[c].checked_sub(n) {
                numerators[k] = (&slopes[c] * &b + &a * &totals[c]) * &self.scales[k];
            }
        }
        let denominator = &self.denominator * b;
        let common = numerators.iter().fold(denominator.clone(), |g, v| g.gcd(v));
        numerators.iter_mut().for_each(|v| *v /= &common);
        End { at: self.point(), multipliers: (numerators, denominator / common) }
    }
}
