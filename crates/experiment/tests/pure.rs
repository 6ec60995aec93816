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
