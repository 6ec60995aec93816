//! Results folders as tests compare them.

use std::collections::BTreeMap;
use std::path::Path;

/// Every file of a results folder that two equal runs have in common, without times: not the pages, which show times, and not
/// what is kept for other processes, and no packs, which [`equipoise_records::read`] reads.
pub(crate) fn contents(dir: &Path) -> BTreeMap<String, String> {
    fn walk(dir: &Path, root: &Path, found: &mut BTreeMap<String, String>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                if !["games", "exact", "packs"].contains(&name.as_str()) {
                    walk(&path, root, found);
                }
                continue;
            }
            if name.starts_with("report.") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let seconds = text.lines().next().unwrap_or_default().split(',').position(|c| c == "seconds");
            let lines = text.lines().filter(|l| !l.trim_start().starts_with("\"seconds\":"));
            let strip = |line: &str| match seconds {
                None => line.to_owned(),
                Some(at) => {
                    let cells = line.split(',').enumerate().filter(|(k, _)| *k != at);
                    cells.map(|(_, cell)| cell).collect::<Vec<_>>().join(",")
                }
            };
            found.insert(name, lines.map(strip).collect::<Vec<_>>().join("\n"));
        }
    }
    let mut found = BTreeMap::new();
    walk(dir, dir, &mut found);
    found
}

/// Fails where a folder has not the expected contents.
pub(crate) fn assert_equal(expected: &BTreeMap<String, String>, dir: &Path, what: &str) {
    let found = contents(dir);
    let names = |map: &BTreeMap<String, String>| map.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(expected), names(&found), "{what}");
    for (name, text) in expected {
        assert!(*text == found[name], "{what}: {name} differs");
    }
}
