//! Comparisons in JSON Lines, streamed: one object a line, keys as columns.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use memchr::{memchr_iter, memrchr};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Unexpected, Visitor};

use crate::chunks::{self, Format, Windows};
use crate::collector::{Entry, RowCollector};
use crate::columns::{COLUMNS, OUTCOME, Row, WINNERS, meaning};
use crate::error::DataError;
use crate::refuse_utf16;

pub(crate) fn read<S: FnMut(Entry) + Send>(
    path: &Path,
    mut source: impl Windows,
    collector: &mut RowCollector<'_, S>,
) -> Result<(), DataError> {
    let (start, _) =
        source.window(3).map_err(|e| DataError::new(path, format!("cannot be read on: {e}")).at(1))?;
    refuse_utf16(path, start)?;
    let mark = if start.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    source.consume(mark);
    chunks::read(&JsonLines, source, 0, collector)
}

struct JsonLines;

impl Format for JsonLines {
    const LONGEST: usize = 64 << 20;
    const TOO_LONG: &'static str = "is longer than 64 MiB; JSON Lines has one object a line";

    fn cuts(&self, bytes: &[u8], step: usize) -> Vec<usize> {
        let (mut cuts, mut least) = (Vec::new(), step);
        for end in memchr_iter(b'\n', bytes) {
            if end >= least {
                cuts.push(end + 1);
                least = end + step;
            }
        }
        let last = memrchr(b'\n', bytes).map_or(0, |end| end + 1);
        if last > cuts.last().copied().unwrap_or(0) {
            cuts.push(last);
        }
        cuts
    }

    fn rows<S: FnMut(Entry)>(
        &self,
        bytes: &[u8],
        collector: &mut RowCollector<'_, S>,
    ) -> Result<(), DataError> {
        let path = collector.rules().path;
        for (k, json) in bytes.split(|b| *b == b'\n').enumerate() {
            let line = k + 1;
            let refuse = |message: String| DataError::new(path, message).at(line);
            if json.trim_ascii().is_empty() {
                continue;
            }
            let text = std::str::from_utf8(json)
                .map_err(|_| refuse("is not UTF-8; save the file as UTF-8".into()))?;
            let mut reader = serde_json::Deserializer::from_str(text);
            let row = Object { ignore: |column: &str| collector.ignore(column) }
                .deserialize(&mut reader)
                .and_then(|row| reader.end().map(|()| row))
                .map_err(|e| refuse(without_place(&e)))?;
            let mut row: Row<'_> = row.each_ref().map(|cell| {
                let cell = cell.as_ref()?.as_bytes().trim_ascii();
                (!cell.is_empty()).then_some(cell)
            });
            if row[OUTCOME].is_some() {
                // as in a header with both
                let others = WINNERS.into_iter().filter(|&m| row[m].take().is_some());
                others.for_each(|m| collector.ignore(COLUMNS[m].0));
            }
            collector.add(line, &row)?;
        }
        Ok(())
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
            let cell = map.next_value_seed(Cell { column: COLUMNS[m].0, flag: WINNERS.contains(&m) })?;
            if cells[m].is_some() {
                return Err(A::Error::custom(format!("two keys mean `{}`; keep one of them", COLUMNS[m].0)));
            }
            cells[m] = cell;
        }
        Ok(cells)
    }
}

/// Reads one cell: text, or a number, which is a good name too; a truth value where one belongs.
struct Cell {
    column: &'static str,
    flag: bool,
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

    fn visit_bool<E: serde::de::Error>(self, v: bool) -> Result<Self::Value, E> {
        match self.flag {
            true => Ok(Some(Cow::Borrowed(if v { "1" } else { "0" }))),
            false => Err(E::invalid_type(Unexpected::Bool(v), &self)),
        }
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}
