//! JSON schema of experiment files, for editors: the fixed keys, and the parameters of every registered component.

use equipoise::data::GAME_FILES;
use equipoise::env::ORACLES;
use equipoise::env::generators::GENERATORS;
use equipoise::eval::METRICS;
use equipoise::registry;
use serde_json::{Map, Value, json};

/// The schema, draft 2020-12.
#[must_use]
pub fn schema() -> Value {
    let number = json!({ "type": "number" });
    let numbers = json!({ "type": "array", "items": { "type": "number" } });
    let whole = json!({ "type": "integer", "minimum": 1 });
    let text = json!({ "type": "string" });
    let grid = |one: &Value| json!({ "anyOf": [one, { "type": "array", "items": one }] });
    let weights = json!({
        "description": "a number for each context, or the path of a file of them (.json, .csv); divided by their sum",
        "anyOf": [numbers, text, { "type": "array", "items": { "anyOf": [numbers, text] } }]
    });
    let metric = json!({ "enum": METRICS.iter().map(|m| m.name).collect::<Vec<_>>() });
    let solvers = registry::solvers().map(|e| (e.name, e.summary, component((e.schema)().to_value(), &[])));
    let mut games: Vec<(&str, &str, Value)> = GENERATORS
        .iter()
        .map(|g| {
            let extra = [("name", &text), ("count", &whole), ("context_weights", &weights)];
            (g.name, g.summary, component((g.schema)().to_value(), &extra))
        })
        .collect();
    games.extend(GAME_FILES.iter().map(|f| {
        let extra = [("name", &text), ("context_weights", &weights)];
        (f.name, f.summary, component((f.schema)().to_value(), &extra))
    }));
    let oracles: Vec<String> = ORACLES
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
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Equipoise experiment",
        "type": "object",
        "required": ["games", "solvers"],
        "additionalProperties": false,
        "properties": {
            "format": { "const": 1 },
            "name": text,
            "description": text,
            "games": entries(games),
            "reference": policy(&["uniform", "random-normal"], reference),
            "start": policy(&["reference", "uniform"], start),
            "tau": grid(&tau),
            "oracle": { "description": oracles.join(", or ") },
            "solvers": entries(solvers),
            "repetitions": whole,
            "seed": { "type": "integer", "minimum": 0 },
            "limits": { "type": "object", "additionalProperties": false, "properties": {
                "steps": whole, "queries": whole, "duels": whole, "seconds": number,
                "target": { "type": "object", "propertyNames": metric, "additionalProperties": number } } },
            "record": { "anyOf": [{ "const": "log" }, { "type": "object", "properties": {
                "every": whole, "at": { "type": "array", "items": { "type": "integer", "minimum": 0 } } } }] },
            "metrics": { "type": "array", "items": metric, "minItems": 1 },
            "save_policies": { "enum": ["final", "recorded"] },
            "noise": {
                "enum": ["shared", "independent"],
                "description": "Whether the methods of a repetition meet the same draws of a sampled oracle, so that they \
                                are compared in pairs (default), or each its own."
            }
        }
    })
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
            let description = one.get("description").cloned().unwrap_or(Value::Null);
            let inner = one.take();
            *one =
                json!({ "description": description, "anyOf": [inner, { "type": "array", "items": inner }] });
        }
        properties.extend(extra.iter().map(|(k, v)| ((*k).to_owned(), (*v).clone())).collect::<Map<_, _>>());
        object.insert("properties".into(), Value::Object(properties));
    }
    schema
}
