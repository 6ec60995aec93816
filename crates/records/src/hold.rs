//! Who writes into a results folder: one process alone, or several that share one plan.
//!
//! Two locks of the operating system: one on `.equipoise.lock`, held as long as a process writes, and one on the folder itself,
//! held while a process comes in, so that those who come together do so one after the other. They end with their process
//! however that ends: a file that is left over holds nobody up. Its text says who holds it, for people. On a file system without
//! locks that text is all there is: a line for each process, taken out when it ends. One that was killed leaves its line, and whoever
//! must know whether it still runs is told to remove the file.

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
    by: By,
    only: bool,
    left_over: Option<String>,
}

/// What it rests on.
#[derive(Debug)]
enum By {
    Lock {
        file: File,
        /// The lock on the folder, until others may come in.
        gate: Option<File>,
    },
    /// Without locks: the own line of the file, and one of another process that was there before.
    Text { line: String, other: Option<String> },
}

/// The error of the system where a file system over the network has no server for locks.
#[cfg(any(target_os = "linux", target_os = "android"))]
const NO_LOCKS: i32 = 37;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const NO_LOCKS: i32 = 77;

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
                    write(&mut file, &path, only, &line(what))?;
                    let gate = gate.filter(|_| access == Access::Shared);
                    return Ok(Self { path, by: By::Lock { file, gate }, only, left_over });
                }
                Err(TryLockError::WouldBlock) => {
                    let holder = match text(&mut file) {
                        text if text.is_empty() => "another process".to_owned(),
                        text => text,
                    };
                    return Err(RecordsError::Busy { folder: folder.to_owned(), holder });
                }
                Err(TryLockError::Error(error)) if has_no_locks(&error) => {
                    return Self::without_locks(file, path, access, what);
                }
                Err(TryLockError::Error(error)) => return Err(in_file(&path, error).into()),
            }
        }
    }

    fn without_locks(
        mut file: File,
        path: PathBuf,
        access: Access,
        what: &str,
    ) -> Result<Self, RecordsError> {
        let other = Some(text(&mut file)).filter(|text| !text.is_empty());
        if let (Access::Alone, Some(holder)) = (access, &other) {
            return Err(unlocked(&path, holder));
        }
        let (line, only) = (line(what), other.is_none());
        write(&mut file, &path, only, &line)?;
        Ok(Self { path, by: By::Text { line, other }, only, left_over: None })
    }

    /// Why nothing may be done here that must be done alone, where only the text of the file tells who else there is.
    pub(crate) fn unlocked(&self) -> Option<RecordsError> {
        let By::Text { other: Some(holder), .. } = &self.by else { return None };
        Some(unlocked(&self.path, holder))
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
        if let By::Lock { file, gate } = &mut self.by {
            // nobody can come in between, because the gate is held
            if gate.is_some() {
                file.lock_shared().map_err(|e| in_file(&self.path, e))?;
            }
            *gate = None;
        }
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
        match &mut self.by {
            By::Lock { file, gate: own } => {
                // nobody comes in while it is looked who is the last, and finds a lock that is about to go
                let folder = self.path.parent().unwrap_or(Path::new("."));
                let _gate = own.take().or_else(|| gate(folder).ok().flatten());
                // who is the last removes the file; one that stays says nothing and holds nobody up
                if file.try_lock().is_ok() && is_file(file, &self.path) {
                    let _ = std::fs::remove_file(&self.path);
                }
            }
            By::Text { line, .. } => {
                let text = std::fs::read_to_string(&self.path).unwrap_or_default();
                // a line that cannot be taken out stays, and the next process is told what to do
                let _ = match text.replacen(line.as_str(), "", 1) {
                    rest if rest.trim().is_empty() => std::fs::remove_file(&self.path),
                    rest => std::fs::write(&self.path, rest),
                };
            }
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

fn unlocked(lock: &Path, holder: &str) -> RecordsError {
    let folder = lock.parent().unwrap_or(Path::new("")).to_owned();
    RecordsError::Unlocked { folder, holder: holder.to_owned(), lock: lock.to_owned() }
}

/// Whether locks are not to be had at all.
fn has_no_locks(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::Unsupported || error.raw_os_error() == Some(NO_LOCKS)
}

/// What a process writes of itself.
fn line(what: &str) -> String {
    format!("{what} (process {} on {})\n", std::process::id(), host())
}

fn write(file: &mut File, path: &Path, only: bool, line: &str) -> Result<(), RecordsError> {
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
    fn who_comes_while_the_last_one_goes_waits_for_it() {
        let dir = tempfile::tempdir().unwrap();
        for _ in 0..50 {
            let mut first = Hold::take(dir.path(), Access::Shared, "first").unwrap();
            first.share().unwrap();
            std::thread::scope(|scope| {
                let second = scope.spawn(|| Hold::take(dir.path(), Access::Shared, "second").map(drop));
                drop(first);
                second.join().unwrap().unwrap();
            });
            assert!(!dir.path().join(name::LOCK).exists());
        }
        // who goes before others could come in does not wait for itself
        drop(Hold::take(dir.path(), Access::Shared, "first").unwrap());
        assert!(!dir.path().join(name::LOCK).exists());
    }

    #[test]
    fn without_locks_the_text_tells_who_is_there() {
        assert!(has_no_locks(&std::io::Error::from_raw_os_error(NO_LOCKS)));
        assert!(has_no_locks(&std::io::ErrorKind::Unsupported.into()));
        assert!(!has_no_locks(&std::io::ErrorKind::PermissionDenied.into()));
        let dir = tempfile::tempdir().unwrap();
        let results = crate::ResultsDir::create(dir.path()).unwrap();
        let path = dir.path().join(name::LOCK);
        let take = |access, what: &str| {
            let open = File::options().read(true).write(true).create(true).truncate(false).open(&path);
            Hold::without_locks(open.unwrap(), path.clone(), access, what)
        };
        // one after the other, each with a plan of its own
        for plan in ["name: a\n", "name: b\n"] {
            let mut hold = take(Access::Alone, "equipoise run").unwrap();
            assert!(hold.is_only());
            results.write_plan(plan, &mut hold).unwrap();
            drop(hold);
            assert!(!path.exists());
        }
        let first = take(Access::Shared, "share 1/2").unwrap();
        let mut second = take(Access::Shared, "share 2/2").unwrap();
        assert!(first.is_only() && !second.is_only());
        results.write_plan("name: b\n", &mut second).unwrap();
        let refused = |result: Result<(), RecordsError>| result.unwrap_err().to_string();
        let error = refused(results.write_plan("name: c\n", &mut second));
        assert!(error.contains("share 1/2") && error.contains("remove"), "{error}");
        let error = refused(take(Access::Alone, "equipoise run").map(drop));
        assert!(error.contains("share 2/2") && error.contains(name::LOCK), "{error}");
        drop(first);
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 1);
        drop(second);
        assert!(!path.exists());
        // one that was killed
        std::fs::write(&path, "share 1/2 (process 7 on elsewhere)\n").unwrap();
        let mut hold = take(Access::Shared, "share 1/2").unwrap();
        results.write_plan("name: b\n", &mut hold).unwrap();
        let error = refused(results.write_plan("name: c\n", &mut hold));
        assert!(error.contains("process 7 on elsewhere"), "{error}");
        drop(hold);
        std::fs::remove_file(&path).unwrap();
        results.write_plan("name: c\n", &mut take(Access::Shared, "share 1/2").unwrap()).unwrap();
    }

    #[test]
    fn a_plan_that_is_refused_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let results = crate::ResultsDir::create(dir.path()).unwrap();
        let mut first = Hold::take(dir.path(), Access::Shared, "first").unwrap();
        results.write_plan("name: a\n", &mut first).unwrap();
        let second = Hold::take(dir.path(), Access::Shared, "second").unwrap();
        assert!(matches!(results.check_plan("name: b\n", &second), Err(RecordsError::OtherPlan { .. })));
        assert!(results.check_plan("name: a\n", &second).is_ok());
    }

    #[test]
    fn a_file_that_is_left_over_holds_nobody_up_and_is_told() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(name::LOCK), "equipoise run (process 7 on elsewhere)\n").unwrap();
        let hold = Hold::take(dir.path(), Access::Alone, "equipoise run").unwrap();
        assert_eq!(hold.left_over(), Some("equipoise run (process 7 on elsewhere)"));
    }
}
