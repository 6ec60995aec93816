//! One board to be published: Bradley-Terry on a scale with an anchor, tiers, and what it takes to separate neighbours; and two
//! leaderboards compared.

mod changes;

use std::fmt;

use equipoise::core::seed::stream;
use equipoise::data::{Covaried, Observations};
use equipoise::models::canonical::Canonical;
use equipoise::models::graph::open_reasons;
use equipoise::models::intervals::{Intervals, critical_values};
use equipoise::models::standings::{
    Scale, difference_error, ends, factor_to_separate, origin, prediction, tiers,
};
use equipoise::models::{BRADLEY_TERRY, Coefficient, PairFit, PairOptions, fit_covariates, fit_observed};
use equipoise::ndarray::Array2;
use serde::Serialize;

pub use changes::{ChangeRow, ChangesAnswer, changes};

use crate::error::AnswerError;
use crate::table::{table, width};

/// Draws for critical values.
const DRAWS: usize = 4000;

/// How a board is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct StandingsOptions {
    /// Simultaneous confidence of intervals, ranks and tiers, in (0, 1).
    pub level: f64,
    /// Points that odds of 10 are worth, above 0.
    pub points: f64,
    /// Rating of the anchor, or of the mean.
    pub base: f64,
    /// The item that stands at `base`; `None`: the mean.
    pub anchor: Option<String>,
    /// Items of fewer comparisons are provisional: listed, without tier.
    pub min_battles: f64,
    /// Seed of the draws for critical values.
    pub seed: u64,
}

impl Default for StandingsOptions {
    fn default() -> Self {
        Self { level: 0.95, points: 400.0, base: 1000.0, anchor: None, min_battles: 0.0, seed: 0 }
    }
}

/// A board.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StandingsAnswer {
    /// Simultaneous confidence of intervals, ranks and tiers.
    pub level: f64,
    /// Points that odds of 10 are worth.
    pub points: f64,
    /// Rating of the anchor, or of the mean.
    pub base: f64,
    /// The item that stands at `base`.
    pub anchor: Option<String>,
    /// The items whose mean stands at `base`, where there is no anchor and no finite maximum: the largest block that wins both ways
    /// hold together; `None`: the mean of all, or the anchor.
    pub origin: Option<Vec<String>>,
    /// Whether the likelihood has a finite maximum; else the logistic prior was added.
    pub exists: bool,
    /// The covariates of the comparisons that ratings are adjusted for.
    pub covariates: Vec<CovariateFacts>,
    /// The items, best first.
    pub rows: Vec<StandingsRow>,
    /// `Pr(row beats column)`, in the order of the rows, `[n][n]`; `None` where nothing bounds it.
    pub predictions: Vec<Vec<Option<f64>>>,
    /// Lower ends of their intervals, one by one, `[n][n]`; `None` where nothing bounds them.
    pub predictions_low: Vec<Vec<Option<f64>>>,
    /// Upper ends, `[n][n]`, likewise.
    pub predictions_high: Vec<Vec<Option<f64>>>,
    /// Why some of them have no ends, if some have none.
    pub predictions_open: Option<&'static str>,
}

/// One item.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StandingsRow {
    /// The item.
    pub label: String,
    /// Points.
    pub rating: f64,
    /// Their standard error; 0 for the anchor.
    pub error: f64,
    /// Lower end of the simultaneous interval; `None` where nothing bounds it.
    pub low: Option<f64>,
    /// Upper end, likewise.
    pub high: Option<f64>,
    /// Why an end is missing, if one is.
    pub open: Option<&'static str>,
    /// Best rank, from 1.
    pub rank_low: usize,
    /// Worst rank.
    pub rank_high: usize,
    /// Tier, from 1: nobody in it is surely below its first; `None` for a provisional item.
    pub tier: Option<usize>,
    /// Weight of its comparisons.
    pub comparisons: f64,
    /// Whether these are fewer than asked for.
    pub provisional: bool,
    /// `Pr(it beats the next of the board)`; `None`: nothing bounds it, or it is the last.
    pub beats_next: Option<f64>,
    /// Factor on all comparisons after which a two-sided test separates it from the next, 4 times in 5.
    pub factor_to_next: Option<f64>,
    /// Why there is no such factor, if there is none.
    pub no_factor: Option<&'static str>,
}

/// What a covariate of the comparisons is worth.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CovariateFacts {
    /// The columns: `len_a - len_b`, or one of differences.
    pub name: String,
    /// Points that a difference of one unit in its favour is worth to an item.
    pub points: f64,
    /// The same in nats.
    pub coefficient: f64,
    /// Standard error of the coefficient, in nats; `None` where there is no finite maximum.
    pub standard_error: Option<f64>,
    /// Lower end of the interval of the coefficient, by itself.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// The unit: root mean square of the difference over the comparisons.
    pub unit: f64,
    /// Why there is no error, if there is none.
    pub open: Option<&'static str>,
}

impl CovariateFacts {
    fn new(found: Coefficient, scale: Scale, level: f64, degrees: Option<f64>) -> Self {
        let ends = found.interval(level, degrees);
        Self {
            points: scale.per_nat() * found.value,
            coefficient: found.value,
            standard_error: found.standard_error,
            low: ends.map(|e| e.0),
            high: ends.map(|e| e.1),
            unit: found.unit,
            open: found.standard_error.is_none().then_some(
                "covariates and strengths tell winners from losers without exception: nothing bounds it",
            ),
            name: found.name,
        }
    }
}

/// The fit that a board shows, or why there is none.
fn fitted(data: &Observations) -> Result<PairFit, AnswerError> {
    shown(fit_observed(data, &BRADLEY_TERRY, PairOptions::default())?)
}

/// A fit, unless no board can show it.
fn shown(found: PairFit) -> Result<PairFit, AnswerError> {
    if let Some(reason) = found.no_noise {
        return Err(AnswerError::input(format!("has no errors to show: {reason}")));
    }
    let groups = found.islands.len();
    if groups > 1 {
        let rule = format!(
            "the items fall into {groups} groups that never met, and no board holds them all; select one with --items"
        );
        return Err(AnswerError::input(rule));
    }
    Ok(found)
}

fn check(options: &StandingsOptions) -> Result<(), AnswerError> {
    if !(options.level > 0.0 && options.level < 1.0) {
        return Err(AnswerError::option(
            "level",
            options.level.to_string(),
            "must be between 0 and 1, as 0.95",
        ));
    }
    if !(options.points > 0.0 && options.points.is_finite()) {
        return Err(AnswerError::option(
            "scale",
            options.points.to_string(),
            "must be a number above 0, as 400",
        ));
    }
    if !options.base.is_finite() {
        return Err(AnswerError::option(
            "base",
            options.base.to_string(),
            "must be a finite number, as 1000",
        ));
    }
    if !(options.min_battles >= 0.0 && options.min_battles.is_finite()) {
        return Err(AnswerError::option(
            "min-battles",
            options.min_battles.to_string(),
            "must be a number, 0 or more, as 100",
        ));
    }
    Ok(())
}

/// The place of the anchor among the labels.
fn anchor(labels: &[String], wanted: Option<&str>) -> Result<Option<usize>, AnswerError> {
    let Some(wanted) = wanted else { return Ok(None) };
    let place = labels.iter().position(|l| l == wanted);
    let rule = || {
        format!(
            "is no item of the file; one of: {}",
            labels.iter().take(12).cloned().collect::<Vec<_>>().join(", ")
        )
    };
    place.map(Some).ok_or_else(|| AnswerError::option("anchor", wanted.to_owned(), rule()))
}

/// The board of comparisons; errors are for what is one observation.
///
/// ```
/// use equipoise_answers::equipoise::{data::Comparisons, ndarray::{Array2, array}};
/// use equipoise_answers::{StandingsOptions, standings};
///
/// let wins = array![[0.0, 30.0, 39.0], [10.0, 0.0, 30.0], [1.0, 10.0, 0.0]];
/// let data = Comparisons::from_tables(&wins, &Array2::zeros((3, 3)));
/// let options = StandingsOptions { anchor: Some("1".to_owned()), ..Default::default() };
/// let board = standings(&data.into(), &options)?;
/// assert_eq!((board.rows[1].label.as_str(), board.rows[1].rating, board.rows[1].error), ("1", 1000.0, 0.0));
/// # Ok::<(), equipoise_answers::AnswerError>(())
/// ```
///
/// # Errors
/// [`AnswerError::Fit`]; [`AnswerError::Option`] for an unknown anchor or a level that is none; [`AnswerError::Input`] for win
/// rates without counts, and for items that never met.
pub fn standings(data: &Observations, options: &StandingsOptions) -> Result<StandingsAnswer, AnswerError> {
    check(options)?;
    let found = fitted(data)?;
    board(data, &found, Vec::new(), options)
}

/// [`standings`], adjusted for covariates of the comparisons: ratings as they are where the answers do not differ in them.
///
/// # Errors
/// As [`standings`]; also [`AnswerError::Fit`] for covariates that say nothing, or nothing beside the items.
pub fn standings_adjusted(
    data: &Covaried,
    options: &StandingsOptions,
) -> Result<StandingsAnswer, AnswerError> {
    check(options)?;
    let (found, coefficients) = fit_covariates(data, &BRADLEY_TERRY)?;
    let found = shown(found)?;
    board(&data.observations, &found, coefficients, options)
}

fn board(
    data: &Observations,
    found: &PairFit,
    coefficients: Vec<Coefficient>,
    options: &StandingsOptions,
) -> Result<StandingsAnswer, AnswerError> {
    let labels = &data.comparisons.labels;
    let anchor = anchor(labels, options.anchor.as_deref())?;
    let bounded = |i: usize, j: usize| found.bounded(i, j);
    let zero = anchor.map_or_else(|| origin(labels.len(), bounded), |a| vec![a]);
    let scale = Scale { points: options.points, base: options.base };
    let strengths = found.log_strength.to_vec();
    let spread = &found.spread;
    let (ratings, covariance) = (scale.ratings(&strengths, &zero), scale.covariance(spread, &zero));
    // draws in an order that neither rows nor names decide
    let canonical = Canonical::of(data).order;
    let mut rng = stream(options.seed, "standings", &[]);
    let intervals = Intervals::new(found, options.level, &canonical, &mut rng)
        .ok_or_else(|| AnswerError::input("has no errors to show: the fit has none"))?;
    let moved = Array2::from_shape_fn(covariance.dim(), |(a, b)| covariance[[canonical[a], canonical[b]]]);
    let all = [(0..canonical.len()).collect()];
    let of_ratings =
        critical_values(&moved, &all, found.noise_degrees, (options.level, DRAWS), &mut rng).strengths;
    let (ranks, critical) = (&intervals.ranks, intervals.critical.differences);
    let confidence = (options.level, found.noise_degrees);
    let mut comparisons = vec![0.0; labels.len()];
    for p in &data.comparisons.pairs {
        comparisons[p.i] += p.met();
        comparisons[p.j] += p.met();
    }
    let order = found.order();
    let provisional = |i: usize| comparisons[i] < options.min_battles;
    let ranked: Vec<usize> = order.iter().copied().filter(|&i| !provisional(i)).collect();
    let tier = tiers(&strengths, spread, &ranked, bounded, critical);
    let predicted = |i: usize, j: usize| {
        let (p, low, high) = match i == j {
            true => (0.5, 0.5, 0.5),
            false => prediction(&strengths, spread, i, j, confidence),
        };
        let (from_below, from_above) = (bounded(i, j), bounded(j, i));
        [(from_below || from_above).then_some(p), from_below.then_some(low), from_above.then_some(high)]
    };
    let matrix = |what: usize| -> Vec<Vec<Option<f64>>> {
        order.iter().map(|&i| order.iter().map(|&j| predicted(i, j)[what]).collect()).collect()
    };
    let separate = |i: usize, j: usize| match factor_to_separate(&strengths, spread, i, j, confidence) {
        _ if !(bounded(i, j) && bounded(j, i)) => Err("nothing bounds their difference"),
        Some(factor) if difference_error(spread, i, j) > 0.0 => Ok(factor),
        _ => Err("they are equal"),
    };
    let closed: Vec<(bool, bool)> = (0..labels.len()).map(|i| ends(i, &zero, bounded)).collect();
    let open: Vec<(bool, bool)> = closed.iter().map(|(below, above)| (!below, !above)).collect();
    let reasons = open_reasons(&data.comparisons, &open);
    let rows = order.iter().enumerate().map(|(k, &i)| {
        let error = covariance[[i, i]].max(0.0).sqrt();
        let next = order.get(k + 1);
        let closed = closed[i];
        let factor = next.map_or(Err("it is the last"), |&j| separate(i, j));
        StandingsRow {
            label: labels[i].clone(),
            rating: ratings[i],
            error,
            low: closed.0.then(|| ratings[i] - of_ratings * error),
            high: closed.1.then(|| ratings[i] + of_ratings * error),
            open: reasons[i],
            rank_low: ranks[i].0,
            rank_high: ranks[i].1,
            tier: (!provisional(i)).then_some(tier[i]),
            comparisons: comparisons[i],
            provisional: provisional(i),
            beats_next: next.and_then(|&j| predicted(i, j)[0]),
            factor_to_next: factor.ok(),
            no_factor: factor.err(),
        }
    });
    Ok(StandingsAnswer {
        level: options.level,
        points: options.points,
        base: options.base,
        anchor: options.anchor.clone(),
        origin: (anchor.is_none() && zero.len() < labels.len())
            .then(|| zero.iter().map(|&i| labels[i].clone()).collect()),
        exists: found.exists,
        covariates: coefficients
            .into_iter()
            .map(|c| CovariateFacts::new(c, scale, options.level, found.noise_degrees))
            .collect(),
        rows: rows.collect(),
        predictions: matrix(0),
        predictions_low: matrix(1),
        predictions_high: matrix(2),
        predictions_open: (!found.exists)
            .then_some("no chain of wins leads from the one to the other: nothing bounds their difference"),
    })
}

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

    fn rank(&self) -> String {
        let (low, high) = (self.rank_low, self.rank_high);
        if low == high { low.to_string() } else { format!("{low}-{high}") }
    }
}

impl StandingsAnswer {
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
        let escaped = |text: &str| -> String {
            text.chars()
                .map(|c| match c {
                    '&' | '%' | '$' | '#' | '_' | '{' | '}' => format!("\\{c}"),
                    '\\' => "\\textbackslash{}".to_owned(),
                    '~' => "\\textasciitilde{}".to_owned(),
                    '^' => "\\textasciicircum{}".to_owned(),
                    c => c.to_string(),
                })
                .collect()
        };
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

impl fmt::Display for StandingsAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = 100.0 * self.level;
        let zero = match (&self.anchor, &self.origin) {
            (Some(anchor), _) => anchor.clone(),
            (None, Some(items)) => {
                format!("the mean of the {} items that wins both ways hold together", items.len())
            }
            (None, None) => "the mean".to_owned(),
        };
        writeln!(
            f,
            "Bradley-Terry, ties half; {} points are odds of 10, {zero} stands at {}; intervals, ranks and tiers hold together at \
             {percent} percent\n",
            self.points, self.base
        )?;
        let number = |x: Option<f64>, digits: usize| x.map_or("-".to_owned(), |x| format!("{x:.digits$}"));
        let rows = self.rows.iter().map(|row| {
            vec![
                row.rank(),
                row.tier.map_or("-".to_owned(), |t| t.to_string()),
                format!("{}{}", row.label, if row.provisional { " (provisional)" } else { "" }),
                format!("{:.1} +- {}", row.rating, row.half(1).unwrap_or_else(|| "open".to_owned())),
                format!("{:.1}", row.error),
                row.comparisons.to_string(),
                number(row.beats_next, 3),
                number(row.factor_to_next, 1),
            ]
        });
        let header =
            ["rank", "tier", "item", "rating", "error", "comparisons", "beats next", "x to separate"];
        f.write_str(&table(width(f), &header, rows))?;
        if !self.covariates.is_empty() {
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
            f.write_str("\nunit: root mean square of the difference; intervals one by one")?;
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

#[cfg(test)]
mod tests {
    use equipoise::data::{Comparisons, Unit};
    use equipoise::ndarray::array;

    use super::*;

    fn counted(wins: Array2<f64>, labels: [&str; 3]) -> Observations {
        let labels = labels.map(str::to_owned).to_vec();
        Comparisons { labels, ..Comparisons::from_tables(&wins, &Array2::zeros((3, 3))) }.into()
    }

    #[test]
    fn a_board_has_tiers_marks_and_exports() {
        let wins = array![[0.0, 300.0, 390.0], [290.0, 0.0, 350.0], [10.0, 20.0, 0.0]];
        let data = counted(wins, ["a_1", "b, the second", "c"]);
        let options = StandingsOptions { anchor: Some("c".into()), min_battles: 800.0, ..Default::default() };
        let board = standings(&data, &options).unwrap();
        let tiers: Vec<_> = board.rows.iter().map(|r| r.tier).collect();
        assert_eq!((tiers, board.rows[2].provisional), (vec![Some(1), Some(1), None], true));
        assert!(
            (board.rows[2].rating, board.rows[2].low, board.rows[2].high)
                == (1000.0, Some(1000.0), Some(1000.0))
        );
        // predictions are complements, and hold their intervals
        let (p, low, high) = (&board.predictions, &board.predictions_low, &board.predictions_high);
        assert!(
            (p[0][1].unwrap() + p[1][0].unwrap() - 1.0).abs() < 1e-12
                && low[0][1] < p[0][1]
                && p[0][1] < high[0][1]
        );
        assert!((low[0][1].unwrap() + high[1][0].unwrap() - 1.0).abs() < 1e-12);
        // more battles for the close pair than for the far one
        assert!(board.rows[0].factor_to_next > Some(5.0) && board.rows[1].factor_to_next < Some(0.1));
        assert!(board.csv().contains("\"b, the second\"") && board.csv().lines().count() == 4);
        assert!(board.latex().contains("a\\_1") && board.latex().contains("c$^*$"), "{}", board.latex());
        let wider = standings(&data, &StandingsOptions { level: 0.99, ..options.clone() }).unwrap();
        assert!(wider.rows[0].high > board.rows[0].high && wider.rows[0].low < board.rows[0].low);
        let unknown = StandingsOptions { anchor: Some("d".into()), ..options };
        assert!(standings(&data, &unknown).unwrap_err().to_string().contains("is no item of the file"));
    }

    #[test]
    fn what_nothing_bounds_is_open_and_what_has_no_noise_has_no_board() {
        let wins = array![[0.0, 5.0, 6.0], [0.0, 0.0, 4.0], [0.0, 3.0, 0.0]];
        let board = standings(&counted(wins.clone(), ["a", "b", "c"]), &Default::default()).unwrap();
        assert_eq!((board.rows[0].label.as_str(), board.rows[0].high), ("a", None));
        assert!(board.rows[0].low.is_some() && board.to_string().contains("open"), "{board}");
        // nothing bounds the lead of a, so that no number of comparisons is known to separate it; c and b are held together
        assert!(board.rows[0].factor_to_next.is_none() && board.rows[1].factor_to_next.is_some(), "{board}");
        assert!(board.rows[0].open.is_some() && board.rows[0].no_factor.is_some());
        let (low, high) = (&board.predictions_low, &board.predictions_high);
        assert!(low[0][1].is_some() && high[0][1].is_none() && low[1][0].is_none() && high[1][0].is_some());
        assert!(low[1][2].is_some() && high[1][2].is_some() && board.predictions_open.is_some());
        assert_eq!(board.origin, Some(vec!["b".to_owned(), "c".to_owned()]));
        // and of an anchor all others are open on its side
        let options = StandingsOptions { anchor: Some("a".into()), ..Default::default() };
        let anchored = standings(&counted(wins, ["a", "b", "c"]), &options).unwrap();
        for row in &anchored.rows[1..] {
            assert!(row.low.is_none() && row.high.is_some_and(|high| high < 1000.0), "{anchored}");
        }
        // b and c beat c alone, and never met: nothing bounds their difference, whatever the counts
        let wins = array![[0.0, 0.0, 9000.0], [0.0, 0.0, 3.0], [0.0, 0.0, 0.0]];
        let apart = standings(&counted(wins, ["a", "b", "c"]), &Default::default()).unwrap();
        assert_eq!(
            (apart.rows[0].label.as_str(), apart.predictions[0][1], apart.rows[0].beats_next),
            ("a", None, None)
        );
        assert!(apart.predictions[0][2].is_some() && apart.rows[0].rank_high == 2, "{apart}");
        assert_eq!((apart.rows[0].tier, apart.rows[1].tier), (Some(1), Some(1)));
        let mut matrix = counted(array![[0.0, 1.0, 1.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]], ["a", "b", "c"]);
        matrix.comparisons.counted = false;
        assert!(standings(&matrix, &Default::default()).is_err());
    }

    /// The stronger item also writes more: half of its lead is length.
    #[test]
    fn a_board_is_adjusted_for_covariates() {
        let mut text = "item_a,item_b,outcome,len_a,len_b\n".to_owned();
        for k in 0..240 {
            let (a, b) = (300 + 50 * (k % 7), 200 + 60 * (k % 5));
            let outcome = if a - b > 30 * (k % 11) - 120 { "a" } else { "b" };
            text.push_str(&format!("long,short,{outcome},{a},{b}\n"));
        }
        let mut selection = equipoise::data::Selection::default();
        selection.reading.covariates = vec!["len_a,len_b".parse().unwrap()];
        let file = std::path::Path::new("d.csv");
        let data = equipoise::data::parse_covariates(file, text.as_bytes(), &selection, Unit::Row).unwrap();
        let adjusted = standings_adjusted(&data, &Default::default()).unwrap();
        let plain = standings(&data.observations, &Default::default()).unwrap();
        let length = &adjusted.covariates[0];
        assert!(length.low > Some(0.0) && length.open.is_none() && plain.covariates.is_empty(), "{adjusted}");
        assert!((length.points - 400.0 / std::f64::consts::LN_10 * length.coefficient).abs() < 1e-9);
        assert!(adjusted.rows[0].rating < plain.rows[0].rating, "{adjusted}\n{plain}");
        assert!(adjusted.to_string().contains("len_a - len_b"), "{adjusted}");
    }

    #[test]
    fn numbers_that_are_none_are_refused() {
        let data = counted(array![[0.0, 3.0, 4.0], [2.0, 0.0, 4.0], [1.0, 3.0, 0.0]], ["a", "b", "c"]);
        for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            for options in [
                StandingsOptions { base: x, ..Default::default() },
                StandingsOptions { min_battles: x, ..Default::default() },
                StandingsOptions { points: x, ..Default::default() },
                StandingsOptions { level: x, ..Default::default() },
            ] {
                assert!(standings(&data, &options).unwrap_err().to_string().contains("must be"));
                assert!(changes(&data, &data, false, &options).is_err());
            }
        }
        assert!(standings(&data, &StandingsOptions { min_battles: -1.0, ..Default::default() }).is_err());
    }

    /// 20 : 0 says that a is above b, not by how much; the same a hundredfold says no more.
    #[test]
    fn what_nothing_bounds_has_not_moved() {
        let swept = |k: f64| {
            let wins = array![[0.0, k, k], [0.0, 0.0, 0.6 * k], [0.0, 0.4 * k, 0.0]];
            counted(wins, ["a", "b", "c"])
        };
        let found = changes(&swept(20.0), &swept(2000.0), false, &Default::default()).unwrap();
        assert!(found.rows.iter().all(|r| !r.moved), "{found}");
        let of = |label: &str| found.rows.iter().find(|r| r.label == label).unwrap();
        assert!(of("a").error.is_none() && of("a").open.is_some() && of("b").error.is_some());
        // a that held its own, and now lost all, has fallen: above it was bounded then, and is now
        let even = counted(array![[0.0, 50.0, 50.0], [50.0, 0.0, 60.0], [50.0, 40.0, 0.0]], ["a", "b", "c"]);
        let lost = counted(array![[0.0, 0.0, 0.0], [500.0, 0.0, 60.0], [500.0, 40.0, 0.0]], ["a", "b", "c"]);
        let fell = changes(&even, &lost, false, &Default::default()).unwrap();
        let a = fell.rows.iter().find(|r| r.label == "a").unwrap();
        assert!(a.moved && a.change < 0.0 && a.error.is_none(), "{fell}");
    }

    /// The same ten votes of every context: as many observations as contexts, nested or not.
    #[test]
    fn a_change_counts_observations_not_rows() {
        let text = |contexts: std::ops::Range<usize>| {
            let mut text = "item_a,item_b,outcome,context,weight\n".to_owned();
            for k in contexts {
                let outcome = ["a", "a", "b"][k % 3];
                let other = ["a", "b"][k % 2];
                text.push_str(&format!("x,y,{outcome},{k},10\ny,z,{other},{k},10\n"));
            }
            text
        };
        let read = |contexts, unit| {
            let (file, selection) = (std::path::Path::new("d.csv"), Default::default());
            equipoise::data::parse_observations(file, text(contexts).as_bytes(), &selection, unit).unwrap()
        };
        let compare =
            |unit| changes(&read(0..12, unit), &read(0..18, unit), true, &Default::default()).unwrap();
        let (rows, contexts) = (compare(Unit::Row), compare(Unit::Context));
        assert_eq!((rows.variances, contexts.variances), ("difference", "sum"));
        assert_eq!(contexts.no_difference, Some("observations of several comparisons"));
        for row in &rows.rows {
            let other = contexts.rows.iter().find(|r| r.label == row.label).unwrap();
            assert!(other.error.unwrap() > 3.0 * row.error.unwrap(), "{rows}\n{contexts}");
        }
    }

    /// Six contexts leave five degrees of freedom: 2.571 errors, not 1.960.
    #[test]
    fn few_observations_have_wider_predictions() {
        let mut text = "item_a,item_b,outcome,context\n".to_owned();
        for k in 0..6 {
            text.push_str(&format!("a,b,a,{k}\na,b,{},{k}\n", if k < 3 { "b" } else { "a" }));
        }
        let (file, selection) = (std::path::Path::new("d.csv"), Default::default());
        let read = equipoise::data::parse_observations(file, text.as_bytes(), &selection, Unit::Context);
        let board = standings(&read.unwrap(), &Default::default()).unwrap();
        let logit = |p: Option<f64>| p.map(|p| (p / (1.0 - p)).ln()).unwrap();
        let half = logit(board.predictions_high[0][1]) - logit(board.predictions[0][1]);
        let error = 2.0 * board.rows[0].error / (400.0 / std::f64::consts::LN_10);
        assert!((half / error - 2.570_582).abs() < 1e-4, "{half} {error}");
    }

    #[test]
    fn who_moved_is_said_and_who_only_seems_to_is_not() {
        let old = counted(array![[0.0, 60.0, 70.0], [40.0, 0.0, 60.0], [30.0, 40.0, 0.0]], ["a", "b", "c"]);
        let more = counted(array![[0.0, 60.0, 95.0], [40.0, 0.0, 60.0], [30.0, 40.0, 0.0]], ["a", "b", "c"]);
        let same = changes(&old, &old, true, &Default::default()).unwrap();
        let nothing = |r: &ChangeRow| !r.moved && r.change.abs() < 1e-9 && r.error == Some(0.0);
        assert!(same.variances == "difference" && same.rows.iter().all(nothing), "{same}");
        // the same without the word of the user: two leaderboards of their own, whose variances add
        let apart = changes(&old, &more, false, &Default::default()).unwrap();
        let nested = changes(&old, &more, true, &Default::default()).unwrap();
        let alone = |data: &Observations| standings(data, &Default::default()).unwrap();
        let hessian = |data| fit_observed(data, &BRADLEY_TERRY, PairOptions::default()).unwrap().covariance;
        let unit = (400.0 / std::f64::consts::LN_10).powi(2);
        let rest = (hessian(&old) - hessian(&more)) * unit;
        for row in &apart.rows {
            let of = |data| alone(data).rows.iter().find(|r| r.label == row.label).unwrap().error;
            let sum = of(&old).powi(2) + of(&more).powi(2);
            assert!((row.error.unwrap().powi(2) - sum).abs() < 1e-6 * sum, "{row:?} {sum}");
            let error = nested.rows.iter().find(|r| r.label == row.label).unwrap().error.unwrap();
            let i = old.comparisons.labels.iter().position(|l| *l == row.label).unwrap();
            assert!((error.powi(2) - rest[[i, i]].max(0.0)).abs() < 1e-6 * sum, "{error} {rest}");
        }
        let refused = changes(&more, &old, true, &Default::default()).unwrap_err().to_string();
        assert!(refused.contains("leave --nested out"), "{refused}");
        // c turns from the last into the first
        let new = counted(array![[0.0, 60.0, 20.0], [40.0, 0.0, 15.0], [80.0, 85.0, 0.0]], ["a", "b", "d"]);
        let moved = counted(array![[0.0, 60.0, 20.0], [40.0, 0.0, 15.0], [80.0, 85.0, 0.0]], ["a", "b", "c"]);
        let found = changes(&old, &moved, false, &Default::default()).unwrap();
        assert!(found.variances == "sum" && found.rows[0].label == "c" && found.rows[0].moved, "{found}");
        let entered = changes(&old, &new, false, &Default::default()).unwrap();
        assert_eq!((entered.entered, entered.left), (vec!["d".to_owned()], vec!["c".to_owned()]));
    }
}
