//! What stands around a proof in an answer of `solve`, held against the proof.

use serde_json::{Map, Value, json};

use super::fractions::{Fractions, Vector, Verdict};
use super::{FORMAT, Problem, Proof};

/// How far floating-point fields of an answer of layout 1 may be from the proof: its policy was not computed from it.
const BEFORE_LAYOUT_2: f64 = 1e-12;
/// How far the sum of the probabilities may be from 1.
const SUM: f64 = 1e-12;
/// How an equilibrium of several may have been selected.
const SELECTED: [&str; 4] = ["maximum-entropy", "regularised-limit", "vertex", "undecided"];

/// Compares an answer field by field; returns the exact gap of its policy.
pub(super) fn check(
    answer: &Value,
    proof: &Proof,
    whole: &Fractions,
    verdict: &Verdict,
    problems: &mut Vec<Problem>,
) -> Option<f64> {
    let mut fields = Fields {
        answer,
        problems: &mut *problems,
        tolerance: if proof.format == FORMAT { 0.0 } else { BEFORE_LAYOUT_2 },
    };
    fields.expect("n", &json!(whole.n()));
    if proof.labels.len() != whole.n() {
        let (says, holds) = (proof.labels.len(), format!("{} of them", whole.n()));
        fields.problems.push(Problem::field("certificate.exact.labels", &says, &holds));
    }
    fields.expect("labels", &json!(proof.labels));
    fields.expect("certificate.value", &json!(0.5));
    if let Some(unique) = verdict.unique {
        fields.expect("unique", &json!(unique));
        fields.expect("certificate.unique", &json!(unique));
    }
    match verdict.dimension {
        Some(dimension) => {
            fields.expect("dimension", &json!(dimension));
            if proof.format == FORMAT {
                fields.expect("certificate.exact.dimension", &json!(dimension));
            }
        }
        None if verdict.unique.is_some() => fields.not_proved("dimension"),
        None => (),
    }
    if proof.format == FORMAT {
        fields.expect("method", &json!("rational"));
    }
    let gap = policy(&mut fields, proof, whole, verdict);
    ranges(&mut fields, proof, whole, verdict);
    problems.extend(changed(answer));
    gap
}

/// The policy, and what is said of it.
fn policy(fields: &mut Fields<'_>, proof: &Proof, whole: &Fractions, verdict: &Verdict) -> Option<f64> {
    let n = whole.n();
    let exact: Vec<f64> = (0..n).map(|i| whole.policy.to_f64(i)).collect();
    let selected = fields.answer.get("selected").and_then(Value::as_str).unwrap_or_default();
    match verdict.unique {
        Some(true) => {
            fields.expect("selected", &json!("unique"));
            fields.expect("policy", &json!(exact));
        }
        Some(false) if !SELECTED.contains(&selected) => {
            let problem = Problem::field("selected", &json!(selected), &json!(SELECTED));
            fields.problems.push(problem);
        }
        Some(false) if selected == "vertex" => fields.expect("policy", &json!(exact)),
        _ => (),
    }
    let floats = |v: &Value| v.as_array()?.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>();
    let given = fields.answer.get("policy").and_then(floats);
    let Some(p) = given.filter(|p| {
        p.len() == n
            && p.iter().all(|p| (0.0..=1.0).contains(p))
            && (p.iter().sum::<f64>() - 1.0).abs() <= SUM
    }) else {
        let says = fields.answer.get("policy").unwrap_or(&Value::Null);
        let problem = Problem::field("policy", says, &format!("a policy of {n} actions"));
        fields.problems.push(problem);
        return None;
    };
    let vector = Vector::of_floats(&p);
    let advantages = whole.advantages(&vector);
    let best = advantages.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let gap = 2.0 * best;
    fields.expect("duality_gap", &json!(gap));
    fields.expect("certificate.duality_gap", &json!(gap));
    let names =
        |list: Vec<usize>| -> Value { list.iter().filter_map(|&i| proof.labels.get(i)).cloned().collect() };
    let support: Vec<usize> = (0..n).filter(|&i| p[i] > 0.0).collect();
    fields.expect("support", &names(support.clone()));
    // equal to rounding: that of n margins of size 1, relative to the power of two above the largest
    let largest = whole.largest_margin();
    let scale = if largest > 0.0 { 2f64.powi(largest.log2().floor() as i32 + 1) } else { 1.0 };
    let zero = 32.0 * (n as f64).sqrt() * f64::EPSILON * scale;
    let level = (0..n).filter(|&i| advantages[i] >= best - zero || p[i] > 0.0).collect();
    fields.expect("certificate.best_responses", &names(level));
    if let Some(played) = &verdict.played
        && ["maximum-entropy", "regularised-limit"].contains(&selected)
        && support != *played
    {
        let (says, holds) = (fields.at("support").to_string(), names(played.clone()));
        fields.problems.push(Problem::field("support", &says, &holds));
    }
    if gap > 2.0 * zero {
        let problem =
            Problem::field("policy", &format!("a policy of duality gap {gap:e}"), &"an equilibrium");
        fields.problems.push(problem);
    }
    Some(gap.max(0.0))
}

/// The ranges, which are proved, or are the only equilibrium.
fn ranges(fields: &mut Fields<'_>, proof: &Proof, whole: &Fractions, verdict: &Verdict) {
    // before layout 2 rounding might hide ranges, which claims nothing
    let hidden = |ranges: &Value| ranges.is_null() && proof.format != FORMAT;
    if fields.answer.get("ranges").is_none_or(hidden) {
        return;
    }
    let value = |text: &str| super::fractions::Fraction::read(text).map_or(f64::NAN, |v| v.to_f64());
    let holds: Value = match (&proof.ranges, verdict.unique) {
        (Some(ranges), _) => {
            ranges.iter().map(|r| json!([value(&r.least.value), value(&r.largest.value)])).collect()
        }
        (None, Some(true)) => {
            (0..whole.n()).map(|i| json!([whole.policy.to_f64(i), whole.policy.to_f64(i)])).collect()
        }
        (None, _) => return fields.not_proved("ranges"),
    };
    fields.expect("ranges", &holds);
}

struct Fields<'a> {
    answer: &'a Value,
    problems: &'a mut Vec<Problem>,
    tolerance: f64,
}

impl Fields<'_> {
    /// A field by the names on the way to it, with points between them; null where there is none.
    fn at(&self, field: &str) -> &Value {
        let pointer = format!("/{}", field.replace('.', "/"));
        self.answer.pointer(&pointer).unwrap_or(&Value::Null)
    }

    /// Nothing follows from the proof, so that nothing may be claimed.
    fn not_proved(&mut self, field: &str) {
        if !self.at(field).is_null() {
            self.problems.push(Problem::not_proved(field));
        }
    }

    fn expect(&mut self, field: &str, holds: &Value) {
        let says = self.at(field);
        if !equal(says, holds, self.tolerance) {
            let problem = match first_difference(says, holds, self.tolerance) {
                Some((i, says, holds)) => Problem::field(&format!("{field}[{i}]"), says, holds),
                None => Problem::field(field, says, holds),
            };
            self.problems.push(problem);
        }
    }
}

/// Fields that are not as `solve` wrote them, where it wrote digests.
pub(super) fn changed(answer: &Value) -> Vec<Problem> {
    let Some(Value::Object(written)) = answer.pointer("/certificate/digests") else { return Vec::new() };
    let Value::Object(now) = digests(answer) else { return Vec::new() };
    let mut names: Vec<&String> = written.keys().chain(now.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let differs = |name: &&String| written.get(*name) != now.get(*name);
    names.into_iter().filter(differs).map(|name| Problem::Changed { field: name.clone() }).collect()
}

/// Numbers within the tolerance, all else equal.
fn equal(a: &Value, b: &Value, tolerance: f64) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => a == b || (a - b).abs() <= tolerance,
            _ => false,
        },
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b, tolerance))
        }
        _ => a == b,
    }
}

/// Of two lists of equal length the first entries that differ.
fn first_difference<'a>(a: &'a Value, b: &'a Value, tolerance: f64) -> Option<(usize, &'a Value, &'a Value)> {
    let (a, b) = (a.as_array()?, b.as_array()?);
    let mut pairs = a.iter().zip(b).enumerate().filter(|_| a.len() == b.len());
    pairs.find(|(_, (a, b))| !equal(a, b, tolerance)).map(|(i, (a, b))| (i, a, b))
}

/// The digest of each field of an answer, of its certificate and of the exact proof in it.
pub(crate) fn digests(answer: &Value) -> Value {
    let mut out = Map::new();
    let empty = Map::new();
    let object = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let certificate = answer.get("certificate").map_or(empty.clone(), object);
    let exact = certificate.get("exact").map_or(empty, object);
    for (prefix, fields) in
        [("", object(answer)), ("certificate.", certificate), ("certificate.exact.", exact)]
    {
        for (key, value) in fields {
            if !["certificate", "exact", "digests"].contains(&key.as_str()) {
                out.insert(format!("{prefix}{key}"), digest(&value).into());
            }
        }
    }
    Value::Object(out)
}

/// Sixteen hexadecimal digits; equal for numbers that are equal however they are written.
fn digest(value: &Value) -> String {
    let mut hasher = blake3::Hasher::new();
    feed(value, &mut hasher);
    hasher.finalize().to_hex().as_str()[..16].to_owned()
}

fn feed(value: &Value, hasher: &mut blake3::Hasher) {
    match value {
        Value::Number(v) => match v.as_f64() {
            // -0 is 0
            Some(v) => hasher.update(b"#").update(&(v + 0.0).to_bits().to_le_bytes()),
            None => hasher.update(v.to_string().as_bytes()),
        },
        Value::Array(list) => {
            hasher.update(b"[").update(&list.len().to_le_bytes());
            list.iter().for_each(|v| feed(v, hasher));
            hasher
        }
        Value::Object(map) => {
            let mut entries: Vec<(&String, &Value)> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            hasher.update(b"{").update(&entries.len().to_le_bytes());
            for (key, v) in entries {
                hasher.update(&key.len().to_le_bytes()).update(key.as_bytes());
                feed(v, hasher);
            }
            hasher
        }
        Value::String(text) => hasher.update(b"\"").update(&text.len().to_le_bytes()).update(text.as_bytes()),
        Value::Bool(_) | Value::Null => hasher.update(value.to_string().as_bytes()),
    };
}
