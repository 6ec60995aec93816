//! Registry rows: everything the other crates know about a method.
//!
//! A solver file declares one [`SolverEntry`]; the list of all of them lives in the `equipoise` crate. Command line,
//! YAML keys, JSON schema, documentation tables, conformance suite, benches and reports are generated from it.

use equipoise_records::{Aim, Guarantee};
use schemars::{JsonSchema, Schema, schema_for};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::solver::{Solver, Task};

/// What a solver's YAML block becomes.
///
/// Every field has a default and a doc comment (it is the help text). Implementors derive
/// `Serialize, Deserialize, JsonSchema` with `#[serde(default, deny_unknown_fields)]`.
pub trait SolverConfig: Serialize + DeserializeOwned + Default + JsonSchema {
    /// Checks every range, replaces rules (`theorem`, `stability`, unset options) by their numbers, and builds the solver
    /// at its start. The numbers stand in the parameters of [`Built`], so what is recorded is what ran.
    ///
    /// # Errors
    /// [`BuildError::Range`] naming key, value and rule.
    fn build(self, task: &Task) -> Result<Built, BuildError>;
}

/// A solver ready to run, with the parameters it runs with.
pub struct Built {
    /// The solver, at its start.
    pub solver: Box<dyn Solver>,
    /// The resolved parameters: a JSON object with every key.
    pub parameters: Value,
}

impl Built {
    /// A solver at its start, with the parameters it was built from, every rule replaced by its number.
    ///
    /// # Panics
    /// If `parameters` is nothing that JSON can say (a map whose keys are no strings).
    #[must_use]
    pub fn new(parameters: &impl Serialize, solver: impl Solver + 'static) -> Self {
        let parameters = serde_json::to_value(parameters).expect("a parameter block serialises to JSON");
        Self { solver: Box::new(solver), parameters }
    }
}

/// Why a parameter block was refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A key the method does not have.
    #[error("unknown key `{key}`{}; known: {}", nearest.as_ref().map_or(String::new(), |k| format!(", did you mean `{k}`?")), list(known))]
    UnknownKey {
        /// The key found.
        key: String,
        /// The closest valid key, if one is close.
        nearest: Option<String>,
        /// All valid keys.
        known: Vec<String>,
    },
    /// A value of the wrong type.
    #[error("`{key}`: {problem}")]
    Type {
        /// The key, with a path inside it if need be.
        key: String,
        /// What was found and what was expected.
        problem: String,
    },
    /// A value out of its range, or a rule that has no value here.
    #[error("`{key}` = {value}: {rule}")]
    Range {
        /// The key.
        key: String,
        /// The value found.
        value: String,
        /// The rule it breaks.
        rule: String,
    },
}

fn list(keys: &[String]) -> String {
    if keys.is_empty() { "none".into() } else { keys.join(", ") }
}

impl BuildError {
    /// A [`BuildError::Range`].
    pub fn range(key: &str, value: impl ToString, rule: impl Into<String>) -> Self {
        Self::Range { key: key.into(), value: value.to_string(), rule: rule.into() }
    }

    /// The same error of a block that lies at `prefix` within its caller's block.
    #[must_use]
    pub fn within(mut self, prefix: &str) -> Self {
        let (Self::UnknownKey { key, .. } | Self::Type { key, .. } | Self::Range { key, .. }) = &mut self;
        *key = if key.is_empty() { prefix.to_owned() } else { format!("{prefix}.{key}") };
        self
    }

    /// The key the error is about, for finding its line.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::UnknownKey { key, .. } | Self::Type { key, .. } | Self::Range { key, .. } => key,
        }
    }
}

/// Fails with [`BuildError::Range`] unless `holds`.
///
/// # Errors
/// As said.
pub fn ensure(holds: bool, key: &str, value: impl ToString, rule: &str) -> Result<(), BuildError> {
    if holds { Ok(()) } else { Err(BuildError::range(key, value, rule)) }
}

/// The candidate closest to `word`, in any case, if it is close enough to be a slip.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .map(|c| (strsim::jaro_winkler(&word, &c.to_lowercase()), c))
        .filter(|(score, _)| *score > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, c)| c)
}

/// Reads a parameter block (`null` or an object) into a typed one with defaults; unknown keys are refused by name.
///
/// # Errors
/// [`BuildError::UnknownKey`] or [`BuildError::Type`].
pub fn parse<C: Serialize + DeserializeOwned + Default>(block: &Value) -> Result<C, BuildError> {
    if block.is_null() {
        return Ok(C::default());
    }
    let defaults = || serde_json::to_value(C::default()).expect("a parameter block serialises to JSON");
    let mut read_block = None;
    examine(block, &defaults, &mut |block| {
        read_block = Some(C::deserialize(block).map_err(|e| e.to_string())?);
        Ok(())
    })?;
    Ok(read_block.expect("a block that was not refused was read"))
}

/// Whether `block` can be read, and if not, why. For every type of block: compiled once, not once a type.
fn examine(
    block: &Value,
    defaults: &dyn Fn() -> Value,
    read: &mut dyn FnMut(&Value) -> Result<(), String>,
) -> Result<(), BuildError> {
    let Value::Object(given) = block else {
        let problem = format!("expected a block of parameters, found `{block}`");
        return Err(BuildError::Type { key: String::new(), problem });
    };
    let defaults = defaults();
    let known: Vec<String> = defaults.as_object().map(|o| o.keys().cloned().collect()).unwrap_or_default();
    // an option that is not written where it is unset is none of these: the type knows it
    let mut unset = |key: &String, value: &Value| {
        let alone = Value::Object([(key.clone(), value.clone())].into_iter().collect());
        !read(&alone).is_err_and(|e| e.starts_with("unknown field"))
    };
    let unknown = given.iter().find(|(key, value)| !known.contains(key) && !unset(key, value));
    if let Some((key, _)) = unknown {
        let nearest = nearest(key, known.iter().map(String::as_str)).map(str::to_owned);
        return Err(BuildError::UnknownKey { key: key.clone(), nearest, known });
    }
    read(block)
        .map_err(|problem| BuildError::Type { key: culprit(block, &mut |b| read(b).is_err()), problem })
}

/// The path of the first part of `value` that is refused by itself, as `a.b[1]`; empty if that is `value` as a whole. Parts are
/// tried one by one, which needs no deserialiser of its own for every block of parameters: half a megabyte less to load.
fn culprit(value: &Value, refused: &mut dyn FnMut(&Value) -> bool) -> String {
    let entry = |key: &String, v: &Value| Value::Object([(key.clone(), v.clone())].into_iter().collect());
    let join = |name: String, below: String| match below.is_empty() || below.starts_with('[') {
        true => name + &below,
        false => format!("{name}.{below}"),
    };
    let found = match value {
        Value::Object(entries) if !refused(&json!({})) => entries
            .iter()
            .find(|(key, v)| refused(&entry(key, v)))
            .map(|(key, v)| join(key.clone(), culprit(v, &mut |part| refused(&entry(key, part))))),
        Value::Array(items) if !refused(&json!([])) => items
            .iter()
            .enumerate()
            .find(|(_, v)| refused(&json!([v])))
            .map(|(k, v)| join(format!("[{k}]"), culprit(v, &mut |part| refused(&json!([part]))))),
        _ => None,
    };
    found.unwrap_or_default()
}

/// Which equilibrium a method stands still at, once started there (exact oracle, default parameters).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FixedPoint {
    /// An interior equilibrium of the original game, whatever the task's `tau`.
    Original,
    /// The equilibrium of the game regularised with the task's `tau`; at `tau = 0` an interior one of the original.
    Regularised,
    /// Neither: the method has another fixed point, or none.
    Elsewhere,
}

/// A registry row.
pub struct SolverEntry {
    /// YAML key, CSV value, legend: one spelling.
    pub name: &'static str,
    /// One line: what it does.
    pub summary: &'static str,
    /// arXiv id and equation, or reference.
    pub citation: &'static str,
    /// What it aims at.
    pub aim: Aim,
    /// For which iterate its guarantee is proved.
    pub guarantee: Guarantee,
    /// Where it stands still.
    pub fixed_point: FixedPoint,
    /// Whether its policies may give an action probability exactly 0 (log-probability `-inf`).
    pub reaches_boundary: bool,
    /// Whether it can stay in a class of policies with parameters.
    pub parametrised: bool,
    /// Whether, asked exactly, each context moves as if it were alone.
    pub contexts_apart: bool,
    /// Whether it learns from labelled pairs that it tells of ([`crate::Solver::labelled_pairs`]).
    pub is_offline: bool,
    /// Cost of a step in words, as `1 query`.
    pub cost: &'static str,
    /// Against what this implementation was verified.
    pub verified: &'static str,
    /// Its parameters with their defaults: a JSON object.
    pub defaults: fn() -> Value,
    /// JSON schema of its parameters, with their documentation.
    pub schema: fn() -> Schema,
    build: fn(&Value, &Task) -> Result<Built, BuildError>,
}

impl SolverEntry {
    /// A row for the method configured by `C`; describe it with struct update syntax through the other methods.
    #[must_use]
    pub const fn of<C: SolverConfig>(
        name: &'static str,
        summary: &'static str,
        citation: &'static str,
    ) -> Self {
        Self {
            name,
            summary,
            citation,
            aim: Aim::Other,
            guarantee: Guarantee::None,
            fixed_point: FixedPoint::Elsewhere,
            reaches_boundary: false,
            parametrised: false,
            contexts_apart: false,
            is_offline: false,
            cost: "",
            verified: "",
            defaults: || serde_json::to_value(C::default()).expect("a parameter block serialises to JSON"),
            schema: || schema_for!(C),
            build: |block, task| parse::<C>(block)?.build(task),
        }
    }

    /// Sets three things: what the method aims at, for which iterate its guarantee is proved, and with the aim the fixed
    /// point, which is the equilibrium of the game aimed at. A method that does not stand still there says
    /// [`SolverEntry::biased_fixed_point`] afterwards; the conformance suite starts it at the equilibrium and checks.
    #[must_use]
    pub const fn aims(self, aim: Aim, guarantee: Guarantee) -> Self {
        let fixed_point = match aim {
            Aim::Original => FixedPoint::Original,
            Aim::Regularised => FixedPoint::Regularised,
            Aim::Other => FixedPoint::Elsewhere,
        };
        Self { aim, guarantee, fixed_point, ..self }
    }

    /// Says that the method does not stand still at the equilibrium it aims at: its own fixed point is another, or none.
    #[must_use]
    pub const fn biased_fixed_point(self) -> Self {
        Self { fixed_point: FixedPoint::Elsewhere, ..self }
    }

    /// Says that its policies may leave the interior of the simplex.
    #[must_use]
    pub const fn reaches_boundary(self) -> Self {
        Self { reaches_boundary: true, ..self }
    }

    /// Says that it can stay in a class of policies with parameters ([`Task::class`]).
    #[must_use]
    pub const fn parametrised(self) -> Self {
        Self { parametrised: true, ..self }
    }

    /// Says that, asked exactly, each context moves as if it were alone, by the parameters of the whole.
    #[must_use]
    pub const fn contexts_apart(self) -> Self {
        Self { contexts_apart: true, ..self }
    }

    /// Says that it learns from labelled pairs that it tells of.
    #[must_use]
    pub const fn offline(self) -> Self {
        Self { is_offline: true, ..self }
    }

    /// Sets the cost of a step, in words.
    #[must_use]
    pub const fn costs(self, cost: &'static str) -> Self {
        Self { cost, ..self }
    }

    /// Says against what the implementation was verified.
    #[must_use]
    pub const fn verified(self, verified: &'static str) -> Self {
        Self { verified, ..self }
    }

    /// Builds the solver from a parameter block (`null` for all defaults).
    ///
    /// # Errors
    /// [`BuildError`] naming the key, the value and the rule.
    pub fn build(&self, parameters: &Value, task: &Task) -> Result<Built, BuildError> {
        if task.class.is_some() && !self.parametrised {
            let rule = format!(
                "`{}` moves a table of log-probabilities and cannot stay in a class: leave `policy` out, or take `projected` \
                 or a loss on pairs",
                self.name
            );
            return Err(BuildError::range("policy", "a class with parameters", rule));
        }
        if let Some(class) = &task.class {
            let rule = "must be bound to the contexts and actions of the game";
            ensure(class.shape() == task.shape(), "policy", "a class", rule)?;
            let rule = "a class of policies lies around the reference and starts there: leave `start` out";
            ensure(task.start == task.reference, "policy", "a class with parameters", rule)?;
        }
        (self.build)(parameters, task)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default, Debug, Serialize, serde::Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Block {
        step_size: f64,
        mixture: Option<f64>,
        weights: Vec<f64>,
        pair: (f64, f64),
        #[serde(skip_serializing_if = "Option::is_none")]
        inner: Option<Box<Block>>,
    }

    #[test]
    fn a_wrong_type_is_told_by_the_path_of_the_part_that_is_wrong() {
        let key = |block: Value| {
            let read = |b: &Value| serde_json::from_value::<Block>(b.clone()).is_err();
            culprit(&block, &mut |b| read(b))
        };
        assert_eq!(key(json!({"weights": [1.0, "x", 2.0]})), "weights[1]");
        assert_eq!(
            key(json!({"inner": {"step_size": 1.0, "inner": {"weights": [[1.0]]}}})),
            "inner.inner.weights[0]"
        );
        assert_eq!(key(json!({"weights": 3.0})), "weights");
        assert_eq!(key(json!({"pair": [1.0]})), "pair");
        let error = parse::<Block>(&json!({"mixture": 0.5, "weights": [1.0, null]})).unwrap_err();
        assert_eq!(error.key(), "weights[1]");
    }

    #[test]
    fn a_slip_is_answered_with_the_nearest_key() {
        let error = parse::<Block>(&serde_json::json!({"step_siz": 1.0})).unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown key `step_siz`, did you mean `step_size`?; known: mixture, pair, step_size, weights"
        );
        let error = parse::<Block>(&serde_json::json!({"step_size": "x"})).unwrap_err();
        assert_eq!(error.key(), "step_size");
        assert_eq!(parse::<Block>(&Value::Null).unwrap().mixture, None);
    }
}
