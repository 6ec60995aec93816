//! Inputs that must be refused: the exit code, what is said, and that nothing is written.
//!
//! `bad_inputs.txt` holds one a line: the command, with `@` for the file; the name of the file; its text, with escapes; and
//! what the message must hold. Rows that are wrong in the same way in every format are made here.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use assert_cmd::Command;

const LISTED: &str = include_str!("bad_inputs.txt");
/// Exit code for bad input.
const BAD_INPUT: i32 = 2;

struct Case {
    command: String,
    file: String,
    bytes: Vec<u8>,
    /// What must be said.
    fragments: Vec<String>,
}

/// `\n`, `\t`, `\r`, `\\` and `\xNN`.
fn unescaped(text: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    loop {
        let (byte, taken) = match rest {
            [] => return bytes,
            [b'\\', b'n', ..] => (b'\n', 2),
            [b'\\', b't', ..] => (b'\t', 2),
            [b'\\', b'r', ..] => (b'\r', 2),
            [b'\\', b'\\', ..] => (b'\\', 2),
            [b'\\', b'x', a, b, ..] => {
                let digits = [*a, *b];
                (u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap(), 4)
            }
            [byte, ..] => (*byte, 1),
        };
        bytes.push(byte);
        rest = &rest[taken..];
    }
}

fn listed() -> Vec<Case> {
    let lines = LISTED.lines().filter(|l| !l.trim().is_empty() && !l.starts_with("## "));
    lines
        .map(|line| {
            let parts: Vec<&str> = line.split(" ;; ").collect();
            let [command, file, text, fragment] = parts[..] else { panic!("{line}") };
            let (command, file) = (command.trim().to_owned(), file.trim().to_owned());
            Case { command, file, bytes: unescaped(text), fragments: vec![fragment.trim().to_owned()] }
        })
        .collect()
}

/// A row that is wrong, as cells of item_a, item_b, outcome, weight; and what is said of it.
const ROWS: [([&str; 4], &str); 14] = [
    (["", "y", "a", "1"], "an item has no name"),
    (["x", "", "a", "1"], "an item has no name"),
    (["x", "y", "", "1"], "outcome `` is not known"),
    (["x", "y", "maybe", "1"], "outcome `maybe` is not known"),
    (["x", "y", "ties", "1"], "did you mean `tie`?"),
    (["x", "y", "2", "1"], "others need --outcomes"),
    (["x", "y", "-1", "1"], "others need --outcomes"),
    (["B", "A", "A", "1"], "is the name of one item and a word for the other"),
    (["x", "y", "a", "-1"], "weight `-1` must be a finite number"),
    (["x", "y", "a", "one"], "weight `one` is not a number"),
    (["x", "y", "a", "nan"], "weight `nan` must be a finite number"),
    (["x", "y", "a", "1e12"], "weight `1e12` must be 0 or between"),
    (["x", "y", "a", "1e-320"], "weight `1e-320` must be 0 or between"),
    (["x", "y", "\u{1b}[31m", "1"], "outcome `\\u{1b}[31m` is not known"),
];

fn made() -> Vec<Case> {
    let mut cases = Vec::new();
    for (wrong, fragment) in ROWS {
        let good = ["x", "y", "tie", "1"];
        let rows = [good, wrong];
        for (ending, separator) in [("csv", ","), ("tsv", "\t"), ("csv", ";"), ("csv", "|")] {
            let line = |cells: &[&str]| cells.join(separator) + "\n";
            let text = line(&["item_a", "item_b", "outcome", "weight"]) + &rows.map(|r| line(&r)).concat();
            for command in ["rank @ --replicates 0", "fit @ --model bradley-terry"] {
                let fragments =
                    vec![format!("d.{ending}:3: "), fragment.to_owned(), "--invalid skip".to_owned()];
                let bytes = text.clone().into_bytes();
                cases.push(Case { command: command.into(), file: format!("d.{ending}"), bytes, fragments });
            }
        }
        let object = |cells: &[&str; 4]| {
            let keys = ["item_a", "item_b", "outcome", "weight"];
            let pairs = keys.iter().zip(cells).map(|(k, v)| (k.to_string(), serde_json::Value::from(*v)));
            serde_json::Value::Object(pairs.collect()).to_string()
        };
        let objects = rows.each_ref().map(object);
        for (file, text) in
            [("d.jsonl", objects.join("\n")), ("d.json", format!("[{}]", objects.join(",\n")))]
        {
            let fragments = vec![format!("{file}:2: "), fragment.to_owned(), "--invalid skip".to_owned()];
            let command = "inspect @ --replicates 0".to_owned();
            cases.push(Case { command, file: file.into(), bytes: text.into_bytes(), fragments });
        }
    }
    cases
}

fn check(case: &Case, dir: &Path) -> Result<(), String> {
    let (folder, path) = (dir.join("work"), dir.join("work").join(&case.file));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(&path, &case.bytes).unwrap();
    let args = case.command.split_whitespace().map(|word| if word == "@" { &case.file } else { word });
    let out = Command::cargo_bin("equipoise").unwrap().current_dir(&folder).args(args).output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    let files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name()).collect();
    let kept = std::fs::read(&path).unwrap() == case.bytes && files.len() == 1;
    std::fs::remove_dir_all(&folder).unwrap();
    let shown = format!("{} {:?}\n  {:?}", case.command, String::from_utf8_lossy(&case.bytes), said);
    match () {
        () if out.status.code() != Some(BAD_INPUT) => Err(format!("exit {:?}: {shown}", out.status.code())),
        () if !out.stdout.is_empty() => Err(format!("something was printed: {shown}")),
        () if !case.fragments.iter().all(|f| said.contains(f)) => {
            Err(format!("not all of {:?} is said: {shown}", case.fragments))
        }
        () if said.contains('\u{1b}') || said.len() > 4000 => Err(format!("raw or endless: {shown}")),
        () if !kept => Err(format!("something was written: {shown}")),
        () => Ok(()),
    }
}

#[test]
fn bad_inputs_are_refused_in_words_and_nothing_is_written() {
    let cases: Vec<Case> = listed().into_iter().chain(made()).collect();
    assert!(cases.len() >= 300, "{}", cases.len());
    let next = std::sync::atomic::AtomicUsize::new(0);
    let wrong = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let dir = tempfile::tempdir().unwrap();
                loop {
                    let k = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let Some(case) = cases.get(k) else { break };
                    if let Err(what) = check(case, dir.path()) {
                        wrong.lock().unwrap().push(what);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
