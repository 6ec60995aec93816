//! The columns of a ranking, as a registry: what each is, how it is shown, and whom it puts on top.

use super::row::{RankRow, SHUFFLES};

/// A registry row.
#[non_exhaustive]
pub struct RankColumn {
    /// Its name; of a rating, the key among the items on top.
    pub name: &'static str,
    /// The head of the column.
    pub title: &'static str,
    /// What it is, with its unit and range.
    pub definition: &'static str,
    /// Whether it follows matches one by one, and so depends on their order.
    pub match_by_match: bool,
    /// What a row shows there.
    pub(super) cell: fn(&RankRow) -> String,
    /// Of a rating: the number by which items are ordered, the largest on top.
    pub(super) score: Option<fn(&RankRow) -> Option<f64>>,
}

/// Every column, in the order of the table.
pub const RANK_COLUMNS: &[RankColumn] = &[
    RankColumn {
        name: "bradley-terry",
        title: "Bradley-Terry",
        definition: "log strength in nats, mean 0, ties half, with its simultaneous 95% interval (sandwich)",
        match_by_match: false,
        cell: |row| format!("{:+.3} +- {:.3}", row.bradley_terry, row.high - row.bradley_terry),
        score: Some(|row| Some(row.bradley_terry)),
    },
    RankColumn {
        name: "rank",
        title: "rank",
        definition: "ranks by Bradley-Terry, from 1, that the item may have with simultaneous confidence of 95%",
        match_by_match: false,
        cell: |row| match (row.rank_low, row.rank_high) {
            (best, worst) if best == worst => best.to_string(),
            (best, worst) => format!("{best}-{worst}"),
        },
        score: None,
    },
    RankColumn {
        name: "elo",
        title: "Elo",
        definition: "Elo points (K = 4), match by match, with the standard deviation over shuffled orders",
        match_by_match: true,
        cell: |row| match (row.elo, row.elo_spread) {
            (Some(elo), Some(spread)) => format!("{elo:.0} +- {spread:.0}"),
            _ => "-".to_owned(),
        },
        score: Some(|row| row.elo),
    },
    RankColumn {
        name: "trueskill",
        title: "TrueSkill",
        definition: "mu - 3 sigma of TrueSkill's belief, match by match",
        match_by_match: true,
        cell: |row| row.trueskill.map_or("-".to_owned(), |skill| format!("{skill:.2}")),
        score: Some(|row| row.trueskill),
    },
    RankColumn {
        name: "borda",
        title: "Borda",
        definition: "mean win rate over the opponents it met, in [0, 1]",
        match_by_match: false,
        cell: |row| format!("{:.3}", row.borda),
        score: Some(|row| Some(row.borda)),
    },
    RankColumn {
        name: "copeland",
        title: "Copeland",
        definition: "number of the opponents it met that it beats, ties half",
        match_by_match: false,
        cell: |row| row.copeland.to_string(),
        score: Some(|row| Some(row.copeland)),
    },
    RankColumn {
        name: "nash",
        title: "Nash (support)",
        definition: "probability in the maximal lottery, and the share of bootstrap samples whose lottery plays it",
        match_by_match: false,
        cell: |row| {
            let support = row.nash_support.map_or(String::new(), |share| format!(" ({:.0}%)", 100.0 * share));
            format!("{:.3}{support}", row.nash)
        },
        score: Some(|row| Some(row.nash)),
    },
    RankColumn {
        name: "worst-win-rate",
        title: "worst win rate",
        definition: "its smallest win rate among those it met, in [0, 1], and against whom",
        match_by_match: false,
        cell: RankRow::worst,
        score: None,
    },
];

/// Who each rating puts on top: its name, and the place among the rows. Ratings that follow matches come last, and are left
/// out if there are none.
pub(super) fn tops(rows: &[RankRow]) -> Vec<(&'static str, usize)> {
    let of = |match_by_match: bool| RANK_COLUMNS.iter().filter(move |c| c.match_by_match == match_by_match);
    let top = |column: &RankColumn| {
        let score = column.score?;
        let scores = rows.iter().map(score).collect::<Option<Vec<f64>>>()?;
        let best = (0..scores.len()).fold(0, |best, k| if scores[k] > scores[best] { k } else { best });
        Some((column.name, best))
    };
    of(false).chain(of(true)).filter_map(top).collect()
}

/// What is said of the ratings that follow matches in this order.
pub(super) fn order_note(order: &str) -> String {
    format!(
        "Elo (K = 4) and TrueSkill (mu - 3 sigma) follow the order of {order}; +-: standard deviation over {SHUFFLES} shuffles."
    )
}
