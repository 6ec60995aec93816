//! Zero-sum games of two players with payoffs of their own, by linear programmes: all optimal lotteries of a player are told apart from
//! one, and of several that of largest entropy is named.

use ndarray::Array2;

use crate::face::largest_entropy;
use crate::programme::Programme;

/// Within which probabilities, slacks and reduced costs are level, for payoffs that differ by 1.
const LEVEL: f64 = 1e-12;

/// An equilibrium of a zero-sum game of two players: of several, that of largest entropy for each.
#[derive(Clone, Debug, PartialEq)]
pub struct ZeroSum {
    /// What the player who maximises plays, one a row.
    pub row: Vec<f64>,
    /// What the player who minimises plays, one a column.
    pub column: Vec<f64>,
    /// The value.
    pub value: f64,
    /// `max_i (A column)_i - min_j (row' A)_j`, at least 0: what the two could gain by deviating, together.
    pub gap: f64,
    /// Whether the row's lottery is its only optimal one; `None`: rounding does not let it be told.
    pub row_unique: Option<bool>,
    /// The same of the column's.
    pub column_unique: Option<bool>,
}

/// The equilibrium of the game with these payoffs. `None` without a cell, for a payoff that is not finite, or if the pivots do not
/// end.
#[must_use]
pub fn zero_sum(payoffs: &Array2<f64>) -> Option<ZeroSum> {
    let (m, n) = payoffs.dim();
    let rows = best_rows(payoffs)?;
    let columns = best_rows(&payoffs.t().mapv(|v| -v))?;
    let (row, column) = (rows.policy, columns.policy);
    let gained = payoffs.rows().into_iter().map(|r| r.iter().zip(&column).map(|(a, y)| a * y).sum::<f64>());
    let kept = (0..n).map(|j| (0..m).map(|i| payoffs[[i, j]] * row[i]).sum::<f64>());
    let (upper, lower) = (gained.fold(f64::NEG_INFINITY, f64::max), kept.fold(f64::INFINITY, f64::min));
    Some(ZeroSum {
        row,
        column,
        value: 0.5 * (upper + lower),
        gap: (upper - lower).max(0.0),
        row_unique: rows.unique,
        column_unique: columns.unique,
    })
}

/// What the player who maximises may play.
pub(super) struct BestRows {
    /// The optimal lottery of largest entropy.
    pub(super) policy: Vec<f64>,
    /// The value, from the programme.
    pub(super) value: f64,
    /// Whether it is the only one.
    pub(super) unique: Option<bool>,
    /// Optimal lotteries at the ends of the set of all.
    pub(super) ends: Vec<Vec<f64>>,
}

/// The optimal lotteries over rows: `max_x min_j (x' A)_j`.
pub(super) fn best_rows(payoffs: &Array2<f64>) -> Option<BestRows> {
    let (m, n) = payoffs.dim();
    if payoffs.is_empty() || payoffs.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let largest = payoffs.iter().fold(0.0, |l: f64, v| l.max(v.abs()));
    // a power of two, and so is the shift: payoffs in [1, 3], of which none is rounded that has a bit or two to spare
    let scale = if largest >= f64::MIN_POSITIVE { largest.log2().ceil().exp2() } else { 1.0 };
    if !scale.is_finite() {
        return None;
    }
    // x [m] and a value v >= 0, with v <= (x' A)_j and shares of at most 1, which are all used
    let paid = |i: usize, j: usize| payoffs[[i, j]] / scale + 2.0;
    let mut cost = vec![0.0; m + 1];
    cost[m] = 1.0;
    let mut programme = Programme::maximise(cost);
    for j in 0..n {
        programme.at_most((0..m).map(|i| -paid(i, j)).chain([1.0]).collect(), 0.0);
    }
    let mut shares = vec![1.0; m + 1];
    shares[m] = 0.0;
    programme.at_most(shares, 1.0);
    let all = programme.optima(m, LEVEL)?;
    let value = (all.vertex.value - 2.0) * scale;
    let shares = |point: &[f64]| {
        let sum: f64 = point[..m].iter().sum();
        point[..m].iter().map(|w| w / sum).collect::<Vec<f64>>()
    };
    let vertex = shares(&all.vertex.point);
    if all.ranges.iter().all(|(low, high)| high - low <= LEVEL) {
        return Some(BestRows { policy: vertex, value, unique: Some(true), ends: Vec::new() });
    }
    let unique = if all.doubtful { None } else { Some(false) };
    let ends: Vec<Vec<f64>> = all.ends.iter().map(|end| shares(end)).collect();
    let inside = shares(&all.inside);
    let played: Vec<usize> = (0..m).filter(|&i| all.ranges[i].1 > LEVEL).collect();
    let column = |j: usize| played.iter().map(|&i| paid(i, j)).collect::<Vec<f64>>();
    let (tight, loose): (Vec<usize>, Vec<usize>) = (0..n).partition(|&j| all.slacks[j] <= LEVEL);
    // moves that keep the sum, and the payoff against each column that holds the value down at every optimum
    let mut equal = vec![vec![1.0; played.len()]];
    equal.extend(tight.iter().map(|&j| column(j)));
    let walls: Vec<Vec<f64>> = loose.iter().map(|&j| column(j)).collect();
    let slacks: Vec<f64> = loose.iter().map(|&j| all.slacks[j]).collect();
    let start: Vec<f64> = played.iter().map(|&i| inside[i]).collect();
    let spread = largest_entropy(&start, &equal, &walls, &slacks)?;
    let mut policy = vec![0.0; m];
    played.iter().zip(&spread).for_each(|(&i, p)| policy[i] = p.max(0.0));
    Some(BestRows { policy: shares(&policy), value, unique, ends })
}

/// Agents against tasks (Balduzzi et al. 2018, arXiv:1806.02643): each task's scores are set to `[0, 1]` by its least and its
/// largest, agents maximise, tasks minimise. `scores` is `[agents x tasks]`; a task on which all score alike is 0 for all.
#[must_use]
pub fn agents_against_tasks(scores: &Array2<f64>) -> Option<ZeroSum> {
    zero_sum(&task_payoffs(scores))
}

/// Scores, each column set to `[0, 1]` by its least and its largest.
#[must_use]
pub fn task_payoffs(scores: &Array2<f64>) -> Array2<f64> {
    let mut payoffs = scores.clone();
    for mut column in payoffs.columns_mut() {
        let (least, most) =
            column.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &v| (a.min(v), b.max(v)));
        let range = most - least;
        column.mapv_inplace(|v| if range > 0.0 { (v - least) / range } else { 0.0 });
    }
    payoffs
}
