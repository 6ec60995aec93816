//! Claims: what an experiment is expected to show (`expected.yaml`), held against its recorded runs.
//!
//! A claim selects runs (`solver`, `label`, `game`, `tau`, `predicted`) and bounds a `metric` of them (`at_most`, `at_least`, or
//! `below`: the runs of another label). It is judged case by case. A case is one run, or with `over: median`, `mean` or `interval` the
//! repetitions of one label on one game with one tau: runs of several games, taus or labels are never thrown together unless
//! `across` says so. `below` compares a case with the same case of the other label: same game, tau and repetition; with `below_iterate`
//! another iterate of it, so that the label may be its own. A claim holds where every case does, or at least `holds_in` of them.

mod judge;

use std::path::Path;

use equipoise_records::Iterate;
use serde::Serialize;
use serde_json::Value;

pub use judge::judge;

use crate::build::Plan;
use crate::error::{ConfigError, Sources, Spanned};
use crate::yaml::{self, Data, Node};

const KEYS: [&str; 17] = [
    "solver",
    "game",
    "tau",
    "label",
    "predicted",
    "metric",
    "iterate",
    "over",
    "across",
    "at_most",
    "at_least",
    "below",
    "below_iterate",
    "times",
    "within",
    "since",
    "holds_in",
];
/// What is made of the runs that a claim names, by its key.
const OVER: [(&str, Over); 4] =
    [("every", Over::Every), ("median", Over::Median), ("mean", Over::Mean), ("interval", Over::Interval)];
/// What `across` pools, by its key.
const ACROSS: [(&str, Across); 3] =
    [("games", Across::Games), ("taus", Across::Taus), ("labels", Across::Labels)];
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
    /// The median of the repetitions; of an even number the mean of the two in the middle.
    Median,
    /// The mean of the repetitions.
    Mean,
    /// The 95% interval of their mean, by Student's distribution: all of it has to be within the bounds.
    Interval,
}

/// What a median or mean may pool besides repetitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Across {
    Games,
    Taus,
    Labels,
}

/// An asserted outcome for every case that it names: a run, or a median or mean of runs (`over`).
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
    across: Vec<Across>,
    /// A label of other runs and a factor: the value is below so many times theirs, of the same game, tau and repetition.
    below: Option<(String, f64)>,
    /// The iterate of those runs, where it is another.
    below_iterate: Iterate,
    /// Unit and budget: the value counts at the last record within it.
    within: Option<(Unit, u64)>,
    /// A smaller budget of the same unit: the value is how much the metric rises from there, over the logarithm of how much more is spent.
    since: Option<u64>,
    /// In how many cases it holds; none: in all.
    holds_in: Option<u64>,
    text: String,
}

/// A claim held against the records.
#[derive(Clone, Debug, Serialize)]
pub struct Checked {
    /// The claim in words.
    pub claim: String,
    /// Whether every case it names bears it out, or as many as it asks for; a claim that names no run fails.
    pub holds: bool,
    /// Number of runs it names.
    pub runs: usize,
    /// Number of cases it names: runs, or medians or means of runs.
    pub cases: usize,
    /// The case that is furthest on the wrong side, or closest to it: label, game, tau and value.
    pub worst: Option<String>,
}

/// Reads `expected.yaml`: a list of claims about the runs of `plan`.
///
/// # Errors
/// File, line, column and rule; a solver, label, game, tau or metric that the experiment does not have, with the nearest that it has.
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
    let across = match node.get("across") {
        None => Vec::new(),
        Some(n) => sources.one_or_many(n, "across", |s, n, k| {
            let t = s.text_of(n, k)?;
            let known = ACROSS.into_iter().find(|(name, _)| *name == t.value);
            known
                .map(|(_, a)| a)
                .ok_or_else(|| s.unknown("value of across", &t, ACROSS.map(|(name, _)| name)))
        })?,
    };
    if let Some(n) = node.get("across").filter(|_| over == Over::Every) {
        let message = "`across` pools what a median or mean is of: add `over: median` or `over: mean`";
        return Err(sources.error(n.span, message));
    }
    let below = text("below")?;
    if let Some(below) = below.as_ref().filter(|_| over == Over::Interval) {
        let message =
            "`below` compares runs, medians or means, no intervals: add `over: median` or `over: mean`";
        return Err(sources.error(below.span, message));
    }
    if at_most.is_none() && at_least.is_none() && below.is_none() {
        return Err(sources.error(node.span, "a claim needs `at_most`, `at_least` or `below`"));
    }
    let times = node.get("times").map(|n| sources.number(n, "times")).transpose()?;
    if let Some(times) = &times {
        if below.is_none() {
            return Err(
                sources.error(times.span, "`times` is a factor of `below`, which the claim does not have")
            );
        }
        if !(times.value > 0.0 && times.value.is_finite()) {
            let message = format!("`times` is {}, must be above 0 and finite", times.value);
            return Err(sources.error(times.span, message));
        }
    }
    let holds_in = node.get("holds_in").map(|n| sources.integer(n, "holds_in")).transpose()?;
    if let Some(k) = holds_in.as_ref().filter(|k| k.value == 0) {
        return Err(sources.error(k.span, "`holds_in` is 0, must be at least 1 case"));
    }
    let stable = match text("predicted")? {
        None => None,
        Some(t) if PREDICTIONS.contains(&t.value.as_str()) => Some(t.value == "stable"),
        Some(t) => return Err(sources.unknown("prediction", &t, PREDICTIONS)),
    };
    let iterate_of = |key: &str| -> Result<Option<Iterate>, ConfigError> {
        let parsed = text(key)?.map(|t| {
            let known = t.value.parse::<Iterate>();
            known.map_err(|_| sources.unknown("iterate", &t, Iterate::NAMES.iter().copied()))
        });
        parsed.transpose()
    };
    let iterate = iterate_of("iterate")?.unwrap_or(Iterate::Last);
    let below_iterate = iterate_of("below_iterate")?;
    if let Some(n) = node.get("below_iterate").filter(|_| below.is_none()) {
        let message = "`below_iterate` is of the runs of `below`, which the claim does not have";
        return Err(sources.error(n.span, message));
    }
    let below_iterate = below_iterate.unwrap_or(iterate);
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
            let learned = plan.spec.oracles.iter().any(|oracle| oracle.is_learned());
            if learned && known == Unit::Queries {
                let message =
                    "a learned oracle charges no queries, so that every step is within any number of them";
                return Err(sources.error(unit.span, message).help("count `steps` or `duels`"));
            }
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
    let labels: Vec<(&str, String)> = plan.labels().collect();
    let all = || labels.iter().map(|(_, label)| label.as_str());
    known(sources, "solver", text("solver")?, plan.spec.methods.iter().map(|m| m.entry.name))?;
    known(sources, "game", text("game")?, (0..plan.games()).map(|g| plan.game_name(g)))?;
    known(sources, "metric", Some(metric.clone()), plan.spec.metrics.iter().map(|m| m.name))?;
    known(sources, "label", below.clone(), all())?;
    let solver = text("solver")?;
    match (&solver, text("label")?) {
        // a label of another solver names no run either
        (Some(solver), label) => {
            let own =
                labels.iter().filter(|(name, _)| *name == solver.value).map(|(_, label)| label.as_str());
            known(sources, &format!("label of `{}`", solver.value), label, own)?;
        }
        (None, label) => known(sources, "label", label, all())?,
    }
    let tau = node.get("tau").map(|n| sources.number(n, "tau")).transpose()?;
    if let Some(tau) = tau.as_ref().filter(|t| !plan.spec.taus.contains(&t.value)) {
        let taus: Vec<String> = plan.spec.taus.iter().map(f64::to_string).collect();
        let message = format!("no run of this experiment has `tau` {}", tau.value);
        return Err(sources.error(tau.span, message).help(format!("its taus: {}", taus.join(", "))));
    }
    let json = node.to_json(sources)?;
    let words = KEYS.iter().filter_map(|key| match json.get(key)? {
        Value::String(s) => Some(format!("{key} {s}")),
        other => Some(format!("{key} {other}")),
    });
    Ok(Expectation {
        solver: solver.map(|t| t.value),
        game: text("game")?.map(|t| t.value),
        tau: tau.map(|t| t.value),
        label: text("label")?.map(|t| t.value),
        stable,
        metric: metric.value,
        iterate,
        at_most,
        at_least,
        over,
        across,
        below: below.map(|t| (t.value, times.map_or(1.0, |t| t.value))),
        below_iterate,
        within,
        since,
        holds_in: holds_in.map(|k| k.value),
        text: words.collect::<Vec<_>>().join(", "),
    })
}

/// Refuses a word that the experiment does not have.
fn known<W: AsRef<str>>(
    sources: &Sources,
    what: &str,
    word: Option<Spanned<String>>,
    words: impl Iterator<Item = W> + Clone,
) -> Result<(), ConfigError> {
    match word {
        Some(word) if !words.clone().any(|w| w.as_ref() == word.value) => {
            let words: Vec<W> = words.collect();
            let mut words: Vec<&str> = words.iter().map(W::as_ref).collect();
            words.dedup();
            Err(sources.unknown(&format!("{what} of this experiment"), &word, words))
        }
        _ => Ok(()),
    }
}
