//! Step sizes: each method at the step a theorem asks for, at the step of local stability, and at the best of a sweep,
//! with what the sweep cost.
//!
//! A sweep is a method that ran at two or more numbers of one parameter, all else equal. Its best step is chosen by
//! this rule and never by hand: most problems solved over all games, then the least geometric mean of what they cost,
//! then the smallest step.

use serde::Serialize;
use serde_json::Value;

use crate::model::cross_game::CrossGame;
use crate::model::number::{count, percent, plain, short};
use crate::model::profile::MethodCosts;
use equipoise_records::Results;

/// All sweeps of one tau.
#[derive(Debug, Serialize)]
pub(crate) struct StepTable {
    pub(crate) heading: String,
    pub(crate) rows: Vec<StepRow>,
    pub(crate) note: String,
}

/// One method.
#[derive(Debug, Serialize)]
pub(crate) struct StepRow {
    pub(crate) method: String,
    /// Step and score by `theorem`, by `stability`, and of the best swept value.
    pub(crate) cells: [Cell; 3],
    /// Steps, runs and cost of the sweep.
    pub(crate) sweep: String,
}

/// A step with what it did.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Cell {
    /// The step, or its range over games.
    pub(crate) step: String,
    pub(crate) solved: String,
    /// Geometric mean of the costs of what it solved.
    pub(crate) cost: String,
}

/// All runs of one label: its parameter as configured and as resolved, game by game, and what they spent.
struct Variant {
    label: String,
    configured: Value,
    resolved: Vec<f64>,
    runs: usize,
    spent: u64,
}

/// The tables of all taus that hold a sweep.
pub(crate) fn step_tables(results: &Results, all: &[CrossGame<'_>]) -> Vec<StepTable> {
    all.iter()
        .filter_map(|all| {
            let rows: Vec<StepRow> =
                solvers(results, all.tau).iter().filter_map(|s| row(results, all, s)).collect();
            let heading = if all.tau > 0.0 {
                format!("Step sizes, tau = {}", short(all.tau))
            } else {
                "Step sizes, original game".to_owned()
            };
            let note = "Solved: share of the problems above. Cost: geometric mean over what was solved. The swept step is the one \
                        that solves most problems over all games, then the cheapest, then the smallest: a choice that no one \
                        can make before the sweep is paid, whose cost stands beside it."
                .to_owned();
            (!rows.is_empty()).then_some(StepTable { heading, rows, note })
        })
        .collect()
}

/// Registry names in the order of their first run.
fn solvers(results: &Results, tau: f64) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for run in results.runs.iter().filter(|r| r.record.tau.total_cmp(&tau).is_eq()) {
        if !names.contains(&run.record.solver) {
            names.push(run.record.solver.clone());
        }
    }
    names
}

fn row(results: &Results, all: &CrossGame<'_>, solver: &str) -> Option<StepRow> {
    let runs = || {
        let here = results.runs.iter().map(|r| &r.record);
        here.filter(|r| r.solver == solver && r.tau.total_cmp(&all.tau).is_eq())
    };
    let configured = |spec: &Value| spec["solvers"][0][solver].as_object().cloned();
    let blocks: Vec<_> = runs().map(|r| configured(&r.spec)).collect::<Option<_>>()?;
    let first = blocks.first()?;
    let differs = |key: &&String| blocks.iter().any(|b| b.get(*key) != first.get(*key));
    let mut varied = first.keys().filter(differs);
    let (parameter, None) = (varied.next()?.clone(), varied.next()) else { return None };

    let mut variants: Vec<Variant> = Vec::new();
    for (run, block) in runs().zip(&blocks) {
        let at = variants.iter().position(|v| v.label == run.label).unwrap_or_else(|| {
            variants.push(Variant {
                label: run.label.clone(),
                configured: block[&parameter].clone(),
                resolved: Vec::new(),
                runs: 0,
                spent: 0,
            });
            variants.len() - 1
        });
        variants[at].resolved.extend(run.parameters[&parameter].as_f64());
        variants[at].runs += 1;
        variants[at].spent += if run.queries > 0 { run.queries } else { run.duels };
    }
    let swept: Vec<&Variant> = variants.iter().filter(|v| v.configured.is_number()).collect();
    if swept.len() < 2 {
        return None;
    }
    let profile =
        all.profiles.iter().find(|p| swept.iter().all(|v| costs(&p.methods, &v.label).is_some()))?;
    let (methods, unit) = (&profile.methods, profile.unit);
    let score = |v: &Variant| costs(methods, &v.label).map_or((0, f64::INFINITY), MethodCosts::score);
    let step = |v: &Variant| v.configured.as_f64().unwrap_or(f64::INFINITY);
    let best = swept.iter().copied().min_by(|a, b| {
        let (sa, sb) = (score(a), score(b));
        sb.0.cmp(&sa.0).then(sa.1.total_cmp(&sb.1)).then(step(a).total_cmp(&step(b)))
    })?;
    let cell = |v: Option<&Variant>| {
        let Some((v, method)) = v.and_then(|v| Some((v, costs(methods, &v.label)?))) else {
            return Cell { step: "-".into(), ..Cell::default() };
        };
        let low = v.resolved.iter().copied().fold(f64::INFINITY, f64::min);
        let high = v.resolved.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (solved, mean) = method.score();
        Cell {
            step: if low.total_cmp(&high).is_eq() {
                short(low)
            } else {
                format!("{} to {}", short(low), short(high))
            },
            solved: percent(solved as f64 / method.met().max(1) as f64),
            cost: if solved == 0 { "-".into() } else { short(mean) },
        }
    };
    let ruled = |rule: &str| variants.iter().find(|v| v.configured == rule);
    let (runs, spent) = swept.iter().fold((0, 0), |(r, s), v| (r + v.runs, s + v.spent));
    Some(StepRow {
        method: plain(solver),
        cells: [cell(ruled("theorem")), cell(ruled("stability")), cell(Some(best))],
        sweep: format!(
            "{} values of {}, {} runs, {} {}",
            swept.len(),
            plain(&parameter),
            count(runs as u64),
            count(spent),
            unit.name()
        ),
    })
}

fn costs<'a, 'b>(methods: &'b [MethodCosts<'a>], label: &str) -> Option<&'b MethodCosts<'a>> {
    methods.iter().find(|m| m.label == label)
}
