//! The rows of a ranking and what is said below them.

use std::fmt;

use equipoise::data::Comparisons;
use equipoise::models::leaderboard::Leaderboard as Ratings;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use super::columns::{RANK_COLUMNS, order_note, tops};
use super::row::{MatchRatings, RankRow};
use crate::table::{table, width};

/// Items under several ratings side by side.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RankAnswer {
    /// The context or annotator, where every one is rated by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Number of items.
    pub n: usize,
    /// Weight of all comparisons.
    #[serde(skip)]
    pub comparisons: f64,
    /// Pairs that never met.
    #[serde(skip)]
    pub unmet: usize,
    /// Whether the Bradley-Terry likelihood has a finite maximum; else the logistic prior was added.
    pub exists: bool,
    /// Whether Newton's method converged.
    pub converged: bool,
    /// Bootstrap samples drawn.
    pub replicates: usize,
    /// What the order of the matches is: `time` or `the file`; `None` without ratings that follow it.
    #[serde(skip)]
    pub order: Option<&'static str>,
    /// Who each rating puts on top: the rating and the item. Serialises as an object.
    #[serde(serialize_with = "as_object")]
    pub top: Vec<(&'static str, String)>,
    /// The items, by falling Bradley-Terry strength.
    pub rows: Vec<RankRow>,
}

fn as_object<S: Serializer>(top: &[(&'static str, String)], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(top.len()))?;
    for (rating, item) in top {
        map.serialize_entry(rating, item)?;
    }
    map.end()
}

impl RankAnswer {
    pub(super) fn new(
        group: Option<String>,
        data: &Comparisons,
        found: &Ratings,
        matches: Option<&MatchRatings>,
    ) -> Self {
        let rows: Vec<RankRow> = found.rows.iter().map(|row| RankRow::new(row, data, matches)).collect();
        Self {
            group,
            n: data.n(),
            comparisons: data.total,
            unmet: data.unmet(),
            exists: found.fit.exists,
            converged: found.fit.converged,
            replicates: found.replicates,
            order: matches.map(|m| m.order),
            top: tops(&rows).into_iter().map(|(rating, place)| (rating, rows[place].label.clone())).collect(),
            rows,
        }
    }
}

impl fmt::Display for RankAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header: Vec<&str> =
            ["", "item"].into_iter().chain(RANK_COLUMNS.iter().map(|c| c.title)).collect();
        let rows = self.rows.iter().enumerate().map(|(place, row)| {
            let cells = RANK_COLUMNS.iter().map(|column| (column.cell)(row));
            [(place + 1).to_string(), row.label.clone()].into_iter().chain(cells).collect()
        });
        f.write_str(&table(width(f), &header, rows))?;
        let tops: Vec<String> = self.top.iter().map(|(rating, item)| format!("{rating}: {item}")).collect();
        write!(f, "\ntop by {}", tops.join("; "))?;
        if let Some(first) = self.rows.first() {
            match (&first.worst_opponent, first.worst_win_rate) {
                (Some(by), Some(rate)) if rate < 0.5 => {
                    write!(f, "\n{} loses head to head to {by}, which wins {:.2}", first.label, 1.0 - rate)?;
                }
                _ => write!(f, "\nnobody who met {} wins more often than it", first.label)?,
            }
        }
        f.write_str(
            "\nBradley-Terry: log strength with simultaneous 95% intervals (sandwich); ranks likewise; ties half.",
        )?;
        if self.unmet > 0 {
            f.write_str("\nBorda and Copeland: over the opponents an item met.")?;
        }
        if !self.exists {
            f.write_str("\nThere is no finite maximum of the likelihood; the logistic prior was added.")?;
        }
        if self.replicates > 0 {
            let samples = self.replicates;
            write!(f, "\nNash: share of {samples} bootstrap samples whose lottery plays the item.")?;
        }
        if let Some(order) = self.order {
            write!(f, "\n{}", order_note(order))?;
        }
        Ok(())
    }
}

/// The items of every group under several ratings.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RankGroupsAnswer {
    /// The groups with comparisons, in the order of their first appearance.
    pub groups: Vec<RankAnswer>,
}

impl fmt::Display for RankGroupsAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.groups.iter().map(|g| {
            let mut row =
                vec![g.group.clone().unwrap_or_default(), g.n.to_string(), g.comparisons.to_string()];
            row.extend(g.top.iter().map(|(_, item)| item.clone()));
            row.push(g.rows.iter().filter(|row| row.rank_low == 1).count().to_string());
            row.push(g.rows.first().map_or(String::new(), RankRow::worst));
            row.push(if g.exists { "yes" } else { "no, prior" }.to_owned());
            row
        });
        let header = [
            "group",
            "items",
            "comparisons",
            "Bradley-Terry",
            "Borda",
            "Copeland",
            "Nash",
            "may be first",
            "favourite's worst win rate",
            "maximum",
        ];
        f.write_str(&table(width(f), &header, rows))?;
        f.write_str(
            "\nBradley-Terry, Borda, Copeland, Nash: the item on top. May be first: items whose 95% rank interval reaches 1.\
             \nMaximum: whether the likelihood has a finite one; else the logistic prior was added.",
        )
    }
}
