//! Comparisons in JSON Lines, streamed: one object a line, keys as columns.

use std::borrow::Cow;
use std::fmt;
use std::io::{BufRead, Read as _};
use std::path::Path;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use crate::columns::{COLUMNS, Row, meaning};
use crate::error::DataError;
use crate::refuse_utf16;
use crate::tally::{Entry, Tally};

/// Longest line that is read.
const LONGEST: u64 = 64 << 20;

pub(crate) fn read<S: FnMut(Entry)>(
    path: &Path,
    mut source: impl BufRead,
    tally: &mut Tally<'_, S>,
) -> Result<(), DataError> {
    let (mut buffer, mut line) = (Vec::new(), 0);
    loop {
        buffer.clear();
        line += 1;
        let refuse = |message: String| DataError::new(path, message).at(line);
        let read = source.by_ref().take(LONGEST).read_until(b'\n', &mut buffer);
        if read.map_err(|e| refuse(format!("cannot be read on: {e}")))? == 0 {
            return Ok(());
        }
        if buffer.len() as u64 == LONGEST && !buffer.ends_with(b"\n") {
            return Err(refuse("is longer than 64 MiB; JSON Lines has one object a line".into()));
        }
        if line == 1 {
            refuse_utf16(path, &buffer)?;
        }
        let json = buffer.strip_prefix("\u{feff}".as_bytes()).filter(|_| line == 1).unwrap_or(&buffer);
        if json.trim_ascii().is_empty() {
            continue;
        }
        let text =
            std::str::from_utf8(json).map_err(|_| refuse("is not UTF-8; save the file as UTF-8".into()))?;
        let mut reader = serde_json::Deserializer::from_str(text);
        let row = Object { ignore: |column: &str| tally.ignore(column) }
            .deserialize(&mut reader)
            .and_then(|row| reader.end().map(|()| row))
            .map_err(|e| refuse(without_place(&e)))?;
        let row: Row<'_> = row.each_ref().map(|cell| {
            let cell = cell.as_ref()?.as_bytes().trim_ascii();
            (!cell.is_empty()).then_some(cell)
        });
        tally.add(line, &row)?;
    }
}

/// The message without the place in the line, which would read as a place in the file.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let message = text.split(" at line ").next().unwrap_or(&text);
    format!("{message} (column {}); each line must be a JSON object", error.column())
}

/// Reads the cells of one object.
struct Object<F> {
    ignore: F,
}

type Cells<'a> = [Option<Cow<'a, str>>; COLUMNS.len()];

impl<'de, F: FnMut(&str)> DeserializeSeed<'de> for Object<F> {
    type Value = Cells<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, F: FnMut(&str)> Visitor<'de> for Object<F> {
    type Value = Cells<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut cells: Cells<'de> = Default::default();
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            let Some(m) = meaning(&key) else {
                (self.ignore)(&key);
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let cell = map.next_value_seed(Cell { column: COLUMNS[m].0 })?;
            if cells[m].is_some() {
                return Err(A::Error::custom(format!("two keys mean `{}`; keep one of them", COLUMNS[m].0)));
            }
            cells[m] = cell;
        }
        Ok(cells)
    }
}

/// Reads one cell: text, or a number, which is a good name too.
struct Cell {
    column: &'static str,
}

impl<'de> DeserializeSeed<'de> for Cell {
    type Value = Option<Cow<'de, str>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Cell {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "text or a number in `{}`", self.column)
    }

    fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Borrowed(v)))
    }

    fn visit_str<E>(self, v: &str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(v.to_owned())))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(v.to_string())))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(v.to_string())))
    }

    fn visit_f64<E>(self, v: f64) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(v.to_string())))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}
