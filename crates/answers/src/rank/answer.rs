//! The rows of a ranking and what is said below them.

use std::fmt;
use std::path::Path;

use equipoise::data::{Observations, Values};
use equipoise::models::leaderboard::{COLUMNS, Leaderboard as Ratings};
use equipoise::models::position::position;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use crate::error::AnswerError;
use crate::export::{Columns, as_file, latex};
use crate::position::PositionFacts;
use crate::source::{overlap, tie_rule};
use crate::standings::StandingsAnswer;
use crate::table::{some, table, width};

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
    /// What a tie counted, in words.
    #[serde(skip)]
    pub ties: &'static str,
    /// Whether the Bradley-Terry likelihood has a finite maximum; else the logistic prior was added.
    pub exists: bool,
    /// Whether Newton's method converged.
    pub converged: bool,
    /// Bootstrap samples drawn.
    pub replicates: usize,
    /// What one observation is, in every error, interval and rank: `comparisons`, `rankings`, `contexts` or `annotators`.
    pub observed: &'static str,
    /// Number of observations.
    pub observations: f64,
    /// Number of islands: groups of items that never met each other, so that no rating compares them.
    pub islands: usize,
    /// Why there are no intervals and ranks, if there are none.
    pub no_intervals: Option<&'static str>,
    /// Why there is no maximal lottery, if there is none.
    pub no_lottery: Option<&'static str>,
    /// Whether the maximal lottery is the only one; `None` if that was not told, or there is none.
    pub nash_unique: Option<bool>,
    /// Ratings that follow matches, if there are any: whether by their times, or as means over shuffled orders.
    pub timed: Option<bool>,
    /// Shuffled orders over which these are means, and have their standard deviations; 0 without them.
    pub shuffles: usize,
    /// Why there are no ratings that follow matches, where rows were given and there are none.
    pub no_matches: Option<&'static str>,
    /// Who each rating puts on top: the rating, and in words the item or the items that share it. Serialises as an object.
    #[serde(serialize_with = "as_object")]
    pub top: Vec<(&'static str, String)>,
    /// The same as lists of items, those of all islands one after another. Serialises as an object.
    #[serde(serialize_with = "as_object")]
    pub leaders: Vec<(&'static str, Vec<String>)>,
    /// How the items listed first fared; `None` if nothing was decided.
    pub position: Option<PositionFacts>,
    /// The items by falling Bradley-Terry strength, equal ones by name; those of an island together.
    pub rows: Vec<RankRow>,
    /// The items in points, if that was asked for. What these are adjusted for, the other ratings are not.
    pub standings: Option<StandingsAnswer>,
}

/// One item.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RankRow {
    /// The item.
    pub label: String,
    /// Its island, from 0.
    pub island: usize,
    /// Its place in its island, from 1; items of equal strength share one.
    pub place: usize,
    /// Weight of its comparisons.
    pub comparisons: f64,
    /// Bradley-Terry log strength in nats, of mean 0; ties half.
    pub bradley_terry: f64,
    /// Its standard error by the sandwich over observations; `None` where no noise is known.
    pub standard_error: Option<f64>,
    /// Lower end of its simultaneous 95 percent interval; `None` where nothing bounds it, or no noise is known.
    pub low: Option<f64>,
    /// Upper end, likewise.
    pub high: Option<f64>,
    /// Why an end is open.
    pub open: Option<&'static str>,
    /// Lower end of the 95 percent percentile interval over bootstrap samples.
    pub bootstrap_low: Option<f64>,
    /// Upper end.
    pub bootstrap_high: Option<f64>,
    /// Best rank, from 1, with simultaneous confidence of 95 percent.
    pub rank_low: Option<usize>,
    /// Worst rank.
    pub rank_high: Option<usize>,
    /// Elo points, match by match: the mean over the orders that the times allow.
    pub elo: Option<f64>,
    /// Their standard deviation over shuffled orders.
    pub elo_spread: Option<f64>,
    /// TrueSkill, `mu - 3 sigma`, match by match, likewise.
    pub trueskill: Option<f64>,
    /// Its standard deviation over shuffled orders.
    pub trueskill_spread: Option<f64>,
    /// Mean win rate over the opponents it met, in `[0, 1]`.
    pub borda: f64,
    /// Opponents it met.
    pub opponents: usize,
    /// Of these the number it beats, ties half.
    pub copeland: f64,
    /// Probability in the maximal lottery, if there is one.
    pub nash: Option<f64>,
    /// Least and largest probability over all maximal lotteries, if there are several.
    pub nash_range: Option<(f64, f64)>,
    /// Lower end of the 95 percent percentile interval of that probability over bootstrap samples.
    pub nash_low: Option<f64>,
    /// Upper end.
    pub nash_high: Option<f64>,
    /// Share of bootstrap samples whose lottery plays it.
    pub nash_support: Option<f64>,
    /// Who wins most often against it, among those it met.
    pub worst_opponent: Option<String>,
    /// Its win rate there, in `[0, 1]`.
    pub worst_win_rate: Option<f64>,
    /// Weight of their comparisons.
    pub worst_comparisons: Option<f64>,
    /// Its cells in the columns of a table, [`COLUMNS`].
    #[serde(skip)]
    pub cells: Vec<String>,
}

fn as_object<T: Serialize, S: Serializer>(
    top: &[(&'static str, T)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(top.len()))?;
    for (rating, item) in top {
        map.serialize_entry(rating, item)?;
    }
    map.end()
}

impl RankAnswer {
    pub(super) fn new(
        group: Option<String>,
        observations: &Observations,
        found: &Ratings,
        standings: Option<StandingsAnswer>,
    ) -> Self {
        let data = &observations.comparisons;
        let label = |i: usize| data.labels[i].clone();
        let rows = found.rows.iter().map(|row| RankRow {
            label: label(row.item),
            island: row.island,
            place: row.place,
            comparisons: row.comparisons,
            bradley_terry: row.strength,
            standard_error: row.standard_error,
            low: row.interval.0,
            high: row.interval.1,
            open: row.open,
            bootstrap_low: row.bootstrap.map(|b| b.0),
            bootstrap_high: row.bootstrap.map(|b| b.1),
            rank_low: row.rank.map(|r| r.0),
            rank_high: row.rank.map(|r| r.1),
            elo: row.matches.map(|m| m.elo),
            elo_spread: row.matches.map(|m| m.spread),
            trueskill: row.matches.map(|m| m.trueskill),
            trueskill_spread: row.matches.map(|m| m.trueskill_spread),
            borda: row.borda,
            opponents: row.opponents,
            copeland: row.copeland,
            nash: row.nash,
            nash_range: row.nash_range,
            nash_low: row.nash_interval.map(|n| n.0),
            nash_high: row.nash_interval.map(|n| n.1),
            nash_support: row.nash_support,
            worst_opponent: row.worst_opponent.map(|w| label(w.item)),
            worst_win_rate: row.worst_opponent.map(|w| 1.0 - w.rate),
            worst_comparisons: row.worst_opponent.map(|w| w.met),
            cells: COLUMNS.iter().map(|c| (c.cell)(row, &data.labels)).collect(),
        });
        let tops = found.tops();
        let names = |places: &[usize]| -> Vec<String> {
            places.iter().map(|&place| label(found.rows[place].item)).collect()
        };
        let words = |islands: &Vec<Vec<usize>>| {
            let island = |places: &Vec<usize>| shared(&names(places));
            islands.iter().map(island).collect::<Vec<_>>().join(" / ")
        };
        Self {
            group,
            n: data.n(),
            comparisons: data.total,
            unmet: data.unmet(),
            ties: tie_rule(data.ties),
            exists: found.fit.exists(),
            converged: found.fit.converged(),
            replicates: found.replicates,
            observed: observations.words(),
            observations: observations.count(),
            islands: found.islands(),
            no_intervals: found.no_intervals,
            no_lottery: found.no_lottery,
            nash_unique: found.nash_unique,
            timed: found.timed,
            shuffles: found.shuffles,
            no_matches: found.no_matches,
            top: tops.iter().map(|(rating, islands)| (*rating, words(islands))).collect(),
            leaders: tops.iter().map(|(rating, islands)| (*rating, names(&islands.concat()))).collect(),
            position: position(observations).map(Into::into),
            rows: rows.collect(),
            standings,
        }
    }
}

/// A number of every row.
type Number = fn(&RankRow) -> Option<f64>;

/// The numbers of a row as they are exported, behind its group, place and item.
const NUMBERS: [(&str, Number); 20] = [
    ("island", |r| Some(r.island as f64)),
    ("comparisons", |r| Some(r.comparisons)),
    ("bradley_terry", |r| Some(r.bradley_terry)),
    ("standard_error", |r| r.standard_error),
    ("low", |r| r.low),
    ("high", |r| r.high),
    ("rank_low", |r| r.rank_low.map(|k| k as f64)),
    ("rank_high", |r| r.rank_high.map(|k| k as f64)),
    ("elo", |r| r.elo),
    ("elo_spread", |r| r.elo_spread),
    ("trueskill", |r| r.trueskill),
    ("trueskill_spread", |r| r.trueskill_spread),
    ("borda", |r| Some(r.borda)),
    ("opponents", |r| Some(r.opponents as f64)),
    ("copeland", |r| Some(r.copeland)),
    ("nash", |r| r.nash),
    ("nash_low", |r| r.nash_low),
    ("nash_high", |r| r.nash_high),
    ("nash_support", |r| r.nash_support),
    ("worst_win_rate", |r| r.worst_win_rate),
];

/// The leaderboards of some groups, or one of all, as the bytes of a file.
fn file(path: &Path, answers: &[RankAnswer]) -> Result<Vec<u8>, AnswerError> {
    let rows = || answers.iter().flat_map(|board| board.rows.iter().map(move |row| (board, row)));
    let grouped = answers.iter().any(|board| board.group.is_some());
    let mut columns: Columns = Vec::new();
    if grouped {
        columns.push(("group", Values::MaybeText(rows().map(|(board, _)| board.group.clone()).collect())));
    }
    columns.push(("place", Values::Numbers(rows().map(|(_, row)| row.place as f64).collect())));
    columns.push(("item", Values::Text(rows().map(|(_, row)| row.label.clone()).collect())));
    for (name, number) in NUMBERS {
        columns.push((name, Values::MaybeNumbers(rows().map(|(_, row)| number(row)).collect())));
    }
    columns.push((
        "worst_opponent",
        Values::MaybeText(rows().map(|(_, row)| row.worst_opponent.clone()).collect()),
    ));
    let scaled = answers.iter().all(|board| board.standings.is_some());
    if scaled {
        let of = |board: &RankAnswer, k: usize| -> Vec<Option<f64>> {
            let items = board.rows.iter().map(|row| row.label.as_str());
            match board.standings.as_ref().map(|found| found.columns(items).swap_remove(k).1) {
                Some(Values::MaybeNumbers(values)) => values,
                _ => vec![None; board.rows.len()],
            }
        };
        for (k, name) in ["points", "points_error", "points_low", "points_high"].into_iter().enumerate() {
            columns
                .push((name, Values::MaybeNumbers(answers.iter().flat_map(|board| of(board, k)).collect())));
        }
    }
    as_file(path, &columns, || {
        let own = |name: &str| name.to_owned();
        let mut head = vec![own("place"), own("item")];
        head.extend(COLUMNS.iter().map(|c| own(c.heading)));
        head.extend(scaled.then(|| own("points")));
        let mut table = vec![head];
        table.extend(rows().map(|(board, row)| {
            let points = board.standings.as_ref().map(|found| found.cell(&row.label));
            let cells =
                [row.place.to_string(), row.label.clone()].into_iter().chain(row.cells.iter().cloned());
            cells.chain(points.filter(|_| scaled)).collect()
        }));
        if grouped {
            let groups = rows().map(|(board, _)| board.group.clone().unwrap_or_default());
            let names = std::iter::once(own("group")).chain(groups);
            table.iter_mut().zip(names).for_each(|(row, name)| row.insert(0, name));
        }
        let words = if grouped { 2 } else { 1 };
        latex(&table, |k| k != words && (k > 0 || !grouped))
    })
}

impl RankAnswer {
    /// The leaderboard as the bytes of a file: `.csv`, `.jsonl`, `.parquet` or `.tex`, told by the ending.
    ///
    /// # Errors
    /// [`AnswerError::Option`] for another ending.
    pub fn file(&self, path: &Path) -> Result<Vec<u8>, AnswerError> {
        file(path, std::slice::from_ref(self))
    }
}

impl RankGroupsAnswer {
    /// [`RankAnswer::file`] of all groups, one after another.
    ///
    /// # Errors
    /// As [`RankAnswer::file`].
    pub fn file(&self, path: &Path) -> Result<Vec<u8>, AnswerError> {
        file(path, &self.groups)
    }
}

/// Those who share the top, in words: `A`, `A and B (a tie)`, `A, B and 5 more (a tie)`.
fn shared(names: &[String]) -> String {
    match names {
        [] => "-".to_owned(),
        [one] => one.clone(),
        [all @ .., last] if all.len() < 4 => format!("{} and {last} (a tie)", all.join(", ")),
        all => format!("{} and {} more (a tie)", all[..2].join(", "), all.len() - 2),
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
        if self.islands > 1 {
            let islands = self.islands;
            writeln!(
                f,
                "The items fall into {islands} groups that never met each other: no rating compares items of two. Places are within \
                 a group; rank intervals span them all.\n"
            )?;
        }
        let points = self.standings.as_ref();
        let header = ["", "item"].into_iter().chain(COLUMNS.iter().map(|c| c.heading));
        let header: Vec<&str> = header.chain(points.map(|_| "points")).collect();
        let rows = self.rows.iter().map(|row| {
            let cells =
                [row.place.to_string(), row.label.clone()].into_iter().chain(row.cells.iter().cloned());
            cells.chain(points.map(|points| points.cell(&row.label))).collect()
        });
        f.write_str(&table(width(f), &header, rows))?;
        let tops: Vec<String> = self.top.iter().map(|(rating, item)| format!("{rating}: {item}")).collect();
        write!(f, "\ntop by {}", tops.join("; "))?;
        if self.islands == 1 {
            self.favourite(f)?;
        }
        if let Some(said) = self.position.map(|p| p.to_string()).filter(|said| !said.is_empty()) {
            write!(f, "\n{said}")?;
        }
        let ties = self.ties;
        match self.no_intervals {
            Some(reason) => {
                write!(f, "\nBradley-Terry: log strength; ties: {ties}; no intervals and ranks: {reason}.")?
            }
            None => write!(
                f,
                "\nBradley-Terry: log strength with simultaneous 95% intervals; ranks likewise; ties: {ties}. Observations: {} {}.",
                self.observations, self.observed
            )?,
        }
        let mut reasons: Vec<&str> = self.rows.iter().filter_map(|row| row.open).collect();
        reasons.sort_unstable();
        reasons.dedup();
        for reason in reasons {
            let of = self.rows.iter().filter(|row| row.open == Some(reason)).map(|row| row.label.clone());
            write!(f, "\nopen: {} {reason}.", some(&of.collect::<Vec<_>>()))?;
        }
        if self.unmet > 0 {
            f.write_str("\nBorda and Copeland: over the opponents an item met.")?;
        }
        if !self.exists {
            f.write_str("\nThere is no finite maximum of the likelihood; the logistic prior was added.")?;
        }
        match (self.no_lottery, self.nash_unique) {
            (Some(reason), _) => write!(f, "\nNash: left open, as {reason}.")?,
            (None, Some(false)) => {
                f.write_str("\nNash: several lotteries are maximal; shown is the range of each probability.")?
            }
            (None, None) => f.write_str("\nNash: whether other lotteries are maximal too is not decided.")?,
            (None, Some(true)) => {}
        }
        if self.no_lottery.is_none() && self.unmet > 0 {
            f.write_str("\nNash: pairs that never met have the win rates of the Bradley-Terry fit.")?;
        }
        if self.replicates > 0 && self.no_lottery.is_none() {
            let samples = self.replicates;
            write!(f, "\nNash: share of {samples} bootstrap samples whose lottery plays the item.")?;
        }
        // an order and its reverse are not independent; of k independent ones a standard deviation is known to one part in
        // sqrt(2 (k - 1)), and their mean to the deviation over sqrt(k)
        let (shuffles, pairs) = (self.shuffles, self.shuffles / 2);
        let known = 100.0 / (2.0 * pairs.saturating_sub(1).max(1) as f64).sqrt();
        match self.timed {
            Some(true) => write!(
                f,
                "\nElo (K = 4) and TrueSkill (mu - 3 sigma) follow the order of time; +-: standard deviation over {shuffles} \
                 shuffles, known to {known:.0}% or better."
            )?,
            Some(false) => write!(
                f,
                "\nElo (K = 4) and TrueSkill (mu - 3 sigma): mean +- standard deviation over {shuffles} shuffles, as no times put the \
                 matches in order; +- is known to {known:.0}% or better, the mean to +- over the root of {pairs} or better."
            )?,
            None => {}
        }
        if let Some(reason) = self.no_matches {
            write!(f, "\nElo and TrueSkill: left out, as {reason}.")?;
        }
        if let Some(points) = &self.standings {
            write!(f, "\nPoints: Bradley-Terry; {}.", points.words())?;
            if !points.adjustments().is_empty() {
                f.write_str(
                    " All other columns, and the order of the rows, are as if nothing were adjusted.",
                )?;
            }
            points.write_covariates(f)?;
        }
        Ok(())
    }
}

impl RankAnswer {
    /// Who beats the favourite, if there is one favourite.
    fn favourite(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level: Vec<String> =
            self.rows.iter().take_while(|row| row.place == 1).map(|row| row.label.clone()).collect();
        match &self.rows[..] {
            [] => Ok(()),
            _ if level.len() > 1 => {
                write!(f, "\n{} have the same strength: none of them is the favourite", shared(&level))
            }
            [first, ..] => match (&first.worst_opponent, first.worst_win_rate) {
                (Some(by), Some(rate)) if rate < 0.5 => write!(
                    f,
                    "\n{} loses head to head to {by}, which wins {:.2} of {}",
                    first.label,
                    1.0 - rate,
                    first.worst_comparisons.unwrap_or_default()
                ),
                _ => write!(f, "\nnobody who met {} wins more often than it", first.label),
            },
        }
    }
}

/// The items of every group under several ratings.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RankGroupsAnswer {
    /// The groups with comparisons, in the order of their first appearance.
    pub groups: Vec<RankAnswer>,
    /// Weight of all comparisons, each once.
    pub comparisons: f64,
    /// Weight of those that are in several groups, and count in each.
    pub in_several_groups: f64,
}

impl fmt::Display for RankGroupsAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.groups.iter().map(|g| {
            let mut row =
                vec![g.group.clone().unwrap_or_default(), g.n.to_string(), g.comparisons.to_string()];
            row.extend(g.top.iter().map(|(_, item)| item.clone()));
            let first = g.rows.iter().filter(|row| row.rank_low.is_none_or(|rank| rank == 1));
            row.push(first.count().to_string());
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
        )?;
        if let Some(said) = overlap(self.in_several_groups, self.comparisons) {
            write!(f, "\n{said}.")?;
        }
        for (group, points) in
            self.groups.iter().filter_map(|g| Some((g.group.as_ref()?, g.standings.as_ref()?)))
        {
            write!(f, "\n\n{group}: {points}")?;
        }
        Ok(())
    }
}
