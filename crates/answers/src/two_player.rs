//! Equilibria of zero-sum games of two players with actions of their own, by the maximal lottery of a symmetric game.
//!
//! ```text
//! B = A - min A + s > 0, s the range of A,     K = | 0    B   -c |     c = max B        (Gale, Kuhn, Tucker 1950)
//!                                                  | -B'  0    c |
//!                                                  | c'  -c'   0 |
//! (x, y, l) is an equilibrium of K   <=>   x and y, each divided by its sum, are optimal in A; both sums are equal
//! ```
//!
//! with `m + n + 1` actions, where the product of the two games would have `m n`. What is printed does not rest on it: value and
//! gap are of the payoffs as given, `max_i (A y)_i - min_j (A' x)_j >= 0`, and 0 proves both policies optimal.

use std::fmt;

use equipoise::data::Payoffs;
use equipoise::env::PreferenceMatrix;
use equipoise::ndarray::Array1;
use equipoise::reference::maximal_lottery;
use serde::Serialize;

use crate::error::AnswerError;
use crate::table::{table, width};

/// Most actions of both players together.
const MOST_ACTIONS: usize = 4000;

/// An equilibrium of a zero-sum game of two players.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TwoPlayerAnswer {
    /// The row player and the column player.
    pub players: [String; 2],
    /// Actions of the row player, `[m]`.
    pub row_labels: Vec<String>,
    /// Actions of the column player, `[n]`.
    pub column_labels: Vec<String>,
    /// Policy of the row player, `[m]`.
    pub rows: Vec<f64>,
    /// Policy of the column player, `[n]`.
    pub columns: Vec<f64>,
    /// What the row player gets in equilibrium, in payoffs.
    pub value: f64,
    /// What the row player gets at least with `rows`, in payoffs.
    pub lower: f64,
    /// What the row player gets at most against `columns`, in payoffs.
    pub upper: f64,
    /// `upper - lower`, in payoffs: 0 but for rounding.
    pub duality_gap: f64,
}

/// Solves a zero-sum game of two players.
///
/// ```
/// use equipoise_answers::equipoise::{data::{Reading, parse_payoffs}};
/// use equipoise_answers::solve_two_player;
///
/// let game = parse_payoffs("game.csv".as_ref(), b"4,1\n1,2\n", &Reading::default())?;
/// let found = solve_two_player(&game)?;
/// assert!((found.value - 1.75).abs() < 1e-12 && (found.rows[0] - 0.25).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`AnswerError::Input`] for a game of more than 4,000 actions, or of payoffs whose range is not finite;
/// [`AnswerError::Reference`] if there is no exact answer.
pub fn solve_two_player(game: &Payoffs) -> Result<TwoPlayerAnswer, AnswerError> {
    let a = &game.payoffs;
    let (m, n) = a.dim();
    if m + n > MOST_ACTIONS {
        return Err(AnswerError::input(format!("has {} actions; at most {MOST_ACTIONS} are solved", m + n)));
    }
    let least = a.iter().copied().fold(f64::INFINITY, f64::min);
    let most = a.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let range = most - least;
    if !range.is_finite() || (range > 0.0 && range < f64::MIN_POSITIVE / f64::EPSILON) {
        return Err(AnswerError::input(format!("has payoffs from {least:e} to {most:e}; scale them")));
    }
    let (rows, columns) = if range == 0.0 {
        (Array1::from_elem(m, 1.0 / m as f64), Array1::from_elem(n, 1.0 / n as f64))
    } else {
        // B / (2 c) is in (1/4, 1/2]
        let b = |i: usize, j: usize| ((a[[i, j]] - least) / range + 1.0) / 4.0;
        let margin = |i: usize, j: usize| match (i < m, j < m, j < m + n) {
            (true, true, _) => 0.0,
            (true, false, true) => b(i, j - m),
            (true, false, false) => -0.5,
            (false, _, false) if i < m + n => 0.5,
            _ => 0.0,
        };
        let matrix = PreferenceMatrix::from_margins(m + n + 1, margin).expect("margins are in [-1/2, 1/2]");
        let found = maximal_lottery(&matrix)?.policy;
        let part = |from: usize, to: usize| {
            let part: Array1<f64> = (from..to).map(|k| found[k]).collect();
            let sum = part.sum();
            part / sum
        };
        (part(0, m), part(m, m + n))
    };
    let (against_rows, against_columns) = (a.t().dot(&rows), a.dot(&columns));
    let lower = against_rows.iter().copied().fold(f64::INFINITY, f64::min);
    let upper = against_columns.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Ok(TwoPlayerAnswer {
        players: game.players.clone(),
        row_labels: game.rows.clone(),
        column_labels: game.columns.clone(),
        value: rows.dot(&against_columns),
        rows: rows.to_vec(),
        columns: columns.to_vec(),
        lower,
        upper,
        duality_gap: upper - lower,
    })
}

impl fmt::Display for TwoPlayerAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [row_player, column_player] = &self.players;
        let list = |labels: &[String], policy: &[f64]| -> Vec<Vec<String>> {
            labels.iter().zip(policy).map(|(l, p)| vec![l.clone(), format!("{p:.6}")]).collect()
        };
        for (player, labels, policy) in
            [(row_player, &self.row_labels, &self.rows), (column_player, &self.column_labels, &self.columns)]
        {
            let header = [player.as_str(), "probability"];
            writeln!(f, "{}\n", table(width(f), &header, list(labels, policy).into_iter()))?;
        }
        write!(
            f,
            "value {:.10}, in payoffs of {row_player}\nduality gap {:.3e}: {row_player} gets at least {:.10}, and at most {:.10}",
            self.value, self.duality_gap, self.lower, self.upper
        )
    }
}
