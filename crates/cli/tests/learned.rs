//! `oracle: learned` under `kill -9`: labels that were bought, fitted and played by a process that is gone are bought again, and are
//! the same.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::{assert_equal, contents};

/// Labels bought once and labels of the policy being played; a model in closed form and three that iterate.
const CONFIG: &str = "
name: learned
games:
  - matrix: { values: [[0.5, 0.8, 0.35], [0.2, 0.5, 0.75], [0.65, 0.25, 0.5]] }
  - random-uniform: { actions: 5 }
oracle:
  - learned:
      model: [ counts, { gpm: { prior: true } }, ideal-points ]
      pairs: { design: all, per_context: 300 }
      labels: [ { flip: { rate: 0.1 } } ]
  - learned:
      model: [ counts, bradley-terry, { gpm: { prior: true } } ]
      pairs: { design: on-policy, per_context: 40, refresh: 1000 }
      undetermined: even
solvers: [ omwu, egpo ]
tau: 0.1
repetitions: 3
seed: 9
limits: { steps: 30000 }
record: { every: 1000 }
save_policies: recorded
";

/// 2 games, 6 oracles, 2 methods, 3 repetitions.
const RUNS: usize = 2 * 6 * 2 * 3;

fn start(folder: &Path, out: &str, jobs: &str) -> Child {
    Command::new(assert_cmd::cargo::cargo_bin("equipoise"))
        .current_dir(folder)
        .args(["run", "learned.yaml", "--out", out, "--jobs", jobs])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn finish(child: Child) -> String {
    let out = child.wait_with_output().unwrap();
    let err = String::from_utf8(out.stderr).unwrap();
    assert!(out.status.success(), "{err}");
    err
}

/// Folders of runs, finished or not.
fn begun(out: &Path) -> usize {
    std::fs::read_dir(out.join("runs")).map_or(0, |runs| runs.flatten().count())
}

#[test]
fn kill_9_leaves_no_trace_in_what_is_learned() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("learned.yaml"), CONFIG).unwrap();
    finish(start(folder, "calm", "1"));
    let expected = contents(&folder.join("calm"));
    let runs = |files: &std::collections::BTreeMap<String, String>| {
        files.keys().filter(|name| name.ends_with("run.json")).count()
    };
    assert_eq!(runs(&expected), RUNS);
    finish(start(folder, "two", "2"));
    assert_equal(&expected, &folder.join("two"), "two threads");
    let mut kills = 0;
    // each time some runs further, and some time into the next one
    for (k, further) in [1, 9, 4, 20].into_iter().enumerate() {
        let out = folder.join("hunted");
        let until = begun(&out) + further;
        let mut child = start(folder, "hunted", if k % 2 == 0 { "1" } else { "2" });
        while begun(&out) < until && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(3 * k as u64));
        kills += usize::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap(); // SIGKILL: nothing can be tidied up
        child.wait().unwrap();
    }
    assert!(kills >= 3, "it was finished before it could be killed: {kills} of 4");
    let said = finish(start(folder, "hunted", "2"));
    assert!(said.contains(&format!(" of {RUNS} runs were finished before")), "{said}");
    assert_equal(&expected, &folder.join("hunted"), &format!("after {kills} kills"));
}
