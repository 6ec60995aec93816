//! Losses on labelled responses, as published: what a trainer minimises, evaluated on given numbers.
//!
//! Most are one factorised objective over pairs of a chosen response w and a rejected one l,
//!
//! ```text
//! L = weight (a f(z - shift) + c f(-(z - shift))) + terms,   z = beta (s_w - s_l)
//! ```
//!
//! with a score s, a label (a, c) and a link f ([`factors`]; `pairs` has the presets). Others score the two responses one
//! by one (`pointwise`), lists of responses (`lists`), tokens and turns (`tokens`) or rewards (`rewards`).
//!
//! Log-probabilities are in nats and, unless an input says otherwise, summed over the tokens of a response. Gradients are
//! of the loss of a row by its own inputs, also by the log-probabilities of the reference (in training those are
//! constants). A loss whose source stops gradients says so in its row; its gradient is then the published one.

mod array;
pub mod factors;
mod lists;
pub(crate) mod pairs;
pub(crate) mod pointwise;
pub(crate) mod presets;
mod rewards;
mod tokens;

use std::collections::BTreeMap;

use equipoise_core::BuildError;
use equipoise_core::registry::{nearest, parse};
use schemars::{JsonSchema, Schema, schema_for};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use array::{Array, Inputs};
pub use pairs::Preference;

/// What an objective's block of options becomes.
///
/// Every field has a default and a doc comment (it is the help text). Implementors derive
/// `Serialize, Deserialize, JsonSchema` with `#[serde(default, deny_unknown_fields)]`.
pub trait Objective: Serialize + DeserializeOwned + Default + JsonSchema {
    /// The arrays it takes.
    fn inputs() -> Vec<Input>;

    /// Checks every range.
    ///
    /// # Errors
    /// [`BuildError::Range`] naming key, value and rule.
    fn check(&self) -> Result<(), BuildError>;

    /// The loss of every row, and its gradient.
    ///
    /// # Errors
    /// [`ObjectiveError`] naming the input that is missing, ragged or out of range.
    fn evaluate(&self, inputs: &Inputs) -> Result<Evaluation, ObjectiveError>;
}

/// An array that an objective takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Input {
    /// Its name.
    pub name: &'static str,
    /// Its shape and meaning.
    pub what: &'static str,
    /// Whether it may be left out.
    pub optional: bool,
    /// Whether it is a log-probability or logit, by which the gradient is taken.
    pub differentiated: bool,
}

impl Input {
    /// A log-probability, logit or reward that the gradient is taken by.
    const fn variable(name: &'static str, what: &'static str) -> Self {
        Self { name, what, optional: false, differentiated: true }
    }

    /// Data: labels, lengths, scores, weights.
    const fn data(name: &'static str, what: &'static str) -> Self {
        Self { name, what, optional: false, differentiated: false }
    }

    const fn optional(self) -> Self {
        Self { optional: true, ..self }
    }
}

/// Losses and gradients.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Evaluation {
    /// The loss of every row, in nats or squared nats.
    pub loss: Vec<f64>,
    /// Derivative of a row's loss by its own inputs, in the shape of the input.
    pub gradient: BTreeMap<String, Array>,
    /// Further published quantities on the way (target probabilities, KL estimates, ...).
    pub parts: BTreeMap<String, Array>,
}

impl Evaluation {
    /// The mean over rows.
    #[must_use]
    pub fn loss_mean(&self) -> f64 {
        self.loss.iter().sum::<f64>() / self.loss.len() as f64
    }

    fn new(loss: Vec<f64>) -> Self {
        Self { loss, ..Self::default() }
    }

    fn gradient(mut self, name: &str, values: Array) -> Self {
        self.gradient.insert(name.to_owned(), values);
        self
    }

    fn part(mut self, name: &str, values: Array) -> Self {
        self.parts.insert(name.to_owned(), values);
        self
    }
}

/// Whether the loss of a finite data set has a finite minimiser, and what guards against its absence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Minimiser {
    /// Finite for every data set.
    Finite,
    /// Finite unless the labels are separable: a response that always wins has no finite optimum.
    UnlessSeparable,
    /// Finite, but not the only one.
    NotUnique,
    /// The loss is unbounded below, or decreases for ever, on every data set.
    None,
    /// A surrogate: only its gradient at the current policy means something.
    Surrogate,
}

impl Minimiser {
    /// In words.
    #[must_use]
    pub fn says(self) -> &'static str {
        match self {
            Self::Finite => "finite",
            Self::UnlessSeparable => "finite unless the labels are separable",
            Self::NotUnique => "finite, not unique",
            Self::None => "none: the loss can fall for ever",
            Self::Surrogate => "a surrogate: only its gradient counts",
        }
    }
}

/// A registry row.
pub struct ObjectiveEntry {
    /// Its name.
    pub name: &'static str,
    /// Further names it is known by.
    pub aliases: &'static [&'static str],
    /// The loss of a row as a formula, `ls` = log sigmoid, pc, pr, rc, rr = log-probabilities under policy and reference
    /// of the chosen and the rejected response.
    pub formula: &'static str,
    /// arXiv id, or reference.
    pub source: &'static str,
    /// Against what this implementation was verified.
    pub verified: &'static str,
    /// Whether a finite minimiser exists.
    pub minimiser: Minimiser,
    /// The arrays it takes.
    pub inputs: fn() -> Vec<Input>,
    /// Its options with their defaults: a JSON object.
    pub defaults: fn() -> Value,
    /// JSON schema of its options, with their documentation.
    pub schema: fn() -> Schema,
    evaluate: fn(&Value, &Inputs) -> Result<Answer, ObjectiveError>,
}

/// An evaluation with the options it was made with.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Answer {
    /// The options, defaults filled: a JSON object.
    pub parameters: Value,
    /// Losses and gradients.
    pub evaluation: Evaluation,
}

impl ObjectiveEntry {
    const fn of<O: Objective>(
        name: &'static str,
        formula: &'static str,
        source: &'static str,
        minimiser: Minimiser,
    ) -> Self {
        Self {
            name,
            aliases: &[],
            formula,
            source,
            verified: "published code to 1e-12, finite differences",
            minimiser,
            inputs: O::inputs,
            defaults: || serde_json::to_value(O::default()).expect("an option block serialises to JSON"),
            schema: || schema_for!(O),
            evaluate: |block, inputs| {
                let objective: O = parse(block)?;
                objective.check()?;
                known_names(&O::inputs(), inputs)?;
                some_rows(inputs)?;
                let evaluation = objective.evaluate(inputs)?;
                if let Some(row) = evaluation.loss.iter().position(|l| !l.is_finite()) {
                    return Err(ObjectiveError::NotFinite { row, value: evaluation.loss[row] });
                }
                let parameters =
                    serde_json::to_value(&objective).expect("an option block serialises to JSON");
                Ok(Answer { parameters, evaluation })
            },
        }
    }

    const fn also(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    const fn verified(self, verified: &'static str) -> Self {
        Self { verified, ..self }
    }

    /// Evaluates the loss with the options of `block` (`null` for all defaults).
    ///
    /// # Errors
    /// [`ObjectiveError`] naming option or input, value and rule.
    pub fn evaluate(&self, block: &Value, inputs: &Inputs) -> Result<Answer, ObjectiveError> {
        (self.evaluate)(block, inputs)
    }
}

fn known_names(known: &[Input], inputs: &Inputs) -> Result<(), ObjectiveError> {
    match inputs.names().find(|name| known.iter().all(|k| k.name != *name)) {
        None => Ok(()),
        Some(name) => Err(ObjectiveError::Unknown {
            name: name.to_owned(),
            nearest: nearest(name, known.iter().map(|k| k.name)).map(str::to_owned),
            known: known.iter().map(|k| k.name.to_owned()).collect(),
        }),
    }
}

/// Over no rows there is no mean loss, and of an empty list no distribution.
fn some_rows(inputs: &Inputs) -> Result<(), ObjectiveError> {
    match inputs.names().find(|name| inputs.array(name).is_ok_and(Array::is_empty)) {
        None => Ok(()),
        Some(name) => Err(ObjectiveError::input(name, "has no rows; give at least one".to_owned())),
    }
}

/// Why a loss could not be evaluated.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectiveError {
    /// An option was refused.
    #[error("option {0}")]
    Option(#[from] BuildError),
    /// An input that the objective needs was not given.
    #[error("input `{name}` is missing{}; given: {}", hint(nearest), given.join(", "))]
    Missing {
        /// The input.
        name: String,
        /// The closest name that was given.
        nearest: Option<String>,
        /// All names that were given.
        given: Vec<String>,
    },
    /// An input that the objective does not take.
    #[error("input `{name}` is not taken{}; known: {}", hint(nearest), known.join(", "))]
    Unknown {
        /// The name given.
        name: String,
        /// The closest known one.
        nearest: Option<String>,
        /// All known ones.
        known: Vec<String>,
    },
    /// An input of the wrong shape, or with a value out of range.
    #[error("input `{name}`: {problem}")]
    Input {
        /// The input, with the index inside it where known.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// A loss that is not finite.
    #[error("row {row}: the loss is {value}; its log-ratios are too large for this score or link")]
    NotFinite {
        /// The row, from 0.
        row: usize,
        /// Its loss.
        value: f64,
    },
}

impl ObjectiveError {
    fn input(name: &str, problem: String) -> Self {
        Self::Input { name: name.to_owned(), problem }
    }
}

fn hint(nearest: &Option<String>) -> String {
    nearest.as_ref().map_or(String::new(), |n| format!(", did you mean `{n}`?"))
}

/// Every objective.
pub const OBJECTIVES: &[ObjectiveEntry] = &[
    presets::DPO,
    presets::CDPO,
    presets::RDPO,
    presets::IPO,
    presets::HINGE,
    presets::SIMPO,
    presets::FDPO,
    presets::CHI_PO,
    presets::MMPO,
    presets::EXO,
    presets::DISCOPOP,
    presets::CPO,
    presets::RPO,
    pairs::PREFERENCE,
    pointwise::TODO,
    pointwise::DPOP,
    pointwise::ASFT,
    pointwise::ORPO,
    pointwise::NCA,
    pointwise::BCO,
    pointwise::APO_ZERO,
    pointwise::APO_DOWN,
    pointwise::KTO,
    pointwise::SPPO,
    pointwise::INPO,
    rewards::REBEL,
    rewards::HELPSTEER2,
    rewards::GPM,
    lists::PRO,
    lists::BRAIN,
    lists::EXO_LIST,
    lists::NCA_LIST,
    tokens::SIMPO_TOKEN_LEVEL,
    tokens::TDPO,
    tokens::DMPO,
    tokens::NASH_MD,
    tokens::SLHF,
];

/// The objective called `name`, by its own name or an alias.
///
/// # Errors
/// [`BuildError::UnknownKey`], with the nearest name.
pub fn objective(name: &str) -> Result<&'static ObjectiveEntry, BuildError> {
    OBJECTIVES.iter().find(|e| e.name == name || e.aliases.contains(&name)).ok_or_else(|| {
        let all = || OBJECTIVES.iter().flat_map(|e| [e.name].into_iter().chain(e.aliases.iter().copied()));
        BuildError::UnknownKey {
            key: name.to_owned(),
            nearest: nearest(name, all()).map(str::to_owned),
            known: OBJECTIVES.iter().map(|e| e.name.to_owned()).collect(),
        }
    })
}
