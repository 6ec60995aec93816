//! The crates and their edges, as the table of ARCHITECTURE.md states them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::source::{Package, folder, none_of, packages, root};

/// Crate, then the crates of ours on which it may depend: the table under "Crates" of ARCHITECTURE.md.
fn table() -> BTreeMap<String, BTreeSet<String>> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let rows =
        text.lines().skip_while(|l| !l.starts_with("| crate |")).skip(2).take_while(|l| l.starts_with('|'));
    let mut table = BTreeMap::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        let [crates, _, allowed] = cells[..] else { panic!("three columns: {row}") };
        for name in quoted(crates) {
            let before = table.insert(name.to_string(), quoted(allowed).map(String::from).collect());
            assert!(before.is_none(), "two rows for {name}");
        }
    }
    assert!(!table.is_empty(), "ARCHITECTURE.md has no table `| crate | ...`");
    table
}

/// What stands between backticks.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// Those of our crates on which a package depends outside tests.
fn edges(package: &Package) -> impl Iterator<Item = &str> {
    package.dependencies.iter().filter(|d| !d.dev).filter_map(|d| folder(&d.package))
}

#[test]
fn crates_depend_only_downwards() {
    let (table, packages) = (table(), packages());
    let names: BTreeSet<&str> = packages.iter().map(|p| p.name.as_str()).collect();
    let listed: BTreeSet<&str> = table.keys().map(String::as_str).collect();
    assert_eq!(names, listed, "crates of the workspace and of the table in ARCHITECTURE.md");
    let (mut found, mut examined) = (Vec::new(), 0);
    for package in &packages {
        for other in edges(package) {
            examined += 1;
            if !table[&package.name].contains(other) {
                found.push(format!("{} must not depend on {other}", package.name));
            }
        }
    }
    none_of("edges outside the table", &format!("{examined} edges of {} crates", packages.len()), &found);
    // downwards: the table itself has no circle
    let mut order: Vec<&str> = Vec::new();
    while order.len() < table.len() {
        let ready = |(name, below): &(&String, &BTreeSet<String>)| {
            !order.contains(&name.as_str()) && below.iter().all(|b| order.contains(&b.as_str()))
        };
        let next = table.iter().find(ready);
        order.push(next.unwrap_or_else(|| panic!("the table has a circle above {order:?}")).0);
    }
}

#[test]
fn every_edge_of_the_table_is_in_a_manifest() {
    let (table, packages) = (table(), packages());
    let mut found = Vec::new();
    for package in &packages {
        let declared: BTreeSet<&str> = edges(package).collect();
        let missing = table[&package.name].iter().filter(|b| !declared.contains(b.as_str()));
        found.extend(missing.map(|b| format!("{} does not depend on {b}", package.name)));
    }
    none_of("edges of the table that no manifest declares", "the table of ARCHITECTURE.md", &found);
}

#[test]
fn folders_are_named_like_their_packages() {
    for package in packages() {
        assert_eq!(package.dir.file_name().unwrap().to_str(), Some(package.name.as_str()));
    }
}

#[test]
fn one_version_of_the_array_crate() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    assert_eq!(lock.matches("name = \"ndarray\"\n").count(), 1);
}
