//! One board to be published: Bradley-Terry on a scale with an anchor, tiers, and what it takes to separate neighbours; and two
//! leaderboards compared.

mod board;
mod changes;
mod shown;

use equipoise::data::{Covaried, Observations};
use equipoise::models::{
    BRADLEY_TERRY, Coefficient, PairFit, PairOptions, Reweight, fit_covariates, fit_observed,
};
use serde::Serialize;

use board::{board, check, shown};
pub use changes::{ChangeRow, ChangesAnswer, changes};

use crate::error::AnswerError;

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
    /// What counts alike in the estimate: every comparison, or every pair of items that met.
    pub reweight: Reweight,
    /// Seed of the draws for critical values.
    pub seed: u64,
}

impl Default for StandingsOptions {
    fn default() -> Self {
        Self {
            level: 0.95,
            points: 400.0,
            base: 1000.0,
            anchor: None,
            min_battles: 0.0,
            reweight: Reweight::Comparisons,
            seed: 0,
        }
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
    /// What counts alike in the estimate.
    pub reweight: Reweight,
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

/// The fit that a board shows, or why there is none.
fn fitted(data: &Observations, reweight: Reweight) -> Result<PairFit, AnswerError> {
    let found = fit_observed(data, &BRADLEY_TERRY, PairOptions { reweight, ..PairOptions::default() })?;
    shown(&found)?;
    Ok(found)
}

/// The board of a fit of Bradley-Terry, with what covariates are worth in it.
pub(crate) fn standings_of(
    data: &Observations,
    found: &PairFit,
    coefficients: Vec<Coefficient>,
    options: &StandingsOptions,
) -> Result<StandingsAnswer, AnswerError> {
    check(options)?;
    shown(found)?;
    board(data, found, coefficients, options)
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
    board(data, &fitted(data, options.reweight)?, Vec::new(), options)
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
    let (found, coefficients) = fit_covariates(data, &BRADLEY_TERRY, options.reweight)?;
    standings_of(&data.observations, &found, coefficients, options)
}

#[cfg(test)]
mod tests {
    use equipoise::data::{Comparisons, Unit};
    use equipoise::ndarray::{Array2, array};

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
