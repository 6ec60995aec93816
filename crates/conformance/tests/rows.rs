//! A row that is written but in no list: the registry would never show it, and nothing else would fail.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A row as the source text declares it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Declared {
    /// `SolverEntry`, `GeneratorEntry`, ..: any type whose name ends in `Entry`.
    kind: String,
    /// `file::NAME`, as lists name it; of a `mod.rs` or `lib.rs` only `NAME`.
    path: String,
    file: PathBuf,
}

/// Name and kind of a line `const NAME: KindEntry = ..`, if it is one.
fn declaration(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_start();
    let visible = line.strip_prefix("pub").unwrap_or(line);
    let line = match visible.strip_prefix('(') {
        Some(scope) => scope.split_once(')')?.1,
        None => visible,
    };
    let line = line.trim_start();
    let line = line.strip_prefix("const ").or_else(|| line.strip_prefix("static "))?;
    let (name, kind) = line.split_once(':')?;
    let kind = kind.trim_start();
    let end = kind.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(kind.len());
    let upper = name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    (upper && kind[..end].ends_with("Entry")).then_some((name, &kind[..end]))
}

/// Kind and text of every list of rows: `.. LIST: &[KindEntry] = &[ .. ];`.
fn lists(text: &str) -> Vec<(&str, &str)> {
    text.match_indices("&[")
        .filter_map(|(at, _)| {
            let (kind, rest) = text[at + 2..].split_once(']')?;
            let kind = kind.trim_start_matches("&'static ").trim_start_matches('&');
            let body = rest.trim_start().strip_prefix('=')?.trim_start().strip_prefix("&[")?;
            let is_rows = kind.ends_with("Entry") && kind.chars().all(|c| c.is_ascii_alphanumeric());
            is_rows.then_some((kind, body.split_once("];")?.0))
        })
        .collect()
}

/// Rows that no list of their kind names, and how many rows there are.
fn unlisted(files: &[(PathBuf, String)]) -> (Vec<Declared>, usize) {
    let mut declared = BTreeSet::new();
    let mut listed: BTreeSet<(String, String)> = BTreeSet::new();
    for (file, text) in files {
        let stem = file.file_stem().and_then(|s| s.to_str()).expect("a file has a name");
        let here = |name: &str| match stem {
            "mod" | "lib" => name.to_owned(),
            _ => format!("{stem}::{name}"),
        };
        for (name, kind) in text.lines().filter_map(declaration) {
            declared.insert(Declared { kind: kind.into(), path: here(name), file: file.clone() });
        }
        for (kind, body) in lists(text) {
            for row in body.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':') {
                let path = match row.rsplit_once("::") {
                    None => here(row),
                    Some((modules, name)) => {
                        format!("{}::{name}", modules.rsplit("::").next().expect("one at least"))
                    }
                };
                listed.insert((kind.to_owned(), path));
            }
        }
    }
    let count = declared.len();
    let missing = declared.into_iter().filter(|d| !listed.contains(&(d.kind.clone(), d.path.clone())));
    (missing.collect(), count)
}

fn sources(dir: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in std::fs::read_dir(dir).expect("a folder of sources") {
        let path = entry.expect("an entry of the folder").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = std::fs::read_to_string(&path).expect("a source file is text");
            found.push((path, text));
        }
    }
}

#[test]
fn every_row_that_is_written_is_in_its_list() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the folder of crates");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(crates).expect("the folder of crates") {
        let source = entry.expect("an entry of the folder").path().join("src");
        if source.is_dir() {
            sources(&source, &mut files);
        }
    }
    let (missing, count) = unlisted(&files);
    assert!(missing.is_empty(), "written, but in no list of their kind: {missing:#?}");
    // solvers and games at least: a search that finds nothing would pass
    assert!(count >= 60, "only {count} rows found: has the way of declaring them changed?");
}

#[test]
fn a_forgotten_row_is_found() {
    let file = |name: &str, text: &str| (PathBuf::from(name), text.to_owned());
    let files = [
        file("src/lib.rs", "pub const SOLVERS: &[SolverEntry] = &[\n    egpo::ENTRY,\n    pair::LEFT,\n];\n"),
        file("src/egpo.rs", "pub const ENTRY: SolverEntry = SolverEntry::of::<Config>("),
        file(
            "src/pair.rs",
            "pub(super) const LEFT: SolverEntry = x;\n    pub(crate) static RIGHT: SolverEntry = x;",
        ),
        file("src/game.rs", "pub const ENTRY: GeneratorEntry = x;\nconst FORMAT: u32 = 1;"),
        file(
            "src/own.rs",
            "const A: OracleEntry = x;\nconst B: OracleEntry = x;\nconst ALL: &[&OracleEntry] = &[&A];",
        ),
    ];
    let (missing, count) = unlisted(&files);
    let names: Vec<&str> = missing.iter().map(|d| d.path.as_str()).collect();
    assert_eq!((names, count), (vec!["game::ENTRY", "own::B", "pair::RIGHT"], 6));
}
