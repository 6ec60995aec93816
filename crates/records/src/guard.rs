//! What a command must not write over: what it reads, and what others wrote.

use std::path::Path;

use crate::error::RecordsError;

/// Refuses an output, a file or a folder, that is one of the inputs, by whatever path, link or second name.
///
/// # Errors
/// [`RecordsError::Input`].
pub fn refuse_input(output: &Path, inputs: &[&Path]) -> Result<(), RecordsError> {
    match inputs.iter().find(|input| are_same(output, input)) {
        Some(input) => Err(RecordsError::Input { output: output.to_owned(), input: input.to_path_buf() }),
        None => Ok(()),
    }
}

/// Refuses to write over a plain file that `is_own` does not recognise as one that the command wrote itself.
///
/// # Errors
/// [`RecordsError::Foreign`], or [`RecordsError::Folder`] for a folder.
pub fn refuse_foreign(output: &Path, is_own: impl FnOnce(&Path) -> bool) -> Result<(), RecordsError> {
    match std::fs::metadata(output) {
        Ok(there) if there.is_dir() => Err(RecordsError::Folder(output.to_owned())),
        // what is written to a device or a pipe is lost in no file
        Ok(there) if there.is_file() && there.len() > 0 && !is_own(output) => {
            Err(RecordsError::Foreign(output.to_owned()))
        }
        _ => Ok(()),
    }
}

/// Whether two paths name one file.
fn are_same(a: &Path, b: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if let (Ok(a), Ok(b)) = (std::fs::metadata(a), std::fs::metadata(b)) {
            // a device may be read and written
            return (a.is_file() || a.is_dir()) && (a.dev(), a.ino()) == (b.dev(), b.ino());
        }
    }
    match (std::fs::canonicalize(a), std::fs::canonicalize(b)) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_is_known_by_every_name() {
        let dir = tempfile::tempdir().unwrap();
        let input = dir.path().join("game.json");
        std::fs::write(&input, "[]").unwrap();
        let refused = |output: &Path| refuse_input(output, &[&input]).is_err();
        assert!(refused(&input));
        assert!(refused(&dir.path().join(".").join("game.json")));
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&input, dir.path().join("link.json")).unwrap();
            assert!(refused(&dir.path().join("link.json")));
        }
        std::fs::hard_link(&input, dir.path().join("hard.json")).unwrap();
        assert!(refused(&dir.path().join("hard.json")));
        std::fs::write(dir.path().join("other.json"), "[]").unwrap();
        assert!(!refused(&dir.path().join("other.json")));
        assert!(!refused(&dir.path().join("new.json")));
    }

    #[test]
    fn a_foreign_file_is_refused_and_an_own_or_empty_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("report.md");
        assert!(refuse_foreign(&file, |_| false).is_ok());
        std::fs::write(&file, "").unwrap();
        assert!(refuse_foreign(&file, |_| false).is_ok());
        std::fs::write(&file, "mine").unwrap();
        assert!(matches!(refuse_foreign(&file, |_| false), Err(RecordsError::Foreign(_))));
        assert!(refuse_foreign(&file, |_| true).is_ok());
        assert!(matches!(refuse_foreign(dir.path(), |_| true), Err(RecordsError::Folder(_))));
    }
}
