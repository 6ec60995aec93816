//! A leaderboard as text, CSV and LaTeX.

use std::fmt;
use std::path::Path;

use equipoise::data::Values;
use equipoise::models::Reweight;
use equipoise_records::latex::escaped;
use equipoise_records::leaderboard::Points;

use super::{StandingsAnswer, StandingsRow};
use crate::error::AnswerError;
use crate::export::{Columns, as_file, counts};
use crate::table::{table, width};

/// The columns of a board as it is exported.
const EXPORTED: [&str; 10] =
    ["rank_low", "rank_high", "tier", "item", "rating", "error", "low", "high", "comparisons", "provisional"];

impl StandingsRow {
    fn exported(&self) -> [String; EXPORTED.len()] {
        [
            self.rank_low.to_string(),
            self.rank_high.to_string(),
            self.tier.map_or_else(String::new, |t| t.to_string()),
            self.label.clone(),
            format!("{:.3}", self.rating),
            format!("{:.3}", self.error),
            self.low.map_or_else(String::new, |x| format!("{x:.3}")),
            self.high.map_or_else(String::new, |x| format!("{x:.3}")),
            self.comparisons.to_string(),
            self.provisional.to_string(),
        ]
    }

    /// Half of the interval, or that it is open.
    fn half(&self, digits: usize) -> Option<String> {
        self.high.zip(self.low).map(|(high, _)| format!("{:.digits$}", high - self.rating))
    }

    /// Rating with half of its simultaneous interval.
    fn points(&self) -> String {
        format!("{:.1} +- {}", self.rating, self.half(1).unwrap_or_else(|| "open".to_owned()))
    }

    fn rank(&self) -> String {
        let (low, high) = (self.rank_low, self.rank_high);
        if low == high { low.to_string() } else { format!("{low}-{high}") }
    }
}

impl StandingsAnswer {
    /// The board as the bytes of a file: `.csv`, `.jsonl`, `.parquet` or `.tex`, told by the ending.
    ///
    /// # Errors
    /// [`AnswerError::Option`] for another ending.
    pub fn file(&self, path: &Path) -> Result<Vec<u8>, AnswerError> {
        let numbers = |of: &dyn Fn(&StandingsRow) -> f64| Values::Numbers(self.rows.iter().map(of).collect());
        let ends = |of: &dyn Fn(&StandingsRow) -> Option<f64>| {
            Values::MaybeNumbers(self.rows.iter().map(of).collect())
        };
        let texts = |of: &dyn Fn(&StandingsRow) -> String| Values::Text(self.rows.iter().map(of).collect());
        let columns: [Values; EXPORTED.len()] = [
            numbers(&|row| row.rank_low as f64),
            numbers(&|row| row.rank_high as f64),
            counts(self.rows.iter().map(|row| row.tier)),
            texts(&|row| row.label.clone()),
            numbers(&|row| row.rating),
            numbers(&|row| row.error),
            ends(&|row| row.low),
            ends(&|row| row.high),
            numbers(&|row| row.comparisons),
            texts(&|row| row.provisional.to_string()),
        ];
        as_file(path, &EXPORTED.into_iter().zip(columns).collect(), || self.latex() + "\n")
    }

    /// The board as CSV: a header and a line an item.
    #[must_use]
    pub fn csv(&self) -> String {
        let quoted = |cell: &str| match cell.contains([',', '"', '\n', '\r']) {
            true => format!("\"{}\"", cell.replace('"', "\"\"")),
            false => cell.to_owned(),
        };
        let line = |cells: &[String]| cells.iter().map(|c| quoted(c)).collect::<Vec<_>>().join(",");
        let head = line(&EXPORTED.map(str::to_owned));
        self.rows.iter().fold(head, |text, row| format!("{text}\n{}", line(&row.exported())))
    }

    /// The board as a LaTeX table (package `booktabs`).
    #[must_use]
    pub fn latex(&self) -> String {
        let mut text = String::from(
            "\\begin{tabular}{rrlrr}\n\\toprule\nrank & tier & item & rating & comparisons \\\\\n\\midrule\n",
        );
        for row in &self.rows {
            let tier = row.tier.map_or("--".to_owned(), |t| t.to_string());
            let mark = if row.provisional { "$^*$" } else { "" };
            text.push_str(&format!(
                "{} & {tier} & {}{mark} & ${:.0}{}$ & {} \\\\\n",
                row.rank().replace('-', "--"),
                escaped(&row.label),
                row.rating,
                row.half(0).map_or(String::new(), |half| format!(" \\pm {half}")),
                row.comparisons
            ));
        }
        text.push_str("\\bottomrule\n\\end{tabular}");
        text
    }
}

impl StandingsAnswer {
    /// Where points are measured from, and what they are.
    pub(crate) fn scale(&self) -> String {
        let zero = match (&self.anchor, &self.origin) {
            (Some(anchor), _) => anchor.clone(),
            (None, Some(items)) => {
                format!("the mean of the {} items that wins both ways hold together", items.len())
            }
            (None, None) => "the mean".to_owned(),
        };
        format!("{} points are odds of 10, {zero} stands at {}", self.points, self.base)
    }

    /// What the ratings are adjusted for, beyond the comparisons: a clause each.
    pub(crate) fn adjustments(&self) -> Vec<String> {
        let names: Vec<&str> = self.covariates.iter().map(|c| c.name.as_str()).collect();
        let covariates = (!names.is_empty()).then(|| format!("adjusted for {}", names.join(", ")));
        let pairs = (self.reweight == Reweight::Pairs)
            .then(|| "reweighted: every pair of items that met counts alike".to_owned());
        covariates.into_iter().chain(pairs).collect()
    }

    /// What the points are, in one sentence without its end.
    pub(crate) fn words(&self) -> String {
        let (scale, level) = (self.scale(), 100.0 * self.level);
        let all = [format!("{scale}; intervals hold together at {level} percent")];
        all.into_iter().chain(self.adjustments()).collect::<Vec<_>>().join("; ")
    }

    /// The rating of an item with half of its simultaneous interval.
    pub(crate) fn cell(&self, label: &str) -> String {
        let row = self.rows.iter().find(|row| row.label == label);
        row.map_or("-".to_owned(), StandingsRow::points)
    }

    /// Points, their errors and the ends of their intervals, of items in this order.
    pub(crate) fn columns<'a>(&self, items: impl Iterator<Item = &'a str>) -> Columns {
        let rows: Vec<_> = items.map(|item| self.rows.iter().find(|row| row.label == item)).collect();
        let numbers = |of: &dyn Fn(&StandingsRow) -> Option<f64>| {
            Values::MaybeNumbers(rows.iter().map(|row| row.and_then(of)).collect())
        };
        vec![
            ("points", numbers(&|row| Some(row.rating))),
            ("points_error", numbers(&|row| Some(row.error))),
            ("points_low", numbers(&|row| row.low)),
            ("points_high", numbers(&|row| row.high)),
        ]
    }

    /// The rating of an item as a page has it.
    pub(crate) fn of(&self, label: &str) -> Option<Points> {
        let row = self.rows.iter().find(|row| row.label == label)?;
        Some(Points { rating: row.rating, error: row.error, interval: (row.low, row.high) })
    }

    /// What covariates are worth, if there are any.
    pub(crate) fn write_covariates(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.covariates.is_empty() {
            return Ok(());
        }
        let rows = self.covariates.iter().map(|c| {
            let end = |x: Option<f64>| x.map_or("open".to_owned(), |x| format!("{x:+.3}"));
            vec![
                c.name.clone(),
                format!("{:.4}", c.unit),
                format!("{:+.1}", c.points),
                format!("{:+.3}", c.coefficient),
                c.standard_error.map_or("-".to_owned(), |error| format!("{error:.3}")),
                format!("{} .. {}", end(c.low), end(c.high)),
            ]
        });
        let header = ["covariate", "unit", "points a unit", "nats a unit", "error", "interval"];
        writeln!(
            f,
            "\nadjusted for covariates: ratings, ranks and win rates are those of comparisons that do not differ in them"
        )?;
        f.write_str(&table(width(f), &header, rows))?;
        f.write_str("\nunit: root mean square of the difference; intervals one by one")
    }
}

impl fmt::Display for StandingsAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "Bradley-Terry, ties half; {}; intervals, ranks and tiers hold together at {} percent\n",
            self.scale(),
            100.0 * self.level
        )?;
        let number = |x: Option<f64>, digits: usize| x.map_or("-".to_owned(), |x| format!("{x:.digits$}"));
        let rows = self.rows.iter().map(|row| {
            vec![
                row.rank(),
                row.tier.map_or("-".to_owned(), |t| t.to_string()),
                format!("{}{}", row.label, if row.provisional { " (provisional)" } else { "" }),
                row.points(),
                format!("{:.1}", row.error),
                row.comparisons.to_string(),
                number(row.beats_next, 3),
                number(row.factor_to_next, 1),
            ]
        });
        let header =
            ["rank", "tier", "item", "rating", "error", "comparisons", "beats next", "x to separate"];
        f.write_str(&table(width(f), &header, rows))?;
        self.write_covariates(f)?;
        if self.reweight == Reweight::Pairs {
            f.write_str(
                "\nreweighted: every pair of items that met counts alike, however often; errors are those of the comparisons as they \
                 were made",
            )?;
        }
        f.write_str(
            "\ntier: nobody in it is surely below its first. x to separate: factor on all comparisons after which a test tells it \
             from the next, 4 times in 5",
        )?;
        if !self.exists {
            f.write_str("\nthe likelihood has no finite maximum: ratings are the posterior mode under a logistic prior")?;
        }
        let mut reasons: Vec<&str> = self.rows.iter().filter_map(|row| row.open).collect();
        reasons.sort_unstable();
        reasons.dedup();
        for reason in reasons {
            let of = self.rows.iter().filter(|row| row.open == Some(reason)).map(|row| row.label.as_str());
            write!(f, "\nopen: {} ({reason})", of.collect::<Vec<_>>().join(", "))?;
        }
        Ok(())
    }
}
