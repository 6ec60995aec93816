//! Claims: what an experiment is expected to show (`expected.yaml`), held against its recorded runs.

use std::path::Path;

use equipoise::eval::behaviour::student;
use equipoise_records::schema::{RunRecord, TracePoint};
use equipoise_records::{Iterate, Results};
use serde::Serialize;
use serde_json::Value;

use crate::build::Plan;
use crate::error::{ConfigError, Sources, Spanned};
use crate::yaml::{self, Data, Node};

const KEYS: [&str; 13] = [
    "solver",
    "game",
    "tau",
    "label",
    "predicted",
    "metric",
    "iterate",
    "over",
    "at_most",
    "at_least",
    "below",
    "within",
    "since",
];
/// What is made of the runs that a claim names, by its key.
const OVER: [(&str, Over); 4] =
    [("every", Over::Every), ("median", Over::Median), ("mean", Over::Mean), ("interval", Over::Interval)];
/// Fewest runs of which an interval is told.
const FEWEST_RUNS: usize = 6;
const PREDICTIONS: [&str; 2] = ["stable", "unstable"];
/// What `within` counts, by its key.
const UNITS: [(&str, Unit); 6] = [
    ("steps", Unit::Steps),
    ("queries", Unit::Queries),
    ("duels", Unit::Duels),
    ("draws", Unit::Effort("draws")),
    ("evaluations", Unit::Effort("evaluations")),
    ("pulls", Unit::Effort("pulls")),
];

/// What a budget counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Steps,
    Queries,
    Duels,
    /// What learning cost the method itself: the metric that counts it.
    Effort(&'static str),
}

/// What is made of the runs that a claim names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    /// Each by itself.
    Every,
    /// Their median; of an even number the mean of the two in the middle.
    Median,
    /// Their mean.
    Mean,
    /// The 95% interval of their mean, by Student's distribution: all of it has to be within the bounds.
    Interval,
}

impl Over {
    /// `None` without a run, and where a run has no value.
    fn of(self, mut values: Vec<f64>) -> Option<f64> {
        if values.is_empty() || values.iter().any(|v| v.is_nan()) {
            return None;
        }
        values.sort_by(f64::total_cmp);
        let n = values.len();
        Some(match self {
            Self::Median => 0.5 * (values[(n - 1) / 2] + values[n / 2]),
            Self::Every | Self::Mean | Self::Interval => values.iter().sum::<f64>() / n as f64,
        })
    }
}

/// The 95% interval of the mean of runs; `None` for fewer than [`FEWEST_RUNS`], and where one has no value.
fn interval(values: &[f64]) -> Option<(f64, f64)> {
    if values.len() < FEWEST_RUNS || values.iter().any(|v| v.is_nan()) {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0);
    let half = student(n - 1.0) * (variance / n).sqrt();
    Some((mean - half, mean + half))
}

/// An asserted outcome, for every recorded run that it names, or for their median or mean (`over`).
#[derive(Clone, Debug)]
pub struct Expectation {
    solver: Option<String>,
    game: Option<String>,
    tau: Option<f64>,
    label: Option<String>,
    /// Only runs for which local theory predicts, before any step, that the equilibrium attracts (`stable`, a factor
    /// below 1) or repels (`unstable`).
    stable: Option<bool>,
    metric: String,
    iterate: Iterate,
    at_most: Option<f64>,
    at_least: Option<f64>,
    over: Over,
    /// A label of other runs, of the same game and tau: theirs is larger.
    below: Option<String>,
    /// Unit and budget: the value counts at the last record within it.
    within: Option<(Unit, u64)>,
    /// A smaller budget of the same unit: the value is how much the metric rises from there, over the logarithm of how much more is spent.
    since: Option<u64>,
    text: String,
}

/// A claim held against the records.
#[derive(Clone, Debug, Serialize)]
pub struct Checked {
    /// The claim in words.
    pub claim: String,
    /// Whether every run it names bears it out; a claim that names no run fails.
    pub holds: bool,
    /// Number of runs it names.
    pub runs: usize,
    /// The run that is furthest on the wrong side, or closest to it: game, label and value.
    pub worst: Option<String>,
}

/// Reads `expected.yaml`: a list of claims about the runs of `plan`.
///
/// # Errors
/// File, line, column and rule; a solver, game or metric that the experiment does not have, with the nearest that it has.
pub fn read_expected(path: &Path, plan: &Plan) -> Result<Vec<Expectation>, ConfigError> {
    let bytes = std::fs::read(path).map_err(|e| ConfigError::file(path, format!("cannot be read: {e}")))?;
    let mut sources = Sources::default();
    let folder = path.parent().unwrap_or(Path::new(""));
    let source = yaml::add_bytes(&mut sources, &path.display().to_string(), folder, &bytes)?;
    let root = yaml::read(&mut sources, source, 0)?;
    sources.many(&root, "claims", |s, node, _| claim(s, node, plan))
}

fn claim(sources: &Sources, node: &Node, plan: &Plan) -> Result<Expectation, ConfigError> {
    sources.block(node, "a claim", &KEYS)?;
    let text = |key: &str| -> Result<Option<Spanned<String>>, ConfigError> {
        node.get(key).map(|n| sources.text_of(n, key)).transpose()
    };
    let number = |key: &str| -> Result<Option<f64>, ConfigError> {
        Ok(node.get(key).map(|n| sources.number(n, key)).transpose()?.map(|t| t.value))
    };
    let metric = text("metric")?.ok_or_else(|| sources.error(node.span, "a claim needs a `metric`"))?;
    let (at_most, at_least) = (number("at_most")?, number("at_least")?);
    let over = match text("over")? {
        None => Over::Every,
        Some(t) => match OVER.into_iter().find(|(name, _)| *name == t.value) {
            Some((_, over)) => over,
            None => return Err(sources.unknown("value of over", &t, OVER.map(|(name, _)| name))),
        },
    };
    let below = text("below")?;
    if at_most.is_none() && at_least.is_none() && below.is_none() {
        return Err(sources.error(node.span, "a claim needs `at_most`, `at_least` or `below`"));
    }
    if let Some(below) = below.as_ref().filter(|_| matches!(over, Over::Every | Over::Interval)) {
        let message = "`below` compares medians or means of runs: add `over: median` or `over: mean`";
        return Err(sources.error(below.span, message));
    }
    let stable = match text("predicted")? {
        None => None,
        Some(t) if PREDICTIONS.contains(&t.value.as_str()) => Some(t.value == "stable"),
        Some(t) => return Err(sources.unknown("prediction", &t, PREDICTIONS)),
    };
    let iterate = match text("iterate")? {
        None => Iterate::Last,
        Some(t) => match t.value.parse() {
            Ok(iterate) => iterate,
            Err(_) => return Err(sources.unknown("iterate", &t, Iterate::NAMES.iter().copied())),
        },
    };
    let budget = |key: &str| -> Result<Option<(Unit, Spanned<u64>)>, ConfigError> {
        let Some(n) = node.get(key) else { return Ok(None) };
        let Data::Map(entries) = &n.data else {
            let rule = format!("`{key}` is one of {} with a number", UNITS.map(|(name, _)| name).join(", "));
            return Err(sources.error(n.span, rule));
        };
        if let [(unit, budget)] = &entries[..] {
            let Some((_, known)) = UNITS.into_iter().find(|(name, _)| *name == unit.value) else {
                return Err(sources.unknown("unit", unit, UNITS.map(|(name, _)| name)));
            };
            if let Unit::Effort(metric) = known {
                let counted = plan.spec.metrics.iter().any(|m| m.name == metric);
                if !counted {
                    let message = format!("`{key}` counts {metric}, which the experiment does not record");
                    let help = format!("add `{metric}` to its `metrics`");
                    return Err(sources.error(unit.span, message).help(help));
                }
            }
            return Ok(Some((known, sources.integer(budget, key)?)));
        }
        let rule = format!("`{key}` is one of {} with a number", UNITS.map(|(name, _)| name).join(", "));
        Err(sources.error(n.span, rule))
    };
    let within = budget("within")?;
    let since = match budget("since")? {
        None => None,
        Some((unit, from)) => {
            let fits = within.as_ref().is_some_and(|(other, to)| *other == unit && from.value < to.value);
            if !fits || from.value == 0 {
                let message =
                    "`since` starts a slope that ends at `within`: the same unit, at least 1 and fewer";
                return Err(sources.error(from.span, message));
            }
            Some(from.value)
        }
    };
    let within = within.map(|(unit, budget)| (unit, budget.value));
    known(sources, "solver", text("solver")?, plan.spec.methods.iter().map(|m| m.entry.name))?;
    known(sources, "game", text("game")?, (0..plan.games()).map(|g| plan.game_name(g)))?;
    known(sources, "metric", Some(metric.clone()), plan.spec.metrics.iter().map(|m| m.name))?;
    let json = node.to_json(sources)?;
    let words = KEYS.iter().filter_map(|key| match json.get(key)? {
        Value::String(s) => Some(format!("{key} {s}")),
        other => Some(format!("{key} {other}")),
    });
    Ok(Expectation {
        solver: text("solver")?.map(|t| t.value),
        game: text("game")?.map(|t| t.value),
        tau: number("tau")?,
        label: text("label")?.map(|t| t.value),
        stable,
        metric: metric.value,
        iterate,
        at_most,
        at_least,
        over,
        below: below.map(|t| t.value),
        within,
        since,
        text: words.collect::<Vec<_>>().join(", "),
    })
}

/// Refuses a word that the experiment does not have.
fn known<'a>(
    sources: &Sources,
    what: &str,
    word: Option<Spanned<String>>,
    words: impl Iterator<Item = &'a str> + Clone,
) -> Result<(), ConfigError> {
    match word {
        Some(word) if !words.clone().any(|w| w == word.value) => {
            let mut words: Vec<&str> = words.collect();
            words.dedup();
            Err(sources.unknown(&format!("{what} of this experiment"), &word, words))
        }
        _ => Ok(()),
    }
}

/// Holds every claim against the records.
#[must_use]
pub fn judge(claims: &[Expectation], results: &Results) -> Vec<Checked> {
    claims.iter().map(|claim| verdict(claim, results)).collect()
}

/// The runs that a claim names, or would with another label, with their values; NaN where there is none.
fn values<'a>(
    claim: &'a Expectation,
    label: &'a Option<String>,
    results: &'a Results,
) -> impl Iterator<Item = (&'a RunRecord, f64)> + 'a {
    let wanted = |want: &Option<String>, have: &str| want.as_deref().is_none_or(|w| w == have);
    let named = move |record: &RunRecord| {
        wanted(&claim.solver, &record.solver)
            && wanted(&claim.game, &record.game)
            && wanted(label, &record.label)
            && claim.tau.is_none_or(|tau| tau == record.tau)
            && claim.stable.is_none_or(|stable| predicted_stable(record) == Some(stable))
    };
    results.runs.iter().filter(move |run| named(&run.record)).map(move |run| {
        let points = || run.trace.iter().flatten().rev();
        let of = |p: &&TracePoint| p.metric == claim.metric && p.iterate == claim.iterate;
        // the last record within the budget: effort is a metric of the last iterate, at the same step
        let at = |unit: Unit, budget: u64| {
            let last = points().find(|p| spent(unit, p).is_some_and(|spent| spent <= budget))?;
            let point = points().filter(of).find(|p| p.step <= last.step)?;
            Some((spent(unit, last)?, point.value))
        };
        let value = match (claim.within, claim.since) {
            (None, _) => points().find(of).map(|p| p.value),
            (Some((unit, budget)), None) => at(unit, budget).map(|(_, value)| value),
            (Some((unit, budget)), Some(from)) => {
                at(unit, from).zip(at(unit, budget)).map(|(first, last)| {
                    // no record between the two budgets: no slope
                    let units = (last.0 as f64 / first.0 as f64).ln();
                    if units > 0.0 && units.is_finite() { (last.1 - first.1) / units } else { f64::NAN }
                })
            }
        };
        (&run.record, value.unwrap_or(f64::NAN))
    })
}

/// What a point tells of a budget spent until its step, in whole units.
fn spent(unit: Unit, point: &TracePoint) -> Option<u64> {
    match unit {
        Unit::Steps => Some(point.step),
        Unit::Queries => Some(point.queries),
        Unit::Duels => Some(point.duels),
        Unit::Effort(metric) => {
            let counted = point.metric == metric && point.iterate == Iterate::Last && point.value.is_finite();
            counted.then_some(point.value as u64)
        }
    }
}

/// How far on the right side of the bounds, in their units; NaN is on the wrong one.
fn margin(claim: &Expectation, value: f64) -> f64 {
    let above = claim.at_most.map_or(f64::INFINITY, |bound| bound - value);
    let below = claim.at_least.map_or(f64::INFINITY, |bound| value - bound);
    if value.is_nan() { f64::NEG_INFINITY } else { above.min(below) }
}

fn verdict(claim: &Expectation, results: &Results) -> Checked {
    let text = claim.text.clone();
    if claim.over != Over::Every {
        let of = |label| claim.over.of(values(claim, label, results).map(|(_, v)| v).collect());
        let (runs, own) = (values(claim, &claim.label, results).count(), of(&claim.label));
        let Some(own) = own else { return Checked { claim: text, holds: false, runs, worst: None } };
        let (other, said) = match &claim.below {
            None => (Some(f64::INFINITY), String::new()),
            Some(label) => {
                let other = of(&Some(label.clone()));
                (other, other.map_or(format!("; no runs of {label}"), |v| format!(", {label}: {v:e}")))
            }
        };
        if claim.over == Over::Interval {
            let all: Vec<f64> = values(claim, &claim.label, results).map(|(_, v)| v).collect();
            let Some((low, high)) = interval(&all) else {
                let worst = format!("{own:e}; an interval needs {FEWEST_RUNS} runs");
                return Checked { claim: text, holds: false, runs, worst: Some(worst) };
            };
            let holds = margin(claim, low) >= 0.0 && margin(claim, high) >= 0.0;
            return Checked {
                claim: text,
                holds,
                runs,
                worst: Some(format!("{own:e} in [{low:e}, {high:e}]")),
            };
        }
        let holds = margin(claim, own) >= 0.0 && other.is_some_and(|other| own < other);
        return Checked { claim: text, holds, runs, worst: Some(format!("{own:e}{said}")) };
    }
    let mut runs = 0;
    let mut holds = true;
    let mut worst: Option<(f64, String)> = None;
    for (record, value) in values(claim, &claim.label, results) {
        runs += 1;
        let margin = margin(claim, value);
        holds &= margin >= 0.0;
        if worst.as_ref().is_none_or(|(m, _)| margin < *m) {
            let text = format!("{} on {} with tau {}: {value:e}", record.label, record.game, record.tau);
            worst = Some((margin, text));
        }
    }
    Checked { claim: text, holds: holds && runs > 0, runs, worst: worst.map(|(_, text)| text) }
}

/// What the local spectrum says of a run before its first step; `None` where it says nothing.
fn predicted_stable(record: &RunRecord) -> Option<bool> {
    // records of 0.1 have no modulus
    record.rate.as_ref().and_then(|rate| rate.modulus.or(rate.predicted)).map(|factor| factor < 1.0)
}
