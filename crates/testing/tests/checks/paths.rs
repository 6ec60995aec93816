//! The files that documents name are there.

use std::fs;

use crate::source::{files, none_of, root, shown};

/// Folders of the repository that hold what is committed.
const FOLDERS: [&str; 6] = ["crates/", "configs/", "experiments/", "benches/", "docs/", ".ci/"];

/// Paths between backticks, and the targets of links into the repository.
fn named(text: &str) -> Vec<&str> {
    let quoted = text.split('`').skip(1).step_by(2).filter(|q| FOLDERS.iter().any(|f| q.starts_with(f)));
    let linked = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let linked =
        linked.map(|l| l.split('#').next().unwrap_or(l)).filter(|l| !l.is_empty() && !l.contains(':'));
    quoted.chain(linked).filter(|p| !p.contains(['*', '<', '{', ' ', '\n'])).collect()
}

#[test]
fn every_file_that_a_document_names_is_there() {
    let root = root();
    let (mut found, mut examined) = (Vec::new(), 0);
    for document in files(&root, &[".md"]) {
        let text = fs::read_to_string(&document).unwrap();
        for path in named(&text) {
            examined += 1;
            let beside = document.parent().unwrap().join(path);
            if !root.join(path).exists() && !beside.exists() {
                found.push(format!("{}: {path}", shown(&document)));
            }
        }
    }
    assert!(examined > 20, "{examined} paths: are documents still read?");
    none_of("files that a document names and that are not there", &format!("{examined} paths"), &found);
}

/// `<!-- from FILE -->` and the code block after it, line by line.
fn excerpts(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split("<!-- from ").skip(1).map(|rest| {
        let (file, rest) = rest.split_once(" -->\n").expect("a marker ends its line");
        let block = rest.split_once('\n').expect("a code block follows a marker").1;
        (file, block.split("```").next().expect("split gives one part at least"))
    })
}

#[test]
fn excerpts_are_what_their_files_say() {
    let (mut found, mut examined) = (Vec::new(), 0);
    for document in files(&root(), &[".md"]) {
        let text = fs::read_to_string(&document).unwrap();
        for (file, excerpt) in excerpts(&text) {
            examined += 1;
            if !fs::read_to_string(root().join(file)).unwrap().contains(excerpt) {
                found.push(format!("{}: {file}:\n{excerpt}", shown(&document)));
            }
        }
    }
    assert!(examined > 0, "are excerpts still marked?");
    none_of("excerpts that their file does not hold", &format!("{examined} excerpts"), &found);
}

#[test]
fn paths_are_found_in_backticks_and_links() {
    let text = "see [this](docs/a.md#part), `crates/b.rs`, `cargo x`, `crates/*/c`, [web](https://x.y) and ![p](d.png)";
    assert_eq!(named(text), ["crates/b.rs", "docs/a.md", "d.png"]);
}
