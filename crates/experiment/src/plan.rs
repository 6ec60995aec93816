//! What will run: every game made, every default filled, every grid expanded, every range checked.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use equipoise::Setting;
use equipoise::core::registry::nearest;
use equipoise::core::{BuildError, Policy, SolverEntry};
use equipoise::data::{
    Comparisons, Grouping, Selection, Ties, matrix_from_rows, read_comparisons, read_grouped, read_matrix,
    read_policy,
};
use equipoise::env::generators::GENERATORS;
use equipoise::env::{Feedback, Game};
use equipoise::eval::{Limits, METRICS, Metric, Schedule};
use equipoise::registry;
use serde_json::{Map, Value, json};

use crate::error::{ConfigError, Place, Typed};
use crate::file::{Choice, ExperimentFile};
use crate::grid::{self, Point};
use crate::identity;
use crate::yaml;

/// Steps where `limits.steps` is left out.
const DEFAULT_STEPS: u64 = 10_000;
/// Metrics where `metrics` is left out.
const DEFAULT_METRICS: [&str; 4] = ["duality_gap", "duality_gap_tau", "kl_to_equilibrium", "kl_to_reference"];
/// Most runs of one experiment.
const MAX_RUNS: usize = 1_000_000;
/// Most games that one `count` stands for.
const MAX_COUNT: u64 = 10_000;

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

    fn games(&self, seed: u64) -> Result<Vec<GamePlan>, ConfigError> {
        let mut made = Vec::new();
        for choice in &self.file.games {
            made.extend(self.entry_games(choice, seed)?);
        }
        let mut games: Vec<GamePlan> = Vec::new();
        for (mut game, place, named) in made {
            if games.iter().any(|g| g.name == game.name) {
                if named {
                    let message = format!("two games are called `{}`", game.name);
                    return Err(self.error(place, message).help("give each its own `name`"));
                }
                let base = game.name.clone();
                let free = (2..).map(|k| format!("{base}-{k}")).find(|n| games.iter().all(|g| g.name != *n));
                game.name = free.unwrap_or(base);
            }
            game.reference = self.reference(&game, seed)?;
            game.start = self.start(&game)?;
            games.push(game);
        }
        Ok(games)
    }

    /// The games of one entry, each with the place to blame and whether its name was typed.
    fn entry_games(&self, choice: &Choice, seed: u64) -> Result<Vec<(GamePlan, Place, bool)>, ConfigError> {
        let kind = choice.kind.value.as_str();
        let sources = &self.file.sources;
        let generator = GENERATORS.iter().find(|g| g.name == kind);
        let mut defaults = match (kind, generator) {
            ("matrix", _) => json!({ "path": null, "values": [[0.0]], "labels": ["x"] }),
            ("comparisons", _) => json!({
                "path": null, "context": null, "annotator": null, "items": [""], "since": null, "ties": "half",
                "smoothing": 0.0, "each": null,
            }),
            (_, Some(generator)) => (generator.defaults)(),
            _ => {
                let known = ["matrix", "comparisons"].into_iter().chain(GENERATORS.iter().map(|g| g.name));
                return Err(sources.unknown("game", &choice.kind, known));
            }
        };
        defaults["name"] = Value::Null;
        if generator.is_some() {
            defaults["count"] = json!(1);
        }
        let points = grid::expand(sources, choice, &format!("game `{kind}`"), &defaults)?;
        let blocks: Vec<&Map<String, Value>> = points.iter().map(|p| &p.given).collect();
        let suffixes = grid::distinguish(&blocks);
        let mut games = Vec::new();
        for (point, suffix) in points.iter().zip(suffixes) {
            let typed = match point.given.get("name") {
                None | Some(Value::Null) => None,
                Some(Value::String(name)) if !name.trim().is_empty() => Some(name.clone()),
                Some(v) => {
                    let message = format!("`name` is {v}, must be a line of text that is not blank");
                    return Err(self.error(point.value_place("name"), message));
                }
            };
            let named = typed.is_some();
            let name = typed.unwrap_or_else(|| match suffix.is_empty() {
                true => default_name(kind, point),
                false => format!("{}({})", default_name(kind, point), suffix.join(",")),
            });
            let place = if named { point.value_place("name") } else { point.entry };
            match generator {
                None if kind == "comparisons" => {
                    let made = self.comparison_games(point, name)?;
                    games.extend(made.into_iter().map(|game| (game, place, named)));
                }
                None => games.push((self.matrix_game(point, name)?, place, named)),
                Some(generator) => {
                    let count = match point.given.get("count") {
                        None => 1,
                        Some(v) => v.as_u64().filter(|c| (1..=MAX_COUNT).contains(c)).ok_or_else(|| {
                            let message =
                                format!("`count` is {v}, must be a whole number from 1 to {MAX_COUNT}");
                            self.error(point.value_place("count"), message)
                        })?,
                    };
                    let mut block = point.given.clone();
                    block.remove("name");
                    block.remove("count");
                    let mut first = None;
                    for k in 1..=count {
                        let name = if count == 1 { name.clone() } else { format!("{name}-{k}") };
                        let parameters = Value::Object(block.clone());
                        let game = generator
                            .build(&parameters, &mut identity::game_rng(seed, &name))
                            .map_err(|e| self.build_error(point, &format!("game `{kind}`"), &e))?;
                        let content = identity::content(&game);
                        if first.get_or_insert_with(|| content.clone()) == &content && k > 1 {
                            let message = format!("`count` is {count}, but `{kind}` draws nothing at random");
                            return Err(self.error(point.value_place("count"), message));
                        }
                        let mut entry = block.clone();
                        entry.insert("name".into(), json!(name));
                        let source = format!("generated: {kind}");
                        games.push((game_plan(name, source, game, json!({ kind: entry })), place, named));
                    }
                }
            }
        }
        Ok(games)
    }

    /// A parameter that is text.
    fn text(&self, point: &Point, key: &str) -> Result<Option<String>, ConfigError> {
        match point.given.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(s)) => Ok(Some(s.clone())),
            Some(v) => Err(self.error(point.value_place(key), format!("`{key}` is `{v}`, must be text"))),
        }
    }

    /// A parameter that is one of some words, by default the first.
    fn word<T: Copy>(&self, point: &Point, key: &str, words: &[(&str, T)]) -> Result<T, ConfigError> {
        let Some(typed) = self.text(point, key)? else { return Ok(words[0].1) };
        let known = || words.iter().map(|(word, _)| *word).filter(|word| !word.is_empty());
        words.iter().find(|(word, _)| !word.is_empty() && *word == typed).map(|(_, value)| *value).ok_or_else(
            || {
                let hint =
                    nearest(&typed, known()).map_or(String::new(), |n| format!("; did you mean `{n}`?"));
                let list = known().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ");
                self.error(point.value_place(key), format!("`{key}` is `{typed}`, must be {list}{hint}"))
            },
        )
    }

    /// The games of a file of comparisons: one, or one for each context or annotator.
    fn comparison_games(&self, point: &Point, name: String) -> Result<Vec<GamePlan>, ConfigError> {
        let path = self.text(point, "path")?.map(|p| self.file.sources.locate(point.value_place("path"), &p));
        let at_path = |e: equipoise::data::DataError| self.error(point.value_place("path"), e.to_string());
        let Some(path) = path else {
            return Err(self.error(point.entry, "`comparisons` needs a `path`"));
        };
        let ties = self.word(point, "ties", &[("half", Ties::Half), ("drop", Ties::Drop)])?;
        let each = [
            ("", None),
            ("context", Some((Grouping::Context, "context"))),
            ("annotator", Some((Grouping::Annotator, "annotator"))),
        ];
        let each = self.word(point, "each", &each)?;
        let selection = Selection {
            context: self.text(point, "context")?,
            annotator: self.text(point, "annotator")?,
            items: self.items(point)?,
            since: self.text(point, "since")?,
            ties,
        };
        let smoothing = match point.given.get("smoothing") {
            None => 0.0,
            Some(v) => v.as_f64().filter(|s| *s >= 0.0 && s.is_finite()).ok_or_else(|| {
                let message = format!("`smoothing` is {v}, must be a finite number of at least 0");
                self.error(point.value_place("smoothing"), message)
            })?,
        };
        let made = |name: String, data: &Comparisons, group: Option<(&str, &str)>| {
            let rule = if ties == Ties::Half { "counted half to each side" } else { "dropped" };
            let smoothed = match smoothing {
                0.0 => String::new(),
                s => format!(", {s} wins added to each side of every pair"),
            };
            let part = group.map_or(String::new(), |(column, group)| format!(" of {column} `{group}`"));
            let source = format!(
                "{} comparisons{part}, {} ties {rule}{smoothed}, from {}",
                data.total,
                data.total_ties,
                path.file_name().map_or_else(String::new, |f| f.to_string_lossy().into_owned())
            );
            let mut entry = point.given.clone();
            entry.insert("path".into(), json!(absolute(&path)));
            entry.insert("name".into(), json!(name));
            // a group is made again by selecting it
            entry.remove("each");
            if let Some((column, group)) = group {
                entry.insert(column.into(), json!(group));
                entry.insert("items".into(), json!(data.labels));
            }
            let mut plan = game_plan(name, source, data.game(smoothing), json!({ "comparisons": entry }));
            let label = |i: usize| data.labels[i].clone();
            plan.unmet_pairs = data.unmet_pairs().into_iter().map(|(i, j)| (label(i), label(j))).collect();
            plan
        };
        let Some((by, column)) = each else {
            let data = read_comparisons(&path, &selection).map_err(at_path)?;
            return Ok(vec![made(name, &data, None)]);
        };
        let grouped = read_grouped(&path, &selection, by).map_err(at_path)?;
        let mut games = Vec::new();
        for (k, group) in grouped.names.iter().enumerate() {
            let data = grouped.alone(k);
            if group.is_empty() {
                let message = format!("`each` is `{column}`, but {} comparisons have none", data.total);
                return Err(self.error(point.value_place("each"), message));
            }
            if !data.pairs.is_empty() {
                games.push(made(format!("{name}({group})"), &data, Some((column, group))));
            }
        }
        Ok(games)
    }

    fn matrix_game(&self, point: &Point, name: String) -> Result<GamePlan, ConfigError> {
        let path = self.text(point, "path")?.map(|p| self.file.sources.locate(point.value_place("path"), &p));
        let at_path = |e: equipoise::data::DataError| self.error(point.value_place("path"), e.to_string());
        let (game, source) = match (&path, point.given.get("values")) {
            (Some(path), None) => {
                let file = path.file_name().map_or_else(String::new, |f| f.to_string_lossy().into_owned());
                (read_matrix(path).map_err(at_path)?, format!("matrix from {file}"))
            }
            (None, Some(values)) => {
                let rows: Vec<Vec<f64>> = serde_path_to_error::deserialize(values.clone()).map_err(|e| {
                    let at = e.path().to_string();
                    let message = format!(
                        "`values{}` must be a number in a list of rows: {}",
                        at.trim_start_matches('.'),
                        e.inner()
                    );
                    self.error(point.value_place("values"), message)
                })?;
                let matrix =
                    matrix_from_rows(&rows).map_err(|e| self.error(point.value_place("values"), e))?;
                (Game::single(matrix), "matrix in the experiment file".to_owned())
            }
            _ => {
                let message = "`matrix` needs exactly one of `path` and `values`";
                return Err(self.error(point.entry, message));
            }
        };
        let game = match point.given.get("labels") {
            None => game,
            Some(labels) => {
                let list: Vec<String> = serde_json::from_value(labels.clone()).map_err(|_| {
                    self.error(point.value_place("labels"), "`labels` must be a list of text")
                })?;
                game.with_labels(vec![list])
                    .map_err(|e| self.error(point.value_place("labels"), e.to_string()))?
            }
        };
        let mut entry = point.given.clone();
        entry.insert("name".into(), json!(name));
        if let Some(path) = &path {
            entry.insert("path".into(), json!(absolute(path)));
        }
        Ok(game_plan(name, source, game, json!({ "matrix": entry })))
    }

    /// `items` of a block of comparisons.
    fn items(&self, point: &Point) -> Result<Option<Vec<String>>, ConfigError> {
        let Some(list) = point.given.get("items") else { return Ok(None) };
        let names = serde_json::from_value(list.clone());
        names.map(Some).map_err(|_| self.error(point.value_place("items"), "`items` must be a list of text"))
    }

    fn reference(&self, game: &GamePlan, seed: u64) -> Result<Policy, ConfigError> {
        let sources = &self.file.sources;
        let shape = game.game.shape();
        let Some(choice) = &self.file.reference else { return Ok(Policy::uniform(shape)) };
        match (choice.kind.value.as_str(), &choice.value) {
            ("uniform", None) => Ok(Policy::uniform(shape)),
            ("logits", Some(_)) => self.logits(choice, game, "reference"),
            ("path", Some(node)) => {
                let typed = sources.text_of(node, "path")?;
                if shape.contexts() > 1 {
                    let message = format!(
                        "a reference file is for one context; `{}` has {}",
                        game.name,
                        shape.contexts()
                    );
                    return Err(self.error(typed.place, message));
                }
                let path = sources.locate(typed.place, &typed.value);
                let probs = read_policy(&path, &game.game.labels(0))
                    .map_err(|e| self.error(typed.place, e.to_string()))?;
                let policy = Policy::from_probs(shape, probs.into())
                    .map_err(|e| self.error(typed.place, format!("{}: {e}", path.display())))?;
                if let Some(i) = policy.log_probs().iter().position(|l| !l.is_finite()) {
                    let message = format!(
                        "{}: action `{}` has probability 0; a reference needs more for every action",
                        path.display(),
                        game.game.labels(0)[i]
                    );
                    return Err(self.error(typed.place, message));
                }
                Ok(policy)
            }
            ("random-normal", value) => {
                let scale = match value {
                    None => 1.0,
                    Some(node) => {
                        sources.block(node, "`random-normal`", &["scale"])?;
                        let typed = node.get("scale").map(|n| sources.number(n, "scale")).transpose()?;
                        match typed {
                            Some(t) if !(0.0..=1e3).contains(&t.value) => {
                                return Err(self.error(
                                    t.place,
                                    format!("`scale` is {}, must lie in [0, 1000]", t.value),
                                ));
                            }
                            Some(t) => t.value,
                            None => 1.0,
                        }
                    }
                };
                let mut rng = identity::reference_rng(seed, &game.name);
                let logits =
                    (0..shape.len()).map(|_| scale * equipoise::core::sample::normal(&mut rng)).collect();
                Policy::from_logits(shape, logits).map_err(|e| self.error(choice.kind.place, e.to_string()))
            }
            ("uniform" | "logits" | "path", _) => Err(self.error(
                choice.kind.place,
                "`reference` is `uniform`, `logits: [..]`, `path: file` or `random-normal: {scale: 1.0}`",
            )),
            _ => Err(sources.unknown(
                "reference",
                &choice.kind,
                ["uniform", "logits", "path", "random-normal"],
            )),
        }
    }

    fn start(&self, game: &GamePlan) -> Result<Policy, ConfigError> {
        let Some(choice) = &self.file.start else { return Ok(game.reference.clone()) };
        match (choice.kind.value.as_str(), &choice.value) {
            ("reference", None) => Ok(game.reference.clone()),
            ("uniform", None) => Ok(Policy::uniform(game.game.shape())),
            ("logits", Some(_)) => self.logits(choice, game, "start"),
            ("reference" | "uniform" | "logits", _) => {
                Err(self.error(choice.kind.place, "`start` is `reference`, `uniform` or `logits: [..]`"))
            }
            _ => Err(self.file.sources.unknown("start", &choice.kind, ["reference", "uniform", "logits"])),
        }
    }

    fn logits(&self, choice: &Choice, game: &GamePlan, what: &str) -> Result<Policy, ConfigError> {
        let node = choice.value.as_ref().expect("checked by the caller");
        let typed = self.file.sources.many(node, "logits", |s, n, k| s.number(n, k))?;
        let expected = game.game.shape().len();
        if typed.len() != expected {
            let message =
                format!("the {what} has {} logits; game `{}` has {expected} actions", typed.len(), game.name);
            return Err(self.error(node.place, message));
        }
        Policy::from_logits(game.game.shape(), typed.iter().map(|t| t.value).collect())
            .map_err(|e| self.error(node.place, e.to_string()))
    }

    /// Methods with their parameters filled in, and where they were typed.
    fn solvers(&self) -> Result<Vec<(&'static SolverEntry, Value, Point)>, ConfigError> {
        let mut solvers = Vec::new();
        for choice in &self.file.solvers {
            let kind = &choice.kind;
            let known = registry::solvers().map(|e| e.name);
            let Some(entry) = registry::solver(&kind.value) else {
                return Err(self.file.sources.unknown("solver", kind, known.collect::<Vec<_>>()));
            };
            let defaults = (entry.defaults)();
            let points =
                grid::expand(&self.file.sources, choice, &format!("solver `{}`", kind.value), &defaults)?;
            solvers.extend(points.into_iter().map(|p| (entry, p.filled(&defaults), p)));
        }
        Ok(solvers)
    }

    /// Builds every method on every game and tau once, so that what would be refused later is refused now.
    fn check_solvers(
        &self,
        plan: &Plan,
        solvers: &[(&'static SolverEntry, Value, Point)],
    ) -> Result<(), ConfigError> {
        for game in &plan.games {
            for &tau in &plan.taus {
                let mut setting =
                    Setting::new(game.game.clone(), game.reference.clone(), game.start.clone(), tau);
                let asks = |p: &Value| p.as_object().is_some_and(|o| o.values().any(|v| v == "stability"));
                if solvers.iter().any(|(_, p, _)| asks(p)) {
                    setting = setting.solve().map_err(|e| {
                        self.error(self.file.place, format!("game `{}`, tau {tau}: {e}", game.name))
                    })?;
                }
                setting.task.horizon = Some(plan.limits.steps);
                for (entry, parameters, point) in solvers {
                    if let Err(error) = entry.build(parameters, &setting.task) {
                        let what = format!("solver `{}` on game `{}` with tau {tau}", entry.name, game.name);
                        return Err(self.build_error(point, &what, &error));
                    }
                }
            }
        }
        Ok(())
    }

    fn build_error(&self, point: &Point, what: &str, error: &BuildError) -> ConfigError {
        let place = match error {
            BuildError::UnknownKey { key, .. } => point.key_place(key),
            _ => point.value_place(error.key()),
        };
        self.error(place, format!("{what}: {error}"))
    }

    fn runs(
        &self,
        plan: &Plan,
        solvers: &[(&'static SolverEntry, Value, Point)],
        oracles: &[Feedback],
        repetitions: u32,
    ) -> Result<Vec<RunPlan>, ConfigError> {
        let labels = labels(solvers);
        let count = plan.games.len() * plan.taus.len() * solvers.len() * oracles.len() * repetitions as usize;
        if count > MAX_RUNS {
            let message = format!("the experiment has {count} runs; at most {MAX_RUNS} are planned");
            return Err(self.error(self.file.place, message));
        }
        let mut runs = Vec::with_capacity(count);
        let mut seen = BTreeMap::new();
        for (g, game) in plan.games.iter().enumerate() {
            let content = identity::content(&game.game);
            let policies = [&game.reference, &game.start].map(|p| {
                let bits: Vec<String> = p.log_probs().iter().map(|l| format!("{:x}", l.to_bits())).collect();
                identity::id(&json!(bits))
            });
            for &tau in &plan.taus {
                for ((entry, parameters, point), label) in solvers.iter().zip(&labels) {
                    for oracle in oracles {
                        let label = if oracles.len() == 1 {
                            label.clone()
                        } else {
                            format!("{label} [{}]", word(oracle))
                        };
                        for repetition in 0..repetitions {
                            let id = identity::id(&json!({
                                "semantics": identity::SEMANTICS, "seed": plan.seed, "game": game.name,
                                "content": content, "policies": policies, "tau": tau, "solver": entry.name,
                                "parameters": parameters, "oracle": oracle, "limits": limits_json(&plan.limits),
                                "record": plan.record, "repetition": repetition,
                                "metrics": plan.metrics.iter().map(|m| m.name).collect::<Vec<_>>(),
                                "save_policies": plan.save_policies,
                            }));
                            if seen.insert(id.clone(), ()).is_some() {
                                let message = format!(
                                    "the solver `{}` with these parameters is listed twice",
                                    entry.name
                                );
                                return Err(self.error(point.entry, message));
                            }
                            runs.push(RunPlan {
                                id,
                                game: g,
                                tau,
                                solver: entry.name,
                                parameters: parameters.clone(),
                                label: label.clone(),
                                oracle: oracle.clone(),
                                repetition,
                            });
                        }
                    }
                }
            }
        }
        Ok(runs)
    }
}

/// Legends: the method, with the parameters in which it differs from others of its name.
fn labels(solvers: &[(&'static SolverEntry, Value, Point)]) -> Vec<String> {
    solvers
        .iter()
        .map(|(entry, parameters, _)| {
            let same: Vec<&Map<String, Value>> = solvers
                .iter()
                .filter(|(e, ..)| e.name == entry.name)
                .filter_map(|(_, p, _)| p.as_object())
                .collect();
            let at = solvers
                .iter()
                .filter(|(e, ..)| e.name == entry.name)
                .position(|(_, p, _)| p == parameters)
                .unwrap_or(0);
            match grid::distinguish(&same).get(at) {
                Some(suffix) if !suffix.is_empty() => format!("{} ({})", entry.name, suffix.join(", ")),
                _ => entry.name.to_owned(),
            }
        })
        .collect()
}

fn word(oracle: &Feedback) -> String {
    match oracle {
        Feedback::Exact => "exact".into(),
        Feedback::Sampled(s) => format!("{} duels", s.duels_per_query),
    }
}

fn game_plan(name: String, source: String, game: Game, entry: Value) -> GamePlan {
    let uniform = Policy::uniform(game.shape());
    GamePlan {
        name,
        source,
        game: Arc::new(game),
        unmet_pairs: Vec::new(),
        reference: uniform.clone(),
        start: uniform,
        entry,
    }
}

/// A data game is called after its file, any other after its kind.
fn default_name(kind: &str, point: &Point) -> String {
    let stem = point.given.get("path").and_then(Value::as_str).and_then(|p| Path::new(p).file_stem());
    stem.map_or_else(|| kind.to_owned(), |s| s.to_string_lossy().into_owned())
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
