//! Numbers of published code (see README.md), read for the tests.

#![allow(dead_code, reason = "every test reads some of it")]

use serde_json::Value;

/// The cases of a file.
pub(crate) fn cases(file: &str) -> Vec<Value> {
    let path = format!("{}/tests/golden/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let whole: Value = serde_json::from_str(&text).unwrap();
    whole["cases"].as_array().unwrap().clone()
}

/// A list of numbers; one number is a list of it.
pub(crate) fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(list) => list.iter().map(|x| x.as_f64().unwrap()).collect(),
        one => vec![one.as_f64().unwrap()],
    }
}

/// A list of lists of numbers.
pub(crate) fn table(value: &Value) -> Vec<Vec<f64>> {
    value.as_array().unwrap().iter().map(numbers).collect()
}

/// Within `tolerance`, relative where above 1.
pub(crate) fn close(found: f64, published: f64, tolerance: f64, at: &str) {
    assert!(
        (found - published).abs() <= tolerance * published.abs().max(1.0),
        "{at}: {found}, not {published}"
    );
}
