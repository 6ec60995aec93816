//! The files that an experiment reads, kept beside its results, so that a folder that is moved, to another machine too, is
//! run again from its `plan.yaml`.
//!
//! A copy is named after its file and its content: `inputs/votes-3f0c9a71b2de.csv`. So copies of several processes agree, and
//! running a `plan.yaml` in its own folder copies nothing. Files above [`MOST_BYTES`] are not copied: the plan then names them
//! where they are.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use equipoise_records::{RecordsError, ResultsDir};

use crate::spec::{GameKind, PolicySpec, Spec, absolute};

/// Largest file that is copied, 256 MiB.
const MOST_BYTES: u64 = 1 << 28;
/// How the names of copies begin in plans.
const FOLDER: &str = "inputs/";
/// Hexadecimal digits of a content that its name shows.
const DIGITS: usize = 12;

/// What plans and records write instead of a path: by the absolute path.
pub(crate) type Placed = BTreeMap<String, String>;

/// The files of games and policies that a spec reads, by absolute path.
pub(crate) fn files(spec: &Spec) -> Vec<PathBuf> {
    let of_game = |kind: &GameKind| match kind {
        GameKind::Generated(_) => None,
        GameKind::File { options, folder, .. } => options.path().map(|path| absolute(&folder.join(path))),
    };
    let mut files: Vec<PathBuf> =
        spec.games.iter().filter_map(|game| of_game(&game.kind)).map(PathBuf::from).collect();
    if let PolicySpec::Path { path, .. } = &spec.reference {
        files.push(absolute(path).into());
    }
    files.sort();
    files.dedup();
    files
}

/// Where the files of `spec` are copied to.
///
/// # Errors
/// [`RecordsError::Io`].
pub(crate) fn place(spec: &Spec) -> Result<Placed, RecordsError> {
    let mut placed = Placed::new();
    for path in files(spec) {
        let about = std::fs::metadata(&path)?;
        if !about.is_file() {
            continue;
        }
        if about.len() > MOST_BYTES {
            tracing::warn!(
                "{} is too large to be copied beside the results; plan.yaml names it where it is",
                path.display()
            );
            continue;
        }
        let name = name(&path, &content(&path)?);
        placed.insert(path.display().to_string(), format!("{FOLDER}{name}"));
    }
    Ok(placed)
}

/// Copies files to where they were placed.
///
/// # Errors
/// [`RecordsError::Io`].
pub(crate) fn keep(placed: &Placed, dir: &ResultsDir) -> Result<(), RecordsError> {
    let names = placed.iter().filter_map(|(path, within)| Some((path, within.strip_prefix(FOLDER)?)));
    names.into_iter().try_for_each(|(path, name)| dir.keep_input(Path::new(path), name))
}

/// The files of a `plan.yaml` that lie in its own folder.
pub(crate) fn found(spec: &Spec, dir: &ResultsDir) -> Placed {
    let root = PathBuf::from(absolute(dir.path()));
    let own = |path: PathBuf| {
        let within = path.strip_prefix(&root).ok()?.display().to_string();
        Some((path.display().to_string(), within))
    };
    files(spec).into_iter().filter_map(own).collect()
}

/// The hash of a file's bytes.
fn content(path: &Path) -> std::io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let (mut hash, mut buffer) = (blake3::Hasher::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hash.finalize().to_hex().as_str()[..DIGITS].to_owned()),
            n => hash.update(&buffer[..n]),
        };
    }
}

/// The name of a copy: that of the file up to its endings, the content, the endings.
fn name(path: &Path, content: &str) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let name: String = name.trim_start_matches('.').chars().map(plain).collect();
    let (stem, endings) = name.split_at(name.find('.').unwrap_or(name.len()));
    // a copy is not named twice
    let stem = stem.strip_suffix(content).and_then(|s| s.strip_suffix('-')).unwrap_or(stem);
    format!("{stem}-{content}{endings}")
}

/// What a game says of its file, with the name that the file had before it was copied.
pub(crate) fn as_given(source: String, path: &Path) -> String {
    let copied = path.parent().and_then(Path::file_name).is_some_and(|folder| folder == "inputs");
    let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|_| copied) else {
        return source;
    };
    let (stem, endings) = name.split_at(name.find('.').unwrap_or(name.len()));
    let is_content = |c: &str| c.len() == DIGITS && c.bytes().all(|b| b.is_ascii_hexdigit());
    match stem.rsplit_once('-').filter(|(_, content)| is_content(content)) {
        Some((stem, _)) => source.replace(name, &format!("{stem}{endings}")),
        None => source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_keep_their_endings_and_are_named_once() {
        let named = |file: &str| name(Path::new(file), "0123456789ab");
        assert_eq!(named("data/votes.csv.gz"), "votes-0123456789ab.csv.gz");
        assert_eq!(named("votes-0123456789ab.csv.gz"), "votes-0123456789ab.csv.gz");
        assert_eq!(named("my votes (2).csv"), "my-votes--2--0123456789ab.csv");
        assert_eq!(named("noending"), "noending-0123456789ab");
        assert_eq!(named(".csv"), "csv-0123456789ab");
    }

    #[test]
    fn a_copy_is_spoken_of_by_the_name_of_its_file() {
        let said = |path: &str| {
            as_given(format!("matrix from {}", path.rsplit('/').next().unwrap()), Path::new(path))
        };
        assert_eq!(said("r/inputs/votes-0123456789ab.csv.gz"), "matrix from votes.csv.gz");
        assert_eq!(said("data/votes-0123456789ab.csv"), "matrix from votes-0123456789ab.csv");
        assert_eq!(said("r/inputs/votes-old.csv"), "matrix from votes-old.csv");
    }
}
