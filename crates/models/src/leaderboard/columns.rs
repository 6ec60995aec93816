//! The columns of a leaderboard.

use equipoise_reference::concepts::{ConceptEntry, concept};

use super::{MatchRating, Row, Worst};

/// Concepts that the board has columns of.
pub(super) const BORDA: &str = "borda";
pub(super) const COPELAND: &str = "copeland";
pub(super) const NASH: &str = "maximal-lottery";
pub(super) const WORST: &str = "minimax";

/// Who computes a column, and whose it is.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Origin {
    /// A solution concept, by its name in the list of them, which also says whose it is.
    Concept(&'static str),
    /// A rating or an interval from here; where it comes from.
    Rating(&'static str),
}

/// A rating of the items: a column of a table.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct BoardColumn {
    /// Its name; of a rating, the key among the items on top.
    pub name: &'static str,
    /// The head of the column.
    pub heading: &'static str,
    /// What the number is, in a line.
    pub definition: &'static str,
    /// Who computes it.
    pub origin: Origin,
    /// Whether it follows matches one by one.
    pub by_match: bool,
    /// Of a rating: what items are ordered by, the largest first; `None` where it is not known.
    pub score: Option<fn(&Row) -> Option<f64>>,
    /// Its cell, given the labels of all items.
    pub cell: fn(&Row, &[String]) -> String,
}

impl BoardColumn {
    /// The concept that it shows, if it is one.
    #[must_use]
    pub fn concept(&self) -> Option<&'static ConceptEntry> {
        match self.origin {
            Origin::Concept(name) => concept(name),
            Origin::Rating(_) => None,
        }
    }

    /// Where it comes from.
    #[must_use]
    pub fn source(&self) -> &'static str {
        match self.origin {
            Origin::Concept(name) => concept(name).map_or(name, |entry| entry.source),
            Origin::Rating(source) => source,
        }
    }
}

/// The columns of a leaderboard, from left to right.
pub const COLUMNS: &[BoardColumn] = &[
    BoardColumn {
        name: "bradley-terry",
        heading: "Bradley-Terry",
        definition: "log strength with a simultaneous 95% interval, ties half (if not dropped)",
        origin: Origin::Rating("Zermelo 1929; Bradley, Terry 1952"),
        by_match: false,
        score: Some(|row| Some(row.strength)),
        cell: |row, _| match (row.interval, row.open) {
            ((Some(_), Some(high)), _) => format!("{:+.3} +- {:.3}", row.strength, high - row.strength),
            (_, None) => format!("{:+.3}", row.strength),
            ((low, high), Some(_)) => {
                let end = |x: Option<f64>| x.map_or("open".to_owned(), |x| format!("{x:+.3}"));
                format!("{:+.3} ({} .. {})", row.strength, end(low), end(high))
            }
        },
    },
    BoardColumn {
        name: "rank",
        heading: "rank",
        definition: "ranks that are possible with simultaneous confidence of 95%",
        origin: Origin::Rating("Mogstad, Romano, Shaikh, Wilhelm 2024"),
        by_match: false,
        score: None,
        cell: |row, _| match row.rank {
            Some((best, worst)) if best == worst => best.to_string(),
            Some((best, worst)) => format!("{best}-{worst}"),
            None => "-".to_owned(),
        },
    },
    BoardColumn {
        name: "elo",
        heading: "Elo",
        definition: "points with K = 4: the mean over orders that the times allow, +- the standard deviation over shuffles",
        origin: Origin::Rating("Elo 1978"),
        by_match: true,
        score: Some(|row| row.matches.map(|m| m.elo)),
        cell: |row, _| row.matches.map_or("-".to_owned(), |m| format!("{:.0} +- {:.0}", m.elo, m.spread)),
    },
    BoardColumn {
        name: "trueskill",
        heading: "TrueSkill",
        definition: "mu - 3 sigma: the mean over orders that the times allow, +- the standard deviation over shuffles",
        origin: Origin::Rating("Herbrich, Minka, Graepel 2007"),
        by_match: true,
        score: Some(|row| row.matches.map(|m| m.trueskill)),
        cell: |row, _| {
            let cell = |m: MatchRating| format!("{:.2} +- {:.2}", m.trueskill, m.trueskill_spread);
            row.matches.map_or("-".to_owned(), cell)
        },
    },
    BoardColumn {
        name: "borda",
        heading: "Borda",
        definition: "mean win rate over the opponents an item met",
        origin: Origin::Concept(BORDA),
        by_match: false,
        score: Some(|row| Some(row.borda)),
        cell: |row, _| format!("{:.3}", row.borda),
    },
    BoardColumn {
        name: "copeland",
        heading: "Copeland",
        definition: "opponents it beats of those it met, ties half",
        origin: Origin::Concept(COPELAND),
        by_match: false,
        score: Some(|row| Some(row.copeland)),
        cell: |row, _| row.copeland.to_string(),
    },
    BoardColumn {
        name: "nash",
        heading: "Nash (support)",
        definition: "probability in the maximal lottery (a range if there are several), and the share of bootstrap samples whose \
                     lottery plays it",
        origin: Origin::Concept(NASH),
        by_match: false,
        score: Some(|row| row.nash),
        cell: |row, _| {
            let support = row.nash_support.map_or(String::new(), |share| format!(" ({:.0}%)", 100.0 * share));
            match (row.nash, row.nash_range) {
                (None, _) => "-".to_owned(),
                (Some(p), None) => format!("{p:.3}{support}"),
                (Some(_), Some((low, high))) => format!("{low:.3} to {high:.3}{support}"),
            }
        },
    },
    BoardColumn {
        name: "worst-win-rate",
        heading: "worst win rate",
        definition: "the least win rate against an opponent it met, who that is, and how often they met",
        origin: Origin::Concept(WORST),
        by_match: false,
        score: None,
        cell: |row, labels| {
            let cell = |w: Worst| format!("{:.2} vs {} ({} met)", 1.0 - w.rate, labels[w.item], w.met);
            row.worst_opponent.map_or(String::new(), cell)
        },
    },
];
