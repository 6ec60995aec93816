//! One row of a ranking.

use equipoise::data::Comparisons;
use equipoise::models::leaderboard::Row;
use serde::Serialize;

/// Orders in which Elo sees the matches.
pub(super) const SHUFFLES: u32 = 20;

/// Ratings that follow matches one by one, by the number of the item.
pub(super) struct MatchRatings {
    pub(super) elo: Vec<f64>,
    pub(super) spread: Vec<f64>,
    pub(super) trueskill: Vec<f64>,
    pub(super) order: &'static str,
}

/// One item.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RankRow {
    /// The item.
    pub label: String,
    /// Weight of its comparisons.
    pub comparisons: f64,
    /// Bradley-Terry log strength in nats, of mean 0; ties half.
    pub bradley_terry: f64,
    /// Its standard error by the sandwich.
    pub standard_error: f64,
    /// Lower end of its simultaneous 95 percent interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Lower end of the 95 percent percentile interval over bootstrap samples.
    pub bootstrap_low: Option<f64>,
    /// Upper end.
    pub bootstrap_high: Option<f64>,
    /// Best rank, from 1, with simultaneous confidence of 95 percent.
    pub rank_low: usize,
    /// Worst rank.
    pub rank_high: usize,
    /// Elo points, match by match.
    pub elo: Option<f64>,
    /// Their standard deviation over shuffled orders.
    pub elo_spread: Option<f64>,
    /// TrueSkill, `mu - 3 sigma`, match by match.
    pub trueskill: Option<f64>,
    /// Mean win rate over the opponents it met, in `[0, 1]`.
    pub borda: f64,
    /// Opponents it met.
    pub opponents: usize,
    /// Of these the number it beats, ties half.
    pub copeland: f64,
    /// Probability in the maximal lottery.
    pub nash: f64,
    /// Share of bootstrap samples whose lottery plays it.
    pub nash_support: Option<f64>,
    /// Who wins most often against it, among those it met.
    pub worst_opponent: Option<String>,
    /// Its win rate there, in `[0, 1]`.
    pub worst_win_rate: Option<f64>,
}

impl RankRow {
    pub(super) fn new(row: &Row, data: &Comparisons, matches: Option<&MatchRatings>) -> Self {
        let label = |i: usize| data.labels[i].clone();
        Self {
            label: label(row.item),
            comparisons: row.comparisons,
            bradley_terry: row.strength,
            standard_error: row.standard_error,
            low: row.interval.0,
            high: row.interval.1,
            bootstrap_low: row.bootstrap.map(|b| b.0),
            bootstrap_high: row.bootstrap.map(|b| b.1),
            rank_low: row.rank.0,
            rank_high: row.rank.1,
            elo: matches.map(|m| m.elo[row.item]),
            elo_spread: matches.map(|m| m.spread[row.item]),
            trueskill: matches.map(|m| m.trueskill[row.item]),
            borda: row.borda,
            opponents: row.opponents,
            copeland: row.copeland,
            nash: row.nash,
            nash_support: row.nash_support,
            worst_opponent: row.worst_opponent.map(|w| label(w.0)),
            worst_win_rate: row.worst_opponent.map(|w| 1.0 - w.1),
        }
    }

    /// Its worst win rate and against whom.
    pub(super) fn worst(&self) -> String {
        match (&self.worst_opponent, self.worst_win_rate) {
            (Some(by), Some(rate)) => format!("{rate:.2} vs {by}"),
            _ => String::new(),
        }
    }
}
