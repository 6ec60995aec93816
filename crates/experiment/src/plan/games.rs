//! The games of a plan: generators, files, grids over both, and names that tell them apart.

use std::path::Path;
use std::sync::Arc;

use equipoise::core::Policy;
use equipoise::core::registry::nearest;
use equipoise::data::{
    Comparisons, Grouping, Selection, Ties, matrix_from_rows, read_comparisons, read_grouped, read_matrix,
};
use equipoise::env::Game;
use equipoise::env::generators::GENERATORS;
use serde_json::{Map, Value, json};

use super::{GamePlan, Resolver, absolute};
use crate::error::{ConfigError, Place};
use crate::file::Choice;
use crate::grid::{self, Point};
use crate::identity;

/// Most games that one `count` stands for.
const MAX_COUNT: u64 = 10_000;
/// Most bytes of margins that the games of an experiment hold together, 16 GiB: what one game may hold.
const MOST_BYTES: u64 = 1 << 34;
/// Most pairs that never met of one game that are listed one by one.
const MOST_UNMET: usize = 1_000_000;

impl Resolver<'_> {
    pub(super) fn games(&self, seed: u64) -> Result<Vec<GamePlan>, ConfigError> {
        let mut made = Vec::new();
        for choice in &self.file.games {
            made.extend(self.entry_games(choice, seed)?);
            let bytes: u64 = made.iter().map(|(game, ..)| game.game.bytes()).sum();
            if bytes > MOST_BYTES {
                let message =
                    format!("the games up to here hold {bytes} bytes; at most {MOST_BYTES} in all are made");
                return Err(self.error(choice.kind.place, message));
            }
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
            ("matrix", _) => json!({ "path": null, "values": [[0.0]], "labels": ["x"], "storage": "f64" }),
            ("comparisons", _) => json!({
                "path": null, "context": null, "annotator": null, "items": [""], "since": null, "ties": "half",
                "smoothing": 0.0, "each": null, "storage": "f64",
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
                        if game.bytes().saturating_mul(count) > MOST_BYTES {
                            let message = format!(
                                "`count` is {count} games of {} bytes each; at most {MOST_BYTES} bytes in all are made",
                                game.bytes()
                            );
                            return Err(self.error(point.value_place("count"), message));
                        }
                        // the first two tell, and a large game takes its time
                        let content = (count > 1 && k <= 2).then(|| identity::content(&game));
                        if k == 2 && content == first {
                            let message = format!("`count` is {count}, but `{kind}` draws nothing at random");
                            return Err(self.error(point.value_place("count"), message));
                        }
                        first = first.or(content);
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
        let storage = self.storage(point, &["f64", "f32", "pairs"])?;
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
            let (game, source) = match storage {
                "pairs" => {
                    (data.game_of_pairs(smoothing), format!("{source}; {} pairs never met", data.unmet()))
                }
                "f32" => (data.game(smoothing).in_f32(), format!("{source}, in f32")),
                _ => (data.game(smoothing), source),
            };
            let mut plan = game_plan(name, source, game, json!({ "comparisons": entry }));
            let label = |i: usize| data.labels[i].clone();
            if data.unmet() <= MOST_UNMET {
                plan.unmet_pairs =
                    data.unmet_pairs().into_iter().map(|(i, j)| (label(i), label(j))).collect();
            }
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
        let (game, source) = match self.storage(point, &["f64", "f32"])? {
            "f32" => (game.in_f32(), format!("{source}, in f32")),
            _ => (game, source),
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

    /// `storage` of a block, one of `known`.
    fn storage(&self, point: &Point, known: &[&'static str]) -> Result<&'static str, ConfigError> {
        let Some(given) = point.given.get("storage") else { return Ok("f64") };
        known.iter().find(|k| given == **k).copied().ok_or_else(|| {
            let message = format!("`storage` is {given}, must be one of {}", known.join(", "));
            self.error(point.value_place("storage"), message)
        })
    }

    /// `items` of a block of comparisons.
    fn items(&self, point: &Point) -> Result<Option<Vec<String>>, ConfigError> {
        let Some(list) = point.given.get("items") else { return Ok(None) };
        let names = serde_json::from_value(list.clone());
        names.map(Some).map_err(|_| self.error(point.value_place("items"), "`items` must be a list of text"))
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
