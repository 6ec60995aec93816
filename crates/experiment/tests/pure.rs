//! Resolving an experiment reads no game file beyond its header, and making one game reads no other.

use std::path::Path;

use equipoise_experiment::{Plan, Shard, file, resolve, shard};

fn plan(folder: &Path, text: &str) -> Plan {
    let file = file::parse("c.yaml", folder, text.as_bytes(), &[]).unwrap_or_else(|e| panic!("{e}"));
    Plan::new(resolve(&file).unwrap_or_else(|e| panic!("{e}"))).unwrap_or_else(|e| panic!("{e}"))
}

/// The header of an array of `n` x `n` numbers, and nothing behind it.
fn npy_header(n: usize) -> Vec<u8> {
    let mut header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({n}, {n}), }}");
    while (header.len() + 11) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(header.len()).expect("short").to_le_bytes());
    bytes.extend(header.bytes());
    bytes
}

const CONFIG: &str = "
games:
  - matrix: { path: cut.npy }
  - matrix: { path: cut.csv }
  - matrix: { path: cut.json }
  - comparisons: { path: cut.jsonl }
  - cyclic
solvers: [mwu: { step_size: 0.5 }, egpo]
tau: [0.0, 0.1]
";

#[test]
fn files_without_their_bodies_are_resolved_assigned_and_described_but_not_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).expect("written");
    write("cut.npy", &npy_header(300));
    write("cut.csv", b"a,b,c\n0.5,");
    write("cut.json", b"[[0.5,");
    write("cut.jsonl", b"{\"item_a\":");
    let plan = plan(folder.path(), CONFIG);
    assert_eq!((plan.games(), plan.runs()), (5, 20));
    assert_eq!(plan.game_name(0), "cut");
    let shares: u64 =
        (1..=3).map(|i| shard::runs(&plan, Some(format!("{i}/3").parse::<Shard>().expect("a share")))).sum();
    assert_eq!(shares, 20);
    assert!(plan.to_yaml().contains("cut.npy"));
    // one game is made though the others cannot be
    assert_eq!(plan.make(4).expect("a generator").name, "cyclic");
    for (g, line) in [(0, 3), (1, 4), (2, 5), (3, 6)] {
        let error = plan.make(g).expect_err("a file without a body");
        assert_eq!((error.line, error.column > 1), (line, true), "{error}");
    }
}

#[test]
fn a_million_games_are_a_plan_of_a_few_lines() {
    let games = |count: u64| {
        format!(
            "games: [cyclic, random-uniform: {{ actions: [8, 9], count: {count} }}, comal: {{ name: last }}]\n\
             solvers: [mwu]\nname: many\n"
        )
    };
    let here = Path::new(".");
    let many = plan(here, &games(500_000));
    assert_eq!((many.games(), many.runs()), (1_000_002, 1_000_002));
    let text = many.to_yaml();
    assert!(text.len() < 1000, "{text}");
    let again = plan(here, &text);
    assert_eq!(again.to_yaml(), text);
    // every game is made by itself, as it is where all are listed
    let few = plan(here, &games(3));
    assert!(few.to_yaml().contains("name: \"random-uniform(actions=9)-3\""), "{}", few.to_yaml());
    for (g, h) in [(0, 0), (1, 1), (3, 3), (500_001, 4), (500_003, 6), (1_000_001, 7)] {
        let (made, listed) = (again.make(g).expect("made"), few.make(h).expect("made"));
        assert_eq!((&made.name, &made.identity), (&listed.name, &listed.identity));
        assert_eq!(many.make(g).expect("made").identity, made.identity);
        let id = |plan: &Plan, made: &equipoise_experiment::game::GamePlan, g| {
            plan.run(&made.identity, plan.key(g, 0, 0)).id
        };
        assert_eq!(id(&again, &made, g), id(&few, &listed, h));
        assert_eq!(again.run_spec(again.key(g, 0, 0)), few.run_spec(few.key(h, 0, 0)));
    }
    assert_eq!(again.game_name(1_000_000), "random-uniform(actions=9)-500000");
    let of = |i: u32| shard::runs(&many, Some(format!("{i}/1000").parse().expect("a share")));
    assert!([1, 500, 1000].iter().all(|&i| (1000..=1001).contains(&of(i))));
}

/// A pipe that nobody writes to: whoever opened it to read would wait for ever.
#[cfg(unix)]
#[test]
fn a_pipe_is_not_opened_to_resolve() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["cut.npy", "cut.csv", "cut.json", "cut.jsonl"] {
        let made = std::process::Command::new("mkfifo").arg(folder.path().join(name)).status();
        assert!(made.expect("mkfifo").success());
    }
    let plan = plan(folder.path(), CONFIG);
    assert_eq!(plan.runs(), 20);
    assert!(shard::runs(&plan, Some("1/2".parse().expect("a share"))) > 0);
}
