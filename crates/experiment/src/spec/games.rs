//! The entries of `games`: generators and files, with grids over both.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use equipoise::data::{GAME_FILES, GameFile, OptionError};
use equipoise::env::generators::{GENERATORS, GeneratorEntry};
use serde_json::{Map, Value, json};

use super::{Resolver, absolute};
use crate::error::{ConfigError, Span};
use crate::file::TaggedBlock;
use crate::grid::{self, Point};

/// Most games that one `count` stands for, and most of one experiment.
pub(crate) const MAX_GAMES: u64 = 10_000_000;

/// The key that weighs the contexts of a game, of any kind.
const WEIGHTS: &str = "context_weights";

/// One point of the grid of one entry of `games`.
#[derive(Clone, Debug)]
pub(crate) struct GameSpec {
    /// What makes it.
    pub(crate) kind: GameKind,
    /// What was typed.
    pub(crate) point: Point,
    /// Its name; that of several draws or groups goes on with a number or the group.
    pub(crate) name: String,
    /// Whether the name was typed.
    pub(crate) named: bool,
    /// Games that are drawn from it.
    pub(crate) draws: u64,
    /// Weights of its contexts; `None`: those it comes with.
    pub(crate) weights: Option<WeightsSpec>,
}

/// Context weights, as typed.
#[derive(Clone, Debug)]
pub(crate) enum WeightsSpec {
    /// One for each context.
    Values(Vec<f64>),
    /// A file of them.
    Path(PathBuf),
}

/// What makes a game.
#[derive(Clone)]
pub(crate) enum GameKind {
    /// A generator.
    Generated(&'static GeneratorEntry),
    /// A file, or a matrix in the experiment file.
    File {
        /// Registry name.
        name: &'static str,
        /// Its options.
        options: Arc<dyn GameFile>,
        /// Where its relative path starts.
        folder: PathBuf,
    },
}

impl fmt::Debug for GameKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl GameKind {
    /// Registry name.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Generated(entry) => entry.name,
            Self::File { name, .. } => name,
        }
    }
}

impl GameSpec {
    /// Where to blame the name.
    pub(crate) fn name_span(&self) -> Span {
        if self.named { self.point.value_span("name") } else { self.point.entry }
    }

    /// Where to blame the context weights.
    pub(crate) fn weights_span(&self) -> Span {
        self.point.value_span(WEIGHTS)
    }

    /// The column whose values are games of their own.
    pub(crate) fn each(&self) -> Option<&'static str> {
        match &self.kind {
            GameKind::Generated(_) => None,
            GameKind::File { options, .. } => options.each(),
        }
    }

    /// The parameters of the generator, or the options of the file.
    pub(crate) fn block(&self) -> Map<String, Value> {
        let mut block = self.point.given.clone();
        block.remove("name");
        block.remove("count");
        block.remove(WEIGHTS);
        block
    }

    /// The entry, as part of a plan, that stands for the game called `name` alone: of a file that holds many, that of
    /// the value `group.0` of the column, with the items `group.1`.
    pub(crate) fn entry(&self, name: &str, group: Option<(&str, &[String])>) -> Value {
        let mut block = self.block();
        block.insert("name".into(), json!(name));
        match &self.weights {
            Some(WeightsSpec::Values(values)) => block.insert(WEIGHTS.into(), json!(values)),
            Some(WeightsSpec::Path(path)) => block.insert(WEIGHTS.into(), json!(absolute(path))),
            None => None,
        };
        if let GameKind::File { options, folder, .. } = &self.kind {
            if let Some(path) = options.path() {
                block.insert("path".into(), json!(absolute(&folder.join(path))));
            }
            if let (Some(column), Some((group, items))) = (options.each(), group) {
                block.remove("each");
                block.insert(column.into(), json!(group));
                block.insert("items".into(), json!(items));
            }
        }
        json!({ self.kind.name(): block })
    }

    /// Whether its margins stay in a file.
    pub(crate) fn is_streamed(&self) -> bool {
        match &self.kind {
            GameKind::Generated(_) => false,
            GameKind::File { options, .. } => options.path().is_some_and(|p| p.ends_with(".panels")),
        }
    }

    /// Contexts and actions of each game, as far as parameters or a header tell. What is not told counts as small.
    pub(crate) fn extent(&self) -> (usize, usize) {
        match &self.kind {
            GameKind::Generated(entry) => declared(&self.point.filled(&(entry.defaults)())),
            GameKind::File { options, folder, .. } => match options.extent(folder) {
                Some(extent) => (extent.contexts, extent.actions.unwrap_or(1)),
                None => (1, 1),
            },
        }
    }
}

/// Largest `contexts` and `actions` anywhere in a block; where no `actions` are stated, its longest list.
fn declared(block: &Value) -> (usize, usize) {
    fn walk(value: &Value, contexts: &mut usize, actions: &mut usize, longest: &mut usize) {
        match value {
            Value::Array(items) => {
                *longest = (*longest).max(items.len());
                items.iter().for_each(|v| walk(v, contexts, actions, longest));
            }
            Value::Object(map) => {
                for (key, value) in map {
                    let number = value.as_u64().map_or(0, |n| n as usize);
                    match key.as_str() {
                        "contexts" => *contexts = (*contexts).max(number),
                        "actions" => *actions = (*actions).max(number),
                        _ => {}
                    }
                    walk(value, contexts, actions, longest);
                }
            }
            _ => {}
        }
    }
    let (mut contexts, mut actions, mut longest) = (1, 0, 2);
    walk(block, &mut contexts, &mut actions, &mut longest);
    (contexts, if actions == 0 { longest } else { actions })
}

impl Resolver<'_> {
    pub(super) fn games(&self) -> Result<Vec<GameSpec>, ConfigError> {
        let mut games = Vec::new();
        for block in &self.file.games {
            self.entry(block, &mut games)?;
        }
        Ok(games)
    }

    /// The points of one entry.
    fn entry(&self, block: &TaggedBlock, games: &mut Vec<GameSpec>) -> Result<(), ConfigError> {
        let kind = block.kind.value.as_str();
        let sources = &self.file.sources;
        let generator = GENERATORS.iter().find(|g| g.name == kind);
        let file = GAME_FILES.iter().find(|f| f.name == kind);
        let mut defaults = match (generator, file) {
            (Some(generator), _) => (generator.defaults)(),
            (None, Some(file)) => (file.defaults)(),
            (None, None) => {
                let files = GAME_FILES.iter().map(|f| f.name);
                let known = files.chain(GENERATORS.iter().map(|g| g.name));
                return Err(sources.unknown("game", &block.kind, known));
            }
        };
        defaults["name"] = Value::Null;
        defaults[WEIGHTS] = Value::Null;
        if generator.is_some() {
            defaults["count"] = json!(1);
        }
        let what = format!("game `{kind}`");
        let levels = |key: &str| match file {
            _ if key == WEIGHTS => 1,
            Some(file) => file.list_levels(key),
            None => generator.map_or(0, |g| grid::list_levels(key, &defaults, &(g.schema)().to_value())),
        };
        let points = grid::expand_by(sources, block, &what, &defaults, &levels)?;
        let blocks: Vec<&Map<String, Value>> = points.iter().map(|p| &p.given).collect();
        let suffixes = grid::distinguish(&blocks);
        for (point, suffix) in points.into_iter().zip(suffixes) {
            let typed = match point.given.get("name") {
                None | Some(Value::Null) => None,
                Some(Value::String(name)) if !name.trim().is_empty() => Some(name.clone()),
                Some(v) => {
                    let message = format!("`name` is {v}, must be a line of text that is not blank");
                    return Err(self.error(point.value_span("name"), message));
                }
            };
            let named = typed.is_some();
            let name = typed.unwrap_or_else(|| match suffix.is_empty() {
                true => default_name(kind, &point),
                false => format!("{}({})", default_name(kind, &point), suffix.join(",")),
            });
            let draws = match point.given.get("count") {
                None => 1,
                Some(v) => v.as_u64().filter(|c| (1..=MAX_GAMES).contains(c)).ok_or_else(|| {
                    let message = format!("`count` is {v}, must be a whole number from 1 to {MAX_GAMES}");
                    self.error(point.value_span("count"), message)
                })?,
            };
            let weights = self.weights(&point)?;
            let mut game = match (generator, file) {
                (Some(generator), _) => {
                    GameSpec { kind: GameKind::Generated(generator), point, name, named, draws, weights }
                }
                (None, file) => {
                    let file = file.expect("one of the two was found");
                    let mut options = point.given.clone();
                    options.remove("name");
                    options.remove(WEIGHTS);
                    let options = file
                        .options(&Value::Object(options))
                        .map_err(|e| option_error(sources, &point, &e))?;
                    let folder = sources.folder(point.value_span("path"));
                    let kind = GameKind::File { name: file.name, options: options.into(), folder };
                    GameSpec { kind, point, name, named, draws, weights }
                }
            };
            self.check_file(&mut game)?;
            games.push(game);
        }
        Ok(())
    }

    /// The context weights of an entry.
    fn weights(&self, point: &Point) -> Result<Option<WeightsSpec>, ConfigError> {
        let span = point.value_span(WEIGHTS);
        let refuse = |value: &Value| {
            let rule = "must be a list of numbers, one for each context, or the path of a file of them";
            self.error(span, format!("`{WEIGHTS}` is {value}, {rule}"))
        };
        match point.given.get(WEIGHTS) {
            None | Some(Value::Null) => Ok(None),
            Some(value @ Value::Array(list)) => {
                let values: Option<Vec<f64>> = list.iter().map(Value::as_f64).collect();
                Ok(Some(WeightsSpec::Values(values.ok_or_else(|| refuse(value))?)))
            }
            Some(Value::String(typed)) => {
                let path = self.file.sources.locate(span, typed);
                std::fs::metadata(&path)
                    .map_err(|e| self.error(span, format!("{}: cannot be read: {e}", path.display())))?;
                Ok(Some(WeightsSpec::Path(path)))
            }
            Some(value) => Err(refuse(value)),
        }
    }

    /// A file must be there, and a matrix in the experiment file must be one.
    fn check_file(&self, game: &mut GameSpec) -> Result<(), ConfigError> {
        let GameKind::File { options, folder, .. } = &game.kind else { return Ok(()) };
        match options.path() {
            Some(_) if !self.needs_files => Ok(()),
            Some(path) => {
                let path = folder.join(path);
                std::fs::metadata(&path).map(|_| ()).map_err(|e| {
                    let message = format!("{}: cannot be read: {e}", path.display());
                    self.error(game.point.value_span("path"), message)
                })
            }
            None => options
                .open(folder)
                .map(|_| ())
                .map_err(|e| option_error(&self.file.sources, &game.point, &e)),
        }
    }
}

/// An option that was refused, at the place where it was typed.
pub(crate) fn option_error(
    sources: &crate::error::Sources,
    point: &Point,
    error: &OptionError,
) -> ConfigError {
    sources.error(point.value_span(&error.key), error.message.clone())
}

/// A game of a file is called after the file, any other after its kind.
fn default_name(kind: &str, point: &Point) -> String {
    let stem = point.given.get("path").and_then(Value::as_str).and_then(|p| Path::new(p).file_stem());
    stem.map_or_else(|| kind.to_owned(), |s| s.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_by_parameters() {
        assert_eq!(declared(&json!({ "actions": 40, "contexts": 3 })), (3, 40));
        assert_eq!(declared(&json!({ "game": { "random-uniform": { "actions": 9 } } })), (1, 9));
        assert_eq!(declared(&json!({ "margins": [0.1, 0.2, 0.4] })), (1, 3));
        assert_eq!(declared(&json!({ "margin": 0.1 })), (1, 2));
    }
}
