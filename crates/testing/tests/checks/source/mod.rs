//! The workspace as the checks see it: its packages, and every source file taken apart into code and words.

mod lexer;
pub(crate) mod modules;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) use lexer::{Lexed, tokens};
use serde_json::Value;

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A package of the workspace.
pub(crate) struct Package {
    /// Its folder below `crates/`, which is its name without `equipoise-`; `benches` for the benches.
    pub(crate) name: String,
    /// The folder of its manifest.
    pub(crate) dir: PathBuf,
    /// Whether `cargo run` builds it.
    pub(crate) default: bool,
    /// Its dependencies as `cargo metadata` states them.
    pub(crate) dependencies: Vec<Dependency>,
}

/// One line of a manifest.
pub(crate) struct Dependency {
    /// The package's name.
    pub(crate) package: String,
    /// The name under which sources know it.
    pub(crate) name: String,
    /// Whether only tests, benches and examples may use it.
    pub(crate) dev: bool,
}

/// Every package of the workspace.
pub(crate) fn packages() -> Vec<Package> {
    let out = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let metadata: Value = serde_json::from_slice(&out.stdout).unwrap();
    let default = metadata["workspace_default_members"].as_array().unwrap();
    metadata["packages"].as_array().unwrap().iter().map(|p| package(p, default.contains(&p["id"]))).collect()
}

fn package(stated: &Value, default: bool) -> Package {
    let text = |v: &Value| v.as_str().map(String::from);
    let dependencies = stated["dependencies"].as_array().unwrap().iter().map(|d| {
        let package = text(&d["name"]).unwrap();
        let name = text(&d["rename"]).unwrap_or_else(|| package.clone()).replace('-', "_");
        Dependency { package, name, dev: d["kind"].as_str() == Some("dev") }
    });
    Package {
        name: folder(stated["name"].as_str().unwrap()).expect("every package is ours").to_string(),
        dir: Path::new(stated["manifest_path"].as_str().unwrap()).parent().unwrap().to_path_buf(),
        default,
        dependencies: dependencies.collect(),
    }
}

/// The folder of one of our packages; none for anybody else's.
pub(crate) fn folder(package: &str) -> Option<&str> {
    if package == "equipoise" { Some(package) } else { package.strip_prefix("equipoise-") }
}

/// All files below `dir` with one of these endings, in the order of their paths.
pub(crate) fn files(dir: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(dir) else { return found };
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            // folders that a build writes
            if !["target", "_build", "generated"].contains(&name) && !name.starts_with('.') {
                found.extend(files(&path, endings));
            }
        } else if endings.iter().any(|e| name.ends_with(e)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// A path as messages show it: relative to the workspace.
pub(crate) fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// Says what was counted, also when the test passes: `println!` would be captured.
pub(crate) fn say(line: &str) {
    std::io::stdout().write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// Says the count with its findings, and fails if there is any.
pub(crate) fn none_of(what: &str, examined: &str, findings: &[String]) {
    say(&format!("{} {what} ({examined})", findings.len()));
    assert!(findings.is_empty(), "{what}:\n{}", findings.join("\n"));
}
