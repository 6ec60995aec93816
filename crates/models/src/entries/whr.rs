//! Whole-history rating: the posterior mode of strengths that change in time ([`whole_history`](crate::whole_history)).
//!
//! ```text
//! Pr(i beats j at t) = sigma(r_i(t) - r_j(t)),  a tie is half a win to each side
//! r_i(t') - r_i(t) ~ N(0, wiener_variance (t' - t) / time_unit);  before: virtual games against strength 0, half of them won
//! ```
//!
//! Coulom 2008 (Computers and Games, LNCS 5131). The defaults are those of both programs on PyPI for the drift (300 Elo^2 a day) and of
//! `whr` for the virtual games (two; `whole-history-rating` has one). Ratings are on the scale of the prior, whose origin is strength 0;
//! `log_strength` and probabilities are those of every item's last date. Whether a maximum exists without the virtual games does not
//! depend on time: only a constant shift of an item costs the Wiener process nothing, so it is Ford's condition on all comparisons.
//!
//! With `grades` of items that are routes the worth of a grade is drawn from its posterior beside the ratings ([`graded`](crate::graded)).
//!
//! Cost: a few Newton steps of O(ratings + comparisons) for each iteration of conjugate gradients.

use std::collections::BTreeMap;

use equipoise_core::logistic::logistic;
use equipoise_core::registry::{BuildError, ensure, nearest};
use equipoise_data::Battles;
use ndarray::Array1;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::error::FitError;
use crate::fitted::{Column, Existence, Fitted, ModelResult};
use crate::graded::{Ascent, SlopePosterior, SlopePrior, slope_posterior};
use crate::graph::{held_together, win_blocks};
use crate::registry::{ModelEntry, PreferenceModel, Watch};
use crate::whole_history::{ItemPrior, MOST_JOINT, TimedGame, WholeHistory};

pub(super) const ENTRY: ModelEntry = ModelEntry::of::<Whr>(
    "whr",
    "strengths that change in time as a Wiener process: the mode of all of them given all comparisons",
    "Coulom 2008 (whole-history rating)",
)
.sought_as(&["whole-history", "whole-history-rating", "dynamic-bradley-terry"])
.fitted("Newton on all ratings at once, blocks tridiagonal; variances given the other items, and joint ones of few ratings")
.timed();

/// Options of whole-history rating.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct WhrOptions {
    /// Variance that a log strength gains in one unit of time, in square nats, at least 0 (one rating for all time). The default
    /// is 300 square Elo, each of ln(10) / 400 nats, a day.
    pub wiener_variance: f64,
    /// Seconds in a unit of time, above 0.
    pub time_unit: f64,
    /// Games of an item's first date against an item of strength 0, half of them won, half of them lost; at least 0.
    pub virtual_games: f64,
    /// Variance of a normal prior of mean 0 on an item's first date, above 0; null: none. With it the virtual games may be 0.
    pub prior_variance: Option<f64>,
    /// Labels of items whose strength does not change, as tasks or routes.
    pub constant: Vec<String>,
    /// Grades of items that are routes, by their labels: strengths that do not change, as those of `constant`. What a grade is worth, in nats,
    /// is then drawn from its posterior, given the comparisons of a route with an item without a grade.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub grades: BTreeMap<String, f64>,
}

/// Seconds in a month: the prior of the worth of a grade is one for months.
const MONTH: f64 = 365.25 / 12.0 * 86_400.0;
/// Steps of the chain that draws the worth of a grade, and draws of the strengths at each.
const SLOPE_DRAWS: (usize, usize) = (2_000, 8);

impl Default for WhrOptions {
    fn default() -> Self {
        let elo = std::f64::consts::LN_10 / 400.0;
        Self {
            wiener_variance: 300.0 * elo * elo,
            time_unit: 86_400.0,
            virtual_games: 2.0,
            prior_variance: None,
            constant: Vec::new(),
            grades: BTreeMap::new(),
        }
    }
}

struct Whr;

impl PreferenceModel for Whr {
    type Options = WhrOptions;
    type Data = Battles;

    fn check(options: &WhrOptions) -> Result<(), BuildError> {
        let not_negative =
            |key, x: f64| ensure(x >= 0.0 && x.is_finite(), key, x, "must be finite and at least 0");
        let positive = |key, x: f64| ensure(x > 0.0 && x.is_finite(), key, x, "must be finite and above 0");
        not_negative("wiener_variance", options.wiener_variance)?;
        positive("time_unit", options.time_unit)?;
        not_negative("virtual_games", options.virtual_games)?;
        for (label, grade) in &options.grades {
            ensure(grade.is_finite(), &format!("grades.{label}"), grade, "must be finite")?;
        }
        match options.prior_variance {
            Some(variance) => positive("prior_variance", variance),
            None => {
                let rule =
                    "must be above 0 where there is no prior_variance: nothing else holds ratings in place";
                ensure(options.virtual_games > 0.0, "virtual_games", options.virtual_games, rule)
            }
        }
    }

    fn fit(data: &Battles, options: WhrOptions, watch: Watch<'_>) -> Result<Fitted, FitError> {
        let n = data.labels.len();
        let (mut games, mut untimed) = (Vec::with_capacity(data.rows.len()), 0);
        for row in &data.rows {
            let Some(won) = data.ties.score(row.outcome) else { continue };
            if row.weight == 0.0 {
                continue;
            }
            let Some(time) = row.time else {
                untimed += 1;
                continue;
            };
            let time = time / options.time_unit;
            if !time.is_finite() {
                let rule = "is so small that a time in this unit overflows";
                return Err(BuildError::range("time_unit", options.time_unit, rule).into());
            }
            games.push(TimedGame {
                first: row.first as usize,
                second: row.second as usize,
                time,
                won: row.weight * won,
                lost: row.weight * (1.0 - won),
            });
        }
        if untimed > 0 {
            return Err(FitError::NoTimes { model: ENTRY.name, rows: untimed, of: data.rows.len() });
        }
        let prior = |drift: f64| ItemPrior {
            mean: 0.0,
            variance: options.prior_variance,
            half_virtual: 0.5 * options.virtual_games,
            drift,
        };
        let mut priors = vec![prior(options.wiener_variance); n];
        for label in &options.constant {
            priors[item(data, "constant", label)?] = prior(0.0);
        }
        let mut grades = vec![None; n];
        for (label, grade) in &options.grades {
            let route = item(data, "grades", label)?;
            (priors[route], grades[route]) = (prior(0.0), Some(*grade));
        }
        let slope = match options.grades.is_empty() {
            true => None,
            false => Some(slope(&games, &grades, options.time_unit)?),
        };
        let history = WholeHistory::fit_watched(&priors, &games, watch)?;
        let last: Vec<Option<f64>> = (0..n)
            .map(|i| (history.starts[i] < history.starts[i + 1]).then(|| history.last(i).log_strength))
            .collect();
        let counts = data.counts();
        let (blocks, islands) = (win_blocks(&counts), counts.components());
        let exists = held_together(n, &islands, &blocks).iter().all(|held| *held);
        // an item that was only in ties that are dropped is as its prior says
        let strength = Array1::from_iter(last.iter().map(|r| r.unwrap_or(0.0)));
        let centred = &strength - strength.mean().ok_or(FitError::Nothing)?;
        let result = Ratings {
            labels: data.labels.clone(),
            strength,
            joint: history.joint_variances(),
            time_unit: options.time_unit,
            slope,
            history,
        };
        Ok(Fitted {
            log_strength: Some(centred),
            log_likelihood: Some(result.history.log_likelihood),
            existence: if exists { Existence::Finite } else { Existence::Separated { blocks } },
            prior: true,
            convergence: result.history.convergence,
            ..Fitted::new(data.labels.clone(), result)
        })
    }
}

/// The item with that label.
fn item(data: &Battles, key: &str, label: &str) -> Result<usize, BuildError> {
    data.labels.iter().position(|l| l == label).ok_or_else(|| {
        let near = nearest(label, data.labels.iter().map(String::as_str));
        let hint = near.map_or(String::new(), |near| format!(", did you mean `{near}`?"));
        BuildError::range(key, label, format!("is no item of the data{hint}"))
    })
}

/// The posterior of what a grade is worth, by the paper's prior, and how many comparisons it rests on.
fn slope(
    games: &[TimedGame],
    grades: &[Option<f64>],
    time_unit: f64,
) -> Result<(SlopePosterior, usize), FitError> {
    let ascent = |game: &TimedGame| {
        let (climber, grade, won, lost) = match (grades[game.first], grades[game.second]) {
            (None, Some(grade)) => (game.first, grade, game.won, game.lost),
            (Some(grade), None) => (game.second, grade, game.lost, game.won),
            _ => return None,
        };
        Some(Ascent { climber, time: game.time * time_unit / MONTH, grade, won, lost })
    };
    let mut ascents: Vec<Ascent> = games.iter().filter_map(ascent).collect();
    if ascents.is_empty() {
        let rule = "no comparison is of an item with a grade and one without";
        return Err(BuildError::range("grades", grades.iter().flatten().count(), rule).into());
    }
    // climbers in the order of their numbers, none between them
    let mut climbers: Vec<usize> = ascents.iter().map(|a| a.climber).collect();
    climbers.sort_unstable();
    climbers.dedup();
    for ascent in &mut ascents {
        ascent.climber = climbers.binary_search(&ascent.climber).expect("it is among them");
    }
    let count = ascents.len();
    let (draws, particles) = SLOPE_DRAWS;
    Ok((slope_posterior(&ascents, &SlopePrior::default(), draws, particles, 0)?, count))
}

/// Ratings of all items over time.
#[derive(Clone, Debug)]
struct Ratings {
    labels: Vec<String>,
    /// At every item's last date, on the scale of the prior.
    strength: Array1<f64>,
    history: WholeHistory,
    joint: Option<Vec<f64>>,
    time_unit: f64,
    /// What a grade is worth, and the comparisons that say so.
    slope: Option<(SlopePosterior, usize)>,
}

impl ModelResult for Ratings {
    fn prob(&self, i: usize, j: usize) -> f64 {
        logistic(self.strength[i] - self.strength[j])
    }

    fn prior(&self) -> &'static str {
        "the prior of every item's first date (virtual games, or a normal one)"
    }

    fn own(&self) -> Map<String, Value> {
        let ratings = self.history.ratings.iter().enumerate().map(|(k, r)| {
            json!({
                "label": self.labels[r.item],
                "time": r.time * self.time_unit,
                "log_strength": r.log_strength,
                "variance": r.variance,
                "covariance_with_next": r.covariance,
                "joint_variance": self.joint.as_ref().map(|joint| joint[k]),
            })
        });
        let mut own = Map::from_iter([("ratings".to_owned(), ratings.collect())]);
        if let Some((slope, ascents)) = &self.slope {
            let slope = json!({
                "mean": slope.mean(),
                "interval": [slope.quantile(0.025), slope.quantile(0.975)],
                "odds_of_a_grade": slope.quantile(0.5).exp(),
                "comparisons": ascents,
                "effective_draws": slope.effective,
                "acceptance": slope.acceptance,
            });
            own.insert("slope".to_owned(), slope);
        }
        if self.joint.is_none() {
            own.insert("no_joint_variance".to_owned(), json!(self.no_joint()));
        }
        own
    }

    fn columns(&self) -> Vec<Column> {
        let deviation = |i: usize| {
            let ratings = &self.history.ratings[self.history.starts[i]..self.history.starts[i + 1]];
            ratings.last().map_or(f64::NAN, |r| r.variance.sqrt())
        };
        let errors = Some((0..self.labels.len()).map(deviation).collect());
        vec![Column {
            name: "log strength at the last date".to_owned(),
            values: self.strength.clone(),
            errors,
        }]
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = vec![format!(
            "{} ratings of {} items; errors are given the ratings of the other items (--json: all dates, joint variances)",
            self.history.ratings.len(),
            self.labels.len()
        )];
        if self.joint.is_none() {
            notes.push(self.no_joint());
        }
        if let Some((slope, ascents)) = &self.slope {
            let [low, high] = [0.025, 0.975].map(|q| slope.quantile(q));
            notes.push(format!(
                "a grade is worth {:.3} nats [{low:.3}, {high:.3}], by {ascents} comparisons with items that have one ({:.0} effective draws)",
                slope.mean(),
                slope.effective
            ));
        }
        notes
    }
}

impl Ratings {
    fn no_joint(&self) -> String {
        let n = self.history.ratings.len();
        if n > MOST_JOINT {
            return format!(
                "no joint variances: {n} ratings, and their matrix is inverted for at most {MOST_JOINT}"
            );
        }
        "no joint variances: rounding leaves the matrix of all ratings not positive definite".to_owned()
    }
}
