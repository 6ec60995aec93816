//! YAML in and out: the only file that names a YAML crate.
//!
//! Reading goes through the events of `saphyr-parser`, because every value must keep its line and column until it has
//! been checked against the registries; deserialisers drop them. Scalars follow the YAML 1.2 core schema (`yes` is
//! text), except that digits with a leading zero are text. Refused, each by its place: text that is not UTF-8, several
//! documents, duplicate keys, keys that are not words, tags, nesting below [`MAX_DEPTH`], and aliases that stand for
//! more than [`MAX_ALIASED`] values in all (alias bombs).
//!
//! Writing needs no crate: blocks outside, flow style inside, strings in JSON's quotes. A matrix row stays one line.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::Path;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span as EventSpan};
use serde_json::{Map, Number, Value};

use crate::error::{ConfigError, KeyPlace, Sources, Span, Spanned};

/// Deepest nesting of lists and blocks.
pub const MAX_DEPTH: usize = 32;

/// How many values all aliases of a text may stand for together.
pub const MAX_ALIASED: usize = 100_000;

/// A value of a YAML text, with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it was typed.
    pub span: Span,
    /// What was typed.
    pub data: Data,
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// Nothing, `~` or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// Any other number; may be NaN or infinite.
    Float(f64),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A block of keys, as ordered in the text; keys differ.
    Map(Vec<(Spanned<String>, Node)>),
}

impl Node {
    /// What was found, for messages.
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.data {
            Data::Null => "nothing".into(),
            Data::Bool(b) => format!("`{b}`"),
            Data::Int(i) => format!("the number {i}"),
            Data::Float(x) => format!("the number {x}"),
            Data::Text(t) if t.chars().count() <= 40 => format!("the text `{t}`"),
            Data::Text(_) => "a long text".into(),
            Data::List(l) => format!("a list of {}", l.len()),
            Data::Map(_) => "a block of keys".into(),
        }
    }

    /// The value under `key`, if this is a block that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.data {
            Data::Map(entries) => entries.iter().find(|(k, _)| k.value == key).map(|(_, v)| v),
            _ => None,
        }
    }

    /// The same value as JSON.
    ///
    /// # Errors
    /// A number that is not finite, at its place.
    pub fn to_json(&self, sources: &Sources) -> Result<Value, ConfigError> {
        Ok(match &self.data {
            Data::Null => Value::Null,
            Data::Bool(b) => Value::Bool(*b),
            Data::Int(i) => match (u64::try_from(*i), i64::try_from(*i)) {
                (Ok(u), _) => u.into(),
                (_, Ok(i)) => i.into(),
                _ => Number::from_f64(*i as f64).expect("a whole number is finite").into(),
            },
            Data::Float(x) => match Number::from_f64(*x) {
                Some(number) => number.into(),
                None => return Err(sources.error(self.span, format!("{x} is not a finite number"))),
            },
            Data::Text(t) => Value::String(t.clone()),
            Data::List(items) => {
                Value::Array(items.iter().map(|n| n.to_json(sources)).collect::<Result<_, _>>()?)
            }
            Data::Map(entries) => {
                let pairs = entries.iter().map(|(k, v)| Ok((k.value.clone(), v.to_json(sources)?)));
                Value::Object(pairs.collect::<Result<Map<_, _>, ConfigError>>()?)
            }
        })
    }

    /// Where the keys, blocks and lists below `path` begin, each before what it holds.
    fn keys(&self, path: &str, found: &mut Vec<KeyPlace>) {
        let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        match &self.data {
            Data::Map(entries) => {
                found.push(KeyPlace { span: self.span, path: path.to_owned(), block: true });
                for (key, value) in entries {
                    let path = below(&key.value);
                    found.push(KeyPlace { span: key.span, path: path.clone(), block: false });
                    value.keys(&path, found);
                }
            }
            Data::List(items) => {
                found.push(KeyPlace { span: self.span, path: path.to_owned(), block: true });
                let scalar = |item: &Node| !matches!(item.data, Data::Map(_) | Data::List(_));
                // items of a list of scalars are found by the list; among blocks each is a place of its own
                let mixed = !items.iter().all(scalar);
                for (k, item) in items.iter().enumerate().filter(|_| mixed) {
                    let path = below(&k.to_string());
                    if scalar(item) {
                        found.push(KeyPlace { span: item.span, path: path.clone(), block: false });
                    }
                    item.keys(&path, found);
                }
            }
            _ => {}
        }
    }

    /// Number of values in this one, itself included.
    fn size(&self) -> usize {
        1 + match &self.data {
            Data::List(items) => items.iter().map(Node::size).sum(),
            Data::Map(entries) => entries.iter().map(|(_, v)| v.size()).sum(),
            _ => 0,
        }
    }

    /// Levels of lists and blocks in this one: 0 for a scalar.
    fn depth(&self) -> usize {
        match &self.data {
            Data::List(items) => 1 + items.iter().map(Node::depth).max().unwrap_or(0),
            Data::Map(entries) => 1 + entries.iter().map(|(_, v)| v.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }
}

/// Checks that `bytes` are UTF-8 and adds them to the sources; a byte-order mark is dropped.
///
/// # Errors
/// The place of the first byte that is not UTF-8.
pub fn add_bytes(
    sources: &mut Sources,
    name: &str,
    folder: &Path,
    bytes: &[u8],
) -> Result<usize, ConfigError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(sources.add(name, folder, text.strip_prefix('\u{feff}').unwrap_or(text))),
        Err(error) => {
            let good = std::str::from_utf8(&bytes[..error.valid_up_to()]).expect("checked up to here");
            let line = good.matches('\n').count() + 1;
            let column = good.chars().rev().take_while(|&c| c != '\n').count() + 1;
            let source = sources.add(name, folder, good);
            let byte = bytes[error.valid_up_to()];
            Err(sources
                .error(
                    Span { source, line, column, width: 1 },
                    format!("byte 0x{byte:02x} is not UTF-8 text"),
                )
                .help("save the file as UTF-8"))
        }
    }
}

/// Reads one document from source `source`, skipping its first `skip` characters (which must lie on the first line and
/// are, if there are any, the key it is about and `=`). Tells the sources where its keys are.
///
/// # Errors
/// As the module head says, each with its place. A text without a document is [`Data::Null`].
pub fn read(sources: &mut Sources, source: usize, skip: usize) -> Result<Node, ConfigError> {
    let root = tree(sources, source, skip)?;
    let mut keys = Vec::new();
    if let Some((path, _)) = sources.text(source).split_once('=').filter(|_| skip > 0) {
        let span = Span { source, line: 1, column: 1, width: skip - 1 };
        keys.push(KeyPlace { span, path: path.to_owned(), block: false });
        root.keys(path, &mut keys);
    } else {
        root.keys("", &mut keys);
    }
    sources.set_keys(source, keys);
    Ok(root)
}

fn tree(sources: &Sources, source: usize, skip: usize) -> Result<Node, ConfigError> {
    let text = sources.text(source);
    let start = text.char_indices().nth(skip).map_or(text.len(), |(i, _)| i);
    let mut reader = TreeBuilder {
        sources,
        source,
        skip,
        open: Vec::new(),
        root: None,
        anchors: BTreeMap::new(),
        aliased: 0,
    };
    let mut parser = Parser::new_from_str(&text[start..]);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|e| reader.syntax(e.marker(), e.info()))?;
        reader.event(event, span)?;
    }
    let whole = Span { source, line: 1, column: skip + 1, width: 1 };
    Ok(reader.root.unwrap_or(Node { span: whole, data: Data::Null }))
}

/// A list or block whose end has not been read.
struct Open {
    span: Span,
    anchor: usize,
    data: Data,
    /// In a block: where each key was typed, and the key that waits for its value.
    keys: BTreeMap<String, Span>,
    key: Option<Spanned<String>>,
}

struct TreeBuilder<'a> {
    sources: &'a Sources,
    source: usize,
    skip: usize,
    open: Vec<Open>,
    root: Option<Node>,
    /// Finished anchored nodes, with their sizes; `None` while the node is open.
    anchors: BTreeMap<usize, Option<(Node, usize)>>,
    aliased: usize,
}

impl TreeBuilder<'_> {
    fn span(&self, span: EventSpan) -> Span {
        let (line, column) = (span.start.line(), span.start.col() + 1);
        let one_line = span.end.line() == line && span.end.col() > span.start.col();
        let width = if one_line { span.end.col() - span.start.col() } else { 1 };
        Span { source: self.source, line, column: column + if line == 1 { self.skip } else { 0 }, width }
    }

    fn syntax(&self, at: &Marker, info: &str) -> ConfigError {
        let mut span = self.span(EventSpan::empty(*at));
        let text = self.sources.text(self.source);
        if span.line > text.lines().count() {
            // found at the end of the text: show the last thing that was typed
            let last = text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()).last();
            if let Some((k, line)) = last {
                (span.line, span.column) = (k + 1, line.trim_end().chars().count() + 1);
            }
        }
        let error = self.sources.error(span, format!("not YAML: {info}"));
        let line = text.lines().nth(span.line.saturating_sub(1)).unwrap_or("");
        if line.chars().take(span.column).any(|c| c == '\t') {
            error.help("YAML indents with spaces; replace the tab")
        } else {
            error
        }
    }

    fn event(&mut self, event: Event<'_>, span: EventSpan) -> Result<(), ConfigError> {
        let span = self.span(span);
        let tag = match &event {
            Event::Scalar(_, _, _, tag) | Event::SequenceStart(_, tag) | Event::MappingStart(_, tag) => tag,
            _ => &None,
        };
        if let Some(tag) = tag {
            let message = format!("the tag `{tag}` has no meaning here");
            return Err(self
                .sources
                .error(span, message)
                .help("leave it out; quote a value to make it text"));
        }
        match event {
            Event::DocumentStart(_) if self.root.is_some() => {
                return Err(self
                    .sources
                    .error(span, "a second document begins; one file holds one experiment"));
            }
            Event::Scalar(text, style, anchor, _) => {
                if let Some(Open { data: Data::Map(_), key: None, .. }) = self.open.last() {
                    return self.key(text.into_owned(), style, span);
                }
                let data =
                    if style == ScalarStyle::Plain { scalar(&text) } else { Data::Text(text.into_owned()) };
                self.finish(Node { span, data }, anchor)?;
            }
            Event::SequenceStart(anchor, _) => self.begin(span, anchor, Data::List(Vec::new()))?,
            Event::MappingStart(anchor, _) => self.begin(span, anchor, Data::Map(Vec::new()))?,
            Event::SequenceEnd | Event::MappingEnd => {
                let Open { span, anchor, data, .. } =
                    self.open.pop().expect("the parser balances its events");
                self.finish(Node { span, data }, anchor)?;
            }
            Event::Alias(anchor) => self.alias(anchor, span)?,
            _ => {}
        }
        Ok(())
    }

    /// A key is kept as it was typed: `1` and `true` are words here.
    fn key(&mut self, value: String, style: ScalarStyle, span: Span) -> Result<(), ConfigError> {
        if value.is_empty() && style == ScalarStyle::Plain {
            return Err(self.sources.error(span, "a key is missing before `:`"));
        }
        let open = self.open.last_mut().expect("a key is inside a block");
        if let Some(first) = open.keys.insert(value.clone(), span) {
            let message = format!("the key `{value}` stands twice in one block");
            let help = format!("it stands first at line {}, column {}", first.line, first.column);
            return Err(self.sources.error(span, message).help(help));
        }
        open.key = Some(Spanned { value, span });
        Ok(())
    }

    fn begin(&mut self, span: Span, anchor: usize, data: Data) -> Result<(), ConfigError> {
        self.refuse_as_key(span)?;
        if self.open.len() == MAX_DEPTH {
            return Err(self.sources.error(span, format!("nested more than {MAX_DEPTH} levels deep")));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, None);
        }
        self.open.push(Open { span, anchor, data, keys: BTreeMap::new(), key: None });
        Ok(())
    }

    fn refuse_as_key(&self, span: Span) -> Result<(), ConfigError> {
        match self.open.last() {
            Some(Open { data: Data::Map(_), key: None, .. }) => {
                Err(self.sources.error(span, "a key must be a word, not a list, a block or an alias"))
            }
            _ => Ok(()),
        }
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), ConfigError> {
        self.refuse_as_key(span)?;
        let Some(Some((node, size))) = self.anchors.get(&anchor) else {
            return Err(self.sources.error(span, "this alias stands inside the value that it names"));
        };
        self.aliased += size;
        if self.aliased > MAX_ALIASED {
            let message = format!("the aliases up to here stand for more than {MAX_ALIASED} values");
            return Err(self.sources.error(span, message).help("write the values out, or use fewer aliases"));
        }
        if self.open.len() + node.depth() > MAX_DEPTH {
            return Err(self.sources.error(span, format!("nested more than {MAX_DEPTH} levels deep")));
        }
        let node = node.clone();
        self.finish(node, 0)
    }

    fn finish(&mut self, node: Node, anchor: usize) -> Result<(), ConfigError> {
        if anchor > 0 {
            let size = node.size();
            self.anchors.insert(anchor, Some((node.clone(), size)));
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open { data: Data::List(items), .. }) => items.push(node),
            Some(Open { data: Data::Map(entries), key, .. }) => {
                entries.push((key.take().expect("a value follows its key"), node));
            }
            Some(_) => unreachable!("only lists and blocks are open"),
        }
        Ok(())
    }
}

/// A plain scalar by the core schema.
fn scalar(text: &str) -> Data {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Data::Null,
        "true" | "True" | "TRUE" => return Data::Bool(true),
        "false" | "False" | "FALSE" => return Data::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Data::Float(f64::NAN),
        _ => {}
    }
    let (sign, digits) = match text.as_bytes()[0] {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    if matches!(digits, ".inf" | ".Inf" | ".INF") {
        return Data::Float(sign * f64::INFINITY);
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(rest) = text.strip_prefix(prefix).filter(|r| r.bytes().all(|b| b.is_ascii_alphanumeric()))
        {
            return i128::from_str_radix(rest, radix).map_or(Data::Text(text.into()), Data::Int);
        }
    }
    let whole = digits.bytes().take_while(u8::is_ascii_digit).count();
    let mantissa =
        digits[whole..].strip_prefix('.').map_or(0, |d| d.bytes().take_while(u8::is_ascii_digit).count());
    let leading_zero = whole > 1 && digits.starts_with('0');
    let number = whole + mantissa > 0
        && !leading_zero
        && digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    if number
        && whole == digits.len()
        && let Ok(int) = text.parse()
    {
        return Data::Int(int);
    }
    match text.parse::<f64>() {
        Ok(x) if number => Data::Float(x),
        _ => Data::Text(text.into()),
    }
}

/// Writes one key of a document: a scalar or a list of scalars in one line, else one line a list item below it;
/// everything inside in flow style.
///
/// # Errors
/// Those of `out`.
pub fn write_entry(out: &mut dyn io::Write, key: &str, value: &Value) -> io::Result<()> {
    match value {
        Value::Array(items) if items.iter().any(|v| v.is_object() || v.is_array()) => {
            write_list(out, key, items.iter().cloned())
        }
        _ => {
            let mut text = String::new();
            flow(&mut text, value);
            writeln!(out, "{key}: {text}")
        }
    }
}

/// Writes one key of a document whose value is a list of blocks, an item at a time.
///
/// # Errors
/// Those of `out`.
pub fn write_list(
    out: &mut dyn io::Write,
    key: &str,
    items: impl IntoIterator<Item = Value>,
) -> io::Result<()> {
    writeln!(out, "{key}:")?;
    let mut text = String::new();
    for item in items {
        text.clear();
        flow_item(&mut text, &item);
        writeln!(out, "  - {text}")?;
    }
    Ok(())
}

/// `kind: {...}` without braces of its own where the item is a one-key block.
fn flow_item(out: &mut String, item: &Value) {
    match item {
        Value::Object(map) if map.len() == 1 => {
            for (key, value) in map {
                word(out, key);
                out.push_str(": ");
                flow(out, value);
            }
        }
        _ => flow(out, item),
    }
}

fn flow(out: &mut String, value: &Value) {
    let separated = |out: &mut String, first: &mut bool| {
        if !std::mem::take(first) {
            out.push_str(", ");
        }
    };
    let mut first = true;
    match value {
        Value::String(text) => word(out, text),
        Value::Array(items) => {
            out.push('[');
            for item in items {
                separated(out, &mut first);
                flow(out, item);
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push('{');
            for (key, value) in map {
                separated(out, &mut first);
                word(out, key);
                out.push_str(": ");
                flow(out, value);
            }
            out.push('}');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            let _ = write!(out, "{value}");
        }
    }
}

/// A word stands plain if nothing could read it otherwise; all else in double quotes, what is not printable escaped.
fn word(out: &mut String, text: &str) {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        && matches!(scalar(text), Data::Text(_));
    if plain {
        out.push_str(text);
        return;
    }
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            c if c.is_alphanumeric() => out.push(c),
            c => {
                let _ = write!(out, "\\U{:08x}", u32::from(c));
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_key_and_value() {
        let mut sources = Sources::default();
        let text = "a: 1\nlist:\n  - x: {eta: \"no\"}\n  - [1, 2]\n  - z\nnames: [p, q]\n";
        let source = sources.add("a.yaml", Path::new("."), text);
        let root = read(&mut sources, source, 0).unwrap();
        let told = |line, column, width| {
            let error = sources.error(Span { source, line, column, width }, "no");
            (error.key, error.value)
        };
        let some = |key: &str, value: &str| (Some(key.to_owned()), Some(value.to_owned()));
        assert_eq!(told(1, 1, 1), some("a", "a"));
        assert_eq!(told(1, 4, 1), some("a", "1"));
        assert_eq!(told(3, 14, 4), some("list.0.x.eta", "no"));
        assert_eq!(told(4, 9, 1), some("list.1", "2"));
        assert_eq!(told(5, 5, 1), some("list.2", "z"));
        assert_eq!(told(6, 12, 1), some("names", "q"));
        let block = root.get("list").map(|list| list.span).unwrap();
        assert_eq!(sources.error(block, "no").key.as_deref(), Some("list"));
        assert_eq!(told(0, 0, 1), (None, None));

        let set = sources.add("--set", Path::new(""), "limits.steps=-3");
        read(&mut sources, set, 13).unwrap();
        let error = sources.error(Span { source: set, line: 1, column: 14, width: 2 }, "no");
        assert_eq!((error.key.as_deref(), error.value.as_deref()), (Some("limits.steps"), Some("-3")));
    }
}
