//! The policy class that methods stay in.

use std::ops::Range;

use equipoise::core::BuildError;
use equipoise::core::class_entry::PolicyEntry;
use equipoise::data::read_numbers;
use equipoise::env::Game;
use equipoise::policies::POLICIES;
use serde_json::{Value, json};

use super::{Method, PolicySpec, Resolver};
use crate::error::ConfigError;
use crate::grid::{self, Point};

/// A class with its options; that of all policies is none.
#[derive(Clone)]
pub(crate) struct ClassSpec {
    /// Registry row.
    pub(crate) entry: &'static PolicyEntry,
    /// Its options, defaults filled, files read.
    pub(crate) options: Value,
    /// Where it was typed.
    pub(crate) point: Point,
}

impl std::fmt::Debug for ClassSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.entry.name, self.options)
    }
}

impl ClassSpec {
    /// As an experiment file has it.
    pub(crate) fn document(&self) -> Value {
        json!({ self.entry.name: self.options })
    }

    /// The options on a game: `features: game` become the numbers that describe its responses.
    pub(crate) fn on(&self, game: &Game) -> Result<Value, BuildError> {
        let mut options = self.options.clone();
        if options.get("features").is_some_and(|features| features == "game") {
            let rule = "needs a game whose generator describes its responses (`attribute-voters`, `aggregated-rewards`)";
            let rows = game.features().ok_or_else(|| BuildError::range("features", "game", rule))?;
            options["features"] = json!({ "values": rows });
        }
        Ok(options)
    }

    /// The options on some rows of the shape: features that are given have a row for each.
    pub(crate) fn of_rows(options: &Value, rows: Range<usize>) -> Value {
        let mut options = options.clone();
        if let Some(Value::Array(values)) = options.pointer_mut("/features/values") {
            values.truncate(rows.end);
            values.drain(..rows.start);
        }
        options
    }
}

impl Resolver<'_> {
    /// The class; `None` where it is left out or the table.
    pub(super) fn policy(&self, start: &PolicySpec) -> Result<Option<ClassSpec>, ConfigError> {
        let Some(block) = &self.file.policy else { return Ok(None) };
        let names = || POLICIES.iter().map(|entry| entry.name);
        let Some(entry) = POLICIES.iter().find(|entry| entry.name == block.kind.value) else {
            return Err(self.file.sources.unknown("policy class", &block.kind, names()));
        };
        let defaults = (entry.defaults)();
        let what = format!("policy `{}`", entry.name);
        let mut points =
            grid::expand(&self.file.sources, block, &what, &defaults, &(entry.schema)().to_value())?;
        if points.len() > 1 {
            let message =
                format!("an experiment has one policy class; these options stand for {}", points.len());
            return Err(self.error(block.kind.span, message).help("make an experiment of each"));
        }
        let point = points.remove(0);
        if entry.name == "table" {
            return Ok(None);
        }
        if !matches!(start, PolicySpec::Reference) {
            let span = self.file.start.as_ref().map_or(block.kind.span, |start| start.kind.span);
            let message = format!("`start` is given, but {what} lies around the reference and starts there");
            return Err(self.error(span, message).help("leave `start` out"));
        }
        let mut options = point.filled(&defaults);
        if let Some(path) = options.pointer("/features/path") {
            let span = point.value_span("features");
            let Some(path) = path.as_str() else {
                return Err(self.error(span, "`features.path` must be the name of a file"));
            };
            let file = self.file.sources.locate(span, path);
            let rows = read_numbers(&file).map_err(|e| self.error(span, e.to_string()))?;
            options["features"] = json!({ "values": rows });
        }
        Ok(Some(ClassSpec { entry, options, point }))
    }

    /// Refuses methods that move tables where a class is given.
    pub(super) fn stay_in_class(&self, class: &ClassSpec, methods: &[Method]) -> Result<(), ConfigError> {
        let Some(method) = methods.iter().find(|method| !method.entry.parametrised) else { return Ok(()) };
        let message = format!(
            "the solver `{}` moves a table of log-probabilities and cannot stay in the policy class `{}`",
            method.entry.name, class.entry.name
        );
        let help =
            "take `projected`, with the method as its `target`, or a loss on pairs; or leave `policy` out";
        Err(self.error(method.point.entry, message).help(help))
    }
}
