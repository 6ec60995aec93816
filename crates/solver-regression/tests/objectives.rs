//! Every objective against the numbers of published code, and its gradient against differences of its own loss.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use equipoise_solver_regression::objectives::{
    Array, Evaluation, Inputs, Minimiser, OBJECTIVES, ObjectiveEntry, objective,
};
use serde_json::{Map, Value, json};

/// Relative to the larger of 1 and the number itself; what a file says otherwise is said where it is used.
const TOLERANCE: f64 = 1e-12;

fn golden(file: &str) -> Vec<Value> {
    let path = format!("{}/tests/golden/{file}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let file: Value = serde_json::from_str(&text).unwrap();
    file["cases"].as_array().unwrap().clone()
}

fn flat(value: &Value) -> Vec<f64> {
    match value {
        Value::Number(n) => vec![n.as_f64().unwrap()],
        Value::Array(list) => list.iter().flat_map(flat).collect(),
        other => panic!("not numbers: {other}"),
    }
}

fn close(what: &str, found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (k, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= TOLERANCE * b.abs().max(1.0), "{what}[{k}]: {a} where {b} was published");
    }
}

/// A case's options and inputs without the keys of `leave`.
fn case(case: &Value, leave: &[&str]) -> (Value, Inputs) {
    let without = |object: &Value| -> Map<String, Value> {
        let entries = object.as_object().unwrap().iter().filter(|(k, _)| !leave.contains(&k.as_str()));
        entries.map(|(k, v)| (k.clone(), v.clone())).collect()
    };
    (
        Value::Object(without(&case["hyper"])),
        Inputs::from_json(&Value::Object(without(&case["inputs"]))).unwrap(),
    )
}

fn evaluate(entry: &ObjectiveEntry, options: &Value, inputs: &Inputs) -> Evaluation {
    entry
        .evaluate(options, inputs)
        .unwrap_or_else(|e| panic!("{} with {options}: {e}", entry.name))
        .evaluation
}

/// Central differences of the sum of all losses by every number that the gradient is taken by.
fn gradient_is_the_slope(name: &str, options: &Value, inputs: &Inputs, found: &Evaluation, tolerance: f64) {
    let entry = objective(name).unwrap();
    for (input, gradient) in &found.gradient {
        let at = inputs.array(input).unwrap().numbers();
        for (k, slope) in gradient.numbers().into_iter().enumerate() {
            let step = 1e-4 * at[k].abs().max(1.0);
            let sum = |by: f64| -> f64 {
                let moved = replace(inputs.array(input).unwrap(), k, at[k] + by * step);
                evaluate(entry, options, &inputs.clone().with(input, moved)).loss.iter().sum()
            };
            let numeric = (8.0 * (sum(1.0) - sum(-1.0)) - (sum(2.0) - sum(-2.0))) / (12.0 * step);
            let scale = slope.abs().max(found.loss.iter().fold(1.0, |m: f64, l| m.max(l.abs())));
            assert!(
                (slope - numeric).abs() <= tolerance * scale,
                "{name} {options}: d/d {input}[{k}] is {slope}, differences give {numeric}"
            );
        }
    }
}

/// The array with its `k`-th number replaced.
fn replace(array: &Array, k: usize, value: f64) -> Array {
    fn walk(array: &Array, left: &mut usize, value: f64) -> Array {
        match array {
            Array::Number(x) => {
                let hit = *left == 0;
                *left = left.wrapping_sub(1);
                Array::Number(if hit { value } else { *x })
            }
            Array::List(list) => Array::List(list.iter().map(|a| walk(a, left, value)).collect()),
        }
    }
    walk(array, &mut k.clone(), value)
}

/// Files whose cases hold `loss`, `loss_mean` and `gradient_of_loss` of pairs.
#[test]
fn pairs_have_the_published_losses_and_gradients() {
    let files = [
        ("dpo", "dpo"),
        ("dpo_extreme", "dpo"),
        ("cdpo", "cdpo"),
        ("rdpo", "rdpo"),
        ("ipo", "ipo"),
        ("hinge_slic", "hinge-slic"),
        ("simpo", "simpo"),
        ("fdpo", "fdpo"),
        ("mmpo", "mmpo"),
        ("todo", "todo"),
        ("exo_pair", "exo-pair"),
        ("nca_pair", "nca-pair"),
        ("sppo", "sppo"),
        ("inpo", "inpo"),
        ("extras", ""),
    ];
    for (file, name) in files {
        for one in golden(file) {
            let (options, inputs) = case(&one, if file == "extras" { &["loss"] } else { &[] });
            let name = match one["hyper"]["loss"].as_str() {
                Some("apo_zero") => "apo-zero",
                Some("apo_down") => "apo-down",
                Some("bco_pair (no running mean)") => "bco",
                Some("discopop tau .05") => "discopop",
                Some("dpop lam 5") => "dpop",
                Some("cpo + nll") => "cpo",
                Some(other) => panic!("{other}"),
                None => name,
            };
            let found = evaluate(objective(name).unwrap(), &options, &inputs);
            let what = format!("{file} {options}");
            close(&format!("{what} loss"), &found.loss, &flat(&one["outputs"]["loss"]));
            close(&format!("{what} mean"), &[found.loss_mean()], &flat(&one["outputs"]["loss_mean"]));
            for (input, expected) in one["outputs"]["gradient_of_loss"].as_object().unwrap() {
                let gradient = found.gradient.get(input).unwrap_or_else(|| panic!("{what}: no d/d {input}"));
                close(&format!("{what} d/d {input}"), &gradient.numbers(), &flat(expected));
            }
            let rough = ["dpo_extreme", "hinge_slic"].contains(&file) || name == "discopop";
            if !rough {
                gradient_is_the_slope(name, &options, &inputs, &found, 1e-7);
            }
        }
    }
}

#[test]
fn odds_losses_have_the_published_numbers_and_differ_by_their_identity() {
    for one in golden("asft_orpo") {
        let (options, inputs) = case(&one, &[]);
        let both = ["asft", "orpo"].map(|name| {
            let found = evaluate(objective(name).unwrap(), &options, &inputs);
            close(&format!("{name} loss"), &found.loss, &flat(&one["outputs"][format!("loss_{name}")]));
            for (input, expected) in one["outputs"][format!("gradient_{name}")].as_object().unwrap() {
                close(&format!("{name} d/d {input}"), &found.gradient[input].numbers(), &flat(expected));
            }
            gradient_is_the_slope(name, &options, &inputs, &found, 1e-7);
            found.loss
        });
        if options["beta"] == json!(1.0) {
            let gap: Vec<f64> = both[1].iter().zip(&both[0]).map(|(o, a)| o - a).collect();
            close("orpo - asft", &gap, &flat(&one["identity_ORPO_minus_ASFT"]));
        }
    }
}

#[test]
fn kto_has_the_published_parts() {
    for one in golden("kto") {
        let (options, inputs) = case(&one, &[]);
        let found = evaluate(objective("kto").unwrap(), &options, &inputs);
        for part in ["kl", "loss_desirable", "loss_undesirable"] {
            close(part, &found.parts[part].numbers(), &flat(&one["outputs"][part]));
        }
        for input in ["policy_chosen", "policy_rejected"] {
            let expected = flat(&one["outputs"][format!("gradient_{input}")]);
            close(input, &found.gradient[input].numbers(), &expected);
        }
        gradient_is_the_slope("kto", &options, &inputs, &found, 1e-9);
    }
}

#[test]
fn rewards_have_the_published_losses() {
    for one in golden("rebel") {
        let (options, inputs) = case(&one, &[]);
        let found = evaluate(objective("rebel").unwrap(), &options, &inputs);
        close("rebel", &found.loss, &flat(&one["outputs"]["loss_per_pair"]));
        close("rebel mean", &[found.loss_mean()], &flat(&one["outputs"]["mean_loss"]));
        for (input, published) in [("new_log_prob_y", "gradient_y"), ("new_log_prob_y2", "gradient_y2")] {
            // the published gradient is of the mean
            let mean = found.gradient[input].times(1.0 / found.loss.len() as f64);
            close(input, &mean.numbers(), &flat(&one["outputs"][published]));
        }
        gradient_is_the_slope("rebel", &options, &inputs, &found, 1e-8);
    }
    for one in golden("helpsteer2") {
        let (_, inputs) = case(&one, &["regression_output", "regression_label"]);
        for loss in ["regular_bt", "margin_bt", "scaled_bt"] {
            let options = json!({ "loss": loss });
            let found = evaluate(objective("helpsteer2").unwrap(), &options, &inputs);
            close(loss, &found.loss, &flat(&one["outputs"]["loss"][loss]));
            let (first, second) =
                (found.gradient["reward_first"].numbers(), found.gradient["reward_second"].numbers());
            let both: Vec<f64> = first.into_iter().zip(second).flat_map(|(a, b)| [a, b]).collect();
            close(loss, &both, &flat(&one["outputs"]["gradient_first_second"][loss]));
            gradient_is_the_slope("helpsteer2", &options, &inputs, &found, 1e-9);
        }
    }
}

#[test]
fn the_general_preference_model_has_the_published_losses() {
    let gpm = objective("gpm").unwrap();
    for one in golden("gpm") {
        let (hyper, out) = (&one["hyper"], &one["outputs"]);
        let tau = hyper["tau"].clone();
        if hyper["gate"] == json!(true) {
            let mut inputs = one["inputs"].clone();
            let inputs = inputs.as_object_mut().unwrap();
            inputs.retain(|key, _| key == "chosen" || key == "rejected");
            inputs.insert("gate".to_owned(), out["gate"].clone());
            let inputs = Inputs::from_json(&json!(inputs)).unwrap();
            let options = json!({ "tau": tau });
            let found = evaluate(gpm, &options, &inputs);
            close("gated loss", &found.loss, &flat(&out["loss"]));
            close("gated score", &found.parts["score"].numbers(), &flat(&out["score"]));
            gradient_is_the_slope("gpm", &options, &inputs, &found, 1e-6);
            continue;
        }
        let side = |k: usize| -> Vec<Value> {
            let pairs = out["pairs"].as_array().unwrap().iter();
            pairs.map(|p| one["inputs"]["embedding"][p[k].as_u64().unwrap() as usize].clone()).collect()
        };
        let rows = json!({ "chosen": side(0), "rejected": side(1) });
        let mut with_margin = rows.clone();
        with_margin["margin"] = one["inputs"]["margin"].clone();
        let inputs = Inputs::from_json(&rows).unwrap();
        let options = json!({ "tau": tau });
        let found = evaluate(gpm, &options, &inputs);
        close("loss", &found.loss, &flat(&out["loss"]));
        close("chosen", &found.gradient["chosen"].numbers(), &flat(&out["gradient_chosen"]));
        close("rejected", &found.gradient["rejected"].numbers(), &flat(&out["gradient_rejected"]));
        gradient_is_the_slope("gpm", &options, &inputs, &found, 1e-5);
        let found = evaluate(gpm, &options, &Inputs::from_json(&with_margin).unwrap());
        close("margin", &found.loss, &flat(&out["loss_with_margin"]));
        let options = json!({ "tau": tau, "loss": "squared" });
        let found = evaluate(gpm, &options, &inputs);
        close("squared", &found.loss, &flat(&out["regression_loss_target_margin_10"]));
        if let Some(learned) = out.get("learnable_tau_value") {
            // tau = max(softplus(raw), 0.01): the chain rule through the temperature
            let found = evaluate(gpm, &json!({ "tau": learned }), &inputs);
            close("learned tau", &found.loss, &flat(&out["learnable_tau_loss"]));
            let raw: f64 = -2.25;
            let slope = 1.0 / (1.0 + (-raw).exp());
            let by_raw: Vec<f64> = found.parts["tau_gradient"].numbers().iter().map(|g| g * slope).collect();
            close("raw", &by_raw, &flat(&out["learnable_tau_gradient_raw"]));
        }
    }
    let odd = Inputs::from_json(&json!({"chosen": [[1.0]], "rejected": [[2.0]]})).unwrap();
    let error = gpm.evaluate(&Value::Null, &odd).unwrap_err().to_string();
    assert!(error.contains("chosen[0]") && error.contains("even"), "{error}");
}

#[test]
fn lists_have_the_published_losses() {
    for one in golden("pro") {
        let (options, inputs) = case(&one, &["n", "kind"]);
        let found = evaluate(objective("pro").unwrap(), &options, &inputs);
        close("pro", &found.loss, &flat(&one["outputs"]["total_loss"]));
        for part in ["mean_log_prob", "stage_loss", "sft_term"] {
            close(part, &found.parts[part].numbers(), &flat(&one["outputs"][part]));
        }
        let gradient = &found.gradient["token_log_probs"];
        close("pro gradient", &gradient.numbers(), &flat(&one["outputs"]["gradient_token_log_probs"]));
        gradient_is_the_slope("pro", &options, &inputs, &found, 1e-7);
        let mut plain = options.clone();
        plain["eps"] = json!(0.0);
        let without = evaluate(objective("pro").unwrap(), &plain, &inputs);
        close("pro without eps", &without.loss, &flat(&one["outputs"]["total_loss_without_eps"]));
    }
    for one in golden("brain") {
        let (options, inputs) =
            case(&one, &["n", "posterior_mean", "policy_mean", "proposal_mean", "proposal", "samples"]);
        let found = evaluate(objective("brain").unwrap(), &options, &inputs);
        close("brain", &found.loss, &flat(&one["outputs"]["loss_KL_a_b"]));
        for part in ["a", "b"] {
            close(part, &found.parts[part].numbers(), &flat(&one["outputs"][part]));
        }
        let expected = flat(&one["outputs"]["gradient_of_loss_log_policy"]);
        close("brain gradient", &found.gradient["log_policy"].numbers(), &expected);
        gradient_is_the_slope("brain", &options, &inputs, &found, 1e-9);
    }
    for one in golden("exo_list") {
        let (options, inputs) = case(&one, &["N"]);
        let found = evaluate(objective("exo-list").unwrap(), &options, &inputs);
        close("exo-list", &[found.loss_mean()], &flat(&one["outputs"]["mean_loss_over_groups"]));
        let mean = found.gradient["policy"].times(1.0 / found.loss.len() as f64);
        close("exo-list gradient", &mean.numbers(), &flat(&one["outputs"]["gradient_policy"]));
        gradient_is_the_slope("exo-list", &options, &inputs, &found, 1e-9);
    }
    for one in golden("nca_list") {
        let (options, inputs) = case(&one, &[]);
        let found = evaluate(objective("nca-list").unwrap(), &options, &inputs);
        let info = options["loss"] == json!("InfoNCA");
        let (loss, factor) = match info {
            true => (found.loss.clone(), 1.0),
            false => (vec![found.loss_mean()], 1.0 / found.loss.len() as f64),
        };
        close("nca-list", &loss, &flat(&one["outputs"]["loss"]));
        let gradient = found.gradient["policy"].times(factor);
        close("nca-list gradient", &gradient.numbers(), &flat(&one["outputs"]["gradient_policy"]));
        close("soft label", &found.parts["soft_label"].numbers(), &flat(&one["outputs"]["soft_label"]));
        gradient_is_the_slope("nca-list", &options, &inputs, &found, 1e-9);
    }
}

#[test]
fn tokens_and_turns_have_the_published_losses() {
    for one in golden("simpo_token_level") {
        let (options, inputs) = case(&one, &[]);
        let found = evaluate(objective("simpo-token-level").unwrap(), &options, &inputs);
        close("simpo tokens", &found.loss, &flat(&one["outputs"]["loss"]));
        for side in ["chosen", "rejected"] {
            let expected = flat(&one["outputs"][format!("gradient_logits_{side}")]);
            close(side, &found.gradient[&format!("logits_{side}")].numbers(), &expected);
            let part = format!("average_logp_{side}");
            close(&part, &found.parts[&part].numbers(), &flat(&one["outputs"][&part]));
        }
        gradient_is_the_slope("simpo-token-level", &options, &inputs, &found, 1e-9);
    }
    for one in golden("tdpo") {
        let (options, inputs) = case(&one, &["kind"]);
        let found = evaluate(objective("tdpo").unwrap(), &options, &inputs);
        close("tdpo", &found.loss, &flat(&one["outputs"]["loss"]));
        for part in ["margin_chosen", "margin_rejected", "kl_chosen", "kl_rejected"] {
            close(part, &found.parts[part].numbers(), &flat(&one["outputs"][part]));
        }
        if one["hyper"]["kind"] == json!("single") {
            let expected = flat(&one["outputs"]["gradient_policy_logits"]);
            close("tdpo shared", &found.gradient["policy_logits_chosen"].numbers(), &expected);
        } else {
            for side in ["chosen", "rejected"] {
                let expected = flat(&one["outputs"][format!("gradient_policy_logits_{side}")]);
                close(side, &found.gradient[&format!("policy_logits_{side}")].numbers(), &expected);
            }
        }
        // TDPO2 stops the gradient of one KL: only TDPO1 is a gradient
        if options["tdpo2"] == json!(false) {
            gradient_is_the_slope("tdpo", &options, &inputs, &found, 1e-9);
        }
    }
    for one in golden("dmpo") {
        let (options, inputs) = case(&one, &[]);
        let found = evaluate(objective("dmpo").unwrap(), &options, &inputs);
        close("dmpo", &found.loss, &flat(&one["outputs"]["loss"]));
        for side in ["chosen", "rejected"] {
            let phi = format!("phi_{side}");
            close(&phi, &found.parts[&phi].numbers(), &flat(&one["outputs"][&phi]));
            let input = format!("policy_{side}_turns");
            let expected = flat(&one["outputs"][format!("gradient_{input}")]);
            close(&input, &found.gradient[&input].numbers(), &expected);
        }
        gradient_is_the_slope("dmpo", &options, &inputs, &found, 1e-9);
    }
}

#[test]
fn surrogates_have_the_published_gradients() {
    for one in golden("nash_md") {
        let (options, inputs) = case(&one, &[]);
        let found = evaluate(objective("nash-md").unwrap(), &options, &inputs);
        close("nash-md", &[found.loss_mean()], &flat(&one["outputs"]["loss"]));
        let rows = found.loss.len() as f64;
        let mean = found.gradient["token_log_probs"].times(1.0 / rows);
        close("nash-md gradient", &mean.numbers(), &flat(&one["outputs"]["gradient_token_log_probs"]));
        let mixture = found.parts["mixture_log_probs"].numbers();
        close("mixture", &mixture, &flat(&one["outputs"]["mixture_log_probs"]));
    }
    for one in golden("slhf") {
        let (options, inputs) = case(&one, &[]);
        let found = evaluate(objective("slhf").unwrap(), &options, &inputs);
        let rows = found.loss.len() as f64;
        close("slhf", &[found.loss_mean()], &flat(&one["outputs"]["total_loss"]));
        let weight = options["follower_weight"].as_f64().unwrap();
        for (role, factor) in [("leader", 1.0), ("follower", weight)] {
            let mean: f64 = found.parts[&format!("loss_{role}")].numbers().iter().sum::<f64>() / rows;
            close(role, &[mean], &flat(&one["outputs"][format!("loss_{role}")]));
            let gradient = found.gradient[&format!("token_log_probs_{role}")].times(1.0 / (rows * factor));
            close(role, &gradient.numbers(), &flat(&one["outputs"][format!("gradient_{role}")]));
        }
    }
}

/// Compositions that no published file covers: their gradient, and the relations that define them.
#[test]
fn compositions_have_consistent_gradients() {
    let inputs = Inputs::from_json(&json!({
        "policy_chosen": [-3.1, -2.0, -7.4], "policy_rejected": [-2.7, -4.4, -7.1],
        "reference_chosen": [-2.9, -2.6, -7.5], "reference_rejected": [-3.3, -4.1, -6.0],
        "length_chosen": [4, 3, 9], "length_rejected": [5, 7, 8],
    }))
    .unwrap();
    let scores = [
        json!("ratio"),
        json!("forward-kl"),
        json!("jensen-shannon"),
        json!({"alpha": 0.4}),
        json!("chi"),
        json!("mean"),
        json!("mean-ratio"),
        json!("sum"),
        json!("odds"),
    ];
    let labels = [json!("hard"), json!({"smooth": 0.1}), json!({"debiased": 0.2}), json!({"soft": 0.7})];
    let links = [
        json!("logistic"),
        json!({"squared": 2.0}),
        json!("squared-hinge"),
        json!("exponential"),
        json!("probit"),
        json!({"exo": 0.05}),
    ];
    for score in &scores {
        for label in &labels {
            for link in &links {
                let options = json!({ "score": score, "label": label, "link": link, "beta": 0.7, "shift": 0.2, "nll": 0.3 });
                let found = evaluate(objective("preference").unwrap(), &options, &inputs);
                gradient_is_the_slope("preference", &options, &inputs, &found, 1e-7);
            }
        }
    }
    for name in ["chi-po", "rpo", "discopop", "dpop", "hinge"] {
        let found = evaluate(objective(name).unwrap(), &Value::Null, &inputs);
        gradient_is_the_slope(name, &Value::Null, &inputs, &found, 1e-6);
    }
    let of = |name: &str, options: Value| evaluate(objective(name).unwrap(), &options, &inputs).loss;
    close(
        "f-DPO with reverse KL is DPO",
        &of("fdpo", json!({"beta": 0.3})),
        &of("dpo", json!({"beta": 0.3})),
    );
    close("cDPO without flips is DPO", &of("cdpo", json!({"epsilon": 0.0})), &of("dpo", Value::Null));
    close("rDPO without flips is DPO", &of("rdpo", json!({"epsilon": 0.0})), &of("dpo", Value::Null));
    let (a, b) = (of("rpo", json!({"nll": 0.0})), of("dpo", Value::Null));
    close("DPO with no likelihood term is DPO", &a, &b);
}

#[test]
fn every_row_says_what_it_is_and_answers_to_its_names() {
    let mut names: Vec<&str> =
        OBJECTIVES.iter().flat_map(|e| [e.name].into_iter().chain(e.aliases.iter().copied())).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|w| w[0] != w[1]), "a name is given twice: {names:?}");
    for entry in OBJECTIVES {
        assert!(!entry.formula.is_empty() && !entry.source.is_empty() && !entry.verified.is_empty());
        assert!((entry.inputs)().iter().any(|i| i.differentiated), "{}", entry.name);
        assert!((entry.inputs)().iter().all(|i| !i.what.is_empty()));
        // defaults are options
        let defaults = (entry.defaults)();
        let missing = entry.evaluate(&defaults, &Inputs::new()).unwrap_err().to_string();
        assert!(missing.contains("is missing"), "{}: {missing}", entry.name);
        let schema = serde_json::to_value((entry.schema)()).unwrap();
        for (key, property) in schema["properties"].as_object().into_iter().flatten() {
            assert!(property["description"].is_string(), "{}: `{key}` has no documentation", entry.name);
        }
        for name in entry.aliases {
            assert_eq!(objective(name).unwrap().name, entry.name);
        }
        assert!(!entry.minimiser.says().is_empty());
    }
    assert!(OBJECTIVES.iter().filter(|e| e.minimiser == Minimiser::Surrogate).count() == 2);
}

#[test]
fn slips_are_refused_by_name() {
    let pair = |chosen: Value| {
        Inputs::from_json(&json!({ "policy_chosen": chosen, "policy_rejected": [-2.0, -3.0],
                                   "reference_chosen": [-1.0, -1.0], "reference_rejected": [-1.0, -1.0] }))
    };
    let says = |name: &str, options: Value, inputs: &Inputs| {
        objective(name).unwrap().evaluate(&options, inputs).unwrap_err().to_string()
    };
    let good = pair(json!([-1.0, -2.0])).unwrap();
    assert_eq!(
        says("dpo", json!({"bta": 0.1}), &good),
        "option unknown key `bta`, did you mean `beta`?; known: beta"
    );
    assert_eq!(
        says("dpo", json!({"beta": 0.0}), &good),
        "option `beta` = 0: must be a finite number above 0"
    );
    assert!(says("rdpo", json!({"epsilon": 0.5}), &good).contains("must lie in [0, 1/2)"));
    assert!(says("exo", json!({"epsilon": 0.0}), &good).contains("must lie in (0, 1)"));
    assert!(says("simpo", Value::Null, &good).contains("input `length_chosen` is missing"));
    let short = pair(json!([-1.0])).unwrap();
    assert!(
        says("dpo", Value::Null, &short).contains("`reference_chosen`: has 2 entries where 1 were expected")
    );
    let unknown = good.clone().with("policy_choosen", Array::column(&[0.0, 0.0]));
    assert!(says("dpo", Value::Null, &unknown).contains("did you mean `policy_chosen`?"));
    assert!(pair(json!(["x"])).unwrap_err().to_string().contains("where a number or a list was expected"));
    // no rows have no mean
    let empty =
        Inputs::from_json(&json!({ "policy_chosen": [], "policy_rejected": [], "reference_chosen": [],
                                           "reference_rejected": [] }));
    assert!(says("dpo", Value::Null, &empty.unwrap()).contains("input `policy_chosen`: has no rows"));
    for entry in OBJECTIVES {
        let none =
            (entry.inputs)().iter().fold(Inputs::new(), |i, input| i.with(input.name, Array::column(&[])));
        assert!(entry.evaluate(&Value::Null, &none).is_err(), "{}", entry.name);
    }
    let far = Inputs::from_json(&json!({ "policy_chosen": [-1.0], "policy_rejected": [-1e5],
                                         "reference_chosen": [-1.0], "reference_rejected": [-1.0] }))
    .unwrap();
    let options = json!({"divergence": "forward_kl"});
    // exp(1e5) is no double: said, not returned as a number
    assert!(
        says("fdpo", options, &far.clone().with("reference_chosen", Array::column(&[1e5]))).contains("row 0")
    );
    assert_eq!(objective("dpoo").err().unwrap().key(), "dpoo");
}
