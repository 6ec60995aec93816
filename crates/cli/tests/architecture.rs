//! The house: which room may depend on which. Any other edge fails here.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

const FAMILIES: [&str; 5] =
    ["solver-self-play", "solver-mirror-descent", "solver-extragradient", "solver-regression", "baseline-bt"];

/// Room, then the rooms it may depend on.
fn allowed() -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut rooms = BTreeMap::from([
        ("records", vec![]),
        ("core", vec!["records"]),
        ("env", vec!["core"]),
        ("testing", vec!["core", "env"]),
        ("reference", vec!["core", "env"]),
        ("eval", vec!["core", "env", "records"]),
        ("data", vec!["core", "env"]),
        ("models", vec!["core", "env", "reference", "data"]),
        ("report", vec!["records"]),
        ("experiment", vec!["equipoise", "records", "report"]),
        ("answers", vec!["equipoise", "records"]),
        ("cli", vec!["answers", "experiment", "report", "records", "equipoise"]),
        ("benches", vec!["equipoise"]),
    ]);
    rooms.extend(FAMILIES.map(|family| (family, vec!["core"])));
    let listed = ["core", "env", "reference", "eval", "records"].into_iter().chain(FAMILIES);
    rooms.insert("conformance", listed.clone().collect());
    rooms.insert("equipoise", listed.chain(["conformance", "data", "models"]).collect());
    rooms
}

fn packages() -> Vec<serde_json::Value> {
    let out = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

fn room(package: &str) -> Option<&str> {
    if package == "equipoise" { Some(package) } else { package.strip_prefix("equipoise-") }
}

#[test]
fn rooms_depend_only_downwards() {
    let (allowed, packages) = (allowed(), packages());
    let rooms: BTreeSet<_> = packages.iter().map(|p| room(p["name"].as_str().unwrap()).unwrap()).collect();
    assert_eq!(rooms, allowed.keys().copied().collect(), "rooms of the workspace and of the table above");
    for package in &packages {
        let name = room(package["name"].as_str().unwrap()).unwrap();
        for dependency in package["dependencies"].as_array().unwrap() {
            // dev-dependencies may reach further: a solver is tested on a real game
            if dependency["kind"].as_str() == Some("dev") {
                continue;
            }
            if let Some(other) = room(dependency["name"].as_str().unwrap()) {
                assert!(allowed[name].contains(&other), "{name} must not depend on {other}");
            }
        }
    }
}

#[test]
fn folders_are_named_like_their_packages() {
    for package in packages() {
        let manifest = package["manifest_path"].as_str().unwrap();
        let folder = std::path::Path::new(manifest).parent().unwrap().file_name().unwrap();
        assert_eq!(folder.to_str(), room(package["name"].as_str().unwrap()));
    }
}

#[test]
fn one_version_of_the_array_crate() {
    let lock = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock")).unwrap();
    assert_eq!(lock.matches("name = \"ndarray\"\n").count(), 1);
}
