//! Games whose payoff is a function of the win rate: `max_pi min_pi' sum_ij pi_i pi'_j Psi(P_ij)`.
//!
//! `Psi` is odd about 1/2 if `Psi(p) + Psi(1 - p) = 2 Psi(1/2)`: the game is then a symmetric one, both players play alike, and
//! its lotteries stay within the Smith set. If it is not, one of the two players leaves it on some game of four items
//! (structured review of arXiv:2505.20627; the witness is a test), so the two policies are given apart. All functions here are
//! increasing, so that a Condorcet winner is played with certainty by both.

use equipoise_env::PreferenceMatrix;
use ndarray::Array2;

use super::choice::{Choice, ConceptOptions};
use super::electorate::Electorate;
use crate::error::ReferenceError;
use crate::exact::{RationalMargins, select_exact};
use crate::lottery::Selection;
use crate::programme::Programme;
use crate::select::select_lottery;

type Chosen = Result<Choice, ReferenceError>;

/// Most items of a game that is not symmetric.
const LARGEST_PAYOFFS: usize = 120;

/// A function of the win rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Payoff {
    /// `log(p / (1 - p))`, odd; infinite at 0 and 1.
    Logit,
    /// The sign of `p - 1/2`, odd.
    Sign,
    /// `sin(pi (p - 1/2))`, odd.
    Sine,
    /// `p^2`, convex.
    Square,
    /// `sqrt p`, concave.
    Root,
    /// `log p`, concave; infinite at 0.
    Log,
}

impl Payoff {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Logit, Self::Sign, Self::Sine, Self::Square, Self::Root, Self::Log];

    /// `Psi(1/2 + margin)`.
    #[must_use]
    pub fn of(self, margin: f64) -> f64 {
        let p = 0.5 + margin;
        match self {
            // log-odds of 1/2 + k are 2 atanh(2 k)
            Self::Logit => 2.0 * (2.0 * margin).atanh(),
            Self::Sign if margin == 0.0 => 0.0,
            Self::Sign => margin.signum(),
            Self::Sine => (std::f64::consts::PI * margin).sin(),
            Self::Square => p * p,
            Self::Root => p.sqrt(),
            Self::Log => p.ln(),
        }
    }

    /// Whether `Psi(p) + Psi(1 - p) = 2 Psi(1/2)`.
    #[must_use]
    pub fn is_odd(self) -> bool {
        matches!(self, Self::Logit | Self::Sign | Self::Sine)
    }
}

/// An equilibrium of a zero-sum game of two players.
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
}

/// An equilibrium of the game with these payoffs, one of possibly several. `None` without a cell, for a payoff that is not
/// finite, or if the pivots do not end.
#[must_use]
pub fn zero_sum(payoffs: &Array2<f64>) -> Option<ZeroSum> {
    let (m, n) = payoffs.dim();
    if payoffs.is_empty() || payoffs.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let (least, most) =
        payoffs.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &v| (a.min(v), b.max(v)));
    let scale = if most > least { most - least } else { 1.0 };
    // all entries in [1, 2]: maximise 1'y subject to A y <= 1; y / 1'y is the column's policy, the prices are the row's
    let mut programme = Programme::maximise(vec![1.0; n]);
    for row in payoffs.rows() {
        programme.at_most(row.iter().map(|v| (v - least) / scale + 1.0).collect(), 1.0);
    }
    let found = programme.solve().optimum()?;
    let shares = |weights: Vec<f64>| {
        let sum: f64 = weights.iter().sum();
        weights.into_iter().map(|w| w / sum).collect::<Vec<f64>>()
    };
    let (row, column) = (shares(found.prices), shares(found.point));
    let gained = payoffs.rows().into_iter().map(|r| r.iter().zip(&column).map(|(a, y)| a * y).sum::<f64>());
    let kept = (0..n).map(|j| (0..m).map(|i| payoffs[[i, j]] * row[i]).sum::<f64>());
    let (upper, lower) = (gained.fold(f64::NEG_INFINITY, f64::max), kept.fold(f64::INFINITY, f64::min));
    Some(ZeroSum { row, column, value: 0.5 * (upper + lower), gap: (upper - lower).max(0.0) })
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

/// The equilibrium of the game of this payoff. `None` if a payoff is infinite.
#[must_use]
pub fn payoff_equilibrium(matrix: &PreferenceMatrix, payoff: Payoff) -> Option<ZeroSum> {
    let n = matrix.n();
    zero_sum(&Array2::from_shape_fn((n, n), |(i, j)| payoff.of(matrix.margin(i, j))))
}

fn choose(electorate: &Electorate, payoff: Payoff) -> Chosen {
    let (matrix, n) = (electorate.matrix(), electorate.n());
    let infinite = "a win rate of 0 or 1 has an infinite payoff; smooth the counts, or take a bounded payoff";
    if !payoff.is_odd() {
        if n > LARGEST_PAYOFFS {
            return Ok(Choice::open(format!(
                "its game is not symmetric, and solved by a dense linear programme; up to {LARGEST_PAYOFFS} items: cut the list with --items"
            )));
        }
        return Ok(match payoff_equilibrium(matrix, payoff) {
            Some(found) => Choice::Lottery { policy: found.row, unique: None },
            None => Choice::open(infinite),
        });
    }
    if payoff == Payoff::Sign {
        let sign = |m: f64| i128::from(m > 0.0) - i128::from(m < 0.0);
        let signs = RationalMargins::new(n, |i, j| Some((sign(electorate.margin(i, j)), 2)));
        if let Some((found, exact)) =
            signs.map(|signs| select_exact(&signs, Selection::MaximumEntropy, false)).transpose()?.flatten()
        {
            return Ok(Choice::Lottery { policy: found.policy.to_vec(), unique: Some(exact.unique) });
        }
    }
    let paid = |i: usize, j: usize| payoff.of(matrix.margin(i, j));
    let largest =
        (0..n).flat_map(|i| (0..n).map(move |j| (i, j))).fold(0.0, |l: f64, (i, j)| l.max(paid(i, j)));
    if largest == f64::INFINITY {
        return Ok(Choice::open(infinite));
    }
    let scale = if largest > 0.0 { 0.5 / largest } else { 1.0 };
    let margin = |i: usize, j: usize| (paid(i, j) * scale).clamp(-0.5, 0.5);
    let game = PreferenceMatrix::from_margins(n, margin).expect("scaled to margins");
    let found = select_lottery(&game, Selection::MaximumEntropy)?;
    Ok(Choice::Lottery { policy: found.policy.to_vec(), unique: found.unique })
}

macro_rules! entries {
    ($($name:ident $payoff:ident),*) => {
        $(pub(super) fn $name(electorate: &Electorate, _: &ConceptOptions) -> Chosen {
            choose(electorate, Payoff::$payoff)
        })*
    };
}

entries! { logit Logit, sign Sign, sine Sine, square Square, root Root, log Log }
