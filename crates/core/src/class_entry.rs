//! Registry rows of policy classes.

use std::sync::Arc;

use schemars::{JsonSchema, Schema, schema_for};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::class::PolicyClass;
use crate::policy::Policy;
use crate::registry::{BuildError, parse};

/// On what a class is bound: the same parameters may stand for policies on other contexts.
#[derive(Clone, Debug)]
pub struct Contexts {
    /// The reference there; it has full support.
    pub reference: Policy,
    /// What tells these contexts from others for which features are drawn.
    pub name: String,
}

/// What a policy class's YAML block becomes.
///
/// Every field has a default and a doc comment (it is the help text). Implementors derive
/// `Serialize, Deserialize, JsonSchema` with `#[serde(default, deny_unknown_fields)]`.
pub trait PolicyConfig: Serialize + DeserializeOwned + Default + JsonSchema {
    /// Checks every range and binds the class to contexts.
    ///
    /// # Errors
    /// [`BuildError::Range`] naming key, value and rule.
    fn bind(self, contexts: &Contexts) -> Result<Arc<dyn PolicyClass>, BuildError>;
}

/// From options and contexts to a class.
type Bind = fn(&Value, &Contexts) -> Result<Arc<dyn PolicyClass>, BuildError>;

/// A registry row.
pub struct PolicyEntry {
    /// YAML key: one spelling.
    pub name: &'static str,
    /// One line: what it is.
    pub summary: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// Against what the implementation was verified.
    pub verified: &'static str,
    /// Its options with their defaults: a JSON object.
    pub defaults: fn() -> Value,
    /// JSON schema of its options, with their documentation.
    pub schema: fn() -> Schema,
    bind: Bind,
}

impl PolicyEntry {
    /// A row for the class configured by `C`.
    #[must_use]
    pub const fn of<C: PolicyConfig>(
        name: &'static str,
        summary: &'static str,
        source: &'static str,
        verified: &'static str,
    ) -> Self {
        Self {
            name,
            summary,
            source,
            verified,
            defaults: || serde_json::to_value(C::default()).expect("an option block serialises to JSON"),
            schema: || schema_for!(C),
            bind: |block, contexts| parse::<C>(block)?.bind(contexts),
        }
    }

    /// Binds the class of an option block (`null` for all defaults) to contexts.
    ///
    /// # Errors
    /// [`BuildError`] naming the key, the value and the rule.
    pub fn bind(&self, options: &Value, contexts: &Contexts) -> Result<Arc<dyn PolicyClass>, BuildError> {
        (self.bind)(options, contexts)
    }
}
