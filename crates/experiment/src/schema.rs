//! JSON schema of experiment files, for editors: the fixed keys, and the parameters of every registered component.

use equipoise::data::GAME_FILES;
use equipoise::env::channels::CHANNELS;
use equipoise::env::designs::DESIGNS;
use equipoise::env::generators::GENERATORS;
use equipoise::eval::METRICS;
use equipoise::models::MODELS;
use equipoise::models::learned::Pairs;
use equipoise::oracles::{OracleRow, oracles};
use equipoise::policies::POLICIES;
use equipoise::registry;
use equipoise::schemars::schema_for;
use serde_json::{Map, Value, json};

use crate::spec::{DEFAULT_METRICS, DEFAULT_STEPS};

/// The schema, draft 2020-12.
#[must_use]
pub fn schema() -> Value {
    let number = json!({ "type": "number" });
    let numbers = json!({ "type": "array", "items": { "type": "number" } });
    let whole = json!({ "type": "integer", "minimum": 1 });
    let text = json!({ "type": "string" });
    let named = json!({ "type": "string", "description": "Name of the game in tables and on pages." });
    let count = json!({ "type": "integer", "minimum": 1, "default": 1,
        "description": "So many games of this kind, each from its own random stream." });
    let grid = |one: &Value| json!({ "anyOf": [one, { "type": "array", "items": one }] });
    let weights = json!({
        "description": "A number for each context, or the path of a file of them (.json, .csv); divided by their sum.",
        "anyOf": [numbers, text, { "type": "array", "items": { "anyOf": [numbers, text] } }]
    });
    let metric = json!({ "enum": METRICS.iter().map(|m| m.name).collect::<Vec<_>>() });
    let solvers = registry::solvers().map(|e| (e.name, e.summary, component((e.schema)().to_value(), &[])));
    let mut games: Vec<(&str, &str, Value)> = GENERATORS
        .iter()
        .map(|g| {
            let extra = [("name", &named), ("count", &count), ("context_weights", &weights)];
            (g.name, g.summary, component((g.schema)().to_value(), &extra))
        })
        .collect();
    games.extend(GAME_FILES.iter().map(|f| {
        let extra = [("name", &named), ("context_weights", &weights)];
        (f.name, f.summary, component((f.schema)().to_value(), &extra))
    }));
    let rows = oracles();
    let one_oracle = named_blocks(rows.iter().map(|o| (o.name, o.summary, of_oracle(o))));
    let oracles: Vec<String> = rows
        .iter()
        .map(|o| match (o.defaults)() {
            Value::Object(keys) if !keys.is_empty() => {
                format!("{}: {{{}}}", o.name, keys.keys().map(String::as_str).collect::<Vec<_>>().join(", "))
            }
            _ => o.name.to_owned(),
        })
        .collect();
    let policy = |words: &[&str], blocks: Value| {
        json!({ "anyOf": [{ "enum": words },
            { "type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": false,
              "properties": blocks }] })
    };
    let logits = json!({ "type": "array", "minItems": 1, "items": number });
    // a word may also be a key without a value
    let word = json!({ "type": "null" });
    let reference = json!({ "logits": logits, "path": text, "uniform": word,
        "random-normal": { "type": ["object", "null"], "additionalProperties": false,
            "properties": { "scale": { "type": "number", "minimum": 0, "maximum": 1000 } } } });
    let start = json!({ "logits": logits, "uniform": word, "reference": word });
    let tau = json!({ "type": "number", "minimum": 0 });
    let properties = [
        key("format", json!({ "const": 1 }), "Version of this format.", json!(1)),
        key(
            "name",
            text.clone(),
            "Name of the experiment and of its folder under results/: letters, digits, `-`, `_`, `.`. Else the file's name.",
            Value::Null,
        ),
        key("description", text.clone(), "One line about it, printed in the report.", Value::Null),
        key(
            "games",
            entries(games),
            "The games: names, or blocks of one key with options. A list as the value of an option is a grid. `use: FILE` takes \
             the entries of another file.",
            Value::Null,
        ),
        key(
            "reference",
            policy(&["uniform", "random-normal"], reference),
            "The reference policy of every game: `uniform`, `logits: [..]`, `path: FILE`, or `random-normal: { scale: 1 }`.",
            json!("uniform"),
        ),
        key(
            "start",
            policy(&["reference", "uniform"], start),
            "Where every method starts: `reference`, `uniform`, or `logits: [..]`.",
            json!("reference"),
        ),
        key(
            "policy",
            policy_classes(),
            "The class of policies around the reference that every method stays in: a name, or one name with a block of options; \
             only methods that can.",
            json!("table"),
        ),
        key(
            "tau",
            grid(&tau),
            "Temperature of the KL regularisation towards the reference, or a list of them; 0 is the original game.",
            json!(0),
        ),
        key(
            "oracle",
            grid(&one_oracle),
            &format!("What the methods see of a game, or a list: {}.", oracles.join(", or ")),
            json!("exact"),
        ),
        key(
            "solvers",
            entries(solvers),
            "The methods: names, or blocks of one key with parameters. A list as the value of a parameter is a sweep.",
            Value::Null,
        ),
        key(
            "repetitions",
            json!({ "type": "integer", "minimum": 1, "maximum": 1_000_000 }),
            "Runs of every method on every game with every tau and oracle; each has its own random streams.",
            json!(1),
        ),
        key(
            "seed",
            json!({ "type": "integer", "minimum": 0 }),
            "Seed of all random streams; `--seed` goes before it.",
            json!(0),
        ),
        key(
            "limits",
            block([
                key("steps", whole.clone(), "Most steps of a run.", json!(DEFAULT_STEPS)),
                key("queries", whole.clone(), "Most queries of win rates.", Value::Null),
                key("duels", whole.clone(), "Most duels, of a sampled oracle.", Value::Null),
                key(
                    "seconds",
                    json!({ "type": "number", "exclusiveMinimum": 0 }),
                    "Most seconds in the steps of a run; results then depend on the machine.",
                    Value::Null,
                ),
                key(
                    "keep_best",
                    metric.clone(),
                    "Early stopping in hindsight: of the recorded iterates all metrics of the one that is best by this metric, as \
                     `welfare_test` (a validation reward), are recorded as those of the iterate `best`. The run goes on to its limits, \
                     and its policy is the last one.",
                    Value::Null,
                ),
                key(
                    "patience",
                    whole.clone(),
                    "Early stopping: a run with `keep_best` ends at the first record that is this many steps or more after that of its \
                     best iterate.",
                    Value::Null,
                ),
                key(
                    "target",
                    json!({ "type": "object", "propertyNames": metric, "additionalProperties": number }),
                    "A run ends once these metrics of its last iterate are reached, as `duality_gap: 1e-6`.",
                    Value::Null,
                ),
            ]),
            "When a run ends.",
            Value::Null,
        ),
        key(
            "test_contexts",
            whole.clone(),
            "How many contexts of every game, the last ones, are prompts that no method sees. `duality_gap_test` is the gap and `welfare_test` the welfare there of \
             the policy that a method's parameters have on them; it needs a `policy` whose parameters belong to no context \
             (`log-linear`, `mlp`, `token-tree` with `order`).",
            Value::Null,
        ),
        key(
            "record",
            json!({ "anyOf": [{ "const": "log" }, { "type": "object", "properties": {
                "every": whole, "at": { "type": "array", "items": { "type": "integer", "minimum": 0 } } } }] }),
            "Which steps are recorded: `log` (evenly on a logarithmic scale), `every: K`, or `at: [steps]`.",
            json!("log"),
        ),
        key(
            "metrics",
            json!({ "type": "array", "items": metric, "minItems": 1 }),
            "What is measured of every recorded iterate.",
            json!(DEFAULT_METRICS),
        ),
        key(
            "save_policies",
            json!({ "enum": ["final", "recorded"] }),
            "Which policies are kept: the final one, or that of every recorded step.",
            json!("final"),
        ),
        key(
            "noise",
            json!({ "enum": ["shared", "independent"] }),
            "Whether the methods of a repetition meet the same draws of a sampled oracle, so that they are compared in pairs, \
             or each its own.",
            json!("shared"),
        ),
    ];
    let mut schema = block(properties);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("Equipoise experiment");
    schema["required"] = json!(["games", "solvers"]);
    schema
}

/// A key with what it means, and its value where it is left out.
fn key(name: &'static str, mut schema: Value, description: &str, default: Value) -> (&'static str, Value) {
    schema["description"] = json!(description);
    if !default.is_null() {
        schema["default"] = default;
    }
    (name, schema)
}

/// An object of these keys and no others.
fn block<const N: usize>(keys: [(&'static str, Value); N]) -> Value {
    let properties: Map<String, Value> = keys.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
    json!({ "type": "object", "additionalProperties": false, "properties": properties })
}

/// A policy class: its name, or the name with a block of options.
fn policy_classes() -> Value {
    let names: Vec<&str> = POLICIES.iter().map(|p| p.name).collect();
    let blocks: Map<String, Value> = POLICIES
        .iter()
        .map(|p| {
            let mut schema = (p.schema)().to_value();
            schema.as_object_mut().and_then(|object| object.remove("$schema"));
            (p.name.to_owned(), schema)
        })
        .collect();
    json!({ "anyOf": [{ "enum": names },
        { "type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": false,
          "properties": blocks }] })
}

/// A name, or one name with a block of options.
fn named_blocks<'a>(rows: impl Iterator<Item = (&'a str, &'a str, Value)>) -> Value {
    let (mut names, mut blocks) = (Vec::new(), Map::new());
    for (name, summary, mut schema) in rows {
        names.push(json!({ "const": name, "description": summary }));
        schema["description"] = json!(summary);
        blocks.insert(name.to_owned(), schema);
    }
    names.push(
        json!({ "type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": false,
                       "properties": blocks }),
    );
    json!({ "anyOf": names })
}

/// The options of an oracle; of the learned one with the rows of its registries.
fn of_oracle(row: &OracleRow) -> Value {
    let mut schema = component((row.schema)().to_value(), &[]);
    if row.name != "learned" {
        return schema;
    }
    let grid = |one: Value| json!({ "anyOf": [one, { "type": "array", "items": one }] });
    let models =
        named_blocks(MODELS.iter().map(|m| (m.name, m.definition, component((m.schema)().to_value(), &[]))));
    let channels =
        named_blocks(CHANNELS.iter().map(|c| (c.name, c.summary, component((c.schema)().to_value(), &[]))));
    let designs = DESIGNS.iter().map(|d| json!({ "const": d.name, "description": d.summary }));
    let mut pairs = component(schema_for!(Pairs).to_value(), &[]);
    pairs["properties"]["design"]["anyOf"] = Value::Array(designs.collect());
    let channels = json!({ "type": "array", "items": channels });
    for (key, of_key) in [("model", grid(models)), ("pairs", grid(pairs)), ("labels", grid(channels))] {
        let told = schema["properties"][key]["description"].take();
        schema["properties"][key] = of_key;
        schema["properties"][key]["description"] = told;
    }
    schema
}

/// A list of names, or of one-key blocks.
fn entries<'a>(kinds: impl IntoIterator<Item = (&'a str, &'a str, Value)>) -> Value {
    let mut alternatives =
        vec![json!({ "type": "object", "required": ["use"], "properties": { "use": { "type": "string" } } })];
    for (name, summary, schema) in kinds {
        alternatives.push(json!({ "const": name, "description": summary }));
        alternatives.push(json!({ "type": "object", "required": [name], "additionalProperties": false,
                                  "properties": { name: schema } }));
    }
    json!({ "type": "array", "minItems": 1, "items": { "anyOf": alternatives } })
}

/// A component's own schema with every parameter open to a grid.
fn component(mut schema: Value, extra: &[(&str, &Value)]) -> Value {
    if let Some(object) = schema.as_object_mut() {
        object.remove("$schema");
        let mut properties =
            object.remove("properties").and_then(|p| p.as_object().cloned()).unwrap_or_default();
        for one in properties.values_mut() {
            let told = ["description", "default"].map(|what| (what, one.get(what).cloned()));
            let inner = one.take();
            *one = json!({ "anyOf": [inner, { "type": "array", "items": inner }] });
            for (what, value) in told {
                if let Some(value) = value {
                    one[what] = value;
                }
            }
        }
        properties.extend(extra.iter().map(|(k, v)| ((*k).to_owned(), (*v).clone())).collect::<Map<_, _>>());
        object.insert("properties".into(), Value::Object(properties));
    }
    schema
}
