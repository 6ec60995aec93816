//! The README's library example compiles, runs, and is the text that the README shows.
#![allow(clippy::print_stdout, reason = "an example prints its answer")]

include!("readme/library.rs");

#[test]
fn the_library_example_runs() -> Result<(), Box<dyn std::error::Error>> {
    main()
}

#[test]
fn the_readme_shows_this_very_example() {
    let readme = include_str!("../../../README.md");
    assert!(readme.contains(&format!("```rust\n{}```\n", include_str!("readme/library.rs"))));
}
