//! From a spec to games, one at a time: which games there are, what each is called, and the making of one of them with
//! its reference and start.
//!
//! A plan lists games and counts runs; it holds no game. [`Plan::make`] makes one when it is needed, and whoever asked
//! drops it. Only a file that holds a game for each context or annotator is read to list its games.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use equipoise::core::class_entry::Contexts;
use equipoise::core::{BuildError, Policy, PolicyClass, SolverEntry, sample};
use equipoise::data::{FileGame, FileGames, FileGroup, read_policy, read_weights};
use equipoise::env::Game;
use equipoise::eval::TestPrompts;
use equipoise_records::{RecordsError, ResultsDir};
use serde_json::{Map, Value, json};

use crate::error::ConfigError;
use crate::exact::ExactAnswers;
use crate::game::{GameIdentity, GamePlan};
use crate::grid::Point;
use crate::identity;
use crate::inputs::{self, Placed};
use crate::listing::Listing;
use crate::spec::{
    ClassSpec, GameKind, GameSpec, MAX_GAMES, PolicySpec, Spec, WeightsSpec, limits_json, option_error,
};
use crate::yaml;

/// Most games of a plan that are written down one by one.
const LISTED: usize = 10_000;

/// Most runs of one process: their ids and records must fit into memory for its summary and report.
const MAX_RUNS: u64 = 1_000_000;

/// A resolved experiment with its games listed.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What was asked for.
    pub spec: Spec,
    /// The games, in the order of the file.
    listing: Listing,
    /// Files that hold many games, by index into [`Spec::games`].
    files: BTreeMap<usize, ListedFile>,
    /// Where its input files lie beside the results, once they do.
    placed: OnceLock<Placed>,
}

/// A file of many games, with what it holds.
type ListedFile = (Arc<dyn FileGames>, Arc<[FileGroup]>);

/// Which run of a plan: indices into its games, and into taus, methods and oracles of the spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunKey {
    /// Game.
    pub game: usize,
    /// Regularisation.
    pub tau: usize,
    /// Method.
    pub method: usize,
    /// Feedback.
    pub oracle: usize,
    /// Repetition, from 0.
    pub repetition: u32,
}

/// One run of a game that has been made.
#[derive(Clone, Debug)]
pub struct RunPlan {
    /// Hash of all that decides the result.
    pub id: String,
    /// Which it is.
    pub key: RunKey,
    /// Legend.
    pub label: String,
}

/// A game with the class bound to it.
struct Bound {
    game: Game,
    reference: Policy,
    start: Policy,
    class: Option<Arc<dyn PolicyClass>>,
    test: Option<TestPrompts>,
}

/// The log-probabilities of a policy, bit by bit.
fn bits(policy: &Policy) -> Vec<String> {
    policy.log_probs().iter().map(|l| format!("{:x}", l.to_bits())).collect()
}

impl Plan {
    /// Lists the games of `spec`.
    ///
    /// # Errors
    /// Names that are not unique, or a file of many games that cannot be read: file, line, column, rule.
    pub fn new(spec: Spec) -> Result<Self, ConfigError> {
        let count: u64 = spec.games.iter().map(|g| g.draws).sum();
        if count > MAX_GAMES {
            let message = format!("the experiment has {count} games; at most {MAX_GAMES} are listed");
            return Err(spec.error(spec.whole, message).help("split it into several experiments"));
        }
        let listing = Listing::default();
        let mut plan = Self { spec, listing, files: BTreeMap::new(), placed: OnceLock::new() };
        for g in 0..plan.spec.games.len() {
            let spec = &plan.spec.games[g];
            let parts: Vec<(usize, String)> = match &spec.kind {
                GameKind::File { options, folder, .. } if spec.each().is_some() => {
                    let file = options
                        .open(folder)
                        .map_err(|e| option_error(&plan.spec.sources, &spec.point, &e))?;
                    let groups = file.groups();
                    let named =
                        |(k, group): (usize, &FileGroup)| (k, format!("{}({})", spec.name, group.name));
                    let parts = groups.iter().enumerate().map(named).collect();
                    plan.files.insert(g, (file.into(), groups.into()));
                    parts
                }
                _ if spec.draws == 1 => vec![(1, spec.name.clone())],
                _ if plan.listing.push_draws(g, &spec.name, spec.draws as usize) => continue,
                _ => (1..=spec.draws).map(|k| (k as usize, format!("{}-{k}", spec.name))).collect(),
            };
            for (part, name) in parts {
                let spec = &plan.spec.games[g];
                if !plan.listing.push(g, part, name.clone(), spec.named) {
                    let message = format!("two games are called `{name}`");
                    let error = plan.spec.error(spec.name_span(), message);
                    return Err(error.help("give each its own `name`"));
                }
            }
        }
        Ok(plan)
    }

    /// Number of games.
    #[must_use]
    pub fn games(&self) -> usize {
        self.listing.count()
    }

    /// Name of game `g`.
    #[must_use]
    pub fn game_name(&self, g: usize) -> Cow<'_, str> {
        self.listing.slot(g).name
    }

    /// Number of runs.
    #[must_use]
    pub fn runs(&self) -> u64 {
        self.units().saturating_mul(self.spec.runs_of_unit())
    }

    /// Refuses more runs than one process can do.
    ///
    /// # Errors
    /// Their number, and the way out.
    pub fn check_size(&self, runs: u64) -> Result<(), ConfigError> {
        if runs <= MAX_RUNS {
            return Ok(());
        }
        let spec = &self.spec;
        let message = format!("the experiment has {runs} runs; at most {MAX_RUNS} are done by one process");
        let shards = self.runs().div_ceil(MAX_RUNS / 2);
        Err(spec.error(spec.whole, message).help(format!(
            "share it among processes, `run --shard 1/{shards}` to `run --shard {shards}/{shards}`, then `merge`; or have \
             fewer `repetitions`"
        )))
    }

    /// Number of pairs of a game and a tau.
    #[must_use]
    pub fn units(&self) -> u64 {
        self.games() as u64 * self.spec.taus.len() as u64
    }

    /// Run `k` of one game with one tau, in the order of tables: by method, oracle, repetition.
    ///
    /// # Panics
    /// If there are not so many.
    #[must_use]
    pub fn key(&self, game: usize, tau: usize, k: u64) -> RunKey {
        assert!(k < self.spec.runs_of_unit(), "a run of the unit");
        let (repetitions, oracles) = (u64::from(self.spec.repetitions), self.spec.oracles.len() as u64);
        RunKey {
            game,
            tau,
            method: (k / (repetitions * oracles)) as usize,
            oracle: (k / repetitions % oracles) as usize,
            repetition: (k % repetitions) as u32,
        }
    }

    /// All runs of one game, in the order of tables: by tau, method, oracle, repetition.
    pub fn keys(&self, game: usize) -> impl Iterator<Item = RunKey> + use<'_> {
        let runs = self.spec.runs_of_unit();
        (0..self.spec.taus.len()).flat_map(move |tau| (0..runs).map(move |k| self.key(game, tau, k)))
    }

    /// What game `g` comes from.
    pub(crate) fn game_spec(&self, g: usize) -> &GameSpec {
        &self.spec.games[self.listing.spec(g)]
    }

    /// Whether two games are drawn by one entry, and so are of one size.
    pub(crate) fn are_alike(&self, a: usize, b: usize) -> bool {
        self.listing.spec(a) == self.listing.spec(b) && self.game_spec(a).each().is_none()
    }

    /// Whether game `g` is the first of those that are alike.
    pub(crate) fn is_first(&self, g: usize) -> bool {
        g == 0 || !self.are_alike(g - 1, g)
    }

    /// The entry of `games` that stands for game `g` alone.
    #[must_use]
    pub fn entry(&self, g: usize) -> Value {
        let slot = self.listing.slot(g);
        let group = self.files.get(&slot.spec).map(|(_, groups)| &groups[slot.part]);
        let mut entry = self.game_spec(g).entry(&slot.name, group.map(|g| (g.name.as_str(), &g.items[..])));
        if let Some(block) = entry.as_object_mut().and_then(|entry| entry.values_mut().next()) {
            self.place(block);
        }
        entry
    }

    /// Keys and values of the file that the plan is, in their order; `games` and `solvers` are null.
    pub(crate) fn document(&self) -> impl Iterator<Item = (&'static str, Value)> {
        self.spec.document().iter().map(|(key, value)| {
            let mut value = value.clone();
            if *key == "reference" {
                self.place(&mut value);
            }
            (*key, value)
        })
    }

    /// The path in a block, as it is written beside the results.
    fn place(&self, block: &mut Value) {
        if let Some(Value::String(path)) = block.get_mut("path")
            && let Some(placed) = self.placed.get().and_then(|placed| placed.get(path))
        {
            path.clone_from(placed);
        }
    }

    /// Finds names in a results folder for the files that the plan reads; from now on it names them so, relative to that folder.
    ///
    /// # Errors
    /// [`RecordsError::Io`].
    pub(crate) fn place_inputs(&self) -> Result<(), RecordsError> {
        let placed = inputs::place(&self.spec)?;
        let _ = self.placed.set(placed);
        Ok(())
    }

    /// Copies the files that the plan reads into `dir`, once they are placed.
    ///
    /// # Errors
    /// [`RecordsError::Io`].
    pub(crate) fn keep_inputs(&self, dir: &ResultsDir) -> Result<(), RecordsError> {
        self.placed.get().map_or(Ok(()), |placed| inputs::keep(placed, dir))
    }

    /// As [`Plan::place_inputs`], for a plan that was read from `dir`, whose copies are there.
    pub(crate) fn find_inputs(&self, dir: &ResultsDir) {
        let _ = self.placed.set(inputs::found(&self.spec, dir));
    }

    /// All files that the plan was read from and reads.
    #[must_use]
    pub fn input_files(&self) -> Vec<PathBuf> {
        let config = PathBuf::from(self.spec.sources.name(self.spec.whole.source));
        inputs::files(&self.spec).into_iter().chain([config]).collect()
    }

    /// Makes game `g` with its reference and start.
    ///
    /// # Errors
    /// Parameters that the generator refuses, a file that cannot be read, policies of another size: file, line, column,
    /// rule.
    pub fn make(&self, g: usize) -> Result<GamePlan, ConfigError> {
        let slot = self.listing.slot(g);
        let spec = self.game_spec(g);
        let made = match &spec.kind {
            GameKind::Generated(_) => {
                let game = self.generated(spec, &slot.name)?;
                let source = format!("generated: {}", spec.kind.name());
                // the first two tell whether anything is drawn, and a large game takes its time
                if slot.part == 2
                    && identity::content(&game)
                        == identity::content(&self.generated(spec, &self.game_name(g - 1))?)
                {
                    let message = format!(
                        "`count` is {}, but `{}` draws nothing at random",
                        spec.draws,
                        spec.kind.name()
                    );
                    return Err(self.spec.error(spec.point.value_span("count"), message));
                }
                FileGame { game, source, unmet_pairs: Vec::new(), counts: None }
            }
            GameKind::File { options, folder, .. } => match self.files.get(&slot.spec) {
                Some((file, _)) => file.game(slot.part),
                None => options
                    .open(folder)
                    .map_err(|e| option_error(&self.spec.sources, &spec.point, &e))?
                    .game(0),
            },
        };
        let FileGame { game, source, unmet_pairs, counts } = made;
        let source = match &spec.kind {
            GameKind::File { options, .. } => options
                .path()
                .map_or_else(|| source.clone(), |p| inputs::as_given(source.clone(), Path::new(p))),
            GameKind::Generated(_) => source,
        };
        let game = self.weighted(spec, game)?;
        let worth = self.spec.metrics.iter().find(|metric| metric.needs_utilities());
        if let Some(metric) = worth.filter(|_| game.utilities().is_none()) {
            let message =
                format!("the metric `{}` needs utilities, and game `{}` has none", metric.name, slot.name);
            let help = "take a game of judges with scores (mixture, ideal-points, attribute-voters, aggregated-rewards, bradley-terry, additive, \
                        contextual-features, drifting, or clones and transforms of them), or give `matrix` its `utilities: [..]`";
            return Err(self.spec.error(spec.point.entry, message).help(help));
        }
        let reference = self.policy(&self.spec.reference, "reference", &slot.name, &game, None)?;
        let start = self.policy(&self.spec.start, "start", &slot.name, &game, Some(&reference))?;
        let policies = [&reference, &start].map(|p| identity::id(&json!(bits(p))));
        let Bound { game, reference, start, class, test } = self.bound(&slot.name, game, reference, start)?;
        let strings = class.as_ref().is_some_and(|class| class.tokens(0).is_some());
        if let Some(metric) = self.spec.metrics.iter().find(|metric| metric.needs_tokens() && !strings) {
            let spec = self.spec.class.as_ref();
            let name = spec.map_or("table", |class| class.entry.name);
            let message = format!(
                "the metric `{}` needs responses that are strings of tokens, which those of the policy class `{name}` are not",
                metric.name
            );
            let span = spec.map_or(self.spec.whole, |class| class.point.entry);
            return Err(self.spec.error(span, message).help("take `policy: token-tree`"));
        }
        let test_id = test.as_ref().map_or_else(String::new, |test| {
            identity::id(&json!([identity::content(&test.game), bits(&test.reference)]))
        });
        let identity = GameIdentity { content: identity::content(&game), policies, test: test_id };
        // what comparisons leave open is of all contexts, those for testing among them
        let counts = counts.filter(|_| test.is_none());
        Ok(GamePlan {
            name: slot.name.to_string(),
            source,
            game: Arc::new(game),
            unmet_pairs,
            counts: counts.map(Arc::new),
            reference,
            start,
            class,
            test: test.map(Arc::new),
            identity,
        })
    }

    /// A game with the policy class of the experiment around its reference, and without the contexts that are kept for testing.
    fn bound(&self, name: &str, game: Game, reference: Policy, start: Policy) -> Result<Bound, ConfigError> {
        let Some(class) = &self.spec.class else {
            return Ok(Bound { game, reference, start, class: None, test: None });
        };
        let what = format!("policy `{}` on game `{name}`", class.entry.name);
        let refused = |e: &BuildError| self.build_error(&class.point, &what, e);
        let options = class.on(&game).map_err(|e| refused(&e))?;
        let bind = |options: &Value, reference: &Policy, name: &str| {
            let contexts = Contexts { reference: reference.clone(), name: name.into() };
            class.entry.bind(options, &contexts).map_err(|e| refused(&e))
        };
        let Some(kept) = &self.spec.test_contexts else {
            let bound = bind(&options, &reference, "train")?;
            return Ok(Bound { game, reference, start, class: Some(bound), test: None });
        };
        let given = options.pointer("/features/values").and_then(Value::as_array).map(Vec::len);
        if let Some(lists) = given.filter(|lists| *lists != game.shape().len()) {
            let rule = format!(
                "must hold a list for each of the {} actions of all contexts, those for testing among them",
                game.shape().len()
            );
            return Err(refused(&BuildError::range("features", format!("{lists} lists"), rule)));
        }
        let blame = |message: String| self.spec.error(kept.span, message);
        let all = game.contexts();
        let Some(first) =
            usize::try_from(kept.value).ok().and_then(|k| all.checked_sub(k)).filter(|k| *k > 0)
        else {
            let message = format!(
                "`test_contexts` is {}; game `{name}` has {all} contexts, of which one must be left",
                kept.value
            );
            return Err(blame(message));
        };
        let part = |contexts: Range<usize>| {
            let split = (|| {
                let game = game.part(contexts.clone()).map_err(|e| e.to_string())?;
                let rows =
                    reference.shape().offsets()[contexts.start]..reference.shape().offsets()[contexts.end];
                let logs = reference.log_probs_slice()[rows.clone()].to_vec();
                let reference = Policy::from_logits(game.shape(), logs.into()).map_err(|e| e.to_string())?;
                Ok((game, reference, ClassSpec::of_rows(&options, rows)))
            })();
            split.map_err(|e: String| blame(format!("game `{name}` cannot be split: {e}")))
        };
        let (train, test) = (part(0..first)?, part(first..all)?);
        let class = bind(&train.2, &train.1, "train")?;
        let there = bind(&test.2, &test.1, "test")?;
        if !class.carries_over() {
            let message =
                format!("{what} has parameters that belong to a context, so that they are nothing on others");
            return Err(blame(message).help("take `log-linear`, `mlp` or `token-tree: { order: K }`"));
        }
        let (here, other) = (class.initial().len(), there.initial().len());
        if here != other {
            let message = format!(
                "{what} has {here} parameters on the contexts to learn from and {other} on those for testing"
            );
            return Err(blame(message));
        }
        let test = TestPrompts { game: Arc::new(test.0), reference: test.1, class: there };
        Ok(Bound {
            game: train.0,
            start: train.1.clone(),
            reference: train.1,
            class: Some(class),
            test: Some(test),
        })
    }

    /// The game with the context weights of its entry.
    fn weighted(&self, spec: &GameSpec, game: Game) -> Result<Game, ConfigError> {
        let blame = |message: String| self.spec.error(spec.weights_span(), message);
        let weights = match &spec.weights {
            None => return Ok(game),
            Some(WeightsSpec::Values(values)) => values.clone(),
            Some(WeightsSpec::Path(path)) => read_weights(path).map_err(|e| blame(e.to_string()))?,
        };
        game.with_weights(weights).map_err(|e| blame(e.to_string()))
    }

    fn generated(&self, spec: &GameSpec, name: &str) -> Result<Game, ConfigError> {
        let GameKind::Generated(generator) = &spec.kind else {
            unreachable!("only generators draw");
        };
        generator
            .build(&Value::Object(spec.block()), &mut identity::game_rng(self.spec.seed, name))
            .map_err(|e| self.build_error(&spec.point, &format!("game `{}`", generator.name), &e))
    }

    /// A policy of `game`; `reference` is that of the start.
    fn policy(
        &self,
        policy: &PolicySpec,
        what: &str,
        name: &str,
        game: &Game,
        reference: Option<&Policy>,
    ) -> Result<Policy, ConfigError> {
        let shape = game.shape();
        match policy {
            PolicySpec::Uniform => Ok(Policy::uniform(shape)),
            PolicySpec::Reference => Ok(reference.cloned().unwrap_or_else(|| Policy::uniform(shape))),
            PolicySpec::Logits { values, span } => {
                if values.len() != shape.len() {
                    let message = format!(
                        "the {what} has {} logits; game `{name}` has {} actions",
                        values.len(),
                        shape.len()
                    );
                    return Err(self.spec.error(*span, message));
                }
                Policy::from_logits(shape, values.clone().into())
                    .map_err(|e| self.spec.error(*span, e.to_string()))
            }
            PolicySpec::Path { path, span } => {
                if shape.contexts() > 1 {
                    let contexts = shape.contexts();
                    let message = format!("a {what} file is for one context; `{name}` has {contexts}");
                    return Err(self.spec.error(*span, message));
                }
                let probs =
                    read_policy(path, &game.labels(0)).map_err(|e| self.spec.error(*span, e.to_string()))?;
                let policy = Policy::from_probs(shape, probs.into())
                    .map_err(|e| self.spec.error(*span, format!("{}: {e}", path.display())))?;
                match policy.log_probs().iter().position(|l| !l.is_finite()) {
                    None => Ok(policy),
                    Some(i) => Err(self.spec.error(
                        *span,
                        format!(
                            "{}: action `{}` has probability 0; a {what} needs more for every action",
                            path.display(),
                            game.labels(0)[i]
                        ),
                    )),
                }
            }
            PolicySpec::RandomNormal { scale, span } => {
                let mut rng = identity::reference_rng(self.spec.seed, name);
                let logits = (0..shape.len()).map(|_| scale * sample::normal(&mut rng)).collect();
                Policy::from_logits(shape, logits).map_err(|e| self.spec.error(*span, e.to_string()))
            }
        }
    }

    /// Builds every method on a game with every tau once, so that what would be refused later is refused now.
    ///
    /// # Errors
    /// A parameter out of range, or a rule that needs an equilibrium which cannot be found: file, line, column, rule.
    pub fn check_methods(&self, made: &GamePlan, answers: &ExactAnswers) -> Result<(), ConfigError> {
        let needs_solving = self.needs_solving();
        for &tau in &self.spec.taus {
            let mut problem = made.problem(tau);
            if needs_solving {
                answers.solve(made, &mut problem).map_err(|e| {
                    let message = format!("game `{}`, tau {tau}: {e}", made.name);
                    self.spec.error(self.spec.whole, message)
                })?;
            }
            problem.task.horizon = Some(self.spec.limits.steps);
            for method in &self.spec.methods {
                if let Err(error) = method.entry.build(&method.parameters, &problem.task) {
                    let what =
                        format!("solver `{}` on game `{}` with tau {tau}", method.entry.name, made.name);
                    return Err(self.build_error(&method.point, &what, &error));
                }
            }
        }
        Ok(())
    }

    /// Whether a step size is chosen by a rule that needs the equilibrium.
    pub(crate) fn needs_solving(&self) -> bool {
        let by_rule = |p: &Value| p.as_object().is_some_and(|o| o.values().any(|v| v == "stability"));
        self.spec.methods.iter().any(|m| by_rule(&m.parameters))
    }

    fn build_error(&self, point: &Point, what: &str, error: &BuildError) -> ConfigError {
        let span = match error {
            BuildError::UnknownKey { key, .. } => point.key_span(key),
            _ => point.value_span(error.key()),
        };
        self.spec.error(span, format!("{what}: {error}"))
    }

    /// The run `key` of a game identified by `game`.
    #[must_use]
    pub fn run(&self, game: &GameIdentity, key: RunKey) -> RunPlan {
        let spec = &self.spec;
        let (method, oracle) = (&spec.methods[key.method], &spec.oracles[key.oracle]);
        let mut content = json!({
            "semantics": identity::SEMANTICS, "seed": spec.seed, "game": self.game_name(key.game),
            "content": game.content, "policies": game.policies, "tau": spec.taus[key.tau],
            "solver": method.entry.name, "parameters": method.parameters, "oracle": oracle,
            "limits": limits_json(&spec.limits), "record": spec.record, "repetition": key.repetition,
            "metrics": spec.metrics.iter().map(|m| m.name).collect::<Vec<_>>(),
            "save_policies": spec.save_policies,
        });
        if spec.independent_noise {
            content["noise"] = json!("independent");
        }
        if let Some(class) = &spec.class {
            content["policy"] = class.document();
        }
        if !game.test.is_empty() {
            content["test"] = json!(game.test);
        }
        let id = identity::id(&content);
        RunPlan { id, key, label: self.label(key.method, key.oracle) }
    }

    /// Legend of the runs of a method with an oracle, by their indices.
    pub(crate) fn label(&self, method: usize, oracle: usize) -> String {
        let (method, oracles) = (&self.spec.methods[method], &self.spec.oracles);
        match oracles.len() {
            1 => method.label.clone(),
            _ => format!("{} [{}]", method.label, oracles[oracle]),
        }
    }

    /// Name of the solver and legend, of every method with every oracle.
    pub(crate) fn labels(&self) -> impl Iterator<Item = (&'static str, String)> {
        let pairs = (0..self.spec.methods.len())
            .flat_map(|method| (0..self.spec.oracles.len()).map(move |oracle| (method, oracle)));
        pairs.map(|(method, oracle)| (self.spec.methods[method].entry.name, self.label(method, oracle)))
    }

    /// The registry row of a run's method.
    #[must_use]
    pub fn method(&self, key: RunKey) -> &'static SolverEntry {
        self.spec.methods[key.method].entry
    }

    /// One run as an experiment of its own, as recorded with it.
    #[must_use]
    pub fn run_spec(&self, key: RunKey) -> Value {
        let method = &self.spec.methods[key.method];
        let mut spec: Map<String, Value> = self.document().map(|(k, v)| (k.to_owned(), v)).collect();
        spec.insert("games".into(), json!([self.entry(key.game)]));
        spec.insert("tau".into(), json!([self.spec.taus[key.tau]]));
        spec.insert("oracle".into(), json!(self.spec.oracles[key.oracle]));
        spec.insert("solvers".into(), json!([{ method.entry.name: method.parameters }]));
        spec.insert("repetitions".into(), json!(key.repetition + 1));
        Value::Object(spec)
    }

    /// The entries of `games` in the file that the plan is: one for each game, or, of more than [`LISTED`], one for all draws of an
    /// entry.
    fn entries(&self) -> impl Iterator<Item = Value> {
        let mut g = 0;
        std::iter::from_fn(move || {
            if g == self.games() {
                return None;
            }
            let drawn = self.listing.draws_from(g).filter(|_| self.games() > LISTED);
            let entry = match drawn {
                None => self.entry(g),
                Some((name, draws)) => {
                    let mut entry = self.game_spec(g).entry(name, None);
                    if let Some(block) = entry.as_object_mut().and_then(|entry| entry.values_mut().next()) {
                        block["count"] = json!(draws);
                        self.place(block);
                    }
                    entry
                }
            };
            g += drawn.map_or(1, |(_, draws)| draws);
            Some(entry)
        })
    }

    /// Writes the plan as an experiment file, one entry at a time: parsed and resolved again, it has the same runs with the
    /// same ids.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_yaml(&self, out: &mut dyn io::Write) -> io::Result<()> {
        for (key, value) in self.document() {
            match key {
                "games" => yaml::write_list(out, key, self.entries())?,
                "solvers" => {
                    let methods = self.spec.methods.iter();
                    yaml::write_list(out, key, methods.map(|m| json!({ m.entry.name: m.parameters })))?;
                }
                _ => yaml::write_entry(out, key, &value)?,
            }
        }
        Ok(())
    }

    /// As [`Plan::write_yaml`], in memory.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        let mut out = Vec::new();
        self.write_yaml(&mut out).expect("memory takes what is written");
        String::from_utf8(out).expect("YAML is text")
    }
}
