//! NumPy arrays as games: `n x n`, or `contexts x n x n`, of 64-bit or 32-bit floats in either byte order.
//!
//! The header is checked before the array is read: the reading library trusts it, so a dimension 0 beside a huge one
//! would panic, and a shape of more numbers than the file holds would exhaust the memory.

use std::io::{Cursor, Read, Seek};
use std::path::Path;

use equipoise_env::Game;
use ndarray::{Array1, ArrayD, Axis, Ix3};
use ndarray_npy::npy::header::Header;
use ndarray_npy::{ReadNpyError, ReadNpyExt as _};
use zip::ZipArchive;

use crate::error::{DataError, excerpt};
use crate::reading::Reading;
use crate::square::{MatrixRead, matrix_of, symmetrised};

/// Longest header that is read; NumPy writes some 128 bytes for an array of numbers.
pub(crate) const LONGEST_HEADER: usize = 4096;
/// Longest array of an archive, unpacked: a small archive may claim anything.
const LONGEST_MEMBER: u64 = 4 << 30;

/// Member of an archive that weighs the contexts.
const WEIGHTS: &str = "weights.npy";

/// Reads a game.
pub(crate) fn parse(path: &Path, bytes: &[u8], reading: &Reading) -> Result<MatrixRead, DataError> {
    let refuse = |message: String| DataError::new(path, message);
    let shape = shape(path, bytes)?;
    let square = matches!(shape[..], [n, m] | [_, n, m] if n == m);
    if !square || shape.contains(&0) {
        return Err(refuse(format!("has shape {shape:?}; n x n or contexts x n x n is needed")));
    }
    let read = match ArrayD::<f64>::read_npy(bytes) {
        Err(ReadNpyError::WrongDescriptor(_)) => ArrayD::<f32>::read_npy(bytes).map(|a| a.mapv(f64::from)),
        other => other,
    };
    let array = read.map_err(|e| refuse(format!("{e}; a float64 or float32 array is needed")))?;
    let contexts = if shape.len() == 2 { array.insert_axis(Axis(0)) } else { array };
    let contexts = contexts.into_dimensionality::<Ix3>().expect("two or three dimensions were checked");
    let many = contexts.len_of(Axis(0)) > 1;
    let mut largest: Option<f64> = None;
    let mut matrices = Vec::with_capacity(contexts.len_of(Axis(0)));
    for (x, p) in contexts.axis_iter(Axis(0)).enumerate() {
        let place = if many { format!("context {x}: ") } else { String::new() };
        let (matrix, change) = matrix_of(p, reading.symmetrise).map_err(|e| refuse(format!("{place}{e}")))?;
        largest = change.map_or(largest, |c| Some(largest.map_or(c, |l| l.max(c))));
        matrices.push(matrix);
    }
    let game = Game::new(matrices).expect("there is a context");
    Ok(MatrixRead { game, remarks: largest.map(symmetrised).into_iter().collect(), text: None })
}

/// Reads a game from an archive: its only array, or the one named `matrix`, with the context weights in the one named
/// `weights`, if there is one.
pub(crate) fn parse_archive(path: &Path, bytes: &[u8], reading: &Reading) -> Result<MatrixRead, DataError> {
    let refuse = |message: String| DataError::new(path, message);
    let broken = |e: String| refuse(not_an_archive(&e));
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|e| broken(e.to_string()))?;
    let wanted = member(path, &archive)?;
    let weighted = wanted != WEIGHTS && archive.file_names().any(|name| name == WEIGHTS);
    let mut unpack = |name: &str| -> Result<Vec<u8>, DataError> {
        let member = archive.by_name(name).map_err(|e| broken(e.to_string()))?;
        let mut array = Vec::new();
        member.take(LONGEST_MEMBER + 1).read_to_end(&mut array).map_err(|e| broken(e.to_string()))?;
        if array.len() as u64 > LONGEST_MEMBER {
            return Err(refuse(format!("`{name}` is larger than {} GiB", LONGEST_MEMBER >> 30)));
        }
        Ok(array)
    };
    let read = parse(path, &unpack(&wanted)?, reading)?;
    if !weighted {
        return Ok(read);
    }
    let weights = unpack(WEIGHTS)?;
    shape(path, &weights)?;
    let weights = Array1::<f64>::read_npy(&weights[..])
        .map_err(|e| refuse(format!("`weights`: {e}; a float64 array of one number a context is needed")))?;
    let game = read.game.with_weights(weights.to_vec()).map_err(|e| refuse(format!("`weights`: {e}")))?;
    Ok(MatrixRead { game, ..read })
}

/// Name of the only array of an archive, or of the one named `matrix`.
pub(crate) fn member<R: Read + Seek>(path: &Path, archive: &ZipArchive<R>) -> Result<String, DataError> {
    let names: Vec<&str> = archive.file_names().collect();
    match &names[..] {
        [only] => Ok((*only).to_owned()),
        many => many.iter().find(|n| **n == "matrix.npy").map(|n| (*n).to_owned()).ok_or_else(|| {
            const NAMED: usize = 12;
            let named: Vec<String> = many.iter().take(NAMED).map(|n| excerpt(n)).collect();
            let more =
                if many.len() > NAMED { format!(" and {} more", many.len() - NAMED) } else { String::new() };
            let message = match many.is_empty() {
                true => "holds no array; write it with numpy.savez".to_owned(),
                false => format!("holds the arrays {}{more}; name one of them `matrix`", named.join(", ")),
            };
            DataError::new(path, message)
        }),
    }
}

pub(crate) fn not_an_archive(why: &str) -> String {
    format!("is not a NumPy archive: {why}; write it with numpy.savez")
}

/// Refuses a header with brackets within brackets, but for the tuple of the shape in its dictionary: an array of numbers needs
/// none, and the time that the parser takes grows exponentially with their depth.
fn flat_header(path: &Path, header: &[u8]) -> Result<(), DataError> {
    let mut depth = 0usize;
    for byte in header {
        match byte {
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > 2 {
            let rule = "has a NumPy header of nested brackets: a record array, or none at all; an array of float64 is needed";
            return Err(DataError::new(path, rule));
        }
    }
    Ok(())
}

/// Reads a header, and nothing behind it.
pub(crate) fn header(path: &Path, mut reader: impl Read) -> Result<Vec<u8>, DataError> {
    let refuse = |message: &str| {
        DataError::new(
            path,
            format!("is not a NumPy file: {message}; write it with numpy.save or numpy.savez"),
        )
    };
    let mut bytes = Vec::new();
    let mut more = |bytes: &mut Vec<u8>, n: usize| {
        let read = (&mut reader).take(n as u64).read_to_end(bytes);
        read.map_err(|e| refuse(&e.to_string())).and_then(|read| match read == n {
            true => Ok(()),
            false => Err(refuse("it ends within its header")),
        })
    };
    more(&mut bytes, 10)?;
    if matches!(bytes[..], [0x93, b'N', b'U', b'M', b'P', b'Y', 2 | 3, ..]) {
        more(&mut bytes, 2)?;
    }
    let (start, length) = preamble(&bytes).ok_or_else(|| refuse("it does not begin with its mark"))?;
    if length > LONGEST_HEADER {
        return Err(refuse("its header is overlong"));
    }
    more(&mut bytes, length)?;
    flat_header(path, &bytes[start..])?;
    Ok(bytes)
}

/// Where the header of a NumPy file begins, and its stated length: behind a magic string, a version, and a length of two bytes
/// (version 1) or four.
fn preamble(bytes: &[u8]) -> Option<(usize, usize)> {
    match *bytes {
        [0x93, b'N', b'U', b'M', b'P', b'Y', 1, _, a, b, ..] => {
            Some((10, usize::from(u16::from_le_bytes([a, b]))))
        }
        [0x93, b'N', b'U', b'M', b'P', b'Y', 2 | 3, _, a, b, c, d, ..] => {
            Some((12, usize::try_from(u32::from_le_bytes([a, b, c, d])).unwrap_or(usize::MAX)))
        }
        _ => None,
    }
}

/// The shape that the header states, if the file can hold it.
fn shape(path: &Path, bytes: &[u8]) -> Result<Vec<usize>, DataError> {
    let refuse = |message: &str| DataError::new(path, message);
    let found = preamble(bytes).ok_or_else(|| refuse("is not a NumPy file; write it with numpy.save"));
    let (start, length) = found?;
    let header = (length <= LONGEST_HEADER).then(|| bytes.get(..start + length)).flatten();
    let header =
        header.ok_or_else(|| refuse("has a cut or overlong NumPy header; write it with numpy.save"))?;
    flat_header(path, &header[start..])?;
    let parsed = Header::from_reader(&mut &header[..]).map_err(|e| refuse(&format!("{e}")))?;
    let numbers = parsed.shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
    // the smallest number that is read has four bytes
    if numbers.is_none_or(|n| n > bytes.len() / 4) {
        let message = format!("states the shape {:?} and ends before it; write it again", parsed.shape);
        return Err(refuse(&message));
    }
    Ok(parsed.shape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, arr2};
    use ndarray_npy::WriteNpyExt;
    use proptest::prelude::*;

    fn file(array: &impl WriteNpyExt) -> Vec<u8> {
        let mut bytes = Vec::new();
        array.write_npy(&mut bytes).unwrap();
        bytes
    }

    fn with_header(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend(u16::try_from(header.len() + 1).unwrap().to_le_bytes());
        bytes.extend(header.bytes().chain(*b"\n").chain(data.iter().copied()));
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Game, String> {
        parse(Path::new("g.npy"), bytes, &Reading::default()).map(|m| m.game).map_err(|e| e.to_string())
    }

    #[test]
    fn one_and_many_contexts_of_either_width_order_and_layout() {
        let p = arr2(&[[0.5, 0.75], [0.25, 0.5]]);
        assert_eq!(read(&file(&p)).unwrap().prob(0, 0, 1), 0.75);
        // Fortran order
        assert_eq!(read(&file(&p.t())).unwrap().prob(0, 0, 1), 0.25);
        let cube = ndarray::stack(Axis(0), &[p.view(), p.t()]).unwrap();
        for bytes in [file(&cube), file(&cube.mapv(|x| x as f32))] {
            let game = read(&bytes).unwrap();
            assert_eq!((game.contexts(), game.prob(0, 0, 1), game.prob(1, 0, 1)), (2, 0.75, 0.25));
        }
        let big_endian: Vec<u8> = p.iter().flat_map(|x: &f64| x.to_be_bytes()).collect();
        let header = "{'descr': '>f8', 'fortran_order': False, 'shape': (2, 2), }";
        assert_eq!(read(&with_header(header, &big_endian)).unwrap().prob(0, 0, 1), 0.75);
        // thirds in 32 bits are complementary to rounding, and exactly so afterwards
        let thirds = arr2(&[[0.5f32, 1.0 / 3.0], [2.0 / 3.0, 0.5]]);
        let game = read(&file(&thirds)).unwrap();
        assert_eq!(game.prob(0, 0, 1) + game.prob(0, 1, 0), 1.0);
    }

    #[test]
    fn archives_hold_one_array_or_one_named_matrix() {
        let p = arr2(&[[0.5, 0.75], [0.25, 0.5]]);
        let archive = |names: &[&str]| {
            let mut bytes = Vec::new();
            let mut writer = ndarray_npy::NpzWriter::new_compressed(Cursor::new(&mut bytes));
            names.iter().for_each(|name| writer.add_array(*name, &p).unwrap());
            writer.finish().unwrap();
            bytes
        };
        let read = |bytes: &[u8]| {
            let read = parse_archive(Path::new("g.npz"), bytes, &Reading::default());
            read.map(|m| m.game).map_err(|e| e.to_string())
        };
        assert_eq!(read(&archive(&["x"])).unwrap().prob(0, 0, 1), 0.75);
        assert_eq!(read(&archive(&["x", "matrix"])).unwrap().prob(0, 1, 0), 0.25);
        assert!(read(&archive(&["x", "y"])).unwrap_err().contains("holds the arrays x.npy, y.npy"));
        assert!(read(b"PK").unwrap_err().contains("not a NumPy archive"));
        // with context weights
        let cube = ndarray::stack(Axis(0), &[p.view(), p.t()]).unwrap();
        let weighted = |weights: &[f64]| {
            let mut bytes = Vec::new();
            let mut writer = ndarray_npy::NpzWriter::new(Cursor::new(&mut bytes));
            writer.add_array("matrix", &cube).unwrap();
            writer.add_array("weights", &ndarray::arr1(weights)).unwrap();
            writer.finish().unwrap();
            read(&bytes)
        };
        assert_eq!(weighted(&[3.0, 1.0]).unwrap().weights(), [0.75, 0.25]);
        assert!(weighted(&[3.0]).unwrap_err().contains("`weights`: 1 context weights given for 2 contexts"));
        assert!(weighted(&[3.0, -1.0]).unwrap_err().contains("`weights`"));
    }

    #[test]
    fn bad_arrays_are_told_why() {
        let p = arr2(&[[0.5, 0.75], [0.25, 0.5]]);
        let wide: Array2<f64> = Array2::zeros((2, 3));
        let error = |bytes: &[u8]| read(bytes).unwrap_err();
        assert!(error(&file(&wide)).contains("has shape [2, 3]"));
        assert!(error(&file(&Array2::<f64>::zeros((0, 0)))).contains("has shape [0, 0]"));
        assert!(error(&file(&ndarray::arr1(&[0.5]))).contains("has shape [1]"));
        assert!(error(&file(&arr2(&[[1i32]]))).contains("float64 or float32"));
        assert!(error(&file(&arr2(&[[0.5, f64::NAN], [0.3, 0.5]]))).contains("row 1, column 2: NaN"));
        let cube = ndarray::stack(Axis(0), &[p.view(), wide.slice(ndarray::s![.., ..2])]).unwrap();
        assert!(error(&file(&cube)).contains("context 1: row 1, column 1"));
        let bytes = file(&p);
        assert!(error(&bytes[..bytes.len() - 8]).contains("float64"));
        assert!(error(b"0.5,0.7").contains("not a NumPy file"));
        assert!(error(&bytes[..30]).contains("cut or overlong"));
    }

    #[test]
    fn hostile_headers_are_refused() {
        let shaped = |shape: &str| {
            with_header(&format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}"), &[0; 32])
        };
        for shape in [
            "(18446744073709551615, 2)",
            "(0, 18446744073709551615)",
            "(1000000, 1000000)",
            "(-1, 2)",
            "(2.5,)",
        ] {
            assert!(read(&shaped(shape)).is_err(), "{shape}");
        }
        assert!(read(&with_header(&"(".repeat(4000), &[])).unwrap_err().contains("header"));
        // the parser would take 4.5 times as long for every two brackets
        for header in ["{".repeat(16), "[".repeat(4000), format!("{{'descr': {}", "[".repeat(22))] {
            assert!(read(&with_header(&header, &[])).unwrap_err().contains("nested brackets"), "{header}");
        }
        assert!(read(&with_header(&"(".repeat(60_000), &[])).unwrap_err().contains("overlong"));
        let digits = "9".repeat(3000);
        assert!(read(&shaped(&format!("({digits}, 2)"))).is_err());
    }

    proptest! {
        #[test]
        fn damaged_files_do_not_panic(damage in prop::collection::vec((0usize..160, any::<u8>()), 1..6), cut in 0usize..170) {
            let mut bytes = file(&arr2(&[[0.5, 0.75], [0.25, 0.5]]));
            for (place, byte) in damage {
                let place = place % bytes.len();
                bytes[place] = byte;
            }
            bytes.truncate(cut);
            let _ = read(&bytes);
        }
    }
}
