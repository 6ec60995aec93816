//! Answers from data in memory: options refused by name, widths, remarks, and the same answer as from a file.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Mutex;

use serde_json::{Map, Value};

use equipoise_answers::equipoise::core::Policy;
use equipoise_answers::equipoise::data::{Comparisons, Unit, parse_comparisons};
use equipoise_answers::equipoise::env::Game;
use equipoise_answers::equipoise::ndarray::{Array2, Array3, array};
use equipoise_answers::{
    AnswerError, FitData, FitOptions, FitSource, GapOptions, GivenGame, InspectOptions, Progress, RankData,
    RankOptions, Select, Silent, SolveOptions, Source, fit, gap, inspect, rank, solve, to_json,
};

fn cycle() -> Game {
    Game::from_array(&array![[0.5, 0.6, 0.1], [0.4, 0.5, 0.7], [0.9, 0.3, 0.5]]).unwrap()
}

const CSV: &str = "item_a,item_b,outcome,weight\nx,y,a,30\nx,y,b,10\ny,z,a,20\ny,z,b,10\n";

/// The option that an error names.
fn option(error: &AnswerError) -> String {
    let AnswerError::Option { option, .. } = error else { panic!("{error}") };
    assert!(error.to_string().starts_with(&**option), "{error}");
    option.to_string()
}

/// An option of a model that is switched on.
fn switched_on(key: &str) -> Map<String, Value> {
    Map::from_iter([(key.to_owned(), Value::Bool(true))])
}

#[test]
fn options_that_cannot_be_are_refused_by_name() {
    let given = GivenGame::from(cycle());
    let refused = |options: SolveOptions| option(&solve(&given, &options, &Silent).unwrap_err());
    for tau in [-1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(refused(SolveOptions { tau, ..Default::default() }), "tau");
        let uniform = Policy::uniform(given.game.shape());
        let error = gap(&given.game, &uniform, &GapOptions { tau, reference: None }).unwrap_err();
        assert_eq!(option(&error), "tau");
    }
    let select = Some(Select::Vertex);
    assert_eq!(refused(SolveOptions { tau: 0.1, select, ..Default::default() }), "select");
    assert_eq!(refused(SolveOptions { path: true, select, ..Default::default() }), "select");
    assert_eq!(refused(SolveOptions { tau: 0.1, ranges: true, ..Default::default() }), "ranges");
    // a reference that would play no part, and where it plays one
    let uniform = || Some(Policy::uniform(given.game.shape()));
    for select in [None, Some(Select::MaximumEntropy), Some(Select::Vertex)] {
        assert_eq!(refused(SolveOptions { reference: uniform(), select, ..Default::default() }), "reference");
    }
    let select = Some(Select::RegularisedLimit);
    for options in [
        SolveOptions { reference: uniform(), select, ..Default::default() },
        SolveOptions { reference: uniform(), path: true, ..Default::default() },
        SolveOptions { reference: uniform(), tau: 0.1, ..Default::default() },
    ] {
        assert!(solve(&given, &options, &Silent).is_ok(), "{options:?}");
    }
    let two = Game::from_array(&Array2::from_elem((2, 2), 0.5)).unwrap();
    let reference = Some(Policy::uniform(two.shape()));
    assert_eq!(refused(SolveOptions { tau: 0.1, reference, ..Default::default() }), "reference");
    let error = gap(&given.game, &Policy::uniform(two.shape()), &GapOptions::default()).unwrap_err();
    assert!(matches!(error, AnswerError::Input { .. }), "{error}");
}

#[test]
fn a_model_that_is_unknown_or_cannot_keep_an_option_is_named() {
    let data = parse_comparisons("d.csv".as_ref(), CSV.as_bytes(), &Default::default()).unwrap();
    let data = FitData::from(data);
    let error = |options: FitOptions| fit(&data, &options, &Silent).unwrap_err();
    let unknown = error(FitOptions { model: "bradly-terry".to_owned(), ..Default::default() });
    assert_eq!(option(&unknown), "model");
    assert!(unknown.to_string().contains("did you mean `bradley-terry`?"), "{unknown}");
    let options = switched_on("home");
    let elo = FitOptions { model: "elo".to_owned(), options, ..Default::default() };
    assert_eq!(option(&error(elo)), "home");
    // it takes rankings, and these are comparisons
    let other = error(FitOptions { model: "plackett-luce".to_owned(), ..Default::default() });
    assert!(other.to_string().contains("is fitted to rankings, not to comparisons"), "{other}");
}

#[test]
fn several_contexts_are_answered_one_by_one() {
    let one = array![[0.5, 0.6, 0.1], [0.4, 0.5, 0.7], [0.9, 0.3, 0.5]];
    let mut both = Array3::from_elem((2, 3, 3), 0.5);
    both.index_axis_mut(equipoise_answers::equipoise::ndarray::Axis(0), 1).assign(&one);
    let game = Game::from_array(&both).unwrap();
    let options = SolveOptions::default();
    let whole = solve(&game.into(), &options, &Silent).unwrap();
    let alone = solve(&cycle().into(), &options, &Silent).unwrap();
    assert_eq!((whole.contexts.len(), &whole.contexts[1]), (2, &alone.contexts[0]));
    let json: serde_json::Value = serde_json::from_str(&to_json(&whole)).unwrap();
    assert_eq!(json["contexts"][1].to_string(), serde_json::to_value(&alone).unwrap().to_string());
    let text = whole.to_string();
    assert!(text.starts_with("context 0\n") && text.contains("\ncontext 1\n"), "{text}");
}

/// Counts are whole numbers: what ties is told from what nearly ties.
#[test]
fn counts_decide_whether_a_lottery_is_the_only_one() {
    // a cycle of 7 of 10, and a clone of its first: 1/2 exactly, or one win of two million more
    for (extra, unique) in [(0.0, false), (1.0, true)] {
        let even = 1e6;
        let wins = array![
            [0.0, 70.0, 30.0, even],
            [30.0, 0.0, 70.0, 30.0],
            [70.0, 30.0, 0.0, 70.0],
            [even + extra, 70.0, 30.0, 0.0]
        ];
        let data = Comparisons::from_tables(&wins, &Array2::zeros((4, 4)));
        let found = inspect(&data, &InspectOptions { replicates: 19, seed: 0 }, &Silent).unwrap();
        let nash = found.nash.unwrap();
        assert_eq!((nash.unique, nash.method), (Some(unique), "rational"));
        assert_eq!(nash.ranges.is_none(), unique);
    }
}

#[test]
fn a_width_bounds_the_tables() {
    let wins = array![[0.0, 90.0, 10.0], [10.0, 0.0, 90.0], [90.0, 10.0, 0.0]];
    let data = Comparisons::from_tables(&wins, &Array2::zeros((3, 3)));
    let found = inspect(&data, &InspectOptions { replicates: 19, seed: 0 }, &Silent).unwrap();
    let table = |text: String| -> usize {
        let rows = text.lines().skip_while(|l| !l.starts_with(" measure")).take_while(|l| l.starts_with(' '));
        rows.map(str::len).max().unwrap()
    };
    assert!(table(format!("{found:80}")) <= 80);
    assert!(table(found.to_string()) > 80);
}

/// Keeps every remark.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Progress for Notes {
    fn note(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
}

#[test]
fn a_file_gives_the_answer_of_its_contents_with_remarks() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("d.csv");
    std::fs::write(&path, CSV).unwrap();
    let data = parse_comparisons(&path, CSV.as_bytes(), &Default::default()).unwrap();
    let (source, notes) = (Source::new(&path), Notes::default());

    let options = InspectOptions { replicates: 19, seed: 3 };
    let read = source.comparisons(&notes).unwrap();
    assert_eq!(
        to_json(&inspect(&read, &options, &Silent).unwrap()),
        to_json(&inspect(&data, &options, &Silent).unwrap())
    );
    assert!(notes.0.lock().unwrap().contains(&"never met, left out: x and z".to_owned()));

    let options = FitOptions { options: switched_on("prior"), ..Default::default() };
    let files = FitSource { source: source.clone(), ..Default::default() };
    let from_file = fit(&files.read(&options, &Silent).unwrap(), &options, &Silent).unwrap();
    let in_memory = FitData::from(data.clone());
    assert_eq!(from_file, fit(&in_memory, &options, &Silent).unwrap());

    // row by row there are ratings that follow the matches too; the others are the same
    let options = RankOptions { replicates: 10, ..Default::default() };
    let rows = RankData::read(&source, Unit::Row, false, &Silent).unwrap();
    let (full, counts) =
        (rank(&rows, &options, &Silent).unwrap(), rank(&data.into(), &options, &Silent).unwrap());
    assert_eq!(full.top[..4], counts.top[..]);
    assert!(full.rows.iter().all(|r| r.elo.is_some()) && counts.rows.iter().all(|r| r.elo.is_none()));
    assert_eq!(full.rows[0].bootstrap_low, counts.rows[0].bootstrap_low);
}

#[test]
fn errors_name_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("matrix.csv");
    std::fs::write(&path, "0.5,0.7\n0.3,0.5\n").unwrap();
    let grouping = equipoise_answers::equipoise::data::Grouping::Context;
    let error = Source::new(&path).grouped(grouping, Unit::Row, &Silent).unwrap_err().to_string();
    assert!(error.starts_with(path.to_str().unwrap()) && error.contains("no groups"), "{error}");
    let error = Source::new(dir.path().join("no.csv")).game(&Silent).unwrap_err().to_string();
    assert!(error.contains("no.csv"), "{error}");
}
