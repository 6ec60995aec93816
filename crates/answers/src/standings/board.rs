//! What a leaderboard holds: made of a fit, whoever asks for it.

use equipoise::core::seed::stream;
use equipoise::data::Observations;
use equipoise::models::canonical::Canonical;
use equipoise::models::graph::open_reasons;
use equipoise::models::intervals::{Intervals, critical_values};
use equipoise::models::standings::{
    Scale, difference_error, ends, factor_to_separate, origin, prediction, tiers,
};
use equipoise::models::{Coefficient, PairFit};
use equipoise::ndarray::Array2;

use super::{CovariateFacts, StandingsAnswer, StandingsOptions, StandingsRow};
use crate::error::AnswerError;

/// Draws for critical values.
const DRAWS: usize = 4000;

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

/// A fit, unless no board can show it.
pub(super) fn shown(found: &PairFit) -> Result<(), AnswerError> {
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
    Ok(())
}

pub(super) fn check(options: &StandingsOptions) -> Result<(), AnswerError> {
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

/// The leaderboard of a fit, with what covariates are worth in it.
pub(super) fn board(
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
        reweight: options.reweight,
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
