//! Who writes into a results folder: one process alone, or several that share one plan.
//!
//! Two locks of the operating system: one on `.equipoise.lock`, held as long as a process writes, and one on the folder itself,
//! held while a process comes in, so that those who come together do so one after the other. They end with their process
//! however that ends: a file that is left over holds nobody up. Its text says who holds it, for people. On a file system without
//! locks every process is taken for one of several that share: nothing of another one is then removed.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::RecordsError;
use crate::files::{in_file, name};

/// How often a process tries again while another one comes in, and how long it waits in between.
const ATTEMPTS: u32 = 600;
const PAUSE: Duration = Duration::from_millis(50);

/// How a process writes into a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// By itself.
    Alone,
    /// With others that do the same plan.
    Shared,
}

/// The right to write into a folder, given back when it is dropped.
#[derive(Debug)]
pub struct Hold {
    path: PathBuf,
    /// `None` where the file system has no locks.
    file: Option<File>,
    /// The lock on the folder, until others may come in.
    gate: Option<File>,
    only: bool,
    left_over: Option<String>,
}

impl Hold {
    /// Takes the right to write into `folder`; `what` says what for, as in `equipoise run`. Others that share wait until
    /// [`Hold::share`].
    ///
    /// # Errors
    /// [`RecordsError::Busy`] naming the holder, or [`RecordsError::Io`] for a folder that cannot be written to.
    pub(crate) fn take(folder: &Path, access: Access, what: &str) -> Result<Self, RecordsError> {
        let path = folder.join(name::LOCK);
        let gate = gate(folder)?;
        loop {
            let open = File::options().read(true).write(true).create(true).truncate(false).open(&path);
            let mut file = open.map_err(|e| in_file(&path, e))?;
            let mut only = true;
            let mut taken = file.try_lock();
            if access == Access::Shared && matches!(taken, Err(TryLockError::WouldBlock)) {
                (only, taken) = (false, file.try_lock_shared());
            }
            match taken {
                Ok(()) if !is_file(&file, &path) => {} // its last holder has just removed it
                Ok(()) => {
                    let before = text(&mut file);
                    let left_over = Some(before).filter(|text| only && !text.is_empty());
                    write(&mut file, &path, only, what)?;
                    let gate = gate.filter(|_| access == Access::Shared);
                    return Ok(Self { path, file: Some(file), gate, only, left_over });
                }
                Err(TryLockError::WouldBlock) => {
                    let holder = match text(&mut file) {
                        text if text.is_empty() => "another process".to_owned(),
                        text => text,
                    };
                    return Err(RecordsError::Busy { folder: folder.to_owned(), holder });
                }
                Err(TryLockError::Error(error)) if error.kind() == std::io::ErrorKind::Unsupported => {
                    return Ok(Self { path, file: None, gate: None, only: false, left_over: None });
                }
                Err(TryLockError::Error(error)) => return Err(in_file(&path, error).into()),
            }
        }
    }

    /// Whether no other process held the folder when this one came.
    #[must_use]
    pub fn is_only(&self) -> bool {
        self.only
    }

    /// Who held the folder before and ended without giving it back.
    #[must_use]
    pub fn left_over(&self) -> Option<&str> {
        self.left_over.as_deref()
    }

    /// Lets others in that share, once what they compare with is written.
    ///
    /// # Errors
    /// [`RecordsError::Io`].
    pub fn share(&mut self) -> Result<(), RecordsError> {
        // nobody can come in between, because the gate is held
        if let (Some(file), Some(_)) = (&self.file, &self.gate) {
            file.lock_shared().map_err(|e| in_file(&self.path, e))?;
        }
        self.gate = None;
        Ok(())
    }
}

/// The lock on the folder, waited for; `None` where there is none to be had.
fn gate(folder: &Path) -> Result<Option<File>, RecordsError> {
    let Ok(gate) = File::open(folder) else { return Ok(None) };
    for _ in 0..ATTEMPTS {
        match gate.try_lock() {
            Ok(()) => return Ok(Some(gate)),
            Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
            Err(TryLockError::Error(_)) => return Ok(None),
        }
    }
    let holder = "a process that begins".to_owned();
    Err(RecordsError::Busy { folder: folder.to_owned(), holder })
}

impl Drop for Hold {
    fn drop(&mut self) {
        // who is the last removes the file; one that stays says nothing and holds nobody up
        if let Some(file) = &self.file
            && file.try_lock().is_ok()
            && is_file(file, &self.path)
        {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Whether `path` still names `file`.
fn is_file(file: &File, path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        match (file.metadata(), std::fs::metadata(path)) {
            (Ok(a), Ok(b)) => (a.dev(), a.ino()) == (b.dev(), b.ino()),
            _ => false,
        }
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        path.exists()
    }
}

fn text(file: &mut File) -> String {
    let mut text = String::new();
    // a text that cannot be read names nobody
    let _ = file.seek(std::io::SeekFrom::Start(0)).and_then(|_| file.take(4096).read_to_string(&mut text));
    text.trim().lines().last().unwrap_or_default().to_owned()
}

fn write(file: &mut File, path: &Path, only: bool, what: &str) -> Result<(), RecordsError> {
    let line = format!("{what} (process {} on {})\n", std::process::id(), host());
    let written = (if only { file.set_len(0) } else { Ok(()) })
        .and_then(|()| file.seek(std::io::SeekFrom::End(0)))
        .and_then(|_| file.write_all(line.as_bytes()));
    Ok(written.map_err(|e| in_file(path, e))?)
}

/// The name of this machine, as far as it is told.
fn host() -> String {
    let told = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let told = told.or_else(|| std::env::var("HOSTNAME").ok()).or_else(|| std::env::var("COMPUTERNAME").ok());
    told.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).unwrap_or("this machine".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_alone_or_several_that_share() {
        let dir = tempfile::tempdir().unwrap();
        let lock = dir.path().join(name::LOCK);
        let alone = Hold::take(dir.path(), Access::Alone, "equipoise run").unwrap();
        assert!(alone.is_only() && alone.left_over().is_none() && lock.exists());
        let error = Hold::take(dir.path(), Access::Alone, "equipoise run").unwrap_err().to_string();
        assert!(error.contains(&format!("equipoise run (process {} on ", std::process::id())), "{error}");
        drop(alone);
        assert!(!lock.exists(), "nothing stays behind");

        let mut first = Hold::take(dir.path(), Access::Shared, "share 1/2").unwrap();
        assert!(first.is_only());
        first.share().unwrap();
        let mut second = Hold::take(dir.path(), Access::Shared, "share 2/2").unwrap();
        second.share().unwrap();
        assert!(!second.is_only());
        let error = Hold::take(dir.path(), Access::Alone, "equipoise run").unwrap_err().to_string();
        assert!(error.contains("share 2/2"), "{error}");
        drop(first);
        assert!(lock.exists(), "the second still holds it");
        drop(second);
        assert!(!lock.exists());
    }

    #[test]
    fn a_file_that_is_left_over_holds_nobody_up_and_is_told() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(name::LOCK), "equipoise run (process 7 on elsewhere)\n").unwrap();
        let hold = Hold::take(dir.path(), Access::Alone, "equipoise run").unwrap();
        assert_eq!(hold.left_over(), Some("equipoise run (process 7 on elsewhere)"));
    }
}
