//! Matrices larger than memory: a file of panels, read band by band for every product.
//!
//! ```text
//! 0   8 bytes   "EQPANELS"
//! 8   u64       number of actions n
//! 16  u64       bytes of a number: 8 (f64) or 4 (f32)
//! 24  40 bytes  zero
//! 64            the strict upper triangle of the margins P - 1/2, as `equipoise_env::storage::Streamed` lays it out
//! ```
//!
//! All little-endian. The file is read by plain positioned reads: what does not fit into memory comes at the speed of the
//! disk, which no mapping makes faster, and what does fit comes from the system's cache.

use std::fs::File;
use std::io::{BufWriter, Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use equipoise_env::Game;
use equipoise_env::storage::{Fetch, Number, Precision, Streamed};

use crate::error::DataError;

const MAGIC: [u8; 8] = *b"EQPANELS";
const HEADER: u64 = 64;

/// Opens a game of one context whose margins stay in the file. They are read through once and checked.
///
/// # Errors
/// [`DataError`] if the file cannot be read, is not one of panels, or holds what is no margin.
pub(crate) fn open(path: &Path) -> Result<Game, DataError> {
    let refuse = |message: String| DataError::new(path, message);
    let mut file = File::open(path).map_err(|e| refuse(format!("cannot be read: {e}")))?;
    let length = file.metadata().map_err(|e| refuse(format!("cannot be read: {e}")))?.len();
    let mut header = [0; HEADER as usize];
    file.read_exact(&mut header).map_err(|_| refuse("ends before its header; write it again".into()))?;
    if header[..8] != MAGIC {
        return Err(refuse("is not a file of panels; write it with `write_panels`".into()));
    }
    let word = |at: usize| u64::from_le_bytes(*header[at..].first_chunk().expect("the header is longer"));
    let (n, size) = (word(8), word(16));
    // at most 2^31 actions: then no length overflows
    let actions = usize::try_from(n).ok().filter(|n| (1..=1 << 31).contains(n));
    let actions = actions.ok_or_else(|| refuse(format!("states {n} actions; 1 to 2^31 can be read")))?;
    match size {
        8 => kept::<f64>(path, file, actions, length),
        4 => kept::<f32>(path, file, actions, length),
        _ => Err(refuse(format!("states numbers of {size} bytes; 8 and 4 can be read"))),
    }
}

fn kept<T: Number>(path: &Path, file: File, n: usize, length: u64) -> Result<Game, DataError> {
    let expected = HEADER + Streamed::<T>::length(n);
    if length != expected {
        let message = format!("has {length} bytes; {n} actions need {expected}; write it again");
        return Err(DataError::new(path, message));
    }
    let storage =
        Streamed::<T>::new(n, fetch(path, file)).map_err(|e| DataError::new(path, e.to_string()))?;
    Ok(Game::single(storage))
}

/// Positioned reads. A file that was fine when it was opened and cannot be read any more ends the program: there is no
/// number that could stand for its margins.
fn fetch(path: &Path, file: File) -> Arc<Fetch> {
    let path = path.to_owned();
    #[cfg(unix)]
    let read = move |at: u64, out: &mut [u8]| std::os::unix::fs::FileExt::read_exact_at(&file, out, at);
    #[cfg(not(unix))]
    let read = {
        let file = std::sync::Mutex::new(file);
        move |at: u64, out: &mut [u8]| {
            use std::io::{Read as _, Seek as _, SeekFrom};
            let mut file = file.lock().map_err(|_| std::io::Error::other("another read failed"))?;
            file.seek(SeekFrom::Start(at))?;
            file.read_exact(out)
        }
    };
    Arc::new(move |at, out| {
        if let Err(e) = read(HEADER + at, out) {
            panic!("{} cannot be read any more: {e}", path.display());
        }
    })
}

/// Writes a game of `n` actions (at least 1) as a file of panels, an ending `.panels` for [`read_matrix`](crate::read_matrix):
/// `margin(i, j) = Pr(i beats j) - 1/2` is asked for `i < j`, four rows at a time, column by column, and never held.
///
/// # Errors
/// [`DataError`] if the file cannot be written.
///
/// # Panics
/// If `n` is 0 or a margin is not in `[-1/2, 1/2]`.
pub fn write_panels(
    path: &Path,
    n: usize,
    storage: Precision,
    margin: impl Fn(usize, usize) -> f64,
) -> Result<(), DataError> {
    assert!(n > 0, "a game has an action");
    let fail = |e: std::io::Error| DataError::new(path, format!("cannot be written: {e}"));
    let mut file = BufWriter::new(File::create(path).map_err(fail)?);
    let size: u64 = if storage == Precision::F32 { 4 } else { 8 };
    let mut header = [0; HEADER as usize];
    header[..8].copy_from_slice(&MAGIC);
    header[8..16].copy_from_slice(&(n as u64).to_le_bytes());
    header[16..24].copy_from_slice(&size.to_le_bytes());
    file.write_all(&header).map_err(fail)?;
    let sink = |bytes: &[u8]| file.write_all(bytes);
    match storage {
        Precision::F64 => Streamed::<f64>::lay_out(n, margin, sink),
        Precision::F32 => Streamed::<f32>::lay_out(n, margin, sink),
    }
    .map_err(fail)?;
    file.flush().map_err(fail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read_matrix;
    use equipoise_core::Policy;
    use ndarray::Array1;

    fn margin(i: usize, j: usize) -> f64 {
        ((i * 37 + j * 101) % 1000) as f64 / 1000.0 - 0.4995
    }

    #[test]
    fn a_game_in_a_file_is_to_the_bit_the_game_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        for n in [1usize, 7, 40, 1100] {
            let dense = Game::single(equipoise_env::PreferenceMatrix::from_margins(n, margin).unwrap());
            for (storage, game) in [(Precision::F64, dense.clone()), (Precision::F32, dense.in_f32())] {
                let path = folder.path().join(format!("{n}.panels"));
                write_panels(&path, n, storage, margin).unwrap();
                let kept = read_matrix(&path).unwrap();
                assert_eq!(kept.matrix(0), game.matrix(0));
                assert_eq!(kept.storage_names(), ["streamed"]);
                // small contexts in memory have an order of summation of their own
                if n >= 1024 {
                    let policy = Policy::from_logits(game.shape(), (0..n).map(|i| (i % 13) as f64).collect());
                    let policy = policy.unwrap();
                    let (mut a, mut b) = (Array1::zeros(n), Array1::zeros(n));
                    game.margins(&policy, &mut a);
                    kept.margins(&policy, &mut b);
                    assert!(a.iter().zip(&b).all(|(a, b)| a.to_bits() == b.to_bits()));
                }
            }
        }
    }

    #[test]
    fn broken_files_are_refused_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("g.panels");
        let refusal = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            read_matrix(&path).unwrap_err().to_string()
        };
        write_panels(&path, 9, Precision::F64, margin).unwrap();
        let good = std::fs::read(&path).unwrap();
        assert!(refusal(&good[..40]).contains("ends before its header"));
        assert!(refusal(&good[..good.len() - 8]).contains("9 actions need"));
        let with = |at: usize, value: &[u8]| {
            let mut bytes = good.clone();
            bytes[at..at + value.len()].copy_from_slice(value);
            bytes
        };
        assert!(refusal(&with(0, b"EQPANELZ")).contains("not a file of panels"));
        assert!(refusal(&with(8, &0u64.to_le_bytes())).contains("states 0 actions"));
        assert!(refusal(&with(8, &u64::MAX.to_le_bytes())).contains("actions"));
        assert!(refusal(&with(16, &2u64.to_le_bytes())).contains("numbers of 2 bytes"));
        let beyond = refusal(&with(HEADER as usize + 8, &0.75f64.to_le_bytes()));
        assert!(beyond.contains("pair (0, 1) with margin 0.75"), "{beyond}");
        assert!(
            read_matrix(&folder.path().join("none.panels"))
                .unwrap_err()
                .to_string()
                .contains("cannot be read")
        );
    }
}
