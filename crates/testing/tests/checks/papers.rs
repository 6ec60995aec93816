//! `experiments/papers/README.md` is what its folders say: a row a paper, in the order of the names.
//!
//! The page of a paper, `experiments/papers/NAME/README.md`, begins
//!
//! ```text
//! # NAME: TITLE (arXiv ID)
//!
//! Claim: one sentence.
//!
//! Counterpart: what stands for it here.
//!
//! Verdict: holds | holds in part | does not hold here | cannot be tested here: why.
//!
//! Run: `equipoise check experiments/papers/NAME`
//! ```
//!
//! with a paragraph for each word, and further text below. Where there is nothing to check by an experiment, the command is a test.
//! `EQUIPOISE_WRITE=1 cargo test -p equipoise-testing --test checks papers` writes the table.

use std::fs;
use std::path::Path;

use crate::source::{none_of, root};

const VERDICTS: [&str; 4] = ["holds in part", "holds", "does not hold here", "cannot be tested here"];

/// What stands above and below the table.
const HEAD: &str = "# Papers, their claims, and what became of them here\n\n\
     A folder a paper: its claim in one sentence, what stands for it here, the claims that are checked, and the verdict. A claim that \
     fails is a\nfinding, and stays. This table is made from the folders\n\
     (`EQUIPOISE_WRITE=1 cargo test -p equipoise-testing --test checks papers`); a check fails when it is stale. Headlines\nthat are no one paper's: [headlines](../headlines/README.md).\n\n\
     | paper | claim | verdict | command |\n|---|---|---|---|\n";

/// The paragraph that begins with a word and a colon, on one line.
fn paragraph(text: &str, word: &str) -> Option<String> {
    let found =
        text.split("\n\n").find_map(|p| p.trim().strip_prefix(&format!("{word}: ")).map(str::to_owned))?;
    Some(found.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// A row of the table, or what is wrong with the folder.
fn row(folder: &Path) -> Result<String, Vec<String>> {
    let name = folder.file_name().expect("a folder has a name").to_string_lossy().into_owned();
    let text =
        fs::read_to_string(folder.join("README.md")).map_err(|e| vec![format!("{name}: README.md: {e}")])?;
    let mut wrong = Vec::new();
    let mut part = |word: &str| {
        let found = paragraph(&text, word);
        if found.is_none() {
            wrong.push(format!("{name}: no paragraph `{word}: ..`"));
        }
        found.unwrap_or_default()
    };
    let [claim, _, verdict, run] = ["Claim", "Counterpart", "Verdict", "Run"].map(&mut part);
    let title = text.lines().next().unwrap_or_default().trim_start_matches("# ");
    if !title.contains(": ") {
        wrong.push(format!("{name}: the first line is `# NAME: TITLE (arXiv ID)`"));
    }
    let short =
        VERDICTS.iter().find(|v| verdict.strip_prefix(**v).is_some_and(|rest| rest.starts_with([':', '.'])));
    if short.is_none() {
        wrong.push(format!("{name}: the verdict begins with one of {VERDICTS:?} and a colon: {verdict}"));
    }
    let (experiment, expected) = (folder.join("experiment.yaml"), folder.join("expected.yaml"));
    let command = format!("equipoise check experiments/papers/{name}");
    if experiment.exists() != expected.exists() {
        wrong.push(format!("{name}: experiment.yaml and expected.yaml stand together"));
    }
    let parts = folder.join("parts.yaml").exists();
    if experiment.exists() && !run.contains(&command) {
        wrong.push(format!("{name}: `Run:` says `{command}`"));
    }
    if !experiment.exists() && !parts && run.contains("equipoise check") {
        wrong.push(format!("{name}: `Run:` names an experiment that is not there"));
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let cell = |text: &str| text.replace('|', "\\|");
    Ok(format!(
        "| [{}]({name}/README.md) | {} | {} | {} |\n",
        cell(title),
        cell(&claim),
        cell(&verdict),
        cell(&run)
    ))
}

#[test]
fn the_table_of_papers_is_what_the_folders_say() {
    let papers = root().join("experiments/papers");
    let mut folders: Vec<_> =
        fs::read_dir(&papers).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()).collect();
    folders.sort();
    let (mut table, mut wrong) = (HEAD.to_string(), Vec::new());
    for folder in &folders {
        match row(folder) {
            Ok(row) => table.push_str(&row),
            Err(problems) => wrong.extend(problems),
        }
    }
    none_of("folders of papers", &format!("{} folders", folders.len()), &wrong);
    let page = papers.join("README.md");
    if std::env::var_os("EQUIPOISE_WRITE").is_some() {
        fs::write(&page, &table).unwrap();
    }
    assert!(
        fs::read_to_string(&page).is_ok_and(|found| found == table),
        "experiments/papers/README.md is stale: EQUIPOISE_WRITE=1 cargo test -p equipoise-testing --test checks papers"
    );
}
