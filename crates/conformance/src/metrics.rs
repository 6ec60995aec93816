//! What every metric must do. Nothing here names a metric.

use std::sync::Arc;

use equipoise_core::{Policy, Task, seed};
use equipoise_env::Game;
use equipoise_eval::metrics::{Metric, Truth};
use equipoise_reference::game_equilibrium;
use ndarray::Array1;

use crate::failure::{Check, Failure, checks, require, run_checks};
use crate::fixtures::{
    TAUS, games, interior_game, random, random_policy, relabelled, reordered, task, triangle,
};

/// All checks of metrics.
pub const METRIC_CHECKS: &[Check<Metric>] = checks![
    rows_have_a_name_and_a_definition,
    what_vanishes_is_0_at_the_equilibrium_and_above_0_elsewhere,
    relabelling_the_actions_changes_nothing,
    values_stay_in_their_range,
    the_equilibrium_is_used_where_the_row_says_so,
];

/// Holds a metric against [`METRIC_CHECKS`].
///
/// # Errors
/// The first [`Failure`], with its remedy.
pub fn check_metric(metric: &Metric) -> Result<(), Failure> {
    run_checks(METRIC_CHECKS, metric)
}

fn value(metric: &Metric, game: &Game, task: &Task, equilibrium: Option<&Policy>, policy: &Policy) -> f64 {
    let truth = Truth { game, reference: &task.reference, tau: task.tau, equilibrium };
    let mut margins = Array1::zeros(game.shape().len());
    game.margins(policy, &mut margins);
    metric.mean(&truth, policy, &margins)
}

fn solve(game: &Game, task: &Task, tau: f64) -> Policy {
    game_equilibrium(game, &task.reference, tau).expect("a small game has an exact equilibrium")
}

/// Games with a task, its equilibrium and a policy away from it.
fn everywhere(
    mut check: impl FnMut(&str, &Arc<Game>, &Task, &Policy, &Policy) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut rng = seed::stream(6, "conformance metric", &[]);
    for (name, game) in games() {
        for tau in TAUS {
            let (task, policy) = (task(&game, tau), random_policy(&game, 3.0, &mut rng));
            let equilibrium = solve(&game, &task, tau);
            check(&format!("{name}, tau {tau}"), &game, &task, &equilibrium, &policy)?;
        }
    }
    Ok(())
}

fn rows_have_a_name_and_a_definition(metric: &Metric) -> Result<(), Failure> {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    require!(
        !metric.name.is_empty() && metric.name.chars().all(word),
        metric.name,
        "a metric's name is its key in YAML and CSV: lower case letters, digits and `_`",
        "the name is `{}`",
        metric.name
    );
    require!(
        metric.definition.len() > 10,
        metric.name,
        "write the formula, the unit and the range into the row",
        "the definition is `{}`",
        metric.definition
    );
    Ok(())
}

fn what_vanishes_is_0_at_the_equilibrium_and_above_0_elsewhere(metric: &Metric) -> Result<(), Failure> {
    const REMEDY: &str = "`vanishes` says that 0 is the optimum: at the exact equilibrium the metric must be 0 to rounding, \
                          and above 0 elsewhere; a metric without such an optimum says `vanishes: false`";
    if !metric.vanishes {
        return Ok(());
    }
    let (game, mut rng) = (interior_game(), seed::stream(7, "conformance metric", &[]));
    for tau in TAUS {
        let task = task(&game, tau);
        let equilibrium = solve(&game, &task, tau);
        // a metric of the original game vanishes at the original equilibrium, whatever the task's tau
        let at = |policy: &Policy| value(metric, &game, &task, Some(&equilibrium), policy);
        let (own, original) = (at(&equilibrium), at(&solve(&game, &task, 0.0)));
        require!(
            own.abs().min(original.abs()) < 1e-9,
            metric.name,
            REMEDY,
            "tau {tau}: {own} at the equilibrium of the task's game, {original} at that of the original one"
        );
        let elsewhere = at(&random_policy(&game, 1.0, &mut rng));
        require!(elsewhere > 1e-9, metric.name, REMEDY, "tau {tau}: {elsewhere} away from every equilibrium");
    }
    Ok(())
}

fn relabelling_the_actions_changes_nothing(metric: &Metric) -> Result<(), Failure> {
    let mut rng = seed::stream(8, "conformance metric", &[]);
    for original in [triangle(), random(7, &mut rng)] {
        let (permuted, order) = relabelled(&original, &mut rng);
        let game = Game::single(original);
        for tau in TAUS {
            let (task, policy) = (task(&game, tau), random_policy(&game, 2.0, &mut rng));
            let equilibrium = solve(&game, &task, tau);
            let other = Task { reference: reordered(&task.reference, &order), ..task.clone() };
            let one = value(metric, &game, &task, Some(&equilibrium), &policy);
            let two = value(
                metric,
                &permuted,
                &other,
                Some(&reordered(&equilibrium, &order)),
                &reordered(&policy, &order),
            );
            require!(
                is_elsewhere(metric)
                    || one == two
                    || (one.is_nan() && two.is_nan() && metric.needs_tau())
                    || (one - two).abs() <= 1e-11 * one.abs().max(1.0),
                metric.name,
                "no action may be treated by its number",
                "{one} with the labels in order, {two} with the labels permuted (tau {tau})"
            );
        }
    }
    Ok(())
}

/// Whether what it measures is not in a game and a policy alone: of a fitted model, of a run, of a population.
fn is_elsewhere(metric: &Metric) -> bool {
    metric.needs_fit()
        || metric.is_sum()
        || metric.needs_utilities()
        || metric.needs_pairs()
        || metric.needs_tokens()
}

/// The range that a definition states: the numbers of its first `in [a, b]`, fractions allowed.
fn stated_range(definition: &str) -> Option<(f64, f64)> {
    let number = |text: &str| match text.trim().split_once('/') {
        Some((a, b)) => Some(a.trim().parse::<f64>().ok()? / b.trim().parse::<f64>().ok()?),
        None => text.trim().parse::<f64>().ok(),
    };
    let (_, rest) = definition.split_once("in [")?;
    let (low, high) = rest.split_once(']')?.0.split_once(',')?;
    Some((number(low)?, number(high)?))
}

fn values_stay_in_their_range(metric: &Metric) -> Result<(), Failure> {
    if is_elsewhere(metric) {
        return Ok(()); // none of these is here
    }
    let (low, high) = stated_range(metric.definition).unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
    let low = if metric.vanishes { low.max(0.0) } else { low };
    everywhere(|case, game, task, equilibrium, policy| {
        if metric.needs_tau() && task.tau == 0.0 {
            let v = value(metric, game, task, Some(equilibrium), policy);
            require!(
                v.is_nan(),
                metric.name,
                "what is of a temperature above 0 has no value without one",
                "{v} on {case}"
            );
            return Ok(());
        }
        for policy in [policy, &task.reference, equilibrium] {
            let v = value(metric, game, task, Some(equilibrium), policy);
            require!(
                v >= low - 1e-12 && v <= high + 1e-12,
                metric.name,
                "a value must lie in the range that the definition states (`in [0, 1]`), and be no NaN where the equilibrium \
                 is given; what vanishes is nowhere below 0",
                "{v} on {case}, outside [{low}, {high}]"
            );
        }
        Ok(())
    })
}

fn the_equilibrium_is_used_where_the_row_says_so(metric: &Metric) -> Result<(), Failure> {
    everywhere(|case, game, task, equilibrium, policy| {
        let (with, without) =
            (value(metric, game, task, Some(equilibrium), policy), value(metric, game, task, None, policy));
        let holds = if is_elsewhere(metric) {
            with.is_nan() && without.is_nan()
        } else if metric.needs_equilibrium {
            without.is_nan()
        } else {
            with.to_bits() == without.to_bits()
        };
        require!(
            holds,
            metric.name,
            "with `needs_equilibrium: true` the metric must be NaN where no equilibrium was solved; with false it must not \
             depend on it",
            "{with} with the equilibrium and {without} without, on {case}"
        );
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::stated_range;

    #[test]
    fn ranges_are_read_from_definitions() {
        assert_eq!(stated_range("half of it, in [0, 1/2]"), Some((0.0, 0.5)));
        assert_eq!(stated_range("in nats"), None);
        let ranges = crate::registry::metrics().filter_map(|m| stated_range(m.definition)).count();
        assert!(ranges >= 4, "{ranges}");
    }
}
