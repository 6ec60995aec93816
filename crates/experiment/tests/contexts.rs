//! Context weights of any game, and the words of `reference` and `start` in schema and parser.

#![allow(clippy::unwrap_used)] // a test may

use std::path::Path;

use equipoise_experiment::schema::schema;
use equipoise_experiment::{Plan, file, resolve};
use serde_json::{Value, json};

fn plan(folder: &Path, text: &str) -> Result<Plan, String> {
    let parsed = file::parse("c.yaml", folder, text.as_bytes(), &[]);
    parsed.and_then(|f| Plan::new(resolve(&f)?)).map_err(|e| e.to_string())
}

fn with_game(game: &str) -> String {
    format!("games:\n  - {game}\nsolvers:\n  - mwu: {{ step_size: 0.5 }}\n")
}

#[test]
fn context_weights_of_a_generator_and_of_a_file() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("w.csv"), "weight\n3\n1\n").unwrap();
    std::fs::write(dir.path().join("w.json"), "[3, 1]").unwrap();
    std::fs::write(dir.path().join("g.csv"), "0.5,0.7\n0.3,0.5\n").unwrap();
    let made =
        |game: &str| plan(dir.path(), &with_game(game)).and_then(|p| p.make(0).map_err(|e| e.to_string()));
    let drawn = "random-uniform: { actions: 3, contexts: 2, context_weights: ";
    let plain = made("random-uniform: { actions: 3, contexts: 2 }").unwrap();
    assert_eq!(plain.game.weights(), [0.5, 0.5]);
    for weights in ["[3, 1]", "w.csv", "w.json"] {
        let game = made(&format!("{drawn}{weights} }}")).unwrap();
        assert_eq!(game.game.weights(), [0.75, 0.25]);
        assert_ne!(game.identity, plain.identity);
    }
    // equal weights are those of a game without the key, to the bit
    assert_eq!(made(&format!("{drawn}[1, 1] }}")).unwrap().game.weights(), plain.game.weights());
    assert_eq!(made("matrix: { path: g.csv, context_weights: [2] }").unwrap().game.weights(), [1.0]);
    // a grid: one game for each list
    let grid = plan(dir.path(), &with_game(&format!("{drawn}[[1, 0], [1, 3]] }}"))).unwrap();
    assert_eq!(grid.games(), 2);
    assert_eq!(grid.make(1).unwrap().game.weights(), [0.25, 0.75]);
    // read again elsewhere, the plan has the same games
    let whole = plan(dir.path(), &with_game(&format!("{drawn}w.csv }}"))).unwrap();
    let again = plan(Path::new("."), &whole.to_yaml()).unwrap();
    assert_eq!(again.make(0).unwrap().game.weights(), [0.75, 0.25]);
    for (weights, fragment) in [
        ("[3]", "1 context weights given for 2 contexts"),
        ("[3, -1]", "-1"),
        ("[0, 0]", "sum to 0"),
        ("[a, b]", "must be a list of numbers, one for each context"),
        ("2", "must be a list of numbers, one for each context"),
        ("none.csv", "none.csv: cannot be read"),
    ] {
        let error = made(&format!("{drawn}{weights} }}")).unwrap_err();
        assert!(error.contains(fragment) && error.contains("c.yaml:2"), "{error}");
    }
}

/// Whether a value is what a schema allows, of the rules that these schemas use.
fn allows(schema: &Value, value: &Value) -> bool {
    let any = |key: &str| schema[key].as_array();
    let of_type = |name: &Value| match name.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        other => panic!("no rule for the type {other}"),
    };
    let kind = match &schema["type"] {
        Value::Null => true,
        Value::Array(names) => names.iter().any(of_type),
        name => of_type(name),
    };
    let members = value.as_object().is_none_or(|map| {
        let most = schema["maxProperties"].as_u64().is_none_or(|most| map.len() as u64 <= most);
        let least = schema["minProperties"].as_u64().is_none_or(|least| map.len() as u64 >= least);
        let each = map.iter().all(|(key, v)| match schema["properties"].get(key) {
            Some(inner) => allows(inner, v),
            None => schema["additionalProperties"] != json!(false),
        });
        most && least && each
    });
    let items = value.as_array().is_none_or(|list| {
        let least = schema["minItems"].as_u64().is_none_or(|least| list.len() as u64 >= least);
        least && (schema["items"].is_null() || list.iter().all(|v| allows(&schema["items"], v)))
    });
    let range = value.as_f64().is_none_or(|v| {
        schema["minimum"].as_f64().is_none_or(|least| v >= least)
            && schema["maximum"].as_f64().is_none_or(|most| v <= most)
    });
    kind && members
        && items
        && range
        && any("enum").is_none_or(|words| words.contains(value))
        && any("anyOf").is_none_or(|ways| ways.iter().any(|way| allows(way, value)))
}

#[test]
fn schema_and_parser_agree_on_reference_and_start() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("p.csv"), "label,prob\n0,0.4\n1,0.6\n").unwrap();
    let whole = schema();
    let mut accepted = 0;
    for key in ["reference", "start"] {
        for value in [
            json!("uniform"),
            json!("reference"),
            json!("random-normal"),
            json!("logits"),
            json!("path"),
            json!("unifrom"),
            json!({ "uniform": null }),
            json!({ "reference": null }),
            json!({ "random-normal": null }),
            json!({ "random-normal": { "scale": 2.0 } }),
            json!({ "random-normal": { "scale": 2000 } }),
            json!({ "random-normal": { "scal": 2 } }),
            json!({ "logits": [0, 1.5] }),
            json!({ "logits": [] }),
            json!({ "logits": 1 }),
            json!({ "logits": ["a", 1] }),
            json!({ "path": "p.csv" }),
            json!({ "path": 5 }),
            json!({ "uniform": [1] }),
            json!({ "logits": [0, 1], "path": "p.csv" }),
            json!({}),
            json!(3),
            json!(["uniform"]),
        ] {
            // JSON is YAML
            let text =
                format!("{}{key}: {value}\n", with_game("matrix: { values: [[0.5, 0.7], [0.3, 0.5]] }"));
            let parsed = plan(dir.path(), &text);
            let by_schema = allows(&whole["properties"][key], &value);
            assert_eq!(by_schema, parsed.is_ok(), "{key}: {value}: {parsed:?}");
            accepted += usize::from(by_schema);
        }
    }
    assert_eq!(accepted, 7 + 5);
}
