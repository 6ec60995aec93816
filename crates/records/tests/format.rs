//! Format 1, byte for byte: results on disk are read by this program and by others.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use equipoise_records::schema::{
    FORMAT, GamesFile, Judgement, KeptFrom, Metrics, NoiseFloor, PathPoint, PolicyPoint, Rate, Reached,
    RunRecord, TracePoint,
};
use equipoise_records::{
    Aim, Behaviour, DUALITY_GAP, Direction, Existing, Guarantee, Iterate, MetricInfo, RecordsError,
    ResultsDir, RunState, Scale, StopKind, read,
};
use serde_json::json;

fn record() -> RunRecord {
    let gap = |value| Metrics::from([(DUALITY_GAP.to_owned(), value)]);
    RunRecord {
        format: FORMAT,
        version: "0.1.0".into(),
        id: "r1".into(),
        experiment: "e".into(),
        game: "g".into(),
        solver: "egpo".into(),
        label: "egpo step_size=0.5".into(),
        parameters: json!({ "step_size": 0.5 }),
        aim: Aim::Regularised,
        guarantee: Guarantee::Last,
        proved: None,
        tau: 0.1,
        repetition: 0,
        spec: json!({ "behaviour": "a word of the user's own" }),
        stop_reason: StopKind::TargetReached,
        stop_detail: "every target is reached".into(),
        behaviour: Behaviour::Converged,
        judgement: None,
        steps: 3,
        queries: 6,
        duels: 0,
        seconds: 1e-6,
        // in the order of the words, whatever the order of insertion
        final_metrics: BTreeMap::from([
            (Iterate::Last, gap(Some(1e-10))),
            (Iterate::Average, gap(None)),
            (Iterate::Best, gap(Some(1e-10))),
        ]),
        reached: vec![Reached {
            metric: DUALITY_GAP.into(),
            iterate: Iterate::Average,
            target: 1e-4,
            step: Some(2),
            queries: Some(4),
            duels: None,
            kept: None,
        }],
        rate: Some(Rate {
            metric: DUALITY_GAP.into(),
            fitted: Some(0.5),
            window: Some((1, 3)),
            predicted: None,
            modulus: None,
        }),
        notes: vec!["a note".into()],
        final_policy: json!([0.25, 0.75]),
    }
}

const RUN_JSON: &str = r#"{
  "format": 1,
  "version": "0.1.0",
  "id": "r1",
  "experiment": "e",
  "game": "g",
  "solver": "egpo",
  "label": "egpo step_size=0.5",
  "parameters": {
    "step_size": 0.5
  },
  "aim": "regularised",
  "guarantee": "last",
  "tau": 0.1,
  "repetition": 0,
  "spec": {
    "behaviour": "a word of the user's own"
  },
  "stop_reason": "target-reached",
  "stop_detail": "every target is reached",
  "behaviour": "converged",
  "steps": 3,
  "queries": 6,
  "duels": 0,
  "seconds": 1e-6,
  "final_metrics": {
    "average": {
      "duality_gap": null
    },
    "best": {
      "duality_gap": 1e-10
    },
    "last": {
      "duality_gap": 1e-10
    }
  },
  "reached": [
    {
      "metric": "duality_gap",
      "iterate": "average",
      "target": 0.0001,
      "step": 2,
      "queries": 4,
      "duels": null
    }
  ],
  "rate": {
    "metric": "duality_gap",
    "fitted": 0.5,
    "window": [
      1,
      3
    ],
    "predicted": null
  },
  "notes": [
    "a note"
  ],
  "final_policy": [
    0.25,
    0.75
  ]
}
"#;

const METRICS_JSON: &str = r#"{
  "format": 1,
  "metrics": [
    {
      "name": "entropy",
      "definition": "in nats",
      "unit": "nats",
      "scale": "linear",
      "direction": "neither",
      "vanishes": false
    }
  ]
}
"#;

/// A folder with one run, and its files by name.
fn written(dir: &std::path::Path) -> impl Fn(&str) -> String {
    let point = |iterate, value| TracePoint {
        step: 1,
        queries: 2,
        duels: 0,
        seconds: 0.5,
        iterate,
        metric: DUALITY_GAP.into(),
        value,
    };
    let trace =
        [point(Iterate::Last, 0.1), point(Iterate::Best, 1e-30), point(Iterate::Average, f64::INFINITY)];
    let iterate = Iterate::Average;
    let policies =
        [PolicyPoint { step: 1, iterate, context: 0, action: 2, prob: 0.0, log_prob: f64::NEG_INFINITY }];
    let path = [PathPoint { step: 0, p0: 0.5, p1: 0.25, p2: 0.25 }];
    let results = ResultsDir::create(dir).unwrap();
    let games = GamesFile { format: FORMAT, experiment: "e".into(), description: None, games: Vec::new() };
    results.write_games(&games).unwrap();
    let entropy = MetricInfo {
        definition: "in nats".into(),
        unit: "nats".into(),
        scale: Scale::Linear,
        direction: Direction::Neither,
        ..MetricInfo::undescribed("entropy")
    };
    results.write_metrics(&[entropy]).unwrap();
    results.write_run(&record(), &trace, Some(&policies), Some(&path), Existing::Keep).unwrap();
    let dir = dir.to_owned();
    move |name| std::fs::read_to_string(dir.join(name)).unwrap()
}

#[test]
fn files_of_format_1_stay_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let file = written(dir.path());
    // the record, and then the digests of the run's files
    let text = file("runs/r1/run.json");
    let (record, digests) = text.split_once(",\n  \"digests\": ").unwrap();
    assert_eq!(format!("{record}\n}}\n"), RUN_JSON);
    let digests: BTreeMap<String, String> =
        serde_json::from_str(digests.trim_end().strip_suffix('}').unwrap()).unwrap();
    assert_eq!(digests.keys().collect::<Vec<_>>(), ["path.csv", "policies.csv", "run.json", "trace.csv"]);
    assert!(digests.values().all(|d| d.len() == 64 && d.bytes().all(|b| b.is_ascii_hexdigit())));
    assert_eq!(file("metrics.json"), METRICS_JSON);
    assert_eq!(
        file("runs/r1/trace.csv"),
        "step,queries,duels,seconds,iterate,metric,value\n1,2,0,0.5,last,duality_gap,0.1\n\
         1,2,0,0.5,best,duality_gap,1e-30\n1,2,0,0.5,average,duality_gap,inf\n"
    );
    assert_eq!(
        file("runs/r1/policies.csv"),
        "step,iterate,context,action,prob,log_prob\n1,average,0,2,0.0,-inf\n"
    );
    assert_eq!(file("runs/r1/path.csv"), "step,p0,p1,p2\n0,0.5,0.25,0.25\n");
}

#[test]
fn a_record_comes_back_as_it_went() {
    let dir = tempfile::tempdir().unwrap();
    drop(written(dir.path()));
    let finished = ResultsDir::create(dir.path()).unwrap().finished("r1");
    assert_eq!(finished, Some(record()));
    assert_eq!(serde_json::from_str::<RunRecord>(RUN_JSON).unwrap(), record());
}

/// One word of each vocabulary, each replaced by one that it does not have.
#[test]
fn every_unknown_word_is_named_with_its_file() {
    for (name, word, kind) in [
        ("runs/r1/run.json", "regularised", "aim"),
        ("runs/r1/run.json", "target-reached", "stop reason"),
        ("runs/r1/run.json", "converged", "behaviour"),
        ("runs/r1/run.json", "average", "iterate"),
        ("runs/r1/trace.csv", "best", "iterate"),
        ("metrics.json", "linear", "scale"),
        ("metrics.json", "neither", "direction"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let text = written(dir.path())(name);
        std::fs::write(dir.path().join(name), text.replacen(word, "sideways", 1)).unwrap();
        // without games there is nothing that a run could be about; words are read before that is asked
        match read(dir.path()).unwrap_err() {
            RecordsError::UnknownWord { file, line, word } => {
                assert_eq!((file, word.kind, word.word.as_str()), (dir.path().join(name), kind, "sideways"));
                assert!(line.is_some());
            }
            other => panic!("{name}, {kind}: {other}"),
        }
    }
}

/// What 0.2 adds is written and read back; a record without it (the one above, of 0.1) stays as it is.
#[test]
fn a_judgement_travels_with_its_floor_and_its_contexts() {
    let mut record = record();
    record.behaviour = Behaviour::Noisy;
    record.judgement = Some(Judgement {
        reason: "its gap no longer falls".into(),
        decided_after: Some(4000),
        floor: Some(NoiseFloor {
            metric: DUALITY_GAP.into(),
            mean: 0.02,
            low: 0.019,
            high: 0.021,
            steps: (501, 1000),
        }),
        contexts: BTreeMap::from([(Behaviour::Converged, 3), (Behaviour::Noisy, 5)]),
    });
    record.reached[0].kept = Some(KeptFrom { step: None, queries: None, duels: None });
    let text = serde_json::to_string(&record).unwrap();
    assert!(text.contains(r#""contexts":{"converged":3,"noisy":5}"#), "{text}");
    assert!(text.contains(r#""kept":{"step":null,"queries":null,"duels":null}"#), "{text}");
    assert_eq!(serde_json::from_str::<RunRecord>(&text).unwrap(), record);
}

#[test]
fn two_results_of_one_run_are_compared_and_a_second_one_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    drop(written(dir.path()));
    let results = ResultsDir::create(dir.path()).unwrap();
    let ids = ["r1".to_owned()];
    let point = |value| TracePoint {
        step: 1,
        queries: 2,
        duels: 0,
        seconds: 0.7,
        iterate: Iterate::Last,
        metric: DUALITY_GAP.into(),
        value,
    };
    let first = RunRecord { seconds: 9.0, ..record() };
    let write = |value, existing| results.write_run(&first, &[point(value)], None, None, existing);
    write(0.1, Existing::Replace).unwrap();
    // times are no difference
    let again = RunRecord { seconds: 1.0, ..record() };
    results
        .write_run(&again, &[TracePoint { seconds: 0.1, ..point(0.1) }], None, None, Existing::Keep)
        .unwrap();
    assert_eq!(results.finished("r1").unwrap().seconds, 9.0, "the first is kept");
    results.check_equal(&ids).unwrap();
    // a last digit is
    let error = write(0.100_000_000_000_000_02, Existing::Keep).unwrap_err();
    assert!(matches!(&error, RecordsError::Unequal { differs, .. } if differs == "trace.csv"), "{error}");
    assert!(matches!(results.check_equal(&ids), Err(RecordsError::Unequal { .. })), "others are told too");
    assert!(matches!(results.examine("r1").unwrap(), RunState::Finished(_)));
    write(0.2, Existing::Replace).unwrap();
    results.check_equal(&ids).unwrap();
    // a run that was interrupted is a part, and gives way to the whole
    let part = RunRecord { id: "r2".into(), stop_reason: StopKind::Interrupted, ..record() };
    results.write_run(&part, &[point(0.1)], None, None, Existing::Keep).unwrap();
    assert!(results.finished("r2").is_none());
    assert!(matches!(results.examine("r2").unwrap(), RunState::Interrupted(_)));
    let whole = RunRecord { id: "r2".into(), ..record() };
    results.write_run(&whole, &[point(0.1)], None, None, Existing::Keep).unwrap();
    assert_eq!(results.finished("r2"), Some(whole));
}
