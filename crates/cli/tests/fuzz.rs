//! Whatever the bytes of a file and the words of a command line: an answer or a refusal in words, and nothing else is touched.
//!
//! `EQUIPOISE_FUZZ_SECONDS=1800 cargo test --release --test fuzz -- --ignored --nocapture` searches for longer. A case is a number: the
//! draws of its named stream; `EQUIPOISE_FUZZ_CASE=17` does that one alone.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and says how much it tried"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use equipoise::core::{Rng, sample, seed};

/// Files that are read: name and text, which is then damaged.
const FILES: [(&str, &str); 14] = [
    ("p.csv", ",a,b,c\na,0.5,0.7,0.41\nb,0.3,0.5,0.6\nc,0.59,0.4,0.5\n"),
    ("p.json", r#"{"labels": ["a", "b"], "matrix": [[0.5, 0.7], [0.3, 0.5]]}"#),
    ("pay.csv", "0,1,-1\n-1,0,1\n1,-1,0\n"),
    ("game.nfg", "NFG 1 R \"g\" { \"x\" \"y\" } { 2 2 }\n\n1 -1 -1 1 -1 1 1 -1\n"),
    (
        "votes.csv",
        "item_a,item_b,outcome,context,annotator,weight\na,b,a,x,m,1\nb,c,tie,x,n,2\nc,a,b,y,m,1\na,b,b,y,n,0.5\n",
    ),
    ("votes.tsv", "model_a\tmodel_b\twinner\na\tb\tmodel_a\nb\tc\ttie (bothbad)\nc\ta\tmodel_b\n"),
    (
        "votes.jsonl",
        "{\"item_a\": \"a\", \"item_b\": \"b\", \"outcome\": \"a\"}\n{\"item_a\": \"b\", \"item_b\": \"c\", \"outcome\": \"tie\"}\n",
    ),
    (
        "votes.json",
        r#"[{"winner": "a", "loser": "b"}, {"winner": "b", "loser": "c"}, {"winner": "c", "loser": "a"}]"#,
    ),
    ("ranks.csv", "ranking,weight\na > b > c,2\nb > a ~ c,1\n"),
    (
        "orders.soc",
        "# TITLE: t\n# NUMBER ALTERNATIVES: 3\n# ALTERNATIVE NAME 1: a\n# ALTERNATIVE NAME 2: b\n# ALTERNATIVE NAME 3: c\n2: 1,2,3\n1: 3,1,2\n",
    ),
    ("wins.csv", "item,a,b,c\na,0,3,1\nb,2,0,4\nc,1,1,0\n"),
    ("policy.csv", "label,prob\na,0.2\nb,0.3\nc,0.5\n"),
    (
        "pairs.json",
        r#"{"policy_chosen": [-1.0], "policy_rejected": [-2.0], "reference_chosen": [-1.5], "reference_rejected": [-1.5]}"#,
    ),
    (
        "plan.yaml",
        "games: [cyclic, matrix: { path: p.csv }]\nsolvers: [egpo, mwu: { step_size: 0.1 }]\ntau: [0, 0.1]\nlimits: { steps: 3 }\n",
    ),
];

/// A command with the options that it may be given.
const COMMANDS: [(&[&str], &[&str]); 14] = [
    (&["solve"], &["--tau", "--reference", "--json", "--ranges", "--symmetrise", "--format", "--select"]),
    (&["gap"], &["--policy", "--tau", "--reference", "--json", "--certificate"]),
    (
        &["fit", "--model", "bradley-terry"],
        &[
            "--ties",
            "--context",
            "--annotator",
            "--json",
            "--columns",
            "--outcomes",
            "--invalid",
            "--tags",
            "--anchor",
            "--covariate",
            "--reweight",
            "pairs",
        ],
    ),
    (&["fit", "--model"], &["davidson", "rao-kupper", "--json", "--prior", "--order"]),
    (
        &["inspect", "--replicates", "9"],
        &["--each", "--json", "--ties", "--context-column", "--normalise-names", "--seed"],
    ),
    (
        &["rank", "--replicates", "9"],
        &[
            "--each",
            "--json",
            "--ties",
            "--format",
            "--columns",
            "--by",
            "--tags",
            "--anchor",
            "--reweight",
            "pairs",
        ],
    ),
    (
        &["standings", "--replicates", "9"],
        &["--level", "--anchor", "--scale", "--json", "--reweight", "pairs", "--covariate"],
    ),
    (
        &["concepts"],
        &[
            "--json",
            "--tau",
            "--reference",
            "--only",
            "--ties",
            "--format",
            "--judge",
            "--level",
            "--samples",
        ],
    ),
    (&["votes", "--replicates", "19"], &["--share", "--neighbours", "--ties", "--json"]),
    (&["compare"], &["--json", "--replicates", "9", "votes.csv"]),
    (&["loss", "dpo", "--input"], &["--set", "beta=0.1", "--json"]),
    (&["plan"], &["--set", "tau=0.1", "limits.steps=2", "solvers=[egpo]"]),
    (&["list"], &["solvers", "models", "readers", "--json", "--markdown"]),
    (&["run", "--out", "out"], &["--fresh", "--jobs", "2", "--set", "seed=4", "--seed"]),
];

/// Words that stand where a value is asked for.
const WORDS: [&str; 18] = [
    "0",
    "1",
    "-1",
    "0.5",
    "nan",
    "inf",
    "1e-320",
    "",
    " ",
    "a",
    "a=b",
    "..",
    "/dev/null",
    "votes.csv",
    "p.csv",
    "skip",
    "\u{1b}[31m",
    "-",
];

/// Bytes and signs that readers trip over.
const BITS: [&str; 24] = [
    ",",
    "\n",
    "\t",
    "\"",
    "'",
    ";",
    "{",
    "}",
    "[",
    "]",
    ":",
    "#",
    "-",
    "nan",
    "1e999",
    "-0",
    "99999999999999999999",
    "\u{feff}",
    "\0",
    "\u{202e}",
    "\u{1b}[2J",
    "null",
    "\r",
    "a",
];

fn below(rng: &mut Rng, n: usize) -> usize {
    ((sample::uniform(rng) * n as f64) as usize).min(n - 1)
}

fn damaged(text: &str, rng: &mut Rng) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..below(rng, 5) {
        let (at, n) = (below(rng, bytes.len() + 1), 1 + below(rng, 12));
        let end = (at + n).min(bytes.len());
        match below(rng, 6) {
            0 if at < bytes.len() => bytes[at] = below(rng, 256) as u8,
            1 => drop(bytes.drain(at..end)),
            2 => {
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
            3 => {
                let mut lines: Vec<Vec<u8>> = bytes.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
                let (i, j) = (below(rng, lines.len()), below(rng, lines.len()));
                lines.swap(i, j);
                bytes = lines.join(&b'\n');
            }
            4 => bytes.truncate(at),
            _ => drop(bytes.splice(at..at, BITS[below(rng, BITS.len())].bytes())),
        }
    }
    bytes
}

/// The files of a folder but those of results, with their bytes.
fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| (path.clone(), std::fs::read(path).unwrap()))
        .collect();
    found.sort();
    found
}

/// What is wrong with how the program takes case `k`.
fn wrong(k: u64) -> Result<(), String> {
    let mut rng = seed::stream(k, "fuzz", &[]);
    let dir = tempfile::tempdir().unwrap();
    let harmed = below(&mut rng, FILES.len());
    for (at, (name, text)) in FILES.iter().enumerate() {
        let bytes = if at == harmed { damaged(text, &mut rng) } else { text.as_bytes().to_vec() };
        std::fs::write(dir.path().join(name), bytes).unwrap();
    }
    let (words, options) = COMMANDS[below(&mut rng, COMMANDS.len())];
    let mut args: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    if words[0] != "list" {
        // the damaged file mostly
        let other = below(&mut rng, FILES.len());
        args.push(FILES[if below(&mut rng, 4) > 0 { harmed } else { other }].0.to_owned());
    }
    for _ in 0..below(&mut rng, 4) {
        args.push(options[below(&mut rng, options.len())].to_owned());
        if below(&mut rng, 2) == 0 {
            args.push(WORDS[below(&mut rng, WORDS.len())].to_owned());
        }
    }
    let before = files(dir.path());
    let said =
        |what: String| format!("case {k}: equipoise {args:?} with {} damaged: {what}", FILES[harmed].0);
    let path = |name: &str| dir.path().join(name);
    let (out, err) = (path("stdout"), path("stderr"));
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("equipoise"))
        .args(&args)
        .current_dir(dir.path())
        .env_remove("SLURM_ARRAY_TASK_ID")
        .stdin(Stdio::null())
        .stdout(std::fs::File::create(&out).unwrap())
        .stderr(std::fs::File::create(&err).unwrap())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > Duration::from_secs(120) {
            child.kill().unwrap();
            child.wait().unwrap();
            return Err(said("it does not end".into()));
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let text = |file: &Path| String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned();
    let (answer, message) = (text(&out), text(&err));
    std::fs::remove_file(out).unwrap();
    std::fs::remove_file(err).unwrap();
    if !matches!(status.code(), Some(0..=2)) || message.contains("panicked") {
        return Err(said(format!("{status}: {message}")));
    }
    if status.code() == Some(2) && message.trim().is_empty() {
        return Err(said("refused without a word".into()));
    }
    let shown = answer.chars().chain(message.chars());
    if let Some(c) = shown.clone().find(|c| c.is_control() && !"\n\t\r".contains(*c)) {
        return Err(said(format!("{} reaches the terminal: {message}", c.escape_unicode())));
    }
    if files(dir.path()) != before {
        return Err(said("a file was changed".into()));
    }
    Ok(())
}

#[test]
fn damaged_files_and_command_lines_are_answered_or_refused() {
    let failed: Vec<String> = (0..250).filter_map(|k| wrong(k).err()).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
#[ignore = "as long as EQUIPOISE_FUZZ_SECONDS says; figures in docs/verdicts.md"]
fn damaged_files_and_command_lines_for_long() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if let Some(k) = number("EQUIPOISE_FUZZ_CASE") {
        return wrong(k).unwrap_or_else(|e| panic!("{e}"));
    }
    let (begun, seconds) = (Instant::now(), number("EQUIPOISE_FUZZ_SECONDS").unwrap_or(60));
    let (mut k, mut failed) = (1_000_000, Vec::new());
    while begun.elapsed() < Duration::from_secs(seconds) && failed.len() < 20 {
        if let Err(what) = wrong(k) {
            println!("{what}");
            failed.push(what);
        }
        k += 1;
    }
    println!("{} cases in {:.0} s, {} wrong", k - 1_000_000, begun.elapsed().as_secs_f64(), failed.len());
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
