//! Each item of `docs/acceptance.md` names tests, and the tests are there.

use std::fs;

use crate::source::{none_of, root};

#[test]
fn every_item_of_the_acceptance_list_names_tests_that_are_there() {
    let text = fs::read_to_string(root().join("docs/acceptance.md")).unwrap();
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| line.starts_with("| A"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let items: Vec<String> = (1..=15).map(|k| format!("A{k}")).collect();
    assert_eq!(rows.iter().map(|row| row[0]).collect::<Vec<_>>(), items, "one row an item, in order");
    let (mut found, mut examined) = (Vec::new(), 0);
    for row in &rows {
        let named: Vec<&str> = row[2].split('`').skip(1).step_by(2).collect();
        if named.is_empty() {
            found.push(format!("{}: no test", row[0]));
        }
        for test in named {
            examined += 1;
            let there = test.split_once("::").is_some_and(|(file, name)| {
                let source = fs::read_to_string(root().join("crates").join(file)).unwrap_or_default();
                source.contains(&format!("#[test]\nfn {name}() "))
            });
            if !there {
                found.push(format!("{}: {test}", row[0]));
            }
        }
    }
    none_of("tests of the acceptance list that are not there", &format!("{examined} tests"), &found);
}
