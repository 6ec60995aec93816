//! Registry rows: everything that front ends know of a preference model.
//!
//! A model is one file in `entries/`: its equations, its [`PreferenceModel`], its [`ModelEntry`]; and one line in
//! [`MODELS`](crate::MODELS). Command line, `equipoise list models`, schema and conformance suite follow from the row.

use std::path::Path;

use equipoise_core::registry::{BuildError, nearest, parse};
use equipoise_data::{Selection, Unit};
use schemars::{JsonSchema, Schema, schema_for};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::FitError;
use crate::fitted::Fitted;
use crate::input::{FitData, ModelData, ModelInput, ReadError};

/// What a model has to say for itself.
pub trait PreferenceModel {
    /// What can be chosen. Every field has a default and a doc comment (it is the help text); derive `Serialize, Deserialize,
    /// JsonSchema` with `#[serde(default, deny_unknown_fields)]`.
    type Options: Serialize + DeserializeOwned + Default + JsonSchema;
    /// What it is fitted to: [`Counts`](crate::Counts), [`Battles`](equipoise_data::Battles),
    /// [`Contexts`](crate::Contexts) or [`Rankings`](equipoise_data::Rankings).
    type Data: FitData;

    /// Checks what ranges the options have, and which go together.
    ///
    /// # Errors
    /// [`BuildError::Range`] naming key, value and rule.
    fn check(_options: &Self::Options) -> Result<(), BuildError> {
        Ok(())
    }

    /// Fits it, with options that passed the check; `watch` hears of the share that is done, of fits that can tell.
    ///
    /// # Errors
    /// [`FitError`].
    fn fit(data: &Self::Data, options: Self::Options, watch: Watch<'_>) -> Result<Fitted, FitError>;
}

/// What hears of the share of a fit that is done, in `[0, 1]`.
pub type Watch<'a> = &'a dyn Fn(f64);

/// No options.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NoOptions {}

/// The option of models that can be given a prior.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PriorOption {
    /// Adds the logistic prior whether a maximum exists without it or not: one win and one loss of every item against an
    /// item of strength 0.
    pub prior: bool,
}

/// A registry row.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct ModelEntry {
    /// Its name: command line, YAML key, JSON value, one spelling.
    pub name: &'static str,
    /// Other names that it is sought under: not known, but answered with its own.
    pub sought_as: &'static [&'static str],
    /// Its definition, in a line.
    pub definition: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// What a tie is to it.
    pub ties: &'static str,
    /// Whether ties are outcomes of their own; else they are read as half a win to each side.
    pub has_ties: bool,
    /// How it is fitted, and its errors.
    pub fitted: &'static str,
    /// What it is fitted to.
    pub input: ModelInput,
    /// Whether it is fitted without a file of features too, where it takes one.
    pub optional_features: bool,
    /// Whether the answer depends on the order of the data.
    pub ordered: bool,
    /// Whether every comparison needs a time.
    pub timed: bool,
    /// Its options with their defaults: a JSON object.
    pub defaults: fn() -> Value,
    /// JSON schema of its options, with their documentation.
    pub schema: fn() -> Schema,
    /// Options in which it is asked to predict comparisons that it has not seen; its defaults where it does not say.
    pub predicting: fn() -> Value,
    check: fn(&Value) -> Result<(), BuildError>,
    fit: fn(&'static str, &ModelData, &Value, Watch<'_>) -> Result<Fitted, FitError>,
}

impl ModelEntry {
    /// A row for the model `M`; describe it through the other methods.
    #[must_use]
    pub const fn of<M: PreferenceModel>(
        name: &'static str,
        definition: &'static str,
        source: &'static str,
    ) -> Self {
        Self {
            name,
            sought_as: &[],
            definition,
            source,
            ties: "half a win to each side",
            has_ties: false,
            fitted: "",
            input: M::Data::INPUT,
            optional_features: !matches!(M::Data::INPUT, ModelInput::Contexts),
            ordered: false,
            timed: false,
            defaults: || {
                serde_json::to_value(M::Options::default()).expect("a parameter block serialises to JSON")
            },
            schema: || schema_for!(M::Options),
            predicting: || Value::Null,
            check: |block| M::check(&parse(block)?),
            fit: |name, data, block, watch| {
                let options = parse::<M::Options>(block)?;
                M::check(&options)?;
                let (needs, got, islands) = (M::Data::INPUT, data.input(), data.islands());
                let data = M::Data::of(data).ok_or(FitError::Input { model: name, needs, got })?;
                Ok(Fitted { model: name, islands, ..M::fit(data, options, watch)? })
            },
        }
    }

    /// Says what a tie is to a model that has none of its own.
    #[must_use]
    pub const fn ties(self, ties: &'static str) -> Self {
        Self { ties, ..self }
    }

    /// Says that ties are outcomes of their own, and which.
    #[must_use]
    pub const fn has_ties(self, ties: &'static str) -> Self {
        Self { ties, has_ties: true, ..self }
    }

    /// Says under which other names it is sought, such as its paper's.
    #[must_use]
    pub const fn sought_as(self, sought_as: &'static [&'static str]) -> Self {
        Self { sought_as, ..self }
    }

    /// Says that every comparison needs a time.
    #[must_use]
    pub const fn timed(self) -> Self {
        Self { timed: true, ..self }
    }

    /// Says how it is fitted, and what errors it has.
    #[must_use]
    pub const fn fitted(self, fitted: &'static str) -> Self {
        Self { fitted, ..self }
    }

    /// Says that the answer depends on the order of the data (time, else the mean over shuffles).
    #[must_use]
    pub const fn ordered(self) -> Self {
        Self { ordered: true, ..self }
    }

    /// Says in which options it is asked to predict.
    #[must_use]
    pub const fn predicting(self, predicting: fn() -> Value) -> Self {
        Self { predicting, ..self }
    }

    /// Says that it is fitted without features of the contexts too.
    #[must_use]
    pub const fn optional_features(self) -> Self {
        Self { optional_features: true, ..self }
    }

    /// Fits the model with options from a block (`null` for all defaults).
    ///
    /// # Errors
    /// [`FitError::Options`] naming key and nearest, [`FitError::Input`], or why the data cannot be fitted.
    pub fn fit(&self, data: &ModelData, options: &Value) -> Result<Fitted, FitError> {
        self.fit_watched(data, options, &|_| ())
    }

    /// [`ModelEntry::fit`]; `watch` hears of the share that is done, of fits that can tell: those of very many items.
    ///
    /// # Errors
    /// As [`ModelEntry::fit`].
    pub fn fit_watched(
        &self,
        data: &ModelData,
        options: &Value,
        watch: Watch<'_>,
    ) -> Result<Fitted, FitError> {
        (self.fit)(self.name, data, options, watch)
    }

    /// Reads what it is fitted to ([`ModelInput::read`]).
    ///
    /// # Errors
    /// [`ReadError`]: a file that cannot be read, features where none are used, none where they are needed.
    pub fn read(
        &self,
        path: &Path,
        selection: &Selection,
        unit: Unit,
        features: Option<&Path>,
    ) -> Result<ModelData, ReadError> {
        if features.is_none() && !self.optional_features {
            return Err(ReadError::FeaturesMissing);
        }
        self.input.read(path, selection, unit, features)
    }

    /// Checks a block of options without fitting anything.
    ///
    /// # Errors
    /// [`BuildError`] naming the key and the nearest known one.
    pub fn check(&self, options: &Value) -> Result<(), BuildError> {
        (self.check)(options)
    }

    /// Whether it has an option of that name.
    #[must_use]
    pub fn has_option(&self, key: &str) -> bool {
        self.options().iter().any(|option| option == key)
    }

    /// Its options: those with a default, then those that are not written where they are unset.
    fn options(&self) -> Vec<String> {
        let (defaults, schema) = ((self.defaults)(), (self.schema)().to_value());
        let keys = |of: &Value| of.as_object().map_or_else(Vec::new, |o| o.keys().cloned().collect());
        let mut options: Vec<String> = keys(&defaults);
        let all: Vec<String> = keys(&schema["properties"]);
        options.extend(all.into_iter().filter(|key| defaults.get(key).is_none()));
        options
    }

    /// What it takes, in words: its input, its options, features.
    #[must_use]
    pub fn takes(&self) -> String {
        let mut options = self.options();
        options.extend(self.input.features_of().map(|what| format!("features of the {what}s")));
        let order = match (self.timed, self.ordered) {
            (true, _) => " with a column `timestamp`",
            (false, true) => "; depends on their order (time, else the mean over shuffles)",
            (false, false) => "",
        };
        let list =
            if options.is_empty() { String::new() } else { format!("; options {}", options.join(", ")) };
        format!("{}{order}{list}", self.input.words())
    }
}

/// Why there is no such model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not known{}; known: {}", nearest.map_or(String::new(), |n| format!(", did you mean `{n}`?")), known.join(", "))]
pub struct UnknownModel {
    /// The name given.
    pub name: String,
    /// The closest known name, if one is close.
    pub nearest: Option<&'static str>,
    /// All known names.
    pub known: Vec<&'static str>,
}

/// The row of that name in a list.
///
/// # Errors
/// [`UnknownModel`] with the nearest name.
pub fn find<'a>(models: &'a [ModelEntry], name: &str) -> Result<&'a ModelEntry, UnknownModel> {
    models.iter().find(|m| m.name == name).ok_or_else(|| {
        let known: Vec<&'static str> = models.iter().map(|m| m.name).collect();
        let sought = |m: &&ModelEntry| m.sought_as.contains(&name.to_lowercase().as_str());
        let nearest =
            models.iter().find(sought).map_or_else(|| nearest(name, known.iter().copied()), |m| Some(m.name));
        UnknownModel { name: name.to_owned(), nearest, known }
    })
}
