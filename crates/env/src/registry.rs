//! Oracles by name: what answers a solver's questions, as a registry like that of the solvers.
//!
//! An entry turns a block of parameters into a [`Feedback`], from which [`GameOracle`](crate::GameOracle) is made. An oracle
//! of one's own needs no row: it implements [`MeasuredOracle`](crate::MeasuredOracle).

use equipoise_core::registry::{BuildError, ensure, nearest, parse};
use schemars::{JsonSchema, Schema, schema_for};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::feedback::{Feedback, Sampled};

/// A registry row.
pub struct OracleEntry {
    /// YAML key, CSV value, legend: one spelling.
    pub name: &'static str,
    /// One line: what its answers are.
    pub summary: &'static str,
    /// Reference, or where it is used.
    pub source: &'static str,
    /// Its parameters with their defaults: a JSON object.
    pub defaults: fn() -> Value,
    /// JSON schema of its parameters, with their documentation.
    pub schema: fn() -> Schema,
    build: fn(&Value) -> Result<Feedback, BuildError>,
}

impl OracleEntry {
    /// The oracle of a parameter block (`null` for all defaults).
    ///
    /// # Errors
    /// [`BuildError`] naming the key, the value and the rule.
    pub fn build(&self, parameters: &Value) -> Result<Feedback, BuildError> {
        (self.build)(parameters)
    }
}

/// Every oracle.
pub const ORACLES: &[OracleEntry] = &[EXACT, SAMPLED];

/// The oracle called `name`.
///
/// # Errors
/// [`BuildError::UnknownKey`], with the nearest name.
pub fn oracle(name: &str) -> Result<&'static OracleEntry, BuildError> {
    let names = || ORACLES.iter().map(|entry| entry.name);
    ORACLES.iter().find(|entry| entry.name == name).ok_or_else(|| BuildError::UnknownKey {
        key: name.to_owned(),
        nearest: nearest(name, names()).map(str::to_owned),
        known: names().map(str::to_owned).collect(),
    })
}

const EXACT: OracleEntry = OracleEntry {
    name: "exact",
    summary: "win rates to rounding; a duel answers with its probability",
    source: "the setting of the convergence theorems",
    defaults: || to_json(&NoParameters::default()),
    schema: || schema_for!(NoParameters),
    build: |block| parse::<NoParameters>(block).map(|_| Feedback::Exact),
};

const SAMPLED: OracleEntry = OracleEntry {
    name: "sampled",
    summary: "win rates estimated without bias from a number of duels a query and context",
    source: "comparisons as they are collected; `labels: probability` is the \"empirical\" mode of published simulations",
    defaults: || to_json(&Sampled::default()),
    schema: || schema_for!(Sampled),
    build: |block| {
        let sampled = parse::<Sampled>(block)?;
        let duels = sampled.duels_per_query;
        ensure(duels >= 1, "duels_per_query", duels, "must be at least 1")?;
        Ok(Feedback::Sampled(sampled))
    },
};

/// Of an oracle that has none.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct NoParameters {}

fn to_json(parameters: &impl Serialize) -> Value {
    serde_json::to_value(parameters).expect("a parameter block serialises to JSON")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_row_builds_its_defaults_and_round_trips() {
        for entry in ORACLES {
            let defaults = (entry.defaults)();
            let built = entry.build(&defaults).unwrap();
            assert_eq!(entry.build(&Value::Null).unwrap(), built, "{}", entry.name);
            // as a run records it: the bare name, or the name with its parameters
            let recorded = json!(built);
            let name =
                recorded.as_str().or(recorded.as_object().and_then(|o| o.keys().next()).map(String::as_str));
            assert_eq!(name, Some(entry.name));
            assert_eq!(serde_json::from_value::<Feedback>(recorded).unwrap(), built);
            let documented = json!((entry.schema)());
            for key in defaults.as_object().unwrap().keys() {
                assert!(documented["properties"][key]["description"].is_string(), "{} {key}", entry.name);
            }
            assert!(!entry.summary.is_empty() && !entry.source.is_empty());
            assert_eq!(oracle(entry.name).unwrap().name, entry.name);
        }
    }

    #[test]
    fn slips_are_named() {
        let refused =
            |name: &str, block: Value| oracle(name).and_then(|o| o.build(&block)).unwrap_err().to_string();
        assert!(refused("sampeld", Value::Null).contains("did you mean `sampled`"));
        assert!(refused("sampled", json!({"label": "bernoulli"})).contains("did you mean `labels`"));
        assert!(refused("sampled", json!({"labels": "soft"})).starts_with("`labels`: "));
        assert_eq!(
            refused("sampled", json!({"duels_per_query": 0})),
            "`duels_per_query` = 0: must be at least 1"
        );
        assert!(refused("exact", json!({"a": 1})).contains("unknown key `a`"));
    }
}
