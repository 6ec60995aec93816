//! What must hold for the repository itself, each with its count printed: `cargo test --release -p equipoise-testing`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod acceptance;
mod architecture;
mod dependencies;
mod glossary;
mod imports;
mod papers;
mod paths;
mod source;
mod words;
