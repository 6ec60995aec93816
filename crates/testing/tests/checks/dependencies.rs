//! Every dependency that a manifest declares is named by that package's code: one for all builds outside the tests, one
//! for tests (`dev-dependencies`) in tests, examples or benches, or in the test modules of the sources.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::source::{Dependency, Lexed, Package, files, folder, none_of, packages, tokens};

/// All words of the Rust files below `dir`; `tests` says whether tests, benches and examples count.
fn words(dir: &Path, tests: bool) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    let apart = ["tests", "benches", "examples"].map(|name| dir.join(name));
    for file in files(dir, &[".rs"]) {
        if !tests && apart.iter().any(|folder| file.starts_with(folder)) {
            continue;
        }
        let lexed = Lexed::of(&fs::read_to_string(file).unwrap());
        let code = if tests { lexed.code.clone() } else { lexed.untested() };
        words.extend(tokens(&code).into_iter().map(|t| t.text.to_string()));
    }
    words
}

/// What `package` declares and does not use: the package's name, and the line of a message.
fn unused(package: &Package) -> Vec<(String, String)> {
    let src = package.dir.join("src");
    let own = words(if src.exists() { &src } else { &package.dir }, false);
    let all = words(&package.dir, true);
    let used = |d: &Dependency| (if d.dev { &all } else { &own }).contains(&d.name);
    let line = |d: &Dependency| {
        let kind = if d.dev { "dev-dependency" } else { "dependency" };
        (d.package.clone(), format!("{}: {kind} `{}`", package.name, d.package))
    };
    package.dependencies.iter().filter(|d| !used(d)).map(line).collect()
}

#[test]
fn every_declared_edge_is_used() {
    let packages = packages();
    let found = packages.iter().flat_map(unused).filter(|(package, _)| folder(package).is_some());
    let found: Vec<String> = found.map(|(_, line)| line).collect();
    none_of("declared edges that no code uses", &format!("{} crates", packages.len()), &found);
}

#[test]
fn every_dependency_is_used() {
    let packages = packages();
    let found = packages.iter().flat_map(unused).filter(|(package, _)| folder(package).is_none());
    let found: Vec<String> = found.map(|(_, line)| line).collect();
    let examined: usize = packages.iter().map(|p| p.dependencies.len()).sum();
    none_of("unused dependencies", &format!("{examined} lines of {} manifests", packages.len()), &found);
}

#[test]
fn cargo_run_builds_all_but_python_and_benches() {
    let packages = packages();
    let wrong = packages.iter().filter(|p| p.default == ["python", "benches"].contains(&p.name.as_str()));
    let found: Vec<String> = wrong.map(|p| format!("{}: `default-members` of Cargo.toml", p.name)).collect();
    none_of("crates that `cargo run` should build or leave", &format!("{} crates", packages.len()), &found);
}
