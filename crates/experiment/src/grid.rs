//! Parameter blocks and their grids: a list where one value is expected stands for one block each.
//!
//! A parameter whose default is itself a list takes a list as its value; for it a list of lists is a grid. The key
//! typed first varies slowest.

use serde_json::{Map, Value};

use crate::error::{ConfigError, Sources, Span, Spanned};
use crate::file::TaggedBlock;
use crate::yaml::{Data, Node};

/// How many points one entry may stand for.
pub(crate) const MAX_POINTS: usize = 100_000;

/// One point of a grid.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    /// The parameters typed, one value each.
    pub(crate) given: Map<String, Value>,
    /// Where keys and values were typed.
    spans: Vec<(String, Span, Span)>,
    /// Where the entry begins.
    pub(crate) entry: Span,
}

impl Point {
    /// Where the value of `key` was typed (`key` may go on with a path inside the value); else the entry.
    pub(crate) fn value_span(&self, key: &str) -> Span {
        self.find(key).map_or(self.entry, |(_, _, value)| *value)
    }

    /// Where `key` itself was typed; else the entry.
    pub(crate) fn key_span(&self, key: &str) -> Span {
        self.find(key).map_or(self.entry, |(_, key, _)| *key)
    }

    fn find(&self, key: &str) -> Option<&(String, Span, Span)> {
        let head = key.split(['.', '[']).next().unwrap_or(key);
        self.spans.iter().find(|(k, ..)| k == key || k == head)
    }

    /// The given parameters over `defaults`.
    pub(crate) fn filled(&self, defaults: &Value) -> Value {
        let mut all = defaults.as_object().cloned().unwrap_or_default();
        all.extend(self.given.clone());
        Value::Object(all)
    }
}

/// The points of `block`, whose parameters have these `defaults`; `what` names it in messages. A default that is a list
/// says that the parameter takes one.
pub(crate) fn expand(
    sources: &Sources,
    block: &TaggedBlock,
    what: &str,
    defaults: &Value,
) -> Result<Vec<Point>, ConfigError> {
    expand_by(sources, block, what, defaults, &|key| levels(&defaults[key]))
}

/// As [`expand`], where `list_levels` says how many levels of lists one value of a key has.
pub(crate) fn expand_by(
    sources: &Sources,
    block: &TaggedBlock,
    what: &str,
    defaults: &Value,
    list_levels: &dyn Fn(&str) -> usize,
) -> Result<Vec<Point>, ConfigError> {
    let defaults = defaults.as_object().cloned().unwrap_or_default();
    let known: Vec<&str> = defaults.keys().map(String::as_str).collect();
    let entry = block.kind.span;
    let mut points = vec![Point { given: Map::new(), spans: Vec::new(), entry }];
    let Some(block) = &block.value else { return Ok(points) };
    for (key, node) in sources.block(block, &format!("the parameters of {what}"), &known)? {
        let values = alternatives(sources, key, node, list_levels(&key.value))?;
        if points.len() * values.len() > MAX_POINTS {
            let message = format!("{what} stands for more than {MAX_POINTS} combinations");
            return Err(sources.error(key.span, message));
        }
        points = points
            .iter()
            .flat_map(|point| values.iter().map(move |(value, span)| (point, value, span)))
            .map(|(point, value, span)| {
                let mut point = point.clone();
                point.given.insert(key.value.clone(), value.clone());
                point.spans.push((key.value.clone(), key.span, *span));
                point
            })
            .collect();
    }
    Ok(points)
}

fn alternatives(
    sources: &Sources,
    key: &Spanned<String>,
    node: &Node,
    levels_of_one: usize,
) -> Result<Vec<(Value, Span)>, ConfigError> {
    match &node.data {
        Data::List(items) if items.is_empty() && levels_of_one == 0 => Err(sources
            .error(node.span, format!("the grid of `{}` is empty; it needs at least one value", key.value))),
        Data::List(items) if node_levels(node) > levels_of_one => {
            items.iter().map(|item| Ok((item.to_json(sources)?, item.span))).collect()
        }
        _ => Ok(vec![(node.to_json(sources)?, node.span)]),
    }
}

/// The values that blocks within the parameters stand for: `pairs: { per_context: [50, 100] }` is two, and so is a channel
/// with two rates. The list of channels itself is one value. The key that comes first varies slowest.
pub(crate) fn within(parameters: &Value) -> Vec<Value> {
    let Value::Object(all) = parameters else { return vec![parameters.clone()] };
    product(all.iter().map(|(key, value)| (key, of_parameter(value))))
}

fn of_parameter(value: &Value) -> Vec<Value> {
    match value {
        Value::Object(block) => product(block.iter().map(|(key, value)| (key, alternatives_of(value)))),
        Value::Array(items) => items.iter().fold(vec![Value::Array(Vec::new())], |lists, item| {
            let each = of_parameter(item);
            let longer = |list: &Value| {
                let so_far = list.as_array().cloned().unwrap_or_default();
                each.iter().map(|v| so_far.iter().cloned().chain([v.clone()]).collect()).collect::<Vec<_>>()
            };
            lists.iter().flat_map(longer).collect()
        }),
        other => vec![other.clone()],
    }
}

/// A list within a block is a grid.
fn alternatives_of(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items.iter().flat_map(alternatives_of).collect(),
        other => of_parameter(other),
    }
}

fn product<'a>(keys: impl Iterator<Item = (&'a String, Vec<Value>)>) -> Vec<Value> {
    let mut blocks = vec![Map::new()];
    for (key, values) in keys {
        let with = |block: &Map<String, Value>| {
            let with = |value: &Value| {
                let mut block = block.clone();
                block.insert(key.clone(), value.clone());
                block
            };
            values.iter().map(with).collect::<Vec<_>>()
        };
        blocks = blocks.iter().flat_map(with).collect();
    }
    blocks.into_iter().map(Value::Object).collect()
}

/// Levels of lists in a value.
pub(crate) fn levels(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.first().map_or(0, levels),
        _ => 0,
    }
}

fn node_levels(node: &Node) -> usize {
    match &node.data {
        Data::List(items) => 1 + items.first().map_or(0, node_levels),
        _ => 0,
    }
}

/// Suffixes that tell blocks of one kind apart: `key=value` for every key in which some of them differ.
pub(crate) fn distinguish(blocks: &[&Map<String, Value>]) -> Vec<Vec<String>> {
    let mut keys: Vec<&String> = blocks.iter().flat_map(|b| b.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    keys.retain(|key| blocks.iter().any(|b| b.get(*key) != blocks[0].get(*key)));
    let show = |block: &Map<String, Value>, key: &String| match block.get(key) {
        Some(Value::String(text)) => Some(format!("{key}={text}")),
        Some(Value::Null) => None, // left to the method
        Some(value) => Some(format!("{key}={value}")),
        None => None,
    };
    blocks.iter().map(|block| keys.iter().filter_map(|key| show(block, key)).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;
    use serde_json::json;
    use std::path::Path;

    fn points(text: &str) -> Result<Vec<Value>, String> {
        let mut sources = Sources::default();
        let source = sources.add("x", Path::new(""), text);
        let root = yaml::read(&mut sources, source, 0).unwrap();
        let block = sources.tagged(&root, "x").unwrap();
        let defaults = json!({ "eta": 1.0, "rule": "a", "weights": [1.0, 2.0], "mixture": null });
        let points = expand(&sources, &block, "solver `x`", &defaults).map_err(|e| e.to_string())?;
        Ok(points.into_iter().map(|p| Value::Object(p.given)).collect())
    }

    #[test]
    fn lists_are_grids_in_the_order_typed() {
        assert_eq!(points("x").unwrap(), [json!({})]);
        assert_eq!(
            points("x: { rule: [a, b], eta: [1, 2], mixture: 3 }").unwrap(),
            [("a", 1), ("a", 2), ("b", 1), ("b", 2)].map(|(r, e)| json!({"rule": r, "eta": e, "mixture": 3}))
        );
        assert_eq!(points("x: { weights: [3, 4] }").unwrap(), [json!({"weights": [3, 4]})]);
        assert_eq!(
            points("x: { weights: [[3, 4], [5, 6]] }").unwrap(),
            [json!({"weights": [3, 4]}), json!({"weights": [5, 6]})]
        );
        assert!(points("x: { eta: [] }").unwrap_err().contains("x:1:11: the grid of `eta` is empty"));
        let hundred = format!("[{}]", ["1"; 100].join(", "));
        let huge = format!("x: {{ eta: {hundred}, rule: {hundred}, mixture: {hundred} }}");
        assert!(points(&huge).unwrap_err().contains("more than 100000 combinations"));
    }

    #[test]
    fn lists_within_blocks_are_grids_too() {
        let one = json!({"model": "counts", "pairs": {"design": "all", "per_context": [5, 9]},
            "labels": [{"flip": {"rate": [0.1, 0.2]}}, "half"]});
        let all = within(&one);
        assert_eq!(all.len(), 4);
        assert!(all.contains(&json!({"model": "counts", "pairs": {"design": "all", "per_context": 9},
            "labels": [{"flip": {"rate": 0.1}}, "half"]})));
        let plain = json!({"model": {"gpm": {"rank": 4}}, "labels": []});
        assert_eq!(within(&plain), [plain]);
    }

    #[test]
    fn suffixes_name_what_differs() {
        let blocks = [json!({"a": 1, "b": "x"}), json!({"a": 1, "b": "y", "c": [1]})];
        let maps: Vec<_> = blocks.iter().map(|b| b.as_object().unwrap()).collect();
        assert_eq!(distinguish(&maps), [vec!["b=x"], vec!["b=y", "c=[1]"]]);
    }
}
