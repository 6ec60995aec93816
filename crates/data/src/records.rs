//! Records of published formats -> rows: what a format's file makes of one object goes through the same checks as a row of a
//! table.

use std::path::Path;

use serde_json::{Map, Value};

use crate::collector::{Entry, RowCollector};
use crate::columns::{
    ANNOTATOR, COLUMNS, CONTEXT, ITEM_A, ITEM_B, MAGNITUDE, OUTCOME, Row, TIMESTAMP, WEIGHT, folded,
};
use crate::error::DataError;

/// One object, or one row of a table: keys as columns. Numbers of a table are text.
pub(crate) type Record = Map<String, Value>;

/// What a record is made into.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Made {
    /// A comparison of two items.
    Pair(Pair),
    /// A ranking of several, the best first, tied ones together.
    Ranking { groups: Vec<Vec<String>>, weight: f64, context: Option<String>, annotator: Option<String> },
    /// A score of an item, to be ranked with the others of its context and annotator.
    Rated { item: String, score: f64, context: Option<String>, annotator: Option<String> },
    /// A judgement that says nothing, and why.
    LeftOut(String),
}

/// A comparison of two items, as words.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Pair {
    pub(crate) items: [String; 2],
    pub(crate) outcome: String,
    pub(crate) weight: Option<f64>,
    pub(crate) magnitude: Option<f64>,
    pub(crate) context: Option<String>,
    pub(crate) annotator: Option<String>,
    pub(crate) time: Option<String>,
}

/// A format of records.
pub(crate) struct RecordFormat {
    /// Name of its row of the registry.
    pub(crate) name: &'static str,
    /// What a record becomes, in a line.
    pub(crate) summary: &'static str,
    /// Keys by which it is told: all of them must be there.
    pub(crate) needed: &'static [&'static str],
    /// Keys that mean something, with those.
    pub(crate) keys: &'static [&'static str],
    /// Meanings of columns that its records hold.
    pub(crate) holds: &'static [usize],
    /// Whether a record is a score, to be ranked with others.
    pub(crate) rated: bool,
    /// Makes comparisons or rankings of a record, or says what is wrong with it.
    pub(crate) convert: fn(&Record) -> Result<Vec<Made>, String>,
}

/// Names of a context in tables of items.
const CONTEXTS: [&str; 4] = ["id", "prompt", "task", "dataset"];

/// What a column of a table means, if it is no item: the context, the annotator, or how many equal rows there were.
pub(crate) fn meaning(key: &str) -> Option<usize> {
    ranked_meaning(key).map(|(m, _)| m)
}

/// The meaning, and how well the name fits it: 0 best.
fn ranked_meaning(key: &str) -> Option<(usize, usize)> {
    let name = folded(key);
    let place = |names: &[&str]| names.iter().position(|n| *n == name);
    let known = |m: usize| {
        let strong = place(COLUMNS[m].names);
        let names = COLUMNS[m].names.len();
        let contexts = names + COLUMNS[m].synonyms.len();
        strong
            .or_else(|| Some(names + place(COLUMNS[m].synonyms)?))
            .or_else(|| Some(contexts + place(&CONTEXTS).filter(|_| m == CONTEXT)?))
    };
    [CONTEXT, ANNOTATOR, WEIGHT].into_iter().find_map(|m| Some((m, known(m)?)))
}

/// Of columns the one that holds this meaning: several may, and the name that fits it best counts.
pub(crate) fn column_of<'a>(keys: impl Iterator<Item = &'a str>, wanted: usize) -> Option<&'a str> {
    let fitting = keys.filter_map(|key| Some((ranked_meaning(key).filter(|(m, _)| *m == wanted)?.1, key)));
    fitting.min_by_key(|(rank, _)| *rank).map(|(_, key)| key)
}

/// Says which format was recognised, and which of its keys say nothing here.
pub(crate) fn begin<S: FnMut(Entry) + Send>(
    path: &Path,
    format: &'static RecordFormat,
    keys: &[&str],
    collector: &mut RowCollector<'_, S>,
) -> Result<(), DataError> {
    if collector.rules().reading().columns.iter().any(|c| c.role != "context") {
        let message = format!(
            "has the columns of {}, which are not mapped one by one; leave out --columns, or give --format comparisons-jsonl \
             or comparisons-csv",
            format.name
        );
        return Err(DataError::new(path, message));
    }
    collector.words_are_sides();
    if format.rated {
        collector.keep_all_details();
    }
    collector.check_filters(|m| format.holds.contains(&m))?;
    // of a table every column is an item or has a meaning
    let table = format.rated || format.keys.is_empty();
    let given = collector.rules().reading().column("context");
    let unused = |key: &&&str| {
        let key = **key;
        match meaning(key).filter(|_| table) {
            Some(CONTEXT) if given.is_some() => given != Some(key),
            Some(m) => column_of(keys.iter().copied(), m) != Some(key) || !format.holds.contains(&m),
            None => !format.keys.is_empty() && !format.keys.contains(&key) && given != Some(key),
        }
    };
    keys.iter().filter(unused).for_each(|key| collector.ignore(key));
    collector.note_reading(format!("read as {}: {}", format.name, format.summary));
    // of several columns that a meaning fits one was taken
    let told = |m: &usize| {
        let key =
            column_of(keys.iter().copied(), *m).filter(|_| table && (*m != CONTEXT || given.is_none()))?;
        let known = COLUMNS[*m].names.contains(&folded(key).as_str());
        (!known).then(|| format!("`{}` as {}", crate::error::excerpt(key), COLUMNS[*m].role))
    };
    let told: Vec<String> = format.holds.iter().filter_map(told).collect();
    if !told.is_empty() {
        collector.note_reading(format!("read {}", told.join(", ")));
    }
    Ok(())
}

/// Takes a record.
pub(crate) fn take<S: FnMut(Entry)>(
    line: usize,
    record: &Record,
    format: &RecordFormat,
    collector: &mut RowCollector<'_, S>,
) -> Result<(), DataError> {
    let reading = collector.rules().reading();
    let context = reading.column("context").map(|name| word(record, name));
    let made = (format.convert)(record).map_err(|rule| {
        let rule = format!("{rule} ({}; see equipoise list readers)", format.name);
        DataError::new(collector.rules().path, rule).at(line).because("not a whole record")
    })?;
    for made in made {
        match made {
            Made::LeftOut(reason) => collector.leave_out(line, &reason),
            Made::Pair(pair) => add(line, &pair, context.as_ref(), collector)?,
            Made::Ranking { groups, weight, context: own, annotator } => {
                let own = context.clone().unwrap_or(own);
                collector.add_names(line, &groups, weight, [own.as_deref(), annotator.as_deref()])?;
            }
            Made::Rated { item, score, context: own, annotator } => {
                let own = context.clone().unwrap_or(own);
                collector.add_rated(line, &item, score, [own.as_deref(), annotator.as_deref()])?;
            }
        }
    }
    Ok(())
}

fn add<S: FnMut(Entry)>(
    line: usize,
    pair: &Pair,
    context: Option<&Option<String>>,
    collector: &mut RowCollector<'_, S>,
) -> Result<(), DataError> {
    let number = |x: Option<f64>| x.map(|x| x.to_string());
    let (weight, magnitude) = (number(pair.weight), number(pair.magnitude));
    fn cell(text: Option<&String>) -> Option<&[u8]> {
        text.map(|t| t.trim().as_bytes()).filter(|t| !t.is_empty())
    }
    let mut row: Row<'_> = Row::default();
    row[ITEM_A] = cell(Some(&pair.items[0]));
    row[ITEM_B] = cell(Some(&pair.items[1]));
    row[OUTCOME] = cell(Some(&pair.outcome));
    row[CONTEXT] = cell(context.unwrap_or(&pair.context).as_ref());
    row[ANNOTATOR] = cell(pair.annotator.as_ref());
    row[TIMESTAMP] = cell(pair.time.as_ref());
    row[WEIGHT] = cell(weight.as_ref());
    row[MAGNITUDE] = cell(magnitude.as_ref());
    collector.add(line, &row)
}

/// The text, number or list of texts of a key; none where there is none, or it is empty.
pub(crate) fn word(record: &Record, key: &str) -> Option<String> {
    fn text(value: &Value) -> Option<String> {
        match value {
            Value::String(text) => Some(text.trim().to_owned()).filter(|t| !t.is_empty()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            Value::Array(list) => {
                let parts: Option<Vec<String>> = list.iter().map(text).collect();
                parts.filter(|p| !p.is_empty()).map(|p| p.join(","))
            }
            Value::Null | Value::Object(_) => None,
        }
    }
    record.get(key).and_then(text)
}

/// The text of a key that must be there.
pub(crate) fn needed(record: &Record, key: &str) -> Result<String, String> {
    word(record, key).ok_or_else(|| format!("`{key}` is missing or empty"))
}

/// The number of a key, if there is something.
pub(crate) fn number(record: &Record, key: &str) -> Result<Option<f64>, String> {
    let Some(text) = word(record, key) else { return Ok(None) };
    let number = text.parse::<f64>().ok().filter(|x| x.is_finite());
    number
        .map(Some)
        .ok_or_else(|| format!("`{key}` is `{}`, which is not a finite number", crate::error::excerpt(&text)))
}
