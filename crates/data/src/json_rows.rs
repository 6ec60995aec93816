//! Comparisons in JSON, streamed: one object a line, or a list of objects; keys as columns.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use memchr::{memchr, memchr_iter, memrchr};
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor,
};
use serde_json::{Map, Value};

use crate::chunks::{self, Format, Windows};
use crate::collector::{Entry, RowCollector};
use crate::columns::{COLUMNS, CONTEXT, OUTCOME, Row, WINNERS, folded};
use crate::csv_rows::as_result;
use crate::error::DataError;
use crate::formats;
use crate::layout::Layout;
use crate::reading::Reading;
use crate::records::RecordFormat;
use crate::{records, refuse_utf16};

/// Bytes at the beginning that are looked at for the keys of the objects: twice as many, and again, until one is whole.
const SAMPLE: usize = 1 << 16;
/// Longest object.
const LONGEST: usize = 64 << 20;

pub(crate) fn read<S: FnMut(Entry) + Send>(
    path: &Path,
    mut source: impl Windows,
    collector: &mut RowCollector<'_, S>,
) -> Result<(), DataError> {
    let failed = |e: std::io::Error| DataError::new(path, format!("cannot be read on: {e}")).at(1);
    let (start, _) = source.window(SAMPLE).map_err(failed)?;
    refuse_utf16(path, start)?;
    let mark = if start.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let blank = start[mark..].iter().take_while(|b| b.is_ascii_whitespace()).count();
    let array = start.get(mark + blank) == Some(&b'[');
    let lines = if array { memchr_iter(b'\n', &start[mark..mark + blank]).count() } else { 0 };
    source.consume(if array { mark + blank + 1 } else { mark });
    let mut len = SAMPLE;
    let objects = loop {
        let (sample, ended) = source.window(len).map_err(failed)?;
        if ended || len >= LONGEST || holds_one(sample, array) {
            break sample_objects(sample, ended, array);
        }
        len = (2 * len).min(LONGEST);
    };
    let keys = keys_of(&objects);
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let reading = collector.rules().reading();
    let asked = reading.format.as_deref().and_then(formats::named);
    let plain = reading.format.as_deref() == Some("comparisons-jsonl");
    let at_first = |message: String| {
        // the first object that is none tells it of itself
        DataError::new(path, message.replace("two columns mean", "two keys mean")).at(1 + lines)
    };
    if let Some(format) =
        asked.or_else(|| formats::recognised(&keys).filter(|_| !plain && !is_known(&keys, reading)))
    {
        records::begin(path, format, &keys, collector)?;
        return read_objects(path, JsonRecords { format }, source, array.then_some(lines), collector);
    }
    let layout = match keys.is_empty() {
        true => Layout::open(),
        false => Layout::of(&keys, reading, true).map_err(|message| {
            let object = if objects.len() == 1 && !array { wrapped(&objects[0]) } else { None };
            at_first(object.unwrap_or(message))
        })?,
    };
    if let Some(name) = layout.name_of(OUTCOME) {
        collector.numbers_are_scores(folded(name) != "winner");
    }
    if layout.first_won {
        collector.words_are_sides();
    }
    layout.reading().into_iter().for_each(|sentence| collector.note_reading(sentence));
    let tags = reading.tags;
    read_objects(path, JsonRows { layout, tags }, source, array.then_some(lines), collector)
}

/// Reads objects, one a line, or one an element of a list that began behind so many lines.
fn read_objects<S: FnMut(Entry) + Send>(
    path: &Path,
    of: impl Objects,
    source: impl Windows,
    array: Option<usize>,
    collector: &mut RowCollector<'_, S>,
) -> Result<(), DataError> {
    let Some(lines) = array else { return chunks::read(&Lines(of), source, 0, collector) };
    let list = JsonArray { of, closed: AtomicBool::new(false) };
    chunks::read(&list, source, lines, collector)?;
    match list.closed.into_inner() {
        true => Ok(()),
        false => Err(DataError::new(path, "ends within its list; write it again")),
    }
}

/// Whether the keys are those of comparisons, which go before published formats.
fn is_known(keys: &[&str], reading: &Reading) -> bool {
    Layout::of(keys, reading, true).is_ok()
}

/// The objects at the beginning, whole ones only.
fn sample_objects(sample: &[u8], ended: bool, array: bool) -> Vec<Map<String, Value>> {
    const OBJECTS: usize = 200;
    let read = |json: &[u8]| serde_json::from_slice::<Map<String, Value>>(json).ok();
    if array {
        let whole = elements(sample).filter(|e| ended || e.whole);
        return whole.take(OBJECTS).filter_map(|e| read(&sample[e.from..e.to])).collect();
    }
    sample.split(|b| *b == b'\n').take(OBJECTS).filter_map(read).collect()
}

/// Whether one object, or one line, has its end in these bytes.
fn holds_one(sample: &[u8], array: bool) -> bool {
    match array {
        true => elements(sample).next().is_some_and(|e| e.whole),
        false => memchr(b'\n', sample.trim_ascii_start()).is_some(),
    }
}

/// All keys, in the order of their first appearance.
fn keys_of(objects: &[Map<String, Value>]) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    let mut known = std::collections::BTreeSet::new();
    for key in objects.iter().flat_map(Map::keys) {
        if known.insert(key) {
            keys.push(key.clone());
        }
    }
    keys
}

/// What to say of a file that is one object around the rows.
fn wrapped(object: &Map<String, Value>) -> Option<String> {
    let within = object.iter().find(|(_, v)| v.as_array().is_some_and(|l| l.iter().any(Value::is_object)));
    let columns = object.values().all(|v| v.is_object() || v.is_array());
    match within {
        Some((key, _)) => {
            Some(format!("is one object with a list under `{key}`; write that list alone, as `[{{..}}, ..]`"))
        }
        None if columns && !object.is_empty() => Some(
            "is one object of columns; write an object a row (pandas: to_json(orient=\"records\"))"
                .to_owned(),
        ),
        None => None,
    }
}

/// One object, with its line.
trait Objects: Sync {
    fn object<S: FnMut(Entry)>(
        &self,
        line: usize,
        json: &[u8],
        collector: &mut RowCollector<'_, S>,
    ) -> Result<(), DataError>;
}

/// Objects that are comparisons.
struct JsonRows {
    layout: Layout,
    /// What separates the tags of a context.
    tags: Option<char>,
}

/// Objects of a published format.
struct JsonRecords {
    format: &'static RecordFormat,
}

/// The error of an object that is none.
fn not_an_object<S: FnMut(Entry)>(
    line: usize,
    collector: &RowCollector<'_, S>,
    message: String,
) -> DataError {
    DataError::new(collector.rules().path, message).at(line).because("not a JSON object")
}

impl Objects for JsonRecords {
    fn object<S: FnMut(Entry)>(
        &self,
        line: usize,
        json: &[u8],
        collector: &mut RowCollector<'_, S>,
    ) -> Result<(), DataError> {
        let taken = match serde_json::from_slice::<Map<String, Value>>(json) {
            Ok(record) => records::take(line, &record, self.format, collector),
            Err(e) => Err(not_an_object(line, collector, without_place(&e))),
        };
        collector.decide(taken)
    }
}

impl Objects for JsonRows {
    fn object<S: FnMut(Entry)>(
        &self,
        line: usize,
        json: &[u8],
        collector: &mut RowCollector<'_, S>,
    ) -> Result<(), DataError> {
        let read = match std::str::from_utf8(json) {
            Err(_) => Err("is not UTF-8; save the file as UTF-8".to_owned()),
            Ok(text) => {
                let mut reader = serde_json::Deserializer::from_str(text);
                let ignore = |column: &str| collector.ignore(column);
                let row = Object { layout: &self.layout, tags: self.tags, ignore }.deserialize(&mut reader);
                row.and_then(|row| reader.end().map(|()| row)).map_err(|e| without_place(&e))
            }
        };
        let cells = match read {
            Ok(cells) => cells,
            Err(message) => {
                let refused = not_an_object(line, collector, message);
                return collector.decide(Err(refused));
            }
        };
        let mut row: Row<'_> = cells.each_ref().map(|cell| {
            let cell = cell.as_ref()?.as_bytes().trim_ascii();
            (!cell.is_empty()).then_some(cell)
        });
        if row[OUTCOME].is_some() {
            // as in a header with both
            let others = WINNERS.into_iter().filter(|&m| row[m].take().is_some());
            others.for_each(|m| collector.ignore(COLUMNS[m].role));
        }
        if self.layout.first_won {
            as_result(&mut row);
        }
        collector.add(line, &row)
    }
}

/// One object a line.
struct Lines<O>(O);

impl<O: Objects> Format for Lines<O> {
    const LONGEST: usize = LONGEST;
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
        for (k, json) in bytes.split(|b| *b == b'\n').enumerate() {
            if !json.trim_ascii().is_empty() {
                self.0.object(k + 1, json, collector)?;
            }
        }
        Ok(())
    }
}

/// The elements of a list, behind its opening bracket.
struct JsonArray<O> {
    of: O,
    /// Whether its closing bracket has been seen.
    closed: AtomicBool,
}

/// One element: where it stands, and whether it has an end.
struct Element {
    from: usize,
    to: usize,
    whole: bool,
    /// Whether the bracket of the list follows.
    last: bool,
}

/// The elements of `bytes`, which begin with one; they end behind the closing bracket.
fn elements(bytes: &[u8]) -> impl Iterator<Item = Element> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let from = at;
        if from >= bytes.len() {
            return None;
        }
        let (mut depth, mut text, mut escaped) = (0usize, false, false);
        for (k, byte) in bytes[from..].iter().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if text => escaped = true,
                b'"' => text = !text,
                _ if text => {}
                b'{' | b'[' => depth += 1,
                b']' if depth == 0 => {
                    at = from + k + 1;
                    return Some(Element { from, to: from + k, whole: true, last: true });
                }
                b'}' | b']' => depth = depth.saturating_sub(1),
                b',' if depth == 0 => {
                    at = from + k + 1;
                    return Some(Element { from, to: from + k, whole: true, last: false });
                }
                _ => {}
            }
        }
        at = bytes.len();
        Some(Element { from, to: bytes.len(), whole: false, last: false })
    })
}

impl<O: Objects> JsonArray<O> {
    fn each<S: FnMut(Entry)>(
        &self,
        bytes: &[u8],
        collector: &mut RowCollector<'_, S>,
    ) -> Result<(), DataError> {
        let (mut line, mut counted) = (1, 0);
        let mut closed = false;
        for element in elements(bytes) {
            let json = &bytes[element.from..element.to];
            let blank = json.iter().take_while(|b| b.is_ascii_whitespace()).count();
            line += memchr_iter(b'\n', &bytes[counted..element.from + blank]).count();
            counted = element.from + blank;
            let refuse = |message: &str| Err(DataError::new(collector.rules().path, message).at(line));
            match (json.trim_ascii().is_empty(), closed) {
                (true, true) => {}
                (false, true) => return refuse("goes on behind the end of its list"),
                (true, false) if element.last => {}
                (true, false) if !element.whole => {}
                _ if !element.whole => return refuse("ends within an object of its list; write it again"),
                _ => self.of.object(line, json, collector)?,
            }
            closed |= element.last;
        }
        if closed {
            self.closed.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// One object an element: chunks begin behind a comma.
impl<O: Objects> Format for JsonArray<O> {
    const LONGEST: usize = LONGEST;
    const TOO_LONG: &'static str = "has an object of more than 64 MiB in its list";

    fn cuts(&self, bytes: &[u8], step: usize) -> Vec<usize> {
        let (mut cuts, mut least, mut last, mut closed) = (Vec::new(), step, 0, false);
        for element in elements(bytes) {
            closed |= element.last;
            // what stands behind the list is of one part with its end
            if !element.whole || closed {
                break;
            }
            last = element.to + 1;
            if last >= least {
                cuts.push(last);
                least = last + step;
            }
        }
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
        self.each(bytes, collector)
    }
}

/// The message without the place in the line, which would read as a place in the file.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let message = text.split(" at line ").next().unwrap_or(&text);
    format!("{message} (column {}); each line must be a JSON object", error.column())
}

/// Reads the cells of one object.
struct Object<'l, F> {
    layout: &'l Layout,
    tags: Option<char>,
    ignore: F,
}

type Cells<'a> = [Option<Cow<'a, str>>; COLUMNS.len()];

impl<'de, F: FnMut(&str)> DeserializeSeed<'de> for Object<'_, F> {
    type Value = Cells<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, F: FnMut(&str)> Visitor<'de> for Object<'_, F> {
    type Value = Cells<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut cells: Cells<'de> = Default::default();
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            let Some(m) = self.layout.meaning(&key) else {
                (self.ignore)(&key);
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let (column, flag) = (COLUMNS[m].role, WINNERS.contains(&m));
            let tags = self.tags.filter(|_| m == CONTEXT);
            let cell = map.next_value_seed(Cell { column, flag, tags })?;
            if cells[m].is_some() {
                return Err(A::Error::custom(format!(
                    "two keys mean `{}`; keep one of them",
                    COLUMNS[m].role
                )));
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
    /// What separates tags, where a list of them belongs.
    tags: Option<char>,
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

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let Some(separator) = self.tags else {
            if self.column == COLUMNS[CONTEXT].role {
                return Err(A::Error::custom(
                    "a list in `context`; if it is one of tags, say so by --tags \";\"",
                ));
            }
            return Err(A::Error::invalid_type(Unexpected::Seq, &self));
        };
        let mut tags = String::new();
        while let Some(tag) = list.next_element::<Cow<'de, str>>()? {
            if tag.contains(separator) {
                let rule =
                    format!("the tag `{tag}` holds {separator:?}; let --tags be a sign that no tag holds");
                return Err(A::Error::custom(rule));
            }
            if !tags.is_empty() {
                tags.push(separator);
            }
            tags.push_str(&tag);
        }
        Ok(Some(Cow::Owned(tags)))
    }
}
