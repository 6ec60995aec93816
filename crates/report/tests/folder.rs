//! What is written is what is read, and half of it is nothing.

#![allow(
    clippy::unwrap_used,
    reason = "also the fixture and the helpers of a test should stop it where it fails"
)]

mod fixture;

use equipoise_records::schema::{PathPoint, PolicyPoint, TracePoint};
use equipoise_records::{Access, Behaviour, Existing, Iterate, MetricInfo, RecordsError, ResultsDir, read};
use fixture::{METHODS, cycle, experiment, folder, run, write};

#[test]
fn what_was_written_is_read_back() {
    let dir = folder("round-trip");
    let experiment = experiment();
    write(&experiment, &dir);
    let results = read(&dir).unwrap();
    assert_eq!(results.games, experiment.games);
    assert!(results.unfinished.is_empty() && results.left_over.is_empty());
    assert_eq!(results.runs.len(), experiment.runs.len());
    for (read, (record, trace, path)) in results.runs.iter().zip(&experiment.runs) {
        assert_eq!(&read.record, record);
        assert_eq!(read.path.as_deref().unwrap_or_default(), path);
        // Bit for bit, because NaN is not equal to itself.
        let bits = |points: &[TracePoint]| -> Vec<(u64, u64, u64)> {
            points.iter().map(|p| (p.step, p.value.to_bits(), p.seconds.to_bits())).collect()
        };
        assert_eq!(bits(read.trace.as_ref().unwrap()), bits(trace));
    }
}

#[test]
fn floats_survive_the_csv_bit_for_bit() {
    let dir = folder("floats");
    let results = ResultsDir::create(&dir).unwrap();
    results.write_games(&experiment().games).unwrap();
    let (record, ..) = run(&cycle(), &METHODS[6], 0.0, 0, "x");
    let values = [
        0.1,
        1.0 / 3.0,
        f64::MIN_POSITIVE,
        5e-324,
        f64::MAX,
        -0.0,
        1e-32,
        1e300,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
    ];
    let trace: Vec<TracePoint> = values
        .iter()
        .enumerate()
        .map(|(i, &value)| TracePoint {
            step: i as u64,
            queries: u64::MAX,
            duels: 0,
            seconds: value,
            iterate: Iterate::Last,
            metric: "a, \"quoted\"\nname".into(),
            value,
        })
        .collect();
    let policies = [PolicyPoint {
        step: 1,
        iterate: Iterate::Last,
        context: 0,
        action: 2,
        prob: 0.0,
        log_prob: f64::NEG_INFINITY,
    }];
    let path = [PathPoint { step: 0, p0: 0.1, p1: 0.2, p2: 0.7 }];
    results.write_run(&record, &trace, Some(&policies), Some(&path), Existing::Keep).unwrap();

    let text = std::fs::read_to_string(dir.join("runs").join(&record.id).join("trace.csv")).unwrap();
    assert!(text.starts_with("step,queries,duels,seconds,iterate,metric,value\n"));
    assert!(text.contains(",inf\n") && text.contains(",-inf\n") && text.contains(",NaN\n"));
    assert!(text.contains(",0.3333333333333333\n"), "shortest digits that read back");
    let policies = std::fs::read_to_string(dir.join("runs").join(&record.id).join("policies.csv")).unwrap();
    assert_eq!(policies, "step,iterate,context,action,prob,log_prob\n1,last,0,2,0.0,-inf\n");

    let read = read(&dir).unwrap();
    for (read, value) in read.runs[0].trace.as_ref().unwrap().iter().zip(values) {
        assert!(
            read.value.to_bits() == value.to_bits() || (read.value.is_nan() && value.is_nan()),
            "{value}"
        );
        assert_eq!(read.metric, "a, \"quoted\"\nname");
    }
    assert_eq!(read.runs[0].path.as_deref(), Some(&path[..]));
}

/// `kill -9` can leave: a temporary file, a folder with traces only, a cut `run.json` (on a file system that loses a
/// rename). None of them is a finished run, and writing the run again repairs all of them.
#[test]
fn the_rest_of_a_killed_run_is_not_a_run() {
    let dir = folder("killed");
    let experiment = experiment();
    let results = write(&experiment, &dir);
    let (record, trace, path) = &experiment.runs[0];
    let run = dir.join("runs").join(&record.id);
    assert_eq!(results.finished(&record.id).as_ref(), Some(record));

    let whole = std::fs::read(run.join("run.json")).unwrap();
    for cut in [0, 1, whole.len() / 2, whole.len() - 3] {
        std::fs::write(run.join("run.json"), &whole[..cut]).unwrap();
        assert!(results.finished(&record.id).is_none(), "cut at {cut}");
        let read = read(&dir).unwrap();
        assert_eq!(read.runs.len(), experiment.runs.len() - 1);
        assert_eq!(read.unfinished[0].id, record.id);
        assert!(read.unfinished[0].why.contains("run.json"), "{}", read.unfinished[0].why);
    }
    std::fs::remove_file(run.join("run.json")).unwrap();
    std::fs::write(run.join(".partial-abc"), b"{\"format\":").unwrap();
    assert!(results.finished(&record.id).is_none());
    assert_eq!(read(&dir).unwrap().unfinished.len(), 1);

    results.write_run(record, trace, None, Some(path), Existing::Keep).unwrap();
    assert_eq!(results.finished(&record.id).as_ref(), Some(record));
    assert!(!run.join(".partial-abc").exists(), "the rest is swept away");
    assert!(read(&dir).unwrap().unfinished.is_empty());
}

#[test]
fn writing_leaves_no_temporary_file_and_a_failed_write_leaves_the_old_one() {
    let dir = folder("atomic");
    let results = write(&experiment(), &dir);
    let names = |folder: &std::path::Path| -> Vec<String> {
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert!(names(&dir).iter().all(|n| !n.starts_with('.')));

    // A trace that cannot be written (its folder is a file) must not touch what is there.
    let (mut record, trace, _) = run(&cycle(), &METHODS[0], 0.0, 0, "blocked");
    record.id = "blocked".into();
    std::fs::write(dir.join("runs/blocked"), b"in the way").unwrap();
    assert!(results.write_run(&record, &trace, None, None, Existing::Keep).is_err());
    assert_eq!(std::fs::read(dir.join("runs/blocked")).unwrap(), b"in the way");
}

#[cfg(unix)]
#[test]
fn results_can_be_shared() {
    use std::os::unix::fs::PermissionsExt;
    let dir = folder("mode");
    let results = ResultsDir::create(&dir).unwrap();
    results.write_plan("format: 1\n", &mut results.hold(Access::Alone, "a test").unwrap()).unwrap();
    let plain = dir.join("plain");
    std::fs::write(&plain, "x").unwrap();
    let mode = |p: &std::path::Path| std::fs::metadata(p).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir.join("plan.yaml")), mode(&plain), "as any file under this umask");
}

#[test]
fn ids_cannot_leave_the_folder() {
    let results = ResultsDir::create(&folder("ids")).unwrap();
    let (mut record, trace, _) = run(&cycle(), &METHODS[6], 0.0, 0, "x");
    for id in ["", "..", "../x", "a/b", ".hidden", "a b"] {
        record.id = id.into();
        assert!(
            matches!(
                results.write_run(&record, &trace, None, None, Existing::Keep),
                Err(RecordsError::RunId(_))
            ),
            "{id}"
        );
        assert!(results.finished(id).is_none());
    }
}

#[test]
fn errors_name_the_file_and_the_line() {
    let dir = folder("errors");
    let experiment = experiment();
    write(&experiment, &dir);
    let trace = dir.join("runs").join(&experiment.runs[0].0.id).join("trace.csv");
    let text = std::fs::read_to_string(&trace).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    std::fs::write(&trace, format!("{}\n{}\n1,2,3,oops,last,duality_gap,0.5\n", lines[0], lines[1])).unwrap();
    let why = read(&dir).unwrap().unfinished.remove(0).why;
    assert!(why.contains("damaged: trace.csv") && why.contains("line: 3"), "{why}");
    std::fs::write(&trace, text).unwrap();

    let games = dir.join("games.json");
    let text = std::fs::read_to_string(&games).unwrap();
    std::fs::write(&games, text.replacen("\"contexts\": 1", "\"contexts\": \"one\"", 1)).unwrap();
    let error = read(&dir).unwrap_err().to_string();
    assert!(error.contains("games.json") && error.contains("line 9") && error.contains("one"), "{error}");

    std::fs::write(&games, text.replacen("\"n\": 5", "\"n\": 4", 1)).unwrap();
    let error = read(&dir).unwrap_err().to_string();
    assert!(error.contains("game `gambles` has 4 actions, but labels has 5 entries"), "{error}");

    std::fs::write(&games, text.replace("\"name\": \"cycle\"", "\"name\": \"circle\"")).unwrap();
    let error = read(&dir).unwrap_err().to_string();
    assert!(error.contains("is about game `cycle`, which is not here"), "{error}");
}

#[test]
fn an_unknown_word_is_an_error_that_names_file_and_word() {
    let dir = folder("unknown-word");
    let experiment = experiment();
    write(&experiment, &dir);
    let run = dir.join("runs").join(&experiment.runs[0].0.id);
    for (name, from, to, kind, known) in [
        ("run.json", "\"behaviour\": \"converg", "\"behaviour\": \"xconverg", "behaviour", Behaviour::NAMES),
        ("run.json", "\"average\": {", "\"mean\": {", "iterate", Iterate::NAMES),
        ("trace.csv", ",average,", ",mean,", "iterate", Iterate::NAMES),
    ] {
        let file = run.join(name);
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{from}");
        std::fs::write(&file, text.replacen(from, to, 1)).unwrap();
        let error = read(&dir).unwrap_err();
        let RecordsError::UnknownWord { file: named, line, word } = &error else { panic!("{error:?}") };
        assert_eq!((named, word.kind, word.known), (&file, kind, known));
        let at = 1 + text.lines().position(|l| l.contains(from)).unwrap();
        assert_eq!(*line, Some(at as u64), "{error}");
        assert!(error.to_string().contains(&format!("unknown {kind} `{}`", word.word)), "{error}");
        std::fs::write(&file, text).unwrap();
    }
    // what a user typed holds no words of ours
    let (mut record, trace, _) = experiment.runs[0].clone();
    record.spec["behaviour"] = "xx".into();
    ResultsDir::create(&dir).unwrap().write_run(&record, &trace, None, None, Existing::Replace).unwrap();
    assert_eq!(read(&dir).unwrap().runs.len(), experiment.runs.len());
}

#[test]
fn metrics_are_described_by_their_file_or_else_by_their_name() {
    let dir = folder("metrics");
    let experiment = experiment();
    let results = write(&experiment, &dir);
    assert_eq!(read(&dir).unwrap().metrics, experiment.metrics);
    let reversed: Vec<MetricInfo> = experiment.metrics.iter().rev().cloned().collect();
    results.write_metrics(&reversed).unwrap();
    assert_eq!(read(&dir).unwrap().metrics, reversed);
    std::fs::remove_file(dir.join("metrics.json")).unwrap();
    let by_name = ["duality_gap", "duality_gap_tau", "entropy", "kl_to_reference"];
    assert_eq!(read(&dir).unwrap().metrics, by_name.map(MetricInfo::undescribed));
}

#[test]
fn folders_of_an_earlier_plan_are_left_alone() {
    let dir = folder("left-over");
    let experiment = experiment();
    let results = write(&experiment, &dir);
    let (mut record, trace, _) = run(&cycle(), &METHODS[0], 0.0, 0, "older");
    record.id = "older".into();
    record.game = "a game of the earlier plan".into();
    results.write_run(&record, &trace, None, None, Existing::Keep).unwrap();
    let read = read(&dir).unwrap();
    assert_eq!(read.runs.len(), experiment.runs.len());
    assert_eq!(read.left_over, ["older"]);
}

#[test]
fn without_a_plan_runs_are_sorted() {
    let dir = folder("no-plan");
    let experiment = experiment();
    write(&experiment, &dir);
    std::fs::remove_file(dir.join("summary.json")).unwrap();
    std::fs::remove_file(dir.join("planned.json")).unwrap();
    let read = read(&dir).unwrap();
    assert_eq!(read.runs.len(), experiment.runs.len());
    let order: Vec<_> = read.runs.iter().map(|r| (r.record.game != "gambles", r.record.tau > 0.0)).collect();
    assert!(order.is_sorted());
}
