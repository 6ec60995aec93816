//! The rows of a ranking and what is said below them.

use std::fmt;

use equipoise::data::Comparisons;
use equipoise::models::leaderboard::{COLUMNS, Leaderboard as Ratings, SHUFFLES};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

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
    /// Elo points, match by match; where the matches have no times, the mean over shuffled orders.
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
    /// Its cells in the columns of a table, [`COLUMNS`].
    #[serde(skip)]
    pub cells: Vec<String>,
}

fn as_object<S: Serializer>(top: &[(&'static str, String)], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(top.len()))?;
    for (rating, item) in top {
        map.serialize_entry(rating, item)?;
    }
    map.end()
}

impl RankAnswer {
    pub(super) fn new(group: Option<String>, data: &Comparisons, found: &Ratings) -> Self {
        let label = |i: usize| data.labels[i].clone();
        let rows = found.rows.iter().map(|row| RankRow {
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
            elo: row.matches.map(|m| m.elo),
            elo_spread: row.matches.map(|m| m.spread),
            trueskill: row.matches.map(|m| m.trueskill),
            borda: row.borda,
            opponents: row.opponents,
            copeland: row.copeland,
            nash: row.nash,
            nash_support: row.nash_support,
            worst_opponent: row.worst_opponent.map(|w| label(w.0)),
            worst_win_rate: row.worst_opponent.map(|w| 1.0 - w.1),
            cells: COLUMNS.iter().map(|c| (c.cell)(row, &data.labels)).collect(),
        });
        let top = found.tops().into_iter();
        Self {
            group,
            n: data.n(),
            comparisons: data.total,
            unmet: data.unmet(),
            exists: found.fit.exists,
            converged: found.fit.converged,
            replicates: found.replicates,
            order: found.order,
            top: top.map(|(rating, place)| (rating, label(found.rows[place].item))).collect(),
            rows: rows.collect(),
        }
    }
}

impl RankRow {
    /// Its worst win rate and against whom.
    fn worst(&self) -> String {
        match (&self.worst_opponent, self.worst_win_rate) {
            (Some(by), Some(rate)) => format!("{rate:.2} vs {by}"),
            _ => String::new(),
        }
    }
}

impl fmt::Display for RankAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header: Vec<&str> = ["", "item"].into_iter().chain(COLUMNS.iter().map(|c| c.heading)).collect();
        let rows = self.rows.iter().enumerate().map(|(place, row)| {
            [(place + 1).to_string(), row.label.clone()]
                .into_iter()
                .chain(row.cells.iter().cloned())
                .collect()
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
        match self.order {
            Some("time") => write!(
                f,
                "\nElo (K = 4) and TrueSkill (mu - 3 sigma) follow the order of time; +-: standard deviation over {SHUFFLES} \
                 shuffles."
            )?,
            Some(order) => write!(
                f,
                "\nElo (K = 4): mean +- standard deviation over {SHUFFLES} shuffles, as matches have no times; TrueSkill (mu - 3 \
                 sigma) follows the order of {order}."
            )?,
            None => {}
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
        let tops = COLUMNS.iter().filter(|c| c.score.is_some() && !c.by_match);
        let tops: Vec<&str> = tops.map(|c| c.heading.split(" (").next().unwrap_or(c.heading)).collect();
        let mut header = vec!["group", "items", "comparisons"];
        header.extend(&tops);
        header.extend(["may be first", "favourite's worst win rate", "maximum"]);
        f.write_str(&table(width(f), &header, rows))?;
        write!(
            f,
            "\n{}: the item on top. May be first: items whose 95% rank interval reaches 1.\
             \nMaximum: whether the likelihood has a finite one; else the logistic prior was added.",
            tops.join(", ")
        )
    }
}
