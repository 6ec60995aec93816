//! Digests of the files of a run: what says that a record is whole, and that two of them are equal.
//!
//! Times are left out, so equal runs have equal digests on any machine.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::schema::{Metrics, PathPoint, PolicyPoint, RunRecord, TracePoint};
use crate::vocabulary::{Aim, Behaviour, Guarantee, Iterate, StopKind};

/// Digest of each file of a run, by its name.
pub(crate) type Digests = BTreeMap<String, String>;

/// Rows of a file of a run, as far as they are equal in equal runs.
pub(crate) trait Row {
    fn feed(&self, out: &mut Vec<u8>);
}

impl Row for TracePoint {
    fn feed(&self, out: &mut Vec<u8>) {
        let numbers = [self.step, self.queries, self.duels, bits(self.value)];
        feed(out, &numbers, &[self.iterate.name(), &self.metric]);
    }
}

impl Row for PolicyPoint {
    fn feed(&self, out: &mut Vec<u8>) {
        let (context, action) = (self.context as u64, self.action as u64);
        let numbers = [self.step, context, action, bits(self.prob), bits(self.log_prob)];
        feed(out, &numbers, &[self.iterate.name()]);
    }
}

impl Row for PathPoint {
    fn feed(&self, out: &mut Vec<u8>) {
        feed(out, &[self.step, bits(self.p0), bits(self.p1), bits(self.p2)], &[]);
    }
}

/// Numbers, then words, each of which a zero ends.
fn feed(out: &mut Vec<u8>, numbers: &[u64], words: &[&str]) {
    numbers.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
    for word in words {
        out.extend_from_slice(word.as_bytes());
        out.push(0);
    }
}

/// How many bytes are taken in together: the hash is several times as fast on some thousands as on a row.
const BATCH: usize = 16 << 10;

/// The digest of rows that come one by one.
#[derive(Debug, Default)]
pub(crate) struct OfRows {
    hash: blake3::Hasher,
    waiting: Vec<u8>,
}

impl OfRows {
    pub(crate) fn take(&mut self, row: &impl Row) {
        row.feed(&mut self.waiting);
        if self.waiting.len() >= BATCH {
            self.hash.update(&self.waiting);
            self.waiting.clear();
        }
    }

    pub(crate) fn finish(mut self) -> String {
        self.hash.update(&self.waiting);
        self.hash.finalize().to_hex().to_string()
    }
}

/// The bits of a number as CSV keeps them: one NaN.
pub(crate) fn bits(value: f64) -> u64 {
    if value.is_nan() { f64::NAN } else { value }.to_bits()
}

pub(crate) fn of_rows<T: Row>(rows: &[T]) -> String {
    let mut digest = OfRows::default();
    rows.iter().for_each(|row| digest.take(row));
    digest.finish()
}

/// A record with its keys in the order of the alphabet, at every depth, and no time.
#[derive(Serialize)]
struct Ordered<'a> {
    aim: Aim,
    behaviour: Behaviour,
    duels: u64,
    experiment: &'a str,
    final_metrics: &'a BTreeMap<Iterate, Metrics>,
    final_policy: &'a Value,
    format: u32,
    game: &'a str,
    guarantee: Guarantee,
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    judgement: Option<Value>,
    label: &'a str,
    notes: &'a [String],
    parameters: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    proved: Option<Guarantee>,
    queries: u64,
    rate: Value,
    reached: Value,
    repetition: u32,
    seconds: (),
    solver: &'a str,
    spec: &'a Value,
    steps: u64,
    stop_detail: &'a str,
    stop_reason: StopKind,
    tau: f64,
    version: &'a str,
}

pub(crate) fn of_record(record: &RunRecord) -> String {
    blake3::hash(&ordered(record)).to_hex().to_string()
}

fn ordered(record: &RunRecord) -> Vec<u8> {
    const JSON: &str = "a record serialises to JSON";
    let RunRecord {
        format,
        version,
        id,
        experiment,
        game,
        solver,
        label,
        parameters,
        aim,
        guarantee,
        proved,
        tau,
        repetition,
        spec,
        stop_reason,
        stop_detail,
        behaviour,
        judgement,
        steps,
        queries,
        duels,
        seconds: _,
        final_metrics,
        reached,
        rate,
        notes,
        final_policy,
    } = record;
    // a map of values is in the order of the alphabet, and these are small
    let ordered = Ordered {
        aim: *aim,
        behaviour: *behaviour,
        duels: *duels,
        experiment,
        final_metrics,
        final_policy,
        format: *format,
        game,
        guarantee: *guarantee,
        id,
        judgement: judgement.as_ref().map(|judgement| serde_json::to_value(judgement).expect(JSON)),
        label,
        notes,
        parameters,
        proved: *proved,
        queries: *queries,
        rate: serde_json::to_value(rate).expect(JSON),
        reached: serde_json::to_value(reached).expect(JSON),
        repetition: *repetition,
        seconds: (),
        solver,
        spec,
        steps: *steps,
        stop_detail,
        stop_reason: *stop_reason,
        tau: *tau,
        version,
    };
    serde_json::to_vec(&ordered).expect(JSON)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::{FORMAT, Judgement, KeptFrom, NoiseFloor, Rate, Reached};

    fn record(full: bool) -> RunRecord {
        let kept = full.then_some(KeptFrom { step: Some(3), queries: None, duels: Some(0) });
        let reached = Reached {
            metric: "duality_gap".into(),
            iterate: Iterate::Average,
            target: 1e-2,
            step: Some(1),
            queries: Some(2),
            duels: None,
            kept,
        };
        let floor = NoiseFloor { metric: "m".into(), mean: 0.1, low: f64::NAN, high: 1e-30, steps: (5, 6) };
        let contexts = Behaviour::ALL.iter().zip(1..).map(|(behaviour, n)| (*behaviour, n)).collect();
        RunRecord {
            format: FORMAT,
            version: "0".into(),
            id: "r".into(),
            experiment: "an \"e\"\n".into(),
            game: "g".into(),
            solver: "s".into(),
            label: "l".into(),
            parameters: json!({ "b": 1, "a": { "d": 0.1, "c": null } }),
            aim: Aim::Original,
            guarantee: Guarantee::Average,
            proved: full.then_some(Guarantee::Last),
            tau: -0.0,
            repetition: 7,
            spec: json!({ "z": [1.5, -0.0, 1e300], "y": {} }),
            stop_reason: StopKind::Budget,
            stop_detail: "d".into(),
            behaviour: Behaviour::Cycling,
            judgement: full.then(|| Judgement {
                reason: "r".into(),
                decided_after: None,
                floor: Some(floor),
                contexts,
            }),
            steps: u64::MAX,
            queries: 1,
            duels: 2,
            seconds: 3.0,
            final_metrics: [
                (Iterate::Last, [("b".to_owned(), None), ("a".to_owned(), Some(1e-17))].into()),
                (Iterate::Average, BTreeMap::new()),
            ]
            .into(),
            reached: vec![reached],
            rate: full.then(|| Rate {
                metric: "m".into(),
                fitted: Some(0.5),
                window: Some((1, 2)),
                predicted: Some(f64::INFINITY),
                modulus: full.then_some(0.9),
            }),
            notes: vec!["n".into()],
            final_policy: json!([0.25, 0.75]),
        }
    }

    #[test]
    fn a_record_in_order_is_what_a_map_of_its_values_is() {
        for full in [false, true] {
            let mut value = serde_json::to_value(record(full)).expect("JSON");
            value["seconds"] = Value::Null;
            assert_eq!(String::from_utf8(ordered(&record(full))).expect("text"), value.to_string());
        }
    }

    #[test]
    fn rows_have_one_digest_however_they_are_taken_in() {
        let row = |step| PathPoint { step, p0: 0.1, p1: f64::NAN, p2: -0.0 };
        let rows: Vec<PathPoint> = (0..2000).map(row).collect();
        let mut hash = blake3::Hasher::new();
        for row in &rows {
            for number in [row.step, row.p0.to_bits(), f64::NAN.to_bits(), row.p2.to_bits()] {
                hash.update(&number.to_le_bytes());
            }
        }
        assert_eq!(of_rows(&rows), hash.finalize().to_hex().to_string());
    }
}
