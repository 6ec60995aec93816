//! The names that `docs/glossary.md` gives are names of the code.

use std::collections::BTreeSet;
use std::fs;

use crate::source::{Lexed, files, none_of, root, tokens};

#[test]
fn every_name_of_the_glossary_is_in_the_code() {
    let mut words = BTreeSet::new();
    for folder in ["crates", "benches"] {
        for file in files(&root().join(folder), &[".rs"]) {
            if !file.starts_with(root().join("crates/testing")) {
                let lexed = Lexed::of(&fs::read_to_string(file).unwrap());
                // keys of YAML, CSV and JSON are literals
                let literals = lexed.literals.iter().flat_map(|(_, text)| tokens(text));
                words.extend(tokens(&lexed.code).into_iter().chain(literals).map(|t| t.text.to_string()));
            }
        }
    }
    let glossary = fs::read_to_string(root().join("docs/glossary.md")).unwrap();
    let (mut found, mut examined) = (Vec::new(), 0);
    for line in glossary.lines().filter(|l| l.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
        assert_eq!(cells.len(), 4, "four columns: {line}");
        for name in cells[2].split('`').skip(1).step_by(2) {
            examined += 1;
            if !words.contains(name) {
                found.push(format!("`{name}` of{}", cells[0]));
            }
        }
    }
    assert!(examined > 40, "{examined} names: is the table still read?");
    none_of("names of the glossary that the code does not have", &format!("{examined} names"), &found);
}
