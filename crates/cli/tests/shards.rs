//! Several processes share an experiment: whatever the sharing, the order, the kills and the meetings, what is merged is
//! what one process alone would have written, to the byte, times apart.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::{assert_equal, contents};

/// Small games with grids, one drawn several times, one large enough for lock-step, all kinds of oracles; some seconds of
/// work.
const CONFIG: &str = "
name: shared
games:
  - cyclic: { margins: [0.1, 0.2, 0.4] }
  - random-uniform: { actions: [5, 20], count: 3 }
  - matrix: { path: table.csv, storage: [f64, f32] }
  - comparisons: { path: votes.csv, each: context }
  - random-uniform: { actions: 1100, name: large }
reference: { random-normal: { scale: 1.0 } }
tau: [0.0, 0.1]
oracle: [exact, sampled: { duels_per_query: 16 }]
solvers: [mwu: { step_size: [0.1, 0.2] }, egpo, omwu: { step_size: 0.1 }]
repetitions: 2
seed: 3
limits: { steps: 60 }
metrics: [duality_gap, entropy, kl_to_equilibrium]
save_policies: recorded
";

struct Setup {
    folder: tempfile::TempDir,
    config: PathBuf,
}

fn setup(text: &str) -> Setup {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    write("table.csv", "x,a,b,c\na,0.5,0.7,0.41\nb,0.3,0.5,0.6\nc,0.59,0.4,0.5\n");
    write(
        "votes.csv",
        "item_a,item_b,outcome,context\na,b,a,code\nb,c,a,code\nc,a,a,code\na,b,b,prose\nb,c,tie,prose\na,c,a,prose\n",
    );
    let config = write("shared.yaml", text);
    Setup { folder, config }
}

impl Setup {
    fn out(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn start(&self, out: &Path, more: &[&str]) -> Child {
        Command::new(assert_cmd::cargo::cargo_bin("equipoise"))
            .arg("run")
            .arg(&self.config)
            .arg("--out")
            .arg(out)
            .args(more)
            .env_remove("SLURM_ARRAY_TASK_ID")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn run(&self, out: &Path, more: &[&str]) -> String {
        finish(self.start(out, more))
    }
}

fn finish(child: Child) -> String {
    let out = child.wait_with_output().unwrap();
    let err = String::from_utf8(out.stderr).unwrap();
    assert!(out.status.success(), "{err}");
    err
}

fn merge(out: &Path) -> (Option<i32>, String) {
    let done =
        Command::new(assert_cmd::cargo::cargo_bin("equipoise")).arg("merge").arg(out).output().unwrap();
    (done.status.code(), String::from_utf8(done.stderr).unwrap())
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

/// 12 games, 2 taus, 4 methods, 2 oracles, 2 repetitions.
const RUNS: usize = 12 * 2 * 4 * 2 * 2;

#[test]
fn any_sharing_merges_to_what_one_process_writes() {
    let setup = setup(CONFIG);
    let alone = setup.out("alone");
    setup.run(&alone, &[]);
    let expected = contents(&alone);
    assert_eq!(expected.keys().filter(|name| name.ends_with("run.json")).count(), RUNS);
    let pages = |dir: &Path| {
        ["report.md", "report.html", "summary.json"].map(|f| std::fs::read(dir.join(f)).unwrap())
    };
    let own = pages(&alone);
    assert_eq!(merge(&alone).0, Some(0));
    assert_equal(&expected, &alone, "merging what one process wrote");
    assert!(own == pages(&alone), "merging changed a page");

    for count in [1, 3, 7] {
        let out = setup.out(&format!("of-{count}"));
        let share = |k: usize| format!("{k}/{count}");
        // from the last to the first; every other one is killed first, later and later
        for k in (1..=count).rev() {
            if k % 2 == 0 {
                let mut child = setup.start(&out, &["--shard", &share(k), "--jobs", "2"]);
                std::thread::sleep(Duration::from_millis(30 * k as u64));
                child.kill().unwrap(); // SIGKILL: nothing can be tidied up
                child.wait().unwrap();
                continue;
            }
            if k > 1 {
                setup.run(&out, &["--shard", &share(k)]);
            }
        }
        if count > 1 {
            let (code, err) = merge(&out);
            assert_eq!(code, Some(1), "{err}");
            assert!(
                err.contains("missing: ") && err.contains(&format!(" of {RUNS} runs are missing")),
                "{err}"
            );
        }
        // the killed ones again and the first, two at a time; the first twice
        let mut again: Vec<String> = (1..=count).filter(|k| k % 2 == 0).map(share).collect();
        again.extend([share(1), share(1)]);
        for pair in again.chunks(2) {
            let started: Vec<Child> = pair.iter().map(|s| setup.start(&out, &["--shard", s])).collect();
            started.into_iter().for_each(|child| drop(finish(child)));
        }
        for time in ["first", "second"] {
            let (code, err) = merge(&out);
            assert_eq!(code, Some(0), "{err}");
            assert_equal(&expected, &out, &format!("{count} shares, merged for the {time} time"));
        }
        // with the same times the pages are equal too
        std::fs::remove_dir_all(out.join("runs")).unwrap();
        copy(&alone.join("runs"), &out.join("runs"));
        assert_eq!(merge(&out).0, Some(0));
        assert!(own == pages(&out), "{count} shares: the pages differ");
    }
}

#[test]
fn ten_processes_in_one_folder_do_not_harm_each_other() {
    let text = CONFIG.replace("  - random-uniform: { actions: 1100, name: large }\n", "");
    let text = text.replace("omwu: { step_size: 0.1 }", "omd: { step_size: stability }");
    let setup = setup(&text.replace("tau: [0.0, 0.1]", "tau: [0.05, 0.1]"));
    let (alone, out) = (setup.out("alone"), setup.out("together"));
    setup.run(&alone, &[]);
    let started: Vec<Child> = (0..10)
        .map(|k| match k {
            0..4 => setup.start(&out, &["--jobs", "1"]),
            _ => setup.start(&out, &["--jobs", "1", "--shard", &format!("{}/3", k % 3 + 1)]),
        })
        .collect();
    started.into_iter().for_each(|child| drop(finish(child)));
    assert_eq!(merge(&out).0, Some(0));
    assert_equal(&contents(&alone), &out, "ten processes");
}

/// What a folder says, times apart, wherever its runs are; as text, in which NaN is NaN.
fn said(dir: &Path) -> (BTreeMap<String, String>, String) {
    let mut texts = contents(dir);
    texts.retain(|name, _| !name.starts_with("runs/"));
    let mut results = equipoise_records::read(dir).unwrap();
    for run in &mut results.runs {
        run.record.seconds = 0.0;
        run.trace.iter_mut().flatten().for_each(|point| point.seconds = 0.0);
    }
    (texts, format!("{results:?}"))
}

#[test]
fn packs_say_what_folders_say_after_kills_torn_ends_damage_and_doubled_shares() {
    let setup = setup(CONFIG);
    let folders = setup.out("folders");
    setup.run(&folders, &[]);
    let expected = said(&folders);
    // a folder that has packs keeps to them
    let packed = |name: &str| {
        let out = setup.out(name);
        std::fs::create_dir_all(out.join("packs")).unwrap();
        out
    };
    let packs = |out: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(out.join("packs")).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    };
    let alone = packed("alone");
    setup.run(&alone, &["--jobs", "2"]);
    assert!(!alone.join("runs").exists());
    assert_eq!(packs(&alone).len(), 1);
    assert!(said(&alone) == expected);
    assert!(setup.run(&alone, &[]).contains(&format!("{RUNS} of {RUNS} runs were finished before")));
    setup.run(&alone, &["--fresh"]);
    assert_eq!(packs(&alone).len(), 2, "what is done again goes into a pack of its own");
    assert!(said(&alone) == expected);

    // shares from the last to the first, some of them killed, the ends of their packs cut, one with a changed byte
    let out = packed("shared");
    for k in (1..=5).rev() {
        let share = format!("{k}/5");
        if k % 2 == 0 {
            let mut child = setup.start(&out, &["--shard", &share, "--jobs", "2"]);
            std::thread::sleep(Duration::from_millis(120 * k));
            child.kill().unwrap(); // SIGKILL: nothing can be tidied up
            child.wait().unwrap();
        } else if k > 1 {
            setup.run(&out, &["--shard", &share]);
        }
    }
    for (k, file) in packs(&out).into_iter().enumerate() {
        let mut bytes = std::fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        bytes.truncate(bytes.len() - 10 * k);
        std::fs::write(&file, bytes).unwrap();
    }
    let (code, err) = merge(&out);
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("its last ") || err.contains("bytes of it are not what was written"), "{err}");
    // two at a time, some of them twice
    for pair in [["1/5", "1/5"], ["2/5", "3/5"], ["4/5", "5/5"], ["5/5", "3/5"]] {
        let started: Vec<Child> = pair.iter().map(|s| setup.start(&out, &["--shard", s])).collect();
        started.into_iter().for_each(|child| drop(finish(child)));
    }
    for time in ["first", "second"] {
        let (code, err) = merge(&out);
        assert_eq!(code, Some(0), "{err}");
        assert!(said(&out) == expected, "merged for the {time} time");
    }
    // one that helps does the rest of three
    let out = packed("one-of-three");
    let err = setup.run(&out, &["--shard", "2/3", "--steal"]);
    assert!(err.contains("runs of other shares were done besides"), "{err}");
    assert_eq!(merge(&out).0, Some(0));
    assert!(said(&out) == expected);
}

#[test]
fn a_process_takes_over_what_others_have_left() {
    let setup = setup(CONFIG);
    let alone = setup.out("alone");
    setup.run(&alone, &[]);
    let expected = contents(&alone);
    // nobody else comes
    let out = setup.out("one-of-three");
    let err = setup.run(&out, &["--shard", "2/3", "--steal"]);
    assert!(err.contains("runs of other shares were done besides"), "{err}");
    assert_eq!(merge(&out).0, Some(0));
    assert_equal(&expected, &out, "one process for three");
    // one is killed while two others help each other
    let out = setup.out("two-of-three");
    let mut killed = setup.start(&out, &["--shard", "1/3", "--jobs", "1"]);
    let others = ["2/3", "3/3"].map(|share| setup.start(&out, &["--shard", share, "--steal", "--jobs", "1"]));
    std::thread::sleep(Duration::from_millis(60));
    killed.kill().unwrap();
    killed.wait().unwrap();
    others.into_iter().for_each(|child| drop(finish(child)));
    assert_eq!(merge(&out).0, Some(0));
    assert_equal(&expected, &out, "two processes for three");
    // the units that are shared
    let units = |more: &[&str]| {
        let config = setup.config.to_str().unwrap();
        let done = Command::new(assert_cmd::cargo::cargo_bin("equipoise"))
            .args(["plan", config, "--units"])
            .args(more)
            .output()
            .unwrap();
        assert!(done.status.success());
        String::from_utf8(done.stdout).unwrap()
    };
    let text = units(&[]);
    let runs = |line: &str| line.split('\t').nth(4).unwrap().parse::<usize>().unwrap();
    assert_eq!(text.lines().skip(1).map(runs).sum::<usize>(), RUNS, "{text}");
    let rows: Vec<serde_json::Value> =
        units(&["--json"]).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), text.lines().count() - 1);
    assert_eq!(rows.iter().map(|row| row["runs"].as_u64().unwrap()).sum::<u64>(), RUNS as u64);
    let (code, err) = {
        let refused = setup.start(&setup.out("none"), &["--steal"]).wait_with_output().unwrap();
        (refused.status.code(), String::from_utf8(refused.stderr).unwrap())
    };
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("give the share of this one"), "{err}");
}

#[test]
fn a_task_of_a_slurm_array_does_its_share() {
    let setup = setup(
        "games: [cyclic, comal]\nsolvers: [mwu, egpo]\ntau: [0, 0.1]\nlimits: { steps: 20 }\nname: array\n",
    );
    let task = |id: &str, out: &str, more: &[&str]| {
        let done = Command::new(assert_cmd::cargo::cargo_bin("equipoise"))
            .arg("run")
            .arg(&setup.config)
            .arg("--out")
            .arg(setup.out(out))
            .args(more)
            .envs([
                ("SLURM_ARRAY_TASK_ID", id),
                ("SLURM_ARRAY_TASK_MIN", "5"),
                ("SLURM_ARRAY_TASK_COUNT", "2"),
            ])
            .output()
            .unwrap();
        (done.status.code(), String::from_utf8(done.stderr).unwrap())
    };
    for (id, more) in [("5", &[][..]), ("6", &["--shard"]), ("6", &["--shard", "auto"])] {
        let (code, err) = task(id, "array", more);
        assert_eq!(code, Some(0), "{err}");
        assert!(err.contains("of 8 runs; when all shares are done"), "{err}");
    }
    assert_eq!(merge(&setup.out("array")).0, Some(0));
    let (code, err) = task("9", "array", &[]);
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("give --shard 5/N"), "{err}");
    let (code, err) = task("6", "whole", &["--shard", "1/1"]);
    assert_eq!(code, Some(0), "{err}");
    assert_eq!(merge(&setup.out("whole")).0, Some(0));
}

#[test]
fn runs_of_different_programs_are_not_merged() {
    let setup = setup("games: [cyclic]\nsolvers: [mwu, egpo]\nlimits: { steps: 20 }\nname: mixed\n");
    let out = setup.out("mixed");
    setup.run(&out, &["--shard", "1/1"]);
    let record =
        std::fs::read_dir(out.join("runs")).unwrap().next().unwrap().unwrap().path().join("run.json");
    let text = std::fs::read_to_string(&record).unwrap();
    let version = concat!("\"version\": \"", env!("CARGO_PKG_VERSION"), "\"");
    for (from, to, fragments) in [
        (
            version,
            "\"version\": \"0.0.9\"",
            ["version 0.0.9", concat!("version ", env!("CARGO_PKG_VERSION"))],
        ),
        ("\"format\": 1", "\"format\": 7", ["format 7", "format 1"]),
    ] {
        assert!(text.contains(from), "{text}");
        std::fs::write(&record, text.replacen(from, to, 1)).unwrap();
        let (code, err) = merge(&out);
        assert_eq!(code, Some(2), "{err}");
        assert!(fragments.iter().all(|f| err.contains(f)), "{err}");
    }
    std::fs::write(&record, text).unwrap();
    assert_eq!(merge(&out).0, Some(0));
    let (code, err) = merge(&setup.out("nowhere"));
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("no plan.yaml here"), "{err}");
}

#[test]
fn a_damaged_exact_answer_is_solved_again_and_said() {
    let setup = setup("games: [cyclic]\nsolvers: [mwu]\ntau: [0, 0.1]\nlimits: { steps: 20 }\nname: exact\n");
    let out = setup.out("exact");
    setup.run(&out, &[]);
    let expected = contents(&out);
    let answers: Vec<PathBuf> =
        std::fs::read_dir(out.join("exact")).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(answers.len(), 2);
    // undamaged answers are believed in silence
    assert!(!setup.run(&out, &[]).contains("solved again"));
    let text = std::fs::read_to_string(&answers[0]).unwrap();
    let digit = text.find("\"probs\": [").unwrap() + 20;
    let changed = |at: usize| {
        let mut bytes = text.clone().into_bytes();
        let digits = (at..bytes.len()).find(|&k| bytes[k].is_ascii_digit()).unwrap();
        bytes[digits + 5] = if bytes[digits + 5] == b'1' { b'2' } else { b'1' };
        bytes
    };
    for damage in [b"{".to_vec(), Vec::new(), changed(digit)] {
        std::fs::write(&answers[0], damage).unwrap();
        let err = setup.run(&out, &["--fresh"]);
        assert!(err.contains("solved again"), "{err}");
        assert_equal(&expected, &out, "after damage");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn ten_million_runs_are_described_in_little_memory_and_not_run_by_one_process() {
    let setup = setup(
        "games: [random-uniform: { actions: 30, count: 10000 }]\ntau: [0, 0.1]\nrepetitions: 50\nname: many\n\
         solvers: [mwu: { step_size: [0.1, 0.2, 0.3, 0.4, 0.5] }, egpo: { step_size: [0.1, 0.2, 0.3, 0.4, 0.5] }]\n",
    );
    // 10^7 records of 100 bytes each would not fit
    let limited = |command: &str| {
        let script = format!("ulimit -v 1000000; exec \"$0\" {command} \"$1\" --set limits.steps=100");
        let done = Command::new("sh")
            .args(["-c", &script])
            .arg(assert_cmd::cargo::cargo_bin("equipoise"))
            .arg(&setup.config)
            .env("RAYON_NUM_THREADS", "2")
            .current_dir(setup.folder.path())
            .output()
            .unwrap();
        (done.status.code(), String::from_utf8(done.stderr).unwrap())
    };
    let (code, err) = limited("plan");
    assert_eq!(code, Some(0), "{err}");
    assert!(err.contains("10000000 runs on 10000 games"), "{err}");
    assert!(err.contains("and 9999 more like it: 30 actions"), "{err}");
    assert!(err.contains("in all: if each of the 10000000 runs does its 100 steps"), "{err}");
    let (code, err) = limited("run");
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("has 10000000 runs; at most 1000000 are done by one process"), "{err}");
    assert!(err.contains("run --shard 1/20"), "{err}");
    assert!(!setup.folder.path().join("results").exists(), "nothing is written before it is refused");
}
