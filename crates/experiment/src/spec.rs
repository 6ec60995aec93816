//! What an experiment asks for: every default filled, every grid expanded, every range checked that needs no game.
//!
//! Resolving is pure: of a game file no more than its header is read, no game is made and nothing is solved. A spec says
//! how many runs there are without listing them.

mod class;
mod games;
mod methods;
mod policies;

use std::fmt;
use std::path::Path;

use equipoise::core::{BuildError, SolverEntry};
use equipoise::env::Feedback;
use equipoise::env::channels::CHANNELS;
use equipoise::eval::{LEARNED_GAP, Limits, METRICS, MODEL_QUERIES, Metric, Schedule, TEST_GAP, Target};
use equipoise::models::MODELS;
use equipoise::oracles::{OracleSpec, oracles};
use equipoise::registry;
use equipoise_records::Direction;
use serde_json::{Map, Value, json};

pub(crate) use class::ClassSpec;
pub(crate) use games::{GameKind, GameSpec, MAX_GAMES, WeightsSpec, option_error};
pub(crate) use policies::PolicySpec;

use crate::error::{ConfigError, Sources, Span, Spanned};
use crate::file::{ExperimentFile, TaggedBlock};
use crate::grid::{self, Point};

/// Steps where `limits.steps` is left out.
pub(crate) const DEFAULT_STEPS: u64 = 10_000;
/// Metrics where `metrics` is left out.
pub(crate) const DEFAULT_METRICS: [&str; 4] =
    ["duality_gap", "duality_gap_tau", "kl_to_equilibrium", "kl_to_reference"];
/// Metrics besides, where methods stay in a policy class.
const EFFORT_METRICS: [&str; 3] = ["draws", "evaluations", "pulls"];

/// A resolved experiment.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Name of the experiment.
    pub name: String,
    /// One line about it.
    pub description: Option<String>,
    /// Seed of all streams.
    pub seed: u64,
    /// Regularisations.
    pub taus: Vec<f64>,
    /// Methods with their parameters.
    pub methods: Vec<Method>,
    /// Feedback.
    pub oracles: Vec<OracleSpec>,
    /// Runs of each method on each game with each tau and oracle.
    pub repetitions: u32,
    /// Limits of every run.
    pub limits: Limits,
    /// When every run records.
    pub record: Schedule,
    /// What every run measures.
    pub metrics: Vec<&'static Metric>,
    /// Whether policies of recorded steps are kept.
    pub save_policies: bool,
    /// Whether each method meets noise of its own, where oracles are sampled.
    pub independent_noise: bool,
    /// The games, one entry for each point of each grid.
    pub(crate) games: Vec<GameSpec>,
    /// The reference of every game.
    pub(crate) reference: PolicySpec,
    /// The start in every game.
    pub(crate) start: PolicySpec,
    /// The policy class that methods stay in; none: every policy.
    pub(crate) class: Option<ClassSpec>,
    /// How many contexts of every game, the last ones, are kept for testing; where it was typed.
    pub(crate) test_contexts: Option<Spanned<u64>>,
    /// The texts, for errors that only a game brings to light.
    pub(crate) sources: Sources,
    /// The file as a whole.
    pub(crate) whole: Span,
    /// The spec as a document, without its games.
    document: Vec<(&'static str, Value)>,
}

/// A method with its parameters.
#[derive(Clone)]
pub struct Method {
    /// Registry row.
    pub entry: &'static SolverEntry,
    /// Its parameters, defaults filled, rules not yet replaced.
    pub parameters: Value,
    /// Legend: the name, with the parameters in which it differs from others of its name.
    pub label: String,
    /// Where it was typed.
    pub(crate) point: Point,
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.entry.name, self.parameters)
    }
}

impl Spec {
    /// Keys and values of the file that the spec is, in their order; `games` is null.
    pub(crate) fn document(&self) -> &[(&'static str, Value)] {
        &self.document
    }

    pub(crate) fn error(&self, span: Span, message: impl Into<String>) -> ConfigError {
        self.sources.error(span, message)
    }

    /// Runs on one game with one tau.
    #[must_use]
    pub fn runs_of_unit(&self) -> u64 {
        self.methods.len() as u64 * self.oracles.len() as u64 * u64::from(self.repetitions)
    }
}

/// Resolves a typed experiment.
///
/// # Errors
/// Whatever can be found wrong without making a game: file, line, column, rule.
pub fn resolve(file: &ExperimentFile) -> Result<Spec, ConfigError> {
    Resolver { file, needs_files: true }.spec()
}

/// As [`resolve`], for a plan whose games are known already: a file that is gone is not missed until it is read.
pub(crate) fn resolve_recorded(file: &ExperimentFile) -> Result<Spec, ConfigError> {
    Resolver { file, needs_files: false }.spec()
}

struct Resolver<'a> {
    file: &'a ExperimentFile,
    /// Whether every file that is named must be there.
    needs_files: bool,
}

impl Resolver<'_> {
    fn spec(&self) -> Result<Spec, ConfigError> {
        let file = self.file;
        let name = match &file.name {
            Some(name) if is_name(&name.value) => name.value.clone(),
            Some(name) => {
                let message =
                    format!("the name `{}` must consist of letters, digits, `-`, `_` and `.`", name.value);
                return Err(self.error(name.span, message));
            }
            None => Path::new(file.sources.name(file.span.source))
                .file_stem()
                .map(|s| s.to_string_lossy().into_owned())
                .filter(|s| is_name(s))
                .unwrap_or_else(|| "experiment".into()),
        };
        let seed = file.seed.as_ref().map_or(0, |s| s.value);
        let games = self.games()?;
        let reference = self.reference()?;
        let start = self.start()?;
        let class = self.policy(&start)?;
        let oracles = self.oracles()?;
        let learned = oracles.iter().any(OracleSpec::is_learned);
        let test_contexts = self.test_contexts(class.as_ref())?;
        let metrics = self.metrics(class.is_some(), learned)?;
        let taus = self.taus()?;
        let limits = self.limits()?;
        if let Some(typed) = file.limits.queries.as_ref().filter(|_| learned) {
            let message = format!(
                "`limits.queries` is {}, but a learned oracle answers from its fitted model: no query is ever charged",
                typed.value
            );
            let help = "limit `steps`, `seconds` or `duels`; the metric `model_queries` counts what the model was asked";
            return Err(self.error(typed.span, message).help(help));
        }
        let record = self.record()?;
        let save_policies = match file.save_policies.as_ref().map(|s| (s, s.value.as_str())) {
            None | Some((_, "final")) => false,
            Some((_, "recorded")) => true,
            Some((typed, _)) => {
                return Err(file.sources.unknown("value of save_policies", typed, ["final", "recorded"]));
            }
        };
        let independent_noise = match file.noise.as_ref().map(|s| (s, s.value.as_str())) {
            None | Some((_, "shared")) => false,
            Some((_, "independent")) => true,
            Some((typed, _)) => {
                return Err(file.sources.unknown("value of noise", typed, ["shared", "independent"]));
            }
        };
        let repetitions = self.at_least_one(&file.repetitions, "repetitions", 1, 1_000_000)?;
        let methods = self.methods()?;
        if let Some(class) = &class {
            self.stay_in_class(class, &methods)?;
        }
        let names: Vec<&str> = metrics.iter().map(|m| m.name).collect();
        let document = vec![
            ("format", json!(crate::file::FORMAT)),
            ("name", json!(name)),
            ("description", file.description.as_ref().map_or(Value::Null, |d| json!(d.value))),
            ("games", Value::Null),
            ("reference", self.block_json(file.reference.as_ref(), "uniform")?),
            ("start", self.block_json(file.start.as_ref(), "reference")?),
            ("policy", class.as_ref().map_or(Value::Null, ClassSpec::document)),
            ("test_contexts", test_contexts.as_ref().map_or(Value::Null, |t| json!(t.value))),
            ("tau", json!(taus)),
            ("oracle", json!(oracles)),
            ("solvers", Value::Null),
            ("repetitions", json!(repetitions)),
            ("seed", json!(seed)),
            ("limits", limits_json(&limits)),
            ("record", json!(record)),
            ("metrics", json!(names)),
            ("save_policies", json!(if save_policies { "recorded" } else { "final" })),
            // shared noise is not written, so that plans and ids of 0.1 stay what they are
            ("noise", if independent_noise { json!("independent") } else { Value::Null }),
        ];
        let kept = |(k, v): &(&str, Value)| !v.is_null() || ["games", "solvers"].contains(k);
        let document = document.into_iter().filter(kept).collect();
        Ok(Spec {
            name,
            description: file.description.as_ref().map(|d| d.value.clone()),
            seed,
            taus,
            methods,
            oracles,
            repetitions: repetitions as u32,
            limits,
            record,
            metrics,
            save_policies,
            independent_noise,
            games,
            reference,
            start,
            class,
            test_contexts,
            sources: file.sources.clone(),
            whole: file.span,
            document,
        })
    }

    fn error(&self, span: Span, message: impl Into<String>) -> ConfigError {
        self.file.sources.error(span, message)
    }

    fn at_least_one(
        &self,
        typed: &Option<Spanned<u64>>,
        key: &str,
        default: u64,
        most: u64,
    ) -> Result<u64, ConfigError> {
        match typed {
            None => Ok(default),
            Some(t) if t.value >= 1 && t.value <= most => Ok(t.value),
            Some(t) => {
                let message = format!("`{key}` is {}, must be at least 1 and at most {most}", t.value);
                Err(self.error(t.span, message))
            }
        }
    }

    /// How many contexts are kept for testing; only parameters say anything of them.
    fn test_contexts(&self, class: Option<&ClassSpec>) -> Result<Option<Spanned<u64>>, ConfigError> {
        let Some(typed) = &self.file.test_contexts else { return Ok(None) };
        self.at_least_one(&self.file.test_contexts, "test_contexts", 1, u64::MAX / 4)?;
        if class.is_none() {
            let message = "`test_contexts` needs a `policy` with parameters: a table says nothing of contexts that it has no row of";
            return Err(self
                .error(typed.span, message)
                .help("add `policy: log-linear`, or leave `test_contexts` out"));
        }
        Ok(Some(typed.clone()))
    }

    fn taus(&self) -> Result<Vec<f64>, ConfigError> {
        let Some(typed) = &self.file.tau else { return Ok(vec![0.0]) };
        let mut taus = Vec::new();
        for t in typed {
            if t.value < 0.0 {
                return Err(self.error(t.span, format!("`tau` is {}, must be at least 0", t.value)));
            }
            if taus.contains(&(t.value + 0.0)) {
                return Err(self.error(t.span, format!("tau = {} is listed twice", t.value)));
            }
            taus.push(t.value + 0.0);
        }
        Ok(taus)
    }

    fn limits(&self) -> Result<Limits, ConfigError> {
        let typed = &self.file.limits;
        let steps = self.at_least_one(&typed.steps, "steps", DEFAULT_STEPS, u64::MAX / 4)?;
        let mut target: Vec<Target> = Vec::new();
        for (metric, value) in &typed.target {
            let known = self.metric(metric)?;
            if known.is_sum() {
                let message = format!(
                    "`{}` is a sum over the steps, which only rises: give `steps` or `duels`",
                    known.name
                );
                return Err(self.error(metric.span, message));
            }
            let (name, at) = (&metric.value, value.value);
            if at < 0.0 {
                return Err(
                    self.error(value.span, format!("the target of `{name}` is {at}, must be at least 0"))
                );
            }
            if known.largest.is_some_and(|largest| at > largest) {
                let message =
                    format!("the target of `{name}` is {at}, which no policy reaches: {}", known.definition);
                return Err(self.error(value.span, message).help(
                    "larger values of this metric are better: a run stops once it is at or above the target",
                ));
            }
            target.push(Target { metric: known, value: at });
        }
        if let Some(s) = typed.seconds.as_ref().filter(|s| s.value <= 0.0) {
            return Err(self.error(s.span, format!("`seconds` is {}, must be above 0", s.value)));
        }
        let optional = |t: &Option<Spanned<u64>>, key| -> Result<Option<u64>, ConfigError> {
            t.as_ref().map(|_| self.at_least_one(t, key, 1, u64::MAX / 4)).transpose()
        };
        let keep_best = typed.keep_best.as_ref().map(|name| self.kept_by(name)).transpose()?;
        if let (Some(patience), None) = (&typed.patience, keep_best) {
            let message = "`patience` is given, and no metric by which a run is to become better";
            let help = "add `keep_best`, such as `keep_best: welfare_test`, or leave `patience` out";
            return Err(self.error(patience.span, message.to_owned()).help(help));
        }
        Ok(Limits {
            steps,
            target,
            seconds: typed.seconds.as_ref().map(|s| s.value),
            queries: optional(&typed.queries, "queries")?,
            duels: optional(&typed.duels, "duels")?,
            keep_best,
            patience: optional(&typed.patience, "patience")?,
        })
    }

    /// The metric by which an iterate is kept, which must be measured.
    fn kept_by(&self, name: &Spanned<String>) -> Result<&'static Metric, ConfigError> {
        let metric = self.metric(name)?;
        if metric.is_sum() || metric.direction == Direction::Neither {
            let message = format!("of `{}` no values are better than others", metric.name);
            let help =
                "keep the iterate of the best `welfare_test` (a validation reward), or of a gap or win rate";
            return Err(self.error(name.span, message).help(help));
        }
        let measured = |all: &Vec<Spanned<String>>| all.iter().any(|m| m.value == metric.name);
        if !self.file.metrics.as_ref().is_some_and(measured) {
            let message =
                format!("the iterate of the best `{0}` is kept, and `{0}` is not measured", metric.name);
            return Err(self.error(name.span, message).help(format!("add `{}` to `metrics`", metric.name)));
        }
        Ok(metric)
    }

    fn record(&self) -> Result<Schedule, ConfigError> {
        let sources = &self.file.sources;
        let Some(block) = &self.file.record else { return Ok(Schedule::Log) };
        match (block.kind.value.as_str(), &block.value) {
            ("log", None) => Ok(Schedule::Log),
            ("every", Some(node)) => {
                let every = sources.integer(node, "every")?;
                Ok(Schedule::Every(self.at_least_one(&Some(every), "every", 1, u64::MAX / 4)?))
            }
            ("at", Some(node)) => {
                let steps = sources.many(node, "at", |s, n, k| s.integer(n, k))?;
                Ok(Schedule::At(steps.iter().map(|s| s.value).collect()))
            }
            ("log" | "every" | "at", _) => {
                Err(self.error(block.kind.span, "`record` is `log`, `every: K` or `at: [steps]`"))
            }
            _ => Err(sources.unknown("schedule", &block.kind, ["log", "every", "at"])),
        }
    }

    fn metric(&self, typed: &Spanned<String>) -> Result<&'static Metric, ConfigError> {
        let known = METRICS.iter().map(|m| m.name);
        Metric::named(&typed.value).ok_or_else(|| self.file.sources.unknown("metric", typed, known))
    }

    fn metrics(&self, in_class: bool, learned: bool) -> Result<Vec<&'static Metric>, ConfigError> {
        match &self.file.metrics {
            Some(typed) => {
                let mut metrics: Vec<&'static Metric> = Vec::new();
                for t in typed {
                    let metric = self.metric(t)?;
                    if metrics.iter().any(|m| m.name == metric.name) {
                        let message = format!("the metric `{}` is listed twice", metric.name);
                        return Err(self.error(t.span, message));
                    }
                    if metric.needs_test() && self.file.test_contexts.is_none() {
                        let message = format!("the metric `{}` needs `test_contexts`", metric.name);
                        return Err(self.error(t.span, message));
                    }
                    let offline = self.file.solvers.iter().any(|block| {
                        registry::solver(&block.kind.value).is_some_and(|entry| entry.is_offline)
                    });
                    if metric.needs_pairs() && !offline {
                        let message = format!(
                            "the metric `{}` needs a method that learns from given pairs",
                            metric.name
                        );
                        return Err(self.error(t.span, message).help("add the solver `offline`"));
                    }
                    if metric.needs_tokens() && !in_class {
                        let message = format!(
                            "the metric `{}` needs responses that are strings of tokens",
                            metric.name
                        );
                        return Err(self.error(t.span, message).help("add `policy: token-tree`"));
                    }
                    if metric.needs_fit() && !learned {
                        let message = format!("the metric `{}` needs `oracle: learned`", metric.name);
                        return Err(self.error(t.span, message));
                    }
                    metrics.push(metric);
                }
                Ok(metrics)
            }
            None => {
                let effort: &[&str] = if in_class { &EFFORT_METRICS } else { &[] };
                let of_fit: &[&str] = if learned { &[LEARNED_GAP, MODEL_QUERIES] } else { &[] };
                Ok(DEFAULT_METRICS
                    .iter()
                    .chain(effort)
                    .chain(of_fit)
                    .chain(self.file.test_contexts.iter().map(|_| &TEST_GAP))
                    .filter_map(|name| Metric::named(name))
                    .collect())
            }
        }
    }

    fn oracles(&self) -> Result<Vec<OracleSpec>, ConfigError> {
        let Some(blocks) = &self.file.oracle else { return Ok(vec![OracleSpec::Game(Feedback::Exact)]) };
        let (rows, mut found) = (oracles(), Vec::new());
        for block in blocks {
            let earlier = found.len();
            let row = rows.iter().find(|row| row.name == block.kind.value).ok_or_else(|| {
                self.file.sources.unknown("oracle", &block.kind, rows.iter().map(|row| row.name))
            })?;
            let (what, defaults) = (format!("the oracle `{}`", row.name), (row.defaults)());
            if block.value.is_some() && defaults.as_object().is_some_and(Map::is_empty) {
                return Err(self.error(block.kind.span, format!("{what} takes no parameters")));
            }
            for point in
                grid::expand(&self.file.sources, block, &what, &defaults, &(row.schema)().to_value())?
            {
                let refused = |error: BuildError| {
                    let (message, span) = match &error {
                        BuildError::Range { key, value, rule } => {
                            (format!("`{key}` is {value}, {rule}"), point.value_span(key))
                        }
                        BuildError::UnknownKey { key, .. } => (error.to_string(), point.key_span(key)),
                        other => (other.to_string(), point.value_span(other.key())),
                    };
                    self.error(span, message)
                };
                for filled in grid::within(&point.filled(&defaults), &option_levels).map_err(refused)? {
                    found.push(row.build(&filled).map_err(refused)?);
                }
            }
            for k in earlier..found.len() {
                if found[..k].contains(&found[k]) {
                    let message = format!("the oracle `{}` is listed twice", block.kind.value);
                    return Err(self.error(block.kind.span, message));
                }
            }
        }
        Ok(found)
    }

    /// A block as JSON, with paths made absolute.
    fn block_json(&self, block: Option<&TaggedBlock>, default: &str) -> Result<Value, ConfigError> {
        let Some(block) = block else { return Ok(json!(default)) };
        let Some(node) = &block.value else { return Ok(json!(block.kind.value)) };
        if block.kind.value == "path" {
            let path = self.file.sources.text_of(node, "path")?;
            return Ok(json!({ "path": absolute(&self.file.sources.locate(path.span, &path.value)) }));
        }
        Ok(json!({ block.kind.value.as_str(): node.to_json(&self.file.sources)? }))
    }
}

/// Levels of lists of one value of an option of a model or label channel, by its path in the block of a learned oracle.
fn option_levels(path: &str) -> usize {
    let mut parts = path.splitn(3, '.');
    let (Some(kind), Some(name), Some(option)) = (parts.next(), parts.next(), parts.next()) else { return 0 };
    let of = |defaults: Value, schema: Value| grid::list_levels(option, &defaults, &schema);
    match kind {
        "model" => {
            MODELS.iter().find(|m| m.name == name).map_or(0, |m| of((m.defaults)(), (m.schema)().to_value()))
        }
        "labels" => CHANNELS
            .iter()
            .find(|c| c.name == name)
            .map_or(0, |c| of((c.defaults)(), (c.schema)().to_value())),
        _ => 0,
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

pub(crate) fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

pub(crate) fn limits_json(limits: &Limits) -> Value {
    let mut map = Map::new();
    map.insert("steps".into(), json!(limits.steps));
    if !limits.target.is_empty() {
        let targets = limits.target.iter().map(|t| (t.metric.name.to_owned(), json!(t.value)));
        map.insert("target".into(), Value::Object(targets.collect()));
    }
    for (key, value) in [
        ("seconds", limits.seconds.map(|s| json!(s))),
        ("queries", limits.queries.map(|q| json!(q))),
        ("duels", limits.duels.map(|d| json!(d))),
        ("keep_best", limits.keep_best.map(|metric| json!(metric.name))),
        ("patience", limits.patience.map(|steps| json!(steps))),
    ] {
        if let Some(value) = value {
            map.insert(key.into(), value);
        }
    }
    Value::Object(map)
}
