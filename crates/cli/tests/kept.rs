//! Nothing is lost and nothing is spoiled: inputs and the files of others, damaged records, processes that meet, signals, full
//! devices, folders that are moved.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use common::{assert_equal, contents};

const CONFIG: &str = "
name: kept
games:
  - cyclic: { margins: [0.1, 0.2, 0.4] }
  - matrix: { path: table.csv }
  - comparisons: { path: votes.csv, each: context }
reference: uniform
tau: [0.0, 0.1]
oracle: [exact, sampled: { duels_per_query: 16 }]
solvers: [mwu: { step_size: 0.1 }, egpo, bradley-terry]
seed: 3
limits: { steps: 60 }
save_policies: recorded
";
const TABLE: &str = "x,a,b,c\na,0.5,0.7,0.41\nb,0.3,0.5,0.6\nc,0.59,0.4,0.5\n";
const VOTES: &str = "item_a,item_b,outcome,context\na,b,model_a,code\nb,c,model_a,code\nc,a,model_a,code\na,b,model_b,prose\nb,c,tie,prose\na,c,model_a,prose\n";

struct Setup {
    folder: tempfile::TempDir,
}

fn setup(text: &str) -> Setup {
    let setup = Setup { folder: tempfile::tempdir().unwrap() };
    for (name, text) in [("kept.yaml", text), ("table.csv", TABLE), ("votes.csv", VOTES)] {
        std::fs::write(setup.path(name), text).unwrap();
    }
    setup
}

impl Setup {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("equipoise"));
        command.args(args).current_dir(self.folder.path()).env_remove("SLURM_ARRAY_TASK_ID");
        command
    }

    fn start(&self, args: &[&str]) -> Child {
        self.command(args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Exit code and what was said beside the answer.
    fn run(&self, args: &[&str]) -> (Option<i32>, String) {
        said(self.command(args).output().unwrap())
    }

    fn done(&self, args: &[&str]) -> String {
        let (code, err) = self.run(args);
        assert_eq!(code, Some(0), "{args:?}: {err}");
        err
    }
}

fn said(out: Output) -> (Option<i32>, String) {
    (out.status.code(), String::from_utf8(out.stderr).unwrap())
}

/// Hidden files anywhere below `dir`: what is half written, and locks.
fn hidden(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap().to_string_lossy().starts_with('.') {
                found.push(path.clone());
            }
            if path.is_dir() {
                open.push(path);
            }
        }
    }
    found
}

#[test]
fn an_input_is_never_written_over_by_whatever_name() {
    let setup = setup(CONFIG);
    let game = r#"{"labels": ["a", "b"], "matrix": [[0.5, 0.7], [0.3, 0.5]]}"#;
    std::fs::write(setup.path("in.json"), game).unwrap();
    std::fs::hard_link(setup.path("in.json"), setup.path("hard.json")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("in.json", setup.path("soft.json")).unwrap();
    let names: &[&str] = if cfg!(unix) {
        &["in.json", "./in.json", "hard.json", "soft.json"]
    } else {
        &["in.json", "hard.json"]
    };
    for out in names {
        for more in [&[][..], &["--force"]] {
            let (code, err) = setup.run(&[&["solve", "in.json", "--out", out], more].concat());
            assert_eq!(code, Some(2), "{out}: {err}");
            assert!(err.contains("is read by this command"), "{err}");
            assert_eq!(std::fs::read_to_string(setup.path("in.json")).unwrap(), game);
        }
    }
    // whatever else a command reads: a reference, a board named like its data, an experiment called as its own plan, the
    // second file, a member of a folder or of a pattern, a game that is audited
    let vote = r#"{"item_a": "x", "item_b": "y", "outcome": "a"}"#;
    for folder in ["board", "own", "data", "audited"] {
        std::fs::create_dir(setup.path(folder)).unwrap();
    }
    for (name, text) in [
        ("policy.json", "[0.5, 0.5]"),
        ("board/leaderboard.json", vote),
        ("own/plan.yaml", "games: [cyclic]\nsolvers: [egpo]\nlimits: { steps: 5 }\n"),
        ("second.json", vote),
        ("data/one.csv", VOTES),
        ("data/two.json", vote),
        ("audited/audit.json", game),
    ] {
        std::fs::write(setup.path(name), text).unwrap();
    }
    let commands: [(&[&str], &str); 10] = [
        (
            &["solve", "in.json", "--tau", "0.1", "--reference", "policy.json", "--out", "policy.json"],
            "policy.json",
        ),
        (&["rank", "board/leaderboard.json", "--out", "board"], "board/leaderboard.json"),
        (&["rank", "votes.csv", "board/leaderboard.json", "--out", "board"], "board/leaderboard.json"),
        (&["rank", "votes.csv", "board/*.json", "--out", "board"], "board/leaderboard.json"),
        (&["run", "own/plan.yaml", "--out", "own"], "own/plan.yaml"),
        (&["solve", "votes.csv", "second.json", "--out", "second.json"], "second.json"),
        (&["solve", "data", "--out", "data/two.json"], "data/two.json"),
        (&["solve", "data/*", "--out", "data/../data/two.json"], "data/two.json"),
        (
            &["audit", "--claim", "egpo-contraction", "--game", "audited/audit.json", "--out", "audited"],
            "audited/audit.json",
        ),
        // the next reading of the folder would find the board in it
        (&["rank", "data", "--out", "data"], "data/one.csv"),
    ];
    for (args, input) in commands {
        let before = std::fs::read(setup.path(input)).unwrap();
        let files = contents(setup.folder.path());
        let (code, err) = setup.run(&[args, &["--force"]].concat());
        assert_eq!(code, Some(2), "{args:?}: {err}");
        assert!(err.contains("is read by this command"), "{args:?}: {err}");
        assert_eq!(std::fs::read(setup.path(input)).unwrap(), before, "{args:?}");
        assert_eq!(contents(setup.folder.path()), files, "{args:?}: something was written");
    }
}

#[test]
fn files_of_others_are_written_over_only_by_force() {
    let setup = setup(CONFIG);
    let commands: [(&[&str], &[&str]); 4] = [
        (
            &["run", "kept.yaml", "--set", "limits.steps=3", "--out", "theirs"],
            &[
                "report.md",
                "report.html",
                "plan.yaml",
                "games.json",
                "summary.json",
                "planned.json",
                "metrics.json",
            ],
        ),
        (
            &["rank", "votes.csv", "--out", "theirs"],
            &["leaderboard.json", "leaderboard.md", "leaderboard.html"],
        ),
        (
            &["audit", "--claim", "egpo-contraction", "--out", "theirs"],
            &["audit.json", "audit.md", "audit.html"],
        ),
        (&["solve", "table.csv", "--out", "theirs/notes.json"], &["notes.json"]),
    ];
    for (args, names) in commands {
        for name in names {
            let file = setup.path("theirs").join(name);
            std::fs::create_dir(setup.path("theirs")).unwrap();
            std::fs::write(&file, "{\"my\": \"own\"}").unwrap();
            let (code, err) = setup.run(args);
            assert_eq!(code, Some(2), "{args:?} over {name}: {err}");
            assert!(err.contains(name) && err.contains("--force"), "{err}");
            assert_eq!(std::fs::read_to_string(&file).unwrap(), "{\"my\": \"own\"}", "{args:?}");
            assert_eq!(
                std::fs::read_dir(setup.path("theirs")).unwrap().count(),
                1,
                "nothing is written beside it"
            );
            std::fs::remove_dir_all(setup.path("theirs")).unwrap();
        }
        // what is not in the way is left alone, and what the command wrote itself is written again
        std::fs::create_dir(setup.path("theirs")).unwrap();
        std::fs::write(setup.path("theirs/readme.txt"), "mine").unwrap();
        setup.done(args);
        setup.done(args);
        assert_eq!(std::fs::read_to_string(setup.path("theirs/readme.txt")).unwrap(), "mine");
        std::fs::remove_dir_all(setup.path("theirs")).unwrap();
        std::fs::create_dir(setup.path("theirs")).unwrap();
        std::fs::write(setup.path("theirs").join(names[0]), "mine").unwrap();
        setup.done(&[args, &["--force"]].concat());
        assert_ne!(std::fs::read(setup.path("theirs").join(names[0])).unwrap(), b"mine");
        std::fs::remove_dir_all(setup.path("theirs")).unwrap();
    }
}

#[test]
fn damaged_records_of_each_kind_are_made_again_and_said() {
    let setup = setup(CONFIG);
    setup.done(&["run", "kept.yaml", "--out", "out"]);
    let out = setup.path("out");
    let expected = contents(&out);
    let first = |name: &str| {
        let mut runs: Vec<PathBuf> =
            std::fs::read_dir(out.join("runs")).unwrap().map(|e| e.unwrap().path().join(name)).collect();
        runs.sort();
        runs.into_iter().find(|file| file.exists()).unwrap()
    };
    let any = |folder: &str| std::fs::read_dir(out.join(folder)).unwrap().next().unwrap().unwrap().path();
    // a digit of the last number of a file is another one; times, which are last in no file, count for nothing
    let other = |text: &[u8]| {
        let mut bytes = text.to_vec();
        let last = bytes.iter().rposition(u8::is_ascii_digit).unwrap();
        bytes[last] = if bytes[last] == b'1' { b'2' } else { b'1' };
        bytes
    };
    let kinds = ["run.json", "trace.csv", "policies.csv", "path.csv"].map(|name| (first(name), "is damaged"));
    let known = [
        (any("games"), "is damaged; it is found out again"),
        (any("exact"), "is damaged; it is solved again"),
    ];
    for (file, words) in kinds.into_iter().chain(known) {
        let whole = std::fs::read(&file).unwrap();
        for damage in [Vec::new(), whole[..whole.len() / 2].to_vec(), other(&whole), b"\xff\x00\x1b".to_vec()]
        {
            std::fs::write(&file, &damage).unwrap();
            let err = setup.done(&["run", "kept.yaml", "--out", "out"]);
            assert!(err.contains(words), "{}: {err}", file.display());
            assert_equal(&expected, &out, &file.display().to_string());
        }
        std::fs::remove_file(&file).unwrap();
        setup.done(&["run", "kept.yaml", "--out", "out"]);
        assert_equal(&expected, &out, &format!("without {}", file.display()));
    }
    // a run that was edited: to an unknown game, to another result
    let record = first("run.json");
    let text = std::fs::read_to_string(&record).unwrap();
    for (from, to) in [("\"game\": \"", "\"game\": \"another "), ("\"steps\": ", "\"steps\": 1")] {
        std::fs::write(&record, text.replacen(from, to, 1)).unwrap();
        // the report says so and leaves it out
        setup.done(&["report", "out"]);
        assert!(std::fs::read_to_string(out.join("report.md")).unwrap().contains("damaged: run.json"));
        let (code, err) = setup.run(&["merge", "out"]);
        assert_eq!(code, Some(1), "{err}");
        assert!(err.contains("damaged: ") && err.contains("1 of "), "{err}");
        assert!(setup.done(&["run", "kept.yaml", "--out", "out"]).contains("is damaged"));
        assert_equal(&expected, &out, to);
    }
    // files that are written anew each time
    for name in ["plan.yaml", "planned.json", "games.json", "metrics.json", "summary.json"] {
        std::fs::write(out.join(name), "{").unwrap();
        setup.done(&["run", "kept.yaml", "--out", "out"]);
        assert_equal(&expected, &out, name);
    }
    // a folder in the place of a page is not removed, but told
    std::fs::remove_file(out.join("report.html")).unwrap();
    std::fs::create_dir(out.join("report.html")).unwrap();
    let (code, err) = setup.run(&["run", "kept.yaml", "--out", "out"]);
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("report.html: is a folder"), "{err}");
}

#[test]
fn runs_of_another_version_are_not_mixed_in() {
    let setup = setup("name: kept\ngames: [cyclic]\nsolvers: [mwu, egpo]\nlimits: { steps: 20 }\n");
    setup.done(&["run", "kept.yaml", "--out", "out"]);
    let record =
        std::fs::read_dir(setup.path("out/runs")).unwrap().next().unwrap().unwrap().path().join("run.json");
    let text = std::fs::read_to_string(&record).unwrap();
    let version = concat!("\"version\": \"", env!("CARGO_PKG_VERSION"), "\"");
    for other in ["0.0.1", "9.9.9"] {
        std::fs::write(&record, text.replacen(version, &format!("\"version\": \"{other}\""), 1)).unwrap();
        for more in [&[][..], &["--shard", "1/1"]] {
            let (code, err) = setup.run(&[&["run", "kept.yaml", "--out", "out"], more].concat());
            assert_eq!(code, Some(2), "{err}");
            assert!(err.contains(&format!("version {other}")) && err.contains("--fresh"), "{err}");
        }
    }
    setup.done(&["run", "kept.yaml", "--out", "out", "--fresh"]);
    assert!(std::fs::read_to_string(&record).unwrap().contains(version));
}

/// What two processes that meet in a folder leave behind, however they meet.
fn two_at_once(rounds: usize) {
    let setup = setup(CONFIG);
    setup.done(&["run", "kept.yaml", "--out", "alone"]);
    let expected = contents(&setup.path("alone"));
    for round in 0..rounds {
        let pair: [&[&str]; 2] = match round % 4 {
            0 => [&["run", "kept.yaml", "--out", "both"], &["run", "kept.yaml", "--out", "both"]],
            1 => [&["run", "kept.yaml", "--out", "both"], &["run", "kept.yaml", "--out", "both", "--fresh"]],
            2 => [
                &["run", "kept.yaml", "--out", "both", "--fresh"],
                &["run", "kept.yaml", "--out", "both", "--fresh"],
            ],
            _ => [
                &["run", "kept.yaml", "--out", "both"],
                &["run", "kept.yaml", "--out", "both", "--set", "seed=4"],
            ],
        };
        let both = pair.map(|args| setup.start(args)).map(|child| said(child.wait_with_output().unwrap()));
        for (code, err) in &both {
            let refused =
                *code == Some(2) && (err.contains("is writing here") || err.contains("another plan"));
            assert!(*code == Some(0) || refused, "round {round}: {code:?} {err}");
        }
        assert!(both.iter().any(|(code, _)| *code == Some(0)), "round {round}: {both:?}");
        if round % 4 == 3 {
            // whoever came second, the folder is that of one plan
            setup.done(&["run", "kept.yaml", "--out", "both"]);
            let runs = setup.path("both/runs");
            let planned = std::fs::read_to_string(setup.path("both/planned.json")).unwrap();
            for run in std::fs::read_dir(&runs).unwrap().map(|e| e.unwrap()) {
                if !planned.contains(run.file_name().to_str().unwrap()) {
                    std::fs::remove_dir_all(run.path()).unwrap(); // of the plan with the other seed
                }
            }
        }
        assert_equal(&expected, &setup.path("both"), &format!("round {round}"));
        assert_eq!(hidden(&setup.path("both")), Vec::<PathBuf>::new(), "round {round}");
        std::fs::remove_dir_all(setup.path("both")).unwrap();
    }
}

#[test]
fn two_processes_in_one_folder_lose_nothing() {
    two_at_once(8);
}

#[test]
#[ignore = "a minute; the same 50 times: cargo test --release --test kept -- --ignored"]
fn two_processes_in_one_folder_lose_nothing_fifty_times() {
    two_at_once(50);
}

/// `kill -9` at so many moments of one experiment, which is then gone on with.
#[cfg(unix)]
fn killed(times: u64) {
    let setup =
        setup(&CONFIG.replace("steps: 60", "steps: 20000").replace("seed: 3", "seed: 3\nrepetitions: 4"));
    setup.done(&["run", "kept.yaml", "--out", "alone"]);
    let expected = contents(&setup.path("alone"));
    let mut kills = 0;
    for k in 0..times {
        let mut child = setup.start(&["run", "kept.yaml", "--out", "hunted", "--jobs", "2"]);
        std::thread::sleep(std::time::Duration::from_millis(5 + k * 37 % 300));
        kills += u64::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        if k % 20 == 19 {
            let err = setup.done(&["run", "kept.yaml", "--out", "hunted"]);
            assert!(!err.contains("damaged"), "{err}");
            assert_equal(&expected, &setup.path("hunted"), &format!("after {k} kills"));
            assert_eq!(hidden(&setup.path("hunted")), Vec::<PathBuf>::new());
            std::fs::remove_dir_all(setup.path("hunted")).unwrap();
        }
    }
    assert!(kills > 0, "it was always finished before it could be killed");
}

#[cfg(unix)]
#[test]
fn kill_9_loses_nothing() {
    killed(20);
}

#[cfg(unix)]
#[test]
#[ignore = "some minutes; the same 200 times: cargo test --release --test kept -- --ignored"]
fn kill_9_loses_nothing_two_hundred_times() {
    killed(200);
}

#[cfg(unix)]
fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

/// Waits until `found` says yes; the process must not end before.
#[cfg(unix)]
fn until(child: &mut Child, mut found: impl FnMut() -> bool) {
    while !found() {
        assert!(child.try_wait().unwrap().is_none(), "it ended too early");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_keeps_what_it_has_and_says_so() {
    let text = "name: kept\ngames: [cyclic]\nsolvers: [egpo]\ntau: 0.1\nlimits: { steps: 400000 }\nrecord: { every: 100 }\n";
    let setup = setup(text);
    setup.done(&["run", "kept.yaml", "--out", "calm"]);
    for name in ["-INT", "-TERM", "-HUP"] {
        let mut child =
            setup.start(&["run", "kept.yaml", "--out", "out", "--set", "limits.steps=1000000000"]);
        let trace = |folder: &str| {
            let runs = std::fs::read_dir(setup.path(folder).join("runs")).ok()?;
            runs.flatten().map(|run| run.path().join("trace.csv")).find(|file| file.exists())
        };
        until(&mut child, || {
            trace("out").is_some_and(|file| file.metadata().is_ok_and(|m| m.len() > 10_000))
        });
        signal(&child, name);
        let (code, err) = said(child.wait_with_output().unwrap());
        assert_eq!(code, Some(130), "{name}: {err}");
        assert!(err.contains("stopping: ") && err.contains("and of 1 that were running"), "{err}");
        assert_eq!(hidden(&setup.path("out")), Vec::<PathBuf>::new(), "{name}");
        let file = trace("out").unwrap();
        let record = std::fs::read_to_string(file.with_file_name("run.json")).unwrap();
        assert!(record.contains("\"stop_reason\": \"interrupted\""));
        // what is there is the beginning of what would have been there
        let strip = |text: String| {
            let without = |line: &str| {
                let cells: Vec<&str> = line.split(',').collect();
                [&cells[..3], &cells[4..]].concat().join(",")
            };
            text.lines().take(100).map(without).collect::<Vec<_>>()
        };
        let part = strip(std::fs::read_to_string(&file).unwrap());
        assert!(part == strip(std::fs::read_to_string(trace("calm").unwrap()).unwrap()));
        let report = std::fs::read_to_string(setup.path("out/report.md")).unwrap();
        assert!(report.contains("interrupted at step"), "{report}");
        // it begins again, and the part is replaced by the whole
        std::fs::remove_dir_all(setup.path("out")).unwrap();
    }
    let mut child = setup.start(&["run", "kept.yaml", "--out", "out"]);
    until(&mut child, || setup.path("out/plan.yaml").exists());
    signal(&child, "-TERM");
    let _ = child.wait_with_output().unwrap();
    setup.done(&["run", "kept.yaml", "--out", "out", "--fresh"]);
    assert_equal(&contents(&setup.path("calm")), &setup.path("out"), "what was interrupted and run afresh");
}

#[cfg(unix)]
#[test]
fn a_signal_leaves_nothing_half_written() {
    let setup = setup(CONFIG);
    // games that take some time, whose answers are written as they come
    let (contexts, n) = (4000_u64, 40_u64);
    let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({contexts}, {n}, {n}), }}");
    let header = format!("{header:<117}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    bytes.extend(header.bytes());
    for x in 0..contexts {
        for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
            let (a, b) = (i.min(j), i.max(j));
            let p = 0.25 + ((a * 7919 + b * 104_729 + x * 31) % 1000) as f64 / 2000.0;
            let p = match i.cmp(&j) {
                std::cmp::Ordering::Less => p,
                std::cmp::Ordering::Equal => 0.5,
                std::cmp::Ordering::Greater => 1.0 - p,
            };
            bytes.extend(p.to_le_bytes());
        }
    }
    std::fs::create_dir(setup.path("work")).unwrap();
    std::fs::write(setup.path("large.npy"), bytes).unwrap();
    for name in ["-INT", "-TERM"] {
        let mut child = setup.start(&["solve", "large.npy", "--out", "work/answer.npz"]);
        until(&mut child, || !hidden(&setup.path("work")).is_empty());
        signal(&child, name);
        let (code, _) = said(child.wait_with_output().unwrap());
        assert_eq!(code, Some(130));
        assert_eq!(std::fs::read_dir(setup.path("work")).unwrap().count(), 0, "{name}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_answer_that_does_not_arrive_is_an_error() {
    let setup = setup(CONFIG);
    std::fs::write(setup.path("p.json"), "[0.2, 0.3, 0.5]").unwrap();
    setup.done(&["run", "kept.yaml", "--out", "out"]);
    std::fs::write(setup.path("pairs.json"), "{\"policy_chosen\": [-1.0], \"policy_rejected\": [-2.0], \"reference_chosen\": [-1.5], \"reference_rejected\": [-1.5]}").unwrap();
    let commands: [&[&str]; 15] = [
        &["--help"],
        &["--version"],
        &["solve", "table.csv"],
        &["solve", "table.csv", "--json"],
        &["gap", "table.csv", "--policy", "p.json", "--json"],
        &["inspect", "votes.csv", "--replicates", "9", "--json"],
        &["rank", "votes.csv", "--replicates", "9"],
        &["fit", "votes.csv", "--model", "bradley-terry", "--json"],
        &["loss", "dpo", "--input", "pairs.json", "--json"],
        &["list", "solvers"],
        &["schema"],
        &["plan", "kept.yaml"],
        &["run", "kept.yaml", "--out", "out"],
        &["report", "out"],
        &["merge", "out"],
    ];
    for args in commands {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let (code, err) = said(setup.command(args).stdout(full).output().unwrap());
        assert_eq!(code, Some(2), "{args:?}: {err}");
        if !args[0].starts_with("--") {
            assert!(err.contains("could not be written to standard output"), "{args:?}: {err}");
        }
        // who reads no further is not told
        let mut child = setup.command(args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        drop(child.stdout.take());
        assert_eq!(child.wait().unwrap().code(), Some(0), "{args:?}");
        // an error that nobody can hear of is still one
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        assert_eq!(setup.command(args).stderr(full).output().unwrap().status.code(), Some(0), "{args:?}");
    }
    // a file of the folder that takes nothing
    for name in ["summary.json", "report.md", "games.json"] {
        std::fs::remove_file(setup.path("out").join(name)).unwrap();
        std::os::unix::fs::symlink("/dev/full", setup.path("out").join(name)).unwrap();
        let (code, err) = setup.run(&["run", "kept.yaml", "--out", "out"]);
        assert_eq!(code, Some(2), "{err}");
        assert!(err.contains(name) && err.contains("No space left"), "{err}");
        assert_eq!(hidden(&setup.path("out")), Vec::<PathBuf>::new(), "{name}");
        std::fs::remove_file(setup.path("out").join(name)).unwrap();
        setup.done(&["run", "kept.yaml", "--out", "out"]);
    }
    let (code, err) = setup.run(&["solve", "table.csv", "--out", "/dev/full"]);
    assert_eq!(code, Some(2), "{err}");
    // a folder that nothing can be written to
    let (code, err) = setup.run(&["run", "kept.yaml", "--out", "/proc/results"]);
    assert_eq!(code, Some(2), "{err}");
}

#[test]
fn a_folder_that_is_moved_is_run_again_without_its_data() {
    let games = CONFIG.replace("  - cyclic: { margins: [0.1, 0.2, 0.4] }\n", "");
    let setup = setup(&games.replace("reference: uniform", "reference: { path: p.csv }"));
    std::fs::write(setup.path("p.csv"), "label,prob\na,0.2\nb,0.3\nc,0.5\n").unwrap();
    setup.done(&["run", "kept.yaml", "--out", "out"]);
    setup.done(&["run", "kept.yaml", "--out", "sharded", "--shard", "1/1"]);
    let expected = contents(&setup.path("out"));
    let plan = &expected["plan.yaml"];
    assert!(
        plan.contains("inputs/table-") && !plan.contains(setup.folder.path().to_str().unwrap()),
        "{plan}"
    );
    assert!(expected.keys().any(|name| name.starts_with("inputs/p-")), "{:?}", expected.keys());
    // as on another machine: the folder alone, somewhere else
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::rename(setup.path("out"), elsewhere.path().join("moved")).unwrap();
    std::fs::rename(setup.path("sharded"), elsewhere.path().join("merged")).unwrap();
    for name in ["table.csv", "votes.csv", "p.csv", "kept.yaml"] {
        std::fs::remove_file(setup.path(name)).unwrap();
    }
    let there = Setup { folder: elsewhere };
    let kept = there.done(&["run", "moved/plan.yaml", "--out", "moved"]);
    assert!(kept.contains("were finished before and are kept"), "{kept}");
    assert_equal(&expected, &there.path("moved"), "kept");
    there.done(&["run", "moved/plan.yaml", "--out", "again"]);
    assert_equal(&expected, &there.path("again"), "again");
    // a merge needs no data at all
    std::fs::remove_dir_all(there.path("merged/inputs")).unwrap();
    there.done(&["merge", "merged"]);
    let (mut merged, mut alone) = (contents(&there.path("merged")), expected.clone());
    alone.retain(|name, _| !name.starts_with("inputs/"));
    merged.retain(|name, _| !name.starts_with("inputs/"));
    assert!(merged == alone, "what is merged elsewhere differs");
}

#[test]
fn more_jobs_than_runs_start_no_more_threads_and_what_cannot_fit_is_refused() {
    let setup = setup(CONFIG);
    setup.done(&["run", "kept.yaml", "--out", "out", "--jobs", "65535"]);
    #[cfg(target_os = "linux")]
    {
        let long = ["--set", "limits.steps=100000000", "--set", "games=[cyclic]"];
        let mut child =
            setup.start(&[&["run", "kept.yaml", "--out", "many", "--jobs", "60000"], &long[..]].concat());
        let runs = setup.path("many/runs");
        until(&mut child, || runs.read_dir().is_ok_and(|mut runs| runs.next().is_some()));
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let threads = status.lines().find_map(|l| l.strip_prefix("Threads:")).unwrap().trim();
        assert!(threads.parse::<u32>().unwrap() < 200, "{threads} threads");
        signal(&child, "-TERM");
        child.wait_with_output().unwrap();
    }
    let set = ["--set", "limits.steps=1000000000000", "--set", "record={every: 1}"];
    for command in ["plan", "run"] {
        let (code, err) = setup.run(&[&[command, "kept.yaml"], &set[..]].concat());
        assert_eq!(code, Some(2), "{command}: {err}");
        assert!(err.contains("the records of 48 runs take about") && err.contains("are free"), "{err}");
    }
    assert!(!setup.path("results").exists(), "nothing is written before it is refused");
    let err = setup.done(&["plan", "kept.yaml"]);
    for words in ["are written", "the runs take about", "memory: about", "for the report"] {
        assert!(err.contains(words), "{words}: {err}");
    }
}
