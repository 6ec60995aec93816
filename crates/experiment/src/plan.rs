//! What will run: every game made, every default filled, every grid expanded, every range checked.

mod games;
mod policies;
mod runs;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use equipoise::core::{Policy, SolverEntry};
use equipoise::env::{Feedback, Game};
use equipoise::eval::{Limits, METRICS, Metric, Schedule};
use equipoise::registry;
use serde_json::{Map, Value, json};

use crate::error::{ConfigError, Place, Typed};
use crate::file::{Choice, ExperimentFile};
use crate::grid;
use crate::yaml;

/// Steps where `limits.steps` is left out.
const DEFAULT_STEPS: u64 = 10_000;
/// Metrics where `metrics` is left out.
const DEFAULT_METRICS: [&str; 4] = ["duality_gap", "duality_gap_tau", "kl_to_equilibrium", "kl_to_reference"];

/// A resolved experiment: nothing is left to decide.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Name of the experiment.
    pub name: String,
    /// One line about it.
    pub description: Option<String>,
    /// Seed of all streams.
    pub seed: u64,
    /// Games, with reference and start.
    pub games: Vec<GamePlan>,
    /// Regularisations.
    pub taus: Vec<f64>,
    /// Runs, in the order of tables: by game, tau, solver, oracle, repetition.
    pub runs: Vec<RunPlan>,
    /// Limits of every run.
    pub limits: Limits,
    /// When every run records.
    pub record: Schedule,
    /// What every run measures.
    pub metrics: Vec<&'static Metric>,
    /// Whether policies of recorded steps are kept.
    pub save_policies: bool,
    /// The plan as a document, for `plan.yaml`.
    document: Vec<(&'static str, Value)>,
}

/// A game, made.
#[derive(Clone, Debug)]
pub struct GamePlan {
    /// Unique name.
    pub name: String,
    /// Where it comes from, in words.
    pub source: String,
    /// The game.
    pub game: Arc<Game>,
    /// Pairs that never met, by label.
    pub unmet_pairs: Vec<(String, String)>,
    /// The reference policy.
    pub reference: Policy,
    /// The start.
    pub start: Policy,
    /// The entry that makes it again.
    entry: Value,
}

/// One run.
#[derive(Clone, Debug)]
pub struct RunPlan {
    /// Hash of all that decides the result.
    pub id: String,
    /// Index into [`Plan::games`].
    pub game: usize,
    /// Regularisation.
    pub tau: f64,
    /// Registry name of the method.
    pub solver: &'static str,
    /// Its parameters, defaults filled, rules not yet replaced.
    pub parameters: Value,
    /// Legend.
    pub label: String,
    /// Feedback.
    pub oracle: Feedback,
    /// Repetition, from 0.
    pub repetition: u32,
}

impl RunPlan {
    /// Its registry row.
    ///
    /// # Panics
    /// Never: a plan holds registered names.
    #[must_use]
    pub fn entry(&self) -> &'static SolverEntry {
        registry::solver(self.solver).expect("a plan holds registered names")
    }
}

impl Plan {
    /// The plan as an experiment file: parsed and resolved again, it has the same runs with the same ids.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        yaml::write(&self.document)
    }

    /// One run as an experiment of its own, as recorded with it.
    #[must_use]
    pub fn spec(&self, run: &RunPlan) -> Value {
        let mut spec: Map<String, Value> =
            self.document.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
        spec.insert("games".into(), json!([self.games[run.game].entry]));
        spec.insert("tau".into(), json!([run.tau]));
        spec.insert("oracle".into(), json!(run.oracle));
        spec.insert("solvers".into(), json!([{ run.solver: run.parameters }]));
        spec.insert("repetitions".into(), json!(run.repetition + 1));
        Value::Object(spec)
    }
}

/// Resolves a typed experiment.
///
/// # Errors
/// Whatever can be found wrong without running: file, line, column, rule.
pub fn resolve(file: &ExperimentFile) -> Result<Plan, ConfigError> {
    Resolver { file }.plan()
}

struct Resolver<'a> {
    file: &'a ExperimentFile,
}

impl Resolver<'_> {
    fn plan(&self) -> Result<Plan, ConfigError> {
        let file = self.file;
        let name = match &file.name {
            Some(name) if is_name(&name.value) => name.value.clone(),
            Some(name) => {
                let message =
                    format!("the name `{}` must consist of letters, digits, `-`, `_` and `.`", name.value);
                return Err(self.error(name.place, message));
            }
            None => Path::new(file.sources.name(file.place.source))
                .file_stem()
                .map(|s| s.to_string_lossy().into_owned())
                .filter(|s| is_name(s))
                .unwrap_or_else(|| "experiment".into()),
        };
        let seed = file.seed.as_ref().map_or(0, |s| s.value);
        let games = self.games(seed)?;
        let taus = self.taus()?;
        let limits = self.limits()?;
        let record = self.record()?;
        let metrics = self.metrics()?;
        let save_policies = match file.save_policies.as_ref().map(|s| (s, s.value.as_str())) {
            None | Some((_, "final")) => false,
            Some((_, "recorded")) => true,
            Some((typed, _)) => {
                return Err(file.sources.unknown("value of save_policies", typed, ["final", "recorded"]));
            }
        };
        let repetitions = self.at_least_one(&file.repetitions, "repetitions", 1, 1_000_000)?;
        let oracles = self.oracles()?;
        let solvers = self.solvers()?;
        let names: Vec<&str> = metrics.iter().map(|m| m.name).collect();
        let document = vec![
            ("format", json!(crate::file::FORMAT)),
            ("name", json!(name)),
            ("description", file.description.as_ref().map_or(Value::Null, |d| json!(d.value))),
            ("games", games.iter().map(|g| g.entry.clone()).collect()),
            ("reference", self.choice_json(file.reference.as_ref(), "uniform")?),
            ("start", self.choice_json(file.start.as_ref(), "reference")?),
            ("tau", json!(taus)),
            ("oracle", json!(oracles)),
            ("solvers", solvers.iter().map(|(e, p, _)| json!({ e.name: p })).collect()),
            ("repetitions", json!(repetitions)),
            ("seed", json!(seed)),
            ("limits", limits_json(&limits)),
            ("record", json!(record)),
            ("metrics", json!(names)),
            ("save_policies", json!(if save_policies { "recorded" } else { "final" })),
        ];
        let document = document.into_iter().filter(|(_, v)| !v.is_null()).collect();
        let mut plan = Plan {
            name,
            description: file.description.as_ref().map(|d| d.value.clone()),
            seed,
            games,
            taus,
            runs: Vec::new(),
            limits,
            record,
            metrics,
            save_policies,
            document,
        };
        self.check_solvers(&plan, &solvers)?;
        plan.runs = self.runs(&plan, &solvers, &oracles, repetitions as u32)?;
        Ok(plan)
    }

    fn error(&self, place: Place, message: impl Into<String>) -> ConfigError {
        self.file.sources.error(place, message)
    }

    fn at_least_one(
        &self,
        typed: &Option<Typed<u64>>,
        key: &str,
        default: u64,
        most: u64,
    ) -> Result<u64, ConfigError> {
        match typed {
            None => Ok(default),
            Some(t) if t.value >= 1 && t.value <= most => Ok(t.value),
            Some(t) => {
                Err(self
                    .error(t.place, format!("`{key}` is {}, must be at least 1 and at most {most}", t.value)))
            }
        }
    }

    fn taus(&self) -> Result<Vec<f64>, ConfigError> {
        let Some(typed) = &self.file.tau else { return Ok(vec![0.0]) };
        let mut taus = Vec::new();
        for t in typed {
            if t.value < 0.0 {
                return Err(self.error(t.place, format!("`tau` is {}, must be at least 0", t.value)));
            }
            if taus.contains(&(t.value + 0.0)) {
                return Err(self.error(t.place, format!("tau = {} is listed twice", t.value)));
            }
            taus.push(t.value + 0.0);
        }
        Ok(taus)
    }

    fn limits(&self) -> Result<Limits, ConfigError> {
        let typed = &self.file.limits;
        let steps = self.at_least_one(&typed.steps, "steps", DEFAULT_STEPS, u64::MAX / 4)?;
        let mut target = BTreeMap::new();
        for (metric, value) in &typed.target {
            self.metric(metric)?;
            if value.value < 0.0 {
                let message =
                    format!("the target of `{}` is {}, must be at least 0", metric.value, value.value);
                return Err(self.error(value.place, message));
            }
            target.insert(metric.value.clone(), value.value);
        }
        if let Some(s) = typed.seconds.as_ref().filter(|s| s.value <= 0.0) {
            return Err(self.error(s.place, format!("`seconds` is {}, must be above 0", s.value)));
        }
        let optional = |t: &Option<Typed<u64>>, key| -> Result<Option<u64>, ConfigError> {
            t.as_ref().map(|_| self.at_least_one(t, key, 1, u64::MAX / 4)).transpose()
        };
        Ok(Limits {
            steps,
            target,
            seconds: typed.seconds.as_ref().map(|s| s.value),
            queries: optional(&typed.queries, "queries")?,
            duels: optional(&typed.duels, "duels")?,
        })
    }

    fn record(&self) -> Result<Schedule, ConfigError> {
        let sources = &self.file.sources;
        let Some(choice) = &self.file.record else { return Ok(Schedule::Log) };
        match (choice.kind.value.as_str(), &choice.value) {
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
                Err(self.error(choice.kind.place, "`record` is `log`, `every: K` or `at: [steps]`"))
            }
            _ => Err(sources.unknown("schedule", &choice.kind, ["log", "every", "at"])),
        }
    }

    fn metric(&self, typed: &Typed<String>) -> Result<&'static Metric, ConfigError> {
        let known = METRICS.iter().map(|m| m.name);
        Metric::named(&typed.value).ok_or_else(|| self.file.sources.unknown("metric", typed, known))
    }

    fn metrics(&self) -> Result<Vec<&'static Metric>, ConfigError> {
        match &self.file.metrics {
            Some(typed) => {
                let mut metrics: Vec<&'static Metric> = Vec::new();
                for t in typed {
                    let metric = self.metric(t)?;
                    if metrics.iter().any(|m| m.name == metric.name) {
                        let message = format!("the metric `{}` is listed twice", metric.name);
                        return Err(self.error(t.place, message));
                    }
                    metrics.push(metric);
                }
                Ok(metrics)
            }
            None => Ok(DEFAULT_METRICS.iter().filter_map(|name| Metric::named(name)).collect()),
        }
    }

    fn oracles(&self) -> Result<Vec<Feedback>, ConfigError> {
        let Some(choices) = &self.file.oracle else { return Ok(vec![Feedback::Exact]) };
        let mut oracles = Vec::new();
        for choice in choices {
            let earlier = oracles.len();
            match choice.kind.value.as_str() {
                "exact" if choice.value.is_none() => oracles.push(Feedback::Exact),
                "exact" => {
                    return Err(self.error(choice.kind.place, "the oracle `exact` takes no parameters"));
                }
                "sampled" => {
                    let defaults = json!(equipoise::env::Sampled::default());
                    for point in grid::expand(&self.file.sources, choice, "the oracle `sampled`", &defaults)?
                    {
                        let sampled: equipoise::env::Sampled =
                            serde_path_to_error::deserialize(point.filled(&defaults)).map_err(|e| {
                                let place = point.value_place(&e.path().to_string());
                                self.error(place, format!("`{}`: {}", e.path(), e.inner()))
                            })?;
                        if sampled.duels_per_query == 0 {
                            let place = point.value_place("duels_per_query");
                            return Err(self.error(place, "`duels_per_query` is 0, must be at least 1"));
                        }
                        oracles.push(Feedback::Sampled(sampled));
                    }
                }
                _ => return Err(self.file.sources.unknown("oracle", &choice.kind, ["exact", "sampled"])),
            }
            for k in earlier..oracles.len() {
                if oracles[..k].contains(&oracles[k]) {
                    let message = format!("the oracle `{}` is listed twice", choice.kind.value);
                    return Err(self.error(choice.kind.place, message));
                }
            }
        }
        Ok(oracles)
    }

    /// A choice as JSON, with paths made absolute.
    fn choice_json(&self, choice: Option<&Choice>, default: &str) -> Result<Value, ConfigError> {
        let Some(choice) = choice else { return Ok(json!(default)) };
        let Some(node) = &choice.value else { return Ok(json!(choice.kind.value)) };
        if choice.kind.value == "path" {
            let path = self.file.sources.text_of(node, "path")?;
            return Ok(json!({ "path": absolute(&self.file.sources.locate(path.place, &path.value)) }));
        }
        Ok(json!({ choice.kind.value.as_str(): node.to_json(&self.file.sources)? }))
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

fn limits_json(limits: &Limits) -> Value {
    let mut map = Map::new();
    map.insert("steps".into(), json!(limits.steps));
    if !limits.target.is_empty() {
        map.insert("target".into(), json!(limits.target));
    }
    for (key, value) in [
        ("seconds", limits.seconds.map(|s| json!(s))),
        ("queries", limits.queries.map(|q| json!(q))),
        ("duels", limits.duels.map(|d| json!(d))),
    ] {
        if let Some(value) = value {
            map.insert(key.into(), value);
        }
    }
    Value::Object(map)
}
