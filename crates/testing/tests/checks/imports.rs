//! No import circle inside a crate.
//!
//! A file imports from another if its code, that of tests left out, names something defined there: by `use`, by a glob,
//! or by a path (`crate::a::b`, `super::c`, `child::d`). Names are followed through re-exports to the file that defines
//! them. A module and everything below it are one thing: imports between a parent and its children are not counted, and
//! an import of `plot/axis.rs` from `render/table.rs` is one of `plot` from `render`. Among the children of every
//! module there must be no circle: not of two (A from B, B from A), and not of more.

use std::fs;

use crate::source::modules::Crate;
use crate::source::{none_of, packages, shown};

#[test]
fn no_file_imports_in_a_circle() {
    let (mut found, mut crates, mut files) = (Vec::new(), 0, 0);
    for package in packages() {
        for root in ["src/lib.rs", "src/main.rs"].map(|r| package.dir.join(r)) {
            if root.exists() {
                let one = Crate::read(&root);
                crates += 1;
                files += one.len();
                found.extend(one.circles().into_iter().map(|way| {
                    let names: Vec<String> = way.iter().map(|p| shown(p)).collect();
                    names.join(" > ")
                }));
            }
        }
    }
    none_of("import circles", &format!("{files} files of {crates} crates"), &found);
}

/// A crate of these files in a folder of its own.
fn circles(files: &[(&str, &str)]) -> Vec<Vec<String>> {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let one = Crate::read(&dir.path().join("lib.rs"));
    let name = |p: &std::path::Path| p.strip_prefix(dir.path()).unwrap().display().to_string();
    one.circles().into_iter().map(|way| way.into_iter().map(name).collect()).collect()
}

#[test]
fn circles_are_found_through_uses_paths_and_names_passed_on() {
    let found = circles(&[
        ("lib.rs", "mod a;\nmod b;\nmod c;\nmod d;\npub use a::A;\npub use d::D;\n"),
        ("a.rs", "use crate::b::{self, B};\npub struct A;\n"),
        ("b.rs", "pub struct B(crate::A);\n"),
        ("c.rs", "use super::D;\npub struct C;\nmod tests { use super::super::a::A; }\n"),
        ("d.rs", "// use crate::c::C;\npub struct D(&'static str);\nconst S: &str = \"crate::c::C\";\n"),
    ]);
    assert_eq!(found, [["b.rs", "a.rs"]]);
    let three = circles(&[
        ("lib.rs", "mod a;\nmod b;\nmod c;\n"),
        ("a/mod.rs", "use crate::b::*;\n"),
        ("b.rs", "use crate::c::three;\npub fn two() {}\n"),
        ("c.rs", "pub fn three() { crate::a::one(); }\n"),
    ]);
    assert_eq!(three, [["b.rs", "c.rs", "a/mod.rs"]]);
    // two folders that import from each other, though no file does
    let folders = circles(&[
        ("lib.rs", "mod a;\nmod b;\n"),
        ("a.rs", "mod one;\nmod two;\n"),
        ("a/one.rs", "use crate::b::B;\n"),
        ("a/two.rs", "pub struct Two;\n"),
        ("b.rs", "use crate::a::two::Two;\npub struct B;\n"),
    ]);
    assert_eq!(folders, [["b.rs", "a.rs"]]);
}

#[test]
fn tests_and_families_make_no_circle() {
    let found = circles(&[
        ("lib.rs", "mod a;\nmod b;\npub use a::A;\npub struct Root;\n"),
        ("a.rs", "use crate::Root;\npub struct A(Root);\n#[cfg(test)]\nmod tests { use crate::b::B; }\n"),
        ("b.rs", "mod c;\nuse crate::A;\npub struct B(A, c::C);\n"),
        ("b/c.rs", "use super::B;\npub struct C;\n"),
    ]);
    assert_eq!(found, Vec::<Vec<String>>::new());
}
