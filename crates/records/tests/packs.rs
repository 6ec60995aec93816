//! Packs hold what folders hold, whatever was killed, cut or damaged on the way.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use equipoise_records::schema::{
    FORMAT, GameRecord, GamesFile, Metrics, PathPoint, PolicyPoint, RunRecord, Summary, TracePoint,
};
use equipoise_records::{
    Aim, Behaviour, DUALITY_GAP, Existing, Guarantee, Iterate, PACKED_FROM, RecordsError, ResultsDir,
    RunState, StopKind, read,
};
use serde_json::json;

const RUNS: usize = 12;

fn id(k: usize) -> String {
    format!("run-{k}")
}

fn record(k: usize) -> RunRecord {
    RunRecord {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").into(),
        id: id(k),
        experiment: "e".into(),
        game: "g".into(),
        solver: "mwu".into(),
        label: "mwu".into(),
        parameters: json!({ "step_size": 0.5 }),
        aim: Aim::Original,
        guarantee: Guarantee::Average,
        proved: None,
        tau: 0.0,
        repetition: k as u32,
        spec: json!({ "a": ["long", "text", k] }),
        stop_reason: StopKind::Budget,
        stop_detail: "all steps done".into(),
        behaviour: Behaviour::Cycling,
        judgement: None,
        steps: 3,
        queries: 3,
        duels: 0,
        seconds: 0.25,
        final_metrics: [(Iterate::Last, Metrics::from([(DUALITY_GAP.to_owned(), Some(0.5))]))].into(),
        reached: Vec::new(),
        rate: None,
        notes: vec!["a\nline".into()],
        final_policy: json!([0.25, 0.75]),
    }
}

fn trace(k: usize) -> Vec<TracePoint> {
    let point = |step: u64| TracePoint {
        step,
        queries: step,
        duels: 0,
        seconds: 0.125 * step as f64,
        iterate: Iterate::Last,
        metric: DUALITY_GAP.into(),
        value: 1.0 / (step + k as u64) as f64,
    };
    (1..40).map(point).collect()
}

fn write(results: &ResultsDir, k: usize, existing: Existing) -> Result<(), RecordsError> {
    let policy = PolicyPoint {
        step: 3,
        iterate: Iterate::Last,
        context: 0,
        action: 1,
        prob: 0.5,
        log_prob: 0.5f64.ln(),
    };
    let path = [PathPoint { step: 3, p0: 0.2, p1: 0.3, p2: 0.5 }];
    let path = k.is_multiple_of(2).then_some(&path[..]);
    results.write_run(&record(k), &trace(k), Some(&[policy]), path, existing)
}

/// A folder whose runs go into packs, if it is to be so.
fn folder(packed: bool) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    if packed {
        std::fs::create_dir(dir.path().join("packs")).unwrap();
    }
    let results = ResultsDir::create(dir.path()).unwrap();
    results.write_planned(&(0..RUNS).map(id).collect::<Vec<_>>()).unwrap();
    let game = GameRecord {
        name: "g".into(),
        source: "made".into(),
        contexts: 1,
        n: 2,
        labels: vec!["a".into(), "b".into()],
        matrix: None,
        unmet_pairs: Vec::new(),
        reference: vec![0.5, 0.5],
        facts: None,
        context_facts: None,
        equilibria: Vec::new(),
        estimate: None,
    };
    let games = GamesFile { format: FORMAT, experiment: "e".into(), description: None, games: vec![game] };
    results.write_games(&games).unwrap();
    dir
}

fn filled(packed: bool) -> tempfile::TempDir {
    let dir = folder(packed);
    let results = ResultsDir::create(dir.path()).unwrap();
    (0..RUNS).for_each(|k| write(&results, k, Existing::Keep).unwrap());
    results.make_durable().unwrap();
    dir
}

fn packs(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        std::fs::read_dir(dir.join("packs")).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    files
}

/// Does what is not finished, as a new process; how many runs that were.
fn resumed(dir: &Path) -> usize {
    let results = ResultsDir::create(dir).unwrap();
    let open = |k: &usize| !matches!(results.examine(&id(*k)).unwrap(), RunState::Finished(_));
    (0..RUNS).filter(open).map(|k| write(&results, k, Existing::Keep).unwrap()).count()
}

#[test]
fn the_number_of_runs_decides_and_a_folder_with_packs_keeps_to_them() {
    for (runs, packed) in [(PACKED_FROM - 1, false), (PACKED_FROM, true), (2, true)] {
        let dir = folder(runs == 2);
        let results = ResultsDir::create(dir.path()).unwrap().for_runs(runs);
        write(&results, 0, Existing::Keep).unwrap();
        results.write_game("known", &json!({ "a": 1 })).unwrap();
        results.write_exact("answer", &json!([0.5])).unwrap();
        assert_eq!(dir.path().join("runs/run-0").exists(), !packed);
        assert_eq!(dir.path().join("games").exists() && dir.path().join("exact").exists(), !packed);
        assert_eq!(packed.then(|| packs(dir.path()).len()), packed.then_some(1));
        // who reads need not know
        let others = ResultsDir::existing(dir.path()).unwrap();
        assert_eq!(others.finished("run-0"), Some(record(0)));
        assert_eq!(others.read_game("known").unwrap(), Some(json!({ "a": 1 })));
        assert_eq!(others.read_exact("answer").unwrap(), Some(json!([0.5])));
        assert_eq!(others.read_game("answer").unwrap(), None);
    }
}

#[test]
fn what_is_read_from_packs_is_what_is_read_from_folders() {
    let (folders, packed) = (filled(false), filled(true));
    assert_eq!(packs(packed.path()).len(), 1, "a process has one");
    let (in_folders, in_packs) = (read(folders.path()).unwrap(), read(packed.path()).unwrap());
    assert_eq!(in_folders, in_packs);
    assert_eq!(in_packs.runs.len(), RUNS);
    // folders that were there before there were packs are read beside them
    let mixed = filled(false);
    std::fs::remove_dir_all(mixed.path().join("runs/run-3")).unwrap();
    std::fs::create_dir(mixed.path().join("packs")).unwrap();
    assert_eq!(resumed(mixed.path()), 1);
    assert_eq!(read(mixed.path()).unwrap(), in_folders);
    // a run of an earlier plan is told
    ResultsDir::create(packed.path()).unwrap().write_planned(&(1..RUNS).map(id).collect::<Vec<_>>()).unwrap();
    assert_eq!(read(packed.path()).unwrap().left_over, ["run-0"]);
}

#[test]
fn whatever_is_left_of_a_pack_is_read_and_the_rest_done_again() {
    let expected = filled(true);
    let bytes = std::fs::read(&packs(expected.path())[0]).unwrap();
    let whole = read(expected.path()).unwrap();
    for length in (0..bytes.len()).step_by(397).chain([bytes.len() - 1, bytes.len()]) {
        let dir = folder(true);
        std::fs::write(dir.path().join("packs/7-killed.pack"), &bytes[..length]).unwrap();
        let kept =
            (0..RUNS).filter(|k| ResultsDir::create(dir.path()).unwrap().finished(&id(*k)).is_some()).count();
        assert!(
            kept + 2 > length * RUNS / bytes.len() && (kept < RUNS || length == bytes.len()),
            "{kept} of {length}"
        );
        let lost = ResultsDir::create(dir.path()).unwrap().lost().unwrap();
        assert!(lost.iter().all(|text| text.contains("7-killed.pack: its last ")), "{lost:?}");
        assert_eq!(resumed(dir.path()), RUNS - kept);
        assert_eq!(read(dir.path()).unwrap(), whole);
        assert_eq!(resumed(dir.path()), 0);
    }
}

#[test]
fn a_byte_that_was_changed_costs_one_run() {
    let expected = filled(true);
    let bytes = std::fs::read(&packs(expected.path())[0]).unwrap();
    let whole = read(expected.path()).unwrap();
    let head = bytes.iter().position(|&b| b == b'\n').unwrap() + 1;
    for at in (head..bytes.len()).step_by(251) {
        let dir = folder(true);
        let mut changed = bytes.clone();
        changed[at] ^= 0x10;
        std::fs::write(dir.path().join("packs/7-changed.pack"), changed).unwrap();
        let results = ResultsDir::create(dir.path()).unwrap();
        let states: Vec<RunState> = (0..RUNS).map(|k| results.examine(&id(k)).unwrap()).collect();
        let finished = states.iter().filter(|state| matches!(state, RunState::Finished(_))).count();
        // between two records there is a byte that says nothing
        assert!(finished + 1 >= RUNS, "{finished} at {at}");
        let told = states
            .iter()
            .any(|state| matches!(state, RunState::Damaged(what) if what.contains("7-changed.pack")));
        let lost = results.lost().unwrap();
        assert!(
            finished == RUNS || told || lost.iter().any(|l| l.contains("not what was written")),
            "{at}: {states:?}"
        );
        assert_eq!(resumed(dir.path()), RUNS - finished, "at {at}");
        assert_eq!(read(dir.path()).unwrap(), whole, "at {at}");
        assert_eq!(resumed(dir.path()), 0, "at {at}");
    }
}

#[test]
fn two_processes_that_do_one_run_keep_the_first_or_are_told() {
    let dir = folder(true);
    let point = |value| TracePoint { value, ..trace(0)[0].clone() };
    let write = |results: &ResultsDir, value, seconds, existing| {
        results.write_run(&RunRecord { seconds, ..record(0) }, &[point(value)], None, None, existing)
    };
    let ids = [id(0)];
    let [first, second] = [(); 2].map(|()| ResultsDir::create(dir.path()).unwrap());
    // neither knows of the other
    assert!(first.finished(&ids[0]).is_none() && second.finished(&ids[0]).is_none());
    write(&first, 0.1, 1.0, Existing::Keep).unwrap();
    write(&second, 0.1, 2.0, Existing::Keep).unwrap();
    let third = ResultsDir::create(dir.path()).unwrap();
    third.check_equal(&ids).unwrap();
    let kept = third.finished(&ids[0]).unwrap();
    assert_eq!(packs(dir.path()).len(), 2);
    assert_eq!(ResultsDir::create(dir.path()).unwrap().finished(&ids[0]), Some(kept), "whoever reads");
    // a last digit is a difference
    let error = write(&third, 0.100_000_000_000_000_02, 1.0, Existing::Keep).unwrap_err();
    assert!(matches!(&error, RecordsError::Unequal { differs, .. } if differs == "trace.csv"), "{error}");
    let fourth = ResultsDir::create(dir.path()).unwrap();
    assert!(matches!(fourth.check_equal(&ids), Err(RecordsError::Unequal { .. })), "others are told too");
    write(&fourth, 0.2, 1.0, Existing::Replace).unwrap();
    let fifth = ResultsDir::create(dir.path()).unwrap();
    fifth.check_equal(&ids).unwrap();
    assert_eq!(fifth.finished(&ids[0]).unwrap().seconds, 1.0);
    assert_eq!(read(dir.path()).unwrap().runs[0].trace, Some(vec![point(0.2)]));
}

#[test]
fn a_part_gives_way_to_the_whole_and_never_the_other_way() {
    let dir = folder(true);
    let part = RunRecord { stop_reason: StopKind::Interrupted, ..record(0) };
    let results = ResultsDir::create(dir.path()).unwrap();
    results.write_run(&part, &trace(0), None, None, Existing::Keep).unwrap();
    let why = read(dir.path()).unwrap().unfinished[0].why.clone();
    assert!(why.starts_with("interrupted at step 3; what it recorded until then is in packs/"), "{why}");
    assert!(matches!(results.examine(&id(0)).unwrap(), RunState::Interrupted(_)));
    assert_eq!(resumed(dir.path()), RUNS);
    ResultsDir::create(dir.path()).unwrap().write_run(&part, &trace(0), None, None, Existing::Keep).unwrap();
    assert_eq!(resumed(dir.path()), 0);
}

#[test]
fn what_is_known_of_a_game_is_written_over() {
    let dir = folder(true);
    let know = |text: &str| {
        let results = ResultsDir::create(dir.path()).unwrap();
        results.write_game("g", &json!(text)).unwrap();
        packs(dir.path()).iter().map(|file| file.metadata().unwrap().len()).sum::<u64>()
    };
    let once = know("a");
    assert_eq!(know("a"), once, "what is there is not written again");
    assert!(know("b") > once);
    assert_eq!(ResultsDir::create(dir.path()).unwrap().read_game("g").unwrap(), Some(json!("b")));
}

#[test]
fn a_share_reads_the_packs_of_the_others_only_when_it_takes_over() {
    let dir = folder(true);
    let share = |index, count, plan| ResultsDir::create(dir.path()).unwrap().for_share(index, count, plan);
    write(&share(1, 2, "plan"), 0, Existing::Keep).unwrap();
    let second = share(2, 2, "plan");
    assert_eq!(second.finished("run-0"), None);
    second.take_over().unwrap();
    assert_eq!(second.finished("run-0"), Some(record(0)));
    // its owner finds what was done for it, and so do shares of another number or plan
    write(&second, 1, Existing::Keep).unwrap();
    for all in [share(1, 2, "plan"), share(2, 3, "plan"), share(2, 2, "another")] {
        assert_eq!((0..RUNS).filter(|k| all.finished(&id(*k)).is_some()).count(), 2);
    }
    assert_eq!(resumed(dir.path()), RUNS - 2);
}

#[test]
fn a_pack_of_another_format_is_refused_and_other_files_are_left_alone() {
    let dir = folder(true);
    std::fs::write(dir.path().join("packs/notes.txt"), "theirs").unwrap();
    std::fs::write(dir.path().join("packs/theirs.pack"), "record of a hike\n").unwrap();
    assert_eq!(resumed(dir.path()), RUNS);
    std::fs::write(dir.path().join("packs/later.pack"), "equipoise pack 7 9.0.0\n").unwrap();
    let error = read(dir.path()).unwrap_err().to_string();
    assert!(error.contains("later.pack: written in format 7, this program reads format 2"), "{error}");
    // a folder whose runs another version wrote is not gone on with
    std::fs::remove_file(dir.path().join("packs/later.pack")).unwrap();
    let own = packs(dir.path())
        .into_iter()
        .find(|file| !file.ends_with("theirs.pack") && !file.ends_with("notes.txt"));
    let own = own.unwrap();
    let bytes = std::fs::read(&own).unwrap();
    let version = env!("CARGO_PKG_VERSION").len();
    let head = bytes.iter().position(|&b| b == b'\n').unwrap();
    let other = [&bytes[..head - version], b"0.0.9".as_slice(), &bytes[head..]].concat();
    std::fs::write(own, other).unwrap();
    let results = ResultsDir::create(dir.path()).unwrap();
    let error = results.check_versions(&(0..RUNS).map(id).collect::<Vec<_>>()).unwrap_err().to_string();
    assert!(error.contains("12 of the runs in it were written by version 0.0.9"), "{error}");
}

#[test]
fn a_summary_is_that_of_the_records_wherever_they_are() {
    let ids: Vec<String> = (0..RUNS).chain([RUNS]).map(id).collect();
    let mut texts = Vec::new();
    for packed in [false, true] {
        let dir = filled(packed);
        let results = ResultsDir::create(dir.path()).unwrap();
        // one that was interrupted, and one that nobody has done, have no row
        let part = RunRecord { stop_reason: StopKind::Interrupted, ..record(RUNS) };
        results.write_run(&part, &trace(0), None, None, Existing::Keep).unwrap();
        results.write_summary("e", ids.iter().rev().chain([&"none".to_owned()])).unwrap();
        texts.push(std::fs::read_to_string(dir.path().join("summary.json")).unwrap());
        results.write_summary("e", std::iter::empty()).unwrap();
        texts.push(std::fs::read_to_string(dir.path().join("summary.json")).unwrap());
    }
    let all =
        |runs| serde_json::to_string_pretty(&Summary { format: FORMAT, name: "e".into(), runs }).unwrap();
    let expected = [all((0..RUNS).rev().map(record).collect()) + "\n", all(Vec::new()) + "\n"];
    assert_eq!(texts[..2], expected, "in folders");
    assert_eq!(texts[2..], expected, "in packs");
}
