//! `equipoise loss` on the numbers of published code, as a trainer's author would call it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use assert_cmd::Command;
use serde_json::Value;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../solver-regression/tests/golden");

fn loss(name: &str, hyper: &Value, inputs: &Value) -> Command {
    let mut command = Command::cargo_bin("equipoise").unwrap();
    command.args(["loss", name, "--input", "-", "--json"]).write_stdin(inputs.to_string());
    for (key, value) in hyper.as_object().unwrap() {
        // text is typed without quotes
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        command.args(["--set", &format!("{key}={value}")]);
    }
    command
}

fn flat(value: &Value) -> Vec<f64> {
    match value {
        Value::Number(n) => vec![n.as_f64().unwrap()],
        Value::Array(list) => list.iter().flat_map(flat).collect(),
        other => panic!("not numbers: {other}"),
    }
}

fn close(what: &str, found: &Value, expected: &Value) {
    let (found, expected) = (flat(found), flat(expected));
    assert_eq!(found.len(), expected.len(), "{what}");
    for (a, b) in found.iter().zip(&expected) {
        assert!((a - b).abs() <= 1e-12 * b.abs().max(1.0), "{what}: {a} where {b} was published");
    }
}

/// Options are named as in the file's `hyper`, arrays as in its `inputs`, the objective as the file.
#[test]
fn pairs_by_the_names_of_the_published_files() {
    let files = [
        "dpo",
        "cdpo",
        "rdpo",
        "ipo",
        "hinge_slic",
        "simpo",
        "fdpo",
        "mmpo",
        "todo",
        "exo_pair",
        "nca_pair",
        "sppo",
        "inpo",
    ];
    for file in files {
        let text = std::fs::read_to_string(format!("{GOLDEN}/{file}.json")).unwrap();
        let golden: Value = serde_json::from_str(&text).unwrap();
        for case in golden["cases"].as_array().unwrap() {
            let name = file.replace('_', "-");
            let run = loss(&name, &case["hyper"], &case["inputs"]).assert().success();
            let answer: Value = serde_json::from_slice(&run.get_output().stdout).unwrap();
            close(&format!("{file} loss"), &answer["loss"], &case["outputs"]["loss"]);
            close(&format!("{file} mean"), &answer["loss_mean"], &case["outputs"]["loss_mean"]);
            for (input, expected) in case["outputs"]["gradient_of_loss"].as_object().unwrap() {
                close(&format!("{file} d/d {input}"), &answer["gradient"][input], expected);
            }
            assert!(answer["objective"].is_string() && answer["parameters"].is_object(), "{file}");
        }
    }
}

#[test]
fn slips_end_with_exit_code_2_and_a_way_out() {
    let inputs = serde_json::json!({ "policy_chosen": [-1.0], "policy_rejected": [-2.0],
                                     "reference_chosen": [-1.0], "reference_rejected": [-2.0] });
    let says = |command: &mut Command| {
        let run = command.assert().code(2);
        assert!(run.get_output().stdout.is_empty());
        String::from_utf8(run.get_output().stderr.clone()).unwrap()
    };
    let none = serde_json::json!({});
    assert!(says(&mut loss("dpoo", &none, &inputs)).contains("did you mean `dpo`?"));
    assert!(says(&mut loss("dpo", &serde_json::json!({"bta": 1}), &inputs)).contains("did you mean `beta`?"));
    assert!(says(&mut loss("dpo", &serde_json::json!({"beta": -1}), &inputs)).contains("above 0"));
    assert!(says(&mut loss("simpo", &none, &inputs)).contains("`length_chosen` is missing"));
    assert!(says(&mut loss("dpo", &none, &serde_json::json!([1]))).contains("one JSON object of arrays"));
    let mut missing = Command::cargo_bin("equipoise").unwrap();
    missing.args(["loss", "dpo", "--input", "no-such-file.json"]);
    assert!(says(&mut missing).contains("no-such-file.json: cannot be read"));
}
