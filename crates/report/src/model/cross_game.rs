//! All games of one tau at once.
//!
//! A problem is a target gap on one game in one repetition; its gap is that of the game the setting asks about (for
//! `tau > 0` the regularised one, whatever a method aims at). A problem costs what had been charged when the last iterate
//! came to the target to stay, or the average where only that did: from then on it was at or below it to the end. A method that never got there has not
//! solved the problem, which counts against it everywhere: nothing is averaged over solved problems only.

use std::collections::BTreeMap;

use equipoise_records::schema::Reached;
use equipoise_records::{DUALITY_GAP, DUALITY_GAP_TAU, Iterate, StopKind};

use super::cost::CostUnit;
use super::group::{Game, RunFacts as _, Setting, Traced};
use super::profile::{Attempt, MethodCosts, PerformanceProfile};

/// All problems of one tau.
pub(crate) struct CrossGame<'a> {
    pub(crate) tau: f64,
    /// Whether the problems are about the regularised gap.
    pub(crate) regularised: bool,
    /// Names of the games, in the order of the problems.
    pub(crate) games: Vec<&'a str>,
    /// Largest first. Problems run over games, then repetitions, then targets.
    pub(crate) targets: Vec<f64>,
    /// One for each unit in which at least two methods are charged.
    pub(crate) profiles: Vec<PerformanceProfile<'a>>,
}

/// One target on one game in one repetition.
struct Problem<'a> {
    setting: &'a Setting<'a>,
    repetition: usize,
    metric: &'static str,
    target: f64,
}

impl CrossGame<'_> {
    /// Number of problems.
    pub(crate) fn problems(&self) -> usize {
        self.profiles.iter().flat_map(|p| &p.methods).map(|m| m.attempts.len()).next().unwrap_or(0)
    }

    /// Whether some target was not watched at every step, so that its cost is known to the next recorded step only.
    pub(crate) fn coarse(&self) -> bool {
        let attempts = self.profiles.iter().flat_map(|p| &p.methods).flat_map(|m| &m.attempts);
        attempts.into_iter().any(|a| matches!(a, Attempt::Solved { watched: false, .. }))
    }
}

/// The comparisons over games, tau by tau; none for a single game.
pub(crate) fn cross_games<'a>(games: &'a [Game<'a>]) -> Vec<CrossGame<'a>> {
    let mut taus: Vec<f64> = games.iter().flat_map(|g| g.settings.iter().map(|s| s.tau)).collect();
    taus.sort_by(f64::total_cmp);
    taus.dedup();
    taus.into_iter().filter_map(|tau| at(games, tau)).collect()
}

fn at<'a>(games: &'a [Game<'a>], tau: f64) -> Option<CrossGame<'a>> {
    let of_tau = |s: &&Setting<'_>| s.tau.total_cmp(&tau).is_eq();
    let (names, settings): (Vec<&str>, Vec<&Setting<'_>>) =
        games.iter().filter_map(|g| Some((g.record.name.as_str(), g.settings.iter().find(of_tau)?))).unzip();
    let targets = targets(&settings);
    if settings.len() < 2 || targets.is_empty() {
        return None;
    }
    let regularised = tau > 0.0;
    let metric = if regularised { DUALITY_GAP_TAU } else { DUALITY_GAP };
    let repetitions = settings.iter().flat_map(|s| &s.methods).map(|m| m.runs.len()).max().unwrap_or(1);
    let mut problems = Vec::new();
    for &setting in &settings {
        for repetition in 0..repetitions {
            problems.extend(targets.iter().map(|&target| Problem { setting, repetition, metric, target }));
        }
    }
    let methods: BTreeMap<usize, &str> =
        settings.iter().flat_map(|s| &s.methods).map(|m| (m.key, m.label)).collect();
    let profile = |unit: CostUnit| {
        let charged = |key: usize| {
            let mut methods = settings.iter().flat_map(|s| &s.methods).filter(|m| m.key == key);
            methods.any(|m| unit.charges(m))
        };
        let costs = |(key, label)| MethodCosts {
            key,
            label,
            attempts: problems.iter().map(|problem| attempt(problem, key, unit)).collect(),
        };
        let methods = methods.iter().filter(|(key, _)| charged(**key)).map(|(k, l)| costs((*k, *l)));
        PerformanceProfile { unit, methods: methods.collect() }
    };
    let profiles: Vec<_> = CostUnit::ALL.map(profile).into_iter().filter(|p| p.methods.len() > 1).collect();
    (!profiles.is_empty()).then_some(CrossGame { tau, regularised, games: names, targets, profiles })
}

/// The targets of all settings, largest first, with whole decades between those that lie further apart than two.
fn targets(settings: &[&Setting<'_>]) -> Vec<f64> {
    let mut watched: Vec<f64> = settings.iter().flat_map(|s| s.targets()).collect();
    watched.sort_by(|a, b| b.total_cmp(a));
    watched.dedup();
    with_decades_between(&watched)
}

fn with_decades_between(targets: &[f64]) -> Vec<f64> {
    let mut filled: Vec<f64> = Vec::new();
    for &target in targets {
        if let Some(&above) = filled.last() {
            let (from, to) = (above.log10().round() as i32, target.log10().round() as i32);
            filled.extend((to + 1..from).rev().filter(|d| (from - d) % 2 == 0).map(|d| 10_f64.powi(d)));
        }
        filled.push(target);
    }
    filled
}

fn attempt(problem: &Problem<'_>, key: usize, unit: CostUnit) -> Attempt {
    let method = problem.setting.methods.iter().find(|m| m.key == key);
    let Some(run) = method.and_then(|m| m.runs.get(problem.repetition)) else { return Attempt::Absent };
    match run.iterates().iter().find_map(|&iterate| crossing(problem, run, iterate, unit)) {
        Some(solved) => solved,
        None if run.record.stop_reason == StopKind::TargetReached => Attempt::Absent,
        None => Attempt::Unsolved,
    }
}

/// From when on `iterate` was at or below the target to the end of the run, as far as it is known.
fn crossing(problem: &Problem<'_>, run: &Traced<'_>, iterate: Iterate, unit: CostUnit) -> Option<Attempt> {
    let Problem { metric, target, .. } = *problem;
    // a start that is already there costs nothing, which a logarithmic axis and a ratio cannot say
    let solved = |cost: u64, watched| Attempt::Solved { cost: cost.max(1) as f64, watched };
    let reached = || run.record.reached.iter().filter(|r| r.metric == metric && r.iterate == iterate);
    if let Some(watched) = reached().find(|r| (r.target / target - 1.0).abs() < 1e-9) {
        return unit.of_reached(watched).map(|cost| solved(cost, true));
    }
    let mut recorded = None;
    for p in run.curve(iterate, metric) {
        let here = (p.step, unit.of_point(p));
        recorded = if p.value <= target { recorded.or(Some(here)) } else { None };
    }
    // a harder target that was watched may have been met before the next recorded step
    let step = |r: &Reached| r.kept.map_or(r.step, |kept| kept.step);
    let harder =
        reached().filter(|r| r.target < target).filter_map(|r| Some((step(r)?, unit.of_reached(r)?)));
    let first = recorded.into_iter().chain(harder).min_by_key(|(step, _)| *step);
    first.map(|(_, cost)| solved(cost, false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::number::short;

    #[test]
    fn decades_fill_wide_steps() {
        let targets = with_decades_between(&[1e-2, 1e-4, 1e-8]);
        assert_eq!(targets.iter().map(|t| short(*t)).collect::<Vec<_>>(), ["0.01", "1e-4", "1e-6", "1e-8"]);
    }
}
