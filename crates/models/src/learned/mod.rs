//! The learned oracle: labels are bought from a game, a preference model is fitted to them, and the fit answers.
//!
//! ```text
//! truth -> pairs (a design) -> labels (channels) -> model -> win rates
//! ```
//!
//! It is an [`Oracle`](equipoise_core::Oracle), so that every method meets every model, and a
//! [`MeasuredOracle`](equipoise_env::MeasuredOracle), so that runs are measured on the true game.

mod data;
mod oracle;

pub use data::model_data;
pub use oracle::{LearnError, LearnedOracle};

use equipoise_core::registry::{BuildError, ensure, nearest, parse};
use equipoise_env::designs::design;
use equipoise_env::{ChannelSpec, designs};
use schemars::{JsonSchema, Schema, schema_for};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::entries::MODELS;
use crate::registry::ModelEntry;

/// What a learned oracle is made of: any model, any channels, any design.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value")]
pub struct Learned {
    model: Map<String, Value>,
    /// Which pairs are bought, how many, and when.
    pub pairs: Pairs,
    /// How they are recorded, in order.
    pub labels: Vec<ChannelSpec>,
    /// What happens to pairs of which the fit says nothing.
    pub undetermined: Undetermined,
}

/// Most pairs of one purchase, all of which are held in memory.
pub(crate) const MOST_PAIRS: usize = 10_000_000;

/// Which pairs are bought, how many, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Pairs {
    /// The design: `uniform`, `all`, `reference` or `on-policy` (`equipoise list designs`).
    pub design: String,
    /// Pairs asked in each context at every purchase, in [1, 10000000].
    pub per_context: usize,
    /// Steps between purchases, whose labels are all kept; 0: bought once.
    pub refresh: u64,
}

impl Default for Pairs {
    fn default() -> Self {
        Self { design: "uniform".to_owned(), per_context: 200, refresh: 0 }
    }
}

/// What happens to pairs of which the fit says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Undetermined {
    /// The run is refused, with their number.
    #[default]
    Refuse,
    /// They count as even, which the notes of the run say with their number.
    Even,
}

/// The block as it is typed.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Block {
    /// The preference model: a name, or one name with a block of options (`equipoise list models`).
    model: Value,
    /// Which pairs are bought, how many, and when.
    pairs: Value,
    /// How they are recorded: label channels in order, each a name, or one name with a block of options (`equipoise list
    /// channels`).
    labels: Vec<Value>,
    /// What happens to pairs of which the fit says nothing, as counts of pairs that never met: `refuse` the run, or count them as
    /// `even`, which is then said.
    undetermined: Undetermined,
}

impl Default for Block {
    fn default() -> Self {
        let pairs = serde_json::to_value(Pairs::default()).expect("pairs serialise to JSON");
        Self {
            model: Value::String("counts".to_owned()),
            pairs,
            labels: Vec::new(),
            undetermined: Undetermined::Refuse,
        }
    }
}

impl Learned {
    /// Reads a block of parameters, `null` for all defaults. Everything but what depends on the game is checked.
    ///
    /// # Errors
    /// [`BuildError`] naming the key, the value and the rule.
    pub fn of_json(block: &Value) -> Result<Self, BuildError> {
        let Block { model, pairs, labels, undetermined } = parse(block)?;
        let model = resolved_model(&model)?;
        let pairs: Pairs = parse(&pairs).map_err(|e| e.within("pairs"))?;
        design(&pairs.design).map_err(|_| unknown_design(&pairs.design))?;
        let rule = format!("must be in [1, {MOST_PAIRS}]");
        ensure((1..=MOST_PAIRS).contains(&pairs.per_context), "pairs.per_context", pairs.per_context, &rule)?;
        let channel = |(k, value): (usize, &Value)| {
            ChannelSpec::of_json(value).map_err(|e| e.within(&format!("labels[{k}]")))
        };
        let labels: Vec<ChannelSpec> = labels.iter().enumerate().map(channel).collect::<Result<_, _>>()?;
        ChannelSpec::check_list(&labels)?;
        Ok(Self { model, pairs, labels, undetermined })
    }

    /// The parameters with their defaults.
    #[must_use]
    pub fn defaults() -> Value {
        serde_json::to_value(Block::default()).expect("a parameter block serialises to JSON")
    }

    /// JSON schema of the parameters.
    #[must_use]
    pub fn schema() -> Schema {
        schema_for!(Block)
    }

    /// The row of the model.
    ///
    /// # Panics
    /// Never: it was made from a row.
    #[must_use]
    pub fn entry(&self) -> &'static ModelEntry {
        let name = self.model.keys().next().expect("one model");
        crate::entries::model(name).expect("a model of the registry")
    }

    /// The options of the model, all of them.
    ///
    /// # Panics
    /// Never: there is one model.
    #[must_use]
    pub fn options(&self) -> &Value {
        self.model.values().next().expect("one model")
    }

    /// The design of its pairs.
    pub(crate) fn design(&self) -> &'static designs::DesignEntry {
        design(&self.pairs.design).expect("a design of the registry")
    }
}

impl TryFrom<Value> for Learned {
    type Error = BuildError;

    fn try_from(block: Value) -> Result<Self, BuildError> {
        Self::of_json(&block)
    }
}

impl std::fmt::Display for Learned {
    /// Model, number of pairs and channels in a few words, with every option that is not its default.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let entry = self.entry();
        let model = with_options(entry.name, self.options(), &(entry.defaults)());
        let Pairs { design, per_context, refresh } = &self.pairs;
        write!(f, "{model} of {per_context} {design} pairs")?;
        if *refresh > 0 {
            write!(f, " every {refresh} steps")?;
        }
        for label in &self.labels {
            let entry = label.entry();
            write!(f, ", {}", with_options(entry.name, label.options(), &(entry.defaults)()))?;
        }
        Ok(())
    }
}

/// `name(key=value, ..)` with the options that differ from their defaults.
fn with_options(name: &str, options: &Value, defaults: &Value) -> String {
    let all = options.as_object().into_iter().flatten();
    let own: Vec<String> = all
        .filter(|(key, value)| defaults.get(key) != Some(value))
        .map(|(key, value)| match value {
            Value::String(word) => format!("{key}={word}"),
            other => format!("{key}={other}"),
        })
        .collect();
    if own.is_empty() { name.to_owned() } else { format!("{name}({})", own.join(", ")) }
}

fn unknown_design(name: &str) -> BuildError {
    let names = || designs::DESIGNS.iter().map(|d| d.name);
    let near = nearest(name, names()).map_or(String::new(), |n| format!("; did you mean `{n}`?"));
    let known: Vec<&str> = names().collect();
    BuildError::range("pairs.design", name, format!("must be one of {}{near}", known.join(", ")))
}

/// `{ name: options }` with every option.
fn resolved_model(value: &Value) -> Result<Map<String, Value>, BuildError> {
    let (name, options) = match value {
        Value::String(name) => (name, Value::Null),
        Value::Object(block) if block.len() == 1 => {
            let (name, options) = block.iter().next().expect("one key");
            (name, options.clone())
        }
        other => {
            let problem = format!("expected the name of a model, or `name: {{ options }}`, found `{other}`");
            return Err(BuildError::Type { key: "model".to_owned(), problem });
        }
    };
    let entry = crate::entries::model(name).map_err(|unknown| {
        let near = unknown.nearest.map_or(String::new(), |n| format!("; did you mean `{n}`?"));
        let known: Vec<&str> = MODELS.iter().map(|m| m.name).collect();
        BuildError::range("model", name, format!("must be one of {}{near}", known.join(", ")))
    })?;
    entry.check(&options).map_err(|e| e.within(&format!("model.{}", entry.name)))?;
    let mut all = (entry.defaults)();
    if let (Some(all), Value::Object(given)) = (all.as_object_mut(), options) {
        all.extend(given);
    }
    Ok(Map::from_iter([(entry.name.to_owned(), all)]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn blocks_are_resolved_and_round_trip() {
        let block = json!({
            "model": "bradley-terry",
            "pairs": {"design": "reference", "per_context": 50},
            "labels": [{"flip": {"rate": 0.2}}, "half"]
        });
        let learned = Learned::of_json(&block).unwrap();
        let recorded = json!(learned);
        assert_eq!(serde_json::from_value::<Learned>(recorded.clone()).unwrap(), learned);
        assert_eq!(recorded["pairs"], json!({"design": "reference", "per_context": 50, "refresh": 0}));
        assert_eq!(recorded["labels"], json!([{"flip": {"rate": 0.2}}, {"half": {}}]));
        assert!(recorded["model"]["bradley-terry"].is_object());
        assert_eq!(learned.to_string(), "bradley-terry of 50 reference pairs, flip(rate=0.2), half");
        assert_eq!(Learned::of_json(&Value::Null).unwrap(), Learned::of_json(&Learned::defaults()).unwrap());
        let schema = Learned::schema();
        for key in Learned::defaults().as_object().unwrap().keys() {
            assert!(schema.as_value()["properties"][key]["description"].is_string(), "{key}");
        }
    }

    #[test]
    fn slips_are_named() {
        let refused = |block: Value| Learned::of_json(&block).unwrap_err().to_string();
        assert!(refused(json!({"modle": "counts"})).contains("did you mean `model`"));
        assert!(refused(json!({"model": "bradly-terry"})).contains("did you mean `bradley-terry`"));
        assert!(
            refused(json!({"model": {"counts": {"smoothin": 1}}}))
                .contains("unknown key `model.counts.smoothin`")
        );
        assert!(refused(json!({"pairs": {"desing": "all"}})).contains("`pairs.desing`"));
        assert!(refused(json!({"pairs": {"design": "refrence"}})).contains("did you mean `reference`"));
        assert!(refused(json!({"pairs": {"per_context": 0}})).contains("`pairs.per_context` = 0"));
        let most = 10_000_000;
        assert!(Learned::of_json(&json!({"pairs": {"per_context": most}})).is_ok());
        assert!(
            refused(json!({"pairs": {"per_context": most + 1}})).contains("`pairs.per_context` = 10000001")
        );
        assert!(refused(json!({"labels": ["ties", "drop", "votes"]})).contains("`labels[2]` = votes"));
        assert!(refused(json!({"labels": [{"flip": {"rate": 2}}]})).contains("`labels[0].flip.rate` = 2"));
        assert!(refused(json!({"labels": ["filp"]})).contains("did you mean `flip`"));
        assert!(refused(json!({"labels": ["soft", "flip"]})).contains("stands behind `soft`"));
    }
}
