//! By what the files and folders are known that this program wrote: what they say of themselves, at the place where they say it.

use std::path::Path;

use serde_json::Value;

use crate::files::{name, read_json};

/// How `plan.yaml` begins, before the version of the program.
pub(crate) const PLAN_HEAD: &str = "# equipoise ";
/// How that line ends, after it.
pub(crate) const PLAN_PATHS: &str = "; paths start at the folder of this file";

/// How the last part of a report begins, as Markdown and as a page.
const PROVENANCE: [&str; 2] = [
    "\n## Where these numbers come from\n\nEquipoise ",
    "\n<footer>\n<h2>Where these numbers come from</h2>\n<p>Equipoise ",
];
/// What it says after the version.
const RECORDS: &str = ", records of format ";

/// Whether a file is the plan of a results folder. Those of 0.1 do not say so.
pub(crate) fn is_plan(file: &Path) -> bool {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let head = text.lines().next().and_then(|line| line.strip_prefix(PLAN_HEAD)?.strip_suffix(PLAN_PATHS));
    head.is_some_and(is_version)
}

/// Whether a folder `runs/` holds a run: a folder with a record of its own name.
pub(crate) fn holds_a_run(runs: &Path) -> bool {
    std::fs::read_dir(runs).into_iter().flatten().flatten().any(|entry| {
        let Ok(Some(record)) = read_json(&entry.path().join(name::RUN)) else { return false };
        let is = |key: &str, right: fn(&Value) -> bool| record.get(key).is_some_and(right);
        record.get("id").and_then(Value::as_str) == entry.file_name().to_str()
            && is("format", Value::is_u64)
            && is("solver", Value::is_string)
            && is("game", Value::is_string)
    })
}

/// Whether a file is a report: its last part says which program wrote it, from records of which format. Without finished runs
/// it names none.
pub(crate) fn is_report(file: &Path) -> bool {
    let text = std::fs::read_to_string(file).unwrap_or_default().replace("\r\n", "\n");
    PROVENANCE.iter().any(|head| {
        let last = text.rsplit_once(head).map_or("", |(_, last)| last);
        let (says, _) = last.split_once('\n').unwrap_or((last, ""));
        says.split_once(RECORDS).is_some_and(|(versions, format)| {
            let first = versions.split([',', ' ']).next().unwrap_or_default();
            (versions.is_empty() || versions == "none" || is_version(first))
                && format.starts_with(|c: char| c.is_ascii_digit())
        }) && !last.contains("\n## ")
            && !last.contains("<h2>")
    })
}

/// Whether a text is a version of this program, as in `0.2.0`.
fn is_version(text: &str) -> bool {
    let (numbers, _) = text.split_once('-').unwrap_or((text, ""));
    numbers.split('.').count() == 3
        && numbers.split('.').all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RecordsError, ResultsDir};

    const RUN: &str =
        r#"{"format": 1, "id": "a-1", "solver": "mwu", "game": "g", "kept": "as 0.1 wrote it"}"#;
    const REPORT: &str = "# quickstart\n\n## Where these numbers come from\n\nEquipoise 0.1.0, records of format 1; seed 7.\n\n\
                          Run again: `equipoise run plan.yaml --out FOLDER`";

    /// The name of the file for which a folder with these files is refused.
    fn refused(files: &[(&str, &str)]) -> Option<String> {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let file = dir.path().join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        match ResultsDir::check_own(dir.path()) {
            Ok(()) => None,
            Err(RecordsError::Foreign(file)) => {
                Some(file.file_name().unwrap().to_string_lossy().into_owned())
            }
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn folders_of_others_are_known_by_what_is_in_them_not_by_their_names() {
        let theirs = ("summary.json", "{\"accuracy\": 0.9}");
        let named = |text| Some(str::to_owned(text));
        // folders that are named alike
        for folder in ["games/chess.pgn", "exact/solution.txt", "inputs/data.csv", "runs/a-1/trace.csv"] {
            let files = [("runs/7/metrics.txt", "loss"), (folder, "theirs"), theirs];
            assert_eq!(refused(&files), named("summary.json"), "{folder}");
        }
        for run in ["{\"id\": \"a-1\"}", "{\"format\": 1}", "[]", "loss", &RUN.replace("a-1", "b-1")] {
            assert_eq!(refused(&[("runs/a-1/run.json", run), theirs]), named("summary.json"), "{run}");
        }
        assert_eq!(refused(&[("planned.json", "[\"a-1\"]"), ("games/g.json", "{}")]), named("planned.json"));
        // plans of others
        for plan in ["# equipoise of forces\nname: x\n", "# equipoise 1\n", "format: 1\nname: x\n"] {
            assert_eq!(refused(&[("plan.yaml", plan)]), named("plan.yaml"), "{plan}");
        }
        // texts that speak of this program
        for text in [
            "Equipoise 0.1.0, records of format 1; seed 7.",
            "notes: records of format 1",
            "# a\n\n## Where these numbers come from\n\nFrom Equipoise 0.1.0, records of format 1; seed 7.\n",
            &format!("{REPORT}\n\n## What I think of it\n\nmuch\n"),
            "<p>Equipoise 0.1.0, records of format 1.</p>",
        ] {
            assert_eq!(refused(&[("report.md", text)]), named("report.md"), "{text}");
            assert_eq!(refused(&[("report.html", text)]), named("report.html"), "{text}");
        }
        // a report does not vouch for what is beside it
        assert_eq!(refused(&[("report.md", REPORT), theirs]), named("summary.json"));
    }

    #[test]
    fn what_this_program_wrote_is_known() {
        assert_eq!(refused(&[]), None);
        assert_eq!(refused(&[("report.md", REPORT), ("report.png", "drawn"), ("README.md", "about")]), None);
        assert_eq!(refused(&[("report.md", &REPORT.replace('\n', "\r\n"))]), None);
        assert_eq!(refused(&[("report.md", &REPORT.replace("0.1.0", "0.1.0, 0.2.0 and 0.3.0-beta"))]), None);
        assert_eq!(refused(&[("report.md", &REPORT.replace("0.1.0", ""))]), None);
        let plan = format!("{PLAN_HEAD}0.2.0{PLAN_PATHS}\nformat: 1\n");
        assert_eq!(refused(&[("plan.yaml", &plan), ("summary.json", "{}"), ("report.md", "cut")]), None);
        let old = [("plan.yaml", "format: 1\n"), ("runs/a-1/run.json", RUN), ("summary.json", "{}")];
        assert_eq!(refused(&old), None);
    }

    #[test]
    fn only_what_a_process_of_this_program_began_is_half_written() {
        let dir = tempfile::tempdir().unwrap();
        let results = ResultsDir::create(dir.path()).unwrap();
        let theirs = [
            ".partial-notes",
            ".partial-2024.csv",
            ".partial-",
            ".partial--x",
            ".partial-7-",
            ".partial-7a-x",
        ];
        for name in theirs.into_iter().chain([".partial-77-abc.json"]) {
            std::fs::write(dir.path().join(name), "theirs").unwrap();
        }
        std::fs::create_dir(dir.path().join("runs/.partial-77-run-abc")).unwrap();
        let partial = results.partial().unwrap();
        assert_eq!(partial.len(), 2, "{partial:?}");
        results.remove_partial(&partial).unwrap();
        assert!(theirs.iter().all(|name| dir.path().join(name).exists()));
        assert!(results.partial().unwrap().is_empty());
    }
}
